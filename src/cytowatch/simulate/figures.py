"""Our curve and what the paper shows in one frame, a panel for each course: Altair charts by the key of the model.

A line is ours; dashes are a published peak whose time is not stated, diamonds are published points. They differ in
form, so a print without color tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tomli

from cytowatch.simulate import dobreva, hardiansyah, hosseini, mueller_schoell, stein, tue, windoloski
from cytowatch.simulate.acceptance import CHECKS, measured, targets
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.reference import Array, solve
from cytowatch.simulate.tables import table

WIDTH, HEIGHT, COLUMNS = 215, 150, 3
OURS_COLOR, THEIRS_COLOR = "black", "#b3261e"
# between these a curve is drawn
POINTS = 301
# above the greatest value, so that the words beside a level stay inside; on a logarithmic axis as a factor
_ROOM, _ROOM_LOG = 0.16, 2.5
_MEANS, _TEXT, _RERUN = "measured means", "numbers of the text", "an independent run of the same equations"


@dataclass(frozen=True)
class Course:
    """One panel: our curve in ``unit``, published points (rows of time and value), a published peak."""

    panel: str
    unit: str
    times: Array
    values: Array
    points: Array | None = None
    level: float | None = None


@dataclass(frozen=True)
class Figure:
    """The panels of one model; ``points`` and ``level`` say in words what published points and peaks are."""

    title: str
    time: str
    courses: tuple[Course, ...]
    points: str = ""
    level: str = "published"
    log: bool = False


@cache
def _document() -> dict[str, dict[str, Any]]:
    return tomli.loads((CHECKS / "levels.toml").read_text(encoding="utf-8"))


def source(key: str) -> str:
    """Where the published peaks of a figure are from; empty where it has none."""
    return str(_document()[key]["source"]) if key in _document() else ""


def levels(key: str) -> dict[str, float]:
    """The published peaks of a figure by panel."""
    return dict(_document()[key]["peak"]) if key in _document() else {}


def _run(model: Mechanism, p: Mapping[str, float], until: float, events: list[Event] | None = None) -> dict[str, Array]:
    times = np.linspace(0, until, POINTS)
    return {"": times, **solve(model, p, times, events or [], tolerance=1e-6)}


def _cytokines(key: str, title: str, time: str, courses: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Curves in pg/mL with the peaks of a key of ``levels.toml``."""
    known = levels(key)
    panels = tuple(
        Course(panel, "pg/mL", times, values, level=known.get(panel)) for panel, (times, values) in courses.items()
    )
    return Figure(title, time, panels, level=_document()[key]["peak_is"])


def of_hardiansyah() -> Figure:
    """Cytokines of the two patients."""
    courses = {}
    for patient in ("UPN1", "UPN3"):
        p = table("hardiansyah-2019").values(patient)
        found = _run(hardiansyah.MODEL, p, 40, hardiansyah.infusions(p["dose"]))
        for state, shown in (("IL6", "IL-6"), ("IL10", "IL-10"), ("IFNg", "IFN-γ")):
            courses[f"{patient} {shown}"] = (found[""], found[state])
    return _cytokines("hardiansyah-2019", "Hardiansyah 2019: CAR-T cells in leukemia", "days", courses)


def of_hosseini() -> Figure:
    """Interleukin 6 after the first dose of each regimen."""
    p, courses = table("hosseini-2020").values("fitted"), {}
    for panel, regimen in (("A: 20 mg", "A"), ("B: 6.7 mg", "B"), ("C and D: 1.6 mg", "C")):
        found = _run(hosseini.MODEL, p, 1, hosseini.doses(*hosseini.REGIMENS[regimen], p["weight"]))
        courses[panel] = (found[""], hosseini.plasma_il6(found, p))
    return _cytokines("hosseini-2020", "Hosseini 2020: IL-6 after the first dose", "days", courses)


def of_dobreva(study: str) -> Figure:
    """Temperature, heart rate and pressure of one study, with its means."""
    p = table("dobreva-2021").values(study)
    found = _run(dobreva.MODEL, p, 12)
    found["BP"] = dobreva.pressure(found, p)
    shown = {"Temp": ("temperature", "°C"), "HR": ("heart rate", "1/min"), "BP": ("blood pressure", "mmHg")}
    courses = tuple(
        Course(panel, unit, found[""], found[sign], measured(study, sign)) for sign, (panel, unit) in shown.items()
    )
    title = f"Dobreva 2021: {study.title()}, {p['dose']:g} ng/kg endotoxin"
    return Figure(title, "hours", courses, points=_MEANS)


