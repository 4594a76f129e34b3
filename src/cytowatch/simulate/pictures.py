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
from cytowatch.simulate.population import WHOLES, draw, parameters
from cytowatch.simulate.solve import SOLVED
from cytowatch.simulate.tables import Parameter, table

_WIDTH, _HEIGHT = 230, 130
_BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)
_PATIENTS = 1024
_MOSTLY = 0.99
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
    shown = min(plan.patients, _PATIENTS)
    below = f"{shown} patients under the ward's care: median, middle half, 5 to 95 %"
    return panels.properties(title=_title(plan.given().title, below))


def arms(compared: pl.DataFrame) -> alt.VConcatChart:
    """Shares of the worst grades in each arm of the same patients (`whatif.arms`): of CRS, and of ICANS."""
    good = compared.filter(pl.col("code") == SOLVED)
    order = compared["arm"].unique(maintain_order=True).to_list()
    both = [_worst(good, order, column, called) for column, called in _WORST.items()]
    below = f"worst grades (ASTCT) of {good.height // len(order)} patients"
    return alt.vconcat(*both).properties(title=_title("The same patients under other care", below))


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
    below = f"share of {small.patients} patients by their worst grade, at multiples of the usual dose and burden"
    for times in _MULTIPLES:
        doses = ",".join(f"{dose.hour / HOURS_A_DAY:g}:{dose.amount * times:g}" for dose in given.doses)
        changed = {**plan.changed, "B0": plan.changed.get("B0", usual["B0"]) * times}
        for what, one in (("dose", replace(small, doses=doses)), ("burden", replace(small, changed=changed))):
            found = outcomes(one).filter(pl.col("code") == SOLVED)["bedside_grade"]
            rows += [(what, times, f"grade {grade} or more", float((found >= grade).sum()) / len(found))
                     for grade in (2, 3)]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["what", "times", "outcome", "share"], orient="row")
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=alt.X("times:Q", scale=alt.Scale(type="log", base=2), title="times the usual"),
            y=alt.Y("share:Q", axis=alt.Axis(format="%"), title="share of patients"),
            color=alt.Color("what:N", title=None),
            column=alt.Column("outcome:N", title=None, header=alt.Header(labelFontWeight="bold")),
        )
        .properties(width=260, height=220, title=_title(f"Dose against burden: {given.title}", below))
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
    for name, one in _moved(given.mechanism.table).items():
        most = 1.0 if name in WHOLES else np.inf
        for label, times in (("half", 0.5), ("twice", 2.0)):
            share = _share(plan, {**wide, name: np.minimum(wide[name] * times, np.maximum(wide[name], most))})
            if share is not None and usual is not None:
                rows.append((f"{name}: {one.meaning}", label, 100 * (share - usual)))
    frame = pl.DataFrame(rows, schema=["parameter", "changed", "difference"], orient="row")
    largest = frame.group_by("parameter").agg(pl.col("difference").abs().max()).sort("difference", descending=True)
    order = largest["parameter"].head(shown).to_list()
    below = f"grade 3 or more: {usual or 0:.0%} of {_PATIENTS} patients; parameters that are ours, halved and doubled"
    chart: alt.Chart = (
        alt.Chart(
            frame.filter(pl.col("parameter").is_in(order)),
            title=_title(f"What severe reactions hang on: {given.title}", below),
        )
        .mark_bar()
        .encode(
            x=alt.X("difference:Q", title="difference of the share, percentage points", axis=alt.Axis(tickCount=6)),
            y=alt.Y("parameter:N", sort=order, title=None, axis=alt.Axis(labelLimit=420)),
            color=alt.Color("changed:N", title="in everybody"),
            yOffset="changed:N",
        )
        .properties(width=380, height=22 * len(order))
    )
    return chart


def _moved(trigger: str) -> dict[str, Parameter]:
    """The parameters that are ours; what is normal in a person is not halved."""
    asked = {name: one for key in (trigger, "core-network", "signs") for name, one in table(key).parameters.items()}
    return {
        name: one
        for name, one in asked.items()
        if one.evidence == "house" and one.value > 0 and one.spread_kind != "sd" and not name.startswith("SpO2")
    }


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


def _share(plan: Plan, values: Mapping[str, Any]) -> float | None:
    """Share of grade 3 or more; none where more than a few cannot be solved, for those may be the severe ones."""
    given = plan.given()
    # the dose of cells stands in the schedule, which is one for all
    schedule = given.schedule({name: float(value[0]) for name, value in values.items()})
    found = course(given, values, plan.hours, schedule, accelerator=plan.accelerator, times=pace(plan).times)
    good = found.code == SOLVED
    return float((found.reduced["bedside_grade"][good] >= 3).mean()) if good.mean() >= _MOSTLY else None


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
