"""Rows for the figures of the cohort: who is drawn, where, and what the reader of the page is told about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge
from cytowatch.report import figures, words
from cytowatch.report.cohort import PatientSummary, concepts_of_kind
from cytowatch.report.completeness import QUESTIONS, known_share
from cytowatch.report.course import DRUG_KINDS, drug_kind, joined, on_stretches, segments, vasopressors
from cytowatch.report.data import ReportData
from cytowatch.report.incidence import aalen_johansen, at, first_stretch, numbers_at_risk, outcomes_of
from cytowatch.report.svg import inline
from cytowatch.schema import DAY_US

SWIMMER_WIDTH = 830
_LETTER = 6.6
# One mark a day and kind is drawn: more would hide each other.
_DAYS_SHOWN = 31
_TICK_STEPS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365)
_TICKS = 8
CURVE_GRADES = ((1, "Any grade"), (3, "Grade 3 or more"))


@dataclass(frozen=True)
class Curve:
    """Cumulative incidence figure of one scale and the numbers behind it."""

    figure: Markup
    rows: list[dict[str, Any]]
    patients: int
    deaths: int


def swimmer(data: ReportData, knowledge: Knowledge, shown: Sequence[PatientSummary], scale: str, name: str) -> Markup:
    """The swimmer plot of one scale for these patients, from the top."""
    origins = {item.patient: item.origin for item in shown}
    lanes = list(origins)
    mine = data.timeline.filter((pl.col("scale") == scale) & pl.col("patient").is_in(lanes)).sort("patient", "start")
    days = [(row["start"], row["end"], row["patient"]) for row in mine.iter_rows(named=True)]
    span = max(((end - origins[who]) / DAY_US for _, end, who in days), default=1.0)
    bars = []
    for (patient,), part in mine.partition_by("patient", as_dict=True).items():
        origin = origins[str(patient)]
        for piece in segments(part.to_dicts()):
            low, high = (piece.start - origin) / DAY_US, (piece.end - origin) / DAY_US
            fits = (high - low) / max(span, 0.01) * SWIMMER_WIDTH >= _LETTER * len(piece.label) + 2
            bars.append(
                {
                    "lane": str(patient),
                    "start": round(low, 4),
                    "end": round(high, 4),
                    "at_least": piece.at_least,
                    "label": piece.label,
                    "unknown": piece.unknown,
                    "text_at": round((low + high) / 2, 4) if fits else None,
                }
            )
    marks, pressors = _treatments(data, knowledge, origins, span)
    title = "Days since first exposure (day 0); without a trigger, since the first record"
    chart = figures.swimmer(lanes, bars, marks, pressors, title=title, width=SWIMMER_WIDTH)
    label = f"{words.Words(knowledge).family(scale)} grade of {len(lanes)} patients by day since first exposure"
    return inline(chart, name=name, label=label)


def _treatments(
    data: ReportData, knowledge: Knowledge, origins: dict[str, int], span: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    drugs = [concept for kind in DRUG_KINDS.values() for concept in kind]
    pressor_concepts = list(vasopressors(knowledge))
    mine = data.observations.filter(pl.col("patient").is_in(list(origins))).sort("time", "row")
    marks, seen = [], set()
    wanted = pl.col("concept").is_in([*drugs, *concepts_of_kind(knowledge, "death")])
    for row in mine.filter(wanted).iter_rows(named=True):
        kind = drug_kind(row["concept"]) or "death"
        x = round((row["time"] - origins[row["patient"]]) / DAY_US, 3)
        if 0 <= x <= span and (row["patient"], kind, int(x)) not in seen:
            seen.add((row["patient"], kind, int(x)))
            marks.append({"lane": row["patient"], "x": x, "kind": kind})
    return marks, _pressor_rows(mine.filter(pl.col("concept").is_in(pressor_concepts)), knowledge, origins, span)


def _pressor_rows(
    rows: pl.DataFrame, knowledge: Knowledge, origins: dict[str, int], span: float
) -> list[dict[str, Any]]:
    out = []
    for (patient, _), part in rows.partition_by("patient", "concept", as_dict=True).items():
        origin = origins[str(patient)]
        on = [item for item in on_stretches(part.to_dicts(), knowledge, origin + int(span * DAY_US)) if item.certain]
        for item in joined(on):
            low, high = max((item.start - origin) / DAY_US, 0.0), min((item.end - origin) / DAY_US, span)
            if high > low:
                out.append({"lane": str(patient), "start": round(low, 4), "end": round(high, 4)})
    return out


def incidence(data: ReportData, knowledge: Knowledge, scale: str, name: str) -> Curve | None:
    """Cumulative incidence of any grade and of grade 3 or more; None where nobody had a trigger."""
    mine = data.timeline.filter((pl.col("scale") == scale) & pl.col("at_most").is_not_null())
    if mine.is_empty():
        return None
    stretch = first_stretch(mine)
    deaths = data.observations.filter(pl.col("concept").is_in(concepts_of_kind(knowledge, "death")))
    deaths = deaths.select("patient", "time")
    origin = stretch.group_by("patient").agg(pl.col("start").min(), pl.col("end").max())
    horizon = float(str(origin.select(((pl.col("end") - pl.col("start")) / DAY_US).max()).item()))
    ticks = _ticks(horizon)
    panels, rows = [], []
    for grade, title in CURVE_GRADES:
        certain = outcomes_of(stretch, deaths, "at_least", grade)
        possible = outcomes_of(stretch, deaths, "at_most", grade)
        low, high = aalen_johansen(certain), aalen_johansen(possible)
        days = sorted({0.0, horizon, *(step.day for step in low + high)})
        band = [{"day": round(day, 4), "low": at(low, day), "high": at(high, day)} for day in days]
        at_risk = {"certain": numbers_at_risk(certain, ticks), "possible": numbers_at_risk(possible, ticks)}
        risk = [
            {"day": day, "row": row, "n": n}
            for row, found in at_risk.items()
            for day, n in zip(ticks, found, strict=True)
        ]
        panels.append({"title": title, "horizon": horizon, "ticks": ticks, "band": band, "risk": risk})
        rows += [
            {
                "curve": title,
                "day": day,
                "certain": at(low, day),
                "possible": at(high, day),
                "risk_certain": at_risk["certain"][place],
                "risk_possible": at_risk["possible"][place],
            }
            for place, day in enumerate(ticks)
        ]
    watched = origin.get_column("patient").to_list()
    died = deaths.filter(pl.col("patient").is_in(watched)).get_column("patient").n_unique()
    family = words.Words(knowledge).family(scale)
    label = f"Cumulative incidence of {family} by day since exposure, {origin.height} patients"
    return Curve(inline(figures.cumulative_incidence(panels), name=name, label=label), rows, origin.height, died)


def _ticks(horizon: float) -> list[int]:
    step = next((step for step in _TICK_STEPS if horizon / step <= _TICKS), _TICK_STEPS[-1])
    return list(range(0, int(horizon) + 1, step))


def completeness(
    data: ReportData, knowledge: Knowledge, name: str
) -> tuple[Markup, list[dict[str, Any]], list[int]] | None:
    """The heat map of known time, its cells by question, and the days shown."""
    table = known_share(data.timeline, data.observations, knowledge).filter(pl.col("day") < _DAYS_SHOWN)
    if data.observations.is_empty() or table.is_empty():
        return None
    cells = [{**row, "text": f"{row['share']:.0%}"} for row in table.iter_rows(named=True)]
    chart = figures.completeness(cells, list(QUESTIONS))
    label = "Share of watched patient time in which each kind of sign was known, by day"
    days = sorted({cell["day"] for cell in cells})
    found = {(cell["question"], cell["day"]): cell["text"] for cell in cells}
    rows = [
        {"question": question, "shares": [found.get((question, day), "–") for day in days]} for question in QUESTIONS
    ]
    return inline(chart, name=name, label=label), rows, days
