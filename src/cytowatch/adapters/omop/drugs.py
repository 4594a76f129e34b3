"""Rows of ``drug_exposure``: an infusion from its start to its end, or a dose.

The model has no rate, and a missing end is written as the start. What a row does not say is left unknown: never off,
never an amount. An order, a prescription, a dispensing or a claim says that a drug may have been given.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.omop.meanings import Judge, looked_up
from cytowatch.adapters.omop.moments import (
    at_midnight,
    day_after,
    day_in_doubt,
    ending,
    refused,
    same_moment,
    with_moment,
)
from cytowatch.adapters.resolve import find_unit
from cytowatch.knowledge.model import Knowledge

KEYS = ("drug_concept_id", "drug_source_concept_id", "drug_source_value")
_THERAPIES = ("infusion", "dose")
# how an amount and a duration make a rate; what a drug is dosed in a day is no rate of a pump
_PER_MINUTE = "/min"
_SECONDS = 60.0


def drugs(frame: pl.DataFrame, judge: Judge) -> Mapped:
    """What the kept rows state: one fact for each ingredient that is needed."""
    knowledge = judge.concepts.knowledge
    frame = with_moment(frame, "drug_exposure_start_date", "drug_exposure_start_datetime")
    stated = judge.stated(frame).with_columns(
        doubtful=pl.col("kind").is_in(_THERAPIES),
        last=pl.coalesce("drug_exposure_end_datetime", "drug_exposure_end_date"),
        end=ending("drug_exposure_end_datetime"),
        ordered=pl.col("drug_type_concept_id").is_in(_ordered(knowledge)).fill_null(value=False),
    )
    good = _with_amount(stated.filter(pl.col("rule").is_null()), knowledge)
    infusions, others = good.filter(pl.col("kind") == "infusion"), good.filter(pl.col("kind") != "infusion")
    raw = pl.concat([_infusions(infusions, knowledge), _doses(others)], how="diagonal")
    return Mapped(raw, refused(stated), unread=day_in_doubt(stated))


def is_given(knowledge: Knowledge) -> pl.Expr:
    """True for rows of drugs that were given, or that do not say that they were only ordered."""
    return ~pl.col("drug_type_concept_id").is_in(_ordered(knowledge)).fill_null(value=False)


def _ordered(knowledge: Knowledge) -> list[str]:
    rows = knowledge.codes.get("omop_drug_types", ())
    return [row["concept_id"] for row in rows if row["meaning"] == "ordered"]


def _with_amount(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``amount`` and ``unit``: the quantity where its unit says what it is; a quantity of 0 says nothing.

    A quantity without such a unit counts tablets, vials or milliliters, and is not taken for milligrams.
    """

    def unit(concept: str, written: str | None) -> str | None:
        known = knowledge.concepts[concept]
        if not written or written.strip() in ("", "1"):
            return None
        return written if find_unit(known, written) or find_unit(known, written + _PER_MINUTE) else None

    frame = looked_up(frame, ("concept", "dose_unit_source_value"), "unit", unit)
    number = pl.col("quantity").cast(pl.Float64, strict=False)
    unread = pl.col("quantity").is_not_null() & number.is_null()
    amount = pl.when(pl.col("unit").is_not_null() & (unread | (number > 0) | (number < 0))).then("quantity")
    return frame.with_columns(amount=amount)


def _infusions(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Infusions: running from start to end where both are known, else unknown from the start on.

    An end at the start, or one that is missing, is how the model writes that no end is known. Where both are exactly
    midnight only the days are known. What was ordered may have run.
    """
    no_end = pl.col("end").is_null() | (same_moment("time") == same_moment("end"))
    days = at_midnight("time") & at_midnight("end") & ~no_end
    doubtful = no_end | days | pl.col("ordered")
    later = pl.col("last").str.slice(0, 10) > pl.col("day")
    until = (
        pl.when(days)
        .then(day_after("last"))
        .when(~no_end)
        .then("end")
        .when(later & pl.col("end").is_null())
        .then(day_after("last"))
    )
    frame = frame.with_columns(doubt=doubtful, until=until)
    frame = _with_rate(frame, knowledge)
    return frame.select(
        "row", "source", "time", "until", "concept",
        patient="person_id",
        value=pl.when("doubt").then(pl.lit("0")).otherwise("rate"),
        unit=pl.when(~pl.col("doubt") & pl.col("rate").is_not_null()).then("rate_unit"),
        comparator=pl.when("doubt").then(pl.lit(">=")),
        text=pl.lit(None, pl.String),
    )  # fmt: skip


def _with_rate(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``rate`` and ``rate_unit``: a quantity that is a rate, or an amount over the time that it ran."""

    def rate_unit(concept: str, unit: str | None) -> str | None:
        if unit is None:
            return None
        return unit if find_unit(knowledge.concepts[concept], unit) else unit + _PER_MINUTE

    frame = looked_up(frame, ("concept", "unit"), "rate_unit", rate_unit)
    minutes = (_moment("until") - _moment("time")).dt.total_seconds() / _SECONDS
    amount = pl.col("amount").cast(pl.Float64, strict=False)
    divided = pl.when(minutes > 0).then(amount / minutes).cast(pl.String)
    # what is no number goes on as it is, to be refused
    as_it_is = (pl.col("rate_unit") == pl.col("unit")) | amount.is_null()
    return frame.with_columns(rate=pl.when(as_it_is).then("amount").otherwise(divided))


def _moment(name: str) -> pl.Expr:
    """A wall-clock moment for a difference; of moments with an offset no difference is taken."""
    plain = pl.col(name).str.replace("T", " ").str.replace(r"\.\d+$", "")
    full = pl.when(plain.str.count_matches(":") == 1).then(plain + ":00").otherwise(plain)
    return full.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)


def _doses(frame: pl.DataFrame) -> pl.DataFrame:
    """Doses and triggers, at their start. A cell product counts as given, however it is recorded.

    A trigger whose product no table knows keeps the name that the source gives it.
    """
    doubt = pl.col("ordered") & (pl.col("kind") == "dose")
    return frame.select(
        "row", "source", "time", "concept",
        patient="person_id",
        value=pl.when(doubt).then(pl.lit("0")).otherwise("amount"),
        unit=pl.when(~doubt & pl.col("amount").is_not_null()).then("unit"),
        comparator=pl.when(doubt).then(pl.lit(">=")),
        text=pl.coalesce("category", pl.when(pl.col("kind") == "trigger").then("drug_source_value")),
    )  # fmt: skip
