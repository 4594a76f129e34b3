"""Triggers and the spans of time in which a reaction is looked for (meaning page, section 3)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rules import TRIGGERS, Rules

UNKNOWN_CAUSE = "unknown"


class Trigger(NamedTuple):
    """One exposure: when, with what, and the end of its window."""

    time: int
    product: str | None
    end: int


class Span(NamedTuple):
    """One watched stretch of time, end not included."""

    start: int
    end: int


def triggers(rows: list[Row], rules: Rules) -> list[Trigger]:
    """The charted triggers by time."""
    return [
        Trigger(row.time, row.text, row.time + rules.window(row.concept, row.text))
        for row in rows
        if row.concept in TRIGGERS
    ]


def assumed(first: int, product: str, rules: Rules) -> Trigger:
    """The trigger taken for granted on request; a product that the tables do not know counts as cells."""
    return Trigger(first, product, first + rules.window(TRIGGERS[0], product))


def known_until(rows: list[Row], rules: Rules) -> int:
    """The last moment at which anything charted still speaks."""
    return max(
        row.time + rules.valid_for(row.concept) if row.until is None else max(row.until, row.time) for row in rows
    )


def spans(found: list[Trigger], rows: list[Row], limit: int, rules: Rules, as_of: int | None) -> list[Span]:
    """The joined windows, each cut at ``limit`` (the end of knowledge), ``as_of``, and a death of another cause."""
    joined: list[Span] = []
    for trigger in sorted(found, key=lambda part: part.time):
        if joined and trigger.time <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, trigger.end))
        else:
            joined.append(Span(trigger.time, trigger.end))
    if as_of is not None:
        limit = min(limit, as_of)
    cut = [_until_other_death(Span(span.start, min(span.end, limit)), rows, rules) for span in joined]
    return [span for span in cut if span.start < span.end]


def _until_other_death(span: Span, rows: list[Row], rules: Rules) -> Span:
    own = rules.scale.episode.death_cause
    for row in rows:
        if row.concept == "death" and span.start <= row.time < span.end and cause(row) not in (own, UNKNOWN_CAUSE):
            return Span(span.start, row.time)
    return span


def cause(row: Row) -> str:
    """The cause of a death row, unknown where none is given."""
    return row.text or UNKNOWN_CAUSE
