"""Virtual patients: every parameter with a published or stated spread, drawn anew for each patient.

Patient 17 of seed 1 is the same whoever else is drawn and whatever is done to them: each parameter has a stream of its
own, by block of patients, so arms of a what-if compare the same patients.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.errors import ArgumentError
from cytowatch.simulate.mechanism import Mechanism
from cytowatch.simulate.products import Product
from cytowatch.simulate.tables import Parameter, table

Array = NDArray[np.float64]
BLOCK = 4096
# what a covariate of a patient may be; of candidates outside, a patient is drawn anew
LIMITS: dict[str, tuple[float, float]] = {
    "MAP0": (74, 120), "HR0": (45, 120), "SpO20": (94, 100), "Tm": (36.0, 37.5), "weight": (35, 200),
    # a product has limits of its own
    "age": (1, 90),
    # times what a reaction makes of it, no more than has been measured
    "s_CRP": (0.1, 60), "s_ferritin": (20, 8000), "g_IFNg": (0.01, 30),
}  # fmt: skip
# what is a share of something, and cannot be more than the whole of it
WHOLES = frozenset(
    ("d_CRP", "Imax_CRP", "reach_dex", "reach_T", "e_para", "f_NO", "f_leak", "F_drug", "unarousable_from")
)
# under this age weight goes by age: twice four more than the years, a rule of thumb of emergency care (recalled)
_CHILD_UNDER = 11
# a population that takes more candidates for each patient than this admits nobody, for all that is known
_MOST_TRIES = 200
# what helps where a parameter admits nobody, by what of the command has moved it
_ADVICE = {
    "--set": "set it nearer to the limits of this simulator.",
    "--only": "change that with --set, or widen the limits.",
    "--set and --only": "set it nearer to the limits, or widen them.",
}
_OTHERS = ("core-network", "signs", "bedside")


@dataclass(frozen=True)
class Drawn:
    """Patients: one number each for every parameter that varies, one for all for the others.

    ``redrawn``: by name, how many candidates for these patients lay outside the limits; ``rejected``: all of them.
    """

    values: dict[str, Any]
    patients: int
    redrawn: dict[str, int]

    @property
    def rejected(self) -> int:
        """How many candidates lay outside the limits."""
        return sum(self.redrawn.values())


def parameters(mechanism: Mechanism) -> dict[str, Parameter]:
    """Every parameter of a run by name: the trigger's, the network's, the signs', and those of the ward."""
    found: dict[str, Parameter] = {}
    for key in (*_OTHERS, mechanism.table):
        found |= table(key).parameters
    return found


def typical(product: Product, changed: Mapping[str, float] | None = None) -> dict[str, float]:
    """The values that the patients of a product vary around; ``changed`` replaces some. ArgumentError if unknown."""
    plain = {name: one.value for name, one in parameters(product.mechanism).items()}
    center = {**plain, **product.values, **(changed or {})}
    _known(center, plain)
    return center


