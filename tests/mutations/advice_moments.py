"""The moments of the expected tables of advice, each with the situation in which its patient is then.

The situations of all patients are worked out once, with all that right and wrong rules read, and only those that hold
a moment of an expected table are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import polars as pl
from tests.lib import advice_cases, cases, tables
from tests.mutations.advice_mutations import WORDS, Pair, Wrong

from cytowatch.advise import apply
from cytowatch.advise.match import Match, Matcher
from cytowatch.advise.situations import Situations, situations
from cytowatch.advise.tell import Teller
from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.advice import AdviceRule, Guideline

# state, grade, certain
Said = tuple[str, int | None, bool]


class _EnoughError(Exception):
    """The rest of the way is not needed."""


@dataclass(frozen=True)
class Moment:
    """One moment of an expected table: who, when, which guideline, its columns, and whether it lists what may be."""

    patient: str
    time: int
    at: str
    guideline: str
    situation: int
    columns: frozenset[str]
    asks_next: bool
    asks_possible: bool
    # all guidelines of the case, as conflicts are between those only
    guidelines: frozenset[str]

    def lists(self, state: str, *, certain: bool) -> bool:
        """Whether a row in this state would be in the table."""
        return (certain or self.asks_possible) and (state != "next" or self.asks_next)

    def shown(self, said: Iterable[Said]) -> list[tuple[object, ...]]:
        """What the table would show of a rule, in the columns that tell when it speaks."""
        rows = []
        for state, grade, certain in said:
            if self.lists(state, certain=certain):
                level = ("level" in self.columns) and (certain and state == "now")
                kept = {"state": state, "grade": str(grade), "holds": certain}
                rows.append((level, *(value for name, value in kept.items() if name in self.columns)))
        return sorted(rows, key=str)


@dataclass(frozen=True)
class Watched:
    """The moments of the cases that share their options, with all that right and wrong rules read at them."""

    knowledge: Knowledge
    found: Situations
    teller: Teller
    moments: tuple[Moment, ...]

    @lru_cache(maxsize=64)  # noqa: B019 - as long as the test runs
    def of(self, guideline: str) -> tuple[Matcher, dict[int, list[Moment]]]:
        """The situations of a guideline's moments, and the moments by situation."""
        by_situation: dict[int, list[Moment]] = {}
        for moment in self.moments:
            if moment.guideline == guideline:
                by_situation.setdefault(moment.situation, []).append(moment)
        own = self.found.table.filter(pl.col("situation").is_in(list(by_situation)))
        return Matcher(self.knowledge, own), by_situation

    @lru_cache(maxsize=1024)  # noqa: B019 - as long as the test runs
    def _right(self, guideline: str, rule: str) -> Match:
        part = self.knowledge.advice.guidelines[guideline]
        return self.of(guideline)[0].match(part, next(each for each in part.rules if each.id == rule))

    def right(self, pair: Pair) -> Match:
        """Where a rule of the package speaks, as it is."""
        return self._right(pair.guideline.key, pair.right.id)

    @lru_cache(maxsize=128)  # noqa: B019 - as long as the test runs
    def side(self, name: str) -> Match:
        """Where a rule speaks that conflicts name, at the moments of conflicts."""
        key, _, rule = name.partition(".")
        part = self.knowledge.advice.guidelines[key]
        return self.of(advice_cases.CONFLICT)[0].match(part, next(each for each in part.rules if each.id == rule))

    def __hash__(self) -> int:
        return id(self)


def with_wrong(errors: Iterable[Wrong], knowledge: Knowledge) -> tuple[Knowledge, list[str]]:
    """The tables with the wrong rules as guidelines of their own, so that what they read is worked out."""
    rules: dict[str, tuple[Guideline, list[AdviceRule]]] = {}
    for number, pair in enumerate(pair for error in errors if error.kind not in WORDS for pair in error.pairs):
        head = f"{pair.edited.key} {pair.edited.population} {sorted(pair.edited.scales.items())}"
        _, found = rules.setdefault(head, (pair.edited, []))
        found.append(replace(pair.wrong, id=f"w{number}"))
    wrong = {f"wrong {key}": replace(part, key=f"wrong {key}", rules=tuple(own)) for key, (part, own) in rules.items()}
    return replace(
        knowledge, advice=replace(knowledge.advice, guidelines={**knowledge.advice.guidelines, **wrong})
    ), list(wrong)


def watch(knowledge: Knowledge, more: Sequence[str]) -> Watched:
    """The moments of the cases with the commonest options; ``more``: guidelines whose questions are laid under, too."""
    group = cases.groups(advice_cases.advice_cases())[0]
    caught: list[tuple[pl.DataFrame, pl.DataFrame, Any]] = []

    def advised(frame: pl.DataFrame, lanes: pl.DataFrame, *given: Any) -> pl.DataFrame:
        caught.append((frame, lanes, given[-2]))
        raise _EnoughError

    named = advice_cases.guidelines_of(group)
    with (
        patch.object(apply, "_advised", advised),
        patch.object(advice_cases, "guidelines_of", lambda _: [*named, *more]),
        suppress(_EnoughError),
    ):
        advice_cases.advised(group, knowledge)
    ((frame, lanes, doses),) = caught
    asked = _asked(group)
    found = situations(_at_moments(frame, asked))
    return Watched(knowledge, found, Teller(knowledge, doses, found, lanes), _moments(asked, found))


def _at_moments(frame: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The segments that hold a moment of an expected table."""
    times = asked.select("patient", "time").unique().sort("patient", "time")
    kept = times.join_asof(
        frame.select("patient", "start", "end"), left_on="time", right_on="start", by="patient",
        check_sortedness=False, coalesce=False,
    ).filter(pl.col("time") < pl.col("end"))  # fmt: skip
    return frame.join(kept.select("patient", "start").unique(), on=["patient", "start"], how="semi")


def _asked(group: tuple[cases.Case, ...]) -> pl.DataFrame:
    """One row a moment and guideline of an expected table, with what the table asks for."""
    rows = []
    for case in group:
        table = advice_cases.table_of(case)
        blocks: dict[tuple[str, str], cases.Rows] = {}
        for row in table:
            blocks.setdefault((row["at"], row["guideline"]), []).append(row)
        rows += [
            {
                "patient": case.id,
                "time": tables.time_of(at),
                "at": at,
                "guideline": guideline,
                "columns": list(said[0]),
                "asks_next": any(row.get("state") == "next" for row in said),
                "asks_possible": any(row.get("holds") == "possible" for row in said),
                "guidelines": sorted({row["guideline"] for row in table}),
            }
            for (at, guideline), said in blocks.items()
        ]
    return pl.DataFrame(rows)


def _moments(asked: pl.DataFrame, found: Situations) -> tuple[Moment, ...]:
    runs = found.runs.select("patient", "start", "end", "situation").sort("patient", "start")
    joined = asked.sort("patient", "time").join_asof(
        runs, left_on="time", right_on="start", by="patient", check_sortedness=False
    )
    here = joined.filter(pl.col("time") < pl.col("end"))
    sets = ("columns", "guidelines")
    return tuple(
        Moment(**{name: frozenset(row[name]) if name in sets else row[name] for name in Moment.__dataclass_fields__})
        for row in here.iter_rows(named=True)
    )


def said_in(table: pl.DataFrame) -> dict[int, list[Said]]:
    """What is said in each situation."""
    found: dict[int, list[Said]] = {}
    for situation, *said in table.select("situation", "state", "grade", "certain").iter_rows():
        found.setdefault(situation, []).append((said[0], said[1], said[2]))
    return found
