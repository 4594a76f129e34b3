"""Real intensive care data through both engines: the same timelines, episodes and superseded rows.

Without a trigger, and with one assumed at the first row of each hospitalization. The cut that ships with the package
runs everywhere, all 165 hospitalizations where the whole data set lies beside the repository.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from tests.generative.test_twin import SCALES, same

import cytowatch
from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.intake import Intake
from cytowatch.engine.apply import grade_observations, needed_by
from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge import load

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "icu_clif_demo"
CUT = Path(cytowatch.__file__).parent / "demo_data" / "clif"
HOSPITALIZATIONS = {WHOLE: 165, CUT: 14}
PRODUCT = "axicabtagene_ciloleucel"
KNOWLEDGE = load()


@cache
def intake(folder: Path) -> Intake:
    """A folder of tables as the door hands it on."""
    return read_clif(folder, KNOWLEDGE)


def compare(folder: Path, scale: str, product: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Hold both engines against each other on every hospitalization; gives the timeline and the episodes."""
    rows, people = intake(folder).observations, intake(folder).patients
    assert people["patient"].n_unique() == HOSPITALIZATIONS[folder]
    fast = grade_observations(rows, people, KNOWLEDGE, [scale], assumed_product=product, clock="time")
    timeline, episodes, superseded = grade_reference(
        rows, people, KNOWLEDGE, scale, assume_trigger=product, clock="time"
    )
    same(fast.timeline, timeline, ["patient", "start", "end"])
    same(fast.episodes, episodes, ["patient", "episode"])
    read = set(rows.filter(pl.col("concept").is_in(sorted(needed_by([scale], KNOWLEDGE))))["row"].to_list())
    assert read & set(fast.superseded.to_list()) == read & set(superseded)
    return fast.timeline, fast.episodes


@pytest.mark.parametrize("product", [None, PRODUCT], ids=["no_trigger", "assumed"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("folder", [CUT, WHOLE], ids=["cut", "whole"])
def test_both_engines_say_the_same(folder: Path, scale: str, product: str | None) -> None:
    """Both engines agree, and say of the trigger what is true."""
    if not folder.is_dir():
        pytest.skip("the whole data set does not lie beside the repository; the cut is tested instead")
    timeline, episodes = compare(folder, scale, product)
    assert set(timeline["patient"]) == set(intake(folder).observations["patient"])
    flag = "assumed_trigger" if product else "no_trigger"
    assert timeline["flags"].list.contains(flag).all()
    assert episodes["flags"].list.contains(flag).all()
    if product is None:
        assert timeline.select(pl.col("grade", "at_least", "at_most").null_count()).row(0) == (timeline.height,) * 3
        assert episodes.is_empty()
