"""What is said of a moment depends on a few hundred Boolean columns, and only few combinations of them occur.

So everything that follows from them is worked out once a combination, not once a moment.
"""

from __future__ import annotations

import polars as pl

# bits that one integer of 64 can hold besides its sign
_BITS = 62


def distinct(table: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """For each row the number of its combination in the Boolean columns, and one row of each combination."""
    # a column that says the same everywhere tells no combinations apart
    varying = [series for series in table.get_columns() if series.any() and not series.all()]
    if not varying:
        return pl.Series("state", [0], dtype=pl.UInt32).new_from_index(0, table.height), table.head(1)
    chunks = [varying[start : start + _BITS] for start in range(0, len(varying), _BITS)]
    keys = [f"key {number}" for number in range(len(chunks))]
    packed = pl.DataFrame([_packed(chunk).alias(key) for key, chunk in zip(keys, chunks, strict=True)])
    firsts = packed.with_row_index("first").group_by(keys, maintain_order=True).agg(pl.col("first").first())
    numbered = firsts.with_row_index("state")
    state = packed.join(numbered, on=keys, how="left", maintain_order="left")["state"]
    return state, table[numbered["first"]]


def _packed(columns: list[pl.Series]) -> pl.Series:
    """One integer a row, of whose bits each stands for a column."""
    total = columns[0].cast(pl.Int64)
    for place, column in enumerate(columns[1:], start=1):
        total = total + column.cast(pl.Int64) * (1 << place)
    return total
