"""Odd rows and odd files at night: each is named with its reason and its remedy, and nothing else is lost."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.acceptance.ward import (
    AGES,
    COLUMNS,
    START,
    Graded,
    Row,
    at,
    calm,
    engager,
    fact,
    grade,
    grade_rows,
    shock,
    stray,
    ward,
    write_csv,
)

from cytowatch import cli

CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
# a little before the first tocilizumab, in the worst hours of the patient
PLACE, LINE = 40, 42
WHEN = 15.5


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The ward without any bad row."""
    return grade_rows(tmp_path_factory.mktemp("clean"), ward())


def same(found: Graded, expected: Graded, *, without: str = "") -> None:
    """Every patient but one is graded exactly as without the odd rows, evidence included."""
    for name in ("timeline", "episodes"):
        keep = pl.col("patient") != without
        assert found.table(name).filter(keep).equals(expected.table(name).filter(keep)), name


def wider(found: Graded, expected: Graded, patient: str, since: datetime) -> None:
    """The patient is graded as without the odd rows up to a moment; from then on within bounds that hold the others."""
    own, other = (table.table("timeline").filter(patient=patient).sort("scale", "start") for table in (found, expected))
    before = pl.col("start") < since
    kept = ("scale", "start", "at_least", "at_most", "criteria", "missing", "evidence")
    assert own.filter(before).select(kept).equals(other.filter(before).select(kept))
    both = own.join_where(
        other.rename(lambda name: f"{name}_expected"),
        pl.col("scale") == pl.col("scale_expected"),
        pl.col("start") < pl.col("end_expected"),
        pl.col("start_expected") < pl.col("end"),
    )
    assert both.filter(pl.col("at_least") > pl.col("at_least_expected")).is_empty()
    assert both.filter(pl.col("at_most") < pl.col("at_most_expected")).is_empty()


# ---------------------------------------------------------------- one bad row


@dataclass(frozen=True)
class Bad:
    """One row that cannot be used: what is odd about it, the rule that names it, and words of its reason and hint."""

    cells: Row
    rule: str
    reason: str
    hint: str

    @property
    def leaves_doubt(self) -> bool:
        """Whether it speaks of something that a grade needs, of which it is then unknown what it was."""
        needed = ("oxygen_device", "norepinephrine", "epinephrine", "mean_arterial_pressure")
        return self.cells.get("concept") in needed


