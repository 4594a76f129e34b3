"""What a ward writes down of the brain: ICE (CAPD under 12 years), consciousness, sedation; and the ICANS of these.

At first, twice a day, and with every round of vital signs while anything is lost. Whoever is on a ventilator is sedated
and cannot be examined. Seizures, weakness and edema are not simulated. How a lost share of the score becomes a level of
consciousness, and points of CAPD, is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cytowatch.simulate import bedside
from cytowatch.simulate.chart_rows import frame_of
from cytowatch.simulate.noise import normals
from cytowatch.simulate.tables import table

Array = NDArray[Any]
_ROUND, _TWICE, _FIRST = 4, 12, 8
_PURPOSE = 13
# policy ice_from_years, told again for a truth of its own
_ICE_FROM_YEARS = 12
_LEVELS = ("awake", "to_voice", "to_touch", "unarousable")
_LEVEL_GRADES = np.array([0, 2, 3, 4])
# the first lost point is charted when half of it is lost
_LOST = 0.05
_WHOLE = 10
# points of CAPD by points of ICE lost: 1 to 7 are as many, from 8 on (ICE 0 to 2) it is 9 and more
_CAPD = np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 13, 18])
_SEVERE_CAPD = 9
_VENTILATED = next(step for step, (name, *_) in enumerate(bedside.OXYGEN) if name == "invasive_ventilation")


@dataclass(frozen=True)
class Examined:
    """Hours × patients: who was examined, who could not be, lost points of ten, and the level of consciousness."""

    done: Array
    sedated: Array
    points: Array
    level: Array


def examine(hourly: Mapping[str, Array], seed: int, numbers: Sequence[int]) -> Examined:
    """Examine everybody at the hours of the ward; ``numbers``: which patients of the seed they are."""
    lost = hourly["ice_lost"].astype(float)
    hours = np.arange(len(lost))[:, None]
    # before anything is given, so that what is lost later is known to be lost
    due = (hours == 0) | (hours % _TWICE == _FIRST) | ((hours % _ROUND == 0) & (lost > _LOST))
    sedated = hourly["oxygen"] >= _VENTILATED
    noise, level = table("chart").values(), table("bedside").values()
    # where nothing is lost nobody is mistaken, nor where all is
    spread = noise["ice"] * 2 * np.sqrt(lost * (1 - lost))
    chance = normals(seed, _PURPOSE, numbers, len(lost), 1)[0]
    points = np.clip(np.round(_WHOLE * lost + spread * chance), 0, _WHOLE).astype(int)
    cuts = [noise["to_voice_from"], noise["to_touch_from"], level["unarousable_from"]]
    drowsy = np.sum([lost > cut for cut in cuts], axis=0)
    points = np.where(drowsy == len(cuts), _WHOLE, points)
    return Examined(np.asarray(due & ~sedated), np.asarray(sedated), points, drowsy)


def rows(seen: Examined, ages: Array, names: list[str]) -> list[pl.DataFrame]:
    """Rows of the long table."""
    at, who = np.nonzero(seen.done)
    child = ages[who] < _ICE_FROM_YEARS
    points, level = seen.points[at, who], np.array(_LEVELS)[seen.level[at, who]]
    changed = np.diff(seen.sedated.astype(int), axis=0, prepend=0) != 0
    daily = seen.sedated & (np.arange(len(seen.sedated))[:, None] % _TWICE == _FIRST)
    slept, whose = np.nonzero(changed | daily)
    told = np.where(seen.sedated[slept, whose], "yes", "no")
    return [
        frame_of(at[~child], who[~child], "ice_score", _WHOLE - points[~child], "{score}", names),
        frame_of(at[child], who[child], "capd_score", _CAPD[points[child]], "{score}", names),
        frame_of(at, who, "consciousness", None, None, names, level),
        frame_of(slept, whose, "sedated", None, None, names, told),
    ]


def truth(seen: Examined, ages: Array, names: list[str]) -> pl.DataFrame:
    """The ICANS grade that each examination makes, by a rule of its own: ``patient, hours, icans``."""
    at, who = np.nonzero(seen.done)
    points = seen.points[at, who]
    score = np.select([points >= 8, points >= 4, points >= 1], [3, 2, 1], 0)
    capd = np.select([_CAPD[points] >= _SEVERE_CAPD, points >= 1], [3, 1], 0)
    instrument = np.where(ages[who] < _ICE_FROM_YEARS, capd, score)
    grade = np.maximum(instrument, _LEVEL_GRADES[seen.level[at, who]])
    found = pl.DataFrame({"hours": at.astype(float), "icans": grade})
    return found.select(pl.Series("patient", names).gather(pl.Series(who)).alias("patient"), "hours", "icans").sort(
        "patient", "hours"
    )
