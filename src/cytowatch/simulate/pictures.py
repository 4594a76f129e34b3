"""Pictures of a simulated cohort: courses with bands, arms side by side, dose and burden, what matters most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from cytowatch.simulate.cohort import HOURS_A_DAY, Advance, Plan, course, outcomes, pace
from cytowatch.simulate.population import draw, parameters
from cytowatch.simulate.solve import SOLVED
from cytowatch.simulate.tables import table

_WIDTH, _HEIGHT = 230, 130
_BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)
_PATIENTS = 1024
# what is drawn of a course: what the solver keeps, and how it is called
COURSES = {
    "temperature": "temperature, °C", "pressure": "mean pressure, mmHg", "heart_rate": "heart rate, 1/min",
    "saturation": "saturation, %", "IL6": "IL-6, pg/mL", "IFNg": "interferon γ, pg/mL", "IL10": "IL-10, pg/mL",
    "TNF": "TNF, pg/mL", "CRP": "C-reactive protein, mg/L", "Ferritin": "ferritin, µg/L", "Burden": "burden",
    "Leak": "capillary leak", "oxygen": "step of oxygen", "norepinephrine": "norepinephrine, µg/kg/min",
    "Toci": "tocilizumab, mg/L", "ice_lost": "share of ICE lost",
}  # fmt: skip
_ON_A_LOG_SCALE = ("IL6", "IFNg", "IL10", "Ferritin", "CRP", "TNF")
_GRADES = ["0", "1", "2", "3", "4"]
_COLORS = ["#e8eef2", "#b8d0de", "#f2c14e", "#e07a3f", "#a32a2a"]
_MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)
_FOOT = "Simulated; the joins between the published models are ours. Not for a real patient."


def courses(plan: Plan) -> alt.VConcatChart:
    """Median, middle half and 5 to 95 % of each sign and state, hour by hour."""
    frames = _quantiles(plan)
    rows = [list(COURSES)[place : place + 4] for place in range(0, len(COURSES), 4)]
    panels = alt.vconcat(*(alt.hconcat(*(_band(frames[name], name) for name in row)) for row in rows))
    return panels.properties(title=_title(f"{plan.given().title}", "median, middle half, 5 to 95 % of the patients"))


def arms(compared: pl.DataFrame) -> alt.VConcatChart:
    """Shares of the worst grades in each arm of the same patients (`whatif.arms`): of CRS, and of ICANS."""
    good = compared.filter(pl.col("code") == SOLVED)
    order = compared["arm"].unique(maintain_order=True).to_list()
    both = [_worst(good, order, column, called) for column, called in _WORST.items()]
    return alt.vconcat(*both).properties(title=_title("The same patients under other care", "worst grades (ASTCT)"))


_WORST = {"bedside_grade": "CRS", "bedside_icans": "ICANS"}


def _worst(good: pl.DataFrame, order: list[str], column: str, called: str) -> alt.Chart:
    shares = good.group_by("arm", pl.col(column).cast(pl.String).alias("grade")).len("patients")
    chart: alt.Chart = (
        alt.Chart(shares, title=called)
        .mark_bar()
        .encode(
            x=alt.X("patients:Q", stack="normalize", title="share of patients", axis=alt.Axis(format="%")),
            y=alt.Y("arm:N", sort=order, title=None, axis=alt.Axis(labelLimit=300)),
            color=alt.Color("grade:N", scale=alt.Scale(domain=_GRADES, range=_COLORS), title="worst grade"),
            order=alt.Order("grade:N"),
        )
        .properties(width=420, height=28 * len(order))
    )
    return chart


def responses(plan: Plan) -> alt.Chart:
    """Share of grade 2 or more, and of 3 or more, by multiples of the dose and of the burden."""
    small = replace(plan, patients=min(plan.patients, _PATIENTS))
    given = plan.given()
    usual = {name: one.value for name, one in parameters(given.mechanism).items()} | dict(given.values)
    rows = []
    for times in _MULTIPLES:
        doses = ",".join(f"{dose.hour / HOURS_A_DAY:g}:{dose.amount * times:g}" for dose in given.doses)
        changed = {**plan.changed, "B0": plan.changed.get("B0", usual["B0"]) * times}
        for what, one in (("dose", replace(small, doses=doses)), ("burden", replace(small, changed=changed))):
            found = outcomes(one).filter(pl.col("code") == SOLVED)["bedside_grade"]
            rows += [(what, times, f"grade {grade} or more", float((found >= grade).sum()) / len(found))
                     for grade in (2, 3)]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["what", "times", "outcome", "share"], orient="row")
    chart: alt.Chart = (
        alt.Chart(frame, title=_title("Dose against burden", "share of patients, by multiples of the usual"))
        .mark_line(point=True)
        .encode(
            x=alt.X("times:Q", scale=alt.Scale(type="log", base=2), title="times the usual"),
            y=alt.Y("share:Q", axis=alt.Axis(format="%"), title="share of patients"),
            color=alt.Color("what:N", title=None),
            strokeDash=alt.StrokeDash(
                "outcome:N", title=None, legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
            ),
        )
        .properties(width=360, height=220)
    )
    return chart


def sensitivities(plan: Plan, shown: int = 15) -> alt.Chart:
    """What the share of grade 3 or more hangs on: each parameter half as large and twice as large in everybody."""
    given = plan.given()
    # one number a patient for all, so that one compiled solver serves every parameter
    values = draw(given, _PATIENTS, plan.seed, changed=plan.changed, limits=plan.limits).values
    wide = {name: np.broadcast_to(np.asarray(value, dtype=float), _PATIENTS) for name, value in values.items()}
    usual = _share(plan, wide)
    rows = []
    asked = {
        name: one
        for key in (given.mechanism.table, "core-network", "signs")
        for name, one in table(key).parameters.items()
    }
    for name, one in asked.items():
        # what is normal in a person is not halved
        if one.evidence == "house" and one.value > 0 and one.spread_kind != "sd" and not name.startswith("SpO2"):
            rows += [(name, label, _share(plan, {**wide, name: wide[name] * times}) - usual)
                     for label, times in (("half", 0.5), ("twice", 2.0))]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["parameter", "changed", "difference"], orient="row")
    most = frame.group_by("parameter").agg(pl.col("difference").abs().max()).sort("difference", descending=True)
    order = most["parameter"].head(shown).to_list()
    chart: alt.Chart = (
        alt.Chart(
            frame.filter(pl.col("parameter").is_in(order)),
            title=_title("What severe reactions hang on", f"share of grade 3 or more, {usual:.0%} as it is; ours only"),
        )
        .mark_bar()
        .encode(
            x=alt.X("difference:Q", axis=alt.Axis(format="+%"), title="difference of the share"),
            y=alt.Y("parameter:N", sort=order, title=None),
            color=alt.Color("changed:N", title="parameter"),
            yOffset="changed:N",
        )
        .properties(width=380, height=20 * len(order))
    )
    return chart


def write(
    plan: Plan, folder: Path, compared: pl.DataFrame | None = None, *, advance: Advance | None = None
) -> list[Path]:
    """Draw everything into ``folder`` as PNG and SVG; gives back the PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    charts: dict[str, Any] = {
        "courses": lambda: courses(plan), "response": lambda: responses(plan),
        "sensitivity": lambda: sensitivities(plan),
    }  # fmt: skip
    if compared is not None:
        charts["arms"] = lambda: arms(compared)
    written = []
    for number, (name, make) in enumerate(charts.items(), 1):
        chart = make()
        chart.save(folder / f"{name}.svg")
        chart.save(folder / f"{name}.png", scale_factor=2)
        written.append(folder / f"{name}.png")
        if advance is not None:
            advance(f"drawing {name}", number / len(charts))
    return written


