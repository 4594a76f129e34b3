"""A graded run as FHIR: valid for a library that others keep, as certain as the timeline and not more, and whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generative.random_patients import random_patients
from tests.lib import fhir_checks as checks
from tests.lib import fhir_runs as runs
from tests.lib.fhir_receiver import received

from cytowatch.adapters.doors import Asked, read_source
from cytowatch.errors import ArgumentError, InputError
from cytowatch.exports.fhir.jsontext import quoted
from cytowatch.exports.fhir.names import TYPES
from cytowatch.pipeline import Outcome, grade_intake

Resources = dict[str, list[checks.Resource]]
BEGIN = "2026-03-01T08:00:00Z"
CELLS = {"patient": "A", "time": BEGIN, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"}
TIMES = {"timeline": ("start", "end"), "episodes": ("onset", "last_sign", "resolved", "time_of_max", "exposure_time")}


def at(hour: int, concept: str, value: float | None = None, unit: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of patient A, so many hours after 08:00 on the first of March 2026."""
    day, rest = divmod(hour + 8, 24)
    time = f"2026-03-{day + 1:02}T{rest:02}:00:00Z"
    return {"patient": "A", "time": time, "concept": concept, "value": value, "unit": unit, **more}


FEVER_AND_PRESSOR = [
    CELLS,
    at(24, "body_temperature", 38.6, "Cel", source="chart:1"),
    at(24, "systolic_bp", 84.0, "mm[Hg]", source="chart:2"),
    at(24, "oxygen_device", text="room_air"),
    at(26, "norepinephrine", 0.05, "ug/kg/min", source="pump:7", until="2026-03-02T16:00:00Z"),
    at(27, "body_temperature", 36.8, "Cel"),
    at(28, "systolic_bp", 110.0, "mm[Hg]"),
]


def export_rows(tmp_path: Path, rows: list[dict[str, Any]], **asked: Any) -> Resources:
    """Grade rows, export them, and read what was written; each resource is checked."""
    people = asked.pop("patients", None)
    runs.of_rows(rows, tmp_path / "graded", people, **asked)
    return checked(runs.exported(tmp_path / "graded", tmp_path / "fhir"))


def checked(folder: Path) -> Resources:
    """The resources of a folder, valid for the library and for our own checks."""
    found = checks.read(folder)
    for kind, each in found.items():
        checks.by_library(kind, each)
    assert checks.faults(found) == []
    assert checks.unlisted(found) == set()
    return found


def said_of_export(found: Resources) -> dict[str, str]:
    """What the export tells of itself, by its code."""
    issues = found["OperationOutcome"][0]["issue"]
    return {one["details"]["coding"][0]["code"]: one["details"]["text"] for one in issues}


def grades(found: Resources, scale: str = "crs.astct-2019") -> list[checks.Resource]:
    """The grades on a scale, in order of time."""
    own = [one for one in found["Observation"] if one["code"]["coding"][0]["code"] == scale]
    return sorted(own, key=lambda one: one["effectivePeriod"]["start"])


