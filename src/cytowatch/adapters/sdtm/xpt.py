"""SAS transport files, version 5: checked record by record before anything reads them, so that a damaged one is told.

The layout (SAS, TS-140): records of 80 bytes; a library header, a member header, one description of 140 (on some
machines 136) bytes a variable, and the observations, one after another, filled up with blanks to whole records.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import polars as pl

from cytowatch.errors import ArgumentError, InputError

_RECORD = 80
_LIBRARY = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
_MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_NAMES = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_ROWS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_NAMES_AT, _LONGEST_NUMBER, _LONGEST_TEXT = 7 * _RECORD, 8, 200
_MOST_VARIABLES = 10_000
# UTF-8 first: what is no UTF-8 was nearly always written by SAS on a western Windows
_ENCODINGS = ("UTF-8", "WINDOWS-1252")


def read_xpt(path: Path) -> pl.DataFrame:
    """The rows of a transport file; numbers stay numbers. InputError if it is damaged, ArgumentError without the extra.

    Dates are text in SDTM; a number with a date format is kept as the number that it is.
    """
    try:
        import pyreadstat
    except ImportError as cause:
        raise ArgumentError(
            "XPT files need the package pyreadstat, and it is not installed.",
            where=str(path),
            hint="pip install 'cytowatch[cdisc]', or give the tables as CSV or Parquet.",
        ) from cause
    columns, rows = check_xpt(path)
    if rows == 0:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    said = ""
    for encoding in _ENCODINGS:
        try:
            found, _ = pyreadstat.read_xport(
                str(path), encoding=encoding, disable_datetime_conversion=True, output_format="polars"
            )
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OverflowError, OSError) as error:
            said = str(error)
            continue
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise _damaged(path, str(error).splitlines()[0]) from error
        frame: pl.DataFrame = found
        return frame.rename({name: name.strip() for name in frame.columns})
    raise _damaged(path, said)


def check_xpt(path: Path) -> tuple[list[str], int]:
    """The names of the variables and the most rows that the file can hold; InputError if its layout is broken."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _damaged(path, str(error)) from error
    if not data.startswith(_LIBRARY):
        raise _damaged(path, "it does not begin as a SAS transport file of version 5")
    if len(data) % _RECORD:
        raise _damaged(path, f"its length, {len(data)} bytes, is no multiple of {_RECORD}: it was cut or changed")
    member, names = data[3 * _RECORD : 4 * _RECORD], data[_NAMES_AT : _NAMES_AT + _RECORD]
    if not member.startswith(_MEMBER) or not names.startswith(_NAMES):
        raise _damaged(path, "the headers of its table are not where they belong")
    size, count = _number(member[74:78]), _number(names[54:58])
    if size not in (136, 140) or not 0 < count <= _MOST_VARIABLES:
        raise _damaged(path, f"its header speaks of {count} variables of {size} bytes")
    begin = _NAMES_AT + _RECORD
    end = begin + -(-size * count // _RECORD) * _RECORD
    if not data[end : end + _RECORD].startswith(_ROWS):
        raise _damaged(path, "its rows do not begin where its variables end")
    if data.count(_MEMBER) > 1:
        raise _damaged(path, "it holds more than one table, which the rules for submissions do not allow")
    columns, width = _variables(data[begin:end], size, count, path)
    return columns, _rows(data[end + _RECORD :], width, path)


def _rows(body: bytes, width: int, path: Path) -> int:
    rest = len(body) % width
    # what is left over is blank, or a row was cut
    if body[len(body) - rest :].strip(b" \x00") and len(body) >= width:
        raise _damaged(path, f"its last row is shorter than the {width} bytes of a row")
    if len(body) < width and body.strip(b" \x00"):
        raise _damaged(path, f"its only row is shorter than the {width} bytes of a row")
    return len(body) // width


def _variables(block: bytes, size: int, count: int, path: Path) -> tuple[list[str], int]:
    """Names and width of a row; every place and length has to fit."""
    names: list[str] = []
    place = 0
    for number in range(count):
        part = block[number * size : (number + 1) * size]
        kind, length = struct.unpack(">h", part[0:2])[0], struct.unpack(">h", part[4:6])[0]
        name, at = part[8:16].decode("latin-1").strip(), struct.unpack(">i", part[84:88])[0]
        longest = _LONGEST_NUMBER if kind == 1 else _LONGEST_TEXT
        if (
            kind not in (1, 2)
            or not 0 < length <= longest
            or at != place
            or not re.fullmatch(r"[A-Za-z_]\w{0,7}", name)
        ):
            raise _damaged(path, f"the description of variable {number + 1} is broken")
        if kind == 1 and length < 2:
            raise _damaged(path, f"the number {name} has {length} byte")
        names.append(name.upper())
        place += length
    if len(set(names)) < len(names):
        raise _damaged(path, "a variable is there twice")
    return names, place


def _number(text: bytes) -> int:
    return int(text) if text.strip().isdigit() else 0


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"The transport file cannot be read: {why}.",
        where=str(path),
        why="Nothing of it is used: a row read at the wrong place would be a wrong value.",
        hint="Copy it again in binary mode, or export it again.",
    )
