"""ICD-10-CM codes of an episode, by its worst grade: only where that grade is certain, else the unspecified code."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from cytowatch.exports.fhir.names import EVIDENCE, ICD10CM, extension
from cytowatch.knowledge.model import Knowledge

_TABLE = "icd10_out"


class IcdCodes:
    """The table ``codes/icd10_out.csv``: a row a code, for scales by pattern, and for one grade or for none."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._rows = knowledge.codes.get(_TABLE, ())
        self._known: dict[str, tuple[Mapping[str, str], ...]] = {}

    def coding(self, scale: str, at_least: int | None, at_most: int | None) -> dict[str, Any] | None:
        """The coding of an episode whose worst grade lies between these; None for scales that ICD-10-CM has not."""
        rows = self.of_scale(scale)
        certain = str(at_least) if at_least == at_most and at_least is not None else ""
        exact = next((row for row in rows if certain and row["grade"] == certain), None)
        row = exact or next((row for row in rows if not row["grade"]), None)
        return None if row is None else as_coding(row)

    def severity(self, scale: str, at_least: int | None, at_most: int | None) -> str | None:
        """HL7's word for the severity, where every grade that is not excluded has the same; else None."""
        if at_least is None or at_most is None:
            return None
        words = {row["grade"]: row["severity"] for row in self.of_scale(scale)}
        found = {words.get(str(grade), "") for grade in range(at_least, at_most + 1)}
        return found.pop() or None if len(found) == 1 else None

    def of_scale(self, scale: str) -> tuple[Mapping[str, str], ...]:
        """The rows for a scale."""
        found = self._known.get(scale)
        if found is None:
            found = self._known[scale] = tuple(row for row in self._rows if fnmatchcase(scale, row["scales"]))
        return found


def as_coding(row: Mapping[str, str]) -> dict[str, Any]:
    """A row as a coding; one that was not read in a source says so."""
    recalled = {"extension": [extension(EVIDENCE, valueCode="recalled")]} if row["evidence"] == "recalled" else {}
    return {**recalled, "system": ICD10CM, "code": row["code"], "display": row["display"]}
