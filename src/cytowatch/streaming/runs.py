"""Sorting out of core: blocks of rows sorted by bucket, each a file; a bucket is then a slice of every file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import polars as pl

from cytowatch.adapters.frame import ROW
from cytowatch.buckets import BUCKET, bucket_of
from cytowatch.streaming.inputs import LargeFile, LargeInput
from cytowatch.streaming.look import Share
from cytowatch.streaming.plan import Plan
from cytowatch.streaming.work import Work

_FOLDER = "runs"
_SMALLEST_GROUP = 4_096


def write_runs(large: LargeInput, plan: Plan, work: Work, share: Share) -> None:
    """Sort what is not sorted yet; a run that was finished before is left as it is."""
    buckets = _Buckets(plan.buckets)
    pieces = _pieces(large, plan.run_rows)
    rows = max(_SMALLEST_GROUP, plan.run_rows // plan.buckets)
    for number, piece in enumerate(pieces):
        share(number / len(pieces))
        name = f"{_FOLDER}/run-{number:06}.parquet"
        if not work.path(name).exists():
            ordered = buckets.ordered(pl.concat([file.cut(start, count) for file, start, count in piece]))
            work.write(name, partial(ordered.write_parquet, compression="lz4", row_group_size=rows))


class Runs:
    """The sorted runs, read bucket by bucket."""

    def __init__(self, work: Work) -> None:
        self._runs = []
        for path in sorted(work.path(_FOLDER).glob("run-*.parquet")):
            table = pl.scan_parquet(path, glob=False)
            lengths = table.select(pl.col(BUCKET).rle()).unnest(BUCKET).collect()
            ends = lengths["len"].cast(pl.Int64).cum_sum()
            slices = zip(lengths["value"], ends - lengths["len"].cast(pl.Int64), lengths["len"], strict=True)
            kind = str([(name, dtype) for name, dtype in table.collect_schema().items()])
            self._runs.append((table, kind, {bucket: (start, rows) for bucket, start, rows in slices}))

    def bucket(self, number: int) -> list[pl.DataFrame]:
        """The rows of one bucket in the order of the input, as one frame for each kind of file."""
        found: dict[str, list[pl.LazyFrame]] = {}
        for table, kind, slices in self._runs:
            if number in slices:
                found.setdefault(kind, []).append(table.slice(*slices[number]))
        return [pl.concat(parts).drop(BUCKET).collect().sort(ROW) for parts in found.values()]


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
