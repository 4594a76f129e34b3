"""What an export is asked besides the folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """``zero``: the moment (ISO 8601 with a zone) at which the hours of a file without calendar times begin."""

    zero: str | None = None
