"""Moments as HL7 writes them (20141006083000.12+0700), as ISO 8601 text for admission and as microseconds to compare.

A moment that is given to the hour or coarser is refused: nothing is padded. Where a zone is not written, the
standard takes that of MSH-7; a zone that a site names (``--zone``) places the moment where the two agree, because it
knows when clocks change, and where MSH-7 has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(\.\d{1,9})?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)
# the second component of older versions says how much of the first is meant
_COARSE = ("Y", "L", "D", "H")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stamp:
    """A moment: ISO text, microseconds since 1970 where the zone is known, and the rule that refuses it, if any."""

    text: str | None = None
    moment: int | None = None
    rule: str = ""
    offset: str = ""


@dataclass(frozen=True)
class Clock:
    """Where moments without a zone are placed: the offset of MSH-7, and the site's zone."""

    offset: str = ""
    zone: str | None = None

    @property
    def disagrees(self) -> bool:
        """Whether nothing but the offset counts though a zone was named."""
        return bool(self.offset) and self.zone is not None


def clock_of(sent: str, zone: str | None) -> Clock:
    """The clock of a message with this MSH-7; the site's zone counts unless MSH-7 states another offset."""
    stamp = read_stamp(sent, Clock())
    if not stamp.offset or zone is None or stamp.moment is None:
        return Clock(stamp.offset, zone)
    there = ZoneInfo(zone).utcoffset((_EPOCH + stamp.moment * _MICROSECOND).astimezone(ZoneInfo(zone)))
    return Clock("", zone) if there == _offset(stamp.offset) else Clock(stamp.offset, zone)


@lru_cache(maxsize=65_536)
def read_stamp(raw: str, clock: Clock, precision: str = "") -> Stamp:
    """One moment; rules `bad_time` and `partial_time`. A missing zone is left for admission to refuse."""
    found = _FORM.fullmatch(raw)
    if found is None:
        return Stamp(rule="bad_time")
    if found[5] is None or precision in _COARSE:
        return Stamp(rule="partial_time", offset=found[8] or "")
    parts = [int(part or 0) for part in found.groups()[:6]]
    fraction = (found[7] or ".0")[1:7].ljust(6, "0")
    try:
        naive = datetime(*parts, int(fraction))  # type: ignore[arg-type,call-arg]  # noqa: DTZ001 - its zone is added below
    except ValueError:
        return Stamp(rule="bad_time")
    offset = found[8] or clock.offset
    shown = f"{offset[:3]}:{offset[3:]}" if offset else ""
    text = naive.isoformat() + shown
    if not offset and clock.zone is None:
        return Stamp(text)
    zone = timezone(_offset(offset)) if offset and _is_offset(offset) else ZoneInfo(clock.zone or "UTC")
    try:
        moment = (naive.replace(tzinfo=zone) - _EPOCH) // _MICROSECOND
    except OverflowError:
        return Stamp(rule="bad_time")
    return Stamp(text, moment, "", found[8] or "")


def utc_text(moment: int) -> str:
    """Microseconds since 1970 as ISO text with a zone, which admission can always place."""
    return (_EPOCH + moment * _MICROSECOND).isoformat()


def date_of(raw: str) -> str:
    """The calendar day of a moment as ISO text; what is coarser stays coarse, to be refused as a date."""
    found = _FORM.fullmatch(raw)
    if found is None:
        return raw
    return "-".join(part for part in found.groups()[:3] if part)


def day_of(raw: str, clock: Clock) -> tuple[Stamp, Stamp] | None:
    """The first moment of the day of a moment that says no more, and of the day after it; nothing if it says no day."""
    found = _FORM.fullmatch(raw)
    if found is None or found[3] is None:
        return None
    try:
        days = [date(int(found[1]), int(found[2]), int(found[3])) + timedelta(days=more) for more in (0, 1)]
    except (ValueError, OverflowError):
        return None
    first, last = (read_stamp(f"{day:%Y%m%d}0000{found[8] or ''}", clock) for day in days)
    return first, last


def _is_offset(offset: str) -> bool:
    return int(offset[1:3]) < 24 and int(offset[3:]) < 60


def _offset(offset: str) -> timedelta:
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return timedelta(minutes=-minutes if offset[0] == "-" else minutes)
