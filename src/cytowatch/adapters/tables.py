"""Files of tables, whatever their format, as frames of raw rows: which files there are, and one block after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from cytowatch.adapters.csvfile import Block, read_csv
from cytowatch.adapters.frame import LINE, file_column
from cytowatch.adapters.walk import files_in, results_in
from cytowatch.errors import InputError

_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather", ".ipc")
ENDINGS = (*_CSV, *_PARQUET, *_ARROW)
# what reading a damaged file can raise; a broken page of a Parquet file makes the reader panic
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
# few enough that the memory of one block serves the next
BLOCK_ROWS = 2_000_000
# how a folder that names a column says that the cell is empty
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


# the record that `cytowatch simulate` lays into its folder
_SIMULATION = "simulation.json"


@dataclass(frozen=True)
class TableFile:
    """One file to read, and the name it goes by in sources, rejects and the ledger."""

    path: Path
    label: str


def is_patients(path: Path) -> bool:
    """True for a file that is named as the table of patients."""
    return path.name.lower().split(".")[0] == "patients"


def find_tables(paths: Sequence[str | Path]) -> tuple[list[TableFile], Path | None]:
    """The files of observations behind files and folders, in order, and a table of patients found in a folder."""
    found: list[Path] = []
    patients: list[Path] = []
    for path in map(Path, paths):
        inside = _inside(path)
        patients += [file for file in inside if path.is_dir() and is_patients(file)]
        found += [file for file in inside if not (path.is_dir() and is_patients(file))]
    found = list(dict.fromkeys(found))
    if len(patients) > 1:
        raise InputError(
            "more than one table of patients was found",
            where=", ".join(map(str, patients)),
            why="which of them to believe would be a guess",
            hint="name one with `--patients`",
        )
    return _labeled(found), patients[0] if patients else None


def _inside(path: Path) -> list[Path]:
    if path.is_file():
        if not path.name.lower().endswith(ENDINGS):
            raise InputError(
                f"files of type {path.suffix or 'without an ending'!r} are not read",
                where=str(path),
                hint=f"read are: {' '.join(ENDINGS)}",
            )
        return [path]
    if not path.is_dir():
        raise InputError("there is no such file or folder", where=str(path), hint="check the path")
    if (path / _SIMULATION).is_file() and (path / "chart").is_dir():
        raise InputError(
            "this is the folder of a simulation",
            where=str(path),
            why="beside the chart it holds the truth, which no hospital has",
            hint=f"grade its chart: {path / 'chart'}",
        )
    tables = [file for file in files_in(path) if file.name.lower().endswith(ENDINGS)]
    if not [file for file in tables if not is_patients(file)]:
        raise InputError(
            "the folder holds no table of observations",
            where=str(path),
            why="it holds the results of a run" if path in results_in(path) else "there is nothing to grade",
            hint=f"tables that are read: {' '.join(ENDINGS)}",
        )
    return tables


def _labeled(paths: list[Path]) -> list[TableFile]:
    """The file's name where it is the only one of that name, else its path."""
    names = [path.name for path in paths]
    return [TableFile(path, path.name if names.count(path.name) == 1 else path.as_posix()) for path in paths]


def read_blocks(file: TableFile) -> Iterator[Block]:
    """The rows of one file, block after block; InputError if it cannot be read at all."""
    name = file.path.name.lower()
    if name.endswith(_CSV):
        return read_csv(file.path, file.label)
    return _typed_blocks(file, parquet=name.endswith(_PARQUET))


def _typed_blocks(file: TableFile, *, parquet: bool) -> Iterator[Block]:
    with told_as_unreadable(file, "Parquet" if parquet else "Arrow"):
        table = scan_parquet(file) if parquet else pl.read_ipc(file.path).lazy()
        rows = int(table.select(pl.len()).collect().item())
        for start in range(0, max(rows, 1), BLOCK_ROWS):
            frame = table.slice(start, BLOCK_ROWS).collect().rename(file_column)
            frame = frame.with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + start + 1).alias(LINE))
            yield Block(frame, bytes_done=file.path.stat().st_size * min(start + BLOCK_ROWS, rows) // max(rows, 1))


def is_parquet(file: TableFile) -> bool:
    """True for a Parquet file, by its ending."""
    return file.path.name.lower().endswith(_PARQUET)


def scan_parquet(file: TableFile) -> pl.LazyFrame:
    """A Parquet file, its columns and those that its folders name (`concept=spo2/part-0.parquet`), these as text."""
    table = pl.scan_parquet(file.path, glob=False, hive_partitioning=False)
    named = columns_of_folders(file.path, table.collect_schema())
    return table.with_columns(pl.lit(value, pl.String).alias(name) for name, value in named.items())


def columns_of_folders(path: Path, own: Iterable[str]) -> dict[str, str | None]:
    """What the folders of a file say of all its rows, but for the columns that the file has itself."""
    there = {name.strip().lower() for name in own}
    return {name: value for name, value in _hive_columns(path).items() if name.strip().lower() not in there}


def _hive_columns(path: Path) -> dict[str, str | None]:
    parts = [part.partition("=") for part in path.parent.parts if "=" in part]
    values = {name: unquote(value) for name, _, value in parts if name}
    return {name: None if value == _HIVE_NULL else value for name, value in values.items()}


@contextmanager
def told_as_unreadable(file: TableFile, form: str) -> Iterator[None]:
    """What Polars or the system says of a file that cannot be read, as an InputError that names it."""
    try:
        yield
    except UNREADABLE as cause:
        empty = file.path.is_file() and not file.path.stat().st_size
        said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        raise InputError(
            "the file is empty" if empty else f"the file cannot be read as {form}: {said}",
            where=file.label,
            why="it may be cut off: nothing of it was used",
            hint="write or fetch it again",
        ) from cause
