"""Segments of a scale → one row an episode (semantics page, section 7, episodes)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.masks import unmask
from cytowatch.engine.settle import in_doubt
from cytowatch.engine.subjects import Subjects
from cytowatch.schema import DAY_US, HOUR_US


def given(rows: Charted, concepts: Sequence[str]) -> pl.DataFrame:
    """The doses of these drugs that were given: a dose of 0 was not."""
    dose = pl.col("value").is_null() | (pl.col("value") > 0)
    return rows.of_any(concepts).filter(dose)


def may_be_given(rows: Charted, concepts: Sequence[str]) -> pl.DataFrame:
    """The doses in doubt of these drugs."""
    return rows.of_any(concepts).filter(in_doubt("dose"))


def number_episodes(segments: pl.DataFrame, subjects: Subjects) -> pl.DataFrame:
    """Episodes as found: subject, onset, patient, episode (numbered within the patient, over spans)."""
    found = segments.filter(pl.col("onset").is_not_null()).select("subject", "onset").unique().sort("subject", "onset")
    people = subjects.table.select(
        "subject", "patient", pl.col("start").alias("span_start"), pl.col("end").alias("span_end"), "assumed"
    )
    numbered = found.join(people, on="subject", how="left", maintain_order="left")
    return numbered.with_columns((pl.int_range(pl.len()).over("patient") + 1).cast(pl.Int32).alias("episode"))


def describe(
    episodes: pl.DataFrame, segments: pl.DataFrame, subjects: Subjects, episode_gap: int, steroids: Sequence[str]
) -> pl.DataFrame:
    """Everything the episodes table says but its flags; ``steroids`` are the drugs that count for steroid days."""
    inside = segments.filter(pl.col("onset").is_not_null())
    summary = inside.group_by("subject", "onset").agg(
        pl.col("end").max().alias("closing"),
        pl.col("last_sign_at").sort_by("start").last().alias("signs_end"),
        pl.col("at_least").max().alias("max_at_least"),
        pl.col("at_most").max().alias("max_at_most"),
        pl.col("start").filter(pl.col("at_least") == pl.col("at_least").max()).min().alias("time_of_max"),
    )
    table = episodes.join(summary, on=["subject", "onset"], how="left", maintain_order="left")
    table = table.join(_first_deaths(subjects), on="subject", how="left", maintain_order="left")
    closed = pl.col("closing") < pl.col("span_end")
    ongoing = pl.col("span_end") - pl.col("signs_end") < episode_gap
    table = (
        table.with_columns(pl.max_horizontal(pl.min_horizontal("signs_end", "death"), "onset").alias("last_sign"))
        .with_columns(
            pl.when(closed).then("last_sign").alias("resolved"),
            pl.when(closed)
            .then(pl.lit("resolved"))
            .when(pl.col("death").is_not_null())
            .then(pl.lit("died"))
            .when(ongoing)
            .then(pl.lit("ongoing"))
            .otherwise(pl.lit("unknown"))
            .alias("state"),
            (pl.col("episode") > 1).alias("recurrent"),
        )
        .with_columns(((pl.col("resolved") - pl.col("onset")) / HOUR_US).round(9).alias("hours"))
    )
    return _with_doses(_with_exposure(table, subjects), subjects, steroids)


def _first_deaths(subjects: Subjects) -> pl.DataFrame:
    """The first death of any cause from a span's start to its end (a death of another cause is its end)."""
    spans = subjects.table.select("subject", "patient", "start", "end")
    inside = spans.join(subjects.deaths, on="patient").filter(
        (pl.col("death") >= pl.col("start")) & (pl.col("death") <= pl.col("end"))
    )
    return inside.group_by("subject").agg(pl.col("death").min())


