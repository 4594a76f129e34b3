"""Where the tables lie: one way to ask for them, whatever holds them.

Everything comes as text, so that a database and its export give the same rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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


@contextmanager
def open_source(address: str, known: frozenset[str]) -> Iterator[Source]:
    """Open a folder, a zip file, a DuckDB file (``file.duckdb#schema``) or ``postgresql://…?schema=…``.

    ``known``: the tables of the model, in lower case; nothing else is looked at. Raises InputError if there is none.
    """
    with tempfile.TemporaryDirectory(prefix="cytowatch-omop-") as held:
        source = _opened(address, known, Path(held))
        try:
            yield source
        finally:
            source.close()


def _opened(address: str, known: frozenset[str], held: Path) -> Source:
    # a database's library is loaded only where one is read
    if address.lower().startswith(("postgresql://", "postgres://")):
        from cytowatch.adapters.omop.postgres import PostgresSource

        return PostgresSource(address, known, held)
    name, _, schema = address.partition("#")
    if Path(name).suffix.lower() in (".duckdb", ".ddb") and not Path(address).exists():
        address = name
    if Path(address).suffix.lower() in (".duckdb", ".ddb"):
        from cytowatch.adapters.omop.duck import DuckSource

        return DuckSource(Path(address), schema, known, held)
    from cytowatch.adapters.omop.files import FileSource, unpacked

    path = Path(address)
    if path.is_file() and path.suffix.lower() == ".zip":
        return FileSource(unpacked(path, known, held), known, address)
    if not path.is_dir():
        raise InputError(
            "There is no such folder, zip file, DuckDB file or PostgreSQL address.",
            where=address,
            hint="Give a folder of CDM tables (person.csv, measurement.csv, …), a .zip of one, a .duckdb file or "
            "postgresql://host/database?schema=cdm.",
        )
    return FileSource(path, known, address)


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
