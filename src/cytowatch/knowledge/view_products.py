"""A product as a person reads it: its facts in words, by topic, each with its dates, its source and how it is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cytowatch.knowledge.model import Knowledge, Product, ProductFact
from cytowatch.knowledge.product import AfterToxicity, Amount, Delay, GivenDose, ProductTopic, Share, Span
from cytowatch.knowledge.products_by_date import Held, Holds, window_fact
from cytowatch.knowledge.view_scale import table

TITLES: dict[ProductTopic, str] = {
    "window": "Watched days",
    "rate": "How often",
    "onset": "When it begins",
    "duration": "How long it lasts",
    "course": "Course",
    "dosing": "Doses",
    "premedication": "Before each dose",
    "stay": "Stay in hospital and observation",
    "monitoring": "Monitoring",
    "proximity": "Nearness to the site",
    "driving": "Driving and hazardous work",
    "tocilizumab_stock": "Tocilizumab at hand",
    "rems": "REMS and boxed warnings",
    "prevention": "Prevention",
    "defer": "When not to give it",
    "treatment": "Treatment, as the source says it",
    "after_crs": "The product after CRS",
    "after_icans": "The product after neurotoxicity",
    "rechallenge": "When it may be given again",
    "restart": "After a delay",
    "oxygen_boundary": "Low-flow oxygen",
}
HEAD = ("what", "for whom", "value", "when", "edition", "known as", "source, locator")
NOT_VERIFIED = "not verified"
_STEP_WORDS = {
    "continue": "go on", "hold": "hold", "postpone": "postpone", "next_dose": "next dose", "slower": "slower infusion",
    "stop": "stop for good",
}  # fmt: skip
_THEN_WORDS = {
    "restart": "begin the step-up again", "repeat": "repeat", "continue": "go on with", "step_back": "step back to",
    "supervised_restart": "restart under supervision", "new_cycle": "a new cycle",
}  # fmt: skip
_TOXICITY = {"crs": "CRS", "icans": "ICANS", "neurotoxicity": "neurotoxicity"}
_HOLDS: dict[Holds, str] = {"in_force": "", "start_unknown": "start not read", "observed": ""}


def known_as(evidence: str) -> str:
    """How a row is known, with what was not read marked as such."""
    return f"{evidence}: {NOT_VERIFIED}" if evidence == "recalled" else evidence


def product_parts(product: Product, knowledge: Knowledge) -> Iterator[str]:
    """Every fact of a product, of every date, as Markdown by topic."""
    held = [Held(fact, "observed") for fact in (window_fact(knowledge, product), *product.facts)]
    for title, rows in by_topic(held, product, knowledge):
        yield f"## {title}"
        yield table(HEAD, rows)
    yield table(("not encoded", "what is done instead"), product.not_encoded)


def by_topic(
    held: Iterable[Held], product: Product, knowledge: Knowledge
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The rows (cells of ``HEAD``) of each topic that has any, in the order of the topics."""
    facts = list(held)
    for topic, title in TITLES.items():
        rows = [_row(part, product, knowledge) for part in facts if part.fact.topic == topic]
        if rows:
            yield title, rows


def _row(part: Held, product: Product, knowledge: Knowledge) -> tuple[str, ...]:
    """One fact as the cells of ``HEAD``; other facts of the product that say otherwise are named by their editions."""
    fact = part.fact
    return (
        _what(fact, knowledge),
        ", ".join(text for text in (fact.setting, fact.region) if text),
        fact_words(fact) + _differs(fact, product),
        when(fact, part.holds),
        fact.edition,
        known_as(fact.cited.evidence),
        f"{fact.cited.source}, {fact.cited.locator}".removesuffix(", "),
    )


def _what(fact: ProductFact, knowledge: Knowledge) -> str:
    """What a fact is about: its event, else the product after which toxicity, else its topic."""
    key = fact.share.event if fact.share else fact.span.event if fact.span else ""
    if key:
        event = knowledge.product_events.get(key)
        return event.label if event else key
    if fact.after:
        return _after_what(fact.after)
    if fact.delay:
        return f"after {fact.delay.after}"
    return fact.id.rpartition(".")[2].replace("_", " ")


def _after_what(after: AfterToxicity) -> str:
    grades = f" grade {_joined(after.grades)}" if after.grades else ""
    which = "" if after.occurrence == "any" else f", {after.occurrence.replace('_', ' ')}"
    return f"after {_TOXICITY[after.toxicity]}{grades}{which}"


def _joined(grades: tuple[int, ...]) -> str:
    words = [str(grade) for grade in grades]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def when(fact: ProductFact, holds: Holds) -> str:
    """The dates of a fact: from when, before when, and in which edition it was read; `undated` without any."""
    if fact.topic == "window":
        return ""
    parts = [f"from {fact.effective_from}"] if fact.effective_from else []
    parts += [f"before {fact.effective_to}"] if fact.effective_to else []
    parts += [f"as of {fact.as_of}"] if fact.as_of else []
    parts += [_HOLDS[holds]] if _HOLDS[holds] and parts else []
    return "; ".join(parts) or "undated"


