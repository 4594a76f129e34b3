"""A run in a few lines: what was read, what was found, where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from cytowatch.pipeline import Outcome

_FATES = ("read", "used", "superseded", "ignored", "rejected")


def summarize(outcome: Outcome, written: list[Path]) -> Iterator[RenderableType]:
    """The parts to print, in order."""
    yield inputs_table(outcome)
    if not outcome.rejects.is_empty():
        yield rejects_table(outcome)
    yield worst_table(outcome)
    if not outcome.concordance.is_empty():
        yield concordance_table(outcome)
    if (product := outcome.run["arguments"].get("assume_trigger")) is not None:
        yield f"The trigger was ASSUMED ({product}) where none is recorded: these are not real grades."
    if outcome.run["patients_without_rows"]:
        yield f"Without any usable row, so not graded: {outcome.run['patients_without_rows']} of the table of patients"
    yield f"Patients graded: {outcome.run['patients']}, in {outcome.run['seconds']} s, {outcome.run['peak_mib']} MiB"
    for path in written:
        if path.name == "report.html":
            yield f"Report: {path}"
    if written:
        yield f"Tables: {written[0].parent}"


def inputs_table(outcome: Outcome) -> Table:
    """Every file, and what became of its rows; the counts add up."""
    table = Table("input", *_FATES, title="Rows", title_justify="left", box=None)
    inputs = outcome.run["inputs"]
    for entry in inputs:
        table.add_row(entry["file"], *(f"{entry[fate]:,}" for fate in _FATES))
    if len(inputs) > 1:
        table.add_row("all", *(f"{sum(entry[fate] for entry in inputs):,}" for fate in _FATES))
    return table


def rejects_table(outcome: Outcome) -> Table:
    """Rejects by rule and concept, the most frequent first, with one example."""
    table = Table("rule", "concept", "rows", "for example", title="Rejected", title_justify="left", box=None)
    counts = (
        outcome.rejects.group_by("rule", "concept")
        .agg(pl.len().alias("rows"), pl.col("source").first(), pl.col("reason").first())
        .sort("rows", "rule", "concept", descending=[True, False, False])
    )
    for rule, concept, rows, source, reason in counts.head(12).iter_rows():
        table.add_row(rule, concept or "", f"{rows:,}", f"{source}: {reason}")
    if counts.height > 12:
        table.add_row(f"… and {counts.height - 12} more kinds", "", f"{counts['rows'][12:].sum():,}", "")
    return table


def worst_table(outcome: Outcome) -> Table:
    """Patients by their worst grade on each scale; a range where it is not known."""
    table = Table(
        "scale", "worst grade", "patients", title="Worst grade of each patient", title_justify="left", box=None
    )
    worst = outcome.timeline.group_by("scale", "patient").agg(
        pl.col("at_least").max().alias("low"), pl.col("at_most").max().alias("high")
    )
    said = (
        pl.when(pl.col("low").is_null())
        .then(pl.lit("no trigger: no grade"))
        .when(pl.col("low") == pl.col("high"))
        .then(pl.col("low").cast(pl.String))
        .otherwise(pl.format("{} to {}", "low", "high"))
    )
    counts = worst.group_by("scale", said.alias("said")).len().sort("scale", "said")
    for scale, text, rows in counts.iter_rows():
        table.add_row(scale, text, f"{rows:,}")
    return table


def concordance_table(outcome: Outcome) -> Table:
    """Derived against reported grades: how many agree, differ, are compatible or cannot be compared."""
    verdicts = ("agree", "compatible", "differ", "not_comparable")
    table = Table("scale", "level", *verdicts, title="Derived against reported", title_justify="left", box=None)
    counts = outcome.concordance.group_by("scale", "level", "verdict").len()
    for scale, level in counts.select("scale", "level").unique().sort("scale", "level").iter_rows():
        own = dict(
            counts.filter((pl.col("scale") == scale) & (pl.col("level") == level)).select("verdict", "len").iter_rows()
        )
        table.add_row(scale, level, *(str(own.get(verdict, 0)) for verdict in verdicts))
    return table
