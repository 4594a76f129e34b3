"""Times as the model holds them: by the clock on the wall of one zone, which is written nowhere beside them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_UTC = "UTC"


@dataclass(frozen=True)
class Wall:
    """The clock of a zone (an IANA name), for columns of microseconds since 1970 in UTC."""

    zone: str = _UTC

    def stamped(self, column: str) -> pl.Expr:
        """A wall-clock time as text; parts of a second only where there are any."""
        return self._local(column).dt.strftime("%Y-%m-%d %H:%M:%S%.6f").str.strip_suffix(".000000")

    def day(self, column: str) -> pl.Expr:
        """A day as text."""
        return self._local(column).dt.strftime("%Y-%m-%d")

    def at_midnight(self, column: str) -> pl.Expr:
        """True for exactly midnight, which readers take for a time that is not known."""
        local = self._local(column)
        return (local == local.dt.truncate("1d")).fill_null(value=False)

    def is_told_twice(self, column: str) -> pl.Expr:
        """True in the hour that the clock repeats when summer time ends: the written time does not say which it is."""
        again = self._local(column).dt.replace_time_zone(self.zone, ambiguous="null", non_existent="null")
        return pl.col(column).is_not_null() & again.is_null()

    def _local(self, column: str) -> pl.Expr:
        moment = pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone(_UTC)
        return moment.dt.convert_time_zone(self.zone).dt.replace_time_zone(None)
