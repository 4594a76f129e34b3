"""What is computed from several concepts at one moment, as a range (rule page, section 2.1)."""

from __future__ import annotations

import math
from typing import NamedTuple

from cytowatch.engine.reference.chart import latest_row
from cytowatch.engine.reference.lanes import Lane
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_charted import VASOPRESSORS
from cytowatch.engine.reference.rule_parts import FIO2, FLOW, OPEN, WEIGHT, Atom, Record, Truth
from cytowatch.engine.reference.rule_readings import near
from cytowatch.engine.reference.rules import DEVICE
from cytowatch.engine.reference.states import once
from cytowatch.knowledge.model import Estimated, Quantity, QuantityCompare, Term

PER_MINUTE, BY_WEIGHT = "ug/min", "ug/kg/min"
MILLION = 1_000_000


class Measured(NamedTuple):
    """Where a quantity lies (nothing where it is unknown), what would settle it, and what it rests on."""

    ends: tuple[float, float] | None
    unsettled: tuple[str, ...] = ()
    estimated: bool = False
    rows: tuple[Row, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What would settle it, unless it is one number."""
        return () if self.ends is not None and self.ends[0] == self.ends[1] else self.unsettled


def _ends(row: Row) -> tuple[float, float] | None:
    """The range of a reading; nothing where it has no value."""
    if row.value is None:
        return None
    if row.comparator in (">", ">="):
        return row.value, math.inf
    return (-math.inf, row.value) if row.comparator in ("<", "<=") else (row.value, row.value)


class Quantities:
    """Reads the quantities of one patient, moment by moment."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.chart = record.chart
        self.known = record.chart.rules.knowledge.quantities
        self.lanes: dict[str, Lane] = {}

    def reads(self, key: str) -> tuple[str, ...]:
        """The concepts that a quantity is made of, in order."""
        quantity = self.known[key]
        if quantity.kind == "inspired_oxygen":
            return FIO2, DEVICE, FLOW
        parts = (self.reads(term.concept) if term.concept in self.known else (term.concept,) for term in quantity.terms)
        return once(concept for part in parts for concept in part)

    def at(self, key: str, time: int) -> Measured:
        """A quantity at ``time``."""
        quantity = self.known[key]
        if quantity.kind == "inspired_oxygen":
            return self._inspired(quantity, time)
        terms = [self._term(term, time) for term in quantity.terms]
        return Measured(
            _sum(quantity, terms) if quantity.kind == "sum" else _ratio(*terms),
            once(name for term in terms for name in term.names),
            any(term.estimated for term in terms),
            tuple(row for term in terms for row in term.rows),
        )

    def _term(self, term: Term, time: int) -> Measured:
        if term.rate:
            return self._rate(term, time)
        if term.concept in self.known:
            return self.at(term.concept, time)
        rows = self._in_force(term.concept, time)
        return Measured(_ends(rows[0]) if rows else None, (term.concept,), rows=tuple(rows))

    def _in_force(self, concept: str, time: int) -> list[Row]:
        if concept not in self.lanes:
            self.lanes[concept] = self.record.lane(concept)
        return self.lanes[concept].on(time)

    def _rate(self, term: Term, time: int) -> Measured:
        """All that runs of a drug, in whole millionths, so that the order of adding does not matter."""
        lane = self.chart.lane(term.concept)
        running = lane.on(time)
        rates = [self._converted(row, term.unit) for row in running]
        low = sum(round(rate * MILLION) for rate in rates if rate is not None) / MILLION
        lacking = {self._lacks(row, term.unit) for row in running}
        if self.chart.unknown(term.concept, time) or any(part.state == "unknown" for part in lane.at(time)):
            lacking.add(VASOPRESSORS)
        names = tuple(name for name in (WEIGHT, VASOPRESSORS) if name in lacking)
        return Measured((low, math.inf if names else low), names, rows=tuple(latest_row(running)))

    def _lacks(self, row: Row, unit: str) -> str:
        """What stands in the way of knowing the rate of a row; empty if nothing does."""
        if row.value is None or row.comparator or not _convertible(row.unit, unit):
            return VASOPRESSORS
        return WEIGHT if self._converted(row, unit) is None else ""

    def _converted(self, row: Row, unit: str) -> float | None:
        """The rate of a row in a unit; nothing where it cannot be known."""
        if row.value is None or row.unit == unit:
            return row.value
        weight = self.record.weight(row.time)
        if weight is None or not _convertible(row.unit, unit):
            return None
        return row.value * weight if unit == PER_MINUTE else row.value / weight

    def _inspired(self, quantity: Quantity, time: int) -> Measured:
        """The fraction charted, else one estimated from the flow, else that of room air where nothing may be on."""
        charted = [row for row in self._in_force(FIO2, time) if row.value is not None]
        ends = _ends(charted[0]) if charted else None
        if ends is not None:
            return Measured((max(ends[0], 0.0), ends[1]), (FIO2,), rows=(charted[0],))
        devices = self.chart.lane(DEVICE).on(time)
        kinds = {row.text for row in devices}
        flow = self._in_force(FLOW, time)
        by_flow = bool(kinds) and kinds <= set(quantity.flow_devices)
        if by_flow and flow and flow[0].value is not None and not flow[0].comparator:
            return Measured(
                _estimate(quantity, flow[0].value), (FIO2,), estimated=True, rows=(*flow, *_by_time(devices))
            )
        vague = bool(kinds) or self.chart.unknown(DEVICE, time) or any(_flowing(row) for row in flow)
        return Measured((quantity.room_air, 1.0 if vague else quantity.room_air), (FIO2,))


def _convertible(unit: str | None, wanted: str) -> bool:
    return unit == wanted or {unit, wanted} == {PER_MINUTE, BY_WEIGHT}


def _flowing(row: Row) -> bool:
    """Whether a flow may be above 0."""
    ends = _ends(row)
    return ends is None or ends[1] > 0


def _by_time(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.time, row.source))


