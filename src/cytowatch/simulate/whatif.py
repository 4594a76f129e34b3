"""What if: the same patients under other care, arm beside arm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree

import polars as pl

from cytowatch.simulate.cohort import Advance, Plan, outcomes_by_batch
from cytowatch.simulate.mark import mark, put, put_lazily

AS_PLANNED = "as planned"


def arms(base: pl.LazyFrame, others: Mapping[str, Plan], *, advance: Advance | None = None) -> pl.DataFrame:
    """The same patients under each plan: `cohort.outcomes` with a column ``arm``; the first is called ``as planned``.

    ``base``: the outcomes as planned.
    """
    frames = [
        frame.with_columns(arm=pl.lit(name))
        for name, plan in others.items()
        for frame in outcomes_by_batch(plan, advance=advance, called=name)
    ]
    return pl.concat([_as_planned(base, frames[0].columns).collect(), *frames])


def write_arms(
    base: pl.LazyFrame, others: Mapping[str, Plan], folder: Path, *, advance: Advance | None = None
) -> pl.LazyFrame:
    """`arms` into ``truth/arms.parquet``, batch by batch, so that memory is that of one; gives them back unread."""
    marked = mark(*{(plan.product, plan.seed) for plan in others.values()}.pop())
    aside = folder / "truth" / "arms.aside"
    # of a run that was cut short: the arms may have been others
    rmtree(aside, ignore_errors=True)
    aside.mkdir()
    parts = []
    for number, (name, plan) in enumerate(others.items()):
        for batch, frame in enumerate(outcomes_by_batch(plan, advance=advance, called=name)):
            parts.append(aside / f"{number}-{batch:05d}.parquet")
            put(frame.with_columns(arm=pl.lit(name)), parts[-1], marked)
    later = pl.scan_parquet(parts)
    whole = folder / "truth" / "arms.parquet"
    put_lazily(pl.concat([_as_planned(base, later.collect_schema().names()), later]), whole, marked)
    rmtree(aside)
    return pl.scan_parquet(whole)


def _as_planned(base: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    """The first arm: of a charted cohort without what its chart tells."""
    return base.with_columns(arm=pl.lit(AS_PLANNED)).select(columns)
