"""How a graded bucket travels: one row of Arrow bytes a chunk, a column a table, and back into rows with exact types.

Spark sees bytes until a table is asked for, so grading happens once, a task that is tried again gives the same row,
and lists, small integers and empty cells come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from cytowatch.adapters.intake import Clock
from cytowatch.bucket_run import COUNTS, TABLES
from cytowatch.schema import (
    CONCORDANCE,
    DISCORDANCE,
    EPISODES,
    FINDINGS,
    IN_DOUBT,
    JOINT,
    LEDGER,
    OBSERVATIONS,
    PATIENTS,
    REJECTS,
    TIMELINE,
    Table,
)

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

# rows of one table in one cell: a few megabytes, far below the two gigabytes that a cell can hold
CHUNK_ROWS = 100_000
# cells in one batch, so that a large bucket does not travel as one message
_CELL_ROWS = 4
SHIPPED = {
    table.name: table
    for table in (
        TIMELINE, EPISODES, REJECTS, CONCORDANCE, JOINT, FINDINGS, OBSERVATIONS, PATIENTS, IN_DOUBT, LEDGER,
        DISCORDANCE,
    )
}  # fmt: skip
# read again by reports and advice, and as large as the input
KEPT = ("observations", "patients", "in_doubt")
# the tables whose columns are times of the run's clock
_TIMES = {
    "timeline": ("start", "end"),
    "episodes": ("onset", "last_sign", "resolved", "time_of_max", "exposure_time"),
    "joint": ("start", "end"),
    "findings": ("start", "end"),
    "observations": ("time", "until", "available"),
    "in_doubt": ("time", "until", "available"),
}
_ARROW: dict[pl.DataType, pa.DataType] = {
    pl.String(): pa.string(),
    pl.Int16(): pa.int16(),
    pl.Int32(): pa.int32(),
    pl.Int64(): pa.int64(),
    pl.Float64(): pa.float64(),
    pl.Boolean(): pa.bool_(),
    pl.Date(): pa.date32(),
    pl.List(pl.String()): pa.list_(pa.string()),
}


def names(*, keep_rows: bool) -> list[str]:
    """The tables that travel; without ``keep_rows`` not those that are as large as the input."""
    return [name for name in (*TABLES, *COUNTS) if keep_rows or name not in KEPT]


def arrow_schema(name: str, clock: Clock) -> pa.Schema:
    """A table's columns as they leave the run: times as instants in UTC with microseconds, or as hours."""
    table: Table = SHIPPED[name]
    time = pa.float64() if clock == "hours" else pa.timestamp("us", "UTC")
    times = _TIMES.get(name, ())
    return pa.schema([(key, time if key in times else _ARROW[dtype]) for key, dtype in table.schema.items()])


def spark_schema(name: str, clock: Clock) -> StructType:
    """The same as Spark names it."""
    from pyspark.sql import types as st

    return st.StructType([st.StructField(column.name, spark_type(column.type)) for column in arrow_schema(name, clock)])


def spark_type(kind: pa.DataType) -> DataType:
    """Spark's name of a type of ours."""
    from pyspark.sql import types as st

    if pa.types.is_list(kind):
        return st.ArrayType(st.StringType())
    if pa.types.is_timestamp(kind):
        return st.TimestampType()
    return {
        pa.string(): st.StringType(), pa.int16(): st.ShortType(), pa.int32(): st.IntegerType(),
        pa.int64(): st.LongType(), pa.float64(): st.DoubleType(), pa.bool_(): st.BooleanType(),
        pa.date32(): st.DateType(), pa.binary(): st.BinaryType(),
    }[kind]  # fmt: skip


def envelope_schema(tables: Iterable[str]) -> pa.Schema:
    """One row a chunk: the bucket, what was counted in it (on its first row only), and the bytes of each table."""
    counts = [(name, pa.int64()) for name in ("patients_graded", "patients_without_rows", "peak_kib")]
    sizes = [(f"rows_of_{name}", pa.int64()) for name in tables]
    return pa.schema(
        [("bucket", pa.int32()), ("chunk", pa.int32()), *counts, *sizes, *((name, pa.binary()) for name in tables)]
    )


def packed(
    bucket: int, tables: dict[str, pl.DataFrame], counted: dict[str, int], clock: Clock
) -> Iterator[pa.RecordBatch]:
    """A graded bucket as batches of ``envelope_schema``; ``tables`` as ``bucket_tables`` gives them."""
    schema = envelope_schema(tables)
    sizes = {f"rows_of_{name}": frame.height for name, frame in tables.items()}
    chunks = max(1, *(-(-frame.height // CHUNK_ROWS) for frame in tables.values()))
    for first in range(0, chunks, _CELL_ROWS):
        rows: list[dict[str, Any]] = []
        for place in range(first, min(first + _CELL_ROWS, chunks)):
            cells = {name: _cell(frame, place, name, clock) for name, frame in tables.items()}
            told = {**counted, **sizes} if place == 0 else dict.fromkeys((*counted, *sizes), 0)
            rows.append({"bucket": bucket, "chunk": place, **told, **cells})
        yield pa.RecordBatch.from_pylist(rows, schema=schema)


def _cell(frame: pl.DataFrame, place: int, name: str, clock: Clock) -> bytes | None:
    part = frame.slice(place * CHUNK_ROWS, CHUNK_ROWS)
    if part.is_empty():
        return None
    table = part.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow_schema(name, clock))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches with one column of bytes, turned back into the rows of that table (on an executor)."""
    for batch in batches:
        for cell in batch.column(0):
            if cell.is_valid:
                yield from pa.ipc.open_stream(cell.as_buffer())
