"""What the times of a source tell of the source: gaps, lost times of day, results known before they were taken."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.intake import Clock
from cytowatch.schema import HOUR_US

HOURS_A_DAY = 24
_SHIFTS = {"check": pl.String(), "concept": pl.String(), "rows": pl.Int64(), "of": pl.Int64(), "share": pl.Float64()}
_DEATH = "death"


def gaps(vitals: pl.DataFrame, limit_hours: float) -> pl.DataFrame:
    """Stretches longer than the limit between two vital signs of a patient, the longest first."""
    moments = vitals.select("patient", "time").unique().sort("patient", "time")
    later = pl.col("time").shift(-1).over("patient")
    hours = (later - pl.col("time")) / HOUR_US
    found = moments.select("patient", pl.col("time").alias("start"), later.alias("end"), hours.alias("hours"))
    return found.filter(pl.col("hours") > limit_hours).sort(
        "hours", "patient", "start", descending=[True, False, False]
    )  # fmt: skip


def by_hour(vitals: pl.DataFrame, clock: Clock, zone: str) -> pl.DataFrame:
    """Vital signs by hour of the local day (``hour, rows``, 24 rows), and nothing where the clock has no days."""
    if clock != "time":
        return pl.DataFrame(schema={"hour": pl.Int64, "rows": pl.Int64})
    counted = vitals.group_by(_local(zone).dt.hour().cast(pl.Int64).alias("hour")).agg(rows=pl.len().cast(pl.Int64))
    every = pl.DataFrame({"hour": range(HOURS_A_DAY)}, schema={"hour": pl.Int64})
    return every.join(counted, on="hour", how="left").with_columns(pl.col("rows").fill_null(0)).sort("hour")


def shifts(observations: pl.DataFrame, vitals: pl.DataFrame, clock: Clock, zone: str) -> pl.DataFrame:
    """Checks of times (``check, concept, rows, of, share``); a check without any row that fails it has 0 rows."""
    found = [*_known_early(observations), *_after_death(observations)]
    if clock == "time":
        local = _local(zone)
        midnight = local.dt.time() == pl.time(0)
        full_hour = (local.dt.minute() == 0) & (local.dt.second() == 0)
        found += [*_by_concept(vitals, midnight, "at_midnight"), *_by_concept(vitals, full_hour, "on_the_hour")]
    return pl.DataFrame(found, schema=_SHIFTS, orient="row").sort("check", "concept")


_Row = tuple[str, str, int, int, float]


def _by_concept(rows: pl.DataFrame, flag: pl.Expr, check: str) -> list[_Row]:
    counted = rows.group_by("concept").agg(bad=flag.sum().cast(pl.Int64), of=pl.len().cast(pl.Int64))
    return [(check, concept, bad, of, bad / of) for concept, bad, of in counted.iter_rows()]


def _known_early(observations: pl.DataFrame) -> list[_Row]:
    """Results that were known before they were taken: one of the two clocks is shifted."""
    dated = observations.filter(pl.col("available").is_not_null())
    return _by_concept(dated, pl.col("available") < pl.col("time"), "known_before_taken")


def _after_death(observations: pl.DataFrame) -> list[_Row]:
    deaths = observations.filter(pl.col("concept") == _DEATH).group_by("patient").agg(died=pl.col("time").min())
    rest = observations.filter(pl.col("concept") != _DEATH).join(deaths, on="patient")
    return _by_concept(rest, pl.col("time") > pl.col("died"), "after_death")


def _local(zone: str) -> pl.Expr:
    return pl.from_epoch("time", time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
