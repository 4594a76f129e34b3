"""Do the symptoms make sense: names that mean one thing, codes that can be codes, rules that ask for what is there?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cytowatch.knowledge.lint.codes import snomed_is_valid
from cytowatch.knowledge.lint.finding import Findings, Place, place_in
from cytowatch.knowledge.lint.rule_tree import walk
from cytowatch.knowledge.model import In, Knowledge, Node, Symptom
from cytowatch.knowledge.parse import fold

# where a row stands, and its source, locator and evidence
CitedRow = tuple[Place, str, str, str]
_SYMPTOM = "symptom"
KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# a patient page keeps its sentences below this
_MOST_WORDS = 15


def check_symptoms(knowledge: Knowledge) -> Findings:
    """Every symptom by itself, the names and codes of all of them, and the rules that read them."""
    owners: dict[str, str] = {}
    codes: dict[str, str] = {}
    for key, part in knowledge.symptoms.items():
        place = _place(key)
        yield from _check_words(part, place)
        yield from _check_code(part, codes, place)
        for name in (key, *part.aliases):
            other = owners.setdefault(fold(name), key)
            if other != key:
                yield place.error("aliases", f"{name!r} already means `{other}`.", "Take it out of one of the two.")
    if knowledge.symptoms:
        yield from _check_concept(knowledge)
    yield from _check_rules(knowledge)


def symptom_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: each symptom, and its words of severity."""
    for key, part in knowledge.symptoms.items():
        yield _place(key), part.source, part.locator, part.evidence
        if part.severity:
            inner = Place("symptoms.toml", f"{_SYMPTOM}.{key}.severity")
            yield inner, part.severity.source, part.severity.locator, part.severity.evidence


def _place(key: str) -> Place:
    return Place("symptoms.toml", f"{_SYMPTOM}.{key}")


def _check_words(part: Symptom, place: Place) -> Findings:
    if not KEY.fullmatch(part.key):
        yield place.error("label", f"The key `{part.key}` is not snake_case.", "Lower case, words joined by `_`.")
    for name, words in (("label", part.label), ("plain", part.plain)):
        if not words.strip():
            yield place.error(name, f"The {name} is empty.", "A person has to understand what is meant.")
    if len(part.plain.split()) > _MOST_WORDS:
        yield place.warning("plain", f"It has more than {_MOST_WORDS} words.", "Write a shorter sentence.")
    if part.severity and not (part.severity.mild or part.severity.moderate or part.severity.severe):
        yield place.error("severity", "No word of severity is given.", "Give one, or take the table out.")


def _check_code(part: Symptom, codes: dict[str, str], place: Place) -> Findings:
    if bool(part.snomed) != (part.snomed_evidence == "secondary"):
        text = "A code that was not read, or a reading without a code."
        yield place.error("snomed_evidence", text, "secondary with a code, unverified without one.")
    if not part.snomed:
        return
    if not snomed_is_valid(part.snomed):
        yield place.error("snomed", f"`{part.snomed}` is not a SNOMED CT identifier: its check digit is wrong.")
    if not part.snomed_note.strip():
        yield place.error("snomed_note", "The code's own name is missing.", "Write it as it was read.")
    if codes.setdefault(part.snomed, part.key) != part.key:
        yield place.error("snomed", f"The code `{part.snomed}` already means `{codes[part.snomed]}`.")


def _check_concept(knowledge: Knowledge) -> Findings:
    concept = knowledge.concepts.get(_SYMPTOM)
    if concept is None or concept.kind != "statement" or not concept.free_text:
        place = Place("concepts.toml", f"concept.{_SYMPTOM}")
        yield place.error("kind", "Symptoms need the concept `symptom`, a statement in free text.", "Add it.")


def _check_rules(knowledge: Knowledge) -> Findings:
    for scale in knowledge.scales.values():
        for criterion in scale.criteria:
            yield from _check_asked(criterion.when, place_in(scale, f"criterion.{criterion.id}"), knowledge)
        for flag in scale.flag_rules:
            yield from _check_asked(flag.when, place_in(scale, f"flag.{flag.id}"), knowledge)
    for key, part in knowledge.lookalikes.items():
        for fact in part.facts:
            place = Place("lookalikes.toml", f"lookalike.{key}.fact.{fact.id}")
            yield from _check_asked(fact.when, place, knowledge)


def _check_asked(when: Node, place: Place, knowledge: Knowledge) -> Findings:
    """A rule asks for keys: an alias becomes its key when a row is admitted, and would never be found."""
    asked = [part for part in walk(when) if isinstance(part, In) and part.concept == _SYMPTOM]
    for name in (name for part in asked for name in part.categories):
        meant = knowledge.symptom_aliases.get(fold(name))
        if name in knowledge.symptoms:
            continue
        if meant:
            yield place.error("when", f"{name!r} is an alias of the symptom `{meant}`.", f"Write `{meant}`.")
        else:
            text = f"{name!r} is no symptom of symptoms.toml: only this very text would be found."
            yield place.warning("when", text, "Use a key, or add the symptom.")
