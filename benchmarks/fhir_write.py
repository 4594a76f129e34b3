"""How fast a graded run is written as FHIR: ``python benchmarks/fhir_write.py [PATIENTS]``.

Random patients of the tests are graded into a folder in parcels, and the folder is exported; beside it, the grades
alone. Seconds are those of the processor, all cores together, as the wall clock of a shared machine says little.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.generative.random_patients import random_patients
from tests.lib import fhir_runs as runs

from cytowatch.pipeline import Outcome, combined, grade_intake
from cytowatch.results import write_results

_PARCEL = 2_000


def parcels(patients: int) -> Iterator[Outcome]:
    """Random patients graded some thousands at a time."""
    for seed in range(max(1, patients // _PARCEL)):
        rows, people = random_patients(min(patients, _PARCEL), seed)
        rows = rows.with_columns(pl.col("row") + seed * 10_000_000)
        yield grade_intake(runs.intake(rows, people, "time"), runs.knowledge())


def main(patients: int) -> None:
    """Grade, export, and tell what it cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_results(combined(list(parcels(patients)), runs.knowledge(), time.perf_counter()), folder / "graded")
        began, wall = time.process_time(), time.perf_counter()
        out = runs.exported(folder / "graded", folder / "fhir")
        used, passed = time.process_time() - began, time.perf_counter() - wall
        megabytes = sum(path.stat().st_size for path in out.glob("*.ndjson")) / 1e6
        graded = pl.scan_parquet(folder / "graded" / "timeline.parquet").select(pl.len()).collect().item()
        sys.stdout.write(
            f"{patients} patients, {graded} rows of the timeline: {megabytes:.0f} MB in {used:.1f} s of processor "
            f"({passed:.1f} s passed), {megabytes / used:.0f} MB/s\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