def _estimate(quantity: Quantity, flow: float) -> tuple[float, float]:
    middle = quantity.at_no_flow + quantity.per_liter * flow
    low, high = middle - quantity.half_width, middle + quantity.half_width
    return min(max(low, quantity.room_air), 1.0), min(max(high, quantity.room_air), 1.0)


def _sum(quantity: Quantity, terms: list[Measured]) -> tuple[float, float] | None:
    low = high = quantity.constant
    for term, part in zip(quantity.terms, terms, strict=True):
        if part.ends is None:
            return None
        one, other = term.factor * part.ends[0], term.factor * part.ends[1]
        low, high = low + min(one, other), high + max(one, other)
    return low, high


def _ratio(over: Measured, under: Measured) -> tuple[float, float] | None:
    if over.ends is None or under.ends is None or under.ends[0] <= 0:
        return None
    low = over.ends[0] / under.ends[1]
    # no number at all where both ends are infinite: nothing bounds it from below
    return -math.inf if math.isnan(low) else low, over.ends[1] / under.ends[0]


class Computed(Atom):
    """A quantity compared with a number."""

    def __init__(self, node: QuantityCompare, quantities: Quantities) -> None:
        self.node = node
        self.quantities = quantities
        self.concepts = quantities.reads(node.quantity)

    def truth(self, time: int) -> Truth:
        """Certain if it holds for the whole range, possible if it does for a part of it."""
        ends = self.quantities.at(self.node.quantity, time).ends
        if ends is None:
            return OPEN
        (low, high), cut = ends, self.node.value
        least, most = cut - near(cut), cut + near(cut)
        return {
            ">": Truth(low > most, high > most),
            ">=": Truth(low >= least, high >= least),
            "<": Truth(high < least, low < least),
            "<=": Truth(high <= most, low <= most),
            "==": Truth(least <= low and high <= most, low <= most and least <= high),
        }[self.node.op]

    def settled_by(self, time: int) -> tuple[str, ...]:
        """What would settle the quantity."""
        return self.quantities.at(self.node.quantity, time).names

    def proof(self, time: int) -> list[Row]:
        """The rows it is computed from."""
        return list(self.quantities.at(self.node.quantity, time).rows)


class OnEstimate(Atom):
    """A quantity rests on an estimate."""

    def __init__(self, node: Estimated, quantities: Quantities) -> None:
        self.key = node.quantity
        self.quantities = quantities
        self.concepts = quantities.reads(node.quantity)

    def truth(self, time: int) -> Truth:
        """Whether any number in it is an estimate at ``time``."""
        here = self.quantities.at(self.key, time).estimated
        return Truth(here, here)

    def proof(self, time: int) -> list[Row]:
        """The rows it is computed from."""
        return list(self.quantities.at(self.key, time).rows)
