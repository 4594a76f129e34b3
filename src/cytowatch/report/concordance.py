"""Derived against reported grades: counts by verdict, confusion table, kappa, and why some cannot be compared."""

from __future__ import annotations

from typing import Any

import polars as pl

from cytowatch.report.agreement import confusion, weighted_kappa

LEVELS = {"worst": "Worst grade of each patient", "day": "Each patient-day"}
VERDICTS = {
    "agree": "agree",
    "differ": "differ",
    "compatible": "compatible: the reported grade lies within the derived bounds",
    "not_comparable": "not comparable",
}
GRADES = tuple(range(6))


def concordance_blocks(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """One block a scale and level that occurs, worst grades first."""
    blocks = []
    for scale in frame.get_column("scale").drop_nulls().unique().sort().to_list():
        for level, title in LEVELS.items():
            part = frame.filter((pl.col("scale") == scale) & (pl.col("level") == level))
            if not part.is_empty():
                blocks.append({"scale": scale, "title": title, **_block(part)})
    return blocks


def _block(part: pl.DataFrame) -> dict[str, Any]:
    compared = pl.col("verdict").is_in(["agree", "differ"])
    exact = part.filter(compared & (pl.col("derived_at_least") == pl.col("derived_at_most")))
    pairs = [(int(a), int(b)) for a, b in exact.select("reported", "derived_at_least").drop_nulls().iter_rows()]
    ranges = part.filter((pl.col("derived_at_least") != pl.col("derived_at_most")).fill_null(value=False))
    counts = {verdict: part.filter(pl.col("verdict") == verdict).height for verdict in VERDICTS}
    table = confusion(pairs, GRADES)
    return {
        "rows": part.height,
        "counts": [{"verdict": text, "n": counts[key]} for key, text in VERDICTS.items()],
        "kappa": weighted_kappa(table),
        "table": [
            {"reported": grade, "cells": table[grade], "range": _ranged(ranges, grade), "none": _none(part, grade)}
            for grade in GRADES
        ],
        "reasons": _reasons(part.filter(pl.col("verdict") == "not_comparable")),
    }


def _ranged(ranges: pl.DataFrame, grade: int) -> int:
    return ranges.filter(pl.col("reported") == grade).height


def _none(part: pl.DataFrame, grade: int) -> int:
    return part.filter((pl.col("reported") == grade) & pl.col("derived_at_least").is_null()).height


def _reasons(part: pl.DataFrame) -> list[dict[str, Any]]:
    found = (
        part.group_by(pl.col("reason").fill_null("no reason given"))
        .len("n")
        .sort("n", "reason", descending=[True, False])
    )
    return found.to_dicts()
