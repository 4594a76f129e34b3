"""From ``prevention/*.toml`` to the dataclasses of ``prevention``."""

from __future__ import annotations

from typing import TypeVar, get_args

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.prevention import (
    Direction,
    Effect,
    Favors,
    Intervention,
    Measure,
    Outcome,
    PreventionConflict,
    Recommendation,
    RiskFactor,
    Status,
    StudyResult,
)
from cytowatch.knowledge.shape import Reader

Row = TypeVar("Row", Effect, StudyResult, Recommendation)
_KINDS = ("disease", "patient", "treatment", "laboratory", "course")


def factor(key: str, reader: Reader) -> RiskFactor:
    """One risk factor with its effects."""
    return RiskFactor(
        key=key,
        label=reader.text("label"),
        kind=reader.word("kind", _KINDS),  # type: ignore[arg-type]
        effects=_unique(reader, "effect", [_effect(part) for part in reader.tables("effect")]),
    )


def _effect(reader: Reader) -> Effect:
    found = Effect(
        id=reader.text("id"),
        outcome=reader.word("outcome", get_args(Outcome)),
        label=reader.text("label"),
        measure=reader.word("measure", get_args(Measure)),
        value=reader.maybe_number("value"),
        low=reader.maybe_number("low"),
        high=reader.maybe_number("high"),
        p=reader.maybe_number("p"),
        versus=reader.maybe_number("versus"),
        per=reader.text("per", ""),
        direction=reader.word("direction", get_args(Direction)),
        population=reader.text("population"),
        n=reader.maybe_whole("n"),
        products=reader.texts("products", ()),
        classes=reader.texts("classes", ()),
        grading=reader.text("grading", ""),
        note=reader.text("note", ""),
        cited=_cited(reader),
    )
    reader.finish()
    return found


def intervention(key: str, reader: Reader) -> Intervention:
    """One intervention with its results and what is recommended."""
    return Intervention(
        key=key,
        label=reader.text("label"),
        what=reader.text("what"),
        population=reader.text("population"),
        n=reader.maybe_whole("n"),
        products=reader.texts("products", ()),
        classes=reader.texts("classes", ()),
        status=reader.word("status", get_args(Status)),
        results=_unique(reader, "result", [_result(part) for part in reader.tables("result", ())]),
        recommendations=_unique(
            reader, "recommendation", [_recommendation(part) for part in reader.tables("recommendation")]
        ),
        not_encoded=tuple(_not_encoded(part) for part in reader.tables("not_encoded", ())),
    )


def _result(reader: Reader) -> StudyResult:
    found = StudyResult(
        id=reader.text("id"),
        outcome=reader.word("outcome", get_args(Outcome)),
        label=reader.text("label"),
        percent=reader.maybe_pair("percent"),
        low=reader.maybe_number("low"),
        high=reader.maybe_number("high"),
        versus=reader.maybe_pair("versus"),
        versus_what=reader.text("versus_what", ""),
        favors=reader.word("favors", get_args(Favors)),
        grading=reader.text("grading", ""),
        note=reader.text("note", ""),
        cited=_cited(reader),
    )
    reader.finish()
    return found


def _recommendation(reader: Reader) -> Recommendation:
    found = Recommendation(
        reader.text("id"), reader.word("status", get_args(Status)), reader.text("text"), _cited(reader)
    )
    reader.finish()
    return found


def conflict(key: str, reader: Reader) -> PreventionConflict:
    """One matter on which interventions must not be read as one."""
    return PreventionConflict(
        key=key,
        topic=reader.text("topic"),
        one=reader.texts("one"),
        other=reader.texts("other"),
        says_one=reader.text("says_one"),
        says_other=reader.text("says_other"),
        proposal=reader.text("proposal"),
        cited=_cited(reader),
    )


def _cited(reader: Reader) -> Cited:
    return Cited(reader.text("source"), reader.text("locator"), reader.word("evidence", EVIDENCE))


def _not_encoded(reader: Reader) -> tuple[str, str]:
    found = reader.text("text"), reader.text("handled")
    reader.finish()
    return found


def _unique(reader: Reader, key: str, rows: list[Row]) -> tuple[Row, ...]:
    ids = [part.id for part in rows]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        reader.fail(f"The row `{twice}` is there twice.", key)
    return tuple(rows)
