"""Admitted rows become settled rows: cut at ``as_of``, corrected, one row a fact (semantics page, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cytowatch.knowledge.model import Knowledge

_STATUS_RANK = {"preliminary": 0, "final": 1, "amended": 2}
_COMPARATOR_RANK = {">": 0, ">=": 1, "<=": 3, "<": 4}
_NO_COMPARATOR = 2
_NONE = pl.Series("row", [], dtype=pl.Int64)


@dataclass(frozen=True)
class Settled:
    """Settled rows, sorted by patient, concept and time; the row numbers that lost, and those ``as_of`` cut off."""

    rows: pl.DataFrame
    superseded: pl.Series
    later: pl.Series


def settle(observations: pl.DataFrame, knowledge: Knowledge, *, as_of: int | None = None) -> Settled:
    """Settle admitted rows.

    ``observations`` has the columns of ``schema.OBSERVATIONS`` with ``patient`` and ``concept`` already as codes
    or text; the result keeps its columns. ``as_of`` is in microseconds on the same clock.
    """
    rows, later = observations, _NONE
    if as_of is not None:
        counts = (pl.col("time") <= as_of) & (pl.col("available").is_null() | (pl.col("available") <= as_of))
        rows, later = observations.filter(counts), observations.filter(~counts)["row"]
    rows, in_error = _drop_entered_in_error(rows)
    rows = _sorted(rows)
    rows, losers = _one_row_a_fact(rows, knowledge)
    return Settled(rows, pl.concat([in_error, losers]), later)


def _drop_entered_in_error(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    wrong = pl.col("status") == "entered-in-error"
    marks = rows.filter(wrong)
    if marks.is_empty():
        return rows, _NONE
    keys = marks.select("patient", "concept", "source").unique()
    others = rows.filter(~wrong)
    hit = others.join(keys, on=["patient", "concept", "source"], how="semi")
    kept = others.join(keys, on=["patient", "concept", "source"], how="anti", maintain_order="left")
    return kept, pl.concat([marks["row"], hit["row"]])


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    if rows.height < 2 or _is_sorted(rows):
        return rows
    return rows.sort("patient", "concept", "time")


def _is_sorted(rows: pl.DataFrame) -> bool:
    patient, concept, time = (pl.col("patient").to_physical(), pl.col("concept").to_physical(), pl.col("time"))
    ahead = (patient > patient.shift(1)) | (
        (patient == patient.shift(1))
        & ((concept > concept.shift(1)) | ((concept == concept.shift(1)) & (time >= time.shift(1))))
    )
    return bool(rows.select(ahead.fill_null(True).all()).item())


def _one_row_a_fact(rows: pl.DataFrame, knowledge: Knowledge) -> tuple[pl.DataFrame, pl.Series]:
    keys = ("patient", "concept", "time")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in keys).fill_null(False)
    repeats = rows.select(same.alias("same"))["same"]
    if not repeats.any():
        return rows, _NONE
    # only rows that share patient, concept and time with a neighbor can lose: the rest is not looked at again
    numbered = rows.with_row_index("at")
    doubtful = numbered.filter(repeats | repeats.shift(-1, fill_value=False))
    losers = doubtful.join(_survivors(doubtful, knowledge), on="at", how="anti")
    kept = numbered.join(losers.select("at"), on="at", how="anti", maintain_order="left").drop("at")
    return kept, losers["row"]


def _survivors(doubtful: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The ``at`` positions of the rows that stand, one a fact."""
    free = [key for key, concept in knowledge.concepts.items() if concept.free_text or concept.kind in ("trigger", "statement")]
    lasting = [key for key, concept in knowledge.concepts.items() if concept.kind in ("infusion", "device")]
    facts = doubtful.select(
        "at", "patient", "concept", "time", "source", "row",
        pl.when(pl.col("concept").cast(pl.String).is_in(lasting)).then(pl.col("until")).alias("ends"),
        pl.when(pl.col("concept").cast(pl.String).is_in(free)).then(pl.col("text")).alias("label"),
        pl.col("status").cast(pl.String).replace_strict(_STATUS_RANK, default=1, return_dtype=pl.Int8).alias("rank"),
        pl.coalesce("available", "time").alias("known"),
        pl.col("until").fill_null(2**62).alias("lasts"),
        _badness(knowledge).alias("bad"),
        pl.col("comparator").cast(pl.String)
        .replace_strict(_COMPARATOR_RANK, default=_NO_COMPARATOR, return_dtype=pl.Int8).alias("bound"),
    )
    order = ["rank", "known", "bad", "bound", "lasts", "source", "row"]
    best_first = facts.sort(order, descending=[True, True, True, False, True, False, False], nulls_last=True)
    fact = ["patient", "concept", "time", "ends", "label"]
    return best_first.unique(fact, keep="first", maintain_order=True).select("at")


def _badness(knowledge: Knowledge) -> pl.Expr:
    """How bad a row is within its concept: the value in the concept's direction, or the category's place in its list."""
    name = pl.col("concept").cast(pl.String)
    low = [key for key, concept in knowledge.concepts.items() if concept.worse == "low"]
    value = pl.when(name.is_in(low)).then(-pl.col("value")).otherwise(pl.col("value"))
    places = {
        f"{concept.key}|{category}": float(place)
        for concept in knowledge.concepts.values()
        for place, category in enumerate(concept.categories)
    }
    coded = (name + "|" + pl.col("text").cast(pl.String)).replace_strict(places, default=None, return_dtype=pl.Float64)
    return pl.coalesce(coded, value, pl.lit(float("-inf")))
