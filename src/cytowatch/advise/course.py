"""How a reaction has run so far: when it began, whether it is better since a drug, how bad it was once it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from cytowatch.advise.doses import Given
from cytowatch.advise.moments import laid_under
from cytowatch.knowledge.advice import AdviceRule, Guideline, NoBetter
from cytowatch.schema import HOUR_US

_EXPOSED = "exposed_at"


def with_course(frame: pl.DataFrame, scale: str) -> pl.DataFrame:
    """Add when the reaction on a scale began, since when it is over, and how bad it was.

    ``<scale>|onset``: its first certain moment; ``|onset_from``: the first not excluded; ``|over_since``;
    ``|worst_least`` and ``|worst_most``: the worst grade since the latest exposure. ``frame``: segments in order of
    patient and time, with the scale's lane and ``exposed_at``.
    """
    low, high = pl.col(f"{scale}|at_least"), pl.col(f"{scale}|at_most")
    found = _with_run(frame, low >= 1, f"{scale}|onset")
    found = _with_run(found, high >= 1, f"{scale}|onset_from")
    found = _with_run(found, high == 0, f"{scale}|over_since")
    own = ["patient", _EXPOSED]
    return found.with_columns(
        low.fill_null(0).cum_max().over(own).alias(f"{scale}|worst_least"),
        high.fill_null(0).cum_max().over(own).alias(f"{scale}|worst_most"),
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
    """The reaction began so many hours after the exposure that was the latest then."""
    low, high = (round(edge * HOUR_US) for edge in hours)
    inside = [
        pl.col(name).is_between(low, high, closed="left").fill_null(value=False)
        for name in (f"{scale}|onset_after", f"{scale}|onset_from_after")
    ]
    return inside[1] & (inside[0] | pl.col(f"{scale}|onset").is_null()), inside[0] | inside[1]


def _lasts(scale: str, hours: float) -> tuple[pl.Expr, pl.Expr]:
    """The reaction has lasted so many hours or more."""
    span = round(hours * HOUR_US)
    since = [pl.col("start") - pl.col(f"{scale}|{name}") for name in ("onset", "onset_from")]
    return (since[0] >= span).fill_null(value=False), (since[1] >= span).fill_null(value=False)


def lane_of(scale: str, asked: NoBetter) -> str:
    """The name of what is asked: no better than when one of these drugs was given."""
    return f"{scale}|no_better|{'+'.join(asked.drugs)}|{asked.hours:g}"


def asked_of(guidelines: Sequence[Guideline]) -> list[tuple[str, NoBetter]]:
    """Every scale and question that the rules ask, each once."""
    asked = ((part.scales[rule.toxicity], rule.no_better) for part in guidelines for rule in part.rules)
    return list(dict.fromkeys((scale, each) for scale, each in asked if each is not None))


def onset_cuts(lanes: pl.DataFrame, guidelines: Sequence[Guideline]) -> list[pl.DataFrame]:
    """When a reaction can have lasted long enough: so many hours after each row of the scale that may begin it."""
    rules = ((part.scales[rule.toxicity], rule.lasting_hours) for part in guidelines for rule in part.rules)
    asked = sorted({(scale, hours) for scale, hours in rules if hours is not None})
    return [
        lanes.filter(pl.col("scale") == scale, pl.col("at_most") >= 1).select(
            "patient", pl.col("start").alias("time") + round(hours * HOUR_US)
        )
        for scale, hours in asked
    ]


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

    True: a dose was given at least so many hours ago, in this reaction, and the grade is at least what it was then.
    ``lane``: the scale's timeline.
    """
    name = lane_of(scale, asked)
    rows = pl.concat([doses[drug].rows.select("patient", "time", "in_doubt") for drug in asked.drugs])
    later = (pl.col("time") + round(asked.hours * HOUR_US)).alias("at")
    late = rows.select("patient", pl.col("time").alias("dosed"), "in_doubt", later).sort("patient", "at")
    joined = frame.join_asof(late, left_on="start", right_on="at", by="patient", check_sortedness=False).drop("at")
    graded = laid_under(
        rows.select("patient", pl.col("time").alias("start")).unique().sort("patient", "start"),
        lane, "then", ("at_least", "at_most"),
    )  # fmt: skip
    joined = joined.join(graded.rename({"start": "dosed"}), on=["patient", "dosed"], how="left", maintain_order="left")
    low, high = pl.col(f"{scale}|at_least"), pl.col(f"{scale}|at_most")
    # a dose before the reaction is none for it; where it may have begun already, nobody knows
    own = (pl.col("dosed") >= pl.col(f"{scale}|onset")).fill_null(value=False)
    none = pl.col("dosed").is_null() | (pl.col("dosed") < pl.col(f"{scale}|onset_from")).fill_null(value=False)
    recorded = all(doses[drug].is_recorded for drug in asked.drugs)
    yes = own & (low >= pl.col("then|at_most")) & ~pl.col("in_doubt")
    no = none if recorded else pl.lit(value=False)
    told = (
        pl.when((no | (high < pl.col("then|at_least"))).fill_null(value=False))
        .then(pl.lit(value=False))
        .when(yes.fill_null(value=False))
        .then(pl.lit(value=True))
    )
    return joined.with_columns(told.alias(name)).drop("dosed", "in_doubt", "then|at_least", "then|at_most")
