"""Every figure of the cohort, one Altair definition each: plain rows in, ``alt.Chart`` out.

Figures of one patient stand in ``lanes.py``. Rows are lists of dictionaries with the keys named in each docstring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from cytowatch.report.theme import ACCENT, GRADE_FILL, GRADE_TEXT, HATCH, INK, MARKS, MUTED, UNKNOWN_FILL

Rows = Sequence[Mapping[str, Any]]
Figure = alt.TopLevelMixin
_GRADES = list(range(len(GRADE_FILL)))


def inlined(rows: Rows) -> pl.DataFrame:
    """Rows as data that travel inside the figure.

    A frame, because Altair copies lists anew at every step of a composition and frames never.
    """
    return pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)


def grade_color(field: str = "at_least", *, legend: bool = True) -> alt.Color:
    """Grade 0 to 5 as ever darker color."""
    shown = alt.Legend(title="Grade", orient="top", direction="horizontal", symbolType="square") if legend else None
    return alt.Color(f"{field}:O", scale=alt.Scale(domain=_GRADES, range=list(GRADE_FILL)), legend=shown)


def mark_shape(kinds: Sequence[str], *, legend: bool = True) -> tuple[alt.Shape, alt.Color]:
    """Shape and color of the treatments that occur."""
    present = [kind for kind in MARKS if kind in kinds]
    shown = alt.Legend(title=None, orient="top", direction="horizontal", symbolSize=70) if legend else None
    shape = alt.Shape(
        "kind:N", scale=alt.Scale(domain=present, range=[MARKS[kind][0] for kind in present]), legend=shown
    )
    color = alt.Color(
        "kind:N", scale=alt.Scale(domain=present, range=[MARKS[kind][1] for kind in present]), legend=shown
    )
    return shape, color


def swimmer(lanes: Sequence[str], bars: Rows, marks: Rows, pressors: Rows, *, title: str, width: int = 830) -> Figure:
    """Grades of each patient by day since first exposure, treatments marked under the bar.

    lanes: patient ids from top; bars: ``lane, start, end, at_least, label, unknown, text_at`` (``text_at`` empty where
    the number does not fit); marks: ``lane, x, kind``; pressors: ``lane, start, end``.
    """
    y = alt.Y(
        "lane:N",
        sort=list(lanes),
        title=None,
        axis=alt.Axis(labelLimit=150, labelPadding=8, ticks=False, domain=False, grid=False),
    )
    x = alt.X("start:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False))
    graded = [bar for bar in bars if bar["at_least"] is not None]
    hatched = [bar for bar in bars if bar["unknown"]]
    layers: list[alt.Chart] = [
        alt.Chart(inlined(bars))
        .mark_bar(size=15, yOffset=-4, fill=UNKNOWN_FILL, stroke="#9aa5b1", strokeWidth=0.6)
        .encode(x=x, x2="end:Q", y=y),
        alt.Chart(inlined(graded)).mark_bar(size=15, yOffset=-4).encode(x=x, x2="end:Q", y=y, color=grade_color()),
        alt.Chart(inlined(hatched))
        .mark_bar(size=15, yOffset=-4, fill=HATCH, stroke="#7b8794", strokeWidth=0.5)
        .encode(x=x, x2="end:Q", y=y),
    ]
    layers += _bar_numbers([bar for bar in bars if bar["text_at"] is not None], y)
    if pressors:
        layers.append(
            alt.Chart(inlined(pressors))
            .mark_rule(strokeWidth=3, color=INK, yOffset=6.5)
            .encode(x="start:Q", x2="end:Q", y=y)
        )
    layered = alt.layer(alt.layer(*layers), *_treatment_points(marks, y))
    figure: Figure = layered.resolve_scale(color="independent", shape="independent").properties(
        width=width, height=alt.Step(28)
    )
    return figure


def _bar_numbers(bars: Rows, y: alt.Y) -> list[alt.Chart]:
    hatched = [bar for bar in bars if bar["unknown"]]
    dark = [bar for bar in bars if not bar["unknown"] and GRADE_TEXT[bar["at_least"]] != GRADE_TEXT[0]]
    plain = [bar for bar in bars if bar not in dark]
    # White type under dark type: a halo keeps the number readable on the hatching.
    halo = _number_mark("#ffffff", stroke=3.5)
    pairs = [(hatched, halo), (plain, _number_mark(INK)), (dark, _number_mark("#ffffff"))]
    return [alt.Chart(inlined(rows), mark=mark).encode(x="text_at:Q", y=y, text="label:N") for rows, mark in pairs]


def _number_mark(color: str, stroke: float = 0.0) -> alt.MarkDef:
    outline: dict[str, Any] = {"stroke": color, "strokeWidth": stroke} if stroke else {}
    return alt.MarkDef(type="text", yOffset=-4, fontSize=10.5, fontWeight="bold", color=color, **outline)


def _treatment_points(marks: Rows, y: alt.Y) -> list[alt.Chart]:
    if not marks:
        return []
    shape, color = mark_shape([mark["kind"] for mark in marks])
    points = alt.Chart(inlined(marks)).mark_point(filled=True, size=34, yOffset=8, opacity=1)
    return [points.encode(x="x:Q", y=y, shape=shape, color=color)]


def cumulative_incidence(panels: Sequence[Mapping[str, Any]], *, width: int = 430, height: int = 210) -> Figure:
    """Curves of certain and possible incidence side by side, each with its numbers at risk.

    A panel: ``title``, ``horizon`` (days), ``ticks`` (days), ``band`` (rows ``day, low, high``), ``risk`` (rows
    ``day, row, n``).
    """
    drawn = [_incidence_panel(panel, width=width, height=height) for panel in panels]
    return alt.hconcat(*drawn, spacing=36)


def _incidence_panel(panel: Mapping[str, Any], *, width: int, height: int) -> alt.VConcatChart:
    scale = alt.Scale(domain=[0, panel["horizon"]], nice=False)
    x = alt.X("day:Q", title="Days since exposure", scale=scale, axis=alt.Axis(values=list(panel["ticks"]), format="d"))
    percent = alt.Axis(format=".0%", tickCount=5)
    y = alt.Y("low:Q", title="Patients with this grade", scale=alt.Scale(domain=[0, 1]), axis=percent)
    base = alt.Chart(inlined(panel["band"])).encode(x=x)
    band = base.mark_area(interpolate="step-after", fill=HATCH, opacity=0.6).encode(y=y, y2="high:Q")
    certain = base.mark_line(interpolate="step-after", strokeWidth=2.4, color=ACCENT).encode(y=y)
    possible = base.mark_line(interpolate="step-after", strokeWidth=1.4, strokeDash=[5, 3], color=ACCENT).encode(
        y="high:Q"
    )
    curve = alt.layer(band, possible, certain, *_end_labels(panel)).properties(
        width=width, height=height, title=panel["title"]
    )
    risk_y = alt.Y(
        "row:N", title=None, axis=alt.Axis(ticks=False, domain=False, grid=False, labelColor=MUTED, labelPadding=14)
    )
    hidden = alt.Axis(labels=False, ticks=False, domain=False, grid=False, values=list(panel["ticks"]))
    risk = (
        alt.Chart(inlined(panel["risk"]))
        .mark_text(fontSize=11)
        .encode(x=alt.X("day:Q", scale=scale, title=None, axis=hidden), y=risk_y, text="n:Q")
        .properties(
            width=width, height=34, title=alt.TitleParams("At risk", fontSize=11, fontWeight="normal", color=MUTED)
        )
    )
    return alt.vconcat(curve, risk, spacing=6)


def _end_labels(panel: Mapping[str, Any]) -> list[alt.Chart]:
    last = panel["band"][-1]
    ends = [{"day": panel["horizon"], "at": last["low"], "text": f"{last['low']:.0%}"}]
    # The second label would lie on the first where the curves end close together.
    if last["high"] - last["low"] > 0.06:
        ends.append({"day": panel["horizon"], "at": last["high"], "text": f"{last['high']:.0%}"})
    text = alt.Chart(inlined(ends)).mark_text(align="right", dy=-7, dx=-2, fontWeight="bold", color=ACCENT)
    return [text.encode(x="day:Q", y="at:Q", text="text:N")]


def completeness(cells: Rows, questions: Sequence[str], *, width: int = 800) -> Figure:
    """Share of watched time in which a sign was known, by day: rows ``question, day, share, text``."""
    days = sorted({cell["day"] for cell in cells})
    x = alt.X("day:O", title="Day since exposure", axis=alt.Axis(labelAngle=0, grid=False, domain=False, ticks=False))
    y = alt.Y(
        "question:N",
        sort=list(questions),
        title=None,
        axis=alt.Axis(grid=False, domain=False, ticks=False, labelLimit=200),
    )
    color = alt.Color("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=["#f5f7fa", "#58a3bf"]))
    base = alt.Chart(inlined(cells)).encode(x=x, y=y)
    boxes = base.mark_rect(stroke="#ffffff", strokeWidth=1.5).encode(color=color)
    numbers = base.mark_text(fontSize=10).encode(text="text:N")
    wide = min(width, 44 * len(days))
    figure: Figure = alt.layer(boxes, numbers, width=wide, height=27 * len(questions))
    return figure


def score_reach(panels: Sequence[Mapping[str, Any]], *, columns: int, width: int = 270, height: int = 150) -> Figure:
    """Share of patients that reached so many points, one panel a score: certain as line, not excluded hatched.

    A panel: ``title``, ``top`` (points), ``band`` (rows ``points, low, high``), ``cuts`` (points with a meaning).
    """
    drawn = [_score_panel(panel, width=width, height=height) for panel in panels]
    rows = [alt.hconcat(*drawn[place : place + columns], spacing=28) for place in range(0, len(drawn), columns)]
    return alt.vconcat(*rows, spacing=18)


def _score_panel(panel: Mapping[str, Any], *, width: int, height: int) -> alt.LayerChart | alt.FacetChart:
    scale = alt.Scale(domain=[0, panel["top"]], nice=False)
    x = alt.X(
        "points:Q", title="Worst score of a patient, at least", scale=scale, axis=alt.Axis(format="d", tickCount=6)
    )
    y = alt.Y("low:Q", title="Patients", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    base = alt.Chart(inlined(panel["band"])).encode(x=x)
    # "at least" holds up to its points, so a step lies before them
    band = base.mark_area(interpolate="step-before", fill=HATCH, opacity=0.6).encode(y=y, y2="high:Q")
    certain = base.mark_line(interpolate="step-before", strokeWidth=2.4, color=ACCENT).encode(y=y)
    possible = base.mark_line(interpolate="step-before", strokeWidth=1.4, strokeDash=[5, 3], color=ACCENT).encode(
        y="high:Q"
    )
    cuts = alt.Chart(inlined([{"points": cut} for cut in panel["cuts"]])).mark_rule(color="#b4232a", strokeDash=[4, 3])
    return alt.layer(
        band, possible, certain, cuts.encode(x="points:Q"), width=width, height=height, title=panel["title"]
    )
