"""Going on with a run that was cut short: only with what is whole, and under the names that are asked for now."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.streaming.big import same_folder, table
from tests.streaming.test_streaming import Capture, grade, in_memory, interrupt, lay, people, shuffled_files

from cytowatch.streaming.work import PLAN, Work

pytestmark = pytest.mark.usefixtures("small")


class CutShortError(BaseException):
    """The process is gone at this very point."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lay(tmp_path / "in", shuffled_files())


@pytest.mark.parametrize("way", ["remove", "clear"])
def test_a_plan_is_removed_before_what_it_speaks_of(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("a.parquet", PLAN, "z.parquet"):
        (tmp_path / file).touch()
    unlink, gone = Path.unlink, [0]

    def cut(path: Path, **options: bool) -> None:
        gone[0] += 1
        if gone[0] > 1:
            raise CutShortError
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", cut)
        with pytest.raises(CutShortError):
            getattr(Work(tmp_path), way)()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "z.parquet"]


def test_no_run_goes_on_without_its_table_of_patients(source: Path, tmp_path: Path) -> None:
    """The ages would be missing for all who are graded from then on, and nothing would say so."""
    ages, out, work = people(tmp_path), tmp_path / "graded", tmp_path / ".work-graded"
    whole = in_memory(source, tmp_path / "whole", "--patients", ages)
    assert table(whole, "patients")["age_years"].drop_nulls().len() > 2
    interrupt(source, out, ages)
    saved = shutil.copytree(work, tmp_path / "saved")
    for name, damage in (("people", Path.unlink), ("broken", emptied), ("people", zeroed)):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(saved, work, dirs_exist_ok=True)
        damage(work / f"{name}.parquet")
        assert grade(source, out, "--patients", ages) == 0
        same_folder(out, whole)


def emptied(path: Path) -> None:
    """As a sudden loss of power leaves a file that was renamed before its blocks were written."""
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def test_sorted_rows_that_a_loss_of_power_emptied_are_sorted_again(source: Path, tmp_path: Path) -> None:
    interrupt(source, tmp_path / "graded")
    runs = sorted((tmp_path / ".work-graded" / "runs").glob("*.parquet"))
    emptied(runs[0])
    zeroed(runs[1])
    shutil.rmtree(max((tmp_path / ".work-graded").glob("parts/[0-9]*")))
    assert grade(source, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", in_memory(source, tmp_path / "whole"))


def test_what_cannot_be_read_is_named_with_the_way_out(source: Path, tmp_path: Path, capfd: Capture) -> None:
    interrupt(source, tmp_path / "graded")
    run = min((tmp_path / ".work-graded" / "runs").glob("*.parquet"))
    content = run.read_bytes()
    run.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])
    assert grade(source, tmp_path / "graded") == 2
    told = capfd.readouterr().err
    assert run.name in told
    assert "--fresh" in told
    assert grade(source, tmp_path / "graded", "--fresh") == 0


def test_a_run_that_is_resumed_from_another_folder_names_its_files_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"day={day}/p.parquet": rows for day, rows in enumerate(shuffled_files().values())}
    source = lay(tmp_path / "in", files)
    interrupt(source, tmp_path / "graded")
    monkeypatch.chdir(tmp_path)
    assert grade(Path("in"), Path("graded")) == 0
    same_folder(tmp_path / "graded", in_memory(Path("in"), tmp_path / "whole"))


def test_inside_the_folder_that_is_read_it_goes_on_and_runs_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = in_memory(source, tmp_path / "whole")
    monkeypatch.chdir(source)
    interrupt(Path(), Path("graded"))
    assert list(source.glob(".work-graded/parts/*"))
    for _ in range(2):
        assert grade(Path(), Path("graded")) == 0
        assert table(source / "graded", "timeline").equals(table(whole, "timeline"))
    ledger = table(source / "graded", "ledger")
    assert ledger.filter(file="graded")["reason"].to_list() == ["results of a run: not read"]
    assert ledger.filter(pl.col("file") != "graded").equals(table(whole, "ledger"))
