"""What cytowatch itself adds to the resources that it writes (see the FHIR export), where FHIR has no place for it."""

from __future__ import annotations

from cytowatch.adapters.fhir.structs import Extension

_URN = "urn:x-cytowatch:"
AVAILABLE = f"{_URN}available"
BOUND = f"{_URN}bound"
COMPARATOR = f"{_URN}comparator"
STATUS = f"{_URN}status"
# of a resource that another one takes back: it takes back nothing else
WITHDRAWN = f"{_URN}withdrawn"
# the code of a component that holds the text beside a number
PART = f"{_URN}part"
TEXT = "text"


def own(extensions: list[Extension] | None, url: str) -> Extension:
    """The extension of this name; an empty one if there is none."""
    return next((part for part in extensions or () if part.url == url), _NOTHING)


_NOTHING = Extension()
