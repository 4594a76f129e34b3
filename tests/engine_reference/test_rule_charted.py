"""The slow twin on rules about what was charted, given or computed, worked by hand from the page on rule scales."""

from __future__ import annotations

import pytest
from tests.engine_reference.small import Case, graded, scale

SEIZURE = 'seizure 3 { concept = "seizure", in = ["brief", "prolonged"] }'
CANNULA = 'cannula 2 { concept = "oxygen_device", in = ["nasal_cannula"] }'
DRUGS = '"norepinephrine", "epinephrine"'
TWICE = 'twice 1 { given = ["tocilizumab"], times = 2, within_hours = 24 }'

WORDS = [
    Case(
        "an event is known to be absent once someone looked after it",
        SEIZURE,
        """
        0  lactate 1
        2  ice_score 10
        4  seizure brief
        30 ice_score 10
        40 seizure none
        50 seizure repetitive until=52
        53 seizure none until=54
        """,
        """
        start | end | grade | criteria | missing | evidence
        0     | 2   | 0..3  | -        | seizure | -
        2     | 4   | 0     | -        | -       | -
        4     | 28  | 3     | seizure  | -       | r3
        28    | 30  | 0..3  | -        | seizure | -
        30    | 52  | 0     | -        | -       | -
        52    | 53  | 0..3  | -        | seizure | -
        53    | 54  | 0     | -        | -       | -
        54    | 64  | 0..3  | -        | seizure | -
        """,
    ),
    Case(
        "someone looked at the very moment an event ceased to speak",
        SEIZURE,
        """
        0 seizure brief until=4
        4 consciousness awake until=6
        """,
        """
        start | end | grade
        0     | 4   | 3
        4     | 6   | 0
        """,
    ),
    Case(
        "a switch is on or off",
        'sedated 1 { concept = "sedated", in = ["yes"] }',
        """
        0 lactate 1 until=10
        2 sedated yes
        4 sedated no
        6 sedated yes until=8
        """,
        """
        start | end | grade | evidence
        0     | 2   | 0     | -
        2     | 4   | 1     | r2
        4     | 6   | 0     | -
        6     | 8   | 1     | r4
        8     | 28  | 0     | -
        """,
    ),
    Case(
        "a device is on, in doubt, of an unknown class, or another one",
        CANNULA,
        """
        0  lactate 1 until=60
        2  oxygen_device nasal_cannula
        30 oxygen_device room_air
        32 oxygen_device other
        34 oxygen_device simple_mask until=36
        """,
        """
        start | end | grade | missing       | evidence
        0     | 2   | 0     | -             | -
        2     | 26  | 2     | -             | r2
        26    | 30  | 0..2  | oxygen_device | -
        30    | 32  | 0     | -             | -
        32    | 34  | 0..2  | oxygen_device | -
        34    | 60  | 0     | -             | -
        """,
    ),
    Case(
        "a device that is not recorded may be on whenever none is",
        CANNULA,
        """
        0 lactate 1 until=10
        2 oxygen_device room_air
        4 oxygen_device simple_mask until=6
        """,
        """
        start | end | grade | missing
        0     | 4   | 0..2  | oxygen_device
        4     | 6   | 0     | -
        6     | 26  | 0..2  | oxygen_device
        """,
        options={"not_recorded": frozenset({"oxygen_device"})},
    ),
    Case(
        "a statement speaks whatever is said after it; what nobody said is not there",
        """
        headache 1 { concept = "symptom", in = ["headache"] }
        marker 2 { concept = "symptom", in = ["rash"] }
        """,
        """
        0 lactate 1 until=40
        2 symptom headache
        3 symptom rash until=5
        4 symptom headache until=30
        4 symptom headache until=30 source=a
        """,
        """
        start | end | grade | criteria        | missing | evidence
        0     | 2   | 0     | -               | -       | -
        2     | 3   | 1     | headache        | -       | r2
        3     | 5   | 2     | headache marker | -       | r2 r3
        5     | 30  | 1     | headache        | -       | a
        30    | 40  | 0     | -               | -       | -
        """,
    ),
]

