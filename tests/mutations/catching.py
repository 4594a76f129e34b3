"""Which worked patients notice a wrong rule scale, with as little grading as the rules of the page allow.

Two short cuts, each a consequence of the page (section 4), stand before the grading of a single wrong table:

* The lower bound follows from the criteria that are listed. A criterion that is dropped, or whose grade changes, is
  noticed by every expected row that lists it and has another lower bound then.
* What a criterion says does not depend on any other. All criteria of a scale are made wrong in the same way at once,
  graded once, and each is judged by its own place in the column of criteria.

What neither notices is graded alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import polars as pl
from tests.lib import cases, tables
from tests.mutations.harness import cases_of, rows
from tests.mutations.table_mutations import CONDITIONS, all_wrong, with_scale, with_scaled_thresholds

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Scale

Stretch = tuple[int, int]


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


# ---------------------------------------------------------------- all criteria wrong at once


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
    for patient, start, end, names in (
        timeline.sort("patient", "start").select("patient", "start", "end", "criteria").iter_rows()
    ):
        for name in names:
            _add(found.setdefault(patient, {}), name, start, end)
    return found


def _add(held: dict[str, list[Stretch]], name: str, start: int, end: int) -> None:
    """Stretches that touch are one."""
    before = held.setdefault(name, [])
    if before and before[-1][1] == start:
        start = before.pop()[0]
    before.append((start, end))


@lru_cache(maxsize=256)
def noticed_together(scale: str, kind: str) -> dict[str, list[str]]:
    """All criteria of a scale wrong in one way: by criterion, the cases in which it holds at other times."""
    types, change = next((types, change) for name, types, change in CONDITIONS if name == kind)
    wrong = all_wrong(load().scales[scale], types, change)
    return judged_apart(wrong)


def judged_apart(wrong: Scale) -> dict[str, list[str]]:
    """By criterion, the cases that name criteria and in which it holds at other times than expected."""
    knowledge = with_scale(with_scaled_thresholds(load()), wrong)
    found: dict[str, list[str]] = {}
    speaking = {case.id: case for case, _ in cases_of(wrong.id)}
    for group in cases.groups(speaking.values()):
        name = next(name for case, name in cases_of(wrong.id) if case.id == group[0].id)
        timeline, _ = cases.by_fast_engine(group, name, knowledge, cases.rows_of(rows(), group))
        said = stretches(timeline)
        for case in group:
            expected = stretches_expected().get((wrong.id, case.id))
            for part in wrong.criteria if expected is not None else ():
                if (expected or {}).get(part.id, []) != said.get(case.id, {}).get(part.id, []):
                    found.setdefault(part.id, []).append(case.id)
    return found
