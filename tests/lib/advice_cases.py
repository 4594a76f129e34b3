"""Worked patients of advice: what each guideline must say at a moment, all of it, and held against what is said.

The table ``advice`` of a case: ``at | guideline | rule | state | grade | holds | level | topic | strength | choice |
drug | dose | route | schedule | blocked_by | given | free | cautions | why | missing | then``. For every moment and
guideline that it names it lists *every* row, so that nothing may be said beside; a rule of ``-`` says that nothing is
said. ``next`` (one grade up) and ``possible`` are compared only where the table has such a row for that moment and
guideline. The guideline ``conflict`` lists the conflicts between all guidelines of the table, ``standing`` those that
the exposure brings with it, whatever guidelines are asked for; ``drug.<key>``
lists the doses given against a limit of a drug.
``dose`` is one dose with its unit, ``given`` the counts of the limits, ``free`` when a blocked drug is free again
(hours of the file). Only the columns that a table names are compared; ``state`` is ``now`` where it is not named.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import polars as pl
from tests.lib import cases, tables

from cytowatch.advise.apply import advise
from cytowatch.knowledge import Knowledge, load
from cytowatch.schema import TIMELINE

CONFLICT, STANDING, BREACH = "conflict", "standing", "drug."
_KNOWN = (
    "at", "guideline", "rule", "state", "grade", "holds", "level", "topic", "strength", "choice", "dose", "schedule",
    "drug", "route", "blocked_by", "given", "free", "cautions", "why", "missing", "then", "between",
)  # fmt: skip
_KEY = ("rule", "state", "grade", "between")


def advice_cases() -> tuple[cases.Case, ...]:
    """The cases that say what is advised."""
    return tuple(case for case in cases.all_cases() if ("advice", "advice") in case.expected)


def table_of(case: cases.Case) -> cases.Rows:
    """The expected rows; ValueError names a column that there is not."""
    rows = cases.cells(case.expected["advice", "advice"])
    unknown = {name for row in rows for name in row} - set(_KNOWN)
    if unknown:
        raise ValueError(f"{case.file}, case {case.id}: unknown columns {sorted(unknown)}")
    return rows


def guidelines_of(group: Iterable[cases.Case]) -> list[str]:
    """Every guideline that these cases name."""
    named = {row["guideline"] for case in group for row in table_of(case)}
    return sorted(name for name in named - {CONFLICT, STANDING} if not name.startswith(BREACH))


@lru_cache(maxsize=1)
def rows_of_all() -> pl.DataFrame:
    """The admitted rows of all cases of advice."""
    return cases.admitted(advice_cases(), load())


def advised(group: tuple[cases.Case, ...], knowledge: Knowledge) -> pl.DataFrame:
    """What all guidelines of these cases say, in one call; the cases share their options."""
    as_of, product, not_recorded = group[0].options
    return advise(
        TIMELINE.empty(), cases.rows_of(rows_of_all(), group), cases.people(group), knowledge, guidelines_of(group),
        as_of=as_of, not_recorded=not_recorded, clock="hours", assumed_product=product,
    )  # fmt: skip


def differences(case: cases.Case, advice: pl.DataFrame) -> list[cases.Difference]:
    """What of this case's table does not hold."""
    own = advice.filter(pl.col("patient") == case.id)
    blocks: dict[tuple[str, str], cases.Rows] = {}
    for row in table_of(case):
        blocks.setdefault((row["at"], row["guideline"]), []).append(row)
    of_case = {row["guideline"] for row in table_of(case)}
    found = []
    for (at, guideline), rows in blocks.items():
        expected = sorted((row for row in rows if row["rule"] != "-"), key=_order)
        shown = sorted(_shown(own, at, guideline, rows, of_case), key=_order)
        if expected != shown:
            found.append(cases.Difference(case.id, f"{guideline} at {at}", expected, shown))
    return found


def _order(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row.get(name, "") for name in _KEY)


def _shown(own: pl.DataFrame, at: str, guideline: str, asked: cases.Rows, of_case: set[str]) -> cases.Rows:
    moment = tables.time_of(at)
    here = own.filter(pl.col("start") <= moment, pl.col("end") > moment)
    is_conflict = pl.col("kind") == "conflict"
    # of two guidelines that differ the names are ids; what an exposure brings with it is between others
    both = pl.col("guideline").str.split(" / ").list.eval(pl.element().is_in(sorted(of_case))).list.all()
    if guideline == CONFLICT:
        here = here.filter(is_conflict & both)
    elif guideline == STANDING:
        standing = sorted(key for key, part in load().advice.conflicts.items() if part.triggers)
        here = here.filter(is_conflict & pl.col("rule").is_in(standing))
    else:
        here = here.filter(~is_conflict & (pl.col("guideline") == guideline))
    states = {row.get("state", "now") for row in asked}
    if "next" not in states:
        here = here.filter(pl.col("state") != "next")
    if "possible" not in {row.get("holds") for row in asked}:
        here = here.filter(pl.col("holds") == "certain")
    names = list(asked[0])
    return [{name: cell(row, name, at, guideline) for name in names} for row in here.iter_rows(named=True)]


def cell(row: dict[str, object], name: str, at: str, guideline: str) -> str:
    """What a row of advice shows in a column of an expected table."""
    if name in ("at", "guideline"):
        return {"at": at, "guideline": guideline}[name]
    if name == "between":
        return str(row["guideline"])
    if name == "dose":
        most = "" if row["dose_most"] is None else f" to {row['dose_most']:g}"
        return "-" if row["dose"] is None else f"{row['dose']:g}{most} {row['dose_unit']}"
    if name == "given":
        return _text(row["limits"])
    if name == "free":
        return "-" if not isinstance(row["not_before"], int) else tables.written(row["not_before"])
    return _text(row[name])


def _text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
