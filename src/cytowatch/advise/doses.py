"""Doses: worked out from the weight, and held against what was really given."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cytowatch.engine.settle import in_doubt
from cytowatch.knowledge.advice import AdvisedDose, DoseLimit, Drug, Regimen
from cytowatch.schema import DAY_US, HOUR_US

# doses from a day before the exposure count to its course: prophylaxis is tocilizumab, too
_BEFORE = DAY_US
_DOUBT = "{} of them in doubt in the record, counted as given"


@dataclass(frozen=True)
class Given:
    """Doses of one drug that count: patient, time, in_doubt, in order; every limit is held against them."""

    drug: Drug
    rows: pl.DataFrame
    is_recorded: bool

    def cuts(self) -> list[pl.DataFrame]:
        """When a limit can begin or cease to bind."""
        hours = {0.0, *(limit.hours for limit in self.drug.limits)}
        return [self.rows.select("patient", pl.col("time") + round(part * HOUR_US)) for part in sorted(hours)]


def given(own: pl.DataFrame, drug: Drug, not_recorded: frozenset[str]) -> Given:
    """The doses of a drug among its settled rows; one in doubt counts as given."""
    doubt = in_doubt("dose")
    counts = pl.col("value").is_null() | (pl.col("value") > 0) | doubt
    rows = own.filter(counts).select("patient", "time", doubt.alias("in_doubt"))
    return Given(drug, rows.sort("patient", "time"), drug.concept not in not_recorded)


def course_count(drug: str) -> str:
    """The column that counts the doses of a course."""
    return f"{drug}|course|n"


def with_limits(frame: pl.DataFrame, doses: Given) -> pl.DataFrame:
    """Add of each limit ``<drug>|<limit>|n`` (doses that count now) and ``|until`` (when it frees the next dose).

    ``|until`` is empty where the limit does not bind; for a course that is full it is the largest number.
    ``<drug>|course|n`` counts the doses of the course, with or without a limit.
    """
    found = frame
    for limit in doses.drug.limits:
        found = _with_limit(found, doses, limit)
    before_start = _count_before(frame, doses.rows, pl.col("course_from") - _BEFORE)
    upto_now = _count_before(frame, doses.rows, pl.col("start") + 1)
    doubtful = doses.rows.filter("in_doubt")
    unread = _count_before(frame, doubtful, pl.col("start") + 1) - _count_before(
        frame, doubtful, pl.col("course_from") - _BEFORE
    )
    return found.with_columns(
        (upto_now - before_start).alias(course_count(doses.drug.key)), unread.alias(f"{doses.drug.key}|doubt|n")
    )


def _with_limit(frame: pl.DataFrame, doses: Given, limit: DoseLimit) -> pl.DataFrame:
    name = f"{doses.drug.key}|{limit.id}"
    reach = round(limit.hours * HOUR_US)
    times = max(limit.times, 1)
    numbered = doses.rows.with_columns(
        pl.int_range(1, pl.len() + 1).over("patient").alias("place"),
        # the dose that must leave the window before another may come
        pl.col("time").shift(times - 1).over("patient").alias("oldest"),
    ).rename({"time": "at"})
    joined = frame.join_asof(numbered, left_on="start", right_on="at", by="patient", check_sortedness=False)
    place = pl.col("place").fill_null(0)
    if limit.kind == "in_all":
        before = pl.col("course_from") - _BEFORE
        earlier = _count_before(frame, doses.rows, before)
        count = place - pl.lit(earlier)
        until = pl.when(count >= limit.times).then(pl.lit(2**62))
        done = joined.with_columns(count.alias(f"{name}|n"), until.alias(f"{name}|until"))
    else:
        free = pl.col("oldest") + reach
        until = pl.when(free > pl.col("start")).then(free)
        earlier = _count_before(frame, doses.rows, pl.col("start") - reach + 1)
        done = joined.with_columns((place - pl.lit(earlier)).alias(f"{name}|n"), until.alias(f"{name}|until"))
    return done.drop("at", "place", "oldest", "in_doubt")


def _count_before(frame: pl.DataFrame, rows: pl.DataFrame, moment: pl.Expr) -> pl.Series:
    """How many doses lie strictly before a moment of each segment."""
    numbered = rows.select(
        "patient", pl.col("time").alias("at"), pl.int_range(1, pl.len() + 1).over("patient").alias("n")
    )
    asked = frame.select("patient", moment.alias("moment")).with_row_index("place").sort("patient", "moment")
    joined = asked.join_asof(
        numbered,
        left_on="moment",
        right_on="at",
        by="patient",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return joined.sort("place")["n"].fill_null(0)


def blocked(doses: Given) -> tuple[pl.Expr, pl.Expr]:
    """Which limit forbids a dose now (empty if none does), and from when on one is free again."""
    untils = [pl.col(f"{doses.drug.key}|{limit.id}|until") for limit in doses.drug.limits]
    if not untils:
        return pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    last = pl.max_horizontal(untils)
    which = pl.coalesce(
        pl.when(until == last).then(pl.lit(limit.id)) for until, limit in zip(untils, doses.drug.limits, strict=True)
    )
    return pl.when(last.is_not_null()).then(which), last


def counts(doses: Given, most_doses: int = 0) -> pl.Expr:
    """What was given of what is allowed, as a list of sentences; ``most_doses``: what a rule itself allows."""
    own = pl.format(f"this rule is for {most_doses} in all, {{}} given", course_count(doses.drug.key))
    said = [own] if most_doses else []
    for limit in doses.drug.limits:
        n = pl.col(f"{doses.drug.key}|{limit.id}|n")
        if limit.kind == "in_hours":
            said.append(pl.format(f"{{}} of {limit.times} given in {limit.hours:g} h", n))
        elif limit.kind == "in_all":
            said.append(pl.format(f"{{}} of {limit.times} given in all", n))
        else:
            said.append(pl.lit(f"at least {limit.hours:g} h apart"))
    if not said:
        return pl.lit([], pl.List(pl.String))
    doubt = pl.col(f"{doses.drug.key}|doubt|n")
    return pl.concat_list(*said, pl.when(doubt > 0).then(pl.format(_DOUBT, doubt))).list.drop_nulls()


def amount(dose: AdvisedDose, drug: Drug) -> tuple[pl.Expr, pl.Expr]:
    """The dose now in the drug's unit (empty if the weight that it needs is not known), and how it is worked out."""
    unit = drug.unit
    if dose.amount is not None:
        most = "" if dose.amount_most is None else f" to {dose.amount_most:g}"
        return pl.lit(dose.amount), pl.lit(f"{dose.amount:g}{most} {unit}")
    if dose.per_kg is not None:
        return _weighed(pl.lit(dose.per_kg), None, unit, f"{dose.per_kg:g} {unit}/kg")
    regimen = next((part for part in drug.regimens if part.id == dose.regimen), None)
    if regimen is None:
        return pl.lit(None, pl.Float64), pl.lit("")
    return _weighed(_per_kg(regimen), regimen.cap, unit, in_words(regimen, unit))


