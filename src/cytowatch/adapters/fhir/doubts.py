"""Therapies in doubt, of which something could not be read, placed when everything else has been admitted.

A day without a time: all that day, in whatever zone it may be. No moment at all: from the patient's first moment on.
A drug that says nothing of itself: every drug it could be. A dose has no length, so it is charted as the first and as
the last thing of its time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cytowatch.adapters.fhir.things import EVERY_DEVICE, EVERY_DRUG
from cytowatch.adapters.times import read_times, within_calendar
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import HOUR_US

_SECOND_US = 1_000_000
_UNREAD = "unread"
_PARTIAL = r"^\s*\d{4}(?:-\d{2}){0,2}\s*$"
# where on earth a day begins first, and where it ends last
_EASTMOST, _WESTMOST = timedelta(hours=14), timedelta(hours=12)
_LASTING = ("infusion", "device")
_THERAPIES = (*_LASTING, "dose")
_KEPT = ("row", "source", "patient", "concept", "status", "available")


def without_moment(stated: pl.DataFrame, knowledge: Knowledge, zone: str | None) -> pl.DataFrame:
    """Of what is stated the therapies whose moment admission will refuse (no zone, 31 February)."""
    therapies = [key for key, concept in knowledge.concepts.items() if concept.kind in _THERAPIES]
    given = stated.filter(pl.col("concept").is_in(therapies), pl.col("status").ne_missing("entered-in-error"))
    return given.filter(_moments(given["time"], zone).is_null())


def placed(unread: pl.DataFrame, observed: pl.DataFrame, knowledge: Knowledge, zone: str | None) -> pl.DataFrame:
    """Rows in doubt, to be admitted: the contract's long table with ``row`` and moments that are typed."""
    late = unread.filter(pl.col("patient").is_not_null())
    spans = pl.DataFrame(
        {"start": _edges(late["time"], zone, 0), "start_end": _edges(late["time"], zone, 1),
         "end": _edges(late["until"], zone, 1)}
    )  # fmt: skip
    exact = pl.col("start") == pl.col("start_end")
    frame = late.select(_KEPT).hstack(spans).with_columns(end=pl.coalesce("end", pl.when(~exact).then("start_end")))
    frame = _named(frame, knowledge)
    kinds = {key: concept.kind for key, concept in knowledge.concepts.items()}
    frame = frame.with_columns(pl.col("concept").replace_strict(kinds, default=None).alias("kind"))
    lasting = pl.col("kind").is_in(_LASTING)
    dated = frame.filter(pl.col("start").is_not_null())
    of_day = pl.col("start") != pl.col("start_end")
    undated = frame.filter(pl.col("start").is_null(), pl.col("kind").is_in(_THERAPIES))
    # a reading that says only its day ends none: nobody knows which came before it
    ended = ~of_day | (pl.col("kind") != "reading")
    parts = [
        dated.filter(lasting | (pl.col("kind") != "dose"), ended),
        dated.filter(pl.col("kind") == "dose").with_columns(end=pl.lit(None, pl.Int64)),
        dated.filter(pl.col("kind") == "dose", of_day).with_columns(
            start=pl.col("end") - _SECOND_US, end=pl.lit(None, pl.Int64)
        ),
        _at_any_time(undated, observed, lasting),
    ]
    whole = pl.concat([part.select(*_KEPT, "start", "end", "kind", "every") for part in parts])
    return _typed(_beside_open_rates(whole, observed))


def _moments(given: pl.Series, zone: str | None) -> pl.Series:
    return within_calendar(read_times(given, zone, file="")).us


def _edges(given: pl.Series, zone: str | None, side: int) -> pl.Series:
    """The first (0) or last (1) moment that a text may mean, in microseconds; null where it says none."""
    partial = given.str.contains(_PARTIAL).fill_null(value=False)
    whole = _moments(given.set(partial, None), zone)
    days = {text: _of_days(text.strip(), zone)[side] for text in given.filter(partial).unique()}
    return whole.zip_with(~partial, given.replace_strict(days, default=None, return_dtype=pl.Int64))


