"""What is said of a moment depends on a few hundred Boolean columns, and only few combinations of them occur.

So everything that follows from them is worked out once a combination, not once a moment.
"""

from __future__ import annotations

import polars as pl

from cytowatch.engine.masks import mask

# bits that one integer of 64 can hold besides its sign
_BITS = 62


def distinct(table: pl.DataFrame, columns: list[str]) -> tuple[pl.Series, pl.DataFrame]:
    """For each row the number of its combination in the Boolean ``columns``, and one row of each combination."""
    chunks = [columns[start : start + _BITS] for start in range(0, len(columns), _BITS)]
    keys = [f"key {number}" for number in range(len(chunks))]
    packed = table.select(
        mask({name: pl.col(name) for name in chunk}).alias(key) for key, chunk in zip(keys, chunks, strict=True)
    )
    firsts = packed.with_row_index("first").group_by(keys, maintain_order=True).agg(pl.col("first").first())
    numbered = firsts.with_row_index("state")
    state = packed.join(numbered, on=keys, how="left", maintain_order="left")["state"]
    return state, table[numbered["first"]]
