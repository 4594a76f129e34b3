"""Small patients worked by hand: what the meaning page says of them, row by row.

Every expected row was derived on paper from the contract and the meaning page, not copied from an engine. The sources
in ``evidence`` are the numbers of the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl
import pytest
from tests.generative.random_patients import random_patients
from tests.lib import tables

from cytowatch.engine.apply import grade_observations
from cytowatch.engine.reference import crs, grade_reference, icans, patient, states
from cytowatch.engine.reference.window import Span
from cytowatch.knowledge import Knowledge, load

Engine = Callable[..., tuple[pl.DataFrame, pl.DataFrame, list[int]]]


def fast_engine(
    observations: pl.DataFrame, patients: pl.DataFrame | None, knowledge: Knowledge, scale: str, **options: Any
) -> tuple[pl.DataFrame, pl.DataFrame, list[int]]:
    """The fast engine behind the twin's door."""
    options["assumed_product"] = options.pop("assume_trigger", None)
    graded = grade_observations(observations, patients, knowledge, [scale], **options)
    return graded.timeline, graded.episodes, sorted(graded.superseded.to_list())


ENGINES: list[Engine] = [grade_reference, fast_engine]
CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
ADULT = {"age_years": 60.0}
UNKNOWN_AGE: dict[str, Any] = {}


class Case(NamedTuple):
    """One patient: what was charted, what is known besides, and what must come out."""

    name: str
    charted: str
    timeline: str
    episodes: str = ""
    scale: str = CRS
    patient: dict[str, Any] = ADULT
    options: dict[str, Any] = {}  # noqa: RUF012  (never changed)
    superseded: tuple[int, ...] = ()


