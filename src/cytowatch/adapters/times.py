"""Moments: ISO 8601 with a zone, or hours from a zero of the file, into whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from cytowatch.adapters.numbers import read_numbers, trimmed
from cytowatch.errors import ArgumentError, InputError
from cytowatch.schema import HOUR_US

_FAST = "%Y-%m-%dT%H:%M:%S%.f%#z"
_ISO = r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:[.,]\d{1,9})?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?$"
# offsets in the world go from -12:00 to +14:00, in whole minutes of an hour
_NOWHERE = (
    r"[Tt ]\d{2}:\d{2}.*(?:[+-](?:1[5-9]|[2-9]\d)(?::?\d{2})?|-1[34](?::?\d{2})?|-12:?(?:0[1-9]|[1-9]\d)"
    r"|\+14:?(?:0[1-9]|[1-9]\d)|[+-]\d{2}:?[6-9]\d)\s*$"
)
# a number of hours beyond this cannot be a bedside time, and would not fit into microseconds
_MAX_HOURS = 1e8
# 1 January of the year 1, and the end of 9999
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999


@dataclass(frozen=True)
class Moments:
    """Microseconds a row, and the rule that refused it, if any; ``rule`` is None where no row is refused."""

    us: pl.Series
    rule: pl.Series | None = None


def check_zone(zone: str | None) -> None:
    """ArgumentError if the zone has no entry in the time zone database."""
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as cause:
        raise ArgumentError(
            f"the time zone {zone!r} is not known",
            why="times without a zone cannot be placed without it",
            hint="give an IANA name such as Europe/Berlin, America/New_York or UTC",
        ) from cause


def read_times(given: pl.Series, zone: str | None, *, file: str) -> Moments:
    """Read timestamps; rules `bad_time`, `no_time_zone`, `ambiguous_local_time`, `nonexistent_local_time`."""
    if given.dtype == pl.Null:
        return Moments(given.cast(pl.Int64))
    if isinstance(given.dtype, pl.Datetime):
        typed = given.dt.cast_time_unit("us")
        return Moments(typed.to_physical()) if given.dtype.time_zone else _local(typed, zone)
    if given.dtype == pl.Date:
        return Moments(pl.Series([None], dtype=pl.Int64).new_from_index(0, len(given)), _rule(given.is_not_null()))
    if given.dtype not in (pl.String, pl.Categorical) and not isinstance(given.dtype, pl.Enum):
        raise InputError(
            f"the column {given.name!r} is of type {given.dtype}, not a timestamp",
            where=file,
            why="without the time of each row nothing can be graded",
            hint="write timestamps with a zone, or use `hours` for hours from a zero of the file",
        )
    return _from_text(trimmed(given), zone)


def within_calendar(moments: Moments) -> Moments:
    """Refuse what lies outside the years 1 to 9999 once it is in UTC (rule `bad_time`): no table can hold it."""
    beyond = ((moments.us < _FIRST_US) | (moments.us > _LAST_US)).fill_null(value=False)
    if not beyond.any():
        return moments
    bad = pl.when(beyond).then(pl.lit("bad_time"))
    rule = pl.select(bad if moments.rule is None else pl.coalesce(bad, pl.lit(moments.rule))).to_series()
    return Moments(moments.us.set(beyond, None), rule)


def read_hours(given: pl.Series) -> Moments:
    """Read hours from the file's zero; rule `bad_time`."""
    numbers = read_numbers(given)
    bad = (numbers.value.abs() > _MAX_HOURS).fill_null(False)
    for extra in (numbers.bad, None if numbers.comparator is None else numbers.comparator.is_not_null()):
        bad = bad if extra is None else bad | extra
    ambiguous = None if numbers.other is None else numbers.other.is_not_null()
    bad = bad if ambiguous is None else bad | ambiguous
    value = numbers.value.set(bad, None) if bad.any() else numbers.value
    return Moments((value * HOUR_US).round().cast(pl.Int64), _rule(bad))


def _rule(bad: pl.Series, name: str = "bad_time") -> pl.Series | None:
    return pl.select(pl.when(bad).then(pl.lit(name))).to_series() if bad.any() else None


def _local(naive: pl.Series, zone: str | None) -> Moments:
    """Place wall-clock times in a zone; the hour that a clock change doubles or skips has no single place."""
    given = naive.is_not_null()
    if zone is None:
        return Moments(naive.to_physical().set(given, None), _rule(given, "no_time_zone"))
    placed = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    lost = given & placed.is_null()
    if not lost.any():
        return Moments(placed.to_physical())
    exists = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_not_null()
    name = pl.when(exists).then(pl.lit("ambiguous_local_time")).otherwise(pl.lit("nonexistent_local_time"))
    return Moments(placed.to_physical(), pl.select(pl.when(lost).then(name)).to_series())


def _from_text(text: pl.Series, zone: str | None) -> Moments:
    """The common spelling in one pass; the rest by its parts."""
    fast = text.str.to_datetime(_FAST, strict=False, time_unit="us").to_physical()
    if (nowhere := text.str.contains(_NOWHERE).fill_null(value=False)).any():
        # refused like any text that is no time
        fast, text = fast.set(nowhere, None), text.set(nowhere, "offset that does not exist")
    hard = fast.is_null() & text.is_not_null()
    if not hard.any():
        return Moments(fast)
    where = hard.arg_true()
    slow = _by_parts(text.gather(where), zone)
    us = fast.scatter(where, slow.us)
    if slow.rule is None:
        return Moments(us)
    none = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    return Moments(us, none.scatter(where, slow.rule))


def _by_parts(text: pl.Series, zone: str | None) -> Moments:
    """Date, clock, seconds and offset apart: a space for the T, no seconds, a comma, or no zone at all."""
    parts = text.str.extract_groups(_ISO).struct.rename_fields(["date", "clock", "seconds", "offset"]).struct.unnest()
    stamp = parts["date"] + "T" + parts["clock"] + parts["seconds"].fill_null(":00").str.replace(",", ".")
    naive = stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    bare = parts["offset"].is_null()
    local = _local(naive.set(~bare, None), zone)
    us = local.us.zip_with(bare, naive.to_physical() - _offset_us(parts["offset"]))
    unread = pl.when(pl.lit(naive).is_null()).then(pl.lit("bad_time"))
    rule = pl.select(unread if local.rule is None else pl.coalesce(unread, pl.lit(local.rule))).to_series()
    return Moments(us, rule if rule.is_not_null().any() else None)


def _offset_us(offset: pl.Series) -> pl.Series:
    """Microseconds east of Greenwich of `Z`, `+02`, `+0200`, `+02:00`."""
    digits = offset.str.replace_all("[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False) * 60
    minutes = minutes + digits.str.slice(2, 2).cast(pl.Int64, strict=False)
    sign = pl.select(pl.when(pl.lit(offset).str.starts_with("-")).then(-1).otherwise(1).cast(pl.Int64)).to_series()
    return minutes * sign * 60_000_000
