"""The mark that every file of a simulation carries: a table may be copied away from the record that lies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from cytowatch.schema import SIMULATED, software_version


def mark(product: str, seed: int) -> dict[str, str]:
    """Key and value metadata of a Parquet file: that it is simulated, of what product, by which seed and software."""
    return {
        SIMULATED: "true", "cytowatch.product": product, "cytowatch.seed": str(seed),
        "cytowatch.software": software_version(),
    }  # fmt: skip


def put(frame: pl.DataFrame, path: Path, marked: Mapping[str, str]) -> None:
    """Write a table with its mark, whole or not at all."""
    aside = path.with_suffix(".part")
    frame.write_parquet(aside, metadata=dict(marked))
    aside.replace(path)


def put_lazily(frame: pl.LazyFrame, path: Path, marked: Mapping[str, str]) -> None:
    """Write what does not fit into memory with its mark, whole or not at all."""
    aside = path.with_suffix(".part")
    frame.sink_parquet(aside, metadata=dict(marked))
    aside.replace(path)
