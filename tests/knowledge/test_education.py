"""What patients are told: deliberate faults in its tables are found, and the package's own are sound."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import Knowledge, list_items, load, show
from cytowatch.knowledge.lint.education import check_education
from cytowatch.knowledge.load import TABLES
from cytowatch.knowledge.parse_education import BLOCKS, education
from cytowatch.knowledge.shape import Document

BASE = load()
EN, ES = "education/en.toml", "education/es.toml"
Content = dict[str, Any]
# questions that every patient or some of them must find answered
TOPICS = {
    "q_works", "q_long_car_t", "q_tocilizumab", "q_steroids", "q_steroids_cells", "q_drive", "q_work", "q_travel",
    "q_children", "q_vaccines", "q_pregnancy", "q_cost", "q_far", "q_cancer", "q_doctor", "q_stress", "what_crs",
}  # fmt: skip


def contents() -> dict[str, Content]:
    """The files of the package, read anew."""
    return {name: tomllib.loads((TABLES / name).read_text("utf-8")) for name in (BLOCKS, EN, ES)}


def with_change(name: str, change: Callable[[Content], object]) -> Knowledge:
    """The package's knowledge with one file of education changed."""
    files = contents()
    change(files[name])
    return replace(BASE, education=education({key: Document(key, part, ()) for key, part in files.items()}))


def put(*path: str, value: object) -> Callable[[Content], None]:
    """Set one key, deep in a file."""

    def change(content: Content) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Content], None]:
    """Take out one key."""

    def change(content: Content) -> None:
        for step in path[:-1]:
            content = content[step]
        del content[path[-1]]

    return change


FAULTS = {
    "words missing in one language": (ES, drop("text", "red_fever"), "red_fever", "no words here"),
    "words that nobody uses": (ES, put("text", "more", value="Más."), "more", "not used"),
    "a word of the page missing": (ES, drop("words", "say"), "say", "no words here"),
    "a section without a title": (EN, drop("sections", "driving"), "driving", "no words here"),
    "a symptom not translated": (ES, drop("symptoms", "fever"), "fever", "no words here"),
    "symptoms told twice": (EN, put("symptoms", value={"fever": "Hot."}), "fever", "not used"),
    "a part of the body without a name": (ES, drop("systems", "gut"), "gut", "no words here"),
    "an amount of a drug": (EN, put("text", "fever_hidden", value="Take 650 mg."), "fever_hidden", "amount of a drug"),
    "an amount in a question": (
        ES,
        put("text", "q_drive", value={"title": "¿Qué?", "text": "Tome una pastilla."}),
        "q_drive",
        "amount",
    ),
    "an amount as a value": (
        BLOCKS,
        put("block", "stay_teclistamab", "values", value={"hours": "48 mg"}),
        "values",
        "amount",
    ),
    "a place that is never filled": (EN, put("text", "red_fever", value="Call {who}."), "red_fever", "never filled"),
    "a value that is not told": (EN, put("text", "drive_weeks", value="Do not drive."), "drive_weeks", "not told"),
    "a place lost in translation": (ES, put("words", "as_page", value="x"), "as_page", "not used"),
    "a page word with other places": (ES, put("words", "page", value="Página {number}"), "page", "leaves open"),
    "a question without its question": (EN, put("text", "q_drive", value="Ask."), "q_drive", "title"),
    "an unknown group": (BLOCKS, put("block", "what_icans", "groups", value=["car_tt"]), "groups", "car_tt"),
    "an unknown product": (BLOCKS, put("block", "drive_ask", "products", value=["x"]), "products", "`x`"),
    "a class in no group": (BLOCKS, put("group", "immtac", "classes", value=[]), "classes", "immtac_gp100"),
    "a class in two groups": (
        BLOCKS,
        put("group", "immtac", "classes", value=["immtac_gp100", "infection"]),
        "classes",
        "2 groups",
    ),
    "a day on which nothing is told": (
        BLOCKS,
        put("block", "onset_antibody", "effective_from", value=date(2030, 1, 1)),
        "when",
        "2025-06-26",
    ),
    "a product that is told nothing": (BLOCKS, drop("block", "trigger_immtac"), "trigger_immtac", "not used"),
    "two rules on one day": (
        BLOCKS,
        put("block", "drive_before", "effective_to", value=date(2025, 7, 1)),
        "effective_from",
        "overlaps",
    ),
    "an end before the beginning": (
        BLOCKS,
        put("block", "drive_2025", "effective_to", value=date(2020, 1, 1)),
        "effective_to",
        "before it begins",
    ),
    "a sentence that is too long": (EN, put("text", "red_fever", value="so " * 30 + "."), "red_fever", "more than"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    file, change, key, said = FAULTS[name]
    found = list(check_education(with_change(file, change)))
    assert [part for part in found if part.key == key and said in part.problem], [str(part) for part in found]


def test_the_package_is_sound() -> None:
    assert list(check_education(BASE)) == []


def test_both_languages_have_the_same_keys() -> None:
    english, spanish = BASE.education.languages["en"], BASE.education.languages["es"]
    assert set(english.texts) == set(spanish.texts)
    assert set(english.words) == set(spanish.words)
    # nothing is left in English by mistake
    assert [key for key, words in spanish.texts.items() if words.text == english.texts[key].text] == []


def test_every_topic_is_there() -> None:
    assert set(BASE.education.blocks) >= TOPICS


def test_what_is_recalled_says_what_was_not_read_and_nothing_else_does() -> None:
    unread = ("not read", "no official list was read", "third-party")
    said = {
        key for key, block in BASE.education.blocks.items() if any(words in block.cited.locator for words in unread)
    }
    assert said == {key for key, block in BASE.education.blocks.items() if block.cited.evidence == "recalled"}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_language_is_shown_with_every_block_and_its_source(language: str) -> None:
    assert f"education.{language}" in [item.id for item in list_items(BASE)]
    page = show(BASE, f"education.{language}")
    for block in BASE.education.blocks.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{block.id}` |"))
        assert f"{block.cited.source}, {block.cited.locator}" in row
        assert f"| {block.cited.evidence} |" in row


def test_a_day_that_is_no_date_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="must be a date"):
        with_change(BLOCKS, put("block", "drive_2025", "effective_from", value="2025-06-26"))
