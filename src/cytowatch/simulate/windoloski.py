"""Windoloski 2024: the cytokines of Dobreva 2021, fitted again to endotoxin given at once and over four hours."""

from __future__ import annotations

from collections.abc import Mapping

from cytowatch.simulate.dobreva import cytokines, start_of_cytokines
from cytowatch.simulate.mechanism import Event, Mechanism


def endotoxin(p: Mapping[str, float]) -> list[Event]:
    """The flow of endotoxin that the set `infusion` speaks of, from time 0 for its hours."""
    return [Event(0.0, "E_in", p["flow"], "set"), Event(p["hours"], "E_in", 0.0, "set")]


MODEL = Mechanism("windoloski-2024", cytokines, start_of_cytokines, "windoloski-2024")
