"""What an atom of a rule scale says of one sampled state: true, false, undecided, or nothing in force.

A reading of the rule-scales page by itself, in plain Python; neither engine is used. Limits of normal, a baseline and
the lowest reading before stand in a state beside the reading that is compared with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cytowatch.knowledge.lint.logic import (
    AGE,
    OPERATORS,
    OTHER,
    ROOM_AIR,
    Age,
    Drugs,
    Logic,
    Roles,
    Special,
    Value,
    role_name,
)
from cytowatch.knowledge.lint.rule_tree import Atom
from cytowatch.knowledge.model import (
    AgeYears,
    Compare,
    DaysSinceExposure,
    Estimated,
    Given,
    In,
    Operator,
    QuantityCompare,
    Relative,
    Running,
    Threshold,
)

UNKNOWN, UNDECIDED, OFF = Special.UNKNOWN, Special.UNDECIDED, Special.OFF
Verdict = bool | Special
DAYS = "days since exposure"
EVERY = "every category at once"
# how far from a computed cut-off a value still counts as equal to it (rule-scales page, section 2)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Limits:
    """The limits of normal of one reading."""

    lln: float
    uln: float

    def __str__(self) -> str:
        return f"{self.lln:.6g} to {self.uln:.6g}"


@dataclass(frozen=True)
class Doses:
    """How many doses were given in the hours up to now, and whether more may have been that nobody recorded."""

    given: int
    is_recorded: bool

    def __str__(self) -> str:
        return f"{self.given} given" + ("" if self.is_recorded else ", not recorded")


Sample = Value | Limits | Doses | bool
State = Mapping[str, Sample]


def reading_name(concept: str, over_hours: float = 0.0) -> str:
    """The name under which a concept's reading stands in a state; the worst of some hours stands by itself."""
    return f"{concept} over {over_hours:g} h" if over_hours else concept


def beside(concept: str, what: str, lookback_hours: float = 0.0) -> str:
    """The name of something that a reading is compared with: its `limits`, `baseline` or `lowest`."""
    return f"{concept} {what} {lookback_hours:g} h" if lookback_hours else f"{concept} {what}"


def given_name(atom: Given) -> str:
    """The name of the doses that an atom counts."""
    return f"{'+'.join(atom.concepts)} within {atom.within_hours:g} h"


def reads(atom: Atom, roles: Roles) -> tuple[str, ...]:
    """The names in a state that decide an atom; that of the reading first."""
    match atom:
        case Compare():
            return _read_by_compare(atom)
        case Relative():
            return atom.concept, beside(atom.concept, "limits"), beside(atom.concept, "baseline")
        case In():
            return (reading_name(atom.concept, atom.over_hours),)
        case QuantityCompare():
            return (atom.quantity,)
        case Estimated():
            return (f"{atom.quantity} estimated",)
        case Running():
            return tuple(role_name(role) for role in roles if role[0] in atom.concepts)
        case Given():
            return (given_name(atom),)
        case DaysSinceExposure():
            return (DAYS,)
        case AgeYears():
            return (AGE,)
        case _:
            return (repr(atom),)


def _read_by_compare(atom: Compare) -> tuple[str, ...]:
    references = {atom.times, atom.plus}
    names = [reading_name(atom.concept, atom.over_hours)]
    if atom.threshold:
        names.append(AGE)
    if references & {"uln", "lln"}:
        names.append(beside(atom.concept, "limits"))
    if "baseline" in references or atom.of_baseline:
        names.append(beside(atom.concept, "baseline"))
    if "lowest" in references:
        names.append(beside(atom.concept, "lowest", atom.lookback_hours))
    return tuple(names)


