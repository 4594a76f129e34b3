"""Every rule of advice after CAR-T cells, made wrong in every small way, is noticed by a worked patient."""

from __future__ import annotations

from functools import lru_cache

import pytest
from tests.mutations.advice_catching import Moments, moments, says_otherwise, speaks_of_others, speaks_otherwise
from tests.mutations.advice_mutations import SHOWS, Wrong, wrong_rules

from cytowatch.knowledge import load

GUIDELINES = [key for key, part in load().advice.guidelines.items() if "car_t_infusion" in part.triggers]
# of the smallest guideline; were there none, nothing would be tested
FEWEST = 10
# wrong rules that say the same as the right ones at every moment of every patient, each with the reason why
EQUIVALENT: dict[str, str] = {}


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
    here = {name for name in EQUIVALENT if name.startswith(f"{key}.")}
    assert survived - here == set(), "no case notices; write one that does:\n" + "\n".join(sorted(survived - here))
    assert here <= survived, "said to be no error, and noticed, or fits nothing"
