"""CDISC Dataset-JSON 1.1: one JSON document with its rows, or NDJSON with the description first and a row a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.csvfile import Broken
from cytowatch.adapters.frame import LINE
from cytowatch.errors import InputError

_SHOWN = 200


def read_dataset_json(path: Path) -> tuple[pl.DataFrame, list[Broken], str]:
    """Rows as text with their line (or place) in `_line`, the lines that are none, and the name that it gives itself.

    InputError if the description cannot be read. A row of the wrong length is a broken line, not an error.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from error
    if path.name.lower().endswith(".ndjson"):
        head, _, rest = text.partition("\n")
        described = _parsed(head, path)
        lines = [(number, line) for number, line in enumerate(rest.split("\n"), 2) if line.strip()]
        rows: list[tuple[int, object, str]] = [(number, _row(line), line) for number, line in lines]
    else:
        described = _parsed(text, path)
        given = described.get("rows", [])
        if not isinstance(given, list):
            raise _unreadable(path, "`rows` is no list")
        rows = [(number, row, "") for number, row in enumerate(given, 1)]
    names = _columns(described, path)
    good = [(number, row) for number, row, _ in rows if isinstance(row, list) and len(row) == len(names)]
    broken = [_broken(one, len(names)) for one in rows if not (isinstance(one[1], list) and len(one[1]) == len(names))]
    cells = {name: [_cell(row[place]) for _, row in good] for place, name in enumerate(names)}
    frame = pl.DataFrame(
        {**cells, LINE: [number for number, _ in good]}, schema={**dict.fromkeys(names, pl.String), LINE: pl.Int64}
    )
    return frame, broken, str(described.get("name") or "")


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise _unreadable(path, "it does not begin with the description of a data set")
    return found


def _row(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _columns(described: dict[str, Any], path: Path) -> list[str]:
    columns = described.get("columns")
    if not isinstance(columns, list) or not columns:
        raise _unreadable(path, "it names no columns")
    names = [str(one.get("name") or "").strip().upper() if isinstance(one, dict) else "" for one in columns]
    if not all(names) or len(set(names)) < len(names):
        raise _unreadable(path, "a column has no name, or two have the same")
    return names


def _cell(value: object) -> str | None:
    """A cell as text, a whole number without a point; lists and objects have no meaning in a data set."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # half of a surrogate pair is no text, and would stop the frame
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _broken(one: tuple[int, object, str], columns: int) -> Broken:
    number, row, line = one
    shown = (line or json.dumps(row, default=str))[:_SHOWN].encode("utf-8", "replace").decode("utf-8")
    cells = f"{len(row)} cells" if isinstance(row, list) else "no list of cells"
    return Broken(number, shown, "broken_line", f"the row is {cells}, not {columns} of them", "export it again")


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"The Dataset-JSON file cannot be read: {why}.",
        where=str(path),
        why="Nothing of it is used.",
        hint="Export it again as Dataset-JSON 1.1.",
    )
