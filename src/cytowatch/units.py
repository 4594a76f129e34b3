"""Units of measure: how they may be spelled, and exact conversion into a canonical unit.

A conversion is ``(value + shift) x factor`` with rational shift and factor. It is done once, at the door, and
rounded to nine decimals, so that 100.4 [degF] becomes exactly 38.0 Cel and a cut-off means what it says.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction

import polars as pl

DECIMALS = 9


def spelled(unit: str) -> str:
    """The spelling in which two names of one unit compare equal: no spaces, one micro sign, compatible characters."""
    plain = unicodedata.normalize("NFKC", unit).replace("\u03bc", "u")
    return "".join(plain.split())


def caseless(unit: str) -> str:
    """The spelling without case, except for the prefixes that case tells apart: milli and mega, pico and peta."""
    return "".join(letter if letter in "mMpP" else letter.casefold() for letter in spelled(unit))


def convert(value: Fraction, *, factor: Fraction = Fraction(1), shift: Fraction = Fraction(0)) -> float:
    """One value in the canonical unit, by exact arithmetic, as the nearest float of its nine decimals."""
    return float(round((value + shift) * factor, DECIMALS))


def converted(value: pl.Expr, *, shift: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """The same for a column of floats; numerator and denominator are whole, so each step is rounded once."""
    return ((value + shift) * numerator / denominator).round(DECIMALS)
