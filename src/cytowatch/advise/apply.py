"""Advice for a graded record: the order of the steps, and the room's only door."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.advise.conflicts import as_conflicts, as_guidelines, meetings
from cytowatch.advise.course import measured_asked
from cytowatch.advise.doses import Given, given
from cytowatch.advise.facts import ask
from cytowatch.advise.frame import lanes_of, make_frame
from cytowatch.advise.match import Matcher, drugs_asked, lanes_asked
from cytowatch.advise.silence import silent_rows
from cytowatch.advise.situations import situations
from cytowatch.advise.tell import Teller
from cytowatch.engine.apply import grade_observations
from cytowatch.engine.charted import Charted
from cytowatch.engine.settle import settle
from cytowatch.knowledge.advice import Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE

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
    signs = {"weight", *(name for question in measured_asked(chosen) for name in question.concepts)}
    concepts = {*signs, *(knowledge.advice.drugs[key].concept for key in drugs)}
    charted = settle(observations, knowledge, concepts, as_of=as_of).charted
    doses = {
        key: given(_of(charted, knowledge.advice.drugs[key].concept), knowledge.advice.drugs[key], not_recorded)
        for key in drugs
    }
    lanes = lanes_of(graded, asked)
    frame = make_frame(
        lanes, graded, asked, doses, {name: _of(charted, name) for name in signs}, patients, knowledge, asking
    )
    if frame.is_empty():
        return ADVICE.empty()
    advice = _advised(frame, lanes, chosen, doses, knowledge)
    return _as_agreed(advice, frame, patients).sort(_ORDER, maintain_order=True)


def _advised(
    frame: pl.DataFrame, lanes: pl.DataFrame, chosen: list[Guideline], doses: dict[str, Given], knowledge: Knowledge
) -> pl.DataFrame:
    found = situations(frame)
    matcher = Matcher(knowledge, found.table)
    teller = Teller(knowledge, doses, found, lanes)
    conflicts = knowledge.advice.conflicts.values()
    matches = [matcher.match(part, rule) for part in chosen for rule in part.rules]
    standing = [matcher.match(part, part.rules[0]).certain() for part in as_guidelines(conflicts)]
    differ = teller.rows([*meetings(matches, conflicts), *standing])
    return pl.concat([teller.rows(matches), as_conflicts(differ, conflicts), silent_rows(frame, chosen, knowledge)])


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
