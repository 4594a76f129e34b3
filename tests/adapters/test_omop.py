"""The OMOP door on small tables made for one question each; every trap of its manifest has a test of its name."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest
from tests.lib import omop
from tests.lib.omop import Row, counted, read, reasons

from cytowatch import cli
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.adapters.omop.availability import availability
from cytowatch.adapters.vocabulary import Code
from cytowatch.errors import ArgumentError, InputError
from cytowatch.knowledge import load

KNOWLEDGE = load()
DAY = "2026-03-01"


def facts(intake: Intake, concept: str | None = None) -> list[dict[str, object]]:
    """The admitted rows, by their keys and times of day."""
    rows = intake.observations if concept is None else intake.observations.filter(pl.col("concept") == concept)
    moments = [pl.from_epoch(name, time_unit="us").dt.strftime("%m-%dT%H:%M:%S") for name in ("time", "until")]
    return rows.with_columns(*moments).sort("row").to_dicts()


def rules(intake: Intake) -> list[str]:
    return intake.rejects["rule"].to_list()


def measured(tmp_path: Path, *rows: Row, **more: object) -> Intake:
    return read(tmp_path, {"measurement": rows}, **more)  # type: ignore[arg-type]


def given(tmp_path: Path, *rows: Row, **tables: list[Row]) -> Intake:
    return read(tmp_path, {"drug_exposure": rows, **tables})


def ran(tmp_path: Path, **row: str) -> dict[str, object]:
    """The one norepinephrine row of one drug exposure."""
    return facts(given(tmp_path, row), "norepinephrine")[0]


# ---------------------------------------------------------------- a patient that a clinician can read


def test_a_fever_a_pressor_and_oxygen(tmp_path: Path) -> None:
    intake = read(
        tmp_path,
        {
            "person": [{}],
            "measurement": [
                {"value_as_number": "101.3", "unit_concept_id": "9289"},
                {"measurement_concept_id": "3004249", "value_as_number": "84", "unit_concept_id": "8876"},
                {"measurement_concept_id": "3001122", "value_as_number": "1500", "operator_concept_id": "4172704",
                 "unit_concept_id": "8842"},
            ],
            "drug_exposure": [
                {"quantity": "72", "dose_unit_source_value": "mcg"},
                {"drug_concept_id": "40171288", "quantity": "560", "dose_unit_source_value": "mg"},
                {"drug_concept_id": "792844"},
            ],
            "observation": [{"value_as_string": "High flow nasal cannula "}],
        },
    )  # fmt: skip
    said = {row["concept"]: row for row in facts(intake)}
    assert (said["body_temperature"]["value"], said["body_temperature"]["unit"]) == (38.5, "Cel")
    assert said["systolic_bp"]["value"] == 84.0
    assert (said["ferritin"]["value"], said["ferritin"]["comparator"]) == (1500.0, ">")
    # 72 ug over six hours
    assert (said["norepinephrine"]["value"], said["norepinephrine"]["unit"]) == (0.2, "ug/min")
    assert (said["norepinephrine"]["time"], said["norepinephrine"]["until"]) == ("03-01T09:00:00", "03-01T15:00:00")
    assert (said["tocilizumab"]["value"], said["tocilizumab"]["unit"]) == (560.0, "mg")
    assert said["car_t_infusion"]["text"] == "axicabtagene_ciloleucel"
    assert said["oxygen_device"]["text"] == "high_flow_nasal_cannula"
    assert intake.patients.select("patient", "sex").row(0) == ("1", "female")
    assert str(intake.patients["birth_date"][0]) == "1960-04-05"
    assert intake.rejects.is_empty()
    assert not intake.not_recorded


def test_rows_are_named_by_table_and_key_and_all_counted(tmp_path: Path) -> None:
    intake = measured(
        tmp_path, {}, {"measurement_concept_id": "3038553"}, {"value_as_number": "abc"}, {"person_id": ""}
    )
    assert counted(intake, "measurement") == {"used": 1, "ignored": 1, "rejected": 2}
    assert intake.rejects.select("source", "rule").rows() == [
        ("measurement/3", "not_a_number"), ("measurement/4", "missing_patient"),
    ]  # fmt: skip
    assert facts(intake)[0]["source"] == "measurement/1"


# ---------------------------------------------------------------- traps, one each


def test_trap_no_zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    omop.write(tmp_path, {"measurement": [{}]})
    with pytest.raises(ArgumentError, match="needs --zone"):
        read_omop(str(tmp_path), KNOWLEDGE, zone=None)
    with pytest.raises(ArgumentError, match="not known"):
        read_omop(str(tmp_path), KNOWLEDGE, zone="Mars/Olympus")
    assert cli.run(["grade", str(tmp_path), "--from", "omop"]) == 4
    assert "America/New_York" in capsys.readouterr().err
    local = read(tmp_path, zone="America/New_York")
    assert facts(local)[0]["time"] == "03-01T13:00:00"


def test_trap_midnight(tmp_path: Path) -> None:
    day_only = {"measurement_datetime": ""}
    intake = measured(tmp_path, {}, {"measurement_datetime": f"{DAY} 00:00:00"}, day_only,
                      {"measurement_datetime": DAY}, {**day_only, "measurement_time": "07:30"},
                      {**day_only, "measurement_time": DAY})  # fmt: skip
    assert rules(intake) == ["partial_date"] * 3
    assert sorted(str(row["time"]) for row in facts(intake)) == ["03-01T00:00:00", "03-01T07:30:00", "03-01T08:00:00"]
    assert any("33% of the vital signs stand at exactly midnight" in line for line in reasons(intake, "measurement"))
    assert not any("midnight" in line for line in reasons(measured(tmp_path, *[{}] * 30), "measurement"))


@pytest.mark.parametrize("start", [f"{DAY} 00:00:00", f"{DAY}T00:00", f"{DAY} 00:00:00.000"])
def test_trap_midnight_therapy(tmp_path: Path, start: str) -> None:
    infusion = ran(tmp_path, drug_exposure_start_datetime=start, drug_exposure_end_date="2026-03-02",
                   drug_exposure_end_datetime="2026-03-02 00:00:00")  # fmt: skip
    assert (infusion["value"], infusion["comparator"], infusion["until"]) == (0.0, ">=", "03-03T00:00:00")
    intake = read(tmp_path, {
        "procedure_occurrence": [{"procedure_datetime": start}], "death": [{"death_datetime": start}],
        "measurement": [],
    })  # fmt: skip
    device = facts(intake, "oxygen_device")[0]
    assert (device["text"], device["comparator"], device["until"]) == ("other", ">=", "03-02T00:00:00")
    assert intake.rejects.select("concept", "rule").rows() == [("death", "partial_date")]


def spans(intake: Intake, concept: str) -> list[tuple[object, ...]]:
    """When a therapy was on for certain (False) or may have been (True), with what is in doubt of refused rows."""
    doubt = pl.col("comparator").eq_missing(pl.lit(">="))
    rows = pl.concat([intake.observations, intake.in_doubt]).filter(pl.col("concept") == concept).sort("time")
    moments = [pl.from_epoch(name, time_unit="us").dt.strftime("%dT%H:%M") for name in ("time", "until")]
    return list(rows.select(*moments, doubt).iter_rows())


def test_an_end_at_midnight_is_known_by_its_day(tmp_path: Path) -> None:
    def ends(end: str, **more: str) -> Intake:
        row = {"drug_exposure_end_date": end[:10], "drug_exposure_end_datetime": f"{end} 00:00:00", **more}
        return given(tmp_path / end / str(len(more)), row)

    assert spans(ends("2026-03-03"), "norepinephrine") == [
        ("01T09:00", "03T00:00", False), ("03T00:00", "04T00:00", True),
    ]  # fmt: skip
    # the day of the start: nothing is certain
    assert spans(ends(DAY), "norepinephrine") == [("01T09:00", "02T00:00", True)]
    # an end that stands for none makes no moment in the year 2099
    assert spans(ends("2099-12-31"), "norepinephrine") == [("01T09:00", None, False)]
    rate = ends("2026-03-03", quantity="0.1", dose_unit_source_value="mcg/kg/min")
    assert facts(rate, "norepinephrine")[0]["value"] == 0.1
    # an amount over a time that is not known is no rate
    amount = ends("2026-03-03", quantity="10", dose_unit_source_value="mg", drug_source_value="x")
    assert facts(amount, "norepinephrine")[0]["value"] is None
    assert spans(ends("2026-03-03", drug_type_concept_id="32838"), "norepinephrine") == [("01T09:00", "04T00:00", True)]


def test_what_goes_on_at_midnight_ended_there(tmp_path: Path) -> None:
    """A pump charted by the day: the row of the next day begins at midnight, and so midnight is what is meant."""
    first = {"drug_exposure_end_date": "2026-03-02", "drug_exposure_end_datetime": "2026-03-02 00:00:00"}
    second = {"drug_exposure_start_date": "2026-03-02", "drug_exposure_start_datetime": "2026-03-02 00:00:00",
              "drug_exposure_end_date": "2026-03-02", "drug_exposure_end_datetime": "2026-03-02 08:00:00"}  # fmt: skip
    assert spans(given(tmp_path, first, second), "norepinephrine") == [
        ("01T09:00", "02T00:00", False), ("02T00:00", "02T08:00", False),
    ]  # fmt: skip


def test_a_device_that_ended_at_midnight(tmp_path: Path) -> None:
    row = {"procedure_end_date": "2026-03-03", "procedure_end_datetime": "2026-03-03 00:00:00"}
    same_day = {"procedure_end_date": DAY, "procedure_end_datetime": f"{DAY} 00:00:00", "person_id": "2"}
    intake = read(tmp_path, {"measurement": [], "procedure_occurrence": [row, same_day]})
    assert [(one["text"], one["time"], one["until"]) for one in facts(intake)] == [
        ("bipap", "03-01T10:00:00", "03-03T00:00:00"), ("other", "03-03T00:00:00", "03-04T00:00:00"),
        ("other", "03-01T10:00:00", "03-02T00:00:00"),
    ]  # fmt: skip
    assert counted(intake, "procedure_occurrence") == {"used": 2}


def test_a_dose_at_midnight_may_have_been_early_or_late(tmp_path: Path) -> None:
    row = {"drug_concept_id": "40171288", "drug_exposure_start_datetime": f"{DAY} 00:00:00", "quantity": "560",
           "dose_unit_source_value": "mg"}  # fmt: skip
    intake = given(tmp_path, row)
    assert spans(intake, "tocilizumab") == [("01T00:00", None, True), ("01T23:59", None, True)]
    assert counted(intake, "drug_exposure") == {"used": 1}
    by_procedure = read(tmp_path / "other", {
        "measurement": [], "procedure_occurrence": [{"procedure_concept_id": "0", "procedure_source_value": "TOCI",
                                                     "procedure_datetime": f"{DAY} 00:00:00"}],
    }, codes=[Code("local", "TOCI", "tocilizumab")])  # fmt: skip
    assert spans(by_procedure, "tocilizumab") == [("01T00:00", None, True), ("01T23:59", None, True)]


def graded(folder: Path, **tables: list[Row]) -> list[tuple[object, ...]]:
    """ASTCT grades of a person with cells on the first and a certain fever, of whom room air is charted."""
    rounds = [f"2026-03-0{day} {hour:02}:10:00" for day in (1, 2, 3) for hour in range(0, 24, 4) if day > 1 or hour > 7]
    vital = (("3020891", "38.6", "586323"), ("3004249", "120", "8876"), ("40762499", "97", "8554"))
    measured = [
        {"measurement_datetime": moment, "measurement_concept_id": concept, "value_as_number": value,
         "unit_concept_id": unit}
        for moment in rounds for concept, value, unit in vital
    ]  # fmt: skip
    cells = {"drug_concept_id": "792737", "drug_exposure_start_datetime": f"{DAY} 08:00:00"}
    air = {"observation_datetime": f"{DAY} 08:00:00", "value_as_string": "Room air", "person_id": "9"}
    drugs = [cells, *tables.pop("drug_exposure", [])]
    omop.write(folder / "cdm", {"person": [{}], "measurement": measured, "drug_exposure": drugs, "observation": [air],
                                **tables})  # fmt: skip
    out = folder / "out"
    assert cli.run(["grade", str(folder / "cdm"), "--from", "omop", "--zone", "UTC", "--out", str(out), "--quiet"]) == 0
    line = pl.read_parquet(out / "timeline.parquet")
    line = line.filter(pl.col("scale") == "crs.astct-2019", pl.col("patient") == "1")
    return list(line.select(pl.col("start").dt.strftime("%dT%H:%M"), "at_least", "at_most").iter_rows())


def second(table: str, first: str = "_start") -> dict[str, str]:
    """From ten in the morning to eight in the evening of the second day."""
    return {
        f"{table}{first}_date": "2026-03-02", f"{table}{first}_datetime": "2026-03-02 10:00:00",
        f"{table}_end_date": "2026-03-02", f"{table}_end_datetime": "2026-03-02 20:00:00",
    }  # fmt: skip


_SECOND, _ON_DEVICE, _DONE = second("drug_exposure"), second("device_exposure"), second("procedure", "")
_FEVER_ONLY = [("01T08:10", 1, 1)]


def without_start(line: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Without the moments before the first fever."""
    return [row for row in line if str(row[0]) > "01T08:05"]


