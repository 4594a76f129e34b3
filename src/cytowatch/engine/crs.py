"""CRS over time: from counters to bounds, phases and episodes (semantics page, section 5).

Input is the grid of one scale; output is segments with ``at_least``, ``at_most``, bit masks of criteria, missing
inputs and flags, and the onset of the episode a segment belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from cytowatch.engine.compile import BEYOND, DEVICE, Compiled, drug_truth, is_open, reading_name
from cytowatch.engine.counters import attributed
from cytowatch.engine.grid import first_of_subject, split_at
from cytowatch.engine.masks import mask
from cytowatch.engine.phases import add_episodes, end_of_last_sign, grade_bounds, perhaps_inside
from cytowatch.knowledge.model import All, AnyMeasured, AnyOf, Compare, Domain, In, Node, Scale

FLAGS = [
    "no_trigger",
    "assumed_trigger",
    "not_gradable",
    "vasopressin_alone",
    "inotrope",
    "oxygen_excluded",
    "oxygen_reason_not_stated",
    "fever_before_trigger",
]
MISSING = [
    "no_trigger",
    "body_temperature",
    "blood_pressure",
    "age",
    "vasopressor_state",
    "oxygen_device",
    "oxygen_flow",
    "attribution_hypotension",
    "attribution_hypoxia",
    "death_cause",
]
# what the later steps read of a segment; the counters themselves are not carried on
_ABOUT = (
    "subject", "start", "end", "span_end", "triggered", "assumed", "age_days", "early_fever", "fever", "cool",
    "afebrile", "fever|ever", "fever|last", "fever|doubted", "fever|doubted_at", "h_lo", "h_hi", "o_lo", "o_hi",
    "pressure_measured", "pressure_gray",
    "drug_doubtful", "device_doubtful", "flow_unknown", "inotrope", "reason_charted", "home_open", "oxygen_excluded",
    "death|own", "death|unknown",
)  # fmt: skip
_HIGHEST_GRADE, _BEYOND_LEVEL = 4, 5
_INSIDE, _QUIET = pl.col("inside"), pl.col("quiet")
_UNKNOWN_FEVER = ~pl.col("fever") & ~pl.col("afebrile")


@dataclass(frozen=True)
class Rules:
    """The policies that this module carries out; spans of time in microseconds.

    ``fever_gap``: how long fever counts after its last reading. ``episode_gap``: how long without signs ends an
    episode. ``early_fever``: how far before the trigger, and after it to the onset, fever flags an episode.
    ``early_drug``: how far before onset a drug that masks fever does. ``home_oxygen``: how soon that of a chronic
    reason must show. ``inotropes`` are flagged, ``steroids`` counted.
    """

    fever_gap: int
    episode_gap: int
    early_fever: int
    early_drug: int
    home_oxygen: int
    inotropes: tuple[str, ...]
    steroids: tuple[str, ...]
    ice_from_years: float


def criteria_names(scale: Scale) -> list[str]:
    """The criteria in the order in which they are reported."""
    signs = [criterion.id for criterion in scale.criteria if criterion.id != scale.episode.opens_with]
    return [scale.episode.opens_with, f"{scale.episode.opens_with}_waived", *signs, scale.episode.death_criterion]


def add_signs(
    grid: pl.DataFrame, scale: Scale, compiled: Compiled, not_recorded: frozenset[str], rules: Rules
) -> pl.DataFrame:
    """Add each criterion's certain and possible value (``+id``, ``?id``) and the bounds of the two sign axes."""
    pressure, oxygen = _domain(scale, "pressure"), _domain(scale, "oxygen")
    raw = [
        expression.alias(prefix + name)
        for name, truth in compiled.truths.items()
        for prefix, expression in (("+", truth.certain), ("?", truth.possible))
    ]
    table = grid.with_columns(
        *raw,
        is_open("fever|true").alias("fever"),
        is_open("fever|false").alias("cool"),
        # a fever counts for a day, so for a day after what may have been one nobody is known to be without
        (is_open("fever|false") & ~is_open("fever|maybe")).alias("afebrile"),
        attributed(pressure).alias("pressure_elsewhere"),
        attributed(oxygen).alias("oxygen_elsewhere"),
    )
    table = table.with_columns(
        _level(scale, "+").alias("level_lo"),
        _level(scale, "?").alias("level_hi"),
        _reason_begins().cum_sum().alias("reason_number"),
    )
    table = table.with_columns(
        _excluded("level_lo", "level_hi", rules.home_oxygen, unknown=_BEYOND_LEVEL).alias("+excluded"),
        _excluded("level_hi", "level_lo", rules.home_oxygen, unknown=0).alias("?excluded"),
    )
    table = table.with_columns(_without_attributed(scale))
    return table.with_columns(
        _highest(scale, "pressure", "+").alias("h_lo"),
        _highest(scale, "pressure", "?").alias("h_hi"),
        _highest(scale, "oxygen", "+").alias("o_lo"),
        _highest(scale, "oxygen", "?").alias("o_hi"),
        *_unknown_inputs(scale, compiled, not_recorded),
        _any(is_open(f"{drug}|on") for drug in rules.inotropes).alias("inotrope"),
        is_open("reason|any").alias("reason_charted"),
        (pl.col("+excluded") & ~pl.col("?excluded")).alias("home_open"),
        (pl.col("+excluded") & (pl.col("level_lo") > 0)).alias("oxygen_excluded"),
    ).select(
        *_ABOUT,
        *(f"{prefix}{criterion.id}" for criterion in scale.criteria if criterion.domain != "fever" for prefix in "+?"),
        ((pl.col("h_lo") > 0) | (pl.col("o_lo") > 0)).alias("sign"),
    )


