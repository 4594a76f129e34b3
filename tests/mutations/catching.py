"""Which worked patients notice a wrong rule scale, without grading them anew for each.

Whatever a rule scale says of a moment follows from what its conditions say then (page, section 4). So the wrong
conditions of many wrong scales are compiled beside the right ones, and the patients of the cases are walked through
once. In each state that occurs the engine's own last step then says what the right and the wrong scale make of it. A
case notices if one of its states comes out otherwise, in a column that its expected table names.

What is noticed only over time (windows, episodes, deaths) is graded alone. What a scale writes for others to take over
may also be noticed there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from unittest.mock import patch

import polars as pl
from tests.lib import cases
from tests.mutations.harness import cases_of, failures, groups_of, rows
from tests.mutations.table_mutations import (
    Part,
    TableMutation,
    followers,
    mutations_of,
    with_scale,
    with_scaled_thresholds,
)

from cytowatch.engine import apply
from cytowatch.engine.rules import bounds, grade
from cytowatch.engine.rules.bounds import Plan, Segments
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.statements import NO, Statement, Told
from cytowatch.engine.subjects import Subjects
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Criterion, FlagRule, Knowledge, Scale
from cytowatch.schema import EPISODES, TIMELINE

# the criteria of a scale, and the tests of one concept, share the bits of one integer
MOST = 60


@lru_cache(maxsize=1)
def tables() -> Knowledge:
    """The package's tables, with thresholds that mutations name."""
    return with_scaled_thresholds(load())


def noticing(mutation: TableMutation) -> list[str]:
    """The cases that notice one wrong scale when it is graded alone."""
    wrong = with_scale(tables(), mutation.edit(load().scales[mutation.scale]))
    return list(dict.fromkeys(difference.case for difference in failures(mutation.scale, wrong)))


# ---------------------------------------------------------------- the states in which the patients of the cases are


@dataclass
class Walked:
    """Some patients walked through: the states that occur, and who is in which; the conditions as compiled."""

    scale: Scale
    plan: Plan
    told: Told
    # state -> columns of an expected table -> the cases that say something of it
    saying: list[dict[str, list[str]]]
    right: Said = field(init=False)

    def __post_init__(self) -> None:
        self.right = Said(self.plan, self.scale, self.told)

    def noticed(self, mutation: TableMutation) -> list[str]:
        """The cases in which some moment comes out otherwise."""
        scale, plan = mutation.edit(self.scale), self.plan
        criteria = {part.id: plan.criteria[key] for key, part in beside([mutation]).items() if key in plan.criteria}
        flags = {part.id: plan.flags[key] for key, part in beside([mutation]).items() if key in plan.flags}
        plan = replace(plan, criteria=plan.criteria | criteria, flags=plan.flags | flags)
        wrong = Said(plan, scale, self.told, like=self.right if scale.domains == self.scale.domains else None)
        concerned = next(iter(criteria)) if len(criteria) == 1 and not flags else ""
        for column, states in self.right.differences(wrong, concerned):
            found = [case for state in states.arg_true() for case in self.saying[state].get(column, [])]
            if found:
                return list(dict.fromkeys(found))
        return []


class Said:
    """What a scale makes of each state, by the engine's last step."""

    def __init__(self, plan: Plan, scale: Scale, told: Told, like: Said | None = None) -> None:
        self.scale, self.told = scale, told
        criteria = {part.id: plan.criteria[part.id] for part in scale.criteria}
        flags = {flag.id: plan.flags[flag.id] for flag in scale.flag_rules}
        self.axes = bounds._Axes(replace(plan, criteria=criteria, flags=flags), scale)
        if like:
            # what is compiled alike is worked out once
            same = [name for name, said in criteria.items() if like.axes.plan.criteria.get(name) is said]
            self.axes.sure |= {name: like.axes.sure[name] for name in same}
            self.axes.maybe |= {name: like.axes.maybe[name] for name in same}

    def differences(self, wrong: Said, concerned: str) -> Iterator[tuple[str, pl.Series]]:
        """The states of which two scales say something else, by column; ``concerned``: the only criterion that does."""
        low, high = (self.bound(end) != wrong.bound(end) for end in ("sure", "maybe"))
        yield "grade", (low | high) & self.told.of(bounds._TRIGGERED & ~bounds._DEAD)
        yield "criteria", self._otherwise(bounds._criteria(self.axes), bounds._criteria(wrong.axes))
        if not concerned:
            yield "flags", self._otherwise(bounds._flags(self.axes), bounds._flags(wrong.axes))
        missing = self._otherwise(
            self.missing(concerned), wrong.missing(concerned), self.missing(concerned, others=True)
        )
        # names of what is missing may be left out where an episode itself makes grade 1
        yield "missing", missing & (self.bound("maybe") > 1) if self.scale.has_episodes else missing

    def missing(self, concerned: str, *, others: bool = False) -> dict[str, Statement]:
        """The names that are missing for one criterion, or for all others; for every criterion if none is named."""
        if others and not concerned:
            return {}
        chosen = tuple(part for part in self.scale.criteria if not concerned or (part.id == concerned) != others)
        axes = copy(self.axes)
        axes.scale = replace(self.scale, criteria=chosen)
        return bounds._missing(axes)

    def bound(self, end: str) -> pl.Series:
        """The lowest (sure) or highest (maybe) grade of each state; with episodes at least 1, whatever is made of 0."""
        total = bounds._total(self.told, self.axes.groups, getattr(self.axes, end))
        return total.clip(lower_bound=1) if self.scale.has_episodes else total

    def _otherwise(
        self, right: dict[str, Statement], wrong: dict[str, Statement], both: dict[str, Statement] | None = None
    ) -> pl.Series:
        """Where one of these names holds on one side only; what holds on ``both`` makes no difference."""
        found, of = self.told.of(NO), self.told.of
        for name in dict.fromkeys([*right, *wrong]):
            one, other = right.get(name, NO), wrong.get(name, NO)
            if one is not other:
                differs = of(one) != of(other)
                found = found | (differs & ~of(both[name]) if both and name in both else differs)
        return found


