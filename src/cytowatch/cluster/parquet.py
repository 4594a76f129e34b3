"""Parquet on Spark, as one machine reads it: each file by its own columns and folders, in one order, no row lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from urllib.parse import unquote, urlparse

import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from cytowatch.adapters.frame import COLUMNS, ROW, as_text, check_columns, clock_of, column_name, file_column
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.spans import Span
from cytowatch.adapters.tables import BLOCK_ROWS, TableFile, columns_of_folders, scan_parquet, told_as_unreadable
from cytowatch.cluster.seen import Observed, clock_of_counts, counts, refuse_fractions
from cytowatch.errors import InputError

_PATH, _INDEX, _FIRST = "_path", "_index", "_first"
# the columns that folders name, until they are laid into those of the files
_NAMED = "_named_"
# characters that Hadoop reads as patterns in a path
_GLOB = re.compile(r"([\[\]{}*?\\])")


@dataclass(frozen=True)
class _File:
    """One file: its rows, what its folders say of them (by the contract's names), and the columns that are not read.

    ``columns``: name in the file to name in the contract; ``types``: as Polars tells them, to know files of one kind.
    """

    label: str
    path: str
    rows: int
    folders: dict[str, str | None]
    extra: tuple[str, ...]
    columns: dict[str, str]
    types: tuple[str, ...] = ()


def of_files(spark: SparkSession, files: list[TableFile]) -> Observed:
    """Files of this machine, which the driver opens to see their columns and rows; InputError as one machine raises it.

    Raises InputError also where Spark does not read every row that the footer of a file tells of.
    """
    _refuse_hidden(file.path.name for file in files)
    opened = [_opened(file) for file in files]
    _refuse_twice(opened)
    if not any(file.rows for file in opened):
        raise _no_rows([file.label for file in opened])
    kinds: dict[tuple[object, ...], list[_File]] = {}
    for file in opened:
        # the types of a file without rows say nothing
        if file.rows:
            kinds.setdefault((*file.columns.items(), *file.types), []).append(file)
    parts = {kind[0].label: _of_kind(spark, kind) for kind in kinds.values()}
    _check_types(parts, opened)
    table = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts.values())
    counted = {row[_PATH]: int(row["count"]) for row in table.groupBy(_PATH).count().collect()}
    _check_read(opened, {_decoded(path): rows for path, rows in counted.items()})
    first = next(source for source, file in zip(files, opened, strict=True) if file.rows)
    return _observed(spark, table, opened, list(counted), _clock(first))


def of_addresses(spark: SparkSession, addresses: list[str]) -> Observed:
    """Files that only Spark can open (`s3a://…`): Spark puts their columns together, and counts their rows.

    Their order is that of their paths. What folders name is taken from the paths, as text: patient=007 is not 7.
    """
    _refuse_hidden(address.rstrip("/").rsplit("/", 1)[-1] for address in addresses)
    # looks through folders as one machine does, and leaves the columns that they name to us
    read = spark.read.option("recursiveFileLookup", "true").option("mergeSchema", "true").parquet(*addresses)
    own = {name: column_name(file_column(name)) for name in read.columns}
    paths = sorted({_decoded(path) for path in read.inputFiles()})
    names = Counter(Path(path).name for path in paths)
    found = []
    for path in paths:
        label = Path(path).name if names[Path(path).name] == 1 else path
        folders = columns_of_folders(Path(path), own)
        check_columns([file_column(name) for name in (*own, *folders)], file=label)
        found.append(_file(label, path, 0, own, folders))
    if not found:
        raise _no_rows(addresses)
    if any(isinstance(read.schema[raw].dataType, st.DoubleType | st.FloatType) for raw in own if own[raw] == "patient"):
        raise refuse_fractions(found[0].label)
    table = _selected(read, found[0].columns)
    told = {
        row[_PATH]: row
        for row in table.groupBy(_PATH).agg(*counts(table, within=sf.col(_INDEX) < BLOCK_ROWS)).collect()
    }
    rows = {_decoded(path): row for path, row in told.items()}
    opened = [_with_rows(file, int(rows[file.path]["rows"]) if file.path in rows else 0) for file in found]
    first = next((file for file in opened if file.rows), None)
    if first is None:
        raise _no_rows(addresses)
    clock = clock_of_counts(rows[first.path].asDict(), [*table.columns, *first.folders])
    return _observed(spark, table, opened, list(told), clock)


def _opened(file: TableFile) -> _File:
    with told_as_unreadable(file, "Parquet"):
        table = pl.scan_parquet(file.path, glob=False, hive_partitioning=False)
        schema = table.collect_schema()
        rows = int(table.select(pl.len()).collect().item())
    folders = columns_of_folders(file.path, schema)
    check_columns([file_column(name) for name in (*schema, *folders)], file=file.label)
    own = {name: column_name(file_column(name)) for name in schema}
    # a column without a type holds nothing, and would be of another type than in the next file
    filled = {raw: name for raw, name in own.items() if schema[raw] != pl.Null()}
    if rows and any(schema[raw].is_float() for raw, name in filled.items() if name == "patient"):
        raise refuse_fractions(file.label)
    opened = _file(file.label, str(file.path.resolve()), rows, own, folders)
    columns = {raw: name for raw, name in opened.columns.items() if raw in filled}
    empty = {name: None for name in opened.columns.values() if name not in columns.values()}
    types = tuple(str(schema[raw]) for raw in columns)
    return _File(opened.label, opened.path, rows, {**opened.folders, **empty}, opened.extra, columns, types)


def _file(label: str, path: str, rows: int, own: dict[str, str], folders: dict[str, str | None]) -> _File:
    named = {column_name(file_column(raw)): value for raw, value in folders.items()}
    return _File(
        label,
        path,
        rows,
        {name: value for name, value in named.items() if name in COLUMNS},
        tuple(name for name in (*own.values(), *named) if name not in COLUMNS),
        {raw: name for raw, name in own.items() if name in COLUMNS},
    )


def _with_rows(file: _File, rows: int) -> _File:
    return _File(file.label, file.path, rows, file.folders, file.extra, file.columns, file.types)


def _of_kind(spark: SparkSession, files: list[_File]) -> DataFrame:
    """Files with the same columns of the same types."""
    addresses = ["file://" + _GLOB.sub(r"\\\1", file.path) for file in files]
    return _selected(spark.read.option("recursiveFileLookup", "true").parquet(*addresses), files[0].columns)


def _selected(read: DataFrame, columns: dict[str, str]) -> DataFrame:
    """The contract's columns under their names, and where each row stands."""
    own = [sf.col("`{}`".format(raw.replace("`", "``"))).alias(name) for raw, name in columns.items()]
    return read.select(*own, sf.col("_metadata.file_path").alias(_PATH), sf.col("_metadata.row_index").alias(_INDEX))


def _observed(spark: SparkSession, table: DataFrame, opened: list[_File], paths: list[str], clock: Clock) -> Observed:
    """Rows numbered through all files, with what the folders say; ``paths``: the files as Spark names them."""
    as_spark = {_decoded(path): path for path in paths}
    spans: list[Span] = []
    row = 0
    for file in opened:
        spans.append((file.label, row, file.rows))
        row += file.rows
    said_by = [name_and_value for file in opened if file.rows for name_and_value in file.folders.items()]
    # an empty cell needs no place in a column that is there
    named = sorted({name for name, value in said_by if value is not None or name not in table.columns})
    places = [
        (as_spark[file.path], first, *(file.folders.get(name) for name in named))
        for file, (_, first, _) in zip(opened, spans, strict=True)
        if file.rows
    ]
    shape = ", ".join([f"{_PATH} string", f"{_FIRST} long", *(f"{_NAMED}{name} string" for name in named)])
    numbered = table.join(sf.broadcast(spark.createDataFrame(places, shape)), _PATH)
    rows = numbered.withColumn(ROW, sf.col(_FIRST) + sf.col(_INDEX))
    for name in named:
        # a file that has the column itself has nothing of its folders there
        said = sf.col(f"{_NAMED}{name}")
        rows = rows.withColumn(name, sf.coalesce(sf.col(name), said) if name in table.columns else said)
    rows = rows.drop(_PATH, _INDEX, _FIRST, *(f"{_NAMED}{name}" for name in named))
    told = tuple((file.label, f"column {name!r} is not read") for file in opened for name in file.extra)
    return Observed(rows, tuple(spans), clock, row, row, told)


def _clock(file: TableFile) -> Clock:
    """The clock of the first block of the first file that has rows, as on one machine."""
    with told_as_unreadable(file, "Parquet"):
        table = scan_parquet(file)
        names = {raw: column_name(raw) for raw in table.collect_schema() if column_name(raw) in ("time", "hours")}
        frame = table.select(list(names)).head(BLOCK_ROWS).collect().rename(names)
    return clock_of(frame.with_columns(as_text(column) for column in frame if column.dtype == pl.String))


def _decoded(path: str) -> str:
    """Spark's name of a file as a path."""
    return unquote(urlparse(path).path)


def _refuse_hidden(names: Iterable[str]) -> None:
    hidden = next((name for name in names if name.startswith(("_", "."))), None)
    if hidden is not None:
        raise InputError(
            "Spark passes over files whose names begin with _ or a dot.",
            where=hidden,
            why="Its rows would be missing, and grades would be wrong without a word.",
            hint="Rename it, or leave --engine out: one machine reads it.",
        )


def _refuse_twice(opened: list[_File]) -> None:
    path, times = Counter(file.path for file in opened).most_common(1)[0]
    if times > 1:
        raise InputError(
            "The same file is named more than once.",
            where=path,
            why="Spark reads it once, and one machine would count its rows for each name.",
            hint="Name it once; a link to a file counts as the file.",
        )


def _check_types(parts: dict[str, DataFrame], opened: list[_File]) -> None:
    """Files that differ in the type of a column are not put under each other: Spark would turn words into numbers."""
    first: dict[str, tuple[str, str]] = {}
    told = [
        (label, field.name, field.dataType.simpleString()) for label, part in parts.items() for field in part.schema
    ]
    told += [
        (file.label, name, "string")
        for file in opened
        if file.rows
        for name, value in file.folders.items()
        if value is not None
    ]
    for label, name, kind in told:
        other, before = first.setdefault(name, (label, kind))
        if kind != before:
            raise InputError(
                "The Parquet files differ in the type of a column.",
                where=f"{other} and {label}, column {name}",
                why=f"it is {before} in the one and {kind} in the other",
                hint="write them with the same types, or grade them without Spark, which reads each file by itself",
            )


def _check_read(opened: list[_File], rows: dict[str, int]) -> None:
    """Every row that the footers tell of must be one that Spark reads."""
    for file in opened:
        if rows.get(file.path, 0) != file.rows:
            raise InputError(
                f"Spark reads {rows.get(file.path, 0):,} of the {file.rows:,} rows of a file.",
                where=file.label,
                why="The missing rows would change grades without a word.",
                hint="Rename the file without signs, check that all executors see the same one, and try again.",
            )
    strange = rows.keys() - {file.path for file in opened}
    if strange:
        raise InputError("Spark read a file that was not named.", where=min(strange), hint="Rename it, without signs.")


def _no_rows(names: list[str]) -> InputError:
    return InputError(
        "the file has a header and no rows" if len(names) == 1 else "none of the files has rows",
        where=", ".join(names),
        why="there is nothing to grade, and such a file is often a failed export",
        hint="export it again",
    )
