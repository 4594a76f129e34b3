"""Ids and times: stable ids from the patient and the row, instants in UTC, pointers to sources as references."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import quote

import polars as pl

from cytowatch.errors import ArgumentError

ID = r"[A-Za-z0-9\-.]{1,64}"
# as the FHIR door writes its pointers: FILE:LINE#Type/id
POINTER = rf"#([A-Z][A-Za-z]+/{ID})$"
# FHIR's years have four digits
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
# what may stand in a URI as it is
_PLAIN = "/:#@!$&'()*+,;=?~-._"


def hashed(text: str, size: int = 10) -> str:
    """A short hash of our own choice (BLAKE2b), in hexadecimal: the same on every machine and version."""
    return blake2b(text.encode(), digest_size=size).hexdigest()


def patient_id(patient: str) -> str:
    """The id of the Patient resource: the pseudonym itself where FHIR allows it as an id, else its hash."""
    return patient if re.fullmatch(ID, patient) else f"p-{hashed(patient)}"


def patient_keys(patients: pl.Series) -> pl.DataFrame:
    """For each distinct patient ``patient_id``, and ``key``, with which the ids of their resources begin."""
    distinct = patients.unique().drop_nulls().sort()
    names = distinct.to_list()
    ids = pl.Series("patient_id", [patient_id(name) for name in names], dtype=pl.String)
    keys = pl.Series("key", [hashed(name) for name in names], dtype=pl.String)
    return pl.DataFrame({"patient": distinct, "patient_id": ids, "key": keys}).cast({"patient": pl.String})


def instant(name: str) -> pl.Expr:
    """A column of microseconds since 1970 as an instant in UTC, with as many digits of a second as it has."""
    return pl.from_epoch(pl.col(name), time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")


def dated(frame: pl.DataFrame, zero: int, *names: str) -> pl.DataFrame:
    """Columns of times on the run's clock as instants (text); ArgumentError if one lies beyond the year 9999.

    Rows of a run that do are left out before, and counted (`writable`).
    """
    moved = frame.with_columns(pl.col(name) + zero for name in names)
    beyond = pl.any_horizontal((pl.col(name) < _FIRST) | (pl.col(name) > _LAST) for name in names)
    if moved.select(beyond.any()).item():
        patient = moved.filter(beyond)["patient"][0]
        raise ArgumentError(
            f"A time of patient {patient!r} lies before the year 1 or after the year 9999.",
            where="--zero" if zero else "the graded folder",
            why="FHIR has no way to write it.",
            hint="Look at that row; the rest cannot be exported without losing it.",
        )
    return moved.with_columns(instant(name).alias(name) for name in names)


def writable(frame: pl.DataFrame, zero: int, *names: str) -> pl.DataFrame:
    """The rows whose times can be written: FHIR has no way to write one before the year 1 or after 9999."""
    moved = [pl.col(name) + zero for name in names]
    beyond = pl.any_horizontal((one < _FIRST) | (one > _LAST) for one in moved)
    return frame.filter(~beyond.fill_null(value=False))


def last_writable(name: str, zero: int) -> pl.Expr:
    """A column of ends, none of them later than the last moment that can be written."""
    return pl.when(pl.col(name) + zero > _LAST).then(pl.lit(_LAST - zero, pl.Int64)).otherwise(name).alias(name)


def as_uri(sources: pl.Series) -> pl.Series:
    """Pointers to sources as URIs: what a URI may not hold is percent-encoded, everything else stays as it is."""
    odd = sources.str.contains(r"[^A-Za-z0-9/:#@!$&'()*+,;=?~\-._]").fill_null(value=False)
    if not odd.any():
        return sources
    distinct = sources.filter(odd).unique()
    encoded = pl.Series([quote(one, safe=_PLAIN) for one in distinct.to_list()], dtype=pl.String)
    return sources.replace(distinct, encoded)
