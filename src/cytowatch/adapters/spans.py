"""Which file an input row stands in, and on which line: told from its number, as rows are counted through all files."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# name of a file, number of its first row in the run, how many rows
Span = tuple[str, int, int]
# one table that is not a file, however many rows it has
ONLY_TABLE: tuple[Span, ...] = (("observations", 0, 2**62),)


def file_of(rows: pl.Series, spans: Sequence[Span]) -> pl.Series:
    """The file of each row number; ``spans`` in the order of their first rows, and no row outside of them."""
    names, _ = _filled(spans)
    return names.gather(_places(rows, spans)).alias("file")


def line_of(rows: pl.Series, spans: Sequence[Span]) -> pl.Series:
    """The place of each row in its file, from 1."""
    _, firsts = _filled(spans)
    return (rows - firsts.gather(_places(rows, spans)) + 1).alias("line")


def _places(rows: pl.Series, spans: Sequence[Span]) -> pl.Series:
    _, firsts = _filled(spans)
    return firsts.search_sorted(rows, side="right").cast(pl.Int64) - 1


def _filled(spans: Sequence[Span]) -> tuple[pl.Series, pl.Series]:
    """Names and first rows of the files that have rows: an empty one begins where the next does."""
    filled = [span for span in spans if span[2]]
    return pl.Series([name for name, _, _ in filled], dtype=pl.String), pl.Series(
        [first for _, first, _ in filled], dtype=pl.Int64
    )
