"""Rejects: for each refused row the first rule that refused it, why, and what would make the row usable."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.doubt import consequence
from cytowatch.adapters.frame import LIMITS
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.numbers import COMPARATORS
from cytowatch.adapters.resolve import TextMeaning, shown_units
from cytowatch.adapters.rules import Meanings, spread
from cytowatch.schema import REJECTS

# rule: which field offends ({moment} by the clock), why it cannot be used, and what to do
_SAID: dict[str, tuple[str, str, str]] = {
    "missing_patient": ("patient", "the row names no patient", "fill the column `patient`"),
    "missing_concept": ("concept", "", ""),
    "unknown_concept": ("concept", "", ""),
    "missing_time": ("moment", "the row has no {begin}", "fill the column `{begin}`"),
    "bad_time": ("moment", "{value} cannot be read as {a_moment}", "{moment_hint}"),
    "no_time_zone": (
        "moment",
        "{value} has no time zone, so the moment is not certain",
        "write the zone (2024-03-01T10:00:00+01:00), or name the one that all such times are in with `--zone`",
    ),
    "ambiguous_local_time": (
        "moment",
        "{value} happened twice: the clocks went back in that hour",
        "write the offset from UTC in the time itself",
    ),
    "nonexistent_local_time": (
        "moment",
        "{value} did not happen: the clocks went forward over that hour",
        "check the zone, or write the offset from UTC in the time itself",
    ),
    "mixed_clock": (
        "other_moment",
        "the row is not timed by `{begin}`, as the rest of the input is",
        "use one clock, `time` or `hours`, for all rows of a run",
    ),
    "end_before_start": ("end", "the end {value} lies before the start", "check both times"),
    "end_not_after_start": ("end", "the end {value} is the start: it lasted for no time", "check both times"),
    "bad_available": (
        "available",
        "{value} cannot be read as the moment the result became known",
        "write it as the column `{begin}` is written, with its zone, or leave it empty",
    ),
    "unknown_status": (
        "status",
        "{value} is not a status",
        "accepted: final, preliminary, amended, entered-in-error, or empty for final",
    ),
    "not_a_number": (
        "value",
        "{value} is not a number",
        "write a plain number; a category belongs into the column `text`",
    ),
    "ambiguous_number": (
        "value",
        "in {value} the comma may be a decimal comma or part thousands",
        "write a decimal point, or no separator for thousands",
    ),
    "missing_value": ("value", "a measurement without its value says nothing", "fill the column `value`"),
    "missing_unit": ("value", "", ""),
    "unknown_unit": ("unit", "", ""),
    "unit_not_convertible": ("unit", "", ""),
    "missing_text": ("text", "the row does not say which", ""),
    "unknown_category": ("text", "", ""),
    "unknown_comparator": ("comparator", "{value} is not a comparator", f"accepted: {' '.join(COMPARATORS)}, or empty"),
    "conflicting_comparator": (
        "comparator",
        "{value} contradicts the comparator printed with the value",
        "keep one of the two",
    ),
    "not_whole": ("value", "{value} is no whole number, and a fraction of it does not exist", "give the whole grade"),
    "bad_reference_range": (
        "limits",
        "the limits of normal {value} are no range, so the row was mistyped or its columns are mixed up",
        "write two numbers, the lower in `range_low` and the upper in `range_high`, or leave them empty",
    ),
    "out_of_range": (
        "value",
        "",
        "check the value and its unit; a site's own range goes into an overlay of concepts.toml",
    ),
    "too_small": ("value", "", ""),
}
_TABLED = ("missing_concept", "unknown_concept", "missing_unit", "unknown_unit", "unit_not_convertible")


def explained(
    refused: pl.DataFrame, flags: dict[str, pl.Expr], meanings: Meanings, texts: list[TextMeaning], clock: Clock
) -> pl.DataFrame:
    """The table `rejects` for the refused rows, in their order."""
    if refused.is_empty():
        return REJECTS.empty()
    first = pl.coalesce(*(pl.when(flag).then(pl.lit(rule)) for rule, flag in flags.items()))
    refused = refused.with_columns(first.alias("_rule"))
    parts = [
        _of_rule(part, rule, meanings, texts, clock)
        for (rule,), part in refused.group_by("_rule")
        if isinstance(rule, str)
    ]
    return pl.concat(parts).sort("row")


def _of_rule(part: pl.DataFrame, rule: str, meanings: Meanings, texts: list[TextMeaning], clock: Clock) -> pl.DataFrame:
    kind, _, _ = _SAID[rule]
    value = _offending(part, kind, clock)
    reason, hint = _words(rule, meanings, texts, clock, value)
    if rule not in ("missing_concept", "unknown_concept"):
        hint = pl.concat_str(hint, consequence(part, meanings))
    concept = pl.col("concept") if "concept" in part.columns else pl.lit(None, pl.String)
    return part.select(
        pl.col("_row").alias("row"),
        "source",
        "patient",
        concept,
        value.alias("value"),
        pl.lit(rule).alias("rule"),
        reason.alias("reason"),
        hint.alias("hint"),
    )


def _words(
    rule: str, meanings: Meanings, texts: list[TextMeaning], clock: Clock, value: pl.Expr
) -> tuple[pl.Expr, pl.Expr]:
    if rule in _TABLED:
        reasons, hints = [meaning.reason for meaning in meanings.each], [meaning.hint for meaning in meanings.each]
        return meanings.spread(reasons, pl.String()), meanings.spread(hints, pl.String())
    if rule == "unknown_category":
        reasons, hints = [text.reason for text in texts], [text.hint for text in texts]
        return spread(reasons, pl.String(), "_said"), spread(hints, pl.String(), "_said")
    _, reason, hint = _SAID[rule]
    if rule == "out_of_range":
        return _range_words(meanings), pl.lit(hint)
    if rule == "too_small":
        return _small_words(meanings)
    if rule == "missing_text":
        hints = [_categories(meaning.concept.categories) if meaning.concept else "" for meaning in meanings.each]
        return pl.lit(reason), meanings.spread(hints, pl.String())
    return _filled(reason, clock, value), _filled(hint, clock, value)


def _categories(accepted: tuple[str, ...]) -> str:
    return f"fill the column `text` with one of: {', '.join(accepted)}" if accepted else "fill the column `text`"


def _filled(words: str, clock: Clock, value: pl.Expr) -> pl.Expr:
    hints = {
        "time": "write ISO 8601 with date, time of day and zone, such as 2024-03-01T10:00:00+01:00",
        "hours": "write a plain number of hours from the zero of the file",
    }
    moments = {"time": "a moment", "hours": "a number of hours"}
    words = words.replace("{begin}", clock).replace("{a_moment}", moments[clock]).replace("{moment_hint}", hints[clock])
    shown = pl.format("'{}'", value.fill_null(""))
    return pl.format(words.replace("{value}", "{}"), shown) if "{value}" in words else pl.lit(words)


def _range_words(meanings: Meanings) -> pl.Expr:
    units = [f" {m.unit.to}" if m.unit and m.unit.to not in ("", "1") else "" for m in meanings.each]
    ranges = [f"{m.low:g} to {m.high:g}{unit}" for m, unit in zip(meanings.each, units, strict=True)]
    return pl.format(
        "{}{} is outside the plausible range, {}",
        pl.col("_value"),
        meanings.spread(units, pl.String()),
        meanings.spread(ranges, pl.String()),
    )


def _small_words(meanings: Meanings) -> tuple[pl.Expr, pl.Expr]:
    """Less than there can be, and not 0: nearly always a number of another unit."""
    least, hints = [], []
    for meaning in meanings.each:
        unit = f" {meaning.unit.to}" if meaning.unit and meaning.unit.to not in ("", "1") else ""
        whole = meaning.unit.whole_below if meaning.unit else 0.0
        counted = f"; below {whole:g} {meaning.unit.name} cells are counted whole" if meaning.unit and whole else ""
        least.append(f"{unit} cannot be: the least that is not 0 is {meaning.smallest:g}{unit}{counted}")
        accepted = ", ".join(shown_units(meaning.concept)) if meaning.concept else ""
        hints.append(
            f"check the unit, the number looks like one of another unit; accepted: {accepted}; 0 itself is read"
        )
    reason = pl.format("{}{}", pl.col("_value"), meanings.spread(least, pl.String()))
    return reason, meanings.spread(hints, pl.String())


def _offending(part: pl.DataFrame, kind: str, clock: Clock) -> pl.Expr:
    """The field as given, as text."""
    if kind == "limits":
        given = [_as_given(part, name).fill_null("") if name in part.columns else pl.lit("") for name in LIMITS]
        return pl.format("{} to {}", *given)
    begin, end = ("time", "until") if clock == "time" else ("hours", "until_hours")
    other = ("hours", "until_hours") if clock == "time" else ("time", "until")
    names: tuple[str, ...] = {"moment": (begin,), "end": (end,), "other_moment": other}.get(kind, (kind,))
    fields = [_as_given(part, name) for name in names if name in part.columns]
    if kind == "moment" and "_until_rule" in part.columns:
        start_is_fine = pl.col("_time").is_not_null()
        fields.insert(0, pl.when(start_is_fine).then(_as_given(part, end)))
    return pl.coalesce(*fields) if fields else pl.lit(None, pl.String)


def _as_given(part: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if isinstance(part.schema[name], pl.Datetime):
        return column.dt.to_string("iso:strict")
    return column.cast(pl.String)
