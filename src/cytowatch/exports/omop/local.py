"""The numbers that rows carry: standard concepts where we know one, our own beyond 2,000,000,000 everywhere else.

Our own stand in ``codes/omop_local.csv`` and never change; a site loads them as CONCEPT and VOCABULARY rows.
"""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge

VOCABULARY = "cytowatch"
_FIRST = 2_094_000_000
_SINCE, _UNTIL = "2026-01-01", "2099-12-31"
_DOMAINS = {
    "infusion": "Drug", "dose": "Drug", "trigger": "Drug", "device": "Device", "death": "Observation",
    "reading": "Measurement",
}  # fmt: skip


class Ids:
    """Concept ids by what they mean, for one version of the knowledge."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._rows = list(knowledge.codes.get("omop_local", ()))
        self.knowledge = knowledge
        self.own = {(row["kind"], row["key"], row["detail"]): row["concept_id"] for row in self._rows}
        self.standard: dict[tuple[str, str], str] = {}
        for row in knowledge.codes.get("omop", ()):
            self.standard.setdefault((row["concept"], row.get("category", "")), row["code"])
        self.units = {row["ucum"]: row["concept_id"] for row in reversed(knowledge.codes.get("omop_units", ()))}
        operators = knowledge.codes.get("omop_operators", ())
        self.operators = {row["comparator"]: row["concept_id"] for row in operators}

    def source_concept(self, concept: str, detail: str | None) -> str:
        """Our own number of a concept, or of its category or product; 0 for one of an overlay."""
        keys = [("category", concept, detail or ""), ("product", concept, detail or ""), ("concept", concept, "")]
        return next((self.own[key] for key in keys if key in self.own), "0")

    def concept(self, concept: str, detail: str | None) -> str:
        """The standard number where the tables have one for exactly this, else our own."""
        known = self.standard.get((concept, detail or "")) or self.standard.get((concept, ""))
        kind = self.knowledge.concepts[concept].kind
        # an unmapped product is not any product of its kind, and a device is its category
        exact = self.standard.get((concept, detail or "")) if kind == "trigger" else known
        return (exact if kind != "device" else None) or self.source_concept(concept, detail)

    def scale(self, scale: str) -> str:
        """Our own number of the grades of a scale; 0 for one of an overlay."""
        return self.own.get(("scale", scale, ""), "0")

    def cohort(self, scale: str, grade: int, *, certain: bool) -> int:
        """The number of the cohort of a scale and a grade; certain ones are even, those not excluded odd."""
        return (int(self.scale(scale)) - _FIRST) * 100 + grade * 2 + (0 if certain else 1)

    def concepts(self) -> pl.DataFrame:
        """The rows that a site adds to its table CONCEPT."""
        return pl.DataFrame(
            [
                {
                    "concept_id": row["concept_id"], "concept_name": row["name"], "domain_id": self._domain(row),
                    "vocabulary_id": VOCABULARY, "concept_class_id": row["kind"].capitalize(), "standard_concept": "",
                    "concept_code": "/".join(part for part in (row["key"], row["detail"]) if part),
                    "valid_start_date": _SINCE, "valid_end_date": _UNTIL, "invalid_reason": "",
                }
                for row in self._rows
            ],
            infer_schema_length=None,
        )  # fmt: skip

    def vocabulary(self) -> pl.DataFrame:
        """The row that a site adds to its table VOCABULARY."""
        return pl.DataFrame(
            [
                {
                    "vocabulary_id": VOCABULARY, "vocabulary_name": "Concepts, products and scales of cytowatch",
                    "vocabulary_reference": "codes/omop_local.csv", "vocabulary_version": self.knowledge.version,
                    "vocabulary_concept_id": "0",
                }
            ]
        )  # fmt: skip

    def _domain(self, row: dict[str, str]) -> str:
        concept = self.knowledge.concepts.get(row["key"])
        return _DOMAINS.get(concept.kind, "Observation") if concept is not None else "Observation"
