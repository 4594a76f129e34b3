"""SOFA of every hospitalization of a CLIF folder by clifpy, as JSON; runs in clifpy's own environment.

Its quicker way is taken: the one in Polars, which reads the tables, converts doses and scores by itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from importlib.metadata import version


def main(folder: str) -> dict[str, object]:
    """Read and score; seconds without the import."""
    began = time.perf_counter()
    import polars as pl
    from clifpy import compute_sofa_polars

    imported = time.perf_counter() - began
    logging.disable(logging.CRITICAL)
    began = time.perf_counter()
    stays = pl.read_parquet(f"{folder}/clif_hospitalization.parquet")
    # a month around the stay, so that the whole record counts, as it does in ours
    month = pl.duration(days=30)
    cohort = stays.select(
        "hospitalization_id", start_dttm=pl.col("admission_dttm") - month, end_dttm=pl.col("discharge_dttm") + month
    )
    scores = compute_sofa_polars(folder, cohort, timezone="UTC")
    seconds = time.perf_counter() - began
    rows = scores.select("hospitalization_id", pl.col("^sofa_.*$")).to_dicts()
    versions = {name: version(name) for name in ("clifpy", "polars", "duckdb")}
    return {"version": versions, "import": imported, "seconds": seconds, "scores": rows}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        told = main(sys.argv[1])
    print(json.dumps(told, default=str))
