"""The moments at which each settled row speaks (meaning page, section 2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from cytowatch.engine.reference.bounds import compare
from cytowatch.engine.reference.rows import FOREVER, Row
from cytowatch.engine.reference.settle import UNREAD

NO_DEVICE = "room_air"
NO_FINDING = "none"


class Spoken(NamedTuple):
    """One row and the interval in which it speaks, end not included."""

    start: int
    end: int
    row: Row
    # on, unknown or none
    state: str = "on"


class Lane:
    """Everything that one concept says, looked up by moment."""

    def __init__(self, spoken: list[Spoken]) -> None:
        self.spoken = spoken
        self._edges = sorted({edge for part in self.spoken for edge in part[:2]})
        self._states: list[list[Spoken]] = [[] for _ in self._edges]
        for part in self.spoken:
            for index in range(bisect_left(self._edges, part.start), bisect_left(self._edges, part.end)):
                self._states[index].append(part)

    def at(self, time: int) -> list[Spoken]:
        """What is in force at ``time``, in the order of the settled rows."""
        index = bisect_right(self._edges, time) - 1
        return self._states[index] if index >= 0 else []

    def on(self, time: int) -> list[Row]:
        """The rows that are on at ``time``."""
        return [part.row for part in self.at(time) if part.state == "on"]

    def unknown(self, time: int) -> bool:
        """Whether something at ``time`` may be on and nothing is."""
        parts = self.at(time)
        return bool(parts) and all(part.state == "unknown" for part in parts)


def next_times(rows: list[Row]) -> list[int]:
    """For each row (sorted by time) the time of the next row that is strictly later."""
    times = [row.time for row in rows]
    following = (bisect_right(times, time) for time in times)
    return [times[index] if index < len(times) else FOREVER for index in following]


def readings(rows: list[Row], valid_for: int) -> Lane:
    """Vital signs, laboratory, scores: true until the next row, ``until``, or for ``valid_for``."""
    return Lane(
        [
            Spoken(row.time, min(following, _own_end(row, valid_for)), row)
            for row, following in zip(rows, next_times(rows), strict=True)
        ]
    )


def standing(rows: list[Row]) -> Lane:
    """Attributions and switches: until the next row or ``until``, without a limit of their own."""
    return Lane(
        [
            Spoken(row.time, min(following, FOREVER if row.until is None else row.until), row)
            for row, following in zip(rows, next_times(rows), strict=True)
        ]
    )


def infusions(rows: list[Row], valid_for: int) -> Lane:
    """Drugs with a rate."""
    return _lasting(rows, valid_for, _rate_state, lambda row: _rate_state(row) == "off")


def devices(rows: list[Row], valid_for: int) -> Lane:
    """Oxygen devices; room air is no device."""
    return _lasting(rows, valid_for, lambda row: "off" if row.text == NO_DEVICE else "on", lambda _: True)


def _rate_state(row: Row) -> str:
    if row.value is None:
        return "on"
    return {True: "on", False: "off", None: "unknown"}[compare(row, ">", 0)]


def _lasting(rows: list[Row], valid_for: int, state_of: Callable[[Row], str], stops: Callable[[Row], bool]) -> Lane:
    spoken = []
    # a stop, or another device, that carries no end of its own ends what was to run longer
    ends = sorted(row.time for row in rows if row.until is None and stops(row))
    for row, following in zip(rows, next_times(rows), strict=True):
        state = state_of(row)
        if state == "off":
            continue
        if row.until is not None:
            later = bisect_right(ends, row.time)
            stop = ends[later] if later < len(ends) else FOREVER
            spoken.append(Spoken(row.time, min(row.until, stop), row, state))
            continue
        expiry = row.time + valid_for
        spoken.append(Spoken(row.time, min(following, expiry), row, state))
        # an open end that nothing followed in time: it may still run
        spoken.append(Spoken(expiry, following, row, "unknown"))
    return Lane(spoken)


def findings(rows: list[Row], valid_for: int) -> Lane:
    """Events charted by exception: the row's category until the next row, ``until``, or for ``valid_for``."""
    return Lane(
        [
            Spoken(row.time, min(following, _own_end(row, valid_for)), row, "none" if row.text == NO_FINDING else "on")
            for row, following in zip(rows, next_times(rows), strict=True)
        ]
    )


def for_hours(rows: list[Row], lasting: int) -> Lane:
    """Every row for as long, whatever comes after it."""
    return Lane([Spoken(row.time, row.time + lasting, row) for row in rows])


def said(rows: list[Row], valid_for: int) -> Lane:
    """Statements: until ``until`` or for ``valid_for``, whatever comes after them."""
    return Lane([Spoken(row.time, _own_end(row, valid_for), row) for row in rows])


def device_changes(rows: list[Row]) -> list[int]:
    """The times at which the charted device becomes another one."""
    charted: dict[int, set[str | None]] = {}
    for row in rows:
        charted.setdefault(row.time, set()).add(row.text)
    times = sorted(charted)
    return [now for before, now in pairwise(times) if len(charted[before] | charted[now]) > 1]


def ended(lane: Lane, times: list[int]) -> Lane:
    """The same rows, each ended by the first of the sorted ``times`` strictly after it."""
    found = []
    for part in lane.spoken:
        index = bisect_right(times, part.start)
        stop = times[index] if index < len(times) else FOREVER
        found.append(Spoken(part.start, min(part.end, stop), part.row))
    return Lane(found)


def until_answered(lane: Lane, answers: list[Row]) -> Lane:
    """The same rows, each ended by the first answer at or after it."""
    found = []
    for part in lane.spoken:
        stop = min((row.time for row in answers if _answers(row, part)), default=FOREVER)
        if part.start < min(part.end, stop):
            found.append(Spoken(part.start, min(part.end, stop), part.row))
    return Lane(found)


def _answers(row: Row, part: Spoken) -> bool:
    """Whether a row comes at or after what was said; what was read of the same row beside it is no answer."""
    if row.time == part.start and part.row.concept == UNREAD:
        return row.source != part.row.source
    return row.time >= part.start


def _own_end(row: Row, valid_for: int) -> int:
    return row.time + valid_for if row.until is None else row.until
