"""The figure of one patient: lanes under each other on one time axis, Altair definitions only.

Every row carries ``x`` (and ``x2``) on the shared axis, days since day 0 or hours of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import Any

import altair as alt

from cytowatch.report.figures import Figure, Rows, grade_color, inlined, mark_shape
from cytowatch.report.theme import HATCH, INK, LINE_COLORS, MUTED, UNKNOWN_FILL

TOP_GRADE = 5
# Every lane leaves this much room for names at its left (pixels), so that strips drawn elsewhere can stand in line.
NAMES_WIDTH = 190
PLOT_LEFT = NAMES_WIDTH + 4.0
PLOT_WIDTH = 790
_NAME_LETTERS = 32
_BREAK = "|"
POINTS_SHOWN = 120
_OUTLINE = "#7b8794"
Lane = alt.LayerChart | alt.FacetChart


@dataclass(frozen=True)
class Axis:
    """The time axis that all lanes of a figure share."""

    low: float
    high: float
    title: str
    width: int = PLOT_WIDTH

    def x(self, field: str = "x", *, labels: bool = False) -> alt.X:
        """The axis on a field; only the last lane prints its labels."""
        shown = alt.Axis(
            labels=labels, ticks=labels, domain=labels, format=",.6~f", title=self.title if labels else None
        )
        return alt.X(f"{field}:Q", scale=alt.Scale(domain=[self.low, self.high], nice=False), axis=shown)

    def pixels(self, low: float, high: float) -> float:
        """How wide a stretch is drawn."""
        span = self.high - self.low
        return (high - low) / span * self.width if span > 0 else 0.0


def stacked(lanes: Sequence[Lane]) -> Figure:
    """The lanes under each other."""
    # Options go to the constructors: each chained call would copy the whole figure anew.
    apart = alt.Resolve(scale=alt.ScaleResolveMap(color="independent", shape="independent"))
    figure: Figure = alt.vconcat(*lanes, spacing=10, resolve=apart)
    return figure


def grade_lane(axis: Axis, rows: Rows, title: str) -> Lane:
    """Grade over time: solid up to what is certain, hatched up to what is not excluded.

    Rows: ``x, x2, at_least, at_most`` (both empty = not graded), ``label, text_at`` (empty = no room for the label).
    """
    graded = [row for row in rows if row["at_least"] is not None]
    open_rows = [row for row in graded if row["at_most"] > row["at_least"]]
    none = [row for row in rows if row["at_least"] is None]
    values = alt.Axis(values=list(range(TOP_GRADE + 1)), format="d", minExtent=NAMES_WIDTH, labelOverlap=False)
    y = alt.Y("low:Q", scale=alt.Scale(domain=[-0.35, TOP_GRADE + 1.1], nice=False), axis=values, title=None)
    uncertain = [_box(row, row["at_least"], row["at_most"]) for row in open_rows]
    ungraded = [_box(row, -0.25, TOP_GRADE) for row in none]
    solid = [_box(row, -0.25, row["at_least"]) for row in graded if row["at_least"]]
    color = grade_color(legend=False)
    layers = [
        _boxes(axis, [_box(row, -0.25, 0) for row in graded], y, _rect(stroke="#9aa5b1")).encode(color=color),
        _boxes(axis, solid, y, _rect(stroke="#ffffff")).encode(color=color),
        _boxes(axis, uncertain + ungraded, y, _rect(fill=UNKNOWN_FILL, stroke=_OUTLINE)),
        _boxes(axis, uncertain, y, _rect(fill=HATCH)),
        _boxes(axis, ungraded, y, _rect(fill=HATCH, opacity=0.5)),
        _labels(axis, [row for row in rows if row["text_at"] is not None], y),
    ]
    return alt.layer(*layers, width=axis.width, height=104, title=title)


def _box(row: Mapping[str, Any], low: float, high: float) -> dict[str, Any]:
    return {"x": row["x"], "x2": row["x2"], "low": low, "high": high, "at_least": row["at_least"]}


def _rect(fill: str = "", stroke: str = "", opacity: float = 1.0) -> alt.MarkDef:
    given: dict[str, Any] = {"fill": fill, "stroke": stroke}
    return alt.MarkDef(type="rect", opacity=opacity, **{key: value for key, value in given.items() if value})


def _boxes(axis: Axis, rows: Rows, y: alt.Y, mark: alt.MarkDef) -> alt.Chart:
    boxes: alt.Chart = alt.Chart(inlined(rows), mark=mark).encode(
        x=axis.x(), x2=alt.X2("x2:Q"), y=y, y2=alt.Y2("high:Q")
    )
    return boxes


def _labels(axis: Axis, rows: Rows, y: alt.Y) -> alt.Chart:
    placed = [{**row, "low": TOP_GRADE / 2 if row["at_most"] is None else row["at_most"]} for row in rows]
    text = alt.Chart(inlined(placed)).mark_text(fontWeight="bold", dy=-7, fontSize=11)
    labels: alt.Chart = text.encode(x=axis.x("text_at"), y=y, text=alt.Text("label:N"))
    return labels


def line_lane(axis: Axis, series: Mapping[str, Rows], title: str, *, rule: float | None = None) -> Lane:
    """Readings over time, one line a series, broken where nothing was measured for longer than a reading stays true.

    Rows: ``x, y, piece``; ``rule``: a cut-off drawn across.
    """
    values = [row["y"] for rows in series.values() for row in rows] + ([] if rule is None else [rule])
    low, high = min(values), max(values)
    pad = max((high - low) * 0.12, abs(high) * 0.01)
    scale = alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False)
    y = alt.Y("y:Q", scale=scale, title=None, axis=alt.Axis(tickCount=4, minExtent=NAMES_WIDTH))
    layers: list[alt.Chart] = []
    if rule is not None:
        across = alt.Chart(inlined([{"y": rule}])).mark_rule(color="#b4232a", strokeDash=[4, 3], strokeWidth=1.2)
        layers.append(across.encode(y=y))
    for index, (name, rows) in enumerate(series.items()):
        layers += _line(axis, rows, y, name if len(series) > 1 else "", index)
    return alt.layer(*layers, width=axis.width, height=84, title=title)


def _line(axis: Axis, rows: Rows, y: alt.Y, name: str, index: int) -> list[alt.Chart]:
    color = LINE_COLORS[index % len(LINE_COLORS)]
    base = alt.Chart(inlined(rows)).encode(x=axis.x(), y=y)
    line = base.mark_line(strokeWidth=1.3, color=color).encode(detail=alt.Detail("piece:N"))
    shape = ("circle", "square", "triangle-up")[index % 3]
    # Where readings are dense the line says it all, and thousands of points weigh a page down. A reading on its own,
    # with gaps on either side, makes no line and is always drawn.
    pieces = Counter(row["piece"] for row in rows)
    shown = rows if len(rows) <= POINTS_SHOWN else [row for row in rows if pieces[row["piece"]] == 1]
    spots = alt.Chart(inlined(shown)).encode(x=axis.x(), y=y)
    points = spots.mark_point(filled=True, size=16, shape=shape, color=color, opacity=1)
    if not name or not rows:
        return [line, points]
    label = alt.Chart(inlined([{**rows[-1], "name": name}])).mark_text(
        align="left", dx=6, color=color, fontWeight="bold"
    )
    return [line, points, label.encode(x=axis.x(), y=y, text=alt.Text("name:N"))]


def support_lane(axis: Axis, rows: Rows, title: str) -> Lane:
    """Times on devices or drugs, one line each: rows ``x, x2, name, label, text_at, certain``."""
    rows = [{**row, "name": _wrapped(row["name"])} for row in rows]
    names = list(dict.fromkeys(row["name"] for row in rows))
    step = 28 if any(_BREAK in name for name in names) else 20
    y = _names(names)
    certain = [row for row in rows if row["certain"]]
    unsure = [row for row in rows if not row["certain"]]
    text = alt.Chart(inlined([row for row in rows if row["text_at"] is not None])).mark_text(fontSize=10.5, color=INK)
    layers = [
        _spans(axis, certain, y, alt.MarkDef(type="bar", size=14, fill="#b9d6e3", stroke="#0b5c7d", strokeWidth=0.8)),
        _spans(axis, unsure, y, alt.MarkDef(type="bar", size=14, fill=HATCH, stroke=_OUTLINE, strokeDash=[3, 2])),
        text.encode(x=axis.x("text_at"), y=y, text=alt.Text("label:N")),
    ]
    return alt.layer(*layers, width=axis.width, height=step * len(names), title=title)


def _wrapped(name: str) -> str:
    """A name on at most two lines; what is longer ends in dots."""
    lines = wrap(name, _NAME_LETTERS)
    if len(lines) <= 2:
        return _BREAK.join(lines)
    return _BREAK.join([lines[0], shorten(" ".join(lines[1:]), _NAME_LETTERS, placeholder=" …")])


def _names(names: Sequence[str]) -> alt.Y:
    shown = alt.Axis(
        ticks=False,
        domain=False,
        grid=False,
        minExtent=NAMES_WIDTH,
        labelLimit=NAMES_WIDTH - 8,
        labelPadding=8,
        labelExpr=f"split(datum.label, '{_BREAK}')",
        labelLineHeight=12,
    )
    return alt.Y("name:N", sort=list(names), title=None, axis=shown)


def _spans(axis: Axis, rows: Rows, y: alt.Y, mark: alt.MarkDef) -> alt.Chart:
    spans: alt.Chart = alt.Chart(inlined(rows), mark=mark).encode(x=axis.x(), x2=alt.X2("x2:Q"), y=y)
    return spans


def word_lane(axis: Axis, rows: Rows, title: str) -> Lane:
    """Values or words at moments, one line a concept: rows ``x, name, label``."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    y = _names(names)
    base = alt.Chart(inlined(rows)).encode(x=axis.x(), y=y)
    ticks = base.mark_tick(color=MUTED, thickness=1, size=14)
    text = base.mark_text(align="left", dx=3, fontSize=10.5).encode(text=alt.Text("label:N"))
    return alt.layer(ticks, text, width=axis.width, height=18 * len(names), title=title)


def mark_lane(axis: Axis, rows: Rows, title: str) -> Lane:
    """Doses and events at moments, a shape a kind, and the time axis under them: rows ``x, name, kind``."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    shape, color = mark_shape([row["kind"] for row in rows], legend=False)
    points = alt.Chart(inlined(rows)).mark_point(filled=True, size=64, opacity=1)
    marks = points.encode(x=axis.x(labels=True), y=_names(names), shape=shape, color=color)
    # Without a dose the lane still carries the time axis, and then no heading.
    return alt.layer(marks, width=axis.width, height=20 * len(names) or 4, title=title if names else "")
