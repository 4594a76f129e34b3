"""What every door hands on: admitted rows, patients, rejects, and a ledger whose counts add up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from cytowatch.schema import OBSERVATIONS

Clock = Literal["time", "hours"]


@dataclass(frozen=True)
class Admission:
    """What became of one raw table: tables ``observations``, ``rejects`` and ``ledger`` of schema.py, and its clock.

    ``in_doubt``: for each rejected row of a therapy one more observation, which is counted nowhere (see doubt.py).
    """

    observations: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame
    clock: Clock
    in_doubt: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)


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
    # observations for rejected rows of therapies, counted nowhere (see doubt.py)
    in_doubt: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)

    @property
    def charted(self) -> pl.DataFrame:
        """All that is graded: the admitted rows, and of patients who have any the rows in doubt."""
        known = self.in_doubt.join(self.observations.select("patient").unique(), on="patient", how="semi")
        return pl.concat([self.observations, known], rechunk=False) if known.height else self.observations

    def not_recording(self, concepts: frozenset[str]) -> Intake:
        """The same intake of a source that does not record these therapies either."""
        return replace(self, not_recorded=self.not_recorded | concepts)
