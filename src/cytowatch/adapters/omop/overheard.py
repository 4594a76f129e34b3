"""Rows of ``measurement`` and ``observation`` whose concept no table knows: what their words speak of (decision 0034).

``O2 Delivery Device`` = ``Endotracheal tube`` under a local concept is no device that can be graded, and no silence.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.omop.unknown import Guess
from cytowatch.adapters.omop.vocabulary import Concepts

TABLES = ("measurement", "observation")
_WORDS = ("value_as_string", "value_source_value")
_CODED, _NUMBER = "value_as_concept_id", "value_as_number"
_LETTER = r"[^\W\d_]"
# of what a row says, as much as a reject shows
_LONGEST = 60


class Overheard:
    """Asked once per distinct combination of the concept's columns and the answer; of a number only whether it is 0."""

    def __init__(self, concepts: Concepts, columns: tuple[str, str, str], guess: Guess) -> None:
        self._concepts = concepts
        self._columns = columns
        self._guess = guess
        self._known: dict[tuple[str | None, ...], str] = {}

    def beside(self, frame: pl.DataFrame, asked: pl.Expr) -> pl.DataFrame:
        """The rows with ``spoken``, the concept that those ``asked`` speak of; empty if they speak of none."""
        words = [name for name in _WORDS if name in frame.columns]
        answers = [_answer(name).alias(f"_{name}") for name in (*words, _NUMBER)]
        keyed = frame.with_columns(*answers, pl.col(_CODED).alias(f"_{_CODED}"))
        keys = (*self._columns, *(f"_{name}" for name in (*words, _NUMBER, _CODED)))
        every = [(*key, self._of(key)) for key in keyed.filter(asked).select(keys).unique().iter_rows()]
        schema = dict.fromkeys((*keys, "spoken"), pl.String)
        found = pl.DataFrame([row for row in every if row[-1]], schema=schema, orient="row")
        joined = keyed.join(found, on=keys, how="left", nulls_equal=True, maintain_order="left")
        return joined.drop(name for name in keys if name not in self._columns)

    def said(self, frame: pl.DataFrame) -> pl.Expr:
        """What a row says, for its reject: its name, then its answer."""
        ids = {one for name in (*self._columns[:2], _CODED) for one in frame[name].unique().drop_nulls()}
        called = {one: said for one in sorted(ids) if (said := next(iter(self._concepts.names(one)), ""))}

        def named(column: str) -> pl.Expr:
            return pl.col(column).replace_strict(called, default=None, return_dtype=pl.String)

        name = pl.coalesce(self._columns[2], named(self._columns[0]), named(self._columns[1]), self._columns[0])
        words = [pl.col(one) for one in _WORDS if one in frame.columns]
        answer = pl.coalesce(*words, named(_CODED), _NUMBER).str.slice(0, _LONGEST)
        return pl.concat_str([name.str.slice(0, _LONGEST), answer], separator=": ", ignore_nulls=True)

    def _of(self, key: tuple[str | None, ...]) -> str:
        if key not in self._known:
            concept, source, printed, *answers, coded = key
            # concept 0 is called `No matching concept`
            names, meant = (
                self._concepts.names(*(one for one in ids if one != "0")) for ids in ((concept, source), (coded,))
            )
            self._known[key] = self._guess.observed([printed, *names], [*answers, *meant])
        return self._known[key]


def _answer(column: str) -> pl.Expr:
    """An answer in words as it is; of a number only that it is 0."""
    number = pl.col(column).cast(pl.Float64, strict=False)
    worded = pl.when(pl.col(column).str.contains(_LETTER) & number.is_null()).then(pl.col(column))
    return pl.when(number == 0).then(pl.lit("0")).otherwise(worded)
