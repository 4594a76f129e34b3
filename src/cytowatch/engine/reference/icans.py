"""ICANS by ASTCT 2019 over a span: episodes, bounds of the grade, and why (meaning page, section 6)."""

from __future__ import annotations

from cytowatch.engine.reference.chart import Chart, latest
from cytowatch.engine.reference.neuro import Moment, NeuroSigns
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.states import Episode, SignTimes, State, Walk, moments, once, walk_by_grade
from cytowatch.engine.reference.window import Span


class IcansWalker:
    """Goes through the record of one patient for ICANS."""

    def __init__(self, chart: Chart, span: Span) -> None:
        self.chart = chart
        self.span = span
        self.edges = chart.edges
        self.signs = NeuroSigns(chart)
        times = moments(chart.edges, (), span)
        self.sign_times = SignTimes(times, [self.graded(time) for time in times])

    def walk(self, first_number: int) -> Walk:
        """Goes through the span of a patient with a trigger."""
        return walk_by_grade(self, moments(self.chart.edges, (self.chart.rules.gap,), self.span), first_number)

    def graded(self, time: int) -> bool:
        """Whether a sign makes a grade at ``time``."""
        return self._at(time).low >= 1

    def free(self, time: int) -> bool:
        """Whether the patient is measured free of signs at ``time``."""
        return self._at(time).high == 0

    def _at(self, time: int) -> Moment:
        return self.signs.at(latest(self.chart.edges, time))

    def state(self, time: int) -> State:
        """What is said of a living patient at ``time``, episodes aside."""
        signs = self._at(time)
        missing: tuple[str, ...] = ()
        if signs.low < signs.high:
            missing = once(name for name, part in signs.missing if part.high > signs.low and part.low < part.high)
        criteria = tuple(f"{domain}_grade_{part.low}" for domain, part in signs.domains.items() if part.low >= 1)
        return State(signs.low, signs.high, criteria, missing, tuple(sorted(signs.flags)))

    def between(self, time: int) -> State:
        """Between two signs the grade is that of the moment, too."""
        return self.state(time)

    def finding(self, time: int) -> State:
        """What is seen at a moment of a patient without a trigger."""
        state = self.state(time)
        flags = tuple(sorted({*state.flags, "no_trigger"}))
        return State(None, None, state.criteria, ("no_trigger",), flags)

    def evidence(self, time: int, state: State, _: Episode | None) -> list[Row]:
        """The rows that make the criteria of a state certain at ``time``."""
        domains = self._at(time).domains
        named = {f"{domain}_grade_{part.low}": part for domain, part in domains.items()}
        return [row for criterion in state.criteria if criterion in named for row in named[criterion].rows]
