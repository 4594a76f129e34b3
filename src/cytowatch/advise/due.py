"""What became of each window: held against what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_

import polars as pl

from cytowatch.advise.plan_rows import NO_TEXTS
from cytowatch.knowledge.plan import Shows

_LATEST = 2**62


def with_states(
    slots: pl.DataFrame,
    shows: Shows,
    times: int,
    rows: pl.DataFrame,
    not_recorded: frozenset[str],
    kinds: Mapping[str, str],
    *,
    after_start: bool = False,
) -> pl.DataFrame:
    """Add state, found, done_at, evidence and lacking to windows (start, end, first, known, now).

    ``rows``: what was measured (patient, time, concept, source), none of it after now. Done needs every group of
    ``shows`` as often as ``times`` within the window; a later row makes what was missed late. Nothing shows a thing
    whose concepts the source does not record. ``kinds``: the group of each concept; where a patient has no row at all
    of a kind, what was missed is unknown. ``after_start``: what was measured at the start itself does not count, what
    was at the end does; otherwise the start is included and the end is not.
    """
    shift = int(after_start)
    slots = slots.with_columns(pl.col("start", "end") + shift)
    can_show = [tuple(name for name in group if name not in not_recorded) for group in shows]
    found = slots.with_row_index("at_row")
    for number, group in enumerate(can_show):
        found = _with_group(found, rows.filter(pl.col("concept").is_in(group)), times, f"g{number}")
        alike = [name for name, kind in kinds.items() if kind in {kinds[part] for part in group}]
        seen = rows.filter(pl.col("concept").is_in(alike))["patient"].unique()
        found = found.with_columns(pl.col("patient").is_in(seen.implode()).alias(f"g{number}|kind_seen"))
    columns = [f"g{number}" for number, group in enumerate(can_show) if group]
    hidden = [" or ".join(group) for group, shown in zip(shows, can_show, strict=True) if not shown]
    told = found.with_columns(_state(columns, is_hidden=bool(hidden) or not shows).alias("state"))
    told = told.with_columns(*_what_was_found(columns, shows, can_show, hidden))
    return told.drop("at_row", pl.selectors.matches(r"^g\d+\|")).with_columns(pl.col("start", "end") - shift)


def _with_group(slots: pl.DataFrame, rows: pl.DataFrame, times: int, name: str) -> pl.DataFrame:
    """Of one group: how many moments lie in the window, the one that completes it, and the first after it."""
    moments = rows.select("patient", "time", "source").unique(["patient", "time"], keep="first", maintain_order=True)
    moments = moments.sort("patient", "time").with_columns(
        pl.int_range(1, pl.len() + 1).over("patient").cast(pl.Int64).alias("place")
    )
    before = _counted(slots, moments, pl.col("start"))
    until = _counted(slots, moments, pl.col("end").fill_null(_LATEST))
    counted = slots.with_columns(before.alias(f"{name}|before"), until.alias(f"{name}|until"))
    wanted = {"in": pl.col(f"{name}|before") + times, "after": pl.col(f"{name}|until") + 1}
    for which, place in wanted.items():
        named = moments.rename({"time": f"{name}|{which}", "source": f"{name}|{which}_source", "place": "wanted"})
        counted = counted.with_columns(place.alias("wanted")).join(
            named, on=["patient", "wanted"], how="left", maintain_order="left"
        )
        counted = counted.drop("wanted")
    number = pl.col(f"{name}|until") - pl.col(f"{name}|before")
    return counted.with_columns(number.alias(f"{name}|found"), (number >= times).alias(f"{name}|met"))


def _counted(slots: pl.DataFrame, moments: pl.DataFrame, limit: pl.Expr) -> pl.Series:
    """How many moments of the patient lie before a limit, for each window in its order."""
    asked = slots.select("patient", "at_row", limit.alias("limit")).sort("patient", "limit")
    joined = asked.join_asof(
        moments.select("patient", pl.col("time").alias("then"), "place"),
        left_on="limit",
        right_on="then",
        by="patient",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return joined.sort("at_row")["place"].fill_null(0)


def _state(columns: list[str], *, is_hidden: bool) -> pl.Expr:
    met = reduce(and_, [pl.col(f"{name}|met") for name in columns], pl.lit(value=True))
    made_up = reduce(
        and_,
        [pl.col(f"{name}|met") | pl.col(f"{name}|after").is_not_null() for name in columns],
        pl.lit(value=True),
    )
    is_over = (pl.col("end") <= pl.col("now")).fill_null(value=False)
    # nothing at all is recorded from the start of the window on, or up to its end
    silent = (pl.col("start") >= pl.col("known")) | (pl.col("end") <= pl.col("first")).fill_null(value=False)
    # what is missing is of kinds that the record of this patient holds nothing of
    missed = [~pl.col(f"{name}|met") & pl.col(f"{name}|kind_seen") for name in columns]
    silent = silent | ~reduce(or_, missed, pl.lit(value=False))
    shown = pl.lit("not_recorded") if is_hidden else pl.lit("done")
    later = pl.lit("not_recorded") if is_hidden else pl.lit("late")
    nothing_shows = pl.lit(value=is_hidden and not columns)
    return (
        pl.when(pl.col("start") > pl.col("now"))
        .then(pl.lit("upcoming"))
        .when(nothing_shows)
        .then(pl.lit("not_recorded"))
        .when(met)
        .then(shown)
        .when(~is_over)
        .then(pl.lit("due"))
        .when(made_up)
        .then(later)
        .when(silent)
        .then(pl.lit("unknown"))
        .otherwise(pl.lit("overdue"))
    )


def _what_was_found(
    columns: list[str], shows: Shows, can_show: list[tuple[str, ...]], hidden: list[str]
) -> list[pl.Expr]:
    state = pl.col("state")
    moments: list[pl.Expr] = []
    sources: list[pl.Expr] = []
    lacking: list[pl.Expr] = []
    labels = [" or ".join(group) for group, shown in zip(shows, can_show, strict=True) if shown]
    for name, label in zip(columns, labels, strict=True):
        met, made_up = pl.col(f"{name}|met"), state == "late"
        moments.append(pl.when(met).then(pl.col(f"{name}|in")).when(made_up).then(pl.col(f"{name}|after")))
        source = pl.when(met).then(pl.col(f"{name}|in_source"))
        sources.append(source.when(made_up).then(pl.col(f"{name}|after_source")))
        lacking.append(pl.when(~met).then(pl.lit(label)))
    lacking += [pl.lit(label) for label in hidden]
    is_done = reduce(or_, [state == "done", state == "late"])
    when = pl.max_horizontal(moments) if moments else pl.lit(None, pl.Int64)
    counts = [pl.col(f"{name}|found") for name in columns]
    return [
        pl.when(is_done).then(when).alias("done_at"),
        _texts(sources).alias("evidence"),
        pl.when(state == "upcoming").then(NO_TEXTS).otherwise(_texts(lacking)).alias("lacking"),
        (pl.min_horizontal(counts) if counts else pl.lit(0)).cast(pl.Int32).alias("found"),
    ]


def _texts(parts: list[pl.Expr]) -> pl.Expr:
    return pl.concat_list(parts).list.drop_nulls().list.unique(maintain_order=True) if parts else NO_TEXTS
