"""The files of a large run: opened, checked and counted before anything is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cytowatch.adapters.frame import COLUMNS, ROW, as_text, check_columns, column_name, file_column
from cytowatch.adapters.spans import Span
from cytowatch.adapters.tables import TableFile, find_tables, is_parquet, scan_parquet, told_as_unreadable
from cytowatch.adapters.walk import passed_over

# up to so many rows a run is held in memory
LARGE_ROWS = 5_000_000
# below this a number without a fraction has its place among the integers
_INTEGERS = 2.0**63


@dataclass(frozen=True)
class LargeFile:
    """One Parquet file: the number of its first row in the run, its rows, and its columns as the contract names them.

    ``columns``: name in the file to name in the contract; ``extra``: columns that are not read; ``kind``: names and
    types, equal for files whose rows can be laid under each other; ``whole_ids``: ids are numbers without a fraction.
    """

    file: TableFile
    first: int
    rows: int
    columns: dict[str, str]
    extra: tuple[str, ...]
    kind: str
    whole_ids: bool

    def cut(self, start: int, rows: int) -> pl.DataFrame:
        """Some rows of the file, with `_row`; InputError if they cannot be read."""
        with told_as_unreadable(self.file, "Parquet"):
            frame = scan_parquet(self.file).select(list(self.columns)).slice(start, rows).collect().rename(self.columns)
        number = pl.int_range(pl.len(), dtype=pl.Int64) + (self.first + start)
        return frame.with_columns(self._ids(frame["patient"]), number.alias(ROW))

    def ids(self, start: int, rows: int) -> pl.Series:
        """Only the patients of some rows, as text."""
        name = next(raw for raw, known in self.columns.items() if known == "patient")
        with told_as_unreadable(self.file, "Parquet"):
            return self._ids(scan_parquet(self.file).select(name).slice(start, rows).collect()[name].alias("patient"))

    def moments(self, rows: int) -> pl.DataFrame:
        """Only when the first rows were, by either clock, an empty cell missing."""
        names = {raw: known for raw, known in self.columns.items() if known in ("time", "hours")}
        with told_as_unreadable(self.file, "Parquet"):
            frame = scan_parquet(self.file).select(list(names)).head(rows).collect().rename(names)
        return frame.with_columns(as_text(column) for column in frame if column.dtype == pl.String)

    def _ids(self, column: pl.Series) -> pl.Series:
        """Ids as admission reads them; whether a spreadsheet made them 12.0 is settled for the whole file at once."""
        if column.dtype.is_float():
            column = column.cast(pl.Int64) if self.whole_ids else column.cast(pl.String)
        return as_text(column)


@dataclass(frozen=True)
class LargeInput:
    """All files in the order in which a run in memory reads them, and the table of patients that lies beside them."""

    files: tuple[LargeFile, ...]
    patients: Path | None
    # folders of results that lie among the files
    passed: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return self.files[-1].first + self.files[-1].rows

    @property
    def spans(self) -> tuple[Span, ...]:
        """Which row numbers are whose."""
        return tuple((part.file.label, part.first, part.rows) for part in self.files)

    def cut(self, first: int, rows: int) -> list[pl.DataFrame]:
        """Rows by their number in the run, as one frame for each kind of file."""
        found: dict[str, list[pl.DataFrame]] = {}
        for part in self.files:
            begin, end = max(first, part.first), min(first + rows, part.first + part.rows)
            if begin < end:
                found.setdefault(part.kind, []).append(part.cut(begin - part.first, end - begin))
        return [pl.concat(frames) for frames in found.values()]


@dataclass(frozen=True)
class Found:
    """``large``: what is to be streamed, if anything; ``whole``: rows of Parquet that cannot be, beside other files."""

    large: LargeInput | None
    whole: int = 0


def find_large(inputs: Sequence[str | Path]) -> Found:
    """Look behind files and folders (also partitioned ones) for more rows of Parquet than are held in memory.

    InputError if there is no such file or one cannot be opened; nothing has been read then.
    """
    files, patients = find_tables(inputs)
    parquet = [file for file in files if is_parquet(file)]
    counted = [(file, _count(file)) for file in parquet]
    rows = sum(count for _, count in counted)
    if rows <= LARGE_ROWS or not parquet:
        return Found(None)
    if len(parquet) < len(files):
        return Found(None, rows)
    opened: list[LargeFile] = []
    first = 0
    for file, count in counted:
        opened.append(_open(file, first, count))
        first += count
    return Found(LargeInput(tuple(opened), patients, tuple(passed_over(inputs))))


def _count(file: TableFile) -> int:
    with told_as_unreadable(file, "Parquet"):
        return int(pl.scan_parquet(file.path, glob=False).select(pl.len()).collect().item())


def _open(file: TableFile, first: int, rows: int) -> LargeFile:
    with told_as_unreadable(file, "Parquet"):
        schema = scan_parquet(file).collect_schema()
    check_columns([file_column(name) for name in schema], file=file.label)
    columns = {name: column_name(name) for name in schema if column_name(name) in COLUMNS}
    extra = tuple(column_name(file_column(name)) for name in schema if name not in columns)
    types = {columns[name]: dtype for name, dtype in schema.items() if name in columns}
    # ids become text in any case
    kind = str([(name, dtype) for name, dtype in types.items() if name != "patient"])
    part = LargeFile(file, first, rows, columns, extra, kind, whole_ids=False)
    raw = next(name for name, known in columns.items() if known == "patient")
    if not types["patient"].is_float():
        return part
    id_ = pl.col(raw)
    with told_as_unreadable(file, "Parquet"):
        whole = (
            scan_parquet(file)
            .select((id_.is_finite() & (id_.round() == id_) & (id_.abs() < _INTEGERS)).all())
            .collect()
            .item()
        )
    return LargeFile(file, first, rows, columns, extra, kind, whole_ids=bool(whole))
