"""Every rule scale, made wrong in every small way that its table allows, is noticed by a worked patient."""

from __future__ import annotations

import pytest
from tests.mutations.catching import noticed
from tests.mutations.equivalent import EQUIVALENT
from tests.mutations.harness import failures
from tests.mutations.table_mutations import is_term

from cytowatch.knowledge import load

# of the smallest scale; were there none, nothing would be tested
FEWEST = 20
SCALES = [name for name, scale in load().scales.items() if scale.method == "rules" and not is_term(name)]
# each takes as long as all others together; `make long` runs them
DEAR = ("crs.lee-2014", "crs.penn-2018", "crs.cartox-2018")
EACH = [pytest.param(name, marks=pytest.mark.long) if name in DEAR else name for name in SCALES]


@pytest.mark.parametrize("scale", EACH)
def test_every_wrong_table_is_noticed(scale: str) -> None:
    assert [str(found) for found in failures(scale, load())] == []
    cases = noticed(load().scales[scale])
    assert len(cases) >= FEWEST
    meant = [part for part in EQUIVALENT if part.scale == scale]
    equal = {mutation for mutation in cases if any(part.is_meant_by(mutation) for part in meant)}
    survivors = [str(mutation) for mutation, found in cases.items() if not found and mutation not in equal]
    assert not survivors, "no case notices; write one that does:\n" + "\n".join(survivors)
    assert all(any(part.is_meant_by(mutation) for mutation in cases) for part in meant), "an exception fits nothing"
    told = [f"{mutation}: {', '.join(cases[mutation])}" for mutation in equal if cases[mutation]]
    assert not told, "said to be no error, and noticed:\n" + "\n".join(told)
    print(f"{scale}: {len(cases)} wrong tables, {len(equal)} of them equal to the right one")
