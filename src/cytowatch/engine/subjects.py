"""Who is watched, and when: triggers become spans, a span of a patient is a *subject* (semantics page, section 3).

A subject is numbered by ``subject`` (UInt32) in order of patient and span start. Everything later works on
subjects, so two watched spans of one patient never touch each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.settle import Settled
from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.schema import DAY_US

FOREVER = 2**62


@dataclass(frozen=True)
class Subjects:
    """The watched spans, the settled rows laid out by subject, and the triggers.

    ``table``: subject, patient, start, end, triggered, assumed, and the age columns.
    ``rows``: settled rows with ``subject``, those before its end, one frame a concept, by subject and time.
    ``triggers``: patient, time, product. ``deaths``: patient, death, of any cause.
    """

    table: pl.DataFrame
    rows: Charted
    triggers: pl.DataFrame
    deaths: pl.DataFrame


def trigger_concepts(knowledge: Knowledge) -> list[str]:
    """The concepts whose rows open a watched window."""
    return [key for key, concept in knowledge.concepts.items() if concept.kind == "trigger"]


def find_triggers(settled: Settled, knowledge: Knowledge, assumed_product: str | None) -> pl.DataFrame:
    """Every exposure: patient, time, product, window (microseconds), assumed."""
    given = settled.charted.of_any(trigger_concepts(knowledge)).select(
        "patient", "time", pl.col("text").cast(pl.String).alias("product"), "concept", pl.lit(False).alias("assumed")
    )
    if assumed_product is None:
        return _with_windows(given, knowledge)
    # a product that the tables do not know counts as cells
    known = knowledge.products.get(assumed_product)
    laid_over = settled.known.join(given, on="patient", how="anti").select(
        "patient",
        pl.col("first").alias("time"),
        pl.lit(assumed_product).alias("product"),
        pl.lit(known.concept if known else "car_t_infusion").alias("concept"),
        pl.lit(True).alias("assumed"),
    )
    return _with_windows(pl.concat([given, laid_over]), knowledge)


def _with_windows(triggers: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    by_product = {key: int(product.window_days * DAY_US) for key, product in knowledge.products.items()}
    windows = cast("dict[str, float]", knowledge.policy("windows"))
    by_concept = {concept: int(days * DAY_US) for concept, days in windows.items()}
    window = pl.coalesce(
        pl.col("product").replace_strict(by_product, default=None, return_dtype=pl.Int64),
        pl.col("concept").replace_strict(by_concept, default=None, return_dtype=pl.Int64),
    )
    return triggers.with_columns(window.alias("window")).sort("patient", "time", "product")


def _joined_windows(triggers: pl.DataFrame) -> pl.DataFrame:
    """Windows that overlap or touch, as spans: patient, start, end, assumed."""
    reach = (pl.col("time") + pl.col("window")).cum_max().over("patient")
    opens = (pl.col("time") > reach.shift(1).over("patient")).fill_null(True)
    numbered = triggers.with_columns(opens.cum_sum().alias("span"), (pl.col("time") + pl.col("window")).alias("end"))
    return (
        numbered.group_by("patient", "span")
        .agg(pl.col("time").min().alias("start"), pl.col("end").max(), pl.col("assumed").any())
        .drop("span")
    )


def _all_deaths(settled: Settled) -> pl.DataFrame:
    return settled.charted.of("death").select("patient", pl.col("time").alias("death"))


def _deaths(settled: Settled, scale: Scale) -> pl.DataFrame:
    """Deaths that end the watch for this scale: patient, death."""
    cause = pl.col("text").cast(pl.String).fill_null("unknown")
    own = [scale.episode.death_cause, "unknown"] if scale.episode.death_cause else []
    deaths = settled.charted.of("death").filter(~cause.is_in(own))
    return deaths.select("patient", pl.col("time").alias("death"))


def _cut(spans: pl.DataFrame, known: pl.DataFrame, deaths: pl.DataFrame, as_of: int | None) -> pl.DataFrame:
    """Spans ended by what is known, by ``as_of`` and by the first death inside."""
    ended = spans.join(known, on="patient", how="left").with_columns(
        pl.min_horizontal("end", "known", pl.lit(FOREVER if as_of is None else as_of)).alias("end")
    )
    if not deaths.is_empty():
        inside = ended.filter("triggered").join(deaths, on="patient").filter(pl.col("death") >= pl.col("start"))
        first = inside.group_by("patient", "start").agg(pl.col("death").min())
        ended = ended.join(first, on=["patient", "start"], how="left").with_columns(
            pl.min_horizontal("end", "death").alias("end")
        )
    return ended.filter(pl.col("end") > pl.col("start")).select("patient", "start", "end", "triggered", "assumed")


def make_subjects(
    settled: Settled,
    triggers: pl.DataFrame,
    patients: pl.DataFrame,
    scale: Scale,
    needed: frozenset[str],
    *,
    as_of: int | None,
    clock: str,
) -> Subjects:
    """Lay the settled rows of the needed concepts out by watched span."""
    known = settled.known
    spans = _watched(known, triggers, scale)
    table = _cut(spans, known.select("patient", "known"), _deaths(settled, scale), as_of)
    table = table.sort("patient", "start").with_row_index("subject")
    table = table.join(_ages(triggers, known, patients, clock), on="patient", how="left", maintain_order="left")
    return Subjects(table, _lay_out(settled.charted.only(needed), table), triggers, _all_deaths(settled))


def _watched(known: pl.DataFrame, triggers: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """Spans before they are cut: patient, start, end, assumed, triggered."""
    if scale.watch == "record":
        return known.select(
            "patient",
            pl.col("first").alias("start"),
            pl.lit(FOREVER).alias("end"),
            pl.lit(False).alias("assumed"),
            pl.lit(True).alias("triggered"),
        )
    spans = _joined_windows(_own_windows(triggers, scale)).with_columns(pl.lit(True).alias("triggered"))
    untriggered = known.join(triggers, on="patient", how="anti").select(
        "patient",
        pl.col("first").alias("start"),
        pl.lit(FOREVER).alias("end"),
        pl.lit(False).alias("assumed"),
        pl.lit(False).alias("triggered"),
    )
    return pl.concat([spans, untriggered.select(spans.columns)])


def _own_windows(triggers: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """The triggers, moved and given the length of the scale's own window where it has one."""
    if scale.window_days is None:
        return triggers
    first, last = (round(days * DAY_US) for days in scale.window_days)
    return triggers.with_columns(pl.col("time") + first, pl.lit(last - first, pl.Int64).alias("window"))


