"""Which worked patients notice a wrong rule scale, with as little grading as the rules of the page allow.

Two short cuts, each a consequence of the page (section 4), stand before the grading of a single wrong table:

* The lower bound follows from the criteria that are listed. A criterion that is dropped, or whose grade changes, is
  noticed by every expected row that lists it and has another lower bound then.
* What a criterion says does not depend on any other. All wrong versions of all criteria stand in one scale, as
  findings that make no grade; it is graded once, and each is judged by when it is listed.

What neither notices is graded alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import polars as pl
from tests.lib import cases, tables
from tests.mutations.harness import cases_of, rows
from tests.mutations.table_mutations import (
    DOMAINS,
    condition_mutations,
    with_domain,
    with_scale,
    with_scaled_thresholds,
)

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Criterion, ExceptKnown, Not, Scale

Stretch = tuple[int, int]
# lists of criteria are kept as the bits of one integer
MOST = 60


def expected_rows(scale: str) -> Iterator[tuple[cases.Case, dict[str, str]]]:
    """Every expected timeline row of a scale."""
    for case, name in cases_of(scale):
        for row in cases.cells(case.expected[name, "timeline"]):
            yield case, row


def listed(scale: Scale, row: dict[str, str]) -> list[str] | None:
    """The criteria of an expected row, where the grade follows from them; None for a death and without a grade."""
    found = [name for name in row.get("criteria", "-").split() if name != "-"]
    dead = scale.episode.death_criterion in found or "death_cause" in row.get("missing", "")
    return None if dead or "criteria" not in row or row.get("grade", "-") == "-" else found


def lower_bound(scale: Scale, names: list[str]) -> int:
    """What these criteria make of the grade; a criterion that the scale does not have makes nothing."""
    lowest = [
        max((part.grade for part in scale.criteria if part.domain == domain.id and part.id in names), default=0)
        for domain in scale.domains
    ]
    return sum(lowest) if scale.scoring == "sum" else max([0, *lowest])


def noticed_in_the_list(wrong: Scale) -> list[str]:
    """The cases with a row whose criteria a scale does not have, or whose lower bound it makes otherwise."""
    known = {part.id for part in wrong.criteria}
    found = []
    for case, row in expected_rows(wrong.id):
        names = listed(wrong, row)
        if names is None:
            continue
        if set(names) - known or lower_bound(wrong, names) != int(row["grade"].split("..")[0]):
            found.append(case.id)
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------- what is listed, over time


@lru_cache(maxsize=1)
def stretches_expected() -> dict[tuple[str, str], dict[str, list[Stretch]]]:
    """Of every scale and case that names criteria: when each of them holds."""
    found: dict[tuple[str, str], dict[str, list[Stretch]]] = {}
    for name in load().scales:
        for case, row in expected_rows(name):
            if {"criteria", "from", "to"} <= set(row):
                held = found.setdefault((name, case.id), {})
                for criterion in row["criteria"].split():
                    _add(held, criterion, tables.time_of(row["from"]), tables.time_of(row["to"]))
    return found


def stretches(timeline: pl.DataFrame) -> dict[str, dict[str, list[Stretch]]]:
    """By patient: when each criterion holds."""
    found: dict[str, dict[str, list[Stretch]]] = {}
    ordered = timeline.sort("patient", "start").select("patient", "start", "end", "criteria")
    for patient, start, end, names in ordered.iter_rows():
        for name in names:
            _add(found.setdefault(patient, {}), name, start, end)
    return found


def _add(held: dict[str, list[Stretch]], name: str, start: int, end: int) -> None:
    """Stretches that touch are one."""
    before = held.setdefault(name, [])
    if before and before[-1][1] == start:
        start = before.pop()[0]
    before.append((start, end))


def said_by(wrong: Scale, group: tuple[cases.Case, ...]) -> dict[str, dict[str, list[Stretch]]]:
    """By case of a group: when the criteria of a wrong scale hold."""
    knowledge = with_scale(with_scaled_thresholds(load()), wrong)
    name = next(name for case, name in cases_of(wrong.id) if case.id == group[0].id)
    timeline, _ = cases.by_fast_engine(group, name, knowledge, cases.rows_of(rows(), group))
    return stretches(timeline)


def groups_with_criteria(scale: str) -> list[tuple[cases.Case, ...]]:
    """The cases of a scale that name criteria, by the options they are graded with."""
    speaking = {case.id: case for case, _ in cases_of(scale) if (scale, case.id) in stretches_expected()}
    return cases.groups(speaking.values())


# ---------------------------------------------------------------- all wrong versions at once


@lru_cache(maxsize=64)
def noticed_together(scale: str) -> dict[tuple[str, str], list[str]]:
    """Every wrong condition of a scale: by criterion and kind, the cases in which it holds at other times."""
    plain = load().scales[scale]
    wrong: dict[str, tuple[str, str]] = {}
    findings: list[Criterion] = []
    for mutation in condition_mutations(plain):
        (edited,) = (part for part in mutation.edit(plain).criteria if part.id == mutation.part)
        wrong[f"{mutation.part} {mutation.kind}"] = (mutation.part, mutation.kind)
        # what is certain and nothing else: names of what is missing and evidence would take most of the time
        certain = Not(ExceptKnown(edited.when))
        findings.append(replace(edited, id=f"{mutation.part} {mutation.kind}", grade=0, when=certain))
    found: dict[tuple[str, str], list[str]] = {}
    for first in range(0, len(findings), MOST):
        some = made_of(plain, findings[first : first + MOST])
        for name, noticing in held_otherwise(some, {key: part for key, (part, _) in wrong.items()}):
            found.setdefault(wrong[name], []).append(noticing)
    return found


def made_of(scale: Scale, criteria: list[Criterion]) -> Scale:
    """A scale of these criteria, and of the domains that they need."""
    used = {part.domain for part in criteria}
    return replace(scale, criteria=tuple(criteria), domains=tuple(part for part in scale.domains if part.id in used))


def held_otherwise(wrong: Scale, meant: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Criteria of a wrong scale, each with a case in which what it is ``meant`` for holds at other times."""
    for group in groups_with_criteria(wrong.id):
        said = said_by(replace(wrong, has_episodes=False), group)
        for case in group:
            expected = stretches_expected()[wrong.id, case.id]
            for part in wrong.criteria:
                if expected.get(meant[part.id], []) != said.get(case.id, {}).get(part.id, []):
                    yield part.id, case.id


@lru_cache(maxsize=256)
def noticed_by_domain(scale: str, kind: str) -> dict[str, list[str]]:
    """All domains of a scale wrong in one way: by domain, the cases in which a criterion of it holds otherwise."""
    wrong = plain = load().scales[scale]
    changes = next(changes for name, _, changes in DOMAINS if name == kind)
    for domain in plain.domains:
        wrong = with_domain(domain.id, **changes)(wrong)
    domains = {part.id: part.domain for part in plain.criteria}
    found: dict[str, list[str]] = {}
    for criterion, case in held_otherwise(wrong, {part.id: part.id for part in plain.criteria}):
        found.setdefault(domains[criterion], []).append(case)
    return found
