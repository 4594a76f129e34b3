"""What a MedicationAdministration states: a dose, a rate with its time, or that a drug ran at a rate nobody wrote.

The drug may stand in another file, so a row of `DOSES` is made here and its meaning is settled at the end (`given.py`).
"""

from __future__ import annotations

from msgspec import Raw

from cytowatch.adapters.fhir import said as why
from cytowatch.adapters.fhir.decode import contained
from cytowatch.adapters.fhir.own import AVAILABLE, BOUND, STATUS, WITHDRAWN, own
from cytowatch.adapters.fhir.places import Place
from cytowatch.adapters.fhir.quantities import per, written
from cytowatch.adapters.fhir.said import Said, ignored
from cytowatch.adapters.fhir.sheet import Sheet
from cytowatch.adapters.fhir.structs import Dosage, MedicationAdministration, Quantity, Reference
from cytowatch.adapters.fhir.things import Thing, device, medication, referred, thing_of
from cytowatch.adapters.fhir.times import cut, span

_ERROR = "entered-in-error"
_NOT_DONE = ignored("not given (status not-done)")
_HALTED = ("on-hold", "stopped")
_LONGEST = 200
_NO_DRUG = Thing((), (), (), "#")


def administration(one: MedicationAdministration, row: int, sheet: Sheet, refused: Said | None, told: str = "") -> None:
    """Enter what was given; ``refused``: the resource cannot be used as a whole, ``told`` says more."""
    number = sheet.run.things.number(_drug(one, sheet.place))
    time, until, late = span(one.effectiveDateTime, one.effectivePeriod)
    dosage = one.dosage or Dosage()
    if dosage.modifierExtension:
        refused = refused or why.MODIFIER
    status, trouble = _status(one, until)
    trouble = trouble or late
    dose, rate, in_units = dosage.dose or Quantity(), *_rate(dosage)
    bound = own(one.extension, BOUND).valueQuantity
    if bound is not None and one.dosage is None:
        # whether it bounds a dose or a rate is known when the drug is
        dose, rate, in_units = bound, bound, written(bound)
    dose_units = written(dose)
    register = sheet.run.register
    local = sheet.run.routes.local(dosage.route)
    sheet.dose(
        row, number, time, until, status,
        dose.value, *dose_units, cut(dose.comparator),
        rate.value, *in_units, cut(rate.comparator),
        one.status == "in-progress", None if until else _order(one),
        None if refused is None else register.number(refused), None if trouble is None else register.number(trouble),
        told or time, one.meta.source if one.meta else None, cut(own(one.extension, AVAILABLE).valueInstant),
        None if local is None else register.number(local),
    )  # fmt: skip


def _drug(one: MedicationAdministration, place: Place) -> Thing:
    if one.medicationCodeableConcept is not None:
        return thing_of(one.medicationCodeableConcept)
    if one.medicationReference is None:
        return _NO_DRUG
    return behind(one.medicationReference, one.contained, place)


def behind(reference: Reference, parts: list[Raw] | None, place: Place, *, is_device: bool = False) -> Thing:
    """The thing that a reference names, if it is contained; else the reference itself, to be settled later."""
    address = reference.reference or ""
    if address.startswith("#"):
        found = contained(parts, address)
        if found is not None and (found.damaged or found.struct.modifierExtension):
            return Thing(device=is_device, unread=True)
        if found is not None and found.kind == "Medication":
            return medication(found.struct)
        if found is not None and found.kind == "Device":
            return device(found.struct)
    return referred(Reference(place.full(address), reference.display), device=is_device)


def _status(one: MedicationAdministration, until: str | None) -> tuple[str | None, Said | None]:
    """The status to hand on, and why the resource states nothing or leaves a doubt."""
    status = one.status
    if not status:
        return None, why.UNKNOWN_STATUS
    if status == "not-done":
        return status, _NOT_DONE
    if status == _ERROR:
        # taken back if somebody else wrote it; of our own the row says what it takes back
        return status, why.IN_ERROR if own(one.extension, WITHDRAWN).valueBoolean else None
    if status in ("completed", "in-progress"):
        said = own(one.extension, STATUS)
        return cut(said.valueCode or said.valueString) or "final", None
    if status in _HALTED:
        off = one.dosage is not None and _is_off(one.dosage)
        return "final", None if until or off else why.HALTED
    return cut(status), None


def _is_off(dosage: Dosage) -> bool:
    return dosage.rateQuantity is not None and dosage.rateQuantity.value == 0


def _rate(dosage: Dosage) -> tuple[Quantity, tuple[str | None, str | None]]:
    if dosage.rateQuantity is not None:
        return dosage.rateQuantity, written(dosage.rateQuantity)
    if dosage.rateRatio is not None:
        number, units = per(dosage.rateRatio)
        return Quantity(number), units
    return Quantity(), (None, None)


def _order(one: MedicationAdministration) -> str | None:
    """Rates of one order follow one another."""
    parts = [one.request, *(one.partOf or ())]
    return next((part.reference[:_LONGEST] for part in parts if part is not None and part.reference), None)
