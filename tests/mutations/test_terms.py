"""Every term of CTCAE, made wrong in every small way, is noticed by an edge that was typed from the printed term."""

from __future__ import annotations

import pytest
from tests.lib import ctcae
from tests.lib.moment import Said, grade_of, listed, said
from tests.mutations.catching import noticing
from tests.mutations.equivalent import TERMS
from tests.mutations.harness import cases_of
from tests.mutations.table_mutations import TableMutation, is_term, mutations_of

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Compare

HEADS = ("organ.ctcae-4.03.", "organ.ctcae-5.0.", "organ.ctcae-6.0.")


def noticed(mutation: TableMutation, right: list[Said]) -> bool:
    """Whether an edge comes out otherwise; ``right``: what the criteria of the right scale say on each edge."""
    wrong = mutation.edit(load().scales[mutation.scale])
    for check, before in zip(ctcae.checks()[mutation.scale], right, strict=True):
        found = before | said(mutation.wrong, check.facts, load())
        if grade_of(wrong, found) != check.grade or check.criteria not in (None, listed(wrong, found)):
            return True
    return False


def is_meant(mutation: TableMutation) -> bool:
    """A number rounded from another unit has no side of its own; further exceptions have their reasons beside them."""
    on_the_edge = mutation.kind == "the edge belongs to the other side" and isinstance(mutation.of, Compare)
    rounded = on_the_edge and ctcae.is_rounded(mutation.scale, float(mutation.of.value or 0))
    return rounded or any(part.is_meant_by(mutation) for part in TERMS)


@pytest.mark.parametrize("head", HEADS)
def test_every_wrong_term_is_noticed(head: str) -> None:
    survivors, count = [], 0
    for name, scale in load().scales.items():
        if name.startswith(head):
            right = [said(scale.criteria, check.facts, load()) for check in ctcae.checks()[name]]
            for mutation in mutations_of(scale):
                count += 1
                if not noticed(mutation, right) and not (list(cases_of(name)) and noticing(mutation)):
                    survivors.append(mutation)
    left = [str(mutation) for mutation in survivors if not is_meant(mutation)]
    assert not left, "no edge notices; write one that does:\n" + "\n".join(left)
    print(f"{head}: {count} wrong tables, {len(survivors)} of them equal to the right one")


def test_every_exception_is_one() -> None:
    """An exception that fits no mutation, or one that an edge notices, is said no more."""
    for part in TERMS:
        scale = load().scales[part.scale]
        right = [said(scale.criteria, check.facts, load()) for check in ctcae.checks()[part.scale]]
        meant = [mutation for mutation in mutations_of(scale) if part.is_meant_by(mutation)]
        assert meant, part
        assert not [str(mutation) for mutation in meant if noticed(mutation, right)]
    assert all(is_term(part.scale) for part in TERMS)
