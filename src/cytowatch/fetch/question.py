"""What is wanted of a server: which patients, which resource types, since when; and the searches that ask for it."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from cytowatch.errors import ArgumentError
from cytowatch.fetch.clock import instant, read_instant

Way = Literal["search", "patient", "group", "system"]
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
# what the paging and the cursor of this side set
_OWN = frozenset({"_count", "_lastUpdated", "_since", "_format", "_sort"})


@dataclass(frozen=True)
class Wanted:
    """One resource type, and the parameters of its search; ``patient``: the parameter that limits it to a patient."""

    type: str
    parameters: tuple[tuple[str, str], ...] = ()
    patient: str = "patient"
    reference: bool = False
    # whether a person asked for this type by name
    asked: bool = False


@dataclass(frozen=True)
class Question:
    """The whole of what is wanted; a folder answers one question only.

    ``patients`` are kept in order of their ids, each once: a run that goes on counts its searches in that order,
    however a person named them this time.
    """

    base: str
    way: Way = "search"
    patients: tuple[str, ...] = ()
    group: str = ""
    wanted: tuple[Wanted, ...] = ()
    since: str | None = None
    count: int = 200

    def __post_init__(self) -> None:
        object.__setattr__(self, "patients", tuple(sorted(set(self.patients))))

    @property
    def types(self) -> tuple[str, ...]:
        """The resource types, each once."""
        return tuple(dict.fromkeys(one.type for one in self.wanted))

    def digest(self) -> str:
        """The question as a number that tells it from others, without naming a patient."""
        said = [
            self.base,
            self.way,
            list(self.patients),
            self.group,
            [[one.type, one.parameters] for one in self.wanted],
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def scopes(self, form: str) -> str:
        """The SMART scopes that it needs, in the form of version 2 (``rs``) or 1 (``read``)."""
        kinds = (*self.types, *(["Medication"] if "MedicationAdministration" in self.types else []))
        return " ".join(f"system/{kind}.{form}" for kind in dict.fromkeys(kinds))


@dataclass(frozen=True)
class Search:
    """One search to page through; ``what`` names it to a person."""

    type: str
    path: str
    what: str
    asked: bool = False
    deletions: bool = False


@cache
def usual() -> tuple[Wanted, ...]:
    """What a grade needs, by searches.toml."""
    table = tomllib.loads((files("cytowatch") / "fetch" / "searches.toml").read_text(encoding="utf-8"))
    return tuple(_wanted(row) for row in table["search"])


def _wanted(row: Mapping[str, Any]) -> Wanted:
    return Wanted(
        row["type"],
        tuple(row.get("with", {}).items()),
        row["patient"],
        row.get("value") == "reference",
    )


def wanted_types(texts: list[str] | None) -> tuple[Wanted, ...]:
    """Resource types as a person names them: ``Observation``, or ``Observation?code=8310-5`` with a query of its own.

    An empty query (``Observation?``) asks for everything of that type. ArgumentError for anything else.
    """
    if not texts:
        return usual()
    known = {one.type: one for one in usual()}
    return tuple(_one_type(text, known) for entry in texts for text in _split(entry))


def _split(entry: str) -> list[str]:
    return [entry] if "?" in entry else [text for text in entry.split(",") if text]


def _one_type(text: str, known: Mapping[str, Wanted]) -> Wanted:
    kind, mark, query = text.partition("?")
    if not _TYPE.fullmatch(kind):
        raise ArgumentError(
            f"{text[:80]!r} is no resource type.",
            where="--types",
            hint="Such as Observation, or Observation?code=8310-5.",
        )
    usual_one = known.get(kind, Wanted(kind))
    parameters = tuple(parse_qsl(query, keep_blank_values=True)) if mark else usual_one.parameters
    own = sorted(_OWN & {name.partition(":")[0] for name, _ in parameters})
    if own:
        raise ArgumentError(f"{own[0]} is set by cytowatch itself.", where="--types", hint="See --since and --count.")
    return Wanted(kind, parameters, usual_one.patient, usual_one.reference, asked=True)


def wanted_patients(texts: list[str] | None) -> tuple[str, ...]:
    """Patient ids as a person names them, each once; ArgumentError for what is no id."""
    ids = [text.removeprefix("Patient/") for text in texts or []]
    if any(not _ID.fullmatch(one) for one in ids):
        raise ArgumentError(
            "A patient id is none.",
            where="--patient",
            why="An id of FHIR has letters, digits, hyphens and dots, 64 at most.",
            hint="Give the id of the Patient resource, not a hospital number.",
        )
    return tuple(dict.fromkeys(ids))


def wanted_group(text: str | None) -> str:
    """The id of a group; empty if none is asked for."""
    name = (text or "").removeprefix("Group/")
    if text is not None and not _ID.fullmatch(name):
        raise ArgumentError("The group id is none.", where="--group", hint="Give the id of the Group resource.")
    return name


def wanted_since(text: str | None) -> str | None:
    """The first moment of interest as an instant in UTC; ArgumentError if it has no zone."""
    if text is None:
        return None
    moment = read_instant(text)
    if moment is None:
        raise ArgumentError(
            "The moment is no ISO timestamp with a zone.", where="--since", hint="Such as 2026-11-29T02:00:00Z."
        )
    return instant(moment)


def searches(question: Question, cursors: Mapping[str, str], histories: frozenset[str]) -> list[Search]:
    """The searches of a run, always in the same order; ``histories``: types whose deletions can be asked for."""
    found = [search for one in question.wanted for search in _searches(one, question, cursors.get(one.type))]
    if not question.patients:
        # the history of a type is that of all patients: not read when only some were asked for
        found += [
            Search(kind, f"{kind}/_history?{urlencode({'_since': cursors[kind], '_count': question.count})}",
                   f"{kind}, deletions", deletions=True)
            for kind in question.types if kind in histories and kind in cursors
        ]  # fmt: skip
    return found


def _searches(one: Wanted, question: Question, cursor: str | None) -> Iterator[Search]:
    own = [*one.parameters, ("_count", str(question.count))]
    own += [("_lastUpdated", f"ge{cursor}")] if cursor else []
    if not question.patients:
        yield Search(one.type, _path(one.type, own), one.type, one.asked)
    for number, patient in enumerate(question.patients, 1):
        value = f"Patient/{patient}" if one.reference else patient
        what = f"{one.type}, patient {number} of {len(question.patients)}"
        yield Search(one.type, _path(one.type, [(one.patient, value), *own]), what, one.asked)


def by_ids(kind: str, ids: list[str], count: int, at_once: int) -> Iterator[Search]:
    """Searches for resources that others point at, some ids at a time."""
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        path = _path(kind, [("_id", ",".join(some)), ("_count", str(count))])
        yield Search(kind, path, f"{kind}, {len(some)} that others point at")


def _path(kind: str, parameters: list[tuple[str, str]]) -> str:
    return f"{kind}?{urlencode(parameters, safe=',:/', quote_via=quote)}"