def _with_exposure(table: pl.DataFrame, subjects: Subjects) -> pl.DataFrame:
    triggers = subjects.triggers.select(
        "patient", pl.col("time").alias("exposure_time"), pl.col("product").alias("exposure")
    )
    # of several products at one time the smallest name is taken: it must come last for the join
    triggers = triggers.sort("patient", "exposure_time", "exposure", descending=[False, False, True])
    joined = table.join_asof(
        triggers, left_on="onset", right_on="exposure_time", by="patient", coalesce=False, check_sortedness=False
    )
    return joined.with_columns(
        ((pl.col("onset") - pl.col("exposure_time")) / DAY_US).round(9).alias("days_from_exposure")
    )


def _with_doses(table: pl.DataFrame, subjects: Subjects, steroids: Sequence[str]) -> pl.DataFrame:
    tocilizumab = (
        _in_episode(table, given(subjects.rows, ("tocilizumab",)))
        .group_by("subject", "onset")
        .agg(pl.len().cast(pl.Int32).alias("tocilizumab_doses"))
    )
    day = (pl.col("time") - pl.col("exposure_time")) // DAY_US
    days = (
        _in_episode(table, given(subjects.rows, steroids))
        .group_by("subject", "onset")
        .agg(day.n_unique().cast(pl.Int32).alias("steroid_days"))
    )
    for counts in (tocilizumab, days):
        table = table.join(counts, on=["subject", "onset"], how="left", maintain_order="left")
    return table.with_columns(pl.col("tocilizumab_doses", "steroid_days").fill_null(0))


def _in_episode(table: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    reach = table.select("subject", "onset", "closing", "exposure_time")
    return reach.join(doses.select("subject", "time"), on="subject").filter(
        (pl.col("onset") <= pl.col("time")) & (pl.col("time") <= pl.col("closing"))
    )


def with_doses_in_doubt(table: pl.DataFrame, subjects: Subjects, drugs: Sequence[str]) -> pl.Series:
    """For each described episode: is a dose in doubt that counts, or waives, if it was given?"""
    doses = may_be_given(subjects.rows, list(dict.fromkeys(("tocilizumab", *drugs))))
    found = _in_episode(table, doses).select("subject", "onset").unique().with_columns(pl.lit(value=True).alias("is"))
    joined = table.select("subject", "onset").join(found, on=["subject", "onset"], how="left", maintain_order="left")
    return joined.select(pl.col("is").fill_null(value=False).alias("dose_in_doubt"))["dose_in_doubt"]


def shared_flags(table: pl.DataFrame, subjects: Subjects, drugs: Sequence[str]) -> pl.DataFrame:
    """The flags that episodes of every scale may have."""
    bits = table["assumed"].cast(pl.Int64) + with_doses_in_doubt(table, subjects, drugs).cast(pl.Int64) * 2
    return unmask(pl.DataFrame({"flags": bits}), "flags", ["assumed_trigger", "dose_in_doubt"])


def waived_from(episodes: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    """When fever ceased to be needed: subject, onset, waived_from (empty = never)."""
    asked = episodes.select("subject", "onset").sort("subject", "onset")
    after = asked.join_asof(
        doses.select("subject", pl.col("time").alias("first")),
        left_on="onset",
        right_on="first",
        by="subject",
        strategy="forward",
        check_sortedness=False,
    )
    running = doses.filter(pl.col("until").is_not_null()).with_columns(pl.col("until").cum_max().over("subject"))
    before = after.join_asof(
        running.select("subject", "time", "until"),
        left_on="onset",
        right_on="time",
        by="subject",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return before.select(
        "subject",
        "onset",
        pl.when(pl.col("until") > pl.col("onset")).then("onset").otherwise("first").alias("waived_from"),
    )


def doses_before_onset(episodes: pl.DataFrame, doses: pl.DataFrame, within: int) -> pl.Series:
    """For each episode: was a waiving dose given in the time ``within`` before onset?"""
    last = episodes.select("subject", "onset").join_asof(
        doses.select("subject", "time"),
        left_on="onset",
        right_on="time",
        by="subject",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return last.select((pl.col("onset") - pl.col("time") <= within).fill_null(False).alias("before"))["before"]
