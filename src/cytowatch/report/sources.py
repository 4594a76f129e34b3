"""What a report rests on: the scales that it used, their criteria with locators, and the papers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cytowatch.knowledge.model import Knowledge, Scale

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
        "rules": rules,
        "papers": [knowledge.sources[key] for key in sorted(keys - {"house", ""}) if key in knowledge.sources],
        "evidence": {key: text for key, text in EVIDENCE.items() if key in levels},
    }


def _rules(scale: Scale) -> list[dict[str, Any]]:
    criteria = [(item.label, f"grade {item.grade}", item) for item in scale.criteria]
    scored = [(item.label, _grades(item.bands, item.categories), item) for item in scale.domains if item.locator]
    return [
        {
            "label": label,
            "makes": makes,
            "source": item.source or scale.source,
            "locator": item.locator,
            "evidence": item.evidence,
        }
        for label, makes, item in [*criteria, *scored]
    ]


def _grades(bands: Sequence[Any], categories: dict[str, int]) -> str:
    grades = sorted({band.grade for band in bands} | set(categories.values()) - {0})
    return "grade " + ", ".join(str(grade) for grade in grades if grade) if grades else ""
