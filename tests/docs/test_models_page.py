"""The page of published models says what the tables say, and shows a figure wherever one is drawn."""

from __future__ import annotations

import re

import pytest
from tools import make_models_page as made

from cytowatch.simulate import acceptance, figures
from cytowatch.simulate.tables import FOLDER, table

TEXT = made.PAGE.read_text(encoding="utf-8")
LARGEST = 150_000


def number(shown: str) -> float:
    return float(shown.replace(",", ""))


def test_the_page_is_current_but_for_what_is_computed() -> None:
    # to compute all of ours takes about 20 s, so the page is made anew with ours as it stands there
    assert made.page(made.read(TEXT), made.published()) == TEXT


@pytest.mark.parametrize("key", [check for model in made.words()["model"] for check in model.get("checks", ())])
def test_ours_on_the_page_pass(key: str) -> None:
    ours, aims = made.read(TEXT), acceptance.targets(key)
    assert all(aim.allows(number(ours[key, name])) for name, aim in aims.items())


@pytest.mark.parametrize("key", ["4", "5", "11", "M", "O", "T"])
def test_ours_on_the_page_are_those_of_the_code(key: str) -> None:
    ours = made.read(TEXT)
    for name, value in acceptance.GROUPS[key]().items():
        assert number(ours[key, name]) == pytest.approx(value, rel=1e-3)


def test_every_published_model_and_figure_is_on_the_page() -> None:
    models = made.words()["model"]
    shown = {key for model in models for key in model["tables"]}
    assert shown == {file.stem for file in FOLDER.glob("*.toml") if table(file.stem).people}
    assert {key for model in models for key in model.get("figures", ())} == set(figures.FIGURES)


@pytest.mark.parametrize("key", figures.FIGURES)
def test_a_figure_shows_what_was_published_and_is_small(key: str) -> None:
    svg = (made.FIGURES / f"model-{key}.svg").read_text(encoding="utf-8")
    assert len(svg.encode()) < LARGEST
    texts = set(re.findall(r"<text[^>]*>([^<]*)</text>", svg))
    for panel, peak in figures.levels(key).items():
        assert panel in texts
        assert {f"published {figures.told(peak)}", f"measured {figures.told(peak)}"} & texts
    assert any(text.startswith("line: ours; d") for text in texts)


def test_a_name_in_the_words_becomes_its_number() -> None:
    assert made.filled("{stein-2019.Tmax} and {hosseini-2020:fitted.B0}") == "9.3 and 220,000"
    assert made.filled("{states mueller-schoell-2021} states") == "5 states"
    with pytest.raises(KeyError):
        made.filled("{stein-2019.nothing}")
