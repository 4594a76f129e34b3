"""Addresses of a server: which may be asked, where a link leads, and what of them may be shown to a person."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

from cytowatch.errors import ArgumentError
from cytowatch.fetch.failures import UnusableError

_PORTS = {"http": 80, "https": 443}
# what may name a person or open a door: addresses, references, long digits, long runs without a space
_PRIVATE = (
    (re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+"), "[address]"),
    (re.compile(r"\b([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}"), r"\1/[id]"),
    (re.compile(r"\S{40,}"), "[…]"),
    (re.compile(r"\d{5,}"), "[number]"),
)
LONGEST_WORDS = 300


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address; ValueError if it has none."""
    parts = urlsplit(address)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _PORTS or not host:
        raise ValueError("no http address")
    return scheme, host, parts.port or _PORTS[scheme]


def loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def named(text: str) -> dict[str, str]:
    """The parameters of an address by name; of several with one name the last."""
    return dict(parse_qsl(urlsplit(text).query, keep_blank_values=True))


def safe_words(text: object, *, secrets: tuple[str, ...] = ()) -> str:
    """What a server said, fit for a screen or a log: one line, short, without addresses, ids, numbers or tokens."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)[:10_000]).split())
    for secret in secrets:
        words = words.replace(secret, "[…]")
    for pattern, shown in _PRIVATE:
        words = pattern.sub(shown, words)
    return words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1] + "…"


@dataclass(frozen=True)
class Addresses:
    """The base of a server, and what else may be asked: ``hosts`` besides its own, plain http off this machine."""

    base: str
    hosts: tuple[str, ...] = ()
    insecure_http: bool = False
    _origin: tuple[str, str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        parts = _whole(self.base)
        object.__setattr__(self, "base", self.base.rstrip("/"))
        object.__setattr__(self, "_origin", origin(self.base))
        if parts.query or parts.fragment:
            raise ArgumentError("The address has a query.", where="URL", hint="Give the base of the FHIR server only.")
        if not self._safe(parts.scheme.lower(), self._origin[1]):
            raise ArgumentError(
                "The address is plain http.",
                where="URL",
                why="Patient data and tokens would cross the network in the clear.",
                hint="Use https, or --insecure-http on a network that you trust.",
            )

    @property
    def shown(self) -> str:
        """The base as it may be shown."""
        return self.base

    def own(self, address: str) -> bool:
        """Whether an address is of the server itself."""
        return origin(address) == self._origin

    def follow(self, link: str, page: str, what: str) -> str:
        """Where a link of a page leads, as a whole address; UnusableError if it may not be followed.

        A relative link that names a resource type is meant from the base, as FHIR's references are; one that begins
        with a slash or a question mark is meant from the page.
        """
        try:
            whole = self._joined(link.strip(), page)
            self._check(whole)
        except ValueError as error:
            raise UnusableError(
                "The server gave a link that is not followed.",
                where=f"{self.shown}, {what}",
                why=f"{error}. Following it could hand patient data or the token to somebody else.",
                hint="If that host is right, name it with --allow-host. Else the server's own address is set wrongly.",
            ) from None
        return whole

    def _joined(self, link: str, page: str) -> str:
        if not link or any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in link):
            raise ValueError("The link is empty or holds blanks")
        relative = not urlsplit(link).scheme and not link.startswith(("/", "?"))
        return urljoin(f"{self.base}/" if relative else page, link).partition("#")[0]

    def _check(self, address: str) -> None:
        parts = urlsplit(address)
        scheme, host, _ = target = origin(address)
        if parts.username is not None or parts.password is not None:
            raise ValueError("It carries a user name")
        if target == self._origin:
            return
        if scheme == "http" and self._origin[0] == "https":
            raise ValueError("It leads from https to http")
        if not self._safe(scheme, host):
            raise ValueError("It is plain http")
        allowed = {name.lower() for name in self.hosts}
        if not allowed & {host, parts.netloc.lower()}:
            raise ValueError(f"It leads to another host, {host}")

    def _safe(self, scheme: str, host: str) -> bool:
        return scheme == "https" or loopback(host) or self.insecure_http


def check_address(address: str, option: str, *, insecure_http: bool = False) -> str:
    """An address given by a person for something else than FHIR, such as the token endpoint; ArgumentError if unfit."""
    parts = _whole(address, option)
    if parts.scheme.lower() == "http" and not insecure_http and not loopback(parts.hostname or ""):
        raise ArgumentError("The address is plain http.", where=option, hint="Use https.")
    return address


def _whole(address: str, option: str = "URL") -> SplitResult:
    try:
        parts = urlsplit(address)
        origin(address)
    except ValueError:
        raise ArgumentError(
            "This is no http or https address.", where=option, hint="Such as https://fhir.hospital.example/r4."
        ) from None
    if parts.username is not None or parts.password is not None:
        raise ArgumentError(
            "The address carries a user name.", where=option, why="It would stand in process lists and histories."
        )
    return parts
