"""Rows of ``drug_exposure``: an infusion from its start to its end, or a dose.

The model has no rate, and a missing end is written as the start. What a row does not say is left unknown: never off,
never an amount. An order, a prescription, a dispensing or a claim says that a drug may have been given.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cytowatch.adapters.gather import SILENT, Mapped, no_silent
from cytowatch.adapters.omop.meanings import Judge, looked_up
from cytowatch.adapters.omop.moments import (
    at_midnight,
    day_after,
    ending,
    ends_by_day,
    in_doubt,
    last_days,
    last_seconds,
    placeholder_days,
    refused,
    same_moment,
    with_moment,
    with_unknown,
)
from cytowatch.adapters.resolve import find_unit
from cytowatch.knowledge.model import Knowledge

KEYS = ("drug_concept_id", "drug_source_concept_id", "drug_source_value")
_THERAPIES = ("infusion", "dose")
# how an amount and a duration make a rate; what a drug is dosed in a day is no rate of a pump
_PER_MINUTE = "/min"
_SECONDS = 60.0
_ORDERED = "an order of a product of a kind that the person was given: the exposure is when it was given"


def drugs(frame: pl.DataFrame, judge: Judge, elsewhere: Callable[[], pl.DataFrame]) -> Mapped:
    """What the kept rows state: one fact for each ingredient that is needed.

    ``elsewhere``: which persons another table says to have been given cells (``person_id, concept``), if it is asked.
    """
    knowledge = judge.concepts.knowledge
    frame = with_moment(frame, "drug_exposure_start_date", "drug_exposure_start_datetime")
    stated = with_unknown(
        judge.stated(frame).with_columns(
            doubtful=pl.col("kind").is_in(_THERAPIES),
            last=pl.coalesce("drug_exposure_end_datetime", "drug_exposure_end_date"),
            end=ending("drug_exposure_end_datetime"),
            ordered=pl.col("drug_type_concept_id").is_in(_ordered(knowledge)).fill_null(value=False),
            printed=pl.col("drug_source_value"),
        )
    )
    stated, only_ordered = _without_orders(stated, elsewhere)
    good = _with_amount(stated.filter(pl.col("rule").is_null()), knowledge)
    infusions, others = good.filter(pl.col("kind") == "infusion"), good.filter(pl.col("kind") != "infusion")
    raw = pl.concat([_infusions(infusions, knowledge), _doses(others)], how="diagonal")
    return Mapped(raw, pl.concat([refused(stated), only_ordered]), unread=in_doubt(stated))


def _without_orders(stated: pl.DataFrame, elsewhere: Callable[[], pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Takes out orders of cells and engagers of persons who were given one of the kind, and hands them back as ignored.

    An order stands days before the exposure. It counts as one only where nothing else does.
    """
    trigger, key = pl.col("kind") == "trigger", ["person_id", "concept"]
    orders = stated.filter(trigger, "ordered")
    if orders.is_empty():
        return stated, no_silent()
    given = pl.concat([stated.filter(trigger, ~pl.col("ordered")).select(key), elsewhere().select(key)])
    orders = orders.join(given, on=key, how="semi", maintain_order="left")
    silent = orders.select(
        "row", "source", "concept", patient="person_id", value="printed", fate=pl.lit("ignored"), rule=pl.lit(""),
        reason=pl.lit(_ORDERED), hint=pl.lit(""),
    )  # fmt: skip
    return stated.join(orders, on=["row", "concept"], how="anti", maintain_order="left"), silent.select(SILENT)


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
    midnight only the days are known. Where the end alone is, the infusion ran until that day began, and on it it is
    unknown. What was ordered may have run, and so may one of several ingredients of a product (a local anesthetic with
    epinephrine), unless it has a rate.
    """
    frame = ends_by_day(_with_rate_unit(frame, knowledge), placeholder_days(knowledge))
    no_end = pl.col("end").is_null() | (same_moment("time") == same_moment("end"))
    days = at_midnight("time") & at_midnight("end") & ~no_end
    part_of = pl.col("mixed").is_not_null() & ~_has_rate().fill_null(value=False)
    frame = frame.with_columns(doubt=no_end | days | pl.col("own_day") | pl.col("ordered") | part_of)
    later = pl.col("last").str.slice(0, 10) > pl.col("day")
    by_day = days | pl.col("own_day") | (pl.col("loose") & pl.col("doubt"))
    until = (
        pl.when(by_day)
        .then(day_after("last"))
        .when(~no_end)
        .then("end")
        .when(later & pl.col("end").is_null())
        .then(day_after("last"))
    )
    frame = _with_rate(frame.with_columns(until=until, loose=pl.col("loose") & ~pl.col("doubt")))
    facts = frame.with_columns(
        patient="person_id",
        value=pl.when("doubt").then(pl.lit("0")).otherwise("rate"),
        unit=pl.when(~pl.col("doubt") & pl.col("rate").is_not_null()).then("rate_unit"),
        comparator=pl.when("doubt").then(pl.lit(">=")),
        text=pl.lit(None, pl.String),
    )
    return pl.concat([facts, last_days(facts)]).select(
        "row", "source", "time", "until", "concept", "patient", "value", "unit", "comparator", "text"
    )


def _has_rate() -> pl.Expr:
    """True where the quantity is a rate by its own unit."""
    return pl.col("amount").is_not_null() & (pl.col("rate_unit") == pl.col("unit"))


def _with_rate_unit(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``rate_unit``: the unit of the quantity where it is one of a rate, else that of an amount over minutes."""

    def rate_unit(concept: str, unit: str | None) -> str | None:
        if unit is None:
            return None
        return unit if find_unit(knowledge.concepts[concept], unit) else unit + _PER_MINUTE

    return looked_up(frame, ("concept", "unit"), "rate_unit", rate_unit)


def _with_rate(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds ``rate``: a quantity that is a rate, or an amount over the time that it ran, if that is known."""
    minutes = (_moment("until") - _moment("time")).dt.total_seconds() / _SECONDS
    amount = pl.col("amount").cast(pl.Float64, strict=False)
    divided = pl.when((minutes > 0) & ~pl.col("loose")).then(amount / minutes).cast(pl.String)
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

    A dose at exactly midnight is known by its day only: it may have been given on it, early or late. A trigger whose
    product no table knows keeps the name that the source gives it.
    """
    dose = pl.col("kind") == "dose"
    frame = frame.with_columns(day_only=dose & at_midnight("time"))
    doubt = dose & (pl.col("ordered") | pl.col("day_only"))
    return pl.concat([frame, last_seconds(frame)]).select(
        "row", "source", "time", "concept",
        patient="person_id",
        value=pl.when(doubt).then(pl.lit("0")).otherwise("amount"),
        unit=pl.when(~doubt & pl.col("amount").is_not_null()).then("unit"),
        comparator=pl.when(doubt).then(pl.lit(">=")),
        text=pl.coalesce("category", pl.when(pl.col("kind") == "trigger").then("drug_source_value")),
    )  # fmt: skip
