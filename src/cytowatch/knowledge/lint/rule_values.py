"""Sampled values for everything that the atoms of some conditions read: around each cut-off, each category, unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cytowatch.knowledge.lint.logic import AGE, DAYS_A_YEAR, OTHER, ROOM_AIR, Age, Drugs, Roles, role_name
from cytowatch.knowledge.lint.rule_logic import (
    DAYS,
    EVERY,
    OFF,
    UNDECIDED,
    UNKNOWN,
    Doses,
    Limits,
    Sample,
    beside,
    given_name,
    reading_name,
    reads,
)
from cytowatch.knowledge.lint.rule_tree import Atom, TimeNode
from cytowatch.knowledge.lint.states import ages, cut_offs
from cytowatch.knowledge.model import (
    AgeYears,
    Compare,
    Concept,
    DaysSinceExposure,
    Estimated,
    Given,
    In,
    Knowledge,
    QuantityCompare,
    Relative,
    Running,
)

# how far from a cut-off its neighbors are sampled: well beyond the tolerance of computed cut-offs
_BESIDE = 1e-6
Measured = Compare | Relative


@dataclass(frozen=True)
class Axis:
    """One thing that is read: the values sampled of it, and which of them leave nothing unknown.

    ``about`` is the concept that it belongs to. What is not known may turn out to be any known value; a reading in
    force that is undecided, or a drug in doubt, as well.
    """

    name: str
    about: str
    values: tuple[Sample, ...]
    known: frozenset[int]
    may_be: dict[int, tuple[int, ...]]


def axes(atoms: Iterable[Atom], roles: Roles, knowledge: Knowledge) -> tuple[Axis, ...]:
    """Every axis that the atoms read, each once, in the order of their names."""
    atoms = tuple(dict.fromkeys(atoms))
    found: dict[str, Axis] = {}
    for axis in (*_of_readings(atoms, knowledge), *_of_the_rest(atoms, roles, knowledge)):
        found.setdefault(axis.name, axis)
    return tuple(found[name] for name in sorted(found))


def axis_of(name: str, about: str, known: Iterable[Sample], unknown: tuple[Sample, ...] = (UNKNOWN,)) -> Axis:
    """An axis of which each ``unknown`` value may turn out to be any that follows it."""
    values = (*unknown, *known)
    numbers = range(len(values))
    may_be = {place: tuple(numbers[place + 1 :]) for place in range(len(unknown))}
    return Axis(name, about, values, frozenset(numbers[len(unknown) :]), may_be)


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True)
class _Beside:
    """What the readings of one concept are compared with."""

    limits: Limits
    baselines: tuple[float, ...]
    lowest: float


def _of_readings(atoms: tuple[Atom, ...], knowledge: Knowledge) -> Iterator[Axis]:
    by_concept: dict[str, list[Measured]] = {}
    for atom in atoms:
        if isinstance(atom, Measured):
            by_concept.setdefault(atom.concept, []).append(atom)
    for key, measured in by_concept.items():
        yield from _of_concept(knowledge.concepts[key], measured, knowledge)


def _of_concept(concept: Concept, atoms: list[Measured], knowledge: Knowledge) -> Iterator[Axis]:
    limits = _limits(concept, atoms)
    base = _Beside(limits, _baselines(atoms, limits), (limits.lln + limits.uln) / 2)
    names = {name for atom in atoms for name in reads(atom, ())}
    if beside(concept.key, "limits") in names:
        yield axis_of(beside(concept.key, "limits"), concept.key, (limits,))
    if beside(concept.key, "baseline") in names:
        yield axis_of(beside(concept.key, "baseline"), concept.key, base.baselines)
    for atom in atoms:
        if isinstance(atom, Compare) and atom.lookback_hours:
            yield axis_of(beside(concept.key, "lowest", atom.lookback_hours), concept.key, (base.lowest,))
    for hours in {_over_hours(atom) for atom in atoms}:
        cuts = {cut for atom in atoms if _over_hours(atom) == hours for cut in _cuts(atom, base, knowledge)}
        values = _values(concept, cuts, base, is_plain=not any(_refers(atom) for atom in atoms))
        yield axis_of(reading_name(concept.key, hours), concept.key, values, (UNKNOWN, UNDECIDED))


def _over_hours(atom: Measured) -> float:
    return atom.over_hours if isinstance(atom, Compare) else 0.0


def _refers(atom: Measured) -> bool:
    return isinstance(atom, Relative) or bool(atom.times or atom.plus)


def _limits(concept: Concept, atoms: list[Measured]) -> Limits:
    """Limits of normal where plain cut-offs of the same concept leave room: below high ones, above low ones."""
    bottom, top = concept.plausible.get(concept.units[0], (0.0, 1000.0)) if concept.units else (0.0, 1000.0)
    plain = [atom for atom in atoms if isinstance(atom, Compare) and atom.value is not None and not _refers(atom)]
    low = max((_plain(atom) for atom in plain if atom.op in ("<", "<=")), default=bottom)
    high = min((_plain(atom) for atom in plain if atom.op in (">", ">=")), default=top)
    if low >= high:
        low, high = bottom, top
    most = max((factor for atom in atoms for factor in _factors(atom)), default=1.0)
    uln = low + 0.6 * (high - low)
    if low < top / (2 * most) < uln:
        uln = top / (2 * most)
    return Limits((low + uln) / 2, uln)


def _plain(atom: Compare) -> float:
    return atom.value if atom.value is not None else math.nan


def _factors(atom: Measured) -> tuple[float, ...]:
    if isinstance(atom, Relative):
        return atom.normal, atom.abnormal
    return (_plain(atom),) if atom.times else ()


def _baselines(atoms: list[Measured], limits: Limits) -> tuple[float, ...]:
    """A normal baseline, one on each limit, one beyond each, and both sides of cut-offs of the baseline itself."""
    found = {(limits.lln + limits.uln) / 2, limits.uln, 1.4 * limits.uln, limits.lln, 0.7 * limits.lln}
    for atom in atoms:
        if isinstance(atom, Compare) and atom.of_baseline and atom.value is not None:
            for cut in _made(atom, (limits.lln,) if "lln" in (atom.times, atom.plus) else (limits.uln,)):
                found |= set(_around(cut))
    return tuple(sorted(found))


def _cuts(atom: Measured, base: _Beside, knowledge: Knowledge) -> set[float]:
    """Every number that a reading may be compared with by this atom."""
    if isinstance(atom, Relative):
        limit = getattr(base.limits, atom.limit)
        return {atom.normal * limit, atom.abnormal * limit, *(atom.abnormal * number for number in base.baselines)}
    if atom.of_baseline:
        return set()
    if atom.threshold:
        return cut_offs(atom, knowledge)
    references = {
        "uln": (base.limits.uln,), "lln": (base.limits.lln,), "baseline": base.baselines, "lowest": (base.lowest,),
    }  # fmt: skip
    return _made(atom, references.get(atom.times or atom.plus, (1.0,)))


def _made(atom: Compare, references: Iterable[float]) -> set[float]:
    value = _plain(atom)
    if atom.times:
        return {value * number for number in references}
    return {value + number for number in references} if atom.plus else {value}


def _values(concept: Concept, cuts: set[float], base: _Beside, *, is_plain: bool) -> list[float]:
    """Just below, on and just above each cut-off; where all are plain, only what admission lets in."""
    points = {point for cut in cuts for point in _around(cut)} or {base.lowest}
    low, high = concept.plausible.get(concept.units[0], (-math.inf, math.inf)) if is_plain else (-math.inf, math.inf)
    return sorted(point for point in points if low <= point <= high)


def _around(cut: float) -> tuple[float, float, float]:
    step = _BESIDE * max(1.0, abs(cut))
    return cut - step, cut, cut + step


# ---------------------------------------------------------------- the rest


def _of_the_rest(atoms: tuple[Atom, ...], roles: Roles, knowledge: Knowledge) -> Iterator[Axis]:
    for atom in atoms:
        match atom:
            case In():
                yield _coded(atom, knowledge.concepts[atom.concept], atoms)
            case Estimated():
                yield axis_of(reads(atom, roles)[0], atom.quantity, (False, True), ())
            case _ if isinstance(atom, TimeNode):
                yield axis_of(repr(atom), repr(atom), (False, True))
    yield from _of_quantities(atoms)
    yield from _of_doses(atoms)
    yield from _of_drugs(atoms, roles)
    yield from _of_times(atoms, knowledge)


def _coded(atom: In, concept: Concept, atoms: tuple[Atom, ...]) -> Axis:
    """A coded concept by its kind: who charts it, and whether several of its rows speak at once."""
    name = reading_name(concept.key, atom.over_hours)
    lists = [part.categories for part in atoms if isinstance(part, In) and part.concept == concept.key]
    listed = tuple(dict.fromkeys(category for names in lists for category in names))
    if concept.kind == "device":
        others = tuple(part for part in concept.categories if part not in {ROOM_AIR, OTHER})
        axis = axis_of(name, concept.key, (OFF, ROOM_AIR, *others), (UNKNOWN, OTHER))
        # a device of an unknown class is on: it turns out to be another device, never none
        return Axis(name, axis.about, axis.values, axis.known, axis.may_be | {1: axis.may_be[1][2:]})
    if concept.kind == "switch":
        return axis_of(name, concept.key, (OFF, *listed), ())
    if concept.kind == "statement":
        return axis_of(name, concept.key, (OFF, *listed, *((EVERY,) if len(listed) > 1 else ())), ())
    several = (EVERY,) if atom.over_hours else ()
    return axis_of(name, concept.key, (*concept.categories, *several))


def _of_quantities(atoms: tuple[Atom, ...]) -> Iterator[Axis]:
    cuts: dict[str, set[float]] = {}
    for atom in atoms:
        if isinstance(atom, QuantityCompare):
            cuts.setdefault(atom.quantity, set()).add(atom.value)
    for key, values in cuts.items():
        yield axis_of(key, key, sorted({point for cut in values for point in _around(cut)}))


def _of_doses(atoms: tuple[Atom, ...]) -> Iterator[Axis]:
    most: dict[str, int] = {}
    for atom in atoms:
        if isinstance(atom, Given):
            most[given_name(atom)] = max(atom.times, most.get(given_name(atom), 0))
    for name, times in most.items():
        values = [Doses(number, is_recorded) for is_recorded in (False, True) for number in range(times + 1)]
        recorded = frozenset(place for place, value in enumerate(values) if value.is_recorded)
        may_be = {
            place: tuple(other for other in recorded if values[other].given >= value.given)
            for place, value in enumerate(values)
            if not value.is_recorded
        }
        yield Axis(name, name, tuple(values), recorded, may_be)


def _of_drugs(atoms: tuple[Atom, ...], roles: Roles) -> Iterator[Axis]:
    read = {name for atom in atoms if isinstance(atom, Running) for name in reads(atom, roles)}
    for role in roles:
        if role_name(role) in read:
            size = len(role)
            values = [Drugs(on, unknown) for unknown in range(size + 1) for on in range(size + 1 - unknown)]
            known = frozenset(place for place, value in enumerate(values) if not value.unknown)
            places = {value: place for place, value in enumerate(values)}
            may_be: dict[int, tuple[int, ...]] = {
                places[v]: (places[Drugs(v.on, v.unknown - 1)], places[Drugs(v.on + 1, v.unknown - 1)])
                for v in values
                if v.unknown
            }
            yield Axis(role_name(role), role_name(role), tuple(values), known, may_be)


def _of_times(atoms: tuple[Atom, ...], knowledge: Knowledge) -> Iterator[Axis]:
    days = {edge for atom in atoms if isinstance(atom, DaysSinceExposure) for edge in (atom.first, atom.last)}
    if days:
        points = sorted({point for edge in days for point in _around(edge) if point >= 0})
        yield axis_of(DAYS, DAYS, (OFF, *points), ())
    edges = {math.ceil(edge * DAYS_A_YEAR) for atom in atoms for edge in _ages(atom)}
    known = {Age(day, int(day / DAYS_A_YEAR)) for edge in edges for day in (edge - 1, edge) if day >= 0}
    for atom in atoms:
        if isinstance(atom, Compare) and atom.threshold:
            known |= set(ages(knowledge.thresholds[atom.threshold]))
    if known:
        by_day: list[Sample] = [*sorted(known, key=lambda age: age.days)]
        yield axis_of(AGE, AGE, by_day)


def _ages(atom: Atom) -> tuple[float, ...]:
    return (atom.first, atom.last) if isinstance(atom, AgeYears) else ()
