"""Persons from CLIF's ``hospitalization`` and ``patient`` tables: age, sex, and a death that belongs to a stay."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.frame import LINE
from cytowatch.adapters.gather import SILENT
from cytowatch.adapters.patients import PatientTable, first_moments, read_patients
from cytowatch.adapters.times import read_times
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, PATIENTS, REJECTS


def people(
    stays: pl.DataFrame | None, persons: pl.DataFrame | None, knowledge: Knowledge, *, file: str, seen: pl.DataFrame
) -> PatientTable:
    """The table ``patients``, one row a hospitalization, and the fields of it that were refused.

    ``file`` names the hospitalization table; ``seen`` are the observations, whose first moments bound a birth date.
    Empty without a hospitalization table.
    """
    if stays is None:
        return PatientTable(PATIENTS.empty(), REJECTS.empty(), LEDGER.empty())
    first = stays.filter(pl.col("hospitalization_id").is_not_null()).unique(
        "hospitalization_id", keep="first", maintain_order=True
    )
    facts = ("sex_category", "birth_date")
    if persons is None:
        joined = first.with_columns(pl.lit(None, pl.String).alias(name) for name in facts)
    else:
        joined = first.join(_one_each(persons).select("patient_id", *facts), on="patient_id", how="left")
    known = joined.select(
        pl.col("source").str.extract(r":(\d+)$").cast(pl.Int64).alias(LINE),
        patient="hospitalization_id",
        age_years="age_at_admission",
        birth_date=_date(joined),
        sex=pl.col("sex_category").str.to_lowercase(),
    )
    read = read_patients(known, knowledge, first_seen=first_moments(seen, "time"), file=file)
    whole = pl.concat([PATIENTS.empty(), read.frame], how="diagonal")
    rejects = read.rejects.drop("row").join(stays.select("row", "source"), on="source", how="left")
    return PatientTable(whole, rejects.select(REJECTS.names), read.ledger)


def _one_each(persons: pl.DataFrame) -> pl.DataFrame:
    return persons.filter(pl.col("patient_id").is_not_null()).unique("patient_id", keep="first", maintain_order=True)


def _date(frame: pl.DataFrame) -> pl.Expr:
    if frame.schema["birth_date"] == pl.String:
        return pl.col("birth_date").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return pl.col("birth_date").cast(pl.Date)


def repeated(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """Silent rows of a person table: a row without its key, or a second row for the same one."""
    first = pl.col("row").is_first_distinct() & pl.col(key).is_first_distinct() & pl.col(key).is_not_null()
    why = (
        pl.when(pl.col(key).is_null())
        .then(pl.lit(f"no {key}"))
        .otherwise(pl.format(f"{key} {{}} stands twice; the first row is used", pl.col(key)))
    )
    nothing = dict.fromkeys(("concept", "value", "rule", "hint"), pl.lit("", pl.String))
    columns = {"patient": pl.col(key), "fate": pl.lit("ignored"), "reason": why, **nothing}
    return frame.filter(~first).select("row", "source", **columns).select(SILENT)


def deaths(stays: pl.DataFrame | None, persons: pl.DataFrame | None) -> pl.DataFrame:
    """Raw rows for deaths of unknown cause, one a stay that ended in death or contains the moment of death.

    The moment is the person's ``death_dttm``; a stay that ended as expired without one ends at its discharge. CLIF
    records no cause, so the cause is ``unknown``, never a toxicity.
    """
    if stays is None:
        return pl.DataFrame(schema={"row": pl.Int64, "source": pl.String})
    stays = _moments(stays, "admission_dttm", "discharge_dttm")
    if persons is None:
        stays = stays.with_columns(death_dttm=None, row_right=None, source_right=pl.lit(None, pl.String))
    else:
        died = _moments(_one_each(persons), "death_dttm").select("patient_id", "row", "source", "death_dttm")
        stays = stays.join(died, on="patient_id", how="left")
    return _placed(stays)


def _placed(stays: pl.DataFrame) -> pl.DataFrame:
    expired = (pl.col("discharge_category").str.to_lowercase() == "expired").fill_null(value=False)
    contains = pl.col("death_dttm").is_between("admission_dttm", "discharge_dttm").fill_null(value=False)
    by_person = pl.col("death_dttm").is_not_null()
    return (
        stays.filter(expired | contains)
        .with_columns(time=pl.coalesce("death_dttm", "discharge_dttm"))
        .filter(pl.col("time").is_not_null())
        .select(
            row=pl.when(by_person).then("row_right").otherwise("row"),
            source=pl.when(by_person).then("source_right").otherwise("source"),
            patient="hospitalization_id",
            time=pl.from_epoch("time", time_unit="us").dt.replace_time_zone("UTC"),
            concept=pl.lit("death"),
            text=pl.lit("unknown"),
        )
    )


def _moments(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.with_columns(read_times(frame[name], None, file="").us.alias(name) for name in columns)
