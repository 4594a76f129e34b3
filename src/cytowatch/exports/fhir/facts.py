"""What was charted: admitted rows, and rows in doubt, as Observations and MedicationAdministrations.

A row in doubt (it was rejected, and may have been a therapy) has no amount or value: an Observation says that it is
absent, a MedicationAdministration has the status ``unknown``. A row that another one withdrew by its source has the
status ``entered-in-error``, so that a receiver who has it already takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from cytowatch.engine.settle import in_doubt
from cytowatch.exports.fhir.codings import Codings
from cytowatch.exports.fhir.identity import identified
from cytowatch.exports.fhir.jsontext import a_list, an_object, encoded, reference, resources, spread, string
from cytowatch.exports.fhir.keys import as_uri, dated
from cytowatch.exports.fhir.names import (
    AVAILABLE,
    BOUND,
    COMPARATOR,
    IN_DOUBT,
    OBSERVATION_CATEGORY,
    PART,
    STATUS,
    TEXT,
    UCUM,
    UNKNOWN,
    WITHDRAWN,
    coded,
    extension,
)
from cytowatch.knowledge.model import Concept, Knowledge

_ERROR = "entered-in-error"
# HL7's categories of observations, by the group of the concept
_CATEGORIES = {
    "vital": ("vital-signs", "Vital Signs"),
    "laboratory": ("laboratory", "Laboratory"),
    "oxygen": ("therapy", "Therapy"),
    "kidney": ("therapy", "Therapy"),
    "neuro": ("exam", "Exam"),
    "heart": ("exam", "Exam"),
}
_OTHER = ("survey", "Survey")
_KEYS = (
    "kind", "concept", "comparator", "text", "status", "concept_kind", "has_value", "has_end", "doubtful", "withdrawn",
)  # fmt: skip


def is_drug(concept: Concept) -> bool:
    """Whether a row of this concept is a drug that was given; a trigger that is one has a unit of dose."""
    return concept.kind in ("infusion", "dose") or (concept.kind == "trigger" and bool(concept.units))


def facts_of(rows: pl.DataFrame, keys: pl.DataFrame, knowledge: Knowledge, files: list[str]) -> pl.DataFrame:
    """The rows with all that decides on their resource: ``kind`` (its type), ``id``, ``doubtful``, ``withdrawn``.

    ``rows``: table `observations`, rows in doubt among them; ``keys``: `keys.patient_keys`; ``files``:
    `identity.input_files`, which also says what ``original`` and ``origin`` are.
    """
    drugs = [concept.key for concept in knowledge.concepts.values() if is_drug(concept)]
    kinds = {concept.key: concept.kind for concept in knowledge.concepts.values()}
    known = rows.join(keys, on="patient", how="left", maintain_order="left").with_columns(
        concept_kind=pl.col("concept").replace_strict(kinds, default="statement", return_dtype=pl.String),
        kind=pl.when(pl.col("concept").is_in(drugs)).then(pl.lit("MedicationAdministration")).otherwise(
            pl.lit("Observation")
        ),
        withdrawn=_withdrawn(rows),
    )  # fmt: skip
    doubtful = [in_doubt(kind) & (pl.col("concept_kind") == kind) for kind in ("infusion", "device", "dose", "reading")]
    # admission calls a device that it could not read by no other name
    unread = pl.any_horizontal(doubtful) & ((pl.col("concept_kind") != "device") | (pl.col("text") == "other"))
    return identified(known, files).with_columns(
        doubtful=unread & (pl.col("status") != _ERROR) & ~pl.col("withdrawn"),
        has_value=pl.col("value").is_not_null(),
        has_end=pl.col("until").is_not_null(),
    )


def _withdrawn(rows: pl.DataFrame) -> pl.Series:
    """Rows that a mark of status entered-in-error points at by its source."""
    wrong = rows["status"] == _ERROR
    return _found(rows, rows.filter(wrong), ["patient", "concept", "source"]) & ~wrong


def _found(rows: pl.DataFrame, others: pl.DataFrame, by: list[str]) -> pl.Series:
    """Which rows have one among the others that is the same by these columns."""
    keys = others.select(by).unique().with_columns(hit=True)
    hit = rows.select(by).join(keys, on=by, how="left", nulls_equal=True, maintain_order="left")["hit"]
    return hit.fill_null(value=False)


def fact_resources(facts: pl.DataFrame, zero: int, knowledge: Knowledge) -> Iterable[tuple[str, pl.DataFrame]]:
    """Each type with its resources (``patient, id, line``)."""
    codings = Codings(knowledge)
    placed = dated(facts, zero, "time", "until", "available").with_columns(
        number=pl.col("value").cast(pl.String), uri=as_uri(facts["origin"])
    )
    placed = spread(placed, _KEYS, _extensions, "extensions")
    placed = spread(placed, ("unit",), _unit, "simple")
    placed = spread(placed, ("unit", "comparator"), _unit, "quantity")
    is_observed = pl.col("kind") == "Observation"
    observed = spread(placed.filter(is_observed), _KEYS, lambda row: _observation(row, codings), "shared")
    yield "Observation", resources(observed, _OBSERVED)
    given = spread(placed.filter(~is_observed), _KEYS, lambda row: _administration(row, codings), "shared")
    yield "MedicationAdministration", resources(given, _GIVEN)


def _when(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value)


_STANDS = pl.col("has_value") & ~pl.col("doubtful")
# an infusion without an end is still running
_LASTS = pl.col("has_end") | (pl.col("concept_kind") == "infusion")
_BOUNDED = pl.col("comparator").is_not_null()
_QUANTITY = an_object({"value": pl.col("number")}, shared="quantity")
_SIMPLE = an_object({"value": pl.col("number")}, shared="simple")
_WHEN = {
    "id": string("id"),
    "meta": an_object({"source": string("uri")}),
    "effectiveDateTime": _when(~_LASTS, string("time")),
    "effectivePeriod": _when(_LASTS, an_object({"start": string("time"), "end": string("until")})),
}


def _limit(side: str) -> pl.Expr:
    number = pl.col(f"range_{side}").cast(pl.String)
    return _when(number.is_not_null(), an_object({"value": number}, shared="simple"))


_OBSERVED = _WHEN | {
    "subject": reference("Patient", "patient_id"),
    "issued": string("available"),
    "extension": a_list(pl.col("extensions")),
    "valueQuantity": _when(_STANDS, _QUANTITY),
    "referenceRange": a_list(an_object({side: _limit(side) for side in ("low", "high")})),
}
_IS_RATE = pl.col("concept_kind") == "infusion"
_AMOUNT = _when(_STANDS & ~_BOUNDED, _SIMPLE)
# R4 allows no comparator in a dosage: a bound that a reader overlooks would read as an amount
_BOUND = an_object({"url": pl.lit(encoded(BOUND)), "valueQuantity": _QUANTITY})
_AVAILABLE = an_object({"url": pl.lit(encoded(AVAILABLE)), "valueInstant": string("available")})
_GIVEN = _WHEN | {
    "subject": reference("Patient", "patient_id"),
    "extension": a_list(
        pl.col("extensions"),
        _when(_STANDS & _BOUNDED, _BOUND),
        _when(pl.col("available").is_not_null(), _AVAILABLE),
    ),
    "dosage": an_object({"rateQuantity": _when(_IS_RATE, _AMOUNT), "dose": _when(~_IS_RATE, _AMOUNT)}),
}


def _unit(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a quantity besides its number."""
    bound = {"comparator": row["comparator"]} if row.get("comparator") else {}
    unit = row["unit"]
    return {**bound, **({"unit": unit, "system": UCUM, "code": unit} if unit else {})}


