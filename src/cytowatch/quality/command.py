"""The command ``cytowatch quality``: what a source holds, before anything is graded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.table import Table

from cytowatch.adapters.doors import Asked, Source, read_source
from cytowatch.adapters.doubt import UNREAD
from cytowatch.adapters.intake import Intake
from cytowatch.engine.apply import needed_by
from cytowatch.engine.settle import settle
from cytowatch.errors import EXIT_DONE, ArgumentError
from cytowatch.knowledge import load
from cytowatch.knowledge.choose import check_scales
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import outward, settle_ledger
from cytowatch.quality.measure import Quality, measure
from cytowatch.quality.page import render
from cytowatch.results import atomically, check_place, write_table
from cytowatch.schema import RUN_RECORD
from cytowatch.terminal import Overlays, out, progress_bar

_Files = Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)]
_REJECTS_TOLD = 12


def quality(
    inputs: Annotated[list[str], Parameter(negative=())],
    /,
    *,
    patients: Path | None = None,
    source: Annotated[Source, Parameter(name="--from")] = "csv",
    mapping: Path | None = None,
    codes: _Files = None,
    zone: str | None = None,
    scale: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    knowledge: Overlays = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Say what a source holds before anything is graded: coverage, frequency, units, rejects, gaps, shifted times.

    Examples: `cytowatch quality ward.csv`; `cytowatch quality clif_folder --from clif --out looked`.

    Parameters
    ----------
    inputs
        What `cytowatch grade` takes.
    patients
        A table of patients.
    source
        What the input is: `cytowatch doors` lists them.
    mapping
        A TOML file that says which column of a wide table is which concept and unit.
    codes
        A site's own code lists.
    zone
        IANA zone of timestamps that carry none.
    scale
        Whose concepts are looked at: ids, patterns or all. Default: crs.astct-2019 and icans.astct-2019.
    knowledge
        Folders laid over the clinical tables.
    out_
        Folder for quality.html and the tables behind it.
    quiet
        Print nothing but errors.
    """
    if out_ is not None:
        _check_out(out_, inputs)
    tables = load(*(knowledge or ()))
    chosen = check_scales(scale, tables)
    needed = needed_by(chosen, tables) - {UNREAD}
    with progress_bar(quiet) as advance:
        asked = Asked(tuple(inputs), patients, mapping, zone, tuple(codes or ()), advance)
        intake = _settled(read_source(source, asked, tables), tables, chosen, look_alikes=scale == ["all"])
        found = measure(intake, tables, [key for key in tables.concepts if key in needed])
    if not quiet:
        _print(found)
    if out_ is not None:
        title = f"{', '.join(Path(one).name for one in inputs)} ({source})"
        page = render(found, tables, title)
        out_.mkdir(parents=True, exist_ok=True)
        for name, frame in found.tables().items():
            write_table(outward(frame, intake.clock), out_ / f"{name}.csv")
        atomically(out_ / "quality.html", lambda path: path.write_text(page, encoding="utf-8"))
        if not quiet:
            out.print(f"Report: {out_ / 'quality.html'}", soft_wrap=True)
    return EXIT_DONE


def _settled(intake: Intake, tables: Knowledge, chosen: list[str], *, look_alikes: bool) -> Intake:
    """The same intake with the ledger that `cytowatch grade` gives: what is superseded is told only here."""
    read = needed_by(chosen, tables, look_alikes=look_alikes)
    rows = settle(intake.charted, tables, read)
    return replace(intake, ledger=settle_ledger(intake, rows.superseded, rows.later, read))


def _check_out(folder: Path, inputs: list[str]) -> None:
    """A wrong place is told before anything is read."""
    check_place(folder, inputs)
    if (folder / RUN_RECORD).exists():
        raise ArgumentError(
            "--out is a folder of graded results.",
            where=str(folder),
            why="Its ledger and its rejects would be replaced by those of this look.",
            hint="Name another folder.",
        )


def _print(found: Quality) -> None:
    out.print(_ledger(found.ledger))
    if found.rejects.height:
        out.print(_rejects(found.rejects))
    out.print(_coverage(found.coverage))
    for remark in found.remarks:
        out.print(f"{remark.weight}: {remark.text}", soft_wrap=True)


def _ledger(ledger: pl.DataFrame) -> Table:
    fates = ("used", "superseded", "ignored", "rejected")
    table = Table("input", "read", *fates, title="Rows", title_justify="left", box=None)
    for name in ledger["file"].unique().sort():
        own = ledger.filter(pl.col("file") == name)
        counts = [int(own.filter(pl.col("fate") == fate)["rows"].sum()) for fate in fates]
        table.add_row(name, *(f"{count:,}" for count in (sum(counts), *counts)))
    return table


def _rejects(rejects: pl.DataFrame) -> Table:
    table = Table("rule", "concept", "rows", "for example", title="Rejected", title_justify="left", box=None)
    for rule, concept, rows, example, reason in rejects.head(_REJECTS_TOLD).iter_rows():
        table.add_row(rule, concept or "", f"{rows:,}", f"{example}: {reason}")
    if rejects.height > _REJECTS_TOLD:
        table.add_row(f"… and {rejects.height - _REJECTS_TOLD} more kinds", "", "", "")
    return table


def _coverage(coverage: pl.DataFrame) -> Table:
    head = ("concept", "rows", "patients", "median h", "speaks for")
    table = Table(*head, title="Coverage", title_justify="left", box=None)
    for row in coverage.filter(pl.col("rows") > 0).iter_rows(named=True):
        median = "" if row["median_hours"] is None else f"{row['median_hours']:.1f}"
        spoken = "" if row["covered"] is None else f"{row['covered']:.0%}"
        table.add_row(row["concept"], f"{row['rows']:,}", f"{row['patients']:,}", median, spoken)
    nothing = coverage.filter(pl.col("rows") == 0)["concept"].to_list()
    if nothing:
        table.caption = f"not there: {', '.join(nothing)}"
        table.caption_justify = "left"
    return table
