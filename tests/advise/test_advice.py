"""What is advised, for worked patients on the way of a user: rows in, graded, advised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch as cw
from cytowatch.cli import run
from cytowatch.errors import ArgumentError, KnowledgeError
from cytowatch.knowledge import load
from cytowatch.knowledge.lint.advice import advice_rows, check_advice
from cytowatch.knowledge.lint.counted import counted

BLANK: dict[str, Any] = {"until_hours": None, "value": None, "unit": None, "text": None}
CELLS = {"hours": 0.0, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"}
FEVER = {"hours": 0.0, "until_hours": 60.0, "concept": "body_temperature", "value": "39", "unit": "Cel"}
SHOCK = {"hours": 2.0, "until_hours": 60.0, "concept": "norepinephrine", "value": "0.1", "unit": "ug/kg/min"}
LOW = {"hours": 2.0, "until_hours": 60.0, "concept": "systolic_bp", "value": "80", "unit": "mm[Hg]"}
NORMAL = {"hours": 0.0, "until_hours": 60.0, "concept": "systolic_bp", "value": "120", "unit": "mm[Hg]"}


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of one patient."""
    return pl.DataFrame([{"patient": "p", **BLANK, **row} for row in rows], infer_schema_length=None)


def advised(*rows: dict[str, Any], age: float | None = 50.0, weight: float | None = None, **more: Any) -> pl.DataFrame:
    """Advice for one patient by ASCO, or by those in ``guidelines``."""
    people = pl.DataFrame({"patient": ["p"], "age_years": [age], "weight_kg": [weight]})
    guidelines = more.pop("guidelines", ["asco-2021"])
    return cw.advise(cw.grade(table(*rows), people, **more), guidelines)


def at(found: pl.DataFrame, hours: float, **named: object) -> list[dict[str, Any]]:
    """The rows that hold so many hours in, with these values."""
    here = found.filter(pl.col("start") <= hours, pl.col("end") > hours)
    return here.filter(pl.col(name) == value for name, value in named.items()).to_dicts()


def dose(hours: float, **more: Any) -> dict[str, Any]:
    """A dose of tocilizumab."""
    return {"hours": hours, "concept": "tocilizumab", "value": "560", "unit": "mg", **more}


def weight(hours: float, value: str = "70", unit: str = "kg") -> dict[str, Any]:
    """A measured weight."""
    return {"hours": hours, "concept": "weight", "value": value, "unit": unit}


def test_the_label_speaks_of_its_own_product_only() -> None:
    rows = [FEVER, LOW, SHOCK, weight(0)]
    label = ["label-kymriah-2017"]
    assert at(advised({**CELLS, "text": "Kymriah"}, *rows, guidelines=label), 5, kind="advice", state="now")
    (row,) = at(advised(CELLS, *rows, guidelines=label), 5, guideline="label-kymriah-2017")
    assert (row["kind"], row["action"]) == ("silent", "It speaks of other products: Tisagenlecleucel.")


# ---------------------------------------------------------------- doses


def tocilizumab(*rows: dict[str, Any], hours: float = 30, **more: Any) -> dict[str, Any]:
    """What ASCO says of tocilizumab in a shock, so many hours in."""
    found = advised(CELLS, FEVER, LOW, SHOCK, *rows, **more)
    (row,) = at(found, hours, rule="crs-3-tocilizumab", state="now")
    return row


def test_without_a_weight_there_is_no_number() -> None:
    row = tocilizumab()
    assert row["dose"] is None
    assert row["arithmetic"] == ("12 mg/kg below 30 kg, 8 mg/kg from 30 kg, at most 800 mg; the weight is not known")


def test_a_weight_of_more_than_a_week_ago_is_not_used() -> None:
    assert tocilizumab(weight(-150), hours=3)["dose"] == 560.0
    row = tocilizumab(weight(-150), hours=30)
    assert row["dose"] is None
    assert row["arithmetic"].endswith("the last weight is more than 7 days old")


