"""Do the manifests of the doors speak of concepts, code tables and pages that exist?"""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.door import Door
from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.model import Knowledge


def check_doors(knowledge: Knowledge) -> Findings:
    """Every manifest in ``doors/``."""
    for door in knowledge.doors.values():
        place = Place(f"doors/{door.key}.toml", door.key)
        for system in door.code_systems:
            if system not in knowledge.codes:
                yield place.error("code_systems", f"There is no table codes/{system}.csv.")
        for key in door.concepts:
            if key not in knowledge.concepts:
                yield place.error("concepts", f"There is no concept `{key}`.", "Use a key of concepts.toml.")
        yield from _check_never(door, place, knowledge)
        for part in (name for recorded in door.recorded for name in recorded.parts):
            if door.part(part) is None:
                yield place.error("recorded", f"`{part}` is no part of this door.", "Name one of its [[part]] rows.")


def _check_never(door: Door, place: Place, knowledge: Knowledge) -> Findings:
    for key in door.never:
        if key not in knowledge.concepts:
            yield place.error("never", f"There is no concept `{key}`.", "Use a key of concepts.toml.")
        elif key in door.concepts:
            yield place.error("never", f"`{key}` is both stated and never stated.", "Keep one of the two.")


def door_rows(knowledge: Knowledge) -> Iterator[tuple[Place, str, str, str]]:
    """Every row of the manifests with its place, source, locator and evidence word."""
    for door in knowledge.doors.values():
        file = f"doors/{door.key}.toml"
        cited = [(door.key, door.cited)]
        cited += [(f"part.{part.name}", part.cited) for part in door.parts]
        cited += [(f"trap.{trap.id}", trap.cited) for trap in door.traps]
        for name, row in cited:
            yield Place(file, name), row.source, row.locator, row.evidence
