"""The main job on the real data that ships with the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl
from rich.console import RenderableType
from rich.text import Text

from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.files import read_files
from cytowatch.adapters.intake import Intake
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import grade_intake
from cytowatch.report import ReportData, write_report
from cytowatch.results import write_results
from cytowatch.summary import summarize

_PARTS = {
    "cases": "Six published case timelines: mostly look-alikes, with their traps",
    "nulisa": "Daily grades of 40 patients after CD19 CAR-T cells, as their trial team reported them",
    "clif": "Real intensive-care records without any trigger: nothing may be graded, everything is accounted for",
}


def run_demo(folder: Path, *, quiet: bool = False) -> Iterator[RenderableType]:
    """Grade the three sets, write each with its report into ``folder``, and tell what was found."""
    knowledge = load()
    with as_file(files("cytowatch").joinpath("demo_data")) as data:
        for name, title in _PARTS.items():
            outcome = grade_intake(_read(name, data / name, knowledge), knowledge)
            written = write_results(outcome, folder / name, "csv")
            written.append(
                write_report(ReportData.from_folder(folder / name), knowledge, folder / name / "report.html")
            )
            if not quiet:
                yield Text(f"\n{title}", style="bold")
                yield from summarize(outcome, written, knowledge)
    yield "\nReports (open in a browser):"
    for name in _PARTS:
        yield f"  {(folder / name / 'report.html').resolve()}"
    yield "Not a medical device. Data: see the notices in demo_data/NOTICE.md of the package."


def _read(name: str, folder: Path, knowledge: Knowledge) -> Intake:
    if name == "clif":
        return read_clif(folder, knowledge)
    if name == "nulisa":
        return read_files([folder / "daily_grades.csv"], knowledge, mapping=folder / "daily_grades.toml")
    tables = sorted(path for path in folder.glob("*.csv") if path.name != "patients.csv")
    intake = read_files(tables, knowledge, patients=folder / "patients.csv")
    return replace(intake, observations=intake.observations.sort(pl.col("patient"), pl.col("time")))
