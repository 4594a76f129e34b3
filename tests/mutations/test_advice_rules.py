"""Every rule of advice after CAR-T cells, made wrong in every small way, is noticed by a worked patient."""

from __future__ import annotations

from functools import lru_cache

import pytest
from tests.mutations.advice_catching import Moments, moments, says_otherwise, speaks_of_others, speaks_otherwise
from tests.mutations.advice_mutations import ALERT, SHOWS, Wrong, wrong_rules

from cytowatch.knowledge import load

GUIDELINES = [key for key, part in load().advice.guidelines.items() if "car_t_infusion" in part.triggers]
# of the smallest guideline; were there none, nothing would be tested
FEWEST = 10
_BOLUS = (
    "after two boluses the table shows a third as well, against its own words (at most twice): no patient is written"
    " that says what stands beside it until that is settled"
)
# wrong rules that no patient notices, each with the reason why
EXCEPTIONS: dict[str, str] = {
    "asco-2021.crs-early-steroid-products: another strength": (
        "the source recommends, the table says consider: not settled, so no patient says either"
    ),
    **{
        f"cartox-2018.crs-2-{rule}: {kind}": _BOLUS
        for rule in ("vasopressor", "level-of-care", "echocardiography", "steroid")
        for kind in (ALERT, "read, not recalled, or the reverse")
    },
    "cartox-2018.crs-2-steroid: another drug": _BOLUS,
    "cartox-2018.crs-2-steroid: twice the dose": _BOLUS,
    "cartox-2018.crs-2-steroid: the dose is forgotten": _BOLUS,
}


@lru_cache(maxsize=1)
def wrong() -> dict[str, list[Wrong]]:
    """All wrong rules, by guideline."""
    return {key: wrong_rules(load().advice.guidelines[key]) for key in GUIDELINES}


@lru_cache(maxsize=1)
def watched() -> Moments:
    """The moments of all expected tables."""
    return moments(part for parts in wrong().values() for part in parts)


@pytest.mark.parametrize("key", GUIDELINES)
def test_every_wrong_rule_is_noticed(key: str) -> None:
    guideline, made = load().advice.guidelines[key], wrong()[key]
    assert len(made) >= FEWEST
    noticed = speaks_otherwise(watched(), guideline, [part for part in made if part.kind not in SHOWS])
    noticed += says_otherwise(watched(), guideline, [part for part in made if part.kind in SHOWS])
    survived = {str(part) for part in made} - {str(part) for part in noticed}
    survived |= set(speaks_of_others(watched(), guideline))
    here = {name for name in EXCEPTIONS if name.startswith(f"{key}.")}
    assert survived - here == set(), "no case notices; write one that does:\n" + "\n".join(sorted(survived - here))
    assert here <= survived, "said to be no error, and noticed, or fits nothing"
