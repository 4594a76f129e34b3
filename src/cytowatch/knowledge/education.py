"""What patients and care partners are told, in memory: blocks with their sources, and their words in each language."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from cytowatch.knowledge.advice import Cited

BlockKind = Literal["call", "emergency", "note", "step", "text", "item", "row", "question", "card"]
# the language whose words of symptoms are those of symptoms.toml, and that staff read on a card in another language
ENGLISH = "en"
# kinds whose words are a title and a text
TITLED: tuple[BlockKind, ...] = ("row", "question")


@dataclass(frozen=True)
class EducationBlock:
    """One thing that is told: to whom, from when to when, and where it stands; its words are in the languages."""

    id: str
    section: str
    kind: BlockKind
    text: str  # key of its words
    values: dict[str, str]  # what its words leave open
    groups: tuple[str, ...]
    products: tuple[str, ...]
    effective_from: date | None
    effective_to: date | None  # the first day on which it holds no longer
    cited: Cited

    def is_for(self, product: str, group: str) -> bool:
        """Whether it is told after this product; a block that names neither groups nor products is for everybody."""
        return not (self.groups or self.products) or group in self.groups or product in self.products

    def holds_on(self, day: date | None) -> bool:
        """Whether it holds on a day; without a day, whether it is the newest rule."""
        if day is None:
            return self.effective_to is None
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_to is None or day < self.effective_to)


@dataclass(frozen=True)
class Wording:
    """The words of a block; a title only for rows and questions."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class EducationLanguage:
    """One language: its own name, the words of the page, titles of sections, and the words of every block."""

    code: str
    name: str
    words: dict[str, str]
    sections: dict[str, str]
    systems: dict[str, str]
    texts: dict[str, Wording]
    symptoms: dict[str, str]  # empty in English, whose words are those of symptoms.toml
    products: dict[str, str]  # names of triggers that their label does not fit in a sentence


@dataclass(frozen=True)
class Education:
    """All tables of education."""

    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)  # classes of products that are told the same
    symptoms: tuple[str, ...] = ()
    blocks: dict[str, EducationBlock] = field(default_factory=dict)
    languages: dict[str, EducationLanguage] = field(default_factory=dict)

    def group_of(self, product_class: str) -> str:
        """The group of a class of products; empty if it belongs to none."""
        return next((name for name, classes in self.groups.items() if product_class in classes), "")

    def newest_change(self) -> date | None:
        """The latest day on which a rule began; None where no rule has a day."""
        return max((part.effective_from for part in self.blocks.values() if part.effective_from), default=None)
