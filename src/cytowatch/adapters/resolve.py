"""What a concept name, a unit and a category mean: decided once per distinct combination, never per row."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from cytowatch.knowledge.model import Concept, Knowledge, Unit
from cytowatch.knowledge.parse import fold
from cytowatch.units import caseless, spelled

# spellings of "no unit", accepted wherever a concept has none
_NO_UNIT = frozenset({"", "1", "{score}"})
# what a person says: known by the table of symptoms, and admissible in any other words
SYMPTOM = "symptom"
# beyond so many unknown names a file is something else, and guessing at each would take minutes
_MAX_GUESSES = 200


@dataclass(frozen=True)
class Meaning:
    """What one (concept, unit) as given stands for, or the rule that refuses it and what to say then."""

    concept: Concept | None = None
    unit: Unit | None = None
    low: float = float("-inf")
    high: float = float("inf")
    # the least that is not 0
    smallest: float = 0.0
    # at or above this a value without a unit is read as per cent
    per_cent_from: float = float("inf")
    rule: str = ""
    unit_rule: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class TextMeaning:
    """What the text of a coded concept stands for; ``rule`` is empty where it is accepted."""

    text: str | None
    rule: str = ""
    reason: str = ""
    hint: str = ""


class Dictionary:
    """Looks names up in the concepts of one version of the knowledge; unknown names get a suggestion."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._guesses = 0
        self._every_unit: frozenset[str] | None = None
        self._symptom_codes = {part.snomed: key for key, part in knowledge.symptoms.items() if part.snomed}

    def concept(self, name: str) -> Concept | None:
        """The concept of a key or an alias, however it is capitalized or spaced."""
        concepts, aliases = self._knowledge.concepts, self._knowledge.concept_aliases
        folded = fold(name)
        for key in (name, aliases.get(name), folded, aliases.get(folded)):
            if key is not None and key in concepts:
                return concepts[key]
        return None

    def meaning(self, name: str | None, unit: str | None) -> Meaning:
        """The meaning of one distinct combination."""
        if name is None:
            return Meaning(rule="missing_concept", reason="the row names no concept", hint="fill the column `concept`")
        concept = self.concept(name)
        if concept is None:
            return Meaning(
                rule="unknown_concept", reason=f"{name!r} is not a concept of the dictionary", hint=self._suggest(name)
            )
        return self._with_unit(concept, unit or "")

    def _suggest(self, name: str) -> str:
        general = "`cytowatch knowledge list` shows every concept; a site's own names go into an overlay folder"
        self._guesses += 1
        if self._guesses > _MAX_GUESSES:
            return general
        known = [*self._knowledge.concepts, *self._knowledge.concept_aliases]
        found = [self.concept(near) for near in difflib.get_close_matches(fold(name), known, n=4, cutoff=0.6)]
        keys = list(dict.fromkeys(f"`{concept.key}`" for concept in found if concept))[:2]
        return f"did you mean {' or '.join(keys)}? {general}" if keys else general

    def _with_unit(self, concept: Concept, unit: str) -> Meaning:
        found = find_unit(concept, unit)
        if found is None:
            return self._without_unit(concept, unit)
        low, high = _range(concept, found.to)
        smallest = concept.smallest if found.to in concept.units[:1] else 0.0
        meaning = Meaning(concept, found, low, high, smallest)
        if found.to == "1" and spelled(unit) in _NO_UNIT and find_unit(concept, "%"):
            meaning = replace(meaning, per_cent_from=self._per_cent_from(concept, low))
        return meaning

    def _per_cent_from(self, concept: Concept, low: float) -> float:
        policy = self._knowledge.policies.get(f"{concept.key}_percent_from")
        return float(policy.value) if policy and isinstance(policy.value, int | float) else low * 100

    def _without_unit(self, concept: Concept, unit: str) -> Meaning:
        hint = f"accepted for {concept.key}: {', '.join(shown_units(concept)) or 'no unit'}"
        if not unit:
            reason = f"{concept.key} has no unit here, and the number can mean more than one thing without it"
            return Meaning(concept, unit_rule="missing_unit", reason=reason, hint=hint)
        if self._is_unit(unit):
            reason = f"{unit!r} cannot be converted into a unit of {concept.key}"
            return Meaning(concept, unit_rule="unit_not_convertible", reason=reason, hint=hint)
        return Meaning(concept, unit_rule="unknown_unit", reason=f"{unit!r} is not a known unit", hint=hint)

    def _is_unit(self, unit: str) -> bool:
        if self._every_unit is None:
            concepts = self._knowledge.concepts.values()
            self._every_unit = frozenset(spelled(part.name) for concept in concepts for part in concept.accepted)
        return spelled(unit) in self._every_unit

    def knows_texts(self, concept: Concept) -> bool:
        """Whether the texts of a concept are looked up, or taken as they are."""
        return bool(concept.categories) or concept.kind == "trigger" or concept.key == SYMPTOM

    def text(self, concept: Concept, text: str) -> TextMeaning:
        """The category, product or symptom that a text stands for."""
        if concept.key == SYMPTOM:
            return TextMeaning(self._symptom(text))
        if concept.kind == "trigger" and not concept.categories:
            return TextMeaning(self._product(text))
        if not concept.categories:
            return TextMeaning(text)
        category = find_category(concept, text)
        if category is not None:
            return TextMeaning(category)
        if concept.free_text:
            return TextMeaning(text)
        reason = f"{text!r} is not a category of {concept.key}"
        near = difflib.get_close_matches(fold(text), concept.categories, n=1)
        guess = f"did you mean `{near[0]}`? " if near else ""
        return TextMeaning(None, "unknown_category", reason, f"{guess}accepted: {', '.join(concept.categories)}")

    def _symptom(self, text: str) -> str:
        folded = fold(text)
        if folded in self._knowledge.symptoms:
            return folded
        return self._knowledge.symptom_aliases.get(folded) or self._symptom_codes.get(folded, text)

    def _product(self, text: str) -> str:
        aliases, folded = self._knowledge.product_aliases, fold(text)
        if folded in self._knowledge.products:
            return folded
        return aliases.get(text) or aliases.get(folded) or folded


