"""Every trap that the manifest of the FHIR door names, one test each (and what stands beside it)."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from tests.lib.fhir import (
    CONCEPT,
    LOINC,
    NOON,
    RXNORM,
    SNOMED,
    Resource,
    adds_up,
    amount,
    at,
    bundle,
    coded,
    counts,
    facts,
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
from cytowatch.adapters.vocabulary import Code
from cytowatch.errors import InputError

ONE, TWO = "2025-03-01T13:00:00Z", "2025-03-01T14:00:00Z"
SITE = "http://hospital.example/flowsheet"


def numbers(intake: object) -> list[tuple[object, ...]]:
    return facts(intake, "concept", "value", "unit")  # type: ignore[arg-type]


def test_entered_in_error_states_nothing_and_takes_earlier_versions_back(tmp_path: Path) -> None:
    first = temperature(39.5, meta={"versionId": "1"})
    wrong = temperature(39.5, status="entered-in-error", meta={"versionId": "2"})
    alone = temperature(40.0, id="other")
    intake = read(tmp_path, wrong, first, alone)
    assert numbers(intake) == [("body_temperature", 40.0, "Cel")]
    assert counts(intake) == {"used": 1, "superseded": 1, "ignored": 1}


def test_entered_in_error_does_not_take_back_another_resource_that_says_the_same(tmp_path: Path) -> None:
    intake = read(tmp_path, temperature(39.5, id="a"), temperature(39.5, id="b", status="entered-in-error"))
    assert numbers(intake) == [("body_temperature", 39.5, "Cel")]


def test_our_own_mark_is_handed_on_and_points_to_what_it_takes_back(tmp_path: Path) -> None:
    code = {"coding": [{"system": LOINC, "code": "8310-5"}, {"system": CONCEPT, "code": "body_temperature"}]}
    own = {"valueQuantity": amount(39.5, "Cel"), "meta": {"source": "ward.csv:7"}}
    intake = read(
        tmp_path, observation(code, id="a", **own), observation(code, id="b", status="entered-in-error", **own)
    )
    marks = intake.observations.sort("status").select("status", "source").rows()
    assert marks == [
        ("entered-in-error", "in.ndjson:1#Observation/a"), ("final", "in.ndjson:1#Observation/a"),
    ]  # fmt: skip


def test_preliminary_and_amended_are_handed_on_and_unfinished_ones_are_ignored(tmp_path: Path) -> None:
    said = ["preliminary", "final", "amended", "corrected", "registered", "cancelled", "unknown"]
    intake = read(tmp_path, *[temperature(id=status, status=status) for status in said])
    assert facts(intake, "status") == [("amended",), ("amended",), ("final",), ("preliminary",)]
    assert reasons(intake) == ["status cancelled", "status registered", "status unknown"]


def test_a_missing_or_unheard_of_status_is_rejected(tmp_path: Path) -> None:
    intake = read(tmp_path, temperature(status=None), temperature(id="b", status="done"))
    assert rules(intake) == ["unknown_status", "unknown_status"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_versions_the_highest_counts_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    versions = [
        temperature(38.0, meta={"versionId": "9"}),
        temperature(39.0, meta={"versionId": "10"}),
        temperature(37.0, meta={"versionId": "2", "lastUpdated": TWO}),
    ]
    intake = read(tmp_path, *(versions[place] for place in order))
    assert numbers(intake) == [("body_temperature", 39.0, "Cel")]
    assert counts(intake) == {"used": 1, "superseded": 2}


def test_versions_without_numbers_count_by_their_last_change_and_one_that_comes_twice_is_the_same(
    tmp_path: Path,
) -> None:
    early = temperature(38.0, meta={"lastUpdated": "2025-03-01T12:00:00+02:00"})
    late = temperature(39.0, meta={"lastUpdated": "2025-03-01T11:30:00Z"})
    intake = read(tmp_path, late, early, late)
    assert numbers(intake) == [("body_temperature", 39.0, "Cel")]
    assert reasons(intake, "superseded") == [
        "a later version of the same resource is in the input", "the same version of the same resource again",
    ]  # fmt: skip


def test_data_absent_is_no_value_as_a_whole_or_in_a_component(tmp_path: Path) -> None:
    absent = coded("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    pressure = [
        {"code": coded("8480-6"), "valueQuantity": amount(88, "mm[Hg]")},
        {"code": coded("8462-4"), "dataAbsentReason": absent},
    ]
    intake = read(
        tmp_path,
        observation("85354-9", component=pressure),
        observation("8310-5", id="t", dataAbsentReason=absent),
        observation(coded("ice_score", CONCEPT), id="i", dataAbsentReason={"text": "unable"}),
    )
    assert numbers(intake) == [("systolic_bp", 88.0, "mm[Hg]")]
    assert reasons(intake) == ["the value is absent: not-performed", "the value is absent: unable"]


def test_an_oxygen_device_whose_value_is_unknown_is_in_doubt_and_not_off(tmp_path: Path) -> None:
    intake = read(tmp_path, observation(coded("oxygen_device", CONCEPT), dataAbsentReason=coded("unknown", "x")))
    assert intake.in_doubt.select("concept", "text", "comparator").rows() == [("oxygen_device", "other", ">=")]


@pytest.mark.parametrize("moment", ["2025", "2025-01", "2025-01-05"])
def test_partial_date_is_rejected_and_never_moved_to_midnight(tmp_path: Path, moment: str) -> None:
    intake = read(tmp_path, temperature(effectiveDateTime=moment), running(None, moment, id="r"))
    assert intake.observations.is_empty()
    assert rules(intake) == ["partial_date", "partial_date"]
    assert set(intake.rejects["value"]) == {moment}


def test_no_offset_needs_a_zone_and_offsets_are_read(tmp_path: Path) -> None:
    local = temperature(effectiveDateTime="2025-03-01T13:00:00")
    abroad = temperature(id="b", effectiveDateTime="2025-03-01T17:30:00+05:30")
    assert rules(read(tmp_path, local, abroad)) == ["no_time_zone"]
    assert facts(read(tmp_path, local, abroad, zone="Europe/Berlin"), "time") == [(at(NOON),), (at(NOON),)]


def test_units_in_two_places_the_code_counts_if_it_is_ucum(tmp_path: Path) -> None:
    fahrenheit = {"value": 101.3, "unit": "F", "system": "http://unitsofmeasure.org", "code": "[degF]"}
    local = {"value": 38.5, "unit": "°C", "system": SITE, "code": "17"}
    differ = {"value": 100, "unit": "degF", "system": "http://unitsofmeasure.org", "code": "Cel"}
    intake = read(
        tmp_path,
        *(observation("8310-5", id=str(n), valueQuantity=q) for n, q in enumerate((fahrenheit, local, differ))),
    )
    assert numbers(intake) == [("body_temperature", 38.5, "Cel"), ("body_temperature", 38.5, "Cel")]
    assert rules(intake) == ["unit_contradiction"]


def test_unit_of_code_that_contradicts_is_rejected_not_converted(tmp_path: Path) -> None:
    molar = observation("14682-9", valueQuantity=amount(88.4, "umol/L"))
    mass = observation("14682-9", id="b", valueQuantity=amount(1.0, "mg/dL"))
    intake = read(tmp_path, molar, mass)
    assert numbers(intake) == [("creatinine", 1.0, "mg/dL")]
    assert rules(intake) == ["unit_contradiction"]


def test_many_codings_are_chosen_by_system_and_not_by_position(tmp_path: Path) -> None:
    local, public = {"system": SITE, "code": "T1"}, {"system": LOINC, "code": "8310-5"}
    value = {"valueQuantity": amount(38.5, "Cel")}
    for number, codings in enumerate(([local, public], [public, local])):
        intake = read(tmp_path, observation({"coding": codings}, id=str(number), **value))
        assert numbers(intake) == [("body_temperature", 38.5, "Cel")]


def test_codes_of_different_meaning_are_rejected_unless_the_site_decides(tmp_path: Path) -> None:
    codes = {
        "coding": [
            {"system": LOINC, "code": "8867-4"},
            {"system": SNOMED, "code": "442476006"},
            {"system": SITE, "code": "HR"},
        ]
    }
    rate = observation(codes, valueQuantity=amount(120, "/min"))
    assert rules(read(tmp_path, rate)) == ["contradictory_codes"]
    decided = read(tmp_path, rate, codes=[Code(SITE, "HR", "heart_rate")])
    assert numbers(decided) == [("heart_rate", 120.0, "/min")]


def test_local_codes_by_the_sites_list_with_its_unit_and_what_it_leaves_out(tmp_path: Path) -> None:
    site = [
        Code(SITE, "T1", "body_temperature", unit="[degF]"),
        Code(SITE, "X", "", fate="ignore", reason="a test channel"),
    ]
    bare = {"value": 101.3}
    known = observation(coded("T1", SITE), valueQuantity=bare)
    left = observation(coded("X", SITE), id="x", valueQuantity=bare)
    unknown = observation(coded("Y", SITE), id="y", valueQuantity=bare)
    intake = read(tmp_path, known, left, unknown, codes=site)
    assert numbers(intake) == [("body_temperature", 38.5, "Cel")]
    assert reasons(intake) == ["a test channel", f"code in no table: {SITE}|Y"]


def test_thousands_of_unknown_codes_are_counted_in_a_short_ledger(tmp_path: Path) -> None:
    many = [observation(coded(f"L{n}", SITE), id=str(n), valueInteger=1) for n in range(2_000)]
    often = [observation(coded("L7", SITE), id=f"again{n}", valueInteger=1) for n in range(10)]
    intake = read(tmp_path, *many, *often)
    assert adds_up(intake)
    assert intake.ledger.height <= 30
    assert intake.ledger.filter(reason=f"code in no table: {SITE}|L7")["rows"].to_list() == [11]
    assert intake.ledger.filter(reason="code in no table: 1975 others")["rows"].to_list() == [1975]


def test_components_of_pressure_and_of_saturation_state_their_own_facts(tmp_path: Path) -> None:
    pressure = [
        {"code": coded("8480-6"), "valueQuantity": amount(88, "mm[Hg]")},
        {"code": coded("8462-4"), "valueQuantity": amount(50, "mm[Hg]")},
    ]
    both = {"coding": [{"system": LOINC, "code": "2708-6"}, {"system": LOINC, "code": "59408-5"}]}
    oxygen = [
        {"code": coded("3151-8"), "valueQuantity": amount(6, "L/min")},
        {"code": coded("3150-0"), "valueQuantity": amount(40, "%")},
    ]
    intake = read(
        tmp_path,
        observation("85354-9", component=pressure),
        observation(both, id="s", valueQuantity=amount(91, "%"), component=oxygen),
    )
    assert numbers(intake) == [
        ("diastolic_bp", 50.0, "mm[Hg]"), ("fio2", 0.4, "1"), ("oxygen_flow", 6.0, "L/min"), ("spo2", 91.0, "%"),
        ("systolic_bp", 88.0, "mm[Hg]"),
    ]  # fmt: skip
    assert counts(intake) == {"used": 2}


def test_panel_members_speak_and_the_panel_does_not(tmp_path: Path) -> None:
    panel = observation("85353-1", id="panel", hasMember=[{"reference": "Observation/o"}])
    intake = read(tmp_path, panel, temperature())
    assert counts(intake) == {"used": 1, "ignored": 1}
    assert reasons(intake) == ["a panel: its members say what was measured"]


@pytest.mark.parametrize(
    ("printed", "value", "comparator"),
    [(">500", 500.0, ">"), ("<0.1", 0.1, "<"), ("12", 12.0, None), (">= 12 mg/L", 12.0, ">="), ("1,5", 1.5, None)],
)
def test_printed_values_keep_their_comparator(
    tmp_path: Path, printed: str, value: float, comparator: str | None
) -> None:
    site = [Code(SITE, "CRP", "crp", unit="mg/L")]
    intake = read(tmp_path, observation(coded("CRP", SITE), valueString=printed), codes=site)
    assert facts(intake, "concept", "value", "unit", "comparator") == [("crp", value, "mg/L", comparator)]


def test_a_comparator_of_a_quantity_is_kept(tmp_path: Path) -> None:
    intake = read(tmp_path, observation("2276-4", valueQuantity=amount(1500, "ng/mL", comparator=">")))
    assert facts(intake, "value", "comparator") == [(1500.0, ">")]


def test_a_gigantic_string_is_rejected_in_few_words(tmp_path: Path) -> None:
    intake = read(tmp_path, observation("1988-5", valueString="no number " * 500_000))
    assert rules(intake) == ["not_a_number"]
    assert intake.rejects["value"].str.len_chars().max() < 300
    assert intake.rejects["reason"].str.len_chars().max() < 400


def test_other_values_are_rejected(tmp_path: Path) -> None:
    others = {
        "valueRange": {"low": amount(1, "mg/L")}, "valueRatio": {"numerator": amount(1, "1")},
        "valueSampledData": {"data": "1 2 3"}, "valuePeriod": {"start": NOON}, "valueAttachment": {"data": "AA=="},
        "valueBoolean": True, "valueTime": "12:00:00", "valueDateTime": NOON,
    }  # fmt: skip
    intake = read(tmp_path, *[observation("1988-5", id=name, **{name: value}) for name, value in others.items()])
    assert intake.observations.is_empty()
    assert set(rules(intake)) == {"value_of_other_kind"}
    assert len(rules(intake)) == len(others)


def test_coded_findings_are_read_by_code_by_alias_and_by_truth(tmp_path: Path) -> None:
    device = observation(coded("DEV", SITE), id="d", valueCodeableConcept=coded("371907003", SNOMED))
    aware = observation(coded("consciousness", CONCEPT), id="c", valueCodeableConcept={"text": "to voice"})
    sleepy = observation(coded("sedated", CONCEPT), id="s", valueBoolean=True)
    odd = observation(coded("seizure", CONCEPT), id="z", valueCodeableConcept={"text": "perhaps"})
    intake = read(tmp_path, device, aware, sleepy, odd, codes=[Code(SITE, "DEV", "oxygen_device")])
    assert facts(intake, "concept", "text") == [
        ("consciousness", "to_voice"), ("oxygen_device", "nasal_cannula"), ("sedated", "yes"),
    ]  # fmt: skip
    assert rules(intake) == ["unknown_category"]


def test_limits_of_normal_only_if_plain_and_in_the_same_unit(tmp_path: Path) -> None:
    plain = [{"low": amount(0.6, "mg/dL"), "high": amount(1.2, "mg/dL")}]
    other = [{"low": amount(53, "umol/L"), "high": amount(106, "umol/L")}]
    two = [*plain, {"high": amount(1.0, "mg/dL"), "appliesTo": [{"text": "female"}]}]
    critical = [{"high": amount(4, "mg/dL"), "type": coded("treatment", "x")}]
    rows = [
        observation("2160-0", id=str(n), valueQuantity=amount(1.1, "mg/dL"), referenceRange=ranges)
        for n, ranges in enumerate((plain, other, two, critical))
    ]
    intake = read(tmp_path, *rows)
    limits = intake.observations.sort("row").select("range_low", "range_high").rows()
    assert limits == [(0.6, 1.2), (None, None), (0.6, 1.2), (None, None)]


def test_limits_of_normal_that_cannot_be_are_told_and_count_no_row(tmp_path: Path) -> None:
    upside_down = [{"low": amount(1.2, "mg/dL"), "high": amount(0.6, "mg/dL")}]
    ledger = read(
        tmp_path, observation("2160-0", valueQuantity=amount(1.1, "mg/dL"), referenceRange=upside_down)
    ).ledger
    told = ledger.filter(pl.col("reason").str.contains("limits of normal beside creatinine not used"))
    assert told.select("fate", "rows").rows() == [("ignored", 0)]
    assert ledger["rows"].sum() == 1


def test_interpretation_is_not_read_and_issued_is_when_it_became_known(tmp_path: Path) -> None:
    late = temperature(37.0, issued=TWO, interpretation=[coded("HH", "x")])
    intake = read(tmp_path, late)
    assert facts(intake, "value", "available") == [(37.0, at(TWO))]


def test_moments_in_all_their_elements(tmp_path: Path) -> None:
    none: Resource = {"effectiveDateTime": None}
    intake = read(
        tmp_path,
        temperature(id="1", **none, effectiveInstant=NOON),
        temperature(id="2", **none, effectivePeriod={"start": ONE, "end": TWO}),
        temperature(id="3", **none, effectiveTiming={"event": [TWO]}),
        temperature(id="4", **none, effectiveTiming={"event": [ONE, TWO]}),
        temperature(id="5", **none, effectiveTiming={"repeat": {"frequency": 3}}),
        temperature(id="6", **none),
        temperature(id="7", **none, effectivePeriod={"start": NOON, "end": NOON}),
    )
    assert facts(intake, "time", "until") == [(at(NOON), None), (at(NOON), None), (at(ONE), at(TWO)), (at(TWO), None)]
    assert rules(intake) == ["missing_time", "no_single_time", "no_single_time"]


def test_references_relative_absolute_urn_and_contained_patient(tmp_path: Path) -> None:
    urn = "urn:uuid:8f4c2a64-0000-4000-8000-000000000001"
    whole = bundle(
        {"fullUrl": urn, "resource": {"resourceType": "Patient", "id": "p"}},
        {"fullUrl": "http://x.example/o", "resource": temperature(id="1", subject={"reference": urn})},
    )
    newborn = {"resourceType": "Patient", "id": "newborn"}
    intake = read(
        tmp_path,
        whole,
        temperature(id="2"),
        temperature(id="3", subject={"reference": "https://server.example/fhir/Patient/p/_history/4"}),
        temperature(id="4", subject={"reference": "#newborn"}, contained=[newborn]),
        temperature(id="5", subject={"reference": "#nobody"}),
        temperature(id="6", subject={"reference": "Group/g"}),
        temperature(id="7", subject={"display": "somebody"}),
        temperature(id="8", subject={"reference": "Patient?identifier=7"}),
    )
    assert [patient for (patient,) in facts(intake, "patient")] == ["Observation-4#newborn", "p", "p", "p"]
    assert rules(intake) == ["dangling_reference", "missing_patient", "missing_patient"]
    assert reasons(intake) == ["about a Group, not a patient"]
    assert adds_up(intake)


def test_a_patient_whose_id_is_only_the_address_of_its_entry(tmp_path: Path) -> None:
    urn = "urn:uuid:8f4c2a64-0000-4000-8000-000000000001"
    person = {"fullUrl": urn, "resource": {"resourceType": "Patient", "birthDate": "1960-05-04"}}
    intake = read(tmp_path, bundle(person, temperature(subject={"reference": urn})))
    assert facts(intake, "patient") == [(urn[9:],)]
    assert intake.patients["patient"].to_list() == [urn[9:]]


def test_merged_patients_facts_move_to_the_record_that_stands(tmp_path: Path) -> None:
    link = lambda other, kind: [{"other": {"reference": f"Patient/{other}"}, "type": kind}]  # noqa: E731
    intake = read(
        tmp_path,
        {"resourceType": "Patient", "id": "old", "link": link("middle", "replaced-by"), "active": False},
        {"resourceType": "Patient", "id": "new", "link": link("middle", "replaces"), "gender": "female"},
        {"resourceType": "Patient", "id": "middle"},
        temperature(subject={"reference": "Patient/old"}),
    )
    assert facts(intake, "patient") == [("new",)]
    assert intake.patients["patient"].to_list() == ["new"]
    assert counts(intake) == {"used": 2, "superseded": 2}


def test_records_merged_in_a_circle_stay_as_they_are(tmp_path: Path) -> None:
    link = lambda other: [{"other": {"reference": f"Patient/{other}"}, "type": "replaced-by"}]  # noqa: E731
    intake = read(
        tmp_path,
        {"resourceType": "Patient", "id": "a", "link": link("b")},
        {"resourceType": "Patient", "id": "b", "link": link("a")},
        temperature(subject={"reference": "Patient/a"}),
    )
    assert facts(intake, "patient") == [("a",)]


def test_modifier_extension_and_implicit_rules_are_not_read(tmp_path: Path) -> None:
    extension = [{"url": "http://x.example/negated", "valueBoolean": True}]
    part = [{"code": coded("8480-6"), "valueQuantity": amount(88, "mm[Hg]"), "modifierExtension": extension}]
    intake = read(
        tmp_path,
        temperature(id="1", modifierExtension=extension),
        temperature(id="2", implicitRules="http://x.example/rules"),
        observation("85354-9", id="3", component=part),
        running(amount(0.1, "ug/kg/min"), NOON, TWO, id="4", modifierExtension=extension),
    )
    assert intake.observations.is_empty()
    assert rules(intake) == ["implicit_rules", "modifier_extension", "modifier_extension", "modifier_extension"]
    # the infusion may have run, or not, and what was measured is unknown
    doubts = ["body_temperature", "body_temperature", "norepinephrine", "systolic_bp"]
    assert intake.in_doubt["concept"].sort().to_list() == doubts


def test_deleted_resources_are_taken_back_unless_written_later(tmp_path: Path) -> None:
    gone = bundle(
        {"request": {"method": "DELETE", "url": "Observation/o"}},
        {"request": {"method": "DELETE", "url": "Observation/back"}},
        kind="transaction", timestamp=ONE,
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.ndjson").write_text(
        ndjson(temperature(39.9), temperature(38.1, id="back", meta={"lastUpdated": TWO}))
    )
    (tmp_path / "out" / "deleted.ndjson").write_text(ndjson(gone))
    intake = read_fhir([tmp_path / "out"], tables())
    assert facts(intake, "value") == [(38.1,)]
    assert counts(intake) == {"used": 1, "superseded": 1, "ignored": 2}


def drug(name: str = "m1", **more: object) -> Resource:
    return {"resourceType": "Medication", "id": name, **more}


def by_reference(reference: Resource, **more: object) -> Resource:
    dose = {"dosage": {"dose": amount(10, "mg")}}
    return given({}, **{"medicationCodeableConcept": None, "medicationReference": reference, **dose, **more})


def test_referenced_drugs_are_found_contained_in_a_bundle_or_in_another_file(tmp_path: Path) -> None:
    dexamethasone = drug(code=coded("3264", RXNORM))
    urn = "urn:uuid:8f4c2a64-0000-4000-8000-000000000002"
    (tmp_path / "in").mkdir()
    first = tmp_path / "in" / "a.ndjson"
    first.write_text(
        ndjson(
            by_reference({"reference": "Medication/m1"}, id="1"),
            by_reference({"reference": "http://x.example/fhir/Medication/m1"}, id="2"),
            by_reference({"reference": "#c"}, id="3", contained=[drug("c", code=coded("3264", RXNORM))]),
            bundle(
                {"fullUrl": urn, "resource": drug("u", code=coded("3264", RXNORM))},
                by_reference({"reference": urn}, id="4"),
            ),
            by_reference({"reference": "Medication/lost"}, id="5"),
            by_reference({"reference": "#lost"}, id="6"),
            by_reference({"reference": "Medication/lost", "display": "Dexamethasone"}, id="7"),
            given({}, id="8", medicationCodeableConcept=None),
        )
    )
    (tmp_path / "in" / "z.ndjson").write_text(ndjson(dexamethasone))
    intake = read_fhir([tmp_path / "in"], tables())
    assert facts(intake, "concept", "value") == [("dexamethasone", 10.0)] * 5
    assert rules(intake) == ["dangling_reference"] * 3


def test_what_is_in_a_product_counts_where_its_own_code_is_unknown(tmp_path: Path) -> None:
    item = lambda code: {"itemCodeableConcept": coded(code, RXNORM)}  # noqa: E731
    single = drug("single", code=coded("17", SITE), ingredient=[item("3264")])
    mixed = drug("mixed", code=coded("18", SITE), ingredient=[item("161"), item("999999")])
    rows = [by_reference({"reference": f"Medication/{name}"}, id=name) for name in ("single", "mixed")]
    intake = read(tmp_path, single, mixed, *rows)
    # of a mixture the amount of each part is not known
    assert facts(intake, "concept", "value") == [("acetaminophen", None), ("dexamethasone", 10.0)]


def test_local_rate_units_are_read_and_ml_an_hour_leaves_a_doubt(tmp_path: Path) -> None:
    local = {
        "value": 0.1,
        "unit": "mcg/kg/min",
        "system": "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-units",
        "code": "mcg/kg/min",
    }
    ratio = {"rateRatio": {"numerator": amount(5, "ug/kg"), "denominator": amount(1, "min")}}
    volume = {"rateRatio": {"numerator": amount(10, "mL"), "denominator": amount(1, "h")}}
    intake = read(
        tmp_path,
        *(running({**local, "unit": unit}, NOON, ONE, id=unit) for unit in ("mcg/kg/min", "ug/kg/min", "µg/kg/min")),
        running(None, ONE, TWO, code="3628", id="r", dosage=ratio),
        running(None, ONE, TWO, id="v", dosage=volume),
    )
    assert facts(intake, "concept", "value", "unit") == [
        ("dopamine", 5.0, "ug/kg/min"), *[("norepinephrine", 0.1, "ug/kg/min")] * 3,
    ]  # fmt: skip
    assert rules(intake) == ["unknown_unit"]
    assert intake.in_doubt.select("concept", "time").rows() == [("norepinephrine", at(ONE))]


def test_no_end_runs_on_in_progress_and_is_in_doubt_if_stopped(tmp_path: Path) -> None:
    rate = amount(0.1, "ug/kg/min")
    intake = read(
        tmp_path,
        running(rate, NOON, id="1", status="in-progress"),
        running(rate, NOON, ONE, code="3992", id="2", status="stopped"),
        running(rate, NOON, code="8163", id="3", status="stopped"),
        running(rate, NOON, code="3628", id="4", status="on-hold"),
        running(rate, NOON, code="3616", id="5", status="unknown"),
    )
    assert facts(intake, "concept", "until") == [("epinephrine", at(ONE)), ("norepinephrine", None)]
    assert sorted(intake.in_doubt["concept"]) == ["dobutamine", "dopamine", "phenylephrine"]
    assert rules(intake) == ["halted_without_end", "halted_without_end", "unknown_status"]


def test_no_rate_runs_at_an_unknown_rate_and_is_never_off(tmp_path: Path) -> None:
    dose = {"dose": amount(4, "mg")}
    intake = read(
        tmp_path,
        running(None, NOON, ONE, id="1", dosage=dose),
        running(None, NOON, code="3992", id="2", status="in-progress"),
        # a push, and a mention: neither says how long it ran
        given("8163", id="3", dosage={"dose": amount(100, "ug")}),
        given("3628", id="4"),
    )
    assert facts(intake, "concept", "value", "until") == [
        ("epinephrine", None, None), ("norepinephrine", None, at(ONE)),
    ]  # fmt: skip
    assert sorted(intake.in_doubt["concept"]) == ["dopamine", "phenylephrine"]
    assert rules(intake) == ["no_rate_and_no_end", "unit_not_convertible"]


def test_rates_of_one_order_follow_one_another_across_files(tmp_path: Path) -> None:
    order = {"request": {"reference": "MedicationRequest/1"}}
    (tmp_path / "in").mkdir()
    for name, (start, rate) in {"a": (ONE, 0.2), "b": (NOON, 0.1)}.items():
        row = running(amount(rate, "ug/kg/min"), start, id=name, **order)
        (tmp_path / "in" / f"{name}.ndjson").write_text(ndjson(row))
    intake = read_fhir([tmp_path / "in"], tables())
    assert facts(intake, "time", "until", "value") == [(at(NOON), at(ONE), 0.1), (at(ONE), None, 0.2)]


def test_an_end_of_its_own_is_kept_whatever_follows_in_the_order(tmp_path: Path) -> None:
    order = {"request": {"reference": "MedicationRequest/1"}}
    intake = read(
        tmp_path,
        running(amount(0.1, "ug/kg/min"), NOON, "2025-03-01T12:10:00Z", id="1", **order),
        running(amount(0.2, "ug/kg/min"), TWO, id="2", **order),
    )
    assert facts(intake, "time", "until") == [(at(NOON), at("2025-03-01T12:10:00Z")), (at(TWO), None)]


def test_orders_are_no_doses(tmp_path: Path) -> None:
    kinds = ("MedicationRequest", "MedicationStatement", "MedicationDispense")
    intake = read(tmp_path, *({**given("612865"), "resourceType": kind} for kind in kinds))
    assert counts(intake) == {"ignored": 3}
    # and without a single administration nobody has said that nothing was given
    assert {"norepinephrine", "tocilizumab"} <= intake.not_recorded


def test_not_done_was_not_given(tmp_path: Path) -> None:
    intake = read(tmp_path, given("612865", status="not-done"), given("612865", id="e", status="entered-in-error"))
    assert counts(intake) == {"ignored": 2}
    assert intake.in_doubt.is_empty()


def test_names_count_as_a_whole_for_drugs_and_never_for_measurements(tmp_path: Path) -> None:
    intake = read(
        tmp_path,
        given({"coding": [{"system": SITE, "code": "9", "display": "Actemra"}]}, id="1"),
        given({"text": "Yescarta"}, id="2"),
        given({"text": "tocilizumab biosimilar, if available"}, id="3"),
        observation(
            {"coding": [{"system": SITE, "code": "9", "display": "Creatinine"}]},
            id="4",
            valueQuantity=amount(90, "mg/dL"),
        ),
    )
    assert facts(intake, "concept", "text") == [
        ("car_t_infusion", "axicabtagene_ciloleucel"), ("tocilizumab", None),
    ]  # fmt: skip
    assert counts(intake) == {"used": 2, "ignored": 1, "rejected": 1}
    # the name of a needed drug stands among other words: no fact, and not "not given"
    assert intake.in_doubt.select("concept", "time").rows() == [("tocilizumab", at(NOON))]


def icd(code: str) -> Resource:
    return coded(code, "http://hl7.org/fhir/sid/icd-10-cm")


def condition(code: str, **more: object) -> Resource:
    subject = {"reference": "Patient/p"}
    return {
        "resourceType": "Condition",
        "id": code,
        "subject": subject,
        "code": icd(code),
        "onsetDateTime": NOON,
        **more,
    }


def test_grade_without_scale_is_not_read(tmp_path: Path) -> None:
    staged = {"stage": [{"type": {"text": "icans.astct-2019"}}]}
    intake = read(
        tmp_path,
        condition("D89.832"),
        condition("G92.03", **staged),
        condition("D89.839"),
        # a scale of another reaction
        condition("D89.834", **staged),
        {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "subject": {"reference": "Patient/p"},
         "event": icd("D89.833"), "date": NOON},
    )  # fmt: skip
    assert facts(intake, "concept", "value", "text") == [("reported_grade", 3.0, "icans.astct-2019")]
    assert intake.ledger.filter(reason="a reported grade without its scale")["rows"].sum() == 3


def test_a_sites_list_may_name_the_scale(tmp_path: Path) -> None:
    site = [Code("http://hl7.org/fhir/sid/icd-10-cm", "D89.832", "reported_grade", "crs.astct-2019")]
    intake = read(tmp_path, condition("D89.832"), codes=site)
    assert facts(intake, "concept", "value", "text") == [("reported_grade", 2.0, "crs.astct-2019")]


def test_own_grades_are_no_report_of_a_person(tmp_path: Path) -> None:
    scale = {"system": "urn:x-cytowatch:scale", "code": "crs.astct-2019"}
    intake = read(
        tmp_path,
        observation({"coding": [scale]}, valueInteger=3),
        condition("D89.833", stage=[{"type": {"coding": [scale]}}]),
    )
    assert counts(intake) == {"ignored": 2}


def test_focus_is_somebody_else(tmp_path: Path) -> None:
    intake = read(tmp_path, temperature(focus=[{"reference": "Patient/donor"}]))
    assert reasons(intake) == ["about somebody or something else than the patient (`focus`)"]


def test_two_servers_may_give_one_id_to_two_persons(tmp_path: Path) -> None:
    intake = read(
        tmp_path,
        *(temperature(id=n, subject={"reference": f"http://{n}.example/fhir/Patient/1"}) for n in ("a", "b")),
        temperature(id="c"),
    )
    assert rules(intake) == ["patient_of_two_servers"] * 2
    assert facts(intake, "patient") == [("p",)]


def procedure(code: str, **more: object) -> Resource:
    subject = {"reference": "Patient/p"}
    return {
        "resourceType": "Procedure",
        "id": code,
        "status": "completed",
        "subject": subject,
        "code": coded(code, SNOMED),
        **more,
    }


def test_devices_not_recorded_unless_one_is_stated(tmp_path: Path) -> None:
    surgery = procedure("80146002", performedDateTime=NOON)
    assert "oxygen_device" in read(tmp_path, surgery, temperature()).not_recorded
    on = procedure("371907003", performedPeriod={"start": NOON, "end": TWO})
    assert "oxygen_device" not in read(tmp_path, surgery, on).not_recorded


def test_procedures_and_devices_in_use(tmp_path: Path) -> None:
    use = {"resourceType": "DeviceUseStatement", "id": "u", "subject": {"reference": "Patient/p"}}
    intake = read(
        tmp_path,
        procedure("1258985005", status="in-progress", performedPeriod={"start": NOON}),
        procedure("47545007", status="not-done", performedPeriod={"start": NOON}),
        procedure("302497006", performedPeriod={"start": NOON, "end": TWO}),
        procedure("447837008", status="stopped", performedDateTime=ONE),
        {
            "resourceType": "Device",
            "id": "d",
            "deviceName": [{"name": "High flow nasal cannula", "type": "user-friendly-name"}],
        },
        {**use, "status": "completed", "device": {"reference": "Device/d"}, "timingPeriod": {"start": ONE, "end": TWO}},
        {**use, "id": "v", "status": "intended", "device": {"reference": "Device/d"}, "timingDateTime": ONE},
        {**use, "id": "w", "status": "active", "device": {"reference": "Device/x"}, "timingDateTime": ONE},
    )
    assert facts(intake, "concept", "text", "time", "until") == [
        ("kidney_replacement", "yes", at(NOON), at(TWO)),
        ("oxygen_device", "high_flow_nasal_cannula", at(ONE), at(TWO)),
        ("oxygen_device", "invasive_ventilation", at(NOON), None),
    ]
    assert rules(intake) == ["dangling_reference", "halted_without_end"]
    # the one that was halted, and the one that nobody knows
    assert intake.in_doubt.select("concept", "time").rows() == [("oxygen_device", at(ONE))] * 2


def test_forms_whose_questions_are_concepts(tmp_path: Path) -> None:
    form = {
        "resourceType": "QuestionnaireResponse", "id": "f", "status": "completed", "authored": NOON,
        "subject": {"reference": "Patient/p"},
        "item": [{"linkId": "ice", "item": [
            {"linkId": "ice_naming", "answer": [{"valueInteger": 3}]},
            {"linkId": "ice_year", "answer": [{"valueBoolean": True}]},
            {"linkId": "consciousness", "answer": [{"valueCoding": {"display": "to voice"}}]},
        ]}],
    }  # fmt: skip
    intake = read(
        tmp_path, form, {**form, "id": "g", "item": [{"linkId": "diet", "answer": [{"valueString": "soft"}]}]}
    )
    assert facts(intake, "concept", "value", "text") == [
        ("consciousness", None, "to_voice"), ("ice_naming", 3.0, None), ("ice_year", 1.0, None),
    ]  # fmt: skip
    assert counts(intake) == {"used": 1, "ignored": 1}


def test_deaths_and_persons(tmp_path: Path) -> None:
    person: Resource = {"resourceType": "Patient"}
    intake = read(
        tmp_path,
        {**person, "id": "a", "birthDate": "1961-04-23", "gender": "male", "deceasedDateTime": NOON},
        {**person, "id": "b", "birthDate": "1961-04", "deceasedBoolean": True},
        {**person, "id": "c", "deceasedDateTime": "2025-03-01"},
        {**person, "birthDate": "1961-04-23"},
        temperature(subject={"reference": "Patient/b"}),
    )
    assert facts(intake, "patient", "concept", "text") == [("a", "death", "unknown"), ("b", "body_temperature", None)]
    assert intake.patients.select("patient", pl.col("birth_date").cast(pl.String), "sex").rows() == [
        ("a", "1961-04-23", "male"), ("b", None, None), ("c", None, None),
    ]  # fmt: skip
    assert intake.rejects.select("rule", "concept").rows() == [
        ("partial_date", "birth_date"), ("partial_date", "death"), ("missing_id", None),
    ]  # fmt: skip


def test_triggers_by_our_own_codes(tmp_path: Path) -> None:
    product = {"coding": [{"system": "urn:x-cytowatch:product", "code": "teclistamab"}]}
    intake = read(tmp_path, given(product, dosage={"dose": amount(0.06, "mg/kg")}), given("1987398", id="y"))
    assert facts(intake, "concept", "value", "text") == [
        ("car_t_infusion", None, "axicabtagene_ciloleucel"), ("t_cell_engager_dose", 0.06, "teclistamab"),
    ]  # fmt: skip


# ---------------------------------------------------------------- bad input


def test_a_broken_line_is_rejected_with_its_number_and_loses_nothing_else(tmp_path: Path) -> None:
    intake = read(tmp_path, temperature(id="1"), '{"resourceType": "Observation", "id"', "", temperature(id="2"))
    assert intake.rejects.select("source", "rule").rows() == [("in.ndjson:2", "broken_line")]
    assert counts(intake) == {"used": 2, "rejected": 1}


@pytest.mark.parametrize(
    "bad",
    [
        {"valueQuantity": {"value": "38.5", "unit": "Cel"}},
        {"valueQuantity": [1]},
        {"code": "8310-5"},
        {"id": 7},
        {"component": {"code": {}}},
    ],
)
def test_wrong_types_are_rejected(tmp_path: Path, bad: Resource) -> None:
    intake = read(tmp_path, temperature(**bad))
    assert reasons(intake, "rejected") == ["wrong_type"]
    assert intake.observations.is_empty()


def test_a_damaged_infusion_leaves_a_doubt(tmp_path: Path) -> None:
    intake = read(tmp_path, running({"value": "0.1", "unit": "ug/kg/min"}, NOON))
    assert rules(intake) == ["wrong_type"]
    assert intake.in_doubt.select("concept", "time", "value", "comparator").rows() == [
        ("norepinephrine", at(NOON), 0.0, ">="),
    ]  # fmt: skip


def test_deep_nesting_is_a_broken_line(tmp_path: Path) -> None:
    deep = '{"resourceType":"Observation","x":' + "[" * 100_000 + "]" * 100_000 + "}"
    intake = read(tmp_path, deep, temperature())
    assert counts(intake) == {"used": 1, "rejected": 1}


def test_bundles_within_bundles(tmp_path: Path) -> None:
    whole = temperature()
    for _ in range(3):
        whole = bundle(whole)
    assert counts(read(tmp_path, whole)) == {"used": 1}
    for _ in range(10):
        whole = bundle(whole)
    assert reasons(read(tmp_path, whole), "rejected") == ["bundles_too_deep"]


@pytest.mark.parametrize("kind", ["collection", "searchset", "history", "transaction", "batch", "document", "message"])
def test_a_document_may_be_a_bundle_of_any_type_and_printed_over_many_lines(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(bundle(temperature(), {"request": {"method": "GET"}}, kind=kind), indent=2))
    intake = read_fhir([path], tables())
    assert facts(intake, "source") == [("whole.json:entry[1]#Observation/o",)]
    assert counts(intake) == {"used": 1, "ignored": 1}


def test_endings_do_not_decide_what_a_file_is(tmp_path: Path) -> None:
    lines = tmp_path / "lines.json"
    lines.write_text(ndjson(temperature(id="1"), temperature(id="2")))
    printed = tmp_path / "printed.ndjson"
    printed.write_text(json.dumps(temperature(), indent=1))
    packed = tmp_path / "packed.ndjson"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + ndjson(temperature()).replace("\n", "\r\n").encode()))
    for path, used in ((lines, 2), (printed, 1), (packed, 1)):
        assert counts(read_fhir([path], tables())) == {"used": used}


@pytest.mark.parametrize(
    "content",
    [b"<html><body>502 Bad Gateway</body></html>", b"", b"PK\x03\x04 a zip", b"\xff\xfe{\x00}\x00", b"\x1f\x8b broken"],
)
def test_a_file_without_any_resource_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.ndjson"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_fhir([path], tables())
    assert error.value.hint
    assert "page.ndjson" in error.value.where


def test_a_page_of_html_is_an_error_among_others_too(tmp_path: Path) -> None:
    (tmp_path / "Observation.ndjson").write_text("<html>\n<body>login</body>\n</html>\n")
    (tmp_path / "b.ndjson").write_text(ndjson(temperature()))
    with pytest.raises(InputError, match="nothing in the file can be read") as error:
        read_fhir([tmp_path], tables())
    assert error.value.where == "Observation.ndjson"


def test_other_files_of_a_folder_are_told_and_an_empty_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("")
    (tmp_path / "b.ndjson").write_text(ndjson(temperature()))
    (tmp_path / "readme.txt").write_text("about")
    intake = read_fhir([tmp_path], tables())
    assert counts(intake) == {"used": 1}
    assert ("readme.txt", "ignored", "no file of resources", 0) in intake.ledger.rows()


def test_a_file_that_is_cut_off_says_so_and_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.ndjson.gz"
    whole = gzip.compress(ndjson(*(temperature(id=str(n), note=str(hash(n * 7919))) for n in range(2_000))).encode())
    path.write_bytes(whole[: len(whole) // 2])
    intake = read_fhir([path], tables())
    assert "cut_off" in rules(intake)
    assert adds_up(intake)


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cytowatch.adapters.fhir.files._FREE", 8 << 20)
    path = tmp_path / "bomb.ndjson.gz"
    path.write_bytes(gzip.compress(b" " * (24 << 20)))
    with pytest.raises(InputError, match="far more than resources"):
        read_fhir([path], tables())


def test_a_line_without_an_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cytowatch.adapters.fhir.files._LONGEST_LINE", 1 << 20)
    path = tmp_path / "long.ndjson"
    path.write_bytes(
        ndjson(temperature(id="1")).encode()
        + b'{"x":"'
        + b"a" * (12 << 20)
        + b'"}\n'
        + ndjson(temperature(id="2")).encode()
    )
    intake = read_fhir([path], tables())
    assert counts(intake) == {"used": 2, "rejected": 1}
    assert intake.rejects.select("source", "rule").rows() == [("long.ndjson:2", "line_too_long")]


def test_many_resources_of_one_patient(tmp_path: Path) -> None:
    intake = read(
        tmp_path,
        *(
            temperature(id=str(n), effectiveDateTime=f"2025-03-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:00Z")
            for n in range(20_000)
        ),
    )
    assert counts(intake) == {"used": 20_000}


def test_every_trap_of_the_manifest_has_a_test() -> None:
    """A test of this folder begins with the trap's id; that the id occurs somewhere would be no test."""
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(Path(__file__).parent.glob("test_*.py"))]
    names = [node.name for module in modules for node in module.body if isinstance(node, ast.FunctionDef)]
    traps = [trap.id for trap in tables().doors["fhir"].traps]
    assert [one for one in traps if not any(f"{name}_".startswith(f"test_{one}_") for name in names)] == []
