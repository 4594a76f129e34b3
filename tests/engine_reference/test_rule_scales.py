"""The slow twin on whole rule scales: axes, sums, flags, episodes, deaths, what is watched, and views.

Every expected row was worked by hand from the page on rule scales.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, ClassVar

import polars as pl
import pytest
from tests.engine_reference.small import EPISODES, RECORD, Case, check, knowledge, scale
from tests.generative.random_patients import Maker
from tests.lib import tables

from cytowatch.engine.reference import grade_reference, patient
from cytowatch.engine.reference.rule_walker import RuleWalker
from cytowatch.engine.reference.states import moments
from cytowatch.knowledge import Knowledge
from cytowatch.schema import OBSERVATIONS, PATIENTS

LACTATE = '{ concept = "lactate", op = ">=", value = 2, unit = "mmol/L" }'
VERY_HIGH = '{ concept = "lactate", op = ">=", value = 4, unit = "mmol/L" }'
EXTREME = 'extreme 4 { concept = "lactate", op = ">=", value = 6, unit = "mmol/L" }'
LOW_BY_AGE = '{ concept = "systolic_bp", op = "<", threshold = "hypotension_sbp" }'
MEAN = '{ concept = "mean_arterial_pressure", op = "<", threshold = "hypotension_map" }'
FEVER = '{ concept = "body_temperature", op = ">=", value = 38, unit = "Cel" }'
DRY = '{ concept = "oxygen_flow", op = "==", value = 0, unit = "L/min" }'
LOW = '{ concept = "systolic_bp", op = "<", value = 90, unit = "mm[Hg]" }'
CANNULA = '{ concept = "oxygen_device", in = ["nasal_cannula"] }'
FAST = '{ concept = "heart_rate", op = ">", value = 120, unit = "/min" }'
EXPOSED = 'watch = "exposure"'


def axis(name: str, **more: str) -> str:
    """One axis of a scale."""
    rest = "\n".join(f"{key} = {value}" for key, value in more.items())
    return f'[[domain]]\nid = "{name}"\nlabel = "x"\n{rest}\n'


PRESSURE = axis("pressure", attribution='"attribution_hypotension"')
OXYGEN = axis(
    "oxygen",
    attribution='"attribution_hypoxia"',
    excluded_by='"oxygen_reason"',
    excluding='["home_baseline", "sleep_apnea", "procedure"]',
    chronic='["home_baseline", "sleep_apnea"]',
)

AXES = [
    Case(
        "another cause takes its own axis away, and leaves nothing to ask",
        f"""
        low@pressure 2 {LOW}
        high 1 {LACTATE}
        """,
        """
        0  systolic_bp 80 until=12
        0  lactate 3 until=14
        2  attribution_hypotension sepsis until=4
        6  attribution sepsis
        8  attribution_hypotension crs until=10
        """,
        """
        start | end | grade | criteria | missing     | evidence
        0     | 2   | 2     | low high | -           | r1 r2
        2     | 4   | 1     | high     | -           | r2
        4     | 6   | 2     | low high | -           | r1 r2
        6     | 8   | 1     | high     | -           | r2
        8     | 10  | 2     | low high | -           | r1 r2
        10    | 12  | 1     | high     | -           | r2
        12    | 14  | 1     | high     | -           | r2
        14    | 30  | 0..1  | -        | lactate     | -
        """,
        domains=PRESSURE + axis("body"),
    ),
    Case(
        "a reason for oxygen excludes, a chronic one leaves it open, any other counts",
        f"on@oxygen 2 {CANNULA}",
        """
        0  oxygen_device nasal_cannula until=60
        2  oxygen_reason procedure
        4  oxygen_reason comfort until=6
        8  oxygen_reason home_baseline
        50 oxygen_reason procedure until=52
        """,
        """
        start | end | grade | criteria | missing             | evidence
        0     | 2   | 2     | on       | -                   | r1
        2     | 4   | 0     | -        | -                   | -
        4     | 8   | 2     | on       | -                   | r1
        8     | 50  | 0..2  | -        | attribution_hypoxia | -
        50    | 52  | 0     | -        | -                   | -
        52    | 60  | 2     | on       | -                   | r1
        """,
        domains=OXYGEN,
    ),
    Case(
        "a reason that is not chronic speaks for a day; a device at home is a chronic reason without another",
        f"on@oxygen 2 {CANNULA}",
        """
        0  oxygen_device nasal_cannula until=60
        2  oxygen_reason comfort
        40 oxygen_reason procedure
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..2  | attribution_hypoxia
        2     | 26  | 2     | -
        26    | 40  | 0..2  | attribution_hypoxia
        40    | 60  | 0     | -
        60    | 64  | 0     | -
        """,
        domains=OXYGEN,
        patient={"baseline_oxygen_device": "nasal_cannula"},
    ),
    Case(
        "room air at home is no device at home",
        f"on@oxygen 2 {CANNULA}",
        "0  oxygen_device nasal_cannula until=4",
        """
        start | end | grade
        0     | 4   | 2
        """,
        domains=OXYGEN,
        patient={"baseline_oxygen_device": "room_air"},
    ),
    Case(
        "what is open by itself is named beside the chronic reason",
        f"on@oxygen 2 {CANNULA}",
        """
        0 oxygen_reason home_baseline
        1 oxygen_device other until=2
        """,
        """
        start | end | grade | missing
        0     | 1   | 0     | -
        1     | 2   | 0..2  | attribution_hypoxia oxygen_device
        2     | 24  | 0     | -
        """,
        domains=OXYGEN,
    ),
    Case(
        "under sedation an axis is open, whatever was charted",
        f"""
        sleepy@mind 3 {{ concept = "consciousness", in = ["to_voice"] }}
        child@mind 2 {{ age_years = [0, 18] }}
        high 1 {LACTATE}
        """,
        """
        0 consciousness to_voice until=10
        0 lactate 1 until=10
        2 sedated yes until=4
        6 consciousness awake until=10
        7 sedated yes until=8
        7 attribution_neuro sedation until=9
        """,
        """
        start | end | grade | criteria | missing
        0     | 2   | 3     | sleepy   | -
        2     | 4   | 0..3  | -        | sedated
        4     | 6   | 3     | sleepy   | -
        6     | 10  | 0     | -        | -
        """,
        domains=axis("mind", under_sedation='"unknown"', attribution='"attribution_neuro"') + axis("body"),
    ),
]

GRADES = [
    Case(
        "the worst counts, and only what could make it worse is missing",
        f"""
        fast@heart 1 {FAST}
        high 2 {LACTATE}
        very_high 3 {VERY_HIGH}
        low@pressure 4 {LOW}
        """,
        """
        0 lactate >3
        4 systolic_bp 120 until=6
        5 lactate 3 until=6
        """,
        """
        start | end | grade | criteria | missing
        0     | 4   | 2..4  | high     | lactate systolic_bp
        4     | 5   | 2..3  | high     | lactate
        5     | 6   | 2     | high     | -
        6     | 48  | 0..4  | -        | heart_rate lactate systolic_bp
        """,
        domains=axis("body") + axis("heart") + axis("pressure"),
    ),
    Case(
        "a sum over the axes; what could add points is missing",
        f"""
        fast@heart 1 {FAST}
        high 2 {LACTATE}
        very_high 3 {VERY_HIGH}
        """,
        """
        0 lactate 3
        2 heart_rate 130
        4 lactate 5 until=6
        """,
        """
        start | end | grade | criteria            | missing
        0     | 2   | 2..3  | high                | heart_rate
        2     | 4   | 3     | fast high           | -
        4     | 6   | 4     | fast high very_high | -
        6     | 10  | 1..4  | fast                | lactate
        10    | 48  | 0..4  | -                   | heart_rate lactate
        """,
        domains=axis("body") + axis("heart"),
        head=RECORD + '\nscoring = "sum"',
    ),
    Case(
        "a criterion of grade 0 is a finding and no more",
        f"""
        seen 0 {LACTATE}
        low@pressure 2 {LOW}
        """,
        """
        0 lactate 3 until=6
        2 systolic_bp 120 until=8
        """,
        """
        start | end | grade | criteria | missing     | evidence
        0     | 2   | 0..2  | seen     | systolic_bp | r1
        2     | 6   | 0     | seen     | -           | r1
        6     | 8   | 0     | -        | -           | -
        """,
        domains=axis("body") + axis("pressure"),
    ),
    Case(
        "a name is missing once, and the numbers of another scale may be taken over",
        f"""
        both 2 {{ any = [{LACTATE}, {VERY_HIGH}, {LOW}] }}
        again 3 {{ criterion = "small.both" }}
        """,
        "0 heart_rate 80 until=2",
        """
        start | end | grade | missing
        0     | 2   | 0..3  | lactate systolic_bp
        """,
    ),
    Case(
        "flags hold whatever the cause; a recalled criterion is flagged where it is listed",
        f"""
        low@pressure~ 2 {LOW}
        high 1 {LACTATE}
        """,
        """
        0 systolic_bp 80 until=6
        0 lactate 3 until=6
        2 attribution_hypotension sepsis until=4
        """,
        """
        start | end | grade | criteria | flags
        0     | 2   | 2     | low high | aware recalled_criteria
        2     | 4   | 1     | high     | attributed_elsewhere aware
        4     | 6   | 2     | low high | aware recalled_criteria
        """,
        domains=PRESSURE + axis("body"),
        more=f'[[flag]]\nid = "aware"\nwhen = {LOW}\n',
    ),
]

EPISODIC = [
    Case(
        "an episode closes once a day has passed since the last sign, measured free of signs",
        f"high 2 {LACTATE}",
        """
        0  car_t_infusion trial_product
        0  lactate 1
        4  lactate 3
        6  lactate 1 until=40
        34 lactate 5 until=35
        """,
        """
        start | end | grade | episode
        0     | 4   | 0     | -
        4     | 6   | 2     | 1
        6     | 30  | 0     | 1
        30    | 34  | 0     | -
        34    | 35  | 2     | 2
        35    | 52  | 0..2  | 2
        """,
        head=EXPOSED,
        more=EPISODES,
        episodes="""
        episode | onset | last_sign | resolved | state    | max | hours | recurrent | exposure      | days_from_exposure
        1       | 4     | 6         | 6        | resolved | 2   | 2     | false     | trial_product | 0.166667
        2       | 34    | 35        | -        | ongoing  | 2   | -     | true      | trial_product | 1.41667
        """,
    ),
    Case(
        "an episode stays open while a sign is possible, and closes when that is excluded",
        f"high 2 {LACTATE}",
        """
        0  lactate 3 until=2
        30 lactate 1 until=32
        """,
        """
        start | end | grade | episode
        0     | 2   | 2     | 1
        2     | 30  | 0..2  | 1
        30    | 32  | 0     | -
        """,
        more=EPISODES,
        episodes="""
        episode | onset | last_sign | resolved | state    | exposure | exposure_time | days_from_exposure | steroid_days
        1       | 0     | 2         | 2        | resolved | -        | -             | -                  | -
        """,
    ),
    Case(
        "a sign exactly a day after the last one begins a new episode",
        f"high 2 {LACTATE}",
        """
        0  lactate 3 until=2
        2  lactate 1 until=26
        26 lactate 3 until=27
        """,
        """
        start | end | grade | episode
        0     | 2   | 2     | 1
        2     | 26  | 0     | 1
        26    | 27  | 2     | 2
        """,
        more=EPISODES,
        episodes="""
        episode | onset | last_sign | resolved | state    | max
        1       | 0     | 2         | 2        | resolved | 2
        2       | 26    | 27        | -        | ongoing  | 2
        """,
    ),
    Case(
        "an axis that does not hold an episode open may be unknown when it closes",
        f"""
        high 2 {LACTATE}
        fast@heart 1 {FAST}
        """,
        """
        0 lactate 3 until=2
        2 lactate 1 until=30
        """,
        """
        start | end | grade | missing    | episode
        0     | 2   | 2     | -          | 1
        2     | 26  | 0..1  | heart_rate | 1
        26    | 30  | 0..1  | heart_rate | -
        """,
        domains=axis("body") + axis("heart", holds_open="false"),
        more=EPISODES,
    ),
    Case(
        "a scale without episodes has none",
        f"high 2 {LACTATE}",
        "0 lactate 3 until=2",
        """
        start | end | grade | episode
        0     | 2   | 2     | -
        """,
        episodes="episode",
    ),
]

DEATHS = [
    Case(
        "a death of the scale's own cause is grade 5 to the end of what is known",
        f"high 2 {LACTATE}",
        """
        0 car_t_infusion trial_product
        0 lactate 3 until=20
        6 death crs
        """,
        """
        start | end | grade | criteria       | flags | evidence | episode
        0     | 6   | 2     | high           | -     | r2       | 1
        6     | 30  | 5     | death_from_crs | -     | r3       | 1
        """,
        head=EXPOSED,
        more=EPISODES,
        episodes="""
        episode | onset | last_sign | state | max | time_of_max
        1       | 0     | 6         | died  | 5   | 6
        """,
    ),
    Case(
        "a death of an unknown cause leaves everything open; no episode opens after it",
        f"high 2 {LACTATE}",
        """
        0 car_t_infusion trial_product
        0 lactate 1
        6 death unknown
        8 lactate 3 until=9
        """,
        """
        start | end | grade | criteria | missing     | episode
        0     | 6   | 0     | -        | -           | -
        6     | 48  | 0..5  | -        | death_cause | -
        """,
        head=EXPOSED,
        more=EPISODES,
        episodes="episode",
    ),
    Case(
        "a death of another cause ends the watch",
        f"high 2 {LACTATE}",
        """
        0 lactate 3
        4 death unknown
        6 death progression
        """,
        """
        start | end | grade | missing
        0     | 4   | 2     | -
        4     | 6   | 0..5  | death_cause
        """,
        more=EPISODES,
    ),
    Case(
        "without a death of its own a scale ends with any",
        f"high 2 {LACTATE}",
        """
        0 lactate 3
        4 death unknown
        """,
        """
        start | end | grade
        0     | 4   | 2
        """,
    ),
]

WATCHED = [
    Case(
        "wherever anything is charted, from the first row on",
        f"high 2 {LACTATE}",
        """
        -5 heart_rate 80
        0 lactate 3 until=2
        """,
        """
        start | end | grade | flags
        -5    | 0   | 0..2  | -
        0     | 2   | 2     | -
        2     | 3   | 0..2  | -
        """,
        options={"assume_trigger": "trial_product"},
    ),
    Case(
        "as of a moment nothing later is known",
        f"high 2 {LACTATE}",
        """
        0 lactate 3
        5 lactate 1
        """,
        """
        start | end | grade
        0     | 4   | 2
        """,
        options={"as_of": tables.time_of("4")},
    ),
    Case(
        "a window of the scale's own after each exposure",
        f"high 2 {LACTATE}",
        """
        0  car_t_infusion trial_product
        0  lactate 3 until=30
        24 t_cell_engager_dose 1.5 trial_engager
        30 lactate 1 until=90
        96 t_cell_engager_dose 1.5 trial_engager
        120 lactate 3 until=121
        """,
        """
        start | end | grade
        24    | 30  | 2
        30    | 72  | 0
        120   | 121 | 2
        """,
        head=EXPOSED + "\nwindow_days = [1, 2]",
    ),
    Case(
        "without an exposure nothing is graded and what is seen is shown",
        f"high~ 2 {LACTATE}",
        """
        0 lactate 1
        2 lactate 3
        4 death crs
        """,
        """
        start | end | grade | criteria       | missing    | flags                        | evidence | episode
        0     | 2   | -     | -              | no_trigger | no_trigger                   | -        | -
        2     | 4   | -     | high           | no_trigger | no_trigger recalled_criteria | r2       | -
        4     | 50  | -     | death_from_crs | no_trigger | no_trigger                   | r3       | -
        """,
        head=EXPOSED,
        more=EPISODES,
        episodes="episode",
    ),
    Case(
        "without an exposure what lasts is seen from its own moments on",
        f"""
        worst 2 {{ concept = "lactate", op = ">=", value = 2, unit = "mmol/L", over_hours = 5 }}
        long 1 {{ sustained = {LACTATE}, hours = 3 }}
        """,
        "0 lactate 3 until=10",
        """
        start | end | grade | criteria   | flags
        0     | 3   | -     | worst      | no_trigger
        3     | 5   | -     | worst long | no_trigger
        5     | 10  | -     | long       | no_trigger
        """,
        head=EXPOSED,
    ),
    Case(
        "an assumed exposure is marked",
        f"""
        high 2 {LACTATE}
        early 1 {{ days_since_exposure = [0, 1] }}
        """,
        "0 lactate 3 until=2",
        """
        start | end | grade | criteria   | flags
        0     | 2   | 2     | high early | assumed_trigger
        """,
        head=EXPOSED,
        more=EPISODES,
        options={"assume_trigger": "trial_product"},
        episodes="""
        episode | onset | exposure      | flags
        1       | 0     | trial_product | assumed_trigger
        """,
    ),
]


@pytest.mark.parametrize(
    "case", [*AXES, *GRADES, *EPISODIC, *DEATHS, *WATCHED], ids=lambda case: case.name.replace(" ", "_")
)
def test_a_chart_worked_by_hand(case: Case) -> None:
    case.hold()


VIEW = """
id = "plain"
title = "In plain words"
family = "lay"
method = "view"
revision = 1
status = "draft"
source = "house"
view_of = "small"
domain = []
[grades]
1 = "some"
2 = "much"
[view]
1 = 1
2 = 2
3 = 2
4 = 2
"""


def viewed(head: str = RECORD) -> Knowledge:
    """A small scale with episodes, and a view of it."""
    levels = f"high 2 {LACTATE}\nvery_high 3 {VERY_HIGH}\n{EXTREME}"
    return knowledge(("scales/small.toml", scale("small", levels, head, EPISODES)), ("scales/plain.toml", VIEW))


def test_a_view_words_the_grades_of_another_scale_anew() -> None:
    check(
        viewed(),
        """
        0 lactate <5
        2 lactate <9
        4 lactate 3
        6 lactate 4 until=8
        """,
        """
        scale | start | end | grade | criteria       | missing | evidence | episode
        plain | 0     | 4   | 0..2  | -              | lactate | -        | -
        plain | 4     | 6   | 2     | high           | -       | r3       | 1
        plain | 6     | 8   | 2     | high very_high | -       | r4       | 1
        plain | 8     | 52  | 0..2  | -              | lactate | -        | 1
        """,
        "episode",
        name="plain",
    )


def test_a_view_of_what_is_not_graded_has_no_grade() -> None:
    check(
        viewed(EXPOSED),
        "0 lactate 3 until=2",
        """
        scale | start | end | grade | criteria | missing    | evidence
        plain | 0     | 2   | -     | high     | no_trigger | r1
        """,
        name="plain",
    )


def test_a_scale_takes_over_the_criteria_of_another() -> None:
    under = scale("under", f"high 1 {LACTATE}\nvery_high 3 {VERY_HIGH}\n")
    over = scale("small", 'bad 2 { grade_of = ["under"], at_least = 2 }\nany 1 { criterion = "under.high" }\n')
    check(
        knowledge(("scales/under.toml", under), ("scales/small.toml", over)),
        """
        0 lactate 3
        2 lactate 4 until=4
        """,
        """
        start | end | grade | criteria | evidence
        0     | 2   | 1     | any      | r1
        2     | 4   | 2     | bad any  | r2
        4     | 48  | 0..2  | -        | -
        """,
    )


# every word of the vocabulary, on what the random patients have charted
WORDS = f"""
    plain 1 {{ concept = "crp", op = ">", value = 10, unit = "mg/L" }}
    by_age 2 {LOW_BY_AGE}
    by_limit 1 {{ concept = "ferritin", op = ">", value = 2, times = "baseline" }}
    lowest 2 {{ concept = "spo2", op = "<=", value = 0.95, times = "lowest", lookback_hours = 24 }}
    worst 3 {{ concept = "body_temperature", op = ">=", value = 38, unit = "Cel", over_hours = 36 }}
    relative 1 {{ concept = "il_6", relative = ">", limit = "uln", normal = 2, abnormal = 3, abnormal_op = ">=" }}
    low@pressure 2 {{ any_measured = [{LOW_BY_AGE}, {MEAN}] }}
    pressor@pressure 3 {{ running = ["norepinephrine", "dopamine", "vasopressin"], at_least = 2 }}
    dose@pressure 3 {{ quantity = "norepinephrine_equivalent", op = ">=", value = 5 }}
    long@pressure 4 {{ sustained = {{ running = ["norepinephrine", "epinephrine"] }}, hours = 8 }}
    either@pressure 4 {{ sustained = {{ any = [{FEVER}, {LOW_BY_AGE}] }}, hours = 12 }}
    oxygen@oxygen 2 {{ concept = "oxygen_device", in = ["nasal_cannula", "blow_by"] }}
    mask@oxygen 3 {{ all = [{{ concept = "oxygen_device", in = ["simple_mask"] }}, {{ except_known = {DRY} }}] }}
    ratio@oxygen 4 {{ quantity = "spo2_fio2", op = "<", value = 235 }}
    sleepy@mind 3 {{ concept = "consciousness", in = ["to_voice", "to_touch"], over_hours = 30 }}
    seizure@mind 4 {{ concept = "seizure", in = ["brief", "prolonged"] }}
    sedated@body 1 {{ concept = "sedated", in = ["yes"] }}
    told 1 {{ concept = "symptom", in = ["rash"] }}
    treated 2 {{ given = ["tocilizumab", "anakinra"], times = 2, within_hours = 48 }}
    early 1 {{ days_since_exposure = [0.5, 2] }}
    child 1 {{ age_years = [1, 18] }}
    several 3 {{ count = [{FEVER}, {LOW_BY_AGE}, {{ not = {LOW} }}], at_least = 2 }}
    perhaps 2 {{ possible = {FEVER} }}
    weighed 3 {{ possible = {LOW_BY_AGE}, judged = true }}
    days 3 {{ cumulative = {{ any = [{FEVER}, {{ running = ["norepinephrine"] }}] }}, days = 1, bridging_days = 0.5 }}
    stretch 3 {{ cumulative = {{ any = [{FEVER}, {LOW}] }}, days = 1, bridging_days = 0.5, one_stretch = true }}
    often~ 2 {{ repeated = {FEVER}, times = 2 }}
