"""Damaged resources: nothing but a clear error may come out, every line is counted, time and memory are bounded."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.lib.fhir import (
    NOON,
    SHARED,
    SNOMED,
    adds_up,
    amount,
    bundle,
    coded,
    given,
    lines_of,
    ndjson,
    observation,
    running,
    tables,
    temperature,
)  # fmt: skip
from tests.lib.mutate import mutated

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.errors import CytowatchError

_SECONDS_A_LINE = 0.01


def made() -> list[bytes]:
    """One resource of each kind that is read."""
    drug = {
        "resourceType": "Medication",
        "id": "m1",
        "code": coded("7512", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    }
    pressure = [
        {"code": coded("8480-6"), "valueQuantity": amount(88, "mm[Hg]")},
        {"code": coded("8462-4"), "dataAbsentReason": coded("unknown", "x")},
    ]
    return [
        json.dumps(one).encode()
        for one in (
            temperature(meta={"versionId": "2", "lastUpdated": NOON}, issued=NOON),
            observation("85354-9", component=pressure),
            observation("1988-5", valueString=">1500 mg/L", referenceRange=[{"high": amount(5, "mg/L")}]),
            given("612865", dosage={"dose": amount(560, "mg")}, contained=[drug]),
            running(amount(0.1, "ug/kg/min"), NOON, "2025-03-01T14:00:00Z", status="stopped"),
            given({"text": "norepinephrine"}, medicationCodeableConcept=None, medicationReference={"reference": "#m1"},
                  contained=[drug]),
            {"resourceType": "Procedure", "id": "pr", "status": "in-progress", "subject": {"reference": "Patient/p"},
             "code": coded("371907003", SNOMED), "performedPeriod": {"start": NOON}},
            {"resourceType": "DeviceUseStatement", "id": "du", "status": "active",
             "subject": {"reference": "Patient/p"}, "device": {"display": "CPAP"}, "timingPeriod": {"start": NOON}},
            {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-02", "gender": "male",
             "link": [{"type": "replaced-by", "other": {"reference": "Patient/q"}}], "deceasedDateTime": NOON},
            {"resourceType": "QuestionnaireResponse", "id": "f", "status": "completed", "authored": NOON,
             "subject": {"reference": "Patient/p"}, "item": [{"linkId": "ice_score", "answer": [{"valueInteger": 7}]}]},
            {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "onsetDateTime": NOON,
             "code": coded("D89.832", "http://hl7.org/fhir/sid/icd-10-cm"),
             "stage": [{"type": {"text": "crs.astct-2019"}}]},
            bundle(temperature(id="b"), {"request": {"method": "DELETE", "url": "Observation/o"}}, kind="history"),
        )
    ]  # fmt: skip


def seeds() -> list[bytes]:
    files = ("us_core_examples.ndjson.gz", "mcode_examples.ndjson.gz", "r4_core_examples.ndjson")
    shared = [line for name in files for line in lines_of(name) if len(line) < 6_000] if SHARED.is_dir() else []
    # those made here hold what is read; they come as often as all the others
    return made() * (1 + len(shared) // len(made())) + shared


def check_lines(folder: Path, start: int, rows: int) -> None:
    """Read ``rows`` damaged lines as one file and check what came of them."""
    whole = seeds()
    lines = [mutated(whole[seed % len(whole)], seed).replace(b"\n", b" ") for seed in range(start, start + rows)]
    path = folder / "damaged.ndjson"
    path.write_bytes(b"\n".join(lines))
    begun = time.perf_counter()
    try:
        intake = read_fhir([path], tables())
    except CytowatchError as error:
        pytest.fail(f"a file with sound lines was given up: {error}")
    assert adds_up(intake)
    # a bundle holds several resources in its line
    assert intake.ledger["rows"].sum() >= sum(1 for line in lines if line.strip())
    assert (intake.rejects["reason"].str.len_chars() < 1_000).all()
    assert (intake.rejects["value"].fill_null("").str.len_chars() < 1_000).all()
    assert time.perf_counter() - begun < _SECONDS_A_LINE * rows + 5


def check_files(folder: Path, start: int, files: int) -> None:
    """Read damaged whole files, each by itself: rows that add up, or one clear error."""
    whole = [ndjson(*map(bytes.decode, made())).encode(), json.dumps(bundle(*map(json.loads, made()[:8]))).encode()]
    if SHARED.is_dir():
        whole.append((SHARED / "synthea_r4_bundle_example.json.gz").read_bytes())
        whole.append((SHARED / "mcode_examples.ndjson.gz").read_bytes())
    hints = []
    for seed in range(start, start + files):
        path = folder / ("one.ndjson" if seed % 2 else "one.json")
        path.write_bytes(mutated(whole[seed % len(whole)], seed))
        try:
            assert adds_up(read_fhir([path], tables()))
        except CytowatchError as error:
            hints.append(error.hint)
    assert all(hints)


def test_damaged_lines_are_counted_and_never_stop_a_run(tmp_path: Path) -> None:
    check_lines(tmp_path, 0, 2_000)


def test_damaged_files_are_read_or_refused_with_a_hint(tmp_path: Path) -> None:
    check_files(tmp_path, 0, 40)


@pytest.mark.long
def test_a_hundred_thousand_damaged_lines(tmp_path: Path) -> None:
    for start in range(0, 100_000, 5_000):
        check_lines(tmp_path, start, 5_000)


@pytest.mark.long
def test_three_thousand_damaged_files(tmp_path: Path) -> None:
    check_files(tmp_path, 0, 3_000)
