"""Parquet files that differ, on Spark: their own columns, folders that name columns, one clock, and no row lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

pytest.importorskip("pyspark")

from tests.cluster.test_spark import collected, in_order

from cytowatch.adapters.files import read_files
from cytowatch.cluster import grade_spark
from cytowatch.cluster.frames import observed
from cytowatch.cluster.parquet import _check_read, _File
from cytowatch.errors import InputError
from cytowatch.knowledge import load
from cytowatch.pipeline import grade_intake, outward

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INFUSION = "2026-03-01T00:00:00Z"
FEVER = "2026-03-02T00:00:00Z"


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fever, and a pressor that was entered in error; no file has the columns of another, most name some in folders.

    By its first file the run is on the clock `time`, though most cells are filled in `hours`.
    """
    folder = tmp_path_factory.mktemp("differing")
    infusion = {"time": INFUSION, "concept": "car_t_infusion", "text": "tisagenlecleucel", "unit": None, "value": None}
    pressor = {"Patient": "007", "time": FEVER, "concept": "norepinephrine", "value": 0.1, "unit": "ug/kg/min",
               "lln": 0.0}  # fmt: skip
    fever = {
        "patient": "007",
        "time": FEVER,
        "concept": "body_temperature",
        "value": 39.0,
        "range_low": 36.0,
        "_row": 5,
    }
    late = {"patient": "007", "hours": 20.0, "concept": "body_temperature", "value": 40.0, "unit": "Cel", "ward": 3}
    put(folder / "patient=007" / "a.parquet", [infusion])
    put(folder / "status=entered-in-error" / "b [1].parquet", [pressor])
    put(folder / "unit=Cel" / "c.parquet", [fever])
    put(folder / "z.parquet", [late] * 6)
    pl.DataFrame(schema={"patient": pl.Int64, "hours": pl.Int64, "concept": pl.String, "bed": pl.String}).write_parquet(
        folder / "empty.parquet"
    )
    put(folder / "graded of yesterday" / "timeline.parquet", [{"patient": "007"}])
    (folder / "graded of yesterday" / "run.json").write_text("{}", encoding="utf-8")
    return folder


def test_files_that_differ_are_graded_as_on_one_machine(spark: SparkSession, differing: Path) -> None:
    result = grade_spark(differing, scales=["crs.astct-2019"], buckets=1, spark=spark)
    timeline = collected(result, "timeline")
    # a fever alone is grade 1; the pressor would be 3, had its folder not been read
    assert timeline["patient"].unique().to_list() == ["007"]
    assert timeline["at_least"].max() == 1
    rejects = collected(result, "rejects")
    assert rejects["rule"].to_list() == ["mixed_clock"] * 6
    told = result.ledger.filter(pl.col("reason").str.contains("column")).select("file", "reason").rows()
    columns = {("z.parquet", "ward"), ("empty.parquet", "bed"), ("c.parquet", "_row of the file")}
    assert set(told) == {(file, f"column {column!r} is not read") for file, column in columns}
    alone = grade_intake(read_files(differing, load()), load(), ["crs.astct-2019"])
    assert timeline.equals(in_order(outward(alone.timeline, "time")))
    assert rejects.equals(in_order(alone.rejects))
    assert in_order(result.ledger).equals(in_order(alone.ledger))
    assert result.run["inputs"] == alone.run["inputs"]


def test_addresses_give_what_folders_name_as_text_and_go_by_the_first_file(spark: SparkSession, tmp_path: Path) -> None:
    row = {"concept": "body_temperature", "value": 39.0, "unit": "Cel"}
    put(tmp_path / "patient=007" / "status=final" / "a.parquet", [row | {"time": FEVER}])
    put(tmp_path / "patient=7" / "status=__HIVE_DEFAULT_PARTITION__" / "b.parquet", [row | {"hours": 1.0, "x": 1}] * 2)
    seen, patients = observed(spark, f"file://{tmp_path}")
    assert patients is None
    assert (seen.clock, seen.count, seen.next_row) == ("time", 3, 3)
    assert list(seen.files) == [("a.parquet", 0, 1), ("b.parquet", 1, 2)]
    rows = seen.rows.orderBy("_row").select("patient", "status", "hours").collect()
    assert [tuple(found) for found in rows] == [("007", "final", None), ("7", None, 1.0), ("7", None, 1.0)]
    assert set(seen.told) == {(name, "column 'x' is not read") for name in ("a.parquet", "b.parquet")}


def test_rows_that_spark_does_not_read_are_told() -> None:
    opened = [_File(f"{name}.parquet", f"/{name}.parquet", 90, {}, (), {}) for name in ("a", "b")]
    _check_read(opened, {"/a.parquet": 90, "/b.parquet": 90})
    with pytest.raises(InputError, match="Spark reads 0 of the 90 rows of a file"):
        _check_read(opened, {"/a.parquet": 90})
    with pytest.raises(InputError, match="not named"):
        _check_read(opened, {"/a.parquet": 90, "/b.parquet": 90, "/c.parquet": 1})
