"""Small scales of the method "rules", written in a few lines, and patients held against them.

A criterion is ``id grade when``; after the id ``@domain`` names another axis than ``body``, and ``~`` says that it is
recalled.
Charts are written as in ``tests.lib.tables``, with ``uln=`` and ``lln=`` for the limits that a laboratory printed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl
from tests.lib import tables

from cytowatch.engine.reference import grade_reference
from cytowatch.knowledge import Knowledge, load

RECORD = 'watch = "record"'
EPISODES = """
[episode]
opens_with = ""
floor = 0
death_cause = "crs"
death_criterion = "death_from_crs"
waived_by = []
"""
BODY = '[[domain]]\nid = "body"\nlabel = "Body"\n'
ADULT = {"age_years": 60.0}
HEAD = """
id = "{name}"
title = "A small scale"
family = "organ"
method = "rules"
revision = 1
status = "draft"
source = "house"
{head}
[grades]
1 = "a"
2 = "b"
3 = "c"
4 = "d"
{tables}
{domains}
{criteria}
"""
CRITERION = """
[[criterion]]
id = "{id}"
label = "x"
domain = "{domain}"
grade = {grade}
locator = "x"
evidence = "{evidence}"
when = {when}
"""


class Case(NamedTuple):
    """One small scale, one chart, and what must come out."""

    name: str
    criteria: str
    chart: str
    timeline: str
    patient: dict[str, Any] = ADULT
    head: str = RECORD
    more: str = ""
    domains: str = BODY
    episodes: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012  (never changed)

    def hold(self) -> None:
        """Grade the chart and compare."""
        rules = scale("small", self.criteria, self.head, self.more, self.domains)
        check(rules, self.chart, self.timeline, self.episodes, patient=self.patient, **self.options)


def scale(name: str, criteria: str, head: str = RECORD, more: str = "", domains: str = BODY) -> str:
    """The TOML of one scale; ``more`` are tables besides: episodes, flags."""
    lines = [line.strip() for line in criteria.strip().splitlines() if line.strip()]
    return HEAD.format(
        name=name, head=head, tables=more, domains=domains, criteria="".join(_criterion(line) for line in lines)
    )


def _criterion(line: str) -> str:
    name, grade, when = line.split(maxsplit=2)
    evidence = "recalled" if name.endswith("~") else "house"
    name, _, domain = name.rstrip("~").partition("@")
    return CRITERION.format(id=name, domain=domain or "body", grade=grade, evidence=evidence, when=when)


@lru_cache(maxsize=256)
def knowledge(*files: tuple[str, str]) -> Knowledge:
    """The package's tables with these files laid over them."""
    with TemporaryDirectory() as folder:
        for name, text in files:
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load(folder)


def charted(text: str) -> pl.DataFrame:
    """Admitted rows of one patient, with limits of normal where the chart gives them."""
    words = [line.split() for line in text.strip().splitlines() if line.strip()]
    plain = "\n".join(" ".join(word for word in line if not word.startswith(("uln=", "lln="))) for line in words)
    frame = tables.observations(plain)
    for key, column in (("uln=", "range_high"), ("lln=", "range_low")):
        found = [next((float(word[4:]) for word in line if word.startswith(key)), None) for line in words]
        frame = frame.with_columns(pl.Series(column, found, dtype=pl.Float64))
    return frame


def graded(
    rules: str | Knowledge, chart: str, name: str = "small", patient: dict[str, Any] = ADULT, **options: Any
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The timeline and the episodes of one patient by one small scale."""
    tables_known = rules if isinstance(rules, Knowledge) else knowledge((f"scales/{name}.toml", rules))
    timeline, episodes, _ = grade_reference(charted(chart), tables.patients(**patient), tables_known, name, **options)
    return timeline, episodes


def check(rules: str | Knowledge, chart: str, timeline: str, episodes: str = "", **how: Any) -> None:
    """Grade the chart, and hold the tables that come out against the expected ones."""
    found, found_episodes = graded(rules, chart, **how)
    assert tables.shown(found, timeline) == tables.expected(timeline)
    if episodes:
        assert tables.shown(found_episodes, episodes) == tables.expected(episodes)
