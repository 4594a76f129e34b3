"""The worked patients of advice come out as written."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pytest
from tests.lib import advice_cases, cases

from cytowatch.knowledge import load
from cytowatch.knowledge.advice import Guideline

ALL = advice_cases.advice_cases()
GUIDELINES = list(load().advice.guidelines.values())


@lru_cache(maxsize=1)
def said() -> dict[str, pl.DataFrame]:
    """What is advised in every case, in as few calls as their options allow."""
    groups = cases.groups(ALL)
    return {case.id: advice for group in groups for advice in [advice_cases.advised(group, load())] for case in group}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_advice(case: cases.Case) -> None:
    found = advice_cases.differences(case, said()[case.id])
    assert not found, "\n".join(map(str, found))


def test_every_case_names_a_source_of_the_package() -> None:
    assert {case.source for case in ALL} <= {*load().sources, "house"}


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda part: part.key)
def test_every_rule_is_said_for_certain_by_some_case(guideline: Guideline) -> None:
    said_now = {
        row["rule"]
        for case in ALL
        for row in advice_cases.table_of(case)
        if row["guideline"] == guideline.key and row.get("state", "now") == "now" and row.get("holds") != "possible"
    }
    assert {rule.id for rule in guideline.rules} <= said_now
