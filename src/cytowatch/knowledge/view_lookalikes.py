"""Look-alikes as a person reads them: what points to each, in words, and what settles it."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.model import Knowledge, LookAlike
from cytowatch.knowledge.view_scale import table
from cytowatch.knowledge.view_words import Words

_PREFIX = "lookalike."
_ALONE = {True: "is a finding", False: "supports"}


def lookalike_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each: kind, id, title, source, evidence."""
    for key, part in knowledge.lookalikes.items():
        yield "lookalike", f"{_PREFIX}{key}", part.label, part.source, part.evidence


def find_lookalike(knowledge: Knowledge, name: str) -> LookAlike | None:
    """The look-alike of `lookalike.<key>`; None for any other name."""
    return knowledge.lookalikes.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None


def lookalike_parts(part: LookAlike, knowledge: Knowledge) -> list[str]:
    """Its title and what is known of it, as Markdown."""
    words = Words(knowledge)
    facts = (
        (f.id, f.label, words.condition(f.when), _ALONE[f.alone], f.evidence, f"{f.source}, {f.locator}")
        for f in part.facts
    )
    tests = ((one.name, one.evidence, f"{one.source}, {one.locator}") for one in part.settles)
    return [
        f"{part.label} (`{_PREFIX}{part.key}`)",
        f"Look-alike findings: they point to it, and prove nothing. {part.source}, {part.locator} ({part.evidence}).",
        table(("finding", "label", "our encoding", "by itself", "evidence", "source, locator"), facts),
        table(("what settles it", "evidence", "source, locator"), tests),
        table(("not encoded", "what is done instead"), ((gap.text, gap.handled) for gap in part.not_encoded)),
    ]


def lookalikes_in_full(knowledge: Knowledge) -> Iterator[str]:
    """The page of all look-alikes, part after part."""
    for part in knowledge.lookalikes.values():
        title, *parts = lookalike_parts(part, knowledge)
        yield f"## {title}"
        yield from parts
