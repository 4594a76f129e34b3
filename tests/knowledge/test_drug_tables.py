"""The tables of drugs: deliberate faults are found and named, and every drug can be looked at."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import list_items, load, show
from cytowatch.knowledge.lint.drugs import check_drugs, drug_rows_cited
from cytowatch.knowledge.parse_drug_rows import formulary
from cytowatch.knowledge.shape import Document

KNOWLEDGE = load()
CITED = 'source = "house"\nlocator = "decision 0024"\nevidence = "house"\n'
DOSING = f'[drug.anakinra]\n{CITED}[[drug.anakinra.dosing]]\nid = "a"\nuse = "u"\namount = 100\n{CITED}'
NOTE = (
    f'[measure.ecmo]\nlabel = "ECMO"\n{CITED}[[measure.ecmo.note]]\nid = "a"\nabout = "use"\ntext = "Rarely."\n{CITED}'
)
STEROID = f'[steroid.dexamethasone]\nlabel = "D"\nconcept = "dexamethasone"\nequal = ["10"]\n{CITED}'
COUNT = (
    '[steroid_count.c]\nlabel = "C"\nleast_mg = 10\nfirst_day = 0\nlast_day = 21\ndays = 9\n'
    f'triggers = ["car_t_infusion"]\ntext = "T."\n{CITED}'
)
MEETING = (
    '[interaction.m]\nlabel = "M"\nkind = "check"\nsides = [["anakinra"], ["warfarin"]]\nwithin_hours = 24\n'
    f'why = "W."\naction = "A."\n{CITED}'
)
GROUP = f'[group.g]\nlabel = "G"\nconcepts = ["warfarin"]\n{CITED}'

# a sound table, what is put in place of what, and the words of the complaint
FAULTS = {
    "no amount": (DOSING, "amount = 100", "amount = 0", "no amount"),
    "amount the wrong way round": (DOSING, "amount = 100", "amount = [200, 100]", "no amount"),
    "unknown unit": (DOSING, "amount = 100", 'amount = 100\nunit = "drops"', "no unit"),
    "over what is accepted": (DOSING, "amount = 100", "amount = 9000", "over what is accepted"),
    "interval of nothing": (DOSING, "amount = 100", "amount = 100\nevery_hours = 0", "above 0"),
    "most of nothing": (DOSING, "amount = 100", "amount = 100\nmost = 0", "most of a dose"),
    "no sentence": (NOTE, "Rarely.", "Rarely", "no sentence"),
    "measure of an unknown concept": (NOTE, 'label = "ECMO"', 'label = "E"\nconcepts = ["lung"]', "`lung`"),
    "measure that is a drug": (NOTE, "measure.ecmo", "measure.anakinra", "drug as well"),
    "steroid that is no drug": (STEROID, 'concept = "dexamethasone"', 'concept = "crp"', "dose is needed"),
    "steroid of no strength": (STEROID, '["10"]', '["0"]', "above 0"),
    "reference of another strength": (STEROID, '["10"]', '["11"]', "10 mg of it"),
    "reference missing": (STEROID, "steroid.dexamethasone", "steroid.dexa", "missing"),
    "more days than there are": (COUNT, "days = 9", "days = 23", "cannot be counted"),
    "count after no trigger": (COUNT, '"car_t_infusion"', '"crp"', "trigger is needed"),
    "group of an unknown drug": (GROUP, '"warfarin"', '"rat_poison"', "no concept"),
    "group named as a concept": (GROUP, "group.g", "group.warfarin", "no concept has"),
    "side of an unknown drug": (MEETING, '["warfarin"]', '["warfarine"]', "no concept"),
    "drug on both sides": (MEETING, '["warfarin"]', '["anakinra"]', "both sides"),
    "one drug alone": (MEETING, ', ["warfarin"]', "", "by itself"),
    "more drugs than there are": (MEETING, ', ["warfarin"]]', "]\nat_least = 2", "different drugs"),
    "no hours": (MEETING, "within_hours = 24", "within_hours = 0", "more than 0 hours"),
    "after no trigger": (MEETING, "within_hours", 'after = ["crp"]\nwithin_hours', "trigger is needed"),
    "no reason": (MEETING, '"W."', '"W"', "sentences"),
    "fact of an unknown concept": (
        MEETING, "[interaction.m]", '[interaction.m]\nwhen = { concept = "x", op = "<", value = 1, unit = "%" }', "`x`",
    ),
}  # fmt: skip
# the same for what cannot be read at all
SHAPES = {
    "unknown key of a dosing": (DOSING, "amount = 100", "amount = 100\nmaximum = 1", "maximum"),
    "amount as text": (DOSING, "amount = 100", 'amount = "100"', "amount"),
    "row twice": (
        DOSING,
        "[[drug",
        f'[[drug.anakinra.dosing]]\nid = "a"\nuse = "v"\namount = 1\n{CITED}[[drug',
        "twice",
    ),
    "unknown word": (NOTE, '"use"', '"dose"', "about"),
    "strength that is no number": (STEROID, '["10"]', '["ten"]', "equal"),
    "three strengths": (STEROID, '["10"]', '["10", "11", "12"]', "equal"),
    "sides that are no lists": (MEETING, '[["anakinra"], ["warfarin"]]', '["anakinra"]', "sides"),
    "sides of numbers": (MEETING, '["warfarin"]', "[1]", "sides"),
    "unknown key of an interaction": (MEETING, "within_hours = 24", "within_hours = 24\ndays = 1", "days"),
}


def complaints(text: str) -> list[str]:
    """What the lint says of one file of drugs in place of the package's."""
    document = Document("drugs/x.toml", tomllib.loads(text), ())
    return [f.problem for f in check_drugs(replace(KNOWLEDGE, formulary=formulary([document], {})))]