"""
WIDE = scale(
    "small",
    WORDS,
    EXPOSED,
    EPISODES + '[[flag]]\nid = "estimated"\nwhen = { estimated = "spo2_fio2" }\n',
    axis("body") + PRESSURE + OXYGEN + axis("mind", under_sedation='"unknown"', holds_open="false"),
)
OPTIONS = [
    {},
    {"assume_trigger": "teclistamab"},
    {"not_recorded": frozenset({"oxygen_device", "norepinephrine", "anakinra"})},
]


def wide(watch: str, scoring: str) -> Knowledge:
    """The scale with every word, watched and scored in one way."""
    return knowledge(("scales/small.toml", WIDE.replace(EXPOSED, f'watch = "{watch}"\nscoring = "{scoring}"')))


def random_charts(count: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Random patients, with limits of normal, rates by the minute and weights here and there."""
    maker = Maker(seed, "time")
    for number in range(count):
        maker.patient(f"r{number:03d}")
    columns = len(OBSERVATIONS.columns)
    rows = [(*row, *([None] * (columns - len(row)))) for row in maker.rows]
    charts = pl.DataFrame(rows, schema=OBSERVATIONS.schema, orient="row")
    people = pl.DataFrame(maker.patients, schema=PATIENTS.schema)
    third = pl.col("row") % 3 == 0
    rated = pl.col("concept").is_in(["norepinephrine", "epinephrine", "dopamine"])
    return (
        charts.with_columns(
            pl.when(third & rated).then(pl.lit("ug/min")).otherwise(pl.col("unit")).alias("unit"),
            pl.when(third & (pl.col("concept") == "il_6")).then(pl.lit(600.0)).alias("range_high"),
        ),
        people.with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(70.0)).alias("weight_kg")),
    )


