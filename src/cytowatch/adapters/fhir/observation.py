"""What an Observation states: its value, its components, or nothing, with the reason.

A panel states nothing itself (its members do), a value that is declared absent is none, and of an interpretation only
"off the scale" is read: grades are made of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cytowatch.adapters.fhir import said as why
from cytowatch.adapters.fhir.codes import Target
from cytowatch.adapters.fhir.own import COMPARATOR, PART, TEXT, WITHDRAWN
from cytowatch.adapters.fhir.own import own as marked
from cytowatch.adapters.fhir.quantities import is_printed, limits, off_scale, printed
from cytowatch.adapters.fhir.said import Said, ignored
from cytowatch.adapters.fhir.sheet import Sheet
from cytowatch.adapters.fhir.structs import NOTHING, CodeableConcept, Observation, Quantity, Valued
from cytowatch.adapters.fhir.times import cut, span
from cytowatch.adapters.fhir.words import Heard, has_answer

_NOT_YET = ("registered", "cancelled", "unknown")
_ERROR = "entered-in-error"
_SURVEY = b'"survey"'
# a date, 2025-01-05, has no more letters
_DAY = 10
_PANEL = ignored("a panel: its members say what was measured")
_FOCUS = ignored("about somebody or something else than the patient (`focus`)")
_SAID_ABSENT = ignored("said not to be the case")
_YES_NO = ({"yes": True, "no": False}, {"present": True, "none": False})
# the codes of FHIR's own list, and what people write of a test that could not be done
_ABSENT = frozenset(
    {
        "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
        "unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed",
        "not-permitted", "unable",
    }
)  # fmt: skip
# these say that nothing was there to be recorded
_NOTHING_THERE = ("not-applicable", "not-performed")
# and these that nothing was measured; a therapy may have been given all the same
_NOT_MEASURED = (*_NOTHING_THERE, "asked-unknown", "not-asked", "asked-declined", "not-permitted", "unable")
_SIGNS = frozenset("<>=≤≥")
_OTHER_VALUES = (
    "valueRange", "valueRatio", "valueSampledData", "valueTime", "valueDateTime", "valuePeriod", "valueAttachment",
    "valueReference",
)  # fmt: skip


@dataclass(slots=True)
class Value:
    """What one code states, as written; ``said``: why it cannot be used."""

    target: Target
    number: float | None = None
    printed: str | None = None
    unit: str | None = None
    comparator: str | None = None
    text: str | None = None
    low: float | None = None
    high: float | None = None
    said: Said | None = None
    told: str | None = None

    @property
    def measured(self) -> tuple[float | None, str | None, str | None, str | None]:
        """The number as written, with its unit and comparator."""
        return self.number, self.printed, self.unit, self.comparator

    @property
    def has_value(self) -> bool:
        """A number is stated."""
        return self.number is not None or self.printed is not None

    @property
    def empty(self) -> bool:
        """Nothing is stated."""
        return self.number is None and self.printed is None and self.text is None and self.said is None


def observation(one: Observation, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """Enter what an Observation states. ``refused``: it cannot be used as a whole, ``told`` says more."""
    codes = sheet.run.codes
    main = codes.target(one.code)
    if main.said is not None and not one.component:
        # most of what a hospital holds
        if main.said.group:
            _unlisted(one, main, row, sheet, refused, told)
        else:
            sheet.say(row, refused or main.said, value=told)
        return
    if refused is None and one.component is None and one.status == "final" and _is_plain(one):
        _state_plain(one, main, row, sheet)
        return
    every = [(codes.target(part.code), part) for part in one.component or ()]
    parts = [pair for pair in every if pair[0].concept]
    if every and not main.own and (main.said is not None or len(parts) < len(every)):
        _speak(one, sheet.run.words.parts_heard(one, main, every), row, sheet)
    if not main.concept and not parts:
        sheet.say(row, refused or main.said or _PANEL, value=told)
        return
    time, until, late = span(
        one.effectiveDateTime, one.effectivePeriod, one.effectiveTiming, instant=one.effectiveInstant
    )
    silence = refused or _status(one, own=main.own or any(target.own for target, _ in parts)) or late
    if silence is not None:
        for target in dict.fromkeys([main, *(target for target, _ in parts)]):
            if target.concept and silence.fate == "rejected":
                sheet.refuse(row, silence, target, time, value=told or time)
        if silence.fate == "ignored":
            sheet.say(row, silence, main.concept or None)
        return
    _state(one, main, parts, row, sheet, time, None if until == time else until)


def _unlisted(one: Observation, main: Target, row: int, sheet: Sheet, refused: Said | None, told: str) -> None:
    """Under a code of no table: nothing to grade, unless its words are those of a therapy. A panel needs a value."""
    words = sheet.run.words
    code = words.of(one.code, main)
    is_panel = bool(one.hasMember)
    heard = words.heard(code, one) if not is_panel or has_answer(one) else None
    spoken = heard is not None and _speak(one, [heard], row, sheet)
    if refused is not None or not spoken:
        sheet.say(row, refused or (_PANEL if is_panel else code.said), value=told)


def _speak(one: Observation, heard: list[Heard], row: int, sheet: Sheet) -> bool:
    """Enter therapies that an observation speaks of, unless it was not made, or is about another thing."""
    silence = _status(one, own=False) if heard else None
    # what a person was asked in a survey is how it is at home
    if not heard or _SURVEY in bytes(one.category) or (silence is not None and silence.fate == "ignored"):
        return False
    time, until, _ = span(one.effectiveDateTime, one.effectivePeriod, one.effectiveTiming, instant=one.effectiveInstant)
    for each in heard:
        sheet.speak(row, each, time, None if until == time else until)
    return True


def _is_plain(one: Observation) -> bool:
    """One number at one whole moment, and nothing besides: what nearly all measurements are."""
    return (
        one.valueQuantity is not None
        and one.effectiveDateTime is not None
        and len(one.effectiveDateTime) > _DAY
        and one.dataAbsentReason is None
        and one.focus is NOTHING
        and one.hasMember is NOTHING
    )


def _state_plain(one: Observation, main: Target, row: int, sheet: Sheet) -> None:
    """The short way for a plain number; the long way would state the same."""
    quantity: Any = one.valueQuantity
    time: Any = one.effectiveDateTime
    unit, contradicted = sheet.run.units.of_quantity(main, quantity)
    if contradicted is not None:
        sheet.refuse(row, contradicted, main, cut(time), value=_quoted(quantity))
        return
    low, high = limits(one.referenceRange, quantity) if one.referenceRange else (None, None)
    comparator = cut(quantity.comparator)
    if one.interpretation is not NOTHING and comparator is None:
        comparator = off_scale(one.interpretation)
    sheet.fact(
        row, main.concept, cut(time), None, quantity.value, None, unit, comparator, main.category,
        "final", cut(one.issued), low, high, origin=one.meta.source if main.own and one.meta else None,
    )  # fmt: skip


def _state(
    one: Observation,
    main: Target,
    parts: list[tuple[Target, Valued]],
    row: int,
    sheet: Sheet,
    time: str | None,
    until: str | None,
) -> None:
    values = [_value(target, part, sheet) for target, part in parts]
    if main.concept:
        whole = _value(main, one, sheet)
        if main.own:
            _complete_own(whole, one, sheet)
        same = [value for value in values if value.target.concept == main.concept]
        told = [value for value in same if not _completes(whole, value)]
        stated = any(value.said is None for value in told)
        values = [value for value in values if value.target.concept != main.concept] + told
        # a whole that is absent says nothing against a component that is there
        absent = stated and whole.said is not None and whole.said.fate == "ignored"
        if not absent and (not whole.empty or not (values or one.hasMember)):
            values.append(whole)
    for value in values:
        if value.said is not None:
            if value.said.fate == "rejected" or _may_be_there(value):
                end = until if value.target.own else None
                sheet.refuse(row, value.said, value.target, time, end, value.told)
            else:
                sheet.say(row, value.said, value.target.concept, value.told)
            continue
        target = value.target
        sheet.fact(
            row, target.concept, time, until,
            number=value.number, printed=value.printed, unit=value.unit, comparator=value.comparator, text=value.text,
            status=one.status, available=cut(one.issued), low=value.low, high=value.high,
            origin=one.meta.source if target.own and one.meta else None,
        )  # fmt: skip
    if not values:
        sheet.say(row, _PANEL, main.concept or None)


def _may_be_there(value: Value) -> bool:
    """Whether what is absent from the resource may all the same have been given, or measured."""
    measured = value.target.kind == "reading" and value.target.numbers
    nothing = _NOT_MEASURED if measured else _NOTHING_THERE
    return value.target.doubtful and value.told not in nothing


def _status(one: Observation, *, own: bool) -> Said | None:
    status = one.status
    if status == "final":
        return _FOCUS if one.focus else None
    if not status:
        return why.UNKNOWN_STATUS
    if status in _NOT_YET:
        return _is_not_final(status)
    if status == _ERROR and (not own or marked(one.extension, WITHDRAWN).valueBoolean):
        return why.IN_ERROR
    return _FOCUS if one.focus else None


@lru_cache(maxsize=64)
def _is_not_final(status: str) -> Said:
    return ignored(f"status {status}")


def _completes(whole: Value, part: Value) -> bool:
    """Whether a component with the same code only adds what the value lacks (a text to a number), or repeats it."""
    if whole.said is not None or part.said is not None:
        # one that is absent too says nothing more
        return part.said is not None and part.said.fate == "ignored"
    texts_differ = whole.text is not None and part.text is not None and whole.text != part.text
    if texts_differ or (whole.has_value and part.has_value and whole.measured != part.measured):
        return False
    whole.text = whole.text or part.text
    if not whole.has_value:
        whole.number, whole.printed, whole.unit, whole.comparator = part.measured
    return True


def _complete_own(whole: Value, one: Observation, sheet: Sheet) -> None:
    """What cytowatch adds to its own rows: the text beside a number, and a comparator without one."""
    whole.comparator = whole.comparator or cut(marked(one.extension, COMPARATOR).valueCode)
    for part in one.component or ():
        codes = [(code.system, code.code) for code in (part.code.coding if part.code else None) or ()]
        if (PART, TEXT) in codes and part.valueCodeableConcept is not None:
            whole.text = whole.text or sheet.run.codes.category(whole.target.concept, part.valueCodeableConcept)


def _value(target: Target, part: Valued, sheet: Sheet) -> Value:
    value = Value(target, text=target.category)
    if part.modifierExtension:
        value.said = why.MODIFIER
    elif part.dataAbsentReason is not None:
        value.said, value.told = _absent(part.dataAbsentReason)
    elif part.valueQuantity is not None:
        _quantity(value, part.valueQuantity, part, sheet)
    elif part.valueInteger is not None:
        value.number = float(part.valueInteger)
        _give_unit(value, (None, None), sheet)
    elif part.valueCodeableConcept is not None:
        _coded(value, part.valueCodeableConcept, sheet)
    elif part.valueString is not None:
        _string(value, part.valueString, sheet)
    elif part.valueBoolean is not None:
        _boolean(value, sheet, is_true=part.valueBoolean)
    else:
        _other(value, part)
    if part.interpretation is not NOTHING and value.comparator is None and value.has_value:
        value.comparator = None if (value.printed or "")[:1] in _SIGNS else off_scale(part.interpretation)
    return value


def _quantity(value: Value, quantity: Quantity, part: Valued, sheet: Sheet) -> None:
    value.number, value.comparator = quantity.value, cut(quantity.comparator)
    value.unit, value.said = sheet.run.units.of_quantity(value.target, quantity)
    if value.said is not None:
        value.told = _quoted(quantity)
    if part.referenceRange:
        value.low, value.high = limits(part.referenceRange, quantity)


def _quoted(quantity: Quantity) -> str:
    """The number with both spellings of its unit."""
    return f"{quantity.value:g} {quantity.code or ''} {quantity.unit or ''}" if quantity.value is not None else ""


def _give_unit(value: Value, given: tuple[str | None, str | None], sheet: Sheet) -> None:
    if value.target.numbers or given != (None, None):
        value.unit, contradicted = sheet.run.units.of(value.target, given)
        if contradicted is not None:
            value.said, value.told = contradicted, f"{value.printed or value.number} {given[1] or ''}"


def _coded(value: Value, coded: CodeableConcept, sheet: Sheet) -> None:
    text = sheet.run.codes.category(value.target.concept, coded)
    if value.target.texts:
        value.text = text or value.text
    else:
        value.printed = cut(text, 200)


def _string(value: Value, text: str, sheet: Sheet) -> None:
    if value.target.numbers and not (value.target.texts and not is_printed(text)):
        value.printed, unit = printed(text)
        _give_unit(value, (None, unit), sheet)
    else:
        value.text = sheet.run.codes.category_named(value.target.concept, [text]) or value.text


def _boolean(value: Value, sheet: Sheet, *, is_true: bool) -> None:
    if value.text is not None:
        value.said = None if is_true else _SAID_ABSENT
        return
    categories = sheet.run.codes.categories(value.target.concept)
    for names in _YES_NO:
        if categories == set(names):
            value.text = next(name for name, truth in names.items() if truth == is_true)
            return
    value.said, value.told = why.NOT_A_VALUE, str(is_true).lower()


def _other(value: Value, part: Valued) -> None:
    for name in _OTHER_VALUES:
        if getattr(part, name):
            value.said, value.told = why.NOT_A_VALUE, name
            return
    if value.text is not None and not value.target.own:
        # the code of a finding alone does not say that it was there
        value.text = None
        if getattr(part, "hasMember", NOTHING) is NOTHING:
            value.said = why.NO_VALUE


def _absent(reason: CodeableConcept) -> tuple[Said, str]:
    codes = sorted(one.code for one in reason.coding or () if one.code in _ABSENT)
    text = (reason.text or "").strip().lower()
    name = codes[0] if codes else text if text in _ABSENT else "other"
    return _is_absent(name), name


@lru_cache(maxsize=64)
def _is_absent(name: str) -> Said:
    return ignored(f"the value is absent: {name}")
