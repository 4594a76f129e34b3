"""The published models: their numbers are reached, nothing happens without a stimulus, mass is kept, tables whole."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import pytest

from cytowatch.errors import ArgumentError, KnowledgeError
from cytowatch.simulate import (
    acceptance,
    crp,
    dobreva,
    drugs,
    figures,
    hosseini,
    mueller_schoell,
    stein,
    tue,
    windoloski,
)
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism
from cytowatch.simulate.published import PUBLISHED
from cytowatch.simulate.reference import solve
from cytowatch.simulate.tables import FOLDER, table

# ferritin is ours, and held to the same
MODELS: list[tuple[Mechanism, tuple[str, ...]]] = [*PUBLISHED, (crp.FERRITIN, ())]
KEYS = [model.key for model, _ in MODELS]
# a stimulus given by a parameter, which must be taken away first
QUIET: dict[str, dict[str, float]] = {"dobreva-2021": {"dose": 0.0}, "windoloski-2024": {"dose": 0.0}}
# what moves by itself: a tumor grows, resting monocytes fill up, a clock runs
MOVING = {
    "hosseini-2020": {"Btu"},
    "dobreva-2021": {"MR"},
    "windoloski-2024": {"MR"},
    "tue-2024": {"clock"},
    "hardiansyah-2019": {"B"},
}
SLOW = {"2", "6", "7", "8", "9", "11b", "12"}
SLOW_FIGURES = {"hardiansyah-2019", "hosseini-2020"}


class Reads(Mapping[str, float]):
    """Values that note which of them are read."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values_of, self.read = values, set[str]()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return self.values_of[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)


def rates_at(model: Mechanism, state: Mapping[str, float], p: Mapping[str, float]) -> dict[str, Any]:
    return model.rates(Named(state), Named(p), cast(Maths, np))


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=pytest.mark.long) if n in SLOW else n for n in acceptance.GROUPS]
)
def test_published_numbers_are_reached(number: str) -> None:
    missed = [row for row in acceptance.rows_of(number, acceptance.GROUPS[number]) if not row.passes]
    assert missed == []


def test_the_first_regimen_of_mosunetuzumab() -> None:
    p = table("hosseini-2020").values("fitted")
    found = solve(hosseini.MODEL, p, np.linspace(0, 0.15, 31), hosseini.doses((20.0,), (0.0,), 70), tolerance=1e-5)
    assert hosseini.plasma_il6(found, p).max() == pytest.approx(570, rel=0.02)
    assert len(found) == 30


@pytest.mark.parametrize(("model", "beside"), MODELS, ids=KEYS)
def test_tables_hold_what_is_used_and_nothing_else(model: Mechanism, beside: tuple[str, ...]) -> None:
    of = table(model.table)
    p = Reads(of.values())
    state = model.start(p)
    rates_at(model, {name: value + 1.0 for name, value in state.items()}, p)
    assert set(of.parameters) - p.read == set(beside)
    assert all(one.unit and one.meaning and one.locator for one in of.parameters.values())


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_every_table_is_read(file: Any) -> None:
    of = table(file.stem)
    assert of.citation
    assert of.note
    assert of.parameters


@pytest.mark.parametrize(("model", "beside"), MODELS, ids=KEYS)
def test_every_state_has_its_rate(model: Mechanism, beside: tuple[str, ...]) -> None:
    del beside
    for named in (None, *table(model.table).sets):
        p = table(model.table).values(named)
        state = model.start(p)
        found = rates_at(model, state, p)
        assert set(found) == set(state)
        assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("key", [key for key in KEYS if key != "mueller-schoell-2021"])
def test_without_a_stimulus_nothing_happens(key: str) -> None:
    model = next(model for model, _ in MODELS if model.key == key)
    p = table(model.table).values(**QUIET.get(key, {}))
    until = 200.0 if table(model.table).time_unit == "h" else 200.0 / 24
    found = solve(model, p, np.linspace(0, until, 21), tolerance=1e-6)
    for name, course in found.items():
        if name not in MOVING.get(key, set()):
            assert np.allclose(course, course[0], rtol=1e-4, atol=1e-6), name


def test_without_a_tumor_car_t_cells_only_wane() -> None:
    p = table("mueller-schoell-2021").values(T0=0.0)
    found = solve(mueller_schoell.MODEL, p, np.linspace(0, 60, 61))
    cells = np.sum([found[name] for name in mueller_schoell.CELLS], axis=0)
    assert (np.diff(cells) < 0).all()
    assert (found["T"] == 0).all()


