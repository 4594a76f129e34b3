"""Derived against reported grades: per day and at worst, never agreeing by default."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.schema import CONCORDANCE, DAY_US

# what must be missing throughout for a stretch to count as "nobody measured the signs"
_SIGNS = {"fever_led": [["body_temperature"]], "neuro": [["ice_score", "capd_score", "age"], ["consciousness"]]}


def concordance(
    settled: pl.DataFrame, timeline: pl.DataFrame, triggers: pl.DataFrame, knowledge: Knowledge, scales: list[str]
) -> pl.DataFrame:
    """Compare each reported grade with what was derived on the same scale (``schema.CONCORDANCE``).

    ``settled``: settled rows of reported_grade; ``triggers``: patient, time; ``scales``: those that were graded. Days
    are counted from the first exposure. Where nobody measured the signs, or there is no trigger, the verdict is
    ``not_comparable``.
    """
    # a fraction of a grade is no grade of any scale
    said = settled.filter(pl.col("value") == pl.col("value").floor())
    reported = said.select(
        pl.col("patient").cast(pl.String),
        pl.col("text").cast(pl.String).alias("scale"),
        "time",
        pl.col("value").cast(pl.Int16).alias("reported"),
    ).filter(pl.col("scale").is_in(scales))
    if reported.is_empty():
        return CONCORDANCE.empty()
    first = triggers.group_by(pl.col("patient").cast(pl.String)).agg(pl.col("time").min().alias("zero"))
    dated = reported.join(first, on="patient", how="left").with_columns(
        ((pl.col("time") - pl.col("zero")) // DAY_US).cast(pl.Int32).alias("day")
    )
    rows = timeline.with_columns(_measured(knowledge, scales).alias("measured"))
    daily = _judged(_derived_by_day(dated, rows).with_columns(pl.lit("day").alias("level")))
    worst = _judged(
        _derived_at_worst(dated, rows).with_columns(pl.lit("worst").alias("level"), pl.lit(None, pl.Int32).alias("day"))
    )
    both = pl.concat([daily, worst.select(daily.columns)])
    return both.select(CONCORDANCE.names).cast(pl.Schema(CONCORDANCE.schema)).sort("scale", "level", "patient", "day")


def _measured(knowledge: Knowledge, scales: list[str]) -> pl.Expr:
    """Was any sign of the scale looked at, in this row?"""
    measured = pl.lit(True)
    for scale in scales:
        nothing = _blind(knowledge.scales[scale]) & (pl.col("criteria").list.len() == 0)
        measured = pl.when(pl.col("scale") == scale).then(~nothing).otherwise(measured)
    return measured


def _blind(scale: Scale) -> pl.Expr:
    """No sign of the scale was measured; on rule scales: nothing is settled, not even that there is nothing."""
    signs = _SIGNS.get(scale.method)
    if signs is None:
        return pl.col("grade").is_null() & (pl.col("at_least") == 0)
    return pl.all_horizontal(
        pl.any_horizontal(pl.col("missing").list.contains(name) for name in names) for names in signs
    )


def _derived_by_day(dated: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    days = (
        dated.filter(pl.col("day").is_not_null())
        .group_by("patient", "scale", "day", "zero")
        .agg(pl.col("reported").max())
    )
    undated = dated.filter(pl.col("day").is_null()).group_by("patient", "scale").agg(pl.col("reported").max())
    begins = pl.col("zero") + pl.col("day").cast(pl.Int64) * DAY_US
    pairs = (
        days.with_columns(begins.alias("day_start"), (begins + DAY_US).alias("day_end"))
        .join(
            rows.select("patient", "scale", "start", "end", "at_least", "at_most", "measured"), on=["patient", "scale"]
        )
        .filter((pl.col("start") < pl.col("day_end")) & (pl.col("end") > pl.col("day_start")))
    )
    derived = _extremes(pairs, ["patient", "scale", "day"])
    joined = days.join(derived, on=["patient", "scale", "day"], how="left")
    return pl.concat([joined, undated], how="diagonal").drop("zero")


def _derived_at_worst(dated: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    worst = dated.group_by("patient", "scale").agg(pl.col("reported").max())
    return worst.join(_extremes(rows, ["patient", "scale"]), on=["patient", "scale"], how="left")


def _extremes(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    return rows.group_by(by).agg(
        pl.col("at_least").max().alias("derived_at_least"),
        pl.col("at_most").max().alias("derived_at_most"),
        pl.col("measured").any(),
    )


def _judged(table: pl.DataFrame) -> pl.DataFrame:
    low, high, said = pl.col("derived_at_least"), pl.col("derived_at_most"), pl.col("reported")
    known = pl.col("measured").fill_null(False) & low.is_not_null()
    verdict = (
        pl.when(~known)
        .then(pl.lit("not_comparable"))
        .when((low == said) & (high == said))
        .then(pl.lit("agree"))
        .when((low <= said) & (said <= high))
        .then(pl.lit("compatible"))
        .otherwise(pl.lit("differ"))
    )
    reason = (
        pl.when(pl.col("measured").is_null())
        .then(pl.lit("nothing was derived for this stretch"))
        .when(low.is_null())
        .then(pl.lit("no trigger is recorded"))
        .when(~known)
        .then(pl.lit("the signs that make the grade were not recorded"))
        .when(low > said)
        .then(pl.format("derived at least {}, {} above the report", low, low - said))
        .when(high < said)
        .then(pl.format("derived at most {}, {} below the report", high, said - high))
        .otherwise(pl.lit(""))
    )
    return table.with_columns(verdict.alias("verdict"), reason.alias("reason"))
