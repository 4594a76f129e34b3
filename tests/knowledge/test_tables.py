"""What the tables hold: every concept of the contract, units that convert exactly, codes with their check digits."""

from __future__ import annotations

import re
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest

from cytowatch.knowledge import Knowledge, list_items, load
from cytowatch.knowledge.load import TABLES
from cytowatch.knowledge.model import AnyOf, Compare, In, Running, Unit
from cytowatch.knowledge.parse import fold
from cytowatch.schema import HOUR_US


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def canonical(value: Fraction, unit: Unit) -> Fraction:
    """The value in the canonical unit."""
    return (value + unit.shift) * unit.factor


def accepted(tables: Knowledge, concept: str, name: str) -> Unit:
    """An accepted unit by its name."""
    return next(unit for unit in tables.concepts[concept].accepted if unit.name == name)


# ---------------------------------------------------------------- what is there


def contract_concepts(root: Path) -> list[str]:
    """The keys that section 1 of the contract names, from the page itself."""
    page = (root / "docs/reference/contract.md").read_text(encoding="utf-8")
    section = page.split("### Concepts every reader must know")[1].split("### Rejects")[0]
    # categories and product keys stand in parentheses, units in brackets
    keys = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", section.split("\n", 1)[1])
    return [key for quoted in re.findall(r"`([a-z0-9_ \n]+)`", keys) for key in quoted.split()]


def test_every_concept_of_the_contract_is_there(tables: Knowledge, root: Path) -> None:
    keys = contract_concepts(root)
    assert len(keys) > 100
    assert [key for key in keys if key not in tables.concepts] == []


def test_every_concept_speaks_for_a_stated_time(tables: Knowledge) -> None:
    hours = {key: (concept.valid_for_us or 0) / HOUR_US for key, concept in tables.concepts.items()}
    assert min(hours.values()) > 0
    asked = ("body_temperature", "mean_arterial_pressure", "oxygen_flow", "norepinephrine", "ice_score", "crp", "death")
    assert [hours[key] for key in asked] == [8, 8, 24, 24, 24, 48, 24]


def test_order_of_categories_puts_the_worse_last(tables: Knowledge) -> None:
    last = {
        key: tables.concepts[key].categories[-1] for key in ("oxygen_device", "attribution", "oxygen_reason", "death")
    }
    assert last == {
        "oxygen_device": "invasive_ventilation",
        "attribution": "crs",
        "oxygen_reason": "crs_hypoxia",
        "death": "crs",
    }
    assert tables.concepts["oxygen_device"].categories[:2] == ("room_air", "other")


def test_scales_become_trees_of_conditions(tables: Knowledge) -> None:
    criteria = {part.id: part for part in tables.scales["crs.astct-2019"].criteria}
    assert criteria["fever"].when == Compare("body_temperature", ">=", 38.0, "Cel")
    assert criteria["vasopressin"].when == Running(("vasopressin",), 1)
    assert criteria["vasopressin"].source == "house"
    assert criteria["vasopressor"].source == "lee2019"
    pressure = criteria["positive_pressure"].when
    assert isinstance(pressure, AnyOf)
    assert isinstance(pressure.of[0], In)
    ice = next(part for part in tables.scales["icans.astct-2019"].domains if part.id == "ice")
    assert [(band.low, band.high, band.grade) for band in ice.bands] == [(0, 2, 3), (3, 6, 2), (7, 9, 1), (10, 10, 0)]
    assert sum(maximum for _, maximum in ice.items) == 10


def test_everything_cited_is_a_source(tables: Knowledge) -> None:
    cited = {item.source for item in list_items(tables) if item.source}
    cited |= {part.source for scale in tables.scales.values() for part in scale.criteria}
    cited |= {part.source for scale in tables.scales.values() for part in scale.domains}
    cited |= {fact.cited.source for product in tables.products.values() for fact in product.facts}
    cited |= {row["source"] for rows in tables.codes.values() for row in rows if row.get("source")}
    assert cited - set(tables.sources) == set()


def test_products_take_the_window_of_their_trigger_unless_they_have_their_own(tables: Knowledge) -> None:
    days = {key: product.window_days for key, product in tables.products.items()}
    assert (days["axicabtagene_ciloleucel"], days["teclistamab"], days["nivolumab"]) == (30, 21, 126)


def test_product_keys_are_never_names_of_something_else(tables: Knowledge) -> None:
    windows = tables.policy("windows")
    assert isinstance(windows, dict)
    assert {tables.concepts[key].kind for key in windows} == {"trigger"}
    assert {tables.product_aliases[name] for name in ("Yescarta", "yescarta", "axi-cel", "axi_cel")} == {
        "axicabtagene_ciloleucel"
    }
    assert set(tables.product_aliases.values()) <= set(tables.products)


def test_british_and_brand_names_are_aliases(tables: Knowledge) -> None:
    names = ["noradrenaline", "Adrenaline", "paracetamol", "RoActemra", "haemoglobin", "cerebral oedema", "Solu-Medrol"]
    assert [tables.concept_aliases[fold(name)] for name in names] == [
        "norepinephrine",
        "epinephrine",
        "acetaminophen",
        "tocilizumab",
        "hemoglobin",
        "cerebral_edema",
        "methylprednisolone",
    ]


