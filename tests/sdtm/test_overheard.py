"""Findings that no table knows and that speak of a therapy, rows without a name, questions that nobody asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sdtm.small import TRIGGER, adds_up, drug, fates, lab, read, rules, us, vital, write
from tests.sdtm.test_doubt import AFTER, DEVICE, DURING, ICE, PRESSOR, ROOM_AIR, VITALS, bounds, treated

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code

LATER = "2024-03-02T12:00"
# of another subject room air is charted: devices are recorded, and the first has none
OTHER = {**ROOM_AIR, "USUBJID": "b"}
SOAP = [{**PRESSOR, "CMTRT": f"SOAP {number}"} for number in range(30)]


def spoken(folder: Path, domain: str, *rows: dict[str, object], **more: list[dict[str, str]]) -> Intake:
    """The patient with the fever and no device, with rows of a domain at ten of the second day."""
    given = [{f"{domain}DTC": DURING, **{f"{domain}{name}": value for name, value in row.items()}} for row in rows]
    known: dict[str, list[dict[str, object]]] = {"vs": list(VITALS)}
    known.setdefault(domain.lower(), []).extend(given)
    return read(write(folder, ex=[TRIGGER], cm=SOAP, pr=[OTHER, *more.pop("pr", [])], **known, **more))


@pytest.mark.parametrize("domain", ["VS", "RE", "FA", "FT", "DU", "XV"])
@pytest.mark.parametrize(
    ("test", "result", "highest"),
    [
        ("O2 Delivery Device", "Endotracheal tube", 4),
        ("Mechanically ventilated", "Y", 4),
        ("Ventilator Mode", "CMV", 4),
        ("Plateau pressure", "22", 4),
        ("Mechanically ventilated", "N", 1),
        ("Mechanically ventilated", "0", 1),
        ("O2 Delivery Device", "Room air", 1),
        ("Braden score", "18", 1),
    ],
)
# the trap `overheard`
def test_a_device_that_a_finding_speaks_of(tmp_path: Path, domain: str, test: str, result: str, highest: int) -> None:
    intake = spoken(tmp_path, domain, {"TESTCD": "T1", "TEST": test, "ORRES": result})
    assert bounds(intake, "2024-03-02T09:00") == (1, 1)
    assert bounds(intake, LATER) == (1, highest)
    assert rules(intake) == (["unknown_code"] if highest > 1 else [])
    assert adds_up(intake)


@pytest.mark.parametrize(("domain", "highest"), [("VS", 3), ("FA", 3), ("XV", 3), ("LB", 1), ("PC", 1), ("MB", 1)])
def test_a_drug_that_a_finding_speaks_of(tmp_path: Path, domain: str, highest: int) -> None:
    """In the laboratory and where drugs are measured or tried on germs none was given."""
    row = {"TESTCD": "T1", "TEST": "Norepinephrine dose", "ORRES": "0.08"}
    assert bounds(spoken(tmp_path / "some", domain, row), LATER) == (1, highest)
    none = spoken(tmp_path / "none", domain, {**row, "ORRES": "0"})
    assert bounds(none, LATER) == (1, 1)


def test_what_is_said_of_it(tmp_path: Path) -> None:
    intake = spoken(tmp_path, "VS", {"TESTCD": "PEEP", "TEST": "Set PEEP", "STRESC": "5"})
    [row] = intake.rejects.to_dicts()
    assert (row["concept"], row["value"]) == ("oxygen_device", "Set PEEP: 5")
    assert row["reason"] == "the test `Set PEEP: 5` is in no table, and its words speak of oxygen_device"
    assert row["hint"].startswith("name it in a code list (`--codes`: system VSTESTCD or VSTEST), or say there")
    site = [Code("VSTESTCD", "PEEP", "", fate="ignore", reason="of a trainer")]
    assert bounds(read(tmp_path, codes=site), LATER) == (1, 1)


def test_the_category_and_the_object_speak_too(tmp_path: Path) -> None:
    assert bounds(spoken(tmp_path / "a", "VS", {"TESTCD": "MODE", "CAT": "VENTILATOR", "ORRES": "A"}), LATER) == (1, 4)
    used = {"TESTCD": "USED", "OBJ": "Mechanical ventilation", "ORRES": "Y"}
    assert bounds(spoken(tmp_path / "b", "FA", used), LATER) == (1, 4)


@pytest.mark.parametrize(("said", "highest"), [("Y", 4), ("U", 4), ("", 4), ("N", 1)])
def test_whether_a_ventilation_occurred(tmp_path: Path, said: str, highest: int) -> None:
    intake = spoken(tmp_path, "FA", {"TESTCD": "OCCUR", "OBJ": "MECHANICAL VENTILATION", "STRESC": said})
    assert bounds(intake, LATER) == (1, highest)
    assert adds_up(intake)


def test_a_finding_that_was_not_done_says_nothing(tmp_path: Path) -> None:
    intake = spoken(tmp_path, "VS", {"TESTCD": "VENTMODE", "TEST": "Ventilator mode", "STAT": "NOT DONE"})
    assert bounds(intake, LATER) == (1, 1)


def test_a_finding_with_a_date_alone_is_in_doubt_that_day(tmp_path: Path) -> None:
    intake = spoken(tmp_path, "VS", {"TESTCD": "PEEP", "ORRES": "5", "DTC": "2024-03-02"})
    assert rules(intake) == ["unknown_code"]
    assert intake.in_doubt.select("time", "until").rows() == [(us("2024-03-02T00:00"), us("2024-03-03T00:00"))]


def test_a_finding_without_a_date_is_in_doubt_all_the_time(tmp_path: Path) -> None:
    intake = spoken(tmp_path, "VS", {"TEST": "Mechanically ventilated", "ORRES": "Y", "DTC": ""})
    assert bounds(intake, LATER) == (1, 4)
    assert bounds(intake, "2024-03-02T09:00") == (1, 4)
    assert adds_up(intake)


def test_a_category_mutes_nothing(tmp_path: Path) -> None:
    row = {"TESTCD": "MV", "TEST": "Mechanically ventilated", "CAT": "ICU QUESTIONNAIRE", "ORRES": "Y"}
    assert bounds(spoken(tmp_path, "QS", row), LATER) == (1, 4)


def test_a_number_that_looks_like_a_no(tmp_path: Path) -> None:
    row = {"TESTCD": "AIRWAY", "TEST": "Airway", "ORRES": "Intubated", "STRESN": "0"}
    assert bounds(spoken(tmp_path, "VS", row), LATER) == (1, 4)


@pytest.mark.parametrize("test", ["Oxygen", "FIO2, ARTERIAL", "PaO2/FiO2"])
def test_a_laboratory_that_measures_oxygen(tmp_path: Path, test: str) -> None:
    assert bounds(spoken(tmp_path, "LB", {"TESTCD": "T1", "TEST": test, "ORRES": "80"}), LATER) == (1, 1)


def test_a_ventilator_that_is_charted_explains_it(tmp_path: Path) -> None:
    peep: dict[str, object] = {"TESTCD": "PEEP", "ORRES": "5"}
    on = {**DEVICE, "PRTRT": "MECHANICAL VENTILATION", "PRSTDTC": "2024-03-02T09:00"}
    intake = spoken(tmp_path, "VS", peep, pr=[on])
    assert intake.in_doubt.is_empty()
    assert bounds(intake, LATER) == (4, 4)
    assert bounds(intake, "2024-03-02T21:00") == (1, 1)
    assert rules(intake) == ["unknown_code"]


def test_some_oxygen_beside_a_charted_cannula_says_nothing_new(tmp_path: Path) -> None:
    on = {**DEVICE, "PRTRT": "NASAL CANNULA", "PRSTDTC": "2024-03-02T09:00"}
    for flow, left in (("2", 0), ("40", 1)):
        row: dict[str, object] = {"TESTCD": "T1", "TEST": "O2 amount", "ORRES": flow}
        assert spoken(tmp_path / flow, "VS", row, pr=[on]).in_doubt.height == left


def test_findings_of_a_domain_that_is_not_read(tmp_path: Path) -> None:
    """Only those that speak of a therapy are taken up; where none does the file is left out whole, times and all."""
    rows: list[dict[str, object]] = [{"TESTCD": "PEEP", "ORRES": "5"}, {"TESTCD": "WEIGHT", "ORRES": "70"}]
    intake = spoken(tmp_path / "a", "XV", *rows)
    assert fates(intake, "xv.csv") == {"rejected": 1, "ignored": 1}
    quiet = spoken(tmp_path / "b", "XV", rows[1])
    assert fates(quiet, "xv.csv") == {"ignored": 1}
    assert quiet.rejects.is_empty()
    # a table without subjects, or of other columns
    for name, row in (("c", {"USUBJID": "a", "XVTERM": "PEEP"}), ("d", {"XVTEST": "PEEP", "XVDTC": DURING})):
        there = read(write(tmp_path / name, ex=[TRIGGER], vs=VITALS, xv=[row]))
        assert fates(there, "xv.csv") == {"ignored": 1}


def test_a_laboratory_speaks_of_ventilation(tmp_path: Path) -> None:
    row = lab(LBTESTCD="PPLAT", LBTEST="Plateau pressure", LBSTRESC="22", LBSTRESN="22", LBDTC=DURING)
    assert bounds(read(write(tmp_path, ex=[TRIGGER], vs=VITALS, cm=SOAP, pr=[OTHER], lb=[row])), LATER) == (1, 4)


# ---------------------------------------------------------------- rows without a name


# the trap `no_name`
def test_a_drug_without_a_name_may_be_any(tmp_path: Path) -> None:
    bare = {**PRESSOR, "CMTRT": ""}
    intake = treated(tmp_path / "a", cm=[*SOAP, bare])
    # each pressor may have run, and nobody can say that not two of them did
    assert bounds(intake, LATER) == (1, 4)
    assert bounds(intake, "2024-03-02T21:00") == (1, 1)
    assert intake.rejects.select("concept", "rule").rows() == [(None, "unknown_code")]
    assert {"norepinephrine", "tocilizumab"} <= set(intake.in_doubt["concept"])
    assert adds_up(intake)
    for said in ({"CMOCCUR": "N"}, {"CMROUTE": "TOPICAL"}):
        spared = treated(tmp_path / next(iter(said)), cm=[*SOAP, {**bare, **said}])
        assert bounds(spared, LATER) == (1, 1)
        assert rules(spared) == []


def test_where_many_drugs_have_no_name_none_counts_as_not_given(tmp_path: Path) -> None:
    intake = treated(tmp_path, cm=[*SOAP[:3], {**PRESSOR, "CMTRT": ""}])
    assert fates(intake, "cm.csv") == {"ignored": 4}
    assert {"norepinephrine", "tocilizumab"} <= intake.not_recorded
    assert "too many rows have no name of a drug: none counts as not given" in intake.ledger["reason"].to_list()
    assert adds_up(intake)


def test_a_procedure_without_a_name_may_be_any_device(tmp_path: Path) -> None:
    intake = treated(tmp_path, pr=[{**DEVICE, "PRTRT": ""}])
    assert bounds(intake, LATER) == (1, 4)
    assert bounds(intake, "2024-03-02T21:00") == (1, 1)
    assert intake.rejects.select("concept", "rule").rows() == [(None, "unknown_code")]
    assert set(intake.in_doubt["concept"]) == {"oxygen_device"}
    assert adds_up(intake)
    spared = treated(tmp_path / "no", pr=[{**DEVICE, "PRTRT": "", "PROCCUR": "N"}])
    assert bounds(spared, LATER) == (1, 1)


# ---------------------------------------------------------------- questions that nobody asked


@pytest.mark.parametrize(
    ("occur", "status", "highest"),
    [("", "NOT DONE", 3), ("U", "NOT DONE", 3), ("Y", "NOT DONE", 3), ("N", "NOT DONE", 1), ("N", "", 1)],
)
# the trap `not_asked`
def test_a_drug_that_nobody_asked_for(tmp_path: Path, occur: str, status: str, highest: int) -> None:
    row = {**PRESSOR, "CMDECOD": "NOREPINEPHRINE", "CMOCCUR": occur, "CMSTAT": status}
    intake = treated(tmp_path, cm=[row])
    assert bounds(intake, LATER) == (1, highest)
    assert rules(intake) == (["unknown_occurrence"] if highest > 1 else [])


def test_a_ventilator_and_a_finding_that_nobody_asked_for(tmp_path: Path) -> None:
    vent = {**DEVICE, "PRTRT": "MECHANICAL VENTILATION", "PRSTAT": "NOT DONE"}
    assert bounds(treated(tmp_path / "a", pr=[vent]), LATER) == (1, 4)
    seizure = {"CETERM": "STATUS EPILEPTICUS", "CEOCCUR": "", "CESTAT": "NOT DONE", "CESTDTC": DURING}
    intake = read(write(tmp_path / "b", ex=[TRIGGER], qs=ICE, ce=[seizure]))
    assert bounds(intake, LATER, "icans.astct-2019") == (0, 4)


def test_a_course_that_nobody_asked_for(tmp_path: Path) -> None:
    row = drug("TOCILIZUMAB", "", CMOCCUR="", CMSTAT="NOT DONE")
    intake = read(write(tmp_path, ex=[TRIGGER], vs=[vital(), vital(VSDTC=AFTER)], cm=[row]))
    assert set(intake.in_doubt["concept"]) == {"tocilizumab"}
    assert "tocilizumab" not in intake.observations["concept"].to_list()
