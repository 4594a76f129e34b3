"""An export that is loaded twice, or into the server that its data came from: nothing is doubled or damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.exports.test_fhir import BEGIN, CELLS, FEVER_AND_PRESSOR, at, export_rows, grades, said_of_export
from tests.lib import fhir_checks as checks
from tests.lib import fhir_runs as runs

from cytowatch.adapters.doors import Asked, read_source
from cytowatch.adapters.files import read_files
from cytowatch.cli import run as command
from cytowatch.pipeline import grade_intake

HEAD = "patient,time,until,concept,value,unit,text,source"
CHART = [
    "A,2026-03-01T08:00:00Z,,car_t_infusion,,,axicabtagene_ciloleucel,",
    "A,2026-03-02T08:00:00Z,,body_temperature,38.6,Cel,,",
    "B,2026-03-01T08:00:00Z,,car_t_infusion,,,axicabtagene_ciloleucel,",
    "B,2026-03-02T08:00:00Z,,body_temperature,38.6,Cel,,",
    "B,2026-03-02T08:00:00Z,,symptom,,,headache,",
    "B,2026-03-02T08:00:00Z,,symptom,,,chills,",
    "B,2026-03-02T09:00:00Z,,tocilizumab,560,mg,,",
    "B,2026-03-02T09:00:00Z,,norepinephrine,0.05,ug/kg/min,,pump:7",
]


def exported(
    folder: Path, lines: list[str], file: str = "chart.csv", **options: Any
) -> dict[str, list[checks.Resource]]:
    """Lines of a chart as a file, graded and exported; each resource is checked."""
    folder.mkdir()
    (folder / file).write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    runs.written(grade_intake(read_files([folder / file], runs.knowledge()), runs.knowledge()), folder / "graded")
    found = checks.read(runs.exported(folder / "graded", folder / "fhir", **options))
    assert checks.faults(found) == []
    return found


def of(found: dict[str, list[checks.Resource]], patient: str) -> dict[str, checks.Resource]:
    """A patient's resources by type and id."""
    own = (f'"Patient/{patient}"', f'"id": "{patient}"')
    return {
        f"{kind}/{one['id']}": one
        for kind, each in found.items()
        for one in each
        if any(word in json.dumps(one) for word in own)
    }


def given(resources: dict[str, checks.Resource], word: str) -> list[str]:
    """Ids of what was given and names a drug."""
    return [name for name, one in resources.items() if name.startswith("Med") and word in json.dumps(one)]


def test_a_row_of_another_patient_moves_no_id(tmp_path: Path) -> None:
    more = "A,2026-03-02T12:00:00Z,,body_temperature,38.9,Cel,,"
    first = exported(tmp_path / "first", CHART)
    second = exported(tmp_path / "second", [*CHART[:2], more, *CHART[2:]])
    # 6 facts, their grades, and what follows from them, byte for byte
    before, after = (of(found, "B") for found in (first, second))
    assert len([name for name, one in before.items() if "urn:x-cytowatch:concept" in json.dumps(one)]) >= 6
    assert json.dumps(before) == json.dumps(after)
    # of A there is one fact more, and all others keep their ids
    assert set(of(first, "A")) < set(of(second, "A"))
    # the Provenance names the file, and how many of its rows were read
    both = [found["Provenance"] for found in (first, second)]
    assert [one["id"] for one in both[0]] == [one["id"] for one in both[1]]


def test_another_name_of_the_file_moves_no_id(tmp_path: Path) -> None:
    first, second = exported(tmp_path / "a", CHART), exported(tmp_path / "b", CHART, "chart-2.csv")
    assert set(of(first, "B")) == set(of(second, "B"))


def test_what_ended_or_was_corrected_is_a_new_version_and_no_second_resource(tmp_path: Path) -> None:
    first = of(exported(tmp_path / "first", CHART), "B")
    ended = CHART[-1].replace("09:00:00Z,,nor", "09:00:00Z,2026-03-02T15:00:00Z,nor")
    second = of(exported(tmp_path / "second", [*CHART[:-2], CHART[-2].replace("560", "480"), ended]), "B")
    for drug in ("norepinephrine", "tocilizumab"):
        (name,) = given(first, drug)
        assert given(second, drug) == [name]
        assert first[name] != second[name]
    # a time that was corrected, of a row with a source of its own
    moved = ended.replace("T09:00", "T10:00")
    assert given(of(exported(tmp_path / "third", [*CHART[:-1], moved]), "B"), "norepinephrine") == given(
        first, "norepinephrine"
    )


def test_facts_of_one_key_are_told_apart(tmp_path: Path) -> None:
    found = exported(tmp_path / "one", CHART)
    symptoms = [one for one in found["Observation"] if '"symptom"' in json.dumps(one["code"])]
    assert sorted(one["valueCodeableConcept"]["text"] for one in symptoms) == ["chills", "headache"]
    assert len({one["id"] for one in symptoms}) == 2
    assert {one["meta"]["source"] for one in symptoms} == {"chart.csv"}


