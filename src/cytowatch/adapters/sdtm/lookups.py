"""Looks up the names and codes of a study: a site's own code list first, then the tables `codes/sdtm_*.csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from cytowatch.adapters.likeness import Likeness
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.knowledge.model import Concept, Knowledge
from cytowatch.knowledge.parse import fold

# what a name or code says, one row each; `doubt`: a worse category is not excluded; `tolerance`: see findings.py
_FOUND = ("key", "concept", "category", "fate", "reason", "doubt", "tolerance", "kind", "coded")
_GIVEN = ("infusion", "dose", "device", "trigger")
# the fate of a name that no table has, and whose words speak of a therapy: it opens a doubt, and states no fact
NEAR = "near"
# the same of a row that has no name at all: it may be of any of them
NAMELESS = "nameless"


@dataclass(frozen=True)
class Lookups:
    """The tables of one run, and what of them a study's names mean."""

    knowledge: Knowledge
    vocabulary: Vocabulary
    _tables: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict, compare=False)

    def rows(self, table: str) -> dict[str, dict[str, str]]:
        """A table of codes by its first cell in capitals."""
        if table not in self._tables:
            rows = self.knowledge.codes.get(f"sdtm_{table}", ())
            self._tables[table] = {next(iter(row.values())).upper(): row for row in rows}
        return self._tables[table]

    @cached_property
    def likeness(self) -> Likeness:
        """The words for doubt (decision 0034)."""
        return Likeness(self.knowledge)

    @cached_property
    def salts(self) -> frozenset[str]:
        """Words after the name of a drug that leave it the same drug, folded."""
        return frozenset(fold(row["word"]) for row in self.knowledge.codes.get("sdtm_salts", ()))

    @cached_property
    def labels(self) -> dict[str, Concept]:
        """Concepts by their label in capitals."""
        return {concept.label.upper(): concept for concept in self.knowledge.concepts.values()}

    @cached_property
    def site_scales(self) -> list[tuple[str, str, str]]:
        """What a site's list says of grades: variable or qualifier, syndrome, scale, the first two in capitals."""
        codes = self.vocabulary.frame().filter(pl.col("concept") == "reported_grade", pl.col("category").is_not_null())
        return [(row["system"].upper(), row["code"].upper(), row["category"]) for row in codes.iter_rows(named=True)]

    def meanings(self, names: Iterable[tuple[str | None, ...]], find: Callable[..., Code | None]) -> pl.DataFrame:
        """One row for each distinct combination of names: columns `_0`, `_1`, … and what ``find`` makes of them."""
        found = []
        for each in names:
            code = find(*each)
            found.append((*each, *self._meaning(code)))
        width = len(found[0]) - len(_FOUND) if found else 0
        schema = dict.fromkeys((*(f"_{place}" for place in range(width)), *_FOUND), pl.String)
        return pl.DataFrame(found, schema=schema, orient="row")

    def join(self, frame: pl.DataFrame, columns: list[pl.Expr], find: Callable[..., Code | None]) -> pl.DataFrame:
        """Adds what ``find`` says of the distinct combinations of these columns (`concept, category, fate, …`)."""
        named = frame.with_columns(one.alias(f"_{place}") for place, one in enumerate(columns))
        keys = [f"_{place}" for place in range(len(columns))]
        distinct = named.select(keys).unique(maintain_order=True)
        if distinct.is_empty():
            return named.with_columns(pl.lit(None, pl.String).alias(name) for name in _FOUND).drop(keys)
        return named.join(self.meanings(distinct.iter_rows(), find), on=keys, how="left", nulls_equal=True).drop(keys)

    def _meaning(self, code: Code | None) -> tuple[str | None, ...]:
        if code is None:
            return (None,) * len(_FOUND)
        concept = self.knowledge.concepts.get(code.concept)
        if code.fate == "map" and concept is None:
            why = f"`{code.concept}` is not needed by any loaded table"
            return code.code, code.concept, None, "ignore", why, None, None, None, None
        kind = concept.kind if concept else None
        coded = "yes" if concept and concept.categories else None
        row = self._row_of(code)
        return (
            code.code,
            code.concept,
            code.category,
            NEAR if code.system == NEAR else code.fate,
            code.reason or None,
            row.get("open") or None,
            row.get("tolerance") or None,
            kind,
            coded,
        )

    def _row_of(self, code: Code) -> dict[str, str]:
        return self.rows(code.system).get(code.code.upper(), {}) if code.system in ("events", "tests") else {}

    def in_table(self, table: str, key: str | None) -> Code | None:
        """The meaning of a name in one of the tables; None if it is not there."""
        row = self.rows(table).get(" ".join(key.upper().split())) if key else None
        if row is None:
            return None
        return Code(
            table,
            next(iter(row.values())),
            row.get("concept", ""),
            row.get("category") or None,
            None,
            "ignore" if row.get("fate") == "ignore" else "map",
            row.get("reason", ""),
        )

    def of_site(self, *codings: tuple[str, str | None]) -> Code | None:
        """The meaning in a site's own list, by the variable (`LBTESTCD`, `CMDECOD`, …) as system, or `local`."""
        both = [pair for system, code in codings for pair in ((system, code), ("local", code)) if code]
        return self.vocabulary.best(both)

    def drug(self, *names: str | None) -> Code | None:
        """A drug, a product or oxygen, by the first of its names that is known; never by a part of a name.

        The salt of a drug is that drug, and so is what a biosimilar is told apart by (`codes/sdtm_salts.csv`).
        """
        for name in names:
            found = self.in_table("drugs", name) or self.vocabulary.by_name(name) or self._salt(name)
            # calcium as a drug is no calcium of the blood
            if found is not None and (found.fate == "ignore" or self.knowledge.concepts[found.concept].kind in _GIVEN):
                return found
        return None

    def _salt(self, name: str | None) -> Code | None:
        """The drug of a name that is a known drug's and words of a salt, nothing else; the longest such drug."""
        words = fold(name).split("_") if name else []
        while len(words) > 1 and words[-1] in self.salts:
            words = words[:-1]
            found = self.vocabulary.by_name("_".join(words))
            if found is not None:
                return found
        return None

    def near_drug(self, *names: str | None) -> Code | None:
        """The drug or device that the words of these names speak of, for a doubt (fate `near`); not a trigger."""
        key = self.likeness.drug(*names)
        if key and self.knowledge.concepts[key].kind != "trigger":
            return _near(key, *names)
        return self.near_device(*names)

    def near_device(self, *names: str | None) -> Code | None:
        """The same of oxygen, ventilation and dialysis alone."""
        key = self.likeness.device(*names)
        return _near(key, *names) if key else None

    def any_of(self, frame: pl.DataFrame, nameless: pl.Expr, kinds: tuple[str, ...]) -> pl.DataFrame:
        """The rows, those without a name once for each concept of these kinds that they could be (fate `nameless`)."""
        bare = frame.filter(nameless)
        if bare.is_empty():
            return frame
        could_be = sorted((key, one.kind) for key, one in self.knowledge.concepts.items() if one.kind in kinds)
        each = pl.DataFrame(could_be, schema=["concept", "kind"], orient="row").with_columns(fate=pl.lit(NAMELESS))
        spread = bare.drop(each.columns).join(each, how="cross")
        return pl.concat([frame.filter(~nameless), spread.select(frame.columns)])

    def units(self, frame: pl.DataFrame, column: pl.Expr) -> pl.Expr:
        """A printed unit in UCUM where the table has it, else as printed: admission judges it."""
        printed = {row["printed"].upper(): row["unit"] for row in self.knowledge.codes.get("sdtm_units", ())}
        del frame
        return pl.coalesce(
            column.str.to_uppercase().replace_strict(printed, default=None, return_dtype=pl.String), column
        )


def _near(key: str, *names: str | None) -> Code:
    return Code(NEAR, next((name for name in names if name), ""), key)
