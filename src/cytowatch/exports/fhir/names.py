"""The systems, extensions and file names of the export; this project owns no domain, so its own are URNs."""

from __future__ import annotations

from typing import Any

URN = "urn:x-cytowatch:"
CONCEPT = f"{URN}concept"
CATEGORY = f"{URN}category"
PRODUCT = f"{URN}product"
SCALE = f"{URN}scale"
GRADE = f"{URN}grade"  # of a scale: crs.astct-2019:3
PART = f"{URN}part"  # parts of a grade and of a fact: at_least, at_most, episode, text
FLAG = f"{URN}flag"
MISSING = f"{URN}missing"
GUIDELINE = f"{URN}guideline"
RULE = f"{URN}rule"
PATIENT = f"{URN}patient"
INPUT = f"{URN}input"
EXPORT = f"{URN}export"  # what an export wrote, and what it left out
SOURCE = f"{URN}source"
# extensions
STATUS = f"{URN}status"
AVAILABLE = f"{URN}available"
COMPARATOR = f"{URN}comparator"
IN_DOUBT = f"{URN}in-doubt"
WITHDRAWN = f"{URN}withdrawn"
BOUND = f"{URN}bound"
TEXT = f"{URN}text"
EVIDENCE = f"{URN}evidence"
DERIVED_FROM = f"{URN}derived-from"
EPISODE = f"{URN}episode"

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
OBSERVATION_CATEGORY = f"{_TERMINOLOGY}observation-category"
ABSENT = f"{_TERMINOLOGY}data-absent-reason"
CLINICAL = f"{_TERMINOLOGY}condition-clinical"
VERIFICATION = f"{_TERMINOLOGY}condition-ver-status"
CONDITION_CATEGORY = f"{_TERMINOLOGY}condition-category"
SEVERITY = f"{_TERMINOLOGY}adverse-event-severity"
OUTCOME = f"{_TERMINOLOGY}adverse-event-outcome"
AGENT = f"{_TERMINOLOGY}provenance-participant-type"

# every type that the export may write, in the order in which a server can take them
TYPES = (
    "CodeSystem", "ConceptMap", "Device", "Patient", "Observation", "MedicationAdministration", "Condition",
    "AdverseEvent", "DetectedIssue", "CarePlan", "Provenance", "OperationOutcome",
)  # fmt: skip
# R4 lets an Observation be derived from these; other evidence stands in an extension
DERIVABLE = (
    "Observation", "QuestionnaireResponse", "DocumentReference", "ImagingStudy", "Media", "MolecularSequence",
)  # fmt: skip
# and lets these be suspected of an adverse event
SUSPECTS = (
    "Immunization", "Procedure", "Substance", "Medication", "MedicationAdministration", "MedicationStatement", "Device",
)  # fmt: skip


def criterion_system(scale: str) -> str:
    """The code system of a scale's criteria: the same id may mean another cut-off on another scale."""
    return f"{URN}criterion:{scale}"


def coded(system: str, code: str, text: str = "", **more: object) -> dict[str, Any]:
    """A CodeableConcept with one coding; ``text`` is its display."""
    return {"coding": [{"system": system, "code": code, **({"display": text} if text else {}), **more}]}


def extension(url: str, **value: object) -> dict[str, Any]:
    """One extension, ``value`` its value[x]."""
    return {"url": url, **value}


UNKNOWN = coded(ABSENT, "unknown", "Unknown")
