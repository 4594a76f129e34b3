"""The resources of a document: one, or those of a Bundle of any type, bundles within bundles included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import Raw

from cytowatch.adapters.fhir.decode import Decoded, decode, fingerprint
from cytowatch.adapters.fhir.places import pointer
from cytowatch.adapters.fhir.structs import Bundle, Entry

_DEEPEST = 8


@dataclass(slots=True)
class Found:
    """One resource, where it stood, and what its Bundle says of it.

    ``deletes``: type and id of what an entry says is deleted, and when. ``empty``: why there is no resource.
    ``search``: why a search found it.
    """

    place: str
    decoded: Decoded
    content: int = 0
    address: str = ""
    deletes: tuple[str, str, str | None] | None = None
    empty: str = ""
    search: Raw | None = None


def resources(data: bytes | Raw, place: str, *, deep: int = 0, address: str = "") -> Iterator[Found]:
    """Every resource in these bytes; ``place`` is the line, or empty for a document."""
    yield from entries(decode(data), data, place, deep=deep, address=address)


def entries(decoded: Decoded, data: bytes | Raw, place: str, *, deep: int = 0, address: str = "") -> Iterator[Found]:
    """The same for bytes that are decoded already."""
    if decoded.kind != "Bundle" or decoded.damaged:
        yield Found(place, decoded, fingerprint(data), address)
        return
    if deep >= _DEEPEST:
        yield Found(place, decoded, empty="deep")
        return
    bundle: Bundle = decoded.struct
    if not bundle.entry:
        yield Found(place, decoded, empty="bundle")
        return
    for number, entry in enumerate(bundle.entry, 1):
        yield from _entry(entry, f"{place}:entry[{number}]" if place else f"entry[{number}]", bundle, deep)


def _entry(entry: Entry, place: str, bundle: Bundle, deep: int) -> Iterator[Found]:
    method = (entry.request.method or "").upper() if entry.request else ""
    if method == "DELETE" and entry.request is not None:
        kind, _, name = pointer((entry.request.url or "").strip("/")).rpartition("/")
        when = entry.response.lastModified if entry.response else None
        when = when or bundle.timestamp or (bundle.meta.lastUpdated if bundle.meta else None)
        gone = (kind, name, when)
        yield Found(place, Decoded("Bundle", None), deletes=gone, empty="delete")
    elif len(entry.resource) and bytes(entry.resource) != b"null":
        for found in resources(entry.resource, place, deep=deep + 1, address=entry.fullUrl or ""):
            found.search = entry.search
            yield found
    else:
        yield Found(place, Decoded("Bundle", None), empty="entry")
