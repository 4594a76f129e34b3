"""The slow, adaptive solver that every fast result is held against: SciPy's LSODA between events, tight tolerances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cytowatch.errors import CytowatchError
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism, in_order

Array = NDArray[np.float64]


def solve(
    mechanism: Mechanism,
    parameters: Mapping[str, float],
    times: Sequence[float] | Array,
    events: Sequence[Event] = (),
    *,
    tolerance: float = 1e-9,
    absolute: float | None = None,
) -> dict[str, Array]:
    """Every state at ``times`` (rising, the first is the start), one patient; CytowatchError if it will not solve.

    The state at a time holds what is done at that very moment, as that at the start does; what would be done before the
    start is left out. Parameters may be set by events.
    """
    from scipy.integrate import solve_ivp

    at = np.asarray(times, dtype=float)
    now = dict(parameters)
    names = mechanism.states(now)
    state = np.array([mechanism.start(now)[name] for name in names], dtype=float)
    found = np.full((len(names), len(at)), np.nan)
    pending = [event for event in in_order(events) if event.time <= at[-1]]
    begin = float(at[0])
    stops = sorted({event.time for event in pending if event.time > begin} | {float(at[-1])})
    _apply(pending, begin, names, state, now)
    found[:, 0] = state
    for stop in stops:
        inside = at[(at > begin) & (at <= stop)]
        points = np.unique(np.append(inside, stop))

        def rate(_: float, y: Array, now: dict[str, float] = now) -> Array:
            rates = mechanism.rates(Named(dict(zip(names, y, strict=True))), Named(now), cast(Maths, np))
            return np.array([rates[name] for name in names], dtype=float)

        scale = np.maximum(np.abs(state), 1e-3) if absolute is None else 1.0
        run: Any = solve_ivp(
            rate, (begin, stop), state, method="LSODA", t_eval=points, rtol=tolerance,
            atol=(absolute if absolute is not None else tolerance * 1e-3) * scale,
        )  # fmt: skip
        if not run.success or not np.isfinite(run.y).all():
            raise CytowatchError(f"{mechanism.key} could not be solved beyond {begin:g}: {run.message}")
        kept = np.isin(points, inside)
        found[:, np.isin(at, inside)] = run.y[:, kept]
        state = run.y[:, -1].copy()
        begin = stop
        _apply(pending, begin, names, state, now)
        found[:, at == stop] = state[:, None]
    return dict(zip(names, found, strict=True))


def _apply(events: Sequence[Event], time: float, names: Sequence[str], state: Array, now: dict[str, float]) -> None:
    for event in events:
        if event.time == time:
            if event.what == "set":
                now[event.target] = event.amount
            else:
                state[names.index(event.target)] += event.amount
