"""Conditions of the rule scales by themselves: a scale made of them, and what the engine says of a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

import polars as pl
from tests.generative.random_charts import nodes
from tests.lib.edges import Row, microseconds

from cytowatch.adapters.admit import admit
from cytowatch.engine.apply import grade_observations
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Criterion, Domain, EpisodeRule, Knowledge, Node, Scale
from cytowatch.schema import PATIENTS

Kind = TypeVar("Kind")
Person = dict[str, object]
Moment = tuple[str, timedelta]


@lru_cache(maxsize=1)
def conditions_of_rule_scales() -> tuple[Node, ...]:
    """Every condition of every criterion and flag, and every part of one."""
    scales = [scale for scale in load().scales.values() if scale.method == "rules"]
    return tuple(nodes(tuple(part.when for scale in scales for part in (*scale.criteria, *scale.flag_rules))))


def different(kind: type[Kind]) -> list[Kind]:
    """The conditions of one kind, each once."""
    return list(dict.fromkeys(node for node in conditions_of_rule_scales() if isinstance(node, kind)))


def scale_of(conditions: list[Node]) -> tuple[Knowledge, Scale]:
    """Tables with one scale whose criteria are these conditions, named c0, c1, …"""
    criteria = (Criterion(f"c{n}", "", "all", 1, part, "house", "", "house") for n, part in enumerate(conditions))
    scale = Scale(
        id="edges", title="", family="score", revision=1, status="draft", source="house", grades=(1,),
        grade_meaning={1: ""}, domains=(Domain("all", "all"),), criteria=tuple(criteria),
        episode=EpisodeRule("", (), 0, "", ""), flags={}, not_encoded=(), method="rules", watch="record",
        has_episodes=False,
    )  # fmt: skip
    return replace(load(), scales={"edges": scale}), scale


def timeline(conditions: list[Node], rows: list[Row], people: list[Person]) -> pl.DataFrame:
    """The timeline of the scale of these conditions, rows as they come from a chart."""
    knowledge, _ = scale_of(conditions)
    admission = admit(pl.DataFrame(rows, infer_schema_length=None), knowledge, file="edges", clock="time")
    assert admission.rejects.is_empty(), admission.rejects.head(5)
    patients = pl.DataFrame(people, schema=PATIENTS.schema)
    return grade_observations(admission.observations, patients, knowledge, ["edges"], clock="time").timeline


def certain(conditions: list[Node], rows: list[Row], people: list[Person]) -> dict[str, set[str]]:
    """The conditions that are certain for each patient at the zero of the clock."""
    now = microseconds(timedelta(0))
    here = timeline(conditions, rows, people).filter((pl.col("start") <= now) & (now < pl.col("end")))
    return {name: set(criteria) for name, criteria in here.select("patient", "criteria").iter_rows()}


def none_other(
    condition: Node, rows: list[Row], expected: dict[Moment, tuple[bool, bool]], people: list[Person] | None = None
) -> None:
    """At each moment of a patient the condition is certain and possible as expected."""
    assert expected
    found = timeline([condition], rows, people or [])
    wrong = []
    for (patient, at), truth in expected.items():
        now = microseconds(at)
        here = found.filter((pl.col("patient") == patient) & (pl.col("start") <= now) & (now < pl.col("end")))
        said = [(low == 1, high == 1) for low, high in here.select("at_least", "at_most").iter_rows()]
        if said != [truth]:
            wrong.append(f"{patient}, {at}: expected {truth}, found {said}")
    assert not wrong, f"{len(wrong)} of {len(expected)}:\n" + "\n".join(wrong[:12])
