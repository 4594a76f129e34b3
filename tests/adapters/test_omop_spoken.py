"""OMOP: observations that no table knows, and procedures without words, that speak of a therapy (decision 0034)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.adapters.test_omop import graded
from tests.lib.omop import Row, counted, read, reasons

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code

DAY = "2026-03-01"
AT = {"observation_date": "2026-03-02", "observation_datetime": "2026-03-02 10:00:00"}
MEASURED = {name.replace("observation", "measurement"): value for name, value in AT.items()}
_FEVER = ("01T08:10", 1, 1)
_LOCAL = {"observation_concept_id": "2000000123"}
_UNKNOWN = {**MEASURED, "measurement_concept_id": "0", "value_as_number": "", "unit_concept_id": ""}
DONE = {"procedure_date": "2026-03-02", "procedure_datetime": "2026-03-02 10:00:00",
        "procedure_end_date": "2026-03-02", "procedure_end_datetime": "2026-03-02 20:00:00"}  # fmt: skip


def observed(folder: Path, *rows: Row, **tables: list[Row]) -> list[tuple[object, ...]]:
    """The grades of the person with the fever, from its first fever on, with observations of the second day at ten.

    Room air is charted of somebody: devices are recorded.
    """
    air = {"observation_datetime": f"{DAY} 08:00:00", "value_as_string": "Room air", "person_id": "9"}
    line = graded(folder, observation=[air, *({**_LOCAL, **AT, **row} for row in rows)], **tables)
    return [row for row in line if str(row[0]) > "01T08:05"]


@pytest.mark.parametrize(
    ("name", "answer", "highest"),
    [
        ("O2 Delivery Device", {"value_as_string": "Endotracheal tube"}, 4),
        ("O2 Delivery Device", {"value_source_value": "Endotracheal tube"}, 4),
        ("Mechanically ventilated", {"value_as_string": "Yes"}, 4),
        ("Ventilator Mode", {"value_as_string": "CMV"}, 4),
        ("PEEP", {"value_as_number": "5"}, 4),
        ("Respiratory support", {}, 4),
        ("226732", {"value_as_string": "Endotracheal tube"}, 4),
        ("Norepinephrine dose", {"value_as_number": "0.08"}, 3),
        ("Airway", {"value_as_number": "0", "value_as_string": "Endotracheal tube"}, 4),
        ("Ventilator discontinued", {"value_as_string": "No"}, 4),
        ("Ventilator discontinued", {"value_as_string": "Yes"}, 1),
        ("FiO2", {"value_as_number": "21"}, 1),
        ("FiO2", {"value_as_number": "0.4"}, 4),
        ("PEEP", {"value_as_number": "21"}, 4),
        ("Mechanically ventilated", {"value_as_string": "No"}, 1),
        ("Mechanically ventilated", {"value_as_number": "0"}, 1),
        ("Mechanically ventilated", {"value_source_value": "0.0"}, 1),
        ("O2 Delivery Device", {"value_as_string": "Room air"}, 1),
        ("Norepinephrine dose", {"value_as_number": "0"}, 1),
        ("Note", {"value_as_string": "not mechanically ventilated"}, 1),
        ("Braden score", {"value_as_number": "18"}, 1),
    ],
)
def test_trap_overheard(tmp_path: Path, name: str, answer: Row, highest: int) -> None:
    """At least the fever, and at most what the words may mean; an answer that is no leaves the fever alone."""
    line = observed(tmp_path, {"observation_source_value": name, **answer})
    assert line[-1][1:] == (1, highest)
    assert line[0] == _FEVER
    if highest > 1:
        assert line[-1][0] == "02T10:00"


def test_a_measurement_speaks_too(tmp_path: Path) -> None:
    row = {**_UNKNOWN, "measurement_source_value": "PEEP", "value_as_number": "5"}
    intake = read(tmp_path, {"measurement": [{}, row]})
    assert counted(intake, "measurement") == {"used": 1, "rejected": 1}
    assert intake.rejects.select("source", "concept", "value", "rule").rows() == [
        ("measurement/2", "oxygen_device", "PEEP: 5", "unknown_code"),
    ]  # fmt: skip
    assert intake.rejects["hint"][0].startswith("map it with --codes, or give it the fate `ignore`")
    assert doubts(intake) == [("oxygen_device", "02T10:00", None)]
    assert read(tmp_path, codes=[Code("local", "PEEP", "", fate="ignore", reason="a test")]).in_doubt.is_empty()
    known = read(tmp_path, codes=[Code("local", "PEEP", "oxygen_device", "invasive_ventilation")])
    assert known.observations.filter(concept="oxygen_device")["text"].to_list() == ["invasive_ventilation"]


def doubts(intake: Intake) -> list[tuple[object, ...]]:
    """What is in doubt from when to when."""
    moments = [pl.from_epoch(name, time_unit="us").dt.strftime("%dT%H:%M") for name in ("time", "until")]
    return intake.in_doubt.select("concept", *moments).sort("time", "concept").rows()


def test_names_of_the_vocabulary_speak_too(tmp_path: Path) -> None:
    concept = [{"concept_id": "777001", "concept_name": "Ventilator mode", "vocabulary_id": "LOINC"},
               {"concept_id": "777002", "concept_name": "Airway", "vocabulary_id": "SNOMED"},
               {"concept_id": "777003", "concept_name": "Endotracheal tube", "vocabulary_id": "SNOMED"},
               {"concept_id": "777004", "concept_name": "Oxygen content in Venous blood", "vocabulary_id": "LOINC"},
               {"concept_id": "0", "concept_name": "No matching concept", "vocabulary_id": "None"}]  # fmt: skip
    rows = [{**_UNKNOWN, "measurement_concept_id": "777001", "value_as_concept_id": "0"},
            {**_UNKNOWN, "measurement_concept_id": "777002", "value_as_concept_id": "777003"},
            {**_UNKNOWN, "measurement_concept_id": "777004", "value_as_number": "12"}]  # fmt: skip
    intake = read(tmp_path, {"measurement": rows, "concept": concept})
    assert intake.rejects.select("source", "value").rows() == [
        ("measurement/1", "Ventilator mode"), ("measurement/2", "Airway: Endotracheal tube"),
    ]  # fmt: skip
    assert counted(intake, "measurement") == {"rejected": 2, "ignored": 1}


def test_a_day_without_a_time_is_in_doubt_all_day(tmp_path: Path) -> None:
    day = {"measurement_datetime": "", "measurement_source_value": "Ventilator Mode"}
    placeholder = {**day, "measurement_date": "1900-01-01"}
    dose = {**day, "measurement_source_value": "Tocilizumab dose", "value_as_number": "8"}
    intake = read(tmp_path, {"measurement": [{**_UNKNOWN, **row} for row in (day, placeholder, dose)]})
    assert intake.rejects["rule"].to_list() == ["unknown_code", "placeholder_date", "unknown_code"]
    # the second of the dose is told, for it may have been early or late on its day
    assert doubts(intake) == [
        ("oxygen_device", "02T00:00", "03T00:00"), ("tocilizumab", "02T00:00", None), ("tocilizumab", "02T23:59", None),
    ]  # fmt: skip


def test_what_is_known_explains_it(tmp_path: Path) -> None:
    """PEEP beside a charted ventilator says nothing new, beside a cannula it does."""
    peep = {"observation_source_value": "PEEP", "value_as_number": "5"}
    on = {"observation_concept_id": "4036936", "observation_datetime": "2026-03-02 09:00:00"}
    tube = {**on, "value_as_string": "Endotracheal tube"}
    beside = observed(tmp_path / "a", tube, peep)
    assert ("02T09:00", 4, 4) in beside
    assert beside == observed(tmp_path / "c", tube)
    last = observed(tmp_path / "b", {**on, "value_as_string": "Nasal cannula", "value_as_number": ""}, peep)
    assert (last[-1][0], last[-1][2]) == ("02T10:00", 4)
    assert last[-1][1] < 4


def test_some_oxygen_beside_a_charted_cannula_says_nothing_new(tmp_path: Path) -> None:
    on = {"observation_concept_id": "4036936", "observation_datetime": "2026-03-02 09:00:00", "value_as_number": "",
          "value_as_string": "Nasal cannula"}  # fmt: skip
    low, high = ({"observation_source_value": "O2 flow", "value_as_number": flow} for flow in ("2", "40"))
    alone = observed(tmp_path / "a", on)
    assert observed(tmp_path / "b", on, low) == alone
    assert observed(tmp_path / "c", on, high) != alone


def test_a_row_that_is_there_again_is_told_once(tmp_path: Path) -> None:
    row = {**_UNKNOWN, "measurement_id": "7", "measurement_source_value": "FiO2 set", "value_as_number": "40"}
    intake = read(tmp_path, {"measurement": [row, row]})
    assert counted(intake, "measurement") == {"rejected": 1, "superseded": 1}
    assert not any("FiO2" in line for line in reasons(intake, "measurement"))


# ---------------------------------------------------------------- procedures


_CONCEPT = {"concept_id": "2106469", "concept_name": "x", "vocabulary_id": "CPT4", "concept_code": "31500"}
_OTHER = {**_CONCEPT, "concept_id": "2000000500", "vocabulary_id": "Local"}


@pytest.mark.parametrize(
    ("row", "vocabulary", "highest"),
    [
        ({"procedure_concept_id": "2106469", "procedure_source_value": "31500"}, [], 4),
        ({"procedure_concept_id": "0", "procedure_source_value": "5A1945Z"}, [], 4),
        ({"procedure_concept_id": "0", "procedure_source_concept_id": "2106469"}, [_CONCEPT], 4),
        ({"procedure_concept_id": "2106469"}, [_CONCEPT], 4),
        # five digits of another vocabulary
        ({"procedure_source_concept_id": "2000000500", "procedure_source_value": "31500"}, [_OTHER], 1),
        ({"procedure_concept_id": "0", "procedure_source_value": "99213"}, [], 1),
        # nothing at all may be any procedure
        ({"procedure_concept_id": "0"}, [], 4),
        ({"procedure_concept_id": "2108641"}, [], 1),
    ],
)
def test_trap_procedure_code(tmp_path: Path, row: Row, vocabulary: list[Row], highest: int) -> None:
    tables = {"concept": vocabulary} if vocabulary else {}
    known = {"procedure_concept_id": "0", **DONE, **row}
    line = observed(tmp_path, procedure_occurrence=[known], **tables)
    if highest == 1:
        assert line == [_FEVER]
    else:
        assert line[-2:] == [("02T10:00", 1, highest), ("02T20:00", 1, 1)]