def test_a_low_expander_expands_less_and_a_transplant_helps() -> None:
    def greatest(**others: float) -> float:
        found = solve(mueller_schoell.MODEL, table("mueller-schoell-2021").values(**others), np.linspace(0, 40, 81))
        return float(np.sum([found[name] for name in mueller_schoell.CELLS], axis=0).max())

    usual = greatest()
    assert greatest(low=1) < usual < greatest(asct=1)
    assert greatest(ratio=2) < usual
    assert greatest(low=1, ratio=2) == pytest.approx(greatest(low=1))


def test_volumes_of_blood_are_kept() -> None:
    found = solve(dobreva.MODEL, table("dobreva-2021").values(), np.linspace(0, 12, 25), tolerance=1e-8)
    whole = np.sum([found[name] for name in ("Vla", "Vsa", "Vlv", "Vsv")], axis=0)
    assert np.allclose(whole, whole[0], rtol=1e-7)


def test_t_cells_are_kept_but_for_birth_and_death() -> None:
    p = table("hosseini-2020").values(kTgen=0, kTaapop=0, kTprolif=0)
    found = solve(hosseini.MODEL, p, [0, 0.2, 0.5, 1], hosseini.doses((20.0,), (0.0,), 70), tolerance=1e-8)
    whole = np.sum([found[f"{kind}{place}"] for kind in "RAZ" for place in hosseini.PLACES], axis=0)
    assert np.allclose(whole, whole[0], rtol=1e-6)
    assert found["Apb"][-1] > 0


@pytest.mark.parametrize(
    ("model", "place", "out"),
    [(drugs.DEXAMETHASONE, "muscle", {"CL": 0.0}), (drugs.FREY, "A1", {"CL": 0.0, "Vmax": 0.0})],
    ids=["dexamethasone", "tocilizumab"],
)
def test_what_is_not_eliminated_stays(model: Mechanism, place: str, out: dict[str, float]) -> None:
    found = solve(model, table(model.table).values(**out), [0, 1, 5, 20], [Event(0.0, place, 10.0)])
    assert np.allclose(np.sum([course[1:] for course in found.values()], axis=0), 10.0)


def test_treatments_change_what_they_should() -> None:
    p, times = table("dobreva-2021").values(), np.linspace(0, 12, 241)
    usual = solve(dobreva.MODEL, p, times, tolerance=1e-6)
    cool = solve(dobreva.MODEL, dobreva.treated(p, "antipyretic"), times, tolerance=1e-6)
    assert cool["Temp"].max() < usual["Temp"].max() - 1
    assert np.allclose(cool["IL6"], usual["IL6"], rtol=1e-3)
    held = dobreva.treated(p, "vasopressor")
    pressed = solve(dobreva.MODEL, held, times, tolerance=1e-6)
    assert dobreva.pressure(pressed, held).min() > dobreva.pressure(usual, p).min() + 3
    cleared = solve(dobreva.MODEL, dobreva.treated(p, "adsorption"), times, tolerance=1e-6)
    assert cleared["IL6"].max() < usual["IL6"].max()


def test_the_rule_of_the_heart_rate_passes_from_one_side_to_the_other() -> None:
    p = table("dobreva-2021").values()

    def goal(pressure: float) -> float:
        state = {"Vla": pressure * p["Cla"], "Temp": p["Tm"] + 1}
        return float(dobreva.heart_rate(Named(state), Named(p), cast(Maths, np)))

    far, half = abs(100 - p["BP0"]) ** 4, abs(p["xhp"] - p["BP0"]) ** 4
    warm = 1 / (1 + abs(p["xhT"] - p["Tm"]) ** 2)
    above, below = (p["Hm"] + p["kh"] * (p["HM"] - p["Hm"]) * warm * part / (far + half) for part in (half, far))
    assert goal(100) == pytest.approx((above + below) / 2)
    assert goal(102) == pytest.approx(above, abs=1.5)
    assert goal(98) == pytest.approx(below, abs=1.5)


def test_the_delay_of_nitric_oxide_is_nearly_one() -> None:
    p, times = table("dobreva-2021").values(), np.linspace(0, 8, 801)
    found = solve(dobreva.MODEL, p, times, tolerance=1e-7)
    now = dobreva.drive_of_no(found["TNF"], found["IL10"], Named(p))
    late = dobreva.delayed(Named(found), Named(p))[1]
    assert np.abs(late - np.interp(times - p["lag"], times, now)).max() < 0.03 < 0.1 * np.abs(now).max()