def _extensions(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What the resource itself has no field for."""
    drug = row["kind"] != "Observation"
    found = [extension(IN_DOUBT, valueBoolean=True)] if row["doubtful"] else []
    if row["withdrawn"]:
        # the row that withdrew it says what is taken back; this one says so of itself alone
        found.append(extension(WITHDRAWN, valueBoolean=True))
    if row["status"] in ("preliminary", "amended") and drug:
        found.append(extension(STATUS, valueCode=row["status"]))
    if row["comparator"] and not row["has_value"] and not row["doubtful"]:
        found.append(extension(COMPARATOR, valueCode=row["comparator"]))
    if drug and row["text"] and row["concept_kind"] != "trigger":
        found.append(extension(TEXT, valueString=row["text"]))
    return found


def _observation(row: dict[str, Any], codings: Codings) -> dict[str, Any]:
    concept, silent = row["concept"], row["doubtful"]
    said: dict[str, Any] = {}
    if row["text"] and not silent:
        spoken = {"valueCodeableConcept": codings.said(concept, row["text"])}
        said = {"component": [{"code": coded(PART, "text", "Text"), **spoken}]} if row["has_value"] else spoken
    if silent or not (row["has_value"] or row["text"]):
        said = {"dataAbsentReason": UNKNOWN}
    return {
        "resourceType": "Observation",
        "status": _ERROR if row["withdrawn"] else row["status"],
        "category": [coded(OBSERVATION_CATEGORY, *_CATEGORIES.get(codings.group(concept), _OTHER))],
        "code": codings.observed(concept),
        **said,
    }


def _administration(row: dict[str, Any], codings: Codings) -> dict[str, Any]:
    running = row["concept_kind"] == "infusion" and not row["has_end"]
    status = "unknown" if row["doubtful"] else "in-progress" if running else "completed"
    is_trigger = row["concept_kind"] == "trigger"
    drug = codings.product(row["concept"], row["text"]) if is_trigger else codings.drug(row["concept"])
    return {
        "resourceType": "MedicationAdministration",
        "status": _ERROR if row["withdrawn"] or row["status"] == _ERROR else status,
        "medicationCodeableConcept": drug,
    }
