"""Does what patients are told hang together: the same keys in each language, no amount of a drug, nobody left out?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cytowatch.knowledge.education import ENGLISH, TITLED, EducationBlock, EducationLanguage
from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.symptoms import KEY, CitedRow
from cytowatch.knowledge.model import Knowledge

# A number with a unit of mass, volume or count of a drug, in any of the ways it is written; hours, days and °C pass.
AMOUNT = re.compile(
    r"\d[\d.,]*\s*(?:(?:m|µ|μ|mc|k|n)?g|m?l|cc|iu|ui|units?|unidades|"
    r"milli\w*|micro\w*|milig\w*|mililit\w*|tablets?|tabletas?|pills?|pastillas?|capsules?|cápsulas?|drops?|gotas?)\b"
    r"|\b(?:mg|mcg|µg|ml)\s*/"
    r"|\b(?:half|one|two|three|four|media|una?|dos|tres|cuatro)\s+"
    r"(?:tablets?|tabletas?|pills?|pastillas?|capsules?|cápsulas?|drops?|gotas?)\b",
    re.IGNORECASE,
)
# what the page itself fills in
_GIVEN = {"product", "number", "total", "edition", "date"}
# every product is told something under each of these, on every day
_NEEDED = ("red_flags", "key_points", "what", "when", "temperature", "driving", "partner", "questions", "card")
# a sentence of more words is hard to read; Spanish needs a few more
_MOST_WORDS = 22
_OPEN = re.compile(r"\{(\w*)\}")


def check_education(knowledge: Knowledge) -> Findings:
    """Blocks, languages against each other, and every product."""
    for block in knowledge.education.blocks.values():
        yield from _check_block(block, knowledge)
    for language in knowledge.education.languages.values():
        yield from _check_language(language, knowledge)
    if knowledge.education.blocks:
        yield from _check_products(knowledge)


def education_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every block."""
    for key, block in knowledge.education.blocks.items():
        yield _place(key), block.cited.source, block.cited.locator, block.cited.evidence


def _place(key: str) -> Place:
    return Place("education/blocks.toml", f"block.{key}")


def _check_block(block: EducationBlock, knowledge: Knowledge) -> Findings:
    place = _place(block.id)
    if not KEY.fullmatch(block.id):
        yield place.error("text", f"The key `{block.id}` is not snake_case.", "Lower case, words joined by `_`.")
    for name in sorted(set(block.groups) - set(knowledge.education.groups)):
        yield place.error("groups", f"There is no group `{name}`.", "Add it under [group], or correct it.")
    for name in sorted(set(block.products) - set(knowledge.products)):
        yield place.error("products", f"There is no product `{name}`.", "Use a key of products/.")
    start, end = block.effective_from, block.effective_to
    if start and end and start >= end:
        yield place.error("effective_to", "It ends before it begins.", "Correct one of the two days.")
    if any(AMOUNT.search(value) for value in block.values.values()):
        yield place.error("values", "It names an amount of a drug.", "Hours, days and weeks only.")


def _check_language(language: EducationLanguage, knowledge: Knowledge) -> Findings:
    place = Place(f"education/{language.code}.toml", "text")
    first = next(iter(knowledge.education.languages.values()))
    yield from _same_keys(place, "words", set(language.words), set(first.words))
    blocks = knowledge.education.blocks.values()
    yield from _same_keys(place, "text", set(language.texts), {block.text for block in blocks})
    yield from _same_keys(place, "sections", set(language.sections), {block.section for block in blocks})
    shown = knowledge.education.symptoms
    known = [key for key in shown if key in knowledge.symptoms]
    yield from _same_keys(place, "symptoms", set(known), set(shown))
    yield from _same_keys(place, "symptoms", set(language.symptoms), set() if language.code == ENGLISH else set(shown))
    yield from _same_keys(place, "products", set(language.products), set(first.products) & set(knowledge.products))
    systems: set[str] = {knowledge.symptoms[key].system for key in known}
    yield from _same_keys(place, "systems", set(language.systems) & systems, systems)
    for text_key, first_text in first.words.items():
        yield from _same_open(place, text_key, first_text, language.words.get(text_key, first_text))
    for block in blocks:
        if block.text in language.texts:
            yield from _check_words(place, block, language)
    for key, text in _every_text(language):
        yield from _check_text(place, key, text)


