"""The fast engine against the slow twin, on random patients: identical timelines, episodes and superseded rows.

A small part runs always; ``make twin`` (marker ``long``) runs COUNT patients, half of them on the clock of hours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import polars as pl
import pytest
from tests.generative.random_patients import random_patients
from tests.lib.unread import with_unread

from cytowatch.engine.apply import grade_observations, needed_by
from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge import load

SCALES = ["crs.astct-2019", "icans.astct-2019"]
KNOWLEDGE = load()
BATCH = 2_500
# what a run may be asked besides: as of a moment, an assumed trigger, therapies that the source does not record
OPTIONS: list[dict[str, object]] = [
    {},
    {"assumed": "teclistamab"},
    {"not_recorded": frozenset({"oxygen_device", "norepinephrine", "vasopressin"})},
    {"as_of_hours": 60},
]


def compare(count: int, seed: int, clock: str, options: dict[str, object]) -> None:
    """Grade random patients with both engines and hold every table against the other."""
    rows, people = random_patients(count, seed, clock=clock)
    rows = with_unread(rows, KNOWLEDGE)
    middle = int(rows["time"].quantile(0.5) or 0) if "as_of_hours" in options else None
    assumed = options.get("assumed")
    absent = options.get("not_recorded", frozenset())
    for scale in SCALES:
        fast = grade_observations(
            rows, people, KNOWLEDGE, [scale], as_of=middle, assumed_product=assumed, not_recorded=absent, clock=clock
        )
        timeline, episodes, superseded = grade_reference(
            rows, people, KNOWLEDGE, scale, as_of=middle, assume_trigger=assumed, not_recorded=absent, clock=clock
        )
        same(fast.timeline, timeline, ["patient", "start", "end"])
        same(fast.episodes, episodes, ["patient", "episode"])
        read = pl.col("concept").is_in(sorted(needed_by([scale], KNOWLEDGE)))
        known = set(rows.filter(read | (pl.col("status") == "entered-in-error"))["row"].to_list())
        assert known & set(fast.superseded.to_list()) == known & set(superseded)


def _exact(frame: pl.DataFrame) -> pl.DataFrame:
    """Hours and days are quotients of whole microseconds that are compared exactly: their last bit is let go."""
    return frame.with_columns((pl.col(pl.Float64) * 1e6).round().cast(pl.Int64))


def same(fast: pl.DataFrame, slow: pl.DataFrame, keys: list[str]) -> None:
    """The same rows; the first patient that differs is shown in full."""
    mine, theirs = _exact(fast).sort(keys), _exact(slow.select(fast.columns)).sort(keys)
    if mine.equals(theirs, null_equal=True):
        return
    for patient in sorted(set(mine["patient"]) | set(theirs["patient"])):
        own, other = (frame.filter(pl.col("patient") == patient) for frame in (mine, theirs))
        if not own.equals(other, null_equal=True):
            with pl.Config(tbl_rows=60, tbl_cols=20, fmt_str_lengths=40, tbl_width_chars=240):
                pytest.fail(f"{patient}:\nfast {own}\nslow {other}")


@pytest.mark.parametrize("clock", ["time", "hours"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "+".join(options) or "plain")
def test_twin_on_a_few_hundred(clock: str, options: dict[str, object]) -> None:
    """A fast part of the long run, every time the tests run: other patients for each option and clock."""
    compare(120, 11 + 2 * OPTIONS.index(options) + (clock == "hours"), clock, options)


def batches() -> Iterator[tuple[int, str]]:
    """Seeds and clocks that make up COUNT patients."""
    count = int(os.environ.get("COUNT", "100000"))
    for seed in range(-(-count // BATCH)):
        yield 1_000 + seed, ("time", "hours")[seed % 2]


@pytest.mark.long
@pytest.mark.parametrize(("seed", "clock"), list(batches()))
def test_twin_on_many(seed: int, clock: str) -> None:
    """The long run: one batch of random patients, and now and then an option."""
    compare(BATCH, seed, clock, OPTIONS[seed % len(OPTIONS)] if seed % 5 == 0 else {})
    sys.stdout.write(f"{BATCH} patients, seed {seed}, clock {clock}: identical\n")
