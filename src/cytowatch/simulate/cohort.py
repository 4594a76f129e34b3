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
from cytowatch.simulate import chart, dirt, lanes, solve
from cytowatch.simulate.mark import mark, put
from cytowatch.simulate.population import check, draw
from cytowatch.simulate.products import Product, product
from cytowatch.simulate.solve import CODES, SOLVED, Schedule, Solved

HOURS_A_DAY = 24
# patients held at once: hourly signs of so many take some 100 MB
CHARTED_AT_ONCE, REDUCED_AT_ONCE = 1024, 16384
RECORD = "simulation.json"
Advance = Callable[[str, float], None]
_MOST_DAYS = 365
_SEEDS = 2**63
_MOST_PATIENTS = 100_000_000
_COVARIATES = (
    "age",
    "weight",
    "B0",
    "MAP0",
    "Tm",
    "g_monocyte",
    "g_IFNg",
    "g_heat",
    "g_NO",
    "g_leak",
    "g_lung",
    "g_brain",
)


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
    accelerator: bool = False

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise ArgumentError(f"{self.patients} patients cannot be simulated.", where="--patients", hint="1 or more.")
        if not 1 <= self.days <= _MOST_DAYS:
            raise ArgumentError(f"{self.days} days cannot be simulated.", where="--days", hint=f"1 to {_MOST_DAYS}.")
        if not 0 <= self.seed < _SEEDS:
            raise ArgumentError("A seed is 0 or more, and below 2 to the 63rd.", where="--seed")
        if self.patients > _MOST_PATIENTS:
            raise ArgumentError(
                f"{self.patients} patients are more than can be numbered, and would fill any disk.", where="--patients",
                hint=f"{_MOST_PATIENTS} at most.",
            )  # fmt: skip
        if not 0 <= self.dirt <= 1:
            raise ArgumentError("Dirt is a share, 0 (none) to 1.", where="--dirt")
        check(self.given(), self.changed, self.limits)

    def given(self) -> Product:
        """The product with the plan's doses."""
        known = product(self.product)
        return known.with_doses(self.doses) if self.doses else known


def solved(plan: Plan, first: int, patients: int, *, keep: Sequence[str] = ()) -> tuple[dict[str, Any], Solved, int]:
    """Patients ``first`` onward: what was drawn, what was found, and how many draws were rejected."""
    given = plan.given()
    drawn = draw(given, patients, plan.seed, first=first, changed=plan.changed, limits=plan.limits)
    found = course(
        given, drawn.values, plan.days * HOURS_A_DAY, given.schedule(dict(drawn.values)), keep=keep,
        accelerator=plan.accelerator,
    )  # fmt: skip
    return drawn.values, found, drawn.rejected


def course(
    given: Product, values: Mapping[str, Any], hours: int, schedule: Schedule, *, keep: Sequence[str] = (),
    accelerator: bool = False,
) -> Solved:  # fmt: skip
    """What becomes of patients with these numbers under the care of the ward, by the solver of this machine."""
    work = solve.run if accelerator else lanes.run
    return work(given.mechanism, values, hours, schedule, keep=keep, steps=given.steps(hours))


def outcomes(plan: Plan, *, advance: Advance | None = None) -> pl.DataFrame:
    """One row a patient: the drawn covariates, the worst grade, onset, peaks, drugs given, and the result code."""
    frames = []
    for first, size in _batches(plan.patients, REDUCED_AT_ONCE):
        values, found, _ = solved(plan, first, size)
        frames.append(row_each(values, found, first))
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


def write(plan: Plan, folder: Path, *, charted: bool = True, advance: Advance | None = None) -> pl.LazyFrame:
    """Simulate a cohort into a folder, batch by batch; gives back the outcomes of its patients, still on the disk.

    ``chart/`` holds what a hospital would hand in, observations and patients (not with ``charted=False``); ``truth/``
    what only the simulator knows. Finished batches of the same plan are kept; another plan's folder is an
    ArgumentError.
    """
    claim({"plan": asdict(plan), "charted": charted}, folder)
    size = CHARTED_AT_ONCE if charted else REDUCED_AT_ONCE
    for number, (first, patients) in enumerate(_batches(plan.patients, size)):
        if not _people_file(folder, number).is_file():
            _write_batch(plan, folder, number, first, patients, charted=charted)
        if advance is not None:
            advance("charting" if charted else "solving", (first + patients) / plan.patients)
    people = pl.scan_parquet(folder / "truth" / "patients-*.parquet")
    if charted:
        solved_ones = people.filter(pl.col("code") == SOLVED).collect()
        put(patients_table(solved_ones), folder / "chart" / "patients.parquet", mark(plan.product, plan.seed))
    return people


