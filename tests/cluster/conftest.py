"""One Spark session for all tests of this folder, and dirty patients to grade on it; skipped without Java or Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from tests.generative.random_patients import random_patients

from cytowatch.adapters.files import read_files
from cytowatch.cluster.session import check_java, check_spark, own_session
from cytowatch.errors import ArgumentError
from cytowatch.knowledge import load
from cytowatch.pipeline import Outcome, grade_intake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PATIENTS = 120
SCALES = ("crs.astct-2019", "crs.lee-2014", "icans.astct-2019")
# rows are few here: compiling code for each query would cost more than it saves
LIGHT = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
# rows that admission refuses, each for another reason, and one that names nobody
REFUSED = [
    {"patient": "r3-000001", "concept": "no_such_concept", "value": 1.0, "unit": "mg/dL"},
    {"patient": "r3-000002", "concept": "body_temperature", "value": 381.0, "unit": "Cel"},
    {"patient": "r3-000003", "concept": "crp", "value": 5.0, "unit": "furlong"},
    {"patient": "r3-000004", "concept": "norepinephrine", "value": -1.0, "unit": "ug/kg/min"},
    {"patient": None, "concept": "body_temperature", "value": 39.0, "unit": "Cel"},
    {"patient": "nobody else", "concept": "oxygen_device", "text": "snorkel"},
]
# what people said, so that there is something to compare
REPORTED = [
    {"patient": f"r3-{number:06d}", "concept": "reported_grade", "value": float(number % 4), "text": SCALES[0]}
    for number in range(0, PATIENTS, 20)
]


@dataclass(frozen=True)
class Ward:
    """Two Parquet files over which the rows of each patient are spread, their patients, and one machine's result."""

    files: list[Path]
    patients: Path
    raw: pl.DataFrame
    graded: Outcome


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session with two workers that tries a task up to four times."""
    try:
        check_spark()
        check_java()
    except ArgumentError as missing:
        pytest.skip(str(missing).splitlines()[0])
    # a session of a minute is over before the best code is compiled
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        session = own_session("local[2,4]", memory="1g")
    for key, value in LIGHT.items():
        session.conf.set(key, value)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """Random patients with rows that are refused, in no order, graded once on one machine."""
    folder = tmp_path_factory.mktemp("ward")
    admitted, people = random_patients(PATIENTS, 3)
    times = [pl.col(name).cast(pl.Datetime("us", "UTC")) for name in ("time", "until", "available")]
    raw = admitted.drop("row", "range_low", "range_high").with_columns(times)
    noon = raw["time"].drop_nulls().min()
    added = pl.DataFrame([*REFUSED, *REPORTED]).with_columns(pl.lit(noon).alias("time"))
    raw = pl.concat([raw, added], how="diagonal_relaxed").sample(fraction=1.0, shuffle=True, seed=8)
    half = raw.height // 3
    files = [folder / "a night.parquet", folder / "b.parquet"]
    # the second file brings a column that nothing reads; some rows of the first name no source
    unnamed = pl.when(pl.int_range(pl.len()) % 17 != 0).then(pl.col("source")).alias("source")
    first = raw.slice(0, half).with_columns(unnamed)
    second = raw.slice(half)
    first.write_parquet(files[0])
    second.with_columns(pl.lit("3 North").alias("ward")).write_parquet(files[1], row_group_size=500)
    listed = people.drop("declined_guidelines", "birth_date").with_columns(pl.col("age_years").cast(pl.String))
    broken = {"patient": "r3-000005", "age_years": "old"}
    listed = pl.concat([listed, pl.DataFrame([broken, {"patient": "only listed", "age_years": "60"}])],
                       how="diagonal_relaxed")  # fmt: skip
    listed.write_csv(folder / "people.csv")
    intake = read_files(files, load(), patients=folder / "people.csv")
    return Ward(files, folder / "people.csv", pl.concat([first, second]), grade_intake(intake, load(), list(SCALES)))
