"""The CTCAE tables against the printed terms: all terms are there, every cut-off is printed, grades at the edges.

The edges were worked out by hand from the printed terms. They are checked twice: by a small evaluator below, which
knows one moment only and shares nothing with the engines, and by the reference engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.lib import ctcae
from tests.lib.ctcae import HAND, QTC
from tests.lib.moment import Facts, Reading, charted, grade_of, graded, listed, said, truth

from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Node,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Scale,
    Sustained,
)
from cytowatch.schema import HOUR_US, OBSERVATIONS

PRINTED = Path(__file__).parents[3] / "shared/data/terminology"
NOT_LABORATORY = {
    "5.0": {"fever", "hypoxia", "ejection_fraction_decreased", QTC},
    "6.0": {"left_ventricular_dysfunction", QTC},
}
RECALLED = {
    "activated_partial_thromboplastin_time_prolonged", "alanine_aminotransferase_increased",
    "alkaline_phosphatase_increased", "aspartate_aminotransferase_increased", "blood_bilirubin_increased",
    "creatinine_increased", "ejection_fraction_decreased", "fibrinogen_decreased", "inr_increased", QTC,
}  # fmt: skip

Comparison = Compare | Relative | QuantityCompare


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


# ---------------------------------------------------------------- what is printed


def printed(version: str) -> list[dict[str, str]]:
    """The laboratory rows of one version; the test is skipped where they are not at hand."""
    file = PRINTED / f"ncictcaev{version[0]}_lab_criteria.json"
    if not file.exists():
        pytest.skip("the printed terms are not at hand")
    rows: list[dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


def slug(term: str) -> str:
    """The end of a scale's id."""
    return re.sub(r"[^a-z0-9]+", "_", term.strip().lower()).strip("_")


def terms(tables: Knowledge, version: str) -> set[str]:
    """The terms of one version that are scales."""
    head = f"organ.ctcae-{version}."
    return {name.removeprefix(head) for name in tables.scales if name.startswith(head)}


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_every_printed_laboratory_term_is_a_scale(tables: Knowledge, version: str) -> None:
    rows = printed(version)
    assert len(rows) == {"5.0": 40, "6.0": 43}[version]
    assert terms(tables, version) == {slug(row["TERM"]) for row in rows} | NOT_LABORATORY[version]


def test_terms_that_are_not_printed_there_are_the_stated_ones(tables: Knowledge) -> None:
    assert terms(tables, "4.03") == RECALLED
    for version in ("5.0", "6.0"):
        assert NOT_LABORATORY[version] <= terms(tables, version)


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_each_grade_with_a_number_has_a_criterion_and_no_other_has(tables: Knowledge, version: str) -> None:
    for row in printed(version):
        scale = tables.scales[f"organ.ctcae-{version}.{slug(row['TERM'])}"]
        texts = {grade: row.get(f"GRADE_{grade}") or "" for grade in range(1, 5)}
        has_number = {grade for grade, text in texts.items() if re.search(r"\d|ULN|LLN|normal", text)}
        # below 10 mL/min another term is used: grade 4 is possible, and never certain
        extra = {4} if scale.id.endswith("creatinine_clearance_decreased") else set()
        assert {part.grade for part in scale.criteria} == has_number | extra, scale.id


def leaves(node: Node) -> Iterator[Comparison]:
    """Every comparison of a condition."""
    match node:
        case Compare() | Relative() | QuantityCompare():
            yield node
        case All() | AnyOf() | AnyMeasured():
            for part in node.of:
                yield from leaves(part)
        case Possible() | Sustained() | Repeated():
            yield from leaves(node.of)
        case _:
            pass


def numbers(leaf: Comparison) -> set[float]:
    """The numbers of a comparison; once a limit of normal or a baseline is no number."""
    found = {leaf.normal, leaf.abnormal} if isinstance(leaf, Relative) else {leaf.value or 0.0}
    return found - {1.0} if isinstance(leaf, Relative) or (isinstance(leaf, Compare) and leaf.times) else found