def _same_keys(place: Place, table: str, found: set[str], wanted: set[str]) -> Findings:
    inner = Place(place.file, table)
    for key in sorted(wanted - found):
        yield inner.error(key, f"`{key}` has no words here.", "Add them: every language says the same.")
    for key in sorted(found - wanted):
        yield inner.error(key, f"`{key}` is not used.", "Take it out, or add it in blocks.toml.")


def _same_open(place: Place, key: str, one: str, other: str) -> Findings:
    if set(_OPEN.findall(one)) != set(_OPEN.findall(other)):
        yield Place(place.file, "words").error(key, "It leaves open other places than the first language.")


def _check_words(place: Place, block: EducationBlock, language: EducationLanguage) -> Findings:
    words = language.texts[block.text]
    if bool(words.title) != (block.kind in TITLED):
        yield place.error(block.text, f"A {block.kind} has {'a' if block.kind in TITLED else 'no'} title.")
    opened = set(_OPEN.findall(words.title + words.text))
    for name in sorted(opened - _GIVEN - set(block.values)):
        yield place.error(block.text, f"`{{{name}}}` is never filled.", "Give it under `values` of the block.")
    for name in sorted(set(block.values) - opened):
        yield place.error(block.text, f"The value `{name}` of `{block.id}` is not told.", f"Write {{{name}}}.")


def _every_text(language: EducationLanguage) -> Iterator[tuple[str, str]]:
    yield from language.words.items()
    yield from language.sections.items()
    yield from language.systems.items()
    yield from language.symptoms.items()
    for key, words in language.texts.items():
        yield key, words.title
        yield key, words.text


def _check_text(place: Place, key: str, text: str) -> Findings:
    if AMOUNT.search(text):
        yield place.error(key, "It names an amount of a drug.", "A handout never does: the team says how much.")
    if any(len(sentence.split()) > _MOST_WORDS for sentence in re.split(r"[.?!:] ", text)):
        yield place.warning(key, f"A sentence has more than {_MOST_WORDS} words.", "Cut it in two.")


def _check_products(knowledge: Knowledge) -> Findings:
    """Every product belongs to one group, and no day leaves it without a needed section."""
    education = knowledge.education
    turns = {day for part in education.blocks.values() for day in (part.effective_from, part.effective_to) if day}
    for key, product in knowledge.products.items():
        place = Place("education/blocks.toml", "group")
        groups = [name for name, classes in education.groups.items() if product.product_class in classes]
        if len(groups) != 1:
            text = f"`{product.product_class}` of `{key}` is in {len(groups)} groups."
            yield place.error("classes", text, "Name each class of products in one group.")
            continue
        told = [part for part in education.blocks.values() if part.is_for(key, groups[0])]
        # before the first turn, from each turn on, and the newest
        for day in (*({min(turns).replace(year=1900)} if turns else ()), *sorted(turns), None):
            there = {part.section for part in told if part.holds_on(day)}
            for section in (name for name in _NEEDED if name not in there):
                yield place.error(section, f"`{key}` is told nothing under `{section}` ({day or 'newest'}).")
        yield from _check_overlap(told, key)


def _check_overlap(told: list[EducationBlock], product: str) -> Findings:
    """Two versions of one rule must not hold on the same day."""
    same: dict[tuple[str, str], list[EducationBlock]] = {}
    for part in told:
        if part.effective_from or part.effective_to:
            same.setdefault((part.section, part.text), []).append(part)
    for parts in same.values():
        ordered = sorted(parts, key=lambda part: str(part.effective_from or ""))
        for before, after in pairwise(ordered):
            if before.effective_to is None or (after.effective_from and before.effective_to > after.effective_from):
                yield _place(after.id).error(
                    "effective_from", f"It overlaps with `{before.id}` for `{product}`.", "Let one end as it begins."
                )
