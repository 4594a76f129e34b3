"""Why two scales differ, for the terminal: one patient of a graded folder at one moment."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from cytowatch.errors import ArgumentError
from cytowatch.knowledge.model import Knowledge
from cytowatch.report import clock as clocks
from cytowatch.report import words
from cytowatch.report.changes import concepts_behind, values_behind
from cytowatch.report.cohort import summarize
from cytowatch.report.data import Clock, ReportData
from cytowatch.report.why import BETWEEN, Comparison, Said, compare, tag_of
from cytowatch.schema import DAY_US, HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A pointer to a whole resource can stand for many rows; the first ones tell which it is.
_VALUES = 3


def why_lines(data: ReportData, knowledge: Knowledge, patient: str, at: str, scales: Sequence[str]) -> list[str]:
    """The comparison of two scales for one patient at one moment, as lines of text.

    ``at``: hours (of the file, or since day 0 where the file has calendar times) or an ISO timestamp with zone.
    Raises ArgumentError for a patient, scale or moment that the folder does not have.
    """
    own = data.of_patient(patient)
    first, second = _two(scales, own, knowledge)
    origin = summarize(own, knowledge)[0].origin
    moment = moment_of(at, data.clock, origin)
    rows = own.timeline.sort("scale", "start").to_dicts()
    _check_watched(rows, (first, second), moment, data.clock)
    observations = own.observations.to_dicts()
    values = values_behind(rows, observations, knowledge, data.clock)
    found = compare(rows, moment, (first, second), knowledge, values, concepts_behind(observations))
    when = clocks.moment(moment, data.clock)
    day = "" if data.clock == "hours" else f" (day {(moment - origin) / DAY_US:.1f})"
    return [f"Patient {patient}, {when}{day}", "", found.sentence, *_sides(found, data)]


def _two(scales: Sequence[str], data: ReportData, knowledge: Knowledge) -> tuple[str, str]:
    if len(scales) != 2 or scales[0] == scales[1]:
        raise ArgumentError(
            "Two different scales are compared.", where="--scale", hint="Write --scale crs.astct-2019 crs.lee-2014."
        )
    graded = data.timeline["scale"].unique().sort().to_list()
    for scale in scales:
        if scale not in graded:
            near = difflib.get_close_matches(scale, graded, n=3, cutoff=0.4)
            known = scale in knowledge.scales
            raise ArgumentError(
                f"{scale!r} was not graded in this folder." if known else f"There is no scale {scale!r}.",
                where="--scale",
                why="Only what the timeline holds can be compared.",
                hint=f"Graded there: {', '.join(near or graded[:12])}"
                + (f", and {len(graded) - 12} more." if not near and len(graded) > 12 else ".")
                + (f" Or grade again with --scale {scale}." if known else ""),
            )
    return scales[0], scales[1]


def moment_of(at: str, clock: Clock, origin: int) -> int:
    """A moment in microseconds: hours of the file, hours since the patient's day 0, or an ISO timestamp with zone."""
    with suppress(ValueError, OverflowError):
        return round(float(at) * HOUR_US) + (0 if clock == "hours" else origin)
    stamp = None
    with suppress(ValueError):
        stamp = datetime.fromisoformat(at)
    if clock == "hours" or stamp is None or stamp.tzinfo is None:
        raise ArgumentError(
            f"{at!r} is no moment of this record.",
            where="--at",
            why="The times of this folder are hours of its own." if clock == "hours" else "A time needs its zone.",
            hint="Give hours, such as --at 36.5."
            if clock == "hours"
            else "Write --at 2026-03-01T14:00:00+01:00, or hours since the first exposure, such as --at 36.5.",
        )
    return (stamp - _EPOCH) // timedelta(microseconds=1)


def _check_watched(rows: Sequence[dict[str, Any]], scales: tuple[str, str], moment: int, clock: Clock) -> None:
    own = [row for row in rows if row["scale"] in scales]
    if any(row["start"] <= moment < row["end"] for row in own):
        return
    spans = [
        f"{scale} from {clocks.moment(min(row['start'] for row in own if row['scale'] == scale), clock)} "
        f"to {clocks.moment(max(row['end'] for row in own if row['scale'] == scale), clock)}"
        for scale in scales
    ]
    raise ArgumentError(
        f"Neither scale watches this patient at {clocks.moment(moment, clock)}.",
        where="--at",
        why="A grade is made only while the patient is watched.",
        hint=f"Watched: {'; '.join(spans)}.",
    )


def _sides(found: Comparison, data: ReportData) -> Iterator[str]:
    for side, other in ((found.first, found.second), (found.second, found.first)):
        yield ""
        yield f"{side.scale} ({side.title}): {_graded(side)}"
        if side.row is not None:
            span = f"{clocks.moment(side.row['start'], data.clock)} to {clocks.moment(side.row['end'], data.clock)}"
            yield f"  holds      {span}"
            yield from _reasons(side, other)
            yield from _listed("not known", side.missing)
            yield from _listed("to know", side.flags)
            yield from _listed("rows", [_row(source, values) for source, values in side.evidence])


def _graded(side: Said) -> str:
    said = side.grade if side.is_sum or side.bounds is None else f"grade {side.grade}"
    return f"{said}, published probability {side.probability}" if side.probability else said


def _reasons(side: Said, other: Said) -> Iterator[str]:
    deciding = [reason for reason in side.reasons if reason.decides]
    if not deciding and side.bounds and side.bounds[0] > 0:
        yield from _listed("made by", [BETWEEN])
    for title, reasons in (("made by", deciding), ("also met", [r for r in side.reasons if not r.decides])):
        texts = []
        for reason in reasons:
            kind = "points" if side.is_sum else "grade"
            graded = f" ({kind} {reason.sign.grade})" if reason.sign.grade is not None else ""
            tag = tag_of(reason, other.title, points=other.is_sum)
            texts.append(f"{reason.sign.label}{graded}" + (f". {words.sentence(tag)}" if tag else ""))
        yield from _listed(title, texts)


def _row(source: str, values: Sequence[str]) -> str:
    told = "; ".join(values[:_VALUES]) + (f"; and {len(values) - _VALUES} more" if len(values) > _VALUES else "")
    return f"{source}: {told}" if told else source


def _listed(title: str, texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield f"  {title if not place else '':<10} {text}"
