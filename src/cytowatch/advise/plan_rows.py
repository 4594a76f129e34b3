"""Rows of ``schema.PLAN``, and what is the same for monitoring and work-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from cytowatch.advise.watch import Followed
from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold
from cytowatch.knowledge.plan import Shows
from cytowatch.schema import DAY_US, PLAN

Place = Literal["inpatient", "outpatient"]
NO_TEXTS = pl.lit([], pl.List(pl.String))


@dataclass(frozen=True)
class Asked:
    """What a plan is made from: the record as followed, the tables, and what the user said of the source.

    ``rejected``: rejected rows by patient and concept. ``ahead``: microseconds beyond now that are laid out.
    """

    followed: Followed
    knowledge: Knowledge
    not_recorded: frozenset[str]
    clock: str
    setting: Place | None
    ahead: int
    rejected: pl.DataFrame

    @property
    def kinds(self) -> dict[str, str]:
        """The group of every concept."""
        return {key: part.group for key, part in self.knowledge.concepts.items()}


def shaped(rows: pl.DataFrame, fixed: dict[str, str], shows: Shows, cited: Cited, asked: Asked) -> pl.DataFrame:
    """Rows with every column of ``schema.PLAN``: what is fixed for the row of the tables, and what follows."""
    told = _with_rejected(rows, shows, asked.rejected)
    texts = {name: pl.lit(text) if text else pl.lit(None) for name, text in fixed.items()}
    known = {
        "exposure": pl.col("product"),
        "day": (pl.col("start") - pl.col("exposure_time")).floordiv(DAY_US),
        "holds": pl.when(pl.col("certain")).then(pl.lit("certain")).otherwise(pl.lit("possible")),
        "as_of": pl.col("now"),
        "source": pl.lit(cited.source),
        "locator": pl.lit(cited.locator),
        "basis": pl.lit(cited.evidence),
    }
    told = told.with_columns((pl.col("certain") & (pl.col("missing").list.len() == 0)).alias("certain"))
    told = told.with_columns(**texts, **known)
    return told.select(pl.col(name).cast(kind) for name, kind in PLAN.schema.items())


def rejected_rows(rejects: pl.DataFrame | None, knowledge: Knowledge) -> pl.DataFrame:
    """How many rows of each patient and concept were rejected: patient, concept, n; a name that is no concept goes."""
    if rejects is None or rejects.is_empty():
        return pl.DataFrame(schema={"patient": pl.String, "concept": pl.String, "n": pl.Int32})
    given = rejects["concept"].unique().drop_nulls().to_list()
    keys = {name: knowledge.concept_aliases.get(fold(name), fold(name)) for name in given}
    named = rejects.with_columns(pl.col("concept").replace(keys)).filter(pl.col("concept").is_in(knowledge.concepts))
    return named.group_by("patient", "concept").agg(pl.len().cast(pl.Int32).alias("n"))


def _with_rejected(rows: pl.DataFrame, shows: Shows, rejected: pl.DataFrame) -> pl.DataFrame:
    names = [name for group in shows for name in group]
    counts = (
        rejected.filter(pl.col("concept").is_in(names)).group_by("patient").agg(pl.col("n").sum().alias("rejected"))
    )
    joined = rows.join(counts, on="patient", how="left", maintain_order="left")
    return joined.with_columns(pl.col("rejected").fill_null(0))
