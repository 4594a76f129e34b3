"""The slow twin on rules about readings: every word at its edges, worked by hand from the page on rule scales."""

from __future__ import annotations

import pytest
from tests.engine_reference.small import Case, check, graded, knowledge, scale

LACTATE = 'concept = "lactate", unit = "mmol/L"'
CREATININE = 'concept = "creatinine"'
PRESSURE = 'concept = "systolic_bp", op = "<", threshold = "hypotension_sbp"'
BARE = 'concept = "oxygen_flow", op = ">", value = 0, unit = "L/min", without = "oxygen_device"'
TOUCHED = 'concept = "consciousness", in = ["to_touch"]'
MEAN = 'concept = "mean_arterial_pressure", op = "<", threshold = "hypotension_map"'


LEVELS = f"""
    high 2 {{ {LACTATE}, op = ">=", value = 2 }}
    very_high 3 {{ {LACTATE}, op = ">=", value = 4 }}
"""
PRESSURES = """
    0 systolic_bp 59
    2 systolic_bp 60
    4 systolic_bp 89
    6 systolic_bp 90 until=8
    7 lactate 1 until=10
"""
PLAIN = [
    Case(
        "a reading speaks until the next one, its end, or its hours",
        LEVELS,
        """
        0 lactate 1.9
        2 lactate 2
        4 lactate 4 until=6
        8 systolic_bp 120 until=10
        """,
        """
        start | end | grade | criteria       | missing | evidence
        0     | 2   | 0     | -              | -       | -
        2     | 4   | 2     | high           | -       | r2
        4     | 6   | 3     | high very_high | -       | r3
        6     | 50  | 0..3  | -              | lactate | -
        """,
    ),
    Case(
        "a bound or a reading without a value leaves open what it does not settle",
        LEVELS,
        """
        0 lactate <2
        2 lactate >3
        4 lactate <=2
        6 lactate -
        8 lactate >=4 until=10
        """,
        """
        start | end | grade | criteria       | missing | evidence
        0     | 2   | 0     | -              | -       | -
        2     | 4   | 2..3  | high           | lactate | r2
        4     | 6   | 0..2  | -              | lactate | -
        6     | 8   | 0..3  | -              | lactate | -
        8     | 10  | 3     | high very_high | -       | r5
        10    | 54  | 0..3  | -              | lactate | -
        """,
    ),
    Case(
        "equal is sure only of an exact value",
        f'equal 1 {{ {LACTATE}, op = "==", value = 2 }}',
        """
        0 lactate 2
        2 lactate <=2
        4 lactate <2
        6 lactate >2 until=8
        """,
        """
        start | end | grade
        0     | 2   | 1
        2     | 4   | 0..1
        4     | 8   | 0
        8     | 52  | 0..1
        """,
    ),
    Case(
        "a flow belongs to its device, and ends where another one comes",
        'fast 3 { concept = "oxygen_flow", op = ">=", value = 6, unit = "L/min" }',
        """
        0 oxygen_device nasal_cannula
        1 oxygen_flow 8
        3 oxygen_device simple_mask
        5 oxygen_flow 8 until=7
        6 oxygen_device simple_mask until=7
        """,
        """
        start | end | grade | missing     | evidence
        0     | 1   | 0..3  | oxygen_flow | -
        1     | 3   | 3     | -           | r2
        3     | 5   | 0..3  | oxygen_flow | -
        5     | 7   | 3     | -           | r4
        7     | 27  | 0..3  | oxygen_flow | -
        """,
    ),
    Case(
        "oxygen without a device",
        f"""
        on 2 {{ {BARE} }}
        high 3 {{ possible = {{ {BARE} }} }}
        """,
        """
        0 lactate 1 until=30
        1 oxygen_flow 2
        3 oxygen_device nasal_cannula until=5
        4 oxygen_flow 2
        6 oxygen_flow <=1
        8 oxygen_flow 0 until=9
        """,
        """
        start | end | grade | criteria | missing       | evidence
        0     | 1   | 0     | -        | -             | -
        1     | 3   | 2..3  | on       | oxygen_device | r2
        3     | 6   | 0     | -        | -             | -
        6     | 8   | 0..3  | -        | oxygen_device | -
        8     | 30  | 0     | -        | -             | -
        """,
    ),
    Case(
        "a threshold of the adult age",
        f"low 2 {{ {PRESSURE} }}",
        PRESSURES,
        """
        start | end | grade | missing     | evidence
        0     | 6   | 2     | -           | r1
        6     | 8   | 0     | -           | -
        8     | 12  | 0..2  | systolic_bp | -
        """,
    ),
    Case(
        "a threshold of an unknown age: only the ends are sure",
        f"low 2 {{ {PRESSURE} }}",
        PRESSURES,
        """
        start | end | grade | missing     | evidence
        0     | 2   | 2     | -           | r1
        2     | 6   | 0..2  | age         | -
        6     | 8   | 0     | -           | -
        8     | 12  | 0..2  | systolic_bp | -
        """,
        {},
    ),
    Case(
        "the patient's own threshold needs no age",
        f"low 2 {{ {PRESSURE} }}",
        PRESSURES,
        """
        start | end | grade | missing     | evidence
        0     | 2   | 2     | -           | r1
        2     | 8   | 0     | -           | -
        8     | 12  | 0..2  | systolic_bp | -
        """,
        {"sbp_threshold": 60.0},
    ),
    Case(
        "a threshold that is not used in a child makes the reading say nothing",
        f"low 2 {{ {MEAN} }}",
        "0 mean_arterial_pressure 40 until=8",
        """
        start | end | grade | missing
        0     | 8   | 0..2  | mean_arterial_pressure
        """,
        {"age_years": 12.0},
    ),
    Case(
        "a threshold that some ages do not have is never sure while the age is unknown",
        f"low 2 {{ {MEAN} }}",
        """
        0 mean_arterial_pressure 64
        2 mean_arterial_pressure 65 until=4
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..2  | age
        2     | 8   | 0..2  | mean_arterial_pressure
        """,
        {},
    ),
]

