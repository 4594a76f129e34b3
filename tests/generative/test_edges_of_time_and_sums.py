"""Just under, on and just over every length of time, every computed cut-off and every look-back of the rule scales.

The lengths are those of the tables, over a finding that is easily charted; what must be said is worked out here from
the definitions of the page on rule scales. A truth is (certain, possible).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from math import floor

import pytest
from tests.lib.conditions import Moment, Person, different, none_other
from tests.lib.edges import HOUR, Row, printed, row

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Compare, Cumulative, Given, Quantity, QuantityCompare, Sustained

Truth = tuple[bool, bool]
Expected = dict[Moment, Truth]
Stretch = tuple[str, timedelta]
NOT, OPEN, SURE = (False, False), (False, True), (True, True)
FINDING = Compare("heart_rate", ">=", 100.0, "/min")
RATES = {"low": "80", "high": "120"}
ZERO, SECOND = timedelta(0), timedelta(seconds=1)
WEIGHT = 50
FRACTIONS = [Fraction(part, 100) for part in (50, 40, 30, 25)]


def charted(patient: str, *stretches: Stretch, start: timedelta = ZERO) -> list[Row]:
    """One reading for each stretch, one after the other; in an unknown one nothing is charted."""
    rows, at = [], start
    for what, length in stretches:
        if what != "unknown":
            rows.append(row("heart_rate", RATES[what], unit="/min", at=at, until=at + length))
        at += length
    return [{"patient": patient, **one} for one in rows]


def lengths(kind: type[Sustained] | type[Cumulative]) -> list[Sustained | Cumulative]:
    """Every pair of lengths that stands in the tables, over the finding."""
    return list(dict.fromkeys(replace(node, of=FINDING) for node in different(kind)))


def named(node: Sustained | Cumulative) -> str:
    if isinstance(node, Sustained):
        return f"{node.hours:g} hours, pause {node.pause_hours:g}"
    return f"{node.days:g} days{' of one stretch' if node.one_stretch else ''}, bridging {node.bridging_days:g}"


def around(length: timedelta) -> Iterator[timedelta]:
    """A second less, the length itself, and a second more."""
    yield from (part for part in (length - SECOND, length, length + SECOND) if part > ZERO)


@pytest.mark.parametrize("node", lengths(Sustained), ids=named)
def test_a_finding_that_lasts(node: Sustained) -> None:
    whole, pause = timedelta(hours=node.hours), timedelta(hours=node.pause_hours)
    rows, expected = [], {}
    for length in around(whole):
        name = f"lasts {length}"
        rows += charted(name, ("low", HOUR), ("high", length), ("low", HOUR), start=-HOUR)
        expected |= {(name, whole - SECOND): NOT, (name, whole): SURE if length > whole else NOT, (name, length): NOT}
    rows += charted("from the first", ("high", whole + SECOND))
    expected |= {("from the first", ZERO): OPEN, ("from the first", whole - SECOND): OPEN}
    expected |= {("from the first", whole): SURE}
    for length in around(pause):
        name, again = f"a break of {length}", whole / 2 + length
        ends = again + whole + SECOND
        rows += charted(name, ("low", HOUR), ("high", whole / 2), ("low", length), ("high", ends - again), start=-HOUR)
        expected |= {(name, whole - SECOND): NOT, (name, whole): OPEN if length < pause else NOT}
        expected |= {(name, again + whole): SURE}
    none_other(node, rows, expected)


@pytest.mark.parametrize("node", lengths(Cumulative), ids=named)
def test_days_in_all(node: Cumulative) -> None:
    whole, bridge = timedelta(days=node.days), timedelta(days=node.bridging_days)
    rows: list[Row] = []
    expected: Expected = {}
    for length in around(whole):
        name, end = f"{length} in all", SURE if length >= whole else NOT
        rows += charted(name, ("low", HOUR), ("high", length), ("low", bridge + HOUR), start=-HOUR)
        expected |= {(name, whole - SECOND): NOT, (name, whole): end if length >= whole else OPEN}
        expected |= {(name, length + bridge): end, (name, length + bridge + HOUR - SECOND): end}
        expected |= {(name, length + bridge - SECOND): end if length >= whole else OPEN}
    half = whole / 2
    rows += charted("then unknown", ("low", HOUR), ("high", half), ("unknown", half), ("low", bridge), start=-HOUR)
    expected |= {("then unknown", whole - SECOND): NOT, ("then unknown", whole): OPEN}
    for length in around(bridge):
        name, again = f"a break of {length}", half + length
        rows += charted(name, ("low", HOUR), ("high", half), ("low", length), ("high", whole + HOUR), start=-HOUR)
        before = ZERO if node.one_stretch and length >= bridge else half
        lacks = max(whole - before - (length if length < bridge else ZERO), ZERO)
        expected[name, again + lacks] = SURE
        if lacks:
            expected[name, again + lacks - SECOND] = NOT
        elif half < length < bridge:
            expected[name, again - SECOND] = OPEN
    none_other(node, rows, expected)


@pytest.mark.parametrize("node", different(Given), ids=lambda node: f"{node.times} of {node.concepts[0]}")
def test_doses_within_hours(node: Given) -> None:
    """The dose at t speaks in [t, t + hours); the last of several makes the number full."""
    window = timedelta(hours=node.within_hours)
    rows, expected = [], {}
    for concept in node.concepts:
        rows += [{"patient": concept, **row("heart_rate", "80", unit="/min", at=-HOUR, until=3 * window)}]
        for number in range(node.times):
            rows += [{"patient": concept, **row(concept, at=number * HOUR)}]
        last = (node.times - 1) * HOUR
        expected |= {(concept, last - SECOND): NOT, (concept, last): SURE}
        expected |= {(concept, window - SECOND): SURE, (concept, window): NOT}
    none_other(node, rows, expected)


def tolerance(cut: Fraction) -> Fraction:
    return Fraction(1, 10**9) * max(1, abs(cut))


def holds(op: str, value: Fraction, cut: Fraction) -> bool:
    """A comparison with a computed cut-off: what lies within the tolerance is equal."""
    if abs(value - cut) <= tolerance(cut):
        return "=" in op
    return value > cut if op[0] == ">" else value < cut


def beside(cut: Fraction, decimals: int = 9) -> list[Fraction]:
    """On the cut-off, within its tolerance and outside of it, on both sides; of as many decimals as are kept."""
    one = Fraction(1, 10**decimals)
    within = floor(tolerance(cut) * Fraction(4, 5) / one) * one
    outside = max(one, 2 * tolerance(cut))
    return sorted({cut - outside, cut - within, cut, cut + within, cut + outside})


LOWEST = [node for node in different(Compare) if "lowest" in (node.times, node.plus)]


@pytest.mark.parametrize("node", LOWEST, ids=lambda node: f"{node.concept} {node.times or node.plus} {node.value}")
def test_against_the_lowest_before(node: Compare) -> None:
    """The lowest of the hours before: one that is older than they are, or is a bound, is none."""
    unit, back = load().concepts[node.concept].units[0], timedelta(hours=node.lookback_hours)
    lowest = Fraction(2) if node.concept == "creatinine" else Fraction(100)
    number = Fraction(str(node.value))
    cut = lowest * number if node.times else lowest + number
    rows: list[Row] = []
    expected: Expected = {}

    def reading(patient: str, value: Fraction, ago: timedelta, sign: str = "") -> None:
        after = {} if ago else {"until": HOUR}
        rows.append({"patient": patient, **row(node.concept, sign + printed(value), unit=unit, at=-ago, **after)})

    for value in beside(cut):
        name = f"{float(value)} {node.op} {float(cut)}"
        reading(name, lowest / 2, back + SECOND)
        reading(name, lowest, back)
        reading(name, lowest * 2, back / 2)
        reading(name, lowest / 2, back / 4, "<")
        reading(name, value, ZERO)
        expected[name, ZERO] = SURE if holds(node.op, value, cut) else NOT
    reading("none before", lowest, back + SECOND)
    reading("none before", 2 * cut, ZERO)
    expected["none before", ZERO] = OPEN
    none_other(node, rows, expected)


def solved(quantity: Quantity, total: Fraction, cut: Fraction) -> Iterator[dict[str, Fraction]]:
    """Values of the terms that make the quantity this much; only the first changes around the cut-off."""
    if quantity.kind == "inspired_oxygen":
        if total >= Fraction(str(quantity.room_air)):
            yield {"fio2": total}
        return
    first, *others = quantity.terms
    if quantity.kind == "ratio":
        low, high = load().concepts[first.concept].plausible[first.unit]
        yield from ({first.concept: total * part, "fio2": part} for part in FRACTIONS if low < total * part < high)
        return
    factors = {term.concept: Fraction(str(term.factor)) for term in quantity.terms}
    for part in (Fraction(1, 5), Fraction(1, 10)) if others else (Fraction(0),):
        values = {term.concept: abs(cut * part / factors[term.concept]) for term in others}
        rest = total - Fraction(str(quantity.constant)) - sum(factors[name] * values[name] for name in values)
        yield {first.concept: rest / factors[first.concept], **values}


def spellings(quantity: Quantity, values: dict[str, Fraction]) -> Iterator[list[Row]]:
    """The terms as charted: readings in their unit, rates by weight and without."""
    units = {term.concept: term.unit for term in quantity.terms if not term.rate}
    rates = {term.concept: term.unit for term in quantity.terms if term.rate}
    for by_weight in (True, False) if rates else (True,):
        rows = []
        for concept, value in values.items():
            unit, factor = units.get(concept, "1"), Fraction(1)
            if concept in rates:
                unit = "ug/kg/min" if by_weight else "ug/min"
                factor = Fraction(WEIGHT) ** ((unit == "ug/min") - (rates[concept] == "ug/min"))
            rows.append(row(concept, printed(value * factor), unit=unit, until=HOUR))
        yield rows


@pytest.mark.parametrize(
    "node", different(QuantityCompare), ids=lambda node: f"{node.quantity} {node.op} {node.value:g}"
)
def test_against_a_quantity(node: QuantityCompare) -> None:
    """Rates are kept in millionths; every other number in billionths, so that some lie within the tolerance."""
    quantity, cut = load().quantities[node.quantity], Fraction(str(node.value))
    has_rates = any(term.rate for term in quantity.terms)
    rows: list[Row] = []
    expected: Expected = {}
    for total in beside(cut, 6 if has_rates else 9):
        for values in solved(quantity, total, cut):
            for number, spelled in enumerate(spellings(quantity, values)):
                name = f"{float(total)} as {number}, {[f'{key} {float(value)}' for key, value in values.items()]}"
                rows += [{"patient": name, **one} for one in spelled]
                expected[name, ZERO] = SURE if holds(node.op, total, cut) else NOT
    people: list[Person] = [{"patient": name, "weight_kg": float(WEIGHT)} for name, _ in expected]
    none_other(node, rows, expected, people)


OXYGEN = [node for node in different(QuantityCompare) if node.quantity == "inspired_oxygen"]


@pytest.mark.parametrize("node", OXYGEN, ids=lambda node: f"{node.op} {node.value:g}")
def test_against_an_estimated_fraction(node: QuantityCompare) -> None:
    """By a cannula's flow the fraction lies in an interval: the nearer end makes it certain, the farther possible."""
    quantity, cut = load().quantities[node.quantity], Fraction(str(node.value))
    no_flow, per_liter, half, air = (
        Fraction(str(number))
        for number in (quantity.at_no_flow, quantity.per_liter, quantity.half_width, quantity.room_air)
    )
    rows: list[Row] = []
    expected: Expected = {}
    for end in (-half, half):
        middle = (cut - end - no_flow) / per_liter
        for flow in (middle + Fraction(step, 1000) for step in (-1, 0, 1)):
            if flow < 0:
                continue
            low, high = (min(max(no_flow + per_liter * flow + side, air), Fraction(1)) for side in (-half, half))
            name = f"{float(flow)} L/min"
            cannula = row("oxygen_device", text="nasal_cannula", until=HOUR)
            rows += [{"patient": name, **cannula}]
            rows += [{"patient": name, **row("oxygen_flow", printed(flow), unit="L/min", until=HOUR)}]
            said = [holds(node.op, value, cut) for value in (low, high)]
            expected[name, ZERO] = all(said), any(said)
    none_other(node, rows, expected)
