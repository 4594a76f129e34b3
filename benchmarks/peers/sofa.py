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
    """The worst certain SOFA of every hospitalization; seconds without the import."""
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
    # the moment of the worst certain total, the first of several, with what was met there
    ordered = graded.timeline.sort("patient", "at_least", "start", descending=[False, True, False], nulls_last=True)
    worst = ordered.group_by("patient", maintain_order=True).first()
    lungs = pl.col("criteria").list.eval(pl.element().str.starts_with("pao2_fio2")).list.any()
    bounds = {name: [low, met] for name, low, met in worst.select("patient", "at_least", lungs).iter_rows()}
    return {"import": imported, "read": read, "seconds": seconds, "bounds": bounds, "states": graded.timeline.height}


def fresh(*command: str) -> dict[str, Any]:
    """What a process of its own told, so that neither of the two is warm."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[1]} could not be run: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout))


def compare(bounds: dict[str, list[Any]], scores: list[dict[str, Any]]) -> Counter[str]:
    """How clifpy's total stands to the worst total of ours that is certain at one moment."""
    found: Counter[str] = Counter()
    for row in scores:
        low, lungs = bounds.get(str(row["hospitalization_id"]), [None, False])
        total = row["sofa_total"]
        if low is None or total is None:
            found["one of them gives none"] += 1
        elif total == low:
            found["the same (0 in both)" if not total else "the same"] += 1
        elif total > low:
            found["higher: it adds the worst of each organ over the whole stay, ours are of one moment"] += 1
        elif lungs and not row["sofa_resp"]:
            found["lower: it has no points for the lungs, ours has a PaO2/FiO2"] += 1
        else:
            found["lower for another reason"] += 1
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clifpy", help="the Python of an environment with clifpy")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    if not options.clifpy:
        print(json.dumps(ours(options.folder)))
        return
    folder, times = str(options.folder), range(options.times)
    runs = [fresh(sys.executable, str(HERE / "sofa.py"), folder) for _ in times]
    mine = min(runs, key=lambda run: run["seconds"])
    runs = [fresh(options.clifpy, str(HERE / "clifpy_sofa.py"), folder) for _ in times]
    peer = min(runs, key=lambda run: run["seconds"])
    for name, run, count in (("cytowatch", mine, len(mine["bounds"])), ("clifpy", peer, len(peer["scores"]))):
        print(f"{name}: {run['seconds']:.2f} s for {count} encounters, {count / run['seconds']:.0f} a second")
    print(f"cytowatch: of it reading all tables {mine['read']:.2f} s; {mine['states']:,} states over time")
    print(f"clifpy {peer['version']}: one score an encounter")
    for said, count in compare(mine["bounds"], peer["scores"]).most_common():
        print(f"  clifpy's total is {said}: {count}")


if __name__ == "__main__":
    main()
