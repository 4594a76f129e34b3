"""Every rule scale made wrong, one small error at a time; made from the tables, so a new scale needs no line here.

An error concerns one criterion: dropped, its grade one more or one less, or something of its condition made wrong. Of
the condition that is every comparison (put on the other side of its edge, turned round, moved by a fifth up and down),
every length and number of times, every list (one entry forgotten), and every word for what is not known. What stands
twice in a criterion is one thing, and made wrong in both places; where another criterion contains the whole, it is
made wrong with it. What a criterion shares with one above it, or takes over by name from another scale
(``criterion``, ``grade_of``), is made wrong there. Further errors concern a flag, a domain or the whole scale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from math import ceil, floor
from typing import Any

from cytowatch.knowledge import load
from cytowatch.knowledge.load import TABLES
from cytowatch.knowledge.model import (
    AgeYears,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Criterion,
    Cumulative,
    DaysSinceExposure,
    Domain,
    ExceptKnown,
    FlagRule,
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
from cytowatch.knowledge.new_only import as_asked, new_only
from cytowatch.knowledge.view_words import Words

ScaleEdit = Callable[[Scale], Scale]
Part = Criterion | FlagRule
COMPARISONS = (Compare, Relative, QuantityCompare)
LENGTHS = (Sustained, Cumulative, Repeated, Given, Count, Running, DaysSinceExposure, AgeYears)
LOOKS_BACK = (Given, Compare, In, Cumulative, Sustained)
LISTS = (In, Running, Given, Count, AnyOf, AnyMeasured)
_EDGE = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": ">="}
_ROUND = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "<"}
UP, DOWN = 1.2, 0.8


@dataclass(frozen=True)
class TableMutation:
    """One wrong scale: which, what is wrong with what, and the edit; ``wrong``: the conditions that are so then."""

    scale: str
    part: str  # a criterion, a domain or a flag
    kind: str
    edit: ScaleEdit
    wrong: tuple[Part, ...] = ()
    # which of its conditions is wrong, and what stands instead
    of: Node | None = None
    instead: Node | None = None

    def __str__(self) -> str:
        lost = f": {self.forgotten}" if self.forgotten else ""
        name = f"{self.scale}: {self.part}: {self.kind}{lost}"
        return f"{name} ({Words(load()).condition(self.of)})" if self.of else name

    @property
    def forgotten(self) -> str:
        """The entries of a list that are forgotten, in words."""
        name = _list_of(self.of) if isinstance(self.of, LISTS) else ""
        lost = [entry for entry in getattr(self.of, name, ()) if entry not in getattr(self.instead, name, ())]
        words = Words(load())
        return "; ".join(entry if isinstance(entry, str) else words.condition(entry) for entry in lost)


def with_scale(knowledge: Knowledge, scale: Scale) -> Knowledge:
    """The tables with another version of one scale."""
    return replace(knowledge, scales=knowledge.scales | {scale.id: scale})


# ---------------------------------------------------------------- the places in a condition


def places(node: object) -> Iterator[Any]:
    """Every condition inside a condition, itself first, in the order written."""
    if is_dataclass(node):
        yield node
        for part in fields(node):
            yield from places(getattr(node, part.name))
    elif isinstance(node, tuple):
        for inner in node:
            yield from places(inner)


def exchanged(node: Any, before: object, after: object) -> Any:
    """The condition with one of its parts exchanged for another, wherever it stands."""
    if node == before and type(node) is type(before):
        return after
    if isinstance(node, tuple):
        return tuple(exchanged(inner, before, after) for inner in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    return replace(node, **{part.name: exchanged(getattr(node, part.name), before, after) for part in fields(node)})


@lru_cache(maxsize=1)
def terms() -> dict[object, str]:
    """The conditions of the grades of CTCAE, as they are and as far as they are new, each with the term it grades."""
    found: dict[object, str] = {}
    for name, scale in load().scales.items():
        for part in scale.criteria if is_term(name) else ():
            found |= dict.fromkeys((part.when, new_only(part.when)), name.rpartition(".")[2])
    return found


def is_term(scale: str) -> bool:
    """One of the many scales that grade one term of CTCAE."""
    return scale.startswith("organ.")


@lru_cache(maxsize=1)
def inside_terms() -> frozenset[object]:
    """Every condition inside a grade of CTCAE."""
    return frozenset(place for when in terms() for place in places(when))


@lru_cache(maxsize=32)
def named(scale: str) -> frozenset[tuple[str, str]]:
    """The criteria of other scales that a scale takes over by name: scale and criterion."""
    if is_term(scale):
        return frozenset()
    written = (TABLES / "scales" / f"{scale}.toml").read_text(encoding="utf-8")
    found = re.findall(r'criterion = "([^"]+)\.(\w+)"', written)
    return frozenset((other, key) for other, key in found if other != scale)


@lru_cache(maxsize=32)
def taken_over(scale: str) -> frozenset[object]:
    """Every condition that a scale does not write itself, but names: what stands in another scale's criterion."""
    scales = load().scales
    found = {part.when for other, key in named(scale) for part in scales[other].criteria if part.id == key}
    own = frozenset() if is_term(scale) else inside_terms()
    return own | {place for when in found for place in places(when)}


