"""From ``monitoring/*.toml`` and ``workup/*.toml`` to the dataclasses of ``plan``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar, get_args

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.plan import (
    Anchor,
    MonitoringItem,
    MonitoringPlan,
    PlanHead,
    PlanTopic,
    Setting,
    Shows,
    Watched,
    WorkUpPlan,
    WorkUpTest,
)
from cytowatch.knowledge.shape import Reader

Row = TypeVar("Row", MonitoringItem, WorkUpTest)
_HOURS_A_DAY = 24.0


def monitoring(reader: Reader) -> MonitoringPlan:
    """One file of ``monitoring/``; its rows rest on its source unless they name their own."""
    head = _head(reader)
    found = MonitoringPlan(head, _rows(reader, "item", lambda part: _item(part, head.cited.source)))
    reader.finish()
    return found


def work_up(reader: Reader) -> WorkUpPlan:
    """One file of ``workup/``; its rows rest on its source unless they name their own."""
    head = _head(reader)
    found = WorkUpPlan(head, _rows(reader, "test", lambda part: _test(part, head.cited.source)))
    reader.finish()
    return found


def _head(reader: Reader) -> PlanHead:
    effective_from = _maybe_date(reader, "effective_from")
    if effective_from is None:
        reader.fail("The key `effective_from` is missing.", "effective_from", hint="Add the date of the edition.")
    return PlanHead(
        key=reader.text("id"),
        title=reader.text("title"),
        edition=reader.text("edition"),
        effective_from=effective_from,
        triggers=reader.texts("triggers"),
        not_encoded=_not_encoded(reader),
        note=reader.text("note", ""),
        cited=_cited(reader, reader.text("source")),
    )


def _rows(reader: Reader, key: str, build: Callable[[Reader], Row]) -> tuple[Row, ...]:
    found: list[Row] = []
    for part in reader.tables(key):
        row = build(part)
        part.finish()
        if any(row.id == other.id for other in found):
            reader.fail(f"The row `{row.id}` is there twice.", key)
        found.append(row)
    return tuple(found)


def _item(reader: Reader, source: str) -> MonitoringItem:
    start, end = _span(reader)
    return MonitoringItem(
        id=reader.text("id"),
        label=reader.text("label"),
        action=reader.text("action"),
        topic=reader.word("topic", get_args(PlanTopic)),
        shows=_shows(reader),
        every_hours=_every(reader),
        times=reader.whole("times", 1),
        from_hours=start,
        to_hours=end,
        anchor=_anchor(reader),
        products=reader.texts("products", ()),
        classes=reader.texts("classes", ()),
        doses=_wholes(reader, "doses"),
        setting=reader.word("setting", get_args(Setting), "any"),
        for_whom=reader.text("for_whom", ""),
        only_if=reader.text("only_if", ""),
        ends_with=reader.text("ends_with", ""),
        holds_from=_maybe_date(reader, "holds_from"),
        holds_to=_maybe_date(reader, "holds_to"),
        cited=_cited(reader, reader.text("source", source)),
    )


def _test(reader: Reader, source: str) -> WorkUpTest:
    anchor = _anchor(reader)
    if anchor.fact or anchor.fall_of:
        reader.fail("A test is triggered by a grade; facts stand under `needs`.", "while")
    return WorkUpTest(
        id=reader.text("id"),
        label=reader.text("label"),
        action=reader.text("action"),
        topic=reader.word("topic", get_args(PlanTopic)),
        strength=reader.word("strength", ("do", "consider"), "do"),
        shows=_shows(reader),
        toxicity=anchor.toxicity,
        grade=anchor.grade,
        needs=reader.texts("needs", ()),
        products=reader.texts("products", ()),
        classes=reader.texts("classes", ()),
        only_if=reader.text("only_if", ""),
        look_alikes=reader.texts("look_alikes", ()),
        cited=_cited(reader, reader.text("source", source)),
    )


def _anchor(reader: Reader) -> Anchor:
    """`while = { crs = 2 }`, `{ fact = "…" }` or `{ fall_of = "…" }`; absent: the exposure."""
    inner = reader.table("while", {})
    if len(inner.data) > 1:
        inner.fail("`while` names one thing.", hint="Write two rows.")
    toxicity = next((name for name in get_args(Watched) if inner.has(name)), None)
    grade = inner.whole(toxicity) if toxicity else 0
    found = Anchor(toxicity, grade, inner.text("fact", ""), inner.text("fall_of", ""))
    inner.asked.extend(get_args(Watched))
    inner.finish()
    return found


def _span(reader: Reader) -> tuple[float, float | None]:
    """`days = [from, to]` or `hours = [from, to]`, the second left out where there is no end; absent: from 0 on."""
    if reader.has("days") and reader.has("hours"):
        reader.fail("A row says `days` or `hours`, not both.", "hours")
    key, unit = ("hours", 1.0) if reader.has("hours") else ("days", _HOURS_A_DAY)
    given = reader.any(key, [0])
    reader.asked.extend(("days", "hours"))
    numbers = [float(part) * unit for part in given if type(part) in (int, float)] if isinstance(given, list) else []
    if not isinstance(given, list) or len(numbers) != len(given) or len(numbers) not in (1, 2):
        reader.fail(f"`{key}` must be [from] or [from, to].", key)
    return numbers[0], numbers[1] if len(numbers) > 1 else None


def _every(reader: Reader) -> float | None:
    days = reader.maybe_number("every_days")
    return reader.maybe_number("every_hours") if days is None else days * _HOURS_A_DAY


def _shows(reader: Reader) -> Shows:
    """Groups of concepts: a text is a group of one, a list holds alternatives."""
    given = reader.any("shows", [])
    groups = [[part] if isinstance(part, str) else part for part in given] if isinstance(given, list) else None
    if groups is None or not all(isinstance(group, list) and group for group in groups):
        reader.fail("`shows` must be a list of concepts, or of lists of concepts.", "shows")
    if not all(isinstance(name, str) for group in groups for name in group):
        reader.fail("`shows` names concepts by their keys.", "shows")
    return tuple(tuple(group) for group in groups)


def _wholes(reader: Reader, key: str) -> tuple[int, ...]:
    value = reader.any(key, [])
    if not isinstance(value, list) or not all(type(part) is int for part in value):
        reader.fail(f"`{key}` must be a list of whole numbers.", key)
    return tuple(value)


def _maybe_date(reader: Reader, key: str) -> date | None:
    value = reader.any(key, None)
    if value is not None and not isinstance(value, date):
        reader.fail(f"`{key}` must be a date, such as 2025-06-26.", key)
    return value


def _cited(reader: Reader, source: str) -> Cited:
    return Cited(source, reader.text("locator"), reader.word("evidence", EVIDENCE))


def _not_encoded(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    for part in reader.tables("not_encoded", ()):
        found.append((part.text("text"), part.text("handled")))
        part.finish()
    return tuple(found)
