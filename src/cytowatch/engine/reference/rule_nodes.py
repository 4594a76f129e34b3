"""The tree of a rule: how its parts are combined, and how it grows from the tables (rule page, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_axes import JUDGEMENT
from cytowatch.engine.reference.rule_charted import Doses, Drugs, SinceExposure, Years, listed
from cytowatch.engine.reference.rule_parts import Part, Record, Truth
from cytowatch.engine.reference.rule_quantities import Computed, OnEstimate, Quantities
from cytowatch.engine.reference.rule_readings import AnyOfMeasured, Reading, Unsupported
from cytowatch.engine.reference.rule_time import Held, Summed, Times
from cytowatch.engine.reference.states import once
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
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)


class Several(Part):
    """At least so many of the parts: all of them, any of them, or a number between."""

    def __init__(self, parts: list[Part], needed: int) -> None:
        self.parts = parts
        self.needed = needed
        self.concepts = once(concept for part in parts for concept in part.concepts)
        self.edges = frozenset[int]().union(*(part.edges for part in parts))

    def truth(self, time: int) -> Truth:
        """Counts the parts that are certain, and those that are possible."""
        found = [part.truth(time) for part in self.parts]
        certain, possible = sum(truth.certain for truth in found), sum(truth.possible for truth in found)
        return Truth(certain >= self.needed, possible >= self.needed)

    def names(self, time: int) -> tuple[str, ...]:
        """What the parts name, in order, as long as they leave the whole open."""
        if not self.truth(time).open:
            return ()
        return tuple(name for part in self.parts for name in part.names(time))

    def lacking(self, time: int) -> tuple[str, ...]:
        """What the parts name, in order, whether or not it would settle the whole."""
        return tuple(name for part in self.parts for name in part.lacking(time))

    def rows(self, time: int) -> list[Row]:
        """The rows of the parts, in order."""
        return [row for part in self.parts for row in part.rows(time)]


class Turned(Part):
    """A part whose meaning is turned; it gives no rows."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.concepts = part.concepts
        self.edges = part.edges

    def names(self, time: int) -> tuple[str, ...]:
        """What the part names, as it stands."""
        return self.part.names(time)

    def lacking(self, time: int) -> tuple[str, ...]:
        """What the part lacks, as it stands."""
        return self.part.lacking(time)

    def rows(self, time: int) -> list[Row]:  # noqa: ARG002  (at no moment)
        """Nothing: the rows of the part are not what makes this certain."""
        return []


class Contrary(Turned):
    """True where the part is false."""

    def truth(self, time: int) -> Truth:
        """Certain where the part is not possible."""
        inner = self.part.truth(time)
        return Truth(not inner.possible, not inner.certain)


class Perhaps(Turned):
    """Never more than possible."""

    def __init__(self, part: Part, judged: bool) -> None:
        super().__init__(part)
        self.judged = judged

    def truth(self, time: int) -> Truth:
        """Possible where the part is."""
        return Truth(certain=False, possible=self.part.truth(time).possible)

    def names(self, time: int) -> tuple[str, ...]:
        """What the part names; where that is certain, and one has to judge, the judgement."""
        return self._with_judgement(self.part.names(time), time)

    def lacking(self, time: int) -> tuple[str, ...]:
        """The same of what the part lacks."""
        return self._with_judgement(self.part.lacking(time), time)

    def _with_judgement(self, own: tuple[str, ...], time: int) -> tuple[str, ...]:
        return (*own, JUDGEMENT) if self.judged and self.part.truth(time).certain else own


class Unless(Turned):
    """Takes away what is certain, and nothing that is only possible."""

    def truth(self, time: int) -> Truth:
        """False only where the part is certain."""
        left = not self.part.truth(time).certain
        return Truth(left, left)

    def names(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (at no moment)
        """Nothing: it is never open."""
        return ()

    def lacking(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (at no moment)
        """Nothing: it is never open."""
        return ()


class Grower:
    """Makes the trees of one patient."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.quantities = Quantities(record)
        self._makers: dict[type, Callable[[Any], Part]] = {
            Compare: lambda node: Unsupported(node, record) if node.without else Reading(node, record),
            Relative: lambda node: Reading(node, record),
            In: lambda node: listed(node, record),
            AnyMeasured: lambda node: AnyOfMeasured(node, record),
            Running: lambda node: Drugs(node, record),
            Given: lambda node: Doses(node, record),
            DaysSinceExposure: lambda node: SinceExposure(node, record),
            AgeYears: lambda node: Years(node, record),
            QuantityCompare: lambda node: Computed(node, self.quantities),
            Estimated: lambda node: OnEstimate(node, self.quantities),
            All: lambda node: Several(self._each(node.of), len(node.of)),
            AnyOf: lambda node: Several(self._each(node.of), 1),
            Count: lambda node: Several(self._each(node.of), node.at_least),
            Not: lambda node: Contrary(self.grow(node.of)),
            Possible: lambda node: Perhaps(self.grow(node.of), node.judged),
            ExceptKnown: lambda node: Unless(self.grow(node.of)),
            Sustained: lambda node: Held(self.grow(node.of), node.hours, node.pause_hours, record),
            Cumulative: lambda node: Summed(self.grow(node.of), node, record),
            Repeated: lambda node: Times(node.of, node.times, record),
        }

    def grow(self, node: Node) -> Part:
        """The tree of one condition."""
        return self._makers[type(node)](node)

    def _each(self, nodes: tuple[Node, ...]) -> list[Part]:
        return [self.grow(node) for node in nodes]
