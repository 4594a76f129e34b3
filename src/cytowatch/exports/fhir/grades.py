"""Grades: each row of the timeline as one Observation, with its bounds, what they rest on and what is missing.

A certain grade is ``valueInteger``. A range has no value: it says ``dataAbsentReason``, and its ends stand in the
components ``at_least`` and ``at_most``, which are always there. What would settle a grade is a component that is
absent; criteria that are met and flags are components that are true.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from cytowatch.exports.fhir.jsontext import a_list, an_object, reference, resources, spread, string
from cytowatch.exports.fhir.keys import dated, hashed
from cytowatch.exports.fhir.names import (
    FLAG,
    MISSING,
    OBSERVATION_CATEGORY,
    PART,
    SCALE,
    UNKNOWN,
    coded,
    criterion_system,
)
from cytowatch.exports.fhir.references import derivations
from cytowatch.report.words import Words
from cytowatch.schema import LIST_SEPARATOR

_LISTS = ("criteria", "missing", "flags")
_KEYS = ("scale", "grade", "at_least", "at_most", *_LISTS, "episode", "knowledge", "engine")
PARTS = {
    "at_least": "What is certainly met",
    "at_most": "What is not excluded",
    "episode": "Number of the episode",
    "text": "Text that was charted beside the number",
}


def grade_ids(scale: str, start: str) -> pl.Expr:
    """The id of the grade of a scale from a moment on (columns of its id and of microseconds), stable as data grow."""
    return pl.concat_str("key", pl.lit("-g"), pl.col(scale), pl.lit("-"), pl.col(start).cast(pl.String))


def scale_marks(scales: pl.Series) -> dict[str, str]:
    """A short mark of each scale for ids, as ids of scales can be longer than FHIR allows."""
    return {scale: hashed(scale, 4) for scale in scales.unique().to_list()}


def with_grade_ids(timeline: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """The timeline with ``id``, the id of each row's Observation, and the columns of ``keys``."""
    marks = scale_marks(timeline["scale"])
    marked = timeline.join(keys, on="patient", how="left", maintain_order="left").with_columns(
        mark=pl.col("scale").replace_strict(marks, default=None, return_dtype=pl.String)
    )
    return marked.with_columns(id=grade_ids("mark", "start"))


def grade_resources(graded: pl.DataFrame, facts: pl.DataFrame, zero: int, words: Words, device: str) -> pl.DataFrame:
    """One Observation for each row of ``graded`` (see `with_grade_ids`); ``facts``: exported facts with their ids."""
    rows = dated(graded, zero, "start", "end").with_row_index("at")
    rows = rows.join(derivations(rows, facts), on="at", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col(name).list.join(LIST_SEPARATOR) for name in _LISTS)
    rows = spread(rows, _KEYS, lambda row: _shared(row, words, device), "shared")
    fields = {
        "id": string("id"),
        "extension": a_list(pl.col("besides")),
        "subject": reference("Patient", "patient_id"),
        "effectivePeriod": an_object({"start": string("start"), "end": string("end")}),
        "derivedFrom": a_list(pl.col("derived")),
    }
    return resources(rows, fields)


def _shared(row: dict[str, Any], words: Words, device: str) -> dict[str, Any]:
    scale, grade = row["scale"], row["grade"]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [coded(OBSERVATION_CATEGORY, "survey", "Survey")],
        "code": coded(SCALE, scale, words.full(scale)),
        **({"dataAbsentReason": UNKNOWN} if grade is None else {"valueInteger": grade}),
        "method": {
            **coded(SCALE, scale, version=row["knowledge"]),
            "text": f"Derived by {row['engine']} with the tables {row['knowledge']}",
        },
        "device": {"reference": f"Device/{device}"},
        "component": list(_components(row, words)),
    }


def _components(row: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    scale = row["scale"]
    bounds = [_number(name, row[name]) for name in ("at_least", "at_most")]
    episode = [] if row["episode"] is None else [_number("episode", row["episode"])]
    met = [_true(criterion_system(scale), key, words.criterion(scale, key)) for key in _split(row["criteria"])]
    flags = [_true(FLAG, key, words.flag(scale, key)) for key in _split(row["flags"])]
    missing = [
        {"code": coded(MISSING, key, words.missing(key)), "dataAbsentReason": UNKNOWN} for key in _split(row["missing"])
    ]
    return [*bounds, *episode, *met, *flags, *missing]


def _split(joined: str | None) -> list[str]:
    return joined.split(LIST_SEPARATOR) if joined else []


def _number(part: str, value: int | None) -> dict[str, Any]:
    said = {"dataAbsentReason": UNKNOWN} if value is None else {"valueInteger": value}
    return {"code": coded(PART, part, PARTS[part]), **said}


def _true(system: str, key: str, text: str) -> dict[str, Any]:
    return {"code": coded(system, key, text), "valueBoolean": True}
