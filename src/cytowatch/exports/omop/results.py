"""Grades as OMOP rows: cohorts of each scale and grade, and one observation for each change of a grade."""

from __future__ import annotations

import polars as pl

from cytowatch.exports.omop.local import Ids
from cytowatch.exports.omop.losses import Losses
from cytowatch.exports.omop.wall import Wall

# "standard algorithm": the row was computed
_COMPUTED = "32882"


def cohorts(timeline: pl.DataFrame, ids: Ids, wall: Wall) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables COHORT and COHORT_DEFINITION.

    Of each scale of the run and each of its grades from 1 there are two cohorts: where the grade was certainly
    reached, and where it is not excluded. Who is in neither did not reach it, or could not be graded at all: the
    observations tell which. One row an episode, or an unbroken stretch outside one; days are those of the
    wall clock.
    """
    members, definitions = [], []
    for scale in sorted(timeline["scale"].unique()):
        own = timeline.filter(pl.col("scale") == scale)
        if ids.scale(scale) == "0":
            continue
        for grade in (one for one in ids.knowledge.scales[scale].grades if one > 0):
            for certain in (True, False):
                number = ids.cohort(scale, grade, certain=certain)
                definitions.append((number, *_definition(scale, grade, certain=certain)))
                members.append(_stretches(own, "at_least" if certain else "at_most", grade, number, wall))
    cohort = pl.concat([_NO_MEMBERS, *members]).sort("cohort_definition_id", "subject_id", "cohort_start_date")
    return cohort, pl.DataFrame(definitions, schema=_DEFINITION, orient="row")


_NO_MEMBERS = pl.DataFrame(
    schema={
        "cohort_definition_id": pl.Int64, "subject_id": pl.Int64, "cohort_start_date": pl.String,
        "cohort_end_date": pl.String,
    }
)  # fmt: skip
_DEFINITION = {
    "cohort_definition_id": pl.Int64, "cohort_definition_name": pl.String, "cohort_definition_description": pl.String,
    "definition_type_concept_id": pl.String, "cohort_definition_syntax": pl.String, "subject_concept_id": pl.String,
}  # fmt: skip


def _definition(scale: str, grade: int, *, certain: bool) -> tuple[str, str, str, str, str]:
    how = "reached for certain" if certain else "not excluded"
    column = "at_least" if certain else "at_most"
    about = (
        f"From the first to the last moment of an episode at which grade {grade} of {scale} or more is {how}, by what "
        "the record holds. Not a diagnosis; what was not measured is neither present nor absent."
    )
    return f"{scale} grade {grade} or more, {how}", about, "0", f"timeline.{column} >= {grade}", "0"


def _stretches(own: pl.DataFrame, column: str, grade: int, number: int, wall: Wall) -> pl.DataFrame:
    """From first to last moment at the grade: one row an episode, or an unbroken stretch outside one."""
    reached = own.filter(pl.col(column) >= grade).sort("person_id", "start")
    broken = (pl.col("start") > pl.col("end").shift(1).over("person_id")).fill_null(value=True)
    stretch = pl.when(pl.col("episode").is_null()).then(broken.cum_sum().over("person_id"))
    spans = (
        reached.with_columns(stretch=stretch)
        .group_by("person_id", "episode", "stretch")
        .agg(pl.col("start").min(), pl.col("end").max())
    )
    return spans.select(
        cohort_definition_id=pl.lit(number, pl.Int64), subject_id=pl.col("person_id").cast(pl.Int64),
        cohort_start_date=wall.day("start"), cohort_end_date=wall.day("end"),
    )  # fmt: skip


def grades(timeline: pl.DataFrame, ids: Ids, losses: Losses, wall: Wall) -> pl.DataFrame:
    """Observations of the grades: one row whenever the bounds of a grade change.

    ``value_as_number`` is the grade where it is certain, and empty where it is a range or nothing can be told;
    ``value_as_string`` says which.
    """
    numbered = timeline.with_columns(
        number=pl.col("scale").replace_strict(
            {scale: ids.scale(scale) for scale in timeline["scale"].unique()}, return_dtype=pl.String
        )
    )
    losses.add("unknown_concept", numbered.filter(pl.col("number") == "0"), "scale")
    known = numbered.filter(pl.col("number") != "0").sort("person_id", "scale", "start")
    losses.add("not_shown_grade", known, "scale")
    bounds = pl.struct("at_least", "at_most", "grade")
    first = (bounds != bounds.shift(1).over("person_id", "scale")).fill_null(value=True)
    is_first = pl.int_range(pl.len()).over("person_id", "scale") == 0
    low, high = pl.col("at_least").cast(pl.String), pl.col("at_most").cast(pl.String)
    said = (
        pl.when(pl.col("grade").is_not_null())
        .then(pl.format("grade {}", pl.col("grade")))
        .when(pl.col("at_least").is_null())
        .then(pl.lit("not graded"))
        .otherwise(pl.format("grade {} to {}, not settled", low.fill_null("?"), high.fill_null("?")))
    )
    return known.filter(first | is_first).select(
        "person_id",
        observation_concept_id="number", observation_date=wall.day("start"), observation_datetime=wall.stamped("start"),
        observation_type_concept_id=pl.lit(_COMPUTED), value_as_number=pl.col("grade").cast(pl.Float64),
        value_as_string=said, value_as_concept_id=pl.lit("0"), qualifier_concept_id=pl.lit("0"),
        unit_concept_id=pl.lit("0"), observation_source_value="scale", observation_source_concept_id="number",
        unit_source_value=pl.lit(None, pl.String), value_source_value=said,
    )  # fmt: skip
