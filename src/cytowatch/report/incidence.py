"""Cumulative incidence with a competing event, by the Aalen-Johansen estimator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from cytowatch.schema import DAY_US

Outcome = Literal["event", "competing", "censored"]


@dataclass(frozen=True)
class Step:
    """The curve from ``day`` on: the probability that the event has happened by then."""

    day: float
    incidence: float


def aalen_johansen(outcomes: Sequence[tuple[float, Outcome]]) -> list[Step]:
    """The cumulative incidence of ``event``, one step a day on which it happens, from 0 at day 0.

    A patient with a competing event can never have the event; a censored one leaves the risk set unseen. At one
    moment, events and competing events come before censoring.
    """
    counts: dict[float, Counter[Outcome]] = {}
    for day, outcome in outcomes:
        counts.setdefault(day, Counter())[outcome] += 1
    at_risk, free, incidence = len(outcomes), 1.0, 0.0
    steps = [Step(0.0, 0.0)]
    for day in sorted(counts):
        now = counts[day]
        if now["event"]:
            incidence += free * now["event"] / at_risk
            steps.append(Step(day, incidence))
        free *= 1 - (now["event"] + now["competing"]) / at_risk
        at_risk -= now.total()
    return steps


def at(steps: Sequence[Step], day: float) -> float:
    """The value of a curve on a day."""
    return max((step.incidence for step in steps if step.day <= day), default=0.0)


def numbers_at_risk(outcomes: Sequence[tuple[float, Outcome]], days: Sequence[float]) -> list[int]:
    """How many are still without an event and watched just before each day."""
    return [sum(1 for end, _ in outcomes if end >= day) for day in days]


def first_stretch(timeline: pl.DataFrame) -> pl.DataFrame:
    """Rows of each patient's first watched stretch, up to the first hole in it, with the column ``day``.

    After a hole nobody knows what happened meanwhile, so follow-up for a curve ends there. ``timeline``: one scale.
    """
    ordered = timeline.sort("patient", "start")
    hole = (pl.col("start") > pl.col("end").shift().over("patient")).fill_null(value=False)
    origin = pl.col("start").min().over("patient")
    return (
        ordered.with_columns(hole.cum_sum().over("patient").alias("_stretch"))
        .filter(pl.col("_stretch") == 0)
        .drop("_stretch")
        .with_columns(((pl.col("start") - origin) / DAY_US).alias("day"))
    )


def outcomes_of(stretch: pl.DataFrame, deaths: pl.DataFrame, column: str, grade: int) -> list[tuple[float, Outcome]]:
    """Per patient the day and kind of what ended the wait for ``column`` >= ``grade``.

    stretch: as ``first_stretch``; deaths: ``patient, time``; column: ``at_least`` (certain) or ``at_most`` (possible).
    """
    reached = pl.col("start").filter(pl.col(column) >= grade).min().alias("event")
    ends = stretch.group_by("patient").agg(
        pl.col("start").min().alias("origin"), pl.col("end").max().alias("watched"), reached
    )
    died = deaths.group_by("patient").agg(pl.col("time").min().alias("death"))
    table = ends.join(died, on="patient", how="left").sort("patient")
    rows = table.select("origin", "watched", "event", "death").iter_rows()
    return [_outcome(origin, watched, event, death) for origin, watched, event, death in rows]


def _outcome(origin: int, watched: int, event: int | None, death: int | None) -> tuple[float, Outcome]:
    if event is not None:
        return (event - origin) / DAY_US, "event"
    # The watch ends at a death, so a death at the end of it still counts.
    if death is not None and origin <= death <= watched:
        return (death - origin) / DAY_US, "competing"
    return (watched - origin) / DAY_US, "censored"
