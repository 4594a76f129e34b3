"""Corrections: which results a later segment replaces or takes back, as marks that the engine obeys at their time.

Both versions go on to the engine, the earlier one with a mark (status `entered-in-error`, pointing at its source) that
is known from when the later one was: so a run `--as-of` a moment in between still grades by what was known then.

Order: by MSH-7; at one moment by status (preliminary, final, corrected, taken back), then by file and line. Two
segments speak of the same result if patient, order number, code and sub-id are the same, and the time, too. A
correction or a retraction whose time fits nothing speaks of every earlier result of its order, code and sub-id: it is
known that one of them is wrong, and not which.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cytowatch.adapters.hl7v2.facts import Fact, Silent

_RANK = {"preliminary": 0, "final": 1, "amended": 2, "retract": 3}
_NOTHING_THERE = "takes back a result that is not in the input"
_ERROR = "entered-in-error"


@dataclass
class Corrected:
    """The facts that go on, each with the id of its patient; marks stand for themselves. Others are silent."""

    facts: list[tuple[Fact, str]] = field(default_factory=list)
    marks: list[tuple[Fact, str]] = field(default_factory=list)


def correct(facts: list[tuple[Fact, str]], sent: list[int | None], silent: Silent) -> Corrected:
    """Settle which facts replace which. ``sent``: microseconds of MSH-7 of each message, as far as known."""
    moments = _carried(sent)
    ordered = sorted(facts, key=lambda one: (moments[one[0].message], _RANK[one[0].effect], one[0].row))
    done = Corrected()
    live: dict[tuple[object, ...], list[Fact]] = {}
    for fact, patient in ordered:
        earlier = live.setdefault((patient, *fact.key), []) if fact.key is not None else []
        replaced = _replaced(fact, earlier)
        for old in replaced:
            earlier.remove(old)
            if old.time:
                done.marks.append((_mark(old, fact), patient))
        if fact.effect != "retract":
            done.facts.append((fact, patient))
            earlier.append(fact)
        elif not replaced:
            silent.leave(fact.row, _NOTHING_THERE)
    return done


def _carried(sent: list[int | None]) -> list[int]:
    """A message that does not say when it was sent stands where the one before it stands."""
    moments, last = [], -(2**62)
    for moment in sent:
        last = last if moment is None else moment
        moments.append(last)
    return moments


def _replaced(fact: Fact, earlier: list[Fact]) -> list[Fact]:
    takes_back = fact.effect in ("amended", "retract")
    others = [old for old in earlier if takes_back or old.message != fact.message]
    same = [old for old in others if _same_time(old, fact)]
    if not same and takes_back and fact.key is not None and fact.key.order:
        # within one message results of one order at several times are several results
        same = [old for old in others if old.message != fact.message or fact.effect == "retract"]
    if fact.effect == "preliminary":
        return [old for old in same if old.effect == "preliminary"]
    return same


def _same_time(old: Fact, new: Fact) -> bool:
    if old.moment is not None and new.moment is not None:
        return old.moment == new.moment
    return old.time == new.time


def _mark(old: Fact, new: Fact) -> Fact:
    """The row that takes an earlier one back: counted with the retraction, or with what it replaces."""
    row = new.row if new.effect == "retract" else old.row
    # the text matches nothing, so that the mark points by its source and never at an equal result of another order
    return Fact(
        row, old.source, new.message, old.patient, old.concept, None, time=old.time, moment=old.moment,
        available=new.available, text=f"takes back {old.source}", effect=_ERROR,  # type: ignore[arg-type]
    )  # fmt: skip
