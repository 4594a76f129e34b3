"""Therapies that last: certain from a start to an end that are known, in doubt over what a cut date leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cytowatch.adapters.sdtm.dates import Moment
from cytowatch.adapters.sdtm.rows import capitals, cell, cut_short, facts, rejected

_UNREAD = "date only"
DOUBT = "from the first to the last moment that the dates allow it is unknown whether it was given"
Part = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Seen:
    """The days on which a patient is seen at all (``patient, first_day, last_day``): nothing is in doubt on others."""

    days: pl.DataFrame

    def beside(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with the first and last day of their patient; empty for patients of whom nothing is known."""
        return frame.join(self.days, left_on="USUBJID", right_on="patient", how="left", maintain_order="left")


def ongoing(frame: pl.DataFrame, domain: str) -> pl.Expr:
    """Whether a row says that it went on when the study looked last."""
    flags = (f"{domain}ENRTPT", f"{domain}ENRF", f"{domain}ENTPT")
    words = ["ONGOING", "DURING/AFTER", "AFTER"]
    return pl.any_horizontal(capitals(cell(frame, name)).is_in(words) for name in flags).fill_null(value=False)


def lasting(frame: pl.DataFrame, start: Moment, end: Moment, domain: str, seen: Seen) -> Part:
    """Infusions and devices, from start to end: raw facts, silent rows, facts in doubt.

    An end that is not written is open. An end cut short leaves the therapy certain up to the first moment that it can
    mean, and in doubt from there to the last; a start cut short, or none, leaves all of it in doubt.
    """
    vague = pl.col(start.partial) | pl.col(start.text).is_null()
    later = pl.col(start.text).str.slice(0, 16) < pl.col(end.earliest).str.slice(0, 16)
    certain = ~vague & pl.col(end.partial) & later.fill_null(value=False)
    whole = ~vague & ~pl.col(end.partial)
    until = pl.when(pl.col(end.partial)).then(pl.col(end.earliest)).otherwise(pl.col(end.text))
    raw = _stated(frame.filter(whole | certain), start.text, until)
    tail, unclear = frame.filter(certain), seen.beside(frame.filter(~whole & ~certain))
    unclear = unclear.with_columns(_from(start).alias("_from"), _to(unclear, start, end, domain).alias("_to"))
    placed = unclear.filter(pl.col("_from").is_not_null())
    doubt = [in_doubt(tail, end.earliest, pl.col(end.latest)), in_doubt(placed, "_from", pl.col("_to"))]
    return raw, pl.concat([cut_short(tail, end, consequence=DOUBT), vague_rows(unclear, start, end)]), pl.concat(doubt)


def over_its_time(frame: pl.DataFrame, start: Moment, end: Moment, domain: str, seen: Seen) -> pl.DataFrame:
    """Infusions and devices of which it is not known that they ran, in doubt over all the time that a row may mean.

    One with a start that can be placed and no end is open.
    """
    beside = seen.beside(frame)
    placed = ~pl.col(start.partial) & pl.col(start.text).is_not_null()
    until = pl.when(~(placed & pl.col(end.text).is_null())).then(_to(beside, start, end, domain))
    spans = beside.with_columns(_from(start).alias("_from"), until.alias("_to"))
    return in_doubt(spans.filter(pl.col("_from").is_not_null()), "_from", pl.col("_to"))


def _midnight(day: str, days: int = 0) -> pl.Expr:
    return (pl.col(day) + pl.duration(days=days)).dt.strftime("%Y-%m-%dT00:00")


def _from(start: Moment) -> pl.Expr:
    """The first moment that a start can mean; without a start the first day on which the patient is seen."""
    return pl.when(pl.col(start.text).is_null()).then(_midnight("first_day")).otherwise(pl.col(start.earliest))


def _to(frame: pl.DataFrame, start: Moment, end: Moment, domain: str) -> pl.Expr:
    """The last moment that an end can mean; of an open one a day after the latest start, or the last day seen."""
    latest = pl.col(start.latest).str.slice(0, 16).str.to_datetime("%Y-%m-%dT%H:%M", strict=False)
    after = latest.dt.offset_by("1d").dt.strftime("%Y-%m-%dT%H:%M")
    open_end = pl.when(ongoing(frame, domain) | pl.col(start.text).is_null()).then(_midnight("last_day", days=1))
    return pl.coalesce(pl.when(pl.col(end.text).is_not_null()).then(pl.col(end.latest)), open_end, after)


def _stated(frame: pl.DataFrame, start: str, until: pl.Expr) -> pl.DataFrame:
    amount = pl.col("kind") == "infusion"
    return facts(
        frame,
        start,
        until=until,
        concept=pl.col("concept"),
        value=pl.when(amount).then("_dose"),
        unit=pl.when(amount).then("_unit"),
        text=pl.when(~amount).then("category"),
    )


def in_doubt(frame: pl.DataFrame, time: str, until: pl.Expr) -> pl.DataFrame:
    """Facts that nobody can read, so that admission puts the therapy in doubt."""
    named = pl.col("kind").is_in(["device", "exception", "reading", "switch"])
    return facts(
        frame,
        time,
        until=until,
        concept=pl.col("concept"),
        value=pl.when(~named).then(pl.lit(_UNREAD)),
        text=pl.when(named).then(pl.lit(_UNREAD)),
    )


def vague_rows(frame: pl.DataFrame, start: Moment, end: Moment) -> pl.DataFrame:
    """Rejects of rows without a start that can be placed."""
    none = frame.filter(pl.col(start.text).is_null())
    cut = frame.filter(pl.col(start.text).is_not_null())
    told = cut.with_columns(pl.when(pl.col(start.partial)).then(start.text).otherwise(end.text).alias(start.text))
    missing = rejected(
        none,
        "missing_time",
        pl.lit("the row says no start"),
        f"give the start with its time of day; {DOUBT}",
        concept=pl.col("concept"),
    )
    return pl.concat([cut_short(told, start, consequence=DOUBT), missing])
