"""CRS, ICANS, IEC-HS and ICAHT at once: the block of one patient, and how often they met in a cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import polars as pl
from markupsafe import Markup

from cytowatch.report.course import Row, Segment, segments
from cytowatch.report.drawing import Drawing, TimeAxis, hatched
from cytowatch.report.strips import Strip, StripFigure
from cytowatch.report.theme import INK, UNKNOWN_FILL

LANES = {"crs": "CRS", "icans": "ICANS", "iec_hs": "IEC-HS", "icaht": "ICAHT"}
_LANE, _BAR = 21.0, 19.0
_SETS = [frozenset(group) for size in range(1, len(LANES) + 1) for group in combinations(LANES, size)]


@dataclass(frozen=True)
class Meeting:
    """A stretch in which so many of the toxicities are there at once: for certain, and not excluded."""

    start: int
    end: int
    certain: int
    possible: int


def lanes_of(rows: Sequence[Row]) -> dict[str, list[Segment]]:
    """The lanes that grade at some time, each as stretches of constant bounds."""
    out: dict[str, list[Segment]] = {}
    for lane in LANES:
        own = [
            {"start": row["start"], "end": row["end"]}
            | {"at_least": row[f"{lane}_at_least"], "at_most": row[f"{lane}_at_most"]}
            for row in rows
            if row[f"{lane}_at_least"] is not None
        ]
        if own:
            out[lane] = segments(own)
    return out


def meetings(rows: Iterable[Row]) -> list[Meeting]:
    """Where two or more are there at once, or where that is not excluded; neighbors that say the same joined."""
    out: list[Meeting] = []
    for row in rows:
        certain = sum((row[f"{lane}_at_least"] or 0) >= 1 for lane in LANES)
        possible = sum((row[f"{lane}_at_most"] or 0) >= 1 for lane in LANES)
        last = out[-1] if out else None
        if last and last.end == row["start"] and (last.certain, last.possible) == (certain, possible):
            out[-1] = Meeting(last.start, row["end"], certain, possible)
        elif possible >= 2:
            out.append(Meeting(row["start"], row["end"], certain, possible))
    return out


def block(
    rows: Sequence[Row],
    figure: StripFigure,
    axis: TimeAxis,
    places: Mapping[int, float],
    total: float,
    name: str,
    label: str,
) -> Markup | None:
    """The block of one patient; None unless two of the four were graded."""
    lanes = lanes_of(rows)
    if len(lanes) < 2:
        return None
    drawing, met = Drawing(total), meetings(rows)
    bottom = 4 + (len(lanes) + 1) * _LANE + 4
    axis.grid(drawing, 4, bottom)
    y = 4.0
    for lane, parts in lanes.items():
        drawing.text(axis.left - 8, y + 14, LANES[lane], anchor="end", look="cw-b")
        low, high = _worst(parts)
        strip = Strip(lane, tuple(parts), low, high, "above")
        figure.bar(drawing, strip, y + 1, _BAR, 0.8)
        y += _LANE
    drawing.text(axis.left - 8, y + 16, "two or more at once", anchor="end")
    _marks(drawing, met, axis, places, y + 3)
    return drawing.svg(name, label, axis.labels(drawing, bottom))


def _worst(parts: Sequence[Segment]) -> tuple[int | None, int | None]:
    return max(part.at_least or 0 for part in parts), max(part.at_most or 0 for part in parts)


def _marks(drawing: Drawing, met: Sequence[Meeting], axis: TimeAxis, places: Mapping[int, float], y: float) -> None:
    def boxes(found: Iterable[Meeting]) -> list[tuple[float, float, float, float]]:
        ends = [(axis.at(places[item.start]), axis.at(places[item.end])) for item in found]
        return [(x, y, max(x2 - x, 0.8), _BAR - 4) for x, x2 in ends]

    hatched(drawing, boxes(item for item in met if item.certain < 2), UNKNOWN_FILL, faint=True)
    certain = [item for item in met if item.certain >= 2]
    drawing.boxes(boxes(certain), INK, "#ffffff", 0.6)
    for item, (x, _, width, _) in zip(certain, boxes(certain), strict=True):
        if width > 10:
            drawing.text(x + width / 2, y + 11.5, str(item.certain), anchor="middle", fill="#ffffff", look="cw-b")


# ---------------------------------------------------------------- the cohort


@dataclass(frozen=True)
class Combination:
    """A set of toxicities: patients with all of them at one moment, and patients with just these over the course."""

    name: str
    at_once: int
    at_once_possible: int
    over_course: int
    is_none: bool = False


def combinations_of(joint: pl.DataFrame) -> list[Combination]:
    """Each toxicity, and every set of them that somebody had for certain, with how many patients."""
    at_once: Counter[frozenset[str]] = Counter()
    possible: Counter[frozenset[str]] = Counter()
    whole: Counter[frozenset[str]] = Counter()
    for _, rows in _by_patient(joint):
        certain_sets = {_those(row, "at_least") for row in rows}
        possible_sets = {_those(row, "at_most") for row in rows}
        at_once.update(_subsets(certain_sets))
        possible.update(_subsets(possible_sets))
        whole[frozenset().union(*certain_sets)] += 1
    found = [
        Combination(named(group), at_once[group], possible[group], whole[group])
        for group in _SETS
        if at_once[group] or whole[group] or (len(group) == 1 and possible[group])
    ]
    none = whole[frozenset()]
    return [*found, Combination("none of them for certain", 0, 0, none, is_none=True)] if none else found


def named(group: Iterable[str]) -> str:
    """A set of toxicities in words."""
    return " + ".join(text for lane, text in LANES.items() if lane in group)


def onset_orders(joint: pl.DataFrame) -> list[dict[str, Any]]:
    """Patients with two or more toxicities for certain, by the order in which these first appeared."""
    orders: Counter[str] = Counter()
    for _, rows in _by_patient(joint):
        first: dict[str, int] = {}
        for row in rows:
            for lane in _those(row, "at_least"):
                first.setdefault(lane, row["start"])
        if len(first) > 1:
            moments = groupby(sorted(first, key=lambda lane: first[lane]), key=lambda lane: first[lane])
            orders[" → ".join(named(list(lanes)) for _, lanes in moments)] += 1
    return [{"order": text, "n": n} for text, n in sorted(orders.items(), key=lambda item: (-item[1], item[0]))]


def _by_patient(joint: pl.DataFrame) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    parts = joint.sort("patient", "start").partition_by("patient", as_dict=True, maintain_order=True)
    for key, part in parts.items():
        yield str(key[0]), part.to_dicts()


def _those(row: Row, end: str) -> frozenset[str]:
    return frozenset(lane for lane in LANES if (row[f"{lane}_{end}"] or 0) >= 1)


def _subsets(groups: Iterable[frozenset[str]]) -> set[frozenset[str]]:
    wide = set(groups)
    return {group for group in _SETS if any(group <= one for one in wide)}
