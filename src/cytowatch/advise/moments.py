"""The moments at which any advice can change, and what holds from each of them to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl


def segments(lanes: Iterable[pl.DataFrame], cuts: Iterable[pl.DataFrame], watched: pl.DataFrame) -> pl.DataFrame:
    """The watched time of each patient cut at every change: patient, start, end; sorted.

    ``lanes``: frames with patient, start, end. ``cuts``: more moments (patient, time). ``watched``: the spans.
    """
    moments = [frame.select("patient", pl.col(name).alias("time")) for frame in lanes for name in ("start", "end")]
    times = pl.concat([*moments, *(cut.select("patient", "time") for cut in cuts)]).unique().sort("patient", "time")
    following = pl.col("time").shift(-1).over("patient")
    whole = times.select("patient", pl.col("time").alias("start"), following.alias("end")).drop_nulls("end")
    inside = whole.join_asof(
        watched.sort("patient", "start").rename({"start": "from", "end": "to"}),
        left_on="start",
        right_on="from",
        by="patient",
        check_sortedness=False,
    )
    return inside.filter(pl.col("start") < pl.col("to")).select(
        "patient", "start", "end", pl.col("from").alias("since")
    )


def watched_time(timeline: pl.DataFrame) -> pl.DataFrame:
    """Spans without a gap in which at least one scale looks at the patient: patient, start, end."""
    rows = timeline.select("patient", "start", "end").sort("patient", "start")
    reach = pl.col("end").cum_max().over("patient")
    opens = (pl.col("start") > reach.shift(1).over("patient")).fill_null(value=True)
    numbered = rows.with_columns(opens.cum_sum().alias("span"))
    spans = numbered.group_by("patient", "span").agg(pl.col("start").min(), pl.col("end").max())
    return spans.drop("span").sort("patient", "start")


def laid_under(frame: pl.DataFrame, lane: pl.DataFrame, name: str, columns: Iterable[str]) -> pl.DataFrame:
    """Add ``<name>|<column>`` of the lane's row that holds at each segment's start; empty where none does."""
    named = {column: f"{name}|{column}" for column in columns}
    under = lane.sort("patient", "start").select(
        "patient",
        pl.col("start").alias("_from"),
        pl.col("end").alias("_to"),
        *(pl.col(a).alias(b) for a, b in named.items()),
    )
    joined = frame.join_asof(under, left_on="start", right_on="_from", by="patient", check_sortedness=False)
    holds = (pl.col("start") < pl.col("_to")).fill_null(value=False)
    kept = [pl.when(holds).then(pl.col(column)).alias(column) for column in named.values()]
    return joined.with_columns(kept).drop("_from", "_to")


def merged(rows: pl.DataFrame, same: Sequence[str]) -> pl.DataFrame:
    """Neighbors that are equal in ``same`` and touch become one row; the other columns are those of its start.

    ``rows``: sorted by ``same`` as far as these separate one story from another, and by start within a story.
    """
    if rows.is_empty():
        return rows
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in same)
    follows = equal & (pl.col("start") == pl.col("end").shift(1))
    firsts = rows.select((~follows.fill_null(value=False)).alias("first"))["first"].arg_true()
    lasts = pl.concat([firsts.slice(1), pl.Series([rows.height], dtype=firsts.dtype)]) - 1
    return rows[firsts].with_columns(rows["end"].gather(lasts))
