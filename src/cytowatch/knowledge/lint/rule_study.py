"""The states in which conditions are tried: all; where they are too many, every pair of concepts and a sample."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from cytowatch.knowledge.lint.rule_space import Field, Listed, Product, Space, State
from cytowatch.knowledge.model import All, AnyMeasured, AnyOf, Count, ExceptKnown, Node, Not, Possible

# all states are tried up to this many; of more, so many are drawn, always the same
MOST = 200_000
DRAWN = 20_000
_SEED = 1


def is_small(field: Field) -> bool:
    """Whether every state is tried."""
    return field.size <= MOST


def products(field: Field) -> Iterator[Product]:
    """Every combination; or of every two concepts, while all else is as it is in a patient without findings."""
    if is_small(field):
        yield Product(field)
        return
    groups: dict[str, list[int]] = {}
    for place, axis in enumerate(field.axes):
        groups.setdefault(axis.about, []).append(place)
    for left, right in combinations(groups.values(), 2):
        yield from _pinned(field, left, right)


def _pinned(field: Field, left: list[int], right: list[int]) -> Iterator[Product]:
    if math.prod(len(field.axes[place].values) for place in (*left, *right)) <= MOST:
        yield Product(field, _choices(field, {*left, *right}))
        return
    for one in left:
        for other in right:
            yield Product(field, _choices(field, {one, other}))


def _choices(field: Field, free: set[int]) -> list[range]:
    return [
        range(len(axis.values)) if place in free else range(value, value + 1)
        for place, (axis, value) in enumerate(zip(field.axes, field.neutral, strict=True))
    ]


def sample(field: Field) -> tuple[Listed, Listed] | None:
    """Drawn states, and beside each the same after something more was learned; None where all states are tried."""
    if is_small(field):
        return None
    draw = random.Random(_SEED)  # noqa: S311 - a sample that is the same every time
    before = [_drawn(len(axis.values), draw) for axis in field.axes]
    return Listed(field, before), Listed(field, [_learned(field, place, column) for place, column in enumerate(before)])


def _drawn(size: int, draw: random.Random) -> bytes:
    return draw.randbytes(DRAWN).translate(bytes(byte * size // 256 for byte in range(256)))


def _learned(field: Field, place: int, column: bytes) -> bytes:
    """Of every so many states, one in which this axis becomes better known: each way in turn."""
    after, may_be = bytearray(column), field.axes[place].may_be
    for turn, state in enumerate(range(place, len(column), len(field.axes))):
        later = may_be.get(column[state])
        if later:
            after[state] = later[turn % len(later)]
    return bytes(after)


@dataclass(frozen=True)
class Granted:
    """What a condition takes for granted because it is not charted, where it does, and what is charted of it."""

    assumed: int
    seen: tuple[int, ...]


def granted(node: Node, space: Space) -> Iterator[Granted]:
    """The words `except_known` and `any_measured`: what they rest on may be undone by a new fact, nothing else may."""
    match node:
        case ExceptKnown():
            yield Granted(space.full, (space.truth(node.of).sure,))
            yield from granted(node.of, space)
        case AnyMeasured():
            seen = tuple(space.measured(part) for part in node.of)
            some = 0
            for states in seen:
                some |= states
            yield Granted(some, seen)
        case Not() | Possible():
            yield from granted(node.of, space)
        case All() | AnyOf() | Count():
            for part in node.of:
                yield from granted(part, space)
        case _:
            pass


def taken_back(node: Node, space: Product) -> tuple[State, State] | None:
    """A state and one with more known in which something certain, or excluded, is so no more."""
    bits, rest = space.truth(node), tuple(granted(node, space))
    for place in range(len(space.field.axes)):
        for old, new, step in space.steps(place):
            here = space.columns[place][old]
            later = _Moved(step)
            lost = (bits.sure & ~later(bits.sure)) | (later(bits.open) & ~bits.open)
            for one in rest:
                lost &= ~(one.assumed & _changed(one.seen, tuple(map(later, one.seen))))
            lost &= here
            if lost:
                state = space.first(lost)
                return state, (*state[:place], new, *state[place + 1 :])
    return None


def taken_back_in_sample(node: Node, before: Listed, after: Listed) -> tuple[State, State] | None:
    """The same for drawn states."""
    old, new = before.truth(node), after.truth(node)
    lost = (old.sure & ~new.sure) | (new.open & ~old.open)
    for one, other in zip(granted(node, before), granted(node, after), strict=True):
        lost &= ~(one.assumed & _changed(one.seen, other.seen))
    return (before.first(lost), after.first(lost)) if lost else None


def _changed(old: tuple[int, ...], new: tuple[int, ...]) -> int:
    found = 0
    for one, other in zip(old, new, strict=True):
        found |= one ^ other
    return found


@dataclass(frozen=True)
class _Moved:
    """Sets of states seen from the states that lie ``step`` before them."""

    step: int

    def __call__(self, states: int) -> int:
        return states >> self.step if self.step >= 0 else states << -self.step