def draw(
    product: Product,
    patients: int,
    seed: int,
    *,
    first: int = 0,
    changed: Mapping[str, float] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    spreads: Mapping[str, float] | None = None,
) -> Drawn:
    """Patients ``first`` to ``first + patients`` of a seed.

    ``changed``: values of parameters that a what-if replaces (their spread goes on around the new value).
    ``limits``: bounds for a patient's values, beside `LIMITS`. ``spreads``: other sizes of spreads that there are.
    ArgumentError if nobody is admitted.
    """
    known = parameters(product.mechanism)
    others = {**product.spreads, **(spreads or {})}
    known |= {name: replace(known[name], spread=size) for name, size in others.items()}
    center = typical(product, changed)
    bounds = _bounds(product, limits or {})
    _check(center, bounds, known, _blamed(changed or {}, limits or {}))
    blocks = range(first // BLOCK, (first + patients - 1) // BLOCK + 1)
    drawn, redrawn = [], dict.fromkeys(bounds, 0)
    blamed = _blamed(changed or {}, limits or {})
    for block in blocks:
        values, again = _block(center, known, bounds, seed, block, blamed)
        inside = slice(max(first - block * BLOCK, 0), min(first + patients - block * BLOCK, BLOCK))
        drawn.append({name: value[inside] for name, value in values.items()})
        redrawn |= {name: redrawn[name] + int(one[inside].sum()) for name, one in again.items()}
    varied = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
    if "age" in varied and "weight" in varied:
        varied["weight"] = _weight(varied["age"], varied["weight"], center["weight"])
    return Drawn({**center, **varied}, patients, {name: number for name, number in redrawn.items() if number})


def _weight(age: Array, weight: Array, usual: float) -> Array:
    """A child's weight by age, as far from usual as was drawn; of others what was drawn."""
    return np.where(age < _CHILD_UNDER, weight / usual * 2 * (age + 4), weight)


def check(product: Product, changed: Mapping[str, float], limits: Mapping[str, tuple[float, float]]) -> None:
    """ArgumentError for a name that is not there, a value of no number or of the wrong sign, limits that cross."""
    known = parameters(product.mechanism)
    if "dose" in changed:
        raise ArgumentError(
            "The dose is not a parameter to set.", where="--set", why="The chart would still say the usual dose.",
            hint="Write a plan of doses: --doses 0:0.5 gives half the usual (in --what-if: doses=0:0.5).",
        )  # fmt: skip
    _known(limits, known, "--only")
    for name, value in changed.items():
        _known([name], known, "--set")
        if not np.isfinite(value):
            raise ArgumentError(f"{name} cannot be {value}.", where="--set", hint=f"Its unit is {known[name].unit}.")
        if value > 1 and name in WHOLES:
            raise ArgumentError(
                f"{name} is a share and cannot be above 1: {value:g}.", where="--set",
                hint=f"It is {known[name].value:g}: {known[name].meaning}.",
            )  # fmt: skip
        if value < 0 <= known[name].value:
            raise ArgumentError(
                f"{name} cannot be below 0: {value:g}.", where="--set",
                hint=f"It is {known[name].value:g} {known[name].unit}.",
            )  # fmt: skip
    _check(typical(product, changed), _bounds(product, limits), known, _blamed(changed, limits))


def _bounds(product: Product, asked: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The limits of a product's patients, and within them those that are asked."""
    general = {**LIMITS, **product.limits}
    return {**general, **{name: _within(general, name, limits) for name, limits in asked.items()}}


def _within(general: Mapping[str, tuple[float, float]], name: str, asked: tuple[float, float]) -> tuple[float, float]:
    """Limits within those that hold for everybody."""
    low, high = general.get(name, (-np.inf, np.inf))
    if not asked[0] <= asked[1]:
        return asked
    if asked[1] < low or asked[0] > high:
        raise ArgumentError(
            f"Nobody can be admitted: {name} is {low:g} to {high:g} in this simulator; {asked[0]:g} to {asked[1]:g} is "
            "asked.",
            where="--only",
        )
    return max(asked[0], low), min(asked[1], high)


def _known(names: Iterable[str], known: Iterable[str], where: str = "") -> None:
    strange = [name for name in names if name not in set(known)]
    if strange:
        raise ArgumentError(
            f"There is no parameter `{strange[0]}`.", where=where,
            hint="`cytowatch simulate --list` names them, with their units.",
        )  # fmt: skip


def _blamed(changed: Iterable[str], limits: Iterable[str]) -> dict[str, str]:
    """By the name of a parameter, what of the command has moved it or its limits."""
    moved, bound = set(changed), set(limits)
    return {
        name: " and ".join(how for how, names in (("--set", moved), ("--only", bound)) if name in names)
        for name in moved | bound
    }


def _check(
    center: Mapping[str, float], bounds: Mapping[str, tuple[float, float]], known: Mapping[str, Any],
    blamed: Mapping[str, str],
) -> None:  # fmt: skip
    _known(bounds, known)
    for name, (low, high) in bounds.items():
        if not low <= high:
            raise ArgumentError(f"The limits of {name} are the wrong way round: {low:g} to {high:g}.", where="--only")
        if known[name].spread is None and not low <= center[name] <= high:
            raise ArgumentError(
                f"Nobody can be admitted: {name} is {center[name]:g} in every patient; {low:g} to {high:g} is asked.",
                where=blamed.get(name, "--only"),
            )


def _block(
    center: Mapping[str, float], known: Mapping[str, Parameter], bounds: Mapping[str, tuple[float, float]], seed: int,
    block: int, blamed: Mapping[str, str],
) -> tuple[dict[str, Array], dict[str, NDArray[np.int64]]]:  # fmt: skip
    """One block of patients, and for each of them how many draws of each bounded name lay outside."""
    varied = [name for name, one in known.items() if one.spread is not None]
    streams = {name: np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())],
                                                          counter=[0, 0, 0, block])) for name in varied}  # fmt: skip
    values = {name: np.empty(BLOCK) for name in varied}
    open_ = {name: np.ones(BLOCK, dtype=bool) for name in varied}
    rejected = {name: np.zeros(BLOCK, dtype=np.int64) for name in varied if name in bounds}
    for _ in range(_MOST_TRIES):
        for name in varied:
            if open_[name].any():
                fresh = _spread(center[name], known[name], streams[name].standard_normal(BLOCK))
                values[name] = np.where(open_[name], fresh, values[name])
                low, high = bounds.get(name, (-np.inf, np.inf))
                open_[name] &= ~((values[name] >= low) & (values[name] <= high))
                if name in bounds:
                    rejected[name] += open_[name]
        if not any(one.any() for one in open_.values()):
            return values, rejected
    worst = max(open_, key=lambda name: int(open_[name].sum()))
    low, high = bounds[worst]
    raise ArgumentError(
        f"The population admits hardly anybody: {worst} between {low:g} and {high:g} was not drawn in {_MOST_TRIES} "
        f"tries for {int(open_[worst].sum())} of {BLOCK} patients.",
        where=blamed.get(worst, "--only"),
        hint=f"Its middle is {center[worst]:g} {known[worst].unit}; {_ADVICE[blamed.get(worst, '--only')]}",
    )


def _spread(center: float, one: Parameter, normal: Array) -> Array:
    size = float(one.spread) if isinstance(one.spread, float | int) else 0.0
    # the standard deviation of the logarithm, as the source states it
    of_logarithm = {"ln_sd": size, "ln_variance": float(np.sqrt(size)), "cv": float(np.sqrt(np.log1p(size**2)))}
    if one.spread_kind in of_logarithm:
        found: Array = center * np.exp(of_logarithm[one.spread_kind] * normal)
        return found
    return center + size * normal
