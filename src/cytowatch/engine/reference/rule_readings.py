"""Rules about readings: cut-offs, limits of normal, baselines, categories (rule page, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cytowatch.engine.reference import lanes
from cytowatch.engine.reference.bounds import Range, exactly, holds, true_range
from cytowatch.engine.reference.chart import latest_row
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_parts import Atom, Record, Truth
from cytowatch.knowledge.model import AnyMeasured, Compare, In, Relative
from cytowatch.schema import HOUR_US

AGE = "age"


class Said(NamedTuple):
    """What one reading says: met, not met, or undecided until something else is known."""

    row: Row
    met: bool | None
    name: str


# nothing where the reading is not used for this patient
Judge = Callable[[Row], Said | None]


def near(cut: float) -> float:
    """How far from a computed cut-off a value still counts as equal."""
    return 1e-9 * max(1.0, abs(cut))


def range_name(concept: str) -> str:
    """The name of a limit of normal that is missing."""
    return f"{concept}_range"


def baseline_name(concept: str) -> str:
    """The name of a baseline that is missing."""
    return f"{concept}_baseline"


class Comparison:
    """Judges a reading by a number, a threshold by age, a limit of normal, a baseline or an earlier reading."""

    def __init__(self, node: Compare, record: Record) -> None:
        self.node = node
        self.record = record
        self.reach = round(node.lookback_hours * HOUR_US)

    def __call__(self, row: Row) -> Said | None:
        """What the reading says."""
        if self.node.threshold:
            return self._by_age(row)
        if row.value is None and not self.node.of_baseline:
            return Said(row, None, row.concept)
        return self._by_number(row)

    def _by_age(self, row: Row) -> Said | None:
        values = self._values(row)
        if values is None:
            return Said(row, None, baseline_name(row.concept))
        cuts = self.record.cuts(self.node.threshold)
        met = {holds(values, self.node.op, cut) for cut in cuts if cut is not None}
        sometimes_unused = None in cuts
        if not met or (met == {False} and sometimes_unused):
            return None
        if len(met) == 1 and None not in met and not sometimes_unused:
            return Said(row, met.pop(), "")
        return Said(row, None, AGE if len(cuts) > 1 and row.value is not None else row.concept)

    def _by_number(self, row: Row) -> Said:
        cut, tolerance, name = self._cut(row)
        if cut is None:
            return Said(row, None, name)
        values = self._values(row)
        if values is None:
            return Said(row, None, baseline_name(row.concept))
        return Said(row, holds(values, self.node.op, cut, tolerance), row.concept)

    def _values(self, row: Row) -> Range | None:
        if not self.node.of_baseline:
            return true_range(row)
        baseline = self.record.baseline(row)
        return None if baseline is None else exactly(baseline)

    def _cut(self, row: Row) -> tuple[float | None, float, str]:
        """The cut-off for one reading, its tolerance, and what is missing where it cannot be made."""
        value = float(self.node.value or 0)
        kind = self.node.times or self.node.plus
        if not kind:
            return value, 0.0, ""
        reference, name = self._reference(row, kind)
        if reference is None:
            return None, 0.0, name
        cut = reference * value if self.node.times else reference + value
        return cut, near(cut), ""

    def _reference(self, row: Row, kind: str) -> tuple[float | None, str]:
        if kind == "baseline":
            return self.record.baseline(row), baseline_name(row.concept)
        if kind == "lowest":
            return self.record.lowest(row, self.reach), row.concept
        return self.record.limit(row, kind), range_name(row.concept)


class Relation:
    """Judges a reading by its limit of normal, or by the baseline where that was abnormal already."""

    def __init__(self, node: Relative, record: Record) -> None:
        self.node = node
        self.record = record

    def __call__(self, row: Row) -> Said:
        """What the reading says."""
        if row.value is None:
            return Said(row, None, row.concept)
        limit, baseline = self.record.limit(row, self.node.limit), self.record.baseline(row)
        if limit is None:
            return Said(row, None, range_name(row.concept))
        if baseline is not None:
            return Said(row, self._against(row, limit, baseline), row.concept)
        # whatever the baseline was, abnormal means beyond the limit
        never = self._normal(row, limit) is False and self._abnormal(row, limit) is False
        return Said(row, False if never else None, baseline_name(row.concept))

    def _against(self, row: Row, limit: float, baseline: float) -> bool | None:
        beyond = baseline > limit if self.node.limit == "uln" else baseline < limit
        return self._abnormal(row, baseline) if beyond else self._normal(row, limit)

    def _normal(self, row: Row, limit: float) -> bool | None:
        cut = self.node.normal * limit
        return holds(true_range(row), self.node.op, cut, near(cut))

    def _abnormal(self, row: Row, baseline: float) -> bool | None:
        cut = self.node.abnormal * baseline
        return holds(true_range(row), self.node.abnormal_op, cut, near(cut))


class Listing:
    """Judges a category."""

    def __init__(self, node: In) -> None:
        self.categories = node.categories

    def __call__(self, row: Row) -> Said:
        """What the reading says."""
        return Said(row, row.text in self.categories, "")


def judge_of(node: Compare | Relative | In, record: Record) -> Judge:
    """How the readings of a condition are judged."""
    if isinstance(node, Compare):
        return Comparison(node, record)
    return Relation(node, record) if isinstance(node, Relative) else Listing(node)


class Reading(Atom):
    """A condition on the readings of one concept that are in force."""

    def __init__(self, node: Compare | Relative | In, record: Record) -> None:
        chart, concept = record.chart, node.concept
        if chart.rules.concept(concept).kind != "reading":
            raise ValueError(f"{concept} is no reading and cannot be compared")
        self.concept = concept
        self.concepts = (concept,)
        rows, judge = chart.of(concept), judge_of(node, record)
        # an assessment made under sedation says nothing in its whole time
        spoiled = concept in chart.rules.spoiled_by_sedation
        said = {row.row: None if spoiled and chart.sedated(row.time) else judge(row) for row in rows}
        self.said = {number: part for number, part in said.items() if part is not None}
        lasting = 0 if isinstance(node, Relative) else round(node.over_hours * HOUR_US)
        self.lane = lanes.for_hours(rows, lasting) if lasting else record.lane(concept)
        self.edges = frozenset(row.time + lasting for row in rows)
        self.unread: Callable[[int], list[Row]] = (
            (lambda time: chart.unread(concept, time)) if isinstance(node, In) and not lasting else lambda _: []
        )

    def at(self, time: int) -> list[Said]:
        """What the readings in force say, those that are not used left out."""
        said = [self.said[row.row] for row in self.lane.on(time) if row.row in self.said]
        return said + [Said(row, None, self.concept) for row in self.unread(time)]

    def truth(self, time: int) -> Truth:
        """True with any reading; possible with any that is undecided, or without one."""
        met = [part.met for part in self.at(time)]
        return Truth(True in met, True in met or None in met or not met)

    def settled_by(self, time: int) -> tuple[str, ...]:
        """The concept, unless the readings in force wait for something else."""
        return self.undecided(time) or (self.concept,)

    def undecided(self, time: int) -> tuple[str, ...]:
        """What the undecided readings in force wait for."""
        return tuple(sorted({part.name for part in self.at(time) if part.met is None}))

    def proof(self, time: int) -> list[Row]:
        """The latest reading in force that is true."""
        return latest_row([part.row for part in self.at(time) if part.met])


class Unsupported(Reading):
    """A reading that counts only while no device is on: oxygen without a device."""

    def __init__(self, node: Compare, record: Record) -> None:
        super().__init__(node, record)
        self.chart, self.device = record.chart, node.without
        self.lane = record.without(node.concept, node.without)

    def truth(self, time: int) -> Truth:
        """What nobody measured is not there."""
        met = [] if self.chart.on(self.device, time) else [part.met for part in self.at(time)]
        return Truth(True in met, True in met or None in met)

    def names(self, time: int) -> tuple[str, ...]:
        """The device, also where the reading itself is sure: which device it was would tell more."""
        return (self.device,) if self.truth(time).possible else ()


class AnyOfMeasured(Atom):
    """Any of several readings; what is not measured does not matter while something is."""

    def __init__(self, node: AnyMeasured, record: Record) -> None:
        self.parts = [Reading(part, record) for part in node.of]
        self.concepts = tuple(part.concept for part in self.parts)
        self.edges = frozenset[int]().union(*(part.edges for part in self.parts))

    def truth(self, time: int) -> Truth:
        """True with any reading; possible with any that is undecided, or without one of any part."""
        met = [said.met for part in self.parts for said in part.at(time)]
        return Truth(True in met, True in met or None in met or not met)

    def settled_by(self, time: int) -> tuple[str, ...]:
        """What the undecided parts wait for, or every concept if none is in force."""
        return tuple(name for part in self.parts for name in part.undecided(time)) or self.concepts

    def proof(self, time: int) -> list[Row]:
        """The rows of the parts that are true."""
        return [row for part in self.parts for row in part.rows(time)]
