"""A part of the ASTCT grade in CQL, run by the reference engine, beside cytowatch on the same made-up patients.

    mkdir /somewhere && cd /somewhere && npm install cql-execution cql-exec-fhir @cqframework/cql
    .venv/bin/python benchmarks/peers/cql.py --node-modules /somewhere --patients 200

Each patient has an infusion of cells and seven days of rounds every four hours: temperature, systolic pressure, a
device of oxygen with its flow, and none to three vasopressors. Nothing is missing, late or attributed, so that the few
rules of ``crs.cql`` and the whole ones of cytowatch must agree on the worst certain grade.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

HERE = Path(__file__).resolve().parent
FIRST = datetime(2024, 3, 1, 8, tzinfo=UTC)
ROUND, ROUNDS = timedelta(hours=4), 42
LOINC = {"body_temperature": ("8310-5", "Cel"), "systolic_bp": ("8480-6", "mm[Hg]"), "oxygen_flow": ("3151-8", "L/min")}
RATES = {"norepinephrine": "7512", "epinephrine": "3992", "phenylephrine": "8163"}
DEVICES = (
    "nasal_cannula",
    "nasal_cannula",
    "non_rebreather",
    "high_flow_nasal_cannula",
    "bipap",
    "invasive_ventilation",
)
Row = dict[str, Any]


def patient(name: str, dice: random.Random) -> list[Row]:
    """The rows of one patient, in the contract's long form."""
    rows: list[Row] = [fact(name, FIRST, "car_t_infusion", text="axicabtagene_ciloleucel")]
    fever = (dice.randint(2, 12), dice.randint(14, 30)) if dice.random() < 0.85 else (99, 99)
    shock = (fever[0] + dice.randint(0, 4), fever[0] + dice.randint(5, 10)) if dice.random() < 0.5 else (99, 99)
    for number in range(ROUNDS):
        at = FIRST + ROUND * number
        febrile, low = fever[0] <= number < fever[1], shock[0] <= number < shock[1]
        temperature = dice.choice((38.0, 38.6, 39.4)) if febrile else dice.choice((36.6, 37.2, 37.9))
        rows.append(fact(name, at, "body_temperature", temperature, "Cel"))
        pressure = dice.randint(76, 89) if low and febrile else dice.randint(90, 130)
        rows.append(fact(name, at, "systolic_bp", pressure, "mm[Hg]"))
    if shock[0] < 99:
        for drug in dice.sample(sorted(RATES), dice.choice((0, 0, 1, 1, 2, 3))):
            begin, end = shock[0] + dice.randint(0, 3), shock[1]
            if begin < end:
                rows.append(span(name, begin, end, drug, 0.1, "ug/kg/min"))
    return rows + oxygen(name, fever, dice)


def oxygen(name: str, fever: tuple[int, int], dice: random.Random) -> list[Row]:
    """Room air, and in some of those with fever a device for a while."""
    if fever[0] == 99 or dice.random() < 0.5:
        return [span(name, 0, ROUNDS, "oxygen_device", text="room_air")]
    begin = fever[0] + dice.randint(0, 3)
    end, device = begin + dice.randint(2, 8), dice.choice(DEVICES)
    rows = [
        span(name, 0, begin, "oxygen_device", text="room_air"),
        span(name, begin, end, "oxygen_device", text=device),
        span(name, end, ROUNDS, "oxygen_device", text="room_air"),
    ]
    if device == "nasal_cannula":
        rows.append(span(name, begin, end, "oxygen_flow", float(dice.randint(1, 10)), "L/min"))
    return rows


def fact(name: str, at: datetime, concept: str, value: float | None = None, unit: str | None = None,
         text: str | None = None, until: datetime | None = None) -> Row:  # fmt: skip
    """One row."""
    return {"patient": name, "time": at, "until": until, "concept": concept, "unit": unit, "text": text,
            "value": None if value is None else float(value)}  # fmt: skip


def span(name: str, begin: int, end: int, concept: str, value: float | None = None, unit: str | None = None,
         text: str | None = None) -> Row:  # fmt: skip
    """One row that lasts from one round to another."""
    return fact(name, FIRST + ROUND * begin, concept, value, unit, text, FIRST + ROUND * end)


