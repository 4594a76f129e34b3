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
    """Scales and facts over time as one timeline (``scale`` names a fact with ``PREFIX``), and the exposures.

    The exposures have patient, time, product, concept.
    """

    timeline: pl.DataFrame
    triggers: pl.DataFrame


def ask(
    timeline: pl.DataFrame,
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    scales: Iterable[str],
    facts: Iterable[str],
    **options: object,
) -> Asked:
    """Follow the facts in the admitted rows, as the engine does with scales, and those scales that the timeline lacks.

    ``options``: as_of, not_recorded, clock, assumed_product, as of ``engine.grade_observations``.
    """
    wanted = list(scales)
    there = set(timeline["scale"].unique().to_list())
    kept = timeline.filter(pl.col("scale").is_in(wanted))
    made = {PREFIX + key: fact_scale(knowledge.advice.facts[key]) for key in sorted(set(facts))}
    graded = grade_observations(
        observations,
        patients,
        replace(knowledge, scales={**knowledge.scales, **made}),
        [*(scale for scale in wanted if scale not in there), *made],
        **options,  # type: ignore[arg-type]
    )
    return Asked(pl.concat([kept, graded.timeline.select(kept.columns)]), graded.triggers)


def fact_scale(fact: AdviceFact) -> Scale:
    """A fact as a rule scale that is 1 while it is met."""
    cited = fact.cited
    met = Criterion(fact.key, fact.label, FACTS, 1, fact.when, cited.source, cited.locator, cited.evidence)
    return scale_of_facts(PREFIX + fact.key, fact.label, cited.source, (met,))
