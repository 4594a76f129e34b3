"""The tables of all parts as one graded folder: put in order, added up, and moved to their place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.walk import NOT_READ
from cytowatch.bucket_run import COUNTS, TABLES
from cytowatch.engine.joint import ORDER_FINDINGS
from cytowatch.engine.side_by_side import summed_discordance
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome, combined_run, summed
from cytowatch.results import clear_folder, into_place, join_parts, replacing, write_run, write_table
from cytowatch.schema import EPISODES, FINDINGS, IN_DOUBT, JOINT, LEDGER, OBSERVATIONS, PATIENTS, REJECTS
from cytowatch.streaming.inputs import LargeInput
from cytowatch.streaming.look import Share
from cytowatch.streaming.merge import Order, in_order
from cytowatch.streaming.parts import FIRST, folder_of, read_record
from cytowatch.streaming.people import BROKEN
from cytowatch.streaming.plan import Plan
from cytowatch.streaming.work import Work, to_disk

# kept as Parquet whatever the format of the results
_KEPT = ("observations", "patients", "in_doubt")
_FINAL = "final"


def assemble(
    large: LargeInput, plan: Plan, knowledge: Knowledge, form: str, started: float, work: Work, share: Share
) -> Outcome:
    """Write every table of the whole run into the work folder; give back what the summary tells of it.

    Of the timeline that is the worst bounds of each patient, of the rejects one row, of observations none.
    """
    final, pieces = work.path(_FINAL), work.path("pieces")
    for folder in (final, pieces):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    runs = [read_record(work, number) for number in range(plan.parts)]
    merged = [name for name in TABLES if name != "observations"]
    for done, name in enumerate(merged):
        share(done / (len(merged) + 1))
        files = _ordered_files(name, plan, work, pieces, runs[0]["scales"], knowledge, large.rows)
        ending = "parquet" if name in _KEPT else form
        join_parts(files, final / f"{name}.{ending}", without=(FIRST,))
        shutil.rmtree(pieces / name, ignore_errors=True)
    _lay_observations(plan, work, final / "observations.parquet")
    whole = _whole(large, plan, knowledge, work, final, form, runs, started)
    for name in ("ledger", "discordance"):
        write_table(getattr(whole, name), final / f"{name}.{form}")
    write_run(whole.run, final)
    return whole


def move(out: Path, form: str, work: Work) -> list[Path]:
    """Put the assembled tables into place, so that nobody reads half of them; give back their paths.

    A folder that is not there yet appears at once. In one that is, a mark tells readers to wait.
    """
    final = work.path(_FINAL)
    names = [path.name for path in sorted(final.iterdir())]
    for name in names:
        to_disk(final / name)
    if not out.exists():
        final.rename(out)
        return [out / name for name in names]
    with replacing(out):
        for name in names:
            into_place(final / name, out / name)
        clear_folder(out, [name for name in (*TABLES, *COUNTS) if name not in _KEPT], form)
    return [out / name for name in names]


def _files(name: str, plan: Plan, work: Work) -> list[Path]:
    return [work.path(f"{folder_of(number)}/{name}.parquet") for number in range(plan.parts)]


def _ordered_files(
    name: str, plan: Plan, work: Work, pieces: Path, scales: list[str], knowledge: Knowledge, rows: int
) -> list[Path]:
    files = in_order(_files(name, plan, work), _order(name, scales, knowledge), pieces / name)
    broken = work.path(BROKEN)
    if name != "rejects" or not broken.exists():
        return files
    # broken lines of the table of patients stand between the rejects of observations and those of patients
    table = pl.scan_parquet(files, glob=False)
    before, after = pieces / name / "x-before.parquet", pieces / name / "x-after.parquet"
    table.filter(pl.col("row") < rows).sink_parquet(before, compression="lz4")
    table.filter(pl.col("row") >= rows).sink_parquet(after, compression="lz4")
    return [before, broken, after]


def _order(name: str, scales: list[str], knowledge: Knowledge) -> Order:
    findings = [*ORDER_FINDINGS, *knowledge.lookalikes]
    return {
        "timeline": Order("patient", ("scale",), _as_in(scales)),
        EPISODES.name: Order("patient", ("scale",), _as_in(scales)),
        "concordance": Order("patient", ("scale", "level")),
        JOINT.name: Order("patient"),
        FINDINGS.name: Order("patient", ("finding",), _as_in(findings)),
        REJECTS.name: Order("row"),
        # numbers of rows in doubt are below 0: the first row has the highest
        IN_DOUBT.name: Order("row", descending=True),
        PATIENTS.name: Order(FIRST),
    }[name]


def _as_in(names: list[str]) -> Callable[[list[tuple[str, ...]]], list[tuple[str, ...]]]:
    return lambda values: sorted(values, key=lambda value: names.index(value[0]))


def _lay_observations(plan: Plan, work: Work, folder: Path) -> None:
    """The rows stay in parts, and the parts stay in the work folder until all is in place."""
    folder.mkdir()
    for number, path in enumerate(_files(OBSERVATIONS.name, plan, work)):
        target = folder / f"part-{number:06}.parquet"
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)


def _whole(
    large: LargeInput,
    plan: Plan,
    knowledge: Knowledge,
    work: Work,
    final: Path,
    form: str,
    runs: list[dict[str, Any]],
    started: float,
) -> Outcome:
    ledger = _ledger(large, plan, work)
    tables = {
        "timeline": _scan(final, "timeline", form)
        .group_by("scale", "patient")
        .agg(_whole_number("at_least", "at_most")),
        "rejects": _scan(final, "rejects", form).head(1),
        "concordance": _scan(final, "concordance", form).select("scale", "level", "verdict"),
    }
    collected: dict[str, Any] = {name: table.collect(engine="streaming") for name, table in tables.items()}
    crossed = [pl.read_parquet(path, glob=False) for path in _files("discordance", plan, work)]
    return Outcome(
        **collected,
        episodes=EPISODES.empty(),
        observations=OBSERVATIONS.empty(),
        patients=PATIENTS.empty(),
        ledger=ledger,
        discordance=summed_discordance(crossed, knowledge),
        clock=plan.clock,
        run=combined_run(runs, ledger, started),
    )


def _whole_number(*names: str) -> pl.Expr:
    return pl.col(names).cast(pl.Int16).max()


def _scan(folder: Path, name: str, form: str) -> pl.LazyFrame:
    path = folder / f"{name}.{form}"
    return pl.scan_parquet(path, glob=False) if form == "parquet" else pl.scan_csv(path, infer_schema=False, glob=False)


def rejected(out: Path, form: str) -> pl.LazyFrame:
    """The rejects as they lie in the folder."""
    return _scan(out, REJECTS.name, form)


def _ledger(large: LargeInput, plan: Plan, work: Work) -> pl.DataFrame:
    """The ledgers of all parts; an example that they give is that of the first row."""
    parts = pl.concat([pl.read_parquet(path, glob=False) for path in _files(LEDGER.name, plan, work)])
    broken = work.path(BROKEN)
    said = pl.col("reason").str.replace(r" \(first in .*\)$", "").alias("said")
    examples = parts.filter(pl.col(FIRST).is_not_null()).sort(FIRST).unique(["file", said], keep="first")
    lines = [parts.filter(pl.col(FIRST).is_null()).select(LEDGER.names), examples.select(LEDGER.names), _told(large)]
    if broken.exists():
        refused = pl.read_parquet(broken, glob=False).select(
            pl.col("source").str.replace(r":\d+$", "").alias("file"),
            pl.lit("rejected").alias("fate"),
            pl.col("rule").alias("reason"),
            pl.lit(1, pl.Int64).alias("rows"),
        )
        lines.append(refused)
    return summed(lines)


def _told(large: LargeInput) -> pl.DataFrame:
    """What is said of files, and of no row of them."""
    lines = [(part.file.label, f"column {name!r} is not read") for part in large.files for name in part.extra]
    lines += [(part.file.label, "no rows") for part in large.files if not part.rows]
    lines += [(folder, NOT_READ) for folder in large.passed]
    rows = [(file, "ignored", reason, 0) for file, reason in lines]
    return pl.DataFrame(rows, schema=LEDGER.schema, orient="row")
