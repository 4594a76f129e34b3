"""The tables of mechanisms: every number of a model with its unit, its spread, where it stands, how well it is known.

A file ``mechanisms/<key>.toml`` holds ``[mechanism]`` (title, citation, note, time unit, and of a published model
``people``: whom it was fitted to), ``[parameter.<name>]``
(``value, unit, locator, evidence``, and where published ``spread`` with ``spread_kind``), and ``[set.<name>]`` for the
values of one population, patient or drug that replace them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tomli

from cytowatch.errors import ArgumentError, KnowledgeError

FOLDER = Path(__file__).parent / "mechanisms"
EVIDENCE = ("primary", "secondary", "recalled", "house")
# how the spread of a parameter between patients is stated
SPREADS = ("ln_sd", "ln_variance", "cv", "sd", "range")
TIME_UNITS = ("h", "d")


@dataclass(frozen=True)
class Parameter:
    """One number of a model; ``spread`` between patients as ``spread_kind`` says (a range: two numbers)."""

    name: str
    value: float
    unit: str
    locator: str
    evidence: str
    meaning: str = ""
    spread: float | tuple[float, float] | None = None
    spread_kind: str = ""


@dataclass(frozen=True)
class Table:
    """The numbers of one mechanism, and the sets that replace some of them."""

    key: str
    title: str
    citation: str
    note: str
    time_unit: str
    parameters: Mapping[str, Parameter]
    sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    people: str = ""

    def values(self, named: str | None = None, **others: float) -> dict[str, float]:
        """Every value by name, for one set; ``others`` replace them. ArgumentError for a name that is not there."""
        if named is not None and named not in self.sets:
            raise ArgumentError(f"{self.key} has no set `{named}`.", hint=f"It has {', '.join(self.sets) or 'none'}.")
        strange = [name for name in others if name not in self.parameters]
        if strange:
            raise ArgumentError(f"{self.key} has no parameter `{strange[0]}`.", hint="See its table.")
        plain = {name: one.value for name, one in self.parameters.items()}
        return {**plain, **(self.sets[named] if named else {}), **others}


@cache
def table(key: str) -> Table:
    """The table of a mechanism by its key; KnowledgeError with the file and the name of what is wrong in it."""
    file = FOLDER / f"{key}.toml"
    if not file.is_file():
        known = ", ".join(sorted(one.stem for one in FOLDER.glob("*.toml")))
        raise ArgumentError(f"There is no mechanism `{key}`.", hint=f"There are {known}.")
    return parse(key, file, tomli.loads(file.read_text(encoding="utf-8")))


def parse(key: str, file: Path, document: dict[str, Any]) -> Table:
    """A table from its document, checked."""
    head = document.get("mechanism", {})
    if head.get("time") not in TIME_UNITS:
        raise _bad(file, "[mechanism] needs `time`, h or d")
    parameters = {name: _parameter(name, row, file) for name, row in document.get("parameter", {}).items()}
    sets = {name: {one: float(value) for one, value in row.items()} for name, row in document.get("set", {}).items()}
    strange = sorted({one for row in sets.values() for one in row} - set(parameters))
    if strange:
        raise _bad(file, f"a set names `{strange[0]}`, which is no parameter")
    try:
        return Table(
            key, head["title"], head["citation"], head.get("note", ""), head["time"], parameters, sets,
            head.get("people", ""),
        )  # fmt: skip
    except KeyError as missing:
        raise _bad(file, f"[mechanism] needs {missing}") from None


def _parameter(name: str, row: dict[str, Any], file: Path) -> Parameter:
    spread = row.get("spread")
    kind = row.get("spread_kind", "")
    if row.get("evidence") not in EVIDENCE:
        raise _bad(file, f"{name} needs `evidence`: {', '.join(EVIDENCE)}")
    if (spread is None) != (kind == "") or (kind and kind not in SPREADS):
        raise _bad(file, f"{name}: a spread needs its kind: {', '.join(SPREADS)}")
    try:
        return Parameter(
            name, float(row["value"]), row["unit"], row["locator"], row["evidence"], row.get("meaning", ""),
            tuple(spread) if isinstance(spread, list) else spread, kind,
        )  # fmt: skip
    except KeyError as missing:
        raise _bad(file, f"{name} needs {missing}") from None


def _bad(file: Path, what: str) -> KnowledgeError:
    return KnowledgeError(what, where=str(file), why="A number without its unit and source can be checked by nobody.")
