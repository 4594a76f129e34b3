"""Infusions of one drug that run side by side: a rate ends where its own order goes on, not where another one does."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge


def closed_by_order(
    observations: pl.DataFrame, in_doubt: pl.DataFrame, orders: pl.DataFrame, knowledge: Knowledge
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Admitted rates and rates in doubt with ``until``: the next later admitted row of their own order.

    After admission, because a refused row (a rate of 7.26 ug/kg/min) must not end the rate before it: stops are charted
    as such. A rate that only refused rows of its order follow goes on to the next admitted row of the drug.
    """
    both = pl.concat([observations, in_doubt])
    number = pl.when(pl.col("row") < 0).then(-1 - pl.col("row")).otherwise("row")
    known = both.with_columns(number.alias("number")).join(orders.rename({"row": "number"}), on="number", how="left")
    drug = ["patient", "concept"]
    doubtful, placed = pl.col("row") < 0, pl.col("order").is_not_null()
    known = _next(known, known.filter(placed & ~doubtful), [*drug, "order"], "after")
    known = _next(known, known.filter(placed & doubtful), [*drug, "order"], "refused")
    known = _next(known, known.filter(~doubtful), drug, "other")
    valid = {key: concept.valid_for_us for key, concept in knowledge.concepts.items() if concept.valid_for_us}
    lapses = pl.col("time") + pl.col("concept").replace_strict(valid, default=0)
    running = doubtful | pl.col("value").is_null() | (pl.col("value") > 0)
    followed = running & (pl.col("refused") <= lapses) & ~doubtful
    until = (
        # a stop of one order speaks for that order only: with an end of its own it does not end the others
        pl.when(placed & ~doubtful & (pl.col("value") == 0).fill_null(value=False))
        .then(lapses)
        .when(running & (pl.col("after") <= lapses))
        .then("after")
        .when(followed)
        .then(pl.min_horizontal("other", lapses))
        .otherwise("until")
    )
    closed = known.with_columns(until=until).select(observations.columns)
    return closed.filter(~doubtful), closed.filter(doubtful)


def _next(known: pl.DataFrame, steps: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    """Add the time of the next later of ``steps`` that is the same by these columns; empty if there is none."""
    times = steps.select(*by, pl.col("time").alias(name)).unique().sort(name)
    return known.sort("time", maintain_order=True).join_asof(
        times,
        left_on="time",
        right_on=name,
        by=by,
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
