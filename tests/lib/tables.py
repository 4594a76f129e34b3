"""Patients and expected answers written as small text tables, so that a test can be read like a chart.

Observations, one a line: ``time concept value-or-text key=value ...``. Times are hours (``6``, ``-2``, ``29:59``) or
carry microseconds (``30+1us``). A value may have a comparator (``<38.1``); ``-`` is no value; a word is the text.
Keys: ``until``, ``available``, ``source``, ``status``. Sources are ``r1``, ``r2``, ... by line unless given; ``row``
is the line's number.

Expected tables: a first line that names the columns, then one line a row, cells between ``|``; ``-`` is empty.
The column ``grade`` is ``3``, ``1..3``, or ``-``. Only the named columns are compared.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from cytowatch.schema import OBSERVATIONS, PATIENTS

HOUR = 3_600_000_000
MINUTE = HOUR // 60
TIMES = frozenset({"start", "end", "onset", "last_sign", "resolved", "time_of_max", "exposure_time"})
_TIME = re.compile(r"(?P<sign>-?)(?P<hours>\d+)(:(?P<minutes>\d\d))?(?P<us>[+-]\d+us)?")
_NUMBER = re.compile(r"(?P<comparator>[<>]=?)?(?P<value>-?\d+(\.\d+)?)")


def time_of(text: str) -> int:
    """Hours as written in a table, in microseconds."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"not a time: {text!r}")
    whole = int(found["hours"]) * HOUR + int(found["minutes"] or 0) * MINUTE
    return (-whole if found["sign"] else whole) + int((found["us"] or "0us")[:-2])


def written(time: int) -> str:
    """Microseconds as hours, the way they are written in a table."""
    minutes, rest = divmod(abs(time), MINUTE)
    if rest:
        hours = round(time / HOUR)
        return f"{hours}{time - hours * HOUR:+d}us"
    text = f"{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")
    return f"-{text}" if time < 0 else text


def observations(table: str, patient: str = "p") -> pl.DataFrame:
    """Admitted rows of one patient (``schema.OBSERVATIONS``)."""
    lines = [line.split() for line in table.strip().splitlines() if line.strip()]
    rows = [_observation(number, patient, words) for number, words in enumerate(lines, 1)]
    return pl.DataFrame(rows, schema=OBSERVATIONS.schema)


def _observation(number: int, patient: str, words: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(OBSERVATIONS.names)
    row |= {"row": number, "patient": patient, "time": time_of(words[0]), "concept": words[1]}
    row |= {"source": f"r{number}", "status": "final"}
    for word in words[2:]:
        row |= _cell(word)
    return row


def _cell(word: str) -> dict[str, Any]:
    key, equals, rest = word.partition("=")
    if equals and key.isalpha():
        return {key: time_of(rest) if key in {"until", "available"} else rest}
    number = _NUMBER.fullmatch(word)
    if number is not None:
        return {"value": float(number["value"]), "comparator": number["comparator"]}
    return {} if word == "-" else {"text": word}


def patients(patient: str = "p", **known: object) -> pl.DataFrame:
    """A patients table of one row (``schema.PATIENTS``)."""
    return pl.DataFrame([{"patient": patient, **known}], schema=PATIENTS.schema)


def expected(table: str) -> list[dict[str, str]]:
    """The rows of an expected table, cells as text."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines() if line.strip()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def shown(frame: pl.DataFrame, table: str) -> list[dict[str, str]]:
    """The columns of ``frame`` that the expected table names, written as that table writes them."""
    names = [cell.strip() for cell in table.strip().splitlines()[0].split("|")]
    return [{name: _shown(name, row) for name in names} for row in frame.iter_rows(named=True)]


def _shown(name: str, row: dict[str, Any]) -> str:
    value = row.get("max_at_least" if name == "max" else name)
    if name in {"grade", "max"}:
        low, high = ("at_least", "at_most") if name == "grade" else ("max_at_least", "max_at_most")
        return _grade(row[low], row[high])
    if value is None:
        return "-"
    if name in TIMES:
        return written(value)
    if isinstance(value, list):
        return " ".join(value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _grade(low: int | None, high: int | None) -> str:
    if low is None:
        return "-"
    return str(low) if low == high else f"{low}..{high}"
