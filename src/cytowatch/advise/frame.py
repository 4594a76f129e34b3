"""Segments of the watched time with all that rules read in them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cytowatch.advise.course import (
    asked_of,
    cuts_of,
    measured_asked,
    onset_cuts,
    with_answers,
    with_course,
    with_measured,
    with_no_better,
    with_onset_after,
)
from cytowatch.advise.doses import Given, with_limits
from cytowatch.advise.exposures import window_ends, with_exposures
from cytowatch.advise.facts import PREFIX, Asked
from cytowatch.advise.match import lanes_asked
from cytowatch.advise.moments import laid_under, segments, watched_time
from cytowatch.knowledge.advice import Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

_BOUNDS = ("at_least", "at_most")
_LANE = (*_BOUNDS, "criteria", "missing", "evidence")
_WEIGHT_LASTS = 7 * DAY_US


def lanes_of(asked: Asked) -> pl.DataFrame:
    """The timelines of scales and facts as lanes: patient, scale, start, end, bounds, criteria, missing, evidence."""
    return asked.timeline.select("patient", "scale", "start", "end", *_LANE)


def make_frame(
    asked: Asked,
    doses: dict[str, Given],
    charted: Mapping[str, pl.DataFrame],
    patients: pl.DataFrame,
    knowledge: Knowledge,
    speaking: list[Guideline],
    asking: list[Guideline],
) -> pl.DataFrame:
    """Segments with all that rules read: grades and their course, facts, exposure, weight, limits.

    ``charted``: the settled rows of ``weight`` and of what rules ask to be measured, by concept. ``speaking``: the
    guidelines that speak of an exposure that is there; of all that are ``asking`` the exposures are laid under.
    """
    lanes = lanes_of(asked)
    weights = charted["weight"]
    scales, facts = lanes_asked(speaking or asking[:1], knowledge)
    questions = asked_of(speaking)
    is_grade = ~pl.col("scale").str.starts_with(PREFIX) & pl.col("at_most").is_not_null()
    watched = watched_time(lanes.filter(is_grade))
    cuts = [cut for part in doses.values() for cut in part.cuts()] + cuts_of(questions, doses)
    cuts += [asked.triggers.select(pl.col("patient").cast(pl.String), "time"), window_ends(asked.triggers, knowledge)]
    cuts += onset_cuts(lanes, asked.triggers, speaking)
    measured = measured_asked(speaking)
    cuts += [charted[name].select("patient", "time") for question in measured for name in question.concepts]
    cuts += [weights.select("patient", pl.col("time") + later) for later in (0, _WEIGHT_LASTS)]
    frame = segments([lanes], cuts, watched)
    for scale in (*scales, *(PREFIX + key for key in facts)):
        frame = laid_under(frame, lanes.filter(pl.col("scale") == scale), scale, _BOUNDS)
    frame = _with_weight(with_exposures(frame, asked.triggers, knowledge, asking), weights, patients)
    for scale in scales:
        frame = with_onset_after(with_course(frame, scale), scale)
    for scale, question in questions:
        frame = with_no_better(frame, lanes.filter(pl.col("scale") == scale), scale, question, doses)
    for since in measured:
        frame = with_measured(frame, since, dict(charted), doses)
    for part in doses.values():
        frame = with_limits(frame, part)
    return with_answers(frame, speaking)


def _with_weight(frame: pl.DataFrame, weights: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Add ``weight`` (kg: the latest measured, else that of the patients table), and whether it is old or undated.

    A latest one that is only a bound leaves it unknown: an older weight is no better known.
    """
    exact = pl.when(pl.col("comparator").is_null()).then(pl.col("value"))
    measured = weights.select("patient", pl.col("time").alias("weighed"), exact.alias("measured"))
    joined = frame.join_asof(
        measured.sort("patient", "weighed"), left_on="start", right_on="weighed", by="patient", check_sortedness=False
    )
    stated = patients.select(pl.col("patient").cast(pl.String), pl.col("weight_kg").alias("stated"))
    joined = joined.join(stated, on="patient", how="left", maintain_order="left")
    is_measured = pl.col("weighed").is_not_null()
    old = is_measured & (pl.col("start") - pl.col("weighed") >= _WEIGHT_LASTS)
    return joined.with_columns(
        pl.when(is_measured).then(pl.col("measured")).otherwise(pl.col("stated")).alias("weight"),
        old.alias("weight_is_old"),
        (~is_measured).alias("weight_is_undated"),
    ).drop("weighed", "measured", "stated")
