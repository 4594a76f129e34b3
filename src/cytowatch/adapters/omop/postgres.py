"""Tables in PostgreSQL: each is copied out as CSV, by its needed columns, and read as an export would be.

All in one read-only transaction, so that what is read fits together even while rows come in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from cytowatch.adapters.csvfile import Block
from cytowatch.adapters.omop.duck import found_in, quoted
from cytowatch.adapters.omop.files import as_text
from cytowatch.adapters.omop.source import no_tables, unreadable
from cytowatch.adapters.tables import TableFile, read_blocks
from cytowatch.errors import ArgumentError, InputError

_WAIT_SECONDS = 15
_COLUMNS = (
    "SELECT table_schema, table_name, column_name FROM information_schema.columns "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY ordinal_position"
)


class PostgresSource:
    """The tables of one schema of a database; the connection lives as long as the source."""

    def __init__(self, address: str, known: frozenset[str], held: Path) -> None:
        self.label = without_password(address)
        self._held = held
        self._secret = _password(address)
        plain, schema = _split(address, self.label)
        self._psycopg = _library()
        self._connection = self._connect(plain)
        try:
            self._schema, self._tables = found_in(self._rows(_COLUMNS), schema, known, self.label)
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
        known = [name for name in columns if name in there]
        picked = ", ".join(f"{quoted(there[name])}::text AS {quoted(name)}" for name in known) or "1 AS nothing"
        target = self._held / f"{table}.csv"
        query = f"COPY (SELECT {picked} FROM {quoted(self._schema)}.{quoted(real)}) TO STDOUT (FORMAT csv, HEADER)"  # noqa: S608
        try:
            with self._connection.cursor() as cursor, cursor.copy(query) as copy, target.open("wb") as file:
                for part in copy:
                    file.write(part)
        except self._psycopg.Error as cause:
            raise self._failed(cause, real) from None
        for block in read_blocks(TableFile(target, f"{self.label}: {real}")):
            yield Block(as_text(block.frame, columns), block.broken, block.bytes_done)
        target.unlink()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _connect(self, plain: str) -> Any:  # noqa: ANN401 - of a library that may not be installed
        try:
            connection = self._psycopg.connect(plain, connect_timeout=_WAIT_SECONDS, application_name="cytowatch")
            connection.isolation_level = self._psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            for setting in ("TimeZone TO 'UTC'", "DateStyle TO 'ISO'", "client_encoding TO 'UTF8'"):
                connection.execute(f"SET {setting}")
        except (self._psycopg.Error, ValueError, UnicodeError) as cause:
            raise self._failed(cause) from None
        return connection

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        except self._psycopg.Error as cause:
            raise self._failed(cause) from None
        return found

    def _failed(self, cause: Exception, table: str = "") -> InputError:
        said = str(cause).strip() or type(cause).__name__
        if self._secret:
            said = said.replace(self._secret, "***").replace(unquote(self._secret), "***")
        where = f"{self.label}: {table}" if table else self.label
        if table:
            return unreadable(where, said)
        return InputError(
            f"The database cannot be read: {said.splitlines()[0]}",
            where=where,
            why="Nothing was read.",
            hint="Check host, database, user and rights; the password comes from PGPASSWORD or ~/.pgpass.",
        )


def without_password(address: str) -> str:
    """An address to be shown: without its password, in the part before the host or among the options."""
    head, mark, tail = address.partition("?")
    head = re.sub(r"(//[^/:@]*):.*@", r"\1@", head)
    return head + mark + re.sub(r"(?i)\b((?:ssl)?password=)[^&]*", r"\1***", tail)


def _password(address: str) -> str:
    found = re.search(r"//[^/:@]*:(.*)@", address.partition("?")[0])
    option = re.search(r"(?i)\bpassword=([^&]*)", address)
    return found[1] if found else option[1] if option else ""


def _split(address: str, label: str) -> tuple[str, str]:
    """The address as the library takes it, and the schema that stood among its options."""
    try:
        parts = urlsplit(address)
        options = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise InputError("This is no PostgreSQL address.", where=label, hint=_FORM) from None
    schemas = [value for name, value in options if name == "schema"]
    rest = urlencode([(name, value) for name, value in options if name != "schema"])
    return urlunsplit(parts._replace(query=rest)), schemas[-1] if schemas else ""


_FORM = "Write it as postgresql://user@host:5432/database?schema=cdm."


def _library() -> Any:  # noqa: ANN401 - a module that may not be installed
    try:
        import psycopg
    except ImportError as cause:
        raise ArgumentError(
            "The client of PostgreSQL is not installed.",
            where="--from omop postgresql://…",
            why="A PostgreSQL database is read by it.",
            hint="pip install 'cytowatch[postgres]', or export the tables as CSV.",
        ) from cause
    return psycopg