def test_trap_near_words(tmp_path: Path) -> None:
    """A ventilator and a pressor that no table knows: at least the fever, at most what they would be."""
    ward = {**_ON_DEVICE, "device_concept_id": "123456", "device_source_value": "VENTILATOR 7"}
    assert graded(tmp_path / "a", device_exposure=[ward])[-2:] == [("02T10:00", 1, 4), ("02T20:00", 1, 1)]
    tube = {**_DONE, "procedure_concept_id": "2106469", "procedure_source_value": "31500 intubation"}
    assert graded(tmp_path / "b", procedure_occurrence=[tube])[-2:] == [("02T10:00", 1, 4), ("02T20:00", 1, 1)]
    pressor = {**_SECOND, "drug_concept_id": "0", "drug_source_value": "NOREPINEPHRINE 8 MG/250 ML D5W"}
    others = [{"drug_concept_id": "1125315"}] * 31
    assert graded(tmp_path / "c", drug_exposure=[*others, pressor])[-2:] == [("02T10:00", 1, 3), ("02T20:00", 1, 1)]
    # the name of a concept that no table maps
    named = {"concept_id": "777000", "concept_name": "angiotensin II 2.5 MG/ML Injection", "vocabulary_id": "RxNorm"}
    last = graded(tmp_path / "d", drug_exposure=[*others, {**_SECOND, "drug_concept_id": "777000"}], concept=[named])
    assert last[-2:] == [("02T10:00", 1, 3), ("02T20:00", 1, 1)]
    # a ventilator that the table knows is a fact
    known = {**_ON_DEVICE, "device_concept_id": "45768197"}
    assert graded(tmp_path / "e", device_exposure=[known])[-2:] == [("02T10:00", 4, 4), ("02T20:00", 1, 1)]


