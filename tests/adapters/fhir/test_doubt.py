"""What could not be read is not "not given": through the door, and up to the grade (decision 0034).

An adult, Yescarta on 27 February, on 1 March at noon 39.0 °C with 84 mmHg and room air: CRS grade 2 by ASTCT 2019, and
3 with a vasopressor (Lee 2019, table 2), so a norepinephrine that nobody can read leaves 2 to 3.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from tests.lib.fhir import (
    NOON,
    RXNORM,
    SNOMED,
    Resource,
    adds_up,
    amount,
    at,
    coded,
    given,
    ndjson,
    observation,
    read,
    reasons,
    rules,
    running,
    tables,
    temperature,
)  # fmt: skip

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.pipeline import grade_intake

SCALE = "crs.astct-2019"
LATER, EVENING = "2025-03-01T14:00:00Z", "2025-03-01T20:00:00Z"
RATE = {"dosage": {"rateQuantity": amount(0.4, "ug/kg/min")}}
LOCAL = {"coding": [{"system": "http://h.example", "code": "17", "display": "norepinephrine drip 8 mg/250 mL"}]}
ELSEWHERE = {"medicationCodeableConcept": None, "medicationReference": {"reference": "Medication/m"}}


def base(*, device: bool = True) -> list[Resource]:
    room = observation(coded("oxygen_device", "urn:x-cytowatch:concept"), id="d", valueString="room air")
    return [
        {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"},
        given({"text": "Yescarta"}, id="c", effectiveDateTime="2025-02-27T12:00:00Z"),
        temperature(39.0, id="t"),
        observation("8480-6", id="s", valueQuantity=amount(84, "mm[Hg]")),
        observation("8478-0", id="m", valueQuantity=amount(60, "mm[Hg]")),
        observation("59408-5", id="o", valueQuantity=amount(97, "%")),
        *([room] if device else []),
    ]


def graded(intake: Intake, moment: str = NOON) -> tuple[object, ...]:
    """Grade at a moment, its bounds, and what is missing."""
    found = grade_intake(intake, tables(), [SCALE]).timeline.filter(
        pl.col("start") <= at(moment), pl.col("end") > at(moment)
    )
    return found.select("grade", "at_least", "at_most", pl.col("missing").list.join(" ")).row(0)


def pressor(code: Resource | str = "7512", **more: object) -> Resource:
    return given(
        code, **{"effectiveDateTime": None, "effectivePeriod": {"start": NOON, "end": EVENING}, **RATE, **more}
    )


MEDICATION: Resource = {"resourceType": "Medication", "id": "m", "code": coded("7512", RXNORM)}
DAY = "2025-03-01"
IN_DOUBT = {
    "a local code with words": [pressor(LOCAL)],
    "words alone": [pressor({"text": "norepinephrine drip 8 mg/250 mL"})],
    "a day": [pressor(effectivePeriod=None, effectiveDateTime=DAY)],
    "days": [pressor(effectivePeriod={"start": DAY, "end": "2025-03-02"})],
    "a month": [pressor(effectivePeriod=None, effectiveDateTime="2025-03")],
    "no time": [pressor(effectivePeriod=None)],
    "no zone": [pressor(effectivePeriod={"start": NOON[:-1], "end": EVENING[:-1]})],
    "only an end": [pressor(effectivePeriod={"end": EVENING})],
}  # fmt: skip
ANY_DRUG = {
    "a reference to nothing": [pressor(**ELSEWHERE)],
    "a damaged drug": [pressor(**ELSEWHERE), {**MEDICATION, "code": {"text": 7}}],
    "a drug with a modifier": [pressor(**ELSEWHERE), {**MEDICATION, "modifierExtension": [{"url": "x"}]}],
    "a code without words": [pressor(coded("17", "http://h.example"))],
    "no drug at all": [pressor(medicationCodeableConcept=None)],
    "a damaged row": [pressor(medicationCodeableConcept="norepinephrine")],
    "no drug and no time": [pressor(effectivePeriod=None, **ELSEWHERE)],
}  # fmt: skip


def test_the_patient_without_a_pressor_has_a_certain_grade(tmp_path: Path) -> None:
    assert graded(read(tmp_path, *base())) == (2, 2, 2, "")


@pytest.mark.parametrize("name", IN_DOUBT)
def test_words_for_doubt_a_pressor_that_nobody_can_read_leaves_two_to_three(tmp_path: Path, name: str) -> None:
    intake = read(tmp_path, *base(), *IN_DOUBT[name])
    assert adds_up(intake)
    assert intake.in_doubt["concept"].unique().to_list() == ["norepinephrine"]
    assert graded(intake) == (None, 2, 3, "vasopressor_state")


@pytest.mark.parametrize("name", ANY_DRUG)
def test_a_drug_that_says_nothing_of_itself_may_be_any(tmp_path: Path, name: str) -> None:
    intake = read(tmp_path, *base(), *ANY_DRUG[name])
    assert adds_up(intake)
    assert {"norepinephrine", "vasopressin", "tocilizumab"} <= set(intake.in_doubt["concept"])
    # two pressors would be grade 4
    assert graded(intake) == (None, 2, 4, "vasopressor_state")


def test_a_doubt_ends_with_its_period_and_lasts_all_of_a_day(tmp_path: Path) -> None:
    local = read(tmp_path, *base(), pressor(LOCAL)).in_doubt
    assert local.select("time", "until", "value", "comparator").rows() == [(at(NOON), at(EVENING), 0.0, ">=")]
    day = pressor(effectivePeriod=None, effectiveDateTime=DAY)
    # without a zone anywhere on earth (from +14:00 to -12:00); in Berlin in March one hour before UTC
    for zone, start, end in (
        (None, "2025-02-28T10:00:00Z", "2025-03-02T12:00:00Z"),
        ("Europe/Berlin", "2025-02-28T23:00:00Z", "2025-03-01T23:00:00Z"),
    ):
        assert read(tmp_path, *base(), day, zone=zone).in_doubt.select("time", "until").rows() == [(at(start), at(end))]


def test_a_dose_of_a_day_may_be_the_first_or_the_last_thing_on_it(tmp_path: Path) -> None:
    dose = given("612865", effectiveDateTime=DAY)
    assert read(tmp_path, *base(), dose, zone="UTC").in_doubt.select("concept", "time").rows() == [
        ("tocilizumab", at("2025-03-01T00:00:00Z")), ("tocilizumab", at("2025-03-01T23:59:59Z")),
    ]  # fmt: skip


def test_any_drug_takes_nothing_from_a_rate_that_runs(tmp_path: Path) -> None:
    known = running(amount(0.1, "ug/kg/min"), "2025-03-01T11:00:00Z", id="k", status="in-progress")
    intake = read(tmp_path, *base(), known, pressor(**ELSEWHERE))
    assert "norepinephrine" not in intake.in_doubt["concept"].to_list()
    assert graded(intake)[:3] == (None, 3, 4)
    # a doubt about the same drug may be its end, and is never the proof of one
    intake = read(tmp_path, *base(), known, pressor(LOCAL))
    assert intake.in_doubt["until"].to_list() == [None]


def test_what_has_another_name_was_not_given_or_is_taken_back_leaves_no_doubt(tmp_path: Path) -> None:
    intake = read(
        tmp_path,
        *base(),
        pressor({"text": "aspirin 81 mg"}, id="1"),
        pressor(LOCAL, id="2", status="not-done"),
        pressor(LOCAL, id="3", status="entered-in-error"),
        pressor(id="4", status="not-done", **ELSEWHERE),
        codes=[Code("http://h.example", "17", "", fate="ignore", reason="never a pressor")],
    )
    assert 'drug in no table: no code at all "aspirin 81 mg"' in reasons(intake)
    assert intake.in_doubt.is_empty()
    assert graded(intake) == (2, 2, 2, "")


@pytest.mark.parametrize("cut", ["gz", "line", "name"])
def test_lost_part_of_the_administrations_leaves_drugs_not_recorded(tmp_path: Path, cut: str) -> None:
    many = [given({"text": f"aspirin {n * 7919 % 1000}"}, id=f"a{n}") for n in range(500)]
    whole = ndjson(base()[1], *many, pressor())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Observation.ndjson").write_text(ndjson(base()[0], *base()[2:]))
    if cut == "gz":
        packed = gzip.compress(whole.encode())
        (tmp_path / "in" / "x.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    elif cut == "line":
        (tmp_path / "in" / "x.ndjson").write_text(whole[:-20])
    else:
        (tmp_path / "in" / "MedicationAdministration.1.ndjson").write_text(ndjson(base()[1]) + "{garbled\n")
    intake = read_fhir([tmp_path / "in"], tables())
    assert adds_up(intake)
    assert {"norepinephrine", "tocilizumab"} <= intake.not_recorded
    assert "oxygen_device" not in intake.not_recorded
    assert graded(intake) == (None, 2, 4, "vasopressor_state")


def test_a_broken_measurement_leaves_drugs_recorded(tmp_path: Path) -> None:
    intake = read(tmp_path, *base(device=False), json.dumps(temperature())[:-9])
    assert "norepinephrine" not in intake.not_recorded


VENTILATOR = {"coding": [{"system": "http://h.example", "code": "9", "display": "ventilator days"}]}


def test_devices_by_their_words_are_in_doubt(tmp_path: Path) -> None:
    use = {"resourceType": "DeviceUseStatement", "id": "u", "status": "completed",
           "subject": {"reference": "Patient/p"}, "timingPeriod": {"start": NOON, "end": EVENING}}  # fmt: skip
    done = {"resourceType": "Procedure", "id": "v", "status": "completed", "subject": {"reference": "Patient/p"},
            "code": VENTILATOR, "performedPeriod": {"start": NOON, "end": EVENING}}  # fmt: skip
    for one in (done, {**use, "device": {"display": "ICU ventilator 7"}}, {**use, "device": {"reference": "Device/x"}}):
        intake = read(tmp_path, *base(), one)
        assert intake.in_doubt.select("concept", "time", "until").rows() == [
            ("oxygen_device", at(NOON), at(EVENING))
        ]  # fmt: skip
        # a device of unknown class: anything up to a ventilator
        assert graded(intake)[:3] == (None, 2, 4)
    clear = {**use, "device": {"display": "hip implant"}}
    surgery = {**done, "code": {"coding": [{"system": SNOMED, "code": "1", "display": "Appendectomy"}]}}
    assert read(tmp_path, *base(), clear, surgery).in_doubt.is_empty()


def test_a_device_in_doubt_is_no_sign_that_devices_are_recorded(tmp_path: Path) -> None:
    use = {"resourceType": "DeviceUseStatement", "id": "u", "status": "completed",
           "device": {"display": "ICU ventilator 7"}, "subject": {"reference": "Patient/q"},
           "timingDateTime": NOON}  # fmt: skip
    assert "oxygen_device" in read(tmp_path, *base(device=False), use).not_recorded
    assert rules(read(tmp_path, use)) == ["unknown_code"]


NAMES = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-name"
UUID = "0a1b2c3d-face-4bed-8abc-0123456789ab"
CVX = ("http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292")


@pytest.mark.parametrize("name", ["Heparin", "HEPARIN", "Piperacillin-Tazobactam", "Sodium Chloride 0.9%"])
def test_a_code_that_is_a_name_counts_as_words(tmp_path: Path, name: str) -> None:
    intake = read(tmp_path, *base(), pressor(coded(name, NAMES)))
    assert [one for one in reasons(intake) if one.startswith("drug in no table") and one.endswith(f'"{name}"')]
    assert intake.in_doubt.is_empty()
    assert graded(intake) == (2, 2, 2, "")


@pytest.mark.parametrize("name", ["NORepinephrine (LEVOPHED) 16 mg in NS", "NOREPI 8MG/250ML"])
def test_a_code_that_names_a_pressor_is_in_doubt(tmp_path: Path, name: str) -> None:
    assert graded(read(tmp_path, *base(), pressor(coded(name, NAMES))))[:3] == (None, 2, 3)


@pytest.mark.parametrize("code", ["LEVO", "VASO8", "MEDX0017", "UNKNOWN", "drug 17", UUID, "1191"])
def test_a_code_that_is_no_name_may_be_any_drug(tmp_path: Path, code: str) -> None:
    intake = read(tmp_path, *base(), pressor(coded(code, RXNORM if code == "1191" else NAMES)))
    assert rules(intake) == ["nameless_thing"]
    assert "--codes" in intake.rejects["hint"].item()
    assert "display" in intake.rejects["hint"].item()
    assert graded(intake)[:3] == (None, 2, 4)


@pytest.mark.parametrize("system", CVX)
def test_a_code_of_cvx_is_a_vaccine(tmp_path: Path, system: str) -> None:
    intake = read(tmp_path, *base(), pressor(coded("140", system)))
    assert "a vaccine (a code of CVX)" in reasons(intake)
    assert graded(intake) == (2, 2, 2, "")


ROUTES = {
    "snomed": {"coding": [{"system": SNOMED, "code": "447694001"}]},
    "eye": {"coding": [{"system": SNOMED, "code": "54485002", "display": "Ophthalmic route"}]},
    "display": {"coding": [{"system": "http://h.example", "code": "7", "display": "Nasal route"}]},
    "text": {"text": "Inhalation (nebulizer)"},
    "code": {"coding": [{"system": "http://h.example/route", "code": "BOTH EYES"}]},
}
QUARTER = {"start": NOON, "end": "2025-03-01T12:15:00Z"}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("drug", ["epinephrine", "NOREPI bag", None])
def test_local_route_a_drug_that_acts_where_it_is_applied_is_no_infusion(
    tmp_path: Path, drug: str | None, route: str
) -> None:
    code = {"text": drug} if drug else coded("17", "http://h.example")
    one = pressor(code, effectivePeriod=QUARTER, dosage={"route": ROUTES[route]})
    intake = read(tmp_path, *base(), one)
    assert adds_up(intake)
    assert [told for told in reasons(intake) if "acts where it is applied" in told]
    assert intake.in_doubt.is_empty()
    assert graded(intake) == (2, 2, 2, "")


def test_another_route_and_a_trigger_stand(tmp_path: Path) -> None:
    vein = {"coding": [{"system": SNOMED, "code": "47625008", "display": "Intravenous route"}], "text": "IV"}
    intake = read(tmp_path, *base(), pressor(dosage={**RATE["dosage"], "route": vein}))
    assert graded(intake)[:3] == (3, 3, 3)
    cells = given({"text": "Yescarta"}, id="c", effectiveDateTime=NOON, dosage={"route": ROUTES["text"]})
    assert read(tmp_path, cells).observations["concept"].to_list() == ["car_t_infusion"]


def mixture(*names: Resource, **dosage: object) -> list[Resource]:
    inside = [
        {"itemCodeableConcept": one} if "text" in one or "coding" in one else {"itemReference": one} for one in names
    ]
    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "bag 7"}, "ingredient": inside}
    return [drug, pressor(**ELSEWHERE, effectivePeriod=QUARTER, dosage=dosage or None)]


@pytest.mark.parametrize("other", [{"text": "lidocaine"}, {"reference": "Medication/x"}])
def test_combination_one_of_several_ingredients_without_a_rate_is_in_doubt(tmp_path: Path, other: Resource) -> None:
    intake = read(tmp_path, *base(), *mixture(other, coded("3992", RXNORM)))
    assert adds_up(intake)
    assert rules(intake) == ["mixture_without_rate"]
    assert intake.in_doubt.select("concept", "time", "until").rows() == [
        ("epinephrine", at(NOON), at(QUARTER["end"]))
    ]  # fmt: skip
    assert graded(intake)[:3] == (None, 2, 3)


def test_what_a_drug_is_dissolved_in_or_a_rate_leaves_a_fact(tmp_path: Path) -> None:
    dissolved = read(tmp_path, *base(), *mixture({"text": "dextrose 5%"}, {"text": "norepinephrine"}))
    assert graded(dissolved)[:3] == (3, 3, 3)
    rated = mixture({"text": "lidocaine"}, {"text": "norepinephrine"}, **RATE["dosage"])
    assert graded(read(tmp_path, *base(), *rated))[:3] == (3, 3, 3)
