"""Puts a report together and writes it: one HTML file, nothing loaded from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report import clock as clocks
from cytowatch.report import words
from cytowatch.report.beside import Room
from cytowatch.report.cohort import (
    PatientSummary,
    concepts_of_kind,
    course_numbers,
    patient_days,
    scales_of,
    summarize,
    worst_counts,
)
from cytowatch.report.cohort_beside import beside_context
from cytowatch.report.cohort_figures import completeness, incidence, swimmer
from cytowatch.report.concordance import GRADES, concordance_blocks
from cytowatch.report.data import ReportData
from cytowatch.report.embed import Dictionary, as_json
from cytowatch.report.findings import NO_DIAGNOSIS
from cytowatch.report.joint import LANES
from cytowatch.report.order import in_full, is_sum
from cytowatch.report.patient import PatientSection, split
from cytowatch.report.sources import sources_of
from cytowatch.report.svg import HATCH_DEFINITION
from cytowatch.report.theme import GRADE_FILL, GRADE_TEXT, SCORE_FILL, SCORE_TEXT


@dataclass(frozen=True)
class Limits:
    """What keeps a page small and readable; none of these changes a number, only how many are shown."""

    # above so many patients, or so many patients times scales, the report holds the cohort only
    patient_sections: int = 200
    patient_scales: int = 6000
    swimmer_lanes: int = 60
    table_patients: int = 500
    rejects: int = 50
    # changes of one patient and scale, in a report of many and of one
    changes: int = 80
    changes_alone: int = 5000
    # rows of one patient that the page carries so that scales can be compared at any hour
    compared_rows: int = 1200
    compared_rows_alone: int = 50_000
    # narrower stretches of a strip are drawn together (pixels)
    strip_least: float = 1.6
    strip_least_alone: float = 0.8

    def sections(self, scales: int) -> int:
        """How many patients a page of so many scales shows in full."""
        return min(self.patient_sections, max(self.patient_scales // max(scales, 1), 1))

    def room(self, *, alone: bool) -> Room:
        """What one patient may take in a report of many, or alone."""
        if alone:
            return Room(self.strip_least_alone, self.compared_rows_alone, everything=True)
        return Room(self.strip_least, self.compared_rows, everything=False)


def render_report(
    data: ReportData, knowledge: Knowledge, *, patient: str | None = None, limits: Limits | None = None
) -> str:
    """The report as one self-contained HTML page.

    With ``patient``, the report of that patient alone (ArgumentError where nobody of that name was graded). Above
    ``limits.patient_sections`` patients the page holds the cohort only.
    """
    bounds = limits or Limits()
    full = in_full(data.timeline, knowledge)
    chosen = data if patient is None else data.of_patient(patient)
    summaries = summarize(chosen, knowledge, full)
    context = _common(chosen, knowledge, full) | {"limits": bounds, "patient": patient, "summaries": summaries}
    if patient is None:
        context |= _cohort(chosen, knowledge, summaries, bounds, full) | beside_context(chosen, knowledge)
    dictionary = Dictionary(knowledge)
    most = bounds.sections(len(context["all_scales"]))
    context["most_sections"] = most
    with_sections = len(summaries) <= most
    context["sections"] = _sections(chosen, knowledge, summaries, bounds, dictionary) if with_sections else []
    context["dictionary"] = as_json(dictionary.content()) if dictionary.readers else ""
    return _template().render(context)


def write_report(
    data: ReportData,
    knowledge: Knowledge,
    path: str | Path,
    *,
    patient: str | None = None,
    limits: Limits | None = None,
) -> Path:
    """Write the report; the file appears whole or not at all. Returns its path."""
    target = Path(path)
    page = render_report(data, knowledge, patient=patient, limits=limits)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cytowatch.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template("report.html.j2")


def _number(value: float | None, digits: int = 1) -> str:
    """A number for a table; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _common(data: ReportData, knowledge: Knowledge, full: Sequence[str]) -> dict[str, Any]:
    scales = scales_of(data, knowledge)
    return {
        "words": words.Words(knowledge),
        "grade": words.grade,
        "moment": lambda time: clocks.moment(time, data.clock),
        "machine": lambda time: clocks.machine(time, data.clock),
        "clock": data.clock,
        "run": data.run,
        "inputs": data.run.get("inputs") or [],
        "software": _version(data, "engine", "software"),
        "knowledge_version": _version(data, "knowledge", "knowledge"),
        "scales": full,
        "all_scales": scales,
        "sum_scales": [scale for scale in scales if is_sum(scale, knowledge)],
        "score_palette": list(zip(SCORE_FILL, SCORE_TEXT, strict=True)),
        "no_diagnosis": "" if data.findings.is_empty() else NO_DIAGNOSIS,
        "joint_lanes": list(LANES.values()),
        "sources": sources_of(knowledge, scales),
        "hatch": HATCH_DEFINITION,
        "palette": list(zip(GRADE_FILL, GRADE_TEXT, strict=True)),
    }


