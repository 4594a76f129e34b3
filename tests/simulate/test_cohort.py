"""Cohorts in batches: cut short and gone on with, they are the cohort that was never cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cytowatch.errors import ArgumentError
from cytowatch.simulate import cohort
from cytowatch.simulate.solve import NOT_FINITE, Solved

PLAN = cohort.Plan("cd19-car-t", 60, seed=8, days=5, dirt=0.05)
AT_ONCE = 20


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "CHARTED_AT_ONCE", AT_ONCE)
        yield


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "unbroken"
    cohort.write(PLAN, folder)
    return folder


def files(folder: Path) -> dict[str, pl.DataFrame]:
    assert not list(folder.rglob("*.part"))
    return {str(one.relative_to(folder)): pl.read_parquet(one) for one in sorted(folder.rglob("*.parquet"))}


def same(one: Path, other: Path) -> bool:
    ours, theirs = files(one), files(other)
    return ours.keys() == theirs.keys() and all(frame.equals(theirs[name]) for name, frame in ours.items())


def test_a_cohort_is_charted_in_batches(unbroken: Path) -> None:
    names = set(files(unbroken))
    for number in range(3):
        assert f"chart/observations-{number:05d}.parquet" in names
        assert {f"truth/grades-{number:05d}.parquet", f"truth/patients-{number:05d}.parquet"} <= names
    assert files(unbroken)["chart/patients.parquet"]["patient"].n_unique() == PLAN.patients


def test_a_run_cut_short_between_batches_goes_on(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cohort._write_batch

    def cut(plan: cohort.Plan, folder: Path, number: int, first: int, size: int, *, charted: bool) -> None:
        if number == 2:
            raise KeyboardInterrupt
        whole(plan, folder, number, first, size, charted=charted)

    monkeypatch.setattr(cohort, "_write_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        cohort.write(PLAN, tmp_path / "ward")
    monkeypatch.setattr(cohort, "_write_batch", whole)
    assert len(list((tmp_path / "ward" / "truth").glob("patients-*"))) == 2
    cohort.write(PLAN, tmp_path / "ward")
    assert same(tmp_path / "ward", unbroken)


def test_a_run_cut_short_within_a_batch_goes_on(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.replace

    def cut(self: Path, target: Path) -> Path:
        if "grades-00001" in str(target):
            raise KeyboardInterrupt
        return whole(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            cohort.write(PLAN, tmp_path / "ward")
    # the first batch is not made again
    first = tmp_path / "ward" / "truth" / "patients-00000.parquet"
    written = first.stat().st_mtime_ns
    cohort.write(PLAN, tmp_path / "ward")
    assert first.stat().st_mtime_ns == written
    assert same(tmp_path / "ward", unbroken)


def test_a_lost_last_file_is_made_again(unbroken: Path, tmp_path: Path) -> None:
    cohort.write(PLAN, tmp_path / "ward")
    (tmp_path / "ward" / "truth" / "patients-00002.parquet").unlink()
    cohort.write(PLAN, tmp_path / "ward")
    assert same(tmp_path / "ward", unbroken)


@pytest.mark.parametrize("other", [{"seed": 9}, {"doses": "0:2"}, {"changed": {"B0": 2.0}}, {"dirt": 0.0}])
def test_another_plan_in_the_same_folder_is_refused(unbroken: Path, other: dict[str, Any]) -> None:
    before = files(unbroken)
    with pytest.raises(ArgumentError, match="another simulation"):
        cohort.write(replace(PLAN, **other), unbroken)
    assert all(frame.equals(before[name]) for name, frame in files(unbroken).items())


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ArgumentError, match="not empty"):
        cohort.write(PLAN, tmp_path)


def test_who_cannot_be_solved_is_told_and_not_charted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cohort.lanes.run

    def failing(*given: Any, **named: Any) -> Solved:
        found = whole(*given, **named)
        return Solved(found.hourly, found.reduced, np.where(np.arange(len(found.code)) == 3, NOT_FINITE, found.code))

    monkeypatch.setattr(cohort.lanes, "run", failing)
    people = cohort.write(cohort.Plan("cd19-car-t", AT_ONCE, seed=8, days=5), tmp_path / "ward").collect()
    lost = people.filter(pl.col("patient") == "V0000003")
    assert lost["result"].to_list() == ["a value was not a number"]
    assert lost["bedside_grade"].to_list() == lost["peak_IL6"].to_list() == [None]
    made = files(tmp_path / "ward")
    for name in ("chart/observations-00000.parquet", "truth/grades-00000.parquet", "chart/patients.parquet"):
        assert set(made[name]["patient"]) == set(people["patient"]) - {"V0000003"}, name


def test_a_patient_is_charted_the_same_whoever_else_there_is(unbroken: Path, tmp_path: Path) -> None:
    """Also the noise and the dirt of a chart belong to the patient."""
    fewer = replace(PLAN, patients=PLAN.patients - AT_ONCE // 2)
    cohort.write(fewer, tmp_path / "fewer")
    few, many = (
        pl.read_parquet(folder / "chart" / "observations*.parquet") for folder in (tmp_path / "fewer", unbroken)
    )
    many = many.filter(pl.col("patient").is_in(few["patient"].unique().to_list()))
    assert few["patient"].n_unique() == fewer.patients
    assert few.sort(pl.all()).equals(many.sort(pl.all()))


def test_the_charted_grade_stands_beside_the_one_of_the_bedside(unbroken: Path) -> None:
    """A noisy reading may chart a fever that was none: both are kept, by names of their own."""
    made = files(unbroken)
    people = pl.concat([frame for name, frame in made.items() if name.startswith("truth/patients")])
    grades = pl.concat([frame for name, frame in made.items() if name.startswith("truth/grades")])
    worst = grades.group_by("patient").agg(pl.col("grade").max())
    both = people.join(worst, on="patient")
    assert both.height == PLAN.patients
    assert (both["charted_grade"] == both["grade"]).all()
    assert (both["charted_grade"] - both["bedside_grade"]).abs().mean() < 0.5  # type: ignore[operator]
