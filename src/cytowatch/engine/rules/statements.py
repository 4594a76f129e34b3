"""Statements about a moment, put together from what the leaves of a condition say.

What the leaves say stands in the counters of a frame and in Boolean columns. A statement is worked out over them when
it is asked for, and kept: a scale puts thousands of small steps together, and planned one by one they cost more than
they compute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

import polars as pl


class Statement:
    """Something that holds or does not, at every row of a frame; combined by ``&``, ``|`` and ``~``."""

    def __and__(self, other: Statement) -> Statement:
        return every([self, other])

    def __or__(self, other: Statement) -> Statement:
        return either([self, other])

    def __invert__(self) -> Statement:
        if isinstance(self, _Constant):
            return NO if self.holds else YES
        return self.part if isinstance(self, _Opposite) else _Opposite(self)


@dataclass(frozen=True, eq=False)
class Leaf(Statement):
    """A Boolean column of the frame."""

    name: str


@dataclass(frozen=True, eq=False)
class Open(Statement):
    """At least one interval of a class is open: a counter of the frame is above 0."""

    counter: str


@dataclass(frozen=True, eq=False)
class Bit(Statement):
    """One bit of a counter of the frame is set."""

    counter: str
    place: int


@dataclass(frozen=True, eq=False)
class _Constant(Statement):
    holds: bool


@dataclass(frozen=True, eq=False)
class _Opposite(Statement):
    part: Statement


@dataclass(frozen=True, eq=False)
class _Every(Statement):
    parts: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class _Either(Statement):
    parts: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class _AtLeast(Statement):
    parts: tuple[Statement, ...]
    number: int


NO, YES = _Constant(holds=False), _Constant(holds=True)


def every(parts: Iterable[Statement]) -> Statement:
    """All of them hold; none is needed for that."""
    kept = tuple(part for part in parts if part is not YES)
    if any(part is NO for part in kept):
        return NO
    return YES if not kept else kept[0] if len(kept) == 1 else _Every(kept)


def either(parts: Iterable[Statement]) -> Statement:
    """At least one of them holds."""
    kept = tuple(part for part in parts if part is not NO)
    if any(part is YES for part in kept):
        return YES
    return NO if not kept else kept[0] if len(kept) == 1 else _Either(kept)


def at_least(number: int, parts: Iterable[Statement]) -> Statement:
    """So many of them hold."""
    return _AtLeast(tuple(parts), number)


class Told:
    """What statements say at the rows of one frame of counters and Boolean columns."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.height = frame.height
        self._columns: Mapping[str, pl.Series] = dict(zip(frame.columns, frame.get_columns(), strict=True))
        self._known: dict[Statement, pl.Series] = {}

    def of(self, statement: Statement) -> pl.Series:
        """A Boolean series: where the statement holds."""
        if statement not in self._known:
            self._known[statement] = self._worked_out(statement)
        return self._known[statement]

    def _worked_out(self, statement: Statement) -> pl.Series:
        match statement:
            case _Opposite(part):
                return ~self.of(part)
            case _Every(parts):
                return reduce(and_, map(self.of, parts))
            case _Either(parts):
                return reduce(or_, map(self.of, parts))
            case _AtLeast(parts, number):
                return self.sum((1, part) for part in parts) >= number
            case _:
                return self._read(statement)

    def _read(self, statement: Statement) -> pl.Series:
        match statement:
            case Leaf(name):
                return self._columns[name]
            case Open(counter):
                return self._columns[counter] > 0
            case Bit(counter, place):
                return (self._columns[counter] & (1 << place)) != 0
            case _Constant(holds):
                return pl.Series([holds]).new_from_index(0, self.height)
        raise TypeError(f"no rule for {statement!r}")

    def sum(self, weighed: Iterable[tuple[int, Statement]]) -> pl.Series:
        """At each row the sum of the weights of the statements that hold, in 64 bits."""
        total = pl.Series([0], dtype=pl.Int64).new_from_index(0, self.height)
        for weight, statement in weighed:
            if statement is not NO:
                held = self.of(statement).cast(pl.Int64)
                total = total + (held if weight == 1 else held * weight)
        return total

    def mask(self, statements: Mapping[str, Statement]) -> pl.Series:
        """Integers whose bit *n* is set where the *n*-th statement holds."""
        return self.sum((1 << place, statement) for place, statement in enumerate(statements.values()))