def test_evidence_names_the_fact_that_it_means(tmp_path: Path) -> None:
    found = exported(tmp_path / "one", CHART)
    by_id = {f"{kind}/{one['id']}": one for kind, each in found.items() for one in each}
    third = next(one for one in grades(found) if one.get("valueInteger") == 3 or "vasopressor" in json.dumps(one))
    told = [by_id[one["valueReference"]["reference"]] for one in third["extension"]]
    assert any("norepinephrine" in json.dumps(one) for one in told)
    assert all(one["subject"] == third["subject"] for one in told)


def test_a_mark_and_what_it_takes_back_keep_the_source_that_ties_them(tmp_path: Path) -> None:
    mark = "B,2026-03-02T08:00:00Z,,body_temperature,38.6,Cel,,chart.csv:5"
    lines = [",".join([line, ""]) for line in [*CHART[:-1], mark]]
    lines[-1] += "entered-in-error"
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "chart.csv").write_text("\n".join([f"{HEAD},status", *lines]) + "\n", encoding="utf-8")
    runs.written(grade_intake(read_files([folder / "chart.csv"], runs.knowledge()), runs.knowledge()), folder / "g")
    out = runs.exported(folder / "g", folder / "fhir")
    wrong = [one for one in checks.read(out)["Observation"] if one["status"] == "entered-in-error"]
    assert [one["meta"]["source"] for one in wrong] == ["chart.csv:5"] * 2
    # and so they come back: nothing of the fever of B is left
    back = grade_intake(read_source("fhir", Asked((str(out),)), runs.knowledge()), runs.knowledge())
    assert (
        back.timeline.filter(patient="B")["at_least"].max()
        == grade_intake(read_files([folder / "chart.csv"], runs.knowledge()), runs.knowledge())
        .timeline.filter(patient="B")["at_least"]
        .max()
    )


def on_server(folder: Path) -> list[str]:
    """What a server holds, as files; gives back its references."""
    subject = {"reference": "Patient/p1"}
    fever = {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}
    degrees = {"value": 38.6, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"}
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p1", "name": [{"family": "Real"}], "gender": "female"},
        # of whom nothing else is there
        {"resourceType": "Patient", "id": "p2", "name": [{"family": "Other"}]},
        {"resourceType": "MedicationAdministration", "id": "cells", "status": "completed", "subject": subject,
         "medicationCodeableConcept": {"text": "Yescarta"}, "effectiveDateTime": BEGIN},
        {"resourceType": "Observation", "id": "t1", "status": "final", "subject": subject, "code": fever,
         "effectiveDateTime": "2026-03-02T08:00:00Z", "valueQuantity": degrees},
    ]  # fmt: skip
    folder.mkdir()
    for one in resources:
        with (folder / f"{one['resourceType']}.ndjson").open("a", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n")
    return [f"{one['resourceType']}/{one['id']}" for one in resources]


@pytest.fixture
def from_server(tmp_path: Path) -> Path:
    """A graded folder of what a server holds."""
    on_server(tmp_path / "server")
    assert command(["grade", str(tmp_path / "server"), "--from", "fhir", "--out", str(tmp_path / "g"), "--quiet"]) == 0
    return tmp_path / "g"


def test_what_came_from_a_server_is_not_written_back_to_it(tmp_path: Path, from_server: Path) -> None:
    out = tmp_path / "out"
    assert command(["export", str(from_server), "--to", "fhir", "--out", str(out), "--bundle"]) == 0
    found = checks.read(out)
    for kind, each in found.items():
        checks.by_library(kind, each)
    # no Patient that would replace the one of the server, no second infusion, no second fever
    assert "Patient" not in found
    assert "MedicationAdministration" not in found
    assert all(one["code"]["coding"][0]["system"] == "urn:x-cytowatch:scale" for one in found["Observation"])
    first = next(one for one in grades(found) if part_at_least(one) == 1)
    assert first["subject"] == {"reference": "Patient/p1"}
    assert first["derivedFrom"] == [{"reference": "Observation/t1"}]
    event = found["AdverseEvent"][0]
    assert event["suspectEntity"] == [{"instance": {"reference": "MedicationAdministration/cells"}}]
    told = said_of_export(found)
    assert told["lost/at_source"].startswith("2 rows")
    assert told["lost/patients_at_source"].startswith("2 rows")
    # every reference leads to a resource of the export or of the server
    here = {f"{kind}/{one['id']}" for kind, each in found.items() for one in each}
    server = {"Patient/p1", "Observation/t1", "MedicationAdministration/cells"}
    pointed = {one["reference"] for each in found.values() for part in each for one in checks.walk(part)
               if isinstance(one.get("reference"), str) and not one["reference"].startswith("#")}  # fmt: skip
    assert {one for one in pointed if ":" not in one} <= here | server
    bundle = json.loads((out / "bundles" / "p1.json").read_text(encoding="utf-8"))
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} >= {"Device", "Observation", "Condition"}
    assert [path.name for path in (out / "bundles").iterdir()] == ["p1.json"]


