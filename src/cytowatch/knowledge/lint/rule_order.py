"""A worse value never lowers the grade; and a comparison goes to the side on which its concept is worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cytowatch.knowledge.lint.finding import Findings, place_in
from cytowatch.knowledge.lint.rule_space import Field, Product, State
from cytowatch.knowledge.lint.rule_tree import Atom, atoms
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Criterion,
    Cumulative,
    Knowledge,
    Node,
    Not,
    Possible,
    Relative,
    Repeated,
    Scale,
    Sustained,
)

Found = tuple[Criterion, State, State]


def ways(node: Node, sign: int = 1) -> Iterator[tuple[str, int]]:
    """Each concept that is compared, with 1 where a high value makes a condition hold and -1 where a low one does.

    What stands under `except_known` asks whether something is charted, and goes neither way.
    """
    match node:
        case All() | AnyOf() | Count() | AnyMeasured():
            for part in node.of:
                yield from ways(part, sign)
        case Not():
            yield from ways(node.of, -sign)
        case Possible() | Sustained() | Cumulative() | Repeated():
            yield from ways(node.of, sign)
        case Compare() | Relative():
            if node.op != "==" and _reads_value(node):
                yield node.concept, sign if node.op in (">", ">=") else -sign
        case _:
            pass


def _reads_value(node: Node) -> bool:
    return isinstance(node, Relative) or (isinstance(node, Compare) and not node.of_baseline)


# ---------------------------------------------------------------- the side on which a concept is worse


def check_sides(scale: Scale, knowledge: Knowledge) -> Findings:
    """A concept that is compared on its good side only: an error in a whole domain, a doubt in one criterion.

    Terms of one axis say themselves which side they mean, and scores of vital signs look at both sides.
    """
    if scale.family == "organ" and len(scale.domains) == 1:
        return
    for domain in scale.domains:
        own = [part for part in scale.criteria if part.domain == domain.id and part.grade]
        good = _good(own, knowledge)
        for part in own:
            for name in sorted(_good([part], knowledge)):
                text = f"It holds on the side of `{name}` that is not worse ({knowledge.concepts[name].worse} is)."
                hint = "Look at the operator, or at `worse` in concepts.toml."
                place = place_in(scale, f"criterion.{part.id}")
                if name in good:
                    yield place.error("when", text, hint)
                elif scale.family != "score":
                    yield place.warning("when", text, hint)


def _good(criteria: Sequence[Criterion], knowledge: Knowledge) -> set[str]:
    """The concepts that are compared on their good side, and never on the other."""
    found: dict[str, set[int]] = {}
    for part in criteria:
        for name, way in ways(part.when):
            found.setdefault(name, set()).add(way)
    worse = {
        name: 1 if knowledge.concepts[name].worse == "high" else -1 for name in found if name in knowledge.concepts
    }
    return {name for name, side in worse.items() if found[name] == {-side}}


# ---------------------------------------------------------------- the grade over all values of one concept


def grade_falls(group: Sequence[Criterion], of: Field, spaces: Sequence[Product]) -> Found | None:
    """A criterion that holds in one state and makes a higher grade than the next worse value; None if there is none.

    Which way is worse is what most comparisons say; where they do not agree more one way than the other, or several
    concepts are compared, nothing is asked.
    """
    found = [way for part in group for _, way in ways(part.when)]
    way = (sum(found) > 0) - (sum(found) < 0)
    places = _compared(group, of) if way else []
    return next((one for place in places for one in _falls(group, spaces, place, way)), None)


def _compared(group: Sequence[Criterion], of: Field) -> list[int]:
    """The axes of the one concept that is compared; none where it is not one."""
    read: list[Atom] = [atom for part in group for atom in atoms(part.when) if _reads_value(atom)]
    if len({atom.concept for atom in read if isinstance(atom, Compare | Relative)}) != 1:
        return []
    return sorted({of.tables[atom][0][0] for atom in read})


def _falls(group: Sequence[Criterion], spaces: Sequence[Product], place: int, way: int) -> Iterator[Found]:
    for space in spaces:
        values = space.field.axes[place].values
        free = [value for value in space.choices[place] if isinstance(values[value], float)]
        for better, worse in pairwise(free):
            old, new = (better, worse) if way > 0 else (worse, better)
            found = _lost(group, space, space.columns[place][old], (new - old) * space.strides[place])
            if found is not None:
                criterion, state = found
                yield criterion, state, (*state[:place], new, *state[place + 1 :])


def _lost(group: Sequence[Criterion], space: Product, here: int, step: int) -> tuple[Criterion, State] | None:
    """A criterion whose grade is certain, or not excluded, here and no more one step on."""
    for grade in sorted({part.grade for part in group} - {0}, reverse=True):
        parts = [(part, space.truth(part.when)) for part in group if part.grade >= grade]
        for kind in ("sure", "open"):
            states = 0
            for _, bits in parts:
                states |= getattr(bits, kind)
            lost = here & states & ~(states >> step if step >= 0 else states << -step)
            if lost:
                criterion = next(part for part, bits in parts if getattr(bits, kind) & (lost & -lost))
                return criterion, space.first(lost)
    return None
