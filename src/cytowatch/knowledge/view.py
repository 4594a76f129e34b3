"""The tables as a person reads them: what there is, one item in full with its sources, and what an overlay changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import NamedTuple

from cytowatch.errors import ArgumentError
from cytowatch.knowledge.model import (
    Concept,
    Knowledge,
    Policy,
    Product,
    Quantity,
    Scale,
    Source,
    Threshold,
    ThresholdBand,
)
from cytowatch.knowledge.parse import fold
from cytowatch.knowledge.shape import near
from cytowatch.knowledge.view_advice import advice_items, advice_parts
from cytowatch.knowledge.view_drugs import drug_items, drug_parts
from cytowatch.knowledge.view_education import education_items, education_parts
from cytowatch.knowledge.view_lookalikes import find_lookalike, lookalike_items, lookalike_parts
from cytowatch.knowledge.view_plan import plan_items, plan_parts
from cytowatch.knowledge.view_prevention import prevention_items, prevention_parts
from cytowatch.knowledge.view_products import product_parts
from cytowatch.knowledge.view_scale import scale_parts, table
from cytowatch.knowledge.view_symptoms import find_symptom, symptom_items, symptom_parts
from cytowatch.schema import HOUR_US


class Item(NamedTuple):
    """One line of the list: what kind of thing, its id, its title, and what it rests on."""

    kind: str
    id: str
    title: str
    source: str
    evidence: str


class Change(NamedTuple):
    """One difference between two versions; empty text where it is absent on one side."""

    key: str
    old: str
    new: str


def list_items(knowledge: Knowledge) -> list[Item]:
    """Everything that the tables hold by a name: scales, policies, concepts, guidelines, drugs, sources and more."""
    return [
        *(Item("scale", part.id, part.title, part.source, "") for part in knowledge.scales.values()),
        *(Item("policy", part.key, part.question, part.source, part.evidence) for part in knowledge.policies.values()),
        *(
            Item("threshold", part.key, f"{part.concept} by age", part.source, part.evidence)
            for part in knowledge.thresholds.values()
        ),
        *(Item("quantity", part.key, part.label, part.source, part.evidence) for part in knowledge.quantities.values()),
        *(Item("product", part.key, part.label, part.source, part.evidence) for part in knowledge.products.values()),
        *(Item("concept", part.key, part.label, part.source, part.evidence) for part in knowledge.concepts.values()),
        *(Item(*row) for row in (*symptom_items(knowledge), *lookalike_items(knowledge), *advice_items(knowledge))),
        *(Item(*row) for row in education_items(knowledge)),
        *(Item(*row) for row in drug_items(knowledge)),
        *(Item(*row) for row in prevention_items(knowledge)),
        *(Item(*row) for row in plan_items(knowledge)),
        *(Item("source", part.key, part.title, "", "") for part in knowledge.sources.values()),
    ]


def show(knowledge: Knowledge, name: str) -> str:
    """One item in full, as Markdown; ``name`` is an id, or the alias of a concept or product.

    Raises ArgumentError if nothing has that name.
    """
    key = fold(name)
    if (parts := _parts(knowledge, name, key)) is not None:
        return _page(*parts)
    if name in knowledge.scales:
        return _scale(knowledge, knowledge.scales[name])
    if key in knowledge.policies:
        return _policy(knowledge.policies[key])
    if key in knowledge.thresholds:
        return _threshold(knowledge.thresholds[key])
    if key in knowledge.quantities:
        return _quantity(knowledge.quantities[key])
    if knowledge.concept_aliases.get(key, key) in knowledge.concepts:
        return _concept(knowledge.concepts[knowledge.concept_aliases.get(key, key)])
    if knowledge.product_aliases.get(key, key) in knowledge.products:
        return _product(knowledge.products[knowledge.product_aliases.get(key, key)], knowledge)
    if key in knowledge.sources:
        return _source(knowledge, knowledge.sources[key])
    known = [item.id for item in list_items(knowledge)]
    raise ArgumentError(
        f"Nothing in the tables is called {name!r}.", hint=f"`cytowatch knowledge list` names them.{near(key, known)}"
    )


def _parts(knowledge: Knowledge, name: str, key: str) -> list[str] | None:
    """The parts of what is told by a module of its own: drugs, advice, plans, education, prevention, symptoms."""
    for told in (drug_parts, advice_parts, plan_parts, education_parts, prevention_parts):
        if (parts := told(knowledge, name)) is not None:
            return parts
    if (symptom := find_symptom(knowledge, key)) is not None:
        return list(symptom_parts(symptom))
    if (lookalike := find_lookalike(knowledge, key)) is not None:
        return lookalike_parts(lookalike, knowledge)
    return None


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", *(part for part in parts if part)]) + "\n"


def _scale(knowledge: Knowledge, scale: Scale) -> str:
    return _page(f"{scale.title} (`{scale.id}`)", *scale_parts(scale, knowledge))


def _facts(title: str, pairs: Iterable[tuple[str, str]]) -> str:
    return _page(title, table(("", ""), ((key, text) for key, text in pairs if text)))


def _policy(policy: Policy) -> str:
    pairs = [
        ("answer in force", _text(policy.value) + (f" {policy.unit}" if policy.unit else "")),
        ("may be set to", "; ".join(_text(part) for part in policy.options) or "any value of the same type"),
        ("known, not carried out", "; ".join(_text(part) for part in policy.considered)),
        ("takes effect in", policy.applied_by),
        *_cited(policy),
    ]
    return _facts(f"{policy.question} (`{policy.key}`)", pairs)


def _cited(part: Policy | Threshold | Quantity | Product | Concept) -> list[tuple[str, str]]:
    return [("source", part.source), ("locator", part.locator), ("evidence", part.evidence)]


def _threshold(threshold: Threshold) -> str:
    rows = ((_ages(band), _limit(band), band.locator, band.evidence) for band in threshold.bands)
    own = f"The patient's own `{threshold.own}` replaces the table." if threshold.own else ""
    cited = f"Source: {threshold.source}; {threshold.locator}; {threshold.evidence}. Unit: {threshold.unit}."
    return _page(
        f"Limit of {threshold.concept} by age (`{threshold.key}`)",
        table(("age", "limit", "locator", "evidence"), rows),
        f"Other ages do not use it. {own}".strip(),
        cited,
    )


def _ages(band: ThresholdBand) -> str:
    start = f"from {band.from_days} d " if band.from_days is not None else ""
    start = f"from {band.from_years:g} y " if band.from_years is not None else start
    end = f"below {band.to_days} d" if band.to_days is not None else ""
    end = f"below {band.to_years:g} y" if band.to_years is not None else end
    return (start + end).strip() or "any"


def _limit(band: ThresholdBand) -> str:
    return f"{band.base:g} + {band.per_year:g} x years" if band.per_year else f"{band.base:g}"


def _quantity(quantity: Quantity) -> str:
    rows = (
        (term.concept, f"{term.factor:g}", term.unit, "running rate" if term.rate else "") for term in quantity.terms
    )
    estimate = (
        f"{quantity.at_no_flow:g} + {quantity.per_liter:g} x flow, +/- {quantity.half_width:g}, "
        f"on {', '.join(quantity.flow_devices)}"
    )
    pairs = [
        ("made as", quantity.kind),
        ("unit", quantity.unit),
        ("constant", f"{quantity.constant:g}" if quantity.constant else ""),
        ("estimated from the flow", estimate if quantity.flow_devices else ""),
        *_cited(quantity),
    ]
    terms = table(("term", "factor", "unit", "what of it"), rows)
    return _facts(f"{quantity.label} (`{quantity.key}`)", pairs) + (f"\n{terms}\n" if terms else "")


def _product(product: Product, knowledge: Knowledge) -> str:
    pairs = [
        ("class", product.product_class),
        ("trigger", product.concept),
        ("window", f"{product.window_days:g} d"),
        ("also called", ", ".join(product.brands)),
        ("note", product.note),
        *_cited(product),
    ]
    facts = "\n\n".join(part for part in product_parts(product, knowledge) if part)
    return _facts(f"{product.label} (`{product.key}`)", pairs) + f"\n{facts}\n"


def _concept(concept: Concept) -> str:
    names = {unit: [part.name for part in concept.accepted if part.to == unit and part.name] for unit in concept.units}
    ranges = (f"{low:g} to {high:g} {unit}" for unit, (low, high) in concept.plausible.items())
    pairs = [
        ("kind, group", f"{concept.kind}, {concept.group}"),
        ("also called", ", ".join(concept.aliases)),
        *((f"units read as {unit}", ", ".join(accepted)) for unit, accepted in names.items()),
        ("accepted range", "; ".join(ranges)),
        ("the least that is not 0", f"{concept.smallest:g} {concept.units[0]}" if concept.smallest else ""),
        ("a lower limit of normal lies in", _band(concept, concept.limit_low)),
        ("an upper limit of normal lies in", _band(concept, concept.limit_high)),
        ("speaks for", f"{(concept.valid_for_us or 0) / HOUR_US:g} h"),
        ("categories, least bad first", ", ".join(concept.categories)),
        ("other words for them", ", ".join(f"{word} = {key}" for word, key in concept.category_aliases.items())),
        ("of two values the worse is", concept.worse if concept.units else ""),
        *_cited(concept),
    ]
    return _facts(f"{concept.label} (`{concept.key}`)", pairs)


def _band(concept: Concept, band: tuple[float, float] | None) -> str:
    return f"{band[0]:g} to {band[1]:g} {concept.units[0]}" if band else ""


def _source(knowledge: Knowledge, source: Source) -> str:
    users = [item.id for item in list_items(knowledge) if item.source == source.key]
    pairs = [
        ("citation", source.citation),
        ("doi", source.doi),
        ("address", source.url),
        ("year", str(source.year or "")),
        ("how it was read", source.note),
        ("used by", ", ".join(users)),
    ]
    return _facts(f"{source.title} (`{source.key}`)", pairs)


def diff(base: Knowledge, overlaid: Knowledge) -> list[Change]:
    """What differs between two versions, key by key, in the order of the keys."""
    old, new = dict(_flat(base, ())), dict(_flat(overlaid, ()))
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [Change(key, old.get(key, ""), new.get(key, "")) for key in keys]


def _flat(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    inner = _inner(value) if path or isinstance(value, Knowledge) else None
    if inner is None:
        yield ".".join(path), _text(value)
        return
    for name, part in inner:
        # what follows from the rest, or names only the folders, is no change of meaning
        if path or name not in ("digest", "folders", "concept_aliases", "product_aliases", "symptom_aliases"):
            yield from _flat(part, (*path, name))


def _inner(value: object) -> list[tuple[str, object]] | None:
    if is_dataclass(value):
        return [(part.name, getattr(value, part.name)) for part in fields(value)]
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, tuple) and value and all(isinstance(part, dict) for part in value):
        return [(str(next(iter(part.values()))), part) for part in value]
    if isinstance(value, tuple) and value and all(hasattr(part, "id") or hasattr(part, "name") for part in value):
        return [(getattr(part, "id", "") or part.name, part) for part in value]
    return None


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_text(part)}" for key, part in value.items())
    if isinstance(value, tuple):
        return ", ".join(_text(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
