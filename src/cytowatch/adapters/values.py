"""The rules of admission about a number: what was printed, its unit, its comparator, and whether it is plausible."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.numbers import COMPARATORS, comparator_key, read_numbers
from cytowatch.adapters.rules import Meanings, Work
from cytowatch.knowledge.model import Unit
from cytowatch.units import DECIMALS, converted

_UNIT_RULES = ("missing_unit", "unknown_unit", "unit_not_convertible")
_SAME = Unit("", "")


def read_values(work: Work, meanings: Meanings) -> None:
    """Add `_value` in the canonical unit, and `_printed`, the comparator that stood before the number."""
    if "value" not in work.frame.columns:
        work.add(pl.lit(None, pl.Float64).alias("_value"))
        _refuse_missing(work, meanings)
        return
    numbers = read_numbers(work.frame["value"])
    work.add(numbers.value.alias("_value"))
    if numbers.bad is not None and numbers.bad.any():
        work.add(numbers.bad.alias("_bad_number"))
        work.refuse_value("not_a_number", pl.col("_bad_number"))
    if numbers.comparator is not None and numbers.comparator.count():
        work.add(numbers.comparator.alias("_printed"))
    _refuse_missing(work, meanings)
    _refuse_units(work, meanings)
    _convert(work, meanings, numbers.other)
    _refuse_fractions(work, meanings)
    _blank_what_is_taken_back(work, meanings)


def read_comparators(work: Work) -> None:
    """Rules `unknown_comparator` and `conflicting_comparator`; adds `_comparator`."""
    printed = pl.col("_printed") if "_printed" in work.frame.columns else None
    if not work.has("comparator"):
        if printed is not None:
            work.add(printed.alias("_comparator"))
        return
    distinct: list[str] = work.frame["comparator"].drop_nulls().unique().sort().to_list()
    known = {name: key for name in distinct if (key := comparator_key(name)) in COMPARATORS}
    read = pl.col("comparator").replace_strict(known, default=None, return_dtype=pl.String)
    work.add((read if printed is None else pl.coalesce(printed, read)).alias("_comparator"))
    unknown = [name for name in distinct if name not in known and name != "="]
    if unknown:
        work.refuse_value("unknown_comparator", pl.col("comparator").is_in(unknown).fill_null(False))
    if printed is not None:
        work.refuse_value("conflicting_comparator", (read != printed).fill_null(False))


def _refuse_missing(work: Work, meanings: Meanings) -> None:
    needed = [meaning.concept is not None and meaning.concept.value_needed for meaning in meanings.each]
    if any(needed) and work.frame["_value"].null_count():
        work.refuse_value("missing_value", meanings.spread(needed, pl.Boolean()) & pl.col("_value").is_null())


def _refuse_units(work: Work, meanings: Meanings) -> None:
    """A unit matters only beside a number: a dose without an amount needs none, and off is off in mL/h too."""
    treated = [
        meaning.concept is not None and meaning.concept.kind in ("infusion", "dose") for meaning in meanings.each
    ]
    off = meanings.spread(treated, pl.Boolean()) & (pl.col("_value") == 0).fill_null(value=False)
    for rule in _UNIT_RULES:
        marked = [meaning.unit_rule == rule for meaning in meanings.each]
        if any(marked):
            work.refuse_value(rule, meanings.spread(marked, pl.Boolean()) & pl.col("_value").is_not_null() & ~off)


def _refuse_fractions(work: Work, meanings: Meanings) -> None:
    whole = [meaning.concept is not None and meaning.concept.whole for meaning in meanings.each]
    if any(whole):
        fraction = (pl.col("_value") != pl.col("_value").floor()).fill_null(value=False)
        work.refuse_value("not_whole", meanings.spread(whole, pl.Boolean()) & fraction)


def _convert(work: Work, meanings: Meanings, other: pl.Series | None) -> None:
    """Bring `_value` into the canonical unit, choose between two readings of a comma, refuse what is not plausible."""
    if other is None or not other.count():
        work.add(too_small(meanings, "_value").alias("_small"), canonical(meanings, "_value"))
    else:
        work.add(other.alias("_other"))
        _choose(work, meanings)
        work.refuse_value("ambiguous_number", pl.col("_ambiguous"))
    work.refuse_value("out_of_range", ~fits(meanings, "_value"))
    if _can_be_too_small(meanings):
        work.refuse_value("too_small", pl.col("_small"))


def _choose(work: Work, meanings: Meanings) -> None:
    """Of two readings of a comma the one that can be; both: `_ambiguous`."""
    small = [too_small(meanings, name).alias(f"{name}_small") for name in ("_value", "_other")]
    work.add(*small, canonical(meanings, "_value"), canonical(meanings, "_other"))
    first = fits(meanings, "_value") & ~pl.col("_value_small")
    second = fits(meanings, "_other") & ~pl.col("_other_small") & pl.col("_other").is_not_null()
    work.add((first & second).alias("_ambiguous"), (second & ~first).alias("_second"))
    work.add(
        pl.when("_second").then("_other").otherwise("_value").alias("_value"),
        pl.when("_second").then("_other_small").otherwise("_value_small").alias("_small"),
    )


def _can_be_too_small(meanings: Meanings) -> bool:
    return any(meaning.smallest or (meaning.unit and meaning.unit.whole_below) for meaning in meanings.each)


def too_small(meanings: Meanings, column: str) -> pl.Expr:
    """True where a working column, in the unit of its row, is not 0 and less than the least there can be.

    That is less than `smallest` of the concept, or a fraction where only whole numbers exist: a part of a cell.
    """
    if not _can_be_too_small(meanings):
        return pl.lit(value=False)
    given = pl.col(column)
    whole_below = meanings.spread([m.unit.whole_below if m.unit else 0.0 for m in meanings.each], pl.Float64())
    smallest = meanings.spread([meaning.smallest for meaning in meanings.each], pl.Float64())
    fraction = (given < whole_below) & (given != given.floor())
    return ((given > 0) & (fraction | (canonical(meanings, column) < smallest))).fill_null(value=False)


def canonical(meanings: Meanings, column: str) -> pl.Expr:
    """A working column, given in the unit of its row, in the canonical unit."""
    units = [meaning.unit or _SAME for meaning in meanings.each]
    value = pl.col(column)
    changed = [unit.factor != 1 or unit.shift != 0 for unit in units]
    if any(changed):
        parts = {
            "shift": [float(unit.shift) for unit in units],
            "numerator": [float(unit.factor.numerator) for unit in units],
            "denominator": [float(unit.factor.denominator) for unit in units],
        }
        exact = converted(value, **{name: meanings.spread(part, pl.Float64()) for name, part in parts.items()})
        value = pl.when(meanings.spread(changed, pl.Boolean())).then(exact).otherwise(value)
    limits = [meaning.per_cent_from for meaning in meanings.each]
    if any(limit < float("inf") for limit in limits):
        as_fraction = (pl.col(column) / 100).round(DECIMALS)
        value = pl.when(pl.col(column) >= meanings.spread(limits, pl.Float64())).then(as_fraction).otherwise(value)
    return value.alias(column)


def fits(meanings: Meanings, column: str) -> pl.Expr:
    """True if missing or inside the plausible range, both ends included."""
    low = meanings.spread([meaning.low for meaning in meanings.each], pl.Float64())
    high = meanings.spread([meaning.high for meaning in meanings.each], pl.Float64())
    return pl.col(column).is_between(low, high).fill_null(True)


def _blank_what_is_taken_back(work: Work, meanings: Meanings) -> None:
    """A row entered in error may carry anything; a number without a usable unit is not passed on as one."""
    if "_status" not in work.frame.columns:
        return
    unusable = meanings.spread([bool(meaning.unit_rule) for meaning in meanings.each], pl.Boolean())
    taken_back = pl.col("_status").eq_missing(pl.lit("entered-in-error"))
    work.add(pl.when(~(taken_back & unusable)).then("_value").alias("_value"))
