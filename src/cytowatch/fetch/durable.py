"""Writing that survives a kill and a power cut: whole files put in place, appended bytes forced to the disk."""

from __future__ import annotations

import os
from pathlib import Path

# patients' data and addresses with their ids: for the one who fetched them
PRIVATE = 0o600


def put(path: Path, data: bytes) -> None:
    """Write a small file whole, under another name first; a kill leaves the old one or the new one.

    A power cut may bring the old one back: with it an append is cut off again, and read once more.
    """
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def append(path: Path, data: bytes) -> int:
    """Append bytes and force them to the disk; the length of the file then."""
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
    with os.fdopen(handle, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        length = file.tell()
    if new:
        settle(path.parent)
    return length


def cut(path: Path, length: int) -> None:
    """Cut a file to what was recorded of it; bytes behind it were written before a kill and are read again."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) > length:
            file.truncate(length)
            file.flush()
            os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """Force the names of a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
