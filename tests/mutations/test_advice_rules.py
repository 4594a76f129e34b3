"""Everything that advice is made of, made wrong in every small way, is noticed by a worked patient."""

from __future__ import annotations

from dataclasses import replace

from tests.mutations.advice_catching import conflict_survivors, survivors
from tests.mutations.advice_moments import watch, with_wrong
from tests.mutations.advice_mutations import wrong_advice
from tests.mutations.advice_parts import with_parts, wrong_conflicts, wrong_drugs, wrong_facts

from cytowatch.knowledge import Knowledge, load

# of the smallest guideline, of facts, of drugs and of conflicts; were there none, nothing would be tested
FEWEST = 20
_ANOTHER = "another rule on the same side holds wherever this one does: it is named for the reader"
# what no patient can notice, each with the reason why
EXCEPTIONS = {
    "nccn-engager-2026.crs-2-go-on: a higher grade too": "the rule asks for less than grade 3 since the dose as well",
    "c1: other without asco-2021.crs-2-steroid": _ANOTHER,
    "c2: one without nccn-car-t-2026.crs-1-steroid": _ANOTHER,
    "c2: other without asco-2021.crs-1-as-grade-2": _ANOTHER,
    "c2: other without cartox-2018.crs-1-tocilizumab": _ANOTHER,
    "c2: other without cartox-2018.crs-1-siltuximab": _ANOTHER,
}


def test_every_wrong_part_of_advice_is_noticed() -> None:
    # one test, as the situations of all patients are worked out once for all that is made wrong
    knowledge = load()
    rules = {key: wrong_advice(part) for key, part in knowledge.advice.guidelines.items()}
    facts, of_facts, of_standing = wrong_facts(knowledge)
    drugs, of_drugs = wrong_drugs(knowledge)
    conflicts = [*wrong_conflicts(knowledge.advice.conflicts.values()), *of_standing]
    assert all(len(made) >= FEWEST for made in (*rules.values(), of_facts, of_drugs, conflicts))

    errors = [error for made in (*rules.values(), of_facts, of_drugs) for error in made]
    tables, more = with_wrong(errors, with_parts(knowledge, facts, drugs))
    asked = {part.name: replace(part.wrong, key=part.name) for part in of_standing}
    watched = watch(_with_conflicts(tables, asked), more)
    found = {*survivors(watched, errors), *conflict_survivors(watched, conflicts)}
    missed = sorted(found - EXCEPTIONS.keys())
    assert not missed, "no case notices; write one that does:\n" + "\n".join(missed)
    assert EXCEPTIONS.keys() <= found, "said to be no error, and noticed, or fits nothing"


def _with_conflicts(knowledge: Knowledge, more: dict[str, object]) -> Knowledge:
    """The tables with more conflicts, so that what they read is worked out."""
    conflicts = {**knowledge.advice.conflicts, **more}
    return replace(knowledge, advice=replace(knowledge.advice, conflicts=conflicts))  # type: ignore[arg-type]
