"""The limits of normal that a laboratory printed beside a result, read in the unit of the value.

A limit that is no number says that the row was mistyped: it is refused. Limits that are numbers and cannot be those of
this concept in this unit say nothing about the value: they are left out, the row is used, and the ledger tells it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from cytowatch.adapters.frame import LIMITS
from cytowatch.adapters.numbers import Numbers, read_numbers
from cytowatch.adapters.resolve import Meaning
from cytowatch.adapters.rules import Meanings, Work
from cytowatch.adapters.values import canonical, fits

# `<5` as the upper limit is 5; the other way round it is no limit
_PRINTED = {"range_low": (">", ">="), "range_high": ("<", "<=")}
_LEFT_OUT = "_limits_left_out"
_ANYWHERE = (float("-inf"), float("inf"))
# why limits were left out
Cause = Literal["no_number", "upside_down", "unsettled", "other_unit"]


def read_limits(work: Work, meanings: Meanings) -> None:
    """Rule `bad_reference_range`; adds `_range_low` and `_range_high` in the canonical unit where they can be used."""
    if not any(work.has(name) for name in LIMITS):
        return
    bad = pl.any_horizontal(*[_read_limit(work, meanings, name) for name in LIMITS])
    low, high = (pl.col(f"_{name}") for name in LIMITS)
    measured = meanings.spread([_is_measured(meaning) for meaning in meanings.each], pl.Boolean())
    given = low.is_not_null() | high.is_not_null() | bad
    unsettled = pl.col("_range_low_unsettled") | pl.col("_range_high_unsettled")
    cause = (
        pl.when(~given)
        .then(None)
        .when(~measured)
        .then(pl.lit("no_number"))
        .when((low > high).fill_null(value=False))
        .then(pl.lit("upside_down"))
        .when(unsettled)
        .then(pl.lit("unsettled"))
        .when(~_can_be(meanings, low, high))
        .then(pl.lit("other_unit"))
    )
    work.add((measured & bad).alias("_no_range"), cause.alias(_LEFT_OUT))
    usable = pl.col(_LEFT_OUT).is_null() & ~bad
    work.add(*(pl.when(usable).then(limit).alias(f"_{name}") for name, limit in zip(LIMITS, (low, high), strict=True)))
    work.refuse_value("bad_reference_range", pl.col("_no_range"))


def not_used(good: pl.DataFrame, meanings: Meanings) -> list[str]:
    """What the ledger tells of limits that were left out of rows that are used: one line for each concept and cause."""
    if _LEFT_OUT not in good.columns or not good[_LEFT_OUT].count():
        return []
    left_out = good.filter(pl.col(_LEFT_OUT).is_not_null()).select(
        meanings.concepts().alias("concept"), pl.col("_pair"), pl.col(_LEFT_OUT).alias("cause"), "source"
    )
    firsts = left_out.unique(["concept", "cause"], keep="first", maintain_order=True).sort("concept", "cause")
    return [
        f"limits of normal beside {row['concept']} not used: {_SAID[row['cause']](meanings.each[row['_pair']])} "
        f"(first in {row['source']})"
        for row in firsts.iter_rows(named=True)
    ]


def _only(words: str) -> Callable[[Meaning], str]:
    return lambda _: words


def _of_another_unit(meaning: Meaning) -> str:
    """Where limits of this concept can lie, and what to do."""
    unit = f" {meaning.unit.to}" if meaning.unit and meaning.unit.to else ""
    bands = {"lower": _band(meaning, "limit_low"), "upper": _band(meaning, "limit_high")}
    known = [f"{name} {low:g} to {high:g}{unit}" for name, (low, high) in bands.items() if (low, high) != _ANYWHERE]
    where = f" ({'; '.join(known)})" if known else ""
    return (
        f"no laboratory has such limits{where}, so they are in another unit than the value or mistyped; the values are "
        "used, what needs the limits stays unknown; write the limits in the unit of their row"
    )


_SAID: dict[Cause, Callable[[Meaning], str]] = {
    "no_number": _only("it is no measured number that could have limits"),
    "upside_down": _only(
        "the lower stands above the upper one; the values are used, what needs the limits stays unknown; check which "
        "column is which"
    ),
    "unsettled": _only(
        "a comma in them may be a decimal comma or part thousands; the values are used, what needs the limits stays "
        "unknown; write a decimal point"
    ),
    "other_unit": _of_another_unit,
}


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
    """Limits that a laboratory can print in this unit, between which a value of the concept can lie."""
    floor = _spread(meanings, lambda meaning: min(0.0, meaning.low))
    least, most = _spread(meanings, lambda meaning: meaning.low), _spread(meanings, lambda meaning: meaning.high)
    lower = low.is_between(floor, most) & (_in_band(meanings, low, "limit_low") | (low == 0))
    upper = high.is_between(least, most) & ((high > 0) | (least < 0)) & _in_band(meanings, high, "limit_high")
    return lower.fill_null(value=True) & upper.fill_null(value=True) & (low < high).fill_null(value=True)


def _in_band(meanings: Meanings, limit: pl.Expr, key: str) -> pl.Expr:
    """True inside the band of the concept; a lower limit of 0 is 0 in every unit, and passes besides."""
    return limit.is_between(
        _spread(meanings, lambda meaning: _band(meaning, key)[0]),
        _spread(meanings, lambda meaning: _band(meaning, key)[1]),
    )


def _band(meaning: Meaning, key: str) -> tuple[float, float]:
    """The band of a limit, in the unit that the row is converted into; anywhere if nothing is said."""
    concept = meaning.concept
    if concept is None or not meaning.unit or meaning.unit.to not in concept.units[:1]:
        return _ANYWHERE
    band: tuple[float, float] | None = getattr(concept, key)
    return _ANYWHERE if band is None else band


def _spread(meanings: Meanings, of: Callable[[Meaning], float]) -> pl.Expr:
    return meanings.spread([of(meaning) for meaning in meanings.each], pl.Float64())
