"""The assembled mechanism: a trigger (cells or an engager), the cytokine network, drugs, and the signs of the patient.

Time in hours; cytokines in pg/mL. Monocytes are shares of those at rest. What is ours and in no paper is `house` in
the tables, and so is every output that leans on it. Each part reads what the part above it hands down:

    trigger -> contact, killing -> interferon -> monocytes -> TNF, IL-1, IL-6, IL-10 -> temperature, vessels, leak
                                   interferon -> vessels of the brain -> brain
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cytowatch.simulate.maths import Maths, Named, falling, power_hill, rising
from cytowatch.simulate.mechanism import Mechanism

# the fast linear losses, which a solver may take exactly: state to the parameters whose sum is its rate of loss
LOSSES: dict[str, tuple[str, ...]] = {
    "MA": ("k_MA",), "TNF": ("k_TNF",), "IL6": ("k_IL6", "k_IL6R"), "IL10": ("k_IL10",), "IL1": ("k_IL1",),
    "Dex": ("k_dex",), "AnaDepot": ("ka_ana",), "Para": ("k_para",), "Temp": ("k_temp",), "Fluid": ("k_fluid",),
}  # fmt: skip


# a burden that is none, where something is told as a share of it
_NO_BURDEN = 1e-6


@dataclass(frozen=True)
class Drive:
    """What a trigger hands to the network: contact of T cells with targets, and targets killed per hour."""

    contact: Any
    killing: Any


def cells(y: Named, p: Named, m: Maths) -> tuple[dict[str, Any], Drive]:
    """CAR-T cells per uL by phenotype, and burden (1 = the reference).

    Three phenotypes and their four rates of Mueller-Schoell 2021; expansion by antigen up to a ceiling is ours. Far
    below the ceiling cells grow by rho B / (B + h_burden) - k23 - ke: with the fit, at a burden of 1, they double in
    0.80 d after CD19 cells (0.755 and 0.78 d in Ogasawara 2021 and Stein 2019) and in 0.52 d after CD22 cells.
    """
    del m
    seen = rising(y.Burden, p.h_burden)
    total = y.TCM + y.TEM + y.TEff
    growth = p.rho * seen * falling(total, p.T_ceiling, 2)
    killing = p.k_kill * (y.TEM + y.TEff) * y.Burden / (1 + total / p.T_kill)
    rates = {
        "Homing": -p.k_home * y.Homing,
        "TCM": p.k_home * y.Homing + growth * y.TCM - p.k23 * y.TCM - p.ke * y.TCM,
        "TEM": growth * y.TEM + p.k23 * y.TCM - p.k34 * y.TEM - p.ke * y.TEM,
        "TEff": p.k34 * y.TEM - p.ke4 * y.TEff,
        "Burden": p.g_burden * y.Burden * (1 - y.Burden / p.B_most) - killing,
    }
    return rates, Drive((y.TEM + y.TEff) / p.T_reference * seen, killing)


def engager(y: Named, p: Named, m: Maths) -> tuple[dict[str, Any], Drive]:
    """A CD20 engager by vein or under the skin; T and B cells of blood, B cells of node and tumor.

    Drug, activation and killing of Hosseini 2020, its tissues put into one; drug in ug/kg, cells as shares of the
    reference.
    """
    conc = 1000 * y.Drug / p.Vc
    bound = power_hill(m.maximum(conc, 1e-9), p.KdrugactT, p.ndrugactT, m)
    kills = rising(conc, p.KdrugB)
    ratio = y.Bblood / p.KmBT
    activation = p.VmT * power_hill(m.maximum(ratio, 1e-6), 1.0, p.S_act, m) * bound
    armed = rising(y.Tact, p.KmTB)
    killing = p.k_Bkill * armed * kills
    flow = p.Cld * (y.Drug / p.Vc - y.Peripheral / p.Vp)
    tissue = p.f_tissue * killing * p.Kp_tissue
    rates = {
        "Depot": -p.ka_drug * y.Depot,
        "Drug": p.ka_drug * p.F_drug * y.Depot - p.Cl / p.Vc * y.Drug - flow,
        "Peripheral": flow,
        "Trest": p.k_renew * (1 - y.Trest) - p.k_Tact * activation * y.Trest + p.k_rest * y.Tact,
        "Tact": p.k_Tact * activation * y.Trest + p.k_prolif * y.Tact * activation - (p.k_Tdie + p.k_rest) * y.Tact,
        "Bblood": p.k_Bgen * (p.B_start - y.Bblood) - killing * y.Bblood,
        "Bnode": p.k_Bgen * (p.B_start - y.Bnode) - tissue * y.Bnode,
        "Burden": p.g_burden * y.Burden * (1 - y.Burden / p.B_most) - tissue * y.Burden,
    }
    contact = y.Tact * bound * (y.Bblood + p.w_node * y.Bnode + p.w_tumor * y.Burden)
    return rates, Drive(contact, killing * y.Bblood + tissue * (p.w_node * y.Bnode + p.w_tumor * y.Burden))


def network(y: Named, p: Named, m: Maths, drive: Drive) -> dict[str, Any]:
    """Monocytes and cytokines (the form of Dobreva 2021 and Windoloski 2024), drugs, and signs."""
    steroid = power_hill(m.maximum(y.Dex * p.potency_dex, 1e-6), p.IC50_dex, p.h_dex, m)
    spared = 1 - p.reach_dex * steroid
    blocked = rising(y.Toci, p.K_toci)
    signal6 = y.IL6 * (1 - blocked)
    signal1 = y.IL1 * falling(y.Ana, p.Ki_ana)
    brake = falling(y.IL10, p.x_M10)
    more_g = m.maximum(y.IFNg - p.s_IFNg, 0)
    more_tnf = m.maximum(y.TNF - p.s_TNF, 0)
    more_6 = m.maximum(signal6 - p.s_IL6, 0)
    stimulus = (
        p.a_infection * rising(y.Infection, 1.0)
        + p.a_IFNg * power_hill(m.maximum(more_g, 1e-6), p.K_IFNg, p.h_IFNg, m)
        + p.a_contact * rising(drive.contact, p.K_contact)
        + p.a_killing * rising(drive.killing, p.K_killing)
    )
    activation = (
        p.g_monocyte * stimulus * (p.s_m + p.k_MT * rising(more_tnf, p.x_MT) + p.k_M1 * rising(signal1, p.x_M1))
        * brake * spared * y.MR
    )  # fmt: skip
    activated = y.MA * spared
    # interferon heats and opens vessels by itself, so a patient whose IL-6 is blocked can still get worse (`fit`)
    heat = p.w_T * rising(more_tnf, p.x_heatT) + p.w_6 * rising(more_6, p.x_heat6) + p.w_1 * rising(signal1, p.x_heat1)
    heat = heat + p.w_G * rising(more_g, p.x_heatG)
    rise = p.T_span * p.g_heat * heat * (1 - p.e_para * rising(y.Para, p.x_para))
    set_point = p.Tm + _leveled(rise, p.T_most, m)
    nitric = activated * rising(more_tnf, p.x_NO)
    loss = p.k_leakT * rising(more_tnf, p.x_leak) + p.k_leak6 * rising(more_6, p.x_leak6)
    loss = loss + p.k_leakG * rising(more_g, p.x_leakG)
    well = 1 - p.d_CRP + p.d_CRP * y.Burden / m.maximum(p.B0, _NO_BURDEN)
    acute = p.p_CRP * rising(more_6, p.x_CRP)
    return {
        "IFNg": p.g_IFNg * p.p_IFNg * drive.contact * (1 - p.reach_T * steroid) - p.d_IFNg * (y.IFNg - p.s_IFNg),
        "Infection": -p.k_infection * y.Infection,
        "MR": p.k_MR * (1 - y.MR) - activation,
        "MA": activation - p.k_MA * y.MA,
        "TNF": p.p_TNF * activated * falling(y.IL10, p.x_T10) - p.k_TNF * (y.TNF - p.s_TNF),
        "IL6": (
            p.p_IL6 * activated * (1 + p.k_6T * rising(more_tnf, p.x_6T)) * falling(y.IL10, p.x_610)
            + (p.k_IL6 + p.k_IL6R) * p.s_IL6 - (p.k_IL6 + p.k_IL6R * (1 - blocked)) * y.IL6
        ),
        # what T cells make goes with their interferon: in patients the two peaks go together (0.87)
        "IL10": p.p_IL10 * (activated + p.c_IL10 * p.g_IFNg * drive.contact) - p.k_IL10 * (y.IL10 - p.s_IL10),
        "IL1": p.p_IL1 * activated * falling(y.IL10, p.x_110) - p.k_IL1 * y.IL1,
        "Toci": -p.CL_toci / p.V_toci * y.Toci - p.Vmax_toci / p.V_toci * rising(y.Toci, p.Km_toci),
        "Dex": -p.k_dex * y.Dex,
        "AnaDepot": -p.ka_ana * y.AnaDepot,
        "Ana": p.ka_ana * y.AnaDepot / p.V_ana - p.k_ana * y.Ana,
        "Para": -p.k_para * y.Para,
        "Temp": p.k_temp * (set_point - y.Temp),
        "NO": p.k_NO * (p.g_NO * nitric / p.MA_reference - y.NO),
        "Leak": p.k_leak * (p.g_leak * loss - y.Leak),
        "Fluid": -p.k_fluid * y.Fluid,
        # interferon opens the vessels of the brain, and the brain follows: later than the fever, and no engager's short
        # surge does it; tocilizumab does not reach it. All of it is ours
        "Barrier": p.k_barrier * (spared * rising(more_g, p.x_barrier) - y.Barrier),
        "Brain": p.k_brain * (p.g_brain * y.Barrier - y.Brain),
        # what disease adds to CRP at rest goes with its burden: after remission CRP was lower than before the cells
        "CRP": p.k_CRP * (p.s_CRP * well * (1 - p.Imax_CRP * blocked) + acute - y.CRP),
        "Ferritin": p.k_ferritin * (p.s_ferritin * (1 + p.e_ferritin * rising(more_g, p.x_ferritin)) - y.Ferritin),
    }  # fmt: skip


def _leveled(rise: Any, most: Any, m: Maths) -> Any:
    """What rises as it is asked to, and levels off below ``most``."""
    share = rise / most
    return rise * m.exp(-m.log(1 + share * share * share * share) / 4)


def _rates_of_cells(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    rates, drive = cells(y, p, m)
    return {**rates, **network(y, p, m, drive)}


def _rates_of_engager(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    rates, drive = engager(y, p, m)
    return {**rates, **network(y, p, m, drive)}


def _rest(p: Mapping[str, Any]) -> dict[str, Any]:
    """The network where nothing drives it: it stays there."""
    nothing = ("Infection", "MA", "IL1", "Toci", "Dex", "AnaDepot", "Ana", "Para", "NO", "Leak", "Fluid", "Barrier",
               "Brain")  # fmt: skip
    return {
        "IFNg": p["s_IFNg"], "MR": 1.0, "TNF": p["s_TNF"], "IL6": p["s_IL6"], "IL10": p["s_IL10"], "Temp": p["Tm"],
        "CRP": p["s_CRP"], "Ferritin": p["s_ferritin"], **dict.fromkeys(nothing, 0.0),
    }  # fmt: skip


def _start_of_cells(p: Mapping[str, Any]) -> dict[str, Any]:
    return {"Homing": 0.0, "TCM": 0.0, "TEM": 0.0, "TEff": 0.0, "Burden": p["B0"], **_rest(p)}


def _start_of_engager(p: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Depot": 0.0, "Drug": 0.0, "Peripheral": 0.0, "Trest": 1.0, "Tact": 0.0, "Bblood": p["B_start"],
        "Bnode": p["B_start"], "Burden": p["B0"], **_rest(p),
    }  # fmt: skip


CELLS = Mechanism("core-cells", _rates_of_cells, _start_of_cells, "core-cells")
ENGAGER = Mechanism("core-engager", _rates_of_engager, _start_of_engager, "core-engager")
TRIGGERS = {"cells": CELLS, "engager": ENGAGER}


def by_key(key: str) -> Mechanism:
    """The assembled mechanism of a key."""
    return next(one for one in TRIGGERS.values() if one.key == key)
