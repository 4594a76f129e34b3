"""What each published model and the assembled mechanism must reach, and what ours does: rows of the acceptance table.

Targets stand in ``mechanisms/checks/acceptance.toml``. A group of checks is a number of that table and a function that
gives ours by the same names; who adds a model adds its group to ``GROUPS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tomli

from cytowatch.errors import KnowledgeError
from cytowatch.simulate import assembled, crp, dobreva, hardiansyah, hosseini, mueller_schoell, stein, tue, windoloski
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Mechanism
from cytowatch.simulate.reference import Array, solve
from cytowatch.simulate.tables import FOLDER, table

CHECKS = FOLDER / "checks"
# tight enough for the third digit of every target
TOLERANCE = 1e-7
PUBLISHED, ASSEMBLED = "Published models, each alone", "The assembled mechanism, which is ours"


@dataclass(frozen=True)
class Row:
    """One check: what is aimed at, ours, and ``of``: whose number it is (`PUBLISHED` or `ASSEMBLED`)."""

    number: str
    test: str
    aim: Target
    ours: float
    of: str

    @property
    def passes(self) -> bool:
        """Whether ours is allowed."""
        return self.aim.allows(self.ours)


@dataclass(frozen=True)
class Target:
    """A number to reach, and from where to where ours may lie; ``kind`` as the table says."""

    value: float
    low: float
    high: float
    kind: str

    def allows(self, ours: float) -> bool:
        """Whether ours lies there; what is no number does not."""
        return self.low <= ours <= self.high

    def allowed(self, shown: Callable[[float], str]) -> str:
        """The same in words, numbers as ``shown``."""
        if self.high == np.inf:
            return f"{shown(self.low)} or more"
        return f"{shown(self.low)} to {shown(self.high)}"


@cache
def _read(name: str) -> dict[str, Any]:
    return tomli.loads((CHECKS / name).read_text(encoding="utf-8"))


def targets(number: str) -> dict[str, Target]:
    """The targets of one number of the table, by name."""
    return {name: _target(row) for name, row in _read("acceptance.toml")[number]["target"].items()}


def _target(row: Mapping[str, Any]) -> Target:
    value = float(row["value"] if "value" in row else row["at_least"])
    within = float(row.get("within_units", row.get("within", np.inf) * abs(value)))
    low, high = max(value - within, row.get("at_least", -np.inf)), min(value + within, row.get("at_most", np.inf))
    return Target(value, float(low), float(high), str(row["kind"]))


def title(number: str) -> str:
    """What one number is about."""
    return str(_read("acceptance.toml")[number]["title"])


def whose(number: str) -> str:
    """Whether one number is of a published model alone or of the assembled mechanism."""
    return ASSEMBLED if _read("acceptance.toml")[number].get("assembled") else PUBLISHED


def source(number: str) -> str:
    """Where the targets of one number are from."""
    return str(_read("acceptance.toml")[number]["source"])


def _top(times: Array, values: Array) -> tuple[float, float]:
    at = int(np.argmax(values))
    return float(values[at]), float(times[at])


def hardiansyah_peaks() -> dict[str, float]:
    """Number 1: IL-6 of two patients."""
    out: dict[str, float] = {}
    for patient, until in (("UPN1", 10.0), ("UPN3", 40.0)):
        p, times = table("hardiansyah-2019").values(patient), np.linspace(0, until, 2001)
        found = solve(hardiansyah.MODEL, p, times, hardiansyah.infusions(p["dose"]), tolerance=TOLERANCE)
        out[f"{patient} pg/mL"], out[f"{patient} day"] = _top(times, found["IL6"])
    return out


def hosseini_peaks() -> dict[str, float]:
    """Number 2: first peaks of IL-6 of four regimens, with fitted B cells at the start and with the supplement's."""
    out, times = {}, np.linspace(0, 0.5, 101)
    for named, suffix in (("fitted", ""), ("supplement", ", supplement")):
        p = table("hosseini-2020").values(named)
        for regimen, (doses, days) in hosseini.REGIMENS.items():
            found = solve(hosseini.MODEL, p, times, hosseini.doses(doses, days, p["weight"]), tolerance=1e-6)
            out[regimen + suffix] = _top(times, hosseini.plasma_il6(found, p))[0]
    return out


def measured(study: str, sign: str) -> Array:
    """Rows of hours and means of healthy people after endotoxin; ``Temp``, ``HR`` or ``BP``."""
    return np.array(_read("endotoxin-means.toml")[study][sign], dtype=float)


def dobreva_peaks() -> dict[str, float]:
    """Number 3: peaks of two studies, and the distance of temperature, heart rate and pressure to what was measured."""
    out, times = {}, np.linspace(0, 24, 2401)
    for study in ("copeland", "janum"):
        p = table("dobreva-2021").values(study)
        found = solve(dobreva.MODEL, p, times, tolerance=TOLERANCE)
        found["BP"] = dobreva.pressure(found, p)
        for sign, unit in (("Temp", "°C"), ("HR", "1/min"), ("BP", "mmHg")):
            seen = measured(study, sign)
            apart = np.interp(seen[:, 0], times, found[sign]) - seen[:, 1]
            out[f"{study} rms {unit}"] = float(np.sqrt(np.mean(apart**2)))
        out[f"{study} °C"], out[f"{study} 1/min"] = _top(times, found["Temp"])[0], _top(times, found["HR"])[0]
        out[f"{study} IL-6 pg/mL"] = _top(times, found["IL6"])[0]
    return out


