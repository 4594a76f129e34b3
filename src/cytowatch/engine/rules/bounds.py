"""From the truth of conditions to grades, missing names, flags and episodes (rule-scales page, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cytowatch.engine.compile import Truth, is_open
from cytowatch.engine.counters import attributed
from cytowatch.engine.grid import split_at
from cytowatch.engine.phases import add_episodes, end_of_last_sign, grade_bounds
from cytowatch.engine.rules.compile import JUDGEMENT, Compiler
from cytowatch.engine.rules.distinct import distinct
from cytowatch.engine.rules.reader import Atom
from cytowatch.engine.rules.statements import NO, YES, Leaf, Statement, Told, either, every
from cytowatch.knowledge.model import Criterion, Domain, Scale

_GENERAL = "attribution"
_HOME, _SEDATED, _CAUSE = "attribution_hypoxia", "sedated", "death_cause"
_TRIGGERED, _ASSUMED = Leaf("triggered"), Leaf("assumed")
_OWN_DEATH, _UNKNOWN_DEATH = Leaf("death|own"), Leaf("death|unknown")
_DEAD = _OWN_DEATH | _UNKNOWN_DEATH


@dataclass(frozen=True)
class Plan:
    """A scale compiled: per criterion its truth and its atoms, the flags, and the names in order of their bits."""

    criteria: dict[str, tuple[Truth[Statement], list[Atom]]]
    flags: dict[str, Truth[Statement]]
    base: dict[str, pl.Expr]
    counted: list[str]
    criteria_names: list[str]
    missing_names: list[str]
    flag_names: list[str]


def attributions(scale: Scale) -> list[str]:
    """The concepts that can attribute an axis of the scale to another cause."""
    own = [domain.attribution for domain in scale.domains if domain.attribution]
    return list(dict.fromkeys([*own, _GENERAL])) if own else []


def _can_be_taken_away(scale: Scale) -> bool:
    return any(domain.attribution or domain.excluded_by for domain in scale.domains)


def plan(scale: Scale, compiler: Compiler) -> Plan:
    """Compile every condition of a scale."""
    criteria = {part.id: compiler.condition(part.when) for part in scale.criteria}
    flags = {flag.id: compiler.condition(flag.when)[0] for flag in scale.flag_rules}
    death = [scale.episode.death_criterion] if scale.episode.death_criterion else []
    named = {name for _, atoms in criteria.values() for atom in atoms for name, _ in atom.names}
    missing = sorted(named | {"no_trigger", JUDGEMENT, _HOME, _SEDATED, _CAUSE})
    recalled = ["recalled_criteria"] if any(part.evidence == "recalled" for part in scale.criteria) else []
    elsewhere = ["attributed_elsewhere"] if _can_be_taken_away(scale) else []
    names = ["no_trigger", "assumed_trigger", *flags, *recalled, *elsewhere]
    return Plan(criteria, flags, compiler.base, list(compiler.counted), [*criteria, *death], missing, names)


@dataclass(frozen=True)
class Segments:
    """Stretches of time with bounds, bit masks and episodes, each with the number of its ``state``.

    ``told``: what any statement says in each state; ``listed``: when each criterion is listed. Both for the evidence.
    """

    table: pl.DataFrame
    told: Told
    listed: dict[str, Statement]


def add_grades(grid: pl.DataFrame, plan: Plan, scale: Scale, gap: int) -> Segments:
    """Grade every stretch of the grid."""
    about = ["triggered", "assumed", "death|own", "death|unknown"]
    asked = plan.base | _axis_states(scale) | {name: is_open(name) for name in about[2:]}
    asked |= {name: pl.col(name) for name in about[:2]}
    state, kinds = distinct(grid, plan.counted, asked)
    told = Told(kinds)
    axes = _Axes(plan, scale)
    states = _graded(told, axes)
    rows = grid.select("subject", "start", "end", "span_start", "span_end", *about, state.alias("state"))
    table = _with_phases(rows.with_columns(states["sign"].gather(state), states["free"].gather(state)), scale, gap)
    keep = ["subject", "start", "end", "span_end", "state", "onset", "last_sign_at"]
    said = _said(states, table, scale.episode.floor)
    return Segments(table.select(*keep, *said), told, _criteria(axes))


def _said(states: pl.DataFrame, table: pl.DataFrame, floor: int) -> list[pl.Expr]:
    """What each stretch says: what its state says, but between the signs of an episode no less than the floor."""
    names = ("at_least", "at_most", "criteria", "missing", "flags")
    found = {name: pl.lit(states[name].gather(table["state"])).alias(name) for name in names}
    if floor:
        for name in ("at_least", "at_most"):
            found[name] = pl.when("between").then(pl.max_horizontal(found[name], floor)).otherwise(found[name])
        held = pl.lit(states["missing between"].gather(table["state"]))
        found["missing"] = pl.when("between").then(held).otherwise(found["missing"]).alias("missing")
    return [expression.alias(name) for name, expression in found.items()]


def _graded(told: Told, axes: _Axes) -> pl.DataFrame:
    """Everything that does not depend on time, once for every combination that occurs."""
    about = (_TRIGGERED, _OWN_DEATH, _UNKNOWN_DEATH)
    floor = axes.scale.episode.floor
    table = pl.DataFrame(
        [
            *(told.of(statement).cast(pl.Int8).alias(name) for statement, name in zip(about, _ABOUT, strict=True)),
            _total(told, axes.groups, axes.sure).alias("low"),
            _total(told, axes.groups, axes.maybe).alias("high"),
            told.of(axes.sign).alias("sign"),
            told.of(axes.free).alias("free"),
            told.mask(_criteria(axes)).alias("criteria"),
            told.mask(_missing(axes)).alias("missing"),
            *([told.mask(_missing(axes, floor)).alias("missing between")] if floor else []),
            told.mask(_flags(axes)).alias("flags"),
        ]
    )
    table = table.with_columns(pl.col("triggered").cast(pl.Boolean))
    return table.with_columns(grade_bounds(pl.col("low"), pl.col("high")))


_ABOUT = ("triggered", "death|own", "death|unknown")


# ---------------------------------------------------------------- truths


def _axis_states(scale: Scale) -> dict[str, pl.Expr]:
    """Per domain ``gone`` (attributed or excluded), ``chronic`` and ``asleep``, where they can be so."""
    states = {}
    for domain in scale.domains:
        if domain.attribution or domain.excluded_by:
            states[f"gone {domain.id}"] = _gone(domain)
        if domain.excluded_by:
            states[f"chronic {domain.id}"] = _chronic()
        if domain.under_sedation == "unknown":
            states[f"asleep {domain.id}"] = is_open("sedated|on")
    return states


def _gone(domain: Domain) -> pl.Expr:
    """Attributed to another cause, or excluded by a charted reason."""
    reasons = [attributed(domain)] if domain.attribution else []
    reasons += [is_open("reason|excludes")] if domain.excluded_by else []
    return pl.any_horizontal(reasons)


def _chronic() -> pl.Expr:
    """Some of the support is the patient's own; how much is not worked out on these scales."""
    own = pl.col("baseline_oxygen_device").is_not_null() & (pl.col("baseline_oxygen_device") != "room_air")
    return is_open("reason|chronic") | (~is_open("reason|any") & own.fill_null(value=False))


