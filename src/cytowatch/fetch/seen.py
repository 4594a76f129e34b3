"""Which lines a run has read already, by their digests, in bounded memory."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path


class Seen:
    """Remembers lines, and in which search each came last. Of more than ``most`` the oldest are forgotten by and by.

    A digest has 16 bytes over the whole line: two versions of one resource are two lines, and both are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}
        self.forgot = False

    def meet(self, line: bytes, search: int) -> tuple[bool, bool]:
        """Remember a line; whether it is new to the run, and whether it is new to this search."""
        key = blake2b(line, digest_size=16).digest()
        before = self._young.get(key, self._old.get(key))
        self._young[key] = search
        if len(self._young) > self._most:
            self.forgot = self.forgot or bool(self._old)
            self._old, self._young = self._young, {}
        return before is None, before != search

    def recall(self, path: Path) -> None:
        """Remember the lines of a file that an earlier run wrote."""
        if path.exists():
            with path.open("rb") as lines:
                for line in lines:
                    self.meet(line.rstrip(b"\n"), -1)
