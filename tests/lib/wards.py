"""Small wards for what several scales say beside each other: joint state, findings, discordance.

A ward is charted as the worked patients are (``cases.py``), with a column ``patient`` before the others. What must come
out stands as text tables again; of the tables that a ward names every row must be there, and no other. Rows come in the
order of their first columns; ``?`` in the first line leaves a column out.
"""

# ruff: noqa: E501  (charts are text tables: a row is a line)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
from tests.lib import cases, tables

from cytowatch.engine.apply import grade_observations
from cytowatch.knowledge import load

ORDER = {
    "joint": ("patient", "start"),
    "findings": ("patient", "kind", "finding", "start"),
    "discordance": ("basis", "scale_a", "scale_b", "grade_a", "grade_b"),
}
LANES = ("crs", "icans", "iec_hs", "icaht")
EVERYONE = "everyone"


@dataclass(frozen=True)
class Ward:
    """Some patients, the scales they are graded on, and what must come out; ``expected``: table to text table."""

    id: str
    why: str
    scales: tuple[str, ...]
    charted: str
    expected: dict[str, str]
    look_alikes: bool = False


def people(ward: Ward) -> list[cases.Case]:
    """Each patient of a ward as a case of its own."""
    rows = cases.cells(ward.charted)
    names = [name for name in dict.fromkeys(row["patient"] for row in rows) if name != EVERYONE]
    return [
        cases.Case(
            id=name, title="", why="", source="house", locator="", evidence="house", edition="", file=ward.id,
            charted=_without_patient([row for row in rows if row["patient"] in (name, EVERYONE)]),
            patient={"age_years": 60},
        )
        for name in names
    ]  # fmt: skip


def _without_patient(rows: cases.Rows) -> str:
    names = [name for name in rows[0] if name != "patient"]
    return "\n".join(" | ".join(row) for row in [names, *([row[name] for name in names] for row in rows)])


@cache
def admitted(ward: str) -> pl.DataFrame:
    """The rows of a ward after admission with the tables as they are."""
    return cases.admitted(people(WARDS[ward]), load())


def graded(ward: Ward, grade: Callable[..., Any] = grade_observations) -> dict[str, cases.Rows]:
    """What a ward's tables say, as text."""
    answer = grade(
        admitted(ward.id), cases.people(people(ward)), load(), list(ward.scales), clock="hours",
        look_alikes=ward.look_alikes,
    )  # fmt: skip
    return {name: _shown(getattr(answer, name).sort(ORDER[name], nulls_last=True), name) for name in ward.expected}


def _shown(frame: pl.DataFrame, name: str) -> cases.Rows:
    return [{key: _cell(key, row) for key in _columns(name)} for row in frame.iter_rows(named=True)]


def _columns(name: str) -> list[str]:
    return {
        "joint": ["patient", "from", "to", *LANES],
        "findings": ["patient", "kind", "finding", "from", "to", "state", "facts", "missing", "evidence"],
        "discordance": ["basis", "scale_a", "scale_b", "grade_a", "grade_b", "patients"],
    }[name]


def _cell(key: str, row: dict[str, Any]) -> str:
    if key in LANES:
        low, high = row[f"{key}_at_least"], row[f"{key}_at_most"]
        return "-" if low is None else str(low) if low == high else f"{low}..{high}"
    value = row[{"from": "start", "to": "end"}.get(key, key)]
    if value is None or value == []:
        return "-"
    if key in ("from", "to"):
        return tables.written(value)
    return " ".join(value) if isinstance(value, list) else str(value)


def differences(ward: Ward, grade: Callable[..., Any] = grade_observations) -> list[cases.Difference]:
    """What of a ward's expectations does not hold."""
    found = []
    for name, rows in graded(ward, grade).items():
        expected = cases.cells(ward.expected[name])
        kept = [cell.strip() for cell in ward.expected[name].strip().splitlines()[0].split("|")]
        shown = [{key: row[key] for key in kept} for row in rows]
        if shown != expected:
            found.append(cases.Difference(ward.id, name, expected, shown))
    return found


