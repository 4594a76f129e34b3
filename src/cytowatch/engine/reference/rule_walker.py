"""A rule scale over a span: bounds of the grade from the criteria, and why (rule page, section 4)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.chart import Chart, latest
from cytowatch.engine.reference.rows import Row
from cytowatch.engine.reference.rule_axes import Axis
from cytowatch.engine.reference.rule_nodes import Grower
from cytowatch.engine.reference.rule_parts import Part, Record, Truth
from cytowatch.engine.reference.states import RECALLED_FLAG, Episode, SignTimes, State, Walk, moments, walk_by_grade
from cytowatch.engine.reference.window import Span, Trigger
from cytowatch.knowledge.model import Criterion

RECALLED = "recalled"


class Sign(NamedTuple):
    """One criterion, its axis, and its tree."""

    criterion: Criterion
    axis: Axis
    part: Part


class Moment(NamedTuple):
    """What a moment says, what it says between the signs of an episode, and whether nothing keeps one open."""

    state: State
    between: State
    free: bool


class RuleWalker:
    """Goes through the record of one patient for one rule scale."""

    def __init__(self, chart: Chart, span: Span, exposures: list[Trigger]) -> None:
        self.chart = chart
        self.span = span
        scale = chart.rules.scale
        grower = Grower(Record(chart, span, exposures))
        self.axes = {domain.id: Axis(domain, chart) for domain in scale.domains}
        self.signs = [Sign(part, self.axes[part.domain], grower.grow(part.when)) for part in scale.criteria]
        self.flags = [(rule.id, grower.grow(rule.when)) for rule in scale.flag_rules]
        parts = [*(sign.part for sign in self.signs), *(part for _, part in self.flags)]
        self.edges = sorted({span.start, *chart.edges, *(edge for part in parts for edge in part.edges)})
        self._known: dict[int, Moment] = {}
        times = moments(self.edges, (), span)
        self.sign_times = SignTimes(times, [self.graded(time) for time in times])

    def walk(self, first_number: int) -> Walk:
        """Goes through a span that is graded."""
        return walk_by_grade(self, moments(self.edges, (self.chart.rules.gap,), self.span), first_number)

    def graded(self, time: int) -> bool:
        """Whether a criterion makes a grade at ``time``."""
        return (self.state(time).at_least or 0) >= 1

    def free(self, time: int) -> bool:
        """Whether nothing keeps an episode open at ``time``."""
        return self._at(time).free

    def state(self, time: int) -> State:
        """What is said of a living patient at ``time``, episodes aside."""
        return self._at(time).state

    def between(self, time: int) -> State:
        """What is said inside an episode while its last sign is less than a day old: no less than the floor."""
        return self._at(time).between

    def finding(self, time: int) -> State:
        """What is seen at a moment of a patient without a trigger."""
        state = self.state(time)
        return State(None, None, state.criteria, ("no_trigger",), tuple(sorted({*state.flags, "no_trigger"})))

    def evidence(self, time: int, state: State, _: Episode | None) -> list[Row]:
        """The rows of the criteria that are certain."""
        return [row for sign in self.signs if sign.criterion.id in state.criteria for row in sign.part.rows(time)]

    def _at(self, time: int) -> Moment:
        """A moment is as the latest one at which anything may have changed."""
        charted = latest(self.edges, time)
        if charted not in self._known:
            self._known[charted] = self.read(charted)
        return self._known[charted]

    def read(self, time: int) -> Moment:
        """What the moment itself says."""
        truths = [sign.axis.truth(sign.part, time) for sign in self.signs]
        lows = {axis: self._highest(axis, [truth.certain for truth in truths]) for axis in self.axes}
        highs = {axis: self._highest(axis, [truth.possible for truth in truths]) for axis in self.axes}
        at_least, at_most = self._total(lows), self._total(highs)
        certain = [sign.criterion for sign, truth in zip(self.signs, truths, strict=True) if truth.certain]
        held_open = max((highs[name] for name, axis in self.axes.items() if axis.domain.holds_open), default=0)
        between = max(at_least, self.chart.rules.scale.episode.floor)
        state = State(
            at_least,
            at_most,
            tuple(criterion.id for criterion in certain),
            self._missing(time, truths, lows, at_least) if at_least < at_most else (),
            self._flags(time, certain),
        )
        held = state._replace(
            at_least=between,
            at_most=max(at_most, between),
            missing=self._missing(time, truths, lows, between) if between < at_most else (),
        )
        return Moment(state, held, at_least == 0 and held_open == 0)

    def _highest(self, axis: str, counting: list[bool]) -> int:
        pairs = zip(self.signs, counting, strict=True)
        return max((sign.criterion.grade for sign, here in pairs if here and sign.axis.domain.id == axis), default=0)

    def _total(self, grades: dict[str, int]) -> int:
        return sum(grades.values()) if self.chart.rules.scale.scoring == "sum" else max(grades.values(), default=0)

    def _missing(self, time: int, truths: list[Truth], lows: dict[str, int], at_least: int) -> tuple[str, ...]:
        summed = self.chart.rules.scale.scoring == "sum"
        names: list[str] = []
        for sign, truth in zip(self.signs, truths, strict=True):
            reached = lows[sign.criterion.domain] if summed else at_least
            if truth.open and sign.criterion.grade > reached:
                names += sign.axis.names(sign.part, time)
        return tuple(sorted(set(names)))

    def _flags(self, time: int, certain: list[Criterion]) -> tuple[str, ...]:
        found = {flag for flag, part in self.flags if part.truth(time).certain}
        if any(criterion.evidence == RECALLED for criterion in certain):
            found.add(RECALLED_FLAG)
        if any(sign.axis.counts(time) == "never" and sign.part.truth(time).certain for sign in self.signs):
            found.add("attributed_elsewhere")
        return tuple(sorted(found))
