"""Monitoring and work-up of a record: the order of the steps, and their only door."""

from __future__ import annotations

import polars as pl

from cytowatch.advise.monitor import monitored
from cytowatch.advise.plan_rows import Asked, Place, rejected_rows
from cytowatch.advise.watch import follow
from cytowatch.advise.workup import look_alikes_now, tests_asked
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US, PLAN

AHEAD_DAYS = 7.0
_ORDER = ["patient", "kind", "plan", "item", "start", "holds"]


def plan(
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    *,
    as_of: int | None = None,
    setting: Place | None = None,
    ahead_days: float = AHEAD_DAYS,
    not_recorded: frozenset[str] = frozenset(),
    clock: str = "time",
    assumed_product: str | None = None,
    rejects: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every window of monitoring and every test to send of a record, as ``schema.PLAN``.

    ``observations`` (rows in doubt among them), ``patients``, ``rejects``: the tables of a run, times in microseconds
    of its clock. ``as_of``: the moment that the states are of; by default the last one observed of each patient.
    ``setting``: where the patients are while the record does not say it (``care_setting``); where nobody does, what is
    for one setting only is possible. Pure: no clock.
    """
    followed = follow(
        observations,
        patients,
        knowledge,
        as_of=as_of,
        not_recorded=not_recorded,
        clock=clock,
        assumed_product=assumed_product,
    )
    rejected = rejected_rows(rejects, knowledge)
    asked = Asked(followed, knowledge, not_recorded, clock, setting, round(ahead_days * DAY_US), rejected)
    plans = knowledge.plans
    parts = [monitored(part, item, asked) for part in plans.monitoring.values() for item in part.items]
    parts += [rows for part in plans.work_up.values() for rows in tests_asked(part, asked)]
    whole = pl.concat([PLAN.empty(), *parts, look_alikes_now(asked)])
    return whole.sort(_ORDER, maintain_order=True)
