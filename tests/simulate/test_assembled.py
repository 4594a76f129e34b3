"""What the assembled mechanism is held to can be missed: each check fails where its effect is off or turned around.

No number of the mechanism stands here, for a new fit moves them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
from tools import mechanisms

from cytowatch.errors import KnowledgeError
from cytowatch.simulate import acceptance, assembled, core, fit
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.population import typical
from cytowatch.simulate.products import product

CD22 = "cd22-car-t"
# a receptor that no level shuts, and cells that see the same however much antigen there is
NO_BLOCK, BLIND = {"K_toci": 1e12}, {"h_burden": 1e-9}


def missed(number: str, ours: Mapping[str, float]) -> set[str]:
    rows = acceptance.rows_of(number, lambda: dict(ours))
    return {row.test.removeprefix(f"{acceptance.title(number)}: ") for row in rows if not row.passes}


def usual(name: str) -> float:
    return typical(product(CD22))[name]


def test_cells_that_grow_slowly_peak_too_late() -> None:
    late = missed("6", assembled.course({"rho": 0.6 * usual("rho")}))
    assert {"peak of IL-6, day", "peak of IL-6 uncut and hourly, day", "onset, day"} <= late


def test_patients_without_fever_have_the_wrong_grades() -> None:
    wrong = missed("7", assembled.grades({"g_heat": 0.0}))
    assert {"grade 0", "grade 1", "all five at once, chance"} <= wrong


def test_the_counts_are_those_that_the_record_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, record = assembled.counts_of_the_half(), fit.fitted(CD22)
    shares = [record["summary"][f"grade {grade}, share"]["target"] for grade in range(5)]
    assert counts / counts.sum() == pytest.approx(shares, abs=1e-3)
    assert f"of {counts.sum()} patients" in record["fit"]["source"]
    for source in ("of 28 patients", "of so many"):
        other = {**record, "fit": {**record["fit"], "source": source}}
        monkeypatch.setattr(fit, "fitted", lambda _, other=other: other)
        with pytest.raises(KnowledgeError, match="no shares"):
            assembled.counts_of_the_half()


def test_the_chance_is_that_counted_by_hand() -> None:
    fair = np.array([0.5, 0.5])
    # five heads or five tails of five: 2 of 32
    assert assembled.chance(np.array([0, 5]), fair) == pytest.approx(2 / 32, abs=0.005)
    assert assembled.chance(np.array([2, 3]), fair) == 1
    assert assembled.chance(np.array([1, 4]), np.array([1.0, 0.0])) < 1e-4


# no grade of these is too far off by itself
@pytest.mark.parametrize(
    "shares", [(0.1, 0.38, 0.33, 0.19, 0.0), (0.23, 0.19, 0.45, 0.09, 0.04), (0.01, 0.53, 0.4, 0.04, 0.02)]
)
def test_grades_can_miss_together_though_each_alone_passes(shares: tuple[float, ...]) -> None:
    joint, counts = "all five at once, chance", assembled.counts_of_the_half()
    own = counts / counts.sum()

    def wrong(of: Any) -> set[str]:
        each = {f"grade {grade}": float(share) for grade, share in enumerate(of)}
        return missed("7", each | {joint: assembled.chance(counts, np.array(of))})

    assert wrong(shares) == {joint}
    assert wrong(own) == set()
    assert joint in wrong(own[::-1])


@pytest.mark.parametrize(("changed", "effect"), [({}, True), (NO_BLOCK, False)])
def test_without_the_block_tocilizumab_does_nothing(changed: Mapping[str, float], effect: bool) -> None:
    wrong = missed("8", assembled.after_tocilizumab(changed))
    assert wrong == (set() if effect else {"IL-6 higher, share", "temperature lower, share", "CRP lower, share"})


def test_cells_read_nothing_of_tocilizumab() -> None:
    p = typical(product(CD22))
    state = core.CELLS.start(p)
    # a state that is not there cannot be read
    core.cells(Named({name: one for name, one in state.items() if name != "Toci"}), Named(p), cast(Maths, np))
    with pytest.raises(AttributeError):
        core.cells(Named({name: one for name, one in state.items() if name != "Burden"}), Named(p), cast(Maths, np))


def test_a_burden_that_nothing_sees_has_no_effect() -> None:
    burden = "effect of burden, ln of the peak"
    found = assembled.burden_and_dose(BLIND)
    print(found)
    assert burden in missed("9", found)
    assert found[burden] < assembled.burden_and_dose()[burden]


@pytest.mark.parametrize(
    ("burden", "dose", "wrong"),
    [
        (0.5, 0.0, set()),
        # backwards: the ratio alone would pass
        (-0.5, 0.0, {"effect of burden, ln of the peak"}),
        (0.5, 0.4, {"effect of dose, ln of the peak", "effect of dose over that of burden"}),
        (0.25, -0.18, {"effect of dose over that of burden"}),
    ],
)
def test_burden_and_dose_each_can_miss(burden: float, dose: float, wrong: set[str]) -> None:
    names = acceptance.targets("9")
    assert missed("9", dict(zip(names, (burden, dose, dose / burden), strict=True))) == wrong


@pytest.mark.parametrize(
    "changed",
    [NO_BLOCK, {"k_CRP": usual("k_CRP") / 2}, {"k_CRP": usual("k_CRP") * 2}, {"tocilizumab_doses": 0.0}],
    ids=["no block", "slow", "fast", "nobody"],
)
def test_the_fall_of_crp_can_miss(changed: dict[str, float]) -> None:
    assert missed("11b", assembled.crp_after_tocilizumab(changed))


def test_what_is_no_number_is_not_allowed() -> None:
    for number, compute in acceptance.GROUPS.items():
        aims = acceptance.targets(number)
        assert missed(number, dict.fromkeys(aims, float("nan"))) == set(aims), compute
        assert all(aim.low <= aim.value <= aim.high for aim in aims.values())
    # no share and no chance is below 0, so no bound is
    assert all(aim.low >= 0 for number in "78" for aim in acceptance.targets(number).values())


def test_the_two_tables_hold_what_is_theirs() -> None:
    found = [
        row
        for number in acceptance.GROUPS
        for row in acceptance.rows_of(number, partial(dict[str, Any], dict.fromkeys(acceptance.targets(number), 0.0)))
    ]
    tables = {of: mechanisms.as_table(found, of) for of in (acceptance.PUBLISHED, acceptance.ASSEMBLED)}
    shown = {of: list(dict.fromkeys(map(str, one.columns[0].cells))) for of, one in tables.items()}
    assert shown[acceptance.ASSEMBLED] == ["6", "7", "8", "9", "11b", "12"]
    assert sorted((*shown[acceptance.PUBLISHED], *shown[acceptance.ASSEMBLED])) == sorted(acceptance.GROUPS)
    assert [one.title for one in tables.values()] == list(tables)
    told = mechanisms.sources(found, acceptance.ASSEMBLED)
    assert [one.partition(":")[0] for one in told] == shown[acceptance.ASSEMBLED]
    assert acceptance.targets("7")["all five at once, chance"].allowed(mechanisms.shown) == "0.05 or more"
