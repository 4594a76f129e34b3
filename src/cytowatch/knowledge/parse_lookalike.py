"""From `lookalikes.toml` to the dataclasses of ``model``: what points to a look-alike, and what settles it."""

from __future__ import annotations

from cytowatch.knowledge.model import LookAlike, LookAlikeFact, NotEncoded, WorkUp
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.parse_node import Library, node
from cytowatch.knowledge.shape import Reader


def lookalike(key: str, reader: Reader, library: Library) -> LookAlike:
    """One look-alike; a row without a source of its own rests on that of the look-alike. ``library``: the scales."""
    source = reader.text("source")
    found = LookAlike(
        key=key,
        label=reader.text("label"),
        facts=tuple(_fact(part, source, library) for part in reader.tables("fact")),
        settles=tuple(_work_up(part, source) for part in reader.tables("settles")),
        not_encoded=tuple(_not_encoded(part) for part in reader.tables("not_encoded", ())),
        source=source,
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )
    ids = [part.id for part in found.facts]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        reader.fail(f"The fact `{twice}` is there twice.", "fact")
    return found


def _fact(reader: Reader, source: str, library: Library) -> LookAlikeFact:
    found = LookAlikeFact(
        id=reader.text("id"),
        label=reader.text("label"),
        when=node(reader.table("when"), library),
        source=reader.text("source", source),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
        alone=reader.truth("alone", True),
    )
    reader.finish()
    return found


def _work_up(reader: Reader, source: str) -> WorkUp:
    found = WorkUp(
        name=reader.text("name"),
        source=reader.text("source", source),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )
    reader.finish()
    return found


def _not_encoded(reader: Reader) -> NotEncoded:
    found = NotEncoded(text=reader.text("text"), handled=reader.text("handled"))
    reader.finish()
    return found
