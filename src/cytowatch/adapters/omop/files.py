"""Tables as files: a folder of CSV and Parquet in any case, a table's parts in a folder of its name, or a zip."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import polars as pl

from cytowatch.adapters.csvfile import Block
from cytowatch.adapters.frame import LINE
from cytowatch.adapters.omop.source import no_tables, unreadable
from cytowatch.adapters.tables import ENDINGS, TableFile, read_blocks
from cytowatch.errors import InputError

# Tables of text shrink ten- to fifty-fold. A file that grows more than this is not one of them.
_MOST_GROWTH = 400
# so much may always be unpacked: a table that says the same in every row shrinks a lot
_ALWAYS_BYTES = 256 * 2**20
_MOST_MEMBERS = 10_000


class FileSource:
    """The tables of a folder."""

    def __init__(self, folder: Path, known: frozenset[str], label: str) -> None:
        self.label = label
        self._files = _find(folder, known, label)
        self._columns: dict[str, list[str]] = {}
        if not self._files:
            raise no_tables(label)

    def tables(self) -> dict[str, list[str]]:
        """The tables that are there, and their columns."""
        if not self._columns:
            self._columns = {table: self._header(table) for table in self._files}
        return self._columns

    def _header(self, table: str) -> list[str]:
        """The columns of a table; one that is only in some of its parts is in the table."""
        names: dict[str, None] = {}
        for path in self._files[table]:
            block = next(self._read(path), None)
            own = [] if block is None else block.frame.columns
            names |= dict.fromkeys(name.strip().lower() for name in own if name != LINE)
            if len({name.strip().lower() for name in own}) < len(own):
                raise InputError("A column is there more than once.", where=str(path), hint="Keep one of the two.")
        return list(names)

    def _read(self, path: Path) -> Iterator[Block]:
        file = TableFile(path, f"{self.label}: {path.name}")
        try:
            yield from read_blocks(file)
        except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, ValueError) as cause:
            raise unreadable(file.label, cause) from cause

    def close(self) -> None:
        """Nothing is held open."""

    def blocks(self, table: str, columns: Sequence[str]) -> Iterator[Block]:
        """The rows of these columns as text; a line of a part counts from the first line of the first part."""
        behind = 0
        for path in self._files[table]:
            last = behind
            for block in self._read(path):
                frame = as_text(block.frame, columns).with_columns(pl.col(LINE) + behind)
                broken = [replace(one, line=one.line + behind) for one in block.broken]
                last = max([last, *frame[LINE].tail(1).to_list(), *(one.line for one in broken)])
                yield replace(block, frame=frame, broken=broken)
            behind = last


def as_text(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The columns asked for, in lower case, as text; one that is not there is empty."""
    names = {name.strip().lower(): name for name in frame.columns if name != LINE}
    picked = [
        (_text(pl.col(names[name]), frame.schema[names[name]]) if name in names else _NOTHING).alias(name)
        for name in columns
    ]
    line = pl.col(LINE).cast(pl.Int64) if LINE in frame.columns else pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return frame.select(*picked, line.alias(LINE))


_NOTHING = pl.lit(None, pl.String)


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ") if dtype.time_zone else None
        return column.dt.strftime("%Y-%m-%d %H:%M:%S%.f") if zoned is None else zoned
    if isinstance(dtype, pl.List | pl.Array | pl.Struct | pl.Object | pl.Binary):
        return _NOTHING
    return column.cast(pl.String, strict=False)


def _find(folder: Path, known: frozenset[str], label: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        table = path.name.lower().split(".")[0]
        parts = _parts(path)
        if table not in known or not parts or path.name.startswith((".", "_")):
            continue
        if table in found:
            raise InputError(
                f"The table `{table}` is there twice.",
                where=f"{label}: {found[table][0].name}, {path.name}",
                why="Every row would count twice.",
                hint="Keep one of the two.",
            )
        found[table] = parts
    return found


def _parts(path: Path) -> list[Path]:
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    return [
        one
        for one in inside
        if one.is_file() and one.name.lower().endswith(ENDINGS) and not one.name.startswith((".", "_"))
    ]


def unpacked(path: Path, known: frozenset[str], held: Path) -> Path:
    """Unpack the tables of a zip file into a folder, by their names alone; InputError for a bomb or a broken file."""
    folder = held / "unpacked"
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, known, path)
            for member in members:
                _unpack(archive, member, folder, path)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as cause:
        raise unreadable(str(path), cause) from cause
    return folder


def _members(archive: zipfile.ZipFile, known: frozenset[str], path: Path) -> list[zipfile.ZipInfo]:
    """The members that are tables of the model; links, hidden files and everything else stay packed."""
    every = archive.infolist()
    if len(every) > _MOST_MEMBERS:
        raise _bomb(path, f"it holds {len(every)} files")
    found = []
    for member in every:
        name = _name(member)
        if member.is_dir() or name.startswith((".", "_")) or stat.S_ISLNK(member.external_attr >> 16):
            continue
        if "__MACOSX" in member.filename or not name.lower().endswith(ENDINGS):
            continue
        if name.lower().split(".")[0] in known:
            found.append(member)
    size = sum(member.file_size for member in found)
    # by the bytes of the file itself, for members may claim the same bytes more than once
    if size > max(_ALWAYS_BYTES, path.stat().st_size * _MOST_GROWTH):
        raise _bomb(path, f"{path.stat().st_size} bytes would become {size}")
    return found


def _name(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename.replace("\\", "/")).name


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, path: Path) -> None:
    """Write one member under its plain name; two of one name are two tables, and refused."""
    target = folder / _name(member)
    if target.exists():
        raise InputError(
            f"The file `{target.name}` is in the archive twice.",
            where=str(path),
            why="Which of the two holds the rows is not known.",
            hint="Unpack it and give the folder that is meant.",
        )
    with archive.open(member) as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain, 2**20)


def _bomb(path: Path, what: str) -> InputError:
    return InputError(
        f"The archive is not unpacked: {what}.",
        where=str(path),
        why="No export of tables looks like that; unpacking it could fill the disk.",
        hint="Unpack it yourself, look at it, and give the folder.",
    )