CASES = [
    Case(
        "fever alone is grade 1 for 24 h, then nobody measured: the end is unknown",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=72
        0 body_temperature 37.0
        6 body_temperature 38.5
        """,
        """
        start | end | grade | criteria | missing          | flags | evidence | episode
        0     | 6   | 0     | -        | -                | -     | -        | -
        6     | 30  | 1     | fever    | -                | -     | r4       | 1
        30    | 72  | 0..1  | -        | body_temperature | -     | -        | 1
        """,
        """
        episode | onset | last_sign | resolved | state | max | time_of_max | hours | exposure | days_from_exposure
        1       | 6     | 6   | - | unknown | 1   | 6           | -     | trial_product | 0.25
        """,
    ),
    Case(
        "an episode ends at its last sign once 24 h have passed with measurements",
        """
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=72
        0  body_temperature 37.0
        6  body_temperature 38.5
        30 body_temperature 37.0
        """,
        """
        start | end | grade | criteria | missing          | episode
        0     | 6   | 0     | -        | -                | -
        6     | 30  | 1     | fever    | -                | 1
        30    | 38  | 0     | -        | -                | -
        38    | 72  | 0..1  | -        | body_temperature | -
        """,
        """
        episode | onset | last_sign | resolved | state    | max | hours | recurrent
        1       | 6     | 6         | 6        | resolved | 1   | 0     | false
        """,
    ),
    Case(
        "fever again after 23:59 h is the same episode",
        """
        0     car_t_infusion   trial_product
        0     systolic_bp      120 until=72
        6     body_temperature 38.0
        20    body_temperature 37.0 until=72
        29:59 body_temperature 38.2
        """,
        """
        start | end   | grade | criteria | missing          | episode
        0     | 6     | 0..1  | -        | body_temperature | -
        6     | 53:59 | 1     | fever    | -                | 1
        53:59 | 72    | 0..1  | -        | body_temperature | 1
        """,
        """
        episode | onset | last_sign | state
        1       | 6     | 29:59     | unknown
        """,
    ),
    Case(
        "fever again after exactly 24:00 h is a new episode: the day between was measured free of signs",
        """
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=72
        6  body_temperature 38.0
        20 body_temperature 37.0 until=72
        30 body_temperature 38.2
        """,
        """
        start | end | grade | criteria | missing          | episode
        0     | 6   | 0..1  | -        | body_temperature | -
        6     | 30  | 1     | fever    | -                | 1
        30    | 54  | 1     | fever    | -                | 2
        54    | 72  | 0..1  | -        | body_temperature | 2
        """,
    ),
    Case(
        "fever again a moment after 24:00 h is a new, recurrent episode",
        """
        0      car_t_infusion   trial_product
        0      systolic_bp      120 until=72
        6      body_temperature 38.0
        20     body_temperature 37.0 until=72
        30+1us body_temperature 38.2
        """,
        """
        start  | end    | grade | criteria | missing          | episode
        0      | 6      | 0..1  | -        | body_temperature | -
        6      | 30     | 1     | fever    | -                | 1
        30     | 30+1us | 0     | -        | -                | -
        30+1us | 54+1us | 1     | fever    | -                | 2
        54+1us | 72     | 0..1  | -        | body_temperature | 2
        """,
        """
        episode | onset  | last_sign | resolved | state    | hours | recurrent
        1       | 6      | 6         | 6        | resolved | 0     | false
        2       | 30+1us | 30+1us    | -        | unknown  | -     | true
        """,
    ),
    Case(
        "norepinephrine with vasopressin stays grade 3; vasopressin alone is 3 and flagged",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      85   until=24
        0 body_temperature 38.5
        2 norepinephrine   0.1  until=6
        4 vasopressin      0.03 until=8
        """,
        """
        start | end | grade | criteria                               | flags             | evidence
        0     | 2   | 2     | fever hypotension                      | -                 | r3 r2
        2     | 4   | 3     | fever hypotension vasopressor          | -                 | r3 r2 r4
        4     | 6   | 3     | fever hypotension vasopressor vasopressin | -              | r3 r2 r4 r5
        6     | 8   | 3     | fever hypotension vasopressin          | vasopressin_alone | r3 r2 r5
        8     | 24  | 2     | fever hypotension                      | -                 | r3 r2
        """,
    ),
    Case(
        "two catecholamines at the same time are grade 4",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 norepinephrine   0.1 until=6
        4 epinephrine      0.1 until=8
        """,
        """
        start | end | grade | criteria                                | evidence
        0     | 2   | 1     | fever                                   | r3
        2     | 4   | 3     | fever vasopressor                       | r3 r4
        4     | 6   | 4     | fever vasopressor multiple_vasopressors | r3 r4 r5
        6     | 8   | 3     | fever vasopressor                       | r3 r5
        8     | 24  | 1     | fever                                   | r3
        """,
    ),
    Case(
        "one catecholamine after the other stays grade 3",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 norepinephrine   0.1 until=4
        4 epinephrine      0.1 until=6
        """,
        """
        start | end | grade | criteria          | evidence
        0     | 2   | 1     | fever             | r3
        2     | 6   | 3     | fever vasopressor | r3 r4
        6     | 24  | 1     | fever             | r3
        """,
    ),
    Case(
        "two lines of one drug are one vasopressor, on while either runs",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 norepinephrine   0.1 until=6
        4 norepinephrine   0.2 until=8
        """,
        """
        start | end | grade | criteria
        0     | 2   | 1     | fever
        2     | 8   | 3     | fever vasopressor
        8     | 24  | 1     | fever
        """,
    ),
    Case(
        "a rate of 0 ends an open infusion; a drug without a rate runs",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 norepinephrine   0.1
        4 epinephrine      -   until=7
        5 norepinephrine   0
        """,
        """
        start | end | grade | criteria
        0     | 2   | 1     | fever
        2     | 4   | 3     | fever vasopressor
        4     | 5   | 4     | fever vasopressor multiple_vasopressors
        5     | 7   | 3     | fever vasopressor
        7     | 24  | 1     | fever
        24    | 29  | 1..2  | -
        """,
    ),
    Case(
        "an infusion without an end is unknown after 24 h",
        """
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=40
        0  body_temperature 38.5
        2  norepinephrine   0.1
        20 body_temperature 38.2
        """,
        """
        start | end | grade | criteria          | missing
        0     | 2   | 1     | fever             | -
        2     | 26  | 3     | fever vasopressor | -
        26    | 40  | 1..3  | fever             | vasopressor_state
        """,
    ),
    Case(
        "a rate below a bound may be no rate",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120  until=24
        0 body_temperature 38.5
        2 norepinephrine   <0.1 until=6
        6 norepinephrine   >0   until=8
        """,
        """
        start | end | grade | criteria          | missing
        0     | 2   | 1     | fever             | -
        2     | 6   | 1..3  | fever             | vasopressor_state
        6     | 8   | 3     | fever vasopressor | -
        8     | 24  | 1     | fever             | -
        """,
    ),
    Case(
        "a drug that the source does not record is unknown, not off",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        """,
        """
        start | end | grade | criteria | missing
        0     | 24  | 1..3  | fever    | vasopressor_state
        """,
        options={"not_recorded": frozenset({"norepinephrine"})},
    ),
    Case(
        "an inotrope does not count and is flagged",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 dobutamine       5   until=6
        """,
        """
        start | end | grade | criteria | flags
        0     | 2   | 1     | fever    | -
        2     | 6   | 1     | fever    | inotrope
        6     | 24  | 1     | fever    | -
        """,
    ),
    Case(
        "no pressure measured leaves grade 2 open",
        """
        0 car_t_infusion   trial_product
        0 body_temperature 38.5
        2 systolic_bp      90
        """,
        """
        start | end | grade | criteria | missing
        0     | 2   | 1..2  | fever    | blood_pressure
        2     | 10  | 1     | fever    | -
        10    | 24  | 1..2  | fever    | blood_pressure
        """,
    ),
    Case(
        "a mean pressure of 64 is low although the systolic is not; 65 is not",
        """
        0 car_t_infusion         trial_product
        0 systolic_bp            120 until=24
        0 body_temperature       38.5
        2 mean_arterial_pressure 64
        4 mean_arterial_pressure 65
        6 systolic_bp            89 until=8
        """,
        """
        start | end | grade | criteria          | missing        | evidence
        0     | 2   | 1     | fever             | -              | r3
        2     | 4   | 2     | fever hypotension | -              | r3 r4
        4     | 6   | 1     | fever             | -              | r3
        6     | 8   | 2     | fever hypotension | -              | r3 r6
        8     | 12  | 1     | fever             | -              | r3
        12    | 24  | 1..2  | fever             | blood_pressure | r3
        """,
    ),
    Case(
        "a child of 4 years is hypotensive at 77 and not at 78; its mean pressure is not used",
        """
        0 car_t_infusion         trial_product
        0 body_temperature       38.5
        0 systolic_bp            77
        0 mean_arterial_pressure 50 until=24
        4 systolic_bp            78 until=24
        """,
        """
        start | end | grade | criteria          | evidence
        0     | 4   | 2     | fever hypotension | r2 r3
        4     | 24  | 1     | fever             | r2
        """,
        patient={"age_years": 4.0},
    ),
    Case(
        "the patient's own systolic threshold replaces the table",
        """
        0 car_t_infusion   trial_product
        0 body_temperature 38.5
        0 systolic_bp      99
        4 systolic_bp      100 until=24
        """,
        """
        start | end | grade | criteria
        0     | 4   | 2     | fever hypotension
        4     | 24  | 1     | fever
        """,
        patient={"sbp_threshold": 100.0},
    ),
    Case(
        "with an unknown age 85 mmHg may be low, 59 is, 90 is not",
        """
        0  car_t_infusion   trial_product
        0  body_temperature 38.5
        0  systolic_bp      85
        4  systolic_bp      59
        8  systolic_bp      90 until=24
        """,
        """
        start | end | grade | criteria          | missing
        0     | 4   | 1..2  | fever             | age
        4     | 8   | 2     | fever hypotension | -
        8     | 24  | 1     | fever             | -
        """,
        patient=UNKNOWN_AGE,
    ),
    Case(
        "with an unknown age a mean pressure of 64 may count, one of 65 says nothing",
        """
        0 car_t_infusion         trial_product
        0 body_temperature       38.5
        0 mean_arterial_pressure 64
        4 mean_arterial_pressure 65 until=24
        """,
        """
        start | end | grade | criteria | missing
        0     | 4   | 1..2  | fever    | age
        4     | 24  | 1..2  | fever    | blood_pressure
        """,
        patient=UNKNOWN_AGE,
    ),
    Case(
        "a birth date gives the age at the trigger: 17 years until the birthday",
        """
        0 car_t_infusion         trial_product
        0 body_temperature       38.5
        0 mean_arterial_pressure 64 until=24
        """,
        """
        start | end | grade | missing
        0     | 24  | 1..2  | blood_pressure
        """,
        patient={"birth_date": "1952-01-02"},
    ),
    Case(
        "a cannula without a flow is 2 to 3",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 oxygen_device    nasal_cannula until=10
        6 oxygen_flow      4 until=10
        """,
        """
        start | end | grade | criteria                  | missing       | flags                    | evidence
        0     | 2   | 1     | fever                     | -             | -                        | r3
        2     | 6   | 2..3  | fever supplemental_oxygen | oxygen_flow   | oxygen_reason_not_stated | r3 r4
        6     | 10  | 2     | fever supplemental_oxygen | -             | oxygen_reason_not_stated | r3 r4 r5
        10    | 24  | 1     | fever                     | -             | -                        | r3
        """,
    ),
    Case(
        "a flow of 6 is low, 6.1 is high, 0 is no oxygen",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 oxygen_device    nasal_cannula until=10
        2 oxygen_flow      6
        4 oxygen_flow      6.1
        6 oxygen_flow      0 until=10
        """,
        """
        start | end | grade | criteria                                   | evidence
        0     | 2   | 1     | fever                                      | r3
        2     | 4   | 2     | fever supplemental_oxygen                  | r3 r4 r5
        4     | 6   | 3     | fever supplemental_oxygen high_flow_oxygen | r3 r4 r6
        6     | 24  | 1     | fever                                      | r3
        24    | 28  | 1..2  | -                                          | -
        """,
    ),
    Case(
        "a device that is unknown of its kind leaves all levels open",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 oxygen_device    other until=6
        """,
        """
        start | end | grade | criteria | missing
        0     | 2   | 1     | fever    | -
        2     | 6   | 1..4  | fever    | oxygen_device
        6     | 24  | 1     | fever    | -
        """,
    ),
    Case(
        "a flow without a device is oxygen of an unknown kind, until a device is charted",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 oxygen_flow      3
        6 oxygen_device    room_air
        """,
        """
        start | end | grade | criteria                  | missing       | evidence
        0     | 2   | 1     | fever                     | -             | r3
        2     | 6   | 2..4  | fever supplemental_oxygen | oxygen_device | r3 r4
        6     | 24  | 1     | fever                     | -             | r3
        24    | 30  | 1..2  | -                         | blood_pressure | -
        """,
    ),
    Case(
        "CPAP for sleep apnea does not count while the reason stands",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        2 oxygen_device    cpap        until=20
        2 oxygen_reason    sleep_apnea until=12
        """,
        """
        start | end | grade | criteria                                                     | flags
        0     | 2   | 1     | fever                                                        | -
        2     | 12  | 1     | fever                                                        | oxygen_excluded
        12    | 20  | 4     | fever supplemental_oxygen high_flow_oxygen positive_pressure | oxygen_reason_not_stated
        20    | 24  | 1     | fever                                                        | -
        """,
    ),
    Case(
        "oxygen above what the reason was given for counts",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        0 oxygen_device    nasal_cannula until=20
        0 oxygen_flow      2
        2 oxygen_reason    home_baseline until=24
        6 oxygen_flow      8 until=20
        """,
        """
        start | end | grade | criteria                                   | flags
        0     | 2   | 2     | fever supplemental_oxygen                  | oxygen_reason_not_stated
        2     | 6   | 1     | fever                                      | oxygen_excluded
        6     | 20  | 3     | fever supplemental_oxygen high_flow_oxygen | -
        20    | 24  | 1     | fever                                      | -
        """,
    ),
    Case(
        "a home cannula does not count until it is turned up",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        0 oxygen_device    nasal_cannula until=20
        0 oxygen_flow      2
        6 oxygen_flow      7 until=20
        """,
        """
        start | end | grade | criteria
        0     | 6   | 1     | fever
        6     | 20  | 3     | fever supplemental_oxygen high_flow_oxygen
        20    | 24  | 1     | fever
        """,
        patient={**ADULT, "baseline_oxygen_device": "nasal_cannula"},
    ),
    Case(
        "shock without a fever cannot be graded",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      85 until=24
        0 body_temperature 37 until=24
        4 norepinephrine   0.1 until=8
        """,
        """
        start | end | grade | criteria                | missing                 | flags        | evidence | episode
        0     | 4   | 0..2  | hypotension             | attribution_hypotension | not_gradable | r2       | -
        4     | 8   | 0..3  | hypotension vasopressor | attribution_hypotension | not_gradable | r2 r4    | -
        8     | 24  | 0..2  | hypotension             | attribution_hypotension | not_gradable | r2       | -
        """,
    ),
    Case(
        "after acetaminophen in the episode fever is not needed",
        """
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=30
        0  body_temperature 38.5
        2  acetaminophen    650
        30 body_temperature 37 until=72
        30 systolic_bp      85
        34 systolic_bp      120 until=72
        """,
        """
        start | end | grade | criteria                 | missing          | evidence | episode
        0     | 2   | 1     | fever                    | -                | r3       | 1
        2     | 24  | 1     | fever fever_waived       | -                | r3 r4    | 1
        24    | 30  | 0..1  | fever_waived             | body_temperature | r4       | 1
        30    | 34  | 2     | fever_waived hypotension | -                | r4 r6    | 1
        34    | 58  | 1     | fever_waived             | -                | r4       | 1
        58    | 72  | 0     | -                        | -                | -        | -
        """,
        """
        episode | onset | last_sign | resolved | max | time_of_max | hours | flags
        1       | 0     | 34        | 34       | 2   | 30          | 34    | -
        """,
    ),
    Case(
        "acetaminophen before onset waives nothing and flags the episode",
        """
        -2 acetaminophen    650
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=30
        0  body_temperature 38.5
        30 body_temperature 37 until=72
        30 systolic_bp      85
        34 systolic_bp      120 until=72
        """,
        """
        start | end | grade | criteria    | missing                 | flags        | episode
        0     | 24  | 1     | fever       | -                       | -            | 1
        24    | 30  | 0..1  | -           | body_temperature        | -            | 1
        30    | 34  | 1..2  | hypotension | attribution_hypotension | not_gradable | 1
        34    | 58  | 1     | -           | -                       | -            | 1
        58    | 72  | 0     | -           | -                       | -            | -
        """,
        """
        episode | onset | last_sign | flags
        1       | 0     | 34        | antipyretic_before_onset
        """,
    ),
    Case(
        "a dose of 0 waives nothing; one that still runs at onset does",
        """
        -1 anakinra         100 until=1
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=24
        0  body_temperature 38.5
        2  acetaminophen    0 until=3
        """,
        """
        start | end | grade | criteria           | evidence
        0     | 24  | 1     | fever fever_waived | r4 r1
        """,
    ),
    Case(
        "another cause takes a sign away while it stands",
        """
        0 car_t_infusion          trial_product
        0 systolic_bp             85 until=24
        0 body_temperature        38.5
        4 attribution             infection until=12
        6 attribution_hypotension crs until=8
        """,
        """
        start | end | grade | criteria
        0     | 4   | 2     | fever hypotension
        4     | 6   | 1     | fever
        6     | 8   | 2     | fever hypotension
        8     | 12  | 1     | fever
        12    | 24  | 2     | fever hypotension
        """,
    ),
    Case(
        "the cause of a fever is looked up at the reading's own time",
        """
        0 car_t_infusion    trial_product
        0 systolic_bp       120 until=24
        0 attribution_fever infection until=2
        0 body_temperature  38.5
        4 body_temperature  38.5
        """,
        """
        start | end | grade | criteria | evidence | episode
        0     | 4   | 0     | -        | -        | -
        4     | 24  | 1     | fever    | r5       | 1
        """,
    ),
    Case(
        "a bound that spares neither side of 38.0 leaves the fever unknown",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature <38.1
        2 body_temperature >=38.0
        """,
        """
        start | end | grade | criteria | missing          | evidence
        0     | 2   | 0..1  | -        | body_temperature | -
        2     | 24  | 1     | fever    | -                | r4
        """,
    ),
    Case(
        "of two values for one moment the worse counts, an amended row wins, an error is taken back",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        2 body_temperature 37.9
        2 body_temperature 38.0
        4 body_temperature 39.0
        4 body_temperature 37.0 status=amended
        6 norepinephrine   0.1 until=8 source=pump
        9 norepinephrine   0 source=pump status=entered-in-error
        """,
        """
        start | end | grade | criteria | evidence | episode
        0     | 2   | 0..1  | -        | -        | -
        2     | 24  | 1     | fever    | r4       | 1
        """,
        superseded=(3, 5, 7, 8),
    ),
    Case(
        "fever before the trigger flags the episode",
        """
        -2 body_temperature 38.4
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=24
        """,
        """
        start | end | grade | criteria | missing          | flags                | evidence | episode
        0     | 22  | 1     | fever    | -                | fever_before_trigger | r1       | 1
        22    | 24  | 0..1  | -        | body_temperature | fever_before_trigger | -        | 1
        """,
        """
        episode | onset | last_sign | state   | flags
        1       | 0     | 0         | unknown | fever_before_trigger
        """,
    ),
    Case(
        "death from CRS is grade 5 to the end of what is known",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        6 death            crs
        """,
        """
        start | end | grade | criteria       | missing | evidence | episode
        0     | 6   | 1     | fever          | -       | r3       | 1
        6     | 30  | 5     | death_from_crs | -       | r4       | 1
        """,
        """
        episode | onset | max | time_of_max | resolved
        1       | 0     | 5   | 6           | -
        """,
    ),
    Case(
        "death of an unknown cause leaves everything open",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        6 death            unknown
        """,
        """
        start | end | grade | criteria | missing     | episode
        0     | 6   | 1     | fever    | -           | 1
        6     | 30  | 0..5  | -        | death_cause | 1
        """,
    ),
    Case(
        "death of another cause ends the watch",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=24
        0 body_temperature 38.5
        6 death            progression
        """,
        """
        start | end | grade | criteria
        0     | 6   | 1     | fever
        """,
        """
        episode | onset | last_sign | state
        1       | 0     | 0         | died
        """,
    ),
    Case(
        "windows that do not touch are graded apart",
        """
        0   car_t_infusion      trial_product
        0   body_temperature    38.5
        960 t_cell_engager_dose 1.5 trial_engager
        960 body_temperature    38.3
        """,
        """
        start | end | grade | criteria | missing                         | episode
        0     | 24  | 1..2  | fever    | blood_pressure                  | 1
        24    | 720 | 0..2  | -        | body_temperature blood_pressure | 1
        960   | 984 | 1..2  | fever    | blood_pressure                  | 2
        """,
        """
        episode | onset | exposure      | exposure_time | days_from_exposure | state   | recurrent
        1       | 0     | trial_product | 0             | 0                  | unknown | false
        2       | 960   | trial_engager | 960           | 0                  | unknown | true
        """,
    ),
    Case(
        "without a trigger nothing is graded and what is seen is shown",
        """
        0 body_temperature 38.5
        2 norepinephrine   0.1 until=4
        """,
        """
        start | end | grade | criteria          | missing    | flags      | evidence | episode
        0     | 2   | -     | fever             | no_trigger | no_trigger | r1       | -
        2     | 4   | -     | fever vasopressor | no_trigger | no_trigger | r1 r2    | -
        4     | 8   | -     | fever             | no_trigger | no_trigger | r1       | -
        """,
    ),
    Case(
        "an assumed trigger is marked everywhere",
        """
        0 body_temperature 38.5
        2 norepinephrine   0.1 until=4
        """,
        """
        start | end | grade | criteria          | missing        | flags
        0     | 2   | 1..2  | fever             | blood_pressure | assumed_trigger
        2     | 4   | 3     | fever vasopressor | -              | assumed_trigger
        4     | 8   | 1..2  | fever             | blood_pressure | assumed_trigger
        """,
        """
        episode | onset | exposure      | exposure_time | flags
        1       | 0     | trial_product | 0             | assumed_trigger
        """,
        options={"assume_trigger": "trial_product"},
    ),
    Case(
        "as of a moment nothing later is known",
        """
        0 car_t_infusion   trial_product
        0 systolic_bp      120 until=72
        6 body_temperature 38.5
        7 systolic_bp      85 available=11
        12 norepinephrine  0.1
        """,
        """
        start | end | grade | criteria | missing
        0     | 6   | 0..1  | -        | body_temperature
        6     | 10  | 1     | fever    | -
        """,
        """
        episode | onset | last_sign | state
        1       | 6     | 6         | ongoing
        """,
        options={"as_of": tables.time_of("10")},
    ),
    Case(
        "doses are counted within the episode, steroid days from the exposure",
        """
        0  car_t_infusion   trial_product
        0  systolic_bp      120 until=60
        4  tocilizumab      560
        6  body_temperature 38.5
        7  tocilizumab      560
        15 tocilizumab      0
        20 dexamethasone    10
        23 dexamethasone    10
        24 dexamethasone    10
        30 body_temperature 37 until=60
        31 methylprednisolone 60
        """,
        """
        start | end | grade | criteria           | missing          | episode
        0     | 6   | 0..1  | -                  | body_temperature | -
        6     | 7   | 1     | fever              | -                | 1
        7     | 30  | 1     | fever fever_waived | -                | 1
        30    | 60  | 0     | -                  | -                | -
        """,
        """
        episode | tocilizumab_doses | steroid_days | flags
        1       | 1                 | 2            | antipyretic_before_onset
        """,
    ),
    Case(
        "ICE 0 in a patient who cannot be roused is grade 4",
        """
        0 car_t_infusion trial_product
        0 ice_score      0
        0 consciousness  unarousable
        """,
        """
        start | end | grade | criteria                            | evidence | episode
        0     | 24  | 4     | ice_grade_3 consciousness_grade_4   | r2 r3    | 1
        """,
        """
        episode | onset | last_sign | state   | max
        1       | 0     | 24        | ongoing | 4
        """,
        ICANS,
    ),
    Case(
        "an ICE of 10 means awake; 6.5 lies in the band of 3 to 6",
        """
        0  car_t_infusion trial_product
        0  ice_score      10
        12 ice_score      6.5 until=24
        """,
        """
        start | end | grade | criteria    | flags         | episode
        0     | 12  | 0     | -           | awake_assumed | -
        12    | 24  | 2     | ice_grade_2 | awake_assumed | 1
        """,
        scale=ICANS,
    ),
    Case(
        "nobody looked: all of ICANS is open",
        "0 car_t_infusion trial_product",
        """
        start | end | grade | missing
        0     | 24  | 0..4  | ice_score consciousness neuro_exam
        """,
        scale=ICANS,
    ),
    Case(
        "under sedation ICE and consciousness cannot be graded",
        """
        0  car_t_infusion trial_product
        0  ice_score      10
        6  sedated        yes
        12 sedated        no
        """,
        """
        start | end | grade | missing                | flags
        0     | 6   | 0     | -                      | awake_assumed
        6     | 12  | 0..4  | sedated                | sedated
        12    | 24  | 0     | -                      | awake_assumed
        24    | 36  | 0..4  | ice_score consciousness | -
        """,
        scale=ICANS,
    ),
    Case(
        "a seizure speaks for 24 h; whether it is over is unknown until someone charts again",
        """
        0  car_t_infusion trial_product
        0  ice_score      10
        0  consciousness  awake until=60
        4  seizure        brief
        30 ice_score      10
        """,
        """
        start | end | grade | criteria        | missing              | evidence | episode
        0     | 4   | 0     | -               | -                    | -        | -
        4     | 28  | 3     | seizure_grade_3 | -                    | r4       | 1
        28    | 30  | 0..4  | -               | ice_score neuro_exam | -        | 1
        30    | 52  | 0     | -               | -                    | -        | 1
        52    | 54  | 0     | -               | -                    | -        | -
        54    | 60  | 0..3  | -               | ice_score            | -        | -
        """,
        """
        episode | onset | last_sign | resolved | hours
        1       | 4     | 28        | 28       | 24
        """,
        ICANS,
    ),
    Case(
        "an item of the ICE that is missing leaves its points open",
        """
        0 car_t_infusion trial_product
        0 ice_year       1
        0 ice_month      1
        0 ice_city       1
        0 ice_hospital   1
        0 ice_naming     3
        0 ice_command    1
        0 ice_writing    1
        6 ice_score      6
        """,
        """
        start | end | grade | criteria    | missing   | flags         | evidence
        0     | 6   | 0..1  | -           | ice_score | awake_assumed | -
        6     | 30  | 2     | ice_grade_2 | -         | awake_assumed | r9
        """,
        scale=ICANS,
    ),
    Case(
        "a child is graded by CAPD; without a record of being awake it is assumed",
        """
        0  car_t_infusion trial_product
        0  capd_score     8
        6  capd_score     9
        12 ice_score      0 until=24
        """,
        """
        start | end | grade | criteria     | flags
        0     | 6   | 1     | capd_grade_1 | awake_assumed
        6     | 30  | 3     | capd_grade_3 | awake_assumed
        """,
        patient={"age_years": 11.9},
        scale=ICANS,
    ),
    Case(
        "with an unknown age and both instruments the age would settle it",
        """
        0 car_t_infusion trial_product
        0 ice_score      10
        0 capd_score     9
        """,
        """
        start | end | grade | missing | flags
        0     | 24  | 0..3  | age     | awake_assumed
        """,
        patient=UNKNOWN_AGE,
        scale=ICANS,
    ),
    Case(
        "another cause of the neurological signs takes all of them away",
        """
        0 car_t_infusion    trial_product
        0 ice_score         0
        0 consciousness     to_touch
        4 attribution_neuro sedation until=8
        """,
        """
        start | end | grade | criteria                          | missing | episode
        0     | 4   | 3     | ice_grade_3 consciousness_grade_3 | -       | 1
        4     | 8   | 0     | -                                 | -       | 1
        8     | 24  | 3     | ice_grade_3 consciousness_grade_3 | -       | 1
        """,
        scale=ICANS,
    ),
    Case(
        "death from ICANS is grade 5 of ICANS",
        """
        0 car_t_infusion trial_product
        0 ice_score      2
        0 consciousness  awake
        6 death          icans
        """,
        """
        start | end | grade | criteria         | evidence | episode
        0     | 6   | 3     | ice_grade_3      | r2       | 1
        6     | 30  | 5     | death_from_icans | r4       | 1
        """,
        scale=ICANS,
    ),
    Case(
        "bleeding does not count and is flagged",
        """
        0 car_t_infusion          trial_product
        0 ice_score               10
        0 consciousness           awake
        4 intracranial_hemorrhage present until=8
        """,
        """
        start | end | grade | flags
        0     | 4   | 0     | -
        4     | 8   | 0     | intracranial_hemorrhage
        8     | 24  | 0     | -
        """,
        scale=ICANS,
    ),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_a_patient_worked_by_hand(engine: Engine, case: Case) -> None:
    known = dict(case.patient)
    if isinstance(known.get("birth_date"), str):
        known["birth_date"] = pl.Series([known["birth_date"]]).str.to_date().item()
    charted, patients = tables.observations(case.charted), tables.patients(**known)
    timeline, episodes, superseded = engine(charted, patients, load(), case.scale, **case.options)
    assert tables.shown(timeline, case.timeline) == tables.expected(case.timeline)
    if case.episodes:
        assert tables.shown(episodes, case.episodes) == tables.expected(case.episodes)
    assert tuple(superseded) == case.superseded


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_the_hours_clock_knows_no_birthday(engine: Engine) -> None:
    charted = tables.observations("""
        0 car_t_infusion   trial_product
        0 body_temperature 38.5
        0 systolic_bp      85 until=24
    """)
    patients = tables.patients(birth_date=pl.Series(["1952-01-02"]).str.to_date().item())
    timeline, _, _ = engine(charted, patients, load(), CRS, clock="hours")
    table = """
        start | end | grade | missing
        0     | 24  | 1..2  | age
    """
    assert tables.shown(timeline, table) == tables.expected(table)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
@pytest.mark.parametrize("scale", [CRS, ICANS])
def test_an_empty_table_gives_empty_tables(engine: Engine, scale: str) -> None:
    timeline, episodes, superseded = engine(tables.observations(""), None, load(), scale)
    assert (timeline.height, episodes.height, superseded) == (0, 0, [])


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
@pytest.mark.parametrize("scale", [CRS, ICANS])
def test_the_order_of_the_rows_does_not_matter(engine: Engine, scale: str) -> None:
    charted, patients = random_patients(60, seed=5)
    mixed = charted.sample(fraction=1, shuffle=True, seed=1)
    whole, again = engine(charted, patients, load(), scale), engine(mixed, patients, load(), scale)
    assert whole[0].equals(again[0])
    assert whole[1].equals(again[1])
    assert whole[2] == again[2]


@pytest.mark.parametrize("scale", [CRS, ICANS])
def test_the_twin_looks_at_every_moment_that_matters(monkeypatch: pytest.MonkeyPatch, scale: str) -> None:
    charted, patients = random_patients(60, seed=6)
    whole = grade_reference(charted, patients, load(), scale)
    for module in (crs, icans, patient):
        monkeypatch.setattr(module, "moments", _more_moments)
    again = grade_reference(charted, patients, load(), scale)
    assert whole[0].equals(again[0])
    assert whole[1].equals(again[1])


def _more_moments(edges: list[int], gaps: tuple[int, ...], span: Span) -> list[int]:
    """The moments of the twin, and three more between each two of them."""
    times = states.moments(edges, gaps, span)
    between = {more for a, b in pairwise([*times, span.end]) for more in (a + 1, (a + b) // 2, b - 1) if a < more < b}
    return sorted({*times, *between})
