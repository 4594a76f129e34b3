"""What a rule scale says of one moment, by exact arithmetic: an evaluator that shares nothing with the engines.

It knows readings with their limits of normal and baselines, and coded states; a condition over time is at most
possible. A truth is (certain, possible).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Criterion,
    ExceptKnown,
    In,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Scale,
    Sustained,
)

OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
Truth = tuple[bool, bool]
GRAY: Truth = (False, True)


@dataclass(frozen=True)
class Reading:
    """What is known of one concept at the moment: its value or category, its limits of normal, its baseline."""

    value: Fraction | None = None
    text: str = ""
    lln: Fraction | None = None
    uln: Fraction | None = None
    base: Fraction | None = None


Facts = dict[str, Reading]


@cache
def exact(number: float | None) -> Fraction:
    """A number of the tables as it is written there."""
    return Fraction(str(number))


def charted(text: str) -> Facts:
    """Readings as written in a case: ``alt=121 uln=40 base=30, anticoagulation=none``."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        pairs = [pair.split("=") for pair in part.split()]
        concept, first = pairs[0]
        rest: dict[str, Any] = {key: Fraction(value) for key, value in pairs[1:]}
        is_number = re.fullmatch(r"[\d.]+", first) is not None
        found[concept] = Reading(Fraction(first) if is_number else None, "" if is_number else first, **rest)
    return found


def truth(node: Node, facts: Facts, tables: Knowledge) -> Truth:
    """Certain and possible at this moment; a condition over time is at most possible."""
    match node:
        case AnyMeasured():
            parts = [(part, truth(part, facts, tables)) for part in node.of]
            measured = [found for part, found in parts if part.concept in facts]
            return any(sure for sure, _ in measured), any(may for _, may in measured) or not measured
        case All():
            found = [truth(part, facts, tables) for part in node.of]
            return all(sure for sure, _ in found), all(may for _, may in found)
        case AnyOf():
            found = [truth(part, facts, tables) for part in node.of]
            return any(sure for sure, _ in found), any(may for _, may in found)
        case Not():
            sure, may = truth(node.of, facts, tables)
            return not may, not sure
        case ExceptKnown():
            return (not truth(node.of, facts, tables)[0],) * 2
        case Possible() | Sustained() | Repeated():
            return False, truth(node.of, facts, tables)[1]
        case In():
            text = facts[node.concept].text if node.concept in facts else None
            return (text in node.categories,) * 2 if text else GRAY
        case QuantityCompare():
            return summed(node, facts, tables)
        case Compare() | Relative():
            return against(node, facts[node.concept]) if node.concept in facts else GRAY
        case _:
            raise TypeError(f"these tables use no {type(node).__name__}")


def against(node: Compare | Relative, reading: Reading) -> Truth:
    """A reading against a cut-off that may rest on its limits or its baseline."""
    if isinstance(node, Relative):
        return relative(node, reading)
    value, cut = reading.base if node.of_baseline else reading.value, plain_cut(node, reading)
    return GRAY if value is None or cut is None else (OPERATORS[node.op](value, cut),) * 2


def plain_cut(node: Compare, reading: Reading) -> Fraction | None:
    """The cut-off, if what it rests on is known."""
    number, reference = exact(node.value), node.times or node.plus
    if not reference:
        return number
    known = {"uln": reading.uln, "lln": reading.lln, "baseline": reading.base}[reference]
    if known is None:
        return None
    return number * known if node.times else number + known


def relative(node: Relative, reading: Reading) -> Truth:
    """By the limit while the baseline was normal, else by the baseline; without one, both at their mildest."""
    limit = reading.uln if node.limit == "uln" else reading.lln
    if limit is None or reading.value is None:
        return GRAY
    normal, abnormal = exact(node.normal), exact(node.abnormal)
    by_limit = OPERATORS[node.op](reading.value, normal * limit)
    if reading.base is None:
        return False, by_limit or OPERATORS[node.abnormal_op](reading.value, abnormal * limit)
    was_abnormal = reading.base > limit if node.limit == "uln" else reading.base < limit
    by_base = OPERATORS[node.abnormal_op](reading.value, abnormal * reading.base)
    return (by_base if was_abnormal else by_limit,) * 2


def summed(node: QuantityCompare, facts: Facts, tables: Knowledge) -> Truth:
    """A sum of readings against a number."""
    quantity = tables.quantities[node.quantity]
    values = [facts[term.concept].value if term.concept in facts else None for term in quantity.terms]
    if None in values:
        return GRAY
    pairs = zip(quantity.terms, values, strict=True)
    total = sum((exact(term.factor) * (value or 0) for term, value in pairs), exact(quantity.constant))
    return (OPERATORS[node.op](total, exact(node.value)),) * 2


Said = dict[str, Truth]


def said(criteria: Iterable[Criterion], facts: Facts, tables: Knowledge) -> Said:
    """What criteria say at this moment."""
    return {part.id: truth(part.when, facts, tables) for part in criteria}


def grade_of(scale: Scale, found: Said) -> str:
    """The grade that follows from what the criteria say: ``2``, or ``1..3`` where it is not settled."""
    low = max((part.grade for part in scale.criteria if found[part.id][0]), default=0)
    high = max((part.grade for part in scale.criteria if found[part.id][1]), default=0)
    return str(low) if low == high else f"{low}..{high}"


def graded(scale: Scale, facts: Facts, tables: Knowledge) -> str:
    """The grade at this moment."""
    return grade_of(scale, said(scale.criteria, facts, tables))


def listed(scale: Scale, found: Said) -> frozenset[str]:
    """The criteria that hold for certain."""
    return frozenset(part.id for part in scale.criteria if found[part.id][0])
