"""Looks up the names and codes of a study: a site's own code list first, then the tables `codes/sdtm_*.csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.knowledge.model import Concept, Knowledge

# what a name or code says, one row each; `doubt`: a worse category is not excluded; `tolerance`: see findings.py
_FOUND = ("key", "concept", "category", "fate", "reason", "doubt", "tolerance", "kind", "coded")
_GIVEN = ("infusion", "dose", "device", "trigger")


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
            code.fate,
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
        """A drug, a product or oxygen, by the first of its names that is known; never by a part of a name."""
        for name in names:
            found = self.in_table("drugs", name) or self.vocabulary.by_name(name)
            # calcium as a drug is no calcium of the blood
            if found is not None and (found.fate == "ignore" or self.knowledge.concepts[found.concept].kind in _GIVEN):
                return found
        return None

    def units(self, frame: pl.DataFrame, column: pl.Expr) -> pl.Expr:
        """A printed unit in UCUM where the table has it, else as printed: admission judges it."""
        printed = {row["printed"].upper(): row["unit"] for row in self.knowledge.codes.get("sdtm_units", ())}
        del frame
        return pl.coalesce(
            column.str.to_uppercase().replace_strict(printed, default=None, return_dtype=pl.String), column
        )
