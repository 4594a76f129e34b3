"""The fast engine against the slow twin on every rule scale: identical timelines with evidence, and episodes.

A small part runs always; ``make twin`` (marker ``long``) runs COUNT patients over all scales.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import polars as pl
import pytest
from tests.generative.random_charts import random_charts
from tests.generative.test_twin import same
from tests.lib.unread import with_unread

from cytowatch.engine.apply import grade_observations, needed_by
from cytowatch.engine.lookalikes import as_scales
from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge import load

# look-alikes are graded as scales of their own, so they go through both engines too
KNOWLEDGE = replace(load(), scales=load().scales | {scale.id: scale for scale in as_scales(load())})
SCALES = sorted(name for name, scale in KNOWLEDGE.scales.items() if scale.method in ("rules", "view"))
ABSENT = frozenset({"oxygen_device", "norepinephrine", "fluid_bolus"})
OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("time", {}),
    ("hours", {"assumed": "teclistamab"}),
    ("time", {"absent": ABSENT}),
    ("hours", {"as_of": True}),
]
FEW = 12


def compare(scale: str, count: int, seed: int, clock: str, options: dict[str, object]) -> None:
    """Grade random patients about one scale with both engines and hold every table against the other."""
    graded = KNOWLEDGE.scales[KNOWLEDGE.scales[scale].view_of or scale]
    read = needed_by([scale], KNOWLEDGE)
    rows, people = random_charts(count, seed, graded, KNOWLEDGE, read, clock=clock)
    rows = with_unread(rows, KNOWLEDGE)
    as_of = int(rows["time"].quantile(0.5) or 0) if "as_of" in options else None
    assumed, absent = options.get("assumed"), options.get("absent", frozenset())
    fast = grade_observations(
        rows, people, KNOWLEDGE, [scale], as_of=as_of, assumed_product=assumed, not_recorded=absent, clock=clock
    )
    timeline, episodes, superseded = grade_reference(
        rows, people, KNOWLEDGE, scale, as_of=as_of, assume_trigger=assumed, not_recorded=absent, clock=clock
    )
    same(fast.timeline, timeline, ["patient", "start", "end"])
    same(fast.episodes, episodes, ["patient", "episode"])
    known = set(rows.filter(pl.col("concept").is_in(sorted(read)))["row"].to_list())
    assert known & set(fast.superseded.to_list()) == known & set(superseded)


@pytest.mark.parametrize("scale", SCALES)
def test_twin_on_a_few(scale: str) -> None:
    """A dozen patients a scale, every time the tests run; the options take turns from scale to scale."""
    number = SCALES.index(scale)
    clock, options = OPTIONS[number % len(OPTIONS)]
    compare(scale, FEW, 100 + number, clock, options)


@pytest.mark.long
@pytest.mark.parametrize("scale", SCALES)
def test_twin_on_many(scale: str) -> None:
    """The long run: COUNT patients over all scales and options."""
    share = -(-int(os.environ.get("COUNT", "20000")) // (len(SCALES) * len(OPTIONS)))
    for seed, (clock, options) in enumerate(OPTIONS):
        compare(scale, share, 5_000 + seed, clock, options)
    sys.stdout.write(f"{scale}: {share * len(OPTIONS)} patients identical\n")


# grades that are never certain, by what the source says; they must be reached as not excluded
OPEN = {"organ.ctcae-6.0.creatinine_clearance_decreased": {4}, "organ.ctcae-5.0.hypoxia": {2, 4}}


@pytest.mark.parametrize("scale", [name for name in SCALES if KNOWLEDGE.scales[name].method == "rules"])
def test_every_grade_is_reached(scale: str) -> None:
    """Every grade of a scale, death aside, is certain for some random patient; of a sum, every band of its meaning."""
    table = KNOWLEDGE.scales[scale]
    rows, people = random_charts(400, 77, table, KNOWLEDGE, needed_by([scale], KNOWLEDGE))
    timeline = grade_observations(rows, people, KNOWLEDGE, [scale]).timeline
    reached = set(timeline["at_least"].drop_nulls().to_list())
    wanted = {grade for grade in table.grades if not (table.episode.death_cause and grade == 5)}
    if table.scoring == "sum":
        reached = {max((edge for edge in table.grades if edge <= points), default=0) for points in reached}
    open_ = OPEN.get(scale, set())
    assert open_ <= set(timeline["at_most"].drop_nulls().to_list())
    assert wanted - open_ - reached == set()
