"""What a file is, whether it is whole, and what an input says of itself: lines, documents, pages, reports."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.fhir.test_doubt import base, graded
from tests.lib.fhir import (
    NOON,
    Resource,
    adds_up,
    bundle,
    counts,
    facts,
    given,
    ndjson,
    read,
    reasons,
    rules,
    running,
    tables,
    temperature,
)  # fmt: skip

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.intake import Intake


def of_file(folder: Path, name: str, content: str) -> Intake:
    (folder / name).write_text(content)
    intake = read_fhir([folder / name], tables())
    assert adds_up(intake)
    return intake


def entry_a_line(*whole: Resource) -> str:
    entries = ",\n".join(json.dumps({"resource": one}) for one in whole)
    return f'{{"resourceType":"Bundle","type":"collection","entry":[\n{entries}\n]}}\n'


@pytest.mark.parametrize("name", ["bundle.json", "bundle.ndjson"])
def test_a_bundle_with_an_entry_a_line_is_one_document(tmp_path: Path, name: str) -> None:
    intake = of_file(tmp_path, name, entry_a_line(*base()))
    assert graded(intake) == (2, 2, 2, "")


@pytest.mark.parametrize("printed", [False, True])
@pytest.mark.parametrize("name", ["bundle.json", "bundle.ndjson"])
def test_a_large_document_over_many_lines_is_one(tmp_path: Path, name: str, printed: bool) -> None:
    many = [temperature(id=str(n)) for n in range(25_000)]
    text = json.dumps(bundle(*many), indent=1) if printed else entry_a_line(*many)
    assert len(text) > 4 << 20
    assert counts(of_file(tmp_path, name, text)) == {"used": len(many)}


@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_lines_after_a_first_one_that_is_very_long(tmp_path: Path, name: str) -> None:
    first = temperature(id="1", note=[{"text": "x" * (9 << 20)}])
    intake = of_file(tmp_path, name, ndjson(first, *(temperature(id=str(n)) for n in range(2, 6))))
    assert counts(intake) == {"used": 5}


def test_lines_after_many_broken_ones(tmp_path: Path) -> None:
    broken = "".join(json.dumps(temperature(id=f"b{n}"))[:-9] + "\n" for n in range(25))
    intake = of_file(tmp_path, "x.ndjson", broken + ndjson(temperature()))
    assert counts(intake) == {"used": 1, "rejected": 25}


@pytest.mark.parametrize(
    "report",
    [
        {"transactionTime": NOON, "request": "https://h/$export", "output": [], "error": []},
        {"server": "https://h", "way": "search", "complete": True, "resources": {"Observation": {"read": 1}}},
    ],
)
def test_manifests_and_reports_are_no_rejects(tmp_path: Path, report: Resource) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report, indent=2))
    (tmp_path / "x.ndjson").write_text(ndjson(*base()))
    intake = read_fhir([tmp_path], tables())
    assert rules(intake) == []
    assert adds_up(intake)
    assert "the manifest of an export or the report of a fetch: no resource" in reasons(intake)
    assert graded(intake) == (2, 2, 2, "")


def test_a_fetch_that_was_not_complete_leaves_what_is_missing_open(tmp_path: Path) -> None:
    kinds = {"Observation": {"read": 5}, "MedicationAdministration": {"read": 1}}
    report = {"server": "https://h", "way": "search", "complete": False, "resources": kinds}
    (tmp_path / "fetch_report.json").write_text(json.dumps(report))
    (tmp_path / "x.ndjson").write_text(ndjson(*base()))
    intake = read_fhir([tmp_path], tables())
    assert "norepinephrine" in intake.not_recorded
    assert (
        "fetch_report.json",
        "ignored",
        "the fetch was not complete: resources are missing",
        0,
    ) in intake.ledger.rows()


def page(total: int | None, *whole: Resource, following: bool = True) -> Resource:
    link = [{"relation": "next", "url": "https://h.example/fhir?page=2"}] if following else []
    return bundle(*whole, kind="searchset", link=link, **({} if total is None else {"total": total}))


@pytest.mark.parametrize("total", [500, None])
def test_a_page_of_a_search_is_not_all_of_it(tmp_path: Path, total: int | None) -> None:
    intake = of_file(tmp_path, "next.json", json.dumps(page(total, *base())))
    told = intake.ledger.filter(rows=0)["reason"].to_list()
    assert [one.startswith("a page of a search: the server ") for one in told] == [True]
    assert "norepinephrine" in intake.not_recorded
    assert graded(intake)[:3] == (None, 2, 4)


def test_all_pages_of_a_search_are_whole(tmp_path: Path) -> None:
    one, *others = base()
    (tmp_path / "1.json").write_text(json.dumps(page(len(others) + 1, one, *others[:2])))
    (tmp_path / "2.json").write_text(json.dumps(page(len(others) + 1, *others[2:], following=False)))
    intake = read_fhir([tmp_path], tables())
    assert intake.ledger.filter(rows=0).is_empty()
    assert graded(intake) == (2, 2, 2, "")


SEARCH = "https://h.example/fhir/Observation?code=1"


def of_search(folder: Path, *pages: tuple[int | None, list[Resource], str, str]) -> Intake:
    """The patient, and pages: what the server found, what is here, the page's own address and that of the next one."""
    (folder / "base.ndjson").write_text(ndjson(*base()))
    for number, (total, whole, own, following) in enumerate(pages):
        link = [{"relation": name, "url": url} for name, url in (("self", own), ("next", following)) if url]
        entries = [one if "search" in one else {"resource": one, "search": {"mode": "match"}} for one in whole]
        counted = {} if total is None else {"total": total}
        (folder / f"{number}.json").write_text(json.dumps(bundle(*entries, kind="searchset", link=link, **counted)))
    intake = read_fhir([folder], tables())
    assert adds_up(intake)
    return intake


