"""Look-alikes: facts that point elsewhere or beside, over time; each is graded as a scale that makes no grade."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from cytowatch.knowledge.model import Criterion, Domain, EpisodeRule, Knowledge, LookAlike, Scale
from cytowatch.schema import FINDINGS

PREFIX = "look_alike."
# the one domain of such a scale
FACTS = "facts"


def as_scales(knowledge: Knowledge) -> list[Scale]:
    """Every look-alike as a rule scale whose criteria are its facts, watched after an exposure."""
    return [_as_scale(part) for part in knowledge.lookalikes.values()]


def _as_scale(look_alike: LookAlike) -> Scale:
    facts = (
        # grade 0: listed where it holds, and makes no grade
        Criterion(fact.id, fact.label, FACTS, int(fact.alone), fact.when, fact.source, fact.locator, fact.evidence)
        for fact in look_alike.facts
    )
    scale = scale_of_facts(PREFIX + look_alike.key, look_alike.label, look_alike.source, tuple(facts))
    return replace(scale, not_encoded=look_alike.not_encoded)


def scale_of_facts(key: str, label: str, source: str, facts: tuple[Criterion, ...]) -> Scale:
    """A rule scale that follows facts and makes no grade of its own: 1 while one of them (of grade 1) is met."""
    return Scale(
        id=key,
        title=label,
        family="score",
        revision=1,
        status="draft",
        source=source,
        grades=(1,),
        grade_meaning={1: label},
        domains=(Domain(FACTS, label),),
        criteria=facts,
        episode=EpisodeRule("", (), 0, "", ""),
        flags={},
        not_encoded=(),
        method="rules",
        has_episodes=False,
    )


def as_findings(timeline: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """Timeline rows of a look-alike in which a fact that can stand alone holds, as ``schema.FINDINGS``.

    Equal neighbors are joined. Without a trigger nothing is said. What is missing would bring other facts and takes
    none away.
    """
    words = {part.id: part.evidence for part in scale.criteria}
    held = timeline.filter(pl.col("at_least") >= 1, ~pl.col("missing").list.contains("no_trigger"))
    if held.is_empty():
        return FINDINGS.empty()
    same = (
        (pl.col("patient") == pl.col("patient").shift(1))
        & (pl.col("scale") == pl.col("scale").shift(1))
        & (pl.col("start") == pl.col("end").shift(1))
        & (pl.col("criteria") == pl.col("criteria").shift(1))
    )
    ordered = held.sort("scale", "patient", "start")
    firsts = ordered.select((~same.fill_null(value=False)).alias("first"))["first"].arg_true()
    lasts = pl.concat([firsts.slice(1), pl.Series([ordered.height], dtype=firsts.dtype)]) - 1
    rows = ordered[firsts].with_columns(ordered["end"].gather(lasts))
    return rows.select(
        "patient",
        pl.lit("look_alike").alias("kind"),
        pl.col("scale").str.strip_prefix(PREFIX).alias("finding"),
        "start",
        "end",
        pl.lit("found").alias("state"),
        pl.col("criteria").alias("facts"),
        pl.col("criteria").list.eval(pl.element().replace_strict(words)).alias("basis"),
        pl.col("missing"),
        "evidence",
    ).cast(pl.Schema(FINDINGS.schema))
