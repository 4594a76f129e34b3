"""Strict reading of one table: every key is asked for, checked and ticked off; what is left over is an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from cytowatch.errors import KnowledgeError

W = TypeVar("W", bound=str)
_ABSENT: Any = object()


@dataclass(frozen=True)
class Document:
    """One TOML file after overlays: its relative name, merged content, and the layers it was made of."""

    name: str
    content: dict[str, Any]
    layers: tuple[tuple[Path, dict[str, Any]], ...]

    def place(self, path: Sequence[str]) -> str:
        """The file of the last layer that knows most of ``path``, so that an error names the overlay that caused it."""
        if not self.layers:
            return self.name
        depths = [(_depth(content, path), number) for number, (_, content) in enumerate(self.layers)]
        return str(self.layers[max(depths)[1]][0])


def _depth(content: object, path: Sequence[str]) -> int:
    """How many steps of the path are there."""
    for depth, step in enumerate(path):
        if isinstance(content, list):
            content = dict(_with_names(content)).get(step)
        else:
            content = content.get(step) if isinstance(content, dict) else None
        if content is None:
            return depth
    return len(path)


def _with_names(rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The rows of a list by `id`, else by `name`, else by number from 1."""
    for number, row in enumerate(rows, 1):
        yield str(row.get("id", row.get("name", number)) if isinstance(row, dict) else number), row


@dataclass
class Reader:
    """A table being read; ``finish`` complains about keys nobody asked for."""

    document: Document
    path: tuple[str, ...]
    data: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    def fail(self, what: str, key: str = "", *, why: str = "", hint: str = "") -> NoReturn:
        """Raise a KnowledgeError that names the file, the table and the key."""
        table = f", table [{'.'.join(self.path)}]" if self.path else ""
        where = self.document.place((*self.path, key) if key else self.path) + table
        raise KnowledgeError(
            what,
            where=where + (f", key `{key}`" if key else ""),
            why=why or "A table that is not understood in full is not used: grades would rest on a guess.",
            hint=hint or "Correct the table; `cytowatch knowledge show` prints one that works.",
        )

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.data

    def _take(self, key: str, default: object) -> object:
        self.asked.append(key)
        if key in self.data:
            return self.data[key]
        if default is _ABSENT:
            self.fail(f"The key `{key}` is missing.", key, hint=f"Add `{key} = …`.")
        return default

    def text(self, key: str, default: str = _ABSENT) -> str:
        """A string."""
        value = self._take(key, default)
        if not isinstance(value, str):
            self.fail(f"`{key}` must be text, not {_kind(value)}.", key)
        return value

    def number(self, key: str, default: float | None = _ABSENT) -> float:
        """A number; `true` and `false` are not numbers."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(f"`{key}` must be a number, not {_kind(value)}.", key)
        return float(value)

    def whole(self, key: str, default: int = _ABSENT) -> int:
        """A whole number."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f"`{key}` must be a whole number, not {_kind(value)}.", key)
        return value

    def maybe_number(self, key: str) -> float | None:
        """A number, or None where the key is absent."""
        if self.has(key):
            return self.number(key)
        self.asked.append(key)
        return None

    def maybe_whole(self, key: str) -> int | None:
        """A whole number, or None where the key is absent."""
        if self.has(key):
            return self.whole(key)
        self.asked.append(key)
        return None

    def maybe_pair(self, key: str) -> tuple[float, float] | None:
        """Two numbers, low first; one number stands for both ends; None where the key is absent."""
        if not self.has(key):
            self.asked.append(key)
            return None
        value: Any = self.any(key)
        ends = value if isinstance(value, list) and len(value) == 2 else [value, value]
        if not all(type(end) in (int, float) for end in ends) or ends[0] > ends[1]:
            self.fail(f"`{key}` must be a number, or two: [low, high], low first.", key)
        return float(ends[0]), float(ends[1])

    def truth(self, key: str, default: bool = _ABSENT) -> bool:
        """`true` or `false`."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.fail(f"`{key}` must be true or false, not {_kind(value)}.", key)
        return value

    def word(self, key: str, words: Sequence[W], default: str = _ABSENT) -> W:
        """One of a closed list of words."""
        value = self.text(key, default)
        found = next((word for word in words if word == value), None)
        if found is None:
            self.fail(f"`{key}` is {value!r}.", key, hint=f"Use one of: {', '.join(words)}.{near(value, words)}")
        return found

    def fraction(self, key: str, default: str = _ABSENT) -> Fraction:
        """An exact number, written as text: `"5/9"`, `"-32"`, `"88.4"`."""
        value = self.text(key, default)
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            self.fail(f"`{key}` is {value!r}, which is not an exact number.", key, hint='Write it as text: "5/9".')

    def texts(self, key: str, default: Sequence[str] = _ABSENT) -> tuple[str, ...]:
        """A list of strings, without repeats."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            self.fail(f"`{key}` must be a list of text.", key)
        found: tuple[str, ...] = tuple(value)
        twice = next((part for part in found if found.count(part) > 1), None)
        if twice is not None:
            self.fail(f"`{key}` names {twice!r} twice.", key)
        return found

    def any(self, key: str, default: object = _ABSENT) -> object:
        """Whatever stands there; the caller checks it."""
        return self._take(key, default)

    def table(self, key: str, default: dict[str, Any] | None = _ABSENT) -> Reader:
        """A table inside this one."""
        value = self._take(key, default)
        if not isinstance(value, dict):
            self.fail(f"`{key}` must be a table, not {_kind(value)}.", key)
        return Reader(self.document, (*self.path, key), value)

    def tables(self, key: str, default: Sequence[dict[str, Any]] = _ABSENT) -> list[Reader]:
        """A list of tables; each is named by its `id` where it has one, else by its number from 1."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(part, dict) for part in value):
            self.fail(f"`{key}` must be a list of tables.", key)
        return [Reader(self.document, (*self.path, key, name), part) for name, part in _with_names(value)]

    def named(self, key: str) -> Iterator[tuple[str, Reader]]:
        """The tables under `[key.<name>]`, by name."""
        inner = self.table(key, {})
        for name in inner.data:
            yield name, inner.table(name)

    def finish(self) -> None:
        """Complain about the first key that nobody asked for."""
        for key in self.data:
            if key not in self.asked:
                hint = f"Known: {', '.join(self.asked)}.{near(key, self.asked)}"
                self.fail(f"The key `{key}` is unknown here.", key, hint=hint)


def near(word: str, words: Sequence[str]) -> str:
    """` Did you mean …?` for a word that is close to a known one, else nothing."""
    found = difflib.get_close_matches(word, words, n=1)
    return f" Did you mean `{found[0]}`?" if found else ""


def _kind(value: object) -> str:
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), type(value).__name__)
