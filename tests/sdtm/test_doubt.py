"""What a row of SDTM leaves open: names that no table has, answers that nobody knows, findings that may be worse."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sdtm.small import KNOWLEDGE, T0, TRIGGER, adds_up, event, fates, read, rules, stated, us, vital, write

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.pipeline import grade_intake

DURING = "2024-03-02T10:00"
AFTER = "2024-03-02T20:00"
PRESSOR = {
    "CMTRT": "PRESSOR",
    "CMDECOD": "",
    "CMDOSE": "0.1",
    "CMDOSU": "ug/kg/min",
    "CMDOSFRQ": "CONTINUOUS",
    "CMROUTE": "INTRAVENOUS",
    "CMOCCUR": "",
    "CMSTDTC": DURING,
    "CMENDTC": AFTER,
}
ROOM_AIR = {"PRTRT": "ROOM AIR", "PROCCUR": "", "PRSTDTC": T0, "PRENDTC": "2024-03-03T08:00"}
DEVICE = {"PROCCUR": "", "PRSTDTC": DURING, "PRENDTC": AFTER}
# 38.6 C, 120 mm[Hg] and 97 % every 4 hours from the infusion on: grade 1
VITALS = [
    vital(VSTESTCD=test, VSSTRESC=value, VSSTRESN=value, VSSTRESU=unit, VSDTC=f"2024-03-{day}T{hour:02}:10")
    for day in ("01", "02")
    for hour in range(0, 24, 4)
    if day == "02" or hour >= 8
    for test, value, unit in (("TEMP", "38.6", "C"), ("SYSBP", "120", "mmHg"), ("OXYSAT", "97", "%"))
]
ICE = [
    {"QSTESTCD": "ICETOT", "QSSTRESN": "10", "QSDTC": "2024-03-02T09:00"},
    {"QSTESTCD": "LOC", "QSTEST": "Level of consciousness", "QSSTRESC": "awake", "QSDTC": "2024-03-02T09:00"},
]


def bounds(intake: Intake, moment: str, scale: str = "crs.astct-2019") -> tuple[int, int]:
    """The grade at a moment, from at least to at most."""
    timeline = grade_intake(intake, KNOWLEDGE, [scale]).timeline.filter(patient="a")
    at = us(moment)
    found = [(low, high) for start, end, low, high in timeline.select("start", "end", "at_least", "at_most").rows()
             if start <= at < end]  # fmt: skip
    assert len(found) == 1
    return found[0]


def treated(folder: Path, *, cm: list[dict[str, str]] | None = None, pr: list[dict[str, str]] | None = None) -> Intake:
    """The patient with the fever, room air for certain, and these rows besides."""
    soap = {**PRESSOR, "CMTRT": "SOAP"}
    return read(write(folder, ex=[TRIGGER], vs=VITALS, cm=cm or [soap], pr=[ROOM_AIR, *(pr or [])]))


# ---------------------------------------------------------------- names


# the trap `words_of_a_therapy`
@pytest.mark.parametrize("name", ["VENTILATION", "OXYGEN VIA T-PIECE", "TRACHEOSTOMY", "OXYGEN 2 L"])
def test_a_device_that_no_table_knows_is_in_doubt_for_its_time(tmp_path: Path, name: str) -> None:
    intake = treated(tmp_path, pr=[{**DEVICE, "PRTRT": name}])
    assert rules(intake) == ["unknown_code"]
    assert intake.in_doubt.select("concept", "time", "until").rows() == [("oxygen_device", us(DURING), us(AFTER))]
    assert bounds(intake, "2024-03-02T09:00") == (1, 1)
    assert bounds(intake, "2024-03-02T12:00") == (1, 4)
    assert bounds(intake, "2024-03-02T21:00") == (1, 1)
    assert adds_up(intake)
    named = read(tmp_path, codes=[Code("PRTRT", name, "oxygen_device", "bipap")])
    assert bounds(named, "2024-03-02T12:00") == (4, 4)


@pytest.mark.parametrize(
    ("name", "grade"),
    [("HFNC", 3), ("HIGH FLOW NASAL OXYGEN", 3), ("OXYGEN BY FACE MASK", 3), ("BIPAP VENTILATION", 4)],
)
def test_devices_by_their_usual_names(tmp_path: Path, name: str, grade: int) -> None:
    assert bounds(treated(tmp_path, pr=[{**DEVICE, "PRTRT": name}]), "2024-03-02T12:00") == (grade, grade)


def test_nasal_oxygen_is_oxygen_of_a_flow_that_nobody_says(tmp_path: Path) -> None:
    intake = treated(tmp_path, pr=[{**DEVICE, "PRTRT": "NASAL OXYGEN"}])
    assert ("oxygen_device", "other") in stated(intake, "concept", "text")
    assert bounds(intake, "2024-03-02T12:00")[1] == 4


def test_a_device_in_doubt_without_an_end_is_open(tmp_path: Path) -> None:
    intake = treated(tmp_path, pr=[{**DEVICE, "PRTRT": "VENTILATION", "PRENDTC": ""}])
    assert intake.in_doubt["until"].to_list() == [None]
    assert bounds(intake, "2024-03-02T21:00") == (1, 4)


def test_ignored_procedures_and_drugs_are_named_the_most_frequent_first(tmp_path: Path) -> None:
    many = [{**DEVICE, "PRTRT": f"THING {number:02}"} for number in range(25)]
    twice = [{**DEVICE, "PRTRT": "Biopsy", "PRSTDTC": moment} for moment in (T0, DURING)]
    measured = {**DEVICE, "PRTRT": "OXYGEN SATURATION MONITOR"}
    intake = treated(tmp_path, pr=[*many, *twice, measured], cm=[{**PRESSOR, "CMTRT": "SOAP"}])
    named = intake.ledger.filter(fate="ignored").select("reason", "rows").rows()
    assert ("drug not needed by any loaded table: SOAP", 1) in named
    why = "a procedure that no table needs (codes/sdtm_procedures.csv)"
    assert (f"{why}: BIOPSY", 2) in named
    # 20 names, then the others in one line: 27 names in all
    assert (f"{why}: 7 other names", 7) in named
    assert len(named) == 22
    assert adds_up(intake)


# the trap `salts`
@pytest.mark.parametrize(
    "name",
    [
        "PHENYLEPHRINE HYDROCHLORIDE",
        "EPINEPHRINE HYDROCHLORIDE",
        "EPINEPHRINE BITARTRATE",
        "NORADRENALINE TARTRATE",
        "Norepinephrine hydrochloride",
    ],
)
def test_the_salt_of_a_vasopressor_is_that_vasopressor(tmp_path: Path, name: str) -> None:
    intake = treated(tmp_path, cm=[{**PRESSOR, "CMDECOD": name}])
    assert fates(intake, "cm.csv") == {"used": 1}
    assert bounds(intake, "2024-03-02T12:00") == (3, 3)


@pytest.mark.parametrize(
    ("name", "concept"),
    [
        ("TOCILIZUMAB-AAZG", "tocilizumab"),
        ("RUXOLITINIB PHOSPHATE", "ruxolitinib"),
        ("ANGIOTENSIN II ACETATE", "angiotensin_ii"),
    ],
)
def test_a_salt_or_the_suffix_of_a_biosimilar_is_that_drug(tmp_path: Path, name: str, concept: str) -> None:
    row = {**PRESSOR, "CMDECOD": name, "CMDOSE": "", "CMDOSU": "", "CMDOSFRQ": "ONCE"}
    intake = treated(tmp_path, cm=[row])
    assert concept in intake.observations["concept"].to_list()
    assert rules(intake) == []


@pytest.mark.parametrize("name", ["NOREPINEPHRINE IN D5W", "NOREPI 8 MG/250 ML", "LEVOPHED DRIP"])
def test_a_drug_whose_words_name_a_vasopressor_is_in_doubt(tmp_path: Path, name: str) -> None:
    intake = treated(tmp_path, cm=[{**PRESSOR, "CMTRT": name}])
    assert fates(intake, "cm.csv") == {"rejected": 1}
    assert bounds(intake, "2024-03-02T12:00") == (1, 3)
    assert bounds(intake, "2024-03-02T21:00") == (1, 1)


def test_a_dose_in_doubt_stands_at_its_moment(tmp_path: Path) -> None:
    row = {**PRESSOR, "CMTRT": "TOCILIZUMAB 8 MG/KG BAG", "CMDOSE": "", "CMDOSU": "", "CMDOSFRQ": "ONCE"}
    intake = treated(tmp_path, cm=[row])
    assert intake.in_doubt.select("concept", "time", "value").rows() == [("tocilizumab", us(DURING), 0.0)]
    assert "tocilizumab" not in intake.observations["concept"].to_list()


def test_a_part_of_a_combination_is_hardly_infused(tmp_path: Path) -> None:
    row = {**PRESSOR, "CMTRT": "XYLO", "CMDECOD": "EPINEPHRINE;LIDOCAINE", "CMROUTE": ""}
    intake = treated(tmp_path, cm=[row])
    assert rules(intake) == ["infusion_in_a_combination"]
    assert bounds(intake, "2024-03-02T12:00") == (1, 3)


@pytest.mark.parametrize("route", ["ORAL", "SUBCUTANEOUS"])
def test_nothing_is_infused_by_mouth_or_under_the_skin(tmp_path: Path, route: str) -> None:
    row = {**PRESSOR, "CMDECOD": "PARACETAMOL;PHENYLEPHRINE HYDROCHLORIDE", "CMROUTE": route}
    intake = treated(tmp_path, cm=[row, {**PRESSOR, "CMDECOD": "EPINEPHRINE", "CMROUTE": route}])
    assert rules(intake) == []
    assert bounds(intake, "2024-03-02T12:00")[1] == 1


# ---------------------------------------------------------------- whether it occurred


# the trap `nobody_knows`
@pytest.mark.parametrize(("said", "high"), [("U", 3), ("UNKNOWN", 3), ("N", 1), ("NA", 1), ("Y", 3)])
def test_a_drug_of_which_nobody_knows_if_it_was_given(tmp_path: Path, said: str, high: int) -> None:
    intake = treated(tmp_path, cm=[{**PRESSOR, "CMDECOD": "NOREPINEPHRINE", "CMOCCUR": said}])
    assert bounds(intake, "2024-03-02T12:00") == (3 if said == "Y" else 1, high)
    assert rules(intake) == (["unknown_occurrence"] if said.startswith("U") else [])


@pytest.mark.parametrize(("said", "expected"), [("U", (1, 4)), ("NA", (1, 1)), ("Y", (4, 4))])
def test_a_ventilator_of_which_nobody_knows_if_it_was_used(
    tmp_path: Path, said: str, expected: tuple[int, int]
) -> None:
    intake = treated(tmp_path, pr=[{**DEVICE, "PRTRT": "MECHANICAL VENTILATION", "PROCCUR": said}])
    assert bounds(intake, "2024-03-02T12:00") == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", (0, 4)),
        ("U", (0, 4)),
        ("MAYBE", (0, 4)),
        ("0", (0, 0)),
        ("N", (0, 0)),
        ("NO", (0, 0)),
        ("1", (4, 4)),
        ("Yes", (4, 4)),
    ],
)
def test_only_a_yes_says_that_a_finding_occurred(tmp_path: Path, said: str, expected: tuple[int, int]) -> None:
    row = {"FATESTCD": "OCCUR", "FAOBJ": "STATUS EPILEPTICUS", "FASTRESC": said, "FADTC": DURING, "FASTAT": ""}
    intake = read(write(tmp_path, ex=[TRIGGER], qs=ICE, fa=[row]))
    assert bounds(intake, "2024-03-02T09:30", "icans.astct-2019") == (0, 0)
    assert bounds(intake, "2024-03-02T12:00", "icans.astct-2019") == expected
    assert rules(intake) == (["unknown_occurrence"] if expected == (0, 4) else [])
    assert adds_up(intake)


@pytest.mark.parametrize(("said", "expected"), [("U", (0, 4)), ("NA", (0, 0)), ("Y", (4, 4))])
def test_an_event_of_which_nobody_knows_if_it_occurred(tmp_path: Path, said: str, expected: tuple[int, int]) -> None:
    row = {"CETERM": "STATUS EPILEPTICUS", "CEOCCUR": said, "CESTDTC": DURING}
    intake = read(write(tmp_path, ex=[TRIGGER], qs=ICE, ce=[row]))
    assert bounds(intake, "2024-03-02T12:00", "icans.astct-2019") == expected


# ---------------------------------------------------------------- may be worse


# the trap `seizure_as_event`
@pytest.mark.parametrize("term", ["Seizure", "Cerebral oedema"])
def test_an_event_is_a_finding_and_a_worse_one_is_not_excluded(tmp_path: Path, term: str) -> None:
    row = event(AEDECOD=term, AESTDTC=DURING, AEENDTC="2024-03-02T16:00", AETOXGR="4")
    intake = read(write(tmp_path, ex=[TRIGGER], qs=ICE, ae=[row]))
    # examined, awake, and with all points: nothing else is open
    assert bounds(intake, "2024-03-02T09:30", "icans.astct-2019") == (0, 0)
    assert bounds(intake, "2024-03-02T12:00", "icans.astct-2019") == (3, 4)


def test_a_finding_charted_anew_settles_how_bad_it_is(tmp_path: Path) -> None:
    row = event(AEDECOD="Seizure", AESTDTC=DURING, AEENDTC="2024-03-02T16:00")
    answer = {"QSTESTCD": "SEIZ", "QSTEST": "seizure", "QSSTRESC": "brief", "QSDTC": "2024-03-02T11:00"}
    intake = read(write(tmp_path, ex=[TRIGGER], qs=[*ICE, answer], ae=[row]))
    assert bounds(intake, "2024-03-02T10:30", "icans.astct-2019") == (3, 4)
    assert bounds(intake, "2024-03-02T12:00", "icans.astct-2019") == (3, 3)
