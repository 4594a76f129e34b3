"""Signs that follow at once from the state: pressure, heart rate, saturation, ICE, with oxygen and vasopressors.

No public model joins leak to saturation, nor cytokines to the dose of a vasopressor: this room is `house`.
"""

from __future__ import annotations

from typing import Any

from cytowatch.simulate.maths import Maths, Named, power_hill, rising

# the smallest effect on the brain whose logarithm is taken
_LEAST_BRAIN = 1e-3


def pressure(y: Named, p: Named, m: Maths, norepinephrine: Any, epinephrine: Any, vasopressin: Any) -> Any:
    """Mean arterial pressure, mmHg; doses in ug/kg/min, vasopressin in U/min."""
    tone = 1 - p.f_NO * rising(y.NO, 1.0)
    leak = m.maximum(y.Leak - p.c_fluid * y.Fluid, 0)
    filling = 1 - p.f_leak * rising(leak, 1.0)
    pressed = p.e_pressor * (rising(norepinephrine, p.D_pressor) + rising(epinephrine, p.D_pressor))
    return p.MAP0 * tone * filling + pressed + p.e_vasopressin * rising(vasopressin, p.D_vasopressin)


def heart_rate(y: Named, p: Named, m: Maths, mean_pressure: Any) -> Any:
    """Beats per minute: at rest, by fever, by low pressure."""
    warm = m.maximum(y.Temp - p.Tm, 0)
    low = m.maximum(p.MAP0 - mean_pressure, 0)
    return p.HR0 + p.c_heat * warm + p.c_low * low


def desaturation(y: Named, p: Named) -> Any:
    """By how many points saturation would fall on room air."""
    return p.g_lung * p.c_lung * y.Leak * y.Leak / (1 + y.Leak)


def saturation(points: Any, p: Named, m: Maths, benefit: Any) -> Any:
    """Saturation, %, where the device takes a share ``benefit`` of the fall."""
    return m.maximum(p.SpO20 - points * (1 - benefit), p.SpO2_least)


def ice_lost(y: Named, p: Named, m: Maths) -> Any:
    """How much of the ICE score is lost, 0 to 1."""
    return power_hill(m.maximum(y.Brain, _LEAST_BRAIN), 1.0, p.h_brain, m)