def printed_numbers(row: dict[str, str]) -> set[Fraction]:
    """Every number of a term, as it is and as it may be written: cells per mm3, per cent fallen, mg/dL as g/L."""
    text = " ".join(row.get(f"GRADE_{grade}") or "" for grade in range(1, 5)).replace(",", "")
    found = {Fraction(number.rstrip(".")) for number in re.findall(r"\d[\d.]*", text)}
    if "mm3" in text:
        found |= {number / 1000 for number in found}
    if "%" in text:
        found |= {1 - number / 100 for number in found} | {number / 100 for number in found}
    return found


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_every_cut_off_is_printed(tables: Knowledge, version: str) -> None:
    for row in printed(version):
        scale = tables.scales[f"organ.ctcae-{version}.{slug(row['TERM'])}"]
        known = printed_numbers(row)
        # whole numbers are meant: 26 to 49 is read as 26 to less than 50
        known |= {Fraction(50)} if scale.id.endswith("creatinine_clearance_decreased") else set()
        for criterion in scale.criteria:
            # corrected calcium against its limit rests on the formula, and is checked below
            if not (criterion.id == "grade_1" and scale.id.endswith("calcemia")):
                for leaf in leaves(criterion.when):
                    for number in numbers(leaf):
                        assert is_printed(number, leaf, known, tables), (scale.id, criterion.id, number)


def is_printed(number: float, leaf: Comparison, known: set[Fraction], tables: Knowledge) -> bool:
    """In the canonical unit, or in another unit of the concept, up to the last digit written."""
    factors = {Fraction(1)}
    if not isinstance(leaf, QuantityCompare):
        factors |= {unit.factor for unit in tables.concepts[leaf.concept].accepted}
    meant = (value * factor for value in known for factor in factors)
    return any(abs(value - Fraction(str(number))) <= Fraction(1, 10000) for value in meant)


# ---------------------------------------------------------------- shape


def test_every_scale_is_graded_alike(tables: Knowledge) -> None:
    for name, scale in tables.scales.items():
        if name.startswith("organ.ctcae-"):
            assert (scale.method, scale.scoring, scale.watch, scale.family) == ("rules", "worst", "record", "organ")
            assert not scale.has_episodes
            assert [part.id for part in scale.domains] == ["value"]
            assert [part.id for part in scale.criteria] == [f"grade_{part.grade}" for part in scale.criteria]
            assert sorted({part.grade for part in scale.criteria}) == [part.grade for part in scale.criteria]
            assert scale.short


def test_evidence_says_how_each_version_was_read(tables: Knowledge) -> None:
    allowed = {"4.03": {"recalled"}, "5.0": {"primary", "secondary", "house"}, "6.0": {"secondary", "house"}}
    for version, words in allowed.items():
        scales = [tables.scales[f"organ.ctcae-{version}.{name}"] for name in terms(tables, version)]
        assert {part.evidence for scale in scales for part in scale.criteria} <= words


def moments(scale: Scale) -> Iterator[Facts]:
    """One concept charted at a time, with values on and beside every cut-off, and three baselines."""
    found = [leaf for part in scale.criteria for leaf in leaves(part.when) if not isinstance(leaf, QuantityCompare)]
    for concept in sorted({leaf.concept for leaf in found}):
        own = [leaf for leaf in found if leaf.concept == concept]
        factors = {Fraction(str(number)) for leaf in own for number in numbers(leaf)} | {Fraction(1)}
        cuts = factors | {factor * base for factor in factors for base in (30, 40, 45, 50, 60)}
        for cut, step, base in product(cuts, (-1, 0, 1), (30, 45, 60)):
            yield {concept: Reading(cut + Fraction(step, 10), "", Fraction(40), Fraction(50), Fraction(base))}


def test_a_worse_grade_contains_the_milder_ones(tables: Knowledge) -> None:
    for name, scale in tables.scales.items():
        # oxygen leaves grade 2 of hypoxia open and never makes it, so that grade 3 does not contain it
        if name.startswith("organ.ctcae-") and not name.endswith(".hypoxia"):
            for facts in moments(scale):
                met = [truth(part.when, facts, tables) for part in scale.criteria]
                for place in (0, 1):
                    assert [part[place] for part in met] == sorted((part[place] for part in met), reverse=True), name


# ---------------------------------------------------------------- edges, by hand


@pytest.mark.parametrize(("scale", "facts", "grade"), HAND)
def test_edges_by_hand(tables: Knowledge, scale: str, facts: str, grade: str) -> None:
    assert graded(tables.scales[f"organ.ctcae-{scale}"], charted(facts), tables) == grade


