"""One patient's course as rows to draw: grade segments, readings, stretches on support, doses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from cytowatch.knowledge.model import Knowledge, Running
from cytowatch.report import clock as clocks
from cytowatch.report import words
from cytowatch.report.data import Clock
from cytowatch.schema import DAY_US

Row = Mapping[str, Any]
# More points than this on one line cannot be told apart; the highest and lowest of each stretch are kept.
POINTS_ON_A_LINE = 360
DRUG_KINDS = {
    "tocilizumab": ("tocilizumab",),
    "other anti-cytokine drug": ("siltuximab", "anakinra", "emapalumab", "ruxolitinib", "etoposide"),
    "steroid": ("dexamethasone", "methylprednisolone", "prednisone", "hydrocortisone"),
    "antipyretic": ("acetaminophen", "ibuprofen"),
}


@dataclass(frozen=True)
class Segment:
    """A stretch of constant bounds; both bounds are None where nothing could be graded."""

    start: int
    end: int
    at_least: int | None
    at_most: int | None

    @property
    def label(self) -> str:
        """What is printed on it."""
        return "?" if self.at_least is None else words.grade(self.at_least, self.at_most)

    @property
    def unknown(self) -> bool:
        """True where the grade is not one certain number."""
        return self.at_least is None or self.at_least != self.at_most


@dataclass(frozen=True)
class Stretch:
    """A time on a drug or device; ``certain`` is False where the record ran out before it said that it stopped."""

    start: int
    end: int
    concept: str
    label: str
    certain: bool = True
    unit: str = ""


@dataclass(frozen=True)
class Course:
    """One patient's observations by what they are drawn as."""

    readings: Mapping[str, list[Row]] = field(default_factory=dict)
    stretches: list[Stretch] = field(default_factory=list)
    doses: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


def segments(timeline: Iterable[Row]) -> list[Segment]:
    """Timeline rows of one patient and scale, in time order, joined where the bounds stay the same."""
    out: list[Segment] = []
    for row in timeline:
        last = out[-1] if out else None
        if last and last.end == row["start"] and (last.at_least, last.at_most) == (row["at_least"], row["at_most"]):
            out[-1] = Segment(last.start, row["end"], last.at_least, last.at_most)
        else:
            out.append(Segment(row["start"], row["end"], row["at_least"], row["at_most"]))
    return out


def drug_kind(concept: str) -> str | None:
    """The kind of a drug that is marked, or None."""
    return next((kind for kind, concepts in DRUG_KINDS.items() if concept in concepts), None)


def vasopressors(knowledge: Knowledge) -> tuple[str, ...]:
    """The vasopressors, as the criteria of the scales name them; inotropes that a score counts as well are none."""
    running = [
        concept
        for scale in knowledge.scales.values()
        for criterion in scale.criteria
        if isinstance(criterion.when, Running)
        for concept in criterion.when.concepts
        if knowledge.concepts[concept].group == "vasopressor"
    ]
    return tuple(dict.fromkeys(running))


def course(observations: Iterable[Row], knowledge: Knowledge, end: int) -> Course:
    """The observations of one patient, sorted by time, told apart by the kind of their concept."""
    by_concept: dict[str, list[Row]] = {}
    for row in observations:
        if row["status"] != "entered-in-error":
            by_concept.setdefault(row["concept"], []).append(row)
    kinds = {key: knowledge.concepts[key].kind for key in by_concept if key in knowledge.concepts}
    lasting = [key for key, kind in kinds.items() if kind in ("infusion", "device")]
    return Course(
        readings={key: by_concept[key] for key, kind in kinds.items() if kind in ("reading", "exception", "switch")},
        stretches=[item for key in lasting for item in on_stretches(by_concept[key], knowledge, end)],
        doses=[row for key, kind in kinds.items() if kind == "dose" for row in by_concept[key] if drug_kind(key)],
        events=[row for key, kind in kinds.items() if kind in ("trigger", "death") for row in by_concept[key]],
    )


def on_stretches(rows: Sequence[Row], knowledge: Knowledge, end: int) -> list[Stretch]:
    """When one infusion or device was on: to its ``until``, else to the next row, else as long as a row stays true.

    Between the moment a row stopped being true and the next row, the state is unknown: an uncertain stretch.
    """
    out: list[Stretch] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row["value"] == 0 or row["text"] == "room_air":
            continue
        next_time = following["time"] if following else end
        unit = words.unit(row["unit"])
        label = (
            f"{row['comparator'] or ''}{row['value']:.3g}"
            if row["value"] is not None
            else words.plain(row["text"] or "on")
        )
        if row["until"] is not None:
            out.append(Stretch(row["time"], row["until"], row["concept"], label, unit=unit))
            continue
        expiry = row["time"] + (knowledge.concepts[row["concept"]].valid_for_us or DAY_US)
        out.append(Stretch(row["time"], min(expiry, next_time), row["concept"], label, unit=unit))
        if expiry < next_time:
            out.append(Stretch(expiry, next_time, row["concept"], "?", certain=False, unit=unit))
    return [item for item in out if item.end > item.start]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in time order, joined where one follows the other with the same label and certainty."""
    out: list[Stretch] = []
    for item in stretches:
        last = out[-1] if out else None
        if last and last == replace(item, start=last.start, end=last.end) and last.end >= item.start:
            out[-1] = replace(last, end=max(last.end, item.end))
        else:
            out.append(item)
    return out


def line_points(rows: list[Row], valid_for: int, origin: int, clock: Clock) -> list[dict[str, Any]]:
    """Readings as points of a line; ``piece`` changes where the gap is longer than a reading stays true."""
    numeric = thinned([row for row in rows if row["value"] is not None])
    piece, out = 0, []
    for previous, row in zip([None, *numeric], numeric, strict=False):
        if previous and row["time"] - previous["time"] > valid_for:
            piece += 1
        out.append({"x": clocks.axis(row["time"], origin, clock), "y": row["value"], "piece": piece})
    return out


def thinned(rows: list[Row], limit: int = POINTS_ON_A_LINE) -> list[Row]:
    """At most about ``limit`` rows: of every group of neighbors the lowest and the highest value."""
    if len(rows) <= limit:
        return rows
    groups = limit // 2
    cuts = [round(index * len(rows) / groups) for index in range(groups + 1)]
    kept: list[Row] = []
    for low, high in pairwise(cuts):
        group = rows[low:high]
        ends = {id(row): row for row in (min(group, key=_value), max(group, key=_value))}
        kept += sorted(ends.values(), key=lambda row: int(row["time"]))
    return kept


def _value(row: Row) -> float:
    return float(row["value"])
