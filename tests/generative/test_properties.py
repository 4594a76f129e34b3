"""What must hold of every grading, whatever the patients: checked on random ones.

Each property is a statement about the fast engine alone; that it means the right thing is for the cases, the edges and
the twin to say.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.generative.random_patients import random_patients

from cytowatch.adapters.files import read_files
from cytowatch.engine.apply import Graded, grade_observations
from cytowatch.knowledge import load
from cytowatch.pipeline import grade_intake
from cytowatch.schema import HOUR_US

SCALES = ["crs.astct-2019", "icans.astct-2019"]
SEEDS = st.integers(min_value=0, max_value=1_000_000)
# a grading takes nearly as long for few patients as for many: few gradings of many patients find as much, sooner
COUNT = 80
Tables = tuple[pl.DataFrame, pl.DataFrame]


def graded(rows: pl.DataFrame, people: pl.DataFrame, as_of: int | None = None) -> Graded:
    return grade_observations(rows, people, load(), SCALES, as_of=as_of, clock="time")


def in_order(answer: Graded) -> Tables:
    """Polars promises no order of rows; what is said is a set."""
    return answer.timeline.sort("scale", "patient", "start"), answer.episodes.sort("scale", "patient", "episode")


def same(one: Graded, other: Graded) -> None:
    for left, right in zip(in_order(one), in_order(other), strict=True):
        assert_frame_equal(left, right)


def shuffled(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    order = list(range(rows.height))
    Random(seed).shuffle(order)  # noqa: S311
    return rows[order]


@given(SEEDS)
@settings(max_examples=2)
def test_shuffled_is_sorted(seed: int) -> None:
    rows, people = random_patients(COUNT, seed)
    whole = graded(rows.sort("patient", "concept", "time", "row"), people)
    other = graded(shuffled(rows, seed), shuffled(people, seed))
    same(whole, other)
    assert set(whole.superseded) == set(other.superseded)


@given(SEEDS)
@settings(max_examples=2)
def test_one_alone_is_one_among_many(seed: int) -> None:
    rows, people = random_patients(12, seed)
    whole = in_order(graded(rows, people))
    for patient in rows["patient"].unique():
        own = pl.col("patient") == patient
        alone = in_order(graded(rows.filter(own), people.filter(own)))
        for left, right in zip(whole, alone, strict=True):
            assert_frame_equal(left.filter(own), right)


@given(SEEDS, SEEDS)
@settings(max_examples=2)
def test_a_stranger_changes_nothing(seed: int, other: int) -> None:
    rows, people = random_patients(COUNT, seed)
    more_rows, more_people = random_patients(5, other)
    more_rows, more_people = (
        frame.with_columns(("x" + pl.col("patient")).alias("patient")) for frame in (more_rows, more_people)
    )
    more_rows = more_rows.with_columns(pl.col("row") + rows.height)
    both = graded(pl.concat([more_rows, rows]), pl.concat([more_people, people]))
    known = pl.col("patient").is_in(rows["patient"].unique().implode())
    for left, right in zip(in_order(graded(rows, people)), in_order(both), strict=True):
        assert_frame_equal(left, right.filter(known))


@given(SEEDS, st.integers(min_value=2, max_value=5))
@settings(max_examples=2)
def test_parts_put_together_are_the_whole(seed: int, parts: int) -> None:
    rows, people = random_patients(COUNT, seed)
    chance = Random(seed)  # noqa: S311
    place = pl.Series("part", [chance.randrange(parts) for _ in range(rows.height)])
    pieces = [rows.filter(place == part) for part in range(parts)]
    same(graded(rows, people), graded(pl.concat(pieces), people))


@pytest.mark.parametrize("seed", [1, 2])
def test_several_files_are_one_file(seed: int, tmp_path: Path) -> None:
    rows, people = random_patients(COUNT, seed, clock="hours")
    raw = shuffled(as_written(rows), seed)
    answers = []
    for count in (1, 3):
        folder = tmp_path / str(count)
        folder.mkdir()
        paths = [folder / f"rows-{part}.csv" for part in range(count)]
        for part, path in enumerate(paths):
            raw.gather_every(count, part).write_csv(path)
        people.write_csv(folder / "people.csv")
        intake = read_files(paths, load(), patients=folder / "people.csv")
        answers.append(grade_intake(intake, load(), SCALES))
    whole, split = answers
    keys = ["scale", "patient", "start"]
    assert_frame_equal(whole.timeline.sort(keys), split.timeline.sort(keys))
    assert_frame_equal(whole.episodes.sort(*keys[:2], "episode"), split.episodes.sort(*keys[:2], "episode"))
    for answer in answers:
        assert answer.ledger.filter(pl.col("file").str.contains("rows-"))["rows"].sum() == rows.height


def as_written(rows: pl.DataFrame) -> pl.DataFrame:
    """Admitted rows in the columns of the contract, on the clock of hours."""
    times = {"time": "hours", "until": "until_hours", "available": "available"}
    hours = [(pl.col(name) / HOUR_US).alias(column) for name, column in times.items()]
    plain = [name for name in rows.columns if name not in {*times, "row"}]
    return rows.select(*plain, *hours)


@given(SEEDS)
@settings(max_examples=2)
def test_rows_are_whole(seed: int) -> None:
    """Bounds in order, a grade where they agree, no empty row, no overlap, no gap but between two watched spans."""
    rows, people = random_patients(COUNT, seed)
    timeline = in_order(graded(rows, people))[0]
    assert timeline.filter(pl.col("at_least") > pl.col("at_most")).is_empty()
    assert timeline.filter(pl.col("start") >= pl.col("end")).is_empty()
    agreed = pl.when(pl.col("at_least") == pl.col("at_most")).then("at_least")
    assert timeline.filter(pl.col("grade").ne_missing(agreed)).is_empty()
    gaps = (pl.col("start").shift(-1) - pl.col("end")).over("scale", "patient").alias("gap")
    jumps = timeline.with_columns(gaps).filter(pl.col("gap") != 0)
    assert jumps.filter(pl.col("gap") < 0).is_empty()
    # after a gap a watch begins, and a watch begins with a trigger
    triggers = rows.filter(pl.col("concept").is_in(TRIGGERS)).select("patient", pl.col("time").alias("resumed"))
    resumed = jumps.select("patient", (pl.col("end") + pl.col("gap")).alias("resumed"))
    assert resumed.join(triggers, on=["patient", "resumed"], how="anti").is_empty()


TRIGGERS = sorted(key for key, concept in load().concepts.items() if concept.kind == "trigger")
STATE = ["grade", "at_least", "at_most", "criteria", "missing", "flags", "episode"]


@given(SEEDS)
@settings(max_examples=2)
def test_neighbors_differ(seed: int) -> None:
    """A new row says something new; between two watches it may say the same again."""
    timeline = in_order(graded(*random_patients(COUNT, seed)))[0]
    key = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("scale", "patient")]
    broken = pl.col("start").ne_missing(pl.col("end").shift(1))
    new = pl.any_horizontal(*key, broken, *(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in STATE))
    assert timeline.filter(~new).is_empty()


@given(SEEDS)
@settings(max_examples=2)
def test_episodes_are_what_the_timeline_says(seed: int) -> None:
    """Every episode has rows; it begins with the first, and is as bad as the worst of them."""
    timeline, episodes = in_order(graded(*random_patients(COUNT, seed)))
    told = timeline.filter(pl.col("episode").is_not_null()).group_by("scale", "patient", "episode").agg(
        pl.col("start").min().alias("onset"), pl.col("end").max().alias("closing"),
        pl.col("at_least").max().alias("max_at_least"), pl.col("at_most").max().alias("max_at_most"),
    )  # fmt: skip
    told = told.sort("scale", "patient", "episode")
    names = ["scale", "patient", "episode", "onset", "max_at_least", "max_at_most"]
    assert_frame_equal(told.select(names), episodes.select(names))
    assert episodes.filter(pl.col("resolved").is_not_null() != (pl.col("state") == "resolved")).is_empty()
    assert episodes.filter(pl.col("onset") > pl.col("last_sign")).is_empty()
    assert episodes.filter(pl.col("recurrent") != (pl.col("episode") > 1)).is_empty()


# --- as_of --------------------------------------------------------------------------------------------------------


@given(SEEDS, st.floats(min_value=0.05, max_value=0.95))
@settings(max_examples=4)
def test_as_of_is_a_prefix(seed: int, share: float) -> None:
    """What is said as of a moment stands when more becomes known.

    For patients whose first trigger, if they have one, is not later than the moment, and whose rows are neither taken
    back nor known late: the rows of the whole, cut off where those of ``as_of`` end, are the rows of ``as_of``. Of
    episodes the beginning stands; their state, end and worst grade may change.
    """
    rows, people = random_patients(COUNT, seed)
    rows = rows.filter(pl.col("status") != "entered-in-error").with_columns(pl.lit(None, pl.Int64).alias("available"))
    # each patient has an own beginning; one moment for all would lie before or after most of them
    first = rows.group_by("patient").agg(pl.col("time").min().alias("first"))
    rows = rows.join(first, on="patient").with_columns(pl.col("time", "until") - pl.col("first")).drop("first")
    people = people.with_columns(pl.lit(None, pl.Date).alias("birth_date"))
    moment = int(share * 10 * 24 * HOUR_US)
    triggers = rows.filter(pl.col("concept").is_in(TRIGGERS)).group_by("patient").agg(pl.col("time").min())
    late = triggers.filter(pl.col("time") > moment)
    rows = rows.join(late, on="patient", how="anti")
    whole, then = in_order(graded(rows, people)), in_order(graded(rows, people, moment))
    assert_frame_equal(cut_off(whole[0], then[0]), then[0])
    begun = ["scale", "patient", "episode", "onset", "exposure", "exposure_time", "days_from_exposure", "recurrent"]
    found = whole[1].join(then[1].select(begun[:3]), on=begun[:3], how="semi").sort(begun[:3])
    assert_frame_equal(found.select(begun), then[1].select(begun))
    assert (found["max_at_least"] >= then[1]["max_at_least"]).all()


def cut_off(whole: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    """The rows of the whole inside the spans that ``then`` watched."""
    key = ["scale", "patient"]
    opens = (pl.col("start") != pl.col("end").shift(1).over(key)).fill_null(value=True).cum_sum().over(key)
    spans = then.with_columns(opens.alias("span")).group_by(*key, "span").agg(
        pl.col("start").min().alias("from"), pl.col("end").max().alias("to")
    )  # fmt: skip
    clipped = whole.join(spans, on=key).with_columns(
        pl.max_horizontal("start", "from").alias("start"), pl.min_horizontal("end", "to").alias("end")
    )
    return clipped.filter(pl.col("start") < pl.col("end")).select(then.columns).sort(*key, "start")
