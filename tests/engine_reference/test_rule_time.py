"""The slow twin on combined rules and on rules about time, worked by hand from the page on rule scales."""

from __future__ import annotations

import pytest
from tests.engine_reference.small import Case

LACTATE = '{ concept = "lactate", op = ">=", value = 2, unit = "mmol/L" }'
LOW = '{ concept = "systolic_bp", op = "<", value = 90, unit = "mm[Hg]" }'
RASH = '{ concept = "symptom", in = ["rash"] }'
SEDATED = '{ concept = "sedated", in = ["yes"] }'
RUNNING = '{ running = ["norepinephrine"] }'
DRY = '{ concept = "oxygen_flow", op = "==", value = 0, unit = "L/min" }'
EXPOSED = 'watch = "exposure"'

COMBINED = [
    Case(
        "all: what is false settles it, what is open is named",
        f"both 3 {{ all = [{LACTATE}, {LOW}] }}",
        """
        0 lactate 3
        2 systolic_bp 80 until=4
        4 systolic_bp 100 until=6
        8 lactate 1 until=10
        """,
        """
        start | end | grade | missing             | evidence
        0     | 2   | 0..3  | systolic_bp         | -
        2     | 4   | 3     | -                   | r1 r2
        4     | 6   | 0     | -                   | -
        6     | 8   | 0..3  | systolic_bp         | -
        8     | 10  | 0     | -                   | -
        10    | 48  | 0..3  | lactate systolic_bp | -
        """,
    ),
    Case(
        "any: one is enough, and every certain part is evidence",
        f"either 3 {{ any = [{LACTATE}, {LOW}] }}",
        """
        0 lactate 1 until=8
        2 systolic_bp 80 until=4
        4 systolic_bp 100 until=6
        6 lactate 3 until=8
        6 systolic_bp 80 until=8
        """,
        """
        start | end | grade | missing     | evidence
        0     | 2   | 0..3  | systolic_bp | -
        2     | 4   | 3     | -           | r2
        4     | 6   | 0     | -           | -
        6     | 8   | 3     | -           | r4 r5
        """,
    ),
    Case(
        "a certain part of a branch that fails is evidence as well",
        f"odd 3 {{ any = [{RASH}, {{ all = [{LACTATE}, {LOW}] }}] }}",
        """
        0 symptom rash
        0 lactate 3
        0 systolic_bp 120 until=48
        """,
        """
        start | end | grade | evidence
        0     | 24  | 3     | r1 r2
        24    | 48  | 0     | -
        """,
    ),
    Case(
        "not: unknown stays unknown, its part is named, and gives no evidence",
        f"calm 1 {{ not = {LACTATE} }}",
        """
        0 systolic_bp 120 until=6
        2 lactate 1
        4 lactate 2 until=6
        """,
        """
        start | end | grade | criteria | missing | evidence
        0     | 2   | 0..1  | -        | lactate | -
        2     | 4   | 1     | calm     | -       | -
        4     | 6   | 0     | -        | -       | -
        6     | 50  | 0..1  | -        | lactate | -
        """,
    ),
    Case(
        "count: so many certain, so many possible",
        f"two 2 {{ count = [{LACTATE}, {LOW}, {RASH}], at_least = 2 }}",
        """
        0 lactate 3 until=10
        2 systolic_bp 120 until=4
        3 symptom rash until=6
        6 systolic_bp 80 until=8
        """,
        """
        start | end | grade | missing     | evidence
        0     | 2   | 0..2  | systolic_bp | -
        2     | 3   | 0     | -           | -
        3     | 8   | 2     | -           | r1 r3
        8     | 10  | 0..2  | systolic_bp | -
        """,
    ),
    Case(
        "possible: never certain; what no row can settle asks for judgement",
        f"""
        told 1 {{ possible = {RASH} }}
        high 2 {{ possible = {LACTATE} }}
        """,
        """
        0 symptom rash until=2
        4 lactate 1
        6 lactate 2 until=8
        """,
        """
        start | end | grade | criteria | missing
        0     | 2   | 0..2  | -        | clinical_judgement lactate
        2     | 4   | 0..2  | -        | lactate
        4     | 6   | 0     | -        | -
        6     | 8   | 0..2  | -        | clinical_judgement
        8     | 52  | 0..2  | -        | lactate
        """,
    ),
    Case(
        "except_known: takes away what is certain only, and names nothing",
        f"""
        flowing 2 {{ all = [{RASH}, {{ except_known = {DRY} }}] }}
        perhaps 3 {{ all = [{{ possible = {RASH} }}, {{ except_known = {DRY} }}] }}
        """,
        """
        0 symptom rash until=10
        2 oxygen_flow 0
        4 oxygen_flow <=0
        6 oxygen_flow 1 until=8
        """,
        """
        start | end | grade | criteria | missing            | evidence
        0     | 2   | 2..3  | flowing  | clinical_judgement | r1
        2     | 4   | 0     | -        | -                  | -
        4     | 10  | 2..3  | flowing  | clinical_judgement | r1
        10    | 28  | 0     | -        | -                  | -
        """,
    ),
]

