"""Makes ``src/cytowatch/demo_data`` anew from a folder of the openly licensed sources.

Usage, from the root of the checkout: ``python -m tools.make_demo_data DATA_FOLDER``. The folder holds
``crs_literature/case_timelines.jsonl``, ``crs_courses/nulisa_daily_grades.csv`` and ``icu_clif_demo/clif_*.parquet``.
What is written by hand (NOTICE.md, LICENSES/, the mapping of the daily grades) is kept.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from tools.case_mapping import CASES, Case, Left, To

OUT = Path(__file__).parents[1] / "src" / "cytowatch" / "demo_data"
HOURS_PER_DAY = 24
ROW = ("patient", "hours", "until_hours", "concept", "value", "unit", "comparator", "text", "source")
# chosen for what is odd in them, not for what they show
STAYS = {
    "28661809": "high-flow cannula, tube, two vasopressors, respiratory rate 0, labs that could not be reported, died",
    "28258130": "norepinephrine 7.26 ug/kg/min, vasopressin in units/hour, dobutamine, face tent, pressure over 300",
    "27882036": "CPAP, BiPAP and Venturi masks, ventilator modes without a device",
    "24982426": "dopamine, non-rebreather, a device named Other",
    "24745425": "epinephrine, acetaminophen as an infusion",
    "25809882": "mean arterial pressure of -19",
    "26048429": "medium concentration mask",
    "27494880": "laboratory values below a bound",
    "23819016": "a body height of 61 cm",
    "28506150": "tracheostomy tube on a ventilator",
    "25926192": "phenylephrine above 9 ug/kg/min",
    "29842315": "one norepinephrine order stopped while another runs",
    "22081550": "heart rate 0, died",
    "26549334": "a stay without any bedside row",
}
CLIF_TABLES = (
    *("vitals", "medication_admin_continuous", "medication_admin_intermittent"),
    *("respiratory_support", "labs", "patient_assessments"),
)


def main(data: Path) -> None:
    """Make all three sets from the sources below ``data``."""
    make_cases(data / "crs_literature" / "case_timelines.jsonl", OUT / "cases")
    make_daily_grades(data / "crs_courses" / "nulisa_daily_grades.csv", OUT / "nulisa")
    make_clif_cut(data / "icu_clif_demo", OUT / "clif")


def make_cases(source: Path, out: Path) -> None:
    """One canonical CSV a case, and ``patients.csv`` with the printed ages."""
    out.mkdir(parents=True, exist_ok=True)
    people = []
    for line in source.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        key = told["case_id"]
        people.append({"patient": key, **told["person"]})
        _write(out / f"{key}.csv", ROW, case_rows(key, told["events"], CASES[key]))
    _write(out / "patients.csv", ("patient", "age_years", "sex"), people)


def case_rows(key: str, events: list[dict[str, Any]], case: Case) -> list[dict[str, object]]:
    """The rows of one case; every event must be mapped or left out by name."""
    if set(case.events) != set(range(1, len(events) + 1)):
        raise SystemExit(f"{key}: the mapping names events {sorted(case.events)}, the source has {len(events)}")
    rows: list[dict[str, object]] = [
        {"patient": key, "hours": _hours(day), "concept": concept, "text": text, "source": f"{key} trigger ({where})"}
        for day, concept, text, where in case.triggers
    ]
    for number, event in enumerate(events, 1):
        target = case.events[number]
        if not isinstance(target, Left):
            rows += [_row(key, number, event, to) for to in target]
    return rows


def _row(key: str, number: int, event: dict[str, Any], to: To) -> dict[str, object]:
    day = event["day"] if to.day is None else to.day
    value, comparator = _printed(event, to)
    said = f"{key} event {number}, day {event['day']}: {event['name']}"
    return {
        "patient": key,
        "hours": _hours(day),
        "until_hours": "" if to.until_day is None else _hours(to.until_day),
        "concept": to.concept,
        "value": value,
        "unit": "" if not value else event.get("unit", "") if to.unit is None else to.unit,
        "comparator": comparator,
        "text": to.text,
        "source": f"{said} ({to.note})" if to.note else said,
    }


def _printed(event: dict[str, Any], to: To) -> tuple[str, str]:
    """The number as printed, and its comparator."""
    if not to.amount:
        return "", ""
    value = str(event.get("value", "")) if to.value is None else to.value
    if to.part is not None:
        value = value.split("/")[to.part]
    number = value.lstrip("<>=")
    return number, value[: len(value) - len(number)]


def _hours(day: float) -> str:
    return f"{day * HOURS_PER_DAY:g}"


def make_daily_grades(source: Path, out: Path) -> None:
    """The daily grades exactly as published; ``daily_grades.toml`` beside them says what the columns are."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "daily_grades.csv").write_bytes(source.read_bytes())


def make_clif_cut(source: Path, out: Path) -> None:
    """Whole rows of the chosen stays, table by table, in the order of the source."""
    out.mkdir(parents=True, exist_ok=True)
    stays = _cut(source, out, "hospitalization", pl.col("hospitalization_id").is_in(list(STAYS)))
    _cut(source, out, "patient", pl.col("patient_id").is_in(stays["patient_id"].to_list()))
    for table in CLIF_TABLES:
        _cut(source, out, table, pl.col("hospitalization_id").is_in(list(STAYS)))


def _cut(source: Path, out: Path, table: str, wanted: pl.Expr) -> pl.DataFrame:
    cut = pl.read_parquet(source / f"clif_{table}.parquet").filter(wanted)
    cut.write_parquet(out / f"clif_{table}.parquet", compression="zstd", compression_level=19, statistics=False)
    return cut


def _write(path: Path, columns: tuple[str, ...], rows: Iterator[dict[str, object]] | list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
