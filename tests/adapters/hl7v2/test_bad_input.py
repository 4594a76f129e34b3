"""Files that are damaged, empty, huge or something else: clear, bounded, and nothing else is lost."""

from __future__ import annotations

import gzip
import random
import resource
import time
from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import (
    EIGHT_US,
    HOUR_US,
    KNOWLEDGE,
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
)
from tests.lib.mutate import mutated

from cytowatch.adapters.hl7v2 import files as hl7_files
from cytowatch.adapters.hl7v2 import read_hl7v2, wire
from cytowatch.adapters.intake import Intake
from cytowatch.errors import ArgumentError, CytowatchError, InputError

DATA = Path(__file__).parents[4] / "shared" / "data" / "hl7v2"
PLATELETS = [("platelets", 210.0, "10*9/L")]


def write(folder: Path, data: str | bytes, name: str = "one.hl7") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "no HL7 v2 message"),
        (b"<ClinicalDocument/>", "no HL7 v2 message"),
        (b'{"resourceType": "Bundle"}', "no HL7 v2 message"),
        (b"\x00" * 100_000, "no HL7 v2 message"),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\rBTS|0\rFTS|1\r", "no HL7 v2 message"),
        (b"PID|1||P1\rOBX|1|NM|777-3^^LN||210\r", "no HL7 v2 message"),
        (b"the words MSH and FHS in a text", "no HL7 v2 message"),
    ],
)
def test_a_file_without_a_message(tmp_path: Path, data: bytes, what: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=what):
        read_hl7v2(path, KNOWLEDGE)
    # beside another file it is one rejected row
    write(tmp_path, result(obx()), "two.hl7")
    both = read_hl7v2(tmp_path, KNOWLEDGE)
    assert stated(both) == PLATELETS
    assert both.rejects.select("source", "rule").rows() == [("one.hl7", "no_message")]
    assert both.ledger.filter(pl.col("file") == "one.hl7", pl.col("rows") > 0)["rows"].to_list() == [1]


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_hl7v2(tmp_path / "nothing", KNOWLEDGE)
    with pytest.raises(InputError, match="holds no file of HL7"):
        read_hl7v2(tmp_path, KNOWLEDGE)
    with pytest.raises(ArgumentError, match="time zone"):
        read_hl7v2(write(tmp_path, result(obx())), KNOWLEDGE, zone="Mars/Olympus")


def test_other_files_of_a_folder_are_told(tmp_path: Path) -> None:
    write(tmp_path, result(obx()))
    write(tmp_path, "scan", "scan.pdf")
    write(tmp_path, "x", "more.pdf")
    write(tmp_path, "x", "README")
    write(tmp_path, "x", ".hidden.hl7")
    intake = read_hl7v2(tmp_path, KNOWLEDGE)
    left = intake.ledger.filter(pl.col("file") == tmp_path.name)
    assert sorted(left["reason"]) == ["1 file not read (no ending)", "2 files not read (.pdf)"]
    assert stated(intake) == PLATELETS


def test_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(result(obx()).encode())
    assert stated(read_hl7v2(write(tmp_path, whole, "a.hl7.gz"), KNOWLEDGE)) == PLATELETS
    random_bytes = random.Random(1).randbytes(60_000).hex()  # noqa: S311
    cut = gzip.compress((result(obx()) + result("NTE|1||" + random_bytes, control="M2")).encode())[:30_000]
    write(tmp_path, cut, "b.hl7.gz")
    both = read_hl7v2(tmp_path, KNOWLEDGE)
    assert stated(both) == PLATELETS
    assert "broken_file" in rules(both)
    with pytest.raises(InputError, match="cannot be read"):
        read_hl7v2(write(tmp_path, b"no gzip", "c.hl7.gz"), KNOWLEDGE)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hl7_files, "_ANY_SIZE", 2**20)
    monkeypatch.setattr(hl7_files, "_MOST_GROWTH", 10)
    bomb = gzip.compress((result(obx()) * 10_000).encode(), mtime=0)
    write(tmp_path, bomb, "bomb.hl7.gz")
    write(tmp_path, result(obx(time="202503010900+0100"), control="M2"), "good.hl7")
    intake = read_hl7v2(tmp_path, KNOWLEDGE)
    assert "broken_file" in rules(intake)
    assert intake.rejects["reason"].str.contains("grows more than").any()
    assert ("good.hl7:4") in intake.observations["source"].to_list()


