"""Mueller-Schoell 2021: four phenotypes of axicabtagene ciloleucel and the volume of a lymphoma, of a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Mechanism

# what of the table tells how patients and measurements scatter, and is in no equation
BESIDE = ("low_share", "resid_TN", "resid_TCM", "resid_TEM", "resid_TEff", "resid_T")
CELLS = ("TN", "TCM", "TEM", "TEff")


def rates(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Cells in 1/µL, tumor in mL, days."""
    del m
    v = ((1 - p.low) * p.v_ref * p.ratio**p.ratio_power + p.low * p.v_low) * (1 + p.asct_effect * p.asct)
    killing = p.q1 * y.TN + p.q2 * y.TCM + p.q3 * y.TEM + p.q4 * y.TEff

    def expansion(x: Any) -> Any:
        return v * y.T * x / (p.KM1 + x)

    return {
        "TN": expansion(y.TN) + p.kp1 * y.TN - p.k12 * y.TN - p.ke * y.TN,
        "TCM": expansion(y.TCM) + p.kp2 * y.TCM + p.k12 * y.TN - p.k23 * y.TCM - p.ke * y.TCM,
        "TEM": expansion(y.TEM) + p.kp3 * y.TEM + p.k23 * y.TCM - p.k34 * y.TEM - p.ke * y.TEM,
        "TEff": p.k34 * y.TEM - p.ke4 * y.TEff,
        "T": p.k5 * (1 - y.T / p.K0) * y.T - killing * y.T / (p.KM5 + y.T),
    }


def start(p: Mapping[str, float]) -> dict[str, float]:
    """The same few cells of each phenotype, and the burden at infusion."""
    return {**dict.fromkeys(CELLS, p["start"]), "T": p["T0"]}


MODEL = Mechanism("mueller-schoell-2021", rates, start, "mueller-schoell-2021")
