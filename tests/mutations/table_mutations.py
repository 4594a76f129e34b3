"""Every rule scale made wrong, one small error at a time; made from the tables, so a new scale needs no line here.

An error concerns one criterion: dropped, its grade one more or one less, or its first cut-off of its own moved. The
first comparison of a criterion is put on the other side of its edge, turned round, or moved by a fifth up and down;
its first length, number of times or list of categories likewise. "Of its own": what a criterion takes over from
one above it is made wrong there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from cytowatch.knowledge.model import (
    Compare,
    Count,
    Criterion,
    Cumulative,
    DaysSinceExposure,
    Domain,
    Given,
    In,
    Knowledge,
    Node,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Scale,
    Sustained,
)

Change = Callable[[Any], Any]
ScaleEdit = Callable[[Scale], Scale]
COMPARISONS = (Compare, Relative, QuantityCompare)
LENGTHS = (Sustained, Cumulative, Repeated, Given, Count, DaysSinceExposure)
_EDGE = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": ">="}
_ROUND = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "<"}
UP, DOWN = 1.2, 0.8


@dataclass(frozen=True)
class TableMutation:
    """One wrong scale: which, what is wrong with what, and the edit."""

    scale: str
    part: str  # a criterion, a domain or a flag
    kind: str
    edit: ScaleEdit

    def __str__(self) -> str:
        return f"{self.scale}: {self.part}: {self.kind}"


def with_scale(knowledge: Knowledge, scale: Scale) -> Knowledge:
    """The tables with another version of one scale."""
    return replace(knowledge, scales=knowledge.scales | {scale.id: scale})


# ---------------------------------------------------------------- the places in a condition


def places(node: object) -> Iterator[object]:
    """Every condition inside a condition, itself first, in the order written."""
    if is_dataclass(node):
        yield node
        for part in fields(node):
            yield from places(getattr(node, part.name))
    elif isinstance(node, tuple):
        for inner in node:
            yield from places(inner)


def changed_at(node: object, place: int, change: Change) -> Node:
    """The condition with the one at a place (as ``places`` counts) put through a change."""
    seen = -1

    def walk(part: object) -> Any:
        nonlocal seen
        if isinstance(part, tuple):
            return tuple(walk(inner) for inner in part)
        if not is_dataclass(part) or isinstance(part, type):
            return part
        seen += 1
        if seen == place:
            # what lies inside is counted, and left as it is
            seen += sum(1 for _ in places(part)) - 1
            return change(part)
        return replace(part, **{inner.name: walk(getattr(part, inner.name)) for inner in fields(part)})

    found: Node = walk(node)
    return found


def first_own(scale: Scale, criterion: Criterion, kinds: tuple[type, ...]) -> int | None:
    """The place of the first condition of these kinds that no criterion above has; None if there is none."""
    above: set[object] = set()
    for other in scale.criteria:
        if other.id == criterion.id:
            break
        above |= set(places(other.when))
    found = enumerate(places(criterion.when))
    return next((number for number, part in found if isinstance(part, kinds) and part not in above), None)


# ---------------------------------------------------------------- what is done to a condition


def on_the_other_side(node: Any) -> Any:
    """A value on the cut-off counts where it did not, and the other way round."""
    if isinstance(node, Relative):
        return replace(node, op=_EDGE[node.op], abnormal_op=_EDGE[node.abnormal_op])
    return replace(node, op=_EDGE[node.op])


def turned_round(node: Any) -> Any:
    """Below instead of above."""
    if isinstance(node, Relative):
        return replace(node, op=_ROUND[node.op], abnormal_op=_ROUND[node.abnormal_op])
    return replace(node, op=_ROUND[node.op])


def moved(factor: float) -> Change:
    """The cut-off, or the length, by a fifth; a whole number of times by one, nothing by a fifth of one."""

    def change(node: Any) -> Any:
        if isinstance(node, Relative):
            return replace(node, normal=node.normal * factor, abnormal=node.abnormal * factor)
        if isinstance(node, Sustained):
            return replace(node, hours=node.hours * factor)
        if isinstance(node, Cumulative):
            return replace(node, days=node.days * factor)
        if isinstance(node, DaysSinceExposure):
            return replace(node, first=node.first * factor, last=node.last * factor)
        if isinstance(node, Repeated | Given):
            return replace(node, times=node.times + (1 if factor > 1 else -1))
        if isinstance(node, Count):
            return replace(node, at_least=node.at_least + (1 if factor > 1 else -1))
        if node.value is None:
            return replace(node, threshold=scaled(node.threshold, factor))
        # nothing that is compared with 0 can be negative
        return replace(node, value=node.value * factor if node.value else max(0.0, factor - 1))

    return change


def scaled(threshold: str, factor: float) -> str:
    """The name of a threshold by age whose every band is so many times as high."""
    return f"{threshold} x {factor:g}"


def with_scaled_thresholds(knowledge: Knowledge) -> Knowledge:
    """The tables with every threshold by age also a fifth higher and a fifth lower."""
    more = {}
    for key, threshold in knowledge.thresholds.items():
        for factor in (UP, DOWN):
            bands = (replace(b, base=b.base * factor, per_year=b.per_year * factor) for b in threshold.bands)
            name = scaled(key, factor)
            more[name] = replace(threshold, key=name, bands=tuple(bands))
    return replace(knowledge, thresholds=knowledge.thresholds | more)


def without_first(node: In) -> In:
    """The first category of a list counts no more; of a single one nothing is taken, that would be to drop it all."""
    return replace(node, categories=node.categories[1:] or node.categories)


def one_more(node: Running) -> Running:
    """One drug more is needed."""
    return replace(node, at_least=node.at_least + 1)


# kind of error, on what it works, and what it does; each touches the condition of one criterion only
CONDITIONS: list[tuple[str, tuple[type, ...], Change]] = [
    ("the edge belongs to the other side", COMPARISONS, on_the_other_side),
    ("below for above", COMPARISONS, turned_round),
    ("a higher cut-off", COMPARISONS, moved(UP)),
    ("a lower cut-off", COMPARISONS, moved(DOWN)),
    ("a longer time, or once more", LENGTHS, moved(UP)),
    ("a shorter time, or once less", LENGTHS, moved(DOWN)),
    ("the first category is forgotten", (In,), without_first),
    ("one drug more is needed", (Running,), one_more),
]


# ---------------------------------------------------------------- what is done to a scale


def with_criterion(name: str, change: Callable[[Criterion], Criterion | None]) -> ScaleEdit:
    """Another version of one criterion; none at all if the change gives None, and a domain left empty goes too."""

    def edit(scale: Scale) -> Scale:
        edited = [change(part) if part.id == name else part for part in scale.criteria]
        criteria = tuple(part for part in edited if part is not None)
        used = {part.domain for part in criteria}
        return replace(scale, criteria=criteria, domains=tuple(part for part in scale.domains if part.id in used))

    return edit


def with_domain(name: str, **changes: Any) -> ScaleEdit:
    """Another version of one domain."""

    def edit(scale: Scale) -> Scale:
        return replace(
            scale, domains=tuple(replace(part, **changes) if part.id == name else part for part in scale.domains)
        )

    return edit


def grade_mutations(scale: Scale) -> list[TableMutation]:
    """Every criterion dropped, and its grade one more and one less."""

    def by(step: int) -> Callable[[Criterion], Criterion]:
        return lambda part: replace(part, grade=part.grade + step)

    found = []
    for part in scale.criteria:
        kinds: list[tuple[str, Callable[[Criterion], Criterion | None]]] = [
            ("dropped", lambda _: None),
            ("one grade higher", by(1)),
        ]
        kinds += [("one grade lower", by(-1))] if part.grade else []
        found += [TableMutation(scale.id, part.id, kind, with_criterion(part.id, do)) for kind, do in kinds]
    return found


def condition_mutations(scale: Scale) -> list[TableMutation]:
    """Every criterion's first own cut-off, length and list made wrong in every way that it can be."""
    found = []
    for kind, types, change in CONDITIONS:
        for part in scale.criteria:
            place = first_own(scale, part, types)
            edited = part if place is None else replace(part, when=changed_at(part.when, place, change))
            if edited != part:
                found.append(TableMutation(scale.id, part.id, kind, with_criterion(part.id, _constant(edited))))
    return found