class _Axes:
    """The criteria of a scale after attribution, sedation and chronic reasons have had their say."""

    def __init__(self, plan: Plan, scale: Scale) -> None:
        self.plan, self.scale = plan, scale
        attributable = {part.id for part in scale.domains if part.attribution or part.excluded_by}
        self.gone = {part.id: _leaf(f"gone {part.id}", exists=part.id in attributable) for part in scale.domains}
        self.chronic = {part.id: _leaf(f"chronic {part.id}", exists=bool(part.excluded_by)) for part in scale.domains}
        asleep = {part.id for part in scale.domains if part.under_sedation == "unknown"}
        self.asleep = {part.id: _leaf(f"asleep {part.id}", exists=part.id in asleep) for part in scale.domains}
        self.sure = {part.id: self._sure(part) for part in scale.criteria}
        self.maybe = {part.id: self._maybe(part) for part in scale.criteria}
        # what adds up: every domain on its own, or, where the worst counts, all criteria together
        domains = [[part for part in scale.criteria if part.domain == domain.id] for domain in scale.domains]
        self.groups = domains if scale.scoring == "sum" else [list(scale.criteria)]
        self._steps: dict[tuple[int, int], Statement] = {}

    def _sure(self, part: Criterion) -> Statement:
        taken = (self.gone, self.chronic, self.asleep)
        return every([self.plan.criteria[part.id][0].certain, *(~axis[part.domain] for axis in taken)])

    def _maybe(self, part: Criterion) -> Statement:
        return (self.plan.criteria[part.id][0].possible | self.asleep[part.domain]) & ~self.gone[part.domain]

    @property
    def sign(self) -> Statement:
        """Something counts for certain."""
        return either(self.sure[part.id] for part in self.scale.criteria if part.grade >= 1)

    @property
    def free(self) -> Statement:
        """Nothing counts, not even possibly in the domains that keep an episode open."""
        holding = {domain.id for domain in self.scale.domains if domain.holds_open}
        open_ = (self.maybe[part.id] for part in self.scale.criteria if part.domain in holding and part.grade >= 1)
        return ~(self.sign | either(open_))

    def undecided(self, floor: int) -> Statement:
        """The lowest and the highest grade differ, neither being less than ``floor``."""
        return either(
            reached(group, self.maybe, grade) & ~reached(group, self.sure, grade)
            for group in self.groups
            for grade in _grades(group)
            if grade > floor
        )

    def at_least(self, part: Criterion) -> Statement:
        """The grade of a criterion is reached without it: by the scale, or where grades add up by its domain."""
        if part.grade < 1:
            return YES
        number = next(number for number, group in enumerate(self.groups) if part in group)
        if (number, part.grade) not in self._steps:
            self._steps[number, part.grade] = reached(self.groups[number], self.sure, part.grade)
        return self._steps[number, part.grade]


