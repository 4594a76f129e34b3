"""The windows of an item of monitoring as rows: for whom it is, what became of each, and what is not known."""

from __future__ import annotations

import polars as pl

from cytowatch.advise.anchors import anchors
from cytowatch.advise.due import with_states
from cytowatch.advise.plan_rows import NO_TEXTS, Asked, shaped
from cytowatch.advise.schedule import windows
from cytowatch.advise.watch import fact_lane
from cytowatch.knowledge.plan import MonitoringItem, MonitoringPlan
from cytowatch.schema import PLAN


def monitored(part: MonitoringPlan, item: MonitoringItem, asked: Asked) -> pl.DataFrame:
    """Every window of one item, as ``schema.PLAN``."""
    found = _dated(_of_age(anchors(item, part.head.triggers, asked.followed), item, asked), item, asked)
    slots = _in_place(_not_ended(windows(item, found, asked.ahead), item, asked), item, asked)
    if slots.is_empty():
        return PLAN.empty()
    told = with_states(
        slots,
        item.shows,
        item.times,
        asked.followed.rows,
        asked.not_recorded,
        asked.kinds,
        # the reading that fell is not the one that is asked for after it
        after_start=bool(item.anchor.fall_of),
    )
    # what it hung on was over before the window was: it was not asked for to the end
    told = told.filter(~pl.col("cut") | pl.col("state").is_in(["done", "not_recorded"]))
    told = told.with_columns(
        _missing(item).alias("missing"),
        pl.lit(item.times).alias("needed"),
        NO_TEXTS.alias("look_alikes"),
        _why(item).alias("why"),
    )
    fixed = {
        "kind": "monitoring",
        "plan": part.head.key,
        "item": item.id,
        "topic": item.topic,
        "label": item.label,
        "action": item.action,
        "setting": item.setting,
        "only_if": item.only_if,
    }
    return shaped(told, fixed, item.shows, item.cited, asked)


def _of_age(found: pl.DataFrame, item: MonitoringItem, asked: Asked) -> pl.DataFrame:
    """Patients of whom the fact of age is certain, or (``age_open``) not excluded."""
    if not item.for_whom:
        return found.with_columns(pl.lit(value=False).alias("age_open"))
    lane = asked.followed.lanes.filter(pl.col("scale") == fact_lane(item.for_whom))
    bounds = lane.group_by("patient").agg(pl.col("at_least").max().alias("sure"), pl.col("at_most").max().alias("may"))
    joined = found.join(bounds, on="patient", how="left", maintain_order="left")
    sure = (pl.col("sure") >= 1).fill_null(value=False)
    may = (pl.col("may") >= 1).fill_null(value=True)
    return joined.filter(may).with_columns((~sure).alias("age_open")).drop("sure", "may")


def _dated(found: pl.DataFrame, item: MonitoringItem, asked: Asked) -> pl.DataFrame:
    """Exposures within the dates of the row; on a clock of hours the date of none is known (``date_open``)."""
    has_dates = item.holds_from is not None or item.holds_to is not None
    if not has_dates or asked.clock == "hours":
        return found.with_columns(pl.lit(has_dates).alias("date_open"))
    date = pl.col("exposure_time").cast(pl.Datetime("us")).dt.date()
    holds = pl.lit(value=True)
    if item.holds_from is not None:
        holds = holds & (date >= item.holds_from)
    if item.holds_to is not None:
        holds = holds & (date < item.holds_to)
    return found.filter(holds).with_columns(pl.lit(value=False).alias("date_open"))


def _not_ended(slots: pl.DataFrame, item: MonitoringItem, asked: Asked) -> pl.DataFrame:
    """Windows that begin before the fact that ends the item was first certain after the exposure."""
    if not item.ends_with or slots.is_empty():
        return slots
    lane = asked.followed.lanes.filter(pl.col("scale") == fact_lane(item.ends_with), pl.col("at_least") >= 1)
    key = ["patient", "exposure_time"]
    met = slots.select(key).unique().join(lane.select("patient", "start"), on="patient")
    first = met.filter(pl.col("start") >= pl.col("exposure_time")).group_by(key).agg(pl.col("start").min().alias("met"))
    joined = slots.join(first, on=key, how="left", maintain_order="left")
    return joined.filter(pl.col("met").is_null() | (pl.col("start") <= pl.col("met"))).drop("met")


def _in_place(slots: pl.DataFrame, item: MonitoringItem, asked: Asked) -> pl.DataFrame:
    """Windows in which the patient is where the item is for: as charted at the start, else as told by the user.

    Where neither says it, ``place_open``.
    """
    if item.setting == "any":
        return slots.with_columns(pl.lit(value=False).alias("place_open"))
    charted = slots.sort("patient", "start").join_asof(
        asked.followed.settings, left_on="start", right_on="time", by="patient", check_sortedness=False
    )
    place = pl.coalesce("charted", pl.lit(asked.setting, pl.String))
    fits = charted.with_columns(place.alias("place")).filter(
        pl.col("place").is_null() | (pl.col("place") == item.setting)
    )
    return fits.with_columns(pl.col("place").is_null().alias("place_open")).drop(
        "charted", "place", "time", strict=False
    )


def _missing(item: MonitoringItem) -> pl.Expr:
    """What would settle whether the item holds."""
    doubts = [
        pl.when(pl.col("age_open")).then(pl.lit("for_whom")),
        pl.when(pl.col("date_open")).then(pl.lit("date")),
        pl.when(pl.col("place_open")).then(pl.lit("setting")),
        *([pl.lit("only_if")] if item.only_if else []),
    ]
    return pl.concat_list("missing", pl.concat_list(doubts).list.drop_nulls()).list.unique(maintain_order=True)


def _why(item: MonitoringItem) -> pl.Expr:
    """The grade or the fact that the item goes by; of a fall, the two readings."""
    anchor = item.anchor
    if anchor.fall_of:
        return pl.col("why")
    said = [f"{anchor.toxicity} {anchor.grade} or more"] if anchor.toxicity else []
    said += [fact_lane(anchor.fact)] if anchor.fact else []
    return pl.lit(said, pl.List(pl.String))
