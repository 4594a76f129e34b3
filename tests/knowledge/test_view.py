"""What a person is shown of the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytowatch.errors import ArgumentError
from cytowatch.knowledge import Knowledge, list_items, load, show
from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)
from cytowatch.knowledge.new_only import new_only
from cytowatch.knowledge.view_words import Words


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def test_every_item_can_be_shown(tables: Knowledge) -> None:
    for item in list_items(tables):
        assert f"`{item.id}`" in show(tables, item.id).splitlines()[0]


@pytest.mark.parametrize("name", ["crs.astct-2019", "crs.lee-2014", "hlh.hscore", "organ.ctcae-5.0.anemia"])
def test_a_scale_is_shown_cell_by_cell_with_its_source(tables: Knowledge, name: str) -> None:
    page = show(tables, name)
    for criterion in tables.scales[name].criteria:
        row = next(line for line in page.splitlines() if line.startswith(f"| {criterion.id} | {criterion.grade} |"))
        assert criterion.label in row
        assert f"| {criterion.evidence} | {criterion.source}, {criterion.locator} |" in row
    for meaning in tables.scales[name].grade_meaning.values():
        assert meaning in page
    for gap in tables.scales[name].not_encoded:
        assert gap.text in page
        assert gap.handled in page


def test_a_score_is_shown_with_its_probability_and_a_view_with_its_mapping(tables: Knowledge) -> None:
    score = show(tables, "hlh.hscore")
    assert "| from 169 |" in score
    assert all(f"| {points:g} | {share:g} |" in score for points, share in tables.scales["hlh.hscore"].probability)
    view = show(tables, "lay.type")
    assert all(f"| {old} | {new} |" in view for old, new in tables.scales["lay.type"].view.items())


def test_a_quantity_is_shown_with_its_terms(tables: Knowledge) -> None:
    page = show(tables, "norepinephrine_equivalent")
    assert "| dopamine | 0.5 | ug/kg/min | running rate |" in page
    assert "recalled" in page


# ---------------------------------------------------------------- conditions in words

WARM, COLD, FAST = (
    Compare("body_temperature", ">=", 38.0, "Cel"),
    Compare("body_temperature", "<", 36.0, "Cel"),
    Compare("heart_rate", ">", 90.0, "/min"),
)
SHOWN = {
    "Body temperature ≥ 38 °C": WARM,
    "Body temperature ≥ 38 °C (any of the last 24 h)": replace(WARM, over_hours=24.0),
    "Systolic blood pressure < its limit by age (hypotension_sbp)": Compare(
        "systolic_bp", "<", threshold="hypotension_sbp"
    ),
    "Platelets < LLN": Compare("platelets", "<", 1.0, times="lln"),
    "Creatinine ≥ 1.5 × baseline": Compare("creatinine", ">=", 1.5, times="baseline"),
    "Creatinine ≥ the lowest of the 48 h before + 0.3 mg/dL": Compare(
        "creatinine", ">=", 0.3, "mg/dL", plus="lowest", lookback_hours=48.0
    ),
    "baseline of Platelets < LLN": Compare("platelets", "<", 1.0, times="lln", of_baseline=True),
    "Alanine aminotransferase > 3 × ULN (baseline normal), > 3 × baseline (abnormal)": Relative(
        "alt", ">", "uln", 3.0, 3.0, ">"
    ),
    "Norepinephrine rate ≥ 20 µg/min": QuantityCompare("norepinephrine_rate", ">=", 20.0),
    "Fraction of inspired oxygen rests on an estimate": Estimated("inspired_oxygen"),
    "Oxygen device: CPAP or invasive ventilation": In("oxygen_device", ("cpap", "invasive_ventilation")),
    "running: Norepinephrine or Epinephrine": Running(("norepinephrine", "epinephrine")),
    "running: at least 2 of Norepinephrine or Epinephrine": Running(("norepinephrine", "epinephrine"), 2),
    "at least 2 doses within 24 h of Fluid bolus": Given(("fluid_bolus",), 2, 24.0),
    "from day 0 and before day 31 after the exposure": DaysSinceExposure(0.0, 31.0),
    "age 1 years or more and below 18 years": AgeYears(1.0, 18.0),
    "Body temperature ≥ 38 °C and (Body temperature < 36 °C or Heart rate > 90 /min)": All((WARM, AnyOf((COLD, FAST)))),
    "at least 2 of: Body temperature ≥ 38 °C; Body temperature < 36 °C; Heart rate > 90 /min": Count(
        (WARM, COLD, FAST), 2
    ),
    "of those measured, any: Body temperature ≥ 38 °C or Heart rate > 90 /min": AnyMeasured((WARM, FAST)),
    "not Heart rate > 90 /min": Not(FAST),
    "possibly Heart rate > 90 /min": Possible(FAST),
    "unless it is known that Heart rate > 90 /min": ExceptKnown(FAST),
    "Heart rate > 90 /min, only where it is known": All((FAST, Not(ExceptKnown(FAST)))),
    "Heart rate > 90 /min; open where the baseline was so already": new_only(FAST),
    "(Heart rate > 90 /min) for 3 h without a break": Sustained(FAST, 3.0),
    "(Heart rate > 90 /min) for 7 days in all, breaks of less than 3 days included": Cumulative(FAST, 7.0, 3.0),
    "(Heart rate > 90 /min) for 7 days in one stretch, breaks of less than 3 days included": Cumulative(
        FAST, 7.0, 3.0, one_stretch=True
    ),
    "(Heart rate > 90 /min) in at least 2 readings": Repeated(FAST, 2),
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_condition_is_put_into_words(tables: Knowledge, text: str) -> None:
    assert Words(tables).condition(SHOWN[text]) == text


def test_a_grade_of_several_terms_is_named_by_the_terms(tables: Knowledge) -> None:
    names = ("creatinine_increased", "fibrinogen_decreased")
    terms = [tables.scales[f"organ.ctcae-5.0.{name}"] for name in names]
    worse = AnyOf(tuple(part.when for scale in terms for part in scale.criteria if part.grade >= 3))
    assert Words(tables).condition(worse) == (
        "grade 3 or more by CTCAE 5.0 of: creatinine increased, fibrinogen decreased"
    )


def test_an_alias_is_shown_and_a_wrong_name_gets_a_suggestion(tables: Knowledge) -> None:
    assert "`norepinephrine`" in show(tables, "Noradrenaline")
    assert "`tisagenlecleucel`" in show(tables, "Kymriah")
    with pytest.raises(ArgumentError, match="episode_gap_hours"):
        show(tables, "episode_gap_hour")
