"""The edges of windows, on frames alone: what counts where, and what becomes of a window whose anchor ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cytowatch.advise.due import with_states
from cytowatch.advise.schedule import windows
from cytowatch.knowledge import load
from cytowatch.knowledge.plan import Anchor, MonitoringItem
from cytowatch.schema import HOUR_US

ITEM = next(item for item in load().plans.monitoring["nci-2016"].items if item.id == "vitals-4h")


def hours(value: float | None) -> int | None:
    """Hours as microseconds."""
    return None if value is None else round(value * HOUR_US)


def slot(now: float, *, start: float = 4, end: float | None = 8, known: float = 1000) -> pl.DataFrame:
    """One window, in hours."""
    times = {"start": start, "end": end, "first": 0.0, "known": known, "now": now}
    row = {"patient": "p", **{name: hours(value) for name, value in times.items()}}
    return pl.DataFrame([row], schema_overrides={"end": pl.Int64})


def state(now: float, *times: float, shows: tuple[str, ...] = ("crp",), **more: Any) -> str:
    """The state of one window with a CRP at these hours."""
    row = {"patient": "p", "concept": "crp", "source": "s"}
    schema = {"patient": pl.String, "concept": pl.String, "source": pl.String, "time": pl.Int64}
    rows = pl.DataFrame([{**row, "time": hours(time)} for time in times], schema=schema)
    keys = {name: more.pop(name) for name in ("start", "end", "known") if name in more}
    groups = tuple((name,) for name in shows)
    hidden = more.pop("hidden", frozenset())
    kinds = {"crp": "laboratory", "ferritin": "laboratory", "spo2": "vital"}
    frame = with_states(slot(now, **keys), groups, more.pop("times", 1), rows, hidden, kinds, **more)
    return str(frame["state"][0])


@pytest.mark.parametrize(
    ("now", "times", "more", "said"),
    [
        (3.9, (), {}, "upcoming"),
        (4, (), {}, "due"),
        (7.9, (), {}, "due"),
        (8, (3,), {}, "overdue"),
        (8, (4,), {}, "done"),
        (8, (3.9,), {}, "overdue"),
        (9, (8,), {}, "late"),
        # after a fall the start does not count and the end does
        (9, (4,), {"after_start": True}, "overdue"),
        (9, (8,), {"after_start": True}, "done"),
        (8, (3,), {"after_start": True}, "due"),
        # so many times
        (9, (5, 6), {"times": 2}, "done"),
        (7, (5,), {"times": 2}, "due"),
        (9, (5,), {"times": 2}, "overdue"),
        (9, (5, 5), {"times": 2}, "overdue"),
        (9, (5, 8.5), {"times": 2}, "late"),
        # an open window is due until it is done
        (900, (), {"end": None}, "due"),
        (900, (500,), {"end": None}, "done"),
        # nothing at all is recorded from the start of the window on
        (50, (), {"known": 4}, "unknown"),
        (50, (3,), {"known": 4}, "unknown"),
        (50, (3,), {"known": 4.1}, "overdue"),
        # no row at all of a kind: the source may not hold it; a laboratory value tells that it holds such values
        (50, (), {}, "unknown"),
        (50, (5,), {"shows": ("ferritin",)}, "overdue"),
        (50, (5,), {"shows": ("spo2",)}, "unknown"),
        (50, (3,), {"shows": ("crp", "spo2")}, "overdue"),
        # what no concept shows, or what the source does not record
        (50, (5,), {"shows": ()}, "not_recorded"),
        (3, (5,), {"shows": ()}, "upcoming"),
        (50, (5,), {"hidden": frozenset({"crp"})}, "not_recorded"),
        (50, (5,), {"shows": ("crp", "spo2"), "hidden": frozenset({"spo2"})}, "not_recorded"),
        (50, (3,), {"shows": ("crp", "spo2"), "hidden": frozenset({"spo2"})}, "overdue"),
        (50, (5,), {"shows": ("crp", "spo2")}, "unknown"),
    ],
)
def test_what_became_of_a_window(now: float, times: tuple[float, ...], more: dict[str, Any], said: str) -> None:
    assert state(now, *times, **more) == said


def laid(item: MonitoringItem, *, stop: float | None, over: bool, now: float = 30, ahead: float = 0) -> list[list[Any]]:
    """Windows after one anchor at 0, in hours: start, end, cut."""
    times = {"at": 0.0, "stop": stop, "now": now, "known": 1000.0, "death": None}
    row = {"patient": "p", "over": over, **{name: hours(value) for name, value in times.items()}}
    frame = pl.DataFrame([row], schema_overrides={"stop": pl.Int64, "death": pl.Int64})
    found = windows(item, frame, round(ahead * HOUR_US))
    return found.select(pl.col("start") / HOUR_US, pl.col("end") / HOUR_US, "cut").rows()


def test_windows_reach_as_far_ahead_as_asked_and_the_next_one_is_always_there() -> None:
    assert len(laid(ITEM, stop=None, over=False)) == 8
    assert len(laid(ITEM, stop=None, over=False, ahead=10)) == 10
    later = replace(ITEM, from_hours=720.0, to_hours=None, every_hours=720.0)
    assert laid(later, stop=None, over=False) == [(720.0, 1440.0, False)]


def test_the_last_window_ends_with_the_item_and_is_cut_by_what_ends_before_it() -> None:
    short = replace(ITEM, to_hours=10.0)
    assert laid(short, stop=None, over=False) == [(0.0, 4.0, False), (4.0, 8.0, False), (8.0, 10.0, False)]
    assert laid(ITEM, stop=6, over=True) == [(0.0, 4.0, False), (4.0, 6.0, True)]
    # exactly at an end nothing is cut
    assert laid(ITEM, stop=8, over=True) == [(0.0, 4.0, False), (4.0, 8.0, False)]


def test_a_stretch_that_goes_on_is_laid_out_up_to_now_and_no_further() -> None:
    item = replace(ITEM, anchor=Anchor("crs", 1), to_hours=None)
    assert laid(item, stop=9, over=False, now=8, ahead=100)[-1] == (8.0, 12.0, False)
    once = replace(item, every_hours=None)
    assert laid(once, stop=9, over=False, now=8) == [(0.0, None, False)]
    assert laid(once, stop=9, over=True, now=30) == [(0.0, 9.0, False)]
