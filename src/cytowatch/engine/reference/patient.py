"""One patient from admitted rows to rows of timeline and episodes (meaning page, section 7)."""

from __future__ import annotations

from typing import Any

from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.crs import CrsWalker
from cytowatch.engine.reference.icans import IcansWalker
from cytowatch.engine.reference.rows import Row, Subject, age_at
from cytowatch.engine.reference.rule_walker import RuleWalker
from cytowatch.engine.reference.rules import Rules
from cytowatch.engine.reference.settle import counting, is_in_doubt, settle, standing
from cytowatch.engine.reference.states import Deaths, Episode, Found, Options, State, Walker, moments, once
from cytowatch.engine.reference.window import Span, Trigger, assumed, known_until, spans, triggers, whole_record
from cytowatch.schema import DAY_US, HOUR_US

Change = tuple[int, int, State]


def grade_patient(admitted: list[Row], subject: Subject, rules: Rules, options: Options, found: Found) -> None:
    """Adds what the rows of one patient say to ``found``."""
    counted = counting(admitted, options.as_of)
    rows, superseded = settle(counted, rules.knowledge.concepts)
    found.superseded += superseded
    if not rows:
        return
    exposures = triggers(rows, rules)
    taken_for_granted = not exposures and options.assume_trigger is not None
    if taken_for_granted and options.assume_trigger is not None:
        exposures = [assumed(rows[0].time, options.assume_trigger, rules)]
    known = known_until(standing(counted, rules.knowledge.concepts), rules)
    first = min((part.time for part in exposures), default=rows[0].time)
    chart = Chart(rows, rules, subject, age_at(subject, first, options.clock), options.not_recorded)
    anywhere = rules.scale.watch == "record"
    flags = ("assumed_trigger",) if taken_for_granted and not anywhere else ()
    watched = (
        whole_record(rows, known, rules, options.as_of)
        if anywhere
        else spans(exposures, rows, known, rules, options.as_of)
    )
    number = 1
    for span in watched:
        number += Writer(_walker(chart, span, exposures), exposures, flags, found).graded(number)
    if not exposures and not anywhere:
        whole = Span(rows[0].time, known if options.as_of is None else min(known, options.as_of))
        if whole.start < whole.end:
            Writer(_walker(chart, whole, exposures), exposures, flags, found).findings()


def _walker(chart: Chart, span: Span, exposures: list[Trigger]) -> Walker:
    if chart.rules.scale.method == "rules":
        return RuleWalker(chart, span, exposures)
    return CrsWalker(chart, span) if chart.rules.scale.method == "fever_led" else IcansWalker(chart, span)


class Writer:
    """Turns the states of one span into rows of the tables."""

    def __init__(self, walker: Walker, exposures: list[Trigger], flags: tuple[str, ...], found: Found) -> None:
        self.names = {"patient": walker.chart.rows[0].patient, "scale": walker.chart.rules.scale.id}
        self.walker = walker
        self.chart, self.span = walker.chart, walker.span
        self.deaths = Deaths(walker.chart, walker.span)
        self.exposures = exposures
        self.flags = flags
        self.found = found

    def findings(self) -> None:
        """The rows of a patient without a trigger."""
        states = []
        for time in moments(self.walker.edges, (), self.span):
            state = self.walker.finding(time)
            after = self.deaths.over(state, time)
            states.append((time, state._replace(criteria=after.criteria, flags=after.flags)))
        self._rows(states, [])

    def graded(self, first_number: int) -> int:
        """The rows and the episodes of the span, numbered on; returns how many episodes there were."""
        states, episodes = self.walker.walk(first_number)
        changes = self._rows(states, episodes)
        for episode in episodes:
            self.found.episodes.append(self.names | self._episode(episode, changes))
        return len(episodes)

    def _rows(self, states: list[tuple[int, State]], episodes: list[Episode]) -> list[Change]:
        changes = merged(self.span, states)
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
        if self.deaths.own is not None and self.deaths.criterion in state.criteria:
            return [self.deaths.own]
        return self.walker.evidence(time, state, episode)

    def _episode(self, episode: Episode, changes: list[Change]) -> dict[str, Any]:
        own = [(start, state) for start, _, state in changes if state.episode == episode.number]
        worst = max(state.at_least or 0 for _, state in own)
        exposure = self._exposure(episode.onset)
        died = self.deaths.first
        last_sign = max(episode.onset, episode.last_sign if died is None else min(episode.last_sign, died))
        resolved = last_sign if episode.closed else None
        return {
            "episode": episode.number,
            "onset": episode.onset,
            "last_sign": last_sign,
            "resolved": resolved,
            "state": self._outcome(episode),
            "max_at_least": worst,
            "max_at_most": max(state.at_most or 0 for _, state in own),
            "time_of_max": next(start for start, state in own if state.at_least == worst),
            "hours": None if resolved is None else round((resolved - episode.onset) / HOUR_US, 9),
            "tocilizumab_doses": len(self._doses(("tocilizumab",), episode)),
            **self._since(exposure, episode),
            "recurrent": episode.number > 1,
            "flags": sorted(
                {*episode.flags, *self.flags, *self._before_onset(episode.onset), *self._in_doubt(episode)}
            ),
        }

    def _outcome(self, episode: Episode) -> str:
        if episode.closed:
            return "resolved"
        if self.deaths.first is not None:
            return "died"
        return "ongoing" if self.span.end - episode.last_sign < self.chart.rules.gap else "unknown"

    def _since(self, exposure: Trigger | None, episode: Episode) -> dict[str, Any]:
        """The columns that count from the exposure; all empty without one."""
        if exposure is None:
            return dict.fromkeys(("exposure", "exposure_time", "days_from_exposure", "steroid_days"))
        steroids = self._doses(self.chart.rules.steroids, episode)
        return {
            "exposure": exposure.product,
            "exposure_time": exposure.time,
            "days_from_exposure": round((episode.onset - exposure.time) / DAY_US, 9),
            "steroid_days": len({(row.time - exposure.time) // DAY_US for row in steroids}),
        }

    def _exposure(self, onset: int) -> Trigger | None:
        last = max((part.time for part in self.exposures if part.time <= onset), default=None)
        if last is None:
            return None
        together = [part for part in self.exposures if part.time == last]
        return min(together, key=lambda part: (part.product is None, part.product or ""))

    def _doses(self, drugs: tuple[str, ...], episode: Episode) -> list[Row]:
        given = [row for drug in drugs for row in self.chart.of(drug) if row.value is None or row.value > 0]
        return [row for row in given if episode.onset <= row.time <= episode.end and row.time < self.span.end]

    def _in_doubt(self, episode: Episode) -> tuple[str, ...]:
        """The flag that a dose which counts, or waives, could not be read."""
        rules = self.chart.rules
        rows = [row for drug in {"tocilizumab", *rules.steroids, *rules.waived_by} for row in self.chart.of(drug)]
        here = [row for row in rows if episode.onset <= row.time <= episode.end and row.time < self.span.end]
        return ("dose_in_doubt",) if any(is_in_doubt(row, "dose") for row in here) else ()

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
