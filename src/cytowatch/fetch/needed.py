"""The libraries of the extra ``fhir``, asked for in words a person can act on."""

from __future__ import annotations

from importlib.util import find_spec

from cytowatch.errors import ArgumentError

_READING = ("httpx2", "msgspec")
_SIGNING = ("joserfc",)


def check_extra(*, signing: bool) -> None:
    """ArgumentError if a library that a fetch needs is not installed."""
    missing = [name for name in (*_READING, *(_SIGNING if signing else ())) if find_spec(name) is None]
    if missing:
        raise ArgumentError(
            f"Reading a FHIR server needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed.",
            where="cytowatch fetch",
            hint="pip install 'cytowatch[fhir]'",
        )
