"""Stein 2019 and Ogasawara 2021: growth, contraction and persistence of CAR-T cells in closed form.

``table("stein-2019")`` is tisagenlecleucel, ``table("ogasawara-2021")`` lisocabtagene maraleucel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cytowatch.errors import ArgumentError
from cytowatch.simulate.tables import table

# `sd`: the published omegas are standard deviations of the logarithm; `variance`: they are its variances
Reading = Literal["sd", "variance"]
LN2 = float(np.log(2))


def growth_rate(p: Mapping[str, float]) -> float:
    """The rate of exponential growth up to the peak, 1/d."""
    return float(np.log(p["foldx"])) / p["Tmax"]


def doubling_time(p: Mapping[str, float]) -> float:
    """Days in which the cells double while they grow."""
    return LN2 / growth_rate(p)


def half_lives(p: Mapping[str, float]) -> tuple[float, float]:
    """The initial and the terminal half-life after the peak, d."""
    return LN2 / p["alpha"], LN2 / p["beta"]


def course(p: Mapping[str, float], days: Any) -> NDArray[np.float64]:
    """Transgene (copies/µg) at ``days`` after infusion of a patient with the values ``p``.

    Before the peak the cells grow from ``Cmax/foldx``; from it they fall by two exponentials.
    """
    t = np.asarray(days, dtype=float)
    after = np.maximum(t - p["Tmax"], 0.0)
    grown = p["Cmax"] / p["foldx"] * np.exp(growth_rate(p) * np.minimum(t, p["Tmax"]))
    fallen = (1 - p["FB"]) * np.exp(-p["alpha"] * after) + p["FB"] * np.exp(-p["beta"] * after)
    return np.asarray(np.where(t < p["Tmax"], grown, p["Cmax"] * fallen))


def ln_sd(name: str, reading: Reading = "sd") -> float:
    """The standard deviation of the logarithm of a parameter between patients, by one of the two readings."""
    spread = table("stein-2019").parameters[name].spread
    if not isinstance(spread, float):
        raise ArgumentError(f"No spread of `{name}` is published.", hint="See the table stein-2019.")
    return spread if reading == "sd" else float(np.sqrt(spread))


def growth_of_liso_cel(p: Mapping[str, float], days: Any) -> NDArray[np.float64]:
    """Liso-cel as a share of its peak: a lag, growth up to the peak, then the initial half-life.

    The share that falls at the terminal half-life is not in the abstract, so it is left out.
    """
    t = np.asarray(days, dtype=float)
    rising = np.exp2((np.clip(t, p["lag"], p["Tmax"]) - p["Tmax"]) / p["doubling"])
    return np.asarray(rising * np.exp2(-np.maximum(t - p["Tmax"], 0.0) / p["initial"]))
