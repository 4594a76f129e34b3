"""Observations under codes that no table knows, which speak of a therapy: a doubt, unless what is known explains it.

An adult, Yescarta on 27 February, on 1 March at noon 39.0 °C with 118 mmHg, 97 % and room air: CRS grade 1 by ASTCT
2019, for certain. A ventilator would be grade 4 (Lee 2019, table 2), a vasopressor grade 3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.lib.fhir import NOON, Resource, adds_up, amount, at, coded, given, observation, read, reasons, rules, tables

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.pipeline import grade_intake

SCALE = "crs.astct-2019"
BEFORE, LATER, EVENING = "2025-03-01T11:00:00Z", "2025-03-01T14:00:00Z", "2025-03-01T20:00:00Z"
SITE = "http://h.example/flowsheet"
CERTAIN = (1, 1, 1)
DEVICE = coded("oxygen_device", "urn:x-cytowatch:concept")


def base(device: str = "room air") -> list[Resource]:
    return [
        {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"},
        given({"text": "Yescarta"}, id="c", effectiveDateTime="2025-02-27T12:00:00Z"),
        observation("8310-5", id="t", valueQuantity=amount(39.0, "Cel")),
        observation("8480-6", id="s", valueQuantity=amount(118, "mm[Hg]")),
        observation("8478-0", id="m", valueQuantity=amount(85, "mm[Hg]")),
        observation("59408-5", id="o", valueQuantity=amount(97, "%")),
        observation(DEVICE, id="d", effectiveDateTime=BEFORE, valueString=device),
    ]


def graded(intake: Intake, moment: str = NOON) -> tuple[object, ...]:
    """Grade at a moment and its bounds."""
    found = grade_intake(intake, tables(), [SCALE]).timeline.filter(
        pl.col("start") <= at(moment), pl.col("end") > at(moment)
    )
    return found.select("grade", "at_least", "at_most").row(0)


def local(words: str, code: str = "17", **more: Any) -> Resource:
    return observation({"coding": [{"system": SITE, "code": code, "display": words}]}, id=f"x{code}", **more)


def quantity(value: float, unit: str = "1") -> Resource:
    return {"valueQuantity": amount(value, unit)}


def words(text: str) -> Resource:
    return {"valueCodeableConcept": {"text": text}}


SPEAKS = {
    "a device by its answer": local("O2 Delivery Device", **words("Endotracheal tube")),
    "only its answer": local("Airway", **words("Endotracheal tube")),
    "the answer's display": local("Airway", valueCodeableConcept={"coding": [{"display": "ETT", "code": "4"}]}),
    "the answer's code": local("Airway", valueCodeableConcept=coded("ETT", SITE)),
    "a text": local("Respiratory note", valueString="Pt. intubated, on CMV."),
    "yes": local("Mechanically ventilated", **words("Yes")),
    "true": local("Mechanically ventilated", valueBoolean=True),
    "a mode": local("Ventilator Mode", valueString="CMV"),
    "a code that looks like a no": local(
        "Airway", valueCodeableConcept={"coding": [{"display": "Endotracheal tube", "code": "0"}]}
    ),
    "a public code of a device": local(
        "Airway", valueCodeableConcept={"coding": [{"system": "http://snomed.info/sct", "code": "26412008"}]}
    ),
    "a public code without words": observation(coded("20124-4"), id="x", valueString="x"),
    "a name in one word": local("vent.mode", valueString="A"),
    "a panel with a value": local("Vent mode", hasMember=[{"reference": "Observation/o"}], valueString="PRVC"),
    "a question of a form": {
        "resourceType": "QuestionnaireResponse", "id": "q", "status": "completed", "authored": NOON,
        "subject": {"reference": "Patient/p"},
        "item": [{"linkId": "7", "text": "Mechanically ventilated?", "answer": [{"valueBoolean": True}]}],
    },
    "a number": local("PEEP", **quantity(5, "cm[H2O]")),
    "a whole number": local("PEEP", valueInteger=5),
    "no value": local("Intubated"),
    "another kind of value": local("Intubation", valueDateTime=NOON),
    "a code in words only": observation({"text": "Ventilator settings"}, id="x", **quantity(12)),
    "a code that is its name": observation(coded("PEEP", SITE), id="x", **quantity(5)),
    "amended": local("PEEP", status="amended", **quantity(5)),
    "no status": local("PEEP", status=None, **quantity(5)),
    "a component": observation(
        coded("99", SITE), id="x", component=[{"code": {"text": "Airway"}, "valueString": "Tracheostomy"}]
    ),
    "a component of a panel": observation(
        {"text": "Ventilator"}, id="x", component=[{"code": {"text": "Rate"}, **quantity(14)}]
    ),
    "a component of a known code": observation(
        "85354-9",
        id="x",
        component=[
            {"code": coded("8480-6"), "valueQuantity": amount(118, "mm[Hg]")},
            {"code": {"text": "Airway"}, "valueString": "Endotracheal tube"},
        ],
    ),
    "a modifier": local("PEEP", modifierExtension=[{"url": "x"}], **quantity(5)),
}  # fmt: skip
SILENT = {
    "no": local("Mechanically ventilated", **words("No")),
    "false": local("Mechanically ventilated", valueBoolean=False),
    "nothing": local("PEEP", **quantity(0)),
    "room air": local("O2 Delivery Device", valueString="Room air"),
    "none": local("O2 Delivery Device", valueCodeableConcept={"coding": [{"display": "None", "code": "4"}]}),
    "denied": local("Respiratory note", valueString="Alert. Not intubated."),
    "in error": local("PEEP", status="entered-in-error", **quantity(5)),
    "cancelled": local("PEEP", status="cancelled", **quantity(5)),
    "absent": local("PEEP", dataAbsentReason={"text": "unknown"}),
    "another person": local("PEEP", focus=[{"reference": "Patient/q"}], **quantity(5)),
    "a panel": local("Ventilator settings", hasMember=[{"reference": "Observation/y"}]),
    "a test": local("Oxygen saturation of blood", **quantity(97)),
    "the past": local("History of respiratory support", valueString="ventilator in 2019"),
    "a code of the table": observation("8310-5", id="z", **quantity(39, "Cel"), valueString="ventilator"),
    "a component that says no": observation(
        {"text": "Ventilator"}, id="x", component=[{"code": {"text": "In use"}, "valueBoolean": False}]
    ),
}  # fmt: skip


def test_the_patient_has_a_certain_grade(tmp_path: Path) -> None:
    assert graded(read(tmp_path, *base())) == CERTAIN


@pytest.mark.parametrize("name", SPEAKS)
def test_an_observation_that_speaks_of_a_ventilator_leaves_a_range(tmp_path: Path, name: str) -> None:
    intake = read(tmp_path, *base(), SPEAKS[name])
    assert adds_up(intake)
    assert "unknown_code" in rules(intake)
    assert intake.in_doubt["concept"].unique().to_list() == ["oxygen_device"]
    assert graded(intake) == (None, 1, 4)


@pytest.mark.parametrize("name", SILENT)
def test_what_is_denied_not_done_or_of_another_thing_leaves_no_doubt(tmp_path: Path, name: str) -> None:
    intake = read(tmp_path, *base(), SILENT[name])
    assert adds_up(intake)
    assert "unknown_code" not in rules(intake)
    assert intake.in_doubt.is_empty()
    assert graded(intake) == CERTAIN


@pytest.mark.parametrize("name", SPEAKS)
def test_a_ventilator_that_is_charted_explains_the_words(tmp_path: Path, name: str) -> None:
    alone, beside = (read(tmp_path, *base("ventilator"), *more) for more in ([], [SPEAKS[name]]))
    assert "unknown_code" in rules(beside)
    assert beside.in_doubt.is_empty()
    assert graded(alone) == graded(beside) == (4, 4, 4)


def test_a_pressor_that_an_observation_speaks_of(tmp_path: Path) -> None:
    intake = read(tmp_path, *base(), local("Norepinephrine dose", **quantity(0.08, "ug/kg/min")))
    assert intake.in_doubt["concept"].to_list() == ["norepinephrine"]
    assert graded(intake) == (None, 1, 3)
    assert graded(read(tmp_path, *base(), local("Norepinephrine level in plasma", **quantity(0.08)))) == CERTAIN


def test_the_reject_names_the_code_its_words_and_the_value(tmp_path: Path) -> None:
    intake = read(tmp_path, *base(), local("O2 Delivery Device", **words("Endotracheal tube")))
    one = intake.rejects.row(0, named=True)
    assert (one["rule"], one["concept"], one["value"]) == ("unknown_code", "oxygen_device", "Endotracheal tube")
    told = f'no table knows its code ({SITE}|17 "O2 Delivery Device"), and its words speak of oxygen_device'
    assert one["reason"] == told
    assert "--codes" in one["hint"]
    site = [Code(SITE, "17", "", fate="ignore", reason="charted elsewhere")]
    known = read(tmp_path, *base(), local("O2 Delivery Device", **words("Endotracheal tube")), codes=site)
    assert known.rejects.is_empty()
    assert graded(known) == CERTAIN


def test_a_version_that_does_not_count_speaks_of_nothing(tmp_path: Path) -> None:
    said = local("PEEP", **quantity(5), meta={"versionId": "1"})
    for later in (
        {**said, "status": "entered-in-error", "meta": {"versionId": "2"}},
        {**said, **quantity(0), "meta": {"versionId": "2"}},
    ):
        for both in ([said, later], [later, said]):
            intake = read(tmp_path, *base(), *both)
            assert rules(intake) == []
            assert graded(intake) == CERTAIN


def test_it_is_in_doubt_from_that_moment_on(tmp_path: Path) -> None:
    intake = read(tmp_path, *base(), local("PEEP", effectiveDateTime=LATER, **quantity(5)))
    assert graded(intake) == CERTAIN
    assert graded(intake, LATER) == (None, 1, 4)
    # a day without a time: from where that day begins first, and what is charted on it is known better
    intake = read(tmp_path, *base(), local("PEEP", effectiveDateTime="2025-03-01", **quantity(5)))
    assert intake.in_doubt.select("time", "until").rows() == [(at("2025-02-28T10:00:00Z"), at("2025-03-02T12:00:00Z"))]
    assert graded(intake) == CERTAIN


def test_codes_of_no_table_are_named_by_their_words(tmp_path: Path) -> None:
    long = "Braden scale: sensory perception, as the nurse on duty sees it"
    both = local("Skin color", **words("pink")), local(long, "18", **quantity(3))
    # whatever the order of the file
    for order in (both, both[::-1]):
        told = reasons(read(tmp_path, *order))
        assert told == [f'code in no table: {SITE}|17 "Skin color"', f'code in no table: {SITE}|18 "{long[:40]}…"']
    assert reasons(read(tmp_path, observation({"text": "Skin"}))) == ['code in no table: no code at all "Skin"']


def test_what_speaks_of_a_device_is_no_sign_that_devices_are_recorded(tmp_path: Path) -> None:
    intake = read(tmp_path, *base()[:-1], local("PEEP", **quantity(5)))
    assert "oxygen_device" in intake.not_recorded


def test_some_oxygen_beside_a_charted_cannula_says_nothing_new(tmp_path: Path) -> None:
    cannula = base("nasal cannula")
    assert read(tmp_path, *cannula, local("O2 Flow", **quantity(2, "L/min"))).in_doubt.is_empty()
    for more in (local("O2 Flow", **quantity(40, "L/min")), local("PEEP", **quantity(5))):
        assert read(tmp_path, *cannula, more).in_doubt["concept"].to_list() == ["oxygen_device"]
    assert not read(tmp_path, *base(), local("O2 Flow", **quantity(2, "L/min"))).in_doubt.is_empty()


def test_a_survey_speaks_of_nothing(tmp_path: Path) -> None:
    survey = {"category": [{"coding": [{"code": "survey"}]}]}
    assert graded(read(tmp_path, *base(), local("On ventilator", valueBoolean=True, **survey))) == CERTAIN


# ---------------------------------------------------------------- procedures that have a code and no words


def procedure(code: Resource | None, **more: Any) -> Resource:
    whole = {
        "resourceType": "Procedure", "id": "v", "status": "completed", "subject": {"reference": "Patient/p"},
        "code": code, "performedPeriod": {"start": NOON, "end": EVENING}, **more,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


CPT, PCS, OPS = (
    "http://www.ama-assn.org/go/cpt", "http://www.cms.gov/Medicare/Coding/ICD10", "http://fhir.de/CodeSystem/bfarm/ops"
)  # fmt: skip


@pytest.mark.parametrize(
    ("system", "code"), [(CPT, "31500"), (CPT, "94002"), (PCS, "5A1945Z"), (OPS, "8-713.0"), (None, "0BH17EZ")]
)
def test_a_code_of_ventilation_without_words_is_in_doubt(tmp_path: Path, system: str | None, code: str) -> None:
    intake = read(tmp_path, *base(), procedure({"coding": [{"system": system, "code": code}]}))
    assert rules(intake) == ["unknown_code"]
    assert intake.in_doubt.select("concept", "time", "until").rows() == [("oxygen_device", at(NOON), at(EVENING))]
    assert graded(intake) == (None, 1, 4)
    undone = procedure({"coding": [{"system": system, "code": code}]}, status="not-done")
    assert graded(read(tmp_path, *base(), undone)) == CERTAIN


@pytest.mark.parametrize(("system", "code"), [(CPT, "44950"), (SITE, "31500"), (OPS, "5-470.1")])
def test_other_codes_of_procedures_leave_no_doubt(tmp_path: Path, system: str, code: str) -> None:
    intake = read(tmp_path, *base(), procedure(coded(code, system)))
    assert intake.in_doubt.is_empty()
    assert graded(intake) == CERTAIN


@pytest.mark.parametrize("code", [None, {}, {"coding": [{"system": CPT}]}, {"text": " "}])
def test_a_procedure_that_says_nothing_of_itself_may_be_any_device(tmp_path: Path, code: Resource | None) -> None:
    intake = read(tmp_path, *base(), procedure(code))
    assert adds_up(intake)
    assert rules(intake) == ["nameless_thing"]
    assert intake.in_doubt["concept"].to_list() == ["oxygen_device"]
    assert graded(intake) == (None, 1, 4)
    # without a time it may have been at any
    assert graded(read(tmp_path, *base(), procedure(code, performedPeriod=None))) == (None, 1, 4)
    for more in ({"status": "not-done"}, {"status": "entered-in-error"}):
        assert graded(read(tmp_path, *base(), procedure(code, **more))) == CERTAIN
