"""Settled rows become intervals of a class (semantics page, section 2).

Every function takes rows of one concept, sorted by subject and time, and returns them with ``start`` and ``end``.
Nothing loops over patients: what comes next is the row below.
"""

from __future__ import annotations

import polars as pl

from cytowatch.engine.subjects import FOREVER

_SAME_SUBJECT_BELOW = pl.col("subject") == pl.col("subject").shift(-1)


def next_time() -> pl.Expr:
    """The next strictly later time of the same subject, or FOREVER."""
    below = pl.col("time").shift(-1)
    later = pl.when(_SAME_SUBJECT_BELOW & (below > pl.col("time"))).then(below)
    return later.when(~_SAME_SUBJECT_BELOW.fill_null(False)).then(FOREVER).otherwise(None).backward_fill()


def _given_end() -> pl.Expr:
    return pl.max_horizontal("until", "time")


def readings(rows: pl.DataFrame, valid_for: int | None) -> pl.DataFrame:
    """Each reading speaks until the next one, its own end, or ``valid_for`` (None = no limit)."""
    limit = pl.lit(FOREVER) if valid_for is None else pl.col("time") + valid_for
    end = pl.min_horizontal("next", pl.coalesce(pl.when(pl.col("until").is_not_null()).then(_given_end()), limit))
    return rows.with_columns(next_time().alias("next")).with_columns(pl.col("time").alias("start"), end.alias("end"))


def lasting(rows: pl.DataFrame, valid_for: int, stops: pl.Expr) -> pl.DataFrame:
    """Infusions and devices: to the end that is given; an open one lasts to the next row, at most ``valid_for``.

    ``stops``: rows that, if they carry no end of their own, end whatever runs: a rate of 0, another device.
    """
    spoken = _spans(rows, valid_for)
    if rows["until"].null_count() == rows.height:
        return spoken
    ended = rows.filter(stops & pl.col("until").is_null()).select("subject", pl.col("time").alias("stop"))
    return end_at(spoken, ended)


def _spans(rows: pl.DataFrame, valid_for: int) -> pl.DataFrame:
    limit = pl.col("time") + valid_for
    given = pl.col("until").is_not_null()
    end = pl.when(given).then(_given_end()).otherwise(pl.min_horizontal("next", limit))
    return rows.with_columns(next_time().alias("next")).with_columns(
        pl.col("time").alias("start"),
        end.alias("end"),
        # the stretch in which nobody has said whether it still runs
        pl.when(~given & (pl.col("next") > limit)).then(limit).alias("doubt_start"),
        pl.col("next").alias("doubt_end"),
    )


def doubts(spoken: pl.DataFrame, on: pl.Expr) -> pl.DataFrame:
    """The stretches after an open end that ran out, for the rows that were on."""
    return spoken.filter(on & pl.col("doubt_start").is_not_null()).with_columns(
        pl.col("doubt_start").alias("start"), pl.col("doubt_end").alias("end")
    )


def end_at(spoken: pl.DataFrame, stops: pl.DataFrame, *, at_same_time: bool = False) -> pl.DataFrame:
    """End intervals at the first of ``stops`` (subject, stop; sorted) after, or at, their start."""
    if stops.is_empty() or spoken.is_empty():
        return spoken
    joined = spoken.join_asof(
        stops,
        left_on="start",
        right_on="stop",
        by="subject",
        strategy="forward",
        allow_exact_matches=at_same_time,
        check_sortedness=False,
    )
    return joined.with_columns(pl.min_horizontal("end", "stop").alias("end")).drop("stop")


def merge_runs(spoken: pl.DataFrame, weights: list[str], last: str | None = None) -> pl.DataFrame:
    """Join neighbors of one class that touch: subject, start, end, weights (and the last row's time as ``last``)."""
    kept = spoken.select("subject", "start", "end", *weights, *(["time"] if last else []))
    touches = (pl.col("subject") == pl.col("subject").shift(1)) & (pl.col("end").shift(1) == pl.col("start"))
    for weight in weights:
        touches &= pl.col(weight) == pl.col(weight).shift(1)
    opens = kept.select((~touches).fill_null(True).alias("opens"))["opens"]
    firsts = opens.arg_true()
    lasts = pl.concat([firsts.slice(1), pl.Series([kept.height], dtype=firsts.dtype)]) - 1 if kept.height else firsts
    runs = kept[firsts].with_columns(kept["end"].gather(lasts).alias("end"))
    if last:
        runs = runs.with_columns(kept["time"].gather(lasts).alias(last)).drop("time")
    return runs.filter(pl.any_horizontal(pl.col(weight) != 0 for weight in weights) & (pl.col("end") > pl.col("start")))


def device_changes(devices: pl.DataFrame) -> pl.DataFrame:
    """The times at which another device is charted than before: subject, stop."""
    text = pl.col("text").cast(pl.String)
    moments = devices.group_by("subject", "time").agg(text.min().alias("first"), text.max().alias("last"))
    moments = moments.sort("subject", "time")
    alike = (pl.col("first") == pl.col("last")) & (pl.col("first").shift(1) == pl.col("last").shift(1))
    alike &= pl.col("first") == pl.col("first").shift(1)
    changed = (pl.col("subject") == pl.col("subject").shift(1)) & ~alike
    return moments.filter(changed).select("subject", pl.col("time").alias("stop"))


def device_ends(devices: pl.DataFrame) -> pl.DataFrame:
    """The times after which an earlier flow says nothing without a device: device rows and given ends."""
    rows = devices.select("subject", pl.col("time").alias("stop"))
    ended = pl.col("until").is_not_null() & (pl.col("text").cast(pl.String) != "room_air")
    given = devices.filter(ended).select("subject", pl.col("until").alias("stop"))
    return pl.concat([rows, given]).sort("subject", "stop")
