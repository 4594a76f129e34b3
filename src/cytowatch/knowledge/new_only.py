"""What was so before the exposure is not the reaction's for certain: a condition, and the same of the baseline."""

from __future__ import annotations

from dataclasses import replace
from operator import eq, ge, gt, le, lt
from typing import Any

from cytowatch.knowledge.conditions import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    ExceptKnown,
    Node,
    Not,
    Possible,
    Relative,
)

_HOLDS = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq}


def new_only(node: Node) -> Node:
    """The condition, certain only where the patient's known baseline did not meet it; else it is left open.

    Each alternative by itself. One that already compares with the baseline, or reads nothing that has one, stays.
    """
    if isinstance(node, AnyOf):
        return AnyOf(tuple(new_only(part) for part in node.of))
    before = _of_baseline(node)
    if isinstance(before, bool) or not _asks_baseline(before):
        return node
    return AnyOf((All((node, ExceptKnown(before))), Possible(node, judged=True)))


def as_asked(node: Node) -> Node:
    """The condition before ``new_only`` was applied to it or to parts of it; any other one as it is."""
    match node:
        case AnyOf((All((asked, ExceptKnown(before))), Possible(again, True))) if (
            asked == again and before == _of_baseline(asked)
        ):
            return asked
        case AnyOf(parts):
            return AnyOf(tuple(as_asked(part) for part in parts))
        case All(parts):
            return All(tuple(as_asked(part) for part in parts))
    return node


def _of_baseline(node: Node) -> Node | bool:
    """The condition with the baseline in the place of every reading; True or False where it then always is."""
    match node:
        case Compare():
            return _compared(node)
        case Relative():
            # it asks what is new over the baseline
            return False
        case All(parts):
            return _joined(All, parts, decides=False)
        case AnyOf(parts) | AnyMeasured(parts):
            return _joined(AnyOf, parts, decides=True)
        case Not(part):
            inner = _of_baseline(part)
            return not inner if isinstance(inner, bool) else Not(inner)
        case Possible(part) | ExceptKnown(part):
            inner = _of_baseline(part)
            return inner if isinstance(inner, bool) else replace(node, of=inner)
    return node


def _compared(node: Compare) -> Node | bool:
    reference = node.times or node.plus
    if reference == "baseline":
        # the baseline against itself: a multiple of it, or it and a number
        start, value = (1.0 if node.times else 0.0), node.value or 0.0
        return bool(_HOLDS[node.op](start, value))
    if reference == "lowest" or node.without:
        # a rise over an earlier reading is new; a baseline has no device
        return False
    return replace(node, of_baseline=True)


def _joined(kind: type[All | AnyOf], parts: tuple[Node, ...], *, decides: bool) -> Node | bool:
    found = [_of_baseline(part) for part in parts]
    if decides in [part for part in found if isinstance(part, bool)]:
        return decides
    left = tuple(part for part in found if not isinstance(part, bool))
    if not left:
        return not decides
    return left[0] if len(left) == 1 else kind(left)


def _asks_baseline(node: object) -> bool:
    if getattr(node, "of_baseline", False):
        return True
    inner: Any = getattr(node, "of", ())
    return any(_asks_baseline(part) for part in (inner if isinstance(inner, tuple) else (inner,)))
