"""What is missing, in another unit or asked for by half a name: on the rule scales, through the real doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.acceptance.ward import grade, shock, write_csv

import cytowatch
from cytowatch import ArgumentError, cli
from cytowatch.errors import EXIT_ARGUMENTS

Row = dict[str, Any]
ANC = "organ.ctcae-5.0.neutrophil_count_decreased"
CELLS: Row = {"hours": 0, "concept": "car_t_infusion", "text": "axicabtagene_ciloleucel"}


def lab(hours: float, concept: str, value: float, unit: str, **more: Any) -> Row:
    """One measured value."""
    return {"hours": hours, "concept": concept, "value": value, "unit": unit, **more}


def said(hours: float, concept: str, text: str, **more: Any) -> Row:
    """One coded state."""
    return {"hours": hours, "concept": concept, "text": text, **more}


def graded(rows: list[Row], scale: str, **patient: Any) -> cytowatch.Result:
    """One patient ``p`` on one scale, by the call."""
    table = pl.DataFrame(
        [{"patient": "p", **row, "hours": float(row["hours"])} for row in rows], infer_schema_length=None
    )
    people = pl.DataFrame([{"patient": "p", **patient}]) if patient else None
    return cytowatch.grade(table, people, [scale])


def now(found: cytowatch.Result, hours: float) -> tuple[int, int, list[str], list[str], list[str]]:
    """Bounds, criteria, what is missing, and flags, so many hours in."""
    here = found.timeline.filter(pl.col("start") <= hours, pl.col("end") > hours)
    (row,) = here.select("at_least", "at_most", "criteria", "missing", "flags").rows()
    return row


# ---------------------------------------------------------------- weight

FEVER = [
    CELLS,
    lab(0, "body_temperature", 38.6, "Cel", until_hours=24.0), lab(0, "systolic_bp", 118, "mm[Hg]", until_hours=24.0),
    said(0, "oxygen_device", "room_air", until_hours=24.0), said(0, "hospitalized_for", "other", until_hours=24.0),
    *(lab(-6, name, 20, "U/L", until_hours=24.0, range_high=40.0) for name in ("ast", "alt", "alkaline_phosphatase")),
    lab(-6, "creatinine", 0.9, "mg/dL", until_hours=24.0, range_high=1.2),
    lab(-6, "bilirubin", 0.6, "mg/dL", until_hours=24.0, range_high=1.2),
    lab(-6, "aptt", 30, "s", until_hours=24.0, range_high=37.0),
    lab(-6, "inr", 1.0, "{INR}", until_hours=24.0, range_high=1.2),
    lab(-6, "fibrinogen", 3.0, "g/L", until_hours=24.0, range_low=2.0),
]  # fmt: skip


@pytest.mark.parametrize("scale", ["crs.penn-2018", "crs.lee-2014"])
def test_a_rate_by_weight_without_a_weight_is_unknown_and_says_what_is_missing(scale: str) -> None:
    """0.1 ug/kg/min is a high dose of the lists in ug/min from 200 kg on: three hours in, it cannot be excluded."""
    rows = [*FEVER, lab(6, "norepinephrine", 0.1, "ug/kg/min", until_hours=24.0)]
    low, high, _, missing, _ = now(graded(rows, scale, age_years=60), 12)
    assert low < high
    assert "weight" in missing
    settled = graded(rows, scale, age_years=60, weight_kg=70)
    assert "weight" not in now(settled, 12)[3]
    charted = graded([*rows, lab(2, "weight", 70, "kg")], scale, age_years=60)
    assert now(charted, 12) == now(settled, 12)


def test_sofa_without_a_weight() -> None:
    rows = [lab(0, "norepinephrine", 8, "ug/min", until_hours=4.0)]
    assert "weight" in now(graded(rows, "sofa"), 1)[3]
    assert "weight" not in now(graded(rows, "sofa", weight_kg=70), 1)[3]


# ---------------------------------------------------------------- baseline and limits of normal


def test_without_a_baseline_the_grade_is_open_and_names_it() -> None:
    scale = "organ.ctcae-5.0.alanine_aminotransferase_increased"
    rows = [lab(24, "alt", 121, "U/L", range_high=40.0)]
    assert now(graded([CELLS, *rows], scale), 30) == (0, 2, [], ["alt_baseline"], [])
    with_baseline = graded([CELLS, lab(-24, "alt", 30, "U/L", range_high=40.0), *rows], scale)
    assert now(with_baseline, 30)[:2] == (2, 2)
    stated = graded([CELLS, *rows], scale, baseline_alt=60.0)
    assert now(stated, 30)[:2] == (1, 1)


def test_without_a_limit_of_normal_the_grade_is_open_and_names_it() -> None:
    scale = "organ.ctcae-5.0.alanine_aminotransferase_increased"
    assert now(graded([CELLS, lab(1, "alt", 121, "U/L")], scale), 2) == (0, 4, [], ["alt_range"], [])
    score = [said(0, "dic_associated_disorder", "present"), lab(0, "pt", 30, "s")]
    assert "pt_range" in now(graded(score, "dic.isth"), 1)[3]


# ---------------------------------------------------------------- units


def test_two_units_in_one_series_are_one_series() -> None:
    """Creatinine of 1.0 mg/dL and of 88.4 umol/L are the same; a rise to 1.5 times is one in either unit."""
    in_one = [
        lab(0, "creatinine", 1.0, "mg/dL"),
        lab(24, "creatinine", 1.5, "mg/dL"),
        lab(36, "creatinine", 2.0, "mg/dL"),
    ]
    in_two = [
        lab(0, "creatinine", 88.4, "umol/L"),
        lab(24, "creatinine", 1.5, "mg/dL"),
        lab(36, "creatinine", 176.8, "umol/L"),
    ]
    one, two = (graded(rows, "aki.kdigo").timeline for rows in (in_one, in_two))
    assert one.drop("evidence").equals(two.drop("evidence"))
    assert one["at_least"].to_list() == [0, 1, 2]


def test_limits_of_normal_come_in_the_unit_of_their_value() -> None:
    scale = "organ.ctcae-5.0.creatinine_increased"
    in_mg = graded([lab(0, "creatinine", 3.7, "mg/dL", range_high=1.2)], scale)
    in_umol = graded([lab(0, "creatinine", 327.08, "umol/L", range_high=106.08)], scale)
    assert now(in_mg, 1) == now(in_umol, 1)
    assert now(in_mg, 1)[0] == 3


@pytest.mark.parametrize(
    ("value", "unit", "low", "high"),
    [
        (88, "umol/L", 0.7, 1.3),
        (1.0, "mg/dL", 62, 106),
        (1.0, "mg/dL", 7, 13),
        (0.088, "mmol/L", 0.7, 1.3),
        (88, "umol/L", 1.3, 0.7),
    ],
)
def test_limits_of_normal_in_another_unit_make_no_grade(value: float, unit: str, low: float, high: float) -> None:
    """A normal creatinine, its limits in mg/dL, umol/L, mg/L or upside down: as if there were none, and told."""
    scale = "organ.ctcae-5.0.creatinine_increased"
    found = graded([lab(0, "creatinine", value, unit, range_low=float(low), range_high=float(high))], scale)
    bare = graded([lab(0, "creatinine", value, unit)], scale)
    assert now(found, 1) == now(bare, 1)
    assert now(found, 1)[0] == 0
    assert "creatinine_range" in now(found, 1)[3]
    assert found.rejects.is_empty()
    assert found.ledger["rows"].sum() == 1
    (told,) = found.ledger.filter(pl.col("fate") == "ignored")["reason"]
    assert told.startswith("limits of normal beside creatinine not used: ")


def test_one_row_with_limits_in_another_unit_leaves_the_others_alone() -> None:
    """Day by day 1.0 mg/dL; the limits of the second day stand in umol/L, those of the third in mg/dL again."""
    scale = "organ.ctcae-5.0.creatinine_increased"
    rows = [lab(24 * day, "creatinine", 2.0, "mg/dL", range_high=high) for day, high in enumerate((1.2, 106.0, 1.2))]
    found = graded([lab(-1, "creatinine", 1.0, "mg/dL", range_high=1.2), CELLS, *rows], scale)
    assert [now(found, hours)[3] for hours in (12, 36, 60)] == [[], ["creatinine_range"], []]


def test_neutrophils_per_microliter_and_per_liter() -> None:
    per_microliter, per_liter = (
        graded([lab(0, "neutrophils", *typed)], ANC) for typed in ((850, "/uL"), (0.85, "10*9/L"))
    )
    assert now(per_microliter, 1) == now(per_liter, 1)
    assert now(per_liter, 1)[:2] == (3, 3)


def test_a_count_of_850_x_10_9_per_liter_is_refused() -> None:
    found = graded([lab(0, "neutrophils", 850, "10*9/L")], ANC)
    assert found.timeline.is_empty()
    assert found.rejects["rule"].to_list() == ["out_of_range"]
    assert "120 10*9/L" in found.rejects["reason"][0]


@pytest.mark.parametrize(
    ("concept", "scale"),
    [
        ("neutrophils", ANC),
        ("white_cells", "organ.ctcae-5.0.white_blood_cell_decreased"),
        ("lymphocytes", "organ.ctcae-5.0.lymphocyte_count_decreased"),
    ],
)
@pytest.mark.parametrize("unit", ["/uL", "cells/mm3", "10*6/L", "cells/µL", "/mcL"])
@pytest.mark.parametrize("value", [0.85, 2.5, 11.2])
def test_thousands_under_the_unit_of_single_cells_make_no_grade_4(
    concept: str, scale: str, unit: str, value: float
) -> None:
    """0.85 or 2.5 x 10*9/L, written as so many cells per microliter: refused, and the count is unknown."""
    found = graded([CELLS, lab(0, concept, value, unit)], scale)
    (reject,) = found.rejects.to_dicts()
    assert (reject["rule"], reject["value"]) == ("too_small", str(value))
    assert "the least that is not 0 is 0.001 10*9/L" in reject["reason"]
    assert "check the unit" in reject["hint"]
    assert now(found, 0)[:2] == (0, 4)
    assert concept in now(found, 0)[3]
    assert found.ledger["rows"].sum() == 2


@pytest.mark.parametrize("unit", ["/uL", "/mm3", "cells/uL", "10*6/L"])
def test_platelets_in_thousands_under_the_unit_of_single_cells(unit: str) -> None:
    scale = "organ.ctcae-5.0.platelet_count_decreased"
    found = graded([CELLS, lab(0, "platelets", 85, unit)], scale)
    assert found.rejects["rule"].to_list() == ["too_small"]
    assert now(found, 0)[:2] == (0, 4)
    assert now(graded([CELLS, lab(0, "platelets", 85_000, unit)], scale), 0)[:2] == (0, 1)


@pytest.mark.parametrize("unit", ["/uL", "10*9/L", "K/uL"])
def test_no_neutrophils_at_all_is_a_count(unit: str) -> None:
    assert now(graded([lab(0, "neutrophils", 0, unit)], ANC), 0)[:2] == (4, 4)


def test_the_least_count_and_a_whole_one_are_read() -> None:
    for value, unit in ((1, "/uL"), (0.001, "10*9/L"), (99, "/uL"), (100.5, "/uL"), (0.0025, "10*9/L")):
        found = graded([lab(0, "neutrophils", value, unit)], ANC)
        assert found.rejects.is_empty(), (value, unit)
        assert now(found, 0)[:2] == (4, 4)


def test_a_series_that_mixes_units_is_one_series() -> None:
    """850 per microliter, then 0.85 x 10*9/L: one grade without a seam, as in one unit."""
    mixed = graded([lab(0, "neutrophils", 850, "/uL"), lab(24, "neutrophils", 0.85, "10*9/L")], ANC).timeline
    plain = graded([lab(0, "neutrophils", 0.85, "K/uL"), lab(24, "neutrophils", 0.85, "K/uL")], ANC).timeline
    assert mixed.equals(plain)
    assert mixed["at_least"].to_list() == [3]
    assert mixed["at_most"].to_list() == [3]


def test_many_typed_rows_are_refused_as_few_are() -> None:
    """Of a large table whole concepts are proved clean at once: not this one."""
    rows = pl.DataFrame({"hours": pl.int_range(60_000, eager=True) / 100}).with_columns(
        patient=pl.lit("p"), concept=pl.lit("platelets"), value=pl.lit(200.0), unit=pl.lit("10*9/L")
    )
    bad = rows.with_columns(value=pl.when(pl.col("hours") == 1.0).then(0.2).otherwise("value"))
    for table, refused in ((rows, 0), (bad, 1)):
        found = cytowatch.grade(table, None, ["organ.ctcae-5.0.platelet_count_decreased"])
        assert found.rejects["rule"].to_list() == ["too_small"] * refused


SLIPS = [
    [cell.strip().strip("`") for cell in line.split("|")[1:5]]
    for line in (Path(__file__).parents[2] / "docs" / "how-to" / "units.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]


@pytest.mark.parametrize(("concept", "meant", "written", "outcome"), SLIPS)
def test_a_slip_of_the_unit_is_caught_or_not_as_the_page_says(
    concept: str, meant: str, written: str, outcome: str
) -> None:
    """What was meant is read; what was written instead is rejected, or read: then the page warns of it."""
    assert refused(concept, meant) == set()
    assert outcome in ("rejected", "read as it stands")
    assert bool(refused(concept, written)) == (outcome == "rejected")
    assert refused(concept, written) <= {"out_of_range", "too_small"}


def refused(concept: str, written: str) -> set[str]:
    """The rules that refuse one number with its unit."""
    value, unit = written.split()
    return set(graded([lab(0, concept, float(value), unit)], ANC).rejects["rule"])


def test_a_count_without_a_unit_is_refused() -> None:
    found = graded([{"hours": 0, "concept": "neutrophils", "value": 850.0}], ANC)
    assert found.rejects["rule"].to_list() == ["missing_unit"]


# ---------------------------------------------------------------- too little is known


def test_hscore_with_four_of_nine_items_is_a_range() -> None:
    """33 + 35 + 44 + 19 points are certain; 18 + 38 + 34 + 30 + 35 may be added."""
    rows = [
        lab(0, "body_temperature", 39.0, "Cel"), lab(0, "ferritin", 3000, "ug/L"),
        lab(0, "triglycerides", 2.0, "mmol/L"), lab(0, "ast", 50, "U/L"),
    ]  # fmt: skip
    low, high, criteria, missing, _ = now(graded(rows, "hlh.hscore"), 1)
    assert (low, high) == (131, 286)
    assert len(criteria) == 4
    assert missing == [
        "fibrinogen", "hemoglobin", "hemophagocytosis", "hepatomegaly", "immunosuppression", "platelets",
        "splenomegaly", "white_cells",
    ]  # fmt: skip


def test_twenty_days_without_counts_are_unknown() -> None:
    """Neither normal nor low: after the last normal count has run out every late grade is possible."""
    counts = [(768, 2.0), (792, 2.2), (1272, 0.9), (1296, 0.8)]
    found = graded([CELLS, *(lab(hours, "neutrophils", value, "10*9/L") for hours, value in counts)], "icaht.late-2023")
    assert now(found, 800)[:2] == (0, 0)
    assert now(found, 1000) == (0, 4, [], ["neutrophils"], [])
    assert now(found, 1300)[:2] == (2, 2)


def test_a_vasopressor_that_has_run_for_three_hours_is_provisional() -> None:
    rows = [*FEVER, lab(6, "norepinephrine", 5, "ug/min", until_hours=24.0)]
    assert now(graded(rows, "crs.mskcc-2018", age_years=60), 9) == (2, 2, ["fever", "vasopressor"], [], ["provisional"])


def test_one_bolus_is_penn_grade_2() -> None:
    rows = [*FEVER, lab(6, "fluid_bolus", 500, "mL")]
    found = graded(rows, "crs.penn-2018", age_years=60)
    assert now(found, 5)[:2] == (1, 1)
    assert now(found, 9)[:3] == (2, 2, ["fever", "fluid_bolus"])


# ---------------------------------------------------------------- scales by name


def command(place: Path, *scales: str) -> int:
    """``cytowatch grade`` with these scales on one patient."""
    place.mkdir(exist_ok=True)
    asked = [word for scale in scales for word in ("--scale", scale)]
    path = write_csv(place / "ward.csv", shock())
    return cli.run(["grade", str(path), *asked, "--out", str(place / "graded"), "--quiet"])


@pytest.mark.parametrize(
    "asked",
    [
        "organ.ctcae.creatinine_increased",
        "organ.ctcae",
        "organ.ctcae.*",
        "crs.ctcae",
        "ctcae",
    ],
)
def test_ctcae_without_its_edition_is_asked_back(asked: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, asked) == EXIT_ARGUMENTS
    said_so = " ".join(capfd.readouterr().err.split())
    assert "edition of CTCAE" in said_so
    assert "what to do: Choose one of" in said_so
    assert not (tmp_path / "graded").exists()
    with pytest.raises(ArgumentError, match="edition of CTCAE") as caught:
        graded([CELLS], asked)
    choices = str(caught.value.hint).removeprefix("Choose one of: ").removesuffix(".").split(", ")
    assert any("ctcae-5.0" in choice for choice in choices)
    for choice in choices:
        assert graded([CELLS], choice).run["scales"]


@pytest.mark.parametrize("asked", ["ctcae", "crs.ctcae", "organ.ctcae"])
def test_no_edition_of_ctcae_is_taken_by_default(asked: str, tmp_path: Path) -> None:
    assert command(tmp_path, asked) == EXIT_ARGUMENTS
    assert not (tmp_path / "graded").exists()


@pytest.mark.parametrize(
    ("asked", "near"), [("crs.lee-2015", "crs.lee-2014"), ("hscore", "hlh.hscore"), ("sofaa", "sofa")]
)
def test_an_unknown_scale_names_its_neighbors(
    asked: str, near: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, asked) == EXIT_ARGUMENTS
    message = " ".join(capfd.readouterr().err.split())
    assert "There is no scale" in message
    assert near in message
    assert "what to do:" in message


def test_a_pattern_takes_every_scale_that_fits(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ward.csv", shock())
    found = grade(tmp_path / "graded", path, "--scale", "crs.*", "--scale", "qsofa")
    assert found.code == 0
    crs = {name for name in cytowatch.load_knowledge().scales if name.startswith("crs.")}
    assert set(found.timeline["scale"]) == crs | {"qsofa"}
    assert graded([CELLS], "icaht.*").run["scales"] == ["icaht.early-2023", "icaht.late-2023", "icaht.platelet"]


def test_a_pattern_that_fits_nothing_is_an_unknown_scale(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "crss.*") == EXIT_ARGUMENTS
    assert "There is no scale" in " ".join(capfd.readouterr().err.split())


@pytest.mark.parametrize(("asked", "pattern"), [("organ.ctcae-5.0", "'organ.ctcae-5.0.*'"), ("icaht", "'icaht.*'")])
def test_a_family_is_asked_for_by_a_pattern(asked: str, pattern: str) -> None:
    with pytest.raises(ArgumentError, match="There is no scale") as caught:
        graded([CELLS], asked)
    assert f"Did you mean {pattern}?" in str(caught.value.hint)
    assert graded([CELLS], pattern.strip("'")).run["scales"]
