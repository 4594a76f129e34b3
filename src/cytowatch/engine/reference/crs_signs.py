"""The signs of CRS at one moment: fever, pressure and oxygen (meaning page, sections 4 and 5)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference import bounds
from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.oxygen import Oxygen
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rules import Cut

TEMPERATURE = "body_temperature"
SBP = "systolic_bp"
MAP = "mean_arterial_pressure"
PRESSURE_GRADES = {"hypotension": 2, "vasopressor": 3, "vasopressin": 3, "multiple_vasopressors": 4}
OXYGEN_GRADES = {"supplemental_oxygen": 2, "high_flow_oxygen": 3, "positive_pressure": 4}


class Signs(NamedTuple):
    """Everything about a moment that the grade, its criteria, its gaps and its flags rest on."""

    fever: bool | None
    # criteria certain and possible, attribution and reasons taken away
    certain: tuple[str, ...]
    h_lo: int
    h_hi: int
    o_lo: int
    o_hi: int
    # what stands in the way of knowing more
    no_pressure: bool
    age_needed: bool
    drug_unknown: bool
    device_unclear: bool
    flow_unclear: bool
    home_unclear: bool
    flags: tuple[str, ...]


class CrsSigns:
    """Reads the signs of one patient, moment by moment."""

    def __init__(self, chart: Chart, watched_from: int) -> None:
        self.chart = chart
        self.oxygen = Oxygen(chart, watched_from)
        rules = chart.rules
        self.counted = rules.drugs("vasopressor")
        self.several = rules.drugs("multiple_vasopressors")
        self.other_pressor = rules.drugs("vasopressin")
        self.fever_cut = rules.fever_cut()
        self.fever_rows = [row for row in chart.of(TEMPERATURE) if self._fever(row) is True]
        self.maybe_times = [row.time for row in chart.of(TEMPERATURE) if self._fever(row) is None]
        self._known: dict[int, Signs] = {}

    def at(self, time: int) -> Signs:
        """The signs at ``time``."""
        if time not in self._known:
            self._known[time] = self._read(time)
        return self._known[time]

    def _fever(self, row: Row) -> bool | None:
        """Whether one temperature is a fever reading; the cause is looked up at its own time."""
        if self.chart.elsewhere("attribution_fever", row.time):
            return False
        return bounds.compare(row, ">=", self.fever_cut)

    def fever(self, time: int) -> bool | None:
        """Whether a fever reading is in force."""
        said = [self._fever(row) for row in self.chart.lane(TEMPERATURE).on(time)]
        if True in said:
            return True
        return None if None in said or not said else False

    def _read(self, time: int) -> Signs:
        pressures = self.pressures(time)
        h_certain, h_possible = self._pressure(pressures, time)
        o_certain, o_possible = self.oxygen.counted(time)
        h_lo, h_hi = highest(h_certain, PRESSURE_GRADES), highest(h_possible, PRESSURE_GRADES)
        o_lo, o_hi = highest(o_certain, OXYGEN_GRADES), highest(o_possible, OXYGEN_GRADES)
        open_question = "hypotension" in h_possible and "hypotension" not in h_certain
        gray = any(low is None for _, low in pressures)
        return Signs(
            fever=self.fever(time),
            certain=(*h_certain, *o_certain),
            h_lo=h_lo,
            h_hi=h_hi,
            o_lo=o_lo,
            o_hi=o_hi,
            no_pressure=open_question and (not pressures or (gray and self.chart.age is not None)),
            age_needed=open_question and gray and self.chart.age is None,
            drug_unknown=any(self.chart.unknown(drug, time) for drug in (*self.counted, *self.other_pressor)),
            device_unclear=self.oxygen.unclear(time),
            flow_unclear=self.oxygen.flow_unclear(time),
            home_unclear=self.oxygen.excluded(time) == (True, False),
            flags=self._flags(time, h_certain, o_lo),
        )

    def pressures(self, time: int) -> list[tuple[Row, bool | None]]:
        """The pressures in force that are used at this age, each low, not low, or undecided."""
        systolic = self._systolic_cut()
        used = self.chart.lane(SBP).on(time) if systolic is not None else []
        found = [(row, bounds.below_either(row, *systolic)) for row in used if systolic is not None]
        for row in self.chart.lane(MAP).on(time):
            found += self._mean_pressure(row)
        return found

    def _systolic_cut(self) -> Cut | None:
        own = self.chart.subject.sbp_threshold
        if own is not None:
            return Cut(own, own)
        age = self.chart.age
        rules = self.chart.rules
        return rules.any_age("hypotension_sbp") if age is None else rules.band("hypotension_sbp", age)

    def _mean_pressure(self, row: Row) -> list[tuple[Row, bool | None]]:
        age = self.chart.age
        rules = self.chart.rules
        if self.chart.subject.sbp_threshold is not None:
            return []
        if age is None:
            # a child's mean pressure is not used: a low one may not count, a normal one says nothing
            cut = rules.any_age("hypotension_map")
            return [] if bounds.compare(row, "<", cut.high) is False else [(row, None)]
        used = rules.band("hypotension_map", age)
        return [] if used is None else [(row, bounds.compare(row, "<", used.low))]

    def _pressure(self, pressures: list[tuple[Row, bool | None]], time: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The pressure criteria certain and possible."""
        if self.chart.elsewhere("attribution_hypotension", time):
            return (), ()
        low = [said for _, said in pressures]
        certain = {"hypotension": True in low}
        possible = {"hypotension": True in low or None in low or not low}
        for name, drugs, needed in (
            ("vasopressor", self.counted, 1),
            ("vasopressin", self.other_pressor, 1),
            ("multiple_vasopressors", self.several, 2),
        ):
            on = sum(self.chart.on(drug, time) for drug in drugs)
            maybe = sum(self.chart.unknown(drug, time) for drug in drugs)
            certain[name] = on >= needed
            possible[name] = on + maybe >= needed
        return tuple(name for name in certain if certain[name]), tuple(name for name in possible if possible[name])

    def _flags(self, time: int, h_certain: tuple[str, ...], o_lo: int) -> tuple[str, ...]:
        chart = self.chart
        alone = not any(chart.on(drug, time) or chart.unknown(drug, time) for drug in self.counted)
        flags = {
            "inotrope": any(chart.on(drug, time) for drug in chart.rules.inotropes),
            "oxygen_excluded": self.oxygen.excluded(time)[0] and self.oxygen.levels(time)[0] > 0,
            "oxygen_reason_not_stated": o_lo >= OXYGEN_GRADES["supplemental_oxygen"] and not self.oxygen.reasons(time),
            "vasopressin_alone": "vasopressin" in h_certain and alone,
        }
        return tuple(name for name, here in flags.items() if here)


def highest(names: tuple[str, ...], grades: dict[str, int]) -> int:
    """The highest grade among the named criteria, 0 if there is none."""
    return max((grades[name] for name in names), default=0)