def test_rows_that_speak_of_what_is_needed_are_refused_and_counted(tmp_path: Path) -> None:
    rows = [{"drug_concept_id": "0", "drug_source_value": "levo gtt", "drug_exposure_end_datetime": ""},
            {"drug_concept_id": "0", "drug_source_value": "NOREPI", "drug_exposure_start_datetime": ""},
            {"drug_concept_id": "0", "drug_source_value": "VANCOMYCIN 1 G"},
            {"drug_concept_id": "999999", "drug_source_value": "CEFEPIME 2 G"},
            {"drug_concept_id": "0", "drug_source_value": "kymriah"},
            {"drug_concept_id": "0", "drug_source_value": "influenza vaccine"}]  # fmt: skip
    intake = given(tmp_path, *rows)
    assert counted(intake, "drug_exposure") == {"rejected": 3, "ignored": 3}
    assert intake.rejects.select("concept", "value", "rule").rows() == [
        ("norepinephrine", "levo gtt", "unknown_code"), ("norepinephrine", "NOREPI", "unknown_code"),
        ("car_t_infusion", "kymriah", "unknown_code"),
    ]  # fmt: skip
    assert spans(intake, "norepinephrine") == [("01T00:00", "02T00:00", True), ("01T09:00", None, True)]
    why = reasons(intake, "drug_exposure")
    assert "not mapped by the site: 'VANCOMYCIN 1 G' in 1 rows" in why
    assert "known by no table: 'CEFEPIME 2 G' in 1 rows" in why
    site = [Code("local", "levo gtt", "", fate="ignore", reason="a heparin lock")]
    spared = read(tmp_path / "site", {"drug_exposure": rows[:1]}, codes=site)
    assert counted(spared, "drug_exposure") == {"ignored": 1}


def test_devices_that_are_none_are_ignored_and_named(tmp_path: Path) -> None:
    device = {"device_concept_id": "4217646", "device_source_value": "Implantable defibrillator"}
    probe = {"device_concept_id": "0", "device_source_value": "O2 saturation sensor"}
    kidney = {"device_concept_id": "0", "device_source_value": "CRRT machine"}
    intake = read(tmp_path, {"measurement": [], "device_exposure": [device, device, probe, kidney]})
    assert counted(intake, "device_exposure") == {"ignored": 3, "rejected": 1}
    assert intake.rejects.select("concept", "rule").rows() == [("kidney_replacement", "unknown_code")]
    why = reasons(intake, "device_exposure")
    assert "known by no table: 'Implantable defibrillator' in 2 rows" in why
    assert "not mapped by the site: 'O2 saturation sensor' in 1 rows" in why
    assert "oxygen_device" in intake.not_recorded


def test_trap_nameless(tmp_path: Path) -> None:
    """A device without a word may be a ventilator, a drug without one any pressor and any dose."""
    assert graded(tmp_path / "a", device_exposure=[{**_ON_DEVICE, "device_source_value": "E0450"}])[-2:] == [
        ("02T10:00", 1, 4), ("02T20:00", 1, 1),
    ]  # fmt: skip
    nothing = {**_SECOND, "drug_concept_id": "0"}
    others = [{"drug_concept_id": "1125315"}] * 31
    # each vasopressor may have run, and nobody can say that not two of them did
    assert graded(tmp_path / "b", drug_exposure=[*others, nothing])[-2:] == [("02T10:00", 1, 4), ("02T20:00", 1, 1)]
    intake = given(tmp_path / "c", *others, nothing, {**nothing, "drug_type_concept_id": "32838"})
    assert counted(intake, "drug_exposure") == {"used": 31, "rejected": 1, "ignored": 1}
    assert intake.rejects.select("source", "concept", "rule").rows() == [("drug_exposure/32", None, "unknown_code")]
    assert {"norepinephrine", "tocilizumab"} <= set(intake.in_doubt["concept"])
    # where many cannot be told none counts as not given, and the row adds nothing
    many = given(tmp_path / "d", *others[:3], nothing)
    assert counted(many, "drug_exposure") == {"used": 3, "ignored": 1}
    assert "norepinephrine" in many.not_recorded


