"""Drugs: tocilizumab (Frey 2010, Moes 2022), methylprednisolone on IL-6 (Hornik 2019), dexamethasone, anakinra.

Amounts are in mg. Tocilizumab runs in days, the others in hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism

# what of each table tells how patients, measurements and doses go, and is in no equation
BESIDE: dict[str, tuple[str, ...]] = {
    "tocilizumab-frey-2010": (
        "corr_CL_V1", "corr_CL_V2", "corr_CL_Vmax", "corr_V1_V2", "corr_V1_Vmax", "corr_V2_Vmax",
        "resid_share", "resid_plus", "dose_per_kg", "dose_most",
    ),
    "tocilizumab-moes-2022": ("cov_CL_V", "resid_share", "resid_plus"),
    "methylprednisolone-hornik-2019": ("resid_IL6",),
    "dexamethasone-krzyzanski-2021": ("as_methylprednisolone", "resid"),
    "anakinra-urien-2013": ("resid_plus",),
}  # fmt: skip


def _frey_values(p: Named) -> tuple[Any, Any, Any]:
    """Clearance, first volume and greatest saturable elimination of a patient."""
    lean = p.ALB / p.ALB_ref
    cl = p.CL * (p.BSA / p.BSA_ref) ** p.pow_BSA * (1 - (1 - p.times_female) * p.female)
    cl = cl * (p.HDL / p.HDL_ref) ** p.pow_HDL * (p.lnRF / p.lnRF_ref) ** p.pow_lnRF
    v1 = p.V1 * (p.protein / p.protein_ref) ** p.pow_protein * lean**p.pow_ALB_V1
    vmax = p.Vmax * lean**p.pow_ALB_Vmax * (p.CrCL / p.CrCL_ref) ** p.pow_CrCL
    return cl, v1, vmax * (1 + (p.times_smoker - 1) * p.smoker)


def frey(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Tocilizumab in rheumatoid arthritis: two compartments, linear and saturable elimination, days."""
    del m
    cl, v1, vmax = _frey_values(p)
    c, exchange = y.A1 / v1, p.Q * (y.A1 / v1 - y.A2 / p.V2)
    return {"A1": -cl * c - vmax * c / (p.Km + c) - exchange, "A2": exchange}


def frey_level(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Free tocilizumab of serum, µg/mL."""
    return states["A1"] / _frey_values(Named(p))[1]


def moes(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Tocilizumab in intensive care: one compartment, linear and saturable elimination, days."""
    del m
    c = y.A1 / p.V
    return {"A1": -p.CL * c - p.Vmax * c / (p.Km + c)}


def moes_level(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Free tocilizumab of serum, µg/mL."""
    return states["A1"] / p["V"]


def tocilizumab_dose(weight: float, p: Mapping[str, float]) -> float:
    """The dose in mg of an adult of that weight in kg, by the table of Frey."""
    return min(p["dose_per_kg"] * weight, p["dose_most"])


def hornik(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Methylprednisolone of an adult, and IL-6 (pg/mL) whose production it brakes against a fading stimulus, hours."""
    c = m.maximum(_hornik_level(y.A, p), 0.0)
    free = 1 - p.Imax * c**p.H / (p.IC50**p.H + c**p.H)
    stimulus = p.S * p.times_high_risk**p.high_risk * y.stimulus
    made = (1 + stimulus * (1 - p.insensitive)) * free + stimulus * p.insensitive
    return {
        "prodrug": -p.LN2 * p.min_per_h / p.hydrolysis * y.prodrug,
        "A": p.LN2 * p.min_per_h / p.hydrolysis * y.prodrug - p.CL / p.V * y.A,
        "stimulus": -p.LN2 / p.stimulus_half * y.stimulus,
        "IL6": p.kout * p.base * made - p.kout * y.IL6,
    }


def _hornik_level(amount: Any, p: Named) -> Any:
    return p.ng_per_mL * amount / (p.V * p.weight)


def hornik_level(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Methylprednisolone of plasma, ng/mL."""
    return _hornik_level(states["A"], Named(p))


def dexamethasone(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Dexamethasone by muscle or mouth, or by vein into ``A1`` (ours): two compartments, hours."""
    del m
    exchange = p.Q * (y.A1 / p.V1 - y.A2 / p.V2)
    absorbed = p.kaIM * y.muscle + p.Fr * p.kaPO * y.mouth
    return {
        "muscle": -p.kaIM * y.muscle,
        "mouth": -p.kaPO * y.mouth,
        "A1": absorbed - p.CL / p.V1 * y.A1 - exchange,
        "A2": exchange,
    }


def anakinra(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Anakinra under the skin: one compartment, hours."""
    del m
    size = p.weight / p.weight_ref
    gone = p.CL * size**p.pow_CL / (p.V * size**p.pow_V)
    return {"skin": -p.ka * y.skin, "A": p.ka * y.skin - gone * y.A}


def anakinra_level(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Anakinra of plasma, mg/L."""
    return states["A"] / (p["V"] * (p["weight"] / p["weight_ref"]) ** p["pow_V"])


def repeated(state: str, amount: float, times: tuple[float, ...]) -> list[Event]:
    """The same amount into the same place, again and again."""
    return [Event(time, state, amount) for time in times]


def _empty(*states: str) -> Any:
    def start(p: Mapping[str, float]) -> dict[str, float]:
        del p
        return dict.fromkeys(states, 0.0)

    return start


def _hornik_start(p: Mapping[str, float]) -> dict[str, float]:
    return {"prodrug": 0.0, "A": 0.0, "stimulus": 0.0, "IL6": p["base"]}


FREY = Mechanism("tocilizumab-frey-2010", frey, _empty("A1", "A2"), "tocilizumab-frey-2010")
MOES = Mechanism("tocilizumab-moes-2022", moes, _empty("A1"), "tocilizumab-moes-2022")
HORNIK = Mechanism("methylprednisolone-hornik-2019", hornik, _hornik_start, "methylprednisolone-hornik-2019")
DEXAMETHASONE = Mechanism(
    "dexamethasone-krzyzanski-2021",
    dexamethasone,
    _empty("muscle", "mouth", "A1", "A2"),
    "dexamethasone-krzyzanski-2021",
)
ANAKINRA = Mechanism("anakinra-urien-2013", anakinra, _empty("skin", "A"), "anakinra-urien-2013")
