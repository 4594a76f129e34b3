"""What goes wrong in real charts, on request: wrong units, rows twice, late results, shifts without vital signs."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cytowatch.simulate.noise import uniforms

_HOURS_A_SHIFT = 8
_A_QUARTER, _PURPOSE = 4, 11
_LABS = ("crp", "ferritin", "il_6", "ifn_gamma")
_VITALS = ("body_temperature", "heart_rate", "spo2", "systolic_bp", "diastolic_bp", "mean_arterial_pressure")
# whatever else is charted shares the last place
_CONCEPTS = (*_VITALS, *_LABS, "oxygen_device", "oxygen_flow", "fio2", "others")


def soil(rows: pl.DataFrame, share: float, seed: int, numbers: Mapping[str, int]) -> pl.DataFrame:
    """The same chart with dirt; ``share``: of shifts that are lost, of rows that are doubled, mistaken or late.

    A temperature in degrees Fahrenheit under the unit of Celsius; the same row twice; laboratory that is known six
    hours later; eight hours without any vital sign. ``numbers``: which patient of the seed each name is.
    """
    if rows.is_empty():
        return rows
    names = rows["patient"].unique(maintain_order=True).to_list()
    moments = int(rows["hours"].max() * _A_QUARTER) + 1  # type: ignore[operator,arg-type]
    chance = uniforms(seed, _PURPOSE, [numbers[name] for name in names], moments, len(_CONCEPTS) + 1)
    at = rows.select(
        who=pl.col("patient").replace_strict(names, list(range(len(names)))),
        moment=(pl.col("hours") * _A_QUARTER).cast(pl.Int64),
        shift=(pl.col("hours") // _HOURS_A_SHIFT * _HOURS_A_SHIFT * _A_QUARTER).cast(pl.Int64),
        kind=pl.col("concept").replace_strict(list(_CONCEPTS), list(range(len(_CONCEPTS))), default=len(_CONCEPTS) - 1),
    )
    who, moment, shift, kind = (at[name].to_numpy() for name in ("who", "moment", "shift", "kind"))
    drawn = chance[who, moment, kind]
    # a second draw of the same place decides whether the row stands twice
    again = chance[who, moment, (kind + 7) % len(_CONCEPTS)] < share
    lost = (chance[who, shift, len(_CONCEPTS)] < share) & rows["concept"].is_in(_VITALS).to_numpy()
    struck = pl.Series(drawn < share)
    mistaken = (pl.col("concept") == "body_temperature") & struck
    late = pl.col("concept").is_in(_LABS) & struck
    soiled = rows.with_columns(
        pl.when(mistaken).then((pl.col("value") * 9 / 5 + 32).round(1)).otherwise("value").alias("value"),
        pl.when(late).then(pl.col("hours") + 6).alias("available"),
    )
    twice = pl.concat([soiled.filter(pl.Series(~lost)), soiled.filter(pl.Series(again & ~lost))])
    return twice.sort("patient", "hours", "concept", maintain_order=True)