GIVEN = [
    Case(
        "drugs that run, and drugs that may",
        f"""
        one 1 {{ running = [{DRUGS}] }}
        two 3 {{ running = [{DRUGS}], at_least = 2 }}
        """,
        """
        0  lactate 1 until=60
        2  norepinephrine 0.1
        4  epinephrine 0.1 until=30
        40 norepinephrine 0
        """,
        """
        start | end | grade | criteria | missing           | evidence
        0     | 2   | 0     | -        | -                 | -
        2     | 4   | 1     | one      | -                 | r2
        4     | 26  | 3     | one two  | -                 | r2 r3
        26    | 30  | 1..3  | one      | vasopressor_state | r3
        30    | 40  | 0..1  | -        | vasopressor_state | -
        40    | 64  | 0     | -        | -                 | -
        """,
    ),
    Case(
        "doses of the hours up to now, the first of them left out",
        TWICE,
        """
        0  lactate 1 until=60
        2  tocilizumab 560
        10 tocilizumab -
        11 tocilizumab 0
        26 tocilizumab 560
        """,
        """
        start | end | grade | missing | evidence
        0     | 10  | 0     | -       | -
        10    | 34  | 1     | -       | r3
        34    | 60  | 0     | -       | -
        """,
    ),
    Case(
        "doses exactly so many hours apart do not count together",
        TWICE,
        """
        0  lactate 1 until=60
        2  tocilizumab 560
        26 tocilizumab 560
        49 tocilizumab 560
        """,
        """
        start | end | grade | evidence
        0     | 49  | 0     | -
        49    | 50  | 1     | r4
        50    | 73  | 0     | -
        """,
    ),
    Case(
        "doses that are not recorded may have been given",
        'given 1 { given = ["siltuximab", "tocilizumab", "anakinra"], times = 1, within_hours = 4 }',
        """
        0 lactate 1 until=10
        2 siltuximab 700
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..1  | tocilizumab
        2     | 6   | 1     | -
        6     | 26  | 0..1  | tocilizumab
        """,
        options={"not_recorded": frozenset({"anakinra", "tocilizumab"})},
    ),
    Case(
        "days since the latest exposure",
        "early 1 { days_since_exposure = [1, 3] }",
        """
        0   car_t_infusion trial_product
        0   lactate 1 until=200
        100 t_cell_engager_dose 1.5 trial_engager
        """,
        """
        start | end | grade | evidence
        0     | 24  | 0     | -
        24    | 72  | 1     | -
        72    | 124 | 0     | -
        124   | 172 | 1     | -
        172   | 200 | 0     | -
        """,
        head='watch = "exposure"',
    ),
    Case(
        "a later exposure starts the days anew",
        "late 1 { days_since_exposure = [1, 9] }",
        """
        0  car_t_infusion trial_product
        30 t_cell_engager_dose 1.5 trial_engager until=60
        """,
        """
        start | end | grade
        0     | 24  | 0
        24    | 30  | 1
        30    | 54  | 0
        54    | 60  | 1
        """,
    ),
    Case(
        "no exposure, no days since it",
        "late 1 { days_since_exposure = [0, 9] }",
        "0 lactate 1 until=2",
        """
        start | end | grade
        0     | 2   | 0
        """,
    ),
    Case(
        "a child up to the last day before a birthday",
        "child 1 { age_years = [1, 18] }",
        "0 lactate 1 until=2",
        """
        start | end | grade | missing | evidence
        0     | 2   | 1     | -       | -
        """,
        {"age_years": 17.99},
    ),
    Case(
        "no child from the birthday on",
        "child 1 { age_years = [1, 18] }",
        "0 lactate 1 until=2",
        """
        start | end | grade
        0     | 2   | 0
        """,
        {"age_years": 18.0},
    ),
    Case(
        "perhaps a child",
        "child 1 { age_years = [1, 18] }",
        "0 lactate 1 until=2",
        """
        start | end | grade | missing
        0     | 2   | 0..1  | age
        """,
        {},
    ),
]

