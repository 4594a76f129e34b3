"""Which facts about a product held on a day: pure, with the day as an argument."""

from __future__ import annotations

import calendar
import difflib
from datetime import date
from typing import Literal, NamedTuple, get_args

from cytowatch.errors import ArgumentError
from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.model import Knowledge, Product, ProductFact
from cytowatch.knowledge.parse import fold
from cytowatch.knowledge.product import OBSERVED, Amount, ProductTopic

# `start_unknown`: it had not ended, and from when on it held was not read, or only in a later edition
Holds = Literal["in_force", "start_unknown", "observed"]
TOPICS: tuple[ProductTopic, ...] = get_args(ProductTopic)
_NEAR = 3


class Held(NamedTuple):
    """A fact, and whether it was in force on the day that was asked for."""

    fact: ProductFact
    holds: Holds


def find_product(knowledge: Knowledge, name: str) -> Product:
    """The product of a key, brand or short name; ArgumentError with names that are near if there is none."""
    key = fold(name)
    found = knowledge.products.get(knowledge.product_aliases.get(key, key))
    if found is None:
        names = {**{key: key for key in knowledge.products}, **knowledge.product_aliases}
        close = difflib.get_close_matches(key, names, n=_NEAR)
        near = f" Near it: {', '.join(dict.fromkeys(names[part] for part in close))}." if close else ""
        hint = f"`cytowatch knowledge list product` names them.{near}"
        raise ArgumentError(f"There is no product {name!r}.", where="product", hint=hint)
    return found


def product_facts(
    knowledge: Knowledge, product: str, topic: ProductTopic | None = None, on: date | None = None
) -> tuple[Held, ...]:
    """What held on a day, in the order of the topics; without a day, the newest that was read.

    A rule that had ended, or had not begun, is left out; one whose beginning was not read is ``start_unknown``. What
    was seen in a trial does not begin or end: it is ``observed``. ``product`` is a key, brand or short name;
    ArgumentError if there is none.
    """
    found = find_product(knowledge, product)
    facts = (window_fact(knowledge, found), *found.facts)
    held = ((fact, _holds(fact, on)) for fact in facts if topic in (None, fact.topic))
    kept = [Held(fact, holds) for fact, holds in held if holds is not None]
    return tuple(sorted(kept, key=lambda part: TOPICS.index(part.fact.topic)))


def _holds(fact: ProductFact, on: date | None) -> Holds | None:
    """Whether a fact holds on a day; None if it had ended or had not begun."""
    if fact.topic in OBSERVED:
        return "observed"
    if on is None:
        ended = fact.effective_to is not None
        dated = fact.effective_from is not None or bool(fact.as_of)
        return None if ended else "in_force" if dated else "start_unknown"
    if fact.effective_to is not None and on >= fact.effective_to:
        return None
    if fact.effective_from is not None:
        return "in_force" if on >= fact.effective_from else None
    return "in_force" if fact.as_of and on >= last_day(fact.as_of) else "start_unknown"


def last_day(as_of: str) -> date:
    """The last day of a year, a month or a day: by then the edition was there for certain."""
    year, month, day = (*(int(part) for part in as_of.split("-")), 0, 0)[:3]
    month = month or 12
    return date(year, month, day or calendar.monthrange(year, month)[1])


def window_fact(knowledge: Knowledge, product: Product) -> ProductFact:
    """The watched days of a product as a fact: its own, or those of its trigger (policy `windows`)."""
    policy = knowledge.policies.get("windows")
    usual = policy is not None and product.source == "house" and not product.locator
    cited = Cited(product.source, product.locator, product.evidence)
    if usual and policy is not None:
        cited = Cited(policy.source, policy.locator, policy.evidence)
    return ProductFact(
        id="window",
        topic="window",
        setting="",
        region="",
        edition="these tables",
        text="After each dose or infusion a reaction is looked for.",
        share=None,
        span=None,
        amount=Amount(product.window_days, product.window_days, below=False, unit="d"),
        doses=(),
        after=None,
        delay=None,
        differs_from=(),
        effective_from=None,
        effective_to=None,
        as_of="",
        cited=cited,
    )
