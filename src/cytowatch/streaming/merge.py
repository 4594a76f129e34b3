"""Parts put together in the order of one run in memory, a stretch of patients at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

# rows that are put in order at a time
MERGE_ROWS = 400_000
_PLACE = "_place"
_Bound = str | int | None
Ranks = Callable[[list[tuple[str, ...]]], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Order:
    """How a table is ordered: by ``lead``, then by ``key``, and within these as each part has it.

    ``key``: a column whose equal values never stand in two parts. ``ranks`` puts the values of ``lead`` in order.
    """

    key: str
    lead: tuple[str, ...] = ()
    ranks: Ranks = sorted
    descending: bool = False


def in_order(files: list[Path], order: Order, folder: Path) -> list[Path]:
    """Write the rows of all parts into files that give the whole table when read one after another.

    ``files``: the same table of each part, in the order of the parts. Memory holds ``MERGE_ROWS`` rows, or those of
    one key if it has more.
    """
    folder.mkdir(parents=True)
    table = pl.scan_parquet(files, glob=False)
    ranks = _ranked(table, order)
    for number, (low, high) in enumerate(_stretches(table, order)):
        frame = _between(table, order.key, low, high).collect()
        ordered = _sorted(frame, order, ranks)
        for (rank,), part in ordered.group_by(_PLACE, maintain_order=True):
            part.drop(_PLACE).write_parquet(folder / f"{rank:06}-{number:06}.parquet", compression="lz4")
    if not any(folder.iterdir()):
        table.head(0).collect().write_parquet(folder / "empty.parquet")
    return sorted(folder.iterdir())


def _ranked(table: pl.LazyFrame, order: Order) -> pl.DataFrame | None:
    if not order.lead:
        return None
    names = list(order.lead)
    values = table.select(names).unique().collect().rows()
    ordered = order.ranks(values)
    return pl.DataFrame(ordered, schema=dict.fromkeys(names, pl.String), orient="row").with_row_index(_PLACE)


def _sorted(frame: pl.DataFrame, order: Order, ranks: pl.DataFrame | None) -> pl.DataFrame:
    if ranks is None:
        return frame.sort(order.key, descending=order.descending, maintain_order=True).with_columns(
            pl.lit(0, pl.UInt32).alias(_PLACE)
        )
    placed = frame.join(ranks, on=list(order.lead), how="left", maintain_order="left")
    return placed.sort(_PLACE, order.key, maintain_order=True)


def _stretches(table: pl.LazyFrame, order: Order) -> list[tuple[_Bound, _Bound]]:
    """Bounds of keys, from and up to but without, that hold about so many rows each; None is no bound."""
    counts = table.group_by(order.key).len("rows").collect(engine="streaming").sort(order.key)
    groups = (counts["rows"].cast(pl.Int64).cum_sum() - 1) // MERGE_ROWS
    firsts = counts.filter(groups != groups.shift(1)).get_column(order.key).to_list()
    bounds: list[_Bound] = [None, *firsts, None]
    found = list(pairwise(bounds))
    return found[::-1] if order.descending else found


def _between(table: pl.LazyFrame, key: str, low: _Bound, high: _Bound) -> pl.LazyFrame:
    table = table if low is None else table.filter(pl.col(key) >= low)
    return table if high is None else table.filter(pl.col(key) < high)
