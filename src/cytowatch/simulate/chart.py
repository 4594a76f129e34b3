"""What a ward writes down: trajectories become rows of the contract's long table, and the truth that they tell.

Vital signs every four hours and before whatever is done, hourly where a vasopressor or more than a mask runs, with
pressures from the arterial line every quarter of an hour; devices, rates and doses when they change; laboratory each
morning; ICE twice a day (`neuro`). The simulator knows every hour; a chart holds rounded numbers with noise, when
somebody looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cytowatch.simulate import bedside, neuro
from cytowatch.simulate.chart_rows import COLUMNS, frame_of
from cytowatch.simulate.noise import normals
from cytowatch.simulate.products import Product
from cytowatch.simulate.tables import table

Array = NDArray[Any]
# what the solver must keep of every hour
KEEP = (
    "temperature", "pressure", "heart_rate", "saturation", "oxygen", "norepinephrine", "epinephrine", "vasopressin",
    "grade", "IL6", "IFNg", "CRP", "Ferritin", "given_tocilizumab", "given_dexamethasone", "given_anakinra",
    "given_acetaminophen", "given_fluid", "ice_lost",
)  # fmt: skip
_EVERY, _MORNING, _DAY, _QUARTERS = 4, 6, 24, (0.25, 0.5, 0.75)
_NOT_CHARTED_FROM = 5
# ASTCT 2019 names no number; these are policy adult_hypotension of the tables, told again for a truth of its own
_LOW_SYSTOLIC, _LOW_MEAN = 90, 65
# younger patients are graded by the systolic pressure alone
_MEAN_FROM_YEARS = 18
# policy episode_gap_hours
_OVER_AFTER = 24
_INFUSIONS = {"norepinephrine": "ug/kg/min", "epinephrine": "ug/kg/min", "vasopressin": "[IU]/min"}
_DOSES = {
    "tocilizumab": ("mg", 1.0), "dexamethasone": ("mg", 1.0), "anakinra": ("mg", 1.0), "acetaminophen": ("mg", 1.0),
    "fluid": ("mL", 1000.0),
}  # fmt: skip
_CONCEPT = {"fluid": "fluid_bolus"}
_LABS = {
    "crp": ("CRP", "mg/L", 0), "ferritin": ("Ferritin", "ug/L", 0), "il_6": ("IL6", "pg/mL", 1),
    "ifn_gamma": ("IFNg", "pg/mL", 1),
}  # fmt: skip

_LINE = ("line at 15", "line at 30", "line at 45")
# what chance decides of each hour of a patient; new ones at the end
_CHANCES = ("temperature", "heart_rate", "saturation", "pressure", *_LINE, *_LABS)
_PURPOSE, _CUFF = 7, 14
# under this age the usual pressures of a child are lower, as much as the limit of a low one is (70 + 2 x years of 90)
_CHILD_UNDER = 11


@dataclass(frozen=True)
class Charted:
    """Rows of the long table, and the truth that they tell.

    ``truth`` (``patient, hours, grade, fever``): at the hours at which vitals were taken; ``icans`` (``patient, hours,
    icans``): at those of an examination.
    """

    observations: pl.DataFrame
    truth: pl.DataFrame
    icans: pl.DataFrame


def chart(
    product: Product, hourly: Mapping[str, Array], people: pl.DataFrame, seed: int, numbers: Sequence[int]
) -> Charted:
    """Chart a batch: ``hourly`` holds hours × patients of `KEEP`; ``numbers``: which patients of the seed they are.

    ``people`` (``patient, age``): one row each, in the same order.
    """
    names = people["patient"].to_list()
    chance = dict(zip(_CHANCES, normals(seed, _PURPOSE, numbers, len(hourly["oxygen"]), len(_CHANCES)), strict=True))
    noise = table("chart").values()
    looked = _looked(hourly)
    ages = people["age"].round(1).to_numpy()
    cuff = normals(seed, _CUFF, numbers, len(looked), 3)
    seen = _as_written(hourly, chance, noise, ages, cuff)
    line = _line(hourly, chance, noise, names, _of_child(ages))
    frames = [*_vitals(seen, looked, names), *line, *_support(hourly, looked, names)]
    frames += [*_given(hourly, names), *_labs(hourly, chance, noise, names), _trigger(product, names)]
    examined = neuro.examine(hourly, seed, numbers)
    frames += [*neuro.rows(examined, ages, names), _end(len(looked), names)]
    rows = pl.concat([frame.select(list(COLUMNS)) for frame in frames]).sort("patient", "hours", "concept")
    truth = _truth(seen, hourly, looked, names, ages)
    return Charted(rows, truth, neuro.truth(examined, ages, names))


def _looked(hourly: Mapping[str, Array]) -> Array:
    """Hours × patients: whether somebody took the vital signs.

    Every four hours, each hour in intensive care, and whenever something is given or the oxygen changed.
    """
    hours = np.arange(hourly["oxygen"].shape[0])[:, None]
    acted = np.diff(hourly["oxygen"], axis=0, prepend=0) != 0
    for name in _DOSES:
        acted |= hourly[f"given_{name}"] > 0
    return np.asarray((hours % _EVERY == 0) | in_intensive_care(hourly) | acted)


def in_intensive_care(hourly: Mapping[str, Array]) -> Array:
    """Whether a vasopressor runs, or more oxygen than a mask gives."""
    pressed = sum(hourly[name] for name in _INFUSIONS) > 0
    return np.asarray(pressed | (hourly["oxygen"] >= _NOT_CHARTED_FROM))


def _as_written(
    hourly: Mapping[str, Array], chance: Mapping[str, Array], noise: Mapping[str, float], ages: Array, cuff: Array
) -> dict[str, Array]:
    """What the instruments show: rounded, with their noise; of children with their pressures and pulse.

    ``cuff``: standard normals, systolic, diastolic and (by its first hour) the width of a patient's pulse pressure.
    """

    def shown(name: str, spread: float, digits: int) -> Array:
        return np.round(hourly[name] + spread * chance[name], digits)

    lower = _of_child(ages)
    mean = hourly["pressure"] + noise["pressure"] * chance["pressure"]
    usual = noise["pulse_pressure"] * np.exp(noise["pulse_pressure_spread"] * cuff[2][:1])
    width = usual * np.sqrt(np.maximum(mean, 20) / noise["usual_pressure"])
    systolic = mean + width * 2 / 3 + noise["cuff"] * cuff[0]
    # a cuff never reads a mean above the systolic pressure
    diastolic = np.minimum(mean - width / 3 + noise["cuff"] * cuff[1], mean)
    return {
        "body_temperature": shown("temperature", noise["temperature"], 1),
        "heart_rate": shown("heart_rate", noise["heart_rate"], 0)
        + np.round(noise["child_rate"] * np.maximum(_CHILD_UNDER - ages, 0)),
        "spo2": np.minimum(shown("saturation", noise["saturation"], 0), 100),
        "systolic_bp": np.round(np.maximum(systolic, mean) * lower),
        "diastolic_bp": np.round(diastolic * lower),
        "mean_arterial_pressure": np.round(mean * lower),
    }


def _of_child(ages: Array) -> Array:
    """A patient's pressures as a share of those of the grown."""
    return np.asarray(np.where(ages < _CHILD_UNDER, (70 + 2 * np.floor(ages)) / _LOW_SYSTOLIC, 1.0))


