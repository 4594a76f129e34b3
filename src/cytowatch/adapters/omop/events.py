"""Rows of ``device_exposure``, ``procedure_occurrence`` and ``condition_occurrence``: something coded, for a time."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.omop.meanings import Judge
from cytowatch.adapters.omop.moments import (
    at_midnight,
    day_after,
    day_in_doubt,
    ending,
    refused,
    same_moment,
    with_moment,
)

KEYS = {
    "device_exposure": ("device_concept_id", "device_source_concept_id", "device_source_value"),
    "procedure_occurrence": ("procedure_concept_id", "procedure_source_concept_id", "procedure_source_value"),
    "condition_occurrence": ("condition_concept_id", "condition_source_concept_id", "condition_source_value"),
}
_START = {
    "device_exposure": ("device_exposure_start_date", "device_exposure_start_datetime"),
    "procedure_occurrence": ("procedure_date", "procedure_datetime"),
    "condition_occurrence": ("condition_start_date", "condition_start_datetime"),
}
_END = {
    "device_exposure": ("device_exposure_end_datetime", "device_exposure_end_date"),
    "procedure_occurrence": ("procedure_end_datetime", "procedure_end_date"),
}


def events(frame: pl.DataFrame, table: str, judge: Judge) -> Mapped:
    """What the kept rows state: a device for its time, anything else at its start.

    A device that began at exactly midnight was on some time that day: which, and from when, is not known.
    """
    frame = with_moment(frame, *_START[table])
    end, last = _END.get(table, (None, None))
    nothing = pl.lit(None, pl.String)
    stated = judge.stated(frame).with_columns(
        doubtful=pl.col("kind").is_in(["device", "infusion", "dose"]),
        end=nothing if end is None else ending(end),
        last=nothing if end is None or last is None else pl.coalesce(end, last),
    )
    good = stated.filter(pl.col("rule").is_null())
    device = pl.col("kind") == "device"
    day_only = device & at_midnight("time")
    same = same_moment("end") == same_moment("time")
    until = pl.when(day_only).then(pl.coalesce(day_after("last"), day_after("day"))).when(device & ~same).then("end")
    raw = good.select(
        "row", "source", "time", "concept",
        patient="person_id",
        until=until,
        text=pl.when(day_only).then(pl.lit("other")).otherwise("category"),
        comparator=pl.when(day_only).then(pl.lit(">=")),
    )  # fmt: skip
    return Mapped(raw, refused(stated), unread=day_in_doubt(stated))
