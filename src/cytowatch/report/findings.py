"""Findings in words: what overlaps, what comes in which order, and what points elsewhere. None is a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytowatch.knowledge.model import Knowledge
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
        "This IEC-HS episode begins after the worst of a CRS episode of the same exposure.",
    ),
}
_SETTLES = {"crs": "Whether there was CRS at that time: its signs were not measured throughout."}


def findings_table(
    rows: Sequence[Row], knowledge: Knowledge, clock: Clock, origin: int, values: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    """The findings of one patient, in time order, each with what it rests on and what would settle it."""
    told = _Told(knowledge, values)
    order = list(KINDS)
    ranked = sorted(rows, key=lambda row: (order.index(row["kind"]) if row["kind"] in order else 9, row["start"]))
    return [
        {
            "kind": KINDS.get(row["kind"], words.sentence(words.plain(row["kind"]))),
            "title": told.title(row),
            "start": clocks.moment(row["start"], clock),
            "machine": clocks.machine(row["start"], clock),
            "end": clocks.moment(row["end"], clock),
            "day": clocks.day(row["start"], origin),
            "state": "found" if row["state"] == "found" else "possible: what is missing could take it away",
            "facts": told.facts(row),
            "settles": told.settles(row),
            "evidence": [{"source": key, "values": values.get(key, [])} for key in row["evidence"] or []],
            "papers": told.papers(row),
        }
        for row in ranked
    ]


class _Told:
    """Looks up a finding's words, in the tables for look-alikes and here for overlaps and orders."""

    def __init__(self, knowledge: Knowledge, values: Mapping[str, list[str]]) -> None:
        self._knowledge, self._values = knowledge, values
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
        labels = {fact.id: fact.label + unread(fact.evidence) for fact in known.facts} if known else {}
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
