"""When something was: a date with a clock time, and what is made of rows that give a day only.

The model writes a time that is not known as midnight, or leaves it out. A day is never made into a moment. A therapy of
which only the day is known is unknown on that day: it may have run, and it is not told when.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import SILENT
from cytowatch.knowledge.model import Knowledge

_CLOCK = r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}"
_DAY = r"^(\d{4}-\d{2}-\d{2})"
_TIME = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$"
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?$"
# years that stand for "not known" in the systems that write them; shifted records reach the 23rd century
_FIRST_YEAR, _LAST_YEAR = 1901, 2900
_WHY = {
    "partial_date": "only the day is known, not the time",
    "placeholder_date": "the year stands for a date that is not known",
    "unknown_code": "no table knows the concept, and its words speak of one that is needed",
}
_NAMELESS = "no table knows the concept, and the row has no words for what it is"
_HINT = {
    "partial_date": "fill the column that ends in _datetime; a day is not taken for midnight",
    "placeholder_date": "correct it at the source",
    "unknown_code": "map it with --codes, or give it the fate `ignore` there",
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


def with_unknown(frame: pl.DataFrame) -> pl.DataFrame:
    """Refuses the rows whose concept no table knows, whatever is said of their date; adds ``day_only``."""
    unknown = pl.col("unread").is_not_null() & ~pl.col("rule").eq_missing(pl.lit("placeholder_date"))
    return frame.with_columns(
        day_only=pl.col("rule").eq_missing(pl.lit("partial_date")),
        rule=pl.when(unknown).then(pl.lit("unknown_code")).otherwise("rule"),
    )


def refused(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a ``rule``, as rejects; one that could be anything once, without a concept."""
    bad = frame.filter(pl.col("rule").is_not_null())
    anything = pl.col("unread").eq_missing(pl.lit("nameless"))
    by_rule = {"partial_date": "; what was given that day is unknown",
               "unknown_code": "; until then it may have been given over its time"}  # fmt: skip
    consequence = pl.col("rule").replace_strict(by_rule, default="", return_dtype=pl.String)
    why = pl.col("rule").replace_strict(_WHY, default="", return_dtype=pl.String)
    unknown = pl.col("rule") == "unknown_code"
    return bad.select(
        "row", "source", patient="person_id",
        concept=pl.when(~anything).then("concept"),
        value=pl.when(unknown).then("printed").otherwise("time"),
        fate=pl.lit("rejected"), rule="rule",
        reason=pl.when(unknown & anything).then(pl.lit(_NAMELESS)).otherwise(why),
        hint=pl.col("rule").replace_strict(_HINT, default="", return_dtype=pl.String)
        + pl.when("doubtful").then(consequence).otherwise(pl.lit("")),
    ).select(SILENT).unique(maintain_order=True)  # fmt: skip


def in_doubt(frame: pl.DataFrame) -> pl.DataFrame:
    """For rejected therapies, raw rows that nobody can read: in doubt over their time, or all their day.

    Of which only the day is known, an infusion or a device may have been on from the first to the last moment of its
    days. A dose has no length: it may have been the first thing on its day or the last, so both are charted (decision
    0028).
    """
    refused_rows = frame.filter(pl.col("rule").is_in(["partial_date", "unknown_code"]), pl.col("doubtful"))
    lasting = pl.col("kind") != "dose"
    bad, timed = refused_rows.filter("day_only"), refused_rows.filter(~pl.col("day_only"))
    first = bad.with_columns(
        time=pl.col("day") + " 00:00:00", until=pl.when(lasting).then(pl.coalesce(day_after("last"), day_after("day")))
    )
    last = bad.filter(~lasting).with_columns(time=pl.col("day") + " 23:59:59", until=pl.lit(None, pl.String))
    later = pl.col("last").str.extract(_DAY) > pl.col("day")
    by_day = at_midnight("end") | (pl.col("end").is_null() & later)
    ends = pl.when(by_day).then(day_after("last")).when(same_moment("end") != same_moment("time")).then("end")
    whole = timed.with_columns(until=pl.when(lasting).then(ends))
    return pl.concat([first, last, whole]).select(
        "row", "source", "time", "until", "concept", patient="person_id", value=pl.lit("not told")
    )


def placeholder_days(knowledge: Knowledge) -> int:
    """From how many days on an end stands for one that is not known."""
    return int(float(str(knowledge.policy("placeholder_end_days"))))


def ends_by_day(frame: pl.DataFrame, longest_days: int) -> pl.DataFrame:
    """Adds what is known of an end at exactly midnight, which only tells its day, for ``time``, ``day`` and ``end``.

    ``own_day``: it is the day of the start. ``loose``: it is a later one, so that the row holds until that day begins,
    and all that day it is unknown when it ended. An end at which the next row of the same begins is what it says.
    """
    starts = frame.select("person_id", "concept", ends=same_moment("time")).unique().with_columns(goes_on=True)
    frame = frame.with_columns(ends=same_moment("end"))
    frame = frame.join(starts, on=["person_id", "concept", "ends"], how="left", maintain_order="left")
    first, last = (pl.col(name).str.extract(_DAY).str.to_date("%Y-%m-%d", strict=False) for name in ("day", "end"))
    days = (last - first).dt.total_days()
    by_day = at_midnight("end") & ~at_midnight("time")
    return frame.with_columns(
        own_day=(by_day & (days == 0)).fill_null(value=False),
        loose=(by_day & days.is_between(1, longest_days) & pl.col("goes_on").is_null()).fill_null(value=False),
    )


def last_days(facts: pl.DataFrame, text: str | None = None) -> pl.DataFrame:
    """For facts with a ``loose`` end one more, in doubt all the day on which they ended."""
    return facts.filter("loose").with_columns(
        time="end", until=day_after("end"), value=pl.lit(None if text else "0", pl.String), comparator=pl.lit(">="),
        unit=pl.lit(None, pl.String), text=pl.lit(text, pl.String),
    )  # fmt: skip


def last_seconds(doses: pl.DataFrame) -> pl.DataFrame:
    """For doses at exactly midnight, of which only the day is known, one more at the last second of their day."""
    return doses.filter("day_only").with_columns(time=pl.col("day") + " 23:59:59")
