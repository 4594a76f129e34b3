"""Time, waiting and chance, handed in, so that a test need not wait and a run can be repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """The clock of a run: the moment (UTC), running seconds, how to wait, and where jitter comes from."""

    now: Callable[[], datetime] = _now
    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    # jitter spreads requests; it guards no secret
    chance: random.Random = field(default_factory=random.Random)


def instant(moment: datetime) -> str:
    """A moment as FHIR writes an instant, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime | None:
    """A FHIR instant (a date, a time and a zone); None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None
