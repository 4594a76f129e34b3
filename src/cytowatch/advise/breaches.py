"""Doses that were given against a limit of the drug: told at the dose, whatever a guideline says."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from cytowatch.advise.doses import Given
from cytowatch.knowledge.advice import DoseLimit
from cytowatch.schema import ADVICE, HOUR_US

_NO_TEXTS = pl.lit([], pl.List(pl.String))


def breach_rows(frame: pl.DataFrame, doses: Iterable[Given]) -> pl.DataFrame:
    """A row of kind ``breach`` and level alert for each dose and limit that it was given against, for an hour.

    ``frame``: segments, cut at every dose, with the counts of the limits (``doses.with_limits``). A dose in doubt is
    ``possible``.
    """
    return pl.concat([ADVICE.empty(), *(_of(frame, part, limit) for part in doses for limit in part.drug.limits)])


def _of(frame: pl.DataFrame, doses: Given, limit: DoseLimit) -> pl.DataFrame:
    numbered = doses.rows.with_columns(pl.col("time").shift(1).over("patient").alias("last")).rename({"time": "start"})
    at_doses = frame.join(numbered, on=["patient", "start"], how="inner", maintain_order="left")
    hours = (pl.col("start") - pl.col("last")) / HOUR_US
    count = pl.col(f"{doses.drug.key}|{limit.id}|n")
    if limit.kind == "interval":
        here = hours < limit.hours
        said = pl.format(
            f"{doses.drug.label} was given {{}} h after the last dose; at least {limit.hours:g} h.", _plain(hours)
        )
    elif limit.kind == "in_hours":
        here = count > limit.times
        said = pl.format(f"{doses.drug.label} was given {{}} times in {limit.hours:g} h; at most {limit.times}.", count)
    else:
        here = count > limit.times
        said = pl.format(f"{doses.drug.label} was given {{}} times in this course; at most {limit.times}.", count)
    return _rows(at_doses.filter(here).with_columns(said.alias("action")), doses, limit)


def _plain(hours: pl.Expr) -> pl.Expr:
    return hours.round(1).cast(pl.String).str.replace(r"\.0$", "")


def _rows(told: pl.DataFrame, doses: Given, limit: DoseLimit) -> pl.DataFrame:
    lists = {name for name, kind in ADVICE.schema.items() if isinstance(kind, pl.List)}
    base = {name: _NO_TEXTS if name in lists else pl.lit(None) for name in ADVICE.names}
    base |= {name: pl.col(name) for name in ("patient", "start", "action")}
    base["end"] = pl.col("start") + HOUR_US
    base["holds"] = pl.when("in_doubt").then(pl.lit("possible")).otherwise(pl.lit("certain"))
    base["level"] = pl.when("in_doubt").then(pl.lit("note")).otherwise(pl.lit("alert"))
    fixed = {
        "kind": "breach",
        "guideline": f"drug.{doses.drug.key}",
        "rule": limit.id,
        "toxicity": "crs",
        "state": "now",
    }
    fixed |= {"topic": "other_drug", "drug": doses.drug.key, "dose_unit": doses.drug.unit}
    fixed |= {"source": limit.cited.source, "locator": limit.cited.locator, "basis": limit.cited.evidence}
    base |= {name: pl.lit(value) for name, value in fixed.items()}
    return told.select(base[name].cast(kind).alias(name) for name, kind in ADVICE.schema.items())
