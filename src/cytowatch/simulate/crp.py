"""Li 2018: C-reactive protein by an indirect response to a block of IL-6; and ferritin, a house model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Mechanism

BESIDE = ("resid",)


def crp(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """C-reactive protein, mg/L, under a level ``C`` of an antibody against IL-6, hours."""
    del m
    blocked = p.Imax * p.C**p.g / (p.IC50**p.g + p.C**p.g)
    return {"CRP": p.kout * (_usual(p) * (1 - blocked) - y.CRP)}


def _usual(p: Any) -> Any:
    return p.base * (p.ALB / p.ALB_ref) ** p.pow_ALB


def crp_start(p: Mapping[str, float]) -> dict[str, float]:
    """The usual value."""
    return {"CRP": _usual(Named(p))}


def ferritin(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Ferritin, µg/L, that follows a drive between 0 and 1, days."""
    del m
    return {"ferritin": p.LN2 / p.half * (p.base + p.rise * p.drive - y.ferritin)}


def ferritin_start(p: Mapping[str, float]) -> dict[str, float]:
    """The usual value."""
    return {"ferritin": p["base"]}


CRP = Mechanism("crp-li-2018", crp, crp_start, "crp-li-2018")
FERRITIN = Mechanism("ferritin-house", ferritin, ferritin_start, "ferritin-house")
