"""Sorting out of core: blocks of rows sorted by bucket, each a file; a bucket is then a slice of every file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from cytowatch.adapters.frame import ROW
from cytowatch.buckets import BUCKET, bucket_of
from cytowatch.streaming.inputs import LargeFile, LargeInput
from cytowatch.streaming.look import Share
from cytowatch.streaming.plan import Plan
from cytowatch.streaming.work import Work, told_as_damaged

_FOLDER = "runs"
_SMALLEST_GROUP = 4_096


def write_runs(large: LargeInput, plan: Plan, work: Work, share: Share) -> None:
    """Sort what is not sorted yet; a run that was finished before, and is whole, is left as it is."""
    buckets = _Buckets(plan.buckets)
    pieces = _pieces(large, plan.run_rows)
    rows = max(_SMALLEST_GROUP, plan.run_rows // plan.buckets)
    for number, piece in enumerate(pieces):
        share(number / len(pieces))
        name, record = f"{_FOLDER}/run-{number:06}.parquet", f"{_FOLDER}/run-{number:06}.json"
        if not work.is_whole(name, (work.read_json(record) or {}).get("size")):
            ordered = buckets.ordered(pl.concat([file.cut(start, count) for file, start, count in piece]))
            work.write(name, partial(ordered.write_parquet, compression="lz4", row_group_size=rows))
            work.write_json(record, {"size": work.path(name).stat().st_size})


class Runs:
    """The sorted runs, read bucket by bucket."""

    def __init__(self, work: Work) -> None:
        self._runs: list[_Sorted] = []
        for path in sorted(work.path(_FOLDER).glob("run-*.parquet")):
            with told_as_damaged(path):
                self._runs.append(_opened(path))

    def bucket(self, number: int) -> list[pl.DataFrame]:
        """The rows of one bucket in the order of the input, as one frame for each kind of file."""
        found: dict[str, list[pl.DataFrame]] = {}
        for run in self._runs:
            if number in run.slices:
                with told_as_damaged(run.path):
                    rows = run.table.slice(*run.slices[number]).drop(BUCKET).collect()
                found.setdefault(run.kind, []).append(rows)
        return [pl.concat(parts).sort(ROW) for parts in found.values()]


@dataclass(frozen=True)
class _Sorted:
    """One run: names and types of its columns, and for each bucket its first row and how many."""

    path: Path
    table: pl.LazyFrame
    kind: str
    slices: dict[int, tuple[int, int]]


def _opened(path: Path) -> _Sorted:
    table = pl.scan_parquet(path, glob=False)
    lengths = table.select(pl.col(BUCKET).rle()).unnest(BUCKET).collect()
    ends = lengths["len"].cast(pl.Int64).cum_sum()
    slices = zip(lengths["value"], ends - lengths["len"].cast(pl.Int64), lengths["len"], strict=True)
    kind = str([(name, dtype) for name, dtype in table.collect_schema().items()])
    return _Sorted(path, table, kind, {bucket: (start, rows) for bucket, start, rows in slices})


@dataclass
class _Buckets:
    """The bucket of each patient, worked out once a patient."""

    count: int
    known: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"patient": pl.String(), BUCKET: pl.UInt32()})
    )

    def ordered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows sorted by bucket, otherwise as they stood; rows of nobody go to the first."""
        new = frame.select(pl.col("patient").drop_nulls().unique()).join(self.known, on="patient", how="anti")
        numbers = [bucket_of(one, self.count) for one in new["patient"].to_list()]
        self.known = pl.concat([self.known, new.with_columns(pl.Series(BUCKET, numbers, dtype=pl.UInt32))])
        joined = frame.join(self.known, on="patient", how="left", maintain_order="left")
        return joined.with_columns(pl.col(BUCKET).fill_null(0)).sort(BUCKET, maintain_order=True)


def _pieces(large: LargeInput, rows: int) -> list[list[tuple[LargeFile, int, int]]]:
    """Slices of files that are sorted together: files of one kind, up to so many rows."""
    kinds: dict[str, list[LargeFile]] = {}
    for file in large.files:
        kinds.setdefault(file.kind, []).append(file)
    pieces: list[list[tuple[LargeFile, int, int]]] = []
    for files in kinds.values():
        pieces.append([])
        room = rows
        for file in files:
            start = 0
            while start < file.rows:
                count = min(room, file.rows - start)
                pieces[-1].append((file, start, count))
                start, room = start + count, room - count
                if not room:
                    pieces.append([])
                    room = rows
    return [piece for piece in pieces if piece]
