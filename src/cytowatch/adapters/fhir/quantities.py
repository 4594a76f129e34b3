"""A number with its unit, as written; nothing is converted here.

The code is the unit where it is UCUM, else what is written for people. Where the two would be converted differently,
or where the code of the measurement implies another kind of unit, nobody knows which is wrong.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from cytowatch.adapters.fhir.codes import Target
from cytowatch.adapters.fhir.decode import BAD
from cytowatch.adapters.fhir.said import UNIT_CONTRADICTION, Said
from cytowatch.adapters.fhir.structs import CodeableConcept, Quantity, Ratio, ReferenceRange
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.resolve import find_unit
from cytowatch.knowledge.model import Concept, Knowledge, Unit

_UCUM = ("http://unitsofmeasure.org", "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8")
_PRINTED = re.compile(
    r"\s*(?P<number>(?:<=|>=|=<|=>|≤|≥|<|>)?\s*[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?)\s*(?P<unit>[^\d\s].{0,30})?\s*"
)
_LONGEST_PRINT = 200
_OFF_SCALE = (
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "http://terminology.hl7.org/CodeSystem/v2-0078",
)
_INTERPRETATIONS = msgspec.json.Decoder(list[CodeableConcept])
# as they are, or escaped
_SIGNS = (b"<", b">", b"\\u003")

# (unit by code, unit by words)
Written = tuple[str | None, str | None]


def written(quantity: Quantity) -> Written:
    """The unit by its UCUM code, and in words."""
    if quantity.code and (quantity.system or "").rstrip("/") in _UCUM:
        return cut(quantity.code), cut(quantity.unit)
    return None, cut(quantity.unit or quantity.code)


def per(ratio: Ratio) -> tuple[float | None, Written]:
    """A ratio as one number in a compound unit: 5 ug/kg for 1 min is 5 ug/kg/min."""
    above, below = ratio.numerator or Quantity(), ratio.denominator or Quantity()
    over = 1.0 if below.value is None else below.value
    number = None if above.value is None or not over else above.value / over
    units = [code or words for code, words in (written(above), written(below))]
    joined = "/".join(unit for unit in units if unit)
    return number, (None, cut(joined))


def printed(text: str) -> tuple[str, str | None]:
    """What stands in a text that should be a number: the number with its comparator, and a unit after it."""
    found = _PRINTED.fullmatch(text) if len(text) <= _LONGEST_PRINT else None
    if found is None:
        return cut(text, _LONGEST_PRINT) or "", None
    return found["number"], (found["unit"] or "").strip() or None


def is_printed(text: str) -> bool:
    """Whether a text is a number as laboratories print it."""
    return len(text) <= _LONGEST_PRINT and _PRINTED.fullmatch(text) is not None


class Units:
    """Which unit counts, decided once for each distinct combination."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._concepts = knowledge.concepts
        self._known: dict[tuple[str, str | None, bool, Written], tuple[str | None, Said | None]] = {}

    def of_quantity(self, target: Target, quantity: Quantity) -> tuple[str | None, Said | None]:
        """The same for a quantity as it stands."""
        key = (quantity.code, quantity.unit, quantity.system)
        found = target.units.get(key)
        if found is None:
            found = target.units[key] = self._decided(target, written(quantity))
        return found

    def of(self, target: Target, given: Written) -> tuple[str | None, Said | None]:
        """The unit to hand on, and what contradicts it."""
        key = (target.concept, target.unit, target.site, given)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._decided(target, given)
        return found

    def _decided(self, target: Target, given: Written) -> tuple[str | None, Said | None]:
        concept = self._concepts[target.concept]
        code, words = given
        unit = code or words
        if code and words and _differ(find_unit(concept, code), find_unit(concept, words)):
            return unit, UNIT_CONTRADICTION
        if unit is None and target.site:
            # the site's list says in which unit its own code is
            return target.unit, None
        if unit and target.unit and not _alike(concept, unit, target.unit):
            return unit, UNIT_CONTRADICTION
        return unit, None


def _differ(one: Unit | None, other: Unit | None) -> bool:
    """Both are units of the concept, and convert differently."""
    return one is not None and other is not None and one != other and _step(one) != _step(other)


def _step(unit: Unit) -> tuple[object, ...]:
    return unit.to, unit.factor, unit.shift


def _alike(concept: Concept, unit: str, implied: str) -> bool:
    """Whether a unit is of the kind that a code implies: amount of substance or mass, units or mass."""
    found, meant = find_unit(concept, unit), find_unit(concept, implied)
    if found is None or meant is None:
        # an unknown unit is refused by admission
        return True
    return found.to == meant.to and _is_amount(found) == _is_amount(meant)


def _is_amount(unit: Unit) -> bool:
    """Amount of substance: moles, or equivalents (US laboratories report sodium and calcium in mEq/L)."""
    return any(part in unit.name for part in ("mol", "eq", "Eq", "EQ")) or unit.name == "mM"


def off_scale(interpretation: Raw) -> str | None:
    """`<` or `>` where an interpretation says that the value is off the scale of the instrument; no other is read."""
    written_out = bytes(interpretation)
    if not any(sign in written_out for sign in _SIGNS):
        return None
    try:
        found = _INTERPRETATIONS.decode(written_out)
    except BAD:
        return None
    codes = {one.code for part in found for one in part.coding or () if one.system in _OFF_SCALE}
    return ">" if ">" in codes and "<" not in codes else "<" if "<" in codes and ">" not in codes else None


def limits(ranges: list[ReferenceRange] | None, quantity: Quantity | None) -> tuple[float | None, float | None]:
    """The plain limits of normal beside a value: one range, for everybody, in the unit of the value."""
    plain = [one for one in ranges or () if not one.appliesTo and not one.age and _is_normal(one.type)]
    if len(plain) != 1:
        return None, None
    unit = written(quantity) if quantity is not None else (None, None)
    low, high = ((side.value if side and _agrees(side, unit) else None) for side in (plain[0].low, plain[0].high))
    return low, high


def _is_normal(kind: CodeableConcept | None) -> bool:
    return kind is None or any(one.code == "normal" for one in kind.coding or ())


def _agrees(side: Quantity, unit: Written) -> bool:
    own = written(side)
    if own == (None, None):
        return True
    return own == unit or (own[0] or own[1]) == (unit[0] or unit[1])