def _constant(criterion: Criterion) -> Callable[[Criterion], Criterion]:
    return lambda _: criterion


# what acts on a whole domain: kind of error, whether a domain has it, and the change
DOMAINS: list[tuple[str, Callable[[Domain], object], dict[str, Any]]] = [
    ("its attribution is ignored", lambda domain: domain.attribution, {"attribution": ""}),
    ("reasons for oxygen are ignored", lambda domain: domain.excluded_by, {"excluded_by": ""}),
    ("a chronic reason takes all away", lambda domain: domain.chronic, {"chronic": ()}),
    ("sedation is ignored", lambda domain: domain.under_sedation == "unknown", {"under_sedation": "graded"}),
]


def domain_mutations(scale: Scale) -> list[TableMutation]:
    """Every domain without its attribution, and without what else acts on it as a whole."""
    return [
        TableMutation(scale.id, part.id, kind, with_domain(part.id, **changes))
        for kind, applies, changes in DOMAINS
        for part in scale.domains
        if applies(part)
    ]


def other_mutations(scale: Scale) -> list[TableMutation]:
    """Flags forgotten; the sum for the worst; another window, another cause of death; unknown signs close episodes."""

    def edit(**changes: Any) -> ScaleEdit:
        return lambda before: replace(before, **changes)

    found = [
        TableMutation(
            scale.id, flag.id, "flag forgotten", edit(flag_rules=tuple(f for f in scale.flag_rules if f.id != flag.id))
        )
        for flag in scale.flag_rules
    ]
    scoring = "worst" if scale.scoring == "sum" else "sum"
    if len(scale.domains) > 1:
        found.append(TableMutation(scale.id, "scoring", scoring, edit(scoring=scoring)))
    if scale.window_days:
        first, last = scale.window_days
        for kind, window in (("later", (first + 1, last)), ("shorter", (first, last - 1))):
            found.append(TableMutation(scale.id, "window", kind, edit(window_days=window)))
    if scale.episode.death_cause:
        episode = replace(scale.episode, death_cause="progression")
        found.append(TableMutation(scale.id, "death", "of another cause", edit(episode=episode)))
    if scale.has_episodes:
        none = tuple(replace(part, holds_open=False) for part in scale.domains)
        found.append(TableMutation(scale.id, "episodes", "unknown signs keep none open", edit(domains=none)))
    return found