def of_dillingh() -> Figure:
    """Interleukin 6 at three doses after the new fit."""
    courses = {}
    for dose in (0.5, 1.0, 2.0):
        found = _run(dobreva.MODEL, table("dobreva-2021").values("dillingh", dose=dose), 12)
        courses[f"{dose:g} ng/kg"] = (found[""], found["IL6"])
    return _cytokines("dillingh", "New fit to three doses of endotoxin: IL-6", "hours", courses)


def of_windoloski() -> Figure:
    """Cytokines after a bolus."""
    p = table("windoloski-2024").values("bolus")
    found = _run(windoloski.MODEL, p, 8)
    shown = {"TNF": "TNF", "IL6": "IL-6", "IL8": "IL-8", "IL10": "IL-10"}
    courses = {panel: (found[""], found[state]) for state, panel in shown.items()}
    return _cytokines("windoloski-2024", f"Windoloski 2024: {p['dose']:g} ng/kg endotoxin", "hours", courses)


def of_tue() -> Figure:
    """Cytokines after 1 ng/kg."""
    p = table("tue-2024").values()
    found = _run(tue.MODEL, p, 8, tue.bolus(p, 1.0))
    shown = {"TNF": "TNF", "IL6": "IL-6", "IL10": "IL-10"}
    courses = {panel: (found[""], found[state]) for state, panel in shown.items()}
    return _cytokines("tue-2024", "Eindhoven 2024: 1 ng/kg endotoxin", "hours", courses)


def _growth_and_fall(number: str, peak: float) -> Array:
    """The peak, half of it while cells still grow, and half of it after, at the times that the paper tells."""
    told = {name: aim.value for name, aim in targets(number).items()}
    at = told["time of the peak"]
    halves = (at - told["doubling time"], at + told["initial half-life"])
    return np.array([(at, peak), *((time, peak / 2) for time in halves)])


def of_stein() -> Figure:
    """Tisagenlecleucel of the typical patient."""
    p, name = table("stein-2019").values(), "tisagenlecleucel"
    # a curve that bends at once has its peak drawn whole
    days = np.union1d(np.linspace(0, 60, POINTS), [p["Tmax"]])
    level, course = levels("stein-2019")[name], stein.course(p, days)
    panel = Course(name, "copies/µg", days, course, _growth_and_fall("5", level), level)
    return Figure("Stein 2019: transgene", "days", (panel,), points=_TEXT, log=True)


def of_ogasawara() -> Figure:
    """Lisocabtagene maraleucel of the typical patient."""
    p = table("ogasawara-2021").values()
    days = np.union1d(np.linspace(0, 60, POINTS), [p["lag"], p["Tmax"]])
    course = stein.growth_of_liso_cel(p, days)
    panel = Course("lisocabtagene maraleucel", "share of the peak", days, course, _growth_and_fall("O", 1.0))
    return Figure("Ogasawara 2021: transgene", "days", (panel,), points=_TEXT, log=True)


def of_mueller_schoell() -> Figure:
    """Cells and tumor of the typical patient."""
    found = _run(mueller_schoell.MODEL, table("mueller-schoell-2021").values(), 28)
    cells = np.sum([found[name] for name in mueller_schoell.CELLS], axis=0)
    told = {name: aim.value for name, aim in targets("M").items()}
    peak = np.array([(told["its day"], told["greatest count, cells/µL"])])
    end = np.array([(found[""][-1], told["tumor on day 28, mL"])])
    courses = (
        Course("CAR-T cells", "cells/µL", found[""], cells, peak), Course("tumor", "mL", found[""], found["T"], end),
    )  # fmt: skip
    return Figure("Mueller-Schoell 2021: the typical patient", "days", courses, points=_RERUN)


