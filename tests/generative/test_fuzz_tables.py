"""Damaged tables through the doors for files and for CLIF: an error of ours, or every row accounted for.

``pytest -m long tests/generative/test_fuzz_tables.py`` goes through 100,000 damaged rows of each door, and through
some thousands of files that are damaged as a whole.
"""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from tests.lib.mutate import mutated

from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.files import read_files
from cytowatch.adapters.intake import Intake
from cytowatch.errors import CytowatchError
from cytowatch.knowledge import load

KNOWLEDGE = load()
HEAD = b"patient,time,concept,value,unit,text,until,comparator,status\n"
ROWS = [
    b"A,2025-03-01T08:00:00Z,car_t_infusion,,,axicabtagene_ciloleucel,,,",
    b"A,2025-03-01T09:00:00Z,body_temperature,38.6,Cel,,,,",
    b"A,2025-03-01T09:00:00Z,systolic_bp,84,mm[Hg],,,,final",
    b"B,2025-03-01T10:00:00+01:00,norepinephrine,0.05,ug/kg/min,,2025-03-01T14:00:00Z,,",
    b"B,2025-03-01T11:00:00Z,oxygen_device,,,nasal_cannula,,,",
    b"B,2025-03-01T12:00:00Z,crp,\"1,5\",mg/L,,,>,preliminary",
]  # fmt: skip
CLIF = Path(__file__).parents[2] / "src" / "cytowatch" / "demo_data" / "clif"


def accounted(intake: Intake) -> None:
    """Every row that a door numbered stands once in the ledger, and every used one in the observations."""
    assert intake.ledger["rows"].sum() == sum(rows for _, _, rows in intake.files)
    used = intake.ledger.filter(pl.col("fate") == "used")["rows"].sum()
    assert intake.observations["row"].n_unique() <= used


def damaged_rows(seed: int, rows: int) -> bytes:
    """A table of damaged rows; an injury that breaks a line makes two rows of it, which is an injury, too."""
    chance = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    return HEAD + b"\n".join(mutated(chance.choice(ROWS), chance.randrange(2**40)) for _ in range(rows)) + b"\n"


def read_damaged(path: Path, data: bytes) -> bool:
    """Read a damaged file; False if it was refused as a whole, with a message."""
    path.write_bytes(data)
    try:
        accounted(read_files(path, KNOWLEDGE))
    except CytowatchError as error:
        said = error
    else:
        return True
    assert said.what
    assert said.hint
    return False


@pytest.mark.parametrize("seed", range(8))
def test_damaged_rows_are_accounted_for(seed: int, tmp_path: Path) -> None:
    read_damaged(tmp_path / "ward.csv", damaged_rows(seed, 100))


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_refused_or_accounted_for(seed: int, tmp_path: Path) -> None:
    read_damaged(tmp_path / "ward.csv", mutated(HEAD + b"\n".join(ROWS) + b"\n", seed))


@pytest.mark.long
def test_a_hundred_thousand_damaged_rows(tmp_path: Path) -> None:
    read = [read_damaged(tmp_path / "ward.csv", damaged_rows(seed, 100)) for seed in range(1_000)]
    # a NUL or a lone quote may spoil a file as a whole; most of them must still be read
    assert sum(read) > 500


@pytest.mark.long
def test_thousands_of_damaged_files(tmp_path: Path) -> None:
    whole = HEAD + b"\n".join(ROWS * 5) + b"\n"
    parquet = tmp_path / "sound.parquet"
    pl.read_csv(whole, infer_schema=False).write_parquet(parquet)
    for seed in range(2_000):
        read_damaged(tmp_path / "ward.csv", mutated(whole, seed, most=12))
        read_damaged(tmp_path / "ward.parquet", mutated(parquet.read_bytes(), seed, most=6))


@pytest.mark.long
def test_a_hundred_thousand_damaged_clif_rows(tmp_path: Path) -> None:
    """CLIF as CSV: the lines of every table are damaged, a table at a time."""
    tables = {path.stem: pl.read_parquet(path) for path in sorted(CLIF.glob("clif_*.parquet"))}
    lines = {name: frame.head(200).write_csv().encode().splitlines() for name, frame in tables.items()}
    done, refused = 0, list[str]()
    for seed in range(100_000):
        if done >= 100_000:
            break
        chance = random.Random(seed)  # noqa: S311  (repeatable, not secret)
        hurt = chance.choice(sorted(lines))
        for name, (head, *rows) in lines.items():
            kept = [mutated(row, chance.randrange(2**40)) for row in rows] if name == hurt else rows
            done += len(rows) if name == hurt else 0
            (tmp_path / f"{name}.csv").write_bytes(b"\n".join([head, *kept]) + b"\n")
        try:
            accounted(read_clif(tmp_path, KNOWLEDGE))
        except CytowatchError as error:
            refused.append(error.what)
    assert all(refused)