def _share(plan: Plan, values: Mapping[str, Any]) -> float:
    given = plan.given()
    # the dose of cells stands in the schedule, which is one for all
    schedule = given.schedule({name: float(value[0]) for name, value in values.items()})
    found = course(given, values, plan.hours, schedule, accelerator=plan.accelerator, times=pace(plan).times)
    good = found.code == SOLVED
    return float((found.reduced["bedside_grade"][good] >= 3).mean()) if good.any() else float("nan")


def _quantiles(plan: Plan) -> dict[str, pl.DataFrame]:
    given = plan.given()
    patients = min(plan.patients, _PATIENTS)
    values = draw(given, patients, plan.seed, changed=plan.changed, limits=plan.limits).values
    found = course(
        given, values, plan.hours, given.schedule(values), keep=tuple(COURSES), accelerator=plan.accelerator,
        times=pace(plan).times,
    )  # fmt: skip
    good = found.code == SOLVED
    frames = {}
    for name in COURSES:
        lines = np.quantile(found.hourly[name][::4, good], _BANDS, axis=1)
        days = np.arange(lines.shape[1]) * 4 / HOURS_A_DAY
        frames[name] = pl.DataFrame({"day": days, **{f"q{place}": line for place, line in enumerate(lines)}})
    return frames


def _band(frame: pl.DataFrame, name: str) -> alt.LayerChart:
    scale = alt.Scale(type="log" if name in _ON_A_LOG_SCALE else "linear", zero=False)
    base = alt.Chart(frame).encode(x=alt.X("day:Q", title="day"))
    low, near, middle = (alt.Y(f"{column}:Q", scale=scale, title=None) for column in ("q0", "q1", "q2"))
    outer = base.mark_area(opacity=0.18, color="#3b6e8f").encode(y=low, y2="q4:Q")
    inner = base.mark_area(opacity=0.35, color="#3b6e8f").encode(y=near, y2="q3:Q")
    line = base.mark_line(color="#12344d").encode(y=middle)
    return alt.LayerChart(layer=[outer, inner, line], title=COURSES[name], width=_WIDTH, height=_HEIGHT)


def _title(text: str, below: str) -> alt.TitleParams:
    return alt.TitleParams(text, subtitle=[below, _FOOT], anchor="start")
