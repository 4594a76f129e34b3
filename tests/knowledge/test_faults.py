"""Deliberate faults, one at a time, in a copy of the tables: each is found, and named by file, table and key."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import lint, load
from cytowatch.knowledge.layers import read_layer
from cytowatch.knowledge.load import TABLES, _build

CRS, ICANS = "scales/crs.astct-2019.toml", "scales/icans.astct-2019.toml"
CONCEPTS, POLICY, SOURCES, MESSAGES = "concepts.toml", "policy.toml", "sources.toml", "messages.toml"
Edit = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """One edit of one file, and the words that the complaint must hold."""

    file: str
    edit: Edit
    table: str
    key: str
    said: str = ""


def swap(old: str, new: str, inside: str = "") -> Edit:
    """Put ``new`` for the first ``old`` after the header or line ``inside``."""

    def edit(text: str) -> str:
        start = text.index(inside)
        place = text.index(old, start)
        return text[:place] + new + text[place + len(old) :]

    return edit


def drop_line(beginning: str, inside: str = "") -> Edit:
    """Take out the first line that begins so, at or after ``inside``."""

    def edit(text: str) -> str:
        start = text.index(inside)
        return text[:start] + re.sub(rf"(?m)^{re.escape(beginning)}.*\n", "", text[start:], count=1)

    return edit


def add(row: str) -> Edit:
    """Put a row at the end."""
    return lambda text: text.rstrip("\n") + "\n" + row + "\n"


def in_criterion(identifier: str, old: str, new: str) -> Edit:
    """Put ``new`` for the first ``old`` in or after this criterion."""
    return swap(old, new, f'[[criterion]]\nid = "{identifier}"')


def site_limits(row: str) -> Edit:
    """State limits of normal for the whole site."""
    return swap("value = {}", f"value = {{ {row} }}", "[policy.reference_ranges]")


SBP_BAND = "{ from_years = 1, to_years = 11,"
FAULTS = {
    # ------------------------------------------------------------ sources
    "dead source": Fault(
        CRS, in_criterion("vasopressin", '"house"', '"lee2091"'), "criterion.vasopressin", "source", "lee2091"
    ),
    "dead source of a policy": Fault(
        POLICY,
        swap('source = "pals"', 'source = "goldstien"', "[policy.pediatric"),
        "policy.pediatric_hypotension",
        "source",
    ),
    "dead source of a product": Fault(
        "products/car_t.toml",
        swap('source = "kymriah_isi_2018"', 'source = "nobody"'),
        "product.tisagenlecleucel.editions.isi_2018_all.facts.crs",
        "source",
    ),
    "missing locator": Fault(
        CRS,
        in_criterion("fever", 'locator = "grade table, row fever; footnote on attribution"\n', ""),
        "criterion.fever",
        "locator",
    ),
    "empty locator": Fault(
        ICANS, swap('"ICANS table, row seizure"', '""', 'id = "seizure"'), "domain.seizure", "locator", "empty"
    ),
    "own choice without a place": Fault(
        CRS,
        in_criterion("vasopressin", '"policy vasopressin_alone;', '"we think so;'),
        "criterion.vasopressin",
        "locator",
    ),
    "locator to a policy that is gone": Fault(
        ICANS, swap("policy capd_zero", "policy capd_nought"), "domain.capd.bands.1", "locator", "capd_nought"
    ),
    "wrong evidence word": Fault(
        CRS, in_criterion("hypotension", '"secondary"', '"certain"'), "criterion.hypotension", "evidence", "certain"
    ),
    "own choice called evidence": Fault(
        CRS,
        in_criterion("vasopressin", 'evidence = "house"', 'evidence = "primary"'),
        "criterion.vasopressin",
        "evidence",
    ),
    "DOI as a link": Fault(SOURCES, swap('doi = "10.', 'doi = "https://doi.org/10.'), "source.lee2019", "doi"),
    # ------------------------------------------------------------ concepts and units
    "factor zero": Fault(
        CONCEPTS, swap('factor = "5/9"', 'factor = "0"'), "unit_set.temperature.accepted.[degF]", "factor"
    ),
    "unit into a unit that is not canonical": Fault(
        CONCEPTS, swap('to = "ug/kg/min"', 'to = "mg/kg/min"'), "unit_set.catecholamine_rate.accepted", "to"
    ),
    "limits of normal that are no band": Fault(
        CONCEPTS,
        swap("limit_high = [0.3, 2.5]", "limit_high = [2.5, 0.3]"),
        "concept.creatinine",
        "limit_high",
        "least",
    ),
    "limits of normal of another unit that could pass": Fault(
        CONCEPTS,
        swap("limit_high = [0.3, 2.5]", "limit_high = [0.3, 2.7]"),
        "concept.creatinine",
        "limit_high",
        "A limit in 'umol/L' can pass for one in 'mg/L'",
    ),
    "limits of normal that no value can have": Fault(
        CONCEPTS,
        swap("limit_low = [9, 14.4]", "limit_low = [0.5, 0.7]"),
        "concept.hemoglobin",
        "limit_low",
        "plausible",
    ),
    "limit that a condition reads and nobody knows": Fault(
        CONCEPTS, drop_line("limit_high", "[concept.creatinine]"), "concept.creatinine", "limit_high", "its uln"
    ),
    "least amount of something that is never 0": Fault(
        CONCEPTS, swap("limit_low = [9, 14.4]", "smallest = 3\nlimit_low = [9, 14.4]"), "concept.hemoglobin", "smallest"
    ),
    "site's limits of something that does not exist": Fault(
        POLICY, site_limits("sgpt = [7, 56]"), "policy.reference_ranges", "value", "`sgpt` is no measured concept"
    ),
    "site's limits of a drug": Fault(
        POLICY, site_limits("norepinephrine = [0, 1]"), "policy.reference_ranges", "value", "no measured concept"
    ),
    "site's limits of something without a number": Fault(
        POLICY, site_limits("consciousness = [0, 1]"), "policy.reference_ranges", "value", "no number"
    ),
    "site's limits upside down": Fault(
        POLICY, site_limits("alt = [56, 7]"), "policy.reference_ranges", "value", "the lower first"
    ),
    "site's limits in another unit": Fault(
        POLICY,
        site_limits("creatinine = [62, 106]"),
        "policy.reference_ranges",
        "value",
        "No laboratory has 106 mg/dL as the upper limit of `creatinine`",
    ),
    "site's limits of what no band is known of": Fault(
        POLICY, site_limits("spo2 = [94, 200]"), "policy.reference_ranges", "value", "200 %"
    ),
    "one unit with two meanings": Fault(
        CONCEPTS, swap('"K" = [', '"K" = ["° F", '), "concept.body_temperature", "unit_set", "two meanings"
    ),
    "plausible range upside down": Fault(
        CONCEPTS, swap("[25, 45]", "[45, 25]"), "concept.body_temperature", "plausible"
    ),
    "valid_for missing": Fault(
        CONCEPTS, drop_line("valid_for_hours", "[concept.spo2]"), "concept.spo2", "valid_for_hours"
    ),
    "alias clash": Fault(CONCEPTS, swap('["hr",', '["sbp",'), "concept.heart_rate", "", "'sbp' of `heart_rate`"),
    "category twice": Fault(
        CONCEPTS,
        swap('["none", "brief"', '["none", "none", "brief"', "[concept.seizure]"),
        "concept.seizure",
        "categories",
    ),
    "exception without none": Fault(
        CONCEPTS,
        swap('["none", "focal"]', '["focal", "none"]', "[concept.motor_weakness]"),
        "concept.motor_weakness",
        "categories",
    ),
    # ------------------------------------------------------------ criteria
    "unknown concept": Fault(
        CRS, in_criterion("hypotension", "mean_arterial_pressure", "map_pressure"), "criterion.hypotension", "when"
    ),
    "unknown unit": Fault(CRS, in_criterion("fever", '"Cel"', '"Celsius degrees"'), "criterion.fever", "when"),
    "cut-off in a unit that is not canonical": Fault(
        CRS,
        in_criterion("fever", 'value = 38.0, unit = "Cel"', 'value = 100.4, unit = "[degF]"'),
        "criterion.fever",
        "when",
        "converted once",
    ),
    "cut-off outside the plausible range": Fault(
        CRS, in_criterion("fever", "value = 38.0", "value = 380"), "criterion.fever", "when", "plausible"
    ),
    "unknown category": Fault(
        CRS, in_criterion("positive_pressure", '"bipap"', '"bipapp"'), "criterion.positive_pressure", "when", "bipapp"
    ),
    "unknown threshold": Fault(
        CRS, in_criterion("hypotension", '"hypotension_sbp"', '"low_sbp"'), "criterion.hypotension", "when", "low_sbp"
    ),
    "threshold of another concept": Fault(
        CRS, in_criterion("hypotension", '"hypotension_map"', '"hypotension_sbp"'), "criterion.hypotension", "when"
    ),
    "device in a drug list": Fault(
        CRS,
        in_criterion("vasopressin", '["vasopressin"]', '["oxygen_device"]'),
        "criterion.vasopressin",
        "when",
        "infusion",
    ),
    "more drugs than there are": Fault(
        CRS,
        in_criterion("vasopressin", "at_least = 1", "at_least = 2"),
        "criterion.vasopressin",
        "when",
        "at_least is 2",
    ),
    "category missing": Fault(
        CRS, lambda text: text.replace('["blow_by", "simple_mask"', '["simple_mask"'), "domain.oxygen", "id", "blow_by"
    ),
    "category in a higher level only": Fault(
        CRS,
        in_criterion("positive_pressure", '["cpap"', '["blow_by", "cpap"'),
        "criterion.positive_pressure",
        "when",
        "blow_by",
    ),
    "category in two lists of one level": Fault(
        CRS,
        in_criterion("supplemental_oxygen", '["blow_by",', '["blow_by", "nasal_cannula",'),
        "criterion.supplemental_oxygen",
        "when",
        "classified 2 times",
    ),
    "milder device at a higher level": Fault(
        CRS,
        in_criterion("high_flow_oxygen", '["simple_mask"', '["blow_by", "simple_mask"'),
        "domain.oxygen",
        "oxygen_device",
    ),
    "operator turned round": Fault(
        CRS, in_criterion("fever", '">="', '"<="'), "criterion.fever", "when", "A worse value"
    ),
    "equality for a threshold": Fault(
        CRS,
        in_criterion("high_flow_oxygen", 'op = ">", value = 6', 'op = "==", value = 6'),
        "criterion.high_flow_oxygen",
        "when",
    ),
    "comparison that nothing can meet": Fault(
        CRS,
        in_criterion("high_flow_oxygen", 'op = ">", value = 6', 'op = ">", value = 60'),
        "criterion.high_flow_oxygen",
        "when",
        "never true",
    ),
    "criterion never met": Fault(
        CRS,
        in_criterion(
            "vasopressin",
            '{ running = ["vasopressin"], at_least = 1 }',
            '{ all = [{ running = ["vasopressin"] }, { not = { running = ["vasopressin"] } }] }',
        ),
        "criterion.vasopressin",
        "when",
        "never met",
    ),
    "wrong order of grades": Fault(
        CRS,
        in_criterion("multiple_vasopressors", "grade = 4", "grade = 2"),
        "criterion.vasopressor",
        "when",
        "multiple",
    ),
    "criterion never used": Fault(
        CRS,
        in_criterion("vasopressor", "at_least = 1", "at_least = 2"),
        "criterion.vasopressor",
        "grade",
        "never makes",
    ),
    "criterion of a grade that only death makes": Fault(
        CRS, in_criterion("positive_pressure", "grade = 4", "grade = 5"), "criterion.positive_pressure", "grade"
    ),
    "unknown domain": Fault(
        CRS,
        in_criterion("vasopressin", 'domain = "pressure"', 'domain = "circulation"'),
        "criterion.vasopressin",
        "domain",
    ),
    "duplicate id": Fault(
        CRS, swap('id = "vasopressin"', 'id = "vasopressor"'), "", "criterion", "`vasopressor` is there twice"
    ),
    # ------------------------------------------------------------ the scale
    "gap in the grades": Fault(CRS, drop_line("3 = ", "[grades]"), "grades", "3"),
    "unknown attribution concept": Fault(
        CRS, swap('"attribution_hypoxia"', '"attribution_oxygen"'), "domain.oxygen", "attribution"
    ),
    "unknown excluding reason": Fault(CRS, swap('"sleep_apnea"', '"snoring"'), "domain.oxygen", "excluding", "snoring"),
    "waived by something that is no dose": Fault(
        CRS, swap('"acetaminophen"', '"body_temperature"'), "episode", "waived_by", "dose"
    ),
    "opened by nothing": Fault(CRS, swap('"fever"', '"heat"', "opens_with"), "episode", "opens_with", "heat"),
    "unknown cause of death": Fault(
        ICANS, swap('"icans"', '"brain"', "death_cause"), "episode", "death_cause", "brain"
    ),
    # ------------------------------------------------------------ scores, coded signs, cut-offs by age
    "overlap of bands": Fault(ICANS, swap("from = 3, to = 6", "from = 2, to = 6"), "domain.ice", "bands", "overlap"),
    "gap between bands": Fault(ICANS, swap("from = 7, to = 9", "from = 8, to = 9"), "domain.ice", "bands", "gap"),
    "bands short of the range": Fault(ICANS, swap("to = 32", "to = 30"), "domain.capd", "bands", "30"),
    "bands in the wrong direction": Fault(
        ICANS,
        lambda text: text.replace("to = 2, grade = 3", "to = 2, grade = 1").replace(
            "to = 9, grade = 1", "to = 9, grade = 3"
        ),
        "domain.ice",
        "bands",
        "worse score",
    ),
    "grade that the scale has not": Fault(ICANS, swap("grade = 3", "grade = 7"), "domain.ice", "bands", "no grade 7"),
    "unreachable grade": Fault(
        ICANS,
        lambda text: (
            drop_line("  { from = 3, to = 6")(text)
            .replace("from = 7, to = 9", "from = 3, to = 9")
            .replace("to_voice = 2", "to_voice = 3")
        ),
        "grades",
        "2",
        "No state reaches grade 2",
    ),
    "items that do not add up": Fault(
        ICANS, swap('["ice_naming", 3]', '["ice_naming", 2]'), "domain.ice", "items", "9"
    ),
    "unknown item": Fault(ICANS, swap('"ice_city"', '"ice_town"'), "domain.ice", "items", "ice_town"),
    "category without a grade": Fault(ICANS, swap("prolonged = 4, ", ""), "domain.seizure", "categories", "prolonged"),
    "grade of no category": Fault(
        ICANS, swap("focal = 3,", "patchy = 3,"), "domain.cerebral_edema", "categories", "patchy"
    ),
    "categories in the wrong order": Fault(
        ICANS, swap("to_voice = 2, to_touch = 3", "to_voice = 3, to_touch = 2"), "domain.consciousness", "categories"
    ),
    "threshold gap": Fault(
        POLICY, swap(SBP_BAND, SBP_BAND.replace("1,", "2,", 1)), "threshold.hypotension_sbp", "bands", "gap"
    ),
    "threshold overlap": Fault(
        POLICY, swap("from_days = 29", "from_days = 20"), "threshold.hypotension_sbp", "bands", "overlap"
    ),
    "threshold that falls with age": Fault(
        POLICY,
        swap("from_years = 11, base = 90", "from_years = 11, base = 80"),
        "threshold.hypotension_sbp",
        "bands",
        "falls",
    ),
    "threshold outside the plausible range": Fault(
        POLICY, swap("from_years = 18, base = 65", "from_years = 18, base = 650"), "threshold.hypotension_map", "bands"
    ),
    "threshold in another unit": Fault(
        POLICY, swap('"mm[Hg]"', '"kPa"', "[threshold.hypotension_map]"), "threshold.hypotension_map", "unit"
    ),
    # ------------------------------------------------------------ policies, products, codes, sentences
    "policy value that is no option": Fault(
        POLICY, swap('value = "counts"', 'value = "sometimes"'), "policy.attribution_unknown", "value"
    ),
    "policy that names no concept": Fault(
        POLICY, swap('"prednisone"', '"predisone"', "[policy.steroids]"), "policy.steroids", "value", "predisone"
    ),
    "policy that the engine needs": Fault(
        POLICY, lambda text: text.replace("[policy.inotropes]", "[policy.inotropic]"), "policy.inotropes", "value"
    ),
    "product window zero": Fault(
        "products/engagers.toml",
        swap('brands = ["Blincyto"]', 'brands = ["Blincyto"]\nwindow_days = 0'),
        "product.blinatumomab",
        "window_days",
    ),
    "brand of two products": Fault(
        "products/engagers.toml",
        swap('["Lunsumio"]', '["Blincyto"]'),
        "product.mosunetuzumab",
        "",
        "'Blincyto' of `mosunetuzumab`",
    ),
    "wrong LOINC check digit": Fault("codes/loinc.csv", swap("8310-5", "8310-6"), "8310-6", "code", "check digit"),
    "wrong SNOMED check digit": Fault(
        "codes/snomed.csv", swap("276885007", "276885070"), "276885070", "code", "check digit"
    ),
    "RxNorm code that is no number": Fault("codes/rxnorm.csv", swap("7512,", "N7512,"), "N7512", "code"),
    "code to an unknown concept": Fault(
        "codes/loinc.csv", swap("8310-5,body_temperature", "8310-5,body_temp"), "8310-5", "concept", "body_temp"
    ),
    "code to two concepts": Fault(
        "codes/rxnorm.csv", add("7512,epinephrine,,,secondary,x"), "7512", "concept", "already means norepinephrine"
    ),
    "code to an unknown category": Fault(
        "codes/snomed.csv", swap("oxygen_device,venturi_mask", "oxygen_device,venti"), "429253002", "category", "venti"
    ),
    "code in an unknown unit": Fault("codes/mimic_items.csv", swap("[degF]", "degrees"), "223761", "unit", "degrees"),
    "ignored without a reason": Fault(
        "codes/clif_assessments.csv",
        lambda text: re.sub(r"(?m)^(braden_activity,ignore,,,,)[^,]*", r"\1", text),
        "braden_activity",
        "reason",
    ),
    "missing message": Fault(MESSAGES, drop_line("blood_pressure"), "missing", "blood_pressure"),
    "missing sentence of a flag": Fault(CRS, drop_line("inotrope", "[flags]"), "flags", "inotrope"),
    "TOML syntax error": Fault(POLICY, swap("value = 24", "value = = 24"), "", "", "not valid TOML"),
    "table twice": Fault(POLICY, add("[policy.windows]\nvalue = 3"), "", "", "not valid TOML"),
}


def complaints(folder: Path) -> list[str]:
    """What the loader or the lint says of a whole folder of tables, errors only."""
    try:
        knowledge = _build([read_layer(folder)])
    except KnowledgeError as error:
        return [str(error)]
    return [str(finding) for finding in lint(knowledge) if finding.severity == "error"]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A copy of the package's tables, to be spoiled."""
    return Path(shutil.copytree(TABLES, tmp_path / "tables"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_named_by_file_table_and_key(tables: Path, name: str) -> None:
    fault = FAULTS[name]
    file = tables / fault.file
    before = file.read_text("utf-8")
    after = fault.edit(before)
    assert after != before, "the fault changes nothing"
    file.write_text(after, "utf-8")
    said = complaints(tables)
    parts = [fault.file, f"[{fault.table}" if fault.table else "", f"`{fault.key}`" if fault.key else "", fault.said]
    assert any(all(part in one for part in parts) for one in said), "\n".join(said) or "nothing was found"


def test_the_copy_without_a_fault_is_sound(tables: Path) -> None:
    assert complaints(tables) == []


def test_a_fault_of_a_site_is_named_by_the_file_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('[policy.inotropes]\nvalue = ["dobutamine", "milk"]\n', "utf-8")
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "loinc.csv").write_text(
        "code,concept,evidence,note\n8310-7,body_temperature,house,policy x\n", "utf-8"
    )
    found = [finding for finding in lint(load(tmp_path)) if finding.severity == "error"]
    assert {(finding.file, finding.table, finding.key) for finding in found} >= {
        (str(tmp_path / "policy.toml"), "policy.inotropes", "value"),
        (str(tmp_path / "codes" / "loinc.csv"), "8310-7", "code"),
    }
