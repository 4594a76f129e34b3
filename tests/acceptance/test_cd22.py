"""29 patients after CD22 CAR-T whose grades a trial team recorded on two scales: the scales are kept apart.

The data are GPL-3.0 and stay where they are: they are read in place where present, and never copied into the package.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import cytowatch as cw

DATA = Path(__file__).parents[3] / "shared" / "data" / "crs_cd22"
ASTCT, LEE = "crs.astct-2019", "crs.lee-2014"
COLUMNS = {LEE: "max_crs_grade_lee2014", ASTCT: "max_crs_grade_astct"}
MARKERS = {"CRP": ("crp", "mg/L"), "Ferritin": ("ferritin", "ug/L"), "LDH": ("ldh", "U/L")}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")


@pytest.fixture(scope="module")
def patients() -> pl.DataFrame:
    return pl.read_csv(DATA / "patients.csv").with_columns(pl.col("patient_id").cast(pl.String).alias("patient"))


@pytest.fixture(scope="module")
def observations(patients: pl.DataFrame) -> pl.DataFrame:
    """Reported worst grades on the day of onset (day 0 without one), and the markers, in the contract's long form."""
    day = pl.col("crs_onset_day").fill_null(0.0) * 24
    grades = [
        patients.select(
            "patient", day.alias("hours"), pl.lit("reported_grade").alias("concept"),
            pl.col(column).cast(pl.String).alias("value"), pl.lit("").alias("unit"), pl.lit(scale).alias("text"),
        )
        for scale, column in COLUMNS.items()
    ]  # fmt: skip
    infused = patients.select(
        "patient", pl.lit(0.0).alias("hours"), pl.lit("car_t_infusion").alias("concept"),
        pl.lit(None, pl.String).alias("value"), pl.lit("").alias("unit"), pl.lit("cd22_car_t").alias("text"),
    )  # fmt: skip
    markers = pl.read_csv(DATA / "markers.csv", infer_schema=False)
    known = markers.filter(pl.col("analyte").is_in(list(MARKERS)) & pl.col("value").is_not_null())
    measured = known.select(
        pl.col("patient_id").cast(pl.String).alias("patient"), (pl.col("day").cast(pl.Float64) * 24).alias("hours"),
        pl.col("analyte").replace_strict({key: name for key, (name, _) in MARKERS.items()}).alias("concept"), "value",
        pl.col("analyte").replace_strict({key: unit for key, (_, unit) in MARKERS.items()}).alias("unit"),
        pl.lit(None, pl.String).alias("text"),
    )  # fmt: skip
    return pl.concat([*grades, infused, measured])


@pytest.fixture(scope="module")
def result(observations: pl.DataFrame) -> cw.Result:
    return cw.grade(observations, scales=[ASTCT, LEE, "hlh.2004", "hlh.hscore", "iechs.hines-2023"])


def test_every_row_has_a_place(result: cw.Result, observations: pl.DataFrame) -> None:
    assert sum(one["read"] for one in result.run["inputs"]) == observations.height
    # a sample that could not be measured is told, and is no number
    assert set(result.rejects["rule"]) == {"not_a_number"}
    assert set(result.rejects["value"]) == {"Hemolyzed"}


def test_the_highest_ferritin_is_no_slip_of_the_pen(result: cw.Result) -> None:
    """432,390 ug/L was measured in this cohort: an upper limit of admission must not lose the sickest."""
    ferritin = result.outcome.observations.filter(pl.col("concept") == "ferritin")
    assert ferritin["value"].max() == 432_390


def test_the_two_scales_differ_in_nine_patients(result: cw.Result, patients: pl.DataFrame) -> None:
    table = result.discordance.filter(
        (pl.col("basis") == "reported") & (pl.col("scale_a") == ASTCT) & (pl.col("scale_b") == LEE)
    )
    assert table["patients"].sum() == patients.height == 29
    differ = table.filter(pl.col("grade_a") != pl.col("grade_b"))
    assert differ["patients"].sum() == 9
    # the same counted from the file itself, pair by pair
    pairs = patients.group_by(COLUMNS[ASTCT], COLUMNS[LEE]).len()
    expected = {(int(a), int(b)): n for a, b, n in pairs.iter_rows()}
    found = {(a, b): n for a, b, n in table.select("grade_a", "grade_b", "patients").iter_rows()}
    assert found == expected


def test_nothing_is_derived_that_nobody_measured(result: cw.Result) -> None:
    """No vital sign stands in the file: both scales say so, and no reported grade becomes a derived one."""
    graded = result.timeline.filter(pl.col("scale").is_in([ASTCT, LEE]))
    assert graded["grade"].drop_nulls().is_empty()
    assert set(result.concordance["verdict"].unique()) <= {"not_comparable", "compatible"}


def test_ferritin_alone_makes_a_range_not_a_score(result: cw.Result) -> None:
    scores = result.timeline.filter(pl.col("scale") == "hlh.hscore")
    measured = scores.filter(pl.col("criteria").list.len() > 0)
    assert measured.height > 0
    assert (measured["at_least"] < measured["at_most"]).all()
    assert measured["grade"].drop_nulls().is_empty()
