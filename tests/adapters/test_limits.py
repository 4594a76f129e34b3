"""The limits of normal that a laboratory printed: converted as the value is, and not believed where they cannot be."""

from __future__ import annotations

import polars as pl
import pytest

from cytowatch.adapters import admit
from cytowatch.adapters.clean import WORTH_IT
from cytowatch.errors import InputError
from cytowatch.knowledge import load
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


@pytest.mark.parametrize(("low", "high"), [("5", "3"), ("n/a", "3"), ("1", "five"), ("<1", "5"), ("1", ">5")])
def test_what_is_no_range_refuses_the_row(low: str, high: str) -> None:
    found = admitted({"range_low": "0", "range_high": "5"}, {"range_low": low, "range_high": high})
    assert found.observations["row"].to_list() == [0]
    (reject,) = found.rejects.to_dicts()
    assert (reject["rule"], reject["value"]) == ("bad_reference_range", f"{low} to {high}")
    assert reject["reason"]
    assert reject["hint"]
    assert found.ledger["rows"].sum() == 2


@pytest.mark.parametrize(("low", "high"), [("-3", "5"), ("0", "0"), ("5", "5"), ("1", "99999999"), ("1,500", "3000")])
def test_a_range_that_cannot_be_leaves_the_value_and_is_told(low: str, high: str) -> None:
    found = admitted({"range_low": low, "range_high": high, "concept": "ferritin", "unit": "ug/L"})
    assert found.observations.select("range_low", "range_high").row(0) == (None, None)
    told = found.ledger.filter(pl.col("fate") == "ignored").select("reason", "rows").rows()
    assert told == [("limits of normal beside ferritin not used: they cannot be", 0)]


def test_limits_beside_a_drug_or_a_device_say_nothing() -> None:
    device = {"concept": "oxygen_device", "value": None, "unit": None, "text": "room_air"}
    found = admitted({"range_low": "1", "range_high": "5"}, {**device, "range_low": "n/a", "range_high": "9"})
    assert found.rejects.is_empty()
    assert found.observations["range_high"].to_list() == [5.0, None]
    assert "oxygen_device" in found.ledger["reason"].str.join("|").item()


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
