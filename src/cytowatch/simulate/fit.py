"""Calibration of what is ours: parameters with evidence ``house`` move, published ones never.

Ensemble smoother with multiple data assimilation (Emerick and Reynolds 2013): an ensemble is drawn from the priors,
every member is simulated, and all are moved together by what the ensemble shows of how parameters and summaries go
together, in steps whose inverse inflations add up to 1. For a linear model the last ensemble is the posterior; here it
approximates it, so its spread is shown as such. Priors stand in ``mechanisms/fits/priors.toml``, what came of them in
``mechanisms/fits/<product>.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tomli
from numpy.typing import NDArray

from cytowatch.errors import KnowledgeError
from cytowatch.simulate import summaries
from cytowatch.simulate.population import draw, parameters
from cytowatch.simulate.products import Product
from cytowatch.simulate.solve import Solved, run
from cytowatch.simulate.tables import FOLDER

Array = NDArray[np.float64]
FITS = FOLDER / "fits"
PRIORS, TARGETS = FITS / "priors.toml", FITS / "targets.toml"
# a parameter that the patients differ in: its spread may move as well, under this name
SPREAD = "spread of "
# no member goes further from the center, in spreads of the prior
SUPPORT = 3.0
# most moves of the middle after the last step
CLOSING = 4
_HOURS_A_DAY = 24
HOURS = 28 * _HOURS_A_DAY
# first doses in mg of three regimens of Hosseini 2020, the highest first
FIRST_DOSES = {"A": 20.0, "B": 6.7, "C": 1.6}
FIRST_HOURS = 48
# patients solved at once: whole members
_AT_ONCE = 8192


@dataclass(frozen=True)
class Prior:
    """One parameter that may move: its middle, and the standard deviation of its logarithm."""

    name: str
    center: float
    ln_spread: float
    why: str


@dataclass(frozen=True)
class Aim:
    """A summary to reach, and the standard error that it is known with."""

    value: float
    error: float


@dataclass(frozen=True)
class Fitted:
    """The last ensemble: the middle and the ln-spread of each parameter, and how the distance went by step."""

    center: dict[str, float]
    ln_spread: dict[str, float]
    distances: list[float]
    evaluations: int


def priors(product: Product, key: str = "") -> list[Prior]:
    """The priors of a product, or of the fit ``key`` of its patients.

    KnowledgeError where one is of no parameter, or of a published one.
    """
    document = tomli.loads(PRIORS.read_text(encoding="utf-8"))
    key = key or product.key
    if key not in document:
        return []
    known = parameters(product.mechanism)
    found = []
    for name, row in document[key].items():
        one = known.get(name.removeprefix(SPREAD))
        if one is None or (name.startswith(SPREAD) and one.spread is None):
            raise KnowledgeError(f"`{name}` is no parameter that can move.", where=str(PRIORS))
        if one.evidence != "house":
            raise KnowledgeError(f"`{name}` is {one.evidence}: published values are not fitted.", where=str(PRIORS))
        found.append(Prior(name, float(row["center"]), float(row["ln_spread"]), str(row["why"])))
    return found


def stated(key: str) -> tuple[dict[str, Aim], str]:
    """The targets of a fit that stand in the table of aggregates, and where they are from."""
    row = tomli.loads(TARGETS.read_text(encoding="utf-8"))[key]
    aims = {name: Aim(float(one["value"]), float(one["error"])) for name, one in row["summary"].items()}
    return aims, str(row["source"])


def fitted(key: str) -> dict[str, Any]:
    """The record of a product's fit, as it is kept."""
    return tomli.loads((FITS / f"{key}.toml").read_text(encoding="utf-8"))


def distance(reached: Mapping[str, float], aims: Mapping[str, Aim]) -> float:
    """Root mean square of the misses in standard errors; 0 where every summary is met, what is not known left out."""
    misses = [(reached[name] - aim.value) / aim.error for name, aim in aims.items() if np.isfinite(reached[name])]
    return float(np.sqrt(np.mean(np.square(misses)))) if misses else float("inf")