class Spied(RuleWalker):
    """A walker that can be asked again when all is done."""

    made: ClassVar[list[RuleWalker]] = []

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        Spied.made.append(self)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "+".join(options) or "plain")
@pytest.mark.parametrize(("watch", "scoring"), [("exposure", "worst"), ("record", "sum")])
def test_nothing_changes_between_the_moments_that_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], watch: str, scoring: str
) -> None:
    monkeypatch.setattr(patient, "RuleWalker", Spied)
    Spied.made.clear()
    charts, people = random_charts(40, 7)
    timeline, _, _ = grade_reference(charts, people, wide(watch, scoring), "small", **options)
    assert timeline.height > 300
    for walker in Spied.made:
        times = [*moments(walker.edges, (), walker.span), walker.span.end]
        for start, end in pairwise(times):
            for between in {(start + end) // 2, end - 1} - {start}:
                assert walker.read(between) == walker.read(start)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "+".join(options) or "plain")
@pytest.mark.parametrize(("watch", "scoring"), [("exposure", "worst"), ("record", "sum")])
def test_what_holds_at_every_moment(options: dict[str, Any], watch: str, scoring: str) -> None:
    charts, people = random_charts(40, 8)
    timeline, episodes, _ = grade_reference(charts, people, wide(watch, scoring), "small", **options)
    graded_rows = timeline.filter(pl.col("at_least").is_not_null())
    assert graded_rows.filter(pl.col("at_least") > pl.col("at_most")).is_empty()
    # something is missing exactly where the bounds differ
    assert graded_rows.filter((pl.col("at_least") < pl.col("at_most")) != (pl.col("missing").list.len() > 0)).is_empty()
    assert timeline.filter(pl.col("start") >= pl.col("end")).is_empty()
    assert episodes.filter(pl.col("last_sign") < pl.col("onset")).is_empty()
    assert episodes.filter(pl.col("max_at_least") < 1).is_empty()


def test_a_full_chart_takes_well_under_a_second() -> None:
    charts, people = random_charts(60, 9)
    largest = charts["patient"].value_counts(sort=True)["patient"][0]
    chart = charts.filter(pl.col("patient") == largest)
    rules = wide("record", "worst")
    started = time.perf_counter()
    grade_reference(chart, people, rules, "small")
    assert chart.height >= 60
    assert time.perf_counter() - started < 3