def _people_file(folder: Path, number: int) -> Path:
    """Written last of a batch: where it stands, the batch is whole."""
    return folder / "truth" / f"patients-{number:05d}.parquet"


def with_charted_grades(people: pl.DataFrame, charted: chart.Charted) -> pl.DataFrame:
    """Beside the grades that the bedside saw, hour by hour and without noise, the worst that its chart tells."""
    for frame, name in ((charted.truth, "grade"), (charted.icans, "icans")):
        worst = frame.group_by("patient").agg(pl.col(name).max().cast(pl.Int16).alias(f"charted_{name}"))
        people = people.join(worst, on="patient", how="left", maintain_order="left")
    return people


def patients_table(people: pl.DataFrame) -> pl.DataFrame:
    """The contract's table of patients, of `outcomes`."""
    return people.select(
        "patient", pl.col("age").round(1).alias("age_years"), pl.col("weight").round(1).alias("weight_kg")
    )


def _write_batch(plan: Plan, folder: Path, number: int, first: int, size: int, *, charted: bool) -> None:
    values, found, _ = solved(plan, first, size, keep=chart.KEEP if charted else ())
    people, marked = row_each(values, found, first), mark(plan.product, plan.seed)
    if charted:
        good = np.flatnonzero(found.code == SOLVED)
        sound = people[good.tolist()]
        hourly = {name: value[:, good] for name, value in found.hourly.items()}
        numbers = [first + int(one) for one in good]
        seen = chart.chart(plan.given(), hourly, sound, plan.seed, numbers)
        known = dict(zip(sound["patient"], numbers, strict=True))
        rows = dirt.soil(seen.observations, plan.dirt, plan.seed, known) if plan.dirt else seen.observations
        people = with_charted_grades(people, seen)
        put(rows, folder / "chart" / f"observations-{number:05d}.parquet", marked)
        put(seen.truth, folder / "truth" / f"grades-{number:05d}.parquet", marked)
        put(seen.icans, folder / "truth" / f"icans-{number:05d}.parquet", marked)
    put(people, _people_file(folder, number), marked)


def row_each(values: Mapping[str, Any], found: Solved, first: int) -> pl.DataFrame:
    """One row a patient, numbered from ``first``."""
    size = len(found.code)
    names = [f"V{first + number:07d}" for number in range(size)]
    drawn = {name: np.broadcast_to(np.asarray(values[name], dtype=np.float32), size) for name in _COVARIATES}
    reduced = {name: value.astype(np.float32) for name, value in found.reduced.items()}
    frame = pl.DataFrame({"patient": names, "code": found.code, **drawn, **reduced})
    whole = ("bedside_grade", "tocilizumab_given", "reactions", "onset_hour", "peak_IL6_hour", "hours_in_reaction",
             "bedside_icans", "icans_onset_hour", "hours_with_icans")  # fmt: skip
    lost = pl.col("code") != SOLVED
    # a patient that could not be solved has no outcome
    return frame.with_columns(
        *(pl.when(~lost).then(pl.col(name).cast(pl.Int16, strict=False)).alias(name) for name in whole),
        *(pl.when(~lost).then(pl.col(name)).alias(name) for name in reduced if name not in whole),
        pl.col("code").replace_strict(CODES, return_dtype=pl.String).alias("result"),
    )


def _batches(patients: int, most: int) -> Iterator[tuple[int, int]]:
    for first in range(0, patients, most):
        yield first, min(most, patients - first)


def claim(what: Mapping[str, Any], folder: Path) -> None:
    """Make a folder the place of one simulation; ArgumentError if it is another's, or holds anything else."""
    record = folder / RECORD
    wanted = json.loads(json.dumps({"simulated": True, **what}))
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != wanted:
        raise ArgumentError(
            "The folder holds another simulation.", where=str(folder),
            why="Its patients would stand among those of this one.", hint="Name another folder with --out.",
        )  # fmt: skip
    if folder.is_dir() and not record.is_file() and any(folder.iterdir()):
        raise ArgumentError("The folder is not empty.", where=str(folder), hint="Name a new folder with --out.")
    for part in ("chart", "truth"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    aside = record.with_suffix(".part")
    aside.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    aside.replace(record)
