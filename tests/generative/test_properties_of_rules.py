"""What must hold of every grading on rule scales, whatever the patients: checked on random ones.

The patients are made about a dozen scales, and all of them are graded on all of these. Each property is a statement
about the fast engine alone; that it means the right thing is for the cases, the edges and the twin to say.
"""

from __future__ import annotations

from functools import cache
from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.generative.random_charts import random_charts
from tests.generative.test_properties import TRIGGERS, cut_off, shuffled
from tests.lib.bounds import lower_bound

from cytowatch.engine.apply import Graded, grade_observations, needed_by
from cytowatch.engine.side_by_side import summed_discordance
from cytowatch.knowledge import load
from cytowatch.schema import DAY_US, TIMELINE

# every kind of scale: worst and sum, after an exposure and wherever anything is charted, with a window of its own,
# with episodes and without, conditions that look back, quantities, ages, limits of normal, baselines, views
SCALES = [
    "crs.lee-2014", "crs.penn-2018", "crs.mskcc-2018", "crs.china-bnhl-2023", "cres.cartox-2018", "lay.type",
    "iechs.hines-2023", "hlh.hscore", "icaht.early-2023", "icaht.late-2023", "icaht.platelet", "tls.cairo-bishop",
    "aki.kdigo", "sofa", "news2", "organ.ctcae-5.0.hypercalcemia",
]  # fmt: skip
# what the joint state is made of
ASTCT = ["crs.astct-2019", "icans.astct-2019"]
STATE = ["grade", "at_least", "at_most", "criteria", "missing", "flags", "episode"]
ORDER = {
    "timeline": ["scale", "patient", "start"],
    "episodes": ["scale", "patient", "episode"],
    "joint": ["patient", "start"],
    "findings": ["patient", "kind", "finding", "start"],
    "discordance": ["basis", "scale_a", "scale_b", "grade_a", "grade_b"],
}
Tables = dict[str, pl.DataFrame]
Charts = tuple[pl.DataFrame, pl.DataFrame]


@cache
def charts(seed: int, each: int = 2) -> Charts:
    """Rows and patients: a few patients about each scale, numbered through."""
    known = load()
    made = []
    for number, scale in enumerate([*SCALES, "icans.astct-2019"]):
        about = known.scales[known.scales[scale].view_of or scale]
        made.append(random_charts(each, 1000 * seed + number, about, known, needed_by([scale], known)))
    rows = pl.concat([part for part, _ in made]).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("row"))
    return rows, pl.concat([part for _, part in made])


def graded(charts: Charts, scales: list[str] | None = None, as_of: int | None = None) -> Graded:
    rows, people = charts
    return grade_observations(rows, people, load(), scales or [*SCALES, *ASTCT], as_of=as_of, clock="time")


@cache
def whole(seed: int) -> Tables:
    return in_order(graded(charts(seed)))


def in_order(answer: Graded) -> Tables:
    """Polars promises no order of rows; what is said is a set."""
    return {name: getattr(answer, name).sort(keys) for name, keys in ORDER.items()}


def of(tables: Tables, patients: pl.Series) -> Tables:
    """What is said of some patients; counts over patients are left out."""
    mine = pl.col("patient").is_in(patients.implode())
    return {name: frame.filter(mine) for name, frame in tables.items() if "patient" in frame.columns}


def same(one: Tables, other: Tables) -> None:
    for name in one:
        assert_frame_equal(one[name], other[name])


def test_shuffled_is_sorted() -> None:
    rows, people = charts(1)
    same(whole(1), in_order(graded((shuffled(rows, 1), shuffled(people, 1)))))


def test_one_alone_is_one_among_many() -> None:
    rows, people = charts(1)
    for patient in Random(1).sample(sorted(rows["patient"].unique()), 2):  # noqa: S311
        own = pl.col("patient") == patient
        alone = in_order(graded((rows.filter(own), people.filter(own))))
        expected = of(whole(1), pl.Series([patient]))
        same(expected, {name: alone[name] for name in expected})


def test_parcels_of_patients_are_the_whole() -> None:
    rows, people = charts(2)
    names = rows["patient"].unique().sort()
    parcels = [names.gather_every(3, part) for part in range(3)]
    answers = [
        graded(
            (
                rows.filter(pl.col("patient").is_in(some.implode())),
                people.filter(pl.col("patient").is_in(some.implode())),
            )
        )
        for some in parcels
    ]
    for some, answer in zip(parcels, answers, strict=True):
        expected = of(whole(2), some)
        same(expected, {name: in_order(answer)[name] for name in expected})
    crossed = summed_discordance([answer.discordance for answer in answers], load())
    assert_frame_equal(crossed.sort(ORDER["discordance"]), whole(2)["discordance"])


