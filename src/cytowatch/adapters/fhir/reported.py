"""Grades that people reported: a Condition or AdverseEvent coded as CRS or ICANS of a grade (ICD-10-CM).

The codes say a grade and no scale, and grades of one name differ between scales by more than a grade. So such a code
states a reported grade only where the resource, or a site's own list, names the scale.
"""

from __future__ import annotations

from cytowatch.adapters.fhir.codes import SCALE
from cytowatch.adapters.fhir.said import Said, ignored, unlisted
from cytowatch.adapters.fhir.sheet import Sheet
from cytowatch.adapters.fhir.structs import AdverseEvent, CodeableConcept, Coding, Condition
from cytowatch.adapters.fhir.times import cut, span
from cytowatch.adapters.vocabulary import LOCAL
from cytowatch.knowledge.parse import fold

_SYSTEMS = ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10", "urn:oid:2.16.840.1.113883.6.90")
_CONCEPT = "reported_grade"
# a scale of another reaction is a mistake
_FAMILIES = {"D89": ("crs.",), "G92": ("icans.", "cres.")}
_NO_SCALE = ignored("a reported grade without its scale")
_NO_GRADE = ignored("a reaction reported without a grade")
_OWN = ignored("an episode that cytowatch wrote: it is no report of a person")
_NOT_SO = ignored("a diagnosis that was refuted or not confirmed")
_POTENTIAL = ignored("a potential event: it has not happened")
_DOUBTED = ("refuted", "entered-in-error", "unconfirmed", "provisional", "differential")


def condition(one: Condition, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """A diagnosis: a reported grade, or nothing that is graded."""
    coded = [code.code for code in (one.verificationStatus.coding if one.verificationStatus else None) or ()]
    silence = _NOT_SO if any(code in _DOUBTED for code in coded) else None
    when = span(one.onsetDateTime, one.onsetPeriod)
    scales = [part for stage in one.stage or () for part in (stage.type,)]
    _grade(one.code, scales, row, sheet, when, refused or silence, told, "diagnosis in no table", one.recordedDate)


def adverse_event(one: AdverseEvent, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """An unwanted event: a reported grade, or nothing that is graded."""
    silence = _POTENTIAL if one.actuality == "potential" else None
    written = CodeableConcept([Coding(part.url) for part in one.extension or ()])
    when = span(one.date)
    _grade(one.event, [written], row, sheet, when, refused or silence, told, "event in no table", one.recordedDate)


def _grade(
    code: CodeableConcept | None,
    scales: list[CodeableConcept | None],
    row: int,
    sheet: Sheet,
    when: tuple[str | None, str | None, Said | None],
    silence: Said | None,
    told: str,
    group: str,
    recorded: str | None,
) -> None:
    codings = (code.coding or []) if code else []
    if any(one.system == SCALE for part in (code, *scales) for one in (part.coding if part else None) or ()):
        sheet.say(row, silence or _OWN, value=told)
        return
    table = {entry["code"]: entry for entry in sheet.run.knowledge.codes.get("icd10", ())}
    found = [table[one.code] for one in codings if one.system in _SYSTEMS and one.code in table]
    if not found:
        sheet.say(row, silence or unlisted(group, _name(code)), value=told)
        return
    grade = found[0]["value"]
    scale = _scale(scales, codings_of(code), sheet)
    if not scale.startswith(_FAMILIES[found[0]["code"][:3]]):
        scale = ""
    time, _, late = when
    said = silence or (None if grade else _NO_GRADE) or (None if scale else _NO_SCALE) or late
    if said is not None:
        sheet.say(row, said, _CONCEPT, told or time)
        return
    sheet.fact(row, _CONCEPT, time, number=float(grade), text=scale, available=_later(recorded))


def _later(recorded: str | None) -> str | None:
    """When it was recorded, if that is a moment and not only a day."""
    return cut(recorded) if recorded and len(recorded) > len("2025-01-05") else None


def codings_of(code: CodeableConcept | None) -> list[tuple[str | None, str | None]]:
    """System and code of each coding."""
    return [(one.system, one.code) for one in (code.coding if code else None) or ()]


def _scale(named: list[CodeableConcept | None], codings: list[tuple[str | None, str | None]], sheet: Sheet) -> str:
    """The scale that a site's list or the resource names, by its id or its whole title; empty for none."""
    scales = sheet.run.knowledge.scales
    for system, value in codings:
        known = sheet.run.codes.vocabulary.code(system or LOCAL, value)
        if known is not None and known.concept == _CONCEPT and known.category in scales:
            return str(known.category)
    by_name = {fold(name): scale.id for scale in scales.values() for name in (scale.id, scale.title, scale.short)}
    names = [name for part in named if part for name in (part.text, *(one.code for one in part.coding or ()))]
    found = {by_name[fold(name)] for name in names if name and fold(name) in by_name}
    return found.pop() if len(found) == 1 else ""


def _name(code: CodeableConcept | None) -> str:
    names = sorted(f"{system or 'no system'}|{value or 'no code'}" for system, value in codings_of(code))
    return cut(names[0], 80) or "" if names else "no code at all"
