"""The assembled mechanism moves the way patients do: without the ward, with drugs at stated hours.

Each direction is also asked of a mechanism in which the very effect is turned off: there it must not show.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
import pytest
from tests.lib.simulated import CELLS, ENGAGER, Arm, Array, arms, stepped

from cytowatch.simulate import signs
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Mechanism
from cytowatch.simulate.population import typical
from cytowatch.simulate.products import product
from cytowatch.simulate.tables import table

# the typical patient, more reactive, so that there is something to treat
SICK = {"g_monocyte": 3.0}
GIVEN, UNTIL = 150, 288
TOCILIZUMAB = ((GIVEN, "Toci", 130.0),)
STEROID = tuple((hour, "Dex", 195.0) for hour in range(GIVEN, UNTIL, 6))
ANAKINRA = tuple((hour, "AnaDepot", 100.0) for hour in range(GIVEN, UNTIL, 6))
ACETAMINOPHEN = tuple((hour, "Para", 650.0) for hour in range(GIVEN, UNTIL, 6))
# each drug with the parameter that turns its effect off
OFF = {
    "tocilizumab": {"K_toci": 1e12}, "steroid": {"reach_dex": 0.0, "reach_T": 0.0}, "anakinra": {"Ki_ana": 1e12},
    "acetaminophen": {"e_para": 0.0},
}  # fmt: skip
DRUGS = {"tocilizumab": TOCILIZUMAB, "steroid": STEROID, "anakinra": ANAKINRA, "acetaminophen": ACETAMINOPHEN}


@cache
def courses() -> dict[str, dict[str, Array]]:
    """The same patient after CAR-T cells: untreated, with each drug, with each drug whose effect is off."""
    several = {"untreated": Arm(SICK)}
    several |= {name: Arm(SICK, drugs=drugs) for name, drugs in DRUGS.items()}
    several |= {f"{name}, off": Arm({**SICK, **OFF[name]}, drugs=drugs) for name, drugs in DRUGS.items()}
    # interferon that opens the vessels of the brain, and none
    several["shut"] = Arm({**SICK, "x_barrier": 1e12})
    several["typical"], several["burden"], several["dose"] = Arm({}), Arm({"B0": 4.0}), Arm({}, doses="0:4")
    # T cells that see the same however much antigen there is
    blind = {"h_burden": 1e-9}
    several["blind"], several["blind, burden"] = Arm(blind), Arm({**blind, "B0": 4.0})
    return dict(zip(several, arms(CELLS, UNTIL, *several.values(), steps=2), strict=True))


def after(name: str, state: str) -> float:
    """The mean of a state from two hours after the first dose of the drug."""
    return float(courses()[name][state][GIVEN + 2 :].mean())


def lower(name: str, state: str) -> bool:
    """Whether a state is clearly lower with the drug than without."""
    return after(name, state) < after("untreated", state) * (0.9999 if state == "Temp" else 0.99)


def test_the_untreated_patient_is_sick() -> None:
    untreated = courses()["untreated"]
    assert untreated["Temp"][GIVEN] > 38
    assert untreated["IL6"][GIVEN] > 50


@pytest.mark.parametrize("off", ["", ", off"])
def test_after_tocilizumab_il6_rises_while_fever_and_crp_fall(off: str) -> None:
    soon = slice(GIVEN + 1, GIVEN + 13)
    treated, untreated = courses()[f"tocilizumab{off}"], courses()["untreated"]
    rises = bool((treated["IL6"][soon] > untreated["IL6"][soon] * 1.05).all())
    falls = [lower(f"tocilizumab{off}", state) for state in ("Temp", "CRP")]
    assert [rises, *falls] == [not off] * 3


def test_tocilizumab_leaves_the_cells_alone() -> None:
    # by construction: `test_assembled` shows that the cells read nothing of it
    for state in ("TCM", "TEM", "TEff", "Burden"):
        assert np.allclose(courses()["tocilizumab"][state], courses()["untreated"][state], rtol=1e-9)


@pytest.mark.parametrize("drug", ["steroid", "anakinra"])
@pytest.mark.parametrize("off", ["", ", off"])
def test_steroids_and_anakinra_dampen(drug: str, off: str) -> None:
    assert [lower(drug + off, state) for state in ("IL6", "TNF", "Temp")] == [not off] * 3


@pytest.mark.parametrize("off", ["", ", off"])
def test_acetaminophen_lowers_only_the_temperature(off: str) -> None:
    assert lower(f"acetaminophen{off}", "Temp") == (not off)
    assert np.allclose(courses()[f"acetaminophen{off}"]["IL6"], courses()["untreated"]["IL6"], rtol=1e-9)


def test_the_brain_follows_later_than_the_fever_and_tocilizumab_does_not_reach_it() -> None:
    untreated = courses()["untreated"]
    lost = untreated["Brain"]
    assert lost.max() > 0.3
    assert lost.argmax() > untreated["Temp"].argmax() + 12
    assert np.allclose(courses()["tocilizumab"]["Brain"], lost, rtol=1e-6)
    # a steroid spares it, and only by what it does
    assert [lower("steroid", "Brain"), lower("steroid, off", "Brain")] == [True, False]
    assert courses()["shut"]["Brain"].max() < 1e-6


def test_points_of_ice_go_with_the_brain() -> None:
    p = Named(table("signs").values())
    lost = [float(signs.ice_lost(Named({"Brain": brain}), p, cast(Maths, np))) for brain in (0.0, 0.5, 1.0, 4.0)]
    assert lost[0] < 1e-6
    assert lost[2] == pytest.approx(0.5)
    assert lost == sorted(lost)
    assert lost[3] > 0.95


def test_burden_moves_il6_more_than_the_dose() -> None:
    peak = {name: course["IL6"].max() for name, course in courses().items()}
    by_burden, by_dose = peak["burden"] / peak["typical"], peak["dose"] / peak["typical"]
    assert by_burden > 1
    assert np.log(by_burden) > 2 * abs(np.log(by_dose))
    # the antigen is what makes the difference
    assert abs(np.log(peak["blind, burden"] / peak["blind"])) < np.log(by_burden)


def test_steps_of_the_dose_lower_the_first_peak() -> None:
    # a drug of which any amount is enough
    enough = {"KdrugactT": 1e-9, "KdrugB": 1e-9}
    plans = [Arm(changed, doses=doses) for changed in ({}, enough) for doses in ("0:1,7:2,14:60", "0:60")]
    steps, at_once, steps_of_enough, at_once_of_enough = (one["IL6"].max() for one in arms(ENGAGER, 96, *plans))
    assert steps < 0.7 * at_once
    assert steps_of_enough == pytest.approx(at_once_of_enough, rel=0.01)


def test_a_vasopressor_raises_the_pressure() -> None:
    def mean(norepinephrine: float, vasopressin: float = 0.0, **changed: float) -> float:
        p = {**table("signs").values(), **changed}
        state = Named({"NO": 1.0, "Leak": 0.5, "Fluid": 0.0})
        return float(signs.pressure(state, Named(p), cast(Maths, np), norepinephrine, 0.0, vasopressin))

    assert mean(0.0) < 65 < mean(0.2)
    assert mean(0.0, 0.03) > mean(0.0)
    assert mean(0.2, e_pressor=0.0) == mean(0.0)


@pytest.mark.parametrize("key", [CELLS, ENGAGER])
def test_without_a_trigger_nothing_happens(key: str) -> None:
    given = product(key)
    # a burden that grows raises C-reactive protein at rest: here it does not grow
    quiet = courses_without_doses(given.mechanism, {**typical(given), "g_burden": 0.0})
    for state, course in quiet.items():
        scale = max(abs(float(course[0, 0])), 1.0)
        assert np.abs(course - course[0]).max() < 1e-6 * scale, state
    # the very same steps show a burden that grows, and a trigger
    growing = courses_without_doses(given.mechanism, typical(given))
    assert growing["Burden"][-1] > growing["Burden"][0]
    assert np.ptp(growing["Temp"]) < 1e-5
    touched = courses_without_doses(given.mechanism, typical(given), dict(given.schedule(typical(given)).amounts))
    assert np.ptp(touched["IL6"]) > 1


def courses_without_doses(
    mechanism: Mechanism, values: dict[str, Any], doses: dict[tuple[int, str], float] | None = None
) -> dict[str, Array]:
    return stepped(mechanism, values, 200, doses or {}, 1)
