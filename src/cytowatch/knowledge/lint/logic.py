"""Criteria in three values, in plain Python: a third reading of the rules, small enough to be read beside them.

A state says for each concept what is known of it. ``Logic`` gives each condition its pair (certain, possible), and says
where a condition speaks for what is *not* charted: there a new fact may contradict it, and nothing else may.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    ExceptKnown,
    In,
    Node,
    Not,
    Possible,
    Running,
    Threshold,
    ThresholdBand,
)

AGE = "age"
# a device that is off, and one whose class nobody knows (semantics page, section 2)
ROOM_AIR, OTHER = "room_air", "other"
DAYS_A_YEAR = 365.25
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
}  # fmt: skip


class Special(Enum):
    """What is known of a concept besides a plain value."""

    UNKNOWN = "unknown"
    UNDECIDED = "measured but undecided"
    OFF = "not charted"


@dataclass(frozen=True)
class Age:
    """Completed days and years."""

    days: int
    years: int

    def __str__(self) -> str:
        return f"{self.years} years" if self.years else f"{self.days} days"


@dataclass(frozen=True)
class Drugs:
    """Of some drugs that the rules treat alike: how many run, and of how many it is not known."""

    on: int
    unknown: int

    def __str__(self) -> str:
        return f"{self.on} on" + (f", {self.unknown} unknown" if self.unknown else "")


_OFF = (Special.OFF, Special.UNKNOWN, ROOM_AIR)
Value = float | str | Special | Age | Drugs
State = Mapping[str, Value]
Truth = tuple[bool, bool]
Roles = tuple[tuple[str, ...], ...]


def role_name(role: tuple[str, ...]) -> str:
    """The name under which the drugs of one role stand in a state."""
    return "+".join(role)


def leaves(node: Node) -> Iterator[Compare | In | Running]:
    """Every condition of a tree that reads a concept."""
    match node:
        case Compare() | In() | Running():
            yield node
        case Not() | Possible() | ExceptKnown():
            yield from leaves(node.of)
        case All() | AnyOf() | AnyMeasured():
            for part in node.of:
                yield from leaves(part)


class Granted(NamedTuple):
    """Something that a condition takes for granted because it is not charted (None: it does not), and how it is."""

    assumed: object
    seen: object


@dataclass(frozen=True)
class Logic:
    """The meaning of the closed vocabulary, for one set of thresholds and one grouping of drugs."""

    thresholds: Mapping[str, Threshold]
    roles: Roles
    devices: frozenset[str]

    def truth(self, node: Node, state: State) -> Truth:
        """Certain, and not excluded."""
        match node:
            case Compare():
                return self._compared(node, state)
            case In():
                return self._listed(node, state)
            case Running():
                return self._running(node, state)
            case AnyMeasured():
                return self._any_measured(node, state)
            case All():
                parts = [self.truth(part, state) for part in node.of]
                return all(sure for sure, _ in parts), all(open_ for _, open_ in parts)
            case AnyOf():
                parts = [self.truth(part, state) for part in node.of]
                return any(sure for sure, _ in parts), any(open_ for _, open_ in parts)
            case Not():
                sure, open_ = self.truth(node.of, state)
                return not open_, not sure
            case Possible():
                return False, self.truth(node.of, state)[1]
            case ExceptKnown():
                known = self.truth(node.of, state)[0]
                return not known, not known
            case _:
                raise TypeError(f"{type(node).__name__} is for scales of the method rules")

    def _compared(self, node: Compare, state: State) -> Truth:
        found = self.reading(node, state)
        if not node.without:
            return found is True, found is not False
        off = state[node.without] in _OFF
        return found is True and off, found in (True, Special.UNDECIDED) and off

    def reading(self, node: Compare, state: State) -> bool | Special:
        """True, false, undecided, or unknown where no reading is in force."""
        value = state[node.concept]
        if node.threshold:
            return self._by_age(self.thresholds[node.threshold], node.op, value, state[AGE])
        if isinstance(value, Special):
            return value
        return OPERATORS[node.op](_number(value), _number(node.value))

    def _by_age(self, threshold: Threshold, op: str, value: Value, age: Value) -> bool | Special:
        everywhere = any(not band.from_days and not band.from_years for band in threshold.bands)
        used = [band for band in threshold.bands if not isinstance(age, Age) or covers(band, age)]
        if value is Special.UNKNOWN or not used:
            return Special.UNKNOWN
        if value is Special.UNDECIDED:
            return Special.UNDECIDED
        cuts = [limit(used[0], age)] if isinstance(age, Age) else [cut for band in used for cut in extremes(band)]
        met = {OPERATORS[op](_number(value), cut) for cut in cuts}
        if isinstance(age, Age) or (everywhere and len(met) == 1):
            return met.pop()
        return Special.UNKNOWN if met == {False} else Special.UNDECIDED

    def _listed(self, node: In, state: State) -> Truth:
        value = state[node.concept]
        if node.concept in self.devices and value == OTHER:
            return False, True
        sure = value in node.categories and value != ROOM_AIR
        return sure, sure or value is Special.UNKNOWN

    def _running(self, node: Running, state: State) -> Truth:
        counted = [state[role_name(role)] for role in self.roles if role[0] in node.concepts]
        drugs = [part for part in counted if isinstance(part, Drugs)]
        on = sum(part.on for part in drugs)
        return on >= node.at_least, on + sum(part.unknown for part in drugs) >= node.at_least

    def _any_measured(self, node: AnyMeasured, state: State) -> Truth:
        found = [self.reading(part, state) for part in node.of if isinstance(part, Compare)]
        measured = [part for part in found if part is not Special.UNKNOWN]
        return True in found, True in found or Special.UNDECIDED in found or not measured

    def granted(self, node: Node, state: State) -> tuple[Granted, ...]:
        """What the words `without`, `except_known` and `any_measured` take for granted in this state, in order."""
        match node:
            case Compare():
                return self._granted_without(node, state) if node.without else ()
            case ExceptKnown():
                known = self.truth(node.of, state)[0]
                return Granted(known, known), *self.granted(node.of, state)
            case AnyMeasured():
                compared = [part for part in node.of if isinstance(part, Compare)]
                measured = tuple(self.reading(part, state) is not Special.UNKNOWN for part in compared)
                return (Granted(measured if any(measured) else None, measured),)
            case Possible():
                return self.granted(node.of, state)
            case Not():
                return self.granted(node.of, state)
            case All() | AnyOf():
                return tuple(part for inner in node.of for part in self.granted(inner, state))
            case _:
                return ()

    def _granted_without(self, node: Compare, state: State) -> tuple[Granted, ...]:
        """Without a device, no reading means no oxygen; with a reading, no device is taken to be on."""
        off = state[node.without] in _OFF
        measured = self.reading(node, state) is not Special.UNKNOWN
        return Granted(measured if off and not measured else None, measured), Granted(
            off if off and measured else None, off
        )


def contradicts(before: tuple[Granted, ...], after: tuple[Granted, ...]) -> bool:
    """Whether a fact has undone what was taken for granted."""
    return any(old.assumed is not None and old.assumed != new.seen for old, new in zip(before, after, strict=True))


def covers(band: ThresholdBand, age: Age) -> bool:
    """Whether a band of a threshold holds at an age; from included, to not."""
    return (
        (band.from_days is None or age.days >= band.from_days)
        and (band.to_days is None or age.days < band.to_days)
        and (band.from_years is None or age.years >= band.from_years)
        and (band.to_years is None or age.years < band.to_years)
    )


def limit(band: ThresholdBand, age: Age) -> float:
    """The cut-off at an age."""
    return band.base + band.per_year * age.years


def extremes(band: ThresholdBand) -> tuple[float, float]:
    """The cut-offs at the first and the last completed year of a band."""
    first = band.from_years or 0.0
    last = first if band.to_years is None else max(first, band.to_years - 1)
    return band.base + band.per_year * first, band.base + band.per_year * last


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
