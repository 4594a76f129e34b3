"""A plan as a page of text: what is overdue and due now, what to send, what points elsewhere, and a calendar by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.plan_calendar import MARKS, calendar_lines
from cytowatch.report.plan_words import Row, conditions, cited, is_shown, moment, names, span
from cytowatch.report.words import Words

_NOTICE = "Not a medical device and no order: every line is to be checked at its source and decided by a clinician."
_LEGEND = "In the calendar: " + ", ".join(f"{mark} {text}" for mark, text in MARKS.values()) + "."
_SENT = {"done": "in the record", "late": "in the record", "due": "not in the record yet", "not_seen": "was not seen"}


def plan_lines(plan: pl.DataFrame, knowledge: Knowledge, clock: str, *, all_: bool = False) -> Iterator[str]:
    """Lines for a terminal, one block a patient.

    ``plan``: ``schema.PLAN`` in microseconds. Without ``all_`` what hangs on a grade or a fact of which nothing is
    certain, what is over, and what was not verified are left out, and counted.
    """
    yield _NOTICE
    if plan.is_empty():
        yield "No exposure of these patients up to then is one that the tables of monitoring speak of."
        return
    yield _LEGEND
    words = Words(knowledge)
    for (patient,), rows in plan.group_by(["patient"], maintain_order=True):
        yield ""
        yield from _patient(str(patient), rows.to_dicts(), words, knowledge, clock, all_)


def _patient(
    patient: str, rows: Sequence[Row], words: Words, knowledge: Knowledge, clock: str, all_: bool
) -> Iterator[str]:
    shown = [row for row in rows if all_ or is_shown(row)]
    yield _title(patient, rows, words, clock)
    monitoring = [row for row in shown if row["kind"] == "monitoring"]
    for title, state in (("OVERDUE", "overdue"), ("DUE NOW", "due"), ("NOTHING IS RECORDED", "unknown")):
        yield from _block(title, _merged(monitoring, state), words, knowledge, clock)
    yield from _work_up([row for row in shown if row["kind"] == "work_up"], words, knowledge, clock)
    yield from _look_alikes([row for row in shown if row["kind"] == "look_alike"], words, knowledge, clock)
    yield from _unseen(monitoring, words, knowledge, clock)
    yield from calendar_lines(monitoring, clock)
    yield from _later(monitoring, words, knowledge, clock)
    if len(shown) < len(rows):
        hidden = len(rows) - len(shown)
        yield f"  {hidden} rows more with --all: what is only possible by grade, what is over, what was not verified."


def _title(patient: str, rows: Sequence[Row], words: Words, clock: str) -> str:
    exposure = max((row for row in rows if row["exposure_time"] is not None), key=lambda row: row["exposure_time"])
    now = rows[0]["as_of"]
    product = words.product(exposure["exposure"]) or "an exposure"
    since = span(now - exposure["exposure_time"])
    return f"{patient}, as of {moment(now, clock)}: {since} after {product} ({moment(exposure['exposure_time'], clock)})"


def _merged(rows: Sequence[Row], state: str) -> list[list[Row]]:
    """The rows of one state, those of one item together."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        if row["state"] == state and row["basis"] != "recalled":
            found.setdefault((row["plan"], row["item"], row["holds"]), []).append(row)
    return list(found.values())


