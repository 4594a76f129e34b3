"""Measure how many virtual patients a second each solver does: the assembled mechanism, 28 days, in one run.

    .venv/bin/python benchmarks/simulate.py
    .venv/bin/python benchmarks/simulate.py --patients 65536 --peers 64

The same patients and the same plan for all. Peers solve the equations alone, at a relative tolerance of 1e-6, without
ward, and give the hours back; ours are measured so too, and as `cytowatch simulate --no-chart` uses them: with the ward
and the grade reduced on the fly. Error: the greatest difference of IL-6 from LSODA at 1e-9, against the peak.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytowatch.simulate import core, lanes, reference, solve
from cytowatch.simulate.maths import Named
from cytowatch.simulate.mechanism import Event
from cytowatch.simulate.population import draw
from cytowatch.simulate.products import product
from cytowatch.simulate.sbml import names_in_sbml, to_sbml

HOURS = 672
CELLS, ENGAGER = "cd19-car-t", "mosunetuzumab"
Array = NDArray[Any]
Work = Callable[[dict[str, Any], int], Array]


def main() -> None:
    """Print one line a solver."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=32768, help="for ours")
    parser.add_argument("--peers", type=int, default=128, help="for the peers, which are slower")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    values = draw(product(CELLS), asked.patients, asked.seed).values
    exact = np.stack([_exact(_one(values, number)) for number in range(8)], axis=1)
    print(f"{os.cpu_count()} processors, {asked.patients} patients ({asked.peers} for peers), {HOURS} h")
    print(f"{'solver':66} {'patients/s':>10} {'us each':>9} {'error':>8}")
    ours: list[tuple[str, Work]] = [
        ("cells, lanes: ward, grade reduced on the fly, no hours kept", _reduced(lanes.run, CELLS)),
        ("cells, lanes: equations alone, IL-6 of each hour", _alone(lanes.run, CELLS)),
        ("cells, JAX on this machine: ward, grade reduced on the fly", _reduced(solve.run, CELLS)),
        ("cells, JAX: equations alone, IL-6 of each hour", _alone(solve.run, CELLS)),
    ]
    peers: list[tuple[str, Work]] = [
        ("cells, diffrax: vmap of Tsit5, 1e-6", _diffrax),
        ("cells, libRoadRunner: CVODE, 1e-6, one process", _roadrunner),
        ("cells, scikit-sundae: CVODE, equations in Python, 1e-6", _sundae),
        ("cells, SciPy: LSODA, equations in Python, 1e-6", _scipy),
    ]
    for works, patients in ((ours, asked.patients), (peers, asked.peers)):
        for name, work in works:
            _measured(name, work, values, patients, exact)
    others = draw(product(ENGAGER), asked.patients, asked.seed).values
    for name, work in (
        ("engager, lanes: ward, grade reduced on the fly, no hours kept", _reduced(lanes.run, ENGAGER)),
        ("engager, JAX on this machine: ward, grade reduced on the fly", _reduced(solve.run, ENGAGER)),
    ):
        _measured(name, work, others, asked.patients, exact)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _measured(name: str, work: Work, values: dict[str, Any], patients: int, exact: Array) -> None:
    some = {key: value[:patients] if np.ndim(value) else value for key, value in values.items()}
    work(some, patients)
    began = time.perf_counter()
    found = work(some, patients)
    seconds = time.perf_counter() - began
    error = ""
    if found.ndim == 2:
        peak = exact.max(0)
        error = f"{(np.abs(found[:, : exact.shape[1]] - exact) / peak).max():.0e}"
    print(f"{name:66} {patients / seconds:10.0f} {seconds / patients * 1e6:9.1f} {error:>8}", flush=True)


def _one(values: dict[str, Any], number: int) -> dict[str, float]:
    return {name: float(value[number] if np.ndim(value) else value) for name, value in values.items()}


def _exact(values: dict[str, float], tolerance: float = 1e-9) -> Array:
    events = [Event(0.0, "Homing", values["dose"])]
    return reference.solve(core.CELLS, values, np.arange(HOURS, dtype=float), events, tolerance=tolerance)["IL6"]