def test_trap_local_route(tmp_path: Path) -> None:
    rows = [{"drug_concept_id": "1343916", "route_source_value": "NEBULIZED"},
            {"drug_concept_id": "1518254", "route_source_value": "Ophthalmic"},
            {"drug_concept_id": "1518254", "route_source_value": "", "route_concept_id": "45956874"},
            {"drug_concept_id": "1518254", "route_concept_id": "555"},
            {"drug_concept_id": "1518254", "route_source_value": "Nasogastric", "route_concept_id": "4132711"},
            {"drug_concept_id": "0", "drug_source_value": "EPINEPHRINE 2.25%", "route_source_value": "NEB"},
            {"drug_concept_id": "792737", "route_source_value": "INHALATION"}]  # fmt: skip
    named = {"concept_id": "555", "concept_name": "Nasal", "vocabulary_id": "SNOMED"}
    intake = given(tmp_path, *rows, concept=[named])
    assert [row["source"] for row in facts(intake)] == ["drug_exposure/5", "drug_exposure/7"]
    assert counted(intake, "drug_exposure") == {"used": 2, "ignored": 5}
    assert any(line.startswith("a route that acts where it is applied") for line in reasons(intake, "drug_exposure"))
    mist = {**_SECOND, **rows[0], "drug_source_value": "RACEMIC EPINEPHRINE"}
    assert without_start(graded(tmp_path / "grades", drug_exposure=[mist])) == _FEVER_ONLY


_ANESTHETIC: dict[str, list[Row]] = {
    "concept": [
        {"concept_id": "40000001", "vocabulary_id": "RxNorm",
         "concept_name": "lidocaine 10 MG/ML / epinephrine 0.01 MG/ML Injectable Solution"},
        {"concept_id": "40000002", "vocabulary_id": "RxNorm",
         "concept_name": "glucose 50 MG/ML / dopamine 1.6 MG/ML Injectable Solution"},
        {"concept_id": "40000003", "vocabulary_id": "RxNorm", "concept_name": "a kit"},
        {"concept_id": "989878", "concept_name": "lidocaine", "concept_class_id": "Ingredient"},
        {"concept_id": "1343916", "concept_name": "epinephrine", "concept_class_id": "Ingredient"},
    ],
    "concept_ancestor": [
        {"ancestor_concept_id": above, "descendant_concept_id": below}
        for above, below in (("1343916", "40000001"), ("1337860", "40000002"), ("1343916", "40000003"),
                             ("989878", "40000003"))
    ],
}  # fmt: skip


def test_trap_combination(tmp_path: Path) -> None:
    rate = {"quantity": "0.1", "dose_unit_source_value": "mcg/kg/min"}
    rows = [{"drug_concept_id": "40000001"}, {"drug_concept_id": "40000001", **rate}, {"drug_concept_id": "40000002"},
            {"drug_concept_id": "40000003"}]  # fmt: skip
    intake = given(tmp_path, *rows, **_ANESTHETIC)
    assert [(row["concept"], row["value"], row["comparator"]) for row in facts(intake)] == [
        ("epinephrine", 0.0, ">="), ("epinephrine", 0.1, None), ("dopamine", None, None), ("epinephrine", 0.0, ">="),
    ]  # fmt: skip
    last = graded(tmp_path / "grades", drug_exposure=[{**_SECOND, **rows[0]}], **_ANESTHETIC)
    assert last[-2:] == [("02T10:00", 1, 3), ("02T20:00", 1, 1)]


def test_a_part_of_a_word_is_no_form(tmp_path: Path) -> None:
    """`antibiotic` is not `otic`."""
    row = {**_SECOND, "drug_source_value": "NOREPINEPHRINE DRIP (run apart from antibiotic line)"}
    assert graded(tmp_path, drug_exposure=[row])[-2:] == [("02T10:00", 3, 3), ("02T20:00", 1, 1)]


def test_an_order_of_cells_is_no_exposure_where_they_were_given(tmp_path: Path) -> None:
    """Ordered in February, given in March, a fever between: no CRS before the cells."""
    cells = {"drug_concept_id": "792737"}
    order = {**cells, "drug_type_concept_id": "32833", "drug_exposure_start_date": "2026-02-05",
             "drug_exposure_start_datetime": "2026-02-05 08:00:00"}  # fmt: skip
    assert graded(tmp_path / "a", drug_exposure=[order])[0][0] == "01T08:00"
    intake = given(tmp_path / "b", order, {**cells, "drug_concept_id": "792844"}, {**order, "person_id": "2"},
                   {**order, "person_id": "3", "drug_concept_id": "45892531"})  # fmt: skip
    assert [row["source"] for row in facts(intake)] == ["drug_exposure/2", "drug_exposure/3", "drug_exposure/4"]
    assert counted(intake, "drug_exposure") == {"used": 3, "ignored": 1}
    assert any(line.startswith("an order of a product") for line in reasons(intake, "drug_exposure"))
    site = [Code("local", "XW033C7", "car_t_infusion", "tisagenlecleucel")]
    done = read(tmp_path / "c", {
        "drug_exposure": [order],
        "procedure_occurrence": [{"procedure_concept_id": "0", "procedure_source_value": "XW033C7"}],
    }, codes=site)  # fmt: skip
    assert [row["source"] for row in facts(done)] == ["procedure_occurrence/1"]


@pytest.mark.parametrize("end", [f"{DAY} 09:00:00", f"{DAY}T09:00", ""])
def test_trap_end_is_start(tmp_path: Path, end: str) -> None:
    row = ran(tmp_path, drug_exposure_end_datetime=end, quantity="5", dose_unit_source_value="mg")
    assert (row["value"], row["comparator"], row["until"], row["time"]) == (0.0, ">=", None, "03-01T09:00:00")


def test_a_pressor_without_an_end_leaves_the_grade_open(tmp_path: Path) -> None:
    """Certain fever, certain low pressure, a pressor of unknown length: at least 2, at most 3 or more, never just 2."""
    rounds = [{"measurement_datetime": f"{DAY} {hour:02}:00:00"} for hour in (8, 10, 12)]
    low = [
        {**one, "measurement_concept_id": "3004249", "value_as_number": "82", "unit_concept_id": "8876"}
        for one in rounds
    ]
    air = [{"observation_datetime": f"{DAY} 07:30:00", "value_as_string": "Room air"}]
    drugs = [{"drug_concept_id": "792844", "drug_exposure_start_datetime": f"{DAY} 06:00:00"},
             {"drug_exposure_end_datetime": f"{DAY} 09:00:00"}]  # fmt: skip
    omop.write(
        tmp_path / "cdm", {"person": [{}], "measurement": rounds + low, "drug_exposure": drugs, "observation": air}
    )
    out = tmp_path / "out"
    assert (
        cli.run(["grade", str(tmp_path / "cdm"), "--from", "omop", "--zone", "UTC", "--out", str(out), "--quiet"]) == 0
    )
    line = pl.read_parquet(out / "timeline.parquet").filter(pl.col("scale") == "crs.astct-2019")
    before = line.filter(pl.col("start").dt.strftime("%H:%M") == "08:00")
    after = line.filter(pl.col("start").dt.strftime("%H:%M") == "09:00")
    assert before.select("at_least", "at_most").row(0) == (2, 2)
    assert after.select("at_least", "at_most").row(0) == (2, 3)


