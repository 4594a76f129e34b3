"""Quantities at a moment: a range, whether it rests on an estimate, and what would narrow it (page, section 2.1).

Readings enter the grid as the place of the row in force; their values are looked up there, so nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from cytowatch.engine.compile import Truth, is_open
from cytowatch.engine.rules.lanes import MICRO
from cytowatch.engine.rules.reader import LeafNames, Reader
from cytowatch.engine.rules.tree import DEVICE, FLOW, FRACTION
from cytowatch.engine.rules.verdicts import near
from cytowatch.knowledge.model import Quantity, QuantityCompare, Term

NO, YES = pl.lit(value=False), pl.lit(value=True)
_INFINITE = float("inf")


@dataclass(frozen=True)
class Range:
    """``low`` to ``high``; ``unknown`` where not even a range can be said. ``names``: what would settle it."""

    low: pl.Expr
    high: pl.Expr
    unknown: pl.Expr
    names: LeafNames
    estimated: pl.Expr = NO

    @property
    def is_open(self) -> pl.Expr:
        """Unknown, or more than one value."""
        return self.unknown | (self.low < self.high)


@dataclass
class Quantities:
    """The quantities that one scale's conditions read, over the counters of its compiler."""

    compiler: Reader
    known: dict[str, Range] = field(default_factory=dict)

    def of(self, key: str) -> Range:
        """The range of a quantity."""
        if key not in self.known:
            quantity = self.compiler.lanes.knowledge.quantities[key]
            made = {"sum": self._sum, "ratio": self._ratio, "inspired_oxygen": self._inspired_oxygen}
            self.known[key] = made[quantity.kind](quantity)
        return self.known[key]

    def compared(self, node: QuantityCompare) -> tuple[Truth[pl.Expr], LeafNames]:
        """A quantity held against a number."""
        found = self.of(node.quantity)
        cut = pl.lit(node.value)
        slack = near(cut)
        low, high = found.low.fill_null(-_INFINITE), found.high.fill_null(_INFINITE)
        certain, possible = {
            ">": (low > cut + slack, high > cut + slack),
            ">=": (low >= cut - slack, high >= cut - slack),
            "<": (high < cut - slack, low < cut - slack),
            "<=": (high <= cut + slack, low <= cut + slack),
            "==": (
                ((low - cut).abs() <= slack) & ((high - cut).abs() <= slack),
                (low <= cut + slack) & (high >= cut - slack),
            ),
        }[node.op]
        return Truth(certain & ~found.unknown, possible | found.unknown), found.names

    # ------------------------------------------------------------ inputs

    def _term(self, term: Term) -> Range:
        if term.concept in self.compiler.lanes.knowledge.quantities:
            return self.of(term.concept)
        return self._rate(term) if term.rate else self._reading(term.concept)

    def _reading(self, concept: str) -> Range:
        """The value in force; a comparator leaves one end open."""
        at = self._place(concept)
        rows = self.compiler.lanes.readings_of(concept)
        value, bound = self._looked_up(rows["value"], at), self._looked_up(rows["comparator"].cast(pl.String), at)
        low = pl.when(bound.is_in(["<", "<="]).fill_null(value=False)).then(-_INFINITE).otherwise(value)
        high = pl.when(bound.is_in([">", ">="]).fill_null(value=False)).then(_INFINITE).otherwise(value)
        unknown = value.is_null()
        open_ = unknown | bound.is_not_null()
        return Range(low, high, unknown, [(concept, open_)])

    def _place(self, concept: str) -> pl.Expr:
        lanes = self.compiler.lanes
        self.compiler.ask([f"{concept}|at"], f"{concept}|at", lambda: lanes.place_of_reading(concept))
        return pl.col(f"{concept}|at")

    @staticmethod
    def _looked_up(values: pl.Series, at: pl.Expr) -> pl.Expr:
        """The values at 1-based places; empty at place 0."""
        table = pl.concat([pl.Series([None], dtype=values.dtype).alias(values.name), values])
        return pl.lit(table).gather(at)

    def _rate(self, term: Term) -> Range:
        lanes, compiler = self.compiler.lanes, self.compiler
        key = f"{term.concept} {term.unit}"
        compiler.drugs[term.concept] = None
        compiler.ask([f"{key}|{part}" for part in ("lo", "open", "weight")], key, lambda: lanes.rate(term))
        low = pl.col(f"{key}|lo") / MICRO
        no_weight = is_open(f"{key}|weight")
        doubt = is_open(f"{term.concept}|doubt")
        if term.concept in lanes.not_recorded:
            doubt |= ~is_open(f"{term.concept}|on")
        doubt |= is_open(f"{key}|open")
        high = pl.when(no_weight | doubt).then(_INFINITE).otherwise(low)
        return Range(low, high, NO, [("weight", no_weight), ("vasopressor_state", doubt)])

    # ------------------------------------------------------------ kinds

    def _sum(self, quantity: Quantity) -> Range:
        terms = [(term, self._term(term)) for term in quantity.terms]
        low = high = pl.lit(quantity.constant)
        for term, part in terms:
            ends = (part.low, part.high) if term.factor >= 0 else (part.high, part.low)
            low, high = low + ends[0] * term.factor, high + ends[1] * term.factor
        return self._of_parts(low, high, [part for _, part in terms])

    def _ratio(self, quantity: Quantity) -> Range:
        above, below = (self._term(term) for term in quantity.terms)
        # an open end over an open end can be anything
        low, high = (above.low / below.high).fill_nan(-_INFINITE), (above.high / below.low).fill_nan(_INFINITE)
        found = self._of_parts(low, high, [above, below])
        unknown = found.unknown | (below.low <= 0).fill_null(value=False)
        return Range(found.low, found.high, unknown, found.names, found.estimated)

    @staticmethod
    def _of_parts(low: pl.Expr, high: pl.Expr, parts: list[Range]) -> Range:
        unknown = pl.any_horizontal(part.unknown for part in parts)
        estimated = pl.any_horizontal(part.estimated for part in parts)
        names = [(name, held & part.is_open) for part in parts for name, held in part.names]
        return Range(low, high, unknown, names, estimated)

    def _inspired_oxygen(self, quantity: Quantity) -> Range:
        lanes = self.compiler.lanes
        charted, flow = self._reading(FRACTION), self._reading(FLOW)
        devices = f"device|{'+'.join(quantity.flow_devices)}"
        self.compiler.devices[devices] = quantity.flow_devices
        only_these = is_open(devices) & (pl.col("device|any") == pl.col(devices))
        exact_flow = ~flow.unknown & (flow.low == flow.high)
        middle = quantity.at_no_flow + quantity.per_liter * flow.low
        doubtful = is_open("device|doubt") | is_open("device|any")
        if DEVICE in lanes.not_recorded:
            doubtful = YES
        flowing = (pl.col(f"{FLOW}|at") > 0) & ~(flow.high <= 0).fill_null(value=False)
        by_flow = charted.unknown & only_these & exact_flow
        unclear = charted.unknown & ~by_flow & (doubtful | flowing)
        room = pl.lit(quantity.room_air)
        low = (
            pl.when(~charted.unknown)
            .then(pl.max_horizontal(charted.low, pl.lit(0.0)))
            .when(by_flow)
            .then((middle - quantity.half_width).clip(quantity.room_air, 1.0))
            .otherwise(room)
        )
        high = (
            pl.when(~charted.unknown)
            .then(charted.high)
            .when(by_flow)
            .then((middle + quantity.half_width).clip(quantity.room_air, 1.0))
            .when(unclear)
            .then(1.0)
            .otherwise(room)
        )
        return Range(low, high, NO, [(FRACTION, low < high)], by_flow)
