"""Advice for a graded record: the order of the steps, and the room's only door."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.advise.conflicts import as_guidelines, conflict_rows, standing_rows
from cytowatch.advise.course import asked_of, cuts_of, onset_cuts, with_course, with_no_better, with_onset_after
from cytowatch.advise.doses import Given, given, with_limits
from cytowatch.advise.exposures import window_ends, with_exposures
from cytowatch.advise.facts import PREFIX, Asked, ask
from cytowatch.advise.match import Matcher, drugs_asked, lanes_asked
from cytowatch.advise.moments import laid_under, segments, watched_time
from cytowatch.advise.silence import silent_rows
from cytowatch.engine.apply import grade_observations
from cytowatch.engine.charted import Charted
from cytowatch.engine.settle import settle
from cytowatch.knowledge.advice import Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE, DAY_US

_LANE = ("at_least", "at_most", "criteria", "missing", "evidence")
_WEIGHT_LASTS = 7 * DAY_US
_DECLINED = {
    "kind": "declined",
    "rule": "declined",
    "toxicity": "crs",
    "state": "now",
    "holds": "certain",
    "level": "note",
    "topic": "approach",
    "action": "The patient has not agreed to care by this guideline: nothing of it is shown.",
    "limits": [],
    "cautions": [],
    "why": [],
    "missing": [],
    "evidence": [],
    "source": "house",
    "locator": "patients table, declined_guidelines",
    "basis": "house",
}
_ORDER = ["patient", "start", "kind", "guideline", "toxicity", "rule", "state"]


def advise(
    timeline: pl.DataFrame,
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    guidelines: Sequence[str],
    *,
    as_of: int | None = None,
    not_recorded: frozenset[str] = frozenset(),
    clock: str = "time",
    assumed_product: str | None = None,
) -> pl.DataFrame:
    """What each guideline recommends at every moment of a graded record, as ``schema.ADVICE``.

    ``timeline``, ``observations``, ``patients``: the tables of a run, times in microseconds of its clock. A scale that
    a guideline goes by and the timeline lacks is graded here. Rows that stay equal are one row. Pure: the same tables
    give the same advice.
    """
    chosen = [knowledge.advice.guidelines[key] for key in guidelines]
    asking = [*chosen, *as_guidelines(knowledge.advice.conflicts.values())]
    scales, facts = lanes_asked(asking, knowledge)
    options = {"as_of": as_of, "not_recorded": not_recorded, "clock": clock, "assumed_product": assumed_product}
    asked = ask(observations, patients, knowledge, facts, **options)  # type: ignore[arg-type]
    graded = _graded(timeline, scales, observations, patients, knowledge, **options)
    drugs = drugs_asked(chosen)
    concepts = {"weight", *(knowledge.advice.drugs[key].concept for key in drugs)}
    charted = settle(observations, knowledge, concepts, as_of=as_of).charted
    doses = {
        key: given(_of(charted, knowledge.advice.drugs[key].concept), knowledge.advice.drugs[key], not_recorded)
        for key in drugs
    }
    frame = _frame(graded, asked, doses, _of(charted, "weight"), patients, knowledge, asking)
    if frame.is_empty():
        return ADVICE.empty()
    return _joined(_as_agreed(_advised(frame, chosen, doses, knowledge), frame, patients)).sort(
        _ORDER, maintain_order=True
    )


def _advised(
    frame: pl.DataFrame, chosen: list[Guideline], doses: dict[str, Given], knowledge: Knowledge
) -> pl.DataFrame:
    matcher = Matcher(knowledge, doses)
    parts = [rows for part in chosen for rule in part.rules for rows in matcher.rows(part, rule, frame)]
    advice = pl.concat([ADVICE.empty(), *parts])
    conflicts = knowledge.advice.conflicts.values()
    standing = [rows for part in as_guidelines(conflicts) for rows in matcher.rows(part, part.rules[0], frame)]
    meeting = conflict_rows(advice, conflicts)
    brought = standing_rows(pl.concat([ADVICE.empty(), *standing]), conflicts)
    return pl.concat([advice, meeting, brought, silent_rows(frame, chosen, knowledge)])


def _graded(
    timeline: pl.DataFrame,
    scales: list[str],
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    **options: object,
) -> pl.DataFrame:
    """The timeline of the scales that are asked for; those that it lacks are graded."""
    there = set(timeline["scale"].unique().to_list())
    lacking = [scale for scale in scales if scale not in there]
    kept = timeline.filter(pl.col("scale").is_in(scales))
    if not lacking:
        return kept
    more = grade_observations(observations, patients, knowledge, lacking, **options)  # type: ignore[arg-type]
    return pl.concat([kept, more.timeline.select(kept.columns)])


def _of(charted: Charted, concept: str) -> pl.DataFrame:
    return charted.of(concept).with_columns(pl.col("patient").cast(pl.String))


def _frame(
    graded: pl.DataFrame,
    asked: Asked,
    doses: dict[str, Given],
    weights: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    chosen: list[Guideline],
) -> pl.DataFrame:
    """Segments with all that rules read: grades and their course, facts, exposure, weight, limits."""
    scales, facts = lanes_asked(chosen, knowledge)
    questions = asked_of(chosen)
    watched = watched_time(graded.filter(pl.col("at_most").is_not_null()))
    lanes = pl.concat(
        [
            graded.select("patient", "scale", "start", "end", *_LANE),
            asked.timeline.select("patient", "scale", "start", "end", *_LANE),
        ]
    )
    cuts = [cut for part in doses.values() for cut in part.cuts()] + cuts_of(questions, doses)
    cuts += [asked.triggers.select(pl.col("patient").cast(pl.String), "time"), window_ends(asked.triggers, knowledge)]
    cuts += onset_cuts(lanes, chosen)
    cuts += [weights.select("patient", pl.col("time") + later) for later in (0, _WEIGHT_LASTS)]
    frame = segments([lanes], cuts, watched)
    for scale in (*scales, *(PREFIX + key for key in facts)):
        frame = laid_under(frame, lanes.filter(pl.col("scale") == scale), scale, _LANE)
    frame = _with_weight(with_exposures(frame, asked.triggers, knowledge, chosen), weights, patients)
    for scale in scales:
        frame = with_onset_after(with_course(frame, scale), scale)
    for scale, question in questions:
        frame = with_no_better(frame, lanes.filter(pl.col("scale") == scale), scale, question, doses)
    for part in doses.values():
        frame = with_limits(frame, part)
    return frame


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


def _as_agreed(advice: pl.DataFrame, frame: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """What patients have declined is not advised, and one row says so for the whole time that they are watched."""
    said = patients.select(
        pl.col("patient").cast(pl.String), pl.col("declined_guidelines").str.split(";").alias("guideline")
    )
    declined = said.drop_nulls().explode("guideline").with_columns(pl.col("guideline").str.strip_chars())
    if declined.is_empty():
        return advice
    kept = advice.join(declined, on=["patient", "guideline"], how="anti")
    spans = frame.group_by("patient", "since", maintain_order=True).agg(pl.col("start").min(), pl.col("end").max())
    there = spans.join(declined.filter(pl.col("guideline").is_in(advice["guideline"].unique().implode())), on="patient")
    told = there.select(
        pl.lit(value).cast(kind).alias(name) if name not in there.columns else pl.col(name).cast(kind)
        for name, kind in ADVICE.schema.items()
        for value in [_DECLINED.get(name)]
    )
    return pl.concat([kept, told])


def _joined(rows: pl.DataFrame) -> pl.DataFrame:
    """Neighbors that recommend the same are one row; why and on what evidence is said as of its start."""
    same = [name for name in ADVICE.names if name not in ("start", "end", "why", "evidence")]
    key = ["patient", "guideline", "rule", "state"]
    ordered = rows.sort(*key, "start")
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in same)
    follows = equal & (pl.col("start") == pl.col("end").shift(1))
    firsts = ordered.select((~follows.fill_null(value=False)).alias("first"))["first"].arg_true()
    lasts = pl.concat([firsts.slice(1), pl.Series([ordered.height], dtype=firsts.dtype)]) - 1
    return ordered[firsts].with_columns(ordered["end"].gather(lasts))
