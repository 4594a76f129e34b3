"""Just under, on and just over every cut-off of every rule scale, in every accepted unit, through admission.

Each comparison of the tables becomes a criterion of its own in a scale made for the test, one scale a concept; what it
must say is worked out here from the operator, with exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import pytest
from tests.lib.conditions import certain, different
from tests.lib.edges import LONG, Number, numbers, printed, row

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Compare, Node, Relative
from cytowatch.units import DECIMALS

OPERATORS = {
    "<": lambda value, cut: value < cut,
    "<=": lambda value, cut: value <= cut,
    ">": lambda value, cut: value > cut,
    ">=": lambda value, cut: value >= cut,
    "==": lambda value, cut: value == cut,
}
LIMITS = ("uln", "lln")


@lru_cache(maxsize=1)
def comparisons() -> dict[str, list[Compare]]:
    """Every different comparison with a number in the rule scales, by concept; looked at as plain readings."""
    found: dict[str, dict[Compare, None]] = {}
    for node in different(Compare):
        if node.value is not None and not (node.times or node.plus):
            plain = replace(node, over_hours=0.0, without="", of_baseline=False)
            found.setdefault(node.concept, {})[plain] = None
    return {concept: list(nodes_) for concept, nodes_ in sorted(found.items())}


@lru_cache(maxsize=1)
def relatives() -> list[Compare | Relative]:
    """Every different comparison with a limit of normal in the rule scales."""
    plain = [replace(node, over_hours=0.0, of_baseline=False) for node in different(Compare) if node.times in LIMITS]
    return list(dict.fromkeys([*different(Relative), *plain]))


def edge_numbers(concept: str, conditions: list[Compare]) -> Iterator[Number]:
    whole = load().concepts[concept].whole
    for cut in sorted({Fraction(str(node.value)) for node in conditions}):
        for number in numbers(concept, cut, conditions[0].unit):
            if number.canonical.denominator == 1 or not whole:
                yield number


@pytest.mark.parametrize("concept", sorted(comparisons()))
def test_every_number_of_every_rule_scale(concept: str) -> None:
    conditions = comparisons()[concept]
    given = list(dict.fromkeys(edge_numbers(concept, conditions)))
    assert given, f"no admissible number lies around the cut-offs of {concept}"
    rows = [{"patient": str(place), **row(concept, number)} for place, number in enumerate(given)]
    found = certain(list(conditions), rows, [])
    wrong = []
    for place, number in enumerate(given):
        for n, node in enumerate(conditions):
            # a value is kept to nine decimals of its canonical unit
            expected = OPERATORS[node.op](round(number.canonical, DECIMALS), Fraction(str(node.value)))
            if (f"c{n}" in found[str(place)]) != expected:
                wrong.append(f"{number.printed} {number.unit} {node.op} {node.value:g}: expected {expected}")
    assert not wrong, f"{len(wrong)} of {len(given) * len(conditions)}:\n" + "\n".join(wrong[:12])


def around(cut: Fraction, concept: str) -> Iterator[Fraction]:
    """On the cut-off and a little to both sides, where that is admissible."""
    known = load().concepts[concept]
    low, high = known.plausible[known.units[0]]
    for value in (cut - Fraction(1, 1000), cut, cut + Fraction(1, 1000)):
        if low <= value <= high:
            yield value


def fitting(
    node: Compare | Relative, band: tuple[float, float], low: float, high: float
) -> tuple[Fraction, list[tuple[Fraction | None, Fraction, str]]]:
    """A limit of normal of which every multiple that matters is admissible, and (baseline, cut-off, operator) each."""
    least, most = band
    for share in (0.5, 0.21, 0.79, 0.07, 0.93):
        limit = Fraction(f"{least + (most - least) * share:.3g}")
        cases = list(multiples(node, limit))
        if all(low < cut < high and (base is None or low <= base <= high) for base, cut, _ in cases):
            return limit, cases
    raise AssertionError(f"no limit of normal fits {node}")


def multiples(node: Compare | Relative, limit: Fraction) -> Iterator[tuple[Fraction | None, Fraction, str]]:
    if isinstance(node, Compare):
        yield None, Fraction(str(node.value)) * limit, node.op
        return
    worse = limit * 2 if node.limit == "uln" else limit / 2
    yield limit, Fraction(str(node.normal)) * limit, node.op
    yield worse, Fraction(str(node.abnormal)) * worse, node.abnormal_op


@pytest.mark.parametrize("number", range(len(relatives())))
def test_every_multiple_of_a_limit(number: int) -> None:
    """Against the limit of normal, with a normal, an abnormal and an unknown baseline."""
    node = relatives()[number]
    concept = load().concepts[node.concept]
    stated = node.concept in ("creatinine", "ast", "alt", "bilirubin")
    upper_side = (node.limit if isinstance(node, Relative) else node.times) == "uln"
    band = concept.limit_high if upper_side else concept.limit_low
    assert band is not None
    limit, cases = fitting(node, band, *concept.plausible[concept.units[0]])
    rows, people, expected = [], [], []
    for base, cut, op in cases:
        for value in around(cut, node.concept):
            name = str(len(expected))
            one = {**row(node.concept, printed_exactly(value), unit=concept.units[0])}
            limits = {"range_high" if upper_side else "range_low": float(limit)}
            rows.append({"patient": name, **one, **limits})
            if base is not None and not stated:
                before = row(node.concept, printed_exactly(base), unit=concept.units[0], at=-2 * LONG)
                exposure = row("car_t_infusion", text="axicabtagene_ciloleucel", at=-LONG)
                rows += [{"patient": name, **before, **limits}, {"patient": name, **exposure}]
            people.append({"patient": name, **({f"baseline_{node.concept}": float(base)} if base and stated else {})})
            expected.append((name, OPERATORS[op](value, cut), f"{float(value)} {op} {float(cut)} (baseline {base})"))
    found = certain([node], rows, people)
    wrong = [about for name, holds, about in expected if ("c0" in found[name]) != holds]
    assert not wrong, "\n".join(wrong)


def printed_exactly(value: Fraction) -> str:
    """A decimal of twelve digits: what a laboratory system exports of a computed limit."""
    return printed(Fraction(round(value * 10**12), 10**12))


def test_sixty_numbers_of_one_concept_are_told_apart() -> None:
    """More tests on one concept than any scale of the package has: no two values are taken for one another."""
    conditions: list[Node] = [Compare("spo2", ">=", float(cut), "%") for cut in range(40, 100)]
    rows = [{"patient": str(value), **row("spo2", str(value), unit="%")} for value in range(40, 100)]
    found = certain(conditions, rows, [])
    assert {name: len(criteria) for name, criteria in found.items()} == {str(v): v - 39 for v in range(40, 100)}
