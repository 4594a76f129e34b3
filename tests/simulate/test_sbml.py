"""SBML of the mechanisms: solved by libRoadRunner, which others keep, they go the same way as in our reference.

Measured when written: no state of the assembled mechanism is further apart than 1e-8 of its own peak.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lib.simulated import CELLS, ENGAGER, Array, Ward, apart, ward

from cytowatch.errors import ArgumentError, CytowatchError
from cytowatch.simulate import dobreva, drugs, hardiansyah, mueller_schoell, reference, tue, windoloski
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.population import typical
from cytowatch.simulate.products import product
from cytowatch.simulate.sbml import names_in_sbml, to_antimony, to_sbml
from cytowatch.simulate.tables import table
from cytowatch.simulate_command import simulate

TIGHT = 1e-10
APART = 1e-4


def engine(sbml: str) -> Any:
    import roadrunner

    loaded = roadrunner.RoadRunner(sbml)
    loaded.integrator.setValue("relative_tolerance", TIGHT)
    loaded.integrator.setValue("absolute_tolerance", TIGHT * 1e-3)
    loaded.integrator.setValue("maximum_num_steps", 100_000)
    return loaded


def by_roadrunner(loaded: Any, states: dict[str, str], times: Array) -> dict[str, Array]:
    found = np.array(loaded.simulate(times=list(times), selections=["time", *states.values()]))
    return {name: found[:, number] for number, name in enumerate(states, 1)}


def replayed_by_roadrunner(loaded: Any, of: Ward, patient: int) -> dict[str, Array]:
    """One patient in a model that is loaded already: values and starts set, doses added between two hours."""
    values, states = of.one(patient), of.states
    loaded.resetAll()
    for name in loaded.model.getGlobalParameterIds():
        if name in values:
            loaded.setValue(name, values[name])
    for name, start in of.product.mechanism.start(values).items():
        loaded.setValue(name, float(start))
    # the plan may go on after the last hour
    events = [event for event in of.events(patient) if event.time < of.hours]
    course = np.empty((of.hours, len(states)))
    stops = sorted({0, of.hours, *(int(event.time) for event in events)})
    for begin, end in pairwise(stops):
        for event in events:
            if event.time == begin:
                loaded.setValue(event.target, loaded.getValue(event.target) + event.amount)
        course[begin:end] = np.array(loaded.simulate(begin, end, end - begin + 1, list(states)))[:-1]
    return {name: course[:, number] for number, name in enumerate(states)}


def far(of: Ward, patients: Sequence[int]) -> dict[str, float]:
    """For each state how far the two engines are apart at most, over some patients."""
    mechanism, worst = of.product.mechanism, dict.fromkeys(of.states, 0.0)
    loaded = engine(to_sbml(mechanism, of.one(0)))
    for patient in patients:
        times = np.arange(float(of.hours))
        ours = reference.solve(mechanism, of.one(patient), times, of.events(patient))
        for name, share in apart(replayed_by_roadrunner(loaded, of, patient), ours).items():
            worst[name] = max(worst[name], share)
    print(of.product.key, sorted(worst.items(), key=lambda one: -one[1])[:5])
    return worst


@pytest.mark.parametrize("key", [CELLS, pytest.param(ENGAGER, marks=pytest.mark.long)])
def test_two_engines_agree_on_the_sickest(key: str) -> None:
    of = ward(key)
    assert max(far(of, of.sickest(2)).values()) < APART


@pytest.mark.long
@pytest.mark.parametrize("key", [CELLS, ENGAGER])
def test_two_engines_agree_on_a_hundred_patients(key: str) -> None:
    of = ward(key, 100, 11)
    assert max(far(of, range(100)).values()) < APART


@pytest.mark.parametrize("key", [CELLS, pytest.param(ENGAGER, marks=pytest.mark.long)])
def test_doses_are_events_of_the_model(key: str) -> None:
    of = ward(key)
    (patient,) = of.sickest(1)
    values, events, states = of.one(patient), of.events(patient), {name: name for name in of.states}
    times = np.arange(float(of.hours))
    theirs = by_roadrunner(engine(to_sbml(of.product.mechanism, values, events)), states, times)
    ours = reference.solve(of.product.mechanism, values, times, events)
    # a moment of a dose reads before or after it, as engines please
    between = np.setdiff1d(np.arange(of.hours), [int(event.time) for event in events])
    assert len(events) > 5
    assert max(apart({name: one[between] for name, one in theirs.items()},
                     {name: one[between] for name, one in ours.items()}).values()) < APART  # fmt: skip


PUBLISHED: list[tuple[Mechanism, list[Event], float]] = [
    (hardiansyah.MODEL, hardiansyah.infusions(0.3), 5.0),
    (mueller_schoell.MODEL, [], 20.0),
    (dobreva.MODEL, [], 6.0),
    (windoloski.MODEL, windoloski.endotoxin(table("windoloski-2024").values("infusion")), 8.0),
    (tue.MODEL, tue.bolus(table("tue-2024").values(), 1.0), 6.0),
    (drugs.FREY, [Event(0.0, "A1", 560.0), Event(7.0, "A1", 560.0)], 14.0),
    (drugs.HORNIK, [Event(0.0, "stimulus", 1.0), Event(2.0, "prodrug", 80.0)], 24.0),
]


@pytest.mark.parametrize(("model", "events", "until"), PUBLISHED, ids=[model.key for model, *_ in PUBLISHED])
def test_published_models_too(model: Mechanism, events: list[Event], until: float) -> None:
    values = table(model.table).values()
    called = names_in_sbml(model, values)
    states = {name: called[name] for name in model.states(values)}
    times = np.linspace(0, until, 62)[:-1]
    ours = reference.solve(model, values, times, events)
    theirs = by_roadrunner(engine(to_sbml(model, values, events)), states, times)
    kept = ~np.isin(times, [event.time for event in events])
    gap = apart({name: one[kept] for name, one in theirs.items()}, {name: one[kept] for name, one in ours.items()})
    assert max(gap.values()) < APART, gap


def test_the_text_says_what_each_number_is() -> None:
    given = product(CELLS)
    text = to_antimony(given.mechanism, typical(given), [Event(24.0, "Toci", 100.0), Event(24.0, "Toci", 20.0)])
    assert 'K_toci is "tocilizumab that shuts half of the receptors' in text
    assert '[mg/L]"' in text
    assert 'K_toci notes "Basis: house. ours"' in text
    assert "unit time_unit = 3600 second" in text
    assert "at (time >= 24.0), t0=false: Toci = Toci + 100.0 + 20.0" in text
    assert "never for a real patient" in text
    # what only the ward and the signs use is left out
    assert "tocilizumab_grade" not in text


def test_names_that_sbml_does_not_take_are_changed() -> None:
    def rates(y: Any, p: Any, m: Any) -> dict[str, Any]:
        del m
        return {"time": -getattr(p, "2k") * y.time, "x": p.x_y - y.x * p.x, "e": 0 * y.e}

    model = Mechanism("a model", rates, lambda p: {"time": 1.0, "x": p["x_y"], "e": 0.0}, "crp-li-2018")
    values = {"2k": 0.5, "x_y": 2.0, "x": 3.0}
    assert names_in_sbml(model, values) == {"2k": "_2k", "x_y": "x_y", "time": "time_", "x": "x", "e": "e_"}
    loaded = engine(to_sbml(model, values, [Event(1.0, "2k", 0.0, "set")]))
    found = by_roadrunner(loaded, {"time": "time_"}, np.array([0.0, 1.0, 5.0]))
    assert found["time"][-1] == pytest.approx(np.exp(-0.5), rel=1e-6)


def test_the_command_writes_the_typical_patient(tmp_path: Path) -> None:
    file = tmp_path / "patient.xml"
    simulate(product="mosunetuzumab", doses="0:1,1:10", set_=["g_monocyte=2"], sbml=file, quiet=True)
    loaded = engine(file.read_text(encoding="utf-8"))
    assert loaded.getValue("g_monocyte") == 2
    found = by_roadrunner(loaded, {"Drug": "Drug", "IL6": "IL6"}, np.arange(60.5))
    assert found["Drug"][30] > 5 * found["Drug"][10] > 0
    with pytest.raises(ArgumentError, match="no parameter `mood`"):
        simulate(set_=["mood=1"], sbml=file)


def test_what_is_missing_or_refused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import antimony

    given = product(CELLS)
    monkeypatch.setattr(antimony, "loadAntimonyString", lambda _: -1)
    with pytest.raises(CytowatchError, match="makes no SBML"):
        to_sbml(given.mechanism, typical(given))
    monkeypatch.setitem(sys.modules, "antimony", None)
    with pytest.raises(ArgumentError, match="needs antimony"):
        to_sbml(given.mechanism, typical(given))


def test_the_reference_tells_the_state_after_what_is_done_at_that_moment() -> None:
    doses = [Event(0.0, "A1", 10.0), Event(3.0, "A1", 5.0), Event(-1.0, "A1", 99.0)]
    values = table(drugs.FREY.table).values(CL=0.0, Vmax=0.0)
    found = reference.solve(drugs.FREY, values, [0.0, 2.0, 3.0, 4.0], doses)
    assert np.sum(list(found.values()), axis=0) == pytest.approx([10.0, 10.0, 15.0, 15.0])