def resource(row: Row, number: int) -> dict[str, Any]:
    """The same fact as a FHIR R4 resource."""
    concept, system = row["concept"], "http://loinc.org"
    about = {"id": f"{row['patient']}-{number}", "subject": {"reference": f"Patient/{row['patient']}"}}
    when = f"{row['time']:%Y-%m-%dT%H:%M:%SZ}"
    lasting = {"start": when, "end": f"{row['until']:%Y-%m-%dT%H:%M:%SZ}"} if row["until"] else None
    if concept in RATES:
        drug: dict[str, Any] = {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": RATES[concept]}]
        }
        given = {"resourceType": "MedicationAdministration", "status": "completed", "effectivePeriod": lasting}
        return {**given, **about, "medicationCodeableConcept": drug}
    if concept in LOINC:
        code, unit = LOINC[concept]
        said: dict[str, Any] = {"valueQuantity": {"value": row["value"], "unit": unit}}
    else:
        code, system = concept, "urn:cytowatch:concept"
        said = {"valueCodeableConcept": {"coding": [{"system": "urn:cytowatch:category", "code": row["text"]}]}}
    kind = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": system, "code": code}]}}
    placed = {"effectivePeriod": lasting} if lasting else {"effectiveDateTime": when}
    return {**kind, **about, **placed, **said}


def bundle(name: str, rows: list[Row]) -> dict[str, Any]:
    """A patient with all resources."""
    whole = [{"resourceType": "Patient", "id": name}, *(resource(row, number) for number, row in enumerate(rows))]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in whole]}


def ours(file: Path) -> dict[str, Any]:
    """Seconds, the worst certain grade of each patient, and how many could also be higher; in a fresh process."""
    import cytowatch as cw

    frame = pl.read_parquet(file)
    people = pl.DataFrame({"patient": frame["patient"].unique(), "age_years": 50.0})
    began = time.perf_counter()
    graded = cw.grade(frame, people, scales=["crs.astct-2019"])
    seconds = time.perf_counter() - began
    worst = graded.timeline.group_by("patient").agg(pl.col("at_least").max(), pl.col("at_most").max())
    open_above = worst.filter(pl.col("at_least") < pl.col("at_most")).height
    grades = {name: grade or 0 for name, grade, _ in worst.iter_rows()}
    return {"seconds": seconds, "grades": grades, "open_above": open_above}


def frame_of(rows: list[Row]) -> pl.DataFrame:
    """The rows as the contract's long table."""
    moment = pl.Datetime("us", "UTC")
    kinds: dict[str, Any] = {"patient": pl.String, "time": moment, "until": moment, "concept": pl.String,
             "unit": pl.String, "text": pl.String, "value": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=kinds)


def fresh(*command: str) -> dict[str, Any]:
    """What a process of its own told, so that neither of the two is warm."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{Path(command[1]).name} could not be run: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node-modules", type=Path, help="the folder where npm installed the engine")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    if options.ours:
        print(json.dumps(ours(options.ours)))
        return
    if not options.node_modules:
        parser.error("--node-modules is needed")
    dice = random.Random(1)  # noqa: S311 - patients, not secrets
    people = {f"c{number:05d}": patient(f"c{number:05d}", dice) for number in range(options.patients)}
    rows = [row for one in people.values() for row in one]
    with tempfile.TemporaryDirectory() as folder:
        bundles = Path(folder) / "bundles.ndjson"
        bundles.write_text("\n".join(json.dumps(bundle(name, one)) for name, one in people.items()), encoding="utf-8")
        facts = Path(folder) / "facts.parquet"
        frame_of(rows).write_parquet(facts)
        engine, rules = str(options.node_modules.resolve()), str(HERE / "crs.cql")
        runs = [fresh("node", str(HERE / "cql.mjs"), engine, rules, str(bundles)) for _ in range(options.times)]
        peer = min(runs, key=lambda run: run["running"])
        runs = [fresh(sys.executable, str(Path(__file__)), "--ours", str(facts)) for _ in range(options.times)]
        mine = min(runs, key=lambda run: run["seconds"])
    seconds, grades, open_above = mine["seconds"], mine["grades"], mine["open_above"]
    count = len(people)
    same = sum(grades[name] == peer["grades"][name] for name in people)
    print(f"{count} patients, {len(rows):,} facts; grades {sorted(set(grades.values()))}")
    print(
        f"CQL (cql-execution {peer['engine']}): {1000 * peer['running'] / count:.2f} ms a patient, besides "
        f"{1000 * peer['loading'] / count:.2f} ms a patient to load and once {peer['translating']:.1f} s to translate"
    )
    print(f"cytowatch: {1000 * seconds / count:.2f} ms a patient, every change over time with evidence")
    print(f"the same worst certain grade in {same} of {count}; in {open_above} cytowatch does not exclude a higher one")
    for name in sorted(people):
        if grades[name] != peer["grades"][name]:
            print(f"  {name}: cytowatch {grades[name]}, CQL {peer['grades'][name]}")


if __name__ == "__main__":
    main()
