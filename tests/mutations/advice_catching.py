"""Which worked patients of advice notice a wrong rule, without a new call for each.

The segments of all patients are worked out once, with all that right and wrong rules read, and only those that hold a
moment of an expected table are kept. *When* a rule speaks is then asked of all wrong rules of a guideline at once, and
so is *what* it says, at the moments at which it speaks and whose table names the column.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any
from unittest.mock import patch

import polars as pl
from tests.lib import advice_cases, cases, tables
from tests.mutations.advice_mutations import ALERT, SHOWS, Wrong

from cytowatch.advise import apply, match
from cytowatch.advise.match import Matcher
from cytowatch.knowledge import load
from cytowatch.knowledge.advice import AdviceRule, Guideline


class _EnoughError(Exception):
    """The rest of the way is not needed."""


@dataclass
class Moments:
    """The moments of the expected tables, one row a moment and guideline, with all that rules read."""

    matcher: Matcher
    table: pl.DataFrame

    def of(self, guideline: str) -> pl.DataFrame:
        """The moments at which a guideline is asked."""
        return self.table.filter(pl.col("asked_of") == guideline)


def moments(wrong: Iterable[Wrong]) -> Moments:
    """The moments of the cases that share the commonest options, ready for right and wrong rules."""
    group = cases.groups(advice_cases.advice_cases())[0]
    found: list[tuple[pl.DataFrame, Matcher]] = []
    more = _as_guidelines(wrong)
    make = apply._frame

    def frame(*given: Any) -> pl.DataFrame:
        return make(*given[:-1], [*given[-1], *more])

    def advised(segments: pl.DataFrame, _: object, doses: Any, knowledge: Any) -> pl.DataFrame:
        found.append((segments, Matcher(knowledge, doses)))
        raise _EnoughError

    with (
        patch.object(apply, "_frame", frame),
        patch.object(apply, "_advised", advised),
        suppress(_EnoughError),
    ):
        advice_cases.advised(group, load())
    ((segments, matcher),) = found
    return Moments(matcher, _at_moments(segments, group))


def _as_guidelines(wrong: Iterable[Wrong]) -> list[Guideline]:
    """What wrong rules read is laid under the segments as well."""
    rules: dict[str, list[AdviceRule]] = {}
    for part in wrong:
        if part.kind not in SHOWS:
            rules.setdefault(part.guideline, []).append(part.rule)
    return [replace(load().advice.guidelines[key], rules=tuple(found)) for key, found in rules.items()]


def _at_moments(segments: pl.DataFrame, group: tuple[cases.Case, ...]) -> pl.DataFrame:
    """One row a moment and guideline of an expected table, with what the table asks for."""
    rows = []
    for case in group:
        blocks: dict[tuple[str, str], cases.Rows] = {}
        for row in advice_cases.table_of(case):
            blocks.setdefault((row["at"], row["guideline"]), []).append(row)
        rows += [
            {
                "patient": case.id,
                "moment": tables.time_of(at),
                "asked_of": guideline,
                "columns": list(said[0]),
                "asks_next": any(row.get("state") == "next" for row in said),
                "asks_possible": any(row.get("holds") == "possible" for row in said),
            }
            for (at, guideline), said in blocks.items()
        ]
    asked = pl.DataFrame(rows).sort("patient", "moment")
    joined = asked.join_asof(
        segments, left_on="moment", right_on="start", by="patient", check_sortedness=False, coalesce=False
    )
    return joined.filter(pl.col("moment") < pl.col("end"))


# ---------------------------------------------------------------- when and for whom


def speaks_otherwise(found: Moments, guideline: Guideline, wrong: list[Wrong]) -> list[Wrong]:
    """The wrong rules that come out otherwise at some moment: not said, said besides, for another grade, less sure."""
    here = found.of(guideline.key)
    right = {rule.id: rule for rule in guideline.rules}
    asked = {f"w{place}": part.rule for place, part in enumerate(wrong)} | {key: right[key] for key in right}
    said = here.select(_speaks(found.matcher, guideline, rule).alias(name) for name, rule in asked.items())
    return [part for place, part in enumerate(wrong) if (said[f"w{place}"] != said[part.rule.id]).any()]


def speaks_of_others(found: Moments, guideline: Guideline) -> list[str]:
    """The populations that nobody would notice if the guideline spoke of them instead."""
    right = guideline.population
    here = found.of(guideline.key)
    survived = []
    for other in ("adult", "child", "any"):
        edited = replace(guideline, population=other)
        differs = [
            (_speaks(found.matcher, guideline, rule) != _speaks(found.matcher, edited, rule)).any()
            # a few rules are enough: all of them ask for the same age
            for rule in guideline.rules[::5]
        ]
        if other != right and not any(here.select(part.alias(str(n)) for n, part in enumerate(differs)).row(0)):
            survived.append(f"{guideline.key}: for {other} instead of {right}")
    return survived


def _speaks(matcher: Matcher, guideline: Guideline, rule: AdviceRule) -> pl.Expr:
    """What a table would show of a rule at each moment, in the columns that tell when it speaks; as text."""
    certain, possible, _ = matcher._circumstances(guideline, rule)
    shown = []
    for state, here, grade in match._states(rule, guideline.scales[rule.toxicity]):
        visible = here & possible & (certain | pl.col("asks_possible"))
        visible &= pl.col("asks_next") if state == "next" else pl.lit(value=True)
        words = [
            _if_named(("state",), pl.lit(state)),
            _if_named(("grade",), grade.cast(pl.String).fill_null("-")),
            _if_named(("holds", "level"), pl.when(certain).then(pl.lit("certain")).otherwise(pl.lit("possible"))),
        ]
        shown.append(pl.when(visible).then(pl.concat_str([pl.lit("said"), *words], separator=" ")))
    return pl.concat_str(shown, separator=";", ignore_nulls=True)


def _if_named(columns: tuple[str, ...], value: pl.Expr) -> pl.Expr:
    return pl.when(reduce(or_, map(_named, columns))).then(value).otherwise(pl.lit(""))


def _named(column: str) -> pl.Expr:
    return pl.col("columns").list.contains(column)


# ---------------------------------------------------------------- what is said


def says_otherwise(found: Moments, guideline: Guideline, wrong: list[Wrong]) -> list[Wrong]:
    """The wrong rules of which some table shows another topic, dose, interval, ..., where the right one is shown."""
    here = found.of(guideline.key)
    right = {rule.id: rule for rule in guideline.rules}
    speaks = here.select((_speaks(found.matcher, guideline, rule) != "").alias(key) for key, rule in right.items())
    here = here.with_columns(speaks.get_columns())
    noticed = here.select(
        (pl.col(part.rule.id) & _named(SHOWS[part.kind]) & _shows(found.matcher, guideline, right[part.rule.id], part))
        .any()
        .alias(f"w{place}")
        for place, part in enumerate(wrong)
    )
    return [part for part, is_noticed in zip(wrong, noticed.row(0), strict=True) if is_noticed]


def _shows(matcher: Matcher, guideline: Guideline, right: AdviceRule, wrong: Wrong) -> pl.Expr:
    """Where the column of an error comes out otherwise."""
    scale = guideline.scales[right.toxicity]
    if wrong.kind == ALERT:
        certain, possible, _ = matcher._circumstances(guideline, right)
        _, here, _ = next(iter(match._states(right, scale)))
        return here & possible & certain & matcher._dose(right, scale)["blocked_by"].is_null()
    one, other = (_said(matcher, rule, scale, SHOWS[wrong.kind]) for rule in (right, wrong.rule))
    return reduce(or_, (a.ne_missing(b) for a, b in zip(one, other, strict=True)))


def _said(matcher: Matcher, rule: AdviceRule, scale: str, column: str) -> list[pl.Expr]:
    """What stands in a column, as far as it hangs on the rule."""
    if column in ("dose", "drug", "route"):
        dose = matcher._dose(rule, scale)
        return [dose[name] for name in (("dose", "dose_most") if column == "dose" else (column,))]
    texts = {
        "topic": rule.topic,
        "strength": rule.strength,
        "choice": rule.choice,
        "level": rule.cited.evidence == "recalled",
        "schedule": match._schedule(rule),
    }
    return [pl.lit(texts[column])]
