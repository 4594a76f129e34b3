"""A condition in one line of words, as the engines read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Knowledge,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)
from cytowatch.knowledge.new_only import as_asked

_SIGNS = {">": ">", ">=": "≥", "<": "<", "<=": "≤", "==": "="}
_UNITS = {
    "Cel": "°C", "mm[Hg]": "mmHg", "1": "", "{score}": "", "{INR}": "", "{grade}": "", "10*9/L": "× 10⁹/L",
    "ug/L": "µg/L", "ug/min": "µg/min", "ug/kg/min": "µg/kg/min", "[IU]/min": "IU/min", "cm[H2O]": "cmH2O", "[pH]": "",
}  # fmt: skip
_SHORT = {"cpap": "CPAP", "bipap": "BiPAP", "ecmo": "ECMO", "eeg": "EEG"}
# from so many terms on they are named together instead of written out
_SEVERAL = 2
_LIMITS = {"uln": "ULN", "lln": "LLN", "baseline": "baseline"}


@dataclass(frozen=True)
class Words:
    """Puts conditions into words, with the labels of one version of the tables."""

    knowledge: Knowledge

    def condition(self, node: Node) -> str:
        """The whole condition."""
        asked = as_asked(node)
        if asked != node:
            return f"{self.condition(asked)}; open where the baseline was so already"
        match node:
            case All((first, Not(ExceptKnown(known)))) if known == first:
                return f"{self._inside(first)}, only where it is known"
            case All():
                return " and ".join(self._inside(part) for part in node.of)
            case AnyOf():
                return self._of_terms(node) or " or ".join(self._inside(part) for part in node.of)
            case AnyMeasured():
                return f"of those measured, any: {' or '.join(self._inside(part) for part in node.of)}"
            case Count():
                return f"at least {node.at_least} of: {'; '.join(self.condition(part) for part in node.of)}"
            case Not() | Possible() | ExceptKnown():
                return self._qualified(node)
            case Sustained() | Cumulative() | Repeated():
                return self._over_time(node)
            case _:
                return self._fact(node)

    def _qualified(self, node: Not | Possible | ExceptKnown) -> str:
        match node:
            case Not(ExceptKnown(known)):
                return f"it is known that {self._inside(known)}"
            case Not():
                return f"not {self._inside(node.of)}"
            case Possible():
                return f"possibly {self._inside(node.of)}"
            case ExceptKnown():
                return f"unless it is known that {self._inside(node.of)}"

    def concept(self, key: str) -> str:
        """The label of a concept or quantity."""
        found = self.knowledge.concepts.get(key) or self.knowledge.quantities.get(key)
        return found.label if found else plain(key)

    def _inside(self, node: Node) -> str:
        """A part of something larger, in parentheses where it has parts of its own."""
        match node:
            case In():
                several = len(node.categories) > 1
            case Running() | Given():
                several = len(node.concepts) > 1
            case _:
                several = isinstance(node, All | AnyOf | AnyMeasured | Count | Not | Possible | ExceptKnown)
        text = self.condition(node)
        return f"({text})" if several else text

    def _of_terms(self, node: AnyOf) -> str:
        """A grade of several terms of one edition (`grade_of`), by their names; nothing for other conditions."""
        for edition, terms in self._editions.items():
            found = [terms[part] for part in node.of if part in terms]
            grades = {grade for _, grade in found}
            named = list(dict.fromkeys(name for name, _ in found))
            least = min(grades, default=0)
            whole = {part for part, (name, grade) in terms.items() if name in named and grade >= least}
            if len(named) >= _SEVERAL and {*node.of} == whole:
                return f"grade {least} or more by {edition} of: {', '.join(named)}"
        return ""

    @cached_property
    def _editions(self) -> dict[str, dict[Node, tuple[str, int]]]:
        """For each edition of terms of organs: each condition, with the term and the grade that it makes."""
        found: dict[str, dict[Node, tuple[str, int]]] = {}
        for scale in self.knowledge.scales.values():
            edition, _, term = scale.id.rpartition(".")
            if edition.startswith("organ."):
                for part in scale.criteria:
                    named = (plain(term), part.grade)
                    found.setdefault(edition.partition(".")[2], {}).setdefault(part.when, named)
        return {plain_edition(name): terms for name, terms in found.items()}

    def _over_time(self, node: Sustained | Cumulative | Repeated) -> str:
        inner = self.condition(node.of)
        match node:
            case Sustained():
                pause = f" (perhaps, across breaks of less than {node.pause_hours:g} h)" if node.pause_hours else ""
                return f"({inner}) for {node.hours:g} h without a break{pause}"
            case Cumulative():
                bridged = f", breaks of less than {node.bridging_days:g} days included" if node.bridging_days else ""
                return f"({inner}) for {node.days:g} days in {'one stretch' if node.one_stretch else 'all'}{bridged}"
            case Repeated():
                return f"({inner}) in at least {node.times} readings"

    def _fact(self, node: Node) -> str:
        match node:
            case Compare():
                return self._compare(node)
            case Relative():
                limit = _LIMITS[node.limit]
                normal = _cut(node.normal, limit)
                return (
                    f"{self.concept(node.concept)} {_SIGNS[node.op]} {normal} (baseline normal), "
                    f"{_SIGNS[node.abnormal_op]} {_cut(node.abnormal, 'baseline')} (abnormal)"
                )
            case QuantityCompare():
                quantity = self.knowledge.quantities.get(node.quantity)
                unit = unit_words(quantity.unit) if quantity else ""
                return f"{self.concept(node.quantity)} {_SIGNS[node.op]} {node.value:g} {unit}".strip()
            case Estimated():
                return f"{self.concept(node.quantity)} rests on an estimate"
            case In():
                return f"{self.concept(node.concept)}: {_either(node.categories)}{_any_of_hours(node.over_hours)}"
            case _:
                return self._support(node)

    def _support(self, node: Node) -> str:
        match node:
            case Running():
                number = "" if node.at_least == 1 else f"at least {node.at_least} of "
                return f"running: {number}{self._names(node.concepts)}"
            case Given():
                number = "a dose" if node.times == 1 else f"at least {node.times} doses"
                return f"{number} within {node.within_hours:g} h of {self._names(node.concepts)}"
            case DaysSinceExposure():
                return f"from day {node.first:g} and before day {node.last:g} after the exposure"
            case AgeYears():
                start = f"{node.first:g} years or more" if node.first else ""
                return f"age {' and '.join(part for part in (start, f'below {node.last:g} years') if part)}"
            case _:
                raise TypeError(f"no words for {type(node).__name__}")

    def _names(self, concepts: Iterable[str]) -> str:
        return _either([self.concept(key) for key in concepts])

    def _compare(self, node: Compare) -> str:
        label = self.concept(node.concept)
        what = f"baseline of {label}" if node.of_baseline else label
        without = f" while no {self.concept(node.without)} is on" if node.without else ""
        return f"{what} {_SIGNS[node.op]} {_cut_of(node)}{_any_of_hours(node.over_hours)}{without}"


def _cut_of(node: Compare) -> str:
    if node.threshold:
        return f"its limit by age ({node.threshold})"
    value, unit = node.value if node.value is not None else 0.0, unit_words(node.unit)
    reference = _LIMITS.get(node.times or node.plus, f"the lowest of the {node.lookback_hours:g} h before")
    if node.times:
        return _cut(value, reference)
    if node.plus:
        return f"{reference} {'+' if value >= 0 else '-'} {abs(value):.10g} {unit}".strip()
    return f"{value:.10g} {unit}".strip()


def _cut(factor: float, reference: str) -> str:
    return reference if factor == 1 else f"{factor:.10g} × {reference}"


def _any_of_hours(hours: float) -> str:
    return f" (any of the last {hours:g} h)" if hours else ""


def _either(names: Iterable[str]) -> str:
    *most, last = [_SHORT.get(name, plain(name)) for name in names]
    return f"{', '.join(most)} or {last}" if most else last


def plain(key: str) -> str:
    """A key as plain words."""
    return key.replace("_", " ")


def plain_edition(name: str) -> str:
    """`ctcae-5.0` as a reader writes it."""
    return name.upper().replace("-", " ")


def unit_words(unit: str) -> str:
    """A UCUM unit as a reader writes it."""
    return _UNITS.get(unit, unit)
