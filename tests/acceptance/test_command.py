"""The command as it is used: its exit codes and messages, what it writes, and that every way in gives one answer."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.acceptance.ward import (
    AGES,
    COLUMNS,
    START,
    Graded,
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

import cytowatch as cw
from cytowatch import cli
from cytowatch.streaming import inputs, plan

CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
TABLES = ("timeline", "episodes", "rejects", "concordance", "ledger", "discordance", "joint", "findings")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ward's export and its patients."""
    place = tmp_path_factory.mktemp("export")
    write_csv(place / "ward.csv", ward())
    (place / "ages.csv").write_text(AGES, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def clean(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The ward, graded, with its report."""
    place = tmp_path_factory.mktemp("graded")
    return grade(place, exported / "ward.csv", "--patients", exported / "ages.csv", "--report")


def said(capfd: Capture, *words: object) -> tuple[int, str, str]:
    """Exit code, what was printed, and what was printed as an error."""
    capfd.readouterr()
    code = cli.run([str(word) for word in words])
    out, err = capfd.readouterr()
    return code, out, err


def same(found: Graded, expected: Graded) -> None:
    for name in ("timeline", "episodes"):
        assert_frame_equal(found.table(name), expected.table(name))


def subprocess_of(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "cytowatch", *map(str, words)]
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


# ---------------------------------------------------------------- what it writes


def test_the_folder_holds_every_table_and_the_record_of_the_run(clean: Graded) -> None:
    assert clean.code == 0
    names = sorted(path.name for path in clean.folder.iterdir())
    tables = [f"{name}.parquet" for name in (*TABLES, "observations", "patients", "in_doubt")]
    assert names == sorted([*tables, "run.json", "report.html"])
    run = clean.run
    assert {"software", "knowledge", "inputs", "patients", "seconds", "peak_mib"} <= set(run)
    assert [set(entry) for entry in run["inputs"]] == [
        {"file", "read", "used", "superseded", "ignored", "rejected"}
    ] * 2
    assert run["patients"] == 4
    assert run["scales"] == [CRS, ICANS]
    assert run["seconds"] >= 0
    assert run["peak_mib"] > 0
    assert clean.counts("ward.csv") == {
        "read": len(ward()),
        "used": len(ward()),
        "superseded": 0,
        "ignored": 0,
        "rejected": 0,
    }


def test_the_answer_is_the_one_worked_out_by_hand(clean: Graded) -> None:
    hours = [(row["start"] - START) / timedelta(hours=1) for row in clean.of("shock")]
    assert hours == [0, 12, 13, 14, 15, 16, 18, 20, 22, 42, 46, 74]
    assert [row["grade"] for row in clean.of("shock")] == [0, 1, 2, 3, 3, 3, 3, 2, 1, 1, 0, None]
    (crs,) = clean.episodes.filter((pl.col("patient") == "shock") & (pl.col("scale") == CRS)).to_dicts()
    assert (crs["onset"], crs["resolved"]) == (START + timedelta(hours=12), START + timedelta(hours=22))
    assert (crs["max_at_least"], crs["max_at_most"], crs["hours"], crs["tocilizumab_doses"]) == (3, 3, 10.0, 1)
    assert crs["exposure"] == "axicabtagene_ciloleucel"
    worst = clean.now("shock", 14)
    assert worst["evidence"] == ["shock/body_temperature/13", "shock/systolic_bp/13", "shock/norepinephrine/14"]
    assert [row["grade"] for row in clean.of("shock", ICANS)] == [0, 1, 0, 0]
    assert [row["grade"] for row in clean.of("calm")] == [0]


def test_the_timeline_has_no_gap_and_no_overlap(clean: Graded) -> None:
    for patient in ("calm", "shock", "engager", "stray"):
        for scale in (CRS, ICANS):
            rows = clean.of(patient, scale)
            assert all(row["start"] < row["end"] for row in rows)
            assert all(one["end"] == two["start"] for one, two in pairwise(rows))


def test_every_piece_of_evidence_is_a_row_of_the_input(clean: Graded) -> None:
    sources = {row["source"] for row in ward()}
    assert set(clean.timeline["evidence"].explode().drop_nulls().to_list()) <= sources


def test_csv_and_parquet_hold_the_same_tables(exported: Path, clean: Graded, tmp_path: Path) -> None:
    found = grade(tmp_path / "graded", exported / "ward.csv", "--patients", exported / "ages.csv", form="csv")
    for name in TABLES:
        frame = pl.read_parquet(clean.folder / f"{name}.parquet")
        read = pl.read_csv(found.folder / f"{name}.csv", infer_schema=False)
        assert read.columns == frame.columns, name
        typed = read.with_columns(_typed(column, dtype) for column, dtype in frame.schema.items())
        # a CSV table cannot tell an empty text from none
        texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
        bare = frame.with_columns(pl.when(pl.col(texts) != "").then(pl.col(texts)))
        assert_frame_equal(typed, bare, check_row_order=False)


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column of a CSV table in the type that the Parquet table has."""
    text = pl.when(pl.col(name) != "").then(pl.col(name))
    if isinstance(dtype, pl.List):
        return text.str.split("|").fill_null([]).alias(name)
    if isinstance(dtype, pl.Datetime):
        return text.str.to_datetime(time_unit="us", time_zone="UTC").alias(name)
    if dtype == pl.Boolean:
        return (text == "true").alias(name)
    return text.cast(dtype).alias(name)


def test_a_second_run_in_the_other_format_leaves_no_stale_table(exported: Path, tmp_path: Path) -> None:
    grade(tmp_path / "graded", exported / "ward.csv", form="parquet")
    grade(tmp_path / "graded", exported / "ward.csv", form="csv")
    left = {path.name for path in (tmp_path / "graded").glob("*.parquet")}
    assert left == {"observations.parquet", "patients.parquet", "in_doubt.parquet"}


def test_a_second_run_leaves_no_report_of_the_first(tmp_path: Path) -> None:
    grade(tmp_path / "graded", write_csv(tmp_path / "one.csv", calm()), "--report")
    assert (tmp_path / "graded" / "report.html").exists()
    other = write_csv(tmp_path / "other.csv", calm("somebody else"))
    grade(tmp_path / "graded", other)
    report = tmp_path / "graded" / "report.html"
    assert not report.exists() or "somebody else" in report.read_text(encoding="utf-8")


def test_without_out_only_the_summary_is_printed(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capfd, "grade", exported / "ward.csv")
    assert (code, err) == (0, "")
    assert re.search(rf"ward\.csv\s+{len(ward())}\s+{len(ward())}\s+0\s+0\s+0", out)
    assert "no trigger: no grade" in out
    assert list(tmp_path.iterdir()) == []


def test_hours_come_out_as_hours(tmp_path: Path) -> None:
    rows = "p,0,car_t_infusion,,\np,30.5,body_temperature,38.5,Cel\np,-2,body_temperature,36.5,Cel\n"
    (tmp_path / "case.csv").write_text("patient,hours,concept,value,unit\n" + rows, encoding="utf-8")
    for form in ("csv", "parquet"):
        found = grade(tmp_path / form, tmp_path / "case.csv", form=form)
        assert [float(hour) for hour in found.episodes["onset"].to_list()] == [30.5]
        assert found.run["clock"] == "hours"


def test_scales_are_chosen(exported: Path, clean: Graded, tmp_path: Path) -> None:
    one = grade(tmp_path / "one", exported / "ward.csv", "--scale", ICANS)
    both = ("--scale", CRS, ICANS)
    every = grade(tmp_path / "every", exported / "ward.csv", "--patients", exported / "ages.csv", *both)
    lee = grade(tmp_path / "lee", exported / "ward.csv", "--patients", exported / "ages.csv", "--scale", "crs.*")
    assert one.timeline["scale"].unique().to_list() == [ICANS]
    # what only CRS reads is understood and told as not needed
    assert one.counts("ward.csv")["ignored"] > 0
    same(every, clean)
    chosen = set(lee.timeline["scale"])
    assert {CRS, "crs.lee-2014", "crs.penn-2018"} <= chosen
    assert all(name.startswith("crs.") for name in chosen)


# ---------------------------------------------------------------- one answer by every way in


@pytest.mark.parametrize("kind", ["text", "typed", "lazy"])
def test_python_gives_what_the_command_gives(kind: str, exported: Path, clean: Graded) -> None:
    rows = pl.read_csv(exported / "ward.csv", infer_schema=False)
    patients = pl.read_csv(exported / "ages.csv")
    if kind == "typed":
        moments = [pl.col(name).str.to_datetime(time_zone="UTC", strict=False) for name in ("time", "until")]
        rows = rows.with_columns(*moments, pl.col("value").cast(pl.Float64)).drop("comparator", "available", "status")
    result = cw.grade(rows.lazy() if kind == "lazy" else rows, patients=patients)
    for name, frame in (("timeline", result.timeline), ("episodes", result.episodes)):
        assert frame.drop("knowledge", "engine", strict=False).columns == clean.table(name).columns
        assert_frame_equal(frame.drop("knowledge", "engine", strict=False), clean.table(name), check_row_order=False)
    assert result.rejects.is_empty()
    assert result.run["patients"] == 4


def test_python_tells_the_same_rejects(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ward.csv", [*ward(), fact("shock", 20, "bogus", value="1"), *ward()[:3]])
    found = grade(tmp_path / "graded", path)
    result = cw.grade(pl.read_csv(path, infer_schema=False))
    assert result.rejects.drop("source").to_dicts() == [
        {name: value for name, value in row.items() if name != "source"} for row in found.rejects
    ]
    own = {row["fate"]: row["rows"] for row in result.ledger.group_by("fate").agg(pl.col("rows").sum()).to_dicts()}
    counts = found.counts("ward.csv")
    assert own == {fate: counts[fate] for fate in own}
    assert counts["superseded"] == 3


def test_python_with_the_options_of_the_command(exported: Path, tmp_path: Path) -> None:
    options = ("--as-of", at(40), "--assume-trigger", "Yescarta", "--scale", CRS, "--not-recorded", "norepinephrine")
    found = grade(tmp_path / "graded", exported / "ward.csv", *options)
    result = cw.grade(
        pl.read_csv(exported / "ward.csv", infer_schema=False),
        scales=[CRS],
        as_of=at(40),
        assume_trigger="Yescarta",
        not_recorded=["norepinephrine"],
    )
    for name, frame in (("timeline", result.timeline), ("episodes", result.episodes)):
        assert_frame_equal(frame.drop("knowledge", "engine", strict=False), found.table(name), check_row_order=False)


def test_one_patient_alone_is_graded_as_among_many(clean: Graded, tmp_path: Path) -> None:
    for name, rows in (("shock", shock()), ("engager", engager())):
        alone = grade_rows(tmp_path / name, rows)
        own = pl.col("patient") == name
        assert_frame_equal(alone.timeline, clean.timeline.filter(own))
        assert_frame_equal(alone.episodes, clean.episodes.filter(own))


# ---------------------------------------------------------------- large Parquet, a parcel of patients at a time


@pytest.fixture
def small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Parquet input is large, and a parcel holds some thirty rows."""
    monkeypatch.setattr(inputs, "LARGE_ROWS", 0)
    monkeypatch.setattr(plan, "LEAST_ROWS", 30)
    monkeypatch.setattr(plan, "MOST_ROWS", 30)


def as_parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    """The rows as Parquet of text columns, an empty cell missing."""
    cells = [{name: row.get(name) or None for name in COLUMNS} for row in rows]
    pl.DataFrame(cells, schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(path)
    return path


def parcelled(place: Path, rows: list[dict[str, str]], *options: object, form: str = "parquet") -> Graded:
    (place / "ages.csv").write_text(AGES, encoding="utf-8")
    path = as_parquet(place / "ward.parquet", rows)
    return grade(place / "graded", path, "--patients", place / "ages.csv", *options, form=form)


@pytest.mark.usefixtures("small_parcels")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parcels_give_the_same_tables(form: str, exported: Path, tmp_path: Path) -> None:
    whole = grade(tmp_path / "whole", exported / "ward.csv", "--patients", exported / "ages.csv", form=form)
    found = parcelled(tmp_path, ward(), *(["--report"] if form == "parquet" else []), form=form)
    assert found.code == 0
    same(found, whole)
    assert found.counts("ward.parquet")["used"] == len(ward())
    assert found.counts("ages.csv")["read"] == 4
    assert found.run["patients"] == 4
    assert form == "csv" or "shock" in (found.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("small_parcels")
def test_parcels_name_bad_rows_like_any_file(clean: Graded, tmp_path: Path) -> None:
    rows = ward()
    rows.insert(40, {"patient": "shock", "time": at(15), "concept": "bogus"})
    rows.insert(
        2, {"patient": "calm", "time": "yesterday", "concept": "body_temperature", "value": "37", "unit": "Cel"}
    )
    found = parcelled(tmp_path, rows, "--strict")
    assert found.code == 1
    same(found, clean)
    assert [(row["row"], row["rule"], row["source"]) for row in found.rejects] == [
        (2, "bad_time", "ward.parquet:3"),
        (41, "unknown_concept", "ward.parquet:42"),
    ]
    assert found.counts("ward.parquet") == {**clean.counts("ward.csv"), "read": len(rows), "rejected": 2}


@pytest.mark.usefixtures("small_parcels")
def test_parcels_of_rows_that_do_not_stand_together(clean: Graded, tmp_path: Path) -> None:
    found = parcelled(tmp_path, sorted(ward(), key=lambda row: row["time"]))
    same(found, clean)
    assert found.counts("ward.parquet")["used"] == len(ward())


@pytest.mark.usefixtures("small_parcels")
def test_parcels_with_rows_of_nobody(clean: Graded, tmp_path: Path) -> None:
    nobody = {"patient": "", "time": at(15), "concept": "body_temperature", "value": "37", "unit": "Cel"}
    rows = ward()
    found = parcelled(tmp_path, [*rows[:30], nobody, *rows[30:], nobody])
    assert found.code == 0
    same(found, clean)
    assert [row["rule"] for row in found.rejects] == ["missing_patient"] * 2


@pytest.mark.usefixtures("small_parcels")
def test_parcels_never_part_a_patient_whose_id_has_spaces(clean: Graded, tmp_path: Path) -> None:
    rows = [{**row, "patient": f"{row['patient']} "} if number % 7 == 0 else row for number, row in enumerate(ward())]
    first = [row for row in rows if row["patient"].endswith(" ")]
    rest = [row for row in rows if not row["patient"].endswith(" ")]
    same(parcelled(tmp_path, [*first, *rest]), clean)


@pytest.mark.usefixtures("small_parcels")
def test_parcels_of_a_table_with_untidy_column_names(clean: Graded, exported: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(exported / "ward.csv", infer_schema=False).rename({"patient": " Patient", "time": "TIME"})
    frame.write_parquet(tmp_path / "ward.parquet")
    same(grade(tmp_path / "graded", tmp_path / "ward.parquet", "--patients", exported / "ages.csv"), clean)


@pytest.mark.usefixtures("small_parcels")
def test_parcels_of_numbered_patients(tmp_path: Path) -> None:
    frame = pl.read_csv(write_csv(tmp_path / "x.csv", [*calm("12"), *shock("7")]), infer_schema=False)
    frame.with_columns(pl.col("patient").cast(pl.Float64)).write_parquet(tmp_path / "ward.parquet")
    (tmp_path / "ages.csv").write_text("patient,age_years\n12,61\n7,55\n", encoding="utf-8")
    found = grade(tmp_path / "graded", tmp_path / "ward.parquet", "--patients", tmp_path / "ages.csv")
    assert found.now("7", 13)["grade"] == 2


@pytest.mark.usefixtures("small_parcels")
def test_parcels_read_the_table_of_patients_like_any_run(clean: Graded, tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "ward.parquet", ward())
    text = AGES.replace(",", ";").replace("patient", "\ufeffPatient ").replace("61", "61,0") + "half a line\n"
    (tmp_path / "ages.csv").write_text(text, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    assert found.code == 0
    same(found, clean)
    assert [(row["rule"], row["source"]) for row in found.rejects] == [("broken_line", "ages.csv:6")]
    assert found.counts("ages.csv") == {"read": 5, "used": 4, "superseded": 0, "ignored": 0, "rejected": 1}


@pytest.mark.usefixtures("small_parcels")
def test_parcels_name_what_is_wrong_with_a_patient(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "ward.parquet", ward())
    born = "patient,birth_date\ncalm,1965-01-01\nshock,2044-01-01\nengager,1956-01-01\nnever-came,31.12.\n"
    (tmp_path / "ages.csv").write_text(born, encoding="utf-8")
    found = grade(tmp_path / "graded", path, "--patients", tmp_path / "ages.csv")
    assert [(row["source"], row["rule"]) for row in sorted(found.rejects, key=lambda row: row["source"])] == [
        ("ages.csv:3", "birth_date_in_future"),
        ("ages.csv:5", "bad_date"),
    ]
    assert found.now("shock", 13)["missing"] == ["age"]


@pytest.mark.usefixtures("small_parcels")
def test_parcels_of_a_table_without_a_needed_column(exported: Path, tmp_path: Path, capfd: Capture) -> None:
    pl.read_csv(exported / "ward.csv", infer_schema=False).drop("patient").write_parquet(tmp_path / "ward.parquet")
    code, _, err = said(capfd, "grade", tmp_path / "ward.parquet", "--out", tmp_path / "graded")
    assert code == 2
    assert "missing column: patient" in err
    assert not (tmp_path / "graded").exists()


# ---------------------------------------------------------------- large typed tables, by the short way


@pytest.mark.parametrize("clock", ["time", "hours"])
def test_the_short_way_through_admission_gives_the_same(
    clock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = [
        fact("calm", 15, "heart_rate", value="999", unit="/min"),
        fact("calm", 16, "spo2", value="97", unit="%"),
        fact("calm", 17, "spo2", value="0.97", unit="%"),
        fact("calm", 18, "body_temperature", value="102.2", unit="degF"),
        fact("calm", 18, "crp", unit="mg/L"),
        {"patient": "", "time": at(3), "concept": "body_temperature", "value": "37", "unit": "Cel"},
    ]
    frame = pl.read_csv(write_csv(tmp_path / "ward.csv", [*ward(), *odd, *ward()[:4]]), infer_schema=False)
    moments = [pl.col(name).str.to_datetime(time_zone="UTC", strict=False) for name in ("time", "until")]
    typed = frame.with_columns(*moments, pl.col("value").cast(pl.Float64)).drop("comparator", "available", "status")
    if clock == "hours":
        since = [((pl.col(name) - START).dt.total_microseconds() / 3.6e9).alias(name) for name in ("time", "until")]
        typed = typed.with_columns(since).rename({"time": "hours", "until": "until_hours"})
    usual = cw.grade(typed)
    monkeypatch.setattr(sys.modules["cytowatch.adapters.admit"], "WORTH_IT", 0)
    short = cw.grade(typed)
    for name in ("timeline", "episodes", "rejects", "ledger"):
        assert_frame_equal(getattr(short, name), getattr(usual, name), check_row_order=False)
    assert sorted(short.rejects["rule"]) == ["missing_patient", "missing_value", "out_of_range", "out_of_range"]


# ---------------------------------------------------------------- options


def test_as_of_says_what_was_known_then(exported: Path, clean: Graded, tmp_path: Path) -> None:
    cut = grade(tmp_path, exported / "ward.csv", "--patients", exported / "ages.csv", "--as-of", at(15.25))
    now = cut.now("shock", 15.2)
    assert now["grade"] == 3
    assert now["end"] == START + timedelta(hours=15.25)
    assert cut.counts("ward.csv")["ignored"] == sum(row["time"] > at(15.25) for row in ward())
    (episode,) = cut.episodes.filter((pl.col("scale") == CRS) & (pl.col("patient") == "shock")).to_dicts()
    assert (episode["state"], episode["resolved"]) == ("ongoing", None)
    # nothing later changes what was said up to then
    for patient in ("calm", "shock", "engager"):
        for early, late in zip(cut.of(patient), clean.of(patient), strict=False):
            keys = ("start", "grade", "at_least", "at_most", "criteria", "missing", "flags", "evidence")
            assert [early[key] for key in keys] == [late[key] for key in keys]


def test_as_of_in_another_zone_and_in_hours(exported: Path, tmp_path: Path) -> None:
    moment = (START + timedelta(hours=20.25)).isoformat().replace("+00:00", "+05:00")
    there = grade(tmp_path / "there", exported / "ward.csv", "--as-of", moment)
    here = grade(tmp_path / "here", exported / "ward.csv", "--as-of", at(15.25))
    same(there, here)
    (tmp_path / "case.csv").write_text(
        "patient,hours,concept,value,unit\np,0,car_t_infusion,,\np,5,body_temperature,39,Cel\n", encoding="utf-8"
    )
    assert grade(tmp_path / "before", tmp_path / "case.csv", "--as-of", "4.5").episodes.is_empty()
    assert len(grade(tmp_path / "after", tmp_path / "case.csv", "--as-of", "5.5").episodes) == 1


def overlay(place: Path, hours: object) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "policy.toml").write_text(f"[policy.episode_gap_hours]\nvalue = {hours}\n", encoding="utf-8")
    return place


def two_fevers() -> list[dict[str, str]]:
    """Fever at 10 h and at 46 h, measured every six hours, nothing else."""
    rows = [fact("p", 0, "car_t_infusion", text="Yescarta")]
    for hours in range(4, 120, 6):
        temperature = "38.5" if hours in (10, 46) else "36.8"
        rows.append(fact("p", hours, "body_temperature", value=temperature, unit="Cel"))
        rows.append(fact("p", hours, "systolic_bp", value="120", unit="mm[Hg]"))
    return rows


def test_a_sites_own_policy_changes_the_answer_and_is_told(tmp_path: Path) -> None:
    folder = overlay(tmp_path / "site", 48)
    usual = grade_rows(tmp_path / "usual", two_fevers(), ages=None)
    own = grade_rows(tmp_path / "own", two_fevers(), "--knowledge", folder, ages=None)
    assert usual.episodes["onset"].to_list() == [START + timedelta(hours=10), START + timedelta(hours=46)]
    assert own.episodes["onset"].to_list() == [START + timedelta(hours=10)]
    assert own.episodes["resolved"].to_list() == [START + timedelta(hours=46)]
    assert own.run["overlays"] == [str(folder.resolve())]
    assert own.run["knowledge"] != usual.run["knowledge"]
    marks = {pl.read_parquet(run.folder / "timeline.parquet")["knowledge"][0] for run in (usual, own)}
    assert len(marks) == 2


def test_a_therapy_that_is_not_recorded_is_unknown_not_absent(clean: Graded, exported: Path, tmp_path: Path) -> None:
    found = grade(
        tmp_path, exported / "ward.csv", "--patients", exported / "ages.csv", "--not-recorded", "vasopressors"
    )
    calm_row = found.now("calm", 20)
    assert (calm_row["at_least"], calm_row["at_most"]) == (0, 4)
    assert "vasopressor_state" in calm_row["missing"]
    assert clean.now("calm", 20)["grade"] == 0
    # what was recorded after all still counts
    assert found.now("shock", 14)["at_least"] == 3
    assert "norepinephrine" in found.run["not_recorded"]
    assert "vasopressin" in found.run["not_recorded"]


def test_oxygen_that_is_not_recorded(exported: Path, tmp_path: Path) -> None:
    options = ("--patients", exported / "ages.csv", "--not-recorded", "oxygen_device", "tocilizumab")
    found = grade(tmp_path, exported / "ward.csv", *options)
    assert found.now("calm", 20)["at_most"] == 4
    assert "oxygen_device" in found.now("calm", 20)["missing"]


def test_an_assumed_trigger_marks_every_output(exported: Path, clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    options = ("--patients", exported / "ages.csv", "--assume-trigger", "Yescarta", "--report")
    code, out, _ = said(capfd, "grade", exported / "ward.csv", *options, "--out", tmp_path / "graded")
    assert code == 0
    assert "ASSUMED" in out
    found = Graded(0, tmp_path / "graded")
    for scale in (CRS, ICANS):
        assert all("assumed_trigger" in row["flags"] for row in found.of("stray", scale))
    assert found.of("stray")[0]["grade"] == 2
    (episode,) = found.episodes.filter(pl.col("patient") == "stray").to_dicts()
    assert "assumed_trigger" in episode["flags"]
    assert episode["exposure"] == "axicabtagene_ciloleucel"
    assert found.run["arguments"]["assume_trigger"] == "axicabtagene_ciloleucel"
    others = pl.col("patient") != "stray"
    assert_frame_equal(found.timeline.filter(others), clean.timeline.filter(others))
    report = (tmp_path / "graded" / "report.html").read_text(encoding="utf-8")
    assert "assumed" in re.sub(r"<(script|style).*?</\1>", "", report, flags=re.DOTALL).lower()


def test_quiet_prints_nothing(exported: Path, tmp_path: Path, capfd: Capture) -> None:
    options = ("--out", tmp_path / "graded", "--quiet")
    assert said(capfd, "grade", exported / "ward.csv", *options) == (0, "", "")
    code, out, err = said(capfd, "grade", tmp_path / "gone.csv", "--quiet")
    assert (code, out) == (2, "")
    assert "gone.csv" in err


def test_piped_output_has_no_progress_bar_and_no_escapes(exported: Path, tmp_path: Path) -> None:
    run = subprocess_of("grade", exported / "ward.csv", "--out", tmp_path / "graded")
    assert run.returncode == 0
    assert run.stderr == ""
    assert "\x1b" not in run.stdout
    assert "\r" not in run.stdout
    assert f"Tables: {tmp_path / 'graded'}" in run.stdout.splitlines()


def test_a_terminal_sees_a_progress_bar_unless_quiet(exported: Path) -> None:
    seen = {}
    for quiet in ("", "--quiet"):
        mother, daughter = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
        environment.pop("NO_COLOR", None)
        words = [sys.executable, "-m", "cytowatch", "grade", str(exported / "ward.csv"), *([quiet] if quiet else [])]
        with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=daughter) as run:
            run.communicate(timeout=120)
        os.close(daughter)
        try:
            seen[quiet] = os.read(mother, 65_536)
        except OSError:
            seen[quiet] = b""
        os.close(mother)
    assert b"grading" in seen[""]
    assert seen["--quiet"] == b""


# ---------------------------------------------------------------- exit codes and messages


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown scale": (("{ward}", "--scale", "crs.bogus"), "crs.bogus"),
    "a scale beside all": (("{ward}", "--scale", "all", "crs.bogus"), "scale"),
    "unknown option": (("{ward}", "--bogus"), "--bogus"),
    "unknown product": (("{ward}", "--assume-trigger", "aspirin"), "aspirin"),
    "as-of in words": (("{ward}", "--as-of", "yesterday"), "--as-of"),
    "as-of without a zone": (("{ward}", "--as-of", "2026-03-01T10:00:00"), "zone"),
    "as-of in hours on timestamps": (("{ward}", "--as-of", "36"), "--as-of"),
    "report without a folder": (("{ward}", "--report"), "--out"),
    "unknown format": (("{ward}", "--out", "{out}", "--format", "xlsx"), "xlsx"),
    "unknown source": (("{ward}", "--from", "paper"), "paper"),
    "unknown therapy": (("{ward}", "--not-recorded", "leeches"), "leeches"),
    "unknown zone": (("{ward}", "--zone", "Mars/Olympus"), "Mars/Olympus"),
    "no input": ((), "INPUT"),
    "mapping with CLIF": (("{folder}", "--from", "clif", "--mapping", "x.toml"), "--mapping"),
    "patients with CLIF": (("{folder}", "--from", "clif", "--patients", "x.csv"), "--patients"),
    "zone with CLIF": (("{folder}", "--from", "clif", "--zone", "UTC"), "--zone"),
    "two folders with CLIF": (("{folder}", "{folder}", "--from", "clif"), "INPUT"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_4_and_nothing_is_written(
    name: str, exported: Path, tmp_path: Path, capfd: Capture
) -> None:
    words, what = WRONG[name]
    places = {"ward": exported / "ward.csv", "folder": exported, "out": tmp_path / "graded"}
    given = [word.format(**places) for word in words]
    if name != "report without a folder" and "--out" not in given and given:
        given += ["--out", str(tmp_path / "graded")]
    code, out, err = said(capfd, "grade", *given)
    assert (code, out) == (4, "")
    assert what in err
    assert "what to do:" in err
    assert "Traceback" not in err
    assert not (tmp_path / "graded").exists()


@pytest.mark.parametrize("moment", ["soon", "nan", "inf", "-inf", "1e300", "1e30", "2026-03-01T10:00:00Z"])
def test_as_of_that_is_no_moment(moment: str, tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "case.csv").write_text("patient,hours,concept\np,0,car_t_infusion\n", encoding="utf-8")
    code, out, err = said(capfd, "grade", tmp_path / "case.csv", f"--as-of={moment}")
    assert (code, out) == (4, "")
    assert "what to do:" in err


@pytest.mark.parametrize("below", ["", "deeper"])
def test_out_that_is_a_file(below: str, exported: Path, tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "results").write_text("mine", encoding="utf-8")
    code, out, err = said(capfd, "grade", exported / "ward.csv", "--out", tmp_path / "results" / below)
    assert (code, out) == (4, "")
    assert "what to do:" in err
    assert (tmp_path / "results").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("policy.toml", "[policy.episode_gap_hours]\nvalue = 'long'\n", "episode_gap_hours"),
        ("policy.toml", "[policy.episode_gap]\nvalue = 24\n", "episode_gap_hours"),
        ("policy.toml", "[policy.episode_gap_hours\n", "TOML"),
        ("polices.toml", "[policy.episode_gap_hours]\nvalue = 24\n", "polices.toml"),
        ("policy.toml", b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_bad_overlay_is_3_and_nothing_is_written(
    file: str, content: str | bytes, what: str, exported: Path, tmp_path: Path, capfd: Capture
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    for words in (["grade", exported / "ward.csv", "--out", tmp_path / "graded"], ["knowledge", "lint"]):
        code, out, err = said(capfd, *words, "--knowledge", site)
        assert (code, out) == (3, "")
        assert what in err
        assert file in err
        assert "Traceback" not in err
    assert not (tmp_path / "graded").exists()
    assert said(capfd, "knowledge", "diff", site)[0] == 3


def test_an_overlay_that_is_not_there(exported: Path, tmp_path: Path, capfd: Capture) -> None:
    code, _, err = said(capfd, "grade", exported / "ward.csv", "--knowledge", tmp_path / "gone")
    assert code == 3
    assert str(tmp_path / "gone") in err


def test_the_exit_code_reaches_the_shell(exported: Path, tmp_path: Path) -> None:
    assert subprocess_of("grade", tmp_path / "gone.csv").returncode == 2
    bad = write_csv(tmp_path / "bad.csv", [*calm(), fact("calm", 3, "bogus")])
    assert subprocess_of("grade", bad, "--strict", "--quiet").returncode == 1
    wrong = subprocess_of("grade", exported / "ward.csv", "--scale", "crs.bogus")
    assert wrong.returncode == 4
    assert "Traceback" not in wrong.stderr


# ---------------------------------------------------------------- names that trip a terminal


def test_brackets_in_names_are_printed_as_they_are(tmp_path: Path, capfd: Capture) -> None:
    odd = [
        {"patient": "p", "time": at(1), "concept": "Pulse [/min]", "value": "80"},
        {"patient": "p", "time": at(1), "concept": "Leukocytes [#/volume]", "value": "3"},
        {"patient": "p", "time": at(1), "concept": "crp", "value": "3", "unit": "[bold]"},
        {"patient": "[red]", "time": at(1), "concept": ":warning:", "value": "3"},
    ]
    path = write_csv(tmp_path / "ward[old].csv", [*calm("[/b]"), *odd])
    code, out, err = said(capfd, "grade", path, "--out", tmp_path / "graded", "--report")
    assert (code, err) == (0, "")
    for text in ("ward[old].csv", "[/min]", "[#/volume]", "[bold]", ":warning:"):
        assert text in out.replace("\n", " "), text


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_with_brackets_in_its_name(form: str, tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / f"graded [{form}]"
    options = ("--out", folder, "--format", form, "--report")
    code, out, err = said(capfd, "grade", write_csv(tmp_path / "ward.csv", calm()), *options)
    assert (code, err) == (0, "")
    assert f"Report: {folder / 'report.html'}" in out


@pytest.mark.usefixtures("small_parcels")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parcels_into_a_folder_with_brackets_in_its_name(form: str, tmp_path: Path) -> None:
    (tmp_path / "night [1]").mkdir()
    found = parcelled(tmp_path / "night [1]", ward(), form=form)
    assert found.code == 0
    assert len(found.timeline) > 20


def test_paths_are_never_folded(exported: Path, clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / ("a_long_name_" * 9) / "graded"
    _, out, _ = said(capfd, "grade", exported / "ward.csv", "--out", folder)
    assert f"Tables: {folder}" in out.splitlines()
    _, _, err = said(capfd, "grade", folder / "gone.csv")
    assert f"  where: {folder / 'gone.csv'}" in err.splitlines()
    _, out, _ = said(capfd, "report", clean.folder, "--patient", "calm", "--out", folder / "report.html")
    assert out == f"Report: {folder / 'report.html'}\n"


def test_names_that_no_file_may_have(tmp_path: Path) -> None:
    rows = [row for name in ("../../etc", "<script>alert(1)</script>", "Ünal, Ö.", '"quoted"') for row in stray(name)]
    found = grade_rows(tmp_path, rows, "--report", ages=None)
    assert found.code == 0
    assert len(found.timeline["patient"].unique()) == 4
    report = (found.folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in report
    assert cli.run(["report", str(found.folder), "--patient", "../../etc"]) == 0
    assert {path.parent for path in tmp_path.rglob("report*.html")} == {found.folder}


# ---------------------------------------------------------------- report


def test_the_report_is_drawn_from_the_folder_alone(clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    for source in clean.folder.iterdir():
        if source.name != "report.html":
            (tmp_path / source.name).write_bytes(source.read_bytes())
    code, out, err = said(capfd, "report", tmp_path)
    assert (code, err) == (0, "")
    assert str(tmp_path / "report.html") in out
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text == (clean.folder / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']https?:""", text)


def test_the_report_of_one_patient(clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    target = tmp_path / "one.html"
    code, out, err = said(capfd, "report", clean.folder, "--patient", "shock", "--out", target)
    assert (code, err) == (0, "")
    assert str(target) in out
    text = target.read_text(encoding="utf-8")
    assert "shock" in text
    assert "norepinephrine" in text.lower()


def test_the_report_of_nobody_and_of_nothing(clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    code, _, err = said(capfd, "report", clean.folder, "--patient", "nobody")
    assert code == 4
    assert "nobody" in err
    assert not (clean.folder / "report-nobody.html").exists()
    code, _, err = said(capfd, "report", tmp_path)
    assert code == 2
    assert "cytowatch grade" in err


@pytest.mark.parametrize("damage", ["timeline.parquet", "run.json"])
def test_the_report_of_a_damaged_folder(damage: str, clean: Graded, tmp_path: Path, capfd: Capture) -> None:
    for source in clean.folder.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / damage).write_bytes((tmp_path / damage).read_bytes()[:40])
    before = (tmp_path / "report.html").read_bytes()
    code, _, err = said(capfd, "report", tmp_path)
    assert code == 2
    assert damage in err
    assert (tmp_path / "report.html").read_bytes() == before


# ---------------------------------------------------------------- knowledge, version, help


def test_knowledge_list(capfd: Capture) -> None:
    code, out, err = said(capfd, "knowledge", "list")
    assert (code, err) == (0, "")
    for name in (CRS, ICANS, "episode_gap_hours", "teclistamab", "body_temperature", "lee2019"):
        assert name in out
    code, out, _ = said(capfd, "knowledge", "list", "scale")
    assert code == 0
    assert CRS in out
    assert "teclistamab" not in out
    assert said(capfd, "knowledge", "list", "poem")[0] == 4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (CRS, ("Norepinephrine", "lee2019", "38")),
        (ICANS, ("ICE", "lee2019")),
        ("crs.penn-2018", ("Norepinephrine rate", "porter2018", "recalled", "not encoded")),
        ("hlh.hscore", ("169", "fardet2014", "probability")),
        ("sofa", ("PaO2", "Platelets")),
        ("body_temperature", ("Cel", "[degF]")),
        ("episode_gap_hours", ("24", "48")),
        ("Yescarta", ("axicabtagene_ciloleucel",)),
        ("lee2019", ("2019",)),
    ],
)
def test_knowledge_show(name: str, words: tuple[str, ...], capfd: Capture) -> None:
    code, out, err = said(capfd, "knowledge", "show", name)
    assert (code, err) == (0, "")
    for word in words:
        assert word in out


def test_knowledge_show_nothing(capfd: Capture) -> None:
    code, _, err = said(capfd, "knowledge", "show", "bogus")
    assert code == 4
    assert "bogus" in err


def test_knowledge_lint_passes(capfd: Capture) -> None:
    code, out, _ = said(capfd, "knowledge", "lint")
    assert code == 0
    assert " 0 errors" in out


def test_knowledge_lint_fails_on_an_incomplete_scale(tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "policy.toml").write_text("[policy.minimum_support_hours]\nvalue = 3\n", encoding="utf-8")
    code, out, err = said(capfd, "knowledge", "lint", "--knowledge", tmp_path)
    assert code == 3
    assert "minimum_support_hours" in out + err


def test_knowledge_diff(tmp_path: Path, capfd: Capture) -> None:
    code, out, _ = said(capfd, "knowledge", "diff", overlay(tmp_path / "site", 48))
    assert code == 0
    assert "episode_gap_hours" in out
    assert "24 -> 48" in out
    assert said(capfd, "knowledge", "diff")[0] == 4
    same_again = overlay(tmp_path / "same", 24)
    code, out, _ = said(capfd, "knowledge", "diff", same_again)
    assert code == 0
    assert "->" not in out


def test_version_and_help(capfd: Capture) -> None:
    code, out, _ = said(capfd, "--version")
    assert code == 0
    assert re.search(r"cytowatch \S+, knowledge \d{4}\.\d+", out)
    for words in (("--help",), ("grade", "--help"), ("report", "--help"), ("knowledge", "--help"), ("demo", "--help")):
        code, out, _ = said(capfd, *words)
        assert code == 0
        assert "Usage:" in out
    _, out, _ = said(capfd, "grade", "--help")
    for option in (
        "--patients",
        "--from",
        "--scale",
        "--knowledge",
        "--as-of",
        "--assume-trigger",
        "--strict",
        "--out",
    ):
        assert option in out


def test_an_unknown_command(capfd: Capture) -> None:
    code, out, err = said(capfd, "grate")
    assert (code, out) == (4, "")
    assert "grate" in err


# ---------------------------------------------------------------- a folder of CLIF tables


CLIF = Path(cw.__file__).parent / "demo_data" / "clif"


def clif(place: Path, *tables: str) -> Path:
    """A folder with some of the tables of the demo."""
    place.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (place / f"clif_{table}.parquet").write_bytes((CLIF / f"clif_{table}.parquet").read_bytes())
    return place


def test_an_assumed_trigger_over_clif_marks_every_patient(tmp_path: Path) -> None:
    found = grade(tmp_path, CLIF, "--from", "clif", "--assume-trigger", "Yescarta")
    assert found.code == 0
    assert found.timeline["flags"].list.contains("assumed_trigger").all()
    assert found.episodes["flags"].list.contains("assumed_trigger").all()
    assert found.timeline["grade"].max() == 4
    for entry in found.run["inputs"]:
        found.counts(entry["file"])


def test_a_table_that_a_clif_folder_lacks_is_unknown_not_absent(tmp_path: Path) -> None:
    folder = clif(tmp_path / "in", "vitals", "hospitalization", "patient")
    found = grade(tmp_path / "graded", folder, "--from", "clif", "--assume-trigger", "Yescarta")
    assert {"norepinephrine", "oxygen_device"} <= set(found.run["not_recorded"])
    assert found.timeline.filter(pl.col("scale") == CRS)["at_most"].min() == 4


@pytest.mark.parametrize("damage", ["no folder", "no tables", "truncated", "a column missing"])
def test_a_clif_folder_that_cannot_be_read(damage: str, tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / "in"
    if damage != "no folder":
        folder.mkdir()
    if damage in ("truncated", "a column missing"):
        vitals = clif(folder, "vitals", "hospitalization") / "clif_vitals.parquet"
        if damage == "truncated":
            vitals.write_bytes(vitals.read_bytes()[:3000])
        else:
            pl.read_parquet(vitals).drop("vital_value").write_parquet(vitals)
    code, out, err = said(capfd, "grade", folder, "--from", "clif", "--out", tmp_path / "graded")
    assert (code, out) == (2, "")
    assert ("clif_vitals.parquet" if damage in ("truncated", "a column missing") else str(folder)) in err
    assert "what to do:" in err
    assert "Traceback" not in err
    assert not (tmp_path / "graded").exists()


# ---------------------------------------------------------------- a wide table with its mapping


MAPPING = """
patient = "id"
[time]
column = "day"
unit = "d"
[[column]]
name = "temp"
concept = "body_temperature"
unit = "degF"
[[column]]
name = "support"
concept = "oxygen_device"
texts = { RA = "room_air", NC = "nasal_cannula" }
[[once]]
concept = "car_t_infusion"
hours = 0
text = "Yescarta"
"""
WIDE = "id,day,temp,support\nw,0,98.6,RA\nw,1,101.3,NC\nw,2,98.6,RA\nw,3,410,RA\n"


def test_a_wide_table_with_its_mapping(tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "wide.toml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "wide.csv").write_text(WIDE, encoding="utf-8")
    found = grade(tmp_path / "graded", tmp_path / "wide.csv", "--mapping", tmp_path / "wide.toml")
    assert found.code == 0
    assert found.episodes["onset"].to_list() == [24.0]
    assert [(row["rule"], row["source"]) for row in found.rejects] == [("out_of_range", "wide.csv:5:temp")]
    assert found.counts("wide.csv")["rejected"] == 1
    (tmp_path / "wide.toml").write_text(MAPPING.replace("temp", "temperatur"), encoding="utf-8")
    code, _, err = said(capfd, "grade", tmp_path / "wide.csv", "--mapping", tmp_path / "wide.toml")
    assert code == 2
    assert "temperatur" in err


def test_run_json_is_json_a_machine_can_read(clean: Graded) -> None:
    text = (clean.folder / "run.json").read_text(encoding="utf-8")
    assert json.loads(text) == clean.run
    assert text.endswith("}\n")
