"""Files of a study in every form, and damaged ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from tests.sdtm.small import (
    KNOWLEDGE,
    T0,
    adds_up,
    fates,
    read,
    rules,
    stated,
    study,
    vital,
    write,
)

from cytowatch.adapters.sdtm import read_sdtm
from cytowatch.adapters.vocabulary import Vocabulary
from cytowatch.errors import InputError

# ---------------------------------------------------------------- files


def as_json(frame: pl.DataFrame, name: str) -> dict[str, object]:
    return {
        "datasetJSONVersion": "1.1.0",
        "name": name,
        "columns": [{"name": one, "label": one, "dataType": "string"} for one in frame.columns],
    }


@pytest.mark.parametrize("form", ["xpt", "parquet", "json", "ndjson", "csv.gz"])
def test_every_form_says_the_same(tmp_path: Path, form: str) -> None:
    plain = write(tmp_path / "csv", **study(3, seed=7))
    other = tmp_path / form
    other.mkdir()
    for path in plain.iterdir():
        frame = pl.read_csv(path, infer_schema=False)
        if form == "xpt":
            pyreadstat.write_xport(
                frame.fill_null(""),
                str(other / f"{path.stem}.xpt"),
                file_format_version=5,
                table_name=path.stem.upper(),
            )
        elif form == "parquet":
            frame.write_parquet(other / f"{path.stem}.parquet")
        elif form == "csv.gz":
            (other / f"{path.stem}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        else:
            head, rows = as_json(frame, path.stem.upper()), [list(row) for row in frame.rows()]
            text = json.dumps({**head, "rows": rows}) if form == "json" else "\n".join(map(json.dumps, [head, *rows]))
            (other / f"{path.stem}.{form}").write_text(text)
    one, two = read(plain), read(other)
    columns = ["patient", "time", "until", "concept", "value", "unit", "comparator", "text"]
    # the files are numbered in the order of their names, so rows carry the same numbers
    assert one.observations.select("row", *columns).equals(two.observations.select("row", *columns))
    assert one.rejects.select("row", "rule", "value").equals(two.rejects.select("row", "rule", "value"))
    assert adds_up(two)


def test_numbers_and_letters_of_xpt(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "USUBJID": ["é" * 50, "b"],
            "VSTESTCD": ["TEMP", "TEMP"],
            "VSSTRESN": [38.1, None],
            "VSSTRESU": ["C", "C"],
            "VSDTC": [T0, T0],
        }
    )
    pyreadstat.write_xport(frame, str(tmp_path / "vs.xpt"), file_format_version=5, table_name="VS")
    intake = read(tmp_path)
    assert stated(intake, "patient", "value") == [("é" * 50, 38.1)]
    assert fates(intake) == {"used": 1, "ignored": 1}


def test_letters_of_western_windows(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"USUBJID": ["XX1"], "VSTESTCD": ["TEMP"], "VSSTRESN": [38.1], "VSSTRESU": ["C"], "VSDTC": [T0]}
    )
    path = tmp_path / "vs.xpt"
    pyreadstat.write_xport(frame, str(path), file_format_version=5, table_name="VS")
    path.write_bytes(path.read_bytes().replace(b"XX1", "Zü1".encode("cp1252")))
    assert stated(read(tmp_path), "patient") == [("Zü1",)]


def damaged(data: bytes) -> dict[str, bytes]:
    return {
        "cut in a record": data[:-7],
        "cut at a record": data[: len(data) // 80 // 2 * 80],
        "another header": b"SQLite format 3" + data[15:],
        "no variables": data.replace(
            b"NAMESTR HEADER RECORD!!!!!!!0000000005", b"NAMESTR HEADER RECORD!!!!!!!000000ZZZZ"
        ),
        "empty": b"",
        "wider rows": data[:720] + b"\x7f\xff" + data[722:],
    }


@pytest.mark.parametrize("kind", ["cut in a record", "cut at a record", "another header", "no variables", "empty"])
def test_a_damaged_transport_file_is_refused_whole(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "USUBJID": ["a"] * 40,
            "VSTESTCD": ["TEMP"] * 40,
            "VSSTRESN": [38.1] * 40,
            "VSSTRESU": ["C"] * 40,
            "VSDTC": [T0] * 40,
        }
    )
    path = tmp_path / "vs.xpt"
    pyreadstat.write_xport(frame, str(path), file_format_version=5, table_name="VS")
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(InputError, match="transport file cannot be read"):
        read(tmp_path)


def test_a_broken_line_is_one_reject(tmp_path: Path) -> None:
    head = as_json(pl.DataFrame({"USUBJID": [], "VSTESTCD": [], "VSSTRESN": [], "VSSTRESU": [], "VSDTC": []}), "VS")
    good = ["a", "TEMP", 38.5, "C", T0]
    (tmp_path / "vs.ndjson").write_text(
        "\n".join(
            [
                json.dumps(head),
                json.dumps(good),
                '["a", "TEMP"',
                json.dumps(good[:4]),
                json.dumps([*good[:4], "2024-03-01T09:00"]),
            ]
        )
    )
    intake = read(tmp_path)
    assert fates(intake) == {"used": 2, "rejected": 2}
    assert rules(intake) == ["broken_line", "broken_line"]
    assert adds_up(intake)


def test_a_row_that_is_there_again_is_superseded(tmp_path: Path) -> None:
    rows = [
        vital(VSSEQ="1"),
        vital(VSSEQ="1"),
        vital(VSSEQ="1", VSSTRESC="39", VSSTRESN="39", VSDTC="2024-03-01T09:00"),
    ]
    intake = read(write(tmp_path, vs=rows))
    # the number of the third is a mistake of the study, and its value is no less there
    assert fates(intake) == {"used": 2, "superseded": 1}


def test_what_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    two = write(tmp_path / "two", dm=[{"STUDYID": "S1", "USUBJID": "a"}, {"STUDYID": "S2", "USUBJID": "a"}])
    with pytest.raises(InputError, match="two studies"):
        read(two)
    twice = write(tmp_path / "twice", vs=[vital()])
    pl.read_csv(twice / "vs.csv").write_parquet(twice / "vs.parquet")
    with pytest.raises(InputError, match="there twice"):
        read(twice)
    nameless = tmp_path / "nameless"
    nameless.mkdir()
    pl.DataFrame([vital()]).write_csv(nameless / "vs.csv")
    with pytest.raises(InputError, match="USUBJID"):
        read(nameless)
    with pytest.raises(InputError, match="no SDTM domain"):
        read_sdtm([tmp_path], KNOWLEDGE, Vocabulary(KNOWLEDGE))


def test_other_domains_are_counted_and_ignored(tmp_path: Path) -> None:
    folder = write(tmp_path, vs=[vital()], mh=[{"MHTERM": "x"}], zz=[{"ZZTERM": "x"}])
    (folder / "define.xml").write_text("<x/>")
    intake = read(folder)
    assert fates(intake) == {"used": 1, "ignored": 2}
    assert "context: medical history is not graded" in intake.ledger["reason"].to_list()
    assert "define.xml" in intake.ledger["file"].to_list()


def test_without_dm_everything_else_is_read(tmp_path: Path) -> None:
    intake = read(write(tmp_path, vs=[vital()]))
    assert intake.patients.is_empty()
    assert fates(intake) == {"used": 1}


def test_a_file_that_unpacks_to_far_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cytowatch.adapters.sdtm.files._MOST_BYTES", 100_000)
    text = "USUBJID,VSTESTCD,VSSTRESN,VSDTC\n" + "a,TEMP,37,2024-03-01T08:00\n" * 10_000
    (tmp_path / "vs.csv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(InputError, match="larger than"):
        read(tmp_path)
