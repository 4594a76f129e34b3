"""Rules about how long or how often something has held within the span (rule page, section 3)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.chart import latest_row
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_parts import Atom, Part, Record, Truth
from cytowatch.engine.reference.rule_readings import Comparison
from cytowatch.engine.reference.states import moments
from cytowatch.knowledge.model import Compare, Cumulative
from cytowatch.schema import DAY_US, HOUR_US


class Run(NamedTuple):
    """A stretch of the span, as long as possible, in which the truth of a part does not change."""

    start: int
    end: int
    truth: Truth


def runs(part: Part, record: Record) -> list[Run]:
    """The span cut into runs."""
    times = moments([*record.chart.edges, *part.edges], (), record.span)
    found: list[Run] = []
    for start, end in zip(times, [*times[1:], record.span.end], strict=True):
        truth = part.truth(start)
        if found and found[-1].truth == truth:
            start = found.pop().start  # noqa: PLW2901  (the run goes on)
        found.append(Run(start, end, truth))
    return found


def stretches(found: list[Run], certain: bool) -> list[tuple[int, int]]:
    """The runs that are certain (or at least possible), neighbors joined."""
    joined: list[tuple[int, int]] = []
    for start, end, truth in found:
        here = truth.certain if certain else truth.possible
        if here and joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        elif here:
            joined.append((start, end))
    return joined


class Lasting(Atom):
    """A part of a rule that speaks about another part over time."""

    def __init__(self, part: Part, record: Record) -> None:
        self.part = part
        self.record = record
        self.runs = runs(part, record)
        self.concepts = part.concepts

    def settled_by(self, time: int) -> tuple[str, ...]:
        """What the inner part lacks now; if it lacks nothing now, all that it reads."""
        return tuple(dict.fromkeys(self.part.lacking(time))) or self._all_read()

    def _all_read(self) -> tuple[str, ...]:
        """All that the inner part reads; drugs that run go by one name."""
        kind = {concept: self.record.chart.rules.concept(concept).kind for concept in self.concepts}
        named = ("vasopressor_state" if kind[concept] == "infusion" else concept for concept in self.concepts)
        return tuple(dict.fromkeys(named))

    def proof(self, time: int) -> list[Row]:
        """The rows of the inner part, as it stands now."""
        return self.part.rows(time)


class Held(Lasting):
    """The inner part has held without a break for so many hours; a short pause may have been none."""

    def __init__(self, part: Part, hours: float, pause_hours: float, record: Record) -> None:
        super().__init__(part, record)
        wait, pause, first = round(hours * HOUR_US), round(pause_hours * HOUR_US), record.span.start
        self.certain = [(start + wait, end) for start, end in stretches(self.runs, certain=True)]
        self.possible: list[tuple[int, int]] = []
        began, before = first, None
        for start, end in stretches(self.runs, certain=False):
            if before is None or start - before >= pause:
                began = start
            # what was possible at the start of the span may have been so long before it
            self.possible.append((start if began == first else max(start, began + wait), end))
            before = end
        self.edges = part.edges.union(start for start, _ in (*self.certain, *self.possible))

    def truth(self, time: int) -> Truth:
        """Whether a run has lasted long enough and still goes on."""
        return Truth(
            any(start <= time < end for start, end in self.certain),
            any(start <= time < end for start, end in self.possible),
        )


class Summed(Lasting):
    """The inner part has held for so many days, in all or in one stretch; short breaks are bridged."""

    def __init__(self, part: Part, node: Cumulative, record: Record) -> None:
        super().__init__(part, record)
        self.needed, self.bridge = round(node.days * DAY_US), round(node.bridging_days * DAY_US)
        self.one_stretch = node.one_stretch
        self.edges = part.edges.union(self._crossings())

    def _crossings(self) -> set[int]:
        """The moments at which enough may be reached, or a break becomes too long; more than needed does no harm."""
        found: set[int] = set()
        for run in self.runs:
            for certain in (True, False):
                totals = self._totals(run.start, certain)
                found.update(run.start + self.needed - total for total in totals if total < self.needed)
            found.add(run.start + self.bridge)
        return found

    def _totals(self, time: int, certain: bool) -> list[int]:
        """For how long it has held up to ``time``, for certain or at most: in all, or in each stretch."""
        totals = [0]
        for number, run in enumerate(self.runs):
            totals[-1] += self._share(number, time, certain)
            if self.one_stretch and run.end <= time and self._is_apart(number, certain):
                totals.append(0)
        return totals

    def _is_apart(self, number: int, certain: bool) -> bool:
        """Whether a run lies in a time without it that is too long to be bridged, and ends it."""
        first = last = number
        while first >= 0 and not self._holds(first, certain):
            first -= 1
        while last < len(self.runs) and not self._holds(last, certain):
            last += 1
        if first == last or last != number + 1:
            return False
        return self.runs[number].end - self.runs[first + 1].start >= self.bridge

    def _holds(self, number: int, certain: bool) -> bool:
        truth = self.runs[number].truth
        return truth.certain if certain else truth.possible

    def _share(self, number: int, time: int, certain: bool) -> int:
        """What one run adds."""
        run = self.runs[number]
        if run.start >= time:
            return 0
        if run.truth.certain or (run.truth.possible and not certain):
            return min(run.end, time) - run.start
        if run.truth.possible or number == 0:
            return 0
        return self._break(number, time, certain)

    def _break(self, number: int, time: int, certain: bool) -> int:
        """What a break adds: all of it once it is over and short, and while it may still end in time."""
        run = self.runs[number]
        if time < run.end:
            return time - run.start if not certain and time - run.start < self.bridge else 0
        if run.end - run.start >= self.bridge:
            return 0
        beside = (self.runs[number - 1].truth, self.runs[number + 1].truth)
        return run.end - run.start if not certain or all(truth.certain for truth in beside) else 0

    def truth(self, time: int) -> Truth:
        """Whether the days are enough."""
        certain, possible = (max(self._totals(time, which)) for which in (True, False))
        return Truth(certain >= self.needed, possible >= self.needed)


class Times(Atom):
    """So many readings have compared true since the span began."""

    def __init__(self, node: Compare, needed: int, record: Record) -> None:
        self.concepts = (node.concept,)
        self.needed = needed
        judge = Comparison(node, record)
        inside = [row for row in record.chart.of(node.concept) if row.time >= record.span.start]
        self.judged = [(row, judge(row)) for row in inside]

    def truth(self, time: int) -> Truth:
        """Possible while too few are charted, or enough are true or undecided."""
        charted = [said for row, said in self.judged if row.time <= time]
        met = [said.met for said in charted if said is not None]
        true, undecided = met.count(True), met.count(None)
        return Truth(true >= self.needed, true + undecided >= self.needed or len(charted) < self.needed)

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (the same at every moment)
        """The concept itself."""
        return self.concepts

    def proof(self, time: int) -> list[Row]:
        """The latest reading that compared true."""
        return latest_row([row for row, said in self.judged if row.time <= time and said is not None and said.met])
