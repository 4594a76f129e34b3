"""The public pilot study through the SDTM door: every row accounted for, values read off by hand, study days."""

from __future__ import annotations

import polars as pl
import pytest
from tests.sdtm.small import (
    SHARED,
    adds_up,
    fates,
    read,
    us,
)

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.sdtm.dates import to_study_day

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the public study is not beside the checkout")


# ---------------------------------------------------------------- the public study


@pytest.fixture(scope="module")
def pilot() -> Intake:
    return read(SHARED, "America/New_York")


@needs_shared
def test_every_row_of_the_pilot_study_is_accounted_for(pilot: Intake) -> None:
    files = {name: rows for name, _, rows in pilot.files}
    assert files == {
        "ae.csv.gz": 106,
        "cm.csv.gz": 669,
        "dm.csv.gz": 24,
        "ex.csv.gz": 43,
        "lb.csv.gz": 4309,
        "vs.csv.gz": 2186,
    }
    assert adds_up(pilot)
    assert fates(pilot, "lb.csv.gz") == {"ignored": 1553, "used": 2756}
    # vital signs of this study have dates only, and none of them is placed
    assert fates(pilot, "vs.csv.gz") == {"ignored": 2, "rejected": 2184}
    assert fates(pilot, "ex.csv.gz") == {"ignored": 15, "rejected": 28}
    assert fates(pilot, "cm.csv.gz") == {"ignored": 614, "rejected": 55}
    assert fates(pilot, "ae.csv.gz") == {"ignored": 105, "rejected": 1}
    assert fates(pilot, "dm.csv.gz") == {"used": 24}
    assert fates(pilot) == {"ignored": 2289, "rejected": 2268, "used": 2780}


# Read off the file by hand. Albumin 37 g/L is 3.7 g/dL; of the second subject the value that the laboratory printed
# first, in the unit of the dictionary, and its limits: what SDTM made of it (10.26 umol/L of bilirubin) leads back.
ALBUMIN = [
    ("2013-05-07T13:52", 3.7, 3.5, 4.6),
    ("2013-06-03T13:16", 3.7, 3.5, 4.6),
    ("2013-06-16T12:45", 3.5, 3.5, 4.6),
]
PRINTED = {
    "ast": (52, 11, 36),
    "bilirubin": (0.6, 0.17544, 1.22807),
    "urea_nitrogen": (13, 3.92, 24.09),
    "calcium": (9.58, 8.4, 10.28),
    "creatinine": (1.3, 0.803, 1.595),
    "glucose": (85, None, None),
    "hemoglobin": (14.6, 12.5, 17),
    "potassium": (4.3, 3.4, 5.4),
    "phosphate": (3.6, 2.2, 5.11),
    "platelets": (220, 130, 394),
    "uric_acid": (3.6, 2.505, 7.498),
    "white_cells": (4.87, 3.8, 10.7),
}
# New York in summer is four hours behind UTC
BEHIND = 4 * 3_600_000_000


@needs_shared
@pytest.mark.parametrize(("when", "value", "low", "high"), ALBUMIN)
def test_albumin_of_the_pilot_study_by_hand(pilot: Intake, when: str, value: float, low: float, high: float) -> None:
    row = pilot.observations.filter(patient="01-701-1146", concept="albumin", time=us(when) + BEHIND).row(0, named=True)
    assert [row[name] for name in ("value", "range_low", "range_high")] == pytest.approx([value, low, high])


@needs_shared
@pytest.mark.parametrize("concept", PRINTED)
def test_values_of_the_pilot_study_by_hand(pilot: Intake, concept: str) -> None:
    at = us("2013-08-20T12:27") + BEHIND
    row = pilot.observations.filter(patient="01-701-1302", concept=concept, time=at).row(0, named=True)
    # the range of glucose that the study printed reaches 250 mg/dL: no laboratory's limits, so none are used
    for name, printed in zip(("value", "range_low", "range_high"), PRINTED[concept], strict=True):
        assert row[name] == (None if printed is None else pytest.approx(printed, rel=2e-3))


@needs_shared
def test_the_one_bound_of_the_pilot_study(pilot: Intake) -> None:
    below = pilot.observations.filter(patient="01-705-1031", concept="bilirubin", comparator="<").row(0, named=True)
    # below 3.42 umol/L, 17.1 umol/L to 1 mg/dL
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
    same_unit = [
        "albumin",
        "bilirubin",
        "creatinine",
        "urea_nitrogen",
        "hemoglobin",
        "platelets",
        "white_cells",
        "uric_acid",
        "ast",
        "glucose",
        "sodium",
    ]
    for concept in same_unit:
        scale = 18.018 if concept == "glucose" and both.filter(concept=concept)["unit"][0] == "mmol/L" else 1.0
        part = both.filter(concept=concept).select((pl.col("value") * scale / original).alias("ratio"))
        assert part.height > 100
        assert part["ratio"].is_between(0.98, 1.02).all(), concept


@needs_shared
@pytest.mark.parametrize(
    ("domain", "date", "day"),
    [("vs", "VSDTC", "VSDY"), ("lb", "LBDTC", "LBDY"), ("ae", "AESTDTC", "AESTDY"), ("ex", "EXENDTC", "EXENDY")],
)
def test_study_days_are_those_that_the_study_printed(domain: str, date: str, day: str) -> None:
    reference = pl.read_csv(SHARED / "dm.csv.gz", infer_schema=False).select(
        "USUBJID", pl.col("RFSTDTC").str.to_date("%Y-%m-%d", strict=False)
    )
    rows = (
        pl.read_csv(SHARED / f"{domain}.csv.gz", infer_schema=False)
        .join(reference, on="USUBJID")
        .drop_nulls([date, day, "RFSTDTC"])
    )
    rows = rows.filter(pl.col(date).str.len_chars() >= 10)
    made = rows.select(
        to_study_day(pl.col("RFSTDTC"), pl.col(date).str.slice(0, 10).str.to_date()).alias("made"),
        pl.col(day).cast(pl.Float64).alias("given"),
    )
    assert made.height > 40
    assert (made["made"] == made["given"]).all()
    assert (made["given"] != 0).all()
