"""ICANS over time: domain ranges, the worst of them, and episodes (semantics page, section 6)."""

from __future__ import annotations

import polars as pl

from cytowatch.engine.compile import is_open
from cytowatch.engine.counters import attributed
from cytowatch.engine.grid import split_at
from cytowatch.engine.masks import mask
from cytowatch.engine.neuro_counters import POINT, band_grade
from cytowatch.engine.phases import add_episodes, end_of_last_sign, grade_bounds
from cytowatch.knowledge.model import Domain, Scale

FLAGS = [
    "no_trigger", "assumed_trigger", "awake_assumed", "baseline_ice", "intracranial_hemorrhage", "sedated",
    "finding_not_graded",
]  # fmt: skip
MISSING = [
    "no_trigger", "ice_score", "capd_score", "age", "attribution_neuro", "consciousness", "sedated", "neuro_exam",
    "death_cause",
]  # fmt: skip
# what an instrument that was not done leaves open, and what an unknown state does
_NOT_DONE = (0, 3)
_WORST = 4


def criteria_names(scale: Scale) -> list[str]:
    """``<domain>_grade_<g>`` for every domain and grade, then the death criterion."""
    grades = [grade for grade in scale.grades if grade <= _WORST]
    return [f"{domain.id}_grade_{grade}" for domain in scale.domains for grade in grades] + [
        scale.episode.death_criterion
    ]


def add_domains(grid: pl.DataFrame, scale: Scale, ice_from_years: float) -> pl.DataFrame:
    """Add ``<domain>_lo`` and ``_hi`` of every domain and the worst of them, ``n_lo`` and ``n_hi``."""
    named = {domain.id: domain for domain in scale.domains}
    table = grid.with_columns(
        *_instrument(ice_from_years),
        is_open("sedated|on").alias("sedated"),
        attributed(named["ice"]).alias("elsewhere"),
        *_ice_range(named["ice"]),
        *_score_range("capd"),
    )
    table = table.with_columns(
        (is_open("ice|in") | is_open("items|in")).alias("ice_in"), is_open("capd|in").alias("capd_in")
    ).with_columns(
        (pl.col("uses_ice") & pl.col("ice_in") | pl.col("uses_capd") & pl.col("capd_in")).alias("instrument_in")
    )
    table = table.with_columns(*_chosen_instrument(), _awake_taken())
    ranges = {"consciousness": _consciousness()} | {d.id: _exception(d) for d in scale.domains if d.by_exception}
    table = table.with_columns(
        expression.cast(pl.Int8).alias(f"{name}_{part}")
        for name, (low, high) in ranges.items()
        for part, expression in (("lo", low), ("hi", high))
    )
    return table.with_columns(*_worst(scale))


def _instrument(ice_from_years: float) -> list[pl.Expr]:
    age, delay = pl.col("age_years"), pl.col("developmental_delay").fill_null(False)
    unknown = age.is_null() & ~delay
    child = delay | (age < ice_from_years).fill_null(False)
    return [(~child).alias("uses_ice"), (child | unknown).alias("uses_capd"), unknown.alias("age_open")]


def _ice_range(ice: Domain) -> list[pl.Expr]:
    """``ice_lo``, ``ice_hi``; ``ice_lost``: points gone before; ``ice_lowered`` by them; ``ice_open`` by the score."""
    whole = float(sum(most for _, most in ice.items))
    by_items, by_total = is_open("items|in"), is_open("ice|in")
    done = by_items | by_total
    low = pl.when(by_items).then(pl.col("items|lo") / POINT).otherwise(pl.col("ice|low") / POINT)
    missing = (pl.col("items|hi") - pl.col("items|max")) / POINT + whole
    high = pl.when(by_items).then(missing).otherwise(pl.col("ice|high") / POINT)
    mild, severe = band_grade(high, ice.bands), band_grade(low, ice.bands)
    lost = (whole - pl.col("baseline_ice")).fill_null(0.0)
    # counted by the number of tasks lost since; where somebody says whose deficit it is, as it stands
    since = band_grade(pl.min_horizontal(high + lost, pl.lit(whole)), ice.bands)
    before = pl.col("baseline_ice").fill_null(whole)
    as_before = band_grade(pl.lit(whole), ice.bands)
    said = is_open(f"{ice.attribution}|own")
    lower = pl.when(~said).then(since).when(high < before).then(mild).otherwise(as_before)
    upper = pl.when(low >= before).then(as_before).otherwise(severe)
    lowest, highest = (pl.when(lost > 0).then(ours).otherwise(own) for ours, own in ((lower, mild), (upper, severe)))
    return [
        pl.when(done).then(lowest).otherwise(_NOT_DONE[0]).cast(pl.Int8).alias("ice_lo"),
        pl.when(done).then(highest).otherwise(_NOT_DONE[1]).cast(pl.Int8).alias("ice_hi"),
        (done & (lost > 0)).alias("ice_lost"),
        (~done | (mild < severe)).alias("ice_open"),
        (done & (lowest < mild)).alias("ice_lowered"),
    ]


