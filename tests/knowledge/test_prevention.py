"""Risk factors and interventions: gaps stay gaps, both sides of a conflict are there, and faults are found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytowatch.knowledge import Knowledge, load, show
from cytowatch.knowledge.lint.counted import counted
from cytowatch.knowledge.lint.prevention import check_prevention, prevention_rows
from cytowatch.knowledge.prevention import Effect, Intervention, RiskFactor
from cytowatch.knowledge.view_prevention import effect_words, result_row
from cytowatch.knowledge.view_products import NOT_VERIFIED


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def effect(tables: Knowledge, name: str) -> Effect:
    """One effect, named factor.effect."""
    factor, _, identifier = name.partition(".")
    return next(part for part in tables.prevention.factors[factor].effects if part.id == identifier)


@pytest.mark.parametrize(
    ("name", "direction", "words"),
    [
        ("age.crs", "no_effect", "no number given"),
        ("age.icans", "raises", "HR 1.65 (1.33 to 2.1); above 64 years"),
        ("age.crs_70", "no_effect", "no difference; p = 0.29; 70 years or more; scale not said"),
        ("bridging.neuro", "unclear", "HR 6.4 (0.82 to 50.1)"),
        ("ldh.neuro", "lowers", "HR 0.19 (0.04 to 0.89); normal against high"),
        ("ldh.crs_3", "unclear", "OR 3.05 (0.88 to 12.3)"),
        ("crs_present.neuro", "raises", "HR 22.48 (2.83 to 178.32)"),
        ("extramedullary_disease.elranatamab", "lowers", "47 % against 65 %"),
        ("easix.doubling", "raises", "OR 1.72 (1.26 to 2.46); each doubling"),
    ],
)
def test_an_effect_in_words(tables: Knowledge, name: str, direction: str, words: str) -> None:
    found = effect(tables, name)
    assert found.direction == direction
    assert effect_words(found).startswith(words)


@pytest.mark.parametrize("key", ["diabetes", "heart_disease", "obesity"])
def test_a_gap_is_not_called_no_effect(tables: Knowledge, key: str) -> None:
    (found,) = tables.prevention.factors[key].effects
    assert (found.measure, found.direction, found.value) == ("none_found", "not_studied", None)
    page = show(tables, f"risk.{key}")
    assert "not studied: a gap" in page
    assert "no effect found" not in page


@pytest.mark.parametrize(
    ("key", "outcome", "told", "versus", "speaks"),
    [
        ("dexamethasone_axi_cel", "crs_3", "0 %", "11 to 13 %", "for"),
        ("tocilizumab_axi_cel", "neuro_3", "41 %", "28 %", "against"),
        ("tocilizumab_engagers", "crs", "10.1 % (5.3 to 17)", "", "for"),
        ("anakinra_axi_cel", "icans_3", "20 %", "50 %", "for"),
        ("anakinra_liso_cel", "endpoint", "Negative", "", "against"),
        ("fractionated_dose", "crs_4", "5 %", "50 %", "for"),
    ],
)
def test_a_result_says_for_or_against(
    tables: Knowledge, key: str, outcome: str, told: str, versus: str, speaks: str
) -> None:
    row = next(part for part in tables.prevention.interventions[key].results if part.id == outcome)
    _, found, against, direction, _, _ = result_row(row)
    assert found.startswith(told)
    assert against.startswith(versus)
    assert direction == speaks


def test_what_must_not_be_read_as_one_is_told_at_both_sides(tables: Knowledge) -> None:
    for conflict in tables.prevention.conflicts.values():
        for key in (*conflict.one, *conflict.other):
            assert conflict.says_one in show(tables, f"intervention.{key}")
            assert conflict.says_other in show(tables, f"intervention.{key}")


def test_rows_are_counted_by_evidence_and_nothing_recalled_is_unmarked(tables: Knowledge) -> None:
    rows = list(prevention_rows(tables))
    assert sum(counted(rows).values()) == len(rows)
    assert all(source in tables.sources and locator for _, source, locator, _ in rows)
    names = [f"risk.{key}" for key in tables.prevention.factors]
    names += [f"intervention.{key}" for key in tables.prevention.interventions]
    marked = sum(show(tables, name).count(f"recalled: {NOT_VERIFIED}") for name in names)
    assert marked == counted(rows)["recalled"] > 0


# ---------------------------------------------------------------- deliberate faults

EFFECTS = {
    "value outside its interval": ("age.icans", {"value": 2.5}, "not in order"),
    "ratio of nothing": ("age.icans", {"value": 0.0, "low": None}, "above 0"),
    "interval that holds 1": ("bridging.neuro", {"direction": "raises"}, "does not settle it"),
    "direction against its number": ("ldh.neuro", {"direction": "raises"}, "does not say `raises`"),
    "a gap that is called no effect": ("diabetes.gap", {"direction": "no_effect"}, "no effect seen either"),
    "a gap with a number": ("age.icans", {"direction": "not_studied"}, "somebody has looked"),
    "number without a measure": ("age.crs", {"value": 1.1}, "number without a measure"),
    "grade without a scale": ("age.crs_70", {"grading": ""}, "hangs on a grading scale"),
    "no probability": ("age.crs_70", {"p": 29.0}, "no probability"),
    "unknown product": ("age.icans", {"products": ("kymria",)}, "`kymria` is not known"),
    "of no product": ("age.icans", {"classes": ()}, "of which products"),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_fault_of_an_effect_is_found(tables: Knowledge, name: str) -> None:
    target, changes, said = EFFECTS[name]
    key = target.partition(".")[0]
    factor: RiskFactor = tables.prevention.factors[key]
    changed = replace(effect(tables, target), **changes)
    effects = tuple(changed if part.id == changed.id else part for part in factor.effects)
    factors = {**tables.prevention.factors, key: replace(factor, effects=effects)}
    found = list(check_prevention(replace(tables, prevention=replace(tables.prevention, factors=factors))))
    assert any(said in finding.problem and target.replace(".", ".effect.") in finding.table for finding in found)


def spoiled(tables: Knowledge, part: Intervention) -> list[str]:
    """What is said of the tables with one intervention changed."""
    interventions = {**tables.prevention.interventions, part.key: part}
    changed = replace(tables, prevention=replace(tables.prevention, interventions=interventions))
    return [finding.problem for finding in check_prevention(changed)]


def test_a_fault_of_an_intervention_is_found(tables: Knowledge) -> None:
    part = tables.prevention.interventions["premedication_cells"]
    assert spoiled(tables, part) == []
    (usual,) = part.recommendations
    claimed = replace(part, status="label", recommendations=(replace(usual, status="label"),))
    assert spoiled(tables, claimed) == ["What was not read is told as a label or a guideline."]
    assert spoiled(tables, replace(part, status="label")) == ["No recommendation says `label`."]
    dexamethasone = tables.prevention.interventions["dexamethasone_axi_cel"]
    row = next(row for row in dexamethasone.results if row.id == "crs_3")
    for changes, said in (
        ({"versus_what": ""}, "A comparison needs its number and what it is with."),
        ({"percent": (110.0, 110.0)}, "[110.0, 110.0, 11.0, 13.0] are no percentages."),
        ({"grading": ""}, "The number hangs on a grading scale, and none is named."),
    ):
        assert spoiled(tables, replace(dexamethasone, results=(replace(row, **changes),))) == [said]
