"""Random patients for the twin test: small, dirty, and close to every edge of the rules.

Values sit on and around the cut-offs, times on a coarse grid so that they collide, and distances at exactly the hours
that the rules speak of. The same seed gives the same patients.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl

from cytowatch.knowledge import load
from cytowatch.schema import OBSERVATIONS, PATIENTS

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001  (UTC by agreement, only its distance from 1970 is used)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001

Pool = tuple[Any, ...]

RATES: Pool = (None, 0.0, 0.0, 0.01, 0.05, 0.1, 1.0)
DOSES: Pool = (None, 0.0, 1.0, 8.0, 10.0, 400.0, 650.0)
TABLETS: Pool = (None, 0.0, 1.0, 8.0, 10.0)
PRODUCTS: Pool = ("axicabtagene_ciloleucel", "tisagenlecleucel", "teclistamab", "blinatumomab", "trial_product")
ATTRIBUTIONS: Pool = (
    "crs",
    "crs",
    "crs",
    "infection",
    "sepsis",
    "cardiac",
    "sedation",
    "bleeding",
    "procedure",
    "other",
)
DEVICES: Pool = (
    "room_air", "room_air", "nasal_cannula", "nasal_cannula", "nasal_cannula", "blow_by", "simple_mask",
    "venturi_mask", "non_rebreather", "oxygen_mask", "high_flow_nasal_cannula", "cpap", "bipap",
    "invasive_ventilation", "tracheostomy_collar", "ecmo", "other",
)  # fmt: skip
REASONS: Pool = ("crs_hypoxia", "home_baseline", "sleep_apnea", "airway_protection", "procedure", "comfort")

# Numbers by concept, with the canonical unit.
NUMBERS: dict[str, tuple[Pool, str]] = {
    "body_temperature": ((36.5, 37.0, 37.9, 38.0, 38.0, 38.1, 39.2), "Cel"),
    "systolic_bp": ((55.0, 59.0, 60.0, 69.0, 70.0, 77.0, 78.0, 85.0, 89.0, 90.0, 91.0, 120.0), "mm[Hg]"),
    "mean_arterial_pressure": ((50.0, 64.0, 64.0, 65.0, 65.0, 66.0, 80.0), "mm[Hg]"),
    "papilledema_stage": ((0.0, 0.0, 1.0, 2.0, 5.0), "{score}"),
    "spo2": ((80.0, 89.0, 90.0, 98.0), "%"),
    "heart_rate": ((60.0, 130.0), "/min"),
    "oxygen_flow": ((0.0, 0.0, 0.5, 2.0, 6.0, 6.1, 7.0, 40.0), "L/min"),
    "fio2": ((0.21, 0.21, 0.22, 0.4, 1.0), "1"),
    "ice_score": ((0.0, 1.0, 2.0, 3.0, 6.0, 6.5, 7.0, 9.0, 10.0, 10.0), "{score}"),
    "capd_score": ((0.0, 0.0, 1.0, 8.0, 9.0, 20.0), "{score}"),
    "ice_year": ((0.0, 1.0, 1.0), "{score}"),
    "ice_month": ((0.0, 1.0, 1.0), "{score}"),
    "ice_city": ((0.0, 1.0, 1.0), "{score}"),
    "ice_hospital": ((0.0, 1.0, 1.0), "{score}"),
    "ice_naming": ((0.0, 1.0, 2.0, 3.0, 3.0), "{score}"),
    "ice_command": ((0.0, 1.0, 1.0), "{score}"),
    "ice_writing": ((0.0, 1.0, 1.0), "{score}"),
    "ice_attention": ((0.0, 1.0, 1.0), "{score}"),
    "crp": ((0.1, 150.0), "mg/L"),
    "ferritin": ((500.0, 12000.0), "ug/L"),
    "il_6": ((5.0, 1500.0), "pg/mL"),
    "norepinephrine": (RATES, "ug/kg/min"),
    "epinephrine": (RATES, "ug/kg/min"),
    "dopamine": (RATES, "ug/kg/min"),
    "phenylephrine": (RATES, "ug/kg/min"),
    "angiotensin_ii": (RATES, "ng/kg/min"),
    "vasopressin": ((None, 0.0, 0.03, 0.04), "[IU]/min"),
    "dobutamine": (RATES, "ug/kg/min"),
    "milrinone": (RATES, "ug/kg/min"),
    "acetaminophen": (DOSES, "mg"),
    "ibuprofen": (DOSES, "mg"),
    "tocilizumab": (DOSES, "mg"),
    "siltuximab": (DOSES, "mg"),
    "anakinra": (DOSES, "mg"),
    "emapalumab": (DOSES, "mg"),
    "ruxolitinib": (TABLETS, "mg"),
    "dexamethasone": (TABLETS, "mg"),
    "methylprednisolone": (DOSES, "mg"),
    "prednisone": (TABLETS, "mg"),
    "hydrocortisone": (DOSES, "mg"),
    "levetiracetam": (DOSES, "mg"),
}
# when the watch ends, after the last row
ENDS = (0, 0, HOUR, DAY, -HOUR)
# Categories by concept.
TEXTS: dict[str, Pool] = {
    "oxygen_device": DEVICES,
    "oxygen_reason": REASONS,
    "attribution": ATTRIBUTIONS,
    "attribution_fever": ATTRIBUTIONS,
    "attribution_hypotension": ATTRIBUTIONS,
    "attribution_hypoxia": ATTRIBUTIONS,
    "attribution_neuro": ATTRIBUTIONS,
    "consciousness": ("awake", "awake", "to_voice", "to_touch", "unarousable"),
    "sedated": ("yes", "no"),
    "seizure": ("none", "none", "brief", "prolonged", "repetitive"),
    "eeg_seizure": ("none", "resolved", "repetitive"),
    "motor_weakness": ("none", "focal"),
    "cerebral_edema": ("none", "focal", "diffuse"),
    "raised_icp_sign": ("none", "posturing", "cranial_nerve_vi_palsy", "papilledema", "cushing_triad"),
    "intracranial_hemorrhage": ("none", "present"),
    "global_aphasia": ("none", "present"),
    "symptom": ("headache", "seizure", "sleepiness", "weakness"),
    "unread_finding": ("seizure", "consciousness", "cerebral_edema", "intracranial_hemorrhage"),
    "watch_ended": ("discharged", "transferred", "record_ended"),
    "death": ("crs", "icans", "unknown", "progression", "infection", "other"),
    "car_t_infusion": PRODUCTS,
    "t_cell_engager_dose": PRODUCTS,
    "antibody_infusion": ("trial_antibody", "rituximab"),
    "infection_onset": ("influenza",),
}
TRIGGERS = (
    "car_t_infusion", "car_t_infusion", "t_cell_engager_dose", "t_cell_engager_dose", "antibody_infusion",
    "infection_onset",
)  # fmt: skip
CATECHOLAMINES = ("norepinephrine", "epinephrine", "dopamine", "phenylephrine", "angiotensin_ii")
PRESSORS = (*CATECHOLAMINES, "norepinephrine", "vasopressin", "vasopressin", "dobutamine", "milrinone")
INFUSIONS = frozenset(PRESSORS)
WAIVERS = (
    "acetaminophen", "acetaminophen", "ibuprofen", "tocilizumab", "tocilizumab", "siltuximab", "anakinra",
    "emapalumab", "ruxolitinib", "dexamethasone", "methylprednisolone", "prednisone", "hydrocortisone",
)  # fmt: skip
ITEMS = tuple(concept for concept in NUMBERS if concept.startswith("ice_") and concept != "ice_score")
EXCEPTIONS = (
    "seizure", "eeg_seizure", "motor_weakness", "cerebral_edema", "raised_icp_sign", "intracranial_hemorrhage",
    "papilledema_stage", "symptom", "unread_finding",
)  # fmt: skip
OTHERS = ("crp", "ferritin", "il_6", "spo2", "heart_rate", "symptom", "global_aphasia", "levetiracetam")
PRESSURES = ("systolic_bp", "systolic_bp", "mean_arterial_pressure")
OXYGEN = ("oxygen_device", "oxygen_device", "oxygen_device", "oxygen_flow", "oxygen_flow", "fio2", "oxygen_reason")
SCORES = ("ice_score", "ice_score", "capd_score", "consciousness", "consciousness", "sedated")
SAID = (
    "attribution", "attribution_fever", "attribution_hypotension", "attribution_hypoxia", "attribution_neuro",
)  # fmt: skip
FEVER = ("body_temperature",)

# What a patient is about: groups of concepts, repeated by weight.
THEMES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (FEVER, FEVER, PRESSURES, PRESSORS, PRESSORS, OXYGEN, WAIVERS, SAID),
    (FEVER, FEVER, FEVER, WAIVERS, PRESSURES, OTHERS),
    (FEVER, PRESSORS, PRESSORS, PRESSORS, PRESSURES),
    (FEVER, ("norepinephrine", "vasopressin"), PRESSURES),
    (FEVER, OXYGEN, OXYGEN, OXYGEN, OXYGEN, SAID),
    (FEVER, ("oxygen_device", "oxygen_flow"), ("oxygen_reason",)),
    (FEVER, PRESSURES, SAID, OXYGEN),
    (SCORES, SCORES, ITEMS, EXCEPTIONS, ("attribution_neuro", "attribution")),
    (SCORES, EXCEPTIONS, EXCEPTIONS),
    (ITEMS, ITEMS, ("ice_score", "capd_score")),
    (FEVER, PRESSURES, PRESSORS, OXYGEN, WAIVERS, SAID, SCORES, ITEMS, EXCEPTIONS, OTHERS),
    (FEVER, OTHERS),
)
GRIDS = (HOUR, HOUR, HOUR, HOUR // 2, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, DAY - MINUTE)
LENGTHS = (DAY, 2 * DAY, 3 * DAY, 3 * DAY, 5 * DAY, 10 * DAY, 35 * DAY, 60 * DAY)
STEPS = (0, 1, -1, HOUR, 8 * HOUR, 8 * HOUR, 8 * HOUR - 1, DAY, DAY, DAY + 1, DAY - MINUTE, DAY - 1, 2 * DAY)
LASTING = (1, HOUR // 2, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, DAY, DAY + HOUR, 36 * HOUR, 3 * DAY)
DELAYS = (0, HOUR, 12 * HOUR, DAY, 2 * DAY)
AGES: Pool = (
    None, None, 0.0, 0.02, 0.07, 0.08, 0.5, 0.99, 1.0, 4.0, 4.0, 10.9, 11.0, 11.9, 12.0, 17.0, 17.9,
    18.0, 40.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0,
)  # fmt: skip
BORN_DAYS_BEFORE = (0, 1, 28, 29, 30, 365, 366, 1461, 4017, 4018, 4383, 4384, 6574, 6575, 20000)
COMPARATORS = ("<", "<=", ">", ">=")
# What is charted on each round, a normal finding, and how often something else is found.
ROUNDS = (
    ("body_temperature", "systolic_bp"),
    ("body_temperature", "systolic_bp", "mean_arterial_pressure"),
    ("body_temperature", "systolic_bp", "oxygen_device"),
    ("ice_score", "consciousness"),
    ("ice_score",),
    ("capd_score", "consciousness"),
    ("body_temperature", "systolic_bp", "ice_score", "capd_score", "consciousness"),
)
WELL: dict[str, tuple[float | None, str | None]] = {
    "body_temperature": (37.0, None),
    "systolic_bp": (120.0, None),
    "mean_arterial_pressure": (80.0, None),
    "oxygen_device": (None, "room_air"),
    "ice_score": (10.0, None),
    "capd_score": (0.0, None),
    "consciousness": (None, "awake"),
}
ILL = (0.02, 0.05, 0.1, 0.3)
# how often a row of a concept has an end of its own
ENDED = {
    **dict.fromkeys(INFUSIONS, 0.45), "oxygen_device": 0.3, "sedated": 0.4, **dict.fromkeys(SAID, 0.4),
    **dict.fromkeys(EXCEPTIONS, 0.3), "oxygen_reason": 0.3, **dict.fromkeys(WAIVERS, 0.1),
}  # fmt: skip


class Maker:
    """Makes the rows of one patient after another, column by column."""

    def __init__(self, seed: int, clock: str) -> None:
        self.random = Random(seed)  # noqa: S311  (patients, not secrets)
        self.chance: Callable[[], float] = self.random.random
        self.clock = clock
        self.rows: list[tuple[Any, ...]] = []
        self.patients: list[dict[str, Any]] = []

    def pick(self, pool: Any) -> Any:
        """One of the pool, each as likely."""
        return pool[int(self.chance() * len(pool))]

    def patient(self, name: str) -> None:
        """One patient with everything charted."""
        base = self._base()
        length, grid = self.pick(LENGTHS), self.pick(GRIDS)
        first = len(self.rows)
        times: list[int] = []
        self._triggers(name, base, grid)
        if self.chance() < 0.35:
            self._rounds(name, base)
        groups = self.pick(THEMES)
        for _ in range(self._size()):
            time = self._time(base, length, grid, times)
            times.append(time)
            self._row(name, time, self.pick(self.pick(groups)))
            if self.chance() < 0.1:
                self._spoil(first)
        if self.chance() < 0.12:
            self._row(name, self._time(base, length, grid, times), "death")
        self._end_of_watch(name, self.rows[first:])
        if self.chance() < 0.9:
            self.patients.append(self._subject(name, base))

    def _end_of_watch(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Of some the watch ends, about when the last row is; by the name, so that nothing else is drawn otherwise."""
        drawn = zlib.crc32(name.encode())
        if rows and drawn % 8 == 0:
            time = max(row[2] for row in rows) + ENDS[drawn // 8 % len(ENDS)]
            text = TEXTS["watch_ended"][drawn % len(TEXTS["watch_ended"])]
            self.rows.append((
                len(self.rows), name, time, None, None, "watch_ended", None, None, None, text, "chart", "final",
            ))  # fmt: skip

    def _base(self) -> int:
        if self.clock == "hours":
            return int(self.pick((0, 0, -DAY, DAY)))
        start = FIRST_DAY + timedelta(days=int(self.chance() * 500))
        return (start - EPOCH) // timedelta(microseconds=1)

    def _size(self) -> int:
        chance = self.chance()
        if chance < 0.2:
            return int(self.chance() * 3) + 1
        return int(self.chance() * 12) + 3 if chance < 0.5 else int(self.chance() * 70) + 10

    def _triggers(self, name: str, base: int, grid: int) -> None:
        chance = self.chance()
        if chance < 0.12:
            return
        # a trigger after some rows leaves a history before it
        time = base + self.pick((0, 0, 0, 12 * HOUR, DAY, DAY, 2 * DAY, 3 * grid))
        self._row(name, time, self.pick(TRIGGERS))
        if chance < 0.4:
            for _ in range(int(self.chance() * 3) + 1):
                time += self.pick((0, HOUR, 3 * DAY, 7 * DAY, 21 * DAY, 30 * DAY, 40 * DAY))
                self._row(name, time, self.pick(TRIGGERS))

    def _rounds(self, name: str, base: int) -> None:
        """Regular rounds, mostly normal, so that grades are known and episodes end and come back."""
        step, concepts, ill = self.pick((2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR)), self.pick(ROUNDS), self.pick(ILL)
        for number in range(int(self.chance() * 16) + 2):
            for concept in concepts:
                if self.chance() < 0.95:
                    self._row(name, base + number * step, concept)
                    if concept in WELL and self.chance() > ill:
                        value, text = WELL[concept]
                        self.rows[-1] = (*self.rows[-1][:6], value, *self.rows[-1][7:9], text, *self.rows[-1][10:])

    def _time(self, base: int, length: int, grid: int, times: list[int]) -> int:
        chance = self.chance()
        if times and chance < 0.3:
            return int(self.pick(times)) + int(self.pick(STEPS))
        time = base + int(self.chance() * (length // grid + 1)) * grid
        return time + (1 if chance > 0.985 else -1) if chance > 0.97 else time

    def _row(self, name: str, time: int, concept: str) -> None:
        chance = self.chance
        pool, unit = NUMBERS.get(concept, ((None,), None))
        value = self.pick(pool)
        comparator = self.pick(COMPARATORS) if value is not None and chance() < 0.05 else None
        text = self.pick(TEXTS[concept]) if concept in TEXTS else None
        if concept == "t_cell_engager_dose":
            value, unit, text = 1.5, "mg", text if chance() < 0.9 else None
        until = time + self.pick(LASTING) if chance() < ENDED.get(concept, 0.03) else None
        available = time + self.pick(DELAYS) if chance() < 0.08 else None
        number = len(self.rows)
        source = f"s{number}" if chance() < 0.96 else self.pick(("chart", "monitor", "é"))
        status = "final" if chance() < 0.95 else self.pick(("preliminary", "amended"))
        self.rows.append((
            number, name, time, until, available, concept, value, None if value is None else unit,
            comparator, text, source, status,
        ))  # fmt: skip
        self._doubt()

    def _doubt(self) -> None:
        """Now and then makes of the last row what admission hands on of a row that it could not read."""
        row = list(self.rows[-1])
        if row[5] == "body_temperature" and zlib.crc32(f"{row[1]} {row[0]}".encode()) % 12 == 0:
            # by the name, so that nothing else is drawn otherwise
            row[6:9] = [25.0, "Cel", ">="]
            self.rows[-1] = tuple(row)
        kind = load().concepts[row[5]].kind
        if kind in ("infusion", "device", "dose") and self.chance() < 0.05:
            row[6:10] = [None, None, ">=", "other"] if kind == "device" else [0.0, None, ">=", None]
            self.rows[-1] = tuple(row)

    def _spoil(self, first: int) -> None:
        """Repeats a row of the patient with something changed, or takes one back."""
        number = len(self.rows)
        row = list(self.rows[first + int(self.chance() * (number - first))])
        row[0] = number
        row[10] = f"s{number}" if self.chance() < 0.8 else row[10]
        chance = self.chance()
        if chance < 0.2:
            row[10:12] = [self.pick(self.rows[first:number])[10], "entered-in-error"]
        elif chance < 0.4:
            row[11] = self.pick(("amended", "preliminary", "final"))
        elif chance < 0.5:
            row[4] = row[2] + self.pick(DELAYS)
        elif chance < 0.6:
            row[3] = row[2] + self.pick(LASTING)
        elif chance < 0.7 and row[6] is not None:
            row[8] = self.pick((None, *COMPARATORS))
        self._change(row)
        self.rows.append(tuple(row))

    def _change(self, row: list[Any]) -> None:
        if self.chance() < 0.5 and row[5] in NUMBERS:
            pool, unit = NUMBERS[row[5]]
            row[6] = self.pick(pool)
            row[7] = None if row[6] is None else unit
            row[8] = None if row[6] is None else row[8]
        elif self.chance() < 0.7 and row[5] in TEXTS:
            row[9] = self.pick(TEXTS[row[5]])

    def _subject(self, name: str, base: int) -> dict[str, Any]:
        chance = self.chance
        born = self._birth_date(base) if self.clock == "time" and chance() < 0.15 else None
        return {
            "patient": name,
            "age_years": None if born and chance() < 0.8 else self.pick(AGES),
            "birth_date": born,
            "sex": self.pick(("female", "male", None)),
            "developmental_delay": self.pick((None, None, None, None, False, True)),
            "sbp_threshold": self.pick((80.0, 90.0, 100.0)) if chance() < 0.06 else None,
            "baseline_oxygen_device": self.pick(DEVICES) if chance() < 0.1 else None,
            "baseline_ice": self.pick((10.0, 9.0, 8.0, 7.0, 6.0, 3.0, 2.0, 0.0)) if chance() < 0.3 else None,
        }

    def _birth_date(self, base: int) -> date:
        today = (EPOCH + timedelta(microseconds=base)).date()
        return today - timedelta(days=self.pick(BORN_DAYS_BEFORE))


def random_patients(count: int, seed: int, *, clock: str = "time") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Admitted rows and patients tables of ``count`` random patients, as declared in ``schema``.

    ``clock`` is ``time`` (microseconds since 1970) or ``hours`` (microseconds since the file's zero). ``row`` is
    unique over the whole frame; rows are in no order of time.
    """
    maker = Maker(seed, clock)
    for number in range(count):
        maker.patient(f"r{seed}-{number:06d}")
    return as_tables(maker)


def as_tables(maker: Maker) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a maker made, as the tables of ``schema``; limits of normal are empty where it makes none."""
    names = OBSERVATIONS.names[: len(maker.rows[0])]
    kinds = {name: OBSERVATIONS.schema[name] for name in names}
    observations = pl.DataFrame(maker.rows, schema=kinds, orient="row")
    rest = [pl.lit(None, kind).alias(name) for name, kind in OBSERVATIONS.schema.items() if name not in kinds]
    return observations.with_columns(rest), pl.DataFrame(maker.patients, schema=PATIENTS.schema)
