"""Damaged OMOP sources: no exception but our own, bounded time, and every row in one place."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import zipfile
from pathlib import Path

import polars as pl
import pytest
from tests.lib import omop
from tests.lib.mutate import mutated

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.adapters.omop.availability import availability
from cytowatch.errors import CytowatchError
from cytowatch.knowledge import load

KNOWLEDGE = load()
TABLES = ("person", "death", "measurement", "observation", "drug_exposure", "device_exposure", "procedure_occurrence",
          "condition_occurrence", "concept", "concept_ancestor", "concept_relationship")  # fmt: skip
# cells that exports, people and other systems write
CELLS = (
    "", "0", "1", "-1", "NaN", "inf", "-inf", "1e999", "abc", "null", "NULL", "8840.0", "2000000001",
    "99999999999999999999", "4172704", "4171756", "4172705", "<0.1", "> 1500", "1,5", "1.234,5", "0001-01-01",
    "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-03-01", "2026-03", "2026-02-30 10:00:00", "2026-03-01T10:00",
    "2026-03-01 24:00:00", "2026-03-01 25:61:61", "10:00", "2026-03-01 10:00:00+02", "2026-03-29 02:30:00",
    "2026-10-25 02:30:00", "1321341", "40171288", "792844", "3020891", "3004249", "4036936", "4177224", "2094000001",
    "2094000454", "2094000413", "586323", "9289", "8876", "mg", "mcg/kg/min", "mL", "mmHg", "µg", "Bipap mask ",
    "Nasal cannula", "8310-5", "acetaminophen topical cream", "\u202e\U0001f9ea", "x" * 3000,
    "'; DROP TABLE person; --", "32838", "32818", "8507", "1960", "13", "31", "D", "Maps to", "RxNorm has ing",
    "levo gtt", "VENTILATOR", "NEBULIZED", "45956874", "2026-03-02 00:00:00",
)  # fmt: skip


def rows(table: str, count: int, chance: random.Random) -> list[dict[str, str]]:
    """Usual rows of a table, one to four cells of each replaced by something strange."""
    made = omop.filled(table, [{}] * count)
    for row in made:
        for name in chance.sample(list(row), min(len(row), chance.randint(1, 4))):
            row[name] = chance.choice(CELLS)
    return made


def check(folder: Path, *, complete: bool) -> int:
    """Read a source; each of its rows is counted once. Gives back how many were read."""
    with contextlib.nullcontext() if complete else contextlib.suppress(CytowatchError):
        return counted(read_omop(str(folder), KNOWLEDGE, zone="Europe/Berlin"))
    return 0


def counted(intake: Intake) -> int:
    """Every row of an intake is in one place; how many there are."""
    told = dict(intake.ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    assert set(intake.ledger["fate"]) <= {"used", "superseded", "ignored", "rejected"}
    numbers = {name: count for name, _, count in intake.files}
    assert {name: count for name, count in told.items() if count} == {
        name: count for name, count in numbers.items() if count
    }
    rejected = intake.ledger.filter(pl.col("fate") == "rejected")["rows"].sum()
    assert intake.rejects.height >= rejected
    assert intake.rejects["rule"].null_count() == 0
    assert set(intake.observations["concept"]) <= set(KNOWLEDGE.concepts)
    assert availability(intake)["share"].is_between(0, 1).all()
    return int(sum(told.values()))


def batch(folder: Path, seed: int, each: int) -> int:
    chance = random.Random(seed)  # noqa: S311  (damage, not secrets)
    omop.write(folder, {table: rows(table, each, chance) for table in TABLES})
    return check(folder, complete=True)


def whole_files(folder: Path, seed: int, *, zipped: bool) -> int:
    """A small source of which one file, or the archive, is injured byte by byte."""
    chance = random.Random(seed)  # noqa: S311  (damage, not secrets)
    omop.write(folder, {table: [{}] * 3 for table in TABLES})
    if not zipped:
        victim = folder / f"{chance.choice(TABLES)}.csv"
        victim.write_bytes(mutated(victim.read_bytes(), seed))
        return check(folder, complete=False)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
        for path in sorted(folder.glob("*.csv")):
            archive.write(path, path.name)
            path.unlink()
    target = folder / "cdm.zip"
    target.write_bytes(mutated(held.getvalue(), seed))
    return check(target, complete=False)


@pytest.mark.parametrize("seed", range(2))
def test_strange_cells_in_every_table(tmp_path: Path, seed: int) -> None:
    assert batch(tmp_path, seed, 150) == 150 * len(TABLES)


@pytest.mark.parametrize("seed", range(24))
def test_injured_files(tmp_path: Path, seed: int) -> None:
    whole_files(tmp_path, seed, zipped=seed % 2 == 1)


@pytest.mark.long
def test_a_hundred_thousand_strange_rows(tmp_path: Path) -> None:
    read = sum(batch(tmp_path / str(seed), seed, 500) for seed in range(100, 119))
    assert read >= 100_000
    print(f"{read} rows")


@pytest.mark.long
def test_thousands_of_injured_files(tmp_path: Path) -> None:
    fine = sum(whole_files(tmp_path / str(seed), seed, zipped=seed % 2 == 1) > 0 for seed in range(1000, 4000))
    print(f"3000 injured sources, {fine} read all the same")
    assert fine > 300


def test_the_cells_hold_what_breaks_csv(tmp_path: Path) -> None:
    """A quoted cell with line breaks, commas and quotes is one cell of one row."""
    row = {"measurement_source_value": 'a "strange",\nname', "measurement_concept_id": "0"}
    omop.write(tmp_path, {"measurement": [row, {}]})
    text = (tmp_path / "measurement.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(io.StringIO(text)))) == 3 < text.count("\n")
    assert check(tmp_path, complete=True) == 2
