"""All that rules ask for, as it holds in a segment: each situation is matched once, however often it occurs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cytowatch.advise.doses import Given
from cytowatch.advise.moments import merged

# columns that move with time and are read only when a row is told
_MOVING = ("|onset", "|onset_from", "|onset_after", "|onset_from_after", "|over_since", "|n", "|until")
_PLACE = (
    "patient",
    "start",
    "end",
    "since",
    "exposed_at",
    "exposed_to",
    "course_from",
    "weight",
    "weight_is_old",
    "weight_is_undated",
)


@dataclass(frozen=True)
class Situations:
    """``table``: every situation that occurs, once, numbered by ``situation``; ``runs``: when it holds for whom.

    A run has patient, start, end, situation, the weight, the counts of doses and when each reaction ended.
    """

    table: pl.DataFrame
    runs: pl.DataFrame

    def runs_with(self, columns: Iterable[str]) -> pl.DataFrame:
        """The runs with these moving columns only; those that are then equal are joined."""
        kept = ["patient", "situation", *dict.fromkeys(columns)]
        return merged(self.runs.select(*kept, "start", "end"), kept)


def situations(frame: pl.DataFrame) -> Situations:
    """Number the situations of segments (in order of patient and time)."""
    moving = [name for name in frame.columns if name in _PLACE or name.endswith(_MOVING)]
    asked = [name for name in frame.columns if name not in moving]
    table = frame.select(asked).unique(maintain_order=True).with_row_index("situation")
    numbered = frame.join(table, on=asked, how="left", nulls_equal=True, maintain_order="left")
    kept = ["patient", "situation", *(name for name in moving if name not in ("patient", "start", "end"))]
    return Situations(table, merged(numbered.select(*kept, "start", "end"), kept))


def columns_of(doses: Given) -> list[str]:
    """The moving columns that tell what was given of a drug."""
    names = [f"{doses.drug.key}|{limit.id}|{part}" for limit in doses.drug.limits for part in ("n", "until")]
    return [*names, f"{doses.drug.key}|course|n", f"{doses.drug.key}|doubt|n"]
