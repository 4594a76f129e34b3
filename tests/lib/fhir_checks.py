"""What must be true of exported FHIR: the models of a library that others keep, and what these do not look at.

The library knows elements, types and forms; it accepts any word as a status. So required bindings, references, ids,
units and the invariants of R4 that concern these resources are checked here, from the specification and not from the
code under test.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# required bindings of R4 for the elements that are written
BINDINGS = {
    "Observation.status": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "MedicationAdministration.status": "in-progress not-done on-hold completed entered-in-error stopped unknown",
    "Patient.gender": "male female other unknown",
    "AdverseEvent.actuality": "actual potential",
    "DetectedIssue.status": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "DetectedIssue.severity": "high moderate low",
    "CarePlan.status": "draft active on-hold revoked completed entered-in-error unknown",
    "CarePlan.intent": "proposal plan order option",
    "Device.status": "active inactive entered-in-error unknown",
    "CodeSystem.status": "draft active retired unknown",
    "CodeSystem.content": "not-present example fragment complete supplement",
    "ConceptMap.status": "draft active retired unknown",
}
CODED = {
    "Condition.clinicalStatus": "active recurrence relapse inactive remission resolved",
    "Condition.verificationStatus": "unconfirmed provisional differential confirmed refuted entered-in-error",
    "AdverseEvent.severity": "mild moderate severe",
    "AdverseEvent.outcome": "resolved recovering ongoing resolvedWithSequelae fatal unknown",
}
ABSENT = frozenset({
    "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
    "unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed",
    "not-permitted",
})  # fmt: skip
ACTIVITY = frozenset({
    "not-started", "scheduled", "in-progress", "on-hold", "completed", "cancelled", "stopped", "unknown",
    "entered-in-error",
})  # fmt: skip
DERIVED = {"DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence"}
SUSPECTS = {
    "Immunization", "Procedure", "Substance", "Medication", "MedicationAdministration", "MedicationStatement", "Device",
}  # fmt: skip
EQUIVALENCES = frozenset({
    "relatedto", "equivalent", "equal", "wider", "subsumes", "narrower", "specializes", "inexact", "unmatched",
    "disjoint",
})  # fmt: skip


@cache
def model(kind: str) -> Any:
    """The library's class of a resource, release R4B (R4 with corrections)."""
    return getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def read(folder: Path) -> dict[str, list[Resource]]:
    """Every resource of an exported folder by its type, and the lines as they stand checked by the library."""
    found: dict[str, list[Resource]] = {}
    for path in sorted(folder.glob("*.ndjson")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found[path.stem] = [json.loads(line) for line in lines]
        assert all(one["resourceType"] == path.stem for one in found[path.stem]), path
    return found


def by_library(kind: str, resources: list[Resource]) -> None:
    """Each is valid for the library; ValidationError names the element that is not."""
    for one in resources:
        model(kind).model_validate_json(json.dumps(one))


def faults(resources: dict[str, list[Resource]]) -> list[str]:
    """What is wrong with them that the library does not see."""
    known = {f"{kind}/{one['id']}" for kind, each in resources.items() for one in each}
    found = []
    for kind, each in resources.items():
        ids = [one["id"] for one in each]
        found += [f"{kind}: {len(ids) - len(set(ids))} ids are there twice"] if len(ids) != len(set(ids)) else []
        for one in each:
            found += [f"{kind}/{one['id']}: {fault}" for fault in _faults(kind, one, known)]
    return found


def _faults(kind: str, one: Resource, known: set[str]) -> Iterator[str]:
    if not ID.fullmatch(one["id"]):
        yield "its id is none"
    for place, words in BINDINGS.items():
        name, _, element = place.partition(".")
        if name == kind and element in one and one[element] not in words.split():
            yield f"{element} {one[element]!r}"
    for place, words in CODED.items():
        name, _, element = place.partition(".")
        if name == kind and element in one and one[element]["coding"][0]["code"] not in words.split():
            yield f"{element} {one[element]}"
    yield from _empty(one, kind)
    yield from _references(one, known)
    yield from _quantities(one)
    yield from {
        "Observation": _observation, "MedicationAdministration": _administration, "CarePlan": _plan,
        "Condition": _condition, "AdverseEvent": _event, "ConceptMap": _map,
    }.get(kind, lambda _: iter(()))(one)  # fmt: skip


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def _empty(value: Any, place: str) -> Iterator[str]:
    """FHIR allows nothing that is empty."""
    if value in ({}, [], "", None):
        yield f"{place} is empty"
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _empty(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _empty(inner, place)


def _references(one: Resource, known: set[str]) -> Iterator[str]:
    contained = {f"#{part['id']}" for part in one.get("contained", ())}
    # DetectedIssue.reference is the address of a paper
    targets = [part["reference"] for part in walk(one) if part is not one and isinstance(part.get("reference"), str)]
    yield from (f"{target} is nowhere" for target in targets if target not in known and target not in contained)


def unlisted(resources: dict[str, list[Resource]]) -> set[tuple[str, str]]:
    """Codes of our own systems that no exported CodeSystem holds."""
    listed = {(system["url"], concept["code"]) for system in resources["CodeSystem"] for concept in system["concept"]}
    used = {
        (part["system"], part["code"])
        for kind, each in resources.items()
        if kind not in ("CodeSystem", "ConceptMap")
        for part in walk(each)
        if str(part.get("system", "")).startswith("urn:x-cytowatch:")
        and "code" in part
        and part["system"] != "urn:x-cytowatch:export"
    }
    mapped = {
        (group["source"], element["code"])
        for one in resources.get("ConceptMap", ())
        for group in one["group"]
        for element in group["element"]
    }
    return (used | mapped) - listed


def _quantities(one: Resource) -> Iterator[str]:
    for part in walk(one):
        if "value" in part and isinstance(part["value"], int | float) and ("unit" in part or "code" in part):
            if part.get("system") != "http://unitsofmeasure.org" or part.get("code") != part.get("unit"):
                yield f"quantity {part}"
            if part.get("comparator", "<") not in ("<", "<=", ">", ">="):
                yield f"comparator {part}"


def _codings(concept: dict[str, Any]) -> set[tuple[str | None, str | None]]:
    return {(part.get("system"), part.get("code")) for part in concept.get("coding", ())}


def _observation(one: Resource) -> Iterator[str]:
    values = [name for name in one if name.startswith("value")]
    parts = [one, *one.get("component", ())]
    if len(values) > 1:
        yield f"several values: {values}"
    if values and "dataAbsentReason" in one:
        yield "obs-6: a value, and the reason why there is none"
    if not values and "dataAbsentReason" not in one:
        yield "neither a value nor a reason"
    for part in parts[1:]:
        yield from _component(part, _codings(one["code"]) if values else set())
    reasons = [part["dataAbsentReason"]["coding"][0]["code"] for part in parts if "dataAbsentReason" in part]
    yield from (f"dataAbsentReason {code}" for code in reasons if code not in ABSENT)
    yield from _derivation(one)


def _derivation(one: Resource) -> Iterator[str]:
    for part in one.get("derivedFrom", ()):
        if "reference" in part and part["reference"].split("/")[0] not in DERIVED:
            yield f"derivedFrom {part}"
    for limits in one.get("referenceRange", ()):
        if not {"low", "high"} & set(limits) or any("comparator" in side for side in limits.values()):
            yield f"obs-3: {limits}"


def _component(part: dict[str, Any], whole: set[tuple[str | None, str | None]]) -> Iterator[str]:
    if whole & _codings(part["code"]):
        yield "obs-7: a component with the code of the whole"
    if len([name for name in part if name.startswith("value")]) + ("dataAbsentReason" in part) != 1:
        yield f"component {part}"


def _administration(one: Resource) -> Iterator[str]:
    dosage = one.get("dosage")
    if dosage is not None:
        amounts = [part for name in ("dose", "rateQuantity") if (part := dosage.get(name))]
        if not amounts:
            yield "mad-1: a dosage without dose and rate"
        if any("comparator" in part for part in amounts):
            yield "sqty-1: a bound where an amount must stand"
    if ("effectiveDateTime" in one) == ("effectivePeriod" in one):
        yield "one moment or one period"


def _plan(one: Resource) -> Iterator[str]:
    if one["status"] != "draft" or one["intent"] != "proposal":
        yield "more than a proposal"
    for part in one.get("activity", ()):
        if part["detail"]["status"] not in ACTIVITY:
            yield f"activity {part}"
        if "Source: " not in part["detail"]["description"]:
            yield "an activity without its source"


def _condition(one: Resource) -> Iterator[str]:
    closed = {"inactive", "resolved", "remission"}
    state = one.get("clinicalStatus", {}).get("coding", [{}])[0].get("code")
    if "abatementDateTime" in one and state not in closed:
        yield "con-4: abated, and not closed"
    for stage in one.get("stage", ()):
        if not {"summary", "assessment"} & set(stage):
            yield "con-1"


def _event(one: Resource) -> Iterator[str]:
    for part in one.get("suspectEntity", ()):
        target = part["instance"]["reference"]
        kind = one["contained"][0]["resourceType"] if target.startswith("#") else target.split("/")[0]
        if kind not in SUSPECTS:
            yield f"suspectEntity {part}"


def _map(one: Resource) -> Iterator[str]:
    for part in walk(one):
        if "equivalence" in part and part["equivalence"] not in EQUIVALENCES:
            yield f"equivalence {part}"
