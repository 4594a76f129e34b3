"""A plan as a page of text: what is overdue and due now, what to send, what points elsewhere, and a calendar by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.plan_calendar import MARKS, calendar_lines
from cytowatch.report.plan_words import Row, cited, conditions, is_shown, moment, names, span
from cytowatch.report.words import Words
from cytowatch.schema import DAY_US

_NOTICE = "Not a medical device and no order: every line is to be checked at its source and decided by a clinician."
_LEGEND = "Marks: " + ", ".join(f"{mark} {text}" for mark, text in MARKS.values()) + "; numbers in brackets: sources."
_TOPICS = (
    *("neurology", "vital_signs", "culture", "laboratory", "heart", "imaging", "access", "stay", "home"),
    *("follow_up", "vaccine", "late_effect"),
)
# of tests: what is still to be sent comes first
_ORDER = {"due": 0, "not_seen": 1, "not_recorded": 2, "done": 3}


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
    for _, rows in plan.group_by(["patient"], maintain_order=True):
        yield ""
        yield from _Page(knowledge, clock).lines(rows.to_dicts(), all_=all_)


@dataclass
class _Page:
    """The page of one patient; its sources are numbered as they are named."""

    knowledge: Knowledge
    clock: str
    sources: dict[str, int] = field(default_factory=dict)

    def lines(self, rows: Sequence[Row], *, all_: bool) -> Iterator[str]:
        shown = [row for row in rows if all_ or is_shown(row)]
        monitoring = [row for row in shown if row["kind"] == "monitoring"]
        yield self._title(rows)
        yield from self._windows("OVERDUE", "overdue", monitoring)
        yield from self._windows("DUE NOW", "due", monitoring)
        yield from self._work_up([row for row in shown if row["kind"] == "work_up"])
        yield from self._look_alikes([row for row in shown if row["kind"] == "look_alike"])
        yield from self._windows("NOT KNOWN (not done, or not in this record)", "unknown", monitoring)
        yield from self._unseen(monitoring)
        yield from calendar_lines(monitoring)
        yield from self._later(monitoring)
        if self.sources:
            yield "  SOURCES"
        yield from (f"    [{number}] {text}" for text, number in self.sources.items())
        if len(shown) < len(rows):
            hidden = len(rows) - len(shown)
            yield f"  {hidden} rows more with --all: only possible by grade or fact, over, or not verified."

    def _title(self, rows: Sequence[Row]) -> str:
        exposure = max(rows, key=lambda row: row["exposure_time"])
        product = Words(self.knowledge).product(exposure["exposure"]) or "an exposure"
        now, then = rows[0]["as_of"], exposure["exposure_time"]
        since = span(now - then)
        return f"{rows[0]['patient']}, as of {self._at(now)}: {since} after {product} ({self._at(then)})"

    def _windows(self, title: str, state: str, rows: Sequence[Row]) -> Iterator[str]:
        groups = _together(row for row in rows if row["state"] == state)
        if groups:
            yield f"  {title}"
        for group in groups:
            row = group[-1]
            yield f"    {row['label']}: {self._when(group)}{conditions(row, self.knowledge)} {self._source(row)}"
            yield from (f"        {line}" for line in (row["action"], *self._there(row)))

    def _when(self, group: list[Row]) -> str:
        first, last = group[0], group[-1]
        if first["state"] == "due":
            end = "while it lasts" if last["end"] is None else f"by {self._at(last['end'])}"
            return f"{end}{_count(last)}"
        if first["state"] == "unknown":
            return f"nothing of this kind is recorded from {self._at(first['start'])} to {self._at(last['end'])}"
        windows = "" if len(group) == 1 else f", {len(group)} windows missed"
        return f"was due by {self._at(first['end'])}{_count(first)}{windows}"

    def _there(self, row: Row) -> Iterator[str]:
        """What is in the record in part, and what was rejected."""
        if row["lacking"] and row["evidence"]:
            yield f"still lacking: {names(row['lacking'], Words(self.knowledge))}"
        if row["rejected"]:
            rows = "1 row for it was" if row["rejected"] == 1 else f"{row['rejected']} rows for it were"
            yield f"{rows} rejected, and a rejected row shows nothing: see the rejects"

    def _work_up(self, rows: Sequence[Row]) -> Iterator[str]:
        if rows:
            yield "  WORK-UP"
        for row in sorted(rows, key=lambda part: (_ORDER.get(part["state"], 4), _topic(part))):
            since = f"{row['label']}: {', '.join(self._why(row))}, since {self._at(row['start'])}"
            yield f"    {self._sent(row)}  {since}{conditions(row, self.knowledge)} {self._source(row)}"
            yield from (f"        {line}" for line in (row["action"], *self._there(row), *self._beside(row)))

    def _why(self, row: Row) -> Iterator[str]:
        """The trigger in words."""
        facts = self.knowledge.advice.facts
        for key in row["why"]:
            name = key.removeprefix("fact.")
            toxicity, _, grade = key.partition(" ")
            yield facts[name].label if name in facts else f"{toxicity.upper()} of grade {grade}"

    def _sent(self, row: Row) -> str:
        if row["state"] == "done":
            return f"x in the record ({self._at(row['done_at'])})"
        return {"due": "o not in the record yet", "not_seen": "! was not seen"}.get(row["state"], "- look elsewhere")

    def _beside(self, row: Row) -> Iterator[str]:
        if row["look_alikes"]:
            labels = (self.knowledge.lookalikes[key].label for key in row["look_alikes"])
            yield f"helps to tell, of what is found now: {'; '.join(labels)}"

    def _look_alikes(self, rows: Sequence[Row]) -> Iterator[str]:
        if rows:
            yield "  POINTS ELSEWHERE, OR BESIDE (no diagnosis)"
        for row in rows:
            facts = {fact.id: fact.label for fact in self.knowledge.lookalikes[row["item"]].facts}
            said = "; ".join(facts.get(key, key) for key in row["why"])
            yield f"    {row['label']}, since {self._at(row['start'])}: {said} {self._source(row)}"
            yield f"        settled by: {row['action']}"

    def _unseen(self, rows: Sequence[Row]) -> Iterator[str]:
        """What holds now and no concept shows."""
        groups = _together(row for row in rows if row["state"] == "not_recorded" and _is_on(row))
        if groups:
            yield "  NOW, AND NOT SEEN IN THE RECORD (ask, or look elsewhere)"
        for row in (group[-1] for group in groups):
            until = "" if row["end"] is None else f"until day {(row['end'] - row['exposure_time']) / DAY_US:.3g}: "
            yield f"    {until}{row['action']}{conditions(row, self.knowledge)} {self._source(row)}"

    def _later(self, rows: Sequence[Row]) -> Iterator[str]:
        """The next window of what has not begun."""
        begun = {(row["plan"], row["item"]) for row in rows if row["state"] != "upcoming"}
        groups = _together(row for row in rows if (row["plan"], row["item"]) not in begun)
        if groups:
            yield "  LATER"
        for row in sorted((group[0] for group in groups), key=lambda part: part["start"]):
            yield f"    from day {row['day']}: {row['action']}{conditions(row, self.knowledge)} {self._source(row)}"

    def _source(self, row: Row) -> str:
        text = cited(row, self.knowledge)
        return f"[{self.sources.setdefault(text, len(self.sources) + 1)}]"

    def _at(self, value: int | None) -> str:
        return moment(value, self.clock)


def _together(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of one item together, by topic."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda part: (_topic(part), part["plan"], part["item"], part["start"])):
        found.setdefault((row["plan"], row["item"], row["holds"]), []).append(row)
    return list(found.values())


def _topic(row: Row) -> int:
    return _TOPICS.index(row["topic"]) if row["topic"] in _TOPICS else len(_TOPICS)


def _is_on(row: Row) -> bool:
    return bool(row["start"] <= row["as_of"] and (row["end"] is None or row["as_of"] < row["end"]))


def _count(row: Row) -> str:
    return f" ({row['found']} of {row['needed']} done)" if row["needed"] and row["needed"] > 1 else ""
