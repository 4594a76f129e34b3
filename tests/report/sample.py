"""A small run made by hand: enough patients to see everything that a report draws. No real patient is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from cytowatch.report import ReportData
from cytowatch.schema import CONCORDANCE, DAY_US, EPISODES, HOUR_US, LEDGER, OBSERVATIONS, PATIENTS, REJECTS, TIMELINE

CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
T0 = 1_709_388_000_000_000  # 2024-03-02 14:00 UTC
HOSTILE = "<script>alert('x')</script>"
_UNITS = {
    "body_temperature": "Cel",
    "systolic_bp": "mm[Hg]",
    "mean_arterial_pressure": "mm[Hg]",
    "spo2": "%",
    "oxygen_flow": "L/min",
    "norepinephrine": "ug/kg/min",
    "vasopressin": "[IU]/min",
    "tocilizumab": "mg",
    "dexamethasone": "mg",
    "acetaminophen": "mg",
    "anakinra": "mg",
    "ice_score": "{score}",
}


class Patient:
    """Collects the rows of one invented patient; hours count from the trigger."""

    def __init__(self, name: str, origin: int) -> None:
        self.name, self.origin = name, origin
        self.observations: list[dict[str, Any]] = []
        self.timeline: list[dict[str, Any]] = []
        self.episodes: list[dict[str, Any]] = []

    def saw(
        self,
        hours: float,
        concept: str,
        value: float | None = None,
        text: str | None = None,
        until: float | None = None,
    ) -> str:
        """One observation; returns its source."""
        source = f"{self.name}.csv:{len(self.observations) + 2}"
        self.observations.append(
            {
                "patient": self.name,
                "time": self._at(hours),
                "until": None if until is None else self._at(until),
                "concept": concept,
                "value": value,
                "unit": _UNITS.get(concept),
                "text": text,
                "source": source,
                "status": "final",
            }
        )
        return source

    def state(self, scale: str, start: float, end: float, low: int | None, high: int | None, **lists: Any) -> None:
        """One timeline row."""
        row = {"criteria": [], "missing": [], "flags": [], "evidence": [], "episode": None} | lists
        grade = low if low == high else None
        self.timeline.append(
            {"patient": self.name, "scale": scale, "start": self._at(start), "end": self._at(end), "grade": grade}
            | {"at_least": low, "at_most": high, "knowledge": "2026.1", "engine": "0.1.0"}
            | row
        )

    def episode(self, scale: str, onset: float, last: float, low: int, high: int, worst_at: float, **more: Any) -> None:
        """One episode row."""
        state = more.get("state", "resolved")
        row = {"episode": 1, "tocilizumab_doses": 0, "steroid_days": 0, "recurrent": False, "flags": [], "state": state}
        self.episodes.append(
            {"patient": self.name, "scale": scale, "onset": self._at(onset), "last_sign": self._at(last)}
            | {"resolved": self._at(last) if state == "resolved" else None, "max_at_least": low, "max_at_most": high}
            | {"time_of_max": self._at(worst_at), "hours": last - onset if state == "resolved" else None}
            | {"exposure": "axicabtagene_ciloleucel", "exposure_time": self.origin, "days_from_exposure": onset / 24}
            | row
            | more
        )

    def _at(self, hours: float) -> int:
        return self.origin + round(hours * HOUR_US)


def severe() -> Patient:
    """Grade 4 CRS, then ICANS 3; ICE not charted for a day."""
    p = Patient("P-001", T0)
    p.saw(0, "car_t_infusion", text="axicabtagene_ciloleucel")
    temperatures = [36.8, 36.9, 37.1, 37.4, 38.4, 39.2, 39.6, 39.1, 38.6, 38.8, 38.2, 37.6, 37.2, 37.0, 36.9]
    fever = [p.saw(6 + 6 * i, "body_temperature", value) for i, value in enumerate(temperatures)]
    for i, (sbp, mean) in enumerate(
        [(124, 84), (121, 82), (112, 74), (98, 68), (84, 58), (88, 61), (101, 70), (112, 78), (118, 80)]
    ):
        p.saw(4 + 10 * i, "systolic_bp", sbp)
        p.saw(4 + 10 * i, "mean_arterial_pressure", mean)
    for i, value in enumerate([97, 96, 96, 93, 89, 90, 92, 95, 96, 97, 97]):
        p.saw(3 + 9 * i, "spo2", value)
    p.saw(2, "oxygen_device", text="room_air")
    cannula = p.saw(36, "oxygen_device", text="nasal_cannula")
    p.saw(36, "oxygen_flow", 3)
    high = p.saw(44, "oxygen_device", text="high_flow_nasal_cannula")
    bipap = p.saw(50, "oxygen_device", text="bipap")
    p.saw(70, "oxygen_device", text="nasal_cannula")
    p.saw(84, "oxygen_device", text="room_air")
    low = p.saw(44, "norepinephrine", 0.06)
    p.saw(50, "norepinephrine", 0.18)
    p.saw(64, "norepinephrine", 0.04)
    p.saw(72, "norepinephrine", 0)
    p.saw(50, "vasopressin", 0.03, until=60)
    p.saw(33, "acetaminophen", 1000)
    toci = p.saw(40, "tocilizumab", 560)
    p.saw(52, "tocilizumab", 560)
    for hour in (52, 64, 76, 88, 100):
        p.saw(hour, "dexamethasone", 10)
    ice = [
        p.saw(hour, "ice_score", value)
        for hour, value in ((10, 10), (34, 10), (58, 8), (70, 5), (82, 1), (124, 6), (136, 9), (148, 10), (160, 10))
    ]
    touch = p.saw(82, "consciousness", text="to_touch")
    p.saw(124, "consciousness", text="awake")
    waived = ["fever", "fever_waived"]
    p.state(CRS, 0, 6, 0, 1, missing=["body_temperature"])
    p.state(CRS, 6, 30, 0, 0)
    p.state(CRS, 30, 36, 1, 1, criteria=["fever"], evidence=[fever[4]], episode=1)
    p.state(CRS, 36, 44, 2, 2, criteria=["fever", "supplemental_oxygen"], evidence=[fever[4], cannula], episode=1)
    both = ["vasopressor", "supplemental_oxygen", "high_flow_oxygen"]
    p.state(CRS, 44, 50, 3, 3, criteria=waived + both, evidence=[fever[6], toci, low, high], episode=1)
    four = [*waived, *both, "positive_pressure"]
    p.state(CRS, 50, 70, 4, 4, criteria=four, evidence=[fever[7], toci, low, bipap], episode=1)
    p.state(CRS, 70, 84, 2, 2, criteria=[*waived, "supplemental_oxygen"], evidence=[fever[10], toci], episode=1)
    p.state(CRS, 84, 108, 1, 1, criteria=["fever_waived"], evidence=[toci], episode=1)
    p.state(CRS, 108, 168, 0, 0)
    p.episode(CRS, 30, 84, 4, 4, 50, tocilizumab_doses=2, steroid_days=3)
    p.state(ICANS, 0, 10, 0, 4, missing=["ice_score", "consciousness", "neuro_exam"])
    p.state(ICANS, 10, 58, 0, 0, flags=["awake_assumed"])
    p.state(ICANS, 58, 70, 1, 1, criteria=["ice_grade_1"], evidence=[ice[2]], episode=1, flags=["awake_assumed"])
    p.state(ICANS, 70, 82, 2, 2, criteria=["ice_grade_2"], evidence=[ice[3]], episode=1, flags=["awake_assumed"])
    p.state(
        ICANS, 82, 106, 3, 3, criteria=["ice_grade_3", "consciousness_grade_3"], evidence=[ice[4], touch], episode=1
    )
    p.state(ICANS, 106, 124, 0, 4, missing=["ice_score", "consciousness"], episode=1)
    p.state(ICANS, 124, 136, 2, 2, criteria=["ice_grade_2"], evidence=[ice[5]], episode=1)
    p.state(ICANS, 136, 148, 1, 1, criteria=["ice_grade_1"], evidence=[ice[6]], episode=1)
    p.state(ICANS, 148, 168, 0, 0)
    p.episode(ICANS, 58, 148, 3, 4, 82, tocilizumab_doses=1, steroid_days=3)
    return p


def unknown_flow() -> Patient:
    """A cannula without a flow: grade 2 to 3; then nothing is measured."""
    p = Patient("P-002", T0 + 9 * DAY_US)
    p.saw(0, "car_t_infusion", text="axicabtagene_ciloleucel")
    hot = [
        p.saw(hour, "body_temperature", value)
        for hour, value in ((2, 36.7), (9, 36.9), (15, 38.1), (22, 38.7), (29, 38.3), (36, 37.5))
    ]
    for hour, value in ((2, 118), (9, 121), (15, 108), (22, 104), (29, 110), (36, 117)):
        p.saw(hour, "systolic_bp", value)
    cannula = p.saw(22, "oxygen_device", text="nasal_cannula", until=42)
    p.saw(16, "acetaminophen", 650)
    p.state(CRS, 0, 2, 0, 1, missing=["body_temperature"])
    p.state(CRS, 2, 15, 0, 0)
    p.state(CRS, 15, 22, 1, 1, criteria=["fever"], evidence=[hot[2]], episode=1)
    why = {"criteria": ["fever", "fever_waived", "supplemental_oxygen"], "missing": ["oxygen_flow"], "episode": 1}
    p.state(CRS, 22, 42, 2, 3, evidence=[hot[3], cannula], flags=["oxygen_reason_not_stated"], **why)
    p.state(CRS, 42, 44, 1, 1, criteria=["fever_waived"], episode=1)
    p.state(CRS, 44, 66, 1, 2, criteria=["fever_waived"], missing=["blood_pressure"], episode=1)
    p.state(CRS, 66, 120, 0, 2, missing=["body_temperature", "blood_pressure"], episode=1)
    p.episode(CRS, 15, 42, 2, 3, 22, state="unknown", flags=["antipyretic_before_onset"])
    p.state(ICANS, 0, 120, 0, 4, missing=["ice_score", "consciousness", "neuro_exam"])
    return p


def mild(name: str, day: int, onset: float, last: float) -> Patient:
    """Fever only."""
    p = Patient(name, T0 + day * DAY_US)
    p.saw(0, "t_cell_engager_dose", 1.5, "teclistamab")
    hot = p.saw(onset, "body_temperature", 38.4)
    for hour in range(3, 96, 6):
        p.saw(hour, "body_temperature", 38.2 if onset < hour < last - 20 else 36.9)
        p.saw(hour, "systolic_bp", 121)
        p.saw(hour, "spo2", 97)
    for hour in (5, 29, 53, 77):
        p.saw(hour, "ice_score", 10)
    p.saw(onset + 1, "acetaminophen", 1000)
    p.state(CRS, 0, onset, 0, 0)
    p.state(CRS, onset, last, 1, 1, criteria=["fever"], evidence=[hot], episode=1)
    p.state(CRS, last, 100, 0, 0)
    p.episode(CRS, onset, last, 1, 1, onset, exposure="teclistamab")
    p.state(ICANS, 0, 5, 0, 4, missing=["ice_score", "consciousness"])
    p.state(ICANS, 5, 100, 0, 0, flags=["awake_assumed"])
    return p


def died() -> Patient:
    """Death of another cause before any CRS."""
    p = Patient("P-005", T0 + 20 * DAY_US)
    p.saw(0, "car_t_infusion", text="axicabtagene_ciloleucel")
    for hour in range(2, 50, 6):
        p.saw(hour, "body_temperature", 36.8)
        p.saw(hour, "systolic_bp", 110)
    p.saw(50, "death", text="infection")
    p.state(CRS, 0, 50, 0, 0)
    p.state(ICANS, 0, 50, 0, 4, missing=["ice_score", "consciousness"])
    return p


def no_trigger(name: str = "P-006") -> Patient:
    """No trigger in the record: findings, no grade."""
    p = Patient(name, T0 + 30 * DAY_US)
    hot = p.saw(0, "body_temperature", 38.9)
    press = p.saw(3, "norepinephrine", 0.1, until=20)
    for hour in range(4, 40, 4):
        p.saw(hour, "body_temperature", 38.1)
        p.saw(hour, "mean_arterial_pressure", 62)
    common = {"missing": ["no_trigger"], "flags": ["no_trigger"]}
    p.state(CRS, 0, 3, None, None, criteria=["fever"], evidence=[hot], **common)
    p.state(CRS, 3, 20, None, None, criteria=["fever", "vasopressor"], evidence=[hot, press], **common)
    p.state(CRS, 20, 48, None, None, criteria=["fever", "hypotension"], **common)
    p.state(ICANS, 0, 48, None, None, **common)
    return p


def sample(extra: Iterable[Patient] = ()) -> ReportData:
    """The whole run."""
    people = [
        severe(),
        unknown_flow(),
        mild("P-003", 12, 20, 60),
        mild("P-004", 15, 40, 70),
        died(),
        no_trigger(),
        *extra,
    ]
    return made_of(people)


def made_of(people: Iterable[Patient]) -> ReportData:
    """A run of these patients, with rejects, a ledger and reported grades besides."""
    crowd = list(people)
    rows = [row for person in crowd for row in person.observations]
    observations = [{"row": number} | row for number, row in enumerate(rows, start=1)]
    return ReportData(
        timeline=pl.DataFrame([row for person in crowd for row in person.timeline], schema=TIMELINE.schema),
        episodes=pl.DataFrame([row for person in crowd for row in person.episodes], schema=EPISODES.schema),
        observations=pl.DataFrame(observations, schema=OBSERVATIONS.schema),
        patients=pl.DataFrame({"patient": [person.name for person in crowd]}, schema_overrides=PATIENTS.schema),
        rejects=pl.DataFrame(_REJECTS, schema=REJECTS.schema),
        ledger=pl.DataFrame(_LEDGER, schema=LEDGER.schema),
        concordance=pl.DataFrame(_CONCORDANCE, schema=CONCORDANCE.schema, orient="row"),
        run={
            "software": "0.1.0",
            "knowledge": "2026.1",
            "inputs": [
                {
                    "file": "ward.csv",
                    "read": len(rows) + 22,
                    "used": len(rows),
                    "superseded": 4,
                    "ignored": 15,
                    "rejected": 3,
                }
            ],
            "patients": len(crowd),
            "seconds": 0.8,
            "peak_mib": 140.0,
            "arguments": {"inputs": ["ward.csv"], "scales": [CRS, ICANS], "as_of": None, "strict": False},
        },
    )


_REJECTS = [
    {
        "row": 17,
        "source": "ward.csv:18",
        "patient": "P-002",
        "concept": "mean_arterial_pressure",
        "value": "-19",
        "rule": "implausible_value",
        "reason": "-19 mm[Hg] lies outside 10 to 250 mm[Hg].",
        "hint": "Correct the value, or remove the row.",
    },
    {
        "row": 31,
        "source": "ward.csv:32",
        "patient": "P-003",
        "concept": "crp",
        "value": "12 stone",
        "rule": "unknown_unit",
        "reason": "The unit `stone` is not accepted for crp.",
        "hint": "Give mg/L or mg/dL.",
    },
    {
        "row": 33,
        "source": "ward.csv:34",
        "patient": "P-003",
        "concept": "body_temperature",
        "value": "988",
        "rule": "implausible_value",
        "reason": "988 Cel lies outside 25 to 45 Cel.",
        "hint": "Correct the value or its unit.",
    },
]
_LEDGER = [
    {"file": "ward.csv", "fate": "used", "reason": "", "rows": 240},
    {"file": "ward.csv", "fate": "superseded", "reason": "same time, another row was kept", "rows": 4},
    {"file": "ward.csv", "fate": "ignored", "reason": "height is not needed", "rows": 15},
    {"file": "ward.csv", "fate": "rejected", "reason": "implausible_value", "rows": 2},
]
_CONCORDANCE = [
    ("P-001", CRS, "worst", None, 4, 4, 4, "agree", None),
    ("P-002", CRS, "worst", None, 2, 2, 3, "compatible", None),
    ("P-003", CRS, "worst", None, 1, 1, 1, "agree", None),
    ("P-004", CRS, "worst", None, 2, 1, 1, "differ", "reported 1 above derived"),
    ("P-005", CRS, "worst", None, 0, 0, 0, "agree", None),
    ("P-006", CRS, "worst", None, 3, None, None, "not_comparable", "no trigger in the record"),
    ("P-001", CRS, "day", 1, 2, 3, 3, "differ", "reported 1 below derived"),
    ("P-001", CRS, "day", 2, 4, 4, 4, "agree", None),
    ("P-001", CRS, "day", 3, 2, 2, 2, "agree", None),
    ("P-003", CRS, "day", 1, 1, 1, 1, "agree", None),
    ("P-003", CRS, "day", 3, 0, 0, 0, "agree", None),
    ("P-006", CRS, "day", 0, 3, None, None, "not_comparable", "no trigger in the record"),
]
