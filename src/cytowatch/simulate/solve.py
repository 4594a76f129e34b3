"""The fast solver: a whole batch of patients at once, hour by hour, with the care of each hour between two steps.

Exponential time differencing of fourth order (Cox and Matthews 2002): the fast linear losses are taken exactly, the
rest as by Runge and Kutta. Steps are fixed, more of them in the hours after a dose, so that no patient waits for
another; `tests/simulate` holds them against the adaptive reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.simulate import bedside, core, signs
from cytowatch.simulate.maths import Named
from cytowatch.simulate.mechanism import Event, Mechanism

# what can be kept of every hour beside the states
SIGNS = ("pressure", "heart_rate", "saturation", "desaturation", "ice_lost")
# what the ward gave in each hour
GIVEN_HOURLY = tuple(f"given_{name}" for name in bedside.GIVEN)
# result codes of a patient
SOLVED, NOT_FINITE, OUT_OF_RANGE = 0, 1, 2
CODES = {SOLVED: "solved", NOT_FINITE: "a value was not a number", OUT_OF_RANGE: "a state left every plausible range"}
STEPS_AN_HOUR = 2
HIGHEST = 1e9
LOWEST = -1e-2


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
    steps: int | Sequence[int] = STEPS_AN_HOUR,
    care: bool = True,
    double: bool = False,
) -> Solved:
    """Solve a batch; ``parameters``: numbers, or one number a patient. ``keep``: what to give back of every hour.

    ``steps``: how many in an hour, or in each (`Product.steps`).
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
        counts, kinds = paces(steps, hours)
        rows = [factors(mechanism, parameters, 1.0 / count, kind) for count in counts]
        work = _compiled(mechanism.key, hours, patients, tuple(keep), care, tuple(sorted(given)), double)
        hourly, reduced, code = work(values, given, rows, np.asarray(counts, dtype=np.int32), kinds)
        return Solved(
            {name: np.asarray(one) for name, one in hourly.items()},
            {name: np.asarray(one) for name, one in reduced.items()},
            np.asarray(code),
        )


def paces(steps: int | Sequence[int], hours: int) -> tuple[tuple[int, ...], NDArray[np.int32]]:
    """The different numbers of steps in an hour, and which of them each hour has."""
    each = np.broadcast_to(np.asarray(steps, dtype=np.int64), hours)
    counts, kinds = np.unique(each, return_inverse=True)
    return tuple(int(one) for one in counts), kinds.astype(np.int32)


_COMPILED: dict[tuple[Any, ...], Any] = {}


def _compiled(key: str, *shape: Any) -> Any:
    import jax

    if (key, *shape) not in _COMPILED:
        _COMPILED[key, *shape] = jax.jit(partial(_whole, core.by_key(key), *shape))
    return _COMPILED[key, *shape]


def _whole(
    mechanism: Mechanism, hours: int, patients: int, keep: tuple[str, ...], care: bool, planned: tuple[str, ...],
    double: bool, values: dict[str, Any], given: dict[str, Any], rows: list[dict[str, Any]], counts: Any, kinds: Any,
) -> tuple[dict[str, Any], dict[str, Any], Any]:  # fmt: skip
    import jax
    import jax.numpy as jnp

    del planned
    kind = jnp.float64 if double else jnp.float32
    p = Named(values)
    names = tuple(rows[0])
    start = mechanism.start(values)
    # one array of states × patients: the compiler then computes no shared term of the equations twice
    whole = jnp.stack([jnp.broadcast_to(jnp.asarray(start[name], kind), (patients,)) for name in names])
    # one of each for each pace
    weights = tuple(
        jnp.stack([jnp.stack([jnp.broadcast_to(one[name][part], _wide(one)) for name in names]) for one in rows])
        for part in range(len(rows[0][names[0]]))
    )
    memory = {name: jnp.full(patients, value, kind) for name, value in bedside.MEMORY.items()}
    peaks = {name: jnp.full(patients, value, kind) for name, value in PEAKS.items()}

    def hour(carry: Any, at: Any) -> Any:
        y, seen, peaks, bad = carry
        number, amounts, pace = at
        y = _added(y, names, amounts)
        state = dict(zip(names, y, strict=True))
        before = signs_of(Named(state), p, seen, jnp)
        given_now: dict[str, Any] = {}
        if care:
            seen, given_now = bedside.act(number, before, seen, p, jnp)
            y = _added(y, names, doses(given_now, p, jnp))
            state = dict(zip(names, y, strict=True))
        kept = {name: {**state, **before, **seen, **as_given(given_now)}[name] for name in keep}
        peaks = higher(peaks, state, before, seen, number, jnp)
        own = tuple(part[pace] for part in weights)
        y = jax.lax.fori_loop(0, counts[pace], lambda _, y: _step(mechanism, names, y, p, own, jnp), y)
        extreme = (y.max(0) > HIGHEST) | (y.min(0) < LOWEST)
        fault = jnp.where(jnp.isfinite(y.sum(0)), jnp.where(extreme, OUT_OF_RANGE, SOLVED), NOT_FINITE)
        return (y, seen, peaks, jnp.where(bad > 0, bad, fault)), kept

    carry = (whole, memory, peaks, jnp.zeros(patients, jnp.int32))
    (_, seen, peaks, bad), hourly = jax.lax.scan(hour, carry, (jnp.arange(hours, dtype=kind), given, kinds))
    return hourly, {**peaks, **{name: seen[name] for name in MEMORY_REDUCED}}, bad


