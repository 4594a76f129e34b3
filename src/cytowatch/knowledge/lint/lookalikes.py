"""Do the look-alikes make sense: facts that can be computed, and a work-up that settles them?"""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.rule_nodes import check_condition
from cytowatch.knowledge.lint.symptoms import KEY, CitedRow
from cytowatch.knowledge.model import Knowledge, LookAlike


def check_lookalikes(knowledge: Knowledge) -> Findings:
    """Every look-alike: its words, its facts and the concepts, units and categories that they ask for."""
    for key, part in knowledge.lookalikes.items():
        yield from _check_parts(part, _place(key))
        for fact in part.facts:
            place = _place(key, f"fact.{fact.id}")
            if not KEY.fullmatch(fact.id) or not fact.label.strip():
                yield place.error("label", "A fact needs an id in snake_case and a label.")
            yield from check_condition(place, fact.when, knowledge)


def lookalike_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: each look-alike, its facts, and the tests that settle it."""
    for key, part in knowledge.lookalikes.items():
        yield _place(key), part.source, part.locator, part.evidence
        for fact in part.facts:
            yield _place(key, f"fact.{fact.id}"), fact.source, fact.locator, fact.evidence
        for number, work_up in enumerate(part.settles, 1):
            yield _place(key, f"settles.{number}"), work_up.source, work_up.locator, work_up.evidence


def _place(key: str, inner: str = "") -> Place:
    return Place("lookalikes.toml", f"lookalike.{key}.{inner}" if inner else f"lookalike.{key}")


def _check_parts(part: LookAlike, place: Place) -> Findings:
    if not KEY.fullmatch(part.key) or not part.label.strip():
        yield place.error("label", "A look-alike needs a key in snake_case and a label.")
    if not part.facts:
        yield place.error("fact", "Nothing points to it.", "Add a fact that can be computed.")
    elif not any(fact.alone for fact in part.facts):
        yield place.error(
            "fact",
            "Every fact only supports, so it is never found.",
            "Leave out `alone = false` of one that is enough.",
        )
    if not part.settles or not all(one.name.strip() for one in part.settles):
        yield place.error("settles", "What would settle it is not said.", "Name the work-up.")
