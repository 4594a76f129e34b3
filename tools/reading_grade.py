"""Measure how hard the handouts are to read: ``python tools/reading_grade.py [--check]``, by the formulas of textstat.

English: Flesch-Kincaid and SMOG, both in school grades. Spanish: Fernández-Huerta and Szigriszt-Pazos (more is easier)
and Crawford (years of school). Measured is what a patient reads: every line of every product, but the wallet card,
which is for staff, and the list of sources. A section is measured alone where it has enough words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import textstat  # type: ignore[import-untyped]  # the library has no annotations

from cytowatch.handout.make import handout
from cytowatch.handout.model import Handout, Section
from cytowatch.knowledge import Knowledge, load

# below this a formula says little of a section; SMOG was made for 30 sentences and more
FEWEST_WORDS, FEWEST_SENTENCES = 50, 30
PHONE = "555 0100"
WHOLE = "all"


@dataclass(frozen=True)
class Formula:
    """A formula of readability: what it gives, the limit, and on which side of it a text is easy."""

    name: str
    of: Callable[[str], float]
    limit: float
    more_is_easier: bool = False
    meaning: str = ""

    def passes(self, value: float) -> bool:
        """Whether a text is easy enough."""
        return value >= self.limit if self.more_is_easier else value <= self.limit


FORMULAS = {
    "en": (
        Formula("Flesch-Kincaid", textstat.flesch_kincaid_grade, 6, meaning="grade 6"),
        Formula("SMOG", textstat.smog_index, 6, meaning="grade 6"),
    ),
    "es": (
        Formula("Fernández-Huerta", textstat.fernandez_huerta, 80, True, "easy: school year 5"),
        Formula("Szigriszt-Pazos", textstat.szigriszt_pazos, 75, True, "easy; 65 to 80 is 'quite easy' on INFLESZ"),
        Formula("Crawford", textstat.crawford, 6, meaning="6 years of school"),
    ),
}


def words_of(section: Section) -> str:
    """What is read in a section, a sentence after the other."""
    return " ".join(f"{line.title} {line.text}".strip() for line in section.lines)


def sections_of(content: Handout) -> Iterator[tuple[str, str]]:
    """Each section by its key; the parts of the body belong to the symptoms."""
    for section in content.sections:
        text = words_of(section)
        if section.key == "symptoms":
            text = " ".join([text, *(line for part in content.body for line in part.lines)])
        yield section.key, text


def measures(knowledge: Knowledge, language: str, product: str) -> Iterator[tuple[str, Formula, float]]:
    """The whole handout by every formula, and each section by those that it has enough text for."""
    textstat.set_lang(language)
    texts = dict(sections_of(handout(product, phone=PHONE, language=language, knowledge=knowledge).content))
    for part, text in {WHOLE: " ".join(texts.values()), **texts}.items():
        long = len(text.split()) >= FEWEST_WORDS
        sentences = textstat.sentence_count(text)
        for formula in FORMULAS[language]:
            if long and (formula.name != "SMOG" or sentences >= FEWEST_SENTENCES):
                yield part, formula, formula.of(text)


def hardest(knowledge: Knowledge, language: str, products: list[str]) -> Iterator[tuple[str, Formula, float, str]]:
    """Of each part and formula the hardest over the products, and of which product it is."""
    found: dict[tuple[str, str], tuple[Formula, float, str]] = {}
    for product in products:
        for part, formula, value in measures(knowledge, language, product):
            before = found.get((part, formula.name))
            harder = min if formula.more_is_easier else max
            if before is None or (value != before[1] and harder(value, before[1]) == value):
                found[part, formula.name] = (formula, value, product)
    for (part, _), (formula, value, product) in found.items():
        yield part, formula, value, product


def rows(knowledge: Knowledge) -> Iterator[str]:
    """The whole handouts as rows of the table in docs/how-to/handout.md."""
    for language in FORMULAS:
        for part, formula, value, _ in hardest(knowledge, language, list(knowledge.products)):
            if part == WHOLE:
                limit = f"{'at least' if formula.more_is_easier else 'at most'} {formula.limit:g}"
                yield f"| {language} | {formula.name} | {value:.1f} | {limit} | {formula.meaning} |"


def main() -> None:
    """Print the hardest of every part; with --check, fail where one is too hard."""
    knowledge = load()
    failed = 0
    for language in FORMULAS:
        print(f"{language}: the hardest over {len(knowledge.products)} products")
        for part, formula, value, product in hardest(knowledge, language, list(knowledge.products)):
            ok = formula.passes(value)
            failed += not ok
            limit = f"{'at least' if formula.more_is_easier else 'at most'} {formula.limit:g}"
            print(f"  {part:12} {formula.name:17} {value:6.1f}  {limit:12} {'' if ok else 'TOO HARD':9} {product}")
    if "--check" in sys.argv[1:] and failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
