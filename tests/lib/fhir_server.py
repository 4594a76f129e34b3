"""A small FHIR R4 server over real HTTP: search and paging, history, bulk export and SMART Backend Services.

It follows the specifications where a reader depends on them, and breaks them where a test tells it to (``Fault``).
Written for tests; it serves this machine only and ends with the ``with`` that started it.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwk, jwt
from joserfc.errors import JoseError

Resource = dict[str, Any]
STEP = 0.001


@dataclass
class Fault:
    """What happens instead of an answer: to requests whose address matches, after ``skip`` of them, ``times`` times."""

    match: str
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # drop: bytes of the true answer before the connection is cut; slow: seconds before it; change: of its body
    drop: int | None = None
    slow: float = 0.0
    change: Callable[[bytes], bytes] | None = None
    skip: int = 0
    times: int = 1_000_000


@dataclass
class Answer:
    """An answer of the server."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def outcome(code: str, words: str, severity: str = "error") -> Resource:
    """An OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": words}]}


class FhirServer:
    """Resources by type and id with all their versions, and what is made of them. Use as a context."""

    def __init__(
        self, resources: list[Resource], *, now: Callable[[], float] = time.time, tls: ssl.SSLContext | None = None
    ) -> None:
        self.now, self.tls = now, tls
        self.versions: dict[tuple[str, str], list[tuple[float, Resource | None]]] = {}
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.answered: Callable[[int], None] = lambda _number: None
        self.relative = False
        self.most = 1_000
        self.compress = False
        self.unknown: set[str] = set()
        self.histories = True
        self.version = "4.0.1"
        self.epoch = now() - 10 * 86_400
        # sign-in: client -> public JWK; tokens -> the moment they end
        self.clients: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, float] = {}
        self.used_jti: set[str] = set()
        self.token_seconds = 300
        self.scopes: list[str] = []
        self.smart: dict[str, Any] = {}
        # exports
        self.jobs: dict[str, dict[str, Any]] = {}
        self.polls = 2
        self.ranges = True
        self.etags = True
        self.post_only = False
        self.file_root = ""
        self.manifest_extra: dict[str, Any] = {}
        self.deleted_jobs: list[str] = []
        self._lock = threading.RLock()
        for one in resources:
            self.put(one, self.epoch)

    def __enter__(self) -> FhirServer:
        server = self

        class Handler(_Handler):
            owner = server

        self._http = _Http(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        if self.tls is not None:
            self._http.socket = self.tls.wrap_socket(self._http.socket, server_side=True)
        self.root = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.base = f"{self.root}/fhir"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # what it holds

    def put(self, resource: Resource, moment: float | None = None) -> None:
        """Create a resource, or its next version."""
        with self._lock:
            past = self.versions.setdefault((resource["resourceType"], resource["id"]), [])
            moment = self.now() if moment is None else moment
            meta = {**resource.get("meta", {}), "versionId": str(len(past) + 1), "lastUpdated": stamp(moment)}
            past.append((moment, {**resource, "meta": meta}))

    def remove(self, kind: str, name: str) -> None:
        """Delete a resource."""
        with self._lock:
            self.versions[kind, name].append((self.now(), None))

    def current(self, kind: str) -> list[tuple[float, Resource]]:
        """The resources of a type as they are now, with the moment of their last version."""
        with self._lock:
            last = [(key[0], past[-1]) for key, past in self.versions.items()]
        return [(moment, one) for name, (moment, one) in last if name == kind and one is not None]

    def kinds(self) -> set[str]:
        """All types that it serves."""
        return {kind for kind, _ in self.versions} - self.unknown

    # what it answers

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """The true answer to a request."""
        parts = urlsplit(target)
        path = parts.path.rstrip("/")
        if path == "/auth/token" and method == "POST":
            return self._token(body)
        if path == "/fhir/.well-known/smart-configuration":
            return _json(
                {
                    "token_endpoint": f"{self.root}/auth/token",
                    "capabilities": ["client-confidential-asymmetric", "permission-v2"],
                    **self.smart,
                }
            )
        if path == "/fhir/metadata":
            return self._metadata()
        if self.clients and not self._signed(headers):
            return _json(outcome("login", "A token is needed"), 401)
        if path.startswith("/jobs/"):
            return self._job(method, path.rpartition("/")[2])
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/"), headers)
        where = path.removeprefix("/fhir").strip("/")
        if where.endswith("$export"):
            return self._export(method, where, parse_qs(parts.query), headers, body)
        if where.endswith("/_history"):
            return self._history(where.partition("/")[0], dict(parse_qsl(parts.query)))
        return self._search(where, parse_qsl(parts.query, keep_blank_values=True))

    def _metadata(self) -> Answer:
        codes = ["read", "search-type", *(["history-type"] if self.histories else [])]
        served = [{"type": kind, "interaction": [{"code": code} for code in codes]} for kind in sorted(self.kinds())]
        return _json({
            "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": self.version,
            "format": ["json"], "rest": [{"mode": "server", "resource": served}],
        })  # fmt: skip

    def _search(self, kind: str, parameters: list[tuple[str, str]]) -> Answer:
        if kind not in self.kinds():
            return _json(outcome("not-supported", f"No such type {kind}"), 404)
        known = [(name, value) for name, value in parameters if name in _SEARCHED]
        found = sorted(self.current(kind), key=lambda both: both[1]["id"])
        for name, value in known:
            found = [both for both in found if _SEARCHED[name](both, value)]
        asked = dict(parameters)
        size = min(int(asked.get("_count", 50)), self.most)
        start = int(asked.get("_offset", 0))
        page = [one for _, one in found[start : start + size]]
        entries = [self._entry(one, "match") for one in page]
        entries += [self._entry(one, "include") for one in self._included(page, asked.get("_include"))]
        return self._bundle("searchset", entries, known, len(found), start + size, size, kind, asked)

    def _included(self, page: list[Resource], include: str | None) -> list[Resource]:
        if include not in {"MedicationAdministration:medication", "DeviceUseStatement:device"}:
            return []
        keys = [(one.get("medicationReference") or one.get("device") or {}).get("reference", "") for one in page]
        with self._lock:
            found = [self.versions.get(tuple(key.split("/")[-2:])) for key in dict.fromkeys(keys) if "/" in key]  # type: ignore[arg-type]
        return [past[-1][1] for past in found if past and past[-1][1] is not None]

    def _entry(self, one: Resource, mode: str) -> Resource:
        return {"fullUrl": f"{self.base}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": mode}}

    def _bundle(
        self,
        form: str,
        entries: list[Resource],
        used: list[tuple[str, str]],
        total: int,
        after: int,
        size: int,
        place: str,
        asked: dict[str, str],
    ) -> Answer:
        own = [(name, value) for name, value in used if name != "_offset"]
        link = [{"relation": "self", "url": f"{self.base}/{place}?{urlencode(own)}"}]
        if after < total:
            more = urlencode({**asked, "_count": size, "_offset": after})
            whole = f"{place}?{more}" if self.relative else f"{self.base}/{place}?{more}"
            link.append({"relation": "next", "url": whole})
        return _json({"resourceType": "Bundle", "type": form, "total": total, "link": link, "entry": entries})

    def _history(self, kind: str, asked: dict[str, str]) -> Answer:
        since = parse(asked.get("_since", "1970-01-01T00:00:00Z"))
        with self._lock:
            events = [
                (moment, number, kind, name, one)
                for (one_kind, name), past in self.versions.items() if one_kind == kind
                for number, (moment, one) in enumerate(past) if moment >= since
            ]  # fmt: skip
        # newest first, as the specification has it
        events.sort(key=lambda event: (-event[0], event[3], -event[1]))
        size, start = int(asked.get("_count", 50)), int(asked.get("_offset", 0))
        entries = [
            {"fullUrl": f"{self.base}/{kind}/{name}", **({} if one is None else {"resource": one}),
             "request": {"method": "DELETE" if one is None else "PUT", "url": f"{kind}/{name}"}}
            for _, _, _, name, one in events[start : start + size]
        ]  # fmt: skip
        return self._bundle(
            "history", entries, list(asked.items()), len(events), start + size, size, f"{kind}/_history", asked
        )

    # sign-in

    def _token(self, body: bytes) -> Answer:
        form = dict(parse_qsl(body.decode()))
        try:
            if form["grant_type"] != "client_credentials" or not form["client_assertion_type"].endswith("jwt-bearer"):
                return _json({"error": "unsupported_grant_type"}, 400)
            head = json.loads(_unbase(form["client_assertion"].split(".")[0]))
            client = json.loads(_unbase(form["client_assertion"].split(".")[1]))["iss"]
            public = self.clients[client]
            token = jwt.decode(form["client_assertion"], jwk.import_key(public), algorithms=["RS384", "ES384"])
        except (KeyError, ValueError, JoseError) as error:
            return _json({"error": "invalid_client", "error_description": f"{type(error).__name__}"}, 401)
        said = token.claims
        wrong = [
            name for name, right in {
                "kid": head.get("kid") == public["kid"],
                "sub": said.get("sub") == client,
                "aud": said.get("aud") == f"{self.root}/auth/token",
                "exp": self.now() < said.get("exp", 0) <= self.now() + 300,
                "jti": said.get("jti") not in {None, *self.used_jti},
            }.items() if not right
        ]  # fmt: skip
        if wrong:
            return _json({"error": "invalid_client", "error_description": f"wrong: {', '.join(wrong)}"}, 400)
        self.used_jti.add(said["jti"])
        self.scopes.append(form["scope"])
        name = f"token-{len(self.tokens)}-{'x' * 50}"
        self.tokens[name] = self.now() + self.token_seconds
        return _json(
            {"access_token": name, "token_type": "bearer", "expires_in": self.token_seconds, "scope": form["scope"]}
        )

    def _signed(self, headers: dict[str, str]) -> bool:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        return self.tokens.get(token, 0.0) > self.now()

    # export

    def _export(
        self, method: str, where: str, asked: dict[str, list[str]], headers: dict[str, str], body: bytes
    ) -> Answer:
        if "respond-async" not in headers.get("prefer", ""):
            return _json(outcome("invalid", "Prefer: respond-async is needed"), 400)
        if method == "GET" and self.post_only:
            return _json(outcome("not-supported", "POST only"), 405)
        if method == "POST":
            parts = json.loads(body)["parameter"]
            asked = {part["name"]: [part.get("valueString") or part.get("valueInstant")] for part in parts}
        if where.startswith("Group/") and where.split("/")[1] != "ward":
            return _json(outcome("not-found", "No such group"), 404)
        since = parse(asked["_since"][0]) if "_since" in asked else 0.0
        moment, files = self.now(), []
        for kind in asked.get("_type", [",".join(sorted(self.kinds()))])[0].split(","):
            lines = [json.dumps(one) for when, one in self.current(kind) if when >= since]
            # in two files, as servers do
            half = (len(lines) + 1) // 2
            for number, some in enumerate([lines[:half], lines[half:]]):
                if some:
                    files.append(("output", kind, f"{kind}.{number}.ndjson", some))
        with self._lock:
            gone = [key for key, past in self.versions.items() if past[-1][1] is None and past[-1][0] >= since]
        if since and gone:
            entries = [{"request": {"method": "DELETE", "url": "/".join(key)}} for key in gone]
            files.append(
                (
                    "deleted",
                    "Bundle",
                    "deleted.ndjson",
                    [json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})],
                )
            )
        name = f"job-{len(self.jobs) + 1}"
        self.jobs[name] = {"moment": moment, "files": files, "polls": 0, "asked": asked}
        return Answer(202, b"", {"Content-Location": f"/jobs/{name}" if self.relative else f"{self.root}/jobs/{name}"})

    def _job(self, method: str, name: str) -> Answer:
        job = self.jobs.get(name)
        if job is None:
            return _json(outcome("not-found", "No such job"), 404)
        if method == "DELETE":
            self.deleted_jobs.append(name)
            del self.jobs[name]
            return Answer(202)
        job["polls"] += 1
        if job["polls"] <= self.polls:
            return Answer(202, b"", {"X-Progress": f"{job['polls']} of {self.polls}", "Retry-After": "7"})
        told: dict[str, Any] = {
            "transactionTime": stamp(job["moment"]), "request": "x", "requiresAccessToken": bool(self.clients),
            "output": [], "deleted": [], "error": [],
        }  # fmt: skip
        for form, kind, file, lines in job["files"]:
            told[form].append(
                {"type": kind, "url": f"{self.file_root or self.root}/files/{name}/{file}", "count": len(lines)}
            )
        return _json({**told, **self.manifest_extra})

    def _file(self, place: str, headers: dict[str, str]) -> Answer:
        name, _, file = place.partition("/")
        found = [lines for _, _, own, lines in self.jobs.get(name, {"files": []})["files"] if own == file]
        if not found:
            return _json(outcome("not-found", "Expired"), 404)
        body = ("\n".join(found[0]) + "\n").encode()
        told = {"Content-Type": "application/fhir+ndjson", **({"ETag": f'"{name}-{file}"'} if self.etags else {})}
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if not (self.ranges and wanted and headers.get("if-range") == told.get("ETag")):
            return Answer(200, body, told)
        start = int(wanted[1])
        if start >= len(body):
            return Answer(416, b"", {**told, "Content-Range": f"bytes */{len(body)}"})
        return Answer(206, body[start:], {**told, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that was killed in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    owner: FhirServer
    protocol_version = "HTTP/1.1"
    timeout = 20
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_GET  # noqa: N815 - the name http.server calls
    do_DELETE = do_GET  # noqa: N815 - the name http.server calls

    def _handle(self) -> None:
        owner = self.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with owner._lock:
            owner.seen.append((self.command, self.path, headers))
            number = len(owner.seen)
        fault = self._fault()
        answer = owner.answer(self.command, self.path, headers, body)
        if fault is not None:
            if fault.slow:
                time.sleep(fault.slow)
            if fault.status:
                answer = Answer(fault.status, fault.body, fault.headers)
            elif fault.headers:
                answer.headers |= fault.headers
            if fault.change:
                answer.body = fault.change(answer.body)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send(answer, fault.drop if fault else None, "gzip" in headers.get("accept-encoding", ""))
        owner.answered(number)

    def _fault(self) -> Fault | None:
        for fault in self.owner.faults:
            if re.search(fault.match, f"{self.command} {self.path}") and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _send(self, answer: Answer, drop: int | None, zipped: bool) -> None:
        body, headers = answer.body, dict(answer.headers)
        if zipped and self.owner.compress and body and "Content-Encoding" not in headers:
            body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
        headers.setdefault("Content-Length", str(len(body)))
        headers.setdefault("Date", http_date(self.owner.now()))
        self.send_response_only(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if drop is None else body[:drop])
        self.wfile.flush()
        if drop is not None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _json(told: Resource, status: int = 200) -> Answer:
    return Answer(status, json.dumps(told).encode(), {"Content-Type": "application/fhir+json"})


def _unbase(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def stamp(moment: float) -> str:
    """A FHIR instant of seconds since 1970."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> float:
    """Seconds since 1970 of an instant."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def http_date(moment: float) -> str:
    """A date as HTTP writes it."""
    from email.utils import formatdate

    return formatdate(moment, usegmt=True)


def _patient_is(both: tuple[float, Resource], value: str) -> bool:
    one = both[1]
    pointer = one.get("subject") or one.get("patient") or {}
    return str(pointer.get("reference", "")).rpartition("/")[2] == value.removeprefix("Patient/")


def _updated(both: tuple[float, Resource], value: str) -> bool:
    # what a client sees has milliseconds
    return both[0] + STEP >= parse(value.removeprefix("ge"))


def _category(both: tuple[float, Resource], value: str) -> bool:
    codes = {coding.get("code") for one in both[1].get("category", []) for coding in one.get("coding", [])}
    return bool(codes & set(value.split(",")))


def _always(_both: tuple[float, Resource], _value: str) -> bool:
    return True


_SEARCHED: dict[str, Callable[[tuple[float, Resource], str], bool]] = {
    "patient": _patient_is, "subject": _patient_is, "_lastUpdated": _updated, "category": _category,
    "_id": lambda both, value: both[1]["id"] in value.split(","),
    "_count": _always, "_offset": _always, "_include": _always,
}  # fmt: skip


def patients(number: int, *, hours: int = 6, seed: int = 0) -> list[Resource]:
    """Made-up patients with vital signs, a drug with its reference, a procedure and a device; always the same."""
    return [one for patient in range(number) for one in _patient(patient, hours, seed)]


def _patient(number: int, hours: int, seed: int) -> Iterator[Resource]:
    name = f"p{seed}-{number}"
    subject = {"reference": f"Patient/{name}"}
    yield {"resourceType": "Patient", "id": name, "gender": "unknown"}
    yield {
        "resourceType": "Encounter",
        "id": f"e-{name}",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": subject,
    }
    if number < 3:
        yield {"resourceType": "Medication", "id": f"drug-{number}", "code": {"text": f"drug {number}"}}
    yield {
        "resourceType": "MedicationAdministration", "id": f"m-{name}", "status": "completed", "subject": subject,
        "medicationReference": {"reference": f"Medication/drug-{number % 3}"},
        "effectiveDateTime": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    yield {"resourceType": "Procedure", "id": f"x-{name}", "status": "completed", "subject": subject}
    yield {"resourceType": "Condition", "id": f"c-{name}", "subject": subject}
    for hour in range(hours):
        yield {
            "resourceType": "Observation", "id": f"o-{name}-{hour:03}", "status": "final", "subject": subject,
            "category": [{"coding": [{"code": "vital-signs"}]}],
            "effectiveDateTime": f"2026-03-01T{hour % 24:02}:00:00Z",
            "valueQuantity": {"value": 37.0 + hour / 10, "unit": "Cel", "code": "Cel"},
        }  # fmt: skip
