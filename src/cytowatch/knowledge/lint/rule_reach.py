"""Which grades the criteria of a domain can make, and together those of a scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from cytowatch.knowledge.lint.rule_logic import reads
from cytowatch.knowledge.lint.rule_space import Field, Listed, Product, Space, roles_of
from cytowatch.knowledge.lint.rule_study import is_small, sample
from cytowatch.knowledge.lint.rule_tree import atoms
from cytowatch.knowledge.lint.rule_witness import witness
from cytowatch.knowledge.model import Criterion, Node


class Reach(NamedTuple):
    """Grades that some state makes for certain, and the highest that some state leaves open."""

    exact: frozenset[int]
    open: frozenset[int]


def components(criteria: Iterable[Criterion]) -> list[tuple[Criterion, ...]]:
    """The criteria in groups of which no two read the same thing: their outcomes can be combined afterwards."""
    criteria = tuple(criteria)
    roles = roles_of(part.when for part in criteria)
    groups: list[tuple[set[str], list[Criterion]]] = []
    for criterion in criteria:
        names = {name for atom in atoms(criterion.when) for name in reads(atom, roles)}
        members = [criterion]
        for other in [group for group in groups if group[0] & names]:
            groups.remove(other)
            names, members = names | other[0], other[1] + members
        groups.append((names, members))
    return [tuple(members) for _, members in groups]


def reach_of(group: tuple[Criterion, ...], of: Field, products: Sequence[Product]) -> Reach:
    """The grades that one group makes."""
    spaces: list[Space] = list(products)
    if not is_small(of):
        drawn = sample(of)
        found = [witness(_goals(group, grade), of) for grade in {part.grade for part in group}]
        states = [of.neutral, *(state for state in found if state is not None)]
        spaces += [*(drawn or ()), Listed(of, [bytes(column) for column in zip(*states, strict=True)])]
    pairs = [_bounds(group, space) for space in spaces]
    return Reach(frozenset().union(*(p.exact for p in pairs)), frozenset().union(*(p.open for p in pairs)))


def _goals(group: tuple[Criterion, ...], grade: int) -> list[tuple[Node, bool]]:
    """A criterion of the grade holds, and none of a higher one."""
    made = next(part for part in group if part.grade == grade)
    return [(made.when, True), *((part.when, False) for part in group if part.grade > grade)]


def _bounds(group: tuple[Criterion, ...], space: Space) -> Reach:
    exact, left_open = set(), set()
    above_sure = above_open = 0
    for grade in sorted({0, *(part.grade for part in group)}, reverse=True):
        sure, open_ = above_sure, above_open
        for part in group:
            if part.grade == grade:
                bits = space.truth(part.when)
                sure, open_ = sure | bits.sure, open_ | bits.open
        sure, open_ = (sure, open_) if grade else (space.full, space.full)
        if sure & open_ & ~above_open & ~above_sure:
            exact.add(grade)
        if open_ & ~above_open:
            left_open.add(grade)
        above_sure, above_open = sure, open_
    return Reach(frozenset(exact), frozenset(left_open))


def combined(parts: Sequence[Reach], scoring: Literal["worst", "sum"]) -> Reach:
    """What parts that do not depend on each other make together: the worst of them, or their sum."""
    exact, left_open = {0}, {0}
    for part in parts:
        if scoring == "sum":
            exact = {old + new for old in exact for new in part.exact}
            left_open = {old + new for old in left_open for new in part.open}
        else:
            exact = {max(old, new) for old in exact for new in part.exact}
            left_open = {max(old, new) for old in left_open for new in part.open}
    return Reach(frozenset(exact), frozenset(left_open))
