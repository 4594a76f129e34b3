"""Writes the tables of an export: some patients at a time in, whole CSV files out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.exports.omop.facts import facts
from cytowatch.exports.omop.local import Ids
from cytowatch.exports.omop.losses import Losses
from cytowatch.exports.omop.persons import MAP, person_ids, persons
from cytowatch.exports.omop.results import cohorts, grades
from cytowatch.exports.omop.wall import Wall
from cytowatch.exports.options import Options
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome
from cytowatch.results import atomically, read_outcomes

_KEYS = ("measurement", "observation", "drug_exposure", "device_exposure")
_MOMENTS = ("time", "until", "available", "start", "end")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_omop(folder: Path, target: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    """Write a graded folder as CSV tables of the common data model 5.4; gives back the paths.

    Raises ArgumentError for a folder that counts hours without a zero, InputError for one that is no graded folder.
    """
    outcomes = list(read_outcomes(folder))
    shift = _shift(outcomes, options)
    wall = Wall(options.zone_of(outcomes[0].run, outcomes[0].clock) if outcomes else Wall().zone)
    target.mkdir(parents=True, exist_ok=True)
    names = {
        name for one in outcomes for table in (one.observations, one.timeline) for name in table["patient"].unique()
    }
    numbers = person_ids(names, target)
    ids, losses = Ids(knowledge), Losses()
    tables: dict[str, list[pl.DataFrame]] = {}
    timelines = []
    for outcome in outcomes:
        observations = _placed(outcome.observations, numbers, shift)
        timeline = _placed(outcome.timeline, numbers, shift)
        timelines.append(
            timeline.select("person_id", "scale", "start", "end", "grade", "at_least", "at_most", "episode")
        )
        losses.add("in_doubt", outcome.in_doubt)
        found = facts(observations, ids, losses, wall)
        found["person"] = persons(outcome.patients, numbers, _first(observations, timeline), losses)
        for table, frame in found.items():
            tables.setdefault(table, []).append(frame)
    whole = {table: pl.concat(frames) for table, frames in tables.items()}
    timeline = pl.concat(timelines)
    whole["observation"] = pl.concat([whole["observation"], grades(timeline, ids, losses, wall)])
    whole["cohort"], whole["cohort_definition"] = cohorts(timeline, ids, wall)
    whole |= {"concept": ids.concepts(), "vocabulary": ids.vocabulary(), "cdm_source": _about(knowledge, wall)}
    paths = [_write(_numbered(frame, table), target / f"{table}.csv") for table, frame in whole.items()]
    mapped = pl.DataFrame({"patient": list(numbers), "person_id": list(numbers.values())})
    paths.append(_write(mapped.sort("person_id"), target / MAP))
    return [*paths, _write(losses.table(), target / "losses.csv")]


def _shift(outcomes: list[Outcome], options: Options) -> int:
    """Microseconds to add to the times of the folder, so that they count from 1970 UTC."""
    hours = any(one.clock == "hours" for one in outcomes)
    if not hours:
        if options.zero is not None:
            raise ArgumentError(
                "--zero does not go with calendar times.",
                where="--zero",
                why="This run has times of its own: a zero would move nothing, or everything.",
                hint="Leave it out; it is for runs that count hours. To choose the zone of the written times: --zone.",
            )
        return 0
    try:
        zero = datetime.fromisoformat(options.zero or "")
    except ValueError:
        zero = None
    if zero is None or zero.tzinfo is None:
        raise ArgumentError(
            "This folder counts hours from a zero of its own." if options.zero is None else "--zero is no moment.",
            where="--zero",
            why="The common data model holds calendar times.",
            hint="Say when hour 0 was, with its zone: --zero 2026-03-01T08:00:00Z (any moment if only spans matter).",
        )
    return int((zero - _EPOCH).total_seconds()) * 1_000_000


def _placed(frame: pl.DataFrame, numbers: dict[str, int], shift: int) -> pl.DataFrame:
    """The same rows with ``person_id``, and times since 1970 UTC."""
    times = [pl.col(name) + shift for name in _MOMENTS if name in frame.columns]
    number = pl.col("patient").cast(pl.String).replace_strict(numbers, return_dtype=pl.Int64).alias("person_id")
    return frame.with_columns(*times, number)


def _first(observations: pl.DataFrame, timeline: pl.DataFrame) -> dict[str, int]:
    """The first moment of each patient."""
    both = pl.concat([observations.select("patient", "time"), timeline.select("patient", time="start")])
    return dict(both.group_by("patient").agg(pl.col("time").min()).iter_rows())


def _numbered(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The table with its own key in front, counted from 1."""
    if table not in _KEYS:
        return frame
    return frame.select(pl.int_range(1, pl.len() + 1).alias(f"{table}_id"), pl.all())


def _about(knowledge: Knowledge, wall: Wall) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "cdm_source_name": "cytowatch", "cdm_source_abbreviation": "cytowatch", "cdm_holder": "",
                "source_description": f"Facts and grades of one run; times in {wall.zone}. Not a medical device.",
                "cdm_version": "5.4", "vocabulary_version": f"cytowatch {knowledge.version}",
            }
        ]
    )  # fmt: skip


def _write(frame: pl.DataFrame, path: Path) -> Path:
    atomically(path, frame.write_csv)
    return path