def test_one_scale_alone_is_one_among_many() -> None:
    for scale in ("crs.mskcc-2018", "icaht.early-2023", "sofa"):
        alone = in_order(graded(charts(1), [scale]))
        for name in ("timeline", "episodes"):
            assert_frame_equal(alone[name], whole(1)[name].filter(pl.col("scale") == scale))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_as_of_is_a_prefix(share: float) -> None:
    """What is said as of a moment stands when more becomes known.

    For patients whose first trigger, if they have one, is not later than the moment (before it a scale says only that
    there is none), and whose rows are neither taken back nor known late.
    """
    rows, people = from_one_beginning()
    moment = int(share * 60 * DAY_US)
    triggers = rows.filter(pl.col("concept").is_in(TRIGGERS)).group_by("patient").agg(pl.col("time").min())
    late = triggers.filter(pl.col("time") > moment)
    then = graded((rows.join(late, on="patient", how="anti"), people), as_of=moment)
    expected = in_order(then)["timeline"]
    assert expected["scale"].n_unique() == len([*SCALES, *ASTCT])
    later = known_later().join(late, on="patient", how="anti")
    assert_frame_equal(cut_off(later, expected), expected)


@cache
def from_one_beginning() -> Charts:
    """Patients whose first row is at one moment, and of whom nothing is taken back or known late."""
    rows, people = charts(3)
    rows = rows.filter(pl.col("status") != "entered-in-error").with_columns(pl.lit(None, pl.Int64).alias("available"))
    first = rows.group_by("patient").agg(pl.col("time").min().alias("first"))
    rows = rows.join(first, on="patient").with_columns(pl.col("time", "until") - pl.col("first")).drop("first")
    return rows, people.with_columns(pl.lit(None, pl.Date).alias("birth_date"))


@cache
def known_later() -> pl.DataFrame:
    """What is said of them in the end: the same for every moment."""
    return in_order(graded(from_one_beginning()))["timeline"]


# ---------------------------------------------------------------- the shape of what is said


