"""Where the rows of each patient stand: only the column of patients is read, a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from cytowatch.adapters.frame import clock_of
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.tables import BLOCK_ROWS
from cytowatch.streaming.inputs import LargeInput

Share = Callable[[float], None]


@dataclass(frozen=True)
class Looked:
    """The clock of the run, and where each patient begins (``patient``, ``row``) if their rows stand together."""

    clock: Clock
    starts: pl.DataFrame | None


def look(large: LargeInput, share: Share) -> Looked:
    """Read the ids of all rows, or as many as it takes to see that they do not stand together.

    Rows of nobody may stand anywhere. ``share`` is told how much is behind, 0 to 1.
    """
    return Looked(_clock(large), _starts(large, share))


def _clock(large: LargeInput) -> Clock:
    """The clock of the first block that has rows, as a run in memory takes it."""
    first = next(part for part in large.files if part.rows)
    return clock_of(first.moments(BLOCK_ROWS))


def _starts(large: LargeInput, share: Share) -> pl.DataFrame | None:
    found: list[pl.DataFrame] = []
    held, checked = 0, 100_000
    last: str | None = None
    for part in large.files:
        for start in range(0, part.rows, BLOCK_ROWS):
            share((part.first + start) / large.rows)
            ids = part.ids(start, BLOCK_ROWS)
            begun = _begun(ids, last, part.first + start)
            filled = ids.drop_nulls()
            last = filled[-1] if len(filled) else last
            if not _once(begun):
                return None
            found.append(begun)
            held += begun.height
            # only now and then, because it looks at all that was found so far
            if held > checked:
                found, checked = [pl.concat(found)], 2 * held
                if not _once(found[0]):
                    return None
    starts = pl.concat(found) if found else _begun(pl.Series("patient", [], dtype=pl.String), None, 0)
    return starts if _once(starts) else None


def _begun(ids: pl.Series, last: str | None, first: int) -> pl.DataFrame:
    """Rows at which another patient begins than the one before."""
    rows = pl.DataFrame({"patient": ids}).with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + first).alias("row"))
    rows = rows.filter(pl.col("patient").is_not_null())
    before = pl.col("patient").shift(1, fill_value=pl.lit(last, pl.String))
    return rows.filter(pl.col("patient").ne_missing(before))


def _once(starts: pl.DataFrame) -> bool:
    return starts["patient"].n_unique() == starts.height
