"""Advice for a graded record: the order of the steps, and the room's only door."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.advise.breaches import breach_rows
from cytowatch.advise.conflicts import as_conflicts, as_guidelines, meetings
from cytowatch.advise.course import measured_asked
from cytowatch.advise.doses import Given, given
from cytowatch.advise.facts import ask
from cytowatch.advise.frame import lanes_of, make_frame
from cytowatch.advise.match import Matcher, drugs_asked, lanes_asked
from cytowatch.advise.silence import silent_rows
from cytowatch.advise.situations import situations
from cytowatch.advise.tell import Teller
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
    # what speaks of no exposure that is there needs no facts: it is silent
    there = _exposed_to(observations, knowledge, assumed_product)
    speaking = [part for part in asking if there & set(part.triggers)]
    scales, facts = lanes_asked(speaking or asking[:1], knowledge)
    options = {"as_of": as_of, "not_recorded": not_recorded, "clock": clock, "assumed_product": assumed_product}
    asked = ask(timeline, observations, patients, knowledge, scales, facts, **options)
    drugs = drugs_asked(speaking)
    signs = {"weight", *(name for question in measured_asked(speaking) for name in question.concepts)}
    concepts = {*signs, *(knowledge.advice.drugs[key].concept for key in drugs)}
    charted = settle(observations, knowledge, concepts, as_of=as_of).charted
    doses = {
        key: given(_of(charted, knowledge.advice.drugs[key].concept), knowledge.advice.drugs[key], not_recorded)
        for key in drugs
    }
    own = {name: _of(charted, name) for name in signs}
    frame = make_frame(asked, doses, own, patients, knowledge, speaking, asking)
    if frame.is_empty():
        return ADVICE.empty()
    advice = _advised(frame, lanes_of(asked), chosen, speaking, doses, knowledge)
    return _as_agreed(advice, frame, patients).sort(_ORDER, maintain_order=True)


def _exposed_to(observations: pl.DataFrame, knowledge: Knowledge, assumed_product: str | None) -> set[str]:
    """The kinds of exposure that anybody in these rows has had, or is assumed to have had."""
    kinds = {str(name) for name in observations["concept"].unique().to_list()}
    return kinds if assumed_product is None else kinds | {knowledge.products[assumed_product].concept}


def _advised(
    frame: pl.DataFrame,
    lanes: pl.DataFrame,
    chosen: list[Guideline],
    speaking: list[Guideline],
    doses: dict[str, Given],
    knowledge: Knowledge,
) -> pl.DataFrame:
    found = situations(frame)
    matcher = Matcher(knowledge, found.table)
    teller = Teller(knowledge, doses, found, lanes)
    conflicts = knowledge.advice.conflicts.values()
    keys = {part.key for part in speaking}
    matches = [matcher.match(part, rule) for part in chosen if part.key in keys for rule in part.rules]
    standing = [matcher.match(part, part.rules[0]).certain() for part in as_guidelines(conflicts) if part.key in keys]
    told = [teller.rows(matches), as_conflicts(teller.rows([*meetings(matches, conflicts), *standing]), conflicts)]
    return pl.concat([*told, silent_rows(frame, chosen, keys, knowledge), breach_rows(frame, doses.values())])


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