_UNITS = {
    "body_temperature": "Cel", "heart_rate": "/min", "spo2": "%", "systolic_bp": "mm[Hg]", "diastolic_bp": "mm[Hg]",
    "mean_arterial_pressure": "mm[Hg]",
}  # fmt: skip


def _vitals(seen: Mapping[str, Array], looked: Array, names: list[str]) -> list[pl.DataFrame]:
    at, who = np.nonzero(looked)
    return [frame_of(at, who, key, seen[key][at, who], unit, names) for key, unit in _UNITS.items()]


def _line(
    hourly: Mapping[str, Array], chance: Mapping[str, Array], noise: Mapping[str, float], names: list[str],
    lower: Array,
) -> list[pl.DataFrame]:  # fmt: skip
    """Mean pressure from an arterial line between two hours of intensive care."""
    at, who = np.nonzero(in_intensive_care(hourly)[:-1])
    pressure = hourly["pressure"]
    frames = []
    for part, of in zip(_QUARTERS, _LINE, strict=True):
        between = pressure[at, who] * (1 - part) + pressure[at + 1, who] * part
        value = np.round((between + noise["line"] * chance[of][at, who]) * lower[who])
        frames.append(frame_of(at + part, who, "mean_arterial_pressure", value, "mm[Hg]", names))
    return frames


def _support(hourly: Mapping[str, Array], looked: Array, names: list[str]) -> list[pl.DataFrame]:
    """Devices with flow or inspired share: at each change, and beside the vital signs; rates hourly."""
    step = hourly["oxygen"].astype(int)
    changed = np.diff(step, axis=0, prepend=0) != 0
    at, who = np.nonzero(changed | looked)
    now = step[at, who]
    device = np.array([name for name, *_ in bedside.OXYGEN])[now]
    flow = np.array([np.nan if flow is None else flow for _, flow, *_ in bedside.OXYGEN])[now]
    share = np.array([share for _, _, share, *_ in bedside.OXYGEN])[now]
    flows, closed = ~np.isnan(flow), now >= _NOT_CHARTED_FROM
    frames = [
        frame_of(at, who, "oxygen_device", None, None, names, device),
        frame_of(at[flows], who[flows], "oxygen_flow", flow[flows], "L/min", names),
        frame_of(at[closed], who[closed], "fio2", share[closed], "1", names),
    ]
    for name, unit in _INFUSIONS.items():
        rate = np.round(hourly[name], 3)
        # the pump is read each hour while it runs, and once more when it is stopped
        at, who = np.nonzero((rate > 0) | (np.diff(rate, axis=0, prepend=0) != 0))
        frames.append(frame_of(at, who, name, rate[at, who], unit, names))
    return frames


