"""The look-alikes: what points to each can be computed, and lint says what is wrong with a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import Knowledge, diff, list_items, load, show
from cytowatch.knowledge.lint.lookalikes import check_lookalikes
from cytowatch.knowledge.lint.sources import check_sources
from cytowatch.knowledge.model import Compare, In, LookAlike, Running

NAMED = [
    "infection_sepsis",
    "neutropenic_fever",
    "iec_hs",
    "tumor_lysis",
    "infusion_reaction",
    "progression",
    "thromboembolism",
    "capillary_leak",
    "adrenal_insufficiency",
    "drug_fever",
    "cardiac",
    "coagulation",
    "icans_mimics",
]


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def problems(tables: Knowledge, part: LookAlike) -> str:
    wrong = replace(tables, lookalikes={part.key: part})
    return "\n".join(map(str, check_lookalikes(wrong)))


def test_the_table_makes_sense(tables: Knowledge) -> None:
    assert list(tables.lookalikes) == NAMED
    assert list(check_lookalikes(tables)) == []
    assert not [one for one in check_sources(tables) if one.file == "lookalikes.toml"]


def test_what_was_not_verified_is_recalled(tables: Knowledge) -> None:
    for key in ("capillary_leak", "adrenal_insufficiency", "drug_fever", "iec_hs"):
        assert tables.lookalikes[key].evidence == "recalled", key
    facts = {fact.id: fact for fact in tables.lookalikes["icans_mimics"].facts}
    assert facts["sodium_low"].evidence == "recalled"


def test_numbers_are_those_of_the_references(tables: Knowledge) -> None:
    infection = {fact.id: fact.when for fact in tables.lookalikes["infection_sepsis"].facts}
    assert infection["lactate_4"] == Compare("lactate", ">=", 4.0, "mmol/L")
    assert infection["neutropenia"] == Compare("neutrophils", "<", 0.5, "10*9/L")
    lysis = {fact.id: fact.when for fact in tables.lookalikes["tumor_lysis"].facts}
    assert lysis["uric_acid"] == Compare("uric_acid", ">=", 8.0, "mg/dL")
    assert lysis["potassium"] == Compare("potassium", ">=", 6.0, "mmol/L")


def test_a_fact_may_take_the_criterion_of_a_scale(tables: Knowledge) -> None:
    infection = {fact.id: fact.when for fact in tables.lookalikes["infection_sepsis"].facts}
    criteria = {part.id: part.when for part in tables.scales["crs.astct-2019"].criteria}
    assert infection["low_pressure"] == criteria["hypotension"]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (Compare("lactat", ">=", 4.0, "mmol/L"), "no concept `lactat`"),
        (Compare("lactate", ">=", 4.0, "mg/dL"), "not the canonical unit"),
        (Compare("lactate", ">=", 400.0, "mmol/L"), "outside the plausible range"),
        (In("blood_culture", ("contaminated",)), "no category `contaminated`"),
        (Running(("lactate",), 1), "a infusion is needed"),
    ],
)
def test_lint_finds_what_cannot_be_computed(tables: Knowledge, when: Compare | In | Running, says: str) -> None:
    part = tables.lookalikes["infection_sepsis"]
    assert says in problems(tables, replace(part, facts=(replace(part.facts[0], when=when),)))


def test_lint_wants_facts_and_a_work_up(tables: Knowledge) -> None:
    part = tables.lookalikes["progression"]
    assert "Nothing points to it" in problems(tables, replace(part, facts=()))
    supports = tuple(replace(fact, alone=False) for fact in part.facts)
    assert "only supports" in problems(tables, replace(part, facts=supports))
    assert "What would settle it" in problems(tables, replace(part, settles=()))
    assert "key in snake_case" in problems(tables, replace(part, key="Progression"))
    assert "id in snake_case" in problems(tables, replace(part, facts=(replace(part.facts[0], label=""),)))


def test_every_look_alike_is_listed_and_shown(tables: Knowledge) -> None:
    ids = [item.id for item in list_items(tables) if item.kind == "lookalike"]
    assert ids == [f"lookalike.{key}" for key in NAMED]
    for key, part in tables.lookalikes.items():
        page = show(tables, f"lookalike.{key}")
        assert "prove nothing" in page
        assert all(fact.label in page and fact.locator in page for fact in part.facts)
        assert all(one.name in page for one in part.settles)
        assert ("| supports |" in page) == any(not fact.alone for fact in part.facts)


def test_what_is_common_after_cells_is_no_finding_by_itself(tables: Knowledge) -> None:
    supports = {(key, fact.id) for key, part in tables.lookalikes.items() for fact in part.facts if not fact.alone}
    assert {("infection_sepsis", "neutropenia"), ("neutropenic_fever", "neutropenia")} <= supports
    assert {("iec_hs", "ldh_high"), ("progression", "ldh_high"), ("capillary_leak", "albumin_low")} <= supports
    # of tumor lysis the two laboratory signs within the days of its definition alone are enough
    assert [fact.id for fact in tables.lookalikes["tumor_lysis"].facts if fact.alone] == ["laboratory_tls"]


def overlay(folder: Path, content: str) -> Path:
    (folder / "lookalikes.toml").write_text(content, encoding="utf-8")
    return folder


def test_a_site_changes_one_fact(tables: Knowledge, tmp_path: Path) -> None:
    site = load(
        overlay(
            tmp_path,
            '[[lookalike.infection_sepsis.fact]]\nid = "lactate_4"\n'
            'when = { concept = "lactate", op = ">=", value = 2, unit = "mmol/L" }\n'
            '[[lookalike.infection_sepsis.not_encoded]]\ntext = "x"\nhandled = "y"\n',
        )
    )
    facts = {fact.id: fact for fact in site.lookalikes["infection_sepsis"].facts}
    assert facts["lactate_4"].when == Compare("lactate", ">=", 2.0, "mmol/L")
    assert len(facts) == len(tables.lookalikes["infection_sepsis"].facts)
    keys = [change.key for change in diff(tables, site)]
    assert "lookalikes.infection_sepsis.facts.lactate_4.when.value" in keys


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[lookalike.progression]\nlabl = 'x'\n", "`labl`"),
        ("[[lookalike.progression.fact]]\nid = 'new'\nlabel = 'x'\nwhen = { concepts = 'ldh' }\n", "no known word"),
        (
            "[[lookalike.progression.fact]]\nid = 'ldh_high'\nwhen = { criterion = 'crs.astct-2019.nothing' }\n",
            "no criterion",
        ),
    ],
)
def test_a_wrong_row_is_refused_by_file_and_key(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(KnowledgeError, match=says) as caught:
        load(overlay(tmp_path, content))
    assert "lookalikes.toml" in caught.value.where
