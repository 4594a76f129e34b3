"""What the twin takes from the clinical tables: lists, cut-offs and windows; no logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cytowatch.engine.reference.rows import DAYS_A_YEAR, Age
from cytowatch.knowledge.model import (
    All,
    AnyOf,
    Compare,
    Concept,
    Domain,
    In,
    Knowledge,
    Node,
    Running,
    Scale,
    ThresholdBand,
)
from cytowatch.schema import DAY_US, HOUR_US

TRIGGERS = ("car_t_infusion", "t_cell_engager_dose", "antibody_infusion", "infection_onset")
DEVICE = "oxygen_device"
OLDEST = 130


class Cut(NamedTuple):
    """A cut-off of which only the range may be known."""

    low: float
    high: float


class Rules:
    """The tables of one scale, in the shapes that the twin reads."""

    def __init__(self, knowledge: Knowledge, scale: str) -> None:
        self.knowledge = knowledge
        self.scale: Scale = knowledge.scales[scale]
        # on rule scales nothing stands in for a sign
        self.waived_by = () if self.scale.method == "rules" else self.scale.episode.waived_by
        self.gap = self._hours("episode_gap_hours")
        self.fever_gap = self._hours("fever_gap_hours")
        self.fever_lookback = self._hours("fever_before_trigger_hours")
        self.dose_lookback = self._hours("antipyretic_before_onset_hours")
        self.home_oxygen = self._hours("home_oxygen_within_hours")
        self.steroids = self._names("steroids")
        self.inotropes = self._names("inotropes")
        self.charting = self._names("neuro_charting")
        self.spoiled_by_sedation = self._names("spoiled_by_sedation")
        self.contradicted_by: dict[str, Any] = self._table("symptom_contradicts")
        self.baseline_reach = round(_number(knowledge, "baseline_days") * DAY_US)
        self.reference_ranges: dict[str, Any] = self._table("reference_ranges")
        self.ice_from_years = _number(knowledge, "ice_from_years")
        self._at_every_age: dict[str, frozenset[float | None]] = {}
        self.domains: dict[str, Domain] = {domain.id: domain for domain in self.scale.domains}

    def concept(self, key: str) -> Concept:
        """One concept of the dictionary."""
        return self.knowledge.concepts[key]

    def valid_for(self, concept: str) -> int:
        """How long a row of the concept speaks, in microseconds."""
        valid = self.knowledge.concepts[concept].valid_for_us
        if valid is None:
            raise KeyError(f"concept {concept} has no valid_for")
        return valid

    def _hours(self, key: str) -> int:
        return round(_number(self.knowledge, key) * HOUR_US)

    def _names(self, key: str) -> tuple[str, ...]:
        names: Any = self.knowledge.policy(key)
        return tuple(names)

    def window(self, concept: str, product: str | None) -> tuple[int, int]:
        """From when to when after a trigger a reaction is looked for, in microseconds."""
        if self.scale.window_days is not None:
            first, last = self.scale.window_days
            return round(first * DAY_US), round(last * DAY_US)
        known = self.knowledge.products.get(product or "")
        windows: dict[str, Any] = self._table("windows")
        return 0, round(float(windows[concept] if known is None else known.window_days) * DAY_US)

    def _table(self, key: str) -> dict[str, Any]:
        table: Any = self.knowledge.policy(key)
        return dict(table)

    def when(self, criterion: str) -> Node:
        """The condition of one criterion."""
        return next(part.when for part in self.scale.criteria if part.id == criterion)

    def drugs(self, criterion: str) -> tuple[str, ...]:
        """The drugs that a criterion counts, in its order."""
        node = self.when(criterion)
        return node.concepts if isinstance(node, Running) else ()

    def devices(self, criterion: str) -> frozenset[str]:
        """The devices that meet an oxygen criterion by themselves."""
        return frozenset(
            name for node in parts(self.when(criterion)) if isinstance(node, In) for name in node.categories
        )

    def flow_devices(self, criterion: str) -> frozenset[str]:
        """The devices that meet an oxygen criterion only with a flow."""
        found = (node for node in parts(self.when(criterion)) if isinstance(node, All))
        return frozenset(name for node in found for part in node.of if isinstance(part, In) for name in part.categories)

    def fever_cut(self) -> float:
        """The temperature from which a reading is a fever."""
        return next(cut(node) for node in parts(self.when("fever")) if isinstance(node, Compare))

    def flow_above(self, criterion: str) -> float:
        """The flow above which a flow-graded device meets the criterion."""
        found = (node for node in parts(self.when(criterion)) if isinstance(node, All))
        return next(cut(part) for node in found for part in node.of if isinstance(part, Compare))

    def without_device(self, concept: str) -> float:
        """The value above which a flow or FiO2 means oxygen although no device is charted."""
        found = (node for node in parts(self.when("supplemental_oxygen")) if isinstance(node, Compare))
        return next(cut(node) for node in found if node.concept == concept and node.without)

    def band(self, threshold: str, age: Age) -> Cut | None:
        """The cut-off at a known age; None if the concept is not used at this age."""
        for band in self.knowledge.thresholds[threshold].bands:
            if _covers(band.from_days, band.to_days, age.days) and _covers(band.from_years, band.to_years, age.years):
                value = band.base + band.per_year * age.years
                return Cut(value, value)
        return None

    def at_every_age(self, threshold: str) -> frozenset[float | None]:
        """The cut-offs of all ages; None stands for the ages at which the concept is not used."""
        if threshold not in self._at_every_age:
            bands = (self.band(threshold, age) for age in _ages(self.knowledge.thresholds[threshold].bands))
            self._at_every_age[threshold] = frozenset(None if cut is None else cut.low for cut in bands)
        return self._at_every_age[threshold]

    def any_age(self, threshold: str) -> Cut:
        """The lowest and the highest cut-off of any age."""
        table = self.knowledge.thresholds[threshold]
        values = [value for band in table.bands for value in _ends(band)]
        return Cut(min(values), max(values))


def parts(node: Node) -> Iterator[Node]:
    """The alternatives at the top of a condition."""
    if isinstance(node, AnyOf):
        yield from node.of
    else:
        yield node


def cut(node: Compare) -> float:
    """The number that a comparison uses."""
    if node.value is None:
        raise ValueError(f"{node.concept} is compared by age, not with a number")
    return node.value


def _number(knowledge: Knowledge, key: str) -> float:
    value: Any = knowledge.policy(key)
    return float(value)


def _covers(low: float | None, high: float | None, value: int) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


def _ages(bands: Iterable[ThresholdBand]) -> Iterator[Age]:
    """Ages enough to meet every band and every gap between two: each day of the first year, then each year."""
    days = [day for band in bands for day in (band.from_days, band.to_days) if day is not None]
    for day in range(max([366, *days]) + 1):
        yield Age(day, int(day // DAYS_A_YEAR))
    for years in range(1, OLDEST):
        yield Age(int(years * DAYS_A_YEAR) + 1, years)


def _ends(band: ThresholdBand) -> tuple[float, float]:
    first = band.from_years or 0
    last = first if band.to_years is None else band.to_years - 1
    return band.base + band.per_year * first, band.base + band.per_year * max(first, last)
