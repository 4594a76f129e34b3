"""Reading by bulk export: the job, its files, what was deleted, and everything that can break on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.lib.fetching import QUICK, Watch, ask, held, in_folder, in_server, names
from tests.lib.fhir_server import Fault, FhirServer, outcome, patients

from cytowatch.errors import InputError
from cytowatch.fetch.failures import DamagedError, MismatchError
from cytowatch.fetch.manifest import read_manifest

JSON = {"Content-Type": "application/fhir+json"}


@pytest.mark.parametrize("way", ["patient", "system", "group"])
@pytest.mark.parametrize("relative", [False, True])
def test_an_export_is_read_whole_and_cleared_up(tmp_path: Path, way: Any, relative: bool) -> None:
    watch = Watch()
    with FhirServer(patients(7), now=watch.now) as server:
        server.relative = relative
        report = ask(server, tmp_path / "out", way=way, group="ward" if way == "group" else "", watch=watch)
        found = in_folder(tmp_path / "out")
        assert len(found) == len(set(found)) == 80
        assert set(found) == in_server(server, server.kinds())
        assert server.deleted_jobs == ["job-1"]
        assert any(
            f"{ {'patient': '/fhir/Patient/', 'system': '/fhir/', 'group': '/fhir/Group/ward/'}[way] }$export" in path
            for _, path, _ in server.seen
        )
    # the server was asked as often as it liked
    assert watch.waits == [7.0, 7.0]
    assert report.complete
    assert report.told["next_since"] == report.told["transaction_time"]
    assert list((tmp_path / "out" / ".parts").iterdir()) == []


def test_the_next_export_gives_what_is_new_and_takes_out_what_was_deleted(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer(patients(3), now=watch.now) as server:
        first = ask(server, out, way="patient", watch=watch)
        watch.ahead += 3_600
        server.put({"resourceType": "Patient", "id": "new"})
        server.remove("Observation", "o-p0-1-002")
        ask(server, out, way="patient", watch=watch)
        assert server.jobs == {}
        asked = [path for _, path, _ in server.seen if "$export" in path]
        assert f"_since={first.told['transaction_time']}" in asked[1]
    assert names(out, "Patient") == ["p0-0", "p0-1", "p0-2", "new"]
    assert "o-p0-1-002" not in names(out, "Observation")
    assert len(names(out, "Observation")) == 17


def test_a_server_that_takes_a_post_only(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        server.post_only = True
        assert ask(server, tmp_path / "out", way="patient", types=["Patient", "Observation?code=1"]).complete
        assert [method for method, path, _ in server.seen if "$export" in path] == ["GET", "POST"]
    assert len(names(tmp_path / "out", "Patient")) == 2


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("etags", [True, False])
def test_a_file_cut_off_is_gone_on_with(tmp_path: Path, ranges: bool, etags: bool) -> None:
    with FhirServer(patients(4)) as server:
        server.ranges, server.etags = ranges, etags
        ask(server, tmp_path / "calm", way="patient")
        server.faults = [Fault("files.*Observation", drop=700, times=3)]
        assert ask(server, tmp_path / "rough", way="patient").complete
        ranged = [headers["range"] for _, path, headers in server.seen if "Observation" in path and "range" in headers]
        assert held(tmp_path / "rough") == held(tmp_path / "calm")
    assert bool(ranged) == etags
    if ranges and etags:
        assert ranged == ["bytes=700-", "bytes=1400-", "bytes=2100-"]


def test_a_file_that_stops_in_a_line_without_a_word_is_not_taken_as_whole(tmp_path: Path) -> None:
    def half(body: bytes) -> bytes:
        return body[:-30]

    with FhirServer(patients(2)) as server:
        server.faults = [Fault("files.*Observation.1", change=half)]
        report = ask(server, tmp_path / "out", way="patient")
    assert [one["type"] for one in report.told["incomplete"]] == ["Observation"]
    assert "in the middle of a line" in report.told["incomplete"][0]["why"]
    assert not (tmp_path / "out" / "Observation.ndjson").exists()
    assert len(names(tmp_path / "out", "Procedure")) == 2
    # the next export begins where this one did
    assert report.told["next_since"] is None


def test_a_file_with_other_lines_than_promised_is_not_whole(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        server.faults = [Fault("files.*Observation.1", change=lambda body: body.partition(b"\n")[2])]
        report = ask(server, tmp_path / "out", way="patient")
    assert "promises 6 lines, and the file has 5" in report.told["incomplete"][0]["why"]
    assert not (tmp_path / "out" / "Observation.ndjson").exists()


def test_a_last_line_without_its_end_gets_one(tmp_path: Path) -> None:
    with FhirServer(patients(3)) as server:
        ask(server, tmp_path / "calm", way="patient")
        server.faults = [Fault("files", change=lambda body: body.rstrip(b"\n"))]
        ask(server, tmp_path / "bare", way="patient")
    assert held(tmp_path / "bare") == held(tmp_path / "calm")


def test_a_web_page_instead_of_a_file(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        server.faults = [Fault("files.*Patient", 200, b"<html>", {"Content-Type": "text/html"})]
        report = ask(server, tmp_path / "out", way="patient")
    assert "web page" in report.told["incomplete"][0]["why"]
    assert len(names(tmp_path / "out", "Observation")) == 12


@pytest.mark.parametrize("where", ["error", "outcome"])
def test_errors_of_the_export_are_told(tmp_path: Path, where: str) -> None:
    with FhirServer(patients(2)) as server:
        told = json.dumps(outcome("exception", "Observation/secret-1 could not be exported")) + "\n"
        note = json.dumps(outcome("informational", "nothing of Media", "information")) + "\n"
        server.manifest_extra = {where: [{"type": "OperationOutcome", "url": "/files/job-1/errors"}]}
        server.faults = [
            Fault("files/job-./errors", 200, (told + note).encode(), {"Content-Type": "application/fhir+ndjson"})
        ]
        report = ask(server, tmp_path / "out", way="patient")
    assert not report.complete
    assert "could not be exported" in report.told["incomplete"][0]["why"]
    assert "secret-1" not in json.dumps(report.told)
    assert "nothing of Media" in report.told["notes"][0]
    # its reach is not known: what came is there, and the next export asks again for all of it
    assert len(names(tmp_path / "out", "Observation")) == 12
    assert report.told["next_since"] is None


def test_an_export_that_expired_meanwhile_is_started_anew(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer(patients(3), now=watch.now) as server:
        server.faults = [Fault("files.*Observation", 503)]
        with pytest.raises(InputError, match="503"):
            ask(server, out, way="patient", watch=watch)
        assert not list(out.glob("*.ndjson"))
        server.faults, server.jobs = [], {}
        server.put({"resourceType": "Patient", "id": "new"})
        report = ask(server, out, way="patient", watch=watch)
        found = in_folder(out)
        assert set(found) == in_server(server, server.kinds())
        assert len(found) == len(set(found))
    assert report.complete
    assert "expired" in report.told["notes"][0]


def test_an_interrupted_export_is_not_started_twice(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with FhirServer(patients(3)) as server:
        server.faults = [Fault("files.*Observation.0", drop=500, times=1), Fault("files.*Observation.0", 503)]
        with pytest.raises(InputError, match="503"):
            ask(server, out, way="patient")
        server.faults = []
        before = len(server.seen)
        assert ask(server, out, way="patient").complete
        after = server.seen[before:]
        assert not any("$export" in path or "Condition" in path for _, path, _ in after)
        assert after[0][2]["range"] == "bytes=500-"
        assert len(in_folder(out)) == len(set(in_folder(out))) == 36


def test_a_job_that_fails_is_not_asked_for_ever(tmp_path: Path) -> None:
    with FhirServer(patients(1)) as server:
        server.faults = [Fault("GET /jobs/job-1", 500, json.dumps(outcome("exception", "disk full")).encode(), JSON)]
        with pytest.raises(InputError, match="disk full"):
            ask(server, tmp_path / "out", way="patient")
        assert ask(server, tmp_path / "out", way="patient").complete
        assert list(server.jobs) == ["job-1"]


def test_a_job_that_never_ends_is_left_and_found_again(tmp_path: Path) -> None:
    watch = Watch()
    with FhirServer(patients(1), now=watch.now) as server:
        server.polls = 1_000_000
        with pytest.raises(InputError, match="not done after"):
            ask(server, tmp_path / "out", way="patient", watch=watch, limits=replace(QUICK, export_seconds=60))
        server.polls = 0
        assert ask(server, tmp_path / "out", way="patient", watch=watch).complete
        assert server.deleted_jobs == ["job-1"]


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    with FhirServer(patients(1)) as server, pytest.raises(InputError, match="404"):
        ask(server, tmp_path / "out", way="group", group="other")


def test_files_of_another_host_need_a_word(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        server.file_root = f"http://localhost:{server.port}"
        with pytest.raises(InputError, match="another host, localhost"):
            ask(server, tmp_path / "a", way="patient")
        assert ask(server, tmp_path / "b", way="patient", hosts=("localhost",)).complete


BAD = [
    (b"{", DamagedError), (b"\xff", DamagedError), (b"[]", MismatchError), (b"{}", MismatchError),
    (b"null", MismatchError),
    (b'{"transactionTime":"2026-01-01"}', MismatchError), (b'{"transactionTime":5}', MismatchError),
    (b'{"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"Patient"}]}', MismatchError),
    (b'{"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"../x","url":"u"}]}', MismatchError),
    (b'{"transactionTime":"2026-01-01T00:00:00Z","output":[{"url":"u"}]}', MismatchError),
    (b'{"transactionTime":"2026-01-01T00:00:00Z","output":' + b"[" * 90_000, MismatchError),
]  # fmt: skip


@pytest.mark.parametrize(("body", "error"), BAD)
def test_a_bad_manifest(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_manifest(body)


def test_manifests_of_several_versions() -> None:
    moment = b'{"transactionTime":"2026-01-01T01:00:00+01:00",'
    first = moment + b'"request":"x","requiresAccessToken":false,"output":[],"error":[]}'
    assert read_manifest(first).moment == "2026-01-01T00:00:00.000Z"
    assert read_manifest(first).signed is False
    later = json.dumps({
        "transactionTime": "2026-01-01T00:00:00Z",
        "output": [{"type": "Patient", "url": "u", "count": 3, "extension": {}}],
        "deleted": [{"type": "Bundle", "url": "d"}], "outcome": [{"type": "OperationOutcome", "url": "o"}],
        "link": [{"relation": "next", "url": "m"}], "outputOrganizedBy": "Patient",
    }).encode()  # fmt: skip
    told = read_manifest(later)
    assert [(file.kind, file.url, file.count) for file in told.files] == [
        ("output", "u", 3),
        ("deleted", "d", None),
        ("error", "o", None),
    ]
    assert (told.next, told.signed) == ("m", None)
