"""From the truth of conditions to grades, missing names, flags and episodes (rule-scales page, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from cytowatch.engine.compile import Truth, is_open
from cytowatch.engine.counters import attributed
from cytowatch.engine.grid import split_at
from cytowatch.engine.masks import mask
from cytowatch.engine.phases import add_episodes, end_of_last_sign, grade_bounds
from cytowatch.engine.rules.compile import JUDGEMENT, Compiler
from cytowatch.engine.rules.distinct import distinct
from cytowatch.engine.rules.reader import Atom
from cytowatch.knowledge.model import Criterion, Domain, Scale

NO = pl.lit(value=False)
_GENERAL = "attribution"
_LIVING = ~(is_open("death|own") | is_open("death|unknown"))
_HOME, _SEDATED, _CAUSE = "attribution_hypoxia", "sedated", "death_cause"


@dataclass(frozen=True)
class Plan:
    """A scale compiled: per criterion its truth and its atoms, the flags, and the names in order of their bits."""

    criteria: dict[str, tuple[Truth, list[Atom]]]
    flags: dict[str, Truth]
    base: dict[str, pl.Expr]
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
    return Plan(criteria, flags, compiler.base, [*criteria, *death], missing, names)


@dataclass(frozen=True)
class Segments:
    """Stretches of time with bounds, bit masks and episodes, each with the number of its row in ``states``.

    ``states`` has a Boolean column ``holds <criterion> <n>`` for every leaf, for the evidence.
    """

    table: pl.DataFrame
    states: pl.DataFrame


def add_grades(grid: pl.DataFrame, plan: Plan, scale: Scale, gap: int) -> Segments:
    """Grade every stretch of the grid."""
    about = ["triggered", "assumed", "death|own", "death|unknown"]
    dead = [is_open(name).alias(name) for name in about[2:]]
    told = grid.select(
        *(expression.alias(name) for name, expression in plan.base.items()),
        *_axis_states(scale),
        *dead,
        *about[:2],
    )
    state, kinds = distinct(told, told.columns)
    states = _graded(kinds, plan, scale)
    rows = grid.select("subject", "start", "end", "span_start", "span_end", *about, state.alias("state"))
    table = _with_phases(rows.with_columns(states["sign"].gather(state), states["free"].gather(state)), scale, gap)
    keep = ["subject", "start", "end", "span_end", "state", "onset", "last_sign_at"]
    return Segments(table.select(*keep, *_said(states, table, scale.episode.floor)), states)


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


def _graded(kinds: pl.DataFrame, plan: Plan, scale: Scale) -> pl.DataFrame:
    """Everything that does not depend on time, once for every combination that occurs."""
    table = kinds.with_columns(pl.col("death|own", "death|unknown").cast(pl.Int8)).with_columns(_raw(plan, scale))
    table = table.with_columns(*_acted_on(scale))
    table = table.with_columns(*_domain_bounds(scale))
    low, high = _total(scale, "lo"), _total(scale, "hi")
    holding = [pl.col(f"hi {domain.id}") == 0 for domain in scale.domains if domain.holds_open]
    sign = low >= 1
    free = ~sign & pl.all_horizontal(*holding) if holding else ~sign
    table = table.with_columns(*grade_bounds(low, high), sign.alias("sign"), free.alias("free"))
    floor = scale.episode.floor
    return table.with_columns(
        _criteria(scale).alias("criteria"),
        _missing(plan, scale).alias("missing"),
        *([_missing(plan, scale, floor).alias("missing between")] if floor else []),
        _flags(plan, scale).alias("flags"),
    )


# ---------------------------------------------------------------- truths


def _raw(plan: Plan, scale: Scale) -> list[pl.Expr]:
    columns = []
    for criterion in scale.criteria:
        truth, atoms = plan.criteria[criterion.id]
        columns += [truth.certain.alias(f"+{criterion.id}"), truth.possible.alias(f"?{criterion.id}")]
        columns += [(truth.possible & ~truth.certain).alias(f"open {criterion.id}")]
        columns += [truth.certain.alias(f"met {criterion.id}")]
        columns += [atom.truth.certain.alias(f"holds {criterion.id} {n}") for n, atom in enumerate(atoms)]
    columns += [truth.certain.alias(f"flag {name}") for name, truth in plan.flags.items()]
    return columns


def _axis_states(scale: Scale) -> list[pl.Expr]:
    """Per domain ``elsewhere`` (attributed or excluded), ``chronic`` and ``asleep``."""
    columns = []
    for domain in scale.domains:
        columns += [
            _gone(domain).alias(f"gone {domain.id}"),
            _chronic(domain).alias(f"chronic {domain.id}"),
            (is_open("sedated|on") if domain.under_sedation == "unknown" else NO).alias(f"asleep {domain.id}"),
        ]
    return columns


def _gone(domain: Domain) -> pl.Expr:
    """Attributed to another cause, or excluded by a charted reason."""
    elsewhere = attributed(domain) if domain.attribution else NO
    return elsewhere | (is_open("reason|excludes") if domain.excluded_by else NO)


def _chronic(domain: Domain) -> pl.Expr:
    """Some of the support is the patient's own; how much is not worked out on these scales."""
    if not domain.excluded_by:
        return NO
    own = pl.col("baseline_oxygen_device").is_not_null() & (pl.col("baseline_oxygen_device") != "room_air")
    return is_open("reason|chronic") | (~is_open("reason|any") & own.fill_null(value=False))


