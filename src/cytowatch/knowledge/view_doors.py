"""The manifests of the doors for readers: what each source can state, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from cytowatch.knowledge.door import Door
from cytowatch.knowledge.model import Concept, Knowledge

# yes: its codes are known; list: the format has a place, and a site's own code list must say which; no: no place
Coverage = Literal["yes", "list", "no"]
COVERAGE_WORDS: dict[Coverage, str] = {
    "yes": "read as it comes",
    "list": "read with a site's own code list",
    "no": "the format has no place for it",
}
_MEANS_ALL = "csv"


def coverage(door: Door, concept: Concept, knowledge: Knowledge) -> Coverage:
    """Whether a source of this kind can state a concept."""
    if door.key == _MEANS_ALL or concept.key in door.concepts:
        return "yes"
    if concept.key in door.never:
        return "no"
    return "yes" if concept.key in coded_concepts(door, knowledge) else "list"


def coded_concepts(door: Door, knowledge: Knowledge) -> frozenset[str]:
    """The concepts that the door's code tables name."""
    rows = (row for system in door.code_systems for row in knowledge.codes.get(system, ()))
    return frozenset(row.get("concept", "") for row in rows if row.get("fate") != "ignore")


def matrix(knowledge: Knowledge, concepts: Iterable[str]) -> list[tuple[Concept, dict[str, Coverage]]]:
    """For each concept, in the order of the dictionary, what each door can state."""
    wanted = set(concepts)
    return [
        (concept, {key: coverage(door, concept, knowledge) for key, door in ordered(knowledge).items()})
        for key, concept in knowledge.concepts.items()
        if key in wanted
    ]


def ordered(knowledge: Knowledge) -> dict[str, Door]:
    """The doors, the contract's own table first."""
    return dict(sorted(knowledge.doors.items(), key=lambda item: (item[0] != _MEANS_ALL, item[0])))


def door_lines(door: Door) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The sections of one manifest: a heading, and pairs of a name and what is said of it."""
    yield (
        "The source",
        [("versions", door.versions), ("reads", door.reads), ("what silence means", door.absence)],
    )
    yield "What becomes of its parts", [(part.name, f"{part.fate}: {part.states}") for part in door.parts]
    recorded = [(part.kind, "recorded in " + " or ".join(part.parts)) for part in door.recorded]
    missing = [kind for kind in ("infusion", "dose", "device") if kind not in {part.kind for part in door.recorded}]
    yield (
        "Where therapies are recorded; absent from the input, it is unknown whether they were given",
        recorded + [(kind, "not in the format: always unknown") for kind in missing],
    )
    if door.traps:
        yield "Known traps", [(trap.what, trap.does) for trap in door.traps]
