"""Charts of virtual patients graded, and held look by look against the truth that the simulator wrote beside them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import cytowatch as cw

SCALE = "crs.astct-2019"


def charted(folder: Path) -> pl.DataFrame:
    """The long table of a cohort."""
    return pl.concat([pl.read_parquet(one) for one in sorted((folder / "chart").glob("observations*.parquet"))])


def truth(folder: Path) -> pl.DataFrame:
    """The truth of each look: ``patient, hours, grade, fever``."""
    return pl.concat([pl.read_parquet(one) for one in sorted((folder / "truth").glob("grades*.parquet"))])


def graded(folder: Path, scale: str = SCALE) -> cw.Result:
    """What the public door says of a cohort."""
    return cw.grade(charted(folder), pl.read_parquet(folder / "chart" / "patients.parquet"), scales=[scale])


def examinations(folder: Path, result: cw.Result) -> pl.DataFrame:
    """Each examination with the true grade of ICANS and what the engine held at that moment."""
    seen = pl.concat([pl.read_parquet(one) for one in sorted((folder / "truth").glob("icans*.parquet"))])
    segments = result.timeline.select("patient", "start", "at_least", "at_most").sort("start")
    return (
        seen.rename({"icans": "grade"})
        .sort("hours")
        .join_asof(segments, left_on="hours", right_on="start", by="patient", check_sortedness=False)
    )


def looks(folder: Path, result: cw.Result) -> pl.DataFrame:
    """Each look with its true grade and what the engine held at that moment; ``begun``: from the first fever on."""
    segments = result.timeline.filter(pl.col("scale") == SCALE).select(
        "patient", "start", "end", "at_least", "at_most", "flags"
    )
    seen = truth(folder).with_columns(pl.col("hours").cast(pl.Float64)).sort("hours")
    joined = seen.join_asof(
        segments.sort("start"), left_on="hours", right_on="start", by="patient", check_sortedness=False
    )
    begun = (pl.col("fever").cast(pl.Int64).cum_sum().over("patient", order_by="hours") > 0).alias("begun")
    return joined.with_columns(begun).sort("patient", "hours")


def outside(of: pl.DataFrame) -> pl.DataFrame:
    """Looks at which the truth is not within what the engine held."""
    inside = (pl.col("at_least") <= pl.col("grade")) & (pl.col("grade") <= pl.col("at_most"))
    return of.filter(~inside.fill_null(value=False))


def equal(of: pl.DataFrame) -> float:
    """The share of looks at which the engine is certain, and of the true grade."""
    same = (pl.col("at_least") == pl.col("grade")) & (pl.col("at_most") == pl.col("grade"))
    return float(of.select(same.fill_null(value=False).mean()).item())
