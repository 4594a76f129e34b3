"""The scales of a run in the order in which a page shows them, and the few that it shows in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import polars as pl

from cytowatch.knowledge.model import Knowledge

FAMILIES = {
    "crs": "Cytokine release syndrome",
    "icans": "Neurotoxicity",
    "hyperinflammation": "Hyperinflammation",
    "blood": "Blood and its clotting",
    "organ": "Organs and laboratory values",
    "score": "Severity scores",
    "lay": "In plain words",
    "": "Other scales",
}
# A run of so few scales shows each of them in full; of more, those that speak for CRS and for neurotoxicity.
ALL_IN_FULL = 4
_IN_FULL = 2


def family_of(scale: str, knowledge: Knowledge) -> str:
    """The family of a scale; empty for one that the tables do not have."""
    found = knowledge.scales.get(scale)
    return found.family if found else ""


def spokesmen(knowledge: Knowledge) -> list[str]:
    """The scales that speak for a toxicity in the joint state (policy ``joint_state``), in its order."""
    policy = knowledge.policies.get("joint_state")
    lanes = cast("dict[str, list[str]]", policy.value) if policy else {}
    return [scale for scales in lanes.values() for scale in scales]


def ordered(scales: Iterable[str], knowledge: Knowledge) -> list[str]:
    """The scales by family; in a family first what speaks for it in the joint state, then by their short names.

    Editions of one term come to stand beside each other.
    """
    first, families = spokesmen(knowledge), list(FAMILIES)

    def key(scale: str) -> tuple[int, bool, str, str]:
        found = knowledge.scales.get(scale)
        family = families.index(found.family if found else "")
        return family, scale not in first, (found.short if found else "").casefold(), scale

    return sorted(set(scales), key=key)


def by_family(scales: Iterable[str], knowledge: Knowledge) -> dict[str, list[str]]:
    """Title of each family that occurs, and its scales in order."""
    out: dict[str, list[str]] = {}
    for scale in ordered(scales, knowledge):
        out.setdefault(FAMILIES[family_of(scale, knowledge)], []).append(scale)
    return out


def by_publication(scales: Iterable[str], knowledge: Knowledge) -> list[str]:
    """The scales by the year in which their source appeared, then by id."""

    def key(scale: str) -> tuple[int, str]:
        found = knowledge.scales.get(scale)
        source = knowledge.sources.get(found.source) if found else None
        return (source.year if source and source.year else 9999), scale

    return sorted(set(scales), key=key)


def is_sum(scale: str, knowledge: Knowledge) -> bool:
    """Whether a scale gives points that add up, not grades."""
    found = knowledge.scales.get(scale)
    return found is not None and found.scoring == "sum"


def in_full(timeline: pl.DataFrame, knowledge: Knowledge) -> list[str]:
    """The scales of grades that get lanes, curves and tables of their own.

    All of them where they are few; else those that speak for CRS and neurotoxicity; without these, the two on which
    the most patients had something for certain.
    """
    scales = ordered(timeline["scale"].drop_nulls().unique().to_list(), knowledge)
    scales = [scale for scale in scales if not is_sum(scale, knowledge)]
    if len(scales) <= ALL_IN_FULL:
        return scales
    speaking = [scale for scale in spokesmen(knowledge) if scale in scales and _is_early(scale, knowledge)]
    return ordered(speaking, knowledge) or _most_affected(timeline, scales)


def with_changes(own: Iterable[str], full: Iterable[str], knowledge: Knowledge) -> list[str]:
    """Of one patient's scales those whose every change is listed: all where they are few, else those in full."""
    scales = ordered(own, knowledge)
    return scales if len(scales) <= ALL_IN_FULL else [scale for scale in scales if scale in set(full)]


def _is_early(scale: str, knowledge: Knowledge) -> bool:
    return family_of(scale, knowledge) in {"crs", "icans"}


def _most_affected(timeline: pl.DataFrame, scales: list[str]) -> list[str]:
    affected = timeline.filter(pl.col("at_least") >= 1).group_by("scale").agg(pl.col("patient").n_unique().alias("n"))
    counts = dict(affected.iter_rows())
    return sorted(sorted(scales, key=lambda scale: -counts.get(scale, 0))[:_IN_FULL], key=scales.index)
