"""Steroids in the strength of dexamethasone and drugs that meet, on the way of a user: rows in, graded, looked at."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch as cw
from cytowatch.cli import run
from cytowatch.schema import INTERACTIONS, STEROIDS

BLANK: dict[str, Any] = {"until_hours": None, "value": None, "unit": None, "text": None}
CELLS = {"hours": 0.0, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"}


# every patient of this page, graded once: id to rows, and to the weight in the table of patients
WARD: dict[str, tuple[dict[str, Any], ...]] = {}
WEIGHTS: dict[str, float] = {}


def case(*rows: dict[str, Any], weight: float | None = None) -> str:
    """Put a patient into the ward, and give back the id."""
    name = f"p{len(WARD):03}"
    WARD[name] = rows
    if weight is not None:
        WEIGHTS[name] = weight
    return name


def table(ward: dict[str, tuple[dict[str, Any], ...]]) -> pl.DataFrame:
    """The rows of a ward."""
    rows = [{"patient": name, **BLANK, **row} for name, own in ward.items() for row in own]
    return pl.DataFrame(rows, infer_schema_length=None)


def dose(hours: float, drug: str, amount: str | None = None, unit: str | None = "mg") -> dict[str, Any]:
    """One dose; without an amount it was given all the same."""
    return {"hours": hours, "concept": drug, "value": amount, "unit": unit if amount else None}


@cache
def graded() -> cw.Result:
    """The whole ward, graded."""
    people = pl.DataFrame({"patient": list(WARD), "weight_kg": [WEIGHTS.get(name) for name in WARD]})
    return cw.grade(table(WARD), people, ["crs.astct-2019"])


@cache
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Its steroids and its interactions."""
    return cw.steroids(graded()), cw.interactions(graded())


def days(patient: str) -> list[dict[str, Any]]:
    """The rows of steroids of one patient."""
    return tables()[0].filter(pl.col("patient") == patient).to_dicts()


def spans(found: pl.DataFrame, state: str) -> dict[str, tuple[float, float]]:
    """Interactions of this state with their first start and last end, in hours."""
    own = found.filter(pl.col("state") == state)
    ends = own.group_by("interaction").agg(pl.col("start").min(), pl.col("end").max())
    return {name: (start, end) for name, start, end in ends.iter_rows()}


def meets(patient: str, state: str = "found") -> dict[str, tuple[float, float]]:
    """The same of one patient."""
    return spans(tables()[1].filter(pl.col("patient") == patient), state)


# drug, amount, unit, mg of dexamethasone at least and at most; worked out by hand
STRENGTHS = [
    (case(CELLS, dose(5, drug, amount, unit), weight=50.0), drug, low, high)
    for drug, amount, unit, low, high in (
        ("dexamethasone", "10", "mg", 10.0, 10.0),
        ("dexamethasone", "0.2", "mg/kg", 10.0, 10.0),
        ("methylprednisolone", "500", "mg", 93.75, 100.0),
        ("methylprednisolone", "2", "mg/kg", 18.75, 20.0),
        ("prednisone", "100", "mg", 15.0, 15.0),
        ("hydrocortisone", "200", "mg", 7.5, 7.5),
    )
]


@pytest.mark.parametrize(("patient", "drug", "low", "high"), STRENGTHS)
def test_the_strength_of_a_dose(patient: str, drug: str, low: float, high: float) -> None:
    (row,) = days(patient)
    assert (row["at_least"], row["at_most"]) == pytest.approx((low, high))
    assert row["basis"] == ("house" if drug == "dexamethasone" else "recalled")
    assert list(row) == STEROIDS.names


BY_WEIGHT = case(CELLS, dose(5, "methylprednisolone", "1", "mg/kg"), weight=50.0)


def test_the_arithmetic_is_shown() -> None:
    (row,) = days(BY_WEIGHT)
    said = "Methylprednisolone 1 mg/kg × 50 kg = 50 mg; × 10 / 53.33 to 10 / 50 = 9.38 to 10 mg of dexamethasone"
    assert row["arithmetic"] == [said]


