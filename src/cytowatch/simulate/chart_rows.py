"""Hours × patients to rows of the contract's long table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[Any]
COLUMNS = {
    "patient": pl.String(), "hours": pl.Float64(), "concept": pl.String(), "value": pl.Float64(), "unit": pl.String(),
    "text": pl.String(),
}  # fmt: skip


def frame_of(at: Array, who: Array, concept: str, value: Array | None, unit: str | None, names: list[str],
             text: Array | None = None) -> pl.DataFrame:  # fmt: skip
    """Rows of one concept; ``at``: hours, ``who``: places in ``names``."""
    nothing = pl.lit(None)
    frame = pl.DataFrame({"hours": at.astype(float), "_who": who.astype(np.int64)})
    names_ = pl.Series("patient", names)
    return frame.select(
        names_.gather(frame["_who"]).alias("patient"),
        "hours",
        pl.lit(concept).alias("concept"),
        (nothing if value is None else pl.Series("value", value.astype(float))).cast(pl.Float64).alias("value"),
        pl.lit(unit, pl.String).alias("unit"),
        (nothing if text is None else pl.Series("text", text)).cast(pl.String).alias("text"),
    )
