"""Colors, shapes and type of every figure and page, in one place."""

from __future__ import annotations

import altair as alt

# Ordinal and ever darker, so that it reads without color vision; the number is printed besides.
GRADE_FILL = ("#dfe7ec", "#f7dc8b", "#f2a95c", "#d9654a", "#9c2458", "#3f1450")
GRADE_TEXT = ("#1f2933", "#1f2933", "#1f2933", "#1a0d08", "#ffffff", "#ffffff")
UNKNOWN_FILL = "#f3f4f6"
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


def styled(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """The chart with the house's type, grid and no background.

    The label of the whole figure stands in the page, so single marks carry none.
    """
    text = {"labelFont": FONT, "titleFont": FONT, "labelColor": INK, "titleColor": INK}
    small = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
    configured: alt.TopLevelMixin = (
        chart.configure(aria=False, background="#ffffff", font=FONT, padding=4)  # type: ignore[attr-defined]
        .configure_axis(grid=True, gridColor=GRID, domainColor="#9aa5b1", tickColor="#9aa5b1", **text, **small)
        .configure_legend(**text, **small, symbolStrokeWidth=1.2)
        .configure_title(font=FONT, color=INK, fontSize=12, anchor="start", offset=4, fontWeight="bold")
        .configure_view(stroke=None)
        .configure_text(font=FONT, fontSize=11, color=INK)
    )
    return configured
