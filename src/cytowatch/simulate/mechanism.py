"""What a mechanism is: named states, their rates of change, where they start, and what is done to them from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cytowatch.simulate.maths import Maths, Named

Rates = Callable[[Named, Named, Maths], dict[str, Any]]
Start = Callable[[Mapping[str, float]], dict[str, float]]


@dataclass(frozen=True)
class Event:
    """Something done at a moment: an amount added to a state, or a parameter set to a value."""

    time: float
    target: str
    amount: float
    what: Literal["add", "set"] = "add"


@dataclass(frozen=True)
class Mechanism:
    """A model by its equations; ``table``: the key of its parameters. Time runs in the unit of that table.

    ``rates(y, p, m)``: the rate of each state by name. ``start(p)``: every state at time 0.
    """

    key: str
    rates: Rates
    start: Start
    table: str

    def states(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """The names of the states, in order."""
        return tuple(self.start(parameters))


def in_order(events: Sequence[Event]) -> list[Event]:
    """Events by time; those of one moment stay as given."""
    return sorted(events, key=lambda event: event.time)
