"""The work folder of a run: what is finished lies there until all of it is; one process at a time works in it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import polars as pl

from cytowatch.adapters.tables import UNREADABLE
from cytowatch.errors import ArgumentError, InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = ".work"
# what lies in the folder counts only with it: it is written last and removed first
PLAN = "plan.json"
_LOCK = "lock"
# how a Parquet file begins and ends
_MAGIC = b"PAR1"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# the last is what Polars says when the end of a Parquet file finds no room
_SAID_WHEN_FULL = (*(f"os error {code}" for code in sorted(_FULL)), "thrift: transport error")


def work_folder(out: Path) -> Path:
    """Inside the folder of results where that is there already, else beside it; the one that was begun, if any."""
    inside, beside = out / NAME, out.absolute().parent / f"{NAME}-{out.name}"
    return inside if inside.is_dir() or (out.is_dir() and not beside.is_dir()) else beside


class Work:
    """An open work folder, locked for this process."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where something of this name lies."""
        return self.root / name

    def write(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file under another name and move it into place, so that what is there is whole."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}")
        write(temporary)
        to_disk(temporary)
        temporary.replace(path)

    def write_folder(self, name: str, write: Callable[[Path], object]) -> None:
        """The same for a folder."""
        path = self.path(name)
        temporary = path.with_name(f".{path.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        write(temporary)
        to_disk(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)

    def write_json(self, name: str, plain: dict[str, Any]) -> None:
        """The same for plain values."""
        text = json.dumps(plain, indent=1, ensure_ascii=False)
        self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Plain values, or nothing if there are none that can be read."""
        with suppress(OSError, ValueError):
            found = json.loads(self.path(name).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else None
        return None

    def is_whole(self, name: str, size: object) -> bool:
        """Whether a file has the size that was noted; False for one that a sudden loss of power emptied or zeroed."""
        path = self.path(name)
        if not path.is_file() or path.stat().st_size != size:
            return False
        if path.suffix != ".parquet":
            return True
        with path.open("rb") as handle:
            first = handle.read(len(_MAGIC))
            handle.seek(-len(_MAGIC), os.SEEK_END)
            return first == handle.read() == _MAGIC

    def clear(self) -> None:
        """Remove everything but the lock; if that is cut short, nobody goes on with what is left."""
        self.path(PLAN).unlink(missing_ok=True)
        for path in self.root.iterdir():
            if path.name != _LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remove(self) -> None:
        """Remove the folder, as far as that can be."""
        with suppress(OSError):
            self.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or every file of a folder, is on the disk: a loss of power must not empty it afterwards."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with file.open("r+b") as handle:
            os.fsync(handle.fileno())


@contextmanager
def told_as_damaged(path: Path) -> Iterator[None]:
    """A file of the work folder that cannot be read, as an InputError that names it and the way out."""
    try:
        yield
    except UNREADABLE as cause:
        raise InputError(
            "What an earlier run left cannot be read.",
            where=str(path),
            why="The disk was full or lost what was written; nothing was graded from it.",
            hint="Give the same command with --fresh: it begins anew.",
        ) from cause


@contextmanager
def open_work(root: Path) -> Iterator[Work]:
    """Make the folder if need be and lock it; ArgumentError if another process works in it or it cannot be written."""
    with told_as_full(root):
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / _LOCK).open("a+", encoding="utf-8")
    with handle:
        if not (_locked(handle) and _is_there(handle, root / _LOCK)):
            handle.seek(0)
            raise ArgumentError(
                "Another run is writing into this folder.",
                where=f"{root} (process {handle.read().strip() or 'unknown'})",
                why="Two runs at once would mix their results.",
                hint="Wait until it is done, or choose another folder with --out.",
            )
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        with told_as_full(root):
            yield Work(root)


def _locked(handle: IO[str]) -> bool:
    """Take the lock, which the system frees when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_there(handle: IO[str], path: Path) -> bool:
    """False if another run finished and removed the folder while this one was waiting for it."""
    with suppress(OSError):
        return os.fstat(handle.fileno()).st_ino == path.stat().st_ino
    return False


@contextmanager
def told_as_full(where: Path) -> Iterator[None]:
    """A disk that is full, or a folder that cannot be written to, as an ArgumentError that says how to go on."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as cause:
        number = cause.errno if isinstance(cause, OSError) else None
        said = str(cause)
        if number in _FULL or any(words in said for words in _SAID_WHEN_FULL):
            raise ArgumentError(
                "There is no room for the results.",
                where=f"{where} ({said})",
                why="What was finished is kept there; the folder of results is as it was.",
                hint="Make room and run the same command again: it goes on where it stopped.",
            ) from cause
        if number in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}:
            raise ArgumentError(
                "The results cannot be written there.",
                where=f"{where} ({said})",
                why="Nothing is graded that could not be kept.",
                hint="Choose a folder that you may write to with --out.",
            ) from cause
        raise
