"""Which rows make a criterion certain: sources looked up at a moment (semantics page, section 7, evidence)."""

from __future__ import annotations

import polars as pl

QUERY = ["subject", "start"]
# the unit separator of ASCII, which no source name holds
SEPARATOR = "\x1f"


def latest(queries: pl.DataFrame, rows: pl.DataFrame, name: str, *, in_force: bool) -> pl.Series:
    """For each query the source of the latest row at or before its start; with ``in_force`` only while it speaks.

    ``rows``: subject, start, end, source, sorted so that of equal starts the preferred row comes last.
    """
    found = _asof(queries, rows)
    if in_force:
        found = found.with_columns(pl.when(pl.col("stops") > pl.col("start")).then("source").alias("source"))
    return found["source"].alias(name)


def latest_covering(queries: pl.DataFrame, rows: pl.DataFrame, name: str) -> pl.Series:
    """As ``latest`` in force, where an earlier row may outlast a later one."""
    best = latest(queries, rows, name, in_force=True)
    if not rows["until"].is_not_null().any():
        return best
    return _with_late(queries, rows, best, name)


def latest_of_any(queries: pl.DataFrame, rows: pl.DataFrame, name: str) -> pl.Series:
    """As ``latest`` in force, over rows in no order that each may outlast the next; of one time the smallest source."""
    ordered = rows.sort("subject", "time", "source", descending=[False, False, True])
    return _with_late(queries, ordered, latest(queries, ordered, name, in_force=True), name)


def _with_late(queries: pl.DataFrame, rows: pl.DataFrame, best: pl.Series, name: str) -> pl.Series:
    """Where the latest row has ended, the latest of the earlier ones that still speak."""
    numbered = queries.select(QUERY).with_row_index("at")
    covering = _covering(numbered.filter(best.is_null()), rows.filter(_outlasts_the_next()))
    covering = covering.group_by("at").agg(pl.col("source").sort_by(["began", "order"]).last())
    late = numbered.join(covering, on="at", how="left", maintain_order="left")["source"]
    return pl.select(pl.coalesce(best, late).alias(name)).to_series()


def all_covering(queries: pl.DataFrame, rows: pl.DataFrame, name: str) -> pl.Series:
    """For each query the sources of every row that speaks at its start, by time and source, joined by ``SEPARATOR``."""
    single = latest(queries, rows, name, in_force=True)
    several = rows.filter(_outlasts_the_next())["subject"].unique()
    if several.is_empty():
        return single
    overlapping = queries["subject"].is_in(several.implode())
    asked = queries.select(QUERY).with_row_index("at").filter(overlapping)
    lists = _covering(asked, rows).group_by("at").agg(pl.col("source").sort_by(["began", "source"]))
    joined = (
        queries.select(QUERY)
        .with_row_index("at")
        .join(lists.with_columns(pl.col("source").list.join(SEPARATOR)), on="at", how="left", maintain_order="left")[
            "source"
        ]
    )
    return joined.zip_with(overlapping, single).alias(name)


def _outlasts_the_next() -> pl.Expr:
    """Of rows in order: it still speaks when the next one of its subject begins."""
    same = pl.col("subject") == pl.col("subject").shift(-1)
    return (same & (pl.col("end") > pl.col("start").shift(-1))).fill_null(value=False)


def _asof(queries: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    right = rows.select("subject", pl.col("start").alias("began"), pl.col("end").alias("stops"), "source")
    return queries.select(QUERY).join_asof(
        right, left_on="start", right_on="began", by="subject", check_sortedness=False
    )


def _covering(asked: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    right = rows.with_row_index("order").select(
        "subject", "order", "source", pl.col("start").alias("began"), pl.col("end").alias("stops")
    )
    return (
        asked.select("at", *QUERY)
        .join(right, on="subject")
        .filter((pl.col("began") <= pl.col("start")) & (pl.col("start") < pl.col("stops")))
    )


Group = tuple[pl.DataFrame, list[pl.Series]]


def where(rows: pl.DataFrame, names: list[str], order: dict[str, int], *keep: str) -> pl.DataFrame:
    """The rows in which one of these criteria holds, as queries: at (the row's place), subject, start."""
    bits = sum(1 << order[name] for name in names if name in order)
    holds = (rows["criteria"] & bits) != 0
    return rows.select("subject", "start", *keep).with_row_index("at").filter(holds)


def evidence(rows: pl.DataFrame, groups: list[Group]) -> pl.DataFrame:
    """Add ``evidence``: what the groups found for each row, in order, without repeats.

    A group is its queries (``at`` = place in ``rows``, ascending) and pieces, one source a query.
    """
    nothing = pl.lit([], dtype=pl.List(pl.String))
    pieces = [_found(queries["at"], piece) for queries, group in groups for piece in group]
    pieces = [piece for piece in pieces if piece.height]
    if not pieces:
        return rows.with_columns(nothing.alias("evidence"))
    # a stable sort: of one row the pieces stay in the order of the groups
    every = pl.concat(pieces).sort("at", maintain_order=True)
    same = (pl.col("at") == pl.col("at").shift(1)) & (pl.col("source") == pl.col("source").shift(1))
    lists = (
        every.filter(~same.fill_null(value=False))
        .group_by("at", maintain_order=True)
        .agg(pl.col("source"))
        .with_columns(pl.col("source").list.unique(maintain_order=True).alias("evidence"))
    )
    table = rows.select(pl.int_range(pl.len(), dtype=pl.get_index_type()).alias("at"))
    found = table.join(lists.select("at", "evidence"), on="at", how="left", maintain_order="left")["evidence"]
    return rows.with_columns(pl.select(pl.lit(found).fill_null(nothing)).to_series().alias("evidence"))


def _found(at: pl.Series, piece: pl.Series) -> pl.DataFrame:
    """One line for each source found: ``at, source``; what was joined by ``SEPARATOR`` is taken apart."""
    table = pl.DataFrame([at.alias("at"), piece.alias("source")]).drop_nulls("source")
    if not table["source"].str.contains(SEPARATOR, literal=True).any():
        return table.filter(pl.col("source") != "")
    parts = table.with_columns(pl.col("source").str.split(SEPARATOR)).explode("source")
    return parts.filter(pl.col("source") != "")
