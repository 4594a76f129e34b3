"""Steroids of a record in the strength of dexamethasone: by day, added up, and the days that a count looks at.

A dose without an amount, or in doubt, makes a range and is never nothing. How strong the other steroids are was
recalled and read in no source: rows that rest on it say so.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.advise.strength import doses_in_strength
from cytowatch.engine.settle import settle
from cytowatch.engine.subjects import find_triggers, trigger_concepts
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US, STEROIDS

_OF = ["patient", "exposure", "exposure_time", "count"]
_ROUND = 6
_FOREVER = 2**62


def steroids(
    observations: pl.DataFrame,
    patients: pl.DataFrame,
    knowledge: Knowledge,
    *,
    as_of: int | None = None,
    not_recorded: frozenset[str] = frozenset(),
    assumed_product: str | None = None,
) -> pl.DataFrame:
    """A row for each day with a steroid, by exposure, as ``schema.STEROIDS``; times in microseconds.

    Days are blocks of 24 h from the exposure on. Each exposure has its own clock: a dose counts to every exposure that
    lies before it, up to the last day that a count looks at or the next exposure, whichever is later.
    """
    drugs = tuple(part.concept for part in knowledge.formulary.steroids.values())
    settled = settle(observations, knowledge, {*drugs, "weight", *trigger_concepts(knowledge)}, as_of=as_of)
    doses = doses_in_strength(settled.charted, patients, knowledge)
    if doses.is_empty():
        return STEROIDS.empty()
    exposures = _exposures(find_triggers(settled, knowledge, assumed_product), knowledge)
    placed = _placed(doses, exposures)
    days = _by_day(placed, knowledge, not_recorded & set(drugs))
    parts = [_added_up(days, silent=bool(not_recorded & set(drugs))), _without_day(doses, exposures)]
    whole = pl.concat([_as_table(part) for part in parts])
    return whole.sort("patient", "exposure_time", "exposure", "count", "day", nulls_last=False)


def _exposures(triggers: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Each exposure with the count that fits it, and until when doses count to it (``to``)."""
    counts = [(name, key) for key, part in knowledge.formulary.steroid_counts.items() for name in part.triggers]
    by_trigger = pl.DataFrame(counts, schema={"concept": pl.String, "count": pl.String}, orient="row")
    own = triggers.select(
        pl.col("patient").cast(pl.String),
        pl.col("time").alias("exposure_time"),
        pl.col("product").alias("exposure"),
        pl.col("concept").cast(pl.String),
    ).sort("patient", "exposure_time", "exposure")
    following = pl.col("exposure_time").shift(-1).over("patient").fill_null(_FOREVER)
    last = max((part.last_day for part in knowledge.formulary.steroid_counts.values()), default=0)
    reach = pl.col("exposure_time") + (last + 1) * DAY_US
    ending = own.with_columns(pl.max_horizontal(reach, following).alias("to"))
    return ending.join(by_trigger, on="concept", how="left", maintain_order="left").drop("concept")


def _placed(doses: pl.DataFrame, exposures: pl.DataFrame) -> pl.DataFrame:
    """Doses with the exposures to which they count, and their day."""
    joined = doses.join(exposures, on="patient")
    inside = joined.filter(pl.col("time") >= pl.col("exposure_time"), pl.col("time") < pl.col("to"))
    day = (pl.col("time") - pl.col("exposure_time")) // DAY_US
    return inside.with_columns(day.cast(pl.Int32).alias("day"))


def _daily() -> Sequence[pl.Expr]:
    """What the doses of one day come to; an upper bound that one dose lacks the day lacks."""
    open_above = pl.col("at_most").is_null().any()
    return (
        pl.len().cast(pl.Int32).alias("doses"),
        pl.col("at_least").sum().round(_ROUND),
        pl.when(~open_above).then(pl.col("at_most").sum().round(_ROUND)).alias("at_most"),
        pl.col("arithmetic"),
        (~pl.col("doubtful")).any().alias("sure"),
        pl.col("note").drop_nulls().unique(maintain_order=True).alias("notes"),
        pl.col("source").drop_nulls().unique(maintain_order=True).alias("sources"),
        pl.when(pl.col("recalled").any()).then(pl.lit("recalled")).otherwise(pl.lit("house")).alias("basis"),
    )


