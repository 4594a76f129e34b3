"""SOFA on the CLIF demo tables: cytowatch beside clifpy, one run, the same folder.

    python -m venv /somewhere && /somewhere/bin/pip install clifpy 'polars<2' 'duckdb<2'
    .venv/bin/python benchmarks/peers/sofa.py ../shared/data/icu_clif_demo --clifpy /somewhere/bin/python

clifpy 2.1.0 runs with neither Polars 2 nor DuckDB 2, so it lives in an environment of its own and is started as a
process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def ours(folder: Path) -> dict[str, Any]:
    """The worst SOFA of every hospitalization, as bounds; seconds without the import."""
    began = time.perf_counter()
    import polars as pl

    from cytowatch.adapters.doors import Asked, read_source
    from cytowatch.knowledge import load
    from cytowatch.pipeline import grade_intake

    imported = time.perf_counter() - began
    began = time.perf_counter()
    tables = load()
    asked = Asked((str(folder),), None, None, None, (), lambda _what, _done: None)
    intake = read_source("clif", asked, tables)
    read = time.perf_counter() - began
    graded = grade_intake(intake, tables, ["sofa"])
    seconds = time.perf_counter() - began
    worst = graded.timeline.group_by("patient").agg(pl.col("at_least").max(), pl.col("at_most").max())
    bounds = {patient: (low, high) for patient, low, high in worst.iter_rows()}
    return {"import": imported, "read": read, "seconds": seconds, "bounds": bounds, "states": graded.timeline.height}


def theirs(folder: Path, python: str) -> dict[str, Any]:
    """The same by clifpy in its own environment."""
    command = [python, str(HERE / "clifpy_sofa.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"clifpy could not be run: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout))


def compare(bounds: dict[str, tuple[int | None, int | None]], scores: list[dict[str, Any]]) -> Counter[str]:
    """How clifpy's total stands to the worst certain and the worst possible total of ours."""
    found: Counter[str] = Counter()
    for row in scores:
        low, high = bounds.get(str(row["hospitalization_id"]), (None, None))
        total = row["sofa_total"]
        if low is None or high is None or total is None:
            found["one of them gives none"] += 1
        elif total == low:
            found["the same as our certain worst"] += 1
        elif total > high:
            found["above all that is possible by ours"] += 1
        else:
            found["within our bounds" if total > low else "below our certain worst"] += 1
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clifpy", required=True, help="the Python of an environment with clifpy")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    mine = min((ours(options.folder) for _ in range(options.times)), key=lambda run: run["seconds"])
    peer = min((theirs(options.folder, options.clifpy) for _ in range(options.times)), key=lambda run: run["seconds"])
    for name, run, count in (("cytowatch", mine, len(mine["bounds"])), ("clifpy", peer, len(peer["scores"]))):
        print(f"{name}: {run['seconds']:.2f} s for {count} encounters, {count / run['seconds']:.0f} a second")
    print(f"cytowatch: of it reading all tables {mine['read']:.2f} s; {mine['states']:,} states over time")
    print(f"clifpy {peer['version']}: one score an encounter")
    for said, count in compare(mine["bounds"], peer["scores"]).most_common():
        print(f"  clifpy's total is {said}: {count}")


if __name__ == "__main__":
    main()
