"""Virtual patients are drawn as stated: the same whoever else is drawn, with the stated spread, within the limits."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, cast

import numpy as np
import pytest

from cytowatch.errors import ArgumentError
from cytowatch.simulate import cohort
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.population import BLOCK, LIMITS, Drawn, draw, parameters, typical
from cytowatch.simulate.products import Product, product, products

ENGAGER = product("mosunetuzumab")
SPREAD = {name: one for name, one in parameters(ENGAGER.mechanism).items() if one.spread is not None}


def varied(drawn: Drawn, which: slice = slice(None)) -> dict[str, Any]:
    return {name: drawn.values[name][which] for name in SPREAD}


def same(one: dict[str, Any], other: dict[str, Any], but: str = "") -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one if name != but)


def test_a_patient_is_the_same_whoever_else_is_drawn() -> None:
    few, many = draw(ENGAGER, 20, 1), draw(ENGAGER, BLOCK + 40, 1)
    assert same(varied(few), varied(many, slice(20)))
    # also across the edge of what is drawn at once, and from any first patient on
    across = draw(ENGAGER, 20, 1, first=BLOCK - 10)
    assert same(varied(across), varied(many, slice(BLOCK - 10, BLOCK + 10)))
    assert same(varied(draw(ENGAGER, 1, 1, first=7)), varied(few, slice(7, 8)))


def test_another_seed_brings_other_patients() -> None:
    assert not np.isin(draw(ENGAGER, 50, 1).values["B0"], draw(ENGAGER, 50, 2).values["B0"]).any()


def test_an_arm_changes_only_what_it_names() -> None:
    plain = draw(ENGAGER, 50, 1)
    treated = draw(ENGAGER, 50, 1, changed={"tocilizumab_grade": 1, "B0": 2})
    assert same(varied(plain), varied(treated), but="B0")
    assert treated.values["B0"] == pytest.approx(2 * plain.values["B0"])
    assert treated.values["tocilizumab_grade"] == 1
    # of a narrower limit only those outside are drawn anew
    narrow = draw(ENGAGER, 50, 1, limits={"weight": (60, 90)})
    stays = (plain.values["weight"] >= 60) & (plain.values["weight"] <= 90)
    assert same(varied(plain), varied(narrow), but="weight")
    assert np.array_equal(plain.values["weight"][stays], narrow.values["weight"][stays])
    assert 0 < narrow.rejected >= (~stays).sum()


@pytest.mark.parametrize("key", products())
def test_patients_vary_as_stated(key: str) -> None:
    given, number = product(key), BLOCK
    drawn = draw(given, number, 5)
    for name, one in parameters(given.mechanism).items():
        if one.spread is None or name in LIMITS:
            continue
        assert one.spread_kind in {"ln_sd", "ln_variance", "cv", "sd"}, name
        center = given.values.get(name, one.value)
        size = given.spreads.get(name, float(str(one.spread)))
        logged = one.spread_kind != "sd"
        x = np.log(drawn.values[name] / center) if logged else drawn.values[name] - center
        sd = {"ln_variance": np.sqrt(size), "cv": np.sqrt(np.log1p(size**2))}.get(one.spread_kind, size)
        # four standard errors of a standard deviation and of a mean
        assert abs(x.std() - sd) < 4 * sd / np.sqrt(2 * number), name
        assert abs(x.mean()) < 4 * sd / np.sqrt(number), name


def test_two_parameters_are_drawn_independently() -> None:
    drawn = draw(ENGAGER, BLOCK, 5)
    logs = np.array([np.log(drawn.values[name]) for name, one in SPREAD.items() if one.spread_kind == "ln_sd"])
    beside = np.corrcoef(logs) - np.eye(len(logs))
    assert np.abs(beside).max() < 4.5 / np.sqrt(BLOCK)


def chance(name: str, low: float, high: float) -> float:
    """The chance that a value drawn from the tables lies within limits."""
    one = SPREAD.get(name)
    if one is None or one.spread is None:
        return 1.0
    center, size = ENGAGER.values.get(name, one.value), float(str(one.spread))
    if one.spread_kind == "sd":
        bell = NormalDist(center, size)
        return bell.cdf(high) - bell.cdf(low)
    sd = {"ln_variance": np.sqrt(size), "cv": np.sqrt(np.log1p(size**2))}.get(one.spread_kind, size)
    bell = NormalDist(np.log(center), sd)
    return bell.cdf(np.log(high)) - bell.cdf(np.log(low))


def test_limits_hold_and_what_they_reject_is_counted() -> None:
    drawn = draw(ENGAGER, BLOCK, 1, limits={"B0": (0.5, 2.0)})
    for name, (low, high) in {**LIMITS, "B0": (0.5, 2.0)}.items():
        assert ((drawn.values[name] >= low) & (drawn.values[name] <= high)).all(), name
    # values are rejected until one fits, each for itself: with a chance of q, (1 - q) / q a patient
    chances = [chance(name, *within) for name, within in {**LIMITS, "B0": (0.5, 2.0)}.items()]
    expected = BLOCK * sum((1 - inside) / inside for inside in chances)
    assert drawn.rejected == pytest.approx(expected, rel=0.05)
    # only those of the patients that are asked for count, so that batches add up
    halves = [draw(ENGAGER, BLOCK // 2, 1, first=first, limits={"B0": (0.5, 2.0)}) for first in (0, BLOCK // 2)]
    assert sum(half.rejected for half in halves) == drawn.rejected
    for name, number in drawn.redrawn.items():
        assert sum(half.redrawn.get(name, 0) for half in halves) == number


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"weight": (500.0, 600.0)}, "weight is 35 to 200 in this simulator"),
        ({"g_heat": (500.0, 600.0)}, "hardly anybody: g_heat between 500 and 600"),
        ({"V_dex": (1.0, 2.0)}, "V_dex is 51.3 in every patient"),
        ({"weight": (90.0, 60.0)}, "limits of weight are the wrong way round"),
        ({"height": (1.0, 2.0)}, "no parameter `height`"),
    ],
)
def test_limits_that_admit_nobody_are_named(limits: dict[str, tuple[float, float]], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        draw(ENGAGER, 5, 1, limits=limits)


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(ArgumentError, match="no parameter `mood`"):
        draw(ENGAGER, 5, 1, changed={"mood": 1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0:-1", "a dose more than 0"), ("0:0", "a dose more than 0"), ("0:nan", "a dose more than 0"),
        ("0:inf", "a dose more than 0"), ("-1:1", "a day is 0 or later"), ("7:1,0:2", "day 0 does not come after"),
        ("0:1,0:2", "day 0 does not come after"), ("monday", "`monday` is no day and amount"),
        ("0:1,,7:2", "`` is no day and amount"),
    ],
)  # fmt: skip
def test_a_plan_of_doses_that_cannot_be_given(text: str, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        ENGAGER.with_doses(text)


def test_a_plan_of_doses_in_mg_and_in_shares() -> None:
    plan: Product = ENGAGER.with_doses("0:1, 7.5:60")
    assert [(dose.hour, dose.amount) for dose in plan.doses] == [(0, 1), (180, 60)]
    assert [plan.charted(dose) for dose in plan.doses] == [1, 60]
    cells = product("cd19-car-t").with_doses("0:0.5")
    assert cells.charted(cells.doses[0]) == 1e6


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"patients": 0}, "0 patients cannot be simulated"), ({"days": 0}, "0 days cannot"),
        ({"days": 400}, "400 days"), ({"seed": -1}, "seed is 0 or more"),
        ({"changed": {"d_CRP": 1.5}}, "cannot be above 1"),
        ({"doses": "0:-1"}, "more than 0"), ({"doses": "0:1,28:5"}, "day 28 comes when nobody is followed"),
        ({"doses": "0:1,9:5", "days": 9}, "day 9 comes when nobody is followed any more: --days is 9"),
        ({"product": "cd19-car-t", "changed": {"dose": 3.0}}, r"dose is not a parameter[\s\S]*--doses"),
        ({"product": "aspirin"}, "no product `aspirin`"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_simulated(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        cohort.Plan(**{"product": "mosunetuzumab", "patients": 5, **changed})


def test_doses_of_the_product_after_the_last_day_are_not_given() -> None:
    days = [dose.hour / 24 for dose in cohort.Plan("mosunetuzumab", 5, days=14).given().doses]
    assert days == [0, 7]
    assert len(cohort.Plan("mosunetuzumab", 5, days=15).given().doses) == 3


@pytest.mark.parametrize(
    ("changed", "limits", "where"),
    [
        ({"Tm": 40.0}, {}, "--set"), ({}, {"g_heat": (500.0, 600.0)}, "--only"),
        ({"Tm": 40.0}, {"Tm": (36.0, 37.0)}, "--set and --only"),
    ],
)  # fmt: skip
def test_who_admits_nobody_is_named(changed: dict[str, float], limits: Any, where: str) -> None:
    with pytest.raises(ArgumentError, match="hardly anybody") as told:
        cohort.Plan("mosunetuzumab", 5, changed=changed, limits=limits).drawn()
    assert told.value.where == where


@pytest.mark.parametrize("key", ["cd19-car-t", "mosunetuzumab"])
def test_the_cap_of_burden_stands_in_the_table(key: str) -> None:
    given = product(key)
    cap = parameters(given.mechanism)["B_most"]
    assert (cap.value, cap.evidence, cap.unit) == (4, "house", "burden")
    for most in (cap.value, 9.0):
        values = typical(given, {"B_most": most})
        rest = {**given.mechanism.start(values), "Burden": most}
        # without cells and without drug burden stays at its cap
        assert given.mechanism.rates(Named(rest), Named(values), cast(Maths, np))["Burden"] == 0
