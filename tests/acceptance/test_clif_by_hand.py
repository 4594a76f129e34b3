"""Findings in real intensive care data, against what follows by hand from the raw rows.

Ten hospitalizations with bedside rows and one without any. Each expectation was worked out from the rows of the
published tables and ``docs/explanation/semantics.md``, before the answer of the program was seen; the reasons stand in
``docs/explanation/clif-by-hand.md``. An expectation is one row of the timeline: where it begins, where it ends (left
open where that would need a page of readings), its criteria, and its evidence as numbered rows of the published tables.

All of it runs where the whole data set lies beside the repository. The cut that ships with the package holds eight of
the stays with other row numbers; there the evidence is looked up by what the raw row says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch
from cytowatch.adapters.clif import read_clif
from cytowatch.knowledge import load
from cytowatch.pipeline import Outcome, grade_intake, outward

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "icu_clif_demo"
CUT = Path(cytowatch.__file__).parent / "demo_data" / "clif"
FOLDERS = {"whole": WHOLE, "cut": CUT}
NOT_IN_CUT = {"22205327", "28662225", "22130791"}
WITHOUT_ROWS = "26549334"


@dataclass(frozen=True)
class Raw:
    """One raw row: its table, its number (from 1) in the published table, its time, and what its columns say."""

    table: str
    number: int
    at: str
    says: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Finding:
    """One row of the timeline of a stay; times are month, day, hour and minute of the stay's (shifted) year."""

    begin: str
    end: str | None
    criteria: tuple[str, ...]
    evidence: tuple[Raw, ...]
    flags: tuple[str, ...] = ()


def sbp(number: int, at: str, value: float) -> Raw:
    return Raw("vitals", number, at, (("vital_category", "sbp"), ("vital_value", value)))


def mean(number: int, at: str, value: float) -> Raw:
    return Raw("vitals", number, at, (("vital_category", "map"), ("vital_value", value)))


def temp(number: int, at: str, value: float) -> Raw:
    return Raw("vitals", number, at, (("vital_category", "temp_c"), ("vital_value", value)))


def rate(number: int, at: str, drug: str, dose: float) -> Raw:
    return Raw("medication_admin_continuous", number, at, (("med_category", drug), ("med_dose", dose)))


def device(number: int, at: str, name: str | None, flow: float | None = None, fio2: float | None = None) -> Raw:
    return Raw("respiratory_support", number, at, (("device_name", name), ("lpm_set", flow), ("fio2_set", fio2)))


NC, TUBE, TRACH = "Nasal cannula", "Endotracheal tube", "Tracheostomy tube"
LOW = ("supplemental_oxygen",)
HIGH = (*LOW, "high_flow_oxygen")
VENT = (*HIGH, "positive_pressure")
FEVER, SHOCK, PRESSOR, VASO, TWO = "fever", "hypotension", "vasopressor", "vasopressin", "multiple_vasopressors"
UNSTATED = "oxygen_reason_not_stated"

