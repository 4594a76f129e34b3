"""Colors, shapes and type of every figure and page, in one place."""

from __future__ import annotations

from typing import Any

import altair as alt

# Ordinal and ever darker, so that it reads without color vision; the number is printed besides.
GRADE_FILL = ("#dfe7ec", "#f7dc8b", "#f2a95c", "#e07459", "#9c2458", "#3f1450")
GRADE_TEXT = ("#1f2933", "#1f2933", "#1f2933", "#1f2933", "#ffffff", "#ffffff")
# Sum scores: another hue than grades, so that 3 points are not read as grade 3; ever darker up to the most points.
SCORE_FILL = ("#e6efee", "#c3dedb", "#93c5c0", "#5ba39f", "#2b7a78", "#0e4d4d")
SCORE_TEXT = ("#1f2933", "#1f2933", "#1f2933", "#1f2933", "#ffffff", "#ffffff")
UNKNOWN_FILL = "#f3f4f6"
NOT_GRADED_FILL = "#d3d9df"
# The page defines this pattern once; where it is not defined (a notebook), the outline still tells.
HATCH = "url(#cw-hatch)"
INK = "#1f2933"
MUTED = "#52606d"
GRID = "#e4e7eb"
ACCENT = "#0b5c7d"
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"

# How treatments are told apart: by shape first, by color besides.
MARKS: dict[str, tuple[str, str]] = {
    "tocilizumab": ("triangle-up", "#0b5c9e"),
    "other anti-cytokine drug": ("diamond", "#8a3b8f"),
    "steroid": ("square", "#00694d"),
    "antipyretic": ("circle", "#6b7280"),
    "trigger": ("triangle-down", "#1f2933"),
    "death": ("cross", "#1f2933"),
}
LINE_COLORS = ("#0b5c9e", "#b4460f", "#00694d")


_TEXT = {"labelFont": FONT, "titleFont": FONT, "labelColor": INK, "titleColor": INK}
_SMALL = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
# Type, grid and background of every figure. Single marks carry no label: the label of the whole stands in the page.
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "#ffffff",
    "font": FONT,
    "padding": 4,
    "axis": {"grid": True, "gridColor": GRID, "domainColor": "#9aa5b1", "tickColor": "#9aa5b1", **_TEXT, **_SMALL},
    "legend": {**_TEXT, **_SMALL, "symbolStrokeWidth": 1.2},
    "title": {"font": FONT, "color": INK, "fontSize": 12, "anchor": "start", "frame": "group", "offset": 4},
    "view": {"stroke": None},
    "text": {"font": FONT, "fontSize": 11, "color": INK},
}


def styled(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The finished figure as a Vega-Lite specification, with the house's configuration."""
    with alt.data_transformers.disable_max_rows():
        # Checked by the tests; checking it again for every patient costs more than drawing it.
        spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec | {"config": CONFIG}
