"""Numbers as people and laboratories print them: decimal commas, thousands, ``<0.1``, a typographic minus."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_COMPARATORS = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}
COMPARATORS = ("<", "<=", ">", ">=")
_SIGN = r"[+-]?"
_PLAIN = rf"^{_SIGN}(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_COMMA_DECIMAL = rf"^{_SIGN}\d*,\d+$"
_EITHER = rf"^{_SIGN}[1-9]\d{{0,2}},\d{{3}}$"
_COMMA_THOUSANDS = rf"^{_SIGN}\d{{1,3}}((,\d{{3}})+\.\d+|(,\d{{3}}){{2,}})$"
_DOT_THOUSANDS = rf"^{_SIGN}\d{{1,3}}((\.\d{{3}})+,\d+|(\.\d{{3}}){{2,}})$"
_SPACE_THOUSANDS = rf"^{_SIGN}\d{{1,3}}( \d{{3}})+([.,]\d+)?$"


@dataclass(frozen=True)
class Numbers:
    """What a column of values says; ``other`` is the second reading of an ambiguous comma, ``bad`` marks no number."""

    value: pl.Series
    other: pl.Series | None = None
    comparator: pl.Series | None = None
    bad: pl.Series | None = None


def read_numbers(given: pl.Series) -> Numbers:
    """Read a column of numbers or of text; an empty cell, and NaN in a typed column, is missing and not bad."""
    if given.dtype == pl.Null:
        return Numbers(given.cast(pl.Float64))
    if given.dtype.is_numeric() or given.dtype == pl.Boolean:
        return _typed(given.cast(pl.Float64))
    text = trimmed(given)
    fast = text.cast(pl.Float64, strict=False)
    hard = (fast.is_null() & text.is_not_null()) | ~fast.is_finite().fill_null(True)
    return _with_hard(text, fast, hard) if hard.any() else Numbers(fast)


def trimmed(column: pl.Series) -> pl.Series:
    """Text without spaces around it; an empty cell becomes missing."""
    text = column.cast(pl.String).str.strip_chars()
    empty = text == ""
    return text.set(empty, None) if empty.any() else text


def comparator_key(name: str) -> str:
    """The contract's spelling of a comparator (`≤` is `<=`)."""
    return _COMPARATORS.get(name.strip(), name.strip())


def _typed(value: pl.Series) -> Numbers:
    value = value.fill_nan(None)
    infinite = value.is_infinite().fill_null(False)
    return Numbers(value, bad=infinite) if infinite.any() else Numbers(value)


def _with_hard(text: pl.Series, fast: pl.Series, hard: pl.Series) -> Numbers:
    """Parse what the plain reading could not, once per distinct text."""
    distinct = text.filter(hard).unique().sort()
    parsed = parse_printed(distinct)
    code = text.cast(pl.Enum(distinct), strict=False).to_physical()
    spread = {name: parsed[name].gather(code) for name in ("value", "other", "comparator")}
    value = spread["value"].zip_with(hard, fast)
    return Numbers(value, spread["other"], spread["comparator"], hard & value.is_null())


def parse_printed(printed: pl.Series) -> pl.DataFrame:
    """Columns ``value``, ``other``, ``comparator`` for printed numbers; all empty where it is not a number."""
    text = pl.lit(printed.str.replace_all(r"[\u2212\u2010\u2011\u2013]", "-"))
    comparator = text.str.extract(r"^(<=|>=|=<|=>|≤|≥|<|>)").replace(_COMPARATORS)
    number = text.str.replace(r"^(<=|>=|=<|=>|≤|≥|<|>)\s*", "")
    number = number.str.replace_all(r"(\d)[ \u00a0\u2009\u202f'’](\d)", "$1 $2")
    number = number.str.replace_all(r"(\d)[ \u00a0\u2009\u202f'’](\d)", "$1 $2")
    frame = pl.select(number=number, comparator=comparator)
    value = _reading(pl.col("number")).cast(pl.Float64, strict=False)
    either = pl.when(pl.col("number").str.contains(_EITHER)).then(pl.col("number").str.replace(",", ""))
    other = either.cast(pl.Float64, strict=False)
    frame = frame.select(pl.when(value.is_finite()).then(value).alias("value"), other.alias("other"), "comparator")
    return frame.with_columns(comparator=pl.when(pl.col("value").is_not_null()).then("comparator"))


def _reading(number: pl.Expr) -> pl.Expr:
    """The number in the plain spelling; empty where no spelling fits."""
    pointed = number.str.replace_all(" ", "").str.replace(",", ".")
    return (
        pl.when(number.str.contains(_PLAIN))
        .then(number)
        .when(number.str.contains(_COMMA_DECIMAL))
        .then(number.str.replace(",", "."))
        .when(number.str.contains(_COMMA_THOUSANDS))
        .then(number.str.replace_all(",", ""))
        .when(number.str.contains(_DOT_THOUSANDS))
        .then(number.str.replace_all(r"\.", "").str.replace(",", "."))
        .when(number.str.contains(_SPACE_THOUSANDS))
        .then(pointed)
    )
