"""Which worked patients notice wrong advice, without a new call for each error.

The situations of all patients are worked out once, with all that right and wrong rules read, and only those that hold
a moment of an expected table are kept. Each wrong rule is matched against these few; where it must be told as well
(doses, limits, cautions), its rows are held against those of the right rule. An error is noticed if, at some moment of
an expected table, a column that the table names comes out otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import polars as pl
from tests.lib import advice_cases, cases, tables
from tests.mutations.advice_mutations import ALERT, TOLD, WORDS, Pair, Wrong

from cytowatch.advise import apply
from cytowatch.advise.match import Match, Matcher
from cytowatch.advise.situations import Situations, situations
from cytowatch.advise.tell import Teller
from cytowatch.knowledge import Knowledge, load
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

    def __hash__(self) -> int:
        return id(self)


def watch(knowledge: Knowledge, more: Sequence[str]) -> list[Watched]:
    """All moments, by the options of their cases; ``more``: guidelines whose questions are laid under as well."""
    return [part for group in cases.groups(advice_cases.advice_cases()) for part in _watched(group, knowledge, more)]


def with_wrong(errors: Iterable[Wrong], knowledge: Knowledge) -> tuple[Knowledge, list[str]]:
    """The tables with the wrong rules as guidelines of their own, so that what they read is worked out."""
    rules: dict[str, tuple[Guideline, list[AdviceRule]]] = {}
    for number, pair in enumerate(pair for error in errors if error.kind not in WORDS for pair in error.pairs):
        _, found = rules.setdefault(f"{pair.edited.key} {sorted(pair.edited.scales.items())}", (pair.edited, []))
        found.append(replace(pair.wrong, id=f"w{number}"))
    wrong = {f"wrong {key}": replace(part, key=f"wrong {key}", rules=tuple(own)) for key, (part, own) in rules.items()}
    return replace(
        knowledge, advice=replace(knowledge.advice, guidelines={**knowledge.advice.guidelines, **wrong})
    ), list(wrong)


def _watched(group: tuple[cases.Case, ...], knowledge: Knowledge, more: Sequence[str]) -> Iterator[Watched]:
    caught: list[tuple[pl.DataFrame, pl.DataFrame, Any]] = []

    def advised(frame: pl.DataFrame, lanes: pl.DataFrame, _: object, doses: Any, __: object) -> pl.DataFrame:
        caught.append((frame, lanes, doses))
        raise _EnoughError

    named = advice_cases.guidelines_of(group)
    with (
        patch.object(apply, "_advised", advised),
        patch.object(advice_cases, "guidelines_of", lambda _: [*named, *more]),
        suppress(_EnoughError),
    ):
        advice_cases.advised(group, knowledge)
    for frame, lanes, doses in caught:
        asked = _asked(group)
        times = asked.select("patient", "time").unique().sort("patient", "time")
        kept = times.join_asof(
            frame.select("patient", "start", "end"), left_on="time", right_on="start", by="patient",
            check_sortedness=False, coalesce=False,
        ).filter(pl.col("time") < pl.col("end"))  # fmt: skip
        found = situations(frame.join(kept.select("patient", "start").unique(), on=["patient", "start"], how="semi"))
        teller = Teller(knowledge, doses, found, lanes)
        yield Watched(knowledge, found, teller, _moments(asked, found))


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


# ---------------------------------------------------------------- what is noticed


def survivors(watched: Sequence[Watched], errors: Sequence[Wrong]) -> list[str]:
    """The errors that no moment notices."""
    told = [error for error in errors if error.kind in TOLD]
    noticed = set(map(id, _told_otherwise(watched, told)))
    for error in errors:
        if error.kind in WORDS and _worded_otherwise(watched, error):
            noticed.add(id(error))
        elif error.kind not in (*WORDS, *TOLD) and _speaks_otherwise(watched, error):
            noticed.add(id(error))
    return sorted(str(error) for error in errors if id(error) not in noticed)


def _speaks_otherwise(watched: Sequence[Watched], error: Wrong) -> bool:
    """Whether the rule is not said, said besides, for another grade, or less surely at some moment."""
    for part in watched:
        for pair in error.pairs:
            matcher, moments = part.of(pair.guideline.key)
            right = said_in(part.right(pair).table)
            wrong = said_in(matcher.match(pair.edited, pair.wrong).table)
            if differs(right, wrong, moments):
                return True
    return False


def said_in(table: pl.DataFrame) -> dict[int, list[Said]]:
    """What is said in each situation."""
    found: dict[int, list[Said]] = {}
    for situation, *said in table.select("situation", "state", "grade", "certain").iter_rows():
        found.setdefault(situation, []).append((said[0], said[1], said[2]))
    return found


def differs(
    right: dict[int, list[Said]], wrong: dict[int, list[Said]], moments: dict[int, list[Moment]]
) -> bool:
    """Whether some moment's table comes out otherwise."""
    return any(
        moment.shown(right.get(situation, ())) != moment.shown(wrong.get(situation, ()))
        for situation in {*right, *wrong}
        if right.get(situation) != wrong.get(situation)
        for moment in moments.get(situation, ())
    )


