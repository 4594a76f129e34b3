"""What is to be measured and sent for a graded run: joins the tables of a run with the room ``advise``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from cytowatch.advise.plan import AHEAD_DAYS
from cytowatch.advise.plan import plan as plan_for
from cytowatch.advise.plan_rows import Place
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import AsOf, Outcome, Result, as_knowledge, check_rows, moment, outward


def plan(
    graded: Result,
    as_of: AsOf = None,
    knowledge: Knowledge | str | Path | Iterable[str | Path] | None = None,
    *,
    setting: Place | None = None,
    ahead_days: float = AHEAD_DAYS,
) -> pl.DataFrame:
    """What is to be measured and sent, and what of it the record shows, one row a window (``schema.PLAN``).

    ``graded``: what ``grade`` gave back; ``as_of``: the moment that it is of, by default the last one observed of each
    patient; ``setting``: where the patients are while the record does not say it; ``ahead_days``: how far beyond that
    moment windows are laid out.
    """
    outcome = graded.outcome
    found = planned(outcome, as_knowledge(knowledge), as_of, setting=setting, ahead_days=ahead_days)
    return outward(found, outcome.clock)


def planned(
    outcome: Outcome,
    knowledge: Knowledge,
    as_of: AsOf = None,
    *,
    setting: Place | None = None,
    ahead_days: float = AHEAD_DAYS,
    option: str = "as_of",
) -> pl.DataFrame:
    """The same on the tables of a run, times in microseconds; ArgumentError if it does not hold its rows any more.

    ``option``: how the caller's user wrote the moment, for messages.
    """
    check_rows(outcome, "cytowatch.plan")
    arguments = outcome.run.get("arguments", {})
    known = outcome.observations["patient"].unique()
    return plan_for(
        pl.concat([outcome.observations, outcome.in_doubt.filter(pl.col("patient").is_in(known.implode()))]),
        outcome.patients,
        knowledge,
        as_of=_earlier(moment(as_of, outcome.clock, option), moment(arguments.get("as_of"), outcome.clock)),
        setting=setting,
        ahead_days=ahead_days,
        not_recorded=frozenset(outcome.run.get("not_recorded", ())),
        clock=outcome.clock,
        assumed_product=arguments.get("assume_trigger"),
        rejects=outcome.rejects,
    )


def _earlier(asked: int | None, graded: int | None) -> int | None:
    """What a run did not look at cannot be planned from: its own moment is the latest."""
    return min((part for part in (asked, graded) if part is not None), default=None)
