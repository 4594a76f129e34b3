"""One patient's settled rows, ready to be asked what is in force at a moment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from cytowatch.engine.reference import lanes
from cytowatch.engine.reference.lanes import Lane
from cytowatch.engine.reference.rows import LONG_AGO, Age, Row, Subject
from cytowatch.engine.reference.rules import Rules
from cytowatch.engine.reference.settle import UNREAD


class Chart:
    """The settled rows of one patient by concept, and the lanes made of them on demand."""

    def __init__(
        self, rows: list[Row], rules: Rules, subject: Subject, age: Age | None, not_recorded: frozenset[str]
    ) -> None:
        self.rows = rows
        self.rules = rules
        self.subject = subject
        self.age = age
        self.not_recorded = not_recorded
        self.by_concept: dict[str, list[Row]] = {}
        for row in rows:
            self.by_concept.setdefault(row.concept, []).append(row)
        self._lanes: dict[str, Lane] = {}
        self.edges = self._edges()

    def _edges(self) -> list[int]:
        """Every moment at which anything charted can begin or cease to speak."""
        found: set[int] = set()
        for row in self.rows:
            found.update((row.time, row.time + self.rules.valid_for(row.concept)))
            if row.until is not None:
                found.add(row.until)
        return sorted(found)

    def of(self, concept: str) -> list[Row]:
        """The settled rows of one concept by time, source and number."""
        return self.by_concept.get(concept, [])

    def lane(self, concept: str) -> Lane:
        """When each row of a concept speaks, by the concept's kind."""
        if concept not in self._lanes:
            self._lanes[concept] = self._made(concept)
        return self._lanes[concept]

    def keep(self, name: str, lane: Lane) -> None:
        """Remembers a lane that follows a rule of its own."""
        self._lanes[name] = lane

    def _made(self, concept: str) -> Lane:
        rows = self.of(concept)
        if not rows:
            return Lane([])
        kind = self.rules.concept(concept).kind
        if kind in ("attribution", "switch"):
            return lanes.standing(rows)
        make = {
            "infusion": lanes.infusions,
            "device": lanes.devices,
            "exception": lanes.findings,
            "reading": lanes.readings,
        }[kind]
        return make(rows, self.rules.valid_for(concept))

    def on(self, concept: str, time: int) -> bool:
        """Whether a drug or device runs for certain."""
        return bool(self.lane(concept).on(time))

    def unknown(self, concept: str, time: int) -> bool:
        """Whether a drug or device may run, but not for certain."""
        if self.on(concept, time):
            return False
        return concept in self.not_recorded or self.lane(concept).unknown(time)

    def said(self, concept: str, time: int) -> bool:
        """Whether a symptom or an unread finding says the concept, and no row of the concept has answered it."""
        symptoms = self.rules.contradicted_by.get(concept, ())
        told = [row for row in self.of("symptom") if row.text in symptoms]
        return bool(self._unanswered(concept, "told", told, time)) or bool(self.unread(concept, time))

    def unread(self, concept: str, time: int) -> list[Row]:
        """Rows of the concept that could not be read, as long as no row of it has answered them."""
        return self._unanswered(concept, "unread", [row for row in self.of(UNREAD) if row.text == concept], time)

    def _unanswered(self, concept: str, kind: str, rows: list[Row], time: int) -> list[Row]:
        name = f"{concept}, {kind}"
        if name not in self._lanes:
            told = lanes.said(rows, self.rules.valid_for("symptom"))
            self.keep(name, lanes.until_answered(told, self.of(concept)))
        return self.lane(name).on(time)

    def sedated(self, time: int) -> bool:
        """Whether the patient is charted as sedated."""
        return any(row.text == "yes" for row in self.lane("sedated").on(time))

    def elsewhere(self, concept: str, time: int) -> bool:
        """Whether someone put the sign of ``concept`` down to another cause."""
        for name in (concept, "attribution"):
            said = self.lane(name).at(time)
            if said:
                # two opinions of one time: the sign counts as soon as one of them says so
                return all(part.row.text != "crs" for part in said)
        return False


def latest_row(rows: list[Row]) -> list[Row]:
    """The latest of the rows, of one time the one with the smallest source; empty if there is none."""
    return [min(rows, key=lambda row: (-row.time, row.source))] if rows else []


def looked_since(finding: Lane, charted: list[int], time: int) -> bool:
    """Whether someone looked at the patient (at one of the sorted times) since a finding ceased to speak."""
    expiry = max((part.end for part in finding.spoken if part.state == "on" and part.start <= time), default=None)
    return bool(charted) and any_between(charted, charted[0] if expiry is None else expiry, time)


def latest(times: list[int], time: int) -> int:
    """The latest of the sorted ``times`` at or before ``time``."""
    index = bisect_right(times, time)
    return times[index - 1] if index else LONG_AGO


def any_between(times: list[int], start: int, end: int) -> bool:
    """Whether one of the sorted ``times`` lies in [start, end]."""
    return bisect_left(times, start) < bisect_right(times, end)
