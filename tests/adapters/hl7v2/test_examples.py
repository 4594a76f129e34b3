"""The nine published example messages: the fate of every segment, and values checked by hand against the files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import KNOWLEDGE

from cytowatch.adapters.hl7v2 import read_hl7v2
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code

DATA = Path(__file__).parents[4] / "shared" / "data" / "hl7v2"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")
CBC = "LRI_2.0-NG_CBC_Typ_Message.hl7"
# what a site would map: one laboratory writes the name of the method where the system belongs
SITE = [
    Code("POST 12H CFST:MCNC:PT:SER/PLAS:QN", "1554-5", "glucose"),
    Code("loinc", "20509-6", "hemoglobin"),
    Code("loinc", "11125-2", "platelets"),
]


@pytest.fixture(scope="module")
def plain() -> Intake:
    return read_hl7v2(DATA, KNOWLEDGE)


@pytest.fixture(scope="module")
def mapped() -> Intake:
    return read_hl7v2(DATA, KNOWLEDGE, codes=SITE)


def test_every_segment_is_in_the_ledger_once(plain: Intake) -> None:
    lines = {path.name: sum(bool(line.strip()) for line in path.read_bytes().splitlines()) for path in DATA.iterdir()}
    counted = dict(plain.ledger.group_by("file").agg(pl.col("rows").sum()).rows())
    assert counted == lines
    assert sum(lines.values()) == 208


def test_the_fate_of_every_segment(plain: Intake) -> None:
    fates = plain.ledger.group_by("file", "fate").agg(pl.col("rows").sum()).filter(pl.col("rows") > 0)
    table = {name: {f: n for o, f, n in fates.iter_rows() if o == name} for name in fates["file"].unique()}
    assert table == {
        "ADT-A01-01.hl7": {"ignored": 22, "rejected": 1, "used": 1},
        "LAB-ORU-1.hl7": {"ignored": 15, "used": 1},
        "LAB-ORU-2.hl7": {"ignored": 15, "superseded": 1},
        CBC: {"ignored": 27, "rejected": 1, "used": 5},
        "ORU-R01-01.hl7": {"ignored": 27, "rejected": 1, "used": 1},
        "ORU-R01-RMGEAD.hl7": {"ignored": 3, "used": 1},
        "OUL-R22-01.hl7": {"ignored": 25, "rejected": 2, "used": 1},
        "RDE-O11-01.hl7": {"ignored": 27, "rejected": 1, "superseded": 1},
        "RDE-O25-01.hl7": {"ignored": 27, "rejected": 1, "superseded": 1},
    }


def test_what_is_rejected_and_why(plain: Intake) -> None:
    assert sorted(plain.rejects.select("source", "rule", "value").rows()) == [
        ("ADT-A01-01.hl7:14", "partial_time", "19990702"),
        (f"{CBC}:6", "unknown_unit", "g/mL"),
        ("ORU-R01-01.hl7:5", "partial_time", "19990702"),
        ("OUL-R22-01.hl7:10", "partial_time", "19990802"),
        ("OUL-R22-01.hl7:5", "partial_time", "19990702"),
        ("RDE-O11-01.hl7:25", "partial_time", "19990802"),
        ("RDE-O25-01.hl7:25", "partial_time", "19990802"),
    ]


@pytest.mark.parametrize(
    ("line", "concept", "value", "unit", "low", "high"),
    [
        # 105600 {cells}/uL, 4300 to 10800
        (8, "white_cells", 105.6, "10*9/L", 4.3, 10.8),
        # 210000 {cells}/uL, 150000 to 350000
        (9, "platelets", 210.0, "10*9/L", 150.0, 350.0),
        # 41.2 10*3/uL, 1.0 to 4.8
        (20, "lymphocytes", 41.2, "10*9/L", 1.0, 4.8),
        # 58 10*3/uL, 1.5 to 7.0
        (22, "neutrophils", 58.0, "10*9/L", 1.5, 7.0),
    ],
)
def test_a_blood_count_by_hand(
    plain: Intake, line: int, concept: str, value: float, unit: str, low: float, high: float
) -> None:
    row = plain.observations.row(by_predicate=pl.col("source") == f"{CBC}:{line}", named=True)
    assert (row["concept"], row["value"], row["unit"]) == (concept, value, unit)
    assert (row["range_low"], row["range_high"]) == (low, high)
    # 20110103143428-0800, reported 20110104170028-0800
    taken, known = datetime(2011, 1, 3, 22, 34, 28, tzinfo=UTC), datetime(2011, 1, 5, 1, 0, 28, tzinfo=UTC)
    assert (row["time"], row["available"]) == (int(taken.timestamp() * 1e6), int(known.timestamp() * 1e6))


def test_a_glucose_by_hand(mapped: Intake) -> None:
    row = mapped.observations.row(by_predicate=pl.col("concept") == "glucose", named=True)
    # SN ^182 mg/dl, limits 70_105 (not readable), specimen 20020215073000+0600
    assert (row["value"], row["unit"], row["range_low"]) == (182.0, "mg/dL", None)
    assert row["time"] == int(datetime(2002, 2, 15, 1, 30, tzinfo=UTC).timestamp() * 1e6)
    assert row["source"] == "ORU-R01-RMGEAD.hl7:4"


def test_units_that_are_none_are_rejected_not_guessed(mapped: Intake) -> None:
    odd = mapped.rejects.filter(pl.col("source").str.starts_with("LAB-ORU"))
    assert set(odd.select("source", "rule", "value").rows()) == {
        ("LAB-ORU-1.hl7:8", "unknown_unit", "giga.l-1"),
        ("LAB-ORU-2.hl7:11", "unknown_unit", "g/l-1"),
        ("LAB-ORU-2.hl7:15", "unknown_unit", "giga.l-1"),
    }
    # and a result that is pending (OBX-11 I) is neither a value nor a fault
    waiting = mapped.ledger.filter(pl.col("reason").str.contains("OBX-11 I"))
    assert waiting.select("file", "rows").rows() == [("LAB-ORU-1.hl7", 1), ("ORU-R01-01.hl7", 1)]


def test_persons_by_hand(plain: Intake) -> None:
    born = plain.patients.select(pl.col("birth_date").cast(pl.String), "sex").sort("birth_date").rows()
    assert born == [
        ("1924-10-10", "male"),
        ("1961-06-15", "male"),
        ("1962-03-20", "female"),
        ("1963-08-15", "male"),
        ("1988-08-18", "male"),
        ("2019-04-11", "male"),
    ]


def test_a_death_by_hand(plain: Intake) -> None:
    row = plain.observations.row(by_predicate=pl.col("concept") == "death", named=True)
    assert (row["text"], row["source"]) == ("unknown", "ADT-A01-01.hl7:4")


def test_orders_are_no_doses(plain: Intake) -> None:
    orders = plain.ledger.filter(pl.col("reason") == "an order is not a dose")
    assert dict(orders.select("file", "rows").rows()) == {"RDE-O11-01.hl7": 3, "RDE-O25-01.hl7": 3}
    assert {"norepinephrine", "tocilizumab", "oxygen_device"} <= plain.not_recorded


def test_each_file_alone_says_the_same_values() -> None:
    parts = [read_hl7v2(path, KNOWLEDGE, codes=SITE).observations for path in sorted(DATA.iterdir())]
    whole = read_hl7v2(DATA, KNOWLEDGE, codes=SITE).observations
    columns = ["time", "concept", "value", "unit", "source"]
    # a death is said in three messages of one patient, and counts once
    once = [frame.filter(pl.col("concept") != "death") for frame in (pl.concat(parts), whole)]
    # alone a file does not know of the correction: the mark that takes an earlier result back stands in the whole
    stands = [frame.filter(pl.col("status") != "entered-in-error").select(columns).sort(columns) for frame in once]
    assert stands[0].equals(stands[1])
    assert stands[0].height == 5
