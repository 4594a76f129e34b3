"""When to ask again: exponential back-off with full jitter, what the server asks for, and an end to both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cytowatch.fetch.clock import Clock
from cytowatch.fetch.limits import Limits


class PassingError(Exception):
    """Something that may pass: a timeout, a dropped connection, a busy server, a body cut short."""

    def __init__(
        self, why: str, *, most: int, wait: float | None = None, damaged: bool = False, status: int = 0
    ) -> None:
        self.why, self.most, self.wait, self.damaged, self.status = why, most, wait, damaged, status
        super().__init__(why)


class GaveUpError(Exception):
    """All attempts are used up, or the server asks for too long a wait."""

    def __init__(self, why: str, fault: PassingError) -> None:
        self.why, self.fault = why, fault
        super().__init__(why)


@dataclass
class Attempts:
    """The attempts at one request."""

    clock: Clock
    limits: Limits
    made: int = 0
    waited: float = 0.0

    def again(self, fault: PassingError) -> None:
        """Wait before the next attempt; GaveUpError if there is to be none."""
        self.made += 1
        if self.made >= fault.most:
            raise GaveUpError(f"{fault.why} ({self.made} attempts)", fault)
        wait = self._pause(fault.wait)
        if self.waited + wait > self.limits.waiting_seconds:
            raise GaveUpError(f"{fault.why}; the wait would be {self.waited + wait:,.0f} s", fault)
        self.waited += wait
        self.clock.sleep(wait)

    def _pause(self, asked: float | None) -> float:
        widest = min(self.limits.backoff_cap, self.limits.backoff_seconds * 2 ** (self.made - 1))
        jitter = self.clock.chance.uniform(0, widest)
        # never before the moment the server named, and not all clients at that moment
        return jitter if asked is None else asked + min(jitter, self.limits.backoff_seconds)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait as a ``Retry-After`` says, in seconds or as an HTTP date; None if it says neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
