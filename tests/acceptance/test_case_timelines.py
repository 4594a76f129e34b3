"""The six published cases, graded from the shipped tables; docs/explanation/case-timelines.md explains each answer."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch as cw

CASES = Path(cw.__file__).parent / "demo_data" / "cases"
NAMES = sorted(path.stem for path in CASES.glob("PMC*.csv"))
DAY = 24.0
Row = dict[str, Any]


@cache
def result(case: str) -> Any:
    rows = pl.read_csv(CASES / f"{case}.csv", infer_schema=False)
    patients = pl.read_csv(CASES / "patients.csv", infer_schema=False)
    return cw.grade(rows, patients=patients, scales=["crs.astct-2019"])


def course(case: str) -> list[Row]:
    """The timeline of one case in time order."""
    return result(case).timeline.filter(pl.col("patient") == case).sort("start").to_dicts()


def at(case: str, hour: float) -> Row:
    """The row in force at an hour."""
    found = [row for row in course(case) if row["start"] <= hour < row["end"]]
    assert len(found) == 1, f"{case} has {len(found)} rows at hour {hour}"
    return found[0]


def bounds(row: Row) -> tuple[int, int]:
    return row["at_least"], row["at_most"]


def rejected(case: str) -> list[tuple[str, str]]:
    return sorted(result(case).rejects.select("concept", "rule").rows())


def test_all_six_cases_ship() -> None:
    assert NAMES == ["PMC5380244", "PMC7188439", "PMC7437943", "PMC7747365", "PMC8607000", "PMC9294929"]


@pytest.mark.parametrize("case", NAMES)
def test_nothing_overlaps_and_bounds_are_in_order(case: str) -> None:
    rows = course(case)
    assert rows
    assert all(first["end"] == second["start"] for first, second in pairwise(rows))
    for row in rows:
        if "no_trigger" not in row["flags"]:
            assert 0 <= row["at_least"] <= row["at_most"] <= 4
            assert row["grade"] == (row["at_least"] if row["at_least"] == row["at_most"] else None)
            assert bool(row["missing"]) == (row["at_least"] < row["at_most"])


def test_checkpoint_inhibitors_make_grade_4_on_day_6() -> None:
    row = at("PMC9294929", 6 * DAY)
    assert row["grade"] == 4
    assert set(row["criteria"]) >= {"fever", "hypotension", "vasopressor", "multiple_vasopressors", "positive_pressure"}
    assert all(source.startswith("PMC9294929 event") for source in row["evidence"])
    episode = result("PMC9294929").episodes.to_dicts()[0]
    assert (episode["onset"], episode["max_at_least"]) == (6 * DAY, 4)
    assert episode["days_from_exposure"] == 6


def test_units_misprinted_in_the_article_are_rejected_in_the_open() -> None:
    assert rejected("PMC9294929") == [("il_6", "unknown_unit"), ("tnf_alpha", "unknown_unit")]
    assert rejected("PMC7747365") == [("ferritin", "unknown_unit")]
    assert rejected("PMC7437943") == [("d_dimer", "unknown_concept")]


@pytest.mark.parametrize("case", ["PMC5380244", "PMC7188439", "PMC8607000"])
def test_the_other_cases_lose_no_row(case: str) -> None:
    assert rejected(case) == []


def test_shock_before_the_cells_is_never_graded() -> None:
    rows = course("PMC7188439")
    assert min(row["start"] for row in rows) == 17 * DAY
    assert all(row["grade"] is None for row in rows)
    assert all(row["at_least"] == 0 for row in rows)
    assert "body_temperature" in at("PMC7188439", 17 * DAY)["missing"]
    assert result("PMC7188439").episodes.is_empty()


def test_ventilation_without_a_temperature_is_at_most_4() -> None:
    first, second = at("PMC7437943", 1 * DAY), at("PMC7437943", 2 * DAY)
    assert bounds(first) == bounds(second) == (0, 4)
    assert "positive_pressure" in first["criteria"]
    assert "body_temperature" in second["missing"]


def test_vasopressin_does_not_make_a_second_vasopressor() -> None:
    row = at("PMC7437943", 2 * DAY)
    assert {"vasopressor", "vasopressin"} <= set(row["criteria"])
    assert "multiple_vasopressors" not in row["criteria"]


def test_mask_then_ventilator_are_the_published_grades_at_most() -> None:
    first, second, last = at("PMC8607000", 1 * DAY), at("PMC8607000", 2 * DAY), at("PMC8607000", 10 * DAY - 1)
    assert bounds(first) == (0, 3)
    assert "high_flow_oxygen" in first["criteria"]
    assert "positive_pressure" not in first["criteria"]
    assert bounds(second) == bounds(last) == (0, 4)
    assert "positive_pressure" in last["criteria"]
    assert "body_temperature" in first["missing"]


def test_fever_is_waived_after_the_steroid() -> None:
    case = "PMC7747365"
    assert at(case, 0)["grade"] == 4
    untold = at(case, 3 * DAY)
    assert bounds(untold) == (1, 4)
    assert "body_temperature" in untold["missing"]
    for day in (5, 6, 10):
        row = at(case, day * DAY)
        assert row["grade"] == 4
        assert "fever_waived" in row["criteria"]


def test_without_a_trigger_nothing_is_graded() -> None:
    rows = course("PMC5380244")
    assert all("no_trigger" in row["flags"] for row in rows)
    assert all(row["grade"] is None and row["at_least"] is None and row["at_most"] is None for row in rows)
    assert result("PMC5380244").episodes.is_empty()
