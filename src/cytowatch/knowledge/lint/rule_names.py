"""Which names a rule scale can write into the columns `missing` and `flags`, worked out from its conditions."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.lint.quantities import is_in_ring
from cytowatch.knowledge.lint.rule_tree import TimeNode, concepts_read, is_left_open
from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Given,
    In,
    Knowledge,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Running,
    Scale,
    Term,
)

# flags that are raised without a rule of their own
NO_TRIGGER, ASSUMED, RECALLED = "no_trigger", "assumed_trigger", "recalled_criteria"
ELSEWHERE = "attributed_elsewhere"
SHARED_FLAGS = (NO_TRIGGER, ASSUMED, RECALLED, ELSEWHERE)
_CHARTED = ("reading", "exception", "device")


def flag_names(scale: Scale) -> tuple[str, ...]:
    """Every flag that can be raised: those of its rules, and those that every such scale shares."""
    names = [rule.id for rule in scale.flag_rules]
    if scale.watch == "exposure":
        names += [NO_TRIGGER, ASSUMED]
    if any(part.evidence == "recalled" for part in scale.criteria):
        names.append(RECALLED)
    if any(domain.attribution or domain.excluded_by for domain in scale.domains):
        names.append(ELSEWHERE)
    return tuple(dict.fromkeys(names))


def missing_names(scale: Scale, knowledge: Knowledge) -> tuple[str, ...]:
    """Every name that may be said to be missing; a criterion of grade 0 changes no bound and names nothing."""
    names = [NO_TRIGGER] if scale.watch == "exposure" else []
    graded = [part.when for part in scale.criteria if part.grade]
    names += [name for node in graded for name in named_in(node, knowledge)]
    if any(is_left_open(node) for node in graded):
        names.append("clinical_judgement")
    if any(domain.excluded_by for domain in scale.domains):
        names.append("attribution_hypoxia")
    if any(domain.under_sedation == "unknown" for domain in scale.domains):
        names.append("sedated")
    if scale.episode.death_cause:
        names.append("death_cause")
    return tuple(dict.fromkeys(names))


def named_in(node: Node, knowledge: Knowledge) -> Iterator[str]:
    """Every name that a condition may say is missing."""
    match node:
        case All() | AnyOf() | Count() | AnyMeasured():
            for part in node.of:
                yield from named_in(part, knowledge)
        case Not() | Possible():
            yield from named_in(node.of, knowledge)
        case Compare():
            yield from _named_by_compare(node)
        case In() if node.concept in knowledge.concepts and knowledge.concepts[node.concept].kind in _CHARTED:
            yield node.concept
        case QuantityCompare():
            yield from _named_by_quantity(node.quantity, knowledge)
        case _:
            yield from _named_by_the_rest(node, knowledge)


def _named_by_the_rest(node: Node, knowledge: Knowledge) -> Iterator[str]:
    match node:
        case Relative():
            yield from (node.concept, f"{node.concept}_range", f"{node.concept}_baseline")
        case Running():
            yield "vasopressor_state"
        case Given():
            yield from node.concepts
        case AgeYears():
            yield "age"
        case _ if isinstance(node, TimeNode):
            yield from concepts_read(node.of, knowledge)


def _named_by_compare(node: Compare) -> Iterator[str]:
    yield node.concept
    if node.threshold:
        yield "age"
    if {node.times, node.plus} & {"uln", "lln"}:
        yield f"{node.concept}_range"
    if "baseline" in (node.times, node.plus) or node.of_baseline:
        yield f"{node.concept}_baseline"


def _named_by_quantity(key: str, knowledge: Knowledge) -> Iterator[str]:
    if key not in knowledge.quantities or is_in_ring(key, knowledge):
        return
    quantity = knowledge.quantities[key]
    if quantity.kind == "inspired_oxygen":
        yield "fio2"
    for term in quantity.terms:
        if term.concept in knowledge.quantities:
            yield from _named_by_quantity(term.concept, knowledge)
        else:
            yield from _named_by_term(term, knowledge)


def _named_by_term(term: Term, knowledge: Knowledge) -> Iterator[str]:
    if not term.rate:
        yield term.concept
        return
    concept = knowledge.concepts.get(term.concept)
    if concept is not None and len(concept.units) > 1:
        yield "weight"
    yield "vasopressor_state"
