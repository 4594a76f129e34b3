"""The part of a cohort's page where scales stand beside each other: worst grades, discordance, joint state, scores."""

from __future__ import annotations

from typing import Any

from cytowatch.knowledge.model import Knowledge
from cytowatch.report import joint, words
from cytowatch.report.data import ReportData
from cytowatch.report.discordance import BASES, FamilyTable, Pair, family_tables, where_unsettled
from cytowatch.report.flow import flow_figure
from cytowatch.report.order import FAMILIES
from cytowatch.report.worst import GRADES, grade_tables, score_curves, score_figure

_SHADES = ((0.95, 4), (0.85, 3), (0.7, 2), (0.5, 1))


def beside_context(data: ReportData, knowledge: Knowledge) -> dict[str, Any]:
    """What the templates show of every scale beside the others; each part empty where there is nothing to show."""
    scales = data.timeline["scale"].n_unique()
    tables, rest = grade_tables(data.timeline, knowledge) if scales > 1 else ({}, [])
    crossed = where_unsettled(data.discordance, knowledge)
    curves = score_curves(data.timeline, knowledge)
    return {
        "worst_tables": tables,
        "worst_rest": rest,
        "worst_grades": GRADES,
        "discordance": [
            _family(table, knowledge, f"flow-{number}")
            for number, table in enumerate(family_tables(crossed, knowledge))
        ],
        "joint_patients": data.joint["patient"].n_unique(),
        "joint_sets": joint.combinations_of(data.joint),
        "joint_orders": joint.onset_orders(data.joint),
        "score_curves": curves,
        "score_figure": score_figure(curves, knowledge, "scores"),
    }


def _family(table: FamilyTable, knowledge: Knowledge, name: str) -> dict[str, Any]:
    names = words.Words(knowledge)
    title = FAMILIES[table.family]
    label = f"How the worst grades of the same patients flow between {len(table.scales)} scales: {title.lower()}"
    return {
        "title": title,
        "basis": BASES.get(table.basis, table.basis),
        "is_bound": table.basis == "certain",
        "compared": any(pair.compared for pair in table.pairs.values()),
        "scales": [(scale, names.short(scale)) for scale in table.scales],
        "matrix": [
            {"scale": names.short(scale), "cells": [_cell(table, scale, other) for other in table.scales]}
            for scale in table.scales
        ],
        "pairs": list(table.pairs.values()),
        "flow": flow_figure(table, names, name, f"{label}, {BASES.get(table.basis, table.basis)}"),
        "flows": [_flows(pair) for pair in table.next_to_each_other()],
    }


def _cell(table: FamilyTable, row: str, column: str) -> dict[str, Any] | None:
    """One cell of the matrix: above the diagonal the pair with its shade; below it nothing, none stands twice."""
    pair = table.pairs.get((row, column))
    if pair is None:
        return None
    shade = next((step for least, step in _SHADES if pair.share is not None and pair.share >= least), 0)
    return {"pair": pair, "shade": "none" if pair.share is None else f"shade{shade}"}


def _flows(pair: Pair) -> dict[str, Any]:
    def key(item: tuple[tuple[int | None, int | None], int]) -> tuple[int, int]:
        return tuple(-1 if grade is None else grade for grade in item[0])  # type: ignore[return-value]

    return {"pair": pair, "counts": [(one, other, n) for (one, other), n in sorted(pair.counts.items(), key=key)]}
