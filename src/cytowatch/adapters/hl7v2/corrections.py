"""Corrections: which results a later segment replaces or takes back, as marks that the engine obeys at their time.

Both versions go on to the engine, the earlier one with a mark (status `entered-in-error`, pointing at its source) that
is known from when the later one was: so a run `--as-of` a moment in between still grades by what was known then.

Order: by MSH-7; at one moment by status (preliminary, final, corrected, taken back), then by file and line. Two
segments speak of the same result if patient, order number, code and sub-id are the same, and the time, too. A
correction or a retraction also finds a result with which it shares a coding, or the only one of its concept, unless
both have codes of public systems: two of those are two results.

One whose time fits nothing speaks of every earlier result of its order, code and sub-id: it is known that one of them
is wrong, and not which. Of a therapy they are in doubt from then on, for without them it would read as not given; and
a rate that is changed at another time is a new rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cytowatch.adapters.hl7v2.facts import Fact, Key, Silent
from cytowatch.adapters.hl7v2.stamps import utc_text
from cytowatch.adapters.vocabulary import SYSTEMS

_RANK = {"preliminary": 0, "final": 1, "amended": 2, "retract": 3}
_RATE = "infusion"
_THERAPIES = ("infusion", "dose", "device")
_NOTHING_THERE = "takes back a result that is not in the input"
_UNMATCHED = "it takes back a result that is not in the input; under another code or order it would go on counting"
_UNPLACED = "its time is that of no earlier result, so all of its order, code and sub-id are taken back"
_COMPARE = "hold its code, order number, sub-id and time against the result that it speaks of"
_ERROR = "entered-in-error"


# live results of one patient, order and sub-id, by their code
_Live = dict[str, list[Fact]]


@dataclass
class Corrected:
    """The facts that go on, each with the id of its patient; marks stand for themselves. Others are silent.

    ``doubts``: of therapies that were taken back, as far as is known, and perhaps were not.
    """

    facts: list[tuple[Fact, str]] = field(default_factory=list)
    marks: list[tuple[Fact, str]] = field(default_factory=list)
    doubts: list[tuple[Fact, str]] = field(default_factory=list)


def correct(
    facts: list[tuple[Fact, str]], sent: list[int | None], silent: Silent, kinds: Mapping[str, str]
) -> Corrected:
    """Settle which facts replace which.

    ``sent``: microseconds of MSH-7 of each message, as far as known. ``kinds``: the kind of each concept.
    """
    moments = _carried(sent)
    ordered = sorted(facts, key=lambda one: (moments[one[0].message], _RANK[one[0].effect], one[0].row))
    done = Corrected()
    groups: dict[tuple[str, str, str], _Live] = {}
    for fact, patient in ordered:
        key = fact.key
        live = groups.setdefault((patient, key.order, key.sub_id), {}) if key is not None else {}
        replaced, fits = _replaced(fact, live, kinds)
        for old in replaced:
            # what nobody knows to be meant stays as it is where it was in doubt before; a concept of none is any drug
            if fits or not old.rule or kinds.get(old.concept, _RATE) not in _THERAPIES:
                live[old.code].remove(old)
                _take_back(old, fact, patient, done, in_doubt=not fits and kinds[old.concept] in _THERAPIES)
        if fact.effect == "retract":
            _tell(fact, patient, silent, found=bool(replaced), fits=fits)
        else:
            done.facts.append((fact, patient))
            live.setdefault(fact.code, []).append(fact)
    return done


def _take_back(old: Fact, new: Fact, patient: str, done: Corrected, *, in_doubt: bool) -> None:
    if old.time:
        # what could not be read is itself a doubt, and its correction may be another at that moment
        done.marks.append((_mark(old, new, later=in_doubt or bool(old.rule)), patient))
    if in_doubt:
        done.doubts.append((_doubt(old, new), patient))


def _tell(fact: Fact, patient: str, silent: Silent, *, found: bool, fits: bool) -> None:
    """What is said of a retraction that takes nothing back, or perhaps another thing than it means."""
    if found and fits:
        return
    if found:
        fact.refuse("unplaced_retraction", _UNPLACED, _COMPARE)
    elif fact.is_quiet:
        silent.leave(fact.row, _NOTHING_THERE)
        return
    else:
        fact.rule = ""
        fact.refuse("unmatched_retraction", _UNMATCHED, _COMPARE)
    silent.refuse(fact, patient)


def _carried(sent: list[int | None]) -> list[int]:
    """A message that does not say when it was sent stands where the one before it stands."""
    moments, last = [], -(2**62)
    for moment in sent:
        last = last if moment is None else moment
        moments.append(last)
    return moments


def _replaced(fact: Fact, live: _Live, kinds: Mapping[str, str]) -> tuple[list[Fact], bool]:
    """What a fact replaces or takes back, and whether its time says so."""
    takes_back = fact.effect in ("amended", "retract")
    spoken: list[Fact] = []
    for earlier, is_sure in _alike(fact, live) if takes_back else [(live.get(fact.code, []), True)]:
        others = [old for old in earlier if takes_back or old.message != fact.message]
        same = [old for old in others if _same_time(old, fact)]
        if same:
            return [old for old in same if fact.effect != "preliminary" or old.effect == "preliminary"], True
        if is_sure and not spoken:
            # within one message results of one order at several times are several results
            spoken = [old for old in others if old.message != fact.message or fact.effect == "retract"]
    if not takes_back or fact.is_quiet or fact.key is None or not fact.key.order:
        return [], True
    if fact.effect == "amended" and kinds.get(fact.concept) == _RATE:
        return [], True
    return spoken, False


def _alike(fact: Fact, live: _Live) -> Iterator[tuple[list[Fact], bool]]:
    """Earlier facts by how surely they are the same result: one code, a coding in common, the only code of a concept.

    With each: whether that is sure enough where no time says so. Two different public codes (a pressure, and one by
    cuff) are two results, though of one concept.
    """
    yield live.get(fact.code, []), True
    key = fact.key
    if key is None or not key.codings:
        return
    others = [old for code, facts in live.items() if code != fact.code for old in facts]
    keyed = [(old, old.key) for old in others if old.key is not None and old.key.codings]
    yield [old for old, one in keyed if not one.codings.isdisjoint(key.codings)], True
    same = [old for old, one in keyed if (old.concept, one.category) == (fact.concept, key.category)]
    if len({old.code for old in same}) == 1:
        yield [old for old in same if not (_is_public(key) and _is_public(old.key))], False


def _is_public(key: Key | None) -> bool:
    """Whether a code of a public system stands in it, beside which a site's own code says nothing more."""
    return key is not None and any(system in SYSTEMS for system, _ in key.codings)


def _same_time(old: Fact, new: Fact) -> bool:
    if old.moment is not None and new.moment is not None:
        return old.moment == new.moment
    return old.time == new.time


def _mark(old: Fact, new: Fact, *, later: bool) -> Fact:
    """The row that takes an earlier one back: counted with the retraction, or with what it replaces."""
    row = new.row if new.effect == "retract" else old.row
    # at the very moment of a doubt about the same drug it would take that doubt with it
    time = utc_text(old.moment + 1) if later and old.moment is not None else old.time
    # the text matches nothing, so that the mark points by its source and never at an equal result of another order
    return Fact(
        row, old.source, new.message, old.patient, old.concept, None, time=time, moment=old.moment,
        available=new.available, text=f"takes back {old.source}", effect=_ERROR,  # type: ignore[arg-type]
    )  # fmt: skip


def _doubt(old: Fact, new: Fact) -> Fact:
    """What was taken back and may stand after all; its source is its own, so that no mark points at it."""
    return Fact(
        new.row, f"{old.source} or not ({new.source})", new.message, old.patient, old.concept, None,
        time=old.time, moment=old.moment, until=old.until, available=new.available,
    )  # fmt: skip
