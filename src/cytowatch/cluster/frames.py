"""What Spark is given, brought into one frame: rows of the long table and of the patients, numbered and in buckets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import polars as pl
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql import types as st
from pyspark.sql.pandas.functions import arrow_udf

from cytowatch.adapters.frame import COLUMNS, LINE, ROW, check_columns, column_name
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.patients import RawPatients, raw_patients
from cytowatch.adapters.spans import ONLY_TABLE, Span
from cytowatch.adapters.tables import find_tables
from cytowatch.buckets import BUCKET
from cytowatch.cluster.worker import KIND, NO_ROW, PERSON, ROW_OF_OBSERVATIONS, ROW_OF_PATIENTS, hashed
from cytowatch.errors import InputError
from cytowatch.schema import REJECTS

_PATH, _INDEX = "_path", "_index"
# characters that Hadoop reads as patterns in a path
_GLOB = re.compile(r"([\[\]{}*?\\])")


@dataclass(frozen=True)
class Observed:
    """The long table on Spark: its rows, where they stand, and what must be the same for all buckets."""

    rows: DataFrame
    files: tuple[Span, ...]
    clock: Clock
    count: int
    numbered: bool
    # columns that are not read
    extra: tuple[str, ...]


@dataclass(frozen=True)
class People:
    """The table of patients on Spark, and the lines of its file that are no rows."""

    rows: DataFrame
    label: str
    numbered: bool
    broken: pl.DataFrame


def observed(spark: SparkSession, source: DataFrame | str | Path | Sequence[str | Path]) -> tuple[Observed, str | None]:
    """The long table of a frame or of Parquet; and the path of a table of patients found in a folder.

    Parquet is numbered as one machine numbers it: through all files in their order. A frame has no order: it keeps
    the numbers of a column `_row` (unique whole numbers) if it brings one; else its rows are numbered in each bucket.
    InputError if a column is missing or there are no rows.
    """
    if isinstance(source, DataFrame):
        return _of_frame(source), None
    paths = [source] if isinstance(source, str | Path) else list(source)
    remote = [str(path) for path in paths if re.match(r"^[a-zA-Z][\w+.-]+:/", str(path))]
    if remote:
        return _of_files(spark, [str(path) for path in paths], None), None
    files, patients = find_tables(paths)
    other = next((file.label for file in files if not file.path.name.lower().endswith((".parquet", ".pq"))), None)
    if other:
        raise InputError(
            "Spark reads only Parquet here.",
            where=other,
            why="Rows of text files have no place that all executors agree on.",
            hint="Write it as Parquet, or leave --engine out: one machine reads all formats.",
        )
    labels = {str(file.path.resolve()): file.label for file in files}
    return _of_files(spark, [_address(path) for path in labels], labels), None if patients is None else str(patients)


def _address(path: str) -> str:
    """A path of this machine, as Hadoop reads it."""
    return "file://" + _GLOB.sub(r"\\\1", path)


def _of_frame(frame: DataFrame) -> Observed:
    table, extra = _contract(frame, "observations", keep=(ROW,))
    counted = table.agg(*_counts(table)).first()
    assert counted is not None  # noqa: S101 - an aggregate of all rows is one row
    return Observed(table, ONLY_TABLE, _clock(table, [counted]), int(counted["rows"]), ROW in table.columns, extra)


def _of_files(spark: SparkSession, paths: list[str], labels: dict[str, str] | None) -> Observed:
    read = spark.read.option("mergeSchema", "true").parquet(*paths)
    places = (sf.col("_metadata.file_path").alias(_PATH), sf.col("_metadata.row_index").alias(_INDEX))
    table, extra = _contract(read.select("*", *places), "Parquet", keep=(_PATH, _INDEX))
    counted = table.groupBy(_PATH).agg(*_counts(table)).collect()
    spans, firsts = _spans({row[_PATH]: int(row["rows"]) for row in counted}, labels)
    if not counted:
        raise InputError(
            "the file has a header and no rows" if len(paths) == 1 else "none of the files has rows",
            where=", ".join(label for label, _, _ in spans) or ", ".join(paths),
            why="there is nothing to grade, and such a file is often a failed export",
            hint="export it again",
        )
    offsets = spark.createDataFrame(list(firsts.items()), f"{_PATH} string, _first long")
    numbered = table.join(sf.broadcast(offsets), _PATH).withColumn(ROW, sf.col("_first") + sf.col(_INDEX))
    rows = numbered.drop(_PATH, _INDEX, "_first")
    return Observed(rows, spans, _clock(table, counted), sum(span[2] for span in spans), True, extra)


def _spans(counts: dict[str, int], labels: dict[str, str] | None) -> tuple[tuple[Span, ...], dict[str, int]]:
    """Each file with the number of its first row, in the order of the run; and the same by Spark's name of the file."""
    found = {unquote(urlparse(path).path): path for path in counts}
    if labels is None:
        names = [Path(path).name for path in found]
        labels = {path: Path(path).name if names.count(Path(path).name) == 1 else path for path in sorted(found)}
    spans, firsts, row = [], {}, 0
    for path, label in labels.items():
        rows = counts.get(found.get(path, ""), 0)
        if rows:
            firsts[found[path]] = row
        spans.append((label, row, rows))
        row += rows
    if len(firsts) < len(counts):
        strange = min(set(counts) - set(firsts))
        raise InputError("Spark read a file that was not named.", where=strange, hint="Rename it, without signs.")
    return tuple(spans), firsts


