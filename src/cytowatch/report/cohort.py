"""The cohort in numbers: one line a patient and scale, and what is summed over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.data import ReportData
from cytowatch.report.order import in_full, ordered
from cytowatch.schema import DAY_US, HOUR_US

_NUMBER = pl.Float64()


@dataclass(frozen=True)
class ScaleSummary:
    """One patient on one scale: worst bounds, share of watched time with one certain grade, first episode."""

    at_least: int | None
    at_most: int | None
    watched_hours: float
    known_share: float | None
    onset: int | None = None
    onset_day: float | None = None
    hours: float | None = None
    state: str = ""
    episodes: int = 0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class PatientSummary:
    """One patient of the cohort; ``origin`` is day 0 (microseconds), ``end`` the end of the watch."""

    patient: str
    origin: int
    end: int
    exposure: str | None
    triggered: bool
    # the scales that the page shows in full, and of these the ones that this patient has
    in_full: tuple[str, ...] = ()
    scales: Mapping[str, ScaleSummary] = field(default_factory=dict)
    tocilizumab_doses: int = 0
    steroid_days: int = 0

    def flags(self) -> list[tuple[str, str]]:
        """Scale and flag, a flag that stands on several scales once."""
        found: dict[str, str] = {}
        for scale, item in self.scales.items():
            for flag in item.flags:
                found.setdefault(flag, scale)
        return [(scale, flag) for flag, scale in found.items()]

    def severity(self) -> tuple[int, ...]:
        """Sorts the worst first: what is certain over all scales, then what is not excluded."""
        certain = [-1 if item.at_least is None else item.at_least for item in self.scales.values()]
        possible = [-1 if item.at_most is None else item.at_most for item in self.scales.values()]
        return (-max(certain, default=-1), -sum(certain), -max(possible, default=-1), -sum(possible))


def scales_of(data: ReportData, knowledge: Knowledge) -> list[str]:
    """The scales of the run, in the order of the page."""
    return ordered(data.timeline["scale"].drop_nulls().unique().to_list(), knowledge)


def concepts_of_kind(knowledge: Knowledge, kind: str) -> list[str]:
    """The keys of all concepts of a kind."""
    return [key for key, concept in knowledge.concepts.items() if concept.kind == kind]


def summarize(data: ReportData, knowledge: Knowledge, full: Sequence[str] | None = None) -> list[PatientSummary]:
    """One summary a patient of the timeline, the most severe first.

    ``full``: the scales that are shown in full and decide who is severe; by default those of ``order.in_full``.
    """
    chosen = tuple(in_full(data.timeline, knowledge) if full is None else full)
    frame = _origins(data, knowledge)
    scales = _scale_summaries(data, chosen)
    treated = _treatments(data, chosen)
    out = []
    for row in frame.iter_rows(named=True):
        patient = row["patient"]
        doses, days = treated.get(patient, (0, 0))
        out.append(
            PatientSummary(
                patient,
                row["origin"],
                row["end"],
                row["exposure"],
                row["triggered"],
                chosen,
                scales.get(patient, {}),
                doses,
                days,
            )
        )
    return sorted(out, key=lambda item: (*item.severity(), item.patient))


def _origins(data: ReportData, knowledge: Knowledge) -> pl.DataFrame:
    """Day 0 of each patient: the first trigger charted, else the first episode's, else the first watched moment."""
    # what watches a record from its first row on says nothing about a trigger
    of_record = [key for key, scale in knowledge.scales.items() if scale.watch == "record"]
    after = ~pl.col("scale").is_in(of_record)
    watched = data.timeline.group_by("patient").agg(
        pl.col("start").min(),
        pl.col("end").max(),
        (~pl.col("flags").list.contains("no_trigger")).filter(after).any().alias("after_one"),
        after.any().alias("told"),
    )
    trigger = (
        data.observations.filter(pl.col("concept").is_in(concepts_of_kind(knowledge, "trigger")))
        .sort("time", "text")
        .group_by("patient", maintain_order=True)
        .agg(pl.col("time").first().alias("trigger"), pl.col("text").first().alias("product"))
    )
    episode = (
        data.episodes.sort("exposure_time")
        .group_by("patient", maintain_order=True)
        .agg(
            pl.col("exposure_time").drop_nulls().first(),
            pl.col("exposure").drop_nulls().first().alias("episode_product"),
        )
    )
    joined = watched.join(trigger, on="patient", how="left").join(episode, on="patient", how="left")
    return joined.select(
        "patient",
        "end",
        pl.when("told")
        .then("after_one")
        .otherwise(pl.col("trigger").is_not_null())
        .fill_null(value=True)
        .alias("triggered"),
        pl.coalesce("trigger", "exposure_time", "start").alias("origin"),
        pl.coalesce("product", "episode_product").alias("exposure"),
    ).sort("patient")