def _per_kg(regimen: Regimen) -> pl.Expr:
    weight = pl.col("weight")
    inside = [pl.when((weight >= band.low) & (weight < band.high)).then(pl.lit(band.per_kg)) for band in regimen.bands]
    return pl.coalesce(inside)


def _weighed(per_kg: pl.Expr, cap: float | None, unit: str, words: str) -> tuple[pl.Expr, pl.Expr]:
    """So much for each kg, at most the cap; without a weight of these days no number."""
    # what a conversion from pounds adds behind the second digit is no weight
    weight = pl.col("weight").round(2)
    raw = (per_kg * weight).round(1)
    capped = raw if cap is None else pl.min_horizontal(raw, pl.lit(cap))
    product = pl.format(f"{{}} {unit}/kg × {{}} kg = {{}} {unit}", *(_short(part) for part in (per_kg, weight, raw)))
    over = (
        pl.lit("")
        if cap is None
        else pl.when(raw > cap).then(pl.lit(f", at most {cap:g} {unit}")).otherwise(pl.lit(""))
    )
    why = pl.when(pl.col("weight_is_old")).then(pl.lit("the last weight is more than 7 days old"))
    without = pl.format(f"{words}; {{}}", why.otherwise(pl.lit("the weight is not known")))
    known = pl.col("weight").is_not_null() & ~pl.col("weight_is_old")
    return pl.when(known).then(capped), pl.when(known).then(pl.concat_str(product, over)).otherwise(without)


def _short(number: pl.Expr) -> pl.Expr:
    """A number as text, whole ones without a point."""
    return number.cast(pl.String).str.replace(r"\.0$", "")


def in_words(regimen: Regimen, unit: str) -> str:
    """A regimen as a clinician says it."""
    parts = []
    for band in regimen.bands:
        edge = f" below {band.high:g} kg" if band.low == 0 else f" from {band.low:g} kg"
        parts.append(f"{band.per_kg:g} {unit}/kg{edge if len(regimen.bands) > 1 else ''}")
    cap = f", at most {regimen.cap:g} {unit}" if regimen.cap is not None else ""
    return ", ".join(parts) + cap


def needs_weight(dose: AdvisedDose) -> bool:
    """Whether the amount hangs on the weight."""
    return dose.amount is None and bool(dose.regimen or dose.per_kg)
