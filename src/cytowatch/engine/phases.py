"""Episodes over time, alike for every toxicity: one opens, one closes, and each segment knows its onset."""

from __future__ import annotations

import polars as pl

from cytowatch.engine.compile import is_open
from cytowatch.engine.grid import carried, first_of_subject

_DEAD = is_open("death|own") | is_open("death|unknown")


def end_of_last_sign() -> pl.Expr:
    """Where the last ``sign`` before a segment ended, in microseconds; null before the first."""
    after_sign = ~pl.col("sign") & pl.col("sign").shift(1) & ~first_of_subject()
    return carried(pl.when(after_sign).then(pl.col("start")))


def add_episodes(table: pl.DataFrame, opens: pl.Expr, free: pl.Expr, last_sign: str, gap: int) -> pl.DataFrame:
    """Add ``inside``, ``closes`` and ``onset`` to segments that have ``quiet``.

    ``opens``: what begins an episode; ``free``: measured free of signs; ``last_sign``: column of the last sign's
    time; ``gap``: how long without signs ends an episode, in microseconds.
    """
    closes = _closes(pl.col("quiet"), free, pl.col(last_sign), gap)
    table = table.with_columns(_latch(opens, closes).alias("inside"), closes.alias("closes"))
    inside = pl.col("inside")
    begins = inside & (~inside.shift(1, fill_value=False) | first_of_subject() | pl.col("closes"))
    onset = pl.when(begins).then(pl.col("start")).forward_fill()
    return table.with_columns(pl.when(inside).then(onset).alias("onset"))


def perhaps_inside(opens: pl.Expr, free: pl.Expr, last_sign: pl.Expr, gap: int) -> pl.Expr:
    """Whether an episode goes on if what ``opens`` it, and may have been nothing, was something after all."""
    quiet = (~pl.col("sign") & (pl.col("start") - last_sign >= gap)).fill_null(value=False)
    return _latch(opens, _closes(quiet, free, last_sign, gap))


def _closes(quiet: pl.Expr, free: pl.Expr, last_sign: pl.Expr, gap: int) -> pl.Expr:
    return ((quiet & free) | _quiet_until_here(free, last_sign, gap)) & ~_DEAD


def _latch(opens: pl.Expr, closes: pl.Expr) -> pl.Expr:
    """An opening sets it, a closing clears it, the rest carries it on."""
    held = carried(pl.when(opens & pl.col("triggered") & ~_DEAD).then(1).when(closes).then(0))
    return held.fill_null(0) == 1


def _quiet_until_here(free: pl.Expr, last_sign: pl.Expr, gap: int) -> pl.Expr:
    """The segment before was measured free of signs, and with its end the time without signs is long enough."""
    before = (pl.col("start") - last_sign.shift(1) >= gap) & free.shift(1)
    return (before & ~first_of_subject()).fill_null(False)


def grade_bounds(at_least: pl.Expr, at_most: pl.Expr) -> list[pl.Expr]:
    """``at_least`` and ``at_most`` after death has had its say; null without a trigger."""
    own, unknown = is_open("death|own"), is_open("death|unknown")
    at_least = pl.when(own).then(5).when(unknown).then(0).otherwise(at_least)
    at_most = pl.when(own | unknown).then(5).otherwise(at_most)
    return [
        pl.when("triggered").then(at_least.cast(pl.Int16)).alias("at_least"),
        pl.when("triggered").then(at_most.cast(pl.Int16)).alias("at_most"),
    ]
