"""How hard the handouts are to read, by two formulas in English and three in Spanish."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cytowatch.knowledge import load

ROOT = Path(__file__).parent.parent.parent
TABLES = load()
# one of each group; `tools/reading_grade.py --check` measures all
PRODUCTS = ["tisagenlecleucel", "tarlatamab", "blinatumomab", "tebentafusp", "rituximab", "nivolumab", "covid_19"]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    pytest.importorskip("textstat", reason="textstat is not installed: reading was not measured")
    found = importlib.util.spec_from_file_location("reading_grade", ROOT / "tools" / "reading_grade.py")
    assert found
    assert found.loader
    made = importlib.util.module_from_spec(found)
    sys.modules["reading_grade"] = made
    found.loader.exec_module(made)
    return made


@pytest.mark.parametrize("language", ["en", "es"])
def test_whole_handouts_and_long_sections_are_easy(tool: ModuleType, language: str) -> None:
    measured = list(tool.hardest(TABLES, language, PRODUCTS))
    hard = [(part, formula.name, value) for part, formula, value, _ in measured if not formula.passes(value)]
    assert hard == []
    names = {formula.name for _, formula, _, _ in measured}
    assert names == {formula.name for formula in tool.FORMULAS[language]}
    assert {"all", "red_flags", "questions", "temperature"} <= {part for part, _, _, _ in measured}


def test_a_hard_text_is_noticed(tool: ModuleType) -> None:
    hard = {
        "en": "Subsequent administration of immunosuppressive medication necessitates consideration. ",
        "es": "La administración subsiguiente de medicamentos inmunosupresores requiere consideración. ",
    }
    for language, sentence in hard.items():
        text = sentence * 30
        tool.textstat.set_lang(language)
        assert [formula.name for formula in tool.FORMULAS[language] if formula.passes(formula.of(text))] == []


def test_the_page_says_what_is_measured(tool: ModuleType) -> None:
    page = (ROOT / "docs/how-to/handout.md").read_text(encoding="utf-8")
    assert [row for row in tool.rows(TABLES) if row not in page] == []


def test_sentences_in_english_stay_under_sixteen_words_but_for_the_two_numbers_that_belong_together() -> None:
    long = {
        key
        for key, words in TABLES.education.languages["en"].texts.items()
        for sentence in words.text.replace("? ", ". ").split(". ")
        if len(sentence.split()) > 15
    }
    assert long == {"red_pressure"}