def exposures_before(subjects: Subjects, scale: Scale) -> pl.DataFrame:
    """Before which exposure a baseline lies: subject, since, and from which reading on it is this one (speaks_from)."""
    if scale.watch == "exposure":
        first = round(scale.window_days[0] * DAY_US) if scale.window_days else 0
        since = (pl.col("start") - first).alias("since")
        return subjects.table.filter("triggered").select("subject", since, pl.lit(-FOREVER).alias("speaks_from"))
    courses = _joined_windows(subjects.triggers)
    found = subjects.table.select("subject", "patient").join(courses, on="patient")
    return found.select("subject", pl.col("start").alias("since"), pl.col("start").alias("speaks_from")).sort(
        "subject", "since"
    )


def _ages(triggers: pl.DataFrame, known: pl.DataFrame, patients: pl.DataFrame, clock: str) -> pl.DataFrame:
    """Age in completed days and years at the first trigger, else at the first row; empty = unknown."""
    at = known.join(triggers.group_by("patient").agg(pl.col("time").min()), on="patient", how="left").select(
        "patient", pl.coalesce("time", "first").alias("at")
    )
    moment = pl.col("at").cast(pl.Datetime("us"))
    born = pl.col("birth_date").cast(pl.Datetime("us"))
    usable = clock == "time"
    days_since_birth = pl.when(pl.lit(usable)).then((moment.dt.date() - pl.col("birth_date")).dt.total_days())
    day_of_year = [part.dt.month().cast(pl.Int32) * 100 + part.dt.day() for part in (moment, born)]
    before_birthday = day_of_year[0] < day_of_year[1]
    years_since_birth = pl.when(pl.lit(usable)).then(moment.dt.year() - born.dt.year() - before_birthday.cast(pl.Int32))
    days = pl.coalesce((pl.col("age_years") * 365.25).floor(), days_since_birth).cast(pl.Int64)
    years = pl.coalesce(pl.col("age_years").floor(), years_since_birth).cast(pl.Int64)
    return at.join(patients, on="patient", how="left").select(
        "patient",
        pl.when(days >= 0).then(days).alias("age_days"),
        pl.when(days >= 0).then(years).alias("age_years"),
        "developmental_delay",
        "sbp_threshold",
        "baseline_oxygen_device",
        "weight_kg",
        *(f"baseline_{name}" for name in ("creatinine", "ast", "alt", "bilirubin", "ice")),
    )