@pytest.mark.parametrize("text", [DOSING, NOTE, COUNT, GROUP, MEETING])
def test_what_the_faults_are_put_into_is_sound(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    text, old, new, said = FAULTS[name]
    assert old in text
    found = complaints(text.replace(old, new))
    assert [problem for problem in found if said in problem], found


@pytest.mark.parametrize("name", SHAPES)
def test_a_wrong_shape_is_refused_with_its_place(name: str) -> None:
    text, old, new, said = SHAPES[name]
    assert old in text
    with pytest.raises(KnowledgeError, match=said) as raised:
        complaints(text.replace(old, new))
    assert "drugs/x.toml" in raised.value.where


def test_a_steroid_that_is_counted_has_a_strength() -> None:
    assert any("policy `steroids`" in problem for problem in complaints(STEROID))


def test_no_row_in_two_files() -> None:
    documents = [Document(f"drugs/{name}.toml", tomllib.loads(GROUP), ()) for name in ("x", "y")]
    with pytest.raises(KnowledgeError, match="two files"):
        formulary(documents, {})


def test_the_strength_of_steroids_is_that_of_the_standard_table_and_said_to_be_recalled() -> None:
    found = KNOWLEDGE.formulary.steroids
    # 0.75 mg of dexamethasone, 4 of methylprednisolone, 5 of prednisone, 20 of hydrocortisone; or 50 to 10
    expected = {"methylprednisolone": (50, Fraction(160, 3)), "prednisone": (Fraction(200, 3),) * 2}
    expected["hydrocortisone"] = (Fraction(800, 3),) * 2
    assert {key: part.equal for key, part in found.items() if key != "dexamethasone"} == expected
    assert {part.cited.evidence for key, part in found.items() if key != "dexamethasone"} == {"recalled"}


def test_every_drug_measure_and_interaction_can_be_shown_with_all_its_rows() -> None:
    for item in list_items(KNOWLEDGE):
        if item.kind in ("drug", "interaction"):
            assert item.title in show(KNOWLEDGE, item.id)
    said = show(KNOWLEDGE, "drug.tocilizumab")
    rows = KNOWLEDGE.formulary.rows["tocilizumab"]
    for text in (*(part.use for part in rows.dosings), *(part.text for part in rows.notes), "800", "in_24_h"):
        assert text in said
    assert "10 mg of dexamethasone: 50 to 53.33 mg" in show(KNOWLEDGE, "drug.methylprednisolone")


def test_every_row_is_on_the_reference_page() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/reference/drugs.md").read_text("utf-8")
    assert [
        cited.locator for _, cited in drug_rows_cited(KNOWLEDGE) if cited.locator.replace("|", "\\|") not in page
    ] == []


def test_a_site_adds_an_interaction(tmp_path: Path) -> None:
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "site.toml").write_text(MEETING, encoding="utf-8")
    tables = load(tmp_path)
    assert "m" in tables.formulary.interactions
    assert list(check_drugs(tables)) == []


@pytest.mark.parametrize(
    ("drug", "dosing", "route", "population"),
    [
        ("dexamethasone", "premedication_miami", "not read", "adult"),
        ("dexamethasone", "parkinsonism", "not read", "any"),
        ("dexamethasone", "tebentafusp", "not read", "any"),
        ("dexamethasone", "hlh", "not read", "any"),
        ("diphenhydramine", "premedication_miami", "not read", "adult"),
        ("acetaminophen", "premedication_miami", "not read", "adult"),
        ("dexamethasone", "by_grade", "intravenous", "adult"),
        ("acetaminophen", "engager_ward", "by mouth", "adult"),
        ("anakinra", "add_on", "subcutaneous or intravenous, as the rule says", "adult"),
    ],
)
def test_a_route_that_was_not_read_says_so_and_doses_of_guidelines_for_adults_are_for_adults(
    drug: str, dosing: str, route: str, population: str
) -> None:
    found = next(part for part in KNOWLEDGE.formulary.rows[drug].dosings if part.id == dosing)
    assert (found.route, found.population) == (route, population)
