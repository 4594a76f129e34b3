"""Words of codes that no table knows: what an observation under one may speak of, and what the ledger calls it.

`O2 Delivery Device` = `Endotracheal tube` is no fact that can be graded. Passed over, it would read as "no device"
where devices are recorded; so the device is in doubt from then on, unless what is known explains it (decision 0034).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cytowatch.adapters.fhir.codes import Codes, Target
from cytowatch.adapters.fhir.said import Said, speaks_of, unlisted
from cytowatch.adapters.fhir.structs import Answer, CodeableConcept, Coding, Item, Observation, Valued
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.likeness import Likeness

_LONGEST_NAME = 200
_LONGEST_TOLD = 40
# a hospital has some thousands of codes; more different words are texts that people wrote
_REMEMBERED = 100_000
_TRUTH = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Worded:
    """A code of no table: why it states nothing, its words, and the therapy that they alone speak of."""

    said: Said
    names: tuple[str, ...] = ()
    concept: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A therapy that an observation speaks of; ``told``: the value with it; ``mild``: some oxygen or pressor."""

    concept: str
    said: Said
    told: str
    mild: bool = False


_Key = tuple[tuple[str | None, str | None, str | None], ...]


@dataclass
class Words:
    """What each distinct code with its words says, decided once."""

    codes: Codes
    likeness: Likeness
    _known: dict[tuple[str | None, _Key], Worded] = field(default_factory=dict)
    _said: dict[tuple[str, str], Said] = field(default_factory=dict)

    def of(self, code: CodeableConcept | None, target: Target) -> Worded:
        """The words of a code that no table knows, of which ``target`` says so."""
        codings = (code.coding or ()) if code is not None else ()
        text = code.text if code is not None else None
        if len(codings) == 1:
            # the usual case, by far
            one = codings[0]
            key: tuple[str | None, _Key] = text, ((one.system, one.code, one.display),)
        else:
            key = text, tuple([(one.system, one.code, one.display) for one in codings])
        found = self._known.get(key)
        if found is None:
            found = self._worded(codings, text, target)
            if len(self._known) < _REMEMBERED:
                self._known[key] = found
        return found

    def heard(self, code: Worded, value: Valued) -> Heard | None:
        """What an observation, or a part of one, under such a code speaks of; nothing if its value says no."""
        has_words = value.valueString is not None or value.valueCodeableConcept is not None
        if value.dataAbsentReason is not None or not (code.concept or has_words):
            # nearly all: a number under a code of something else
            return None
        words, codes = list(_answers(value)), list(_codes(value))
        coded = value.valueCodeableConcept
        if coded is not None and coded.coding:
            codes += self.likeness.as_words((one.system, one.code) for one in coded.coding)
        concept = self.likeness.hearing.observed(code.names, words, codes)
        if not concept:
            return None
        mild = self.likeness.hearing.is_mild(code.names, words, codes)
        return Heard(concept, self._speaks(code, concept), ", ".join((*words, *codes)), mild)

    def parts_heard(self, one: Observation, main: Target, parts: list[tuple[Target, Valued]]) -> list[Heard]:
        """The same for an observation with components: of each therapy the first word."""
        whole = self.of(one.code, main) if main.said is not None and main.said.group else None
        found: list[Heard | None] = []
        if whole is not None and has_answer(one):
            found.append(self.heard(whole, one))
        for target, part in parts:
            is_known = target.said is None or not target.said.group
            code = whole if is_known else self._within(whole, self.of(part.code, target))
            if code is not None:
                found.append(self.heard(code, part))
        return list({one.concept: one for one in reversed(found) if one is not None}.values())

    def asked(self, item: Item) -> Heard | None:
        """What a question of a form speaks of with its answers."""
        name, answers = (item.text or "")[:_LONGEST_NAME], item.answer or []
        words = [word for one in answers for word in _answered(one)]
        codes = [one.valueCoding.code for one in answers if one.valueCoding is not None and one.valueCoding.code]
        if not words and not codes:
            return None
        concept = self.likeness.hearing.observed([name], words, codes)
        said = speaks_of(concept, f'the question "{cut(name, _LONGEST_TOLD)}"')
        return Heard(concept, said, ", ".join((*words, *codes))) if concept else None

    def _within(self, whole: Worded | None, part: Worded) -> Worded:
        if whole is None or not whole.names:
            return part
        names = (*whole.names, *part.names)
        return Worded(part.said, names, self.likeness.hearing.about(names))

    def _worded(self, codings: list[Coding] | tuple[()], text: str | None, target: Target) -> Worded:
        given = [*(one.display for one in codings), text]
        names = tuple(dict.fromkeys(name[:_LONGEST_NAME] for name in given if name and not name.isspace()))
        said = target.said
        assert said is not None  # noqa: S101 - only asked of codes in no table
        if names:
            words = cut(" ".join(names[0].split()), _LONGEST_TOLD)
            said = unlisted(said.group, f'{said.reason.partition(": ")[2]} "{words}"')
        # a code may be its own name
        names = (*names, *(one.code[:_LONGEST_NAME] for one in codings if one.code))
        names = (*names, *self.likeness.as_words((one.system, one.code) for one in codings))
        return Worded(said, names, self.likeness.hearing.about(names))

    def _speaks(self, code: Worded, concept: str) -> Said:
        name = code.said.reason.partition(": ")[2]
        return self._said.setdefault((name, concept), speaks_of(concept, name))


def has_answer(value: Valued) -> bool:
    """Whether a value is told in words, as a number or as a code."""
    return any((*_answers(value), *_codes(value)))


def _answers(value: Valued) -> Iterator[str]:
    """A value as words or as a number; of another kind (a range, a moment) nothing."""
    if value.valueQuantity is not None and value.valueQuantity.value is not None:
        yield f"{value.valueQuantity.value:g}"
    if value.valueInteger is not None:
        yield str(value.valueInteger)
    if value.valueBoolean is not None:
        yield _TRUTH[value.valueBoolean]
    if value.valueString:
        yield value.valueString
    if value.valueCodeableConcept is not None:
        coded = value.valueCodeableConcept
        yield from filter(None, (coded.text, *(one.display for one in coded.coding or ())))


def _answered(one: Answer) -> Iterator[str]:
    number = one.valueDecimal if one.valueDecimal is not None else one.valueInteger
    if number is None and one.valueQuantity is not None:
        number = one.valueQuantity.value
    if number is not None:
        yield f"{number:g}"
    if one.valueBoolean is not None:
        yield _TRUTH[one.valueBoolean]
    yield from filter(None, (one.valueString, one.valueCoding.display if one.valueCoding else None))


def _codes(value: Valued) -> Iterator[str]:
    if value.valueCodeableConcept is not None:
        yield from filter(None, (one.code for one in value.valueCodeableConcept.coding or ()))
