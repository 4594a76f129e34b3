"""A small cohort on many scales: invented charts, graded for real, so that every scale stands beside the others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from cytowatch import knowledge
from cytowatch.adapters.files import read_frames
from cytowatch.pipeline import Outcome, grade_intake
from cytowatch.report import ReportData

KNOWLEDGE = knowledge.load()
SCALES = (
    "crs.astct-2019",
    "crs.ctcae-5.0",
    "crs.lee-2014",
    "crs.penn-2018",
    "icans.astct-2019",
    "cres.cartox-2018",
    "iechs.hines-2023",
    "hlh.hscore",
    "icaht.early-2023",
    "organ.ctcae-5.0.anemia",
    "organ.ctcae-6.0.anemia",
    "organ.ctcae-5.0.hyperkalemia",
    "news2",
    "lay.stage",
)
_UNITS = {
    "body_temperature": "Cel",
    "systolic_bp": "mm[Hg]",
    "mean_arterial_pressure": "mm[Hg]",
    "spo2": "%",
    "heart_rate": "/min",
    "respiratory_rate": "/min",
    "oxygen_flow": "L/min",
    "norepinephrine": "ug/kg/min",
    "hemoglobin": "g/dL",
    "ferritin": "ug/L",
    "tocilizumab": "mg",
    "ice_score": "{score}",
}
Fact = tuple[float, str, float | None, str | None]
# hours of fever, low pressure, vasopressor, oxygen, and ICE below 10, of each patient; None: it never comes
_COURSES: dict[str, tuple[tuple[float, float] | None, ...]] = {
    "M-1": ((20, 44), (26, 40), (30, 40), (28, 50), (40, 64)),
    "M-2": ((18, 50), (24, 30), None, None, None),
    "M-3": ((30, 60), None, None, (36, 54), (50, 90)),
    "M-4": (None, None, None, None, None),
    "M-5": ((22, 40), (25, 38), (26, 36), None, (60, 80)),
    "M-6": (None, (30, 40), (32, 44), (30, 60), None),
}


def charted(fever: Any, low: Any, pressor: Any, oxygen: Any, ice: Any) -> list[Fact]:
    """The chart of one patient: signs every two hours for four days, laboratory values daily."""

    def during(span: Any, hour: float) -> bool:
        return span is not None and span[0] <= hour < span[1]

    rows: list[Fact] = [(0.0, "car_t_infusion", None, "axicabtagene_ciloleucel")]
    for hour in range(0, 96, 2):
        rows += [
            (hour, "body_temperature", 38.9 if during(fever, hour) else 36.8, None),
            (hour, "systolic_bp", 82.0 if during(low, hour) else 121.0, None),
            (hour, "mean_arterial_pressure", 56.0 if during(low, hour) else 88.0, None),
            (hour, "heart_rate", 118.0 if during(fever, hour) else 80.0, None),
            (hour, "respiratory_rate", 24.0 if during(oxygen, hour) else 16.0, None),
            (hour, "spo2", 90.0 if during(oxygen, hour) else 97.0, None),
        ]
    for hour in range(0, 96, 8):
        rows += [(hour, "ice_score", 4.0 if during(ice, hour) else 10.0, None), (hour, "consciousness", None, "awake")]
    for day in range(4):
        rows += [(day * 24 + 6.0, "hemoglobin", 7.4 + day, None), (day * 24 + 6.0, "ferritin", 900.0 + 900 * day, None)]
    if pressor:
        rows += [(pressor[0], "norepinephrine", 0.08, None), (pressor[1], "norepinephrine", 0.0, None)]
    if oxygen:
        rows += [(oxygen[0], "oxygen_device", None, "nasal_cannula"), (oxygen[0], "oxygen_flow", 3.0, None)]
        rows += [(oxygen[1], "oxygen_device", None, "room_air")]
    return rows


@lru_cache(maxsize=1)
def outcome() -> Outcome:
    """The cohort graded on all of ``SCALES``."""
    rows = [
        {"patient": name, "hours": float(hour), "concept": concept, "value": value, "unit": _UNITS.get(concept)}
        | {"text": text, "source": f"{name}.csv:{line}"}
        for name, course in _COURSES.items()
        for line, (hour, concept, value, text) in enumerate(charted(*course), start=2)
    ]
    columns = {"hours": pl.Float64, "value": pl.Float64}
    frame = pl.DataFrame(rows, schema_overrides=columns)
    people = pl.DataFrame({"patient": list(_COURSES), "age_years": [50.0] * len(_COURSES), "weight_kg": 70.0})
    return grade_intake(read_frames(frame, KNOWLEDGE, patients=people), KNOWLEDGE, SCALES)


def data(of: Outcome | None = None) -> ReportData:
    """A run as the report reads it."""
    run = of or outcome()
    names = ("timeline", "episodes", "rejects", "ledger", "concordance", "discordance", "joint", "findings")
    tables = {name: getattr(run, name) for name in (*names, "observations", "patients")}
    return ReportData(**tables, clock=run.clock, run=run.run)