def windoloski_peaks() -> dict[str, float]:
    """Number 4: cytokines after a bolus of endotoxin."""
    times = np.linspace(0, 6, 601)
    found = solve(windoloski.MODEL, table("windoloski-2024").values("bolus"), times, tolerance=TOLERANCE)
    return {shown: _top(times, found[name])[0] for name, shown in _SHOWN.items()}


_SHOWN = {"TNF": "TNF", "IL6": "IL-6", "IL8": "IL-8", "IL10": "IL-10"}


def stein_kinetics() -> dict[str, float]:
    """Number 5: tisagenlecleucel, in closed form: what goes in comes out."""
    p = table("stein-2019").values()
    initial, terminal = stein.half_lives(p)
    times = np.linspace(0, 30, 30001)
    return {
        "doubling time": stein.doubling_time(p),
        "initial half-life": initial,
        "terminal half-life": terminal,
        "time of the peak": _top(times, stein.course(p, times))[1],
    }


def liso_cel_kinetics() -> dict[str, float]:
    """Lisocabtagene maraleucel, read off the closed form."""
    times = np.linspace(0, 30, 30001)
    share = stein.growth_of_liso_cel(table("ogasawara-2021").values(), times)
    peak, (first, last) = _top(times, share)[1], times[share >= 0.5][[0, -1]]
    return {
        "lag": float(times[share <= share[0]][-1]),
        "doubling time": peak - float(first),
        "time of the peak": peak,
        "initial half-life": float(last) - peak,
    }


def _cytokines_and_temperature(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    return {**dobreva.cytokines(y, p, m), "Temp": (dobreva.fever(y, p, m) - y.Temp) / p.tau1}


def _with_temperature(p: Mapping[str, float]) -> dict[str, float]:
    return {**dobreva.start_of_cytokines(p), "Temp": p["Tm"]}


# the circulation has no way back into these, so a fit need not solve it
FEVER = Mechanism("dobreva-2021, without circulation", _cytokines_and_temperature, _with_temperature, "dobreva-2021")


def graded_peaks(p: Mapping[str, float]) -> dict[str, float]:
    """Peaks of IL-6 and rises of temperature at three doses of endotoxin, of the values ``p``."""
    times = np.linspace(0, 12, 601)
    found = {dose: solve(FEVER, {**p, "dose": dose}, times, tolerance=TOLERANCE) for dose in (0.5, 1.0, 2.0)}
    il6 = {f"{dose:g} IL-6 pg/mL": _top(times, one["IL6"])[0] for dose, one in found.items()}
    return il6 | {f"{dose:g} rise °C": _top(times, one["Temp"])[0] - p["Tm"] for dose, one in found.items()}


def dillingh_peaks() -> dict[str, float]:
    """Number 10: the new fit to three doses."""
    return graded_peaks(table("dobreva-2021").values("dillingh"))


def crp_half_life() -> dict[str, float]:
    """Number 11: C-reactive protein while its production is blocked wholly."""
    times = np.linspace(0, 96, 97)
    p = table("crp-li-2018").values("RA", Imax=1.0, C=1e12)
    found = solve(crp.CRP, p, times, tolerance=TOLERANCE)
    slope = np.polyfit(times, np.log(found["CRP"]), 1)[0]
    return {"half-life": float(-np.log(2) / slope)}


def mueller_schoell_typical() -> dict[str, float]:
    """The typical patient of axicabtagene ciloleucel."""
    times = np.linspace(0, 28, 2801)
    found = solve(mueller_schoell.MODEL, table("mueller-schoell-2021").values(), times, tolerance=TOLERANCE)
    cells = np.sum([found[name] for name in mueller_schoell.CELLS], axis=0)
    greatest, day = _top(times, cells)
    return {
        "greatest count, cells/µL": greatest,
        "its day": day,
        "area to day 28": float(np.trapezoid(cells, times)),
        "tumor on day 28, mL": float(found["T"][-1]),
    }


def tue_peaks() -> dict[str, float]:
    """The endotoxin model of Eindhoven after 1 ng/kg."""
    times = np.linspace(0, 8, 801)
    p = table("tue-2024").values()
    found = solve(tue.MODEL, p, times, tue.bolus(p, 1.0), tolerance=TOLERANCE)
    shown = {"TNF": "TNF", "IL6": "IL-6", "IL10": "IL-10", "Temp": "°C"}
    return {name: _top(times, found[state])[0] for state, name in shown.items()}


GROUPS: dict[str, Callable[[], dict[str, float]]] = {
    "1": hardiansyah_peaks,
    "2": hosseini_peaks,
    "3": dobreva_peaks,
    "4": windoloski_peaks,
    "5": stein_kinetics,
    "6": assembled.course,
    "7": assembled.grades,
    "8": assembled.after_tocilizumab,
    "9": assembled.burden_and_dose,
    "10": dillingh_peaks,
    "11": crp_half_life,
    "11b": assembled.crp_after_tocilizumab,
    "12": assembled.discrimination,
    "M": mueller_schoell_typical,
    "O": liso_cel_kinetics,
    "T": tue_peaks,
}


def rows_of(number: str, compute: Callable[[], dict[str, float]]) -> list[Row]:
    """The rows of one number; KnowledgeError where targets and ours do not speak of the same things."""
    head, aims, ours = _read("acceptance.toml")[number], targets(number), compute()
    if set(aims) != set(ours):
        raise KnowledgeError(
            f"number {number}: targets and results differ in {', '.join(sorted(set(aims) ^ set(ours)))}",
            where=str(CHECKS / "acceptance.toml"),
        )
    return [Row(number, f"{head['title']}: {name}", aim, ours[name], whose(number)) for name, aim in aims.items()]


def rows() -> list[Row]:
    """Every row of every number."""
    return [row for number, compute in GROUPS.items() for row in rows_of(number, compute)]
