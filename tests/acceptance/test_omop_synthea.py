"""The public Synthea set of 27 persons in the common data model 5.4, whole, as it is published: a zip of 39 tables.

Every row of every table ends in one place, and values read by hand from the CSV come out as they should.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from functools import cache

import polars as pl
import pytest
from tests.lib.omop import SYNTHEA

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.adapters.omop.availability import availability
from cytowatch.knowledge import load

pytestmark = pytest.mark.skipif(not SYNTHEA.is_file(), reason="the shared data are not here")
ZONE = "America/New_York"
FATES = {"used", "superseded", "ignored", "rejected"}


@cache
def intake() -> Intake:
    return read_omop(str(SYNTHEA), load(), zone=ZONE)


@cache
def lines() -> dict[str, int]:
    """How many rows each table of the zip has, by a reader of its own."""
    with zipfile.ZipFile(SYNTHEA) as archive:
        return {
            name.lower().removesuffix(".csv"): sum(1 for _ in csv.reader(io.TextIOWrapper(archive.open(name), "utf-8")))
            - 1
            for name in archive.namelist()
        }


def test_every_row_of_every_table_ends_in_one_place() -> None:
    told = dict(intake().ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    assert {table: rows for table, rows in told.items() if rows} == {
        table: rows for table, rows in lines().items() if rows
    }
    assert set(intake().ledger["fate"]) <= FATES
    whole = intake().ledger.filter(pl.col("rows") > 0).sort("file", "fate", "reason")
    print(whole.select("file", "fate", "reason", "rows").write_csv())


def test_the_counts_of_the_clinical_tables() -> None:
    counted = intake().ledger.group_by("file", "fate").agg(pl.col("rows").sum())
    by_table = {(file, fate): rows for file, fate, rows in counted.iter_rows()}
    assert by_table["measurement", "used"] == 4929
    assert by_table["measurement", "ignored"] == 5111
    assert by_table["drug_exposure", "used"] == 16
    # 867 that no table knows by their ids, 83 of which are named as acetaminophen
    assert by_table["drug_exposure", "ignored"] == 784
    assert by_table["drug_exposure", "rejected"] == 83
    assert by_table["procedure_occurrence", "used"] == 11
    assert by_table["person", "used"] == 28
    assert by_table["death", "rejected"] == 3
    assert by_table["observation", "ignored"] == 8099
    assert intake().patients.height == 28


# table/key, concept, value in the canonical unit, local moment: read from the CSV by hand
BY_HAND = (
    ("measurement/205", "body_temperature", 37.8, "2005-05-07T04:00"),
    ("measurement/50", "systolic_bp", 121.0, "2017-06-09T04:00"),
    ("measurement/45", "heart_rate", 88.0, "2015-05-29T04:00"),
    ("measurement/4189", "ferritin", 88.9, "2009-08-15T04:00"),
    ("measurement/4175", "nt_probnp", 737.8, "2009-08-15T04:00"),
    ("measurement/248", "platelets", 200.0, "2014-05-23T04:00"),
    ("measurement/4177", "spo2", 86.0, "2009-08-15T04:00"),
    ("measurement/1348", "bilirubin", 0.1, "2014-04-14T04:00"),
    ("measurement/4219", "sodium", 141.9, "2009-08-15T04:00"),
    ("measurement/1296", "creatinine", 3.5, "2015-04-14T04:00"),
    ("measurement/14", "weight", 66.3, "2018-06-15T04:00"),
    ("measurement/34", "height", 164.4, "2014-05-23T04:00"),
)


@pytest.mark.parametrize(("source", "concept", "value", "moment"), BY_HAND)
def test_values_read_by_hand(source: str, concept: str, value: float, moment: str) -> None:
    row = intake().observations.filter(pl.col("source") == source).to_dicts()[0]
    assert (row["concept"], row["value"]) == (concept, value)
    assert datetime.fromtimestamp(row["time"] / 1e6, UTC).strftime("%Y-%m-%dT%H:%M") == moment


def test_triglycerides_are_converted() -> None:
    """121.2 mg/dL; a mole of fat weighs 885.7 g, as the units' table has it."""
    row = intake().observations.filter(pl.col("source") == "measurement/1256").to_dicts()[0]
    assert (row["concept"], row["unit"]) == ("triglycerides", "mmol/L")
    assert row["value"] == pytest.approx(1.368, abs=0.002)


def test_claims_for_tablets_and_masks_at_midnight_are_not_certain() -> None:
    tablet = intake().observations.filter(pl.col("source") == "drug_exposure/13").to_dicts()[0]
    assert (tablet["concept"], tablet["value"], tablet["comparator"]) == ("ibuprofen", 0.0, ">=")
    mask = intake().observations.filter(pl.col("source") == "procedure_occurrence/526").to_dicts()[0]
    assert (mask["concept"], mask["text"], mask["comparator"]) == ("oxygen_device", "other", ">=")


def test_what_the_set_cannot_support_is_said() -> None:
    told = intake().ledger.filter(pl.col("file") == "measurement", pl.col("rows") == 0)["reason"].to_list()
    assert any(line.startswith("100% of the vital signs stand at exactly midnight") for line in told)
    shares = {row["input"]: row for row in availability(intake()).to_dicts()}
    assert shares["ICE or CAPD"]["with_input"] == 0
    assert not shares["vasopressor"]["recorded"]
    assert 0 < shares["temperature"]["share"] < 0.2
    person = intake().patients.filter(pl.col("patient") == "1").to_dicts()[0]
    assert (str(person["birth_date"]), person["sex"]) == ("1998-04-09", "male")
