"""What the quality report says of small sources whose faults are known."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cytowatch.adapters.doubt import UNREAD
from cytowatch.adapters.files import read_files
from cytowatch.cli import run
from cytowatch.engine.apply import needed_by
from cytowatch.knowledge import load
from cytowatch.knowledge.choose import check_scales
from cytowatch.quality import Quality, measure
from cytowatch.quality.page import render
from tests.report.test_browser import CHROMIUM

KNOWLEDGE = load()
SIGNS = ["body_temperature", "systolic_bp", "mean_arterial_pressure", "oxygen_device", "norepinephrine", "crp"]

# A is charted every 4 hours and once in Fahrenheit; B loses the time of day, a result is known before it was taken,
# and somebody charts after the death; 30 hours of A have no vital sign at all
WARD = """patient,time,concept,value,unit,text,available
A,2025-03-01T08:00:00Z,car_t_infusion,,,axicabtagene_ciloleucel,
A,2025-03-01T08:00:00Z,body_temperature,37.0,Cel,,
A,2025-03-01T12:00:00Z,body_temperature,38.6,Cel,,
A,2025-03-01T16:00:00Z,body_temperature,101.3,[degF],,
A,2025-03-02T22:00:00Z,systolic_bp,112,mm[Hg],,
A,2025-03-02T22:00:00Z,systolic_bp,1120,mm[Hg],,
B,2025-03-01T00:00:00Z,body_temperature,37.2,Cel,,
B,2025-03-02T00:00:00Z,crp,12,mg/L,,2025-03-01T20:00:00Z
B,2025-03-02T00:00:00Z,body_temperature,37.3,Cel,,
B,2025-03-02T06:00:00Z,death,,,infection,
B,2025-03-02T09:00:00Z,body_temperature,37.0,Cel,,
"""


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    path = tmp_path / "ward.csv"
    path.write_text(WARD, encoding="utf-8")
    return path


@pytest.fixture
def measured(ward: Path) -> Quality:
    return measure(read_files(ward, KNOWLEDGE), KNOWLEDGE, SIGNS)


def row(frame: pl.DataFrame, **cells: object) -> dict[str, object]:
    """The one row with these cells."""
    found = frame.filter(pl.all_horizontal(pl.col(name) == value for name, value in cells.items()))
    assert found.height == 1, (cells, frame)
    return found.row(0, named=True)


def test_coverage_counts_rows_patients_and_the_time_a_reading_speaks_for(measured: Quality) -> None:
    temperature = row(measured.coverage, concept="body_temperature")
    assert (temperature["rows"], temperature["patients"], temperature["share"]) == (6, 2, 1.0)
    # steps: A 4 and 4 hours, B 24 and 9
    assert temperature["median_hours"] == pytest.approx(6.5)
    assert temperature["longest_hours"] == 24
    # a temperature speaks for 8 hours: A 4 + 4 + 8 of 38, B 8 + 8 + 0 of 33
    assert temperature["covered"] == pytest.approx(32 / 71)


def test_what_is_not_there_is_told_with_zero_rows(measured: Quality) -> None:
    assert row(measured.coverage, concept="oxygen_device")["rows"] == 0
    assert any("No oxygen support at all" in remark.text for remark in measured.remarks)


def test_units_stand_as_they_were_given(measured: Quality) -> None:
    assert row(measured.units, concept="body_temperature", unit="[degF]")["rows"] == 1
    assert row(measured.units, concept="body_temperature", unit="Cel")["rows"] == 5
    # a refused row was in a unit, too
    assert row(measured.units, concept="systolic_bp", unit="mm[Hg]")["rows"] == 2


def test_rejects_are_counted_by_reason(measured: Quality) -> None:
    assert row(measured.rejects, rule="out_of_range", concept="systolic_bp")["rows"] == 1


def test_a_gap_is_measured_between_vital_signs(measured: Quality) -> None:
    assert measured.gaps.select("patient", "hours").rows() == [("A", 30.0)]


def test_shifted_times_are_found(measured: Quality) -> None:
    assert row(measured.shifts, check="at_midnight", concept="body_temperature")["rows"] == 2
    assert row(measured.shifts, check="known_before_taken", concept="crp")["rows"] == 1
    assert row(measured.shifts, check="after_death", concept="body_temperature")["rows"] == 1
    said = " ".join(remark.text for remark in measured.remarks)
    for words in (
        "29% of vital signs stand at exactly midnight",
        "known before they were taken",
        "after the patient's",
    ):
        assert words in said


def test_midnight_is_that_of_the_place(tmp_path: Path) -> None:
    """In Berlin (winter) midnight is 23:00 of Greenwich."""
    path = tmp_path / "berlin.csv"
    path.write_text(
        "patient,time,concept,value,unit\n"
        "A,2025-01-10 00:00,body_temperature,37.0,Cel\nA,2025-01-10 13:30,body_temperature,37.0,Cel\n",
        encoding="utf-8",
    )
    found = measure(read_files(path, KNOWLEDGE, zone="Europe/Berlin"), KNOWLEDGE, SIGNS)
    assert row(found.shifts, check="at_midnight", concept="body_temperature")["rows"] == 1
    assert found.hours.filter(pl.col("rows") > 0)["hour"].to_list() == [0, 13]


def test_patients_without_a_trigger_are_told(measured: Quality) -> None:
    assert any(remark.text.startswith("1 of 2 patients have no trigger") for remark in measured.remarks)
    assert measured.triggers.rows() == [("car_t_infusion", "axicabtagene_ciloleucel", 1, 1)]


def test_the_order_of_the_rows_does_not_matter(measured: Quality, tmp_path: Path) -> None:
    head, *lines = WARD.splitlines()
    other = tmp_path / "other" / "ward.csv"
    other.parent.mkdir()
    other.write_text("\n".join([head, *reversed(lines)]) + "\n", encoding="utf-8")
    again = measure(read_files(other, KNOWLEDGE), KNOWLEDGE, SIGNS)
    for name in ("coverage", "units", "gaps", "shifts", "hours", "triggers"):
        assert again.tables()[name].equals(measured.tables()[name]), name


def test_the_command_writes_a_page_and_the_tables(
    ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["quality", str(ward), "--out", str(tmp_path / "looked")]) == 0
    printed = capsys.readouterr().out
    assert "out_of_range" in printed
    assert "not there:" in printed
    page = (tmp_path / "looked" / "quality.html").read_text(encoding="utf-8")
    assert "Not a medical device" in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert pl.read_csv(tmp_path / "looked" / "coverage.csv").height > 40


def test_ids_that_are_markup_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(WARD.replace("A,", "<script>alert(1)</script>,"), encoding="utf-8")
    page = render(measure(read_files(path, KNOWLEDGE), KNOWLEDGE, SIGNS), KNOWLEDGE, "<b>")
    assert "<script>" not in page
    assert "<b>" not in page.replace("<b>grave", "").replace("<b>doubtful", "").replace("<b>told", "")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium")
def test_the_page_fits_a_phone(ward: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    run(["quality", str(ward), "--out", str(tmp_path / "looked"), "--quiet"])
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto((tmp_path / "looked" / "quality.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()


def test_the_counts_are_those_of_a_grading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A temperature twice, one withdrawn, and a concept that no scale here reads: 9 rows, 5 of them used."""
    path = tmp_path / "h.csv"
    path.write_text(
        "patient,time,concept,value,unit,text,status\n"
        "A,2025-03-01T08:00:00Z,car_t_infusion,,,axicabtagene_ciloleucel,\n"
        "A,2025-03-01T09:00:00Z,body_temperature,38.6,Cel,,\n"
        "A,2025-03-01T09:00:00Z,body_temperature,38.6,Cel,,\n"
        "A,2025-03-01T10:00:00Z,body_temperature,41.0,Cel,,entered-in-error\n"
        "A,2025-03-01T10:00:00Z,systolic_bp,112,mm[Hg],,\n"
        "A,2025-03-01T11:00:00Z,systolic_bp,113,mm[Hg],,\n"
        "A,2025-03-01T12:00:00Z,systolic_bp,114,mm[Hg],,\n"
        "A,2025-03-01T12:00:00Z,sodium,140,mmol/L,,\n"
        "A,2025-03-01T12:00:00Z,systolic_bp,1120,mm[Hg],,\n",
        encoding="utf-8",
    )
    assert run(["grade", str(path), "--out", str(tmp_path / "graded"), "--format", "csv", "--quiet"]) == 0
    assert run(["quality", str(path), "--out", str(tmp_path / "looked")]) == 0
    looked = pl.read_csv(tmp_path / "looked" / "ledger.csv")
    assert looked.equals(pl.read_csv(tmp_path / "graded" / "ledger.csv"))
    assert dict(looked.group_by("fate").agg(pl.col("rows").sum()).iter_rows()) == {
        "used": 5, "superseded": 2, "ignored": 1, "rejected": 1,
    }  # fmt: skip
    line = next(line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("h.csv"))
    assert line.split()[1:] == ["9", "5", "2", "1", "1"]