# doses, and the days of 10 mg or more, at least and at most, at the last of them
BORDERS = [
    (case(CELLS, *(dose(hours, "dexamethasone", amount) for hours, amount in given)), low, high)
    for given, low, high in (
        ([(0, "10")], 1, 1),
        ([(0, "9.99")], 0, 0),
        ([(1, "3.3"), (2, "6.7")], 1, 1),
        ([(23.99, "10"), (24, "10")], 2, 2),
        ([(0, "6"), (24, "6")], 0, 0),
        ([(527.99, "10")], 1, 1),
        ([(528, "10")], 0, 0),
        ([(5, None)], 0, 1),
        ([(5, None), (6, "10")], 1, 1),
        ([(5, "9999")], 0, 1),
        ([(5, "0")], None, None),
    )
]


@pytest.mark.parametrize(("patient", "low", "high"), BORDERS)
def test_days_of_ten_milligrams(patient: str, low: int | None, high: int | None) -> None:
    rows = days(patient)
    assert [(row["days_at_least"], row["days_at_most"]) for row in rows[-1:]] == ([] if low is None else [(low, high)])


def stay(certain: int, open_: int) -> str:
    """So many days of 10 mg, and after them so many of an amount that nobody charted."""
    sure = [dose(24.0 * day, "dexamethasone", "10") for day in range(certain)]
    return case(CELLS, *sure, *(dose(24.0 * day, "dexamethasone") for day in range(certain, certain + open_)))


STAYS = [
    (stay(certain, open_), certain, open_, state)
    for certain, open_, state in (
        (9, 0, "reached"),
        (8, 0, "not_reached"),
        (8, 1, "possible"),
        (0, 9, "possible"),
        (7, 1, "not_reached"),
    )
]


@pytest.mark.parametrize(("patient", "certain", "open_", "state"), STAYS)
def test_nine_days_are_reached_for_certain_or_perhaps(patient: str, certain: int, open_: int, state: str) -> None:
    last = days(patient)[-1]
    assert (last["state"], last["days_at_least"], last["days_at_most"]) == (state, certain, certain + open_)
    assert last["total_at_least"] == 10.0 * certain
    assert (last["total_at_most"] is None) == (open_ > 0)


UNREAD = case(CELLS, dose(5, "prednisone"), dose(30, "dexamethasone", "9999"))


def test_an_unread_amount_is_a_range_and_never_nothing() -> None:
    given, doubt = days(UNREAD)
    assert (given["at_least"], given["at_most"], given["notes"]) == (0.0, None, ["amount_not_known"])
    assert (given["steroid_days_at_least"], given["steroid_days_at_most"]) == (1, 1)
    assert (doubt["at_least"], doubt["at_most"], doubt["notes"]) == (0.0, None, ["dose_in_doubt"])
    assert (doubt["steroid_days_at_least"], doubt["steroid_days_at_most"]) == (1, 2)


NO_MG = case(CELLS, dose(5, "dexamethasone", "0.2", "mg/kg"), dose(30, "dexamethasone", "6", "mg/m2"))


def test_a_dose_that_cannot_be_made_mg_is_open_above() -> None:
    by_weight, by_surface = days(NO_MG)
    assert (by_weight["at_most"], by_weight["notes"]) == (None, ["no_weight"])
    assert (by_surface["at_most"], by_surface["notes"]) == (None, ["no_body_surface"])


WEIGHED = case(
    CELLS,
    {"hours": 0.0, "concept": "weight", "value": "50", "unit": "kg"},
    dose(167, "dexamethasone", "0.2", "mg/kg"),
    dose(168, "dexamethasone", "0.2", "mg/kg"),
)


def test_a_weight_lasts_seven_days() -> None:
    fresh, old = days(WEIGHED)
    assert (fresh["at_most"], old["at_most"]) == (10.0, None)


BOUNDS = case(CELLS, dose(5, "dexamethasone", ">10"), dose(30, "dexamethasone", "<10"))


def test_a_comparator_is_a_bound() -> None:
    above, below = days(BOUNDS)
    assert (above["at_least"], above["at_most"]) == (10.0, None)
    assert (below["at_least"], below["at_most"]) == (0.0, 10.0)


