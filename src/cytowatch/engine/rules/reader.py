"""What the parts of the compiler need of it: to ask for counters, and to compile a condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import polars as pl

from cytowatch.engine.compile import Truth
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.statements import YES, Statement
from cytowatch.knowledge.model import Node

# what a leaf says, over the counters of a grid, and what would settle it
LeafNames = list[tuple[str, pl.Expr]]
# the same of conditions, over what their leaves say
Names = list[tuple[str, Statement]]


@dataclass(frozen=True)
class Atom:
    """A leaf of a condition: its truth, and under which name it is open when it is."""

    leaf: Node
    truth: Truth[Statement]
    names: Names
    # false below `not`, `possible` and `except_known`: it is no evidence for the condition that holds
    asserts: bool = True
    # what the conditions around it leave open: where one of them is settled, nobody need know the leaf
    within: Statement = YES

    @cached_property
    def is_open(self) -> Statement:
        """Possible and not certain; oxygen without a device is so as long as nobody has charted the device."""
        return self.lacks & self.within

    @cached_property
    def lacks(self) -> Statement:
        """The same, whether or not it would settle what is around it."""
        if getattr(self.leaf, "without", ""):
            return self.truth.possible
        return self.truth.possible & ~self.truth.certain


class Reader(Protocol):
    """A compiler as its parts see it."""

    lanes: Lanes
    base: dict[str, pl.Expr]
    counted: dict[str, None]
    drugs: dict[str, None]
    devices: dict[str, tuple[str, ...]]

    def ask(self, columns: list[str], key: str, make: Callable[[], list[pl.DataFrame]]) -> None:
        """Note counters that are read, and the lane that carries them."""

    def condition(self, node: Node) -> tuple[Truth[Statement], list[Atom]]:
        """The truth of one whole condition, and its atoms in the order written."""

    def all_frames(self) -> list[pl.DataFrame]:
        """Every counter frame that the compiled conditions read."""

    def all_counters(self) -> list[str]:
        """The names of every counter that the compiled conditions read."""
