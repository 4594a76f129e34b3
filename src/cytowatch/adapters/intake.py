"""What every door hands on: admitted rows, patients, rejects, and a ledger whose counts add up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

Clock = Literal["time", "hours"]


@dataclass(frozen=True)
class Admission:
    """What became of one raw table: tables ``observations``, ``rejects`` and ``ledger`` of schema.py, and its clock."""

    observations: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame
    clock: Clock


@dataclass(frozen=True)
class Intake:
    """Everything a run is graded from: the tables of schema.py, the clock, and what the source does not record."""

    observations: pl.DataFrame
    patients: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame
    clock: Clock
    zone: str
    not_recorded: frozenset[str]
    # which input rows stand in which file: name, number of its first row, how many rows
    files: tuple[tuple[str, int, int], ...] = ()

    def not_recording(self, concepts: frozenset[str]) -> Intake:
        """The same intake of a source that does not record these therapies either."""
        return replace(self, not_recorded=self.not_recorded | concepts)
