"""The same against a FHIR server that others wrote: sekmet-fhir, installed beside the tests or named by SEKMET.

It is no dependency: the tests are skipped where there is none.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk
from tests.lib.fetching import in_folder, lines, names
from tests.lib.fhir_server import patients

from cytowatch.cli import run

PROGRAM = os.environ.get("SEKMET") or shutil.which("sekmet")
KEY = jwk.ECKey.generate_key("P-384", {"kid": "ward"}, private=True)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="sekmet is not installed")


@dataclass
class Other:
    """A running server."""

    base: str
    options: list[str]
    counts: dict[str, int]


def post(base: str, told: dict[str, Any], token: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - this machine
        base, json.dumps(told).encode(), {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - this machine
        assert answer.status == 200


def wait(base: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "it did not start"
        try:
            with urllib.request.urlopen(f"{base}/metadata", timeout=5):  # noqa: S310 - this machine
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("it does not answer")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    folder = tmp_path_factory.mktemp("sekmet")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    public = {"keys": [KEY.as_dict(private=False)]}
    settings = {
        "base_url": base, "host": "127.0.0.1", "port": port, "data_dir": str(folder / "data"),
        "simulator": {"enabled": False, "delay_seconds": 0.0}, "validation": {"inbound": "off"},
        "server_auth": {"types": ["smart", "bearer"], "tokens": ["of-the-test"],
                        "smart_clients": [{"client_id": "us", "jwks": public, "scopes": "system/*.*"}]},
    }  # fmt: skip
    (folder / "settings.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "key.json").write_text(json.dumps(KEY.as_dict(private=True)), encoding="utf-8")
    command = [str(PROGRAM), "serve", "--config", "settings.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        wait(base, process)
        resources = patients(6)
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        post(base, {"resourceType": "Bundle", "type": "transaction", "entry": entries}, "of-the-test")
        kinds = [one["resourceType"] for one in resources]
        options = ["--client-id", "us", "--key", str(folder / "key.json"), "--scope", "system/*.rs"]
        yield Other(base, options, {kind: kinds.count(kind) for kind in kinds})
    finally:
        process.terminate()
        process.wait(20)


def test_searches(other: Other, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["fetch", other.base, "--out", str(out), "--count", "4", *other.options]) == 0
    assert {kind: len(lines(out, kind)) for kind in other.counts} == other.counts
    before = in_folder(out)
    assert run(["fetch", other.base, "--out", str(out), "--count", "4", *other.options]) == 0
    assert in_folder(out) == before


def test_one_patient(other: Other, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["fetch", other.base, "--out", str(out), "--patient", "p0-2", *other.options]) == 0
    assert names(out, "Patient") == ["p0-2"]
    assert len(names(out, "Observation")) == 6
    assert names(out, "Medication") == ["drug-2"]


def test_an_export(other: Other, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["fetch", other.base, "--out", str(out), "--bulk", "--whole-system", *other.options]) == 0
    found = {kind: len(lines(out, kind)) for kind in other.counts}
    assert found == other.counts


def test_a_wrong_key(other: Other, tmp_path: Path) -> None:
    key = tmp_path / "other.json"
    key.write_text(json.dumps(jwk.ECKey.generate_key("P-384", {"kid": "ward"}).as_dict(private=True)), encoding="utf-8")
    assert run(["fetch", other.base, "--out", str(tmp_path / "out"), "--client-id", "us", "--key", str(key)]) == 2
