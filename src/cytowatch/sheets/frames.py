"""A product's facts, and the risk factors and interventions that concern it, as frames."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.prevention import Effect, Intervention, RiskFactor
from cytowatch.knowledge.products_by_date import Held, find_product, product_facts
from cytowatch.knowledge.view_prevention import concerns, effect_words, result_row
from cytowatch.knowledge.view_products import fact_words
from cytowatch.sheets.tables import PRODUCT_FACTS, RISKS


def product(name: str, on: date | str | None = None, *, knowledge: Knowledge | None = None) -> pl.DataFrame:
    """What is known of a product on a day (`2025-01-01`); without one, the newest that was read.

    ``name`` is a key, brand or short name. One row a fact (table `product_facts`); ``basis`` `recalled` is not
    verified. Raises ArgumentError for a product that is not known and a day that is none.
    """
    tables = knowledge or load()
    found = find_product(tables, name)
    rows = [_fact(found.key, held) for held in product_facts(tables, found.key, None, as_day(on))]
    return pl.DataFrame(rows, schema=PRODUCT_FACTS.schema)


def as_day(on: date | str | None) -> date | None:
    """A day as given, or written as `2025-01-01`; ArgumentError for anything else."""
    if on is None or isinstance(on, date):
        return on
    try:
        return date.fromisoformat(on)
    except ValueError:
        raise ArgumentError(f"{on!r} is no day.", where="on", hint="Write it as 2025-01-01.") from None


def _fact(key: str, held: Held) -> dict[str, Any]:
    fact = held.fact
    return {
        "product": key,
        "topic": fact.topic,
        "fact": fact.id,
        "setting": fact.setting,
        "region": fact.region,
        "value": fact_words(fact),
        "edition": fact.edition,
        "effective_from": fact.effective_from,
        "effective_to": fact.effective_to,
        "as_of": fact.as_of,
        "holds": held.holds,
        "differs_from": list(fact.differs_from),
        "source": fact.cited.source,
        "locator": fact.cited.locator,
        "basis": fact.cited.evidence,
        **_numbers(held),
    }


def _numbers(held: Held) -> dict[str, Any]:
    """What is a number in a fact; nothing is filled in for what is not."""
    fact = held.fact
    found: dict[str, Any] = {}
    if share := fact.share:
        low, high = share.percent or (None, None)
        found = {"event": share.event, "percent_low": low, "percent_high": high, "n": share.n, "of": share.of}
        found["grading"] = share.grading or None
    if span := fact.span:
        found = {"event": span.event, "median": span.median, "low": span.low, "high": span.high}
        found |= {"spread": span.spread or None, "unit": span.unit, "grading": span.grading or None}
    if fact.amount:
        found = {"low": fact.amount.low, "high": fact.amount.high, "unit": fact.amount.unit}
    if after := fact.after:
        stay = after.stay_hours or (None, None)
        found = {"toxicity": after.toxicity, "grades": list(after.grades), "occurrence": after.occurrence}
        found |= {"action": after.action, "resolved_hours": after.resolved_hours}
        found |= {"stay_hours_low": stay[0], "stay_hours_high": stay[1]}
    return found


def risks(product: str | None = None, *, knowledge: Knowledge | None = None) -> pl.DataFrame:
    """Risk factors and interventions, of all products or of one: effects, directions, in whom, and what is recommended.

    Effects are as printed, for display beside one another, never to be multiplied. A gap is a row of its own
    (`not_studied`), and is not `no_effect`. Raises ArgumentError for a product that is not known.
    """
    tables = knowledge or load()
    found = None if product is None else find_product(tables, product)
    rows = [
        _effect(factor, effect)
        for factor in tables.prevention.factors.values()
        for effect in factor.effects
        if concerns(effect.products, effect.classes, found)
    ]
    parts = [part for part in tables.prevention.interventions.values() if concerns(part.products, part.classes, found)]
    rows += [row for part in parts for row in _intervention(part)]
    return pl.DataFrame(rows, schema=RISKS.schema)


def _effect(factor: RiskFactor, effect: Effect) -> dict[str, Any]:
    return {
        "kind": "risk",
        "key": factor.key,
        "label": factor.label,
        "outcome": effect.outcome,
        "outcome_label": effect.label,
        "direction": effect.direction,
        "effect": effect_words(effect),
        "measure": effect.measure,
        "value": effect.value,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "versus_low": effect.versus,
        "versus_high": effect.versus,
        "grading": effect.grading or None,
        "population": effect.population,
        "n": effect.n,
        "products": list(effect.products),
        "classes": list(effect.classes),
        "source": effect.cited.source,
        "locator": effect.cited.locator,
        "basis": effect.cited.evidence,
    }


def _intervention(part: Intervention) -> Iterator[dict[str, Any]]:
    """The results of an intervention, and after them what is recommended."""
    shared: dict[str, Any] = {"key": part.key, "label": part.label, "population": part.population, "n": part.n}
    shared |= {"products": list(part.products), "classes": list(part.classes)}
    for row in part.results:
        versus, percent = row.versus or (None, None), row.percent or (None, None)
        numbers = {"value": percent[0], "low": row.low, "high": row.high}
        yield {
            **shared,
            **numbers,
            "kind": "result",
            "outcome": row.outcome,
            "outcome_label": row.label,
            "direction": row.favors,
            "effect": "; ".join(text for text in (result_row(row)[1], result_row(row)[2]) if text),
            "measure": "percent" if row.percent else "none_given",
            "versus_low": versus[0],
            "versus_high": versus[1],
            "grading": row.grading or None,
            "source": row.cited.source,
            "locator": row.cited.locator,
            "basis": row.cited.evidence,
        }
    for said in part.recommendations:
        yield {
            **shared,
            "kind": "recommendation",
            "standing": said.status,
            "effect": said.text,
            "source": said.cited.source,
            "locator": said.cited.locator,
            "basis": said.cited.evidence,
        }
