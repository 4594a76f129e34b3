"""The summary for the terminal: it tells discordance, and many scales do not flood it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console
from tests.report import many

from cytowatch.pipeline import Outcome
from cytowatch.report.discordance import pairs_of
from cytowatch.schema import DISCORDANCE
from cytowatch.summary import summarize

KNOWLEDGE = many.KNOWLEDGE


def printed(outcome: Outcome) -> str:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as caught:
        for part in summarize(outcome, [], KNOWLEDGE):
            console.print(part)
    return caught.get()


def only(outcome: Outcome, scales: list[str]) -> Outcome:
    crossed = outcome.discordance.filter(pl.col("scale_a").is_in(scales) & pl.col("scale_b").is_in(scales))
    return replace(outcome, timeline=outcome.timeline.filter(pl.col("scale").is_in(scales)), discordance=crossed)


def test_two_scales_beside_each_other() -> None:
    scales = ["crs.astct-2019", "crs.penn-2018"]
    text = printed(only(many.outcome(), scales))
    pair = next(pair for pair in pairs_of(many.outcome().discordance) if [pair.first, pair.second] == scales)
    line = next(line for line in text.splitlines() if "crs.astct-2019 / crs.penn-2018" in line)
    numbers = [pair.same, pair.differ, pair.unknown, pair.patients]
    assert line.split()[4:] == [*map(str, numbers), f"{pair.kappa.value:.2f}"]
    # few scales are told in full
    assert "no trigger" not in text
    assert "crs.penn-2018" in text.split("Worst grade of each patient")[1]


def test_many_scales_are_told_by_family_and_only_where_they_are_above_0() -> None:
    text = printed(many.outcome())
    assert "crs.astct-2019" in text
    assert "grade 3 in 2" in text
    assert "organ.ctcae-5.0.hyperkalemia" not in text
    assert "(1 scale above 0 in nobody for certain)" in text
    assert "points" in text
    assert len(text.splitlines()) < 50


def test_all_scales_do_not_flood_the_terminal() -> None:
    """Every scale of the tables above 0 in somebody, every pair of CRS scales compared."""
    base = many.outcome()
    row = base.timeline.filter((pl.col("scale") == "crs.astct-2019") & (pl.col("at_least") > 0)).head(1)
    every = pl.concat([row.with_columns(pl.lit(scale).alias("scale")) for scale in KNOWLEDGE.scales])
    crs = sorted(scale for scale, found in KNOWLEDGE.scales.items() if found.family == "crs")
    crossed = pl.DataFrame(
        [(a, b, "derived", 1, 1, 1) for place, a in enumerate(crs) for b in crs[place + 1 :]],
        schema=DISCORDANCE.schema,
        orient="row",
    )
    text = printed(replace(base, timeline=every, discordance=crossed))
    assert len(text.splitlines()) < 80
    assert "more above 0" in text
    assert "more pairs: table discordance" in text


def test_pairs_that_nobody_can_be_compared_on_are_counted() -> None:
    crossed = pl.DataFrame(
        [("crs.astct-2019", "crs.lee-2014", "derived", None, 2, 3)], schema=DISCORDANCE.schema, orient="row"
    )
    text = printed(replace(only(many.outcome(), ["crs.astct-2019", "crs.lee-2014"]), discordance=crossed))
    assert "1 pair: in nobody" in text


@pytest.mark.parametrize("rows", [0])
def test_nothing_is_said_of_a_run_on_one_scale(rows: int) -> None:
    outcome = only(many.outcome(), ["crs.astct-2019"])
    assert outcome.discordance.height == rows
    assert "on two scales" not in printed(outcome)
