"""What a fit reached beside what was asked of it: an Altair chart from the record that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cytowatch.simulate.fit import fitted

WIDTH, ROW = 260, 15
ASKED, REACHED = "target, 95 % interval", "virtual patients"
# a panel for each unit: its title, and which summaries it shows
PANELS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("share, correlation or ratio", lambda name: any(
        word in name for word in ("share", "correlation", "AUROC", "Spearman", "ratio"))),
    ("day, or days", lambda name: name.endswith((" day", " days", "quartiles", "median")) and "ln" not in name.split()),
    ("natural logarithm", lambda name: "ln" in name.split() and "correlation" not in name),
)  # fmt: skip


def rows(key: str) -> list[dict[str, Any]]:
    """Each summary once as asked, with its interval, and once as reached, under the title of its panel."""
    found = []
    for name, row in fitted(key)["summary"].items():
        panel = next(title for title, holds in PANELS if holds(name))
        half = 1.96 * row["error"]
        found.append({
            "panel": panel, "summary": name, "of": ASKED, "value": row["target"], "low": row["target"] - half,
            "high": row["target"] + half,
        })  # fmt: skip
        found.append({"panel": panel, "summary": name, "of": REACHED, "value": row["reached"]})
    return found


def chart(key: str, title: str) -> Any:
    """The chart of a product."""
    import altair as alt

    every = rows(key)
    panels = []
    for panel, _ in PANELS:
        part = [row for row in every if row["panel"] == panel]
        if part:
            panels.append(_panel(alt, panel, part))
    # the panel of logarithms is the tallest: the others stand above each other beside it
    *others, last = panels
    return (
        alt.hconcat(alt.vconcat(*others), last, title=title, spacing=30) if others else alt.hconcat(last, title=title)
    )


def _panel(alt: Any, title: str, part: list[dict[str, Any]]) -> Any:
    names = list(dict.fromkeys(row["summary"] for row in part))
    base = alt.Chart(alt.Data(values=part))
    y = alt.Y("summary:N", sort=names, title=None, axis=alt.Axis(labelLimit=300))
    scale = alt.Scale(domain=[ASKED, REACHED], range=["#555555", "#d1495b"])
    color = alt.Color("of:N", scale=scale, title=None, legend=alt.Legend(orient="bottom"))
    rule = base.transform_filter(f"datum.of == '{ASKED}'").mark_rule(color="#999999", strokeWidth=3).encode(
        y=y, x=alt.X("low:Q", title=title), x2="high:Q")  # fmt: skip
    shape = alt.Shape("of:N", scale=alt.Scale(domain=[ASKED, REACHED], range=["diamond", "circle"]), title=None)
    point = base.mark_point(filled=True, size=50, opacity=1).encode(
        y=y, x=alt.X("value:Q", title=title, scale=alt.Scale(zero=False)), color=color, shape=shape
    )
    return (rule + point).properties(width=WIDTH, height=alt.Step(ROW))