def shape(timeline: pl.DataFrame, episodes: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Bounds in order, a grade where they agree, no empty row, no overlap, no gap but between two watched spans."""
    assert timeline.filter(pl.col("at_least") > pl.col("at_most")).is_empty()
    assert timeline.filter(pl.col("start") >= pl.col("end")).is_empty()
    agreed = pl.when(pl.col("at_least") == pl.col("at_most")).then("at_least")
    assert timeline.filter(pl.col("grade").ne_missing(agreed)).is_empty()
    gaps = (pl.col("start").shift(-1) - pl.col("end")).over("scale", "patient").alias("gap")
    jumps = timeline.with_columns(gaps).filter(pl.col("gap") != 0)
    assert jumps.filter(pl.col("gap") < 0).is_empty()
    # after a gap a watch begins: with a trigger, or so many days after one
    begins = {name: (scale.window_days or (0.0,))[0] for name, scale in load().scales.items()}
    moved = pl.col("scale").replace_strict(begins, return_dtype=pl.Float64) * DAY_US
    triggers = rows.filter(pl.col("concept").is_in(TRIGGERS)).select("patient", pl.col("time").alias("trigger"))
    resumed = jumps.select("patient", (pl.col("end") + pl.col("gap") - moved).cast(pl.Int64).alias("trigger"))
    assert resumed.join(triggers, on=["patient", "trigger"], how="anti").is_empty()
    # names only where something is open, and in their order; a view keeps the names of what it views
    open_ = (pl.col("at_least") < pl.col("at_most")) | pl.col("at_least").is_null()
    by_rules = timeline.filter(pl.col("scale").is_in([n for n, one in load().scales.items() if one.method == "rules"]))
    assert by_rules.filter((pl.col("missing").list.len() > 0) != open_).is_empty()
    for name in ("missing", "flags"):
        assert by_rules.filter(pl.col(name) != pl.col(name).list.sort().list.unique(maintain_order=True)).is_empty()
    # a new row says something new; after a gap it may say the same again
    key = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("scale", "patient")]
    broken = pl.col("start").ne_missing(pl.col("end").shift(1))
    new = pl.any_horizontal(*key, broken, *(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in STATE))
    assert timeline.filter(~new).is_empty()
    # evidence stands where something holds, and nothing else is evidence
    told = timeline.filter(pl.col("criteria").list.len() == 0)
    assert told.filter(pl.col("evidence").list.len() > 0).is_empty()
    sources = timeline.select("patient", "evidence").explode("evidence").drop_nulls().unique()
    known = rows.select("patient", pl.col("source").alias("evidence"))
    assert sources.join(known, on=["patient", "evidence"], how="anti").is_empty()
    episodes_match(timeline, episodes)


def episodes_match(timeline: pl.DataFrame, episodes: pl.DataFrame) -> None:
    """Every episode has rows; it begins with the first, and is as bad as the worst of them."""
    told = timeline.filter(pl.col("episode").is_not_null()).group_by("scale", "patient", "episode").agg(
        pl.col("start").min().alias("onset"),
        pl.col("at_least").max().alias("max_at_least"), pl.col("at_most").max().alias("max_at_most"),
    )  # fmt: skip
    keys = ["scale", "patient", "episode"]
    words = {name for name, scale in load().scales.items() if scale.method == "view"}
    told = told.filter(~pl.col("scale").is_in(sorted(words))).sort(keys)
    names = [*keys, "onset", "max_at_least", "max_at_most"]
    assert_frame_equal(told.select(names), episodes.sort(keys).select(names))
    assert episodes.filter(pl.col("onset") > pl.col("last_sign")).is_empty()
    without = {name for name, scale in load().scales.items() if not scale.has_episodes}
    assert episodes.filter(pl.col("scale").is_in(sorted(without))).is_empty()


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_whole(seed: int) -> None:
    shape(whole(seed)["timeline"], whole(seed)["episodes"], charts(seed)[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_criteria_make_the_lower_bound(seed: int) -> None:
    """Outside of a death what is listed is what makes the grade, in the order of the table."""
    timeline = whole(seed)["timeline"].filter(pl.col("at_least").is_not_null())
    for name in SCALES:
        scale = load().scales[name]
        if scale.method == "view":
            continue
        order = [part.id for part in scale.criteria]
        own = timeline.filter(pl.col("scale") == name, ~pl.col("missing").list.contains("death_cause"))
        for criteria, at_least, episode in own.select("criteria", "at_least", "episode").unique().iter_rows():
            if scale.episode.death_criterion in criteria:
                assert (criteria, at_least) == ([scale.episode.death_criterion], 5)
                continue
            bound = lower_bound(scale, criteria)
            # between the signs of an episode the grade holds without one
            assert at_least in ({bound} if episode is None else {bound, max(bound, scale.episode.floor)})
            assert criteria == [part for part in order if part in criteria]


@pytest.mark.parametrize("seed", [1, 2])
def test_within_a_day_of_a_sign_a_reaction_does_not_vanish(seed: int) -> None:
    """On scales of CRS a row of an episode says 0 only a day after the last row that had a sign, or after a death."""
    timeline = whole(seed)["timeline"].filter(pl.col("scale").is_in([n for n in SCALES if n.startswith("crs.")]))
    own = timeline.filter(pl.col("episode").is_not_null()).sort("scale", "patient", "start")
    sign = pl.when(pl.col("at_least") >= 1, pl.col("criteria").list.len() > 0).then("end")
    own = own.with_columns(sign.forward_fill().over("scale", "patient", "episode").alias("last"))
    own = own.filter(~pl.col("missing").list.contains("death_cause"))
    silent = own.filter(pl.col("at_least") == 0)
    assert silent.height
    assert silent.filter(pl.col("start") - pl.col("last") < DAY_US).is_empty()
    held = own.filter(pl.col("at_least") == 1, pl.col("end") > pl.col("last"))
    assert held.height
    assert held.filter(pl.col("end") - pl.col("last") > DAY_US).is_empty()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_view_is_the_viewed_scale_in_other_words(seed: int) -> None:
    view = load().scales["lay.type"]
    words = {0: 0, None: None} | view.view
    viewed = moments(whole(seed)["timeline"], view.view_of)
    for moment, row in moments(whole(seed)["timeline"], view.id).items():
        low, high = viewed[moment]["at_least"], viewed[moment]["at_most"]
        assert (row["at_least"], row["at_most"]) == (words[low], words[high])
        assert row["criteria"] == viewed[moment]["criteria"]


def moments(timeline: pl.DataFrame, scale: str) -> dict[tuple[str, int], dict[str, object]]:
    """What one scale says at the starts of every row of two scales: its own, and those it is held against."""
    own = timeline.filter(pl.col("scale") == scale)
    starts = timeline.select("patient", pl.col("start").alias("at")).unique().sort("at")
    found = starts.join_asof(
        own.sort("start"), left_on="at", right_on="start", by="patient", coalesce=False, check_sortedness=False
    )
    here = found.filter(pl.col("at") < pl.col("end"))
    return {(row["patient"], row["at"]): row for row in here.iter_rows(named=True)}


# ---------------------------------------------------------------- scales beside each other


@pytest.mark.parametrize("seed", [1, 2])
def test_the_joint_state_is_what_the_timelines_say(seed: int) -> None:
    tables = whole(seed)
    lanes: dict[str, list[str]] = load().policy("joint_state")  # type: ignore[assignment]
    said = {scale: moments_of(tables, scale) for scales in lanes.values() for scale in scales}
    for patient, at, row in at_every_edge(tables):
        for lane, scales in lanes.items():
            here = [found for scale in scales if (found := said[scale].get((patient, at))) is not None]
            for end in ("at_least", "at_most"):
                bounds = [found[end] for found in here if found[end] is not None]
                expected = max(bounds, default=None)
                assert (None if row is None else row[f"{lane}_{end}"]) == expected, (patient, at, lane, end)


def moments_of(tables: Tables, scale: str) -> dict[tuple[str, int], dict[str, int | None]]:
    """What a scale says at the start of every row of the joint state and of the timelines."""
    own = tables["timeline"].filter(pl.col("scale") == scale).sort("start")
    starts = all_starts(tables)
    found = starts.join_asof(own, left_on="at", right_on="start", by="patient", coalesce=False, check_sortedness=False)
    here = found.filter(pl.col("at") < pl.col("end")).select("patient", "at", "at_least", "at_most")
    return {(patient, at): {"at_least": low, "at_most": high} for patient, at, low, high in here.iter_rows()}


def all_starts(tables: Tables) -> pl.DataFrame:
    edges = [
        tables[name].select("patient", pl.col(at).alias("at"))
        for name in ("joint", "timeline")
        for at in ("start", "end")
    ]
    return pl.concat(edges).unique().sort("at")


def at_every_edge(tables: Tables) -> list[tuple[str, int, dict[str, int | None] | None]]:
    """Every moment at which anything changes, with the joint state in force, if there is one."""
    joint = tables["joint"].sort("start")
    found = all_starts(tables).join_asof(
        joint, left_on="at", right_on="start", by="patient", coalesce=False, check_sortedness=False
    )
    return [
        (row["patient"], row["at"], row if row["end"] is not None and row["at"] < row["end"] else None)
        for row in found.iter_rows(named=True)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_counts_of_discordance_add_up_to_the_patients(seed: int) -> None:
    """Each patient who was graded on both scales of a pair is in exactly one of its cells."""
    timeline = whole(seed)["timeline"].filter(pl.col("at_least").is_not_null())
    crossed = whole(seed)["discordance"].filter(pl.col("basis") == "derived")
    pairs = crossed.group_by("scale_a", "scale_b").agg(pl.col("patients").sum())
    families = [load().scales[name].family for name in timeline["scale"].unique()]
    expected = sum(n * (n - 1) // 2 for n in (families.count(family) for family in ("crs", "icans")))
    assert pairs.height == expected
    for first, second, patients in pairs.iter_rows():
        graded_on = [set(timeline.filter(pl.col("scale") == name)["patient"]) for name in (first, second)]
        assert patients == len(graded_on[0] & graded_on[1])


def test_findings_lie_inside_what_is_watched() -> None:
    """An overlap is an overlap of the joint state; an order begins with an episode."""
    tables = whole(1)
    found = tables["findings"]
    assert found.filter(pl.col("start") >= pl.col("end")).is_empty()
    assert found.filter((pl.col("state") == "found") != (pl.col("missing").list.len() == 0)).is_empty()
    onsets = tables["episodes"].select("patient", pl.col("onset").alias("start"))
    assert found.filter(pl.col("kind") == "order").join(onsets, on=["patient", "start"], how="anti").is_empty()


def test_all_scales_at_once() -> None:
    """On a few patients every scale there is, with the look-alikes."""
    rows, people = charts(4, 1)
    few = rows["patient"].unique().sort().gather_every(3)
    rows = rows.filter(pl.col("patient").is_in(few.implode()))
    answer = grade_observations(rows, people, load(), sorted(load().scales), clock="time", look_alikes=True)
    tables = in_order(answer)
    assert set(tables["timeline"]["scale"].unique()) == set(load().scales)
    assert tables["timeline"].columns == TIMELINE.names
    shape(tables["timeline"], tables["episodes"], rows)
    alone = in_order(graded((rows, people), ["crs.lee-2014"]))["timeline"]
    assert_frame_equal(tables["timeline"].filter(pl.col("scale") == "crs.lee-2014"), alone)
