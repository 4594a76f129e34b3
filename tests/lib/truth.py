"""What the tables say of one moment, by exact arithmetic: an evaluator of rules that shares nothing with the engines.

Numbers are fractions, so that ``on the cut-off`` means on it. A truth is (certain, possible).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from cytowatch.knowledge import load
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Band,
    Compare,
    ExceptKnown,
    In,
    Node,
    Not,
    Possible,
    Running,
    Scale,
    ThresholdBand,
)

Truth = tuple[bool, bool]
OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
OFF, UNCLASSED = "room_air", "other"


@dataclass(frozen=True)
class Age:
    """Completed days and completed years."""

    days: int
    years: int


@dataclass(frozen=True)
class Facts:
    """Everything that holds at one moment: readings and rates in canonical units, one device, the age."""

    readings: dict[str, Fraction] = field(default_factory=dict)
    rates: dict[str, Fraction] = field(default_factory=dict)
    device: str = ""
    age: Age | None = None
    own: dict[str, Fraction] = field(default_factory=dict)

    @property
    def device_on(self) -> bool:
        """A device is on."""
        return self.device not in {"", OFF}


def holds(node: Node, facts: Facts) -> Truth:
    """Whether a rule holds."""
    match node:
        case Compare():
            return _compared(node, facts)
        case AnyMeasured():
            return _any_measured(node, facts)
        case In():
            on = facts.device in node.categories
            return on, on or facts.device == UNCLASSED
        case Running():
            count = sum(facts.rates.get(drug, 0) > 0 for drug in node.concepts)
            return count >= node.at_least, count >= node.at_least
        case All() | AnyOf():
            parts = [holds(part, facts) for part in node.of]
            how = all if isinstance(node, All) else any
            return how(certain for certain, _ in parts), how(possible for _, possible in parts)
        case Not():
            certain, possible = holds(node.of, facts)
            return not possible, not certain
        case Possible():
            return False, holds(node.of, facts)[0]
        case ExceptKnown():
            known = holds(node.of, facts)[0]
            return not known, not known


def _compared(node: Compare, facts: Facts) -> Truth:
    value = facts.readings.get(node.concept)
    if node.without and (facts.device_on or value is None):
        return False, False
    if value is None:
        return False, True
    met = OPERATORS[node.op](value, Fraction(str(node.value)))
    return met, met


def _any_measured(node: AnyMeasured, facts: Facts) -> Truth:
    truths = [truth for part in node.of if (truth := _by_threshold(part, facts)) is not None]
    if not truths:
        return False, True
    return any(certain for certain, _ in truths), any(possible for _, possible in truths)


def _by_threshold(node: Compare, facts: Facts) -> Truth | None:
    """None where nothing is measured, or where it is not used at this age."""
    value = facts.readings.get(node.concept)
    if value is None:
        return None
    if node.threshold in facts.own:
        cuts, always = {facts.own[node.threshold]}, True
    elif facts.age is not None:
        cut = cutoff(node.threshold, facts.age)
        if cut is None:
            return None
        cuts, always = {cut}, True
    else:
        cuts, always = every_cutoff(node.threshold)
    met = [OPERATORS[node.op](value, cut) for cut in cuts]
    # a threshold that does not exist at every age can never be met for certain while the age is unknown
    if not always:
        return (False, True) if any(met) else None
    return all(met), any(met)


def cutoff(threshold: str, age: Age) -> Fraction | None:
    """The cut-off at an age; None where the table has none."""
    for band in load().thresholds[threshold].bands:
        if _inside(band, age):
            return Fraction(str(band.base)) + Fraction(str(band.per_year)) * age.years
    return None


def _inside(band: ThresholdBand, age: Age) -> bool:
    return (
        (band.from_days is None or age.days >= band.from_days)
        and (band.to_days is None or age.days < band.to_days)
        and (band.from_years is None or age.years >= band.from_years)
        and (band.to_years is None or age.years < band.to_years)
    )


@lru_cache(maxsize=8)
def every_cutoff(threshold: str) -> tuple[set[Fraction], bool]:
    """The cut-offs of every age, and whether there is one at every age."""
    ages = [Age(day, int(Fraction(day) / Fraction("365.25"))) for day in range(366)]
    ages += [Age(year * 366, year) for year in range(1, 120)]
    found = [cutoff(threshold, age) for age in ages]
    return {cut for cut in found if cut is not None}, None not in found


@dataclass(frozen=True)
class Grade:
    """What a CRS scale says: the criteria met for certain, and the bounds of the grade."""

    criteria: frozenset[str]
    at_least: int
    at_most: int


def crs_grade(scale: Scale, facts: Facts) -> Grade:
    """The grade of a moment whose temperature is measured, at which no drug waives fever."""
    truths = {criterion.id: holds(criterion.when, facts) for criterion in scale.criteria}
    grades = {criterion.id: criterion.grade for criterion in scale.criteria}
    opening = scale.episode.opens_with
    low = max((grades[name] for name, (certain, _) in truths.items() if certain and name != opening), default=0)
    high = max((grades[name] for name, (_, possible) in truths.items() if possible and name != opening), default=0)
    met = frozenset(name for name, (certain, _) in truths.items() if certain)
    if truths[opening][0]:
        return Grade(met, max(1, low), max(1, high))
    return Grade(met, 0, high)


def band_grade(bands: tuple[Band, ...], value: Fraction) -> int:
    """The grade of the band that a score falls into."""
    return max((Fraction(str(band.low)), band.grade) for band in bands if Fraction(str(band.low)) <= value)[1]


def compares(node: Node, devices: tuple[str, ...] = ()) -> Iterator[tuple[Compare, tuple[str, ...]]]:
    """Every comparison in a rule, with the devices beside which it counts (none = it stands alone)."""
    match node:
        case Compare():
            yield node, devices
        case All():
            beside = tuple(name for part in node.of if isinstance(part, In) for name in part.categories)
            for part in node.of:
                yield from compares(part, beside)
        case AnyOf() | AnyMeasured():
            for part in node.of:
                yield from compares(part, devices)
        case Not() | Possible() | ExceptKnown():
            yield from compares(node.of, devices)
        case _:
            return
