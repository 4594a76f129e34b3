"""Which files are read, under which names, and their bytes; gzip is opened, within bounds."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cytowatch.adapters.walk import NOT_READ, files_in, passed_over
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
            inside = files_in(path)
            read = [one for one in inside if _is_read(one)]
            if not read:
                raise _nothing_in(path)
            found += read
            left += _left_out(path, [one for one in inside if not _is_read(one)])
            left += [(folder, NOT_READ) for folder in passed_over([path])]
        elif path.is_file():
            found.append(path)
        else:
            raise InputError("there is no such file or folder", where=str(path), hint="check the path")
    return _labeled(sorted(set(found))), left


class Opened:
    """The bytes of a file, those of a gzip file unpacked; ``fault`` says why they ended early, if they did."""

    def __init__(self, file: MessageFile) -> None:
        self._unpacked = _Unpacked(file) if file.path.suffix.lower() == ".gz" else None
        self.stream: BinaryIO = io.BufferedReader(self._unpacked, 2**20) if self._unpacked else file.path.open("rb")

    @property
    def fault(self) -> InputError | None:
        """Why the file could not be read to its end; what stands before that place has been read."""
        return self._unpacked.fault if self._unpacked else None

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def broken(label: str, cause: Exception) -> InputError:
    """What a file is told that cannot be read, or not to its end."""
    return InputError(
        f"the file cannot be read: {cause}",
        where=label,
        why="what stands behind that place is not known",
        hint="fetch or save it again",
    )


class _Unpacked(io.RawIOBase):
    """A gzip file that ends where it is damaged, or where it grows beyond reason."""

    def __init__(self, file: MessageFile) -> None:
        self._label = file.label
        self._stream = gzip.GzipFile(file.path, "rb")
        self._left = max(_ANY_SIZE, file.path.stat().st_size * _MOST_GROWTH)
        self.fault: InputError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.fault is not None:
            return 0
        try:
            data = self._stream.read(min(len(buffer), 2**20))
        except (OSError, EOFError, zlib.error) as cause:
            self.fault = broken(self._label, cause)
            return 0
        self._left -= len(data)
        if self._left < 0:
            self.fault = InputError(
                f"the file grows more than {_MOST_GROWTH} times when unpacked",
                where=self._label,
                why="text of messages does not; such a file can fill memory and disk",
                hint="unpack it yourself and look at it",
            )
            return 0
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
