"""Scales of one family beside each other: the worst grade of each patient on every pair of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DISCORDANCE

# families whose scales grade the same thing
FAMILIES = ("crs", "icans")
_BASES = ("derived", "certain", "reported")
_KEYS = [name for name in DISCORDANCE.names if name != "patients"]


def discordance(timeline: pl.DataFrame, reported: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """How often each pair of worst grades occurs on two scales of a family (``schema.DISCORDANCE``).

    ``timeline``: of all scales; ``reported``: settled rows of reported_grade. A grade that is only a range is empty;
    patients that one of the two does not grade at all are left out.
    """
    parts = [DISCORDANCE.empty()]
    bounds = _bounds(timeline)
    settled = pl.when(pl.col("low") == pl.col("high")).then("low")
    # nothing certain where something is not excluded is no 0
    certain = pl.when((pl.col("low") > 0) | (pl.col("high") == 0)).then("low")
    bases = {
        "derived": bounds.select("patient", "scale", settled.alias("grade")),
        "certain": bounds.select("patient", "scale", certain.alias("grade")),
        "reported": _reported(reported, knowledge),
    }
    for basis, worst in bases.items():
        for first, second in _pairs(worst["scale"].unique().to_list(), knowledge):
            parts.append(_crossed(worst, first, second).with_columns(pl.lit(basis).alias("basis")))
    typed = [part.select(DISCORDANCE.names).cast(pl.Schema(DISCORDANCE.schema)) for part in parts]
    return _in_order(pl.concat(typed), knowledge)


def summed_discordance(parts: list[pl.DataFrame], knowledge: Knowledge) -> pl.DataFrame:
    """The tables of several parcels of patients as one."""
    return _in_order(pl.concat(parts).group_by(_KEYS).agg(pl.col("patients").sum()), knowledge)


def _in_order(table: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """By what is compared, then family by family, then by scales and grades."""
    families = {
        name: FAMILIES.index(scale.family) for name, scale in knowledge.scales.items() if scale.family in FAMILIES
    }
    ranks = (
        pl.col("basis").replace_strict({name: rank for rank, name in enumerate(_BASES)}, return_dtype=pl.Int8),
        pl.col("scale_a").replace_strict(families, return_dtype=pl.Int8),
    )
    return table.sort(*ranks, "scale_a", "scale_b", "grade_a", "grade_b")


def _bounds(timeline: pl.DataFrame) -> pl.DataFrame:
    """Worst grade by patient and scale, as ``low`` and ``high``, where the scale graded at all."""
    worst = timeline.filter(pl.col("at_least").is_not_null()).group_by("patient", "scale")
    return worst.agg(pl.col("at_least").max().alias("low"), pl.col("at_most").max().alias("high"))


def _reported(reported: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    said = reported.select(
        pl.col("patient").cast(pl.String), pl.col("text").cast(pl.String).alias("scale"), pl.col("value")
    )
    known = said.filter(pl.col("scale").is_in(list(knowledge.scales)) & (pl.col("value") == pl.col("value").floor()))
    return known.group_by("patient", "scale").agg(pl.col("value").max().cast(pl.Int16).alias("grade"))


def _pairs(scales: list[str], knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    for family in FAMILIES:
        of_family = sorted(name for name in scales if knowledge.scales[name].family == family)
        yield from combinations(of_family, 2)


def _crossed(worst: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    one, other = (
        worst.filter(pl.col("scale") == name).select("patient", pl.col("grade").alias(f"grade_{letter}"))
        for name, letter in ((first, "a"), (second, "b"))
    )
    counts = one.join(other, on="patient").group_by("grade_a", "grade_b").agg(pl.len().alias("patients"))
    return counts.sort("grade_a", "grade_b").with_columns(
        pl.lit(first).alias("scale_a"), pl.lit(second).alias("scale_b")
    )
