"""The oxygen criteria at one moment (meaning page, section 4.2)."""

from __future__ import annotations

from cytowatch.engine.reference.bounds import compare
from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.lanes import NO_DEVICE, Lane, device_changes, ended, readings, standing
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rules import DEVICE

FLOW = "oxygen_flow"
FIO2 = "fio2"
REASON = "oxygen_reason"
UNCLASSED = "other"
# a ventilator is more than any support at home
BEYOND_LEVEL = 5
LEVELS = {"supplemental_oxygen": 2, "high_flow_oxygen": 3, "positive_pressure": 4}


def reasons(chart: Chart, concept: str, chronic: tuple[str, ...]) -> Lane:
    """Reasons charted; a chronic one has no limit of its own."""
    rows = chart.of(concept)
    limited, endless = readings(rows, chart.rules.valid_for(concept)), standing(rows)
    pairs = zip(limited.spoken, endless.spoken, strict=True)
    return Lane([long if long.row.text in chronic else short for short, long in pairs])


def _highest(met: tuple[str, ...]) -> int:
    return max((LEVELS[name] for name in met), default=0)


class Oxygen:
    """Reads the oxygen support of one patient, moment by moment."""

    def __init__(self, chart: Chart, watched_from: int) -> None:
        self.chart = chart
        self.watched_from = watched_from
        rules = chart.rules
        self.any_oxygen = rules.devices("supplemental_oxygen")
        self.high = rules.devices("high_flow_oxygen")
        self.positive = rules.devices("positive_pressure")
        self.by_flow = rules.flow_devices("supplemental_oxygen")
        self.high_above = rules.flow_above("high_flow_oxygen")
        self.bare_above = {FLOW: rules.without_device(FLOW), FIO2: rules.without_device(FIO2)}
        self.excluding = rules.domains["oxygen"].excluding
        self.changes, self.stops = device_changes(chart.of(DEVICE)), self._stops()
        self.flow = ended(chart.lane(FLOW), self.changes)
        self.bare = {FLOW: ended(self.flow, self.stops), FIO2: ended(chart.lane(FIO2), self.stops)}
        self.chronic = rules.domains["oxygen"].chronic
        self.beyond = set(rules.domains["oxygen"].beyond_home)
        self.reason = reasons(chart, REASON, self.chronic)
        self._levels: dict[int, tuple[int, int]] = {}

    def _stops(self) -> list[int]:
        """The times that end oxygen without a device: a device row, or a device's charted end."""
        rows = self.chart.of(DEVICE)
        ends = {row.until for row in rows if row.until is not None and row.text != NO_DEVICE}
        return sorted({row.time for row in rows} | ends)

    def kinds(self, time: int) -> set[str]:
        """The device categories that are on for certain."""
        return {str(row.text) for row in self.chart.lane(DEVICE).on(time)}

    def vague(self, time: int) -> bool:
        """Whether any device at all may be on."""
        return UNCLASSED in self.kinds(time) or self.chart.unknown(DEVICE, time)

    def bare_oxygen(self, time: int, concept: str) -> list[tuple[Row, bool | None]]:
        """Oxygen without a device: flow or FiO2 in force while no device is on, true or undecided."""
        if self.chart.on(DEVICE, time):
            return []
        said = [(row, compare(row, ">", self.bare_above[concept])) for row in self.bare[concept].on(time)]
        return [(row, above) for row, above in said if above is not False]

    def _bare(self, time: int) -> list[bool | None]:
        return [above for concept in (FLOW, FIO2) for _, above in self.bare_oxygen(time, concept)]

    def _flow_says(self, time: int, op: str, cut: float) -> tuple[bool, bool]:
        """A comparison of the flow in force: certain and possible."""
        said = [compare(row, op, cut) for row in self.flow.on(time)]
        return True in said, True in said or None in said or not said

    def met(self, time: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The oxygen criteria certain and possible, whatever the reason or the cause."""
        kinds, vague, bare = self.kinds(time), self.vague(time), self._bare(time)
        by_flow = bool(kinds & self.by_flow)
        known_zero, _ = self._flow_says(time, "==", 0)
        surely_high, maybe_high = self._flow_says(time, ">", self.high_above)
        certain = {
            "supplemental_oxygen": bool(kinds & self.any_oxygen) or (by_flow and not known_zero) or True in bare,
            "high_flow_oxygen": bool(kinds & self.high) or (by_flow and surely_high),
            "positive_pressure": bool(kinds & self.positive),
        }
        possible = {
            "supplemental_oxygen": certain["supplemental_oxygen"] or vague or bool(bare),
            "high_flow_oxygen": certain["high_flow_oxygen"] or vague or (by_flow and maybe_high) or bool(bare),
            "positive_pressure": certain["positive_pressure"] or vague or bool(bare),
        }
        return tuple(name for name in LEVELS if certain[name]), tuple(name for name in LEVELS if possible[name])

    def levels(self, time: int) -> tuple[int, int]:
        """The highest level that is certain, and that is possible, at ``time``."""
        if time not in self._levels:
            certain, possible = self.met(time)
            kinds = self.kinds(time)
            beyond = bool(kinds & self.beyond)
            open_ = UNCLASSED in kinds or ("positive_pressure" in possible and "positive_pressure" not in certain)
            self._levels[time] = (
                BEYOND_LEVEL if beyond else _highest(certain),
                BEYOND_LEVEL if beyond or open_ else _highest(possible),
            )
        return self._levels[time]

    def reasons(self, time: int) -> list[Row]:
        """The reasons for oxygen in force."""
        return self.reason.on(time)

    def excluded(self, time: int) -> tuple[bool, bool]:
        """Whether what is certain, and what is possible, is oxygen for another reason and not more than at home."""
        reasons = self.reasons(time)
        if any(row.text not in self.excluding for row in reasons):
            return False, False
        if any(row.text not in self.chronic for row in reasons):
            return True, True
        certain, possible = self.levels(time)
        base = self._baseline_level()
        home = [(base, base), *(self._level_at_home(row, time) for row in reasons)]
        return any(certain <= high for _, high in home), any(possible <= low for low, _ in home)

    def _level_at_home(self, row: Row, time: int) -> tuple[int, int]:
        """The first level other than none soon after the reason spoke; unknown if there is none so soon."""
        since = max(row.time, self.watched_from)
        last = min(time, since + self.chart.rules.home_oxygen)
        moments = [since, *(edge for edge in self.chart.edges if since < edge <= last)]
        return next((levels for moment in moments if (levels := self.levels(moment))[1]), (0, BEYOND_LEVEL))

    def _baseline_level(self) -> int:
        device = self.chart.subject.baseline_oxygen_device
        found = (self.by_flow | self.any_oxygen, 2), (self.high, 3), (self.positive, 4), (self.beyond, BEYOND_LEVEL)
        return max((level for devices, level in found if device in devices), default=0)

    def counted(self, time: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The oxygen criteria certain and possible that count towards the grade."""
        if self.chart.elsewhere("attribution_hypoxia", time):
            return (), ()
        certain, possible = self.met(time)
        certain_excluded, possible_excluded = self.excluded(time)
        return (() if certain_excluded else certain), (() if possible_excluded else possible)

    def unclear(self, time: int) -> bool:
        """Whether knowing the device would tell more."""
        return self.vague(time) or bool(self._bare(time))

    def flow_unclear(self, time: int) -> bool:
        """Whether a flow-graded device is on and the flow does not say low or high."""
        if not self.kinds(time) & self.by_flow:
            return False
        said = [compare(row, ">", self.high_above) for row in self.flow.on(time)]
        return not said or None in said

    def evidence(self, time: int, criterion: str) -> list[Row]:
        """The rows that make an oxygen criterion certain."""
        by_flow = self._flow_meets(time, criterion)
        wanted = {"supplemental_oxygen": self.any_oxygen, "high_flow_oxygen": self.high}.get(criterion, self.positive)
        wanted = wanted | self.by_flow if by_flow else wanted
        devices = [row for row in self.chart.lane(DEVICE).on(time) if row.text in wanted]
        found = sorted(devices, key=lambda row: (row.time, row.source))
        if any(row.text in self.by_flow for row in devices):
            found += self.flow.on(time)
        if criterion == "supplemental_oxygen":
            found += [row for name in (FLOW, FIO2) for row, above in self.bare_oxygen(time, name) if above]
        return found

    def _flow_meets(self, time: int, criterion: str) -> bool:
        if criterion == "supplemental_oxygen":
            return not self._flow_says(time, "==", 0)[0]
        return criterion == "high_flow_oxygen" and self._flow_says(time, ">", self.high_above)[0]
