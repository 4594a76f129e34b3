"""Times of a run as SDTM writes them: ISO 8601 with the offset, dates, and study days without a 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from cytowatch.adapters.sdtm.dates import to_study_day
from cytowatch.adapters.times import read_times
from cytowatch.errors import ArgumentError
from cytowatch.schema import DAY_US


@dataclass(frozen=True)
class Stamps:
    """What turns microseconds of a run into text; ``zero`` is the moment of its 0, in microseconds since 1970."""

    zero: int = 0

    @classmethod
    def of(cls, clock: str, zero: str | None) -> Stamps:
        """The stamps of a run; ArgumentError where hours have no calendar zero, or it cannot be read."""
        if clock == "time":
            return cls()
        if zero is None:
            raise ArgumentError(
                "The times of this run are hours, and trial tables need dates.",
                where="--zero",
                why="No date can be made of an hour alone.",
                hint="Give the calendar moment of hour 0, such as --zero 2024-03-01T09:00:00+01:00.",
            )
        read = read_times(pl.Series("zero", [zero]), None, file="--zero")
        if read.us[0] is None:
            raise ArgumentError(
                f"{zero!r} cannot be read as a moment.",
                where="--zero",
                hint="Write date, time of day and offset: 2024-03-01T09:00:00+01:00.",
            )
        return cls(int(read.us[0]))

    def moment(self, column: str) -> pl.Expr:
        """ISO 8601 in UTC, seconds and their parts only where there are any."""
        us = pl.col(column) + self.zero
        stamp = pl.from_epoch(us, time_unit="us")
        short: Any = pl.when(us % 60_000_000 == 0).then(stamp.dt.strftime("%Y-%m-%dT%H:%MZ"))
        short = short.when(us % 1_000_000 == 0).then(stamp.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        stamped: pl.Expr = short.otherwise(stamp.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        return stamped

    def date(self, column: str) -> pl.Expr:
        """The date in UTC."""
        return pl.from_epoch((pl.col(column) + self.zero).floordiv(DAY_US), time_unit="d")

    def study_day(self, column: str, reference: str) -> pl.Expr:
        """The study day of a moment: the day of the reference is 1, and there is no day 0."""
        return to_study_day(self.date(reference), self.date(column))