def test_a_weight_without_a_date_is_used_and_says_so() -> None:
    row = tocilizumab(weight=70.0)
    assert row["dose"] == 560.0
    assert "The weight is that of the patients table, which has no date." in row["cautions"]


def test_a_childs_weight_in_pounds() -> None:
    row = tocilizumab(weight(0, "55.0", "[lb_av]"))
    assert row["arithmetic"] == "12 mg/kg × 24.95 kg = 299.4 mg"
    assert row["dose"] == pytest.approx(299.4)


def test_the_cap() -> None:
    row = tocilizumab(weight(0, "120"))
    assert (row["dose"], row["arithmetic"]) == (800.0, "8 mg/kg × 120 kg = 960 mg, at most 800 mg")


def test_a_fifth_dose_is_never_advised() -> None:
    row = tocilizumab(weight(0), *(dose(hours) for hours in (3, 11, 19, 27)), hours=50)
    assert (row["dose"], row["blocked_by"], row["not_before"], row["level"]) == (None, "in_all", None, "limit")
    assert "4 of 4 given in all" in row["limits"]


def test_a_dose_too_early_says_from_when_on() -> None:
    row = tocilizumab(weight(0), dose(25))
    assert (row["dose"], row["blocked_by"], row["not_before"]) == (None, "interval", 33.0)
    assert tocilizumab(weight(0), dose(25), hours=33)["dose"] == 560.0


def test_a_dose_given_twice_in_the_record_is_one() -> None:
    assert "1 of 4 given in all" in tocilizumab(weight(0), dose(5), dose(5))["limits"]


def test_a_dose_that_could_not_be_read_counts_as_given() -> None:
    row = tocilizumab(weight(0), dose(25, value="one bag"))
    assert (row["dose"], row["blocked_by"]) == (None, "interval")


def test_where_doses_are_not_recorded_none_is_worked_out() -> None:
    row = tocilizumab(weight(0), not_recorded=["tocilizumab"])
    assert (row["dose"], row["blocked_by"]) == (None, "not_recorded")


@pytest.mark.parametrize(("illness", "words"), [("diverticulitis", "perforation"), ("hepatitis B", "reactivation")])
def test_cautions_of_the_patient(illness: str, words: str) -> None:
    said = {"hours": -10.0, "concept": "comorbidity", "text": illness}
    (told,) = (caution for caution in tocilizumab(said)["cautions"] if words in caution)
    (asked,) = (caution for caution in tocilizumab()["cautions"] if words in caution)
    assert asked == f"Not charted, ask: {told}"


# ---------------------------------------------------------------- what is not known


def test_a_grade_that_is_a_range_has_the_advice_of_both_ends() -> None:
    cannula = {"hours": 2.0, "until_hours": 30.0, "concept": "oxygen_device", "text": "nasal_cannula"}
    found = advised(CELLS, FEVER, NORMAL, cannula, weight(0))
    (lower,) = at(found, 5, rule="crs-2-tocilizumab", state="if_lower")
    (higher,) = at(found, 5, rule="crs-3-level-of-care", state="if_higher")
    assert (lower["grade"], higher["grade"]) == (2, 3)
    assert (lower["level"], higher["level"]) == ("note", "note")
    assert higher["missing"] == ["oxygen_flow"]
    # what holds at both ends holds
    assert at(found, 5, rule="crs-2-monitor", state="now")


def test_a_guideline_for_adults_says_nothing_certain_of_a_child() -> None:
    (row,) = at(advised(CELLS, FEVER, NORMAL, age=9.0), 1, guideline="asco-2021")
    assert (row["kind"], row["rule"], row["action"]) == ("silent", "age", "It speaks of adults only.")
    (row,) = at(advised(CELLS, FEVER, NORMAL, age=None), 1, guideline="asco-2021", rule="crs-1-supportive")
    assert (row["holds"], row["missing"]) == ("possible", ["age"])


