"""Doses of tocilizumab and steroids that may have been given in an episode, and are in no count."""

from __future__ import annotations

from typing import cast

import polars as pl

from cytowatch.engine.settle import in_doubt
from cytowatch.knowledge.model import Knowledge
from cytowatch.report import ReportData

# a drug of the tables with the column of the episodes that counts it
COUNTED = {"tocilizumab": "tocilizumab_doses", "steroid": "steroid_days"}
_OTHER = "other"


def with_open_counts(episodes: pl.DataFrame, data: ReportData, knowledge: Knowledge) -> pl.DataFrame:
    """The episodes with a column ``open_tocilizumab`` and ``open_steroid``: may there have been more than is counted?

    A dose that nobody could read counts from the first to the last moment that its row puts in doubt: of a date
    without a time these are the two ends of the day, and an episode may lie between them.
    """
    doses = _windows(data, knowledge).filter("unsure")
    own = ["patient", "scale", "episode"]
    closing = data.timeline.drop_nulls("episode").group_by(own).agg(pl.col("end").max().alias("closing"))
    reach = episodes.select(*own, "onset").join(closing, on=own, how="left").with_columns(
        pl.col("closing").fill_null(pl.col("onset"))
    )  # fmt: skip
    inside = reach.join(doses, on="patient").filter(
        (pl.col("last") >= pl.col("onset")) & (pl.col("first") <= pl.col("closing"))
    )
    found = inside.group_by(own).agg(
        *((pl.col("drug") == drug).any().alias(f"open_{drug}") for drug in COUNTED), pl.lit(value=True).alias("told")
    )
    joined = episodes.join(found, on=own, how="left", maintain_order="left")
    # a flag whose row is not there any more may speak of either
    unexplained = pl.col("flags").list.contains("dose_in_doubt") & pl.col("told").is_null()
    return joined.with_columns(
        (pl.col(f"open_{drug}") | unexplained).fill_null(value=False).alias(f"open_{drug}") for drug in COUNTED
    ).drop("told")


def treated(episodes: pl.DataFrame, data: ReportData, knowledge: Knowledge, scale: str) -> pl.DataFrame:
    """One row a patient of a scale: for each drug of `COUNTED`, was it given in an episode, and may it have been?

    Certain (``tocilizumab``) is a dose in an episode that is certain itself; possible (``maybe_tocilizumab``) is every
    dose, read or not, at a moment at which an episode is not excluded. ``episodes``: those of ``with_open_counts``.
    """
    own = episodes.filter(pl.col("scale") == scale)
    certain = own.group_by("patient").agg(
        *(((pl.col(count) > 0) & (pl.col("max_at_least") >= 1)).any().alias(drug) for drug, count in COUNTED.items()),
        *(((pl.col(count) > 0) | pl.col(f"open_{drug}")).any().alias(f"_{drug}") for drug, count in COUNTED.items()),
    )
    # a moment at which the grade may be above 0, or that belongs to an episode
    may_be = (pl.col("at_most") >= 1) | pl.col("episode").is_not_null()
    spans = data.timeline.filter((pl.col("scale") == scale) & may_be).select("patient", "start", "end")
    met = spans.join(_windows(data, knowledge), on="patient").filter(
        (pl.col("last") >= pl.col("start")) & (pl.col("first") <= pl.col("end"))
    )
    possible = met.group_by("patient").agg((pl.col("drug") == drug).any().alias(f"maybe_{drug}") for drug in COUNTED)
    both = certain.join(possible, on="patient", how="full", coalesce=True)
    return both.select(
        "patient",
        *(pl.col(drug).fill_null(value=False) for drug in COUNTED),
        *(
            pl.any_horizontal(
                pl.col(name).fill_null(value=False) for name in (drug, f"_{drug}", f"maybe_{drug}")
            ).alias(f"maybe_{drug}")
            for drug in COUNTED
        ),
    )


def _windows(data: ReportData, knowledge: Knowledge) -> pl.DataFrame:
    """``patient, drug, first, last, unsure``: from when to when each dose was, or may have been, given."""
    steroids = cast("list[str]", knowledge.policy("steroids"))
    drugs = {key: _OTHER for key, concept in knowledge.concepts.items() if concept.kind == "dose"}
    drugs |= dict.fromkeys(steroids, "steroid") | {"tocilizumab": "tocilizumab"}
    rows = pl.concat([data.observations, data.in_doubt]).filter(pl.col("concept").is_in(list(drugs)))
    rows = rows.with_columns(
        pl.col("concept").replace_strict(drugs, return_dtype=pl.String).alias("drug"), in_doubt("dose").alias("unsure")
    )
    back = pl.col("status") == "entered-in-error"
    marks, rows = rows.filter(back), rows.filter(~back)
    rows = rows.join(marks, on=["patient", "concept", "source"], how="anti", maintain_order="left")
    # a dose of 0 was not given
    given = rows.filter(~pl.col("unsure") & (pl.col("value").is_null() | (pl.col("value") > 0)))
    given = given.join(marks, on=["patient", "concept", "time", "value", "text"], how="anti", nulls_equal=True)
    vague = rows.filter("unsure").join(marks, on=["patient", "concept", "time"], how="anti")
    vague = vague.group_by("patient", "drug", "concept", "source", "row").agg(
        pl.col("time").min().alias("first"), pl.max_horizontal("time", "until").max().alias("last")
    )
    return pl.concat(
        [
            given.select("patient", "drug", first="time", last="time", unsure=pl.lit(value=False)),
            vague.select("patient", "drug", "first", "last", unsure=pl.lit(value=True)),
        ]
    )
