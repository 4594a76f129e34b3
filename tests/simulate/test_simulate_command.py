"""The command refuses what it would not do, names the argument at fault, and says what its summary leaves out."""

from __future__ import annotations

import contextlib
from pathlib import Path

import polars as pl
import pytest

from cytowatch import cli, simulate_command
from cytowatch.errors import EXIT_ARGUMENTS
from cytowatch.simulate import accuracy, cohort, place

FEW = ["--patients", "8", "--days", "6"]


def run(*words: object) -> int:
    return cli.run(["simulate", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--patients", "2.5"], "`2.5` is no whole number.\n  where: --patients"),
        (["--seed", "1.5"], "`1.5` is no whole number.\n  where: --seed"),
        (["--days", "many"], "`many` is no whole number.\n  where: --days"),
        (["--doses", "0:1,40:5"], "where: --doses 0:1,40:5"),
        (["--set", "dose=3"], "--doses 0:0.5"),
        (["--set", "mood=1"], "where: --set"),
        (["--set", "Tm=40"], "where: --set"),
        (["--only", "mood=1:2"], "where: --only"),
        (["--what-if", "much: dose=3"], 'where: --what-if "much: dose=3"'),
        (["--what-if", "late: doses=0:1,40:5"], 'where: --what-if "late: doses=0:1,40:5"'),
        (["--what-if", "odd: doses=monday"], 'where: --what-if "odd: doses=monday"'),
        (["--what-if", "hot: Tm=40"], 'where: --what-if "hot: Tm=40"'),
        (["--sbml", "/dev/null/x"], "where: --sbml /dev/null/x"),
        (["--out", "/dev/null"], "--out is not a folder"),
    ],
)
def test_a_wrong_argument_is_named(words: list[str], told: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == EXIT_ARGUMENTS
    said = capfd.readouterr()
    assert told in said.err
    assert said.out == ""


def test_a_whole_number_may_be_written_short(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--patients", "1e1", "--days", "2.0") == 0
    assert "Worst CRS grade" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--patients", "3"], "--patients"), (["--seed", "2"], "--seed"), (["--product", "mosunetuzumab"], "--product"),
        (["--days", "9"], "--days"), (["--no-chart"], "--no-chart"), (["--accelerator"], "--accelerator"),
        (["--list"], "--list"), (["--set", "B0=2"], "--set"), (["--what-if", "a: B0=2"], "--what-if"),
        (["--dirt", "0.1"], "--dirt"), (["--sbml", "x"], "--sbml"), (["--figures"], "--figures"),
    ],
)  # fmt: skip
def test_the_ward_takes_nothing_else(
    words: list[str], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("--ward", "--out", tmp_path / "ward", *words) == EXIT_ARGUMENTS
    assert f"{named} would change nothing" in capfd.readouterr().err
    assert not (tmp_path / "ward").exists()


def test_the_accelerator_needs_jax(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(simulate_command, "find_spec", lambda name: None if name == "jax" else name)
    assert run(*FEW, "--accelerator") == EXIT_ARGUMENTS
    assert "needs JAX, which is not installed.\n  where: --accelerator" in capfd.readouterr().err
    assert run(*FEW, "--quiet") == 0


@pytest.mark.parametrize("out", [True, False])
def test_where_nobody_solves_only_the_error_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], out: bool
) -> None:
    assert run(*FEW, "--set", "k_home=60", *(["--out", tmp_path / "ward"] if out else [])) != 0
    said = capfd.readouterr()
    assert said.err.startswith("Nobody could be solved.")
    assert said.out == ""


def test_the_summary_says_whom_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cohort, "_PACES", {})
    monkeypatch.setattr(accuracy, "FINER", ())
    assert run("--product", "mosunetuzumab", "--patients", 40, "--days", 8, "--set", "k_Bkill=11.47") == 0
    said = capfd.readouterr()
    assert "patients, who could not be solved; they may be the sickest" in said.out
    assert "could not be solved and are not charted" in said.err


def test_what_stays_inaccurate_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cohort, "_PACES", {})
    monkeypatch.setattr(accuracy, "FINER", ())
    assert run("--patients", 3, "--days", 14, "--set", "k_MT=8", "--quiet") == 0
    said = capfd.readouterr()
    assert "Not accurate: with what was set" in said.err
    assert said.out == ""


def test_who_was_drawn_anew_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(*FEW, "--only", "weight=60:80") == 0
    told = capfd.readouterr().out
    assert "Drawn anew: " in told
    assert "weight " in told
    assert run(*FEW, "--only", "weight=60:80", "--out", tmp_path / "ward") == 0
    assert next(line for line in told.splitlines() if "Drawn anew" in line) in capfd.readouterr().out
    record = place.record(tmp_path / "ward") or {}
    assert record["redrawn"]["weight"] > 0


def test_a_what_if_solves_the_cohort_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, solved = cohort.solved, []

    def counted(plan: cohort.Plan, *given: int, **named: tuple[str, ...]) -> object:
        solved.append(plan.doses)
        return whole(plan, *given, **named)

    monkeypatch.setattr(cohort, "solved", counted)
    assert run(*FEW, "--no-chart", "--quiet", "--what-if", "half: doses=0:0.5", "--out", tmp_path / "ward") == 0
    assert solved == ["", "0:0.5"]
    arms = pl.read_parquet(tmp_path / "ward" / "truth" / "arms.parquet")
    assert arms["arm"].to_list() == ["as planned"] * 8 + ["half"] * 8


def test_who_stops_a_run_is_told_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cohort, "_write_batch", stopped)
    with contextlib.suppress(SystemExit):
        run(*FEW, "--out", tmp_path / "ward")
    assert f"finished patients are kept in {tmp_path / 'ward'}" in " ".join(capfd.readouterr().err.split())


def test_the_folder_of_a_simulation_is_not_taken_for_a_chart(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(*FEW, "--out", tmp_path / "ward", "--quiet")
    assert cli.run(["grade", str(tmp_path / "ward"), "--out", str(tmp_path / "graded")]) != 0
    said = " ".join(capfd.readouterr().err.split())
    assert "the folder of a simulation" in said
    assert str(tmp_path / "ward" / "chart") in said
