"""The meaning of each row's concept, looked up once per distinct combination of its columns and joined to the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from cytowatch.adapters.omop.overheard import TABLES, Overheard
from cytowatch.adapters.omop.routes import Local
from cytowatch.adapters.omop.unknown import Guess
from cytowatch.adapters.omop.vocabulary import Concepts
from cytowatch.adapters.resolve import find_unit
from cytowatch.adapters.vocabulary import Code
from cytowatch.knowledge.model import Concept, Knowledge

NOT_TOLD = "a drug of which no table here tells the ingredients"
# why a row is in doubt: its words speak of a needed concept, or it has none
NEAR, NAMELESS = "near", "nameless"
# names of unmapped and unknown rows that the ledger tells, of each
_TOLD = 20
_LONGEST = 60
_UNMAPPED, _UNKNOWN = "not mapped by the site", "known by no table"
_SCHEMA = dict.fromkeys(("concept", "category", "code_unit", "kind", "mixed", "unread"), pl.String)
_FATES = dict.fromkeys(("fate", "reason", "label", "name"), pl.String)
_ROUTES = ("route_source_value", "route_concept_id")
Meaning = dict[str, str | None]


@dataclass
class Judge:
    """Says of the rows of one table which concept they speak of, or why none.

    ``columns``: those for the concept, the source's concept and the source's own text. Of drugs the route counts too.
    """

    concepts: Concepts
    columns: tuple[str, str, str]
    table: str
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    _known: dict[tuple[str | None, ...], list[Meaning]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.drugs = self.table == "drug_exposure"
        self.keys = (*self.columns, *(_ROUTES if self.drugs else ()))
        self._guess = Guess(self.concepts.knowledge, self.table)
        self._local = Local(self.concepts.knowledge)
        observed = self.table in TABLES
        self._overheard = Overheard(self.concepts, self.columns, self._guess) if observed else None

    def fate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``fate`` and ``reason``; the fate is empty for those that state something, or are in doubt."""
        joined = self._joined(frame, _first, _FATES)
        if self._overheard is not None:
            heard = self._overheard.beside(joined, pl.col("label").is_not_null())
            silent_still = [pl.when(pl.col("spoken").is_null()).then(name).alias(name) for name in ("fate", "reason")]
            joined = heard.with_columns(silent_still).drop("spoken", "mild")
        silent = joined.filter(pl.col("fate").is_not_null(), pl.col("name").is_not_null())
        for label, name, rows in silent.group_by("label", "name").len().iter_rows():
            self._seen[label, name[:_LONGEST]] += rows
        return joined.drop("label", "name")

    def stated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``concept, category, code_unit, kind, mixed, unread``; a row once for each of its concepts.

        ``mixed``: one of several ingredients. ``unread``: why it is in doubt whether the row speaks of the concept.
        """
        return self._joined(frame, _spoken, _SCHEMA, how="inner")

    def overheard(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The observations that no table knows and that speak of a therapy, in the form of ``stated``, ``printed``."""
        if self._overheard is None:
            return self.stated(frame.clear()).with_columns(printed=pl.lit(None, pl.String))
        labeled = self._joined(frame, _first, {"label": pl.String})
        heard = self._overheard.beside(labeled, pl.col("label").is_not_null()).filter(pl.col("spoken").is_not_null())
        kinds = {key: concept.kind for key, concept in self.concepts.knowledge.concepts.items()}
        nothing = {name: pl.lit(None, pl.String) for name in _SCHEMA}
        return heard.with_columns(**nothing).with_columns(
            concept="spoken",
            kind=pl.col("spoken").replace_strict(kinds, return_dtype=pl.String),
            unread=pl.lit(NEAR),
            printed=self._overheard.said(heard),
        ).drop("spoken", "label")  # fmt: skip

    def nameless(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``unread`` and ``reason``: why rows without words are left out where they are not in doubt."""
        return self._joined(frame, _first, dict.fromkeys(("unread", "reason"), pl.String))

    def _of(self, key: tuple[str | None, ...]) -> list[Meaning]:
        """What one combination of the columns states: at least one record; with a ``fate`` if it states nothing."""
        if key not in self._known:
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def _joined(
        self, frame: pl.DataFrame, pick: Callable[[list[Meaning]], list[Meaning]], schema: dict[str, type[pl.String]],
        how: Literal["left", "inner"] = "left",
    ) -> pl.DataFrame:  # fmt: skip
        found = [
            (*key, *(one[name] for name in schema))
            for key in frame.select(self.keys).unique().iter_rows()
            for one in pick(self._of(key))
        ]
        names = pl.DataFrame(found, schema=dict.fromkeys(self.keys, pl.String) | schema, orient="row")
        order: Literal["left", "left_right"] = "left" if how == "left" else "left_right"
        return frame.join(names, on=self.keys, how=how, nulls_equal=True, maintain_order=order)

    def _look_up(
        self, concept: str | None, source: str | None, printed: str | None, *route: str | None
    ) -> list[Meaning]:
        if self.drugs:
            codes = self.concepts.ingredients(concept, source, printed)
        else:
            one = self.concepts.of_row(concept, source, printed)
            codes = [] if one is None else [one]
        names = self.concepts.names(concept, source)
        local = self._local.why([*names, printed], route, self.concepts) if self.drugs else ""
        if not codes:
            return self._unknown(concept, source, printed, names, local)
        mixed = self.drugs and self.concepts.is_mixed(concept, source, printed)
        told = [
            _silent(local) if local and _acts(code, self.concepts.knowledge) else self._told(code, mixed=mixed)
            for code in codes
        ]
        return _spoken(told) or told

    def _unknown(
        self, concept: str | None, source: str | None, printed: str | None, names: list[str], local: str
    ) -> list[Meaning]:
        """A row that no table knows: in doubt if its words, or the lack of any, leave open what it is."""
        why = self._why_not(concept, source)
        texts = [*([printed] if printed else []), *names]
        of_source = self.concepts.coded(source)
        bare = None if of_source else printed
        near = self._guess.concept(texts) or self._guess.coded([*self.concepts.coded(concept), *of_source], bare)
        settled = self.drugs and self.concepts.is_settled(concept, source)
        if not local and near:
            return [self._in_doubt(near, NEAR, why)]
        mapped = any(one not in (None, "0") for one in (concept, source))
        every = [] if local or settled else self._guess.every(texts, mapped=mapped)
        if every:
            return [self._in_doubt(key, NAMELESS, why) for key in every]
        if concept in (None, "0") and printed:
            return [_silent(local or why) | {"label": _UNMAPPED, "name": printed}]
        # what is known not to matter needs no name
        name = None if local or settled else self._guess.named(texts)
        return [_silent(local or why) | {"label": _UNKNOWN, "name": name}]

    def _in_doubt(self, key: str, unread: str, why: str) -> Meaning:
        kind = self.concepts.knowledge.concepts[key].kind
        return _EMPTY | {"concept": key, "kind": kind, "unread": unread, "reason": why}

    def _why_not(self, concept: str | None, source: str | None) -> str:
        mapped = concept not in (None, "0") or source not in (None, "0")
        if self.drugs and mapped and not self.concepts.is_settled(concept, source):
            return NOT_TOLD
        return self.concepts.why_not(concept, source)

    def _told(self, code: Code, *, mixed: bool) -> Meaning:
        if code.fate == "ignore":
            return _silent(code.reason)
        kind = self.concepts.knowledge.concepts[code.concept].kind
        return _EMPTY | {
            "concept": code.concept,
            "category": code.category,
            # LOINC says mass or amount of substance, not which unit: no number without a unit gets one by it
            "code_unit": None if code.system == "loinc" else code.unit,
            "kind": kind,
            "mixed": "mixed" if mixed else None,
        }

    def told(self) -> list[str]:
        """The most frequent names that the site has not mapped, or that no table knows, for the ledger; bounded."""
        lines = []
        for label in (_UNMAPPED, _UNKNOWN):
            own = [(name, rows) for (named, name), rows in self._seen.items() if named == label]
            ordered = sorted(own, key=lambda one: (-one[1], one[0]))
            lines += [f"{label}: {name!r} in {rows} rows" for name, rows in ordered[:_TOLD]]
            if len(ordered) > _TOLD:
                lines.append(f"{label}: {len(ordered) - _TOLD} more names")
        return lines


_EMPTY: Meaning = dict.fromkeys((*_SCHEMA, *_FATES))


def _first(meanings: list[Meaning]) -> list[Meaning]:
    return meanings[:1]


def _spoken(meanings: list[Meaning]) -> list[Meaning]:
    return [one for one in meanings if one["fate"] is None]


def _silent(reason: str) -> Meaning:
    return _EMPTY | {"fate": "ignored", "reason": reason}


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