def _wide(rows: dict[str, tuple[Any, ...]]) -> tuple[int, ...]:
    """The width of a row of weights: one number for all patients, or one for each."""
    sizes = [np.shape(one) for row in rows.values() for one in row]
    return max(sizes, key=len) or (1,)


def _added(y: Any, names: tuple[str, ...], amounts: Mapping[str, Any]) -> Any:
    for name, amount in amounts.items():
        y = y.at[names.index(name)].add(amount)
    return y


# what is told of a patient's memory after the last hour
MEMORY_REDUCED = ("tocilizumab_given", "reactions")
# what is reduced on the fly, with its value before the first hour
PEAKS: dict[str, float] = {
    "bedside_grade": 0, "onset_hour": -1, "peak_IL6": 0, "peak_IL6_hour": 0, "peak_IFNg": 0, "peak_IL10": 0,
    "peak_TNF": 0, "peak_CRP": 0, "peak_Ferritin": 0, "highest_temperature": 0, "lowest_pressure": 999,
    "lowest_saturation": 999, "hours_in_reaction": 0, "dexamethasone": 0, "anakinra": 0,
    "bedside_icans": 0, "icans_onset_hour": -1, "hours_with_icans": 0, "most_norepinephrine": 0,
}  # fmt: skip


def higher(
    peaks: dict[str, Any], y: dict[str, Any], signs_: dict[str, Any], seen: dict[str, Any], hour: Any, m: Any
) -> dict[str, Any]:
    """What is reduced on the fly, after one more hour."""
    now = {f"peak_{name}": m.maximum(peaks[f"peak_{name}"], y[name]) for name in ("IL6", "IFNg", "IL10", "TNF", "CRP",
                                                                                 "Ferritin")}  # fmt: skip
    return {
        **now,
        "peak_IL6_hour": m.where(y["IL6"] > peaks["peak_IL6"], hour, peaks["peak_IL6_hour"]),
        "bedside_grade": m.maximum(peaks["bedside_grade"], seen["grade"]),
        "onset_hour": m.where((peaks["onset_hour"] < 0) & (seen["grade"] > 0), hour, peaks["onset_hour"]),
        "highest_temperature": m.maximum(peaks["highest_temperature"], y["Temp"]),
        "lowest_pressure": m.minimum(peaks["lowest_pressure"], signs_["pressure"]),
        "lowest_saturation": m.minimum(peaks["lowest_saturation"], signs_["saturation"]),
        "hours_in_reaction": peaks["hours_in_reaction"] + (seen["reaction"] > 0),
        "dexamethasone": m.maximum(peaks["dexamethasone"], (seen["dexamethasone_at"] >= 0) * 1.0),
        "anakinra": m.maximum(peaks["anakinra"], (seen["anakinra_at"] >= 0) * 1.0),
        "bedside_icans": m.maximum(peaks["bedside_icans"], seen["icans"]),
        "icans_onset_hour": m.where(
            (peaks["icans_onset_hour"] < 0) & (seen["icans"] > 0), hour, peaks["icans_onset_hour"]
        ),
        "hours_with_icans": peaks["hours_with_icans"] + (seen["icans"] > 0),
        "most_norepinephrine": m.maximum(peaks["most_norepinephrine"], seen["norepinephrine"]),
    }


def signs_of(y: Named, p: Named, seen: dict[str, Any], m: Any) -> dict[str, Any]:
    """The signs of an hour, with the support that runs."""
    benefit = bedside.of_step(seen["oxygen"], [step[3] for step in bedside.OXYGEN], m)
    points = signs.desaturation(y, p)
    mean = signs.pressure(y, p, m, seen["norepinephrine"], seen["epinephrine"], seen["vasopressin"])
    return {
        "temperature": y.Temp, "pressure": mean, "heart_rate": signs.heart_rate(y, p, m, mean),
        "saturation": signs.saturation(points, p, m, benefit), "desaturation": points, "fluid": y.Fluid,
        "ice_lost": signs.ice_lost(y, p, m),
    }  # fmt: skip


