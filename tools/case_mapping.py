"""How each event of the six published case timelines becomes rows of the canonical table: by hand, event by event.

Every event is named by its place in the file (from 1) and either mapped or left out with a reason; nothing is filled in
that the source does not print. docs/explanation/case-timelines.md tells the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class To:
    """An event as one row: value and unit are the printed ones unless ``amount`` is False, or replaced here."""

    concept: str
    text: str = ""
    until_day: float | None = None
    amount: bool = True
    part: int | None = None  # which number of a printed pair such as 66/41
    value: str | None = None
    unit: str | None = None
    day: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Left:
    """An event that gives no row, and why."""

    why: str


@dataclass(frozen=True)
class Case:
    """One case: rows that stand for its trigger, and what becomes of each of its events."""

    triggers: tuple[tuple[float, str, str, str], ...]  # day, concept, text, where it is said
    events: dict[int, tuple[To, ...] | Left] = field(default_factory=dict)


def _to(concept: str, **how: object) -> tuple[To, ...]:
    return (To(concept, **how),)  # type: ignore[arg-type]


def _device(category: str, **how: object) -> tuple[To, ...]:
    return (To("oxygen_device", text=category, amount=False, **how),)  # type: ignore[arg-type]


def _unmeasured(concept: str, **how: object) -> tuple[To, ...]:
    """A drug that is named without an amount that the concept's unit could take."""
    return (To(concept, amount=False, **how),)  # type: ignore[arg-type]


_PRESSURE = (To("systolic_bp", part=0), To("diastolic_bp", part=1))
_NO_DAY = Left("no day is printed, so it cannot be placed")
_NO_CONCEPT = "no loaded table needs it"
_NO_NUMBER = Left("no temperature is printed, only words")

CASES: dict[str, Case] = {
    "PMC9294929": Case(
        triggers=(
            (0, "antibody_infusion", "ipilimumab", "day 0 = first dose of both drugs"),
            (0, "antibody_infusion", "nivolumab", "day 0 = first dose of both drugs"),
        ),
        events={
            1: _to("body_temperature"),
            2: _PRESSURE,
            3: _to("spo2"),
            4: _device("bipap"),
            5: _to("creatinine"),
            6: _to("alt"),
            7: _to("ast"),
            8: _to("lactate"),
            9: _to("crp"),
            10: _to("white_cells"),
            11: _unmeasured("norepinephrine"),
            12: _unmeasured("epinephrine", note="added later, the hour is not printed"),
            13: _unmeasured("vasopressin", note="added later, the hour is not printed"),
            14: _unmeasured("methylprednisolone", note="1 mg/kg, no weight is printed"),
            15: _device("invasive_ventilation"),
            16: _to("il_6", unit="pg/dL", note="unit as printed; the reference is in pg/mL"),
            17: _to("tnf_alpha", unit="pg/dL", note="unit as printed; the reference is in pg/mL"),
            18: _unmeasured("tocilizumab", note="8 mg/kg, no weight is printed; first of 4 doses"),
            19: _NO_DAY,
        },
    ),
    "PMC7188439": Case(
        triggers=(),
        events={
            1: _NO_NUMBER,
            2: _PRESSURE,
            3: _to("heart_rate"),
            4: _to("respiratory_rate"),
            5: _to("spo2"),
            6: Left("100 mL/kg over 24 h: no weight is printed, and no single bolus"),
            7: _unmeasured("epinephrine"),
            8: _unmeasured("norepinephrine"),
            9: _unmeasured("vasopressin"),
            10: Left(f"vasoactive-inotropic score: {_NO_CONCEPT}"),
            11: _device("invasive_ventilation", until_day=10, note="until extubation on day 10"),
            12: Left(f"blood culture: {_NO_CONCEPT}; no attribution is dated in the transcription"),
            13: _to("lactate"),
            14: _to("troponin"),
            15: _to("creatinine"),
            16: _to("inr"),
            17: _to("ast"),
            18: _to("bilirubin"),
            19: _device("ecmo", until_day=6, note="until ECMO stop on day 6"),
            20: Left("the end of event 19"),
            21: Left("the end of event 11"),
            22: _to("car_t_infusion", text="tisagenlecleucel"),
            23: _NO_DAY,
        },
    ),
    "PMC7437943": Case(
        triggers=((1, "infection_onset", "covid_19", "day 1 = hospital admission; the class is COVID-19"),),
        events={
            1: _device("invasive_ventilation"),
            2: _to("norepinephrine", until_day=9, note="largest rate of the course; stopped by day 9"),
            3: _to("vasopressin", unit="U/min", until_day=3, note="largest rate of the course; stopped on day 3"),
            4: Left(f"renal replacement: {_NO_CONCEPT}"),
            5: _to("il_6"),
            6: _to("d_dimer", note="FEU or DDU is not printed"),
            7: _to("ferritin"),
            8: _to("ldh"),
            9: _to("ast"),
            10: Left(f"HScore as printed: {_NO_CONCEPT}"),
            11: _to("tocilizumab"),
            12: _unmeasured("hydrocortisone", until_day=6, note="days 2 to 5"),
        },
    ),
    "PMC8607000": Case(
        triggers=((1, "infection_onset", "covid_19", "ICU day 1; the class is COVID-19"),),
        events={
            1: (
                To("spo2"),
                To("oxygen_device", text="non_rebreather", amount=False, note="15 L/min reservoir mask"),
                To("oxygen_flow", value="15", unit="L/min", note="15 L/min reservoir mask"),
            ),
            2: _to("lymphocytes"),
            3: _to("ferritin"),
            4: _device("high_flow_nasal_cannula", note="high-flow oxygen, the interface is not printed"),
            5: _to("tocilizumab"),
            6: _unmeasured("tocilizumab", note="second dose"),
            7: _device("invasive_ventilation", until_day=10, note="until extubation on day 10"),
            8: Left("the end of event 7"),
        },
    ),
    "PMC7747365": Case(
        triggers=((0, "infection_onset", "covid_19", "day 0 = ICU transfer; the class is COVID-19"),),
        events={
            1: _to("body_temperature"),
            2: _PRESSURE,
            3: _to("heart_rate"),
            4: (
                To("spo2"),
                To(
                    "oxygen_device",
                    text="invasive_ventilation",
                    amount=False,
                    until_day=16,
                    note="mechanically ventilated, until extubation on day 16",
                ),
            ),
            5: _to("white_cells"),
            6: _to("ldh"),
            7: _to("crp"),
            8: _to("ferritin", unit="ng/dL", note="unit as printed; the reference is 30-400"),
            9: _to("il_6"),
            10: _to("procalcitonin"),
            11: tuple(
                To("dexamethasone", day=day, value="20" if day < 7 else "10", unit="mg", note="mg a day, by the day")
                for day in range(5, 13)
            ),
            12: _to("tocilizumab"),
            13: _NO_NUMBER,
            14: _to("body_temperature"),
            15: _device("bipap", note="later nasal cannula, the hour is not printed"),
            16: _to("body_temperature"),
        },
    ),
    "PMC5380244": Case(
        triggers=(),
        events={
            1: _unmeasured("symptom", text="8 days of fever, nausea, vomiting, edema, ascites", note="no number"),
            2: _to("hemoglobin"),
            3: _to("platelets"),
            4: _to("albumin"),
            5: _to("crp"),
            6: _to("il_6"),
        },
    ),
}
