"""What the tests of streaming share: small inputs that count as large, and whole folders held against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

# rows of a part, of a sorted run, and of a stretch that is put in order
PART, RUN, MERGE = 100, 130, 50
TABLES = (
    "timeline", "episodes", "rejects", "concordance", "ledger", "discordance", "joint", "findings", "patients",
    "in_doubt",
)  # fmt: skip


def table(folder: Path, name: str) -> pl.DataFrame:
    """One table of a graded folder, its rows as they stand."""
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_dir():
        return pl.concat([pl.read_parquet(path, glob=False) for path in sorted(parquet.iterdir())])
    return pl.read_parquet(parquet, glob=False) if parquet.exists() else pl.read_csv(csv, infer_schema=False)


def run_of(folder: Path) -> dict[str, Any]:
    """The record of a run without what no two runs share."""
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return {name: value for name, value in run.items() if name not in ("seconds", "peak_mib")}


def same_folder(found: Path, expected: Path) -> None:
    """Every table: the same rows in the same order; of the observations the same rows."""
    for name in TABLES:
        assert_frame_equal(table(found, name), table(expected, name))
    order = ["row", "concept"]
    assert_frame_equal(table(found, "observations").sort(order), table(expected, "observations").sort(order))
    assert run_of(found) == run_of(expected)
