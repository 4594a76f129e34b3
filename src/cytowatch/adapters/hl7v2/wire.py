"""From bytes to messages: frames, line ends, byte-order marks, batches, character sets, one message after another.

A file is read in pieces that end between two messages, so a file of any size takes the memory of a few messages.
Segments end in CR, as the standard has it, in LF or in CRLF. Frames (VT … FS CR) may lie around messages.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from cytowatch.adapters.hl7v2.syntax import Separators, component, read_separators, repetitions
from cytowatch.errors import InputError

PIECE_BYTES = 16 * 2**20
# a message of this size is none: a file that was cut wrongly, or a bomb
LARGEST_MESSAGE = 128 * 2**20
MOST_LINES = 1_000_000
NO_MESSAGE = ("the file is empty", "the file holds no HL7 v2 message")
HEADERS = ("MSH", "FHS", "BHS", "BTS", "FTS")
_STARTS = (b"\rMSH", b"\nMSH", b"\x0bMSH")
_USUAL_HEADER = b"MSH|^~\\&"
# stands at the end of a line that broke off, so that whoever reads it sees a control character and trusts none of it
BROKEN_OFF = b"\x18"
_ANY_HEADER = re.compile(rb"MSH|FHS|BHS", re.IGNORECASE)
# everything but control characters
_NO_CONTROL = bytes(code for code in range(256) if code in (9, 10, 13) or (code > 31 and code != 127))
_FRAME_END = re.compile(rb"\x1c\r?\n?")
_FRAME_START = re.compile(rb"(?<![\r\n])\x0b")
_BLANK = re.compile(rb"[\x00-\x20\x7f]*")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"), ("MSH".encode("utf-16-le"), "utf-16-le"), ("MSH".encode("utf-16-be"), "utf-16-be"),
)  # fmt: skip
# where the set that is named does not fit, one that every byte fits
_LAST_RESORT = "cp1252"


@dataclass
class Raw:
    """One message, or a header or trailer of a batch, or what stands before any header: lines of text, numbered.

    ``kind``: the name of its first segment, or empty. ``separators``: None if the header defines none that work.
    ``told``: what a reader of the ledger should know of it. ``cut``: the last line has no end; the file stops there.
    ``clean``: no control character stands in them.
    """

    kind: str
    lines: list[tuple[int, str]]
    separators: Separators | None = None
    told: list[str] = field(default_factory=list)
    cut: bool = False
    clean: bool = False


def messages(stream: BinaryIO, label: str, charsets: Mapping[str, str]) -> Iterator[Raw]:
    """Everything in a file, in order. ``charsets``: the codec of each name in MSH-18.

    InputError for a single message larger than any can be.
    """
    stream, wide = _narrow(stream)
    line, first = 1, True
    for piece in _pieces(stream, label):
        data = piece.removeprefix(codecs.BOM_UTF8) if first else piece
        ends = data[-1:] in (b"\r", b"\n", b"\x1c", b"\x0b")
        data = _unframed(data)
        lines = data.splitlines()
        first = False
        clean = not data.translate(None, _NO_CONTROL) and not _swallows(data)
        for raw in _grouped(lines, line, charsets, wide=wide, clean=clean):
            raw.clean = clean
            raw.cut = not ends and bool(raw.lines) and raw.lines[-1][0] == line + len(lines) - 1
            yield raw
        line += len(lines)


def _narrow(stream: BinaryIO) -> tuple[BinaryIO, bool]:
    """The same bytes as UTF-8 if they come with two or four bytes a character."""
    start = stream.read(4)
    whole = io.BufferedReader(_Joined(start, stream), 2**20)
    codec = next((name for mark, name in _WIDE_MARKS if start.startswith(mark[:4])), None)
    return (whole, False) if codec is None else (io.BufferedReader(_Recoded(whole, codec), 2**20), True)


class _Joined(io.RawIOBase):
    """A stream whose first bytes have been read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._start or self._rest.read(len(buffer))
        data, self._start = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class _Recoded(io.RawIOBase):
    """A stream in UTF-16 or UTF-32 as one in UTF-8; what is no character becomes U+FFFD."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self._stream, self._ready = stream, b""
        self._decoder = codecs.getincrementaldecoder(codec)(errors="replace")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            read = self._stream.read(2**20)
            self._ready = self._decoder.decode(read, not read).encode("utf-8", "replace")
            if not read:
                break
        data, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def _pieces(stream: BinaryIO, label: str) -> Iterator[bytes]:
    """Parts of a file that end before a message begins."""
    held, lines = b"", 0
    while read := stream.read(PIECE_BYTES):
        if not held and not lines and not _ANY_HEADER.search(read):
            raise no_message(label)
        # a start may lie across two reads
        begin = max(len(held) - 8, 0)
        held += read
        cut = max(held.rfind(start, begin) for start in _STARTS) + 1
        if cut:
            yield held[:cut]
            held, lines = held[cut:], 1
            read = held
        lines += read.count(b"\r") + read.count(b"\n")
        if len(held) > LARGEST_MESSAGE or lines > MOST_LINES:
            raise _too_large(label)
    if held:
        yield held


def no_message(label: str, *, empty: bool = False) -> InputError:
    """What a file is told that has no message in it."""
    return InputError(
        NO_MESSAGE[0] if empty else NO_MESSAGE[1],
        where=label,
        why="a message begins with MSH; XML, JSON and other forms are not read by this door",
        hint="export it again" if empty else "check the file, or choose another door with --from",
    )


def _too_large(label: str) -> InputError:
    return InputError(
        f"a single message is larger than {LARGEST_MESSAGE // 2**20} MiB, or has more than {MOST_LINES:,} lines",
        where=label,
        why="no HL7 v2 message is: the file is something else, or its messages are not parted",
        hint="check the file; each message must begin with MSH on a line of its own",
    )


def _unframed(data: bytes) -> bytes:
    """Without the marks of frames; a mark that parts two lines parts them still."""
    if b"\x1c" in data:
        data = _FRAME_END.sub(b"\r", data)
    return _FRAME_START.sub(b"\r", data).replace(b"\x0b", b"") if b"\x0b" in data else data


def _swallows(data: bytes) -> bool:
    """Whether a header may stand anywhere but at the beginning of a line."""
    begun = sum(data.count(end + _USUAL_HEADER) for end in (b"\r", b"\n"))
    return data.count(_USUAL_HEADER) != begun + data.startswith(_USUAL_HEADER)


def _grouped(lines: list[bytes], first: int, charsets: Mapping[str, str], *, wide: bool, clean: bool) -> Iterator[Raw]:
    """Lines by the header they follow; blank lines are left out."""
    group: list[tuple[int, bytes]] = []
    for number, line in enumerate(lines, first) if clean else _one_header_a_line(lines, first):
        text = line if b" " < line[:1] < b"\xef" else line.lstrip(b" \t\xef\xbb\xbf")
        name = text[:3].upper()
        if name == b"MSH" or (name[:1] in b"FB" and name[1:] in (b"HS", b"TS")):
            if group:
                yield _decoded(group, charsets, wide=wide)
            group = [(number, text)]
        elif b" " < text[:1] < b"\x7f" or (text and not _BLANK.fullmatch(text)):
            group.append((number, text))
    if group:
        yield _decoded(group, charsets, wide=wide)


def _one_header_a_line(lines: list[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; where a message begins inside one, what stands before it broke off."""
    for number, line in enumerate(lines, first):
        rest = line
        while (at := rest.find(_USUAL_HEADER, 1)) > 0 and rest[:at].strip(b" \t\xef\xbb\xbf"):
            yield number, rest[:at] + BROKEN_OFF
            rest = rest[at:]
        yield number, rest


