"""CRS by ASTCT 2019 over a span: episodes, bounds of the grade, and why (meaning page, section 5)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.chart import Chart, latest, latest_row
from cytowatch.engine.reference.crs_signs import MAP, OXYGEN_GRADES, SBP, CrsSigns, Signs
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.states import Deaths, Episode, SignTimes, State, Walk, moments
from cytowatch.engine.reference.window import Span

OPEN_FEVER = 1


class Phase(NamedTuple):
    """Where a moment stands with respect to an episode."""

    inside: bool = False
    # less than the gap since the last sign
    recent: bool = False
    fever_present: bool = False
    waived: bool = False

    @property
    def graded(self) -> bool:
        """Whether pressure and oxygen count for certain."""
        return self.inside and self.recent and (self.fever_present or self.waived)

    @property
    def stuck(self) -> bool:
        """Whether signs without a fever of the episode stand in the way."""
        return self.inside and self.recent and not (self.fever_present or self.waived)


def _free(signs: Signs) -> bool:
    return signs.fever is False and signs.h_hi == 0 and signs.o_hi == 0


def _free_by(signs: Signs, before: Signs | None) -> bool:
    """Measured free of signs at a moment or just before it."""
    return _free(signs) or (before is not None and _free(before))


class CrsWalker:
    """Goes through the record of one patient for CRS."""

    def __init__(self, chart: Chart, span: Span) -> None:
        self.chart = chart
        self.span = span
        self.edges = chart.edges
        self.signs = CrsSigns(chart, span.start)
        self.fever_times = [row.time for row in self.signs.fever_rows]
        times = moments(chart.edges, (), span)
        present = [(signs := self.signs.at(self._charted(time))).h_lo > 0 or signs.o_lo > 0 for time in times]
        self.sign_times = SignTimes(times, present)
        self.waiving = [row for drug in chart.rules.waived_by for row in chart.of(drug) if _given(row)]
        self.drug_lists = {
            "vasopressor": self.signs.counted,
            "vasopressin": self.signs.other_pressor,
            "multiple_vasopressors": self.signs.several,
        }

    def last_fever(self, time: int) -> int:
        """``time`` itself while a fever reading is in force, else the time of the latest one."""
        return time if self.signs.at(self._charted(time)).fever is True else latest(self.fever_times, time)

    def last_sign(self, time: int) -> int:
        """The latest fever or sign state at or before ``time``."""
        return max(self.last_fever(time), self.sign_times.last(time))

    def walk(self, first_number: int) -> Walk:
        """Goes through the span of a patient with a trigger."""
        rules, span = self.chart.rules, self.span
        deaths = Deaths(self.chart, span)
        walk = Walk([], [])
        episode: Episode | None = None
        perhaps = False
        before: Signs | None = None
        for time in moments(self.chart.edges, (rules.gap, rules.fever_gap), span):
            signs = self.signs.at(self._charted(time))
            if episode is not None and self._closes(time, signs, before) and not deaths.happened(time):
                episode.end, episode.last_sign, episode.closed = time, self._last_before(time), True
                episode = None
            if episode is None and signs.fever is True and not deaths.happened(time):
                episode = Episode(first_number + len(walk.episodes), time, self._episode_flags(time))
                walk.episodes.append(episode)
            if not deaths.happened(time):
                perhaps = self._perhaps(perhaps, time, signs, before)
            before = signs
            state = self._state(time, self._in_doubt(time, signs), episode, perhaps=perhaps)
            walk.states.append((time, deaths.over(state, time)))
        if episode is not None:
            episode.end, episode.last_sign = span.end, self._last_before(span.end)
        return walk

    def _in_doubt(self, time: int, signs: Signs) -> Signs:
        """The signs; for a day after what may have been a fever, a temperature below it says that of now only."""
        since = time - latest(self.signs.maybe_times, time)
        return signs._replace(fever=None) if signs.fever is False and since < self.chart.rules.fever_gap else signs

    def _perhaps(self, inside: bool, time: int, signs: Signs, before: Signs | None) -> bool:
        """Whether an episode goes on at ``time`` if every temperature that may have been a fever was one."""
        since = time - max(latest(self.signs.maybe_times, time), self.sign_times.last_before(time))
        over = since >= self.chart.rules.gap and _free_by(signs, before)
        return time in self.signs.maybe_times or (inside and not over)

    def _charted(self, time: int) -> int:
        """The latest moment at which anything charted changed: the signs are the same since."""
        return latest(self.chart.edges, time)

    def _last_before(self, end: int) -> int:
        return max(latest(self.fever_times, end - 1), self.sign_times.last_before(end))

    def _closes(self, time: int, signs: Signs, before: Signs | None) -> bool:
        """Long enough since the last sign before ``time``, and measured free of signs at it or just before it."""
        if time - self._last_before(time) < self.chart.rules.gap:
            return False
        return _free_by(signs, before)

    def _episode_flags(self, onset: int) -> tuple[str, ...]:
        lookback = self.chart.rules.fever_lookback
        before = any(self.span.start - lookback <= time < self.span.start for time in self.fever_times)
        return ("fever_before_trigger",) if before and onset - self.span.start < lookback else ()

    def _phase(self, time: int, episode: Episode | None) -> Phase:
        if episode is None:
            return Phase()
        rules = self.chart.rules
        return Phase(
            inside=True,
            recent=time - self.last_sign(time) < rules.gap,
            fever_present=time - self.last_fever(time) < rules.fever_gap,
            waived=any(_waives(row, episode.onset, time) for row in self.waiving),
        )

    def _state(self, time: int, signs: Signs, episode: Episode | None, *, perhaps: bool) -> State:
        phase = self._phase(time, episode)
        open_fever = signs.fever is None or (perhaps and not (phase.graded or phase.stuck))
        at_least, at_most = _bounds(phase, signs, open_fever=open_fever)
        flags = {*signs.flags, *(episode.flags if episode else ())}
        stuck = phase.stuck if phase.inside else True
        ungraded = stuck and signs.fever is False and (signs.h_lo > 0 or signs.o_lo > 0)
        if ungraded:
            flags.add("not_gradable")
        return State(
            at_least,
            at_most,
            _criteria(phase, signs),
            _missing(phase, signs, at_least, ungraded, open_fever=open_fever) if at_least < at_most else (),
            tuple(sorted(flags)),
            episode.number if episode else None,
        )

    def finding(self, time: int) -> State:
        """What is seen at a moment of a patient without a trigger."""
        signs = self.signs.at(self._charted(time))
        flags = tuple(sorted({*signs.flags, "no_trigger"}))
        return State(None, None, _criteria(Phase(), signs), ("no_trigger",), flags)

    def evidence(self, time: int, state: State, episode: Episode | None) -> list[Row]:
        """The rows that make the criteria of a state certain at ``time``."""
        found: list[Row] = []
        for criterion in state.criteria:
            found += self._rows(criterion, time, episode)
        return found

    def _rows(self, criterion: str, time: int, episode: Episode | None) -> list[Row]:
        if criterion == "fever":
            return latest_row([row for row in self.signs.fever_rows if row.time <= time])
        if criterion == "fever_waived":
            return latest_row([row for row in self.waiving if episode and _waives(row, episode.onset, time)])
        if criterion == "hypotension":
            low = [row for row, said in self.signs.pressures(time) if said]
            return [row for concept in (SBP, MAP) for row in low if row.concept == concept]
        if criterion in self.drug_lists:
            running = (self.chart.lane(drug).on(time) for drug in self.drug_lists[criterion])
            return [row for rows in running for row in latest_row(rows)]
        return self.signs.oxygen.evidence(time, criterion) if criterion in OXYGEN_GRADES else []


def _given(row: Row) -> bool:
    return row.value is None or row.value > 0


def _waives(row: Row, onset: int, time: int) -> bool:
    """Whether a dose makes fever unnecessary at ``time`` in an episode that began at ``onset``."""
    return row.time <= time and (row.time >= onset or (row.until is not None and row.until > onset))


def _bounds(phase: Phase, signs: Signs, *, open_fever: bool) -> tuple[int, int]:
    if phase.graded:
        return max(1, signs.h_lo, signs.o_lo), max(1, signs.h_hi, signs.o_hi)
    if phase.stuck:
        return 1, max(1, signs.h_hi, signs.o_hi)
    return 0, max(signs.h_hi, signs.o_hi, OPEN_FEVER if open_fever else 0)


def _criteria(phase: Phase, signs: Signs) -> tuple[str, ...]:
    fever = phase.fever_present if phase.inside else signs.fever is True
    first = {"fever": fever, "fever_waived": phase.waived}
    return (*(name for name, here in first.items() if here), *signs.certain)


def _at_home(signs: Signs) -> int:
    """What oxygen for a chronic reason may come to, where nobody charted how much the patient has at home."""
    told = signs.device_unclear or signs.flow_unclear
    return signs.o_hi if signs.home_unclear and not told and signs.o_hi > signs.o_lo else 0


def _missing(phase: Phase, signs: Signs, at_least: int, ungraded: bool, *, open_fever: bool) -> tuple[str, ...]:
    """What would settle the grade, in the order of the page, each only if it could raise it."""
    fever = 0
    if open_fever:
        fever = max(signs.h_lo, signs.o_lo) if phase.stuck else 0 if phase.graded else OPEN_FEVER
    potential = {
        "body_temperature": fever,
        "blood_pressure": 2 if signs.no_pressure else 0,
        "age": 2 if signs.age_needed else 0,
        "vasopressor_state": signs.h_hi if signs.drug_unknown and signs.h_hi >= 3 and signs.h_hi > signs.h_lo else 0,
        "oxygen_device": signs.o_hi if signs.device_unclear and signs.o_hi > signs.o_lo else 0,
        "oxygen_flow": 3 if signs.flow_unclear and signs.o_hi > signs.o_lo and signs.o_lo < 3 else 0,
        "attribution_hypotension": signs.h_lo if ungraded else 0,
        "attribution_hypoxia": max(signs.o_lo if ungraded else 0, _at_home(signs)),
    }
    return tuple(name for name, grade in potential.items() if grade > at_least)
