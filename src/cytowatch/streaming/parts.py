"""Grading part by part: each finished part is kept as a folder of tables, so that it need not be graded again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.frame import ROW
from cytowatch.bucket_run import COUNTS, TABLES, bucket_tables, grade_bucket
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome
from cytowatch.streaming.inputs import LargeInput
from cytowatch.streaming.look import Share
from cytowatch.streaming.people import People
from cytowatch.streaming.plan import Plan
from cytowatch.streaming.runs import Runs
from cytowatch.streaming.work import Work

# parts graded at the same time: most steps use one core, and memory holds one part more
_WORKERS = 2
_GROUP_ROWS = 4_096
# the number of a patient's first row in the table of patients, by which that table is ordered
FIRST = "_first"
_RECORD = "part.json"
Load = Callable[[int], tuple[list[pl.DataFrame], pl.DataFrame | None]]


def finished(plan: Plan, work: Work) -> list[int]:
    """The parts that are whole in the work folder."""
    return [number for number in range(plan.parts) if _is_whole(work, number)]


def folder_of(number: int) -> str:
    """Name of a part's folder."""
    return f"parts/{number:06}"


def read_record(work: Work, number: int) -> dict[str, Any]:
    """What ``run.json`` would say of this part alone."""
    record = work.read_json(f"{folder_of(number)}/{_RECORD}") or {}
    return dict(record["run"])


def grade_parts(
    large: LargeInput, plan: Plan, knowledge: Knowledge, options: BucketOptions, work: Work, share: Share
) -> None:
    """Grade what is not finished, and keep it; ``share`` counts what was finished before as behind."""
    done = set(finished(plan, work))
    todo = [number for number in range(plan.parts) if number not in done]
    load = _loader(large, plan, work)
    share(len(done) / plan.parts)
    for behind, (number, outcome, people) in enumerate(_graded(todo, load, knowledge, options), start=len(done) + 1):
        work.write_folder(folder_of(number), lambda folder: _keep(folder, outcome, people))  # noqa: B023 - used at once
        share(behind / plan.parts)


def _loader(large: LargeInput, plan: Plan, work: Work) -> Load:
    people = People(work)
    runs = None if plan.together else Runs(work)

    def load(number: int) -> tuple[list[pl.DataFrame], pl.DataFrame | None]:
        if runs is not None:
            return runs.bucket(number), people.of(number)
        if number == len(plan.cuts) - 1:
            return [], people.of(number)
        return large.cut(plan.cuts[number], plan.cuts[number + 1] - plan.cuts[number]), people.of(number)

    return load


def _graded(
    todo: list[int], load: Load, knowledge: Knowledge, options: BucketOptions
) -> Iterator[tuple[int, Outcome, pl.DataFrame | None]]:
    """Parts in order, two graded at a time while a third is read."""
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        waiting: deque[tuple[int, Future[Outcome], pl.DataFrame | None]] = deque()
        for number in todo:
            frames, people = load(number)
            waiting.append((number, pool.submit(grade_bucket, frames, people, knowledge, options), people))
            del frames
            if len(waiting) > _WORKERS:
                first, future, own = waiting.popleft()
                yield first, future.result(), own
        while waiting:
            first, future, own = waiting.popleft()
            yield first, future.result(), own


def _keep(folder: Path, outcome: Outcome, people: pl.DataFrame | None) -> None:
    tables = bucket_tables(outcome)
    tables["patients"] = _with_first(tables["patients"], people)
    tables["ledger"] = _with_first_seen(tables["ledger"], outcome.observations)
    for name in (*TABLES, *COUNTS):
        frame = tables[name]
        # rows of a patient together, so that a few patients can be read without the rest
        if name != "observations" and "patient" in frame.columns:
            frame = frame.sort("patient", maintain_order=True)
        frame.write_parquet(folder / f"{name}.parquet", compression="lz4", row_group_size=_rows(name))
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    Work(folder).write_json(_RECORD, {"run": outcome.run, "sizes": sizes})


def _rows(name: str) -> int | None:
    return None if name == "observations" else _GROUP_ROWS


def _with_first(patients: pl.DataFrame, people: pl.DataFrame | None) -> pl.DataFrame:
    if people is None:
        return patients.with_columns(pl.lit(None, pl.Int64).alias(FIRST))
    first = people.group_by("patient").agg(pl.col(ROW).min().alias(FIRST))
    return patients.join(first, on="patient", how="left")


def _with_first_seen(ledger: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """The row of the example that a line of the ledger gives: of several parts the first is told."""
    named = ledger.with_columns(pl.col("reason").str.extract(r" \(first in (.*)\)$").alias("source"))
    sources = named["source"].drop_nulls().unique()
    rows = observations.filter(pl.col("source").is_in(sources.implode())).group_by("source")
    return named.join(rows.agg(pl.col("row").min().alias(FIRST)), on="source", how="left").drop("source")


def _is_whole(work: Work, number: int) -> bool:
    """False also for files that a sudden loss of power left empty."""
    folder = folder_of(number)
    record = work.read_json(f"{folder}/{_RECORD}")
    sizes = record.get("sizes") if record else None
    if not isinstance(sizes, dict) or not record or "run" not in record:
        return False
    return all(work.is_whole(f"{folder}/{name}", size) for name, size in sizes.items())
