"""The raw long table as one frame with the contract's columns, whatever its types; InputError if it cannot be one."""

from __future__ import annotations

import difflib

import polars as pl

from cytowatch.adapters.intake import Clock
from cytowatch.adapters.numbers import trimmed
from cytowatch.errors import InputError

TEXTS = ("patient", "concept", "unit", "comparator", "text", "source", "status")
# of these a file holds few distinct ones, so looking at those is enough
_FEW = ("patient", "concept", "unit", "comparator", "status")
MOMENTS = ("time", "hours", "until", "until_hours", "available")
# the limits of normal, and what laboratory systems call them
LIMITS = ("range_low", "range_high")
_ALIASES = {
    "reference_low": "range_low", "lln": "range_low", "reference_high": "range_high", "uln": "range_high",
}  # fmt: skip
COLUMNS = (*TEXTS, *MOMENTS, "value", *LIMITS)
# a door may say on which line each row stood; a row without a source gets `file:line` from it
LINE = "_line"
# and of which input row each stands for, where one input row says several things
ROW = "_row"


def long_table(raw: pl.DataFrame | pl.LazyFrame, *, file: str) -> tuple[pl.DataFrame, list[str]]:
    """The contract's columns, text trimmed and empty cells missing, and the names of the columns that are not read."""
    frame = raw.collect() if isinstance(raw, pl.LazyFrame) else raw
    named = {name: column_name(name) for name in frame.columns}
    _check_columns(list(named.values()), file)
    frame = frame.rename(named)
    extra = [name for name in frame.columns if name not in COLUMNS and name not in (LINE, ROW)]
    frame = frame.drop(extra)
    texts = [name for name in frame.columns if name in TEXTS or frame[name].dtype == pl.String]
    return frame.with_columns(*(as_text(frame[name]) for name in texts)), extra


def check_columns(names: list[str], *, file: str) -> None:
    """InputError unless the columns of the long table that every row needs are there."""
    _check_columns([column_name(name) for name in names], file)


def column_name(name: str) -> str:
    """The contract's name of a column, however it is capitalized, spaced, or called by a laboratory system."""
    plain = name.strip().lower()
    return _ALIASES.get(plain, plain)


def file_column(name: str) -> str:
    """The name of a column in a file, changed where it is one of ours: only a program may number rows by `_row`.

    Under the changed name it is a column that is not read, and the ledger says so.
    """
    return f"{name.strip()} of the file" if column_name(name) in (LINE, ROW) else name


def clock_of(frame: pl.DataFrame) -> Clock:
    """The clock that most rows are written in; `time` where none is."""
    filled = {name: frame[name].count() if name in frame.columns else 0 for name in ("time", "hours")}
    if filled["hours"] == filled["time"]:
        return "time" if "time" in frame.columns else "hours"
    return "hours" if filled["hours"] > filled["time"] else "time"


def as_text(column: pl.Series) -> pl.Series:
    """A column as text, trimmed only where a cell needs it: most files are clean, and copying costs."""
    if column.dtype in (pl.Float32, pl.Float64) and column.is_finite().all():
        # an id that a spreadsheet made 12.0
        whole = column.cast(pl.Int64, strict=False)
        # a number that has no place among the integers is missing there, which must not read as "no patient"
        column = whole if whole.cast(column.dtype).equals(column, null_equal=True) else column
    text = column if column.dtype == pl.String else column.cast(pl.String)
    return trimmed(text) if _untidy(text) else text


def _untidy(text: pl.Series) -> bool:
    """True if a cell is empty text or has spaces around it; a pointer is kept as it is unless it is empty."""
    if text.name == "source":
        return bool((text.str.len_bytes() == 0).any())
    few = text.unique() if text.name in _FEW else text
    return bool(few.str.contains(r"^\s|^$|\s$").any())


def _check_columns(names: list[str], file: str) -> None:
    found = f"found: {', '.join(name for name in names if name not in (LINE, ROW)) or 'nothing'}"
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"the column {twice[0]!r} is there more than once",
            where=f"{file} ({found})",
            why="which of them to read would be a guess",
            hint="give every column one name; capital letters and spaces around a name do not count (lln is range_low)",
        )
    missing = [name for name in ("patient", "concept") if name not in names]
    if "time" not in names and "hours" not in names:
        missing.append("time or hours")
    if missing:
        raise InputError(
            f"missing column: {', '.join(missing)}",
            where=f"{file} ({found})",
            why="every row needs a patient, a moment and a concept",
            hint=_column_hint(missing, names),
        )


def _column_hint(missing: list[str], names: list[str]) -> str:
    near = [(name, difflib.get_close_matches(name, names, n=1)) for name in missing]
    guesses = [f"rename {found[0]!r} to {name!r}" for name, found in near if found]
    return "; ".join([*guesses, "or describe a wide table with a mapping file (`--mapping`)"])
