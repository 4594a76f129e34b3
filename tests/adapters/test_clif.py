"""The CLIF door, on the real cut that ships with the package and on small tables made for one question each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import cytowatch
from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.intake import Intake
from cytowatch.errors import InputError
from cytowatch.knowledge.load import load
from cytowatch.schema import OBSERVATIONS, PATIENTS, REJECTS

SHIPPED = Path(cytowatch.__file__).parent / "demo_data" / "clif"
NOON = datetime(2150, 3, 1, 12, tzinfo=UTC)
Table = dict[str, list[object]]


@pytest.fixture(scope="module")
def shipped() -> Intake:
    return read_clif(SHIPPED, load())


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Intake]:
    """Reads a folder made of the given tables."""

    def read(**tables: Table) -> Intake:
        for name, columns in tables.items():
            pl.DataFrame(columns, strict=False).write_parquet(tmp_path / f"clif_{name}.parquet")
        return read_clif(tmp_path, load())

    return read


def counts(intake: Intake) -> dict[str, int]:
    return dict(intake.ledger.group_by("fate").agg(pl.col("rows").sum()).rows())


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def at(number: float) -> int:
    """Hours from noon as microseconds since 1970."""
    return int(hours(number).timestamp() * 1e6)


def infusion(*steps: tuple[float, str, float | None], order: str | None = "1", drug: str = "norepinephrine") -> Table:
    return {
        "hospitalization_id": ["h"] * len(steps),
        "med_order_id": [order] * len(steps),
        "med_category": [drug] * len(steps),
        "admin_dttm": [hours(at) for at, _, _ in steps],
        "mar_action_category": [action for _, action, _ in steps],
        "med_dose": [dose for _, _, dose in steps],
        "med_dose_unit": ["mcg/kg/min"] * len(steps),
    }


def together(*tables: Table) -> Table:
    return {name: [cell for table in tables for cell in table[name]] for name in tables[0]}


def breath(device: tuple[str | None, str | None], lpm: float | None = None, fio2: float | None = None) -> Table:
    return {
        "hospitalization_id": ["h"],
        "recorded_dttm": [NOON],
        "device_category": [device[0]],
        "device_name": [device[1]],
        "lpm_set": [lpm],
        "fio2_set": [fio2],
    }


def vital(category: str, value: float) -> Table:
    return {
        "hospitalization_id": ["h"],
        "recorded_dttm": [NOON],
        "vital_category": [category],
        "vital_value": [value],
    }


def lab(category: str, printed: str | None, number: float | None, unit: str | None) -> Table:
    return {
        "hospitalization_id": ["h"],
        "lab_collect_dttm": [NOON],
        "lab_result_dttm": [hours(1)],
        "lab_category": [category],
        "lab_value": [printed],
        "lab_value_numeric": [number],
        "reference_unit": [unit],
    }


# ---------------------------------------------------------------- the shipped cut


def test_every_row_of_every_table_is_in_the_ledger_once(shipped: Intake) -> None:
    read = {path.name: pl.scan_parquet(path).select(pl.len()).collect().item() for path in SHIPPED.glob("*.parquet")}
    told = dict(shipped.ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    assert told == read
    assert set(shipped.ledger["fate"]) == {"used", "ignored", "rejected"}
    assert shipped.ledger["fate"].null_count() == 0


def test_used_rows_are_the_rows_that_have_an_observation(shipped: Intake) -> None:
    bedside = shipped.ledger.filter(pl.col("fate") == "used", ~pl.col("file").str.contains("hospitalization|patient.p"))
    rows = shipped.observations.filter(pl.col("concept") != "death")["row"].n_unique()
    assert bedside["rows"].sum() == rows


def test_a_row_number_and_its_source_name_the_same_row(shipped: Intake) -> None:
    pairs = shipped.observations.select("row", "source").unique()
    assert pairs["row"].n_unique() == pairs["source"].n_unique() == pairs.height
    first = shipped.observations.filter(pl.col("source").str.starts_with("clif_vitals")).row(0, named=True)
    line = int(first["source"].rpartition(":")[2])
    original = pl.read_parquet(SHIPPED / "clif_vitals.parquet").row(line - 1, named=True)
    assert original["hospitalization_id"] == first["patient"]
    assert original["vital_value"] == first["value"]


def test_the_span_of_a_file_holds_the_rows_of_its_sources(shipped: Intake) -> None:
    for name, first, rows in shipped.files:
        numbers = shipped.observations.filter(pl.col("source").str.starts_with(f"{name}:"))["row"]
        assert numbers.is_between(first, first + rows - 1).all()
        assert shipped.ledger.filter(pl.col("file") == name)["rows"].sum() == rows


def test_the_tables_have_their_declared_columns(shipped: Intake) -> None:
    assert dict(shipped.observations.schema) == OBSERVATIONS.schema
    assert dict(shipped.rejects.schema) == REJECTS.schema
    assert dict(shipped.patients.schema) == PATIENTS.schema
    assert (shipped.clock, shipped.zone) == ("time", "UTC")


def test_the_dirt_of_the_cut_is_rejected_and_named(shipped: Intake) -> None:
    refused = set(shipped.rejects.select("concept", "rule", "value").rows())
    assert ("mean_arterial_pressure", "out_of_range", "-19.0") in refused
    assert ("heart_rate", "out_of_range", "0.0") in refused
    assert ("norepinephrine", "out_of_range", "7.25904") in refused
    assert any(concept == "aptt" and rule == "not_a_number" for concept, rule, _ in refused)


# the trap `mask_kinds` of the manifest
def test_masks_of_one_category_are_told_apart(shipped: Intake) -> None:
    devices = set(shipped.observations.filter(pl.col("concept") == "oxygen_device")["text"])
    assert devices >= {"venturi_mask", "non_rebreather", "simple_mask", "oxygen_mask", "bipap", "cpap", "other"}


def test_no_trigger_and_no_consciousness_is_made_up(shipped: Intake) -> None:
    concepts = set(shipped.observations["concept"])
    assert not concepts & {"car_t_infusion", "t_cell_engager_dose", "antibody_infusion", "infection_onset"}
    assert not concepts & {"consciousness", "sedated", "ice_score"}


def test_a_stay_without_bedside_rows_is_still_a_patient(shipped: Intake) -> None:
    assert "26549334" in shipped.patients["patient"].to_list()
    assert shipped.patients["age_years"].null_count() == 0
    assert set(shipped.patients["sex"]) == {"female", "male"}


def test_a_death_belongs_to_the_stay_that_ended_in_it(shipped: Intake) -> None:
    deaths = shipped.observations.filter(pl.col("concept") == "death")
    assert sorted(deaths["patient"]) == ["22081550", "28661809", "29842315"]
    assert set(deaths["text"]) == {"unknown"}
    assert deaths["source"].str.starts_with("clif_patient.parquet:").all()


def test_results_are_known_later_than_taken(shipped: Intake) -> None:
    labs = shipped.observations.filter(pl.col("source").str.starts_with("clif_labs"))
    assert labs["available"].null_count() == 0
    assert (labs["available"] >= labs["time"]).all()


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize(
    ("category", "name", "device"),
    [
        ("Face Mask", "Venti mask ", "venturi_mask"),
        ("Face Mask", "Non-rebreather", "non_rebreather"),
        ("Face Mask", "Medium conc mask ", "simple_mask"),
        ("Face Mask", "Aerosol-cool", "oxygen_mask"),
        ("Face Mask", "Face tent", "oxygen_mask"),
        ("Face Mask", "a mask of the site", "oxygen_mask"),
        ("Face Mask", None, "oxygen_mask"),
        ("High Flow NC", "High flow neb", "high_flow_nasal_cannula"),
        ("IMV", "Tracheostomy tube", "invasive_ventilation"),
        ("Trach Collar", None, "tracheostomy_collar"),
        ("NIPPV", "Bipap mask ", "bipap"),
        ("CPAP", "CPAP mask ", "cpap"),
        ("Room Air", None, "room_air"),
        ("room air", None, "room_air"),
        (None, "Nasal cannula", "nasal_cannula"),
        ("Helmet", "Helmet", "other"),
    ],
)
def test_device(made: Callable[..., Intake], category: str | None, name: str | None, device: str) -> None:
    assert made(respiratory_support=breath((category, name))).observations["text"].to_list() == [device]


def test_one_row_with_device_flow_and_fio2_is_one_used_row(made: Callable[..., Intake]) -> None:
    intake = made(respiratory_support=breath(("Face Mask", "Venti mask"), 8, 0.5))
    assert set(intake.observations["concept"]) == {"oxygen_device", "oxygen_flow", "fio2"}
    assert intake.observations["row"].n_unique() == 1
    assert counts(intake) == {"used": 1}


def test_a_row_whose_flow_is_impossible_is_used_for_its_device(made: Callable[..., Intake]) -> None:
    intake = made(respiratory_support=breath(("Nasal Cannula", None), 4000))
    assert intake.observations["concept"].to_list() == ["oxygen_device"]
    assert intake.rejects["concept"].to_list() == ["oxygen_flow"]
    assert intake.rejects["row"].to_list() == intake.observations["row"].to_list()
    assert counts(intake) == {"used": 1}


def test_a_row_without_a_device_gives_its_fio2_and_nothing_more(made: Callable[..., Intake]) -> None:
    intake = made(respiratory_support=breath((None, None), fio2=0.5))
    assert intake.observations.select("concept", "value").rows() == [("fio2", 0.5)]


def test_fio2_in_per_cent_is_a_fraction(made: Callable[..., Intake]) -> None:
    assert made(respiratory_support=breath((None, None), fio2=50)).observations["value"].to_list() == [0.5]


def test_a_row_without_device_flow_and_fio2_is_ignored(made: Callable[..., Intake]) -> None:
    assert counts(made(respiratory_support=breath((None, None)))) == {"ignored": 1}


# ---------------------------------------------------------------- drugs


def test_stop_is_a_rate_of_zero_whatever_the_dose_column_says(made: Callable[..., Intake]) -> None:
    table = infusion((0, "start", 0.1), (2, "stop", 0.1))
    rates = made(medication_admin_continuous=table).observations.sort("time")
    assert rates["value"].to_list() == [0.1, 0.0]
    assert rates["until"].to_list() == [rates["time"][1], at(2 + 24)]


# the trap `two_pumps` of the manifest
def test_a_rate_ends_with_its_own_order_and_not_with_another_pump(made: Callable[..., Intake]) -> None:
    old = infusion((0, "start", 0.1), (3, "stop", 0), order="old")
    new = infusion((2, "start", 0.2), (8, "stop", 0), order="new")
    rates = made(medication_admin_continuous=together(old, new)).observations.sort("time")
    assert rates["value"].to_list() == [0.1, 0.2, 0.0, 0.0]
    # a stop with an end of its own ends no other order
    assert rates["until"].to_list() == [at(3), at(8), at(3 + 24), at(8 + 24)]


def test_a_refused_rate_does_not_end_the_rate_before_it(made: Callable[..., Intake]) -> None:
    table = infusion((0, "start", 0.1), (1, "dose_change", 99), (2, "stop", 0))
    intake = made(medication_admin_continuous=table)
    rates = intake.observations.sort("time")
    assert rates["until"].to_list() == [at(2), at(2 + 24)]
    assert counts(intake) == {"used": 2, "rejected": 1}


def doubts(intake: Intake) -> list[tuple[object, ...]]:
    """Concept, start and end of the rows in doubt."""
    return intake.in_doubt.sort("time").select("concept", "time", "until").rows()


def test_a_refused_rate_is_in_doubt_up_to_the_next_row_of_its_own_order(made: Callable[..., Intake]) -> None:
    own = infusion((0, "start", 0.1), (1, "dose_change", 99), (4, "stop", 0))
    other = infusion((2, "start", 0.2), (3, "stop", 0), order="other")
    intake = made(medication_admin_continuous=together(own, other))
    assert doubts(intake) == [("norepinephrine", at(1), at(4))]
    assert intake.in_doubt["row"].to_list() == [-2]


def test_the_rate_before_the_last_refused_one_goes_on_to_the_next_row_of_the_drug(made: Callable[..., Intake]) -> None:
    old = infusion((0, "start", 0.1), (1, "dose_change", 99), order="old")
    new = infusion((2, "start", 0.2), (8, "stop", 0), order="new")
    intake = made(medication_admin_continuous=together(old, new))
    assert intake.observations.sort("time")["until"].to_list() == [at(2), at(8), at(8 + 24)]
    assert doubts(intake) == [("norepinephrine", at(1), None)]
    alone = made(medication_admin_continuous=old)
    assert alone.observations["until"].to_list() == [at(24)]


def test_an_action_that_no_table_knows_leaves_the_drug_in_doubt(made: Callable[..., Intake]) -> None:
    intake = made(medication_admin_continuous=infusion((0, "primed", 0.1)))
    assert doubts(intake) == [("norepinephrine", at(0), None)]
    assert counts(intake) == {"rejected": 1}
    assert intake.rejects.height == 1


def test_a_rate_that_nothing_follows_within_its_time_is_left_open(made: Callable[..., Intake]) -> None:
    assert made(medication_admin_continuous=infusion((0, "start", 0.1), (30, "stop", 0))).observations[
        "until"
    ].to_list() == [None, at(30 + 24)]


def test_rates_without_an_order_are_left_open(made: Callable[..., Intake]) -> None:
    table = infusion((0, "start", 0.1), (2, "stop", 0), order=None)
    assert made(medication_admin_continuous=table).observations["until"].to_list() == [None, None]


def test_an_unknown_rate_stays_unknown(made: Callable[..., Intake]) -> None:
    assert made(medication_admin_continuous=infusion((0, "start", None))).observations["value"].to_list() == [None]


def test_vasopressin_in_units_an_hour(made: Callable[..., Intake]) -> None:
    table = infusion((0, "start", 2.4), drug="vasopressin") | {"med_dose_unit": ["units/hour"]}
    rates = made(medication_admin_continuous=table).observations
    assert rates.select("value", "unit").rows() == [(0.04, "[IU]/min")]


def test_an_action_that_no_table_knows_is_rejected(made: Callable[..., Intake]) -> None:
    intake = made(medication_admin_continuous=infusion((0, "primed", 0.1)))
    assert intake.rejects.select("rule", "concept", "value").rows() == [("unknown_code", "norepinephrine", "primed")]


def test_an_infused_antipyretic_is_one_dose_at_its_start(made: Callable[..., Intake]) -> None:
    table = infusion((0, "start", 66.666664), (0.25, "stop", 0), drug="acetaminophen")
    intake = made(medication_admin_continuous=table)
    assert intake.observations.select("concept", "value").rows() == [("acetaminophen", None)]
    assert counts(intake) == {"used": 1, "ignored": 1}


def test_doses_lose_the_noise_of_a_32_bit_float(made: Callable[..., Intake], tmp_path: Path) -> None:
    table = pl.DataFrame(infusion((0, "given", 999.99994), drug="acetaminophen") | {"med_dose_unit": ["mg"]})
    table = table.with_columns(pl.col("med_dose").cast(pl.Float32))
    table.write_parquet(tmp_path / "clif_medication_admin_intermittent.parquet")
    assert made().observations["value"].to_list() == [1000.0]


def test_a_dose_that_was_not_given_is_ignored(made: Callable[..., Intake]) -> None:
    table = infusion((0, "not_given", 500), drug="acetaminophen") | {"med_dose_unit": ["mg"]}
    assert counts(made(medication_admin_intermittent=table)) == {"ignored": 1}


def test_a_drug_that_no_table_needs_is_ignored_with_that_reason(made: Callable[..., Intake]) -> None:
    intake = made(medication_admin_continuous=infusion((0, "start", 20), drug="propofol"))
    assert intake.ledger["reason"].to_list() == ["drug not needed by any loaded table"]


def test_fluid_that_runs_is_no_bolus(made: Callable[..., Intake]) -> None:
    running = infusion((0, "start", 100), drug="sodium chloride") | {"med_dose_unit": ["mL/hour"]}
    given = infusion((0, "given", 500), drug="sodium chloride") | {"med_dose_unit": ["mL"]}
    intake = made(medication_admin_continuous=running, medication_admin_intermittent=given)
    assert intake.observations.select("concept", "value", "unit").rows() == [("fluid_bolus", 500.0, "mL")]


# ---------------------------------------------------------------- readings


@pytest.mark.parametrize(
    ("category", "value"), [("map", -19), ("map", 331), ("heart_rate", 0), ("temp_c", 98.6), ("spo2", 0)]
)
def test_an_impossible_vital_sign_is_rejected(made: Callable[..., Intake], category: str, value: float) -> None:
    intake = made(vitals=vital(category, value))
    assert counts(intake) == {"rejected": 1}
    assert intake.rejects["rule"].to_list() == ["out_of_range"]
    assert intake.rejects["source"].to_list() == ["clif_vitals.parquet:1"]


def test_a_vital_sign_that_no_table_knows_is_rejected_with_what_to_do(made: Callable[..., Intake]) -> None:
    reject = made(vitals=vital("etco2", 40)).rejects.row(0, named=True)
    assert reject["rule"] == "unknown_code"
    assert "clif_vitals.csv" in reject["hint"]


@pytest.mark.parametrize(
    ("printed", "number", "value", "comparator"),
    [
        ("12.5", 12.5, 12.5, None),
        ("<5.", 5.0, 5.0, "<"),
        ("<3*.", 3.0, 3.0, "<"),
        (">900", 900.0, 900.0, ">"),
        ("___", 54.0, 54.0, None),
        (None, 54.0, 54.0, None),
    ],
)
def test_what_the_laboratory_printed(
    made: Callable[..., Intake], printed: str | None, number: float, value: float, comparator: str | None
) -> None:
    seen = made(labs=lab("crp", printed, number, "mg/L")).observations
    assert seen.select("value", "comparator").rows() == [(value, comparator)]


@pytest.mark.parametrize("printed", ["___", "UNABLE TO REPORT."])
def test_a_result_that_is_no_number_is_rejected(made: Callable[..., Intake], printed: str) -> None:
    intake = made(labs=lab("crp", printed, None, "mg/L"))
    assert intake.rejects.select("rule", "value").rows() == [("not_a_number", printed)]


def test_a_unit_with_a_tab_behind_it_is_that_unit(made: Callable[..., Intake]) -> None:
    seen = made(labs=lab("lymphocytes_absolute", "0.4", 0.4, "10^3/µL\t")).observations
    assert seen.select("concept", "value", "unit").rows() == [("lymphocytes", 0.4, "10*9/L")]


def test_a_unit_that_nobody_knows_is_rejected(made: Callable[..., Intake]) -> None:
    assert made(labs=lab("crp", "5", 5.0, "spoons")).rejects["rule"].to_list() == ["unknown_unit"]


def test_a_time_without_a_zone_is_taken_as_utc(made: Callable[..., Intake]) -> None:
    table = vital("temp_c", 38.1) | {"recorded_dttm": [NOON.replace(tzinfo=None)]}
    assert made(vitals=table).observations["time"].to_list() == [int(NOON.timestamp() * 1e6)]


def test_speech_through_a_tube_is_not_a_score_of_zero(made: Callable[..., Intake]) -> None:
    table = {
        "hospitalization_id": ["h"] * 3,
        "recorded_dttm": [NOON] * 3,
        "assessment_category": ["gcs_verbal", "gcs_total", "RASS"],
        "numerical_value": [0.0, 7.0, -4.0],
    }
    intake = made(patient_assessments=table)
    assert set(intake.observations["concept"]) == {"gcs_total", "rass"}
    assert counts(intake) == {"used": 2, "ignored": 1}


# ---------------------------------------------------------------- persons and the folder


def stay(discharge: str, died: datetime | None) -> dict[str, Table]:
    return {
        "hospitalization": {
            "patient_id": ["p"],
            "hospitalization_id": ["h"],
            "admission_dttm": [NOON],
            "discharge_dttm": [hours(48)],
            "age_at_admission": [55],
            "discharge_category": [discharge],
        },
        "patient": {"patient_id": ["p"], "sex_category": ["Female"], "death_dttm": [died]},
    }


@pytest.mark.parametrize(
    ("discharge", "died", "at"),
    [
        ("Expired", hours(48), hours(48)),
        ("Expired", hours(50), hours(50)),
        ("Home", hours(20), hours(20)),
        ("Home", hours(900), None),
        ("Home", None, None),
        ("Expired", None, hours(48)),
    ],
)
def test_death(made: Callable[..., Intake], discharge: str, died: datetime | None, at: datetime | None) -> None:
    tables = stay(discharge, died)
    tables["patient"]["death_dttm"] = pl.Series([died], dtype=pl.Datetime("us", "UTC"))  # type: ignore[assignment]
    intake = made(**tables)
    times = intake.observations.filter(pl.col("concept") == "death")["time"].to_list()
    assert times == ([] if at is None else [int(at.timestamp() * 1e6)])
    assert counts(intake) == {"used": 2}
    assert intake.patients.select("patient", "age_years", "sex").rows() == [("h", 55.0, "female")]


def test_an_impossible_age_is_unknown_and_said(made: Callable[..., Intake]) -> None:
    tables = stay("Home", None)
    tables["hospitalization"]["age_at_admission"] = [-3]
    intake = made(hospitalization=tables["hospitalization"])
    assert intake.patients["age_years"].to_list() == [None]
    assert intake.rejects.select("row", "source", "concept").rows() == [
        (0, "clif_hospitalization.parquet:1", "age_years")
    ]


def test_a_second_row_for_one_stay_is_ignored(made: Callable[..., Intake]) -> None:
    tables = stay("Home", None)
    intake = made(hospitalization=together(tables["hospitalization"], tables["hospitalization"]))
    assert counts(intake) == {"used": 1, "ignored": 1}
    assert intake.patients.height == 1


def test_csv_tables_say_the_same_as_parquet_tables(shipped: Intake, tmp_path: Path) -> None:
    for path in SHIPPED.glob("*.parquet"):
        frame = pl.read_parquet(path).with_columns(pl.col(pl.Datetime("us")).cast(pl.Date))
        frame.write_csv(tmp_path / f"{path.stem}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%:z")
    said = read_clif(tmp_path, load())
    key = ["row", "concept"]
    facts = ["row", "patient", "time", "until", "available", "concept", "unit", "comparator", "text"]
    assert said.observations.select(facts).sort(key).equals(shipped.observations.select(facts).sort(key))
    assert counts(said) == counts(shipped)
    assert said.observations["source"].str.contains("clif_vitals.csv:2").any()


def test_a_table_that_is_not_needed_is_counted_and_ignored(made: Callable[..., Intake]) -> None:
    intake = made(vitals=vital("temp_c", 38), adt={"hospitalization_id": ["h", "h"]}, surprise={"x": [1]})
    told = intake.ledger.filter(pl.col("fate") == "ignored").sort("file").select("file", "rows").rows()
    assert told == [("clif_adt.parquet", 2), ("clif_surprise.parquet", 1)]


def test_progress_hears_of_every_file(tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    pl.DataFrame(vital("temp_c", 38)).write_parquet(tmp_path / "clif_vitals.parquet")
    read_clif(tmp_path, load(), progress=lambda name, behind: heard.append((name, behind)))
    assert heard == [("clif_vitals.parquet", 1)]


def test_a_missing_column_is_named(made: Callable[..., Intake]) -> None:
    table = vital("temp_c", 38)
    del table["vital_category"]
    with pytest.raises(InputError, match="vital_category"):
        made(vitals=table)


def test_a_table_that_was_cut_short_is_one_clear_error(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "clif_vitals.parquet", tmp_path)
    whole = (tmp_path / "clif_vitals.parquet").read_bytes()
    (tmp_path / "clif_vitals.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        read_clif(tmp_path, load())


def test_one_table_twice_is_an_error(tmp_path: Path) -> None:
    frame = pl.DataFrame(vital("temp_c", 38))
    frame.write_parquet(tmp_path / "clif_vitals.parquet")
    frame.write_csv(tmp_path / "clif_vitals.csv")
    with pytest.raises(InputError, match="twice"):
        read_clif(tmp_path, load())


@pytest.mark.parametrize("name", ["", "nothing"])
def test_a_folder_without_tables_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"CLIF table|not a folder"):
        read_clif(tmp_path / name, load())


def test_an_empty_table_is_no_error(tmp_path: Path) -> None:
    pl.DataFrame(vital("temp_c", 38)).clear().write_parquet(tmp_path / "clif_vitals.parquet")
    intake = read_clif(tmp_path, load())
    assert intake.observations.height == intake.ledger.height == 0
