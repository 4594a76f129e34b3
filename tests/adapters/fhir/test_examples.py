"""The examples that others wrote: every resource ends in one place, and values checked by hand come out right."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from tests.lib.fhir import SHARED, adds_up, counts, lines_of, read, tables

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.intake import Intake

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared examples are not here")

# what each file holds, and what becomes of it
FATES = {
    "r4_core_examples.ndjson": (145, {"used": 11, "ignored": 126, "rejected": 8}),
    "us_core_examples.ndjson.gz": (108, {"used": 5, "ignored": 88, "rejected": 15}),
    "mcode_examples.ndjson.gz": (46, {"used": 3, "ignored": 41, "rejected": 2}),
    "r4_core_bundles.ndjson.gz": (260, {"used": 14, "ignored": 241, "rejected": 5}),
    "bulk_export_sample": (41, {"used": 2, "ignored": 39}),
    "synthea_r4_bundle_example.json.gz": (76, {"used": 16, "ignored": 60}),
}

# Read in the JSON by hand: file, the resource's id, what stands there, what must come out. Most examples carry a day
# and no time of day, and are rejected for it; with a time of day put in, their values are these.
BY_HAND = """
r4_core_examples.ndjson     blood-pressure      107 mmHg                            systolic_bp       107         mm[Hg]
r4_core_examples.ndjson     blood-pressure      60 mmHg                             diastolic_bp      60          mm[Hg]
r4_core_examples.ndjson     body-temperature    36.5 "C", code Cel                  body_temperature  36.5        Cel
r4_core_examples.ndjson     heart-rate          44 "beats/minute", code /min        heart_rate        44          /min
r4_core_examples.ndjson     respiratory-rate    26 "breaths/minute", code /min      respiratory_rate  26          /min
r4_core_examples.ndjson     example             185 "lbs", code [lb_av]             weight            83.914588   kg
r4_core_examples.ndjson     satO2               95 %                                spo2              95          %
us_core_examples.ndjson.gz  blood-pressure      109 mmHg                            systolic_bp       109         mm[Hg]
us_core_examples.ndjson.gz  blood-pressure      44 mmHg                             diastolic_bp      44          mm[Hg]
us_core_examples.ndjson.gz  bp-data-absent      109 mmHg (diastolic absent)         systolic_bp       109         mm[Hg]
us_core_examples.ndjson.gz  satO2-fiO2          95 %                                spo2              95          %
us_core_examples.ndjson.gz  satO2-fiO2          6 "liters/min", code L/min          oxygen_flow       6           L/min
us_core_examples.ndjson.gz  oxygen-saturation   99 "%O2", code %                    spo2              99          %
us_core_examples.ndjson.gz  temperature         36.55556 Cel                        body_temperature  36.55556    Cel
us_core_examples.ndjson.gz  weight              20.09414 kg                         weight            20.09414    kg
us_core_examples.ndjson.gz  cbc-hemoglobin      17 g/dL                             hemoglobin        17          g/dL
us_core_examples.ndjson.gz  cbc-leukocytes      10 10*3/uL                          white_cells       10          10*9/L
us_core_examples.ndjson.gz  cbc-platelets       200 10*3/uL                         platelets         200         10*9/L
us_core_examples.ndjson.gz  serum-bun           10 mg/dL, system without a code     urea_nitrogen     10          mg/dL
us_core_examples.ndjson.gz  serum-calcium       7.7 mg/dL, system without a code    calcium           7.7         mg/dL
us_core_examples.ndjson.gz  serum-creatinine    1 mg/dL                             creatinine        1           mg/dL
us_core_examples.ndjson.gz  serum-potassium     5.4 mmol/L                          potassium         5.4         mmol/L
us_core_examples.ndjson.gz  serum-sodium        137 mmol/L                          sodium            137         mmol/L
mcode_examples.ndjson.gz    bodyweight-jenny-m-2018-04-22  150 "lb", code [lb_av]   weight            68.038856   kg
"""
# of these a row of the table names one value of several
_PRESSURES = ("systolic_bp", "diastolic_bp")


def by_hand() -> list[tuple[str, str, str, float, str]]:
    rows = [line.split() for line in BY_HAND.strip().splitlines()]
    return [(row[0], row[1], row[-3], float(row[-2]), row[-1]) for row in rows]


@pytest.fixture(scope="module")
def intakes() -> dict[str, Intake]:
    return {name: read_fhir([SHARED / name], tables()) for name in FATES}


@pytest.mark.parametrize("name", FATES)
def test_every_resource_ends_in_one_place(name: str, intakes: dict[str, Intake]) -> None:
    intake = intakes[name]
    rows, fates = FATES[name]
    print(name, rows, counts(intake))
    assert adds_up(intake)
    assert intake.ledger["rows"].sum() == rows
    assert counts(intake) == fates
    assert intake.ledger.filter(pl.col("fate") != "used")["reason"].str.len_chars().min() > 0


@pytest.mark.parametrize("name", [name for name in FATES if "ndjson" in name and "bundles" not in name])
def test_rows_are_the_lines_of_the_file_and_their_types(name: str, intakes: dict[str, Intake]) -> None:
    kinds = Counter(json.loads(line)["resourceType"] for line in lines_of(name))
    assert kinds.total() == FATES[name][0]
    ignored = intakes[name].ledger.filter(reason="an order is not a dose")["rows"].sum()
    assert ignored == kinds["MedicationRequest"]


@pytest.mark.parametrize(("file", "name", "concept", "value", "unit"), by_hand())
def test_values_read_by_hand(file: str, name: str, concept: str, value: float, unit: str, tmp_path: Path) -> None:
    whole = next(
        one for one in map(json.loads, lines_of(file)) if one.get("id") == name and one["resourceType"] == "Observation"
    )
    if len(whole["effectiveDateTime"]) == len("2012-09-17"):
        whole["effectiveDateTime"] += "T10:00:00Z"
    got = {row[0]: row[1:] for row in read(tmp_path, whole).observations.select("concept", "value", "unit").rows()}
    assert got[concept] == (pytest.approx(value, abs=1e-5), unit)
    assert set(got) - {concept} <= {"oxygen_flow", "spo2", *_PRESSURES}


def test_a_pressure_without_its_diastolic_value_states_the_systolic_one(tmp_path: Path) -> None:
    whole = next(
        one for one in map(json.loads, lines_of("us_core_examples.ndjson.gz")) if one.get("id") == "bp-data-absent"
    )
    whole["effectiveDateTime"] = "1999-07-02T10:00:00Z"
    intake = read(tmp_path, whole)
    assert intake.observations.select("concept", "value").rows() == [("systolic_bp", 109.0)]


def test_the_synthetic_patient_of_another_project(intakes: dict[str, Intake]) -> None:
    observations = intakes["synthea_r4_bundle_example.json.gz"].observations
    first = (
        observations.sort("time", "concept")
        .head(4)
        .select(pl.from_epoch("time", "us").cast(pl.String), "concept", "value", "unit")
    )
    # the Bundle says 2012-02-27T00:28:45-05:00
    assert first.rows() == [
        ("2012-02-27 05:28:45.000000", "diastolic_bp", pytest.approx(83.145312, abs=1e-5), "mm[Hg]"),
        ("2012-02-27 05:28:45.000000", "height", pytest.approx(178.880235, abs=1e-5), "cm"),
        ("2012-02-27 05:28:45.000000", "systolic_bp", pytest.approx(124.134551, abs=1e-5), "mm[Hg]"),
        ("2012-02-27 05:28:45.000000", "weight", pytest.approx(52.541417, abs=1e-5), "kg"),
    ]
    assert observations["patient"].n_unique() == 1


def test_all_of_them_at_once() -> None:
    whole = read_fhir([SHARED], tables())
    assert adds_up(whole)
    assert whole.ledger["rows"].sum() == sum(rows for rows, _ in FATES.values())
    print("all", counts(whole))