def fact_words(fact: ProductFact) -> str:
    """The value of a fact in words, with its text."""
    value = ""
    if fact.share:
        value = _share(fact.share)
    elif fact.span:
        value = _span(fact.span)
    elif fact.amount:
        value = amount_words(fact.amount)
    elif fact.doses:
        value = "; ".join(dose_words(dose) for dose in fact.doses)
    elif fact.after:
        value = _after(fact.after)
    elif fact.delay:
        value = _delay(fact.delay)
    return ". ".join(part for part in (value, fact.text) if part)


def _differs(fact: ProductFact, product: Product) -> str:
    editions = {other.id: f"{other.edition}{_ends(other)}" for other in product.facts}
    named = dict.fromkeys(editions.get(name, name) for name in fact.differs_from)
    return f" [otherwise: {'; '.join(named)}]" if named else ""


def _ends(fact: ProductFact) -> str:
    until = f", before {fact.effective_to}" if fact.effective_to else ""
    return f", from {fact.effective_from}{until}" if fact.effective_from else until


def _share(share: Share) -> str:
    sign = {"about": "about ", "below": "below "}.get(share.sign, "")
    percent = "" if share.percent is None else f"{sign}{_range(*share.percent)} %"
    count = "" if share.n is None else f"{share.n} of {share.of}" if share.of else f"{share.n}"
    if not count and share.of:
        count = f"of {share.of}"
    told = f"{percent} ({count})" if percent and count else percent or f"{count} patients"
    return f"{told}{_graded(share.grading)}"


def _graded(grading: str) -> str:
    return "" if not grading else "; scale not said" if grading == "not_said" else f"; by {grading}"


def _range(low: float, high: float) -> str:
    return f"{low:.12g}" if low == high else f"{low:.12g} to {high:.12g}"


def _span(span: Span) -> str:
    sign = {"about": "about ", "below": "below "}.get(span.sign, "")
    median, spread = "", ""
    if span.median is not None:
        median = f"{'median ' if span.spread or not sign else ''}{sign}{span.median:g} {span.unit}"
    if span.low is not None and span.high is not None:
        spread = f"{_SPREAD[span.spread]}{span.low:g} to {span.high:g}"
    elif span.high is not None:
        spread = f"at most {span.high:g}"
    told = f"{median} ({spread})" if median and spread else median or f"{spread} {span.unit}"
    return f"{told}{f' after {span.since}' if span.since else ''}{_graded(span.grading)}"


_SPREAD = {"": "", "range": "range ", "quartiles": "quartiles ", "not_said": "spread of a kind not said "}


def amount_words(amount: Amount) -> str:
    """An amount: at least, at most, below, between, or the number alone."""
    low, high = amount.low, amount.high
    if low is not None and high is not None:
        return f"{_range(low, high)} {amount.unit}"
    if low is not None:
        return f"at least {low:g} {amount.unit}"
    return f"{'below' if amount.below else 'at most'} {high:g} {amount.unit}"


def dose_words(dose: GivenDose) -> str:
    """One dose: when, what, how much, how long before, and what else is said of it."""
    amount = "" if dose.low is None or dose.high is None else f"{_range(dose.low, dose.high)} {dose.unit}"
    before = "" if dose.before_hours is None else f"{_range(*dose.before_hours)} h before"
    said = " ".join(part for part in (dose.drug, amount, dose.route, before) if part)
    said = f"{dose.at}: {said}" if dose.at and said else said or dose.at
    return f"{said} ({dose.note})" if dose.note else said


def _after(after: AfterToxicity) -> str:
    parts = [_STEP_WORDS[after.action], *_next_dose(after)]
    parts += [dose_words(dose) for dose in after.doses]
    return "; ".join(parts)


def _next_dose(after: AfterToxicity) -> Iterator[str]:
    """What the next dose asks for."""
    if after.resolved_to is not None or after.resolved_hours is not None:
        state = f"at most grade {after.resolved_to}" if after.resolved_to else "resolved"
        hours = f" for {after.resolved_hours:g} h" if after.resolved_hours is not None else ""
        yield f"only once {state}{hours}"
    if after.stay_hours is not None:
        yield f"stay {_range(*after.stay_hours)} h at the next dose"
    if after.rate_percent is not None:
        yield f"resume at {after.rate_percent:g} % of the rate"
    if after.infusion_hours is not None:
        yield f"infuse over {after.infusion_hours:g} h"
    if after.stop_after_hours is not None:
        yield f"stop for good if it takes more than {after.stop_after_hours:g} h"


def _delay(delay: Delay) -> str:
    start = f"more than {delay.over:g}" if delay.over is not None else ""
    start = f"{delay.least:g}" if delay.least is not None else start
    if delay.up_to is None:
        told = f"{start} {delay.unit}" if delay.over is not None else f"{start} {delay.unit} or more"
    else:
        told = f"{start} to {delay.up_to:g} {delay.unit}" if start else f"up to {delay.up_to:g} {delay.unit}"
    dose = f" {delay.dose}" if delay.dose else ""
    return f"{told}: {_THEN_WORDS[delay.then]}{dose}"