ORDER_OF_TOXICITIES = Ward(
    id="order of toxicities",
    why="Patients after cells: which toxicity came first, and which go on at the same time.",
    scales=("crs.astct-2019", "icans.astct-2019", "iechs.hines-2023", "icaht.early-2023", "icaht.late-2023"),
    charted="""
patient          | hours | concept          | value      | text                    | until | low | high
everyone         | 0     | car_t_infusion   |            | axicabtagene_ciloleucel |       |     |
everyone         | -24   | ferritin         | 300 ug/L   |                         | 0     |     | 300
everyone         | 0     | iec_hs_severity  |            | none                    | 60    |     |
everyone         | 0     | neutrophils      | 2.0 10*9/L |                         | 60    |     |
everyone         | 0     | ice_score        | 10         |                         | 24    |     |
icans-alone      | 0     | body_temperature | 36.8 Cel   |                         | 60    |     |
icans-alone      | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
icans-alone      | 24    | ice_score        | 8          |                         | 36    |     |
icans-alone      | 36    | ice_score        | 10         |                         | 60    |     |
icans-unseen     | 24    | ice_score        | 8          |                         | 36    |     |
icans-unseen     | 36    | ice_score        | 10         |                         | 60    |     |
icans-after-crs  | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
icans-after-crs  | 0     | body_temperature | 38.5 Cel   |                         | 10    |     |
icans-after-crs  | 10    | body_temperature | 36.8 Cel   |                         | 60    |     |
icans-after-crs  | 24    | ice_score        | 10         |                         | 44    |     |
icans-after-crs  | 44    | ice_score        | 8          |                         | 52    |     |
icans-after-crs  | 52    | ice_score        | 10         |                         | 60    |     |
icans-during-crs | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
icans-during-crs | 0     | body_temperature | 38.5 Cel   |                         | 30    |     |
icans-during-crs | 30    | body_temperature | 36.8 Cel   |                         | 60    |     |
icans-during-crs | 24    | ice_score        | 8          |                         | 28    |     |
icans-during-crs | 28    | ice_score        | 6          |                         | 32    |     |
icans-during-crs | 32    | ice_score        | 10         |                         | 60    |     |
crs-twice        | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
crs-twice        | 0     | body_temperature | 38.5 Cel   |                         | 6     |     |
crs-twice        | 6     | body_temperature | 36.8 Cel   |                         | 48    |     |
crs-twice        | 48    | body_temperature | 38.2 Cel   |                         | 52    |     |
crs-twice        | 52    | body_temperature | 38.1 Cel   |                         | 56    |     |
crs-twice        | 56    | body_temperature | 36.8 Cel   |                         | 60    |     |
crs-twice        | 24    | ice_score        | 10         |                         | 60    |     |
crs-per-dose     | 36    | car_t_infusion   |            | axicabtagene_ciloleucel |       |     |
crs-per-dose     | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
crs-per-dose     | 0     | body_temperature | 38.5 Cel   |                         | 6     |     |
crs-per-dose     | 6     | body_temperature | 36.8 Cel   |                         | 48    |     |
crs-per-dose     | 48    | body_temperature | 38.2 Cel   |                         | 56    |     |
crs-per-dose     | 56    | body_temperature | 36.8 Cel   |                         | 60    |     |
crs-per-dose     | 24    | ice_score        | 10         |                         | 60    |     |
hs-after-crs     | 0     | body_temperature | 38.5 Cel   |                         | 20    |     |
hs-after-crs     | 20    | body_temperature | 36.8 Cel   |                         | 60    |     |
hs-after-crs     | 0     | systolic_bp      | 118 mm[Hg] |                         | 8     |     |
hs-after-crs     | 8     | systolic_bp      | 80 mm[Hg]  |                         | 12    |     |
hs-after-crs     | 12    | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
hs-after-crs     | 24    | ice_score        | 10         |                         | 60    |     |
hs-after-crs     | 40    | ferritin         | 900 ug/L   |                         | 60    |     | 300
hs-after-crs     | 40    | fibrinogen       | 1.0 g/L    |                         | 60    | 2.0 | 4.0
hs-after-crs     | 40    | iec_hs_severity  |            | grade_2                 | 50    |     |
hs-after-crs     | 50    | iec_hs_severity  |            | none                    | 60    |     |
hs-before-worst  | 0     | body_temperature | 38.5 Cel   |                         | 50    |     |
hs-before-worst  | 50    | body_temperature | 36.8 Cel   |                         | 60    |     |
hs-before-worst  | 0     | systolic_bp      | 118 mm[Hg] |                         | 40    |     |
hs-before-worst  | 40    | systolic_bp      | 80 mm[Hg]  |                         | 44    |     |
hs-before-worst  | 44    | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
hs-before-worst  | 24    | ice_score        | 10         |                         | 60    |     |
hs-before-worst  | 20    | ferritin         | 900 ug/L   |                         | 60    |     | 300
hs-before-worst  | 20    | fibrinogen       | 1.0 g/L    |                         | 60    | 2.0 | 4.0
hs-before-worst  | 20    | iec_hs_severity  |            | grade_1                 | 30    |     |
hs-before-worst  | 30    | iec_hs_severity  |            | none                    | 60    |     |
hs-alone         | 0     | body_temperature | 36.8 Cel   |                         | 60    |     |
hs-alone         | 0     | systolic_bp      | 118 mm[Hg] |                         | 60    |     |
hs-alone         | 24    | ice_score        | 10         |                         | 60    |     |
hs-alone         | 20    | ferritin         | 900 ug/L   |                         | 60    |     | 300
hs-alone         | 20    | fibrinogen       | 1.0 g/L    |                         | 60    | 2.0 | 4.0
hs-alone         | 20    | iec_hs_severity  |            | grade_3                 | 30    |     |
hs-alone         | 30    | iec_hs_severity  |            | none                    | 60    |     |
""",
    expected={
        "joint": """
patient          | from | to | crs  | icans | iec_hs | icaht
crs-per-dose     | 0    | 24 | 1    | 0     | 0      | 0
crs-per-dose     | 24   | 48 | 0    | 0     | 0      | 0
crs-per-dose     | 48   | 60 | 1    | 0     | 0      | 0
crs-twice        | 0    | 24 | 1    | 0     | 0      | 0
crs-twice        | 24   | 48 | 0    | 0     | 0      | 0
crs-twice        | 48   | 60 | 1    | 0     | 0      | 0
hs-after-crs     | 0    | 8  | 1    | 0     | 0      | 0
hs-after-crs     | 8    | 12 | 2    | 0     | 0      | 0
hs-after-crs     | 12   | 36 | 1    | 0     | 0      | 0
hs-after-crs     | 36   | 40 | 0    | 0     | 0      | 0
hs-after-crs     | 40   | 50 | 0    | 0     | 2      | 0
hs-after-crs     | 50   | 60 | 0    | 0     | 0      | 0
hs-alone         | 0    | 20 | 0    | 0     | 0      | 0
hs-alone         | 20   | 30 | 0    | 0     | 3      | 0
hs-alone         | 30   | 60 | 0    | 0     | 0      | 0
hs-before-worst  | 0    | 20 | 1    | 0     | 0      | 0
hs-before-worst  | 20   | 30 | 1    | 0     | 1      | 0
hs-before-worst  | 30   | 40 | 1    | 0     | 0      | 0
hs-before-worst  | 40   | 44 | 2    | 0     | 0      | 0
hs-before-worst  | 44   | 60 | 1    | 0     | 0      | 0
icans-after-crs  | 0    | 24 | 1    | 0     | 0      | 0
icans-after-crs  | 24   | 44 | 0    | 0     | 0      | 0
icans-after-crs  | 44   | 52 | 0    | 1     | 0      | 0
icans-after-crs  | 52   | 60 | 0    | 0     | 0      | 0
icans-alone      | 0    | 24 | 0    | 0     | 0      | 0
icans-alone      | 24   | 36 | 0    | 1     | 0      | 0
icans-alone      | 36   | 60 | 0    | 0     | 0      | 0
icans-during-crs | 0    | 24 | 1    | 0     | 0      | 0
icans-during-crs | 24   | 28 | 1    | 1     | 0      | 0
icans-during-crs | 28   | 30 | 1    | 2     | 0      | 0
icans-during-crs | 30   | 32 | 0    | 2     | 0      | 0
icans-during-crs | 32   | 60 | 0    | 0     | 0      | 0
icans-unseen     | 0    | 24 | 0..2 | 0     | 0      | 0
icans-unseen     | 24   | 36 | 0..2 | 1     | 0      | 0
icans-unseen     | 36   | 60 | 0..2 | 0     | 0      | 0
""",
        "findings": """
patient          | finding               | from | to | state    | facts                           | missing
crs-twice        | biphasic_crs          | 48   | 52 | found    | crs.astct-2019                  | -
hs-after-crs     | iec_hs_as_crs_settles | 40   | 50 | found    | iechs.hines-2023 crs.astct-2019 | -
hs-alone         | iec_hs_without_crs    | 20   | 30 | found    | iechs.hines-2023 crs.astct-2019 | -
hs-before-worst  | crs_and_iec_hs        | 20   | 30 | found    | crs.astct-2019 iechs.hines-2023 | -
icans-alone      | icans_without_crs     | 24   | 36 | found    | icans.astct-2019 crs.astct-2019 | -
icans-during-crs | crs_and_icans         | 24   | 30 | found    | crs.astct-2019 icans.astct-2019 | -
icans-unseen     | icans_without_crs     | 24   | 36 | possible | icans.astct-2019 crs.astct-2019 | crs
""",
    },
)

