"""Drugs of a record that do not go together, or not with something in the patient.

A dose counts for as long as the table says. One in doubt makes a meeting possible; so does a fact that is not known,
and a drug that the source does not record. No row is no proof: what a record does not hold cannot meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import polars as pl

from cytowatch.advise.facts import PREFIX, ask
from cytowatch.advise.moments import laid_under
from cytowatch.engine.charted import Charted
from cytowatch.engine.settle import in_doubt, settle
from cytowatch.engine.subjects import find_triggers, trigger_concepts
from cytowatch.knowledge.advice import AdviceFact
from cytowatch.knowledge.drug_rows import Interaction
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import HOUR_US, INTERACTIONS, TIMELINE

_AT = ["patient", "start", "end"]
_LANE = ("at_least", "at_most", "missing")
_FACT = "interaction_"
_LEVELS = {"recalled": "unverified"}


@dataclass(frozen=True)
class _Record:
    """What interactions look at: doses by concept, exposures, facts over time, and what the source does not record."""

    doses: Charted
    exposures: pl.DataFrame
    facts: pl.DataFrame
    not_recorded: frozenset[str]
    as_of: int | None


def interactions(
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    *,
    as_of: int | None = None,
    not_recorded: frozenset[str] = frozenset(),
    clock: str = "time",
    assumed_product: str | None = None,
) -> pl.DataFrame:
    """A row for each time in which the drugs of an interaction meet, as ``schema.INTERACTIONS``; microseconds."""
    parts = knowledge.formulary.interactions
    drugs = {name for part in parts.values() for name in knowledge.formulary.drugs_of(part)}
    settled = settle(observations, knowledge, {*drugs, *trigger_concepts(knowledge)}, as_of=as_of)
    facts = {
        _FACT + key: AdviceFact(_FACT + key, part.label, part.when, part.cited)
        for key, part in parts.items()
        if part.when is not None
    }
    asked = ask(
        TIMELINE.empty(),
        observations,
        patients,
        replace(knowledge, advice=replace(knowledge.advice, facts=facts)),
        (),
        facts,
        as_of=as_of,
        not_recorded=not_recorded,
        clock=clock,
        assumed_product=assumed_product,
    )
    exposures = find_triggers(settled, knowledge, assumed_product).select(
        pl.col("patient").cast(pl.String), "time", pl.col("concept").cast(pl.String)
    )
    record = _Record(settled.charted, exposures, asked.timeline, not_recorded, as_of)
    rows = [_of(part, record, knowledge) for part in parts.values()]
    return pl.concat([INTERACTIONS.empty(), *rows]).sort(*_AT, "interaction")


def _of(part: Interaction, record: _Record, knowledge: Knowledge) -> pl.DataFrame:
    """The rows of one interaction."""
    drugs = knowledge.formulary.drugs_of(part)
    given = {name: _doses(record, name) for name in drugs}
    frame = _segments(given, part, record)
    if frame.is_empty():
        return INTERACTIONS.empty()
    for name, doses in given.items():
        frame = _with_drug(frame, doses, name, part.within_hours)
    frame = _with_fact(frame, part, record)
    sure, maybe = _met(part, record, knowledge)
    held = frame.with_columns(sure.alias("sure"), maybe.alias("maybe")).filter("maybe")
    return _told(_joined(_named(held, drugs, part, record)), part)


def _doses(record: _Record, name: str) -> pl.DataFrame:
    """Doses of a drug that were given or may have been: patient, time, source, doubtful."""
    doubt = in_doubt("dose")
    given = pl.col("value").is_null() | (pl.col("value") > 0) | doubt
    own = record.doses.of(name).filter(given)
    return own.select(pl.col("patient").cast(pl.String), "time", "source", doubt.alias("doubtful"))


def _segments(given: dict[str, pl.DataFrame], part: Interaction, record: _Record) -> pl.DataFrame:
    """The time in which any of the drugs counts, cut wherever something can change."""
    reach = round(part.within_hours * HOUR_US)
    doses = pl.concat(list(given.values())).select("patient", "time")
    cuts = [doses, doses.select("patient", pl.col("time") + reach)]
    people = doses["patient"].unique().implode()
    facts = record.facts.filter(pl.col("scale") == PREFIX + _FACT + part.key, pl.col("patient").is_in(people))
    cuts += [facts.select("patient", pl.col(name).alias("time")) for name in ("start", "end")]
    cuts += [record.exposures.filter(pl.col("patient").is_in(people)).select("patient", "time")]
    times = pl.concat(cuts).unique().sort("patient", "time")
    if record.as_of is not None:
        # what is known ends there: an open meeting is told up to that moment
        times = times.with_columns(pl.min_horizontal("time", pl.lit(record.as_of))).unique().sort("patient", "time")
    following = pl.col("time").shift(-1).over("patient")
    return times.select("patient", pl.col("time").alias("start"), following.alias("end")).drop_nulls("end")


def _with_drug(frame: pl.DataFrame, doses: pl.DataFrame, name: str, hours: float) -> pl.DataFrame:
    """Add ``<name>|sure``, ``|maybe`` and the rows behind them: the latest dose, and the latest in doubt."""
    reach = round(hours * HOUR_US)
    found = frame
    for word, doubtful in (("sure", False), ("doubt", True)):
        own = doses.filter(pl.col("doubtful") == doubtful).sort("patient", "time")
        latest = own.select("patient", pl.col("time").alias("_at"), pl.col("source").alias(f"{name}|{word}|source"))
        found = found.join_asof(latest, left_on="start", right_on="_at", by="patient", check_sortedness=False)
        counts = (pl.col("start") < pl.col("_at") + reach).fill_null(value=False)
        found = found.with_columns(
            counts.alias(f"{name}|{word}"), pl.when(counts).then(f"{name}|{word}|source").alias(f"{name}|{word}|source")
        ).drop("_at")
    return found


def _with_fact(frame: pl.DataFrame, part: Interaction, record: _Record) -> pl.DataFrame:
    """Add ``fact|at_least``, ``fact|at_most``, ``fact|missing`` and ``after``: whether the exposures fit."""
    own = record.facts.filter(pl.col("scale") == PREFIX + _FACT + part.key)
    found = laid_under(frame, own, "fact", _LANE)
    for name, triggers in (("after", part.after), ("never", part.never_after)):
        had = record.exposures.filter(pl.col("concept").is_in(triggers)).group_by("patient").agg(pl.col("time").min())
        found = found.join(had.rename({"time": name}), on="patient", how="left", maintain_order="left")
    return found


def _met(part: Interaction, record: _Record, knowledge: Knowledge) -> tuple[pl.Expr, pl.Expr]:
    """Whether the drugs and the patient meet for certain, and whether that is not excluded."""
    sure, maybe = [], []
    for side in part.sides:
        names = knowledge.formulary.concepts_of(side)
        certain = _number([pl.col(f"{name}|sure") for name in names])
        possible = _number([_may(name, record) for name in names])
        sure.append(certain >= part.at_least)
        maybe.append(possible >= part.at_least)
    # somebody must have charted one of them
    drugs = knowledge.formulary.drugs_of(part)
    maybe.append(pl.any_horizontal(pl.col(f"{name}|{word}") for name in drugs for word in ("sure", "doubt")))
    if part.when is not None:
        sure.append((pl.col("fact|at_least") >= 1).fill_null(value=False))
        maybe.append((pl.col("fact|at_most") >= 1).fill_null(value=True))
    for name in ["after"] if part.after else []:
        fits = (pl.col(name) <= pl.col("start")).fill_null(value=False)
        sure.append(fits)
        maybe.append(fits)
    if part.never_after:
        maybe.append(pl.col("never").is_null())
        sure.append(pl.col("never").is_null())
    return pl.all_horizontal(sure), pl.all_horizontal(maybe)


def _may(name: str, record: _Record) -> pl.Expr:
    silent = pl.lit(name in record.not_recorded)
    return pl.col(f"{name}|sure") | pl.col(f"{name}|doubt") | silent


def _number(parts: list[pl.Expr]) -> pl.Expr:
    return reduce(add, (part.cast(pl.Int32) for part in parts))


def _named(held: pl.DataFrame, drugs: tuple[str, ...], part: Interaction, record: _Record) -> pl.DataFrame:
    """The drugs that meet, the rows behind them, and what is missing."""
    present = [
        pl.when(pl.col(f"{name}|sure") | pl.col(f"{name}|doubt")).then(pl.lit(name)).alias(name) for name in drugs
    ]
    sources = [pl.col(f"{name}|{word}|source") for name in drugs for word in ("sure", "doubt")]
    missing = pl.concat_list(list(_missing(drugs, record))).list.drop_nulls()
    if part.when is not None:
        unknown = pl.col("fact|at_most").is_null() | (pl.col("fact|at_least") != pl.col("fact|at_most"))
        lacks = pl.col("fact|missing").fill_null(pl.lit(["not_watched"], pl.List(pl.String)))
        missing = missing.list.concat(pl.when(unknown).then(lacks).otherwise(pl.lit([], pl.List(pl.String))))
    return held.select(
        *_AT,
        pl.when("sure").then(pl.lit("found")).otherwise(pl.lit("possible")).alias("state"),
        pl.concat_list(present).list.drop_nulls().alias("drugs"),
        missing.alias("missing"),
        pl.concat_list(sources).list.drop_nulls().list.unique(maintain_order=True).alias("evidence"),
    )


def _missing(drugs: tuple[str, ...], record: _Record) -> Iterator[pl.Expr]:
    """A dose in doubt, or a drug that the source does not record, by the name of the drug."""
    for name in drugs:
        doubt = pl.col(f"{name}|doubt") & ~pl.col(f"{name}|sure")
        silent = pl.lit(name in record.not_recorded) & ~pl.col(f"{name}|sure")
        yield pl.when(doubt | silent).then(pl.lit(name))


def _joined(rows: pl.DataFrame) -> pl.DataFrame:
    """Neighbors in which the same drugs meet in the same way are one row; the evidence is that of its start."""
    same = ("patient", "state", "drugs", "missing")
    ordered = rows.sort("patient", "start")
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in same)
    follows = (equal & (pl.col("start") == pl.col("end").shift(1))).fill_null(value=False)
    firsts = ordered.select((~follows).alias("first"))["first"].arg_true()
    lasts = pl.concat([firsts.slice(1), pl.Series([ordered.height], dtype=firsts.dtype)]) - 1
    return ordered[firsts].with_columns(ordered["end"].gather(lasts)) if ordered.height else ordered


def _told(rows: pl.DataFrame, part: Interaction) -> pl.DataFrame:
    level = _LEVELS.get(part.cited.evidence, "warning")
    certain = pl.col("state") == "found"
    said = {
        "interaction": part.key, "kind": part.kind, "why": part.why, "action": part.action,
        "source": part.cited.source, "locator": part.cited.locator, "basis": part.cited.evidence,
    }  # fmt: skip
    # what was recalled is never more than that, also where the drugs meet for certain
    told = pl.when(certain | pl.lit(level == "unverified")).then(pl.lit(level)).otherwise(pl.lit("note"))
    named = rows.with_columns(*(pl.lit(text).alias(name) for name, text in said.items()), told.alias("level"))
    return named.select(pl.col(name).cast(kind) for name, kind in INTERACTIONS.schema.items())
