"""What a concept id means here: by our own tables and a site's list, and by the vocabulary tables where they are there.

In this order: a site's own word for the source's text or id, the standard concept, the source concept, what either maps
to; for drugs then the ingredients of a product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.omop.source import Source
from cytowatch.adapters.omop.tables import tidied
from cytowatch.adapters.vocabulary import LOCAL, Code, Vocabulary
from cytowatch.knowledge.lint.codes import loinc_is_valid
from cytowatch.knowledge.model import Knowledge

_FIRST_LOCAL = 2_000_000_000
# from a product to what is in it, from what a site or a country calls it to the standard concept
_INWARD = frozenset(
    {
        "Maps to", "Tradename of", "Quantified form of", "Box of", "Marketed form of", "Form of", "Consists of",
        "Contains", "RxNorm has ing",
    }
)  # fmt: skip
_MOST_STEPS = 8
_SYSTEMS = {"loinc": "loinc", "snomed": "snomed", "rxnorm": "rxnorm"}


@dataclass(frozen=True)
class Named:
    """A row of the table CONCEPT: its name, vocabulary and code."""

    name: str
    vocabulary: str
    code: str


@dataclass
class Concepts:
    """The vocabulary tables of a source, as far as the concepts of its rows need them.

    ``named``: by concept id; ``inside``: the ingredients of a product that our tables know; ``maps``: what a local or
    non-standard concept maps to.
    """

    knowledge: Knowledge
    codes: Vocabulary
    named: dict[str, Named] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)
    maps: dict[str, list[str]] = field(default_factory=dict)
    own: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = {row["concept_id"]: row for row in self.knowledge.codes.get("omop_local", ())}

    def of_id(self, concept: str | None) -> Code | None:
        """The meaning of one concept id, by our tables or by the code that the vocabulary gives it."""
        if concept is None or concept == "0":
            return None
        found = self.codes.code("omop", concept) or self._of_own(concept)
        if found is not None:
            return found
        named = self.named.get(concept)
        system = _SYSTEMS.get(named.vocabulary.lower()) if named else None
        return self.codes.code(system, named.code) if named and system else None

    def of_row(self, concept: str | None, source: str | None, printed: str | None) -> Code | None:
        """The meaning of a row by its three columns; None if no table knows any of them."""
        said = self.codes.code(LOCAL, printed) if printed else None
        if said is not None:
            return said
        ids = [one for one in (concept, source) if one is not None]
        for one in [*ids, *(other for two in ids for other in self.maps.get(two, ()))]:
            found = self.of_id(one)
            if found is not None:
                return found
        # a LOINC code carries its own proof of being one
        unmapped = concept in (None, "0") and printed is not None and loinc_is_valid(printed)
        return self.codes.code("loinc", printed) if unmapped else None

    def ingredients(self, concept: str | None, source: str | None, printed: str | None) -> list[Code]:
        """What a drug row gives: the concept itself, or every ingredient of the product that our tables know."""
        direct = self.of_row(concept, source, printed)
        if direct is not None:
            return [direct]
        found = [self.of_id(one) for drug in (concept, source) if drug for one in self.inside.get(drug, ())]
        return list({code.concept + "/" + (code.category or ""): code for code in found if code is not None}.values())

    def why_not(self, concept: str | None, source: str | None) -> str:
        """Why a row that no table knows is left out; the number of different answers is small."""
        if concept in (None, "0"):
            local = (source or "0").isdecimal() and int(source or "0") >= _FIRST_LOCAL
            return "not mapped by the site (concept 0, local source concept)" if local else "not mapped by the site (concept 0)"
        if concept is not None and concept.isdecimal() and int(concept) >= _FIRST_LOCAL:
            return "a local concept (id of 2,000,000,000 or more) that no code list maps"
        return "concept not needed by any table"

    def _of_own(self, concept: str) -> Code | None:
        row = self.own.get(concept)
        if row is None:
            return None
        if row["kind"] == "scale":
            why = "a grade that cytowatch wrote: it is not evidence for one"
            return Code("omop", concept, "", fate="ignore", reason=why)
        if row["key"] not in self.knowledge.concepts:
            why = f"`{row['key']}` is not needed by any loaded table"
            return Code("omop", concept, row["key"], fate="ignore", reason=why)
        return Code("omop", concept, row["key"], row["detail"] or None)


def read_concepts(source: Source, knowledge: Knowledge, codes: Vocabulary, used: Iterable[str], drugs: set[str]) -> Concepts:
    """Look up the concepts that rows name (``used``; ``drugs`` among them) in the vocabulary tables of the source."""
    there = source.tables()
    concepts = Concepts(knowledge, codes)
    wanted = {one for one in used if one != "0"}
    concepts.maps = _edges(source, there, {one for one in wanted if concepts.of_id(one) is None}, frozenset({"Maps to"}), 1)
    _name(concepts, source, there, wanted | {two for many in concepts.maps.values() for two in many})
    open_drugs = {one for one in drugs - {"0"} if concepts.of_id(one) is None}
    reached = _descent(source, there, concepts, open_drugs)
    _name(concepts, source, there, {two for many in reached.values() for two in many})
    concepts.inside = {
        drug: sorted(one for one in many if _is_drug(concepts.of_id(one), knowledge)) for drug, many in reached.items()
    }
    return concepts


def _is_drug(code: Code | None, knowledge: Knowledge) -> bool:
    if code is None or code.concept not in knowledge.concepts:
        return False
    return knowledge.concepts[code.concept].kind in ("infusion", "dose", "trigger")


def _name(concepts: Concepts, source: Source, there: dict[str, list[str]], wanted: set[str]) -> None:
    """Add what the table CONCEPT says of these ids; nothing where it is not there."""
    columns = ("concept_id", "concept_name", "vocabulary_id", "concept_code")
    wanted = {one for one in wanted if one not in concepts.named}
    if not wanted or not set(columns) <= set(there.get("concept", ())):
        return
    for block in source.blocks("concept", columns):
        own = tidied(block.frame).filter(pl.col("concept_id").is_in(list(wanted)))
        for key, name, vocabulary, code in own.select(columns).iter_rows():
            concepts.named.setdefault(key, Named(name or "", vocabulary or "", code or ""))


def _descent(
    source: Source, there: dict[str, list[str]], concepts: Concepts, drugs: set[str]
) -> dict[str, set[str]]:
    """For each drug the concepts above it: from CONCEPT_ANCESTOR, or step by step where that table says nothing."""
    columns = ("ancestor_concept_id", "descendant_concept_id")
    if not drugs:
        return {}
    found: dict[str, set[str]] = {}
    if set(columns) <= set(there.get("concept_ancestor", ())):
        for block in source.blocks("concept_ancestor", columns):
            own = tidied(block.frame).filter(pl.col("descendant_concept_id").is_in(list(drugs)))
            for above, below in own.select(columns).iter_rows():
                if above is not None and above != below:
                    found.setdefault(below, set()).add(above)
    rest = {drug for drug in drugs if drug not in found}
    steps = _edges(source, there, rest, _INWARD, _MOST_STEPS)
    return found | {drug: set(many) for drug, many in steps.items()}


def _edges(
    source: Source, there: dict[str, list[str]], start: set[str], kinds: frozenset[str], steps: int
) -> dict[str, list[str]]:
    """What each concept reaches over relationships of these kinds that are in force, in so many steps at most."""
    columns = ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    if not start or not set(columns[:3]) <= set(there.get("concept_relationship", ())):
        return {}
    frames = []
    for block in source.blocks("concept_relationship", columns):
        frame = tidied(block.frame).filter(
            pl.col("relationship_id").is_in(list(kinds)),
            pl.col("invalid_reason").is_null(),
            pl.col("concept_id_1") != pl.col("concept_id_2"),
        )
        frames.append(frame.filter(pl.col("concept_id_1").is_in(list(start))) if steps == 1 else frame)
    nothing = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    edges = pl.concat([nothing, *(frame.select(columns) for frame in frames)]).select(columns[:2]).unique()
    onward: dict[str, list[str]] = {}
    for one, two in edges.sort(columns[:2]).iter_rows():
        if one is not None and two is not None:
            onward.setdefault(one, []).append(two)
    return {one: reached for one in sorted(start) if (reached := _reach(one, onward, steps))}


def _reach(start: str, onward: dict[str, list[str]], steps: int) -> list[str]:
    seen, edge = {start: None}, [start]
    for _ in range(steps):
        edge = [two for one in edge for two in onward.get(one, ()) if two not in seen]
        seen |= dict.fromkeys(edge)
    return [one for one in seen if one != start]
