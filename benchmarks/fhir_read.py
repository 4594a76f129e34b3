"""How fast FHIR NDJSON is read, against plain scans of the same file: ``python benchmarks/fhir_read.py [MB]``.

The file is made here: one in eight resources a blood pressure of two components, one in ten an infusion whose drug is
referenced, half of all codes in no table, as in a hospital's export. The scans only parse each line; the door also
looks up, places, converts and counts. The best of several rounds, interleaved, is taken.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Knowledge

_ROUNDS = 3
_UCUM = "http://unitsofmeasure.org"
_VITALS = (
    ("8310-5", "Cel", 37, 40),
    ("8867-4", "/min", 60, 140),
    ("59408-5", "%", 85, 100),
    ("9279-1", "/min", 10, 40),
)


def resource(number: int, chance: random.Random) -> dict[str, object]:
    """One resource of the made export."""
    when = f"2025-03-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00+01:00"
    base: dict[str, object] = {
        "id": f"r{number}", "meta": {"versionId": "1", "lastUpdated": when, "profile": ["http://hl7.org/fhir/us/core"]},
        "subject": {"reference": f"Patient/p{number % 500}"}, "encounter": {"reference": f"Encounter/e{number % 900}"},
    }  # fmt: skip
    if number % 10 == 0:
        rate = {"value": 0.1, "unit": "mcg/kg/min", "system": "http://hospital.example/units", "code": "mcg/kg/min"}
        period = {"start": when, "end": when.replace(":00+", ":30+")}
        return {"resourceType": "MedicationAdministration", **base, "status": "completed",
                "medicationReference": {"reference": "Medication/norepinephrine"}, "effectivePeriod": period,
                "dosage": {"rateQuantity": rate}}  # fmt: skip
    category = [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
    ]
    head = {
        "resourceType": "Observation",
        **base,
        "status": "final",
        "category": category,
        "effectiveDateTime": when,
        "issued": when,
    }
    if number % 8 == 1:
        parts = [(code, chance.randint(60, 140)) for code in ("8480-6", "8462-4")]
        return {**head, "code": coded("85354-9"), "component": [
            {"code": coded(code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in parts
        ]}  # fmt: skip
    if number % 2:
        local = {"coding": [{"system": "http://hospital.example/flowsheet", "code": str(number % 3000)}]}
        return {**head, "code": local, "valueQuantity": quantity(chance.random(), "1")}
    code, unit, low, high = _VITALS[number % len(_VITALS)]
    return {**head, "code": coded(code), "valueQuantity": quantity(round(chance.uniform(low, high), 1), unit)}


def coded(code: str) -> dict[str, object]:
    """A LOINC code."""
    return {"coding": [{"system": "http://loinc.org", "code": code, "display": "as the server names it"}], "text": code}


def quantity(value: float, unit: str) -> dict[str, object]:
    """A number in UCUM."""
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def write(path: Path, megabytes: int) -> int:
    """Write the export; gives back how many resources it holds."""
    chance, rows = random.Random(1), 0  # noqa: S311 - made data, no secret
    drug = {"resourceType": "Medication", "id": "norepinephrine", "code": {"coding": [
        {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7512"}
    ]}}  # fmt: skip
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(drug) + "\n")
        while file.tell() < megabytes << 20:
            for _ in range(1000):
                rows += 1
                file.write(json.dumps(resource(rows, chance), separators=(",", ":")) + "\n")
    return rows + 1


def scan(path: Path, parse: Callable[[bytes], object]) -> int:
    """Parse each line and throw it away."""
    rows = 0
    with path.open("rb") as file:
        for line in file:
            parse(line)
            rows += 1
    return rows


def read_rows(path: Path, tables: Knowledge) -> int:
    """Read the file through the door; how many rows its ledger holds."""
    return int(read_fhir([path], tables).ledger["rows"].sum())


def main() -> None:
    """Make the file, read it in each way, print MB/s and the ratios."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    tables = load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.ndjson"
        rows = write(path, megabytes)
        size = path.stat().st_size / 1e6
        ways: dict[str, Callable[[], int]] = {
            "scan, msgspec untyped": lambda: scan(path, msgspec.json.Decoder().decode),
            "scan, standard json": lambda: scan(path, json.loads),
            "cytowatch, FHIR door": lambda: read_rows(path, tables),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(_ROUNDS):
            for name, way in ways.items():
                begun = time.process_time()
                if way() != rows:
                    raise SystemExit(f"{name}: rows were lost")
                best[name] = min(best[name], time.process_time() - begun)
    fastest = best["scan, msgspec untyped"]
    print(f"{rows:,} resources, {size:,.0f} MB")
    for name, seconds in best.items():
        print(f"{name:24} {size / seconds:7.0f} MB/s   {seconds / fastest:5.2f} x the msgspec scan")


if __name__ == "__main__":
    main()
