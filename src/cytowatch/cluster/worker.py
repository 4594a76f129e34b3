"""What runs on an executor: batches of rows in, sorted by bucket; each bucket graded once, as soon as it is whole.

Nothing of Spark is known here. One bucket is in memory at a time; an error of ours travels as one line.
"""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import polars as pl
import pyarrow as pa

from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.frame import LINE, ROW, as_text
from cytowatch.bucket_run import bucket_tables, grade_bucket
from cytowatch.buckets import BUCKET, bucket_of
from cytowatch.cluster.payload import packed
from cytowatch.errors import CytowatchError, InputError
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import peak_mib
from cytowatch.schema import software_version

# which table a row comes from
KIND, PERSON = "_kind", "_person"
ROW_OF_OBSERVATIONS, ROW_OF_PATIENTS, NO_ROW = 0, 1, 2
# what an executor's error begins with, so that the driver finds it in a trace of many lines
MARK = "cytowatch-error:"
# a bucket's rows are numbered from here on where the input has no order of its own
_NUMBERS_A_BUCKET = 1 << 32


def numbers_before(buckets: int) -> int:
    """The first number above those that the rows of so many buckets can get."""
    return buckets * _NUMBERS_A_BUCKET


class ExecutorError(RuntimeError):
    """An error of ours on an executor: one line of JSON behind ``MARK``, because a trace is all that Spark carries."""


@dataclass(frozen=True)
class Task:
    """What every executor is told: the options of the run, the clinical tables, and which tables to send back."""

    options: BucketOptions
    # pickled and compressed, so that every executor grades by the very tables of the driver
    knowledge: bytes
    software: str
    tables: tuple[str, ...]
    # whether rows carry their number in the input
    numbered: bool
    people_numbered: bool
    # patients are numbered from here on
    first_person: int = 0


def shipped(knowledge: Knowledge) -> bytes:
    """The clinical tables, overlays laid over them, as bytes."""
    return zlib.compress(pickle.dumps(knowledge, protocol=5), 6)


@lru_cache(maxsize=2)
def _received(knowledge: bytes) -> Knowledge:
    return pickle.loads(zlib.decompress(knowledge))  # type: ignore[no-any-return]  # noqa: S301 - made by the driver


def hashed(patients: pa.Array, buckets: int) -> pa.Array:
    """The bucket of each id, by our own hash; a row without an id gets 0."""
    text = as_text(pl.Series("patient", patients))
    ids = text.drop_nulls().unique().to_list()
    found = text.replace_strict(ids, [bucket_of(one, buckets) for one in ids], default=0, return_dtype=pl.Int32)
    return found.to_arrow()


def grader(task: Task) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for ``mapInArrow``: rows sorted by `_bucket` in, one envelope row a chunk of a graded bucket out."""

    def graded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bucket = -1
        try:
            knowledge = _checked(task)
            for bucket, frame in _whole_buckets(batches):
                yield from _graded(bucket, frame, task, knowledge)
        except CytowatchError as error:
            raise ExecutorError(_told(error, bucket)) from error

    return graded


def _checked(task: Task) -> Knowledge:
    """The tables of the driver; CytowatchError where this executor would grade by another version."""
    if software_version() != task.software:
        raise CytowatchError(
            f"An executor has cytowatch {software_version()}, the driver {task.software}.",
            why="Parts of one run would be graded by different software.",
            hint="Install the same wheel on the driver and on all executors.",
        )
    return _received(task.knowledge)


def _told(error: CytowatchError, bucket: int) -> str:
    parts = {"what": error.what, "where": error.where, "why": error.why, "hint": error.hint, "bucket": bucket}
    return f"{MARK}{json.dumps({**parts, 'kind': type(error).__name__})}"


def _whole_buckets(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pl.DataFrame]]:
    """Batches put together to whole buckets; a bucket that comes a second time would be graded in halves."""
    parts: list[pl.DataFrame] = []
    current, done = None, set[int]()
    for batch in batches:
        frame = pl.DataFrame(pa.Table.from_batches([batch]))
        for part in frame.partition_by(BUCKET, maintain_order=True):
            bucket = int(part[BUCKET][0])
            if bucket != current and current is not None:
                yield current, pl.concat(parts)
                done.add(current)
                parts = []
            if bucket in done:
                raise CytowatchError(f"Bucket {bucket} came in parts.", hint="Report this: it must not happen.")
            current = bucket
            parts.append(part.drop(BUCKET))
    if current is not None:
        yield current, pl.concat(parts)


def _graded(bucket: int, frame: pl.DataFrame, task: Task, knowledge: Knowledge) -> Iterator[pa.RecordBatch]:
    rows = frame.filter(pl.col(KIND) == ROW_OF_OBSERVATIONS).drop(KIND, PERSON, strict=False)
    rows = _in_order(_in_utc(rows), bucket, numbered=task.numbered)
    outcome = grade_bucket(rows, _people(frame, bucket, task), knowledge, task.options)
    tables = bucket_tables(outcome)
    counted = {
        "patients_graded": outcome.run["patients"],
        "patients_without_rows": outcome.run["patients_without_rows"],
        "peak_kib": round(1024 * (peak_mib() or 0)),
    }
    yield from packed(bucket, {name: tables[name] for name in task.tables}, counted, outcome.clock)


def _people(frame: pl.DataFrame, bucket: int, task: Task) -> pl.DataFrame | None:
    """The rows of the table of patients in this bucket, as they were given."""
    if PERSON not in frame.columns:
        return None
    people = frame.filter(pl.col(KIND) == ROW_OF_PATIENTS)[PERSON].struct.unnest()
    ordered = _in_order(people, bucket, numbered=task.people_numbered, first=task.first_person)
    return ordered if LINE in ordered.columns else ordered.with_columns((pl.col(ROW) + 1).alias(LINE))


def _in_order(rows: pl.DataFrame, bucket: int, *, numbered: bool, first: int = 0) -> pl.DataFrame:
    """Sorted by the number that rows carry; else by all their columns, and numbered, whatever order they came in."""
    if numbered:
        _check_numbers(rows)
        return rows.sort(ROW)
    order = sorted(rows.columns)
    number = pl.int_range(pl.len(), dtype=pl.Int64) + (first + numbers_before(bucket))
    return rows.sort(order, nulls_last=True).with_columns(number.alias(ROW))


def _check_numbers(rows: pl.DataFrame) -> None:
    numbers = rows[ROW]
    if numbers.null_count() or numbers.n_unique() < len(numbers) or (numbers < 0).any():
        raise InputError(
            f"The numbers in the column {ROW!r} are not unique.",
            why="Rows that share a number cannot be told apart in rejects and counts.",
            hint="Number the rows from 0 on, each once, or leave the column out.",
        )


def _in_utc(rows: pl.DataFrame) -> pl.DataFrame:
    """Instants under the session's zone are the same instants in UTC."""
    zoned = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone]
    return rows.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in zoned)
