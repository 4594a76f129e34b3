"""Where resources are: their addresses, and what a reference to one means within its server and its Bundle.

One id on two servers is two resources, and one `urn:` in two Bundles may be two. So a reference is written out in full
when it is read: a relative one with the server that its entry came from, a `urn:` with its Bundle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_WITHIN = " in "
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_URL = ("http:", "https:")
_HOST = re.compile(r"https?://([^/]*?)(?::(?:80|443)?)?((?:/.*)?)", re.IGNORECASE)
_NOWHERE = ("", "")


def pointer(reference: str) -> str:
    """A reference as ``Type/id``, whatever server and version it names."""
    return "/".join(_parts(reference)[-2:])


def server(reference: str) -> str:
    """The server that an absolute reference names; empty for a relative one.

    Written one way: scheme, usual port, and upper case in the host's name make no other server.
    """
    return _plain("/".join(_parts(reference)[:-2])) if reference[:6].lower().startswith(_URL) else ""


@lru_cache(maxsize=1024)
def _plain(base: str) -> str:
    found = _HOST.fullmatch(base)
    return f"https://{found[1].lower()}{found[2].rstrip('/')}" if found else base


def _parts(reference: str) -> list[str]:
    parts = reference.split("?", maxsplit=1)[0].rstrip("/").split("/")
    return parts[:-2] if len(parts) > 2 and parts[-2] == "_history" else parts


@dataclass(slots=True)
class Place:
    """Where the resource at hand stands: its server and its Bundle, each empty if there is none."""

    server: str = ""
    bundle: str = ""

    def full(self, reference: str) -> str:
        """A reference written out, so that it means the same everywhere."""
        if reference.startswith("urn:"):
            return f"{reference}{_WITHIN}{self.bundle}" if self.bundle else reference
        if self.server and reference[:1] != "#" and "://" not in reference:
            return f"{self.server}/{reference}"
        return reference


@dataclass
class Addresses:
    """Which resource (type, id) stands at an address that is no `Type/id` of a server."""

    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def keep(self, address: str, kind: str, name: str, place: Place) -> None:
        """Keep it for its own Bundle, and for others as long as no two mean different resources by it."""
        found = (kind, name)
        self._known[place.full(address)] = found
        if self._known.setdefault(address, found) != found:
            self._known[address] = _NOWHERE

    def find(self, reference: str) -> tuple[str, str]:
        """Type and id of what a full reference names; empty if nothing does."""
        found = self._known.get(reference, _NOWHERE)
        return found if found[1] else self._known.get(bare(reference), _NOWHERE)


def bare(reference: str) -> str:
    """A `urn:` reference as it was written, without its Bundle."""
    return reference.partition(_WITHIN)[0] if reference.startswith("urn:") else reference


def id_of(address: str, kind: str, place: Place) -> str | None:
    """The id of an entry that has none of its own: by its address. What is no UUID is known in its own Bundle only."""
    if address.startswith("urn:"):
        tail = address.rpartition(":")[2]
        return (tail if _UUID.fullmatch(tail) else f"{tail}{_WITHIN}{place.bundle}") if tail else None
    named, _, name = pointer(address).rpartition("/")
    return name if address.startswith(_URL) and named == kind and name else None
