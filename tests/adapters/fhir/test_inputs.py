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