def _domain(scale: Scale, name: str) -> Domain:
    return next(domain for domain in scale.domains if domain.id == name)


def _highest(scale: Scale, domain: str, prefix: str) -> pl.Expr:
    grades = [
        pl.when(pl.col(prefix + criterion.id)).then(criterion.grade).otherwise(0)
        for criterion in scale.criteria
        if criterion.domain == domain
    ]
    return pl.max_horizontal(grades).cast(pl.Int8)


def _reason_begins() -> pl.Expr:
    """A segment at which another reason begins to speak, or a subject does."""
    another = (pl.col("reason|from") != pl.col("reason|from").shift(1)) | (
        is_open("reason|any") & ~is_open("reason|any").shift(1)
    )
    return (another | first_of_subject()).fill_null(value=True)


def _level(scale: Scale, prefix: str) -> pl.Expr:
    """How much support there is, to be held against what the patient has at home: the grade, and one more beyond it."""
    beyond = is_open(BEYOND)
    if prefix == "?":
        highest = [c.id for c in scale.criteria if c.domain == "oxygen" and c.grade == _HIGHEST_GRADE]
        beyond |= is_open("device|other") | _any(pl.col(f"?{name}") & ~pl.col(f"+{name}") for name in highest)
    level = _highest(scale, "oxygen", prefix)
    return pl.when(beyond).then(_BEYOND_LEVEL).otherwise(level).cast(pl.Int8)


def _excluded(now: str, home: str, within: int, *, unknown: int) -> pl.Expr:
    """Oxygen support with another reason; under a chronic one only what the patient has at home.

    What is certain now must exceed what is possible at home, what is possible now what is certain there. Support that
    is on when the reason is charted, or comes on ``within`` that time, is what the patient has at home.
    """
    level = pl.col(now)
    since = pl.col("start") - pl.max_horizontal("reason|from", "span_start")
    first = pl.col(home).filter((pl.col("level_hi") > 0) & (since <= within)).first().over("reason_number")
    at_home = first.fill_null(unknown)
    chronic = is_open("reason|chronic") & (level <= at_home)
    otherwise = is_open("reason|any") & ~is_open("reason|excludes") & ~is_open("reason|chronic")
    return is_open("reason|excludes") | chronic | ((level <= pl.col("baseline_level")) & ~otherwise)


