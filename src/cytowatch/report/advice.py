"""Advice as a page of text: at each change what each guideline says, with its dose, limits and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.advice_blocks import Block, Line, PatientAdvice, Teller
from cytowatch.report.clock import moment
from cytowatch.report.data import Clock

NOTICE = "Not a medical device and no order: every line is to be checked at its source and decided by a clinician."
_UNTRIGGERED = "Nothing is graded, for no trigger is recorded: nothing can be advised."
_NOBODY = "No guideline that was asked for says anything of this patient and these grades."


def advice_lines(
    advice: pl.DataFrame,
    timeline: pl.DataFrame,
    knowledge: Knowledge,
    clock: Clock,
    *,
    all_: bool = False,
    next_: bool = False,
) -> Iterator[str]:
    """Lines for a terminal: for each patient a block at each change of a grade or of what is said.

    ``advice`` (``schema.ADVICE``) and ``timeline``: in microseconds. Without ``all_`` only what holds now, both ends
    of a range in short; ``next_``: also what would be advised one grade up.
    """
    yield NOTICE
    yield "At each moment what is new from then on; what stood before goes on until it is said to end."
    yield "NOW: marked as urgent. now: holds. NOT NOW: a limit forbids a dose. possible: hangs on what is not known."
    titles = {key: part.title for key, part in knowledge.advice.guidelines.items()}
    teller = Teller(knowledge, clock, all_=all_, next_=next_)
    scales = {scale for part in knowledge.advice.guidelines.values() for scale in part.scales.values()}
    graded = by_patient(timeline.filter(pl.col("scale").is_in(sorted(scales))).sort("scale", "start"))
    said = by_patient(advice)
    for patient in sorted(graded.keys() | said.keys()):
        rows = graded.get(patient, [])
        if patient not in said and all(row["at_most"] is None for row in rows):
            yield from ("", f"Patient {patient}", f"  {_UNTRIGGERED}")
            continue
        yield from _patient(teller.patient(patient, said.get(patient, []), rows), clock, titles)


def by_patient(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The rows of each patient."""
    parts = frame.partition_by("patient", as_dict=True, maintain_order=True)
    return {str(key[0]): part.to_dicts() for key, part in parts.items()}


def _patient(said: PatientAdvice, clock: Clock, titles: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield f"Patient {said.patient}"
    reasons: dict[str, list[str]] = {}
    for guideline, reason in said.silent:
        reasons.setdefault(reason, []).append(guideline)
    for reason, names in reasons.items():
        yield f"  silent: {', '.join(names)}. {reason}"
    if not any(block.said for block in said.blocks):
        yield f"  {_NOBODY}"
    for block in said.blocks:
        yield ""
        yield from _block(block, said.patient, clock, titles)
    if said.stands_until is not None:
        yield from ("", f"{said.patient}, {moment(said.stands_until, clock)}: the record ends; what stood goes on.")


def _block(block: Block, patient: str, clock: Clock, titles: Mapping[str, str]) -> Iterator[str]:
    yield f"{patient}, {moment(block.start, clock)}: {', '.join(block.grades) or 'no grade that any line goes by'}"
    if not block.said and not block.ended and not block.notes:
        yield "  nothing new"
    yield from (f"  {note}" for note in block.notes)
    for guideline, lines in block.said.items():
        yield f"  {guideline}: {titles[guideline]}" if guideline in titles else f"  {guideline}"
        for line in lines:
            yield from _line(line, "    ")
    for line in block.differ:
        yield from _line(line, "  ")
    for guideline, actions in block.ended.items():
        yield f"  not said any more, no order to stop ({guideline}): {' '.join(actions)}"


def _line(line: Line, indent: str) -> Iterator[str]:
    yield f"{indent}{line.level}: {line.text}"
    yield from (f"{indent}    {detail}" for detail in (*line.details, f"source: {line.source}"))
