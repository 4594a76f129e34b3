"""Hosseini 2020: a T-cell engager, T and B cells of blood, spleen, nodes, marrow and tumor, and interleukin 6.

Places: ``pb`` blood, ``1`` spleen, ``2`` lymph nodes, ``3`` marrow, ``tu`` tumor. In each: ``R`` resting,
``A`` activated, ``Z`` post-activated CD8 T cells, ``B`` B cells, ``I`` interleukin 6; ``Bn`` the marrow's B cells
without CD20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism

TISSUES = ("1", "2", "3", "tu")
PLACES = ("pb", *TISSUES)
BESIDE = ("weight", "w")
# µg in a mg
_MICRO = 1000.0


def engaged(y: Named, p: Named, m: Maths, k: str) -> tuple[Any, Any, Any]:
    """Of one place: activation of T cells, killing of B cells, and how far the drug drives activation, each 0 to 1."""
    blood = k == "pb"
    drug = _MICRO * m.maximum(y.c, 0.0) / p.Vc * (1.0 if blood else getattr(p, f"Kp{k}"))
    target, awake = _targets(y, p, k), m.maximum(getattr(y, f"A{k}"), 0.0)
    to_resting = target / m.maximum(getattr(y, f"R{k}") + getattr(y, f"Z{k}"), 1.0)
    to_target = awake / m.maximum(target, 1.0)
    half = p.KmTB if blood else p.KmTB * p.fKmTB
    driven = drug**p.ndrugactT / (p.KdrugactT**p.ndrugactT + drug**p.ndrugactT)
    act = (1.0 if blood else p.fTact) * p.VmT * to_resting**p.S / (p.KmBT**p.S + to_resting**p.S) * driven
    kill = p.VmB * to_target**p.nkill / (half**p.nkill + to_target**p.nkill) * drug / (p.KdrugB + drug)
    return act, kill, driven


def _targets(y: Named, p: Named, k: str) -> Any:
    """The B cells that the drug binds; one against CD19 binds also those of the marrow without CD20."""
    return y.B3 + p.cd19 * y.Bn if k == "3" else getattr(y, f"B{k}")


def t_cells(y: Named, p: Named, m: Maths, k: str, act: Any) -> dict[str, Any]:
    """Activation, rest, growth and death of the T cells of one place, without traffic."""
    r, a, z = (getattr(y, f"{kind}{k}") for kind in "RAZ")
    wake_r, wake_z = p.kTact * (act * r - p.fTadeact * a), p.kTact * (act * z - p.fTadeact * a)
    if k == "pb":
        full = p.Tref * p.Vpb
        missing = m.maximum(0.0, 1 - (r + a + z) / full)
        made = p.kTgen * full * missing**2
    else:
        full = p.Tref * getattr(p, f"V{k}") * getattr(p, f"KTr{k}")
        made = 0.0
    return {
        f"R{k}": made - wake_r + p.fTa0deact * z - p.fTrapop * p.kTaapop * m.maximum(0.0, r - full),
        f"A{k}": wake_r + wake_z - p.kTaapop * (a + p.fAICD * a**2 / full),
        f"Z{k}": p.fTaprolif * p.kTprolif * a - wake_z - p.fTa0deact * z - p.fTa0apop * p.kTaapop * z,
    }


def b_cells(y: Named, p: Named, m: Maths, kill: Mapping[str, Any]) -> dict[str, Any]:
    """Growth, maturation and killing of the B cells, without traffic."""

    def grown(b: Any, full: Any) -> Any:
        return p.kBprolif * full * m.maximum(0.0, 1 - b / full)

    out = {"Bpb": grown(y.Bpb, p.Bref * p.Vpb) - p.kBkill * kill["pb"] * y.Bpb}
    for k in TISSUES[:3]:
        b = getattr(y, f"B{k}")
        full = getattr(p, f"KB{k}") * p.Bref * getattr(p, f"V{k}")
        out[f"B{k}"] = grown(b, full) - p.fBkill * p.kBkill * kill[k] * b
    out["Btu"] = p.kBtumorprolif * y.Btu - p.fBkill * p.kBkill * kill["tu"] * y.Btu
    maturation = p.kBapop / p.rmat
    full = p.Bn_ratio * p.KB3 * p.Bref * p.V3
    seen = (y.Bpb + y.B1 + y.B2) / (p.Bref * p.Vpb + p.B0 * (p.KB1 * p.V1 + p.KB2 * p.V2))
    source = full * (p.kBapop + maturation) * (1 + p.fBgen * m.maximum(0.0, 1 - seen))
    out["B3"] += maturation * y.Bn - p.kBapop * y.B3
    out["Bn"] = (
        source + grown(y.Bn, full) - (maturation + p.kBapop) * y.Bn - p.cd19 * p.fBkill * p.kBkill * kill["3"] * y.Bn
    )
    return out


def traffic(y: Named, p: Named, m: Maths) -> dict[str, dict[str, Any]]:
    """Cells that go from blood into each tissue (marrow's B cells go the other way), by kind and place."""
    e = p.finj * y.inj + p.fdrug * y.drug
    out: dict[str, dict[str, Any]] = {kind: {} for kind in "RAZB"}
    for k in TISSUES:
        v, ratio = getattr(p, f"V{k}"), getattr(p, f"KTr{k}")
        for kind in "RZ":
            blood, here = getattr(y, f"{kind}pb") / p.Vpb, getattr(y, f"{kind}{k}") / v
            out[kind][k] = p.kTrexit * p.Vpb * ((1 + e) * blood * ratio - here)
        awake = (1 + p.fa0 * e) * y.Apb / p.Vpb * ratio * p.fTap - getattr(y, f"A{k}") / v
        out["A"][k] = p.kTaexit * p.Vpb * awake
        gradient = y.Bpb / p.Vpb * getattr(p, f"KB{k}") - getattr(y, f"B{k}") / v
        if k == "3":
            out["B"][k] = -p.kB3exit * p.Vpb * m.maximum(0.0, -gradient)
        else:
            out["B"][k] = p.fBexit * p.kTaexit * p.Vpb * m.maximum(0.0, gradient)
    return out


def il6(y: Named, p: Named, k: str, driven: Any) -> Any:
    """Interleukin 6 of one place: made where activated T cells meet B cells and the drug, gone in minutes."""
    v = getattr(p, f"V{k}")
    usual = p.Bref if k == "pb" else p.Bref * getattr(p, f"KB{k}")
    if k == "3":
        usual *= 1 + p.cd19 * p.Bn_ratio
    made = p.kIL6 * getattr(y, f"A{k}") / v * _targets(y, p, k) / v / usual * driven
    return made - p.LN2 * p.minutes_a_day / p.t_half * getattr(y, f"I{k}")


def rates(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Drug in µg/kg (or µg/m², see the set), cells as numbers, interleukin 6 in pg/mL, days."""
    exchange = p.Cld * (y.c / p.Vc - y.p / p.Vp)
    out: dict[str, Any] = {
        "c": p.infusion - p.Cl / p.Vc * y.c - exchange,
        "p": exchange,
        "inj": -p.LN2 / p.t_inj * y.inj,
        "drug": -p.LN2 / p.t_inj * y.drug,
    }
    met = {k: engaged(y, p, m, k) for k in PLACES}
    for k in PLACES:
        out |= t_cells(y, p, m, k, met[k][0])
        out[f"I{k}"] = il6(y, p, k, met[k][2])
    out |= b_cells(y, p, m, {k: met[k][1] for k in PLACES})
    for kind, moved in traffic(y, p, m).items():
        for k, cells in moved.items():
            out[f"{kind}pb"] -= cells
            out[f"{kind}{k}"] += cells
    return out


def start(p: Mapping[str, float]) -> dict[str, float]:
    """All T cells rest, in equilibrium between the places; no drug, no interleukin 6."""
    state = dict.fromkeys(("c", "p", "inj", "drug"), 0.0)
    for k in PLACES:
        t, b = (1.0, 1.0) if k == "pb" else (p[f"KTr{k}"], p[f"KB{k}"])
        v = p[f"V{k}"]
        state |= {f"R{k}": t * p["T0"] * v, f"A{k}": 0.0, f"Z{k}": 0.0, f"B{k}": b * p["B0"] * v, f"I{k}": 0.0}
    return {**state, "Bn": p["Bn_ratio"] * state["B3"]}


def doses(milligrams: Sequence[float], days: Sequence[float], weight: float) -> list[Event]:
    """Short infusions of a drug that is dosed by a fixed amount; each also moves T cells out of the blood."""
    out = []
    for amount, day in zip(milligrams, days, strict=True):
        out += [Event(day, "c", _MICRO * amount / weight), Event(day, "inj", 1.0), Event(day, "drug", 1.0)]
    return out


def infusion(steps: Sequence[tuple[float, float]]) -> list[Event]:
    """A continuous infusion: from each day on the rate beside it, in the unit of ``c`` per day."""
    out = []
    for day, rate in steps:
        out += [Event(day, "infusion", rate, "set"), Event(day, "inj", 1.0), Event(day, "drug", 1.0)]
    return out


def plasma_il6(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Interleukin 6 of plasma, pg/mL: that of blood, and a small share of what the tissues hold."""
    held = sum(states[f"I{k}"] * p[f"V{k}"] for k in TISSUES)
    return states["Ipb"] + p["w"] * held / p["Vpb"]


# first doses of the four regimens compared in the paper's figure 5, mg on days; day 0 is the first dose
REGIMENS = {
    "A": ((20.0, 20.0), (0.0, 21.0)),
    "B": ((6.7, 6.7, 6.7, 20.0), (0.0, 7.0, 14.0, 21.0)),
    "C": ((1.6, 10.0, 10.0, 20.0), (0.0, 7.0, 14.0, 21.0)),
    "D": ((1.6, 20.0, 20.0), (0.0, 7.0, 21.0)),
}

MODEL = Mechanism("hosseini-2020", rates, start, "hosseini-2020")