NO_EXPOSURE = case(dose(5, "dexamethasone", "10"), dose(30, "dexamethasone", "10"))


def test_without_an_exposure_no_day_is_counted() -> None:
    (row,) = days(NO_EXPOSURE)
    assert (row["day"], row["count"], row["state"], row["days_at_least"]) == (None, None, None, None)
    assert (row["at_least"], row["notes"]) == (20.0, ["no_exposure"])


BEFORE = case(CELLS, dose(-5, "dexamethasone", "20"), dose(5, "dexamethasone", "10"))


def test_doses_before_the_exposure_are_told_and_not_counted() -> None:
    before, after = days(BEFORE)
    assert (before["day"], before["notes"]) == (None, ["before_exposure"])
    assert (after["total_at_least"], after["days_at_least"]) == (10.0, 1)


TWICE = case(CELLS, {**CELLS, "hours": 240.0}, dose(230, "dexamethasone", "10"), dose(250, "dexamethasone", "10"))


def test_each_of_two_exposures_has_its_clock() -> None:
    rows = days(TWICE)
    told = [(row["exposure_time"], row["day"], row["days_at_least"]) for row in rows]
    assert told == [(0.0, 9, 1), (0.0, 10, 2), (240.0, 0, 1)]


ENGAGER = case({"hours": 0.0, "concept": "t_cell_engager_dose", "text": "teclistamab"}, dose(5, "dexamethasone", "10"))


def test_after_an_engager_nothing_is_counted_that_was_read_for_cells() -> None:
    (row,) = days(ENGAGER)
    assert (row["day"], row["count"], row["state"], row["total_at_least"]) == (0, None, None, 10.0)


RUXOLITINIB = case(CELLS, dose(60, "ruxolitinib", "10"))


def test_what_the_source_does_not_record_stays_open() -> None:
    rows = {"p": (CELLS, dose(49, "dexamethasone", "4"), dose(60, "ruxolitinib", "10"))}
    found = cw.grade(table(rows), not_recorded=["prednisone", "fluconazole"])
    (row,) = cw.steroids(found).to_dicts()
    assert (row["at_least"], row["at_most"], row["days_at_least"], row["days_at_most"]) == (4.0, None, 0, 3)
    assert row["notes"] == ["not_recorded"]
    meeting = cw.interactions(found)
    assert spans(meeting, "possible") == {"azole_ruxolitinib": (60.0, 108.0)}
    assert meeting["missing"].to_list() == [["fluconazole"]]
    assert meets(RUXOLITINIB, "possible") == {}


def test_what_comes_after_the_moment_asked_for_is_not_known() -> None:
    given = [dose(5, "dexamethasone", "10"), dose(6, "fluconazole", "200"), dose(30, "dexamethasone", "10")]
    rows = {"p": (CELLS, *given, dose(7, "ruxolitinib", "10"), dose(31, "anakinra", "100"))}
    found = cw.grade(table(rows), as_of=24)
    assert cw.steroids(found)["day"].to_list() == [0]
    assert spans(cw.interactions(found), "found") == {"azole_ruxolitinib": (7.0, 24.0)}


AZOLE = case(CELLS, dose(5, "fluconazole", "200"), dose(20, "ruxolitinib", "10"), dose(60, "dasatinib", "50"))


def test_drugs_meet_while_both_count() -> None:
    assert meets(AZOLE) == {"azole_ruxolitinib": (20.0, 53.0)}


