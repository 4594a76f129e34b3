"""What to send when a toxicity is suspected: tests whose trigger holds, what of them is there since the onset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_

import polars as pl

from cytowatch.advise.anchors import exposures_for, fitting, with_exposure
from cytowatch.advise.due import with_states
from cytowatch.advise.moments import laid_under, segments, watched_time
from cytowatch.advise.plan_rows import NO_TEXTS, Asked, shaped
from cytowatch.advise.watch import Followed, fact_lane
from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.plan import SCALES, WorkUpPlan, WorkUpTest
from cytowatch.schema import PLAN

_LANE = ("at_least", "at_most", "missing")


def tests_asked(part: WorkUpPlan, asked: Asked) -> Iterator[pl.DataFrame]:
    """One frame a test, as ``schema.PLAN``: a row for each episode in which its trigger held, up to now."""
    exposures = exposures_for(asked.followed, part.head.triggers)
    findings = _findings_now(asked.followed)
    frames: dict[tuple[str, ...], pl.DataFrame] = {}
    for test in part.tests:
        names = tuple(name for name, _ in _lanes(test))
        if names not in frames:
            frames[names] = _segments(names, exposures, asked.followed)
        held = _held(test, frames[names], asked.followed)
        if held.height:
            yield _told(part, test, _answered(held, test, asked), findings, asked)


def look_alikes_now(asked: Asked) -> pl.DataFrame:
    """The look-alike findings in force at now, as ``schema.PLAN``, with what settles each."""
    found = _findings_now(asked.followed)
    parts = [
        _look_alike(key, found.filter(pl.col("finding") == key), asked) for key in found["finding"].unique().sort()
    ]
    return pl.concat([PLAN.empty(), *parts])


def _findings_now(followed: Followed) -> pl.DataFrame:
    found = followed.findings.filter(pl.col("kind") == "look_alike").join(followed.people, on="patient", how="inner")
    in_force = (pl.col("start") <= pl.col("now")) & (pl.col("end") >= pl.min_horizontal("now", "known"))
    return (
        found.filter(in_force)
        .sort("patient", "finding", "start")
        .unique(["patient", "finding"], keep="last", maintain_order=True)
    )


def _look_alike(key: str, found: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    part = asked.knowledge.lookalikes[key]
    exposures = exposures_for(asked.followed, asked.followed.exposures["concept"].unique())
    told = with_exposure(found, exposures, "start").with_columns(
        pl.lit("due").alias("state"),
        pl.lit(value=True).alias("certain"),
        pl.lit(None, pl.Int16).alias("at_least"),
        pl.lit(None, pl.Int32).alias("needed"),
        pl.lit(None, pl.Int32).alias("found"),
        pl.lit(None, pl.Int64).alias("done_at"),
        NO_TEXTS.alias("lacking"),
        pl.col("facts").alias("why"),
        NO_TEXTS.alias("missing"),
        NO_TEXTS.alias("look_alikes"),
    )
    fixed = {
        "kind": "look_alike",
        "plan": "lookalikes",
        "item": key,
        "topic": "",
        "label": part.label,
        "action": "; ".join(row.name for row in part.settles) + ".",
        "setting": "any",
        "only_if": "",
    }
    return shaped(told, fixed, (), Cited(part.source, part.locator, part.evidence), asked)


def _told(part: WorkUpPlan, test: WorkUpTest, rows: pl.DataFrame, findings: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    now = findings.filter(pl.col("finding").is_in(test.look_alikes))
    beside = now.group_by("patient").agg(pl.col("finding").unique().sort().alias("look_alikes"))
    told = rows.join(beside, on="patient", how="left", maintain_order="left").with_columns(
        pl.col("look_alikes").fill_null(NO_TEXTS),
        pl.concat_list("missing", pl.lit(["only_if"] if test.only_if else [], pl.List(pl.String))).alias("missing"),
        pl.lit(1).alias("needed"),
    )
    fixed = {
        "kind": "work_up",
        "plan": part.head.key,
        "item": test.id,
        "topic": test.topic,
        "label": test.label,
        "action": ("Consider: " if test.strength == "consider" else "") + test.action,
        "setting": "any",
        "only_if": test.only_if,
    }
    return shaped(told, fixed, test.shows, test.cited, asked)


def _segments(names: Sequence[str], exposures: pl.DataFrame, followed: Followed) -> pl.DataFrame:
    """The watched time cut at every change of these lanes, with what they say and the exposure that it follows."""
    own = followed.lanes.filter(pl.col("scale").is_in(names))
    watched = watched_time(own.filter(pl.col("at_most").is_not_null()))
    frame = segments([own], [exposures.select("patient", "time")], watched)
    for name in names:
        frame = laid_under(frame, own.filter(pl.col("scale") == name), name, _LANE)
    frame = with_exposure(frame, exposures, "start")
    return frame.join(followed.people, on="patient", how="inner").filter(pl.col("start") <= pl.col("now"))


def _held(test: WorkUpTest, frame: pl.DataFrame, followed: Followed) -> pl.DataFrame:
    """The stretches in which the trigger of a test holds, or may hold, by episode."""
    lanes = _lanes(test)
    frame = frame.filter(fitting(test.products, test.classes))
    sure = [(pl.col(f"{name}|at_least") >= least).fill_null(value=False) for name, least in lanes]
    may = [(pl.col(f"{name}|at_most") >= least).fill_null(value=False) for name, least in lanes]
    missing = pl.concat_list([pl.col(f"{name}|missing").fill_null(NO_TEXTS) for name, _ in lanes])
    held = frame.filter(reduce(and_, may)).with_columns(
        reduce(and_, sure).alias("certain"),
        missing.list.unique(maintain_order=True).alias("missing"),
        (pl.col(f"{SCALES[test.toxicity]}|at_least") if test.toxicity else pl.lit(None, pl.Int16)).alias("at_least"),
    )
    return _by_episode(held, test, followed)


def _lanes(test: WorkUpTest) -> Sequence[tuple[str, int]]:
    graded = [(SCALES[test.toxicity], test.grade)] if test.toxicity else []
    return [*graded, *((fact_lane(key), 1) for key in test.needs)]


def _by_episode(held: pl.DataFrame, test: WorkUpTest, followed: Followed) -> pl.DataFrame:
    """The segments of one episode as one row; where there is no episode, those of one exposure. What is sure stays."""
    named = _with_onset(held, test, followed).sort("patient", "start")
    key = ["patient", "exposure_time", "onset"]
    is_sure = pl.col("certain").any().over(key)
    # a trigger that was certain once in the episode is told as certain, from then on
    kept = named.filter(pl.col("certain") | ~is_sure)
    now_on = pl.col("end") >= pl.min_horizontal("now", "known")
    rows = kept.group_by(key, maintain_order=True).agg(
        pl.col("start").first().alias("trigger_start"),
        pl.col("end").last().alias("trigger_end"),
        now_on.last().alias("goes_on"),
        pl.col("certain").first(),
        pl.col("at_least").max(),
        pl.col("missing").last(),
        *(pl.col(name).first() for name in ("product", "first", "known", "now", "death")),
    )
    alive = pl.col("death").is_null() | (pl.col("trigger_start") < pl.col("death"))
    missing = pl.when(pl.col("certain")).then(NO_TEXTS).otherwise(pl.col("missing"))
    return rows.filter(alive).with_columns(missing.alias("missing"))


def _with_onset(held: pl.DataFrame, test: WorkUpTest, followed: Followed) -> pl.DataFrame:
    """Add ``onset`` of the episode that is on; empty outside one, and for tests that ask for facts alone."""
    if test.toxicity is None:
        return held.with_columns(pl.lit(None, pl.Int64).alias("onset"))
    episodes = followed.episodes.filter(pl.col("scale") == SCALES[test.toxicity])
    onsets = episodes.select("patient", pl.col("onset").alias("_o"), pl.col("onset")).sort("patient", "_o")
    return (
        held.sort("patient", "start")
        .join_asof(onsets, left_on="start", right_on="_o", by="patient", check_sortedness=False, coalesce=False)
        .drop("_o")
    )


def _answered(held: pl.DataFrame, test: WorkUpTest, asked: Asked) -> pl.DataFrame:
    """What was sent since the onset; a trigger that goes on leaves the window open."""
    since = pl.coalesce("onset", "trigger_start").alias("start")
    slots = held.with_columns(since, pl.lit(None, pl.Int64).alias("end"))
    told = with_states(slots, test.shows, 1, asked.followed.rows, asked.not_recorded, asked.kinds)
    state = pl.col("state")
    over = (state == "due") & ~pl.col("goes_on")
    return told.with_columns(
        pl.when(over).then(pl.lit("not_seen")).otherwise(state).alias("state"),
        pl.col("trigger_start").alias("start"),
        pl.when(~pl.col("goes_on")).then(pl.col("trigger_end")).alias("end"),
        pl.lit(_why(test), pl.List(pl.String)).alias("why"),
    )


def _why(test: WorkUpTest) -> list[str]:
    graded = [f"{test.toxicity} {test.grade} or more"] if test.toxicity else []
    return [*graded, *(fact_lane(key) for key in test.needs)]
