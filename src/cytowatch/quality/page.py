"""The quality report as one HTML page: remarks first, then two pictures, then the tables behind them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import jinja2
import polars as pl
from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge
from cytowatch.quality.measure import Quality
from cytowatch.report.svg import inline
from cytowatch.report.theme import ACCENT, LINE_COLORS, MUTED

_ROWS_SHOWN = 200
# a concept that is not there at all is drawn as an empty line, so that it is seen
_BARS = ("patients with it", "time it speaks for")


def render(quality: Quality, knowledge: Knowledge, title: str) -> str:
    """The page, self-contained; ``title`` names what was read."""
    return _template().render(
        title=title,
        quality=quality,
        rows=_shown,
        present=quality.coverage.filter(pl.col("rows") > 0),
        absent=quality.coverage.filter(pl.col("rows") == 0)["concept"].to_list(),
        failed=quality.shifts.filter(pl.col("rows") > 0),
        clean=_clean_checks(quality.shifts),
        labels={key: concept.label for key, concept in knowledge.concepts.items()},
        coverage_figure=_coverage_figure(quality.coverage, knowledge),
        hours_figure=_hours_figure(quality.hours),
        total=int(quality.ledger["rows"].sum()),
        fates=_fates(quality.ledger),
    )


def _shown(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.head(_ROWS_SHOWN).to_dicts()


def _clean_checks(shifts: pl.DataFrame) -> list[str]:
    worst = shifts.group_by("check").agg(pl.col("rows").sum())
    return worst.filter(pl.col("rows") == 0)["check"].sort().to_list()


def _fates(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    return ledger.group_by("fate").agg(pl.col("rows").sum()).sort("rows", "fate", descending=[True, False]).to_dicts()


def _coverage_figure(coverage: pl.DataFrame, knowledge: Knowledge) -> Markup:
    names = {key: concept.label for key, concept in knowledge.concepts.items()}
    # findings that are charted by exception say nothing by their absence, and would only lengthen the picture
    drawn = coverage.filter((pl.col("rows") > 0) | pl.col("kind").is_in(["reading", "device"]))
    bars = [
        {"concept": names[row["concept"]], "what": what, "share": row[column]}
        for row in drawn.iter_rows(named=True)
        for what, column in zip(_BARS, ("share", "covered"), strict=True)
        if row[column] is not None
    ]
    order = [names[key] for key in drawn["concept"]]
    chart = (
        alt.Chart({"values": bars})
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            y=alt.Y("concept:N", sort=order, title=None, axis=alt.Axis(labelLimit=190)),
            yOffset=alt.YOffset("what:N", sort=list(_BARS)),
            color=alt.Color(
                "what:N",
                sort=list(_BARS),
                title=None,
                scale=alt.Scale(range=[ACCENT, LINE_COLORS[1]]),
                legend=alt.Legend(orient="top"),
            ),
        )
        .properties(width=520, height=alt.Step(9))
    )
    label = "For each concept the share of patients who have it and the share of their time for which a reading speaks"
    return inline(chart, name="coverage", label=label)


def _hours_figure(hours: pl.DataFrame) -> Markup:
    if hours.is_empty():
        return Markup("")
    chart = (
        alt.Chart({"values": hours.to_dicts()})
        .mark_bar(color=MUTED)
        .encode(
            x=alt.X("hour:O", title="hour of the local day", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("rows:Q", title="vital signs"),
        )
        .properties(width=520, height=140)
    )
    return inline(chart, name="hours", label="Vital signs by hour of the local day")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        # the style sheet is the report's
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(f"cytowatch.{room}") for room in ("quality", "report")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.0%}"
    environment.filters["hours"] = lambda value: "–" if value is None else f"{value:.1f}"
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template("quality.html.j2")
