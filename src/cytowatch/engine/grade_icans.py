"""ICANS from settled rows to timeline and episodes: the order of the steps."""

from __future__ import annotations

import polars as pl

from cytowatch.engine import counters, icans, neuro_counters, trace
from cytowatch.engine.charted import Charted
from cytowatch.engine.crs import Rules
from cytowatch.engine.episodes import describe, number_episodes, shared_flags
from cytowatch.engine.grid import make_grid
from cytowatch.engine.rows import join_equal, to_timeline
from cytowatch.engine.subjects import Subjects
from cytowatch.knowledge.model import Domain, Knowledge, Scale


def grade_icans(
    subjects: Subjects, scale: Scale, knowledge: Knowledge, rules: Rules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Timeline and episodes of an ICANS scale, in the columns of the schema."""
    rows, people = subjects.rows, subjects.table
    grid = make_grid(people, _counter_frames(rows, people, scale, knowledge), icans.counters_read(scale))
    about = people.select("subject", "triggered", "assumed", "age_years", "developmental_delay", "baseline_ice")
    grid = grid.join(about, on="subject", how="left", maintain_order="left")
    domains = icans.add_domains(grid, scale, rules.ice_from_years)
    segments = icans.add_names(icans.add_phases(domains, rules.episode_gap), scale)
    episodes = number_episodes(segments, subjects)
    joined = join_equal(segments)
    traced = trace.evidence(joined, _groups(joined, rows, people, scale, knowledge))
    timeline = to_timeline(traced, episodes, people, scale.id, icans.criteria_names(scale), icans.MISSING, icans.FLAGS)
    table = describe(episodes, segments, subjects, rules.episode_gap, rules.steroids)
    return timeline, table.with_columns(shared_flags(table, subjects, [*scale.episode.waived_by, *rules.steroids]))


def _counter_frames(rows: Charted, people: pl.DataFrame, scale: Scale, knowledge: Knowledge) -> list[pl.DataFrame]:
    charted = neuro_counters.chartings(rows, scale)
    frames: list[pl.DataFrame] = []
    for domain in scale.domains:
        if domain.items:
            frames += neuro_counters.total_counters(rows, domain, knowledge)
            frames += neuro_counters.item_counters(rows, domain, knowledge)
        elif domain.bands:
            frames += neuro_counters.score_counters(rows, domain, knowledge)
        elif domain.by_exception:
            frames += neuro_counters.exception_counters(rows, domain, charted, knowledge)
            frames += neuro_counters.stage_counters(rows, domain, knowledge)
        else:
            frames += neuro_counters.category_counters(rows, domain, knowledge)
        if domain.categories:
            frames += neuro_counters.said_counters(rows, domain.concept, knowledge)
    frames += counters.switch_counters(rows, "sedated")
    frames += neuro_counters.presence_counters(rows, "intracranial_hemorrhage", knowledge)
    frames += counters.death_counters(rows, people, scale.episode.death_cause)
    for concept in ("attribution", "attribution_neuro"):
        frames += counters.attribution_counters(rows, concept)
    return frames


def _groups(
    joined: pl.DataFrame, rows: Charted, people: pl.DataFrame, scale: Scale, knowledge: Knowledge
) -> list[trace.Group]:
    """The sources behind each domain's criterion, in the order of the domains, then the death."""
    order = {name: place for place, name in enumerate(icans.criteria_names(scale))}
    groups: list[trace.Group] = []
    for domain in scale.domains:
        asked = trace.where(joined, [f"{domain.id}_grade_{grade}" for grade in scale.grades], order)
        if domain.instrument == "child":
            # where the age is open and both instruments speak, the ICE criterion rests on the CAPD row too
            ice = trace.where(joined, [f"ice_grade_{grade}" for grade in scale.grades], order, "by_both")
            asked = pl.concat([asked, ice.filter("by_both").drop("by_both")]).sort("at")
        if asked.height:
            groups.append((asked, _domain_pieces(asked, rows, domain, knowledge)))
    dead = trace.where(joined, [scale.episode.death_criterion], order)
    deaths = counters.own_death(rows, people, scale.episode.death_cause)
    return [*groups, (dead, [trace.latest(dead, deaths, "death", in_force=False)])]


def _domain_pieces(asked: pl.DataFrame, rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.Series]:
    items = [
        trace.latest(asked, neuro_counters.item_intervals(rows, domain, item, knowledge), item, in_force=True)
        for item, _ in domain.items
    ]
    spoken = neuro_counters.score_intervals(rows, domain, knowledge)
    if domain.by_exception:
        events = spoken.filter(pl.col("text").cast(pl.String) != "none")
        found = [trace.latest(asked, events, domain.id, in_force=True)]
        if domain.staged:
            stages = neuro_counters.stage_intervals(rows, domain.staged, knowledge).filter("reached")
            found.append(trace.latest(asked, stages, domain.staged.concept, in_force=True))
        return found
    total = trace.latest(asked, neuro_counters.while_awake(spoken, rows), domain.id, in_force=True)
    if not items:
        return [total]
    by_items = pl.DataFrame(items).select(pl.any_horizontal(pl.all().is_not_null()).alias("some"))["some"]
    # items charted after the total replace it
    return [pl.select(pl.when(~by_items).then(total).alias(domain.id)).to_series(), *items]
