"""CSV as it comes: any of three delimiters, quotes, a byte-order mark, gzip, and a broken line in two gigabytes.

A file is read in blocks of whole lines. A block whose every line has the right number of fields goes to Polars as it
is; in any other block each line is looked at, and only the lines that cannot be read are left out and named.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import polars as pl

from cytowatch.adapters.frame import LINE, file_column
from cytowatch.errors import InputError

BLOCK_BYTES = 32 * 2**20
_DELIMITERS = (",", ";", "\t")
# a quoted cell with line breaks in it is looked for over so many lines
_MAX_CELL_LINES = 20
_SHOWN = 200


@dataclass(frozen=True)
class Broken:
    """A line that cannot be read: its number in the file, its beginning, the rule, why, and what to do."""

    line: int
    text: str
    rule: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Block:
    """Rows as text with their line numbers in `_line`, the lines left out, and how many bytes lie behind."""

    frame: pl.DataFrame
    broken: list[Broken] = field(default_factory=list)
    bytes_done: int = 0


@dataclass(frozen=True)
class _Layout:
    """What the header says: the columns and how a line is cut; ``record`` matches one whole well-formed line."""

    names: list[str]
    delimiter: str
    record: str

    @classmethod
    def of(cls, header: str, label: str) -> _Layout:
        delimiter = max(_DELIMITERS, key=header.count)
        try:
            names = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error as cause:
            raise InputError(
                f"the first line cannot be read as a header: {cause}",
                where=label,
                why="without column names nothing can be told apart",
                hint="save it as CSV in UTF-8, with ordinary line ends and one row a line",
            ) from cause
        cell = rf'(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}]*)'
        record = rf"^{cell}(?:{re.escape(delimiter)}{cell}){{{len(names) - 1}}}$"
        return cls([name.strip() for name in names], delimiter, record)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        return {f"{position}": pl.String() for position in range(len(self.names))}


def read_csv(path: Path, label: str) -> Iterator[Block]:
    """The blocks of one file; InputError if it is empty, not UTF-8 text, or cannot be opened."""
    try:
        with _open(path) as stream:
            yield from _blocks(stream, label)
    except (OSError, EOFError, zlib.error) as cause:
        raise InputError(
            f"the file cannot be read: {cause}",
            where=label,
            why="nothing of it was used",
            hint="fetch or save it again",
        ) from cause


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _blocks(stream: BinaryIO, label: str) -> Iterator[Block]:
    layout: _Layout | None = None
    line, rest, done = 1, b"", 0
    while True:
        read = stream.read(BLOCK_BYTES)
        data = rest + read
        done += len(read)
        if not data:
            break
        cut = data.rfind(b"\n") + 1 if read else len(data)
        if layout is None:
            data, cut = _first(data, cut, label)
            header, cut_header, line = _header(data[:cut] if cut else data, label)
            layout = _Layout.of(header, label)
            data, cut = data[cut_header:], max(cut - cut_header, 0)
        block, rest = data[:cut], data[cut:]
        if block:
            yield _block(block, line, layout, done, label)
            line += block.count(b"\n")
        if not read:
            break
    if layout is None:
        raise _empty(label)


def _first(data: bytes, cut: int, label: str) -> tuple[bytes, int]:
    """Take the byte-order mark off, and refuse what is not text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4096]:
        raise _not_utf8(label, "it looks like UTF-16 or like a binary file")
    if data.startswith(b"PK\x03\x04"):
        raise _not_utf8(label, "it is a spreadsheet or an archive")
    if data.startswith(b"\xef\xbb\xbf"):
        data, cut = data[3:], max(cut - 3, 0)
    return data, cut


def _header(block: bytes, label: str) -> tuple[str, int, int]:
    """The first line that is not empty, where the next begins, and its number."""
    start, line = 0, 1
    while start < len(block):
        end = block.find(b"\n", start)
        end = len(block) if end < 0 else end
        text = block[start:end].strip()
        if b"\r" in text.strip(b"\r"):
            raise InputError(
                "the lines end in CR alone, as on old Macintosh systems",
                where=label,
                why="the whole file reads as one line",
                hint="save it again as CSV with ordinary line ends",
            )
        if text:
            try:
                return text.decode("utf-8"), min(end + 1, len(block)), line + 1
            except UnicodeDecodeError as cause:
                raise _not_utf8(label, f"byte {cause.start + 1} of the header is not") from cause
        start, line = end + 1, line + 1
    raise _empty(label)


def _empty(label: str) -> InputError:
    return InputError(
        "the file is empty",
        where=label,
        why="there is nothing to grade, and an empty file is often a failed export",
        hint="export it again, or leave it out",
    )


def _not_utf8(label: str, detail: str) -> InputError:
    return InputError(
        f"the file is not UTF-8 text: {detail}",
        where=label,
        why="units such as µmol/L and names would be read wrongly",
        hint="save it as CSV in UTF-8",
    )


def _block(block: bytes, line: int, layout: _Layout, done: int, label: str) -> Block:
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if not block.endswith(b"\n"):
        block += b"\n"
    frame = _clean(block, line, layout)
    if frame is not None:
        return Block(frame, bytes_done=done)
    frame, broken = _by_line(block, line, layout, label)
    return Block(frame, broken, done)


