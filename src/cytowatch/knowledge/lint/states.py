"""The finite state space of a rule: just under, on and just over each cut-off, each category, drugs, and unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

from cytowatch.knowledge.lint.logic import (
    AGE,
    DAYS_A_YEAR,
    OTHER,
    ROOM_AIR,
    Age,
    Drugs,
    Logic,
    Roles,
    Special,
    State,
    Value,
    extremes,
    leaves,
    role_name,
)
from cytowatch.knowledge.model import Compare, Concept, Criterion, In, Knowledge, Running, Threshold
from cytowatch.units import DECIMALS

# the finest difference that admission keeps
STEP = 10.0**-DECIMALS
OLDEST = 120


@dataclass(frozen=True)
class Axis:
    """One thing that the rules read: the values it can take, what each may turn out to be, and what is worse."""

    name: str
    values: tuple[Value, ...]
    may_be: dict[Value, tuple[Value, ...]] = field(default_factory=dict)
    worse: dict[Value, tuple[Value, ...]] = field(default_factory=dict)
    known: frozenset[Value] = frozenset()


@dataclass(frozen=True)
class Space:
    """Criteria that read the same things, and everything that can be known of those."""

    criteria: tuple[Criterion, ...]
    axes: tuple[Axis, ...]
    logic: Logic

    def states(self) -> Iterator[tuple[Value, ...]]:
        """Every state, one value an axis."""
        return product(*(axis.values for axis in self.axes))

    def named(self, state: tuple[Value, ...]) -> State:
        """A state by the names of its axes."""
        return {axis.name: value for axis, value in zip(self.axes, state, strict=True)}

    def shown(self, state: tuple[Value, ...]) -> str:
        """A state in words, for a person."""
        return ", ".join(f"{axis.name} {_shown(value)}" for axis, value in zip(self.axes, state, strict=True))

    def is_known(self, state: tuple[Value, ...]) -> bool:
        """Whether nothing of the state is unknown."""
        return all(value in axis.known for axis, value in zip(self.axes, state, strict=True))


def _shown(value: Value) -> str:
    if isinstance(value, Special):
        return value.value
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def spaces(criteria: Iterable[Criterion], knowledge: Knowledge) -> list[Space]:
    """The criteria in groups of which no two read the same thing: their outcomes can be combined afterwards."""
    criteria = tuple(criteria)
    logic = Logic(
        knowledge.thresholds,
        _roles(criteria),
        frozenset(key for key, concept in knowledge.concepts.items() if concept.kind == "device"),
    )
    groups: list[tuple[set[str], list[Criterion]]] = []
    for criterion in criteria:
        names, members = _names(criterion, logic.roles), [criterion]
        for other in [group for group in groups if group[0] & names]:
            groups.remove(other)
            names, members = names | other[0], other[1] + members
        groups.append((names, members))
    return [Space(tuple(members), _axes(members, logic, knowledge), logic) for _, members in groups]


def _roles(criteria: tuple[Criterion, ...]) -> Roles:
    """Drugs that stand in exactly the same lists are alike: only how many of them run matters."""
    lists = [set(leaf.concepts) for part in criteria for leaf in leaves(part.when) if isinstance(leaf, Running)]
    drugs = sorted(set().union(*lists))
    found: dict[tuple[bool, ...], list[str]] = {}
    for drug in drugs:
        found.setdefault(tuple(drug in names for names in lists), []).append(drug)
    return tuple(tuple(names) for names in found.values())


def _names(criterion: Criterion, roles: Roles) -> set[str]:
    found: set[str] = set()
    for leaf in leaves(criterion.when):
        if isinstance(leaf, Running):
            found |= {role_name(role) for role in roles if role[0] in leaf.concepts}
        else:
            found.add(leaf.concept)
        if isinstance(leaf, Compare):
            found |= ({AGE} if leaf.threshold else set()) | ({leaf.without} if leaf.without else set())
    return found


def _axes(criteria: list[Criterion], logic: Logic, knowledge: Knowledge) -> tuple[Axis, ...]:
    found = [leaf for criterion in criteria for leaf in leaves(criterion.when)]
    compared = [leaf for leaf in found if isinstance(leaf, Compare)]
    listed = {leaf.concept for leaf in found if isinstance(leaf, In)} | {leaf.without for leaf in compared} - {""}
    axes = [_drug_axis(role) for role in logic.roles if any(_reads(leaf, role) for leaf in found)]
    axes += [category_axis(knowledge.concepts[name]) for name in sorted(listed)]
    axes += [
        _reading_axis(knowledge.concepts[name], [leaf for leaf in compared if leaf.concept == name], knowledge)
        for name in sorted({leaf.concept for leaf in compared})
    ]
    cuts = [knowledge.thresholds[leaf.threshold] for leaf in compared if leaf.threshold]
    return (*axes, *([_age_axis(cuts)] if cuts else []))


def _reads(leaf: Compare | In | Running, role: tuple[str, ...]) -> bool:
    return isinstance(leaf, Running) and role[0] in leaf.concepts


def _drug_axis(role: tuple[str, ...]) -> Axis:
    size = len(role)
    values = [Drugs(on, unknown) for on in range(size + 1) for unknown in range(size + 1 - on)]
    return Axis(
        role_name(role),
        tuple(values),
        {v: (Drugs(v.on, v.unknown - 1), Drugs(v.on + 1, v.unknown - 1)) for v in values if v.unknown},
        {v: (Drugs(v.on + 1, v.unknown),) for v in values if v.on + v.unknown < size},
        frozenset(v for v in values if not v.unknown),
    )


def category_axis(concept: Concept) -> Axis:
    """A coded concept: a device may besides be off, and `other` is a device of unknown class."""
    unknown = Special.UNKNOWN
    if concept.kind != "device":
        values: tuple[Value, ...] = concept.categories
        later: dict[Value, tuple[Value, ...]] = {old: (new,) for old, new in pairwise(values)}
        return Axis(concept.key, (unknown, *values), {unknown: values}, later, frozenset(values))
    on = tuple(name for name in concept.categories if name not in {ROOM_AIR, OTHER})
    values = (Special.OFF, *concept.categories)
    off = tuple(name for name in (Special.OFF, *concept.categories) if name in {Special.OFF, ROOM_AIR})
    may_be: dict[Value, tuple[Value, ...]] = {unknown: values}
    if OTHER in values:
        may_be[OTHER] = on
    return Axis(concept.key, (unknown, *values), may_be, dict.fromkeys(off, on), frozenset(values) - {OTHER})


def _reading_axis(concept: Concept, compared: list[Compare], knowledge: Knowledge) -> Axis:
    cuts = {cut for leaf in compared for cut in cut_offs(leaf, knowledge)}
    low, high = concept.plausible.get(concept.units[0], (-math.inf, math.inf))
    points = {number for cut in cuts for number in (cut - STEP, cut, cut + STEP)} | {low, high}
    numbers = sorted((number for number in points if low <= number <= high), reverse=concept.worse == "low")
    unknown, undecided = Special.UNKNOWN, Special.UNDECIDED
    return Axis(
        concept.key,
        (unknown, undecided, *numbers),
        {unknown: (undecided, *numbers), undecided: tuple(numbers)},
        {old: (new,) for old, new in pairwise(numbers)},
        frozenset(numbers),
    )


def cut_offs(leaf: Compare, knowledge: Knowledge) -> set[float]:
    """The numbers that a plain comparison, or one by age, compares with."""
    if leaf.value is not None:
        return {leaf.value}
    threshold = knowledge.thresholds[leaf.threshold]
    yearly = {
        band.base + band.per_year * year
        for band in threshold.bands
        if band.per_year and band.to_years is not None
        for year in range(int(band.from_years or 0), int(band.to_years))
    }
    return yearly | {cut for band in threshold.bands for cut in extremes(band)}


def _age_axis(thresholds: list[Threshold]) -> Axis:
    known = tuple(sorted({age for part in thresholds for age in ages(part)}, key=lambda age: age.days))
    return Axis(AGE, (Special.UNKNOWN, *known), {Special.UNKNOWN: known}, {}, frozenset(known))


def ages(threshold: Threshold) -> list[Age]:
    """An age just before and at each edge of the bands, each year of a band that changes by year, birth and old age."""
    days = {0, _first_day(OLDEST)}
    for band in threshold.bands:
        edges = {edge for edge in (band.from_days, band.to_days) if edge is not None}
        edges |= {_first_day(year) for year in (band.from_years, band.to_years) if year is not None}
        if band.per_year and band.to_years is not None:
            edges |= {_first_day(year) for year in range(int(band.from_years or 0), int(band.to_years))}
        days |= {day for edge in edges for day in (edge - 1, edge)}
    return [Age(day, int(day / DAYS_A_YEAR)) for day in sorted(days) if day >= 0]


def _first_day(year: float) -> int:
    """The first whole day at which that many years are completed."""
    return math.ceil(year * DAYS_A_YEAR)
