"""Walking the tree of a condition: its parts, its leaves, and the concepts it reads."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Knowledge,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Scale,
    Sustained,
)

FLOW, FRACTION, DEVICE = "oxygen_flow", "fio2", "oxygen_device"


def parts_of(node: Node) -> tuple[Node, ...]:
    """The conditions directly inside a node."""
    match node:
        case All(parts) | AnyOf(parts) | Count(parts):
            return parts
        case AnyMeasured(measured):
            return measured
        case Not(part) | Possible(part) | ExceptKnown(part) | Sustained(part) | Cumulative(part):
            return (part,)
        case Repeated(compare):
            return (compare,)
        case _:
            return ()


def leaves(node: Node) -> Iterator[Node]:
    """The nodes without parts, in the order written."""
    inner = parts_of(node)
    if not inner:
        yield node
    for part in inner:
        yield from leaves(part)


def asserting(node: Node) -> Iterator[Node]:
    """The leaves that speak for a condition that holds: none below `not`, `possible` and `except_known`."""
    inner = parts_of(node)
    if isinstance(node, Not | Possible | ExceptKnown):
        return
    if not inner:
        yield node
    for part in inner:
        yield from asserting(part)


def concepts_in_order(node: Node, knowledge: Knowledge) -> list[str]:
    """The concepts that a condition reads, in the order written, without repeats."""
    found = [name for leaf in leaves(node) for name in leaf_concepts(leaf, knowledge)]
    return list(dict.fromkeys(found))


def leaf_concepts(leaf: Node, knowledge: Knowledge) -> tuple[str, ...]:
    """The concepts that one leaf reads."""
    match leaf:
        case Compare() | Relative() | In():
            return (leaf.concept,)
        case Running(concepts) | Given(concepts):
            return concepts
        case QuantityCompare(quantity) | Estimated(quantity):
            return quantity_concepts(quantity, knowledge)
        case _:
            return ()


def quantity_concepts(key: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The concepts that a quantity is computed from."""
    quantity = knowledge.quantities[key]
    if quantity.kind == "inspired_oxygen":
        return (FRACTION, DEVICE, FLOW)
    found: list[str] = []
    for term in quantity.terms:
        nested = term.concept in knowledge.quantities
        found += quantity_concepts(term.concept, knowledge) if nested else (term.concept,)
    return tuple(dict.fromkeys(found))


def nodes_of(scale: Scale) -> Iterator[Node]:
    """Every condition of a scale: of its criteria, then of its flags."""
    yield from (criterion.when for criterion in scale.criteria)
    yield from (flag.when for flag in scale.flag_rules)
