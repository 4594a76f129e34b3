"""The limits of normal that a laboratory printed: converted as the value is, and not believed where they cannot be."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest

from cytowatch.adapters import admit
from cytowatch.adapters.clean import WORTH_IT
from cytowatch.errors import InputError
from cytowatch.knowledge import load
from cytowatch.knowledge.lint.limits import FAR, units_of
from cytowatch.schema import OBSERVATIONS

KNOWLEDGE = load()
CRP = {"patient": "P1", "hours": "1", "concept": "crp", "value": "12", "unit": "mg/L"}


def admitted(*rows: dict[str, str | None]):
    """Admission of rows that are like CRP but for what they name."""
    names = list(dict.fromkeys(name for row in (CRP, *rows) for name in row))
    columns = {name: [{**CRP, **row}.get(name) for row in rows] for name in names}
    frame = pl.DataFrame({name: pl.Series(name, values, dtype=pl.String) for name, values in columns.items()})
    return admit(frame, KNOWLEDGE, file="x.csv")


def limits(**row: str | None) -> tuple[float | None, float | None]:
    """The limits of the one row, which must be used."""
    found = admitted(row)
    assert found.rejects.is_empty(), found.rejects.to_dicts()
    return found.observations.select("range_low", "range_high").row(0)


@pytest.mark.parametrize(
    ("concept", "value", "unit", "printed", "canonical"),
    [
        ("crp", "12", "mg/L", ("0", "5"), (0.0, 5.0)),
        ("crp", "1.2", "mg/dL", ("", "0.5"), (None, 5.0)),
        ("creatinine", "106.08", "umol/L", ("53.04", "106.08"), (0.6, 1.2)),
        # shift and factor, as the value
        ("body_temperature", "98.6", "[degF]", ("98.6", "100.4"), (37.0, 38.0)),
        ("potassium", "4,1", "mmol/L", ("3,5", "5,1"), (3.5, 5.1)),
        ("platelets", "250", "10*9/L", ("150,000", None), (150.0, None)),
    ],
)
def test_limits_are_converted_as_the_value_is(
    concept: str,
    value: str,
    unit: str,
    printed: tuple[str | None, str | None],
    canonical: tuple[float | None, float | None],
) -> None:
    low, high = printed
    assert limits(concept=concept, value=value, unit=unit, range_low=low, range_high=high) == canonical


def test_a_comparator_that_says_the_same_is_passed_over() -> None:
    assert limits(range_high="<5") == (None, 5.0)
    assert limits(range_low="> 1", range_high="≤5") == (1.0, 5.0)


@pytest.mark.parametrize(("low", "high"), [("reference_low", "reference_high"), ("LLN", " uln ")])
def test_columns_by_other_names(low: str, high: str) -> None:
    assert limits(**{low: "1", high: "5"}) == (1.0, 5.0)


def test_a_column_under_two_names_is_refused() -> None:
    with pytest.raises(InputError, match="'range_high' is there more than once"):
        admitted({"uln": "5", "range_high": "5"})


@pytest.mark.parametrize(("low", "high"), [("n/a", "3"), ("1", "five"), ("<1", "5"), ("1", ">5")])
def test_what_is_no_range_refuses_the_row(low: str, high: str) -> None:
    found = admitted({"range_low": "0", "range_high": "5"}, {"range_low": low, "range_high": high})
    assert found.observations["row"].to_list() == [0]
    (reject,) = found.rejects.to_dicts()
    assert (reject["rule"], reject["value"]) == ("bad_reference_range", f"{low} to {high}")
    assert reject["reason"]
    assert reject["hint"]
    assert found.ledger["rows"].sum() == 2


@pytest.mark.parametrize(
    ("low", "high", "why"),
    [
        ("-3", "300", "no laboratory has such limits (lower 4 to 39 ug/L; upper 60 to 590 ug/L)"),
        ("0", "0", "no laboratory has such limits"),
        ("100", "100", "no laboratory has such limits"),
        ("10", "99999999", "no laboratory has such limits"),
        ("300", "30", "the lower stands above the upper one"),
        ("1,500", "3000", "a comma in them may be a decimal comma or part thousands"),
    ],
)
def test_a_range_that_cannot_be_leaves_the_value_and_is_told(low: str, high: str, why: str) -> None:
    """What, where, why it matters and what to do; the row is used, so the line counts none."""
    found = admitted({"range_low": low, "range_high": high, "concept": "ferritin", "unit": "ug/L"})
    assert found.rejects.is_empty()
    assert found.observations.select("value", "range_low", "range_high").row(0) == (12.0, None, None)
    ((reason, rows),) = found.ledger.filter(pl.col("fate") == "ignored").select("reason", "rows").rows()
    assert reason.startswith(f"limits of normal beside ferritin not used: {why}")
    assert "the values are used, what needs the limits stays unknown; " in reason
    assert reason.endswith("(first in x.csv:1)")
    assert rows == 0
    assert found.ledger["rows"].sum() == 1


def test_limits_beside_a_drug_or_a_device_say_nothing() -> None:
    device = {"concept": "oxygen_device", "value": None, "unit": None, "text": "room_air"}
    found = admitted({"range_low": "1", "range_high": "5"}, {**device, "range_low": "n/a", "range_high": "9"})
    assert found.rejects.is_empty()
    assert found.observations["range_high"].to_list() == [5.0, None]
    assert "oxygen_device" in found.ledger["reason"].str.join("|").item()


def test_of_rows_of_several_files_limits_are_told_of_the_file_that_has_them() -> None:
    drug = {"concept": "norepinephrine", "value": 0.1, "unit": "ug/kg/min", "range_low": 0.0}
    rows = pl.DataFrame([{"patient": "P1", "hours": 1.0, "_row": row, **drug} for row in range(3)])
    rows = rows.with_columns(pl.when(pl.col("_row") == 1).then("range_low").alias("range_low"))
    ledger = admit(rows, KNOWLEDGE, file="a", files=(("a", 0, 1), ("b", 1, 1), ("c", 2, 1))).ledger
    told = ledger.filter(pl.col("reason").str.starts_with("limits of normal"))
    assert [(file, reason.rsplit("(", 1)[1]) for file, reason in told.select("file", "reason").rows()] == [
        ("b", "first in b:1)")
    ]


def test_without_a_usable_unit_the_row_is_refused_for_that() -> None:
    assert admitted({"unit": None, "range_low": "9", "range_high": "1"}).rejects["rule"].to_list() == ["missing_unit"]


def test_a_row_that_takes_another_back_may_carry_anything() -> None:
    found = admitted({"status": "entered-in-error", "range_low": "9", "range_high": "1"})
    assert found.rejects.is_empty()
    assert found.observations.select("range_low", "range_high").row(0) == (None, None)


def test_no_number_in_a_typed_column_is_no_limit() -> None:
    frame = pl.DataFrame([CRP]).with_columns(range_low=pl.lit(float("nan")), range_high=pl.lit(5.0))
    found = admit(frame, KNOWLEDGE, file="x")
    assert found.observations.select("range_low", "range_high").row(0) == (None, 5.0)
    assert found.ledger["fate"].to_list() == ["used"]


def test_many_typed_rows_give_what_a_few_give() -> None:
    one = pl.DataFrame({"patient": ["p"], "hours": [1.0], "concept": ["crp"], "value": [12.0], "unit": ["mg/L"]})
    bare = one.with_columns(range_low=pl.lit(None, pl.Float64), range_high=pl.lit(None, pl.Float64))
    full = one.with_columns(range_low=pl.lit(1.0), range_high=pl.lit(5.0))
    many = pl.concat([*[bare] * 3, full]).select(pl.all().repeat_by(WORTH_IT // 2).explode())
    found = admit(many, KNOWLEDGE, file="x").observations
    assert found.schema == OBSERVATIONS.schema
    assert found.group_by("range_low", "range_high").len().sort("len").rows() == [
        (1.0, 5.0, WORTH_IT // 2),
        (None, None, WORTH_IT // 2 * 3),
    ]


# ---------------------------------------------------------------- limits in another unit than the value

# limits as laboratories print them, one pair and its unit
PRINTED = [
    ("creatinine", "mg/dL", 0.7, 1.3), ("creatinine", "umol/L", 62, 106), ("creatinine", "umol/L", 15, 31),
    ("creatinine", "mmol/L", 0.053, 0.115), ("creatinine", "mg/L", 6.7, 11.7),
    ("bilirubin", "mg/dL", 0.1, 1.2), ("bilirubin", "umol/L", 0, 21), ("bilirubin", "umol/L", 5.1, 17),
    ("alt", "U/L", 7, 56), ("ast", "ukat/L", 0.17, 0.85), ("alkaline_phosphatase", "U/L", 142, 335),
    ("ldh", "U/L", 135, 225), ("creatine_kinase", "U/L", 39, 308), ("lipase", "U/L", 73, 393),
    ("platelets", "10*9/L", 150, 400), ("platelets", "/uL", 150_000, 450_000), ("neutrophils", "10*9/L", 1, 7.7),
    ("white_cells", "K/uL", 4.5, 11), ("lymphocytes", "cells/mm3", 1000, 4800), ("hemoglobin", "g/dL", 13.5, 17.5),
    ("hemoglobin", "g/L", 120, 156), ("hemoglobin", "mmol/L", 7.4, 9.9), ("fibrinogen", "g/L", 1.8, 4),
    ("fibrinogen", "mg/dL", 200, 393), ("d_dimer_feu", "ng/mL", 0, 500), ("d_dimer_feu", "mg/L", 0, 0.55),
    ("ferritin", "ug/L", 30, 400), ("calcium", "mg/dL", 8.5, 10.2), ("calcium", "mmol/L", 2.15, 2.55),
    ("ionized_calcium", "mmol/L", 1.15, 1.32), ("potassium", "mmol/L", 3.5, 5.1), ("sodium", "mmol/L", 136, 145),
    ("magnesium", "mmol/L", 0.66, 1.07), ("albumin", "g/L", 35, 52), ("albumin", "g/dL", 3.4, 5.4),
    ("glucose", "mmol/L", 3.9, 6.1), ("uric_acid", "umol/L", 202, 416), ("aptt", "s", 25, 37), ("pt", "s", 11, 13.5),
    ("inr", "", 0.9, 1.2), ("haptoglobin", "g/L", 0.3, 2), ("cholesterol", "mmol/L", 0, 5.2),
    ("ph_arterial", "", 7.35, 7.45),
]  # fmt: skip


@pytest.mark.parametrize(("concept", "unit", "low", "high"), PRINTED)
def test_limits_as_laboratories_print_them_pass_alone_and_together(
    concept: str, unit: str, low: float, high: float
) -> None:
    row = {"concept": concept, "value": str(high), "unit": unit}
    assert limits(**row, range_low=str(low))[0] is not None
    assert limits(**row, range_high=str(high))[1] is not None
    assert None not in limits(**row, range_low=str(low), range_high=str(high))


@pytest.mark.parametrize(("concept", "printed", "low", "high"), PRINTED)
def test_limits_in_another_unit_than_the_value_are_never_used(
    concept: str, printed: str, low: float, high: float
) -> None:
    """Each accepted unit of the value beside limits in another: 88 umol/L beside 0.7 to 1.3 (mg/dL) is no grade 4."""
    known = KNOWLEDGE.concepts[concept]
    own = next(unit for unit in known.accepted if unit.name == printed)
    for unit in units_of(known):
        ratio = unit.factor / own.factor
        if max(ratio, 1 / ratio) >= FAR:
            value = str(float(Fraction(high) / unit.factor * own.factor))
            row = {"concept": concept, "value": value, "unit": unit.name}
            assert limits(**row, range_high=str(high)) == (None, None)
            assert low == 0 or limits(**row, range_low=str(low)) == (None, None)
            assert limits(**row, range_low=str(low), range_high=str(high)) == (None, None)


def test_a_range_to_be_kept_under_treatment_is_no_limit_of_normal() -> None:
    """Beside an INR under a coumarin some laboratories print 2 to 3."""
    assert limits(concept="inr", value="2.4", unit=None, range_low="2", range_high="3") == (None, None)
