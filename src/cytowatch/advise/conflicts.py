"""Two chosen guidelines that say different things of one matter at one moment: both are shown, and that they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from cytowatch.advise.match import Match
from cytowatch.knowledge.advice import AdviceRule, Guideline, GuidelineConflict

# whether there is a reaction at all is asked on this scale
_SCALES = {"crs": "crs.astct-2019"}


def meetings(matches: Sequence[Match], conflicts: Iterable[GuidelineConflict]) -> list[Match]:
    """Where a rule of either side certainly speaks for the same state of the grade, for each pair of guidelines."""
    named = {match.name: match for match in matches}
    found = []
    for conflict in conflicts:
        one, other = ([named[name] for name in side if name in named] for side in (conflict.one, conflict.other))
        taken: set[str] = set()
        for first in one:
            for second in other:
                table = _both(first, second)
                pair = f"{first.guideline.key} / {second.guideline.key}"
                if table.height and pair not in taken:
                    taken.add(pair)
                    found.append(_meeting(conflict, pair, one, other, first, second))
    return found


def _meeting(
    conflict: GuidelineConflict, pair: str, one: Sequence[Match], other: Sequence[Match], first: Match, second: Match
) -> Match:
    """All that the rules of two guidelines have in common, once a situation and state."""
    tables = [
        _both(a, b)
        for a in one
        for b in other
        if (a.guideline.key, b.guideline.key) == (first.guideline.key, second.guideline.key)
    ]
    table = pl.concat(tables).unique(["situation", "state"], keep="first", maintain_order=True)
    rule = replace(_as_guideline(conflict).rules[0], toxicity=first.rule.toxicity, grades=first.rule.grades)
    return Match(replace(first.guideline, key=pair, products=(), rules=(rule,)), rule, table)


def _both(first: Match, second: Match) -> pl.DataFrame:
    # where one of the two is only possible, nothing is known to differ
    joined = first.table.filter("certain").join(
        second.table.filter("certain").select("situation", "state"), on=["situation", "state"]
    )
    return joined.with_columns(pl.lit([], pl.List(pl.String)).alias("cautions"))


def as_conflicts(rows: pl.DataFrame, conflicts: Iterable[GuidelineConflict]) -> pl.DataFrame:
    """Rows that were told of conflicts, as conflict rows; what an exposure brings with it is between its two sides."""
    between = {part.key: " / ".join(part.between) for part in conflicts if part.between}
    sides = pl.col("rule").replace_strict(between, default=None, return_dtype=pl.String)
    return rows.with_columns(
        pl.lit("conflict").alias("kind"),
        pl.coalesce(sides, "guideline").alias("guideline"),
        pl.lit("note").alias("level"),
        pl.lit(None, pl.String).alias("strength"),
    )


def as_guidelines(conflicts: Iterable[GuidelineConflict]) -> list[Guideline]:
    """Conflicts that an exposure brings with it, each as a guideline of one rule, so that they are matched alike."""
    return [_as_guideline(part) for part in conflicts if part.triggers]


def _as_guideline(part: GuidelineConflict) -> Guideline:
    rule = AdviceRule(
        id=part.key, toxicity="crs", grades=part.grades, topic=part.topic, strength="do", action=_action(part),
        dose=None, needs=part.needs, unless=(), products=part.products, not_products=(), classes=part.classes,
        when="during", onset=None, no_better=None, measured_since=None, lasting_hours=None, worst_below=None,
        wait_hours=None, choice="",
        alongside={}, without={}, then="", alert=False, cited=part.cited,
    )  # fmt: skip
    return Guideline(
        key=part.key, title=part.key, kind="guideline", edition="", effective_from=date.min, effective_to=None,
        superseded_by=(), population="any", triggers=part.triggers, products=(), scales=_SCALES, rules=(rule,),
        not_encoded=(), note="", cited=part.cited,
    )  # fmt: skip


def _action(part: GuidelineConflict) -> str:
    return f"{part.says_one} Against that: {part.says_other} {part.proposal}"
