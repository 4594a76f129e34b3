"""Worst grades and worst scores of a cohort on every scale: counts by grade, and how many reached each score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.probability import probability_in_words
from cytowatch.report import figures
from cytowatch.report.order import by_family, is_sum
from cytowatch.report.strips import most_points
from cytowatch.report.svg import inline
from cytowatch.report.words import Words

GRADES = tuple(range(6))
_COLUMNS_OF_CURVES = 3


@dataclass(frozen=True)
class WorstGrades:
    """The patients of one scale by worst certain grade: where it is the worst for certain, and where more is open."""

    scale: str
    settled: tuple[int, ...]
    open: tuple[int, ...]
    ungraded: int

    @property
    def above(self) -> int:
        """Patients certainly above 0."""
        return sum(self.settled[1:]) + sum(self.open[1:])


def worst_bounds(timeline: pl.DataFrame) -> pl.DataFrame:
    """``patient, scale, low, high``: the worst bounds of each patient on each scale; empty where nothing was graded."""
    bounds = (pl.col("at_least").max().alias("low"), pl.col("at_most").max().alias("high"))
    return timeline.group_by("patient", "scale").agg(bounds)


def worst_grades(bounds: pl.DataFrame, scale: str) -> WorstGrades:
    """How many patients have each worst grade on one scale."""
    own = bounds.filter(pl.col("scale") == scale)
    return WorstGrades(
        scale,
        _by_grade(own.filter(pl.col("low") == pl.col("high"))),
        _by_grade(own.filter(pl.col("low") < pl.col("high"))),
        own.filter(pl.col("low").is_null()).height,
    )


def _by_grade(own: pl.DataFrame) -> tuple[int, ...]:
    counts = dict(own.group_by(pl.col("low").clip(0, GRADES[-1])).len().iter_rows())
    return tuple(counts.get(grade, 0) for grade in GRADES)


def grade_tables(timeline: pl.DataFrame, knowledge: Knowledge) -> tuple[dict[str, list[WorstGrades]], list[str]]:
    """Scales of grades by family that are above 0 in somebody, and the short names of those that never are."""
    bounds, words = worst_bounds(timeline), Words(knowledge)
    scales = [name for name in bounds["scale"].unique().to_list() if not is_sum(name, knowledge)]
    out: dict[str, list[WorstGrades]] = {}
    rest = []
    for title, names in by_family(scales, knowledge).items():
        found = [worst_grades(bounds, name) for name in names]
        above = [item for item in found if item.above]
        rest += [words.short(item.scale) for item in found if not item.above]
        if above:
            out[title] = above
    return out, rest


# ---------------------------------------------------------------- sum scores


@dataclass(frozen=True)
class ScoreCurve:
    """One sum score over a cohort: how many reached so many points, for certain and not excluded, and its cut-offs."""

    scale: str
    patients: int
    known: int
    top: int
    steps: tuple[tuple[int, int, int], ...]
    cuts: tuple[dict[str, Any], ...]


def score_curves(timeline: pl.DataFrame, knowledge: Knowledge) -> list[ScoreCurve]:
    """Every sum score of the run with somebody certainly above 0, in the order of the page."""
    bounds = worst_bounds(timeline).filter(pl.col("low").is_not_null())
    scales = [name for name in bounds["scale"].unique().to_list() if is_sum(name, knowledge)]
    names = [name for group in by_family(scales, knowledge).values() for name in group]
    found = [_curve(bounds.filter(pl.col("scale") == name), name, knowledge) for name in names]
    return [curve for curve in found if any(certain for points, certain, _ in curve.steps if points)]


def _curve(own: pl.DataFrame, name: str, knowledge: Knowledge) -> ScoreCurve:
    scale = knowledge.scales[name]
    low, high = own["low"].sort(), own["high"].sort()
    points = sorted({0, *low.to_list(), *high.to_list()})
    steps = tuple((at, _reach(low, at), _reach(high, at)) for at in points)
    cuts = tuple(
        {
            "points": at,
            "meaning": text,
            "certain": _reach(low, at),
            "possible": _reach(high, at),
            "probability": probability_in_words(scale, at, at),
        }
        for at, text in scale.grade_meaning.items()
    )
    known = own.filter(pl.col("low") == pl.col("high")).height
    return ScoreCurve(name, own.height, known, most_points(scale), steps, cuts)


def _reach(values: pl.Series, at: int) -> int:
    return int((values >= at).sum())


def score_figure(curves: Sequence[ScoreCurve], knowledge: Knowledge, name: str) -> Markup | None:
    """Share of patients whose worst score reached so many points: certain, and not excluded."""
    if not curves:
        return None
    words = Words(knowledge)
    panels = [
        {
            "title": f"{words.short(curve.scale)} ({curve.patients} patients)",
            "top": max(curve.top, *(at for at, _, _ in curve.steps)),
            "band": _band(curve),
            "cuts": [cut["points"] for cut in curve.cuts if cut["points"] > 1],
        }
        for curve in curves
    ]
    label = "Share of patients whose worst score reached each number of points, certain and not excluded"
    return inline(figures.score_reach(panels, columns=_COLUMNS_OF_CURVES), name=name, label=label)


def _band(curve: ScoreCurve) -> list[dict[str, float]]:
    rows = [
        {"points": float(at), "low": low / curve.patients, "high": high / curve.patients}
        for at, low, high in curve.steps
    ]
    top = float(max(curve.top, rows[-1]["points"]))
    # a step lasts up to its points: after the worst of all nobody is left
    return [*rows, {"points": top, "low": 0.0, "high": 0.0}] if rows[-1]["points"] < top else rows
