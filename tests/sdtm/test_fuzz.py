"""Damaged studies: nothing but an error of ours, and every row of what is read in the ledger."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from tests.lib.mutate import mutated
from tests.sdtm.small import adds_up, read, study, write

from cytowatch.errors import CytowatchError


def as_xpt(frame: pl.DataFrame, name: str, path: Path) -> None:
    pyreadstat.write_xport(frame.fill_null(""), str(path), file_format_version=5, table_name=name.upper())


def as_ndjson(frame: pl.DataFrame, name: str, path: Path) -> None:
    head = {"datasetJSONVersion": "1.1.0", "name": name.upper(), "columns": [{"name": one} for one in frame.columns]}
    path.write_text("\n".join(map(json.dumps, [head, *map(list, frame.rows())])) + "\n")


def as_json(frame: pl.DataFrame, name: str, path: Path) -> None:
    columns = [{"name": one} for one in frame.columns]
    path.write_text(json.dumps({"name": name.upper(), "columns": columns, "rows": [list(row) for row in frame.rows()]}))


def as_csv(frame: pl.DataFrame, _name: str, path: Path) -> None:
    frame.write_csv(path)


Writer = Callable[[pl.DataFrame, str, Path], None]
FORMS: dict[str, Writer] = {"xpt": as_xpt, "ndjson": as_ndjson, "json": as_json, "csv": as_csv}


def originals(folder: Path, form: str, patients: int) -> dict[str, bytes]:
    """The files of a small study in one form."""
    plain = write(folder / "plain", **study(patients, seed=1))
    made = folder / "made"
    made.mkdir()
    for path in plain.iterdir():
        FORMS[form](pl.read_csv(path, infer_schema=False), path.stem, made / f"{path.stem}.{form}")
    return {path.name: path.read_bytes() for path in sorted(made.iterdir())}


def flipped(data: bytes, seed: int) -> bytes:
    """Bytes changed in place, and now and then whole records cut out: the length stays a multiple of 80."""
    chance = random.Random(seed)  # noqa: S311  (injuries, not secrets)
    hurt = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        hurt[chance.randrange(len(hurt))] = chance.choice([0, 32, 255, chance.randrange(256)])
    if chance.random() < 0.3:
        at = chance.randrange(len(hurt) // 80) * 80
        return bytes(hurt[:at] + (hurt[at + 80 :] if chance.random() < 0.5 else b""))
    return bytes(hurt)


def survives(folder: Path) -> tuple[int, int]:
    """How many rows were read, and whether the study was refused; AssertionError if a row is lost."""
    try:
        intake = read(folder)
    except CytowatchError:
        return 0, 1
    assert adds_up(intake)
    return sum(rows for _, _, rows in intake.files), 0


def damage_files(folder: Path, form: str, rounds: int, hurt: Callable[[bytes, int], bytes]) -> tuple[int, int]:
    """One damaged file a round, beside whole ones; rows read and studies refused."""
    files = originals(folder, form, 2)
    work = folder / "work"
    work.mkdir()
    read_rows = refused = 0
    for seed in range(rounds):
        for number, (name, data) in enumerate(files.items()):
            (work / name).write_bytes(hurt(data, seed) if number == seed % len(files) else data)
        rows, no = survives(work)
        read_rows, refused = read_rows + rows, refused + no
    return read_rows, refused


def damage_rows(folder: Path, patients: int, rounds: int) -> tuple[int, int]:
    """Every row of every domain with one to three damaged cells; rows read and studies refused."""
    plain = write(folder / "plain", **study(patients, seed=2))
    frames = {path.name: pl.read_csv(path, infer_schema=False) for path in sorted(plain.iterdir())}
    work = folder / "work"
    work.mkdir()
    read_rows = refused = 0
    for seed in range(rounds):
        chance = random.Random(seed)  # noqa: S311  (injuries, not secrets)
        for name, frame in frames.items():
            rows = [_hurt_cells(list(row), chance) for row in frame.rows()]
            made = pl.DataFrame(rows, schema=dict.fromkeys(frame.columns, pl.String), orient="row")
            made.write_csv(work / name)
        rows_read, no = survives(work)
        read_rows, refused = read_rows + rows_read, refused + no
    return read_rows, refused


def _hurt_cells(row: list[str | None], chance: random.Random) -> list[str | None]:
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(row))
        hurt = mutated((row[place] or "").encode(), chance.randrange(10**9), most=2)
        row[place] = hurt.decode("utf-8", "replace")[:300].replace("\0", "")
    return row


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_told(tmp_path: Path, form: str) -> None:
    _, refused = damage_files(tmp_path, form, 12 if form == "csv" else 5, mutated)
    assert refused


def test_damaged_bytes_of_a_transport_file(tmp_path: Path) -> None:
    read_rows, refused = damage_files(tmp_path, "xpt", 8, flipped)
    assert read_rows
    assert refused


def test_damaged_cells_lose_no_row(tmp_path: Path) -> None:
    read_rows, _ = damage_rows(tmp_path, 15, 1)
    assert read_rows > 300


@pytest.mark.long
@pytest.mark.parametrize(("form", "rounds"), [("xpt", 1500), ("ndjson", 800), ("json", 800), ("csv", 1000)])
def test_thousands_of_damaged_files(tmp_path: Path, form: str, rounds: int) -> None:
    print(form, rounds, damage_files(tmp_path, form, rounds, mutated))


@pytest.mark.long
def test_thousands_of_damaged_transport_files(tmp_path: Path) -> None:
    print("flipped", damage_files(tmp_path, "xpt", 1000, flipped))


@pytest.mark.long
def test_a_hundred_thousand_damaged_rows(tmp_path: Path) -> None:
    read_rows, refused = damage_rows(tmp_path, 120, 37)
    print("rows", read_rows, "refused studies", refused)
    assert read_rows > 100_000
