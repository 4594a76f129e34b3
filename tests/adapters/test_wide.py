"""Wide tables: what the mapping says becomes rows, and every cell is accounted for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cytowatch.adapters import read_files, read_mapping
from cytowatch.errors import InputError
from cytowatch.knowledge import load

KNOWLEDGE = load()
DAILY = """
patient = "patient_id"
not_recorded = ["oxygen_device", "norepinephrine"]

[time]
column = "day"
unit = "d"

[[column]]
name = "crs_grade"
concept = "reported_grade"
text = "crs.astct-2019"

[[column]]
name = "temp"
concept = "body_temperature"
unit = "°F"

[[column]]
name = "toci"
concept = "tocilizumab"
given = ["1"]
not_given = ["0"]

[[column]]
name = "support"
concept = "oxygen_device"
texts = { AA = "room_air", MV = "invasive_ventilation", ND = "" }

[[once]]
concept = "car_t_infusion"
hours = 0
name = "prefix"
texts = { Yes = "axicabtagene_ciloleucel" }
"""
TABLE = """patient_id,prefix,day,crs_grade,temp,toci,support
A,Yes,0,0,98.6,0,AA
A,Yes,1,2,"<100,4",1,MV
A,Yes,1.5,,,,ND
B,Kymriah,1,1,100.4,maybe,balloon
"""


def files(folder: Path, mapping: str = DAILY, table: str = TABLE) -> tuple[Path, Path]:
    (folder / "map.toml").write_text(mapping)
    (folder / "daily.csv").write_text(table)
    return folder / "daily.csv", folder / "map.toml"


def test_a_daily_table(tmp_path: Path) -> None:
    path, mapping = files(tmp_path)
    found = read_files(path, KNOWLEDGE, mapping=mapping)
    assert found.clock == "hours"
    assert found.not_recorded == {"oxygen_device", "norepinephrine"}
    shown = found.observations.with_columns(pl.col("time") / 3_600_000_000)
    assert shown.select("patient", "time", "concept", "value", "comparator", "text", "source").rows() == [
        ("A", 0.0, "car_t_infusion", None, None, "axicabtagene_ciloleucel", "daily.csv:2:prefix"),
        ("A", 0.0, "reported_grade", 0.0, None, "crs.astct-2019", "daily.csv:2:crs_grade"),
        ("A", 0.0, "body_temperature", 37.0, None, None, "daily.csv:2:temp"),
        ("A", 0.0, "oxygen_device", None, None, "room_air", "daily.csv:2:support"),
        ("A", 24.0, "reported_grade", 2.0, None, "crs.astct-2019", "daily.csv:3:crs_grade"),
        ("A", 24.0, "body_temperature", 38.0, "<", None, "daily.csv:3:temp"),
        ("A", 24.0, "tocilizumab", None, None, None, "daily.csv:3:toci"),
        ("A", 24.0, "oxygen_device", None, None, "invasive_ventilation", "daily.csv:3:support"),
        ("B", 0.0, "car_t_infusion", None, None, "tisagenlecleucel", "daily.csv:5:prefix"),
        ("B", 24.0, "reported_grade", 1.0, None, "crs.astct-2019", "daily.csv:5:crs_grade"),
        ("B", 24.0, "body_temperature", 38.0, None, None, "daily.csv:5:temp"),
    ]
    assert found.rejects.select("source", "rule").rows() == [
        ("daily.csv:5:toci", "not_a_number"),
        ("daily.csv:5:support", "unknown_category"),
    ]


def test_every_cell_is_accounted_for(tmp_path: Path) -> None:
    path, mapping = files(tmp_path)
    found = read_files(path, KNOWLEDGE, mapping=mapping)
    counts = {(fate, reason): rows for _, fate, reason, rows in found.ledger.iter_rows()}
    assert counts == {
        ("used", ""): 11,
        ("rejected", "not_a_number"): 1,
        ("rejected", "unknown_category"): 1,
        ("ignored", "empty cell"): 3,
        ("ignored", "marked as not given"): 1,
        ("ignored", "cell said to mean nothing"): 1,
    }
    lines, measured, patients = 4, 4, 2
    assert found.ledger["rows"].sum() == lines * measured + patients


def test_a_typed_wide_table_and_one_over_two_files(tmp_path: Path) -> None:
    path, mapping = files(tmp_path)
    whole = read_files(path, KNOWLEDGE, mapping=mapping).observations.drop("row", "source")
    pl.read_csv(path).write_parquet(tmp_path / "daily.parquet")
    typed = read_files(tmp_path / "daily.parquet", KNOWLEDGE, mapping=mapping).observations
    assert typed.drop("row", "source").equals(whole)
    assert typed["source"][0] == "daily.parquet:1:prefix"


def test_a_table_of_timestamps(tmp_path: Path) -> None:
    mapping = """
    patient = "id"
    [time]
    column = "charted"
    [[column]]
    name = "sbp"
    concept = "systolic_bp"
    unit = "mmHg"
    [[once]]
    concept = "car_t_infusion"
    column = "infused"
    text = "yescarta"
    """
    table = "id,charted,sbp,infused\nA,2024-03-02T10:00,85,2024-03-01T09:00\nA,2024-03-02T11:00,95,2024-03-01T09:00\n"
    path, file = files(tmp_path, mapping, table)
    found = read_files(path, KNOWLEDGE, mapping=file, zone="UTC")
    assert found.clock == "time"
    assert found.observations["concept"].to_list() == ["car_t_infusion", "systolic_bp", "systolic_bp"]
    assert found.observations["text"][0] == "axicabtagene_ciloleucel"
    assert found.observations["time"].is_sorted()
    assert read_files(path, KNOWLEDGE, mapping=file).rejects["rule"].to_list() == ["no_time_zone"] * 3


def test_a_column_that_the_table_lacks(tmp_path: Path) -> None:
    path, mapping = files(tmp_path, table=TABLE.replace("crs_grade", "crs_grades"))
    with pytest.raises(InputError, match="missing column: crs_grade") as caught:
        read_files(path, KNOWLEDGE, mapping=mapping)
    assert "crs_grades" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "d"', 'unit = "fortnight"', "fortnight"),
        ('unit = "°F"', 'unit = "mg/dL"', "mg/dL"),
        ('concept = "tocilizumab"', 'concept = "tocilizumap"', "tocilizumap"),
        ('name = "toci"', 'nmae = "toci"', "nmae"),
        ('patient = "patient_id"', "", "patient"),
        ('given = ["1"]', 'given = "1"', "wrong type"),
        ('given = ["1"]', "", "contradict"),
        ("hours = 0", "", "either `hours` or `column`"),
        ("hours = 0", 'hours = "noon"', "must be a number"),
        ('unit = "d"', "", "timed in hours"),
        ('["oxygen_device", "norepinephrine"]', '["oxygen_devise"]', "oxygen_devise"),
        ("[time]", "[time", "cannot be read"),
        ('unit = "°F"', 'unit = "°F"\nrange_low = [97]', "neither a number nor the name of a column"),
    ],
)
def test_a_wrong_mapping_is_one_clear_error(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in DAILY
    _, mapping = files(tmp_path, DAILY.replace(old, new, 1))
    with pytest.raises(InputError, match=says) as caught:
        read_mapping(mapping, KNOWLEDGE)
    assert "map.toml" in caught.value.where
    assert caught.value.hint


def test_a_mapping_without_a_measured_column(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('patient = "id"\n[time]\ncolumn = "t"\n')
    with pytest.raises(InputError, match="no measured column"):
        read_mapping(tmp_path / "map.toml", KNOWLEDGE)


def test_a_table_of_empty_cells_is_no_empty_file(tmp_path: Path) -> None:
    mapping = DAILY[: DAILY.index("[[once]]")]
    path, file = files(tmp_path, mapping, "patient_id,prefix,day,crs_grade,temp,toci,support\nA,Yes,0,,,,\n")
    found = read_files(path, KNOWLEDGE, mapping=file)
    assert found.ledger.rows() == [("daily.csv", "ignored", "empty cell", 4)]


def test_limits_of_normal_from_the_mapping_and_from_a_column(tmp_path: Path) -> None:
    limits = 'unit = "°F"\nrange_low = 95\nrange_high = "uln"'
    table = "patient_id,prefix,day,crs_grade,temp,toci,support,uln\nA,Yes,1,2,101,0,AA,100.4\nA,Yes,2,,101,,,\n"
    path, mapping = files(tmp_path, DAILY.replace('unit = "°F"', limits), table)
    found = read_files(path, KNOWLEDGE, mapping=mapping)
    assert found.rejects.is_empty()
    temperatures = found.observations.filter(pl.col("concept") == "body_temperature")
    assert temperatures.select("range_low", "range_high").rows() == [(35.0, 38.0), (35.0, None)]
    others = found.observations.filter(pl.col("concept") != "body_temperature")
    assert others.select(pl.col("range_low", "range_high").count()).row(0) == (0, 0)
    assert "cannot be" not in found.ledger["reason"].str.join("|").item()


def test_a_column_of_limits_that_the_table_lacks(tmp_path: Path) -> None:
    path, mapping = files(tmp_path, DAILY.replace('unit = "°F"', 'unit = "°F"\nrange_high = "temp_uln"'))
    with pytest.raises(InputError, match="missing column: temp_uln"):
        read_files(path, KNOWLEDGE, mapping=mapping)
