"""Advice as a page of text: what each guideline says, moment by moment, with its dose, limits and source."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.words import Words
from cytowatch.schema import HOUR_US

_LEVELS = {
    "alert": "NOW",
    "advice": "now",
    "limit": "NOT NOW",
    "note": "possible",
    "unverified": "not verified",
}
_NOTICE = "Not a medical device and no order: every line is to be checked at its source and decided by a clinician."


def advice_lines(
    advice: pl.DataFrame, knowledge: Knowledge, clock: str, *, all_: bool = False, next_: bool = False
) -> Iterator[str]:
    """Lines for a terminal, one block a patient and moment at which something new is said.

    ``advice``: ``schema.ADVICE`` in microseconds. Without ``all_`` only what holds now; ``next_``: also what would be
    advised one grade up.
    """
    yield _NOTICE
    wanted = ["now", "if_lower", "if_higher", *(["next"] if next_ or all_ else [])]
    shown = advice.filter(pl.col("state").is_in(wanted))
    if not all_:
        shown = shown.filter((pl.col("holds") == "certain") | (pl.col("state") != "now"))
    if shown.is_empty():
        yield "No guideline that was asked for speaks of these patients and grades."
    words = Words(knowledge)
    for (patient, start), rows in shown.sort("patient", "start", maintain_order=True).group_by(
        ["patient", "start"], maintain_order=True
    ):
        yield ""
        yield f"{patient}, {_moment(start, clock)}"
        for row in rows.iter_rows(named=True):
            yield from _row(row, words, knowledge, clock)


def _row(row: dict[str, object], words: Words, knowledge: Knowledge, clock: str) -> Iterator[str]:
    grade = f"{words.scale(str(row['scale']))} grade {row['grade']}"
    when = {
        "now": "",
        "if_lower": ", if it is the lower",
        "if_higher": ", if it is the higher",
        "next": ", one grade up",
    }
    if row["kind"] == "conflict":
        yield f"  guidelines differ  {row['guideline']}, {grade}: {row['action']}"
        yield f"      {_source(row, knowledge)}"
        return
    verb = {"consider": "consider: ", "avoid": "avoid: "}.get(str(row["strength"]), "")
    level = _LEVELS[str(row["level"])]
    yield f"  {level}  {row['guideline']}, {grade}{when[str(row['state'])]}: {verb}{row['action']}"
    yield from (f"      {line}" for line in (*_dose(row, clock), *_rest(row), _source(row, knowledge)))


def _dose(row: dict[str, object], clock: str) -> Iterator[str]:
    if row["drug"] is None:
        return
    schedule = f", {row['schedule']}" if row["schedule"] else ""
    if row["blocked_by"]:
        free = (
            "not again in this course"
            if row["not_before"] is None
            else f"not before {_moment(row['not_before'], clock)}"
        )
        free = "how many were given is not recorded" if row["blocked_by"] == "not_recorded" else free
        yield f"{row['drug']}: no dose now, {free}"
    elif row["arithmetic"]:
        yield f"{row['drug']}: {row['arithmetic']}{schedule}"
    elif schedule:
        yield f"{row['drug']}{schedule}"
    limits = row["limits"]
    if isinstance(limits, list) and limits:
        yield f"limits: {'; '.join(limits)}"


def _rest(row: dict[str, object]) -> Iterator[str]:
    for caution in _list(row["cautions"]):
        yield f"think of: {caution}"
    if row["then"]:
        yield f"then: {row['then']}"
    if _list(row["missing"]) and (row["holds"] == "possible" or row["state"] != "now"):
        yield f"not known: {', '.join(_list(row['missing']))}"


def _list(value: object) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else []


def _source(row: dict[str, object], knowledge: Knowledge) -> str:
    source = knowledge.sources.get(str(row["source"]))
    return f"source: {source.citation or source.title if source else row['source']}; {row['locator']} ({row['basis']})"


def _moment(value: object, clock: str) -> str:
    if not isinstance(value, int):
        return "?"
    if clock == "hours":
        return f"{value / HOUR_US:g} h"
    return pl.select(pl.lit(value).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M UTC")).item()  # type: ignore[no-any-return]
