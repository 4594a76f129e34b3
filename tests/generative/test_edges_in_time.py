"""Just before, at and just after every span of time that the tables have: validity, gaps, windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import polars as pl
from tests.lib.edges import (
    ADULT_AGE,
    CRS,
    FEBRILE,
    HOUR,
    ICANS,
    LONG,
    MINUTE,
    NORMAL,
    TRIGGER,
    Check,
    Row,
    bounds,
    drugs,
    exactly,
    graded,
    microseconds,
    none_wrong,
    pressures,
    row,
    scored,
)
from tests.lib.truth import Facts, crs_grade

from cytowatch.knowledge import load

# --- time: how long a row speaks ----------------------------------------------------------------------------------

START = timedelta(hours=2)


def hours(policy: str) -> timedelta:
    return timedelta(hours=float(str(load().policy(policy))))


def around(edge: timedelta) -> tuple[timedelta, timedelta, timedelta]:
    return edge - MINUTE, edge, edge + MINUTE


def lasting_checks() -> Iterator[Check]:
    """For every concept that a scale reads: one row, everything else known for long; until valid_for the same."""
    known = load().concepts
    fever = row("body_temperature", "39", unit="Cel", until=LONG)
    normal = row("systolic_bp", "120", unit="mm[Hg]", until=LONG)
    afebrile = row("body_temperature", "37", unit="Cel", at=START)
    cannula = row("oxygen_device", text="nasal_cannula", until=LONG)
    bipap = row("oxygen_device", text="bipap", at=START)
    flow, fraction = row("oxygen_flow", "3", unit="L/min", at=START), row("fio2", "0.4", at=START)
    samples: list[tuple[str, tuple[Row, ...], dict[str, Any], dict[str, Any]]] = [
        ("body_temperature", (normal, afebrile), exactly(0), bounds(0, 1)),
        ("oxygen_flow", (fever, normal, cannula, flow), exactly(2), bounds(2, 3)),
        ("oxygen_flow", (fever, normal, flow), bounds(2, 4), exactly(1)),
        ("fio2", (fever, normal, fraction), bounds(2, 4), exactly(1)),
        ("oxygen_device", (fever, normal, bipap), exactly(4), bounds(1, 4)),
    ]
    for concept, _ in pressures():
        samples.append((concept, (fever, row(concept, "120", unit="mm[Hg]", at=START)), exactly(1), bounds(1, 2)))
    for drug in drugs():
        grade = crs_grade(load().scales[CRS], Facts(FEBRILE | NORMAL, rates={drug: Fraction(1)}, age=ADULT_AGE))
        running = row(drug, "0.001", unit=known[drug].units[0], at=START)
        samples.append((drug, (fever, normal, running), exactly(grade.at_least), bounds(1, grade.at_most)))
    for concept, rows, before, after in samples:
        valid = timedelta(microseconds=known[concept].valid_for_us or 0)
        for moment in around(START + valid):
            expected = before if moment < START + valid else after
            yield Check(f"{concept} {moment}", (TRIGGER, *rows), expected, at=moment)


def neuro_lasting_checks() -> Iterator[Check]:
    """The same for what the brain's scale reads; after its time an instrument, wakefulness or event is unknown."""
    for domain in load().scales[ICANS].domains:
        patient, awake = scored(domain)
        ice = row("ice_score", "10", until=LONG)
        rows: tuple[Row, ...]
        if domain.bands:
            rows, before, after = (awake, row(domain.concept, "8", at=START)), exactly(1), bounds(0, 3)
        elif domain.by_exception:
            category, grade = max(domain.categories.items(), key=lambda pair: pair[1])
            rows = (awake, ice, row(domain.concept, text=category, at=START))
            before, after = exactly(grade), bounds(0, 4)
        else:
            rows, before, after = (ice, row(domain.concept, text="to_touch", at=START)), exactly(3), exactly(0)
        valid = timedelta(microseconds=load().concepts[domain.concept].valid_for_us or 0)
        for moment in around(START + valid):
            expected = before if moment < START + valid else after
            yield Check(f"{domain.concept} {moment}", (TRIGGER, *rows), expected, patient, moment)


def test_how_long_every_row_speaks() -> None:
    none_wrong(list(lasting_checks()), CRS)
    none_wrong(list(neuro_lasting_checks()), ICANS)


# --- time: fever, episodes, windows -------------------------------------------------------------------------------


