"""Admitted rows become settled rows: cut at ``as_of``, corrected, one row a fact (semantics page, section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.knowledge.model import Concept, Knowledge
from cytowatch.schema import DAY_US

_STATUS_RANK = {"preliminary": 0, "final": 1, "amended": 2}
_COMPARATOR_RANK = {">": 0, ">=": 1, "<=": 3, "<": 4}
_NO_COMPARATOR = 2
_NO_END = 2**62
# a state that holds for weeks, such as a large spleen, tells nothing of whether the patient is still watched
_LONGEST_WATCH = 2 * DAY_US
# the concept that ends the watch
WATCH_ENDED = "watch_ended"
_NONE = pl.Series("row", [], dtype=pl.Int64)
_LASTING = ("infusion", "device")
_NAMED = ("trigger", "statement")
_UNREAD = "unread_finding"
_THERAPIES = ("infusion", "device", "dose")
_READING = "reading"


@dataclass(frozen=True)
class Settled:
    """The rows that stand, and what became of the others.

    ``charted``: settled rows of the concepts asked for. ``known``: patient, first, known = the first row, and the last
    moment anything is known, over every concept. ``superseded``, ``later``: numbers of rows that lost, and of those
    that ``as_of`` cut off.
    """

    charted: Charted
    known: pl.DataFrame
    superseded: pl.Series
    later: pl.Series

    @property
    def patient_type(self) -> pl.DataType:
        """The type in which patients are coded."""
        return self.known.schema["patient"]


def settle(
    observations: pl.DataFrame, knowledge: Knowledge, concepts: Iterable[str], *, as_of: int | None = None
) -> Settled:
    """Settle admitted rows (``schema.OBSERVATIONS``), keeping the concepts asked for.

    ``as_of`` is in microseconds on the rows' clock.
    """
    rows, later = observations, _NONE
    if as_of is not None:
        counts = (pl.col("time") <= as_of) & (pl.col("available").is_null() | (pl.col("available") <= as_of))
        rows, later = observations.filter(counts), observations.filter(~counts)["row"]
    rows, lost = _drop_entered_in_error(_with_codes(rows, knowledge), _any_in_doubt(knowledge))
    frames: dict[str, pl.DataFrame] = {}
    losers = [lost]
    for key, own in _by_concept(rows, sorted(concepts)):
        frames[key], superseded = _one_row_a_fact(_in_order(own, knowledge.concepts[key]), knowledge.concepts[key])
        losers.append(superseded)
    nothing = rows.clear().drop("concept")
    return Settled(Charted(frames, nothing), known_until(rows, knowledge), pl.concat(losers), later)


def _with_codes(rows: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Patients and concepts as ordered codes: comparing them costs as much as comparing integers."""
    ids = rows["patient"].unique().drop_nulls().sort()
    return rows.with_columns(
        pl.col("patient").cast(pl.Enum(ids)), pl.col("concept").cast(pl.Enum(sorted(knowledge.concepts)))
    )


def unread() -> pl.Expr:
    """Rows that admission hands on for rows that it rejected."""
    return pl.col("row") < 0


def in_doubt(kind: str) -> pl.Expr:
    """Rows of a therapy or a reading that say only that something was charted and could not be read."""
    if kind == _READING:
        return unread()
    bound = pl.col("comparator").cast(pl.String).eq_missing(pl.lit(">="))
    if kind not in _THERAPIES:
        return pl.lit(value=False)
    return bound if kind == "device" else bound & pl.col("value").eq_missing(pl.lit(0.0))


def _any_in_doubt(knowledge: Knowledge) -> pl.Expr:
    """The same for rows of every concept, each by its kind."""
    keys = {kind: [c.key for c in knowledge.concepts.values() if c.kind == kind] for kind in (*_THERAPIES, _READING)}
    return pl.any_horizontal(pl.col("concept").is_in(own) & in_doubt(kind) for kind, own in keys.items())


def _drop_entered_in_error(rows: pl.DataFrame, doubtful: pl.Expr) -> tuple[pl.DataFrame, pl.Series]:
    wrong = pl.col("status") == "entered-in-error"
    marks = rows.filter(wrong)
    if marks.is_empty():
        return rows, _NONE
    kept, lost = rows.filter(~wrong), [marks["row"]]
    # a mark points by its source, or says the same fact once more
    for pointer in (["patient", "concept", "source"], ["patient", "concept", "time", "value", "text"]):
        keys = marks.select(pointer).unique()
        lost.append(kept.join(keys, on=pointer, how="semi", nulls_equal=True)["row"])
        kept = kept.join(keys, on=pointer, how="anti", nulls_equal=True, maintain_order="left")
    # of what could not be read the value cannot be named once more: the moment is enough
    unread = pl.col("concept") == _UNREAD
    for pointer, pointed in (
        (["patient", "about", "time"], doubtful | unread),
        (["patient", "about", "source"], unread),
    ):
        gone = _pointed_at(kept, marks, pointer) & kept.select(pointed.alias("pointed"))["pointed"]
        lost.append(kept.filter(gone)["row"])
        kept = kept.filter(~gone)
    return kept, pl.concat(lost)


def _pointed_at(rows: pl.DataFrame, marks: pl.DataFrame, pointer: list[str]) -> pl.Series:
    """Which rows a mark points at; ``about`` is the concept, of an unread finding the one in its text."""
    concept = pl.col("concept").cast(pl.String)
    about = pl.when(pl.col("concept") == _UNREAD).then(pl.col("text").cast(pl.String)).otherwise(concept)
    keys = marks.with_columns(concept.alias("about")).select(pointer).unique()
    named = rows.with_columns(about.alias("about")).select(pointer)
    found = named.join(
        keys.with_columns(pl.lit(value=True).alias("hit")), on=pointer, how="left", maintain_order="left"
    )
    return found["hit"].fill_null(value=False)


