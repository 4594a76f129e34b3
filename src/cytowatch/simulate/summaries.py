"""What a cohort comes down to, for a fit: the same function for patients of a study and for virtual ones.

Peaks are those of samples once a day, under the ceiling of the assay where the study had one, for patients and model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cytowatch.simulate.solve import SOLVED, Solved

Array = NDArray[np.float64]
CYTOKINES = {"IL6": "IL-6", "IFNg": "IFN-gamma", "IL10": "IL-10", "TNF": "TNF-alpha"}
# above it the assay of the CD22 study reads no further (many equal values there); model and patients are cut alike
CEILING = {"IL6": 1472.0, "IFNg": 2800.0}
DAYS = 29
WEEKS = (0, 7, 14, 21, 28)
CELLS = ("TCM", "TEM", "TEff")
KEEP = (*CYTOKINES, "CRP", "Ferritin", *CELLS)
_LEAST = {"CRP": 0.4, "Ferritin": 10.0, "cells": 0.02, "peak": 1e-3}
_GIVEN = ("tocilizumab", "steroids", "anakinra")
SEVERE = 3
# ug/kg/min
_MUCH = 0.1
_NONE = float("nan")
_FALLS_FROM, _FALL_DAYS, _FALL_SAMPLES = 100.0, 4, 3


@dataclass(frozen=True)
class Cohort:
    """Patients by row; ``NaN`` where something was not taken. Daily cytokines in pg/mL, weekly markers and cells."""

    grade: Array
    onset: Array
    burden: Array
    IL6: Array
    IFNg: Array
    IL10: Array
    TNF: Array
    CRP: Array
    Ferritin: Array
    cells: Array
    tocilizumab: Array
    steroids: Array
    anakinra: Array
    days_in_reaction: Array
    most_norepinephrine: Array
    tocilizumab_doses: Array
    icans: Array
    icans_onset: Array
    days_with_icans: Array
    cells_peak_day: Array

    def take(self, rows: NDArray[np.int_]) -> Cohort:
        """These rows, repeated where they are named twice."""
        return Cohort(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def peak(self, cytokine: str) -> Array:
        """The highest daily sample of each patient."""
        found: Array = np.nanmax(self._cut(cytokine), axis=1)
        return found

    def peak_day(self, cytokine: str) -> Array:
        """The day of it."""
        found: Array = np.nanargmax(self._cut(cytokine), axis=1).astype(float)
        return found

    def _cut(self, cytokine: str) -> Array:
        values: Array = np.minimum(getattr(self, cytokine), CEILING.get(cytokine, np.inf))
        return values


def of_study(folder: Path) -> Cohort:
    """The CD22 study in the files that its README describes: patients, cytokines, markers, car_expansion."""
    people = pl.read_csv(folder / "patients.csv").with_row_index("row")
    size = people.height
    rows = people.select("patient_id", "row")

    def grid(frame: pl.DataFrame, column: str, width: int) -> Array:
        found = np.full((size, width), np.nan)
        for row, at, value in frame.join(rows, on="patient_id").select("row", "at", column).iter_rows():
            if 0 <= at < width and value is not None:
                found[row, at] = value
        return found

    samples = pl.read_csv(folder / "cytokines.csv.gz").with_columns(at=pl.col("day"))
    markers = pl.read_csv(folder / "markers.csv", infer_schema=False).with_columns(
        pl.col("patient_id").cast(pl.Int64), pl.col("value").cast(pl.Float64, strict=False), _week()
    )
    counts = pl.read_csv(folder / "car_expansion.csv").with_columns(_week())
    counts = counts.filter(pl.col("measure") == "car_abs_cells_per_uL")
    daily = {
        name: grid(samples.filter(pl.col("analyte") == theirs), "value_pg_mL", DAYS)
        for name, theirs in CYTOKINES.items()
    }
    weekly = {
        name: grid(markers.filter(pl.col("analyte") == name), "value", len(WEEKS)) for name in ("CRP", "Ferritin")
    }

    def column(name: str) -> Array:
        return people[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    blasts = column("marrow_blast_pct")
    return Cohort(
        grade=column("max_crs_grade_astct"),
        onset=column("crs_onset_day"),
        # some are shares and some are percent: a share of 1 or less is read as a share
        burden=np.where(blasts <= 1, 100 * blasts, blasts),
        cells=grid(counts, "value", len(WEEKS)),
        tocilizumab=column("tocilizumab"),
        steroids=column("steroids"),
        anakinra=column("anakinra"),
        days_in_reaction=np.full(size, np.nan),
        # the study's files say nothing of rates, numbers of doses, and neurotoxicity
        most_norepinephrine=np.full(size, np.nan),
        tocilizumab_doses=np.full(size, np.nan),
        icans=np.full(size, np.nan),
        icans_onset=np.full(size, np.nan),
        days_with_icans=np.full(size, np.nan),
        cells_peak_day=np.full(size, np.nan),
        **daily,
        **weekly,
    )


def _week() -> pl.Expr:
    """The week that the label of a visit names (``Day 14 (10-18)``), by its place."""
    return (pl.col("window").str.extract(r"Day (\d+)").cast(pl.Int64) // 7).alias("at")


def of_model(values: Mapping[str, Any], found: Solved) -> Cohort:
    """Virtual patients, sampled every 24 hours from the infusion on; who could not be solved is left out."""
    good = np.flatnonzero(found.code == SOLVED)
    reduced = {name: one[good].astype(float) for name, one in found.reduced.items()}
    hourly = {name: one[:, good] for name, one in found.hourly.items()}
    last = next(iter(hourly.values())).shape[0] - 1

    def sampled(hours: list[int], name: str) -> Array:
        return hourly[name][[min(hour, last) for hour in hours]].T.astype(float)

    weeks, days = [24 * 7 * week for week in range(len(WEEKS))], [24 * day for day in range(DAYS)]
    daily_cells = np.sum([sampled(days, name) for name in CELLS], axis=0) if CELLS[0] in hourly else None
    none = np.full((len(good), len(WEEKS)), np.nan)
    return Cohort(
        grade=reduced["bedside_grade"],
        onset=np.where(reduced["onset_hour"] >= 0, reduced["onset_hour"] / 24, np.nan),
        burden=np.broadcast_to(np.asarray(values["B0"], dtype=float), found.code.shape)[good],
        cells=none if daily_cells is None else daily_cells[:, list(WEEKS)],
        cells_peak_day=none[:, 0] if daily_cells is None else np.argmax(daily_cells, axis=1).astype(float),
        CRP=sampled(weeks, "CRP"),
        Ferritin=sampled(weeks, "Ferritin"),
        tocilizumab=(reduced["tocilizumab_given"] > 0).astype(float),
        steroids=reduced["dexamethasone"],
        anakinra=reduced["anakinra"],
        days_in_reaction=_days(reduced["hours_in_reaction"]),
        most_norepinephrine=reduced["most_norepinephrine"],
        tocilizumab_doses=reduced["tocilizumab_given"],
        icans=reduced["bedside_icans"],
        icans_onset=np.where(reduced["icans_onset_hour"] >= 0, reduced["icans_onset_hour"] / 24, np.nan),
        days_with_icans=_days(reduced["hours_with_icans"]),
        **{name: sampled(days, name) for name in CYTOKINES},
    )


def _days(hours: Array) -> Array:
    """Of those who had any."""
    return np.where(hours > 0, hours / 24, np.nan)


def summaries(cohort: Cohort) -> dict[str, float]:
    """Every summary by name; ``ln`` are natural logarithms, ``NaN`` where there is nobody to tell of."""
    found = {f"grade {grade}, share": float(np.mean(cohort.grade == grade)) for grade in range(5)}
    found |= {
        "onset, median day": _median(cohort.onset),
        "onset, day, between quartiles": _between(cohort.onset),
        "days in reaction, median": _median(cohort.days_in_reaction),
        "cells peak, median day": _median(cohort.cells_peak_day),
        "IL-6 peak, median day": _median(cohort.peak_day("IL6")),
        "IL-6 fall after the peak, ln a day": fall(cohort),
        "correlation of ln peaks, IL-6 and IFN-gamma": _correlation(cohort),
        "peak IL-6 for grade 3 or more, AUROC": auroc(cohort.peak("IL6"), cohort.grade >= SEVERE),
        "burden and peak IL-6, Spearman": _spearman(cohort.burden, cohort.peak("IL6")),
    }
    for name, shown in CYTOKINES.items():
        found |= _of_peaks(shown, np.log(np.maximum(cohort.peak(name), _LEAST["peak"])), cohort.grade)
    for name in ("CRP", "Ferritin", "cells"):
        values = np.log(np.maximum(getattr(cohort, name), _LEAST[name]))
        weeks = WEEKS if name != "cells" else WEEKS[1:]
        found |= {f"{name} on day {day}, ln median": _median(values[:, day // 7]) for day in weeks}
    found |= {f"{name}, share": float(np.nanmean(getattr(cohort, name))) for name in _GIVEN}
    return found | _of_care(cohort) | _of_icans(cohort)


def _of_care(cohort: Cohort) -> dict[str, float]:
    """How much of what was given: rates in ug/kg/min, doses of those who had any."""
    severe = cohort.most_norepinephrine[cohort.grade >= SEVERE]
    doses = cohort.tocilizumab_doses[cohort.tocilizumab_doses > 0]
    known = len(severe) and np.isfinite(severe).all()
    return {
        "norepinephrine of 0.1 or more, of grade 3 or 4, share": float(np.mean(severe >= _MUCH)) if known else _NONE,
        "tocilizumab once, of those who had it, share": float(np.mean(doses == 1)) if len(doses) else _NONE,
    }


def _of_icans(cohort: Cohort) -> dict[str, float]:
    known = cohort.icans[np.isfinite(cohort.icans)]

    def share(grade: int) -> float:
        return float(np.mean(known >= grade)) if len(known) else _NONE

    return {
        "ICANS, share": share(1),
        "ICANS grade 3 or more, share": share(SEVERE),
        "ICANS grade 4, share": share(4),
        "ICANS onset, median day": _median(cohort.icans_onset),
        "days with ICANS, median": _median(cohort.days_with_icans),
    }


def _of_peaks(shown: str, logs: Array, grade: Array) -> dict[str, float]:
    groups = {"grade 1": grade == 1, "grade 2": grade == 2, "grade 3 or 4": grade >= SEVERE}
    by_grade = {f"{shown} peak, {name}, ln median": _median(logs[rows]) for name, rows in groups.items()}
    return {f"{shown} peak, ln median": _median(logs), f"{shown} peak, ln SD": float(np.std(logs)), **by_grade}


def _median(values: Array) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _between(values: Array) -> float:
    values = values[np.isfinite(values)]
    return float(np.subtract(*np.quantile(values, [0.75, 0.25]))) if len(values) else float("nan")


def fall(cohort: Cohort) -> float:
    """Median slope of ln IL-6 over the four days after a peak above 100 pg/mL, where three samples or more are."""
    samples, peaks, days = cohort.IL6, cohort.peak("IL6"), cohort.peak_day("IL6").astype(int)
    slopes = []
    for row in np.flatnonzero(peaks > _FALLS_FROM):
        after = samples[row, days[row] : days[row] + _FALL_DAYS + 1]
        at = np.flatnonzero(np.isfinite(after) & (after > 0))
        if len(at) >= _FALL_SAMPLES:
            slopes.append(float(np.polyfit(at, np.log(after[at]), 1)[0]))
    return _median(np.array(slopes))


def _correlation(cohort: Cohort) -> float:
    return _pearson(*(np.log(np.maximum(cohort.peak(name), _LEAST["peak"])) for name in ("IL6", "IFNg")))


def _pearson(one: Array, other: Array) -> float:
    """Of what does not vary there is none."""
    alike = len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0
    return float("nan") if alike else float(np.corrcoef(one, other)[0, 1])


def _ranks(values: Array) -> Array:
    _, back, count = np.unique(values, return_inverse=True, return_counts=True)
    middle: Array = np.cumsum(count) - (count - 1) / 2
    return middle[back]


def _spearman(one: Array, other: Array) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    return _pearson(_ranks(one[both]), _ranks(other[both]))


def auroc(score: Array, true: NDArray[np.bool_]) -> float:
    """The chance that a score of a true case lies above that of another; ties count half."""
    n, other = int(true.sum()), int((~true).sum())
    if not n or not other:
        return float("nan")
    return float((_ranks(score)[true].sum() - n * (n + 1) / 2) / (n * other))


def errors(cohort: Cohort, seed: int, draws: int = 400) -> dict[str, float]:
    """Standard errors by drawing the patients anew with repeats."""
    stream = np.random.default_rng(seed)
    size = len(cohort.grade)
    many = [summaries(cohort.take(stream.integers(0, size, size))) for _ in range(draws)]
    spreads = {}
    for name in many[0]:
        values = np.array([one[name] for one in many])
        values = values[np.isfinite(values)]
        spreads[name] = float(np.std(values)) if len(values) else float("nan")
    return spreads
