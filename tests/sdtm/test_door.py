"""The SDTM door: the public pilot study, each trap of its manifest, and files in every form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from tests.sdtm.small import KNOWLEDGE, SHARED, adds_up, fates, read, rules, stated, study, write

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.sdtm import read_sdtm
from cytowatch.adapters.sdtm.dates import to_study_day
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.errors import ArgumentError, InputError
from cytowatch.pipeline import grade_intake

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the public study is not beside the checkout")
T0 = "2024-03-01T08:00"
TRIGGER = {"EXTRT": "KYMRIAH", "EXSTDTC": T0}


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


# ---------------------------------------------------------------- the public study


@pytest.fixture(scope="module")
def pilot() -> Intake:
    return read(SHARED, "America/New_York")


@needs_shared
def test_every_row_of_the_pilot_study_is_accounted_for(pilot: Intake) -> None:
    files = {name: rows for name, _, rows in pilot.files}
    assert files == {
        "ae.csv.gz": 106, "cm.csv.gz": 669, "dm.csv.gz": 24, "ex.csv.gz": 43, "lb.csv.gz": 4309, "vs.csv.gz": 2186,
    }  # fmt: skip
    assert adds_up(pilot)
    assert fates(pilot, "lb.csv.gz") == {"ignored": 1553, "used": 2756}
    # vital signs of this study have dates only, and none of them is placed
    assert fates(pilot, "vs.csv.gz") == {"ignored": 2, "rejected": 2184}
    assert fates(pilot, "ex.csv.gz") == {"ignored": 15, "rejected": 28}
    assert fates(pilot, "cm.csv.gz") == {"ignored": 614, "rejected": 55}
    assert fates(pilot, "ae.csv.gz") == {"ignored": 105, "rejected": 1}
    assert fates(pilot, "dm.csv.gz") == {"used": 24}
    assert fates(pilot) == {"ignored": 2289, "rejected": 2268, "used": 2780}


# subject, line, concept, value in the canonical unit, limits of normal: read off the file by hand. Albumin 37 g/L is
# 3.7 g/dL; bilirubin below 3.42 umol/L is below 0.2 mg/dL (17.1 umol/L to 1 mg/dL).
BY_HAND = [
    ("01-701-1146", "ALB", "2013-05-07T13:52", "albumin", 3.7, 3.5, 4.6),
    ("01-701-1146", "ALB", "2013-06-03T13:16", "albumin", 3.7, 3.5, 4.6),
    ("01-701-1146", "ALB", "2013-06-16T12:45", "albumin", 3.5, 3.5, 4.6),
]


@needs_shared
def test_values_of_the_pilot_study_by_hand(pilot: Intake) -> None:
    for subject, _, when, concept, value, low, high in BY_HAND:
        # New York in summer is four hours behind UTC
        at = us(when) + 4 * 3_600_000_000
        row = pilot.observations.filter(patient=subject, concept=concept, time=at).row(0, named=True)
        assert row["value"] == pytest.approx(value)
        assert (row["range_low"], row["range_high"]) == (pytest.approx(low), pytest.approx(high))
    below = pilot.observations.filter(patient="01-705-1031", concept="bilirubin", comparator="<").row(0, named=True)
    assert below["value"] == pytest.approx(0.2)
    assert below["source"].startswith("lb.csv.gz:")


@needs_shared
def test_original_and_standard_results_of_the_pilot_study_agree(pilot: Intake) -> None:
    # 2,756 results with both: each canonical value must be what the laboratory printed first, in its own unit
    printed = pl.read_csv(SHARED / "lb.csv.gz", infer_schema=False).with_row_index("line", offset=2)
    rows = pilot.observations.with_columns(pl.col("source").str.extract(r":(\d+)$").cast(pl.UInt32).alias("line"))
    both = rows.join(printed, on="line")
    assert both.height == 2756
    original = pl.col("LBORRES").str.strip_prefix("<").cast(pl.Float64)
    same_unit = ["albumin", "bilirubin", "creatinine", "urea_nitrogen", "hemoglobin", "platelets", "white_cells", "uric_acid", "ast", "glucose", "sodium"]
    for concept in same_unit:
        scale = 18.018 if concept == "glucose" and both.filter(concept=concept)["unit"][0] == "mmol/L" else 1.0
        part = both.filter(concept=concept).select((pl.col("value") * scale / original).alias("ratio"))
        assert part.height > 100
        assert part["ratio"].is_between(0.98, 1.02).all(), concept


@needs_shared
@pytest.mark.parametrize(("domain", "date", "day"), [("vs", "VSDTC", "VSDY"), ("lb", "LBDTC", "LBDY"), ("ae", "AESTDTC", "AESTDY"), ("ex", "EXENDTC", "EXENDY")])
def test_study_days_are_those_that_the_study_printed(domain: str, date: str, day: str) -> None:
    reference = pl.read_csv(SHARED / "dm.csv.gz", infer_schema=False).select("USUBJID", pl.col("RFSTDTC").str.to_date("%Y-%m-%d", strict=False))
    rows = pl.read_csv(SHARED / f"{domain}.csv.gz", infer_schema=False).join(reference, on="USUBJID").drop_nulls([date, day, "RFSTDTC"])
    rows = rows.filter(pl.col(date).str.len_chars() >= 10)
    made = rows.select(to_study_day(pl.col("RFSTDTC"), pl.col(date).str.slice(0, 10).str.to_date()).alias("made"), pl.col(day).cast(pl.Float64).alias("given"))
    assert made.height > 40
    assert (made["made"] == made["given"]).all()
    assert (made["given"] != 0).all()


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize("date", ["2024", "2024-03", "2024-03-02", "2024-03-02T09", "2024---02", "--03-02", "2024-03-01/2024-03-03"])
def test_a_cut_date_is_rejected_and_never_padded(tmp_path: Path, date: str) -> None:
    intake = read(write(tmp_path, vs=[{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": date}]))
    assert intake.observations.is_empty()
    assert rules(intake) == ["partial_date"]
    assert intake.rejects["value"].to_list() == [date]


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
    folder = write(tmp_path, vs=[{"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "2024-03-01T10:00:30-05:00"}])
    assert stated(read(folder, None), "time") == [(us("2024-03-01T15:00:30"),)]


def test_study_days_that_contradict_their_dates_are_told(tmp_path: Path) -> None:
    row = {"VSTESTCD": "TEMP", "VSSTRESN": "39", "VSSTRESU": "C", "VSDTC": "2024-03-02T10:00", "VSDY": "5"}
    intake = read(write(tmp_path, dm=[{"RFSTDTC": "2024-03-01"}], vs=[row]))
    assert any("1 study days (VSDY) contradict" in reason for reason in intake.ledger["reason"])


# ---------------------------------------------------------------- findings


def vital(**more: object) -> dict[str, object]:
    return {"VSTESTCD": "TEMP", "VSSTRESC": "38.5", "VSSTRESN": "38.5", "VSSTRESU": "C", "VSDTC": T0, **more}


def lab(**more: object) -> dict[str, object]:
    return {"LBTESTCD": "CRP", "LBSTRESC": "12", "LBSTRESN": "12", "LBSTRESU": "mg/L", "LBDTC": T0, **more}


def test_the_standard_result_counts_and_else_the_original(tmp_path: Path) -> None:
    rows = [vital(), vital(VSDTC="2024-03-01T09:00", VSSTRESC="", VSSTRESN="", VSSTRESU="", VSORRES="101.3", VSORRESU="F")]
    assert stated(read(write(tmp_path, vs=rows))) == [("body_temperature", 38.5, None)] * 2


@pytest.mark.parametrize(("original", "standard", "refused"), [("100.4", "38", False), ("100.3", "37.9", False), ("100.3", "38", True), ("101", "36", True)])
def test_results_that_contradict_each_other_are_rejected(tmp_path: Path, original: str, standard: str, refused: bool) -> None:
    row = vital(VSORRES=original, VSORRESU="F", VSSTRESC=standard, VSSTRESN=standard)
    assert rules(read(write(tmp_path, vs=[row]))) == (["conflicting_results"] if refused else [])


def test_what_was_not_done_says_why(tmp_path: Path) -> None:
    row = vital(VSSTRESC="", VSSTRESN="", VSSTAT="NOT DONE", VSREASND="patient asleep")
    intake = read(write(tmp_path, vs=[row]))
    assert intake.ledger.select("fate", "reason").rows() == [("ignored", "not done: patient asleep")]


def test_the_bound_of_a_result_below_detection_is_kept(tmp_path: Path) -> None:
    rows = [lab(LBSTRESC="<0.2", LBSTRESN=number, LBDTC=f"2024-03-01T0{hour}:00") for hour, number in enumerate(["", "0.2"])]
    assert stated(read(write(tmp_path, lb=rows)), "value", "comparator") == [(0.2, "<"), (0.2, "<")]


@pytest.mark.parametrize("where", [{"LBSPEC": "URINE"}, {"LBCAT": "URINALYSIS"}, {"LBSPEC": "CEREBROSPINAL FLUID"}, {"LBSPEC": "MOON DUST"}])
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


def drug(name: str, start: str, end: str = "", **more: object) -> dict[str, object]:
    return {"CMTRT": name, "CMSTDTC": start, "CMENDTC": end, "CMDOSE": "", "CMDOSU": "", "CMDOSFRQ": "", **more}


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
    assert intake.in_doubt.select("concept", "time", "until").rows() == [("norepinephrine", us("2024-03-01T00:00"), us("2024-03-02T10:00"))]
    graded = grade_intake(intake, KNOWLEDGE, ["crs.astct-2019"])
    # nobody can say that no vasopressor ran
    assert graded.timeline["at_most"].max() > 1


def test_a_course_is_its_first_dose_and_doubt_on_its_other_days(tmp_path: Path) -> None:
    row = drug("TYLENOL", T0, "2024-03-03", CMDOSE="500", CMDOSU="mg", CMDOSFRQ="QID")
    intake = read(write(tmp_path, vs=[vital(VSDTC="2024-03-09T10:00")], ex=[TRIGGER], cm=[row]))
    assert stated(intake)[0] == ("acetaminophen", 500.0, None)
    assert intake.in_doubt["time"].sort().to_list() == [us(f"2024-03-{day}T{clock}") for day in ("02", "03") for clock in ("00:00", "23:59")]


def test_one_dose_is_one_dose(tmp_path: Path) -> None:
    row = drug("ACTEMRA", T0, T0, CMDOSE="560", CMDOSU="mg", CMDOSFRQ="ONCE")
    intake = read(write(tmp_path, ex=[TRIGGER], cm=[row]))
    assert ("tocilizumab", 560.0, None) in stated(intake)
    assert intake.in_doubt.is_empty()


def test_a_dose_with_a_date_only_may_have_been_given_all_day(tmp_path: Path) -> None:
    row = drug("TOCILIZUMAB", "2024-03-02", "2024-03-02", CMDOSE="560", CMDOSU="mg", CMDOSFRQ="ONCE")
    intake = read(write(tmp_path, ex=[TRIGGER], vs=[vital(VSDTC="2024-03-03T10:00")], cm=[row]))
    assert intake.in_doubt.select("concept", "time").sort("time").rows() == [
        ("tocilizumab", us("2024-03-02T00:00")), ("tocilizumab", us("2024-03-02T23:59")),
    ]  # fmt: skip
    assert fates(intake, "cm.csv") == {"rejected": 1}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"CMOCCUR": "N", "CMREASND": "refused"}, "not given: refused"),
        ({"CMSTAT": "NOT DONE"}, "not given: no reason given"),
        ({"CMROUTE": "TOPICAL"}, "a route that acts where it is applied"),
    ],
)  # fmt: skip
def test_a_row_of_a_drug_that_was_not_given_or_does_not_reach_the_blood(tmp_path: Path, more: dict[str, str], reason: str) -> None:
    intake = read(write(tmp_path, cm=[drug("HYDROCORTISONE", T0, **more)]))
    assert intake.ledger.select("fate", "reason").rows() == [("ignored", reason)]
    assert intake.in_doubt.is_empty()


def test_drugs_by_whole_names_and_parts_of_a_combination(tmp_path: Path) -> None:
    rows = [
        drug("VICODIN", T0, CMDECOD="HYDROCODONE;PARACETAMOL", CMDOSE="5", CMDOSU="mg", CMDOSFRQ="ONCE"),
        drug("NOREPINEPHRINE-FREE SALINE", T0, CMDECOD="", CMDOSE="1", CMDOSFRQ="ONCE"),
        drug("CALCIUM", T0, CMDECOD="CALCIUM", CMDOSE="1", CMDOSU="g", CMDOSFRQ="ONCE"),
    ]
    intake = read(write(tmp_path, cm=rows))
    # the amount is that of the whole tablet
    assert stated(intake) == [("acetaminophen", None, None)]
    assert fates(intake) == {"used": 1, "ignored": 2}


def test_the_trigger_by_brand_and_by_a_code_list(tmp_path: Path) -> None:
    rows = [{**TRIGGER, "EXDOSE": "200", "EXDOSU": "10^6 CELLS"}, {"EXTRT": "ABC-123", "EXSTDTC": "2024-03-02T08:00"}, {"EXTRT": "Placebo", "EXSTDTC": T0}]
    folder = write(tmp_path, ex=rows)
    intake = read(folder)
    assert stated(intake) == [("car_t_infusion", 2e8, "tisagenlecleucel")]
    assert rules(intake) == ["unknown_code"]
    assert fates(intake) == {"used": 1, "rejected": 1, "ignored": 1}
    named = read(folder, codes=[Code("EXTRT", "ABC-123", "t_cell_engager_dose", "teclistamab")])
    assert stated(named)[1] == ("t_cell_engager_dose", None, "teclistamab")


def test_a_trigger_is_not_lost_with_its_amount(tmp_path: Path) -> None:
    intake = read(write(tmp_path, ex=[{**TRIGGER, "EXDOSE": "1", "EXDOSU": "BAG"}]))
    assert stated(intake) == [("car_t_infusion", None, "tisagenlecleucel")]
    assert rules(intake) == ["unknown_unit"]
    assert fates(intake) == {"used": 1}


def test_collected_exposure_counts_only_where_ex_has_no_times(tmp_path: Path) -> None:
    collected = [{"ECTRT": "KYMRIAH", "ECSTDTC": T0}]
    both = read(write(tmp_path / "1", ex=[TRIGGER], ec=collected))
    assert len(both.observations) == 1
    assert fates(both, "ec.csv") == {"ignored": 1}
    dates = read(write(tmp_path / "2", ex=[{**TRIGGER, "EXSTDTC": "2024-03-01"}], ec=collected))
    assert fates(dates) == {"rejected": 1, "used": 1}


def test_ventilation_from_start_to_end(tmp_path: Path) -> None:
    rows = [{"PRTRT": "Mechanical ventilation", "PRSTDTC": T0, "PRENDTC": "2024-03-02T08:00"}, {"PRTRT": "BIOPSY", "PRSTDTC": T0}, {"PRTRT": "Hemodialysis", "PRSTDTC": T0}]
    intake = read(write(tmp_path, pr=rows))
    assert sorted(stated(intake, "concept", "text", "until")) == [
        ("kidney_replacement", "yes", None), ("oxygen_device", "invasive_ventilation", us("2024-03-02T08:00")),
    ]  # fmt: skip


def test_absence_is_unknown_where_no_domain_records_it(tmp_path: Path) -> None:
    alone = read(write(tmp_path / "1", vs=[vital()]))
    assert {"norepinephrine", "tocilizumab", "oxygen_device"} <= alone.not_recorded
    biopsies = read(write(tmp_path / "2", vs=[vital()], cm=[drug("SOAP", T0)], pr=[{"PRTRT": "BIOPSY", "PRSTDTC": T0}]))
    # a PR without any device is one of a study that never asked for oxygen
    assert biopsies.not_recorded == {"oxygen_device"}


# ---------------------------------------------------------------- events


def event(**more: object) -> dict[str, object]:
    return {"AESEQ": "1", "AEDECOD": "Cytokine release syndrome", "AESTDTC": T0, "AETOXGR": "", **more}


def test_grades_with_the_scale_that_they_were_given_on(tmp_path: Path) -> None:
    supp = {"RDOMAIN": "AE", "IDVAR": "AESEQ", "QLABEL": "ASTCT Grade"}
    rows = [{**supp, "IDVARVAL": "1.0", "QNAM": "ASTCTGR", "QVAL": "2"}, {**supp, "IDVARVAL": "9", "QNAM": "ASTCTGR", "QVAL": "2"}, {**supp, "IDVARVAL": "1", "QNAM": "OTHER", "QLABEL": "x", "QVAL": "2"}]
    fa = [{"FATESTCD": "ASTCTGR", "FATEST": "ASTCT grade", "FAOBJ": "Cytokine release syndrome", "FASTRESC": "1", "FADTC": "2024-03-02T08:00"}]
    intake = read(write(tmp_path, ae=[event(AETOXGR="3")], suppae=rows, fa=fa))
    # the version of CTCAE stands nowhere: kept, and compared with no scale
    assert sorted(stated(intake, "value", "text")) == [(1.0, "crs.astct-2019"), (2.0, "crs.astct-2019"), (3.0, "ctcae, version not stated")]
    assert rules(intake) == ["dangling_reference"]
    assert fates(intake, "suppae.csv") == {"used": 1, "rejected": 1, "ignored": 1}
    named = read(tmp_path, codes=[Code("AETOXGR", "CRS", "reported_grade", "crs.ctcae-5.0")])
    assert (3.0, "crs.ctcae-5.0") in stated(named, "value", "text")


def test_a_seizure_that_only_an_event_tells_is_a_finding(tmp_path: Path) -> None:
    intake = read(write(tmp_path, ex=[TRIGGER], ae=[event(AEDECOD="Seizure", AESTDTC="2024-03-02T08:00")]))
    graded = grade_intake(intake, KNOWLEDGE, ["icans.astct-2019"]).timeline
    worst = graded.filter(pl.col("at_least") == 3)
    # a seizure is grade 3 at least, and one that lasted is not excluded
    assert worst["at_most"].to_list()[0] == 4


def test_an_event_with_a_date_only_takes_away_the_proof_of_silence(tmp_path: Path) -> None:
    intake = read(write(tmp_path, ex=[TRIGGER], ae=[event(AEDECOD="Status epilepticus", AESTDTC="2024-03-02")]))
    assert intake.in_doubt.select("concept", "text").rows() == [("unread_finding", "seizure")]
    assert rules(intake) == ["partial_date"]


def test_deaths_of_dm_ds_and_a_fatal_syndrome(tmp_path: Path) -> None:
    died = "2024-03-05T10:00"
    intake = read(
        write(
            tmp_path,
            dm=[{"USUBJID": who, "DTHDTC": date, "DTHFL": "Y"} for who, date in [("a", died), ("b", died), ("c", "2024-03-05"), ("d", ""), ("e", died)]],
            ds=[{"USUBJID": "b", "DSDECOD": "DEATH", "DSTERM": "Progression", "DSSTDTC": died}],
            ae=[event(USUBJID="e", AEOUT="FATAL", AEENDTC=died, AETOXGR="5")],
        )
    )
    deaths = intake.observations.filter(concept="death").sort("patient", "text").select("patient", "text").rows()
    assert deaths == [("a", "unknown"), ("b", "progression"), ("e", "crs"), ("e", "unknown")]
    assert sorted(rules(intake)) == ["missing_time", "partial_date"]


def test_persons(tmp_path: Path) -> None:
    rows = [
        {"USUBJID": "a", "AGE": "18", "AGEU": "MONTHS", "SEX": "F", "BRTHDTC": "1970"},
        {"USUBJID": "b", "AGE": "61", "AGEU": "YEARS", "SEX": "M", "BRTHDTC": "1963-02-01"},
        {"USUBJID": "c", "AGE": "old", "AGEU": "YEARS", "SEX": "U", "BRTHDTC": ""},
    ]
    people = read(write(tmp_path, dm=rows)).patients.sort("patient")
    assert people["age_years"].to_list() == [1.5, 61.0, None]
    assert people["birth_date"].is_null().to_list() == [True, False, True]
    assert people["sex"].to_list() == ["female", "male", None]


# ---------------------------------------------------------------- files


def as_json(frame: pl.DataFrame, name: str) -> dict[str, object]:
    return {"datasetJSONVersion": "1.1.0", "name": name, "columns": [{"name": one, "label": one, "dataType": "string"} for one in frame.columns]}


@pytest.mark.parametrize("form", ["xpt", "parquet", "json", "ndjson", "csv.gz"])
def test_every_form_says_the_same(tmp_path: Path, form: str) -> None:
    plain = write(tmp_path / "csv", **study(4, seed=7))
    other = tmp_path / form
    other.mkdir()
    for path in plain.iterdir():
        frame = pl.read_csv(path, infer_schema=False)
        if form == "xpt":
            pyreadstat.write_xport(frame.fill_null(""), str(other / f"{path.stem}.xpt"), file_format_version=5, table_name=path.stem.upper())
        elif form == "parquet":
            frame.write_parquet(other / f"{path.stem}.parquet")
        elif form == "csv.gz":
            import gzip

            (other / f"{path.stem}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        else:
            head, rows = as_json(frame, path.stem.upper()), [list(row) for row in frame.rows()]
            text = json.dumps({**head, "rows": rows}) if form == "json" else "\n".join(map(json.dumps, [head, *rows]))
            (other / f"{path.stem}.{form}").write_text(text)
    one, two = read(plain), read(other)
    columns = ["patient", "time", "until", "concept", "value", "unit", "comparator", "text"]
    # the files are numbered in the order of their names, so rows carry the same numbers
    assert one.observations.select("row", *columns).equals(two.observations.select("row", *columns))
    assert one.rejects.select("row", "rule", "value").equals(two.rejects.select("row", "rule", "value"))
    assert adds_up(two)


def test_numbers_and_letters_of_xpt(tmp_path: Path) -> None:
    frame = pl.DataFrame({"USUBJID": ["é" * 50, "b"], "VSTESTCD": ["TEMP", "TEMP"], "VSSTRESN": [38.1, None], "VSSTRESU": ["C", "C"], "VSDTC": [T0, T0]})
    pyreadstat.write_xport(frame, str(tmp_path / "vs.xpt"), file_format_version=5, table_name="VS")
    intake = read(tmp_path)
    assert stated(intake, "patient", "value") == [("é" * 50, 38.1)]
    assert fates(intake) == {"used": 1, "ignored": 1}


def test_letters_of_western_windows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"USUBJID": ["XX1"], "VSTESTCD": ["TEMP"], "VSSTRESN": [38.1], "VSSTRESU": ["C"], "VSDTC": [T0]})
    path = tmp_path / "vs.xpt"
    pyreadstat.write_xport(frame, str(path), file_format_version=5, table_name="VS")
    path.write_bytes(path.read_bytes().replace(b"XX1", "Zü1".encode("cp1252")))
    assert stated(read(tmp_path), "patient") == [("Zü1",)]


def damaged(data: bytes) -> dict[str, bytes]:
    return {
        "cut in a record": data[:-7],
        "cut at a record": data[: len(data) // 80 // 2 * 80],
        "another header": b"SQLite format 3" + data[15:],
        "no variables": data.replace(b"NAMESTR HEADER RECORD!!!!!!!0000000005", b"NAMESTR HEADER RECORD!!!!!!!000000ZZZZ"),
        "empty": b"",
        "wider rows": data[:720] + b"\x7f\xff" + data[722:],
    }


@pytest.mark.parametrize("kind", ["cut in a record", "cut at a record", "another header", "no variables", "empty"])
def test_a_damaged_transport_file_is_refused_whole(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"USUBJID": ["a"] * 40, "VSTESTCD": ["TEMP"] * 40, "VSSTRESN": [38.1] * 40, "VSSTRESU": ["C"] * 40, "VSDTC": [T0] * 40})
    path = tmp_path / "vs.xpt"
    pyreadstat.write_xport(frame, str(path), file_format_version=5, table_name="VS")
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(InputError, match="transport file cannot be read"):
        read(tmp_path)


def test_a_broken_line_is_one_reject(tmp_path: Path) -> None:
    head = as_json(pl.DataFrame({"USUBJID": [], "VSTESTCD": [], "VSSTRESN": [], "VSSTRESU": [], "VSDTC": []}), "VS")
    good = ["a", "TEMP", 38.5, "C", T0]
    (tmp_path / "vs.ndjson").write_text("\n".join([json.dumps(head), json.dumps(good), '["a", "TEMP"', json.dumps(good[:4]), json.dumps([*good[:4], "2024-03-01T09:00"])]))
    intake = read(tmp_path)
    assert fates(intake) == {"used": 2, "rejected": 2}
    assert rules(intake) == ["broken_line", "broken_line"]
    assert adds_up(intake)


def test_a_row_that_is_there_again_is_superseded(tmp_path: Path) -> None:
    rows = [vital(VSSEQ="1"), vital(VSSEQ="1"), vital(VSSEQ="1", VSSTRESC="39", VSSTRESN="39", VSDTC="2024-03-01T09:00")]
    intake = read(write(tmp_path, vs=rows))
    # the number of the third is a mistake of the study, and its value is no less there
    assert fates(intake) == {"used": 2, "superseded": 1}


def test_what_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    two = write(tmp_path / "two", dm=[{"STUDYID": "S1", "USUBJID": "a"}, {"STUDYID": "S2", "USUBJID": "a"}])
    with pytest.raises(InputError, match="two studies"):
        read(two)
    twice = write(tmp_path / "twice", vs=[vital()])
    pl.read_csv(twice / "vs.csv").write_parquet(twice / "vs.parquet")
    with pytest.raises(InputError, match="there twice"):
        read(twice)
    nameless = tmp_path / "nameless"
    nameless.mkdir()
    pl.DataFrame([vital()]).write_csv(nameless / "vs.csv")
    with pytest.raises(InputError, match="USUBJID"):
        read(nameless)
    with pytest.raises(InputError, match="no SDTM domain"):
        read_sdtm([tmp_path], KNOWLEDGE, Vocabulary(KNOWLEDGE))


def test_other_domains_are_counted_and_ignored(tmp_path: Path) -> None:
    folder = write(tmp_path, vs=[vital()], mh=[{"MHTERM": "x"}], zz=[{"ZZTERM": "x"}])
    (folder / "define.xml").write_text("<x/>")
    intake = read(folder)
    assert fates(intake) == {"used": 1, "ignored": 2}
    assert "context: medical history is not graded" in intake.ledger["reason"].to_list()
    assert "define.xml" in intake.ledger["file"].to_list()


def test_without_dm_everything_else_is_read(tmp_path: Path) -> None:
    intake = read(write(tmp_path, vs=[vital()]))
    assert intake.patients.is_empty()
    assert fates(intake) == {"used": 1}
