"""What SDTM rows state: dates, findings, drugs, devices, events; each trap of the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sdtm.small import (
    KNOWLEDGE,
    T0,
    TRIGGER,
    adds_up,
    drug,
    fates,
    lab,
    read,
    rules,
    stated,
    us,
    vital,
    write,
)

from cytowatch.adapters.vocabulary import Code
from cytowatch.errors import ArgumentError
from cytowatch.knowledge.view_doors import coverage
from cytowatch.pipeline import grade_intake

# ---------------------------------------------------------------- dates


# the trap `partial_dates`
@pytest.mark.parametrize(
    "date", ["2024", "2024-03", "2024-03-02", "2024-03-02T09", "2024---02", "--03-02", "2024-03-01/2024-03-03"]
)
def test_a_cut_date_is_rejected_and_never_padded(tmp_path: Path, date: str) -> None:
    intake = read(write(tmp_path, vs=[{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": date}]))
    assert intake.observations.is_empty()
    assert rules(intake) == ["partial_date"]
    assert intake.rejects["value"].to_list() == [date]


# the trap `no_day_zero`
def test_a_date_is_reckoned_from_the_study_day_without_a_day_0(tmp_path: Path) -> None:
    days = [("-1", "2024-02-29"), ("1", "2024-03-01"), ("2", "2024-03-02")]
    rows = [{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "", "VSDY": day} for day, _ in days]
    none = [{**rows[0], "VSDY": day} for day in ("0", "1.5", "x")]
    intake = read(write(tmp_path, dm=[{"RFSTDTC": "2024-03-01"}], vs=[*rows, *none]))
    assert intake.rejects["value"].to_list()[:3] == [date for _, date in days]
    # a day 0 and a part of a day are no day at all
    assert rules(intake) == ["partial_date"] * 3 + ["missing_time"] * 3


def test_times_without_a_zone_need_one(tmp_path: Path) -> None:
    folder = write(tmp_path, vs=[{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "2024-03-01T10:00"}])
    with pytest.raises(ArgumentError, match="no time zone"):
        read(folder, None)
    assert stated(read(folder, "Europe/Berlin"), "time") == [(us("2024-03-01T09:00"),)]


def test_a_time_with_its_offset_needs_no_zone(tmp_path: Path) -> None:
    folder = write(
        tmp_path, vs=[{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "2024-03-01T10:00:30-05:00"}]
    )
    assert stated(read(folder, None), "time") == [(us("2024-03-01T15:00:30"),)]


def test_study_days_that_contradict_their_dates_are_told(tmp_path: Path) -> None:
    row = {"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "2024-03-02T10:00", "VSDY": "5"}
    intake = read(write(tmp_path, dm=[{"RFSTDTC": "2024-03-01"}], vs=[row]))
    assert any("1 study days (VSDY) contradict" in reason for reason in intake.ledger["reason"])


# ---------------------------------------------------------------- findings


def test_the_standard_result_counts_and_else_the_original(tmp_path: Path) -> None:
    rows = [
        vital(),
        vital(VSDTC="2024-03-01T09:00", VSSTRESC="", VSSTRESN="", VSSTRESU="", VSORRES="101.3", VSORRESU="F"),
    ]
    assert stated(read(write(tmp_path, vs=rows))) == [("body_temperature", 38.5, None)] * 2


# the trap `two_results`
@pytest.mark.parametrize(
    ("original", "standard", "refused"),
    [("100.4", "38", False), ("100.3", "37.9", False), ("100.3", "38", True), ("101", "36", True)],
)
def test_results_that_contradict_each_other_are_rejected(
    tmp_path: Path, original: str, standard: str, refused: bool
) -> None:
    row = vital(VSORRES=original, VSORRESU="F", VSSTRESC=standard, VSSTRESN=standard)
    assert rules(read(write(tmp_path, vs=[row]))) == (["conflicting_results"] if refused else [])


@pytest.mark.parametrize(
    ("original", "unit", "standard", "value"),
    [
        # one unit: what was read off the thermometer
        ("37.95", "C", "38.0", 37.95),
        ("37.96", "C", "38", 37.96),
        ("38.0", "C", "38", 38.0),
        # two units: a tenth of a degree F is less than a tenth of a degree C; (100.2 - 32) / 1.8 = 37.889
        ("100.2", "F", "37.9", 37.889),
        ("100.31", "F", "38.0", 37.95),
        ("100.4", "F", "38", 38.0),
        # a whole degree F is more than a tenth of a degree C; (100 - 32) / 1.8 = 37.778
        ("100", "F", "37.8", 37.8),
        ("100.3", "F", "37.9444444", 37.944),
    ],
)
def test_of_two_results_that_differ_by_rounding_the_finer_one_counts(
    tmp_path: Path, original: str, unit: str, standard: str, value: float
) -> None:
    row = vital(VSORRES=original, VSORRESU=unit, VSSTRESC=standard, VSSTRESN=standard)
    assert stated(read(write(tmp_path, vs=[row])), "value")[0][0] == pytest.approx(value, abs=1e-3)


def test_a_temperature_below_the_threshold_is_not_rounded_to_a_fever(tmp_path: Path) -> None:
    rows = [vital(VSORRES="37.95", VSORRESU="C", VSSTRESC="38.0", VSSTRESN="38")]
    rows += [
        vital(VSTESTCD=test, VSORRES=value, VSORRESU=unit, VSSTRESC=value, VSSTRESN=value, VSSTRESU=unit)
        for test, value, unit in (("SYSBP", "120", "mmHg"), ("OXYSAT", "97", "%"))
    ]
    room_air = [{"PRTRT": "ROOM AIR", "PRSTDTC": T0, "PRENDTC": "2024-03-02T08:00"}]
    intake = read(write(tmp_path, ex=[TRIGGER], vs=rows, cm=[drug("SOAP", T0)], pr=room_air))
    graded = grade_intake(intake, KNOWLEDGE, ["crs.astct-2019"]).timeline.sort("start")
    assert graded.select("at_least", "at_most").row(0) == (0, 0)


def test_what_was_not_done_says_why(tmp_path: Path) -> None:
    row = vital(VSSTRESC="", VSSTRESN="", VSSTAT="NOT DONE", VSREASND="patient asleep")
    intake = read(write(tmp_path, vs=[row]))
    assert intake.ledger.select("fate", "reason").rows() == [("ignored", "not done: patient asleep")]


# the trap `below_detection`
def test_the_bound_of_a_result_below_detection_is_kept(tmp_path: Path) -> None:
    rows = [
        lab(LBSTRESC="<0.2", LBSTRESN=number, LBDTC=f"2024-03-01T0{hour}:00") for hour, number in enumerate(["", "0.2"])
    ]
    assert stated(read(write(tmp_path, lb=rows)), "value", "comparator") == [(0.2, "<"), (0.2, "<")]


@pytest.mark.parametrize(
    ("code", "original", "unit", "standard", "expected"),
    [
        ("FERRITIN", ">1500", "ug/L", "1500", (1500.0, ">")),
        # half of the limit of detection is no value
        ("CRP", "<5", "mg/L", "2.5", (5.0, "<")),
        ("CRP", "< 0.5", "mg/dL", "5", (5.0, "<")),
        ("CRP", "≤5", "", "5", (5.0, "<=")),
    ],
)
def test_a_bound_that_only_the_original_result_has_is_kept(
    tmp_path: Path, code: str, original: str, unit: str, standard: str, expected: tuple[float, str]
) -> None:
    of = {"LBORRES": original, "LBORRESU": unit, "LBSTRESC": standard, "LBSTRESN": standard}
    row = lab(LBTESTCD=code, LBSTRESU="ug/L" if code == "FERRITIN" else "mg/L", **of)
    assert stated(read(write(tmp_path, lb=[row])), "value", "comparator") == [expected]


def test_an_end_without_a_time_is_none_and_takes_no_result(tmp_path: Path) -> None:
    rows = [
        lab(LBTESTCD=code, LBENDTC=end)
        for code, end in (("CRP", "2024-03-01"), ("FERRITIN", "2024-03-01T10:00"), ("ALT", ""))
    ]
    rows[1] |= {"LBSTRESU": "ug/L"}
    rows[2] |= {"LBSTRESU": "U/L"}
    intake = read(write(tmp_path, lb=rows))
    assert stated(intake, "concept", "until") == [("alt", None), ("crp", None), ("ferritin", us("2024-03-01T10:00"))]


@pytest.mark.parametrize("specimen", ["BLOOD, VENOUS", "Blood venous", "SERUM"])
def test_blood_is_blood_however_it_is_written(tmp_path: Path, specimen: str) -> None:
    assert stated(read(write(tmp_path, lb=[lab(LBSPEC=specimen)])), "value") == [(12.0,)]


def test_a_specimen_that_no_table_has_is_rejected_where_the_test_is_needed(tmp_path: Path) -> None:
    rows = [lab(LBSPEC="MOON DUST"), lab(LBSPEC="MOON DUST", LBTESTCD="HCT")]
    intake = read(write(tmp_path, lb=rows))
    assert rules(intake) == ["unknown_specimen"]
    assert fates(intake) == {"rejected": 1, "ignored": 1}


# the trap `urine`
@pytest.mark.parametrize("where", [{"LBSPEC": "URINE"}, {"LBCAT": "URINALYSIS"}, {"LBSPEC": "CEREBROSPINAL FLUID"}])
def test_the_glucose_of_urine_is_not_that_of_blood(tmp_path: Path, where: dict[str, str]) -> None:
    intake = read(write(tmp_path, lb=[lab(LBTESTCD="GLUC", LBSTRESU="mg/dL", LBSTRESC="90", LBSTRESN="90", **where)]))
    assert intake.observations.is_empty()
    assert "specimen" in intake.ledger["reason"][0]


def test_a_fasting_glucose_is_both(tmp_path: Path) -> None:
    rows = [lab(LBTESTCD="GLUC", LBSTRESU="mg/dL", LBSTRESC="90", LBSTRESN="90", LBFAST="Y", LBSPEC="PLASMA")]
    intake = read(write(tmp_path, lb=rows))
    assert [row[0] for row in stated(intake)] == ["fasting_glucose", "glucose"]
    assert fates(intake) == {"used": 1}


def test_a_comma_is_read_and_words_are_no_number(tmp_path: Path) -> None:
    rows = [vital(VSSTRESC="38,5", VSSTRESN=""), vital(VSSTRESC="hot", VSSTRESN="", VSDTC="2024-03-01T09:00")]
    intake = read(write(tmp_path, vs=rows))
    assert stated(intake) == [("body_temperature", 38.5, None)]
    assert rules(intake) == ["not_a_number"]


def test_scores_and_states_are_found_by_their_names(tmp_path: Path) -> None:
    intake = read(
        write(
            tmp_path,
            qs=[{"QSTESTCD": "ICETOT", "QSTEST": "ICE score", "QSSTRESN": "7", "QSDTC": T0}],
            nv=[{"NVTESTCD": "LOC", "NVTEST": "Level of consciousness", "NVSTRESC": "to voice", "NVDTC": T0}],
        )
    )
    assert stated(intake) == [("consciousness", None, "to_voice"), ("ice_score", 7.0, None)]


# ---------------------------------------------------------------- drugs and devices


def test_a_vasopressor_runs_from_start_to_end(tmp_path: Path) -> None:
    row = drug("LEVOPHED", T0, "2024-03-01T20:00", CMDOSE="0.1", CMDOSU="ug/kg/min", CMDOSFRQ="CONTINUOUS")
    rows = stated(read(write(tmp_path, cm=[row])), "concept", "value", "time", "until")
    assert rows == [("norepinephrine", 0.1, us(T0), us("2024-03-01T20:00"))]


@pytest.mark.parametrize("word", ["", "ONGOING"])
def test_without_an_end_it_is_open(tmp_path: Path, word: str) -> None:
    row = drug("NOREPINEPHRINE", T0, CMDOSE="0.1", CMDOSU="ug/kg/min", CMENRTPT=word)
    assert stated(read(write(tmp_path, cm=[row])), "until") == [(None,)]


def test_an_end_cut_short_is_certain_before_and_in_doubt_during_that_day(tmp_path: Path) -> None:
    row = drug("NOREPINEPHRINE", T0, "2024-03-03", CMDOSE="0.1", CMDOSU="ug/kg/min")
    intake = read(write(tmp_path, cm=[row]))
    assert stated(intake, "time", "until") == [(us(T0), us("2024-03-03T00:00"))]
    assert intake.in_doubt.select("time", "until").rows() == [(us("2024-03-03T00:00"), us("2024-03-04T00:00"))]
    assert fates(intake) == {"used": 1}
    assert rules(intake) == ["partial_date"]


def test_a_start_cut_short_leaves_the_drug_in_doubt(tmp_path: Path) -> None:
    row = drug("NOREPINEPHRINE", "2024-03-01", "2024-03-02T10:00", CMDOSE="0.1", CMDOSU="ug/kg/min")
    intake = read(write(tmp_path, ex=[TRIGGER], cm=[row]))
    assert intake.in_doubt.select("concept", "time", "until").rows() == [
        ("norepinephrine", us("2024-03-01T00:00"), us("2024-03-02T10:00"))
    ]
    graded = grade_intake(intake, KNOWLEDGE, ["crs.astct-2019"])
    # nobody can say that no vasopressor ran
    assert graded.timeline["at_most"].max() > 1


# the trap `courses`
def test_a_course_is_its_first_dose_and_doubt_on_its_other_days(tmp_path: Path) -> None:
    row = drug("TYLENOL", T0, "2024-03-03", CMDOSE="500", CMDOSU="mg", CMDOSFRQ="QID")
    intake = read(write(tmp_path, vs=[vital(VSDTC="2024-03-09T10:00")], ex=[TRIGGER], cm=[row]))
    assert stated(intake)[0] == ("acetaminophen", 500.0, None)
    assert intake.in_doubt["time"].sort().to_list() == [
        us(f"2024-03-{day}T{clock}") for day in ("02", "03") for clock in ("00:00", "23:59")
    ]


def test_one_dose_is_one_dose(tmp_path: Path) -> None:
    row = drug("ACTEMRA", T0, T0, CMDOSE="560", CMDOSU="mg", CMDOSFRQ="ONCE")
    intake = read(write(tmp_path, ex=[TRIGGER], cm=[row]))
    assert ("tocilizumab", 560.0, None) in stated(intake)
    assert intake.in_doubt.is_empty()


def test_a_dose_with_a_date_only_may_have_been_given_all_day(tmp_path: Path) -> None:
    row = drug("TOCILIZUMAB", "2024-03-02", "2024-03-02", CMDOSE="560", CMDOSU="mg", CMDOSFRQ="ONCE")
    intake = read(write(tmp_path, ex=[TRIGGER], vs=[vital(VSDTC="2024-03-03T10:00")], cm=[row]))
    assert intake.in_doubt.select("concept", "time").sort("time").rows() == [
        ("tocilizumab", us("2024-03-02T00:00")),
        ("tocilizumab", us("2024-03-02T23:59")),
    ]
    assert fates(intake, "cm.csv") == {"rejected": 1}


# the traps `asked_and_not_given` and `topical`
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"CMOCCUR": "N", "CMREASND": "refused"}, "not given: refused"),
        ({"CMOCCUR": "N", "CMSTAT": "NOT DONE"}, "not given: no reason given"),
        ({"CMROUTE": "TOPICAL"}, "a route that acts where it is applied"),
    ],
)
def test_a_row_of_a_drug_that_was_not_given_or_does_not_reach_the_blood(
    tmp_path: Path, more: dict[str, str], reason: str
) -> None:
    intake = read(write(tmp_path, cm=[drug("HYDROCORTISONE", T0, **more)]))
    assert intake.ledger.select("fate", "reason").rows() == [("ignored", reason)]
    assert intake.in_doubt.is_empty()


def test_drugs_by_whole_names_and_parts_of_a_combination(tmp_path: Path) -> None:
    rows = [
        drug("VICODIN", T0, CMDECOD="HYDROCODONE;PARACETAMOL", CMDOSE="5", CMDOSU="mg", CMDOSFRQ="ONCE"),
        drug("NORMAL SALINE", T0, CMDECOD="", CMDOSE="1", CMDOSFRQ="ONCE"),
        drug("CALCIUM", T0, CMDECOD="CALCIUM", CMDOSE="1", CMDOSU="g", CMDOSFRQ="ONCE"),
    ]
    intake = read(write(tmp_path, cm=rows))
    # the amount is that of the whole tablet
    assert stated(intake) == [("acetaminophen", None, None)]
    assert fates(intake) == {"used": 1, "ignored": 2}


def test_the_trigger_by_brand_and_by_a_code_list(tmp_path: Path) -> None:
    rows = [
        {**TRIGGER, "EXDOSE": "200", "EXDOSU": "10^6 CELLS"},
        {"EXTRT": "ABC-123", "EXSTDTC": "2024-03-02T08:00"},
        {"EXTRT": "Placebo", "EXSTDTC": T0},
    ]
    folder = write(tmp_path, ex=rows)
    intake = read(folder)
    assert stated(intake) == [("car_t_infusion", 2e8, "tisagenlecleucel")]
    assert rules(intake) == ["unknown_code"]
    assert fates(intake) == {"used": 1, "rejected": 1, "ignored": 1}
    named = read(folder, codes=[Code("EXTRT", "ABC-123", "t_cell_engager_dose", "teclistamab")])
    assert stated(named)[1] == ("t_cell_engager_dose", None, "teclistamab")


# the trap `lost_trigger`
def test_a_trigger_is_not_lost_with_its_amount(tmp_path: Path) -> None:
    intake = read(write(tmp_path, ex=[{**TRIGGER, "EXDOSE": "1", "EXDOSU": "BAG"}]))
    assert stated(intake) == [("car_t_infusion", None, "tisagenlecleucel")]
    assert rules(intake) == ["unknown_unit"]
    assert fates(intake) == {"used": 1}


# the trap `collected_exposure`
def test_collected_exposure_counts_only_where_ex_has_no_times(tmp_path: Path) -> None:
    collected = [{"ECTRT": "KYMRIAH", "ECSTDTC": T0}]
    both = read(write(tmp_path / "1", ex=[TRIGGER], ec=collected))
    assert len(both.observations) == 1
    assert fates(both, "ec.csv") == {"ignored": 1}
    dates = read(write(tmp_path / "2", ex=[{**TRIGGER, "EXSTDTC": "2024-03-01"}], ec=collected))
    assert fates(dates) == {"rejected": 1, "used": 1}


def test_collected_exposure_is_looked_at_subject_by_subject(tmp_path: Path) -> None:
    teclistamab, later = {"EXTRT": "TECLISTAMAB"}, "2024-03-04T08:00"
    exposure = [
        TRIGGER,
        {**TRIGGER, "USUBJID": "b", "EXSTDTC": "2024-03-01"},
        # of two doses the first with a time, by the name of the brand, the second without one
        {**teclistamab, "USUBJID": "c", "EXSTDTC": T0},
        {**teclistamab, "USUBJID": "c", "EXSTDTC": "2024-03-04"},
        # of two drugs the one with a time, the other without
        {**TRIGGER, "USUBJID": "d"},
        {**teclistamab, "USUBJID": "d", "EXSTDTC": "2024-03-04"},
    ]
    collected = [
        {"USUBJID": "a", "ECTRT": "CELLS", "ECSTDTC": T0},
        {"USUBJID": "b", "ECTRT": "KYMRIAH", "ECSTDTC": T0},
        {"USUBJID": "c", "ECTRT": "TECVAYLI", "ECSTDTC": T0},
        {"USUBJID": "c", "ECTRT": "TECVAYLI", "ECSTDTC": later},
        {"USUBJID": "d", "ECTRT": "KYMRIAH", "ECSTDTC": "2024-03-01T09:00"},
        {"USUBJID": "d", "ECTRT": "TECVAYLI", "ECSTDTC": later},
    ]
    intake = read(write(tmp_path, ex=exposure, ec=collected))
    assert fates(intake, "ec.csv") == {"used": 3, "ignored": 3}
    triggers = intake.observations.sort("patient", "time").select("patient", "time").rows()
    assert triggers == [
        ("a", us(T0)),
        ("b", us(T0)),
        ("c", us(T0)),
        ("c", us(later)),
        ("d", us(T0)),
        ("d", us(later)),
    ]
    assert adds_up(intake)


def test_ventilation_from_start_to_end(tmp_path: Path) -> None:
    rows = [
        {"PRTRT": "Mechanical ventilation", "PRSTDTC": T0, "PRENDTC": "2024-03-02T08:00"},
        {"PRTRT": "BIOPSY", "PRSTDTC": T0},
        {"PRTRT": "Hemodialysis", "PRSTDTC": T0},
    ]
    intake = read(write(tmp_path, pr=rows))
    assert sorted(stated(intake, "concept", "text", "until")) == [
        ("kidney_replacement", "yes", None),
        ("oxygen_device", "invasive_ventilation", us("2024-03-02T08:00")),
    ]


def test_absence_is_unknown_where_no_domain_records_it(tmp_path: Path) -> None:
    alone = read(write(tmp_path / "1", vs=[vital()]))
    assert {"norepinephrine", "tocilizumab", "oxygen_device"} <= alone.not_recorded
    biopsies = read(write(tmp_path / "2", vs=[vital()], cm=[drug("SOAP", T0)], pr=[{"PRTRT": "BIOPSY", "PRSTDTC": T0}]))
    # a PR without any device is one of a study that never asked for oxygen
    assert biopsies.not_recorded == {"oxygen_device"}


def test_what_is_read_by_its_name_needs_no_list_of_the_site(tmp_path: Path) -> None:
    door = KNOWLEDGE.doors["sdtm"]
    named = {key: one for key, one in KNOWLEDGE.concepts.items() if one.kind in ("infusion", "dose")}
    for key in ("norepinephrine", "tocilizumab", "crp", "seizure"):
        assert coverage(door, KNOWLEDGE.concepts[key], KNOWLEDGE) == "yes"
    assert {coverage(door, one, KNOWLEDGE) for one in named.values()} == {"yes"}
    rows = [drug(key.replace("_", " ").upper(), T0, CMDOSFRQ="ONCE") for key in named]
    assert set(read(write(tmp_path, cm=rows)).observations["concept"]) == set(named)
