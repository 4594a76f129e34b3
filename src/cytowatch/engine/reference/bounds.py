"""Comparing a charted number, exact or printed as a bound, with a cut-off (meaning page, section 2)."""

from __future__ import annotations

from typing import NamedTuple

from cytowatch.engine.reference.rows import Row


class Range(NamedTuple):
    """Where the true value lies; an open end does not belong to it."""

    low: float
    low_open: bool
    high: float
    high_open: bool


_ANYWHERE = Range(float("-inf"), True, float("inf"), True)


def true_range(row: Row) -> Range:
    """Every value that the row leaves possible."""
    value = row.value
    if value is None:
        return _ANYWHERE
    if row.comparator in (">", ">="):
        return Range(value, row.comparator == ">", float("inf"), True)
    if row.comparator in ("<", "<="):
        return Range(float("-inf"), True, value, row.comparator == "<")
    return Range(value, False, value, False)


def all_below(values: Range, cut: float) -> bool:
    """Every possible value is below ``cut``."""
    return values.high < cut or (values.high == cut and values.high_open)


def all_above(values: Range, cut: float) -> bool:
    """Every possible value is above ``cut``."""
    return values.low > cut or (values.low == cut and values.low_open)


def compare(row: Row, op: str, cut: float) -> bool | None:
    """True or false if that holds for every possible value, else None: measured but undecided."""
    values = true_range(row)
    if op == "==":
        if values.low == values.high == cut:
            return True
        return False if all_below(values, cut) or all_above(values, cut) else None
    sure_true, sure_false = {
        "<": (all_below(values, cut), values.low >= cut),
        "<=": (values.high <= cut, all_above(values, cut)),
        ">": (all_above(values, cut), values.high <= cut),
        ">=": (values.low >= cut, all_below(values, cut)),
    }[op]
    return True if sure_true else False if sure_false else None


def below_either(row: Row, lowest: float, highest: float) -> bool | None:
    """Below a cut-off of which only the range is known: true below the lowest, false at or above the highest."""
    if compare(row, "<", lowest) is True:
        return True
    return False if compare(row, "<", highest) is False else None
