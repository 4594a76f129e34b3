"""Is a cut-off the right one for its concept: its unit, its range, and both answers within reach?"""

from __future__ import annotations

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.logic import OPERATORS
from cytowatch.knowledge.lint.states import STEP
from cytowatch.knowledge.model import Compare, Concept, Knowledge


def check_threshold_use(place: Place, leaf: Compare, knowledge: Knowledge) -> Findings:
    """The cut-off by age exists and is one of the concept that is compared."""
    threshold = knowledge.thresholds.get(leaf.threshold)
    if threshold is None:
        yield place.error("when", f"There is no threshold `{leaf.threshold}`.", "Use a key of policy.toml.")
    elif threshold.concept != leaf.concept:
        yield place.error("when", f"The threshold `{leaf.threshold}` is one of `{threshold.concept}`.")


def check_cut(place: Place, leaf: Compare, concept: Concept, *, may_be_sure: bool = False) -> Findings:
    """A plain cut-off is in the canonical unit, plausible, and can be met and missed.

    ``may_be_sure``: it may hold of every value, and then says no more than that there is one.
    """
    if leaf.unit not in concept.units:
        hint = f"Write the cut-off in {' or '.join(concept.units)}: values are converted once, when they are admitted."
        yield place.error("when", f"{leaf.unit!r} is not the canonical unit of `{concept.key}`.", hint)
    elif len(concept.units) > 1:
        yield place.error(
            "when", f"`{concept.key}` has units that cannot be converted; one number cannot cut them all."
        )
    elif leaf.value is not None and leaf.unit in concept.plausible:
        yield from _check_sides(place, leaf, leaf.value, concept, {True} if may_be_sure else {True, False})


def _check_sides(place: Place, leaf: Compare, cut: float, concept: Concept, answers: set[bool]) -> Findings:
    """Some admitted value makes a comparison true, and some false."""
    low, high = concept.plausible[leaf.unit]
    if not low <= cut <= high:
        text = f"The cut-off {cut:g} {leaf.unit} is outside the plausible range {low:g} to {high:g}."
        yield place.error("when", text, "Correct the cut-off, or the range in concepts.toml.")
        return
    values = [value for value in (low, cut - STEP, cut, cut + STEP, high) if low <= value <= high]
    for answer in answers - {OPERATORS[leaf.op](value, cut) for value in values}:
        text = f"`{concept.key} {leaf.op} {cut:g}` is never {str(answer).lower()} between {low:g} and {high:g}."
        yield place.error("when", text, "Correct the operator or the cut-off.")