TWO_INFUSIONS = Ward(
    id="cells twice",
    why="Cells on day 0 and again on day 35: the late part of the first and the early part of the second go on at once. Of the two the higher bound counts.",
    scales=("icaht.early-2023", "icaht.late-2023", "icans.astct-2019"),
    charted="""
patient | hours | concept        | value      | text                    | until
twice   | 0     | car_t_infusion |            | axicabtagene_ciloleucel |
twice   | 0     | neutrophils    | 2.0 10*9/L |                         | 750
twice   | 750   | neutrophils    | 1.8 10*9/L |                         | 760
twice   | 760   | neutrophils    | 1.8 10*9/L |                         | 850
twice   | 840   | car_t_infusion |            | axicabtagene_ciloleucel |
twice   | 850   | neutrophils    | 0.3 10*9/L |                         | 870
twice   | 870   | neutrophils    | 0.3 10*9/L |                         | 900
twice   | 900   | neutrophils    | 2.0 10*9/L |                         | 1000
""",
    expected={
        "joint": """
from | to   | icans | icaht
0    | 720  | 0..4  | 0
720  | 744  | -     | 0
744  | 760  | -     | 0..4
760  | 840  | -     | 0
840  | 850  | 0..4  | 0
850  | 870  | 0..4  | 1..3
870  | 1000 | 0..4  | 3
""",
    },
)

