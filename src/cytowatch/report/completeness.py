"""How complete the data are: the share of watched time in which each kind of sign was known."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US, HOUR_US

# What is asked of a chart, and the concepts any one of which answers it.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "Temperature": ("body_temperature",),
    "Blood pressure": ("systolic_bp", "mean_arterial_pressure"),
    "Oxygen saturation": ("spo2",),
    "Oxygen support": ("oxygen_device", "oxygen_flow", "fio2"),
    "ICE, CAPD or consciousness": ("ice_score", "capd_score", "consciousness"),
}


def known_share(timeline: pl.DataFrame, observations: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Share of watched time with an answer in force: ``question, day, share, watched_hours``.

    Days count from the patient's first watched moment. timeline, observations: as in ``schema.py``. A row is in force
    to its ``until``, else for its concept's ``valid_for``. Times outside the watched window do not count.
    """
    watch = timeline.group_by("patient").agg(pl.col("start").min().alias("origin"), pl.col("end").max().alias("stop"))
    watched = _per_day(
        watch.select("patient", "origin", "stop", pl.col("origin").alias("a"), pl.col("stop").alias("b"))
    )
    base = watched.group_by("day").agg(pl.col("share_us").sum().alias("watched_us"))
    parts = []
    for question, concepts in QUESTIONS.items():
        known = _per_day(_in_force(watch, observations, concepts, knowledge))
        known = known.group_by("day").agg(pl.col("share_us").sum().alias("known_us"))
        share = (pl.col("known_us").fill_null(0) / pl.col("watched_us")).alias("share")
        parts.append(
            base.join(known, on="day", how="left").select(
                pl.lit(question).alias("question"),
                "day",
                share,
                (pl.col("watched_us") / HOUR_US).alias("watched_hours"),
            )
        )
    return pl.concat(parts).sort("question", "day")


def _in_force(
    watch: pl.DataFrame, observations: pl.DataFrame, concepts: tuple[str, ...], knowledge: Knowledge
) -> pl.DataFrame:
    """Disjoint stretches ``[a, b)`` per patient in which any of the concepts is known, within the watch."""
    valid = {key: knowledge.concepts[key].valid_for_us or DAY_US for key in concepts if key in knowledge.concepts}
    rows = observations.filter(pl.col("concept").is_in(list(valid)))
    ends = pl.coalesce(
        pl.col("until"),
        pl.col("time") + pl.col("concept").replace_strict(valid, default=DAY_US, return_dtype=pl.Int64()),
    )
    stretches = rows.select("patient", pl.col("time").alias("a"), ends.alias("b")).sort("patient", "a")
    # What an earlier, longer stretch already covers is not counted twice.
    reached = pl.col("b").cum_max().shift().over("patient")
    disjoint = stretches.with_columns(pl.max_horizontal("a", reached).alias("a"))
    clipped = disjoint.join(watch, on="patient").with_columns(
        pl.max_horizontal("a", "origin").alias("a"), pl.min_horizontal("b", "stop").alias("b")
    )
    return clipped.filter(pl.col("b") > pl.col("a"))


def _per_day(stretches: pl.DataFrame) -> pl.DataFrame:
    """Each stretch cut at the days since the patient's origin: ``day, share_us``."""
    first = (pl.col("a") - pl.col("origin")) // DAY_US
    last = (pl.col("b") - 1 - pl.col("origin")) // DAY_US
    cut = stretches.with_columns(pl.int_ranges(first, last + 1).alias("day")).explode("day")
    low = pl.max_horizontal("a", pl.col("origin") + pl.col("day") * DAY_US)
    high = pl.min_horizontal("b", pl.col("origin") + (pl.col("day") + 1) * DAY_US)
    return cut.select("day", (high - low).alias("share_us"))
