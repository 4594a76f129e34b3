"""The parser of pages: whatever comes, it is a page or one of two clear errors."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.lib.fetching import ask, in_folder
from tests.lib.fhir_server import Fault, FhirServer, outcome, patients
from tests.lib.mutate import mutated

from cytowatch.errors import InputError
from cytowatch.fetch.failures import DamagedError, MismatchError
from cytowatch.fetch.manifest import read_manifest
from cytowatch.fetch.page import UNKNOWN, pointed_at, read_page, reference

SHARED = next((path for path in [Path(__file__).parents[2].parent / "shared" / "data" / "fhir"] if path.exists()), None)
JSON = {"Content-Type": "application/fhir+json"}


def page(number: int = 3) -> bytes:
    """A page as servers write them, with a remark and a next link."""
    entries = [
        {"fullUrl": f"http://h/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in patients(number)
    ]
    entries.append({"resource": outcome("informational", "a remark", "warning"), "search": {"mode": "outcome"}})
    link = [{"relation": "self", "url": "http://h/fhir/Patient?_count=5"}, {"relation": "next", "url": "?page=2"}]
    told = {"resourceType": "Bundle", "type": "searchset", "total": 36, "link": link, "entry": entries}
    return json.dumps(told, indent=1).encode()


def test_a_page_is_taken_apart() -> None:
    told = read_page(page())
    assert (len(told.resources), told.next, told.total) == (36, "?page=2", 36)
    assert [(issue.severity, issue.words) for issue in told.issues] == [("warning", "a remark")]
    first = told.resources[0]
    assert (first.type, first.id) == ("Patient", "p0-0")
    assert json.loads(first.line) == patients(1)[0]
    assert b"\n" not in first.line


def test_a_history_tells_what_was_deleted() -> None:
    told = {"resourceType": "Bundle", "type": "history", "entry": [
        {"request": {"method": "DELETE", "url": "Patient/a"}},
        {"fullUrl": "http://h/Patient/b", "request": {"method": "DELETE", "url": "http://h/Patient/b/_history/3"}},
        {"request": {"method": "PUT", "url": "Patient/c"}, "resource": {"resourceType": "Patient", "id": "c"}},
        {"request": {"method": "DELETE", "url": "Patient?identifier=5"}},
    ]}  # fmt: skip
    events = read_page(json.dumps(told).encode()).events
    assert events == [("Patient", "a", True), ("Patient", "b", True), ("Patient", "c", False)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Medication/a", ("Medication", "a")), ("http://h/fhir/Medication/a/_history/2", ("Medication", "a")),
        ("#contained", None), ("urn:uuid:1", None), (None, None), ("", None),
        ("Medication?code=5", None), ("medication/a", None),
    ],
)  # fmt: skip
def test_references(text: str | None, found: tuple[str, str] | None) -> None:
    assert reference(text) == found


def test_pointers_are_found_in_any_line() -> None:
    assert pointed_at(b'{"medicationReference":{"reference":"Medication/a"},"device":{"reference":"Device/b"}}') == [
        ("Medication", "a"), ("Device", "b"),
    ]  # fmt: skip
    for line in (
        b"",
        b"{",
        b"[]",
        b'{"device":[1]}',
        b'{"medicationReference":5}',
        b'{"device":{"reference":5}}',
        b"\xff",
    ):
        assert pointed_at(line) == []


@pytest.mark.skipif(SHARED is None, reason="the shared FHIR examples are not there")
def test_real_examples_pass_unchanged() -> None:
    assert SHARED is not None
    raw = (SHARED / "r4_core_examples.ndjson").read_bytes().splitlines()
    bundle = (
        b'{"resourceType":"Bundle","type":"searchset","entry":['
        + b",".join(b'{"resource":' + line + b"}" for line in raw)
        + b"]}"
    )
    told = read_page(bundle)
    assert len(told.resources) + len(told.issues) >= len(raw)
    kept = {one.line for one in told.resources}
    assert all(
        json.loads(line)["resourceType"] == "OperationOutcome" or line in kept or _compact(line) in kept for line in raw
    )
    assert UNKNOWN not in {one.type for one in told.resources}


def _compact(line: bytes) -> bytes:
    import msgspec

    return bytes(msgspec.json.format(line, indent=-1))


@pytest.mark.skipif(SHARED is None, reason="the shared FHIR examples are not there")
def test_real_examples_come_through_a_server(tmp_path: Path) -> None:
    assert SHARED is not None
    raw = [json.loads(line) for line in (SHARED / "r4_core_examples.ndjson").read_bytes().splitlines()]
    kinds = sorted({f"{one['resourceType']}?" for one in raw} - {"OperationOutcome?"})
    with FhirServer(raw) as server:
        report = ask(server, tmp_path / "out", types=kinds, count=3)
        found = in_folder(tmp_path / "out")
    whole = {(one["resourceType"], one["id"]) for one in raw} - {("OperationOutcome", one["id"]) for one in raw}
    assert report.complete
    assert {one[:2] for one in found} == whole
    assert len(found) == len(set(found))


def survive(bodies: int, seed: int) -> dict[str, int]:
    """Read mutated pages; how many were pages, damaged, or something else."""
    fates = {"page": 0, "damaged": 0, "mismatch": 0}
    whole, manifest = (
        page(),
        b'{"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"Patient","url":"u","count":1}]}',
    )
    for number in range(bodies):
        body = mutated(manifest if number % 10 == 0 else whole, seed + number)
        read = read_manifest if number % 10 == 0 else read_page
        try:
            read(body)
            fates["page"] += 1
        except DamagedError:
            fates["damaged"] += 1
        except MismatchError:
            fates["mismatch"] += 1
    return fates


def test_mutated_pages() -> None:
    fates = survive(2_000, 0)
    assert sum(fates.values()) == 2_000
    assert all(fates.values())


@pytest.mark.long
def test_a_hundred_thousand_mutated_pages() -> None:
    started = time.perf_counter()
    print(survive(100_000, 1_000_000), f"{time.perf_counter() - started:.1f} s")


def over_http(tmp_path: Path, bodies: int, seed: int) -> int:
    """Read mutated pages from a server: the run ends well or in one clear error; lines are always lines of JSON."""
    complete = 0
    with FhirServer(patients(1)) as server:
        for number in range(bodies):
            body = mutated(page(1).replace(b"?page=2", b""), seed + number)
            server.faults = [Fault("/fhir/Observation", 200, body, JSON)]
            out = tmp_path / f"out-{number}"
            with suppress(InputError):
                complete += ask(server, out, types=["Observation"]).complete
            for path in out.glob("*.ndjson"):
                assert all(json.loads(line) for line in path.read_bytes().splitlines() if b"\\ud" not in line)
    return complete


def test_mutated_pages_over_http(tmp_path: Path) -> None:
    over_http(tmp_path, 12, 0)


@pytest.mark.long
def test_thousands_of_mutated_pages_over_http(tmp_path: Path) -> None:
    print(over_http(tmp_path, 3_000, 5_000), "of 3,000 were whole")
