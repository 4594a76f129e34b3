"""From the bytes of one resource to its struct: its type first, then the elements that are read.

What is not JSON is a broken line. What is JSON and has an element of a wrong type is damaged: the sound elements are
kept, so that a damaged infusion can still be told to have been one.
"""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from cytowatch.adapters.fhir.structs import READ, Head

# most servers write the type first; then one pass over the bytes is enough
_TYPE_FIRST = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_HEAD = msgspec.json.Decoder(Head)
_DECODERS = {name: msgspec.json.Decoder(struct) for name, struct in READ.items()}
_BY_BYTES = {name.encode(): (name, decoder) for name, decoder in _DECODERS.items()}
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FIELDS = {name: {field.name: field.type for field in msgspec.structs.fields(kind)} for name, kind in READ.items()}
BAD = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
_SAID_LENGTH = 200


@dataclass(slots=True)
class Decoded:
    """One resource: its type, its struct (only `Head` for a type that is not read), and what is wrong with it."""

    kind: str
    struct: Any
    # why an element could not be read; the struct then holds the others
    damaged: str = ""
    # that it is no JSON object at all
    broken: str = ""


def decode(data: bytes | msgspec.Raw | memoryview) -> Decoded:
    """The resource in these bytes; it never raises."""
    found = _TYPE_FIRST.match(data)
    known = _BY_BYTES.get(found[1]) if found else None
    if known is not None:
        try:
            return Decoded(known[0], known[1].decode(data))
        except BAD:
            return _rescued(data)
    try:
        head = _HEAD.decode(data)
    except BAD:
        return _rescued(data)
    kind = head.resourceType or ""
    if kind in _DECODERS and not found:
        try:
            return Decoded(kind, _DECODERS[kind].decode(data))
        except BAD:
            return _rescued(data)
    return Decoded(kind, head)


def _rescued(data: bytes | msgspec.Raw | memoryview) -> Decoded:
    """Element by element: what can be read is read, the first error is told."""
    try:
        parts = _PARTS.decode(data)
    except BAD as cause:
        return Decoded("", None, broken=_told(cause))
    kind = ""
    with suppress(*BAD):
        kind = msgspec.json.decode(parts.get("resourceType", b'""'), type=str)
    struct, types = READ.get(kind, Head), _FIELDS.get(kind, _FIELDS_OF_HEAD)
    sound: dict[str, Any] = {}
    damaged = ""
    for name in types.keys() & parts.keys():
        try:
            sound[name] = msgspec.json.decode(parts[name], type=types[name])
        except BAD as cause:
            damaged = min(filter(None, (damaged, f"{name}: {_told(cause)}")))
    sound["resourceType"] = kind
    return Decoded(kind, struct(**sound), damaged=damaged)


_FIELDS_OF_HEAD = {field.name: field.type for field in msgspec.structs.fields(Head)}


def _told(cause: BaseException) -> str:
    if isinstance(cause, RecursionError):
        return "nested too deeply"
    return str(cause)[:_SAID_LENGTH] or type(cause).__name__


def fingerprint(data: bytes | msgspec.Raw | memoryview) -> int:
    """A number for the content, to tell a resource that came twice from two versions of it."""
    return zlib.crc32(data)


def contained(parts: list[msgspec.Raw] | None, reference: str) -> Decoded | None:
    """The contained resource that a reference such as ``#med1`` names; None if there is none."""
    for raw in parts or ():
        found = decode(raw)
        if found.struct is not None and found.struct.id == reference[1:]:
            return found
    return None
