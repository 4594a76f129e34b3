"""One file of an export, streamed to the disk, and gone on with where it broke off if the server can do that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import httpx2

from cytowatch.fetch import durable
from cytowatch.fetch.answers import NDJSON_TYPES, Answer, Ask, check_media_type, refusal
from cytowatch.fetch.failures import DamagedError, UnreachableError, UnusableError
from cytowatch.fetch.folder import Folder
from cytowatch.fetch.page import one_resource
from cytowatch.fetch.state import File
from cytowatch.fetch.web import Web, lowered

_ERROR_BYTES = 256 * 1024


class Download:
    """A file of an export on its way into a part file."""

    def __init__(self, web: Web, folder: Folder, file: File, name: str, what: str, *, signed: bool) -> None:
        self.web, self.folder, self.file, self.name, self.what, self.signed = web, folder, file, name, what, signed
        self.path = folder.part(name)

    def run(self) -> None:
        """Read the file to its end; RefusedError, UnreachableError or UnusableError if that cannot be."""
        while not self.file.done:
            stood = self.file.length
            try:
                self.web.patiently(self._ask, self._take)
            except UnreachableError:
                # as long as each round brings something, a poor line only takes longer
                if self.file.length <= stood:
                    raise
            else:
                self._check_end()
                self.file.done = True

    def _ask(self) -> Ask:
        """The rest of a file that is known to be unchanged, or all of it."""
        headers = {"Accept": "application/fhir+ndjson", "Accept-Encoding": "identity"}
        if self.file.length and self.file.tag:
            headers |= {"Range": f"bytes={self.file.length}-", "If-Range": self.file.tag}
        return Ask(self.file.url, self.what, headers=headers, signed=self.signed)

    def _take(self, answer: httpx2.Response) -> None:
        file = self.file
        if answer.status_code == 416 and file.length:
            # the file ends where we stand, or it is another one
            if answer.headers.get("content-range", "").strip() == f"bytes */{file.length}":
                return
            self._start_anew()
            raise DamagedError("The file was changed while it was read")
        if answer.status_code not in {200, 206}:
            body = b"".join(self.web.pieces(answer, _ERROR_BYTES))
            told = Answer(answer.status_code, lowered(answer), body, file.url)
            raise refusal(told, self.web.where(self.what), self.web.secrets)
        self._check_rest(answer)
        self._write(answer)

    def _check_rest(self, answer: httpx2.Response) -> None:
        """Begin anew unless the answer is the rest that was asked for."""
        starts = answer.headers.get("content-range", "").replace("bytes ", "").partition("-")[0].strip()
        if answer.status_code == 206 and starts == str(self.file.length) and not _encoded(answer):
            return
        begun = answer.status_code == 206
        self._start_anew()
        if begun:
            raise DamagedError("The server gave another part of the file than was asked for")

    def _start_anew(self) -> None:
        self.path.unlink(missing_ok=True)
        self.folder.state.lengths.pop(self.name, None)
        self.file.length = 0
        self.file.tag = ""

    def _write(self, answer: httpx2.Response) -> None:
        file = self.file
        if not file.length:
            file.tag = _tag(answer)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, durable.PRIVATE)
        with os.fdopen(handle, "ab") as out:
            out.truncate(file.length)
            unsafe = 0
            try:
                for piece in self._pieces(answer):
                    out.write(piece)
                    file.length += len(piece)
                    unsafe += len(piece)
                    if unsafe >= self.web.limits.durable_bytes:
                        self._settle(out)
                        unsafe = 0
            finally:
                self._settle(out)

    def _pieces(self, answer: httpx2.Response) -> Iterator[bytes]:
        """The body, once its start is no web page."""
        pieces = (piece for piece in self.web.pieces(answer) if piece)
        first = next(pieces, b"")
        check_media_type(lowered(answer), first[:200], NDJSON_TYPES)
        return chain([first], pieces)

    def _settle(self, out: BinaryIO) -> None:
        out.flush()
        os.fsync(out.fileno())
        self.folder.state.lengths[self.name] = self.file.length
        self.folder.save()

    def _check_end(self) -> None:
        """Count the lines; UnusableError if the last one stops in its middle, which no header told."""
        lines, last = 0, b""
        with self.path.open("rb") as file:
            for line in file:
                if line.strip():
                    lines, last = lines + 1, line
        self.file.lines = lines
        if last and not last.endswith(b"\n"):
            self._close_line(last)

    def _close_line(self, last: bytes) -> None:
        try:
            one_resource(last)
        except DamagedError:
            self._start_anew()
            raise UnusableError(
                "The file stops in the middle of a line.", where=self.web.where(self.what), hint="Run the same again."
            ) from None
        self.file.length = self.folder.state.lengths[self.name] = durable.append(self.path, b"\n")


def _encoded(answer: httpx2.Response) -> bool:
    return bool(answer.headers.get("content-encoding", "").replace("identity", "").strip())


def _tag(answer: httpx2.Response) -> str:
    """What tells that a file is unchanged: a strong ETag, else its date; empty if the server cannot give a part."""
    if _encoded(answer) or answer.headers.get("accept-ranges", "").strip().lower() == "none":
        return ""
    tag = str(answer.headers.get("etag", "")).strip()
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("last-modified", ""))
