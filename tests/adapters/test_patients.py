"""The table of patients: a field that cannot be used is unknown and told; the rest of its row is used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from cytowatch.adapters import read_files, read_frames, read_patients
from cytowatch.errors import InputError
from cytowatch.knowledge import load
from cytowatch.schema import PATIENTS, REJECTS

KNOWLEDGE = load()
SEEN = pl.DataFrame({"patient": ["P1"], "time": [int(datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1e6)]})


def table(*rows: dict[str, object], **options: object):
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return read_patients(pl.DataFrame(columns, strict=False), KNOWLEDGE, **options)


def test_every_column() -> None:
    found = table(
        {
            "patient": "P1",
            "age_years": "61,5",
            "birth_date": "1962-05-01",
            "sex": "female",
            "weight_kg": "70",
            "developmental_delay": "No",
            "sbp_threshold": "80",
            "baseline_oxygen_device": "NC",
            "baseline_creatinine": "0.9",
            "baseline_ice": "10",
        }
    )
    assert found.frame.schema == PATIENTS.schema
    (row,) = found.frame.to_dicts()
    assert (row["age_years"], row["birth_date"], row["developmental_delay"]) == (61.5, date(1962, 5, 1), False)
    assert (row["baseline_oxygen_device"], row["baseline_ice"], row["baseline_ast"]) == ("nasal_cannula", 10.0, None)
    assert found.rejects.is_empty()
    assert found.ledger.rows() == [("patients", "used", "", 1)]


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("age_years", "-1", "out_of_range"),
        ("age_years", "131", "out_of_range"),
        ("age_years", "sixty", "not_a_number"),
        ("age_years", "<60", "not_a_number"),
        ("age_years", "NaN", "not_a_number"),
        ("weight_kg", "7000", "out_of_range"),
        ("baseline_ice", "11", "out_of_range"),
        ("birth_date", "01.05.1962", "bad_date"),
        ("birth_date", "1962-02-30", "bad_date"),
        ("developmental_delay", "perhaps", "unknown_category"),
        ("baseline_oxygen_device", "balloon", "unknown_category"),
    ],
)
def test_a_refused_field_is_unknown_and_loses_nothing_else(name: str, value: str, rule: str) -> None:
    found = table({"patient": "P1", name: value, "sex": "male"})
    (reject,) = found.rejects.to_dicts()
    assert found.rejects.schema == REJECTS.schema
    assert (reject["patient"], reject["concept"], reject["value"], reject["rule"]) == ("P1", name, value, rule)
    assert reject["reason"]
    assert reject["hint"]
    (row,) = found.frame.to_dicts()
    assert row[name] is None
    assert row["sex"] == "male"


def test_a_birth_date_in_the_future() -> None:
    born = [{"patient": "P1", "birth_date": "2024-03-09", "age_years": None, "sex": "male"}]
    found = table(*born, first_seen=SEEN)
    assert found.rejects["rule"].to_list() == ["birth_date_in_future"]
    assert found.frame.select("birth_date", "age_years", "sex").rows() == [(None, None, "male")]
    for day in ("2024-03-01", "2024-02-29"):
        assert table({"patient": "P1", "birth_date": day}, first_seen=SEEN).rejects.is_empty()
    # a patient who was never seen has nothing to compare with
    assert table({"patient": "P2", "birth_date": "2199-01-01"}, first_seen=SEEN).rejects.is_empty()


def test_the_same_patient_twice() -> None:
    row = {"patient": "P1", "age_years": "61", "sex": "male"}
    found = table(row, {**row, "sex": None}, {**row, "age_years": "61.0"})
    assert found.rejects.is_empty()
    assert found.frame.select("age_years", "sex").rows() == [(61.0, "male")]
    assert found.ledger.rows() == [("patients", "used", "", 1), ("patients", "superseded", "same patient again", 2)]


def test_rows_that_contradict_each_other() -> None:
    found = table(
        {"patient": "P1", "age_years": "61", "sex": "male"}, {"patient": "P1", "age_years": "16", "sex": "male"}
    )
    assert found.frame.select("age_years", "sex").rows() == [(None, "male")]
    assert found.rejects.select("row", "concept", "value", "rule").rows() == [
        (0, "age_years", "61", "conflicting_rows"),
        (1, "age_years", "16", "conflicting_rows"),
    ]


def test_unknown_columns_and_rows_without_a_patient() -> None:
    found = table({"patient": "P1", "ward": "7"}, {"patient": " ", "ward": "8"})
    assert found.frame["patient"].to_list() == ["P1"]
    assert found.rejects["rule"].to_list() == ["missing_patient"]
    assert found.ledger.rows() == [
        ("patients", "used", "", 1),
        ("patients", "rejected", "missing_patient", 1),
        ("patients", "ignored", "column 'ward' is not read", 0),
    ]


def test_without_a_patient_column() -> None:
    with pytest.raises(InputError, match="missing column: patient"):
        table({"patient_id": "P1"})


def test_typed_columns() -> None:
    frame = pl.DataFrame(
        {
            "patient": [1, 2],
            "age_years": [61, None],
            "birth_date": [datetime(1962, 5, 1, tzinfo=UTC), None],
            "developmental_delay": [True, None],
        }
    )
    found = read_patients(frame.lazy(), KNOWLEDGE)
    assert found.frame.select("patient", "age_years", "birth_date", "developmental_delay").rows() == [
        ("1", 61.0, date(1962, 5, 1), True),
        ("2", None, None, None),
    ]


def test_a_file_with_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("patient,age_years\nP1,61\nP2,6,1\nP3,44\n")
    (tmp_path / "rows.csv").write_text("patient,time,concept,value,unit\nP1,2024-03-01T10:00:00Z,spo2,97,%\n")
    found = read_files(tmp_path / "rows.csv", KNOWLEDGE, patients=tmp_path / "people.csv")
    assert found.patients["patient"].to_list() == ["P1", "P3"]
    assert found.rejects.select("rule", "source").rows() == [("broken_line", "people.csv:3")]
    with pytest.raises(InputError, match="no such file"):
        read_files(tmp_path / "rows.csv", KNOWLEDGE, patients=tmp_path / "nobody.csv")


def test_frames_are_held_against_their_observations() -> None:
    row = {"patient": "P1", "time": "2024-03-01T10:00:00Z", "concept": "spo2", "value": 97.0, "unit": "%"}
    born = pl.DataFrame({"patient": ["P1"], "birth_date": ["2030-01-01"]})
    found = read_frames(pl.DataFrame([row]), KNOWLEDGE, patients=born)
    assert found.rejects["rule"].to_list() == ["birth_date_in_future"]
    hours = pl.DataFrame([{**row, "hours": 1.0}]).drop("time")
    assert read_frames(hours, KNOWLEDGE, patients=born).rejects.is_empty()


def test_an_empty_table() -> None:
    assert read_patients(PATIENTS.empty(), KNOWLEDGE).frame.is_empty()
