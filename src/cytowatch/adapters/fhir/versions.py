"""Which of several versions of a resource counts: the latest, whatever the order in which they were read.

A resource is the same if its type, id and server are; where a server is unknown, versions about different patients are
different resources. Later is, in this order: the higher number of the version, the later time of its last change
(where both have one), a status that comes later in the life of a record; then the content decides, so that the answer
does not depend on the order of files.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.fhir.said import Said
from cytowatch.adapters.times import read_times

SAME = Said("superseded", "the same version of the same resource again")
OLDER = Said("superseded", "a later version of the same resource is in the input")
UNDATED = Said("superseded", "another version of the same resource is in the input, and nothing says which is later")
DELETED = Said("superseded", "deleted: a list of deletions names it")
_SAME = ["kind", "id", "of_server", "of_patient"]
RANKS = {"preliminary": 1, "in-progress": 1, "active": 1, "final": 2, "completed": 2, "stopped": 3, "amended": 4,
         "corrected": 5, "cancelled": 6, "entered-in-error": 7}  # fmt: skip


def lost(headers: pl.DataFrame, deleted: list[tuple[str, str, str | None]]) -> dict[Said, pl.Series]:
    """Rows that do not count, by the reason why."""
    named = headers.filter(pl.col("id").is_not_null())
    gone = _gone(named, deleted)
    named = named.join(gone, on="row", how="anti")
    twice = named.filter(pl.struct("kind", "id").is_duplicated())
    if twice.is_empty():
        return {DELETED: gone["row"]}
    twice = _apart(twice)
    number = pl.col("version").str.extract(r"^\s*(\d{1,18})\s*$").cast(pl.Int64)
    twice = twice.with_columns(number.alias("number"), read_times(twice["updated"], "UTC", file="").us.alias("at"))
    order = ["number", "at", "rank", "content", "row"]
    winners = _best(twice).select(*_SAME, *(pl.col(name).alias(f"best_{name}") for name in order))
    losers = twice.join(winners, on=_SAME, how="left", nulls_equal=True).filter(pl.col("row") != pl.col("best_row"))
    alike = pl.col("content") == pl.col("best_content")
    undated = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"best_{name}")) for name in ("number", "at", "rank"))
    return {
        DELETED: gone["row"],
        SAME: losers.filter(alike)["row"],
        UNDATED: losers.filter(~alike & undated)["row"],
        OLDER: losers.filter(~alike & ~undated)["row"],
    }


def _apart(twice: pl.DataFrame) -> pl.DataFrame:
    """Add what tells two resources of one type and id apart: their servers; where one is unknown, their patients."""
    several = pl.col("server").n_unique() - pl.col("server").has_nulls().cast(pl.UInt32) > 1
    twice = twice.with_columns(pl.when(several.over("kind", "id")).then("server").alias("of_server"))
    within = ["kind", "id", "of_server"]
    unknown = pl.col("server").is_null().any().over(within)
    people = (pl.col("patient").n_unique() - pl.col("patient").has_nulls().cast(pl.UInt32)).over(within)
    return twice.with_columns(pl.when(unknown & (people > 1)).then("patient").alias("of_patient"))


def _best(twice: pl.DataFrame) -> pl.DataFrame:
    """The latest of each resource: of those with a number and of those without, then of these two.

    Numbers are compared with numbers only, and moments only where both have one; else the status decides.
    """
    numbered = pl.col("number").is_not_null().alias("numbered")
    finalists = _first(twice.with_columns(numbered), [*_SAME, "numbered"], [*_SAME, "number"], "number")
    return _first(finalists, _SAME, _SAME, None)


def _first(rows: pl.DataFrame, of: list[str], dated_within: list[str], number: str | None) -> pl.DataFrame:
    dated = pl.when(pl.col("at").is_not_null().all().over(dated_within)).then("at").alias("dated")
    order = [*([number] if number else []), "dated", "rank", "content"]
    ranked = rows.with_columns(dated).sort([*order, "row"], descending=[*(True for _ in order), False], nulls_last=True)
    return ranked.unique(of, keep="first", maintain_order=True)


def _gone(named: pl.DataFrame, deleted: list[tuple[str, str, str | None]]) -> pl.DataFrame:
    """Rows that a list of deletions names, unless they were written after it."""
    schema = {"kind": pl.String, "id": pl.String, "when": pl.String}
    lists = pl.DataFrame(deleted, schema=schema, orient="row")
    if lists.is_empty():
        return named.select("row").clear()
    lists = lists.with_columns(read_times(lists["when"], "UTC", file="").us.alias("deleted_at"))
    # one entry without a time deletes for good
    lists = lists.group_by("kind", "id").agg(
        pl.when(pl.col("deleted_at").null_count() == 0).then(pl.col("deleted_at").max()).alias("deleted_at")
    )
    hit = named.join(lists, on=["kind", "id"], how="inner")
    at = read_times(hit["updated"], "UTC", file="").us
    return hit.filter((at <= hit["deleted_at"]).fill_null(value=True)).select("row")
