"""What every door hands on: admitted rows, patients, rejects, and a ledger whose counts add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from cytowatch.schema import OBSERVATIONS

Clock = Literal["time", "hours"]
_UNITS = {"concept": pl.String(), "unit": pl.String(), "rows": pl.Int64()}


def no_units() -> pl.DataFrame:
    """The table of units as given (``concept, unit, rows``), empty."""
    return pl.DataFrame(schema=_UNITS)


@dataclass(frozen=True)
class Admission:
    """What became of one raw table: tables ``observations``, ``rejects`` and ``ledger`` of schema.py, and its clock.

    ``in_doubt``: for each rejected row of which a doubt is left one more observation, counted nowhere (see doubt.py).
    """

    observations: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame
    clock: Clock
    in_doubt: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)
    # how often each concept came in each unit, as given: before conversion, refused rows included
    units: pl.DataFrame = field(default_factory=no_units)


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
    # how often each concept came in each unit, as given (a door may leave it empty)
    units: pl.DataFrame = field(default_factory=no_units)

    @property
    def charted(self) -> pl.DataFrame:
        """All that is graded: the admitted rows, and of patients who have any the rows in doubt."""
        known = self.in_doubt.join(self.observations.select("patient").unique(), on="patient", how="semi")
        return pl.concat([self.observations, known], rechunk=False) if known.height else self.observations

    def not_recording(self, concepts: frozenset[str]) -> Intake:
        """The same intake of a source that does not record these therapies either."""
        return replace(self, not_recorded=self.not_recorded | concepts)

    def with_people(self, patients: pl.DataFrame, rejects: pl.DataFrame, ledger: pl.DataFrame) -> Intake:
        """The same intake with another table of patients; what was refused of it and its counts are added."""
        return replace(
            self,
            patients=patients,
            rejects=pl.concat([self.rejects, rejects]),
            ledger=pl.concat([self.ledger, ledger]),
        )


def summed_units(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """How often each concept came in each unit as given, over several parts."""
    whole = pl.concat([no_units(), *parts])
    return whole.group_by("concept", "unit").agg(pl.col("rows").sum()).sort("concept", "unit")