def test_trap_quantity_zero(tmp_path: Path) -> None:
    row = ran(tmp_path, quantity="0", dose_unit_source_value="mcg/kg/min")
    assert (row["value"], row["comparator"], row["until"]) == (None, None, "03-01T15:00:00")
    dose = facts(given(tmp_path, {"drug_concept_id": "40171288", "quantity": "0", "dose_unit_source_value": "mg"}))[0]
    assert (dose["concept"], dose["value"]) == ("tocilizumab", None)


@pytest.mark.parametrize(
    ("quantity", "unit", "value"),
    [
        ("2", "", None),
        ("2", "tablet", None),
        ("2", "mL", None),
        ("800", "mg", 800.0),
        ("0.8", "g", 800.0),
        ("", "mg", None),
    ],
)
def test_trap_quantity_no_dose(tmp_path: Path, quantity: str, unit: str, value: float | None) -> None:
    row = {"drug_concept_id": "40171288", "quantity": quantity, "dose_unit_source_value": unit}
    intake = given(tmp_path, row)
    assert facts(intake)[0]["value"] == value
    assert intake.rejects.is_empty()


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "canonical"),
    [
        ("0.12", "mcg/kg/min", 0.12, "ug/kg/min"),  # it is a rate
        ("36", "mg", 100.0, "ug/min"),  # 36 mg in 6 h
        ("36", "mL", None, None),  # of unknown strength
        ("36", "", None, None),
    ],
)
def test_a_rate_is_a_quantity_over_its_time_where_the_unit_is_known(
    tmp_path: Path, quantity: str, unit: str, rate: float | None, canonical: str | None
) -> None:
    row = ran(tmp_path, quantity=quantity, dose_unit_source_value=unit)
    assert (row["value"], row["unit"], row["comparator"]) == (rate, canonical, None)


def test_a_quantity_that_is_no_number_is_rejected_and_in_doubt(tmp_path: Path) -> None:
    intake = given(tmp_path, {"quantity": "abc", "dose_unit_source_value": "mcg/kg/min"}, {"quantity": "1"})
    assert rules(intake) == ["not_a_number"]
    assert intake.in_doubt["concept"].to_list() == ["norepinephrine"]


def test_trap_ordered(tmp_path: Path) -> None:
    intake = given(tmp_path, {"drug_type_concept_id": "32838"},
                   {"drug_type_concept_id": "32869", "drug_concept_id": "1125315", "quantity": "650",
                    "dose_unit_source_value": "mg"},
                   {"drug_type_concept_id": "32869", "drug_concept_id": "792844"})  # fmt: skip
    said = {row["concept"]: (row["value"], row["comparator"]) for row in facts(intake)}
    # a cell product that somebody paid for was given; a tablet may have been
    assert said == {"norepinephrine": (0.0, ">="), "acetaminophen": (0.0, ">="), "car_t_infusion": (None, None)}
    assert "norepinephrine" in intake.not_recorded


VOCABULARY: dict[str, list[Row]] = {
    "concept": [
        {"concept_id": "40231918", "concept_name": "acetaminophen 325 MG / oxycodone 10 MG Tablet",
         "vocabulary_id": "RxNorm"},
        {"concept_id": "19008572", "concept_name": "hydrocortisone 10 MG/ML Topical Cream", "vocabulary_id": "RxNorm"},
        {"concept_id": "8751", "vocabulary_id": "UCUM", "concept_code": "mg/L"},
        {"concept_id": "777", "vocabulary_id": "LOINC", "concept_code": "8310-5"},
        {"concept_id": "9000", "vocabulary_id": "UCUM", "concept_code": "kPa"},
    ],
}  # fmt: skip


def test_trap_product(tmp_path: Path) -> None:
    ancestors = [{"ancestor_concept_id": "1125315", "descendant_concept_id": "40231918"},
                 {"ancestor_concept_id": "1124957", "descendant_concept_id": "40231918"},
                 {"ancestor_concept_id": "999", "descendant_concept_id": "888"}]  # fmt: skip
    rows = [{"drug_concept_id": "40231918"}, {"drug_concept_id": "888"}, {"drug_concept_id": "889"}]
    intake = given(tmp_path, *rows, concept_ancestor=ancestors, **VOCABULARY)
    assert [row["concept"] for row in facts(intake)] == ["acetaminophen"]
    why = reasons(intake, "drug_exposure")
    assert "concept not needed by any table" in why
    assert "a drug of which no table here tells the ingredients" in why
    # one of three drugs cannot be told: none counts as not given
    assert any(line.startswith("1 of 3 rows") for line in why)
    assert "norepinephrine" in intake.not_recorded


def test_a_combination_gives_every_ingredient_that_is_needed(tmp_path: Path) -> None:
    both = [{"ancestor_concept_id": one, "descendant_concept_id": "555"} for one in ("1125315", "1177480")]
    intake = given(tmp_path, {"drug_concept_id": "555"}, concept_ancestor=both)
    assert {row["concept"] for row in facts(intake)} == {"acetaminophen", "ibuprofen"}
    assert counted(intake, "drug_exposure") == {"used": 1}
    assert "norepinephrine" not in intake.not_recorded


def test_products_are_told_by_relationships_where_there_are_no_ancestors(tmp_path: Path) -> None:
    steps = [("1", "2", "Tradename of"), ("2", "3", "Consists of"), ("3", "1321341", "RxNorm has ing"),
             ("4", "1321341", "Has tradename"), ("5", "6", "Consists of")]  # fmt: skip
    related = [{"concept_id_1": one, "concept_id_2": two, "relationship_id": kind} for one, two, kind in steps]
    dead = {"concept_id_1": "7", "concept_id_2": "1321341", "relationship_id": "Maps to", "invalid_reason": "D"}
    rows = [{"drug_concept_id": number} for number in ("1", "4", "5", "7")]
    intake = given(tmp_path, *rows, concept_relationship=[*related, dead])
    assert [row["source"] for row in facts(intake, "norepinephrine")] == ["drug_exposure/1"]
    assert counted(intake, "drug_exposure") == {"used": 1, "ignored": 3}