def _reduced(run: Any, key: str) -> Work:
    """One of our solvers with the ward, the grade reduced on the fly, and nothing of each hour kept."""
    given = product(key)

    def work(values: dict[str, Any], patients: int) -> Array:
        del patients
        found = run(given.mechanism, values, HOURS, given.schedule(values), steps=given.steps(HOURS))
        return np.asarray(found.reduced["bedside_grade"])

    return work


def _alone(run: Any, key: str) -> Work:
    """The equations alone, IL-6 of each hour given back: what peers do."""
    given = product(key)

    def work(values: dict[str, Any], patients: int) -> Array:
        del patients
        schedule, steps = given.schedule(values), given.steps(HOURS)
        found = run(given.mechanism, values, HOURS, schedule, keep=("IL6",), steps=steps, care=False)
        return np.asarray(found.hourly["IL6"])

    return work


_SOLVERS: dict[str, Any] = {}


def _diffrax(values: dict[str, Any], patients: int) -> Array:
    del patients
    import diffrax
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        names = core.CELLS.states(_one(values, 0))
        varied = {name: jnp.asarray(value, jnp.float64) for name, value in values.items() if np.ndim(value)}
        fixed = {name: float(value) for name, value in values.items() if not np.ndim(value)}

        def one(own: dict[str, Any]) -> Any:
            p = {**fixed, **own}
            begun = {**core.CELLS.start(p), "Homing": p["dose"]}
            y0 = jnp.stack([jnp.asarray(begun[name], jnp.float64) for name in names])

            def rate(_: Any, y: Any, __: Any) -> Any:
                rates = core.CELLS.rates(Named(dict(zip(names, y, strict=True))), Named(p), jnp)
                return jnp.stack([rates[name] for name in names])

            found = diffrax.diffeqsolve(
                diffrax.ODETerm(rate), diffrax.Tsit5(), 0.0, HOURS - 1.0, 0.1, y0, max_steps=100_000,
                saveat=diffrax.SaveAt(ts=jnp.arange(HOURS, dtype=jnp.float64)),
                stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-9),
            )  # fmt: skip
            return found.ys[:, names.index("IL6")]

        if "diffrax" not in _SOLVERS:
            _SOLVERS["diffrax"] = jax.jit(jax.vmap(one))
        return np.asarray(_SOLVERS["diffrax"](varied)).T


def _roadrunner(values: dict[str, Any], patients: int) -> Array:
    import roadrunner

    first = _one(values, 0)
    named = names_in_sbml(core.CELLS, first)
    if "roadrunner" not in _SOLVERS:
        model = roadrunner.RoadRunner(to_sbml(core.CELLS, first))
        model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-6, 1e-9
        model.timeCourseSelections = [named["IL6"]]
        _SOLVERS["roadrunner"] = model
    model = _SOLVERS["roadrunner"]
    known = {*model.model.getGlobalParameterIds(), *model.model.getFloatingSpeciesIds()}
    found = []
    for number in range(patients):
        own = _one(values, number)
        model.reset()
        begun = {**core.CELLS.start(own), "Homing": own["dose"]}
        for name, value in {**own, **begun}.items():
            if named.get(name, name) in known:
                model[named.get(name, name)] = value
        found.append(np.asarray(model.simulate(0, HOURS - 1, HOURS))[:, 0])
    return np.stack(found, axis=1)


def _sundae(values: dict[str, Any], patients: int) -> Array:
    from sksundae.cvode import CVODE

    names = core.CELLS.states(_one(values, 0))

    def rates_of(own: dict[str, float]) -> Callable[[float, Array, Array], None]:
        p = Named(own)

        def rate(_: float, y: Array, out: Array) -> None:
            rates = core.CELLS.rates(Named(dict(zip(names, y, strict=True))), p, np)
            for place, name in enumerate(names):
                out[place] = rates[name]

        return rate

    found = []
    for number in range(patients):
        own = _one(values, number)
        begun = {**core.CELLS.start(own), "Homing": own["dose"]}
        solver = CVODE(rates_of(own), rtol=1e-6, atol=1e-9, max_num_steps=100_000)
        done = solver.solve(np.arange(HOURS, dtype=float), np.array([begun[name] for name in names]))
        found.append(done.y[:, names.index("IL6")])
    return np.stack(found, axis=1)


def _scipy(values: dict[str, Any], patients: int) -> Array:
    return np.stack([_exact(_one(values, number), 1e-6) for number in range(patients)], axis=1)


if __name__ == "__main__":
    main()
