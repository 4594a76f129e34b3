"""All states of some conditions at once: a set of states is one whole number, a bit for each state.

A condition is evaluated once for every state of a space; `and` and `or` of sets of states are those of the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from cytowatch.knowledge.lint.logic import Roles
from cytowatch.knowledge.lint.rule_logic import UNDECIDED, UNKNOWN, RuleLogic, Sample, Verdict, reads
from cytowatch.knowledge.lint.rule_tree import Atom, atoms
from cytowatch.knowledge.lint.rule_values import Axis, axes
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Count,
    ExceptKnown,
    In,
    Knowledge,
    Node,
    Not,
    Possible,
    Running,
)

State = tuple[int, ...]


class Bits(NamedTuple):
    """The states in which a condition is certain, and those in which it is not excluded."""

    sure: int
    open: int


@dataclass(frozen=True)
class Field:
    """What some conditions read: axes without needless values, and what each atom says of each combination."""

    axes: tuple[Axis, ...]
    tables: Mapping[Atom, tuple[tuple[int, ...], dict[State, Verdict]]]

    @cached_property
    def size(self) -> int:
        """How many states there are."""
        return math.prod(len(axis.values) for axis in self.axes)

    @cached_property
    def neutral(self) -> State:
        """A known state in which as few atoms hold as possible: what the rest is set to while a part is looked at."""
        met = [dict.fromkeys(sorted(axis.known), 0) for axis in self.axes]
        for places, table in self.tables.values():
            for state, verdict in table.items():
                for place, value in zip(places, state, strict=True):
                    if value in met[place]:
                        met[place][value] += verdict is True
        return tuple(min(counts, key=lambda value, of=counts: of[value]) for counts in met)  # type: ignore[misc]

    def shown(self, state: State) -> str:
        """A state in words, for a person."""
        pairs = zip(self.axes, state, strict=True)
        return ", ".join(f"{axis.name} {_shown(axis.values[value])}" for axis, value in pairs)


def _shown(value: Sample) -> str:
    if value in (UNKNOWN, UNDECIDED):
        return str(getattr(value, "value", value))
    return f"{value:.10g}" if isinstance(value, float) else str(getattr(value, "value", value))


def roles_of(nodes: Iterable[Node]) -> Roles:
    """Drugs that stand in exactly the same lists are alike: only how many of them run matters."""
    lists = [set(atom.concepts) for node in nodes for atom in atoms(node) if isinstance(atom, Running)]
    found: dict[tuple[bool, ...], list[str]] = {}
    for drug in sorted(set().union(*lists)) if lists else ():
        found.setdefault(tuple(drug in names for names in lists), []).append(drug)
    return tuple(tuple(names) for names in found.values())


def field_of(nodes: Iterable[Node], knowledge: Knowledge) -> Field:
    """The field of some conditions; of neighbors that no atom tells apart one value is kept."""
    nodes = tuple(nodes)
    found = tuple(dict.fromkeys(atom for node in nodes for atom in atoms(node)))
    devices = frozenset(key for key, concept in knowledge.concepts.items() if concept.kind == "device")
    logic = RuleLogic(knowledge.thresholds, devices, roles_of(nodes))
    full = axes(found, logic.roles, knowledge)
    tables = {atom: _table(atom, full, logic) for atom in found}
    kept = [_kept(place, axis, tables) for place, axis in enumerate(full)]
    slim = tuple(_slim(axis, values) for axis, values in zip(full, kept, strict=True))
    return Field(slim, {atom: (places, _renamed(places, table, kept)) for atom, (places, table) in tables.items()})


def _table(atom: Atom, full: tuple[Axis, ...], logic: RuleLogic) -> tuple[tuple[int, ...], dict[State, Verdict]]:
    names = reads(atom, logic.roles)
    numbers = {axis.name: place for place, axis in enumerate(full)}
    places = tuple(numbers[name] for name in names)
    found = {}
    for state in product(*(range(len(full[place].values)) for place in places)):
        values = {name: full[place].values[value] for name, place, value in zip(names, places, state, strict=True)}
        found[state] = logic.verdict(atom, values)
    return places, found


def _kept(
    place: int, axis: Axis, tables: Mapping[Atom, tuple[tuple[int, ...], dict[State, Verdict]]]
) -> tuple[int, ...]:
    """The new number of each value; one that means the same as the one before it shares the number of that."""
    said: list[list[Verdict]] = [[] for _ in axis.values]
    for places, table in tables.values():
        if place in places:
            at = places.index(place)
            for state, verdict in table.items():
                said[state[at]].append(verdict)
    found = [0]
    for value in range(1, len(axis.values)):
        same = said[value] == said[value - 1] and value in axis.known and value - 1 in axis.known
        found.append(found[-1] + (not same))
    return tuple(found)


def _slim(axis: Axis, kept: tuple[int, ...]) -> Axis:
    return Axis(
        axis.name,
        axis.about,
        tuple(axis.values[kept.index(number)] for number in range(kept[-1] + 1)),
        frozenset(kept[value] for value in axis.known),
        {kept[old]: tuple(dict.fromkeys(kept[new] for new in later)) for old, later in axis.may_be.items()},
    )


def _renamed(places: tuple[int, ...], table: dict[State, Verdict], kept: list[tuple[int, ...]]) -> dict[State, Verdict]:
    return {
        tuple(kept[place][value] for place, value in zip(places, state, strict=True)): verdict
        for state, verdict in table.items()
    }


class Space:
    """Some states of a field, and every condition evaluated in all of them at once."""

    def __init__(self, field: Field, columns: list[dict[int, int]], size: int) -> None:
        self.field = field
        self.size = size
        self.full = (1 << size) - 1
        # for each axis: which states have which value
        self.columns = columns
        self._atoms: dict[Atom, tuple[Bits, int]] = {}

    def truth(self, node: Node) -> Bits:
        """Where a condition is certain, and where it is not excluded."""
        match node:
            case All():
                parts = [self.truth(part) for part in node.of]
                return Bits(_every(self.full, (p.sure for p in parts)), _every(self.full, (p.open for p in parts)))
            case AnyOf():
                parts = [self.truth(part) for part in node.of]
                return Bits(_some(part.sure for part in parts), _some(part.open for part in parts))
            case Count():
                parts = [self.truth(part) for part in node.of]
                sure, open_ = ([getattr(part, name) for part in parts] for name in ("sure", "open"))
                return Bits(self._at_least(sure, node.at_least), self._at_least(open_, node.at_least))
            case Not():
                inner = self.truth(node.of)
                return Bits(self.full & ~inner.open, self.full & ~inner.sure)
            case Possible():
                return Bits(0, self.truth(node.of).open)
            case ExceptKnown():
                left = self.full & ~self.truth(node.of).sure
                return Bits(left, left)
            case AnyMeasured():
                return self._any_measured(node)
            case _:
                return self._atom(node)[0]

    def measured(self, atom: Atom) -> int:
        """Where something is in force that an atom reads."""
        return self._atom(atom)[1]

    def settled(self) -> int:
        """Where nothing is unknown."""
        pairs = zip(self.field.axes, self.columns, strict=True)
        return _every(self.full, (_some(masks.get(value, 0) for value in axis.known) for axis, masks in pairs))

    def first(self, states: int) -> State:
        """The first of a set of states."""
        bit = states & -states
        return tuple(next(value for value, mask in masks.items() if mask & bit) for masks in self.columns)

    def _at_least(self, sets: Sequence[int], number: int) -> int:
        reached = [self.full, *([0] * number)]
        for one in sets:
            for place in range(number, 0, -1):
                reached[place] |= reached[place - 1] & one
        return reached[number]

    def _any_measured(self, node: AnyMeasured) -> Bits:
        parts = [self._atom(part) for part in node.of]
        sure = _some(bits.sure for bits, _ in parts)
        gray = _some(bits.open & measured for bits, measured in parts)
        return Bits(sure, gray | (self.full & ~_some(measured for _, measured in parts)))

    def _atom(self, atom: Atom | In) -> tuple[Bits, int]:
        if atom not in self._atoms:
            self._atoms[atom] = self._evaluated(atom)
        return self._atoms[atom]

    def _evaluated(self, atom: Atom) -> tuple[Bits, int]:
        places, table = self.field.tables[atom]
        said: dict[Verdict, int] = {True: 0, False: 0, UNDECIDED: 0, UNKNOWN: 0}
        for state, mask in self._occurring(places):
            said[table[state]] |= mask
        sure, unknown = said[True], said[UNKNOWN]
        return Bits(sure, sure | said[UNDECIDED] | unknown), self.full & ~unknown

    def _occurring(self, places: Sequence[int]) -> Iterator[tuple[State, int]]:
        """Each combination of values of some axes that occurs, and where it does."""
        if not places:
            yield (), self.full
            return
        # most spaces hold few values of most axes: what does not occur is not gone through
        for state, mask in self._occurring(places[:-1]):
            for value, column in self.columns[places[-1]].items():
                if here := mask & column:
                    yield (*state, value), here


def _every(full: int, sets: Iterable[int]) -> int:
    for one in sets:
        full &= one
    return full


def _some(sets: Iterable[int]) -> int:
    found = 0
    for one in sets:
        found |= one
    return found


class Product(Space):
    """Every combination of some values of each axis; without ``choices`` of all of them."""

    def __init__(self, field: Field, choices: Sequence[Sequence[int]] | None = None) -> None:
        self.choices = choices or [range(len(axis.values)) for axis in field.axes]
        size = math.prod(map(len, self.choices))
        # how far apart in a set of states two states lie that differ by one step on an axis
        self.strides: list[int] = []
        stride = 1
        for values in self.choices:
            self.strides.append(stride)
            stride *= len(values)
        super().__init__(field, list(self._masks(size)), size)

    def _masks(self, size: int) -> Iterator[dict[int, int]]:
        for values, stride in zip(self.choices, self.strides, strict=True):
            block = (1 << stride) - 1
            period = stride * len(values)
            yield {value: _repeated(block << (stride * number), period, size) for number, value in enumerate(values)}

    def steps(self, place: int) -> Iterator[tuple[int, int, int]]:
        """From which value to which, on one axis, more may be learned, and how far the states move."""
        numbers = {value: number for number, value in enumerate(self.choices[place])}
        for old, later in self.field.axes[place].may_be.items():
            for new in later:
                if old in numbers and new in numbers:
                    yield old, new, (numbers[new] - numbers[old]) * self.strides[place]


def _repeated(block: int, period: int, size: int) -> int:
    while period < size:
        block |= block << period
        period *= 2
    return block & ((1 << size) - 1)


class Listed(Space):
    """States one by one: for each axis the value of every state."""

    def __init__(self, field: Field, columns: Sequence[bytes]) -> None:
        super().__init__(field, [_by_value(column) for column in columns], len(columns[0]))


def _by_value(column: bytes) -> dict[int, int]:
    backwards = column[::-1]
    found = {}
    for value in set(column):
        digits = backwards.translate(bytes(49 if number == value else 48 for number in range(256)))
        found[value] = int(digits, 2)
    return found
