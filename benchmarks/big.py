"""Stream cohorts larger than memory by the command, and say what it costs beside reading the same columns.

``big.py --rows 2000000 20000000 --shuffled`` makes the data (under ``benchmarks/data``), grades them into a folder,
each in a process of its own, and prints a table in Markdown. ``--kill`` also ends the run by SIGKILL in the middle,
gives the command again, and holds the two results against each other, row by row.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
from bench import HERE, Measured, count, machine, measure
from make_data import write_folder

ROWS_COMPARED = 500_000


def command(data: Path, out: Path) -> list[str]:
    """Grade a folder of Parquet by the two default scales."""
    return [sys.executable, "-m", "cytowatch", "grade", str(data), "--out", str(out), "--quiet"]


def graded(data: Path, out: Path) -> Measured:
    """One run of the command, to its end; its wall time and peak memory. RuntimeError if it fails."""
    begin = time.perf_counter()
    child = subprocess.Popen(command(data, out))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the command ended with exit code {child.returncode}")
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Measured({}, time.perf_counter() - begin, peak)


def killed(data: Path, out: Path, after: float) -> None:
    """Begin the same run, and end it by SIGKILL after so many seconds; RuntimeError if it had ended by itself."""
    child = subprocess.Popen(command(data, out))
    try:
        child.wait(timeout=after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    if child.wait() != -signal.SIGKILL or out.exists():
        raise RuntimeError(f"the run was over before it could be killed, after {after:.0f} s")


def differences(one: Path, other: Path) -> list[str]:
    """Tables whose rows differ, in value or in order; the observations are held against each other part by part."""
    found = []
    for path in sorted(one.glob("*.parquet")):
        mine, other_one = (pl.scan_parquet(folder / path.name, glob=path.is_dir()) for folder in (one, other))
        rows = count(path)
        starts = range(0, max(rows, count(other / path.name)), ROWS_COMPARED)
        pairs = ((mine.slice(at, ROWS_COMPARED), other_one.slice(at, ROWS_COMPARED)) for at in starts)
        if not all(left.collect().equals(right.collect()) for left, right in pairs):
            found.append(path.name)
    return found


def line(what: str, rows: int, run: Measured, plain: Measured | None = None) -> str:
    """One line of the table."""
    ratio = f"{run.seconds / plain.seconds:.0f}" if plain else ""
    speed = f"{rows / run.seconds / 1000:,.0f} thousand"
    return f"| {what} | {rows:,} | {run.seconds:,.0f} s | {speed} | {run.peak_mib:,.0f} MiB | {ratio} |"


def measured(data: Path, out: Path, *, kill: bool) -> list[str]:
    """The lines of one folder of data."""
    rows, name = count(data), data.name
    plain = measure("polars", data)
    lines = [line(f"{name}: reading and aggregating the columns", rows, plain)]
    print(lines[-1], flush=True)
    run = graded(data, out)
    lines.append(line(f"{name}: graded into a folder", rows, run, plain))
    print(lines[-1], flush=True)
    if kill:
        again = out.with_name(out.name + "-again")
        killed(data, again, run.seconds / 2)
        rest = graded(data, again)
        differ = differences(out, again)
        lines.append(
            line(f"{name}: the rest of a run killed in its middle, {differ or 'all tables equal'}", rows, rest)
        )
        print(lines[-1], flush=True)
        shutil.rmtree(again)
    return lines


def main() -> None:
    """Command line; see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000_000, 20_000_000])
    parser.add_argument("--shuffled", action="store_true", help="rows in no order, so that they are sorted first")
    parser.add_argument("--kill", action="store_true", help="also kill a run in its middle and go on")
    parser.add_argument("--folder", type=Path, default=HERE / "data", help="where the made data lie")
    options = parser.parse_args()
    lines = []
    for rows in options.rows:
        data = options.folder / f"{'shuffled' if options.shuffled else 'sorted'}-{rows // 1_000_000}M"
        if not data.exists():
            print(f"Making {data} ...", flush=True)
            write_folder(data, rows, shuffled=options.shuffled)
        out = options.folder / f"graded-{data.name}"
        shutil.rmtree(out, ignore_errors=True)
        lines += measured(data, out, kill=options.kill)
        shutil.rmtree(out)
    print("\n".join([*(f"* {fact}" for fact in machine()), "", HEAD, *lines]))


HEAD = "| what | rows | time | rows a second | peak memory | ratio to reading |\n|---|---:|---:|---:|---:|---:|"

if __name__ == "__main__":
    main()
