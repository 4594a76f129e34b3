"""The solver of processors gives the patients that JAX gives, to the rounding of single precision."""

from __future__ import annotations

import numpy as np
import pytest

from cytowatch.simulate import chart, core, lanes, solve, tables
from cytowatch.simulate.population import draw
from cytowatch.simulate.products import product

# counts and moments decided by a comparison: rounding may tip one in many patients
_DECIDED = ("bedside_grade", "onset_hour", "hours_in_reaction", "tocilizumab_given", "reactions", "peak_IL6_hour")


@pytest.mark.parametrize("key", ["cd19-car-t", "mosunetuzumab"])
def test_both_solvers_give_the_same_patients(key: str) -> None:
    given = product(key)
    values = draw(given, 300, 5).values
    asked = {"steps": given.steps(400), "keep": chart.KEEP}
    ours = lanes.run(given.mechanism, values, 400, given.schedule(values), **asked)
    jax = solve.run(given.mechanism, values, 400, given.schedule(values), **asked)
    assert (ours.code == 0).all()
    assert (jax.code == 0).all()
    for name, other in jax.reduced.items():
        differ = np.abs(ours.reduced[name] - other) > 1e-3 * np.maximum(np.abs(other), 1)
        assert differ.mean() <= (0.01 if name in _DECIDED else 0.005), name
    for name, other in jax.hourly.items():
        differ = np.abs(ours.hourly[name] - other) > 1e-3 * np.maximum(np.abs(other), 1)
        assert differ.any(0).mean() <= 0.01, name


def test_one_patient_is_the_same_alone_and_among_many() -> None:
    """A block holds sixteen; the last of 19 shares his with copies of himself."""
    given = product("cd19-car-t")
    many = draw(given, 19, 2).values
    one = {name: value[18:19] if np.ndim(value) else value for name, value in many.items()}
    among = lanes.run(given.mechanism, many, 200, given.schedule(many), steps=1)
    alone = lanes.run(given.mechanism, one, 200, given.schedule(one), steps=1)
    assert {name: float(value[18]) for name, value in among.reduced.items()} == {
        name: float(value[0]) for name, value in alone.reduced.items()
    }


def test_a_patient_who_cannot_be_solved_gets_a_code_and_spoils_nobody() -> None:
    given = product("cd19-car-t")
    values = draw(given, 20, 2).values
    sound = lanes.run(given.mechanism, values, 200, given.schedule(values), steps=1)
    values["g_monocyte"] = values["g_monocyte"].copy()
    values["g_monocyte"][3] = np.nan
    values["g_IFNg"] = values["g_IFNg"].copy()
    values["g_IFNg"][7] = 1e12
    found = lanes.run(given.mechanism, values, 200, given.schedule(values), steps=1)
    assert found.code[3] == solve.NOT_FINITE
    assert found.code[7] in (solve.NOT_FINITE, solve.OUT_OF_RANGE)
    others = [number for number in range(20) if number not in (3, 7)]
    assert (found.code[others] == solve.SOLVED).all()
    assert (found.reduced["peak_IL6"][others] == sound.reduced["peak_IL6"][others]).all()


def test_exponential_and_logarithm_to_the_last_digits() -> None:
    """Through the one place of the cores that has both: the effect of a steroid, over its whole range of doses."""
    p = {**tables.table("core-network").values(), **tables.table("signs").values(), **tables.table("bedside").values()}
    p |= tables.table("core-cells").values()
    doses = np.geomspace(0.01, 2000, 64)
    p["potency_dex"] = doses
    schedule = solve.Schedule({(0, "Homing"): 10.0, (60, "Dex"): 30.0})
    fast = lanes.run(core.CELLS, p, 120, schedule, keep=("IL6",), steps=1, care=False)
    exact = solve.run(core.CELLS, p, 120, schedule, keep=("IL6",), steps=1, care=False, double=True)
    assert np.abs(fast.hourly["IL6"] / exact.hourly["IL6"] - 1).max() < 2e-5
