"""What codes mean: looked up once for each distinct list of codings, never by position in it.

Of several codings a code of our own says most, then a site's own list, then the public systems. Public codes that mean
different concepts contradict each other, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cytowatch.adapters.doubt import leaves_doubt
from cytowatch.adapters.fhir.said import CONTRADICTORY, Said, ignored, unlisted
from cytowatch.adapters.fhir.structs import CodeableConcept, Coding
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.resolve import find_category
from cytowatch.adapters.vocabulary import SYSTEMS, Code, Vocabulary
from cytowatch.knowledge.model import Concept, Knowledge

CONCEPT = "urn:x-cytowatch:concept"
CATEGORY = "urn:x-cytowatch:category"
PRODUCT = "urn:x-cytowatch:product"
SCALE = "urn:x-cytowatch:scale"
_IN_NO_TABLE = "code in no table"
_OWN_GRADE = ignored("a grade that cytowatch wrote: it is no report of a person")
_LONGEST_NAME = 80
_LONGEST_TEXT = 500
Key = tuple[tuple[str | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What a code states: a concept, or ``said``, why nothing.

    ``unit``: the unit that the code implies; ``site``: a site's own list decided; ``own``: cytowatch wrote it.
    ``numbers``, ``texts``: what the concept holds. ``doubtful``: what was not read of it leaves a doubt.
    ``units``: what its units were decided to be, by code, words and system.
    """

    concept: str = ""
    category: str | None = None
    unit: str | None = None
    site: bool = False
    own: bool = False
    kind: str = ""
    numbers: bool = False
    texts: bool = False
    doubtful: bool = False
    said: Said | None = None
    units: dict[tuple[str | None, str | None, str | None], tuple[str | None, Said | None]] = field(
        default_factory=dict, compare=False, repr=False
    )


class Codes:
    """The look-up, with a memory."""

    def __init__(self, knowledge: Knowledge, site: Iterable[Code]) -> None:
        self._knowledge = knowledge
        self.vocabulary = Vocabulary(knowledge, site)
        self._known: dict[Key, Target] = {}

    def target(self, code: CodeableConcept | None) -> Target:
        """What a CodeableConcept states, by its codes alone."""
        codings = code.coding if code is not None else None
        if not codings:
            return _NO_CODE
        if len(codings) == 1:
            # the usual case, by far
            key: Key = ((codings[0].system, codings[0].code),)
        else:
            key = tuple([(one.system, one.code) for one in codings])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._looked_up(key)
        return found

    def of_concept(self, key: str) -> Target | None:
        """What a concept named by its own key states."""
        concept = self._knowledge.concepts.get(key)
        return _target(concept, own=True) if concept else None

    def named(self, names: Iterable[str | None], kinds: tuple[str, ...]) -> Target | None:
        """What a whole name states, if it is a name of one concept of these kinds or of a product."""
        found = {
            (code.concept, code.category)
            for name in names
            if (code := self.vocabulary.by_name(name)) is not None
            and code.concept in self._knowledge.concepts
            and self._knowledge.concepts[code.concept].kind in kinds
        }
        if len(found) != 1:
            return None
        concept, category = next(iter(found))
        return _target(self._knowledge.concepts[concept], category=category)

    def category(self, concept: str, said: CodeableConcept) -> str | None:
        """The category that a coded value names: by code, or by its whole text; else the text as it stands."""
        codings = said.coding or []
        for one in codings:
            if one.system == CATEGORY and one.code:
                return cut(one.code, _LONGEST_TEXT)
        coded = {
            code.category
            for one in codings
            if (code := self.vocabulary.code(one.system, one.code)) and code.concept == concept and code.category
        }
        if coded:
            return " / ".join(sorted(coded))
        return self.category_named(concept, [said.text, *_names(codings)])

    def category_named(self, concept: str, names: list[str | None]) -> str | None:
        """The category that one of these whole names stands for; else the first name, for admission to judge."""
        given = [name for name in names if name and len(name) <= _LONGEST_TEXT]
        known = self._knowledge.concepts[concept]
        found = {category for name in given if (category := find_category(known, name)) is not None}
        if found:
            return " / ".join(sorted(found))
        return cut(next(filter(None, names), None), _LONGEST_TEXT)

    def categories(self, concept: str) -> set[str | None]:
        """The categories of a concept."""
        return set(self._knowledge.concepts[concept].categories)

    def _looked_up(self, key: Key) -> Target:
        if any(system == SCALE for system, _ in key):
            return Target(said=_OWN_GRADE, own=True)
        own = self._own(key)
        if own is not None:
            return self._with_unit(own, key)
        found = [code for system, value in key if (code := self.vocabulary.code(system, value)) is not None]
        local = [code for code in found if code.system not in SYSTEMS]
        chosen = local or found
        mapped = [code for code in chosen if code.fate == "map"]
        if not mapped:
            if chosen:
                return Target(said=ignored(min(code.reason for code in chosen)))
            return Target(said=unlisted(_IN_NO_TABLE, _name(key)))
        meanings = {(code.concept, code.category) for code in mapped}
        if len({concept for concept, _ in meanings}) > 1 or len({two for _, two in meanings if two}) > 1:
            return Target(said=CONTRADICTORY)
        category = next((two for _, two in meanings if two), None)
        unit = next((code.unit for code in mapped if code.unit), None)
        concept = self._knowledge.concepts[mapped[0].concept]
        return _target(concept, category=category, unit=unit, site=bool(local))

    def _own(self, key: Key) -> Target | None:
        concepts = [value for system, value in key if system == CONCEPT]
        products = [value for system, value in key if system == PRODUCT]
        concept = next((self._knowledge.concepts[one] for one in concepts if one in self._knowledge.concepts), None)
        product = next((one for one in products if one), None)
        if concept is None and product in self._knowledge.products:
            concept = self._knowledge.concepts.get(self._knowledge.products[product].concept)
        return _target(concept, category=product, own=True) if concept else None

    def _with_unit(self, own: Target, key: Key) -> Target:
        units = [
            code.unit
            for system, value in key
            if (code := self.vocabulary.code(system, value)) and code.concept == own.concept and code.unit
        ]
        concept = self._knowledge.concepts[own.concept]
        return _target(concept, category=own.category, unit=units[0], own=True) if units else own


def _target(
    concept: Concept, *, category: str | None = None, unit: str | None = None, site: bool = False, own: bool = False
) -> Target:
    texts = bool(concept.categories) or concept.free_text or concept.text_needed
    return Target(
        concept.key,
        category,
        unit,
        site,
        own,
        concept.kind,
        bool(concept.units),
        texts or not concept.units,
        leaves_doubt(concept),
    )


_NO_CODE = Target(said=unlisted(_IN_NO_TABLE, "no code at all"))


def _names(codings: list[Coding]) -> list[str | None]:
    return [*(one.display for one in codings), *(one.code for one in codings)]


def _name(key: Key) -> str:
    """The code as the ledger names it; of several the first in the order of the alphabet."""
    names = sorted(f"{system or 'no system'}|{code or 'no code'}" for system, code in key)
    return cut(names[0], _LONGEST_NAME) or ""
