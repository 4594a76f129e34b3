"""One patient from admitted rows to rows of timeline and episodes (meaning page, section 7)."""

from __future__ import annotations

from typing import Any

from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.crs import CrsWalker
from cytowatch.engine.reference.icans import IcansWalker
from cytowatch.engine.reference.rows import Row, Subject, age_at
from cytowatch.engine.reference.rules import Rules
from cytowatch.engine.reference.settle import counting, settle
from cytowatch.engine.reference.states import Deaths, Episode, Found, Options, State, Walk, Walker, moments, once
from cytowatch.engine.reference.window import Span, Trigger, assumed, known_until, spans, triggers
from cytowatch.schema import DAY_US, HOUR_US

Change = tuple[int, int, State]


def grade_patient(admitted: list[Row], subject: Subject, rules: Rules, options: Options, found: Found) -> None:
    """Adds what the rows of one patient say to ``found``."""
    known = counting(admitted, options.as_of)
    rows, superseded = settle(known, rules.knowledge.concepts)
    found.superseded += superseded
    if not rows:
        return
    exposures = triggers(rows, rules)
    taken_for_granted = not exposures and options.assume_trigger is not None
    if taken_for_granted and options.assume_trigger is not None:
        exposures = [assumed(min(row.time for row in known), options.assume_trigger, rules)]
    first = min((part.time for part in exposures), default=rows[0].time)
    chart = Chart(rows, rules, subject, age_at(subject, first, options.clock), options.not_recorded)
    walker: Walker = CrsWalker(chart) if rules.scale.family == "crs" else IcansWalker(chart)
    writer = Writer(walker, exposures, ("assumed_trigger",) if taken_for_granted else (), found)
    if not exposures:
        writer.findings(options.as_of)
        return
    number = 1
    for span in spans(exposures, rows, rules, options.as_of):
        number += writer.span(walker.walk(span, number))


class Writer:
    """Turns states into rows of the tables."""

    def __init__(self, walker: Walker, exposures: list[Trigger], flags: tuple[str, ...], found: Found) -> None:
        self.names = {"patient": walker.chart.rows[0].patient, "scale": walker.chart.rules.scale.id}
        self.walker = walker
        self.chart = walker.chart
        self.exposures = exposures
        self.flags = flags
        self.found = found

    def findings(self, as_of: int | None) -> None:
        """The rows of a patient without a trigger."""
        end = known_until(self.chart.rows, self.chart.rules)
        span = Span(self.chart.rows[0].time, end if as_of is None else min(end, as_of))
        deaths = Deaths(self.chart, span)
        states = []
        for time in moments(self.chart.edges, (), span):
            state = self.walker.finding(time)
            if deaths.happened(time):
                state = state._replace(criteria=deaths.over(state, time).criteria)
            states.append((time, state))
        self._rows(span, states, [])

    def span(self, walk: Walk) -> int:
        """The rows and the episodes of one span; returns how many episodes there were."""
        changes = self._rows(walk.span, walk.states, walk.episodes)
        for episode in walk.episodes:
            self.found.episodes.append(self.names | self._episode(episode, walk.span, changes))
        return len(walk.episodes)

    def _rows(self, span: Span, states: list[tuple[int, State]], episodes: list[Episode]) -> list[Change]:
        changes = merged(span, states)
        by_number = {episode.number: episode for episode in episodes}
        for start, end, state in changes:
            episode = by_number.get(state.episode) if state.episode is not None else None
            self.found.timeline.append(self.names | self._row(start, end, state, episode))
        return changes

    def _row(self, start: int, end: int, state: State, episode: Episode | None) -> dict[str, Any]:
        return {
            "start": start,
            "end": end,
            "grade": state.at_least if state.at_least == state.at_most else None,
            "at_least": state.at_least,
            "at_most": state.at_most,
            "criteria": list(state.criteria),
            "missing": list(state.missing),
            "flags": sorted({*state.flags, *self.flags}),
            "evidence": list(once(row.source for row in self._evidence(start, state, episode))),
            "episode": state.episode,
        }

    def _evidence(self, time: int, state: State, episode: Episode | None) -> list[Row]:
        rule = self.chart.rules.scale.episode
        if rule.death_criterion in state.criteria:
            dead = [row for row in self.chart.of("death") if row.text == rule.death_cause and row.time <= time]
            return dead[-1:]
        return self.walker.evidence(time, state, episode)

    def _episode(self, episode: Episode, span: Span, changes: list[Change]) -> dict[str, Any]:
        own = [(start, state) for start, _, state in changes if state.episode == episode.number]
        worst = max(state.at_least or 0 for _, state in own)
        exposure = self._exposure(episode.onset)
        steroids = self._doses(self.chart.rules.steroids, episode)
        resolved = episode.last_sign if episode.closed else None
        return {
            "episode": episode.number,
            "onset": episode.onset,
            "last_sign": episode.last_sign,
            "resolved": resolved,
            "state": self._outcome(episode, span),
            "max_at_least": worst,
            "max_at_most": max(state.at_most or 0 for _, state in own),
            "time_of_max": next(start for start, state in own if state.at_least == worst),
            "hours": None if resolved is None else (resolved - episode.onset) / HOUR_US,
            "exposure": exposure.product,
            "exposure_time": exposure.time,
            "days_from_exposure": (episode.onset - exposure.time) / DAY_US,
            "tocilizumab_doses": len(self._doses(("tocilizumab",), episode)),
            "steroid_days": len({(row.time - exposure.time) // DAY_US for row in steroids}),
            "recurrent": episode.number > 1,
            "flags": sorted({*episode.flags, *self.flags, *self._before_onset(episode.onset)}),
        }

    def _outcome(self, episode: Episode, span: Span) -> str:
        if episode.closed:
            return "resolved"
        return "ongoing" if span.end - episode.last_sign < self.chart.rules.gap else "unknown"

    def _exposure(self, onset: int) -> Trigger:
        last = max(part.time for part in self.exposures if part.time <= onset)
        together = [part for part in self.exposures if part.time == last]
        return min(together, key=lambda part: (part.product is None, part.product or ""))

    def _doses(self, drugs: tuple[str, ...], episode: Episode) -> list[Row]:
        given = [row for drug in drugs for row in self.chart.of(drug) if row.value is None or row.value > 0]
        return [row for row in given if episode.onset <= row.time <= episode.end]

    def _before_onset(self, onset: int) -> tuple[str, ...]:
        waiving = [row for drug in self.chart.rules.waived_by for row in self.chart.of(drug)]
        given = [row for row in waiving if row.value is None or row.value > 0]
        early = any(onset - self.chart.rules.dose_lookback <= row.time < onset for row in given)
        return ("antipyretic_before_onset",) if early else ()


def merged(span: Span, states: list[tuple[int, State]]) -> list[Change]:
    """Equal neighbors joined: start, end and state of each row."""
    changes: list[Change] = []
    ends = [time for time, _ in states[1:]] + [span.end]
    for (start, state), end in zip(states, ends, strict=True):
        if changes and changes[-1][2] == state:
            changes[-1] = (changes[-1][0], end, state)
        else:
            changes.append((start, end, state))
    return changes
