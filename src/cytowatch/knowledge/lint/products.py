"""Do the facts of products make sense: events and scales that exist, numbers in order, dates that do not overlap?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from cytowatch.knowledge.lint.finding import Findings, Place, product_files
from cytowatch.knowledge.lint.symptoms import CitedRow
from cytowatch.knowledge.model import Knowledge, Product, ProductFact
from cytowatch.knowledge.product import OBSERVED, Delay, Share, Span

NOT_SAID = "not_said"
_GRADES = range(1, 6)
_EVENTS = "products/events.toml"
# a printed percentage is rounded to whole ones, at worst
_ROUNDING = 1.0


def check_product_facts(knowledge: Knowledge) -> Findings:
    """Every fact by itself, and those of one matter against one another."""
    rows = list(placed_facts(knowledge))
    places = {id(fact): place for place, _, fact in rows}
    for place, product, fact in rows:
        yield from _check_fact(place, fact, knowledge)
        names = {part.id for part in product.facts}
        for name in sorted(set(fact.differs_from) - names):
            yield place.error("differs_from", f"`{product.key}` has no fact `{name}`.", "Name it as edition.fact.")
    for product in knowledge.products.values():
        yield from _check_overlaps(product, places)
    used = {_event(fact) for _, _, fact in rows}
    for key in knowledge.product_events:
        if key not in used:
            yield Place(_EVENTS, f"event.{key}").warning("label", "No fact counts or times it.", "Take it out.")


def placed_facts(knowledge: Knowledge) -> Iterator[tuple[Place, Product, ProductFact]]:
    """Every fact once, with where it stands: what several products share is told of the first of them."""
    files = product_files(knowledge)
    seen: set[tuple[str, str]] = set()
    for key, product in knowledge.products.items():
        for fact in product.facts:
            edition, name = fact.id.split(".", 1)
            if fact.shared and (fact.shared, fact.id) in seen:
                continue
            seen.add((fact.shared, fact.id))
            head = f"shared.{edition}" if fact.shared else f"product.{key}.editions.{edition}"
            yield Place(files.get(fact.shared or key, "products"), f"{head}.facts.{name}"), product, fact


def product_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every fact."""
    for place, _, fact in placed_facts(knowledge):
        yield place, fact.cited.source, fact.cited.locator, fact.cited.evidence


def _event(fact: ProductFact) -> str:
    return fact.share.event if fact.share else fact.span.event if fact.span else ""


def _check_fact(place: Place, fact: ProductFact, knowledge: Knowledge) -> Findings:
    yield from _check_event(place, fact, knowledge)
    if fact.share:
        yield from _check_share(place, fact.share)
    if fact.span:
        yield from _check_span(place, fact.span)
    if fact.amount and (min(_numbers(fact.amount.low, fact.amount.high)) < 0 or not _in_order(fact)):
        yield place.error("amount", "An amount is 0 or more, and its low end not above its high one.")
    if fact.after and (set(fact.after.grades) - set(_GRADES) or list(fact.after.grades) != sorted(fact.after.grades)):
        yield place.error("after", f"{fact.after.grades} are no grades in order.", "Use 1 to 5.")
    if fact.after and fact.after.action == "stop" and (fact.after.resolved_hours or fact.after.stay_hours):
        yield place.error("after", "It is stopped for good and has a next dose.", "Use one of the two.")
    if fact.delay and not _delay_is_sound(fact.delay):
        yield place.error("delay", "The interval ends before it begins.", "Put the longer one in `up_to`.")
    if fact.text and not fact.text.rstrip().endswith("."):
        yield place.error("text", "The text is no sentence.", "End it with a period.")
    if fact.effective_from and fact.effective_to and fact.effective_from >= fact.effective_to:
        yield place.error("effective_to", "It ends before it begins.", "It is the first day on which it holds no more.")
    if fact.topic in OBSERVED and (fact.effective_from or fact.effective_to):
        yield place.error("effective_from", "What was seen in patients does not begin or end.", "Use `as_of`.")


def _check_event(place: Place, fact: ProductFact, knowledge: Knowledge) -> Findings:
    key = _event(fact)
    if not key:
        return
    where = "share" if fact.share else "span"
    event = knowledge.product_events.get(key)
    grading = fact.share.grading if fact.share else fact.span.grading if fact.span else ""
    if event is None:
        yield place.error(where, f"There is no event `{key}`.", f"Use one of {_EVENTS}, or add it there.")
    elif event.graded and not grading:
        text = "The number hangs on a grading scale, and none is named."
        yield place.error(where, text, f"Add `grading`: the id of a scale, or {NOT_SAID}.")
    if grading and grading != NOT_SAID and grading not in knowledge.scales:
        yield place.error(where, f"There is no scale `{grading}`.", f"Use the id of a scale, or {NOT_SAID}.")


def _check_share(place: Place, share: Share) -> Findings:
    if share.percent and not 0 <= share.percent[0] <= share.percent[1] <= 100:
        yield place.error("share", f"{share.percent} is no percentage.", "From 0 to 100.")
    if share.n is not None and (share.n < 0 or (share.of is not None and share.n > share.of)):
        yield place.error("share", f"{share.n} of {share.of} cannot be.", "`n` is a part of `of`.")
    elif share.percent and share.n is not None and share.of:
        made = 100 * share.n / share.of
        if not share.percent[0] - _ROUNDING <= made <= share.percent[1] + _ROUNDING:
            text = f"{share.n} of {share.of} is {made:.1f} %, not {share.percent[0]:g} %."
            yield place.error("share", text, "Correct the one that was misread.")


def _check_span(place: Place, span: Span) -> Findings:
    numbers = [number for number in (span.low, span.median, span.high) if number is not None]
    if numbers != sorted(numbers) or min(numbers) < 0:
        yield place.error("span", f"{numbers} are not in order.", "low, then median, then high.")
    if (span.low is not None or span.high is not None) and not span.spread:
        yield place.error("span", "It does not say what its two ends are.", "Add `spread`: range, quartiles, not_said.")


def _numbers(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _in_order(fact: ProductFact) -> bool:
    ends = _numbers(fact.amount.low, fact.amount.high) if fact.amount else []
    return ends == sorted(ends)


def _delay_is_sound(delay: Delay) -> bool:
    starts = _numbers(delay.over, delay.least)
    if delay.over is not None and delay.least is not None:
        return False
    return not starts or delay.up_to is None or starts[0] < delay.up_to


def _check_overlaps(product: Product, places: dict[int, Place]) -> Findings:
    """Two editions of one source must not both hold on one day for one matter, setting and region."""
    chains: dict[tuple[str, ...], list[ProductFact]] = {}
    for fact in product.facts:
        if fact.topic not in OBSERVED:
            key = (fact.topic, fact.id.split(".", 1)[1], fact.setting, fact.region, fact.cited.source)
            chains.setdefault(key, []).append(fact)
    for chain in chains.values():
        rows = sorted(chain, key=_start)
        for before, after in pairwise(rows):
            if (before.effective_to or date.max) > _start(after) and id(after) in places:
                text = f"It holds while `{before.id}` still does."
                yield places[id(after)].error("effective_from", text, "End the older one with `effective_to`.")


def _start(fact: ProductFact) -> date:
    return fact.effective_from or date.min
