"""Segments → timeline rows: equal neighbors joined, masks spelled out, columns in their order."""

from __future__ import annotations

import polars as pl

from cytowatch.engine.masks import unmask
from cytowatch.schema import TIMELINE

STATE = ["at_least", "at_most", "criteria", "missing", "flags", "onset"]


def join_equal(segments: pl.DataFrame) -> pl.DataFrame:
    """Consecutive segments that say the same become one."""
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ["subject", *STATE])
    table = segments.filter(changed.fill_null(True))
    same = pl.col("subject") == pl.col("subject").shift(-1)
    return table.with_columns(pl.when(same).then(pl.col("start").shift(-1)).otherwise(pl.col("span_end")).alias("end"))


def to_timeline(
    rows: pl.DataFrame,
    episodes: pl.DataFrame,
    subjects: pl.DataFrame,
    scale: str,
    criteria: list[str],
    missing: list[str],
    flags: list[str],
) -> pl.DataFrame:
    """Timeline rows in the columns of ``schema.TIMELINE``; knowledge and engine are left for the pipeline."""
    table = unmask(rows, "criteria", criteria)
    table = unmask(unmask(table, "missing", missing), "flags", flags, alphabetical=True)
    table = table.join(subjects.select("subject", "patient"), on="subject", how="left", maintain_order="left")
    table = table.join(
        episodes.select("subject", "onset", "episode"), on=["subject", "onset"], how="left", maintain_order="left"
    )
    settled = pl.col("at_least") == pl.col("at_most")
    return table.select(
        pl.col("patient").cast(pl.String),
        pl.lit(scale).alias("scale"),
        "start",
        "end",
        pl.when(settled).then("at_least").cast(pl.Int16).alias("grade"),
        "at_least",
        "at_most",
        "criteria",
        "missing",
        "flags",
        "evidence",
        "episode",
        pl.lit("").alias("knowledge"),
        pl.lit("").alias("engine"),
    ).cast(pl.Schema(TIMELINE.schema))