def test_category_aliases_lead_to_a_category(tables: Knowledge) -> None:
    for concept in tables.concepts.values():
        assert set(concept.category_aliases.values()) <= set(concept.categories)
    assert tables.concepts["eeg_seizure"].category_aliases["nonconvulsive"] == "resolved"
    assert tables.concepts["oxygen_device"].category_aliases["hfnc"] == "high_flow_nasal_cannula"


def test_no_two_tables_name_the_same_thing_differently() -> None:
    files = [tomllib.loads(file.read_text("utf-8")) for file in (TABLES / "scales").glob("*.toml")]
    ids = [scale["id"] for file in files for scale in file.get("scale", [file])]
    assert len(set(ids)) == len(ids)


# ---------------------------------------------------------------- units


def test_every_accepted_unit_goes_there_and_back_exactly(tables: Knowledge) -> None:
    for concept in tables.concepts.values():
        for unit in concept.accepted:
            assert unit.to in concept.units
            value = Fraction(1004, 10)
            assert canonical(value, unit) / unit.factor - unit.shift == value


@pytest.mark.parametrize(
    ("concept", "unit", "value", "expected"),
    [
        ("body_temperature", "[degF]", "100.4", "38"),
        ("body_temperature", "°F", "100.4", "38"),
        ("body_temperature", "K", "311.15", "38"),
        ("bilirubin", "umol/L", "102.6", "6"),
        ("creatinine", "µmol/L", "88.4", "1"),
        ("crp", "mg/dL", "1.5", "15"),
        ("ferritin", "ng/mL", "500", "500"),
        ("fibrinogen", "mg/dL", "150", "1.5"),
        ("platelets", "K/uL", "50", "50"),
        ("platelets", "/uL", "50000", "50"),
        ("triglycerides", "mg/dL", "88.57", "1"),
        ("hemoglobin", "g/L", "80", "8"),
        ("ldh", "ukat/L", "1", "60"),
        ("vasopressin", "units/hour", "2.4", "0.04"),
        ("vasopressin", "mU/min", "40", "0.04"),
        ("norepinephrine", "mcg/kg/min", "0.1", "0.1"),
        ("norepinephrine", "mg/h", "0.6", "10"),
        ("fio2", "%", "40", "0.4"),
        ("calcium", "mmol/L", "1.75", "7"),
    ],
)
def test_known_pairs_convert_exactly(tables: Knowledge, concept: str, unit: str, value: str, expected: str) -> None:
    assert canonical(Fraction(value), accepted(tables, concept, unit)) == Fraction(expected)


def test_families_that_cannot_be_converted_stay_apart(tables: Knowledge) -> None:
    assert accepted(tables, "norepinephrine", "mcg/min").to != accepted(tables, "norepinephrine", "mcg/kg/min").to
    assert accepted(tables, "il_2r", "U/mL").to != accepted(tables, "il_2r", "pg/mL").to
    feu = {unit.name for unit in tables.concepts["d_dimer_feu"].accepted}
    assert not any("DDU" in name for name in feu)


def test_both_micro_signs_are_accepted(tables: Knowledge) -> None:
    for concept in tables.concepts.values():
        names = {unit.name for unit in concept.accepted}
        for name in names:
            if name.startswith("\u00b5"):
                assert name.replace("\u00b5", "\u03bc") in names, (concept.key, name)


def test_a_number_without_a_unit_is_accepted_only_where_it_means_one_thing(tables: Knowledge) -> None:
    bare = {key for key, part in tables.concepts.items() if any(unit.name == "" for unit in part.accepted)}
    assert "body_temperature" not in bare
    assert {tables.concepts[key].units[0] for key in bare} == {"{score}", "{grade}", "{INR}", "1", "[pH]"}


# ---------------------------------------------------------------- codes


def luhn(code: str) -> bool:
    """LOINC's check digit, modulus 10."""
    digits = [int(digit) for digit in code.replace("-", "")]
    doubled = [digit if place % 2 == 0 else sum(divmod(digit * 2, 10)) for place, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def verhoeff(code: str) -> bool:
    """SNOMED CT's check digit, computed in the dihedral group of ten elements."""

    def times(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5

    turned, check = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), 0
    for place, digit in enumerate(map(int, reversed(code))):
        moved = digit
        for _ in range(place % 8):
            moved = turned[moved]
        check = times(check, moved)
    return check == 0


def test_the_check_digits_know_good_from_bad() -> None:
    assert luhn("8310-5")
    assert luhn("30934-4")
    assert not luhn("30934-9")
    assert not luhn("99844-5")
    assert verhoeff("386725007")
    assert not verhoeff("450740000")


def test_every_loinc_and_snomed_code_has_its_check_digit(tables: Knowledge) -> None:
    assert [row["code"] for row in tables.codes["loinc"] if not luhn(row["code"])] == []
    assert [row["code"] for row in tables.codes["snomed"] if not verhoeff(row["code"])] == []


@pytest.mark.parametrize("system", ["loinc", "snomed", "rxnorm", "omop", "mimic_items"])
def test_every_code_means_one_known_thing(tables: Knowledge, system: str) -> None:
    rows = tables.codes[system]
    assert len({row["code"] for row in rows}) == len(rows) > 20
    for row in rows:
        concept = tables.concepts[row["concept"]]
        known = tables.products if concept.kind == "trigger" else concept.categories
        assert not row["category"] or row["category"] in known, row
        assert not row["unit"] or row["unit"] in {unit.name for unit in concept.accepted}, row
        assert row["evidence"] in ("primary", "secondary", "recalled", "house")
