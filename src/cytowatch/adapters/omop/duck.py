"""Tables in a DuckDB file: each is copied, as text and by its needed columns, into a Parquet file that Polars reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cytowatch.adapters.csvfile import Block
from cytowatch.adapters.omop.files import as_text
from cytowatch.adapters.omop.source import no_tables, unreadable
from cytowatch.adapters.tables import TableFile, read_blocks
from cytowatch.errors import ArgumentError, InputError


class DuckSource:
    """The tables of one schema of a DuckDB file, opened for reading only."""

    def __init__(self, path: Path, schema: str, known: frozenset[str], held: Path) -> None:
        self.label = f"{path}#{schema}" if schema else str(path)
        self._held = held
        self._duckdb = _library()
        if not path.is_file():
            raise InputError("There is no such file.", where=str(path), hint="Check the path.")
        self._connection = self._opened(path)
        try:
            self._schema, self._tables = self._look(schema, known)
            if not self._tables:
                raise no_tables(self.label)
        except InputError:
            self.close()
            raise

    def tables(self) -> dict[str, list[str]]:
        """The tables that are there, and their columns."""
        return {table: list(columns) for table, (_, columns) in self._tables.items()}

    def blocks(self, table: str, columns: Sequence[str]) -> Iterator[Block]:
        """The rows of these columns as text."""
        real, there = self._tables[table]
        picked = ", ".join(
            f"CAST({quoted(there[name])} AS VARCHAR) AS {quoted(name)}" for name in columns if name in there
        )
        target = self._held / f"{table}.parquet"
        name = f"{quoted(self._schema)}.{quoted(real)}"
        self._run(f"COPY (SELECT {picked or '1 AS nothing'} FROM {name}) TO {text(str(target))} (FORMAT parquet)")  # noqa: S608
        for block in read_blocks(TableFile(target, f"{self.label}: {real}")):
            yield Block(as_text(block.frame, columns), block.broken, block.bytes_done)
        target.unlink()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _opened(self, path: Path) -> Any:  # noqa: ANN401 - of a library that may not be installed
        try:
            connection = self._duckdb.connect(str(path), read_only=True)
            connection.execute("SET TimeZone = 'UTC'")
        except self._duckdb.Error as cause:
            raise unreadable(self.label, cause) from cause
        return connection

    def _look(self, schema: str, known: frozenset[str]) -> tuple[str, dict[str, tuple[str, dict[str, str]]]]:
        """The schema that holds the tables (the one asked for, or the only one with a table `person`), and them."""
        rows = self._run(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns "
            "WHERE table_catalog = current_database() ORDER BY ordinal_position"
        )
        return found_in(rows, schema, known, self.label)

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
            return found
        except self._duckdb.Error as cause:
            raise unreadable(self.label, cause) from cause


def found_in(
    rows: Sequence[tuple[Any, ...]], schema: str, known: frozenset[str], label: str
) -> tuple[str, dict[str, tuple[str, dict[str, str]]]]:
    """Of rows (schema, table, column) the schema that is meant, and its tables: lower-case name to real names.

    Raises InputError if more than one schema could be meant.
    """
    with_person = sorted({str(row[0]) for row in rows if str(row[1]).lower() == "person"})
    named = [name for name in dict.fromkeys(str(row[0]) for row in rows) if name.lower() == schema.lower()]
    if schema:
        chosen = named[0] if named else ""
    elif len(with_person) > 1:
        raise InputError(
            f"More than one schema holds a table `person`: {', '.join(with_person)}.",
            where=label,
            why="Which of them to grade would be a guess.",
            hint="Name it: file.duckdb#schema, or postgresql://…?schema=NAME.",
        )
    else:
        chosen = with_person[0] if with_person else ""
    tables: dict[str, tuple[str, dict[str, str]]] = {}
    for place, table, column in rows:
        key = str(table).lower()
        if place == chosen and key in known:
            tables.setdefault(key, (str(table), {}))[1].setdefault(str(column).lower(), str(column))
    return chosen, tables


def quoted(name: str) -> str:
    """A name as SQL writes it, whatever letters it holds."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def _library() -> Any:  # noqa: ANN401 - a module that may not be installed
    try:
        import duckdb
    except ImportError as cause:
        raise ArgumentError(
            "DuckDB is not installed.",
            where="--from omop",
            why="A .duckdb file is read by it.",
            hint="pip install 'cytowatch[omop]', or export the tables as Parquet or CSV.",
        ) from cause
    return duckdb