def find_unit(concept: Concept, unit: str) -> Unit | None:
    """The accepted unit of that name; spaces, the kind of micro sign and an unambiguous case do not matter."""
    accepted = {part.name: part for part in concept.accepted}
    for name in concept.units:
        accepted.setdefault(name, Unit(name, name))
    if unit in accepted:
        return accepted[unit]
    plain = spelled(unit)
    if not concept.units:
        return Unit(unit, "") if plain in _NO_UNIT else None
    if not plain:
        bare = next((name for name in ("1", "{score}") if name in concept.units), None)
        return accepted[bare] if bare else None
    alike = [part for name, part in accepted.items() if spelled(name) == plain]
    alike = alike or [part for name, part in accepted.items() if caseless(name) == caseless(unit)]
    same = {(part.to, part.factor, part.shift) for part in alike}
    return alike[0] if len(same) == 1 else None


def find_category(concept: Concept, text: str) -> str | None:
    """The category of a text, by its key or an alias."""
    folded = fold(text)
    for name in (text, folded):
        if name in concept.categories:
            return name
        if name in concept.category_aliases:
            return concept.category_aliases[name]
    return None


def shown_units(concept: Concept) -> list[str]:
    """One name of each different conversion; the many spellings would hide them."""
    first = {(part.to, part.factor, part.shift): part.name for part in reversed(concept.accepted) if part.name}
    return list(reversed(first.values()))


def _range(concept: Concept, unit: str) -> tuple[float, float]:
    if not unit and len(concept.plausible) == 1:
        return next(iter(concept.plausible.values()))
    return concept.plausible.get(unit, (float("-inf"), float("inf")))
