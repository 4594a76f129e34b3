"""The sheets: the same facts as frames and on the terminal, with a day, and what is not verified marked."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import cytowatch as cw
from cytowatch.cli import run
from cytowatch.errors import EXIT_ARGUMENTS, EXIT_DONE
from cytowatch.knowledge import load
from cytowatch.knowledge.products_by_date import product_facts
from cytowatch.knowledge.view_prevention import told_of
from cytowatch.sheets.tables import PRODUCT_FACTS, RISKS


def test_a_product_is_a_frame_of_its_facts_on_a_day() -> None:
    for name, on in (("carvykti", None), ("carvykti", "2025-06-25"), ("OKT3", date(2026, 1, 1)), ("alemtuzumab", None)):
        frame = cw.product(name, on)
        day = date.fromisoformat(on) if isinstance(on, str) else on
        assert frame.schema == pl.Schema(PRODUCT_FACTS.schema)
        assert frame["fact"].to_list() == [held.fact.id for held in product_facts(load(), name, None, day)]


def test_a_number_stays_a_number() -> None:
    frame = cw.product("kymriah").filter(pl.col("fact") == "isi_2018_all.crs_3")
    assert frame.select("percent_low", "percent_high", "n", "of", "grading").row(0) == (
        49,
        49,
        None,
        None,
        "crs.penn-2018",
    )
    rule = cw.product("talvey").filter(pl.col("fact") == "nccn_myeloma_crs.crs_3")
    asked = ("toxicity", "grades", "action", "resolved_hours", "stay_hours_low", "stay_hours_high")
    assert rule.select(asked).row(0) == ("crs", [3], "next_dose", 24, 48, 48)
    onset = cw.product("breyanzi").filter(pl.col("fact") == "transcend_cll.onset")
    assert onset.select("median", "low", "high", "spread", "unit").row(0) == (4, 1, 7, "quartiles", "d")


@pytest.mark.parametrize(
    ("product", "told", "not_told"),
    [
        ("axi-cel", {"dexamethasone_axi_cel", "age", "diabetes"}, {"anakinra_liso_cel", "fast_progression"}),
        ("liso-cel", {"anakinra_liso_cel", "do_not_infuse"}, {"anakinra_axi_cel", "tocilizumab_axi_cel"}),
        ("teclistamab", {"tocilizumab_engagers", "fast_progression", "obesity"}, {"cell_dose", "tocilizumab_axi_cel"}),
        ("elranatamab", {"extramedullary_disease"}, {"bridging"}),
        ("rituximab", {"diabetes"}, {"age", "step_up"}),
    ],
)  # fmt: skip
def test_risks_are_those_of_the_product_and_of_its_class(product: str, told: set[str], not_told: set[str]) -> None:
    keys = set(cw.risks(product)["key"])
    assert told <= keys
    assert not keys & not_told


def test_every_effect_and_recommendation_is_a_row() -> None:
    frame, prevention = cw.risks(), load().prevention
    assert frame.schema == pl.Schema(RISKS.schema)
    effects = sum(len(factor.effects) for factor in prevention.factors.values())
    results = sum(len(part.results) for part in prevention.interventions.values())
    said = sum(len(part.recommendations) for part in prevention.interventions.values())
    assert dict(frame.group_by("kind").len().iter_rows()) == {
        "risk": effects,
        "result": results,
        "recommendation": said,
    }
    gaps = frame.filter(pl.col("direction") == "not_studied")
    assert set(gaps["key"]) == {"diabetes", "heart_disease", "obesity", "active_infection"}
    assert gaps["value"].null_count() == gaps.height


@pytest.mark.parametrize("name", ["aucatzyl", "breyanzi", "tecvayli", "columvi", "yescarta"])
def test_nothing_recalled_is_unmarked_on_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["product", name]) == EXIT_DONE
    said = capsys.readouterr().out
    frame = cw.product(name)
    recalled = frame.filter(pl.col("basis") == "recalled")
    assert recalled.height > 0
    assert said.count("recalled: not verified") == recalled.height
    assert f"{recalled.height} of {frame.height} rows: not verified" in said
    assert "Not a medical device" in said


def test_the_sheet_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["product", "abecma", "--on", "2025-06-25"]) == EXIT_DONE
    assert "at least 2 wk" not in capsys.readouterr().out
    assert run(["product", "abecma", "--on", "2025-06-26"]) == EXIT_DONE
    assert "at least 2 wk" in capsys.readouterr().out


def test_the_sheet_of_risks_marks_gaps_and_what_is_not_verified(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["risks", "--product", "axi-cel"]) == EXIT_DONE
    said = capsys.readouterr().out
    assert said.count("not studied: a gap") == 3
    assert "NOT RECOMMENDED" in said
    assert "Usual practice. [not verified]" in said
    assert said.count("Not to be read as one: tocilizumab before there is CRS") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["product", "teclistamb"], "Near it: teclistamab"),
        (["product", "abecma", "--on", "June"], "is no day"),
        (["risks", "--product", "nothing-at-all"], "There is no product"),
    ],
)
def test_a_wrong_question_is_answered_with_what_to_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == EXIT_ARGUMENTS
    assert said in capsys.readouterr().err


def test_the_sheet_of_risks_breaks_no_word_at_80_characters_and_names_no_key_of_a_class(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["risks"]) == EXIT_DONE
    said = capsys.readouterr().out
    assert "bispecific_" not in said
    assert "car_t_" not in said
    words = {word.strip("()[],;.:") for word in said.split()}
    effects = [effect for factor in load().prevention.factors.values() for effect in factor.effects]
    told = " ".join(f"{effect.population} {effect.label} {effect.note}" for effect in effects)
    assert {word.strip("()[],;.:") for word in told.split()} - words == set()


@pytest.mark.parametrize(
    ("products", "classes", "words"),
    [
        ([], ["car_t_cd19"], "CAR-T cells against CD19"),
        ([], ["car_t_cd19", "car_t_bcma"], "CAR-T cells against CD19 or BCMA"),
        ([], ["bispecific_bcma", "bispecific_gprc5d"], "T-cell engagers against BCMA or GPRC5D"),
        (
            [],
            [*(f"bispecific_{name}" for name in ("cd19", "cd20", "bcma", "gprc5d", "dll3")), "immtac_gp100"],
            "T-cell engagers, ImmTAC against GP100",
        ),
        (["axicabtagene_ciloleucel"], [], "axicabtagene ciloleucel"),
        ([], ["anti_cd20"], "anti cd20"),
    ],
)  # fmt: skip
def test_classes_are_told_in_plain_words(products: list[str], classes: list[str], words: str) -> None:
    assert told_of(products, classes) == words
