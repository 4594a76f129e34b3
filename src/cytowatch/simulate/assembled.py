"""What the assembled mechanism must do as a whole: numbers 6 to 9, 11b and 12 of the acceptance table.

Each group simulates the same 1024 patients of a seed that no fit has seen. ``changed`` replaces parameters, so that a
test can turn off or around the very effect that a number asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.errors import KnowledgeError
from cytowatch.simulate import fit, summaries
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
_CD22 = "cd22-car-t"
# nearer to rest the fall of CRP is that of its distance to rest, not its half-life
_ABOVE_REST = 5.0
_DRAWS = 100_000
_GRADES = range(5)
# a count is whole but for the third digit of its share
_WHOLE = 0.05

Array = NDArray[np.float64]
Changed = Mapping[str, float] | None


def _solved(key: str, changed: Changed = None) -> tuple[dict[str, Any], Solved]:
    given = product(key)
    values = draw(given, PATIENTS, SEED, changed=changed).values
    return values, run(given.mechanism, values, HOURS, given.schedule(values), keep=KEEP, steps=1)


# the patients as they are serve several numbers
_usual = cache(_solved)


def _found(key: str, changed: Changed) -> tuple[dict[str, Any], Solved]:
    return _solved(key, changed) if changed else _usual(key)


def course(changed: Changed = None) -> dict[str, float]:
    """Number 6: the course after CD22 cells."""
    values, solved = _found(_CD22, changed)
    found = summaries.summaries(summaries.of_model(values, solved))
    return {
        "peak of IL-6, day": found["IL-6 peak, median day"],
        "peak of IL-6 uncut and hourly, day": float(np.median(solved.reduced["peak_IL6_hour"][solved.code == 0])) / 24,
        "onset, day": found["onset, median day"],
        "half-life of the fall, d": float(np.log(2)) / -found["IL-6 fall after the peak, ln a day"],
        "ln SD of peak IL-6": found["IL-6 peak, ln SD"],
    }


def grades(changed: Changed = None) -> dict[str, float]:
    """Number 7: worst grades after CD22 cells, and how likely they make those of the half that was fitted."""
    found = summaries.summaries(summaries.of_model(*_found(_CD22, changed)))
    shares = [found[f"grade {grade}, share"] for grade in _GRADES]
    return {f"grade {grade}": share for grade, share in zip(_GRADES, shares, strict=True)} | {
        "all five at once, chance": chance(counts_of_the_half(), np.array(shares))
    }


def counts_of_the_half() -> NDArray[np.int_]:
    """How many of the fitted patients had each grade, by the record of the fit; KnowledgeError if it does not tell."""
    record = fit.fitted(_CD22)
    told = re.search(r"of (\d+) patients", record["fit"]["source"])
    patients = int(told[1]) if told else 0
    counts = patients * np.array([record["summary"][f"grade {grade}, share"]["target"] for grade in _GRADES])
    whole: NDArray[np.int_] = np.rint(counts).astype(int)
    if not patients or whole.sum() != patients or np.abs(counts - whole).max() > _WHOLE:
        raise KnowledgeError("The targets of the grades are no shares of so many patients.", where=f"{_CD22}.toml")
    return whole


def chance(counts: NDArray[np.int_], shares: Array) -> float:
    """The exact multinomial test by Monte Carlo: the chance, by ``shares``, of counts as unlikely as these or more."""
    from scipy.special import gammaln, xlogy

    def ln_likelihood(of: NDArray[np.int_]) -> Array:
        found: Array = (xlogy(of, shares) - gammaln(of + 1)).sum(axis=-1)
        return found

    drawn = np.random.default_rng(SEED).multinomial(int(counts.sum()), shares / shares.sum(), size=_DRAWS)
    # counts that come in another order of sums are as likely, but for rounding
    as_rare = ln_likelihood(drawn) <= ln_likelihood(counts) + 1e-9
    return float((1 + as_rare.sum()) / (1 + _DRAWS))


def _first_dose(solved: Solved, hours: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The hour of each patient's first tocilizumab, and the patients who are followed for ``hours`` after it."""
    got = solved.hourly["tocilizumab_given"] > 0
    first = np.argmax(got, axis=0)
    return first, np.flatnonzero(got.any(axis=0) & (first + hours < HOURS) & (solved.code == 0))


def after_tocilizumab(changed: Changed = None) -> dict[str, float]:
    """Number 8: the same patients with tocilizumab and without, both without any other drug."""
    alone = {**_NO_OTHER_DRUG, **(changed or {})}
    treated, other = (_solved(_CD22, one)[1] for one in (alone, {**alone, "tocilizumab_doses": 0.0}))
    first, rows = _first_dose(treated, _TWO_DAYS)
    rows = rows[other.code[rows] == 0]

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


def burden_and_dose(changed: Changed = None) -> dict[str, float]:
    """Number 9: what four times the burden and four times the dose add to the logarithm of the peak of IL-6."""
    given = product(_CD22)
    usual = draw(given, PATIENTS, SEED, changed=changed).values
    arms = (usual, {**usual, "B0": _FOLD * usual["B0"]}, {**usual, "dose": _FOLD * usual["dose"]})
    logs = [
        np.log(run(given.mechanism, one, HOURS, given.schedule(one), keep=KEEP, steps=1).reduced["peak_IL6"])
        for one in arms
    ]
    burden, dose = (float(np.median(one - logs[0])) for one in logs[1:])
    return {
        "effect of burden, ln of the peak": burden,
        "effect of dose, ln of the peak": dose,
        "effect of dose over that of burden": dose / burden if burden else np.inf,
    }


def crp_after_tocilizumab(changed: Changed = None) -> dict[str, float]:
    """Number 11b: how fast CRP falls in the cohort from a day after the first dose on, over two days."""
    values, solved = _found(_CD22, changed)
    first, rows = _first_dose(solved, _DAY + _TWO_DAYS)
    level, rest = solved.hourly["CRP"], np.broadcast_to(np.asarray(values["s_CRP"], dtype=float), PATIENTS)
    rows = rows[level[first[rows] + _DAY, rows] > _ABOVE_REST * rest[rows]]
    if not len(rows):
        return {"half-life in the cohort": np.nan}
    start, end = (level[first[rows] + later, rows].astype(float) for later in (_DAY, _DAY + _TWO_DAYS))
    # the median of rates, not of half-lives: where CRP goes on rising the rate is below 0, and a half-life jumps there
    rate = float(np.median(np.log(start / end))) / _TWO_DAYS
    return {"half-life in the cohort": float(np.log(2)) / rate if rate > 0 else np.inf}


def discrimination() -> dict[str, float]:
    """Number 12: how far the peak of IL-6 tells grade 3 or more."""
    found = {key: summaries.of_model(*_usual(key)) for key in (_CD22, "cd19-car-t")}
    return {key: summaries.auroc(one.peak("IL6"), one.grade >= summaries.SEVERE) for key, one in found.items()}
