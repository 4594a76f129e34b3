"""The fast solver: a whole batch of patients at once, hour by hour, with the care of each hour between two steps.

Exponential time differencing of fourth order (Cox and Matthews 2002): the fast linear losses are taken exactly, the
rest as by Runge and Kutta. Steps are fixed, so that no patient waits for another; `tests/simulate` holds the step
against the adaptive reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.simulate import bedside, core, signs
from cytowatch.simulate.maths import Named
from cytowatch.simulate.mechanism import Mechanism

# what can be kept of every hour beside the states
SIGNS = ("pressure", "heart_rate", "saturation", "desaturation")
# result codes of a patient
SOLVED, NOT_FINITE, OUT_OF_RANGE = 0, 1, 2
CODES = {SOLVED: "solved", NOT_FINITE: "a value was not a number", OUT_OF_RANGE: "a state left every plausible range"}
STEPS_AN_HOUR = 2
_HIGHEST = 1e9
_LOWEST = -1e-2


@dataclass(frozen=True)
class Solved:
    """What was found: ``hourly`` (hours × patients, by name), ``reduced`` (patients, by name), ``code`` a patient."""

    hourly: dict[str, NDArray[Any]]
    reduced: dict[str, NDArray[Any]]
    code: NDArray[np.int32]


@dataclass(frozen=True)
class Schedule:
    """What is given by plan: amounts at whole hours, by the state that they go to (``Homing``, ``Drug``, ...)."""

    amounts: Mapping[tuple[int, str], Any] = field(default_factory=dict)

    def hourly(self, hours: int) -> dict[str, NDArray[np.float64]]:
        """One amount an hour, or a row of one a patient, for each state that is given anything."""
        found: dict[str, NDArray[np.float64]] = {}
        for (hour, state), amount in self.amounts.items():
            if hour < hours:
                found.setdefault(state, np.zeros((hours, *np.shape(amount))))[hour] += amount
        return found


def run(
    mechanism: Mechanism,
    parameters: Mapping[str, Any],
    hours: int,
    schedule: Schedule,
    *,
    keep: Sequence[str] = (),
    steps: int = STEPS_AN_HOUR,
    care: bool = True,
    double: bool = False,
) -> Solved:
    """Solve a batch; ``parameters``: numbers, or one number a patient. ``keep``: what to give back of every hour.

    ``care``: the bedside policy acts (else only the schedule does). ``double``: in 64 bits. A patient that will not
    solve gets a code (`CODES`), never a silent NaN.
    """
    import jax

    with jax.enable_x64(double):
        kind = np.float64 if double else np.float32
        sizes = {np.shape(value)[0] for value in parameters.values() if np.ndim(value)}
        patients = sizes.pop() if sizes else 1
        planned = schedule.hourly(hours)
        given = {state: amounts.astype(kind) for state, amounts in planned.items()}
        values = {name: np.asarray(value, dtype=kind) for name, value in parameters.items()}
        work = _compiled(mechanism.key, hours, patients, tuple(keep), steps, care, tuple(sorted(given)), double)
        factors = _factors(mechanism, parameters, 1.0 / steps, kind)
        hourly, reduced, code = work(values, given, factors)
        return Solved(
            {name: np.asarray(one) for name, one in hourly.items()},
            {name: np.asarray(one) for name, one in reduced.items()},
            np.asarray(code),
        )


_COMPILED: dict[tuple[Any, ...], Any] = {}


def _compiled(key: str, *shape: Any) -> Any:
    import jax

    if (key, *shape) not in _COMPILED:
        mechanism = next(one for one in core.TRIGGERS.values() if one.key == key)
        _COMPILED[key, *shape] = jax.jit(partial(_whole, mechanism, *shape))
    return _COMPILED[key, *shape]


def _whole(
    mechanism: Mechanism, hours: int, patients: int, keep: tuple[str, ...], steps: int, care: bool,
    planned: tuple[str, ...], double: bool, values: dict[str, Any], given: dict[str, Any], factors: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any], Any]:  # fmt: skip
    import jax
    import jax.numpy as jnp

    del planned
    kind = jnp.float64 if double else jnp.float32
    p = Named(values)
    start = {name: jnp.full(patients, value, kind) for name, value in mechanism.start(values).items()}
    memory = {name: jnp.full(patients, value, kind) for name, value in bedside.MEMORY.items()}
    peaks = {name: jnp.full(patients, value, kind) for name, value in _PEAKS.items()}

    def hour(carry: Any, at: Any) -> Any:
        y, seen, peaks, bad = carry
        number, amounts = at
        y = {name: y[name] + amounts.get(name, 0) for name in y}
        before = _signs(Named(y), p, seen, jnp)
        given_now: dict[str, Any] = {}
        if care:
            seen, given_now = bedside.act(number, before, seen, p, jnp)
            y = _dosed(y, given_now, p)
        kept = {name: {**y, **before, **seen, **_as_given(given_now)}[name] for name in keep}
        peaks = _higher(peaks, y, before, seen, number, jnp)
        y = jax.lax.fori_loop(0, steps, lambda _, y: _step(mechanism, y, p, factors, jnp), y)
        total = sum(y.values())
        extreme = (jnp.stack(list(y.values())).max(0) > _HIGHEST) | (jnp.stack(list(y.values())).min(0) < _LOWEST)
        fault = jnp.where(jnp.isfinite(total), jnp.where(extreme, OUT_OF_RANGE, SOLVED), NOT_FINITE)
        return (y, seen, peaks, jnp.where(bad > 0, bad, fault)), kept

    carry = (start, memory, peaks, jnp.zeros(patients, jnp.int32))
    (_, seen, peaks, bad), hourly = jax.lax.scan(hour, carry, (jnp.arange(hours, dtype=kind), given))
    return hourly, {**peaks, "tocilizumab_given": seen["tocilizumab_given"]}, bad


# what is reduced on the fly, with its value before the first hour
_PEAKS: dict[str, float] = {
    "worst_grade": 0, "onset_hour": -1, "peak_IL6": 0, "peak_IL6_hour": 0, "peak_IFNg": 0, "peak_IL10": 0,
    "peak_TNF": 0, "peak_CRP": 0, "peak_Ferritin": 0, "highest_temperature": 0, "lowest_pressure": 999,
    "lowest_saturation": 999, "hours_in_reaction": 0, "dexamethasone": 0, "anakinra": 0,
}  # fmt: skip


def _higher(
    peaks: dict[str, Any], y: dict[str, Any], signs_: dict[str, Any], seen: dict[str, Any], hour: Any, m: Any
) -> dict[str, Any]:
    now = {f"peak_{name}": m.maximum(peaks[f"peak_{name}"], y[name]) for name in ("IL6", "IFNg", "IL10", "TNF", "CRP",
                                                                                 "Ferritin")}  # fmt: skip
    return {
        **now,
        "peak_IL6_hour": m.where(y["IL6"] > peaks["peak_IL6"], hour, peaks["peak_IL6_hour"]),
        "worst_grade": m.maximum(peaks["worst_grade"], seen["grade"]),
        "onset_hour": m.where((peaks["onset_hour"] < 0) & (seen["grade"] > 0), hour, peaks["onset_hour"]),
        "highest_temperature": m.maximum(peaks["highest_temperature"], y["Temp"]),
        "lowest_pressure": m.minimum(peaks["lowest_pressure"], signs_["pressure"]),
        "lowest_saturation": m.minimum(peaks["lowest_saturation"], signs_["saturation"]),
        "hours_in_reaction": peaks["hours_in_reaction"] + (seen["reaction"] > 0),
        "dexamethasone": m.maximum(peaks["dexamethasone"], (seen["dexamethasone_at"] >= 0) * 1.0),
        "anakinra": m.maximum(peaks["anakinra"], (seen["anakinra_at"] >= 0) * 1.0),
    }


def _signs(y: Named, p: Named, seen: dict[str, Any], m: Any) -> dict[str, Any]:
    benefit = m.asarray([step[3] for step in bedside.OXYGEN], dtype=y.Temp.dtype)[seen["oxygen"].astype(int)]
    points = signs.desaturation(y, p)
    mean = signs.pressure(y, p, m, seen["norepinephrine"], seen["epinephrine"], seen["vasopressin"])
    return {
        "temperature": y.Temp, "pressure": mean, "heart_rate": signs.heart_rate(y, p, m, mean),
        "saturation": signs.saturation(points, p, m, benefit), "desaturation": points, "fluid": y.Fluid,
    }  # fmt: skip


def _dosed(y: dict[str, Any], given: dict[str, Any], p: Named) -> dict[str, Any]:
    """Amounts to what they add: mg to mg/L or ng/mL where the state is a concentration."""
    more = {
        "Toci": given["tocilizumab"] / p.V_toci, "Dex": 1000 * given["dexamethasone"] / p.V_dex,
        "AnaDepot": given["anakinra"], "Para": given["acetaminophen"], "Fluid": given["fluid"],
    }  # fmt: skip
    return {**y, **{name: y[name] + amount for name, amount in more.items()}}


def _as_given(given: dict[str, Any]) -> dict[str, Any]:
    return {f"given_{name}": amount for name, amount in given.items()}


def _factors(mechanism: Mechanism, values: Mapping[str, Any], step: float, kind: Any) -> dict[str, tuple[Any, ...]]:
    """For each state its linear loss c, e^(-ch/2), and the weights of the half step and of the three parts of a whole.

    Computed in 64 bits, for the weights are small differences of large numbers.
    """
    plain = (0.0, 1.0, step / 2, step / 6, step / 6, step / 6)
    found: dict[str, tuple[Any, ...]] = dict.fromkeys(mechanism.states(values), tuple(kind(one) for one in plain))
    for state, names in core.LOSSES.items():
        c = np.sum([np.asarray(values[name], dtype=np.float64) for name in names], axis=0)
        z = -c * step
        e = np.exp(z)
        first = step * (-4 - z + e * (4 - 3 * z + z**2)) / z**3
        middle = step * (2 + z + e * (-2 + z)) / z**3
        last = step * (-4 - 3 * z - z**2 + e * (4 - z)) / z**3
        whole = (c, np.exp(z / 2), (1 - np.exp(z / 2)) / c, first, middle, last)
        found[state] = tuple(np.asarray(one, dtype=kind) for one in whole)
    return found


def _step(mechanism: Mechanism, y: dict[str, Any], p: Named, factors: dict[str, Any], m: Any) -> dict[str, Any]:
    """One step of the fourth order (Cox and Matthews 2002)."""

    def rest(at: dict[str, Any]) -> dict[str, Any]:
        rates = mechanism.rates(Named(at), p, m)
        return {name: rates[name] + c * at[name] for name, (c, *_) in factors.items()}

    def half(base: dict[str, Any], slope: dict[str, Any]) -> dict[str, Any]:
        return {name: fell * base[name] + weight * slope[name] for name, (_, fell, weight, *_) in factors.items()}

    n0 = rest(y)
    a = half(y, n0)
    na = rest(a)
    b = half(y, na)
    nb = rest(b)
    c = half(a, {name: 2 * nb[name] - n0[name] for name in y})
    nc = rest(c)
    return {
        name: fell * fell * y[name] + first * n0[name] + 2 * middle * (na[name] + nb[name]) + last * nc[name]
        for name, (_, fell, _, first, middle, last) in factors.items()
    }
