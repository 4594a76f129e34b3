"""Does the advice make sense: drugs, facts, scales and products that there are, and nothing unread that alerts?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cytowatch.knowledge.advice import AdviceRule, AdvisedDose, Drug, Guideline
from cytowatch.knowledge.advice import Cited as Row
from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.rule_nodes import check_condition
from cytowatch.knowledge.lint.symptoms import KEY, CitedRow
from cytowatch.knowledge.model import Knowledge


def check_advice(knowledge: Knowledge) -> Findings:
    """Every drug, fact, guideline and conflict."""
    for key, drug in knowledge.advice.drugs.items():
        yield from _check_drug(Place("drugs", f"drug.{key}"), drug, knowledge)
    for key, fact in knowledge.advice.facts.items():
        place = Place("advice/facts.toml", f"fact.{key}")
        if not KEY.fullmatch(key) or not fact.label.strip():
            yield place.error("label", "A fact needs a key in snake_case and a label.")
        yield from check_condition(place, fact.when, knowledge)
    for part in knowledge.advice.guidelines.values():
        yield from _check_guideline(part, knowledge)
    names = {f"{part.key}.{rule.id}" for part in knowledge.advice.guidelines.values() for rule in part.rules}
    for key, conflict in knowledge.advice.conflicts.items():
        place = Place("advice/conflicts.toml", f"conflict.{key}")
        yield from _unknown(place, "needs", conflict.needs, knowledge.advice.facts)
        yield from _unknown(place, "triggers", conflict.triggers, knowledge.concepts)
        yield from _unknown(place, "products", conflict.products, knowledge.products)
        classes = {part.product_class for part in knowledge.products.values()}
        yield from _unknown(place, "classes", conflict.classes, classes)
        for name in sorted({*conflict.one, *conflict.other} - names):
            yield place.error("one", f"There is no rule `{name}`.", "Name it as guideline.rule.")


def advice_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every row of the tables of advice."""
    for place, row in _rows(knowledge):
        yield place, row.source, row.locator, row.evidence


def _rows(knowledge: Knowledge) -> Iterator[tuple[Place, Row]]:
    advice = knowledge.advice
    for key, drug in advice.drugs.items():
        yield Place("drugs", f"drug.{key}"), drug.cited
        parts: list[tuple[str, Row]] = [(part.id, part.cited) for part in drug.regimens]
        parts += [(part.id, part.cited) for part in drug.limits]
        parts += [(part.id, part.cited) for part in drug.cautions]
        yield from ((Place("drugs", f"drug.{key}.{name}"), cited) for name, cited in parts)
    for key, fact in advice.facts.items():
        yield Place("advice/facts.toml", f"fact.{key}"), fact.cited
    for key, guideline in advice.guidelines.items():
        yield Place(f"advice/{key}.toml", key), guideline.cited
        for rule in guideline.rules:
            yield Place(f"advice/{key}.toml", f"rule.{rule.id}"), rule.cited
    for key, conflict in advice.conflicts.items():
        yield Place("advice/conflicts.toml", f"conflict.{key}"), conflict.cited


def _check_drug(place: Place, drug: Drug, knowledge: Knowledge) -> Findings:
    concept = knowledge.concepts.get(drug.concept)
    if concept is None or concept.kind not in ("dose", "infusion"):
        yield place.error("concept", f"`{drug.concept}` is no drug of concepts.toml.", "Use a concept of kind dose.")
    elif drug.unit not in concept.units:
        yield place.error("unit", f"{drug.unit!r} is no unit of `{drug.concept}`.", f"One of: {concept.units}.")
    for regimen in drug.regimens:
        edges = [edge for band in regimen.bands for edge in (band.low, band.high)]
        joined = all(before.high == after.low for before, after in zip(regimen.bands, regimen.bands[1:], strict=False))
        if not regimen.bands or edges != sorted(edges) or not joined or regimen.bands[0].low != 0:
            yield place.error(regimen.id, "Its bands of weight do not cover every weight once.", "Let them touch.")
        if any(band.per_kg <= 0 for band in regimen.bands) or (regimen.cap is not None and regimen.cap <= 0):
            yield place.error(regimen.id, "A dose and its most are above 0.")
    for caution in drug.cautions:
        if caution.fact and caution.fact not in knowledge.advice.facts:
            yield place.error(caution.id, f"There is no fact `{caution.fact}`.", "Add it to advice/facts.toml.")