def _leaf(name: str, *, exists: bool) -> Statement:
    return Leaf(name) if exists else NO


def _grades(group: list[Criterion]) -> list[int]:
    return sorted({part.grade for part in group if part.grade >= 1})


def reached(group: list[Criterion], held: dict[str, Statement], grade: int) -> Statement:
    """Some criterion of this grade or a higher one holds."""
    return either(held[part.id] for part in group if part.grade >= grade)


def _total(told: Told, groups: list[list[Criterion]], held: dict[str, Statement]) -> pl.Series:
    """The highest grade that holds in each group, added up: each grade adds what it has more than the one below."""
    steps: list[tuple[int, Statement]] = []
    for group in groups:
        grades = _grades(group)
        more = (above - below for above, below in zip(grades, [0, *grades], strict=False))
        steps += [(step, reached(group, held, grade)) for step, grade in zip(more, grades, strict=True)]
    return told.sum(steps)


# ---------------------------------------------------------------- episodes


def _with_phases(table: pl.DataFrame, scale: Scale, gap: int) -> pl.DataFrame:
    """Add ``onset``, ``last_sign_at`` and ``between`` to segments with ``sign`` and ``free``.

    ``between``: inside an episode without a sign, and less than ``gap`` after the last one. Without episodes there is
    none of it.
    """
    if not scale.has_episodes:
        nothing = pl.lit(None, pl.Int64)
        return table.with_columns(
            nothing.alias("onset"), nothing.alias("last_sign_at"), pl.lit(value=False).alias("between")
        )
    table = table.with_columns(end_of_last_sign().alias("ls"))
    table = split_at(table, pl.when(~pl.col("sign")).then(pl.col("ls") + gap))
    quiet = (~pl.col("sign") & (pl.col("start") - pl.col("ls") >= gap)).fill_null(value=False)
    table = add_episodes(table.with_columns(quiet.alias("quiet")), pl.col("sign"), pl.col("free"), "ls", gap)
    between = pl.col("inside") & ~pl.col("sign") & ~pl.col("quiet") & ~is_open("death|own") & ~is_open("death|unknown")
    return table.with_columns(
        pl.when("sign").then("end").otherwise("ls").alias("last_sign_at"), between.alias("between")
    )


# ---------------------------------------------------------------- names


def _criteria(axes: _Axes) -> dict[str, Statement]:
    held = {part.id: axes.sure[part.id] & ~_DEAD for part in axes.scale.criteria}
    if axes.scale.episode.death_criterion:
        held[axes.scale.episode.death_criterion] = _OWN_DEATH
    return held


def _missing(axes: _Axes, floor: int = 0) -> dict[str, Statement]:
    """What would settle the grade; ``floor``: where it is no less than this."""
    open_ = every([_TRIGGERED, axes.undecided(floor), ~_DEAD])
    said: dict[str, list[Statement]] = {name: [] for name in axes.plan.missing_names}
    for part in axes.scale.criteria:
        settled = axes.at_least(part) if part.grade > floor else YES
        matters = every([open_, axes.maybe[part.id], ~axes.sure[part.id], ~settled])
        chronic, asleep = axes.chronic[part.domain], axes.asleep[part.domain]
        said[_SEDATED].append(matters & asleep)
        said[_HOME].append(every([matters, chronic, ~asleep]))
        truth, atoms = axes.plan.criteria[part.id]
        plain = every([matters, truth.possible, ~truth.certain, ~asleep])
        lacking = [(name, atom.is_open & held) for atom in atoms for name, held in atom.names]
        for name, held in lacking:
            said[name].append(plain & held)
        said[JUDGEMENT].append(plain & ~either(held for _, held in lacking))
    said["no_trigger"] = [~_TRIGGERED]
    said[_CAUSE] = [every([_TRIGGERED, _UNKNOWN_DEATH, ~_OWN_DEATH])]
    return {name: either(parts) for name, parts in said.items()}


def _flags(axes: _Axes) -> dict[str, Statement]:
    scale = axes.scale
    held = {"no_trigger": ~_TRIGGERED, "assumed_trigger": _ASSUMED}
    held |= {name: truth.certain for name, truth in axes.plan.flags.items()}
    recalled = [axes.sure[part.id] for part in scale.criteria if part.evidence == "recalled"]
    if recalled:
        held["recalled_criteria"] = either(recalled) & ~_DEAD
    if _can_be_taken_away(scale):
        taken = (axes.plan.criteria[part.id][0].certain & axes.gone[part.domain] for part in scale.criteria)
        held["attributed_elsewhere"] = either(taken)
    return held
