"""Fever readings: which count, which state they make, and when the latest one was (semantics page, section 5)."""

from __future__ import annotations

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.counters import judge
from cytowatch.engine.intervals import merge_runs, readings
from cytowatch.engine.subjects import FOREVER
from cytowatch.errors import KnowledgeError
from cytowatch.knowledge.model import Compare, Knowledge, Scale


def fever_rows(rows: Charted, subjects: pl.DataFrame, scale: Scale, knowledge: Knowledge) -> pl.DataFrame:
    """Temperature readings with their interval and the weights ``fever|true`` and ``fever|false``."""
    criterion = next(c for c in scale.criteria if c.id == scale.episode.opens_with)
    domain = next(d for d in scale.domains if d.id == criterion.domain)
    if not isinstance(criterion.when, Compare):
        raise KnowledgeError(
            "The criterion that opens an episode is no plain comparison.",
            where=f"{scale.file}, {criterion.id}",
            why="Its readings are followed one by one.",
            hint="Compare one concept with one number.",
        )
    own = rows.of(criterion.when.concept)
    spoken = readings(own, knowledge.concepts[criterion.when.concept].valid_for_us)
    judged = judge(spoken, subjects, "fever", criterion.when, knowledge)
    elsewhere = _attributed_at_reading(judged, rows, domain.attribution)
    return judged.with_columns(
        (pl.col("fever|true") * (~elsewhere).cast(pl.Int8)).alias("fever|true"),
        pl.max_horizontal("fever|false", elsewhere.cast(pl.Int8)).alias("fever|false"),
    )


def fever_counters(fevers: pl.DataFrame, counts_for: int) -> list[pl.DataFrame]:
    """Counters ``fever|true``, ``|false``, ``|last`` (time of the latest fever reading), ``|ever`` (there is one).

    And ``fever|maybe``: a reading of the last ``counts_for`` microseconds may have been a fever; ``fever|doubted`` and
    ``|doubted_at``: there is one that may have been, and the time of the latest.
    """
    if fevers.is_empty():
        return []
    open_ = fevers.filter((pl.col("fever|true") == 0) & (pl.col("fever|false") == 0))
    maybe = open_.select(
        "subject",
        pl.col("time").alias("start"),
        (pl.col("time") + counts_for).alias("end"),
        pl.lit(1, pl.Int8).alias("fever|maybe"),
    )
    below = pl.when(pl.col("subject") == pl.col("subject").shift(-1)).then(pl.col("time").shift(-1))
    doubted = open_.select(
        "subject",
        pl.col("time").alias("start"),
        below.fill_null(FOREVER).alias("end"),
        pl.lit(1, pl.Int8).alias("fever|doubted"),
        pl.col("time").alias("fever|doubted_at"),
    ).filter(pl.col("end") > pl.col("start"))
    state = merge_runs(fevers, ["fever|true", "fever|false"])
    runs = merge_runs(fevers.with_columns((pl.col("fever|true")).alias("fever|ever")), ["fever|ever"], "fever|last")
    following = pl.col("start").shift(-1)
    same = pl.col("subject") == pl.col("subject").shift(-1)
    latest = runs.with_columns(pl.when(same).then(following).otherwise(FOREVER).alias("end"))
    return [state, latest, maybe, doubted]


def _attributed_at_reading(readings_: pl.DataFrame, rows: Charted, own: str) -> pl.Series:
    """For each reading: was fever attributed to another cause at its time?"""
    nothing = pl.Series("elsewhere", [False], dtype=pl.Boolean).new_from_index(0, readings_.height)
    special, general = rows.of(own), rows.of("attribution")
    if special.is_empty() and general.is_empty():
        return nothing
    causes = readings_.select("subject", "time")
    for name, table in (("special", special), ("general", general)):
        causes = causes.join_asof(_in_force(table, name), on="time", by="subject", check_sortedness=False).with_columns(
            pl.when(pl.col("time") < pl.col(f"{name}_end")).then(pl.col(name)).alias(name)
        )
    cause = pl.coalesce("special", "general")
    return causes.select((cause != "crs").fill_null(False).alias("elsewhere"))["elsewhere"]


def _in_force(table: pl.DataFrame, name: str) -> pl.DataFrame:
    spoken = readings(table, None)
    return spoken.select(
        "subject", "time", pl.col("text").cast(pl.String).alias(name), pl.col("end").alias(f"{name}_end")
    )
