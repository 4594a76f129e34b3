"""What a person says: known symptoms under their key, everything else as it is."""

from __future__ import annotations

import polars as pl
import pytest

from cytowatch.adapters import Admission, admit
from cytowatch.knowledge import load

KNOWLEDGE = load()


def said(*rows: tuple[str | None, str | None]) -> Admission:
    """Admission of symptoms, each with its text and value."""
    frame = pl.DataFrame(
        [{"patient": "P", "hours": 1.0, "concept": "symptom", "text": text, "value": value} for text, value in rows],
        schema={"patient": pl.String, "hours": pl.Float64, "concept": pl.String, "text": pl.String, "value": pl.String},
    )
    return admit(frame, KNOWLEDGE, file="x.csv")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("nausea", "nausea"),
        ("Nausea ", "nausea"),
        ("feeling sick", "nausea"),
        ("Shortness of Breath", "dyspnea"),
        ("diarrhoea", "diarrhea"),
        ("nosebleed", "bleeding"),
        ("Epileptic fit", "seizure"),
        ("status epilepticus", "seizure"),
        ("lethargic", "sleepiness"),
        ("hard to wake", "sleepiness"),
        # the SNOMED code, as a system writes it instead of a name; any other number stays as it is
        ("91175000", "seizure"),
        (" 271782001 ", "sleepiness"),
        ("91175001", "91175001"),
        ("8 days of fever, nausea", "8 days of fever, nausea"),
        ("müde", "müde"),
    ],
)
def test_a_known_symptom_is_stored_under_its_key(text: str, key: str) -> None:
    found = said((text, None))
    assert found.rejects.is_empty()
    assert found.observations.select("text", "value", "unit").row(0) == (key, None, None)


def test_every_name_of_the_table_means_its_own_symptom() -> None:
    names = [(name, key) for key, part in KNOWLEDGE.symptoms.items() for name in (key, *part.aliases)]
    found = said(*((name, None) for name, _ in names))
    assert found.observations["text"].to_list() == [key for _, key in names]


def test_every_code_of_the_table_means_its_own_symptom() -> None:
    codes = [(part.snomed, key) for key, part in KNOWLEDGE.symptoms.items() if part.snomed]
    found = said(*((code, None) for code, _ in codes))
    assert len(codes) > 20
    assert found.observations["text"].to_list() == [key for _, key in codes]


def test_a_grade_beside_a_symptom() -> None:
    found = said(("chills", "1"), ("emesis", "4"))
    assert found.observations.select("text", "value", "unit").rows() == [
        ("chills", 1.0, "{grade}"),
        ("vomiting", 4.0, "{grade}"),
    ]


@pytest.mark.parametrize(
    ("text", "value", "rule"),
    [
        # absence is no symptom, and death is a concept of its own
        ("nausea", "0", "out_of_range"),
        ("nausea", "5", "out_of_range"),
        ("nausea", "1.5", "not_whole"),
        ("nausea", "severe", "not_a_number"),
        (None, "2", "missing_text"),
    ],
)
def test_what_is_no_graded_symptom(text: str | None, value: str, rule: str) -> None:
    assert said((text, value)).rejects["rule"].to_list() == [rule]
