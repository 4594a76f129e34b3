"""Hardiansyah and Ng 2019: CAR-T cells, leukemia, IL-6, IL-10 and interferon gamma of two patients with CLL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism

# of each day's infusion of the split dose
_SPLIT = (0.1, 0.3, 0.6)


def rates(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Cells in 10⁹, cytokines in pg/mL, days."""
    del m
    f = y.B / (y.B + p.h)
    dampening = p.aG + (1 - p.aG) * p.bG / (y.IL10 + p.bG)
    contact = 1e6 * y.B * y.E
    return {
        "B": (p.rB - p.dB) * y.B - p.KBC * y.E * y.B,
        "E": p.rE * y.E * y.B - p.dE * y.E - p.kin * y.E + p.kout * y.Et - p.aE * y.E * (1 - f) + p.aM * y.M * f,
        "Et": p.kin * y.E - p.kout * y.Et,
        "M": (p.rM - p.dM) * y.M - p.kin * y.M + p.kout * y.Mt + p.aE * y.E * (1 - f) - p.aM * y.M * f,
        "Mt": p.kin * y.M - p.kout * y.Mt,
        "IL6": p.d6 * (p.b6 - y.IL6) + p.P6 * contact,
        "IL10": p.d10 * (p.b10 - y.IL10) + p.P10 * contact,
        "IFNg": p.dG * (p.b_IFNg - y.IFNg) + p.PG * contact * dampening,
    }


def start(p: Mapping[str, float]) -> dict[str, float]:
    """Burden and baselines; no cell yet."""
    return {"B": p["B0"], "E": 0, "Et": 0, "M": 0, "Mt": 0, "IL6": p["b6"], "IL10": p["b10"], "IFNg": p["b_IFNg"]}


def infusions(dose: float) -> list[Event]:
    """The dose, split over three days."""
    return [Event(float(day), "E", part * dose) for day, part in enumerate(_SPLIT)]


MODEL = Mechanism("hardiansyah-2019", rates, start, "hardiansyah-2019")
