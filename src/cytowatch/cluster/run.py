"""Grading on Spark: a frame in, every table of the run out as frames; graded once, however often they are looked at."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.intake import Clock
from cytowatch.engine.side_by_side import summed_discordance
from cytowatch.errors import ArgumentError, CytowatchError, InputError
from cytowatch.knowledge.choose import check_product, check_scales
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import AsOf, as_knowledge, combined_run, moment, summed
from cytowatch.schema import DISCORDANCE, LEDGER, REJECTS, software_version

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from cytowatch.cluster.frames import People
    from cytowatch.cluster.seen import Observed

# a bucket of about so many rows is held by a worker at a time: see docs/explanation/billions.md
ROWS_A_BUCKET = 500_000
# Spark's own cost of a shuffle grows with the square of this
_MOST_PARTITIONS = 2_000
# where the ledger names a first row of many buckets, one of them is told
_FIRST = r" \(first in .*\)$"


@dataclass(frozen=True)
class SparkResult:
    """What ``grade_spark`` gives: Spark frames with the columns of the contract, and the record of the run.

    ``ledger`` and ``discordance`` are counts of the whole run, a few lines, as Polars frames. ``run`` stands in
    ``run.json``; of the tables it says how many rows each must have (``rows``).
    """

    envelope: DataFrame
    clock: Clock
    ledger: pl.DataFrame
    discordance: pl.DataFrame
    run: dict[str, Any]
    tables: tuple[str, ...]
    # lines of the file of patients that are no rows: they belong to no bucket
    broken: pl.DataFrame = field(default_factory=REJECTS.empty)

    def table(self, name: str) -> DataFrame:
        """One table of the run by name; ArgumentError for one that was not kept."""
        from cytowatch.cluster.frames import plain
        from cytowatch.cluster.payload import spark_schema, unpacked

        if name not in self.tables:
            raise ArgumentError(
                f"The run holds no table {name!r}.",
                where="grade_spark",
                hint="observations, patients and in_doubt are there with keep_rows=True.",
            )
        rows = self.envelope.select(name).mapInArrow(unpacked, spark_schema(name, self.clock))
        if name == "rejects" and self.broken.height:
            rows = rows.unionByName(rows.sparkSession.createDataFrame(plain(self.broken), rows.schema))
        return rows

    @property
    def timeline(self) -> DataFrame:
        """One row a change of state (contract §2)."""
        return self.table("timeline")

    @property
    def episodes(self) -> DataFrame:
        """One row an episode (contract §2)."""
        return self.table("episodes")

    @property
    def rejects(self) -> DataFrame:
        """Rows that could not be used, each with its reason."""
        return self.table("rejects")

    @property
    def concordance(self) -> DataFrame:
        """Derived against reported grades, where grades were reported."""
        return self.table("concordance")

    @property
    def joint(self) -> DataFrame:
        """CRS, ICANS, IEC-HS and ICAHT at once, one row a change."""
        return self.table("joint")

    @property
    def findings(self) -> DataFrame:
        """What overlaps, what comes in which order, and what points elsewhere or beside; never a diagnosis."""
        return self.table("findings")

    def release(self) -> None:
        """Let go of the graded bytes that the executors hold; the frames cannot be read cheaply after it."""
        self.envelope.unpersist()


def grade_spark(
    observations: DataFrame | str | Path | Sequence[str | Path],
    patients: DataFrame | pl.DataFrame | str | Path | None = None,
    *,
    scales: Sequence[str] | None = None,
    knowledge: Knowledge | str | Path | Iterable[str | Path] | None = None,
    as_of: AsOf = None,
    assume_trigger: str | None = None,
    not_recorded: Iterable[str] = (),
    zone: str | None = None,
    look_alikes: bool | None = None,
    buckets: int | None = None,
    partitions: int | None = None,
    keep_rows: bool = False,
    work: str | None = None,
    spark: SparkSession | None = None,
) -> SparkResult:
    """Grade a long table of observations (contract §1) on Spark: the rows are those of ``cytowatch.grade``.

    ``observations``: a Spark frame, or Parquet that all executors can see. ``patients``: a Spark frame, or a table
    that the driver reads. ``buckets``: how many parts of whole patients; by default 500,000 rows each. ``partitions``:
    how many tasks they are shared out to. ``keep_rows``: also hold the admitted rows, which reports and advice read.
    ``work``: a new folder (any that Spark can write) for the graded bytes, which then outlive executors; by default
    they are kept on the executors' disks. The rest as in ``grade``. Raises InputError, ArgumentError or
    KnowledgeError; a bad row is no error but a line in ``rejects``.
    """
    from cytowatch.cluster.session import check_spark, check_version, own_session

    check_spark()
    from cytowatch.cluster.failures import told

    started = time.perf_counter()
    tables = as_knowledge(knowledge)
    check_scales(scales, tables)
    check_product(assume_trigger, tables)
    _check_counts(buckets=buckets, partitions=partitions)
    with told():
        session = spark or _session_of(observations) or own_session("local[*]")
        check_version(session.version)
        asked = {
            "scales": None if scales is None else tuple(scales),
            "as_of": as_of,
            "assume_trigger": assume_trigger,
            "not_recorded": frozenset(not_recorded),
            "zone": zone,
            "look_alikes": look_alikes,
        }
        job = _prepared(session, observations, patients, asked)
        number = buckets or max(1, -(-job.seen.count // ROWS_A_BUCKET))
        tasks = partitions or min(number, _MOST_PARTITIONS)
        return _graded(session, job, tables, number, min(tasks, number), keep_rows, work, started)


@dataclass(frozen=True)
class _Job:
    """What is to be graded, and how."""

    seen: Observed
    persons: People | None
    options: BucketOptions


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and not 1 <= count < 2**30:
            raise ArgumentError(f"{name} is {count}.", where=name, hint="Give a whole number from 1 on.")


def _session_of(source: object) -> SparkSession | None:
    from pyspark.sql import DataFrame, SparkSession

    return source.sparkSession if isinstance(source, DataFrame) else SparkSession.getActiveSession()


def _prepared(
    session: SparkSession,
    source: DataFrame | str | Path | Sequence[str | Path],
    patients: DataFrame | pl.DataFrame | str | Path | None,
    asked: dict[str, Any],
) -> _Job:
    from cytowatch.adapters.times import check_zone
    from cytowatch.cluster.frames import observed, people

    check_zone(asked["zone"])
    seen, found = observed(session, source)
    moment(asked["as_of"], seen.clock)
    persons = people(session, found if patients is None else patients)
    label = persons.label if persons else "patients"
    return _Job(seen, persons, BucketOptions(clock=seen.clock, files=seen.files, patients_file=label, **asked))


def _graded(
    session: SparkSession, job: _Job, tables: Knowledge, buckets: int, partitions: int, keep_rows: bool,
    work: str | None, started: float,
) -> SparkResult:  # fmt: skip
    from pyspark.sql import types as st

    from cytowatch.cluster.frames import in_buckets
    from cytowatch.cluster.payload import envelope_schema, names, spark_type
    from cytowatch.cluster.worker import Task, grader, numbers_before, shipped

    told_tables = tuple(names(keep_rows=keep_rows))
    persons = job.persons
    # patients have numbers that no row has
    first_person = numbers_before(buckets) if job.seen.next_row is None else job.seen.next_row
    task = Task(
        job.options, shipped(tables), software_version(), told_tables, job.seen.next_row is not None,
        persons is not None and persons.numbered, first_person,
    )  # fmt: skip
    shape = envelope_schema(told_tables)
    schema = st.StructType([st.StructField(column.name, spark_type(column.type)) for column in shape])
    rows = in_buckets(session, job.seen, persons, buckets, partitions, first_person)
    envelope = _kept(rows.mapInArrow(grader(task), schema), work, partitions)
    counted = _counted(envelope, told_tables)
    run = _run(job, tables, session, counted, {"buckets": buckets, "partitions": partitions}, started)
    shell = SparkResult(
        envelope, job.options.clock, LEDGER.empty(), DISCORDANCE.empty(), run, told_tables,
        persons.broken if persons else REJECTS.empty(),
    )  # fmt: skip
    ledger = _ledger(shell, job)
    _check_nothing_lost(ledger, job.seen)
    crossed = _summed(shell, "discordance", [name for name in DISCORDANCE.names if name != "patients"], "patients")
    whole = combined_run([run], ledger, started)
    whole |= {"peak_mib": counted["peak_kib"] // 1024}
    return SparkResult(
        envelope, shell.clock, ledger, summed_discordance([crossed], tables), whole, told_tables, shell.broken
    )


def _kept(graded: DataFrame, work: str | None, partitions: int) -> DataFrame:
    """The graded bytes, so that no table makes Spark grade again."""
    from pyspark import StorageLevel
    from pyspark.sql import functions as sf

    if work is None:
        return graded.persist(StorageLevel.DISK_ONLY)
    graded.write.mode("errorifexists").option("compression", "none").parquet(work)
    back = graded.sparkSession.read.parquet(work)
    # a file may be read in parts, and a part must hold whole patients
    own = sf.col("bucket") % partitions
    return back.repartitionById(partitions, own).sortWithinPartitions("bucket", "chunk")


def _counted(envelope: DataFrame, tables: Iterable[str]) -> dict[str, int]:
    """The counts of all buckets; this is the action that grades."""
    from pyspark.sql import functions as sf

    sums = ("patients_graded", "patients_without_rows", *(f"rows_of_{name}" for name in tables))
    row = envelope.agg(*(sf.sum(name).alias(name) for name in sums), sf.max("peak_kib").alias("peak_kib")).first()
    if row is None or row["patients_graded"] is None:
        raise CytowatchError("Spark gave back nothing at all.", hint="Report this: it must not happen.")
    return {name: int(row[name]) for name in (*sums, "peak_kib")}


def _run(
    job: _Job, tables: Knowledge, session: SparkSession, counted: dict[str, int], shared: dict[str, int], started: float
) -> dict[str, Any]:
    """What stands in ``run.json``: as on one machine, and how the work was shared out."""
    asked = job.options
    beside = list(asked.scales or ()) == ["all"] if asked.look_alikes is None else asked.look_alikes
    arguments = {
        "as_of": asked.as_of,
        "assume_trigger": check_product(asked.assume_trigger, tables),
        "look_alikes": beside,
    }
    rows = {name.removeprefix("rows_of_"): count for name, count in counted.items() if name.startswith("rows_of_")}
    rows["rejects"] += job.persons.broken.height if job.persons else 0
    return {
        "software": software_version(),
        "knowledge": f"{tables.version}#{tables.digest[:12]}",
        "overlays": list(tables.folders),
        "scales": check_scales(asked.scales, tables),
        "clock": asked.clock,
        "zone": asked.zone or "UTC",
        "inputs": [],
        "patients": counted["patients_graded"],
        "patients_without_rows": counted["patients_without_rows"],
        "arguments": {name: None if value is None else str(value) for name, value in arguments.items()},
        "not_recorded": sorted(asked.not_recorded),
        "seconds": round(time.perf_counter() - started, 3),
        "peak_mib": None,
        "spark": {"version": session.version, **shared},
        "rows": {name: count for name, count in rows.items() if name not in ("ledger", "discordance")},
    }


def _ledger(shell: SparkResult, job: _Job) -> pl.DataFrame:
    """The counts of all buckets added up, and what belongs to the files as a whole."""
    counts = _summed(shell, "ledger", ["file", "fate", "reason"], "rows")
    told = [(file, "ignored", reason, 0) for file, reason in job.seen.told]
    empty = [(name, "ignored", "no rows", 0) for name, _, rows in job.seen.files if not rows]
    broken = (
        [(job.options.patients_file, "rejected", "broken_line", shell.broken.height)] if shell.broken.height else []
    )
    more = pl.DataFrame([*told, *empty, *broken], schema=LEDGER.schema, orient="row")
    return summed([counts, more])


def _check_nothing_lost(ledger: pl.DataFrame, seen: Observed) -> None:
    """Every row that was counted before grading has its place in the ledger after it."""
    labels = [label for label, _, _ in seen.files]
    found = int(ledger.filter(pl.col("file").is_in(labels))["rows"].sum())
    if found != seen.count:
        raise InputError(
            f"{seen.count:,} rows were counted, and {found:,} were graded.",
            where="grade_spark",
            why="The input is not the same each time it is read, so rows are missing or twice.",
            hint="Keep the frame first (`persist()`, or write it as Parquet), then grade it.",
        )


def _summed(shell: SparkResult, name: str, keys: list[str], number: str) -> pl.DataFrame:
    """A table of counts, added up by Spark: the driver gets its few lines only."""
    from pyspark.sql import functions as sf

    from cytowatch.cluster.payload import SHIPPED

    table = shell.table(name)
    if "reason" in keys:
        same = sf.when(sf.col(number) == 0, sf.regexp_replace("reason", _FIRST, "")).otherwise(sf.col("reason"))
        said = table.groupBy("file", "fate", same.alias("same"))
        added = said.agg(sf.min("reason").alias("reason"), sf.sum(number).alias(number)).drop("same")
    else:
        added = table.groupBy(*keys).agg(sf.sum(number).alias(number))
    schema = SHIPPED[name].schema
    rows = [tuple(row[key] for key in schema) for row in added.select(*schema).collect()]
    return pl.DataFrame(rows, schema=schema, orient="row")
