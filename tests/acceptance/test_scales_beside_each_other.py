"""Joint state, order of toxicities, look-alikes and discordance on hand-made patients; published probabilities."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.acceptance.ward import grade_rows, shock
from tests.lib.wards import WARDS, differences

import cytowatch
from cytowatch import ArgumentError

CRS, LATE = "crs.astct-2019", "icaht.late-2023"


@pytest.mark.parametrize("ward", WARDS)
def test_a_ward_comes_out_as_written(ward: str) -> None:
    found = differences(WARDS[ward])
    assert not found, "\n".join(map(str, found))


# ---------------------------------------------------------------- through the doors


def days(patient: str, number: int) -> list[dict[str, Any]]:
    """Cells, then temperature and neutrophils once a day."""
    rows: list[dict[str, Any]] = [{"hours": 0.0, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"}]
    for day in range(number):
        rows.append({"hours": 24.0 * day, "concept": "body_temperature", "value": 36.8, "unit": "Cel"})
        rows.append({"hours": 24.0 * day, "concept": "neutrophils", "value": 2.0, "unit": "10*9/L"})
    return [{"patient": patient, **row} for row in rows]


def test_the_joint_state_of_a_patient_does_not_depend_on_the_others() -> None:
    """One patient is watched for a few days, the other past day 31, where the late part begins."""
    short = pl.DataFrame(days("short", 4))
    both = pl.concat([short, pl.DataFrame(days("long", 40))])
    alone, among = (cytowatch.grade(rows, scales=[CRS, LATE]).joint for rows in (short, both))
    assert_frame_equal(alone, among.filter(pl.col("patient") == "short"))


def test_one_scale_has_no_joint_state() -> None:
    found = cytowatch.grade(pl.DataFrame(days("p", 4)), scales=[CRS])
    assert found.joint.is_empty()
    assert found.discordance.is_empty()
    assert found.findings.is_empty()


def test_a_finding_says_how_each_of_its_facts_is_known() -> None:
    """Fever with few neutrophils points to infection (read in a guideline), low sodium with confusion to a mimic."""
    rows = [
        {"patient": "p", "hours": hours, "concept": concept, "value": value, "unit": unit, "text": text, "lln": lowest}
        for hours, concept, value, unit, text, lowest in (
            (0.0, "car_t_infusion", None, None, "axicabtagene_ciloleucel", None),
            (4.0, "neutrophils", 0.2, "10*9/L", None, None),
            (4.0, "body_temperature", 38.6, "Cel", None, None),
            (4.0, "sodium", 118.0, "mmol/L", None, 135.0),
            (4.0, "symptom", None, None, "confusion", None),
        )
    ]
    found = cytowatch.grade(pl.DataFrame(rows), scales=[CRS], look_alikes=True).findings
    told = {
        (fact, basis)
        for row in found.iter_rows(named=True)
        for fact, basis in zip(row["facts"], row["basis"], strict=True)
    }
    assert ("neutropenia", "secondary") in told
    assert ("sodium_low", "recalled") in told


def test_the_command_writes_what_the_call_gives_back(tmp_path: Path) -> None:
    scales = ("--scale", CRS, "--scale", "crs.mskcc-2018", "--scale", "icans.astct-2019", "--look-alikes")
    found = grade_rows(tmp_path, shock(), *scales)
    assert found.code == 0
    rows = pl.read_csv(tmp_path / "ward.csv", infer_schema=False)
    people = pl.read_csv(tmp_path / "ages.csv")
    called = cytowatch.grade(rows, people, [CRS, "crs.mskcc-2018", "icans.astct-2019"], look_alikes=True)
    for name in ("joint", "findings", "discordance"):
        written = pl.read_parquet(found.folder / f"{name}.parquet")
        assert written.height
        assert_frame_equal(written, getattr(called, name), check_row_order=False)


# ---------------------------------------------------------------- published probabilities

PUBLISHED = {100: 1, 130: 9, 150: 25, 170: 54, 200: 88, 230: 98}


@pytest.mark.parametrize(("score", "percent"), PUBLISHED.items())
def test_the_published_probabilities(score: int, percent: int) -> None:
    found = cytowatch.probability("hlh.hscore", score)
    assert (found.percent, found.beyond) == (percent, "")


def test_at_the_cut_off_it_lies_between_its_neighbors() -> None:
    """54 % are printed for 170 points and 40 % for 160; a curve through all printed points gives 52.93 % for 169."""
    found = cytowatch.probability("hlh.hscore", 169).percent / 100
    assert found == pytest.approx(0.40 + 0.9 * 0.14)
    assert abs(found - 0.5293) < 0.011


@pytest.mark.parametrize("score", range(100, 241))
def test_it_stays_near_the_curve_through_the_points(score: int) -> None:
    fitted = 1 / (1 + math.exp(10.3191 - 0.061754 * score))
    assert abs(cytowatch.probability("hlh.hscore", score).percent / 100 - fitted) < 0.03


def test_beyond_the_printed_points_it_is_only_under_or_over() -> None:
    assert str(cytowatch.probability("hlh.hscore", 33)) == "under 1 %"
    assert str(cytowatch.probability("hlh.hscore", 337)) == "over 99 %"


def test_a_scale_without_probabilities_says_so() -> None:
    with pytest.raises(ArgumentError, match="No probability is published"):
        cytowatch.probability("sofa", 5)
    with pytest.raises(ArgumentError, match="no scale"):
        cytowatch.probability("hscore", 169)
