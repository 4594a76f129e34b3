"""Just under, on and just over every edge that the tables have, in every unit; the answers come from the tables too."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import pytest
from tests.lib.edges import (
    ADULT,
    ADULT_AGE,
    CRS,
    FEBRILE,
    ICANS,
    NORMAL,
    TRIGGER,
    Check,
    Number,
    ages,
    by_years,
    crs_check,
    cuts,
    drugs,
    exactly,
    none_wrong,
    numbers,
    pressures,
    row,
    scored,
)
from tests.lib.truth import Facts, band_grade, cutoff, every_cutoff

from cytowatch.knowledge import load

# --- CRS: numbers -------------------------------------------------------------------------------------------------


def number_checks() -> Iterator[Check]:
    """Fever, flow and oxygen fraction: each cut-off, in each unit, beside each device."""
    for criterion, compare, devices in cuts(load().scales[CRS]):
        for device in devices or ("",):
            for number in numbers(compare.concept, Fraction(str(compare.value)), compare.unit):
                facts = Facts(FEBRILE | NORMAL | {compare.concept: number.canonical}, device=device, age=ADULT_AGE)
                about = f"{criterion}: {compare.concept} {number.printed} {number.unit} {device}"
                yield crs_check(about, facts, {compare.concept: number})


def test_every_number_of_a_criterion() -> None:
    checks = list(number_checks())
    said = {(check.about.split()[1], check.about.split()[2]) for check in checks}
    wanted = {("body_temperature", n) for n in ("37.9", "38", "38.1", "100.3", "100.4", "100.5")}
    wanted |= {("oxygen_flow", n) for n in ("5.9", "6", "6.1", "0", "0.001")}
    wanted |= {("fio2", n) for n in ("0.21", "0.211", "21", "22")}
    assert wanted - said == set()
    none_wrong(checks, CRS)


def test_a_fraction_without_a_unit_is_read_as_per_cent_from_21() -> None:
    checks = []
    for percent in (21, 22, 60, 100):
        facts = Facts(FEBRILE | NORMAL | {"fio2": Fraction(percent, 100)}, age=ADULT_AGE)
        checks.append(crs_check(f"fio2 {percent}", facts, {"fio2": Number(str(percent), "", Fraction(percent, 100))}))
    none_wrong(checks, CRS)


# --- CRS: pressure by age -----------------------------------------------------------------------------------------


def pressure_checks(concept: str, threshold: str) -> Iterator[Check]:
    """Both sides of the cut-off at both sides of every age edge; all spellings of the units for an adult."""
    highest = max(every_cutoff(threshold)[0])
    for patient, age in ages(threshold):
        cut = cutoff(threshold, age) or highest
        for number in numbers(concept, cut, spellings=patient == ADULT):
            facts = Facts(FEBRILE | {concept: number.canonical}, age=age)
            yield crs_check(f"{concept} {number.printed} {number.unit} {patient}", facts, {concept: number}, patient)


@pytest.mark.parametrize(("concept", "threshold"), pressures())
def test_every_pressure_at_every_age(concept: str, threshold: str) -> None:
    none_wrong(list(pressure_checks(concept, threshold)), CRS)


@pytest.mark.parametrize(("concept", "threshold"), pressures())
def test_every_pressure_at_an_unknown_age(concept: str, threshold: str) -> None:
    checks = []
    for cut in every_cutoff(threshold)[0]:
        for number in numbers(concept, cut, spellings=False):
            facts = Facts(FEBRILE | {concept: number.canonical})
            checks.append(crs_check(f"{concept} {number.printed} {number.unit}", facts, {concept: number}, {}))
    none_wrong(checks, CRS)


@pytest.mark.parametrize("age", [0.05, 5.0, 60.0, None])
def test_a_limit_of_ones_own_replaces_the_table(age: float | None) -> None:
    checks = []
    for threshold in load().thresholds.values():
        for own in (75, 100) if threshold.own else ():
            patient = {threshold.own: float(own), "age_years": age}
            known = None if age is None else by_years(age)[1]
            for number in numbers(threshold.concept, Fraction(own), spellings=False):
                reading = {threshold.concept: number.canonical}
                facts = Facts(FEBRILE | reading, age=known, own={threshold.key: Fraction(own)})
                checks.append(crs_check(f"own {own}: {number.printed}", facts, {threshold.concept: number}, patient))
    none_wrong(checks, CRS)


# --- CRS: drugs and devices ---------------------------------------------------------------------------------------


def test_a_drug_runs_above_0_in_every_unit() -> None:
    checks = []
    for drug in drugs():
        for family in load().concepts[drug].units:
            for number in numbers(drug, Fraction(0), family):
                if not 0 < number.canonical < Fraction(1, 10**9):
                    facts = Facts(FEBRILE | NORMAL, rates={drug: number.canonical}, age=ADULT_AGE)
                    checks.append(crs_check(f"{drug} {number.printed} {number.unit}", facts, {drug: number}))
    none_wrong(checks, CRS)


def test_every_two_and_three_drugs_together() -> None:
    tiny = Fraction(1, 1000)
    checks = []
    for count in (2, 3):
        for some in combinations(drugs(), count):
            facts = Facts(FEBRILE | NORMAL, rates=dict.fromkeys(some, tiny), age=ADULT_AGE)
            checks.append(crs_check(" + ".join(some), facts, {}))
    none_wrong(checks, CRS)


@pytest.mark.parametrize("flow", [None, 0, 2, 6, 7])
def test_every_device(flow: int | None) -> None:
    checks = []
    for device in load().concepts["oxygen_device"].categories:
        reading = {} if flow is None else {"oxygen_flow": Fraction(flow)}
        facts = Facts(FEBRILE | NORMAL | reading, device=device, age=ADULT_AGE)
        checks.append(crs_check(f"{device} {flow}", facts, {}))
    none_wrong(checks, CRS)


# --- ICANS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ice", "capd"])
def test_every_band_of_a_score(name: str) -> None:
    domain = next(part for part in load().scales[ICANS].domains if part.id == name)
    patient, awake = scored(domain)
    checks = []
    for cut in sorted({edge for band in domain.bands for edge in (band.low, band.high)}):
        for number in numbers(domain.concept, Fraction(str(cut))):
            expected = exactly(band_grade(domain.bands, number.canonical))
            about = f"{domain.concept} {number.printed} {number.unit!r}"
            checks.append(Check(about, (TRIGGER, awake, row(domain.concept, number)), expected, patient))
    none_wrong(checks, ICANS)


def test_every_sum_of_the_items_of_a_score() -> None:
    domain = next(part for part in load().scales[ICANS].domains if part.items)
    patient, awake = scored(domain)
    checks = []
    for total in range(sum(most for _, most in domain.items) + 1):
        left, rows = total, [TRIGGER, awake]
        for item, most in domain.items:
            rows.append(row(item, str(min(most, left))))
            left -= min(most, left)
        checks.append(Check(f"items {total}", tuple(rows), exactly(band_grade(domain.bands, Fraction(total))), patient))
        # one item fewer: the grade lies between the worst and the best that it could have given
        missing, most = domain.items[-1]
        known = [one for one in rows if one["concept"] != missing]
        points = total - int(rows[-1]["value"])
        low, high = (band_grade(domain.bands, Fraction(points + extra)) for extra in (most, 0))
        checks.append(
            Check(f"items {total} without {missing}", tuple(known), {"at_least": low, "at_most": high}, patient)
        )
    none_wrong(checks, ICANS)


def test_every_category() -> None:
    checks = []
    for domain in load().scales[ICANS].domains:
        for category, grade in domain.categories.items():
            ice, awake = row("ice_score", "10"), row("consciousness", text="awake")
            base = (TRIGGER, ice) if domain.concept == "consciousness" else (TRIGGER, ice, awake)
            rows = (*base, row(domain.concept, text=category))
            checks.append(Check(f"{domain.concept} {category}", rows, exactly(grade)))
    assert len(checks) == sum(len(domain.categories) for domain in load().scales[ICANS].domains)
    none_wrong(checks, ICANS)


def test_the_age_from_which_ice_is_used() -> None:
    first = int(str(load().policy("ice_from_years")))
    rows = (TRIGGER, row("consciousness", text="awake"), row("ice_score", "10"), row("capd_score", "20"))
    checks = []
    for years, grade in ((first, 0), (first - 0.001, 3), (first + 0.001, 0), (first - 1, 3)):
        checks.append(Check(f"{years} years", rows, exactly(grade), by_years(float(years))[0]))
        delayed = {**by_years(float(years))[0], "developmental_delay": True}
        checks.append(Check(f"{years} years, delayed", rows, exactly(3), delayed))
    none_wrong(checks, ICANS)
