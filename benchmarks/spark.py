"""Measure one machine beside Spark on the same Parquet: the same rows, seconds, cost of the start, memory of a worker.

    .venv/bin/python benchmarks/spark.py --patients 1000 10000
    .venv/bin/python benchmarks/spark.py --patients 100000 --every 8

``--every 8`` keeps each patient's first row, the trigger, and every eighth after it: many patients with few rows each.
Each run is the command ``cytowatch grade`` in a process of its own, into a folder. All processes of the run (Java, its
Python workers) are watched through /proc: the most memory of each, and the processor time they took, which on a busy
machine says more than the clock. ``digest`` is over timeline and episodes, sorted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from make_data import ROWS_A_PATIENT, write, write_folder

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
KINDS = ("main", "worker", "java")
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass
class Watch:
    """Memory (MiB) and processor seconds of every process of one session of the system."""

    session: int
    memory: dict[int, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    kind: dict[int, str] = field(default_factory=dict)

    def look(self) -> None:
        """Once over /proc."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                self._one(int(entry.name))

    def _one(self, number: int) -> None:
        try:
            told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(told[3]) != self.session:
                return
            command = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError, ValueError):
            return
        # a process that has ended, and is not fetched yet, tells nothing any more
        if not command:
            return
        named = "java" if "java" in command.split(" ")[0] else "worker" if "pyspark" in command else "other"
        self.kind[number] = "main" if number == self.session else named
        self.memory[number] = max(self.memory.get(number, 0.0), int(told[21]) * _PAGE / 2**20)
        self.seconds[number] = (int(told[11]) + int(told[12])) / _TICKS

    def spent(self, kind: str) -> float:
        """Processor seconds of all processes of a kind."""
        return sum(seconds for number, seconds in self.seconds.items() if self.kind.get(number) == kind)

    def most(self, kind: str) -> float:
        """The most that one process of a kind ever held."""
        return max((size for number, size in self.memory.items() if self.kind[number] == kind), default=0.0)


@dataclass(frozen=True)
class Measured:
    """One run of the command."""

    seconds: float
    processor: dict[str, float]
    mib: dict[str, float]
    digest: str
    buckets: int


def measure(file: Path, master: str | None, buckets: int | None) -> Measured:
    """Grade a file into a folder that is thrown away."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        command = [sys.executable, "-m", "cytowatch", "grade", str(file), "--out", folder, "--quiet"]
        if master:
            command += ["--engine", "spark", "--master", master]
            command += ["--buckets", str(buckets)] if buckets else []
        began = time.perf_counter()
        child = subprocess.Popen(command, start_new_session=True)
        watch, done = Watch(child.pid), threading.Event()
        looking = threading.Thread(target=lambda: _look(watch, done))
        looking.start()
        code = child.wait()
        seconds = time.perf_counter() - began
        done.set()
        looking.join()
        if code:
            raise RuntimeError(f"the run ended with exit code {code}")
        run = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
        told = run.get("spark", {}).get("buckets", 0)
        spent, most = ({kind: ask(kind) for kind in KINDS} for ask in (watch.spent, watch.most))
        return Measured(seconds, spent, most, digest(Path(folder)), told)


def _look(watch: Watch, done: threading.Event) -> None:
    while not done.wait(0.2):
        watch.look()


def digest(folder: Path) -> str:
    """Of all rows of timeline and episodes, whatever their order in the files."""
    said = hashlib.blake2b(digest_size=8)
    for name, keys in (("timeline", ("scale", "patient", "start")), ("episodes", ("scale", "patient", "onset"))):
        path = folder / f"{name}.parquet"
        files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        for patients in _some(files):
            rows = pl.scan_parquet(files, glob=False).filter(
                pl.col("patient").is_between(pl.lit(patients[0]), pl.lit(patients[1]))
            )
            said.update(rows.sort(*keys).collect().write_ndjson().encode())
    return said.hexdigest()


def _some(files: list[Path], count: int = 5_000) -> list[tuple[str, str]]:
    """First and last name of groups of patients, so that memory holds one group."""
    names = pl.scan_parquet(files, glob=False).select(pl.col("patient").unique().sort()).collect()["patient"].to_list()
    return [(names[first], names[min(first + count, len(names)) - 1]) for first in range(0, len(names), count)]


def made(patients: int, every: int, folder: Path) -> Path:
    """The data, made if they are not there: one file."""
    file = folder / (f"{patients}.parquet" if every == 1 else f"{patients}-every-{every}.parquet")
    if not file.exists() and every == 1:
        write(file, patients)
    elif not file.exists():
        whole = folder / f"shuffled-{patients * ROWS_A_PATIENT // 1_000_000}M"
        if not whole.exists():
            write_folder(whole, patients * ROWS_A_PATIENT, shuffled=True)
        place = pl.col("source").str.split(":").list.last().cast(pl.Int64)
        half = file.with_suffix(".part")
        pl.scan_parquet(whole / "*.parquet").filter(place % every == 0).sink_parquet(half, compression="zstd")
        half.rename(file)
    return file


def start_up(master: str) -> float:
    """Seconds until Spark has answered for the first time."""
    code = (
        "import time; began = time.perf_counter()\n"
        "from cytowatch.cluster.session import own_session\n"
        f"own_session({master!r}).range(1).count(); print(time.perf_counter() - began)"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--every", type=int, default=1, help="keep one in so many rows of each patient")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="with how many workers Spark is run")
    parser.add_argument("--folder", type=Path, default=DATA, help="where the made data lie")
    parser.add_argument("--buckets", type=int)
    options = parser.parse_args()
    spark = {f"Spark, {count} worker{'s' * (count > 1)}": f"local[{count}]" for count in options.workers}
    engines: dict[str, str | None] = {"one machine": None, **spark}
    print(f"start of Spark until its first answer: {start_up('local[2]'):.1f} s")
    print("Processor seconds and memory (MiB, the most of one process): the command, a Python worker, Java")
    print("| patients | rows | engine | seconds | rows/s | processor | memory | buckets | digest |")
    print("|---:|---:|---|---:|---:|---:|---:|---:|---|")
    for patients in options.patients:
        file = made(patients, options.every, options.folder)
        rows, people = pl.scan_parquet(file).select(pl.len(), pl.col("patient").n_unique()).collect().row(0)
        for name, master in engines.items():
            one = measure(file, master, options.buckets)
            spent, most = (", ".join(f"{part:,.0f}" for part in kinds.values()) for kinds in (one.processor, one.mib))
            print(
                f"| {people:,} | {rows:,} | {name} | {one.seconds:.1f} | {rows / one.seconds:,.0f} | {spent} | "
                f"{most} | {one.buckets or ''} | {one.digest} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
