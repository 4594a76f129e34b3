"""What rules ask of a patient besides the grade: each fact is graded as a scale of its own, met, not met or unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from cytowatch.engine.apply import grade_observations
from cytowatch.engine.lookalikes import FACTS, scale_of_facts
from cytowatch.knowledge.advice import AdviceFact
from cytowatch.knowledge.model import Criterion, Knowledge, Scale

PREFIX = "fact."


@dataclass(frozen=True)
class Asked:
    """Facts over time (as a timeline, ``scale`` names the fact) and the exposures (patient, time, product, concept)."""

    timeline: pl.DataFrame
    triggers: pl.DataFrame


def ask(
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    facts: Iterable[str],
    *,
    as_of: int | None,
    not_recorded: frozenset[str],
    clock: str,
    assumed_product: str | None,
) -> Asked:
    """Follow the facts in the admitted rows, as the engine does with scales."""
    scales = {PREFIX + key: fact_scale(knowledge.advice.facts[key]) for key in sorted(set(facts))}
    graded = grade_observations(
        observations,
        patients,
        replace(knowledge, scales={**knowledge.scales, **scales}),
        list(scales),
        as_of=as_of,
        assumed_product=assumed_product,
        not_recorded=not_recorded,
        clock=clock,
    )
    return Asked(graded.timeline, graded.triggers)


def fact_scale(fact: AdviceFact) -> Scale:
    """A fact as a rule scale that is 1 while it is met."""
    cited = fact.cited
    met = Criterion(fact.key, fact.label, FACTS, 1, fact.when, cited.source, cited.locator, cited.evidence)
    return scale_of_facts(PREFIX + fact.key, fact.label, cited.source, (met,))
