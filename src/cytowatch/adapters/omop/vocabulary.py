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
from cytowatch.knowledge.parse import fold

NOT_MAPPED = "not mapped by the site (concept 0)"
_FIRST_LOCAL = 2_000_000_000
# from a product to what is in it, from what a site or a country calls it to the standard concept
_INWARD = frozenset(
    {
        "Maps to", "Tradename of", "Quantified form of", "Box of", "Marketed form of", "Form of", "Consists of",
        "Contains", "RxNorm has ing",
    }
)  # fmt: skip
_MOST_STEPS = 8
# between the ingredients in RxNorm's name of a product; strengths (`MG/ML`) have no spaces
_BETWEEN = " / "
_SYSTEMS = {"loinc": "loinc", "snomed": "snomed", "rxnorm": "rxnorm"}


@dataclass(frozen=True)
class Named:
    """A row of the table CONCEPT: its name, vocabulary, code and class."""

    name: str
    vocabulary: str
    code: str
    kind: str = ""


@dataclass
class Concepts:
    """The vocabulary tables of a source, as far as the concepts of its rows need them.

    ``named``: by concept id; ``inside``: the ingredients of a product that our tables know; ``settled``: products whose
    ingredients are told at all; ``mixed``: products of several ingredients; ``maps``: what a local or non-standard
    concept maps to.
    """

    knowledge: Knowledge
    codes: Vocabulary
    named: dict[str, Named] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
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

    def names(self, *concepts: str | None) -> list[str]:
        """What the table CONCEPT calls these ids, where it has them."""
        named = [self.named[one].name for one in concepts if one in self.named]
        return [name for name in named if name]

    def coded(self, *concepts: str | None) -> list[tuple[str, str]]:
        """Vocabulary and code of these ids, where the table CONCEPT has them."""
        return [(self.named[one].vocabulary, self.named[one].code) for one in concepts if one in self.named]

    def is_mixed(self, concept: str | None, source: str | None, printed: str | None) -> bool:
        """Whether a row gives a product of several ingredients, so that it is no infusion of one of them."""
        return self.of_row(concept, source, printed) is None and not self.mixed.isdisjoint({concept, source})

    def is_settled(self, concept: str | None, source: str | None) -> bool:
        """Whether it is told what is in a drug, so that one our tables do not know is none that they need."""
        named = [self.named.get(one or "") for one in (concept, source)]
        is_ingredient = any(one is not None and one.kind == "Ingredient" for one in named)
        return is_ingredient or any(one in self.settled for one in (concept, source))

    def why_not(self, concept: str | None, source: str | None) -> str:
        """Why a row that no table knows is left out; the number of different answers is small."""
        if concept in (None, "0"):
            local = (source or "0").isdecimal() and int(source or "0") >= _FIRST_LOCAL
            return f"{NOT_MAPPED}, and no code list maps its local concept" if local else NOT_MAPPED
        if concept and concept.isdecimal() and int(concept) >= _FIRST_LOCAL:
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


def read_concepts(
    source: Source, knowledge: Knowledge, codes: Vocabulary, used: Iterable[str], drugs: set[str], routes: set[str]
) -> Concepts:
    """Look up the concepts that rows name in the vocabulary tables: ``used`` (``drugs`` among them), and ``routes``."""
    there = source.tables()
    concepts = Concepts(knowledge, codes)
    wanted = {one for one in used if one != "0"}
    unknown = {one for one in wanted if concepts.of_id(one) is None}
    steps = _edges(source, there, unknown, inward=bool(drugs & unknown))
    concepts.maps = {one: steps.maps[one] for one in sorted(unknown) if one in steps.maps}
    mapped = {two for many in concepts.maps.values() for two in many}
    _name(concepts, source, there, wanted | mapped | routes - {"0"})
    open_drugs = {one for one in drugs - {"0"} if concepts.of_id(one) is None}
    reached = _descent(source, there, concepts, open_drugs, steps)
    _name(concepts, source, there, {two for many in reached.values() for two in many})
    concepts.inside = {
        drug: sorted(one for one in many if _is_drug(concepts.of_id(one), knowledge)) for drug, many in reached.items()
    }
    concepts.mixed = {drug for drug, many in reached.items() if _is_mixed(drug, many, concepts)}
    return concepts


