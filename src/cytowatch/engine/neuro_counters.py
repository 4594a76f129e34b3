"""Neurological rows → counters (semantics page, sections 2 and 6)."""

from __future__ import annotations

from typing import cast

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.intervals import end_at, merge_runs, readings
from cytowatch.engine.subjects import FOREVER
from cytowatch.knowledge.model import Band, Domain, Knowledge, Scale, Staged
from cytowatch.schema import DAY_US

# points are kept as whole millionths, so that running sums stay exact
POINT = 1_000_000
# what says that a finding may be there, and does not say which
SYMPTOM, UNREAD = "symptom", "unread_finding"
# readings of which a row that could not be read is handed on, as of every event
READ_BESIDE = ("consciousness",)


def score_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<domain>|in``, ``|lo``, ``|hi`` of a score in bands (the total, not its items)."""
    spoken = while_awake(score_intervals(rows, domain, knowledge), rows)
    if spoken.is_empty():
        return []
    low, high = _ends()
    first, last = band_grade(low, domain.bands), band_grade(high, domain.bands)
    graded = spoken.with_columns(
        pl.lit(1, pl.Int8).alias(f"{domain.id}|in"),
        pl.min_horizontal(first, last).alias(f"{domain.id}|lo"),
        pl.max_horizontal(first, last).alias(f"{domain.id}|hi"),
    )
    return [merge_runs(graded, [f"{domain.id}|{part}" for part in ("in", "lo", "hi")])]


def score_intervals(rows: Charted, domain: Domain, knowledge: Knowledge) -> pl.DataFrame:
    """The rows of a domain's own concept with the time in which each speaks."""
    return readings(rows.of(domain.concept), knowledge.concepts[domain.concept].valid_for_us)


def while_awake(spoken: pl.DataFrame, rows: Charted) -> pl.DataFrame:
    """Without scores taken under sedation: they end the score before them, and say nothing themselves."""
    sedations = readings(rows.of("sedated"), None).filter(pl.col("text").cast(pl.String) == "yes")
    if sedations.is_empty() or spoken.is_empty():
        return spoken
    asleep = sedations.select("subject", pl.col("start").alias("since"), pl.col("end").alias("sedated_until"))
    found = spoken.join_asof(asleep, left_on="time", right_on="since", by="subject", check_sortedness=False)
    awake = (pl.col("sedated_until") <= pl.col("time")).fill_null(value=True)
    return found.filter(awake).drop("since", "sedated_until")


def total_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<domain>|in``, ``|low`` and ``|high`` of a total that has items: what it may be, in millionths."""
    spoken = while_awake(score_intervals(rows, domain, knowledge), rows)
    if spoken.is_empty():
        return []
    most = sum(most for _, most in domain.items)
    low, high = (end.clip(0, most).fill_null(none) for end, none in zip(_ends(), (0, most), strict=True))
    ranged = spoken.with_columns(
        pl.lit(1, pl.Int8).alias(f"{domain.id}|in"),
        (low * POINT).round().cast(pl.Int64).alias(f"{domain.id}|low"),
        (high * POINT).round().cast(pl.Int64).alias(f"{domain.id}|high"),
    )
    return [merge_runs(ranged, [f"{domain.id}|{part}" for part in ("in", "low", "high")])]


def _ends() -> tuple[pl.Expr, pl.Expr]:
    """The lowest and highest value a row may stand for; a strict bound stays just inside it."""
    value, bound = pl.col("value"), pl.col("comparator").cast(pl.String)
    just_below = value - 1e-6
    low = pl.when(bound.is_in(["<", "<="])).then(float("-inf")).otherwise(value)
    high = pl.when(bound.is_in([">", ">="])).then(float("inf")).when(bound == "<").then(just_below).otherwise(value)
    return low, high


def band_grade(value: pl.Expr, bands: tuple[Band, ...]) -> pl.Expr:
    """The grade of the band with the largest lower bound at or below the value; below all, the lowest band's."""
    ordered = sorted(bands, key=lambda band: band.low)
    grade = pl.lit(ordered[0].grade)
    for band in ordered[1:]:
        grade = pl.when(value >= band.low).then(band.grade).otherwise(grade)
    return grade.cast(pl.Int8)


