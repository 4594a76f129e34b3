"""Moments: ISO 8601 with a zone, hours from a zero, and everything else refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytowatch.adapters import admit
from cytowatch.adapters.times import read_hours, read_times
from cytowatch.errors import InputError
from cytowatch.knowledge import load

KNOWLEDGE = load()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def read(*texts: str | None, zone: str | None = None) -> tuple[list[int | None], list[str | None]]:
    found = read_times(pl.Series("time", texts, dtype=pl.String), zone, file="x.csv")
    rules = found.rule.to_list() if found.rule is not None else [None] * len(texts)
    return found.us.to_list(), rules


TEN = us(datetime(2024, 3, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T10:00:00Z",
        "2024-03-01T10:00:00.000Z",
        "2024-03-01T11:00:00+01:00",
        "2024-03-01T11:00:00+0100",
        "2024-03-01T11:00:00+01",
        "2024-03-01T04:30:00-05:30",
        "2024-03-01 10:00:00Z",
        "2024-03-01 10:00:00 Z",
        "2024-03-01T10:00Z",
        "2024-03-01t10:00z",
        "2024-03-01 12:00+02",
        "2024-03-01T10:00:00,0Z",
        " 2024-03-01T10:00:00Z ",
    ],
)
def test_spellings_of_one_moment(text: str) -> None:
    assert read(text) == ([TEN], [None])
    # beside others too, where another path may read it
    assert read("2024-03-01T10:00:00Z", text, "x")[0] == [TEN, TEN, None]


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1)),  # noqa: DTZ001 (the zone is drawn apart)
    st.integers(-12 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_any_moment_in_any_offset(naive: datetime, minutes: int, between: str) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert read(moment.isoformat(between)) == ([us(moment)], [None])


@pytest.mark.parametrize("offset", ["+15:00", "+14:01", "-12:01", "-13", "+0560", "+99:00"])
def test_an_offset_that_does_not_exist(offset: str) -> None:
    assert read(f"2024-03-01T10:00:00{offset}", "2024-03-01T10:00:00Z") == ([None, TEN], ["bad_time", None])


@pytest.mark.parametrize(
    "text", ["yesterday", "2024-03-01", "01.03.2024 10:00", "2024-02-30T10:00:00Z", "2024-03-01T25:00:00Z", "45352.5"]
)
def test_what_is_no_moment(text: str) -> None:
    assert read(text, "2024-03-01T10:00:00Z") == ([None, TEN], ["bad_time", None])


# the trap `no_zone` of the manifest
def test_a_time_without_a_zone() -> None:
    assert read("2024-03-01T10:00:00") == ([None], ["no_time_zone"])
    assert read("2024-03-01T10:00:00", "2024-03-01T10:00:00Z", None, zone="America/New_York") == (
        [TEN + 5 * 3_600_000_000, TEN, None],
        [None, None, None],
    )


def test_daylight_saving() -> None:
    skipped, doubled, summer = "2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-07-01T12:00:00"
    found, rules = read(skipped, doubled, summer, zone="Europe/Berlin")
    assert rules == ["nonexistent_local_time", "ambiguous_local_time", None]
    assert found == [None, None, us(datetime(2024, 7, 1, 10, tzinfo=UTC))]
    # with an offset both hours are certain, and an hour apart
    (first, second), _ = read("2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00", zone="Europe/Berlin")
    assert first is not None
    assert second == first + 3_600_000_000


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_typed_times(unit: str) -> None:
    aware = pl.Series("time", [datetime(2024, 3, 1, 10, tzinfo=UTC)]).cast(pl.Datetime(unit, "UTC"))
    for column in (aware, aware.dt.convert_time_zone("Asia/Tokyo")):
        assert read_times(column, None, file="x").us.to_list() == [TEN]
    naive = aware.dt.replace_time_zone(None)
    assert read_times(naive, None, file="x").rule.to_list() == ["no_time_zone"]
    assert read_times(naive, "UTC", file="x").us.to_list() == [TEN]


def test_a_column_of_dates_or_numbers() -> None:
    dates = pl.Series("time", [datetime(2024, 3, 1).date()])  # noqa: DTZ001 (a date has no zone)
    assert read_times(dates, "UTC", file="x").rule.to_list() == ["bad_time"]
    with pytest.raises(InputError, match="not a timestamp"):
        read_times(pl.Series("time", [1.0]), None, file="x")


def test_hours() -> None:
    found = read_hours(pl.Series(["0", "1.5", "-2", "1,5", None, "x", "<3", "1e300"]))
    hour = 3_600_000_000
    assert found.us.to_list() == [0, 3 * hour // 2, -2 * hour, 3 * hour // 2, None, None, None, None]
    assert found.rule.to_list() == [None] * 5 + ["bad_time"] * 3


ROWS = {"patient": "P", "concept": "spo2", "value": "97", "unit": "%"}


def test_a_table_in_hours() -> None:
    frame = pl.DataFrame([{**ROWS, "hours": "2.5", "until_hours": "3", "available": "2.75"}])
    found = admit(frame, KNOWLEDGE, file="x")
    assert found.clock == "hours"
    row = found.observations.row(0, named=True)
    hour = 3_600_000_000
    assert (row["time"], row["until"], row["available"]) == (2.5 * hour, 3 * hour, 2.75 * hour)


def test_two_clocks_in_one_table() -> None:
    time = "2024-03-01T10:00:00Z"
    rows = [{"time": time}, {"time": time}, {"hours": "1"}, {"time": time, "until_hours": "3"}, {}]
    frame = pl.DataFrame([{"time": None, "hours": None, "until_hours": None, **ROWS, **row} for row in rows])
    found = admit(frame, KNOWLEDGE, file="x")
    assert found.clock == "time"
    assert found.rejects["rule"].to_list() == ["mixed_clock", "mixed_clock", "missing_time"]
    assert found.rejects["value"].to_list() == ["1", "3", None]
    forced = admit(frame, KNOWLEDGE, file="x", clock="hours")
    assert len(forced.observations) == 1


def test_a_row_with_both_clocks_is_read_by_that_of_the_table() -> None:
    frame = pl.DataFrame([{**ROWS, "time": "2024-03-01T10:00:00Z", "hours": "1"}])
    found = admit(frame, KNOWLEDGE, file="x")
    assert (found.clock, found.observations["time"].to_list()) == ("time", [TEN])
