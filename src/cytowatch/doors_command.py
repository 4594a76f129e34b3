"""The command ``cytowatch doors``: what each source format can and cannot support."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from cytowatch.adapters.doubt import UNREAD
from cytowatch.engine.apply import needed_by
from cytowatch.errors import EXIT_DONE, ArgumentError
from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.choose import check_scales
from cytowatch.knowledge.view_doors import COVERAGE_WORDS, coverage, door_lines, matrix, ordered
from cytowatch.terminal import Overlays, out


def doors(
    door: str | None = None,
    /,
    *,
    scale: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    knowledge: Overlays = None,
) -> int:
    """Show what each source format can and cannot state, before anything is read.

    Without a name: a table of the concepts that the scales need against the doors. With one: what that door reads,
    what becomes of each of its parts, what silence means, and the traps of the format.

    Examples: `cytowatch doors`; `cytowatch doors fhir`; `cytowatch doors --scale iechs.hines-2023`.

    Parameters
    ----------
    door
        One door, such as clif.
    scale
        Whose concepts are shown: ids, patterns or all. Default: crs.astct-2019 and icans.astct-2019.
    knowledge
        Folders laid over the clinical tables, such as a site's own codes.
    """
    tables = load(*(knowledge or ()))
    # what a refused row leaves behind is no fact of a source
    needed = needed_by(check_scales(scale, tables), tables) - {UNREAD}
    if door is None:
        out.print(_overview(tables))
        out.print(_matrix(tables, needed))
        out.print("yes: " + "; list: ".join((COVERAGE_WORDS["yes"], COVERAGE_WORDS["list"])) + "; no: no place for it")
        return EXIT_DONE
    if door not in tables.doors:
        raise ArgumentError(
            f"There is no door {door!r}.", where="doors", hint=f"Choose one of: {', '.join(ordered(tables))}."
        )
    _one(door, tables, needed)
    return EXIT_DONE


def _overview(tables: Knowledge) -> Table:
    table = Table("door", "source", "versions", "reads", title="Doors", title_justify="left", box=None)
    for key, part in ordered(tables).items():
        table.add_row(key, part.title, part.versions, part.reads)
    return table


def _matrix(tables: Knowledge, needed: frozenset[str]) -> Table:
    keys = list(ordered(tables))
    table = Table("concept", *keys, title="What each can state", title_justify="left", box=None)
    for concept, cells in matrix(tables, needed):
        table.add_row(concept.key, *(cells[key] for key in keys))
    return table


def _one(key: str, tables: Knowledge, needed: frozenset[str]) -> None:
    part = tables.doors[key]
    out.print(f"{part.title} (--from {key}): {part.cited.source}, {part.cited.locator} ({part.cited.evidence})")
    for heading, pairs in door_lines(part):
        table = Table("", "", title=heading, title_justify="left", box=None, show_header=False)
        for name, said in pairs:
            table.add_row(name, said)
        out.print(table)
    concepts = [tables.concepts[name] for name in tables.concepts if name in needed]
    for kind, words in COVERAGE_WORDS.items():
        found = [concept.key for concept in concepts if coverage(part, concept, tables) == kind]
        if found:
            out.print(f"{words} ({len(found)}): {', '.join(found)}", soft_wrap=True)
