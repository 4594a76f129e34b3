"""From anchors to windows: when each item is to be done."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.plan import MonitoringItem
from cytowatch.schema import HOUR_US


def windows(item: MonitoringItem, found: pl.DataFrame, ahead: int) -> pl.DataFrame:
    """The windows of an item after each of its anchors: ``found`` with start, end (empty if open) and cut.

    ``ahead``: microseconds after now up to which they are laid out; the next one of an item always is. ``cut``: a
    window that lost its end because what it hangs on ended or began anew.
    """
    first = pl.col("at") + _us(item.from_hours)
    own = pl.lit(None, pl.Int64) if item.to_hours is None else pl.col("at") + _us(item.to_hours)
    ends = found.with_columns(first.alias("first_start"), pl.min_horizontal(own, _stop()).alias("limit"))
    ends = ends.filter(pl.col("limit").is_null() | (pl.col("limit") > pl.col("first_start")))
    laid = _once(ends) if item.every_hours is None else _periods(ends, item, ahead)
    alive = pl.col("death").is_null() | (pl.col("start") < pl.col("death"))
    return laid.filter(alive)


def _stop() -> pl.Expr:
    """Where the anchor ends; one that goes on has no end yet."""
    return pl.when(pl.col("over")).then(pl.col("stop"))


def _once(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(
        pl.col("first_start").alias("start"), pl.col("limit").alias("end"), pl.lit(value=False).alias("cut")
    )


def _periods(found: pl.DataFrame, item: MonitoringItem, ahead: int) -> pl.DataFrame:
    every = _us(item.every_hours or 0.0)
    is_run = bool(item.anchor.toxicity or item.anchor.fact)
    # how long a stretch will last is not known: nothing is laid out beyond now
    until = pl.min_horizontal(pl.col("now") + 1, "known") if is_run else pl.col("now") + ahead
    reach = pl.min_horizontal("limit", until) - pl.col("first_start")
    number = pl.max_horizontal((reach + every - 1) // every, pl.lit(1))
    laid = found.with_columns(pl.int_ranges(0, number).alias("n")).explode("n")
    laid = laid.with_columns((pl.col("first_start") + pl.col("n") * every).alias("start"))
    laid = laid.with_columns((pl.col("start") + every).alias("whole")).filter(
        pl.col("limit").is_null() | (pl.col("start") < pl.col("limit"))
    )
    cut = (pl.col("whole") > _stop()).fill_null(value=False)
    return laid.with_columns(pl.min_horizontal("whole", "limit").alias("end"), cut.alias("cut")).drop("whole", "n")


def _us(hours: float) -> int:
    return round(hours * HOUR_US)
