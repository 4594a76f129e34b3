"""Which kind of source an address names; the library of a database is loaded only where one is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cytowatch.adapters.omop.duck import DuckSource
from cytowatch.adapters.omop.files import FileSource, unpacked
from cytowatch.adapters.omop.postgres import PostgresSource
from cytowatch.adapters.omop.source import Source
from cytowatch.errors import InputError


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
    if address.lower().startswith(("postgresql://", "postgres://")):
        return PostgresSource(address, known, held)
    name, _, schema = address.partition("#")
    if Path(name).suffix.lower() in (".duckdb", ".ddb") and not Path(address).exists():
        address = name
    if Path(address).suffix.lower() in (".duckdb", ".ddb"):
        return DuckSource(Path(address), schema, known, held)
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
