"""The limits of normal that a laboratory printed beside a result, read in the unit of the value.

A pair that is no range (not a number, or upside down) says that the row was mistyped: it is refused. A pair that is a
range and cannot be one of this concept says nothing about the value: it is left out, the row is used, and the ledger
tells it.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.frame import LIMITS
from cytowatch.adapters.numbers import Numbers, read_numbers
from cytowatch.adapters.resolve import Meaning
from cytowatch.adapters.rules import Meanings, Work
from cytowatch.adapters.values import canonical, fits

# `<5` as the upper limit is 5; the other way round it is no limit
_PRINTED = {"range_low": (">", ">="), "range_high": ("<", "<=")}
_LEFT_OUT = "_limits_left_out"


def read_limits(work: Work, meanings: Meanings) -> None:
    """Rule `bad_reference_range`; adds `_range_low` and `_range_high` in the canonical unit where they can be used."""
    if not any(work.has(name) for name in LIMITS):
        return
    bad = pl.any_horizontal(*[_read_limit(work, meanings, name) for name in LIMITS])
    low, high = (pl.col(f"_{name}") for name in LIMITS)
    measured = meanings.spread([_is_measured(meaning) for meaning in meanings.each], pl.Boolean())
    given = low.is_not_null() | high.is_not_null() | bad
    settled = ~(pl.col("_range_low_unsettled") | pl.col("_range_high_unsettled"))
    usable = measured & ~bad & settled & _can_be(meanings, low, high)
    work.add(
        (measured & (bad | (low > high).fill_null(value=False))).alias("_no_range"),
        (given & ~usable).alias(_LEFT_OUT),
        *(pl.when(usable).then(limit).alias(f"_{name}") for name, limit in zip(LIMITS, (low, high), strict=True)),
    )
    work.refuse_value("bad_reference_range", pl.col("_no_range"))


def not_used(good: pl.DataFrame, meanings: Meanings) -> list[str]:
    """What the ledger tells of limits that were left out of rows that are used: one line for each concept."""
    if _LEFT_OUT not in good.columns or not good[_LEFT_OUT].any():
        return []
    concepts = good.filter(good[_LEFT_OUT]).select(meanings.concepts().alias("concept"))["concept"]
    return [f"limits of normal beside {name} not used: they cannot be" for name in concepts.unique().sort()]


def _is_measured(meaning: Meaning) -> bool:
    """Whether it is a measured number; whatever stands beside a drug or a device is no limit."""
    return meaning.concept is not None and meaning.concept.kind == "reading" and bool(meaning.unit and meaning.unit.to)


def _read_limit(work: Work, meanings: Meanings, name: str) -> pl.Expr:
    """Add `_<name>` in the canonical unit and `_<name>_unsettled`; returns where it is no number."""
    given = work.frame[name] if name in work.frame.columns else work.text(name)
    numbers = read_numbers(given)
    work.add(numbers.value.alias(f"_{name}"), pl.lit(value=False).alias(f"_{name}_unsettled"))
    work.add(canonical(meanings, f"_{name}"))
    if numbers.other is not None:
        _settle_comma(work, meanings, f"_{name}", numbers.other)
    work.add(_is_bad(numbers, name).alias(f"_{name}_bad"))
    return pl.col(f"_{name}_bad")


def _is_bad(numbers: Numbers, name: str) -> pl.Series:
    bad = pl.repeat(value=False, n=len(numbers.value), eager=True) if numbers.bad is None else numbers.bad
    if numbers.comparator is None:
        return bad
    return bad | ~numbers.comparator.is_in(_PRINTED[name]).fill_null(value=True)


def _settle_comma(work: Work, meanings: Meanings, column: str, other: pl.Series) -> None:
    """Of two readings of a comma the one that this concept can have; both possible: not settled."""
    work.add(other.alias(f"{column}_other"))
    work.add(canonical(meanings, f"{column}_other"))
    second = fits(meanings, f"{column}_other") & pl.col(f"{column}_other").is_not_null()
    first = fits(meanings, column)
    work.add((first & second).alias(f"{column}_unsettled"))
    work.add(pl.when(second & ~first).then(f"{column}_other").otherwise(column).alias(column))


def _can_be(meanings: Meanings, low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Limits between which a value of the concept can lie: not below 0 where it cannot be, not 0 to 0."""
    floor = meanings.spread([min(0.0, meaning.low) for meaning in meanings.each], pl.Float64())
    least = meanings.spread([meaning.low for meaning in meanings.each], pl.Float64())
    most = meanings.spread([meaning.high for meaning in meanings.each], pl.Float64())
    lower = low.is_between(floor, most).fill_null(value=True)
    upper = (high.is_between(least, most) & ((high > 0) | (least < 0))).fill_null(value=True)
    return lower & upper & (low < high).fill_null(value=True)