def is_short(intake: Intake) -> bool:
    return "norepinephrine" in intake.not_recorded


def doses(*names: str) -> list[Resource]:
    return [given({"text": "aspirin"}, id=name) for name in names]


DRUG: Resource = {"resource": {"resourceType": "Medication", "id": "x"}, "search": {"mode": "include"}}


def test_lost_part_what_is_included_or_comes_twice_is_no_result_of_a_search(tmp_path: Path) -> None:
    assert is_short(of_search(tmp_path, (2, [*doses("1"), DRUG], SEARCH, "")))
    assert is_short(of_search(tmp_path, (2, doses("1", "1"), SEARCH, "")))
    assert not is_short(of_search(tmp_path, (1, [*doses("1"), DRUG], SEARCH, "")))
    # two searches that found as many: one has too many here, the other too few
    other = SEARCH.replace("=1", "=2")
    (tmp_path / "two").mkdir()
    assert is_short(of_search(tmp_path / "two", (2, doses("1", "2"), SEARCH, ""), (2, doses("3"), other, "")))


def test_lost_part_a_next_page_that_is_not_here_is_missing_whatever_the_total(tmp_path: Path) -> None:
    second, third = f"{SEARCH}&page=2", f"{SEARCH}&page=3"
    assert is_short(of_search(tmp_path, (1, doses("1"), SEARCH, second)))
    for total in (None, 2):
        name = tmp_path / str(total)
        name.mkdir()
        # the address of the next page may be written in another order, or be another one
        for address in (second, "https://h.example/fhir/Observation?page=2&code=1", f"{SEARCH}&_count=5&page=2"):
            pages = [(total, doses("1"), SEARCH, address), (total, doses("2"), second, "")]
            assert not is_short(of_search(name, *pages))
        opaque = "https://h.example/fhir?_getpages=7&_getpagesoffset=20"
        pages = [(total, doses("1"), SEARCH, opaque), (total, doses("2"), opaque, "")]
        assert not is_short(of_search(name, *pages))
    gap = tmp_path / "gap"
    gap.mkdir()
    fourth = f"{SEARCH}&page=4"
    pages = [(None, doses("1"), SEARCH, second), (None, doses("2"), second, third), (None, doses("4"), fourth, "")]
    assert is_short(of_search(gap, *pages))


def test_what_only_a_replaced_record_says_of_a_person_is_kept(tmp_path: Path) -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]
    old = {"resourceType": "Patient", "id": "old", "birthDate": "1960-05-04", "gender": "female", "link": link}
    born = lambda intake: intake.patients.select("patient", pl.col("birth_date").cast(pl.String), "sex").rows()  # noqa: E731
    intake = read(tmp_path, old, temperature(subject={"reference": "Patient/old"}))
    assert born(intake) == [("new", "1960-05-04", "female")]
    assert facts(intake, "patient") == [("new",)]
    new = {"resourceType": "Patient", "id": "new", "birthDate": "1961-01-01"}
    intake = read(tmp_path, {**old, "deceasedDateTime": NOON}, new)
    assert born(intake) == [("new", "1961-01-01", "female")]
    assert facts(intake, "patient", "concept") == [("new", "death")]
    assert adds_up(intake)
    intake = read(tmp_path, {**old, "deceasedDateTime": NOON}, {**new, "deceasedDateTime": NOON})
    assert facts(intake, "patient", "concept") == [("new", "death")]
    assert counts(intake) == {"used": 1, "superseded": 1}


def test_a_moment_beyond_the_calendar_is_no_moment(tmp_path: Path) -> None:
    late = "9999-12-31T23:59:59-12:00"
    intake = read(tmp_path, temperature(id="1", effectiveDateTime=late), temperature(id="2"))
    assert rules(intake) == ["bad_time"]
    # as an end it says that none is known
    rate = {"value": 0.1, "unit": "ug/kg/min"}
    assert facts(read(tmp_path, running(rate, NOON, late)), "until") == [(None,)]
    assert given("7512", effectiveDateTime=late)["effectiveDateTime"] == late