def part_at_least(grade: checks.Resource) -> int | None:
    """The lower bound of a grade."""
    codes = {one["code"]["coding"][0]["code"]: one for one in grade["component"]}
    return codes["at_least"].get("valueInteger")


def test_another_server_gets_all_of_it(tmp_path: Path, from_server: Path) -> None:
    out = tmp_path / "out"
    assert command(["export", str(from_server), "--to", "fhir", "--out", str(out), "--facts", "all"]) == 0
    found = checks.read(out)
    assert [one["id"] for one in found["Patient"]] == ["p1", "p2"]
    assert len(found["MedicationAdministration"]) == 1
    assert [one["meta"]["source"] for one in found["MedicationAdministration"]] == [
        "MedicationAdministration.ndjson#MedicationAdministration/cells"
    ]
    assert not any(code.startswith("lost/") for code in said_of_export(found))
    # the server records no devices, and the how-to says to tell so again
    before, after = (
        read_source("fhir", Asked((str(folder),)), runs.knowledge()) for folder in (tmp_path / "server", out)
    )
    after = replace(after, not_recorded=before.not_recorded)
    once, again = (grade_intake(one, runs.knowledge()).timeline for one in (before, after))
    assert once.drop("evidence").equals(again.drop("evidence"))


def test_a_server_of_which_nothing_was_admitted_keeps_its_patients(tmp_path: Path) -> None:
    on_server(tmp_path / "server")
    (tmp_path / "server" / "MedicationAdministration.ndjson").unlink()
    path = tmp_path / "server" / "Observation.ndjson"
    path.write_text(path.read_text(encoding="utf-8").replace('"Cel"', '"m"'), encoding="utf-8")
    command(["grade", str(tmp_path / "server"), "--from", "fhir", "--out", str(tmp_path / "g"), "--quiet"])
    assert "Patient" not in checks.read(runs.exported(tmp_path / "g", tmp_path / "out"))


def test_a_fact_whose_resource_has_no_id_is_copied(tmp_path: Path) -> None:
    rows = [CELLS | {"source": "meds.ndjson:1#MedicationAdministration/cells"},
            at(24, "body_temperature", 38.6, "Cel", source="obs.json:entry[3]#Observation")]  # fmt: skip
    runs.of_rows(rows, tmp_path / "graded")
    found = checks.read(runs.exported(tmp_path / "graded", tmp_path / "fhir"))
    (copy,) = [one for one in found["Observation"] if "8310-5" in json.dumps(one["code"])]
    assert any({"reference": f"Observation/{copy['id']}"} in one.get("derivedFrom", ()) for one in grades(found))
    assert "Patient" not in found


def test_a_time_that_fhir_cannot_write_costs_its_row_alone(tmp_path: Path) -> None:
    near = export_rows(tmp_path / "near", FEVER_AND_PRESSOR)
    hours = [
        {"patient": "A", "hours": 0.0, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"},
        {"patient": "A", "hours": 24.0, "concept": "body_temperature", "value": 38.6, "unit": "Cel"},
        # 9e7 h are 10,267 years
        {"patient": "A", "hours": 9e7, "concept": "body_temperature", "value": 38.6, "unit": "Cel"},
        {"patient": "B", "hours": 0.0, "concept": "body_temperature", "value": 38.6, "unit": "Cel"},
        {"patient": "C", "hours": 9e7, "concept": "body_temperature", "value": 38.6, "unit": "Cel"},
    ]
    runs.of_rows(hours, tmp_path / "far")
    found = checks.read(runs.exported(tmp_path / "far", tmp_path / "fhir", zero=runs.ZERO))
    assert checks.faults(found) == []
    assert "lost/no_date" not in said_of_export(near)
    # two rows, and of C what would be said from then on, on two scales
    assert said_of_export(found)["lost/no_date"].startswith("4 rows")
    assert [one["id"] for one in found["Patient"]] == ["A", "B", "C"]
    temperatures = [one for one in found["Observation"] if "8310-5" in json.dumps(one["code"])]
    assert [(one["subject"]["reference"], one["effectiveDateTime"]) for one in temperatures] == [
        ("Patient/A", "2026-03-02T07:00:00Z"), ("Patient/B", "2026-03-01T07:00:00Z"),
    ]  # fmt: skip
    assert {one["subject"]["reference"] for one in grades(found)} == {"Patient/A", "Patient/B"}
