"""What goes wrong in real charts, on request: wrong units, rows twice, late results, shifts without vital signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.simulate.noise import uniforms

_HOURS_A_SHIFT = 8
_A_QUARTER, _PURPOSE = 4, 11
_LABS = ("crp", "ferritin", "il_6", "ifn_gamma")
_VITALS = ("body_temperature", "heart_rate", "spo2", "systolic_bp", "diastolic_bp", "mean_arterial_pressure")
# whatever else is charted shares the last place
_CONCEPTS = (*_VITALS, *_LABS, "oxygen_device", "oxygen_flow", "fio2", "others")


@dataclass(frozen=True)
class Dirt:
    """How much of each kind, as shares.

    ``unit``: of temperatures, in degrees Fahrenheit under the unit of Celsius; ``twice``: of rows, the same one again;
    ``late``: of laboratory, known six hours later; ``lost``: of shifts of eight hours, without any vital sign. Only
    the last leaves no trace.
    """

    unit: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    lost: float = 0.0

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


def dirt_of(text: str) -> Dirt:
    """What ``--dirt`` asks for: one share for all kinds (``0.05``), or ``kind=share`` by commas (``unit=0.1,lost=0``).

    ArgumentError for what cannot be read, is no kind, or is no share.
    """
    known = [one.name for one in fields(Dirt)]
    parts = [part.partition("=") for part in text.split(",")] if "=" in text else [(one, "=", text) for one in known]
    found: dict[str, float] = {}
    for name, _, value in parts:
        if name.strip() not in known:
            raise ArgumentError(
                f"There is no dirt called `{name.strip()}`.", where="--dirt", hint=f"Choose of: {', '.join(known)}."
            )
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise _no_share(value) from None
        if not 0 <= found[name.strip()] <= 1:
            raise _no_share(value)
    return Dirt(**found)


def _no_share(value: str) -> ArgumentError:
    return ArgumentError(
        f"Dirt is a share, 0 (none) to 1; `{value.strip()}` is none.", where="--dirt",
        hint="Write 0.05 for all kinds, or unit=0.05,twice=0.05,late=0.05,lost=0.",
    )  # fmt: skip


def soil(rows: pl.DataFrame, dirt: Dirt, seed: int, numbers: Mapping[str, int]) -> pl.DataFrame:
    """The same chart with dirt; ``numbers``: which patient of the seed each name is."""
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
    again = chance[who, moment, (kind + 7) % len(_CONCEPTS)] < dirt.twice
    lost = (chance[who, shift, len(_CONCEPTS)] < dirt.lost) & rows["concept"].is_in(_VITALS).to_numpy()
    mistaken = (pl.col("concept") == "body_temperature") & pl.Series(drawn < dirt.unit)
    late = pl.col("concept").is_in(_LABS) & pl.Series(drawn < dirt.late)
    soiled = rows.with_columns(
        pl.when(mistaken).then((pl.col("value") * 9 / 5 + 32).round(1)).otherwise("value").alias("value"),
        pl.when(late).then(pl.col("hours") + 6).alias("available"),
    )
    twice = pl.concat([soiled.filter(pl.Series(~lost)), soiled.filter(pl.Series(again & ~lost))])
    return twice.sort("patient", "hours", "concept", maintain_order=True)
