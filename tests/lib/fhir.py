"""FHIR resources for tests: small ones made for one question each, and the shared examples written by others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.knowledge.load import load
from cytowatch.knowledge.model import Knowledge

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "data" / "fhir"
NOON = "2025-03-01T12:00:00Z"
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CONCEPT = "urn:x-cytowatch:concept"
Resource = dict[str, Any]


def coded(code: str, system: str = LOINC, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code}], **more}


def amount(value: float, unit: str, *, ucum: bool = True, **more: Any) -> Resource:
    return {"value": value, "unit": unit, **({"system": UCUM, "code": unit} if ucum else {}), **more}


def observation(code: str | Resource, /, **more: Any) -> Resource:
    """An Observation of patient p at noon; what is given replaces or adds, and None removes."""
    whole = {
        "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
        "code": coded(code) if isinstance(code, str) else code, "effectiveDateTime": NOON, **more,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def temperature(value: float = 38.5, **more: Any) -> Resource:
    return observation("8310-5", **{"valueQuantity": amount(value, "Cel"), **more})


def given(code: str | Resource, /, **more: Any) -> Resource:
    """A completed MedicationAdministration of patient p at noon."""
    whole = {
        "resourceType": "MedicationAdministration", "id": "m", "status": "completed",
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": NOON,
        "medicationCodeableConcept": coded(code, RXNORM) if isinstance(code, str) else code, **more,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def running(rate: Resource | None, start: str, end: str | None = None, /, code: str = "7512", **more: Any) -> Resource:
    """An infusion (norepinephrine) with a period and, if given, a rate."""
    period = {"start": start, **({"end": end} if end else {})}
    dosage = {"rateQuantity": rate} if rate else None
    return given(code, **{"effectiveDateTime": None, "effectivePeriod": period, "dosage": dosage, **more})


def ndjson(*resources: Resource | str) -> str:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in resources)


def read(folder: Path, *resources: Resource | str, codes: list[Code] | None = None, zone: str | None = None) -> Intake:
    """The intake of one NDJSON file of these resources."""
    path = folder / "in.ndjson"
    path.write_text(ndjson(*resources), encoding="utf-8")
    return read_fhir([path], tables(), codes=codes or [], zone=zone)


@cache
def tables() -> Knowledge:
    """The clinical tables, loaded once."""
    return load()


def bundle(*entries: Resource, kind: str = "collection", **more: Any) -> Resource:
    whole = [one if "resource" in one or "request" in one else {"resource": one} for one in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": whole, **more}


def counts(intake: Intake) -> dict[str, int]:
    return dict(intake.ledger.filter(pl.col("rows") > 0).group_by("fate").agg(pl.col("rows").sum()).rows())


def adds_up(intake: Intake) -> bool:
    """Every row of the input stands once in the ledger."""
    return intake.ledger["rows"].sum() == sum(rows for _, _, rows in intake.files)


def facts(intake: Intake, *columns: str) -> list[tuple[Any, ...]]:
    """The facts that were admitted, in the order of their concepts; all but where they stood unless named."""
    names = columns or ("patient", "concept", "time", "until", "value", "unit", "comparator", "text", "status")
    return sorted(intake.observations.select(names).rows(), key=str)


def rules(intake: Intake) -> list[str]:
    return sorted(intake.rejects["rule"].to_list())


def reasons(intake: Intake, fate: str = "ignored") -> list[str]:
    return sorted(intake.ledger.filter(fate=fate)["reason"].to_list())


def at(moment: str) -> int:
    """A moment as microseconds since 1970."""
    return int(pl.Series([moment]).str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us").dt.epoch("us").item())


def lines_of(name: str) -> Iterator[bytes]:
    """The lines of a shared file."""
    path = SHARED / name
    data = path.read_bytes()
    yield from (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
