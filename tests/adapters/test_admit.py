"""Admission: every row ends in one place, units are exact, and each rule says what is wrong."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytowatch.adapters import admit, read_frames
from cytowatch.adapters.numbers import read_numbers
from cytowatch.errors import ArgumentError, InputError
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Concept, Unit
from cytowatch.schema import OBSERVATIONS, REJECTS
from cytowatch.units import convert

KNOWLEDGE = load()
NOON = "2024-03-01T12:00:00Z"
NOON_US = 1_709_294_400_000_000
GOOD = {"patient": "P1", "time": NOON, "concept": "body_temperature", "value": "38.5", "unit": "Cel"}


def admitted(*rows: dict[str, object], **options: str):
    """Admission of rows that are like GOOD but for what they name."""
    names = list(dict.fromkeys(name for row in (GOOD, *rows) for name in row))
    columns = {name: [{**GOOD, **row}.get(name) for row in rows] for name in names}
    frame = pl.DataFrame({name: pl.Series(name, values, dtype=pl.String) for name, values in columns.items()})
    return admit(frame, KNOWLEDGE, file="x.csv", **options)


def value_of(**row: object) -> float | None:
    """The canonical value of the one row, which must be admitted."""
    found = admitted(row)
    assert found.rejects.is_empty(), found.rejects.to_dicts()
    return found.observations["value"].item()


def refusal(**row: object) -> dict[str, object]:
    """The reject of the one row, beside a good row that must be used."""
    found = admitted({}, row)
    assert len(found.observations) == 1
    assert found.ledger["rows"].sum() == 2
    assert found.rejects.schema == REJECTS.schema
    (reject,) = found.rejects.to_dicts()
    assert reject["reason"]
    assert reject["hint"]
    assert reject["row"] == 1
    assert reject["source"]
    return reject


def test_a_clean_row() -> None:
    found = admitted({})
    assert found.observations.schema == OBSERVATIONS.schema
    assert found.clock == "time"
    (row,) = found.observations.to_dicts()
    assert row["time"] == NOON_US
    assert (row["concept"], row["value"], row["unit"], row["status"]) == ("body_temperature", 38.5, "Cel", "final")
    assert row["source"] == "x.csv:1"


# ---------------------------------------------------------------- names


def test_an_unknown_concept_gets_a_suggestion() -> None:
    reject = refusal(concept="body_temprature")
    assert reject["rule"] == "unknown_concept"
    assert "`body_temperature`" in str(reject["hint"])


def test_an_unknown_concept_with_two_readings_names_both() -> None:
    hint = str(refusal(concept="d_dimer", value="5", unit="mg/L")["hint"])
    assert "d_dimer_feu" in hint
    assert "d_dimer_ddu" in hint


def test_a_missing_concept() -> None:
    assert refusal(concept=None)["rule"] == "missing_concept"


@pytest.mark.parametrize("patient", [None, "", "  "])
def test_a_missing_patient(patient: str | None) -> None:
    assert refusal(patient=patient)["rule"] == "missing_patient"


@pytest.mark.parametrize("name", ["Body Temperature", "temp", "BODY-TEMPERATURE", " temp_c "])
def test_a_concept_is_known_by_its_aliases(name: str) -> None:
    assert admitted({"concept": name}).observations["concept"].to_list() == ["body_temperature"]


# ---------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("concept", "value", "unit", "canonical"),
    [
        ("body_temperature", "100.4", "[degF]", 38.0),
        ("body_temperature", "100.4", "°F", 38.0),
        ("bilirubin", "102.6", "umol/L", 6.0),
        ("bilirubin", "102.6", "µmol/L", 6.0),
        ("creatinine", "265.2", "μmol/L", 3.0),
        ("mean_arterial_pressure", "65", "mmHg", 65.0),
        ("vasopressin", "1.8", "units/hour", 0.03),
        ("norepinephrine", "100", "ng/kg/min", 0.1),
        ("platelets", "50000", "/uL", 50.0),
    ],
)
def test_conversions_are_exact(concept: str, value: str, unit: str, canonical: float) -> None:
    assert value_of(concept=concept, value=value, unit=unit) == canonical


def test_every_tenth_of_a_degree_fahrenheit() -> None:
    tenths = [Fraction(part, 10) for part in range(900, 1101)]
    found = admitted(*({"value": f"{float(value):.1f}", "unit": "[degF]"} for value in tenths)).observations
    exact = [float(round((value - 32) * Fraction(5, 9), 9)) for value in tenths]
    assert found["value"].to_list() == exact
    assert [value >= 38.0 for value in exact] == [value >= Fraction(1004, 10) for value in tenths]


def test_rounded_celsius_is_not_made_a_fever() -> None:
    assert value_of(value="37.96") == 37.96


def _is_too_small(concept: Concept, unit: Unit, number: Decimal, canonical: float) -> bool:
    """A part of a cell, or less than there can be and not 0."""
    part_of_a_cell = 0 < number < unit.whole_below and number != int(number)
    return part_of_a_cell or (unit.to in concept.units[:1] and 0 < canonical < concept.smallest)


@given(st.decimals(0, 1000, places=2), st.sampled_from(sorted(KNOWLEDGE.concepts)), st.integers(0, 50))
def test_columns_convert_as_fractions_do(number: Decimal, key: str, place: int) -> None:
    concept = KNOWLEDGE.concepts[key]
    if not concept.accepted or concept.key == "fio2" or concept.whole:
        return
    unit = concept.accepted[place % len(concept.accepted)]
    canonical = convert(Fraction(number), factor=unit.factor, shift=unit.shift)
    low, high = concept.plausible.get(unit.to, (float("-inf"), float("inf")))
    text = concept.categories[0] if concept.categories else "x"
    found = admitted({"concept": key, "value": str(number), "unit": unit.name, "text": text})
    if _is_too_small(concept, unit, number, canonical):
        assert found.rejects["rule"].to_list() == ["too_small"]
    elif low <= canonical <= high:
        expected = float(number) if unit.factor == 1 and not unit.shift else canonical
        assert found.observations["value"].to_list() == pytest.approx([expected], rel=1e-12, abs=1e-9)
    else:
        assert found.rejects["rule"].to_list() == ["out_of_range"]


def test_a_missing_unit_is_never_guessed() -> None:
    reject = refusal(unit=None)
    assert reject["rule"] == "missing_unit"
    assert "Cel" in str(reject["hint"])


def test_an_unknown_unit_names_the_accepted_ones() -> None:
    reject = refusal(unit="furlong")
    assert (reject["rule"], reject["value"]) == ("unknown_unit", "furlong")
    assert "[degF]" in str(reject["hint"])


def test_a_unit_of_something_else() -> None:
    assert refusal(unit="mg/dL")["rule"] == "unit_not_convertible"


def test_milli_is_not_mega() -> None:
    assert refusal(concept="vasopressin", value="30", unit="MU/min")["rule"] == "unknown_unit"


@pytest.mark.parametrize("unit", [None, "", "1", "{score}"])
def test_a_score_needs_no_unit(unit: str | None) -> None:
    assert value_of(concept="ice_score", value="7", unit=unit) == 7.0


@pytest.mark.parametrize(
    ("value", "unit", "fraction"),
    [("0.4", None, 0.4), ("40", None, 0.4), ("40", "1", 0.4), ("40", "%", 0.4), ("21", None, 0.21), ("100", "", 1.0)],
)
def test_oxygen_fraction_as_per_cent(value: str, unit: str | None, fraction: float) -> None:
    assert value_of(concept="fio2", value=value, unit=unit) == fraction


@pytest.mark.parametrize("value", ["1.5", "4", "20.9", "101", "0.2"])
def test_an_oxygen_fraction_between_the_two_is_refused(value: str) -> None:
    assert refusal(concept="fio2", value=value, unit=None)["rule"] == "out_of_range"


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("printed", "value", "comparator"),
    [
        ("38.5", 38.5, None),
        ("38,5", 38.5, None),
        (" 38.5 ", 38.5, None),
        ("1 234,5", 1234.5, None),
        ("1\u202f234,5", 1234.5, None),
        ("1.234,5", 1234.5, None),
        ("1,234.5", 1234.5, None),
        ("1,234,567", 1234567.0, None),
        ("12 345 678", 12345678.0, None),
        ("0,125", 0.125, None),
        ("1234,567", 1234.567, None),
        ("<0.1", 0.1, "<"),
        ("< 0,1", 0.1, "<"),
        ("≤5", 5.0, "<="),
        (">1500", 1500.0, ">"),
        ("≥ 1 500", 1500.0, ">="),
        ("\u221219", -19.0, None),
        ("1e3", 1000.0, None),
    ],
)
def test_numbers_as_printed(printed: str, value: float, comparator: str | None) -> None:
    found = read_numbers(pl.Series([printed, "1"]))
    assert found.value.to_list() == [value, 1.0]
    assert (found.comparator.to_list() if found.comparator is not None else [None])[0] == comparator
    assert found.bad is None or not found.bad.any()


@pytest.mark.parametrize("printed", ["NaN", "inf", "-inf", "38.5 C", "n/a", "66/41", "1,23,4", "--5", "12.3.4", "<"])
def test_what_is_no_number(printed: str) -> None:
    assert refusal(value=printed)["rule"] == "not_a_number"


def test_one_comma_and_three_digits_may_be_two_numbers() -> None:
    ferritin = {"concept": "ferritin", "unit": "ng/mL"}
    assert refusal(**ferritin, value="1,234")["rule"] == "ambiguous_number"
    # here only one of the readings is possible
    assert value_of(value="38,500") == 38.5


def test_a_missing_value() -> None:
    assert refusal(value=None)["rule"] == "missing_value"
    assert value_of(concept="norepinephrine", value=None, unit=None) is None


def test_an_impossible_value_says_the_range_and_the_canonical_value() -> None:
    reject = refusal(concept="mean_arterial_pressure", value="-19", unit="mmHg")
    assert (reject["rule"], reject["value"]) == ("out_of_range", "-19")
    low, high = KNOWLEDGE.concepts["mean_arterial_pressure"].plausible["mm[Hg]"]
    assert f"{low:g} to {high:g} mm[Hg]" in str(reject["reason"])
    assert "-19.0" in str(reject["reason"])


@pytest.mark.parametrize("edge", [0, 1])
def test_the_plausible_range_includes_its_ends(edge: int) -> None:
    end = KNOWLEDGE.concepts["body_temperature"].plausible["Cel"][edge]
    assert value_of(value=str(end)) == end
    assert refusal(value=str(end + (0.1 if edge else -0.1)))["rule"] == "out_of_range"


def test_comparators() -> None:
    found = admitted({"value": "<36.1"}, {"comparator": "≥"}, {"comparator": "="}, {}).observations
    assert found["comparator"].to_list() == ["<", ">=", None, None]
    assert refusal(comparator="about")["rule"] == "unknown_comparator"
    assert refusal(comparator=">", value="<36.1")["rule"] == "conflicting_comparator"


def test_typed_columns_and_not_a_number_as_missing() -> None:
    frame = pl.DataFrame(
        {
            "patient": [1, 1, 2],
            "hours": [0.0, 0.5, 1.0],
            "concept": ["oxygen_device", "spo2", "spo2"],
            "value": [float("nan"), 97.0, float("inf")],
            "unit": [None, "%", "%"],
            "text": ["room_air", None, None],
        },
        schema_overrides={"concept": pl.Categorical},
    )
    found = admit(frame, KNOWLEDGE, file="frame", first_row=100)
    assert found.observations["row"].to_list() == [100, 101]
    assert found.observations["patient"].to_list() == ["1", "1"]
    assert found.observations["source"].to_list() == ["frame:1", "frame:2"]
    assert found.rejects.select("row", "rule", "value").rows() == [(102, "not_a_number", "inf")]


# ---------------------------------------------------------------- categories


def test_categories_and_their_aliases() -> None:
    device = {"concept": "oxygen_device", "value": None, "unit": None}
    rows = ({**device, "text": text} for text in ("nasal_cannula", "Nasal Cannula", " NC ", "Non-Rebreather"))
    found = admitted(*rows).observations["text"].to_list()
    assert found == ["nasal_cannula", "nasal_cannula", "nasal_cannula", "non_rebreather"]


def test_an_unknown_category_names_the_accepted_ones() -> None:
    reject = refusal(concept="oxygen_device", value=None, unit=None, text="nasal_canula")
    assert (reject["rule"], reject["value"]) == ("unknown_category", "nasal_canula")
    assert "nasal_cannula" in str(reject["hint"])
    assert "bipap" in str(reject["hint"])


def test_a_missing_category() -> None:
    reject = refusal(concept="oxygen_device", value=None, unit=None, text=None)
    assert reject["rule"] == "missing_text"
    assert "bipap" in str(reject["hint"])


def test_products_by_key_brand_and_unknown_name() -> None:
    infusion = {"concept": "car_t_infusion", "value": None, "unit": None}
    rows = (
        {**infusion, "text": text} for text in ("axicabtagene_ciloleucel", "Yescarta", "YESCARTA", "Trial product 7")
    )
    found = admitted(*rows).observations["text"].to_list()
    assert found == ["axicabtagene_ciloleucel"] * 3 + ["trial_product_7"]


# ---------------------------------------------------------------- ends, status, availability


def test_ends() -> None:
    infusion = {"concept": "norepinephrine", "value": "0.1", "unit": "mcg/kg/min"}
    assert refusal(**infusion, until="2024-03-01T11:59:59Z")["rule"] == "end_before_start"
    assert refusal(**infusion, until=NOON)["rule"] == "end_not_after_start"
    assert refusal(**infusion, until="later")["rule"] == "bad_time"
    found = admitted({**infusion, "until": "2024-03-01T13:00:00Z"}).observations
    assert found["until"].item() - found["time"].item() == 3_600_000_000


def test_a_dose_may_end_when_it_begins() -> None:
    dose = {"concept": "tocilizumab", "value": "640", "unit": "mg", "until": NOON}
    assert len(admitted(dose).observations) == 1


def test_statuses() -> None:
    statuses = ("Final", "corrected", "preliminary", None, "entered in error")
    found = admitted(*({"status": status} for status in statuses)).observations["status"].to_list()
    assert found == ["final", "amended", "preliminary", "final", "entered-in-error"]
    assert refusal(status="guessed")["rule"] == "unknown_status"


def test_a_row_that_takes_another_back_needs_no_value() -> None:
    back = {"status": "entered-in-error", "source": "lab:1"}
    found = admitted({**back, "value": None, "unit": None}, {**back, "value": "-300"}, {**back, "unit": "furlong"})
    assert found.rejects.is_empty()
    assert found.observations["status"].unique().to_list() == ["entered-in-error"]
    assert found.observations["value"].to_list()[2] is None


def test_availability() -> None:
    assert (
        admitted({"available": "2024-03-01T14:00:00Z"}).observations["available"].item() == NOON_US + 2 * 3_600_000_000
    )
    for available in ("soon", "2024-03-01T14:00:00"):
        assert refusal(available=available)["rule"] == "bad_available"


def test_a_source_is_kept_and_a_missing_one_invented() -> None:
    assert admitted({"source": "lab 7"}, {"source": ""}).observations["source"].to_list() == ["lab 7", "x.csv:2"]


# ---------------------------------------------------------------- whole tables


@pytest.mark.parametrize(
    ("columns", "missing"),
    [(["time", "concept"], "patient"), (["patient", "time"], "concept"), (["patient", "concept"], "time or hours")],
)
def test_a_missing_column_is_one_clear_error(columns: list[str], missing: str) -> None:
    frame = pl.DataFrame({name: ["x"] for name in [*columns, "vlaue"]})
    with pytest.raises(InputError, match=missing) as caught:
        admit(frame, KNOWLEDGE, file="x.csv")
    assert "vlaue" in caught.value.where
    assert caught.value.hint


def test_a_column_with_a_near_name_is_suggested() -> None:
    with pytest.raises(InputError) as caught:
        admit(pl.DataFrame({"patients": ["x"], "time": ["x"], "concept": ["x"]}), KNOWLEDGE, file="x.csv")
    assert "'patients' to 'patient'" in caught.value.hint


def test_one_column_twice() -> None:
    frame = pl.DataFrame({"patient": ["x"], "Patient ": ["y"], "time": ["x"], "concept": ["x"]})
    with pytest.raises(InputError, match="more than once"):
        admit(frame, KNOWLEDGE, file="x.csv")


def test_a_column_that_is_not_read_is_told() -> None:
    ledger = admitted({"ward": "7"}).ledger
    assert ledger.filter(pl.col("fate") == "ignored").select("reason", "rows").rows() == [
        ("column 'ward' is not read", 0)
    ]


def test_an_unknown_zone_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="Europe/Nowhere"):
        admitted({}, zone="Europe/Nowhere")


def test_a_lazy_and_an_empty_frame() -> None:
    frame = pl.DataFrame([GOOD])
    assert admit(frame.lazy(), KNOWLEDGE, file="x").observations.equals(admit(frame, KNOWLEDGE, file="x").observations)
    assert admit(frame.clear(), KNOWLEDGE, file="x").observations.is_empty()
    assert read_frames(frame, KNOWLEDGE).ledger["rows"].sum() == 1


def test_bad_rows_lose_nothing_else() -> None:
    bad = [{"concept": "x"}, {"unit": "x"}, {"value": "x"}, {"time": "x"}, {"patient": ""}, {"value": "99"}]
    good = [{"patient": f"P{place}"} for place in range(len(bad))]
    mixed = [row for pair in zip(bad, good, strict=True) for row in pair]
    with_bad, without = admitted(*mixed), admitted(*good)
    same = ["patient", "time", "concept", "value", "unit"]
    assert with_bad.observations.select(same).equals(without.observations.select(same))
    assert with_bad.ledger["rows"].sum() == len(mixed)
    assert len(with_bad.rejects) == len(bad)


@given(st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows = [
        {},
        {"value": "x"},
        {"unit": "°F", "value": "99.5"},
        {"concept": "x"},
        {"concept": "fio2", "value": "40", "unit": None},
        {"concept": "oxygen_device", "value": None, "unit": None, "text": "NC"},
        {"value": "38,7", "comparator": ">"},
        {"status": "amended", "time": "2024-03-01 12:00+01"},
    ]
    rows = [{**row, "source": str(place)} for place, row in enumerate(rows)]
    first, second = admitted(*rows), admitted(*(rows[place] for place in order))
    for name in ("observations", "rejects"):
        one, other = getattr(first, name).drop("row").sort("source"), getattr(second, name).drop("row").sort("source")
        assert one.equals(other)