# drugs with their hour, and the interactions that are found for certain and that are possible
MEETINGS = [
    (case(CELLS, *given), certain, possible)
    for given, certain, possible in (
        ([dose(5, "fluconazole", "200"), dose(53, "ruxolitinib", "10")], set(), set()),
        ([dose(5, "fluconazole", "200"), dose(52.9, "dasatinib", "50")], {"azole_dasatinib"}, set()),
        ([dose(5, "ondansetron", "8")], set(), set()),
        ([dose(5, "ondansetron", "8"), dose(6, "ondansetron", "8")], set(), set()),
        ([dose(5, "ondansetron", "8"), dose(6, "haloperidol")], {"long_qt_stack"}, set()),
        ([dose(5, "ondansetron", "8"), dose(6, "haloperidol", "9999")], set(), {"long_qt_stack"}),
        ([dose(5, "haloperidol", "0"), dose(6, "ondansetron", "8")], set(), set()),
        ([dose(5, "emapalumab", "70"), dose(600, "live_vaccine", "1", "{dose}")], {"live_vaccine"}, set()),
        ([dose(5, "infliximab", "300"), dose(50, "etanercept", "50")], set(), set()),
        ([dose(5, "sargramostim", "250", "ug")], {"gm_csf_after_cells"}, set()),
        (
            [dose(5, "tocilizumab", "560"), dose(50, "warfarin", "5")],
            {"tocilizumab_substrates"},
            {"tocilizumab_in_iec_hs"},
        ),
    )
]


@pytest.mark.parametrize(("patient", "certain", "possible"), MEETINGS)
def test_what_meets_what(patient: str, certain: set[str], possible: set[str]) -> None:
    assert set(meets(patient)) == certain
    assert set(meets(patient, "possible")) == possible


QT = case(CELLS, dose(5, "ondansetron", "8"), dose(6, "haloperidol", "1"))


def test_what_was_recalled_is_never_a_warning() -> None:
    found = tables()[1].filter(pl.col("patient") == QT)
    assert found["level"].to_list() == ["unverified"]
    assert found.columns == INTERACTIONS.names


CLEARANCE = {"concept": "creatinine_clearance", "unit": "mL/min"}
LOW = case(CELLS, dose(50, "anakinra", "100"), {**CLEARANCE, "hours": 51.0, "value": "25"})
NORMAL = case(CELLS, dose(50, "anakinra", "100"), {**CLEARANCE, "hours": 50.0, "value": "30"})


def test_a_drug_against_something_in_the_patient() -> None:
    assert meets(LOW) == {"anakinra_clearance": (51.0, 74.0)}
    assert meets(LOW, "possible") == {"anakinra_clearance": (50.0, 51.0)}
    assert meets(NORMAL) == meets(NORMAL, "possible") == {}


COVID = (
    {"hours": 1.0, "concept": "infection_onset", "text": "covid_19"},
    {"hours": 50.0, "concept": "neutrophils", "value": "0.1", "unit": "10*9/L"},
    dose(50, "tocilizumab", "560"),
)


@pytest.mark.parametrize(("patient", "said"), [(case(*COVID), True), (case(CELLS, *COVID), False)])
def test_stop_rules_for_covid_never_hold_after_cells(patient: str, said: bool) -> None:
    assert ("tocilizumab_in_covid" in {**meets(patient), **meets(patient, "possible")}) == said


def test_the_command_says_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (CELLS, dose(5, "prednisone", "100"), dose(6, "fluconazole", "200"), dose(7, "ruxolitinib", "10"))
    table({"p": rows}).write_csv(tmp_path / "ward.csv")
    assert run(["grade", str(tmp_path / "ward.csv"), "--out", str(tmp_path / "graded"), "--quiet"]) == 0
    assert run(["drugs", str(tmp_path / "graded"), "--patient", "p", "--out", str(tmp_path / "told")]) == 0
    said = capsys.readouterr().out
    for words in ("day 0: 15 mg", "not reached", "not verified: how strong", "WARNING  Azole and ruxolitinib"):
        assert words in said
    assert said.rstrip().endswith("does not prove that nothing meets.")
    assert pl.read_csv(tmp_path / "told" / "steroids.csv").columns == STEROIDS.names
    assert pl.read_csv(tmp_path / "told" / "interactions.csv").columns == INTERACTIONS.names
    assert run(["drugs", str(tmp_path / "graded"), "--patient", "nobody"]) == 4


NOTHING = case(CELLS, {"hours": 1.0, "concept": "body_temperature", "value": "39", "unit": "Cel"})


def test_without_drugs_there_is_no_row() -> None:
    assert days(NOTHING) == []
    assert meets(NOTHING) == meets(NOTHING, "possible") == {}
