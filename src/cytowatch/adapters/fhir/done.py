"""Procedures, devices in use, and forms that were filled in: what each states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cytowatch.adapters.fhir import said as why
from cytowatch.adapters.fhir.administration import behind
from cytowatch.adapters.fhir.codes import Target
from cytowatch.adapters.fhir.said import LIKE_A_NEEDED_ONE, NAMELESS, Said, ignored
from cytowatch.adapters.fhir.sheet import Sheet
from cytowatch.adapters.fhir.structs import (
    Answer,
    CodeableConcept,
    DeviceUseStatement,
    Item,
    Procedure,
    QuestionnaireResponse,
)
from cytowatch.adapters.fhir.things import EVERY_DEVICE, referred, thing_of
from cytowatch.adapters.fhir.times import cut, span
from cytowatch.adapters.fhir.words import Heard

_ERROR = "entered-in-error"
_NOT_BEGUN = {
    name: ignored(f"it has not taken place (status {name})") for name in ("preparation", "not-done", "intended")
}
_HALTED = ("on-hold", "stopped")
_UNDERWAY = {"completed": "final", "in-progress": "final", "active": "final"}
_NO_CODES = ignored("a form without questions of ours (`linkId` is a concept)")
_GIVEN_UP = ignored("a form that was given up (status stopped)")
_FORMS = {"completed": "final", "amended": "amended", "in-progress": "preliminary", _ERROR: _ERROR}
_DEEPEST = 20


def procedure(one: Procedure, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """A device on from start to end, dialysis, a cell infusion; other procedures are in no table."""
    target = _like(one.code, sheet.run.codes.target(one.code), sheet)
    if not target.concept:
        if refused is not None or not _nameless(one, row, sheet):
            sheet.say(row, refused or target.said or _NO_CODES, value=told)
        return
    time, until, late = span(one.performedDateTime, one.performedPeriod)
    status, trouble = _status(one.status, until, own=target.own)
    said = refused or (trouble if trouble and trouble.fate == "ignored" else None) or target.said or late or trouble
    if said is not None:
        _leave(sheet, row, said, target, time, told or time, until)
        return
    text = target.category or ("yes" if target.kind == "switch" else None)
    sheet.fact(row, target.concept, time, None if until == time else until, text=text, status=status)


def _like(code: CodeableConcept | None, target: Target, sheet: Sheet) -> Target:
    """The target; of a code in no table the device that its words, or else its code, speak of, in doubt."""
    if code is None or target.said is None or not target.said.group:
        return target
    thing = thing_of(code, device=True)
    likeness = sheet.run.things.likeness
    coded = (likeness.coded(system, one) for system, one in thing.codings)
    found = sheet.run.codes.of_concept(likeness.device(*thing.names) or next(filter(None, coded), ""))
    return replace(found, own=False, said=LIKE_A_NEEDED_ONE) if found else target


def _nameless(one: Procedure, row: int, sheet: Sheet) -> bool:
    """Whether a procedure took place of which nothing says what it was: any device may have been on with it."""
    thing = thing_of(one.code)
    time, until, _ = span(one.performedDateTime, one.performedPeriod)
    if thing.names or any(code for _, code in thing.codings) or _status(one.status, until)[1]:
        return False
    sheet.say(row, NAMELESS, value=time)
    sheet.unread(row, EVERY_DEVICE, time, None if until == time else until)
    return True


def _leave(
    sheet: Sheet, row: int, said: Said, target: Target, time: str | None, told: str | None, until: str | None = None
) -> None:
    if said.fate == "rejected":
        sheet.refuse(row, said, target, time, until, value=told)
    else:
        sheet.say(row, said, target.concept)


def _status(status: str | None, until: str | None, *, own: bool = False) -> tuple[str | None, Said | None]:
    if not status:
        return None, why.UNKNOWN_STATUS
    if status == _ERROR:
        return status, None if own else why.IN_ERROR
    if status in _NOT_BEGUN:
        return status, _NOT_BEGUN[status]
    if status in _HALTED:
        return "final", None if until else why.HALTED
    return _UNDERWAY.get(status, cut(status)), None


def device_use(one: DeviceUseStatement, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """That a device was used; which one is settled at the end."""
    if one.device is None:
        thing = thing_of(None, device=True)
    elif one.device.reference:
        thing = behind(one.device, one.contained, sheet.place, is_device=True)
    else:
        thing = referred(one.device, device=True)
    time, until, late = span(one.timingDateTime, one.timingPeriod, one.timingTiming)
    status, trouble = _status(one.status, until)
    trouble = (trouble if trouble and trouble.fate == "ignored" else None) or late or trouble
    number = sheet.run.register.number
    sheet.use(
        row, sheet.run.things.number(thing), time, None if until == time else until, status,
        None if refused is None else number(refused), None if trouble is None else number(trouble), told or time,
    )  # fmt: skip


def form(one: QuestionnaireResponse, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """ICE, CAPD and other forms whose questions carry our concept keys."""
    found = [
        (target, answer)
        for item in _items(one.item, 0)
        if item.linkId and (target := sheet.run.codes.of_concept(item.linkId)) is not None
        for answer in (item.answer or [])[:1]
    ]
    if not found:
        spoken = refused is None and _overheard(one, row, sheet)
        if not spoken:
            sheet.say(row, refused or _NO_CODES, value=told)
        return
    time, _, late = span(one.authored)
    status = _FORMS.get(one.status or "", cut(one.status))
    said = refused or (None if one.status else why.UNKNOWN_STATUS) or late
    if said is None and one.status in (_ERROR, "stopped"):
        said = why.IN_ERROR if one.status == _ERROR else _GIVEN_UP
    for target, answer in found:
        if said is not None:
            _leave(sheet, row, said, target, time, told or time)
        else:
            _answer(target, answer, row, sheet, time, status)


def _overheard(one: QuestionnaireResponse, row: int, sheet: Sheet) -> bool:
    """Enter therapies that the questions of a form that was filled in speak of with their answers; whether any do."""
    heard: dict[str, Heard] = {}
    for item in _items(one.item, 0) if _FORMS.get(one.status or "") not in (None, _ERROR) else ():
        spoken = sheet.run.words.asked(item) if item.text and item.answer else None
        if spoken is not None:
            heard.setdefault(spoken.concept, spoken)
    for each in heard.values():
        sheet.speak(row, each, span(one.authored)[0], None)
    return bool(heard)


def _items(items: list[Item] | None, depth: int) -> Iterator[Item]:
    for item in items or () if depth < _DEEPEST else ():
        yield item
        yield from _items(item.item, depth + 1)
        for answer in item.answer or ():
            yield from _items(answer.item, depth + 1)


def _answer(target: Target, answer: Answer, row: int, sheet: Sheet, time: str | None, status: str | None) -> None:
    number = answer.valueDecimal if answer.valueDecimal is not None else answer.valueInteger
    if number is None and answer.valueQuantity is not None:
        number = answer.valueQuantity.value
    if number is None and answer.valueBoolean is not None and target.numbers:
        # an item that is right or wrong
        number = int(answer.valueBoolean)
    coding = answer.valueCoding
    names = [answer.valueString, coding.display if coding else None, coding.code if coding else None]
    text = sheet.run.codes.category_named(target.concept, names) if any(names) else None
    sheet.fact(
        row, target.concept, time,
        number=None if number is None else float(number), printed=None if target.texts else text,
        text=text if target.texts else None, status=status,
    )  # fmt: skip
