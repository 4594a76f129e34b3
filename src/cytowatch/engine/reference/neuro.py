"""The signs of ICANS at one moment: a range of grades for every domain (meaning page, section 6)."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from cytowatch.engine.reference import bounds
from cytowatch.engine.reference.chart import Chart, looked_since
from cytowatch.engine.reference.rows import Row

NO_FINDING = "none"
CHARTING = ("ice_score", "capd_score", "consciousness")
SEDATED = "sedated"
HEMORRHAGE = "intracranial_hemorrhage"


class Grades(NamedTuple):
    """What a domain may be graded, and the rows that say so."""

    low: int
    high: int
    rows: tuple[Row, ...] = ()


class Score(NamedTuple):
    """ICE at one moment: its grades, those without a baseline, and whether a baseline was looked at."""

    grades: Grades
    plain: Grades
    lost_before: bool

    @property
    def missing(self) -> list[tuple[str, Grades]]:
        """What would settle it: the score itself, and whose deficit it is."""
        found = [] if self.grades.rows and self.plain.low == self.plain.high else [("ice_score", self.grades)]
        return found + self.whose

    @property
    def whose(self) -> list[tuple[str, Grades]]:
        """Somebody must say whose deficit it is, where the baseline lowers what is certain."""
        return [("attribution_neuro", self.grades)] if self.grades.low < self.plain.low else []


class Moment(NamedTuple):
    """The domains at one moment, the way they are named, and what is in the way of knowing more."""

    domains: dict[str, Grades]
    missing: tuple[tuple[str, Grades], ...]
    flags: tuple[str, ...]
    low: int
    high: int


class NeuroSigns:
    """Reads the neurological signs of one patient, moment by moment."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.domains = chart.rules.domains
        self.items = dict(self.domains["ice"].items)
        self.exceptions = [key for key, domain in self.domains.items() if domain.by_exception]
        charted = (*CHARTING, *self.items)
        self.charted = sorted(row.time for concept in charted for row in chart.of(concept))
        self.totals = [row.time for row in chart.of("ice_score")]
        self._known: dict[int, Moment] = {}

    def at(self, time: int) -> Moment:
        """The domains at ``time``."""
        if time not in self._known:
            self._known[time] = self._read(time)
        return self._known[time]

    def _read(self, time: int) -> Moment:
        sedated = self._sedated(time)
        name, instrument, gaps, lost_before = self._instrument(time)
        aware, assumed = self._consciousness(time, instrument)
        if sedated:
            assumed = False
            instrument = aware = Grades(0, self._worst("consciousness"))
            missing = [("sedated", instrument)]
        else:
            missing = [*gaps, ("consciousness", aware)]
        domains = {name: instrument, "consciousness": aware}
        domains |= {key: self._with_stage(key, self._exception(key, time), time) for key in self.exceptions}
        missing += [("neuro_exam", domains[key]) for key in self.exceptions]
        flags = {
            "awake_assumed": assumed,
            "baseline_ice": lost_before and not sedated,
            HEMORRHAGE: self._bleeding(time),
            SEDATED: sedated,
            "finding_not_graded": any(self.chart.said(part.concept, time) for part in self.domains.values()),
        }
        if self.chart.elsewhere("attribution_neuro", time):
            domains = {key: Grades(0, 0) for key in domains}
            missing = []
        return Moment(
            domains,
            tuple(missing),
            tuple(flag for flag, here in flags.items() if here),
            max(part.low for part in domains.values()),
            max(part.high for part in domains.values()),
        )

    def _worst(self, domain: str) -> int:
        found = self.domains[domain]
        return max([*found.categories.values(), *(band.grade for band in found.bands)])

    def _instrument(self, time: int) -> tuple[str, Grades, list[tuple[str, Grades]], bool]:
        """The domain it is named after, its grades, what would settle it, and whether points were lost before."""
        age, delayed = self.chart.age, self.chart.subject.developmental_delay is True
        child = delayed or (age is not None and age.years < self.chart.rules.ice_from_years)
        if child:
            capd = self._capd(time)
            return "capd", capd, [("capd_score", capd)], False
        ice = self._ice(time)
        if age is not None:
            return "ice", ice.grades, ice.missing, ice.lost_before
        capd = self._capd(time)
        if ice.grades.rows and capd.rows:
            low, high = min(ice.grades.low, capd.low), max(ice.grades.high, capd.high)
            both = Grades(low, high, ice.grades.rows + capd.rows)
            return "ice", both, [("age", both), *ice.whose], ice.lost_before
        if capd.rows:
            return "capd", capd, [("capd_score", capd)], False
        return "ice", ice.grades, ice.missing, ice.lost_before

    def _sedated(self, time: int) -> bool:
        return any(row.text == "yes" for row in self.chart.lane(SEDATED).on(time))

    def _awake(self, concept: str, time: int) -> list[Row]:
        """What a score says at ``time``, unless it was taken under sedation."""
        return [row for row in self.chart.lane(concept).on(time) if not self._sedated(row.time)]

    def _capd(self, time: int) -> Grades:
        return self._scored("capd", self._awake("capd_score", time))

    def _ice(self, time: int) -> Score:
        """ICE from its items if one of them is younger than the latest total, else from the total."""
        index = bisect_right(self.totals, time)
        since = self.totals[index - 1] if index else None
        items = [row for item in self.items for row in self._awake(item, time) if since is None or row.time > since]
        if items:
            return self._since_baseline(self._summed(items), tuple(items), time)
        totals = self._awake("ice_score", time)
        if not totals:
            open_ = Grades(0, self._worst("ice"))
            return Score(open_, open_, lost_before=False)
        return self._since_baseline(bounds.true_range(totals[-1]), tuple(totals), time)

    def _summed(self, items: list[Row]) -> bounds.Range:
        """From no point for what is not in force to all of them."""
        lowest = highest = 0.0
        for item, most in self.items.items():
            ends = [_item_range(row, most) for row in items if row.concept == item] or [(0.0, float(most))]
            lowest += min(low for low, _ in ends)
            highest += max(high for _, high in ends)
        return bounds.Range(lowest, False, highest, False)

    def _since_baseline(self, values: bounds.Range, rows: tuple[Row, ...], time: int) -> Score:
        """The grades of a score: as it stands, and as far as it is worse than before the treatment."""
        low, high = self._banded("ice", values)
        plain = Grades(low, high, rows)
        best, before = float(sum(self.items.values())), self.chart.subject.baseline_ice
        if before is None or before >= best:
            return Score(plain, plain, lost_before=False)
        # a bound without a lower end still means a score, which is 0 or more
        if max(values.low, 0.0) >= before:
            return Score(Grades(0, 0, rows), plain, lost_before=True)
        if not bounds.all_below(values, before):
            low = 0
        elif not self._said_to_be_the_toxicity(time):
            # what was lost before is given back
            low, _ = self._banded("ice", _shifted(values, best - before, best))
        return Score(Grades(low, high, rows), plain, lost_before=True)

    def _said_to_be_the_toxicity(self, time: int) -> bool:
        return any(row.text == "crs" for row in self.chart.lane("attribution_neuro").on(time))

    def _scored(self, domain: str, rows: list[Row]) -> Grades:
        if not rows:
            return Grades(0, self._worst(domain))
        ranges = [self._banded(domain, bounds.true_range(row)) for row in rows]
        return Grades(min(low for low, _ in ranges), max(high for _, high in ranges), tuple(rows))

    def _banded(self, domain: str, values: bounds.Range) -> tuple[int, int]:
        """The lowest and the highest grade of the bands that the possible values touch."""
        bands = sorted(self.domains[domain].bands, key=lambda band: band.low)
        grades = []
        for index, band in enumerate(bands):
            starts_after = index > 0 and bounds.all_below(values, band.low)
            ends_before = index + 1 < len(bands) and values.low >= bands[index + 1].low
            if not starts_after and not ends_before:
                grades.append(band.grade)
        return min(grades), max(grades)

    def _consciousness(self, time: int, instrument: Grades) -> tuple[Grades, bool]:
        """The grades of consciousness, and whether awake was taken for granted."""
        rows, said = self._awake("consciousness", time), self.chart.said("consciousness", time)
        worst = self._worst("consciousness")
        if not rows:
            return (Grades(0, 0), True) if instrument.rows and not said else (Grades(0, worst), False)
        grades = [self._category("consciousness", row) for row in rows]
        open_ = (said and max(grades) == 0) or bool(self.chart.unread("consciousness", time))
        return Grades(min(grades), worst if open_ else max(grades), tuple(rows)), False

    def _category(self, domain: str, row: Row) -> int:
        return self.domains[domain].categories[str(row.text)]

    def _exception(self, domain: str, time: int) -> Grades:
        """A finding that is charted only where there is one."""
        said = self.chart.lane(self.domains[domain].concept).at(time)
        rows = tuple(part.row for part in said if part.state == "on")
        if rows:
            grade = max(self._category(domain, row) for row in rows)
            worse = bool(self.chart.unread(self.domains[domain].concept, time))
            return Grades(grade, self._worst(domain) if worse else grade, rows)
        concept = self.domains[domain].concept
        absent = said or looked_since(self.chart.lane(concept), self.charted, time)
        if absent and not self.chart.said(concept, time):
            return Grades(0, 0)
        return Grades(0, self._worst(domain))

    def _with_stage(self, domain: str, said: Grades, time: int) -> Grades:
        """The same finding may be charted as a stage, which counts from a number on."""
        stage = self.domains[domain].staged
        if stage is None:
            return said
        low, high, rows = said
        for row in self.chart.lane(stage.concept).on(time):
            reached = bounds.compare(row, ">=", stage.low)
            if reached is True:
                low, rows = max(low, stage.grade), (*rows, row)
            if reached is not False:
                high = max(high, stage.grade)
        return Grades(low, high, rows)

    def _bleeding(self, time: int) -> bool:
        return any(row.text == "present" for row in self.chart.lane(HEMORRHAGE).on(time))


def _shifted(values: bounds.Range, points: float, best: float) -> bounds.Range:
    """So many points more, but no more than there are."""
    if values.high + points > best:
        return bounds.Range(min(values.low + points, best), values.low_open, best, False)
    return bounds.Range(values.low + points, values.low_open, values.high + points, values.high_open)


def _item_range(row: Row, most: int) -> tuple[float, float]:
    if row.value is None:
        return 0.0, float(most)
    if row.comparator in (">", ">="):
        return row.value, max(row.value, float(most))
    if row.comparator in ("<", "<="):
        return min(row.value, 0.0), row.value
    return row.value, row.value
