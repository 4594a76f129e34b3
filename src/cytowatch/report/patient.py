"""The section of one patient: its figure, its days, and every change of its grades with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from markupsafe import Markup

from cytowatch.knowledge.model import Compare, Knowledge
from cytowatch.report import clock as clocks
from cytowatch.report import lanes, words
from cytowatch.report.advice import NOTICE, by_patient
from cytowatch.report.advice_blocks import Teller
from cytowatch.report.beside import TOTAL_WIDTH, Beside, Room
from cytowatch.report.changes import Changes, concepts_behind, values_behind
from cytowatch.report.cohort import PatientSummary
from cytowatch.report.course import (
    Course,
    Row,
    Segment,
    Stretch,
    course,
    drug_kind,
    joined,
    line_points,
    segments,
    vasopressors,
)
from cytowatch.report.data import ReportData
from cytowatch.report.days import day_table
from cytowatch.report.embed import Dictionary, as_json
from cytowatch.report.findings import findings_table
from cytowatch.report.order import is_sum, spokesmen, with_changes
from cytowatch.report.svg import inline
from cytowatch.schema import DAY_US

_LETTER = 6.4  # pixels that a letter of a label takes
_NEURO_SCORES = ("ice_score", "capd_score")
# Devices as they are called at the bedside, where a lane has no room; the table beside has the full words.
_SHORT = {
    "nasal cannula": "cannula",
    "high flow nasal cannula": "HFNC",
    "non rebreather": "NRB mask",
    "simple mask": "mask",
    "oxygen mask": "mask",
    "venturi mask": "Venturi",
    "bipap": "BiPAP",
    "cpap": "CPAP",
    "ecmo": "ECMO",
    "invasive ventilation": "ventilator",
    "tracheostomy collar": "trach collar",
}


@dataclass(frozen=True)
class PatientTables:
    """The rows of one patient, sorted by time."""

    timeline: list[dict[str, Any]]
    observations: list[dict[str, Any]]
    joint: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    advice: list[dict[str, Any]]


def split(data: ReportData, patients: Sequence[str]) -> dict[str, PatientTables]:
    """The tables of each of these patients."""
    wanted = pl.col("patient").is_in(list(patients))
    timelines = by_patient(data.timeline.filter(wanted).sort("scale", "start"))
    observations = by_patient(data.observations.filter(wanted).sort("time", "row"))
    joint = by_patient(data.joint.filter(wanted).sort("start"))
    findings = by_patient(data.findings.filter(wanted).sort("start", "finding"))
    advice = by_patient(data.advice.filter(wanted).sort("start", maintain_order=True))
    tables = (timelines, observations, joint, findings, advice)
    return {name: PatientTables(*(table.get(name, []) for table in tables)) for name in patients}


class PatientSection:
    """Makes what the template shows of one patient."""

    def __init__(self, data: ReportData, knowledge: Knowledge, summary: PatientSummary, tables: PatientTables) -> None:
        self._clock = data.clock
        self._knowledge = knowledge
        self._words = words.Words(knowledge)
        self._summary = summary
        self._tables = tables
        self._course: Course = course(tables.observations, knowledge, summary.end)

    def context(self, name: str, changes_limit: int, room: Room, dictionary: Dictionary) -> dict[str, Any]:
        """Everything of the section; ``name`` is unique on the page, ``dictionary`` gathers the words it shares."""
        tables = self._tables
        by_scale: dict[str, list[dict[str, Any]]] = {}
        for row in tables.timeline:
            by_scale.setdefault(row["scale"], []).append(row)
        full = {scale: by_scale[scale] for scale in self._summary.in_full if scale in by_scale}
        axis = self._axis()
        beside = Beside(self._knowledge, self._clock, self._summary.origin, axis, by_scale, tables.joint)
        carried, left = beside.carried(room) if len(by_scale) > 1 else ([], [])
        listed = with_changes(by_scale, full, self._knowledge)
        told = [row for scale in {*listed, *carried} for row in by_scale[scale]] + tables.findings
        values = values_behind(told, tables.observations, self._knowledge, self._clock)
        changes = Changes(self._knowledge, self._clock, self._summary.origin, values)
        of_full = [row for own in full.values() for row in own]
        side = beside.context(name, self._summary.patient, room) if len(by_scale) > 1 or not full else {}
        compared = beside.embedded(dictionary, carried, values, concepts_behind(tables.observations))
        return {
            "name": name,
            "figure": self._figure(name, full, axis),
            "figure_rows": day_table(self._course, of_full, self._knowledge, self._summary.origin),
            "beside": side,
            "compared": as_json(compared) if len(carried) > 1 else "",
            "not_compared": [self._words.short(scale) for scale in left],
            "findings": findings_table(tables.findings, self._knowledge, self._clock, self._summary.origin, values),
            "advice": self._advice(changes_limit),
            "changes_limit": changes_limit,
            "scales": [
                {
                    "id": scale,
                    "title": self._words.scale(scale),
                    "summary": self._summary.scales.get(scale),
                    "sum": is_sum(scale, self._knowledge),
                    **changes.table(by_scale[scale], changes_limit),
                }
                for scale in listed
            ],
        }

    def _advice(self, limit: int) -> dict[str, Any]:
        """What guidelines say, the first blocks in full; nothing where nobody asked for it."""
        if not self._tables.advice:
            return {}
        scales = {row["scale"] for row in self._tables.advice}
        graded = [row for row in self._tables.timeline if row["scale"] in scales]
        said = Teller(self._knowledge, self._clock).patient(self._summary.patient, self._tables.advice, graded)
        known = self._knowledge.advice.guidelines
        blocks = [
            {
                "start": clocks.moment(block.start, self._clock),
                "machine": clocks.machine(block.start, self._clock),
                "day": clocks.day(block.start, self._summary.origin),
                "block": block,
            }
            for block in said.blocks
        ]
        return {"notice": NOTICE, "silent": said.silent, "blocks": blocks[:limit], "left_out": len(blocks[limit:]),
            "titles": {key: part.title for key, part in known.items()},
        }  # fmt: skip

    def _figure(self, name: str, by_scale: Mapping[str, list[dict[str, Any]]], axis: lanes.Axis) -> Markup:
        drawn = [self._scale_lane(axis, scale, rows) for scale, rows in by_scale.items()]
        for lane in (self._temperature, self._pressure, self._saturation, self._oxygen, self._pressors, self._neuro):
            chart = lane(axis)
            if chart is not None:
                drawn.append(chart)
        drawn.append(self._marks(axis))
        label = f"Course of patient {self._summary.patient} over time: grades, vital signs, support and drugs"
        return inline(lanes.stacked(drawn), name=name, label=label, least_width=TOTAL_WIDTH)

    def _scale_lane(self, axis: lanes.Axis, scale: str, rows: list[dict[str, Any]]) -> lanes.Lane:
        """The grade over time; where nothing could be graded, the findings that were met."""
        title = self._words.scale(scale)
        findings = self._findings(axis, scale, rows)
        if findings and all(row["at_least"] is None for row in rows):
            return lanes.support_lane(axis, findings, f"{title}: not graded; findings")
        return lanes.grade_lane(axis, self._grade_rows(axis, segments(rows)), f"{title} grade")

    def _findings(self, axis: lanes.Axis, scale: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        met = [Stretch(row["start"], row["end"], key, "") for row in rows for key in row["criteria"] or []]
        order = list(dict.fromkeys(item.concept for item in met))
        spans = joined(item for key in order for item in met if item.concept == key)
        return [
            self._span(axis, item.start, item.end, "")
            | {"name": self._words.criterion(scale, item.concept), "certain": True, "text_at": None}
            for item in spans
        ]

    def _axis(self) -> lanes.Axis:
        rows = self._tables.timeline
        low = min([self._summary.origin, *(row["start"] for row in rows)])
        high = max(row["end"] for row in rows)
        title = "Hours (as in the file)" if self._clock == "hours" else self._day_title()
        return lanes.Axis(self._at(low), max(self._at(high), self._at(low) + 0.01), title)

    def _day_title(self) -> str:
        what = "exposure" if self._summary.triggered else "the first record (no trigger)"
        return f"Days since {what}, day 0 = {clocks.moment(self._summary.origin, self._clock)} UTC"

    def _at(self, time: int) -> float:
        return clocks.axis(time, self._summary.origin, self._clock)

    def _grade_rows(self, axis: lanes.Axis, parts: Iterable[Segment]) -> list[dict[str, Any]]:
        return [
            self._span(axis, part.start, part.end, "not graded" if part.at_least is None else part.label)
            | {"at_least": part.at_least, "at_most": part.at_most}
            for part in parts
        ]

    def _span(self, axis: lanes.Axis, start: int, end: int, label: str) -> dict[str, Any]:
        low, high = max(self._at(start), axis.low), min(self._at(end), axis.high)
        room = axis.pixels(low, high) >= _LETTER * len(label) + 2
        return {"x": low, "x2": high, "label": label, "text_at": (low + high) / 2 if room else None}

    def _lines(self, concepts: Iterable[str], axis: lanes.Axis) -> dict[str, list[dict[str, Any]]]:
        out = {}
        for key in concepts:
            rows = self._course.readings.get(key, [])
            points = line_points(rows, self._valid_for(key), self._summary.origin, self._clock)
            points = [point for point in points if axis.low <= point["x"] <= axis.high]
            if points:
                out[self._words.concept(key)] = points
        return out

    def _valid_for(self, concept: str) -> int:
        found = self._knowledge.concepts.get(concept)
        return (found.valid_for_us if found else None) or DAY_US

    def _temperature(self, axis: lanes.Axis) -> lanes.Lane | None:
        lines = self._lines(["body_temperature"], axis)
        return lanes.line_lane(axis, lines, "Temperature (°C)", rule=fever_limit(self._knowledge)) if lines else None

    def _pressure(self, axis: lanes.Axis) -> lanes.Lane | None:
        lines = self._lines(["systolic_bp", "mean_arterial_pressure"], axis)
        short = {"Systolic": "SBP", "Mean": "MAP"}
        named = {short.get(name.split()[0], name): rows for name, rows in lines.items()}
        title = " and ".join(lines) + " (mmHg)"
        return lanes.line_lane(axis, named, title) if lines else None

    def _saturation(self, axis: lanes.Axis) -> lanes.Lane | None:
        lines = self._lines(["spo2"], axis)
        return lanes.line_lane(axis, lines, "Oxygen saturation (%)") if lines else None

    def _oxygen(self, axis: lanes.Axis) -> lanes.Lane | None:
        devices = [
            self._support(axis, replace(item, label=_SHORT.get(item.label, item.label)), "Device")
            for item in self._stretches(("oxygen_device",))
        ]
        flows = self._piecewise(axis, "oxygen_flow", "Flow (L/min)")
        fractions = self._piecewise(axis, "fio2", "FiO₂")
        rows = [row for row in devices + flows + fractions if row is not None]
        return lanes.support_lane(axis, rows, "Oxygen support") if rows else None

    def _piecewise(self, axis: lanes.Axis, concept: str, name: str) -> list[dict[str, Any] | None]:
        rows = [row for row in self._course.readings.get(concept, []) if row["value"]]
        valid = self._valid_for(concept)
        ends = [*(row["time"] for row in rows[1:]), self._summary.end]
        parts = [
            Stretch(row["time"], min(row["until"] or row["time"] + valid, end), concept, f"{row['value']:.3g}")
            for row, end in zip(rows, ends, strict=False)
        ]
        return [self._support(axis, item, name) for item in joined(parts)]

    def _pressors(self, axis: lanes.Axis) -> lanes.Lane | None:
        inotropes = [key for key, concept in self._knowledge.concepts.items() if concept.group == "inotrope"]
        stretches = self._stretches((*vasopressors(self._knowledge), *inotropes))
        rows = [self._support(axis, item, self._rate_name(item)) for item in stretches]
        drawn = [row for row in rows if row is not None]
        return lanes.support_lane(axis, drawn, "Vasopressors and inotropes, with rate") if drawn else None

    def _rate_name(self, item: Stretch) -> str:
        name = self._words.concept(item.concept)
        return f"{name} ({item.unit})" if item.unit else name

    def _stretches(self, concepts: Sequence[str]) -> list[Stretch]:
        return joined(item for key in concepts for item in self._course.stretches if item.concept == key)

    def _support(self, axis: lanes.Axis, item: Stretch, name: str) -> dict[str, Any] | None:
        row = self._span(axis, item.start, item.end, item.label) | {"name": name, "certain": item.certain}
        return row if row["x2"] > row["x"] else None

    def _neuro(self, axis: lanes.Axis) -> lanes.Lane | None:
        scales = [scale for scale in self._knowledge.scales.values() if scale.family == "icans"]
        domains = [domain for scale in scales for domain in scale.domains]
        concepts = [*_NEURO_SCORES, *(domain.concept or domain.id for domain in domains), "sedated"]
        rows = [row for key in dict.fromkeys(concepts) for row in self._words_at(key, axis)]
        return lanes.word_lane(axis, rows, "Brain: scores and findings") if rows else None

    def _words_at(self, concept: str, axis: lanes.Axis) -> list[dict[str, Any]]:
        """Values of a concept, those that repeat the one before or have no room left out."""
        out: list[dict[str, Any]] = []
        for row in self._course.readings.get(concept, []):
            x = self._at(row["time"])
            label = f"{row['value']:.4g}" if row["value"] is not None else words.plain(row["text"] or "")
            last = out[-1] if out else None
            crowded = last and axis.pixels(last["x"], x) < _LETTER * len(last["label"]) + 6 and last["label"] == label
            if axis.low <= x <= axis.high and not crowded:
                out.append({"x": x, "name": self._words.concept(concept), "label": label})
        return out

    def _marks(self, axis: lanes.Axis) -> lanes.Lane:
        rows = [self._mark(row) for row in self._course.events]
        per_drug: dict[str, list[Row]] = {}
        for row in self._course.doses:
            per_drug.setdefault(row["concept"], []).append(row)
        rows += [self._mark(row) for doses in per_drug.values() for row in doses]
        shown = [row for row in rows if axis.low <= row["x"] <= axis.high]
        return lanes.mark_lane(axis, shown, "Doses and events")

    def _mark(self, row: Row) -> dict[str, Any]:
        kind = drug_kind(row["concept"]) or ("death" if row["concept"] == "death" else "trigger")
        product = kind == "trigger" and row["text"]
        name = self._words.product(row["text"]) if product else self._words.concept(row["concept"])
        return {"x": self._at(row["time"]), "name": words.sentence(name), "kind": kind}


def fever_limit(knowledge: Knowledge) -> float | None:
    """The temperature that opens CRS: on the scale that speaks for it, else on the first that names one."""
    of_family = [key for key, scale in knowledge.scales.items() if scale.family == "crs"]
    for scale in (knowledge.scales[key] for key in [*spokesmen(knowledge), *of_family] if key in knowledge.scales):
        for criterion in scale.criteria:
            fever = criterion.id == scale.episode.opens_with and isinstance(criterion.when, Compare)
            if fever and isinstance(criterion.when, Compare) and criterion.when.concept == "body_temperature":
                return criterion.when.value
    return None
