"""One folder of results after another in the same place: whichever run comes, and wherever it is cut short."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.streaming.big import same_folder
from tests.streaming.test_streaming import (
    Capture,
    cohort,
    frame,
    grade,
    in_memory,
    lay,
    left,
    people,
    sorted_files,
)  # fmt: skip

from cytowatch import cli
from cytowatch.report.folder import BEING_REPLACED, read_folder
from cytowatch.streaming import inputs

pytestmark = pytest.mark.usefixtures("small")


class CutShortError(BaseException):
    """The process is gone at this very point."""


def cut_at_the_fourth_table(patch: pytest.MonkeyPatch, out: Path) -> None:
    """Three tables come into place in a folder; then the process is gone."""
    replace, moved = Path.replace, [0]

    def replacing(path: Path, target: Path) -> Path:
        if Path(target).parent == out:
            moved[0] += 1
            if moved[0] > 3:
                raise CutShortError
        return replace(path, target)

    patch.setattr(Path, "replace", replacing)


def test_a_streamed_run_and_one_in_memory_replace_each_other(large: Path, tmp_path: Path) -> None:
    ages = people(tmp_path)
    other = lay(tmp_path / "other", {"a.parquet": frame(cohort()[:60])})
    whole = in_memory(large, tmp_path / "whole", "--patients", ages)
    out = in_memory(other, tmp_path / "graded")
    assert grade(large, out, "--patients", ages) == 0
    same_folder(out, whole)
    assert read_folder(out)["timeline"].height
    in_memory(other, out)
    same_folder(out, in_memory(other, tmp_path / "whole-other"))
    assert read_folder(out)["timeline"].height
    assert grade(large, out, "--patients", ages) == 0
    same_folder(out, whole)
    assert left(tmp_path) == []


def test_a_streamed_run_cut_short_while_it_replaces_is_seen(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    """Also when its work folder lies beside the results, as after a run that was cut short at its very end."""
    out = in_memory(lay(tmp_path / "one", sorted_files()), tmp_path / "graded")
    (tmp_path / ".work-graded").mkdir()
    with monkeypatch.context() as patch:
        cut_at_the_fourth_table(patch, out)
        with pytest.raises(CutShortError):
            grade(large, out)
    assert cli.run(["report", str(out)]) == 2
    assert "just being replaced" in capfd.readouterr().err
    assert grade(large, out) == 0
    assert read_folder(out)["timeline"].height
    same_folder(out, in_memory(large, tmp_path / "whole"))


def test_a_run_in_memory_cut_short_while_it_replaces_is_seen(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    out = in_memory(lay(tmp_path / "one", sorted_files()), tmp_path / "graded")
    with monkeypatch.context() as patch:
        cut_at_the_fourth_table(patch, out)
        with pytest.raises(CutShortError):
            in_memory(large, out)
    assert cli.run(["report", str(out)]) == 2
    assert "just being replaced" in capfd.readouterr().err
    # any run that comes through takes the mark away
    whole = in_memory(large, tmp_path / "whole")
    in_memory(large, out)
    assert read_folder(out)["timeline"].height
    same_folder(out, whole)
    assert not (out / BEING_REPLACED).exists()


def test_a_run_in_memory_that_cannot_be_written_leaves_the_results_of_before(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay(tmp_path / "one", sorted_files())
    out = in_memory(source, tmp_path / "graded")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cytowatch.results.write_run", full)
        patch.setattr(inputs, "LARGE_ROWS", 10**9)
        assert grade(large, out) == 2
    same_folder(out, in_memory(source, tmp_path / "again"))
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
