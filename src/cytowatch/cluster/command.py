"""``cytowatch grade --engine spark``: Parquet in, a graded folder out, and a few lines about the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from cytowatch.cluster.run import SparkResult, grade_spark
from cytowatch.cluster.session import check_spark, own_session
from cytowatch.errors import ArgumentError
from cytowatch.knowledge.model import Knowledge

_FATES = ("read", "used", "superseded", "ignored", "rejected")


@dataclass(frozen=True)
class SparkAsked:
    """What the command was asked for."""

    inputs: Sequence[str]
    patients: Path | None
    out: Path
    master: str
    buckets: int | None
    arguments: dict[str, Any]


def check_asked(
    source: str, form: str, folder: Path | None, *, mapping: Path | None, codes: object, fresh: bool
) -> None:
    """ArgumentError for what Spark does not do: other doors, mappings, CSV, runs that are taken up, or no folder."""
    wrong = {
        "--from": source != "csv",
        "--mapping": mapping is not None,
        "--codes": bool(codes),
        "--format": form != "parquet",
    }
    if fresh:
        raise ArgumentError(
            "--fresh does not go with --engine spark.",
            where="--fresh",
            why="A run on Spark is never taken up where it was cut short: it always begins anew.",
            hint="Leave --fresh out.",
        )
    for option, given in wrong.items():
        if given:
            raise ArgumentError(
                f"{option} does not go with --engine spark.",
                where=option,
                why="Spark reads the long table of the contract from Parquet, and writes Parquet.",
                hint="Bring the input into the long form first, or leave --engine out: one machine reads all doors.",
            )
    if folder is None:
        raise ArgumentError("--engine spark needs a folder to write into.", where="--out", hint="Add --out FOLDER.")


def check_alone(master: str | None, buckets: int | None) -> None:
    """ArgumentError for options of Spark without Spark, which would do nothing."""
    for option, given in {"--master": master, "--buckets": buckets}.items():
        if given is not None:
            raise ArgumentError(
                f"{option} does nothing without --engine spark.",
                where=option,
                hint="Add --engine spark, or leave the option out.",
            )


def grade_on_spark(
    asked: SparkAsked, tables: Knowledge, advance: Callable[[str, float], None]
) -> tuple[SparkResult, list[Path]]:
    """Grade on Spark into a folder; a session that is running already is used."""
    check_spark()
    from cytowatch.cluster.folder import write_graded

    advance("starting Spark", 0.0)
    session = own_session(asked.master)
    advance("grading on Spark", 0.1)
    result = grade_spark(
        list(asked.inputs), asked.patients, knowledge=tables, buckets=asked.buckets, keep_rows=True, spark=session,
        **asked.arguments,
    )  # fmt: skip
    advance("writing the tables", 0.8)
    written = write_graded(result, asked.out)
    result.release()
    return result, written


def summary(result: SparkResult, folder: Path) -> Iterator[RenderableType]:
    """The run in a few lines; whatever counts patients is counted in streams from the files."""
    yield _inputs(result.run)
    if result.run["rows"]["rejects"]:
        yield _rejects(folder)
    yield _worst(folder)
    if (product := result.run["arguments"].get("assume_trigger")) is not None:
        yield f"The trigger was ASSUMED ({product}) where none is recorded: these are not real grades."
    if result.run["patients_without_rows"]:
        yield f"Without any usable row, so not graded: {result.run['patients_without_rows']} of the table of patients"
    run, shared = result.run, result.run["spark"]
    yield f"Patients graded: {run['patients']}, in {run['seconds']} s, at most {run['peak_mib']} MiB in a worker"
    yield f"Spark {shared['version']}: {shared['buckets']} buckets in {shared['partitions']} tasks"
    yield f"Tables: {folder}"


def _inputs(run: dict[str, Any]) -> Table:
    table = Table("input", *_FATES, title="Rows", title_justify="left", box=None)
    for entry in run["inputs"]:
        table.add_row(entry["file"], *(f"{entry[fate]:,}" for fate in _FATES))
    return table


def _rejects(folder: Path) -> Table:
    table = Table("rule", "concept", "rows", title="Rejected", title_justify="left", box=None)
    counts = _parts(folder, "rejects").group_by("rule", "concept").len("rows")
    ordered = counts.sort("rows", "rule", "concept", descending=[True, False, False]).collect(engine="streaming")
    for rule, concept, rows in ordered.head(12).iter_rows():
        table.add_row(rule, concept or "", f"{rows:,}")
    return table


def _worst(folder: Path) -> Table:
    """Patients by their worst grade on each scale; a range where it is not known."""
    table = Table("scale", "worst grade", "patients", title="Worst grade of each patient", title_justify="left",
                  box=None)  # fmt: skip
    timeline = _parts(folder, "timeline").group_by("scale", "patient")
    bounds = timeline.agg(pl.col("at_least").max().alias("low"), pl.col("at_most").max().alias("high"))
    counts = bounds.group_by("scale", "low", "high").len().sort("scale", "low", "high").collect(engine="streaming")
    for scale, low, high, patients in counts.iter_rows():
        said = "no trigger: no grade" if low is None else str(low) if low == high else f"{low} to {high}"
        table.add_row(scale, said, f"{patients:,}")
    return table


def _parts(folder: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(sorted((folder / f"{name}.parquet").glob("*.parquet")), glob=False)
