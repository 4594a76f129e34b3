"""OBX under codes that no table knows, which speak of a therapy: a range, unless what is known explains them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import message, msh, obr, obx, pid, read, result, rules, told
from tests.lib.hl7_grades import NOREPI, at, chart, grade, grades, ras, rxa

from cytowatch.adapters.vocabulary import Code

MODE = "77^Vent Mode^L"


def said(
    code: str = MODE, value: str = "CMV", kind: str = "ST", *, hour: float = 10, sent: float | None = None,
    status: str = "F", time: str = "",
) -> str:  # fmt: skip
    """A message with one result of one order."""
    when = at(hour if sent is None else sent)
    whole = obx(code, value, "", kind=kind, status=status, time=time)
    return message(msh(when, control=f"S{when}{status}"), pid(), obr("R", taken=at(hour)), whole)


def ventilated(hour: float) -> str:
    """The device that the site's list knows: a ventilator."""
    return message(
        msh(at(hour), control=f"D{hour}"), pid(), obr("D", taken=at(hour)),
        obx("O2DEV^Device^L", "V^Ventilator^L", "", kind="CE"),
    )  # fmt: skip


SPEAKS = {
    "words of the code": (MODE, "CMV", "ST"),
    "its alternative words": ("77^^L^78^Vent Mode^99L", "CMV", "ST"),
    "its original words": ("77^^L^^^^^^Vent Mode", "CMV", "ST"),
    "a code that is a word": ("PEEP^^L", "5", "NM"),
    "a short code": ("FIO2^^L", "60", "NM"),
    "a code beside words": ("VENT^Mode^L", "PRVC", "ST"),
    "a code of a tube": ("ETT^^L", "7.5", "ST"),
    "a code cut short in its words": ("PEEP^Positive end expiratory press^L", "5", "NM"),
    "a public code without words": ("20124-4^^LN", "x", "ST"),
    "a code that looks like a no": ("79^Airway^L", "0^Endotracheal tube^L", "CE"),
    "a letter that looks like a no": ("79^Airway^L", "N^Non-rebreather mask^L", "CE"),
    "a no beside another answer": ("79^Airway device oxygen^L", "Intubated~No", "TX"),
    "a number": ("78^PEEP^L", "5", "NM"),
    "a structured number": ("78^PEEP^L", "^5", "SN"),
    "a coded answer": ("79^Airway^L", "4^Endotracheal tube^L", "CE"),
    "an answer by its code": ("79^Airway^L", "ETT^^L", "CWE"),
    "one of several answers": ("79^Airway^L", "patent~tracheostomy", "TX"),
    "a text": ("80^Note^L", "Intubated this morning. Sedated.", "TX"),
    "yes": ("81^Mechanically ventilated^L", "Y^Yes^HL70136", "CE"),
    "a document": ("82^Ventilator chart^L", "^TEXT^PDF^Base64^AAAA", "ED"),
}
SILENT = {
    "no": ("81^Mechanically ventilated^L", "N^No^HL70136", "CE"),
    "zero": ("78^PEEP^L", "0", "NM"),
    "a structured zero": ("78^PEEP^L", "^0", "SN"),
    "room air": ("83^O2 Delivery Device^L", "Room air", "ST"),
    "no value": (MODE, "", "ST"),
    "null": (MODE, '""', "ST"),
    "a short code of a measurement": ("VENT^Ventricular rate^L", "80", "NM"),
    "denied": ("80^Note^L", "Alert. Not intubated.", "TX"),
    "a test": ("84^Oxygen saturation^L", "97", "NM"),
    "the past": ("85^History^L", "ventilator in 2019", "ST"),
    "another thing": ("86^Skin^L", "pink", "ST"),
}


@pytest.mark.parametrize("name", SPEAKS)
def test_an_observation_that_speaks_of_a_ventilator_opens_the_range(tmp_path: Path, name: str) -> None:
    intake = chart(tmp_path, said(*SPEAKS[name]))
    assert rules(intake) == ["unknown_code"]
    assert intake.in_doubt["concept"].to_list() == ["oxygen_device"]
    # until the next charted device
    assert grades(intake, [(9, 2), (11, 2), (13, 2)]) == [(1, 1), (1, 4), (1, 1)]


@pytest.mark.parametrize("name", SILENT)
def test_what_says_no_or_is_of_another_thing_leaves_the_grade(tmp_path: Path, name: str) -> None:
    intake = chart(tmp_path, said(*SILENT[name]))
    assert rules(intake) == []
    assert told(intake, "no table knows the code of OBX-3: ")
    assert grade(intake, 11) == (1, 1)


def test_a_day_alone_is_in_doubt_all_day_and_no_time_at_all_for_all_of_it(tmp_path: Path) -> None:
    day = at(10)[:8]
    for name in ("day", "none"):
        (tmp_path / name).mkdir()
    [one] = chart(tmp_path / "day", said(time=day)).in_doubt.iter_rows(named=True)
    assert one["until"] - one["time"] == 24 * 3600 * 1_000_000
    bare = message(msh(at(10), control="S"), pid(), "OBR|1|||panel", obx(MODE, "CMV", "", kind="ST"))
    spans = chart(tmp_path / "none", bare).in_doubt.select("time", "until").sort("time").rows()
    assert [until is None for _, until in spans] == [False, True]
    assert spans[0][1] == spans[1][0]


