"""The slow twin: grades one patient after another in plain Python, written from the two meaning pages alone.

It exists to disagree with the fast engine, so it shares no code with it: to know the state at a moment it looks at the
settled rows that speak at that moment, and it does so at every moment at which anything could change.
"""

from __future__ import annotations

import polars as pl

from cytowatch.engine.reference.patient import grade_patient
from cytowatch.engine.reference.rows import Subject, rows_by_patient, subjects_by_patient
from cytowatch.engine.reference.rules import Rules
from cytowatch.engine.reference.states import Found, Options
from cytowatch.engine.reference.views import viewed
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import EPISODES, TIMELINE

__all__ = ["grade_reference"]


def grade_reference(
    observations: pl.DataFrame,
    patients: pl.DataFrame | None,
    knowledge: Knowledge,
    scale: str,
    *,
    as_of: int | None = None,
    assume_trigger: str | None = None,
    not_recorded: frozenset[str] = frozenset(),
    clock: str = "time",
) -> tuple[pl.DataFrame, pl.DataFrame, list[int]]:
    """Grades admitted rows by one scale.

    ``observations`` and ``patients`` are the tables of that name in ``schema``; ``as_of`` is in microseconds of their
    clock (``time`` or ``hours``). Returns the timeline and the episodes, sorted by patient and time, with the columns
    ``knowledge`` and ``engine`` left empty, and the numbers of the superseded rows. KeyError if the scale is unknown.
    """
    options = Options(as_of, assume_trigger, not_recorded, clock)
    found = _graded(observations, patients, knowledge, scale, options)
    stamped = [row | {"knowledge": "", "engine": ""} for row in found.timeline]
    timeline = pl.DataFrame(stamped, schema=TIMELINE.schema)
    return timeline, pl.DataFrame(found.episodes, schema=EPISODES.schema), sorted(found.superseded)


def _graded(
    observations: pl.DataFrame, patients: pl.DataFrame | None, knowledge: Knowledge, scale: str, options: Options
) -> Found:
    if knowledge.scales[scale].method == "view":
        view = knowledge.scales[scale]
        behind = _graded(observations, patients, knowledge, view.view_of, options)
        return Found(viewed(behind.timeline, view), [], behind.superseded)
    rules = Rules(knowledge, scale)
    subjects = subjects_by_patient(patients)
    found = Found()
    for patient, rows in rows_by_patient(observations).items():
        grade_patient(rows, subjects.get(patient, Subject()), rules, options, found)
    return found
