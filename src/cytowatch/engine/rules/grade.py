"""A rule scale from settled rows to timeline and episodes: the order of the steps."""

from __future__ import annotations

import polars as pl

from cytowatch.engine import counters
from cytowatch.engine.episodes import describe, number_episodes, shared_flags
from cytowatch.engine.grid import make_grid
from cytowatch.engine.rows import join_equal, to_timeline
from cytowatch.engine.rules import bounds, evidence
from cytowatch.engine.rules.compile import Compiler
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.subjects import Subjects, exposures_before
from cytowatch.engine.trace import evidence as traced
from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.schema import EPISODES, HOUR_US

_PERSON = ("subject", "triggered", "assumed", "age_days", "age_years", "baseline_oxygen_device")


def make_lanes(subjects: Subjects, scale: Scale, knowledge: Knowledge, not_recorded: frozenset[str]) -> Lanes:
    """What the conditions of a scale read of these spans; scales that watch alike share it."""
    exposures = exposures_before(subjects, scale)
    return Lanes(subjects.rows, subjects.table, subjects.triggers, exposures, knowledge, not_recorded)


def grade_rules(subjects: Subjects, lanes: Lanes, scale: Scale) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Timeline and episodes of a rule scale, in the columns of the schema."""
    people, knowledge = lanes.people, lanes.knowledge
    compiler = Compiler(lanes)
    plan = bounds.plan(scale, compiler)
    frames = [*compiler.all_frames(), *_axis_frames(lanes, scale)]
    read = dict.fromkeys([*compiler.all_counters(), *_axis_counters(scale)])
    grid = make_grid(people, frames, list(read))
    grid = grid.join(people.select(_PERSON), on="subject", how="left", maintain_order="left")
    gap = round(float(str(knowledge.policy("episode_gap_hours"))) * HOUR_US)
    graded = bounds.add_grades(grid, plan, scale, gap)
    segments = graded.table
    joined = join_equal(segments)
    episodes = number_episodes(segments, subjects)
    rows = traced(joined, evidence.groups(joined, graded, plan, lanes, scale))
    timeline = to_timeline(rows, episodes, people, scale.id, plan.criteria_names, plan.missing_names, plan.flag_names)
    if not scale.has_episodes:
        return timeline, EPISODES.empty()
    steroids = [str(name) for name in knowledge.policy("steroids")]  # type: ignore[attr-defined]
    table = describe(episodes, segments, subjects, gap, steroids)
    return timeline, table.with_columns(shared_flags(table, subjects, steroids))


def _axis_frames(lanes: Lanes, scale: Scale) -> list[pl.DataFrame]:
    """Attribution, reasons, sedation and death: what acts on whole axes."""
    said = [name for name in bounds.attributions(scale) if name]
    frames = [frame for name in said for frame in counters.attribution_counters(lanes.rows, name)]
    for domain in scale.domains:
        if domain.excluded_by:
            frames += counters.reason_counters(lanes.rows, domain, lanes.knowledge)
            break
    if any(domain.under_sedation == "unknown" for domain in scale.domains):
        frames += counters.switch_counters(lanes.rows, "sedated")
    return frames + counters.death_counters(lanes.rows, lanes.people, scale.episode.death_cause)


def _axis_counters(scale: Scale) -> list[str]:
    said = [f"{name}|{part}" for name in bounds.attributions(scale) for part in ("else", "own")]
    reasons = [f"reason|{part}" for part in ("any", "excludes", "chronic", "from")]
    return [*said, *reasons, "sedated|on", "death|own", "death|unknown"]
