"""What a code of a public or a local system means here: LOINC, SNOMED CT, RxNorm, OMOP, and a site's own.

The tables are ``codes/loinc.csv``, ``snomed.csv``, ``rxnorm.csv``, ``omop.csv`` and, for a site, ``codes/local.csv`` in
an overlay folder. A site's own list may also come with the run: a CSV (`read_code_list`) with the columns
``system, code, concept`` and, where needed, ``category, unit, fate, reason``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import polars as pl

from cytowatch.adapters.resolve import find_category
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Concept, Knowledge
from cytowatch.knowledge.parse import fold

SYSTEMS = ("loinc", "snomed", "rxnorm", "omop")
LOCAL = "local"
# the names that messages use for the public systems: FHIR's URIs, HL7 v2's table 0396, OMOP's vocabulary_id, OIDs
_SYSTEM_NAMES = {
    "http://loinc.org": "loinc", "https://loinc.org": "loinc", "ln": "loinc", "loinc": "loinc", "lnc": "loinc",
    "urn:oid:2.16.840.1.113883.6.1": "loinc", "2.16.840.1.113883.6.1": "loinc",
    "http://snomed.info/sct": "snomed", "sct": "snomed", "snm": "snomed", "snomed": "snomed", "snomed-ct": "snomed",
    "snomed ct": "snomed", "urn:oid:2.16.840.1.113883.6.96": "snomed", "2.16.840.1.113883.6.96": "snomed",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm", "rxnorm": "rxnorm",
    "urn:oid:2.16.840.1.113883.6.88": "rxnorm", "2.16.840.1.113883.6.88": "rxnorm",
    "omop": "omop",
}  # fmt: skip
Fate = Literal["map", "ignore"]


@dataclass(frozen=True)
class Code:
    """What one code says: a concept (with the category or, for triggers, the product), or that nothing needs it.

    ``unit``: the unit that the code implies, if any; a number in another kind of unit is an error of the source.
    """

    system: str
    code: str
    concept: str
    category: str | None = None
    unit: str | None = None
    fate: Fate = "map"
    reason: str = ""


class Vocabulary:
    """Codes and names of one version of the knowledge, and of a site's own lists laid over it."""

    def __init__(self, knowledge: Knowledge, site: Iterable[Code] = ()) -> None:
        self._knowledge = knowledge
        self._codes: dict[tuple[str, str], Code] = {}
        for system in SYSTEMS:
            self._add(_of_row(system, row) for row in knowledge.codes.get(system, ()))
        self._add(_of_row(system_key(row.get("system", LOCAL)), row) for row in knowledge.codes.get(LOCAL, ()))
        self._add(site)

    def _add(self, codes: Iterable[Code]) -> None:
        self._codes |= {(code.system, code.code): code for code in codes}

    def code(self, system: str | None, code: str | None) -> Code | None:
        """The meaning of a code; the system by its URI, OID, HL7 v2 name or short key. None if no table has it."""
        if code is None:
            return None
        found = self._codes.get((system_key(system or LOCAL), code.strip()))
        if found is not None and found.fate == "map" and found.concept not in self._knowledge.concepts:
            why = f"`{found.concept}` is not needed by any loaded table"
            return Code(found.system, found.code, found.concept, fate="ignore", reason=why)
        return found

    def best(self, codings: Iterable[tuple[str | None, str | None]]) -> Code | None:
        """The meaning of the first coding that any table knows, public systems before local ones, never by position."""
        found = [code for system, value in codings if (code := self.code(system, value)) is not None]
        public = [code for code in found if code.system in SYSTEMS]
        local = [code for code in found if code.system not in SYSTEMS]
        # a site's own list is the more deliberate word where both know the same fact
        return next(iter([*local, *public]), None)

    def by_name(self, name: str | None) -> Code | None:
        """A drug, product or concept by its whole name, key or alias, however capitalized; never by a part of it."""
        if not name or not name.strip():
            return None
        folded = fold(name)
        for key in (name.strip(), folded):
            product = self._knowledge.products.get(self._knowledge.product_aliases.get(key, key))
            if product is not None:
                return Code("name", name, product.concept, product.key)
        concept = self.concept(name)
        return Code("name", name, concept.key) if concept else None

    def concept(self, name: str) -> Concept | None:
        """The concept of a key or alias."""
        concepts, aliases, folded = self._knowledge.concepts, self._knowledge.concept_aliases, fold(name)
        for key in (name, aliases.get(name), folded, aliases.get(folded)):
            if key is not None and key in concepts:
                return concepts[key]
        return None

    def frame(self, systems: Sequence[str] | None = None) -> pl.DataFrame:
        """All codes (``system, code, concept, category, unit, fate, reason``), for a look-up by join."""
        wanted = [code for code in self._codes.values() if systems is None or code.system in systems]
        judged = [self.code(one.system, one.code) or one for one in wanted]
        columns = ("system", "code", "concept", "category", "unit", "fate", "reason")
        return pl.DataFrame(
            [tuple(getattr(one, name) for name in columns) for one in judged],
            schema=dict.fromkeys(columns, pl.String), orient="row",
        )  # fmt: skip


