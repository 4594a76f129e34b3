"""Grade admitted observations on one or more scales: the engine's only door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import polars as pl

from cytowatch.engine.crs import Rules
from cytowatch.engine.grade_crs import grade_crs
from cytowatch.engine.grade_icans import grade_icans
from cytowatch.engine.joint import joint_state, order_findings
from cytowatch.engine.lookalikes import as_findings, as_scales
from cytowatch.engine.rules.grade import grade_rules, make_lanes
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.reads import needed_by_rules
from cytowatch.engine.settle import Settled, settle
from cytowatch.engine.side_by_side import discordance
from cytowatch.engine.subjects import Subjects, find_triggers, make_subjects, needed_concepts
from cytowatch.engine.views import as_view
from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.schema import EPISODES, HOUR_US, PATIENTS, TIMELINE


@dataclass(frozen=True)
class Graded:
    """What the engine says of all scales, and what became of the rows.

    ``superseded``: numbers of the rows that lost to others; ``later``: of those that ``as_of`` cut off. ``reported``:
    grades that people reported; ``triggers``: patient, time, product. ``discordance``, ``joint``, ``findings``: as in
    ``schema``.
    """

    timeline: pl.DataFrame
    episodes: pl.DataFrame
    superseded: pl.Series
    later: pl.Series
    reported: pl.DataFrame
    triggers: pl.DataFrame
    discordance: pl.DataFrame
    joint: pl.DataFrame
    findings: pl.DataFrame


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
    look_alikes: bool = False,
) -> Graded:
    """Grade admitted observations (``schema.OBSERVATIONS``) of any number of patients.

    Times are microseconds on one clock. No clock, no environment and no randomness enter: the same rows in any
    order give the same answer. ``look_alikes``: also look for what points elsewhere or beside.
    """
    people = PATIENTS.empty() if patients is None else patients
    settled = settle(observations, knowledge, needed_by(scales, knowledge, look_alikes=look_alikes), as_of=as_of)
    people = people.with_columns(pl.col("patient").cast(settled.patient_type, strict=False))
    people = people.filter(pl.col("patient").is_not_null())
    triggers = find_triggers(settled, knowledge, assumed_product)
    chosen = [knowledge.scales[name] for name in scales]
    beside = as_scales(knowledge) if look_alikes else []
    watch = _Watch(settled, triggers, people, knowledge, [*chosen, *beside], as_of, clock)
    for scale in chosen:
        if scale.id not in watch.graded:
            watch.graded[scale.id] = _one_scale(watch, scale, not_recorded)
    parts = [watch.graded[scale.id] for scale in chosen]
    timeline = pl.concat([TIMELINE.empty(), *(part[0] for part in parts)])
    episodes = pl.concat([EPISODES.empty(), *(part[1] for part in parts)])
    reported = settled.charted.of("reported_grade")
    joint = joint_state(timeline, scales, knowledge)
    findings = [order_findings(joint, episodes, knowledge)]
    findings += [as_findings(_one_scale(watch, scale, not_recorded)[0], scale) for scale in beside]
    return Graded(
        timeline,
        episodes,
        settled.superseded,
        settled.later,
        reported,
        triggers,
        discordance=discordance(timeline, reported, knowledge),
        joint=joint,
        findings=pl.concat(findings),
    )


def needed_by(scales: list[str], knowledge: Knowledge, *, look_alikes: bool = False) -> frozenset[str]:
    """Every concept that can change what these scales (and the look-alikes) say, or what is compared with them."""
    chosen = [knowledge.scales[name] for name in scales]
    needed = [_needed(scale, knowledge) for scale in [*chosen, *(as_scales(knowledge) if look_alikes else [])]]
    return frozenset({"reported_grade"}).union(*needed)


def _needed(scale: Scale, knowledge: Knowledge) -> frozenset[str]:
    if scale.method == "view":
        return _needed(knowledge.scales[scale.view_of], knowledge)
    return needed_by_rules(scale, knowledge) if scale.method == "rules" else needed_concepts(scale, knowledge)


@dataclass
class _Watch:
    """The watched spans of several scales; scales that watch alike share them."""

    settled: Settled
    triggers: pl.DataFrame
    people: pl.DataFrame
    knowledge: Knowledge
    scales: list[Scale]
    as_of: int | None
    clock: str
    made: dict[tuple[object, ...], Subjects] = field(default_factory=dict)
    lanes: dict[tuple[object, ...], Lanes] = field(default_factory=dict)
    graded: dict[str, tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=dict)

    def lanes_of(self, scale: Scale, not_recorded: frozenset[str]) -> Lanes:
        """What the conditions of a rule scale read, made once for all that watch alike."""
        key = self._alike(scale)
        if key not in self.lanes:
            self.lanes[key] = make_lanes(self.of(scale), scale, self.knowledge, not_recorded)
        return self.lanes[key]

    def of(self, scale: Scale) -> Subjects:
        """The watched spans of a scale, with the rows that it and those like it read."""
        key = self._alike(scale)
        if key not in self.made:
            alike = [part for part in self.scales if self._alike(part) == key]
            needed = frozenset[str]().union(*(_needed(part, self.knowledge) for part in [*alike, scale]))
            self.made[key] = make_subjects(
                self.settled, self.triggers, self.people, scale, needed, as_of=self.as_of, clock=self.clock
            )
        return self.made[key]

    @staticmethod
    def _alike(scale: Scale) -> tuple[object, ...]:
        return scale.method, scale.watch, scale.window_days, scale.episode.death_cause


def _one_scale(watch: _Watch, scale: Scale, not_recorded: frozenset[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    knowledge = watch.knowledge
    if scale.method == "view":
        seen = knowledge.scales[scale.view_of]
        if seen.id not in watch.graded:
            watch.graded[seen.id] = _one_scale(watch, seen, not_recorded)
        return as_view(watch.graded[seen.id][0], scale), EPISODES.empty()
    subjects = watch.of(scale)
    if scale.method == "rules":
        timeline, episodes = grade_rules(subjects, watch.lanes_of(scale, not_recorded), scale)
    elif scale.method == "fever_led":
        timeline, episodes = grade_crs(subjects, scale, knowledge, _rules(knowledge), not_recorded)
    else:
        timeline, episodes = grade_icans(subjects, scale, knowledge, _rules(knowledge))
    episodes = episodes.with_columns(pl.lit(scale.id).alias("scale"), pl.col("patient").cast(pl.String))
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
