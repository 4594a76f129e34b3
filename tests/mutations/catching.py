"""Which worked patients notice a wrong rule scale, without grading them anew for each.

Whatever a rule scale says of a moment follows from what its conditions say then (page, section 4). So the wrong
conditions of many wrong scales are compiled beside the right ones, and the patients of the cases are walked through
once. In each state that occurs the engine's own last step then says what the right and the wrong scale make of it. A
case notices if one of its states comes out otherwise, in a column that its expected table names.

What is noticed only over time (windows, episodes, deaths) is graded alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from unittest.mock import patch

import polars as pl
from tests.lib import cases
from tests.mutations.harness import cases_of, failures, rows
from tests.mutations.table_mutations import TableMutation, with_scale, with_scaled_thresholds

from cytowatch.engine import apply
from cytowatch.engine.rules import bounds, grade
from cytowatch.engine.rules.bounds import Plan
from cytowatch.engine.rules.statements import NO, Statement, Told
from cytowatch.engine.subjects import Subjects
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Criterion, FlagRule, Knowledge, Scale
from cytowatch.schema import EPISODES, TIMELINE

# the tests of one concept share the bits of an integer, and each wrong condition brings at most one more
TOGETHER = 30


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
        self.right = Said(self.plan, self.scale)

    def noticed(self, mutation: TableMutation, key: str) -> list[str]:
        """The cases in which some moment comes out otherwise; ``key``: under what the wrong part was compiled."""
        wrong = Said(self._plan_with(mutation, key), mutation.edit(self.scale))
        for column in ("grade", "criteria", "flags", "missing"):
            states = self.right.differs(wrong, column, self.told).arg_true()
            found = [case for state in states for case in self.saying[state].get(column, [])]
            if found:
                return list(dict.fromkeys(found))
        return []

    def _plan_with(self, mutation: TableMutation, key: str) -> Plan:
        part = mutation.wrong
        if isinstance(part, Criterion):
            return replace(self.plan, criteria=self.plan.criteria | {part.id: self.plan.criteria[key]})
        if isinstance(part, FlagRule):
            return replace(self.plan, flags=self.plan.flags | {part.id: self.plan.flags[key]})
        kept = {flag.id for flag in mutation.edit(self.scale).flag_rules}
        return replace(self.plan, flags={name: said for name, said in self.plan.flags.items() if name in kept})


class Said:
    """What a scale makes of a state, by the engine's last step."""

    def __init__(self, plan: Plan, scale: Scale) -> None:
        self.scale = scale
        own = {part.id for part in scale.criteria}
        rules = {flag.id for flag in scale.flag_rules}
        self.axes = bounds._Axes(
            replace(
                plan,
                criteria={name: said for name, said in plan.criteria.items() if name in own},
                flags={name: said for name, said in plan.flags.items() if name in rules},
            ),
            scale,
        )

    def differs(self, wrong: Said, column: str, told: Told) -> pl.Series:
        """The states of which two scales say something else in one column."""
        if column == "grade":
            low, high = (self.bound(end, told) != wrong.bound(end, told) for end in ("sure", "maybe"))
            return (low | high) & told.of(bounds._TRIGGERED & ~bounds._DEAD)
        named = {"criteria": bounds._criteria, "flags": bounds._flags, "missing": bounds._missing}[column]
        found = _otherwise(named(self.axes), named(wrong.axes), told)
        # names of what is missing may be left out where an episode itself makes grade 1
        return found & (self.bound("maybe", told) > 1) if column == "missing" and self.scale.has_episodes else found

    def bound(self, end: str, told: Told) -> pl.Series:
        """The lowest (sure) or highest (maybe) grade of each state; with episodes at least 1, whatever is made of 0."""
        total = bounds._total(told, self.axes.groups, getattr(self.axes, end))
        return total.clip(lower_bound=1) if self.scale.has_episodes else total


def _otherwise(right: dict[str, Statement], wrong: dict[str, Statement], told: Told) -> pl.Series:
    found = told.of(NO)
    for name in dict.fromkeys([*right, *wrong]):
        found = found | (told.of(right.get(name, NO)) != told.of(wrong.get(name, NO)))
    return found


def walked(scale: Scale, beside: list[Criterion | FlagRule]) -> Iterator[Walked]:
    """The patients of a scale's cases, by the options that they are graded with; conditions ``beside`` the scale's."""
    extra = [part for part in beside if isinstance(part, Criterion)]
    flags = [part for part in beside if isinstance(part, FlagRule)]
    whole = replace(scale, criteria=(*scale.criteria, *extra), flag_rules=(*scale.flag_rules, *flags))
    knowledge = with_scale(tables(), whole)
    names = {case.id: name for case, name in cases_of(scale.id)}
    for group in cases.groups(case for case, _ in cases_of(scale.id)):
        found: list[Walked] = []

        def walk(subjects: Subjects, *options: object, found: list[Walked] = found) -> tuple[pl.DataFrame, pl.DataFrame]:
            found.append(_walked(subjects, scale, whole, options, names))
            return TIMELINE.empty(), EPISODES.empty()

        with patch.object(apply, "grade_rules", walk):
            cases.by_fast_engine(group, names[group[0].id], knowledge, cases.rows_of(rows(), group))
        yield from found


def _walked(subjects: Subjects, scale: Scale, whole: Scale, options: tuple[object, ...], names: dict[str, str]) -> Walked:
    """The engine's own way up to the states, and no further."""
    found: list[Walked] = []

    class Enough(Exception):
        """The rest of the way is not needed."""

    def states(grid: pl.DataFrame, plan: Plan, *rest: object) -> None:
        segments = add_grades(grid, plan, *rest)
        patients = segments.table.join(subjects.table.select("subject", "patient"), on="subject")
        found.append(Walked(scale, plan, segments.told, _saying(patients, segments.told.height, names)))
        raise Enough

    add_grades = bounds.add_grades
    with patch.object(bounds, "add_grades", states):
        try:
            grade.grade_rules(subjects, whole, *options[1:])
        except Enough:
            pass
    return found[0]


def _saying(patients: pl.DataFrame, height: int, names: dict[str, str]) -> list[dict[str, list[str]]]:
    by_id = {case.id: case for case in cases.all_cases()}
    found: list[dict[str, list[str]]] = [{} for _ in range(height)]
    for patient, state in patients.select(pl.col("patient").cast(pl.String), "state").unique().sort("state", "patient").rows():
        table = by_id[patient].expected[names[patient], "timeline"]
        for column in cases.cells(table)[0]:
            found[state].setdefault(column, []).append(patient)
    return found


def noticed_in_states(scale: Scale, mutations: Iterable[TableMutation]) -> dict[TableMutation, list[str]]:
    """For each wrong scale the cases that notice it at some moment; none for those that only time can tell."""
    found: dict[TableMutation, list[str]] = {}
    asked = list(mutations)
    for first in range(0, len(asked), TOGETHER):
        some = {f"#{first + n}": mutation for n, mutation in enumerate(asked[first : first + TOGETHER])}
        parts = [replace(mutation.wrong, id=key) for key, mutation in some.items() if mutation.wrong]
        for group in walked(scale, parts):
            for key, mutation in some.items():
                found.setdefault(mutation, []).extend(group.noticed(mutation, key))
    return found
