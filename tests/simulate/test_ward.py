"""The synthetic ward of 24 patients, as it is shipped: every bed finds its patients, and the engine grades them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.lib.simulated_charts import graded, looks, outside

from cytowatch.simulate import ward


def test_every_bed_is_taken_and_the_engine_holds_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    people = ward.write(folder)
    assert people.height == 24
    assert set(people["charted_grade"]) == {0, 1, 2, 3, 4}
    assert set(people["product"]) == {"cd19-car-t", "cd22-car-t", "mosunetuzumab"}
    assert people.filter(pl.col("cause") == "an infection").height >= 1
    assert people.filter(pl.col("age") < 18).height >= 1
    assert people.filter(pl.col("reactions") >= 2).height >= 1
    seen = looks(folder, graded(folder))
    assert outside(seen).height == 0
