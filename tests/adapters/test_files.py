"""Files as they come: formats, folders, broken lines, and files that cannot be read at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cytowatch.adapters import Intake, csvfile, read_files, tables
from cytowatch.errors import InputError
from cytowatch.knowledge import load

KNOWLEDGE = load()
HEADER = "patient,time,concept,value,unit,text\n"
ROW = "P{n},2024-03-01T10:00:00Z,body_temperature,38.5,Cel,\n"


def lines(count: int, start: int = 0) -> str:
    return "".join(ROW.format(n=place) for place in range(start, start + count))


def write(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fates(intake: Intake) -> dict[tuple[str, str], int]:
    return {(fate, reason): rows for _, fate, reason, rows in intake.ledger.iter_rows()}


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("Cel,", '"Cel",').encode(),
        lambda text: text.replace("\n", "\n\n").encode(),
        lambda text: ("\n" + text).encode(),
        lambda text: text.replace("patient", "Patient ").encode(),
    ],
)
def test_dialects_say_the_same(tmp_path: Path, change: Callable[[str], bytes]) -> None:
    plain = read_files(write(tmp_path, HEADER + lines(3), "plain.csv"), KNOWLEDGE)
    other = read_files([write(tmp_path, change(HEADER + lines(3)), "other.csv")], KNOWLEDGE)
    assert other.rejects.is_empty()
    assert other.observations.drop("source").equals(plain.observations.drop("source"))


def test_typed_and_compressed_files_say_the_same(tmp_path: Path) -> None:
    plain = read_files(write(tmp_path, HEADER + lines(3)), KNOWLEDGE)
    frame = pl.read_csv(tmp_path / "rows.csv", try_parse_dates=True)
    frame.write_parquet(tmp_path / "rows.parquet")
    frame.write_ipc(tmp_path / "rows.arrow")
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress((HEADER + lines(3)).encode()))
    for name in ("rows.parquet", "rows.arrow", "rows.csv.gz"):
        found = read_files(tmp_path / name, KNOWLEDGE)
        assert found.observations.drop("source").equals(plain.observations.drop("source"))
    assert plain.observations["source"].to_list() == ["rows.csv:2", "rows.csv:3", "rows.csv:4"]


def test_a_folder_with_its_patients(tmp_path: Path) -> None:
    write(tmp_path, HEADER + lines(2), "a.csv")
    write(tmp_path, HEADER + lines(2, 2), "b.csv")
    write(tmp_path, "patient,age_years\nP0,61\n", "patients.csv")
    write(tmp_path, "not a table", "notes.md")
    found = read_files(tmp_path, KNOWLEDGE)
    assert found.observations["patient"].to_list() == ["P0", "P1", "P2", "P3"]
    assert found.observations["row"].to_list() == [0, 1, 2, 3]
    assert found.observations["source"].to_list() == ["a.csv:2", "a.csv:3", "b.csv:2", "b.csv:3"]
    assert found.patients["age_years"].to_list() == [61.0]
    assert found.files == (("a.csv", 0, 2), ("b.csv", 2, 2))


def test_split_over_files_is_the_whole(tmp_path: Path) -> None:
    whole = read_files(write(tmp_path, HEADER + lines(6)), KNOWLEDGE).observations
    parts = [write(tmp_path, HEADER + lines(3, start), f"part{start}.csv") for start in (0, 3)]
    assert read_files(parts, KNOWLEDGE).observations.drop("source").equals(whole.drop("source"))


def test_small_blocks_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEADER + lines(20) + 'P,"broken\n' + lines(20, 20)
    path = write(tmp_path, text)
    whole = read_files(path, KNOWLEDGE)
    monkeypatch.setattr(csvfile, "BLOCK_BYTES", 100)
    seen: list[float] = []
    small = read_files(path, KNOWLEDGE, progress=lambda _, part: seen.append(part))
    assert small.observations.drop("row").equals(whole.observations.drop("row"))
    assert small.rejects.drop("row").equals(whole.rejects.drop("row"))
    assert small.ledger.sort("fate").equals(whole.ledger.sort("fate"))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_row_groups_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, HEADER + lines(25))
    pl.read_csv(tmp_path / "rows.csv", infer_schema=False).write_parquet(tmp_path / "rows.parquet")
    whole = read_files(tmp_path / "rows.parquet", KNOWLEDGE)
    monkeypatch.setattr(tables, "BLOCK_ROWS", 10)
    small = read_files(tmp_path / "rows.parquet", KNOWLEDGE)
    assert small.observations.equals(whole.observations)
    assert small.observations["source"].to_list()[-1] == "rows.parquet:25"


def test_one_zone_for_all(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + lines(2).replace("Z,", ","))
    bare = read_files(path, KNOWLEDGE)
    assert bare.rejects["rule"].to_list() == ["no_time_zone"] * 2
    assert "--zone" in bare.rejects["hint"][0]
    placed = read_files(path, KNOWLEDGE, zone="Europe/Berlin")
    assert (len(placed.observations), placed.zone) == (2, "Europe/Berlin")


def test_the_clock_of_the_first_file_holds(tmp_path: Path) -> None:
    first = write(tmp_path, HEADER + lines(2), "a.csv")
    second = write(tmp_path, "patient,hours,concept,value,unit\nP,1,spo2,97,%\n", "b.csv")
    found = read_files([first, second], KNOWLEDGE)
    assert found.clock == "time"
    assert found.rejects["rule"].to_list() == ["mixed_clock"]


# ---------------------------------------------------------------- broken lines


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("P9,2024-03-01T10:00:00Z,body_temperature,38,5,Cel,", "7 fields"),
        ("P9,2024-03-01T10:00:00Z,body_temp", "3 fields"),
        ('P9,2024-03-01T10:00:00Z,symptom,,,"headache', "opened and not closed"),
        ('P9,2024-03-01T10:00:00Z,symptom,,,5"" pipe', "in the middle of a cell"),
        ("\x00\x01\x02", "1 fields"),
    ],
)
@pytest.mark.parametrize("place", [0, 500, 1000])
def test_only_the_broken_line_is_lost(tmp_path: Path, broken: str, says: str, place: int) -> None:
    text = HEADER + lines(place) + broken + "\n" + lines(1000 - place, place)
    if "\x00" in broken and place == 0:
        text = text.replace(broken, "?")
    found = read_files(write(tmp_path, text), KNOWLEDGE)
    assert found.observations["patient"].to_list() == [f"P{n}" for n in range(1000)]
    assert found.observations["source"].to_list()[-1] == "rows.csv:1002" if place < 1000 else True
    (reject,) = found.rejects.to_dicts()
    assert (reject["rule"], reject["source"]) == ("broken_line", f"rows.csv:{place + 2}")
    assert says in reject["reason"]
    assert fates(found) == {("used", ""): 1000, ("rejected", "broken_line"): 1}
    assert found.observations["row"].n_unique() == 1000


def test_a_field_too_many_beside_one_too_few(tmp_path: Path) -> None:
    text = HEADER + lines(2) + "P,a,b,c,d,e,f\n" + "P,a,b,c,d\n" + lines(2, 2)
    found = read_files(write(tmp_path, text), KNOWLEDGE)
    assert len(found.observations) == 4
    assert found.rejects["source"].to_list() == ["rows.csv:4", "rows.csv:5"]


def test_two_stray_quotes_do_not_swallow_what_is_between(tmp_path: Path) -> None:
    stray = 'P,2024-03-01T10:00:00Z,symptom,,,"ache\n'
    found = read_files(write(tmp_path, HEADER + stray + lines(3) + stray + lines(1, 3)), KNOWLEDGE)
    assert len(found.observations) == 4
    assert found.rejects["source"].to_list() == ["rows.csv:2", "rows.csv:6"]


def test_a_cell_with_line_breaks_and_quotes(tmp_path: Path) -> None:
    cell = '"tired,\nsays ""cold""\nand weak"'
    text = HEADER + lines(1) + f"P8,2024-03-01T10:00:00Z,symptom,,,{cell}\n" + lines(1, 1)
    found = read_files(write(tmp_path, text), KNOWLEDGE)
    assert found.rejects.is_empty()
    assert found.observations["text"].to_list()[1] == 'tired,\nsays "cold"\nand weak'
    assert found.observations["source"].to_list() == ["rows.csv:2", "rows.csv:3", "rows.csv:6"]


def test_a_decimal_comma_in_quotes(tmp_path: Path) -> None:
    text = HEADER + lines(1).replace("38.5", '"38,5"')
    assert read_files(write(tmp_path, text), KNOWLEDGE).observations["value"].to_list() == [38.5]


def test_one_line_that_is_not_utf8(tmp_path: Path) -> None:
    bad = "P9,2024-03-01T10:00:00Z,bilirubin,20,µmol/L,\n".encode("latin-1")
    good = "P8,2024-03-01T10:00:00Z,bilirubin,20,µmol/L,\n".encode()
    found = read_files(write(tmp_path, HEADER.encode() + good + bad + lines(2).encode()), KNOWLEDGE)
    assert len(found.observations) == 3
    assert found.rejects.select("rule", "source").rows() == [("not_utf8", "rows.csv:3")]


# ---------------------------------------------------------------- files that cannot be read at all


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.csv", b"", "empty"),
        ("rows.csv", b"\n\n", "empty"),
        ("rows.csv", HEADER.encode(), "no rows"),
        ("rows.csv", HEADER.encode() + b"\n \n", "no rows"),
        ("rows.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("rows.csv.gz", gzip.compress((HEADER + lines(999)).encode(), mtime=0)[:-30], "cannot be read"),
        ("rows.csv.gz", b"not gzip at all", "cannot be read"),
        ("rows.csv", (HEADER + lines(2)).encode("utf-16"), "not UTF-8"),
        ("rows.csv", HEADER.encode() + b"P,2024-03-01T10:00:00Z,bilirubin,20,\xb5mol/L,\n" * 3, "not UTF-8"),
        ("rows.csv", b"pati\xebnt,time,concept\n1,2,3\n", "not UTF-8"),
        ("rows.csv", b"PK\x03\x04 workbook", "spreadsheet"),
        ("rows.csv", b"patient,concept,value\nP,spo2,97\n", "time or hours"),
        ("rows.csv", b"time,concept,value\n2024-03-01T10:00:00Z,spo2,97\n", "patient"),
        ("rows.csv", b"patient,patient,time,concept\nP,P,2024-03-01T10:00:00Z,death\n", "more than once"),
        ("rows.parquet", b"", "empty"),
        ("rows.parquet", b"PAR1 cut off", "Parquet"),
        ("rows.arrow", b"ARROW1 cut off", "Arrow"),
        ("rows.xlsx", b"x", "not read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_files(write(tmp_path, content, name), KNOWLEDGE)
    assert name in caught.value.where
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_parquet(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path, HEADER + lines(3000))
    pl.read_csv(path, infer_schema=False).write_parquet(tmp_path / "rows.parquet")
    whole = (tmp_path / "rows.parquet").read_bytes()
    cut = write(tmp_path, whole[: int(len(whole) * keep)], "cut.parquet")
    with pytest.raises(InputError, match="Parquet") as caught:
        read_files(cut, KNOWLEDGE)
    assert "cut off" in caught.value.why


def test_a_parquet_with_columns_and_no_rows(tmp_path: Path) -> None:
    pl.DataFrame(schema={"patient": pl.String, "time": pl.String, "concept": pl.String}).write_parquet(
        tmp_path / "rows.parquet"
    )
    with pytest.raises(InputError, match="no rows"):
        read_files(tmp_path / "rows.parquet", KNOWLEDGE)


def test_an_empty_part_beside_others_is_told(tmp_path: Path) -> None:
    paths = [write(tmp_path, HEADER, "a.csv"), write(tmp_path, HEADER + lines(1), "b.csv")]
    found = read_files(paths, KNOWLEDGE)
    assert found.ledger.rows() == [("a.csv", "ignored", "no rows", 0), ("b.csv", "used", "", 1)]


def test_a_folder_without_tables_and_no_folder_at_all(tmp_path: Path) -> None:
    write(tmp_path, "x", "notes.md")
    with pytest.raises(InputError, match="no table"):
        read_files(tmp_path, KNOWLEDGE)
    with pytest.raises(InputError, match="no such file"):
        read_files(tmp_path / "missing.csv", KNOWLEDGE)


def test_two_tables_of_patients(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "patient\nP0\n", "patients.csv")
        write(tmp_path / name, HEADER + lines(1), "rows.csv")
    with pytest.raises(InputError, match="more than one table of patients"):
        read_files(tmp_path, KNOWLEDGE)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, HEADER + lines(1), "rows.csv")
    assert read_files(tmp_path, KNOWLEDGE).observations["source"].n_unique() == 2


def test_a_column_that_is_there_three_times_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "thrice.csv"
    path.write_text("patient,time,concept,value,value,value\na,2024-03-01T10:00Z,heart_rate,80,81,82\n")
    with pytest.raises(InputError, match="more than once"):
        read_files([path], load())


def test_a_block_of_which_no_line_is_left(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(b"patient,time,concept,value\n\xff\xfe\xff,b\n")
    assert read_files([path], load()).rejects.height == 1


@pytest.mark.parametrize("name", ["_row", "_line", " _ROW"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_a_column_of_a_file_that_is_called_like_one_of_ours_is_not_read(name: str, ending: str, tmp_path: Path) -> None:
    """Numbers of a user are not those of the rows: rejects would name other lines, and counts would not add up."""
    text = HEADER + lines(2) + "P9,2024-03-01T10:00:00Z,body_temperature,38.5,stone,\n"
    table = pl.read_csv(write(tmp_path, text), infer_schema=False)
    path = tmp_path / f"rows.{ending}"
    plain, named = table, table.with_columns(pl.lit("7").alias(name))
    writer = {"csv": pl.DataFrame.write_csv, "parquet": pl.DataFrame.write_parquet, "arrow": pl.DataFrame.write_ipc}
    writer[ending](plain, path)
    expected = read_files(path, KNOWLEDGE)
    writer[ending](named, path)
    found = read_files(path, KNOWLEDGE)
    assert found.observations.equals(expected.observations)
    assert found.rejects.equals(expected.rejects)
    told = f"column {name.strip().lower() + ' of the file'!r} is not read"
    assert fates(found) == {**fates(expected), ("ignored", told): 0}


def test_a_table_of_patients_in_a_file_brings_no_numbers_either(tmp_path: Path) -> None:
    rows = write(tmp_path, HEADER + lines(2))
    people = write(tmp_path, "patient,age_years,_row\nP0,very old,0\nP1,40,0\n", "people.csv")
    found = read_files(rows, KNOWLEDGE, patients=people)
    assert found.rejects.select("row", "source").rows() == [(2, "people.csv:2")]
    assert ("ignored", "column '_row of the file' is not read") in fates(found)


def test_ids_beyond_the_integers_stay_the_patients_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pl.read_csv(write(tmp_path, HEADER + lines(2)), infer_schema=False)
    table.with_columns(pl.Series("patient", [1e20, 12.0])).write_parquet(path)
    found = read_files(path, KNOWLEDGE)
    assert found.rejects.is_empty()
    assert found.observations["patient"].n_unique() == 2
