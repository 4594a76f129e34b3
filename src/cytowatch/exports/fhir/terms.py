"""Our own code systems, made from the tables, and a ConceptMap from grades to ICD-10-CM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cytowatch.exports.fhir.grades import PARTS
from cytowatch.exports.fhir.icd10 import IcdCodes, as_coding
from cytowatch.exports.fhir.keys import hashed
from cytowatch.exports.fhir.names import (
    CATEGORY,
    CONCEPT,
    FLAG,
    GRADE,
    ICD10CM,
    MISSING,
    PART,
    PRODUCT,
    RULE,
    SCALE,
    URN,
    criterion_system,
)
from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.report.words import Words

_WAIVED = "fever_waived"
Term = tuple[str, str]


def code_systems(knowledge: Knowledge, scales: Iterable[str], products: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Every code system of the export; criteria only of the scales that were graded.

    ``products``: of the record; those that the tables do not know are listed by their name alone.
    """
    words = Words(knowledge)
    chosen = [knowledge.scales[key] for key in scales if key in knowledge.scales]
    systems: list[tuple[str, str, Iterable[Term]]] = [
        (CONCEPT, "Concepts", ((key, concept.label) for key, concept in knowledge.concepts.items())),
        (CATEGORY, "Categories of coded concepts", _categories(knowledge)),
        (PRODUCT, "Products", _products(knowledge, products)),
        (SCALE, "Scales", ((key, scale.title) for key, scale in knowledge.scales.items())),
        (GRADE, "Grades of scales", _grades(chosen)),
        (PART, "Parts of a grade or a fact", PARTS.items()),
        (FLAG, "Flags", _flags(knowledge, chosen)),
        (MISSING, "What would settle a grade", _missing(knowledge)),
        (RULE, "Rules of guidelines", _rules(knowledge)),
    ]
    systems += [
        (criterion_system(scale.id), f"Criteria: {scale.title}", _criteria(scale, knowledge, words)) for scale in chosen
    ]
    for url, title, terms in systems:
        yield _system(url, title, terms, knowledge.version)


def _system(url: str, title: str, terms: Iterable[Term], version: str) -> dict[str, Any]:
    """One CodeSystem; the first word of a code stands."""
    known: dict[str, str] = {}
    for code, text in terms:
        known.setdefault(code, text)
    short = url.removeprefix(URN)
    name = re.sub(r"[^A-Za-z0-9]", "_", f"Cytowatch_{short}")
    return {
        "resourceType": "CodeSystem",
        "id": f"cytowatch-{short}" if re.fullmatch(r"[a-z]+", short) else f"cytowatch-{hashed(short)}",
        "url": url,
        "version": version,
        "name": name,
        "title": f"cytowatch: {title}",
        "status": "active",
        "experimental": True,
        "caseSensitive": True,
        "content": "complete",
        "count": len(known),
        "concept": [{"code": code, "display": text or code} for code, text in sorted(known.items())],
    }


def _categories(knowledge: Knowledge) -> Iterator[Term]:
    for concept in knowledge.concepts.values():
        yield from ((category, category.replace("_", " ")) for category in concept.categories)
    yield from ((key, symptom.label) for key, symptom in knowledge.symptoms.items())


def _products(knowledge: Knowledge, charted: Iterable[str]) -> Iterator[Term]:
    yield from ((key, product.label) for key, product in knowledge.products.items())
    yield from ((name, name) for name in charted)


def _grades(scales: Iterable[Scale]) -> Iterator[Term]:
    for scale in scales:
        for grade in scale.grades:
            meaning = scale.grade_meaning.get(grade, "")
            yield f"{scale.id}:{grade}", f"{scale.title}, grade {grade}" + (f": {meaning}" if meaning else "")


def _flags(knowledge: Knowledge, scales: Iterable[Scale]) -> Iterator[Term]:
    for scale in scales:
        yield from scale.flags.items()
    yield from _messages(knowledge, "flag")


def _missing(knowledge: Knowledge) -> Iterator[Term]:
    yield from _messages(knowledge, "missing")
    yield from ((key, concept.label) for key, concept in knowledge.concepts.items())


def _messages(knowledge: Knowledge, kind: str) -> Iterator[Term]:
    start = f"{kind}."
    yield from ((key.removeprefix(start), text) for key, text in knowledge.messages.items() if key.startswith(start))


def _rules(knowledge: Knowledge) -> Iterator[Term]:
    for key, guideline in knowledge.advice.guidelines.items():
        yield from ((f"{key}/{rule.id}", rule.action) for rule in guideline.rules)
    for key, drug in knowledge.advice.drugs.items():
        limits = ((limit.id, f"{drug.label}: {limit.kind}, at most {limit.times}") for limit in drug.limits)
        yield from ((f"drug.{key}/{name}", text) for name, text in limits)
    for key, conflict in knowledge.advice.conflicts.items():
        yield f"conflict/{key}", f"{conflict.says_one} Against that: {conflict.says_other}"


def _criteria(scale: Scale, knowledge: Knowledge, words: Words) -> Iterator[Term]:
    viewed = knowledge.scales.get(scale.view_of, scale) if scale.view_of else scale
    names = [criterion.id for criterion in viewed.criteria]
    names += [f"{domain.id}_grade_{grade}" for domain in viewed.domains for grade in viewed.grades]
    names += [_WAIVED, viewed.episode.death_criterion]
    yield from ((name, words.criterion(scale.id, name)) for name in names if name)


def concept_map(knowledge: Knowledge, scales: Iterable[str]) -> dict[str, Any] | None:
    """Grades of the scales that were graded, mapped to ICD-10-CM; None if none of them has codes there.

    The code of a grade does not say on which scale, so it is wider than the grade.
    """
    codes = IcdCodes(knowledge)
    grades: list[dict[str, Any]] = []
    whole: list[dict[str, Any]] = []
    for scale in scales:
        for row in codes.of_scale(scale):
            into = {"equivalence": "wider", **_target(row)}
            if row["grade"]:
                grades.append({"code": f"{scale}:{row['grade']}", "target": [into]})
            else:
                whole.append({"code": scale, "target": [into]})
    groups = [
        {"source": source, "target": ICD10CM, "element": elements}
        for source, elements in ((GRADE, grades), (SCALE, whole))
        if elements
    ]
    if not groups:
        return None
    return {
        "resourceType": "ConceptMap",
        "id": "cytowatch-icd-10-cm",
        "url": f"{URN}icd-10-cm",
        "version": knowledge.version,
        "name": "Cytowatch_icd_10_cm",
        "title": "cytowatch: grades in ICD-10-CM",
        "status": "active",
        "experimental": True,
        "group": groups,
    }


def _target(row: Mapping[str, str]) -> dict[str, Any]:
    coding = as_coding(row)
    notes = [row["note"]] if row["note"] else []
    if row["evidence"] == "recalled":
        notes.insert(0, "Recalled: not read in a source.")
    return {"code": coding["code"], "display": coding["display"], **({"comment": " ".join(notes)} if notes else {})}
