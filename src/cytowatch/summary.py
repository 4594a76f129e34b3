"""A run in a few lines: what was read, what was found, where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome
from cytowatch.report.discordance import Pair, pairs_of, where_unsettled
from cytowatch.report.order import by_family, is_sum, spokesmen

_FATES = ("read", "used", "superseded", "ignored", "rejected")
# of more scales than this only those are told that are above 0 in somebody, so many of a family
_SCALES_TOLD = 8
_OF_A_FAMILY = 8
_PAIRS_TOLD = 12


def summarize(
    outcome: Outcome, written: list[Path], knowledge: Knowledge, rejects: pl.LazyFrame | None = None
) -> Iterator[RenderableType]:
    """The parts to print, in order; ``rejects``: where the outcome of a large run does not hold them."""
    yield inputs_table(outcome)
    if not outcome.rejects.is_empty():
        yield rejects_table(outcome.rejects.lazy() if rejects is None else rejects)
    many = outcome.timeline["scale"].n_unique() > _SCALES_TOLD
    yield families_table(outcome, knowledge) if many else worst_table(outcome)
    if not outcome.discordance.is_empty():
        yield discordance_table(outcome, knowledge)
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


def rejects_table(rejects: pl.LazyFrame) -> Table:
    """Rejects by rule and concept, the most frequent first, with one example."""
    table = Table("rule", "concept", "rows", "for example", title="Rejected", title_justify="left", box=None)
    counts = (
        rejects.group_by("rule", "concept")
        .agg(pl.len().alias("rows"), pl.col("source").first(), pl.col("reason").first())
        .sort("rows", "rule", "concept", descending=[True, False, False])
        .collect()
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
    counts = _worst(outcome).group_by("scale", _said().alias("said")).len().sort("scale", "said")
    for scale, text, rows in counts.iter_rows():
        table.add_row(scale, text, f"{rows:,}")
    return table


def _worst(outcome: Outcome) -> pl.DataFrame:
    bounds = (pl.col("at_least").max().alias("low"), pl.col("at_most").max().alias("high"))
    return outcome.timeline.group_by("scale", "patient").agg(bounds)


def _said() -> pl.Expr:
    return (
        pl.when(pl.col("low").is_null())
        .then(pl.lit("no trigger: no grade"))
        .when(pl.col("low") == pl.col("high"))
        .then(pl.col("low").cast(pl.String))
        .otherwise(pl.format("{} to {}", "low", "high"))
    )


def families_table(outcome: Outcome, knowledge: Knowledge) -> Table:
    """Of many scales, by family: those that are certainly above 0 in somebody, and how many are not."""
    table = Table(
        "family",
        "scale",
        "patients certainly above 0, by worst certain grade",
        title="Worst grade of each patient",
        title_justify="left",
        box=None,
    )
    worst = _worst(outcome)
    above = worst.filter(pl.col("low") >= 1)
    counts = dict(above.group_by("scale").len().iter_rows())
    for title, scales in by_family(worst["scale"].unique().to_list(), knowledge).items():
        told = sorted((name for name in scales if name in counts), key=lambda name: (-counts[name], scales.index(name)))
        for place, name in enumerate(told[:_OF_A_FAMILY]):
            table.add_row("" if place else title, name, _spread(above.filter(pl.col("scale") == name), name, knowledge))
        rest = _rest(len(told) - _OF_A_FAMILY, len(scales) - len(told))
        if rest:
            table.add_row("" if told else title, rest, "")
    return table


def _spread(above: pl.DataFrame, scale: str, knowledge: Knowledge) -> str:
    """How many patients have each certain worst grade; of a sum score the lowest and the highest."""
    low = above["low"]
    if is_sum(scale, knowledge):
        points = low.sort().to_list()
        return f"{above.height:,}: {points[0]}{f' to {points[-1]}' if points[0] < points[-1] else ''} points"
    counts = sorted(above.group_by("low").len().iter_rows())
    return f"{above.height:,}: " + ", ".join(f"grade {grade} in {n:,}" for grade, n in counts)


def _rest(more: int, none: int) -> str:
    parts = [f"{more} more above 0"] if more > 0 else []
    parts += [f"{none} {'scale' if none == 1 else 'scales'} above 0 in nobody for certain"] if none else []
    return f"({'; '.join(parts)})" if parts else ""


def discordance_table(outcome: Outcome, knowledge: Knowledge) -> Table:
    """Scales of one family beside each other: how many patients have the same worst grade on both.

    Of many pairs only those with a scale that speaks for its family.
    """
    table = Table(
        "scales", "grades", "same", "differ", "not known", "of", "kappa",
        title="Worst grade of each patient on two scales", title_justify="left", box=None,
    )  # fmt: skip
    every = pairs_of(where_unsettled(outcome.discordance, knowledge))
    pairs = [pair for pair in every if pair.compared]
    speaking = spokesmen(knowledge)
    told = pairs if len(pairs) <= _PAIRS_TOLD else [p for p in pairs if p.first in speaking or p.second in speaking]
    for pair in told[:_PAIRS_TOLD]:
        table.add_row(f"{pair.first} / {pair.second}", pair.basis, *_agreement(pair))
    if len(pairs) > len(told[:_PAIRS_TOLD]):
        table.add_row(f"… and {len(pairs) - len(told[:_PAIRS_TOLD])} more pairs: table discordance", *[""] * 6)
    if len(every) > len(pairs):
        none = len(every) - len(pairs)
        text = f"{none} {'pair' if none == 1 else 'pairs'}: in nobody is the worst grade known on both"
        table.add_row(text, *[""] * 6)
    if any(pair.basis == "certain" for pair in told[:_PAIRS_TOLD]):
        table.caption = "certain: the worst grade that is certain; the true one may be higher, on either scale"
    return table


def _agreement(pair: Pair) -> list[str]:
    kappa = "-" if pair.kappa.value is None else f"{pair.kappa.value:.2f}"
    return [f"{n:,}" for n in (pair.same, pair.differ, pair.unknown, pair.patients)] + [kappa]


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