def _version(data: ReportData, column: str, key: str) -> str:
    """A version from run.json, else from the timeline itself."""
    if data.run.get(key):
        return str(data.run[key])
    found = data.timeline.get_column(column).drop_nulls().unique().sort().to_list()
    return ", ".join(found) or "not recorded"


def _cohort(
    data: ReportData, knowledge: Knowledge, summaries: Sequence[PatientSummary], limits: Limits, scales: Sequence[str]
) -> dict[str, Any]:
    watched = replace(data, timeline=data.timeline.filter(pl.col("scale").is_in(scales)))
    shown = list(summaries[: limits.swimmer_lanes])
    return {
        "counts": {scale: worst_counts(list(summaries), scale) for scale in scales},
        "triggered": sum(1 for item in summaries if item.triggered),
        "patient_days": patient_days(list(summaries)),
        "table": summaries[: limits.table_patients],
        "swimmers": [(scale, swimmer(data, knowledge, shown, scale, f"swim-{i}")) for i, scale in enumerate(scales)],
        "swimmer_rows": shown,
        "curves": [(scale, incidence(data, knowledge, scale, f"curve-{i}")) for i, scale in enumerate(scales)],
        "courses": [(scale, course_numbers(data, scale)) for scale in scales],
        "concordance": concordance_blocks(data.concordance),
        "grades": GRADES,
        "rejects": data.rejects.head(limits.rejects).to_dicts(),
        "deaths": _deaths(data, knowledge),
        "rows_read": _rows_read(data),
        "rejects_total": data.rejects.height,
        "rejects_by_rule": _by_rule(data.rejects),
        "ledger": _ledger(data.ledger),
        "completeness": completeness(watched, knowledge, "completeness"),
    }


def _deaths(data: ReportData, knowledge: Knowledge) -> list[dict[str, Any]]:
    """Patients who died, by the cause given first."""
    rows = data.observations.filter(pl.col("concept").is_in(concepts_of_kind(knowledge, "death"))).sort("time", "row")
    first = rows.group_by("patient", maintain_order=True).agg(pl.col("text").first().fill_null("cause not given"))
    counted = first.group_by(pl.col("text").alias("cause")).agg(pl.len().alias("n"))
    return counted.sort("n", "cause", descending=[True, False]).to_dicts()


def _rows_read(data: ReportData) -> int | None:
    read = [item.get("read") for item in data.run.get("inputs") or []]
    return sum(read) if read and None not in read else None


def _by_rule(rejects: pl.DataFrame) -> list[dict[str, Any]]:
    grouped = rejects.group_by("rule").agg(pl.len().alias("n"), pl.col("reason").first(), pl.col("hint").first())
    return grouped.sort("n", "rule", descending=[True, False]).to_dicts()


def _ledger(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    left_aside = ledger.filter(pl.col("fate").is_in(["superseded", "ignored"]))
    grouped = left_aside.group_by("fate", "reason").agg(pl.col("rows").sum())
    return grouped.sort("rows", "fate", "reason", descending=[True, False, False]).to_dicts()


def _sections(
    data: ReportData,
    knowledge: Knowledge,
    summaries: Sequence[PatientSummary],
    limits: Limits,
    dictionary: Dictionary,
) -> list[dict[str, Any]]:
    tables = split(data, [item.patient for item in summaries])
    alone = len(summaries) == 1
    changes = limits.changes_alone if alone else limits.changes
    room = limits.room(alone=alone)
    return [
        {"summary": item}
        | PatientSection(data, knowledge, item, tables[item.patient]).context(
            f"patient-{number}", changes, room, dictionary
        )
        for number, item in enumerate(summaries, start=1)
    ]
