"""On Spark the same rows as on one machine: numbers, sources, lists and empty cells, whatever happens to a task."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from tests.cluster.conftest import SCALES, Ward

from cytowatch.adapters.frame import ROW
from cytowatch.adapters.patients import raw_patients
from cytowatch.buckets import bucket_of
from cytowatch.cli import run
from cytowatch.cluster import SparkResult, grade_spark
from cytowatch.errors import EXIT_ARGUMENTS, EXIT_INPUT, ArgumentError, InputError
from cytowatch.pipeline import Outcome, grade, outward
from cytowatch.results import read_outcome, read_outcomes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BY_PATIENT = ("timeline", "episodes", "joint", "findings", "concordance")
Batches = Iterator[pa.RecordBatch]
Grader = Callable[[Any], Callable[[Batches], Batches]]


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sorted by every column, so that only the rows are compared."""
    lists = [pl.col(name).list.join("\n").alias(f"_{name}") for name, kind in frame.schema.items() if kind == pl.List]
    keyed = frame.with_columns(lists)
    return keyed.sort(keyed.columns, nulls_last=True).select(frame.columns)


def collected(result: SparkResult, name: str) -> pl.DataFrame:
    return in_order(pl.DataFrame(result.table(name).toArrow()))


def alone(outcome: Outcome, name: str) -> pl.DataFrame:
    return in_order(outward(getattr(outcome, name), outcome.clock))


