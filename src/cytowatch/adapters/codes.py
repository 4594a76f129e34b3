"""Small dense codes for text columns, so that millions of rows are judged through a few distinct combinations."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Coded:
    """Distinct combinations of two text columns, and for each row the position of its own."""

    pairs: list[tuple[str | None, str | None]]
    code: pl.Series  # UInt32, one a row

    def spread(self, values: list[object], dtype: pl.DataType) -> pl.Series:
        """One value per combination, spread over the rows."""
        return pl.Series("spread", values, dtype=dtype, strict=False).gather(self.code)


def _dense(column: pl.Series) -> tuple[list[str | None], pl.Series]:
    """Distinct values (the empty one last) and a UInt64 code a row."""
    known = column.drop_nulls().unique().sort()
    code = column.cast(pl.Enum(known)).to_physical().cast(pl.UInt64).fill_null(len(known))
    return [*known.to_list(), None], code


def coded(first: pl.Series, second: pl.Series) -> Coded:
    """Code two text columns of the same length together; work grows with the distinct combinations, not the rows."""
    firsts, first_code = _dense(first)
    seconds, second_code = _dense(second)
    both = pl.select(pl.lit(first_code) * len(seconds) + pl.lit(second_code)).to_series()
    distinct = both.unique().sort()
    pairs = [(firsts[key // len(seconds)], seconds[key % len(seconds)]) for key in distinct.to_list()]
    if len(pairs) == 1:
        return Coded(pairs, pl.zeros(len(first), dtype=pl.UInt32, eager=True))
    return Coded(pairs, distinct.search_sorted(both).cast(pl.UInt32))
