"""Which files hold resources, and their content piece by piece: lines of NDJSON, or one document.

Compressed files are recognized by their first bytes. Nothing is read that could fill the memory: lines, documents and
what a compressed file unpacks to are bounded.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cytowatch.adapters.fhir.decode import decode
from cytowatch.adapters.walk import files_in
from cytowatch.errors import InputError

ENDINGS = (".ndjson", ".jsonl", ".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
_BLOCK, _STEP = 4 << 20, 64 << 10
# a resource is a few kilobytes; the largest that are met (scanned documents inside) stay below this
_LONGEST_LINE = 64 << 20
# a document has to be in memory at once; a larger one can be written as NDJSON
_LARGEST_DOCUMENT = 1 << 30
# resources shrink 10 to 60 times; the most that the method can do is about 1000 times, and only with nothing inside
_MOST_RATIO, _FREE = 400, 256 << 20
_BOM = b"\xef\xbb\xbf"
_MAGIC = {b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text", b"PK\x03\x04": "a ZIP archive"}
_TRIED_LINES = 20


@dataclass(frozen=True)
class FhirFile:
    """One file to read, and the name it goes by in sources, rejects and the ledger."""

    path: Path
    label: str


# one line, or a whole document (line 0): the line's number, its bytes, and why it could not be had
Piece = tuple[int, bytes, str]


def find_resources(paths: Sequence[str | Path]) -> tuple[list[FhirFile], list[FhirFile]]:
    """The files of resources behind files and folders, in order; and the other files of those folders."""
    found: list[Path] = []
    others: list[Path] = []
    for path in map(Path, paths):
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            inside = files_in(path)
            found += [one for one in inside if one.name.lower().endswith(ENDINGS)]
            others += [one for one in inside if not one.name.lower().endswith(ENDINGS)]
        else:
            raise InputError("there is no such file or folder", where=str(path), hint="check the path")
    found = list(dict.fromkeys(found))
    if not found:
        raise InputError(
            "the folder holds no file of resources",
            where=", ".join(str(path) for path in paths),
            why="there is nothing to grade",
            hint=f"files that are read: {' '.join(ENDINGS)}",
        )
    return _labeled(found), _labeled(others)


def _labeled(paths: list[Path]) -> list[FhirFile]:
    """The file's name where it is the only one of that name, else its path."""
    names = [path.name for path in paths]
    return [FhirFile(path, path.name if names.count(path.name) == 1 else path.as_posix()) for path in paths]


class Content:
    """The bytes of one file, unpacked as they are read; ``behind`` is how much of the file is read, 0 to 1."""

    def __init__(self, file: FhirFile) -> None:
        self.file = file
        self.trouble = ""
        self._out = 0
        try:
            self._size = max(file.path.stat().st_size, 1)
            self._raw: IO[bytes] = file.path.open("rb")
            start = self._raw.read(4)
            self._raw.seek(0)
        except OSError as cause:
            raise InputError("the file cannot be opened", where=file.label, hint=str(cause)[:200]) from cause
        strange = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")
        if strange:
            self._raw.close()
            raise InputError(
                f"the file is {strange}",
                where=file.label,
                why="resources are read from UTF-8 text, plain or compressed with gzip",
                hint="unpack it, or write it as UTF-8",
            )
        self._packed = start.startswith(b"\x1f\x8b")
        self._from = gzip.GzipFile(fileobj=self._raw, mode="rb")

    @property
    def behind(self) -> float:
        """How much of the file is read, 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0)

    def read(self, size: int = _BLOCK) -> bytes:
        """The next bytes; none at the end, or where the file is cut off (``trouble`` says so)."""
        data = self._unpacked(size) if self._packed else self._raw.read(size)
        if not self._out and data.startswith(_BOM):
            data = data[len(_BOM) :]
        self._out += len(data)
        if self._packed and self._out > _FREE and self._out > _MOST_RATIO * self._size:
            raise InputError(
                "the file unpacks to far more than resources ever do",
                where=self.file.label,
                why=f"more than {_MOST_RATIO} times its size: it may be made to fill the memory",
                hint="unpack it by hand and look what is inside",
            )
        return data

    def _unpacked(self, size: int) -> bytes:
        """In small steps, so that of a file that is cut off nothing before the cut is lost."""
        parts, got = [], 0
        while got < size and not self.trouble:
            try:
                part = self._from.read1(_STEP)
            except (OSError, EOFError, zlib.error) as cause:
                self.trouble = f"the file cannot be unpacked any further: {str(cause)[:100]}"
                break
            if not part:
                break
            parts.append(part)
            got += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give the file back."""
        self._raw.close()


def pieces(content: Content) -> Iterator[list[Piece]]:
    """The lines of a file, a block at a time, or the one document that it is."""
    first = content.read()
    if _is_lines(first, content.file.path.name.lower()):
        yield from _lines(first, content)
    else:
        yield [_document(first, content)]
    if content.trouble:
        yield [(0, b"", content.trouble)]


def _is_lines(first: bytes, name: str) -> bool:
    """NDJSON or one document? By what is there, because endings are often wrong."""
    lines = [line for line in first.split(b"\n", _TRIED_LINES)[:_TRIED_LINES] if line.strip()]
    alone = len(lines) < 2 and len(first) < _BLOCK
    if alone and not name.removesuffix(".gz").endswith(".json"):
        return True
    if alone:
        return False
    return any(len(line) > 2 and not decode(line).broken for line in lines)


def _document(first: bytes, content: Content) -> Piece:
    parts, size = [first], len(first)
    while block := content.read():
        parts.append(block)
        size += len(block)
        if size > _LARGEST_DOCUMENT:
            raise InputError(
                f"the document is larger than {_LARGEST_DOCUMENT >> 20} MiB",
                where=content.file.label,
                why="one document has to be in memory as a whole",
                hint="write its resources one a line (NDJSON), as bulk exports are",
            )
    return 0, b"".join(parts), ""


def _lines(first: bytes, content: Content) -> Iterator[list[Piece]]:
    number, rest, lost = 0, b"", False
    block = first
    while block:
        parts = block.split(b"\n")
        parts[0] = rest + parts[0]
        rest = parts.pop()
        found = [(at, part, "") for at, part in enumerate(parts, number + 1) if part and not part.isspace()]
        if lost and parts:
            # the end of a line whose beginning was thrown away
            found = [(number + 1, b"", _TOO_LONG), *(one for one in found if one[0] > number + 1)]
            lost = False
        number += len(parts)
        if len(rest) > _LONGEST_LINE or lost:
            rest, lost = b"", True
        yield found
        block = content.read()
    if lost:
        yield [(number + 1, b"", _TOO_LONG)]
    elif rest and not rest.isspace():
        yield [(number + 1, rest, "")]


_TOO_LONG = f"the line is longer than {_LONGEST_LINE >> 20} MiB"
