"""What the tests of `cytowatch fetch` share: a clock that does not wait, a run on a server, and what a folder holds."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lib.fhir_server import FhirServer

from cytowatch.fetch.addresses import Addresses
from cytowatch.fetch.clock import Clock
from cytowatch.fetch.limits import DEFAULT, Limits
from cytowatch.fetch.question import Question, Way, wanted_patients, wanted_since, wanted_types
from cytowatch.fetch.report import Report
from cytowatch.fetch.run import Access, Credentials, fetch
from cytowatch.fetch.web import Line

QUICK = replace(DEFAULT, connect_seconds=5.0, read_seconds=5.0)


@dataclass
class Watch:
    """A clock on which waiting takes no time; the server of a test goes by it too."""

    ahead: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.ahead += seconds

    def clock(self, seed: int = 0) -> Clock:
        return Clock(
            now=lambda: datetime.fromtimestamp(self.now(), UTC),
            seconds=lambda: time.monotonic() + self.ahead,
            sleep=self.sleep,
            chance=random.Random(seed),  # noqa: S311 - no secret
        )


def ask(
    server: FhirServer,
    out: Path,
    *,
    watch: Watch | None = None,
    way: Way = "search",
    patients: list[str] | None = None,
    types: list[str] | None = None,
    since: str | None = None,
    count: int = 5,
    group: str = "",
    hosts: tuple[str, ...] = (),
    credentials: Credentials | None = None,
    limits: Limits = QUICK,
    ca_file: Path | None = None,
) -> Report:
    """Fetch from a server of a test."""
    question = Question(
        server.base, way, wanted_patients(patients), group, wanted_types(types), wanted_since(since), count
    )
    access = Access(Addresses(server.base, hosts), credentials, Line(ca_file))
    return fetch(access, question, out, clock=(watch or Watch()).clock(), limits=limits)


def lines(folder: Path, kind: str) -> list[str]:
    """The lines of a resource type."""
    path = folder / f"{kind}.ndjson"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def names(folder: Path, kind: str) -> list[str]:
    """The ids of a resource type, as they stand."""
    return [json.loads(line)["id"] for line in lines(folder, kind)]


def held(folder: Path) -> dict[str, bytes]:
    """Every published file by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.ndjson"))}


def in_server(server: FhirServer, kinds: set[str]) -> set[tuple[str, str, str]]:
    """Type, id and version of what a server holds now."""
    return {(kind, one["id"], one["meta"]["versionId"]) for kind in kinds for _, one in server.current(kind)}


def in_folder(folder: Path) -> list[tuple[str, str, str]]:
    """Type, id and version of each line of a folder; with doubles, if there are any."""
    found: list[dict[str, Any]] = [
        json.loads(line) for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()
    ]
    return [(one["resourceType"], one["id"], one["meta"]["versionId"]) for one in found]
