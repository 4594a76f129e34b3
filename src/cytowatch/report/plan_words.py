"""Rows of a plan in words: moments, lengths, what a row hangs on, where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.plan import MonitoringItem
from cytowatch.report.words import Words
from cytowatch.schema import DAY_US, HOUR_US

Row = dict[str, Any]
_SETTINGS = {"inpatient": "in hospital", "outpatient": "at home"}
# what a reader can tell at once; what is missing otherwise leaves a grade or a fact open
_ASKED = frozenset({"setting", "only_if", "date", "for_whom"})
# a test is still shown for so long after its trigger is over
_LATELY = 2 * DAY_US


def is_shown(row: Row) -> bool:
    """Whether a row is shown without being asked for."""
    if row["basis"] == "recalled":
        return False
    open_by_grade = set(row["missing"]) - _ASKED
    if row["holds"] == "possible" and open_by_grade and not (row["at_least"] or 0) >= 1:
        return False
    is_old = row["end"] is not None and row["end"] <= row["as_of"] - _LATELY
    return not (row["kind"] == "work_up" and is_old)


def moment(value: int | None, clock: str) -> str:
    """`36.5 h`, or a time in UTC."""
    if value is None:
        return "?"
    if clock == "hours":
        return f"{round(value / HOUR_US, 2):g} h"
    return str(pl.select(pl.lit(value).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M UTC")).item())


def span(value: int) -> str:
    """A length: `5 h`, `2 days`."""
    return f"{value / HOUR_US:.3g} h" if value < 2 * DAY_US else f"{value / DAY_US:.3g} days"


def conditions(row: Row, knowledge: Knowledge) -> str:
    """What the row hangs on that is not known, in brackets; empty where it is certain."""
    said = []
    missing = row["missing"]
    if "setting" in missing:
        said.append(f"if {_SETTINGS[row['setting']]}")
    if "only_if" in missing:
        said.append(f"if {row['only_if']}")
    if "date" in missing:
        said.append(_dates(row, knowledge))
    if "for_whom" in missing:
        label = knowledge.advice.facts[_item(row, knowledge).for_whom].label
        said.append(f"if {label[:1].lower()}{label[1:]}")
    open_by_grade = [name for name in missing if name not in _ASKED]
    if row["holds"] == "possible" and open_by_grade:
        said.append(f"possible; not known: {', '.join(Words(knowledge).missing(name) for name in open_by_grade)}")
    return f" ({'; '.join(said)})" if said else ""


def _dates(row: Row, knowledge: Knowledge) -> str:
    item = _item(row, knowledge)
    if item.holds_from is not None:
        return f"if the exposure was on {item.holds_from} or later"
    return f"if the exposure was before {item.holds_to}"


def _item(row: Row, knowledge: Knowledge) -> MonitoringItem:
    return next(part for part in knowledge.plans.monitoring[row["plan"]].items if part.id == row["item"])


def cited(row: Row, knowledge: Knowledge) -> str:
    """The source with its place, and how it is known."""
    source = knowledge.sources.get(row["source"])
    known = "not verified" if row["basis"] == "recalled" else row["basis"]
    return f"{source.citation or source.title if source else row['source']}; {row['locator']} ({known})"


def names(keys: Iterable[str], words: Words) -> str:
    """Concepts by their labels; alternatives stay joined by `or`."""
    return ", ".join(" or ".join(words.concept(name) for name in key.split(" or ")) for key in keys)
