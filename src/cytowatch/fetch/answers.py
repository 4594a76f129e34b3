"""What came back from a server: a bounded body, or why there is none, in words fit for a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cytowatch.fetch.addresses import safe_words
from cytowatch.fetch.failures import MismatchError, RefusedError

JSON_TYPES = frozenset({
    "", "application/fhir+json", "application/json", "application/json+fhir", "text/json", "text/plain",
    "application/octet-stream",
})  # fmt: skip
NDJSON_TYPES = JSON_TYPES | {
    "application/fhir+ndjson", "application/ndjson", "application/x-ndjson", "application/ndjson+fhir",
    "binary/octet-stream",
}  # fmt: skip
Body = Callable[[], bytes]


@dataclass(frozen=True)
class Ask:
    """One request. ``what`` names it to a person (never an id); ``body`` is made anew at each attempt."""

    url: str
    what: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    signed: bool = True


@dataclass(frozen=True)
class Answer:
    """A whole answer: its status, its headers in lower case, its decoded body, and the address that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return media_type(self.headers)


def media_type(headers: Mapping[str, str]) -> str:
    """The media type that headers name, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(headers: Mapping[str, str], start: bytes, allowed: frozenset[str]) -> None:
    """MismatchError if an answer is a web page, XML or anything else than JSON."""
    kind = media_type(headers)
    begins = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if kind in {"text/html", "application/xhtml+xml"} or (begins == b"<" and kind in allowed):
        raise MismatchError("The answer is a web page, not FHIR: a log-in page, a proxy's message, or a wrong address")
    if "xml" in kind:
        raise MismatchError("The answer is XML; this server gives no JSON")
    if kind not in allowed:
        raise MismatchError(f"The answer is {safe_words(kind)!r}, not JSON")


def refusal(answer: Answer, where: str, secrets: tuple[str, ...] = ()) -> RefusedError:
    """The error of an answer that is a no, with what its OperationOutcome or OAuth error says, made fit to show."""
    said = "; ".join(spoken(answer.body)[:3])
    hint = _HINTS.get(answer.status, "")
    return RefusedError(
        f"The server refused: {answer.status} {_NAMES.get(answer.status, '')}".rstrip(),
        answer.status,
        where=where,
        why=f"The server says: {safe_words(said, secrets=secrets)}" if said else "",
        hint=hint,
    )


_NAMES = {
    400: "bad request", 401: "not signed in", 403: "not allowed", 404: "not found", 405: "method not allowed",
    406: "format not given", 410: "gone", 422: "not processable", 429: "too many requests", 500: "server error",
}  # fmt: skip
_HINTS = {
    400: "The server does not take this search; leave the type out or give it a query of its own with --types.",
    401: "Check --client-id, --key and the registration of the key at the server.",
    403: "Ask for the scope of this resource type, or leave the type out with --types.",
    404: "Check the address: it is the base of the server, such as https://host/fhir/r4. Or the type is not served.",
    410: "What was asked for has expired; run again.",
}


def spoken(body: bytes) -> list[str]:
    """What an error body says: the issues of an OperationOutcome, or an OAuth error; nothing if it is neither."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(said, dict):
        return []
    found = [_issue(issue) for issue in said.get("issue") or [] if isinstance(issue, dict)] if _listed(said) else []
    oauth = [str(said[key]) for key in ("error", "error_description") if isinstance(said.get(key), str)]
    return [words for words in [*found, ": ".join(oauth)] if words]


def _listed(said: dict[str, object]) -> bool:
    return isinstance(said.get("issue"), list)


def _issue(issue: dict[str, object]) -> str:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    words = [part for part in (issue.get("code"), issue.get("diagnostics") or text) if isinstance(part, str)]
    return ": ".join(words)
