"""Looks for one state in which some conditions hold and others do not: where there are too many states to try all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice

from cytowatch.knowledge.lint.rule_logic import UNKNOWN, Verdict
from cytowatch.knowledge.lint.rule_space import Field, State
from cytowatch.knowledge.lint.rule_tree import Atom
from cytowatch.knowledge.model import All, AnyMeasured, AnyOf, Count, ExceptKnown, Node, Not, Possible

# how many tries one search may take, and how many choices of parts of a count
_TRIES, _CHOICES = 20_000, 200
Partial = Mapping[int, int]


def witness(goals: Sequence[tuple[Node, bool]], of: Field) -> State | None:
    """A state in which each condition is certain (True) or excluded (False); None if none was found."""
    found = next(_Search(of).together(goals, {}), None)
    return None if found is None else tuple(found.get(place, value) for place, value in enumerate(of.neutral))


@dataclass
class _Search:
    of: Field
    tries: list[int] = field(default_factory=lambda: [_TRIES])

    def together(self, goals: Sequence[tuple[Node, bool]], state: Partial) -> Iterator[Partial]:
        """Every way found to reach all of the goals."""
        if not goals:
            yield state
            return
        for more in self.reach(*goals[0], state):
            yield from self.together(goals[1:], more)

    def either(self, goals: Sequence[tuple[Node, bool]], state: Partial) -> Iterator[Partial]:
        """Every way found to reach one of the goals."""
        for goal in goals:
            yield from self.reach(*goal, state)

    def reach(self, node: Node, want: bool, state: Partial) -> Iterator[Partial]:
        """Every way found to make a condition certain, or excluded."""
        match node:
            case All():
                goals = [(part, want) for part in node.of]
                yield from self.together(goals, state) if want else self.either(goals, state)
            case AnyOf():
                goals = [(part, want) for part in node.of]
                yield from self.either(goals, state) if want else self.together(goals, state)
            case Count():
                yield from self._count(node, want, state)
            case Not() | ExceptKnown():
                yield from self.reach(node.of, not want, state)
            case Possible():
                yield from () if want else self.reach(node.of, want, state)
            case AnyMeasured():
                yield from self._any_measured(node, want, state)
            case _:
                yield from self._atom(node, (want,), state)

    def _count(self, node: Count, want: bool, state: Partial) -> Iterator[Partial]:
        needed = node.at_least if want else len(node.of) - node.at_least + 1
        for parts in islice(combinations(node.of, needed), _CHOICES):
            yield from self.together([(part, want) for part in parts], state)

    def _any_measured(self, node: AnyMeasured, want: bool, state: Partial) -> Iterator[Partial]:
        if want:
            yield from self.either([(part, True) for part in node.of], state)
            return
        for measured in node.of:
            for found in self._atom(measured, (False,), state):
                yield from self._none_of([part for part in node.of if part is not measured], found)

    def _none_of(self, parts: Sequence[Atom], state: Partial) -> Iterator[Partial]:
        if not parts:
            yield state
            return
        for found in self._atom(parts[0], (False, UNKNOWN), state):
            yield from self._none_of(parts[1:], found)

    def _atom(self, atom: Atom, wanted: tuple[Verdict, ...], state: Partial) -> Iterator[Partial]:
        places, table = self.of.tables[atom]
        for values, verdict in table.items():
            if verdict not in wanted or any(
                state.get(place, value) != value for place, value in zip(places, values, strict=True)
            ):
                continue
            self.tries[0] -= 1
            if self.tries[0] < 0:
                return
            yield {**state, **dict(zip(places, values, strict=True))}
