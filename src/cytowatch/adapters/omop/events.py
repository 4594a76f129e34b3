"""Rows of ``device_exposure``, ``procedure_occurrence`` and ``condition_occurrence``: something coded, for a time."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.omop.meanings import Judge
from cytowatch.adapters.omop.moments import (
    at_midnight,
    day_after,
    ending,
    ends_by_day,
    in_doubt,
    last_days,
    placeholder_days,
    refused,
    same_moment,
    with_moment,
    with_unknown,
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

    A device that began at exactly midnight was on some time that day: which, and from when, is not known. One that
    ended at exactly midnight was on until that day began; how long on it, is not known. A dose at exactly midnight is
    known by its day only.
    """
    knowledge = judge.concepts.knowledge
    frame = with_moment(frame, *_START[table])
    end, last = _END.get(table, (None, None))
    nothing = pl.lit(None, pl.String)
    stated = judge.stated(frame).with_columns(
        doubtful=pl.col("kind").is_in(["device", "infusion", "dose"]),
        end=nothing if end is None else ending(end),
        last=nothing if end is None or last is None else pl.coalesce(end, last),
        printed=pl.col(KEYS[table][2]),
    )
    dose_of_day = pl.col("rule").is_null() & (pl.col("kind") == "dose") & at_midnight("time")
    stated = with_unknown(stated.with_columns(rule=pl.when(dose_of_day).then(pl.lit("partial_date")).otherwise("rule")))
    good = ends_by_day(stated.filter(pl.col("rule").is_null()), placeholder_days(knowledge))
    device = pl.col("kind") == "device"
    day_only = device & (at_midnight("time") | pl.col("own_day"))
    same = same_moment("end") == same_moment("time")
    until = pl.when(day_only).then(pl.coalesce(day_after("last"), day_after("day"))).when(device & ~same).then("end")
    facts = good.with_columns(
        patient="person_id",
        until=until,
        text=pl.when(day_only).then(pl.lit("other")).otherwise("category"),
        comparator=pl.when(day_only).then(pl.lit(">=")),
        value=nothing,
        unit=nothing,
        loose=pl.col("loose") & device,
    )
    raw = pl.concat([facts, last_days(facts, "other")])
    return Mapped(
        raw.select("row", "source", "time", "concept", "patient", "until", "text", "comparator"),
        refused(stated),
        unread=in_doubt(stated),
    )
