"""Persons and deaths: age, sex, and the moment of a death whose cause the model does not tell for our purpose."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from cytowatch.adapters.frame import LINE
from cytowatch.adapters.gather import SILENT, Gathering, Mapped, no_silent
from cytowatch.adapters.omop.moments import at_midnight, refused, with_moment
from cytowatch.schema import PATIENTS

_SEX = {"8507": "male", "8532": "female"}
_LETTERS = {"m": "male", "f": "female", "male": "male", "female": "female"}
_ADULT_YEARS = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def persons(frame: pl.DataFrame, gathering: Gathering) -> pl.DataFrame:
    """The table ``patients`` of the persons, by person_id; fields that cannot be used stand in the rejects."""
    seen = gathering.observed().group_by("patient").agg(pl.col("time").min().alias("first"))
    known = frame.filter(pl.col("person_id").is_not_null()).join(
        seen, left_on="person_id", right_on="patient", how="left"
    )
    born = known.with_columns(
        birth_date=pl.coalesce(
            pl.col("birth_datetime").str.slice(0, 10),
            _written("year_of_birth", 4) + "-" + _written("month_of_birth", 2) + "-" + _written("day_of_birth", 2),
        )
    )
    ages = [
        None if birth is not None else _age(year, month, first)
        for birth, year, month, first in born.select(
            "birth_date", "year_of_birth", "month_of_birth", "first"
        ).iter_rows()
    ]
    letters = pl.col("gender_source_value").str.to_lowercase()
    given = born.select(
        pl.col(LINE),
        patient="person_id",
        birth_date="birth_date",
        age_years=pl.Series("age_years", ages, dtype=pl.Float64),
        sex=pl.coalesce(
            pl.col("gender_concept_id").replace_strict(_SEX, default=None, return_dtype=pl.String),
            letters.replace_strict(_LETTERS, default=letters, return_dtype=pl.String),
        ),
    )
    read = gathering.persons(given, file="person")
    rows = known.select(pl.format("person:{}", LINE).alias("source"), pl.col("row"), named=pl.col("source"))
    rejects = read.rejects.drop("row").join(rows, on="source", how="left").with_columns(source="named").drop("named")
    gathering.refuse(rejects)
    return pl.concat([PATIENTS.empty(), read.frame], how="diagonal")


def _written(name: str, digits: int) -> pl.Expr:
    """A part of a birth date as it stands in an ISO date; a part that is no number stays as it is, to be refused."""
    return pl.col(name).str.pad_start(digits, "0")


def _age(year: str | None, month: str | None, first: int | None) -> float | None:
    """Age in whole years where year, or year and month, of birth settle it at the first observation.

    They do where every day that may be the birthday gives the same number, and for adults, of whom no scale asks more
    than that they are: then the lower number. Otherwise the age is unknown (decision 0028).
    """
    if first is None or year is None or not year.isdecimal() or not 1800 <= int(year) <= 2900:
        return None
    whole_year = month is None or not month.isdecimal() or not 1 <= int(month) <= 12
    day = (_EPOCH + timedelta(microseconds=first)).date()
    earliest = date(int(year), 1 if whole_year else int(month or 1), 1)
    latest = date(int(year), 12, 31) if whole_year else _end_of_month(earliest)
    youngest, oldest = _years(latest, day), _years(earliest, day)
    if youngest < 0 or (youngest != oldest and youngest < _ADULT_YEARS):
        return None
    return float(youngest)


def _end_of_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def repeated_persons(frame: pl.DataFrame) -> pl.DataFrame:
    """Silent rows of ``person``: one without an id states nothing; a second one of an id is laid beside the first."""
    again = (~pl.col("person_id").is_first_distinct() & pl.col("person_id").is_not_null()) | pl.col(
        "person_id"
    ).is_null()
    none = pl.col("person_id").is_null()
    nothing = dict.fromkeys(("concept", "value"), pl.lit(None, pl.String))
    return frame.filter(again).select(
        "row", "source", patient="person_id", **nothing,
        fate=pl.when(none).then(pl.lit("rejected")).otherwise(pl.lit("superseded")),
        rule=pl.when(none).then(pl.lit("missing_patient")).otherwise(pl.lit("")),
        reason=pl.when(none).then(pl.lit("the row names no person")).otherwise(pl.lit("the person is there again")),
        hint=pl.when(none).then(pl.lit("fill person_id")).otherwise(pl.lit("")),
    ).select(SILENT)  # fmt: skip


def deaths(frame: pl.DataFrame) -> Mapped:
    """Deaths of unknown cause. At exactly midnight only the day is known: the hours before it would be cut off."""
    frame = with_moment(frame, "death_date", "death_datetime").with_columns(
        concept=pl.lit("death"), kind=pl.lit("death"), doubtful=pl.lit(value=False), unread=pl.lit(None, pl.String),
        printed=pl.lit(None, pl.String),
    )  # fmt: skip
    frame = frame.with_columns(
        rule=pl.when(pl.col("rule").is_null() & at_midnight("time")).then(pl.lit("partial_date")).otherwise("rule")
    )
    raw = frame.filter(pl.col("rule").is_null()).select(
        "row", "source", "time", "concept", patient="person_id", text=pl.lit("unknown")
    )
    return Mapped(raw, pl.concat([no_silent(), refused(frame)], how="vertical_relaxed"))
