"""Triggers and the spans of time in which a reaction is looked for (meaning page, section 3)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rules import TRIGGERS, Rules
from cytowatch.schema import DAY_US

UNKNOWN_CAUSE = "unknown"
WATCH_ENDED = "watch_ended"


class Trigger(NamedTuple):
    """One exposure: when, with what, and its window."""

    time: int
    product: str | None
    start: int
    end: int


class Span(NamedTuple):
    """One watched stretch of time, end not included."""

    start: int
    end: int


def triggers(rows: list[Row], rules: Rules) -> list[Trigger]:
    """The charted triggers by time."""
    return [_trigger(row.time, row.concept, row.text, rules) for row in rows if row.concept in TRIGGERS]


def assumed(first: int, product: str, rules: Rules) -> Trigger:
    """The trigger taken for granted on request; a product that the tables do not know counts as cells."""
    return _trigger(first, TRIGGERS[0], product, rules)


def _trigger(time: int, concept: str, product: str | None, rules: Rules) -> Trigger:
    first, last = rules.window(concept, product)
    return Trigger(time, product, time + first, time + last)


def known_until(rows: list[Row], rules: Rules) -> int:
    """The last moment at which anything charted still speaks; what holds for weeks counts for two days.

    Where somebody ended the watch and nothing was charted later, it is that moment.
    """
    ends = [row.time for row in rows if row.concept == WATCH_ENDED]
    others = [row.time for row in rows if row.concept != WATCH_ENDED]
    if ends and max(ends) >= max(others, default=max(ends)):
        return max(ends)
    return max(
        row.time + min(rules.valid_for(row.concept), 2 * DAY_US) if row.until is None else max(row.until, row.time)
        for row in rows
    )


def spans(found: list[Trigger], rows: list[Row], limit: int, rules: Rules, as_of: int | None) -> list[Span]:
    """The joined windows, each cut at ``limit`` (the end of knowledge), ``as_of``, and a death of another cause."""
    joined: list[Span] = []
    for trigger in sorted(found, key=lambda part: part.start):
        if joined and trigger.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, trigger.end))
        else:
            joined.append(Span(trigger.start, trigger.end))
    return _cut(joined, rows, limit, rules, as_of)


def whole_record(rows: list[Row], limit: int, rules: Rules, as_of: int | None) -> list[Span]:
    """The one stretch from the first row on, for scales that look wherever anything is charted."""
    return _cut([Span(rows[0].time, limit)], rows, limit, rules, as_of)


def _cut(found: list[Span], rows: list[Row], limit: int, rules: Rules, as_of: int | None) -> list[Span]:
    if as_of is not None:
        limit = min(limit, as_of)
    cut = [_until_other_death(Span(span.start, min(span.end, limit)), rows, rules) for span in found]
    return [span for span in cut if span.start < span.end]


def _until_other_death(span: Span, rows: list[Row], rules: Rules) -> Span:
    own = rules.scale.episode.death_cause
    # a scale that knows no death of its own ends with any
    open_ended = (own, UNKNOWN_CAUSE) if own else ()
    for row in rows:
        if row.concept == "death" and span.start <= row.time < span.end and cause(row) not in open_ended:
            return Span(span.start, row.time)
    return span


def cause(row: Row) -> str:
    """The cause of a death row, unknown where none is given."""
    return row.text or UNKNOWN_CAUSE
