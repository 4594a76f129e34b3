"""The random patients are what admission would let through: known concepts, units, categories and ranges."""

from __future__ import annotations

import polars as pl
import pytest
from tests.generative.random_patients import NUMBERS, TEXTS, random_patients

from cytowatch.knowledge import load
from cytowatch.schema import OBSERVATIONS, PATIENTS


@pytest.mark.parametrize("concept", sorted(NUMBERS))
def test_numbers_are_plausible(concept: str) -> None:
    pool, unit = NUMBERS[concept]
    known = load().concepts[concept]
    assert unit in known.units
    low, high = known.plausible[unit]
    assert all(low <= value <= high for value in pool if value is not None)
    assert None not in pool or known.kind in {"infusion", "dose"}


@pytest.mark.parametrize("concept", sorted(TEXTS))
def test_categories_are_known(concept: str) -> None:
    categories = load().concepts[concept].categories
    assert not categories or set(TEXTS[concept]) <= set(categories)


@pytest.mark.parametrize("clock", ["time", "hours"])
def test_frames_are_the_declared_tables(clock: str) -> None:
    observations, patients = random_patients(200, seed=3, clock=clock)
    assert observations.schema == OBSERVATIONS.schema
    assert patients.schema == PATIENTS.schema
    assert observations["row"].is_unique().all()
    assert observations.filter(pl.col("until") < pl.col("time")).is_empty()


def test_the_same_seed_gives_the_same_patients() -> None:
    first, again = random_patients(50, seed=4), random_patients(50, seed=4)
    assert first[0].equals(again[0])
    assert first[1].equals(again[1])