@pytest.fixture(scope="module")
def folder(spark: SparkSession, ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ward graded by the command from its Parquet files; the session of the tests is the one it finds running."""
    assert spark is not None
    target = tmp_path_factory.mktemp("spark") / "a [graded] folder"
    # what a run left that was killed, and what another one writes just now
    for name in ("dead", "alive"):
        left = target / f".parts-spark-{name}"
        (left / "timeline").mkdir(parents=True)
        (left / "lock").touch()
    files = [*map(str, ward.files), "--patients", str(ward.patients), "--scale", *SCALES]
    with (target / ".parts-spark-alive" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(["grade", *files, "--engine", "spark", "--buckets", "3", "--out", str(target), "--quiet"]) == 0
    return target


def stored(folder: Path, name: str) -> pl.DataFrame:
    """A table as Spark wrote it, with the types of its files."""
    path = folder / f"{name}.parquet"
    return in_order(pl.read_parquet(sorted(path.glob("*.parquet")) if path.is_dir() else path, glob=False))


@pytest.mark.parametrize("name", [*BY_PATIENT, "observations", "patients", "in_doubt", "rejects", "discordance"])
def test_every_table_is_that_of_one_machine(folder: Path, ward: Ward, name: str) -> None:
    expected = alone(ward.graded, name)
    # a comparison of nothing with nothing would not tell
    assert expected.height
    assert stored(folder, name).equals(expected)


def test_no_part_of_a_dead_run_stays_and_the_folder_is_whole(folder: Path) -> None:
    assert [path.name for path in folder.glob(".*")] == [".parts-spark-alive"]
    assert (folder / ".parts-spark-alive" / "timeline").is_dir()


def test_rejects_keep_the_number_of_their_row_and_the_line_of_their_file(folder: Path) -> None:
    rejects = stored(folder, "rejects")
    assert {"unknown_concept", "out_of_range", "missing_patient"} <= set(rejects["rule"])
    invented = rejects.filter(pl.col("source").str.starts_with("b.parquet:"))
    lines = invented["source"].str.extract(r":(\d+)$").cast(pl.Int64)
    assert invented.height
    # the second file's first row comes after all rows of the first
    assert (invented["row"] - lines).n_unique() == 1


def test_counts_are_those_of_one_machine_and_add_up(folder: Path, ward: Ward) -> None:
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert stored(folder, "ledger").equals(in_order(ward.graded.ledger))
    same = ("software", "knowledge", "scales", "clock", "inputs", "patients", "patients_without_rows", "arguments",
            "not_recorded")  # fmt: skip
    assert {name: told[name] for name in same} == {name: ward.graded.run[name] for name in same}
    assert sum(entry["read"] for entry in told["inputs"][:2]) == ward.raw.height
    assert told["rows"] == {name: getattr(ward.graded, name).height for name in told["rows"]}


def test_the_folder_is_read_as_any_other_and_may_be_written_over(folder: Path, ward: Ward, tmp_path: Path) -> None:
    whole = read_outcome(folder)
    assert in_order(whole.timeline).equals(in_order(ward.graded.timeline))
    parts = list(read_outcomes(folder))
    assert sum(part.timeline.height for part in parts) == whole.timeline.height
    assert len(parts) == 3
    copy = tmp_path / "again"
    shutil.copytree(folder, copy)
    files = [*map(str, ward.files), "--patients", str(ward.patients), "--scale", *SCALES]
    assert run(["grade", *files, "--out", str(copy), "--format", "csv", "--quiet"]) == 0
    assert not list(copy.glob("*line.parquet"))
    assert in_order(read_outcome(copy).timeline).equals(in_order(ward.graded.timeline))


def test_a_frame_with_a_skewed_patient_an_overlay_and_a_task_that_dies_half_way(
    spark: SparkSession, ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buckets of which many stay empty, a session in another zone, and a site's own policy."""
    from cytowatch.cluster import worker

    overlay = tmp_path / "site"
    overlay.mkdir()
    (overlay / "policy.toml").write_text(OVERLAY, encoding="utf-8")
    (overlay / "sources.toml").write_text(BOARD, encoding="utf-8")
    many = ward.raw.filter(pl.col("patient") == "r3-000007")
    later = [many.with_columns(pl.col("time") + pl.duration(minutes=minute)) for minute in range(1, 60)]
    few = ward.raw.filter(pl.col("source").is_not_null() & (pl.col("patient").fill_null("") < "r3-000010"))
    raw = pl.concat([few, *later])
    log = tmp_path / "attempts"
    log.mkdir()
    monkeypatch.setattr(worker, "grader", dying(worker.grader, str(log)))
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        frame = spark.createDataFrame(plain(raw)).repartition(5)
        people = spark.createDataFrame(plain(raw_patients(ward.patients).frame.drop("_line")))
        result = grade_spark(frame, people, knowledge=overlay, buckets=7, partitions=4, as_of=AS_OF)
        expected = grade(raw, raw_patients(ward.patients).frame, knowledge=overlay, as_of=AS_OF)
        for name in BY_PATIENT:
            assert collected(result, name).equals(in_order(getattr(expected, name))), name
        said = [name for name in expected.rejects.columns if name not in ("row", "source")]
        given = collected(result, "rejects")
        assert in_order(given.select(said)).equals(in_order(expected.rejects.select(said)))
        assert given["row"].n_unique() == given.select("row", "source").n_unique()
        of_people = pl.col("source").str.starts_with("patients")
        assert given.filter(of_people).height == 1
        # seven buckets of rows with 2^32 numbers each, and above them those of patients
        assert (given["row"] >= 7 << 32).equals(given.select(of_people.alias("row"))["row"])
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone or "UTC")
    tried = sorted(path.name for path in log.iterdir())
    # four tasks, one of them twice: looking at six tables graded nothing again
    assert tried == ["0-0", "1-0", "1-1", "2-0", "3-0"]
    result.release()


def dying(grader: Grader, log: str) -> Grader:
    """The grader, of which the first try of task 1 dies after it gave back something."""

    def wrapped(task: Any) -> Callable[[Batches], Batches]:
        inner = grader(task)

        def graded(batches: Batches) -> Batches:
            from pathlib import Path

            from pyspark import TaskContext

            here = TaskContext.get()
            (Path(log) / f"{here.partitionId()}-{here.attemptNumber()}").touch()
            for number, batch in enumerate(inner(batches)):
                yield batch
                if number == 1 and here.partitionId() == 1 and here.attemptNumber() == 0:
                    raise OSError("this executor dies")

        return graded

    return wrapped


