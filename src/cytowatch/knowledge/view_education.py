"""Education as a person reads it: every block with its words, for whom it is, its source and how it is known."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.education import EducationBlock, EducationLanguage, Wording
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.view_scale import table

_PREFIX = "education."


def education_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each language: kind, id, title, source, evidence."""
    for code, part in knowledge.education.languages.items():
        yield "education", f"{_PREFIX}{code}", f"Handout and wallet card, {part.name}", "", ""


def education_parts(knowledge: Knowledge, name: str) -> list[str] | None:
    """The title and the parts of `education.<language>`; None for any other name."""
    language = knowledge.education.languages.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
    if language is None:
        return None
    head = [
        f"{language.words.get('title', language.name)} (`{_PREFIX}{language.code}`)",
        "Not verified by a clinician. `recalled` was not read in a source, and the handout says so.",
    ]
    return [*head, *sections(knowledge, language)]


def sections(knowledge: Knowledge, language: EducationLanguage) -> Iterator[str]:
    """A title and a table for each section, in the order of the blocks."""
    by_section: dict[str, list[EducationBlock]] = {}
    for block in knowledge.education.blocks.values():
        by_section.setdefault(block.section, []).append(block)
    for key, blocks in by_section.items():
        yield f"## {language.sections.get(key, key)}"
        head = ("block", "words", "for", "holds", "evidence", "source, locator")
        yield table(head, (_row(block, language) for block in blocks))


def _row(block: EducationBlock, language: EducationLanguage) -> tuple[str, ...]:
    # a language that a site has begun may lack words; lint says so
    words = language.texts.get(block.text, Wording(""))
    text = f"{words.title} {words.text}".strip()
    for key, value in block.values.items():
        text = text.replace(f"{{{key}}}", value)
    days = [f"from {block.effective_from}"] if block.effective_from else []
    days += [f"before {block.effective_to}"] if block.effective_to else []
    whom = ", ".join((*block.groups, *block.products)) or "everybody"
    cited = f"{block.cited.source}, {block.cited.locator}"
    return f"`{block.id}`", text, whom, ", ".join(days), block.cited.evidence, cited
