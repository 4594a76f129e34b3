"""Can what is computed from several concepts be computed: terms that exist, in their units, in no ring?"""

from __future__ import annotations

import math

from cytowatch.knowledge.lint.finding import Findings, Place, of_kind
from cytowatch.knowledge.lint.logic import OTHER, ROOM_AIR
from cytowatch.knowledge.lint.rule_tree import conditions, walk
from cytowatch.knowledge.model import Estimated, Knowledge, Quantity, QuantityCompare, Term

_PARTS = {"sum": (1, math.inf), "ratio": (2, 2), "inspired_oxygen": (0, 0)}
_BY_WEIGHT = "/kg/"
DEVICE = "oxygen_device"
Range = tuple[float, float]


def check_quantities(knowledge: Knowledge) -> Findings:
    """Every quantity by itself, and whether anything reads it."""
    read = set(_read(knowledge))
    for key, quantity in knowledge.quantities.items():
        place = Place("quantities.toml", f"quantity.{key}")
        yield from _check_quantity(place, quantity, knowledge)
        if key not in read:
            yield place.warning("label", "Nothing reads it.", "Take it out, or use it.")


def _read(knowledge: Knowledge) -> set[str]:
    nodes = [node for scale in knowledge.scales.values() for node in conditions(scale)]
    nodes += [fact.when for part in knowledge.lookalikes.values() for fact in part.facts]
    found = {part.quantity for node in nodes for part in walk(node) if isinstance(part, QuantityCompare | Estimated)}
    return found.union(*(quantities_in(key, knowledge) for key in found)) if found else found


def quantities_in(key: str, knowledge: Knowledge, inside: tuple[str, ...] = ()) -> set[str]:
    """A quantity and those that it is made of."""
    if key in inside or key not in knowledge.quantities:
        return set()
    terms = knowledge.quantities[key].terms
    return {key}.union(*(quantities_in(term.concept, knowledge, (*inside, key)) for term in terms))


def _check_quantity(place: Place, quantity: Quantity, knowledge: Knowledge) -> Findings:
    if quantity.key in knowledge.concepts:
        yield place.error("label", f"`{quantity.key}` is a concept already.", "Give it a name of its own.")
    if not quantity.unit:
        yield place.error("unit", "The unit is empty.")
    least, most = _PARTS[quantity.kind]
    if not least <= len(quantity.terms) <= most:
        yield place.error("terms", f"A {quantity.kind} does not have {len(quantity.terms)} terms.")
    if is_in_ring(quantity.key, knowledge):
        yield place.error("terms", "It is computed from itself.", "Take the ring apart.")
        return
    for term in quantity.terms:
        yield from _check_term(place, term, knowledge)
    if quantity.kind == "inspired_oxygen":
        yield from _check_oxygen(place, quantity, knowledge)


def is_in_ring(key: str, knowledge: Knowledge, above: tuple[str, ...] = ()) -> bool:
    """Whether a quantity is computed from itself."""
    if key in above:
        return True
    nested = [term.concept for term in knowledge.quantities[key].terms if term.concept in knowledge.quantities]
    return any(is_in_ring(name, knowledge, (*above, key)) for name in nested)


def _check_term(place: Place, term: Term, knowledge: Knowledge) -> Findings:
    if term.factor == 0:
        yield place.error("terms", f"The factor of `{term.concept}` is 0: it would not count.")
    if term.concept in knowledge.quantities:
        unit = knowledge.quantities[term.concept].unit
        if term.rate or term.unit != unit:
            yield place.error("terms", f"`{term.concept}` is a quantity in {unit!r}, not in {term.unit!r}.")
        return
    kind = "infusion" if term.rate else "reading"
    found = list(of_kind(place, "terms", term.concept, (kind,), knowledge))
    yield from found
    units = () if found else knowledge.concepts[term.concept].units
    if not found and term.unit not in units:
        text = f"{term.unit!r} is not a canonical unit of `{term.concept}`."
        yield place.error("terms", text, f"Use {' or '.join(units)}: values are converted when admitted.")
    if not found and len(units) > 1 and not (term.rate and any(_BY_WEIGHT in unit for unit in units)):
        yield place.error("terms", f"`{term.concept}` has units that no weight converts into each other.")


def _check_oxygen(place: Place, quantity: Quantity, knowledge: Knowledge) -> Findings:
    devices = knowledge.concepts[DEVICE].categories if DEVICE in knowledge.concepts else ()
    for name in quantity.flow_devices:
        if name not in devices or name in {ROOM_AIR, OTHER}:
            yield place.error("flow_devices", f"`{name}` is no device that gives a flow.", "Use a category of it.")
    if not 0 < quantity.room_air < 1:
        yield place.error("room_air", f"{quantity.room_air:g} is no fraction of air.")
    if quantity.flow_devices and (quantity.per_liter <= 0 or quantity.half_width < 0):
        yield place.error("per_liter", "An estimate from the flow needs per_liter above 0, half_width of 0 or more.")


def rests_on_estimate(key: str, knowledge: Knowledge) -> bool:
    """Whether a quantity, or one that it is made of, may be an estimate."""
    quantity = knowledge.quantities.get(key)
    if quantity is None or is_in_ring(key, knowledge):
        return False
    own = quantity.kind == "inspired_oxygen" and bool(quantity.flow_devices)
    return own or any(rests_on_estimate(term.concept, knowledge) for term in quantity.terms)


def plausible_range(key: str, knowledge: Knowledge) -> Range:
    """The lowest and highest value that plausible terms make; everything for a quantity that is not sound."""
    quantity = knowledge.quantities[key]
    if is_in_ring(key, knowledge):
        return -math.inf, math.inf
    if quantity.kind == "inspired_oxygen":
        return quantity.room_air, 1.0
    ranges = [_range_of(term, knowledge) for term in quantity.terms]
    if quantity.kind == "ratio" and len(ranges) == 2:
        (low, high), (least, most) = ranges
        return (low / most, high / least) if least > 0 else (-math.inf, math.inf)
    ends = [
        sorted((term.factor * low, term.factor * high))
        for term, (low, high) in zip(quantity.terms, ranges, strict=True)
    ]
    return quantity.constant + sum(low for low, _ in ends), quantity.constant + sum(high for _, high in ends)


def _range_of(term: Term, knowledge: Knowledge) -> Range:
    if term.concept in knowledge.quantities:
        return plausible_range(term.concept, knowledge)
    concept = knowledge.concepts.get(term.concept)
    return concept.plausible.get(term.unit, (-math.inf, math.inf)) if concept else (-math.inf, math.inf)
