"""Readings that could not be read, among random rows: as admission hands them on (decision 0036)."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge

_EVERY = 7


def with_unread(rows: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The rows, every 7th of these vital signs in doubt: at least the least plausible, numbered −1 − its row."""
    least = {
        key: next(iter(concept.plausible.values()))[0]
        for key, concept in knowledge.concepts.items()
        if concept.ends_unread
    }
    reading = pl.col("value").is_not_null() & pl.col("concept").cast(pl.String).is_in(list(least))
    # not by the place alone: rows of one patient come in a rhythm
    chosen = reading & ((pl.col("row") * 7 + pl.col("time") // 1_000_000) % _EVERY == 0)
    lowest = pl.col("concept").cast(pl.String).replace_strict(least, default=None, return_dtype=pl.Float64)
    return rows.with_columns(
        pl.when(chosen).then(lowest).otherwise("value").alias("value"),
        pl.when(chosen).then(pl.lit(">=")).otherwise("comparator").alias("comparator"),
        pl.when(chosen).then(-1 - pl.col("row")).otherwise("row").alias("row"),
    ).cast({"comparator": rows.schema["comparator"], "row": rows.schema["row"]})