def _clean(block: bytes, line: int, layout: _Layout) -> pl.DataFrame | None:
    """The block as a frame if it has no quotes, no empty lines and exactly the right fields; else nothing."""
    lines = block.count(b"\n")
    fields = lines * (len(layout.names) - 1)
    if b'"' in block or b"\n\n" in block or block.startswith(b"\n") or block.count(layout.delimiter.encode()) != fields:
        return None
    try:
        frame = _parsed(block, layout, quotes=False)
    except pl.exceptions.PolarsError:
        # a line with a field too many beside one with a field too few, or bytes that are not text
        return None
    return _named(frame, layout, pl.int_range(line, line + lines, eager=True)) if len(frame) == lines else None


def _parsed(block: bytes, layout: _Layout, *, quotes: bool) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(block),
        has_header=False,
        schema=layout.schema,
        separator=layout.delimiter,
        quote_char='"' if quotes else None,
    )


def _named(frame: pl.DataFrame, layout: _Layout, lines: pl.Series) -> pl.DataFrame:
    """Put the header's names on; two columns of one name stay two, for the reader of the table to refuse."""
    names: list[str] = []
    for name in layout.names:
        own = file_column(name)
        # three of one name, or a name that is only spaces: each gets one space more than the last
        while own in names:
            own += " "
        names.append(own)
    frame.columns = names
    return frame.with_columns(lines.cast(pl.Int64).alias(LINE))


def _by_line(block: bytes, line: int, layout: _Layout, label: str) -> tuple[pl.DataFrame, list[Broken]]:
    text, broken = _decoded(block, line, label)
    numbers = pl.int_range(line, line + len(text), eager=True)
    lines = pl.DataFrame({"text": pl.Series(text, dtype=pl.String), LINE: numbers})
    lines = lines.filter(pl.col("text").is_not_null() & (pl.col("text").str.strip_chars() != ""))
    well = lines["text"].str.contains(layout.record)
    good, odd = lines.filter(well), lines.filter(~well)
    joined, refused = _rejoin(list(odd.iter_rows()), layout)
    broken += refused
    records = pl.concat([good, pl.DataFrame(joined, schema=good.schema, orient="row")]).sort(LINE)
    if records.is_empty():
        return _named(pl.DataFrame(schema=layout.schema), layout, records[LINE]), broken
    frame = _parsed("\n".join(records["text"].to_list()).encode() + b"\n", layout, quotes=True)
    return _named(frame, layout, records[LINE]), sorted(broken, key=lambda one: one.line)


def _decoded(block: bytes, line: int, label: str) -> tuple[list[str | None], list[Broken]]:
    """The lines as text; a line that is not UTF-8 is broken, and a file that is not at all is an error."""
    try:
        return list(block.decode("utf-8").split("\n")[:-1]), []
    except UnicodeDecodeError:
        raw = block.split(b"\n")[:-1]
    text = [_utf8(part) for part in raw]
    bad = [position for position, part in enumerate(text) if part is None]
    others = any(part is not None and not part.isascii() for part in text)
    if len(bad) > 1 and not others:
        raise _not_utf8(label, f"line {line + bad[0]} is the first that is not")
    reason = "the line is not UTF-8 text"
    hint = "save the file as UTF-8"
    return text, [
        Broken(line + position, raw[position].decode("latin-1")[:_SHOWN], "not_utf8", reason, hint) for position in bad
    ]


def _utf8(part: bytes) -> str | None:
    try:
        return part.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _rejoin(odd: list[tuple[str, int]], layout: _Layout) -> tuple[list[tuple[str, int]], list[Broken]]:
    """Join the lines of a quoted cell that holds line breaks; a good line is never swallowed by a stray quote."""
    joined: list[tuple[str, int]] = []
    broken: list[Broken] = []
    position = 0
    while position < len(odd):
        text, line = odd[position]
        taken = _cell_end(odd, position, layout)
        if taken > 1:
            joined.append(("\n".join(part for part, _ in odd[position : position + taken]), line))
        else:
            broken.append(_broken(text, line, layout))
        position += max(taken, 1)
    return joined, broken


def _cell_end(odd: list[tuple[str, int]], start: int, layout: _Layout) -> int:
    """How many lines from here make one record; 0 if none do."""
    text, line = odd[start]
    if text.count('"') % 2 == 0:
        return 0
    for taken in range(2, min(_MAX_CELL_LINES, len(odd) - start) + 1):
        more, number = odd[start + taken - 1]
        if number != line + taken - 1:
            return 0
        text = f"{text}\n{more}"
        if re.fullmatch(layout.record.removeprefix("^").removesuffix("$"), text):
            return taken
    return 0


def _broken(text: str, line: int, layout: _Layout) -> Broken:
    needed = len(layout.names)
    if text.count('"') % 2:
        reason = "a quotation mark is opened and not closed"
        hint = "close it, or write it twice where it is part of the text"
    elif '"' in text:
        reason = "a quotation mark stands in the middle of a cell"
        hint = "put the whole cell into quotation marks, and write one that is part of the text twice"
    else:
        reason = f"the line has {text.count(layout.delimiter) + 1} fields, the header names {needed}"
        hint = "put a cell that holds the delimiter (a decimal comma) into quotation marks"
    return Broken(line, text[:_SHOWN], "broken_line", reason, hint)
