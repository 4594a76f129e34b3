"""What can be given to a virtual patient: products, their doses, and the hours at which they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import tomli

from cytowatch.errors import ArgumentError
from cytowatch.simulate import core
from cytowatch.simulate.mechanism import Mechanism
from cytowatch.simulate.solve import Schedule
from cytowatch.simulate.tables import FOLDER, table

_HOURS_A_DAY = 24
# steps an hour, by the hours since the last dose; after those one is enough. An engager binds within minutes: with 4
# all the time a state was 5 percent of its peak off in the first hour, with these 0.07 percent at most: `test_solver`
_STEPS = {"cells": (), "engager": ((1, 16), (3, 8), (6, 4), (12, 2))}


@dataclass(frozen=True)
class Dose:
    """One dose of a plan: the hour, and the share of the usual dose (cells) or the amount in mg (engagers)."""

    hour: int
    amount: float


@dataclass(frozen=True)
class Product:
    """A product as simulated; ``concept`` and ``text``: how its doses are charted, ``unit`` and ``usual`` its dose."""

    key: str
    title: str
    trigger: str
    concept: str
    text: str
    unit: str
    usual: float
    note: str
    values: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    spreads: Mapping[str, float]
    doses: tuple[Dose, ...]

    @property
    def mechanism(self) -> Mechanism:
        """The assembled mechanism of its trigger."""
        return core.TRIGGERS[self.trigger]

    def with_doses(self, text: str) -> Product:
        """The same product with another plan, ``day:amount`` by commas (`0:1,7:2,14:60`).

        Amounts in mg for engagers, in shares of the usual dose for cells. ArgumentError if it cannot be read, if the
        days do not rise, or for a dose that is not above zero.
        """
        doses: list[Dose] = []
        for part in text.split(","):
            day, _, amount = part.partition(":")
            try:
                dose = Dose(round(float(day) * _HOURS_A_DAY), float(amount))
            except (ValueError, OverflowError):
                raise _bad_plan(f"`{part.strip()}` is no day and amount", text) from None
            if not dose.amount > 0 or dose.hour < 0 or dose.amount == float("inf"):
                raise _bad_plan(f"`{part.strip()}`: a day is 0 or later, and a dose more than 0", text)
            if doses and dose.hour <= doses[-1].hour:
                raise _bad_plan(f"day {day.strip()} does not come after the dose before it", text)
            doses.append(dose)
        return replace(self, doses=tuple(doses))

    def within(self, hours: int) -> Product:
        """The same product without the doses that come when nobody is followed any more."""
        return replace(self, doses=tuple(dose for dose in self.doses if dose.hour < hours))

    def charted(self, dose: Dose) -> float:
        """The amount as it is charted, in ``unit``."""
        return dose.amount * self.usual if self.trigger == "cells" else dose.amount

    def steps(self, hours: int) -> tuple[int, ...]:
        """How many steps the solvers take in each hour: more of them after a dose."""
        found = [1] * hours
        for dose in self.doses:
            # from the widest to the narrowest, so that the finest stands
            for width, steps in reversed(_STEPS[self.trigger]):
                within = range(dose.hour, min(dose.hour + width, hours))
                found[within.start : within.start + len(within)] = [max(steps, found[hour]) for hour in within]
        return tuple(found)

    def schedule(self, values: Mapping[str, object]) -> Schedule:
        """What the plan adds to the states, at whole hours; ``values``: the numbers of the run."""
        if self.trigger == "cells":
            usual = np.asarray(values["dose"], dtype=float)
            return Schedule({(dose.hour, "Homing"): dose.amount * usual for dose in self.doses})
        # a flat dose, taken as that of the usual weight: the volumes of the drug are by weight, and so all are alike
        weight = table("bedside").values()["weight"]
        return Schedule({(dose.hour, "Drug"): 1000 * dose.amount / weight for dose in self.doses})


@cache
def products() -> dict[str, Product]:
    """Every product by its key."""
    document = tomli.loads((FOLDER / "plans" / "products.toml").read_text(encoding="utf-8"))
    found = {}
    for key, row in document["product"].items():
        doses = tuple(
            Dose(one["day"] * _HOURS_A_DAY, float(one.get("amount", one.get("share")))) for one in row["schedule"]
        )
        found[key] = Product(
            key, row["title"], row["trigger"], row["concept"], row["text"], row["dose"]["unit"],
            float(row["dose"]["amount"]), row["note"], {name: float(one) for name, one in row["values"].items()},
            {name: (float(low), float(high)) for name, (low, high) in row.get("limits", {}).items()},
            {name: float(one) for name, one in row.get("spreads", {}).items()}, doses,
        )  # fmt: skip
    return found


def product(key: str) -> Product:
    """One product; ArgumentError with the known ones."""
    known = products()
    if key not in known:
        raise ArgumentError(
            f"There is no product `{key}` to simulate.", where="--product", hint=f"Choose one of: {', '.join(known)}."
        )
    return known[key]


def _bad_plan(what: str, text: str) -> ArgumentError:
    return ArgumentError(
        f"The plan of doses cannot be used: {what}.", where=f"--doses {text}",
        hint="Write day:amount by commas in their order, such as 0:1,7:2,14:60 (mg; of cells shares of the usual).",
    )  # fmt: skip