@dataclass(frozen=True)
class RuleLogic:
    """The meaning of atoms, for one set of thresholds, devices and roles of drugs."""

    thresholds: Mapping[str, Threshold]
    devices: frozenset[str]
    roles: Roles

    def verdict(self, atom: Atom, state: State) -> Verdict:
        """True, false, undecided (something is charted and does not settle it), or unknown (nothing is in force)."""
        match atom:
            case Compare():
                return self._compared(atom, state)
            case Relative():
                return _relative(atom, state)
            case In():
                return self._listed(atom, state)
            case QuantityCompare():
                return _near(state[atom.quantity], atom.op, atom.value)
            case Running():
                return self._running(atom, state)
            case Given():
                return _given(atom, state[given_name(atom)])
            case DaysSinceExposure():
                return _inside(state[DAYS], atom.first, atom.last)
            case AgeYears():
                return _inside(state[AGE], atom.first, atom.last)
            case _:
                found = state[reads(atom, self.roles)[0]]
                return found if isinstance(found, bool) else UNKNOWN

    def _compared(self, atom: Compare, state: State) -> Verdict:
        value = state[reading_name(atom.concept, atom.over_hours)]
        if value is UNKNOWN:
            return UNKNOWN
        if atom.of_baseline:
            value = state[beside(atom.concept, "baseline")]
        if atom.threshold:
            age = {AGE: state[AGE], atom.concept: value}
            return Logic(self.thresholds, (), self.devices).reading(atom, age)  # type: ignore[arg-type]
        if isinstance(value, Special):
            return UNDECIDED
        reference = _reference(atom, state)
        if reference is None:
            return OPERATORS[atom.op](_number(value), _number(atom.value))
        if isinstance(reference, Special):
            return UNDECIDED
        cut = reference * _number(atom.value) if atom.times else reference + _number(atom.value)
        return _near(value, atom.op, cut)

    def _listed(self, atom: In, state: State) -> Verdict:
        value = state[reading_name(atom.concept, atom.over_hours)]
        if atom.concept in self.devices and value == OTHER:
            return UNDECIDED
        if value is UNKNOWN:
            return UNKNOWN
        return value == EVERY or (value in atom.categories and value != ROOM_AIR)

    def _running(self, atom: Running, state: State) -> Verdict:
        counted = [state[name] for name in reads(atom, self.roles)]
        drugs = [part for part in counted if isinstance(part, Drugs)]
        on = sum(part.on for part in drugs)
        if on >= atom.at_least:
            return True
        return UNDECIDED if on + sum(part.unknown for part in drugs) >= atom.at_least else False


def _reference(atom: Compare, state: State) -> float | Special | None:
    """What the cut-off is made with; None for a plain one."""
    name = atom.times or atom.plus
    if not name:
        return None
    if name in ("uln", "lln"):
        found = state[beside(atom.concept, "limits")]
        return getattr(found, name) if isinstance(found, Limits) else UNKNOWN
    found = state[beside(atom.concept, name, atom.lookback_hours)]
    return found if isinstance(found, float) else UNKNOWN


def _relative(atom: Relative, state: State) -> Verdict:
    value, limits = state[atom.concept], state[beside(atom.concept, "limits")]
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, Special) or not isinstance(limits, Limits):
        return UNDECIDED
    limit, base = getattr(limits, atom.limit), state[beside(atom.concept, "baseline")]
    by_limit = _near(value, atom.op, atom.normal * limit)
    if isinstance(base, Special):
        open_end = _near(value, atom.abnormal_op, atom.abnormal * limit)
        return UNDECIDED if by_limit or open_end else False
    known = _number(base)
    is_abnormal = known > limit if atom.limit == "uln" else known < limit
    return _near(value, atom.abnormal_op, atom.abnormal * known) if is_abnormal else by_limit


def _near(value: Sample, op: Operator, cut: float) -> Verdict:
    """Compared with a computed cut-off: equality is meant within a billionth."""
    if isinstance(value, Special):
        return UNDECIDED
    number, slack = _number(value), TOLERANCE * max(1.0, abs(cut))
    if op == "==":
        return abs(number - cut) <= slack
    return OPERATORS[op](number, cut + slack if op in (">", "<=") else cut - slack)


def _given(atom: Given, doses: Sample) -> Verdict:
    if not isinstance(doses, Doses):
        return UNKNOWN
    if doses.given >= atom.times:
        return True
    return False if doses.is_recorded else UNDECIDED


def _inside(value: Sample, first: float, last: float) -> Verdict:
    if value is UNKNOWN:
        return UNKNOWN
    number = value.years if isinstance(value, Age) else value
    return isinstance(number, int | float) and first <= number < last


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
