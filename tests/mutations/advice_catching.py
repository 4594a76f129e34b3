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
from tests.mutations.advice_parts import CAUTION, SHOWN, WrongConflict

from cytowatch.advise import apply
from cytowatch.advise.conflicts import as_guidelines, meetings
from cytowatch.advise.match import Match, Matcher
from cytowatch.advise.situations import Situations, situations
from cytowatch.advise.tell import Teller
from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.advice import AdviceRule, Guideline, GuidelineConflict

# in which columns an error of a dose, a limit or a caution shows
_TOLD = {**TOLD, **SHOWN}
# most errors of a drug are noticed by one of its first rules
FEW = 4
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


# ---------------------------------------------------------------- what is noticed


def survivors(watched: Watched, errors: Sequence[Wrong]) -> list[str]:
    """The errors that no moment notices."""
    left = [error for error in errors if not _is_spoken_otherwise(watched, error)]
    for few in (slice(FEW), slice(FEW, None)):
        noticed = set(map(str, _told_otherwise(watched, [error for error in left if error.kind in _TOLD], few)))
        left = [error for error in left if str(error) not in noticed]
    return sorted(map(str, left))


def _is_spoken_otherwise(watched: Watched, error: Wrong) -> bool:
    if error.kind in _TOLD:
        return False
    return (_worded_otherwise if error.kind in WORDS else _speaks_otherwise)(watched, error)


def _speaks_otherwise(watched: Watched, error: Wrong) -> bool:
    """Whether the rule is not said, said besides, for another grade, or less surely at some moment."""
    for pair in error.pairs:
        matcher, moments = watched.of(pair.guideline.key)
        wrong = said_in(matcher.match(pair.edited, pair.wrong).table)
        if differs(said_in(watched.right(pair).table), wrong, moments):
            return True
    return False


def said_in(table: pl.DataFrame) -> dict[int, list[Said]]:
    """What is said in each situation."""
    found: dict[int, list[Said]] = {}
    for situation, *said in table.select("situation", "state", "grade", "certain").iter_rows():
        found.setdefault(situation, []).append((said[0], said[1], said[2]))
    return found


def differs(right: dict[int, list[Said]], wrong: dict[int, list[Said]], moments: dict[int, list[Moment]]) -> bool:
    """Whether some moment's table comes out otherwise."""
    return any(
        moment.shown(right.get(situation, ())) != moment.shown(wrong.get(situation, ()))
        for situation in {*right, *wrong}
        if right.get(situation) != wrong.get(situation)
        for moment in moments.get(situation, ())
    )


def _worded_otherwise(watched: Watched, error: Wrong) -> bool:
    """Whether some table shows the rule, with the column in which the word stands."""
    ((pair,), (column,)) = error.pairs, WORDS[error.kind]
    moments = watched.of(pair.guideline.key)[1]
    for situation, said in said_in(watched.right(pair).table).items():
        for moment in moments[situation]:
            shown = [(state, certain) for state, _, certain in said if moment.lists(state, certain=certain)]
            if column in moment.columns and (("now", True) in shown if error.kind == ALERT else shown):
                return True
    return False


def _told_otherwise(watched: Watched, errors: Sequence[Wrong], few: slice) -> Iterator[Wrong]:
    """The errors of which some table shows another dose, count, interval, ..., where the right rule stands.

    ``few``: which of the rules that an error has are looked at.
    """
    spoken = [
        (error, pair)
        for error in errors
        for pair in [pair for pair in error.pairs if _may_show(watched, error, pair)][few]
    ]
    rights = {(pair.guideline.key, pair.right.id): watched.right(pair) for _, pair in spoken}
    rows = _rows(watched, [*rights.values(), *(_wrong_match(watched, error, pair) for error, pair in spoken)])
    places = {key: place for place, key in enumerate(rights)}
    for place, (error, pair) in enumerate(spoken, len(rights)):
        one, other = (rows.get(n, []) for n in (places[pair.guideline.key, pair.right.id], place))
        moments = [moment for own in watched.of(pair.guideline.key)[1].values() for moment in own]
        columns = _TOLD[error.kind]
        if any(_cells(moment, one, columns) != _cells(moment, other, columns) for moment in moments):
            yield error


def _may_show(watched: Watched, error: Wrong, pair: Pair) -> bool:
    """Whether a table that shows the rule names one of the columns."""
    columns, moments = set(_TOLD[error.kind]), watched.of(pair.guideline.key)[1]
    here = watched.right(pair).table["situation"].unique().to_list()
    return any(columns & moment.columns for situation in here for moment in moments[situation])


def _wrong_match(watched: Watched, error: Wrong, pair: Pair) -> Match:
    """Where the wrong rule speaks: what a dose or a wait is changes nothing of it, other cautions are matched anew."""
    if error.kind == CAUTION:
        return watched.of(pair.guideline.key)[0].match(pair.edited, pair.wrong)
    return replace(watched.right(pair), guideline=pair.edited, rule=pair.wrong)


def _rows(watched: Watched, matches: Sequence[Match]) -> dict[int, list[dict[str, Any]]]:
    """The rows of advice of each match, by its place."""
    plain = [replace(match.rule, id=str(number), then="", choice="") for number, match in enumerate(matches)]
    numbered = [replace(match, rule=rule) for match, rule in zip(matches, plain, strict=True)]
    found: dict[int, list[dict[str, Any]]] = {}
    for row in watched.teller.rows(numbered).iter_rows(named=True) if numbered else ():
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


# ---------------------------------------------------------------- conflicts


def conflict_survivors(watched: Watched, errors: Sequence[WrongConflict]) -> list[str]:
    """The wrong conflicts that no moment notices."""
    return [str(error) for error in errors if not _differ_otherwise(watched, error)]


def _differ_otherwise(watched: Watched, error: WrongConflict) -> bool:
    right, wrong = (_met(watched, conflict) for conflict in (error.right, error.wrong))
    lane = advice_cases.STANDING if error.right.triggers else advice_cases.CONFLICT
    return any(
        _pairs_shown(moment, right, situation) != _pairs_shown(moment, wrong, situation)
        for situation, own in watched.of(lane)[1].items()
        for moment in own
    )


def _met(watched: Watched, conflict: GuidelineConflict) -> dict[str, dict[int, list[Said]]]:
    """What a conflict says in each situation: by the pair of guidelines, or of what an exposure brings with it."""
    if conflict.triggers:
        (part,) = as_guidelines([conflict])
        return {"": said_in(watched.of(advice_cases.STANDING)[0].match(part, part.rules[0]).table)}
    met = meetings([watched.side(name) for name in (*conflict.one, *conflict.other)], [conflict])
    return {match.guideline.key: said_in(match.table) for match in met}


def _pairs_shown(moment: Moment, said: dict[str, dict[int, list[Said]]], situation: int) -> list[object]:
    """The rows of the table: a pair is in it if both its guidelines are."""
    return sorted(
        (pair if "between" in moment.columns else "", row)
        for pair, by_situation in said.items()
        if not pair or set(pair.split(" / ")) <= moment.guidelines
        for row in map(str, moment.shown(by_situation.get(situation, ())))
    )
