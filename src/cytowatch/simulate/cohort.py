"""Whole cohorts, batch by batch: drawn, solved, charted, written; and the same patients under other care.

A batch is written aside and moved into place, so a run that is cut short keeps its finished patients and goes on where
it stopped. Memory is that of one batch, whatever the size of the cohort.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.simulate import chart, dirt
from cytowatch.simulate.population import draw
from cytowatch.simulate.products import Product, product
from cytowatch.simulate.solve import CODES, SOLVED, Solved, run

HOURS_A_DAY = 24
# patients held at once: hourly signs of so many take some 100 MB
CHARTED_AT_ONCE, REDUCED_AT_ONCE = 1024, 16384
# steps an hour, so that a state is within 0.4 (cells) and 1 percent (engagers) of its peak: tests/simulate/test_solver
STEPS = {"cells": 1, "engager": 4}
RECORD = "simulation.json"
Advance = Callable[[str, float], None]
_MOST_DAYS = 365
_COVARIATES = ("weight", "B0", "MAP0", "Tm", "g_monocyte", "g_IFNg", "g_heat", "g_NO", "g_leak", "g_lung")


@dataclass(frozen=True)
class Plan:
    """What is simulated: everything that a run depends on, so that the same plan gives the same patients."""

    product: str
    patients: int
    seed: int = 1
    days: int = 28
    doses: str = ""
    changed: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    dirt: float = 0.0

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise ArgumentError(f"{self.patients} patients cannot be simulated.", where="--patients", hint="1 or more.")
        if not 1 <= self.days <= _MOST_DAYS:
            raise ArgumentError(f"{self.days} days cannot be simulated.", where="--days", hint=f"1 to {_MOST_DAYS}.")
        if self.seed < 0:
            raise ArgumentError("A seed is 0 or more.", where="--seed")
        if not 0 <= self.dirt <= 1:
            raise ArgumentError("Dirt is a share, 0 (none) to 1.", where="--dirt")
        self.given()

    def given(self) -> Product:
        """The product with the plan's doses."""
        known = product(self.product)
        return known.with_doses(self.doses) if self.doses else known


def solved(plan: Plan, first: int, patients: int, *, keep: Sequence[str] = ()) -> tuple[dict[str, Any], Solved, int]:
    """Patients ``first`` onward: what was drawn, what was found, and how many draws were rejected."""
    given = plan.given()
    drawn = draw(given, patients, plan.seed, first=first, changed=plan.changed, limits=plan.limits)
    found = run(
        given.mechanism, drawn.values, plan.days * HOURS_A_DAY, given.schedule(dict(drawn.values)), keep=keep,
        steps=STEPS[given.trigger],
    )  # fmt: skip
    return drawn.values, found, drawn.rejected


def outcomes(plan: Plan, *, advance: Advance | None = None) -> pl.DataFrame:
    """One row a patient: the drawn covariates, the worst grade, onset, peaks, drugs given, and the result code."""
    frames = []
    for first, size in _batches(plan.patients, REDUCED_AT_ONCE):
        values, found, _ = solved(plan, first, size)
        frames.append(_row_each(values, found, first))
        if advance is not None:
            advance("solving", (first + size) / plan.patients)
    return pl.concat(frames)


def arms(plan: Plan, others: Mapping[str, Plan], *, advance: Advance | None = None) -> pl.DataFrame:
    """The same patients under each plan: `outcomes` with a column ``arm``; the first is called ``as planned``."""
    named = {"as planned": plan, **others}
    frames = []
    for number, (name, one) in enumerate(named.items()):
        frames.append(outcomes(one).with_columns(arm=pl.lit(name)))
        if advance is not None:
            advance(name, (number + 1) / len(named))
    return pl.concat(frames)


