"""A vital sign that could not be read ends the one before it: it is unknown until the next one (decision 0036)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import cytowatch
from cytowatch.adapters import admit
from cytowatch.adapters.intake import Admission
from cytowatch.knowledge import load
from cytowatch.schema import HOUR_US

KNOWLEDGE = load()
READING: dict[str, Any] = {
    "patient": "p", "hours": "1", "concept": "body_temperature", "value": "101.8", "unit": "Cel",
    "until_hours": None, "text": None, "status": None, "comparator": None, "available": None, "source": None,
}  # fmt: skip


def admitted(*rows: dict[str, Any]) -> Admission:
    """Rows that are like READING but for what they name."""
    table = {name: pl.Series([{**READING, **row}[name] for row in rows], dtype=pl.String) for name in READING}
    return admit(pl.DataFrame(table), KNOWLEDGE, file="x.csv", clock="hours")


REFUSED = {
    "Fahrenheit charted as Celsius": ({}, "out_of_range"),
    "no unit": ({"unit": None}, "missing_unit"),
    "a unit of something else": ({"unit": "mg"}, "unit_not_convertible"),
    "words": ({"value": "see note"}, "not_a_number"),
    "words in the wrong column": ({"value": None, "text": "38.6"}, "missing_value"),
    "a comparator that is none": ({"value": "38.6", "comparator": "about"}, "unknown_comparator"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_reading_is_rejected_and_in_doubt(name: str) -> None:
    cells, rule = REFUSED[name]
    found = admitted(cells)
    assert found.rejects["rule"].to_list() == [rule]
    assert found.ledger.select("fate", "rows").rows() == [("rejected", 1)]
    (row,) = found.in_doubt.to_dicts()
    assert (row["row"], row["time"], row["concept"], row["unit"]) == (-1, HOUR_US, "body_temperature", "Cel")
    assert (row["comparator"], row["value"]) == (">=", KNOWLEDGE.concepts["body_temperature"].plausible["Cel"][0])
    assert found.rejects["hint"].item().endswith("the value is unknown from then on, whatever was measured before")


def test_an_empty_value_is_no_measurement() -> None:
    found = admitted({"value": None})
    assert found.rejects["rule"].to_list() == ["missing_value"]
    assert found.in_doubt.is_empty()
    assert "until it is corrected" not in found.rejects["hint"].item()


@pytest.mark.parametrize("cells", [{"hours": None}, {"patient": None}, {"hours": "noon"}])
def test_what_cannot_be_placed_leaves_no_doubt(cells: dict[str, Any]) -> None:
    assert admitted(cells).in_doubt.is_empty()


# ---------------------------------------------------------------- what it means for a grade


def graded(*rows: dict[str, Any]) -> dict[float, tuple[int, int, list[str]]]:
    """Hour to bounds and missing, of an adult well at hour 1, with some rows more."""
    well = [
        {"concept": "car_t_infusion", "hours": 0, "text": "axicabtagene_ciloleucel"},
        {"concept": "body_temperature", "hours": 1, "value": 36.8, "unit": "Cel"},
        {"concept": "systolic_bp", "hours": 1, "value": 120, "unit": "mm[Hg]"},
    ]
    table = pl.from_dicts(
        [{"patient": "p", **row} for row in (*well, *rows)],
        schema={name: pl.Float64 if name in ("hours", "value") else pl.String for name in (
            "patient", "hours", "concept", "value", "unit", "text", "status", "source")},
    )  # fmt: skip
    people = pl.DataFrame({"patient": ["p"], "age_years": [50.0]})
    found = cytowatch.grade(table, patients=people, scales=["crs.astct-2019"]).timeline
    return {row["start"]: (row["at_least"], row["at_most"], row["missing"]) for row in found.to_dicts()}


def reading(hours: float, value: float, concept: str = "body_temperature", **more: object) -> dict[str, Any]:
    unit = "Cel" if concept == "body_temperature" else "mm[Hg]"
    return {"concept": concept, "hours": hours, "value": value, "unit": unit, **more}


def test_a_normal_temperature_does_not_outlast_one_that_could_not_be_read() -> None:
    before = graded(reading(7, 36.9, "systolic_bp"))
    assert before[1.0] == (0, 0, [])
    found = graded(reading(4, 101.8), reading(20, 36.9), reading(20, 118, "systolic_bp"), reading(27.5, 36.9))
    assert [found[hour] for hour in (1.0, 4.0)] == [(0, 0, []), (0, 1, ["body_temperature"])]
    # if it was a fever it counts for 24 hours, whatever was measured since
    assert {hour: said for hour, said in found.items() if hour >= 20} == {
        20.0: (0, 1, ["body_temperature"]), 28.0: (0, 2, ["blood_pressure"]),
    }  # fmt: skip


def test_oxygen_carries_on_an_episode_that_may_have_begun() -> None:
    """101.8 `Cel` at hour 4, oxygen from 20 to 30: if it was a fever, the reaction goes on to hour 54."""
    course = [reading(hour, 36.9) for hour in range(8, 72, 4)]
    pressures = [reading(hour, 118, "systolic_bp") for hour in range(8, 72, 4)]
    oxygen = [
        {"concept": "oxygen_device", "hours": 20, "text": "nasal_cannula"},
        {"concept": "oxygen_flow", "hours": 20, "value": 2, "unit": "L/min"},
        {"concept": "oxygen_device", "hours": 30, "text": "room_air"},
    ]
    found = graded(reading(4, 101.8), *course, *pressures, *oxygen)
    assert {hour: said for hour, said in found.items() if 30 <= hour < 72} == {
        30.0: (0, 1, ["body_temperature"]), 54.0: (0, 0, []),
    }  # fmt: skip
    # without the oxygen it is over after its day
    assert max(hour for hour, said in graded(reading(4, 101.8), *course, *pressures).items() if said[1] == 0) == 28.0


def test_an_episode_closes_and_opens_by_what_is_known() -> None:
    """After tocilizumab a lone low pressure is no grade, whatever a temperature in between may have been."""
    course = [reading(hour, 37.0) for hour in range(6, 60, 4) if hour != 22]
    pressures = [reading(hour, 80 if hour == 34 else 120, "systolic_bp") for hour in range(2, 60, 4)]
    given = [{"concept": "tocilizumab", "hours": 3, "value": 560, "unit": "mg"}]
    found = graded(reading(2, 38.6), *given, *course, *pressures, reading(22, 98.6))
    assert found[34.0][:2] == (0, 2)


LEFT = {
    "a score": ("ice_score", "unable", "{score}"),
    "a laboratory value": ("creatinine", "see note", "mg/dL"),
    "a flow": ("oxygen_flow", "see", "L/min"),
}


@pytest.mark.parametrize("name", LEFT)
def test_other_readings_stay_as_they_were(name: str) -> None:
    concept, value, unit = LEFT[name]
    found = admitted({"concept": concept, "value": value, "unit": unit})
    assert found.rejects["rule"].to_list() == ["not_a_number"]
    assert found.in_doubt.is_empty()


def test_a_pressure_may_have_fallen() -> None:
    fever = reading(2, 38.6)
    found = graded(fever, reading(3, 1200, "systolic_bp"), reading(5, 118, "systolic_bp"))
    assert [found[hour] for hour in (2.0, 3.0, 5.0)] == [(1, 1, []), (1, 2, ["blood_pressure"]), (1, 1, [])]


def test_a_low_pressure_may_have_risen() -> None:
    found = graded(reading(2, 38.6), reading(2, 80, "systolic_bp"), reading(3, 0, "systolic_bp"))
    assert [found[hour] for hour in (2.0, 3.0)] == [(2, 2, []), (1, 2, ["blood_pressure"])]


def test_of_one_measurement_written_down_twice_the_readable_row_counts() -> None:
    assert graded(reading(4, 101.8), reading(4, 38.8))[4.0] == (1, 1, [])


def test_an_amendment_that_cannot_be_read_takes_the_value_away() -> None:
    found = graded(reading(4, 37.0, source="a"), reading(4, 101.8, source="b", status="amended"))
    assert found[4.0] == (0, 1, ["body_temperature"])


def test_whoever_takes_the_reading_back_takes_back_the_doubt() -> None:
    back = graded(reading(4, 101.8, source="a"), reading(4, 101.8, source="a", status="entered-in-error"))
    assert 4.0 not in back
    assert back[1.0] == (0, 0, [])
