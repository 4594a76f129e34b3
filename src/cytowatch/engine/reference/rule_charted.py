"""Rules about what was charted or given, the exposures and the age (rule page, section 2)."""

from __future__ import annotations

from collections.abc import Callable

from cytowatch.engine.reference import lanes
from cytowatch.engine.reference.chart import latest_row, looked_since
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_parts import OPEN, Atom, Record, Truth
from cytowatch.engine.reference.rule_readings import AGE, Reading
from cytowatch.engine.reference.rules import DEVICE
from cytowatch.engine.reference.settle import is_in_doubt
from cytowatch.knowledge.model import AgeYears, DaysSinceExposure, Given, In, Running
from cytowatch.schema import DAY_US, HOUR_US

VASOPRESSORS = "vasopressor_state"
UNCLASSED = "other"


class Listed(Atom):
    """A concept that is charted in words, and whose word is one of a list."""

    def __init__(self, node: In, record: Record) -> None:
        self.chart = record.chart
        self.charted = record.charted
        self.concept = node.concept
        self.categories = node.categories
        self.concepts = (node.concept,)

    def in_force(self, time: int) -> list[Row]:
        """The rows that are on at ``time``."""
        return self.chart.lane(self.concept).on(time)

    def listed(self, time: int) -> list[Row]:
        """Those of them whose word is on the list."""
        return [row for row in self.in_force(time) if row.text in self.categories]

    def truth(self, time: int) -> Truth:
        """What nobody charted is not there."""
        here = bool(self.listed(time))
        return Truth(here, here)

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (the same at every moment)
        """The concept itself."""
        return (self.concept,)

    def proof(self, time: int) -> list[Row]:
        """The latest row that is listed."""
        return latest_row(self.listed(time))


class Event(Listed):
    """A finding that is charted only where there is one."""

    def truth(self, time: int) -> Truth:
        """Absent only if someone charted so, or looked at the patient since, and no symptom says otherwise."""
        if self.in_force(time):
            certain = super().truth(time).certain
            return Truth(certain, certain or bool(self.chart.unread(self.concept, time)))
        lane = self.chart.lane(self.concept)
        absent = bool(lane.at(time)) or looked_since(lane, self.charted, time)
        return Truth(certain=False, possible=not absent or self.chart.said(self.concept, time))


class Device(Listed):
    """An oxygen device."""

    def truth(self, time: int) -> Truth:
        """Possible besides while any device at all may be on."""
        here = bool(self.listed(time))
        vague = any(row.text == UNCLASSED for row in self.in_force(time)) or self.chart.unknown(self.concept, time)
        return Truth(here, here or vague)

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (the same at every moment)
        """The device."""
        return (DEVICE,)

    def proof(self, time: int) -> list[Row]:
        """The listed devices that are on."""
        return sorted(self.listed(time), key=lambda row: (row.time, row.source))


class Statement(Listed):
    """Something that somebody said; what nobody said is not there."""

    def __init__(self, node: In, record: Record) -> None:
        super().__init__(node, record)
        self.lane = lanes.said(self.chart.of(node.concept), self.chart.rules.valid_for(node.concept))

    def in_force(self, time: int) -> list[Row]:
        """Every row that still speaks, whatever was said after it."""
        return self.lane.on(time)


def listed(node: In, record: Record) -> Atom:
    """A list of categories, read by the kind of its concept."""
    kind = record.chart.rules.concept(node.concept).kind
    if kind not in _BY_KIND:
        raise ValueError(f"{node.concept} has no categories in force that a rule could list")
    return _BY_KIND[kind](node, record)


_BY_KIND: dict[str, Callable[[In, Record], Atom]] = {
    "reading": Reading,
    "exception": Event,
    "switch": Listed,
    "device": Device,
    "statement": Statement,
}


class Drugs(Atom):
    """So many different drugs running at the same moment."""

    def __init__(self, node: Running, record: Record) -> None:
        self.chart = record.chart
        self.concepts = node.concepts
        self.needed = node.at_least

    def truth(self, time: int) -> Truth:
        """Counts the drugs that run, and those that may."""
        on = sum(self.chart.on(drug, time) for drug in self.concepts)
        maybe = sum(self.chart.unknown(drug, time) for drug in self.concepts)
        return Truth(on >= self.needed, on + maybe >= self.needed)

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (the same at every moment)
        """Which drugs run."""
        return (VASOPRESSORS,)

    def proof(self, time: int) -> list[Row]:
        """The latest row of each drug that runs."""
        return [row for drug in self.concepts for row in latest_row(self.chart.lane(drug).on(time))]


class Doses(Atom):
    """So many doses in the hours up to now."""

    def __init__(self, node: Given, record: Record) -> None:
        self.concepts = node.concepts
        self.needed = node.times
        self.within = round(node.within_hours * HOUR_US)
        rows = [row for drug in node.concepts for row in record.chart.of(drug)]
        self.doses = [row for row in rows if row.value is None or row.value > 0]
        self.doubtful = [row for row in rows if is_in_doubt(row, "dose")]
        self.not_recorded = tuple(drug for drug in node.concepts if drug in record.chart.not_recorded)
        self.edges = frozenset(row.time + self.within for row in (*self.doses, *self.doubtful))

    def _recent(self, rows: list[Row], time: int) -> list[Row]:
        return [row for row in rows if time - self.within < row.time <= time]

    def _counted(self, time: int) -> list[Row]:
        return self._recent(self.doses, time)

    def truth(self, time: int) -> Truth:
        """Enough doses are charted; or they may have been given: a row could not be read, or a drug is not recorded."""
        sure = len(self._counted(time))
        most = sure + len(self._recent(self.doubtful, time))
        return Truth(sure >= self.needed, most >= self.needed or bool(self.not_recorded))

    def settled_by(self, time: int) -> tuple[str, ...]:
        """The first drug that is not recorded, and those of which a dose could not be read."""
        return (*self.not_recorded[:1], *(row.concept for row in self._recent(self.doubtful, time)))

    def proof(self, time: int) -> list[Row]:
        """The latest dose that counts."""
        return latest_row(self._counted(time))


class SinceExposure(Atom):
    """So many days since the latest exposure."""

    def __init__(self, node: DaysSinceExposure, record: Record) -> None:
        self.first, self.last = round(node.first * DAY_US), round(node.last * DAY_US)
        self.times = record.exposure_times
        self.edges = frozenset(time + days for time in self.times for days in (0, self.first, self.last))

    def truth(self, time: int) -> Truth:
        """False without an exposure."""
        before = [past for past in self.times if past <= time]
        here = bool(before) and self.first <= time - before[-1] < self.last
        return Truth(here, here)


class Years(Atom):
    """The patient's age."""

    def __init__(self, node: AgeYears, record: Record) -> None:
        self.first, self.last = node.first, node.last
        self.age = record.chart.age

    def truth(self, time: int) -> Truth:  # noqa: ARG002  (the age is that of the first exposure)
        """Open where the age is unknown."""
        if self.age is None:
            return OPEN
        here = self.first <= self.age.years < self.last
        return Truth(here, here)

    def settled_by(self, time: int) -> tuple[str, ...]:  # noqa: ARG002  (the same at every moment)
        """The age."""
        return (AGE,)