def test_trap_surface(tmp_path: Path) -> None:
    above = [{"ancestor_concept_id": "975125", "descendant_concept_id": "19008572"}]
    rows = [{"drug_concept_id": "19008572"}, {"drug_concept_id": "975125"},
            {"drug_concept_id": "975125", "drug_source_value": "hydrocortisone 1% CREAM"}]  # fmt: skip
    intake = given(tmp_path, *rows, concept_ancestor=above, **VOCABULARY)
    assert [row["source"] for row in facts(intake, "hydrocortisone")] == ["drug_exposure/2"]
    assert any("surface" in line for line in reasons(intake, "drug_exposure"))


def test_trap_concept_zero(tmp_path: Path) -> None:
    zero = {"measurement_concept_id": "0"}
    rows = [{**zero, "measurement_source_value": "Heart Rate Alarm - High"}] * 2
    intake = measured(tmp_path, *rows, {**zero, "measurement_source_value": "8310-5"},
                      {**zero, "measurement_source_value": "8310-6"}, {**zero, "measurement_source_value": "T Axilla"},
                      codes=[Code("local", "T Axilla", "body_temperature")])  # fmt: skip
    assert [row["source"] for row in facts(intake)] == ["measurement/3", "measurement/5"]
    assert counted(intake, "measurement") == {"used": 2, "ignored": 3}
    why = reasons(intake, "measurement")
    assert "not mapped by the site (concept 0)" in why
    assert "not mapped by the site: 'Heart Rate Alarm - High' in 2 rows" in why


def test_names_of_unmapped_items_are_bounded(tmp_path: Path) -> None:
    rows = [
        {"measurement_concept_id": "0", "measurement_source_value": f"{number} {'x' * 500}"} for number in range(60)
    ]
    why = reasons(measured(tmp_path, *rows), "measurement")
    assert len(why) == 22
    assert max(map(len, why)) < 120
    assert "not mapped by the site: 40 more names" in why


def test_trap_local_ids(tmp_path: Path) -> None:
    rows = [{"measurement_concept_id": "2000030001"}, {"measurement_concept_id": "2000030002"},
            {"measurement_concept_id": "2000030003"},
            {"measurement_concept_id": "0", "measurement_source_concept_id": "2000030004"}]  # fmt: skip
    mapped = [{"concept_id_1": "2000030002", "concept_id_2": "777"}]
    tables = {"measurement": rows, "concept_relationship": mapped, **VOCABULARY}
    intake = read(tmp_path, tables, codes=[Code("omop", "2000030001", "body_temperature")])
    assert [row["source"] for row in facts(intake)] == ["measurement/1", "measurement/2"]
    why = reasons(intake, "measurement")
    assert "a local concept (id of 2,000,000,000 or more) that no code list maps" in why
    assert "not mapped by the site (concept 0), and no code list maps its local concept" in why


def test_trap_units_apart(tmp_path: Path) -> None:
    crp = {"measurement_concept_id": "3020460", "value_as_number": "12"}
    intake = measured(tmp_path, {**crp, "unit_concept_id": "8751", "unit_source_value": "mg/dL"},
                      {**crp, "unit_concept_id": "8751", "unit_source_value": "ug/mL"},
                      {**crp, "unit_concept_id": "8751", "unit_source_value": "nonsense"})  # fmt: skip
    assert intake.rejects.select("source", "rule").rows() == [("measurement/1", "unknown_unit")]
    assert "mg/L by its id, mg/dL as printed" in intake.rejects["reason"][0]
    assert [row["value"] for row in facts(intake)] == [12.0, 12.0]


def test_trap_unit_zero(tmp_path: Path) -> None:
    crp = {"measurement_concept_id": "3020460", "value_as_number": "12"}
    intake = measured(tmp_path, {**crp, "unit_concept_id": "0", "unit_source_value": "mg/dL"},
                      {**crp, "unit_concept_id": ""}, {**crp, "unit_concept_id": "123456"},
                      {"measurement_concept_id": "3020716", "value_as_number": "0.4",
                       "unit_concept_id": "0"})  # fmt: skip
    assert [row["value"] for row in facts(intake)] == [120.0, 0.4]
    assert rules(intake) == ["missing_unit", "missing_unit"]


def test_a_unit_that_only_the_vocabulary_knows(tmp_path: Path) -> None:
    pressure = {"measurement_concept_id": "3004249", "value_as_number": "16", "unit_concept_id": "9000"}
    assert facts(read(tmp_path, {"measurement": [pressure], **VOCABULARY}))[0]["value"] == pytest.approx(120.0, abs=0.1)


@pytest.mark.parametrize(
    ("operator", "number", "printed", "said"),
    [
        ("", "1500", "", (1500.0, None)), ("0", "1500", "", (1500.0, None)), ("4172703", "1500", "", (1500.0, None)),
        ("4172704", "1500", "", (1500.0, ">")), ("4171756", "1500", "", (1500.0, "<")),
        ("4171754", "1500", "<=1500", (1500.0, "<=")), ("4171755", "1500", "", (1500.0, ">=")),
        ("4172703", "5", "<5", (5.0, "<")), ("4172703", "1500", ">1500 ng/mL", (1500.0, ">")),
        ("4172703", "", ">1500", (1500.0, ">")), ("0", "5", "< 5.0", (5.0, "<")),
        ("0", "1500", ">1500", (1500.0, ">")), ("", "", "> 1500", (1500.0, ">")), ("", "", "1500", (1500.0, None)),
    ],
)  # fmt: skip
def test_trap_comparator(
    tmp_path: Path, operator: str, number: str, printed: str, said: tuple[float, str | None]
) -> None:
    row = {"measurement_concept_id": "3001122", "unit_concept_id": "8842", "operator_concept_id": operator,
           "value_as_number": number, "value_source_value": printed}  # fmt: skip
    fact = facts(measured(tmp_path, row))[0]
    assert (fact["value"], fact["comparator"]) == said


def test_an_unknown_operator_is_refused(tmp_path: Path) -> None:
    assert rules(measured(tmp_path, {"operator_concept_id": "4172705"})) == ["unknown_comparator"]


def test_trap_no_devices(tmp_path: Path) -> None:
    procedures = [{"procedure_concept_id": "4249893"}] * 3
    intake = read(tmp_path, {"measurement": [{}], "procedure_occurrence": procedures, "device_exposure": []})
    assert "oxygen_device" in intake.not_recorded
    with_one = read(tmp_path, {"measurement": [{}], "procedure_occurrence": [*procedures, {"person_id": "2"}]})
    assert "oxygen_device" not in with_one.not_recorded