def test_no_temperature_is_no_finding_of_no_fever(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [line for line in WARD.splitlines() if "body_temperature" not in line]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    said = [remark.text for remark in measure(read_files(path, KNOWLEDGE), KNOWLEDGE, SIGNS).remarks]
    assert "No temperature at all (body_temperature): its part of the grade stays unknown." in said


def test_doors_names_every_concept_the_scales_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doors"]) == 0
    printed = capsys.readouterr().out
    named = {line.split()[0] for line in printed.splitlines() if line.strip()}
    needed = needed_by(check_scales(None, KNOWLEDGE), KNOWLEDGE) - {UNREAD}
    assert len(needed) > 20
    assert needed <= named
    assert run(["doors", "clif"]) == 0
    assert "Two pumps" in capsys.readouterr().out
    assert run(["doors", "fax"]) == 4


def test_a_wrong_place_is_told_before_anything_is_read(
    ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results of a run are not overwritten: a ledger and rejects lie there under the same names."""
    graded = tmp_path / "graded"
    assert run(["grade", str(ward), "--out", str(graded), "--format", "csv", "--quiet"]) == 0
    before = {path.name: path.read_bytes() for path in graded.iterdir()}
    assert run(["quality", str(ward), "--out", str(graded), "--quiet"]) == 4
    assert "--out is a folder of graded results" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in graded.iterdir()} == before
    assert run(["quality", str(ward), "--out", str(ward), "--quiet"]) == 4
    assert "--out is not a folder" in capsys.readouterr().err
