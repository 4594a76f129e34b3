"""Reads one file after another: each resource gets a row, and the module of its type enters what it states."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cytowatch.adapters.fhir import said as why
from cytowatch.adapters.fhir.administration import administration
from cytowatch.adapters.fhir.bundles import Found, entries
from cytowatch.adapters.fhir.complete import Entered, page_of, report_of
from cytowatch.adapters.fhir.decode import Decoded, contained, decode, fingerprint
from cytowatch.adapters.fhir.done import device_use, form, procedure
from cytowatch.adapters.fhir.files import Content, FhirFile, Piece, pieces
from cytowatch.adapters.fhir.observation import observation
from cytowatch.adapters.fhir.people import CONTAINED, NO_DAY, NOT_FOUND, died, fields
from cytowatch.adapters.fhir.places import Place, id_of, server
from cytowatch.adapters.fhir.reported import adverse_event, condition
from cytowatch.adapters.fhir.said import Said, ignored, unlisted
from cytowatch.adapters.fhir.sheet import NOWHERE, Run, Sheet
from cytowatch.adapters.fhir.structs import NOTHING, Observation, Patient
from cytowatch.adapters.fhir.things import Thing, device, medication
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.fhir.versions import RANKS
from cytowatch.errors import InputError
from cytowatch.knowledge.door import Door

_MAPPERS: dict[str, Callable[[Any, int, Sheet, Said | None, str], None]] = {
    "Observation": observation,
    "MedicationAdministration": administration,
    "Procedure": procedure,
    "DeviceUseStatement": device_use,
    "QuestionnaireResponse": form,
    "Condition": condition,
    "AdverseEvent": adverse_event,
}
_EMPTY = {
    "deep": why.TOO_DEEP,
    "bundle": ignored("a bundle without entries"),
    "entry": ignored("an entry without a resource"),
    "delete": ignored("a deletion: what it names is taken back"),
}
_NAMED_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_LOG = ignored("a line of the log of a bulk export")
_MANIFEST = ignored("the manifest of an export or the report of a fetch: no resource")
_NO_ID = why.rejected("missing_id", "a Patient without an id cannot be told from others", "give it an id")
# of these the address of an entry is kept: subjects, drugs and devices are referred to
_REFERRED_TO = frozenset({"Patient", "Group", "Location", "Practitioner", "RelatedPerson", "Medication", "Device"})
_WITH_STATUS = frozenset(name for name in _MAPPERS if name not in ("Condition", "AdverseEvent"))


class Reader:
    """Reads files into sheets."""

    def __init__(self, run: Run, door: Door | None) -> None:
        self._run = run
        self._parts = {part.name: ignored(part.states) for part in door.parts if part.fate != "facts"} if door else {}

    def read(self, file: FhirFile, first: int, *, alone: bool, progress: Callable[[float], None]) -> Sheet:
        """All of one file; InputError if nothing of it can be read (unless it is empty, and not all there is)."""
        sheet = Sheet(self._run, file.label, first)
        content = Content(file)
        sound = 0
        try:
            for block in pieces(content):
                for piece in block:
                    sound += self._piece(piece, sheet)
                sheet.rest()
                progress(content.behind)
        finally:
            content.close()
        if not sound and (alone or sheet.rows):
            _refuse(file, sheet.rows)
        return sheet

    def _piece(self, piece: Piece, sheet: Sheet) -> int:
        """Enter a line or document; gives back how many resources could be read."""
        line, data, trouble = piece
        place = str(line) if line else ""
        if trouble:
            self._lose(data, sheet)
            said = why.TOO_LONG if line else why.CUT_OFF
            sheet.say(sheet.header(place or "end", ""), said, value=trouble)
            return 0
        decoded = decode(data)
        if decoded.broken:
            self._lose(data, sheet)
        if decoded.kind == "Bundle":
            return self._bundle(decoded, data, place, sheet)
        if not decoded.kind and not decoded.broken and (told := report_of(data)) is not None:
            self._run.lost |= told.lost
            sheet.remarks += told.remarks
            sheet.say(sheet.header(place, ""), _MANIFEST)
            return 1
        return self._resource(decoded, place, fingerprint(data), "", sheet)

    def _bundle(self, decoded: Decoded, data: bytes, place: str, sheet: Sheet) -> int:
        read, inside = 0, list[Entered]()
        for found in entries(decoded, data, place):
            sheet.place = Place("", f"{sheet.label}:{place}")
            read += self._found(found, sheet)
            inside.append((found.decoded.kind, _id(found), found.search))
        sheet.place = NOWHERE
        if not decoded.damaged and (page := page_of(decoded.struct, inside)) is not None:
            self._run.pages.append((sheet, page))
        return read

    def _lose(self, data: bytes, sheet: Sheet) -> None:
        """Remember of which types something is lost: those it names, else those the file holds or promises."""
        named = {name.decode() for name in _NAMED_TYPE.findall(data)}
        promised = {kind for kind in _MAPPERS if kind.lower() in sheet.label.lower()}
        self._run.lost |= named or promised | sheet.kinds

    def _found(self, found: Found, sheet: Sheet) -> int:
        if found.empty:
            row = sheet.header(found.place, "Bundle")
            if found.deletes is not None:
                self._run.deleted.append(found.deletes)
            sheet.say(row, _EMPTY[found.empty])
            return 1
        return self._resource(found.decoded, found.place, found.content, found.address, sheet)

    def _resource(self, decoded: Decoded, place: str, content: int, address: str, sheet: Sheet) -> int:
        if decoded.broken:
            sheet.say(sheet.header(place, ""), why.BROKEN_LINE, value=decoded.broken)
            return 0
        row = _enter(decoded, place, content, address, sheet)
        self._run.kinds.add(decoded.kind)
        sheet.kinds.add(decoded.kind)
        self._state(decoded, row, sheet)
        return 1

    def _state(self, decoded: Decoded, row: int, sheet: Sheet) -> None:
        one = decoded.struct
        refused, told = _refusal(decoded)
        mapper = _MAPPERS.get(decoded.kind)
        if mapper is not None:
            mapper(one, row, sheet, refused, told)
        elif refused is not None:
            if decoded.kind in ("Medication", "Device"):
                unread = Thing(device=decoded.kind == "Device", unread=True)
                self._run.things.put(f"{decoded.kind}/{one.id}", sheet.place, row, unread)
            sheet.say(row, refused, value=told)
        elif decoded.kind == "Patient":
            self._patient(one, row, sheet)
        elif decoded.kind == "Medication":
            self._run.things.put(f"Medication/{one.id}", sheet.place, row, medication(one))
            sheet.say(row, self._other(decoded.kind, sheet))
        elif decoded.kind == "Device":
            self._run.things.put(f"Device/{one.id}", sheet.place, row, device(one))
            sheet.say(row, self._other(decoded.kind, sheet))
        else:
            sheet.say(row, self._other(decoded.kind, sheet))

    def _other(self, kind: str, sheet: Sheet) -> Said:
        if kind in self._parts:
            return self._parts[kind]
        if not kind:
            return _LOG if sheet.label.rpartition("/")[2] == "log.ndjson" else why.NO_TYPE
        return unlisted("a type that says nothing to grade", cut(kind) or "")

    def _patient(self, one: Patient, row: int, sheet: Sheet) -> None:
        if not one.id:
            sheet.say(row, _NO_ID)
            return
        for link in one.link or ():
            if link.other is not None and link.other.reference:
                link.other.reference = sheet.place.full(link.other.reference)
        self._run.patients.append((row, one))
        for part in fields(row, one):
            sheet.say(*part)
        moment = died(one, self._run.codes)
        if moment is not None:
            sheet.fact(row, "death", moment, text="unknown")
        elif one.deceasedBoolean:
            sheet.say(row, NO_DAY, "death")


def _id(found: Found) -> str:
    return getattr(found.decoded.struct, "id", None) or found.address or found.place


def _refusal(decoded: Decoded) -> tuple[Said | None, str]:
    """Why a resource cannot be used as a whole, whatever it says."""
    if decoded.damaged:
        return why.WRONG_TYPE, decoded.damaged
    one = decoded.struct
    if one.implicitRules is not NOTHING:
        return why.IMPLICIT_RULES, ""
    if one.modifierExtension is not NOTHING and bytes(one.modifierExtension) != b"[]":
        return why.MODIFIER, ""
    return None, ""


def _enter(decoded: Decoded, place: str, content: int, address: str, sheet: Sheet) -> int:
    """The row of a resource, under its id, version and subject."""
    one, kind = decoded.struct, decoded.kind
    name = one.id
    if address:
        name = one.id = _placed(kind, name, address, sheet)
    meta = one.meta
    version, updated = (meta.versionId, meta.lastUpdated) if meta is not None else (None, None)
    if kind not in _MAPPERS:
        subject = sheet.place.full(f"Patient/{name}") if kind == "Patient" else None
        return sheet.header(place, cut(kind) or "", name, version, updated, 0, content, subject)
    subject = one.subject.reference if one.subject is not None else None
    if subject and subject[0] == "#":
        subject = _contained(subject, one, kind, f"{sheet.label}:{place}")
    elif subject and sheet.place is not NOWHERE:
        subject = sheet.place.full(subject)
    rank = RANKS.get(one.status or "", 0) if kind in _WITH_STATUS else 0
    return sheet.header(place, kind, name, version, updated, rank, content, subject)


def _placed(kind: str, name: str | None, address: str, sheet: Sheet) -> str | None:
    """The id of an entry, from its address if it has none; the address is kept for references to it."""
    name = name or id_of(address, kind, sheet.place)
    if name and address.endswith(f"/{kind}/{name}"):
        sheet.place = Place(server(address), sheet.place.bundle)
    elif name and kind in _REFERRED_TO:
        sheet.run.addresses.keep(address, kind, name, sheet.place)
    return name


def _contained(reference: str, one: Observation, kind: str, where: str) -> str:
    """A subject that is contained gets an id of its own, from that of the resource, else from where it stands."""
    found = contained(one.contained, reference)
    if found is None:
        return NOT_FOUND
    if found.kind != "Patient":
        return f"{found.kind or 'Group'}/{reference[1:]}"
    return f"{CONTAINED}{kind}-{one.id or where}{reference}"


def _refuse(file: FhirFile, rows: int) -> None:
    raise InputError(
        "nothing in the file can be read as a FHIR resource" if rows else "the file is empty",
        where=file.label,
        why="it may be a page that a server sent in place of data, or a failed export",
        hint="look at its first lines; read are NDJSON (one resource a line), and JSON with a resource or a Bundle",
    )
