"""Which files are read, under which names, and their bytes; gzip is opened, within bounds."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cytowatch.errors import InputError

ENDINGS = (".hl7", ".hl7v2", ".er7", ".msg", ".dat", ".txt")
# text of messages shrinks ten- to fiftyfold; what grows more than this was made to fill a disk
_MOST_GROWTH = 1000
_ANY_SIZE = 256 * 2**20


@dataclass(frozen=True)
class MessageFile:
    """One file to read, and the name it goes by in sources, rejects and the ledger."""

    path: Path
    label: str


def find_files(paths: Sequence[str | Path]) -> tuple[list[MessageFile], list[tuple[str, str]]]:
    """The files behind files and folders, by name, and what is not read of the folders (folder, why).

    InputError for a path that is not there, or a folder without a file that can be read.
    """
    found: list[Path] = []
    left: list[tuple[str, str]] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*")) if one.is_file() and not one.name.startswith(".")]
            read = [one for one in inside if _is_read(one)]
            if not read:
                raise _nothing_in(path)
            found += read
            left += _left_out(path, [one for one in inside if not _is_read(one)])
        elif path.is_file():
            found.append(path)
        else:
            raise InputError("there is no such file or folder", where=str(path), hint="check the path")
    return _labeled(sorted(set(found))), left


def open_file(file: MessageFile) -> BinaryIO:
    """The bytes of a file; those of a gzip file as they were, in bounds."""
    if file.path.suffix.lower() != ".gz":
        return file.path.open("rb")
    bounded = _Bounded(gzip.open(file.path, "rb"), file.path.stat().st_size, file.label)
    return io.BufferedReader(bounded, 2**20)


class _Bounded(io.RawIOBase):
    """A stream that refuses to grow beyond reason."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, packed: int, label: str) -> None:
        self._stream, self._label = stream, label
        self._left = max(_ANY_SIZE, packed * _MOST_GROWTH)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise InputError(
                f"the file grows more than {_MOST_GROWTH} times when unpacked",
                where=self._label,
                why="text of messages does not; such a file can fill memory and disk",
                hint="unpack it yourself and look at it",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _is_read(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(ENDINGS)


def _left_out(folder: Path, files: list[Path]) -> list[tuple[str, str]]:
    """One line for each ending that is not read."""
    counted = Counter(path.suffix.lower() or "no ending" for path in files)
    return [
        (folder.name or str(folder), f"{number} {'file' if number == 1 else 'files'} not read ({ending})")
        for ending, number in sorted(counted.items())
    ]


def _nothing_in(path: Path) -> InputError:
    return InputError(
        "the folder holds no file of HL7 v2 messages",
        where=str(path),
        why="there is nothing to grade",
        hint=f"files that are read in a folder: {' '.join(ENDINGS)}, also with .gz; name others one by one",
    )


def _labeled(paths: list[Path]) -> list[MessageFile]:
    """The file's name where it is the only one of that name, else its path."""
    names = Counter(path.name for path in paths)
    return [MessageFile(path, path.name if names[path.name] == 1 else path.as_posix()) for path in paths]