def _contract(frame: DataFrame, label: str, keep: tuple[str, ...]) -> tuple[DataFrame, tuple[str, ...]]:
    """The contract's columns under their names, and what else there is."""
    renamed = {name: name if name in keep else column_name(name) for name in frame.columns}
    check_columns([name for name in renamed.values() if name not in keep], file=label)
    table = frame.toDF(*renamed.values())
    _refuse_fractions(table, label)
    read = [name for name in table.columns if name in COLUMNS or name in keep]
    extra = tuple(name for name in table.columns if name not in read)
    return table.select(*[f"`{name}`" for name in read]), extra


def _refuse_fractions(table: DataFrame, label: str) -> None:
    if isinstance(table.schema["patient"].dataType, st.DoubleType | st.FloatType):
        raise InputError(
            "the patients are numbers with a fraction",
            where=f"{label}, column patient",
            why="whether 12.0 means patient 12 can only be told with the whole column at hand",
            hint="make the column text, or whole numbers, before it is graded",
        )


def _counts(table: DataFrame) -> list[Column]:
    """Rows, and cells that are filled in each clock."""
    filled = [sf.count(_filled(table, name)).alias(f"{name}_filled") for name in ("time", "hours")]
    return [sf.count(sf.lit(1)).alias("rows"), *filled]


def _filled(table: DataFrame, name: str) -> Column:
    if name not in table.columns:
        return sf.lit(None)
    column = sf.col(name)
    return sf.when(~column.rlike(r"^\s*$"), 1) if isinstance(table.schema[name].dataType, st.StringType) else column


def _clock(table: DataFrame, counted: Sequence[Any]) -> Clock:
    """The clock that most rows of the whole input are written in, as one machine decides it."""
    time, hours = (sum(int(row[f"{name}_filled"]) for row in counted) for name in ("time", "hours"))
    if time == hours:
        return "time" if "time" in table.columns else "hours"
    return "hours" if hours > time else "time"


def people(spark: SparkSession, source: DataFrame | pl.DataFrame | str | Path | None) -> People | None:
    """The table of patients of a Spark frame, a Polars frame, or a file that the driver reads."""
    if source is None:
        return None
    if isinstance(source, DataFrame):
        table = source.toDF(*[name if name in (ROW, LINE) else name.strip().lower() for name in source.columns])
        if "patient" in table.columns:
            _refuse_fractions(table, "patients")
        return People(table, "patients", ROW in table.columns, REJECTS.empty())
    raw = raw_patients(source)
    return People(_on_spark(spark, raw), raw.label, True, raw.broken)


def _on_spark(spark: SparkSession, raw: RawPatients) -> DataFrame:
    frame = raw.tidied().frame
    frame = frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    if LINE not in frame.columns:
        frame = frame.with_columns((pl.col(ROW) + 1).alias(LINE))
    return spark.createDataFrame(plain(frame))


def plain(frame: pl.DataFrame) -> pa.Table:
    """A frame as Arrow with the types that Spark reads."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    fields = [pa.field(field.name, pa.string() if _is_text(field.type) else field.type) for field in table.schema]
    return table.cast(pa.schema(fields))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def in_buckets(spark: SparkSession, seen: Observed, persons: People | None, buckets: int, partitions: int) -> DataFrame:
    """All rows with their bucket, each bucket in one partition, sorted by it; bucket 0 is always there."""
    # its kind is told by the annotations; the stub asks for a number besides
    bucket_of = arrow_udf(_bucket_udf(buckets), st.IntegerType())  # type: ignore[call-overload]
    parts = [
        seen.rows.select(bucket_of("patient").alias(BUCKET), sf.lit(ROW_OF_OBSERVATIONS).alias(KIND), "*"),
        # one empty row, so that what belongs to no bucket is told once, and an empty input gives empty tables
        spark.range(1).select(sf.lit(0).alias(BUCKET), sf.lit(NO_ROW).alias(KIND)),
    ]
    if persons is not None:
        numbered = persons.rows.withColumn(ROW, sf.col(ROW) + seen.count) if persons.numbered else persons.rows
        whole = sf.struct(*[f"`{name}`" for name in numbered.columns]).alias(PERSON)
        bucket = bucket_of("patient") if "patient" in numbered.columns else sf.lit(0)
        parts.append(numbered.select(bucket.alias(BUCKET), sf.lit(ROW_OF_PATIENTS).alias(KIND), whole))
    table = parts[0]
    for part in parts[1:]:
        table = table.unionByName(part, allowMissingColumns=True)
    return table.repartitionById(partitions, sf.col(BUCKET) % partitions).sortWithinPartitions(BUCKET)


def _bucket_udf(buckets: int) -> Any:  # noqa: ANN401 - Spark takes any callable with Arrow annotations
    def bucket(patients: pa.Array) -> pa.Array:
        return hashed(patients, buckets)

    return bucket