PAIRS_OF_SCALES = Ward(
    id="pairs of scales",
    why="The worst grade of each patient on three scales, and what people reported on two.",
    scales=("crs.astct-2019", "crs.mskcc-2018", "crs.ctcae-5.0", "icans.astct-2019"),
    charted="""
patient     | hours | concept          | value      | text                    | until
everyone    | 0     | car_t_infusion   |            | axicabtagene_ciloleucel |
everyone    | 0     | body_temperature | 38.6 Cel   |                         | 40
everyone    | 0     | oxygen_device    |            | room_air                | 40
fever       | 0     | systolic_bp      | 118 mm[Hg] |                         | 40
more-fever  | 0     | systolic_bp      | 118 mm[Hg] |                         | 40
more-fever  | 2     | reported_grade   | 1          | crs.astct-2019          |
more-fever  | 3     | reported_grade   | 2          | crs.lee-2014            |
vasopressor | 0     | systolic_bp      | 118 mm[Hg] |                         | 40
vasopressor | 6     | norepinephrine   | 5 ug/min   |                         | 12
vasopressor | 7     | reported_grade   | 3          | crs.astct-2019          |
vasopressor | 8     | reported_grade   | 2          | crs.astct-2019          |
vasopressor | 8     | reported_grade   | 2          | crs.lee-2014            |
low         | 0     | systolic_bp      | 84 mm[Hg]  |                         | 40
""",
    expected={
        "discordance": """
basis    | scale_a        | scale_b        | grade_a | grade_b | patients
certain  | crs.astct-2019 | crs.ctcae-5.0  | 1       | 1       | 2
certain  | crs.astct-2019 | crs.ctcae-5.0  | 2       | 2       | 1
certain  | crs.astct-2019 | crs.ctcae-5.0  | 3       | 3       | 1
certain  | crs.astct-2019 | crs.mskcc-2018 | 1       | 1       | 2
certain  | crs.astct-2019 | crs.mskcc-2018 | 2       | 1       | 1
certain  | crs.astct-2019 | crs.mskcc-2018 | 3       | 2       | 1
certain  | crs.ctcae-5.0  | crs.mskcc-2018 | 1       | 1       | 2
certain  | crs.ctcae-5.0  | crs.mskcc-2018 | 2       | 1       | 1
certain  | crs.ctcae-5.0  | crs.mskcc-2018 | 3       | 2       | 1
derived  | crs.astct-2019 | crs.ctcae-5.0  | 1       | 1       | 2
derived  | crs.astct-2019 | crs.ctcae-5.0  | 2       | 2       | 1
derived  | crs.astct-2019 | crs.ctcae-5.0  | 3       | 3       | 1
derived  | crs.astct-2019 | crs.mskcc-2018 | 1       | 1       | 2
derived  | crs.astct-2019 | crs.mskcc-2018 | 2       | -       | 1
derived  | crs.astct-2019 | crs.mskcc-2018 | 3       | 2       | 1
derived  | crs.ctcae-5.0  | crs.mskcc-2018 | 1       | 1       | 2
derived  | crs.ctcae-5.0  | crs.mskcc-2018 | 2       | -       | 1
derived  | crs.ctcae-5.0  | crs.mskcc-2018 | 3       | 2       | 1
reported | crs.astct-2019 | crs.lee-2014   | 1       | 2       | 1
reported | crs.astct-2019 | crs.lee-2014   | 3       | 2       | 1
""",
    },
)

