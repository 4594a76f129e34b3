"""Which domains lie in a folder, in which files, and their rows as text: XPT, CSV, Parquet, Dataset-JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cytowatch.adapters.csvfile import Block, Broken
from cytowatch.adapters.frame import LINE, as_text
from cytowatch.adapters.sdtm.dataset_json import read_dataset_json
from cytowatch.adapters.sdtm.xpt import read_xpt
from cytowatch.adapters.tables import TableFile, read_blocks
from cytowatch.errors import InputError

_XPT, _JSON = (".xpt", ".xport"), (".json", ".ndjson")
_TABLES = (".csv.gz", ".csv", ".parquet", ".pq")
# more text than any domain of a study holds
_MOST_BYTES = 4 * 2**30
ENDINGS = (*_XPT, *_JSON, *_TABLES)


@dataclass(frozen=True)
class DomainFile:
    """One file, the name it goes by in sources and in the ledger, and its name without the ending, in lower case."""

    path: Path
    label: str
    stem: str


@dataclass(frozen=True)
class Domain:
    """The rows of one file as text, columns in capitals; ``name`` is the domain (`LB`, `SUPPAE`).

    ``frame`` has one row of text a record, with the line (or place) in `_line`; ``broken`` are lines that are none.
    """

    name: str
    label: str
    frame: pl.DataFrame
    broken: list[Broken] = field(default_factory=list)


def find_domains(inputs: Sequence[str | Path]) -> tuple[list[DomainFile], list[str]]:
    """The files of domains behind files and folders, and the names of others; InputError if there is none."""
    found: list[Path] = []
    others: list[str] = []
    for path in map(Path, inputs):
        if path.is_dir():
            inside = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
            found += [one for one in inside if one.name.lower().endswith(ENDINGS)]
            others += [one.name for one in inside if not one.name.lower().endswith(ENDINGS)]
        elif path.is_file() and path.name.lower().endswith(ENDINGS):
            found.append(path)
        else:
            raise _nothing(path, "This is neither a folder nor a file of a known kind.")
    if not found:
        raise _nothing(Path(inputs[0]), "There is no SDTM domain here.")
    files = [DomainFile(path, path.name, _stem(path)) for path in dict.fromkeys(found)]
    _refuse_twins(files)
    return files, others


def _stem(path: Path) -> str:
    name = path.name.lower()
    return next(name.removesuffix(ending) for ending in sorted(ENDINGS, key=len, reverse=True) if name.endswith(ending))


def _refuse_twins(files: list[DomainFile]) -> None:
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise InputError(
                f"The domain `{file.stem}` is there twice.",
                where=f"{seen[file.stem]}, {file.path}",
                why="Every row would count twice.",
                hint="Keep one of the two files.",
            )
        seen[file.stem] = file.path


def _nothing(path: Path, what: str) -> InputError:
    return InputError(
        what,
        where=str(path),
        why="Nothing can be graded from it.",
        hint=f"Give a folder of domains such as lb.xpt or vs.csv; read are: {' '.join(ENDINGS)}.",
    )


def read_domain(file: DomainFile) -> Domain:
    """One file whole, every cell as text; InputError if it cannot be read."""
    name = file.path.name.lower()
    broken: list[Broken] = []
    called = ""
    if name.endswith(_XPT):
        frame = read_xpt(file.path)
    elif name.endswith(_JSON):
        frame, broken, called = read_dataset_json(file.path)
    else:
        blocks = _bounded(file)
        # a header and no row: the domain is there, and empty
        nothing = pl.DataFrame(schema={"USUBJID": pl.String, LINE: pl.Int64})
        frame = pl.concat([block.frame for block in blocks]) if blocks else nothing
        broken = [line for block in blocks for line in block.broken]
    frame = _tidy(frame, file)
    return Domain(_domain(frame, called or file.stem), file.label, frame, broken)


def _bounded(file: DomainFile) -> list[Block]:
    """The blocks of a table; InputError where it unpacks to more than any domain is."""
    blocks: list[Block] = []
    size = 0
    for block in read_blocks(TableFile(file.path, file.label)):
        size += int(block.frame.estimated_size())
        if size > _MOST_BYTES:
            raise InputError(
                "The domain is larger than 4 GiB.",
                where=file.label,
                why="It would fill the memory.",
                hint="Check what is packed in it, or split it by subjects into folders of their own.",
            )
        blocks.append(block)
    return blocks


def _tidy(frame: pl.DataFrame, file: DomainFile) -> pl.DataFrame:
    """Columns in capitals, every cell trimmed text, empty cells missing."""
    lines = frame[LINE] if LINE in frame.columns else pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True)
    frame = frame.drop(LINE, strict=False)
    named = {name: name.strip().upper() for name in frame.columns}
    if len(set(named.values())) < len(named):
        twice = next(name for name in named.values() if list(named.values()).count(name) > 1)
        raise InputError(
            f"The column `{twice}` is there more than once.",
            where=file.label,
            why="Which of them to read would be a guess.",
            hint="Export the domain again.",
        )
    simple = [name for name, dtype in frame.schema.items() if not dtype.is_nested() and dtype != pl.Binary]
    return pl.DataFrame({named[name]: as_text(_plain(frame[name])) for name in simple}).with_columns(lines.alias(LINE))


def _plain(column: pl.Series) -> pl.Series:
    """A column without NaN, dates as SDTM writes them."""
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if column.dtype.time_zone else ""))
    return column.fill_nan(None) if column.dtype.is_float() else column


def _domain(frame: pl.DataFrame, stem: str) -> str:
    """The domain by what its rows say, else by the file's name: `lbch` is a part of LB."""
    for column, before in (("RDOMAIN", "SUPP"), ("DOMAIN", "")):
        if column in frame.columns and (values := frame[column].drop_nulls()).len():
            return before + str(values.value_counts(sort=True)[column][0]).upper()
    upper = stem.upper()
    return upper if upper.startswith("SUPP") or len(upper) <= 2 else upper[:2] if len(upper) == 4 else upper
