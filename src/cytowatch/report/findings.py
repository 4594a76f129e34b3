"""Findings in words: what overlaps, what comes in which order, and what points elsewhere. None is a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cytowatch.knowledge.model import Knowledge, LookAlikeFact
from cytowatch.report import clock as clocks
from cytowatch.report import words
from cytowatch.report.course import Row
from cytowatch.report.data import Clock
from cytowatch.report.joint import LANES
from cytowatch.report.signs import unread

NO_DIAGNOSIS = "A finding says what stands in the record and where it points. None of them is a diagnosis."
KINDS = {"look_alike": "May look alike", "order": "Order", "overlap": "At once"}
_ORDER = {
    "icans_without_crs": ("ICANS without CRS", "No CRS from the exposure to the last sign of this ICANS episode."),
    "iec_hs_without_crs": ("IEC-HS without CRS", "No CRS from the exposure to the last sign of this IEC-HS episode."),
    "biphasic_crs": ("CRS in two phases", "A CRS episode that is not the first after the same exposure."),
    "iec_hs_as_crs_settles": (
        "IEC-HS as CRS settles",
        "This IEC-HS episode begins after the worst of a CRS of the same exposure, while it lasts or soon after it.",
    ),
}
_SUPPORTS = " (supports it, is no finding by itself)"
_POSSIBLE = "possible: what is missing could take it away"
# of a finding that comes and goes so many stretches and rows are told
_SPANS, _ROWS = 3, 3
_SETTLES = {"crs": "Whether there was CRS at that time: its signs were not measured throughout."}


def findings_table(
    rows: Sequence[Row], knowledge: Knowledge, clock: Clock, origin: int, values: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    """The findings of one patient: a line each, with when it held, what it rests on and what would settle it."""
    told = _Told(knowledge)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (_rank(row["kind"]), row["start"])):
        groups.setdefault((row["kind"], row["finding"]), []).append(row)
    return [
        {
            "kind": KINDS.get(kind, words.sentence(words.plain(kind))),
            "title": told.title(own[0]),
            "spans": [
                (
                    clocks.moment(row["start"], clock),
                    clocks.machine(row["start"], clock),
                    clocks.moment(row["end"], clock),
                )
                for row in own[:_SPANS]
            ],
            "more": len(own) - len(own[:_SPANS]),
            "day": clocks.day(own[0]["start"], origin),
            "state": "found" if any(row["state"] == "found" for row in own) else _POSSIBLE,
            "facts": _union(told.facts(row) for row in own),
            "settles": _union(told.settles(row) for row in own),
            "evidence": [
                {"source": key, "values": values.get(key, [])}
                for key in _union(row["evidence"] or [] for row in own)[:_ROWS]
            ],
            "papers": _union(told.papers(row) for row in own),
        }
        for (kind, _), own in groups.items()
    ]


def _rank(kind: str) -> int:
    order = list(KINDS)
    return order.index(kind) if kind in order else len(order)


def _union(parts: Iterable[Sequence[str]]) -> list[str]:
    """Everything that occurs, once, in order."""
    return list(dict.fromkeys(text for part in parts for text in part))


def _fact(fact: LookAlikeFact) -> str:
    """A fact in words, with what it is too weak for and how it was read."""
    return fact.label + ("" if fact.alone else _SUPPORTS) + unread(fact.evidence)


class _Told:
    """Looks up a finding's words, in the tables for look-alikes and here for overlaps and orders."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._words = words.Words(knowledge)

    def title(self, row: Row) -> str:
        """What was found, in a few words."""
        if row["finding"] in _ORDER:
            return _ORDER[row["finding"]][0]
        known = self._knowledge.lookalikes.get(row["finding"])
        if known:
            return known.label
        pair = [LANES.get(name) for name in row["finding"].split("_and_")]
        if row["kind"] == "overlap" and None not in pair:
            return " and ".join(str(name) for name in pair)
        return words.sentence(words.plain(row["finding"]))

    def facts(self, row: Row) -> list[str]:
        """What it rests on."""
        if row["finding"] in _ORDER:
            return [_ORDER[row["finding"]][1]]
        if row["kind"] == "overlap":
            return ["Both are certainly grade 1 or more in this time."]
        known = self._knowledge.lookalikes.get(row["finding"])
        labels = {fact.id: _fact(fact) for fact in known.facts} if known else {}
        return [labels.get(key) or words.sentence(words.plain(key)) for key in row["facts"] or []]

    def settles(self, row: Row) -> list[str]:
        """What is missing from the record, then what the tables name as the test that settles it."""
        missing = [_SETTLES.get(key) or self._words.missing(key) for key in row["missing"] or []]
        known = self._knowledge.lookalikes.get(row["finding"])
        return [*missing, *(part.name for part in known.settles)] if known else missing

    def papers(self, row: Row) -> list[str]:
        """The papers behind a look-alike: of itself, of the facts that hold, and of what settles it."""
        known = self._knowledge.lookalikes.get(row["finding"])
        if known is None:
            return []
        facts = [fact.source for fact in known.facts if fact.id in (row["facts"] or [])]
        keys = dict.fromkeys([known.source, *facts, *(part.source for part in known.settles)])
        papers = [self._knowledge.sources[key] for key in keys if key in self._knowledge.sources]
        return [paper.citation or paper.title for paper in papers if paper.key != "house"]