def system_key(system: str) -> str:
    """The short key of a code system; a system that has none keeps its name, without spaces around it."""
    plain = system.strip()
    return _SYSTEM_NAMES.get(plain.lower(), plain)


def _of_row(system: str, row: dict[str, str]) -> Code:
    fate: Fate = "ignore" if row.get("fate") == "ignore" else "map"
    return Code(
        system, row["code"], row.get("concept", ""), row.get("category") or None, row.get("unit") or None, fate,
        row.get("reason") or "the code list leaves it out" if fate == "ignore" else "",
    )  # fmt: skip


_NEEDED = ("code", "concept")
_COLUMNS = ("system", "code", "concept", "category", "unit", "fate", "reason")


def read_code_list(path: Path, knowledge: Knowledge) -> list[Code]:
    """A site's own code list, a CSV; InputError with the file, the line and what is wrong.

    A concept or category that does not exist is an error: passed over, its rows would read as "not given".
    """
    known = Vocabulary(knowledge)
    try:
        table = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=False)
    except (pl.exceptions.PolarsError, OSError) as cause:
        raise _bad_list(path, f"the code list cannot be read: {str(cause).splitlines()[0]}") from cause
    table = table.rename({name: name.strip().lower() for name in table.columns})
    missing = [name for name in _NEEDED if name not in table.columns]
    strange = [name for name in table.columns if name not in _COLUMNS]
    if missing or strange:
        raise _bad_list(path, f"missing column: {missing[0]}" if missing else f"unknown column: {strange[0]}")
    found = []
    for line, row in enumerate(table.iter_rows(named=True), 2):
        cells = {name: (value or "").strip() for name, value in row.items()}
        if not cells["code"] or (not cells["concept"] and cells.get("fate") != "ignore"):
            raise _bad_list(path, "a row needs a code and a concept (or the fate `ignore`)", line)
        if cells.get("fate", "") not in ("", "map", "ignore"):
            raise _bad_list(path, f"`{cells['fate']}` is no fate", line)
        code = _of_row(system_key(cells.get("system") or LOCAL), cells)
        found.append(_checked(code, known, knowledge, path, line) if code.fate == "map" else code)
    return found


def _checked(code: Code, known: Vocabulary, knowledge: Knowledge, path: Path, line: int) -> Code:
    """The code with the key of its concept and its category, which may go by another name in the list."""
    concept = known.concept(code.concept)
    if concept is None:
        raise _bad_list(path, f"there is no concept `{code.concept}`{_like(code.concept, knowledge.concepts)}", line)
    category = code.category
    if category and concept.kind == "trigger":
        category = _product(code, category, concept, known, knowledge, path, line)
    elif category and concept.categories:
        category = find_category(concept, category)
        if category is None:
            hint = f": it has {', '.join(concept.categories)}"
            raise _bad_list(path, f"{concept.key} has no category `{code.category}`{hint}", line)
    return replace(code, concept=concept.key, category=category)


def _product(
    code: Code, named: str, concept: Concept, known: Vocabulary, knowledge: Knowledge, path: Path, line: int
) -> str:
    product = known.by_name(named)
    if product is None and fold(named) == fold(code.code):
        # one under study is in no table and stands for itself: no slip of the pen says the same word twice
        return named
    if product is None or product.concept != concept.key or product.category is None:
        raise _bad_list(path, f"{concept.key} has no product `{named}`{_like(named, knowledge.products)}", line)
    return product.category


def _like(name: str, keys: Iterable[str]) -> str:
    near = get_close_matches(name, list(keys), 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _bad_list(path: Path, what: str, line: int | None = None) -> InputError:
    return InputError(
        what,
        where=f"{path}:{line}" if line else str(path),
        why="a code that is mapped wrongly becomes a wrong grade",
        hint=f"columns: {', '.join(_COLUMNS)}; fate is `map` (default) or `ignore`",
    )