def own_places(scale: Scale, part: Part) -> list[Any]:
    """The different conditions inside a criterion or flag that no criterion above it and no other scale has."""
    above = set(taken_over(scale.id))
    for other in (*scale.criteria, *scale.flag_rules):
        if other is part:
            break
        above |= set(places(other.when))
    return [node for node in dict.fromkeys(places(part.when)) if node not in above]


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


def moved(factor: float) -> Callable[[Any], Any]:
    """The cut-off by a fifth; of a concept that is counted in whole numbers by at least one."""

    def change(node: Any) -> Any:
        if isinstance(node, Relative):
            return replace(node, normal=node.normal * factor, abnormal=node.abnormal * factor)
        if node.value is None:
            return replace(node, threshold=scaled(node.threshold, factor))
        if not node.value:
            # nothing that is compared with 0 can be negative
            return replace(node, value=max(0.0, factor - 1))
        value = node.value * factor
        if isinstance(node, Compare) and load().concepts[node.concept].whole:
            value = float(ceil(value) if factor > 1 else floor(value))
        return replace(node, value=value)

    return change


def stretched(factor: float) -> Callable[[Any], Any]:
    """A length by a fifth, a number of times or an age by one."""
    one = 1 if factor > 1 else -1

    def change(node: Any) -> Any:
        match node:
            case Sustained():
                return replace(node, hours=node.hours * factor)
            case Cumulative():
                return replace(node, days=node.days * factor)
            case DaysSinceExposure():
                return replace(node, first=node.first * factor, last=node.last * factor)
            case AgeYears():
                return replace(node, first=max(0.0, node.first + one), last=node.last + one)
            case Repeated() | Given():
                return replace(node, times=max(1, node.times + one))
            case Count() | Running():
                return replace(node, at_least=max(1, node.at_least + one))
        raise TypeError(f"{node!r} has no length")

    return change


def looking_back(factor: float) -> Callable[[Any], Any]:
    """How long a dose, a reading or a break still counts, by a fifth."""

    def change(node: Any) -> Any:
        names = {part.name for part in fields(node)} & {
            "within_hours", "over_hours", "lookback_hours", "bridging_days", "pause_hours",
        }  # fmt: skip
        return replace(node, **{name: getattr(node, name) * factor for name in names})

    return change


def without_one(node: Any) -> Iterator[Any]:
    """One entry of a list forgotten, each in turn; of a single one nothing is taken, that would be to drop it all.

    The grades of one term of CTCAE are one entry: the worse ones are contained in the milder.
    """
    name = _list_of(node)
    entries = {number: terms().get(part, number) for number, part in enumerate(getattr(node, name))}
    for entry in dict.fromkeys(entries.values()) if len(set(entries.values())) > 1 else ():
        kept = tuple(part for number, part in enumerate(getattr(node, name)) if entries[number] != entry)
        yield replace(node, **{name: kept})


def _list_of(node: Any) -> str:
    return next(name for name in ("categories", "concepts", "of") if hasattr(node, name))


