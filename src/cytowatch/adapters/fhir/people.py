"""Patients: who they are, which records were merged into one person, and deaths."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import polars as pl
from msgspec.structs import replace

from cytowatch.adapters.fhir.codes import Codes
from cytowatch.adapters.fhir.places import Addresses, bare, pointer, server
from cytowatch.adapters.fhir.said import DANGLING, NO_PATIENT, PARTIAL, TWO_SERVERS, Said, ignored
from cytowatch.adapters.fhir.structs import Extension, Patient
from cytowatch.adapters.fhir.times import cut
from cytowatch.schema import PATIENTS

COLUMN = "urn:x-cytowatch:patient:"
CONTAINED = "contained "
NOT_FOUND = "#"
NO_DAY = ignored("a death without its moment")
MERGED = Said("superseded", "this record of a person was replaced by another one")
_LONGEST_ID = 200
_TYPES = ("Patient", "Group", "Device", "Location", "Practitioner", "Organization", "RelatedPerson", "Substance",
          "Medication", "Procedure")  # fmt: skip


def survivors(patients: Iterable[Patient], addresses: Addresses) -> dict[str, str]:
    """Id of a replaced record to the id of the one that stands for it now, through chains; circles are left alone."""
    replaced: dict[str, str] = {}
    for one in patients:
        for link in one.link or ():
            other = _patient_id(link.other.reference if link.other else None, addresses)
            if other is None or one.id is None or other == one.id:
                continue
            if link.type == "replaced-by":
                replaced[one.id] = max(other, replaced.get(one.id, other))
            elif link.type == "replaces":
                replaced[other] = max(one.id, replaced.get(other, one.id))
    return {old: end for old in replaced if (end := _end(old, replaced)) is not None}


def standing(
    records: list[tuple[int, Patient]], merged: dict[str, str], codes: Codes
) -> tuple[list[tuple[int, Patient]], list[int]]:
    """The records that stand, with what only a replaced one says of the person; and the rows that are superseded.

    Where the record that stands is not in the input, a replaced one stands for it. A replaced record that alone tells
    of a death is no longer a person, and states it all the same.
    """
    found = [(row, one) for row, one in records if one.id not in merged]
    place = {one.id: at for at, (_, one) in enumerate(found)}
    gone: list[int] = []
    for row, one in sorted(records, key=lambda record: record[1].id or ""):
        if one.id is None or one.id not in merged:
            continue
        end = merged[one.id]
        if end not in place:
            place[end] = len(found)
            found.append((row, replace(one, id=end)))
            continue
        stands, person = found[place[end]]
        if died(one, codes) is None or died(person, codes) is not None:
            gone.append(row)
        found[place[end]] = stands, replace(
            person, birthDate=person.birthDate or one.birthDate, gender=person.gender or one.gender,
            deceasedDateTime=person.deceasedDateTime or one.deceasedDateTime,
        )  # fmt: skip
    return found, gone


def _end(old: str, replaced: dict[str, str]) -> str | None:
    seen, now = {old}, replaced[old]
    while now in replaced:
        if now in seen:
            return None
        seen.add(now)
        now = replaced[now]
    return now


def subjects(
    given: pl.Series, addresses: Addresses, merged: dict[str, str]
) -> tuple[list[str | None], list[Said | None]]:
    """For each distinct reference to a subject the patient's id, or why there is none."""
    references: list[str | None] = given.to_list()
    read = [_subject(one, addresses) for one in references]
    bases: dict[str, set[str]] = {}
    for reference, (patient, _) in zip(references, read, strict=True):
        base = server(reference) if patient and reference and "/Patient/" in reference else ""
        if patient and base:
            bases.setdefault(patient, set()).add(base)
    ids: list[str | None] = []
    said: list[Said | None] = []
    for patient, trouble in read:
        two = patient is not None and len(bases.get(patient, ())) > 1
        ids.append(None if two or patient is None else bounded_id(merged.get(patient, patient)))
        said.append(TWO_SERVERS if two else trouble)
    return ids, said


def _subject(reference: str | None, addresses: Addresses) -> tuple[str | None, Said | None]:
    if not reference:
        return None, NO_PATIENT
    if reference.startswith(CONTAINED):
        return reference.removeprefix(CONTAINED), None
    if reference == NOT_FOUND:
        return None, DANGLING
    kind, name = addresses.find(reference)
    if not name and reference.startswith("urn:"):
        # the patient is not in the input, and what else could be the subject of a bedside record
        name = bare(reference).rpartition(":")[2]
        return name or None, None if name else NO_PATIENT
    if not name:
        kind, _, name = pointer(reference).rpartition("/")
    if kind == "Patient" and name and "?" not in reference:
        return name, None
    if kind in _TYPES and kind != "Patient":
        return None, ignored(f"about a {kind}, not a patient")
    return None, NO_PATIENT


def _patient_id(reference: str | None, addresses: Addresses) -> str | None:
    return _subject(reference, addresses)[0] if reference else None


def bounded_id(patient: str) -> str:
    """A patient's id; one that is far too long keeps its beginning and a number for the rest."""
    if len(patient) <= _LONGEST_ID:
        return patient
    return f"{patient[:_LONGEST_ID]}…{zlib.crc32(patient.encode()):08x}"


def table(patients: list[tuple[int, Patient]]) -> pl.DataFrame:
    """The contract's table of patients, as given, with the row of each (`_line`)."""
    columns = [name for name in PATIENTS.names if name not in ("patient", "birth_date", "sex")]
    records = []
    for row, one in patients:
        own = {
            part.url.removeprefix(COLUMN): part
            for part in one.extension or ()
            if part.url is not None and part.url.startswith(COLUMN)
        }
        records.append(
            (row, bounded_id(one.id or ""), _full(one.birthDate), cut(one.gender),
             *(_plain(own[name]) if name in own else None for name in columns))
        )  # fmt: skip
    names = ("_line", "patient", "birth_date", "sex", *columns)
    schema = {name: pl.Int64() if name == "_line" else pl.String() for name in names}
    return pl.DataFrame(records, schema=schema, orient="row")


def _full(birth: str | None) -> str | None:
    """A whole date; `1970` or `1970-06` is no age (told apart by the door)."""
    return None if birth is not None and len(birth) in (4, 7) else cut(birth)


def _plain(part: Extension) -> str | None:
    for value in (part.valueDecimal, part.valueInteger, part.valueString, part.valueCode):
        if value is not None:
            return cut(str(value), 200)
    return None if part.valueBoolean is None else str(part.valueBoolean).lower()


def fields(row: int, one: Patient) -> list[tuple[int, Said, str, str | None]]:
    """What cannot be read of a patient: row, why, the field, and what stands there."""
    told: list[tuple[int, Said, str, str | None]] = []
    if one.birthDate is not None and _full(one.birthDate) is None:
        told.append((row, PARTIAL, "birth_date", one.birthDate))
    if one.deceasedDateTime is not None and len(one.deceasedDateTime) in (4, 7, 10):
        told.append((row, PARTIAL, "death", one.deceasedDateTime))
    return told


def died(one: Patient, codes: Codes) -> str | None:
    """The moment of death, if it is one."""
    known = codes.of_concept("death") is not None
    moment = one.deceasedDateTime
    return cut(moment) if known and moment and len(moment) not in (4, 7, 10) else None
