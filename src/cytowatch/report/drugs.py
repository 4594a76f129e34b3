"""Steroids and interactions as a page of text for a terminal, each line with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.clock import moment
from cytowatch.report.data import Clock
from cytowatch.report.words import Words

_NOTICE = "Not a medical device and no order: every line is to be checked at its source and decided by a clinician."
_NO_PROOF = "Only drugs that the record holds can meet: that nothing is listed does not prove that nothing meets."
_STATES = {"reached": "reached", "possible": "possible, not certain", "not_reached": "not reached"}
_LEVELS = {"warning": "WARNING", "note": "possible", "unverified": "not verified"}
_NOTES = {
    "amount_not_known": "an amount was not charted",
    "dose_in_doubt": "a dose could not be read, and may have been given",
    "no_weight": "a dose by weight, and no weight of the last 7 days",
    "no_body_surface": "a dose by body surface, which is not worked out",
    "not_recorded": "this source does not record every steroid",
    "before_exposure": "before the first exposure: no day is counted",
    "no_exposure": "the record has no exposure: no day is counted",
}


def drug_lines(
    steroids: pl.DataFrame, interactions: pl.DataFrame, knowledge: Knowledge, clock: Clock, *, all_: bool = False
) -> Iterator[str]:
    """Lines of ``schema.STEROIDS`` and ``schema.INTERACTIONS`` in microseconds; possible meetings with ``all_``."""
    yield _NOTICE
    words = Words(knowledge)
    order = ["patient", "exposure_time", "exposure", "count"]
    for _, rows in steroids.group_by(order, maintain_order=True):
        yield ""
        yield from _steroids(rows.to_dicts(), words, knowledge, clock)
    if steroids.is_empty():
        yield "The record has no steroid."
    shown = interactions if all_ else interactions.filter(pl.col("state") == "found")
    for row in shown.iter_rows(named=True):
        yield ""
        yield from _interaction(row, words, knowledge, clock)
    hidden = interactions.height - shown.height
    yield ""
    yield f"{hidden} more that are only possible: --all shows them. {_NO_PROOF}" if hidden else _NO_PROOF


def _steroids(rows: list[dict[str, Any]], words: Words, knowledge: Knowledge, clock: Clock) -> Iterator[str]:
    first, last = rows[0], rows[-1]
    since = f" since {words.product(first['exposure']) or 'the exposure'}" if first["day"] is not None else ""
    at = f", {moment(first['exposure_time'], clock)}" if first["day"] is not None else ""
    yield f"{first['patient']}, steroids{since}{at}, as mg of dexamethasone"
    for row in rows:
        day = "no day" if row["day"] is None else f"day {row['day']}"
        notes = "".join(f" ({_NOTES[name]})" for name in row["notes"])
        yield f"  {day}: {_range(row['at_least'], row['at_most'], ' mg')}, from {'; '.join(row['arithmetic'])}{notes}"
    if last["day"] is not None:
        total = _range(last["total_at_least"], last["total_at_most"], " mg")
        yield f"  in all {total}, on {_range(last['steroid_days_at_least'], last['steroid_days_at_most'], ' days')}"
    yield from _count(last, knowledge)
    if any(row["basis"] == "recalled" for row in rows):
        yield "  not verified: how strong steroids are against dexamethasone was recalled, and read in no source"


def _count(row: Mapping[str, Any], knowledge: Knowledge) -> Iterator[str]:
    count = knowledge.formulary.steroid_counts.get(row["count"] or "")
    if count is None:
        return
    days = _range(row["days_at_least"], row["days_at_most"], " days")
    of = f"of at least {count.least_mg:g} mg in days {count.first_day} to {count.last_day}"
    yield f"  {days} {of}; {count.days} days: {_STATES[row['state']]}. {count.text}"
    yield f"      {_source(count.cited.source, count.cited.locator, count.cited.evidence, knowledge)}"


def _interaction(row: Mapping[str, Any], words: Words, knowledge: Knowledge, clock: Clock) -> Iterator[str]:
    part = knowledge.formulary.interactions[row["interaction"]]
    drugs = ", ".join(words.concept(name) for name in row["drugs"])
    yield f"{row['patient']}, {moment(row['start'], clock)} to {moment(row['end'], clock)}"
    yield f"  {_LEVELS[row['level']]}  {part.label} ({drugs}): {row['why']}"
    yield f"      do: {row['action']}"
    if row["missing"]:
        yield f"      not known: {', '.join(words.missing(name) for name in row['missing'])}"
    yield f"      {_source(row['source'], row['locator'], row['basis'], knowledge)}"


def _range(low: float, high: float | None, unit: str) -> str:
    if high is None:
        return f"at least {low:g}{unit}" if low else "how much is not known"
    return f"{low:g}{unit}" if low == high else f"{low:g} to {high:g}{unit}"


def _source(source: str, locator: str, basis: str, knowledge: Knowledge) -> str:
    found = knowledge.sources.get(source)
    return f"source: {found.citation or found.title if found else source}; {locator} ({basis})"
