"""From what an item of monitoring counts: exposures, stretches of a grade or of a fact, falls of a score."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from cytowatch.advise.plan_rows import NO_TEXTS
from cytowatch.advise.watch import Followed, fact_lane
from cytowatch.knowledge.plan import SCALES, Anchor, MonitoringItem

# `stop`: where it ends, as far as is known; `over`: it ended before now
_KEPT = (
    *("patient", "at", "stop", "over", "certain", "at_least", "why", "missing"),
    *("product", "exposure_time", "first", "known", "now", "death"),
)


def anchors(item: MonitoringItem, triggers: Iterable[str], followed: Followed) -> pl.DataFrame:
    """Every moment from which the item is counted, one row each."""
    exposures = exposures_for(followed, triggers)
    if item.anchor == Anchor():
        found = _of_exposures(exposures, followed)
    elif item.anchor.fall_of:
        found = _of_falls(item.anchor.fall_of, exposures, followed)
    else:
        found = _of_runs(item.anchor, exposures, followed)
    fits = fitting(item.products, item.classes)
    if item.doses:
        fits = fits & pl.col("dose").is_in(item.doses)
    return found.filter(fits).select(_KEPT).unique(["patient", "at", "certain"], keep="first", maintain_order=True)


def exposures_for(followed: Followed, triggers: Iterable[str]) -> pl.DataFrame:
    """Exposures of some kinds, with when each was."""
    own = followed.exposures.filter(pl.col("concept").is_in(list(triggers)))
    return own.with_columns(pl.col("time").alias("exposure_time"))


def fitting(products: Iterable[str], classes: Iterable[str]) -> pl.Expr:
    """Whether the exposure is one that a row is for; a product that is not known has only what is for any."""
    fits = pl.lit(value=True)
    if names := list(products):
        fits = fits & pl.col("product").is_in(names)
    if groups := list(classes):
        fits = fits & pl.col("product_class").is_in(groups)
    return fits.fill_null(value=False)


def with_exposure(rows: pl.DataFrame, exposures: pl.DataFrame, at: str) -> pl.DataFrame:
    """Each row with the latest exposure at or before it; rows before any exposure go."""
    latest = exposures.sort("patient", "time").select(
        "patient", pl.col("time").alias("_t"), "product", "product_class", "dose", "window", "exposure_time"
    )
    joined = rows.sort("patient", at).join_asof(
        latest, left_on=at, right_on="_t", by="patient", check_sortedness=False, coalesce=False
    )
    return joined.filter(pl.col("exposure_time").is_not_null()).drop("_t")


def stretches(lane: pl.DataFrame, least: int) -> pl.DataFrame:
    """Stretches in which a grade of at least so much is certain, or not excluded.

    Gives patient, at, stop, certain, at_least, why, missing. A stretch ends where the lane ends, or where what is
    certain changes.
    """
    held = lane.filter((pl.col("at_most") >= least).fill_null(value=False)).sort("patient", "start")
    held = held.with_columns(
        (pl.col("at_least") >= least).fill_null(value=False).alias("certain"),
        (pl.col("at_least") >= 1).fill_null(value=False).alias("graded"),
    )
    follows = (
        (pl.col("patient") == pl.col("patient").shift(1))
        & (pl.col("start") == pl.col("end").shift(1))
        & (pl.col("certain") == pl.col("certain").shift(1))
        # a range above 0 is another matter than one from 0 on
        & (pl.col("graded") == pl.col("graded").shift(1))
    )
    numbered = held.with_columns((~follows.fill_null(value=False)).cum_sum().alias("n"))
    return numbered.group_by("n", maintain_order=True).agg(
        pl.col("patient").first(),
        pl.col("start").first().alias("at"),
        pl.col("end").last().alias("stop"),
        pl.col("certain").first(),
        pl.col("at_least").first(),
        pl.col("criteria").first().alias("why"),
        pl.when(pl.col("certain").first()).then(NO_TEXTS).otherwise(pl.col("missing").first()).alias("missing"),
    )


def _of_exposures(exposures: pl.DataFrame, followed: Followed) -> pl.DataFrame:
    given = exposures.join(followed.people, on="patient", how="inner", maintain_order="left")
    return given.with_columns(
        pl.col("time").alias("at"),
        pl.col("following").alias("stop"),
        pl.col("following").is_not_null().alias("over"),
        pl.lit(value=True).alias("certain"),
        pl.lit(None, pl.Int16).alias("at_least"),
        NO_TEXTS.alias("why"),
        NO_TEXTS.alias("missing"),
    )


def _of_runs(anchor: Anchor, exposures: pl.DataFrame, followed: Followed) -> pl.DataFrame:
    name = SCALES[anchor.toxicity] if anchor.toxicity else fact_lane(anchor.fact)
    least = anchor.grade if anchor.toxicity else 1
    runs = stretches(followed.lanes.filter(pl.col("scale") == name), least)
    runs = with_exposure(runs, exposures, "at").join(followed.people, on="patient", how="inner", maintain_order="left")
    over = pl.col("stop") < pl.min_horizontal("now", "known")
    graded = pl.col("at_least") if anchor.toxicity else pl.lit(None, pl.Int16)
    return runs.with_columns(over.alias("over"), graded.alias("at_least")).filter(pl.col("at") <= pl.col("now"))


def _of_falls(concept: str, exposures: pl.DataFrame, followed: Followed) -> pl.DataFrame:
    """Readings lower than the one before; one that is a bound makes a fall that is only possible."""
    own = followed.rows.filter(pl.col("concept") == concept, pl.col("value").is_not_null()).sort("patient", "time")
    before = {name: pl.col(name).shift(1).over("patient") for name in ("value", "comparator")}
    exact = pl.col("comparator").is_null() & before["comparator"].is_null()
    fell = own.with_columns(exact.alias("certain"), before["value"].alias("before")).filter(
        pl.col("value") < pl.col("before")
    )
    fell = fell.with_columns(
        pl.col("time").alias("at"),
        pl.col("time").shift(-1).over("patient").alias("stop"),
        pl.lit(None, pl.Int16).alias("at_least"),
        pl.concat_list(pl.format("{} {} after {}", pl.lit(concept), "value", "before")).alias("why"),
        NO_TEXTS.alias("missing"),
    ).with_columns(pl.col("stop").is_not_null().alias("over"))
    falls = with_exposure(fell, exposures, "at").filter(pl.col("at") < pl.col("exposure_time") + pl.col("window"))
    return falls.join(followed.people, on="patient", how="inner", maintain_order="left")
