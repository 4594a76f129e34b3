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
    return exactly(value)


def exactly(value: float) -> Range:
    """The range of one value that is known."""
    return Range(value, False, value, False)


def all_below(values: Range, cut: float, near: float = 0.0) -> bool:
    """Every possible value is below ``cut``; what lies within ``near`` of it counts as equal."""
    return values.high < cut - near or (values.high <= cut + near and values.high_open)


def all_above(values: Range, cut: float, near: float = 0.0) -> bool:
    """Every possible value is above ``cut``; what lies within ``near`` of it counts as equal."""
    return values.low > cut + near or (values.low >= cut - near and values.low_open)


def compare(row: Row, op: str, cut: float) -> bool | None:
    """Whether what a row says compares with ``cut``, as ``holds`` answers it."""
    return holds(true_range(row), op, cut)


def holds(values: Range, op: str, cut: float, near: float = 0.0) -> bool | None:
    """True or false if that holds for every possible value, else None: measured but undecided."""
    at_least, at_most = values.low >= cut - near, values.high <= cut + near
    below, above = all_below(values, cut, near), all_above(values, cut, near)
    sure_true, sure_false = {
        "<": (below, at_least),
        "<=": (at_most, above),
        ">": (above, at_most),
        ">=": (at_least, below),
        # a range with an open end never holds one value alone
        "==": (at_least and at_most and not below and not above, below or above),
    }[op]
    return True if sure_true else False if sure_false else None


def below_either(row: Row, lowest: float, highest: float) -> bool | None:
    """Below a cut-off of which only the range is known: true below the lowest, false at or above the highest."""
    if compare(row, "<", lowest) is True:
        return True
    return False if compare(row, "<", highest) is False else None
