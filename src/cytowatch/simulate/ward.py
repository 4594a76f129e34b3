"""A synthetic ward: few patients who between them show every grade, both triggers, and what looks like a reaction.

Nobody is made up by hand: each bed takes the first patients of a seeded cohort who fare as it asks (`ward.toml`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli
from numpy.typing import NDArray

from cytowatch.errors import CytowatchError, KnowledgeError
from cytowatch.simulate import chart
from cytowatch.simulate.chart_rows import COLUMNS
from cytowatch.simulate.cohort import (
    HOURS_A_DAY,
    Advance,
    Plan,
    claim,
    course,
    patients_table,
    row_each,
    with_charted_grades,
)
from cytowatch.simulate.mark import mark, put
from cytowatch.simulate.population import draw
from cytowatch.simulate.products import Product
from cytowatch.simulate.solve import SOLVED, Schedule, Solved
from cytowatch.simulate.tables import FOLDER

_CULTURE_AFTER = 20
# a noisy reading may chart another grade than the bedside saw: so many more are charted and looked at
_SPARE = 12
_INFECTED = 3.0
# by product and plan of doses: the patients looked through, and how they fared
_Known = dict[tuple[str, str], tuple[dict[str, Any], pl.DataFrame]]


@dataclass(frozen=True)
class Bed:
    """Who lies in a bed: how many, of which product, and how they must fare."""

    what: str
    product: str
    patients: int
    grade: int | None = None
    reactions: int | None = None
    doses: str = ""
    onset_from_day: float = 0
    youngest: float = 0
    oldest: float = 200
    icans: int = 0
    infection_day: int | None = None


@dataclass(frozen=True)
class Ward:
    """A ward of beds, by its seed."""

    seed: int
    days: int
    looked_through: int
    beds: tuple[Bed, ...]


def ward() -> Ward:
    """The ward of `ward.toml`."""
    document = tomli.loads((FOLDER / "plans" / "ward.toml").read_text(encoding="utf-8"))
    known = {one.name for one in fields(Bed)}
    strange = sorted({name for row in document["bed"] for name in row} - known)
    if strange:
        raise KnowledgeError(
            f"A bed cannot ask for `{strange[0]}`.", where="ward.toml", hint=f"Known are: {', '.join(sorted(known))}."
        )
    beds = tuple(Bed(**row) for row in document["bed"])
    return Ward(**document["ward"], beds=beds)


def write(folder: Path, *, advance: Advance | None = None) -> pl.DataFrame:
    """Chart the ward into a folder laid out as `cohort.write` does; gives back one row a patient with ``what``."""
    whole = ward()
    claim({"ward": [whole.seed, whole.days, whole.looked_through, len(whole.beds)]}, folder)
    charts, truths, minds, people = [], [], [], []
    number = 0
    known: _Known = {}
    for place, bed in enumerate(whole.beds):
        for charted, row in _bed(whole, bed, number, known):
            charts.append(charted.observations)
            truths.append(charted.truth)
            minds.append(charted.icans)
            people.append(row)
            number += row.height
        if advance is not None:
            advance(bed.what, (place + 1) / len(whole.beds))
    found = pl.concat(people)
    marked = mark(", ".join(sorted({bed.product for bed in whole.beds})), whole.seed)
    put(pl.concat(charts), folder / "chart" / "observations.parquet", marked)
    put(patients_table(found), folder / "chart" / "patients.parquet", marked)
    put(pl.concat(truths), folder / "truth" / "grades.parquet", marked)
    put(pl.concat(minds), folder / "truth" / "icans.parquet", marked)
    put(found, folder / "truth" / "patients.parquet", marked)
    return found


def _bed(whole: Ward, bed: Bed, number: int, known: _Known) -> Iterator[tuple[chart.Charted, pl.DataFrame]]:
    plan = Plan(bed.product, whole.looked_through, whole.seed, whole.days, bed.doses)
    given = plan.given()
    key = bed.product, bed.doses
    if key not in known:
        values = draw(given, plan.patients, plan.seed).values
        known[key] = values, row_each(values, _solve(given, values, plan, ()), 0)
    values, people = known[key]
    onset = None if bed.infection_day is None else bed.infection_day * HOURS_A_DAY
    chosen = _candidates(bed, people, number)
    if not len(chosen):
        raise _too_few(bed, 0)
    some = {name: value[chosen] if np.ndim(value) else value for name, value in values.items()}
    solved = _solve(given, some, plan, chart.KEEP, onset)
    every = [f"W{one}" for one in chosen]
    people_ = row_each(some, solved, 0).with_columns(patient=pl.Series(every))
    charted = chart.chart(given, solved.hourly, people_, plan.seed, [int(one) for one in chosen])
    rows = with_charted_grades(people_, charted)
    lying = rows.filter(pl.col("charted_grade") == bed.grade) if bed.grade is not None and onset is None else rows
    lying = lying.head(bed.patients)
    if lying.height < bed.patients:
        raise _too_few(bed, lying.height)
    names = {old: f"W{number + place + 1:02d}" for place, old in enumerate(lying["patient"])}
    named = [
        frame.filter(pl.col("patient").is_in(list(names))).with_columns(pl.col("patient").replace_strict(names))
        for frame in (charted.observations, charted.truth, charted.icans, lying)
    ]
    observations = named[0] if onset is None else pl.concat([named[0], _cultures(list(names.values()), onset)])
    cause = "the product" if onset is None else "an infection"
    # what the signs make, and what of it the product did: nothing where bacteria did it
    truth = named[1].with_columns(
        cause=pl.lit(cause), grade_of_product=pl.col("grade") if onset is None else pl.lit(0, pl.Int64)
    )
    yield (
        chart.Charted(observations, truth, named[2]),
        named[3].with_columns(product=pl.lit(bed.product), what=pl.lit(bed.what), cause=pl.lit(cause)),
    )


def _too_few(bed: Bed, found: int) -> CytowatchError:
    return CytowatchError(
        f"The cohort holds {found} patients for the bed `{bed.what}`, {bed.patients} are needed.",
        hint="Look through more patients, or ask for less, in ward.toml.",
    )


def _solve(
    given: Product, values: dict[str, Any], plan: Plan, keep: tuple[str, ...], infected: int | None = None
) -> Solved:
    amounts = dict(given.schedule(values).amounts)
    if infected is not None:
        amounts[infected, "Infection"] = _INFECTED
    hours = plan.days * HOURS_A_DAY
    return course(given, values, hours, Schedule(amounts), keep=keep)


def _candidates(bed: Bed, people: pl.DataFrame, number: int) -> NDArray[np.int64]:
    """The first patients who fare so as the bedside sees it; other beds take others, so each begins a little later."""
    fits = (pl.col("code") == SOLVED) & (pl.col("age") >= bed.youngest) & (pl.col("age") < bed.oldest + 1)
    fits &= pl.col("bedside_icans") >= bed.icans
    fits &= (pl.col("onset_hour") < 0) | (pl.col("onset_hour") >= bed.onset_from_day * HOURS_A_DAY)
    if bed.onset_from_day:
        fits &= pl.col("onset_hour") >= 0
    if bed.grade is not None:
        fits &= pl.col("bedside_grade") == bed.grade
    if bed.reactions is not None:
        fits &= pl.col("reactions") >= bed.reactions
    found = people.with_row_index("at").filter(fits, pl.col("at") >= number)["at"]
    return found.head(bed.patients + _SPARE).to_numpy().astype(np.int64)


def _cultures(names: list[str], onset: int) -> pl.DataFrame:
    """Blood cultures drawn at the fever, positive when they are read."""
    row = {"hours": float(onset + _CULTURE_AFTER), "concept": "blood_culture", "value": None, "unit": None,
           "text": "positive"}  # fmt: skip
    return pl.DataFrame([{"patient": name, **row} for name in names], schema=COLUMNS)
