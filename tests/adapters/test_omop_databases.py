"""The same tables in CSV, Parquet, a zip, a DuckDB file and a PostgreSQL server: the same rows, the same ledger."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.lib import omop
from tests.lib.postgres import server

from cytowatch import cli
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.adapters.omop.postgres import without_password
from cytowatch.errors import InputError
from cytowatch.knowledge import load

duckdb = pytest.importorskip("duckdb")
psycopg = pytest.importorskip("psycopg")
KNOWLEDGE = load()
ZONE = "America/New_York"
NEEDED = (
    "person", "death", "measurement", "observation", "drug_exposure", "device_exposure", "procedure_occurrence",
    "condition_occurrence", "concept", "concept_relationship", "concept_ancestor", "cdm_source", "visit_detail",
)  # fmt: skip
STEPS = ["Tradename of", "Quantified form of", "Box of", "Form of", "Consists of", "Contains", "RxNorm has ing"]
# what the model calls the type of a column, by how its name ends
_TYPES = (("_concept_id", "bigint"), ("concept_id_1", "bigint"), ("concept_id_2", "bigint"), ("_datetime", "timestamp"),
          ("_date", "date"), ("value_as_number", "double precision"), ("range_low", "double precision"),
          ("range_high", "double precision"), ("quantity", "double precision"),
          ("domain_id", "text"), ("vocabulary_id", "text"), ("class_id", "text"), ("relationship_id", "text"),
          ("unique_device_id", "text"), ("production_id", "text"), ("_id", "bigint"),
          ("_of_birth", "integer"))  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Synthea set as a folder of CSV, or a small one where the shared data are not."""
    target = tmp_path_factory.mktemp("omop")
    if omop.SYNTHEA.is_file():
        with zipfile.ZipFile(omop.SYNTHEA) as archive:
            for name in archive.namelist():
                if name.lower().removesuffix(".csv") in NEEDED:
                    archive.extract(name, target)
        related = next(target.glob("CONCEPT_RELATIONSHIP*"))
        # the steps to ingredients; what maps to what would take most of the time
        pl.read_csv(related, infer_schema=False).filter(pl.col("relationship_id").is_in(STEPS)).write_csv(related)
    else:
        omop.write(target, {"person": [{}], "measurement": [{}, {"value_as_number": ""}], "drug_exposure": [{}]})
    return target


@pytest.fixture(scope="module")
def by_csv(folder: Path) -> Intake:
    return read_omop(str(folder), KNOWLEDGE, zone=ZONE)


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[str]:
    """A server that holds the tables, typed as the model types them, in a schema of their own."""
    with server() as address:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA cdm")
            for path in sorted(folder.glob("*.csv")):
                names = path.read_text(encoding="utf-8").partition("\n")[0].strip().lower().split(",")
                columns = ", ".join(f"{name} {kind(name)}" for name in names)
                table = f"cdm.{path.stem.lower()}"
                connection.execute(f"CREATE TABLE {table} ({columns})")
                with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv, HEADER)") as copy:
                    copy.write(path.read_bytes())
        yield address


def kind(name: str) -> str:
    return next((kind for end, kind in _TYPES if name.endswith(end)), "text")


def same(one: Intake, other: Intake) -> None:
    """Every row, person, reject, count and doubt is the same."""
    for name in ("observations", "patients", "rejects", "ledger", "in_doubt", "units"):
        assert_frame_equal(getattr(one, name), getattr(other, name))
    assert one.not_recorded == other.not_recorded


def test_postgresql_gives_the_same_rows_as_the_csv(database: str, by_csv: Intake) -> None:
    assert by_csv.observations.height > 0
    same(read_omop(f"{database}?schema=cdm", KNOWLEDGE, zone=ZONE), by_csv)


def test_the_command_reads_postgresql_and_never_shows_the_password(
    database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "graded"
    # the only schema with a table of persons need not be named
    assert cli.run(["grade", database, "--from", "omop", "--zone", ZONE, "--out", str(out)]) == 0
    wrong = database.replace("not-to-be-shown", "hidden-secret")
    assert cli.run(["grade", wrong, "--from", "omop", "--zone", ZONE]) == 2
    assert cli.run(["grade", f"{database}?schema=elsewhere", "--from", "omop", "--zone", ZONE]) == 2
    shown = capfd.readouterr()
    written = "".join(path.read_text(encoding="utf-8") for path in out.glob("*.json"))
    for text in (shown.out, shown.err, written):
        assert "not-to-be-shown" not in text
        assert "hidden-secret" not in text
    assert "password authentication failed" in shown.err


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as found:
        read_omop(f"postgresql://me:{'s3cret'}@/none?host={tmp_path}", KNOWLEDGE, zone=ZONE)
    assert "s3cret" not in str(found.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://a:pass@host/db", "postgresql://a@host/db"),
        ("postgresql://a:p@ss:w@host/db?schema=x", "postgresql://a@host/db?schema=x"),
        ("postgresql://host/db?user=a&password=pass&x=1", "postgresql://host/db?user=a&password=***&x=1"),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_a_duckdb_file_gives_the_same_rows_as_the_csv(folder: Path, by_csv: Intake, tmp_path: Path) -> None:
    file = tmp_path / "cdm.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA omop")
        for path in sorted(folder.glob("*.csv")):
            connection.execute(f"CREATE TABLE omop.{path.stem} AS FROM read_csv('{path}', sample_size=-1)")
    same(read_omop(f"{file}#OMOP", KNOWLEDGE, zone=ZONE), by_csv)
    with pytest.raises(InputError, match="no table"):
        read_omop(f"{file}#main", KNOWLEDGE, zone=ZONE)


def test_two_schemas_are_not_guessed_between(tmp_path: Path) -> None:
    file = tmp_path / "pair.duckdb"
    with duckdb.connect(str(file)) as connection:
        for schema in ("one", "two"):
            connection.execute(f"CREATE SCHEMA {schema}")
            connection.execute(f"CREATE TABLE {schema}.person (person_id INTEGER)")
    with pytest.raises(InputError, match="one, two"):
        read_omop(str(file), KNOWLEDGE, zone=ZONE)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"nothing of the kind" * 500)
    with pytest.raises(InputError, match="cannot be read"):
        read_omop(str(broken), KNOWLEDGE, zone=ZONE)
    with pytest.raises(InputError, match="no such file"):
        read_omop(str(tmp_path / "absent.duckdb"), KNOWLEDGE, zone=ZONE)


def test_parquet_parts_and_capitals_give_the_same_rows(folder: Path, by_csv: Intake, tmp_path: Path) -> None:
    """Typed Parquet, one table in parts in a folder of its name, another compressed; names as they are capitalized."""
    for path in sorted(folder.glob("*.csv")):
        table = path.stem.lower()
        if table == "measurement":
            typed = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
            (tmp_path / "Measurement").mkdir()
            half = typed.height // 2
            typed[half:].write_parquet(tmp_path / "Measurement" / "part-0.parquet")
            typed[:half].write_parquet(tmp_path / "Measurement" / "part-1.parquet")
        else:
            shutil.copy(path, tmp_path / f"{table}.CSV")
    same(read_omop(str(tmp_path), KNOWLEDGE, zone=ZONE), by_csv)