def part(grade: checks.Resource, code: str) -> dict[str, Any]:
    """The component of a grade with this code."""
    return next(one for one in grade["component"] if one["code"]["coding"][0]["code"] == code)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The six published cases with their advice, exported with one Bundle a patient."""
    folder = tmp_path_factory.mktemp("cases")
    outcome = runs.of_cases(folder / "graded")
    runs.exported(folder / "graded", folder / "fhir", zero=runs.ZERO, bundle=True)
    return outcome, folder


def test_all_kinds_are_valid_and_every_row_is_there(cases: tuple[Outcome, Path]) -> None:
    outcome, folder = cases
    found = checked(folder / "fhir")
    assert set(found) == set(TYPES)
    facts = outcome.observations.height + outcome.in_doubt.height
    written = len(found["Observation"]) + len(found["MedicationAdministration"])
    assert written == facts + outcome.timeline.height
    assert len(found["Condition"]) == len(found["AdverseEvent"]) == outcome.episodes.height == 2
    assert len(found["Patient"]) == 6
    told = said_of_export(found)
    assert told["written/Observation"] == f"{len(found['Observation'])} resources"
    lost = {what: text.split()[0] for what, text in told.items() if what.startswith("lost/")}
    assert lost == {"lost/rejected": "4", "lost/silent_advice": "44"}
    assert told["note/zero"] == f"Hour 0 is {runs.ZERO}."


def test_each_grade_says_what_its_row_of_the_timeline_says(cases: tuple[Outcome, Path]) -> None:
    outcome, folder = cases
    found = checks.read(folder / "fhir")
    said = []
    for one in found["Observation"]:
        if one["code"]["coding"][0]["system"] == "urn:x-cytowatch:scale":
            period = one["effectivePeriod"]
            codes = [(item["code"]["coding"][0], item) for item in one["component"]]
            listed = {
                kind: [code["code"] for code, _ in codes if code["system"].startswith(f"urn:x-cytowatch:{kind}")]
                for kind in ("criterion", "missing", "flag")
            }
            said.append((
                one["subject"]["reference"], one["code"]["coding"][0]["code"], period["start"], period["end"],
                one.get("valueInteger"), part(one, "at_least").get("valueInteger"),
                part(one, "at_most").get("valueInteger"), *listed.values(),
            ))  # fmt: skip
    moments = [
        pl.from_epoch(pl.col(name) + runs.ZERO_US, "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        for name in ("start", "end")
    ]
    rows = outcome.timeline.select(
        pl.format("Patient/{}", "patient"), "scale", *moments, "grade", "at_least", "at_most", "criteria", "missing",
        "flags",
    )  # fmt: skip
    assert sorted(said, key=str) == sorted(rows.rows(), key=str)
    ranges = [row for row in said if row[4] is None]
    assert len(ranges) == 20


def test_fever_with_one_pressor_is_a_certain_grade_3_and_names_its_evidence(tmp_path: Path) -> None:
    found = export_rows(tmp_path, FEVER_AND_PRESSOR)
    third = next(one for one in grades(found) if one.get("valueInteger") == 3)
    assert third["effectivePeriod"]["start"] == "2026-03-02T10:00:00Z"
    assert third["status"] == "final"
    assert part(third, "at_least")["valueInteger"] == part(third, "at_most")["valueInteger"] == 3
    assert part(third, "vasopressor")["valueBoolean"] is True
    by_id = {f"{kind}/{one['id']}": one for kind, each in found.items() for one in each}
    charted = [by_id[one["reference"]]["meta"]["source"] for one in third["derivedFrom"]]
    besides = [by_id[one["valueReference"]["reference"]]["meta"]["source"] for one in third["extension"]]
    assert "chart:1" in charted
    # R4 lets an Observation be derived from Observations only: the infusion stands in an extension
    assert besides == ["pump:7"]
    condition = found["Condition"][0]
    assert condition["code"]["coding"][0]["code"] == "D89.833"
    assert condition["stage"][0]["assessment"][0]["reference"] == f"Observation/{third['id']}"
    assert condition["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    event = found["AdverseEvent"][0]
    given_dose = by_id[event["suspectEntity"][0]["instance"]["reference"]]
    assert given_dose["medicationCodeableConcept"]["coding"][0] == {
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1987398",
    }  # fmt: skip


def test_a_range_has_no_value_and_its_episode_no_code_of_a_grade(tmp_path: Path) -> None:
    rows = [CELLS, at(24, "body_temperature", 38.6, "Cel"), at(24, "systolic_bp", 110.0, "mm[Hg]"),
            at(25, "oxygen_device", text="nasal_cannula")]  # fmt: skip
    found = export_rows(tmp_path, rows)
    open_grade = next(one for one in grades(found) if part(one, "at_most").get("valueInteger") == 3)
    assert "valueInteger" not in open_grade
    assert open_grade["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert part(open_grade, "at_least")["valueInteger"] == 2
    assert part(open_grade, "oxygen_flow")["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    coding = found["Condition"][0]["code"]["coding"]
    assert coding[0]["code"] == "D89.839"
    assert coding[0]["extension"] == [{"url": "urn:x-cytowatch:evidence", "valueCode": "recalled"}]
    assert all(one["system"] != "urn:x-cytowatch:grade" for one in coding)
    assert "at least 2, at most 3" in found["Condition"][0]["code"]["text"]
    # moderate or severe: nothing is said
    assert "severity" not in found["AdverseEvent"][0]


def test_without_a_trigger_nothing_is_graded_and_the_findings_are_shown(tmp_path: Path) -> None:
    found = export_rows(tmp_path, FEVER_AND_PRESSOR[1:])
    untold = grades(found)
    assert untold
    for one in untold:
        assert "valueInteger" not in one
        assert "dataAbsentReason" in part(one, "at_least")
        assert part(one, "no_trigger")
    assert any(part(one, "fever")["valueBoolean"] for one in untold if "fever" in json.dumps(one["component"][2:]))
    assert "Condition" not in found


def test_the_state_of_an_episode_is_claimed_only_where_it_is_known(tmp_path: Path) -> None:
    well = [
        at(hour, concept, value, unit)
        for hour in (30, 36, 42, 48, 54, 60)
        for concept, value, unit in (("body_temperature", 36.8, "Cel"), ("systolic_bp", 120.0, "mm[Hg]"))
    ]
    over = export_rows(tmp_path / "over", [*FEVER_AND_PRESSOR, *well])["Condition"][0]
    assert over["clinicalStatus"]["coding"][0]["code"] == "resolved"
    assert "abatementDateTime" in over
    dead = [*FEVER_AND_PRESSOR, at(29, "death", text="crs")]
    found = export_rows(tmp_path / "dead", dead)
    assert "clinicalStatus" not in found["Condition"][0]
    assert found["Condition"][0]["code"]["coding"][0]["code"] == "D89.835"
    assert found["AdverseEvent"][0]["outcome"]["coding"][0]["code"] == "fatal"
    other = [*FEVER_AND_PRESSOR, at(29, "death", text="unknown")]
    assert export_rows(tmp_path / "other", other)["AdverseEvent"][0]["outcome"]["coding"][0]["code"] == "unknown"


def test_what_could_not_be_read_is_in_doubt_and_has_no_amount(tmp_path: Path) -> None:
    rows = [*FEVER_AND_PRESSOR[:4], at(26, "norepinephrine", 900.0, "ug/kg/min"), at(26, "tocilizumab", 5e9, "mg")]
    rows.append(at(27, "oxygen_device", text="some box", until="2026-03-02T20:00:00Z"))
    found = export_rows(tmp_path, rows)
    doubtful = [one for one in found["MedicationAdministration"] if one["status"] == "unknown"]
    assert len(doubtful) == 2
    assert all("dosage" not in one for one in doubtful)
    device = next(one for one in found["Observation"] if "in-doubt" in json.dumps(one))
    assert "valueCodeableConcept" not in device
    assert device["effectivePeriod"]["end"] == "2026-03-02T20:00:00Z"


def test_a_bound_of_a_rate_is_no_rate(tmp_path: Path) -> None:
    rows = [*FEVER_AND_PRESSOR[:4], at(26, "norepinephrine", 0.5, "ug/kg/min", comparator="<"),
            at(26, "crp", 5.0, "mg/L", comparator="<")]  # fmt: skip
    found = export_rows(tmp_path, rows)
    infusion = next(one for one in found["MedicationAdministration"] if "norepinephrine" in json.dumps(one))
    assert "dosage" not in infusion
    assert infusion["extension"][0]["valueQuantity"]["comparator"] == "<"
    crp = next(one for one in found["Observation"] if "1988-5" in json.dumps(one))
    assert crp["valueQuantity"] == {
        "comparator": "<", "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L", "value": 5.0,
    }  # fmt: skip


def test_a_withdrawn_row_takes_itself_back_at_every_receiver(tmp_path: Path) -> None:
    rows = [*FEVER_AND_PRESSOR, at(24, "systolic_bp", 84.0, "mm[Hg]", source="chart:2", status="entered-in-error")]
    found = export_rows(tmp_path, rows)
    pressures = [one for one in found["Observation"] if "8480-6" in json.dumps(one) and one["status"] != "final"]
    assert [one["status"] for one in pressures] == ["entered-in-error"] * 2
    assert sum("withdrawn" in json.dumps(one) for one in pressures) == 1
    assert all(one["valueQuantity"]["value"] == 84.0 for one in pressures)


def test_a_number_with_a_text_keeps_both(tmp_path: Path) -> None:
    rows = [CELLS, at(30, "reported_grade", 2, None, text="crs.lee-2014"), at(30, "body_temperature", 38.6, "Cel")]
    found = export_rows(tmp_path, rows)
    reported = next(one for one in found["Observation"] if "reported_grade" in json.dumps(one["code"]))
    assert reported["valueQuantity"]["value"] == 2
    assert reported["component"][0]["valueCodeableConcept"]["text"] == "crs.lee-2014"


def test_a_pointer_to_a_fhir_resource_becomes_the_reference_to_it(tmp_path: Path) -> None:
    rows = [
        CELLS | {"source": "meds.ndjson:1#MedicationAdministration/cells"},
        at(24, "body_temperature", 38.6, "Cel", source="obs.ndjson:17#Observation/temp-1"),
        at(24, "systolic_bp", 120.0, "mm[Hg]", source="obs.json:entry[3]#Observation"),
    ]
    runs.of_rows(rows, tmp_path / "graded")
    found = checks.read(runs.exported(tmp_path / "graded", tmp_path / "fhir"))
    febrile = next(
        one for one in grades(found) if one.get("valueInteger") == 1 or part(one, "at_least")["valueInteger"]
    )
    assert {"reference": "Observation/temp-1"} in febrile["derivedFrom"]
    # one without an id names the copy in the export
    own = [one["reference"] for one in febrile["derivedFrom"] if "temp-1" not in one["reference"]]
    assert all(reference.split("/")[1] in {one["id"] for one in found["Observation"]} for reference in own)


def test_every_part_of_advice_is_a_proposal_with_its_source(cases: tuple[Outcome, Path]) -> None:
    found = checks.read(cases[1] / "fhir")
    assert len({one["id"] for one in found["CarePlan"]}) == len(found["CarePlan"])
    for plan in found["CarePlan"]:
        assert (plan["status"], plan["intent"]) == ("draft", "proposal")
        assert "not an order" in plan["note"][0]["text"]
        # two guidelines never share a plan
        rules = [one["detail"]["code"]["coding"][0]["code"] for one in plan.get("activity", ())]
        assert {rule.split("/")[0] for rule in rules} <= {plan["instantiatesUri"][0].rsplit(":", 1)[1]}
    for issue in found["DetectedIssue"]:
        assert "Source: " in issue["detail"]
    avoided = [
        one["detail"] for plan in found["CarePlan"] for one in plan.get("activity", ()) if one["detail"]["doNotPerform"]
    ]
    assert all("To avoid: " in one["description"] or "Not now: " in one["description"] for one in avoided)


def test_advice_of_every_kind_is_valid(tmp_path: Path) -> None:
    observations, patients = random_patients(40, 8)
    own = observations.filter(pl.col("patient").is_in(["r8-000006", "r8-000012", "r8-000020", "r8-000031"]))
    outcome = grade_intake(runs.intake(own, patients, "time"), runs.knowledge())
    runs.advised(runs.written(outcome, tmp_path / "graded"), tmp_path / "graded")
    found = checked(runs.exported(tmp_path / "graded", tmp_path / "fhir"))
    urgent = [one for one in found["DetectedIssue"] if one.get("severity") == "high"]
    assert urgent
    assert all(one["evidence"][0]["detail"] for one in urgent)
    unverified = [one for one in json.dumps(found["CarePlan"]).split('"description": ') if '"unverified"' in one]
    texts = [one["detail"]["description"] for plan in found["CarePlan"] for one in plan.get("activity", ())]
    assert sum(text.startswith("Not verified in its source:") for text in texts) >= len(unverified) > 0


def test_a_bundle_of_one_patient_holds_all_that_it_refers_to(cases: tuple[Outcome, Path]) -> None:
    paths = sorted((cases[1] / "fhir" / "bundles").iterdir())
    assert len(paths) == 6
    for path in paths:
        text = path.read_text(encoding="utf-8")
        checks.model("Bundle").model_validate_json(text)
        bundle = json.loads(text)
        resources: Resources = {}
        for entry in bundle["entry"]:
            one = entry["resource"]
            assert entry["fullUrl"].endswith(f"/{one['resourceType']}/{one['id']}")
            resources.setdefault(one["resourceType"], []).append(one)
        assert checks.faults(resources) == []


@pytest.mark.parametrize("clock", ["time", "hours"])
def test_random_patients_come_back_the_same_by_both_readers(tmp_path: Path, clock: str) -> None:
    observations, patients = random_patients(60, 11, clock=clock)
    zero = {"zero": runs.ZERO} if clock == "hours" else {}
    outcome = runs.written(grade_intake(runs.intake(observations, patients, clock), runs.knowledge()), tmp_path / "a")
    found = checks.read(runs.exported(tmp_path / "a", tmp_path / "fhir", **zero))
    assert checks.faults(found) == []
    for kind, each in found.items():
        checks.by_library(kind, each[:150])
    mine = runs.intake(*received(found, runs.knowledge()), "time")
    door = read_source("fhir", Asked((str(tmp_path / "fhir"),)), runs.knowledge())
    for again in (mine, door):
        assert_same(outcome, grade_intake(again, runs.knowledge()), runs.ZERO_US if clock == "hours" else 0)


def assert_same(before: Outcome, after: Outcome, moved: int) -> None:
    """The same timelines and episodes, times moved, but for the words of the evidence."""
    for name, times in TIMES.items():
        frame = getattr(before, name).with_columns(pl.col(time) + moved for time in times)
        kept = [column for column in frame.columns if column != "evidence"]
        order = ["patient", "scale", times[0]]
        assert frame.select(kept).sort(order).equals(getattr(after, name).select(kept).sort(order)), name


def test_a_run_in_parcels_exports_the_same_resources(tmp_path: Path) -> None:
    observations, patients = random_patients(30, 5)
    names = observations["patient"].unique().sort()
    whole = runs.intake(observations, patients, "time")
    runs.written(grade_intake(whole, runs.knowledge()), tmp_path / "whole")
    runs.written(grade_intake(whole, runs.knowledge()), tmp_path / "parts")
    # the form in which a large run keeps its rows: a folder of files, each with whole patients
    kept = tmp_path / "parts" / "observations.parquet"
    rows = pl.read_parquet(kept)
    kept.unlink()
    kept.mkdir()
    for number, own in enumerate((names[:10], names[10:])):
        rows.filter(pl.col("patient").is_in(own.implode())).write_parquet(kept / f"part-{number:06}.parquet")
    lines = [
        {path.name: sorted(path.read_text().splitlines()) for path in out.glob("*.ndjson")}
        for out in (runs.exported(tmp_path / name, tmp_path / f"{name}-out") for name in ("whole", "parts"))
    ]
    assert lines[0] == lines[1]
    # and once more gives the same bytes: no clock is read
    again = runs.exported(tmp_path / "whole", tmp_path / "again")
    for path in sorted((tmp_path / "whole-out").iterdir()):
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_strange_names_are_written_and_escaped(tmp_path: Path) -> None:
    name = 'Bett 4 "Nord"\\'
    rows = [row | {"patient": name} for row in FEVER_AND_PRESSOR] + [
        at(30, "symptom", text='says "cold",\n\tthen \\ nothing') | {"patient": name, "source": "Blatt 3 «é» 50%"}
    ]
    found = export_rows(tmp_path, rows)
    patient = found["Patient"][0]
    assert patient["identifier"][0]["value"] == name
    assert patient["id"].startswith("p-")
    symptom = next(one for one in found["Observation"] if "symptom" in json.dumps(one["code"]))
    assert symptom["valueCodeableConcept"]["text"] == 'says "cold",\n\tthen \\ nothing'
    assert symptom["meta"]["source"] == "Blatt%203%20%C2%AB%C3%A9%C2%BB%2050%25"


def test_patients_without_any_row_are_not_lost(tmp_path: Path) -> None:
    people = pl.DataFrame({
        "patient": ["A", "B"], "birth_date": ["1960-05-17", "2001-01-01"], "sex": ["F", "intersex"],
        "weight_kg": [70.5, None], "developmental_delay": ["false", "true"],
    })  # fmt: skip
    found = export_rows(tmp_path, FEVER_AND_PRESSOR, patients=people)
    first, second = sorted(found["Patient"], key=lambda one: one["id"])
    assert (first["birthDate"], first["gender"]) == ("1960-05-17", "female")
    own = {one["url"].rsplit(":", 1)[1]: one for one in first["extension"]}
    assert own["weight_kg"]["valueDecimal"] == 70.5
    assert own["developmental_delay"]["valueBoolean"] is False
    assert "gender" not in second
    assert second["extension"][-1] == {"url": "urn:x-cytowatch:patient:sex", "valueString": "intersex"}


def test_a_run_cut_at_a_moment_exports_nothing_later(tmp_path: Path) -> None:
    found = export_rows(tmp_path, FEVER_AND_PRESSOR, as_of="2026-03-02T09:00:00Z")
    assert not any("norepinephrine" in json.dumps(one) for one in found["MedicationAdministration"])
    assert said_of_export(found)["lost/after_as_of"].startswith("3 rows")
    asked = {one["url"]: one for one in found["Provenance"][0]["extension"]}
    assert asked["urn:x-cytowatch:argument:as-of"]["valueString"] == "2026-03-02T09:00:00Z"


def test_provenance_names_software_inputs_and_no_clock(tmp_path: Path) -> None:
    runs.of_rows(FEVER_AND_PRESSOR, tmp_path / "graded")
    out = runs.exported(tmp_path / "graded", tmp_path / "fhir", recorded="2026-04-01T12:00:00+02:00")
    origin = checks.read(out)["Provenance"]
    assert [one["recorded"] for one in origin] == ["2026-04-01T10:00:00Z"]
    assert origin[0]["agent"][0]["who"]["reference"].startswith("Device/cytowatch-")
    assert "7 read" in origin[0]["entity"][0]["what"]["display"]
    later = checks.read(runs.exported(tmp_path / "graded", tmp_path / "fhir"))
    last = max(one["effectivePeriod"]["end"] for one in grades(later))
    assert [one["recorded"] for one in later["Provenance"]] == [last]


def test_hours_need_a_zero_and_times_refuse_one(tmp_path: Path) -> None:
    rows = [{"patient": "A", "hours": 3.0, "concept": "body_temperature", "value": 38.6, "unit": "Cel"}]
    runs.of_rows(rows, tmp_path / "hours")
    with pytest.raises(ArgumentError, match="counts hours"):
        runs.exported(tmp_path / "hours", tmp_path / "fhir")
    with pytest.raises(ArgumentError, match="not a timestamp with a zone"):
        runs.exported(tmp_path / "hours", tmp_path / "fhir", zero="2026-03-01 08:00")
    runs.of_rows(FEVER_AND_PRESSOR, tmp_path / "times")
    with pytest.raises(ArgumentError, match="times of its own"):
        runs.exported(tmp_path / "times", tmp_path / "fhir", zero=runs.ZERO)
    with pytest.raises(ArgumentError, match="--recorded"):
        runs.exported(tmp_path / "times", tmp_path / "fhir", recorded="today")
    with pytest.raises(InputError):
        runs.exported(tmp_path / "fhir", tmp_path / "other")
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="is a file"):
        runs.exported(tmp_path / "times", tmp_path / "file")


def full_disk(*_: object) -> None:
    """What fails after all else is written."""
    raise OSError("the disk is full")


def test_an_export_that_fails_leaves_the_one_before_and_one_that_succeeds_leaves_nothing_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.of_rows(FEVER_AND_PRESSOR, tmp_path / "graded")
    out = runs.exported(tmp_path / "graded", tmp_path / "fhir", bundle=True)
    before = {path.name: path.read_bytes() for path in out.glob("*.ndjson")}
    monkeypatch.setattr("cytowatch.exports.fhir.write.outcome", full_disk)
    with pytest.raises(OSError, match="the disk is full"):
        runs.exported(tmp_path / "graded", out)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in out.glob("*.ndjson")} == before
    assert (out / "bundles" / "A.json").exists()
    runs.of_rows([row for row in FEVER_AND_PRESSOR if row is not CELLS], tmp_path / "graded")
    runs.exported(tmp_path / "graded", out)
    left = sorted(path.name for path in out.iterdir())
    assert "Condition.ndjson" not in left
    assert "bundles" not in left
    # no drug was given, and the file says so: without it nobody would know whether drugs are recorded
    assert (out / "MedicationAdministration.ndjson").exists()


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))))
def test_any_text_is_quoted_as_json_reads_it(texts: list[str | None]) -> None:
    series = pl.Series("text", texts, dtype=pl.String)
    assert [None if one is None else json.loads(one) for one in quoted(series).to_list()] == texts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_any_number_is_written_without_loss(numbers: list[float]) -> None:
    written = pl.Series("number", numbers, dtype=pl.Float64).cast(pl.String).to_list()
    assert [float(json.loads(one)) for one in written] == numbers


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("clock", ["time", "hours"])
def test_three_hundred_random_patients_come_back_the_same(tmp_path: Path, seed: int, clock: str) -> None:
    observations, patients = random_patients(300, 100 + seed, clock=clock)
    # admission takes the number of a row without a unit from a mark: a mark in doubt does not exist
    observations = observations.filter(~((pl.col("status") == "entered-in-error") & (pl.col("comparator") == ">=")
                                         & (pl.col("unit").is_null())).fill_null(value=False))  # fmt: skip
    zero = {"zero": runs.ZERO} if clock == "hours" else {}
    outcome = runs.written(grade_intake(runs.intake(observations, patients, clock), runs.knowledge()), tmp_path / "a")
    found = checked(runs.exported(tmp_path / "a", tmp_path / "fhir", **zero))
    mine = runs.intake(*received(found, runs.knowledge()), "time")
    door = read_source("fhir", Asked((str(tmp_path / "fhir"),)), runs.knowledge())
    for again in (mine, door):
        assert_same(outcome, grade_intake(again, runs.knowledge()), runs.ZERO_US if clock == "hours" else 0)


@pytest.mark.long
def test_every_scale_is_exported_valid(tmp_path: Path) -> None:
    observations, patients = random_patients(40, 3)
    outcome = grade_intake(runs.intake(observations, patients, "time"), runs.knowledge(), ["all"])
    runs.written(outcome, tmp_path / "graded")
    found = checked(runs.exported(tmp_path / "graded", tmp_path / "fhir"))
    codes = {one["code"]["coding"][0]["code"] for one in found["Observation"]}
    assert set(outcome.timeline["scale"]) <= codes
