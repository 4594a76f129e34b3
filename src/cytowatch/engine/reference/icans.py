"""ICANS by ASTCT 2019 over a span: episodes, bounds of the grade, and why (meaning page, section 6)."""

from __future__ import annotations

from cytowatch.engine.reference.chart import Chart, latest
from cytowatch.engine.reference.neuro import Moment, NeuroSigns
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.states import Deaths, Episode, SignTimes, State, Walk, moments, once
from cytowatch.engine.reference.window import Span


class IcansWalker:
    """Goes through the record of one patient for ICANS."""

    def __init__(self, chart: Chart, span: Span) -> None:
        self.chart = chart
        self.span = span
        self.signs = NeuroSigns(chart)
        times = moments(chart.edges, (), span)
        self.sign_times = SignTimes(times, [self.signs.at(latest(chart.edges, time)).low >= 1 for time in times])

    def walk(self, first_number: int) -> Walk:
        """Goes through the span of a patient with a trigger."""
        span = self.span
        deaths = Deaths(self.chart, span)
        walk = Walk([], [])
        episode: Episode | None = None
        before: Moment | None = None
        for time in moments(self.chart.edges, (self.chart.rules.gap,), span):
            signs = self.signs.at(latest(self.chart.edges, time))
            if episode is not None and self._closes(time, signs, before) and not deaths.happened(time):
                episode.end, episode.last_sign, episode.closed = time, self.sign_times.last_before(time), True
                episode = None
            if episode is None and signs.low >= 1 and not deaths.happened(time):
                episode = Episode(first_number + len(walk.episodes), time, ())
                walk.episodes.append(episode)
            before = signs
            state = self._state(signs)._replace(episode=episode.number if episode else None)
            walk.states.append((time, deaths.over(state, time)))
        if episode is not None:
            episode.end, episode.last_sign = span.end, self.sign_times.last(span.end)
        return walk

    def _closes(self, time: int, signs: Moment, before: Moment | None) -> bool:
        if time - self.sign_times.last_before(time) < self.chart.rules.gap:
            return False
        return signs.high == 0 or (before is not None and before.high == 0)

    def _state(self, signs: Moment) -> State:
        missing: tuple[str, ...] = ()
        if signs.low < signs.high:
            missing = once(name for name, part in signs.missing if part.high > signs.low and part.low < part.high)
        criteria = tuple(f"{domain}_grade_{part.low}" for domain, part in signs.domains.items() if part.low >= 1)
        return State(signs.low, signs.high, criteria, missing, tuple(sorted(signs.flags)))

    def finding(self, time: int) -> State:
        """What is seen at a moment of a patient without a trigger."""
        state = self._state(self.signs.at(latest(self.chart.edges, time)))
        flags = tuple(sorted({*state.flags, "no_trigger"}))
        return State(None, None, state.criteria, ("no_trigger",), flags)

    def evidence(self, time: int, state: State, _: Episode | None) -> list[Row]:
        """The rows that make the criteria of a state certain at ``time``."""
        domains = self.signs.at(latest(self.chart.edges, time)).domains
        named = {f"{domain}_grade_{part.low}": part for domain, part in domains.items()}
        return [row for criterion in state.criteria if criterion in named for row in named[criterion].rows]
