"""From `symptoms.toml` to the dataclasses of ``model``: what a person may say, and its words."""

from __future__ import annotations

from typing import get_args

from cytowatch.knowledge.model import SeverityWords, Symptom, System
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.shape import Reader

SYSTEMS: tuple[System, ...] = get_args(System)


def symptom(key: str, reader: Reader) -> Symptom:
    """One symptom; its severity has a source of its own."""
    return Symptom(
        key=key,
        label=reader.text("label"),
        plain=reader.text("plain"),
        system=reader.word("system", SYSTEMS),
        aliases=reader.texts("aliases", ()),
        snomed=reader.text("snomed", ""),
        snomed_evidence=reader.word("snomed_evidence", ("secondary", "unverified"), "unverified"),
        snomed_note=reader.text("snomed_note", ""),
        severity=_severity(reader.table("severity")) if reader.has("severity") else None,
        source=reader.text("source"),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )


def _severity(reader: Reader) -> SeverityWords:
    found = SeverityWords(
        mild=reader.text("mild", ""),
        moderate=reader.text("moderate", ""),
        severe=reader.text("severe", ""),
        source=reader.text("source"),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )
    reader.finish()
    return found