def _of_days(text: str, zone: str | None) -> tuple[int | None, int | None]:
    """From when to when a year, a month or a day lasts; without a zone, anywhere on earth."""
    year, month, day = (*(int(part) for part in text.split("-")), 0, 0)[:3]
    try:
        first = date(year, month or 1, day or 1)
        last = first + timedelta(days=1) if day else date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
        sides = [datetime(one.year, one.month, one.day, tzinfo=ZoneInfo(zone or "UTC")) for one in (first, last)]
        if zone is None:
            sides = [sides[0] - _EASTMOST, sides[1] + _WESTMOST]
        began, ended = (int((one - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * _SECOND_US for one in sides)
    except (ValueError, OverflowError):
        return None, None
    return began, ended


def _named(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """In place of any drug (or device) each one; two such doubts of one patient within an hour are one."""
    meant = {EVERY_DRUG: ("infusion", "dose"), EVERY_DEVICE: ("device",)}
    pairs = [(k, key) for k, kinds in meant.items() for key, one in knowledge.concepts.items() if one.kind in kinds]
    table = pl.DataFrame(pairs, schema={"concept": pl.String, "each": pl.String}, orient="row")
    any_of = frame.filter(pl.col("concept").is_in(list(meant)))
    hour = any_of.select("patient", "concept", "end", hour=pl.col("start") // HOUR_US)
    few = any_of.filter(hour.select(pl.struct(pl.all()).is_first_distinct()).to_series())
    each = few.join(table, on="concept").with_columns(concept="each", every=True).drop("each")
    known = frame.filter(~pl.col("concept").is_in(list(meant))).with_columns(every=pl.lit(value=False))
    return pl.concat([known, each.select(known.columns)])


def _at_any_time(undated: pl.DataFrame, observed: pl.DataFrame, lasting: pl.Expr) -> pl.DataFrame:
    """Of what says no moment: on all the time, and on after it; or given at the first or last moment of any day."""
    ends = observed.group_by("patient").agg(
        pl.col("time").min().alias("first"),
        pl.max_horizontal(pl.col("time").max(), pl.col("until").max()).alias("last"),
    )
    known = undated.join(ends, on="patient")
    nothing = pl.lit(None, pl.Int64)
    of_day = observed.group_by("patient", pl.col("time") // (24 * HOUR_US))
    days = of_day.agg(pl.col("time").min().alias("first"), pl.col("time").max().alias("last")).select(
        "patient", pl.concat_list("first", "last").alias("first")
    )
    points = undated.filter(~lasting).join(days, on="patient").explode("first").unique()
    parts = [
        known.filter(lasting, pl.col("last") > pl.col("first")).with_columns(start="first", end="last"),
        known.filter(lasting).with_columns(start="last", end=nothing),
        points.with_columns(start="first", end=nothing, last=nothing),
    ]
    return pl.concat([part.select(undated.columns) for part in parts])


def _beside_open_rates(doubts: pl.DataFrame, observed: pl.DataFrame) -> pl.DataFrame:
    """A doubt ends what runs open: so none of any drug beside a rate that runs, and none that would make it end."""
    on = ["patient", "concept"]
    rates = observed.join(doubts.filter(kind="infusion").select(on).unique(), on=on, how="semi")
    if rates.is_empty():
        return doubts
    runs = (pl.col("until").is_null() & pl.col("value").ne_missing(0.0)).alias("runs")
    rates = rates.select(*on, pl.col("time").alias("start"), runs).sort("start")
    beside = doubts.sort("start").join_asof(rates, on="start", by=on, strategy="backward", check_sortedness=False)
    running = pl.col("runs").fill_null(value=False)
    kept = beside.filter(~(pl.col("every") & running))
    return kept.with_columns(end=pl.when(~running).then("end")).drop("runs")


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    when = [pl.from_epoch(pl.col(name), "us").dt.replace_time_zone("UTC").alias(to) for name, to in _MOMENTS]
    return frame.select(*_KEPT, *when, value=pl.lit(_UNREAD), text=pl.lit(_UNREAD))


_MOMENTS = (("start", "time"), ("end", "until"))
