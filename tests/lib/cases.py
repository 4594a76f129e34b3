"""Worked patients: the case files as data, and both engines run over them.

A file holds a list of ``[[case]]``; beside them ``edition`` (of the scales ``crs`` and ``icans``), and ``everyone``,
what is charted for each of its patients. A case charts one patient as a text table and says, as text tables again,
what must come out. Tables have a first line that names the columns and one line a row, cells between ``|``; ``-`` or
nothing is empty. Times are hours from the file's zero: ``6``, ``-4``, ``29:59``.

Charted: ``hours | concept | value | text | until``, and where needed ``source``, ``status``, ``available``, ``low`` and
``high`` (the limits of normal that the laboratory printed, in the unit of the value). A value carries its unit and, if
the laboratory printed one, its comparator (``<60 mm[Hg]``). Rows without a source are ``r1``, ``r2``, … by line. They
go through admission, so units and other names are tested with them; those that it must refuse stand in ``rejected``, by
their source.

Expected: ``crs`` and ``icans`` (``from | to | grade | criteria | missing | flags | evidence | episode``) and
``crs_episodes``, ``icans_episodes`` (columns of the episodes table; ``worst`` is one grade or a range). Any other scale
stands under its id in ``[case.scales]``, what guidelines say under ``advice`` (``advice_cases``). Only the columns that
a table names are compared. A grade that cannot be told is a range, ``1..3``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from tests.lib import tables

from cytowatch.adapters.admit import admit
from cytowatch.engine.apply import grade_observations
from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge.load import TABLES
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import EPISODES, HOUR_US, OBSERVATIONS, PATIENTS, TIMELINE

FOLDER = TABLES / "cases"
FAMILIES = ("crs", "icans")
# how a table for readers names a column, and how the schema does
_COLUMNS = {
    "from": "start",
    "to": "end",
    "last sign": "last_sign",
    "worst": "max",
    "days from exposure": "days_from_exposure",
}
_CHARTED = {"hours", "concept", "value", "text", "until", "source", "status", "available", "low", "high"}
_VALUE = re.compile(r"(?P<number>[<>]?=?\s*-?\d+(?:\.\d+)?)\s*(?P<unit>.*)")
Rows = list[dict[str, str]]
Answer = tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Case:
    """One worked patient; ``expected`` is (family or scale id, table name) to text table."""

    id: str
    title: str
    why: str
    source: str
    locator: str
    evidence: str
    edition: str
    file: str
    charted: str
    everyone: str = ""
    patient: dict[str, Any] = field(default_factory=dict)
    as_of: str = ""
    assume_trigger: str = ""
    not_recorded: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    expected: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """The scales that this case speaks of: by family those of its edition, others by their id."""
        return tuple(name for name, table in self.expected if table == "timeline")

    def scale(self, family: str) -> str:
        """The id of a scale of this case's edition; an id stays as it is."""
        return f"{family}.{self.edition}" if family in FAMILIES else family

    @property
    def options(self) -> tuple[int | None, str | None, frozenset[str]]:
        """What the engines are told besides the rows: as_of, assumed product, what the source does not record."""
        as_of = tables.time_of(self.as_of) if self.as_of else None
        return as_of, self.assume_trigger or None, frozenset(self.not_recorded)


@dataclass(frozen=True)
class Difference:
    """One table of one case that came out otherwise than expected."""

    case: str
    table: str
    expected: Rows
    found: Rows

    def __str__(self) -> str:
        lines = [f"{self.case}: {self.table}", "  expected:", *_lines(self.expected), "  found:", *_lines(self.found)]
        return "\n".join(lines)


def _lines(rows: Rows) -> list[str]:
    return [f"    {' | '.join(row.values())}" for row in rows] or ["    nothing"]


@lru_cache(maxsize=1)
def all_cases() -> tuple[Case, ...]:
    """Every case of every file, in the order of the files; ValueError names the file and the case that is wrong."""
    found = [case for path in sorted(FOLDER.rglob("*.toml")) for case in read(path)]
    twice = {case.id for case in found if sum(other.id == case.id for other in found) > 1}
    if twice:
        raise ValueError(f"ids that stand twice: {sorted(twice)}")
    return tuple(found)


def read(path: Path) -> list[Case]:
    """The cases of one file."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    file = path.relative_to(FOLDER).as_posix()
    return [_case(entry, content, file) for entry in content["case"]]


def _case(entry: dict[str, Any], content: dict[str, Any], file: str) -> Case:
    plain = {"title", "why", "source", "locator", "evidence", "charted", "patient", "as_of", "assume_trigger"}
    answers = {name: (name, "timeline") for name in FAMILIES} | {
        f"{name}_episodes": (name, "episodes") for name in FAMILIES
    }
    unknown = set(entry) - plain - set(answers) - {"id", "not_recorded", "rejected", "scales", "advice"}
    expected = {key: entry[name] for name, key in answers.items() if name in entry}
    expected |= {(scale, "timeline"): table for scale, table in entry.get("scales", {}).items()}
    expected |= {("advice", "advice"): entry["advice"]} if "advice" in entry else {}
    if unknown or not any(table != "episodes" for _, table in expected):
        raise ValueError(f"{file}, case {entry.get('id')}: unknown or missing keys {sorted(unknown)}")
    return Case(
        id=entry["id"], edition=content.get("edition", ""), file=file, everyone=content.get("everyone", ""),
        not_recorded=tuple(entry.get("not_recorded", ())), rejected=tuple(entry.get("rejected", ())),
        expected=expected,
        **{"why": "", "locator": "", "evidence": "house"} | {name: entry[name] for name in plain if name in entry},
    )  # fmt: skip


def cells(table: str) -> Rows:
    """A text table as rows of cells; an empty cell is ``-``."""
    return [{name: cell or "-" for name, cell in row.items()} for row in tables.expected(table)]


def raw(case: Case) -> pl.DataFrame:
    """The case's rows in the columns of the contract (section 1), as a user would hand them in."""
    charted = [row for table in (case.everyone, case.charted) if table.strip() for row in cells(table)]
    rows = [_raw_row(case, number, row) for number, row in enumerate(charted, 1)]
    columns = (
        "patient", "hours", "until_hours", "available", "concept", "value", "unit", "range_low", "range_high", "text",
        "source", "status",
    )  # fmt: skip
    numbers = {"hours", "until_hours", "available"}
    schema = {name: pl.Float64 if name in numbers else pl.String for name in columns}
    return pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=schema)


