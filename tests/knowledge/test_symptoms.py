"""The table of symptoms: what it holds, and what lint says of a wrong row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytowatch.errors import ArgumentError
from cytowatch.knowledge import Knowledge, list_items, load, show
from cytowatch.knowledge.lint.sources import check_sources
from cytowatch.knowledge.lint.symptoms import check_symptoms
from cytowatch.knowledge.model import In, SeverityWords, Symptom
from cytowatch.knowledge.parse_symptom import SYSTEMS

FEVER = "fever"


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def changed(tables: Knowledge, key: str, **fields: object) -> Knowledge:
    """The tables with one symptom changed, or added as a copy of fever."""
    part = replace(tables.symptoms.get(key, tables.symptoms[FEVER]), key=key, **fields)
    return replace(tables, symptoms=tables.symptoms | {key: part})


def problems(tables: Knowledge) -> str:
    return "\n".join(map(str, check_symptoms(tables)))


def test_the_table_makes_sense(tables: Knowledge) -> None:
    assert problems(tables) == ""
    assert not [one for one in check_sources(tables) if one.file == "symptoms.toml"]


def test_the_table_covers_every_part_of_the_body(tables: Knowledge) -> None:
    assert {part.system for part in tables.symptoms.values()} == set(SYSTEMS)
    assert len(tables.symptoms) >= 25
    # the symptoms of grade 1 by Lee 2014, and those that the patient pages name
    assert tables.symptoms.keys() >= {"fever", "nausea", "fatigue", "headache", "myalgia", "malaise"}
    assert tables.symptoms.keys() >= {"chills", "dyspnea", "confusion", "tremor", "handwriting_change", "jaundice"}


def test_a_code_without_a_reading_is_left_out(tables: Knowledge) -> None:
    bare = [key for key, part in tables.symptoms.items() if not part.snomed]
    assert bare == ["infection_sign", "slurred_speech", "handwriting_change", "bruising"]
    assert all(tables.symptoms[key].snomed_evidence == "unverified" for key in bare)


def test_severity_is_that_of_the_named_term(tables: Knowledge) -> None:
    words = tables.symptoms["diarrhea"].severity
    assert isinstance(words, SeverityWords)
    assert (words.source, words.locator, words.evidence) == ("ctcae_5", "term Diarrhea, grades 1 to 3", "primary")
    assert "4 to 6 stools" in words.moderate
    fainting = tables.symptoms["fainting"].severity
    assert fainting is not None
    assert (fainting.mild, fainting.moderate) == ("", "")


@pytest.mark.parametrize(
    ("key", "fields", "says"),
    [
        ("nausea", {"aliases": ("chills",)}, "already means"),
        ("nausea", {"aliases": ("Shortness  of breath",)}, "already means"),
        ("nausea", {"snomed": "422587008"}, "check digit"),
        ("nausea", {"snomed": "386661006"}, "already means `fever`"),
        ("nausea", {"snomed_evidence": "unverified"}, "was not read"),
        ("nausea", {"snomed_note": ""}, "own name is missing"),
        ("nausea", {"plain": " "}, "plain is empty"),
        ("nausea", {"plain": "very " * 16}, "more than 15 words"),
        ("nausea", {"severity": SeverityWords("", "", "", "ctcae_5", "term Nausea", "primary")}, "No word of severity"),
        ("Night_Sweats", {"aliases": (), "snomed": "", "snomed_evidence": "unverified"}, "not snake_case"),
    ],
)
def test_lint_finds_what_is_wrong(tables: Knowledge, key: str, fields: dict[str, object], says: str) -> None:
    assert says in problems(changed(tables, key, **fields))


def test_a_dead_source_is_found(tables: Knowledge) -> None:
    wrong = changed(tables, FEVER, source="nobody2020")
    assert [one.table for one in check_sources(wrong) if one.problem.startswith("The source `nobody2020`")] == [
        "symptom.fever"
    ]


def test_a_rule_that_asks_for_an_alias_would_never_be_met(tables: Knowledge) -> None:
    name = "infection_sepsis"
    part = tables.lookalikes[name]
    for asked, severity in (("shivering", "error"), ("levitation", "warning")):
        fact = replace(part.facts[0], when=In("symptom", ("nausea", asked)))
        wrong = replace(tables, lookalikes=tables.lookalikes | {name: replace(part, facts=(fact,))})
        (found,) = check_symptoms(wrong)
        assert (found.severity, asked in found.problem) == (severity, True)


def test_symptoms_need_their_concept(tables: Knowledge) -> None:
    concepts = {key: part for key, part in tables.concepts.items() if key != "symptom"}
    assert "concept `symptom`" in problems(replace(tables, concepts=concepts))


def test_a_symptom_is_listed_and_shown(tables: Knowledge) -> None:
    ids = [item.id for item in list_items(tables) if item.kind == "symptom"]
    assert len(ids) == len(tables.symptoms)
    page = show(tables, "symptom.Shortness of breath")
    assert page.startswith("# Short breath (`symptom.dyspnea`)")
    assert "267036007" in page
    assert "term Dyspnea" in page
    with pytest.raises(ArgumentError, match=r"symptom\.dyspnea"):
        show(tables, "symptom.dispnea")


def test_a_symptom_may_be_alone_in_its_words(tables: Knowledge) -> None:
    bare = Symptom("hiccups", "Hiccups", "You have hiccups.", "gut", "house", "contract, section 1", "house")
    with_it = replace(tables, symptoms=tables.symptoms | {"hiccups": bare})
    assert problems(with_it) == ""
    assert "unverified" in show(with_it, "symptom.hiccups")
