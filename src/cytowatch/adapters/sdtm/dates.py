"""Dates of SDTM: ISO 8601 that may stop after the year, the month, the day or the hour, and study days without a 0.

A date without a time of day cannot be placed hour by hour. It is never moved to midnight or noon; what is known of it
is a window, from its earliest to its latest moment, and that is used for one thing only: to say from when to when a
therapy is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

_CLOCK = r"T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?"
_OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)"
WHOLE = rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}{_OFFSET}?$"
_ZONED = rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}{_OFFSET}$"
# cut short, with hyphens for what is missing (2013---07), or an interval of uncertainty (a/b)
_CUT = (
    r"^(\d{4}(-\d{2}){0,2}|\d{4}-\d{2}-\d{2}T\d{2}|(\d{4}|-)(-\d{2}|--?)(-\d{2}|--?)?(T[-\d:]*)?"
    r"|[-\dT:.Z+]+/[-\dT:.Z+]+)$"
)
_STEPS = ((4, "-01-01T00:00", "1y"), (7, "-01T00:00", "1mo"), (10, "T00:00", "1d"), (13, ":00", "1h"))
_STAMP = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Moment:
    """The columns that a date became: its text, whether it is cut short, and its window (text without a zone)."""

    text: str
    partial: str
    earliest: str
    latest: str


def read_dates(frame: pl.DataFrame, column: str, study_day: str = "") -> tuple[pl.DataFrame, Moment]:
    """Adds the columns of a `Moment` for a date column; a missing one is reckoned from the study day, where it can be.

    Needs ``_reference`` (a date, RFSTDTC of the subject) for study days. A reckoned date is a date without a time.
    """
    made = Moment(f"_{column}", f"_{column}_partial", f"_{column}_earliest", f"_{column}_latest")
    text = pl.col(column) if column in frame.columns else pl.lit(None, pl.String)
    if study_day in frame.columns and "_reference" in frame.columns:
        text = pl.coalesce(text, from_study_day(pl.col("_reference"), pl.col(study_day)).dt.to_string("%Y-%m-%d"))
    frame = frame.with_columns(text.alias(made.text))
    return frame.with_columns(
        (pl.col(made.text).str.contains(_CUT) & ~pl.col(made.text).str.contains(WHOLE))
        .fill_null(value=False)
        .alias(made.partial),
        _bound(made.text, late=False).alias(made.earliest),
        _bound(made.text, late=True).alias(made.latest),
    ), made


def _bound(name: str, *, late: bool) -> pl.Expr:
    """The first moment that a date can mean, or the first after it; itself where it is whole; empty where unknown."""
    text = pl.col(name)
    found: Any = pl.when(text.str.contains(WHOLE)).then(text)
    for length, rest, step in _STEPS:
        begin = (text + rest).str.to_datetime(_STAMP, strict=False)
        moment = begin.dt.offset_by(step) if late else begin
        found = found.when(text.str.len_chars() == length).then(moment.dt.strftime(_STAMP))
    bound: pl.Expr = found.otherwise(None)
    return bound


def from_study_day(reference: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The date of a study day: the reference is day 1, the day before it day −1; no day is 0, and none has parts."""
    number = day.cast(pl.Float64, strict=False)
    # beyond that no calendar goes
    whole = pl.when((number == number.floor()) & (number != 0) & (number.abs() < 1e6)).then(
        number.cast(pl.Int64, strict=False)
    )
    distance = pl.when(whole > 0).then(whole - 1).otherwise(whole)
    return reference + pl.duration(days=distance)


def to_study_day(reference: pl.Expr, date: pl.Expr) -> pl.Expr:
    """The study day of a date: the other way round."""
    distance = (date - reference).dt.total_days()
    return pl.when(distance >= 0).then(distance + 1).otherwise(distance)


def wrong_study_days(frame: pl.DataFrame, column: str, study_day: str) -> int:
    """How many rows give a study day that contradicts their own date."""
    if not {column, study_day, "_reference"} <= set(frame.columns):
        return 0
    date = pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    given = pl.col(study_day).cast(pl.Float64, strict=False)
    return int(frame.select((to_study_day(pl.col("_reference"), date) != given).fill_null(value=False).sum()).item())


def without_zone(frame: pl.DataFrame) -> tuple[str, str] | None:
    """A date column and a value of it that says no offset from UTC; None if every one does."""
    for name in frame.columns:
        if name.endswith("DTC"):
            bare = frame[name].drop_nulls()
            bare = bare.filter(~bare.str.contains(_ZONED))
            if bare.len():
                return name, str(bare[0])
    return None