@pytest.mark.parametrize(
    ("year", "month", "age"),
    [
        ("1960", "", 65.0),  # 65 or 66: an adult, and the lower number
        ("2010", "", None),  # 15 or 16
        ("2007", "", 18.0),
        ("2008", "", None),  # 17 or 18
        ("2015", "1", 11.0),  # every day of January 2015 gives 11
        ("2015", "3", None),  # born on the first or later
        ("2030", "", None), ("abc", "", None), ("", "", None),
    ],
)  # fmt: skip
def test_trap_year_of_birth(tmp_path: Path, year: str, month: str, age: float | None) -> None:
    person = {"year_of_birth": year, "month_of_birth": month, "day_of_birth": ""}
    people = read(tmp_path, {"person": [person], "measurement": [{}]}).patients
    assert people.select("age_years", "birth_date").row(0) == (age, None)


def test_trap_placeholder_years(tmp_path: Path) -> None:
    dates = ("0001-01-01 00:00:00", "1900-01-01 08:00:00", "9999-12-31 23:59:59")
    intake = measured(tmp_path, *({"measurement_datetime": one, "measurement_date": one[:10]} for one in dates))
    assert rules(intake) == ["placeholder_date"] * 3
    far = ran(tmp_path, drug_exposure_end_datetime="2099-12-31 23:59:59", drug_exposure_end_date="2099-12-31")
    assert far["until"] is None


def test_trap_float_ids(tmp_path: Path) -> None:
    row = {
        "person_id": "1.0",
        "measurement_concept_id": "3020891.0",
        "unit_concept_id": "586323.0",
        "measurement_id": "7.0",
    }
    fact = facts(measured(tmp_path, row))[0]
    assert (fact["patient"], fact["source"], fact["value"]) == ("1", "measurement/7", 38.4)


def test_trap_same_key(tmp_path: Path) -> None:
    intake = measured(tmp_path, {"measurement_id": "5"}, {"measurement_id": "5"},
                      {"measurement_id": "5", "value_as_number": "39.1"}, {"measurement_id": ""},
                      {"measurement_id": ""})  # fmt: skip
    assert counted(intake, "measurement") == {"used": 4, "superseded": 1}
    assert [row["source"] for row in facts(intake)][:2] == ["measurement/5", "measurement/5#3"]
    assert any("2 rows share a measurement_id" in line for line in reasons(intake, "measurement"))


def test_trap_late_results(tmp_path: Path) -> None:
    assert facts(measured(tmp_path, {}))[0]["available"] is None


def test_every_trap_of_the_manifest_has_a_test() -> None:
    here = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_omop*.py")]
    named = {name for text in here for name in re.findall(r"^def test_trap_(\w+)\(", text, re.MULTILINE)}
    assert named == {trap.id for trap in KNOWLEDGE.doors["omop"].traps}


# ---------------------------------------------------------------- what only says a day


def test_therapies_of_a_day_are_in_doubt_on_that_day(tmp_path: Path) -> None:
    none = {"drug_exposure_start_datetime": "", "drug_exposure_end_datetime": ""}
    intake = given(tmp_path, {**none, "drug_exposure_end_date": "2026-03-02"}, {**none, "drug_concept_id": "40171288"},
                   {**none, "drug_concept_id": "792844"})  # fmt: skip
    assert rules(intake) == ["partial_date"] * 3
    assert intake.observations.is_empty()
    doubt = intake.in_doubt.with_columns(pl.from_epoch("time", time_unit="us"), pl.from_epoch("until", time_unit="us"))
    spans = [(row["concept"], str(row["time"]), str(row["until"])) for row in doubt.sort("concept", "time").to_dicts()]
    assert spans == [
        ("norepinephrine", "2026-03-01 00:00:00", "2026-03-03 00:00:00"),
        ("tocilizumab", "2026-03-01 00:00:00", "None"), ("tocilizumab", "2026-03-01 23:59:59", "None"),
    ]  # fmt: skip


# ---------------------------------------------------------------- other tables


def test_a_site_maps_its_conditions_procedures_and_devices(tmp_path: Path) -> None:
    site = [Code("local", "J15", "infection_onset", "influenza"), Code("omop", "4324124", "oxygen_device", "cpap"),
            Code("local", "XW033C7", "car_t_infusion", "axicabtagene_ciloleucel"),
            Code("omop", "45", "", fate="ignore", reason="a bed")]  # fmt: skip
    intake = read(tmp_path, {
        "measurement": [],
        "condition_occurrence": [{"condition_source_value": "J15"}, {"condition_concept_id": "4251306"}],
        "device_exposure": [{"device_concept_id": "4324124", "device_exposure_end_datetime": f"{DAY} 18:00:00"},
                            {"device_concept_id": "45"}],
        "procedure_occurrence": [{"procedure_concept_id": "0", "procedure_source_value": "XW033C7"}],
    }, codes=site)  # fmt: skip
    said = {row["concept"]: (row["text"], row["until"]) for row in facts(intake)}
    assert said == {"infection_onset": ("influenza", None), "oxygen_device": ("cpap", "03-01T18:00:00"),
                    "car_t_infusion": ("axicabtagene_ciloleucel", None)}  # fmt: skip
    assert reasons(intake, "device_exposure") == ["a bed"]


def test_an_oxygen_device_that_is_no_device_is_refused_and_in_doubt(tmp_path: Path) -> None:
    intake = read(tmp_path, {"observation": [{"value_as_string": "Bipap mask "}, {"value_source_value": "Trach mask"},
                                             {"value_as_string": "a bottle"}]})  # fmt: skip
    assert [row["text"] for row in facts(intake)] == ["bipap", "tracheostomy_collar"]
    assert rules(intake) == ["unknown_category"]
    assert intake.in_doubt["text"].to_list() == ["other"]


def test_a_death_and_a_person_twice(tmp_path: Path) -> None:
    intake = read(tmp_path, {"person": [{}, {}, {"person_id": "1", "year_of_birth": "1961"}, {"person_id": ""}],
                             "death": [{}, {}], "measurement": [{}]})  # fmt: skip
    assert counted(intake, "person") == {"used": 1, "superseded": 2, "rejected": 1}
    assert counted(intake, "death") == {"used": 1, "superseded": 1}
    assert facts(intake, "death")[0]["text"] == "unknown"
    assert intake.patients["birth_date"].to_list() == [None]
    assert "conflicting_rows" in rules(intake)


