"""A Spark session of our own, for runs from the command line: quiet, on this machine's loopback, the same Python."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp, mkstemp
from typing import TYPE_CHECKING

import cytowatch.errors
from cytowatch.errors import ArgumentError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# what Spark 4 needs
JAVA = 17
# Spark before it lacks calls that are needed
SPARK = (4, 1)


def check_java() -> int:
    """The version of Java that Spark will start; ArgumentError if there is none, or an older one."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise _no_java("There is no Java on this machine." if not home else f"JAVA_HOME ({home}) holds no Java.")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found.group(1)) < JAVA:
        raise _no_java(f"The Java of this machine is {found.group(1) if found else 'broken'}.")
    return int(found.group(1))


def _no_java(what: str) -> ArgumentError:
    return ArgumentError(
        what,
        where="--engine spark",
        why=f"Spark runs on Java {JAVA} or later.",
        hint="Install it (Debian: openjdk-17-jre-headless) or set JAVA_HOME; or leave --engine out: one machine "
        "grades the same without Spark.",
    )


def check_spark() -> None:
    """ArgumentError unless the extra `spark` is installed, and Spark is new enough."""
    try:
        import pyarrow  # noqa: F401
        import pyspark
    except ImportError as cause:
        raise ArgumentError(
            f"The Python package {cause.name} is not installed.",
            where="--engine spark",
            hint="pip install 'cytowatch[spark]'; or leave --engine out: one machine grades the same without Spark.",
        ) from cause
    check_version(str(pyspark.__version__))


def check_version(version: str) -> None:
    """ArgumentError for a Spark, of this Python or of the cluster, that is too old."""
    found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if found < SPARK:
        raise ArgumentError(
            f"This is Spark {version}.",
            where="--engine spark",
            why=f"What shares out the work is there from Spark {SPARK[0]}.{SPARK[1]} on.",
            hint="pip install -U 'cytowatch[spark]', or a cluster with a later Spark; or leave Spark out: one machine "
            "grades the same without it.",
        )


def own_session(master: str, *, memory: str = "2g") -> SparkSession:
    """A session with ``master``, or the running one; times in UTC, no user interface, no network but loopback.

    ``memory``: of the driver's Java (on `local[N]` that is where the shuffle lives). A master that is not local keeps
    its own addresses, because its executors must find the driver.
    """
    check_spark()
    check_java()
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    folder = Path(mkdtemp(prefix="cytowatch-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": memory,
        "spark.log.level": "ERROR",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    if master.startswith("local"):
        settings |= _local(master, folder)
    builder = SparkSession.builder.appName("cytowatch").master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return _started(builder, folder / "spark.log")


def _local(master: str, folder: Path) -> dict[str, str]:
    """On this machine: loopback only, this very package, and threads that do not fight over the cores."""
    package = str(Path(cytowatch.errors.__file__).parent.parent)
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    workers = re.search(r"\[(\d+)", master)
    cores = os.cpu_count() or 1
    threads = max(1, cores // int(workers.group(1))) if workers else 1
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder),
        # only for sums of a few lines; buckets have their own number of tasks
        "spark.sql.shuffle.partitions": "4",
        "spark.executorEnv.PYTHONPATH": path,
        "spark.executorEnv.POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", str(threads)),
    }


def _started(builder: SparkSession.Builder, log: Path) -> SparkSession:
    from pyspark.errors import PySparkException

    try:
        with _told_to(log):
            return builder.getOrCreate()
    except (PySparkException, OSError, RuntimeError) as cause:
        first = str(cause).strip().split("\n", 1)[0]
        raise ArgumentError(
            "Spark could not be started.",
            where="--master",
            why=first,
            hint=f"Check the master, such as local[2]. What Java said stands in {_kept(log)}.",
        ) from cause


def _kept(log: Path) -> Path:
    """A copy that outlives this process, whose own folder is removed at its end."""
    handle, name = mkstemp(prefix="cytowatch-spark-", suffix=".log")
    os.close(handle)
    shutil.copyfile(log, name)
    return Path(name)


@contextmanager
def _told_to(log: Path) -> Iterator[None]:
    """What Java and its workers say goes into a file: they inherit the error stream as it is when they start."""
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
