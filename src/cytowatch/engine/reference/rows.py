"""One admitted row as a plain tuple, and what is known of the patient besides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

# later than every time that can be charted
FOREVER = 2**62
LONG_AGO = -(2**62)
# a mean year, as the meaning page counts days of age
DAYS_A_YEAR = 365.25


class Row(NamedTuple):
    """One admitted row, fields as in the table ``observations``."""

    row: int
    patient: str
    time: int
    until: int | None
    available: int | None
    concept: str
    value: float | None
    comparator: str | None
    text: str | None
    source: str
    status: str | None
    unit: str | None = None
    range_low: float | None = None
    range_high: float | None = None


class Subject(NamedTuple):
    """What the patients table says of one patient; every field may be unknown."""

    age_years: float | None = None
    birth_date: date | None = None
    developmental_delay: bool | None = None
    sbp_threshold: float | None = None
    baseline_oxygen_device: str | None = None
    weight_kg: float | None = None
    baseline_creatinine: float | None = None
    baseline_ast: float | None = None
    baseline_alt: float | None = None
    baseline_bilirubin: float | None = None
    baseline_ice: float | None = None


class Age(NamedTuple):
    """Completed days and completed years."""

    days: int
    years: int


def rows_by_patient(observations: pl.DataFrame) -> dict[str, list[Row]]:
    """The admitted rows of each patient, patients in byte order."""
    found: dict[str, list[Row]] = {}
    for values in observations.select(Row._fields).iter_rows():
        row = Row(*values)
        found.setdefault(row.patient, []).append(row)
    return dict(sorted(found.items()))


def subjects_by_patient(patients: pl.DataFrame | None) -> dict[str, Subject]:
    """What is known of each patient; the first row of a patient counts."""
    found: dict[str, Subject] = {}
    if patients is None:
        return found
    rows: Iterable[tuple[Any, ...]] = patients.select("patient", *Subject._fields).iter_rows()
    for patient, *values in rows:
        found.setdefault(patient, Subject(*values))
    return found


def age_at(subject: Subject, time: int, clock: str) -> Age | None:
    """The patient's age at ``time`` (microseconds); None where it is unknown."""
    if subject.age_years is not None:
        years = subject.age_years
        return Age(int(years * DAYS_A_YEAR // 1), int(years // 1)) if years >= 0 else None
    if subject.birth_date is None or clock == "hours":
        return None
    today = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).date()
    born = subject.birth_date
    if today < born:
        return None
    before_birthday = (today.month, today.day) < (born.month, born.day)
    return Age((today - born).days, today.year - born.year - before_birthday)
