"""Every change of one patient's grade on one scale: from when to when, why, from which rows, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytowatch.knowledge.model import Knowledge
from cytowatch.report import clock as clocks
from cytowatch.report import words
from cytowatch.report.course import Row
from cytowatch.report.data import Clock
from cytowatch.report.why import BETWEEN

# A pointer to a whole resource can stand for many rows; the first ones tell which it is.
_VALUES_SHOWN = 6


@dataclass(frozen=True)
class Changes:
    """Makes the rows of a table of changes; ``values`` tells what stands behind each source pointer."""

    knowledge: Knowledge
    clock: Clock
    origin: int
    values: Mapping[str, list[str]]

    def table(self, rows: Sequence[Row], limit: int) -> dict[str, Any]:
        """``changes`` (at most ``limit`` of them), how many are ``left_out``, and the flags that ``always`` stand."""
        said = flags_of_all(rows)
        names = words.Words(self.knowledge)
        shown = rows[:limit]
        befores: list[Row | None] = [None, *shown]
        return {
            "changes": [self._change(row, before, names, said) for row, before in zip(shown, befores, strict=False)],
            "left_out": len(rows) - len(shown),
            "always": [names.flag(rows[0]["scale"], key) for key in said],
        }

    def _change(self, row: Row, before: Row | None, names: words.Words, said: Sequence[str]) -> dict[str, Any]:
        scale = row["scale"]
        return {
            "start": clocks.moment(row["start"], self.clock),
            "end": clocks.moment(row["end"], self.clock),
            "machine": clocks.machine(row["start"], self.clock),
            "day": clocks.day(row["start"], self.origin),
            "at_least": row["at_least"],
            "at_most": row["at_most"],
            "direction": direction(before, row),
            "criteria": [names.criterion(scale, key) for key in row["criteria"] or []] or _held(row),
            "missing": [names.missing(key) for key in row["missing"] or [] if key != "no_trigger"],
            "flags": [names.flag(scale, key) for key in row["flags"] or [] if key not in said],
            "evidence": [{"source": key, "values": self.values.get(key, [])} for key in row["evidence"] or []],
            "episode": row["episode"],
        }


def _held(row: Row) -> list[str]:
    """What is told of a grade that no sign makes."""
    return [BETWEEN] if row["at_least"] else []


def values_behind(
    timeline: Iterable[Row], observations: Iterable[Row], knowledge: Knowledge, clock: Clock
) -> dict[str, list[str]]:
    """What was observed, in words, for every source that the timeline names as evidence."""
    wanted = {source for row in timeline for source in row["evidence"] or []}
    names = words.Words(knowledge)
    found: dict[str, list[str]] = {}
    for row in observations:
        if row["source"] in wanted and len(found.setdefault(row["source"], [])) < _VALUES_SHOWN:
            text = f"{names.concept(row['concept'])} {names.value(row)}".strip()
            found[row["source"]].append(f"{text}, {clocks.moment(row['time'], clock)}")
    return found


def concepts_behind(observations: Iterable[Row]) -> dict[str, frozenset[str]]:
    """The concepts of the observations behind each source."""
    found: dict[str, set[str]] = {}
    for row in observations:
        found.setdefault(row["source"] or "", set()).add(row["concept"])
    return {source: frozenset(concepts) for source, concepts in found.items()}


def flags_of_all(rows: Sequence[Row]) -> list[str]:
    """The flags that stand on every row: said once, above the table."""
    if len(rows) < 2:
        return []
    return sorted(set.intersection(*(set(row["flags"] or []) for row in rows)))


def direction(before: Row | None, row: Row) -> str:
    """``up``, ``down`` or empty: how the certain grade moved."""
    if before is None or before["at_least"] is None or row["at_least"] is None:
        return ""
    if row["at_least"] == before["at_least"]:
        return ""
    return "up" if row["at_least"] > before["at_least"] else "down"