BY_HAND: dict[str, tuple[Finding, ...]] = {
    "25809882": (
        Finding(
            "08-22 08:00",
            "08-22 09:00",
            (SHOCK, *VENT),
            (mean(16785, "08-22 08:00", 64), device(801, "08-22 06:00", TUBE, fio2=0.3)),
        ),
        Finding(
            "08-22 09:00",
            "08-22 11:00",
            (FEVER, *VENT),
            (temp(47357, "08-22 09:00", 39.4), device(802, "08-22 09:00", TUBE, fio2=0.3)),
        ),
        Finding(
            "08-22 12:30",
            "08-22 12:50",
            (SHOCK, *VENT),
            (sbp(14086, "08-22 12:24", 83), mean(14088, "08-22 12:24", 55), device(802, "08-22 09:00", TUBE, fio2=0.3)),
        ),
        Finding(
            "08-22 12:50",
            "08-22 12:55",
            (SHOCK, PRESSOR, *VENT),
            (
                sbp(14089, "08-22 12:40", 72),
                mean(14091, "08-22 12:40", 43),
                rate(5379, "08-22 12:50", "norepinephrine", 0.0300),
                device(802, "08-22 09:00", TUBE, fio2=0.3),
            ),
        ),
        Finding(
            "08-23 14:00",
            "08-23 15:00",
            (SHOCK, *VENT),
            (sbp(14306, "08-23 14:00", 77), device(814, "08-23 13:00", TUBE, fio2=0.3)),
        ),
        Finding(
            "08-23 16:34",
            "08-23 17:00",
            (FEVER, SHOCK, *VENT),
            (
                temp(47372, "08-23 15:00", 39.1),
                sbp(14317, "08-23 16:34", 25),
                device(814, "08-23 13:00", TUBE, fio2=0.3),
            ),
        ),
        Finding("08-23 17:00", "08-23 21:00", VENT, (device(815, "08-23 17:00", TUBE, fio2=0.3),)),
        Finding("08-23 21:00", "08-23 23:35", HIGH, (device(817, "08-23 21:00", "Face tent", fio2=0.4),)),
        Finding("08-23 23:35", "08-24 05:00", LOW, (device(818, "08-23 23:35", NC, 4),)),
    ),
    "24982426": (
        Finding("05-23 01:36", "05-23 03:01", HIGH, (device(695, "05-23 01:36", "Non-rebreather", 15),)),
        Finding(
            "05-23 03:01",
            "05-23 04:00",
            (SHOCK, *HIGH),
            (mean(5133, "05-23 03:01", 64), device(695, "05-23 01:36", "Non-rebreather", 15)),
        ),
        Finding(
            "05-23 04:00",
            "05-23 06:10",
            (SHOCK, *LOW),
            (mean(5133, "05-23 03:01", 64), device(696, "05-23 04:00", NC, 5)),
        ),
        Finding(
            "05-23 06:10",
            "05-23 06:30",
            (SHOCK, PRESSOR, *LOW),
            (
                sbp(5149, "05-23 06:01", 85),
                mean(5151, "05-23 06:01", 60),
                rate(5148, "05-23 06:10", "dopamine", 4.0002),
                device(697, "05-23 05:00", NC, 5),
            ),
        ),
        Finding(
            "05-23 06:30",
            "05-23 07:00",
            (PRESSOR, *LOW),
            (rate(5148, "05-23 06:10", "dopamine", 4.0002), device(697, "05-23 05:00", NC, 5)),
        ),
        Finding("05-23 10:45", "05-23 13:00", HIGH, (device(698, "05-23 07:00", "Non-rebreather", 15),)),
        Finding(
            "05-24 00:24",
            "05-24 01:00",
            (SHOCK, PRESSOR, *LOW),
            (
                sbp(5028, "05-24 00:21", 71),
                mean(5030, "05-24 00:21", 62),
                rate(5137, "05-24 00:24", "phenylephrine", 0.6000),
                device(700, "05-23 22:00", NC, 3),
            ),
        ),
        Finding(
            "05-24 01:01",
            "05-24 01:31",
            (PRESSOR, *VENT),
            (rate(5138, "05-24 00:59", "phenylephrine", 0.3000), device(701, "05-24 01:00", "Bipap mask ")),
        ),
        Finding("05-24 07:00", "05-24 10:00", (), ()),
        Finding("05-25 14:00", "05-25 15:00", (), ()),
    ),
    "27882036": (
        Finding("11-26 07:39", "11-26 09:24", LOW, (device(1076, "11-26 07:39", NC, 3),)),
        Finding(
            "11-26 10:00",
            "11-26 12:02",
            (SHOCK, *HIGH),
            (mean(5713, "11-26 09:24", 63), device(1078, "11-26 10:00", "Venti mask ", 12)),
        ),
        Finding("11-26 15:00", "11-26 16:00", LOW, (device(1081, "11-26 15:00", NC, 4),)),
        Finding("11-26 16:00", "11-26 19:01", VENT, (device(1082, "11-26 16:00", "CPAP mask ", 3),)),
        Finding("11-26 21:00", "11-26 23:01", LOW, (device(1084, "11-26 21:00", NC, 6),)),
        Finding(
            "11-28 11:00",
            "11-28 11:02",
            (SHOCK, *HIGH),
            (mean(6760, "11-28 10:01", 62), device(1104, "11-28 11:00", "High flow nasal cannula", 6)),
        ),
        Finding("11-28 11:02", "11-28 12:01", HIGH, (device(1104, "11-28 11:00", "High flow nasal cannula", 6),)),
    ),
    "28506150": (
        Finding("07-13 13:00", "07-13 13:02", LOW, (device(1365, "07-13 13:00", None, fio2=0.3),)),
        Finding("07-13 13:02", "07-15 01:00", VENT, (device(1366, "07-13 13:02", TRACH),)),
        Finding(
            "07-15 01:00",
            "07-15 05:00",
            (FEVER, *VENT),
            (temp(47946, "07-15 01:00", 38.2), device(1378, "07-15 00:00", TRACH, fio2=0.3)),
        ),
        Finding("07-15 05:00", "07-17 16:30", VENT, (device(1379, "07-15 04:00", TRACH, fio2=0.3),)),
        Finding("07-17 16:30", "07-18 08:23", (), ()),
    ),
    "28661809": (
        Finding("01-04 03:58", "01-04 07:10", LOW, (device(1398, "01-04 03:58", NC, 6),)),
        Finding(
            "01-04 07:10",
            "01-04 20:02",
            HIGH,
            (device(1402, "01-04 07:10", "High flow nasal cannula", 10, 0.7),),
        ),
        Finding(
            "01-13 13:00",
            "01-13 16:00",
            (FEVER, SHOCK, *VENT),
            (temp(48027, "01-13 13:00", 39.3), mean(23851, "01-13 12:01", 61), device(1501, "01-13 08:45", TUBE)),
        ),
        Finding(
            "01-13 16:00",
            "01-13 18:00",
            (SHOCK, PRESSOR, *VENT),
            (
                sbp(23871, "01-13 16:00", 65),
                mean(23873, "01-13 16:00", 52),
                rate(2934, "01-13 16:00", "norepinephrine", 0.1001),
                device(1506, "01-13 16:00", TUBE, fio2=0.5),
            ),
        ),
        Finding(
            "01-14 15:05",
            "01-14 15:07",
            (FEVER, *VENT),
            (temp(48039, "01-14 13:00", 38.7), device(1512, "01-14 12:00", TUBE, fio2=0.5)),
        ),
        Finding(
            "01-14 15:08",
            "01-14 15:14",
            (FEVER, SHOCK, PRESSOR, *VENT),
            (
                temp(48039, "01-14 13:00", 38.7),
                sbp(24249, "01-14 15:08", 85),
                mean(24251, "01-14 15:08", 59),
                rate(2785, "01-14 15:08", "phenylephrine", 1.0010),
                device(1512, "01-14 12:00", TUBE, fio2=0.5),
            ),
        ),
        Finding(
            "01-19 19:00",
            "01-19 23:36",
            (SHOCK, *VENT),
            (
                sbp(17689, "01-19 19:00", 58),
                mean(17691, "01-19 19:00", 38),
                device(1557, "01-19 18:00", TUBE, fio2=0.4),
            ),
        ),
        # dead at 23:36 of no stated cause: the rows go on, as what was charted does, but nothing is found in them
        Finding("01-19 23:36", "01-20 18:00", (), (), (UNSTATED,)),
        Finding("01-20 18:00", "01-21 18:02", (), ()),
    ),
    "28258130": (
        Finding(
            "01-24 00:29",
            "01-24 01:02",
            (SHOCK, PRESSOR),
            (
                sbp(41753, "01-24 00:00", 81),
                mean(41755, "01-24 00:00", 51),
                rate(4578, "01-24 00:29", "norepinephrine", 0.1000),
            ),
        ),
        Finding("01-24 01:02", "01-24 01:06", (PRESSOR,), (rate(4584, "01-24 00:57", "norepinephrine", 0.2999),)),
        Finding(
            "01-24 01:12",
            "01-24 05:01",
            (SHOCK, PRESSOR, VASO),
            (
                sbp(41793, "01-24 01:12", 84),
                mean(41795, "01-24 01:12", 58),
                rate(4584, "01-24 00:57", "norepinephrine", 0.2999),
                rate(4550, "01-24 01:12", "vasopressin", 2.4000),
            ),
        ),
        Finding(
            "01-25 17:00",
            "01-25 17:01",
            (SHOCK, PRESSOR, VASO, *LOW),
            (
                sbp(43599, "01-25 17:00", 85),
                rate(4295, "01-25 16:59", "norepinephrine", 0.2195),
                rate(4773, "01-25 10:25", "vasopressin", 2.4000),
                device(1240, "01-25 17:00", NC),
                device(1239, "01-25 13:00", NC, 2),
            ),
        ),
        Finding(
            "01-27 03:00",
            None,
            (SHOCK, PRESSOR, VASO, *HIGH),
            (
                sbp(42228, "01-27 03:00", 88),
                rate(4836, "01-26 21:51", "norepinephrine", 0.1027),
                rate(4666, "01-26 15:03", "vasopressin", 2.4000),
                device(1254, "01-27 01:00", "High flow neb", 15, 1.0),
            ),
        ),
        Finding(
            "01-29 17:28",
            "01-29 17:35",
            (SHOCK, PRESSOR, *LOW),
            (
                sbp(45609, "01-29 17:16", 85),
                rate(4645, "01-29 16:21", "norepinephrine", 0.3908),
                device(1267, "01-29 13:00", NC, 4),
            ),
        ),
        Finding(
            "01-29 17:35",
            "01-29 18:00",
            (SHOCK, PRESSOR, *LOW),
            (
                sbp(45613, "01-29 17:30", 85),
                rate(4645, "01-29 16:21", "norepinephrine", 0.3908),
                device(1267, "01-29 13:00", NC, 4),
            ),
            ("inotrope",),
        ),
        Finding(
            "02-02 21:00",
            "02-03 00:00",
            (PRESSOR, *VENT),
            (rate(3964, "02-02 18:11", "norepinephrine", 0.2892), device(1288, "02-02 21:00", TUBE, fio2=0.4)),
        ),
        Finding(
            "02-03 00:00",
            None,
            (SHOCK, PRESSOR, *VENT),
            (
                mean(45528, "02-03 00:00", 63),
                rate(4365, "02-02 23:45", "norepinephrine", 0.4145),
                device(1288, "02-02 21:00", TUBE, fio2=0.4),
            ),
        ),
    ),
    "24745425": (
        Finding(
            "07-29 17:40",
            "07-29 17:45",
            (PRESSOR, TWO, *VENT),
            (
                rate(5515, "07-29 16:50", "epinephrine", 0.0200),
                rate(5569, "07-29 17:40", "phenylephrine", 0.1000),
                device(686, "07-29 17:00", TUBE, fio2=0.5),
            ),
        ),
        Finding(
            "07-29 17:45",
            "07-29 18:00",
            (SHOCK, PRESSOR, TWO, *VENT),
            (
                mean(36388, "07-29 17:45", 63),
                rate(5515, "07-29 16:50", "epinephrine", 0.0200),
                rate(5569, "07-29 17:40", "phenylephrine", 0.1000),
                device(686, "07-29 17:00", TUBE, fio2=0.5),
            ),
        ),
        Finding(
            "07-29 21:20",
            "07-29 22:00",
            (SHOCK, PRESSOR, *VENT),
            (
                mean(36424, "07-29 21:00", 63),
                rate(5515, "07-29 16:50", "epinephrine", 0.0200),
                device(689, "07-29 21:00", TUBE, fio2=0.5),
            ),
        ),
        Finding(
            "07-29 23:00",
            "07-30 00:00",
            (SHOCK, PRESSOR, *HIGH),
            (
                sbp(36434, "07-29 23:00", 87),
                mean(36436, "07-29 23:00", 60),
                rate(5516, "07-29 21:49", "epinephrine", 0.0100),
                device(691, "07-29 23:00", "Face tent", 10, 0.5),
            ),
        ),
        Finding(
            "07-30 01:45",
            "07-30 01:59",
            (SHOCK, *HIGH),
            (mean(36448, "07-30 01:00", 63), device(691, "07-29 23:00", "Face tent", 10, 0.5)),
        ),
        Finding(
            "07-30 01:59",
            "07-30 02:00",
            (SHOCK, PRESSOR, *HIGH),
            (
                sbp(36452, "07-30 01:57", 78),
                mean(36454, "07-30 01:57", 57),
                rate(5522, "07-30 01:59", "phenylephrine", 0.2000),
                device(691, "07-29 23:00", "Face tent", 10, 0.5),
            ),
        ),
    ),
    "22205327": (
        Finding("02-20 09:34", "02-20 10:00", (PRESSOR,), (rate(2053, "02-20 09:34", "phenylephrine", 5.0249),)),
        Finding(
            "02-20 10:26",
            "02-20 11:00",
            (SHOCK, PRESSOR, TWO, *VENT),
            (
                sbp(18601, "02-20 10:00", 84),
                rate(2028, "02-20 10:26", "epinephrine", 0.0500),
                rate(2053, "02-20 09:34", "phenylephrine", 5.0249),
                device(324, "02-20 10:00", TUBE, fio2=0.7),
            ),
        ),
        Finding(
            "02-20 11:00",
            "02-20 17:05",
            (PRESSOR, TWO, *VENT),
            (
                rate(2028, "02-20 10:26", "epinephrine", 0.0500),
                rate(2053, "02-20 09:34", "phenylephrine", 5.0249),
                device(324, "02-20 10:00", TUBE, fio2=0.7),
            ),
        ),
        Finding(
            "02-20 17:05",
            None,
            (PRESSOR, *VENT),
            (rate(2115, "02-20 15:57", "epinephrine", 0.0497), device(327, "02-20 16:00", TUBE, fio2=0.5)),
        ),
        Finding(
            "02-22 05:00",
            "02-22 05:15",
            (FEVER, SHOCK, PRESSOR, *VENT),
            (
                temp(46753, "02-22 05:00", 38.4),
                mean(17179, "02-22 05:00", 64),
                rate(2092, "02-22 04:00", "epinephrine", 0.0102),
                device(341, "02-22 05:00", TUBE, fio2=0.4),
            ),
        ),
        Finding(
            "02-22 06:05",
            "02-22 06:15",
            (FEVER, *VENT),
            (temp(46753, "02-22 05:00", 38.4), device(341, "02-22 05:00", TUBE, fio2=0.4)),
        ),
        Finding(
            "02-22 06:15",
            "02-22 07:00",
            (FEVER, PRESSOR, *VENT),
            (
                temp(46753, "02-22 05:00", 38.4),
                rate(2430, "02-22 06:15", "norepinephrine", 0.0300),
                device(341, "02-22 05:00", TUBE, fio2=0.4),
            ),
        ),
        Finding("02-28 19:00", None, LOW, (device(402, "02-28 19:00", NC, 5),)),
    ),
    "28662225": (
        Finding(
            "04-12 22:25",
            "04-12 22:27",
            (FEVER, *LOW),
            (temp(48069, "04-12 22:25", 39.4), device(1558, "04-12 21:30", NC, 3)),
        ),
        Finding(
            "04-12 22:27",
            "04-12 23:00",
            (FEVER, SHOCK, *LOW),
            (
                temp(48069, "04-12 22:25", 39.4),
                sbp(2808, "04-12 22:27", 87),
                mean(2810, "04-12 22:27", 53),
                device(1558, "04-12 21:30", NC, 3),
            ),
        ),
        Finding(
            "04-12 23:00",
            "04-12 23:30",
            (FEVER, *LOW),
            (temp(48070, "04-12 22:45", 39.4), device(1560, "04-12 23:00", NC, 4)),
        ),
        Finding(
            "04-20 00:30",
            "04-20 00:51",
            (SHOCK, *HIGH),
            (mean(3912, "04-20 00:30", 63), device(1588, "04-20 00:30", "Non-rebreather", 15, 1.0)),
        ),
        Finding(
            "04-20 13:00",
            "04-20 14:55",
            (FEVER, PRESSOR, *VENT),
            (
                temp(48107, "04-20 13:00", 38.0),
                rate(3502, "04-20 11:13", "phenylephrine", 1.9949),
                device(1594, "04-20 13:00", TUBE, fio2=0.4),
            ),
        ),
        Finding("04-23 12:00", "04-24 00:00", LOW, (device(1621, "04-23 12:00", NC),)),
    ),
    "22130791": (
        Finding(
            "03-25 20:06",
            "03-25 21:01",
            (SHOCK, PRESSOR, VASO, *VENT),
            (
                mean(29166, "03-25 20:01", 48),
                rate(1702, "03-25 20:06", "norepinephrine", 0.5008),
                rate(1754, "03-25 20:06", "vasopressin", 2.4000),
                device(286, "03-25 20:00", TUBE, fio2=0.4),
            ),
        ),
        Finding(
            "03-27 18:37",
            "03-27 19:18",
            (VASO, *VENT),
            (rate(1582, "03-27 03:44", "vasopressin", 2.4048), device(304, "03-27 17:00", TUBE, fio2=0.4)),
            ("vasopressin_alone",),
        ),
        Finding(
            "03-27 20:59",
            None,
            (VASO, *VENT),
            (rate(1726, "03-27 20:20", "vasopressin", 2.4036), device(304, "03-27 17:00", TUBE, fio2=0.4)),
            ("vasopressin_alone",),
        ),
        Finding(
            "03-29 01:00",
            "03-29 01:15",
            (FEVER, VASO, *VENT),
            (
                temp(46724, "03-29 01:00", 38.0),
                rate(1600, "03-28 19:51", "vasopressin", 1.2024),
                device(314, "03-29 00:00", TUBE, fio2=0.4),
            ),
            ("vasopressin_alone",),
        ),
        Finding(
            "03-29 01:15",
            "03-29 01:25",
            (FEVER, SHOCK, VASO, *VENT),
            (
                temp(46724, "03-29 01:00", 38.0),
                sbp(28892, "03-29 01:15", 88),
                mean(28894, "03-29 01:15", 59),
                rate(1600, "03-28 19:51", "vasopressin", 1.2024),
                device(314, "03-29 00:00", TUBE, fio2=0.4),
            ),
            ("vasopressin_alone",),
        ),
    ),
}
IMPOSSIBLE = [
    ("25809882", mean(14320, "08-23 17:00", -19)),
    ("28258130", rate(3967, "02-02 23:35", "norepinephrine", 7.2590)),
]
YEARS = {
    "25809882": 2166,
    "24982426": 2141,
    "27882036": 2176,
    "28506150": 2178,
    "28661809": 2135,
    "28258130": 2140,
    "24745425": 2187,
    "22205327": 2123,
    "28662225": 2156,
    "22130791": 2177,
}
TIMES = {
    "vitals": "recorded_dttm",
    "medication_admin_continuous": "admin_dttm",
    "respiratory_support": "recorded_dttm",
}
CASES = [
    pytest.param(folder, stay, finding, id=f"{folder}-{stay}-{finding.begin.replace(' ', 'T')}")
    for folder in FOLDERS
    for stay, findings in BY_HAND.items()
    for finding in findings
    if folder == "whole" or stay not in NOT_IN_CUT
]


