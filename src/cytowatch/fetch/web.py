"""The one place that speaks HTTP: requests with bounds, retries, redirects on one host, and a token where it belongs.

Nothing is taken from the environment: no proxy, no certificate file, no password file. What a run used is what its
arguments say.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import httpx2

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch.addresses import Addresses, safe_words
from cytowatch.fetch.answers import Answer, Ask, refusal, spoken
from cytowatch.fetch.clock import Clock
from cytowatch.fetch.failures import DamagedError, MismatchError, UnreachableError, UnusableError
from cytowatch.fetch.limits import Limits
from cytowatch.fetch.retry import Attempts, GaveUpError, PassingError, retry_after
from cytowatch.fetch.unpack import unpacked

T = TypeVar("T")
_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_SMALL = 64 * 1024
AGENT = "cytowatch"


class Tokens(Protocol):
    """Where an access token comes from."""

    def token(self) -> str:
        """The token to send."""

    def renew(self) -> None:
        """Forget the token: the server no longer takes it."""


@dataclass(frozen=True)
class Line:
    """How the server is reached: a file of certificate authorities and a proxy, if any."""

    ca_file: Path | None = None
    proxy: str | None = None


@dataclass
class Traffic:
    """What a run cost the server."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0


class Web:
    """A server as a run sees it. Use as a context; one request at a time."""

    def __init__(self, addresses: Addresses, clock: Clock, limits: Limits, line: Line) -> None:
        self.addresses, self.clock, self.limits = addresses, clock, limits
        self.traffic = Traffic()
        self.tokens: Tokens | None = None
        self.secrets: tuple[str, ...] = ()
        # the server's own clock at its first answer
        self.began: str | None = None
        self._answered = False
        # its log lines hold whole addresses, and those hold patient ids
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx2.Client(
            verify=_trust(line.ca_file),
            proxy=line.proxy,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            headers={"User-Agent": AGENT, "Accept-Encoding": "gzip"},
        )

    def __enter__(self) -> Web:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def read(self, ask: Ask, take: Callable[[Answer], T], *, good: frozenset[int] = frozenset({200})) -> T:
        """Ask until an answer of a good status was taken; RefusedError, UnreachableError or UnusableError if none was.

        ``take`` makes something of a whole answer; it may raise DamagedError (asked again) or MismatchError (not).
        """

        def whole(answer: httpx2.Response) -> T:
            body = self._body(answer, self.limits.page_bytes)
            plain = Answer(answer.status_code, lowered(answer), body, str(answer.url))
            if answer.status_code not in good:
                raise refusal(plain, self.where(ask.what), self.secrets)
            return take(plain)

        return self.patiently(lambda: ask, whole)

    def where(self, what: str) -> str:
        """The place of an error: the server and what was asked of it."""
        return f"{self.addresses.shown}, {what}"

    def patiently(self, make: Callable[[], Ask], take: Callable[[httpx2.Response], T]) -> T:
        """Ask, wait and ask again, as ``make`` says each time; ``take`` gets the answer with its body unread."""
        attempts = Attempts(self.clock, self.limits)
        renewed = False
        while True:
            ask = make()
            try:
                with self._sent(ask) as answer:
                    if answer.status_code == 401 and ask.signed and self.tokens and not renewed:
                        renewed = True
                        self.tokens.renew()
                        continue
                    self._check_passing(answer)
                    return take(answer)
            except httpx2.InvalidURL:
                raise self._unusable("The server gave an address that is none", ask) from None
            except MismatchError as error:
                raise self._unusable(str(error), ask) from None
            except (httpx2.HTTPError, httpx2.StreamError, DamagedError, PassingError) as error:
                fault = self._fault(error)
                self.traffic.retries += 1
            try:
                attempts.again(fault)
            except GaveUpError as error:
                raise self._given_up(error, ask) from None

    def pieces(self, answer: httpx2.Response, most: int | None = None) -> Iterator[bytes]:
        """The decoded body in pieces, as it comes; it must end within the time of an answer if ``most`` is given."""
        started = self.clock.seconds()

        def counted() -> Iterator[bytes]:
            for chunk in answer.iter_raw():
                self.traffic.bytes += len(chunk)
                if most is not None and self.clock.seconds() - started > self.limits.answer_seconds:
                    raise PassingError("The answer trickled in too slowly", most=self.limits.damaged_attempts)
                yield chunk

        return unpacked(counted(), answer.headers.get("content-encoding", ""), most)

    def _body(self, answer: httpx2.Response, most: int) -> bytes:
        return b"".join(self.pieces(answer, most))

    @contextmanager
    def _sent(self, ask: Ask) -> Iterator[httpx2.Response]:
        """One request with its redirects; the body is not read."""
        url = ask.url
        for _ in range(self.limits.redirects + 1):
            request = self._client.build_request(
                ask.method, url, headers=self._signed(ask, url), content=ask.body() if ask.body else None
            )
            self.traffic.requests += 1
            answer = self._client.send(request, stream=True)
            try:
                self._note(answer)
                target = answer.headers.get("location")
                if answer.status_code not in _MOVED or target is None:
                    yield answer
                    return
            finally:
                answer.close()
            if ask.method != "GET":
                raise MismatchError("The server redirects a request that is not a plain read")
            url = self.addresses.follow(target, url, f"{ask.what}, redirect")
        raise MismatchError("The server redirects in circles")

    def _signed(self, ask: Ask, url: str) -> dict[str, str]:
        headers = dict(ask.headers)
        # a redirect to another host, though allowed, does not take the token along
        if ask.signed and self.tokens is not None and (url == ask.url or self.addresses.own(url)):
            headers["Authorization"] = f"Bearer {self.tokens.token()}"
        return headers

    def _note(self, answer: httpx2.Response) -> None:
        self._answered = True
        if self.began is None and self.addresses.own(str(answer.url)):
            self.began = answer.headers.get("date")

    def _check_passing(self, answer: httpx2.Response) -> None:
        """PassingError for a status that may pass."""
        status = answer.status_code
        if status in _BUSY or status == 500:
            most = self.limits.attempts if status in _BUSY else self.limits.fault_attempts
            wait = retry_after(answer.headers.get("retry-after"), self.clock.now())
            said = "; ".join(spoken(self._start(answer))[:2])
            words = f"The server answered {status}" + (f" ({safe_words(said, secrets=self.secrets)})" if said else "")
            raise PassingError(words, most=most, wait=wait, status=status)

    def _start(self, answer: httpx2.Response) -> bytes:
        """The body of an error, if it is short; nothing if it is not to be had."""
        try:
            return self._body(answer, _SMALL)
        except (httpx2.HTTPError, MismatchError, DamagedError, PassingError):
            return b""

    def _fault(self, error: Exception) -> PassingError:
        if isinstance(error, PassingError):
            return error
        if isinstance(error, DamagedError):
            return PassingError(str(error), most=self.limits.damaged_attempts, damaged=True)
        if _is_tls(error):
            return PassingError("The server's certificate cannot be trusted", most=1)
        most = self.limits.attempts if self._answered else self.limits.first_attempts
        return PassingError(_FAULTS.get(type(error).__name__, "The connection failed"), most=most)

    def _unusable(self, why: str, ask: Ask) -> UnusableError:
        return UnusableError(f"{why}.", where=self.where(ask.what), hint="Check the address of the server.")

    def _given_up(self, error: GaveUpError, ask: Ask) -> InputError:
        if error.fault.damaged:
            return self._unusable(error.why, ask)
        tls = error.fault.most == 1
        return UnreachableError(
            f"{error.why}.",
            where=self.where(ask.what),
            why="What was read before is kept, and nothing of it is lost.",
            hint="Name the hospital's own certificate authority with --ca-file."
            if tls
            else "Run the same again later.",
            status=error.fault.status,
        )


_FAULTS = {
    "ConnectTimeout": "The server cannot be reached in time",
    "ConnectError": "The server cannot be reached",
    "ReadTimeout": "The server fell silent",
    "WriteTimeout": "The server took no request in time",
    "ReadError": "The connection broke off",
    "RemoteProtocolError": "The connection broke off in the middle of an answer",
}


def server_moment(date: str | None, clock: Clock) -> float:
    """The server's clock as seconds since 1970 by its Date header, or ours if it told none."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return clock.now().timestamp()


@cache
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to trust: the machine's authorities, or a file of them; reading them takes a while, so once."""
    if ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError):
        raise ArgumentError(
            "The file of certificate authorities cannot be read.", where="--ca-file", hint="It must be PEM."
        ) from None


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def lowered(answer: httpx2.Response) -> dict[str, str]:
    """The headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in answer.headers.items()}
