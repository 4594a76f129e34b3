"""What is said of one moment, and of one episode, before it becomes rows of a table; the options of a run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.rows import FOREVER, LONG_AGO, Row
from cytowatch.engine.reference.window import UNKNOWN_CAUSE, Span, cause

# the grade of a death on every scale
DEATH = 5
# a remark on a criterion that is listed; a death leaves none of them
RECALLED_FLAG = "recalled_criteria"


class Options(NamedTuple):
    """How the rows are to be read."""

    as_of: int | None
    assume_trigger: str | None
    not_recorded: frozenset[str]
    clock: str


@dataclass
class Found:
    """What has been found so far, as rows of the tables of ``schema``."""

    timeline: list[dict[str, Any]] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[int] = field(default_factory=list)


class State(NamedTuple):
    """The tuple that stays the same between two changes."""

    at_least: int | None
    at_most: int | None
    criteria: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    episode: int | None = None


class Episode:
    """One episode while it is being walked through."""

    def __init__(self, number: int, onset: int, flags: tuple[str, ...]) -> None:
        self.number = number
        self.onset = onset
        self.flags = flags
        # the closing moment, or the end of the span
        self.end = FOREVER
        self.last_sign = LONG_AGO
        self.closed = False


class Walk(NamedTuple):
    """A span gone through: the state from each moment on, and the episodes."""

    states: list[tuple[int, State]]
    episodes: list[Episode]


class Walker(Protocol):
    """What a family of scales has to answer."""

    chart: Chart
    span: Span
    # every moment at which what is seen may change
    edges: list[int]

    def walk(self, first_number: int) -> Walk:
        """Goes through the span of a patient with a trigger."""

    def finding(self, time: int) -> State:
        """What is seen at a moment of a patient without a trigger."""

    def evidence(self, time: int, state: State, episode: Episode | None, /) -> list[Row]:
        """The rows that make the criteria of a state certain at ``time``."""


class GradeLed(Walker, Protocol):
    """A scale whose episodes begin with any grade and end when nothing is left of it."""

    sign_times: SignTimes

    def graded(self, time: int) -> bool:
        """Whether a criterion makes a grade at ``time``."""

    def free(self, time: int) -> bool:
        """Whether the patient is measured free of signs at ``time``."""

    def state(self, time: int) -> State:
        """What is said of a living patient at ``time``, episodes aside."""

    def between(self, time: int) -> State:
        """What is said instead inside an episode, as long as its last sign is less than a day old."""


def walk_by_grade(walker: GradeLed, times: list[int], first_number: int) -> Walk:
    """Goes through the moments of a span, opening and closing episodes."""
    deaths = Deaths(walker.chart, walker.span)
    walk = Walk([], [])
    episode: Episode | None = None
    was_free = False
    for time in times:
        free, alive = walker.free(time), not deaths.happened(time)
        quiet = time - walker.sign_times.last_before(time) >= walker.chart.rules.gap
        if episode is not None and quiet and (free or was_free) and alive:
            episode.end, episode.last_sign, episode.closed = time, walker.sign_times.last_before(time), True
            episode = None
        if episode is None and walker.graded(time) and walker.chart.rules.scale.has_episodes and alive:
            episode = Episode(first_number + len(walk.episodes), time, ())
            walk.episodes.append(episode)
        was_free = free
        said = walker.state(time) if episode is None or quiet else walker.between(time)
        state = said._replace(episode=episode.number if episode else None)
        walk.states.append((time, deaths.over(state, time)))
    if episode is not None:
        episode.end, episode.last_sign = walker.span.end, walker.sign_times.last(walker.span.end)
    return walk


class Deaths:
    """The deaths that a grade rests on, within one stretch of time."""

    def __init__(self, chart: Chart, span: Span) -> None:
        own = chart.rules.scale.episode.death_cause
        inside = [row for row in chart.of("death") if span.start <= row.time < span.end]
        # of any cause; a death of another cause is the end of the span
        self.first = min((row.time for row in chart.of("death") if span.start <= row.time <= span.end), default=None)
        self.own = next((row for row in inside if cause(row) == own), None)
        self.unknown = next((row for row in inside if cause(row) == UNKNOWN_CAUSE), None)
        self.criterion = chart.rules.scale.episode.death_criterion

    def happened(self, time: int) -> bool:
        """Whether the patient is dead at ``time``."""
        return any(row is not None and row.time <= time for row in (self.own, self.unknown))

    def over(self, state: State, time: int) -> State:
        """The state of a dead patient; the state itself while alive."""
        if not self.happened(time):
            return state
        left = state._replace(flags=tuple(flag for flag in state.flags if flag != RECALLED_FLAG))
        if self.own is not None and self.own.time <= time:
            return left._replace(at_least=DEATH, at_most=DEATH, criteria=(self.criterion,), missing=())
        return left._replace(at_least=0, at_most=DEATH, criteria=(), missing=("death_cause",))


class SignTimes:
    """When a sign was there for certain, over the whole record."""

    def __init__(self, times: Iterable[int], present: Iterable[bool]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        running = False
        for time, here in zip(times, present, strict=True):
            if here and not running:
                self._starts.append(time)
                self._ends.append(FOREVER)
            elif running and not here:
                self._ends[-1] = time
            running = here

    def last_before(self, time: int) -> int:
        """The end of the latest sign state that began before ``time``, at most ``time``; else long ago."""
        place = bisect_left(self._starts, time) - 1
        return min(self._ends[place], time) if place >= 0 else LONG_AGO

    def last(self, time: int) -> int:
        """``time`` itself while there is a sign, else the end of the latest one, else long ago."""
        index = bisect_right(self._starts, time) - 1
        return min(self._ends[index], time) if index >= 0 else LONG_AGO


def moments(edges: list[int], gaps: tuple[int, ...], span: Span) -> list[int]:
    """Every moment of the span at which something may change: more than needed does no harm."""
    found = {span.start, *edges, *(edge + gap for edge in edges for gap in gaps)}
    return sorted(time for time in found if span.start <= time < span.end)


def once(names: Iterable[str]) -> tuple[str, ...]:
    """The names without repeats, in order."""
    return tuple(dict.fromkeys(names))
