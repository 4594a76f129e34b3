"""Graded folders to export: from a few rows, from the published cases, from random patients."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.files import read_files, read_frames
from cytowatch.adapters.intake import Intake
from cytowatch.advising import advised_each
from cytowatch.exports.fhir.write import export_fhir
from cytowatch.exports.options import Options
from cytowatch.knowledge import Knowledge, load
from cytowatch.pipeline import Outcome, grade_intake, outward
from cytowatch.results import write_advice, write_results
from cytowatch.schema import LEDGER, REJECTS

ZERO = "2026-03-01T08:00:00+01:00"
ZERO_US = 1_772_348_400_000_000


@cache
def knowledge() -> Knowledge:
    """The tables of the package."""
    return load()


def of_rows(rows: list[dict[str, Any]], folder: Path, patients: pl.DataFrame | None = None, **asked: Any) -> Outcome:
    """A run of rows of the contract's long table, written to ``folder``."""
    table = pl.DataFrame(rows, infer_schema_length=None)
    return written(grade_intake(read_frames(table, knowledge(), patients=patients), knowledge(), **asked), folder)


def of_cases(folder: Path) -> Outcome:
    """The six published cases, with advice; times are hours."""
    data = Path(str(files("cytowatch") / "demo_data" / "cases"))
    tables = sorted(path for path in data.glob("*.csv") if path.name != "patients.csv")
    intake = read_files(tables, knowledge(), patients=data / "patients.csv")
    return advised(written(grade_intake(intake, knowledge()), folder), folder)


def advised(outcome: Outcome, folder: Path) -> Outcome:
    """Put the advice beside a run."""
    write_advice((outward(part, outcome.clock) for part in advised_each(outcome, knowledge(), None)), folder)
    return outcome


def intake(observations: pl.DataFrame, patients: pl.DataFrame, clock: Any) -> Intake:
    """Admitted rows as what a run is graded from."""
    used = pl.DataFrame([("random", "used", "", observations.height)], schema=LEDGER.schema, orient="row")
    return Intake(observations, patients, REJECTS.empty(), used, clock, "UTC", frozenset())


def written(outcome: Outcome, folder: Path) -> Outcome:
    """Write a run and give it back."""
    write_results(outcome, folder)
    return outcome


def exported(folder: Path, out: Path, **options: Any) -> Path:
    """Export a folder; gives back where to."""
    export_fhir(folder, out, knowledge(), Options(**options))
    return out