@lru_cache(maxsize=2)
def watched(scale: str) -> list[tuple[Subjects, Lanes]]:
    """The patients of a scale's cases, by the options that they are graded with, and what its conditions read."""
    found: list[tuple[Subjects, Lanes]] = []

    def no_further(subjects: Subjects, lanes: Lanes, _: Scale) -> tuple[pl.DataFrame, pl.DataFrame]:
        found.append((subjects, lanes))
        return TIMELINE.empty(), EPISODES.empty()

    with patch.object(apply, "grade_rules", no_further):
        for name, group in groups_of(scale):
            cases.by_fast_engine(group, name, tables(), cases.rows_of(rows(), group))
    return found


def beside(mutations: Iterable[TableMutation]) -> dict[str, Part]:
    """The wrong conditions of some mutations, each under a name of its own."""
    return {f"{part.id} {hash(part.when)}": part for mutation in mutations for part in mutation.wrong}


def walked(scale: Scale, mutations: list[TableMutation]) -> Iterator[Walked]:
    """The patients of a scale's cases walked through, with the wrong conditions beside those of the scale."""
    parts = [replace(part, id=key) for key, part in beside(mutations).items()]
    criteria = tuple(part for part in parts if isinstance(part, Criterion))
    flags = tuple(part for part in parts if isinstance(part, FlagRule))
    whole = replace(scale, criteria=scale.criteria + criteria, flag_rules=scale.flag_rules + flags)
    for subjects, lanes in watched(scale.id):
        yield _walked(subjects, lanes, scale, whole)


class _EnoughError(Exception):
    """The rest of the way is not needed."""


def _walked(subjects: Subjects, lanes: Lanes, scale: Scale, whole: Scale) -> Walked:
    """The engine's own way up to the states, and no further."""
    found: list[tuple[Plan, Segments]] = []

    def states(grid: pl.DataFrame, plan: Plan, part: Scale, gap: int) -> Segments:
        found.append((plan, add_grades(grid, plan, part, gap)))
        raise _EnoughError

    add_grades = bounds.add_grades
    with patch.object(bounds, "add_grades", states), suppress(_EnoughError):
        grade.grade_rules(subjects, lanes, whole)
    ((plan, segments),) = found
    patients = segments.table.join(subjects.table.select("subject", "patient"), on="subject")
    return Walked(scale, plan, segments.told, _saying(scale.id, patients, segments.told.height))


def _saying(scale: str, patients: pl.DataFrame, height: int) -> list[dict[str, list[str]]]:
    columns = {case.id: list(cases.cells(case.expected[name, "timeline"])[0]) for case, name in cases_of(scale)}
    found: list[dict[str, list[str]]] = [{} for _ in range(height)]
    states = patients.select(pl.col("patient").cast(pl.String), "state").unique().sort("state", "patient")
    for patient, state in states.iter_rows():
        for column in columns[patient]:
            found[state].setdefault(column, []).append(patient)
    return found


def noticed_in_states(scale: Scale, mutations: Iterable[TableMutation]) -> dict[TableMutation, list[str]]:
    """For each wrong scale the cases that notice it at some moment; none for those that only time can tell."""
    found: dict[TableMutation, list[str]] = {mutation: [] for mutation in mutations}
    for some in together(list(found), MOST - len(scale.criteria)):
        for group in walked(scale, some):
            for mutation in some:
                found[mutation] += found[mutation] or group.noticed(mutation)
    return found


def together(mutations: list[TableMutation], room: int) -> Iterator[list[TableMutation]]:
    """The mutations in heaps that bring no more wrong conditions than there is room for."""
    heap: list[TableMutation] = []
    for mutation in mutations:
        if heap and len(beside([*heap, mutation])) > room:
            yield heap
            heap = []
        heap.append(mutation)
    if heap:
        yield heap


def noticed(scale: Scale) -> dict[TableMutation, list[str]]:
    """For every wrong version of a scale the cases that notice it: in a state, where it is taken over, or over time."""
    found = noticed_in_states(scale, mutations_of(scale))
    unnoticed = [mutation for mutation, names in found.items() if not names]
    following = {part: mutation for mutation in unnoticed for part in followers(mutation)}
    for name in dict.fromkeys(part.scale for part in following):
        there = noticed_in_states(load().scales[name], (part for part in following if part.scale == name))
        for part, names in there.items():
            found[following[part]] += names
    for mutation in unnoticed:
        found[mutation] = found[mutation] or noticing(mutation)
    return found
