"""A run on Spark as a graded folder: what ``cytowatch report`` and ``advise`` read, each table a folder of Parquet."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import polars as pl
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from cytowatch.cluster.failures import told
from cytowatch.cluster.payload import names
from cytowatch.cluster.run import SparkResult
from cytowatch.errors import InputError
from cytowatch.results import clear_folder, into_place, replacing, write_run, write_table

if sys.platform != "win32":
    import fcntl

COUNTS = ("ledger", "discordance")
_PARTS, _LOCK = ".parts-spark-", "lock"


def write_graded(result: SparkResult, folder: Path) -> list[Path]:
    """Write every table beside its place, check that no row is missing, and move all into place; the paths.

    ``folder`` must be a path that the driver and all executors see as the same. Needs a result with ``keep_rows``.
    InputError if what stands there is not what the executors counted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = [name for name in names(keep_rows=True) if name not in COUNTS]
    with _beside(folder, local=_is_local(result.envelope.sparkSession)) as parts:
        for name in tables:
            _write(result, name, parts / name)
        for name in tables:
            _check(parts / name, name, result.run["rows"][name])
        counts = [write_table(getattr(result, name), parts / f"{name}.parquet") for name in COUNTS]
        written = [_tidied(parts / name) for name in tables]
        run = write_run(result.run, parts)
        with replacing(folder):
            paths = [into_place(path, folder / f"{path.name}.parquet") for path in written]
            paths += [into_place(path, folder / path.name) for path in (*counts, run)]
            clear_folder(folder, [*tables, *COUNTS], "parquet")
    return paths


@contextmanager
def _beside(folder: Path, *, local: bool) -> Iterator[Path]:
    """A folder for tables that are not whole yet; those of runs that were killed go first, for they hold patients."""
    for left in folder.glob(f"{_PARTS}*"):
        if _is_dead(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PARTS, dir=folder) as held:
        parts = Path(held).resolve()
        if not local:
            # executors may be other users of a shared disk
            parts.chmod(0o777)
        with (parts / _LOCK).open("w", encoding="utf-8") as lock:
            _locked(lock)
            yield parts


def _is_dead(left: Path) -> bool:
    """True if the run that made it has ended: the system then has freed its lock."""
    with suppress(OSError), (left / _LOCK).open("r+", encoding="utf-8") as lock:
        return _locked(lock)
    return False


def _locked(lock: IO[str]) -> bool:
    """Take the lock; False if another has it, or if this system or disk knows none."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_local(session: SparkSession) -> bool:
    """True if executors run in this very process' own Spark: no other user writes into the folder."""
    return not is_remote() and str(session.conf.get("spark.master", "")).startswith("local")


def _write(result: SparkResult, name: str, target: Path) -> None:
    session = result.envelope.sparkSession
    key = "spark.sql.parquet.outputTimestampType"
    before = session.conf.get(key)
    # Spark's own choice is an old form without a zone, which reads back in nanoseconds
    session.conf.set(key, "TIMESTAMP_MICROS")
    try:
        with told():
            result.table(name).write.mode("errorifexists").parquet(f"file://{target}")
    finally:
        session.conf.set(key, before or "INT96")


def _check(parts: Path, name: str, expected: int) -> None:
    """Executors that write to a disk of their own leave a folder without their rows."""
    files = sorted(parts.glob("*.parquet"))
    found = int(pl.scan_parquet(files, glob=False).select(pl.len()).collect().item()) if files else 0
    if found != expected:
        raise InputError(
            f"Of the table {name} {found:,} of {expected:,} rows came to the folder; nothing was kept.",
            where=str(parts.parent.parent),
            why="Rows on a disk that only an executor sees are lost to the result.",
            hint="Name a folder that the driver and all executors share.",
        )


def _tidied(parts: Path) -> Path:
    """The folder of a table, without what Spark left besides its rows."""
    for other in [*parts.glob("_*"), *parts.glob(".*")]:
        other.unlink()
    return parts
