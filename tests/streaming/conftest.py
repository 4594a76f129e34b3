"""Fixtures of the tests of streaming: limits so small that a small input is streamed, and a cohort of some parts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.streaming.big import MERGE, PART, RUN
from tests.streaming.test_streaming import cohort, frame, lay, shuffled

from cytowatch.streaming import inputs, merge, plan


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Parquet input is large; parts, sorted runs and stretches hold few rows."""
    monkeypatch.setattr(inputs, "LARGE_ROWS", 0)
    monkeypatch.setattr(plan, "LEAST_ROWS", PART)
    monkeypatch.setattr(plan, "MOST_ROWS", PART)
    monkeypatch.setattr(plan, "RUN_ROWS", RUN)
    monkeypatch.setattr(merge, "MERGE_ROWS", MERGE)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Shuffled rows of enough patients for some parts."""
    copies = [
        frame(cohort()).with_columns(pl.concat_str(pl.col("patient"), pl.lit(f"-{number}")).alias("patient"))
        for number in range(2)
    ]
    rows = shuffled(pl.concat(copies))
    return lay(tmp_path / "in", {"a.parquet": rows[:170], "b.parquet": rows[170:]})