def known_until(rows: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Per patient: the first row, and the last moment anything is known (semantics page, section 3)."""
    longest = [min(knowledge.concepts[key].valid_for_us or 0, _LONGEST_WATCH) for key in sorted(knowledge.concepts)]
    valid = pl.Series(longest, dtype=pl.Int64).gather(rows["concept"].to_physical())
    until = pl.col("time") + valid
    if rows["until"].null_count() < rows.height:
        until = pl.when(pl.col("until").is_null()).then(until).otherwise(pl.max_horizontal("time", "until"))
    spoken = rows.select("patient", pl.col("time").alias("first"), until.alias("known"))
    found = spoken.group_by("patient").agg(pl.col("first").min(), pl.col("known").max()).sort("patient")
    ended = (rows["concept"] == WATCH_ENDED).fill_null(value=False)
    return _ended(found, rows.filter(ended), rows.filter(~ended)) if ended.any() else found


def _ended(found: pl.DataFrame, ends: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Whose watch somebody ended, and nothing was charted later, is known until then."""
    last = ends.group_by("patient").agg(pl.col("time").max().alias("ended"))
    charted = others.group_by("patient").agg(pl.col("time").max().alias("charted"))
    both = found.join(last, on="patient", how="left", maintain_order="left").join(
        charted, on="patient", how="left", maintain_order="left"
    )
    over = (pl.col("ended") >= pl.col("charted").fill_null(pl.col("ended"))).fill_null(value=False)
    return both.select("patient", "first", pl.when(over).then("ended").otherwise("known").alias("known"))


def _by_concept(rows: pl.DataFrame, concepts: list[str]) -> Iterable[tuple[str, pl.DataFrame]]:
    codes = rows["concept"]
    present = set(codes.unique().cast(pl.String).to_list())
    plain = rows.drop("concept")
    for key in concepts:
        if key in present:
            yield key, plain.filter(codes == key)


def _in_order(own: pl.DataFrame, concept: Concept) -> pl.DataFrame:
    """By patient and time; where rows may share a time, the smallest source comes last."""
    if concept.kind in (*_LASTING, *_NAMED):
        return own.sort("patient", "time", "source", descending=[False, False, True])
    patient, time = pl.col("patient").to_physical(), pl.col("time")
    before_patient, before_time = patient.shift(1), time.shift(1)
    ahead = (patient > before_patient) | ((patient == before_patient) & (time >= before_time))
    in_order = own.select(ahead.fill_null(value=True).all()).item()
    return own if in_order else own.sort("patient", "time")


def _one_row_a_fact(own: pl.DataFrame, concept: Concept) -> tuple[pl.DataFrame, pl.Series]:
    same = (pl.col("patient") == pl.col("patient").shift(1)) & (pl.col("time") == pl.col("time").shift(1))
    repeats = own.select(same.fill_null(value=False).alias("same"))["same"]
    if not repeats.any():
        return own, _NONE
    # only rows that share patient and time with a neighbor can lose: the rest is not looked at again
    numbered = own.with_row_index("at")
    doubtful = numbered.filter(repeats | repeats.shift(-1, fill_value=False))
    losers = doubtful.join(_survivors(doubtful, concept), on="at", how="anti")
    kept = numbered.join(losers.select("at"), on="at", how="anti", maintain_order="left").drop("at")
    return kept, losers["row"]


def _survivors(doubtful: pl.DataFrame, concept: Concept) -> pl.DataFrame:
    """The ``at`` positions of the rows that stand, one a fact."""
    fact = ["patient", "time", *(["until"] if concept.kind in _LASTING else [])]
    fact += ["text"] if concept.kind in _NAMED or concept.free_text else []
    status = pl.col("status").cast(pl.String)
    bound = pl.col("comparator").cast(pl.String)
    order = [
        (status.replace_strict(_STATUS_RANK, default=1, return_dtype=pl.Int8), True),
        *_readable_first(concept),
        (pl.coalesce("available", "time"), True),
        *_given_first(concept),
        (_badness(concept), True),
        (bound.replace_strict(_COMPARATOR_RANK, default=_NO_COMPARATOR, return_dtype=pl.Int8), False),
        (pl.col("until").fill_null(_NO_END), True),
        (pl.col("source"), False),
        (pl.col("row"), False),
    ]
    if concept.kind in _THERAPIES:
        # what could not be read neither wins nor loses against what could
        doubtful = doubtful.with_columns(in_doubt(concept.kind).alias("in_doubt"))
        fact.append("in_doubt")
    best_first = doubtful.sort([by for by, _ in order], descending=[down for _, down in order], nulls_last=True)
    return best_first.unique(fact, keep="first", maintain_order=True).select("at")


def _readable_first(concept: Concept) -> list[tuple[pl.Expr, bool]]:
    """Of one measurement written down twice, the one that can be read says what it was."""
    return [(unread(), False)] if concept.kind == _READING else []


def _given_first(concept: Concept) -> list[tuple[pl.Expr, bool]]:
    """A dose whose amount nobody charted was given: it wins over one of 0, which was not."""
    amount = pl.col("value")
    return [(amount.is_null() | (amount > 0), True)] if concept.kind == "dose" else []


def _badness(concept: Concept) -> pl.Expr:
    """How bad a row is: the value in the concept's direction, or the category's place in its list."""
    value = -pl.col("value") if concept.worse == "low" else pl.col("value")
    if concept.categories:
        places = {category: float(place) for place, category in enumerate(concept.categories)}
        coded = pl.col("text").cast(pl.String).replace_strict(places, default=None, return_dtype=pl.Float64)
        value = pl.coalesce(coded, value)
    return value.fill_null(float("-inf"))
