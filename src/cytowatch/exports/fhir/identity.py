"""Which fact is the same in the next export: its id, the resource that it came from, and the words for its origin.

The number of a row is no identity: one row more, of anybody, moves all that stand below. So an id is made of the
patient, the concept and the source; where the source is only a place in a file, of the time in its stead. Value and end
are no part of it: a corrected value, or an infusion that has ended since, is a new version of the same resource and no
second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from cytowatch.exports.fhir.keys import POINTER, hashed

_NAMED = r"#[A-Z][A-Za-z]+(?:/[A-Za-z0-9\-.]{1,64})?$"
# as the doors write a place: a line, an entry of a Bundle, both
_PLACE = r":(?:\d+|(?:\d+:)?entry\[.*)$"
_ERROR = "entered-in-error"


def input_files(run: Mapping[str, Any]) -> list[str]:
    """The names by which sources of a run call its files."""
    return [str(one.get("file")) for one in run.get("inputs") or []]


def identified(rows: pl.DataFrame, files: list[str]) -> pl.DataFrame:
    """Adds ``id``, ``original`` and ``origin`` to facts (with ``key`` and ``withdrawn``).

    ``original``: the FHIR resource that a fact came from, as `Type/id`; ``origin``: its source, without the place in
    the file, unless a mark points to just that place.
    """
    bare = pl.col("source").str.replace(_NAMED, "")
    file = bare.str.replace(_PLACE, "")
    told = rows.with_columns(
        original=pl.col("source").str.extract(POINTER),
        _file=pl.when(file.is_in(files)).then(file),
    )
    pointed = pl.col("withdrawn") | (pl.col("status") == _ERROR)
    whole = pl.col("_file").is_null() | pointed
    named = pl.coalesce(pl.col("source").str.extract(f"({_NAMED})"), pl.lit(""))
    # what stays the same when rows are added: the resource, or the source that a person gave
    lasting = pl.coalesce("original", pl.when(pl.col("_file").is_null()).then("source"))
    told = told.with_columns(
        origin=pl.when(whole).then("source").otherwise(pl.concat_str("_file", named)), _lasting=lasting
    )
    told = _marked(_marked(told, "concept", "_what", 3), "_lasting", "_where", 5)
    where = pl.coalesce("_where", pl.col("time").cast(pl.String))
    letter = pl.when(pl.col("status") == _ERROR).then(pl.lit("-w")).otherwise(pl.lit("-f"))
    made = told.with_columns(id=pl.concat_str("key", letter, "_what", pl.lit("-"), where))
    return _distinct(made).drop("_file", "_lasting", "_what", "_where")


def _marked(rows: pl.DataFrame, name: str, mark: str, size: int) -> pl.DataFrame:
    """Adds the hashes of a column of texts; each distinct text is hashed once."""
    distinct = rows[name].unique().drop_nulls()
    hashes = pl.Series(mark, [hashed(text, size) for text in distinct.to_list()], dtype=pl.String)
    return rows.join(pl.DataFrame([distinct, hashes]), on=name, how="left", maintain_order="left")


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """Several facts of one key: from the second on their ids have a number."""
    again = rows["id"].is_duplicated()
    if not again.any():
        return rows
    few = rows.select("id").filter(again).select(pl.int_range(pl.len()).over("id")).to_series()
    places = pl.zeros(rows.height, pl.Int64, eager=True).scatter(again.arg_true(), few)
    number = pl.when(places > 0).then(pl.concat_str(pl.lit("."), (places + 1).cast(pl.String)))
    return rows.with_columns(id=pl.concat_str("id", number, ignore_nulls=True))
