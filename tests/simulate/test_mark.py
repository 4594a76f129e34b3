"""Every file of a simulation says that it is simulated, and what is made of it says so too."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from cytowatch import cli
from cytowatch.simulate import ward as wards
from cytowatch.simulate.mark import mark
from cytowatch.streaming import inputs

PRODUCT, SEED = "cd19-car-t", 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few patients, charted, with another arm."""
    place = tmp_path_factory.mktemp("mark") / "ward"
    asked = ["--product", PRODUCT, "--patients", "4", "--seed", str(SEED), "--days", "6", "--quiet"]
    assert cli.run(["simulate", *asked, "--what-if", "half: doses=0:0.5", "--out", str(place)]) == 0
    return place


def graded(*words: object) -> None:
    assert cli.run(["grade", *map(str, words)]) == 0


def marks(path: Path) -> dict[str, str]:
    found = pl.read_parquet_metadata(path)
    return {key: value for key, value in found.items() if key.startswith("cytowatch.")}


def test_every_file_carries_the_mark(folder: Path) -> None:
    files = {path.name.split("-")[0].split(".")[0]: path for path in folder.rglob("*.parquet")}
    assert set(files) == {"observations", "patients", "grades", "icans", "arms"}
    for path in folder.rglob("*.parquet"):
        assert marks(path) == mark(PRODUCT, SEED)
    assert mark(PRODUCT, SEED)["cytowatch.simulated"] == "true"
    assert json.loads((folder / "simulation.json").read_text())["simulated"] is True


@pytest.mark.parametrize("rows", [None, 10], ids=["in memory", "streamed"])
def test_what_is_graded_of_it_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], rows: int | None
) -> None:
    if rows is not None:
        monkeypatch.setattr(inputs, "LARGE_ROWS", rows)
    graded(folder / "chart", "--out", tmp_path / "graded", "--report")
    assert "Virtual patients" in capfd.readouterr().out
    run = json.loads((tmp_path / "graded" / "run.json").read_text())
    assert run["simulated"] is True
    assert run["patients"] == 4
    page = (tmp_path / "graded" / "report.html").read_text(encoding="utf-8")
    assert page.index("Virtual patients.") < page.index("Not a medical device.")


def test_what_was_written_anew_is_not_known(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in (folder / "chart").glob("*.parquet"):
        pl.read_parquet(path).write_csv(tmp_path / f"{path.stem}.csv")
    graded(tmp_path / "observations-00000.csv", "--patients", tmp_path / "patients.csv", "--out", tmp_path / "graded",
           "--report")  # fmt: skip
    assert "simulated" not in json.loads((tmp_path / "graded" / "run.json").read_text())
    assert "irtual patients" not in (tmp_path / "graded" / "report.html").read_text(encoding="utf-8")
    assert "irtual patients" not in capfd.readouterr().out


def test_a_ward_names_all_its_products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beds = tuple(wards.Bed("anybody", product, 1) for product in ("mosunetuzumab", PRODUCT, PRODUCT))
    monkeypatch.setattr(wards, "ward", lambda: wards.Ward(SEED, 4, 20, beds))
    wards.write(tmp_path / "ward")
    files = list((tmp_path / "ward").rglob("*.parquet"))
    assert len(files) == 5
    assert all(marks(path) == mark("cd19-car-t, mosunetuzumab", SEED) for path in files)
