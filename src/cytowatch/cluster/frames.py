"""What Spark is given, brought into one frame: rows of the long table and of the patients, numbered and in buckets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql import types as st
from pyspark.sql.pandas.functions import arrow_udf

from cytowatch.adapters.frame import COLUMNS, LINE, ROW, check_columns, column_name
from cytowatch.adapters.patients import RawPatients, raw_patients
from cytowatch.adapters.spans import ONLY_TABLE
from cytowatch.adapters.tables import find_tables
from cytowatch.adapters.walk import NOT_READ, passed_over
from cytowatch.buckets import BUCKET
from cytowatch.cluster.parquet import of_addresses, of_files
from cytowatch.cluster.seen import (
    Observed,
    check_number_type,
    clock_of_counts,
    counts,
    next_number,
    number_counts,
    refuse_fractions,
)  # fmt: skip
from cytowatch.cluster.worker import KIND, NO_ROW, PERSON, ROW_OF_OBSERVATIONS, ROW_OF_PATIENTS, hashed
from cytowatch.errors import InputError
from cytowatch.schema import REJECTS

_FRAME = "observations"


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
    InputError if a column is missing, numbers are not unique, rows are lost, or there are none.
    """
    if isinstance(source, DataFrame):
        return _of_frame(source), None
    paths = [source] if isinstance(source, str | Path) else list(source)
    remote = [str(path) for path in paths if re.match(r"^[a-zA-Z][\w+.-]+:/", str(path))]
    if remote:
        return of_addresses(spark, [str(path) for path in paths]), None
    files, patients = find_tables(paths)
    other = next((file.label for file in files if not file.path.name.lower().endswith((".parquet", ".pq"))), None)
    if other:
        raise InputError(
            "Spark reads only Parquet here.",
            where=other,
            why="Rows of text files have no place that all executors agree on.",
            hint="Write it as Parquet, or leave --engine out: one machine reads all formats.",
        )
    seen = of_files(spark, files)
    passed = tuple((folder, NOT_READ) for folder in passed_over(paths))
    return replace(seen, told=(*seen.told, *passed)), None if patients is None else str(patients)


def _of_frame(frame: DataFrame) -> Observed:
    renamed = {name: name if name == ROW else column_name(name) for name in frame.columns}
    check_columns([name for name in renamed.values() if name != ROW], file=_FRAME)
    whole = frame.toDF(*renamed.values())
    _refuse_fractions(whole, _FRAME)
    table = whole.select(*[f"`{name}`" for name in whole.columns if name in COLUMNS or name == ROW])
    numbered = ROW in table.columns
    if numbered:
        check_number_type(table, _FRAME)
    counted = table.agg(*counts(table), *(number_counts() if numbered else [])).first()
    assert counted is not None  # noqa: S101 - an aggregate of all rows is one row
    told = counted.asDict()
    not_read = tuple((_FRAME, f"column {name!r} is not read") for name in whole.columns if name not in table.columns)
    return Observed(
        table, ONLY_TABLE, clock_of_counts(told, table.columns), int(told["rows"]),
        next_number(told, _FRAME) if numbered else None, not_read,
    )  # fmt: skip


def _refuse_fractions(table: DataFrame, label: str) -> None:
    if isinstance(table.schema["patient"].dataType, st.DoubleType | st.FloatType):
        raise refuse_fractions(label)


def people(spark: SparkSession, source: DataFrame | pl.DataFrame | str | Path | None) -> People | None:
    """The table of patients of a Spark frame, a Polars frame, or a file that the driver reads."""
    if source is None:
        return None
    if isinstance(source, DataFrame):
        table = source.toDF(*[name if name in (ROW, LINE) else name.strip().lower() for name in source.columns])
        if "patient" in table.columns:
            _refuse_fractions(table, "patients")
        if ROW in table.columns:
            _check_numbers(table, "patients")
        return People(table, "patients", ROW in table.columns, REJECTS.empty())
    raw = raw_patients(source)
    return People(_on_spark(spark, raw), raw.label, True, raw.broken)


def _check_numbers(table: DataFrame, label: str) -> None:
    check_number_type(table, label)
    counted = table.agg(*number_counts()).first()
    assert counted is not None  # noqa: S101 - an aggregate of all rows is one row
    next_number(counted.asDict(), label)


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


def in_buckets(
    spark: SparkSession, seen: Observed, persons: People | None, buckets: int, partitions: int, first_person: int
) -> DataFrame:
    """All rows with their bucket, each bucket in one partition, sorted by it; bucket 0 is always there.

    ``first_person``: from which number on patients are numbered that have a place in their table.
    """
    # its kind is told by the annotations; the stub asks for a number besides
    bucket_of = arrow_udf(_bucket_udf(buckets), st.IntegerType())  # type: ignore[call-overload]
    parts = [
        seen.rows.select(bucket_of("patient").alias(BUCKET), sf.lit(ROW_OF_OBSERVATIONS).alias(KIND), "*"),
        # one empty row, so that what belongs to no bucket is told once, and an empty input gives empty tables
        spark.range(1).select(sf.lit(0).alias(BUCKET), sf.lit(NO_ROW).alias(KIND)),
    ]
    if persons is not None:
        numbered = persons.rows.withColumn(ROW, sf.col(ROW) + first_person) if persons.numbered else persons.rows
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
