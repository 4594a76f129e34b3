"""Patients as PERSON rows: whole numbers for pseudonyms, which stay the same in the next export to the same folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from cytowatch.errors import InputError
from cytowatch.exports.omop.losses import Losses
from cytowatch.schema import PATIENTS

MAP = "person_map.csv"
_MOST = 2**31 - 1
_SEX = {"male": "8507", "female": "8532"}
_CARRIED = ("patient", "age_years", "birth_date", "sex")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def person_ids(patients: set[str], target: Path) -> dict[str, int]:
    """A number for each pseudonym: the one of an earlier export to this folder, itself if all are numbers, or the next.

    InputError if the map that lies there cannot be read: other numbers would mix persons up.
    """
    known = _earlier(target / MAP)
    new = sorted(patients - set(known))
    own = {name: int(name) for name in new if name.isdecimal() and str(int(name)) == name and 0 < int(name) <= _MOST}
    if len(own) == len(new) and not set(own.values()) & set(known.values()):
        return {**known, **own}
    taken = max(known.values(), default=0)
    return {**known, **{name: taken + number for number, name in enumerate(new, 1)}}


def _earlier(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    try:
        frame = pl.read_csv(path, infer_schema=False)
        known = {str(name): int(number) for name, number in frame.select("patient", "person_id").iter_rows()}
    except (pl.exceptions.PolarsError, ValueError, TypeError, OSError) as cause:
        raise InputError(
            "The map of persons in the folder cannot be read.",
            where=str(path),
            why="New numbers would mix up the persons of the last export.",
            hint="Mend it (columns patient, person_id), or write to another folder.",
        ) from cause
    if len(set(known.values())) < len(known):
        raise InputError("Two patients have one number.", where=str(path), hint="Give each a number of its own.")
    return known


def persons(patients: pl.DataFrame, ids: dict[str, int], first: dict[str, int], losses: Losses) -> pl.DataFrame:
    """The table PERSON; ``first``: the first moment of each patient in microseconds since 1970."""
    given = {row["patient"]: row for row in patients.iter_rows(named=True)}
    baseline = [name for name in PATIENTS.names if name not in _CARRIED]
    losses.add(
        "baseline", patients.filter(pl.any_horizontal(pl.col(baseline).is_not_null())).with_columns(concept=pl.lit(""))
    )
    rows = [_person(name, ids[name], given.get(name, {}), first.get(name)) for name in sorted(ids) if name in first]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    approximate = pl.col("birth_datetime").is_null() & pl.col("year_of_birth").is_not_null()
    losses.add("age_in_years", frame.filter(approximate).with_columns(concept=pl.lit("age_years")))
    losses.add("no_age", frame.filter(pl.col("year_of_birth").is_null()).with_columns(concept=pl.lit("")))
    return frame


_NAMES = (
    "person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth", "birth_datetime",
    "race_concept_id", "ethnicity_concept_id", "person_source_value", "gender_source_value",
)  # fmt: skip
_SCHEMA = dict.fromkeys(_NAMES, pl.String)


def _person(name: str, number: int, given: dict[str, object], first: int | None) -> tuple[str | None, ...]:
    sex = str(given.get("sex") or "") or None
    born, age = given.get("birth_date"), given.get("age_years")
    birth: tuple[str | None, ...] = (None, None, None, None)
    if born is not None:
        text = str(born)
        birth = (text[:4], str(int(text[5:7])), str(int(text[8:10])), f"{text} 00:00:00")
    elif isinstance(age, float) and first is not None:
        birth = (str((_EPOCH + timedelta(microseconds=first)).year - int(age)), None, None, None)
    return (str(number), _SEX.get(sex or "", "0"), *birth, "0", "0", name, sex)