BAD = {
    "unknown concept": Bad({"concept": "body_temprature"}, "unknown_concept", "body_temprature", "`body_temperature`"),
    "no concept": Bad({"concept": ""}, "missing_concept", "no concept", "concept"),
    "unknown unit": Bad({"unit": "degX"}, "unknown_unit", "degX", "Cel"),
    "unit of something else": Bad({"unit": "mg"}, "unit_not_convertible", "mg", "Cel"),
    "no unit": Bad({"unit": ""}, "missing_unit", "no unit", "Cel"),
    "unknown category": Bad(
        {"concept": "oxygen_device", "value": "", "unit": "", "text": "space helmet"},
        "unknown_category",
        "space helmet",
        "nasal_cannula",
    ),
    "no category": Bad({"concept": "oxygen_device", "value": "", "unit": ""}, "missing_text", "which", "cpap"),
    "a temperature without its point": Bad({"value": "401"}, "out_of_range", "25 to 45 Cel", "check"),
    "a negative mean pressure": Bad(
        {"concept": "mean_arterial_pressure", "value": "-19", "unit": "mmHg"}, "out_of_range", "-19", "unit"
    ),
    "a rate a hundred times too high": Bad(
        {"concept": "norepinephrine", "value": "7.26", "unit": "mcg/kg/min"}, "out_of_range", "0 to 5", "check"
    ),
    "an ICE of eleven": Bad({"concept": "ice_score", "value": "11", "unit": ""}, "out_of_range", "0 to 10", "check"),
    "an oxygen fraction of two": Bad({"concept": "fio2", "value": "2", "unit": ""}, "out_of_range", "2", "check"),
    "infinity": Bad({"value": "inf"}, "not_a_number", "inf", "number"),
    "words for a number": Bad({"value": "unable to report"}, "not_a_number", "unable to report", "text"),
    "no number": Bad({"value": ""}, "missing_value", "value", "value"),
    "a comma with two meanings": Bad(
        {"concept": "ferritin", "value": "1,234", "unit": "ug/L"}, "ambiguous_number", "comma", "decimal point"
    ),
    "end before start": Bad(
        {"concept": "epinephrine", "value": "0.1", "unit": "ug/kg/min", "until": at(WHEN - 4)},
        "end_before_start",
        "before the start",
        "both times",
    ),
    "end at start": Bad(
        {"concept": "epinephrine", "value": "0.1", "unit": "ug/kg/min", "until": at(WHEN)},
        "end_not_after_start",
        "no time",
        "both times",
    ),
    "no time": Bad({"time": ""}, "missing_time", "no time", "time"),
    "the thirty-first of February": Bad({"time": "2026-02-31T08:00:00Z"}, "bad_time", "2026-02-31", "ISO 8601"),
    "a date with slashes": Bad({"time": "03/01/2026 15:30"}, "bad_time", "03/01/2026", "ISO 8601"),
    "a day without a time": Bad({"time": "2026-03-01"}, "bad_time", "2026-03-01", "time of day"),
    "an offset that does not exist": Bad({"time": "2026-03-01T15:30:00+99:99"}, "bad_time", "+99:99", "ISO 8601"),
    "an offset of sixty minutes": Bad({"time": "2026-03-01T15:30:00+05:60"}, "bad_time", "+05:60", "ISO 8601"),
    "an offset of a day": Bad({"time": "2026-03-01 15:30 -2359"}, "bad_time", "-2359", "ISO 8601"),
    "no zone": Bad({"time": "2026-03-01T15:30:00"}, "no_time_zone", "no time zone", "--zone"),
    "an end without a zone": Bad(
        {"concept": "epinephrine", "value": "0.1", "unit": "ug/kg/min", "until": "2026-03-01T18:00"},
        "no_time_zone",
        "no time zone",
        "--zone",
    ),
    "an unreadable moment of result": Bad({"available": "soon"}, "bad_available", "soon", "empty"),
    "nobody": Bad({"patient": ""}, "missing_patient", "no patient", "patient"),
    "an unknown status": Bad({"status": "draft"}, "unknown_status", "draft", "preliminary"),
    "an unknown comparator": Bad({"comparator": "approx"}, "unknown_comparator", "approx", ">="),
    "two comparators": Bad(
        {"concept": "crp", "value": "<0.5", "unit": "mg/L", "comparator": ">"},
        "conflicting_comparator",
        "contradicts",
        "one",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_row_is_named_and_loses_nothing_else(name: str, tmp_path: Path, clean: Graded) -> None:
    bad = BAD[name]
    rows = ward()
    row = {"patient": "shock", "time": at(WHEN), "concept": "body_temperature", "value": "39.9", "unit": "Cel"}
    rows.insert(PLACE, {**row, **bad.cells})
    found = grade_rows(tmp_path, rows)
    assert found.code == 0
    same(found, clean, without="shock" if bad.leaves_doubt else "")
    wider(found, clean, "shock", START + timedelta(hours=WHEN))
    (reject,) = found.rejects
    assert reject["rule"] == bad.rule
    assert bad.reason in reject["reason"]
    assert bad.hint in reject["hint"]
    assert (reject["source"], reject["row"]) == (f"ward.csv:{LINE}", PLACE)
    assert found.counts("ward.csv") == {**clean.counts("ward.csv"), "read": len(rows), "rejected": 1}


def test_many_bad_rows_at_once_lose_nothing_else(tmp_path: Path, clean: Graded) -> None:
    rows = ward()
    for number, bad in enumerate(BAD.values()):
        cells = {"patient": "shock", "time": at(WHEN), "concept": "body_temperature", "value": "39.9", "unit": "Cel"}
        rows.insert(3 * number, {**cells, **bad.cells})
    found = grade_rows(tmp_path, rows)
    same(found, clean, without="shock")
    wider(found, clean, "shock", START + timedelta(hours=WHEN))
    assert sorted(row["rule"] for row in found.rejects) == sorted(bad.rule for bad in BAD.values())
    counts = found.counts("ward.csv")
    assert counts["read"] == len(rows)
    assert counts["rejected"] == len(BAD) == len(found.rejects)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_strict_says_so_in_the_exit_code_only(form: str, tmp_path: Path, clean: Graded) -> None:
    rows = [*ward(), fact("shock", 20, "bogus", value="1")]
    path = write_csv(tmp_path / "ward.csv", rows)
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    options = ("--patients", tmp_path / "ages.csv", "--strict")
    found = grade(tmp_path / "graded", path, *options, form=form)
    assert found.code == 1
    assert [row["rule"] for row in found.rejects] == ["unknown_concept"]
    assert len(found.timeline) == len(clean.timeline)
    assert grade(tmp_path / "again", write_csv(tmp_path / "ward.csv", ward()), *options).code == 0


def test_rejects_read_the_same_from_csv_and_parquet(tmp_path: Path) -> None:
    rows = [*ward(), *({**fact("shock", 20, "crp", value="1", unit="mg/L"), **bad.cells} for bad in BAD.values())]
    path = write_csv(tmp_path / "ward.csv", rows)
    one, other = grade(tmp_path / "one", path, form="csv"), grade(tmp_path / "other", path, form="parquet")
    as_text = other.table("rejects").with_columns(pl.col("row").cast(pl.String))
    assert one.table("rejects").sort("row").equals(as_text.sort("row"))


# ---------------------------------------------------------------- files that cannot be read at all


def _missing_column(place: Path) -> Path:
    return write_csv(
        place / "ward.csv",
        ward(),
        columns=("patient", "time", "value"),
    )


def _truncated_parquet(place: Path) -> Path:
    path = place / "ward.parquet"
    pl.read_csv(write_csv(place / "whole.csv", ward()), infer_schema=False).write_parquet(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (place / "whole.csv").unlink()
    return path


def _truncated_gzip(place: Path) -> Path:
    path = place / "ward.csv.gz"
    text = write_csv(place / "whole.csv", ward() * 200).read_bytes()
    (place / "whole.csv").unlink()
    whole = gzip.compress(text)
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _written(name: str, content: bytes) -> Any:
    def make(place: Path) -> Path:
        (place / name).write_bytes(content)
        return place / name

    return make


def _no_tables(place: Path) -> Path:
    (place / "empty").mkdir()
    (place / "empty" / "notes.docx").write_bytes(b"not a table")
    return place / "empty"


_LATIN = "patient,time,concept,value,unit\np,2026-03-01T08:00:00Z,body_temperature,38.6,°C\n".encode("latin-1") * 3
UNREADABLE: dict[str, tuple[Any, str, str]] = {
    "missing file": (lambda place: place / "gone.csv", "no such file", "gone.csv"),
    "empty file": (_written("ward.csv", b""), "empty", "ward.csv"),
    "only white space": (_written("ward.csv", b"\n \n\n"), "empty", "ward.csv"),
    "header only": (_written("ward.csv", b"patient,time,concept,value,unit\n"), "no rows", "ward.csv"),
    "missing column": (_missing_column, "missing column: concept", "found: patient, time, value"),
    "truncated Parquet": (_truncated_parquet, "cannot be read as Parquet", "ward.parquet"),
    "empty Parquet": (_written("ward.parquet", b""), "empty", "ward.parquet"),
    "text named Parquet": (_written("ward.parquet", b"patient,time\n"), "cannot be read as Parquet", "ward.parquet"),
    "truncated gzip": (_truncated_gzip, "cannot be read", "ward.csv.gz"),
    "no gzip": (_written("ward.csv.gz", b"patient,time\n"), "cannot be read", "ward.csv.gz"),
    "folder without tables": (_no_tables, "no table", "empty"),
    "Latin-1": (_written("ward.csv", _LATIN), "not UTF-8", "ward.csv"),
    "UTF-16": (_written("ward.csv", "patient,time\n".encode("utf-16")), "not UTF-8", "ward.csv"),
    "a spreadsheet": (_written("ward.csv", b"PK\x03\x04" + b"x" * 200), "spreadsheet", "ward.csv"),
    "a binary file": (_written("ward.csv", bytes(range(256)) * 8), "not UTF-8", "ward.csv"),
    "another kind of file": (_written("ward.xlsx", b"PK\x03\x04"), ".xlsx", "ward.xlsx"),
    "old Macintosh line ends": (
        _written("ward.csv", b"patient,time,concept\rp,2026-03-01T08:00:00Z,symptom\r"),
        "line",
        "ward.csv",
    ),
    "one endless line": (_written("ward.csv", b"x" * 300_000), "header", "ward.csv"),
    "a column twice": (_written("ward.csv", b"patient,time,concept,Time\n1,2,3,4\n"), "more than once", "ward.csv"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, what, where = UNREADABLE[name]
    code = cli.run(["grade", str(make(tmp_path)), "--out", str(tmp_path / "graded")])
    said, message = capfd.readouterr()
    assert code == 2
    assert said == ""
    message = " ".join(message.split())
    assert what in message
    assert where in message.replace(" ", "") or where in message
    assert "where:" in message
    assert "what to do:" in message
    assert "Traceback" not in message
    assert not (tmp_path / "graded").exists()


def test_an_unreadable_file_among_good_ones_leaves_an_earlier_result_alone(tmp_path: Path, clean: Graded) -> None:
    (tmp_path / "in").mkdir()
    good = write_csv(tmp_path / "in" / "a.csv", ward())
    first = grade(tmp_path / "graded", good)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    (tmp_path / "in" / "b.parquet").write_bytes(b"PAR1 cut off")
    assert grade(tmp_path / "graded", tmp_path / "in").code == 2
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before
    assert len(clean.timeline)


def test_a_table_without_rows_beside_others_is_told_and_no_error(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", calm())
    write_csv(tmp_path / "b.csv", [])
    found = grade(tmp_path / "graded", tmp_path / "a.csv", tmp_path / "b.csv")
    assert found.code == 0
    assert found.counts("b.csv")["read"] == 0
    assert found.counts("a.csv")["used"] == len(calm())


@pytest.mark.parametrize("content", [b"", b"age_years\n55\n", b"\x00\x01binary"], ids=["empty", "no patient", "binary"])
def test_a_table_of_patients_that_cannot_be_read(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ages.csv").write_bytes(content)
    path = write_csv(tmp_path / "ward.csv", ward())
    assert grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv").code == 2
    assert "ages.csv" in capfd.readouterr().err
    assert not (tmp_path / "graded").exists()


# ---------------------------------------------------------------- a broken line


BROKEN = {
    "a field too many": ("shock,2026-03-01T15:30:00Z,,body_temperature,39,9,Cel,,,,,", "fields"),
    "a field too few": ("shock,2026-03-01T15:30:00Z,,body_temperature,39.9", "fields"),
    "cut off in the middle": ("sho", "fields"),
    "a quotation mark left open": ('shock,2026-03-01T15:30:00Z,,body_temperature,"39.9,Cel,,,,,', "quotation mark"),
    "a quotation mark inside": ('shock,2026-03-01T15:30:00Z,,body_temp"erature,39.9,Cel,,,,"x"y,', "quotation mark"),
}


@pytest.mark.parametrize(("name", "end"), [*((name, "\n") for name in BROKEN), ("a field too many", "\r\n")])
def test_a_broken_line_is_left_out_and_named(name: str, end: str, tmp_path: Path, clean: Graded) -> None:
    text, reason = BROKEN[name]
    lines = write_csv(tmp_path / "ward.csv", ward()).read_text(encoding="utf-8").splitlines()
    lines.insert(LINE - 1, text)
    (tmp_path / "ward.csv").write_bytes((end.join(lines) + end).encode())
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    found = grade(tmp_path / "graded", tmp_path / "ward.csv", "--patients", tmp_path / "ages.csv")
    same(found, clean)
    (reject,) = found.rejects
    assert (reject["rule"], reject["source"], reject["value"]) == ("broken_line", f"ward.csv:{LINE}", text)
    assert reason in reject["reason"]
    assert reject["hint"]
    assert found.counts("ward.csv") == {**clean.counts("ward.csv"), "read": len(ward()) + 1, "rejected": 1}


def test_one_line_that_is_not_utf8_is_left_out(tmp_path: Path, clean: Graded) -> None:
    path = write_csv(tmp_path / "ward.csv", [*ward(), fact("shock", 20, "symptom", text="müde")])
    lines = path.read_bytes().split(b"\n")
    lines.insert(LINE - 1, "shock,2026-03-01T15:30:00Z,,body_temperature,39.9,°C,,,,,".encode("latin-1"))
    path.write_bytes(b"\n".join(lines))
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    same(found, clean)
    assert [(row["rule"], row["source"]) for row in found.rejects] == [("not_utf8", f"ward.csv:{LINE}")]


@pytest.mark.long
def test_one_broken_line_in_more_than_200_megabytes(tmp_path: Path, clean: Graded) -> None:
    path = write_csv(tmp_path / "ward.csv", ward())
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    heart = "ward-{},2026-03-01T{:02d}:{:02d}:00Z,,heart_rate,{},/min,,,,,monitor {}\n"
    with path.open("a", encoding="utf-8") as stream:
        written = 0
        while path.stat().st_size < 210 * 2**20:
            block = [
                heart.format(n % 997, n // 60 % 24, n % 60, 60 + n % 90, n) for n in range(written, written + 50_000)
            ]
            stream.writelines(block)
            stream.flush()
            written += len(block)
        stream.write('ward-1,2026-03-01T08:00:00Z,,heart_rate,"77,/min,,,,,\n')
        stream.write(heart.format(1, 9, 9, 99, "last"))
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    assert found.code == 0
    (reject,) = found.rejects
    assert reject["source"] == f"ward.csv:{1 + len(ward()) + written + 1}"
    counts = found.counts("ward.csv")
    assert (counts["read"], counts["rejected"]) == (len(ward()) + written + 2, 1)
    ours = pl.col("patient").is_in(["calm", "shock", "engager", "stray"])
    assert found.timeline.filter(ours).equals(clean.timeline)


# ---------------------------------------------------------------- files as they come


def _semicolons(place: Path) -> Path:
    rows = [{**row, "value": row.get("value", "").replace(".", ",")} for row in ward()]
    return write_csv(place / "ward.csv", rows, delimiter=";")


def _quoted_commas(place: Path) -> Path:
    return write_csv(place / "ward.csv", [{**row, "value": row.get("value", "").replace(".", ",")} for row in ward()])


def _tabs(place: Path) -> Path:
    return write_csv(place / "ward.tsv", ward(), delimiter="\t")


def _marked(place: Path) -> Path:
    path = write_csv(place / "ward.csv", ward())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    return path


def _gzipped(place: Path) -> Path:
    path = place / "ward.csv.gz"
    path.write_bytes(gzip.compress(write_csv(place / "whole.csv", ward()).read_bytes()))
    return path


def _untidy(place: Path) -> Path:
    text = write_csv(place / "ward.csv", ward()).read_text(encoding="utf-8")
    header, *lines = text.splitlines()
    lines = [line.replace(",", " ,", 1).replace(",systolic_bp,", ", SBP ,") for line in lines]
    (place / "ward.csv").write_text("\n\n".join([header.upper().replace("UNIT", " Unit "), *lines]), encoding="utf-8")
    return place / "ward.csv"


def _shuffled(place: Path) -> Path:
    rows = ward()
    random.Random(7).shuffle(rows)  # noqa: S311
    return write_csv(place / "ward.csv", rows)


def _split(place: Path) -> Path:
    folder = place / "exports"
    folder.mkdir()
    rows = ward()
    for number in range(3):
        write_csv(folder / f"part{number}.csv", rows[number::3])
    return folder


def _texts_in_parquet(place: Path) -> Path:
    pl.read_csv(write_csv(place / "whole.csv", ward()), infer_schema=False).write_parquet(place / "ward.parquet")
    return place / "ward.parquet"


def _types_in_parquet(place: Path) -> Path:
    frame = pl.read_csv(write_csv(place / "whole.csv", ward()), infer_schema=False)
    moments = [pl.col(name).str.to_datetime(time_zone="America/New_York", strict=False) for name in ("time", "until")]
    frame = frame.with_columns(*moments, pl.col("value").cast(pl.Float64), pl.col("concept").cast(pl.Categorical))
    frame.drop("comparator", "available").write_parquet(place / "ward.parquet")
    return place / "ward.parquet"


def _arrow(place: Path) -> Path:
    pl.read_csv(write_csv(place / "whole.csv", ward()), infer_schema=False).write_ipc(place / "ward.arrow")
    return place / "ward.arrow"


def _other_zone(place: Path) -> Path:
    rows = [{**row, "time": _in_india(row["time"]), "until": _in_india(row.get("until", ""))} for row in ward()]
    return write_csv(place / "ward.csv", rows)


def _in_india(moment: str) -> str:
    if not moment:
        return ""
    return (datetime.fromisoformat(moment) + timedelta(hours=5.5)).isoformat(sep=" ").replace("+00:00", "+0530")


AS_THEY_COME = {
    "semicolons and decimal commas": _semicolons,
    "quoted decimal commas": _quoted_commas,
    "tabs": _tabs,
    "byte-order mark, CRLF, no last line end": _marked,
    "gzip": _gzipped,
    "capitals, spaces, empty lines, aliases": _untidy,
    "rows out of order": _shuffled,
    "split over files": _split,
    "Parquet, all text": _texts_in_parquet,
    "Parquet, typed": _types_in_parquet,
    "Arrow": _arrow,
    "another zone": _other_zone,
}


@pytest.mark.parametrize("name", AS_THEY_COME)
def test_a_file_as_it_comes_means_the_same(name: str, tmp_path: Path, clean: Graded) -> None:
    path = AS_THEY_COME[name](tmp_path)
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    assert found.code == 0
    assert found.rejects == []
    same(found, clean)
    files = [entry["file"] for entry in found.run["inputs"] if entry["file"] != "ages.csv"]
    assert sum(found.counts(file)["used"] for file in files) == len(ward())


@pytest.mark.parametrize("kind", ["integers", "floats"])
def test_patients_numbered_in_a_typed_file(kind: str, tmp_path: Path) -> None:
    frame = pl.read_csv(write_csv(tmp_path / "whole.csv", [*calm("12"), *shock("7")]), infer_schema=False)
    frame.with_columns(pl.col("patient").cast(pl.Int64 if kind == "integers" else pl.Float64)).write_parquet(
        tmp_path / "ward.parquet"
    )
    (tmp_path / "ages.csv").write_text("patient,age_years\n12,61\n7,55\n", encoding="utf-8")
    found = grade(tmp_path / "graded", tmp_path / "ward.parquet", "--patients", tmp_path / "ages.csv")
    assert [row["grade"] for row in found.of("12")] == [0]
    assert max(row["at_least"] for row in found.of("7")) == 3


# ---------------------------------------------------------------- numbers as laboratories print them


PRINTED = {
    "decimal comma": ("body_temperature", "38,6", "Cel", 38.6, None),
    "Fahrenheit": ("body_temperature", "100.4", "degF", 38.0, None),
    "Fahrenheit, by its sign": ("body_temperature", "101,3", "°F", 38.5, None),
    "below the limit of detection": ("crp", "<0.1", "mg/L", 0.1, "<"),
    "below, with a comma and a space": ("crp", "< 0,1", "mg/L", 0.1, "<"),
    "above the range of the assay": ("il_6", ">1500", "pg/mL", 1500.0, ">"),
    "at least, in one sign": ("il_6", "≥1500", "pg/mL", 1500.0, ">="),
    "bilirubin in µmol/L": ("bilirubin", "102.6", "µmol/L", 6.0, None),
    "creatinine in umol/L": ("creatinine", "265.2", "umol/L", 3.0, None),
    "oxygen fraction as per cent": ("fio2", "40", "", 0.4, None),
    "oxygen fraction in per cent": ("fio2", "40", "%", 0.4, None),
    "oxygen fraction": ("fio2", "0,4", "", 0.4, None),
    "room air as per cent": ("fio2", "21", "", 0.21, None),
    "thousands and a comma": ("ferritin", "12.345,6", "ng/mL", 12345.6, None),
    "millimeters of mercury": ("systolic_bp", "118", "mmHg", 118.0, None),
    "kilopascals": ("systolic_bp", "16", "kPa", 120.009_9, None),
    "units an hour": ("vasopressin", "1.8", "units/hour", 0.03, None),
}


def test_printed_numbers_are_read_exactly(tmp_path: Path) -> None:
    rows = [
        {"patient": "p", "time": at(number), "concept": concept, "value": value, "unit": unit, "source": name}
        for number, (name, (concept, value, unit, _, _)) in enumerate(PRINTED.items())
    ]
    found = grade_rows(tmp_path, rows, ages=None)
    assert found.rejects == []
    read = {row["source"]: (row["value"], row["comparator"]) for row in found.observations.to_dicts()}
    for name, (_, _, _, value, comparator) in PRINTED.items():
        assert read[name][1] == comparator, name
        assert read[name][0] == (pytest.approx(value, abs=1e-3) if "pascal" in name else value), name


@pytest.mark.parametrize(
    ("value", "unit", "fever"),
    [("38.0", "Cel", True), ("37.96", "Cel", False), ("100.4", "[degF]", True), ("100.3", "degF", False)],
)
def test_the_limit_of_fever_in_both_units(value: str, unit: str, fever: bool, tmp_path: Path) -> None:
    rows = [fact("p", 0, "car_t_infusion"), fact("p", 5, "body_temperature", value=value, unit=unit)]
    found = grade_rows(tmp_path, rows, ages=None)
    assert found.now("p", 5)["at_least"] == int(fever)
    assert len(found.episodes) == int(fever)


def test_a_bound_is_graded_as_a_bound(tmp_path: Path) -> None:
    rows = [
        fact("p", 0, "car_t_infusion"),
        fact("p", 5, "body_temperature", value=">38.5", unit="Cel"),
        fact("p", 5, "systolic_bp", value="<95", unit="mm[Hg]"),
    ]
    row = grade_rows(tmp_path, rows, ages="patient,age_years\np,50\n").now("p", 5)
    assert (row["grade"], row["at_least"], row["at_most"]) == (None, 1, 2)
    low = [*rows[:2], fact("p", 5, "systolic_bp", value="<90", unit="mm[Hg]")]
    assert grade_rows(tmp_path / "low", low, ages="patient,age_years\np,50\n").now("p", 5)["grade"] == 2


def test_a_fraction_of_a_grade_is_never_made_a_grade(tmp_path: Path, clean: Graded) -> None:
    said = fact("shock", 15, "reported_grade", value="2.5", text=CRS)
    found = grade_rows(tmp_path, [*ward(), said])
    same(found, clean)
    assert [row["concept"] for row in found.rejects] == ["reported_grade"]
    assert found.table("concordance").is_empty()


def test_reported_grades_are_compared_and_change_nothing(tmp_path: Path, clean: Graded) -> None:
    said = [fact("shock", 15, "reported_grade", value=grade_said, text=CRS) for grade_said in ("2", "3")]
    found = grade_rows(tmp_path, [*ward(), *said, fact("calm", 5, "reported_grade", value="0", text=CRS)])
    same(found, clean)
    assert found.rejects == []
    days = found.table("concordance").filter(pl.col("level") == "day").sort("patient")
    assert days.select("patient", "reported", "derived_at_least", "verdict").rows() == [
        ("calm", 0, 0, "agree"),
        ("shock", 3, 3, "agree"),
    ]


# ---------------------------------------------------------------- odd patients


def test_no_trigger_no_grade_but_findings(clean: Graded) -> None:
    for scale in (CRS, ICANS):
        rows = clean.of("stray", scale)
        assert rows
        for row in rows:
            assert (row["grade"], row["at_least"], row["at_most"], row["episode"]) == (None, None, None, None)
            assert "no_trigger" in row["flags"]
            assert row["missing"] == ["no_trigger"]
    assert clean.of("stray")[0]["criteria"] == ["fever", "hypotension"]
    assert "stray" not in clean.episodes["patient"].to_list()


def test_two_triggers_in_one_window_are_one_watch(clean: Graded) -> None:
    rows = clean.of("engager")
    assert rows[0]["start"] == START
    assert all(first["end"] == second["start"] for first, second in pairwise(rows))
    (episode,) = clean.episodes.filter(pl.col("patient") == "engager").to_dicts()
    assert (episode["exposure"], episode["exposure_time"]) == ("teclistamab", START)
    assert episode["onset"] == START + timedelta(hours=30)
    assert episode["days_from_exposure"] == 1.25


def test_the_exposure_of_a_late_episode_is_the_later_trigger(tmp_path: Path) -> None:
    late = [*engager(), fact("engager", 70, "body_temperature", value="38.5", unit="Cel")]
    episodes = grade_rows(tmp_path, late).episodes.filter(pl.col("scale") == CRS).to_dicts()
    assert [row["exposure_time"] for row in episodes] == [START, START + timedelta(hours=60)]
    assert [row["recurrent"] for row in episodes] == [False, True]


def test_two_triggers_far_apart_are_two_watches(tmp_path: Path) -> None:
    rows = [
        fact("p", 0, "car_t_infusion", text="Kymriah"),
        fact("p", 24, "body_temperature", value="38.5", unit="Cel"),
        # 60 days later: the first window has ended, and nothing was measured between
        fact("p", 1440, "t_cell_engager_dose", text="Columvi"),
        fact("p", 1452, "body_temperature", value="39", unit="Cel"),
    ]
    found = grade_rows(tmp_path, rows, ages=None)
    episodes = found.episodes.filter(pl.col("scale") == CRS).to_dicts()
    assert [row["exposure"] for row in episodes] == ["tisagenlecleucel", "glofitamab"]
    assert [row["recurrent"] for row in episodes] == [False, True]
    watched = [(row["start"], row["end"]) for row in found.of("p")]
    gaps = [second[0] for first, second in pairwise(watched) if first[1] != second[0]]
    assert gaps == [START + timedelta(hours=1440)]


def test_two_products_at_one_moment_are_both_kept(tmp_path: Path) -> None:
    rows = [fact("p", 0, "car_t_infusion", text="Kymriah"), fact("p", 0, "t_cell_engager_dose", text="Columvi")]
    rows += [fact("p", 6, "body_temperature", value="38.5", unit="Cel")]
    found = grade_rows(tmp_path, rows, ages=None)
    assert found.counts("ward.csv")["used"] == 3
    assert found.episodes["exposure"].to_list() == ["glofitamab"]


def test_an_unknown_product_has_the_window_of_its_kind(tmp_path: Path) -> None:
    found = grade_rows(
        tmp_path,
        [{**row, "text": "trial product 17"} if "cart" in row["concept"].replace("_", "") else row for row in shock()],
    )
    assert found.rejects == []
    assert found.episodes["exposure"].to_list() == ["trial_product_17"] * 2
    assert max(row["at_least"] for row in found.of("shock")) == 3


def test_no_fever_ever_is_not_gradable_while_signs_last(tmp_path: Path) -> None:
    rows = [row for row in shock() if row["concept"] != "body_temperature"]
    rows += [fact("shock", hours, "body_temperature", value="36.8", unit="Cel") for hours in range(0, 72, 6)]
    found = grade_rows(tmp_path, rows)
    row = found.now("shock", 15)
    assert row["grade"] is None
    assert (row["at_least"], row["at_most"]) == (0, 3)
    assert "not_gradable" in row["flags"]
    assert {"hypotension", "vasopressor", "supplemental_oxygen"} <= set(row["criteria"])
    assert found.now("shock", 30)["grade"] == 0
    assert found.episodes.filter(pl.col("scale") == CRS).is_empty()


def test_no_temperature_ever_says_what_is_missing(tmp_path: Path) -> None:
    found = grade_rows(tmp_path, [row for row in shock() if row["concept"] != "body_temperature"])
    row = found.now("shock", 15)
    assert (row["at_least"], row["at_most"]) == (0, 3)
    assert "body_temperature" in row["missing"]


def test_an_age_unknown_makes_bounds_where_it_matters(tmp_path: Path, clean: Graded) -> None:
    rows = [*ward(), fact("shock", 13.5, "systolic_bp", value="55", unit="mm[Hg]")]
    found = grade_rows(tmp_path, rows, ages="patient,age_years\ncalm,61\nengager,70\nstray,44\n")
    same(found, clean, without="shock")
    unsure = found.now("shock", 13)
    assert (unsure["grade"], unsure["at_least"], unsure["at_most"], unsure["missing"]) == (None, 1, 2, ["age"])
    # 55 mm[Hg] is low at any age, and a running vasopressor needs none
    assert found.now("shock", 13.5)["grade"] == 2
    assert found.now("shock", 14)["grade"] == 3


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("birth_date", "2031-05-01", "birth_date_in_future"),
        ("birth_date", "01.05.1971", "bad_date"),
        ("age_years", "-3", "out_of_range"),
        ("age_years", "410", "out_of_range"),
        ("age_years", "adult", "not_a_number"),
    ],
)
def test_an_impossible_age_is_unknown_and_said(
    column: str, value: str, rule: str, tmp_path: Path, clean: Graded
) -> None:
    ages = {"calm": "1965-01-01", "engager": "1956-01-01", "stray": "1982-01-01"}
    header = f"patient,{column}\n" if column == "birth_date" else "patient,age_years\n"
    lines = AGES.splitlines()[1:] if column == "age_years" else [f"{name},{born}" for name, born in ages.items()]
    lines = [line for line in lines if not line.startswith("shock")]
    found = grade_rows(tmp_path, ward(), ages=header + "\n".join([*lines, f"shock,{value}"]) + "\n")
    same(found, clean, without="shock")
    (reject,) = found.rejects
    assert (reject["rule"], reject["patient"], reject["value"]) == (rule, "shock", value)
    assert reject["source"].startswith("ages.csv:")
    assert reject["reason"]
    assert reject["hint"]
    assert found.now("shock", 13)["missing"] == ["age"]
    assert found.counts("ages.csv")["read"] == 4
    assert found.counts("ward.csv") == clean.counts("ward.csv")


def test_a_birth_date_gives_the_age_at_the_trigger(tmp_path: Path, clean: Graded) -> None:
    born = "patient,birth_date\ncalm,1965-01-01\nshock,1971-01-01\nengager,1956-01-01\nstray,1982-01-01\n"
    same(grade_rows(tmp_path, ward(), ages=born), clean)


def test_patients_who_contradict_themselves_are_of_unknown_age(tmp_path: Path, clean: Graded) -> None:
    found = grade_rows(tmp_path, ward(), ages=AGES + "shock,4\n")
    same(found, clean, without="shock")
    assert {row["rule"] for row in found.rejects} == {"conflicting_rows"}
    assert found.now("shock", 13)["missing"] == ["age"]
    assert found.counts("ages.csv")["read"] == 5


def test_patients_without_rows_and_rows_without_patients(tmp_path: Path, clean: Graded) -> None:
    found = grade_rows(tmp_path, [*ward(), *calm("walk-in")], ages=AGES + "never-came,50\n")
    same(found, clean, without="walk-in")
    assert found.of("never-came") == []
    assert [row["grade"] for row in found.of("walk-in")] == [0]
    assert found.run["patients"] == 5


# ---------------------------------------------------------------- odd times


def _local(rows: list[Row], *, hours_east: int) -> list[Row]:
    """The same moments as wall-clock times of a place east of Greenwich, without a zone."""
    shift = timedelta(hours=hours_east)

    def wall(moment: str) -> str:
        if not moment:
            return ""
        return (datetime.fromisoformat(moment) + shift).strftime("%Y-%m-%d %H:%M")

    return [{**row, "time": wall(row["time"]), "until": wall(row.get("until", ""))} for row in rows]


def test_without_a_zone_every_such_row_is_rejected_and_nothing_is_guessed(tmp_path: Path) -> None:
    found = grade_rows(tmp_path, [*_local(shock(), hours_east=1), *calm()])
    assert {row["rule"] for row in found.rejects} == {"no_time_zone"}
    assert found.counts("ward.csv")["rejected"] == len(shock())
    assert {row["patient"] for row in found.timeline.to_dicts()} == {"calm"}


def test_with_a_zone_they_mean_what_the_clock_on_the_wall_said(tmp_path: Path, clean: Graded) -> None:
    found = grade_rows(tmp_path, _local(ward(), hours_east=1), "--zone", "Europe/Berlin")
    assert found.rejects == []
    same(found, clean)


def test_a_zone_leaves_times_that_have_one_alone(tmp_path: Path, clean: Graded) -> None:
    same(grade_rows(tmp_path, ward(), "--zone", "America/New_York"), clean)


def test_nothing_but_unusable_rows_is_a_run_with_rejects(tmp_path: Path) -> None:
    found = grade_rows(tmp_path, _local(shock(), hours_east=1), "--strict", "--report")
    assert found.code == 1
    assert found.timeline.is_empty()
    assert found.counts("ward.csv")["rejected"] == len(shock())
    assert (found.folder / "report.html").exists()


def _wall(time: str, value: str) -> Row:
    return {
        "patient": "p",
        "time": time,
        "concept": "body_temperature",
        "value": value,
        "unit": "Cel",
        "source": f"at {time}",
    }


def test_the_night_the_clocks_go_forward(tmp_path: Path) -> None:
    rows = [
        {"patient": "p", "time": "2026-03-28T20:00:00", "concept": "car_t_infusion", "source": "cells"},
        _wall("2026-03-29T01:30:00", "38.4"),
        _wall("2026-03-29T02:30:00", "39.9"),
        _wall("2026-03-29T03:30:00", "37.0"),
    ]
    found = grade_rows(tmp_path, rows, "--zone", "Europe/Berlin", ages=None)
    assert [(row["rule"], row["value"]) for row in found.rejects] == [("nonexistent_local_time", "2026-03-29T02:30:00")]
    times = [row["time"] for row in found.observations.sort("time").to_dicts()]
    # 01:30 is winter time, 03:30 summer time: one hour between them
    assert (times[2] - times[1]) == timedelta(hours=1)
    assert found.now("p", (times[1] - START) / timedelta(hours=1))["evidence"] == ["at 2026-03-29T01:30:00"]


def test_the_night_the_clocks_go_back(tmp_path: Path) -> None:
    rows = [
        {"patient": "p", "time": "2026-10-24T20:00:00", "concept": "car_t_infusion", "source": "cells"},
        _wall("2026-10-25T01:30:00", "38.4"),
        _wall("2026-10-25T02:30:00", "39.9"),
        _wall("2026-10-25T02:45:00+02:00", "38.8"),
        _wall("2026-10-25T02:45:00+01:00", "37.1"),
        _wall("2026-10-25T03:30:00", "37.0"),
    ]
    found = grade_rows(tmp_path, rows, "--zone", "Europe/Berlin", ages=None)
    assert [(row["rule"], row["value"]) for row in found.rejects] == [("ambiguous_local_time", "2026-10-25T02:30:00")]
    seen = found.observations.sort("time")
    gaps = seen["time"].diff().drop_nulls().to_list()
    hours = [gap / timedelta(hours=1) for gap in gaps]
    assert hours == [5.5, 1.25, 1.0, 0.75]
    assert "offset" in found.rejects[0]["hint"]


def test_duplicates_and_corrected_rows(tmp_path: Path, clean: Graded) -> None:
    rows = ward()
    typo = fact("shock", 12, "body_temperature", value="36.9", unit="Cel", status="preliminary", source="typo")
    wrong = fact("shock", 30, "epinephrine", value="0.1", unit="ug/kg/min", source="wrong patient", until=at(40))
    taken_back = {**wrong, "time": at(31), "until": "", "value": "", "unit": "", "status": "entered-in-error"}
    doubled = [{**row} for row in rows if row["concept"] == "systolic_bp"]
    found = grade_rows(tmp_path, [*rows, *doubled, typo, wrong, taken_back])
    same(found, clean)
    assert found.rejects == []
    assert found.counts("ward.csv") == {
        "read": len(rows) + len(doubled) + 3,
        "used": len(rows),
        "superseded": len(doubled) + 3,
        "ignored": 0,
        "rejected": 0,
    }


def test_an_amended_row_speaks_for_the_fact(tmp_path: Path, clean: Graded) -> None:
    high = fact("calm", 12, "body_temperature", value="39.1", unit="Cel", status="amended", source="corrected by lab")
    found = grade_rows(tmp_path, [*ward(), high])
    same(found, clean, without="calm")
    assert found.now("calm", 12)["evidence"] == ["corrected by lab"]
    assert found.counts("ward.csv")["superseded"] == 1


def test_a_result_known_later_is_cut_by_as_of(tmp_path: Path) -> None:
    late = fact("calm", 12, "body_temperature", value="39.1", unit="Cel", available=at(20), source="late")
    rows = [row for row in calm() if row["source"] != "calm/body_temperature/12"]
    before = grade_rows(tmp_path / "before", [*rows, late], "--as-of", at(19))
    after = grade_rows(tmp_path / "after", [*rows, late], "--as-of", at(21))
    assert before.episodes.is_empty()
    assert after.episodes["onset"].to_list() == [START + timedelta(hours=12)]
    assert before.counts("ward.csv")["ignored"] > after.counts("ward.csv")["ignored"]


@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_placeholder_dates_do_no_harm_to_others(moment: str, tmp_path: Path, clean: Graded) -> None:
    odd = {"patient": "odd", "time": moment, "concept": "body_temperature", "value": "38.5", "unit": "Cel"}
    found = grade_rows(tmp_path, [*ward(), odd])
    assert found.code == 0
    same(found, clean, without="odd")
    assert found.counts("ward.csv")["read"] == len(ward()) + 1


def test_a_report_of_a_time_at_the_end_of_the_calendar(tmp_path: Path) -> None:
    # with the time for which a measurement speaks it ends beyond the calendar
    odd = {"patient": "p", "time": "9999-12-31T23:59:59Z", "concept": "body_temperature", "value": "38", "unit": "Cel"}
    found = grade_rows(tmp_path, [odd], "--report", ages=None)
    assert found.code == 0
    assert "9999-12-31" in (found.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("typed", [False, True], ids=["CSV", "typed Parquet"])
@pytest.mark.parametrize("end", ["", "9999-12-31T23:59:59Z", "2999-12-31T00:00:00Z"])
def test_an_end_in_the_year_9999_is_an_end_that_is_not_known(
    end: str, typed: bool, tmp_path: Path, clean: Graded
) -> None:
    extra = fact("shock", 14, "epinephrine", value="0.1", unit="ug/kg/min", until=end)
    path = write_csv(tmp_path / "ward.csv", [*ward(), extra])
    if typed:
        frame = pl.read_csv(path, infer_schema=False)
        moments = [pl.col(name).str.to_datetime(time_zone="UTC", strict=False) for name in ("time", "until")]
        path = tmp_path / "ward.parquet"
        kept = ["patient", *moments, "concept", pl.col("value").cast(pl.Float64), "unit", "text", "source"]
        frame.select(kept).write_parquet(path)
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    assert found.rejects == []
    same(found, clean, without="shock")
    assert found.now("shock", 15)["grade"] == 4
    assert found.now("shock", 37)["grade"] == 3
    later = found.now("shock", 38)
    assert (later["at_least"], later["at_most"], later["missing"]) == (1, 3, ["vasopressor_state"])
    assert found.of("shock")[-1]["end"] == clean.of("shock")[-1]["end"]


def test_hours_and_timestamps_are_never_mixed(tmp_path: Path, clean: Graded) -> None:
    strangers = [{"patient": "shock", "hours": "15", "concept": "body_temperature", "value": "41", "unit": "Cel"}] * 2
    path = write_csv(tmp_path / "ward.csv", [*ward(), *strangers], columns=(*COLUMNS, "hours"))
    (tmp_path / "ages.csv").write_text(AGES, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    same(found, clean)
    assert [row["rule"] for row in found.rejects] == ["mixed_clock"] * 2


def test_stray_patients_only(tmp_path: Path) -> None:
    found = grade_rows(tmp_path, stray(), "--report")
    assert found.code == 0
    assert found.episodes.is_empty()
    assert set(found.timeline["grade"].to_list()) == {None}