@pytest.mark.parametrize("status", ["I", "O", "N", "X", "D", "W"])
def test_what_is_no_result_speaks_of_nothing(tmp_path: Path, status: str) -> None:
    intake = chart(tmp_path, said(status=status))
    assert rules(intake) == []
    assert grade(intake, 11) == (1, 1)


@pytest.mark.parametrize("status", ["F", "P", "C", ""])
def test_what_is_a_result_speaks(tmp_path: Path, status: str) -> None:
    assert grade(chart(tmp_path, said(status=status)), 11) == (1, 4)


def test_a_ventilator_that_is_charted_explains_the_words(tmp_path: Path) -> None:
    intake = chart(tmp_path, ventilated(9.5), said())
    assert rules(intake) == ["unknown_code"]
    assert intake.in_doubt.is_empty()
    assert grades(intake, [(9, 2), (11, 2)]) == [(1, 1), (4, 4)]


def test_some_oxygen_beside_a_charted_cannula_says_nothing_new(tmp_path: Path) -> None:
    cannula = message(
        msh(at(9.5), control="D"), pid(), obr("D", taken=at(9.5)),
        obx("O2DEV^Device^L", "NC^Nasal cannula^L", "", kind="CE"),
    )  # fmt: skip
    assert chart(tmp_path, cannula, said("91^O2 flow^L", "2", "NM")).in_doubt.is_empty()
    assert not chart(tmp_path, cannula, said("91^O2 flow^L", "40", "NM")).in_doubt.is_empty()


def test_a_pressor_that_an_observation_speaks_of(tmp_path: Path) -> None:
    dose = said("90^Norepinephrine dose^L", "0.08", "NM")
    assert grades(chart(tmp_path, ras(hour=1), dose), [(9, 2), (11, 2)]) == [(1, 1), (1, 3)]
    drip = ras(rxa(NOREPI, start=at(9.5), end=at(12)), hour=9.5)
    known = chart(tmp_path, drip, dose)
    assert known.in_doubt.is_empty()
    assert grade(known, 11) == (3, 3)


def test_the_reject_names_the_code_its_words_and_the_value(tmp_path: Path) -> None:
    intake = chart(tmp_path, said("79^O2 Delivery Device^L", "4^Endotracheal tube^L", "CE"))
    one = intake.rejects.row(0, named=True)
    assert (one["concept"], one["value"]) == ("oxygen_device", "Endotracheal tube, 4")
    named = 'no table knows the code of OBX-3: L|79 "O2 Delivery Device"'
    assert one["reason"] == f"{named}, and its words speak of oxygen_device"
    assert "--codes" in one["hint"]
    site = [Code("L", "79", "", fate="ignore", reason="charted elsewhere")]
    known = chart(tmp_path, said("79^O2 Delivery Device^L", "4^Endotracheal tube^L", "CE"), codes=site)
    assert rules(known) == []
    assert grade(known, 11) == (1, 1)


@pytest.mark.parametrize(("value", "status"), [("CMV", "D"), ("CMV", "W"), ("", "W"), ("none", "C")])
def test_a_doubt_goes_with_the_result_that_is_taken_back(tmp_path: Path, value: str, status: str) -> None:
    intake = chart(tmp_path, said(), said(value=value, status=status, sent=10.5))
    assert grade(intake, 11) == (1, 1)
    # of another moment it says nothing about this one
    other = chart(tmp_path, said(), said(value=value, status=status, sent=10.5, time=at(9.5)))
    assert grade(other, 11) == (1, 4)


def test_a_correction_that_speaks_too_leaves_the_doubt(tmp_path: Path) -> None:
    assert grade(chart(tmp_path, said(), said(value="SIMV", status="C", sent=10.5)), 11) == (1, 4)
    # the first said no
    assert grade(chart(tmp_path, said(value="none"), said(value="SIMV", status="C", sent=10.5)), 11) == (1, 4)


def test_two_answers_of_one_message_do_not_take_each_other_back(tmp_path: Path) -> None:
    both = message(
        msh(at(10), control="B"), pid(), obr("R", taken=at(10)),
        obx(MODE, "CMV", "", kind="ST"), obx(MODE, "none", "", kind="ST"),
    )  # fmt: skip
    assert grade(chart(tmp_path, both), 11) == (1, 4)


def test_the_most_frequent_codes_of_no_table_are_named_by_their_words(tmp_path: Path) -> None:
    codes = [f"{number}^Skin {number:02}^L" for number in range(40)]
    intake = read(tmp_path, result(*(obx(code, "1", "") for code in [*codes, *codes[30:]])))
    named = intake.ledger.filter(pl.col("reason").str.starts_with("no table knows the code of OBX-3: "))
    assert named.height == 26
    assert named["rows"].sum() == 50
    assert dict(named.select("reason", "rows").rows())['no table knows the code of OBX-3: L|39 "Skin 39"'] == 2
    assert told(intake, "no table knows the code of OBX-3: 15 others")


def test_what_speaks_of_a_device_is_no_sign_that_devices_are_recorded(tmp_path: Path) -> None:
    assert "oxygen_device" in read(tmp_path, said()).not_recorded
