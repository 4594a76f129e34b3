"""SBML of the mechanisms: solved by libRoadRunner, which others keep, they go the same way as in our reference.

Measured when written: no state of the assembled mechanism is further apart than 1e-8 of its own peak, and no sign
further than 1e-5 of its own range from our fast solver with finer steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lib.simulated import CELLS, ENGAGER, Array, Ward, apart, shocked, ward

from cytowatch.errors import ArgumentError, CytowatchError
from cytowatch.simulate import dobreva, drugs, hardiansyah, mueller_schoell, reference, signs, solve, tue, windoloski
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.population import typical
from cytowatch.simulate.products import product
from cytowatch.simulate.sbml import SUPPORT, names_in_sbml, to_antimony, to_sbml
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


def replayed_by_roadrunner(
    loaded: Any, of: Ward, patient: int, events: Sequence[Event], names: Sequence[str], *, before: bool = False
) -> dict[str, Array]:
    """One patient in a model that is loaded already: values and starts set, what is done put in between two hours.

    An hour at which something is done is told after it, or ``before`` it.
    """
    values = of.one(patient)
    loaded.resetAll()
    for name in loaded.model.getGlobalParameterIds():
        if name in values:
            loaded.setValue(name, values[name])
    for name, start in of.product.mechanism.start(values).items():
        loaded.setValue(name, float(start))
    # the plan may go on after the last hour
    done = [event for event in events if event.time < of.hours]
    course = np.empty((of.hours + 1, len(names)))
    stops = sorted({0, of.hours, *(int(event.time) for event in done)})
    for begin, end in pairwise(stops):
        for event in done:
            if event.time == begin:
                there = 0.0 if event.what == "set" else loaded.getValue(event.target)
                loaded.setValue(event.target, there + event.amount)
        # the first row of a stretch takes the place of the last row of the one before
        first = 1 if before and begin > 0 else 0
        course[begin + first : end + 1] = np.array(loaded.simulate(begin, end, end - begin + 1, list(names)))[first:]
    return {name: course[:-1, number] for number, name in enumerate(names)}


def far(of: Ward, patients: Sequence[int]) -> dict[str, float]:
    """For each state how far the two engines are apart at most, over some patients."""
    mechanism, worst = of.product.mechanism, dict.fromkeys(of.states, 0.0)
    loaded = engine(to_sbml(mechanism, of.one(0)))
    for patient in patients:
        times = np.arange(float(of.hours))
        ours = reference.solve(mechanism, of.one(patient), times, of.events(patient))
        theirs = replayed_by_roadrunner(loaded, of, patient, of.events(patient), of.states)
        for name, share in apart(theirs, ours).items():
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


def off(theirs: Array, ours: Array) -> float:
    """How far two courses of a sign are apart at most, as a share of the range of ours."""
    return float(np.abs(theirs - ours).max() / max(np.ptp(ours), 1e-9))


def far_in_signs(of: Ward, done: Callable[[list[Event]], list[Event]] = list) -> dict[str, float]:
    """For each sign how far the other engine is from what our solver kept; ``done``: what becomes of the support.

    Our solver tells the signs of an hour before the care of that hour acts; the plan, which it carries out before,
    moves no sign at once.
    """
    worst = dict.fromkeys(solve.SIGNS, 0.0)
    loaded = engine(to_sbml(of.product.mechanism, of.one(0)))
    for patient in range(len(of.found.code)):
        events = [*of.events(patient), *done(of.support(patient))]
        theirs = replayed_by_roadrunner(loaded, of, patient, events, solve.SIGNS, before=True)
        for name, course in theirs.items():
            worst[name] = max(worst[name], off(course, of.found.hourly[name][:, patient]))
    print(of.product.key, worst)
    return worst


def supported(of: Ward) -> set[str]:
    """What runs in any of these patients."""
    return {event.target for patient in range(len(of.found.code)) for event in of.support(patient)}


@pytest.mark.parametrize("key", [CELLS, pytest.param(ENGAGER, marks=pytest.mark.long)])
def test_two_engines_agree_on_the_signs_of_those_in_shock(key: str) -> None:
    of = shocked(key)
    assert supported(of) == set(SUPPORT)
    assert max(far_in_signs(of).values()) < APART


@pytest.mark.long
@pytest.mark.parametrize("key", [CELLS, ENGAGER])
def test_two_engines_agree_on_the_signs_of_a_hundred_patients(key: str) -> None:
    of = shocked(key, 100, 11)
    assert supported(of) == set(SUPPORT)
    assert max(far_in_signs(of).values()) < APART


@pytest.mark.parametrize(
    ("without", "sign"),
    [("norepinephrine", "pressure"), ("epinephrine", "pressure"), ("vasopressin", "heart_rate"),
     ("oxygen_benefit", "saturation")],
)  # fmt: skip
def test_signs_are_far_apart_where_a_support_is_left_out(without: str, sign: str) -> None:
    found = far_in_signs(shocked(CELLS), lambda support: [one for one in support if one.target != without])
    assert found[sign] > 100 * APART
    assert found["desaturation"] < APART


def test_signs_are_far_apart_where_support_acts_an_hour_later() -> None:
    found = far_in_signs(shocked(CELLS), lambda support: [replace(one, time=one.time + 1) for one in support])
    assert min(found[name] for name in ("pressure", "heart_rate", "saturation")) > 100 * APART


def test_signs_are_far_apart_where_the_model_has_no_pressors(monkeypatch: pytest.MonkeyPatch) -> None:
    of, whole = shocked(CELLS), signs.pressure
    monkeypatch.setattr(signs, "pressure", lambda y, p, m, *_: whole(y, p, m, 0, 0, 0))
    found = far_in_signs(of)
    assert min(found["pressure"], found["heart_rate"]) > 100 * APART


def test_support_is_in_the_events_of_the_model() -> None:
    of = shocked(CELLS)
    (patient,) = of.sickest(1)
    events = [*of.events(patient), *of.support(patient)]
    loaded = engine(to_sbml(of.product.mechanism, of.one(patient), events))
    # just before the hour, at which an engine may read before or after what is done
    times = np.array([0.0, *(np.arange(1.0, of.hours) - 1e-6)])
    theirs = by_roadrunner(loaded, {name: name for name in solve.SIGNS}, times)
    assert {event.target for event in events} >= {"Fluid", "norepinephrine", "oxygen_benefit"}
    assert max(off(theirs[name], of.found.hourly[name][:, patient]) for name in solve.SIGNS) < APART


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
    assert 'MAP0 is "mean arterial pressure at rest [mmHg]"' in text
    assert 'vasopressin is "dose that runs [U/min]"' in text
    assert "max(0, MAP0 - pressure)" in text
    # what only the ward uses is left out
    assert not {"tocilizumab_grade", "low_pressure", "norepinephrine_step"} & set(text.split())


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
