"""Discordance, flows, worst grades and worst scores of a cohort, against numbers counted another way."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import Any

import polars as pl
import pytest
from tests.report import many
from tests.report import sample as made

from cytowatch.report import ReportData, render_report
from cytowatch.report.cohort_beside import beside_context
from cytowatch.report.discordance import family_tables, pairs_of, where_unsettled
from cytowatch.report.flow import flow_figure
from cytowatch.report.words import Words
from cytowatch.report.worst import grade_tables, score_curves, worst_bounds, worst_grades
from cytowatch.schema import DISCORDANCE, TIMELINE

KNOWLEDGE = many.KNOWLEDGE
A, B, C = "crs.lee-2014", "crs.penn-2018", "crs.astct-2019"


def table(*rows: tuple[Any, Any, int], first: str = A, second: str = B, basis: str = "derived") -> pl.DataFrame:
    made_of = [(first, second, basis, one, other, n) for one, other, n in rows]
    return pl.DataFrame(made_of, schema=DISCORDANCE.schema, orient="row")


def slow_kappa(pairs: list[tuple[int, int]]) -> float:
    """Quadratic weights from the definition: 1 - disagreement seen / disagreement by chance."""
    seen = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    chance = sum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    return 1 - seen / chance


def test_a_pair_by_hand() -> None:
    pair = pairs_of(table((0, 0, 5), (1, 2, 3), (2, 2, 4), (3, None, 2), (None, None, 1)))[0]
    assert (pair.same, pair.differ, pair.unknown, pair.compared, pair.patients) == (9, 3, 3, 12, 15)
    assert pair.share == 9 / 12
    assert pair.kappa.value == pytest.approx(slow_kappa([(0, 0)] * 5 + [(1, 2)] * 3 + [(2, 2)] * 4))
    assert pair.kappa.pairs == 12


def test_nobody_compared_is_no_agreement() -> None:
    pair = pairs_of(table((None, None, 4), (1, None, 2)))[0]
    assert pair.share is None
    assert pair.kappa.value is None
    assert (pair.compared, pair.unknown) == (0, 6)


def test_turning_a_pair_changes_no_number() -> None:
    pair = pairs_of(table((1, 2, 3), (2, 2, 4), (3, None, 2)))[0]
    other = pair.turned()
    assert (other.first, other.second, other.same, other.differ, other.unknown) == (B, A, 4, 3, 2)
    assert other.counts == {(2, 1): 3, (2, 2): 4, (None, 3): 2}
    assert other.kappa == pair.kappa


def test_families_stand_in_order_of_publication() -> None:
    frame = pl.concat([table((1, 1, 2), first=C, second=A), table((1, 1, 2), first=C, second=B), table((2, 1, 2))])
    found = family_tables(frame, KNOWLEDGE)
    assert [item.scales for item in found] == [(A, B, C)]
    assert set(found[0].pairs) == {(A, B), (A, C), (B, C)}
    assert [(pair.first, pair.second) for pair in found[0].next_to_each_other()] == [(A, B), (B, C)]


def test_the_table_of_a_run_against_its_timeline() -> None:
    """Every number again from the rows, patient by patient."""
    data = many.data()
    worst: dict[tuple[str, str], tuple[int, int]] = {}
    for row in data.timeline.iter_rows(named=True):
        if row["at_least"] is not None:
            low, high = worst.get((row["patient"], row["scale"]), (0, 0))
            worst[row["patient"], row["scale"]] = (max(low, row["at_least"]), max(high, row["at_most"]))
    found = {(pair.first, pair.second): pair for pair in pairs_of(data.discordance) if pair.basis == "derived"}
    patients = data.timeline["patient"].unique().to_list()
    for first, second in combinations(sorted(name for name in many.SCALES if name.startswith("crs.")), 2):
        pair = found[first, second]
        both = [(worst[who, first], worst[who, second]) for who in patients]
        settled = [(a[0], b[0]) for a, b in both if a[0] == a[1] and b[0] == b[1]]
        assert pair.same == sum(one == other for one, other in settled)
        assert pair.differ == sum(one != other for one, other in settled)
        assert pair.unknown == len(both) - len(settled)


def test_certain_grades_beside_those_that_are_settled() -> None:
    data = many.data()
    both = where_unsettled(data.discordance, KNOWLEDGE)
    certain = {(p.first, p.second): p for p in pairs_of(both) if p.basis == "certain"}
    worst = worst_bounds(data.timeline)
    one, other = ("crs.astct-2019", "crs.lee-2014")
    counted: Counter[Any] = Counter()
    for who in data.timeline["patient"].unique().to_list():
        grades = []
        for scale in (one, other):
            _, _, low, high = worst.filter((pl.col("patient") == who) & (pl.col("scale") == scale)).row(0)
            # nothing certain and something possible is no 0
            grades.append(low if low or not high else None)
        counted[tuple(grades)] += 1
    assert certain[one, other].counts == counted
    settled = table((0, 0, 3), (1, 2, 1))
    twice = pl.concat([settled, table((0, 0, 3), (1, 2, 1), basis="certain")])
    assert where_unsettled(twice, KNOWLEDGE).equals(settled)


def test_the_figure_holds_every_patient_in_every_column() -> None:
    frame = pl.concat([table((0, 0, 5), (1, 2, 3), (None, 2, 2)), table((0, 1, 5), (2, 2, 5), first=B, second=C)])
    drawn = flow_figure(family_tables(frame, KNOWLEDGE)[0], Words(KNOWLEDGE), "flow", "flow of grades of ten patients")
    assert drawn
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", str(drawn))
    assert texts.count("n = 10") == 3
    assert {"?: 2", "0: 5", "1: 3", "2: 5", "1: 5"} <= set(texts)
    assert "CRS Lee" in texts


def test_without_neighbors_there_is_no_figure() -> None:
    frame = pl.concat([table((1, 1, 2)), table((1, 1, 2), first=A, second=C)])
    assert flow_figure(family_tables(frame, KNOWLEDGE)[0], Words(KNOWLEDGE), "x", "figure that cannot be drawn") is None


def test_reported_grades_have_a_block_of_their_own() -> None:
    frame = pl.concat([table((1, 2, 3)), table((2, 2, 4), basis="reported")])
    blocks = beside_context(ReportData(timeline=made.sample().timeline, discordance=frame), KNOWLEDGE)["discordance"]
    assert [block["basis"] for block in blocks] == [
        "worst grade, where the record settles it",
        "worst grade that people reported",
    ]


def timeline(*rows: tuple[str, str, int | None, int | None]) -> pl.DataFrame:
    made_of = [
        {"patient": who, "scale": scale, "start": 0, "end": 1, "at_least": low, "at_most": high}
        for who, scale, low, high in rows
    ]
    return pl.DataFrame(made_of, schema=TIMELINE.schema)


def test_worst_grades_by_hand() -> None:
    bounds = [("a", 2, 2), ("a", 0, 0), ("b", 1, 3), ("c", 0, 2), ("d", 0, 0), ("e", None, None)]
    rows = timeline(*[(who, C, low, high) for who, low, high in bounds])
    found = worst_grades(worst_bounds(rows), C)
    assert found.settled == (1, 0, 1, 0, 0, 0)
    assert found.open == (1, 1, 0, 0, 0, 0)
    assert (found.ungraded, found.above) == (1, 2)
    tables, rest = grade_tables(pl.concat([rows, timeline(("a", A, 0, 0))]), KNOWLEDGE)
    assert [item.scale for item in tables["Cytokine release syndrome"]] == [C]
    assert rest == ["CRS Lee"]


def test_worst_scores_by_hand() -> None:
    rows = timeline(*[(f"p{n}", "news2", low, high) for n, (low, high) in enumerate([(3, 3), (5, 9), (7, 7), (0, 20)])])
    curve = score_curves(rows, KNOWLEDGE)[0]
    assert (curve.patients, curve.known) == (4, 2)
    reached = {at: (certain, possible) for at, certain, possible in curve.steps}
    assert (reached[0], reached[5], reached[7], reached[9], reached[20]) == ((4, 4), (2, 3), (1, 3), (0, 2), (0, 1))
    assert {cut["points"]: cut["certain"] for cut in curve.cuts} == {1: 3, 5: 2, 7: 1}


def test_the_page_says_the_numbers() -> None:
    html = render_report(many.data(), KNOWLEDGE)
    wanted = {"crs.astct-2019", "crs.penn-2018"}
    pair = next(p for p in pairs_of(many.data().discordance) if {p.first, p.second} == wanted)
    part = html.split('id="discordance"', 1)[1]
    cells = re.search(r"<th scope=\"row\">CRS Penn / CRS ASTCT</th>((?:<td[^>]*>[^<]*</td>)+)", part)
    assert cells
    numbers = re.findall(r"<td[^>]*>([^<]*)</td>", cells[1])
    assert numbers[:3] == [str(pair.same), str(pair.differ), str(pair.unknown)]
    assert numbers[3] == f"{pair.kappa.value:.2f}"
    assert 'aria-labelledby="flow-0-title"' in html
    assert "Cytokine release syndrome: worst grade that is certain" in html
