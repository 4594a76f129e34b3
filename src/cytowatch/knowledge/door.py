"""What is known of a door before anything is read: what it reads, what absence means, and what to beware of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cytowatch.knowledge.advice import Cited

PartFate = Literal["facts", "context", "ignored"]
Therapy = Literal["infusion", "dose", "device"]


@dataclass(frozen=True)
class DoorPart:
    """One resource type, table, domain or segment of the source, and what is made of it."""

    name: str
    fate: PartFate
    states: str
    cited: Cited


@dataclass(frozen=True)
class Trap:
    """Something in this format that makes a wrong grade, and what the door does about it."""

    id: str
    what: str
    does: str
    cited: Cited


@dataclass(frozen=True)
class Recorded:
    """Where a kind of therapy is recorded; if none of these parts is in the input, its absence is unknown."""

    kind: Therapy
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Door:
    """One door: `code_systems` are those whose codes it reads; `never` are concept groups the format has no place for.

    ``concepts``: concepts it states beyond those of its code systems. ``absence``: what silence means, in words.
    """

    key: str
    title: str
    versions: str
    reads: str
    absence: str
    code_systems: tuple[str, ...]
    concepts: tuple[str, ...]
    never: tuple[str, ...]
    recorded: tuple[Recorded, ...]
    parts: tuple[DoorPart, ...]
    traps: tuple[Trap, ...]
    cited: Cited
    how_to: str = ""

    def part(self, name: str) -> DoorPart | None:
        """The part of that name."""
        return next((part for part in self.parts if part.name == name), None)

    def unrecorded_kinds(self, present: set[str]) -> tuple[Therapy, ...]:
        """The kinds of therapy that no part in the input records, nor the format at all."""
        kinds: tuple[Therapy, ...] = ("infusion", "dose", "device")
        found = {part.kind for part in self.recorded if present & set(part.parts)}
        return tuple(kind for kind in kinds if kind not in found)
