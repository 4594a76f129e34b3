"""Cut-offs that depend on age, per subject (semantics page, section 4.1)."""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Threshold, ThresholdBand


def threshold_columns(threshold: Threshold) -> list[pl.Expr]:
    """``<key>|low``, ``|high`` and ``|used`` (1 used, 0 not at this age, empty = the age is unknown and matters)."""
    known = pl.col("age_days").is_not_null()
    at_age = pl.coalesce(pl.when(_inside(band)).then(_value(band)) for band in threshold.bands)
    lowest, highest = _extremes(threshold)
    low = pl.when(known).then(at_age).otherwise(lowest)
    high = pl.when(known).then(at_age).otherwise(highest)
    used: pl.Expr = pl.when(known).then(at_age.is_not_null().cast(pl.Int8)).when(pl.lit(_covers_all(threshold))).then(1)
    if threshold.own:
        own = pl.col(threshold.own)
        low, high = pl.coalesce(own, low), pl.coalesce(own, high)
        used = pl.when(own.is_not_null()).then(1).otherwise(used)
    if threshold.unless:
        used = pl.when(pl.col(threshold.unless).is_not_null()).then(0).otherwise(used)
    key = threshold.key
    return [low.alias(f"{key}|low"), high.alias(f"{key}|high"), used.cast(pl.Int8).alias(f"{key}|used")]


def _inside(band: ThresholdBand) -> pl.Expr:
    bounds = [
        None if band.from_days is None else pl.col("age_days") >= band.from_days,
        None if band.to_days is None else pl.col("age_days") < band.to_days,
        None if band.from_years is None else pl.col("age_years") >= band.from_years,
        None if band.to_years is None else pl.col("age_years") < band.to_years,
    ]
    return pl.all_horizontal(pl.lit(True), *[bound for bound in bounds if bound is not None])


def _value(band: ThresholdBand) -> pl.Expr:
    return pl.lit(band.base) + pl.col("age_years") * band.per_year


def _extremes(threshold: Threshold) -> tuple[float, float]:
    """Lowest and highest cut-off over every age."""
    values = []
    for band in threshold.bands:
        values.append(band.base + band.per_year * (band.from_years or 0.0))
        if band.per_year and band.to_years is not None:
            values.append(band.base + band.per_year * (band.to_years - 1.0))
    return min(values), max(values)


def _covers_all(threshold: Threshold) -> bool:
    """Does some band begin at birth, so that the concept is used at every age?"""
    return any(not band.from_days and not band.from_years for band in threshold.bands)
