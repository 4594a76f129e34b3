"""When something was: a date with a clock time, and what is made of rows that give a day only.

The model writes a time that is not known as midnight, or leaves it out. A day is never made into a moment. A therapy of
which only the day is known is unknown on that day: it may have run, and it is not told when.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import SILENT

_CLOCK = r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}"
_DAY = r"^(\d{4}-\d{2}-\d{2})"
_TIME = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$"
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?$"
# years that stand for "not known" in the systems that write them; shifted records reach the 23rd century
_FIRST_YEAR, _LAST_YEAR = 1901, 2900
_WHY = {
    "partial_date": "only the day is known, not the time",
    "placeholder_date": "the year stands for a date that is not known",
}
_HINT = {
    "partial_date": "fill the column that ends in _datetime; a day is not taken for midnight",
    "placeholder_date": "correct it at the source",
}


def with_moment(frame: pl.DataFrame, date: str, moment: str, clock: str | None = None) -> pl.DataFrame:
    """Adds ``time`` (text with a clock), ``day``, and ``rule`` where only a day, or a stand-in for one, is given.

    ``date``, ``moment``, ``clock``: the columns of the table for the day, the moment, and the time of day alone.
    """
    full: pl.Expr = pl.when(pl.col(moment).str.contains(_CLOCK)).then(pl.col(moment))
    day = pl.coalesce(pl.col(moment).str.extract(_DAY), pl.col(date).str.extract(_DAY))
    if clock is not None:
        told = pl.when(pl.col(clock).str.contains(_TIME)).then(pl.col(clock).str.pad_start(5, "0"))
        full = pl.coalesce(full, day + " " + told)
    year = day.str.slice(0, 4).cast(pl.Int32, strict=False)
    said = pl.coalesce(moment, date)
    return frame.with_columns(time=pl.coalesce(full, said), day=day).with_columns(
        rule=pl.when(year.is_between(_FIRST_YEAR, _LAST_YEAR, closed="left").not_())
        .then(pl.lit("placeholder_date"))
        .when(full.is_null() & day.is_not_null())
        .then(pl.lit("partial_date"))
    )


def ending(moment: str) -> pl.Expr:
    """The end of something, where it is written with a clock time."""
    return pl.when(pl.col(moment).str.contains(_CLOCK)).then(pl.col(moment))


def same_moment(column: str) -> pl.Expr:
    """A moment in the one spelling in which two that are the same are alike: to the second, or as fine as written."""
    plain = pl.col(column).str.replace("T", " ").str.replace(r"\.0+$", "")
    return pl.when(plain.str.contains(r"^\S+ \d{1,2}:\d{2}$")).then(plain + ":00").otherwise(plain)


def at_midnight(column: str) -> pl.Expr:
    """True where a moment is exactly midnight, which is how a time that is not known is written."""
    return pl.col(column).str.contains(_MIDNIGHT).fill_null(value=False)


def day_after(column: str) -> pl.Expr:
    """The midnight after the day of a text, as text; empty where it is none."""
    day = pl.col(column).str.extract(_DAY).str.to_date("%Y-%m-%d", strict=False)
    return day.dt.offset_by("1d").dt.strftime("%Y-%m-%d 00:00:00")


def refused(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a ``rule``, as rejects."""
    bad = frame.filter(pl.col("rule").is_not_null())
    consequence = pl.when(pl.col("doubtful")).then(pl.lit("; what was given that day is unknown")).otherwise(pl.lit(""))
    return bad.select(
        "row", "source", patient="person_id", concept="concept", value="time", fate=pl.lit("rejected"), rule="rule",
        reason=pl.col("rule").replace_strict(_WHY, default="", return_dtype=pl.String),
        hint=pl.col("rule").replace_strict(_HINT, default="", return_dtype=pl.String) + consequence,
    ).select(SILENT)  # fmt: skip


def day_in_doubt(frame: pl.DataFrame) -> pl.DataFrame:
    """For rejected therapies of a known day, raw rows that nobody can read: in doubt all that day.

    An infusion or a device may have been on from the first to the last moment of its days. A dose has no length: it
    may have been the first thing on its day or the last, so both are charted (decision 0028).
    """
    bad = frame.filter(pl.col("rule") == "partial_date", pl.col("doubtful"))
    lasting = pl.col("kind") != "dose"
    first = bad.with_columns(
        time=pl.col("day") + " 00:00:00", until=pl.when(lasting).then(pl.coalesce(day_after("last"), day_after("day")))
    )
    last = bad.filter(~lasting).with_columns(time=pl.col("day") + " 23:59:59", until=pl.lit(None, pl.String))
    both = pl.concat([first, last])
    return both.select("row", "source", "time", "until", "concept", patient="person_id", value=pl.lit("day only"))