@pytest.mark.parametrize(("model", "beside"), MODELS, ids=KEYS)
def test_one_text_of_equations_serves_numpy_jax_and_sympy(model: Mechanism, beside: tuple[str, ...]) -> None:
    del beside
    import jax.numpy as jnp
    import sympy

    p = table(model.table).values()
    state = {name: value * 1.1 + 0.5 for name, value in model.start(p).items()}
    ours = rates_at(model, state, p)
    with_jax = model.rates(
        Named({name: jnp.float32(value) for name, value in state.items()}), Named(p), cast(Maths, jnp)
    )
    symbols = {name: sympy.Symbol(name, positive=True) for name in state}
    maths = type("Symbols", (), {"exp": sympy.exp, "log": sympy.log, "maximum": sympy.Max})
    in_symbols = model.rates(Named(symbols), Named(p), cast(Maths, maths))
    numbers = {symbols[name]: value for name, value in state.items()}
    for name, rate in ours.items():
        # rates are differences of amounts: they round as the amounts do
        exact = float(sympy.sympify(in_symbols[name]).subs(numbers))
        assert exact == pytest.approx(float(rate), rel=1e-6, abs=1e-9 + 1e-12 * abs(state[name])), name
        scale = max(abs(float(rate)), 1e-3 * abs(state[name]), 1e-3)
        assert float(with_jax[name]) == pytest.approx(float(rate), abs=1e-2 * scale), name


@pytest.mark.parametrize("key", [key for key in figures.FIGURES if key not in SLOW_FIGURES])
def test_every_figure_shows_ours_beside_theirs(key: str) -> None:
    figure = figures.FIGURES[key]()
    assert all(course.level is not None or course.points is not None for course in figure.courses)
    spec = figures.chart(figure).to_dict()
    assert [panel["title"] for panel in spec["concat"]] == [course.panel for course in figure.courses]
    for panel, course in zip(spec["concat"], figure.courses, strict=True):
        drawn = {layer["mark"]["type"]: layer for layer in panel["layer"] if layer["data"]["values"]}
        wanted = {"line"} | ({"point"} if course.points is not None else set())
        assert set(drawn) == wanted | ({"rule", "text"} if course.level is not None else set())
        assert drawn["line"]["encoding"]["y"]["title"] == course.unit != ""
    assert ("diamonds" in figures.key_to(figure)) == any(course.points is not None for course in figure.courses)


def test_a_peak_is_told_with_its_digits() -> None:
    assert [figures.told(value) for value in (24000.0, 915.3, 49.31, 0.5)] == ["24,000", "915", "49.3", "0.5"]


def test_both_readings_of_the_spread_of_tisagenlecleucel() -> None:
    percentiles = {reading: 9.3 * np.exp(1.645 * stein.ln_sd("Tmax", reading)) for reading in ("sd", "variance")}
    assert percentiles == pytest.approx({"sd": 17.4, "variance": 25.6}, abs=0.1)
    with pytest.raises(ArgumentError, match="No spread"):
        stein.ln_sd("resid")


def test_car_t_cells_in_closed_form() -> None:
    p = table("stein-2019").values()
    assert stein.course(p, 0) == pytest.approx(p["Cmax"] / p["foldx"])
    assert stein.course(p, p["Tmax"]) == pytest.approx(p["Cmax"])
    p = table("ogasawara-2021").values()
    days = np.array([0, p["lag"], p["lag"] + p["doubling"], p["Tmax"], p["Tmax"] + p["initial"]])
    share = stein.growth_of_liso_cel(p, days)
    assert share[0] == share[1]
    assert share[2] == pytest.approx(2 * share[1])
    assert share[3:] == pytest.approx([1, 0.5])


def test_blinatumomab_as_an_infusion() -> None:
    p = table("hosseini-2020").values("blinatumomab")
    found = solve(hosseini.MODEL, p, np.linspace(0, 0.3, 31), hosseini.infusion([(0.0, 60.0)]), tolerance=1e-5)
    level = 1000 * found["c"][-1] / p["Vc"]
    assert level == pytest.approx(1000 * 60 / p["Cl"], rel=0.02)
    assert 100 < hosseini.plasma_il6(found, p).max() < 2000


