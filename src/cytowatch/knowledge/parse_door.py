"""From ``doors/*.toml`` to the dataclasses of ``door``."""

from __future__ import annotations

from typing import get_args

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.door import Door, DoorPart, PartFate, Recorded, Therapy, Trap
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.shape import Reader


def door(reader: Reader) -> Door:
    """One file of ``doors/``; its rows rest on its source unless they name their own."""
    source = reader.text("source")
    found = Door(
        key=reader.text("id"),
        title=reader.text("title"),
        versions=reader.text("versions"),
        reads=reader.text("reads"),
        absence=reader.text("absence"),
        code_systems=reader.texts("code_systems", ()),
        concepts=reader.texts("concepts", ()),
        never=reader.texts("never", ()),
        recorded=tuple(_recorded(part) for part in reader.tables("recorded", ())),
        parts=tuple(_part(part, source) for part in reader.tables("part")),
        traps=tuple(_trap(part, source) for part in reader.tables("trap", ())),
        cited=_cited(reader, source),
        how_to=reader.text("how_to", ""),
    )
    _refuse_twins(reader, "part", [part.name for part in found.parts])
    _refuse_twins(reader, "trap", [trap.id for trap in found.traps])
    reader.finish()
    return found


def _recorded(reader: Reader) -> Recorded:
    found = Recorded(reader.word("kind", get_args(Therapy)), reader.texts("parts"))
    reader.finish()
    return found


def _part(reader: Reader, source: str) -> DoorPart:
    found = DoorPart(
        reader.text("name"), reader.word("fate", get_args(PartFate)), reader.text("states"), _cited(reader, source)
    )
    reader.finish()
    return found


def _trap(reader: Reader, source: str) -> Trap:
    found = Trap(reader.text("id"), reader.text("what"), reader.text("does"), _cited(reader, source))
    reader.finish()
    return found


def _cited(reader: Reader, source: str) -> Cited:
    return Cited(reader.text("source", source), reader.text("locator"), reader.word("evidence", EVIDENCE))


def _refuse_twins(reader: Reader, key: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        reader.fail(f"The row `{twice}` is there twice.", key)
