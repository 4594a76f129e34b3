"""Finds and reads the tables of a CLIF 2.x folder, each row with its number in the file and in the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cytowatch.adapters.tables import UNREADABLE
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

_ENDINGS = (".parquet", ".csv")
# the columns without which a table says nothing that can be placed
NEEDED = {
    "vitals": ("hospitalization_id", "recorded_dttm", "vital_category", "vital_value"),
    "medication_admin_continuous": (
        *("hospitalization_id", "admin_dttm", "med_category"),
        *("mar_action_category", "med_dose", "med_dose_unit"),
    ),
    "medication_admin_intermittent": (
        *("hospitalization_id", "admin_dttm", "med_category"),
        *("mar_action_category", "med_dose", "med_dose_unit"),
    ),
    "respiratory_support": ("hospitalization_id", "recorded_dttm", "device_category", "lpm_set", "fio2_set"),
    "labs": ("hospitalization_id", "lab_collect_dttm", "lab_category", "lab_value", "reference_unit"),
    "patient_assessments": ("hospitalization_id", "recorded_dttm", "assessment_category", "numerical_value"),
    "hospitalization": ("hospitalization_id", "patient_id", "admission_dttm", "discharge_dttm", "age_at_admission"),
    "patient": ("patient_id",),
}
# columns that CLIF has and some sites leave out: absent = empty, which every rule reads as unknown
OPTIONAL = {
    "medication_admin_continuous": ("med_order_id",),
    "respiratory_support": ("device_name",),
    "labs": ("lab_value_numeric", "lab_result_dttm"),
    "hospitalization": ("discharge_category",),
    "patient": ("sex_category", "birth_date", "death_dttm"),
}


@dataclass(frozen=True)
class ClifFile:
    """One table file of the folder: its CLIF name and path."""

    table: str
    path: Path

    @property
    def name(self) -> str:
        """The file's name, as it stands in sources and in the ledger."""
        return self.path.name


def find_tables(folder: Path) -> list[ClifFile]:
    """The CLIF table files of a folder, by name; InputError if there is none, or one table twice."""
    if not folder.is_dir():
        raise InputError("This is not a folder.", where=str(folder), hint="Give the folder that holds clif_*.parquet.")
    paths = sorted(path for path in folder.glob("clif_*") if path.suffix in _ENDINGS)
    if not paths:
        raise InputError(
            "There is no CLIF table here.",
            where=str(folder),
            why="Nothing can be graded from this folder.",
            hint="The tables must be named clif_<table>.parquet or clif_<table>.csv.",
        )
    tables = [ClifFile(path.stem.removeprefix("clif_"), path) for path in paths]
    _refuse_twins(tables)
    return tables


def _refuse_twins(tables: list[ClifFile]) -> None:
    seen: dict[str, Path] = {}
    for file in tables:
        if file.table in seen:
            raise InputError(
                f"The table `{file.table}` is there twice.",
                where=f"{seen[file.table]}, {file.path}",
                why="Every row would count twice.",
                hint="Keep one of the two files.",
            )
        seen[file.table] = file.path


def count_rows(file: ClifFile) -> int:
    """The number of rows of a table file; InputError if it cannot be read."""
    return int(_collect(file, _scan(file).select(pl.len())).item())


def read_table(file: ClifFile, first_row: int) -> pl.DataFrame:
    """A needed table whole, with ``row`` (unique in the run) and ``source`` (file:line); a missing column is an error.

    Text columns are stripped and empty text becomes null. A line is the row number in a Parquet file, and the physical
    line (the header is line 1) in a CSV file. Raises InputError with the file and the column.
    """
    columns = _scan_columns(file)
    needed, optional = NEEDED[file.table], OPTIONAL.get(file.table, ())
    missing = [name for name in needed if name not in columns]
    if missing:
        raise InputError(
            f"The column `{missing[0]}` is missing.",
            where=str(file.path),
            why=f"Without it no row of the table {file.table} can be placed.",
            hint=f"CLIF 2.x asks for: {', '.join(needed)}.",
        )
    frame = _collect(file, _scan(file).select(*needed, *(name for name in optional if name in columns)))
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in optional if name not in columns)
    return _numbered(_tidy(frame), file, first_row)


def _numbered(frame: pl.DataFrame, file: ClifFile, first_row: int) -> pl.DataFrame:
    first_line = 1 if file.path.suffix == ".parquet" else 2
    line = pl.int_range(pl.len(), dtype=pl.Int64)
    return frame.with_columns(
        row=line + first_row,
        source=pl.concat_str(pl.lit(f"{file.name}:"), (line + first_line).cast(pl.String)),
    )


def _tidy(frame: pl.DataFrame) -> pl.DataFrame:
    stripped = pl.col(pl.String).str.strip_chars()
    # categories and ids may come typed (Int64 ids, Categorical names): all are text here
    frame = frame.with_columns(
        pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
        if name.endswith(("_id", "_category", "_name", "_unit")) and dtype != pl.String
    )
    return frame.with_columns(stripped).with_columns(
        pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep()
    )


def _scan(file: ClifFile) -> pl.LazyFrame:
    if file.path.suffix == ".parquet":
        return pl.scan_parquet(file.path, glob=False)
    return pl.scan_csv(file.path, infer_schema=False, glob=False)


def _scan_columns(file: ClifFile) -> list[str]:
    try:
        return _scan(file).collect_schema().names()
    except UNREADABLE as error:
        raise _unreadable(file, error) from error


def _collect(file: ClifFile, frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except UNREADABLE as error:
        raise _unreadable(file, error) from error


def _unreadable(file: ClifFile, error: Exception) -> InputError:
    return InputError(
        f"The table cannot be read: {str(error).splitlines()[0]}",
        where=str(file.path),
        why="It may be cut short; grading without it would take what it held for absent.",
        hint="Copy the file again from its source, or take it out of the folder on purpose.",
    )


def table_fate(table: str, knowledge: Knowledge) -> tuple[str, str]:
    """Whether a table is read (``map``) or not (``ignore``), and why not."""
    for entry in knowledge.codes["clif_tables"]:
        if entry["table"] == table:
            return entry["fate"], entry["reason"]
    return "ignore", "not a table that this door knows (codes/clif_tables.csv)"
