"""Who derived it and from what: a Device for the software, and one Provenance a patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from cytowatch.exports.fhir.jsontext import a_list, resources, spread, string
from cytowatch.exports.fhir.names import AGENT, INPUT, URN, coded, extension

# of more inputs than that only the number is told; run.json lists them
_MOST_INPUTS = 20
_NOT_A_DEVICE = "Research software, not a medical device: it has no device identifier."


def device_id(run: Mapping[str, Any]) -> str:
    """The id of the Device: the software in its version, with the tables in theirs."""
    named = f"cytowatch-{run.get('software', 'unknown')}-{run.get('knowledge', 'unknown')}"
    return re.sub(r"[^A-Za-z0-9.\-]", "-", named)[:64]


def device(run: Mapping[str, Any]) -> dict[str, Any]:
    """The software as a Device."""
    versions = [
        {"type": {"text": name}, "value": str(run[name])} for name in ("software", "knowledge") if run.get(name)
    ]
    return {
        "resourceType": "Device",
        "id": device_id(run),
        "status": "active",
        "deviceName": [{"name": "cytowatch", "type": "model-name"}],
        **({"version": versions} if versions else {}),
        "note": [{"text": _NOT_A_DEVICE}],
    }


def provenance_resources(targets: pl.DataFrame, recorded: pl.DataFrame, run: Mapping[str, Any]) -> pl.DataFrame:
    """One Provenance a patient: what was derived, by which software, from which inputs.

    ``targets`` (``patient, target``): `Type/id` of what was derived; ``recorded`` (``patient, key, recorded``): when,
    as text.
    """
    item = pl.concat_str(pl.lit('{"reference":"'), "target", pl.lit('"}'))
    items = targets.group_by("patient").agg(items=item.sort().str.join(","))
    rows = recorded.join(items, on="patient", how="inner", maintain_order="left")
    rows = rows.with_columns(id=pl.concat_str("key", pl.lit("-v")), run=pl.lit(0))
    fields = {"id": string("id"), "target": a_list(pl.col("items")), "recorded": string("recorded")}
    return resources(spread(rows, ("run",), lambda _: _shared(run), "shared"), fields)


def _shared(run: Mapping[str, Any]) -> dict[str, Any]:
    who = {"reference": f"Device/{device_id(run)}"}
    inputs = run.get("inputs") or []
    entities = [_entity(one) for one in inputs[:_MOST_INPUTS]]
    if len(inputs) > _MOST_INPUTS:
        entities.append({"role": "source", "what": {"display": f"{len(inputs)} inputs in all; run.json lists them"}})
    return {
        "resourceType": "Provenance",
        **({"extension": settings} if (settings := _settings(run)) else {}),
        "activity": {"text": "Toxicity graded from the record by rules"},
        "agent": [{"type": coded(AGENT, "assembler", "Assembler"), "who": who}],
        **({"entity": entities} if entities else {}),
    }


def _entity(one: Mapping[str, Any]) -> dict[str, Any]:
    fates = ("read", "used", "superseded", "ignored", "rejected")
    counts = ", ".join(f"{one[fate]} {fate}" for fate in fates if fate in one)
    identifier = {"system": INPUT, "value": str(one.get("file"))}
    return {"role": "source", "what": {"identifier": identifier, "display": f"{one.get('file')} ({counts})"}}


def _settings(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked of the run: without it the same record would be graded otherwise."""
    asked = {name: value for name, value in (run.get("arguments") or {}).items() if value is not None}
    told = [extension(f"{URN}argument:{name.replace('_', '-')}", valueString=str(one)) for name, one in asked.items()]
    return told + [extension(f"{URN}not-recorded", valueCode=key) for key in run.get("not_recorded") or []]


def recorded_at(rows: pl.DataFrame, moment: str | None) -> pl.DataFrame:
    """``patient, key, recorded`` of graded rows (``end`` as text): the moment asked for, else the end of the last one.

    No clock is read: the same run exports the same bytes.
    """
    last = rows.group_by("patient", "key", maintain_order=True).agg(recorded=pl.col("end").max())
    return last if moment is None else last.with_columns(recorded=pl.lit(moment))