def _block(title: str, groups: list[list[Row]], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    if groups:
        yield f"  {title}"
    for group in groups:
        row = group[-1]
        yield f"    {row['label']}: {_when(group, clock)}{conditions(row, knowledge)}"
        yield f"        {row['action']}"
        yield from (f"        {line}" for line in (*_what_is_there(row, words), cited(row, knowledge)))


def _when(group: list[Row], clock: str) -> str:
    first, last = group[0], group[-1]
    if first["state"] == "due":
        end = "" if last["end"] is None else f"by {moment(last['end'], clock)}"
        return f"{end or 'while it lasts'}{_count(last)}"
    if first["state"] == "unknown":
        return f"nothing at all is recorded from {moment(first['start'], clock)} to {moment(last['end'], clock)}"
    windows = "" if len(group) == 1 else f", {len(group)} windows missed"
    return f"was due by {moment(first['end'], clock)}{_count(first)}{windows}"


def _count(row: Row) -> str:
    return f" ({row['found']} of {row['needed']} done)" if row["needed"] and row["needed"] > 1 else ""


def _what_is_there(row: Row, words: Words) -> Iterator[str]:
    if row["lacking"] and (row["evidence"] or len(row["lacking"]) < _groups(row)):
        yield f"still lacking: {names(row['lacking'], words)}"
    if row["rejected"]:
        yield f"{row['rejected']} rows for it were rejected and count as nothing: see the rejects"


def _groups(row: Row) -> int:
    return len(row["lacking"]) + len(row["evidence"])


def _work_up(rows: Sequence[Row], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    """Tests whose trigger holds, those not in the record first; then those that are."""
    asked = [row for row in rows if row["end"] is None or row["state"] != "done"]
    order = {"due": 0, "not_seen": 1, "not_recorded": 2, "done": 3}
    if asked:
        yield "  WORK-UP"
    for row in sorted(asked, key=lambda part: order.get(part["state"], 4)):
        yield f"    {_sent(row, clock)}  {row['label']}: since {moment(row['start'], clock)}{conditions(row, knowledge)}"
        yield f"        {row['action']}"
        yield from (f"        {line}" for line in _what_is_there(row, words))
        if row["look_alikes"]:
            labels = (knowledge.lookalikes[key].label for key in row["look_alikes"])
            yield f"        helps to tell, of what is found now: {'; '.join(labels)}"
        yield f"        {cited(row, knowledge)}"


def _sent(row: Row, clock: str) -> str:
    if row["state"] == "done":
        return f"{MARKS['done'][0]} in the record ({moment(row['done_at'], clock)})"
    mark = {"due": "o not in the record yet", "not_seen": "! was not seen"}
    return mark.get(row["state"], f"{MARKS['not_recorded'][0]} not seen in the record")


def _look_alikes(rows: Sequence[Row], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    if rows:
        yield "  POINTS ELSEWHERE, OR BESIDE (no diagnosis)"
    for row in rows:
        facts = {fact.id: fact.label for fact in knowledge.lookalikes[row["item"]].facts}
        said = "; ".join(facts.get(key, key) for key in row["why"])
        yield f"    {row['label']}, since {moment(row['start'], clock)}: {said}"
        yield f"        settled by: {row['action']}"
        yield f"        {cited(row, knowledge)}"


def _unseen(rows: Sequence[Row], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    """What holds now and no concept shows."""
    now = [row for row in rows if row["state"] == "not_recorded" and _is_on(row)]
    groups = _merged(now, "not_recorded")
    if groups:
        yield "  NOW, NOT SEEN IN THE RECORD (ask, or look elsewhere)"
    for group in groups:
        row = group[-1]
        until = "" if row["end"] is None else f" until {moment(row['end'], clock)}"
        yield f"    {row['label']}{until}{conditions(row, knowledge)}: {row['action']}"
        yield f"        {cited(row, knowledge)}"


def _is_on(row: Row) -> bool:
    return bool(row["start"] <= row["as_of"] and (row["end"] is None or row["as_of"] < row["end"]))


def _later(rows: Sequence[Row], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    """The next window of what comes only after the days of the calendar."""
    found: dict[tuple[object, ...], Row] = {}
    for row in rows:
        if row["state"] == "upcoming":
            found.setdefault((row["plan"], row["item"]), row)
    running = {(row["plan"], row["item"]) for row in rows if row["state"] != "upcoming"}
    later = [row for key, row in found.items() if key not in running]
    if later:
        yield "  LATER"
    for row in sorted(later, key=lambda part: part["start"]):
        yield f"    from {moment(row['start'], clock)}  {row['label']}{conditions(row, knowledge)}: {row['action']}"
        yield f"        {cited(row, knowledge)}"
