"""What is said of a moment depends on a few dozen counters, and only few combinations of their values occur.

So everything that follows from them is worked out once a combination, not once a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

# bits that one integer of 64 can hold besides its sign
_BITS = 62
# a column of more bits than this (a time, a rate, a place) would make nearly every moment a combination of its own
_NARROW = 24


@dataclass(frozen=True)
class _Packed:
    """A column of whole numbers from 0 on, and how many bits they need."""

    column: pl.Series
    bits: int


def distinct(table: pl.DataFrame, counters: list[str], asked: Mapping[str, pl.Expr]) -> tuple[pl.Series, pl.DataFrame]:
    """For each row the number of its combination, and a row of each combination: counters, and what is ``asked``.

    ``asked``: Boolean expressions over the columns of ``table``, by name; where they cannot be told they do not hold.
    """
    roots = {name: expression.meta.root_names() for name, expression in asked.items()}
    read = {*counters, *(column for columns in roots.values() for column in columns)}
    packed = {column: _narrow(table[column]) for column in sorted(read)}
    directly = [name for name, columns in roots.items() if any(packed[column] is None for column in columns)]
    told = table.select(asked[name].fill_null(value=False).alias(name) for name in directly)
    # a column that says the same everywhere tells no combinations apart
    parts = [part for part in packed.values() if part is not None and part.bits]
    parts += [_Packed(series.cast(pl.Int64), 1) for series in told.get_columns() if series.any() and not series.all()]
    # a counter of many bits (of more tests on one concept than usual) is read as it is, so it is told apart as it is
    wide = [table[column] for column in counters if packed[column] is None]
    state, firsts = _numbered([*_keys(parts), *wide], table.height)
    later = (asked[name].fill_null(value=False).alias(name) for name in roots if name not in directly)
    kinds = table[firsts].select(*counters, *later)
    return state, kinds.hstack(told[firsts]) if directly else kinds


def _narrow(column: pl.Series) -> _Packed | None:
    """A column of few bits without gaps in it; None for any other."""
    if column.dtype == pl.Boolean and not column.null_count():
        return _Packed(column.cast(pl.Int64), 0 if column.all() or not column.any() else 1)
    if not column.dtype.is_integer() or column.null_count():
        return None
    if column.is_empty():
        return _Packed(column.cast(pl.Int64), 0)
    lowest, highest = int(column.min()), int(column.max())  # type: ignore[arg-type]
    bits = (highest - lowest).bit_length()
    if not bits or bits > _NARROW:
        return None if bits else _Packed(column, 0)
    whole = column.cast(pl.Int64)
    return _Packed(whole - lowest if lowest else whole, bits)


def _keys(parts: list[_Packed]) -> list[pl.Series]:
    """Integers that tell all combinations of the parts apart, as few as will do."""
    keys: list[pl.Series] = []
    free = 0
    for part in parts:
        if part.bits > free:
            keys.append(part.column)
            free = _BITS - part.bits
        else:
            free -= part.bits
            keys[-1] = keys[-1] * (1 << part.bits) + part.column
    return keys


def _numbered(keys: list[pl.Series], height: int) -> tuple[pl.Series, pl.Series]:
    """For each row the number of its combination, and the first row of each."""
    if not keys:
        nothing = pl.Series("state", [0], dtype=pl.UInt32)
        return nothing.new_from_index(0, height), nothing.head(height)
    packed = pl.DataFrame([key.alias(f"key {number}") for number, key in enumerate(keys)])
    firsts = packed.with_row_index("first").group_by(packed.columns, maintain_order=True).agg(pl.col("first").first())
    numbered = firsts.with_row_index("state")
    state = packed.join(numbered, on=packed.columns, how="left", maintain_order="left")["state"]
    return state, numbered["first"]