LOOK_ALIKES = Ward(
    id="look-alikes",
    why="Fever on day 3 with few neutrophils and a culture that grows: facts, for as long as they hold. Few neutrophils alone make none; the day before the cells does not count.",
    scales=("crs.astct-2019",),
    look_alikes=True,
    charted="""
patient | hours | concept          | value      | text                    | until | low | high
septic  | -24   | lactate          | 6 mmol/L   |                         | -12   |     |
septic  | 0     | car_t_infusion   |            | axicabtagene_ciloleucel |       |     |
septic  | 0     | neutrophils      | 2.0 10*9/L |                         | 60    |     |
septic  | 60    | neutrophils      | 0.3 10*9/L |                         | 84    |     |
septic  | 72    | body_temperature | 38.6 Cel   |                         | 80    |     |
septic  | 74    | blood_culture    |            | positive                | 84    |     |
septic  | 76    | lactate          | 4 mmol/L   |                         | 80    |     |
""",
    expected={
        "findings": """
kind       | finding           | from | to | state | facts                                                  | missing | evidence
look_alike | infection_sepsis  | 72   | 74 | found | neutropenia fever_with_neutropenia                                  | - | r4 r5
look_alike | infection_sepsis  | 74   | 76 | found | positive_blood_culture neutropenia fever_with_neutropenia           | - | r6 r4 r5
look_alike | infection_sepsis  | 76   | 80 | found | positive_blood_culture neutropenia fever_with_neutropenia lactate_4 | - | r6 r4 r5 r7
look_alike | infection_sepsis  | 80   | 84 | found | positive_blood_culture neutropenia                                  | - | r6 r4
look_alike | neutropenic_fever | 72   | 80 | found | neutropenia fever_with_neutropenia febrile_neutropenia              | - | r4 r5
""",
    },
)