def needed_concepts(scale: Scale, knowledge: Knowledge) -> frozenset[str]:
    """Every concept that can change what a scale says."""
    attribution = {domain.attribution for domain in scale.domains} | {"attribution"}
    reasons = {domain.excluded_by for domain in scale.domains}
    scores = {domain.concept for domain in scale.domains} | {item for d in scale.domains for item, _ in d.items}
    scores |= {domain.staged.concept for domain in scale.domains if domain.staged}
    signs = {concept for criterion in scale.criteria for concept in concepts_of(criterion.when)}
    steroids, inotropes = (cast("list[str]", knowledge.policy(key)) for key in ("steroids", "inotropes"))
    # read for flags and counts, not for a grade
    beside = (
        inotropes
        if scale.method == "fever_led"
        else ["sedated", "intracranial_hemorrhage", "symptom", "unread_finding"]
    )
    own = {"death", "tocilizumab", *scale.episode.waived_by, *steroids, *beside, *trigger_concepts(knowledge)}
    return frozenset((attribution | reasons | scores | signs | own) - {""})


def concepts_of(node: object) -> frozenset[str]:
    """The concepts that a criterion reads."""
    found: set[str] = set()
    for name in ("concept", "without"):
        if value := getattr(node, name, ""):
            found.add(str(value))
    found |= set(getattr(node, "concepts", ()))
    inner = getattr(node, "of", ())
    for part in inner if isinstance(inner, tuple) else (inner,):
        found |= concepts_of(part)
    return frozenset(found)


def _lay_out(charted: Charted, table: pl.DataFrame) -> Charted:
    """The rows by subject, up to each subject's end; a patient with several spans has the rows in each of them."""
    spans = table.select("patient", "subject", pl.col("end").alias("span_end"))
    alone = spans["patient"].n_unique() == spans.height
    place = _by_place if alone else _by_join
    return charted.each(lambda rows: place(rows, spans).drop("patient", "span_end"))


def _by_place(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """One span a patient: looked up by the patient's code, which is faster than a join and keeps the order."""
    codes = spans["patient"].to_physical()
    size = len(cast(pl.Enum, rows.schema["patient"]).categories)
    where = pl.DataFrame({"code": codes, "subject": spans["subject"], "span_end": spans["span_end"]})
    full = pl.DataFrame({"code": pl.int_range(size, eager=True).cast(codes.dtype)}).join(
        where, on="code", how="left", maintain_order="left"
    )
    at = rows["patient"].to_physical()
    placed = rows.with_columns(full["subject"].gather(at), full["span_end"].gather(at))
    return placed.filter((pl.col("time") < pl.col("span_end")).fill_null(value=False))


def _by_join(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    laid = rows.join(spans, on="patient", how="inner").filter(pl.col("time") < pl.col("span_end"))
    return laid.sort("subject", "time", "source", descending=[False, False, True])
