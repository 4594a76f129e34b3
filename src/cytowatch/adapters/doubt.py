"""Rows in doubt: what admission hands on of a therapy whose row it rejects (decision 0014, semantics page, section 1).

Therapies are a closed world: no row means not given. A row that could not be read is no proof of that.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.rules import Meanings
from cytowatch.schema import OBSERVATIONS

# what is said of the row in its reject: if its moment could be read, and if not
_SAID = {
    "infusion": (
        "until it is corrected, it is unknown from then on whether it ran",
        "until it is corrected, it counts as not given, for it says no moment from which that would be unknown",
    ),
    "device": (
        "until it is corrected, it is unknown from then on which device was on, if any",
        "until it is corrected, it counts as no device, for it says no moment from which that would be unknown",
    ),
    "dose": (
        "until it is corrected, it counts as a dose that may have been given",
        "until it is corrected, it counts as not given, for it says no moment at which it may have been",
    ),
}
THERAPIES = tuple(_SAID)
_ERROR = "entered-in-error"


def in_doubt(refused: pl.DataFrame, meanings: Meanings) -> pl.DataFrame:
    """The rows in doubt for the refused rows, as observations; ``row`` is −1 − the number of the refused row."""
    kind = _kinds(meanings)
    found = refused.filter(kind.is_in(THERAPIES) & is_placed(refused)).with_columns(kind.alias("_kind"))
    if found.is_empty():
        return OBSERVATIONS.empty()
    columns: dict[str, pl.Expr] = {
        "row": -1 - pl.col("_row"),
        "patient": pl.col("patient"),
        "time": pl.col("_time"),
        "concept": meanings.concepts(),
        # at least nothing: all that is known of a rate or a dose
        "value": pl.when(pl.col("_kind") != "device").then(0.0),
        "comparator": pl.lit(">="),
        "text": pl.when(pl.col("_kind") == "device").then(pl.lit("other")),
        "source": pl.col("source"),
        "status": pl.col("_status").fill_null("final") if "_status" in found.columns else pl.lit("final"),
    }
    if "_until" in found.columns:
        columns["until"] = pl.when(pl.col("_until") > pl.col("_time")).then("_until")
    if "_available" in found.columns:
        columns["available"] = pl.col("_available")
    nothing = {name: pl.lit(None) for name in OBSERVATIONS.names}
    return found.select({**nothing, **columns}[name].cast(OBSERVATIONS.schema[name]).alias(name) for name in nothing)


def is_placed(refused: pl.DataFrame) -> pl.Expr:
    """True where it is known of whom and when the row speaks, and it takes nothing back."""
    placed = pl.col("patient").is_not_null() & pl.col("_time").is_not_null()
    return placed & ~is_taken_back(refused)


def is_taken_back(refused: pl.DataFrame) -> pl.Expr:
    """True where the row is entered in error."""
    if "_status" not in refused.columns:
        return pl.lit(value=False)
    return pl.col("_status").eq_missing(pl.lit(_ERROR))


def consequence(part: pl.DataFrame, meanings: Meanings) -> pl.Expr:
    """What the hint of a refused row adds: what is made of a therapy that it may have spoken of; else nothing."""
    kinds = [meaning.concept.kind if meaning.concept else "" for meaning in meanings.each]
    said = [[_SAID[kind][place] if kind in _SAID else None for kind in kinds] for place in (0, 1)]
    placed, lost = (pl.format("; {}", meanings.spread(words, pl.String())) for words in said)
    words = pl.when(is_placed(part)).then(placed).otherwise(lost)
    return pl.when(~is_taken_back(part)).then(words).fill_null("")


def _kinds(meanings: Meanings) -> pl.Expr:
    kinds = [meaning.concept.kind if meaning.concept else "" for meaning in meanings.each]
    return meanings.spread(kinds, pl.String())