FIGURES: dict[str, Callable[[], Figure]] = {
    "hardiansyah-2019": of_hardiansyah,
    "mueller-schoell-2021": of_mueller_schoell,
    "stein-2019": of_stein,
    "ogasawara-2021": of_ogasawara,
    "hosseini-2020": of_hosseini,
    "dobreva-2021-copeland": lambda: of_dobreva("copeland"),
    "dobreva-2021-janum": lambda: of_dobreva("janum"),
    "dillingh": of_dillingh,
    "windoloski-2024": of_windoloski,
    "tue-2024": of_tue,
}


def peaks(figure: Figure) -> dict[str, tuple[float, float]]:
    """The published peak and ours, by panel, where a peak is published."""
    return {one.panel: (one.level, float(one.values.max())) for one in figure.courses if one.level is not None}


def told(value: float) -> str:
    """A number with three digits, or more where they stand before the point; never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rows(figure: Figure, course: Course) -> dict[str, list[dict[str, Any]]]:
    """What each layer of a panel draws."""
    end = float(course.times[-1])
    out: dict[str, list[dict[str, Any]]] = {
        "ours": [{"x": float(x), "y": float(y)} for x, y in zip(course.times, course.values, strict=True)],
        "points": [{"x": float(x), "y": float(y)} for x, y in ([] if course.points is None else course.points)],
        "level": [],
    }
    out["points"] = [row for row in out["points"] if row["x"] <= end]
    if course.level is not None:
        words = (f"{figure.level} {told(course.level)}", f"ours {told(course.values.max())}")
        out["level"] = [{"x": end, "y": course.level, "theirs": words[0], "ours": words[1]}]
    return out


def _domain(course: Course, *, log: bool) -> list[float]:
    """Limits of the upright axis: from 0 where the course begins near it."""
    every = [course.values, *([] if course.points is None else [course.points[:, 1]])]
    every += [] if course.level is None else [np.array([course.level])]
    low, high = min(float(one.min()) for one in every), max(float(one.max()) for one in every)
    if log:
        return [low / _ROOM_LOG, high * _ROOM_LOG]
    low = 0.0 if low < high / 2 else low - _ROOM * (high - low)
    return [low, high + _ROOM * (high - low)]


def _panel(alt: Any, figure: Figure, course: Course) -> Any:
    rows = _rows(figure, course)
    scale = alt.Scale(type="log" if figure.log else "linear", domain=_domain(course, log=figure.log), nice=False)
    # thousands as k, but no thousandths as m
    axis = alt.Axis(tickCount=5, grid=not figure.log, format="~s" if figure.log and course.values.max() > 1 else "~r")
    x = alt.X("x:Q", title=figure.time, scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=6, grid=False))
    y = alt.Y("y:Q", title=course.unit, scale=scale, axis=axis)

    def of(layer: str) -> Any:
        return alt.Chart(alt.Data(values=rows[layer]))

    words = {"align": "right", "fontSize": 11}
    layers = (
        of("ours").mark_line(color=OURS_COLOR, strokeWidth=1.5).encode(x, y),
        of("points").mark_point(
            color=THEIRS_COLOR, shape="diamond", size=55, opacity=1, filled=False, strokeWidth=1.5
        ).encode(x, y),
        of("level").mark_rule(color=THEIRS_COLOR, strokeDash=[5, 4]).encode(y),
        of("level").mark_text(color=THEIRS_COLOR, baseline="bottom", dy=-3, **words).encode(x, y, text="theirs:N"),
        of("level").mark_text(color=OURS_COLOR, baseline="top", dy=4, **words).encode(x, y, text="ours:N"),
    )  # fmt: skip
    return alt.layer(*layers).properties(title=course.panel, width=WIDTH, height=HEIGHT)


def key_to(figure: Figure) -> str:
    """What stands for what, in words."""
    peak = [f"dashes: {figure.level} peak"] if peaks(figure) else []
    return "; ".join(["line: ours", *peak, *([f"diamonds: {figure.points}"] if figure.points else [])])


def chart(figure: Figure) -> Any:
    """An Altair chart of every panel, with what stands for what under its title."""
    import altair as alt

    panels = [_panel(alt, figure, course) for course in figure.courses]
    title = alt.Title(figure.title, subtitle=key_to(figure), anchor="start", subtitleColor="#444444")
    return alt.concat(*panels, columns=min(COLUMNS, len(panels)), title=title, spacing=18)


def charts() -> dict[str, Any]:
    """Every chart by its key."""
    return {key: chart(figure()) for key, figure in FIGURES.items()}
