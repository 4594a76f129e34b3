"""Walking the conditions of a scale of the method "rules": parts of one moment, atoms, and what stands inside time."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
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

TimeNode = Sustained | Cumulative | Repeated
# what is true, false or unknown at a moment by itself; conditions over time count as one here
Atom = (
    Compare
    | Relative
    | QuantityCompare
    | Estimated
    | In
    | Running
    | Given
    | DaysSinceExposure
    | AgeYears
    | Sustained
    | Cumulative
    | Repeated
)


def atoms(node: Node) -> Iterator[Atom]:
    """The atoms that decide a condition at a moment, in the order written."""
    match node:
        case All() | AnyOf() | Count() | AnyMeasured():
            for part in node.of:
                yield from atoms(part)
        case Not() | Possible() | ExceptKnown():
            yield from atoms(node.of)
        case _:
            yield node


def nested(node: Node) -> Iterator[Node]:
    """The conditions inside conditions over time, at any depth."""
    for atom in atoms(node):
        if isinstance(atom, TimeNode):
            yield atom.of
            yield from nested(atom.of)


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, the outer ones first, also those inside conditions over time."""
    yield node
    match node:
        case All() | AnyOf() | Count() | AnyMeasured():
            for part in node.of:
                yield from walk(part)
        case Not() | Possible() | ExceptKnown() | Sustained() | Cumulative() | Repeated():
            yield from walk(node.of)
        case _:
            pass


def conditions(scale: Scale) -> list[Node]:
    """Every condition of a scale: of its criteria, then of its flags."""
    return [*(part.when for part in scale.criteria), *(part.when for part in scale.flag_rules)]


def is_left_open(node: Node) -> bool:
    """Whether the text of the source leaves it open somewhere: then it need not be decided by facts."""
    return any(isinstance(part, Possible) for part in walk(node))


def leaf_concepts(leaf: Node, knowledge: Knowledge) -> tuple[str, ...]:
    """The concepts that one leaf reads; those of a quantity are the concepts of its terms."""
    match leaf:
        case Compare() | Relative() | In():
            return (leaf.concept,)
        case Running() | Given():
            return leaf.concepts
        case QuantityCompare() | Estimated():
            return quantity_concepts(leaf.quantity, knowledge)
        case _:
            return ()


def quantity_concepts(key: str, knowledge: Knowledge, inside: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The concepts that a quantity is computed from, without repeats; nothing for one that is unknown, or in a ring."""
    quantity = knowledge.quantities.get(key)
    if quantity is None or key in inside:
        return ()
    if quantity.kind == "inspired_oxygen":
        return ("fio2", "oxygen_device", "oxygen_flow")
    found: list[str] = []
    for term in quantity.terms:
        is_nested = term.concept in knowledge.quantities
        found += quantity_concepts(term.concept, knowledge, (*inside, key)) if is_nested else (term.concept,)
    return tuple(dict.fromkeys(found))


def concepts_read(node: Node, knowledge: Knowledge) -> tuple[str, ...]:
    """Every concept that a condition reads, in the order written, without repeats."""
    return tuple(dict.fromkeys(name for part in walk(node) for name in leaf_concepts(part, knowledge)))