def doses(given: dict[str, Any], p: Named, m: Any) -> dict[str, Any]:
    """What was given by the state that it goes to: mg to mg/L or ng/mL where the state is a concentration."""
    # a small child's dose meets as much less of the child: volumes are those of grown patients
    whole = m.minimum(p.weight / p.light_below, 1.0)
    return {
        "Toci": given["tocilizumab"] / (p.V_toci * whole), "Dex": 1000 * given["dexamethasone"] / (p.V_dex * whole),
        "AnaDepot": given["anakinra"] / whole, "Para": given["acetaminophen"] / whole, "Fluid": given["fluid"],
    }  # fmt: skip


def planned_events(schedule: Schedule) -> list[Event]:
    """What is given by plan, as events for another solver."""
    return [Event(float(hour), state, amount) for (hour, state), amount in schedule.amounts.items()]


def done_to(patient: int, schedule: Schedule, hourly: Mapping[str, Any], values: Mapping[str, float]) -> list[Event]:
    """What was done to one patient of a run, by plan and by the ward, as events for another solver.

    ``hourly`` must hold `GIVEN_HOURLY`; ``values``: the numbers of this patient.
    """
    given = {name: np.asarray(hourly[f"given_{name}"], dtype=float)[:, patient] for name in bedside.GIVEN}
    return planned_events(schedule) + [
        Event(float(hour), state, float(amounts[hour]))
        for state, amounts in doses(given, Named(values), np).items()
        for hour in np.flatnonzero(amounts)
    ]


def as_given(given: dict[str, Any]) -> dict[str, Any]:
    """What was given in an hour by the names under which it can be kept."""
    return {f"given_{name}": amount for name, amount in given.items()}


def factors(mechanism: Mechanism, values: Mapping[str, Any], step: float, kind: Any) -> dict[str, tuple[Any, ...]]:
    """For each state its linear loss c, e^(-ch/2), and the weights of the half step and of the three parts of a whole.

    Computed in 64 bits, for the weights are small differences of large numbers.
    """
    states = mechanism.states(values)
    found = dict.fromkeys(states, tuple(kind(one) for one in (0.0, 1.0, *_weights(np.zeros(()), step))))
    for state, names in core.LOSSES.items():
        c = np.sum([np.asarray(values[name], dtype=np.float64) for name in names], axis=0)
        whole = (c, np.exp(-c * step / 2), *_weights(-c * step, step))
        found[state] = tuple(np.asarray(one, dtype=kind) for one in whole)
    return found


def _weights(z: NDArray[np.float64], step: float) -> tuple[Any, ...]:
    """Weights of the half step and of the three parts of a whole one; by their series where they are 0 / 0."""
    small = np.abs(z) < _SERIES_BELOW
    large = np.where(small, 1.0, z)
    e = np.exp(large)
    exact = (
        np.expm1(large / 2) / large, (-4 - large + e * (4 - 3 * large + large**2)) / large**3,
        (2 + large + e * (-2 + large)) / large**3, (-4 - 3 * large - large**2 + e * (4 - large)) / large**3,
    )  # fmt: skip
    return tuple(
        step * np.where(small, np.polyval([float(one) for one in reversed(series)], z), one)
        for series, one in zip(_SERIES, exact, strict=True)
    )


def _series(first: int, *terms: tuple[int, int]) -> list[Fraction]:
    """Coefficients of (sum of factor · z^power · e^z, and a polynomial that cancels) / z^``first``."""
    return [
        sum((Fraction(factor, factorial(n + first - power)) for factor, power in terms), Fraction())
        for n in range(_TERMS)
    ]


_TERMS = 12
_SERIES = (
    [one / 2 ** (n + 1) for n, one in enumerate(_series(1, (1, 0)))],
    _series(3, (4, 0), (-3, 1), (1, 2)),
    _series(3, (-2, 0), (1, 1)),
    _series(3, (4, 0), (-1, 1)),
)
_SERIES_BELOW = 0.25


def _step(mechanism: Mechanism, names: tuple[str, ...], y: Any, p: Named, weights: tuple[Any, ...], m: Any) -> Any:
    """One step of the fourth order (Cox and Matthews 2002)."""
    loss, fell, half, first, middle, last = weights

    def rest(at: Any) -> Any:
        rates = mechanism.rates(Named(dict(zip(names, at, strict=True))), p, m)
        return m.stack([rates[name] for name in names]) + loss * at

    n0 = rest(y)
    a = fell * y + half * n0
    na = rest(a)
    b = fell * y + half * na
    nb = rest(b)
    c = fell * a + half * (2 * nb - n0)
    nc = rest(c)
    return fell * fell * y + first * n0 + 2 * middle * (na + nb) + last * nc
