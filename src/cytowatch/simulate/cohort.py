"""Whole cohorts, batch by batch: drawn, solved, charted, written; and the same patients under other care.

A batch is written aside and moved into place, so a run that is cut short keeps its finished patients and goes on where
it stopped. Memory is that of one batch, whatever the size of the cohort.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.simulate import accuracy, chart, lanes, place, solve
from cytowatch.simulate.dirt import Dirt, soil
from cytowatch.simulate.mark import mark, put
from cytowatch.simulate.population import Drawn, check, draw
from cytowatch.simulate.products import Product, product
from cytowatch.simulate.solve import CODES, SOLVED, Schedule, Solved

HOURS_A_DAY = 24
# patients held at once: hourly signs of so many take some 100 MB
CHARTED_AT_ONCE, REDUCED_AT_ONCE = 1024, 16384
# the ward lays its folder out as a cohort does
claim = place.claim
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
    dirt: Dirt = field(default_factory=Dirt)
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
        check(self.given(), self.changed, self.limits)
        self._all_given()

    def given(self) -> Product:
        """The product with the plan's doses; of its own those that fall within the days."""
        known = product(self.product)
        return known.with_doses(self.doses) if self.doses else known.within(self.hours)

    @property
    def hours(self) -> int:
        """For how many hours each patient is followed."""
        return self.days * HOURS_A_DAY

    def _all_given(self) -> None:
        late = [dose.hour / HOURS_A_DAY for dose in self.given().doses if dose.hour >= self.hours]
        if late:
            raise ArgumentError(
                f"The dose on day {late[0]:g} comes when nobody is followed any more: --days is {self.days}, from day "
                "0 on.",
                where=f"--doses {self.doses}", why="It would be charted and never given.",
                hint=f"Leave it out, or follow the patients for longer (--days, {_MOST_DAYS} at most).",
            )  # fmt: skip

    def drawn(self, first: int = 0, patients: int = 1) -> Drawn:
        """Patients ``first`` onward; ArgumentError if the limits admit hardly anybody."""
        return draw(self.given(), patients, self.seed, first=first, changed=self.changed, limits=self.limits)


_PACES: dict[str, accuracy.Pace] = {}


def pace(plan: Plan) -> accuracy.Pace:
    """How fine the steps of a plan must be: those of the product, unless changed numbers ask for finer ones."""
    if not plan.changed:
        return accuracy.Pace()
    key = json.dumps([plan.product, plan.seed, plan.days, plan.doses, sorted(plan.changed.items()),
                      sorted(plan.limits.items())])  # fmt: skip
    if key not in _PACES:
        _PACES[key] = accuracy.pace(plan.given(), plan.drawn(0, accuracy.LOOKED_AT).values, plan.hours)
    return _PACES[key]


def solved(plan: Plan, first: int, patients: int, *, keep: Sequence[str] = ()) -> tuple[Drawn, Solved]:
    """Patients ``first`` onward: what was drawn, and what was found."""
    given, drawn = plan.given(), plan.drawn(first, patients)
    found = course(
        given, drawn.values, plan.hours, given.schedule(dict(drawn.values)), keep=keep, accelerator=plan.accelerator,
        times=pace(plan).times,
    )  # fmt: skip
    return drawn, found


def course(
    given: Product, values: Mapping[str, Any], hours: int, schedule: Schedule, *, keep: Sequence[str] = (),
    accelerator: bool = False, times: int = 1,
) -> Solved:  # fmt: skip
    """What becomes of patients with these numbers under the care of the ward, by the solver of this machine.

    ``times``: how many times the product's steps; who will not solve is tried again with more (`accuracy`).
    """
    work = solve.run if accelerator else lanes.run
    return accuracy.solve(work, given, values, hours, schedule, keep=keep, times=times)


def outcomes(
    plan: Plan, *, advance: Advance | None = None, redrawn: Counter[str] | None = None
) -> pl.DataFrame:  # fmt: skip
    """One row a patient: the drawn covariates, the worst grade, onset, peaks, drugs given, and the result code.

    ``redrawn`` is added to: candidates outside each limit.
    """
    return pl.concat(list(outcomes_by_batch(plan, advance=advance, redrawn=redrawn)))