def _raw_row(case: Case, number: int, row: dict[str, str]) -> dict[str, Any]:
    unknown = set(row) - _CHARTED
    if unknown:
        raise ValueError(f"{case.file}, case {case.id}: unknown columns {sorted(unknown)}")
    given = {name: cell for name, cell in row.items() if cell != "-"}
    found: dict[str, Any] = {"patient": case.id, "source": f"r{number}"} | given
    found |= {name: _hours(given[name]) for name in ("hours", "until", "available") if name in given}
    found["until_hours"] = found.pop("until", None)
    found |= {f"range_{end}": found.pop(end, None) for end in ("low", "high")}
    if "value" in given:
        parts = _VALUE.fullmatch(given["value"])
        if parts is None:
            raise ValueError(f"{case.file}, case {case.id}, row {number}: not a value: {given['value']!r}")
        found |= {"value": parts["number"], "unit": parts["unit"] or None}
    return found


def _hours(text: str) -> float:
    return tables.time_of(text) / HOUR_US


def admitted(cases: Iterable[Case], knowledge: Knowledge) -> pl.DataFrame:
    """The rows of all these cases after admission, those in doubt too; ValueError if others are refused than said."""
    cases = list(cases)
    whole = pl.concat([raw(case) for case in cases])
    admission = admit(whole, knowledge, file="cases", clock="hours")
    refused = set(admission.rejects.select("patient", "source").rows())
    said = {(case.id, source) for case in cases for source in case.rejected}
    if refused != said:
        raise ValueError(f"admission refuses rows of the cases otherwise than they say: {sorted(refused ^ said)}")
    return pl.concat([admission.observations, admission.in_doubt])


def people(cases: Iterable[Case]) -> pl.DataFrame:
    """The patients table of these cases."""
    return pl.DataFrame([{"patient": case.id, **case.patient} for case in cases], schema=PATIENTS.schema)


def groups(cases: Iterable[Case]) -> list[tuple[Case, ...]]:
    """The cases by the options they are graded with; the largest group first."""
    found: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        found.setdefault(case.options, []).append(case)
    return sorted((tuple(group) for group in found.values()), key=len, reverse=True)


def by_fast_engine(
    group: tuple[Case, ...],
    family: str,
    knowledge: Knowledge,
    rows: pl.DataFrame,
    grade: Callable[..., Any] = grade_observations,
) -> Answer:
    """Timeline and episodes of cases with the same options, graded in one call."""
    as_of, product, not_recorded = group[0].options
    scale = next(case.scale(family) for case in group if family in case.families)
    graded = grade(
        rows, people(group), knowledge, [scale], as_of=as_of, assumed_product=product,
        not_recorded=not_recorded, clock="hours",
    )  # fmt: skip
    return graded.timeline, graded.episodes


def by_twin(case: Case, family: str, knowledge: Knowledge, rows: pl.DataFrame) -> Answer:
    """Timeline and episodes of one case by the slow twin."""
    as_of, product, not_recorded = case.options
    timeline, episodes, _ = grade_reference(
        rows, people([case]), knowledge, case.scale(family), as_of=as_of, assume_trigger=product,
        not_recorded=not_recorded, clock="hours",
    )  # fmt: skip
    return timeline, episodes


def differences(case: Case, family: str, answer: Answer) -> list[Difference]:
    """What of this case's expectations does not hold in an answer (which may hold other patients besides)."""
    found = []
    order = {"timeline": "start", "episodes": "episode"}
    for name, frame in zip(("timeline", "episodes"), answer, strict=True):
        table = case.expected.get((family, name))
        if table is not None:
            own = frame.filter(pl.col("patient") == case.id).sort(order[name])
            expected, shown = cells(table), _shown(own, table)
            if expected != shown:
                found.append(Difference(case.id, f"{family} {name}", expected, shown))
    return found


def _shown(frame: pl.DataFrame, table: str) -> Rows:
    names = [cell.strip() for cell in table.strip().splitlines()[0].split("|")]
    unknown = {_COLUMNS.get(name, name) for name in names} - {"grade", "max", *TIMELINE.names, *EPISODES.names}
    if unknown:
        raise ValueError(f"unknown columns in an expected table: {sorted(unknown)}")
    rows = tables.shown(frame, " | ".join(_COLUMNS.get(name, name) for name in names))
    return [dict(zip(names, row.values(), strict=True)) for row in rows]


def rows_of(rows: pl.DataFrame, cases: Iterable[Case]) -> pl.DataFrame:
    """The rows of these cases only."""
    return rows.filter(pl.col("patient").is_in([case.id for case in cases])).select(OBSERVATIONS.names)