def test_sources_of_an_older_or_unknown_version_are_told(tmp_path: Path) -> None:
    fine = read(tmp_path, {"measurement": [{}], "cdm_source": [{"cdm_version": "v5.3.1"}]})
    assert not any("version" in line and "made for" in line for line in reasons(fine, "cdm_source"))
    odd = read(tmp_path, {"measurement": [{}], "cdm_source": [{"cdm_version": "6.0"}]})
    assert any("'6.0'" in line for line in reasons(odd, "cdm_source"))


def test_availability_by_person_days(tmp_path: Path) -> None:
    next_day = {"measurement_datetime": "2026-03-02 08:00:00"}
    intake = read(tmp_path, {"measurement": [{}, {**next_day, "measurement_concept_id": "3027018",
                                                  "unit_concept_id": "8541", "value_as_number": "80"}]})  # fmt: skip
    rows = {row["input"]: row for row in availability(intake).to_dicts()}
    assert (rows["temperature"]["person_days"], rows["temperature"]["with_input"]) == (2, 1)
    assert rows["temperature"]["share"] == 0.5
    assert not rows["vasopressor"]["recorded"]
    assert availability(read(tmp_path / "none", {"measurement": []}))["share"].to_list() == [0.0] * 8


# ---------------------------------------------------------------- forms of a source


def test_capitals_tabs_gzip_and_a_byte_order_mark(tmp_path: Path) -> None:
    tables = {"measurement": [{}], "person": [{}]}
    plain = read(tmp_path / "plain", tables)
    omop.write(tmp_path / "odd", tables, upper=True, delimiter="\t")
    person = tmp_path / "odd" / "PERSON.csv"
    person.write_bytes(b"\xef\xbb\xbf" + person.read_bytes().replace(b"\n", b"\r\n"))
    measurement = tmp_path / "odd" / "MEASUREMENT.csv"
    (tmp_path / "odd" / "MEASUREMENT.csv.gz").write_bytes(gzip.compress(measurement.read_bytes()))
    measurement.unlink()
    odd = read(tmp_path / "odd")
    assert odd.observations.equals(plain.observations)
    assert odd.patients.equals(plain.patients)
    assert odd.ledger.equals(plain.ledger)


def zipped(tmp_path: Path, members: dict[str, bytes]) -> str:
    path = tmp_path / "cdm.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def one_row(tmp_path: Path) -> bytes:
    return (omop.write(tmp_path / "one", {"measurement": [{}]}) / "measurement.csv").read_bytes()


def test_a_zip_with_odd_paths_touches_nothing_outside(tmp_path: Path) -> None:
    data = one_row(tmp_path)
    address = zipped(tmp_path, {"../../../escaped/../measurement.csv": data, "__MACOSX/person.csv": b"junk",
                                "deep/.person.csv": b"junk", "notes.txt": b"hello",
                                "cdm\\death.csv": b"person_id,death_date\n"})  # fmt: skip
    before = set(tmp_path.rglob("*"))
    intake = read_omop(address, KNOWLEDGE, zone="UTC")
    assert counted(intake, "measurement") == {"used": 1}
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"measurement.csv": b"0" * (3 * 2**20)}, "not unpacked"),
        ({"a/measurement.csv": b"x", "b/measurement.csv": b"x"}, "in the archive twice"),
        ({"notes.txt": b"x"}, "no table"),
        ({"measurement.csv": b""}, "empty"),
    ],
)
def test_archives_that_are_refused(
    tmp_path: Path, members: dict[str, bytes], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cytowatch.adapters.omop.files._ALWAYS_BYTES", 2**20)
    with pytest.raises(InputError, match=said):
        read_omop(zipped(tmp_path, members), KNOWLEDGE, zone="UTC")


def test_an_archive_that_is_cut_short(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path, {"measurement.csv": one_row(tmp_path) * 50}))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be read"):
        read_omop(str(path), KNOWLEDGE, zone="UTC")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"person": [{}]}, "nothing to grade|neither"),
        ({"measurement": [{}], "drug_exposure": None}, "drug_concept_id"),
        ({}, "no table"),
    ],
)
def test_a_source_that_cannot_be_graded(tmp_path: Path, tables: dict[str, list[Row] | None], said: str) -> None:
    omop.write(tmp_path, {name: rows for name, rows in tables.items() if rows is not None})
    if "drug_exposure" in tables:
        (tmp_path / "drug_exposure.csv").write_text("drug_exposure_id,person_id\n1,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_omop(str(tmp_path), KNOWLEDGE, zone="UTC")


def test_optional_columns_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "measurement.csv").write_text(
        "person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,unit_concept_id\n"
        f"1,3020891,{DAY},{DAY} 08:00:00,38.4,586323\n", encoding="utf-8",
    )  # fmt: skip
    assert facts(read(tmp_path))[0]["source"] == "measurement/no id"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("measurement.csv", "a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
        ("measurement.parquet", b"PAR1 not really", "cannot be read as Parquet"),
        ("measurement.csv", b"person_id,person_id\n1,2\n", "more than once"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        read(tmp_path)


def test_a_table_twice_and_an_address_that_is_none(tmp_path: Path) -> None:
    omop.write(tmp_path, {"measurement": [{}]})
    omop.write(tmp_path, {"measurement": [{}]}, upper=True)
    with pytest.raises(InputError, match="there twice"):
        read(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path / "absent")


def test_a_broken_line_is_one_reject(tmp_path: Path) -> None:
    omop.write(tmp_path, {"measurement": [{}, {}]})
    path = tmp_path / "measurement.csv"
    path.write_text(path.read_text(encoding="utf-8") + "3,1,3020891\n", encoding="utf-8")
    intake = read(tmp_path)
    assert counted(intake, "measurement") == {"used": 2, "rejected": 1}
    assert intake.rejects.select("source", "rule").rows() == [("measurement:4", "broken_line")]


def test_options_that_do_not_go_with_the_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    omop.write(tmp_path / "cdm", {"measurement": [{}], "person": [{}]})
    base = ["grade", str(tmp_path / "cdm"), "--from", "omop", "--zone", "UTC", "--quiet"]
    assert cli.run([*base, "--mapping", "wide.toml"]) == 4
    assert cli.run(["grade", str(tmp_path / "cdm"), str(tmp_path / "cdm"), "--from", "omop", "--zone", "UTC"]) == 4
    (tmp_path / "people.csv").write_text("patient,age_years\n1,44\n", encoding="utf-8")
    out = tmp_path / "out"
    assert cli.run([*base, "--patients", str(tmp_path / "people.csv"), "--out", str(out)]) == 0
    assert pl.read_parquet(out / "patients.parquet")["age_years"].to_list() == [44.0]
    capsys.readouterr()