def outcomes_by_batch(
    plan: Plan, *, advance: Advance | None = None, called: str = "solving", redrawn: Counter[str] | None = None
) -> Iterator[pl.DataFrame]:
    """`outcomes` batch by batch, so that memory is that of one."""
    for first, size in _batches(plan.patients, REDUCED_AT_ONCE):
        drawn, found = solved(plan, first, size)
        if redrawn is not None:
            redrawn.update(drawn.redrawn)
        yield row_each(drawn.values, found, first)
        if advance is not None:
            advance(called, (first + size) / plan.patients)


def write(plan: Plan, folder: Path, *, charted: bool = True, advance: Advance | None = None) -> pl.LazyFrame:
    """Simulate a cohort into a folder, batch by batch; gives back the outcomes of its patients, still on the disk.

    ``chart/`` holds what a hospital would hand in, observations and patients (not with ``charted=False``); ``truth/``
    what only the simulator knows. Finished batches of the same plan are kept; another plan's folder is an
    ArgumentError.
    """
    plan.drawn()  # whom nobody can be is told before anything is written
    claim({"plan": asdict(plan), "charted": charted}, folder)
    size = CHARTED_AT_ONCE if charted else REDUCED_AT_ONCE
    progress, admitted = place.Progress(folder), list[pl.DataFrame]()
    for number, (first, patients) in enumerate(_batches(plan.patients, size)):
        done = _people_file(folder, number).is_file()
        if not done:
            progress.note(finished=False)
            progress.more(first + patients, _write_batch(plan, folder, number, first, patients, charted=charted))
        elif progress.patients < first + patients:
            # cut short between the batch and the record
            progress.more(first + patients, plan.drawn(first, patients).redrawn)
        if charted:
            admitted.append(_admitted(folder, number))
            if not done:
                _write_patients(plan, folder, admitted)
        if advance is not None:
            advance("charting" if charted else "solving", (first + patients) / plan.patients)
    if charted:
        _write_patients(plan, folder, admitted)
    progress.note(finished=True, pace=pace(plan).times)
    return pl.scan_parquet(folder / "truth" / "patients-*.parquet")


def _admitted(folder: Path, number: int) -> pl.DataFrame:
    """Who of a batch is charted: a few columns, for the whole cohort stays in memory."""
    people = pl.scan_parquet(_people_file(folder, number)).filter(pl.col("code") == SOLVED)
    return people.select("patient", "age", "weight").collect()


def _write_patients(plan: Plan, folder: Path, admitted: Sequence[pl.DataFrame]) -> None:
    """After each batch, so that a chart that was cut short can be graded."""
    put(patients_table(pl.concat(admitted)), folder / "chart" / "patients.parquet", mark(plan.product, plan.seed))


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


def _write_batch(plan: Plan, folder: Path, number: int, first: int, size: int, *, charted: bool) -> dict[str, int]:
    """Make one batch; gives back how many candidates lay outside each limit."""
    drawn, found = solved(plan, first, size, keep=chart.KEEP if charted else ())
    people, marked = row_each(drawn.values, found, first), mark(plan.product, plan.seed)
    if charted:
        people = _chart_batch(plan, folder, number, first, people, found)
    put(people, _people_file(folder, number), marked)
    return drawn.redrawn


def _chart_batch(
    plan: Plan, folder: Path, number: int, first: int, people: pl.DataFrame, found: Solved
) -> pl.DataFrame:  # fmt: skip
    """Chart those of a batch who could be solved; gives back the people with what their charts tell."""
    good = np.flatnonzero(found.code == SOLVED)
    if not good.size:
        return people.with_columns(pl.lit(None, pl.Int16).alias(f"charted_{name}") for name in ("grade", "icans"))
    sound, marked = people[good.tolist()], mark(plan.product, plan.seed)
    hourly = {name: value[:, good] for name, value in found.hourly.items()}
    numbers = [first + int(one) for one in good]
    seen = chart.chart(plan.given(), hourly, sound, plan.seed, numbers)
    known = dict(zip(sound["patient"], numbers, strict=True))
    rows = soil(seen.observations, plan.dirt, plan.seed, known) if plan.dirt else seen.observations
    put(rows, folder / "chart" / f"observations-{number:05d}.parquet", marked)
    put(seen.truth, folder / "truth" / f"grades-{number:05d}.parquet", marked)
    put(seen.icans, folder / "truth" / f"icans-{number:05d}.parquet", marked)
    return with_charted_grades(people, seen)


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
