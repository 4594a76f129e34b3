"""Comparison of a value that may be a bound: when it is certainly true, and when certainly false."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Verdict:
    """Two Boolean expressions; neither true means measured but undecided (gray)."""

    true: pl.Expr
    false: pl.Expr


def compare(op: str, low: pl.Expr, high: pl.Expr | None = None) -> Verdict:
    """Compare columns ``value`` and ``comparator`` with a cut-off that lies between ``low`` and ``high``.

    A laboratory's ``<0.1`` stands for every value below 0.1: the comparison is true (false) if it is so for all of
    them, and for every cut-off between ``low`` and ``high``.
    """
    high = low if high is None else high
    if op in ("<", "<="):
        return _below(op, low, high)
    if op in (">", ">="):
        opposite = _below("<=" if op == ">" else "<", low, high)
        return Verdict(opposite.false, opposite.true)
    if op == "==":
        below, above = _below("<", low, high), compare(">", low, high)
        exact = _bound().is_null() & (pl.col("value") == low)
        return Verdict(exact, below.true | above.true)
    raise ValueError(f"unknown comparison {op!r}")


def _bound() -> pl.Expr:
    return pl.col("comparator").cast(pl.String)


def _below(op: str, low: pl.Expr, high: pl.Expr) -> Verdict:
    value, bound = pl.col("value"), _bound()
    exact = bound.is_null()
    inside = (value <= low) if op == "<=" else (value < low)
    outside = (value > high) if op == "<=" else (value >= high)
    # `< v` lies wholly below the cut-off if v itself does or equals it; `> v` wholly above if v reaches it
    true = (exact & inside) | ((bound == "<") & (value <= low)) | ((bound == "<=") & inside)
    false = (exact & outside) | ((bound == ">") & (value >= high)) | ((bound == ">=") & outside)
    return Verdict(true.fill_null(False), false.fill_null(False))
