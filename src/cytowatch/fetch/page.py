"""One page of a search or history: its resources as they were written, its next link, and what the server remarks.

A resource is kept character for character but for the white space between its parts: numbers keep their digits, since
FHIR counts them (1.10 is not 1.1). Nothing of its meaning is read but type, id and the reference to a medication or
device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cytowatch.fetch.addresses import safe_words
from cytowatch.fetch.answers import JSON_TYPES, Answer, check_media_type
from cytowatch.fetch.failures import DamagedError, MismatchError

# what cannot be filed under a type is kept here, for the door to reject
UNKNOWN = "Unknown"
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.\-]{1,64})(?:/_history/[^/]*)?$")


@dataclass(frozen=True)
class Resource:
    """A resource of a page: its type, its id, and the line that it is in NDJSON (no line break).

    ``matches``: False for what came along with a match (search mode ``include``).
    """

    type: str
    id: str
    line: bytes
    matches: bool = True


@dataclass(frozen=True)
class Issue:
    """A remark of the server in an OperationOutcome."""

    severity: str
    code: str
    words: str

    @property
    def means_missing(self) -> bool:
        """Whether something that was asked for was not given."""
        return self.severity in {"fatal", "error"} or self.code in _MISSING


# R4 issue types which say that the answer lacks something, whatever their severity
_MISSING = frozenset({
    "security", "login", "expired", "forbidden", "suppressed", "too-costly", "incomplete", "timeout", "throttled",
    "transient", "exception", "no-store", "too-long",
})  # fmt: skip


@dataclass
class Page:
    """What one page holds; ``total`` is the server's own count of matches, if it told one.

    ``events``: of a history, in its order: type, id, and whether the resource was deleted then.
    """

    resources: list[Resource] = field(default_factory=list)
    events: list[tuple[str, str, bool]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    next: str | None = None
    used: str | None = None
    total: int | None = None


class _Link(msgspec.Struct):
    relation: str | None = None
    url: str | None = None


class _Search(msgspec.Struct):
    mode: str | None = None


class _Request(msgspec.Struct):
    method: str | None = None
    url: str | None = None


class _Entry(msgspec.Struct):
    url: str | None = msgspec.field(name="fullUrl", default=None)
    resource: msgspec.Raw = msgspec.Raw()
    search: _Search | None = None
    request: _Request | None = None


class _Bundle(msgspec.Struct):
    kind: str | None = msgspec.field(name="resourceType", default=None)
    type: str | None = None
    total: Any = None
    link: list[_Link] | None = None
    entry: list[_Entry] | None = None


class _Head(msgspec.Struct):
    kind: str = msgspec.field(name="resourceType")
    id: str | None = None


class _Coded(msgspec.Struct):
    text: str | None = None


class _Issue(msgspec.Struct):
    severity: str | None = None
    code: str | None = None
    diagnostics: str | None = None
    details: _Coded | None = None


class _Outcome(msgspec.Struct):
    issue: list[_Issue] | None = None


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Pointing(msgspec.Struct):
    medication: _Reference | None = msgspec.field(name="medicationReference", default=None)
    device: Any = None


_BUNDLES = msgspec.json.Decoder(_Bundle)
_HEADS = msgspec.json.Decoder(_Head)
_OUTCOMES = msgspec.json.Decoder(_Outcome)
_POINTING = msgspec.json.Decoder(_Pointing)
_KINDS = frozenset({"searchset", "history", "collection", None})


def take_page(answer: Answer) -> Page:
    """A page from an answer; DamagedError or MismatchError if it is none."""
    check_media_type(answer.headers, answer.body[:200], JSON_TYPES)
    return read_page(answer.body)


def read_page(body: bytes) -> Page:
    """A page from its body; DamagedError if the body is not whole JSON, MismatchError if it is no page."""
    bundle = _decoded(body)
    if bundle.kind == "OperationOutcome":
        issues = read_outcome(body)
        said = safe_words("; ".join(issue.words for issue in issues[:3]))
        raise MismatchError(f"The server answered with remarks and no page ({said})" if said else _NO_PAGE)
    if bundle.kind != "Bundle" or bundle.type not in _KINDS:
        raise MismatchError(_NO_PAGE)
    page = Page(total=bundle.total if type(bundle.total) is int else None)
    links = {link.relation: link.url for link in bundle.link or []}
    page.next, page.used = links.get("next"), links.get("self")
    for entry in bundle.entry or []:
        _file(entry, page)
    return page


_NO_PAGE = "The answer is JSON, but no page of a search"


def _decoded(body: bytes) -> _Bundle:
    try:
        # kept text is not looked into by the decoder, so its encoding is checked here
        body.decode("utf-8")
        return _BUNDLES.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.ValidationError as error:
        raise MismatchError(_NO_PAGE) from error
    except RecursionError as error:
        raise MismatchError("The answer is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError("The answer is no whole JSON") from error


def _file(entry: _Entry, page: Page) -> None:
    """Put one entry of a page where it belongs."""
    raw = bytes(entry.resource)
    gone = entry.request is not None and (entry.request.method or "").upper() == "DELETE"
    if entry.request is not None and (named := reference(entry.request.url) or reference(entry.url)):
        page.events.append((*named, gone))
    if gone or not raw or raw == b"null":
        return
    found = one_resource(raw)
    mode = entry.search.mode if entry.search is not None else None
    if found.type == "OperationOutcome" or mode == "outcome":
        page.issues += read_outcome(raw)
    else:
        page.resources.append(replace(found, matches=mode != "include"))


def one_resource(raw: bytes) -> Resource:
    """A resource from its text; without a usable type it is Unknown."""
    try:
        line = bytes(msgspec.json.format(raw, indent=-1))
    except (msgspec.DecodeError, RecursionError) as error:
        raise DamagedError("A resource of the answer is no whole JSON") from error
    try:
        head = _HEADS.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Resource(UNKNOWN, "", line)
    kind = head.kind if _TYPE.fullmatch(head.kind) else UNKNOWN
    return Resource(kind, head.id if head.id is not None and _ID.fullmatch(head.id) else "", line)


def read_outcome(raw: bytes) -> list[Issue]:
    """The issues of an OperationOutcome; one that cannot be read counts as an error."""
    try:
        outcome = _OUTCOMES.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return [Issue("error", "unreadable", "an OperationOutcome that cannot be read")]
    return [
        Issue(one.severity or "", one.code or "", one.diagnostics or (one.details.text if one.details else None) or "")
        for one in outcome.issue or []
    ]


def reference(text: str | None) -> tuple[str, str] | None:
    """Type and id that a literal reference ends in; None if it names no resource of a server."""
    found = _REFERENCE.search((text or "").partition("?")[0].partition("#")[0])
    return (found[1], found[2]) if found else None


def pointed_at(line: bytes) -> list[tuple[str, str]]:
    """The medication and device that a resource points at, as type and id."""
    try:
        found = _POINTING.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    device = found.device.get("reference") if isinstance(found.device, dict) else None
    medication = found.medication.reference if found.medication else None
    texts = [text for text in (medication, device) if isinstance(text, str)]
    return [both for text in texts if (both := reference(text)) and both[0] in {"Medication", "Device"}]


def head_of(line: bytes) -> tuple[str, str]:
    """Type and id of a line; empty where it has none."""
    try:
        head = _HEADS.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return "", ""
    return head.kind, head.id or ""
