"""Measure what grading costs, beside what Polars needs to read and aggregate the same columns of the same file.

Every measurement is a process of its own, so that its peak memory is its own. The results go into
``benchmarks/README.md``, with the machine named. ``make bench`` runs all but the 200 million rows (``--stream``).
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import json
import os
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SCALES = ["crs.astct-2019", "icans.astct-2019"]
# The targets: ratio to the plain aggregate, memory of the streamed run, one patient, the import.
RATIO, STREAM_MIB, PATIENT_MS, IMPORT_S = 3.0, 2048.0, 5.0, 0.5
# the target for all scales at once
RATIO_ALL = 6.0


@dataclass(frozen=True)
class Measured:
    """One run of one process: what it printed, wall seconds of the work, peak resident memory."""

    printed: dict[str, Any]
    seconds: float
    peak_mib: float


# --- what is measured: each of these runs alone in a process -------------------------------------------------


def work_product(files: str) -> dict[str, Any]:
    """Grade a Parquet file by both scales, with evidence."""
    import polars as pl

    import cytowatch as cw

    result = cw.grade(pl.scan_parquet(files), scales=SCALES)
    return {"rows": result.timeline.height, "episodes": result.episodes.height}


def work_stream(files: str) -> dict[str, Any]:
    """Grade many Parquet files into a folder by the command, which holds only a part of the patients at a time."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cytowatch", "grade", *sorted(map(str, Path(files).glob("*.parquet")))]
        subprocess.run([*command, "--out", folder, "--format", "parquet", "--quiet"], check=True)
        run = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    return {"patients": run["patients"]}


def work_all(files: str) -> dict[str, Any]:
    """Grade a Parquet file by every scale there is, with evidence and look-alikes, into a folder, by the command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cytowatch", "grade", files, "--scale", "all"]
        subprocess.run([*command, "--out", folder, "--format", "parquet", "--quiet"], check=True)
        run = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    return {"patients": run["patients"], "scales": len(run["scales"])}


def work_grade_folder(files: str) -> dict[str, Any]:
    """Grade the Parquet files of a folder into the folder ``graded`` beside them, with ages and weights."""
    folder = Path(files)
    command = [sys.executable, "-m", "cytowatch", "grade", *sorted(map(str, folder.glob("[0-9]*.parquet")))]
    people, target = str(folder / "people.csv"), str(folder / "graded")
    subprocess.run([*command, "--patients", people, "--out", target, "--quiet"], check=True)
    run = json.loads((folder / "graded" / "run.json").read_text(encoding="utf-8"))
    return {"patients": run["patients"]}


def work_advise(files: str) -> dict[str, Any]:
    """Say what all guidelines recommend for that folder, by the command; the table is written beside the others."""
    import polars as pl

    folder = Path(files) / "graded"
    subprocess.run([sys.executable, "-m", "cytowatch", "advise", str(folder)], check=True, stdout=subprocess.DEVNULL)
    span = (pl.col("end") - pl.col("start")).dt.total_hours() / 24
    days = pl.scan_parquet(folder / "timeline.parquet").filter(pl.col("scale") == SCALES[0]).select(span.sum())
    rows = pl.scan_parquet(folder / "advice.parquet").select(pl.len())
    return {"days": days.collect().item(), "rows": rows.collect().item()}


def work_all_profile(files: str) -> dict[str, Any]:
    """The same in this process, on a tenth of the patients: for ``--profile``."""
    import polars as pl

    import cytowatch as cw

    rows = pl.scan_parquet(files)
    first = rows.select("patient").unique().sort("patient").head(1_000).collect()
    result = cw.grade(rows.join(first.lazy(), on="patient", how="semi").collect(), scales=["all"])
    return {"rows": result.timeline.height}


def work_polars(files: str) -> dict[str, Any]:
    """Read the columns that grading reads, and aggregate them by patient and concept: the yardstick."""
    import polars as pl

    asked = [pl.len()]
    for name in ("value", "time"):
        asked += [pl.col(name).min().alias(f"{name}_min"), pl.col(name).max().alias(f"{name}_max")]
    asked += [pl.col("source").last(), pl.col("text").last(), pl.col("unit").last(), pl.col("until").last()]
    frame = pl.scan_parquet(files).group_by("patient", "concept").agg(asked).collect(engine="streaming")
    return {"rows": frame.height}


def work_patient(files: str) -> dict[str, Any]:
    """Grade one patient of 3,000 rows again and again, warm; the median of 50, in milliseconds."""
    import polars as pl

    import cytowatch as cw

    rows = pl.scan_parquet(files).collect()
    times = []
    for _ in range(55):
        begin = time.perf_counter()
        cw.grade(rows, scales=SCALES)
        times.append((time.perf_counter() - begin) * 1000)
    return {"rows": rows.height, "median_ms": statistics.median(times[5:]), "worst_ms": max(times[5:])}


def work_import(_files: str) -> dict[str, Any]:
    """Import the package in a new process."""
    import cytowatch

    return {"name": cytowatch.__name__}


WORK: dict[str, Callable[[str], dict[str, Any]]] = {
    "product": work_product,
    "all": work_all,
    "all-profile": work_all_profile,
    "stream": work_stream,
    "polars": work_polars,
    "patient": work_patient,
    "import": work_import,
    "grade-folder": work_grade_folder,
    "advise": work_advise,
}


def one(kind: str, files: str, *, profile: bool) -> None:
    """Do one piece of work and print, as JSON, what it did and how long it took."""
    if kind != "import":
        importlib.import_module("polars")  # the same for all of them, and not what is measured
    begin = time.perf_counter()
    work = WORK[kind]
    if profile:
        watch = cProfile.Profile()
        printed = watch.runcall(work, files)
        pstats.Stats(watch).sort_stats("cumulative").print_stats(25)
    else:
        printed = work(files)
    print(json.dumps(printed | {"seconds": time.perf_counter() - begin}))


# --- how it is measured --------------------------------------------------------------------------------------


def measure(kind: str, files: Path) -> Measured:
    """Run one piece of work in its own process; RuntimeError with its last words if it fails."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", kind, "--files", str(files)]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out)
        # The peak of this very child (and its children), not the largest of all that have run.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        lines = out.read().decode().splitlines()
    if child.returncode != 0:
        raise RuntimeError(f"the measurement '{kind}' ended with exit code {child.returncode}")
    printed = json.loads(lines[-1])
    # Linux counts kibibytes, macOS bytes.
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Measured(printed, float(printed["seconds"]), peak)


