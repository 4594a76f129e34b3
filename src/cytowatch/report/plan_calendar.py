"""The calendar of a plan: a row an item, a column a day, a mark for what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cytowatch.report.plan_words import Row
from cytowatch.schema import DAY_US

# worst first: of several windows of a day the worst one is shown
MARKS = {
    "overdue": ("!", "overdue"),
    "unknown": ("?", "not known"),
    "due": ("o", "due now"),
    "late": ("l", "done late"),
    "done": ("x", "done"),
    "not_recorded": ("-", "not seen in the record"),
    "upcoming": (".", "to come"),
}
_WEEK = 7
_LABEL = 40
_CELL = 8


def calendar_lines(rows: Sequence[Row]) -> Iterator[str]:
    """The week of now and the one before it, counted in days of 24 h since the latest exposure."""
    latest = max((row["exposure_time"] for row in rows), default=None)
    if latest is None:
        return
    own = [row for row in rows if row["exposure_time"] == latest and row["day"] >= 0 and _recurs(row)]
    today = (rows[0]["as_of"] - latest) // DAY_US
    this_week = today // _WEEK
    for week in (this_week - 1, this_week):
        if week >= 0:
            yield from _week(week, [row for row in own if row["day"] // _WEEK == week], today)


def _recurs(row: Row) -> bool:
    """Whether it has a window of at most a week: what is done once, or is for months, is told elsewhere."""
    return row["end"] is not None and row["end"] - row["start"] <= _WEEK * DAY_US


def _week(week: int, rows: Sequence[Row], today: int) -> Iterator[str]:
    if not rows:
        return
    days = range(week * _WEEK, (week + 1) * _WEEK)
    head = "".join(f"{f'>{day}<' if day == today else str(day):>{_CELL}}" for day in days)
    yield f"  {'DAY AFTER THE EXPOSURE':<{_LABEL}}{head}"
    items = dict.fromkeys((row["topic"], row["label"], row["plan"], row["item"]) for row in rows)
    for _, label, plan, item in sorted(items):
        own = [row for row in rows if (row["plan"], row["item"]) == (plan, item)]
        star = "*" if any(row["holds"] == "possible" for row in own) else ""
        cells = "".join(f"{_cell([row for row in own if row['day'] == day]):>{_CELL}}" for day in days)
        yield f"  {label[: _LABEL - 3] + star:<{_LABEL}}{cells}  {plan}"
    if any(row["holds"] == "possible" for row in rows):
        yield "  * only if what stands in brackets above holds"


def _cell(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    states = [row["state"] for row in rows]
    worst = next(state for state in MARKS if state in states)
    mark = MARKS[worst][0]
    if len(rows) == 1 or worst in ("not_recorded", "upcoming"):
        return mark
    return f"{mark}{states.count('done') + states.count('late')}/{len(states)}"
