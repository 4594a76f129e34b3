"""A graded folder as tables of the OMOP common data model 5.4: facts, cohorts, grades, and what is lost."""

from __future__ import annotations

from cytowatch.exports.omop.write import write_omop

__all__ = ["write_omop"]