HIGH_DOSE = 'high 3 { quantity = "norepinephrine_rate", op = ">", value = 20 }'
OXYGENATION = 'poor 3 { quantity = "pao2_fio2", op = "<=", value = 300 }'
RATES = [
    Case(
        "rates of one drug add up, by the weight that the patients table gives",
        HIGH_DOSE,
        """
        0 lactate 1 until=20
        2 norepinephrine 0.25 unit=ug/kg/min until=10
        4 norepinephrine 1 unit=ug/min until=6
        """,
        """
        start | end | grade | missing | evidence
        0     | 4   | 0     | -       | -
        4     | 6   | 3     | -       | r3
        6     | 20  | 0     | -       | -
        """,
        {"weight_kg": 80.0},
    ),
    Case(
        "the weight last charted when the rate was",
        HIGH_DOSE,
        """
        0 weight 100
        1 norepinephrine 0.25 unit=ug/kg/min until=4
        2 weight 10
        4 norepinephrine 0.25 unit=ug/kg/min until=6
        """,
        """
        start | end | grade | evidence
        0     | 1   | 0     | -
        1     | 4   | 3     | r2
        4     | 26  | 0     | -
        """,
    ),
    Case(
        "without a weight a rate by weight may be anything, and a bound or no rate at all as well",
        HIGH_DOSE,
        """
        0  lactate 1 until=50
        2  norepinephrine 0.1 unit=ug/kg/min until=4
        4  norepinephrine - until=6
        6  norepinephrine >25 unit=ug/min until=8
        8  norepinephrine <1 unit=ug/min until=10
        10 norepinephrine 5 unit=ug/min until=12
        11 norepinephrine 0.1 unit=ug/kg/min until=12
        11 norepinephrine - until=13
        13 norepinephrine 1 unit=ug/min
        40 norepinephrine 0
        """,
        """
        start | end | grade | missing                  | evidence
        0     | 2   | 0     | -                        | -
        2     | 4   | 0..3  | weight                   | -
        4     | 6   | 0..3  | vasopressor_state        | -
        6     | 8   | 3     | -                        | r4
        8     | 10  | 0..3  | vasopressor_state        | -
        10    | 11  | 0     | -                        | -
        11    | 12  | 0..3  | vasopressor_state weight | -
        12    | 13  | 0..3  | vasopressor_state        | -
        13    | 37  | 0     | -                        | -
        37    | 40  | 0..3  | vasopressor_state        | -
        40    | 64  | 0     | -                        | -
        """,
    ),
    Case(
        "a rate for minutes from a rate by weight and the other way round",
        'high 3 { quantity = "norepinephrine_rate_by_weight", op = "==", value = 0.3 }',
        """
        0 norepinephrine 15 unit=ug/min until=2
        2 norepinephrine 0.1 unit=ug/kg/min until=4
        2 norepinephrine 10 unit=ug/min until=5
        """,
        """
        start | end | grade
        0     | 4   | 3
        4     | 5   | 0
        """,
        {"weight_kg": 50.0},
    ),
    Case(
        "a drug that is not recorded may run at any rate",
        HIGH_DOSE,
        """
        0 lactate 1 until=10
        2 norepinephrine 5 unit=ug/min until=4
        """,
        """
        start | end | grade | missing
        0     | 2   | 0..3  | vasopressor_state
        2     | 4   | 0     | -
        4     | 10  | 0..3  | vasopressor_state
        """,
        options={"not_recorded": frozenset({"norepinephrine"})},
    ),
    Case(
        "a weighted sum over several drugs, each the evidence of its part",
        'high 3 { quantity = "norepinephrine_equivalent", op = ">=", value = 20 }',
        """
        0 norepinephrine 10 unit=ug/min until=4
        0 dopamine 10 unit=ug/kg/min until=2
        0 phenylephrine 50 unit=ug/min until=4
        """,
        """
        start | end | grade | evidence
        0     | 2   | 3     | r1 r2 r3
        2     | 4   | 0     | -
        """,
    ),
]
COMPUTED = [
    Case(
        "a sum of readings; a factor below 0 turns the ends round",
        'low 2 { quantity = "corrected_calcium", op = "<", value = 9 }',
        """
        0 calcium 7.4
        2 albumin 2
        4 albumin >3
        6 albumin <3 until=8
        """,
        """
        start | end | grade | missing         | evidence
        0     | 2   | 0..2  | albumin         | -
        2     | 4   | 0     | -               | -
        4     | 6   | 2     | -               | r1 r3
        6     | 48  | 0..2  | albumin         | -
        48    | 52  | 0..2  | albumin calcium | -
        """,
    ),
    Case(
        "a ratio on room air, and with a fraction that is charted",
        OXYGENATION,
        """
        0 pao2 63
        1 pao2 63.1
        2 fio2 0.5
        2 pao2 150
        4 pao2 151
        5 fio2 >0.51
        6 fio2 <0.6 until=7
        """,
        """
        start | end | grade | missing | evidence
        0     | 1   | 3     | -       | r1
        1     | 2   | 0     | -       | -
        2     | 4   | 3     | -       | r4 r3
        4     | 5   | 0     | -       | -
        5     | 6   | 3     | -       | r5 r6
        6     | 7   | 0..3  | fio2    | -
        7     | 12  | 0     | -       | -
        12    | 29  | 0..3  | pao2    | -
        """,
    ),
    Case(
        "a fraction estimated from the flow of a cannula, with its interval and its flag",
        OXYGENATION,
        """
        0  oxygen_device nasal_cannula until=20
        0  oxygen_flow 2
        0  pao2 90
        2  pao2 66
        4  pao2 100
        6  pao2 72 until=20
        6  oxygen_flow <2
        8  oxygen_flow 50
        10 oxygen_device room_air
        12 oxygen_flow 3
        14 oxygen_flow 0
        """,
        """
        start | end | grade | missing | flags     | evidence
        0     | 2   | 0..3  | fio2    | estimated | -
        2     | 4   | 3     | -       | estimated | r4 r2 r1
        4     | 6   | 0     | -       | estimated | -
        6     | 8   | 0..3  | fio2    | -         | -
        8     | 10  | 3     | -       | estimated | r6 r8 r1
        10    | 12  | 0     | -       | -         | -
        12    | 14  | 0..3  | fio2    | -         | -
        14    | 20  | 0     | -       | -         | -
        20    | 38  | 0..3  | pao2    | -         | -
        """,
        more='[[flag]]\nid = "estimated"\nwhen = { estimated = "pao2_fio2" }\n',
    ),
    Case(
        "with another device, or one in doubt, the fraction is anything from room air to all",
        OXYGENATION,
        """
        0  pao2 63.1 until=60
        2  oxygen_device simple_mask until=4
        4  oxygen_device nasal_cannula
        5  oxygen_flow 2 until=6
        30 oxygen_device room_air
        """,
        """
        start | end | grade | missing | evidence
        0     | 2   | 0     | -       | -
        2     | 5   | 0..3  | fio2    | -
        5     | 6   | 3     | -       | r1 r4 r3
        6     | 30  | 0..3  | fio2    | -
        30    | 60  | 0     | -       | -
        """,
    ),
    Case(
        "a flow that cannot be above 0 is none; one without a value may be any",
        OXYGENATION,
        """
        0 pao2 63.1 until=6
        2 oxygen_flow <=0
        4 oxygen_flow - until=5
        """,
        """
        start | end | grade | missing
        0     | 4   | 0     | -
        4     | 5   | 0..3  | fio2
        5     | 6   | 0     | -
        6     | 26  | 0..3  | pao2
        """,
    ),
    Case(
        "a device that is not recorded may be on",
        OXYGENATION,
        """
        0 pao2 63.1 until=4
        2 oxygen_device nasal_cannula until=4
        3 oxygen_flow 2 until=4
        """,
        """
        start | end | grade | missing | evidence
        0     | 3   | 0..3  | fio2    | -
        3     | 4   | 3     | -       | r1 r3 r2
        """,
        options={"not_recorded": frozenset({"oxygen_device"})},
    ),
]


@pytest.mark.parametrize("case", [*WORDS, *GIVEN, *RATES, *COMPUTED], ids=lambda case: case.name.replace(" ", "_"))
def test_a_chart_worked_by_hand(case: Case) -> None:
    case.hold()


def test_a_word_that_has_no_row_in_force_cannot_be_listed() -> None:
    with pytest.raises(ValueError, match="death has no categories in force"):
        graded(scale("small", 'odd 1 { concept = "death", in = ["crs"] }'), "0 lactate 1")
