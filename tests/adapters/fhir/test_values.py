"""What counts as a value: findings without one, components beside one, off the scale, units of codes, odd amounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.adapters.fhir.test_doubt import base, graded
from tests.lib.fhir import (
    LOINC,
    NOON,
    SNOMED,
    Resource,
    amount,
    at,
    coded,
    counts,
    facts,
    given,
    observation,
    read,
    rules,
    temperature,
)  # fmt: skip

V3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
VENTILATION = coded("40617009", SNOMED)


def test_code_without_value_is_no_proof_of_a_finding(tmp_path: Path) -> None:
    # 40617009: artificial respiration; it would be grade 4
    intake = read(tmp_path, *base(), observation(VENTILATION, id="v"))
    assert rules(intake) == ["no_value"]
    assert intake.in_doubt.select("concept", "time").rows() == [("oxygen_device", at(NOON))]
    assert graded(intake)[:3] == (None, 2, 4)


def test_a_value_affirms_the_finding_and_a_procedure_needs_none(tmp_path: Path) -> None:
    intake = read(tmp_path, *base(), observation(VENTILATION, id="v", valueBoolean=True))
    assert graded(intake)[:3] == (4, 4, 4)
    done = {"resourceType": "Procedure", "id": "v", "status": "in-progress", "code": VENTILATION,
            "subject": {"reference": "Patient/p"}, "performedPeriod": {"start": NOON}}  # fmt: skip
    assert graded(read(tmp_path, *base(), done))[:3] == (4, 4, 4)


def part(code: str, **more: object) -> Resource:
    return {"code": coded(code), **more}


def test_components_that_say_something_else_than_the_whole_are_facts_of_their_own(tmp_path: Path) -> None:
    # 8331-1 oral temperature, 8310-5 body temperature
    other = temperature(37.0, component=[part("8331-1", valueQuantity=amount(39.4, "Cel"))])
    assert facts(read(tmp_path, other), "value") == [(37.0,), (39.4,)]
    same = temperature(37.0, component=[part("8331-1", valueQuantity=amount(37.0, "Cel"))])
    assert facts(read(tmp_path, same), "value") == [(37.0,)]


def test_a_component_stands_where_the_whole_is_absent(tmp_path: Path) -> None:
    absent = coded("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    whole = observation("59408-5", dataAbsentReason=absent, component=[
        part("2708-6", valueQuantity=amount(82, "%")), part("3151-8", valueQuantity=amount(6, "L/min")),
    ])  # fmt: skip
    intake = read(tmp_path, whole)
    assert facts(intake, "concept", "value") == [("oxygen_flow", 6.0), ("spo2", 82.0)]
    assert counts(intake) == {"used": 1}


@pytest.mark.parametrize("more", [{}, {"note": [{"text": "diluted"}], "dataAbsentReason": None}])
def test_interpretation_off_the_scale_is_a_comparator(tmp_path: Path, more: Resource) -> None:
    def ferritin(code: str, **other: object) -> Resource:
        mark = [{"coding": [{"system": V3, "code": code}]}]
        return observation(
            "2276-4", **{"valueQuantity": amount(1500, "ng/mL"), "interpretation": mark, **more, **other}
        )

    assert facts(read(tmp_path, ferritin(">")), "value", "comparator") == [(1500.0, ">")]
    assert facts(read(tmp_path, ferritin("<")), "value", "comparator") == [(1500.0, "<")]
    # what is there already counts, and no other interpretation is read
    own = amount(1500, "ng/mL", comparator=">=")
    assert facts(read(tmp_path, ferritin(">", valueQuantity=own)), "comparator") == [(">=",)]
    assert facts(read(tmp_path, ferritin("HH")), "comparator") == [(None,)]
    # the long way: a component
    panel = {"coding": [{"system": LOINC, "code": "24323-8"}]}
    inside = {
        name: value for name, value in ferritin(">").items() if name in ("code", "valueQuantity", "interpretation")
    }
    assert facts(read(tmp_path, observation(panel, component=[inside])), "comparator") == [(">",)]


def test_a_code_of_mass_with_an_amount_of_substance_is_no_conversion(tmp_path: Path) -> None:
    # 2160-0 is creatinine by mass: 88 umol/L would have read as 0.995 mg/dL
    molar = observation("2160-0", id="a", valueQuantity=amount(88, "umol/L"))
    mass = observation("2160-0", id="b", valueQuantity=amount(10, "mg/L"))
    intake = read(tmp_path, molar, mass)
    assert facts(intake, "concept", "value", "unit") == [("creatinine", 1.0, "mg/dL")]
    assert rules(intake) == ["unit_contradiction"]


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [("1994-3", 2.2, "meq/L"), ("2000-8", 4.4, "meq/L"), ("2951-2", 140, "meq/L"), ("2951-2", 140, "mmol/L"),
     ("718-7", 120, "g/L"), ("32693-4", 2, "mmol/L"), ("32693-4", 2, "mM")],
)  # fmt: skip
def test_units_of_the_kind_that_a_code_says_are_read(tmp_path: Path, code: str, value: float, unit: str) -> None:
    assert counts(read(tmp_path, observation(code, valueQuantity=amount(value, unit)))) == {"used": 1}


@pytest.mark.parametrize("dose", [amount(68, "mL"), amount(1, "bag", ucum=False), {"value": 68}, amount(68, "{cells}")])
def test_cells_by_volume_are_a_trigger_without_an_amount(tmp_path: Path, dose: Resource) -> None:
    intake = read(tmp_path, given({"text": "Yescarta"}, dosage={"dose": dose}))
    assert facts(intake, "concept", "text", "value") == [("car_t_infusion", "axicabtagene_ciloleucel", None)]
    told = intake.ledger.filter(rows=0)["reason"].to_list()
    assert [one.startswith("the amount beside car_t_infusion not used: ") for one in told] == [True]
    assert counts(intake) == {"used": 1}


def test_an_amount_of_cells_is_kept(tmp_path: Path) -> None:
    intake = read(tmp_path, given({"text": "Yescarta"}, dosage={"dose": amount(2e8, "{cells}")}))
    assert facts(intake, "value") == [(2e8,)]
