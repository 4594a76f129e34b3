"""Measures one intake: nothing is graded, nothing is changed; every number is a count of rows, patients or hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cytowatch.adapters.intake import Intake
from cytowatch.knowledge.model import Knowledge
from cytowatch.quality.remarks import Remark, remarks
from cytowatch.quality.times import HOURS_A_DAY, by_hour, gaps, shifts
from cytowatch.schema import HOUR_US

__all__ = ["HOURS_A_DAY", "Quality", "Remark", "measure"]


@dataclass(frozen=True)
class Quality:
    """The tables of a quality report.

    ``coverage``: a row a concept that was asked for (``concept, kind, rows, patients, share, median_hours,
    longest_hours, covered``; the last is the share of the time between a patient's first and last row for which a
    reading speaks). ``units``: as given, before conversion. ``rejects``: by rule and concept. ``gaps``: hours without
    any vital sign. ``shifts``: checks of times. ``hours``: readings by hour of the day. ``triggers``: by product.
    """

    ledger: pl.DataFrame
    patients: int
    coverage: pl.DataFrame
    units: pl.DataFrame
    rejects: pl.DataFrame
    gaps: pl.DataFrame
    shifts: pl.DataFrame
    hours: pl.DataFrame
    triggers: pl.DataFrame
    not_recorded: tuple[str, ...]
    remarks: tuple[Remark, ...]

    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by name, as they are written."""
        names = ("ledger", "coverage", "units", "rejects", "gaps", "shifts", "hours", "triggers")
        return {name: getattr(self, name) for name in names}


def measure(intake: Intake, knowledge: Knowledge, concepts: Sequence[str]) -> Quality:
    """Measure an intake for the concepts that are needed; those that are not there have 0 rows."""
    observations = intake.observations
    patients = observations["patient"].n_unique()
    covered = _coverage(observations, knowledge, concepts, patients)
    vitals = observations.filter(pl.col("concept").is_in(_vital_signs(knowledge)))
    limit = float(str(knowledge.policy("quality_gap_hours")))
    found_gaps = gaps(vitals, limit)
    found_shifts = shifts(observations, vitals, intake.clock, intake.zone)
    triggers = _triggers(observations, knowledge)
    quality = Quality(
        ledger=intake.ledger,
        patients=patients,
        coverage=covered,
        units=intake.units.sort("concept", "rows", "unit", descending=[False, True, False]),
        rejects=_rejects(intake.rejects),
        gaps=found_gaps,
        shifts=found_shifts,
        hours=by_hour(vitals, intake.clock, intake.zone),
        triggers=triggers,
        not_recorded=tuple(sorted(intake.not_recorded)),
        remarks=(),
    )
    said = remarks(quality.tables(), patients, knowledge, quality.not_recorded, _with_trigger(observations, knowledge))
    return Quality(**{**quality.__dict__, "remarks": tuple(said)})


def _vital_signs(knowledge: Knowledge) -> list[str]:
    return [key for key, concept in knowledge.concepts.items() if concept.group == "vital"]


def _coverage(observations: pl.DataFrame, knowledge: Knowledge, concepts: Sequence[str], patients: int) -> pl.DataFrame:
    wanted = pl.DataFrame({
        "concept": list(concepts),
        "kind": [knowledge.concepts[key].kind for key in concepts],
        "valid_us": [knowledge.concepts[key].valid_for_us for key in concepts],
    }, schema={"concept": pl.String, "kind": pl.String, "valid_us": pl.Int64})  # fmt: skip
    spans = observations.group_by("patient").agg(first=pl.col("time").min(), last=pl.col("time").max())
    rows = observations.join(wanted, on="concept").sort("patient", "concept", "time")
    later = pl.col("time").shift(-1).over("patient", "concept")
    stepped = rows.join(spans, on="patient").with_columns(step=later - pl.col("time"))
    end = pl.min_horizontal(pl.coalesce(later, "last"), pl.col("time") + pl.col("valid_us"))
    stepped = stepped.with_columns(spoken=end - pl.col("time"))
    whole = int((spans["last"] - spans["first"]).sum()) or 1
    counted = stepped.group_by("concept").agg(
        rows=pl.len().cast(pl.Int64),
        patients=pl.col("patient").n_unique().cast(pl.Int64),
        median_hours=pl.col("step").filter(pl.col("step") > 0).median() / HOUR_US,
        longest_hours=pl.col("step").max() / HOUR_US,
        covered=pl.when(pl.col("kind").first() == "reading").then(pl.col("spoken").sum() / whole),
    )
    share = pl.col("patients") / max(patients, 1)
    return (
        wanted.drop("valid_us")
        .join(counted, on="concept", how="left", maintain_order="left")
        .with_columns(pl.col("rows", "patients").fill_null(0))
        .select("concept", "kind", "rows", "patients", share.alias("share"), "median_hours", "longest_hours", "covered")
    )


def _rejects(rejects: pl.DataFrame) -> pl.DataFrame:
    return (
        rejects.group_by("rule", "concept")
        .agg(rows=pl.len().cast(pl.Int64), example=pl.col("source").first(), reason=pl.col("reason").first())
        .sort("rows", "rule", "concept", descending=[True, False, False])
    )


def _trigger_rows(observations: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    triggers = [key for key, concept in knowledge.concepts.items() if concept.kind == "trigger"]
    return observations.filter(pl.col("concept").is_in(triggers))


def _with_trigger(observations: pl.DataFrame, knowledge: Knowledge) -> int:
    return _trigger_rows(observations, knowledge)["patient"].n_unique()


def _triggers(observations: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    found = _trigger_rows(observations, knowledge).with_columns(pl.col("text").fill_null("product not told"))
    return (
        found.group_by("concept", pl.col("text").alias("product"))
        .agg(patients=pl.col("patient").n_unique().cast(pl.Int64), rows=pl.len().cast(pl.Int64))
        .sort("patients", "product", descending=[True, False])
    )
