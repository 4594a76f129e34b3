"""Rows of ``measurement`` and ``observation`` whose concept no table knows: what their words speak of (decision 0034).

``O2 Delivery Device`` = ``Endotracheal tube`` under a local concept is no device that can be graded, and no silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from cytowatch.adapters.hearing import of_number
from cytowatch.adapters.omop.unknown import Guess
from cytowatch.adapters.omop.vocabulary import Concepts

TABLES = ("measurement", "observation")
_WORDS = ("value_as_string", "value_source_value")
_CODED, _NUMBER = "value_as_concept_id", "value_as_number"
# of what a row says, as much as a reject shows
_LONGEST = 60
_Texts = tuple[str | None, ...]


class Overheard:
    """Asked once per distinct name and answer, and of those that speak of something once per pair of both.

    Of a number it only counts whether it is 0, or a share of oxygen that may be that of air.
    """

    def __init__(self, concepts: Concepts, columns: tuple[str, str, str], guess: Guess) -> None:
        self._concepts = concepts
        self._columns = columns
        self._guess = guess

    def beside(self, frame: pl.DataFrame, asked: pl.Expr) -> pl.DataFrame:
        """The rows with ``spoken``, what those ``asked`` speak of, and whether that is ``mild``; else empty."""
        words = [name for name in _WORDS if name in frame.columns]
        answers = [_answer(name).alias(f"_{name}") for name in (*words, _NUMBER)]
        keyed = frame.with_columns(*answers, pl.col(_CODED).alias(f"_{_CODED}"))
        said = [f"_{name}" for name in (*words, _NUMBER, _CODED)]
        keys = [*self._columns, *said]
        every = keyed.filter(asked).select(keys).unique()
        ends = len(self._columns)
        near = pl.concat([
            self._that_speak(every, self._columns, lambda key: self._guess.hearing.about(self._named(key))),
            self._that_speak(every, said, lambda key: self._guess.hearing.observed((), self._answered(key))),
        ]).unique()  # fmt: skip
        found = [
            (*key, self._of(key[:ends], key[ends:]), self._is_mild(key[:ends], key[ends:])) for key in near.iter_rows()
        ]
        schema = dict.fromkeys((*keys, "spoken"), pl.String()) | {"mild": pl.Boolean()}
        spoken = pl.DataFrame([row for row in found if row[-2]], schema=schema, orient="row")
        if spoken.is_empty():
            return frame.with_columns(spoken=pl.lit(None, pl.String), mild=pl.lit(value=False))
        return keyed.join(spoken, on=keys, how="left", nulls_equal=True, maintain_order="left").drop(said)

    def _that_speak(self, every: pl.DataFrame, columns: Sequence[str], of: Callable[[_Texts], str]) -> pl.DataFrame:
        """The combinations of which these columns alone speak of something."""
        distinct = every.select(columns).unique()
        speak = [key for key in distinct.iter_rows() if of(key)]
        found = pl.DataFrame(speak, schema=distinct.schema, orient="row")
        return every.join(found, on=list(columns), how="semi", nulls_equal=True)

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

    def _of(self, name: _Texts, answer: _Texts) -> str:
        """What the cells of a name (concept, source concept, text) and of an answer (texts, concept) speak of."""
        return self._guess.hearing.observed(self._named(name), self._answered(answer))

    def _is_mild(self, name: _Texts, answer: _Texts) -> bool:
        return self._guess.hearing.is_mild(self._named(name), self._answered(answer))

    def _named(self, name: _Texts) -> list[str | None]:
        return [*name[2:], *self._called(*name[:2])]

    def _answered(self, answer: _Texts) -> list[str | None]:
        return [*answer[:-1], *self._called(*answer[-1:])]

    def _called(self, *concepts: str | None) -> list[str]:
        # concept 0 is called `No matching concept`
        return self._concepts.names(*(one for one in concepts if one != "0"))


def _answer(column: str) -> pl.Expr:
    """An answer in words as it is; of a number only what `hearing.of_number` leaves of it."""
    number = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(number.is_null()).then(pl.col(column)).otherwise(of_number(number))