def test_how_long_fever_counts() -> None:
    gap = hours("fever_gap_hours")
    rows = (
        TRIGGER, row("body_temperature", "38.5", unit="Cel"), row("systolic_bp", "80", unit="mm[Hg]", until=LONG),
        row("body_temperature", "37", unit="Cel", at=HOUR, until=LONG),
    )  # fmt: skip
    checks = []
    for moment in around(gap):
        present = moment < gap
        criteria = frozenset({"fever", "hypotension"} if present else {"hypotension"})
        expected = {"at_least": 2 if present else 1, "at_most": 2, "criteria": criteria}
        checks.append(Check(f"fever {moment}", rows, expected, at=moment))
    none_wrong(checks, CRS)


def episode_counts(checks: list[Check], scale: str) -> list[int]:
    counts = dict(graded(checks, scale).episodes.group_by("patient").len().iter_rows())
    return [counts.get(str(place), 0) for place in range(len(checks))]


def test_when_a_sign_is_a_new_episode() -> None:
    gap = hours("episode_gap_hours")
    normal = row("systolic_bp", "120", unit="mm[Hg]", until=LONG)
    pressor = row("norepinephrine", "0.1", unit="ug/kg/min", until=2 * HOUR)
    checks = []
    for last, extra in ((timedelta(0), ()), (2 * HOUR, (pressor,))):
        for again in around(last + gap):
            temperatures = (
                row("body_temperature", "38.5", unit="Cel"),
                row("body_temperature", "37", unit="Cel", at=HOUR, until=LONG),
                row("body_temperature", "38.5", unit="Cel", at=again),
            )
            checks.append(Check(f"fever again {again}", (TRIGGER, normal, *temperatures, *extra), {}))
    assert episode_counts(checks, CRS) == [1, 2, 2, 1, 2, 2]


def test_when_a_sign_is_a_new_episode_of_the_brain() -> None:
    gap, well = hours("episode_gap_hours"), 2 * HOUR
    awake = row("consciousness", text="awake", until=LONG)
    checks = []
    for again in around(well + gap):
        scores = (row("ice_score", "5"), row("ice_score", "10", at=well, until=LONG), row("ice_score", "5", at=again))
        checks.append(Check(f"ICE again {again}", (TRIGGER, awake, *scores), {}))
    assert episode_counts(checks, ICANS) == [1, 2, 2]


def flagged(checks: list[Check], flag: str) -> list[bool]:
    episodes = graded(checks, CRS).episodes.sort("patient", "episode").unique("patient", keep="first")
    flags = {one["patient"]: one["flags"] for one in episodes.iter_rows(named=True)}
    return [flag in flags[str(place)] for place in range(len(checks))]


def test_how_far_back_a_fever_flags_an_episode() -> None:
    gap = hours("fever_before_trigger_hours")
    normal = row("systolic_bp", "120", unit="mm[Hg]", until=LONG)
    back = [
        (row("body_temperature", "38.5", unit="Cel", at=-early), row("body_temperature", "38.5", unit="Cel", at=HOUR))
        for early in around(gap)
    ]
    ahead = [
        (
            row("body_temperature", "38.5", unit="Cel", at=-4 * HOUR),
            row("body_temperature", "37", unit="Cel", at=-3 * HOUR, until=LONG),
            row("body_temperature", "38.5", unit="Cel", at=onset),
        )
        for onset in around(gap)
    ]
    checks = [Check("early fever", (TRIGGER, normal, *rows), {}) for rows in (*back, *ahead)]
    assert flagged(checks, "fever_before_trigger") == [True, True, False, True, False, False]


def test_how_far_back_a_drug_flags_an_episode() -> None:
    gap, onset = hours("antipyretic_before_onset_hours"), 30 * HOUR
    normal = row("systolic_bp", "120", unit="mm[Hg]", until=LONG)
    fever = row("body_temperature", "38.5", unit="Cel", at=onset)
    checks = [
        Check("early dose", (TRIGGER, normal, fever, row("acetaminophen", "650", unit="mg", at=onset - early)), {})
        for early in (*around(gap), timedelta(0))
    ]
    assert flagged(checks, "antipyretic_before_onset") == [True, True, False, False]


def test_every_window_of_every_product() -> None:
    windows = {key: timedelta(days=product.window_days) for key, product in load().products.items()}
    rows = {key: row(product.concept, text=key) for key, product in load().products.items()}
    policy: dict[str, float] = dict(load().policies["windows"].value)  # type: ignore[call-overload]
    windows |= {concept: timedelta(days=days) for concept, days in policy.items()}
    rows |= {concept: row(concept, text="a product that the tables do not know") for concept in policy}
    afebrile = row("body_temperature", "37", unit="Cel", until=max(windows.values()) + HOUR)
    checks = [Check(key, (rows[key], afebrile), {}) for key in windows]
    ends = graded(checks, CRS).timeline.group_by("patient").agg(pl.col("end").max())
    found = {checks[int(patient)].about: end for patient, end in ends.iter_rows()}
    assert found == {key: microseconds(window) for key, window in windows.items()}
