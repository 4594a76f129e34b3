"""Published probabilities: on the printed points, between them, and beyond them."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cytowatch
from cytowatch.errors import ArgumentError
from cytowatch.knowledge import load
from cytowatch.knowledge.probability import probability_in_words, probability_of

KNOWLEDGE = load()
HSCORE = KNOWLEDGE.scales["hlh.hscore"]


@pytest.mark.parametrize("point", HSCORE.probability)
def test_on_the_printed_points_it_is_what_is_printed(point: tuple[float, float]) -> None:
    assert probability_of(HSCORE, point[0]).percent == point[1]
    assert probability_of(HSCORE, point[0]).beyond == ""


def test_between_points_it_is_linear() -> None:
    for (left, low), (right, high) in zip(HSCORE.probability, HSCORE.probability[1:], strict=False):
        middle = probability_of(HSCORE, (left + right) / 2)
        assert middle.percent == pytest.approx((low + high) / 2)
    # 160 points: 40 %, 170 points: 54 %
    assert probability_of(HSCORE, 169).percent == pytest.approx(40 + 14 * 0.9)


def test_beyond_the_points_only_the_side_is_known() -> None:
    assert str(probability_of(HSCORE, 0)) == "under 1 %"
    assert str(probability_of(HSCORE, 99)) == "under 1 %"
    assert str(probability_of(HSCORE, 337)) == "over 99 %"


def test_it_never_falls() -> None:
    found = [probability_of(HSCORE, score).percent for score in range(338)]
    assert found == sorted(found)


def test_ranges_in_words() -> None:
    assert probability_in_words(HSCORE, 169, 169) == "53 %"
    assert probability_in_words(HSCORE, 0, 200) == "under 1 % to 88 %"
    assert probability_in_words(HSCORE, None, None) == ""
    assert probability_in_words(KNOWLEDGE.scales["sofa"], 3, 3) == ""


def test_a_table_of_one_point() -> None:
    scale = replace(HSCORE, probability=((100.0, 50.0),))
    assert [str(probability_of(scale, score)) for score in (99, 100, 101)] == ["under 50 %", "50 %", "over 50 %"]


def test_by_the_front_door() -> None:
    assert cytowatch.probability("hlh.hscore", 169) == probability_of(HSCORE, 169)
    assert str(cytowatch.probability("hlh.hscore", 240, KNOWLEDGE)) == "99 %"


@pytest.mark.parametrize(
    ("scale", "score", "said"),
    [
        ("hlh.hscor", 1, "no scale 'hlh.hscor'"),
        ("sofa", 1, "No probability is published"),
        ("hlh.hscore", -1, "no score"),
    ],
)
def test_errors(scale: str, score: float, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        cytowatch.probability(scale, score)


def test_not_a_number_is_no_score() -> None:
    with pytest.raises(ArgumentError, match="no score"):
        probability_of(HSCORE, float("nan"))
