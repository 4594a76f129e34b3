"""Advice of one patient as blocks: a block for each moment at which something new is said, guideline by guideline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from cytowatch.knowledge.advice import Topic
from cytowatch.knowledge.model import Knowledge
from cytowatch.report.clock import moment
from cytowatch.report.data import Clock
from cytowatch.report.words import Words, plain
from cytowatch.report.words import grade as grade_in_words

Row = Mapping[str, Any]
LEVELS = {
    "alert": "NOW",
    "advice": "now",
    "limit": "NOT NOW",
    "note": "possible",
    "unverified": "not verified",
}
_KINDS = {"gap": "not read", "breach": "GIVEN AGAINST A LIMIT"}
_VERBS = {"consider": "consider: ", "avoid": "avoid: "}
_RANGE = ("if_lower", "if_higher")
# who the patient is, and what was given: a rule that hangs on nothing else is shown
_WHO = {"age", "which_exposure"}
# conflicts of these matters are no news at the bedside: they are in the table, and shown on request
_ASIDE = ("approach", "level_of_care")
_TOXICITIES = {"crs": "CRS", "icans": "ICANS", "iec_hs": "IEC-HS"}
_STEROIDS = "Steroid lines of CRS and of ICANS are one course, not to be added up (a note of ours)."
_NOBODY_SPEAKS = "No guideline that was read speaks of this patient at this grade. That is not: nothing to be done."
# what a reader is told of a row: one in which all of it is as before says nothing new
_SAYS = ("kind", "level", "holds", "action", "dose", "arithmetic", "schedule", "blocked_by", "not_before")
_TOPICS = get_args(Topic)


@dataclass(frozen=True)
class Line:
    """One recommendation in words: how it stands, what, the dose and what goes with it, and its source."""

    level: str
    text: str
    details: tuple[str, ...]
    source: str
    state: str = "now"

    @property
    def level_class(self) -> str:
        """How it stands, as a name for the style of the page."""
        word = self.level.split(",")[0]
        return "alert" if word.isupper() and word != "NOT NOW" else word.lower().replace(" ", "-")


@dataclass(frozen=True)
class Block:
    """What is new from a moment on: the grades, the lines of each guideline, where they differ, what has ended."""

    start: int
    grades: tuple[str, ...]
    said: dict[str, tuple[Line, ...]]
    differ: tuple[Line, ...] = ()
    ended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PatientAdvice:
    """The blocks of one patient, and why some guidelines are silent or declined (guideline, reason)."""

    patient: str
    blocks: tuple[Block, ...]
    silent: tuple[tuple[str, str], ...]
    # the end of the record, where something still stands then
    stands_until: int | None = None


class Teller:
    """Puts rows of ``schema.ADVICE`` into words."""

    def __init__(self, knowledge: Knowledge, clock: Clock, *, all_: bool = False, next_: bool = False) -> None:
        self._knowledge = knowledge
        self._words = Words(knowledge)
        self._clock = clock
        self._all = all_
        self._next = next_ or all_

    def patient(self, name: str, rows: Sequence[Row], graded: Sequence[Row] = ()) -> PatientAdvice:
        """Everything that is said of one patient; ``rows`` and ``graded`` (timeline): the patient's, in microseconds.

        With ``graded`` a change of a grade is a block also where nothing new is said of it.
        """
        last = max((row["end"] for row in rows), default=0)
        aside = [row for row in rows if row["kind"] in ("silent", "declined")]
        spoken = [row for row in rows if row["kind"] not in ("silent", "declined") and self._is_shown(row)]
        starts = sorted({row["start"] for row in spoken} | {row["end"] for row in spoken if _is_firm(row)})
        changes = _changes(graded)
        # at its end a record says nothing of what ends
        moments = sorted(({*starts, *changes}) - {last})
        blocks = (self._block(start, spoken, graded, start in changes) for start in moments)
        silent = dict.fromkeys((row["guideline"], row["action"]) for row in aside)
        standing = any(_is_firm(row) and row["end"] == last for row in spoken)
        until = last if standing else None
        return PatientAdvice(name, tuple(block for block in blocks if block), tuple(silent), until)

    def _is_shown(self, row: Row) -> bool:
        """What is certain; and what hangs on nothing but the age or on which of two exposures it was."""
        if row["state"] == "next":
            return self._next
        settles = set(row["missing"] or [])
        return self._all or row["holds"] == "certain" or (row["state"] == "now" and bool(settles) and settles <= _WHO)

    def _block(self, start: int, rows: Sequence[Row], graded: Sequence[Row], is_change: bool) -> Block | None:
        there = [row for row in graded if row["start"] <= start < row["end"]]
        starting = [row for row in rows if row["start"] == start]
        before = {_key(row): row for row in rows if row["end"] == start}
        new = [row for row in starting if self._all or not _is_as_before(row, before.get(_key(row)))]
        here = [row for row in rows if row["start"] <= start < row["end"]]
        earlier = [row for row in graded if row["start"] < start <= row["end"]]
        ended = _ended(before.values(), starting, there, _risen(earlier, there))
        if not new and not ended and not is_change:
            return None
        advice = sorted((row for row in new if row["kind"] != "conflict"), key=_rank)
        names = dict.fromkeys(row["guideline"] for row in advice)
        said = {name: tuple(self._lines([row for row in advice if row["guideline"] == name])) for name in names}
        differ = tuple(self._differ(row) for row in new if row["kind"] == "conflict" and self._is_firm_conflict(row))
        grades = (*self._graded(there), *self._grades(here, {row["scale"] for row in there}))
        return Block(start, grades, said, differ, ended, self._notes(here, there))

    def _notes(self, here: Sequence[Row], there: Sequence[Row]) -> tuple[str, ...]:
        """What a reader must know of the block as a whole."""
        steroids = {row["toxicity"] for row in here if _is_firm(row) and row["topic"] == "steroid"}
        notes = [_STEROIDS] if len(steroids) > 1 else []
        is_ill = any((row["at_least"] or 0) >= 1 for row in there)
        stands = any(row["kind"] in ("advice", "gap") and row["state"] == "now" for row in here)
        return (*notes, *([_NOBODY_SPEAKS] if is_ill and not stands else []))

    def _is_firm_conflict(self, row: Row) -> bool:
        return self._all or (row["state"] == "now" and row["holds"] == "certain" and row["topic"] not in _ASIDE)

    def _graded(self, there: Iterable[Row]) -> Iterator[str]:
        for row in there:
            flags = ", ".join(plain(flag) for flag in row["flags"] or [])
            told = f" ({flags})" if flags else ""
            yield f"{self._words.scale(row['scale'])} {grade_in_words(row['at_least'], row['at_most'])}{told}"

    def _grades(self, here: Iterable[Row], known: Collection[str]) -> Iterator[str]:
        """The grade on each other scale that some line goes by: one, or the ends of a range."""
        ends: dict[str, set[int]] = {}
        for row in here:
            if (
                row["scale"] not in known
                and row["kind"] != "conflict"
                and row["state"] in ("now", *_RANGE)
                and row["grade"] is not None
            ):
                ends.setdefault(row["scale"], set()).add(row["grade"])
        for scale, grades in ends.items():
            states = {row["state"] for row in here if row["scale"] == scale}
            low, high = min(grades), max(grades)
            upto = low == high and "if_higher" in states and "now" not in states
            span = f"up to {high}" if upto else f"{low}" if low == high else f"{low} to {high}"
            yield f"{self._words.scale(scale)} grade {span}"

    # ------------------------------------------------------------ lines

    def _lines(self, rows: Sequence[Row]) -> Iterator[Line]:
        """The lines of one guideline in one block; both ends of a range are one line each, in full only on request."""
        told: set[str] = set()
        firm = rows if self._all else [row for row in rows if row["state"] not in _RANGE]
        choices: set[str] = set()
        for row in firm:
            alternative = bool(row["choice"]) and (choice := f"{row['toxicity']}|{row['choice']}") in choices
            if row["choice"]:
                choices.add(choice if alternative else f"{row['toxicity']}|{row['choice']}")
            yield self._line(row, told, alternative=alternative)
        if not self._all:
            yield from self._ends_of_ranges([row for row in rows if row["state"] in _RANGE])

    def _ends_of_ranges(self, rows: Sequence[Row]) -> Iterator[Line]:
        groups: dict[tuple[str, str, int, bool], list[Row]] = {}
        for row in rows:
            recalled = row["level"] == "unverified"
            groups.setdefault((row["scale"], row["state"], row["grade"], recalled), []).append(row)
        for (scale, state, grade, recalled), own in groups.items():
            actions = " ".join(dict.fromkeys(_VERBS.get(str(row["strength"]), "") + row["action"] for row in own))
            missing = dict.fromkeys(name for row in own for name in row["missing"] or [])
            yield Line(
                LEVELS["unverified"] if recalled else "possible",
                f"if {self._words.scale(scale)} is grade {grade}: {actions}",
                (f"not known: {', '.join(missing)}",) if missing else (),
                "; ".join(dict.fromkeys(self._source(row) for row in own)),
                state,
            )

    def _line(self, row: Row, told: set[str], *, alternative: bool) -> Line:
        level = _KINDS.get(row["kind"], LEVELS[row["level"]])
        if row["kind"] != "breach":
            of = _TOXICITIES.get(row["toxicity"], row["toxicity"])
            level += f", {of} {row['grade']}" if row["grade"] is not None and row["state"] == "now" else f", {of}"
        up = f"one grade up ({row['grade']}): " if row["state"] == "next" else ""
        end = {"if_lower": "if it is the lower: ", "if_higher": "if it is the higher: "}.get(row["state"], "")
        verb = ("or " if alternative else "") + _VERBS.get(str(row["strength"]), "")
        details = (*self._dose(row), *self._cautions(row, told), *self._rest(row))
        return Line(level, f"{up}{end}{verb}{row['action']}", details, self._source(row), row["state"])

    def _differ(self, row: Row) -> Line:
        return Line("guidelines differ", f"{row['guideline']}: {row['action']}", (), self._source(row))

    def _dose(self, row: Row) -> Iterator[str]:
        if row["kind"] == "breach":
            return
        if row["drug"] is None:
            if row["not_before"] is not None:
                yield f"not before {moment(row['not_before'], self._clock)}"
            return
        if row["blocked_by"]:
            yield f"{row['drug']}: no dose now, {self._free(row)}"
        else:
            parts = (row["arithmetic"], row["schedule"], row["route"])
            yield f"{row['drug']}: {'; '.join(part for part in parts if part)}"
        if row["limits"]:
            yield f"limits: {'; '.join(row['limits'])}"

    def _free(self, row: Row) -> str:
        if row["blocked_by"] == "not_recorded":
            return "how many were given is not recorded"
        if row["not_before"] is None:
            return "not again in this course"
        return f"not before {moment(row['not_before'], self._clock)}"

    def _cautions(self, row: Row, told: set[str]) -> Iterator[str]:
        """What to think of, once a drug and block."""
        for caution in row["cautions"] or []:
            if f"{row['drug']}|{caution}" not in told:
                told.add(f"{row['drug']}|{caution}")
                yield f"think of: {caution}"

    def _rest(self, row: Row) -> Iterator[str]:
        if row["then"]:
            yield f"then: {row['then']}"
        if row["missing"] and (row["holds"] == "possible" or row["state"] in _RANGE):
            yield f"not known: {', '.join(row['missing'])}"

    def _source(self, row: Row) -> str:
        source = self._knowledge.sources.get(row["source"])
        return f"{source.citation or source.title if source else row['source']}; {row['locator']} ({row['basis']})"


def _changes(graded: Iterable[Row]) -> set[int]:
    """When a grade changes; rows that follow one another with the same bounds are no change."""
    found: set[int] = set()
    last: dict[str, tuple[object, ...]] = {}
    for row in sorted(graded, key=lambda row: (row["scale"], row["start"])):
        if last.get(row["scale"]) != (row["start"], row["at_least"], row["at_most"]):
            found.add(row["start"])
        last[row["scale"]] = (row["end"], row["at_least"], row["at_most"])
    return found


def _is_firm(row: Row) -> bool:
    """Advice that held for certain: when it ends, that is news."""
    return bool(row["kind"] == "advice" and row["state"] == "now" and row["holds"] == "certain")


def _key(row: Row) -> tuple[str, str, str]:
    return row["guideline"], row["rule"], row["state"]


def _is_as_before(row: Row, before: Row | None) -> bool:
    """Whether the same was said up to now: only the grade, its reasons or a count have changed."""
    return before is not None and all(row[name] == before[name] for name in _SAYS)


def _risen(earlier: Iterable[Row], there: Iterable[Row]) -> set[str]:
    """The scales on which the grade is certainly higher: what was said before is outgrown, not withdrawn."""
    was = {row["scale"]: row["at_most"] for row in earlier}
    return {
        row["scale"]
        for row in there
        if row["at_least"] is not None and was.get(row["scale"]) is not None and row["at_least"] > was[row["scale"]]
    }


def _ended(
    before: Iterable[Row], starting: Iterable[Row], graded: Iterable[Row], risen: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """What firm advice ends here, by guideline: not what goes on, nor what a grade that is now a range may call for."""
    goes_on = {(row["guideline"], row["rule"]) for row in starting}
    open_ = {row["scale"]: range(row["at_least"] or 0, (row["at_most"] or 0) + 1) for row in graded}
    found: dict[str, list[str]] = {}
    for row in before:
        span = open_.get(row["scale"], range(0))
        # what to do with the product hangs on whether the reaction is over: where that is not known, nothing has ended
        is_open = len(span) > 1 and (row["grade"] in span or row["topic"] == "next_dose")
        if (
            _is_firm(row)
            and not is_open
            and row["scale"] not in risen
            and (row["guideline"], row["rule"]) not in goes_on
        ):
            found.setdefault(row["guideline"], []).append(row["action"])
    return {name: tuple(actions) for name, actions in found.items()}


def _rank(row: Row) -> tuple[Any, ...]:
    """What is urgent first, then by matter, alternatives together."""
    order = list(LEVELS)
    first = row["kind"] != "breach"
    topic = _TOPICS.index(row["topic"]) if row["topic"] in _TOPICS else len(_TOPICS)
    return (
        first,
        row["guideline"],
        row["state"] != "now",
        order.index(row["level"]),
        topic,
        row["choice"] or "",
        row["rule"],
    )
