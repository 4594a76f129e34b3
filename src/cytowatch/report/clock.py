"""Times in words: calendar time or hours of the file, and days since exposure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cytowatch.report.data import Clock
from cytowatch.schema import DAY_US, HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    (end - _EPOCH) // timedelta(microseconds=1)
    for end in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
)


def moment(time: int | None, clock: Clock) -> str:
    """A moment for a reader: ``2024-03-02 14:05`` (UTC) or ``36.5 h``; a dash where there is none."""
    if time is None:
        return "–"
    if clock == "hours":
        return f"{time / HOUR_US:.4g} h" if abs(time) < 10_000 * HOUR_US else f"{time / HOUR_US:.0f} h"
    return _datetime(time).strftime("%Y-%m-%d %H:%M")


def machine(time: int | None, clock: Clock) -> str:
    """The same for the ``datetime`` attribute of HTML; empty where there is none."""
    return "" if time is None or clock == "hours" else _datetime(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(time: int | None, origin: int) -> float | None:
    """Days of 24 h since the origin."""
    return None if time is None else (time - origin) / DAY_US


def axis(time: int, origin: int, clock: Clock) -> float:
    """Where a moment lies on a patient's time axis: days since the origin, or hours of the file."""
    return round(time / HOUR_US, 4) if clock == "hours" else round((time - origin) / DAY_US, 5)


def _datetime(time: int) -> datetime:
    """The moment; what lies beyond the calendar is its first or last minute."""
    return _EPOCH + timedelta(microseconds=min(max(time, _FIRST), _LAST))
