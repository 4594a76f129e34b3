"""Folders of input in which results lie: neither they nor what is hidden is read, and the ledger says so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.test_files import HEADER, lines, write

from cytowatch import cli
from cytowatch.adapters.walk import NOT_READ, files_in, passed_over

WARD = HEADER + "P0,2024-03-01T08:00:00Z,car_t_infusion,,,axicabtagene_ciloleucel\n" + lines(2)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the data, in which the command is given."""
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", WARD, "ward.csv")
    monkeypatch.chdir(tmp_path / "data")
    return tmp_path / "data"


def command(*words: str) -> int:
    return cli.run([*words, "--quiet"])


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_same_command_twice_reads_the_same_rows(data: Path, form: str) -> None:
    left_over = data / ".work-graded" / "runs"
    left_over.mkdir(parents=True)
    pl.DataFrame({"anything": [1]}).write_parquet(left_over / "run-000000.parquet")
    assert command("grade", ".", "--out", "graded", "--format", form) == 0
    first = json.loads((data / "graded" / "run.json").read_text(encoding="utf-8"))
    assert [(one["file"], one["read"]) for one in first["inputs"]] == [("ward.csv", 3)]
    for _ in range(2):
        assert command("grade", ".", "--out", "graded", "--format", form) == 0
        assert command("quality", ".", "--out", "looked") == 0
    again = json.loads((data / "graded" / "run.json").read_text(encoding="utf-8"))
    read = [(one["file"], one["read"]) for one in again["inputs"]]
    assert read == [("graded", 0), ("looked", 0), ("ward.csv", 3)]
    ledger = pl.read_csv(data / "looked" / "ledger.csv")
    assert ledger.filter(pl.col("reason") == NOT_READ)["file"].to_list() == ["graded", "looked"]


@pytest.mark.usefixtures("data")
def test_results_alone_are_no_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("grade", ".", "--out", "graded") == 0
    assert command("grade", "graded", "--out", "again") == 2
    assert "it holds the results of a run" in capsys.readouterr().err


def test_the_place_of_the_results_is_not_the_folder_that_is_read(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of patients there would be replaced by that of the results."""
    people = write(data, "patient,age_years\nP0,40\n", "patients.parquet").read_bytes()
    for verb in ("grade", "quality"):
        assert command(verb, ".", "--out", str(data)) == 4
        assert "--out is the folder that is read" in capsys.readouterr().err
    assert (data / "patients.parquet").read_bytes() == people


def test_every_door_that_walks_passes_them_over(tmp_path: Path) -> None:
    for name in ("b/rows.json", "a.hl7", "graded/run.json", "graded/timeline.csv", "graded/sub/x.json", ".h/y.json",
                 ".z.hl7", "being/.being-replaced", "being/timeline.parquet", "other/run.json"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in files_in(tmp_path)]
    # a record alone makes no results
    assert found == ["a.hl7", "b/rows.json", "other/run.json"]
    assert [Path(name).name for name in passed_over([tmp_path, tmp_path / "a.hl7"])] == ["being", "graded"]


def test_fhir_and_hl7v2_tell_what_they_passed_over(data: Path) -> None:
    patient = {"resourceType": "Patient", "id": "P0"}
    write(data, json.dumps(patient) + "\n" + json.dumps({**patient, "id": "P1"}) + "\n", "patient.ndjson")
    write(data, "MSH|^~\\&|A|B|C|D|20240301100000+0000||ORU^R01|1|P|2.5\rPID|1||P0\r", "a.hl7")
    for door in ("fhir", "hl7v2"):
        for _ in range(2):
            assert command("grade", ".", "--from", door, "--out", f"graded-{door}") == 0
        run = json.loads((data / f"graded-{door}" / "run.json").read_text(encoding="utf-8"))
        assert f"graded-{door}" in [one["file"] for one in run["inputs"]]
        assert not [one for one in run["inputs"] if "run.json" in one["file"] or one["rejected"]]
