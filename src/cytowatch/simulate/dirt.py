"""What goes wrong in real charts, on request: wrong units, rows twice, late results, shifts without vital signs."""

from __future__ import annotations

import numpy as np
import polars as pl

_HOURS_A_SHIFT = 8
_LABS = ("crp", "ferritin", "il_6", "ifn_gamma")
_VITALS = ("body_temperature", "heart_rate", "spo2", "systolic_bp", "diastolic_bp", "mean_arterial_pressure")


def soil(rows: pl.DataFrame, share: float, seed: int, number: int) -> pl.DataFrame:
    """The same chart with dirt; ``share``: of shifts that are lost, of rows that are doubled, mistaken or late.

    A temperature in degrees Fahrenheit under the unit of Celsius; the same row twice; laboratory that is known six
    hours later; eight hours without any vital sign.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, 11], counter=[0, 0, 0, number]))
    shift = (pl.col("hours") // _HOURS_A_SHIFT).cast(pl.Int64).alias("_shift")
    shifts = rows.select("patient", shift).unique().sort("patient", "_shift")
    lost = shifts.filter(pl.Series(rng.random(shifts.height) < share))
    kept = rows.with_columns(shift).join(lost.with_columns(_lost=True), on=["patient", "_shift"], how="left")
    vital = pl.col("concept").is_in(_VITALS)
    kept = kept.filter(~(vital & pl.col("_lost").fill_null(value=False))).drop("_shift", "_lost")
    drawn = pl.Series("_drawn", rng.random(kept.height))
    mistaken = (pl.col("concept") == "body_temperature") & (drawn < share)
    late = pl.col("concept").is_in(_LABS) & (drawn < share)
    kept = kept.with_columns(
        pl.when(mistaken).then((pl.col("value") * 9 / 5 + 32).round(1)).otherwise("value").alias("value"),
        pl.when(late).then(pl.col("hours") + 6).alias("available"),
    )
    again = kept.filter(pl.Series(rng.random(kept.height) < share))
    return pl.concat([kept, again]).sort("patient", "hours", "concept", maintain_order=True)
