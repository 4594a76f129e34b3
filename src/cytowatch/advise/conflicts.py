"""Two chosen guidelines that say different things of one matter at one moment: both are shown, and that they differ."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from cytowatch.knowledge.advice import GuidelineConflict
from cytowatch.schema import ADVICE

_AT = ["patient", "start", "end", "state"]
# what a row of advice has and a conflict has not
_EMPTY = (
    "choice", "drug", "dose", "dose_most", "dose_unit", "route", "arithmetic", "schedule", "blocked_by", "not_before",
    "then",
)  # fmt: skip


def conflict_rows(advice: pl.DataFrame, conflicts: Iterable[GuidelineConflict]) -> pl.DataFrame:
    """A row for each segment in which a rule of either side speaks for the same state of the grade."""
    named = advice.with_columns(pl.concat_str("guideline", pl.lit("."), "rule").alias("name"))
    found = [_of(named, conflict) for conflict in conflicts]
    return pl.concat([ADVICE.empty(), *found])


def _of(named: pl.DataFrame, conflict: GuidelineConflict) -> pl.DataFrame:
    one = named.filter(pl.col("name").is_in(conflict.one)).unique(_AT, keep="first", maintain_order=True)
    other = named.filter(pl.col("name").is_in(conflict.other)).unique(_AT, keep="first", maintain_order=True)
    both = one.join(other.select(*_AT, pl.col("guideline").alias("against"), pl.col("holds").alias("held")), on=_AT)
    sure = (pl.col("holds") == "certain") & (pl.col("held") == "certain")
    said = {
        "kind": pl.lit("conflict"),
        "guideline": pl.concat_str("guideline", pl.lit(" / "), "against"),
        "rule": pl.lit(conflict.key),
        "topic": pl.lit(conflict.topic),
        "strength": pl.lit(None),
        "holds": pl.when(sure).then(pl.lit("certain")).otherwise(pl.lit("possible")),
        "level": pl.lit("note"),
        "action": pl.lit(f"{conflict.says_one} Against that: {conflict.says_other} {conflict.proposal}"),
        "source": pl.lit(conflict.cited.source),
        "locator": pl.lit(conflict.cited.locator),
        "basis": pl.lit(conflict.cited.evidence),
    }
    said |= {name: pl.lit(None) for name in _EMPTY}
    said |= {name: pl.lit([], pl.List(pl.String)) for name in ("limits", "cautions")}
    told = both.with_columns(**said)
    return told.select(pl.col(name).cast(kind) for name, kind in ADVICE.schema.items())
