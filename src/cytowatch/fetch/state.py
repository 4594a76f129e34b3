"""How far a fetch has come, as ``.fetch.json`` holds it."""

from __future__ import annotations

from typing import Literal

import msgspec

FORM = 1
# reading the searches or the export; reading what they point at; taking out what was deleted; putting in place
Phase = Literal["reading", "following", "removing", "publishing", "done"]
Kind = Literal["output", "deleted", "error"]


class Position(msgspec.Struct):
    """Where in the searches: which one, the address of its next page (empty at its start), pages of it read.

    ``matches``: resources that matched so far, each once; ``total``: how many the server says there are, 0 if it did
    not say.
    """

    search: int = 0
    next: str = ""
    pages: int = 0
    matches: int = 0
    total: int = 0


class Count(msgspec.Struct):
    """Of one resource type: lines kept, exact doubles left out, resources taken out because they were deleted."""

    resources: int = 0
    duplicates: int = 0
    deleted: int = 0


class Shortfall(msgspec.Struct):
    """Something asked for that was not read whole; ``type`` is empty if its reach is not known.

    ``hold``: whether what was read of the type stays a part.
    """

    search: str
    type: str
    why: str
    hold: bool = True


class File(msgspec.Struct):
    """One file of an export; ``length``: bytes on the disk; ``lines``: not blank, once it is done."""

    type: str
    url: str
    kind: Kind = "output"
    count: int | None = None
    tag: str = ""
    length: int = 0
    lines: int = 0
    done: bool = False


class Export(msgspec.Struct):
    """A bulk export: its job, and its files once the manifest is there."""

    job: str
    transaction: str = ""
    signed: bool = True
    files: list[File] | None = None
    closed: bool = False


class State(msgspec.Struct):
    """The whole state; everything that a run going on after a kill needs."""

    question: str
    form: int = FORM
    phase: Phase = "reading"
    # the moment of the server at which this run began, and the moments from which each type is read next time
    began: str = ""
    since: dict[str, str] = msgspec.field(default_factory=dict)
    cursors: dict[str, str] = msgspec.field(default_factory=dict)
    # the earliest moment that the folder reaches back to, empty if it is the whole record; what this run was told
    first: str = ""
    asked_since: str = ""
    position: Position = msgspec.field(default_factory=Position)
    served: list[str] | None = None
    histories: list[str] = msgspec.field(default_factory=list)
    # bytes of each part file, and of each published file before this run
    lengths: dict[str, int] = msgspec.field(default_factory=dict)
    before: dict[str, int] = msgspec.field(default_factory=dict)
    counts: dict[str, Count] = msgspec.field(default_factory=dict)
    shortfalls: list[Shortfall] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    requests: int = 0
    retries: int = 0
    pages: int = 0
    resumed: int = 0
    runs: int = 1
    export: Export | None = None
