"""SMART Backend Services: a short-lived token for a signed statement of who asks (SMART App Launch 2.2, RFC 7523)."""

from __future__ import annotations

import json
import math
import secrets
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch.addresses import check_address
from cytowatch.fetch.answers import JSON_TYPES, Answer, Ask, check_media_type
from cytowatch.fetch.failures import DamagedError, MismatchError, RefusedError, UnusableError
from cytowatch.fetch.web import Web

# the specification allows five minutes at most; clocks differ
_SECONDS = 240
# a token is renewed before it ends, so that a request on the way is not refused
_EARLY = 30.0
# when the server does not say how long a token lives
_ASSUMED = 300.0
_LARGEST_KEY = 100_000
_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CHECK = "Check --client-id, --key, --key-id, --scope, and that the public key is registered at the server."
_JSON = {"Accept": "application/json"}
Algorithm = Literal["RS384", "ES384"]


@dataclass(frozen=True)
class SigningKey:
    """A private key, the algorithm that goes with it, and the name under which the server knows it."""

    key: jwk.Key
    algorithm: Algorithm
    name: str


def read_key(path: Path, name: str | None = None) -> SigningKey:
    """A private key from a file: PEM, a JWK, or a set of JWKs; ArgumentError if there is none that can sign.

    The name is ``name``, or the key's own ``kid``, or its thumbprint (RFC 7638). RSA signs RS384, EC on P-384 ES384.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unfit(f"The key file cannot be read: {error.strerror}.") from None
    if len(data) > _LARGEST_KEY:
        raise _unfit("The file is too large for a key.")
    key = _from_json(data, name) if data.lstrip()[:1] == b"{" else _from_pem(data)
    if not key.is_private:
        raise _unfit("The file holds a public key.")
    return SigningKey(key, _algorithm(key), name or key.kid or key.thumbprint())


def _from_pem(data: bytes) -> jwk.Key:
    if b"ENCRYPTED" in data:
        raise _unfit("The key is encrypted.")
    if b"-----BEGIN" not in data:
        raise _unfit("The file is neither PEM nor JSON.")
    for kind in ("RSA", "EC"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return jwk.import_key(data, kind)
        except (ValueError, TypeError, JoseError):
            continue
    raise _unfit("The file holds no RSA or EC key.")


def _from_json(data: bytes, name: str | None) -> jwk.Key:
    try:
        told = json.loads(data)
        keys = [one for one in (told["keys"] if isinstance(told.get("keys"), list) else [told]) if one.get("d")]
        # of several the name chooses; a single one may be known to the server under another name
        chosen = keys if len(keys) == 1 else [one for one in keys if name in {None, one.get("kid")}]
        if any(one.get("kty") not in {"RSA", "EC"} for one in chosen):
            raise _unfit("The key is neither RSA nor EC.")
        found = [jwk.import_key(one) for one in chosen]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, JoseError):
        raise _unfit("The file is no JWK.") from None
    if len(found) != 1:
        raise _unfit(f"The file holds {len(found)} private keys of that name; --key-id says which.")
    return found[0]


def _algorithm(key: jwk.Key) -> Algorithm:
    if key.key_type == "RSA":
        if getattr(key.raw_value, "key_size", 0) < 2048:
            raise _unfit("The RSA key is shorter than 2048 bits.")
        return "RS384"
    if key.key_type == "EC" and getattr(key, "curve_name", "") == "P-384":
        return "ES384"
    raise _unfit("The key is neither RSA nor EC on the curve P-384.")


def _unfit(what: str) -> ArgumentError:
    return ArgumentError(
        what,
        where="--key",
        why="The server takes only statements signed with RS384 or ES384.",
        hint="Give the private key as PEM without a passphrase, or as JWK, readable by you only.",
    )


@dataclass(frozen=True)
class _Place:
    """The token endpoint, and the form of scopes that the server knows."""

    url: str
    form: str = "rs"


class SignIn:
    """Gets tokens and keeps each until shortly before its end. The key and the tokens stay in memory."""

    def __init__(self, web: Web, client: str, key: SigningKey, scopes: dict[str, str], url: str | None = None) -> None:
        """``scopes``: by form, ``rs`` (version 2) and ``read`` (version 1)."""
        self._web, self._client, self._key, self._scopes = web, client, key, scopes
        self._place = _Place(url) if url else None
        self._token, self._until = "", 0.0
        self.granted: str | None = None

    def token(self) -> str:
        """A token that is good now."""
        if not self._token or self._web.clock.seconds() >= self._until:
            self._get()
        return self._token

    def renew(self) -> None:
        """Forget the token."""
        self._token = ""

    def _get(self) -> None:
        """Get a token; without one nothing can be asked, so a no here ends the run and not only one search."""
        try:
            self._ask()
        except (RefusedError, UnusableError) as error:
            raise InputError(
                f"Signing in failed. {error.what}", where=error.where, why=error.why, hint=_CHECK
            ) from None

    def _ask(self) -> None:
        place = self._place = self._place or self._discover()
        headers = {**_JSON, "Content-Type": "application/x-www-form-urlencoded"}
        asked = self._web.clock.seconds()
        ask = Ask(place.url, "token", "POST", headers, lambda: self._form(place), signed=False)
        told = self._web.read(ask, _object)
        token, kind = told.get("access_token"), str(told.get("token_type", "bearer"))
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or kind.lower() != "bearer":
            raise InputError("The server signed us in without a usable token.", where=self._web.where("token"))
        self._token = token
        self._web.secrets = (token,)
        self._until = asked + max(0.0, _number(told.get("expires_in"), _ASSUMED) - _EARLY)
        self.granted = str(told["scope"]) if isinstance(told.get("scope"), str) else None

    def _form(self, place: _Place) -> bytes:
        """The body of one request: a statement is used once only, so each attempt signs a new one."""
        now = int(self._web.clock.now().timestamp())
        claims = {
            "iss": self._client, "sub": self._client, "aud": place.url, "iat": now, "exp": now + _SECONDS,
            "jti": secrets.token_urlsafe(24),
        }  # fmt: skip
        header = {"alg": self._key.algorithm, "kid": self._key.name, "typ": "JWT"}
        signed = jwt.encode(header, claims, self._key.key, algorithms=[self._key.algorithm])
        return urlencode({
            "grant_type": "client_credentials",
            "scope": self._scopes[place.form],
            "client_assertion_type": _TYPE,
            "client_assertion": signed,
        }).encode()  # fmt: skip

    def _discover(self) -> _Place:
        ask = Ask(
            f"{self._web.addresses.base}/.well-known/smart-configuration",
            "smart-configuration",
            headers=_JSON,
            signed=False,
        )
        told = self._web.read(ask, _object)
        url, able = told.get("token_endpoint"), told.get("capabilities")
        if not isinstance(url, str):
            raise InputError(
                "The server names no token endpoint.",
                where=self._web.where("smart-configuration"),
                hint="Give it with --token-url.",
            )
        try:
            check_address(url, "token_endpoint", insecure_http=self._web.addresses.insecure_http)
        except ArgumentError as error:
            raise InputError(error.what, where=self._web.where("smart-configuration"), hint=error.hint) from None
        able = able if isinstance(able, list) else []
        old = "permission-v1" in able and "permission-v2" not in able
        return _Place(url, "read" if old else "rs")


def _object(answer: Answer) -> dict[str, Any]:
    check_media_type(answer.headers, answer.body[:200], JSON_TYPES)
    try:
        told = json.loads(answer.body)
    except RecursionError as error:
        raise MismatchError("The answer is nested too deeply") from error
    except ValueError as error:
        raise DamagedError("The answer is no whole JSON") from error
    if not isinstance(told, dict):
        raise MismatchError("The answer is JSON, but no object")
    return told


def _number(value: object, otherwise: float) -> float:
    """Seconds as a number, also written as text."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return otherwise
    return otherwise if math.isnan(seconds) else min(max(seconds, 0.0), 86_400.0)
