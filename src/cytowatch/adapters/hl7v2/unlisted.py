"""OBX under codes that no table knows: named in the ledger by their words, and a doubt where those are of a therapy.

`Vent Mode` = `CMV` is no fact that can be graded. Passed over, it would read as "no device" where devices are recorded
(decision 0034). A later segment of the same order, code, sub-id and time takes such a doubt back or changes it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from cytowatch.adapters.hearing import REMEMBERED
from cytowatch.adapters.hl7v2.context import Context
from cytowatch.adapters.hl7v2.facts import Effect, Fact, Key, Silent
from cytowatch.adapters.hl7v2.stamps import day_of
from cytowatch.adapters.hl7v2.syntax import (
    NULL,
    Segment,
    Separators,
    component,
    components,
    plain,
    repetitions,
    unescape,
)
from cytowatch.adapters.likeness import Likeness
from cytowatch.knowledge.model import Knowledge

NO_CODE = "no table knows the code of OBX-3"
_HINT = "map the code with a site's own list (--codes), or give it the fate `ignore` there; until then it is in doubt"
_LONGEST_TOLD = 40
_LONGEST_CODE = 80
_NUMBERS = ("NM", "SN")
_CODED = ("CE", "CWE", "CNE", "CF")
# documents, curves, addresses and moments say nothing in words
_WORDLESS = ("ED", "RP", "NA", "MA", "DT", "TM", "TS", "DTM", "DR")
# where words stand in a coded element: text, alternative text, original text, second alternative text; then the codes
_WORDS, _CODES = (1, 4, 8, 10), (0, 3, 9)
# words, and codes
_Answers = tuple[list[str], list[str]]


@dataclass(frozen=True, slots=True)
class _Worded:
    """An OBX-3 as written: what the ledger calls it, its words, and the therapy that they alone speak of."""

    reason: str
    names: tuple[str, ...] = ()
    concept: str = ""


class Unlisted:
    """Listens to the words of OBX whose code no table knows; each OBX-3 as written is looked at once."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._likeness = Likeness(knowledge)
        self._hearing = self._likeness.hearing
        self._known: dict[tuple[str, str], _Worded] = {}
        # what has been spoken of: only that can be taken back
        self._spoken: set[Key] = set()

    def read(self, segment: Segment, row: int, context: Context, silent: Silent, effect: Effect) -> Fact | None:
        """The therapy that an OBX speaks of, as a fact that is refused; None if it speaks of none."""
        code = self._worded(segment[3], context.separators)
        kind = segment[2].strip().upper()
        answers: _Answers = [], []
        if code.concept or kind not in _NUMBERS:
            answers = _answers(kind, segment[5], context.separators)
        # without any value a code says nothing
        says = segment[5].strip() not in ("", NULL) and (code.concept or any(answers))
        concept = self._hearing.observed(code.names, *answers) if says else ""
        if not concept or effect == "retract":
            if effect in ("retract", "amended"):
                return self._back(segment, row, context, silent)
            self.leave(segment, row, context, silent)
            return None
        fact = self._fact(segment, row, context, concept)
        fact.effect, fact.is_mild = effect, self._hearing.is_mild(code.names, *answers)
        if fact.key is not None:
            self._spoken.add(fact.key)
        why = f"{code.reason}, and its words speak of {concept}"
        return fact.refuse("unknown_code", why, _HINT, ", ".join(itertools.chain(*answers)))

    def leave(self, segment: Segment, row: int, context: Context, silent: Silent) -> None:
        """An OBX that speaks of nothing, by the name of its code."""
        silent.leave(row, self._worded(segment[3], context.separators).reason)

    def _back(self, segment: Segment, row: int, context: Context, silent: Silent) -> Fact | None:
        """A correction that speaks of nothing any longer: what was spoken of at its moment is taken back."""
        fact = self._fact(segment, row, context, "")
        if fact.key is None or fact.key not in self._spoken or not fact.time:
            self.leave(segment, row, context, silent)
            return None
        fact.effect, fact.is_quiet = "retract", True
        return fact

    def _fact(self, segment: Segment, row: int, context: Context, concept: str) -> Fact:
        given = segment[14] or context.observed
        stamp = context.stamp(given)
        day = day_of(component(given, 1, context.separators), context.clock) if stamp.rule == "partial_time" else None
        code = "|".join(("unlisted", component(segment[3], 1, context.separators), segment[3][:_LONGEST_CODE]))
        key = None if segment.damage else Key(context.order, code, component(segment[4], 1, context.separators))
        fact = Fact(row, context.source(segment), context.number, context.patient, concept, key, is_spoken=True)
        fact.time, fact.moment = (None, None) if stamp.rule else (stamp.text, stamp.moment)
        if day is not None:
            fact.time, fact.moment, fact.until = day[0].text, day[0].moment, day[1].text
        fact.available = context.known_at(fact.moment)
        return fact

    def _worded(self, raw: str, separators: Separators) -> _Worded:
        written = raw, separators.written
        if written not in self._known:
            first = next(iter(repetitions(raw, separators)), "")
            parts = [plain(part, separators) for part in components(first, separators)]
            words = [parts[place] for place in _WORDS if place < len(parts) and parts[place]]
            codes = [parts[place] for place in _CODES if place < len(parts) and parts[place]]
            coded = [(parts[place + 2], parts[place]) for place in (0, 3) if place + 2 < len(parts)]
            names = (*words, *codes, *self._likeness.as_words(coded))
            worded = _Worded(_reason(parts, words), names, self._hearing.about(names))
            if len(self._known) >= REMEMBERED:
                return worded
            self._known[written] = worded
        return self._known[written]


def _reason(parts: list[str], words: list[str]) -> str:
    system = parts[2] if len(parts) > 2 else ""
    named = f"{system or 'no system'}|{parts[0]}"[:_LONGEST_CODE] if parts[0] else "no code at all"
    text = " ".join(words[0].split()) if words else ""
    short = text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"
    return f"{NO_CODE}: {named}" + (f' "{short}"' if short else "")


def _answers(kind: str, raw: str, separators: Separators) -> _Answers:
    """OBX-5 as words or as a number, and as codes; of another kind nothing."""
    words: list[str] = []
    codes: list[str] = []
    for part in repetitions(raw, separators) if kind not in _WORDLESS else ():
        if kind == "SN":
            words.append(component(part, 2, separators))
        elif kind in _CODED:
            inside = [plain(one, separators) for one in components(part, separators)]
            words += [inside[place] for place in _WORDS if place < len(inside)]
            codes += [inside[place] for place in _CODES if place < len(inside)]
        else:
            words.append(unescape(" ".join(part.split(separators.component)), separators).strip())
    return [one for one in words if one], [one for one in codes if one]
