"""A scale is proved once: as long as nothing that the proof looks at has changed, its findings are remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cytowatch.knowledge.lint.finding import Finding, Findings
from cytowatch.knowledge.lint.rule_tree import concepts_read, conditions, walk
from cytowatch.knowledge.model import Compare, Concept, Knowledge, Scale

Proof = Callable[[Scale, Knowledge], Findings]


@dataclass(frozen=True)
class _Task:
    """A scale to be proved; two are the same if everything that a proof looks at is."""

    looked_at: str
    proof: Proof
    scale: Scale = field(compare=False)
    knowledge: Knowledge = field(compare=False)


def proved(proof: Proof, scale: Scale, knowledge: Knowledge) -> tuple[Finding, ...]:
    """The findings of one proof of one scale."""
    return _proved(_Task(_looked_at(scale, knowledge), proof, scale, knowledge))


@lru_cache(maxsize=1024)
def _proved(task: _Task) -> tuple[Finding, ...]:
    return tuple(task.proof(task.scale, task.knowledge))


def _looked_at(scale: Scale, knowledge: Knowledge) -> str:
    nodes = [node for condition in conditions(scale) for node in walk(condition)]
    cuts = {node.threshold for node in nodes if isinstance(node, Compare)}
    names = {name for condition in conditions(scale) for name in concepts_read(condition, knowledge)}
    names |= {name for domain in scale.domains for name in (domain.concept, *(item for item, _ in domain.items))}
    concepts = [
        _meaning(part) for key, part in sorted(knowledge.concepts.items()) if key in names or part.kind == "device"
    ]
    thresholds = [part for key, part in sorted(knowledge.thresholds.items()) if key in cuts]
    return repr((scale, concepts, thresholds))


def _meaning(concept: Concept) -> tuple[object, ...]:
    return concept.key, concept.kind, concept.units[:1], concept.plausible, concept.categories, concept.worse
