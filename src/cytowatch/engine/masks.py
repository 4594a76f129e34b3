"""Lists of names as bits of one integer: cheap to compare in a million rows, turned to text once per distinct value."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def mask(statements: Mapping[str, pl.Expr]) -> pl.Expr:
    """One integer whose bit *n* is set where the *n*-th statement holds; an empty statement does not hold."""
    bits = [
        pl.when(holds).then(pl.lit(1 << place, pl.Int64)).otherwise(pl.lit(0, pl.Int64))
        for place, holds in enumerate(statements.values())
    ]
    return pl.sum_horizontal(bits) if bits else pl.lit(0, pl.Int64)


def unmask(frame: pl.DataFrame, column: str, order: list[str], *, alphabetical: bool = False) -> pl.DataFrame:
    """Replace the mask in ``column`` by a list of names."""
    values = frame[column].unique().to_list()
    lists = [_names(value, order, alphabetical) for value in values]
    table = pl.DataFrame({column: values, "names": lists}, schema={column: pl.Int64, "names": pl.List(pl.String)})
    joined = frame.join(table, on=column, how="left", maintain_order="left")
    return joined.drop(column).rename({"names": column})


def _names(value: int, order: list[str], alphabetical: bool) -> list[str]:
    held = [name for place, name in enumerate(order) if value >> place & 1]
    return sorted(held) if alphabetical else held