def test_a_frame_that_brings_its_numbers_keeps_them(spark: SparkSession, ward: Ward, tmp_path: Path) -> None:
    """And the graded bytes may lie in a folder, from which all is read."""
    rows = ward.raw.filter(pl.col("patient").is_in(["r3-000001", "r3-000002", "r3-000003"]))
    numbered = rows.drop("source").with_columns((1000 + pl.int_range(pl.len(), dtype=pl.Int64)).alias(ROW))
    frame = spark.createDataFrame(plain(numbered)).repartition(3)
    old = pl.DataFrame({"patient": ["r3-000001"], "age_years": ["old"]})
    result = grade_spark(frame, old, buckets=3, partitions=2, work=str(tmp_path / "work"))
    expected = grade(numbered)
    # the patient's number is above those of all rows
    last = 1000 + numbered.height
    assert collected(result, "rejects")["row"].to_list() == [*sorted(expected.rejects["row"].to_list()), last]
    evidence = expected.timeline["evidence"].explode().drop_nulls()
    numbers = evidence.str.extract(r":(\d+)$").cast(pl.Int64)
    told = pl.DataFrame(result.timeline.toArrow())["evidence"].explode().drop_nulls()
    assert sorted(told.str.extract(r":(\d+)$").cast(pl.Int64) - 1000) == sorted(numbers)
    with pytest.raises(InputError, match=r"exists already: .*work"):
        grade_spark(frame, buckets=3, work=str(tmp_path / "work"))


def test_numbers_that_two_rows_share_are_refused_in_whatever_buckets_they_fall(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("A", 0.0, "death", 7), ("B", 0.0, "death", 7)], "patient string, hours double, concept string, _row long"
    )
    people = spark.createDataFrame([("A", 1), ("B", 1)], "patient string, _row long")
    once = rows.withColumn(ROW, rows["patient"].eqNullSafe("A").cast("long"))
    for wrong in ((rows, None), (once.withColumn(ROW, once[ROW].cast("double")), None), (once, people)):
        with pytest.raises(InputError, match=r"not unique|no whole numbers"):
            grade_spark(*wrong, buckets=400)


def test_an_input_that_changes_while_it_is_graded_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    """A frame that is worked out anew each time: all rows when they are counted, none when they are graded."""
    from pyspark.sql import functions as sf

    seen = str(tmp_path / "seen")

    def is_there(number: int) -> bool:
        with open(seen, "ab") as file:  # noqa: PTH123 - runs on an executor, which knows no names of this module
            file.write(b"." if number >= 0 else b"")
            return file.tell() <= 40

    rows = spark.range(40).withColumn(
        "there",
        sf.udf(lambda number: is_there(number), "boolean").asNondeterministic()("id"),  # noqa: PLW0108 - hints choose a kind
    )
    rows = rows.filter("there").select(
        sf.lit("A").alias("patient"), sf.col("id").cast("double").alias("hours"), sf.lit("death").alias("concept"),
        sf.lit("crs").alias("text"),
    )  # fmt: skip
    with pytest.raises(InputError, match="40 rows were counted, and 0 were graded"):
        grade_spark(rows)


def test_an_empty_frame_gives_empty_tables(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "patient string, hours double, concept string, value double, unit string")
    result = grade_spark(empty)
    assert [result.timeline.count(), result.rejects.count()] == [0, 0]
    assert (result.run["patients"], result.clock) == (0, "hours")
    with pytest.raises(ArgumentError, match="keep_rows"):
        result.table("observations")