def _score_range(name: str) -> list[pl.Expr]:
    done = is_open(f"{name}|in")
    return [
        pl.when(done).then(f"{name}|{part}").otherwise(open_).cast(pl.Int8).alias(f"{name}_{part}")
        for part, open_ in zip(("lo", "hi"), _NOT_DONE, strict=True)
    ]


def _chosen_instrument() -> list[pl.Expr]:
    """``tool_lo``, ``tool_hi`` and which instrument speaks: ``by_ice``, ``by_capd``, ``by_both``."""
    both = pl.col("age_open") & pl.col("ice_in") & pl.col("capd_in")
    capd = (pl.col("uses_capd") & ~pl.col("age_open")) | (pl.col("age_open") & ~pl.col("ice_in") & pl.col("capd_in"))
    low = pl.when(both).then(pl.min_horizontal("ice_lo", "capd_lo")).when(capd).then("capd_lo").otherwise("ice_lo")
    high = pl.when(both).then(pl.max_horizontal("ice_hi", "capd_hi")).when(capd).then("capd_hi").otherwise("ice_hi")
    return [
        pl.when("sedated").then(0).otherwise(low).cast(pl.Int8).alias("tool_lo"),
        pl.when("sedated").then(_WORST).otherwise(high).cast(pl.Int8).alias("tool_hi"),
        both.alias("by_both"),
        (capd & ~both).alias("by_capd"),
        (~capd & ~both).alias("by_ice"),
    ]


def _awake_taken() -> pl.Expr:
    """Nobody charted consciousness, an instrument is in force, and no symptom speaks against it."""
    silent = ~is_open("consciousness|in") & ~is_open("consciousness|said")
    return (pl.col("instrument_in") & silent & ~pl.col("sedated")).alias("awake_taken")


def _consciousness() -> tuple[pl.Expr, pl.Expr]:
    charted, grade = is_open("consciousness|in"), pl.col("consciousness|grade")
    awake = pl.col("awake_taken") | (charted & (grade == 0) & ~is_open("consciousness|said"))
    low = pl.when(charted & ~pl.col("sedated")).then(grade).otherwise(0)
    stands = charted & (grade > 0) & ~is_open("consciousness|unread")
    high = pl.when("sedated").then(_WORST).when(awake).then(0).when(stands).then(grade)
    return low, high.otherwise(_WORST)


def _exception(domain: Domain) -> tuple[pl.Expr, pl.Expr]:
    name = domain.id
    present, grade = is_open(f"{name}|in"), pl.col(f"{name}|grade")
    low = pl.when(present).then(grade).otherwise(0)
    absent = is_open(f"{name}|clear") & ~is_open(f"{domain.concept}|said")
    stands = present & ~is_open(f"{domain.concept}|unread")
    high = pl.when(stands).then(grade).when(absent & ~present).then(0).otherwise(_WORST)
    if domain.staged is None:
        return low, high
    made = [pl.when(is_open(f"{name}|{part}")).then(domain.staged.grade).otherwise(0) for part in ("stage", "may")]
    return pl.max_horizontal(low, made[0]), pl.max_horizontal(high, *made)


def _worst(scale: Scale) -> list[pl.Expr]:
    others = [domain.id for domain in scale.domains if not domain.instrument]
    counts = ~pl.col("elsewhere")
    return [
        pl.when(counts)
        .then(pl.max_horizontal(f"tool_{part}", *(f"{name}_{part}" for name in others)))
        .otherwise(0)
        .cast(pl.Int8)
        .alias(f"n_{part}")
        for part in ("lo", "hi")
    ]


def add_phases(table: pl.DataFrame, gap: int) -> pl.DataFrame:
    """Add ``at_least``, ``at_most``, ``ls`` (end of the last sign), ``inside`` and ``onset``."""
    sign = pl.col("n_lo") >= 1
    table = table.with_columns(sign.alias("sign"))
    table = table.with_columns(end_of_last_sign().alias("ls"))
    table = split_at(table, pl.when(~pl.col("sign")).then(pl.col("ls") + gap))
    quiet = (~pl.col("sign") & (pl.col("start") - pl.col("ls") >= gap)).fill_null(False)
    table = table.with_columns(quiet.alias("quiet"))
    table = add_episodes(table, pl.col("sign"), pl.col("n_hi") == 0, "ls", gap)
    return table.with_columns(
        *grade_bounds(pl.col("n_lo"), pl.col("n_hi")),
        pl.when("sign").then("end").otherwise("ls").alias("last_sign_at"),
    )


