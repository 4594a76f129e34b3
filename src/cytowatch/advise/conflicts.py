"""Two chosen guidelines that say different things of one matter at one moment: both are shown, and that they differ."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from cytowatch.knowledge.advice import AdviceRule, Guideline, GuidelineConflict
from cytowatch.schema import ADVICE

# whether there is a reaction at all is asked on this scale
_SCALES = {"crs": "crs.astct-2019"}
_AT = ["patient", "start", "end", "state"]
# what a row of advice has and a conflict has not
_EMPTY = (
    "choice", "drug", "dose", "dose_most", "dose_unit", "route", "arithmetic", "schedule", "blocked_by", "not_before",
    "then",
)  # fmt: skip


def conflict_rows(advice: pl.DataFrame, conflicts: Iterable[GuidelineConflict]) -> pl.DataFrame:
    """A row for each segment in which a rule of either side speaks for the same state of the grade."""
    named = advice.with_columns(pl.concat_str("guideline", pl.lit("."), "rule").alias("name"))
    found = [_of(named, conflict) for conflict in conflicts if conflict.one]
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
        "action": pl.lit(_action(conflict)),
        "source": pl.lit(conflict.cited.source),
        "locator": pl.lit(conflict.cited.locator),
        "basis": pl.lit(conflict.cited.evidence),
    }
    said |= {name: pl.lit(None) for name in _EMPTY}
    said |= {name: pl.lit([], pl.List(pl.String)) for name in ("limits", "cautions")}
    told = both.with_columns(**said)
    return told.select(pl.col(name).cast(kind) for name, kind in ADVICE.schema.items())


def as_guidelines(conflicts: Iterable[GuidelineConflict]) -> list[Guideline]:
    """Conflicts that an exposure brings with it, each as a guideline of one rule, so that they are matched alike."""
    return [_as_guideline(part) for part in conflicts if part.triggers]


def standing_rows(rows: pl.DataFrame, conflicts: Iterable[GuidelineConflict]) -> pl.DataFrame:
    """What was matched with ``as_guidelines``, as conflict rows."""
    between = {part.key: " / ".join(part.between) for part in conflicts}
    sides = pl.col("rule").replace_strict(between, default=None, return_dtype=pl.String)
    return rows.with_columns(pl.lit("conflict").alias("kind"), sides.alias("guideline"), pl.lit("note").alias("level"))


def _as_guideline(part: GuidelineConflict) -> Guideline:
    rule = AdviceRule(
        id=part.key, toxicity="crs", grades=part.grades, topic=part.topic, strength="do", action=_action(part),
        dose=None, needs=part.needs, unless=(), products=part.products, not_products=(), classes=part.classes,
        when="during", onset=None, no_better=None, lasting_hours=None, wait_hours=None, choice="", alongside={},
        without={}, then="", alert=False, cited=part.cited,
    )  # fmt: skip
    return Guideline(
        key=part.key, title=part.key, kind="guideline", edition="", effective_from=date.min, effective_to=None,
        superseded_by=(), population="any", triggers=part.triggers, products=(), scales=_SCALES, rules=(rule,),
        not_encoded=(), note="", cited=part.cited,
    )  # fmt: skip


def _action(part: GuidelineConflict) -> str:
    return f"{part.says_one} Against that: {part.says_other} {part.proposal}"