def write(plan: Plan, folder: Path, *, advance: Advance | None = None) -> pl.DataFrame:
    """Chart a cohort into a folder; gives back the outcomes of its patients.

    ``chart/`` holds what a hospital would hand in, observations and patients; ``truth/`` what only the simulator
    knows. Finished batches of the same plan are kept; another plan's folder is an ArgumentError.
    """
    _claim(plan, folder)
    batches = list(_batches(plan.patients, CHARTED_AT_ONCE))
    for number, (first, size) in enumerate(batches):
        done = folder / "truth" / f"patients-{number:05d}.parquet"
        if not done.is_file():
            _write_batch(plan, folder, number, first, size)
        if advance is not None:
            advance("charting", (first + size) / plan.patients)
    people = pl.concat([pl.read_parquet(folder / "truth" / f"patients-{n:05d}.parquet") for n in range(len(batches))])
    charted = people.filter(pl.col("code") == SOLVED)
    whole = charted.select("patient", pl.col("weight").round(1).alias("weight_kg"))
    _put(whole.with_columns(age_years=pl.lit(None, pl.Float64)), folder / "chart" / "patients.parquet")
    return people


def _write_batch(plan: Plan, folder: Path, number: int, first: int, size: int) -> None:
    values, found, _ = solved(plan, first, size, keep=chart.KEEP)
    people = _row_each(values, found, first)
    good = np.flatnonzero(found.code == SOLVED)
    names = [str(people["patient"][int(one)]) for one in good]
    hourly = {name: value[:, good] for name, value in found.hourly.items()}
    charted = chart.chart(plan.given(), hourly, names, plan.seed, first)
    rows = dirt.soil(charted.observations, plan.dirt, plan.seed, number) if plan.dirt else charted.observations
    _put(rows, folder / "chart" / f"observations-{number:05d}.parquet")
    _put(charted.truth, folder / "truth" / f"grades-{number:05d}.parquet")
    # written last: it says that the batch is whole
    _put(people, folder / "truth" / f"patients-{number:05d}.parquet")


def _row_each(values: Mapping[str, Any], found: Solved, first: int) -> pl.DataFrame:
    size = len(found.code)
    names = [f"V{first + number:07d}" for number in range(size)]
    drawn = {name: np.broadcast_to(np.asarray(values[name], dtype=float), size) for name in _COVARIATES}
    reduced = {name: value.astype(float) for name, value in found.reduced.items()}
    frame = pl.DataFrame({"patient": names, "code": found.code, **drawn, **reduced})
    whole = ("worst_grade", "tocilizumab_given", "onset_hour", "peak_IL6_hour", "hours_in_reaction")
    lost = pl.col("code") != SOLVED
    # a patient that could not be solved has no outcome
    return frame.with_columns(
        *(pl.when(~lost).then(pl.col(name).cast(pl.Int64, strict=False)).alias(name) for name in whole),
        *(pl.when(~lost).then(pl.col(name)).alias(name) for name in reduced if name not in whole),
        pl.col("code").replace_strict(CODES, return_dtype=pl.String).alias("result"),
    )


def _batches(patients: int, most: int) -> Iterator[tuple[int, int]]:
    for first in range(0, patients, most):
        yield first, min(most, patients - first)


def _claim(plan: Plan, folder: Path) -> None:
    """Make the folder this plan's own."""
    record = folder / RECORD
    wanted = json.loads(json.dumps(asdict(plan)))
    if record.is_file() and json.loads(record.read_text(encoding="utf-8"))["plan"] != wanted:
        raise ArgumentError(
            "The folder holds another simulation.", where=str(folder),
            why="Its patients would stand among those of this one.", hint="Name another folder with --out.",
        )  # fmt: skip
    if folder.is_dir() and not record.is_file() and any(folder.iterdir()):
        raise ArgumentError("The folder is not empty.", where=str(folder), hint="Name a new folder with --out.")
    for part in ("chart", "truth"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    aside = record.with_suffix(".part")
    aside.write_text(json.dumps({"plan": wanted}, indent=2) + "\n", encoding="utf-8")
    aside.replace(record)


def _put(frame: pl.DataFrame, path: Path) -> None:
    aside = path.with_suffix(".part")
    frame.write_parquet(aside)
    aside.replace(path)
