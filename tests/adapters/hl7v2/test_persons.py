"""Who is who: two ids in one PID-3, merges of every kind, and a PID of which one thing can be used and another not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import EIGHT, fates, message, msh, obr, obx, pid, read, result, rules, told
from tests.lib.hl7_grades import DEVICE, base, grade, signs

from cytowatch.adapters.intake import Intake


def of(who: str, value: str = "210", *, control: str = "", kind: str = "ORU^R01", **person: str) -> str:
    return message(msh(control=control or who, kind=kind), pid(who, **person), obr(f"F{who}"), obx(value=value))


def patients(intake: Intake) -> list[str]:
    return sorted(intake.observations["patient"].unique())


# ---------------------------------------------------------------- two ids in one PID-3


def test_ids_of_one_person(tmp_path: Path) -> None:
    # the cells were given under both numbers, the fevers are charted under the second only
    both = base("123^^^A^MR~456^^^B^MR")[:1]
    fevers = [signs(hour, 1, "456^^^B^MR") for hour in (8.5, 12, 16)]
    intake = read(tmp_path, *both, *fevers, codes=[DEVICE])
    assert patients(intake) == ["123@A"]
    assert grade(intake, 13, 1, "123@A") == (1, 1)
    # whichever file comes first, and whichever list
    again = read(tmp_path, *fevers, base("456^^^B^MR~123^^^A^MR")[0], *both, codes=[DEVICE])
    assert patients(again) == ["123@A"]


@pytest.mark.parametrize("other", ["9^^^SSA^SS", "9^^^HOSP^AN", "9^^^HOSP^VN", "9^^^PAYER^MC", "9^^^HOSP^PI"])
def test_ids_that_name_no_patient_join_nothing(tmp_path: Path, other: str) -> None:
    # the number 9 is another patient's record number, here of the same house
    intake = read(tmp_path, of(f"7^^^HOSP^MR~{other}"), of("9^^^HOSP^MR"))
    assert patients(intake) == ["7", "9"]


def test_one_house_keeps_its_numbers(tmp_path: Path) -> None:
    intake = read(tmp_path, of("9^^^HOSP^PI~7^^^HOSP^MR"), of("9^^^HOSP^PI"), of("9^^^X^AN~8^^^HOSP", control="N"))
    assert patients(intake) == ["7", "8"]
    assert read(tmp_path, of("9^^^X^AN")).observations["patient"].to_list() == ["9"]


def test_ids_of_one_person_through_a_merge(tmp_path: Path) -> None:
    merge = message(msh("202503020000+0100", control="M9", kind="ADT^A40"), pid("2^^^A^MR"), "MRG|1^^^A^MR~5^^^B^MR")
    intake = read(tmp_path, of("1^^^A^MR"), of("2^^^A^MR~6^^^C^MR"), of("5^^^B^MR"), of("6^^^C^MR"), merge)
    assert patients(intake) == ["2@A"]


@pytest.mark.parametrize(
    ("first", "second"),
    [({"birth": "19610423"}, {"birth": "19720101"}), ({"sex": "F"}, {"sex": "M"})],
)
def test_two_persons_in_one_list(tmp_path: Path, first: dict[str, str], second: dict[str, str]) -> None:
    both = of("123^^^A^MR~456^^^B^MR", **first)
    intake = read(tmp_path, both, of("456^^^B^MR", **second))
    assert patients(intake) == ["123@A", "456@B"]
    assert told(intake, "name what other messages show as different persons, such as 123@A, 456@B")
    same = read(tmp_path, both, of("456^^^B^MR", **first))
    assert patients(same) == ["123@A"]
    assert not told(same, "different persons")


def test_one_number_beside_those_of_two_patients(tmp_path: Path) -> None:
    # a number that many share, such as 0000, makes no two patients of one house one
    texts = [of("1^^^A^MR~0000^^^B^MR"), of("2^^^A^MR~0000^^^B^MR"), of("0000^^^B^MR")]
    intake = read(tmp_path, *texts)
    assert patients(intake) == ["0000@B", "1@A", "2@A"]
    assert told(intake, "1 lists of ids in PID-3")


# ---------------------------------------------------------------- merges


@pytest.mark.parametrize("event", ["A18", "A30", "A34", "A36", "A39", "A40", "A43", "A46", "A47"])
@pytest.mark.parametrize("old", ["MRG|P1^^^HOSP^MR", "MRG||||P1^^^HOSP^MR"])
def test_events_that_merge(tmp_path: Path, event: str, old: str) -> None:
    merge = message(msh("202503020000+0100", control="M9", kind=f"ADT^{event}"), pid("P2^^^HOSP^MR"), old)
    intake = read(tmp_path, result(obx()), merge)
    assert patients(intake) == ["P2"]
    assert rules(intake) == []


@pytest.mark.parametrize("event", ["A35", "A41", "A42", "A44", "A45", "A48", "A49", "A50", "A51"])
def test_events_that_merge_no_patients(tmp_path: Path, event: str) -> None:
    merge = message(
        msh("202503020000+0100", control="M9", kind=f"ADT^{event}"), pid("P2^^^HOSP^MR"), "MRG|P1^^^HOSP^MR"
    )
    intake = read(tmp_path, result(obx()), merge)
    assert patients(intake) == ["P1"]
    assert told(intake, "ids of patients stay")
    assert rules(intake) == []


@pytest.mark.parametrize("kind", ["ADT^A99", "ADT", "ORU^R01"])
def test_unknown_merge(tmp_path: Path, kind: str) -> None:
    merge = message(msh("202503020000+0100", control="M9", kind=kind), pid("P2^^^HOSP^MR"), "MRG|P1^^^HOSP^MR")
    intake = read(tmp_path, result(obx()), merge)
    assert patients(intake) == ["P1"]
    found = intake.rejects.row(0, named=True)
    assert (found["rule"], found["hint"]) == ("unread_merge", "send a merge as A40")


# ---------------------------------------------------------------- one PID, several things


def test_a_pid_whose_death_is_refused_is_used_for_its_birth(tmp_path: Path) -> None:
    died = message(msh(EIGHT, kind="ADT^A03"), pid(birth="19610423", died="20250303", dead="Y"))
    intake = read(tmp_path, died)
    assert rules(intake) == ["partial_time"]
    assert fates(intake) == {"ignored": 1, "used": 1}
    assert intake.patients["birth_date"].cast(pl.String).to_list() == ["1961-04-23"]
    # one that admission refuses: no zone
    bare = message(msh("20250303", kind="ADT^A03"), pid(birth="19610423", died="202503030900", dead="Y"))
    assert rules(read(tmp_path, bare)) == ["no_time_zone"]
    assert fates(read(tmp_path, bare)) == {"ignored": 1, "used": 1}
    placed = message(msh(EIGHT, kind="ADT^A03"), pid(birth="19610423", died="202503030900", dead="Y"))
    assert fates(read(tmp_path, placed)) == {"ignored": 1, "used": 1}
