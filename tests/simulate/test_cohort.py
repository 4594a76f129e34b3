"""Cohorts in batches: cut short and gone on with, they are the cohort that was never cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import polars as pl
import pytest

from cytowatch.errors import ArgumentError
from cytowatch.simulate import accuracy, cohort, lanes, place, whatif
from cytowatch.simulate.dirt import Dirt, dirt_of
from cytowatch.simulate.solve import NOT_FINITE, SOLVED, Solved

PLAN = cohort.Plan("cd19-car-t", 60, seed=8, days=5, dirt=dirt_of("0.05"))
AT_ONCE = 20


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "CHARTED_AT_ONCE", AT_ONCE)
        yield


STIFF = cohort.Plan("mosunetuzumab", 40, days=8, changed={"k_Bkill": 11.47})


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

    def cut(plan: cohort.Plan, folder: Path, number: int, first: int, size: int, *, charted: bool) -> dict[str, int]:
        if number == 2:
            raise KeyboardInterrupt
        return whole(plan, folder, number, first, size, charted=charted)

    monkeypatch.setattr(cohort, "_write_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        cohort.write(PLAN, tmp_path / "ward")
    monkeypatch.setattr(cohort, "_write_batch", whole)
    assert len(list((tmp_path / "ward" / "truth").glob("patients-*"))) == 2
    # what stands can be graded, and says that it is not all
    record = place.record(tmp_path / "ward") or {}
    assert (record["finished"], record["patients"]) == (False, 2 * AT_ONCE)
    charted = pl.read_parquet(tmp_path / "ward" / "chart" / "observations-*.parquet")
    known = pl.read_parquet(tmp_path / "ward" / "chart" / "patients.parquet")
    assert set(known["patient"]) == set(charted["patient"])
    cohort.write(PLAN, tmp_path / "ward")
    assert same(tmp_path / "ward", unbroken)
    assert place.record(tmp_path / "ward") == place.record(unbroken)


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
    # those who were drawn anew are not counted twice
    assert place.record(tmp_path / "ward") == place.record(unbroken)


def test_a_batch_that_the_record_does_not_know_is_counted(unbroken: Path, tmp_path: Path) -> None:
    """Cut short after the last file of a batch, before the record."""
    copytree(unbroken, tmp_path / "ward")
    file = tmp_path / "ward" / place.RECORD
    record = json.loads(file.read_text())
    first = dict(PLAN.drawn(0, AT_ONCE).redrawn)
    file.write_text(json.dumps(record | {"finished": False, "patients": AT_ONCE, "redrawn": first}))
    cohort.write(PLAN, tmp_path / "ward")
    assert json.loads(file.read_text()) == record


def test_the_record_says_what_was_drawn_anew(unbroken: Path) -> None:
    record = place.record(unbroken) or {}
    assert (record["finished"], record["patients"], record["pace"]) == (True, PLAN.patients, 1)
    assert record["redrawn"] == PLAN.drawn(0, PLAN.patients).redrawn
    assert sum(record["redrawn"].values()) > 0


@pytest.mark.parametrize(
    ("key", "told"), [("software", "begun by version 0.0.0"), ("mechanisms", "other tables of the mechanisms")]
)
def test_two_versions_do_not_stand_in_one_cohort(unbroken: Path, tmp_path: Path, key: str, told: str) -> None:
    copytree(unbroken, tmp_path / "ward")
    file = tmp_path / "ward" / place.RECORD
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: "0.0.0"}))
    with pytest.raises(ArgumentError, match=told):
        cohort.write(PLAN, tmp_path / "ward")


def test_a_run_cut_short_before_its_record_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = cohort.Plan("cd19-car-t", 2, days=3)

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            cohort.write(plan, tmp_path / "ward")
    assert {one.name for one in (tmp_path / "ward").iterdir()} == {"chart", "truth", "simulation.part"}
    assert cohort.write(plan, tmp_path / "ward").collect().height == 2


def test_a_place_that_is_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    plan = cohort.Plan("cd19-car-t", 2, days=3)
    for where in (tmp_path / "letter.txt", tmp_path / "letter.txt" / "ward"):
        with pytest.raises(ArgumentError, match="--out is not a folder"):
            cohort.write(plan, where)

    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(ArgumentError, match=r"cannot be written[\s\S]*Permission denied"):
        cohort.write(plan, tmp_path / "ward")


@pytest.mark.parametrize("other", [{"seed": 9}, {"doses": "0:2"}, {"changed": {"B0": 2.0}}, {"dirt": Dirt()}])
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
    whole = lanes.run
    fourth = cohort.Plan("cd19-car-t", AT_ONCE, seed=8, days=5).drawn(3).values["B0"]

    def failing(mechanism: Any, values: Any, *given: Any, **named: Any) -> Solved:
        found = whole(mechanism, values, *given, **named)
        return Solved(found.hourly, found.reduced, np.where(values["B0"] == fourth, NOT_FINITE, found.code))

    monkeypatch.setattr(lanes, "run", failing)
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


def test_who_will_not_solve_is_solved_by_smaller_steps() -> None:
    """Only those: the others stay as they are, and the found again are those of small steps alone."""
    given, values = STIFF.given(), STIFF.drawn(0, STIFF.patients).values
    schedule, keep = given.schedule(values), ("IL6",)
    coarse = lanes.run(given.mechanism, values, STIFF.hours, schedule, keep=keep, steps=given.steps(STIFF.hours))
    lost = coarse.code != SOLVED
    assert 0 < lost.sum() < STIFF.patients
    found = cohort.course(given, values, STIFF.hours, schedule, keep=keep)
    assert (found.code == SOLVED).all()
    steps = [4 * one for one in given.steps(STIFF.hours)]
    fine = lanes.run(given.mechanism, values, STIFF.hours, schedule, keep=keep, steps=steps)
    for name, one in found.reduced.items():
        assert np.array_equal(one[~lost], coarse.reduced[name][~lost]), name
        assert np.array_equal(one[lost], fine.reduced[name][lost]), name
    assert np.array_equal(found.hourly["IL6"][:, lost], fine.hourly["IL6"][:, lost])
    assert (cohort.outcomes(STIFF)["code"] == SOLVED).all()


def test_changed_numbers_are_solved_by_steps_that_are_small_enough() -> None:
    plan = cohort.Plan("cd19-car-t", accuracy.LOOKED_AT, days=14, changed={"k_MT": 8.0})
    assert cohort.pace(plan).times == 4
    # the same whoever else there is
    assert cohort.pace(replace(plan, patients=3)) == cohort.pace(plan)
    given, drawn = plan.given(), plan.drawn(0, plan.patients).values
    found = {
        times: lanes.run(given.mechanism, drawn, plan.hours, given.schedule(drawn), care=False,
                         steps=[times * one for one in given.steps(plan.hours)])
        for times in (1, 4, 64)
    }  # fmt: skip
    assert accuracy.apart(found[1], found[64]) > accuracy.TOLERANCE > accuracy.apart(found[4], found[64])


def test_what_needs_no_smaller_steps_gets_none() -> None:
    assert cohort.pace(PLAN) == accuracy.Pace()
    plan = cohort.Plan("cd19-car-t", 3, changed={"tocilizumab_grade": 3})
    assert (cohort.pace(plan).times, cohort.pace(plan).enough) == (1, True)


def test_an_arm_that_changes_nothing_is_the_cohort(unbroken: Path, tmp_path: Path) -> None:
    """Also beside a chart, whose solver keeps every hour."""
    copytree(unbroken, tmp_path / "ward")
    base = pl.scan_parquet(tmp_path / "ward" / "truth" / "patients-*.parquet")
    others = {"same": replace(PLAN, dirt=Dirt()), "half": replace(PLAN, doses="0:0.5", dirt=Dirt())}
    held = whatif.arms(base, others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "REDUCED_AT_ONCE", AT_ONCE)
        written = whatif.write_arms(base, others, tmp_path / "ward").collect()
    assert written.equals(held)
    assert written["arm"].unique(maintain_order=True).to_list() == ["as planned", "same", "half"]
    assert {one.name for one in (tmp_path / "ward" / "truth").glob("arms*")} == {"arms.parquet"}
    planned, same, _ = (part.drop("arm") for part in written.partition_by("arm", maintain_order=True))
    assert planned.select("patient", "bedside_grade").equals(same.select("patient", "bedside_grade"))
    assert np.allclose(planned["peak_IL6"], same["peak_IL6"], rtol=1e-4)


def test_a_batch_in_which_nobody_solves_is_not_charted(tmp_path: Path) -> None:
    plan = cohort.Plan("cd19-car-t", AT_ONCE, days=3, changed={"k_home": 60.0})
    people = cohort.write(plan, tmp_path / "ward").collect()
    assert (people["code"] != SOLVED).all()
    assert people["charted_grade"].null_count() == AT_ONCE
    assert not list((tmp_path / "ward" / "chart").glob("observations*"))
