"""Criterion → a pair of Polars expressions, certain and possible (semantics page, section 4).

The expressions read *counters*: columns of the grid that say how many intervals of a class are open at a moment.
Compiling a criterion also collects which counters it needs; ``counters.py`` makes them from the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Generic, TypeVar

import polars as pl

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
    Running,
    Scale,
)

DEVICE = "oxygen_device"
# the counter of devices that are more than any support at home
BEYOND = "device|beyond home"


Said = TypeVar("Said")


@dataclass(frozen=True)
class Truth(Generic[Said]):
    """A statement's two values: certainly true, and not excluded."""

    certain: Said
    possible: Said


@dataclass
class Needs:
    """The counters that a scale's criteria read."""

    readings: dict[str, Compare] = field(default_factory=dict)
    drugs: set[str] = field(default_factory=set)
    devices: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Compiled:
    """A scale's criteria as truths, in table order, with what they need."""

    truths: dict[str, Truth[pl.Expr]]
    needs: Needs


def compile_criteria(scale: Scale, not_recorded: frozenset[str]) -> Compiled:
    """Compile every criterion of a scale but the one that opens an episode.

    ``not_recorded`` names therapies whose absence means unknown.
    """
    compiler = _Compiler(not_recorded, Needs())
    compiler.needs.devices[BEYOND] = tuple(name for domain in scale.domains for name in domain.beyond_home)
    # the criterion that opens an episode is followed reading by reading (fever.py)
    signs = [criterion for criterion in scale.criteria if criterion.id != scale.episode.opens_with]
    truths = {criterion.id: compiler.criterion(criterion) for criterion in signs}
    return Compiled(truths, compiler.needs)


def reading_name(node: Compare) -> str:
    """The name under which a comparison's counters stand in the grid."""
    cut = node.threshold or f"{node.value:g}"
    return f"{node.concept}{node.op}{cut}" + ("|alone" if node.without else "")


def is_open(counter: str) -> pl.Expr:
    """At least one interval of the class is open."""
    return pl.col(counter) > 0


def drug_truth(concept: str, not_recorded: frozenset[str]) -> Truth[pl.Expr]:
    """On for certain; possibly on."""
    on = is_open(f"{concept}|on")
    if concept in not_recorded:
        return Truth(on, pl.lit(True))
    return Truth(on, on | is_open(f"{concept}|doubt"))


@dataclass
class _Compiler:
    not_recorded: frozenset[str]
    needs: Needs

    def criterion(self, criterion: Criterion) -> Truth[pl.Expr]:
        return self.node(criterion.when)

    def node(self, node: Node) -> Truth[pl.Expr]:
        match node:
            case Compare():
                return self.compare(node)
            case In():
                return self.device(node)
            case Running():
                return self.running(node)
            case AnyMeasured():
                return self.any_measured(node)
            case All():
                return _combine(and_, [self.node(part) for part in node.of])
            case AnyOf():
                return _combine(or_, [self.node(part) for part in node.of])
            case Not():
                inner = self.node(node.of)
                return Truth(~inner.possible, ~inner.certain)
            case Possible():
                return Truth(pl.lit(False), self.node(node.of).possible)
            case ExceptKnown():
                known = self.node(node.of).certain
                return Truth(~known, ~known)
        raise TypeError(f"a scale led by fever cannot read {node!r}")

    def compare(self, node: Compare) -> Truth[pl.Expr]:
        name = reading_name(node)
        self.needs.readings[name] = node
        if node.without:
            nothing_on = ~is_open("device|any")
            true = is_open(f"{name}|true") & nothing_on
            return Truth(true, true | (is_open(f"{name}|gray") & nothing_on))
        return Truth(is_open(f"{name}|true"), ~is_open(f"{name}|false"))

    def any_measured(self, node: AnyMeasured) -> Truth[pl.Expr]:
        compares = [part for part in node.of if isinstance(part, Compare)]
        names = [reading_name(part) for part in compares]
        self.needs.readings |= dict(zip(names, compares, strict=True))
        true = reduce(or_, (is_open(f"{name}|true") for name in names))
        gray = reduce(or_, (is_open(f"{name}|gray") for name in names))
        false = reduce(or_, (is_open(f"{name}|false") for name in names))
        return Truth(true, true | gray | ~false)

    def running(self, node: Running) -> Truth[pl.Expr]:
        self.needs.drugs |= set(node.concepts)
        truths = [drug_truth(concept, self.not_recorded) for concept in node.concepts]
        certain = pl.sum_horizontal(truth.certain.cast(pl.Int32) for truth in truths)
        possible = pl.sum_horizontal(truth.possible.cast(pl.Int32) for truth in truths)
        return Truth(certain >= node.at_least, possible >= node.at_least)

    def device(self, node: In) -> Truth[pl.Expr]:
        name = f"device|{'+'.join(node.categories)}"
        self.needs.devices[name] = node.categories
        on = is_open(name)
        nothing_on = ~is_open("device|any")
        doubtful = is_open("device|doubt") & nothing_on
        if DEVICE in self.not_recorded:
            doubtful = nothing_on
        return Truth(on, on | doubtful | is_open("device|other"))


def _combine(how: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: list[Truth[pl.Expr]]) -> Truth[pl.Expr]:
    return Truth(reduce(how, (part.certain for part in parts)), reduce(how, (part.possible for part in parts)))
