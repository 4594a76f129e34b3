"""The small file that describes a wide table: which column is the patient, which the time, which which concept.

```toml
patient = "patient_id"                       # the column of the patient
not_recorded = ["oxygen_device"]             # concepts this source never records: their absence says nothing

[time]
column = "day"
unit   = "d"                                 # h, min, d: counted from a zero; without it the column holds timestamps

[[column]]                                   # one for each measured column
name    = "crs_grade"
concept = "reported_grade"
text    = "crs.astct-2019"                   # the same text in every row of the column
unit    = "{grade}"                          # unit of every value of the column

[[column]]
name       = "crp"
concept    = "crp"
unit       = "mg/L"
range_low  = 0                               # limits of normal in that unit: a number,
range_high = "crp_uln"                       # or the column that holds them

[[column]]
name      = "toci"
concept   = "tocilizumab"
given     = ["1"]                            # a mark: these cells mean given,
not_given = ["0"]                            # these mean not given and make no row

[[column]]
name    = "support"
concept = "oxygen_device"
texts   = { AA = "room_air", MV = "invasive_ventilation" }   # cell to category; an empty one makes no row

[[once]]                                     # one row a patient
concept = "car_t_infusion"
hours   = 0                                  # or: column = "infused_at"
name    = "product"                          # the column that says which, if there is one
texts   = { Yes = "axicabtagene_ciloleucel" }
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cytowatch.adapters.intake import Clock
from cytowatch.adapters.resolve import Dictionary, find_unit
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

T = TypeVar("T")
HOURS_IN = {"h": 1.0, "min": 1 / 60, "d": 24.0}


@dataclass(frozen=True)
class Measured:
    """One column of the wide table and what its cells are; ``given`` and ``not_given`` make it a mark.

    A limit of normal is a number, the name of the column that holds it, or empty.
    """

    name: str
    concept: str
    unit: str = ""
    text: str = ""
    given: frozenset[str] = frozenset()
    not_given: frozenset[str] = frozenset()
    texts: dict[str, str] = field(default_factory=dict)
    range_low: float | str = ""
    range_high: float | str = ""


@dataclass(frozen=True)
class Once:
    """One row a patient, at a fixed hour or at the time in a column."""

    concept: str
    hours: float | None = None
    column: str = ""
    name: str = ""
    text: str = ""
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """A described wide table; ``hours_in_unit`` is empty where the time column holds timestamps."""

    patient: str
    time: str
    hours_in_unit: float | None
    columns: tuple[Measured, ...]
    once: tuple[Once, ...] = ()
    not_recorded: frozenset[str] = frozenset()

    @property
    def clock(self) -> Clock:
        """The clock of the long table that it becomes."""
        return "time" if self.hours_in_unit is None else "hours"

    @property
    def needed(self) -> list[str]:
        """Every column of the wide table that is read."""
        names = [self.patient, self.time, *(one.name for one in self.columns)]
        names += [part for one in self.columns for part in (one.range_low, one.range_high) if isinstance(part, str)]
        names += [name for one in self.once for name in (one.column, one.name)]
        return list(dict.fromkeys(name for name in names if name))

    @property
    def has_limits(self) -> bool:
        """Whether any column comes with limits of normal."""
        return any(part != "" for one in self.columns for part in (one.range_low, one.range_high))


def read_mapping(path: Path, knowledge: Knowledge) -> Mapping:
    """Read and check a mapping file; InputError names the file, the table and the key that is wrong."""
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise _wrong(path, f"the mapping file cannot be read: {cause}", "") from cause
    return _Parser(path, Dictionary(knowledge)).mapping(data)


def _wrong(path: Path, what: str, table: str, hint: str = "see docs/how-to/describe-a-wide-table.md") -> InputError:
    where = f"{path}, table [{table}]" if table else str(path)
    return InputError(what, where=where, why="a column read as the wrong thing would be graded", hint=hint)


@dataclass(frozen=True)
class _Parser:
    path: Path
    dictionary: Dictionary

    def mapping(self, data: dict[str, Any]) -> Mapping:
        self.known(data, "", ("patient", "not_recorded", "time", "column", "once"))
        time = self.get(data, "time", dict, "")
        self.known(time, "time", ("column", "unit"))
        unit = self.get(time, "unit", str, "time", "")
        if unit and unit not in HOURS_IN:
            raise _wrong(
                self.path, f"the unit of time {unit!r} is not known", "time", f"accepted: {', '.join(HOURS_IN)}"
            )
        found = Mapping(
            patient=self.get(data, "patient", str, ""),
            time=self.get(time, "column", str, "time"),
            hours_in_unit=HOURS_IN[unit] if unit else None,
            columns=tuple(self.measured(table) for table in self.each(data, "column")),
            once=tuple(self.one(table) for table in self.each(data, "once")),
            not_recorded=frozenset(self.concept(name, "") for name in self.get(data, "not_recorded", list, "", [])),
        )
        self.check(found)
        return found

    def check(self, found: Mapping) -> None:
        if not found.columns and not found.once:
            raise _wrong(self.path, "the mapping names no measured column", "column", "add a [[column]] for each")
        for one in found.once:
            if (one.hours is None) == (not one.column):
                raise _wrong(self.path, f"{one.concept} needs either `hours` or `column`", "once")
            if one.hours is not None and found.clock == "time":
                hint = "name the column that holds its time"
                raise _wrong(self.path, f"{one.concept} is timed in hours in a table of timestamps", "once", hint)

    def measured(self, table: dict[str, Any]) -> Measured:
        limits = ("range_low", "range_high")
        self.known(table, "column", ("name", "concept", "unit", "text", "given", "not_given", "texts", *limits))
        found = Measured(
            name=self.get(table, "name", str, "column"),
            concept=self.concept(self.get(table, "concept", str, "column"), "column"),
            unit=self.get(table, "unit", str, "column", ""),
            text=self.get(table, "text", str, "column", ""),
            given=frozenset(map(str, self.get(table, "given", list, "column", []))),
            not_given=frozenset(map(str, self.get(table, "not_given", list, "column", []))),
            texts=self.texts(table, "column"),
            range_low=self.limit(table, "range_low"),
            range_high=self.limit(table, "range_high"),
        )
        if (found.texts and (found.given or found.text)) or (found.not_given and not found.given):
            raise _wrong(self.path, f"column {found.name!r}: `text`, `given` and `texts` contradict", "column")
        self.unit(found)
        return found

    def limit(self, table: dict[str, Any], key: str) -> float | str:
        given = table.get(key, "")
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            hint = "write a number in the unit of the column, or the name of the column that holds it"
            raise _wrong(self.path, f"`{key}` is neither a number nor the name of a column", "column", hint)
        return given if isinstance(given, str) else float(given)

    def unit(self, found: Measured) -> None:
        concept = self.dictionary.concept(found.concept)
        if concept and found.unit and find_unit(concept, found.unit) is None:
            hint = f"accepted: {', '.join(concept.units) or 'none'}, and what converts into it"
            raise _wrong(self.path, f"{found.unit!r} is not a unit of {found.concept}", "column", hint)

    def one(self, table: dict[str, Any]) -> Once:
        self.known(table, "once", ("concept", "hours", "column", "name", "text", "texts"))
        hours = table.get("hours")
        if hours is not None and (isinstance(hours, bool) or not isinstance(hours, int | float)):
            raise _wrong(self.path, "`hours` must be a number", "once")
        return Once(
            concept=self.concept(self.get(table, "concept", str, "once"), "once"),
            hours=None if hours is None else float(hours),
            column=self.get(table, "column", str, "once", ""),
            name=self.get(table, "name", str, "once", ""),
            text=self.get(table, "text", str, "once", ""),
            texts=self.texts(table, "once"),
        )

    def texts(self, table: dict[str, Any], name: str) -> dict[str, str]:
        return {str(cell): str(text) for cell, text in self.get(table, "texts", dict, name, {}).items()}

    def each(self, data: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
        for table in self.get(data, key, list, "", []):
            if not isinstance(table, dict):
                raise _wrong(self.path, f"`{key}` must be a list of tables, [[{key}]]", key)
            yield table

    def concept(self, name: object, table: str) -> str:
        concept = self.dictionary.concept(str(name))
        if concept is None:
            meaning = self.dictionary.meaning(str(name), None)
            raise _wrong(self.path, meaning.reason, table, meaning.hint)
        return concept.key

    def known(self, data: dict[str, Any], table: str, keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                raise _wrong(self.path, f"the key {key!r} is not known", table, f"accepted: {', '.join(keys)}")

    def get(self, data: dict[str, object], key: str, kind: type[T], table: str, default: T | None = None) -> T:
        value = data.get(key, default)
        if not isinstance(value, kind):
            what = f"the key `{key}` is missing" if value is None else f"the key `{key}` is of the wrong type"
            raise _wrong(self.path, what, table)
        return value