def need(folder: str) -> Path:
    """The folder of tables; the test is skipped where the whole data set is not beside the repository."""
    if not FOLDERS[folder].is_dir():
        pytest.skip("the whole data set does not lie beside the repository; the cut is tested instead")
    return FOLDERS[folder]


@cache
def graded(folder: str) -> Outcome:
    """CRS of every hospitalization of a folder, without a trigger."""
    knowledge = load()
    return grade_intake(read_clif(need(folder), knowledge), knowledge, ["crs.astct-2019"])


@cache
def timeline(folder: str) -> pl.DataFrame:
    outcome = graded(folder)
    return outward(outcome.timeline, outcome.clock)


@cache
def table(folder: str, name: str) -> pl.DataFrame:
    """A raw table with its row numbers."""
    return pl.read_parquet(FOLDERS[folder] / f"clif_{name}.parquet").with_row_index("number", offset=1)


def moment(stay: str, at: str) -> datetime:
    return datetime.strptime(f"{YEARS[stay]}-{at}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def alike(cell: object, expected: object) -> bool:
    """A number is held against what was written down with four decimals."""
    if isinstance(expected, int | float) and isinstance(cell, int | float):
        return abs(cell - expected) < 1e-4
    return cell == expected


def source(folder: str, stay: str, raw: Raw) -> str:
    """Where a raw row stands: by its number in the whole data set, by what it says in the cut."""
    name = f"clif_{raw.table}.parquet"
    if folder == "whole":
        return f"{name}:{raw.number}"
    rows = table(folder, raw.table).filter(
        pl.col("hospitalization_id") == stay, pl.col(TIMES[raw.table]) == moment(stay, raw.at)
    )
    found = [row["number"] for row in rows.iter_rows(named=True) if all(alike(row[key], is_) for key, is_ in raw.says)]
    assert len(found) == 1, f"{raw} is found {len(found)} times"
    return f"{name}:{found[0]}"


def at(stay: str, finding: Finding, folder: str) -> dict[str, Any]:
    """The row of the timeline in which the finding begins."""
    begin = moment(stay, finding.begin)
    rows = timeline(folder).filter(pl.col("patient") == stay, pl.col("start") <= begin, begin < pl.col("end"))
    assert rows.height == 1
    return rows.row(0, named=True)


@pytest.mark.parametrize(("folder", "stay", "finding"), CASES)
def test_a_finding_is_what_the_raw_rows_say(folder: str, stay: str, finding: Finding) -> None:
    need(folder)
    row = at(stay, finding, folder)
    assert row["start"] == moment(stay, finding.begin)
    if finding.end is not None:
        assert row["end"] == moment(stay, finding.end)
    # CLIF has no column for why oxygen is given, so oxygen that counts for certain always carries this flag
    unstated = {UNSTATED} if "supplemental_oxygen" in finding.criteria else set()
    assert row["criteria"] == list(finding.criteria)
    assert row["evidence"] == [source(folder, stay, raw) for raw in finding.evidence]
    assert row["flags"] == sorted({"no_trigger", *unstated, *finding.flags})
    assert (row["grade"], row["at_least"], row["at_most"], row["episode"]) == (None, None, None, None)
    assert row["missing"] == ["no_trigger"]


@pytest.mark.parametrize("stay", BY_HAND)
def test_the_numbered_rows_say_what_was_written_down(stay: str) -> None:
    need("whole")
    for raw in {raw for finding in BY_HAND[stay] for raw in finding.evidence}:
        row = table("whole", raw.table).row(raw.number - 1, named=True)
        assert row["number"] == raw.number
        assert (row["hospitalization_id"], row[TIMES[raw.table]]) == (stay, moment(stay, raw.at)), raw
        assert all(alike(row[key], expected) for key, expected in raw.says), raw


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("stay", "raw"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_and_named(folder: str, stay: str, raw: Raw) -> None:
    need(folder)
    refused = graded(folder).rejects.filter(pl.col("source") == source(folder, stay, raw))
    assert refused["rule"].to_list() == ["out_of_range"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_stay_without_bedside_rows_has_no_course(folder: str) -> None:
    need(folder)
    assert WITHOUT_ROWS in graded(folder).patients["patient"].to_list()
    assert timeline(folder).filter(pl.col("patient") == WITHOUT_ROWS).is_empty()


@pytest.mark.parametrize("folder", FOLDERS)
def test_without_a_trigger_nothing_is_graded(folder: str) -> None:
    need(folder)
    rows = timeline(folder)
    assert rows.height > 0
    assert rows.select(pl.col("grade", "at_least", "at_most", "episode").null_count()).row(0) == (rows.height,) * 4
    assert rows["flags"].list.contains("no_trigger").all()
    assert graded(folder).episodes.is_empty()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_row_of_every_table_is_accounted_for(folder: str) -> None:
    place = need(folder)
    read = {path.name: pl.scan_parquet(path).select(pl.len()).collect().item() for path in place.glob("*.parquet")}
    told = {entry["file"]: entry for entry in graded(folder).run["inputs"]}
    assert {name: entry["read"] for name, entry in told.items()} == read
    for entry in told.values():
        assert entry["used"] + entry["superseded"] + entry["ignored"] + entry["rejected"] == entry["read"]
