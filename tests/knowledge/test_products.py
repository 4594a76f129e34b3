"""Facts of products: what held on a day, what the tables hold, and deliberate faults that the lint finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cytowatch.errors import ArgumentError, KnowledgeError
from cytowatch.knowledge import Knowledge, load, show
from cytowatch.knowledge.lint.counted import counted, counted_lines
from cytowatch.knowledge.lint.products import check_product_facts, placed_facts, product_rows
from cytowatch.knowledge.model import Product, ProductFact
from cytowatch.knowledge.product import AfterToxicity, ProductTopic
from cytowatch.knowledge.products_by_date import find_product, last_day, product_facts
from cytowatch.knowledge.view_products import NOT_VERIFIED, fact_words

FDA = "fda_2025."
BEFORE, CHANGE, AFTER = date(2025, 6, 25), date(2025, 6, 26), date(2026, 1, 1)


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def told(tables: Knowledge, name: str, topic: ProductTopic, on: date | None) -> dict[str, str]:
    """The facts of one topic on a day, in words, by id."""
    return {held.fact.id: fact_words(held.fact) for held in product_facts(tables, name, topic, on)}


def fact(tables: Knowledge, product: str, name: str) -> ProductFact:
    """One fact of a product."""
    return next(part for part in tables.products[product].facts if part.id == name)


# ---------------------------------------------------------------- by date

# product, topic, day: the ids and numbers that hold
DATED: list[tuple[str, ProductTopic, date | None, dict[str, str]]] = [
    ("abecma", "proximity", BEFORE, {"label_2024.proximity": "4 wk", "fda_2025.proximity_before": "at least 4 wk"}),
    ("abecma", "proximity", CHANGE, {"fda_2025.proximity": "at least 2 wk"}),
    ("abecma", "proximity", None, {"fda_2025.proximity": "at least 2 wk"}),
    ("yescarta", "driving", BEFORE, {"fda_2025.driving_before": "8 wk"}),
    ("yescarta", "driving", CHANGE, {"fda_2025.driving": "at least 2 wk"}),
    ("carvykti", "monitoring", BEFORE, {"monitoring_2024.monitoring": "at least 10 d", f"{FDA}monitoring_before": "7"}),
    ("carvykti", "monitoring", AFTER, {"fda_2025.monitoring": "at least 2 wk"}),
    ("tecelra", "monitoring", AFTER, {"label_2024.monitoring": "at least 7 d", "label_2024.monitoring_signs": "4 wk"}),
    ("kymriah", "rems", BEFORE, {"fda_2025.rems_before": "A REMS"}),
    ("kymriah", "rems", CHANGE, {"fda_2025.rems": "No REMS any more", f"{FDA}boxed_warnings": "Boxed warnings stay"}),
    ("talvey", "rems", AFTER, {"rems_engagers.rems": "A REMS of its own"}),
]  # fmt: skip


@pytest.mark.parametrize(("product", "topic", "on", "expected"), DATED)
def test_what_held_on_a_day(
    tables: Knowledge, product: str, topic: ProductTopic, on: date | None, expected: dict[str, str]
) -> None:
    found = told(tables, product, topic, on)
    assert set(found) == set(expected)
    assert all(found[name].startswith(words) for name, words in expected.items())


@pytest.mark.parametrize(
    ("product", "name", "on", "holds"),
    [
        # the edition is of 2024: on a day of 2024 it is not certain that it was out, from 2025 on it was
        ("abecma", "label_2024.monitoring", date(2023, 12, 31), "start_unknown"),
        ("abecma", "label_2024.monitoring", date(2024, 12, 30), "start_unknown"),
        ("abecma", "label_2024.monitoring", date(2024, 12, 31), "in_force"),
        ("abecma", "label_2024.monitoring", CHANGE, None),
        ("abecma", "fda_2025.monitoring", BEFORE, None),
        ("abecma", "fda_2025.monitoring", CHANGE, "in_force"),
        ("yescarta", "label_2022.dexamethasone", date(2022, 1, 30), "start_unknown"),
        ("yescarta", "label_2022.dexamethasone", date(2022, 1, 31), "in_force"),
        ("columvi", "labels.stay_first", AFTER, "start_unknown"),
        ("abecma", "label_2024.crs", date(1999, 1, 1), "observed"),
    ],
)
def test_a_beginning_that_was_not_read_is_unknown(
    tables: Knowledge, product: str, name: str, on: date, holds: str | None
) -> None:
    found = {held.fact.id: held.holds for held in product_facts(tables, product, None, on)}
    assert found.get(name) == holds


@pytest.mark.parametrize(
    ("as_of", "day"),
    [("2024", date(2024, 12, 31)), ("2024-02", date(2024, 2, 29)), ("2024-05-13", date(2024, 5, 13))],
)
def test_an_edition_is_there_for_certain_at_the_end_of_its_date(as_of: str, day: date) -> None:
    assert last_day(as_of) == day


def test_sides_that_differ_stand_beside_each_other(tables: Knowledge) -> None:
    stay = told(tables, "teclistamab", "stay", None)
    assert {"label_2025.stay", "newer_wording.stay", "newer_wording.near"} == set(stay)
    assert fact(tables, "teclistamab", "newer_wording.stay").cited.evidence == "recalled"
    flow = told(tables, "lunsumio", "oxygen_boundary", None)
    assert flow["page.low_flow"].startswith("below 6 L/min")
    assert flow["astct_2019.low_flow"].startswith("at most 6 L/min")


def test_a_wrong_name_gets_names_that_are_near(tables: Knowledge) -> None:
    assert find_product(tables, "Axi-Cel").key == "axicabtagene_ciloleucel"
    with pytest.raises(ArgumentError, match="teclistamab"):
        find_product(tables, "teclistamb")


# ---------------------------------------------------------------- what the tables hold


def test_every_product_has_its_watched_days_as_a_fact(tables: Knowledge) -> None:
    for key, product in tables.products.items():
        (window,) = product_facts(tables, key, "window", None)
        assert fact_words(window.fact).startswith(f"{product.window_days:g} d")
        assert window.fact.cited.source
        assert window.fact.cited.locator


@pytest.mark.parametrize(
    ("product", "name", "words"),
    [
        ("tisagenlecleucel", "isi_2018_all.crs", "79 % (54 of 68)"),
        ("tisagenlecleucel", "isi_2018_all.crs_3", "49 %; by crs.penn-2018"),
        ("axicabtagene_ciloleucel", "isi_2017.crs_3", "13 %; by crs.lee-2014"),
        ("talquetamab", "label.crs_3", "1.5 %; scale not said"),
        ("talquetamab", "label.onset", "median 27 h (range 0.1 to 167) after the last dose"),
        ("lisocabtagene_maraleucel", "transcend_cll.onset", "median 4 d (quartiles 1 to 7) after the infusion"),
        ("lisocabtagene_maraleucel", "smpc_2022.crs", "below 50 %"),
        ("tarlatamab", "secondary.onset", "about 13 h after the dose"),
        ("obecabtagene_autoleucel", "page_2025.after_grade_3", "stop for good. No second part."),
        ("tarlatamab", "nccn_tarlatamab.crs_1", "next dose; only once resolved for 24 h"),
        ("teclistamab", "nccn_myeloma_crs.crs_3", "next dose; only once resolved for 24 h; stay 48 h at the next dose"),
        ("mosunetuzumab", "nccn_cd20_crs.crs_1_2", "hold; only once resolved for 72 h; resume at 50 % of the rate"),
        ("glofitamab", "nccn_glofitamab_icans.icans_3", "hold; only once at most grade 1 for 168 h"),
        ("teclistamab", "label_2025.late_step_2", "8 to 28 d: repeat step 2"),
        ("elranatamab", "pages.later_76", "more than 6 to 12 wk: step back to 32 mg"),
        ("blinatumomab", "page.supervised", "4 h or more: restart under supervision"),
        ("linvoseltamab", "smpc_2025.premedication", "dexamethasone 40 mg IV 1 to 3 h before"),
    ],
)
def test_a_fact_in_words(tables: Knowledge, product: str, name: str, words: str) -> None:
    assert fact_words(fact(tables, product, name)).startswith(words)


def test_a_rule_of_a_product_is_structured(tables: Knowledge) -> None:
    rule = fact(tables, "tebentafusp", "nccn_tebentafusp.crs_2").after
    assert isinstance(rule, AfterToxicity)
    assert (rule.toxicity, rule.grades, rule.occurrence) == ("crs", (2,), "persistent_or_recurrent")
    assert [(dose.drug, dose.low, dose.unit, dose.before_hours) for dose in rule.doses] == [
        ("dexamethasone", 4, "mg", (0.5, 0.5))
    ]


def test_a_rate_of_a_grade_says_its_scale(tables: Knowledge) -> None:
    graded = [
        part.share
        for _, _, part in placed_facts(tables)
        if part.share and tables.product_events[part.share.event].graded
    ]
    assert len(graded) > 30
    assert all(share.grading == "not_said" or share.grading in tables.scales for share in graded)


def test_rows_are_counted_by_evidence_and_nothing_recalled_is_unmarked(tables: Knowledge) -> None:
    rows = list(product_rows(tables))
    assert sum(counted(rows).values()) == len(rows)
    assert all(source in tables.sources and locator for _, source, locator, _ in rows)
    assert f"{counted(rows)['recalled']} recalled" in counted_lines(tables, "product")[0]
    for key, product in tables.products.items():
        recalled = sum(part.cited.evidence == "recalled" for part in product.facts)
        assert show(tables, key).count(f"recalled: {NOT_VERIFIED}") == recalled


def test_the_page_of_a_product_names_every_fact_with_its_source(tables: Knowledge) -> None:
    for key, product in tables.products.items():
        page = show(tables, key)
        for part in product.facts:
            assert fact_words(part).replace("|", "\\|") in page, (key, part.id)
            assert f"{part.cited.source}, {part.cited.locator}" in page, (key, part.id)


# ---------------------------------------------------------------- deliberate faults


def with_fact(tables: Knowledge, product: str, changed: ProductFact) -> Knowledge:
    """The tables with one fact of a product in place of the one of the same id."""
    old = tables.products[product]
    facts = tuple(changed if part.id == changed.id else part for part in old.facts)
    return replace(tables, products={**tables.products, product: replace(old, facts=facts)})


def edit(**inner: object) -> Callable[[ProductFact], ProductFact]:
    """A change of a fact: `share__n=3` changes what is in its share."""

    def change(part: ProductFact) -> ProductFact:
        for name, value in inner.items():
            outer, _, key = name.partition("__")
            new = replace(getattr(part, outer), **{key: value}) if key else value
            part = replace(part, **{outer: new})
        return part

    return change


FAULTS = {
    "event that is none": ("abecma", "label_2024.crs", edit(share__event="cars"), "no event `cars`"),
    "severe CRS without a scale": ("abecma", "label_2024.crs_3", edit(share__grading=""), "hangs on a grading scale"),
    "scale that is none": ("abecma", "label_2024.crs_3", edit(share__grading="crs.lee-2041"), "no scale"),
    "more than all": ("kymriah", "isi_2018_all.crs", edit(share__n=69), "69 of 68 cannot be"),
    "share beside its count": ("kymriah", "isi_2018_all.crs", edit(share__percent=(97.0, 97.0)), "is 79.4 %"),
    "more than a hundred": ("abecma", "label_2024.crs", edit(share__percent=(850.0, 850.0)), "no percentage"),
    "median above the range": ("abecma", "label_2024.onset", edit(span__median=32.0), "not in order"),
    "range of no kind": ("abecma", "label_2024.onset", edit(span__spread=""), "what its two ends are"),
    "ends before it begins": ("kymriah", "fda_2025.proximity", edit(effective_to=CHANGE), "before it begins"),
    "a rate that ends": ("abecma", "label_2024.crs", edit(effective_to=CHANGE), "does not begin or end"),
    "stopped with a next dose": ("blincyto", "nccn_all.crs_4", edit(after__stay_hours=(48.0, 48.0)), "next dose"),
    "grade that is none": ("blincyto", "nccn_all.crs_4", edit(after__grades=(7,)), "no grades in order"),
    "delay that ends early": ("tecvayli", "label_2025.late_step_2", edit(delay__up_to=7.0), "ends before it begins"),
    "differs from nothing": ("tecvayli", "label_2025.stay", edit(differs_from=("older.stay",)), "no fact `older.stay`"),
    "text without an end": ("tecvayli", "label_2025.stay", edit(text="In hospital"), "no sentence"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(tables: Knowledge, name: str) -> None:
    product, identifier, change, said = FAULTS[name]
    key = find_product(tables, product).key
    spoiled = with_fact(tables, key, change(fact(tables, key, identifier)))
    found = [str(finding) for finding in check_product_facts(spoiled) if finding.severity == "error"]
    place = identifier.replace(".", ".facts.")
    assert any(said in one and f"{place}]" in one for one in found), found


def test_editions_of_one_source_may_not_hold_at_once(tables: Knowledge) -> None:
    product: Product = tables.products["idecabtagene_vicleucel"]
    newer = replace(
        fact(tables, product.key, "label_2024.proximity"),
        id="label_2025.proximity",
        effective_from=BEFORE,
        effective_to=None,
    )
    spoiled = replace(tables, products={product.key: replace(product, facts=(*product.facts, newer))})
    found = [finding.problem for finding in check_product_facts(spoiled) if finding.severity == "error"]
    assert found == ["It holds while `label_2024.proximity` still does."]
    dated = replace(newer, effective_from=CHANGE)
    sound = replace(tables, products={product.key: replace(product, facts=(*product.facts, dated))})
    assert [finding for finding in check_product_facts(sound) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('id = "x"\ntopic = "rumor"\ntext = "No."', "`topic` is 'rumor'"),
        ('id = "x"\ntopic = "stay"', "A fact is one of"),
        ('id = "x"\ntopic = "stay"\ntext = "No."\nas_of = "May 2025"', "`as_of` is 'May 2025'"),
        ('id = "x"\ntopic = "stay"\ntext = "No."\neffective_from = "2025-06-26"', "must be a day"),
        ('id = "x"\ntopic = "rate"\nshare = { event = "crs" }', "`percent`, or `n`"),
        ('id = "x"\ntopic = "stay"\namount = { unit = "h" }', "`low`, `high` or both"),
        ('id = "x"\ntopic = "stay"\namount = { low = 1, unit = "h" }\ndoses = [{ drug = "a" }]', "A fact is one of"),
    ],
)
def test_a_row_that_is_not_understood_is_refused(tmp_path: Path, row: str, said: str) -> None:
    head = '[[product.teclistamab.editions]]\nid = "site"\nedition = "ours"\nsource = "house"\n'
    facts = f'locator = "policy windows"\nevidence = "house"\n[[product.teclistamab.editions.facts]]\n{row}\n'
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "engagers.toml").write_text(head + facts, "utf-8")
    with pytest.raises(KnowledgeError, match=r"teclistamab\.editions\.site") as error:
        load(tmp_path)
    assert said in str(error.value)


def test_a_site_changes_one_fact_and_adds_its_own(tmp_path: Path) -> None:
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "engagers.toml").write_text(
        '[[product.teclistamab.editions]]\nid = "label_2025"\n'
        'facts = [{ id = "stay", text = "On ward 4." }, '
        '{ id = "phone", topic = "monitoring", text = "A call each day." }]\n',
        "utf-8",
    )
    site = load(tmp_path)
    assert "On ward 4." in told(site, "teclistamab", "stay", None)["label_2025.stay"]
    assert told(site, "teclistamab", "monitoring", None) == {"label_2025.phone": "A call each day."}