def best(kind: str, files: Path, times: int) -> Measured:
    """The quickest of several runs, so that a busy moment of the machine does not count."""
    return min((measure(kind, files) for _ in range(times)), key=lambda run: run.seconds)


def machine() -> list[str]:
    """The machine in words: processor, cores, memory, system, versions."""
    import cytowatch

    model = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        names = [line.split(":", 1)[1].strip() for line in facts.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB memory, {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, Polars {version('polars')}, cytowatch {cytowatch.__version__}",
        f"measured {datetime.now(UTC):%Y-%m-%d}",
    ]


def verdict(value: float, target: float) -> str:
    """Whether a target is met."""
    return "met" if value <= target else "missed"


def data(folder: Path, patients: int) -> Path:
    """The file of the main measurement, made if it is not there."""
    from make_data import write

    target = folder / f"{patients}.parquet"
    if not target.exists():
        print(f"Making {target} ...")
        write(target, patients)
    return target


def stream_data(folder: Path, patients: int, files: int) -> Path:
    """A folder of several such files with different patients, made if it is not there."""
    from make_data import write

    target = folder / f"stream-{patients}x{files}"
    for number in range(files):
        part = target / f"{number:02d}.parquet"
        if not part.exists():
            print(f"Making {part} ...")
            write(part, patients, first=1 + number * patients)
    return target


def one_patient(folder: Path) -> Path:
    """One patient of 3,000 rows: the first two of the generator's patients as one, cut."""
    import polars as pl
    from make_data import write

    target, raw = folder / "one.parquet", folder / "two.parquet"
    write(raw, 2)
    rows = pl.read_parquet(raw).filter(~((pl.col("patient") != "B0000001") & (pl.col("concept") == "car_t_infusion")))
    offset = pl.col("time") - pl.col("time").min().over("patient") + pl.col("time").min()
    rows.with_columns(time=offset, patient=pl.lit("B0000001")).sort("time").head(3000).write_parquet(target)
    return target


def count(files: Path) -> int:
    """Rows of a Parquet file or a folder of them."""
    import polars as pl

    return int(pl.scan_parquet(files).select(pl.len()).collect().item())


# --- what is written -----------------------------------------------------------------------------------------


def line(what: str, result: str, run: Measured | None = None, target: str = "") -> str:
    """One line of the table of results."""
    peak = f"{run.peak_mib:,.0f} MiB" if run else ""
    return f"| {what} | {result} | {peak} | {target} |"


def main_rows(file: Path, patients: int, times: int) -> list[str]:
    """The main measurement: grading beside the plain aggregate."""
    plain, graded = best("polars", file, times), best("product", file, times)
    ratio = graded.seconds / plain.seconds
    said = f"{count(file):,} rows, {patients:,} patients"
    return [
        line(f"Polars reads and aggregates the same columns ({said})", f"{plain.seconds:.2f} s", plain),
        line("grading by two scales with evidence", f"{graded.seconds:.2f} s", graded),
        line("ratio of the two", f"{ratio:.1f}", target=f"at most {RATIO:.0f}: {verdict(ratio, RATIO)}"),
        *all_rows(file, plain),
    ]


def all_rows(file: Path, plain: Measured) -> list[str]:
    """Every scale at once, written to a folder."""
    run = measure("all", file)
    ratio = run.seconds / plain.seconds
    said = f"grading by all {run.printed['scales']} scales with evidence, written to a folder by the command"
    return [
        line(said, f"{run.seconds:.0f} s", run),
        line(
            "ratio to the plain aggregate",
            f"{ratio:.0f}",
            target=f"at most {RATIO_ALL:.0f}: {verdict(ratio, RATIO_ALL)}",
        ),
    ]


def stream_rows(folder: Path) -> list[str]:
    """Many files, streamed."""
    run = measure("stream", folder)
    target = f"within {STREAM_MIB:,.0f} MiB: {verdict(run.peak_mib, STREAM_MIB)}"
    return [line(f"{count(folder):,} rows, streamed by the command", f"{run.seconds:.0f} s", run, target)]


def advice_rows(folder: Path) -> list[str]:
    """What guidelines say, for a cohort: beside grading the same by two scales."""
    graded, advised = measure("grade-folder", folder), measure("advise", folder)
    days, rows = advised.printed["days"], advised.printed["rows"]
    said = f"{days:,.0f} patient-days ({graded.printed['patients']:,} patients)"
    return [
        line(f"grading by two scales, {said}, by the command", f"{graded.seconds:.0f} s", graded),
        line(f"advice of all guidelines for them, by the command: {rows:,} rows", f"{advised.seconds:.0f} s", advised),
        line("ratio to the grading", f"{advised.seconds / graded.seconds:.1f}"),
    ]


def people(folder: Path) -> None:
    """Ages and weights of the patients in a folder of made data."""
    import polars as pl

    names = pl.scan_parquet(folder / "[0-9]*.parquet").select(pl.col("patient").unique().sort()).collect()
    place = pl.int_range(pl.len())
    table = names.with_columns((place % 70 + 15).alias("age_years"), (place % 60 + 45).alias("weight_kg"))
    table.write_csv(folder / "people.csv")


def small_rows(folder: Path) -> list[str]:
    """One patient again, and the import."""
    again, start = measure("patient", one_patient(folder)), best("import", folder, 5)
    milliseconds = float(again.printed["median_ms"])
    what = f"one patient of {again.printed['rows']:,} rows graded again, warm, median of 50"
    quick = f"under {PATIENT_MS:.0f} ms: {verdict(milliseconds, PATIENT_MS)}"
    ready = f"under {IMPORT_S} s: {verdict(start.seconds, IMPORT_S)}"
    return [
        line(what, f"{milliseconds:.1f} ms", again, quick),
        line("cold `import cytowatch`", f"{start.seconds:.2f} s", start, ready),
    ]


def page(rows: list[str]) -> str:
    """The results as Markdown."""
    facts = [f"* {fact}" for fact in machine()]
    head = ["| what | time | peak memory | target |", "|---|---:|---:|---|"]
    return "\n".join([BEGIN, "", *facts, "", *head, *rows, "", END])


def write_page(rows: list[str]) -> None:
    """Put the results between their marks in ``benchmarks/README.md``."""
    path = HERE / "README.md"
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    path.write_text(before + page(rows) + rest.split(END, 1)[1], encoding="utf-8")


def main() -> None:
    """Command line; see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000, help="of the main measurement, 2,000 rows each")
    parser.add_argument("--times", type=int, default=3, help="runs of which the quickest counts")
    parser.add_argument("--stream", type=int, default=0, metavar="FILES", help="also stream so many files; 10 = 200 M")
    parser.add_argument("--advise", type=int, default=0, metavar="FILES", help="advise so many files; 4 = 1.2 M days")
    parser.add_argument("--folder", type=Path, default=HERE / "data", help="where the made data lie")
    parser.add_argument("--print", action="store_true", help="print the results instead of writing the page")
    parser.add_argument("--one", choices=list(WORK), help="do one piece of work in this process and print JSON")
    parser.add_argument("--files", default="", help="the data of --one")
    parser.add_argument("--profile", action="store_true", help="with --one: say where the time goes")
    options = parser.parse_args()
    if options.one:
        one(options.one, options.files, profile=options.profile)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = main_rows(data(options.folder, options.patients), options.patients, options.times)
    if options.stream:
        rows += stream_rows(stream_data(options.folder, options.patients, options.stream))
    if options.advise:
        cohort = stream_data(options.folder, options.patients, options.advise)
        people(cohort)
        rows += advice_rows(cohort)
    rows += small_rows(options.folder)
    print(page(rows)) if options.print else write_page(rows)


if __name__ == "__main__":
    main()