Simulate = Callable[[Sequence[Mapping[str, float]], int], list[dict[str, float]]]


def simulator(product: Product, patients: int, at_once: int = _AT_ONCE) -> Simulate:
    """How members (values by name) and a seed become summaries: the same patients' draws for every member."""
    members = max(at_once // patients, 1)

    def simulate(values: Sequence[Mapping[str, float]], seed: int) -> list[dict[str, float]]:
        found: list[dict[str, float]] = []
        for first in range(0, len(values), members):
            part = list(values[first : first + members])
            # filled up with the last one, so that the shape and with it the compiled program stay the same
            full = part + [part[-1]] * (members - len(part))
            found.extend(_summaries(product, full, patients, seed)[: len(part)])
        return found

    return simulate


def stacked(product: Product, members: Sequence[Mapping[str, float]], patients: int, seed: int) -> dict[str, Any]:
    """The numbers of all members' patients, one member after the other."""
    moving = {name.removeprefix(SPREAD) for member in members for name in member}
    drawn = []
    for member in members:
        spreads = {name.removeprefix(SPREAD): one for name, one in member.items() if name.startswith(SPREAD)}
        changed = {name: one for name, one in member.items() if not name.startswith(SPREAD)}
        drawn.append(draw(product, patients, seed, changed=changed, spreads=spreads).values)
    return {
        name: np.concatenate([np.broadcast_to(np.asarray(one[name], dtype=float), patients) for one in drawn])
        if name in moving or np.ndim(value)
        else value
        for name, value in drawn[0].items()
    }


def _summaries(
    product: Product, members: Sequence[Mapping[str, float]], patients: int, seed: int
) -> list[dict[str, float]]:
    values = stacked(product, members, patients, seed)
    keep = [name for name in summaries.KEEP if product.trigger == "cells" or name not in summaries.CELLS]
    found = run(product.mechanism, values, HOURS, product.schedule(values), keep=keep, steps=product.steps(HOURS))
    slices = [slice(number * patients, (number + 1) * patients) for number in range(len(members))]
    more = _regimens(product, values, slices) if product.trigger == "engager" else _growth(values, slices)
    return [
        summaries.summaries(summaries.of_model(_part(values, one), _part_of(found, one))) | also
        for one, also in zip(slices, more, strict=True)
    ]


def _part(values: Mapping[str, Any], rows: slice) -> dict[str, Any]:
    return {name: one[rows] if np.ndim(one) else one for name, one in values.items()}


def _part_of(found: Solved, rows: slice) -> Solved:
    hourly = {name: one[:, rows] for name, one in found.hourly.items()}
    return Solved(hourly, {name: one[rows] for name, one in found.reduced.items()}, found.code[rows])


def _growth(values: Mapping[str, Any], slices: Sequence[slice]) -> list[dict[str, float]]:
    """How fast cells grow far below their ceiling, for each member: `core.cells` at a burden of 1."""
    rate = values["rho"] / (1 + values["h_burden"]) - values["k23"] - values["ke"]
    days = np.broadcast_to(np.log(2) / np.maximum(rate, 1e-4) / _HOURS_A_DAY, slices[-1].stop)
    return [{"cells double, median days": float(np.median(days[rows]))} for rows in slices]


def _regimens(product: Product, values: Mapping[str, Any], slices: Sequence[slice]) -> list[dict[str, float]]:
    """IL-6 after other first doses, for each member: its peak within two days, against that after the highest."""
    peaks = {}
    for regimen, dose in FIRST_DOSES.items():
        plan = product.with_doses(f"0:{dose}")
        found = run(product.mechanism, values, FIRST_HOURS, plan.schedule(values), steps=plan.steps(FIRST_HOURS))
        peaks[regimen] = np.log(np.maximum(found.reduced["peak_IL6"].astype(float), 1e-3))
    highest, *others = FIRST_DOSES

    def member(rows: slice) -> dict[str, float]:
        middle = {regimen: float(np.median(one[rows])) for regimen, one in peaks.items()}
        return {
            f"first dose {highest}, IL-6 peak, ln median": middle[highest],
            f"first dose {highest}, ln SD of peak IL-6": float(np.std(peaks[highest][rows])),
            **{
                f"first dose {one} against {highest}, ratio of IL-6 peaks": float(np.exp(middle[one] - middle[highest]))
                for one in others
            },
        }

    return [member(rows) for rows in slices]


def smooth(
    known: Sequence[Prior], aims: Mapping[str, Aim], simulate: Simulate, *, members: int, steps: int, seed: int,
    closing: int = CLOSING, tell: Callable[[str], None] = lambda _: None,
) -> Fitted:  # fmt: skip
    """Move an ensemble from the priors toward the aims, and its middle at most ``closing`` times more.

    Parameters are handled as spreads from the center of their prior.
    """
    stream = np.random.default_rng(seed)
    ensemble = np.clip(stream.standard_normal((members, len(known))), -SUPPORT, SUPPORT)
    aim = np.array([one.value / one.error for one in aims.values()])
    distances, gain = [], np.zeros((len(known), len(aim)))
    for step in range(steps):
        reached = simulate([_named(known, row) for row in ensemble], seed)
        seen = _filled(np.array([[one[name] / aims[name].error for name in aims] for one in reached]))
        distances.append(float(np.sqrt(np.mean((seen.mean(axis=0) - aim) ** 2))))
        tell(f"step {step + 1}: {distances[-1]:.2f} standard errors away")
        noise = stream.standard_normal(seen.shape) * np.sqrt(steps)
        inflated, gain = _gain(ensemble, seen, steps), _gain(ensemble, seen, 1.0)
        ensemble = np.clip(ensemble + (aim + noise - seen) @ inflated.T, -SUPPORT, SUPPORT)
    width = ensemble.std(axis=0)
    middle, runs = _closing(known, aims, simulate, ensemble.mean(axis=0), gain, seed, closing)
    return Fitted(
        _named(known, middle),
        {one.name: float(size * one.ln_spread) for one, size in zip(known, width, strict=True)},
        distances,
        steps * members + runs,
    )


def _closing(
    known: Sequence[Prior],
    aims: Mapping[str, Aim],
    simulate: Simulate,
    middle: Array,
    gain: Array,
    seed: int,
    most: int,
) -> tuple[Array, int]:
    """The middle, moved by what its own run misses while that helps: the run of a mean is not the mean of runs."""
    reached, runs = simulate([_named(known, middle)], seed)[0], 1
    while runs <= most:
        misses = [np.nan_to_num((aim.value - reached[name]) / aim.error) for name, aim in aims.items()]
        moved = np.clip(middle + gain @ np.array(misses), -SUPPORT, SUPPORT)
        after, runs = simulate([_named(known, moved)], seed)[0], runs + 1
        if distance(after, aims) >= distance(reached, aims):
            break
        middle, reached = moved, after
    return middle, runs


def _named(known: Sequence[Prior], row: Array) -> dict[str, float]:
    return {one.name: float(one.center * np.exp(one.ln_spread * x)) for one, x in zip(known, row, strict=True)}


def _filled(seen: Array) -> Array:
    """A summary that a member does not have, for there is nobody of that grade, is taken from the others."""
    middle = np.nanmean(seen, axis=0)
    return np.where(np.isfinite(seen), seen, middle)


def _gain(ensemble: Array, seen: Array, inflation: float) -> Array:
    apart, away = ensemble - ensemble.mean(axis=0), seen - seen.mean(axis=0)
    size = len(ensemble) - 1
    found: Array = np.linalg.solve(away.T @ away / size + inflation * np.eye(seen.shape[1]), away.T @ apart / size).T
    return found
