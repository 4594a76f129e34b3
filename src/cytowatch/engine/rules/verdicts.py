"""One test of one reading: true, false, or what would decide it (rule-scales page, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.compare import Verdict, compare
from cytowatch.engine.rules.limits import LIMITS, with_baseline, with_limits, with_lowest
from cytowatch.engine.thresholds import threshold_columns
from cytowatch.knowledge.model import Compare, In, Knowledge, Relative

Test = Compare | Relative | In
# how far from a computed cut-off a value still counts as equal to it
_RELATIVE = 1e-9
_REASONS = ("by_range", "by_baseline", "by_age")
_VERDICT = ("true", "false", "idle", *_REASONS)
_NEVER = pl.lit(value=False)


@dataclass(frozen=True)
class Judged:
    """Boolean expressions over one concept's readings.

    ``true``, ``false``; ``idle``: says nothing at this age. Neither of the three is gray, because of ``by_range``,
    ``by_baseline`` or ``by_age``, or because the value itself is a bound.
    """

    true: pl.Expr
    false: pl.Expr
    idle: pl.Expr = _NEVER
    by_range: pl.Expr = _NEVER
    by_baseline: pl.Expr = _NEVER
    by_age: pl.Expr = _NEVER


@dataclass(frozen=True)
class Beside:
    """What a reading is compared with besides itself: the other rows, the people, the exposures that it follows."""

    rows: Charted
    people: pl.DataFrame
    exposures: pl.DataFrame
    knowledge: Knowledge


def judged(spoken: pl.DataFrame, test: Test, beside: Beside) -> pl.DataFrame:
    """``spoken`` with the Boolean columns ``true false idle by_range by_baseline by_age`` of one test."""
    prepared = _prepared(spoken, test, beside)
    verdict = _said_of_a_value(_verdict(test), test)
    return spoken.hstack(
        prepared.select(getattr(verdict, name).fill_null(value=False).alias(name) for name in _VERDICT)
    )


def masks(
    spoken: pl.DataFrame,
    tests: Sequence[Test],
    beside: Beside,
    awake: pl.Series | None = None,
) -> dict[str, pl.Series]:
    """The same of many tests at once: by name, integers whose bit *n* says it of the *n*-th test.

    Names that hold nowhere are left out. ``awake``: rows that say something at all, where not all do.
    """
    alike: dict[object, list[int]] = {}
    for place, test in enumerate(tests):
        alike.setdefault(_preparation(test), []).append(place)
    found: dict[str, pl.Series] = {}
    for places in alike.values():
        prepared = _prepared(spoken, tests[places[0]], beside)
        said = prepared.select(_bits([(place, tests[place]) for place in places], awake))
        for series in said.get_columns():
            found[series.name] = found[series.name] + series if series.name in found else series
    return {name: series for name, series in found.items() if (series != 0).any()}


def _bits(tests: list[tuple[int, Test]], awake: pl.Series | None) -> list[pl.Expr]:
    """One integer expression a name that any of these tests can say."""
    verdicts = [(place, _said_of_a_value(_verdict(test), test)) for place, test in tests]
    if awake is not None:
        counts = pl.lit(awake)
        verdicts = [(place, _if_awake(verdict, counts)) for place, verdict in verdicts]
    columns = []
    for name in _VERDICT:
        parts = [(place, getattr(verdict, name)) for place, verdict in verdicts]
        bits = [_bit(held, place) for place, held in parts if held is not _NEVER]
        if bits:
            columns.append(pl.sum_horizontal(bits).alias(name))
    return columns


def _bit(held: pl.Expr, place: int) -> pl.Expr:
    return held.fill_null(value=False).cast(pl.Int64) * pl.lit(1 << place, pl.Int64)


def _if_awake(verdict: Judged, counts: pl.Expr) -> Judged:
    """An assessment made under sedation says nothing."""
    return replace(verdict, true=verdict.true & counts, false=verdict.false & counts, idle=verdict.idle | ~counts)


def _said_of_a_value(verdict: Judged, test: Test) -> Judged:
    """A reading without a value lacks the value, whatever else is not known."""
    if isinstance(test, In) or getattr(test, "of_baseline", False):
        return verdict
    valued = pl.col("value").is_not_null()
    reasons = {name: getattr(verdict, name) for name in _REASONS}
    return replace(verdict, **{name: held & valued for name, held in reasons.items() if held is not _NEVER})


def _preparation(test: Test) -> object:
    """Alike for tests that read the same columns beside the reading."""
    if isinstance(test, In):
        return None
    if isinstance(test, Relative):
        return "baseline"
    based = "baseline" in (test.times, test.plus)
    return (based, test.of_baseline, test.lookback_hours, test.threshold)


def _prepared(spoken: pl.DataFrame, test: Test, beside: Beside) -> pl.DataFrame:
    if isinstance(test, In):
        return spoken
    table = with_limits(spoken, test.concept, beside.knowledge)
    if isinstance(test, Relative) or test.of_baseline or "baseline" in (test.times, test.plus):
        table = with_baseline(table, beside.rows, beside.people, beside.exposures, test.concept, beside.knowledge)
    if isinstance(test, Compare) and test.lookback_hours:
        table = with_lowest(table, test.lookback_hours)
    if isinstance(test, Compare) and test.threshold:
        cuts = beside.people.select("subject", *threshold_columns(beside.knowledge.thresholds[test.threshold]))
        table = table.join(cuts, on="subject", how="left", maintain_order="left")
    if isinstance(test, Compare) and test.of_baseline:
        table = table.with_columns(pl.col("baseline").alias("value"), pl.lit(None, pl.String).alias("comparator"))
    return table


def _verdict(test: Test) -> Judged:
    if isinstance(test, In):
        listed = pl.col("text").cast(pl.String).is_in(test.categories).fill_null(value=False)
        return Judged(listed, ~listed)
    if isinstance(test, Relative):
        return _relative(test)
    if test.threshold:
        return _by_age(test)
    if test.times or test.plus:
        return _referred(test)
    plain = compare(test.op, pl.lit(test.value))
    return Judged(plain.true, plain.false, by_baseline=_unknown_baseline(test))


def _by_age(test: Compare) -> Judged:
    key = test.threshold
    verdict = compare(test.op, pl.col(f"{key}|low"), pl.col(f"{key}|high"))
    used = pl.col(f"{key}|used")
    sure, unsure = (used == 1).fill_null(value=False), used.is_null()
    true, false = verdict.true & sure, verdict.false & sure
    idle = ((used == 0) | (unsure & verdict.false)).fill_null(value=False)
    return Judged(true, false, idle, by_age=~true & ~false & ~idle & _open_age(key))


def _open_age(key: str) -> pl.Expr:
    """The cut-off itself is open, because the age is."""
    return pl.col(f"{key}|used").is_null() | (pl.col(f"{key}|low") != pl.col(f"{key}|high"))


def _referred(test: Compare) -> Judged:
    name = test.times or test.plus
    reference = pl.col(LIMITS.get(name, name))
    cut = reference * test.value if test.times else reference + test.value
    verdict = compare_near(test.op, cut)
    unknown = reference.is_null()
    by_range = unknown if name in LIMITS else _NEVER
    missing_base = unknown if name == "baseline" else _NEVER
    if test.of_baseline and name != "baseline":
        missing_base = _unknown_baseline(test) & ~by_range
    return Judged(verdict.true, verdict.false, by_range=by_range, by_baseline=missing_base)


def _unknown_baseline(test: Compare) -> pl.Expr:
    return pl.col("baseline").is_null() if test.of_baseline else _NEVER


def _relative(test: Relative) -> Judged:
    limit, base = pl.col(LIMITS[test.limit]), pl.col("baseline")
    abnormal = base > limit if test.limit == "uln" else base < limit
    by_limit = compare_near(test.op, test.normal * limit)
    by_base = compare_near(test.abnormal_op, test.abnormal * base)
    open_end = compare_near(test.abnormal_op, test.abnormal * limit)
    true = pl.when(abnormal).then(by_base.true).otherwise(by_limit.true) & base.is_not_null()
    false = (
        pl.when(base.is_null())
        .then(by_limit.false & open_end.false)
        .when(abnormal)
        .then(by_base.false)
        .otherwise(by_limit.false)
    )
    known = limit.is_not_null()
    return Judged(true & known, false & known, by_range=~known, by_baseline=base.is_null() & known)


def near(cut: pl.Expr) -> pl.Expr:
    """How far a value may lie from a computed cut-off and still be equal to it."""
    return _RELATIVE * pl.max_horizontal(pl.lit(1.0), cut.abs())


def compare_near(op: str, cut: pl.Expr) -> Verdict:
    """Compare ``value`` and ``comparator`` with a computed cut-off, equality meant within a billionth."""
    if op in (">", ">="):
        opposite = _below_near("<=" if op == ">" else "<", cut)
        return Verdict(opposite.false, opposite.true)
    if op in ("<", "<="):
        return _below_near(op, cut)
    exact = pl.col("comparator").is_null()
    close = (pl.col("value") - cut).abs() <= near(cut)
    away = _below_near("<", cut).true | _below_near("<=", cut).false
    return Verdict((exact & close).fill_null(value=False), away)


def _below_near(op: str, cut: pl.Expr) -> Verdict:
    value, bound = pl.col("value"), pl.col("comparator").cast(pl.String)
    exact, slack = bound.is_null(), near(cut)
    at_most, under = value <= cut + slack, value < cut - slack
    inside = at_most if op == "<=" else under
    true = (exact & inside) | ((bound == "<") & at_most) | ((bound == "<=") & inside)
    false = (exact & ~inside) | ((bound == ">") & ~under) | ((bound == ">=") & ~inside)
    return Verdict(true.fill_null(value=False), false.fill_null(value=False))
