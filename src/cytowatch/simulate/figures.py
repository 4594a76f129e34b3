"""Our curve beside what the paper shows, a panel for each course: Altair charts by the key of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tomli

from cytowatch.simulate import dobreva, hardiansyah, hosseini, stein, tue, windoloski
from cytowatch.simulate.acceptance import CHECKS, measured
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.reference import Array, solve
from cytowatch.simulate.tables import table

WIDTH, HEIGHT = 220, 140
OURS, THEIRS = "our curve", "published"
# between these a curve is drawn
POINTS = 301


@dataclass(frozen=True)
class Course:
    """One panel: our curve, measured points (rows of time and value), a published peak."""

    panel: str
    times: Array
    values: Array
    points: Array | None = None
    level: float | None = None


@dataclass(frozen=True)
class Figure:
    """The panels of one model and the words of its axes."""

    title: str
    time: str
    value: str
    courses: tuple[Course, ...]


def _levels(key: str) -> dict[str, Any]:
    levels: dict[str, dict[str, Any]] = tomli.loads((CHECKS / "levels.toml").read_text(encoding="utf-8"))
    return levels[key]


def _run(model: Mechanism, p: Mapping[str, float], until: float, events: list[Event] | None = None) -> dict[str, Array]:
    times = np.linspace(0, until, POINTS)
    return {"": times, **solve(model, p, times, events or [], tolerance=1e-6)}


def _panels(key: str, courses: Mapping[str, tuple[Array, Array]]) -> tuple[Course, ...]:
    levels = _levels(key)
    return tuple(Course(panel, times, values, level=levels.get(panel)) for panel, (times, values) in courses.items())


def of_hardiansyah() -> Figure:
    """Cytokines of the two patients."""
    courses = {}
    for patient in ("UPN1", "UPN3"):
        p = table("hardiansyah-2019").values(patient)
        found = _run(hardiansyah.MODEL, p, 40, hardiansyah.infusions(p["dose"]))
        for state, shown in (("IL6", "IL-6"), ("IL10", "IL-10"), ("IFNg", "IFN-γ")):
            courses[f"{patient} {shown}"] = (found[""], found[state])
    return Figure("Hardiansyah 2019: CAR-T cells in leukemia", "days", "pg/mL", _panels("hardiansyah-2019", courses))


def of_hosseini() -> Figure:
    """Interleukin 6 after the first dose of each regimen."""
    p, courses = table("hosseini-2020").values("fitted"), {}
    for panel, regimen in (("A: 20 mg", "A"), ("B: 6.7 mg", "B"), ("C and D: 1.6 mg", "C")):
        found = _run(hosseini.MODEL, p, 2, hosseini.doses(*hosseini.REGIMENS[regimen], p["weight"]))
        courses[panel] = (found[""], hosseini.plasma_il6(found, p))
    return Figure("Hosseini 2020: IL-6 after the first dose", "days", "pg/mL", _panels("hosseini-2020", courses))


def of_dobreva(study: str) -> Figure:
    """Temperature, heart rate and pressure of one study, with its means."""
    p = table("dobreva-2021").values(study)
    found = _run(dobreva.MODEL, p, 12)
    found["BP"] = dobreva.pressure(found, p)
    shown = {"Temp": "temperature, °C", "HR": "heart rate, 1/min", "BP": "blood pressure, mmHg"}
    return Figure(
        f"Dobreva 2021: {study.title()}, 2 ng/kg endotoxin", "hours", "",
        tuple(Course(panel, found[""], found[sign], measured(study, sign)) for sign, panel in shown.items()),
    )  # fmt: skip


def of_dillingh() -> Figure:
    """Interleukin 6 at three doses after the new fit."""
    courses = {}
    for dose in (0.5, 1.0, 2.0):
        found = _run(dobreva.MODEL, table("dobreva-2021").values("dillingh", dose=dose), 12)
        courses[f"{dose:g} ng/kg"] = (found[""], found["IL6"])
    return Figure("New fit to three doses of endotoxin: IL-6", "hours", "pg/mL", _panels("dillingh", courses))


def of_windoloski() -> Figure:
    """Cytokines after a bolus."""
    found = _run(windoloski.MODEL, table("windoloski-2024").values("bolus"), 8)
    shown = {"TNF": "TNF", "IL6": "IL-6", "IL8": "IL-8", "IL10": "IL-10"}
    courses = {panel: (found[""], found[state]) for state, panel in shown.items()}
    return Figure("Windoloski 2024: 2 ng/kg endotoxin", "hours", "pg/mL", _panels("windoloski-2024", courses))


def of_tue() -> Figure:
    """Cytokines after 1 ng/kg."""
    p = table("tue-2024").values()
    found = _run(tue.MODEL, p, 8, tue.bolus(p, 1.0))
    shown = {"TNF": "TNF", "IL6": "IL-6", "IL10": "IL-10"}
    courses = {panel: (found[""], found[state]) for state, panel in shown.items()}
    return Figure("Eindhoven 2024: 1 ng/kg endotoxin", "hours", "pg/mL", _panels("tue-2024", courses))


def of_stein() -> Figure:
    """Tisagenlecleucel of the typical patient."""
    days = np.linspace(0, 60, POINTS)
    courses = {"tisagenlecleucel": (days, stein.course(table("stein-2019").values(), days))}
    return Figure("Stein 2019: transgene", "days", "copies/µg", _panels("stein-2019", courses))


FIGURES: dict[str, Callable[[], Figure]] = {
    "hardiansyah-2019": of_hardiansyah,
    "hosseini-2020": of_hosseini,
    "dobreva-2021-copeland": lambda: of_dobreva("copeland"),
    "dobreva-2021-janum": lambda: of_dobreva("janum"),
    "dillingh": of_dillingh,
    "windoloski-2024": of_windoloski,
    "tue-2024": of_tue,
    "stein-2019": of_stein,
}


def _rows(figure: Figure) -> Iterator[tuple[str, str, float | None, float | None, float | None, float | None]]:
    """Panel, whose it is, time, and one of: our value, a measured one, a level."""
    for course in figure.courses:
        for x, y in zip(course.times, course.values, strict=True):
            yield course.panel, OURS, float(x), float(y), None, None
        for x, y in [] if course.points is None else course.points:
            if x <= course.times[-1]:
                yield course.panel, THEIRS, float(x), None, float(y), None
        if course.level is not None:
            yield course.panel, THEIRS, None, None, None, float(course.level)


def chart(figure: Figure) -> Any:
    """An Altair chart: our curve in black, what was published in red, as points or as the level of the peak."""
    import altair as alt
    import polars as pl

    kinds = dict.fromkeys(("x", "ours", "theirs", "level"), pl.Float64)
    schema = {"panel": pl.String, "what": pl.String, **kinds}
    base = alt.Chart(pl.DataFrame(list(_rows(figure)), schema=schema, orient="row"))
    x = alt.X("x:Q", title=figure.time)
    scale = alt.Scale(domain=[OURS, THEIRS], range=["black", "#c0392b"])
    color = alt.Color("what:N", scale=scale, title=None)

    def y(of: str) -> Any:
        return alt.Y(f"{of}:Q", title=figure.value, scale=alt.Scale(zero=False))

    layers = (
        base.mark_line().encode(x, y("ours"), color),
        base.mark_point(filled=True).encode(x, y("theirs"), color),
        base.mark_rule(strokeDash=[4, 3]).encode(y("level"), color),
    )
    panel = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    panels = panel.facet(facet=alt.Facet("panel:N", title=None), columns=3)
    return panels.resolve_scale(y="independent").properties(title=figure.title)


def charts() -> dict[str, Any]:
    """Every chart by its key."""
    return {key: chart(figure()) for key, figure in FIGURES.items()}