def _acted_on(scale: Scale) -> list[pl.Expr]:
    """The criteria after attribution, sedation and chronic reasons have had their say."""
    columns = []
    for part in scale.criteria:
        gone, chronic, asleep = (pl.col(f"{state} {part.domain}") for state in ("gone", "chronic", "asleep"))
        sure, maybe = pl.col(f"+{part.id}"), pl.col(f"?{part.id}")
        columns += [
            (sure & ~gone & ~chronic & ~asleep).alias(f"+{part.id}"),
            ((maybe | asleep) & ~gone).alias(f"?{part.id}"),
        ]
    return columns


def _of(scale: Scale, domain: Domain) -> list[Criterion]:
    return [part for part in scale.criteria if part.domain == domain.id]


def _domain_bounds(scale: Scale) -> list[pl.Expr]:
    return [
        pl.max_horizontal(
            [pl.when(pl.col(prefix + part.id)).then(part.grade).otherwise(0) for part in _of(scale, domain)]
        )
        .cast(pl.Int16)
        .alias(f"{end} {domain.id}")
        for domain in scale.domains
        for prefix, end in (("+", "lo"), ("?", "hi"))
    ]


def _total(scale: Scale, end: str) -> pl.Expr:
    parts = [pl.col(f"{end} {domain.id}") for domain in scale.domains]
    return (pl.sum_horizontal(parts) if scale.scoring == "sum" else pl.max_horizontal(parts)).cast(pl.Int16)


# ---------------------------------------------------------------- episodes


def _with_phases(table: pl.DataFrame, scale: Scale, gap: int) -> pl.DataFrame:
    """Add ``onset``, ``last_sign_at`` and ``between`` to segments with ``sign`` and ``free``.

    ``between``: inside an episode without a sign, and less than ``gap`` after the last one. Without episodes there is
    none of it.
    """
    if not scale.has_episodes:
        nothing = pl.lit(None, pl.Int64)
        return table.with_columns(nothing.alias("onset"), nothing.alias("last_sign_at"), NO.alias("between"))
    table = table.with_columns(end_of_last_sign().alias("ls"))
    table = split_at(table, pl.when(~pl.col("sign")).then(pl.col("ls") + gap))
    quiet = (~pl.col("sign") & (pl.col("start") - pl.col("ls") >= gap)).fill_null(value=False)
    table = add_episodes(table.with_columns(quiet.alias("quiet")), pl.col("sign"), pl.col("free"), "ls", gap)
    between = pl.col("inside") & ~pl.col("sign") & ~pl.col("quiet") & _LIVING
    return table.with_columns(
        pl.when("sign").then("end").otherwise("ls").alias("last_sign_at"), between.alias("between")
    )


# ---------------------------------------------------------------- names


def _dead() -> pl.Expr:
    return pl.col("triggered") & (is_open("death|own") | is_open("death|unknown"))


def _criteria(scale: Scale) -> pl.Expr:
    held = {part.id: pl.col(f"+{part.id}") & _LIVING for part in scale.criteria}
    if scale.episode.death_criterion:
        held[scale.episode.death_criterion] = is_open("death|own")
    return mask(held)


def _missing(plan: Plan, scale: Scale, floor: int = 0) -> pl.Expr:
    """What would settle the grade; ``floor``: where it is no less than this."""
    lo = pl.max_horizontal("at_least", floor) if floor else pl.col("at_least")
    open_ = pl.col("triggered") & (lo < pl.col("at_most")) & ~_dead()
    said: dict[str, list[pl.Expr]] = {name: [] for name in plan.missing_names}
    for part in scale.criteria:
        reached = pl.col(f"lo {part.domain}") if scale.scoring == "sum" else lo
        matters = open_ & pl.col(f"?{part.id}") & ~pl.col(f"+{part.id}") & (reached < part.grade)
        chronic, asleep = pl.col(f"chronic {part.domain}"), pl.col(f"asleep {part.domain}")
        said[_SEDATED].append(matters & asleep)
        said[_HOME].append(matters & chronic & ~asleep)
        plain = matters & pl.col(f"open {part.id}") & ~asleep
        # a leaf that stands twice in a condition says the same twice
        atoms = list({id(atom.truth): atom for atom in plan.criteria[part.id][1]}.values())
        for atom in atoms:
            for name, held in atom.names:
                said[name].append(plain & atom.is_open & held)
        nothing = ~reduce(or_, (atom.is_open & held for atom in atoms for _, held in atom.names), NO)
        said[JUDGEMENT].append(plain & nothing)
    said["no_trigger"] = [~pl.col("triggered")]
    said[_CAUSE] = [pl.col("triggered") & is_open("death|unknown") & ~is_open("death|own")]
    return mask({name: reduce(or_, parts, NO) for name, parts in said.items()})


def _flags(plan: Plan, scale: Scale) -> pl.Expr:
    held = {"no_trigger": ~pl.col("triggered"), "assumed_trigger": pl.col("assumed")}
    held |= {name: pl.col(f"flag {name}") for name in plan.flags}
    recalled = [pl.col(f"+{part.id}") for part in scale.criteria if part.evidence == "recalled"]
    if recalled:
        held["recalled_criteria"] = pl.any_horizontal(recalled) & _LIVING
    if _can_be_taken_away(scale):
        taken = [pl.col(f"met {part.id}") & pl.col(f"gone {part.domain}") for part in scale.criteria]
        held["attributed_elsewhere"] = pl.any_horizontal(taken)
    return mask(held)
