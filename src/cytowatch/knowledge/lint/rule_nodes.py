"""Do the conditions of a rule scale refer to what exists, in the right unit, and can each comparison go either way?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cytowatch.knowledge.lint.cuts import check_cut, check_threshold_use
from cytowatch.knowledge.lint.finding import Findings, Place, of_kind
from cytowatch.knowledge.lint.logic import OTHER, ROOM_AIR
from cytowatch.knowledge.lint.quantities import plausible_range, rests_on_estimate
from cytowatch.knowledge.lint.rule_tree import walk
from cytowatch.knowledge.model import (
    AgeYears,
    AnyMeasured,
    Compare,
    Concept,
    Count,
    Cumulative,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Knowledge,
    Node,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)

_CODED = ("reading", "exception", "switch", "device", "statement")
_OLDEST = 150


def check_condition(place: Place, condition: Node, knowledge: Knowledge) -> Findings:
    """Every node of one tree, also inside conditions over time."""
    # `except_known` with a comparison that every value meets says that nothing is charted
    asked = {id(node.of) for node in walk(condition) if isinstance(node, ExceptKnown)}
    for node in walk(condition):
        match node:
            case Compare():
                yield from _check_compare(place, node, knowledge, may_be_sure=id(node) in asked)
            case Relative():
                yield from _check_relative(place, node, knowledge)
            case In():
                yield from _check_in(place, node, knowledge)
            case Running():
                for name in node.concepts:
                    yield from of_kind(place, "when", name, ("infusion",), knowledge)
                yield from _check_number(place, node.at_least, node.concepts)
            case Given():
                yield from _check_given(place, node, knowledge)
            case QuantityCompare() | Estimated():
                yield from _check_quantity(place, node, knowledge)
            case _:
                yield from _check_shape(place, node, knowledge)


def _check_number(place: Place, at_least: int, parts: Sequence[object]) -> Findings:
    if not 1 <= at_least <= len(parts):
        yield place.error("when", f"at_least is {at_least} of {len(parts)}: never, or always, met.")


def _check_shape(place: Place, node: Node, knowledge: Knowledge) -> Findings:
    """Nodes that hold others, and ages."""
    match node:
        case Count():
            yield from _check_number(place, node.at_least, node.of)
        case AnyMeasured():
            for part in node.of:
                yield from of_kind(place, "when", part.concept, ("reading",), knowledge)
        case Sustained() if node.hours <= 0:
            yield place.error("when", f"`sustained` for {node.hours:g} hours is no time.", "Above 0.")
        case Sustained() if not 0 <= node.pause_hours < node.hours:
            yield place.error("when", f"`pause_hours` of {node.pause_hours:g} is no pause within {node.hours:g} hours.")
        case Cumulative() if node.days <= 0 or node.bridging_days < 0:
            yield place.error("when", "`cumulative` needs days above 0, and bridging_days of 0 or more.")
        case Repeated() if node.times < 1:
            yield place.error("when", f"`repeated` {node.times} times is always met.", "1 or more.")
        case Repeated() if node.of.over_hours or node.of.of_baseline:
            yield place.error("when", "`repeated` counts readings: no over_hours, no of_baseline.")
        case AgeYears() if not 0 <= node.first < node.last <= _OLDEST:
            yield place.error("when", f"Ages go from 0 to {_OLDEST} years.")


# ---------------------------------------------------------------- readings


def _check_compare(place: Place, leaf: Compare, knowledge: Knowledge, *, may_be_sure: bool) -> Findings:
    found = list(_check_measured(place, leaf.concept, knowledge))
    yield from found
    if leaf.without:
        yield place.error("when", "`without` is not read by rule scales.", "Combine conditions with `all` and `not`.")
    if found:
        return
    concept = knowledge.concepts[leaf.concept]
    if leaf.threshold:
        yield from check_threshold_use(place, leaf, knowledge)
        if leaf.times or leaf.plus:
            yield place.error("when", "A threshold by age is a cut-off already: no `times`, no `plus`.")
    elif leaf.times or leaf.plus:
        yield from _check_reference(place, leaf, concept)
    else:
        yield from check_cut(place, leaf, concept, may_be_sure=may_be_sure)
    if leaf.over_hours < 0 or (leaf.over_hours and leaf.of_baseline):
        yield place.error("when", "`over_hours` is above 0, and goes with readings only.")


def _check_measured(place: Place, name: str, knowledge: Knowledge) -> Findings:
    found = list(of_kind(place, "when", name, ("reading",), knowledge))
    yield from found
    if not found and not knowledge.concepts[name].units:
        yield place.error("when", f"`{name}` has no number to compare.", "Use `in` with its categories.")


def _check_reference(place: Place, leaf: Compare, concept: Concept) -> Findings:
    """A cut-off that is made with a limit of normal, a baseline or the lowest reading before."""
    if leaf.times and (leaf.value is None or leaf.value <= 0):
        yield place.error("when", f"{leaf.value} times a reference is no cut-off.", "Above 0.")
    if leaf.unit and leaf.unit not in concept.units:
        yield place.error("when", f"{leaf.unit!r} is not the canonical unit of `{concept.key}`.")
    if leaf.plus and len(concept.units) > 1:
        yield place.error("when", f"`{concept.key}` has units that cannot be converted: no sum with one number.")
    name = leaf.times or leaf.plus
    if leaf.of_baseline and name in ("baseline", "lowest"):
        yield place.error("when", f"A baseline compared with the {name} says nothing.", "Use a limit of normal.")
    yield from _check_step(place, leaf, concept)


def _check_step(place: Place, leaf: Compare, concept: Concept) -> Findings:
    """What is added to a reference lies within the width of the plausible range."""
    low, high = concept.plausible.get(leaf.unit, (-math.inf, math.inf))
    if leaf.plus and leaf.value is not None and not 0 < abs(leaf.value) < high - low:
        text = f"{leaf.value:g} {leaf.unit} beside a reference is outside what `{concept.key}` can differ by."
        yield place.error("when", text, "Correct the number, or the range in concepts.toml.")


def _check_relative(place: Place, leaf: Relative, knowledge: Knowledge) -> Findings:
    yield from _check_measured(place, leaf.concept, knowledge)
    ways = (">", ">=") if leaf.limit == "uln" else ("<", "<=")
    for op in {leaf.op, leaf.abnormal_op} - {*ways}:
        text = f"`{op}` goes away from the {leaf.limit} of `{leaf.concept}`."
        yield place.error("when", text, f"Use {' or '.join(ways)}, or the other limit.")
    if leaf.normal <= 0 or leaf.abnormal <= 0:
        yield place.error("when", "`normal` and `abnormal` are factors above 0.")


# ---------------------------------------------------------------- the rest


def _check_in(place: Place, leaf: In, knowledge: Knowledge) -> Findings:
    found = list(of_kind(place, "when", leaf.concept, _CODED, knowledge))
    yield from found
    if found:
        return
    concept = knowledge.concepts[leaf.concept]
    if not leaf.categories:
        yield place.error("when", "The list of categories is empty.")
    if leaf.over_hours < 0 or (leaf.over_hours and concept.kind != "reading"):
        yield place.error("when", f"`over_hours` is for readings; `{concept.key}` is a {concept.kind}.")
    for name in leaf.categories:
        yield from _check_category(place, name, concept)


def _check_category(place: Place, name: str, concept: Concept) -> Findings:
    if name not in concept.categories and not (concept.free_text and not concept.categories):
        known = ", ".join(concept.categories)
        yield place.error("when", f"`{concept.key}` has no category `{name}`.", f"Use: {known}." if known else "")
    elif concept.kind == "device" and name in {ROOM_AIR, OTHER}:
        yield place.error("when", f"`{name}` is no support of a known class, and cannot be listed.")
    elif concept.kind == "switch" and name != "yes":
        yield place.error("when", f"`{concept.key}` is a switch: only `yes` is listed.", "Use `not` for the contrary.")
    elif concept.kind == "exception" and name == "none":
        yield place.error("when", "`none` is no event, and cannot be listed.", "Use `not` for the contrary.")


def _check_given(place: Place, leaf: Given, knowledge: Knowledge) -> Findings:
    for name in leaf.concepts:
        yield from of_kind(place, "when", name, ("dose",), knowledge)
    if leaf.times < 1 or leaf.within_hours <= 0:
        yield place.error("when", "`given` counts 1 dose or more, in hours above 0.")


def _check_quantity(place: Place, leaf: QuantityCompare | Estimated, knowledge: Knowledge) -> Findings:
    if leaf.quantity not in knowledge.quantities:
        hint = f"Use one of: {', '.join(knowledge.quantities)}."
        yield place.error("when", f"There is no quantity `{leaf.quantity}`.", hint)
        return
    if isinstance(leaf, Estimated):
        if not rests_on_estimate(leaf.quantity, knowledge):
            yield place.error("when", f"`{leaf.quantity}` never rests on an estimate.", "Take the condition out.")
        return
    low, high = plausible_range(leaf.quantity, knowledge)
    reach = {">": leaf.value < high, ">=": leaf.value <= high, "<": leaf.value > low, "<=": leaf.value >= low}
    avoid = {">": leaf.value >= low, ">=": leaf.value > low, "<": leaf.value <= high, "<=": leaf.value < high}
    if not (reach.get(leaf.op, low <= leaf.value <= high) and avoid.get(leaf.op, low < high)):
        text = f"`{leaf.quantity} {leaf.op} {leaf.value:g}` is never, or always, met between {low:g} and {high:g}."
        yield place.error("when", text, "Correct the operator or the cut-off.")
