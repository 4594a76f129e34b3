"""Small OMOP sources for tests: tables of text, as a folder of CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.adapters.vocabulary import Code
from cytowatch.knowledge import load

SYNTHEA = Path(__file__).parents[3] / "shared" / "data" / "omop" / "Synthea27Nj_5.4.zip"
Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]

_DATE = "2026-03-01"
# what every row of a table carries unless it says otherwise
USUAL: dict[str, dict[str, str]] = {
    "person": {"person_id": "1", "gender_concept_id": "8532", "year_of_birth": "1960",
               "month_of_birth": "4", "day_of_birth": "5"},
    "measurement": {
        "measurement_id": "", "person_id": "1", "measurement_concept_id": "3020891", "measurement_date": _DATE,
        "measurement_datetime": f"{_DATE} 08:00:00", "operator_concept_id": "", "value_as_number": "38.4",
        "value_as_concept_id": "", "unit_concept_id": "586323", "range_low": "", "range_high": "",
        "measurement_source_value": "", "measurement_source_concept_id": "", "unit_source_value": "",
        "value_source_value": "", "measurement_time": "",
    },
    "observation": {
        "observation_id": "", "person_id": "1", "observation_concept_id": "4036936", "observation_date": _DATE,
        "observation_datetime": f"{_DATE} 08:00:00", "value_as_number": "", "value_as_string": "",
        "value_as_concept_id": "", "unit_concept_id": "", "observation_source_value": "",
        "observation_source_concept_id": "", "unit_source_value": "", "value_source_value": "",
    },
    "drug_exposure": {
        "drug_exposure_id": "", "person_id": "1", "drug_concept_id": "1321341", "drug_exposure_start_date": _DATE,
        "drug_exposure_start_datetime": f"{_DATE} 09:00:00", "drug_exposure_end_date": _DATE,
        "drug_exposure_end_datetime": f"{_DATE} 15:00:00", "drug_type_concept_id": "32818", "quantity": "",
        "drug_source_value": "", "drug_source_concept_id": "", "route_source_value": "",
        "route_concept_id": "", "dose_unit_source_value": "",
    },
    "device_exposure": {
        "device_exposure_id": "", "person_id": "1", "device_concept_id": "0", "device_exposure_start_date": _DATE,
        "device_exposure_start_datetime": f"{_DATE} 10:00:00", "device_exposure_end_date": "",
        "device_exposure_end_datetime": "", "device_source_value": "", "device_source_concept_id": "",
    },
    "procedure_occurrence": {
        "procedure_occurrence_id": "", "person_id": "1", "procedure_concept_id": "4177224", "procedure_date": _DATE,
        "procedure_datetime": f"{_DATE} 10:00:00", "procedure_end_date": "", "procedure_end_datetime": "",
        "procedure_source_value": "", "procedure_source_concept_id": "",
    },
    "condition_occurrence": {
        "condition_occurrence_id": "", "person_id": "1", "condition_concept_id": "0", "condition_start_date": _DATE,
        "condition_start_datetime": f"{_DATE} 10:00:00", "condition_source_value": "",
        "condition_source_concept_id": "",
    },
    "death": {"person_id": "1", "death_date": _DATE, "death_datetime": f"{_DATE} 20:00:00"},
    "concept": {"concept_id": "", "concept_name": "", "vocabulary_id": "", "concept_class_id": "", "concept_code": ""},
    "concept_ancestor": {"ancestor_concept_id": "", "descendant_concept_id": ""},
    "concept_relationship": {
        "concept_id_1": "", "concept_id_2": "", "relationship_id": "Maps to", "invalid_reason": "",
    },
}  # fmt: skip


def filled(table: str, rows: Sequence[Row]) -> list[dict[str, str]]:
    """Rows with what they leave out; keys count from 1."""
    key = f"{table}_id"
    usual = USUAL.get(table, {})
    numbered = [{key: str(number)} if key in usual and table != "person" else {} for number in range(1, len(rows) + 1)]
    return [{**usual, **own, **row} for own, row in zip(numbered, rows, strict=True)]


def write(folder: Path, tables: Tables, *, upper: bool = False, delimiter: str = ",") -> Path:
    """The tables as CSV files; ``upper``: names of files and columns in capitals."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        whole = filled(table, rows)
        names = list(dict.fromkeys(name for row in whole for name in row)) or list(USUAL[table])
        path = folder / f"{table.upper() if upper else table}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow([name.upper() for name in names] if upper else names)
            writer.writerows([row.get(name, "") for name in names] for row in whole)
    return folder


def read(folder: Path, tables: Tables | None = None, *, codes: Sequence[Code] = (), zone: str = "UTC") -> Intake:
    """Write the tables, if given, and read the folder through the door."""
    if tables is not None:
        write(folder, tables)
    return read_omop(str(folder), load(), zone=zone, codes=codes)


def counted(intake: Intake, table: str) -> dict[str, int]:
    """Rows of a table by fate."""
    own = intake.ledger.filter(pl.col("file") == table, pl.col("rows") > 0)
    return dict(own.group_by("fate").agg(pl.col("rows").sum()).rows())


def reasons(intake: Intake, table: str) -> list[str]:
    """What the ledger says of a table besides that rows are used."""
    return intake.ledger.filter(pl.col("file") == table, pl.col("fate") != "used")["reason"].to_list()
