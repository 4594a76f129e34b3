"""One folder of tables as it lies on the disk, and folders laid over one another; nothing of their meaning."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge.shape import Document, near

# what a folder may hold: folder ("" = its top) and ending; `cases` beside them is for tests and readers
_LAYOUT = {
    "": (
        *("VERSION", "sources.toml", "concepts.toml", "policy.toml", "messages.toml", "quantities.toml"),
        *("symptoms.toml", "lookalikes.toml"),
    ),
    "scales": (".toml",),
    "products": (".toml",),
    "drugs": (".toml",),
    "advice": (".toml",),
    "education": (".toml",),
    "prevention": (".toml",),
    "monitoring": (".toml",),
    "workup": (".toml",),
    "doors": (".toml",),
    "codes": (".csv",),
}
# under these keys a folder adds names to those that are there: a site has its own words besides
_NAMES = ("aliases", "brands", "category_aliases")
# these are replaced whole, never merged
_WHOLE = ("when",)
CodeTable = tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Layer:
    """One folder of tables as read: file name to content, nothing checked yet but the syntax."""

    folder: Path
    version: str
    documents: dict[str, dict[str, Any]]
    codes: dict[str, CodeTable]
    digest: bytes


def read_layer(folder: Path) -> Layer:
    """One folder of tables, read and hashed; KnowledgeError for a file that is not TOML, CSV or in the layout."""
    if not folder.is_dir():
        raise KnowledgeError(
            "There is no such folder of tables.", where=str(folder), hint="Give the folder that holds policy.toml."
        )
    digest = hashlib.sha256()
    documents: dict[str, dict[str, Any]] = {}
    codes: dict[str, CodeTable] = {}
    version = ""
    for name, file in _files(folder):
        text = _text(file)
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
        if name == "VERSION":
            version = text.strip()
        elif file.suffix == ".csv":
            codes[file.stem] = _csv_rows(file, text)
        else:
            documents[name] = _toml(file, text)
    return Layer(folder, version, documents, codes, digest.digest())


def _files(folder: Path) -> Iterable[tuple[str, Path]]:
    for part, endings in _LAYOUT.items():
        inside = folder / part if part else folder
        for file in sorted(inside.iterdir()) if inside.is_dir() else ():
            if file.name.startswith(".") or file.suffix == ".md" or (not part and file.name in (*_LAYOUT, "cases")):
                continue
            if not file.name.endswith(endings):
                raise KnowledgeError(
                    f"`{file.name}` does not belong in a folder of tables.",
                    where=str(file),
                    why="A misspelled file would be passed over in silence and its policy not used.",
                    hint=f"Allowed here: {', '.join(endings)}.{near(file.name, endings)}",
                )
            yield file.relative_to(folder).as_posix(), file


def _text(file: Path) -> str:
    try:
        # one form of line end, so that the digest is the same on every system
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"The table cannot be read: {error}", where=str(file), hint="Save it as UTF-8.") from error


def _toml(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise KnowledgeError(
            f"The table is not valid TOML: {error}",
            where=str(file),
            why="Nothing in this file can be used.",
            hint="Correct the line named above.",
        ) from error


def _csv_rows(file: Path, text: str) -> CodeTable:
    rows = list(csv.reader(io.StringIO(text), strict=True))
    if not rows or not all(rows[0]) or len(set(rows[0])) < len(rows[0]):
        raise KnowledgeError("The first line must name every column once.", where=f"{file}, line 1")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]) or not row[0]:
            raise KnowledgeError(
                f"The row has {len(row)} cells, {len(rows[0])} are needed, and the first may not be empty.",
                where=f"{file}, line {number}",
                why="A shifted row maps a code to the wrong thing.",
            )
    return tuple(dict(zip(rows[0], row, strict=True)) for row in rows[1:])


def merge(under: dict[str, Any], over: dict[str, Any], *, adding: bool = False) -> dict[str, Any]:
    """``over`` laid on ``under``: tables key by key, lists of rows by their ``id`` or ``name``, names added to names.

    Anything else is replaced, and so is every condition (``when``).
    """
    merged = {
        # a condition says one thing: half of an old one would make another rule of the new one
        key: value if key in _WHOLE else _merged(under.get(key), value, adding or key in _NAMES)
        for key, value in over.items()
    }
    return {**under, **merged}


def _merged(under: object, over: object, adding: bool) -> object:
    if isinstance(under, dict) and isinstance(over, dict):
        return merge(under, over, adding=adding)
    if adding and isinstance(under, list) and isinstance(over, list):
        return [*under, *(name for name in over if name not in under)]
    for label in ("id", "name"):
        old, new = _rows_by(label, under), _rows_by(label, over)
        if old and new:
            return list({**old, **{key: merge(old.get(key, {}), row) for key, row in new.items()}}.values())
    return over


def _rows_by(label: str, value: object) -> dict[str, dict[str, Any]]:
    """The rows by their label; nothing unless every row has one of its own."""
    rows = value if isinstance(value, list) else []
    found = {row[label]: row for row in rows if isinstance(row, dict) and isinstance(row.get(label), str)}
    return found if len(found) == len(rows) else {}


def documents(layers: list[Layer]) -> dict[str, Document]:
    """Every TOML file by its name, the layers laid over one another in order."""
    names = sorted({name for layer in layers for name in layer.documents})
    found = {}
    for name in names:
        parts = tuple((layer.folder / name, layer.documents[name]) for layer in layers if name in layer.documents)
        content: dict[str, Any] = {}
        for _, part in parts:
            content = merge(content, part)
        found[name] = Document(name, content, parts)
    return found


def codes(layers: list[Layer]) -> dict[str, CodeTable]:
    """Every table of codes by its file's stem; a later layer's rows replace those with the same first cell."""
    found: dict[str, CodeTable] = {}
    for layer in layers:
        for name, rows in layer.codes.items():
            if not rows:
                found.setdefault(name, ())
                continue
            key = next(iter(rows[0]))
            replaced = {row[key] for row in rows}
            found[name] = (*(row for row in found.get(name, ()) if row.get(key) not in replaced), *rows)
    return found
