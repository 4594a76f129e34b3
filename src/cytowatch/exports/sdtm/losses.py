"""What a form cannot carry, counted: nothing is left out without a line that says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl


@dataclass
class Losses:
    """Rows or cells that were left out or changed, by table and reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, table: str, why: str, rows: int) -> None:
        """Count rows; none adds nothing."""
        if rows:
            self.counts[table, why] += rows

    def frame(self) -> pl.DataFrame:
        """The table `losses`: where, why, how many."""
        rows = [(table, why, count) for (table, why), count in sorted(self.counts.items())]
        return pl.DataFrame(rows, schema={"table": pl.String, "why": pl.String, "rows": pl.Int64}, orient="row")