@pytest.mark.parametrize("size", [5, pytest.param(52, marks=pytest.mark.long)])
def test_a_segment_of_many_megabytes(tmp_path: Path, size: int) -> None:
    picture = obx("PIC^Picture^L", "^IM^JPEG^Base64^" + "QUJD" * (size * 250_000), "", kind="ED")
    known = obx(value="^IM^JPEG^Base64^" + "QUJD" * 1000, kind="ED")
    path = write(tmp_path, message(msh(), pid(), obr(), picture, known, obx()))
    begun = time.monotonic()
    intake = read_hl7v2(path, KNOWLEDGE)
    assert time.monotonic() - begun < 30
    assert stated(intake) == PLATELETS
    assert rules(intake) == ["value_type"]
    assert len(intake.rejects["value"].item()) == 200


def test_a_message_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PIECE_BYTES", 1000)
    monkeypatch.setattr(wire, "LARGEST_MESSAGE", 20_000)
    good = result(obx())
    huge = result("NTE|1||" + "x" * 50_000, control="M2")
    intake = read_hl7v2(write(tmp_path, good + huge), KNOWLEDGE)
    assert stated(intake) == PLATELETS
    assert rules(intake) == ["broken_file"]
    monkeypatch.setattr(wire, "LARGEST_MESSAGE", 2**30)
    monkeypatch.setattr(wire, "MOST_LINES", 1000)
    lines = read_hl7v2(write(tmp_path, good + result("NTE|1||x" + "\rNTE|1" * 5000, control="M2")), KNOWLEDGE)
    assert rules(lines) == ["broken_file"]


@pytest.mark.parametrize("size", [7, 64, 100, 333, 1000])
def test_pieces_of_any_size_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    parts = [result(obx(time=f"2025030109{place:02}+0100"), control=f"M{place}") for place in range(20)]
    path = write(tmp_path, "\x0b".join(parts).replace("\r", "\r\n"))
    whole = read_hl7v2(path, KNOWLEDGE)
    # the first piece must hold a header
    monkeypatch.setattr(wire, "PIECE_BYTES", size)
    assert read_hl7v2(path, KNOWLEDGE).observations.equals(whole.observations)
    assert whole.observations.height == 20


@pytest.mark.parametrize("letter", ["\x00", "\x07", "\x1a", "\x7f"])
def test_control_characters(tmp_path: Path, letter: str) -> None:
    text = message(msh(), pid(), obr(), obx(value=f"21{letter}0"), f"NTE|1||a{letter}b", obx())
    intake = read(tmp_path, text)
    assert stated(intake) == PLATELETS
    assert rules(intake) == ["control_character"]
    who = message(msh(), pid(f"P{letter}1"), obr(), obx())
    assert rules(read(tmp_path, who)) == ["control_character", "missing_patient"]


def test_segments_before_the_first_message(tmp_path: Path) -> None:
    intake = read(tmp_path, message(pid(), obx()) + result(obx()))
    assert stated(intake) == PLATELETS
    assert rules(intake) == ["no_header", "no_header"]


def test_a_message_cut_anywhere_never_says_anything_else(tmp_path: Path) -> None:
    def whole(who: int) -> str:
        header = message(msh(control=f"M{who}"), pid(f"P{who:04}^^^HOSP^MR"), obr(f"F{who}"))
        return header + obx(value="210", time="20250301090000+0100", limits="150-400")

    texts = [whole(end)[:end] for end in range(80, len(whole(999)))]
    intake = read(tmp_path, *texts, result(obx()))
    # a number is never cut to another one; what is left of a time without its zone takes that of the message
    cut = intake.observations.filter(pl.col("patient") != "P1")
    assert set(cut["value"]) == {210.0}
    # only a file that ends right after the status, as some do on purpose, takes the time of the order (08:00)
    assert (cut["time"] == EIGHT_US).sum() == 1
    assert (cut["time"] == EIGHT_US + HOUR_US).sum() == cut.height - 1 > 3
    assert set(cut["patient"].str.len_chars()) == {5}
    check_counts(intake)


