"""What a rule scale reads: every concept that can change what it says."""

from __future__ import annotations

from typing import cast

from cytowatch.engine.neuro_counters import READ_BESIDE, SYMPTOM, UNREAD
from cytowatch.engine.rules.tree import concepts_in_order, nodes_of
from cytowatch.engine.subjects import trigger_concepts
from cytowatch.knowledge.model import Knowledge, Scale


def needed_by_rules(scale: Scale, knowledge: Knowledge) -> frozenset[str]:
    """Every concept that can change what a rule scale says, or what its episodes count."""
    read = {concept for node in nodes_of(scale) for concept in concepts_in_order(node, knowledge)}
    kinds = {knowledge.concepts[name].kind for name in read if name in knowledge.concepts}
    domains = {domain.attribution for domain in scale.domains} | {domain.excluded_by for domain in scale.domains}
    general = {"attribution"} if any(domain.attribution for domain in scale.domains) else set()
    beside = {"sedated"} if any(domain.under_sedation == "unknown" for domain in scale.domains) else set()
    beside |= {"sedated"} if read & set(cast("tuple[str, ...]", knowledge.policy("spoiled_by_sedation"))) else set()
    beside |= {"weight"} if "infusion" in kinds else set()
    beside |= set(cast("list[str]", knowledge.policy("neuro_charting"))) if "exception" in kinds else set()
    beside |= {SYMPTOM, UNREAD} if "exception" in kinds or read & set(READ_BESIDE) else set()
    beside |= {"oxygen_device"} if read & {"fio2", "oxygen_flow"} else set()
    counted = {"tocilizumab", *cast("list[str]", knowledge.policy("steroids"))} if scale.has_episodes else set()
    own = {"death", *trigger_concepts(knowledge)}
    return frozenset((read | domains | general | beside | counted | own) - {""}) & knowledge.concepts.keys()