LIMITS = [
    Case(
        "a cut-off by the limit of the reading itself; rounding does not matter",
        f"""
        above 1 {{ {CREATININE}, op = ">", value = 1.5, times = "uln" }}
        from 2 {{ {CREATININE}, op = ">=", value = 1.5, times = "uln" }}
        """,
        """
        0 creatinine 1.8 uln=1.2
        2 creatinine 1.9 uln=1.2
        4 creatinine 1.7 uln=1.2
        6 creatinine 9
        8 creatinine >1.8 uln=1.2 until=10
        """,
        """
        start | end | grade | criteria   | missing
        0     | 2   | 2     | from       | -
        2     | 4   | 2     | above from | -
        4     | 6   | 0     | -          | -
        6     | 8   | 0..2  | -          | creatinine_range
        8     | 10  | 2     | above from | -
        10    | 54  | 0..2  | -          | creatinine
        """,
    ),
    Case(
        "a reading without a value waits for itself, whatever its limit",
        f'above 1 {{ {CREATININE}, op = ">", value = 1.5, times = "uln" }}',
        "0 creatinine - until=2",
        """
        start | end | grade | missing
        0     | 2   | 0..1  | creatinine
        """,
    ),
    Case(
        "a cut-off below the lower limit, and one that adds to a limit",
        """
        low 1 { concept = "platelets", op = "<", value = 0.5, times = "lln" }
        rise 2 { concept = "creatinine", op = ">=", value = 0.3, plus = "uln", unit = "mg/dL" }
        """,
        """
        0 platelets 70 lln=140
        0 creatinine 1.4 uln=1.2
        2 platelets 69 lln=140
        4 creatinine 1.5 uln=1.2
        6 systolic_bp 120 until=7
        """,
        """
        start | end | grade | criteria | missing
        0     | 2   | 0     | -        | -
        2     | 4   | 1     | low      | -
        4     | 50  | 2     | low rise | -
        50    | 52  | 2     | rise     | -
        """,
    ),
    Case(
        "the baseline that the patients table gives",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        0 car_t_infusion trial_product
        0 creatinine 1.9
        2 creatinine 2 until=24
        """,
        """
        start | end | grade | evidence
        0     | 2   | 0     | -
        2     | 24  | 2     | r3
        24    | 48  | 0..2  | -
        """,
        {"baseline_creatinine": 1.0},
    ),
    Case(
        "the last exact reading up to the first trigger is the baseline",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        -720 creatinine 1
        -10  creatinine <9
        0    car_t_infusion trial_product
        0+1us creatinine 2 until=1
        """,
        """
        start  | end   | grade | missing
        -720   | -672  | 0..2  | creatinine_baseline
        -672   | -10   | 0..2  | creatinine
        -10    | 0+1us | 0..2  | creatinine_baseline
        0+1us  | 1     | 2     | -
        1      | 38    | 0..2  | creatinine
        """,
    ),
    Case(
        "a reading too long before the trigger is no baseline",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        -720-1us creatinine 1
        0 car_t_infusion trial_product
        0+1us creatinine 2 until=1
        """,
        """
        start    | end      | grade | missing
        -720-1us | -672-1us | 0..2  | creatinine_baseline
        -672-1us | 0+1us    | 0..2  | creatinine
        0+1us    | 1        | 0..2  | creatinine_baseline
        1        | 24       | 0..2  | creatinine
        """,
    ),
    Case(
        "an exposure within the window of another shares its baseline, the window's end included",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        -1   creatinine 1 until=0
        0    car_t_infusion trial_product
        719  creatinine 2 until=720
        720  car_t_infusion trial_product
        721  creatinine 2 until=722
        """,
        """
        start | end | grade | missing
        -1    | 0   | 0..2  | creatinine_baseline
        0     | 719 | 0..2  | creatinine
        719   | 720 | 2     | -
        720   | 721 | 0..2  | creatinine
        721   | 722 | 2     | -
        722   | 744 | 0..2  | creatinine
        """,
    ),
    Case(
        "an exposure after the window of another has its own baseline",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        -1      creatinine 1 until=0
        0       car_t_infusion trial_product
        719     creatinine 2 until=720
        720+1us car_t_infusion trial_product
        721     creatinine 2 until=722
        """,
        """
        start | end     | grade | missing
        -1    | 0       | 0..2  | creatinine_baseline
        0     | 719     | 0..2  | creatinine
        719   | 720     | 2     | -
        720   | 721     | 0..2  | creatinine
        721   | 722     | 0     | -
        722   | 744+1us | 0..2  | creatinine
        """,
    ),
    Case(
        "without a trigger there is no baseline",
        f'risen 2 {{ {CREATININE}, op = ">", value = 0.3, plus = "baseline", unit = "mg/dL" }}',
        "0 creatinine 2 until=1",
        """
        start | end | grade | missing
        0     | 1   | 0..2  | creatinine_baseline
        """,
    ),
    Case(
        "no reading at the end of the watch or after it is a baseline",
        f'twice 2 {{ {CREATININE}, op = ">=", value = 2, times = "baseline" }}',
        """
        0  creatinine 2
        4  creatinine 4
        6  creatinine 2
        8  death progression
        8  creatinine 1
        24 car_t_infusion trial_product
        """,
        """
        start | end | grade
        0     | 8   | 0..2
        """,
    ),
    Case(
        "the baseline in the place of the reading",
        f'was_high 1 {{ {CREATININE}, op = ">", value = 1, times = "uln", of_baseline = true }}',
        """
        0 creatinine 9 uln=1.2
        2 creatinine 9
        4 creatinine - uln=1.6 until=6
        """,
        """
        start | end | grade | missing          | evidence
        0     | 2   | 1     | -                | r1
        2     | 4   | 0..1  | creatinine_range | -
        4     | 6   | 0     | -                | -
        6     | 50  | 0..1  | creatinine       | -
        """,
        {"baseline_creatinine": 1.5},
    ),
    Case(
        "the baseline in the place of the reading, and neither known",
        f'was_high 1 {{ {CREATININE}, op = ">", value = 1, times = "uln", of_baseline = true }}',
        """
        0 creatinine 9 uln=1.2
        2 creatinine 9 until=4
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..1  | creatinine_baseline
        2     | 4   | 0..1  | creatinine_range
        4     | 48  | 0..1  | creatinine
        """,
    ),
    Case(
        "the lowest exact reading of the hours before",
        f'rise 2 {{ {CREATININE}, op = ">=", value = 0.3, plus = "lowest", lookback_hours = 48, unit = "mg/dL" }}',
        """
        0      creatinine 1
        10     creatinine 1.3
        20     creatinine <0.5
        48     creatinine 1.3
        48+1us creatinine 1.5
        60     lactate 1 until=61
        """,
        """
        start  | end    | grade | missing    | evidence
        0      | 10     | 0..2  | creatinine | -
        10     | 20     | 2     | -          | r2
        20     | 48     | 0     | -          | -
        48     | 48+1us | 2     | -          | r4
        48+1us | 96+1us | 0     | -          | -
        """,
    ),
    Case(
        "a reading that had none before it can be compared with none",
        f'halved 2 {{ {CREATININE}, op = "<=", value = 0.5, times = "lowest", lookback_hours = 24 }}',
        """
        0  creatinine 2
        12 creatinine 1
        48 creatinine 0.1 until=50
        """,
        """
        start | end | grade | missing
        0     | 12  | 0..2  | creatinine
        12    | 48  | 2     | -
        48    | 60  | 0..2  | creatinine
        """,
    ),
]

RISEN = f"""
    risen 2 {{ {CREATININE}, relative = ">", limit = "uln", normal = 1.5, abnormal = 2.0, abnormal_op = ">=" }}
"""
RELATIVE = [
    Case(
        "against the limit while the baseline was normal, which the limit itself is",
        RISEN,
        """
        0 creatinine 1.8 uln=1.2
        2 creatinine 1.81 uln=1.2
        4 creatinine 9
        6 creatinine - uln=1.2 until=8
        """,
        """
        start | end | grade | missing          | evidence
        0     | 2   | 0     | -                | -
        2     | 4   | 2     | -                | r2
        4     | 6   | 0..2  | creatinine_range | -
        6     | 52  | 0..2  | creatinine       | -
        """,
        {"baseline_creatinine": 1.2},
    ),
    Case(
        "against the baseline where that was abnormal",
        RISEN,
        """
        0 creatinine 3.9 uln=1.2
        2 creatinine 4 uln=1.2 until=4
        """,
        """
        start | end | grade | evidence
        0     | 2   | 0     | -
        2     | 4   | 2     | r2
        4     | 48  | 0..2  | -
        """,
        {"baseline_creatinine": 2.0},
    ),
    Case(
        "an unknown baseline never makes it true, and false only where both ways are",
        RISEN,
        """
        0 creatinine 1.8 uln=1.2
        2 creatinine 2.4 uln=1.2
        4 creatinine 99 uln=1.2
        6 creatinine <1.8 uln=1.2 until=8
        """,
        """
        start | end | grade | missing
        0     | 2   | 0     | -
        2     | 6   | 0..2  | creatinine_baseline
        6     | 8   | 0     | -
        8     | 52  | 0..2  | creatinine
        """,
    ),
    Case(
        "against the lower limit",
        """
        low 1 { concept = "platelets", relative = "<", limit = "lln", normal = 1.0, abnormal = 0.5, abnormal_op = "<=" }
        """,
        """
        -1 platelets 100 lln=140
        0  car_t_infusion trial_product
        2  platelets 50 lln=140
        4  platelets 51 lln=140 until=6
        """,
        """
        start | end | grade
        -1    | 2   | 0..1
        2     | 4   | 1
        4     | 6   | 0
        6     | 50  | 0..1
        """,
    ),
]

WORST = f'high 3 {{ {LACTATE}, op = ">=", value = 4, over_hours = 24 }}'
OVER = [
    Case(
        "the worst of a day: a reading speaks for its hours whatever comes after it",
        WORST,
        """
        0  lactate 5 until=1
        2  lactate 6
        4  lactate 1
        60 systolic_bp 120 until=61
        """,
        """
        start | end | grade | missing | evidence
        0     | 26  | 3     | -       | r1
        26    | 28  | 0     | -       | -
        28    | 61  | 0..3  | lactate | -
        """,
    ),
    Case(
        "a gray reading of the day leaves it open, a true one settles it",
        f'high 3 {{ {CREATININE}, op = ">", value = 1, times = "uln", over_hours = 12 }}',
        """
        0  creatinine 1 uln=1.2
        2  creatinine 1
        3  creatinine -
        4  creatinine 2 uln=1.2
        """,
        """
        start | end | grade | missing                     | evidence
        0     | 2   | 0     | -                           | -
        2     | 3   | 0..3  | creatinine_range            | -
        3     | 4   | 0..3  | creatinine creatinine_range | -
        4     | 16  | 3     | -                           | r4
        16    | 52  | 0..3  | creatinine                  | -
        """,
    ),
    Case(
        "the latest true reading of the day is the evidence",
        f"""
        high 1 {{ {LACTATE}, op = ">=", value = 4, over_hours = 24 }}
        marker 2 {{ concept = "systolic_bp", op = "<", value = 90, unit = "mm[Hg]" }}
        """,
        """
        0 lactate 5
        2 lactate 6
        3 lactate 1
        3 systolic_bp 80 until=4
        """,
        """
        start | end | grade | criteria    | missing             | evidence
        0     | 3   | 1..2  | high        | systolic_bp         | r1
        3     | 4   | 2     | high marker | -                   | r2 r4
        4     | 26  | 1..2  | high        | systolic_bp         | r2
        26    | 27  | 0..2  | -           | systolic_bp         | -
        27    | 51  | 0..2  | -           | lactate systolic_bp | -
        """,
    ),
]

WAKES = 'wakes 2 { concept = "consciousness", in = ["to_voice", "to_touch"] }'
LISTS = [
    Case(
        "a category in force is on the list or is not",
        WAKES,
        """
        0 consciousness awake
        2 consciousness to_voice
        4 consciousness unarousable until=6
        """,
        """
        start | end | grade | missing       | evidence
        0     | 2   | 0     | -             | -
        2     | 4   | 2     | -             | r2
        4     | 6   | 0     | -             | -
        6     | 26  | 0..2  | consciousness | -
        """,
    ),
    Case(
        "a category of the hours before",
        'wakes 2 { concept = "consciousness", in = ["to_voice"], over_hours = 4 }',
        """
        0 consciousness to_voice
        2 consciousness awake
        """,
        """
        start | end | grade | missing       | evidence
        0     | 4   | 2     | -             | r1
        4     | 6   | 0     | -             | -
        6     | 26  | 0..2  | consciousness | -
        """,
    ),
    Case(
        "of several readings what is measured counts",
        f"low 2 {{ any_measured = [{{ {PRESSURE} }}, {{ {MEAN} }}, {{ {TOUCHED} }}] }}",
        """
        0  systolic_bp 120 until=1
        2  systolic_bp 120 until=8
        4  mean_arterial_pressure <70 until=6
        5  systolic_bp 85 until=6
        8  mean_arterial_pressure 60 until=10
        8  systolic_bp <120 until=10
        8  consciousness to_touch until=9
        """,
        """
        start | end | grade | missing                                          | evidence
        0     | 1   | 0     | -                                                | -
        1     | 2   | 0..2  | consciousness mean_arterial_pressure systolic_bp | -
        2     | 4   | 0     | -                                                | -
        4     | 5   | 0..2  | mean_arterial_pressure                           | -
        5     | 6   | 2     | -                                                | r4
        6     | 8   | 0..2  | consciousness mean_arterial_pressure systolic_bp | -
        8     | 10  | 2     | -                                                | r5 r7
        """,
    ),
    Case(
        "a part that is not used at this age counts as not in force",
        f"low 2 {{ any_measured = [{{ {PRESSURE} }}, {{ {MEAN} }}] }}",
        """
        0 mean_arterial_pressure 40 until=4
        2 systolic_bp 120 until=4
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..2  | mean_arterial_pressure systolic_bp
        2     | 4   | 0     | -
        """,
        {"age_years": 12.0},
    ),
]

CASES = [*PLAIN, *LIMITS, *RELATIVE, *OVER, *LISTS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_a_chart_worked_by_hand(case: Case) -> None:
    case.hold()


def test_a_site_s_limits_hold_where_a_reading_has_none() -> None:
    rules = scale(
        "small",
        f"""
        high 1 {{ {CREATININE}, op = ">", value = 1, times = "uln" }}
        low 2 {{ {CREATININE}, op = "<", value = 1, times = "lln" }}
        """,
    )
    site = "[policy.reference_ranges]\nvalue = { creatinine = [0.5, 1.0] }\n"
    check(
        knowledge(("scales/small.toml", rules), ("policy.toml", site)),
        """
        0 creatinine 1.1
        2 creatinine 1.1 uln=1.2
        4 creatinine 0.4 uln=1.2
        6 creatinine 0.4 lln=0.3 until=8
        """,
        """
        start | end | grade | criteria
        0     | 2   | 1     | high
        2     | 4   | 0     | -
        4     | 6   | 2     | low
        6     | 8   | 0     | -
        8     | 52  | 0..2  | -
        """,
    )


def test_what_is_no_reading_cannot_be_compared() -> None:
    rules = scale("small", 'odd 1 { concept = "norepinephrine", op = ">", value = 1, unit = "ug/min" }')
    with pytest.raises(ValueError, match="norepinephrine is no reading"):
        graded(rules, "0 lactate 1")