def _check_guideline(part: Guideline, knowledge: Knowledge) -> Findings:
    place = Place(f"advice/{part.key}.toml", part.key)
    for name in part.triggers:
        if name not in knowledge.concepts or knowledge.concepts[name].kind != "trigger":
            yield place.error("triggers", f"`{name}` is no trigger.", "Use a concept of kind trigger.")
    for scale in part.scales.values():
        if scale not in knowledge.scales:
            yield place.error("scales", f"There is no scale `{scale}`.", "Use the id of a scale.")
    yield from _unknown(place, "products", part.products, knowledge.products)
    yield from _unknown(place, "superseded_by", part.superseded_by, knowledge.advice.guidelines)
    if part.effective_to is not None and part.effective_to < part.effective_from:
        yield place.error("effective_to", "It ends before it begins.")
    yield from _check_choices(place, part)
    for rule in part.rules:
        yield from _check_rule(Place(place.file, f"rule.{rule.id}"), part, rule, knowledge)


def _check_choices(place: Place, part: Guideline) -> Findings:
    """A word of `choice` joins at least two rules: one alone offers none."""
    words = [(rule.toxicity, rule.choice) for rule in part.rules if rule.choice]
    for toxicity, word in sorted({pair for pair in words if words.count(pair) < 2}):
        yield place.error("choice", f"Only one rule of `{toxicity}` has the choice `{word}`.", "Name the other.")


def _check_rule(place: Place, part: Guideline, rule: AdviceRule, knowledge: Knowledge) -> Findings:
    for toxicity in (rule.toxicity, *rule.alongside, *rule.without):
        if toxicity not in part.scales:
            yield place.error("toxicity", f"The guideline names no scale for `{toxicity}`.", "Add it to `scales`.")
    known = knowledge.scales.get(part.scales.get(rule.toxicity, ""))
    if known and set(rule.grades) - set(known.grades):
        yield place.error("grades", f"{rule.grades} are no grades of its scale.", "Name grades of the scale.")
    yield from _unknown(place, "needs", (*rule.needs, *rule.unless), knowledge.advice.facts)
    yield from _unknown(place, "products", (*rule.products, *rule.not_products), knowledge.products)
    if rule.measured_since:
        yield from _unknown(place, "measured_since", rule.measured_since.drugs, knowledge.advice.drugs)
        yield from _unknown(place, "measured_since", rule.measured_since.concepts, knowledge.concepts)
        if f"missing.{rule.measured_since.missing}" not in knowledge.messages:
            yield place.error("measured_since", "What it calls missing has no sentence.", "Add it to messages.toml.")
    if rule.no_better:
        yield from _unknown(place, "no_better", rule.no_better.drugs, knowledge.advice.drugs)
    yield from _unknown(place, "classes", rule.classes, {p.product_class for p in knowledge.products.values()})
    if rule.alert and rule.cited.evidence == "recalled":
        yield place.error("alert", "What was not read in its source may not alert.", "Read it, or take `alert` out.")
    if not rule.action.strip().endswith("."):
        yield place.error("action", "The action is no sentence.", "End it with a period.")
    if rule.dose is not None:
        yield from _check_dose(place, rule.dose, knowledge)


def _check_dose(place: Place, dose: AdvisedDose, knowledge: Knowledge) -> Findings:
    drug = knowledge.advice.drugs.get(dose.drug)
    if drug is None:
        yield place.error("dose", f"There is no drug `{dose.drug}`.", "Add it to drugs/.")
    elif dose.regimen and dose.regimen not in {part.id for part in drug.regimens}:
        yield place.error("dose", f"`{dose.drug}` has no regimen `{dose.regimen}`.", "Add it to the drug.")


def _unknown(place: Place, key: str, names: Iterable[str], known: Iterable[str]) -> Findings:
    for name in sorted(set(names) - set(known)):
        yield place.error(key, f"`{name}` is not known.", "Correct it, or add it.")