def _given(hourly: Mapping[str, Array], names: list[str]) -> list[pl.DataFrame]:
    frames = []
    for name, (unit, factor) in _DOSES.items():
        amount = hourly[f"given_{name}"]
        at, who = np.nonzero(amount > 0)
        frames.append(frame_of(at, who, _CONCEPT.get(name, name), np.round(amount[at, who] * factor), unit, names))
    return frames


def _labs(
    hourly: Mapping[str, Array], chance: Mapping[str, Array], noise: Mapping[str, float], names: list[str]
) -> list[pl.DataFrame]:
    """Laboratory each morning, with the imprecision of its methods."""
    hours, patients = hourly["CRP"].shape
    mornings = np.arange(_MORNING, hours, _DAY)
    at, who = (one.ravel() for one in np.meshgrid(mornings, np.arange(patients), indexing="ij"))
    frames = []
    for concept, (state, unit, digits) in _LABS.items():
        spread = np.exp(noise["laboratory"] * chance[concept][at, who])
        frames.append(frame_of(at, who, concept, np.round(hourly[state][at, who] * spread, digits), unit, names))
    return frames


def _end(hours: int, names: list[str]) -> pl.DataFrame:
    """Everybody leaves the ward after the last hour: nobody is watched from then on."""
    who = np.arange(len(names))
    return frame_of(np.full(len(names), hours), who, "watch_ended", None, None, names,
                    np.full(len(names), "discharged"))  # fmt: skip


def _trigger(product: Product, names: list[str]) -> pl.DataFrame:
    rows = [(dose.hour, number, product.charted(dose)) for dose in product.doses for number in range(len(names))]
    at, who, amount = (np.array(part) for part in zip(*rows, strict=True))
    text = np.full(len(at), product.text)
    return frame_of(at, who, product.concept, amount, product.unit, names, text)


def _truth(
    seen: Mapping[str, Array], hourly: Mapping[str, Array], looked: Array, names: list[str], ages: Array
) -> pl.DataFrame:
    """The ASTCT grade that the signs and the support make at each hour at which somebody looked, by a rule of its own.

    A reaction begins with a charted fever and is over a day after its last sign; in it the worst of pressure and
    oxygen counts. ``fever`` tells whether this very look found one.
    """
    at, who = np.nonzero(looked)
    fever = looked & (seen["body_temperature"] >= table("bedside").values()["fever"])
    adult, limit = ages >= _MEAN_FROM_YEARS, _LOW_SYSTOLIC * _of_child(ages)
    low = (seen["systolic_bp"] < limit) | (adult & (seen["mean_arterial_pressure"] < _LOW_MEAN))
    rate = {name: np.round(hourly[name], 3) > 0 for name in _INFUSIONS}
    catecholamines = rate["norepinephrine"].astype(int) + rate["epinephrine"]
    pressed = np.select([catecholamines >= 2, (catecholamines == 1) | rate["vasopressin"], low], [4, 3, 2], 0)
    aired = np.array([step[-1] for step in bedside.OXYGEN])[hourly["oxygen"].astype(int)]
    # a pressure that was low is so until somebody looks again
    looks = np.maximum.accumulate(np.where(looked, np.arange(len(looked))[:, None], -1))
    still_low = (looks >= 0) & np.take_along_axis(low, np.maximum(looks, 0), axis=0)
    present = (catecholamines > 0) | rate["vasopressin"] | (aired > 0) | still_low
    # what ends in an hour was a sign up to then
    sign = present | np.vstack([np.zeros_like(present[:1]), present[:-1]])
    grade = np.where(_begun(fever, sign), np.maximum(np.maximum(pressed, aired), 1), 0)
    columns = {"hours": at.astype(float), "grade": grade[at, who], "fever": fever[at, who], "_who": who}
    frame = pl.DataFrame(columns).select(
        pl.Series("patient", names).gather(pl.Series(who)).alias("patient"), "hours", "grade", "fever"
    )
    return frame.sort("patient", "hours")


def _begun(fever: Array, sign: Array) -> Array:
    """Hours × patients: whether a reaction goes on, which only fever begins."""
    begun = np.zeros_like(fever)
    last = np.full(fever.shape[1], -_OVER_AFTER - 1)
    for hour in range(len(fever)):
        goes_on = hour - last < _OVER_AFTER
        last = np.where(fever[hour] | (sign[hour] & goes_on), hour, last)
        begun[hour] = hour - last < _OVER_AFTER
    return begun