@pytest.mark.parametrize("scale", sorted(ctcae.checks()))
def test_values_near_every_printed_edge(tables: Knowledge, scale: str) -> None:
    """The bands typed a second time say the same as the tables, a thousandth beside every edge and on it."""
    for check in ctcae.checks()[scale]:
        found = said(tables.scales[scale].criteria, check.facts, tables)
        assert grade_of(tables.scales[scale], found) == check.grade, check
        if check.criteria is not None:
            assert listed(tables.scales[scale], found) == check.criteria, check


def test_every_term_has_edges_of_its_own(tables: Knowledge) -> None:
    assert {name for name in tables.scales if name.startswith("organ.")} == set(ctcae.checks())


def rows_of(facts: Facts) -> pl.DataFrame:
    """The same moment as rows: baselines, an hour later the infusion, another hour later the readings."""
    rows: list[dict[str, Any]] = []
    if any(reading.base is not None for reading in facts.values()):
        rows.append({"time": -HOUR_US, "concept": "car_t_infusion", "text": "other"})
    for concept, reading in facts.items():
        limits = {"range_low": reading.lln, "range_high": reading.uln}
        if reading.base is not None:
            rows.append({"time": -2 * HOUR_US, "concept": concept, "value": reading.base, **limits})
        rows.append({"time": 0, "concept": concept, "value": reading.value, "text": reading.text or None, **limits})
    blank = dict.fromkeys(OBSERVATIONS.names) | {"patient": "p", "status": "final"}
    numbered = [blank | {"row": number, "source": f"r{number}"} | row for number, row in enumerate(rows, 1)]
    return pl.DataFrame([{key: as_float(cell) for key, cell in row.items()} for row in numbered], OBSERVATIONS.schema)


def as_float(cell: object) -> object:
    """Fractions become the nearest float, as admission writes them."""
    return float(cell) if isinstance(cell, Fraction) else cell


@pytest.mark.parametrize(("scale", "facts", "grade"), [case for case in HAND if case[1]])
def test_edges_in_the_reference_engine(tables: Knowledge, scale: str, facts: str, grade: str) -> None:
    timeline, _, _ = grade_reference(rows_of(charted(facts)), None, tables, f"organ.ctcae-{scale}", as_of=HOUR_US)
    now = timeline.filter((pl.col("start") <= 0) & (pl.col("end") > 0)).row(0, named=True)
    low, high = now["at_least"], now["at_most"]
    assert (str(low) if low == high else f"{low}..{high}") == grade


def test_corrected_calcium_is_never_on_the_wrong_side_of_its_limit(tables: Knowledge) -> None:
    """By steps of albumin: whatever is certain or excluded is so by the formula too, and little is left open."""
    open_, total = 0, 0
    for name, cut in (("hypercalcemia", Fraction("10.3")), ("hypocalcemia", Fraction("8.5"))):
        first = tables.scales[f"organ.ctcae-5.0.{name}"].criteria[0].when
        for calcium, albumin in product(range(70, 121, 3), range(10, 56, 3)):
            value, protein = Fraction(calcium, 10), Fraction(albumin, 10)
            facts = {"calcium": Reading(value, "", cut, cut), "albumin": Reading(protein)}
            sure, may = truth(first, facts, tables)
            corrected = value + Fraction(8, 10) * (4 - protein)
            is_beyond = corrected > cut if name == "hypercalcemia" else corrected < cut
            assert sure <= is_beyond <= may, (name, calcium, albumin)
            open_, total = open_ + (sure != may), total + 1
    assert open_ < total / 8


def test_a_fever_above_40_for_a_day_is_grade_4(tables: Knowledge) -> None:
    readings = ["37", *["40.5"] * 7]
    rows = pl.concat([rows_of(charted(f"body_temperature={value}")) for value in readings])
    times = pl.Series([4 * HOUR_US * number for number in range(8)])
    rows = rows.with_columns(row=pl.int_range(1, 9), time=times)
    timeline, _, _ = grade_reference(rows, None, tables, "organ.ctcae-5.0.fever", as_of=29 * HOUR_US)
    found = timeline.select(pl.col("start") // HOUR_US, "at_least", "at_most").rows()
    assert found == [(0, 0, 0), (4, 3, 3), (28, 4, 4)]
