"""What the assembled mechanism must do as a whole: numbers 6 to 9 and 12 of the acceptance table.

Each group simulates the same 1024 patients of a seed that no fit has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from cytowatch.simulate import summaries
from cytowatch.simulate.population import draw
from cytowatch.simulate.products import product
from cytowatch.simulate.solve import Solved, run

PATIENTS, SEED, HOURS = 1024, 2001, 28 * 24
# one list for all runs, so that one compiled program serves them
KEEP = (*summaries.KEEP, "Temp", "tocilizumab_given")
_NO_OTHER_DRUG: Mapping[str, float] = {"dexamethasone": 0.0, "anakinra": 0.0, "acetaminophen": 0.0}
# after the first dose: IL-6 and temperature a day later, the slower CRP and cells two days later
_DAY, _TWO_DAYS = 24, 48
_FOLD = 4.0


@cache
def _cohort(key: str) -> summaries.Cohort:
    given = product(key)
    values = draw(given, PATIENTS, SEED).values
    found = run(given.mechanism, values, HOURS, given.schedule(values), keep=KEEP, steps=1)
    return summaries.of_model(values, found)


def course() -> dict[str, float]:
    """Number 6: the course after CD22 cells."""
    cohort = _cohort("cd22-car-t")
    found = summaries.summaries(cohort)
    return {
        "peak of IL-6, day": found["IL-6 peak, median day"],
        "onset, day": found["onset, median day"],
        "half-life of the fall, d": float(np.log(2)) / -found["IL-6 fall after the peak, ln a day"],
        "ln SD of peak IL-6": found["IL-6 peak, ln SD"],
    }


def grades() -> dict[str, float]:
    """Number 7: worst grades after CD22 cells."""
    found = summaries.summaries(_cohort("cd22-car-t"))
    return {f"grade {grade}": found[f"grade {grade}, share"] for grade in range(5)}


def _arm(changed: Mapping[str, float]) -> Solved:
    given = product("cd22-car-t")
    values = draw(given, PATIENTS, SEED, changed=changed).values
    return run(given.mechanism, values, HOURS, given.schedule(values), keep=KEEP, steps=1)


def after_tocilizumab() -> dict[str, float]:
    """Number 8: the same patients with tocilizumab and without, both without any other drug."""
    treated, other = _arm(_NO_OTHER_DRUG), _arm({**_NO_OTHER_DRUG, "tocilizumab_doses": 0.0})
    got = treated.hourly["tocilizumab_given"] > 0
    first = np.argmax(got, axis=0)
    rows = np.flatnonzero(got.any(axis=0) & (first + _TWO_DAYS < HOURS) & (treated.code == 0) & (other.code == 0))

    def both(name: str, later: int) -> tuple[Any, Any]:
        at = first[rows] + later
        return treated.hourly[name][at, rows], other.hourly[name][at, rows]

    def share(name: str, later: int, sign: int) -> float:
        ours, theirs = both(name, later)
        return float(np.mean(sign * (ours - theirs) > 0))

    cells = [np.sum(one, axis=0) for one in zip(*(both(name, _TWO_DAYS) for name in summaries.CELLS), strict=True)]
    return {
        "IL-6 higher, share": share("IL6", _DAY, 1),
        "temperature lower, share": share("Temp", _DAY, -1),
        "CRP lower, share": share("CRP", _TWO_DAYS, -1),
        "cells, ratio": float(np.median(cells[0] / cells[1])),
    }


def burden_and_dose() -> dict[str, float]:
    """Number 9: what four times the dose does to the peak of IL-6, as a share of what four times the burden does."""
    given = product("cd22-car-t")
    usual = draw(given, PATIENTS, SEED).values
    arms = (usual, {**usual, "B0": _FOLD * usual["B0"]}, {**usual, "dose": _FOLD * usual["dose"]})
    logs = [
        np.log(run(given.mechanism, one, HOURS, given.schedule(one), keep=KEEP, steps=1).reduced["peak_IL6"])
        for one in arms
    ]
    burden, dose = (float(np.median(one - logs[0])) for one in logs[1:])
    return {"effect of dose over that of burden": dose / burden}


def discrimination() -> dict[str, float]:
    """Number 12: how far the peak of IL-6 tells grade 3 or more."""
    found = {key: _cohort(key) for key in ("cd22-car-t", "cd19-car-t")}
    return {key: summaries.auroc(one.peak("IL6"), one.grade >= summaries.SEVERE) for key, one in found.items()}
