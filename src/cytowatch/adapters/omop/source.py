"""Where the tables lie: one way to ask for them, whatever holds them.

Everything comes as text, so that a database and its export give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from cytowatch.adapters.csvfile import Block
from cytowatch.errors import InputError


class Source(Protocol):
    """Tables by their name in lower case; ``label`` names the whole for messages and holds no password."""

    label: str

    def tables(self) -> dict[str, list[str]]:
        """The tables that are there, and the columns of each, all in lower case."""
        ...

    def blocks(self, table: str, columns: Sequence[str]) -> Iterator[Block]:
        """The rows of these columns as text, block after block, with ``_line``; lines that are none are named."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


def no_tables(where: str) -> InputError:
    """The error for a place without a table of the model."""
    return InputError(
        "There is no table of the OMOP common data model here.",
        where=where,
        why="Nothing can be graded from it.",
        hint="Tables are found by their names: person, measurement, drug_exposure, …; in a database name the schema.",
    )


def unreadable(where: str, cause: object) -> InputError:
    """The error for a table or database that cannot be read; ``cause`` must hold no password."""
    said = str(cause).strip().splitlines()
    return InputError(
        f"The table cannot be read: {said[0] if said else type(cause).__name__}",
        where=where,
        why="Grading without it would take what it held for absent.",
        hint="Export or copy it again, check the rights of the reader, or take it out on purpose.",
    )
