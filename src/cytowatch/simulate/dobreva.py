"""Dobreva 2021: endotoxin, monocytes and cytokines, and from them temperature, pain, heart rate and blood pressure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named, falling, rising
from cytowatch.simulate.mechanism import Mechanism

BESIDE = ("antipyretic", "vasopressor", "adsorption")
# what each treatment multiplies; by how much is in the table
TREATMENTS = {"antipyretic": ("kT", "kT6", "kpe"), "vasopressor": ("kr",), "adsorption": ("kE",)}


def distance(x: Any, y: Any, m: Maths) -> Any:
    """How far apart two values are."""
    return m.maximum(x - y, y - x)


def cytokines(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Endotoxin in ng/kg, monocytes at rest and active, cytokines in pg/mL, hours."""
    endotoxin = m.maximum(y.E, 0.0)
    drive = p.sm + p.kMT * rising(y.TNF, p.xMT, p.hMT)
    act = rising(endotoxin, p.xME, p.hME) * drive * falling(y.IL10, p.xM10, p.hM10) * y.MR
    made_T = p.kTNFM * falling(y.IL10, p.xT10, p.hT10) * falling(y.IL6, p.xT6, p.hT6)
    made_6 = (p.k6M + p.k6T * rising(y.TNF, p.x6T, p.h6T)) * falling(y.IL6, p.x66, p.h66)
    made_8 = p.k8M + p.k8T * rising(y.TNF, p.x8T, p.h8T)
    made_10 = p.k10M + p.k106 * rising(y.IL6, p.x106, p.h106)
    return {
        "E": p.E_in - p.kE * y.E,
        "MR": p.kMR * y.MR * (1 - y.MR / p.Mmax) - act,
        "MA": act - p.kMA * y.MA,
        "TNF": y.MA * made_T - p.kTNF * (y.TNF - p.sT),
        "IL6": y.MA * made_6 * falling(y.IL10, p.x610, p.h610) - p.k6 * (y.IL6 - p.s6),
        "IL8": y.MA * made_8 * falling(y.IL10, p.x810, p.h810) - p.k8 * (y.IL8 - p.s8),
        "IL10": y.MA * made_10 - p.k10 * (y.IL10 - p.s10),
    }


def fever(y: Named, p: Named, m: Maths) -> Any:
    """Where the temperature is going, °C."""
    up = p.kT * rising(distance(y.TNF, p.sT, m), p.xFT, p.hFT) + p.kT6 * rising(distance(y.IL6, p.s6, m), p.xF6, p.hF6)
    down = p.kT10 * rising(distance(y.IL10, p.s10, m), p.xF10, p.hF10)
    return p.Tm + p.kt * (p.TM - p.Tm) * (up - down)


def heart_rate(y: Named, p: Named, m: Maths) -> Any:
    """Where the heart rate is going, 1/min: by temperature, and by the pressure's distance from its usual value.

    The paper's rule jumps at one pressure; here it passes from one side to the other within a few ``width``.
    """
    pressure = y.Vla / p.Cla
    far, half = distance(pressure, p.BP0, m) ** p.hhp, distance(p.xhp, p.BP0, m) ** p.hhp
    warm = rising(distance(y.Temp, p.Tm, m), distance(p.xhT, p.Tm, m), p.hhT)
    above = 1 / (1 + m.exp((p.BPswitch - pressure) / p.width))
    g = (above * half + (1 - above) * far) / (far + half)
    return p.Hm + p.kh * (p.HM - p.Hm) * warm * g


def circulation(y: Named, p: Named) -> dict[str, Any]:
    """Stressed volumes of arteries and veins, large and of the organs, mL."""
    la, sa, lv, sv = y.Vla / p.Cla, y.Vsa / p.Csa, y.Vlv / p.Clv, y.Vsv / p.Csv
    qa, qs, qv = (la - sa) / p.Ra, (sa - sv) / y.Rs, (sv - lv) / p.Rv
    output = (lv / p.Em - la / p.EM) * y.HR / p.s_per_min
    return {"Vla": output - qa, "Vsa": qa - qs, "Vlv": qv - output, "Vsv": qs - qv}


def drive_of_no(tnf: Any, il10: Any, p: Any) -> Any:
    """How far TNF and IL-10 drive nitric oxide, 0 to 1."""
    return rising(tnf, p.xN, p.hN) * falling(il10, p.xN10, p.hN10)


def delayed(y: Named, p: Named) -> tuple[dict[str, Any], Any]:
    """The drive of nitric oxide as it was ``lag`` hours ago, and the two states that hold it.

    Padé's approximation of a delay, second order over second order: ``1 - 12 s l / (s²l² + 6 s l + 12)``.
    """
    now = drive_of_no(y.TNF, y.IL10, p)
    held = {"held": y.held_rate, "held_rate": now - 12 / p.lag**2 * y.held - 6 / p.lag * y.held_rate}
    return held, now - 12 / p.lag * y.held_rate


def signs(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Temperature (°C), threshold of pain (kPa), heart rate, nitric oxide, resistance of the vessels, and volumes."""
    pain = p.kpp * (p.pM - y.pain) - p.kpe * y.E * y.pain
    held, drive = delayed(y, p)
    stress = pain**p.hrp / (pain**p.hrp + p.xrp**p.hrp)
    return {
        "Temp": (fever(y, p, m) - y.Temp) / p.tau1,
        "pain": pain,
        "HR": (heart_rate(y, p, m) - y.HR) / p.tau2,
        **held,
        "NO": p.kNO * y.MA * drive - p.kno * y.NO,
        "Rs": p.krp * stress - p.krno * y.NO - p.kr * (y.Rs - p.Rs0),
        **circulation(y, p),
    }


def rates(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """The whole model, hours."""
    return {**cytokines(y, p, m), **signs(y, p, m)}


def start_of_cytokines(p: Mapping[str, float]) -> dict[str, float]:
    """The dose of endotoxin, monocytes at rest, usual cytokines."""
    return {
        "E": p["dose"], "MR": p["MR0"], "MA": 0.0,
        "TNF": p["sT"], "IL6": p["s6"], "IL8": p["s8"], "IL10": p["s10"],
    }  # fmt: skip


def start(p: Mapping[str, float]) -> dict[str, float]:
    """The same, and usual signs."""
    return {
        **start_of_cytokines(p),
        "Temp": p["Tm"], "pain": p["pM"], "HR": p["Hm"], "NO": 0.0,
        "held": p["lag"] ** 2 / 12 * drive_of_no(p["sT"], p["s10"], Named(p)), "held_rate": 0.0,
        "Rs": p["Rs0"], "Vla": p["Vla0"], "Vsa": p["Vsa0"], "Vlv": p["Vlv0"], "Vsv": p["Vsv0"],
    }  # fmt: skip


def pressure(states: Mapping[str, Any], p: Mapping[str, float]) -> Any:
    """Blood pressure of the large arteries, mmHg."""
    return states["Vla"] / p["Cla"]


def treated(p: Mapping[str, float], *treatments: str) -> dict[str, float]:
    """The values of a patient under some of ``TREATMENTS``."""
    out = dict(p)
    for treatment in treatments:
        for name in TREATMENTS[treatment]:
            out[name] *= p[treatment]
    return out


MODEL = Mechanism("dobreva-2021", rates, start, "dobreva-2021")
