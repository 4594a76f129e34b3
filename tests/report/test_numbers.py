"""Kappa, Aalen-Johansen and completeness against numbers worked by hand."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest

from cytowatch import knowledge
from cytowatch.report.agreement import confusion, weighted_kappa
from cytowatch.report.completeness import known_share
from cytowatch.report.incidence import (
    Outcome,
    Step,
    aalen_johansen,
    at,
    first_stretch,
    numbers_at_risk,
    outcomes_of,
)
from cytowatch.report.theme import GRADE_FILL, GRADE_TEXT
from cytowatch.schema import DAY_US, HOUR_US, OBSERVATIONS, TIMELINE


def test_kappa_of_a_two_by_two_table_by_hand() -> None:
    # With two categories quadratic weights are plain kappa: po = 0.70, pe = 0.5*0.6 + 0.5*0.4 = 0.50, kappa = 0.40.
    kappa = weighted_kappa([[20, 5], [10, 15]])
    assert kappa.value == pytest.approx(0.4)
    # Fleiss: sqrt(A + B - C) / ((1 - pe) sqrt(n)) with A = 0.2024, B = 0.042, C = (0.4 - 0.5 * 0.6)^2 = 0.01
    first = 0.4 * (1 - (0.6 + 0.5) * 0.6) ** 2 + 0.3 * (1 - (0.4 + 0.5) * 0.6) ** 2
    second = 0.6**2 * (0.1 * (0.6 + 0.5) ** 2 + 0.2 * (0.4 + 0.5) ** 2)
    error = (first + second - 0.01) ** 0.5 / (0.5 * 50**0.5)
    assert kappa.low == pytest.approx(0.4 - 1.959964 * error, abs=1e-5)
    assert kappa.high == pytest.approx(0.4 + 1.959964 * error, abs=1e-5)


def test_quadratic_weights_by_hand() -> None:
    # Pairs (0,0) (1,1) (2,2) (2,0). Disagreement seen: 4/4 = 1. By chance: rows 1/4 1/4 2/4, columns 2/4 1/4 1/4:
    # sum of r c d^2 = 1/16 + 4/16 + 2/16 + 1/16 + 16/16 + 2/16 = 26/16. kappa = 1 - 1 / (26/16) = 10/26.
    table = confusion([(0, 0), (1, 1), (2, 2), (2, 0)], range(3))
    assert table == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert weighted_kappa(table).value == pytest.approx(10 / 26)


def test_categories_nobody_used_change_nothing() -> None:
    pairs = [(0, 0), (1, 2), (2, 2), (3, 1), (1, 1)]
    small, large = (weighted_kappa(confusion(pairs, range(size))) for size in (4, 6))
    assert small.value == pytest.approx(large.value)
    assert small.low == pytest.approx(large.low)


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[7, 0], [0, 0]]])
def test_kappa_without_spread_is_not_defined(table: list[list[int]]) -> None:
    kappa = weighted_kappa(table)
    assert kappa.value is None
    assert kappa.pairs == sum(map(sum, table))


def test_full_agreement_is_one() -> None:
    kappa = weighted_kappa([[3, 0], [0, 4]])
    assert (kappa.value, kappa.low, kappa.high) == pytest.approx((1.0, 1.0, 1.0))


HAND: list[tuple[float, Outcome]] = [
    (1, "event"),
    (2, "competing"),
    (2, "censored"),
    (3, "event"),
    (4, "event"),
    (5, "censored"),
]


def test_aalen_johansen_by_hand() -> None:
    # n 6: day 1 1/6, free 5/6. Day 2 competing: free 5/6 * 4/5 = 2/3. Day 3 of 3: + 2/3 * 1/3 = 2/9, free 4/9.
    # Day 4 of 2: + 4/9 * 1/2 = 2/9.
    steps = aalen_johansen(HAND)
    assert [step.day for step in steps] == [0, 1, 3, 4]
    assert [step.incidence for step in steps] == pytest.approx([0, 1 / 6, 1 / 6 + 2 / 9, 1 / 6 + 4 / 9])
    assert at(steps, 2.9) == pytest.approx(1 / 6)
    assert numbers_at_risk(HAND, [0, 1, 2, 3, 4, 5, 6]) == [6, 6, 5, 3, 2, 1, 0]


def test_a_death_is_not_censoring() -> None:
    # One minus Kaplan-Meier would say 1 at the end; half of the patients died and never can have the event.
    steps = aalen_johansen([(1, "competing"), (2, "event")])
    assert steps[-1] == Step(2, 0.5)


def timeline(rows: list[tuple[str, float, float, int | None, int | None]]) -> pl.DataFrame:
    made = [
        {
            "patient": p,
            "scale": "s",
            "start": round(a * DAY_US),
            "end": round(b * DAY_US),
            "at_least": lo,
            "at_most": hi,
        }
        for p, a, b, lo, hi in rows
    ]
    return pl.DataFrame(made, schema=TIMELINE.schema)


def test_outcomes_are_bounds_and_end_at_a_hole() -> None:
    stretch = first_stretch(
        timeline(
            [
                ("a", 0, 1, 0, 2),
                ("a", 1, 3, 2, 2),
                ("b", 5, 6, 0, 0),
                ("b", 8, 9, 3, 3),
                ("c", 0, 2, 0, 0),
            ]
        )
    )
    deaths = pl.DataFrame({"patient": ["c"], "time": [2 * DAY_US]})
    assert outcomes_of(stretch, deaths, "at_least", 2) == [(1.0, "event"), (1.0, "censored"), (2.0, "competing")]
    assert outcomes_of(stretch, deaths, "at_most", 2) == [(0.0, "event"), (1.0, "censored"), (2.0, "competing")]


def test_completeness_counts_no_hour_twice() -> None:
    watch = timeline([("a", 0, 2, 0, 0)])
    # Two readings 4 h apart, each true for 8 h: 12 h of day 0; one at 23 h: 1 h of day 0 and 7 h of day 1.
    seen = [
        {"row": i, "patient": "a", "time": h * HOUR_US, "concept": "body_temperature", "value": 37.0}
        for i, h in enumerate((0, 4, 23))
    ]
    table = known_share(watch, pl.DataFrame(seen, schema=OBSERVATIONS.schema), knowledge.load())
    shares = table.filter(pl.col("question") == "Temperature").sort("day").get_column("share").to_list()
    assert shares == pytest.approx([13 / 24, 7 / 24])
    assert table.filter(pl.col("question") == "Blood pressure").get_column("share").to_list() == [0, 0]


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_grades_are_readable_without_color_vision() -> None:
    # Every grade darker than the one below it, from 1 on by a step that the eye sees in gray.
    shades = [luminance(fill) for fill in GRADE_FILL]
    assert shades == sorted(shades, reverse=True)
    assert all((lighter + 0.05) / (darker + 0.05) > 1.3 for lighter, darker in pairwise(shades[1:]))
    for shade, ink in zip(shades, map(luminance, GRADE_TEXT), strict=True):
        assert (max(shade, ink) + 0.05) / (min(shade, ink) + 0.05) >= 4.5
