"""Corrections and retractions that do not fit: of therapies they leave a doubt, and none passes unseen."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import EIGHT, fates, given, message, msh, obr, obx, pid, read, result, rules, rxa, stated, told
from tests.lib.hl7_grades import DEVICE, NOREPI, at, chart, grade, grades, ras, signs

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code

TMP = Code("local", "TMP", "body_temperature", unit="Cel")
BOTH = "8310-5^Temperature^LN^TMP^Temp^L"


def values(intake: Intake) -> list[tuple[str, float | None]]:
    """Concept and value of what no mark points at."""
    rows = intake.observations
    marks = rows.filter(pl.col("status") == "entered-in-error")
    rows = rows.join(marks, on=["concept", "source"], how="anti")
    return rows.select("concept", "value").sort("concept", "value").rows()


# ---------------------------------------------------------------- times that do not fit


def test_a_changed_rate_is_a_new_rate(tmp_path: Path) -> None:
    # one order: 0.1 from 8, 0.2 from 10, stopped at 12, each a change (U) of the one before
    steps = [
        ras(rxa(NOREPI, rate, start=at(hour), action=action), hour=hour)
        for hour, rate, action in ((8, "0.1", "A"), (10, "0.2", "U"), (12, "0", "U"))
    ]
    intake = chart(tmp_path, *steps)
    assert grades(intake, [(7, 2), (9, 2), (11, 2), (13, 2)]) == [(1, 1), (3, 3), (3, 3), (1, 1)]
    # a change at the same moment is a correction, as before
    same = ras(rxa(NOREPI, "0", start=at(8), action="U"), hour=9)
    assert grade(chart(tmp_path, steps[0], same), 9) == (1, 1)


def test_unplaced_retraction(tmp_path: Path) -> None:
    drip = ras(rxa(NOREPI, start=at(8)), rxa(NOREPI, "0", start=at(12)), hour=12)
    back = ras(rxa(NOREPI, start=at(9), action="D"), hour=14, control="BACK")
    intake = chart(tmp_path, drip, back)
    # which of the two was wrong is not known: from 8 on it may have run, and from 12 on, too
    assert grades(intake, [(7, 2), (9, 2), (13, 2)]) == [(1, 1), (1, 3), (1, 3)]
    assert rules(intake) == ["unplaced_retraction"]
    assert sum(fates(intake).values()) == sum(rows for _, _, rows in intake.files)
    # one that fits its time takes back what it means, and nothing else
    fits = ras(rxa(NOREPI, start=at(8), action="D"), hour=14, control="BACK")
    assert grade(chart(tmp_path, drip, fits), 9) == (1, 1)


def test_a_changed_dose_leaves_the_one_before_in_doubt(tmp_path: Path) -> None:
    first = given(rxa("612865^tocilizumab^RXNORM", "600", "mg"))
    again = rxa("612865^tocilizumab^RXNORM", "400", "mg", start="202503010900+0100", action="U")
    intake = read(tmp_path, first, given(again, sent="202503011200+0100", control="A2"))
    assert values(intake) == [("tocilizumab", 400.0)]
    assert intake.in_doubt.select("concept", "value", "comparator").rows() == [("tocilizumab", 0.0, ">=")]


def test_a_device_is_not_taken_off_by_a_correction_that_fits_no_time(tmp_path: Path) -> None:
    def device(answer: str, time: str, status: str = "F", **header: str) -> str:
        told = obx("O2DEV^Device^L", answer, "", kind="CWE", status=status, time=time)
        return message(msh(**header), pid(), obr(), told)

    first = device("nasal_cannula", EIGHT)
    back = device("", "202503010900+0100", "W", sent="202503011200+0100", control="M2")
    intake = read(tmp_path, first, back, codes=[DEVICE])
    assert intake.in_doubt.select("concept", "comparator").rows() == [("oxygen_device", ">=")]


# ---------------------------------------------------------------- codes that do not fit


def later(segment: str, *, sent: str = "202503011200+0100", order: str = "F1") -> str:
    return message(msh(sent, control=f"L{sent}"), pid(), obr(order), segment)


@pytest.mark.parametrize("code", [BOTH, "8310-5^Temperature^LN", "TMP^Temp^L", "^^^TMP^Temp^L"])
def test_another_coding(tmp_path: Path, code: str) -> None:
    first = result(obx(BOTH, "40.1", "Cel"))
    back = later(obx(code, '""', "Cel", status="W"))
    assert values(read(tmp_path, first, back, codes=[TMP])) == []
    # without the site's list the local code is known from the result that it stood beside, in whatever order
    assert values(read(tmp_path, back, first)) == []
    right = later(obx(code, "36.9", "Cel", status="C"))
    assert values(read(tmp_path, first, right)) == [("body_temperature", 36.9)]


def test_a_retraction_by_concept_alone_needs_the_time(tmp_path: Path) -> None:
    first = result(obx("TMP^Temp^L", "40.1", "Cel"))
    back = obx("8310-5^Temperature^LN", '""', "Cel", status="W")
    assert values(read(tmp_path, first, later(back), codes=[TMP])) == []
    other_time = obx("8310-5^Temperature^LN", '""', "Cel", status="W", time="202503010900+0100")
    assert rules(read(tmp_path, first, later(other_time), codes=[TMP])) == ["unmatched_retraction"]
    # two codes of the concept at one moment: which one is meant is not said
    two = result(obx("TMP^Temp^L", "40.1", "Cel"), obx("8331-1^Oral^LN", "38.0", "Cel"))
    assert rules(read(tmp_path, two, later(back), codes=[TMP])) == ["unmatched_retraction"]


@pytest.mark.parametrize("status", ["D", "W", "C"])
@pytest.mark.parametrize("local", ["", "^BPS^Sys^L"])
def test_another_public_code_is_another_result(tmp_path: Path, status: str, local: str) -> None:
    # 80 stands, for the later message speaks of the pressure by cuff
    own = [Code("local", "BPS", "systolic_bp", unit="mm[Hg]")]
    low = message(msh(at(5), control="L"), pid(), obr("Q", taken=at(5)), obx(f"8480-6^SBP^LN{local}", "80", "mm[Hg]"))
    cuff = obx("76534-7^SBP cuff^LN", "125", "mm[Hg]", status=status)
    back = message(msh(at(6), control="W"), pid(), obr("Q", taken=at(5)), cuff)
    intake = chart(tmp_path, low, back, codes=own)
    assert rules(intake) == ([] if status == "C" else ["unmatched_retraction"])
    assert ("systolic_bp", 80.0) in values(intake)
    if status != "C":
        # of what the pressure is low is not known: 1 or 2
        assert grade(intake, 5.5) == (1, 2)
    # a site's own code stands for the one that it means
    mine = message(msh(at(6), control="W"), pid(), obr("Q", taken=at(5)), cuff.replace("76534-7^SBP cuff^LN", "BPS^^L"))
    assert ("systolic_bp", 80.0) not in values(chart(tmp_path, low, mine, codes=own))


def test_results_of_two_codes_do_not_replace_each_other(tmp_path: Path) -> None:
    first = result(obx("8331-1^Oral^LN", "38.9", "Cel"))
    second = later(obx("8310-5^Temperature^LN", "36.5", "Cel"))
    assert values(read(tmp_path, first, second)) == [("body_temperature", 36.5), ("body_temperature", 38.9)]


def test_a_correction_under_a_code_of_no_table(tmp_path: Path) -> None:
    alone = read(tmp_path, later(obx("TMP^Temp^L", "36.9", "Cel", status="C")))
    assert stated(alone) == []
    assert told(alone, "no table knows the code of OBX-3")
    # one local code beside two concepts says nothing
    two = result(obx("8310-5^Temperature^LN^X^^L", "40.1", "Cel"), obx("777-3^Platelets^LN^X^^L"))
    assert len(values(read(tmp_path, two, later(obx("X^^L", '""', "", status="W"))))) == 2


def test_unmatched_retraction_of_another_patient_s_fever(tmp_path: Path) -> None:
    # the fever of another patient goes on counting, and this is told
    wrong = signs(5, 2)
    back = message(msh(at(6), control="W"), pid(), obr("OTHER", taken=at(5)), obx("8310-5^T^LN", '""', status="W"))
    intake = chart(tmp_path, wrong, back)
    found = intake.rejects.row(0, named=True)
    assert (found["rule"], found["concept"], found["patient"]) == ("unmatched_retraction", "body_temperature", "P1")
    assert fates(intake)["rejected"] == 1


def test_a_pressure_of_another_patient_no_longer_grades(tmp_path: Path) -> None:
    own = [Code("local", "BPS", "systolic_bp", unit="mm[Hg]")]
    low = message(msh(at(5), control="L"), pid(), obr("F9", taken=at(5)), obx("8480-6^S^LN^BPS^Sys^L", "80", "mm[Hg]"))
    back = message(msh(at(6), control="W"), pid(), obr("F9", taken=at(5)), obx("8480-6^S^LN", '""', status="W"))
    # of what the pressure is low is not known: 1 or 2
    assert grade(chart(tmp_path, low, codes=own), 5.5) == (1, 2)
    assert grade(chart(tmp_path, low, back, codes=own), 5.5) == (1, 1)


def test_a_result_that_cannot_be_had_leaves_those_of_other_times(tmp_path: Path) -> None:
    first = result(obx())
    missed = later(obx(value="", status="X", time="202503010900+0100"))
    intake = read(tmp_path, first, missed)
    assert values(intake) == [("platelets", 210.0)]
    assert rules(intake) == []
    assert values(read(tmp_path, first, later(obx(value="", status="X", time=EIGHT)))) == []
