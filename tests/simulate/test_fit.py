"""The fit: it reads its files, moves only what is ours, knows its distance, and finds what it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.simulate import acceptance, fit, fit_figure, summaries
from cytowatch.simulate.fit import SPREAD, Aim, Prior
from cytowatch.simulate.population import parameters
from cytowatch.simulate.products import product

# fits, and whose patients they are of
PRODUCTS = {
    "cd22-car-t": "cd22-car-t", "cd19-car-t": "cd19-car-t", "cd19-car-t-neurotoxicity": "cd19-car-t",
    "mosunetuzumab": "mosunetuzumab",
}  # fmt: skip
KEYS = list(PRODUCTS)


@pytest.mark.parametrize("key", KEYS)
def test_priors_move_only_what_is_ours(key: str) -> None:
    given = product(PRODUCTS[key])
    known, all_ = fit.priors(given, key), parameters(given.mechanism)
    assert known
    assert all(all_[one.name.removeprefix(SPREAD)].evidence == "house" for one in known)
    assert all(one.center > 0 and one.ln_spread > 0 and one.why for one in known)


def test_a_published_parameter_is_not_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"center": 1.0, "ln_spread": 0.1, "why": "no"}
    for name, message in (("k_TNF", "not fitted"), ("nothing", "no parameter"), (SPREAD + "p_IL6", "no parameter")):
        monkeypatch.setattr(fit.tomli, "loads", lambda _, name=name: {"cd22-car-t": {name: row}})
        with pytest.raises(KnowledgeError, match=message):
            fit.priors(product("cd22-car-t"))


@pytest.mark.parametrize("key", KEYS)
def test_the_record_lies_within_the_priors_and_stands_in_the_tables(key: str) -> None:
    record, given = fit.fitted(key), product(PRODUCTS[key])
    known, all_ = {one.name: one for one in fit.priors(given, key)}, parameters(given.mechanism)
    assert set(record["parameter"]) == set(known)
    for name, row in record["parameter"].items():
        prior = known[name]
        assert abs(np.log(row["value"] / prior.center)) <= fit.SUPPORT * prior.ln_spread + 0.01
        assert 0 < row["ln_spread"] <= 1.5 * prior.ln_spread
        table = all_[name.removeprefix(SPREAD)]
        plain = name.removeprefix(SPREAD)
        stands = given.values.get(name, table.value)
        if name.startswith(SPREAD):
            stands = given.spreads.get(plain, table.spread)
        assert stands == row["value"]
    # the targets, their errors and what was reached make the distance that is stated
    aims = {name: Aim(row["target"], row["error"]) for name, row in record["summary"].items()}
    reached = {name: row["reached"] for name, row in record["summary"].items()}
    assert fit.distance(reached, aims) == pytest.approx(record["fit"]["distance"], abs=0.05)


def test_the_distance_of_equal_summaries_is_0() -> None:
    aims = {"a": Aim(1.0, 0.5), "b": Aim(-2.0, 0.1)}
    assert fit.distance({"a": 1.0, "b": -2.0}, aims) == 0
    assert fit.distance({"a": 1.5, "b": -2.0}, aims) == pytest.approx(np.sqrt(0.5))
    assert fit.distance({"a": 2.0, "b": float("nan")}, aims) == pytest.approx(2)
    assert fit.distance({"a": float("nan"), "b": float("nan")}, aims) == float("inf")


def test_the_smoother_finds_the_posterior_of_a_linear_model() -> None:
    known = [Prior("a", 1.0, 1.0, "test"), Prior("b", 1.0, 1.0, "test")]

    def simulate(members: Sequence[Mapping[str, float]], _: int) -> list[dict[str, float]]:
        return [{"sum": float(np.log(one["a"]) + np.log(one["b"]))} for one in members]

    found = fit.smooth(known, {"sum": Aim(2.0, 0.5)}, simulate, members=2000, steps=4, seed=3, closing=0)
    # by hand: prior variance of the sum 2, so its posterior mean is 2 * 2 / (2 + 0.25), half of it each
    assert np.log([found.center["a"], found.center["b"]]) == pytest.approx([0.889, 0.889], abs=0.08)
    # and the variance of each 1 - 1 / 2.25
    assert found.ln_spread["a"] == pytest.approx(np.sqrt(1 - 1 / 2.25), abs=0.05)
    assert found.evaluations == 8001
    again = fit.smooth(known, {"sum": Aim(2.0, 0.5)}, simulate, members=2000, steps=4, seed=3, closing=0)
    assert again == found
    closed = fit.smooth(known, {"sum": Aim(2.0, 0.5)}, simulate, members=2000, steps=4, seed=3)
    assert abs(np.log(closed.center["a"] * closed.center["b"]) - 2) < abs(
        np.log(found.center["a"] * found.center["b"]) - 2
    )


def _cohort(size: int = 40, days: int = summaries.DAYS, **others: Any) -> summaries.Cohort:
    stream = np.random.default_rng(1)
    daily = {name: np.exp(stream.normal(2, 1, (size, days))) for name in summaries.CYTOKINES}
    weekly = {name: np.full((size, 5), 7.0) for name in ("CRP", "Ferritin", "cells")}
    alone = (
        "onset", "burden", "tocilizumab", "steroids", "anakinra", "days_in_reaction", "cells_peak_day",
        "most_norepinephrine", "tocilizumab_doses", "icans", "icans_onset", "days_with_icans",
    )  # fmt: skip
    return summaries.Cohort(**{
        "grade": np.arange(size) % 5.0, **dict.fromkeys(alone, np.ones(size)), **daily, **weekly, **others
    })  # fmt: skip


def test_summaries_are_those_that_can_be_counted() -> None:
    cohort = _cohort()
    found = summaries.summaries(cohort)
    assert [found[f"grade {grade}, share"] for grade in range(5)] == [0.2] * 5
    assert found["CRP on day 14, ln median"] == pytest.approx(np.log(7))
    assert found["IL-6 peak, ln SD"] == pytest.approx(np.std(np.log(cohort.IL6.max(axis=1))))
    again = summaries.errors(cohort, 1, draws=20)
    np.testing.assert_equal(again, summaries.errors(cohort, 1, draws=20))
    assert again["CRP on day 14, ln median"] == pytest.approx(0, abs=1e-9)
    backward = summaries.summaries(cohort.take(np.arange(40)[::-1]))
    assert backward["IL-6 peak, ln SD"] == pytest.approx(found["IL-6 peak, ln SD"])


def test_peaks_are_cut_at_the_ceiling_of_the_assay() -> None:
    cohort = _cohort()
    cohort.IL6[3, 5] = 1e5
    assert cohort.peak("IL6")[3] == summaries.CEILING["IL6"]
    assert cohort.peak_day("IL6")[3] == 5


def test_the_fall_is_the_slope_after_the_peak() -> None:
    days = np.arange(summaries.DAYS)
    course = np.where(days < 10, 1.0, 1000 * np.exp(-0.7 * (days - 10.0)))
    assert summaries.fall(_cohort(IL6=np.tile(course, (40, 1)))) == pytest.approx(-0.7)
    # of low peaks nothing is told
    assert np.isnan(summaries.fall(_cohort(IL6=np.tile(course / 100, (40, 1)))))


@pytest.mark.parametrize(
    ("score", "true", "wanted"),
    [([1, 2, 3, 4], [0, 0, 1, 1], 1.0), ([1, 1, 1, 1], [0, 1, 0, 1], 0.5), ([4, 3, 2, 1], [0, 0, 1, 1], 0.0)],
)
def test_auroc(score: list[float], true: list[int], wanted: float) -> None:
    assert summaries.auroc(np.array(score, dtype=float), np.array(true, dtype=bool)) == wanted
    assert np.isnan(summaries.auroc(np.array(score, dtype=float), np.zeros(4, dtype=bool)))


def test_targets_of_the_assembled_mechanism_are_written() -> None:
    assert [len(acceptance.targets(number)) for number in ("6", "7", "8", "9", "11b", "12")] == [5, 6, 4, 3, 1, 2]


@pytest.mark.parametrize("key", KEYS)
def test_every_summary_is_drawn_once_as_asked_and_once_as_reached(key: str) -> None:
    rows = fit_figure.rows(key)
    names = list(fit.fitted(key)["summary"])
    for whose in (fit_figure.ASKED, fit_figure.REACHED):
        assert [row["summary"] for row in rows if row["of"] == whose] == names
    assert "hconcat" in fit_figure.chart(key, key).to_dict()


@pytest.mark.long
def test_a_small_calibration_runs_and_is_the_same_again() -> None:
    given = product("cd19-car-t")
    aims, _ = fit.stated(given.key)
    known = fit.priors(given)
    results = [
        fit.smooth(known, aims, fit.simulator(given, 32, 256), members=8, steps=1, seed=1, closing=1) for _ in range(2)
    ]
    assert results[0] == results[1]
    assert all(np.isfinite(value) and value > 0 for value in results[0].center.values())
    assert results[0].evaluations == 10
