"""The endotoxin model of Eindhoven (2024): TNF, interleukins 6, 10 and 1β, and from them temperature and heart rate.

It is given for its arm of interleukin 1. Its blood pressure could not be brought to what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.simulate.maths import Maths, Named, falling, rising
from cytowatch.simulate.mechanism import Event, Mechanism

CYTOKINES = ("TNF", "IL6", "IL10", "IL1")


def cytokines(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """Endotoxin, maturation, and each cytokine with its messenger, hours; ``clock`` is the time since the start."""
    lps, brake = m.maximum(y.LPS, 0.0), m.maximum(y.IL10, 0.0)
    out: dict[str, Any] = {
        "clock": 1.0,
        "LPS": p.scale * p.E_in - p.kP * y.LPS,
        "M": y.LPS - p.kM * y.M,
        "M1": p.kM * y.M - p.kM1 * y.M1,
    }
    for x in CYTOKINES:
        at, power = getattr(p, f"x{x}"), getattr(p, f"n{x}")
        made = rising(lps, at, power) * falling(brake, getattr(p, f"x10{x}"), getattr(p, f"n10{x}"))
        late = 1.0 if x == "TNF" else rising(y.clock, getattr(p, f"t{x}"), getattr(p, f"nt{x}"))
        message = getattr(y, f"m{x}")
        out[f"m{x}"] = made - getattr(p, f"km{x}") * message
        out[x] = getattr(p, f"s{x}") * message * y.M1 * late - getattr(p, f"k{x}") * getattr(y, x)
    return out


def rates(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """The cytokines, temperature (°C) by a driver, and pressure and heart rate as differences from their start."""
    hot = m.maximum(p.Tmax - y.Temp, 0.0) ** p.nT * p.sT1 * y.IL1 + p.sT6 * rising(y.IL6, p.xT6, p.nT6)
    driver = hot - p.kTemp * y.driver
    warm = p.kTemp * driver
    fall = p.sD * (y.TNF + y.IL1 + y.IL6) - p.kD * y.D
    return {
        **cytokines(y, p, m),
        "driver": driver,
        "Temp": warm,
        "D": fall,
        "dBP": -fall,
        "dHR": p.kHRBP * fall + p.kHRT * warm,
    }


def start(p: Mapping[str, float]) -> dict[str, float]:
    """Nothing yet but a usual temperature."""
    names = ["clock", "LPS", "M", "M1", *(f"m{x}" for x in CYTOKINES), *CYTOKINES, "driver"]
    return {**dict.fromkeys(names, 0.0), "Temp": p["T0"], "D": 0.0, "dBP": 0.0, "dHR": 0.0}


def bolus(p: Mapping[str, float], dose: float) -> list[Event]:
    """A dose in ng/kg, over the minutes in which the model gives it."""
    return [Event(0.0, "E_in", dose, "set"), Event(p["bolus_hours"], "E_in", 0.0, "set")]


def infusion(p: Mapping[str, float], dose: float, flow: float, hours: float) -> list[Event]:
    """A first dose in ng/kg, then a flow until ``hours``."""
    return [
        Event(0.0, "E_in", dose, "set"),
        Event(p["bolus_hours"], "E_in", flow, "set"),
        Event(hours, "E_in", 0.0, "set"),
    ]


MODEL = Mechanism("tue-2024", rates, start, "tue-2024")