def test_what_was_recalled_is_not_verified_and_never_more() -> None:
    awake = {"hours": 0.0, "until_hours": 40.0, "concept": "consciousness", "text": "unarousable"}
    found = advised(CELLS, FEVER, NORMAL, awake)
    assert {row["level"] for row in at(found, 5, toxicity="icans", grade=4, basis="recalled")} == {"unverified"}
    assert set(found.filter(pl.col("basis") == "recalled")["level"]) <= {"unverified"}


def test_nothing_is_repeated_while_it_is_unchanged() -> None:
    found = advised(CELLS, FEVER, LOW, {**FEVER, "hours": 5.0, "value": "38.5"}, weight(0))
    rows = found.filter(pl.col("rule") == "crs-2-monitor", pl.col("state") == "now")
    assert rows.height == 1


# ---------------------------------------------------------------- the tables, the site, the command


def test_every_row_of_advice_has_a_source_a_place_and_an_evidence_word() -> None:
    tables = load()
    assert [finding for finding in check_advice(tables) if finding.severity == "error"] == []
    assert all(source in tables.sources and locator for _, source, locator, _ in advice_rows(tables))
    assert sum(counted(advice_rows(tables)).values()) == len(list(advice_rows(tables)))


def test_nothing_recalled_may_alert(tmp_path: Path) -> None:
    site = overlay(tmp_path, "advice/asco-2021.toml", '[[rule]]\nid = "icans-4-steroid"\nalert = true\n')
    assert any("may not alert" in finding.problem for finding in check_advice(load(site)))


def test_a_site_lays_its_own_limit_over_a_drug(tmp_path: Path) -> None:
    text = '[[drug.tocilizumab.limit]]\nid = "in_all"\ntimes = 2\n'
    tables = load(overlay(tmp_path, "drugs/anti_cytokine.toml", text))
    people = pl.DataFrame({"patient": ["p"], "age_years": [50.0]})
    rows = table(CELLS, FEVER, LOW, SHOCK, weight(0), dose(3), dose(11))
    found = cw.advise(cw.grade(rows, people, knowledge=tables), ["asco-2021"], tables)
    (row,) = at(found, 30, rule="crs-3-tocilizumab", state="now")
    assert row["blocked_by"] == "in_all"


def test_a_rule_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "crs-3-steroid"\ndose = { drug = "dexamethasone", every_hours = 6 }\n'
    site = overlay(tmp_path, "advice/asco-2021.toml", text)
    with pytest.raises(KnowledgeError, match="every_hours"):
        load(site)


def overlay(folder: Path, name: str, text: str) -> Path:
    """A site's folder with one file."""
    path = folder / "site" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return folder / "site"


def test_a_guideline_that_is_not_there_is_asked_back() -> None:
    with pytest.raises(ArgumentError, match="no guideline 'asco'") as caught:
        advised(CELLS, FEVER, guidelines=["asco"])
    assert "asco-2021" in str(caught.value.hint)


def test_the_command_says_what_the_function_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(CELLS, FEVER, LOW, SHOCK, weight(0), dose(25, value="one bag"))
    rows.write_csv(tmp_path / "ward.csv")
    pl.DataFrame({"patient": ["p"], "age_years": [50.0]}).write_csv(tmp_path / "people.csv")
    graded, out = str(tmp_path / "graded"), str(tmp_path / "advice.csv")
    ward, people = str(tmp_path / "ward.csv"), str(tmp_path / "people.csv")
    assert run(["grade", ward, "--patients", people, "--out", graded, "--quiet"]) == 0
    capsys.readouterr()
    assert run(["advise", graded, "--guideline", "asco-2021", "--out", out]) == 0
    printed = capsys.readouterr().out
    assert "Not a medical device" in printed
    # the rejected dose counts, also when the folder is read back
    assert "tocilizumab: no dose now, not before 33 h" in printed
    assert "(secondary)" in printed
    written = pl.read_csv(out)
    assert {"rule", "dose", "locator"} <= set(written.columns)
    assert run(["advise", graded, "--patient", "p", "--next", "--all"]) == 0