def add_names(table: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """Add the bit masks ``criteria``, ``missing`` and ``flags``."""
    return table.with_columns(
        _criteria(scale).alias("criteria"), _missing(scale).alias("missing"), _flags(scale).alias("flags")
    )


def _dead() -> pl.Expr:
    return pl.col("triggered") & (is_open("death|own") | is_open("death|unknown"))


def _criteria(scale: Scale) -> pl.Expr:
    lows = {
        "ice": pl.when(pl.col("by_ice") | pl.col("by_both")).then("tool_lo"),
        "capd": pl.when("by_capd").then("tool_lo"),
    }
    counts = ~pl.col("elsewhere") & ~(is_open("death|own") | is_open("death|unknown"))
    held = {}
    for domain in scale.domains:
        low = lows.get(domain.id, pl.col(f"{domain.id}_lo"))
        for grade in (grade for grade in scale.grades if grade <= _WORST):
            held[f"{domain.id}_grade_{grade}"] = counts & (low == grade)
    held[scale.episode.death_criterion] = is_open("death|own")
    return mask(held)


def _missing(scale: Scale) -> pl.Expr:
    lo = pl.col("at_least")
    open_ = pl.col("triggered") & (lo < pl.col("at_most")) & ~_dead() & ~pl.col("elsewhere")
    tool = open_ & ~pl.col("sedated") & (pl.col("tool_lo") < pl.col("tool_hi")) & (pl.col("tool_hi") > lo)
    before = ~pl.col("by_capd") & pl.col("ice_lowered") & (pl.col("ice_lo") < pl.col("ice_hi"))
    awake = pl.col("consciousness_hi")
    exceptions = [domain.id for domain in scale.domains if domain.by_exception]
    unknown = pl.any_horizontal(pl.col(f"{name}_lo") < pl.col(f"{name}_hi") for name in exceptions)
    return mask(
        {
            "no_trigger": ~pl.col("triggered"),
            "ice_score": tool & pl.col("by_ice") & pl.col("ice_open"),
            "capd_score": tool & pl.col("by_capd"),
            "age": tool & pl.col("by_both"),
            "attribution_neuro": open_ & ~pl.col("sedated") & before & (pl.col("ice_hi") > lo),
            "consciousness": open_ & ~pl.col("sedated") & (pl.col("consciousness_lo") < awake) & (awake > lo),
            "sedated": open_ & pl.col("sedated") & (lo < _WORST),
            "neuro_exam": open_ & unknown & (lo < _WORST),
            "death_cause": pl.col("triggered") & is_open("death|unknown") & ~is_open("death|own"),
        }
    )


def _flags(scale: Scale) -> pl.Expr:
    return mask(
        {
            "no_trigger": ~pl.col("triggered"),
            "assumed_trigger": pl.col("assumed"),
            "awake_assumed": pl.col("awake_taken"),
            "baseline_ice": ~pl.col("by_capd") & pl.col("ice_lost") & ~pl.col("sedated"),
            "intracranial_hemorrhage": is_open("intracranial_hemorrhage|in"),
            "sedated": pl.col("sedated"),
            "finding_not_graded": pl.any_horizontal(is_open(counter) for counter in _waiting(scale, "said")),
        }
    )


def _waiting(scale: Scale, part: str) -> list[str]:
    """Counters of what waits for a finding of each coded concept: all that is ``said``, or what is ``unread``."""
    return [f"{domain.concept}|{part}" for domain in scale.domains if domain.categories]


def counters_read(scale: Scale) -> list[str]:
    """Every counter this module reads."""
    scores = ["ice|in", "ice|low", "ice|high", "capd|in", "capd|lo", "capd|hi"]
    items = [f"items|{part}" for part in ("in", "lo", "hi", "max")]
    coded = [f"{d.id}|{part}" for d in scale.domains if d.categories for part in ("in", "grade", "clear")]
    coded += [f"{d.id}|{part}" for d in scale.domains if d.staged for part in ("stage", "may")]
    said = [f"{name}|{part}" for name in ("attribution", "attribution_neuro") for part in ("else", "own")]
    return [
        *scores,
        *items,
        *coded,
        *said,
        *_waiting(scale, "said"),
        *_waiting(scale, "unread"),
        "sedated|on",
        "intracranial_hemorrhage|in",
        "death|own",
        "death|unknown",
    ]