def _scale_summaries(data: ReportData, scales: Sequence[str]) -> dict[str, dict[str, ScaleSummary]]:
    hours = (pl.col("end") - pl.col("start")) / HOUR_US
    graded = (
        data.timeline.filter(pl.col("scale").is_in(scales))
        .group_by("patient", "scale")
        .agg(
            pl.col("at_least").max(),
            pl.col("at_most").max(),
            hours.sum().alias("watched_hours"),
            hours.filter(pl.col("grade").is_not_null()).sum().alias("known_hours"),
            pl.col("at_most").is_not_null().any().alias("gradable"),
            pl.col("flags").explode().drop_nulls().unique().sort().alias("flags"),
        )
    )
    table = graded.join(_first_episodes(data.episodes), on=["patient", "scale"], how="left").sort("patient", "scale")
    out: dict[str, dict[str, ScaleSummary]] = {}
    for row in table.iter_rows(named=True):
        out.setdefault(row["patient"], {})[row["scale"]] = _scale_summary(row)
    return out


def _scale_summary(row: dict[str, Any]) -> ScaleSummary:
    known = row["known_hours"] / row["watched_hours"] if row["gradable"] and row["watched_hours"] > 0 else None
    return ScaleSummary(
        at_least=row["at_least"],
        at_most=row["at_most"],
        watched_hours=row["watched_hours"],
        known_share=known,
        onset=row["onset"],
        onset_day=row["onset_day"],
        hours=row["hours"],
        state=row["state"] or "",
        episodes=row["episodes"] or 0,
        flags=tuple(sorted({*row["flags"], *(row["episode_flags"] or [])})),
    )


def _first_episodes(episodes: pl.DataFrame) -> pl.DataFrame:
    return (
        episodes.sort("patient", "scale", "episode")
        .group_by("patient", "scale", maintain_order=True)
        .agg(
            pl.col("onset").first(),
            pl.col("days_from_exposure").first().alias("onset_day"),
            pl.col("hours").first(),
            pl.col("state").first(),
            pl.len().alias("episodes"),
            pl.col("flags").explode().drop_nulls().unique().sort().alias("episode_flags"),
        )
    )


def _treatments(data: ReportData, scales: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Tocilizumab doses and steroid days of each patient: per episode, the larger over the scales, then summed."""
    per_scale = (
        data.episodes.filter(pl.col("scale").is_in(scales))
        .group_by("patient", "scale")
        .agg(pl.col("tocilizumab_doses").sum(), pl.col("steroid_days").sum())
    )
    worst = per_scale.group_by("patient").agg(pl.col("tocilizumab_doses", "steroid_days").max())
    return {patient: (doses or 0, days or 0) for patient, doses, days in worst.iter_rows()}


def course_numbers(data: ReportData, scale: str) -> list[dict[str, Any]]:
    """Onset, time to the worst grade and duration of first episodes, over all and by worst grade."""
    first = data.episodes.filter((pl.col("scale") == scale) & ~pl.col("recurrent").fill_null(value=False))
    first = first.with_columns(
        ((pl.col("time_of_max") - pl.col("onset")) / HOUR_US).alias("to_worst"),
        pl.col("max_at_least").cast(pl.Int64()),
    )
    if first.is_empty():
        return []
    grades = first.get_column("max_at_least").drop_nulls().unique().sort().to_list()
    groups = [("All", first)] + [
        (f"Worst grade {grade}", first.filter(pl.col("max_at_least") == grade)) for grade in grades
    ]
    return [_course_row(name, group) for name, group in (groups if len(grades) > 1 else groups[:1])]


def _course_row(name: str, group: pl.DataFrame) -> dict[str, Any]:
    measures = {
        key: _spread(group.get_column(column))
        for key, column in (("onset", "days_from_exposure"), ("to_worst", "to_worst"), ("duration", "hours"))
    }
    states = {state: group.filter(pl.col("state") == state).height for state in ("resolved", "ongoing", "unknown")}
    return {"name": name, "episodes": group.height, **measures, **states}


def _spread(values: pl.Series) -> dict[str, float] | None:
    known = values.drop_nulls().cast(_NUMBER)
    if known.is_empty():
        return None
    low, middle, high = (float(str(value)) for value in (known.min(), known.median(), known.max()))
    return {"n": len(known), "median": middle, "low": low, "high": high}


def worst_counts(summaries: list[PatientSummary], scale: str) -> dict[str, int]:
    """How many patients reached each bound: ``certain_1`` … ``possible_3``, and how many could be graded at all."""
    found = [item.scales[scale] for item in summaries if scale in item.scales]
    graded = [item for item in found if item.at_least is not None and item.at_most is not None]
    counts = {"graded": len(graded)}
    for grade in (1, 3):
        counts[f"certain_{grade}"] = sum(1 for item in graded if (item.at_least or 0) >= grade)
        counts[f"possible_{grade}"] = sum(1 for item in graded if (item.at_most or 0) >= grade)
    return counts


def patient_days(summaries: list[PatientSummary]) -> float:
    """Watched patient-days, each patient by the scale that was watched longest."""
    hours = [max((item.watched_hours for item in summary.scales.values()), default=0.0) for summary in summaries]
    return sum(hours) * HOUR_US / DAY_US
