"""What a cut-off is made with: limits of normal, the patient's baseline, the lowest reading before."""

from __future__ import annotations

from typing import cast

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

# patients columns that state a baseline
STATED = ("creatinine", "ast", "alt", "bilirubin")
LIMITS = {"uln": "range_high", "lln": "range_low"}


def with_limits(rows: pl.DataFrame, concept: str, knowledge: Knowledge) -> pl.DataFrame:
    """``range_low`` and ``range_high`` filled from the site's table where the laboratory printed none."""
    given = cast("dict[str, tuple[float, float]]", knowledge.policy("reference_ranges")).get(concept)
    if given is None:
        return rows
    return rows.with_columns(pl.col("range_low").fill_null(given[0]), pl.col("range_high").fill_null(given[1]))


def with_baseline(
    spoken: pl.DataFrame,
    rows: Charted,
    people: pl.DataFrame,
    exposures: pl.DataFrame,
    concept: str,
    knowledge: Knowledge,
) -> pl.DataFrame:
    """Readings with their ``baseline``: what the patients table states, else the last reading before their exposure.

    ``exposures``: subject, since, speaks_from (``subjects.exposures_before``).
    """
    days = float(str(knowledge.policy("baseline_days")))
    exact = rows.of(concept).filter(pl.col("value").is_not_null() & pl.col("comparator").is_null())
    before = exposures.join_asof(
        exact.select("subject", "time", pl.col("value").alias("charted")),
        left_on="since",
        right_on="time",
        by="subject",
        tolerance=int(days * DAY_US),
        check_sortedness=False,
    )
    found = spoken.join_asof(
        before.select("subject", "speaks_from", "charted"),
        left_on="time",
        right_on="speaks_from",
        by="subject",
        check_sortedness=False,
    )
    stated = pl.col(f"baseline_{concept}") if concept in STATED else pl.lit(None, pl.Float64)
    found = found.join(
        people.select("subject", stated.alias("stated")), on="subject", how="left", maintain_order="left"
    )
    return found.with_columns(pl.coalesce("stated", "charted").alias("baseline")).drop("stated", "charted")


def with_lowest(rows: pl.DataFrame, hours: float) -> pl.DataFrame:
    """``lowest``: the lowest exact reading in the hours before each reading, the reading itself left out."""
    exact = pl.when(pl.col("comparator").is_null()).then("value")
    span = f"{round(hours * 3_600_000_000)}i"
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias("lowest"))
    return rows.with_columns(
        exact.rolling_min_by("time", window_size=span, closed="left", min_samples=1).over("subject").alias("lowest")
    )


def weights(rows: Charted, people: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """The weight that holds for each row of ``asked`` (subject, time): stated, else the last charted before it.

    A last one that is a bound leaves it unknown: an older weight is no better known.
    """
    charted = rows.of("weight")
    exact = pl.when(pl.col("comparator").is_null()).then(pl.col("value"))
    found = asked.select("subject", "time").join(
        people.select("subject", "weight_kg"), on="subject", how="left", maintain_order="left"
    )
    found = found.join_asof(
        charted.select("subject", "time", exact.alias("charted")),
        on="time",
        by="subject",
        check_sortedness=False,
    )
    return found.select(pl.coalesce("weight_kg", "charted").alias("weight"))["weight"]
