"""One patient day by day: the worst of each sign and the support given, as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cytowatch.knowledge.model import Knowledge
from cytowatch.report import words
from cytowatch.report.course import Course, Row, vasopressors
from cytowatch.schema import DAY_US

# Column, concept, and which reading of a day is the worst.
_WORST: tuple[tuple[str, str, Callable[[Iterable[float]], float]], ...] = (
    ("temperature", "body_temperature", max),
    ("sbp", "systolic_bp", min),
    ("map", "mean_arterial_pressure", min),
    ("spo2", "spo2", min),
    ("ice", "ice_score", min),
)


def day_table(
    course: Course, timeline: list[dict[str, Any]], knowledge: Knowledge, origin: int
) -> list[dict[str, Any]]:
    """One row a watched day of 24 h since the origin: worst grades, worst readings, support and doses in words."""
    watched = sorted({day for row in timeline for day in _days(row["start"], row["end"], origin)})
    scales = list(dict.fromkeys(row["scale"] for row in timeline))
    worst = {name: _worst(course.readings.get(concept, []), pick, origin) for name, concept, pick in _WORST}
    return [
        {
            "day": day,
            "grades": [
                _worst_grade([row for row in timeline if row["scale"] == scale], day, origin) for scale in scales
            ],
            **{name: by_day.get(day) for name, by_day in worst.items()},
            "oxygen": _support(course, ("oxygen_device",), day, origin, words.Words(knowledge), devices=True),
            "pressors": _support(course, vasopressors(knowledge), day, origin, words.Words(knowledge), devices=False),
            "doses": _doses(course.doses, day, origin, words.Words(knowledge)),
        }
        for day in watched
    ]


def _days(start: int, end: int, origin: int) -> range:
    return range((start - origin) // DAY_US, (end - 1 - origin) // DAY_US + 1)


def _worst_grade(rows: list[dict[str, Any]], day: int, origin: int) -> dict[str, Any]:
    own = [row for row in rows if day in _days(row["start"], row["end"], origin) and row["at_least"] is not None]
    if not own:
        return {"at_least": None, "at_most": None, "label": words.grade(None, None)}
    low, high = max(row["at_least"] for row in own), max(row["at_most"] for row in own)
    return {"at_least": low, "at_most": high, "label": words.grade(low, high)}


def _worst(rows: list[Row], pick: Callable[[Iterable[float]], float], origin: int) -> dict[int, float]:
    by_day: dict[int, list[float]] = {}
    for row in rows:
        if row["value"] is not None:
            by_day.setdefault((row["time"] - origin) // DAY_US, []).append(row["value"])
    return {day: pick(values) for day, values in by_day.items()}


def _support(
    course: Course, concepts: tuple[str, ...], day: int, origin: int, names: words.Words, *, devices: bool
) -> list[str]:
    own = [item for item in course.stretches if item.concept in concepts and day in _days(item.start, item.end, origin)]
    texts = [
        (item.label if devices else names.concept(item.concept)) if item.certain else "unknown whether still on"
        for item in own
    ]
    return list(dict.fromkeys(texts))


def _doses(rows: list[Row], day: int, origin: int, names: words.Words) -> list[str]:
    own = [row for row in rows if (row["time"] - origin) // DAY_US == day]
    return [f"{names.concept(row['concept'])} {names.value(row)}".strip() for row in own]
