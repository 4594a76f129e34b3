"""Guidelines and drugs as a person reads them: each rule with its dose, its source and how it is known."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.advice import AdviceRule, Drug, Guideline, GuidelineConflict, WeightBand
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.view_scale import table

_DRUG = "drug."


def advice_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each guideline and drug: kind, id, title, source, evidence."""
    for key, part in knowledge.advice.guidelines.items():
        yield "guideline", key, part.title, part.cited.source, part.cited.evidence
    for key, drug in knowledge.advice.drugs.items():
        yield "drug", f"{_DRUG}{key}", drug.label, drug.cited.source, drug.cited.evidence


def advice_parts(knowledge: Knowledge, name: str) -> list[str] | None:
    """The title and the parts of a guideline, or of a drug as `drug.<key>`; None for any other name."""
    if name in knowledge.advice.guidelines:
        return _guideline(knowledge.advice.guidelines[name], knowledge)
    drug = knowledge.advice.drugs.get(name.removeprefix(_DRUG)) if name.startswith(_DRUG) else None
    return None if drug is None else _drug(drug)


def _guideline(part: Guideline, knowledge: Knowledge) -> list[str]:
    rows = (
        (
            rule.id,
            ", ".join(map(str, rule.grades)) or "any",
            f"{rule.strength}: {rule.action}",
            _dose(rule),
            "; ".join(_circumstances(rule, knowledge)),
            rule.cited.evidence,
            f"{rule.cited.source}, {rule.cited.locator}",
        )
        for rule in part.rules
    )
    scales = ", ".join(f"{toxicity}: {scale}" for toxicity, scale in part.scales.items())
    about = f"Edition {part.edition}, from {part.effective_from}{_superseded(part)}; for {part.population}; by {scales}"
    return [
        f"{part.title} (`{part.key}`)",
        f"No order, and not verified by a clinician. {about}. {part.note}",
        table(("rule", "grades", "recommendation", "dose", "asks for", "evidence", "source, locator"), rows),
        table(("not encoded", "what is done instead"), part.not_encoded),
    ]


def advice_in_full(knowledge: Knowledge) -> list[str]:
    """Every guideline, the facts that rules ask for, and the conflicts, as parts of one page."""
    parts = []
    for part in knowledge.advice.guidelines.values():
        title, *rest = _guideline(part, knowledge)
        parts += [f"## {title}", *(text for text in rest if text)]
    facts = (
        (f"`{key}`", fact.label, fact.cited.evidence, f"{fact.cited.source}, {fact.cited.locator}")
        for key, fact in knowledge.advice.facts.items()
    )
    parts += ["## Facts that rules ask for", table(("fact", "what", "evidence", "source, locator"), facts)]
    conflicts = (
        (
            key.upper(),
            _sides(part),
            f"{part.says_one} Against that: {part.says_other}",
            part.proposal,
            part.cited.locator,
        )
        for key, part in knowledge.advice.conflicts.items()
    )
    head = ("conflict", "between", "what differs", "what is done", "locator")
    return [*parts, "## Where sources differ", table(head, conflicts)]


def _sides(part: GuidelineConflict) -> str:
    if part.between:
        return " / ".join(part.between)
    return " / ".join(", ".join(f"`{name}`" for name in side) for side in (part.one, part.other))


def _superseded(part: Guideline) -> str:
    end = f" to {part.effective_to}" if part.effective_to else ""
    newer = f"; superseded by {', '.join(part.superseded_by)}, it speaks only when asked for by name"
    return end + (newer if part.superseded_by else "")


def _dose(rule: AdviceRule) -> str:
    dose = rule.dose
    if dose is None:
        return ""
    most = "" if dose.amount_most is None else f" to {dose.amount_most:g}"
    each = f" {dose.per_kg:g} for each kg" if dose.per_kg else ""
    amount = each if dose.amount is None else f" {dose.amount:g}{most}"
    hours = f"{dose.every[0]:g} h" if dose.every and dose.every[0] == dose.every[1] else ""
    if dose.every and not hours:
        hours = f"{dose.every[0]:g} to {dose.every[1]:g} h"
    every = f", every {hours}" if hours else ""
    return f"{dose.drug}{amount}{every}{''.join(f', {part}' for part in (dose.schedule, dose.route) if part)}"


def _circumstances(rule: AdviceRule, knowledge: Knowledge) -> Iterator[str]:
    facts = knowledge.advice.facts
    yield from (facts[key].label if key in facts else key for key in rule.needs)
    yield from (f"not: {facts[key].label if key in facts else key}" for key in rule.unless)
    yield from (*rule.products, *rule.classes)
    yield from (f"not: {product}" for product in rule.not_products)
    yield from _course(rule)
    yield from (f"{name} of {grade} or more" for name, grade in rule.alongside.items())
    yield from (f"{name} below {grade}" for name, grade in rule.without.items())


def _course(rule: AdviceRule) -> Iterator[str]:
    if rule.when != "during":
        yield {
            "after": "the reaction is over; the grade is its worst since the exposure",
            "reached": "until the reaction is over, once this grade was reached",
            "ever": "ever since this grade came after the product",
        }[rule.when]
    if rule.worst_below is not None:
        yield f"never grade {rule.worst_below} or more since the exposure"
    if rule.onset:
        yield f"begun {rule.onset[0]:g} to under {rule.onset[1]:g} h after the exposure"
    if rule.lasting_hours is not None:
        yield f"lasting {rule.lasting_hours:g} h or more"
    if rule.no_better:
        word = "worse" if rule.no_better.worse else "no better"
        yield f"{word} {rule.no_better.hours:g} h or more after {' or '.join(rule.no_better.drugs)}"
    if rule.measured_since:
        yield f"measured since {' or '.join(rule.measured_since.drugs)}: {', '.join(rule.measured_since.concepts)}"
    if rule.wait_hours is not None:
        yield f"over for {rule.wait_hours:g} h before the next dose"
    if rule.choice:
        yield f"one of those with the choice {rule.choice}"


def _drug(drug: Drug) -> list[str]:
    regimens = (
        (p.id, _bands(p.bands, drug.unit), f"{p.cap:g}" if p.cap else "", p.cited.evidence, p.cited.locator)
        for p in drug.regimens
    )
    limits = (
        (p.id, f"{p.hours:g}" if p.hours else "", str(p.times or ""), p.cited.evidence, p.cited.locator)
        for p in drug.limits
    )
    cautions = ((p.id, p.text, p.fact, p.cited.evidence, p.cited.locator) for p in drug.cautions)
    return [
        f"{drug.label} (`{_DRUG}{drug.key}`)",
        f"{drug.route}. {drug.cited.source}, {drug.cited.locator} ({drug.cited.evidence}).",
        table(("dose", "by weight", f"at most, {drug.unit}", "evidence", "locator"), regimens),
        table(("limit", "hours", "doses", "evidence", "locator"), limits),
        table(("caution", "text", "only where", "evidence", "locator"), cautions),
        table(("not encoded", "what is done instead"), drug.not_encoded),
    ]


def _bands(bands: tuple[WeightBand, ...], unit: str) -> str:
    return ", ".join(f"{band.per_kg:g} {unit}/kg from {band.low:g} to below {band.high:g} kg" for band in bands)