def test_counts_of_a_report_are_those_of_its_rows(tmp_path: Path) -> None:
    intake = read(tmp_path, result(obx(), obx(value="~"), obx(kind="ED")), given(rxa(), rxa(done="RE")))
    check_counts(intake)


# ---------------------------------------------------------------- damage


def check_counts(intake: Intake) -> None:
    """Every row of every file once in the ledger; every observation and reject of a row that is there."""
    counted = dict(intake.ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    for label, first, rows in intake.files:
        assert counted.get(label, 0) == rows, label
        assert intake.rejects.filter(pl.col("row").is_between(first, first + rows - 1)).height >= sum(
            intake.ledger.filter(pl.col("file") == label, pl.col("fate") == "rejected")["rows"]
        )
    last = sum(rows for _, _, rows in intake.files)
    assert intake.observations["row"].is_between(0, last - 1).all()
    assert intake.rejects["row"].is_between(0, last - 1).all()
    used = intake.ledger.filter(pl.col("fate") == "used")["rows"].sum()
    assert used >= intake.observations["row"].n_unique()


def seeds() -> list[bytes]:
    """What is damaged: the shared examples, and messages with everything that this door reads."""
    own = [
        result(obx(), obx("2276-4^Ferritin^LN", ">^1500", "ng/mL", kind="SN", limits="15-150"), obx(status="C")),
        given(rxa(), rxa("612865^tocilizumab^RXNORM", "600", "mg", end="202503010900+0100"), rxa(action="D")),
        message(msh(kind="ADT^A40"), pid(birth="19610423", sex="F", died="202503050800", dead="Y"), "MRG|P0^^^HOSP^MR"),
        message("FHS|^~\\&|A", "BHS|^~\\&|A") + "\x0b" + result(obx()) + "\x1c\r" + message("BTS|1", "FTS|1"),
    ]
    shared = [path.read_bytes() for path in sorted(DATA.iterdir())] if DATA.is_dir() else []
    return [*(text.encode() for text in own), *shared]


def read_damaged(folder: Path, numbers: range) -> tuple[int, int]:
    """Read one batch of damaged files together; how many segments and how many of them were used."""
    base = seeds()
    for path in folder.iterdir():
        path.unlink()
    for number in numbers:
        (folder / f"{number}.hl7").write_bytes(mutated(base[number % len(base)], number))
    try:
        intake = read_hl7v2(folder, KNOWLEDGE, zone="Europe/Berlin")
    except CytowatchError:
        return 0, 0
    check_counts(intake)
    assert len(intake.files) == len(numbers)
    used = intake.ledger.filter(pl.col("fate") == "used")["rows"].sum()
    return sum(rows for _, _, rows in intake.files), used


def test_damaged_files(tmp_path: Path) -> None:
    segments, used = read_damaged(tmp_path, range(600))
    assert segments > 4000
    assert used > 100


def test_each_damaged_file_alone_is_an_intake_or_a_clear_error(tmp_path: Path) -> None:
    base = seeds()
    for number in range(1000, 1060):
        path = write(tmp_path, mutated(base[number % len(base)], number, most=12))
        try:
            check_counts(read_hl7v2(path, KNOWLEDGE))
        except CytowatchError as error:
            assert error.hint  # noqa: PT017 - either way is right


@pytest.mark.long
def test_a_hundred_thousand_damaged_messages(tmp_path: Path) -> None:
    begun, segments, used, slowest = time.monotonic(), 0, 0, 0.0
    for start in range(0, 100_000, 1000):
        batch = time.monotonic()
        found = read_damaged(tmp_path, range(start, start + 1000))
        segments, used = segments + found[0], used + found[1]
        slowest = max(slowest, time.monotonic() - batch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"100,000 files, {segments:,} segments, {used:,} used; {time.monotonic() - begun:.0f} s, ", end="")
    print(f"slowest thousand {slowest:.1f} s, peak {peak} MiB")
    assert segments > 800_000
    assert peak < 1500
