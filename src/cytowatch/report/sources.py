"""What a report rests on: the scales that it used, their criteria with locators, and the papers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cytowatch.knowledge.model import Criterion, Domain, Knowledge, Scale
from cytowatch.report.order import FAMILIES

# more scales than this are grouped by family
FEW = 8
EVIDENCE = {
    "primary": "read in the paper itself",
    "secondary": "read in a table that reproduces the paper",
    "recalled": "not read; to be confirmed before use",
    "house": "a choice of this project, open to a site's own",
}


def sources_of(knowledge: Knowledge, scales: Sequence[str]) -> dict[str, Any]:
    """Papers, rules by scale and the evidence words that occur, only for the scales given."""
    used = [knowledge.scales[scale] for scale in scales if scale in knowledge.scales]
    rules = {scale.id: _rules(scale) for scale in used}
    keys = {scale.source for scale in used} | {rule["source"] for rows in rules.values() for rule in rows}
    levels = {rule["evidence"] for rows in rules.values() for rule in rows}
    return {
        "scales": used,
        "groups": _groups(used),
        "rules": rules,
        "papers": [knowledge.sources[key] for key in sorted(keys - {"house", ""}) if key in knowledge.sources],
        "evidence": {key: text for key, text in EVIDENCE.items() if key in levels},
    }


def _groups(scales: Sequence[Scale]) -> dict[str, list[Scale]]:
    """The scales under one empty heading where they are few, else by family."""
    if len(scales) <= FEW:
        return {"": list(scales)}
    out: dict[str, list[Scale]] = {}
    for scale in scales:
        out.setdefault(FAMILIES[scale.family], []).append(scale)
    return out


def _rules(scale: Scale) -> list[dict[str, Any]]:
    kind = "points" if scale.scoring == "sum" else "grade"
    criteria = [_rule(scale, item, f"{kind} {item.grade}") for item in scale.criteria]
    scored = [_rule(scale, item, _grades(item)) for item in scale.domains if item.locator]
    return criteria + scored


def _rule(scale: Scale, item: Criterion | Domain, makes: str) -> dict[str, Any]:
    source = item.source or scale.source
    return {"label": item.label, "makes": makes, "source": source, "locator": item.locator, "evidence": item.evidence}


def _grades(domain: Domain) -> str:
    """The grades above 0 that a scored domain can make."""
    grades = ({band.grade for band in domain.bands} | set(domain.categories.values())) - {0}
    return "grade " + ", ".join(map(str, sorted(grades))) if grades else ""
