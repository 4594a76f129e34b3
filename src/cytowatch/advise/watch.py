"""What monitoring and work-up go by: grades and facts over time, exposures, what was measured, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from cytowatch.advise.facts import PREFIX, fact_scale
from cytowatch.engine.apply import Graded, grade_observations
from cytowatch.engine.settle import Settled, settle
from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.knowledge.plan import SCALES

_SETTING = "care_setting"
_PLACES = {"hospital": "inpatient", "home": "outpatient"}
_ROW = ("patient", "time", "concept", "value", "comparator", "source")


@dataclass(frozen=True)
class Followed:
    """A record as the plan reads it; patients are texts, times microseconds of its clock.

    ``lanes``: timeline rows of both scales and of the facts (``fact.…``). ``exposures``: patient, time, product,
    concept, product_class, dose (its number in the record), window, following (the next exposure of the kind).
    ``rows``: what was measured. ``settings``: patient, time, charted (inpatient or outpatient). ``people``: patient,
    first, known, now, death.
    """

    lanes: pl.DataFrame
    episodes: pl.DataFrame
    findings: pl.DataFrame
    exposures: pl.DataFrame
    rows: pl.DataFrame
    settings: pl.DataFrame
    people: pl.DataFrame


def follow(
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    *,
    as_of: int | None,
    not_recorded: frozenset[str],
    clock: str,
    assumed_product: str | None,
) -> Followed:
    """Grade and lay out a record up to ``as_of``; without it up to the last moment observed of each patient."""
    scales = {PREFIX + key: _scale(key, knowledge) for key in sorted(_facts(knowledge))}
    graded = grade_observations(
        observations,
        patients,
        replace(knowledge, scales={**knowledge.scales, **scales}),
        [*SCALES.values(), *scales],
        as_of=as_of,
        assumed_product=assumed_product,
        not_recorded=not_recorded,
        clock=clock,
        look_alikes=bool(knowledge.plans.work_up),
    )
    settled = settle(observations, knowledge, {*_shown(knowledge), "death", _SETTING}, as_of=as_of)
    return Followed(
        graded.timeline,
        graded.episodes,
        graded.findings,
        _exposures(graded, knowledge),
        _rows(settled, knowledge),
        _settings(settled),
        _people(settled, observations, as_of),
    )


def fact_lane(key: str) -> str:
    """The lane of a fact."""
    return PREFIX + key


def _facts(knowledge: Knowledge) -> set[str]:
    plans = knowledge.plans
    tests = {key for plan in plans.work_up.values() for test in plan.tests for key in test.needs}
    anchors = {item.anchor.fact for plan in plans.monitoring.values() for item in plan.items}
    return (tests | anchors | _lasting(knowledge)) - {""}


def _lasting(knowledge: Knowledge) -> set[str]:
    """Facts that are followed over the whole record: ages, and what ends an item of late follow-up."""
    items = [item for plan in knowledge.plans.monitoring.values() for item in plan.items]
    return {key for item in items for key in (item.for_whom, item.ends_with)} - {""}


def _scale(key: str, knowledge: Knowledge) -> Scale:
    scale = fact_scale(knowledge.advice.facts[key])
    return replace(scale, watch="record") if key in _lasting(knowledge) else scale


def _shown(knowledge: Knowledge) -> Iterable[str]:
    """Every concept that shows something."""
    for plan in knowledge.plans.monitoring.values():
        for item in plan.items:
            yield from (name for group in item.shows for name in group)
            yield from (item.anchor.fall_of,) if item.anchor.fall_of else ()
    for work_up in knowledge.plans.work_up.values():
        yield from (name for test in work_up.tests for group in test.shows for name in group)


def _exposures(graded: Graded, knowledge: Knowledge) -> pl.DataFrame:
    classes = {key: part.product_class for key, part in knowledge.products.items()}
    given = graded.triggers.with_columns(
        pl.col("patient").cast(pl.String),
        pl.col("concept").cast(pl.String),
        pl.col("product").replace_strict(classes, default=None, return_dtype=pl.String).alias("product_class"),
    ).sort("patient", "time", "product")
    moments = given.select("patient", "concept", "time").unique().sort("patient", "concept", "time")
    after = moments.with_columns(pl.col("time").shift(-1).over("patient", "concept").alias("following"))
    numbered = given.with_columns(pl.col("time").rank("dense").over("patient", "product").cast(pl.Int32).alias("dose"))
    return numbered.join(after, on=["patient", "concept", "time"], how="left", maintain_order="left")


def _rows(settled: Settled, knowledge: Knowledge) -> pl.DataFrame:
    """The rows that show something; what could not be read shows nothing."""
    own = settled.charted.of_any(sorted({*_shown(knowledge)})).filter(pl.col("row") >= 0)
    texts = [pl.col(name).cast(pl.String) for name in ("patient", "concept", "comparator", "source")]
    return own.with_columns(texts).select(_ROW).sort("patient", "time", "concept", "source")


def _settings(settled: Settled) -> pl.DataFrame:
    """Where each patient was cared for, from when on."""
    own = settled.charted.of(_SETTING)
    place = pl.col("text").cast(pl.String).replace_strict(_PLACES, default=None, return_dtype=pl.String)
    return own.select(pl.col("patient").cast(pl.String), "time", place.alias("charted")).sort("patient", "time")


def _people(settled: Settled, observations: pl.DataFrame, as_of: int | None) -> pl.DataFrame:
    known = settled.known.with_columns(pl.col("patient").cast(pl.String))
    deaths = settled.charted.of("death").select(pl.col("patient").cast(pl.String), pl.col("time").alias("death"))
    deaths = deaths.group_by("patient").agg(pl.col("death").min())
    there = observations.filter(pl.col("row") >= 0, pl.col("status").ne_missing("entered-in-error"))
    last = there.group_by("patient").agg(pl.max_horizontal("time", "until").max().alias("last"))
    people = known.join(last, on="patient", how="left").join(deaths, on="patient", how="left")
    now = pl.col("last") if as_of is None else pl.lit(as_of, pl.Int64)
    return people.with_columns(now.alias("now")).drop("last").filter(pl.col("now").is_not_null()).sort("patient")
