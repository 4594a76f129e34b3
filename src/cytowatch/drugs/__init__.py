"""Steroids and interactions of a graded record, for Python; ``command`` is the same for the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.advise.interactions import interactions as meetings
from cytowatch.advise.steroids import steroids as in_strength
from cytowatch.knowledge import Knowledge
from cytowatch.pipeline import Outcome, Result, as_knowledge, check_rows, moment, outward

Tables = Knowledge | str | Path | Iterable[str | Path] | None


def steroids(graded: Result, knowledge: Tables = None) -> pl.DataFrame:
    """Steroids by day in mg of dexamethasone, at least and at most, one row a day (``schema.STEROIDS``).

    How strong the other steroids are was recalled (``basis``). Days without a steroid have no row.
    """
    return outward(steroids_of(graded.outcome, as_knowledge(knowledge)), graded.outcome.clock)


def interactions(graded: Result, knowledge: Tables = None) -> pl.DataFrame:
    """Drugs that meet and should not, one row a time in which they do (``schema.INTERACTIONS``).

    No row is no proof: what the record does not hold cannot meet.
    """
    return outward(interactions_of(graded.outcome, as_knowledge(knowledge)), graded.outcome.clock)


def steroids_of(outcome: Outcome, knowledge: Knowledge) -> pl.DataFrame:
    """The same as ``steroids`` on the tables of a run, times in microseconds."""
    return in_strength(_rows(outcome), outcome.patients, knowledge, **_options(outcome))


def interactions_of(outcome: Outcome, knowledge: Knowledge) -> pl.DataFrame:
    """The same as ``interactions`` on the tables of a run, times in microseconds."""
    return meetings(_rows(outcome), outcome.patients, knowledge, clock=outcome.clock, **_options(outcome))


def _rows(outcome: Outcome) -> pl.DataFrame:
    """Admitted rows and those in doubt: a dose that could not be read is not one that was not given."""
    check_rows(outcome, "cytowatch.steroids, cytowatch.interactions")
    known = outcome.observations["patient"].unique()
    return pl.concat([outcome.observations, outcome.in_doubt.filter(pl.col("patient").is_in(known.implode()))])


def _options(outcome: Outcome) -> dict[str, Any]:
    arguments = outcome.run.get("arguments", {})
    return {
        "as_of": moment(arguments.get("as_of"), outcome.clock),
        "not_recorded": frozenset(outcome.run.get("not_recorded", ())),
        "assumed_product": arguments.get("assume_trigger"),
    }
