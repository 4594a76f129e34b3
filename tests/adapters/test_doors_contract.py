"""What holds for every door: it is registered, its manifest says what it reads, and every trap has a test.

A trap is a promise. One that no test names is a promise that nobody keeps.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytowatch.adapters.doors import _READERS, SOURCES
from cytowatch.knowledge.load import load

DOORS = load().doors
TESTS = Path(__file__).parents[1]
ALL_TESTS = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py")) if path != Path(__file__)
)


@pytest.mark.parametrize("key", sorted(DOORS))
def test_a_manifest_has_a_door(key: str) -> None:
    assert key in SOURCES
    assert callable(_READERS[key])  # type: ignore[index]


@pytest.mark.parametrize("source", SOURCES)
def test_a_door_has_a_manifest(source: str) -> None:
    door = DOORS[source]
    assert door.parts
    assert door.traps
    assert {part.fate for part in door.parts} & {"facts"}
    assert door.absence.strip()


@pytest.mark.parametrize("key", sorted(DOORS))
def test_what_records_therapies_is_said(key: str) -> None:
    door = DOORS[key]
    everything = {part.name for part in door.parts}
    named = {part for recorded in door.recorded for part in recorded.parts}
    assert named <= everything
    # with every part in the input nothing that the manifest promises is missing
    assert set(door.unrecorded_kinds(everything)) == {"infusion", "dose", "device"} - {
        one.kind for one in door.recorded
    }
    assert set(door.unrecorded_kinds(set())) == {"infusion", "dose", "device"}


@pytest.mark.parametrize(
    ("key", "trap"), [(door.key, trap.id) for door in DOORS.values() for trap in door.traps], ids=lambda one: one
)
def test_every_trap_is_named_in_a_test(key: str, trap: str) -> None:
    # in the name of a test (test_line_ends), as a word in quotes (`no_zone`, "no_zone"), never as a part of a sentence
    name = re.escape(trap)
    named = re.search(rf"def test_(?:\w*_)?{name}(?:_\w*)?\(|[`\"']{name}[`\"']", ALL_TESTS)
    assert named, f"no test names the trap `{trap}` of {key}"


@pytest.mark.parametrize("key", sorted(DOORS))
def test_how_to_pages_exist(key: str) -> None:
    page = DOORS[key].how_to
    if page.endswith(".md"):
        assert (TESTS.parent / "docs" / page).is_file()
