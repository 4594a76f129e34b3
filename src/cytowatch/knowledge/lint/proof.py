"""Proves a scale by going through every state that its cut-offs make: complete, ordered, reachable, unambiguous."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import pairwise

from cytowatch.knowledge.lint.finding import Finding, Findings, Place
from cytowatch.knowledge.lint.logic import OTHER, ROOM_AIR, Special, Truth, Value, contradicts, leaves
from cytowatch.knowledge.lint.scores import score_ranges
from cytowatch.knowledge.lint.states import Axis, Space, spaces
from cytowatch.knowledge.model import Compare, Criterion, Domain, Knowledge, Running, Scale

States = dict[tuple[Value, ...], "Outcome"]
Range = tuple[int, int]


class Outcome:
    """What a space's criteria say in one state, and what they take for granted there."""

    __slots__ = ("granted", "is_settled", "truths")

    def __init__(self, space: Space, state: tuple[Value, ...]) -> None:
        named = space.named(state)
        logic = space.logic
        self.truths: tuple[Truth, ...] = tuple(logic.truth(part.when, named) for part in space.criteria)
        self.granted = tuple(logic.granted(part.when, named) for part in space.criteria)
        # a reading that implies a device nobody charted leaves something open, although all that is charted is known
        without = [
            leaf for part in space.criteria for leaf in leaves(part.when) if isinstance(leaf, Compare) and leaf.without
        ]
        self.is_settled = space.is_known(state) and not any(logic.truth(leaf, named)[0] for leaf in without)

    def bounds(self, criteria: tuple[Criterion, ...]) -> Range:
        """The highest grade that is certain, and the highest that is not excluded."""
        pairs = list(zip(criteria, self.truths, strict=True))
        return (
            max((part.grade for part, (sure, _) in pairs if sure), default=0),
            max((part.grade for part, (_, open_) in pairs if open_), default=0),
        )


def prove(scale: Scale, knowledge: Knowledge) -> Findings:
    """Every proof of one scale whose references are sound."""
    found: list[Finding] = []
    all_ranges, settled_ranges = [], []
    for domain in scale.domains:
        criteria = [part for part in scale.criteria if part.domain == domain.id]
        studied = [(space, _study(space)) for space in spaces(criteria, knowledge)]
        for space, states in studied:
            found += _prove_space(scale, space, states)
        everything, settled = domain_ranges(domain, studied, knowledge)
        found += _prove_domain(scale, domain, settled)
        all_ranges.append(everything)
        settled_ranges.append(_opened(scale, domain, settled))
    yield from found
    yield from _prove_scale(scale, reduce(worst, all_ranges, {(0, 0)}), reduce(worst, settled_ranges, {(0, 0)}))


def _study(space: Space) -> States:
    return {state: Outcome(space, state) for state in space.states()}


def domain_ranges(
    domain: Domain, studied: list[tuple[Space, States]], knowledge: Knowledge
) -> tuple[set[Range], set[Range]]:
    """The grades (lowest, highest) that a domain can make: in every state, and in states where nothing is missing."""
    everything, settled = score_ranges(domain, knowledge)
    for space, states in studied:
        everything = worst(everything, {one.bounds(space.criteria) for one in states.values()})
        settled = worst(settled, {one.bounds(space.criteria) for one in states.values() if one.is_settled})
    return everything, settled


def worst(left: Iterable[Range], right: Iterable[Range]) -> set[Range]:
    """Every pair of the two sets, the worse of each bound."""
    right = set(right)
    return {(max(a[0], b[0]), max(a[1], b[1])) for a in set(left) for b in right}


def _opened(scale: Scale, domain: Domain, settled: set[Range]) -> set[Range]:
    """A scale that opens with a sign grades nothing while that sign is absent."""
    opening = next((part for part in scale.criteria if part.id == scale.episode.opens_with), None)
    if opening is None or opening.domain != domain.id:
        return settled
    return {pair for pair in settled if pair[0] >= opening.grade}


# ---------------------------------------------------------------- criteria that read the same things


def _prove_space(scale: Scale, space: Space, states: States) -> Findings:
    for number, criterion in enumerate(space.criteria):
        place = Place(scale.file, f"criterion.{criterion.id}")
        yield from _prove_criterion(place, number, space, states)
        yield from _prove_use(place, number, space, states)
    yield from _prove_ladder(scale, space, states)
    yield from _prove_order_of_categories(scale, space, states)


def _prove_criterion(place: Place, number: int, space: Space, states: States) -> Findings:
    """One finding at most of each kind, with the first state that shows it."""
    for state, one in states.items():
        sure, open_ = one.truths[number]
        if sure and not open_:
            yield place.error("when", f"It is certain and excluded at once: {space.shown(state)}.")
            return
        if one.is_settled and sure != open_:
            hint = "Write the condition so that it is decided once everything it reads is known."
            yield place.error("when", f"Nothing is unknown and it is not decided: {space.shown(state)}.", hint)
            return
    for name, problem, hint in (
        ("may_be", "Learning more takes back what was said", "What is certain must stay so, what is excluded too."),
        ("worse", "A worse value lowers the grade", "Look at the operator, the cut-off, and `worse` of the concept."),
    ):
        found = next(_broken(name, number, space, states), None)
        if found is not None:
            before, after = (space.shown(state) for state in found)
            yield place.error("when", f"{problem}: from {before} to {after}.", hint)


