"""What every part of a rule answers about a moment, and what it may ask of the patient (rule page, section 2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.lanes import NO_DEVICE, Lane, device_changes, ended
from cytowatch.engine.reference.rows import LONG_AGO, Row
from cytowatch.engine.reference.rules import DEVICE
from cytowatch.engine.reference.window import Span, Trigger

WEIGHT = "weight"
FLOW, FIO2 = "oxygen_flow", "fio2"


class Truth(NamedTuple):
    """What holds for certain, and what is not excluded."""

    certain: bool
    possible: bool

    @property
    def open(self) -> bool:
        """Possible and not certain."""
        return self.possible and not self.certain


OPEN = Truth(certain=False, possible=True)


class Part(ABC):
    """One node of a rule."""

    # what it reads, in the order written
    concepts: tuple[str, ...] = ()
    # the moments, besides those of the chart, at which it may change
    edges: frozenset[int] = frozenset()

    @abstractmethod
    def truth(self, time: int) -> Truth:
        """Whether it holds at ``time``."""

    @abstractmethod
    def names(self, time: int) -> tuple[str, ...]:
        """What would settle those of its atoms that are open at ``time``."""

    def lacking(self, time: int) -> tuple[str, ...]:
        """What its open atoms lack, also those in a part that is settled without them."""
        return self.names(time)

    @abstractmethod
    def rows(self, time: int) -> list[Row]:
        """The rows of those of its atoms that are certain at ``time``."""


class Atom(Part):
    """A part without parts."""

    def names(self, time: int) -> tuple[str, ...]:
        """What would settle it, if it is open at ``time``."""
        return self.settled_by(time) if self.truth(time).open else ()

    def rows(self, time: int) -> list[Row]:
        """The rows it rests on, if it is certain at ``time``."""
        return self.proof(time) if self.truth(time).certain else []

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (some atoms are never open)
        """What would settle it."""
        return ()

    def proof(self, time: int) -> list[Row]:  # noqa: ARG002  (some atoms rest on no row)
        """The rows it rests on."""
        return []


class Record:
    """All that a part of a rule may ask: the chart, the span that is watched, and the exposures."""

    def __init__(self, chart: Chart, span: Span, exposures: list[Trigger]) -> None:
        self.chart = chart
        self.span = span
        self.exposure_times = sorted(part.time for part in exposures)
        self.exposures = exposures
        self.charted = sorted(row.time for concept in chart.rules.charting for row in chart.of(concept))
        self._device_changes = device_changes(chart.of(DEVICE))

    def lane(self, concept: str) -> Lane:
        """When each row of a concept speaks; what belongs to a device ends when the device changes."""
        lane = self.chart.lane(concept)
        return ended(lane, self._device_changes) if concept in (FLOW, FIO2) else lane

    def without(self, concept: str, device: str) -> Lane:
        """When each reading speaks of support of its own: until any row or any charted end of a device."""
        rows = self.chart.of(device)
        stops = {row.time for row in rows}
        stops |= {row.until for row in rows if row.until is not None and row.text != NO_DEVICE}
        return ended(self.chart.lane(concept), sorted(stops))

    def baseline(self, row: Row) -> float | None:
        """What the patient had before the exposure that a reading follows, as told or as last measured."""
        concept = row.concept
        told: float | None = getattr(self.chart.subject, f"baseline_{concept}", None)
        if told is not None:
            return told
        end = self._exposure_before(row)
        if end is None:
            return None
        start = end - self.chart.rules.baseline_reach
        before = [past.value for past in self._exact(concept) if start <= past.time <= end]
        return before[-1] if before else None

    def _exposure_before(self, row: Row) -> int | None:
        """The exposure with which the watch began; in a whole record the first of those that the reading follows."""
        if self.chart.rules.scale.watch == "exposure":
            return min((part.time for part in self.exposures if part.start == self.span.start), default=None)
        follows: int | None = None
        reach = LONG_AGO
        for part in sorted(self.exposures, key=lambda exposure: exposure.time):
            if part.time > row.time:
                break
            # a dose within the window of those before it belongs to them
            if part.time > reach:
                follows = part.time
            reach = max(reach, part.end)
        return follows

    def limit(self, row: Row, which: str) -> float | None:
        """The upper (``uln``) or lower (``lln``) limit of normal that goes with a reading."""
        own = row.range_high if which == "uln" else row.range_low
        if own is not None:
            return own
        site = self.chart.rules.reference_ranges.get(row.concept)
        return None if site is None else float(site[1 if which == "uln" else 0])

    def lowest(self, row: Row, reach: int) -> float | None:
        """The lowest exact value of the same concept within ``reach`` before a reading."""
        earlier = self._exact(row.concept)
        values = [past.value for past in earlier if row.time - reach <= past.time < row.time]
        return min((value for value in values if value is not None), default=None)

    def cuts(self, threshold: str) -> frozenset[float | None]:
        """The cut-offs that may hold for the patient; None if the concept may not be used at all."""
        rules, subject, age = self.chart.rules, self.chart.subject, self.chart.age
        table = rules.knowledge.thresholds[threshold]
        own = getattr(subject, table.own) if table.own else None
        if own is not None:
            return frozenset({own})
        if table.unless and getattr(subject, table.unless) is not None:
            return frozenset({None})
        if age is None:
            return rules.at_every_age(threshold)
        cut = rules.band(threshold, age)
        return frozenset({None if cut is None else cut.low})

    def weight(self, time: int) -> float | None:
        """The body weight known at ``time``."""
        told = self.chart.subject.weight_kg
        measured = [row for row in self.chart.of(WEIGHT) if row.time <= time]
        if told is None and measured and not measured[-1].comparator:
            told = measured[-1].value
        return told if told is not None and told > 0 else None

    def _exact(self, concept: str) -> list[Row]:
        """The readings of one number; what comes at the end of the span or after it is not used."""
        rows = (row for row in self.chart.of(concept) if row.time < self.span.end)
        return [row for row in rows if row.value is not None and not row.comparator]