def test_the_hash_is_ours_for_ids_of_every_kind() -> None:
    from cytowatch.cluster.worker import hashed

    assert hashed(pa.array(["A", " A ", None, ""]), 97).to_pylist() == [bucket_of("A", 97)] * 2 + [0, 0]
    assert hashed(pa.array([12, 7]), 97).to_pylist() == [bucket_of("12", 97), bucket_of("7", 97)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["x.csv", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "no such file"),
        (["{csv}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "only Parquet"),
        (["{csv}", "--engine", "spark"], EXIT_ARGUMENTS, "needs a folder"),
        (["{csv}", "--engine", "spark", "--out", "{out}", "--format", "csv"], EXIT_ARGUMENTS, "--format does not go"),
        (["{csv}", "--engine", "spark", "--out", "{out}", "--from", "clif"], EXIT_ARGUMENTS, "--from does not go"),
        (["{bad}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "cannot be read as Parquet"),
        (["{wide}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "missing column: concept"),
        (["{ids}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "numbers with a fraction"),
        (["{good}", "{wide}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "missing column: concept"),
        (["{good}", "{words}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "differ in the type of a column"),
        (["{good}", "{_b}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "passes over files whose names begin"),
        (["file://{_b}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "passes over files whose names begin"),
        (["{good}", "{link}", "--engine", "spark", "--out", "{out}"], EXIT_INPUT, "named more than once"),
        (["{good}", "--engine", "spark", "--out", "{out}", "--fresh"], EXIT_ARGUMENTS, "--fresh does not go"),
        (["{good}", "--out", "{out}", "--master", "local[2]"], EXIT_ARGUMENTS, "--master does nothing without"),
        (["{good}", "--out", "{out}", "--buckets", "3"], EXIT_ARGUMENTS, "--buckets does nothing without"),
    ],
)
def test_what_cannot_be_graded_is_one_clear_message(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert spark is not None
    places = {name: tmp_path / f"{name}.parquet" for name in ("bad", "wide", "ids", "good", "words", "_b", "link")}
    places |= {"csv": tmp_path / "rows.csv", "out": tmp_path / "out"}
    places["csv"].write_text("patient,hours,concept\nA,0,death\n", encoding="utf-8")
    places["bad"].write_bytes(b"PAR1 cut off")
    row = {"patient": "A", "hours": 0.0, "concept": "body_temperature", "value": 39.0, "unit": "Cel"}
    pl.DataFrame([row]).drop("concept").write_parquet(places["wide"])
    pl.DataFrame([row | {"patient": 1.5}]).write_parquet(places["ids"])
    pl.DataFrame([row]).write_parquet(places["good"])
    pl.DataFrame([row]).write_parquet(places["_b"])
    pl.DataFrame([row | {"value": "39.0"}]).write_parquet(places["words"])
    places["link"].symlink_to(places["good"])
    assert run(["grade", *(part.format(**places) for part in arguments)]) == code
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert "at org.apache" not in told
    assert not (tmp_path / "out").exists()


def test_an_executor_with_other_software_is_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    from cytowatch.cluster import run as running

    monkeypatch.setattr(running, "software_version", lambda: "0.0.1")
    frame = spark.createDataFrame(
        [("A", 0.0, "death", "crs")], "patient string, hours double, concept string, text string"
    )
    with pytest.raises(InputError, match=r"An executor has cytowatch .*, the driver 0\.0\.1"):
        grade_spark(frame)


def test_arguments_are_checked_before_anything_runs(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("A", "x", "death")], "patient string, time string, concept string")
    for wrong in ({"scales": ["crs.nobody"]}, {"as_of": "2024-01-01T00:00"}, {"zone": "Mars/Olympus"}, {"buckets": 0}):
        with pytest.raises(ArgumentError):
            grade_spark(frame, **wrong)  # type: ignore[arg-type]


def plain(frame: pl.DataFrame) -> pa.Table:
    from cytowatch.cluster.frames import plain as as_arrow

    return as_arrow(frame)


AS_OF = "2025-03-01T00:00:00+00:00"
OVERLAY = """
[policy.episode_gap_hours]
value = 48
source = "board"
evidence = "primary"
locator = "item 3"
"""
BOARD = """
[source.board]
title = "Decisions of a board"
citation = "Minutes"
"""
