"""Proves a rule scale: each condition decided by facts, never taking back what was said, every grade within reach."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.lint.finding import Findings, Place, place_in
from cytowatch.knowledge.lint.rule_order import grade_falls
from cytowatch.knowledge.lint.rule_reach import Reach, combined, components, reach_of
from cytowatch.knowledge.lint.rule_space import Field, Product, Space, State, field_of
from cytowatch.knowledge.lint.rule_study import is_small, products, sample, taken_back, taken_back_in_sample
from cytowatch.knowledge.lint.rule_tree import is_left_open, nested
from cytowatch.knowledge.lint.rule_witness import witness
from cytowatch.knowledge.model import Criterion, Knowledge, Node, Scale


def prove_rules(scale: Scale, knowledge: Knowledge) -> Findings:
    """Every proof of one scale whose references are sound."""
    for criterion in scale.criteria:
        yield from _prove_condition(place_in(scale, f"criterion.{criterion.id}"), criterion.when, knowledge)
    for flag in scale.flag_rules:
        yield from _prove_condition(place_in(scale, f"flag.{flag.id}"), flag.when, knowledge)
    reached = []
    for domain in scale.domains:
        criteria = [part for part in scale.criteria if part.domain == domain.id]
        found = []
        for group in components(criteria):
            of = field_of([part.when for part in group], knowledge)
            spaces = tuple(products(of))
            found.append(reach_of(group, of, spaces))
            yield from _prove_group(scale, group, of, spaces)
        reached.append(combined(found, "worst"))
        if scale.scoring == "worst" and 0 not in reached[-1].exact:
            text = "No known state of it is grade 0: nobody could ever be well."
            yield place_in(scale, f"domain.{domain.id}").error("id", text)
    yield from _prove_grades(scale, combined(reached, scale.scoring))


# ---------------------------------------------------------------- one condition


def _prove_condition(place: Place, node: Node, knowledge: Knowledge) -> Findings:
    """At most one finding of each kind, with the first state that shows it; also of what stands inside time."""
    for part in (node, *nested(node)):
        inside = "" if part is node else "Inside its condition over time: "
        of = field_of((part,), knowledge)
        drawn = sample(of)
        spaces: list[Space] = [*products(of), *(drawn or ())]
        wrong = next(_undecided(part, spaces), None)
        if wrong is not None:
            problem, hint = wrong
            yield place.error("when", inside + problem, hint)
        backwards = next(_backwards(part, spaces), None)
        if backwards is None and drawn is not None:
            backwards = taken_back_in_sample(part, *drawn)
        if backwards is not None:
            before, after = (of.shown(state) for state in backwards)
            text = f"{inside}Learning more takes back what was said: from {before} to {after}."
            yield place.error("when", text, "What is certain must stay so, what is excluded too.")
        for problem in _never(part, spaces, of):
            yield place.error("when", inside + problem, "Look at the cut-offs, the operators, and at parts that clash.")


def _undecided(node: Node, spaces: list[Space]) -> Iterator[tuple[str, str]]:
    for space in spaces:
        bits = space.truth(node)
        both = bits.sure & ~bits.open
        if both:
            yield f"It is certain and excluded at once: {space.field.shown(space.first(both))}.", ""
        left = 0 if is_left_open(node) else space.settled() & bits.open & ~bits.sure
        if left:
            text = f"Nothing is unknown and it is not decided: {space.field.shown(space.first(left))}."
            yield text, "Write the condition so that it is decided once everything it reads is known."


def _backwards(node: Node, spaces: list[Space]) -> Iterator[tuple[State, State]]:
    for space in spaces:
        found = taken_back(node, space) if isinstance(space, Product) else None
        if found is not None:
            yield found


def _never(node: Node, spaces: list[Space], of: Field) -> Iterator[str]:
    """A condition that no state makes certain, or none excludes."""
    found = [space.truth(node) for space in spaces]
    if is_left_open(node):
        if not any(bits.open for bits in found):
            yield "It is never met, nor left open, whatever is charted."
    elif not any(bits.sure for bits in found) and (is_small(of) or witness([(node, True)], of) is None):
        yield "It is never met, whatever is charted."
    excluded = any(space.full & ~bits.open for space, bits in zip(spaces, found, strict=True))
    if not excluded and (is_small(of) or witness([(node, False)], of) is None):
        yield "It is never excluded, whatever is charted."


# ---------------------------------------------------------------- criteria that read the same things, and the scale


def _prove_group(scale: Scale, group: tuple[Criterion, ...], of: Field, spaces: tuple[Product, ...]) -> Findings:
    if is_small(of):
        yield from _prove_use(scale, group, spaces[0])
    found = grade_falls(group, of, spaces) if scale.scoring == "worst" else None
    if found is not None:
        criterion, before, after = found
        text = f"A worse value lowers the grade: from {of.shown(before)} to {of.shown(after)}."
        place = place_in(scale, f"criterion.{criterion.id}")
        yield place.error("when", text, "Look at the operator, the cut-off, and the grade.")


def _prove_use(scale: Scale, group: tuple[Criterion, ...], space: Space) -> Findings:
    """A criterion that is certain only where one of a higher grade is certain too never makes its own grade."""
    for criterion in group:
        sure = space.truth(criterion.when).sure
        higher = 0
        for other in group:
            if other.grade > criterion.grade:
                higher |= space.truth(other.when).sure
        if criterion.grade and sure and not sure & ~higher:
            place = place_in(scale, f"criterion.{criterion.id}")
            yield place.error("grade", "It never makes the grade: wherever it is met, another one is worse.")


def _prove_grades(scale: Scale, reached: Reach) -> Findings:
    place = place_in(scale, "grades")
    if scale.scoring == "sum":
        most = max(reached.open)
        for grade in scale.grades:
            if grade > most:
                yield place.error(str(grade), f"No state reaches a score of {grade}: the highest is {most}.")
        return
    by_death = {max(scale.grades)} if scale.episode.death_cause else set()
    left_open = {part.grade for part in scale.criteria if is_left_open(part.when)}
    for grade in sorted(set(scale.grades) - by_death):
        if grade not in reached.exact and not (grade in left_open and grade in reached.open):
            yield place.error(str(grade), f"No state reaches grade {grade}.", "A criterion must make it.")
