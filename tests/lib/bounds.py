"""What a list of criteria makes of the lower bound (rule-scales page, section 4), in a few lines of its own."""

from __future__ import annotations

from collections.abc import Collection

from cytowatch.knowledge.model import Scale


def lower_bound(scale: Scale, criteria: Collection[str]) -> int:
    """The worst over the domains, or their sum; a criterion that the scale does not have makes nothing."""
    lowest = [
        max((part.grade for part in scale.criteria if part.domain == domain.id and part.id in criteria), default=0)
        for domain in scale.domains
    ]
    return sum(lowest) if scale.scoring == "sum" else max([0, *lowest])
