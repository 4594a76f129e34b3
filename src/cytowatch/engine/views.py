"""A scale that words another scale's grades anew (rule-scales page, section 5)."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Scale

_SAID = ["at_least", "at_most", "criteria", "missing", "flags", "episode"]


def as_view(timeline: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """The timeline of the viewed scale with its grades mapped; neighbors that become equal are joined."""
    mapping = {0: 0} | scale.view
    mapped = timeline.with_columns(
        pl.lit(scale.id).alias("scale"),
        *(pl.col(name).replace_strict(mapping, return_dtype=pl.Int16) for name in ("at_least", "at_most")),
    ).with_columns(pl.when(pl.col("at_least") == pl.col("at_most")).then("at_least").alias("grade"))
    follows = (pl.col("patient") == pl.col("patient").shift(1)) & (pl.col("start") == pl.col("end").shift(1))
    same = follows & pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in _SAID)
    firsts = mapped.select((~same.fill_null(value=False)).alias("first"))["first"].arg_true()
    if not len(firsts):
        return mapped
    lasts = pl.concat([firsts.slice(1), pl.Series([mapped.height], dtype=firsts.dtype)]) - 1
    return mapped[firsts].with_columns(mapped["end"].gather(lasts))
