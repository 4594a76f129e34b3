"""Grade admitted observations on one or more scales: the engine's only door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import polars as pl

from cytowatch.engine.crs import Rules
from cytowatch.engine.grade_crs import grade_crs
from cytowatch.engine.grade_icans import grade_icans
from cytowatch.engine.settle import Settled, settle
from cytowatch.engine.subjects import find_triggers, make_subjects, needed_concepts
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import EPISODES, HOUR_US, PATIENTS, TIMELINE


@dataclass(frozen=True)
class Graded:
    """What the engine says of all scales, and what became of the rows.

    ``superseded``: numbers of the rows that lost to others; ``later``: of those that ``as_of`` cut off. ``reported``:
    grades that people reported; ``triggers``: patient, time, product.
    """

    timeline: pl.DataFrame
    episodes: pl.DataFrame
    superseded: pl.Series
    later: pl.Series
    reported: pl.DataFrame
    triggers: pl.DataFrame


def grade_observations(
    observations: pl.DataFrame,
    patients: pl.DataFrame | None,
    knowledge: Knowledge,
    scales: list[str],
    *,
    as_of: int | None = None,
    assumed_product: str | None = None,
    not_recorded: frozenset[str] = frozenset(),
    clock: str = "time",
) -> Graded:
    """Grade admitted observations (``schema.OBSERVATIONS``) of any number of patients.

    Times are microseconds on one clock. No clock, no environment and no randomness enter: the same rows in any
    order give the same answer.
    """
    people = PATIENTS.empty() if patients is None else patients
    settled = settle(observations, knowledge, needed_by(scales, knowledge), as_of=as_of)
    people = people.with_columns(pl.col("patient").cast(settled.patient_type, strict=False))
    people = people.filter(pl.col("patient").is_not_null())
    triggers = find_triggers(settled, knowledge, assumed_product)
    parts = [_one_scale(settled, triggers, people, knowledge, name, as_of, not_recorded, clock) for name in scales]
    timeline = pl.concat([TIMELINE.empty(), *(part[0] for part in parts)])
    episodes = pl.concat([EPISODES.empty(), *(part[1] for part in parts)])
    return Graded(timeline, episodes, settled.superseded, settled.later, settled.charted.of("reported_grade"), triggers)


def needed_by(scales: list[str], knowledge: Knowledge) -> frozenset[str]:
    """Every concept that can change what these scales say, or what is compared with them."""
    needed = [needed_concepts(knowledge.scales[name], knowledge) for name in scales]
    return frozenset({"reported_grade"}).union(*needed)


def _one_scale(
    settled: Settled,
    triggers: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    name: str,
    as_of: int | None,
    not_recorded: frozenset[str],
    clock: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    scale = knowledge.scales[name]
    subjects = make_subjects(settled, triggers, patients, knowledge, scale, as_of=as_of, clock=clock)
    rules = _rules(knowledge)
    if scale.family == "crs":
        timeline, episodes = grade_crs(subjects, scale, knowledge, rules, not_recorded)
    else:
        timeline, episodes = grade_icans(subjects, scale, knowledge, rules)
    episodes = episodes.with_columns(pl.lit(name).alias("scale"), pl.col("patient").cast(pl.String))
    return timeline, episodes.select(EPISODES.names).cast(pl.Schema(EPISODES.schema))


def _rules(knowledge: Knowledge) -> Rules:
    return Rules(
        fever_gap=_hours(knowledge, "fever_gap_hours"),
        episode_gap=_hours(knowledge, "episode_gap_hours"),
        early_fever=_hours(knowledge, "fever_before_trigger_hours"),
        early_drug=_hours(knowledge, "antipyretic_before_onset_hours"),
        home_oxygen=_hours(knowledge, "home_oxygen_within_hours"),
        inotropes=tuple(cast("list[str]", knowledge.policy("inotropes"))),
        steroids=tuple(cast("list[str]", knowledge.policy("steroids"))),
        ice_from_years=float(str(knowledge.policy("ice_from_years"))),
    )


def _hours(knowledge: Knowledge, key: str) -> int:
    return int(float(str(knowledge.policy(key))) * HOUR_US)
