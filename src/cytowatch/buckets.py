"""Which bucket a patient belongs to: the same on every engine, machine and version, because the hash is our own choice.

Engines hash differently (and change it between versions), so none of theirs decides which rows are graded together.
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

BUCKET = "_bucket"


def bucket_of(patient: str, buckets: int) -> int:
    """The bucket of a patient, 0 to ``buckets`` - 1: BLAKE2b with 8 bytes over the id in UTF-8, big-endian, modulo."""
    return int.from_bytes(blake2b(patient.encode(), digest_size=8).digest(), "big") % buckets


def with_bucket(table: pl.LazyFrame, patients: pl.Series, buckets: int) -> pl.LazyFrame:
    """Add the column `_bucket` (UInt32); ``patients``: the distinct ids of the table. A row without an id gets 0."""
    ids = patients.drop_nulls().unique()
    known = pl.LazyFrame({
        "patient": ids,
        BUCKET: pl.Series([bucket_of(one, buckets) for one in ids.to_list()], dtype=pl.UInt32),
    })  # fmt: skip
    return table.join(known, on="patient", how="left").with_columns(pl.col(BUCKET).fill_null(0))
