"""What one handout says: the blocks that hold for a product, a language and a day, with every word filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from cytowatch.knowledge.education import ENGLISH, EducationBlock, EducationLanguage
from cytowatch.knowledge.model import Knowledge, Product

INFECTION = "infection"
CARD = "card"
# what a patient reads on the wallet card: few lines, each read in a source
CARD_CALLS = ("red_fever", "red_breath", "red_faint", "red_mind", "red_hands")

# a number and its sign stay on one line
_UNIT = re.compile(r"(\d) (°|%)")


@dataclass(frozen=True)
class Line:
    """One thing that is told; ``marked`` where it was not read in a source."""

    id: str
    kind: str
    text: str
    title: str
    marked: bool


@dataclass(frozen=True)
class Section:
    """A title and its lines, in order."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class BodyPart:
    """A part of the body and what may be felt there."""

    key: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Handout:
    """A handout and its wallet card, in words; drawn by ``page`` and ``pdf``."""

    language: str
    product: str  # its name in a sentence
    phone: str  # empty: a line to write on
    center: str
    for_whom: str
    say: str
    as_of: str
    words: dict[str, str]
    sections: tuple[Section, ...]
    body: tuple[BodyPart, ...]
    card_staff: tuple[Line, ...]
    # the same for staff who read English, where the patient reads another language
    card_english: tuple[Line, ...]
    card_english_title: str
    card_calls: tuple[str, ...]
    sources: tuple[str, ...]
    day: date

    def section(self, key: str) -> Section:
        """One section; empty lines where this product has none of it."""
        return next((part for part in self.sections if part.key == key), Section(key, "", ()))

    def of_kind(self, kind: str) -> tuple[Line, ...]:
        """The red flags of a kind: `call`, `emergency` or `note`."""
        return tuple(line for line in self.section("red_flags").lines if line.kind == kind)


def build(knowledge: Knowledge, product: Product, language: str, phone: str, center: str, day: date | None) -> Handout:
    """The handout of a product in a language, as the rules stood on ``day``; without one, the newest rules."""
    education = knowledge.education
    tongue = education.languages[language]
    group = education.group_of(product.product_class)
    told = [part for part in education.blocks.values() if part.is_for(product.key, group) and part.holds_on(day)]
    given = {"product": _name(product, tongue), "edition": f"{knowledge.version}#{knowledge.digest[:8]}"}
    given["date"] = day.isoformat() if day else ""
    english = education.languages.get(ENGLISH)
    also_english = english if english is not None and language != ENGLISH else None
    words = {key: _fill(text, given) for key, text in tongue.words.items()}
    sick = group == INFECTION
    return Handout(
        language=language,
        product=given["product"],
        phone=phone,
        center=center,
        for_whom=words["for_infection" if sick else "for_product"],
        say=words["say_infection" if sick else "say"],
        as_of=words["about_date" if day else "about_newest"],
        words=words,
        sections=_sections([part for part in told if part.section != CARD], tongue, given),
        body=_body(knowledge, tongue),
        card_staff=_lines([part for part in told if part.section == CARD], tongue, given),
        card_english=_english_card(told, product, also_english),
        card_english_title=also_english.words["card_staff"] if also_english else "",
        card_calls=tuple(_fill(tongue.texts[key].text, {}) for key in CARD_CALLS if key in tongue.texts),
        sources=_sources(told, knowledge),
        day=day or education.newest_change() or date(1970, 1, 1),
    )


def _english_card(told: list[EducationBlock], product: Product, english: EducationLanguage | None) -> tuple[Line, ...]:
    if english is None:
        return ()
    return _lines([part for part in told if part.section == CARD], english, {"product": _name(product, english)})


def _name(product: Product, language: EducationLanguage) -> str:
    """A product's name inside a sentence, with its first brand."""
    if product.key in language.products:
        return language.products[product.key]
    label = product.label
    label = label[0].lower() + label[1:] if label[1:2].islower() else label
    return f"{label} ({product.brands[0]})" if product.brands else label


def _fill(text: str, given: dict[str, str]) -> str:
    """Put what is given into its places; other places stay open."""
    for key, value in given.items():
        text = text.replace(f"{{{key}}}", value)
    return _UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


def _lines(blocks: list[EducationBlock], language: EducationLanguage, given: dict[str, str]) -> tuple[Line, ...]:
    found = []
    for part in blocks:
        words, values = language.texts[part.text], given | part.values
        marked = part.cited.evidence == "recalled"
        found.append(Line(part.id, part.kind, _fill(words.text, values), _fill(words.title, values), marked))
    return tuple(found)


def _sections(blocks: list[EducationBlock], language: EducationLanguage, given: dict[str, str]) -> tuple[Section, ...]:
    keys = dict.fromkeys(part.section for part in blocks)
    return tuple(
        Section(key, language.sections[key], _lines([part for part in blocks if part.section == key], language, given))
        for key in keys
    )


def _body(knowledge: Knowledge, language: EducationLanguage) -> tuple[BodyPart, ...]:
    parts: dict[str, list[str]] = {}
    for key in knowledge.education.symptoms:
        symptom = knowledge.symptoms[key]
        parts.setdefault(symptom.system, []).append(language.symptoms.get(key, symptom.plain))
    return tuple(BodyPart(system, language.systems[system], tuple(lines)) for system, lines in parts.items())


def _sources(told: list[EducationBlock], knowledge: Knowledge) -> tuple[str, ...]:
    """Titles of the sources behind what is told and was read; not our own choices."""
    keys = dict.fromkeys(part.cited.source for part in told if part.cited.evidence in ("primary", "secondary"))
    found = (knowledge.sources[key] for key in keys if key in knowledge.sources)
    return tuple(f"{part.title}. {part.citation}" if part.citation else part.title for part in found)
