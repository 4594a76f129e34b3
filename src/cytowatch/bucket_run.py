"""One bucket of whole patients: rows in, every table of the run out; the contract of engines that share out patients.

Pure: no file, no clock, no randomness. Buckets can be graded in any order, by any process, and put together: the rows
are those of one run over everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.adapters.bucket import BucketOptions, bucket_intake
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome, grade_intake, outward

# every table of a bucket that is laid beside those of the others; of these two the counts are added up
TABLES = (
    "timeline", "episodes", "rejects", "concordance", "joint", "findings", "observations", "patients", "in_doubt",
)  # fmt: skip
COUNTS = ("ledger", "discordance")


def grade_bucket(
    observations: pl.DataFrame | Sequence[pl.DataFrame],
    patients: pl.DataFrame | None,
    knowledge: Knowledge,
    options: BucketOptions,
) -> Outcome:
    """Grade the rows of whole patients (see ``bucket_intake`` for what they must carry).

    Raises InputError if a column is missing, ArgumentError for an option that cannot be; a bad row is a reject.
    """
    intake = bucket_intake(observations, patients, knowledge, options)
    return grade_intake(
        intake,
        knowledge,
        None if options.scales is None else list(options.scales),
        options.as_of,
        assume_trigger=options.assume_trigger,
        look_alikes=options.look_alikes,
    )


def bucket_tables(outcome: Outcome) -> dict[str, pl.DataFrame]:
    """The tables of a bucket by name, times as they came in (``Datetime`` in UTC, or hours)."""
    return {name: outward(getattr(outcome, name), outcome.clock) for name in (*TABLES, *COUNTS)}
