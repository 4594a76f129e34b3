"""Which resource is the same as which: servers, Bundles, contained patients, versions, deletions, merged records."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.lib.fhir import (
    NOON,
    RXNORM,
    Resource,
    adds_up,
    amount,
    at,
    bundle,
    coded,
    counts,
    facts,
    ndjson,
    read,
    rules,
    running,
    tables,
    temperature,
)  # fmt: skip

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.fhir.places import server
from cytowatch.adapters.intake import Intake

NOREPINEPHRINE, MILRINONE = "7512", "52769"
LATER = "2025-03-01T14:00:00Z"


def of_server(name: str, *whole: Resource) -> Resource:
    """A searchset of a server."""
    base = f"https://{name}.example/fhir"
    entries = [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in whole]
    return bundle(*entries, kind="searchset")


def of_files(folder: Path, *documents: Resource) -> Intake:
    for number, one in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(one))
    intake = read_fhir([folder], tables())
    assert adds_up(intake)
    return intake


def infusion(patient: str, reference: str) -> Resource:
    drug = {"medicationCodeableConcept": None, "medicationReference": {"reference": reference}}
    return running(amount(0.1, "ug/kg/min"), NOON, LATER, subject={"reference": f"Patient/{patient}"}, **drug)


def medication(code: str) -> Resource:
    return {"resourceType": "Medication", "id": "1", "code": coded(code, RXNORM)}


@pytest.mark.parametrize("form", ["Medication/1", "https://{}.example/fhir/Medication/1"])
def test_a_drug_is_that_of_its_own_server(tmp_path: Path, form: str) -> None:
    intake = of_files(
        tmp_path,
        of_server("a", infusion("A1", form.format("a")), medication(NOREPINEPHRINE)),
        of_server("b", infusion("B1", form.format("b")), medication(MILRINONE)),
    )
    assert facts(intake, "patient", "concept") == [("A1", "norepinephrine"), ("B1", "milrinone")]
    assert intake.in_doubt.is_empty()


def test_a_drug_of_no_named_server_where_two_have_one_may_be_any(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text(ndjson(infusion("p", "Medication/1"), temperature()))
    intake = of_files(
        tmp_path, of_server("a", medication(NOREPINEPHRINE)), of_server("b", medication(MILRINONE)),
    )  # fmt: skip
    assert rules(intake) == ["dangling_reference"]
    assert {"norepinephrine", "milrinone"} <= set(intake.in_doubt["concept"])
    # and of one server it is that one
    (tmp_path / "1.json").unlink()
    assert ("norepinephrine",) in facts(read_fhir([tmp_path], tables()), "concept")


def test_one_id_on_two_servers_is_two_resources(tmp_path: Path) -> None:
    one = temperature(39.5, id="1", subject={"reference": "https://a.example/fhir/Patient/11"})
    other = temperature(37.0, id="1", subject={"reference": "Patient/22"})
    intake = of_files(tmp_path, of_server("a", one), of_server("b", other))
    assert facts(intake, "patient", "value") == [("11", 39.5), ("22", 37.0)]


def test_relative_references_show_two_servers_too_and_neither_patients_age_is_taken(tmp_path: Path) -> None:
    person = {"resourceType": "Patient", "id": "p"}
    intake = of_files(
        tmp_path,
        of_server("a", {**person, "birthDate": "1950-01-01"}, temperature()),
        of_server("b", {**person, "birthDate": "2015-01-01"}, temperature()),
    )
    assert rules(intake) == ["patient_of_two_servers"] * 4
    assert intake.patients.is_empty()


@pytest.mark.parametrize(
    "other",
    ["http://a.example/fhir", "https://A.Example:443/fhir", "http://a.example:80/fhir", "HTTPS://a.example/fhir/"],
)
def test_one_server_under_two_addresses_is_one_server(tmp_path: Path, other: str) -> None:
    person = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01"}
    drug = infusion("p", f"{other}/Medication/1")
    same = [{"fullUrl": f"{other}/{one['resourceType']}/{one['id']}", "resource": one} for one in (person, drug)]
    intake = of_files(
        tmp_path,
        of_server("a", person, temperature(39.5), medication(NOREPINEPHRINE)),
        bundle(*same),
        bundle({"resource": temperature(38.5, id="2", subject={"reference": f"{other}/Patient/p"})}),
    )
    assert rules(intake) == []
    assert facts(intake, "patient", "concept") == [
        ("p", "body_temperature"), ("p", "body_temperature"), ("p", "norepinephrine"),
    ]  # fmt: skip
    # another port is another server
    assert server("https://a.example:8443/fhir/Patient/p") != server("https://a.example/fhir/Patient/p")


def test_versions_about_different_patients_are_no_versions_unless_of_one_server(tmp_path: Path) -> None:
    first, second = (
        temperature(value, subject={"reference": f"Patient/{name}"}) for name, value in (("a", 39.5), ("b", 37.0))
    )
    intake = read(tmp_path, first, second)
    assert facts(intake, "patient", "value") == [("a", 39.5), ("b", 37.0)]
    # its own server corrected the patient
    for number, one in enumerate((first, second), 1):
        one["meta"] = {"versionId": str(number)}
    (tmp_path / "in").mkdir()
    intake = of_files(tmp_path / "in", of_server("a", first), of_server("a", second))
    assert facts(intake, "patient", "value") == [("b", 37.0)]


def test_versions_about_a_record_that_was_merged_are_versions(tmp_path: Path) -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]
    intake = read(
        tmp_path,
        {"resourceType": "Patient", "id": "old", "link": link},
        temperature(39.5, subject={"reference": "Patient/old"}, meta={"versionId": "1"}),
        temperature(37.0, subject={"reference": "Patient/new"}, meta={"versionId": "2"}),
    )
    assert facts(intake, "patient", "value") == [("new", 37.0)]


def test_contained_patients_of_resources_without_an_id_are_different_persons(tmp_path: Path) -> None:
    person = {"contained": [{"resourceType": "Patient", "id": "p"}], "subject": {"reference": "#p"}}
    rows = [temperature(value, id=None, **person) for value in (39.5, 37.0)]
    assert facts(read(tmp_path, *rows), "patient") == [
        ("Observation-in.ndjson:1#p",), ("Observation-in.ndjson:2#p",),
    ]  # fmt: skip


@pytest.mark.parametrize("names", [("S1", "J1"), (None, None)])
def test_a_urn_means_what_stands_in_its_own_bundle(tmp_path: Path, names: tuple[str | None, ...]) -> None:
    def transaction(name: str | None, value: float) -> Resource:
        person = {"resourceType": "Patient", **({"id": name} if name else {})}
        subject = {"reference": "urn:uuid:patient"}
        return bundle(
            {"fullUrl": "urn:uuid:obs", "resource": temperature(value, id=None, subject=subject)},
            {"fullUrl": "urn:uuid:patient", "resource": person},
            kind="transaction",
        )

    intake = of_files(tmp_path, *(transaction(name, value) for name, value in zip(names, (39.5, 36.5), strict=True)))
    told = facts(intake, "patient", "value")
    assert sorted(value for _, value in told) == [36.5, 39.5]
    assert len({patient for patient, _ in told}) == 2
    assert set(intake.patients["patient"]) == {patient for patient, _ in told}


def test_a_retraction_without_a_number_counts_if_it_is_later(tmp_path: Path) -> None:
    final = temperature(41.0, meta={"versionId": "1", "lastUpdated": NOON})
    wrong = temperature(41.0, status="entered-in-error", meta={"lastUpdated": LATER})
    assert facts(read(tmp_path, final, wrong)) == []
    # and without any moment, because nothing else says which is later
    assert facts(read(tmp_path, final, {**wrong, "meta": {}})) == []
    # two of one number
    same = {**wrong, "meta": {"versionId": "1", "lastUpdated": NOON}}
    assert facts(read(tmp_path, same, final)) == []
    # an earlier one has been overtaken
    assert facts(
        read(
            tmp_path,
            {**final, "meta": {"lastUpdated": LATER, "versionId": "2"}},
            {**wrong, "meta": {"lastUpdated": NOON}},
        ),
        "value",
    ) == [(41.0,)]


def test_a_deletion_of_a_version_deletes_the_resource(tmp_path: Path) -> None:
    gone = bundle({"request": {"method": "DELETE", "url": "Observation/o/_history/2"}}, timestamp=LATER)
    intake = read(tmp_path, temperature(), gone)
    assert counts(intake) == {"superseded": 1, "ignored": 1}


def test_a_patient_whose_id_stands_in_the_address_only(tmp_path: Path) -> None:
    person = {"resourceType": "Patient", "birthDate": "1960-05-04"}
    whole = bundle({"fullUrl": "https://a.example/fhir/Patient/p", "resource": person})
    intake = read(tmp_path, whole, temperature())
    assert intake.patients.select("patient", pl.col("birth_date").cast(pl.String)).rows() == [("p", "1960-05-04")]
    assert at(NOON) in intake.observations["time"]
