"""Codes for concepts: a public one where the tables have one that was read, and always our own beside it."""

from __future__ import annotations

import re
from typing import Any

from cytowatch.exports.fhir.names import CATEGORY, CONCEPT, LOINC, PRODUCT, RXNORM
from cytowatch.knowledge.model import Concept, Knowledge

# codes that are read but not written, such as those of another unit than ours
_NOT_WRITTEN = "fhir_out"
_CODE = re.compile(r"\S+( \S+)*")


def is_code(text: str) -> bool:
    """Whether FHIR allows a text as a code: words with one space between them."""
    return _CODE.fullmatch(text) is not None


class Codings:
    """Looks up the codes of concepts, categories and products in one version of the knowledge."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        left_out = {row["code"] for row in knowledge.codes.get(_NOT_WRITTEN, ()) if row.get("fate") == "ignore"}
        self._public = {
            system: [row for row in knowledge.codes.get(table, ()) if row["code"] not in left_out]
            for system, table in ((LOINC, "loinc"), (RXNORM, "rxnorm"))
        }

    def group(self, key: str) -> str:
        """What the concept belongs to: vital, laboratory, oxygen …; empty for a concept that the tables lack."""
        found = self._knowledge.concepts.get(key)
        return found.group if found else ""

    def observed(self, key: str) -> dict[str, Any]:
        """The code of an Observation."""
        return self._concept(LOINC, key)

    def drug(self, key: str) -> dict[str, Any]:
        """The code of a drug that was given."""
        return self._concept(RXNORM, key)

    def product(self, key: str, text: str | None) -> dict[str, Any]:
        """The code of a trigger: its product as far as it is known, and what kind of trigger it is."""
        concept = self._own(key)
        if text is None:
            return {"coding": [concept]}
        found = self._knowledge.products.get(text)
        public = [*self._first(RXNORM, key, text)] if found else []
        label = {"display": found.label} if found else {}
        own = [{"system": PRODUCT, "code": text, **label}] if is_code(text) else []
        return {"coding": [*public, *own, concept], "text": text}

    def said(self, key: str, text: str) -> dict[str, Any]:
        """The value of a coded or free text: a coding where the text is one of ours, and always the text itself."""
        concept = self._knowledge.concepts.get(key)
        if concept and concept.kind == "trigger" and text in self._knowledge.products:
            return {"coding": [{"system": PRODUCT, "code": text}], "text": text}
        known = concept is not None and (text in concept.categories or self._is_symptom(concept, text))
        return {**({"coding": [{"system": CATEGORY, "code": text}]} if known else {}), "text": text}

    def _is_symptom(self, concept: Concept, text: str) -> bool:
        return concept.key == "symptom" and text in self._knowledge.symptoms

    def _concept(self, system: str, key: str) -> dict[str, Any]:
        return {"coding": [*self._first(system, key, ""), self._own(key)]}

    def _own(self, key: str) -> dict[str, Any]:
        found = self._knowledge.concepts.get(key)
        return {"system": CONCEPT, "code": key, **({"display": found.label} if found else {})}

    def _first(self, system: str, key: str, category: str) -> list[dict[str, Any]]:
        """The first public code that was read and implies no unit but ours; none is better than a doubtful one."""
        units = self._knowledge.concepts[key].units if key in self._knowledge.concepts else ()
        for row in self._public[system]:
            fits = not row["unit"] or row["unit"] in units[:1]
            if row["concept"] == key and row["category"] == category and row["evidence"] != "recalled" and fits:
                return [{"system": system, "code": row["code"]}]
        return []