def test_endotoxin_over_four_hours_peaks_later() -> None:
    times, peaks = np.linspace(0, 12, 241), {}
    for named in ("bolus", "infusion"):
        p = table("windoloski-2024").values(named)
        events = windoloski.endotoxin(p) if named == "infusion" else []
        found = solve(windoloski.MODEL, p, times, events, tolerance=1e-6)
        peaks[named] = {name: times[found[name].argmax()] for name in ("TNF", "IL6", "IL8", "IL10")}
    assert all(peaks["infusion"][name] > peaks["bolus"][name] for name in peaks["bolus"])


def test_eindhoven_over_three_hours() -> None:
    p = table("tue-2024").values()
    found = solve(tue.MODEL, p, np.linspace(0, 8, 161), tue.infusion(p, 1.0, p["flow"], 3.0), tolerance=1e-6)
    assert found["IL6"].max() == pytest.approx(1230, rel=0.01)
    assert found["IL10"].max() == pytest.approx(306, rel=0.01)
    assert found["Temp"].max() == pytest.approx(39.2, abs=0.1)


def test_tocilizumab_goes_twice_as_fast_in_intensive_care() -> None:
    dose, times = drugs.tocilizumab_dose(70, table("tocilizumab-frey-2010").values()), np.linspace(0, 28, 281)
    assert dose == 560
    assert drugs.tocilizumab_dose(120, table("tocilizumab-frey-2010").values()) == 800
    areas = {}
    for model, level in ((drugs.FREY, drugs.frey_level), (drugs.MOES, drugs.moes_level)):
        p = table(model.table).values()
        found = level(solve(model, p, times, [Event(0.0, "A1", dose)]), p)
        assert (np.diff(found[1:]) < 1e-9).all()
        areas[model.key] = np.trapezoid(found, times)
    assert areas["tocilizumab-frey-2010"] > 1.5 * areas["tocilizumab-moes-2022"]
    p = table("tocilizumab-frey-2010").values(BSA=2.2, female=1)
    heavier = drugs.frey_level(solve(drugs.FREY, p, times, [Event(0.0, "A1", dose)]), p)
    assert heavier[1] == pytest.approx(dose / p["V1"], rel=0.1)


def test_methylprednisolone_halves_interleukin_6() -> None:
    p, times = table("methylprednisolone-hornik-2019").values(), np.linspace(0, 48, 241)
    alone = solve(drugs.HORNIK, p, times, [Event(0.0, "stimulus", 1.0)])["IL6"]
    treated = solve(drugs.HORNIK, p, times, [Event(0.0, "stimulus", 1.0), Event(0.0, "prodrug", 80.0)])
    assert treated["IL6"].max() < 0.5 * alone.max()
    assert alone.max() > 20 * p["base"]
    assert drugs.hornik_level(treated, p)[60:62].max() < drugs.hornik_level(treated, p)[5]


def test_anakinra_under_the_skin() -> None:
    p, times = table("anakinra-urien-2013").values(), np.linspace(0, 48, 481)
    level = drugs.anakinra_level(solve(drugs.ANAKINRA, p, times, drugs.repeated("skin", 100.0, (0.0, 24.0))), p)
    assert 0.5 < level[:240].max() < 1.5
    assert level[240:].max() > level[:240].max()


def test_c_reactive_protein_keeps_what_the_block_leaves() -> None:
    p = table("crp-li-2018").values("RA", C=1e9)
    found = solve(crp.CRP, p, [0, 1000])["CRP"]
    assert found[0] == pytest.approx(7.81)
    assert found[1] == pytest.approx(7.81 * 0.03, rel=1e-3)


def test_ferritin_falls_as_the_medians_did() -> None:
    p = table("ferritin-house").values()
    found = solve(crp.FERRITIN, p, [0, 7, 14], [Event(0.0, "ferritin", 23729 - p["base"])])["ferritin"]
    assert found[1:] == pytest.approx([11629, 5640], rel=0.1)


def test_a_row_that_misses_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = acceptance.rows_of("5", acceptance.stein_kinetics)
    assert all(row.passes for row in rows)
    assert not any(row.passes for row in acceptance.rows_of("5", lambda: dict.fromkeys(acceptance.targets("5"), 99.0)))
    with pytest.raises(KnowledgeError, match="differ"):
        acceptance.rows_of("5", dict)
    monkeypatch.setattr(acceptance, "GROUPS", {"11": acceptance.crp_half_life})
    assert [row.number for row in acceptance.rows()] == ["11"]
