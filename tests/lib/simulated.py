"""Virtual patients for tests: drawn, solved by the fast solver once for all tests, and replayed by slower ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cytowatch.simulate import bedside, lanes, solve
from cytowatch.simulate.maths import Named
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.population import draw, typical
from cytowatch.simulate.products import Product, product

Array = NDArray[Any]
# one product for each trigger
CELLS, ENGAGER = "cd19-car-t", "mosunetuzumab"
PRESSORS = ("norepinephrine", "epinephrine", "vasopressin")
# a state that never exceeds this stands still
DUST = 1e-15
# its cells grow fastest
FAST = "cd22-car-t"
# both reach beyond the worst of it: of cells the peak near day 9, of the engager the first full dose on day 14
DAYS = {CELLS: 14, ENGAGER: 18}


# patients whose vessels give way more easily, so that the ward has all its drugs to give
FRAIL = {"g_monocyte": 2.0, "g_leak": 2.0, "g_NO": 2.0}
# and whose vessels give way so far that every kind of support runs
SHOCKED = {"g_monocyte": 3.0, "g_leak": 8.0, "g_NO": 30.0}
# with that many times the steps the signs of the fast solver are no further than 1e-5 of their range from the exact
FINER = 8


@dataclass(frozen=True)
class Ward:
    """Patients of one product with what was found of them hour by hour, under the care of the ward."""

    product: Product
    values: dict[str, Any]
    hours: int
    found: solve.Solved

    @property
    def states(self) -> tuple[str, ...]:
        return self.product.mechanism.states(self.values)

    def one(self, patient: int) -> dict[str, float]:
        """The numbers of one patient."""
        return {name: float(value[patient]) if np.ndim(value) else float(value) for name, value in self.values.items()}

    def events(self, patient: int) -> list[Event]:
        """What was done to one patient, by plan and by the ward."""
        schedule = self.product.schedule(self.one(patient))
        return solve.done_to(patient, schedule, self.found.hourly, self.one(patient))

    def support(self, patient: int) -> list[Event]:
        """The support of one patient, as events at the hours when it changed: signs feel it from then on."""
        ran = {name: np.asarray(self.found.hourly[name], dtype=float)[:, patient] for name in PRESSORS}
        steps = self.found.hourly["oxygen"][:, patient].astype(int)
        ran["oxygen_benefit"] = np.array([step[3] for step in bedside.OXYGEN])[steps]
        return [
            Event(float(hour), name, float(doses[hour]), "set")
            for name, doses in ran.items()
            for hour in np.flatnonzero(np.diff(doses, prepend=0.0))
        ]

    def sickest(self, number: int) -> list[int]:
        """The patients with the worst grades, then those with the highest IL-6: they get the most drugs."""
        worst, peak = self.found.reduced["bedside_grade"], self.found.reduced["peak_IL6"]
        return [int(one) for one in np.lexsort((-peak, -worst))[:number]]


@cache
def ward(key: str, patients: int = 16, seed: int = 3, days: int | None = None) -> Ward:
    """Patients of a product under care, solved once for all tests; ``days``: other than `DAYS`."""
    given, hours = product(key), (days or DAYS[key]) * 24
    drawn = _drawn(given, patients, seed, FRAIL)
    return Ward(given, drawn, hours, solved_again(given, drawn, hours))


@cache
def shocked(key: str, patients: int = 16, seed: int = 3) -> Ward:
    """Patients who get all the support that there is, solved in 64 bits with finer steps."""
    given, hours = product(key), DAYS[key] * 24
    drawn = _drawn(given, patients, seed, SHOCKED)
    return Ward(given, drawn, hours, solved_again(given, drawn, hours, FINER))


def _drawn(given: Product, patients: int, seed: int, changed: Mapping[str, float]) -> dict[str, Any]:
    values = draw(given, patients, seed, changed=changed).values
    return {name: np.broadcast_to(value, patients) for name, value in values.items()}


def solved_again(given: Product, values: dict[str, Any], hours: int, finer: int = 1) -> solve.Solved:
    """The same shape as `ward`, so that nothing is compiled anew; ``finer``: times the steps, in 64 bits."""
    keep = (*solve.GIVEN_HOURLY, *given.mechanism.states(values), *solve.SIGNS, *PRESSORS, "oxygen", "grade")
    schedule = given.schedule({"dose": 0.0} | {name: np.ravel(value)[0] for name, value in values.items()})
    steps = [finer * one for one in given.steps(hours)]
    return solve.run(given.mechanism, values, hours, schedule, keep=keep, steps=steps, double=finer > 1)


@dataclass(frozen=True)
class Arm:
    """One way to treat a patient: values that differ, a plan of doses, and drugs as (hour, state, amount)."""

    changed: Mapping[str, float]
    doses: str = ""
    drugs: Sequence[tuple[int, str, float]] = ()


def arms(key: str, hours: int, *several: Arm, steps: int = 4) -> list[dict[str, Array]]:
    """Typical patients, one for each arm, without the ward: every state hour by hour."""
    given = product(key)
    each = [typical(given, arm.changed) for arm in several]
    values = {name: np.array([one[name] for one in each]) for name in each[0]}
    doses: dict[tuple[int, str], Array] = {}
    for number, arm in enumerate(several):
        planned = (given.with_doses(arm.doses) if arm.doses else given).schedule(each[number]).amounts
        for (hour, state), amount in (*planned.items(), *(((h, s), a) for h, s, a in arm.drugs)):
            doses.setdefault((hour, state), np.zeros(len(several)))[number] += amount
    course = stepped(given.mechanism, values, hours, doses, steps)
    return [{name: states[:, number] for name, states in course.items()} for number in range(len(several))]


def stepped(
    mechanism: Mechanism, values: Mapping[str, Any], hours: int, doses: Mapping[tuple[int, str], Any],
    steps: int | Sequence[int], kind: Any = np.float64,
) -> dict[str, Array]:  # fmt: skip
    """The steps of the fast solver without JAX, doses at whole hours: each state at each hour, after its doses."""
    size = max((np.size(value) for value in values.values()), default=1)
    p = Named({name: np.broadcast_to(np.asarray(value, dtype=kind), size) for name, value in values.items()})
    y = {name: np.broadcast_to(np.asarray(value, dtype=kind), size) for name, value in mechanism.start(values).items()}
    counts, kinds = solve.paces(steps, hours)
    factors = [solve.factors(mechanism, values, 1.0 / count, kind) for count in counts]
    course: dict[str, list[Array]] = {name: [] for name in y}
    for hour in range(hours):
        for name, value in y.items():
            y[name] = (value + np.asarray(doses.get((hour, name), 0.0))).astype(kind)
            course[name].append(y[name])
        for _ in range(counts[kinds[hour]]):
            y = cast("dict[str, Array]", lanes.step(mechanism, y, p, factors[kinds[hour]], np))
    return {name: np.array(states) for name, states in course.items()}


def replayed(
    of: Ward, patients: Sequence[int], hours: int, steps: int | Sequence[int], kind: Any = np.float64
) -> dict[str, Array]:
    """Some patients of a ward by `stepped`, with what was done to each: each state, hours × patients."""
    doses: dict[tuple[int, str], Array] = {}
    for number, patient in enumerate(patients):
        for key, amount in doses_of(of.events(patient)).items():
            doses.setdefault(key, np.zeros(len(patients)))[number] = amount
    values = {name: value[list(patients)] if np.ndim(value) else value for name, value in of.values.items()}
    return stepped(of.product.mechanism, values, hours, doses, steps, kind)


def doses_of(events: Sequence[Event]) -> dict[tuple[int, str], float]:
    """Events at whole hours, as amounts by hour and state."""
    found: dict[tuple[int, str], float] = {}
    for event in events:
        found[int(event.time), event.target] = found.get((int(event.time), event.target), 0.0) + event.amount
    return found


def apart(ours: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, float]:
    """For each state how far two courses are apart at most, as a share of its own peak; 0 where nothing moves.

    The adaptive solver now and then leaves dust of rounding in a state that nothing drives: that is no course.
    """
    found = {}
    for name, course in exact.items():
        peak = np.abs(course).max()
        found[name] = float(np.abs(np.asarray(ours[name]) - course).max() / peak) if peak > DUST else 0.0
    return found
