"""Which exposure a guideline speaks of at each moment, and whether another one could be the cause as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from cytowatch.knowledge.advice import Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

_OWN = ("product", "class")


def lane_of(triggers: Iterable[str]) -> str:
    """The name of the exposures of some kinds."""
    return "exposure:" + "+".join(sorted(triggers))


def window_ends(triggers: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """When each exposure is no longer looked at as a cause: patient, time."""
    return _exposures(triggers, knowledge).select("patient", pl.col("until").alias("time"))


def with_exposures(
    frame: pl.DataFrame, triggers: pl.DataFrame, knowledge: Knowledge, guidelines: Iterable[Guideline]
) -> pl.DataFrame:
    """Add the latest exposure, the beginning of its course, and what is known of the kinds of each guideline.

    ``exposed_at``, ``exposed_to``: time and product of the latest. ``course_from``: the first of the exposures whose
    windows touch, up to the latest; doses of a course count from it. ``<lane_of>|product`` and ``|class`` (empty where
    two at one moment differ), ``|exposed``: one is in its window, ``|alone``: no exposure of another kind is, too.
    """
    exposures = _exposures(triggers, knowledge)
    latest = _latest(frame, exposures)
    named = latest.with_columns(pl.col("_at").alias("exposed_at"), pl.col("_product").alias("exposed_to"))
    found = named.drop("_at", "_product", "_class")
    found = _with_course(found, exposures)
    for kinds in dict.fromkeys(tuple(sorted(part.triggers)) for part in guidelines):
        of_kind = pl.col("kind").is_in(kinds)
        own = _latest(found, exposures.filter(of_kind))
        other = _latest(found, exposures.filter(~of_kind))["_at"]
        lane = lane_of(kinds)
        own_names = dict(zip(_OWN, ("_product", "_class"), strict=True))
        found = own.with_columns(
            *(pl.col(column).alias(f"{lane}|{name}") for name, column in own_names.items()),
            pl.col("_at").is_not_null().alias(f"{lane}|exposed"),
            other.is_null().alias(f"{lane}|alone"),
        ).drop("_at", "_product", "_class")
    return found


def _with_course(frame: pl.DataFrame, exposures: pl.DataFrame) -> pl.DataFrame:
    """Add ``course_from``; the start of the watched time where there is no exposure."""
    rows = exposures.sort("patient", "time")
    reach = pl.col("until").cum_max().over("patient").shift(1).over("patient")
    opens = (pl.col("time") > reach).fill_null(value=True)
    first = pl.when(opens).then(pl.col("time")).forward_fill().over("patient")
    courses = rows.select("patient", pl.col("time").alias("_at"), first.alias("course_from"))
    joined = frame.join_asof(courses, left_on="start", right_on="_at", by="patient", check_sortedness=False)
    return joined.with_columns(pl.coalesce("course_from", "since")).drop("_at")


def _exposures(triggers: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """One row a moment and kind: patient, time, kind, product, class, until; of two products neither is known."""
    products = knowledge.products
    windows = knowledge.policy("windows")
    classes = {key: part.product_class for key, part in products.items()}
    days = {key: float(part.window_days) for key, part in products.items()}
    by_kind = {key: float(value) for key, value in windows.items()} if isinstance(windows, Mapping) else {}
    rows = triggers.select(
        pl.col("patient").cast(pl.String),
        "time",
        pl.col("concept").alias("kind"),
        "product",
        pl.col("product").replace_strict(classes, default=None, return_dtype=pl.String).alias("class"),
        pl.coalesce(
            pl.col("product").replace_strict(days, default=None, return_dtype=pl.Float64),
            pl.col("concept").replace_strict(by_kind, default=None, return_dtype=pl.Float64),
        ).alias("days"),
    )
    one = [
        pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in ("product", "class")
    ]
    merged = rows.group_by("patient", "time", "kind").agg(*one, pl.col("days").max())
    reach = (pl.col("days") * DAY_US).round().cast(pl.Int64)
    return merged.with_columns((pl.col("time") + reach).alias("until")).sort("patient", "time", "kind")


def _latest(frame: pl.DataFrame, exposures: pl.DataFrame) -> pl.DataFrame:
    """Add ``_at``, ``_product``, ``_class`` of the latest exposure that is still in its window."""
    rows = exposures.select(
        "patient",
        pl.col("time").alias("_at"),
        pl.col("until").alias("_until"),
        pl.col("product").alias("_product"),
        pl.col("class").alias("_class"),
    )
    joined = frame.join_asof(rows, left_on="start", right_on="_at", by="patient", check_sortedness=False)
    inside = (pl.col("start") < pl.col("_until")).fill_null(value=True) & pl.col("_at").is_not_null()
    return joined.with_columns(
        pl.when(inside).then(pl.col(name)).alias(name) for name in ("_at", "_product", "_class")
    ).drop("_until")