def _by_day(placed: pl.DataFrame, knowledge: Knowledge, silent: frozenset[str]) -> pl.DataFrame:
    """A row a day, with whether it has the strength that its count asks for."""
    days = placed.sort("time").group_by(*_OF, "day", maintain_order=True).agg(*_daily()).sort(*_OF, "day")
    counts = knowledge.formulary.steroid_counts
    for name in ("least_mg", "first_day", "last_day", "days"):
        values = {key: float(getattr(part, name)) for key, part in counts.items()}
        asked = pl.col("count").replace_strict(values, default=None, return_dtype=pl.Float64)
        days = days.with_columns(asked.alias(f"_{name}"))
    counted = pl.col("day").is_between(pl.col("_first_day"), pl.col("_last_day")).fill_null(value=False)
    if silent:
        # what this source does not record may have been given on any day
        noted = pl.col("notes").list.concat(pl.lit(["not_recorded"], pl.List(pl.String)))
        days = days.with_columns(pl.lit(None, pl.Float64).alias("at_most"), noted.alias("notes"))
    enough = pl.col("at_least") >= pl.col("_least_mg")
    maybe = pl.col("at_most").is_null() | (pl.col("at_most") >= pl.col("_least_mg"))
    return days.with_columns(
        counted.alias("counted"), (counted & enough).alias("enough"), (counted & maybe).alias("maybe")
    )


def _added_up(days: pl.DataFrame, *, silent: bool) -> pl.DataFrame:
    """Sums from day 0 on, the days of the count, and whether they reach its number."""
    running = {
        "total_at_least": pl.col("at_least").cum_sum().round(_ROUND),
        "total_at_most": pl.when(pl.col("at_most").is_null().cum_sum() == 0).then(
            pl.col("at_most").fill_null(0.0).cum_sum().round(_ROUND)
        ),
        "steroid_days_at_least": pl.col("sure").cast(pl.Int32).cum_sum(),
        "steroid_days_at_most": pl.int_range(1, pl.len() + 1, dtype=pl.Int32),
        "days_at_least": pl.col("enough").cast(pl.Int32).cum_sum(),
        "days_at_most": pl.col("maybe").cast(pl.Int32).cum_sum(),
    }
    found = days.with_columns(expression.over(_OF).alias(name) for name, expression in running.items())
    if silent:
        passed = pl.min_horizontal(pl.col("day"), pl.col("_last_day")) - pl.col("_first_day") + 1
        found = found.with_columns(
            (pl.col("day") + 1).alias("steroid_days_at_most"), passed.clip(lower_bound=0).alias("days_at_most")
        )
    fits = pl.col("count").is_not_null()
    state = (
        pl.when(pl.col("days_at_least") >= pl.col("_days"))
        .then(pl.lit("reached"))
        .when(pl.col("days_at_most") >= pl.col("_days"))
        .then(pl.lit("possible"))
        .otherwise(pl.lit("not_reached"))
    )
    told = ("days_at_least", "days_at_most", "counted")
    return found.with_columns(pl.when(fits).then(state).alias("state")).with_columns(
        pl.when(fits).then(pl.col(name)).alias(name) for name in told
    )


def _without_day(doses: pl.DataFrame, exposures: pl.DataFrame) -> pl.DataFrame:
    """Doses before the first exposure, or of patients who had none: one row a patient, no day is counted."""
    first = exposures.group_by("patient").agg(pl.col("exposure_time").min().alias("first"))
    joined = doses.join(first, on="patient", how="left", maintain_order="left")
    outside = joined.filter(pl.col("first").is_null() | (pl.col("time") < pl.col("first")))
    why = pl.when(pl.col("first").is_null()).then(pl.lit("no_exposure")).otherwise(pl.lit("before_exposure"))
    rows = outside.sort("time").group_by("patient", why.alias("why"), maintain_order=True).agg(*_daily())
    return rows.with_columns(pl.concat_list("why", "notes").alias("notes"))


def _as_table(rows: pl.DataFrame) -> pl.DataFrame:
    given = [pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in STEROIDS.names]
    return rows.select(given).cast(pl.Schema(STEROIDS.schema))
