"""The synthetic ward of 24 patients, as it is shipped: every bed finds its patients, and the engine grades them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.lib.simulated_charts import equal, examinations, graded, looks, outside, truth

from cytowatch.errors import CytowatchError, KnowledgeError
from cytowatch.simulate import ward


def test_every_bed_is_taken_and_the_engine_holds_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    people = ward.write(folder)
    assert people.height == 24
    assert set(people["charted_grade"]) == {0, 1, 2, 3, 4}
    assert set(people["product"]) == {"cd19-car-t", "cd22-car-t", "mosunetuzumab"}
    assert people.filter(pl.col("cause") == "an infection").height >= 1
    assert people.filter(pl.col("age") < 12).height >= 2
    assert people.filter(pl.col("charted_icans") >= 3).height >= 2
    assert people.filter(pl.col("reactions") >= 2).height >= 1
    seen = looks(folder, graded(folder))
    assert outside(seen).height == 0
    assert equal(examinations(folder, graded(folder, "icans.astct-2019"))) == 1
    # what is late is late, and nothing is the product's where bacteria did it
    late = people.filter(pl.col("what").str.starts_with("a late reaction"))
    assert late["onset_hour"].item() >= 240
    of_bacteria = truth(folder).filter(pl.col("cause") == "an infection")
    assert of_bacteria["grade"].max() > 0  # type: ignore[operator]
    assert of_bacteria["grade_of_product"].max() == 0
    of_product = truth(folder).filter(pl.col("cause") == "the product")
    assert of_product["grade_of_product"].equals(of_product["grade"])


def test_a_bed_asks_for_what_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ward.tomli, "loads", lambda _: {"ward": {}, "bed": [{"what": "a", "again": 2}]})
    with pytest.raises(KnowledgeError, match="cannot ask for `again`"):
        ward.ward()


def test_a_bed_that_nobody_fills_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beds = (ward.Bed("nobody", "cd19-car-t", 1, reactions=99),)
    monkeypatch.setattr(ward, "ward", lambda: ward.Ward(1, 4, 20, beds))
    with pytest.raises(CytowatchError, match="holds 0 patients for the bed `nobody`"):
        ward.write(tmp_path / "ward")
