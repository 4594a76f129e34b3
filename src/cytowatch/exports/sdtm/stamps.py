"""Times of a run as SDTM writes them: ISO 8601 with the offset, dates, and study days without a 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from cytowatch.adapters.sdtm.dates import to_study_day
from cytowatch.adapters.times import read_times
from cytowatch.errors import ArgumentError

_MINUTE_US = 60_000_000


@dataclass(frozen=True)
class Stamps:
    """What turns microseconds of a run into text.

    ``zero`` is the moment of its 0, in microseconds since 1970. ``zone`` is where its days begin: a day of a study is
    one at its site, and so are the date and the offset of every moment.
    """

    zero: int = 0
    zone: str = "UTC"

    @classmethod
    def of(cls, clock: str, zero: str | None, zone: str = "UTC") -> Stamps:
        """The stamps of a run; ArgumentError for hours without a calendar zero, one of times, or one that is none."""
        if clock == "time" and zero is not None:
            raise ArgumentError(
                "This run has times of its own.",
                where="--zero",
                why="A zero would move nothing, or everything.",
                hint="Leave it out; it is for runs that count hours.",
            )
        if clock == "time":
            return cls(zone=zone)
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
        return cls(int(read.us[0]), zone)

    def moment(self, column: str) -> pl.Expr:
        """ISO 8601 with the offset of the zone, seconds and their parts only where there are any."""
        us = pl.col(column) + self.zero
        east = self._local(column).dt.epoch("us") - us
        # before there were zones a place had its own seconds, which no offset can say
        east = pl.when(east % _MINUTE_US == 0).then(east).otherwise(0)
        stamp = pl.from_epoch(us + east, time_unit="us")
        short: Any = pl.when(us % _MINUTE_US == 0).then(stamp.dt.strftime("%Y-%m-%dT%H:%M"))
        short = short.when(us % 1_000_000 == 0).then(stamp.dt.strftime("%Y-%m-%dT%H:%M:%S"))
        stamped: pl.Expr = short.otherwise(stamp.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"))
        return stamped + _offset(east)

    def date(self, column: str) -> pl.Expr:
        """The date in the zone."""
        return self._local(column).dt.date()

    def study_day(self, column: str, reference: str) -> pl.Expr:
        """The study day of a moment: the day of the reference is 1, and there is no day 0."""
        return to_study_day(self.date(reference), self.date(column))

    def _local(self, column: str) -> pl.Expr:
        """The wall clock in the zone."""
        stamp = pl.from_epoch(pl.col(column) + self.zero, time_unit="us").dt.replace_time_zone("UTC")
        return stamp.dt.convert_time_zone(self.zone).dt.replace_time_zone(None)


def _offset(east: pl.Expr) -> pl.Expr:
    """Microseconds east of Greenwich as ISO 8601 writes them; `Z` for none."""
    minutes = east.abs() // _MINUTE_US
    sign = pl.when(east < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    hours, rest = (number.cast(pl.String).str.zfill(2) for number in (minutes // 60, minutes % 60))
    return pl.when(east == 0).then(pl.lit("Z")).otherwise(pl.concat_str(sign, hours, pl.lit(":"), rest))
