"""Where criteria read one number: a worse value never lowers the grade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cytowatch.knowledge.lint.rule_space import Field, Product, State
from cytowatch.knowledge.lint.rule_tree import Atom, atoms
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Criterion,
    ExceptKnown,
    Node,
    Not,
    Possible,
    Relative,
)


def grade_falls(
    group: Sequence[Criterion], of: Field, spaces: Sequence[Product]
) -> tuple[Criterion, State, State] | None:
    """A criterion that holds in one state and makes a higher grade than the next worse value; None if there is none.

    Which way is worse is what most comparisons say; where they do not agree more one way than the other, or several
    concepts are compared, nothing is asked.
    """
    way = _worse(group)
    for place in _compared(group, of) if way else ():
        for space in spaces:
            found = _falls(group, space, place, way)
            if found is not None:
                return found
    return None


def _worse(group: Sequence[Criterion]) -> int:
    """1 where higher is worse, -1 where lower is, 0 where it cannot be told."""
    ways = [way for part in group for way in _ways(part.when, 1)]
    return (sum(ways) > 0) - (sum(ways) < 0)


def _ways(node: Node, sign: int) -> Iterator[int]:
    match node:
        case All() | AnyOf() | Count() | AnyMeasured():
            for part in node.of:
                yield from _ways(part, sign)
        case Not() | ExceptKnown():
            yield from _ways(node.of, -sign)
        case Possible():
            yield from _ways(node.of, sign)
        case Compare() | Relative():
            if node.op != "==" and _reads_value(node):
                yield sign if node.op in (">", ">=") else -sign
        case _:
            pass


def _reads_value(atom: Atom) -> bool:
    return isinstance(atom, Relative) or (isinstance(atom, Compare) and not atom.of_baseline)


def _compared(group: Sequence[Criterion], of: Field) -> list[int]:
    """The axes of the one concept that is compared; none where it is not one."""
    read = [atom for part in group for atom in atoms(part.when) if isinstance(atom, Compare | Relative)]
    if len({atom.concept for atom in read if _reads_value(atom)}) != 1:
        return []
    return sorted({of.tables[atom][0][0] for atom in read if _reads_value(atom)})


def _falls(group: Sequence[Criterion], space: Product, place: int, way: int) -> tuple[Criterion, State, State] | None:
    values = space.field.axes[place].values
    free = [value for value in space.choices[place] if isinstance(values[value], float)]
    for better, worse in pairwise(free):
        old, new = (better, worse) if way > 0 else (worse, better)
        step = (new - old) * space.strides[place]
        found = _lost(group, space, space.columns[place][old], step)
        if found is not None:
            criterion, state = found
            return criterion, state, (*state[:place], new, *state[place + 1 :])
    return None


def _lost(group: Sequence[Criterion], space: Product, here: int, step: int) -> tuple[Criterion, State] | None:
    """A criterion whose grade is certain, or not excluded, here and no more one step on."""
    for grade in sorted({part.grade for part in group} - {0}, reverse=True):
        parts = [(part, space.truth(part.when)) for part in group if part.grade >= grade]
        for kind in ("sure", "open"):
            states = 0
            for _, bits in parts:
                states |= getattr(bits, kind)
            lost = here & states & ~(states >> step if step >= 0 else states << -step)
            if lost:
                state = space.first(lost)
                criterion = next(part for part, bits in parts if getattr(bits, kind) & (lost & -lost))
                return criterion, state
    return None