def item_intervals(rows: Charted, domain: Domain, item: str, knowledge: Knowledge) -> pl.DataFrame:
    """An item's rows; a later total, or one at the same time, puts an item out of use."""
    totals = rows.of(domain.concept).select("subject", pl.col("time").alias("stop"))
    own = rows.of(item)
    spoken = end_at(readings(own, knowledge.concepts[item].valid_for_us), totals, at_same_time=True)
    return while_awake(spoken.filter(pl.col("end") > pl.col("start")), rows)


def item_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``items|in``, ``|lo``, ``|hi`` and ``|max``: sums over the items in force, in millionths of a point."""
    frames = []
    bound = pl.col("comparator").cast(pl.String)
    for item, most in domain.items:
        spoken = item_intervals(rows, domain, item, knowledge)
        if spoken.is_empty():
            continue
        low = pl.when(bound.is_in(["<", "<="])).then(0.0).otherwise(pl.col("value"))
        high = pl.when(bound.is_in([">", ">="])).then(float(most)).otherwise(pl.col("value"))
        weighed = spoken.with_columns(
            pl.lit(1, pl.Int8).alias("items|in"),
            (low * POINT).round().cast(pl.Int64).alias("items|lo"),
            (high * POINT).round().cast(pl.Int64).alias("items|hi"),
            pl.lit(most * POINT, pl.Int64).alias("items|max"),
        )
        frames.append(merge_runs(weighed, ["items|in", "items|lo", "items|hi", "items|max"]))
    return frames


def category_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<domain>|in`` and ``|grade`` of a coded finding that is read like a score."""
    spoken = while_awake(score_intervals(rows, domain, knowledge), rows)
    if spoken.is_empty():
        return []
    grade = pl.col("text").cast(pl.String).replace_strict(domain.categories, default=0, return_dtype=pl.Int8)
    graded = spoken.with_columns(pl.lit(1, pl.Int8).alias(f"{domain.id}|in"), grade.alias(f"{domain.id}|grade"))
    return [merge_runs(graded, [f"{domain.id}|in", f"{domain.id}|grade"])]


def chartings(rows: Charted, scale: Scale) -> pl.DataFrame:
    """When a neurological assessment was charted: subject, charted (sorted, unique)."""
    scores = [name for d in scale.domains if not d.by_exception for name in (d.concept, *(item for item, _ in d.items))]
    return rows.of_any(scores).select("subject", pl.col("time").alias("charted")).unique().sort("subject", "charted")


def exception_counters(
    rows: Charted, domain: Domain, charted: pl.DataFrame, knowledge: Knowledge
) -> list[pl.DataFrame]:
    """Counters ``<domain>|in``, ``|grade`` while an event is in force, ``|clear`` while it is known to be absent."""
    name = domain.id
    spoken = score_intervals(rows, domain, knowledge).with_columns(
        (pl.col("text").cast(pl.String) == "none").alias("none"),
        pl.col("text")
        .cast(pl.String)
        .replace_strict(domain.categories, default=0, return_dtype=pl.Int8)
        .alias(f"{name}|grade"),
    )
    events, nones = spoken.filter(~pl.col("none")), spoken.filter("none")
    frames = [_charted_clear(events, charted, name)]
    if not events.is_empty():
        present = events.with_columns(pl.lit(1, pl.Int8).alias(f"{name}|in"))
        frames.append(merge_runs(present, [f"{name}|in", f"{name}|grade"]))
    if not nones.is_empty():
        frames.append(merge_runs(nones.with_columns(pl.lit(1, pl.Int8).alias(f"{name}|clear")), [f"{name}|clear"]))
    return frames


def said_of(rows: Charted, concept: str, knowledge: Knowledge) -> pl.DataFrame:
    """Symptoms and unread findings that say a concept, each until it ends or a row of the concept gives the answer.

    A row of its own source and moment does not answer an unread finding: both were read from one row, which says what
    is certain, and that it may be worse.
    """
    told = statements(rows, SYMPTOM, symptoms_of(concept, knowledge), knowledge)
    unread = statements(rows, UNREAD, (concept,), knowledge)
    answers = rows.of(concept).select("subject", pl.col("time").alias("stop"))
    marked = [part.with_columns(pl.lit(n, pl.Int8).alias("unread")) for n, part in enumerate((told, unread))]
    both = pl.concat(marked).sort("subject", "start")
    keys = ["subject", "start", "source", "unread"]
    own = rows.of(concept).with_columns(pl.col("time").alias("start"), pl.lit(1, pl.Int8).alias("unread")).select(keys)
    said = pl.concat(
        [
            end_at(both.join(own, on=keys, how="anti", maintain_order="left"), answers, at_same_time=True),
            end_at(both.join(own, on=keys, how="semi", maintain_order="left"), answers),
        ]
    ).sort("subject", "start")
    return said.filter(pl.col("end") > pl.col("start"))


