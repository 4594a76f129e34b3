"""Whether steps are small enough: patients that will not solve are solved again by smaller ones, and peaks compared.

The steps of a product are held against a reference for the tables' own numbers only (`tests/simulate`). With a number
changed by the user nobody has looked, so the simulator looks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.simulate import lanes
from cytowatch.simulate.products import Product
from cytowatch.simulate.solve import SOLVED, Schedule, Solved

Work = Callable[..., Solved]
# times the steps of the product
FINER = (4, 16)
# patients that are looked at, and by how much of itself a peak may differ between two paces
LOOKED_AT, TOLERANCE = 64, 0.01
PEAKS = (
    "peak_IL6", "peak_IFNg", "peak_IL10", "peak_TNF", "peak_CRP", "peak_Ferritin", "highest_temperature",
    "lowest_pressure", "lowest_saturation",
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How many times the steps of the product are taken, and the share by which a peak differs from finer ones."""

    times: int = 1
    error: float = 0.0

    @property
    def enough(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= TOLERANCE


def solve(
    work: Work, given: Product, values: Mapping[str, Any], hours: int, schedule: Schedule, *, keep: Sequence[str] = (),
    times: int = 1,
) -> Solved:  # fmt: skip
    """Solve a batch at so many times the product's steps; who will not solve is tried with 4 and 16 times those."""
    found = work(given.mechanism, values, hours, schedule, keep=keep, steps=_steps(given, hours, times))
    for finer in FINER:
        lost = np.flatnonzero(found.code != SOLVED)
        if not lost.size:
            break
        planned = Schedule({key: _of(amount, lost) for key, amount in schedule.amounts.items()})
        some = {name: _of(value, lost) for name, value in values.items()}
        again = work(given.mechanism, some, hours, planned, keep=keep, steps=_steps(given, hours, times * finer))
        found = _placed(found, again, lost)
    return found


def pace(given: Product, values: Mapping[str, Any], hours: int) -> Pace:
    """The first of 1, 4 and 16 times the product's steps whose peaks are within the tolerance of four times as many.

    ``values``: the numbers of `LOOKED_AT` patients. They are left without the ward: a drug that is given an hour
    sooner, for a temperature that is 38.0 and not 37.9, moves a peak by more than any step does.
    """
    schedule = given.schedule(values)
    # one number a patient for all, so that one compiled solver serves every plan
    wide = {name: np.broadcast_to(np.asarray(value, dtype=float), LOOKED_AT) for name, value in values.items()}
    coarse = lanes.run(given.mechanism, wide, hours, schedule, steps=_steps(given, hours), care=False)
    found = Pace()
    for times in (1, *FINER):
        fine = lanes.run(given.mechanism, wide, hours, schedule, steps=_steps(given, hours, times * 4), care=False)
        found = Pace(times, apart(coarse, fine))
        if found.enough:
            break
        coarse = fine
    return found


def apart(coarse: Solved, fine: Solved) -> float:
    """The greatest difference of a peak, as a share of it; infinite where only the finer steps solve a patient."""
    good = fine.code == SOLVED
    if not good.any():
        return 0.0
    if (coarse.code[good] != SOLVED).any():
        return float("inf")
    exact = {name: fine.reduced[name][good].astype(float) for name in PEAKS}
    # a peak of next to nothing has no digits to differ in
    shares = [np.abs(coarse.reduced[name][good] - one) / np.maximum(np.abs(one), 1e-3) for name, one in exact.items()]
    return float(np.max(shares))


def _steps(given: Product, hours: int, times: int = 1) -> list[int]:
    return [times * one for one in given.steps(hours)]


def _of(value: Any, patients: NDArray[np.int64]) -> Any:
    return value[patients] if np.ndim(value) else value


def _placed(found: Solved, again: Solved, lost: NDArray[np.int64]) -> Solved:
    """What was found again, in place of what was lost."""

    def put(whole: NDArray[Any], part: NDArray[Any]) -> NDArray[Any]:
        # what JAX gives cannot be written to
        whole = whole if whole.flags.writeable else whole.copy()
        whole[..., lost] = part
        return whole

    return Solved(
        {name: put(value, again.hourly[name]) for name, value in found.hourly.items()},
        {name: put(value, again.reduced[name]) for name, value in found.reduced.items()},
        put(found.code, again.code),
    )