def _without_attributed(scale: Scale) -> list[pl.Expr]:
    def counted(prefix: str, domain: str) -> pl.Expr:
        if domain == "pressure":
            return ~pl.col("pressure_elsewhere")
        return ~pl.col("oxygen_elsewhere") & ~pl.col(f"{prefix}excluded")

    return [
        (pl.col(prefix + criterion.id) & counted(prefix, criterion.domain)).alias(prefix + criterion.id)
        for criterion in scale.criteria
        if criterion.domain in ("pressure", "oxygen")
        for prefix in ("+", "?")
    ]


def _unknown_inputs(scale: Scale, compiled: Compiled, not_recorded: frozenset[str]) -> list[pl.Expr]:
    """Which inputs are unknown at a moment, whatever that means for the grade."""
    pressures = [
        reading_name(part)
        for node in _nodes(scale, AnyMeasured)
        if isinstance(node, AnyMeasured)
        for part in node.of
        if isinstance(part, Compare)
    ]
    measured = _any(is_open(f"{name}|{part}") for name in pressures for part in ("true", "false", "gray"))
    truths = [drug_truth(drug, not_recorded) for drug in sorted(compiled.needs.drugs)]
    doubtful_drug = _any(truth.possible & ~truth.certain for truth in truths)
    alone = _any(
        is_open(f"{name}|{part}")
        for name, node in compiled.needs.readings.items()
        if node.without
        for part in ("true", "gray")
    ) & ~is_open("device|any")
    nothing_on = ~is_open("device|any")
    doubtful_device = nothing_on & (is_open("device|doubt") | pl.lit(DEVICE in not_recorded))
    flow_graded, flow = _flow_graded(scale)
    no_flow = is_open(flow_graded) & ~is_open(f"{flow}|true") & ~is_open(f"{flow}|false")
    return [
        measured.alias("pressure_measured"),
        _any(is_open(f"{name}|gray") for name in pressures).alias("pressure_gray"),
        doubtful_drug.alias("drug_doubtful"),
        (doubtful_device | is_open("device|other") | alone).alias("device_doubtful"),
        no_flow.alias("flow_unknown"),
    ]


def _any(parts: object) -> pl.Expr:
    return reduce(or_, list(parts), pl.lit(False))  # type: ignore[call-overload]


def _nodes(scale: Scale, kind: type) -> list[Node]:
    found: list[Node] = []

    def walk(node: Node) -> None:
        if isinstance(node, kind):
            found.append(node)
        if isinstance(node, All | AnyOf):
            for part in node.of:
                walk(part)

    for criterion in scale.criteria:
        walk(criterion.when)
    return found


def _flow_graded(scale: Scale) -> tuple[str, str]:
    """The counter of the devices that are graded by flow, and the name of the flow comparison."""
    for both in _nodes(scale, All):
        parts = both.of if isinstance(both, All) else ()
        devices = [part for part in parts if isinstance(part, In)]
        flows = [part for part in parts if isinstance(part, Compare)]
        if devices and flows:
            return f"device|{'+'.join(devices[0].categories)}", reading_name(flows[0])
    raise ValueError(f"{scale.id}: no device is graded by its flow")


def device_levels(scale: Scale) -> dict[str, int]:
    """The level that a device makes by itself, without knowing its flow."""
    levels: dict[str, int] = {}
    for criterion in sorted(scale.criteria, key=lambda criterion: criterion.grade):
        if criterion.domain != "oxygen":
            continue
        parts = criterion.when.of if isinstance(criterion.when, AnyOf) else ()
        graded = [inner for part in parts if isinstance(part, All) for inner in part.of if isinstance(inner, In)]
        levels |= {name: criterion.grade for part in parts if isinstance(part, In) for name in part.categories}
        levels |= {name: criterion.grade for part in graded for name in part.categories if name not in levels}
    return levels | dict.fromkeys(_domain(scale, "oxygen").beyond_home, _BEYOND_LEVEL)


