"""Events, deaths and persons of SDTM."""

from __future__ import annotations

from pathlib import Path

from tests.sdtm.small import (
    TRIGGER,
    event,
    fates,
    read,
    rules,
    stated,
    write,
)

from cytowatch.adapters.vocabulary import Code

# ---------------------------------------------------------------- events


# the trap `version_of_ctcae`
def test_grades_with_the_scale_that_they_were_given_on(tmp_path: Path) -> None:
    supp = {"RDOMAIN": "AE", "IDVAR": "AESEQ", "QLABEL": "ASTCT Grade"}
    rows = [
        {**supp, "IDVARVAL": "1.0", "QNAM": "ASTCTGR", "QVAL": "2"},
        {**supp, "IDVARVAL": "9", "QNAM": "ASTCTGR", "QVAL": "2"},
        {**supp, "IDVARVAL": "1", "QNAM": "OTHER", "QLABEL": "x", "QVAL": "2"},
    ]
    fa = [
        {
            "FATESTCD": "ASTCTGR",
            "FATEST": "ASTCT grade",
            "FAOBJ": "Cytokine release syndrome",
            "FASTRESC": "1",
            "FADTC": "2024-03-02T08:00",
        }
    ]
    intake = read(write(tmp_path, ae=[event(AETOXGR="3")], suppae=rows, fa=fa))
    # the version of CTCAE stands nowhere: kept, and compared with no scale
    assert sorted(stated(intake, "value", "text")) == [
        (1.0, "crs.astct-2019"),
        (2.0, "crs.astct-2019"),
        (3.0, "ctcae, version not stated"),
    ]
    assert rules(intake) == ["dangling_reference"]
    assert fates(intake, "suppae.csv") == {"used": 1, "rejected": 1, "ignored": 1}
    named = read(
        tmp_path,
        codes=[
            Code("AETOXGR", "CRS", "reported_grade", "crs.ctcae-5.0"),
            Code("OTHER", "CRS", "reported_grade", "crs.lee-2014"),
        ],
    )
    assert (2.0, "crs.lee-2014") in stated(named, "value", "text")
    assert (3.0, "crs.ctcae-5.0") in stated(named, "value", "text")


def test_an_event_with_a_date_only_takes_away_the_proof_of_silence(tmp_path: Path) -> None:
    intake = read(write(tmp_path, ex=[TRIGGER], ae=[event(AEDECOD="Status epilepticus", AESTDTC="2024-03-02")]))
    assert intake.in_doubt.select("concept", "text").rows() == [("unread_finding", "seizure")]
    assert rules(intake) == ["partial_date"]


def test_deaths_of_dm_ds_and_a_fatal_syndrome(tmp_path: Path) -> None:
    died = "2024-03-05T10:00"
    intake = read(
        write(
            tmp_path,
            dm=[
                {"USUBJID": who, "DTHDTC": date, "DTHFL": "Y"}
                for who, date in [("a", died), ("b", died), ("c", "2024-03-05"), ("d", ""), ("e", died)]
            ],
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