HELD = [
    Case(
        "held for so long, without a break, and for not a moment less",
        f"long 3 {{ sustained = {RUNNING}, hours = 3 }}",
        """
        0  lactate 1 until=40
        2  norepinephrine 0.1 until=5
        5  norepinephrine 0.1 until=7
        10 norepinephrine 0.1 until=13
        14 norepinephrine 0.1
        """,
        """
        start | end | grade | missing           | evidence
        0     | 5   | 0     | -                 | -
        5     | 7   | 3     | -                 | r3
        7     | 17  | 0     | -                 | -
        17    | 38  | 3     | -                 | r5
        38    | 40  | 0..3  | vasopressor_state | -
        """,
    ),
    Case(
        "what runs at the start of the span may have run before it",
        f"long 3 {{ sustained = {RUNNING}, hours = 3 }}",
        """
        -2 norepinephrine 0.1 until=4
        0  car_t_infusion trial_product
        """,
        """
        start | end | grade | missing           | evidence
        0     | 3   | 0..3  | vasopressor_state | -
        3     | 4   | 3     | -                 | r1
        4     | 24  | 0     | -                 | -
        """,
        head=EXPOSED,
    ),
    Case(
        "what was not measured may have held",
        f"long 3 {{ sustained = {{ all = [{LACTATE}, {{ not = {LOW} }}] }}, hours = 4 }}",
        """
        0 systolic_bp 120 until=10
        2 lactate 3 until=8
        9 lactate 1 until=10
        10 lactate 3 until=14
        """,
        """
        start | end | grade | missing             | evidence
        0     | 2   | 0..3  | lactate             | -
        2     | 6   | 0..3  | lactate systolic_bp | -
        6     | 8   | 3     | -                   | r2
        8     | 9   | 0..3  | lactate             | -
        9     | 14  | 0     | -                   | -
        """,
    ),
    Case(
        "a span may end before the hours do",
        f"long 3 {{ sustained = {SEDATED}, hours = 24 }}",
        "0 sedated yes",
        """
        start | end | grade | missing
        0     | 24  | 0..3  | sedated
        """,
    ),
    Case(
        "held inside of held",
        f"long 3 {{ sustained = {{ sustained = {SEDATED}, hours = 2 }}, hours = 2 }}",
        """
        0 lactate 1 until=10
        1 sedated yes until=6
        """,
        """
        start | end | grade | evidence
        0     | 5   | 0     | -
        5     | 6   | 3     | r2
        6     | 10  | 0     | -
        """,
    ),
]

DAYS = [
    Case(
        "days in all: a short break is bridged once it is over, and may be while it lasts",
        f"days 2 {{ cumulative = {SEDATED}, days = 1.5, bridging_days = 1 }}",
        """
        0  lactate 1 until=100
        0  sedated yes
        20 sedated no
        40 sedated yes until=50
        """,
        """
        start | end | grade | missing | evidence
        0     | 36  | 0     | -       | -
        36    | 40  | 0..2  | sedated | -
        40    | 100 | 2     | -       | r4
        """,
    ),
    Case(
        "a break that lasts too long is none to be bridged",
        f"days 2 {{ cumulative = {SEDATED}, days = 2, bridging_days = 1 }}",
        """
        0  lactate 1 until=100
        0  sedated yes
        30 sedated no
        60 sedated yes until=80
        """,
        """
        start | end | grade | missing | evidence
        0     | 48  | 0     | -       | -
        48    | 54  | 0..2  | sedated | -
        54    | 78  | 0     | -       | -
        78    | 100 | 2     | -       | r4
        """,
    ),
    Case(
        "a break of exactly so many days is too long",
        f"days 2 {{ cumulative = {SEDATED}, days = 2, bridging_days = 1 }}",
        """
        0  lactate 1 until=100
        0  sedated yes
        30 sedated no
        54 sedated yes until=80
        """,
        """
        start | end | grade | missing
        0     | 48  | 0     | -
        48    | 54  | 0..2  | sedated
        54    | 72  | 0     | -
        72    | 100 | 2     | -
        """,
    ),
    Case(
        "without bridging only the time itself counts; no break at the start is bridged",
        f"days 2 {{ cumulative = {SEDATED}, days = 1 }}",
        """
        0  lactate 1 until=60
        1  sedated yes
        13 sedated no
        14 sedated yes until=40
        """,
        """
        start | end | grade
        0     | 26  | 0
        26    | 60  | 2
        """,
    ),
    Case(
        "unknown time is possible time, and a break beside it is bridged only perhaps",
        f"days 2 {{ cumulative = {LACTATE}, days = 1, bridging_days = 0.5 }}",
        """
        0  systolic_bp 120 until=70
        0  lactate 3 until=10
        20 lactate 1 until=30
        40 lactate 3 until=60
        """,
        """
        start | end | grade | missing | evidence
        0     | 24  | 0     | -       | -
        24    | 54  | 0..2  | lactate | -
        54    | 70  | 2     | -       | r4
        """,
    ),
]

OFTEN = [
    Case(
        "readings counted from the start of the span; too few leave it open",
        f"often 2 {{ repeated = {LACTATE}, times = 2 }}",
        """
        -2 lactate 3
        0  car_t_infusion trial_product
        4  lactate 3
        8  lactate -
        12 lactate 1
        16 lactate 2 until=20
        20 lactate 1 until=30
        """,
        """
        start | end | grade | missing | evidence
        0     | 16  | 0..2  | lactate | -
        16    | 60  | 2     | -       | r6
        """,
        head=EXPOSED,
    ),
    Case(
        "enough readings that are false settle it",
        f"often 2 {{ repeated = {LACTATE}, times = 2 }}",
        """
        0 lactate 1
        2 lactate 3
        4 lactate 1 until=6
        6 lactate 3 until=8
        """,
        """
        start | end | grade | missing | evidence
        0     | 2   | 0..2  | lactate | -
        2     | 6   | 0     | -       | -
        6     | 50  | 2     | -       | r4
        """,
    ),
]


@pytest.mark.parametrize("case", [*COMBINED, *HELD, *DAYS, *OFTEN], ids=lambda case: case.name.replace(" ", "_"))
def test_a_chart_worked_by_hand(case: Case) -> None:
    case.hold()
