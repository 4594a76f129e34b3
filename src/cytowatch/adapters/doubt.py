"""Rows in doubt: what admission hands on of a row that it rejects (semantics page, section 1).

Therapies are a closed world: no row means not given; and of some findings silence means that they are absent. A row
that could not be read is no proof of that. Nor does a reading still hold once another was taken that could not be read.
Decisions 0014, 0019 and 0036.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.rules import Meanings
from cytowatch.knowledge.model import Concept
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
    "reading": (
        "until it is corrected or measured anew, the value is unknown from then on, whatever was measured before",
        "until it is corrected, it counts as not measured, for it says no moment from which the value would be unknown",
    ),
    "finding": (
        "until it is corrected, or the finding charted anew, silence about it is no proof of its absence for its time",
        "until it is corrected, it counts as not charted, for it says no moment from which that would be unknown",
    ),
}
_FINDING, _READING = "finding", "reading"
# all that is known of them is that they are at least the least there is
_BOUNDED = ("infusion", "dose", _READING)
# events charted by exception, and what is taken as normal where an instrument was done
_BY_SILENCE = {"kinds": ("exception",), "concepts": ("consciousness",)}
UNREAD = "unread_finding"
_ERROR = "entered-in-error"


def in_doubt(refused: pl.DataFrame, meanings: Meanings) -> pl.DataFrame:
    """The rows in doubt for the refused rows, as observations; ``row`` is −1 − the number of the refused row."""
    kind = _kinds(meanings)
    kept = kind.is_in(_SAID) & is_placed(refused) & _says_something(refused, kind)
    found = refused.filter(kept).with_columns(kind.alias("_kind"))
    if found.is_empty():
        return OBSERVATIONS.empty()
    finding = pl.col("_kind") == _FINDING
    columns: dict[str, pl.Expr] = {
        "row": -1 - pl.col("_row"),
        "patient": pl.col("patient"),
        "time": pl.col("_time"),
        "concept": pl.when(finding).then(pl.lit(UNREAD)).otherwise(meanings.concepts()),
        "value": pl.when(pl.col("_kind").is_in(_BOUNDED)).then(_least(meanings)),
        "unit": pl.when(pl.col("_kind") == _READING).then(_units(meanings)),
        "comparator": pl.when(~finding).then(pl.lit(">=")),
        "text": pl.when(finding).then(meanings.concepts()).when(pl.col("_kind") == "device").then(pl.lit("other")),
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


def _says_something(refused: pl.DataFrame, kind: pl.Expr) -> pl.Expr:
    """False for a reading that carries nothing: without a value a row does not say that something was measured."""
    given = [pl.col(name).is_not_null() for name in ("value", "text") if name in refused.columns]
    return (kind != _READING) | pl.any_horizontal(pl.lit(value=False), *given)


def _least(meanings: Meanings) -> pl.Expr:
    """The least plausible value of a reading; 0 for a rate or a dose."""
    least = [_range(meaning.concept)[1] if _kind(meaning.concept) == _READING else 0.0 for meaning in meanings.each]
    return meanings.spread(least, pl.Float64())


def _units(meanings: Meanings) -> pl.Expr:
    return meanings.spread([_range(meaning.concept)[0] for meaning in meanings.each], pl.String())


def _range(concept: Concept | None) -> tuple[str | None, float]:
    """The canonical unit of a reading, and its least plausible value in it."""
    if concept is None or not concept.plausible:
        return None, 0.0
    unit, (low, _) = next(iter(concept.plausible.items()))
    return unit or None, low


def consequence(part: pl.DataFrame, meanings: Meanings) -> pl.Expr:
    """What the hint of a refused row adds: what is made of a therapy that it may have spoken of; else nothing."""
    kinds = [_kind(meaning.concept) for meaning in meanings.each]
    said = [[_SAID[kind][place] if kind in _SAID else None for kind in kinds] for place in (0, 1)]
    placed, lost = (pl.format("; {}", meanings.spread(words, pl.String())) for words in said)
    words = pl.when(is_placed(part)).then(placed).otherwise(lost)
    return pl.when(~is_taken_back(part) & _says_something(part, _kinds(meanings))).then(words).fill_null("")


def leaves_doubt(concept: Concept) -> bool:
    """Whether a row of a concept that could not be read leaves a doubt."""
    return _kind(concept) in _SAID


def _kinds(meanings: Meanings) -> pl.Expr:
    return meanings.spread([_kind(meaning.concept) for meaning in meanings.each], pl.String())


def _kind(concept: Concept | None) -> str:
    """What is made of a concept's refused rows: its kind, or `finding`; empty where nothing is."""
    if concept is None:
        return ""
    if concept.kind in _BY_SILENCE["kinds"] or concept.key in _BY_SILENCE["concepts"]:
        return _FINDING
    return "" if concept.kind == _READING and not concept.ends_unread else concept.kind