def _is_mixed(drug: str, above: set[str], concepts: Concepts) -> bool:
    """Whether there is more than one ingredient besides diluents: by the classes of concepts, or by RxNorm's names."""
    needed = {code.concept for one in concepts.inside[drug] if (code := concepts.of_id(one)) is not None}
    named = [concepts.named[one] for one in above if one in concepts.named]
    ingredients = {one.name for one in named if one.kind == "Ingredient"}
    parts = {part for name in concepts.names(drug) for part in name.split(_BETWEEN)}
    return len(needed) > 1 or any(_count_active(names, concepts.knowledge) > 1 for names in (ingredients, parts))


def _count_active(names: Iterable[str], knowledge: Knowledge) -> int:
    diluents = [f"_{fold(row['word'])}_" for row in knowledge.codes.get("omop_diluents", ())]
    return sum(not any(word in f"_{fold(name)}_" for word in diluents) for name in names)


def _is_drug(code: Code | None, knowledge: Knowledge) -> bool:
    if code is None or code.concept not in knowledge.concepts:
        return False
    return knowledge.concepts[code.concept].kind in ("infusion", "dose", "trigger")


def _name(concepts: Concepts, source: Source, there: dict[str, list[str]], wanted: set[str]) -> None:
    """Add what the table CONCEPT says of these ids; nothing where it is not there."""
    columns = ("concept_id", "concept_name", "vocabulary_id", "concept_code", "concept_class_id")
    wanted = {one for one in wanted if one not in concepts.named}
    if not wanted or not set(columns[:4]) <= set(there.get("concept", ())):
        return
    for block in source.blocks("concept", columns):
        own = tidied(block.frame).filter(pl.col("concept_id").is_in(list(wanted)))
        for key, *said in own.select(columns).iter_rows():
            concepts.named.setdefault(key, Named(*(one or "" for one in said)))


@dataclass(frozen=True)
class Steps:
    """Relationships in force: what maps to what, steps inward from a product, and which end in ingredients."""

    maps: dict[str, list[str]]
    inward: dict[str, list[str]]
    ingredients: set[str]


def _descent(
    source: Source, there: dict[str, list[str]], concepts: Concepts, drugs: set[str], steps: Steps
) -> dict[str, set[str]]:
    """For each drug the concepts above it: from CONCEPT_ANCESTOR, or step by step where that table says nothing."""
    columns = ("ancestor_concept_id", "descendant_concept_id")
    found: dict[str, set[str]] = {}
    if drugs and set(columns) <= set(there.get("concept_ancestor", ())):
        for block in source.blocks("concept_ancestor", columns):
            own = tidied(block.frame).filter(pl.col("descendant_concept_id").is_in(list(drugs)))
            for above, below in own.select(columns).iter_rows():
                if above is not None and above != below:
                    found.setdefault(below, set()).add(above)
    concepts.settled |= set(found)
    for drug in sorted(drugs - set(found)):
        reached = _reach(drug, steps.inward)
        if reached:
            found[drug] = reached
        if reached & steps.ingredients:
            concepts.settled.add(drug)
    return found


def _edges(source: Source, there: dict[str, list[str]], start: set[str], *, inward: bool) -> Steps:
    """Read CONCEPT_RELATIONSHIP once: what ``start`` maps to, and where there are products the steps inward too."""
    columns = ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    nothing = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    frames = [nothing]
    if start and set(columns[:3]) <= set(there.get("concept_relationship", ())):
        first = (pl.col("relationship_id") == "Maps to") & pl.col("concept_id_1").is_in(list(start))
        wanted = first | pl.col("relationship_id").is_in(list(_INWARD)) if inward else first
        for block in source.blocks("concept_relationship", columns):
            in_force = wanted & pl.col("invalid_reason").is_null() & (pl.col("concept_id_1") != pl.col("concept_id_2"))
            frames.append(tidied(block.frame).filter(in_force).select(columns))
    edges = pl.concat(frames).sort(columns[:2])
    maps, every = (edges.filter(part) for part in (pl.col("relationship_id") == "Maps to", pl.lit(value=True)))
    ends = edges.filter(pl.col("relationship_id") == "RxNorm has ing")["concept_id_2"]
    return Steps(_onward(maps), _onward(every), set(ends))


def _onward(edges: pl.DataFrame) -> dict[str, list[str]]:
    onward: dict[str, list[str]] = {}
    for one, two in edges.select("concept_id_1", "concept_id_2").unique(maintain_order=True).iter_rows():
        onward.setdefault(one, []).append(two)
    return onward


def _reach(start: str, onward: dict[str, list[str]]) -> set[str]:
    seen, edge = {start}, [start]
    for _ in range(_MOST_STEPS):
        edge = [two for one in edge for two in onward.get(one, ()) if two not in seen]
        seen |= set(edge)
    return seen - {start}
