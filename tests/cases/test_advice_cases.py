"""The worked patients of advice come out as written."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pytest
from tests.lib import advice_cases, cases

from cytowatch.knowledge import load

ALL = advice_cases.advice_cases()


@lru_cache(maxsize=1)
def said() -> dict[str, pl.DataFrame]:
    """What is advised in every case, in as few calls as their options allow."""
    groups = cases.groups(ALL)
    return {case.id: advice for group in groups for advice in [advice_cases.advised(group, load())] for case in group}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_advice(case: cases.Case) -> None:
    found = advice_cases.differences(case, said()[case.id])
    assert not found, "\n".join(map(str, found))
