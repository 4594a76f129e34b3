"""The few resources that are read, and of each the few elements; everything else is skipped unread.

Types are strict: a number in quotes is no number. Elements whose mere presence matters are kept raw.
Source: HL7 FHIR R4 (4.0.1); R4B differs in none of these elements.
"""

from __future__ import annotations

from msgspec import Raw, Struct

NOTHING = Raw(b"")


class Coding(Struct, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct):
    """Codes that mean the same, and what a person wrote."""

    coding: list[Coding] | None = None
    text: str | None = None


class Reference(Struct, gc=False):
    """Where another resource is."""

    reference: str | None = None
    display: str | None = None


class Quantity(Struct, gc=False):
    """A number with its unit: ``unit`` for people, ``code`` in ``system`` for programs."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Ratio(Struct):
    """One quantity for another, such as 250 mg in 1 h."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Struct, gc=False):
    """A start and an end."""

    start: str | None = None
    end: str | None = None


class Timing(Struct):
    """When something happens; only a list of moments is read."""

    event: list[str] | None = None
    repeat: Raw = NOTHING


class Meta(Struct, gc=False):
    """Which version of the resource this is, and where it came from."""

    versionId: str | None = None
    lastUpdated: str | None = None
    source: str | None = None


class Extension(Struct, gc=False):
    """What a writer added; only plain values are read."""

    url: str | None = None
    valueDecimal: float | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    valueString: str | None = None
    valueCode: str | None = None
    valueInstant: str | None = None
    valueQuantity: Quantity | None = None


class ReferenceRange(Struct):
    """What a laboratory calls normal."""

    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: Raw = NOTHING
    age: Raw = NOTHING


class Valued(Struct, kw_only=True):
    """A code and its value: an Observation or one of its components."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueRange: Raw = NOTHING
    valueRatio: Raw = NOTHING
    valueSampledData: Raw = NOTHING
    valueTime: Raw = NOTHING
    valueDateTime: Raw = NOTHING
    valuePeriod: Raw = NOTHING
    valueAttachment: Raw = NOTHING
    valueReference: Raw = NOTHING
    dataAbsentReason: CodeableConcept | None = None
    interpretation: Raw = NOTHING
    referenceRange: list[ReferenceRange] | None = None
    modifierExtension: Raw = NOTHING


class Head(Struct, kw_only=True):
    """What every resource has."""

    resourceType: str | None = None
    id: str | None = None
    meta: Meta | None = None
    implicitRules: Raw = NOTHING
    modifierExtension: Raw = NOTHING


class Observation(Valued, kw_only=True):
    """A measurement, a finding, or a panel of them."""

    resourceType: str | None = None
    id: str | None = None
    meta: Meta | None = None
    implicitRules: Raw = NOTHING
    status: str | None = None
    subject: Reference | None = None
    focus: Raw = NOTHING
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    effectiveTiming: Timing | None = None
    issued: str | None = None
    hasMember: Raw = NOTHING
    category: Raw = NOTHING
    component: list[Valued] | None = None
    extension: list[Extension] | None = None
    contained: list[Raw] | None = None


class Dosage(Struct):
    """How much was given, and how fast."""

    dose: Quantity | None = None
    rateQuantity: Quantity | None = None
    rateRatio: Ratio | None = None
    route: CodeableConcept | None = None
    modifierExtension: Raw = NOTHING


class MedicationAdministration(Head, kw_only=True):
    """A drug given, or running."""

    status: str | None = None
    subject: Reference | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    request: Reference | None = None
    partOf: list[Reference] | None = None
    dosage: Dosage | None = None
    extension: list[Extension] | None = None
    contained: list[Raw] | None = None


class Ingredient(Struct):
    """A part of a product."""

    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    isActive: bool | None = None


class Medication(Head, kw_only=True):
    """A product, by its code or by what is in it."""

    code: CodeableConcept | None = None
    ingredient: list[Ingredient] | None = None


class Procedure(Head, kw_only=True):
    """Something done: ventilation, dialysis, a cell infusion."""

    status: str | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    contained: list[Raw] | None = None


class DeviceName(Struct, gc=False):
    """A name of a device."""

    name: str | None = None


class Device(Head, kw_only=True):
    """A device, by its type and names."""

    type: CodeableConcept | None = None
    deviceName: list[DeviceName] | None = None


class DeviceUseStatement(Head, kw_only=True):
    """That a device was used, and when."""

    status: str | None = None
    subject: Reference | None = None
    device: Reference | None = None
    timingTiming: Timing | None = None
    timingPeriod: Period | None = None
    timingDateTime: str | None = None
    contained: list[Raw] | None = None


class Stage(Struct):
    """A grade of a condition, and by which system."""

    summary: CodeableConcept | None = None
    type: CodeableConcept | None = None


class Condition(Head, kw_only=True):
    """A diagnosis."""

    verificationStatus: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    stage: list[Stage] | None = None
    contained: list[Raw] | None = None


class AdverseEvent(Head, kw_only=True):
    """An unwanted event."""

    actuality: str | None = None
    event: CodeableConcept | None = None
    subject: Reference | None = None
    date: str | None = None
    recordedDate: str | None = None
    extension: list[Extension] | None = None
    contained: list[Raw] | None = None


class Link(Struct):
    """Another record of the same person."""

    other: Reference | None = None
    type: str | None = None


class Patient(Head, kw_only=True):
    """A person: birth, sex, death, and records that were merged."""

    birthDate: str | None = None
    gender: str | None = None
    deceasedDateTime: str | None = None
    deceasedBoolean: bool | None = None
    link: list[Link] | None = None
    extension: list[Extension] | None = None


class Answer(Struct):
    """One answer."""

    valueDecimal: float | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    valueString: str | None = None
    valueQuantity: Quantity | None = None
    valueCoding: Coding | None = None
    item: list[Item] | None = None


class Item(Struct):
    """A question, its answers and what stands under it."""

    linkId: str | None = None
    text: str | None = None
    answer: list[Answer] | None = None
    item: list[Item] | None = None


class QuestionnaireResponse(Head, kw_only=True):
    """A form that was filled in."""

    status: str | None = None
    subject: Reference | None = None
    authored: str | None = None
    item: list[Item] | None = None
    contained: list[Raw] | None = None


class Request(Struct, gc=False):
    """What a transaction or a history did."""

    method: str | None = None
    url: str | None = None


class Response(Struct, gc=False):
    """When a history did it."""

    lastModified: str | None = None


class Entry(Struct):
    """One entry of a Bundle; its resource is decoded by itself."""

    fullUrl: str | None = None
    resource: Raw = NOTHING
    search: Raw = NOTHING
    request: Request | None = None
    response: Response | None = None


class Bundle(Head, kw_only=True):
    """A collection of resources."""

    type: str | None = None
    timestamp: str | None = None
    total: Raw = NOTHING
    link: Raw = NOTHING
    entry: list[Entry] | None = None


READ: dict[str, type[Struct]] = {
    one.__name__: one
    for one in (
        Observation, MedicationAdministration, Medication, Procedure, Device, DeviceUseStatement, Condition,
        AdverseEvent, Patient, QuestionnaireResponse, Bundle,
    )
}  # fmt: skip