def _decoded(group: list[tuple[int, bytes]], charsets: Mapping[str, str], *, wide: bool) -> Raw:
    kind = group[0][1][:3].upper().decode("latin-1")
    if kind not in HEADERS:
        kind = ""
    told: list[str] = []
    codec = "utf-8" if wide or kind != "MSH" else _codec(group[0][1], charsets, told)
    texts = _texts(group, codec, told)
    head = texts[0][1] if kind in ("MSH", "FHS", "BHS") else "MSH|^~\\&|"
    return Raw(kind, texts, read_separators(head, codec), told)


def _codec(header: bytes, charsets: Mapping[str, str], told: list[str]) -> str:
    """The codec that MSH-18 names; UTF-8, of which ASCII is a part, where it names none."""
    text = header.decode("latin-1")
    separators = read_separators(text)
    fields = text.split(separators.field) if separators else []
    named = repetitions(fields[17], separators) if separators and len(fields) > 17 else []
    name = component(named[0], 1, separators).upper() if named and separators else ""
    if not name:
        return "utf-8"
    codec = charsets.get(name)
    if codec is None:
        told.append(f"characters: the set `{name[:40]}` of MSH-18 is not known; read as UTF-8 where that fits")
    return "utf-8" if codec in (None, "ascii") or codec.startswith(("utf-16", "utf-32")) else codec


def _texts(group: list[tuple[int, bytes]], codec: str, told: list[str]) -> list[tuple[int, str]]:
    for one in dict.fromkeys((codec, "utf-8", _LAST_RESORT)):
        try:
            texts = [(number, line.decode(one)) for number, line in group]
        except (UnicodeDecodeError, LookupError):
            continue
        if one != codec:
            told.append(f"characters: not written as its header says ({codec}); read as {one}")
        return texts
    told.append(f"characters: some are of no known set; read as {_LAST_RESORT}, what does not fit as U+FFFD")
    return [(number, line.decode(_LAST_RESORT, "replace")) for number, line in group]
