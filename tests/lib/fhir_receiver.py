"""A receiver of exported FHIR that knows only the documented form: resources in, admitted rows out.

Written from the how-to page and from R4, and not from the code that exports; it shares nothing with the FHIR door.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import OBSERVATIONS, PATIENTS

URN = "urn:x-cytowatch:"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Resource = dict[str, Any]


def received(resources: dict[str, list[Resource]], knowledge: Knowledge) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables `observations` and `patients`."""
    names = {f"Patient/{one['id']}": one["identifier"][0]["value"] for one in resources["Patient"]}
    rows = []
    for one in [*resources["Observation"], *resources["MedicationAdministration"]]:
        row = _row(one, knowledge)
        if row is not None:
            rows.append({"row": len(rows), "patient": names[one["subject"]["reference"]], **row})
    people = [_person(one) for one in resources["Patient"]]
    observed = pl.DataFrame(rows, schema=OBSERVATIONS.schema, orient="row")
    return observed, pl.DataFrame(people, schema=PATIENTS.schema, orient="row")


def _row(one: Resource, knowledge: Knowledge) -> dict[str, Any] | None:
    code = one.get("code") or one["medicationCodeableConcept"]
    concept = _of(code, "concept")
    if concept is None:
        return None
    if _extension(one, "withdrawn"):
        # the row that withdrew it is another resource
        return None
    kind = knowledge.concepts[concept].kind
    drug = one["resourceType"] == "MedicationAdministration"
    said = _given(one) if drug else _observed(one)
    if _extension(one, "in-doubt"):
        said |= {"value": None if kind == "device" else 0.0, "unit": None, "comparator": ">="}
        said |= {"text": "other"} if kind == "device" else {}
    bare = _extension(one, "comparator")
    said |= {"comparator": bare["valueCode"]} if bare else {}
    period = one.get("effectivePeriod", {})
    return {
        "concept": concept,
        "time": _moment(one.get("effectiveDateTime") or period["start"]),
        "until": _moment(period.get("end")),
        "source": unquote(one["meta"]["source"]),
        **said,
    }


def _observed(one: Resource) -> dict[str, Any]:
    quantity = one.get("valueQuantity", {})
    parts = [one, *(part for part in one.get("component", ()) if _of(part["code"], "part") == "text")]
    texts = [part["valueCodeableConcept"]["text"] for part in parts if "valueCodeableConcept" in part]
    limits = one.get("referenceRange", [{}])[0]
    return {
        **_number(quantity),
        "text": texts[0] if texts else None,
        "available": _moment(one.get("issued")),
        "status": one["status"],
        "range_low": limits.get("low", {}).get("value"),
        "range_high": limits.get("high", {}).get("value"),
    }


def _given(one: Resource) -> dict[str, Any]:
    dosage = one.get("dosage", {})
    bound = _extension(one, "bound") or {}
    amount = dosage.get("dose") or dosage.get("rateQuantity") or bound.get("valueQuantity") or {}
    own = _extension(one, "status")
    drug = one["medicationCodeableConcept"]
    text = _extension(one, "text")
    return {
        **_number(amount),
        "text": drug.get("text") or (text["valueString"] if text else None),
        "available": _moment((_extension(one, "available") or {}).get("valueInstant")),
        "status": "entered-in-error" if one["status"] == "entered-in-error" else own["valueCode"] if own else "final",
    }


def _number(quantity: dict[str, Any]) -> dict[str, Any]:
    value = quantity.get("value")
    return {
        "value": None if value is None else float(value),
        "unit": quantity.get("code"),
        "comparator": quantity.get("comparator"),
    }


def _of(code: dict[str, Any], system: str) -> str | None:
    return next((one["code"] for one in code.get("coding", ()) if one.get("system") == f"{URN}{system}"), None)


def _extension(one: Resource, name: str) -> dict[str, Any] | None:
    return next((part for part in one.get("extension", ()) if part["url"] == f"{URN}{name}"), None)


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    since = datetime.fromisoformat(text) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _person(one: Resource) -> dict[str, Any]:
    own = {
        part["url"].removeprefix(f"{URN}patient:"): next(value for name, value in part.items() if name != "url")
        for part in one.get("extension", ())
    }
    born = {"birth_date": date.fromisoformat(one["birthDate"])} if "birthDate" in one else {}
    known = {name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
             for name, value in own.items()}  # fmt: skip
    nothing = dict.fromkeys(PATIENTS.names)
    return {**nothing, "sex": one.get("gender"), **born, **known, "patient": one["identifier"][0]["value"]}
