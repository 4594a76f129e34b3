"""Symptoms as a person reads them: one in full, and all of them by part of the body."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.model import Knowledge, Symptom
from cytowatch.knowledge.view_scale import table
from cytowatch.knowledge.view_words import plain

_PREFIX = "symptom."


def symptom_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each: kind, id, title, source, evidence."""
    for key, part in knowledge.symptoms.items():
        yield "symptom", f"{_PREFIX}{key}", part.label, part.source, part.evidence


def find_symptom(knowledge: Knowledge, name: str) -> Symptom | None:
    """The symptom of `symptom.<key>` or `symptom.<alias>`, folded; None for any other name."""
    key = name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
    return knowledge.symptoms.get(knowledge.symptom_aliases.get(key, key))


def symptom_parts(part: Symptom) -> list[str]:
    """Its title and what is known of it, as Markdown."""
    code = f"{part.snomed} ({part.snomed_note})" if part.snomed else ""
    pairs = [
        ("for a patient", part.plain),
        ("part of the body", plain(part.system)),
        ("also called", ", ".join(part.aliases)),
        ("SNOMED CT", f"{code} {part.snomed_evidence}".strip()),
        ("source", part.source),
        ("locator", part.locator),
        ("evidence", part.evidence),
    ]
    return [f"{part.label} (`{_PREFIX}{part.key}`)", table(("", ""), pairs), _severity(part)]


def _severity(part: Symptom) -> str:
    words = part.severity
    if words is None:
        return ""
    steps = (("1", "mild", words.mild), ("2", "moderate", words.moderate), ("3", "severe", words.severe))
    made = table(("grade", "", "what it is like"), (step for step in steps if step[2]))
    return f"{made}\n\nSource: {words.source}; {words.locator}; {words.evidence}."


def symptoms_by_system(knowledge: Knowledge) -> Iterator[str]:
    """The page of all symptoms, part after part: a title for each part of the body, and its table."""
    systems: dict[str, list[Symptom]] = {}
    for part in knowledge.symptoms.values():
        systems.setdefault(part.system, []).append(part)
    for system, members in systems.items():
        yield f"## {plain(system).capitalize()}"
        head = ("symptom", "for a patient", "mild", "moderate", "severe", "also called", "SNOMED CT", "source")
        yield table(head, (_row(part) for part in members))


def _row(part: Symptom) -> tuple[str, ...]:
    words = part.severity
    steps = (words.mild, words.moderate, words.severe) if words else ("", "", "")
    cited = [f"{part.source}, {part.locator} ({part.evidence})"]
    cited += [f"{words.source}, {words.locator} ({words.evidence})"] if words else []
    code = part.snomed or part.snomed_evidence
    return f"`{part.key}`", part.plain, *steps, ", ".join(part.aliases), code, "; ".join(cited)
