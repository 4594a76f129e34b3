"""When: of the elements that may hold a moment, the one that is filled."""

from __future__ import annotations

from cytowatch.adapters.fhir.said import MANY_TIMES, NO_TIME, PARTIAL, Said
from cytowatch.adapters.fhir.structs import Period, Timing

_LONGEST = 64
# 2025, 2025-01, 2025-01-05
_PARTIAL = (4, 7, 10)

# start, end, and why there is no usable moment
Span = tuple[str | None, str | None, Said | None]


def span(
    moment: str | None, period: Period | None = None, timing: Timing | None = None, *, instant: str | None = None
) -> Span:
    """Start and end as written; a partial date, a schedule or nothing at all is told."""
    start, until = moment or instant, None
    if start is None and period is not None:
        start, until = period.start, period.end
    if start is None and timing is not None:
        events = timing.event or []
        if len(events) != 1 or timing.repeat:
            return (events[0] if events else None), None, MANY_TIMES
        start = events[0]
    if not start:
        return None, None, NO_TIME
    if len(start) in _PARTIAL or (until is not None and len(until) in _PARTIAL):
        return cut(start), cut(until), PARTIAL
    return cut(start), cut(until), None


def cut(text: str | None, longest: int = _LONGEST) -> str | None:
    """A text that nobody knows the length of, bounded; null for none."""
    if text is None or len(text) <= longest:
        return text or None
    return f"{text[:longest]}…"
