"""Every rule scale, made wrong in every small way that its table allows, is noticed by a worked patient."""

from __future__ import annotations

import pytest
from tests.mutations.catching import noticed
from tests.mutations.equivalent import EQUIVALENT
from tests.mutations.harness import failures
from tests.mutations.table_mutations import is_term, mutations_of

from cytowatch.knowledge import load

# all of them take minutes: the short run makes the scales wrong that are quick to grade, `-m long` every one
QUICK = ("qsofa", "mas.2016", "carhlh.neelapu-2018")
SCALES = [name for name, scale in load().scales.items() if scale.method == "rules" and not is_term(name)]


@pytest.mark.parametrize(
    "scale", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in SCALES]
)
def test_every_wrong_table_is_noticed(scale: str) -> None:
    assert [str(found) for found in failures(scale, load())] == []
    cases = noticed(load().scales[scale])
    meant = [part for part in EQUIVALENT if part.scale == scale]
    equal = {mutation for mutation in cases if any(part.is_meant_by(mutation) for part in meant)}
    survivors = [str(mutation) for mutation, found in cases.items() if not found and mutation not in equal]
    assert not survivors, "no case notices; write one that does:\n" + "\n".join(survivors)
    assert all(any(part.is_meant_by(mutation) for mutation in cases) for part in meant), "an exception fits nothing"
    told = [f"{mutation}: {', '.join(cases[mutation])}" for mutation in equal if cases[mutation]]
    assert not told, "said to be no error, and noticed:\n" + "\n".join(told)
    print(f"{scale}: {len(cases)} wrong tables, {len(equal)} of them equal to the right one")


def test_there_are_many_of_every_scale() -> None:
    counts = {name: len(mutations_of(load().scales[name])) for name in SCALES}
    assert min(counts.values()) >= 20, counts