def symptoms_of(concept: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The symptoms that take away what was concluded from silence about a concept (policy ``symptom_contradicts``)."""
    table = cast("dict[str, tuple[str, ...]]", knowledge.policy("symptom_contradicts"))
    return tuple(table.get(concept, ()))


def said_counters(rows: Charted, concept: str, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters of rows that say the concept and wait for an answer: ``<concept>|said`` all, ``|unread`` unread ones."""
    said = said_of(rows, concept, knowledge)
    one = pl.lit(1, pl.Int8).alias(f"{concept}|said")
    return [said.select("subject", "start", "end", one, pl.col("unread").alias(f"{concept}|unread"))]


def statements(rows: Charted, concept: str, texts: tuple[str, ...], knowledge: Knowledge) -> pl.DataFrame:
    """Rows of a statement with one of the texts, each as long as it speaks, whatever comes after it."""
    valid = knowledge.concepts[concept].valid_for_us or DAY_US
    listed = rows.of(concept).filter(pl.col("text").cast(pl.String).is_in(texts))
    given = pl.when(pl.col("until").is_not_null()).then(pl.max_horizontal("until", "time"))
    return listed.with_columns(pl.col("time").alias("start"), given.otherwise(pl.col("time") + valid).alias("end"))


def stage_intervals(rows: Charted, staged: Staged, knowledge: Knowledge) -> pl.DataFrame:
    """The rows of a stage with ``reached`` and ``missed``: what each says of the cut, neither for one that is open."""
    spoken = readings(rows.of(staged.concept), knowledge.concepts[staged.concept].valid_for_us)
    value, bound = pl.col("value"), pl.col("comparator").cast(pl.String).fill_null("")
    below = pl.when(bound == "<").then(value <= staged.low).otherwise(value < staged.low)
    return spoken.with_columns(
        ((value >= staged.low) & ~bound.is_in(["<", "<="])).fill_null(value=False).alias("reached"),
        (below & ~bound.is_in([">", ">="])).fill_null(value=False).alias("missed"),
    )


def stage_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<domain>|stage`` while the stage makes the grade, ``<domain>|may`` while it may."""
    if domain.staged is None:
        return []
    spoken = stage_intervals(rows, domain.staged, knowledge)
    held = {"stage": pl.col("reached"), "may": ~pl.col("reached") & ~pl.col("missed")}
    marked = spoken.with_columns(said.cast(pl.Int8).alias(f"{domain.id}|{part}") for part, said in held.items())
    return [] if spoken.is_empty() else [merge_runs(marked, [f"{domain.id}|{part}" for part in held])]


def _charted_clear(events: pl.DataFrame, charted: pl.DataFrame, name: str) -> pl.DataFrame:
    """Charting by exception: absent from the first charting at or after an event's expiry up to the next event."""
    same = pl.col("subject") == pl.col("subject").shift(-1)
    expiries = events.select(
        "subject",
        pl.col("end").alias("expiry"),
        pl.when(same).then(pl.col("time").shift(-1)).otherwise(FOREVER).alias("end"),
    )
    firsts = events.group_by("subject").agg(pl.col("time").min().alias("end"))
    never = (
        charted.select("subject")
        .unique()
        .join(firsts, on="subject", how="left")
        .select("subject", pl.lit(-FOREVER).alias("expiry"), pl.col("end").fill_null(FOREVER))
    )
    waits = pl.concat([expiries, never]).sort("subject", "expiry")
    clear = waits.join_asof(
        charted, left_on="expiry", right_on="charted", by="subject", strategy="forward", check_sortedness=False
    ).filter(pl.col("charted") < pl.col("end"))
    return clear.select("subject", pl.col("charted").alias("start"), "end", pl.lit(1, pl.Int8).alias(f"{name}|clear"))


def presence_counters(rows: Charted, concept: str, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counter ``<concept>|in`` while any category but ``none`` is in force."""
    own = rows.of(concept)
    if own.is_empty():
        return []
    spoken = readings(own, knowledge.concepts[concept].valid_for_us)
    held = (pl.col("text").cast(pl.String) != "none").cast(pl.Int8).alias(f"{concept}|in")
    return [merge_runs(spoken.with_columns(held), [f"{concept}|in"])]
