"""Does the knowledge make sense? Checked without a patient; its shape was checked when it was loaded.

``sources``, ``concepts``, ``limits``, ``codes`` and ``names`` look at rows; ``scales`` and ``scores`` at one scale's
parts; ``proof`` goes through every state that a scale's cut-offs make (``states``), by a small evaluator (``logic``).

Scales of the method "rules" have modules of their own, alike: ``rule_scales``, ``rule_nodes`` and ``quantities`` look
at parts, ``rule_proof`` at states (``rule_values``, ``rule_space``, ``rule_study``), by the evaluator ``rule_logic``.
"""

from __future__ import annotations

from cytowatch.knowledge.lint.advice import check_advice
from cytowatch.knowledge.lint.codes import check_codes
from cytowatch.knowledge.lint.concepts import check_concepts
from cytowatch.knowledge.lint.doors import check_doors
from cytowatch.knowledge.lint.drugs import check_drugs
from cytowatch.knowledge.lint.education import check_education
from cytowatch.knowledge.lint.finding import Finding, placed
from cytowatch.knowledge.lint.limits import check_limits
from cytowatch.knowledge.lint.lookalikes import check_lookalikes
from cytowatch.knowledge.lint.names import REQUIRED_POLICIES, check_messages, check_policies, check_products
from cytowatch.knowledge.lint.plan import check_plans
from cytowatch.knowledge.lint.prevention import check_prevention
from cytowatch.knowledge.lint.products import check_product_facts
from cytowatch.knowledge.lint.scales import check_scales
from cytowatch.knowledge.lint.sources import check_sources
from cytowatch.knowledge.lint.symptoms import check_symptoms
from cytowatch.knowledge.model import Knowledge

__all__ = ["REQUIRED_POLICIES", "Finding", "lint"]

_CHECKS = (
    check_sources,
    check_concepts,
    check_limits,
    check_policies,
    check_products,
    check_messages,
    check_codes,
    check_scales,
    check_symptoms,
    check_lookalikes,
    check_advice,
    check_education,
    check_drugs,
    check_product_facts,
    check_prevention,
    check_plans,
    check_doors,
)


def lint(knowledge: Knowledge) -> list[Finding]:
    """Everything that is wrong or doubtful in the tables, errors first; an empty list means that they make sense."""
    found = [finding for check in _CHECKS for finding in check(knowledge)]
    return sorted(placed(found, knowledge), key=lambda finding: finding.severity != "error")