def each(change: Callable[[Any], Any]) -> Callable[[Any], Iterator[Any]]:
    """A change that can be made in one way only."""
    return lambda node: iter([change(node)])


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


# kind of error, on what it works, and what it does; each touches the condition of one criterion only
CONDITIONS: list[tuple[str, tuple[type, ...], Callable[[Any], Iterator[Any]]]] = [
    ("the edge belongs to the other side", COMPARISONS, each(on_the_other_side)),
    ("below for above", COMPARISONS, each(turned_round)),
    ("a higher cut-off", COMPARISONS, each(moved(UP))),
    ("a lower cut-off", COMPARISONS, each(moved(DOWN))),
    ("a longer time, or once more", LENGTHS, each(stretched(UP))),
    ("a shorter time, or once less", LENGTHS, each(stretched(DOWN))),
    ("looks back longer", LOOKS_BACK, each(looking_back(UP))),
    ("looks back less long", LOOKS_BACK, each(looking_back(DOWN))),
    ("one of a list is forgotten", LISTS, without_one),
    ("stretches are added up", (Cumulative,), each(lambda node: replace(node, one_stretch=False))),
    ("all that is named must be measured", (AnyMeasured,), each(lambda node: AnyOf(node.of))),
    ("what may be is taken as what is", (Possible,), each(lambda node: node.of)),
    ("what is not known is left open", (ExceptKnown,), each(lambda node: Not(node.of))),
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


def exchange(parts: tuple[Part, ...]) -> ScaleEdit:
    """Other versions of some criteria and flags."""
    wrong = {part.id: part for part in parts}

    def edit(scale: Scale) -> Scale:
        criteria = tuple(wrong.get(part.id, part) for part in scale.criteria)
        return replace(
            scale, criteria=criteria, flag_rules=tuple(wrong.get(part.id, part) for part in scale.flag_rules)
        )

    return edit


def with_another(parts: Iterable[Part], right: Node, wrong: Node) -> tuple[Part, ...]:
    """Those criteria and flags that contain one condition, with another one in its place."""
    edited = ((part, replace(part, when=exchanged(part.when, right, wrong))) for part in parts)
    return tuple(after for before, after in edited if after != before)


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
    """Everything in the condition of every criterion and flag made wrong in every way that it can be."""
    found: dict[object, TableMutation] = {}
    for part in (*scale.criteria, *scale.flag_rules):
        if part.when not in taken_over(scale.id) and as_asked(part.when) != part.when:
            wrong = (replace(part, when=as_asked(part.when)),)
            kind = "what was so before the exposure counts"
            found[wrong] = TableMutation(scale.id, part.id, kind, exchange(wrong), wrong)
        holders = [other for other in (*scale.criteria, *scale.flag_rules) if part.when in set(places(other.when))]
        for node in own_places(scale, part):
            for kind, types, change in CONDITIONS:
                for other in change(node) if isinstance(node, types) else ():
                    wrong = with_another(holders, part.when, exchanged(part.when, node, other))
                    if wrong:
                        mutation = TableMutation(scale.id, part.id, kind, exchange(wrong), wrong, node, other)
                        found.setdefault(wrong, mutation)
    return list(found.values())


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


def mutations_of(scale: Scale) -> list[TableMutation]:
    """Every error that is made in a scale."""
    return [
        *grade_mutations(scale),
        *condition_mutations(scale),
        *domain_mutations(scale),
        *other_mutations(scale),
    ]


def followers(mutation: TableMutation) -> list[TableMutation]:
    """The same error in every scale that takes the wrong criterion over by name."""
    scales, found = load().scales, []
    right = {part.id: part.when for part in scales[mutation.scale].criteria}.get(mutation.part)
    for name, scale in scales.items():
        if mutation.wrong and scale.method == "rules" and (mutation.scale, mutation.part) in named(name):
            (own,) = (part for part in mutation.wrong if part.id == mutation.part)
            wrong = with_another((*scale.criteria, *scale.flag_rules), right, own.when)
            found.append(replace(mutation, scale=name, edit=exchange(wrong), wrong=wrong))
    return found
