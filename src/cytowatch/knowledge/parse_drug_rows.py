"""From ``drugs/*.toml`` to the dataclasses of ``drug_rows``: what stands there besides the drugs of advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TypeVar, get_args

from cytowatch.knowledge.advice import Cited, Population
from cytowatch.knowledge.drug_rows import (
    About,
    Dosing,
    DrugGroup,
    DrugNote,
    DrugRows,
    Formulary,
    Interaction,
    InteractionKind,
    Measure,
    Per,
    Steroid,
    SteroidCount,
)
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.parse_node import Library, node
from cytowatch.knowledge.shape import Document, Reader

T = TypeVar("T")
Row = TypeVar("Row", Dosing, DrugNote)
# what may stand in a file of drugs/, and what of a drug is read here
TABLES = ("drug", "measure", "steroid", "steroid_count", "group", "interaction")
ROWS = ("dosing", "note")


def formulary(documents: Iterable[Document], library: Library) -> Formulary:
    """Every table of ``drugs/`` but the drugs themselves; KnowledgeError names what is wrong."""
    files = list(documents)
    return Formulary(
        rows=_tables(files, "drug", _drug),
        measures=_tables(files, "measure", _measure),
        steroids=_tables(files, "steroid", _steroid),
        steroid_counts=_tables(files, "steroid_count", _count),
        groups=_tables(files, "group", _group),
        interactions=_tables(files, "interaction", lambda key, reader: _interaction(key, reader, library)),
    )


def _tables(files: list[Document], table: str, build: Callable[[str, Reader], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for document in files:
        for key, reader in Reader(document, (), document.content).named(table):
            if key in found:
                reader.fail(f"`{key}` stands in two files of drugs/.", hint="Keep one of them.")
            found[key] = build(key, reader)
            if table != "drug":
                reader.finish()
    return found


def _drug(_key: str, reader: Reader) -> DrugRows:
    return _rows(reader, reader.text("source"), reader.text("unit", "mg"), reader.text("route", ""))


def _measure(key: str, reader: Reader) -> Measure:
    source = reader.text("source")
    return Measure(
        key=key,
        label=reader.text("label"),
        concepts=reader.texts("concepts", ()),
        rows=_rows(reader, source, reader.text("unit", ""), reader.text("route", "")),
        not_encoded=_not_encoded(reader),
        cited=_cited(reader, source),
    )


def _rows(reader: Reader, source: str, unit: str, route: str) -> DrugRows:
    dosings = [_dosing(part, source, unit, route) for part in reader.tables("dosing", ())]
    notes = [_note(part, source) for part in reader.tables("note", ())]
    return DrugRows(_unique(reader, "dosing", dosings), _unique(reader, "note", notes))


def _dosing(reader: Reader, source: str, unit: str, route: str) -> Dosing:
    found = Dosing(
        id=reader.text("id"),
        use=reader.text("use"),
        amount=_pair(reader, "amount"),
        unit=reader.text("unit", unit),
        per=reader.word("per", get_args(Per), "dose"),
        every=_pair(reader, "every_hours") if reader.has("every_hours") else None,
        most=reader.maybe_number("most"),
        route=reader.text("route", route),
        schedule=reader.text("schedule", ""),
        population=reader.word("population", get_args(Population), "any"),
        cited=_cited(reader, reader.text("source", source)),
    )
    reader.asked.append("every_hours")
    reader.finish()
    return found


def _note(reader: Reader, source: str) -> DrugNote:
    found = DrugNote(
        id=reader.text("id"),
        about=reader.word("about", get_args(About)),
        text=reader.text("text"),
        cited=_cited(reader, reader.text("source", source)),
    )
    reader.finish()
    return found


def _steroid(key: str, reader: Reader) -> Steroid:
    equal = reader.texts("equal")
    if len(equal) not in (1, 2):
        reader.fail("`equal` must be one number, or the least and the most, as text.", "equal")
    try:
        numbers = [Fraction(part) for part in equal]
    except (ValueError, ZeroDivisionError):
        reader.fail(f"`equal` is {equal}, which are no exact numbers.", "equal", hint='Write them as text: "160/3".')
    return Steroid(
        key,
        reader.text("label"),
        reader.text("concept"),
        (numbers[0], numbers[-1]),
        _cited(reader, reader.text("source")),
    )


def _count(key: str, reader: Reader) -> SteroidCount:
    return SteroidCount(
        key=key,
        label=reader.text("label"),
        least_mg=reader.number("least_mg"),
        first_day=reader.whole("first_day"),
        last_day=reader.whole("last_day"),
        days=reader.whole("days"),
        triggers=reader.texts("triggers"),
        text=reader.text("text"),
        cited=_cited(reader, reader.text("source")),
    )


def _group(key: str, reader: Reader) -> DrugGroup:
    return DrugGroup(key, reader.text("label"), reader.texts("concepts"), _cited(reader, reader.text("source")))


def _interaction(key: str, reader: Reader, library: Library) -> Interaction:
    found = Interaction(
        key=key,
        label=reader.text("label"),
        kind=reader.word("kind", get_args(InteractionKind)),
        sides=_sides(reader),
        at_least=reader.whole("at_least", 1),
        within_hours=reader.number("within_hours"),
        after=reader.texts("after", ()),
        never_after=reader.texts("never_after", ()),
        when=node(reader.table("when"), library) if reader.has("when") else None,
        why=reader.text("why"),
        action=reader.text("action"),
        cited=_cited(reader, reader.text("source")),
    )
    reader.asked.append("when")
    return found


def _sides(reader: Reader) -> tuple[tuple[str, ...], ...]:
    value = reader.any("sides")
    rows = value if isinstance(value, list | tuple) else ()
    if not rows or not all(isinstance(side, list | tuple) and side for side in rows):
        reader.fail("`sides` must be a list of lists of drugs or groups.", "sides")
    if not all(isinstance(name, str) for side in rows for name in side):
        reader.fail("`sides` must name drugs or groups as text.", "sides")
    return tuple(tuple(side) for side in rows)


def _pair(reader: Reader, key: str) -> tuple[float, float]:
    """One number, or the least and the most."""
    value = reader.any(key)
    numbers = list(value) if isinstance(value, list | tuple) else [value]
    are_numbers = all(isinstance(part, int | float) and not isinstance(part, bool) for part in numbers)
    if len(numbers) not in (1, 2) or not are_numbers:
        reader.fail(f"`{key}` must be a number, or two: the least and the most.", key)
    return float(numbers[0]), float(numbers[-1])  # type: ignore[arg-type]


def _cited(reader: Reader, source: str) -> Cited:
    return Cited(source, reader.text("locator"), reader.word("evidence", EVIDENCE))


def _not_encoded(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    for part in reader.tables("not_encoded", ()):
        found.append((part.text("text"), part.text("handled")))
        part.finish()
    return tuple(found)


def _unique(reader: Reader, key: str, rows: list[Row]) -> tuple[Row, ...]:
    ids = [part.id for part in rows]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        reader.fail(f"The row `{twice}` is there twice.", key)
    return tuple(rows)
