"""The meaning of each row's concept, looked up once per distinct combination of its columns and joined to the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.omop.vocabulary import Concepts
from cytowatch.adapters.resolve import find_unit
from cytowatch.adapters.vocabulary import Code
from cytowatch.knowledge.model import Concept, Knowledge

NOT_TOLD = "a drug of which no table here tells the ingredients"
# source values of unmapped rows that the ledger tells
_TOLD = 20
_LONGEST = 60
_SCHEMA = {"concept": pl.String, "category": pl.String, "code_unit": pl.String, "kind": pl.String}
_FATES = {"fate": pl.String, "reason": pl.String}


@dataclass
class Judge:
    """Says of the rows of one table which concept they speak of, or why none.

    ``keys``: the columns for the concept, the source's concept and the source's own text. ``words``: texts that mean a
    row states nothing for a grade (of which kind of preparation a drug is).
    """

    concepts: Concepts
    keys: tuple[str, str, str]
    drugs: bool = False
    unmapped: Counter[str] = field(default_factory=Counter)
    _known: dict[tuple[str | None, ...], list[dict[str, str | None]]] = field(default_factory=dict)

    def fate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``fate`` and ``reason``, empty for those that state something."""
        found = [
            (*key, rows[0]["fate"], rows[0]["reason"]) for key in self._distinct(frame) for rows in [self.meaning(*key)]
        ]
        names = pl.DataFrame(found, schema=dict.fromkeys(self.keys, pl.String) | _FATES, orient="row")
        joined = frame.join(names, on=self.keys, how="left", nulls_equal=True, maintain_order="left")
        self._count(joined)
        return joined

    def stated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``concept, category, code_unit, kind``; a row of several ingredients once for each."""
        found = [
            (*key, *(one[name] for name in _SCHEMA))
            for key in self._distinct(frame)
            for one in self.meaning(*key)
            if one["fate"] is None
        ]
        names = pl.DataFrame(found, schema=dict.fromkeys(self.keys, pl.String) | _SCHEMA, orient="row")
        return frame.join(names, on=self.keys, how="inner", nulls_equal=True, maintain_order="left_right")

    def meaning(self, *key: str | None) -> list[dict[str, str | None]]:
        """What one combination of the columns states: at least one record; with a ``fate`` if it states nothing."""
        if key not in self._known:
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def _look_up(self, concept: str | None, source: str | None, printed: str | None) -> list[dict[str, str | None]]:
        if self.drugs:
            codes = self.concepts.ingredients(concept, source, printed)
        else:
            one = self.concepts.of_row(concept, source, printed)
            codes = [] if one is None else [one]
        if not codes:
            return [_silent(self._why_not(concept, source))]
        form = self._form(concept, source, printed) if self.drugs else ""
        told = [_silent(form) if form and _acts(code, self.concepts.knowledge) else self._told(code) for code in codes]
        spoken = [one for one in told if one["fate"] is None]
        return spoken or told

    def _why_not(self, concept: str | None, source: str | None) -> str:
        mapped = concept not in (None, "0") or source not in (None, "0")
        if self.drugs and mapped and not self.concepts.is_settled(concept, source):
            return NOT_TOLD
        return self.concepts.why_not(concept, source)

    def _told(self, code: Code) -> dict[str, str | None]:
        if code.fate == "ignore":
            return _silent(code.reason)
        kind = self.concepts.knowledge.concepts[code.concept].kind
        return {
            "concept": code.concept,
            "category": code.category,
            # LOINC says mass or amount of substance, not which unit: no number without a unit gets one by it
            "code_unit": None if code.system == "loinc" else code.unit,
            "kind": kind,
        } | dict.fromkeys(_FATES)

    def _form(self, concept: str | None, source: str | None, printed: str | None) -> str:
        """Why a drug's form keeps it from acting as a dose or an infusion; empty if nothing says so."""
        names = [self.concepts.named[one].name for one in (concept, source) if one in self.concepts.named]
        said = " ".join([*names, printed or ""]).lower()
        forms = self.concepts.knowledge.codes.get("omop_forms", ())
        return next((row["reason"] for row in forms if row["word"] in said), "")

    def _distinct(self, frame: pl.DataFrame) -> list[tuple[str | None, ...]]:
        return list(frame.select(self.keys).unique().iter_rows())

    def _count(self, judged: pl.DataFrame) -> None:
        """Count the source's own names of rows with concept 0, for the ledger."""
        concept, _, printed = self.keys
        zero = judged.filter(
            pl.col("fate").is_not_null(), pl.col(concept).fill_null("0") == "0", pl.col(printed).is_not_null()
        )
        for name, rows in zero.group_by(printed).len().iter_rows():
            self.unmapped[name[:_LONGEST]] += rows

    def told(self) -> list[str]:
        """The most frequent names that the site has not mapped, for the ledger; bounded."""
        ordered = sorted(self.unmapped.items(), key=lambda one: (-one[1], one[0]))
        lines = [f"not mapped by the site: {name!r} in {rows} rows" for name, rows in ordered[:_TOLD]]
        rest = len(ordered) - len(lines)
        return [*lines, *([f"not mapped by the site: {rest} more names"] if rest > 0 else [])]


def _silent(reason: str) -> dict[str, str | None]:
    return dict.fromkeys(_SCHEMA) | {"fate": "ignored", "reason": reason}


def _acts(code: Code, knowledge: Knowledge) -> bool:
    concept = knowledge.concepts.get(code.concept)
    return concept is not None and concept.kind in ("infusion", "dose")


def looked_up(frame: pl.DataFrame, keys: tuple[str, ...], name: str, answer: Callable[..., str | None]) -> pl.DataFrame:
    """Adds a column of text that depends on other columns, worked out once per distinct combination."""
    found = [(*key, answer(*key)) for key in frame.select(keys).unique().iter_rows()]
    table = pl.DataFrame(found, schema=dict.fromkeys((*keys, name), pl.String), orient="row")
    return frame.join(table, on=keys, how="left", nulls_equal=True, maintain_order="left")


class Units:
    """What the unit of a row is: by its concept id, by the vocabulary's code for it, else as printed."""

    def __init__(self, concepts: Concepts) -> None:
        self._concepts = concepts
        self._known = {row["concept_id"]: row["ucum"] for row in concepts.knowledge.codes.get("omop_units", ())}

    def of(self, concept: str | None, coded: str | None, printed: str | None, implied: str | None) -> str | None:
        """The unit of a value, for admission to judge.

        Where id and print name units that convert differently, both are given back as one text, which is no unit:
        which of them is right is not known, and the row is rejected for it.
        """
        meant = self._of_id(coded)
        known = self._concepts.knowledge.concepts.get(concept or "")
        if meant is None or printed is None or known is None:
            return meant or printed or implied
        first, second = find_unit(known, meant), find_unit(known, printed)
        if first is None:
            return printed if second is not None else meant
        if second is None or (first.to, first.factor, first.shift) == (second.to, second.factor, second.shift):
            return meant
        return f"{meant} by its id, {printed} as printed"

    def _of_id(self, coded: str | None) -> str | None:
        if coded in (None, "0"):
            return None
        named = self._concepts.named.get(coded or "")
        by_code = named.code if named is not None and named.vocabulary.upper() == "UCUM" else None
        return self._known.get(coded or "") or by_code


def takes_text(concept: Concept) -> bool:
    """Whether a concept is told in words."""
    return bool(concept.categories) or concept.free_text or concept.text_needed or not concept.units