SUPPORTS = Ward(
    id="supports",
    why="What is common after cells supports a finding and makes none: afebrile neutropenia; a seizure, a high LDH, a low albumin and a rise of creatinine, on day 10 and on day 2 beside laboratory tumor lysis.",
    scales=("crs.astct-2019",),
    look_alikes=True,
    charted="""
patient    | hours | concept          | value        | text                    | until | low | high
everyone   | 0     | car_t_infusion   |              | axicabtagene_ciloleucel |       |     |
afebrile   | 60    | body_temperature | 36.8 Cel     |                         | 84    |     |
afebrile   | 60    | neutrophils      | 0.2 10*9/L   |                         | 84    |     |
slight     | -2    | creatinine       | 0.8 mg/dL    |                         |       | 0.6 | 1.2
slight     | 239   | ice_score        | 10           |                         | 250   |     |
slight     | 240   | body_temperature | 36.8 Cel     |                         | 250   |     |
slight     | 240   | systolic_bp      | 118 mm[Hg]   |                         | 250   |     |
slight     | 240   | seizure          |              | brief                   | 250   |     |
slight     | 240   | ldh              | 260 U/L      |                         | 250   | 120 | 250
slight     | 240   | albumin          | 3.4 g/dL     |                         | 250   | 3.5 | 5.0
slight     | 240   | creatinine       | 1.1 mg/dL    |                         | 250   | 0.6 | 1.2
slight     | 240   | sodium           | 134 mmol/L   |                         | 245   | 135 | 145
lysis      | -2    | creatinine       | 0.8 mg/dL    |                         |       | 0.6 | 1.2
lysis      | 48    | uric_acid        | 9 mg/dL      |                         | 60    |     |
lysis      | 50    | potassium        | 6.4 mmol/L   |                         | 56    |     |
lysis      | 52    | creatinine       | 1.1 mg/dL    |                         | 56    | 0.6 | 1.2
lysis-late | 240   | uric_acid        | 9 mg/dL      |                         | 250   |     |
lysis-late | 240   | potassium        | 6.4 mmol/L   |                         | 250   |     |
""",
    expected={
        "findings": """
patient | finding      | from | to  | facts                                         | evidence
lysis   | tumor_lysis  | 50   | 52  | uric_acid potassium laboratory_tls            | r3 r4
lysis   | tumor_lysis  | 52   | 56  | uric_acid potassium laboratory_tls creatinine | r3 r4 r5
slight  | icans_mimics | 240  | 245 | sodium_low sodium_low_with_signs              | r10 r6
""",
    },
)

LEAK_HEART_CLOTTING = Ward(
    id="leak, heart and clotting",
    why="Swelling and weight gain point to a leak only where no fever is certain; troponin, ejection fraction and arrhythmia to the heart; little fibrinogen and two items of the score to clotting.",
    scales=("crs.astct-2019",),
    look_alikes=True,
    charted="""
patient      | hours | concept            | value       | text                    | until | low | high
everyone     | 0     | car_t_infusion     |             | axicabtagene_ciloleucel |       |     |
leak         | -2    | weight             | 70 kg       |                         |       |     |
leak         | 100   | body_temperature   | 38.6 Cel    |                         |       |     |
leak         | 104   | body_temperature   | 36.8 Cel    |                         |       |     |
leak         | 110   | weight             | 73.5 kg     |                         | 150   |     |
leak         | 120   | body_temperature   | 36.8 Cel    |                         |       |     |
leak         | 140   | albumin            | 2.5 g/dL    |                         | 150   | 3.5 | 5.0
leak         | 140   | systolic_bp        | 80 mm[Hg]   |                         | 142   |     |
leak-unseen  | -2    | weight             | 70 kg       |                         |       |     |
leak-unseen  | 110   | weight             | 73.5 kg     |                         | 150   |     |
heart        | 100   | nt_probnp          | 900 ng/L    |                         | 130   |     | 125
heart        | 110   | troponin_t         | 30 ng/L     |                         | 120   |     | 14
heart        | 120   | lvef               | 50 %        |                         | 122   |     |
heart        | 124   | cardiac_arrhythmia |             | no_intervention         | 126   |     |
clotting     | 100   | platelets          | 60 10*9/L   |                         | 140   |     |
clotting     | 110   | d_dimer_feu        | 1.0 mg/L    |                         | 120   |     | 0.5
clotting     | 115   | inr                | 1.3         |                         | 125   |     | 1.2
clotting     | 124   | fibrinogen         | 0.9 g/L     |                         | 128   | 2.0 | 4.0
clotting     | 130   | aptt               | 81 s        |                         | 132   |     | 40
""",
    expected={
        "findings": """
patient  | finding          | from | to  | facts                                                                              | evidence
clotting | coagulation      | 110  | 115 | platelets_under_100 d_dimer_2_fold two_items                                       | r2 r3
clotting | coagulation      | 115  | 120 | platelets_under_100 d_dimer_2_fold inr_high two_items                              | r2 r3 r4
clotting | coagulation      | 124  | 125 | fibrinogen_under_1 platelets_under_100 inr_high                                    | r5 r2 r4
clotting | coagulation      | 125  | 128 | fibrinogen_under_1 platelets_under_100                                             | r5 r2
clotting | coagulation      | 130  | 132 | aptt_over_2 platelets_under_100                                                    | r6 r2
heart    | cardiac          | 110  | 120 | troponin_raised natriuretic_peptide_raised                                         | r3 r2
heart    | cardiac          | 120  | 122 | natriuretic_peptide_raised ejection_fraction_low                                   | r2 r4
heart    | cardiac          | 124  | 126 | natriuretic_peptide_raised arrhythmia                                              | r2 r5
leak     | capillary_leak   | 124  | 140 | weight_gain leak_without_fever                                                     | r5
leak     | capillary_leak   | 140  | 142 | albumin_low weight_gain leak_without_fever low_pressure_and_albumin_without_fever | r7 r5 r8
leak     | capillary_leak   | 142  | 144 | albumin_low weight_gain leak_without_fever                                         | r7 r5
leak     | infection_sepsis | 140  | 142 | low_pressure                                                                       | r8
""",
    },
)

