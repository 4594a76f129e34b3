"""Which worked patients notice wrong advice, without a new call for each error.

Each wrong rule is matched against the situations of the moments of expected tables (``advice_moments``); where it must
be told as well (doses, limits, cautions), its rows are held against those of the right rule. An error is noticed if, at
some moment of an expected table, a column that the table names comes out otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.lib import advice_cases
from tests.mutations.advice_moments import Moment, Said, Watched, said_in
from tests.mutations.advice_mutations import ALERT, TOLD, WORDS, Pair, Wrong
from tests.mutations.advice_parts import CAUTION, SHOWN, WrongConflict

from cytowatch.advise.conflicts import as_guidelines, meetings
from cytowatch.advise.match import Match
from cytowatch.knowledge.advice import GuidelineConflict

# in which columns an error of a dose, a limit or a caution shows
_TOLD = {**TOLD, **SHOWN}
# most errors of a drug are noticed by one of its first rules
FEW = 4


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
        return {"": said_in(watched.of(advice_cases.STANDING)[0].match(part, part.rules[0]).certain().table)}
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