def _broken(name: str, number: int, space: Space, states: States) -> Iterator[tuple[tuple[Value, ...], ...]]:
    for state, one in states.items():
        for after in _steps(name, state, space.axes):
            other = states[after]
            if not contradicts(one.granted[number], other.granted[number]):
                (sure, open_), (sure_after, open_after) = one.truths[number], other.truths[number]
                excluded_late = open_after and not open_
                if (sure and not sure_after) or (excluded_late if name == "may_be" else open_ and not open_after):
                    yield state, after


def _steps(name: str, state: tuple[Value, ...], axes: tuple[Axis, ...]) -> Iterator[tuple[Value, ...]]:
    for place, axis in enumerate(axes):
        ways = axis.may_be if name == "may_be" else axis.worse
        for value in ways.get(state[place], ()):
            yield (*state[:place], value, *state[place + 1 :])


def _prove_use(place: Place, number: int, space: Space, states: States) -> Findings:
    grade = space.criteria[number].grade
    met = [one for one in states.values() if one.truths[number][0]]
    if not met:
        yield place.error(
            "when", "It is never met, whatever is charted.", "Look at the cut-off and the plausible range."
        )
    elif not any(one.bounds(space.criteria)[0] == grade for one in met):
        yield place.error(
            "grade", "It never makes the grade: wherever it is met, another one is worse.", "Take it out."
        )


def _prove_ladder(scale: Scale, space: Space, states: States) -> Findings:
    """Of criteria that read the same things, one with a higher grade implies one with a lower."""
    for high, upper in enumerate(space.criteria):
        for low, lower in enumerate(space.criteria):
            if upper.grade > lower.grade and set(_read(upper)) == set(_read(lower)):
                found = next((state for state, one in states.items() if _skips(one, high, low)), None)
                if found is not None:
                    text = f"It is met where `{lower.id}`, of a lower grade, is not: {space.shown(found)}."
                    hint = "A worse degree contains the milder one; look at the order of grades and at both lists."
                    yield Place(scale.file, f"criterion.{upper.id}").error("when", text, hint)


def _read(criterion: Criterion) -> Iterator[str]:
    for leaf in leaves(criterion.when):
        yield from leaf.concepts if isinstance(leaf, Running) else (leaf.concept,)


def _skips(one: Outcome, high: int, low: int) -> bool:
    return any(one.truths[high][part] and not one.truths[low][part] for part in (0, 1))


def _prove_order_of_categories(scale: Scale, space: Space, states: States) -> Findings:
    """Of two categories of a device, with nothing else known, the later one is never milder."""
    for place, axis in enumerate(space.axes):
        if Special.OFF not in axis.values:
            continue
        blank = tuple(Special.UNKNOWN if Special.UNKNOWN in other.values else other.values[0] for other in space.axes)
        named = [value for value in axis.values if isinstance(value, str) and value not in {ROOM_AIR, OTHER}]
        grades = {v: states[(*blank[:place], v, *blank[place + 1 :])].bounds(space.criteria)[0] for v in named}
        for earlier, later in pairwise(named):
            if grades[later] < grades[earlier]:
                text = (
                    f"`{later}` makes grade {grades[later]} and `{earlier}` grade {grades[earlier]}, "
                    f"but `{axis.name}` lists `{later}` as worse."
                )
                table = f"domain.{space.criteria[0].domain}"
                yield Place(scale.file, table).error(axis.name, text, "Order the categories, or correct the criteria.")


# ---------------------------------------------------------------- a domain, and the scale


def _prove_domain(scale: Scale, domain: Domain, settled: set[Range]) -> Findings:
    place = Place(scale.file, f"domain.{domain.id}")
    if not any(pair == (0, 0) for pair in settled):
        yield place.error("id", "No known state of it is grade 0: nobody could ever be well.")
    for low, high in sorted(settled):
        if low != high:
            yield place.error("id", f"A state in which nothing is unknown has the grades {low} to {high}.")


def _prove_scale(scale: Scale, everything: set[Range], settled: set[Range]) -> Findings:
    place = Place(scale.file, "grades")
    for low, high in sorted(everything):
        if low > high:
            yield place.error(str(low), f"at_least {low} lies above at_most {high} in some state.")
    reached = {low for low, high in settled if low == high} | {max(scale.grades)}
    for grade in scale.grades:
        if grade not in reached:
            yield place.error(
                str(grade), f"No state reaches grade {grade}.", "A criterion, band or category must make it."
            )
    for grade in sorted(reached - {0} - set(scale.grades)):
        yield place.error(str(grade), f"Grade {grade} can be reached and has no meaning here.", "Say what it means.")
