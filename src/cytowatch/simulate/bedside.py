"""What a ward does with the signs it sees, hour by hour, for every patient of a batch at once (`bedside.toml`).

Nothing here is decided by a cytokine: only by temperature, pressure, saturation and the ICE score, and by the grades
that these make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cytowatch.simulate.maths import Named

# steps of oxygen: the device as charted, liters a minute, inspired share, the share of a fall that it takes, the grade
# that ASTCT gives it. Flows, shares and benefits are ours.
OXYGEN: tuple[tuple[str, float | None, float, float, int], ...] = (
    ("room_air", None, 0.21, 0.0, 0),
    ("nasal_cannula", 2, 0.28, 0.35, 2),
    ("nasal_cannula", 4, 0.36, 0.50, 2),
    ("nasal_cannula", 6, 0.44, 0.60, 2),
    ("non_rebreather", 15, 0.60, 0.74, 3),
    ("high_flow_nasal_cannula", 50, 0.70, 0.82, 3),
    ("bipap", None, 0.80, 0.91, 4),
    ("invasive_ventilation", None, 1.00, 0.97, 4),
)
_NEVER = -1e6
_LOWER_EVERY = 4.0
_LEAST_DOSE = 1e-4
# ICE 9, 6 and 2 of 10 are grades 1, 2 and 3: `icans.astct-2019`, told again for a ward of its own
_ICE_LOST = (0.05, 0.35, 0.75)

# what is remembered of each patient, with its value before anything happened
MEMORY: dict[str, float] = {
    "oxygen": 0, "norepinephrine": 0, "epinephrine": 0, "vasopressin": 0, "reaction": 0, "quiet_since": 0,
    "reaction_since": 0, "at_two_since": -1, "tocilizumab_at": _NEVER, "tocilizumab_given": 0,
    "dexamethasone_at": _NEVER, "anakinra_at": _NEVER, "acetaminophen_at": _NEVER, "lowered_at": _NEVER, "grade": 0,
    "reactions": 0, "icans": 0, "boluses": 0, "grade_at_tocilizumab": 0,
}  # fmt: skip
# what is given in an hour: mg, and liters of fluid
GIVEN = ("tocilizumab", "dexamethasone", "anakinra", "acetaminophen", "fluid")


def of_step(oxygen: Any, values: Sequence[float], m: Any) -> Any:
    """What a step of oxygen stands for, by comparisons: looking up by index is slow in a batch."""
    found = m.zeros_like(oxygen) + values[0]
    for step, value in enumerate(values[1:], 1):
        found = m.where(oxygen >= step, value, found)
    return found


def grade(low: Any, seen: dict[str, Any], m: Any) -> Any:
    """The ASTCT grade of this hour from signs and support, 0 outside a reaction."""
    catecholamines = (seen["norepinephrine"] > 0) * 1 + (seen["epinephrine"] > 0) * 1
    any_pressor = (catecholamines > 0) | (seen["vasopressin"] > 0)
    pressed = m.where(catecholamines >= 2, 4, m.where(any_pressor, 3, m.where(low, 2, 0)))
    aired = of_step(seen["oxygen"], [grade for *_, grade in OXYGEN], m)
    return m.where(seen["reaction"] > 0, m.maximum(m.maximum(pressed, aired), 1), 0).astype(seen["oxygen"].dtype)


def icans(lost: Any, b: Named, m: Any) -> Any:
    """The ICANS grade of this hour by the share of the ICE score that is lost.

    ICE 7 to 9, 3 to 6, 0 to 2, or unarousable; a score of 9.5 or more rounds to 10, and so on.
    """
    found = m.where(lost > _ICE_LOST[0], 1, 0) + m.where(lost > _ICE_LOST[1], 1, 0) + m.where(lost > _ICE_LOST[2], 1, 0)
    return m.where(lost > b.unarousable_from, 4, found) + m.zeros_like(lost)


def act(hour: Any, signs: dict[str, Any], seen: dict[str, Any], b: Named, m: Any) -> tuple[dict[str, Any], Any]:
    """One hour of care: what is remembered after it, and the amounts given in it (mg; liters of fluid).

    ``signs``: temperature, pressure and saturation of this hour, ``fluid`` the liters still in the vessels,
    ``ice_lost`` the share of the ICE score.
    """
    now = dict(seen)
    low = signs["pressure"] < b.low_pressure
    fever = signs["temperature"] >= b.fever
    _support(hour, signs, now, b, m)
    quiet = ~fever & (now["oxygen"] == 0) & (now["norepinephrine"] + now["epinephrine"] + now["vasopressin"] == 0)
    now["quiet_since"] = m.where(quiet, seen["quiet_since"], hour)
    over = hour - now["quiet_since"] >= b.over_after
    now["reaction"] = m.where(fever, 1.0, m.where(over, 0.0, seen["reaction"]))
    now["reactions"] = seen["reactions"] + m.where((now["reaction"] > 0) & (seen["reaction"] == 0), 1.0, 0.0)
    now["reaction_since"] = m.where(seen["reaction"] > 0, seen["reaction_since"], hour)
    now["grade"] = grade(low, now, m)
    now["icans"] = icans(signs["ice_lost"], b, m)
    given = _drugs(hour, fever, now, b, m)
    bolus = low & (signs["fluid"] < b.most_fluid) & (now["reaction"] > 0) & (now["boluses"] < b.most_boluses)
    now["boluses"] = m.where(now["reaction"] > 0, now["boluses"] + m.where(bolus, 1.0, 0.0), 0.0)
    given["fluid"] = m.where(bolus, b.bolus, 0.0)
    return now, given


def _support(hour: Any, signs: dict[str, Any], now: dict[str, Any], b: Named, m: Any) -> None:
    """Oxygen by steps, and vasopressors by titration."""
    low = signs["pressure"] < b.low_pressure
    # nobody is held on support for what is usual in him
    safe = signs["pressure"] > m.minimum(b.safe_pressure, b.MAP0 - b.pressure_slack)
    usual = m.minimum(b.safe_saturation, b.SpO20 - b.saturation_slack)
    filled = (signs["fluid"] >= b.most_fluid) | (now["boluses"] >= b.most_boluses)
    dose, second = now["norepinephrine"], now["epinephrine"]
    much = dose >= b.second_at
    more = low & (filled | (dose > 0)) & (now["reaction"] > 0)
    # what was added last goes first
    second = m.where(more & much & (now["vasopressin"] > 0), second + b.epinephrine_step, second)
    second = m.where(safe, second - b.epinephrine_step, second)
    added = m.where(more & much, b.vasopressin_dose, m.where(safe & (second <= _LEAST_DOSE), 0.0, now["vasopressin"]))
    first = m.where(more, m.minimum(dose + b.norepinephrine_step, b.norepinephrine_most), dose)
    first = m.where(safe & (second <= _LEAST_DOSE) & (now["vasopressin"] == 0), first - b.norepinephrine_step, first)
    now["norepinephrine"] = m.where(first > _LEAST_DOSE, first, 0.0)
    now["epinephrine"] = m.where(second > _LEAST_DOSE, m.minimum(second, b.norepinephrine_most), 0.0)
    now["vasopressin"] = added
    lower = (signs["saturation"] > usual) & (hour - now["lowered_at"] >= _LOWER_EVERY) & (now["oxygen"] > 0)
    higher = signs["saturation"] < b.low_saturation
    steps = now["oxygen"] + m.where(higher, 1.0, m.where(lower, -1.0, 0.0))
    now["lowered_at"] = m.where(lower | higher, hour, now["lowered_at"])
    now["oxygen"] = m.maximum(m.minimum(steps, len(OXYGEN) - 1.0), 0.0)


def _drugs(hour: Any, fever: Any, now: dict[str, Any], b: Named, m: Any) -> dict[str, Any]:
    reached = now["grade"] >= b.tocilizumab_grade
    now["at_two_since"] = m.where(reached, m.where(now["at_two_since"] < 0, hour, now["at_two_since"]), -1.0)
    long = reached & ((hour - now["at_two_since"] >= b.tocilizumab_after) | (now["grade"] >= 3))
    waited = hour - now["tocilizumab_at"]
    worse = (now["grade"] > now["grade_at_tocilizumab"]) | (waited >= b.tocilizumab_again)
    again = worse & (waited >= b.tocilizumab_every) & (now["tocilizumab_given"] < b.tocilizumab_doses)
    due = (b.tocilizumab_prophylaxis_hour >= 0) & (hour >= b.tocilizumab_prophylaxis_hour)
    prophylaxis = due & (now["tocilizumab_given"] == 0) & (b.tocilizumab_doses > 0)
    lasting = (now["reaction"] > 0) & fever & (hour - now["reaction_since"] >= b.tocilizumab_fever_after)
    lasting = lasting & (now["tocilizumab_given"] == 0) & (b.tocilizumab_doses > 0)
    toci = (long & again) | lasting | prophylaxis
    at_two = hour - now["at_two_since"]
    helpless = (now["grade"] >= b.dexamethasone_grade - 1) & (
        (now["tocilizumab_given"] > 0) | (b.tocilizumab_doses <= 0)
    )
    helpless = helpless & (at_two >= b.dexamethasone_after)
    steroid = (now["grade"] >= b.dexamethasone_grade) | helpless | (now["icans"] >= b.dexamethasone_icans)
    steroid = steroid & (hour - now["dexamethasone_at"] >= b.dexamethasone_every)
    rescue = (now["grade"] >= 3) & (now["tocilizumab_given"] >= 2) & (at_two >= b.anakinra_after)
    rescue = rescue & (hour - now["anakinra_at"] >= b.anakinra_every)
    cooled = fever & (hour - now["acetaminophen_at"] >= b.acetaminophen_every)
    done = {"tocilizumab": toci, "dexamethasone": steroid, "anakinra": rescue, "acetaminophen": cooled}
    for name, given in done.items():
        now[f"{name}_at"] = m.where(given, hour, now[f"{name}_at"])
    now["tocilizumab_given"] = now["tocilizumab_given"] + m.where(toci, 1.0, 0.0)
    now["grade_at_tocilizumab"] = m.where(toci, now["grade"], now["grade_at_tocilizumab"])
    each = m.where(b.weight < b.light_below, b.tocilizumab_light, b.tocilizumab)
    amounts = {
        "tocilizumab": m.minimum(each * b.weight, b.tocilizumab_most),
        "dexamethasone": m.minimum(b.dexamethasone, b.dexamethasone_by_weight * b.weight),
        "anakinra": m.minimum(b.anakinra, b.anakinra_by_weight * b.weight),
        "acetaminophen": m.minimum(b.acetaminophen, b.acetaminophen_by_weight * b.weight),
    }
    return {name: m.where(given, amounts[name], 0.0) for name, given in done.items()}
