"""Findings in real intensive care data, against what follows by hand from the raw rows.

Ten hospitalizations with bedside rows and one without any. Each expectation was worked out from the rows of the
published tables and ``docs/explanation/semantics.md``, before the answer of the program was seen; the reasons stand in
``docs/explanation/clif-by-hand.md``. An expectation is one row of the timeline: where it begins and ends (``?`` where
that would need a page of readings), its criteria, and its evidence as numbered rows of the published tables.

All of it runs where the whole data set lies beside the repository. The cut that ships with the package holds eight of
the stays with other row numbers; there the evidence is looked up by what the raw row says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
PRODUCT = "axicabtagene_ciloleucel"
UNSTATED = "oxygen_reason_not_stated"

# What is short for the criteria of oxygen: a low flow, a mask or a high flow, positive pressure.
OXYGEN = {
    "LOW": ["supplemental_oxygen"],
    "HIGH": ["supplemental_oxygen", "high_flow_oxygen"],
    "VENT": ["supplemental_oxygen", "high_flow_oxygen", "positive_pressure"],
    "nothing": [],
}
# What is short for a raw table, the name of its time, and the columns that are written down.
TABLES = {
    "vitals": ("vitals", "recorded_dttm", ("vital_category", "vital_value")),
    "rates": ("medication_admin_continuous", "admin_dttm", ("med_category", "med_dose")),
    "devices": ("respiratory_support", "recorded_dttm", ("device_name", "lpm_set", "fio2_set")),
}
YEARS = {
    "25809882": "2166",
    "24982426": "2141",
    "27882036": "2176",
    "28506150": "2178",
    "28661809": "2135",
    "28258130": "2140",
    "24745425": "2187",
    "22205327": "2123",
    "28662225": "2156",
    "22130791": "2177",
}

# A finding: begin, end, criteria, + flags that do not follow from the oxygen. Below it the evidence: table and row
# number (from 1), time, and what the row says (devices: name, flow in L/min, FiO2).
BY_HAND = {
    "25809882": """
        08-22 08:00 to 08-22 09:00: hypotension VENT
            vitals 16785, 08-22 08:00, map 64
            devices 801, 08-22 06:00, Endotracheal tube, -, 0.3
        08-22 09:00 to 08-22 11:00: fever VENT
            vitals 47357, 08-22 09:00, temp_c 39.4
            devices 802, 08-22 09:00, Endotracheal tube, -, 0.3
        08-22 12:30 to 08-22 12:50: hypotension VENT
            vitals 14086, 08-22 12:24, sbp 83
            vitals 14088, 08-22 12:24, map 55
            devices 802, 08-22 09:00, Endotracheal tube, -, 0.3
        08-22 12:50 to 08-22 12:55: hypotension vasopressor VENT
            vitals 14089, 08-22 12:40, sbp 72
            vitals 14091, 08-22 12:40, map 43
            rates 5379, 08-22 12:50, norepinephrine 0.0300
            devices 802, 08-22 09:00, Endotracheal tube, -, 0.3
        08-23 14:00 to 08-23 15:00: hypotension VENT
            vitals 14306, 08-23 14:00, sbp 77
            devices 814, 08-23 13:00, Endotracheal tube, -, 0.3
        08-23 16:34 to 08-23 17:00: fever hypotension VENT
            vitals 47372, 08-23 15:00, temp_c 39.1
            vitals 14317, 08-23 16:34, sbp 25
            devices 814, 08-23 13:00, Endotracheal tube, -, 0.3
        08-23 17:00 to 08-23 21:00: VENT
            devices 815, 08-23 17:00, Endotracheal tube, -, 0.3
        08-23 21:00 to 08-23 23:35: HIGH
            devices 817, 08-23 21:00, Face tent, -, 0.4
        08-23 23:35 to 08-24 05:00: LOW
            devices 818, 08-23 23:35, Nasal cannula, 4, -
    """,
    "24982426": """
        05-23 01:36 to 05-23 03:01: HIGH
            devices 695, 05-23 01:36, Non-rebreather, 15, -
        05-23 03:01 to 05-23 04:00: hypotension HIGH
            vitals 5133, 05-23 03:01, map 64
            devices 695, 05-23 01:36, Non-rebreather, 15, -
        05-23 04:00 to 05-23 06:10: hypotension LOW
            vitals 5133, 05-23 03:01, map 64
            devices 696, 05-23 04:00, Nasal cannula, 5, -
        05-23 06:10 to 05-23 06:30: hypotension vasopressor LOW
            vitals 5149, 05-23 06:01, sbp 85
            vitals 5151, 05-23 06:01, map 60
            rates 5148, 05-23 06:10, dopamine 4.0002
            devices 697, 05-23 05:00, Nasal cannula, 5, -
        05-23 06:30 to 05-23 07:00: vasopressor LOW
            rates 5148, 05-23 06:10, dopamine 4.0002
            devices 697, 05-23 05:00, Nasal cannula, 5, -
        05-23 10:45 to 05-23 13:00: HIGH
            devices 698, 05-23 07:00, Non-rebreather, 15, -
        05-24 00:24 to 05-24 01:00: hypotension vasopressor LOW
            vitals 5028, 05-24 00:21, sbp 71
            vitals 5030, 05-24 00:21, map 62
            rates 5137, 05-24 00:24, phenylephrine 0.6000
            devices 700, 05-23 22:00, Nasal cannula, 3, -
        05-24 01:01 to 05-24 01:31: vasopressor VENT
            rates 5138, 05-24 00:59, phenylephrine 0.3000
            devices 701, 05-24 01:00, Bipap mask, -, -
        05-24 07:00 to 05-24 10:00: nothing
        05-25 14:00 to 05-25 15:00: nothing
    """,
    "27882036": """
        11-26 07:39 to 11-26 09:24: LOW
            devices 1076, 11-26 07:39, Nasal cannula, 3, -
        11-26 10:00 to 11-26 12:02: hypotension HIGH
            vitals 5713, 11-26 09:24, map 63
            devices 1078, 11-26 10:00, Venti mask, 12, -
        11-26 15:00 to 11-26 16:00: LOW
            devices 1081, 11-26 15:00, Nasal cannula, 4, -
        11-26 16:00 to 11-26 19:01: VENT
            devices 1082, 11-26 16:00, CPAP mask, 3, -
        11-26 21:00 to 11-26 23:01: LOW
            devices 1084, 11-26 21:00, Nasal cannula, 6, -
        11-28 11:00 to 11-28 11:02: hypotension HIGH
            vitals 6760, 11-28 10:01, map 62
            devices 1104, 11-28 11:00, High flow nasal cannula, 6, -
        11-28 11:02 to 11-28 12:01: HIGH
            devices 1104, 11-28 11:00, High flow nasal cannula, 6, -
    """,
    "28506150": """
        07-13 13:00 to 07-13 13:02: LOW
            devices 1365, 07-13 13:00, -, -, 0.3
        07-13 13:02 to 07-15 01:00: VENT
            devices 1366, 07-13 13:02, Tracheostomy tube, -, -
        07-15 01:00 to 07-15 05:00: fever VENT
            vitals 47946, 07-15 01:00, temp_c 38.2
            devices 1378, 07-15 00:00, Tracheostomy tube, -, 0.3
        07-15 05:00 to 07-17 16:30: VENT
            devices 1379, 07-15 04:00, Tracheostomy tube, -, 0.3
        07-17 16:30 to 07-18 08:23: nothing
    """,
    "28661809": """
        01-04 03:58 to 01-04 07:10: LOW
            devices 1398, 01-04 03:58, Nasal cannula, 6, -
        01-04 07:10 to 01-04 20:02: HIGH
            devices 1402, 01-04 07:10, High flow nasal cannula, 10, 0.7
        01-13 13:00 to 01-13 16:00: fever hypotension VENT
            vitals 48027, 01-13 13:00, temp_c 39.3
            vitals 23851, 01-13 12:01, map 61
            devices 1501, 01-13 08:45, Endotracheal tube, -, -
        01-13 16:00 to 01-13 18:00: hypotension vasopressor VENT
            vitals 23871, 01-13 16:00, sbp 65
            vitals 23873, 01-13 16:00, map 52
            rates 2934, 01-13 16:00, norepinephrine 0.1001
            devices 1506, 01-13 16:00, Endotracheal tube, -, 0.5
        01-14 15:05 to 01-14 15:07: fever VENT
            vitals 48039, 01-14 13:00, temp_c 38.7
            devices 1512, 01-14 12:00, Endotracheal tube, -, 0.5
        01-14 15:08 to 01-14 15:14: fever hypotension vasopressor VENT
            vitals 48039, 01-14 13:00, temp_c 38.7
            vitals 24249, 01-14 15:08, sbp 85
            vitals 24251, 01-14 15:08, map 59
            rates 2785, 01-14 15:08, phenylephrine 1.0010
            devices 1512, 01-14 12:00, Endotracheal tube, -, 0.5
        01-19 19:00 to 01-19 23:36: hypotension VENT
            vitals 17689, 01-19 19:00, sbp 58
            vitals 17691, 01-19 19:00, map 38
            devices 1557, 01-19 18:00, Endotracheal tube, -, 0.4
        01-19 23:36 to 01-20 18:00: nothing +oxygen_reason_not_stated
        01-20 18:00 to 01-21 18:02: nothing
    """,
    "28258130": """
        01-24 00:29 to 01-24 01:02: hypotension vasopressor
            vitals 41753, 01-24 00:00, sbp 81
            vitals 41755, 01-24 00:00, map 51
            rates 4578, 01-24 00:29, norepinephrine 0.1000
        01-24 01:02 to 01-24 01:06: vasopressor
            rates 4584, 01-24 00:57, norepinephrine 0.2999
        01-24 01:12 to 01-24 05:01: hypotension vasopressor vasopressin
            vitals 41793, 01-24 01:12, sbp 84
            vitals 41795, 01-24 01:12, map 58
            rates 4584, 01-24 00:57, norepinephrine 0.2999
            rates 4550, 01-24 01:12, vasopressin 2.4000
        01-25 17:00 to 01-25 17:01: hypotension vasopressor vasopressin LOW
            vitals 43599, 01-25 17:00, sbp 85
            rates 4295, 01-25 16:59, norepinephrine 0.2195
            rates 4773, 01-25 10:25, vasopressin 2.4000
            devices 1240, 01-25 17:00, Nasal cannula, -, -
            devices 1239, 01-25 13:00, Nasal cannula, 2, -
        01-27 03:00 to ?: hypotension vasopressor vasopressin HIGH
            vitals 42228, 01-27 03:00, sbp 88
            rates 4836, 01-26 21:51, norepinephrine 0.1027
            rates 4666, 01-26 15:03, vasopressin 2.4000
            devices 1254, 01-27 01:00, High flow neb, 15, 1
        01-29 17:28 to 01-29 17:35: hypotension vasopressor LOW
            vitals 45609, 01-29 17:16, sbp 85
            rates 4645, 01-29 16:21, norepinephrine 0.3908
            devices 1267, 01-29 13:00, Nasal cannula, 4, -
        01-29 17:35 to 01-29 18:00: hypotension vasopressor LOW +inotrope
            vitals 45613, 01-29 17:30, sbp 85
            rates 4645, 01-29 16:21, norepinephrine 0.3908
            devices 1267, 01-29 13:00, Nasal cannula, 4, -
        02-02 21:00 to 02-03 00:00: vasopressor VENT
            rates 3964, 02-02 18:11, norepinephrine 0.2892
            devices 1288, 02-02 21:00, Endotracheal tube, -, 0.4
        02-03 00:00 to ?: hypotension vasopressor VENT
            vitals 45528, 02-03 00:00, map 63
            rates 4365, 02-02 23:45, norepinephrine 0.4145
            devices 1288, 02-02 21:00, Endotracheal tube, -, 0.4
    """,
    "24745425": """
        07-29 17:40 to 07-29 17:45: vasopressor multiple_vasopressors VENT
            rates 5515, 07-29 16:50, epinephrine 0.0200
            rates 5569, 07-29 17:40, phenylephrine 0.1000
            devices 686, 07-29 17:00, Endotracheal tube, -, 0.5
        07-29 17:45 to 07-29 18:00: hypotension vasopressor multiple_vasopressors VENT
            vitals 36388, 07-29 17:45, map 63
            rates 5515, 07-29 16:50, epinephrine 0.0200
            rates 5569, 07-29 17:40, phenylephrine 0.1000
            devices 686, 07-29 17:00, Endotracheal tube, -, 0.5
        07-29 21:20 to 07-29 22:00: hypotension vasopressor VENT
            vitals 36424, 07-29 21:00, map 63
            rates 5515, 07-29 16:50, epinephrine 0.0200
            devices 689, 07-29 21:00, Endotracheal tube, -, 0.5
        07-29 23:00 to 07-30 00:00: hypotension vasopressor HIGH
            vitals 36434, 07-29 23:00, sbp 87
            vitals 36436, 07-29 23:00, map 60
            rates 5516, 07-29 21:49, epinephrine 0.0100
            devices 691, 07-29 23:00, Face tent, 10, 0.5
        07-30 01:45 to 07-30 01:59: hypotension HIGH
            vitals 36448, 07-30 01:00, map 63
            devices 691, 07-29 23:00, Face tent, 10, 0.5
        07-30 01:59 to 07-30 02:00: hypotension vasopressor HIGH
            vitals 36452, 07-30 01:57, sbp 78
            vitals 36454, 07-30 01:57, map 57
            rates 5522, 07-30 01:59, phenylephrine 0.2000
            devices 691, 07-29 23:00, Face tent, 10, 0.5
    """,
    "22205327": """
        02-20 09:34 to 02-20 10:00: vasopressor
            rates 2053, 02-20 09:34, phenylephrine 5.0249
        02-20 10:26 to 02-20 11:00: hypotension vasopressor multiple_vasopressors VENT
            vitals 18601, 02-20 10:00, sbp 84
            rates 2028, 02-20 10:26, epinephrine 0.0500
            rates 2053, 02-20 09:34, phenylephrine 5.0249
            devices 324, 02-20 10:00, Endotracheal tube, -, 0.7
        02-20 11:00 to 02-20 17:05: vasopressor multiple_vasopressors VENT
            rates 2028, 02-20 10:26, epinephrine 0.0500
            rates 2053, 02-20 09:34, phenylephrine 5.0249
            devices 324, 02-20 10:00, Endotracheal tube, -, 0.7
        02-20 17:05 to ?: vasopressor VENT
            rates 2115, 02-20 15:57, epinephrine 0.0497
            devices 327, 02-20 16:00, Endotracheal tube, -, 0.5
        02-22 05:00 to 02-22 05:15: fever hypotension vasopressor VENT
            vitals 46753, 02-22 05:00, temp_c 38.4
            vitals 17179, 02-22 05:00, map 64
            rates 2092, 02-22 04:00, epinephrine 0.0102
            devices 341, 02-22 05:00, Endotracheal tube, -, 0.4
        02-22 06:05 to 02-22 06:15: fever VENT
            vitals 46753, 02-22 05:00, temp_c 38.4
            devices 341, 02-22 05:00, Endotracheal tube, -, 0.4
        02-22 06:15 to 02-22 07:00: fever vasopressor VENT
            vitals 46753, 02-22 05:00, temp_c 38.4
            rates 2430, 02-22 06:15, norepinephrine 0.0300
            devices 341, 02-22 05:00, Endotracheal tube, -, 0.4
        02-28 19:00 to ?: LOW
            devices 402, 02-28 19:00, Nasal cannula, 5, -
    """,
    "28662225": """
        04-12 22:25 to 04-12 22:27: fever LOW
            vitals 48069, 04-12 22:25, temp_c 39.4
            devices 1558, 04-12 21:30, Nasal cannula, 3, -
        04-12 22:27 to 04-12 23:00: fever hypotension LOW
            vitals 48069, 04-12 22:25, temp_c 39.4
            vitals 2808, 04-12 22:27, sbp 87
            vitals 2810, 04-12 22:27, map 53
            devices 1558, 04-12 21:30, Nasal cannula, 3, -
        04-12 23:00 to 04-12 23:30: fever LOW
            vitals 48070, 04-12 22:45, temp_c 39.4
            devices 1560, 04-12 23:00, Nasal cannula, 4, -
        04-20 00:30 to 04-20 00:51: hypotension HIGH
            vitals 3912, 04-20 00:30, map 63
            devices 1588, 04-20 00:30, Non-rebreather, 15, 1
        04-20 13:00 to 04-20 14:55: fever vasopressor VENT
            vitals 48107, 04-20 13:00, temp_c 38
            rates 3502, 04-20 11:13, phenylephrine 1.9949
            devices 1594, 04-20 13:00, Endotracheal tube, -, 0.4
        04-23 12:00 to 04-24 00:00: LOW
            devices 1621, 04-23 12:00, Nasal cannula, -, -
    """,
    "22130791": """
        03-25 20:06 to 03-25 21:01: hypotension vasopressor vasopressin VENT
            vitals 29166, 03-25 20:01, map 48
            rates 1702, 03-25 20:06, norepinephrine 0.5008
            rates 1754, 03-25 20:06, vasopressin 2.4000
            devices 286, 03-25 20:00, Endotracheal tube, -, 0.4
        03-27 18:37 to 03-27 19:18: vasopressin VENT +vasopressin_alone
            rates 1582, 03-27 03:44, vasopressin 2.4048
            devices 304, 03-27 17:00, Endotracheal tube, -, 0.4
        03-27 20:59 to ?: vasopressin VENT +vasopressin_alone
            rates 1726, 03-27 20:20, vasopressin 2.4036
            devices 304, 03-27 17:00, Endotracheal tube, -, 0.4
        03-29 01:00 to 03-29 01:15: fever vasopressin VENT +vasopressin_alone
            vitals 46724, 03-29 01:00, temp_c 38
            rates 1600, 03-28 19:51, vasopressin 1.2024
            devices 314, 03-29 00:00, Endotracheal tube, -, 0.4
        03-29 01:15 to 03-29 01:25: fever hypotension vasopressin VENT +vasopressin_alone
            vitals 46724, 03-29 01:00, temp_c 38
            vitals 28892, 03-29 01:15, sbp 88
            vitals 28894, 03-29 01:15, map 59
            rates 1600, 03-28 19:51, vasopressin 1.2024
            devices 314, 03-29 00:00, Endotracheal tube, -, 0.4
    """,
}
IMPOSSIBLE = [
    ("25809882", "vitals 14320, 08-23 17:00, map -19"),
    ("28258130", "rates 3967, 02-02 23:35, norepinephrine 7.2590"),
]

# The whole course of one stay with a trigger laid over its first row (a height, vitals 31215, 07-13 10:40):
# begin, at least, at most, criteria, missing, flags.
ASSUMED = "28506150"
COURSE = [
    ("07-13 10:40", 0, 2, "nothing", "body_temperature blood_pressure", ""),
    ("07-13 13:00", 0, 4, "LOW", "blood_pressure oxygen_device attribution_hypoxia", "not_gradable"),
    ("07-13 13:02", 0, 4, "VENT", "blood_pressure attribution_hypoxia", "not_gradable"),
    ("07-13 13:09", 0, 4, "VENT", "attribution_hypoxia", "not_gradable"),
    ("07-15 01:00", 4, 4, "fever VENT", "", ""),
    ("07-16 03:00", 1, 4, "VENT", "attribution_hypoxia", "not_gradable"),
    ("07-17 01:00", 1, 4, "VENT", "body_temperature", ""),
    ("07-17 02:01", 1, 4, "VENT", "body_temperature blood_pressure", ""),
    ("07-17 16:30", 1, 4, "nothing", "blood_pressure oxygen_device", ""),
]
COURSE_END = "07-18 08:23"


@dataclass(frozen=True)
class Raw:
    """One raw row: its table, its number in the published table, its time, and what its columns say."""

    table: str
    number: int
    at: datetime
    says: tuple[tuple[str, str | float | None], ...]


@dataclass(frozen=True)
class Finding:
    """One row of the timeline of a stay."""

    begin: datetime
    end: datetime | None
    criteria: tuple[str, ...]
    flags: tuple[str, ...]
    evidence: tuple[Raw, ...]


def moment(stay: str, at: str) -> datetime:
    """Month, day, hour and minute of the (shifted) year of the stay."""
    return datetime.strptime(f"{YEARS[stay]}-{at.strip()}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def spelled(words: str) -> list[str]:
    """Criteria with the short words for oxygen written out."""
    return [name for word in words.split() for name in OXYGEN.get(word, [word])]


def raw_row(stay: str, line: str) -> Raw:
    where, at, *said = (part.strip() for part in line.split(","))
    table, number = where.split()
    cells = said if table == "devices" else said[0].split()
    first = None if cells[0] == "-" else cells[0]
    numbers = [None if cell == "-" else float(cell) for cell in cells[1:]]
    return Raw(table, int(number), moment(stay, at), tuple(zip(TABLES[table][2], [first, *numbers], strict=True)))


def findings(stay: str) -> list[Finding]:
    """The block of a stay, read."""
    found: list[Finding] = []
    for line in filter(str.strip, BY_HAND[stay].splitlines()):
        if " to " in line:
            period, said = line.split(": ")
            begin, end = period.split(" to ")
            words, *flags = said.split(" +")
            until = None if end == "?" else moment(stay, end)
            found.append(Finding(moment(stay, begin), until, tuple(spelled(words)), tuple(flags), ()))
        else:
            found[-1] = replace(found[-1], evidence=(*found[-1].evidence, raw_row(stay, line)))
    return found


def need(folder: str) -> Path:
    """The folder of tables; the test is skipped where the whole data set is not beside the repository."""
    if not FOLDERS[folder].is_dir():
        pytest.skip("the whole data set does not lie beside the repository; the cut is tested instead")
    return FOLDERS[folder]


@cache
def graded(folder: str, product: str | None = None) -> Outcome:
    """CRS of every hospitalization of a folder."""
    knowledge = load()
    intake = read_clif(need(folder), knowledge)
    return grade_intake(intake, knowledge, ["crs.astct-2019"], assume_trigger=product)


@cache
def timeline(folder: str, product: str | None = None) -> pl.DataFrame:
    return outward(graded(folder, product).timeline, "time")


@cache
def raw_table(folder: str, table: str) -> pl.DataFrame:
    """A raw table with its row numbers."""
    return pl.read_parquet(FOLDERS[folder] / file_name(table)).with_row_index("number", offset=1)


def file_name(table: str) -> str:
    return f"clif_{TABLES[table][0]}.parquet"


def says(row: dict[str, Any], raw: Raw) -> bool:
    """A raw row holds what was written down; numbers were written with four decimals, names without blanks around."""
    for column, expected in raw.says:
        cell = row[column]
        if isinstance(expected, float) and cell is not None:
            if abs(cell - expected) > 1e-4:
                return False
        elif (cell.strip() if isinstance(cell, str) else cell) != expected:
            return False
    return True


def source(folder: str, stay: str, raw: Raw) -> str:
    """Where a raw row stands: by its number in the whole data set, by what it says in the cut."""
    if folder == "whole":
        return f"{file_name(raw.table)}:{raw.number}"
    here = (pl.col("hospitalization_id") == stay) & (pl.col(TABLES[raw.table][1]) == raw.at)
    rows = raw_table(folder, raw.table).filter(here).iter_rows(named=True)
    found = [row["number"] for row in rows if says(row, raw)]
    assert len(found) == 1, f"{raw} is found {len(found)} times"
    return f"{file_name(raw.table)}:{found[0]}"


def in_force(folder: str, stay: str, at: datetime) -> dict[str, Any]:
    """The row of the timeline that holds at a moment."""
    rows = timeline(folder).filter(pl.col("patient") == stay, pl.col("start") <= at, at < pl.col("end"))
    assert rows.height == 1
    return rows.row(0, named=True)


CASES = [
    pytest.param(folder, stay, finding, id=f"{folder}-{stay}-{finding.begin:%m%d-%H%M}")
    for folder in FOLDERS
    for stay in BY_HAND
    for finding in findings(stay)
    if folder == "whole" or stay not in NOT_IN_CUT
]


@pytest.mark.parametrize(("folder", "stay", "finding"), CASES)
def test_a_finding_is_what_the_raw_rows_say(folder: str, stay: str, finding: Finding) -> None:
    need(folder)
    row = in_force(folder, stay, finding.begin)
    assert row["start"] == finding.begin
    assert finding.end in (None, row["end"])
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
    for raw in {raw for finding in findings(stay) for raw in finding.evidence}:
        row = raw_table("whole", raw.table).row(raw.number - 1, named=True)
        assert (row["hospitalization_id"], row[TABLES[raw.table][1]]) == (stay, raw.at), raw
        assert says(row, raw), raw


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("stay", "line"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_and_named(folder: str, stay: str, line: str) -> None:
    need(folder)
    where = source(folder, stay, raw_row(stay, line))
    assert graded(folder).rejects.filter(pl.col("source") == where)["rule"].to_list() == ["out_of_range"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_stay_without_bedside_rows_has_no_course(folder: str) -> None:
    need(folder)
    assert WITHOUT_ROWS in graded(folder).patients["patient"].to_list()
    for product in (None, PRODUCT):
        assert timeline(folder, product).filter(pl.col("patient") == WITHOUT_ROWS).is_empty()


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


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_course_after_an_assumed_trigger_is_what_follows_by_hand(folder: str) -> None:
    need(folder)
    ends = [*(begin for begin, *_ in COURSE[1:]), COURSE_END]
    rows = timeline(folder, PRODUCT).filter(pl.col("patient") == ASSUMED).sort("start")
    assert rows["start"].to_list() == [moment(ASSUMED, begin) for begin, *_ in COURSE]
    assert rows["end"].to_list() == [moment(ASSUMED, end) for end in ends]
    for row, (_, least, most, criteria, missing, flag) in zip(rows.iter_rows(named=True), COURSE, strict=True):
        unstated = [UNSTATED] if "supplemental_oxygen" in spelled(criteria) else []
        assert (row["at_least"], row["at_most"], row["grade"]) == (least, most, least if least == most else None)
        assert (row["criteria"], row["missing"]) == (spelled(criteria), missing.split())
        assert row["flags"] == sorted(["assumed_trigger", *unstated, *flag.split()])


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_episode_after_an_assumed_trigger_is_what_follows_by_hand(folder: str) -> None:
    need(folder)
    episodes = outward(graded(folder, PRODUCT).episodes, "time").filter(pl.col("patient") == ASSUMED)
    assert episodes.height == 1
    episode = episodes.row(0, named=True)
    onset, trigger = moment(ASSUMED, "07-15 01:00"), moment(ASSUMED, "07-13 10:40")
    assert (episode["onset"], episode["time_of_max"], episode["exposure_time"]) == (onset, onset, trigger)
    # fever ended on 15 July; the last sign is the ventilator, whose last row speaks for 24 h
    assert (episode["last_sign"], episode["resolved"]) == (moment(ASSUMED, "07-17 16:30"), None)
    assert (episode["max_at_least"], episode["max_at_most"], episode["state"]) == (4, 4, "ongoing")
    assert (episode["exposure"], episode["days_from_exposure"]) == (PRODUCT, 1.597222222)
    assert (episode["tocilizumab_doses"], episode["steroid_days"], episode["recurrent"]) == (0, 0, False)
    assert episode["flags"] == ["assumed_trigger"]
