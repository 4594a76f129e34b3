"""The traps of the manifest doors/hl7v2.toml; each test, here or in the files beside, is named after its trap."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import (
    EIGHT,
    EIGHT_US,
    HOUR_US,
    KNOWLEDGE,
    fates,
    given,
    message,
    msh,
    obr,
    obx,
    pid,
    read,
    result,
    rules,
    rxa,
    stated,
    told,
)

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.engine.settle import settle
from cytowatch.pipeline import grade_intake

PLATELETS = [("platelets", 210.0, "10*9/L")]
DEVICE = Code("local", "O2DEV", "oxygen_device")


def standing(intake: Intake, *, as_of: str | None = None) -> list[tuple[float | None, str]]:
    """Value and source of what stands after corrections, as the engine settles it."""
    moment = int(datetime.fromisoformat(as_of).timestamp() * 1e6) if as_of else None
    names = ("platelets", "norepinephrine", "tocilizumab")
    charted = settle(intake.charted, KNOWLEDGE, names, as_of=moment).charted
    return [row for name in names for row in charted.of(name).select("value", "source").sort("source").rows()]


# ---------------------------------------------------------------- the wire


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    intake = read(tmp_path, message(msh(), pid(), obr(), obx(), end=end))
    assert stated(intake) == PLATELETS
    assert intake.observations["source"].to_list() == ["000.hl7:4"]


def test_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff" + result(obx()) + "\ufeff" + result(obx(time="202503010900+0100"), control="M2")
    assert stated(read(tmp_path, text)) == PLATELETS * 2


def test_mllp_frames(tmp_path: Path) -> None:
    one, two = result(obx()), result(obx(time="202503010900+0100"), control="M2")
    joined = f"\x0b{one}\x1c\r\x0b{two.rstrip()}\x1c\x0b{result(obx(time='202503011000+0100'), control='M3')}\x1c\r"
    assert stated(read(tmp_path, joined)) == PLATELETS * 3


def test_own_separators(tmp_path: Path) -> None:
    other = result(obx()).translate(str.maketrans("|^~\\&", "$%!@;"))
    assert stated(read(tmp_path, other)) == PLATELETS
    broken = result(obx()).replace("|^~\\&|", "|^^^^|")
    both = read(tmp_path, other, broken)
    assert stated(both) == PLATELETS
    assert rules(both) == ["bad_encoding_characters"] * 4


def test_batch_counts(tmp_path: Path) -> None:
    whole = message("FHS|^~\\&|A", "BHS|^~\\&|A") + result(obx()) + message("BTS|1", "FTS|1")
    assert rules(read(tmp_path, whole)) == []
    lost = read(tmp_path, whole.replace("BTS|1", "BTS|2").replace("FTS|1", "FTS|3"))
    assert rules(lost) == ["batch_count", "batch_count"]
    assert stated(lost) == PLATELETS


@pytest.mark.parametrize(
    ("charset", "codec", "fits"),
    [
        ("8859/1", "latin-1", True),
        ("UNICODE UTF-8", "utf-8", True),
        ("", "utf-8", True),
        ("ASCII", "utf-8", True),
        ("UNICODE", "utf-16", True),
        ("UNICODE UTF-16", "utf-16-be", True),
        ("ASCII", "latin-1", False),
        ("NOBODY'S", "utf-8", False),
    ],
)
def test_character_sets(tmp_path: Path, charset: str, codec: str, fits: bool) -> None:
    dose = given(rxa(unit="µg/kg/min"), charset=charset)
    intake = read(tmp_path, dose.encode(codec))
    assert [row[:2] for row in stated(intake)] == [("norepinephrine", 0.1)] or not fits
    assert told(intake, "characters:") is not fits


def test_escapes(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx(unit="10\\S\\3/uL"), obx("6690-2^A \\T\\ B^LN", "5")))
    assert stated(intake) == [*PLATELETS, ("white_cells", 5.0, "10*9/L")]


def test_unit_power(tmp_path: Path) -> None:
    assert stated(read(tmp_path, result(obx(unit="10^3/uL")))) == PLATELETS


def test_explicit_null(tmp_path: Path) -> None:
    first = result(obx())
    deleted = result(obx(value='""'), sent="202503011200+0100", control="M2")
    empty = result(obx(value=""), sent="202503011200+0100", control="M2")
    assert standing(read(tmp_path, first, deleted)) == []
    assert standing(read(tmp_path, first, empty)) == [(210.0, "000.hl7:4")]


def test_truncated(tmp_path: Path) -> None:
    text = result(obx(value="21#")).replace("^~\\&|", "^~\\&#|")
    assert rules(read(tmp_path, text)) == ["truncated_value"]
    # without a truncation character in the header it is a strange number
    assert rules(read(tmp_path, result(obx(value="21#")))) == ["not_a_number"]
    who = message(msh().replace("^~\\&|", "^~\\&#|"), pid("P1#^^^HOSP^MR"), obr(), obx())
    assert rules(read(tmp_path, who)) == ["missing_patient", "missing_patient"]


# ---------------------------------------------------------------- values


def test_several_values(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx("8867-4^heart rate^LN", "160~120", "/min"), obx(value="~210~")))
    assert rules(intake) == ["several_values"]
    assert stated(intake) == PLATELETS


@pytest.mark.parametrize(
    ("value", "bound", "refused"),
    [
        (">^1500", (">", 1500.0), None),
        ("<^5", ("<", 5.0), None),
        ("^182", (None, 182.0), None),
        ("=^182", (None, 182.0), None),
        ("^10^-^20", None, "range_or_ratio"),
        ("^1^:^128", None, "range_or_ratio"),
        ("^2^+", None, "range_or_ratio"),
        ("<>^5", None, "unknown_comparator"),
    ],
)
def test_structured_numeric(
    tmp_path: Path, value: str, bound: tuple[str | None, float] | None, refused: str | None
) -> None:
    intake = read(tmp_path, result(obx("2276-4^Ferritin^LN", value, "ng/mL", kind="SN")))
    assert intake.observations.select("comparator", "value").rows() == ([bound] if bound else [])
    assert rules(intake) == ([refused] if refused else [])


@pytest.mark.parametrize(("value", "bound"), [("<0.1", ("<", 0.1)), ("> 500", (">", 500.0)), ("12,5", (None, 12.5))])
def test_numbers_in_text(tmp_path: Path, value: str, bound: tuple[str | None, float]) -> None:
    intake = read(tmp_path, result(obx("1988-5^CRP^LN", value, "mg/L", kind="ST")))
    assert intake.observations.select("comparator", "value").rows() == [bound]


@pytest.mark.parametrize(
    ("limits", "low", "high"),
    [
        ("150-400", 150.0, 400.0),
        ("150 - 400", 150.0, 400.0),
        ("150 to 400", 150.0, 400.0),
        ("<400", None, 400.0),
        (">=150", 150.0, None),
        ("70_105", None, None),
        ("normal", None, None),
    ],
)
def test_limits_of_normal(tmp_path: Path, limits: str, low: float | None, high: float | None) -> None:
    intake = read(tmp_path, result(obx(limits=limits)))
    assert intake.observations.select("range_low", "range_high").rows() == [(low, high)]


@pytest.mark.parametrize("kind", ["ED", "RP", "NA", "MA", "DT", "TS", "XPN"])
def test_types_that_hold_no_number(tmp_path: Path, kind: str) -> None:
    assert rules(read(tmp_path, result(obx(kind=kind, value="^IM^JPEG^Base64^VGhpcw==")))) == ["value_type"]


def test_a_code_is_no_number(tmp_path: Path) -> None:
    assert rules(read(tmp_path, result(obx(kind="CWE", value="210^many^L")))) == ["coded_value"]


@pytest.mark.parametrize(
    "answer", ["371907003^Oxygen by nasal cannula^SCT", "NC^Nasal cannula^L", "x^y^L^371907003^z^SCT", "nasal_cannula"]
)
def test_a_device_by_code_or_word(tmp_path: Path, answer: str) -> None:
    text = result(obx("O2DEV^Oxygen device^L", answer, "", kind="CWE"))
    intake = read(tmp_path, text, codes=[DEVICE])
    assert intake.observations.select("concept", "text").rows() == [("oxygen_device", "nasal_cannula")]
    assert "oxygen_device" not in intake.not_recorded


def test_an_unreadable_device_is_in_doubt(tmp_path: Path) -> None:
    text = result(obx("O2DEV^Oxygen device^L", "NC~MASK", "", kind="CWE"), obx())
    intake = read(tmp_path, text, codes=[DEVICE])
    assert rules(intake) == ["several_values"]
    assert intake.in_doubt.select("concept", "time").rows() == [("oxygen_device", EIGHT_US)]


def test_code_by_system(tmp_path: Path) -> None:
    second = "PLT^Thrombocytes^L^777-3^Platelets^LN"
    fake = "777-3^Platelets^L"
    intake = read(tmp_path, result(obx(second), obx(fake, time="202503010900+0100"), obx("777-3^Platelets")))
    assert stated(intake) == PLATELETS
    assert told(intake, "no table knows the code of OBX-3")
    mapped = read(tmp_path, result(obx(fake)), codes=[Code("local", "777-3", "white_cells")])
    assert stated(mapped) == [("white_cells", 210.0, "10*9/L")]


# ---------------------------------------------------------------- corrections


def corrected(status: str, value: str = "120", *, time: str = "", order: str = "F1", patient: str = "P1") -> str:
    again = obx(value=value, status=status, time=time)
    return message(msh("202503011200+0100", control="M2"), pid(f"{patient}^^^HOSP^MR"), obr(order), again)


def test_corrections(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx()), corrected("C"))
    assert standing(intake) == [(120.0, "001.hl7:4")]
    assert standing(intake, as_of="2025-03-01T11:00:00+01:00") == [(210.0, "000.hl7:4")]
    ledger = grade_intake(intake, KNOWLEDGE, ["crs.astct-2019"]).ledger
    assert dict(ledger.group_by("fate").agg(pl.col("rows").sum()).rows())["superseded"] == 1


@pytest.mark.parametrize("other", [{"order": "F2"}, {"patient": "P2"}])
def test_what_is_of_another_order_or_patient_stays(tmp_path: Path, other: dict[str, str]) -> None:
    assert len(standing(read(tmp_path, result(obx()), corrected("C", **other)))) + (other.get("order") == "F2") == 2


def test_a_preliminary_result_gives_way_to_the_final_one_and_not_back(tmp_path: Path) -> None:
    assert standing(read(tmp_path, result(obx(status="P")), corrected("F"))) == [(120.0, "001.hl7:4")]
    assert standing(read(tmp_path, result(obx(status="F")), corrected("P"))) == [(210.0, "000.hl7:4")]


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_taken_back(tmp_path: Path, status: str) -> None:
    intake = read(tmp_path, result(obx(), obx("718-7^Hgb^LN", "10", "g/dL")), corrected(status, ""))
    assert standing(intake) == []
    assert "hemoglobin" in intake.observations["concept"].to_list()
    nothing = read(tmp_path, corrected(status, ""), result(obx("718-7^Hgb^LN", "10", "g/dL")))
    # that a result cannot be had is said of many a one that was never sent; that one was wrong is not
    assert rules(nothing) == ([] if status == "X" else ["unmatched_retraction"])
    assert told(nothing, "takes back a result that is not in the input") is (status == "X")


def test_a_retraction_takes_the_doubt_with_it(tmp_path: Path) -> None:
    wrong = given(rxa(amount="lots"), rxa("161^acetaminophen^RXNORM", "500", "mg"))
    back = given(rxa(amount="lots", action="D"), sent="202503011200+0100", control="A2")
    assert read(tmp_path, wrong).in_doubt.height == 1
    assert standing(read(tmp_path, wrong, back)) == []


def test_corrected_time(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx()), corrected("C", time="202503010700+0100"))
    assert standing(intake) == [(120.0, "001.hl7:4")]
    # two of the order, and which one is corrected is not known: both are taken back
    two = read(tmp_path, result(obx(), obx(time="202503010900+0100")), corrected("C", time="202503010700+0100"))
    assert standing(two) == [(120.0, "001.hl7:4")]


def test_several_times_of_one_order_are_several_results(tmp_path: Path) -> None:
    later = result(obx(value="190", time="202503011100+0100"), sent="202503011105+0100", control="M2")
    assert [value for value, _ in standing(read(tmp_path, result(obx()), later))] == [210.0, 190.0]


@pytest.mark.parametrize("status", ["I", "O", "N"])
def test_a_status_without_a_result(tmp_path: Path, status: str) -> None:
    intake = read(tmp_path, result(obx(status=status)))
    assert fates(intake) == {"ignored": 4}
    assert rules(intake) == []


def test_repeated_message(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx()), result(obx()))
    assert stated(intake) == PLATELETS
    assert fates(intake) == {"ignored": 3, "superseded": 4, "used": 1}
    # the same control id over other content is another message
    assert len(stated(read(tmp_path, result(obx()), result(obx(time="202503010900+0100"))))) == 2


def test_order_of_files(tmp_path: Path) -> None:
    first, second = result(obx()), corrected("C")
    ways = [read(_made(tmp_path / name), *texts) for name, texts in (("a", (first, second)), ("b", (second, first)))]
    assert [[value for value, _ in standing(way)] for way in ways] == [[120.0], [120.0]]
    # at the same moment the status decides
    same = corrected("C").replace("202503011200", "202503010805")
    ways = [read(_made(tmp_path / name), *texts) for name, texts in (("c", (first, same)), ("d", (same, first)))]
    assert [[value for value, _ in standing(way)] for way in ways] == [[120.0], [120.0]]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# ---------------------------------------------------------------- times


def test_message_time(tmp_path: Path) -> None:
    assert rules(read(tmp_path, message(msh(), pid(), obr(taken=""), obx()))) == ["missing_time"]
    seen = read(tmp_path, message(msh(), pid(), obr(), obx(time="202503010700+0100")))
    assert seen.observations["time"].to_list() == [EIGHT_US - HOUR_US]


def test_when_a_result_was_known(tmp_path: Path) -> None:
    sent = read(tmp_path, result(obx())).observations["available"].to_list()
    reported = message(msh(), pid(), obr(reported="202503010803+0100"), obx())
    assert [*sent, *read(tmp_path, reported).observations["available"]] == [
        EIGHT_US + HOUR_US // 12,
        EIGHT_US + HOUR_US // 20,
    ]
    # a message that was sent before the result says nothing about when it was known
    early = read(tmp_path, result(obx(), sent="202503010700+0100"))
    assert early.observations["available"].to_list() == [None]


def test_zone_of_message(tmp_path: Path) -> None:
    bare = message(msh("202503010805"), pid(), obr(taken="202503010800"), obx())
    assert rules(read(tmp_path, bare)) == ["no_time_zone"]
    zoned = read(tmp_path, bare, zone="Europe/Berlin")
    by_message = read(tmp_path, bare.replace("202503010805", "202503010805+0100"))
    summer = message(msh(), pid(), obr(taken="202407010800"), obx())
    agreeing = read(tmp_path, summer, zone="Europe/Berlin").observations["time"].item()
    assert zoned.observations["time"].to_list() == by_message.observations["time"].to_list() == [EIGHT_US]
    assert agreeing == 1_719_813_600_000_000
    other = read(tmp_path, bare.replace("202503010805", "202503010805+0000"), zone="Europe/Berlin")
    assert other.observations["time"].to_list() == [EIGHT_US + HOUR_US]
    assert told(other, "MSH-7 states another offset")


@pytest.mark.parametrize("time", ["2025030108", "20250301", "202503", "20250301080000+0100^D"])
def test_partial_times(tmp_path: Path, time: str) -> None:
    intake = read(tmp_path, result(obx(time=time)))
    assert rules(intake) == ["partial_time"]
    assert stated(intake) == []


def test_missing_status(tmp_path: Path) -> None:
    assert rules(read(tmp_path, result(obx(status="")))) == ["missing_status"]
    assert rules(read(tmp_path, result(obx(status="Q")))) == ["unknown_status"]
    whole = message(msh(), pid(), obr(status="F"), obx(status=""))
    assert stated(read(tmp_path, whole)) == PLATELETS
    # 210 cut to 21: the file stops there, or only the segment does
    cut = whole[: whole.index("|210|") + 3]
    assert rules(read(tmp_path, cut)) == rules(read(tmp_path, cut + "\r")) == ["missing_status"]
    # all but the time of its own: what the order says would be another time
    assert rules(read(tmp_path, result(obx(time="202503010900+0100"))[:-12])) == ["cut_segment"]


def test_raw_line_break(tmp_path: Path) -> None:
    text = result(obx()).replace("|10*3/uL", "|10*3\n/uL")
    intake = read(tmp_path, text)
    assert stated(intake) == []
    assert rules(intake) == ["broken_segment", "not_a_segment"]
    note = read(tmp_path, result("NTE|1||two\nlines", obx()))
    assert stated(note) == PLATELETS


def test_swallowed_header(tmp_path: Path) -> None:
    cut = result(obx())[:-25]
    other = message(msh(control="M2"), pid("P2^^^HOSP^MR"), obr(), obx(value="90"))
    intake = read(tmp_path, cut + other)
    assert intake.observations.select("patient", "value").rows() == [("P2", 90.0)]
    assert rules(intake) == ["control_character"]


# ---------------------------------------------------------------- patients


def test_several_patients(tmp_path: Path) -> None:
    text = message(msh(), pid(), obr(), obx(), pid("P2^^^HOSP^MR"), obx(value="90"), obr(), obx(value="80"))
    intake = read(tmp_path, text)
    assert sorted(intake.observations.select("patient", "value").rows()) == [("P1", 210.0), ("P2", 80.0)]
    # the second patient's first result has no order of its own, so no time either
    assert rules(intake) == ["missing_time"]


def test_two_hospitals(tmp_path: Path) -> None:
    def of(authority: str, value: str) -> str:
        return message(msh(control=authority), pid(f"123^^^{authority}^MR"), obr(), obx(value=value))

    assert read(tmp_path, of("A", "210")).observations["patient"].to_list() == ["123"]
    both = read(tmp_path, of("A", "210"), of("B", "90"))
    assert sorted(both.observations.select("patient", "value").rows()) == [("123@A", 210.0), ("123@B", 90.0)]


@pytest.mark.parametrize(
    ("identifiers", "patient"),
    [
        ("9^^^SSA^SS~7^^^HOSP^MR", "7"),
        ("9^^^HOSP^PI~8^^^X^AN", "9"),
        ("9^^^X^AN~8^^^X^VN", "9"),
        ("9", "9"),
    ],
)
def test_the_record_number_names_the_patient(tmp_path: Path, identifiers: str, patient: str) -> None:
    intake = read(tmp_path, message(msh(), pid(identifiers), obr(), obx()))
    assert intake.observations["patient"].to_list() == [patient]


def test_merged_patients(tmp_path: Path) -> None:
    merge = message(msh("202503020000+0100", control="M9", kind="ADT^A40"), pid("P2^^^HOSP^MR"), "MRG|P1^^^HOSP^MR")
    again = message(msh("202503030000+0100", control="M10", kind="ADT^A40"), pid("P3^^^HOSP^MR"), "MRG|P2^^^HOSP^MR")
    intake = read(tmp_path, result(obx()), merge, again)
    assert intake.observations["patient"].to_list() == ["P3"]
    # a correction under the new number still finds the result
    assert standing(read(tmp_path, result(obx()), merge, corrected("C", patient="P2"))) == [(120.0, "002.hl7:4")]
    bare = merge.replace("MRG|P1^^^HOSP^MR", "MRG|P1")
    assert read(tmp_path, result(obx()), bare).observations["patient"].to_list() == ["P2"]
    account = merge.replace("ADT^A40", "ADT^A41")
    assert read(tmp_path, result(obx()), account).observations["patient"].to_list() == ["P1"]
    lost = read(tmp_path, result(obx()), merge.replace("P1^^^HOSP^MR", ""))
    assert rules(lost) == ["unread_merge"]


def test_merges_in_a_circle_end(tmp_path: Path) -> None:
    there = message(msh("202503020000+0100", control="1", kind="ADT^A40"), pid("P2^^^HOSP^MR"), "MRG|P1^^^HOSP^MR")
    back = message(msh("202503030000+0100", control="2", kind="ADT^A40"), pid("P1^^^HOSP^MR"), "MRG|P2^^^HOSP^MR")
    assert read(tmp_path, result(obx()), there, back).observations["patient"].to_list() == ["P1"]


def person(folder: Path, *texts: str) -> list[tuple[object, ...]]:
    return read(folder, *texts).patients.select(pl.col("birth_date").cast(pl.String), "sex").rows()


def test_person_updates(tmp_path: Path) -> None:
    def says(day: str, kind: str, birth: str, sex: str = "F") -> str:
        return message(msh(f"202503{day}0805+0100", control=day, kind=kind), pid(birth=birth, sex=sex))

    assert person(tmp_path, says("01", "ORU^R01", "19610423")) == [("1961-04-23", "female")]
    assert person(tmp_path, says("01", "ADT^A01", "19610423"), says("02", "ADT^A08", "19620423", "M")) == [
        ("1962-04-23", "male")
    ]
    assert person(tmp_path, says("01", "ADT^A01", "19610423"), says("02", "ORU^R01", "19620423")) == [
        ("1961-04-23", "female")
    ]
    assert person(tmp_path, says("01", "ORU^R01", "19610423"), says("02", "ORU^R01", "19620423")) == [(None, "female")]
    assert person(tmp_path, says("01", "ADT^A01", "19610423"), says("02", "ADT^A08", '""', "")) == [(None, "female")]
    partial = read(tmp_path, says("01", "ADT^A01", "196104"), says("02", "ORU^R01", ""))
    assert rules(partial) == ["bad_date"]
    assert partial.rejects["source"].to_list() == ["000.hl7:2"]


def test_death_day(tmp_path: Path) -> None:
    def died(moment: str, dead: str = "Y", kind: str = "ADT^A03", sent: str = "202503031000+0100") -> str:
        return message(msh(sent, control=sent, kind=kind), pid(died=moment, dead=dead))

    intake = read(tmp_path, died("202503030900+0100"))
    assert intake.observations.select("concept", "text", "time").rows() == [
        ("death", "unknown", EIGHT_US + 49 * HOUR_US)
    ]
    assert rules(read(tmp_path, died("20250303"))) == ["partial_time"]
    assert rules(read(tmp_path, died(""))) == ["missing_time"]
    assert rules(read(tmp_path, died("", "N"))) == []
    taken_back = read(tmp_path, died("202503030900+0100"), died('""', "N", "ADT^A08", "202503040000+0100"))
    assert taken_back.observations.is_empty()


# ---------------------------------------------------------------- drugs


def test_order_is_no_dose(tmp_path: Path) -> None:
    order = "RXE|^^^202503010800|7512^norepinephrine^RXNORM|0.1||ug/kg/min"
    intake = read(tmp_path, given(order, "RXO|7512^norepinephrine^RXNORM|0.1||ug/kg/min", kind="RDE^O11"))
    assert stated(intake) == []
    assert told(intake, "an order is not a dose")
    assert "norepinephrine" in intake.not_recorded


def test_an_infusion_with_its_rate_and_end(tmp_path: Path) -> None:
    intake = read(tmp_path, given(rxa(end="202503011000+0100")))
    assert intake.observations.select("concept", "value", "unit", "time", "until").rows() == [
        ("norepinephrine", 0.1, "ug/kg/min", EIGHT_US, EIGHT_US + 2 * HOUR_US)
    ]
    # the standard: no end, or one at the start, says nothing of how long it ran
    point = read(tmp_path, given(rxa(end=EIGHT), rxa(start="202503011000+0100", amount="0", sub="2")))
    assert point.observations.sort("time")["until"].to_list()[0] == EIGHT_US + 2 * HOUR_US
    assert rules(read(tmp_path, given(rxa(end="20250301")))) == ["partial_time"]


def test_two_pumps_of_one_drug(tmp_path: Path) -> None:
    pump = Code("MDC", "184514", "norepinephrine")

    def rate(value: str, time: str, device: str) -> str:
        return obx("184514^PUMP_RATE^MDC", value, "ug/kg/min", status="R", time=time, device=device)

    text = result(
        rate("0.1", "202503010800+0100", "A"),
        rate("0.2", "202503010900+0100", "B"),
        rate("0", "202503011000+0100", "A"),
    )
    intake = read(tmp_path, text, codes=[pump])
    first = intake.observations.filter(pl.col("value") == 0.1)
    assert first["until"].to_list() == [EIGHT_US + 2 * HOUR_US]
    assert "norepinephrine" not in intake.not_recorded
    assert "tocilizumab" in intake.not_recorded


@pytest.mark.parametrize(
    ("drug", "text"),
    [
        ("612865^tocilizumab^RXNORM", None),
        ("X1^Tocilizumab^L", None),
        ("^tocilizumab", None),
        ("1987398^axi-cel^RXNORM", "axicabtagene_ciloleucel"),
        ("X2^Yescarta^L", "axicabtagene_ciloleucel"),
    ],
)
def test_drugs_by_code_and_by_whole_name(tmp_path: Path, drug: str, text: str | None) -> None:
    unit, amount = ("", "") if text else ("mg", "600")
    intake = read(tmp_path, given(rxa(drug, amount, unit)))
    assert intake.observations.select("text").rows() == [(text,)]
    assert rules(intake) == []


@pytest.mark.parametrize(("done", "value"), [("CP", 600.0), ("", 600.0), ("PA", None)])
def test_given(tmp_path: Path, done: str, value: float | None) -> None:
    intake = read(tmp_path, given(rxa("612865^tocilizumab^RXNORM", "600", "mg", done=done)))
    assert intake.observations["value"].to_list() == [value]


@pytest.mark.parametrize("done", ["RE", "NA"])
def test_not_given(tmp_path: Path, done: str) -> None:
    intake = read(tmp_path, given(rxa("612865^tocilizumab^RXNORM", "600", "mg", done=done)))
    assert stated(intake) == []
    assert rules(intake) == []
    assert told(intake, f"RXA-20 {done}")
    strange = read(tmp_path, given(rxa("612865^tocilizumab^RXNORM", "600", "mg", done="ZZ"), rxa()))
    assert rules(strange) == ["unknown_status"]
    assert strange.in_doubt["concept"].to_list() == ["tocilizumab"]


def test_amount_999(tmp_path: Path) -> None:
    intake = read(tmp_path, given(rxa("612865^tocilizumab^RXNORM", "999", "mg")))
    assert stated(intake) == [("tocilizumab", None, None)]


@pytest.mark.parametrize(
    ("unit", "per", "value"),
    [
        ("ug/kg", "M1", 0.1),
        ("ug/kg", "M", 0.1),
        ("mcg/kg^^L", "M1", 0.1),
        ("ug/kg/min", "M1", 0.1),
        ("mg/kg", "H1", None),
    ],
)
def test_rate_in_two_fields(tmp_path: Path, unit: str, per: str, value: float | None) -> None:
    amount = "0.1" if value else "0.006"
    intake = read(tmp_path, given(rxa(unit=unit, per=per, amount=amount)))
    assert intake.observations["value"].to_list() == [0.1]
    for odd in ("M8", "T5", "often"):
        refused = read(tmp_path, given(rxa(unit="ug/kg", per=odd), rxa("161^acetaminophen^RXNORM", "500", "mg")))
        assert rules(refused) == ["rate_unit"]
        assert refused.in_doubt["concept"].to_list() == ["norepinephrine"]


def test_unknown_drug_code(tmp_path: Path) -> None:
    drip = rxa("77^NOREPINEPHRINE 8 MG IN NS 250 ML^NDC")
    known = rxa("161^acetaminophen^RXNORM", "500", "mg")
    intake = read(tmp_path, given(drip, known, rxa("88^^NDC"), rxa("99^saline^NDC")))
    assert rules(intake) == ["unknown_code", "unknown_code"]
    named = intake.in_doubt.filter(pl.col("source") == "000.hl7:4")
    assert named["concept"].to_list() == ["norepinephrine"]
    assert told(intake, "drug in no table: saline")
    site = [Code("NDC", "77", "norepinephrine")]
    assert [row[0] for row in stated(read(tmp_path, given(drip), codes=site))] == ["norepinephrine"]


@pytest.mark.parametrize(("action", "left"), [("D", []), ("U", [(400.0, "001.hl7:4")])])
def test_a_dose_is_deleted_or_changed(tmp_path: Path, action: str, left: list[tuple[float, str]]) -> None:
    drug = ("612865^tocilizumab^RXNORM", "600", "mg")
    later = given(rxa(drug[0], "400", "mg", action=action), sent="202503011200+0100", control="A2")
    assert standing(read(tmp_path, given(rxa(*drug)), later)) == left


def test_laboratory_feed(tmp_path: Path) -> None:
    absent = read(tmp_path, result(obx())).not_recorded
    assert {"norepinephrine", "tocilizumab", "oxygen_device"} <= absent
    absent = read(tmp_path, result(obx()), given(rxa())).not_recorded
    assert not {"norepinephrine", "tocilizumab"} & absent
    assert "oxygen_device" in absent
    shots = given(rxa("8^HepB^CVX", "999", ""), kind="VXU^V04")
    assert "tocilizumab" in read(tmp_path, result(obx()), shots).not_recorded


def test_small_letters_and_unknown_segments(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx().replace("OBX", "obx"), "ZZZ|1|own", "QQQ|1"))
    assert stated(intake) == PLATELETS
    assert told(intake, "small letters")
    assert told(intake, "a segment of the site's own: not read")
    assert told(intake, "no table knows this segment")


def test_training_messages_are_told(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx()).replace("|P|2.5.1", "|T|2.5.1"))
    assert stated(intake) == PLATELETS
    assert told(intake, "training or testing")


def test_every_trap_is_tested() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    missing = [trap.id for trap in KNOWLEDGE.doors["hl7v2"].traps if f"def test_{trap.id}(" not in text]
    assert missing == []


def test_the_moment_of_the_helpers(tmp_path: Path) -> None:
    assert EIGHT == "202503010800+0100"
    assert read(tmp_path, result(obx())).observations["time"].to_list() == [EIGHT_US]


def test_an_order_that_begins_leaves_the_one_before_behind(tmp_path: Path) -> None:
    # ORC after OBR names the same order (OUL); ORC of another order takes neither its time nor its status
    same = message(msh(), pid(), obr(), "ORC|SC||F1", obx())
    assert stated(read(tmp_path, same)) == PLATELETS
    other = message(msh(), pid(), obr(), "ORC|RE||F2", obx())
    assert rules(read(tmp_path, other)) == ["missing_time"]


def test_a_report_in_the_hour_that_comes_twice_loses_no_result(tmp_path: Path) -> None:
    text = message(msh("202510260310+0100"), pid(), obr(taken="202510260130", reported="202510260230"), obx())
    intake = read(tmp_path, text, zone="Europe/Berlin")
    assert stated(intake) == PLATELETS
    doubled = text.replace("202510260130", "202510260230")
    assert rules(read(tmp_path, doubled, zone="Europe/Berlin")) == ["ambiguous_local_time"]