def _worded_otherwise(watched: Sequence[Watched], error: Wrong) -> bool:
    """Whether some table shows the rule, with the column in which the word stands."""
    ((pair,), (column,)) = error.pairs, WORDS[error.kind]
    for part in watched:
        moments = part.of(pair.guideline.key)[1]
        for situation, said in said_in(part.right(pair).table).items():
            for moment in moments.get(situation, ()):
                shown = [(state, certain) for state, _, certain in said if moment.lists(state, certain=certain)]
                if column in moment.columns and (("now", True) in shown if error.kind == ALERT else shown):
                    return True
    return False


def _told_otherwise(watched: Sequence[Watched], errors: Sequence[Wrong]) -> Iterator[Wrong]:
    """The errors of which some table shows another dose, count, interval, ..., where the right rule stands."""
    for part in watched:
        spoken = [(error, pair) for error in errors for pair in error.pairs if part.right(pair).table.height]
        rights = {(pair.guideline.key, pair.right.id): part.right(pair) for _, pair in spoken}
        # what a dose or a wait is changes nothing of when the rule speaks
        wrongs = [replace(part.right(pair), guideline=pair.edited, rule=pair.wrong) for _, pair in spoken]
        rows = _rows(part, [*rights.values(), *wrongs])
        places = {key: place for place, key in enumerate(rights)}
        for place, (error, pair) in enumerate(spoken, len(rights)):
            one, other = (rows.get(n, []) for n in (places[pair.guideline.key, pair.right.id], place))
            moments = [moment for own in part.of(pair.guideline.key)[1].values() for moment in own]
            columns = TOLD[error.kind]
            if any(_cells(moment, one, columns) != _cells(moment, other, columns) for moment in moments):
                yield error


def _rows(part: Watched, matches: Sequence[Match]) -> dict[int, list[dict[str, Any]]]:
    """The rows of advice of each match, by its place."""
    numbered = [replace(match, rule=replace(match.rule, id=str(n), then="", choice="")) for n, match in enumerate(matches)]
    found: dict[int, list[dict[str, Any]]] = {}
    for row in part.teller.rows(numbered).iter_rows(named=True) if numbered else ():
        found.setdefault(int(row["rule"]), []).append(row)
    return found


def _cells(moment: Moment, rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> list[list[str]]:
    here = [
        row
        for row in rows
        if row["patient"] == moment.patient and row["start"] <= moment.time < row["end"]
        and moment.lists(row["state"], certain=row["holds"] == "certain")
    ]  # fmt: skip
    named = [name for name in columns if name in moment.columns]
    return [[advice_cases.cell(row, name, moment.at, moment.guideline) for name in named] for row in here]