IEC_HS_AFTER_CRS = Ward(
    id="IEC-HS after CRS",
    why="An IEC-HS comes as CRS settles if it begins within a week after CRS was graded, between signs too; later it is not that, unless nobody measured in that week.",
    scales=("crs.astct-2019", "iechs.hines-2023"),
    charted="""
patient      | hours | concept          | value      | text                    | until | low | high
everyone     | 0     | car_t_infusion   |            | axicabtagene_ciloleucel |       |     |
everyone     | -24   | ferritin         | 300 ug/L   |                         | 0     |     | 300
everyone     | 0     | oxygen_device    |            | room_air                | 400   |     |
everyone     | 0     | systolic_bp      | 80 mm[Hg]  |                         | 12    |     |
everyone     | 12    | systolic_bp      | 118 mm[Hg] |                         | 400   |     |
everyone     | 0     | body_temperature | 38.6 Cel   |                         | 24    |     |
everyone     | 0     | iec_hs_severity  |            | none                    | 100   |     |
everyone     | 150   | ferritin         | 900 ug/L   |                         | 400   |     | 300
everyone     | 150   | fibrinogen       | 1.0 g/L    |                         | 400   | 2.0 | 4.0
soon         | 24    | body_temperature | 36.8 Cel   |                         | 400   |     |
soon         | 203   | iec_hs_severity  |            | grade_2                 | 210   |     |
late         | 24    | body_temperature | 36.8 Cel   |                         | 400   |     |
late         | 204   | iec_hs_severity  |            | grade_2                 | 210   |     |
late-unseen  | 24    | body_temperature | 36.8 Cel   |                         | 30    |     |
late-unseen  | 300   | body_temperature | 36.8 Cel   |                         | 400   |     |
late-unseen  | 310   | iec_hs_severity  |            | grade_2                 | 320   |     |
late-seen    | 24    | body_temperature | 36.8 Cel   |                         | 30    |     |
late-seen    | 140   | body_temperature | 36.8 Cel   |                         | 400   |     |
late-seen    | 310   | iec_hs_severity  |            | grade_2                 | 320   |     |
""",
    expected={
        "findings": """
patient     | finding               | from | to  | state    | missing
late-unseen | iec_hs_as_crs_settles | 310  | 320 | possible | crs
soon        | iec_hs_as_crs_settles | 203  | 210 | found    | -
""",
    },
)

WARDS = {
    ward.id: ward
    for ward in (
        ORDER_OF_TOXICITIES,
        TWO_INFUSIONS,
        PAIRS_OF_SCALES,
        LOOK_ALIKES,
        SUPPORTS,
        LEAK_HEART_CLOTTING,
        IEC_HS_AFTER_CRS,
    )
}
