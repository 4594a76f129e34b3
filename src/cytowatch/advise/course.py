"""How a reaction has run so far: when it began, whether it is better since a drug, how bad it was once it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from cytowatch.advise.doses import Given
from cytowatch.advise.moments import laid_under
from cytowatch.knowledge.advice import AdviceRule, Guideline, MeasuredSince, NoBetter
from cytowatch.schema import DAY_US, HOUR_US

_EXPOSED = "exposed_at"


def with_course(frame: pl.DataFrame, scale: str) -> pl.DataFrame:
    """Add when the reaction on a scale began, since when it is over, and how bad it was.

    ``<scale>|onset``: its first certain moment; ``|onset_from``: the first not excluded; ``|over_since``;
    ``|worst_least`` and ``|worst_most``: the worst grade since the latest exposure; ``|ever_least`` and ``|ever_most``:
    the worst that ever came after its product. ``frame``: segments in order of
    patient and time, with the scale's lane, ``exposed_at`` and ``exposed_to``.
    """
    low, high = pl.col(f"{scale}|at_least"), pl.col(f"{scale}|at_most")
    found = _with_run(frame, low >= 1, f"{scale}|onset")
    found = _with_run(found, high >= 1, f"{scale}|onset_from")
    found = _with_run(found, high == 0, f"{scale}|over_since")
    own = ["patient", _EXPOSED]
    return found.with_columns(
        low.fill_null(0).cum_max().over(own).alias(f"{scale}|worst_least"),
        high.fill_null(0).cum_max().over(own).alias(f"{scale}|worst_most"),
        low.fill_null(0).cum_max().over("patient", "exposed_to").alias(f"{scale}|ever_least"),
        high.fill_null(0).cum_max().over("patient", "exposed_to").alias(f"{scale}|ever_most"),
    )


def _with_run(frame: pl.DataFrame, holds: pl.Expr, name: str) -> pl.DataFrame:
    """Where something holds, since when it has held without a break."""
    here = holds.fill_null(value=False)
    touches = pl.col("start") == pl.col("end").shift(1).over("patient")
    begins = here & ~(here.shift(1).over("patient") & touches).fill_null(value=False)
    started = pl.when(begins).then(pl.col("start")).forward_fill().over("patient")
    return frame.with_columns(pl.when(here).then(started).alias(name))


def with_onset_after(frame: pl.DataFrame, scale: str) -> pl.DataFrame:
    """Add ``|onset_after`` and ``|onset_from_after``: microseconds from the exposure to either onset."""
    found = frame
    for name in ("onset", "onset_from"):
        at = pl.col(f"{scale}|{name}")
        exposed = pl.when(at == pl.col("start")).then(pl.col(_EXPOSED)).forward_fill().over("patient")
        found = found.with_columns((at - exposed).alias(f"{scale}|{name}_after"))
    return found


def with_answers(frame: pl.DataFrame, guidelines: Sequence[Guideline]) -> pl.DataFrame:
    """Add, for each thing that rules ask of a course, whether it is certain (``|sure``) and not excluded (``|may``)."""
    found = frame
    for scale in dict.fromkeys(part.scales[rule.toxicity] for part in guidelines for rule in part.rules):
        found = found.with_columns(pl.col(f"{scale}|over_since").is_not_null().alias(f"{scale}|is_over"))
    for part in guidelines:
        for rule in part.rules:
            scale = part.scales[rule.toxicity]
            for name, (sure, may) in _answers(rule, scale).items():
                found = found.with_columns(sure.alias(f"{name}|sure"), may.alias(f"{name}|may"))
    return found


def answers_asked(rule: AdviceRule, scale: str) -> list[str]:
    """The names of what a rule asks of the beginning and the length of the reaction."""
    return list(_answers(rule, scale))


def _answers(rule: AdviceRule, scale: str) -> dict[str, tuple[pl.Expr, pl.Expr]]:
    found = {}
    if rule.onset:
        found[f"{scale}|began|{rule.onset[0]:g}|{rule.onset[1]:g}"] = _began_within(scale, rule.onset)
    if rule.lasting_hours is not None:
        found[f"{scale}|lasts|{rule.lasting_hours:g}"] = _lasts(scale, rule.lasting_hours)
    return found


def _began_within(scale: str, hours: tuple[float, float]) -> tuple[pl.Expr, pl.Expr]:
    """The reaction began so many hours after the exposure that was the latest then; if there is none, it begins now."""
    low, high = (round(edge * HOUR_US) for edge in hours)
    since = (pl.col(f"{scale}|onset_after"), pl.col(f"{scale}|onset_from_after"), pl.col("start") - pl.col(_EXPOSED))
    inside = [part.is_between(low, high, closed="left").fill_null(value=False) for part in since]
    none = (pl.col(f"{scale}|at_most") == 0).fill_null(value=False)
    sure = inside[1] & (inside[0] | pl.col(f"{scale}|onset").is_null())
    return (
        pl.when(none).then(inside[2]).otherwise(sure),
        pl.when(none).then(inside[2]).otherwise(inside[0] | inside[1]),
    )


def _lasts(scale: str, hours: float) -> tuple[pl.Expr, pl.Expr]:
    """The reaction has lasted so many hours or more."""
    span = round(hours * HOUR_US)
    since = [pl.col("start") - pl.col(f"{scale}|{name}") for name in ("onset", "onset_from")]
    return (since[0] >= span).fill_null(value=False), (since[1] >= span).fill_null(value=False)


def lane_of(scale: str, asked: NoBetter) -> str:
    """The name of what is asked: no better, or worse, than when one of these drugs was given."""
    word = "worse" if asked.worse else "no_better"
    return f"{scale}|{word}|{'+'.join(asked.drugs)}|{asked.hours:g}{'|before' if asked.before else ''}"


def asked_of(guidelines: Sequence[Guideline]) -> list[tuple[str, NoBetter]]:
    """Every scale and question that the rules ask, each once."""
    asked = ((part.scales[rule.toxicity], rule.no_better) for part in guidelines for rule in part.rules)
    return list(dict.fromkeys((scale, each) for scale, each in asked if each is not None))


def onset_cuts(lanes: pl.DataFrame, exposures: pl.DataFrame, guidelines: Sequence[Guideline]) -> list[pl.DataFrame]:
    """When a reaction can have lasted long enough, and when one that begins would be too late after an exposure.

    ``exposures``: patient, time.
    """
    rules = [(part.scales[rule.toxicity], rule) for part in guidelines for rule in part.rules]
    lasting = sorted({(scale, rule.lasting_hours) for scale, rule in rules if rule.lasting_hours is not None})
    edges = sorted({edge for _, rule in rules for edge in rule.onset or ()})
    may_begin = lanes.filter(pl.col("at_most") >= 1)
    return [
        *(_later(may_begin.filter(pl.col("scale") == scale), "start", hours) for scale, hours in lasting),
        *(_later(exposures, "time", hours) for hours in edges),
    ]


def _later(rows: pl.DataFrame, name: str, hours: float) -> pl.DataFrame:
    moment = (pl.col(name) + round(hours * HOUR_US)).alias("time")
    return rows.select(pl.col("patient").cast(pl.String), moment)


def cuts_of(asked: Iterable[tuple[str, NoBetter]], doses: dict[str, Given]) -> list[pl.DataFrame]:
    """When a question can come to be answered otherwise: so many hours after each dose."""
    return [
        doses[drug].rows.select("patient", pl.col("time") + round(each.hours * HOUR_US))
        for _, each in asked
        for drug in each.drugs
    ]


def with_no_better(
    frame: pl.DataFrame, lane: pl.DataFrame, scale: str, asked: NoBetter, doses: dict[str, Given]
) -> pl.DataFrame:
    """Add what is asked (``lane_of``): true, false, or empty where it cannot be told.

    True: a dose was given at least so many hours ago, in this reaction, and since then the grade was never lower than
    it was at the dose; or, where ``worse`` is asked, it is higher now. ``lane``: the scale's timeline.
    """
    joined = _with_dose(frame, lane, scale, asked, doses)
    low, high = pl.col(f"{scale}|at_least"), pl.col(f"{scale}|at_most")
    # a dose before the reaction is none for it; where it may have begun already, nobody knows
    begun = pl.lit(value=True) if asked.before else (pl.col("dosed") >= pl.col(f"{scale}|onset")).fill_null(value=False)
    own = begun & ~pl.col("in_doubt").fill_null(value=True)
    too_early = pl.col("course_from") - DAY_US if asked.before else pl.col(f"{scale}|onset_from")
    none = pl.col("dosed").is_null() | (pl.col("dosed") < too_early).fill_null(value=False)
    recorded = all(doses[drug].is_recorded for drug in asked.drugs)
    if asked.worse:
        yes, no = low > pl.col("then|at_most"), high <= pl.col("then|at_least")
    else:
        yes, no = (
            pl.col("lowest|at_least") >= pl.col("then|at_most"),
            pl.col("lowest|at_most") < pl.col("then|at_least"),
        )
    excluded = (none if recorded else pl.lit(value=False)) | no.fill_null(value=False)
    told = pl.when(excluded).then(pl.lit(value=False)).when(own & yes.fill_null(value=False)).then(pl.lit(value=True))
    return joined.with_columns(told.alias(lane_of(scale, asked))).select(*frame.columns, lane_of(scale, asked))


def _with_dose(
    frame: pl.DataFrame, lane: pl.DataFrame, scale: str, asked: NoBetter, doses: dict[str, Given]
) -> pl.DataFrame:
    """Add the latest dose that is old enough: ``dosed``, ``in_doubt``, bounds of the grade ``then`` and ``lowest``."""
    rows = pl.concat([doses[drug].rows.select("patient", "time", "in_doubt") for drug in asked.drugs])
    later = (pl.col("time") + round(asked.hours * HOUR_US)).alias("at")
    late = rows.select("patient", pl.col("time").alias("dosed"), "in_doubt", later).sort("patient", "at")
    joined = frame.join_asof(late, left_on="start", right_on="at", by="patient", check_sortedness=False).drop("at")
    given = rows.select("patient", pl.col("time").alias("start")).unique().sort("patient", "start")
    then = laid_under(given, lane, "then", ("at_least", "at_most")).rename({"start": "dosed"})
    joined = joined.join(then, on=["patient", "dosed"], how="left", maintain_order="left")
    return joined.join(
        _lowest(frame, given, scale), on=["patient", "dosed", "start"], how="left", maintain_order="left"
    )


def _lowest(frame: pl.DataFrame, given: pl.DataFrame, scale: str) -> pl.DataFrame:
    """The lowest the grade has been from each dose to each segment: patient, dosed, start, bounds."""
    bounds = [pl.col(f"{scale}|at_least").alias("low"), pl.col(f"{scale}|at_most").alias("high")]
    after = given.rename({"start": "dosed"}).join(frame.select("patient", "start", "end", *bounds), on="patient")
    after = after.filter(pl.col("end") > pl.col("dosed")).sort("patient", "dosed", "start")
    own = ["patient", "dosed"]
    return after.select(
        "patient",
        "dosed",
        "start",
        # a time in which nothing is graded may have been better
        pl.col("low").fill_null(0).cum_min().over(own).alias("lowest|at_least"),
        pl.col("high").cum_min().over(own).alias("lowest|at_most"),
    )


# ---------------------------------------------------------------- measured since


def with_measured(
    frame: pl.DataFrame, asked: MeasuredSince, rows: dict[str, pl.DataFrame], doses: dict[str, Given]
) -> pl.DataFrame:
    """Add whether one of the concepts was measured after the latest dose of the drugs: true, or empty (nobody knows).

    ``rows``: of each concept the settled rows (patient, time).
    """
    measured = pl.concat([rows[name].select("patient", "time") for name in asked.concepts]).sort("patient", "time")
    given = pl.concat([doses[drug].rows.select("patient", "time") for drug in asked.drugs]).sort("patient", "time")
    found = frame
    for name, part in (("_measured", measured), ("_given", given)):
        found = found.join_asof(
            part.rename({"time": name}), left_on="start", right_on=name, by="patient", check_sortedness=False
        )
    since = pl.col("_given").is_null() | (pl.col("_measured") > pl.col("_given"))
    told = pl.when(since.fill_null(value=False)).then(pl.lit(value=True))
    return found.with_columns(told.alias(measured_lane(asked))).drop("_measured", "_given")


def measured_lane(asked: MeasuredSince) -> str:
    """The name of what is asked: measured since a drug was given."""
    return f"{'+'.join(asked.concepts)}|measured_since|{'+'.join(asked.drugs)}"


def measured_asked(guidelines: Sequence[Guideline]) -> list[MeasuredSince]:
    """Every such question that the rules ask, each once."""
    rules = [rule for part in guidelines for rule in part.rules]
    return list(dict.fromkeys(rule.measured_since for rule in rules if rule.measured_since is not None))
