"""The shipped tables make sense, and the lint reads the rules as the semantics page says."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cytowatch.engine import crs, icans
from cytowatch.knowledge import Finding, Knowledge, lint, load
from cytowatch.knowledge.lint import REQUIRED_POLICIES
from cytowatch.knowledge.lint.codes import loinc_is_valid, snomed_is_valid
from cytowatch.knowledge.lint.logic import Age, Drugs, Logic, Special, State
from cytowatch.knowledge.lint.names import EPISODE_FLAGS, FLAG_NAMES, MISSING_NAMES, STATES, VERDICTS
from cytowatch.knowledge.lint.states import ages, spaces
from cytowatch.knowledge.model import Scale

UNKNOWN, UNDECIDED, OFF = Special.UNKNOWN, Special.UNDECIDED, Special.OFF


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


@pytest.fixture(scope="module")
def scale(tables: Knowledge) -> Scale:
    """CRS by ASTCT 2019."""
    return tables.scales["crs.astct-2019"]


# ---------------------------------------------------------------- the shipped tables


def test_the_shipped_tables_have_no_error(tables: Knowledge) -> None:
    assert [str(finding) for finding in lint(tables) if finding.severity == "error"] == []


def test_it_is_quick(tables: Knowledge) -> None:
    start = time.process_time()
    lint(tables)
    # every rule scale is proved once in a process, and then only looked up
    assert time.process_time() - start < 20


def test_a_finding_says_where_and_what_to_do() -> None:
    text = str(Finding("policy.toml", "policy.windows", "value", "It is wrong.", "Correct it."))
    assert text == (
        "error: It is wrong.\n  where: policy.toml, table [policy.windows], key `value`\n  what to do: Correct it."
    )


def test_what_was_not_read_and_decides_a_grade_is_a_warning(tables: Knowledge, scale: Scale) -> None:
    criteria = tuple(replace(one, evidence="recalled") if one.id == "hypotension" else one for one in scale.criteria)
    changed = replace(tables, scales={**tables.scales, scale.id: replace(scale, criteria=criteria)})
    new = set(lint(changed)) - set(lint(tables))
    assert [(one.severity, one.table, one.key) for one in new] == [("warning", "criterion.hypotension", "evidence")]


def test_an_unused_source_is_a_warning(tables: Knowledge) -> None:
    spare = replace(tables.sources["lee2019"], key="spare2020")
    changed = replace(tables, sources={**tables.sources, "spare2020": spare})
    new = set(lint(changed)) - set(lint(tables))
    assert [(one.severity, one.file, one.key) for one in new] == [("warning", "sources.toml", "spare2020")]


# ---------------------------------------------------------------- lists that must agree with the engine's code


def _calls(root: Path) -> Iterator[tuple[str, str, ast.expr]]:
    """Every call of the rooms that read policies: the function it stands in, the name it calls, and its argument."""
    for file in sorted(
        file for room in ("engine", "quality") for file in (root / "src/cytowatch" / room).rglob("*.py")
    ):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call):
                        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                        yield from ((function.name, name, part) for part in node.args)


def test_every_policy_that_the_engine_or_the_quality_report_reads_is_required(root: Path) -> None:
    calls = list(_calls(root))
    readers = {"policy"}
    # a function that hands its own argument on to `policy` reads a policy too
    for _ in range(3):
        readers |= {
            inside
            for inside, name, part in calls
            if name in readers and isinstance(part, ast.Name) and part.id == "key"
        }
    read = {part.value for _, name, part in calls if name in readers and isinstance(part, ast.Constant)}
    # two policies are read by admission, one by a name built from the concept's
    assert read | {"fio2_percent_from", "placeholder_end_days"} == set(REQUIRED_POLICIES)


def test_every_name_that_the_engine_writes_has_a_sentence() -> None:
    assert set(crs.MISSING) == set(MISSING_NAMES["fever_led"])
    assert set(icans.MISSING) == set(MISSING_NAMES["neuro"])
    assert set(crs.FLAGS) == set(FLAG_NAMES["fever_led"])
    assert set(icans.FLAGS) == set(FLAG_NAMES["neuro"])


def test_the_words_of_episodes_and_concordance_are_those_of_the_engine(root: Path) -> None:
    files = (root / "src/cytowatch/engine").glob("*.py")
    written = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant)
    }
    assert [name for name in (*STATES, *EPISODE_FLAGS, *VERDICTS) if name not in written] == []


# ---------------------------------------------------------------- check digits


@pytest.mark.parametrize("code", ["8310-5", "2708-6", "59408-5", "1988-5", "2276-4"])
def test_loinc_codes_carry_their_check_digit(code: str) -> None:
    assert loinc_is_valid(code)
    wrong = (int(code[-1]) + 1) % 10
    assert not loinc_is_valid(f"{code[:-1]}{wrong}")


@pytest.mark.parametrize("code", ["386725007", "271649006", "276885007", "47545007"])
def test_snomed_codes_carry_their_check_digit(code: str) -> None:
    assert snomed_is_valid(code)
    # Verhoeff's scheme finds every wrong digit and every swap of neighbors
    assert not any(snomed_is_valid(code[:-1] + digit) for digit in "0123456789" if digit != code[-1])
    assert not snomed_is_valid(code[:-2] + code[-1] + code[-2])


@pytest.mark.parametrize("code", ["", "8310", "8310-", "8310-55", "a310-5", "-5"])
def test_what_is_no_loinc_code(code: str) -> None:
    assert not loinc_is_valid(code)


# ---------------------------------------------------------------- the evaluator, by the semantics page

OXYGEN = {"oxygen_device": OFF, "oxygen_flow": UNKNOWN, "fio2": UNKNOWN}
PRESSURE = {"systolic_bp": UNKNOWN, "mean_arterial_pressure": UNKNOWN, "age": Age(40 * 365, 39)}
FIVE = "angiotensin_ii+dopamine+epinephrine+norepinephrine+phenylephrine"


@pytest.mark.parametrize(
    ("criterion", "state", "truth"),
    [
        ("fever", {"body_temperature": 38.0}, "yes"),
        ("fever", {"body_temperature": 37.999999999}, "no"),
        ("fever", {"body_temperature": UNKNOWN}, "open"),
        ("fever", {"body_temperature": UNDECIDED}, "open"),
        ("hypotension", PRESSURE, "open"),
        ("hypotension", PRESSURE | {"systolic_bp": 89.0}, "yes"),
        ("hypotension", PRESSURE | {"systolic_bp": 90.0}, "no"),
        ("hypotension", PRESSURE | {"systolic_bp": 90.0, "mean_arterial_pressure": 64.0}, "yes"),
        ("hypotension", PRESSURE | {"systolic_bp": 90.0, "mean_arterial_pressure": UNDECIDED}, "open"),
        ("hypotension", PRESSURE | {"age": Age(3000, 8), "systolic_bp": 85.0}, "yes"),
        ("hypotension", PRESSURE | {"age": Age(3000, 8), "systolic_bp": 86.0}, "no"),
        ("hypotension", PRESSURE | {"age": Age(3000, 8), "mean_arterial_pressure": 50.0}, "open"),
        ("hypotension", PRESSURE | {"age": UNKNOWN, "systolic_bp": 59.0}, "yes"),
        ("hypotension", PRESSURE | {"age": UNKNOWN, "systolic_bp": 75.0}, "open"),
        ("hypotension", PRESSURE | {"age": UNKNOWN, "systolic_bp": 90.0}, "no"),
        ("hypotension", PRESSURE | {"age": UNKNOWN, "mean_arterial_pressure": 64.0, "systolic_bp": 95.0}, "open"),
        ("hypotension", PRESSURE | {"age": UNKNOWN, "mean_arterial_pressure": 65.0, "systolic_bp": 95.0}, "no"),
        ("vasopressor", {FIVE: Drugs(0, 0)}, "no"),
        ("vasopressor", {FIVE: Drugs(0, 1)}, "open"),
        ("multiple_vasopressors", {FIVE: Drugs(1, 1)}, "open"),
        ("multiple_vasopressors", {FIVE: Drugs(2, 0)}, "yes"),
        ("supplemental_oxygen", OXYGEN, "no"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_flow": 2.0}, "yes"),
        ("high_flow_oxygen", OXYGEN | {"oxygen_flow": 2.0}, "open"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_device": "room_air", "fio2": 0.3}, "yes"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_device": UNKNOWN}, "open"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_device": "other"}, "open"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_device": "nasal_cannula"}, "yes"),
        ("supplemental_oxygen", OXYGEN | {"oxygen_device": "nasal_cannula", "oxygen_flow": 0.0}, "no"),
        ("high_flow_oxygen", OXYGEN | {"oxygen_device": "nasal_cannula"}, "open"),
        ("high_flow_oxygen", OXYGEN | {"oxygen_device": "nasal_cannula", "oxygen_flow": 6.0}, "no"),
        ("high_flow_oxygen", OXYGEN | {"oxygen_device": "nasal_cannula", "oxygen_flow": 6.1}, "yes"),
        ("positive_pressure", OXYGEN | {"oxygen_device": "cpap"}, "yes"),
        ("positive_pressure", OXYGEN | {"oxygen_device": "non_rebreather"}, "no"),
    ],
)
def test_a_condition_is_read_as_the_semantics_page_says(
    tables: Knowledge, scale: Scale, criterion: str, state: State, truth: str
) -> None:
    space = next(one for one in spaces(scale.criteria, tables) if criterion in {part.id for part in one.criteria})
    when = next(part.when for part in space.criteria if part.id == criterion)
    found = space.logic.truth(when, state)
    assert {(True, True): "yes", (False, False): "no", (False, True): "open"}[found] == truth


def test_the_state_space_holds_each_cut_off_and_its_neighbors(tables: Knowledge, scale: Scale) -> None:
    axes = {axis.name: axis for space in spaces(scale.criteria, tables) for axis in space.axes}
    assert {38.0, 38.0 - 1e-9, 38.0 + 1e-9, UNKNOWN, UNDECIDED} <= set(axes["body_temperature"].values)
    assert {6.0, 6.0 + 1e-9, 0.0} <= set(axes["oxygen_flow"].values)
    assert set(tables.concepts["oxygen_device"].categories) | {OFF, UNKNOWN} == set(axes["oxygen_device"].values)
    assert {60.0, 70.0, 72.0, 88.0, 90.0} <= set(axes["systolic_bp"].values)
    assert Drugs(2, 3) in axes[FIVE].values


def test_ages_stand_on_both_sides_of_every_edge(tables: Knowledge) -> None:
    found = ages(tables.thresholds["hypotension_sbp"])
    assert {Age(0, 0), Age(28, 0), Age(29, 0), Age(365, 0), Age(366, 1), Age(4017, 10), Age(4018, 11)} <= set(found)


def test_the_evaluator_knows_nothing_of_a_patient(tables: Knowledge) -> None:
    logic = Logic(tables.thresholds, (), frozenset())
    with pytest.raises(KeyError):
        logic.truth(next(iter(tables.scales["crs.astct-2019"].criteria)).when, {})
