"""Rows in doubt: what admission hands on of a therapy that it rejects, and what becomes of it (decision 0014)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch
from cytowatch.adapters import admit
from cytowatch.adapters.files import read_files
from cytowatch.adapters.intake import Admission
from cytowatch.adapters.parcels import read_parcels
from cytowatch.knowledge import load
from cytowatch.pipeline import grade_intake
from cytowatch.schema import HOUR_US, OBSERVATIONS

KNOWLEDGE = load()
RATE: dict[str, Any] = {
    "patient": "p", "hours": "1", "concept": "norepinephrine", "value": "0.1", "unit": "ug/kg/min",
    "until_hours": None, "text": None, "status": None, "comparator": None, "available": None, "source": None,
}  # fmt: skip
DEVICE = {"concept": "oxygen_device", "value": None, "unit": None}
DOSE = {"concept": "tocilizumab", "unit": "mg"}


def admitted(*rows: dict[str, Any]) -> Admission:
    """Rows that are like RATE but for what they name."""
    table = {name: pl.Series([{**RATE, **row}[name] for row in rows], dtype=pl.String) for name in RATE}
    return admit(pl.DataFrame(table), KNOWLEDGE, file="x.csv", clock="hours")


REFUSED = {
    "a rate beyond what is plausible": ({"value": "7.26"}, "out_of_range"),
    "words for a rate": ({"value": "held"}, "not_a_number"),
    "a unit of a pump": ({"unit": "mL/h"}, "unknown_unit"),
    "a unit of something else": ({"unit": "mg"}, "unit_not_convertible"),
    "no unit": ({"unit": None}, "missing_unit"),
    "a comma with two meanings": ({"value": "1,200", "concept": "phenylephrine", "unit": "ug/min"}, "ambiguous_number"),
    "a comparator that is none": ({"comparator": "approx"}, "unknown_comparator"),
    "a status that is none": ({"status": "draft"}, "unknown_status"),
    "an end before the start": ({"until_hours": "0.5"}, "end_before_start"),
    "an end that is none": ({"until_hours": "soon"}, "bad_time"),
    "a moment of result that is none": ({"available": "soon"}, "bad_available"),
    "a device of an unknown name": ({**DEVICE, "text": "space helmet"}, "unknown_category"),
    "a device without a name": (DEVICE, "missing_text"),
    "an amount in words": ({**DOSE, "value": "one bag"}, "not_a_number"),
    "an amount beyond what is plausible": ({**DOSE, "value": "8000"}, "out_of_range"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_therapy_is_rejected_and_in_doubt(name: str) -> None:
    cells, rule = REFUSED[name]
    found = admitted({**RATE, "concept": "body_temperature", "value": "38", "unit": "Cel"}, cells)
    assert found.rejects["rule"].to_list() == [rule]
    assert found.observations["concept"].to_list() == ["body_temperature"]
    assert found.ledger.select("fate", "rows").rows() == [("used", 1), ("rejected", 1)]
    assert found.in_doubt.schema == OBSERVATIONS.schema
    (row,) = found.in_doubt.to_dicts()
    concept = cells.get("concept", "norepinephrine")
    assert (row["row"], row["source"]) == (-2, "x.csv:2")
    assert (row["patient"], row["time"], row["concept"], row["comparator"]) == ("p", HOUR_US, concept, ">=")
    assert (row["value"], row["text"]) == ((None, "other") if concept == "oxygen_device" else (0.0, None))
    assert (row["until"], row["status"]) == (None, "final")
    assert "; until it is corrected, it " in found.rejects["hint"].item()


def test_an_end_a_status_and_a_moment_of_result_that_can_be_read_are_kept() -> None:
    (row,) = admitted({"value": "7.26", "until_hours": "3", "status": "amended", "available": "2"}).in_doubt.to_dicts()
    assert (row["until"], row["available"], row["status"]) == (3 * HOUR_US, 2 * HOUR_US, "amended")


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"hours": "noon", "value": "7.26"}, "bad_time"),
        ({"hours": None, "value": "7.26"}, "missing_time"),
        ({**DEVICE, "hours": None, "text": "space helmet"}, "missing_time"),
        ({**DOSE, "hours": None, "value": "400"}, "missing_time"),
        ({"patient": None, "value": "7.26"}, "missing_patient"),
    ],
)
def test_a_row_that_cannot_be_placed_says_so(cells: dict[str, Any], rule: str) -> None:
    found = admitted(cells)
    assert found.in_doubt.is_empty()
    assert found.rejects["rule"].to_list() == [rule]
    hint = found.rejects["hint"].item()
    assert "until it is corrected, it counts as " in hint
    assert "it says no moment" in hint


def test_what_has_no_name_or_is_taken_back_leaves_no_doubt() -> None:
    found = admitted(
        {"concept": "splenomegaly", "value": None, "unit": None, "text": "perhaps"},
        {"concept": "levofed", "value": "7.26"},
        {"value": "7.26", "hours": "noon", "status": "entered-in-error"},
    )
    assert found.rejects.height == 3
    assert found.in_doubt.is_empty()
    assert not found.rejects["hint"].str.contains("until it is corrected").any()


@pytest.mark.parametrize("unit", ["mL/h", "mg", None])
def test_off_is_off_in_any_unit(unit: str | None) -> None:
    found = admitted({"value": "0", "unit": unit})
    assert found.rejects.is_empty()
    assert found.in_doubt.is_empty()
    assert found.observations.select("value", "unit").row(0) == (0.0, None)


# ---------------------------------------------------------------- through the public door


def graded(*rows: dict[str, Any]) -> cytowatch.Result:
    """One adult in shock, a fever and 80 mm[Hg], with some rows of drugs and devices."""
    well = {"patient": "p", "hours": 0.0, "until_hours": 24.0, "unit": None, "text": None, "value": None}
    base = [
        {**well, "concept": "car_t_infusion", "until_hours": None},
        {**well, "concept": "body_temperature", "value": "39", "unit": "Cel"},
        {**well, "concept": "systolic_bp", "value": "80", "unit": "mm[Hg]"},
    ]
    more = [{**well, "until_hours": None, **row} for row in rows]
    people = pl.DataFrame({"patient": ["p"], "age_years": [50.0]})
    return cytowatch.grade(pl.DataFrame([*base, *more], infer_schema_length=None), people, ["crs.astct-2019"])


def at(found: cytowatch.Result, hours: float) -> tuple[int, int, list[str]]:
    """Bounds and what is missing so many hours in."""
    here = found.timeline.filter(pl.col("start") <= hours, pl.col("end") > hours)
    (row,) = here.select("at_least", "at_most", "missing").rows()
    return row


def fates(found: cytowatch.Result) -> dict[str, int]:
    """What became of the rows of the observations."""
    return {name: count for name, count in found.run["inputs"][0].items() if name != "file"}


BAD_RATE = {"hours": 2.0, "concept": "norepinephrine", "value": "7.26", "unit": "ug/kg/min"}


def test_shock_with_a_rejected_vasopressor_is_2_to_3_and_with_two_of_them_2_to_4() -> None:
    assert at(graded(), 3) == (2, 2, [])
    one = graded(BAD_RATE)
    assert at(one, 1) == (2, 2, [])
    assert at(one, 3) == (2, 3, ["vasopressor_state"])
    assert at(graded(BAD_RATE, {**BAD_RATE, "concept": "epinephrine"}), 3) == (2, 4, ["vasopressor_state"])
    assert fates(one) == {"read": 4, "used": 3, "superseded": 0, "ignored": 0, "rejected": 1}


def test_the_doubt_lasts_to_the_next_row_of_the_drug() -> None:
    rate = {**BAD_RATE, "value": "0.1"}
    assert at(graded(BAD_RATE, {**rate, "hours": 4.0}), 5)[:2] == (3, 3)
    assert at(graded(BAD_RATE, {**rate, "hours": 4.0, "value": "0"}), 5)[:2] == (2, 2)
    assert at(graded(BAD_RATE, {**rate, "hours": 4.0, "value": "0", "unit": "mL/h"}), 5)[:2] == (2, 2)
    # what runs open before it may have been stopped; what has an end of its own was not
    assert at(graded({**rate, "hours": 1.0}, BAD_RATE), 3)[:2] == (2, 3)
    assert at(graded({**rate, "hours": 1.0, "until_hours": 6.0}, BAD_RATE), 3)[:2] == (3, 3)


def test_a_rate_that_could_be_read_at_the_same_moment_counts() -> None:
    """Neither supersedes the other, in the grade and in the counts."""
    for value, bounds in (("0.1", (3, 3)), (None, (3, 3)), ("0", (2, 3))):
        found = graded(BAD_RATE, {**BAD_RATE, "value": value})
        assert at(found, 3)[:2] == bounds
        assert fates(found) == {"read": 5, "used": 4, "superseded": 0, "ignored": 0, "rejected": 1}


@pytest.mark.parametrize("source", ["own", "another"])
def test_whoever_takes_the_row_back_takes_the_doubt(source: str) -> None:
    """By its source, or by saying the same once more."""
    wrong = {**BAD_RATE, "source": "a"}
    back = {**BAD_RATE, "status": "entered-in-error", "source": "a" if source == "own" else "b"}
    found = graded(wrong, back)
    assert at(found, 3) == (2, 2, [])
    assert fates(found) == {"read": 5, "used": 3, "superseded": 1, "ignored": 0, "rejected": 1}


def test_a_device_of_an_unknown_name_may_be_any() -> None:
    device = {"hours": 2.0, "concept": "oxygen_device", "text": "space helmet"}
    assert at(graded(device), 3) == (2, 4, ["oxygen_device"])
    cannula = {**device, "text": "nasal_cannula"}
    assert at(graded(cannula, device), 3)[1] == 4
    later = {**device, "hours": 5.0, "text": "room_air"}
    assert at(graded(device, later), 6) == (2, 2, [])


def test_a_dose_in_doubt_waives_nothing_and_flags_the_episode() -> None:
    dose = {"hours": 2.0, "concept": "tocilizumab", "value": "8000", "unit": "mg"}
    found = graded(dose)
    assert found.timeline["criteria"].explode().is_in(["fever_waived"]).sum() == 0
    assert found.episodes.select("tocilizumab_doses", "flags").rows() == [(0, ["dose_in_doubt"])]
    assert graded({**dose, "value": "800"}).episodes.select("tocilizumab_doses", "flags").rows() == [(1, [])]
    assert graded({**dose, "concept": "g_csf"}).episodes["flags"].to_list() == [[]]


def test_a_patient_of_whom_no_row_could_be_read_is_not_graded() -> None:
    table = pl.DataFrame([{"patient": "q", **BAD_RATE}])
    found = cytowatch.grade(table, None, ["crs.astct-2019", "sofa"])
    assert found.timeline.is_empty()
    assert found.rejects.height == 1


def test_in_parcels_and_over_two_files_as_at_once(tmp_path: Path) -> None:
    """Rows in doubt go with their patient; a withdrawal finds them in another file."""
    rows = [
        {"patient": f"p{number}", **row}
        for number in range(6)
        for row in (
            {"hours": 0.0, "concept": "car_t_infusion", "value": None, "unit": None, "status": None},
            {"hours": 0.0, "concept": "systolic_bp", "value": "80", "unit": "mm[Hg]", "status": None},
            {**BAD_RATE, "status": None},
        )
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    at_once = cytowatch.grade(table).timeline
    assert "vasopressor_state" in at_once["missing"].explode().to_list()
    parcels = read_parcels([("x", table.lazy())], KNOWLEDGE, rows=4)
    parts = [grade_intake(intake, KNOWLEDGE).timeline for intake in parcels]
    assert sum(part.height for part in parts) == at_once.height
    assert pl.concat(parts).sort("scale", "patient", "start")["at_most"].to_list() == at_once["at_most"].to_list()
    back = pl.DataFrame([{"patient": "p0", **BAD_RATE, "status": "entered-in-error"}])
    for name, part in (("a", back), ("b", table)):
        part.select(table.columns).write_csv(tmp_path / f"{name}.csv")
    found = grade_intake(read_files(tmp_path, KNOWLEDGE), KNOWLEDGE).timeline
    doubtful = found.filter(pl.col("missing").list.contains("vasopressor_state"))["patient"].unique().sort()
    assert doubtful.to_list() == ["p1", "p2", "p3", "p4", "p5"]


# ---------------------------------------------------------------- findings that silence would exclude

EVENT = {"concept": "seizure", "value": None, "unit": None}
UNREAD_FINDINGS = {
    "an event in other words": ({**EVENT, "text": "tonic-clonic"}, "unknown_category", "seizure"),
    "an event without a word": (EVENT, "missing_text", "seizure"),
    "a consciousness in other words": ({**EVENT, "concept": "consciousness", "text": "GCS 14"}, "unknown_category",
                                       "consciousness"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD_FINDINGS)
def test_a_refused_finding_is_rejected_and_handed_on_as_unread(name: str) -> None:
    cells, rule, concept = UNREAD_FINDINGS[name]
    found = admitted({**RATE, "concept": "body_temperature", "value": "38", "unit": "Cel"}, cells)
    assert found.rejects["rule"].to_list() == [rule]
    (row,) = found.in_doubt.to_dicts()
    assert (row["concept"], row["text"], row["value"], row["comparator"]) == ("unread_finding", concept, None, None)
    assert (row["row"], row["time"], row["source"]) == (-2, HOUR_US, "x.csv:2")
    assert "silence about it is no proof of its absence" in found.rejects["hint"].item()


def test_beside_a_rejected_seizure_icans_is_no_certain_0() -> None:
    base = {"patient": "p", "unit": None, "text": None, "value": None}
    rows = [
        {**base, "hours": 0.0, "concept": "car_t_infusion"},
        {**base, "hours": 0.0, "concept": "ice_score", "value": "10", "unit": "{score}"},
        {**base, "hours": 0.0, "concept": "consciousness", "text": "awake"},
        {**base, "hours": 2.0, "concept": "seizure", "text": "tonic-clonic"},
        {**base, "hours": 4.0, "concept": "ice_score", "value": "10", "unit": "{score}"},
    ]
    people = pl.DataFrame({"patient": ["p"], "age_years": [50.0]})
    found = cytowatch.grade(pl.DataFrame(rows, infer_schema_length=None), people, ["icans.astct-2019"])
    assert at(found, 1) == (0, 0, [])
    assert at(found, 5) == (0, 4, ["neuro_exam"])
    assert fates(found) == {"read": 5, "used": 4, "superseded": 0, "rejected": 1, "ignored": 0}


def test_an_unread_finding_names_any_finding_that_silence_would_exclude() -> None:
    events = {key for key, part in KNOWLEDGE.concepts.items() if part.kind == "exception"}
    assert set(KNOWLEDGE.concepts["unread_finding"].categories) == events | {"consciousness"}


def test_an_unread_finding_of_no_finding_is_rejected() -> None:
    found = admitted({"concept": "unread_finding", "value": None, "unit": None, "text": "siezure"})
    assert found.rejects["rule"].to_list() == ["unknown_category"]
    assert "seizure" in found.rejects["hint"].item()