def add_phases(signs: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Add ``last`` (last fever reading), ``ls`` (end of the last sign state), ``quiet``, ``inside`` and ``onset``."""
    table = signs.with_columns(
        pl.when(is_open("fever|ever")).then(pl.col("fever|last")).alias("last"),
        pl.when(is_open("fever|doubted")).then(pl.col("fever|doubted_at")).alias("doubted"),
        end_of_last_sign().alias("ls"),
    )
    table = table.with_columns(
        pl.when(pl.col("sign")).then(None).otherwise(pl.max_horizontal(one, "ls")).alias(name)
        for one, name in (("last", "last_sign"), ("doubted", "last_perhaps"))
    )
    table = split_at(table, pl.col("last") + rules.fever_gap, pl.col("last_sign") + rules.episode_gap)
    table = split_at(table, pl.col("last_perhaps") + rules.episode_gap)
    quiet = (
        ~pl.col("sign") & ~pl.col("fever") & (pl.col("start") - pl.col("last_sign") >= rules.episode_gap)
    ).fill_null(False)
    table = table.with_columns(quiet.alias("quiet"))
    free = pl.col("cool") & (pl.col("h_hi") == 0) & (pl.col("o_hi") == 0)
    perhaps = perhaps_inside(pl.col("doubted") == pl.col("start"), free, pl.col("last_perhaps"), rules.episode_gap)
    table = table.with_columns(perhaps.alias("perhaps"))
    return add_episodes(table, pl.col("fever"), free, "last_sign", rules.episode_gap)


def add_bounds(phases: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Add ``present`` (fever counts as present), ``at_least`` and ``at_most``; needs ``waived_from``."""
    since_fever = pl.col("start") - pl.col("last")
    table = phases.with_columns(
        (_INSIDE & (pl.col("fever") | (since_fever < rules.fever_gap).fill_null(False))).alias("present"),
        (_INSIDE & (pl.col("start") >= pl.col("waived_from")).fill_null(False)).alias("waived"),
    )
    worst_lo, worst_hi = pl.max_horizontal("h_lo", "o_lo"), pl.max_horizontal("h_hi", "o_hi")
    # where what may have been a fever was one, its episode goes on as any other
    open_ended = pl.max_horizontal(worst_hi, (_UNKNOWN_FEVER | pl.col("perhaps")).cast(pl.Int8))
    active = _INSIDE & ~_QUIET
    counted = active & (pl.col("present") | pl.col("waived"))
    at_least = pl.when(counted).then(pl.max_horizontal(worst_lo, pl.lit(1))).when(active).then(1).otherwise(0)
    at_most = pl.when(active).then(pl.max_horizontal(worst_hi, pl.lit(1))).otherwise(open_ended)
    return table.with_columns(grade_bounds(at_least, at_most))


def add_names(bounds: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """Add the bit masks ``criteria``, ``missing`` and ``flags``."""
    table = bounds.with_columns(_not_gradable().alias("not_gradable"))
    return table.with_columns(_criteria(scale).alias("criteria"), _missing().alias("missing"), _flags().alias("flags"))


def _dead() -> pl.Expr:
    return is_open("death|own") | is_open("death|unknown")


def _not_gradable() -> pl.Expr:
    afebrile_outside = ~_INSIDE & pl.col("afebrile")
    afebrile_inside = _INSIDE & ~_QUIET & ~pl.col("present") & ~pl.col("waived") & pl.col("afebrile")
    return pl.col("triggered") & pl.col("sign") & (afebrile_outside | afebrile_inside)


def _criteria(scale: Scale) -> pl.Expr:
    opening = scale.episode.opens_with
    fever = pl.when(_INSIDE).then(pl.col("present")).otherwise(pl.col("fever"))
    signs = {criterion.id: pl.col(f"+{criterion.id}") for criterion in scale.criteria if criterion.id != opening}
    living = {
        name: holds & ~_dead()
        for name, holds in {opening: fever, f"{opening}_waived": pl.col("waived"), **signs}.items()
    }
    return mask({**living, scale.episode.death_criterion: is_open("death|own")})


def _missing() -> pl.Expr:
    lo = pl.col("at_least")
    open_ = pl.col("triggered") & (lo < pl.col("at_most")) & ~_dead()
    waiting = _INSIDE & ~_QUIET & ~pl.col("present") & ~pl.col("waived")
    fever_matters = (
        pl.when(~_INSIDE | _QUIET).then(1).when(waiting).then(pl.max_horizontal("h_lo", "o_lo")).otherwise(0)
    )
    gray = pl.col("pressure_gray")
    undecided = pl.col("?hypotension") & ~pl.col("+hypotension") & (lo < 2)
    h_hi, o_hi = pl.col("h_hi"), pl.col("o_hi")
    oxygen_open = o_hi > pl.col("o_lo")
    # oxygen for a chronic reason, and nobody charted how much the patient has at home
    home_open = pl.col("home_open")
    return mask(
        {
            "no_trigger": ~pl.col("triggered"),
            "body_temperature": open_
            & (_UNKNOWN_FEVER | (pl.col("perhaps") & (~_INSIDE | _QUIET)))
            & (fever_matters > lo),
            "blood_pressure": open_
            & undecided
            & (~pl.col("pressure_measured") | (gray & pl.col("age_days").is_not_null())),
            "age": open_ & undecided & pl.col("pressure_gray") & pl.col("age_days").is_null(),
            "vasopressor_state": open_ & pl.col("drug_doubtful") & (h_hi >= 3) & (h_hi > pl.col("h_lo")) & (h_hi > lo),
            "oxygen_device": open_ & pl.col("device_doubtful") & oxygen_open & (o_hi > lo),
            "oxygen_flow": open_ & pl.col("flow_unknown") & oxygen_open & (pl.col("o_lo") < 3) & (lo < 3),
            "attribution_hypotension": open_ & pl.col("not_gradable") & (pl.col("h_lo") > 0) & (pl.col("h_lo") > lo),
            "attribution_hypoxia": open_
            & (
                (pl.col("not_gradable") & (pl.col("o_lo") > lo))
                | (home_open & oxygen_open & (o_hi > lo) & ~pl.col("device_doubtful") & ~pl.col("flow_unknown"))
            ),
            "death_cause": pl.col("triggered") & is_open("death|unknown") & ~is_open("death|own"),
        }
    )


def _flags() -> pl.Expr:
    return mask(
        {
            "no_trigger": ~pl.col("triggered"),
            "assumed_trigger": pl.col("assumed"),
            "not_gradable": pl.col("not_gradable"),
            "vasopressin_alone": pl.col("+vasopressin") & ~pl.col("?vasopressor"),
            "inotrope": pl.col("inotrope"),
            "oxygen_excluded": pl.col("oxygen_excluded"),
            "oxygen_reason_not_stated": (pl.col("o_lo") >= 2) & ~pl.col("reason_charted"),
            "fever_before_trigger": _INSIDE & pl.col("early_fever").fill_null(False),
        }
    )


def counters_read(scale: Scale, compiled: Compiled, rules: Rules) -> list[str]:
    """Every counter this module reads, so that the grid has each, if only as 0."""
    readings = [f"{name}|{part}" for name in compiled.needs.readings for part in ("true", "false", "gray")]
    drugs = [f"{drug}|{part}" for drug in (*compiled.needs.drugs, *rules.inotropes) for part in ("on", "doubt")]
    said = [
        f"{name}|{part}"
        for name in ("attribution", *(d.attribution for d in scale.domains))
        for part in ("else", "own")
    ]
    own = [
        "fever|true",
        "fever|false",
        "fever|ever",
        "fever|last",
        "fever|maybe",
        "fever|doubted",
        "fever|doubted_at",
        "reason|any",
        "reason|excludes",
        "reason|chronic",
        "reason|from",
        "death|own",
        "death|unknown",
        "device|any",
        "device|other",
        "device|doubt",
    ]
    return [*readings, *drugs, *said, *own, *compiled.needs.devices]
