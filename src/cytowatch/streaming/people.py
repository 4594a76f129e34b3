"""The table of patients, cut like the observations: each part finds its own patients."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cytowatch.adapters.frame import ROW
from cytowatch.adapters.patients import raw_patients
from cytowatch.streaming.plan import Plan, part_of
from cytowatch.streaming.work import Work, told_as_damaged

# lines of the table of patients that are no rows
BROKEN = "broken.parquet"
_PEOPLE = "people.parquet"
_PART = "_part"
_GROUP_ROWS = 20_000


def write_people(table: Path, plan: Plan, starts: pl.DataFrame | None, first_row: int, work: Work) -> dict[str, int]:
    """Sort the table of patients by part, and keep the lines of it that are none; InputError if it cannot be read.

    Gives back the files and their sizes: without one of them a run must not go on as if there were no such table.
    """
    raw = raw_patients(table).tidied()
    number = (pl.int_range(pl.len(), dtype=pl.Int64) + first_row).alias(ROW)
    parts = part_of(raw.frame["patient"], plan, starts).alias(_PART)
    frame = raw.frame.with_columns(number, parts).sort(_PART, maintain_order=True)
    work.write(_PEOPLE, lambda path: frame.write_parquet(path, row_group_size=_GROUP_ROWS))
    work.write(BROKEN, raw.broken.write_parquet)
    return {name: work.path(name).stat().st_size for name in (_PEOPLE, BROKEN)}


class People:
    """The sorted table of patients; there may be none."""

    def __init__(self, work: Work) -> None:
        self._path = work.path(_PEOPLE)
        self._table = pl.scan_parquet(self._path, glob=False) if self._path.exists() else None

    def of(self, part: int) -> pl.DataFrame | None:
        """The raw rows of one part; nothing if there is no table at all."""
        if self._table is None:
            return None
        with told_as_damaged(self._path):
            return self._table.filter(pl.col(_PART) == part).drop(_PART).collect()
